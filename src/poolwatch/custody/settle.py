"""Brings a new login home: from the reply to the login file, whole, verified, and never over another's."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from pathlib import Path
from typing import Final

from poolwatch.custody.auth_file import Document, Fingerprint, Login, login_in
from poolwatch.custody.errand import Errand, read_settled, settled_login, space_name
from poolwatch.custody.failpoint import reach
from poolwatch.custody.files import FileStamp, Reservation, replace_problem, shown, write_private
from poolwatch.custody.journal import Entry, Journal, Stage, open_attempts
from poolwatch.custody.json_text import render
from poolwatch.custody.memory import is_used_up
from poolwatch.custody.merge import Grant, merged, parse_grant, standalone
from poolwatch.custody.state_dir import StateDir
from poolwatch.custody.waiting import Reply, is_stored, kept_logins
from poolwatch.domain.failure import FailureKind, LoginProblem, worded
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.domain.values import replace

_WRITE_TRIES: Final = 5
_WRITE_PAUSE_SECONDS: Final = 0.1


class _Rest(Enum):
    """What becomes of the pending reply."""

    DONE = auto()
    #: still the only copy of the login
    WAITS = auto()
    UNREADABLE = auto()


@dataclass(frozen=True, slots=True)
class _Stored:
    step: TokenStep
    rest: _Rest
    replaced: bool


def bring_home(
    state: StateDir,
    errand: Errand,
    body: bytes,
    fingerprint: Fingerprint,
    now: datetime,
    space: Reservation | None = None,
    took_seconds: float | None = None,
) -> TokenStep:
    """Store the reply of an exchange in its login file, note the end, and let go of the pending copy.

    The caller holds the lock of the login. `space` is where the new file was made ready, if it was.
    """
    copies = (state.part(errand.account), state.pending(errand.account))
    return _bring_home(state, errand, body, fingerprint, now, copies, space, took_seconds)


def finish_reply(
    state: StateDir, reply: Reply, files: Iterable[Path], fingerprint: Fingerprint, now: datetime
) -> tuple[Path, TokenStep]:
    """Bring home the reply of an interrupted process, without any network, to the first file that takes it.

    The login may have been moved since. Returns the resolved file too. The caller holds the login's lock.
    """
    errand = reply.errand
    grant = parse_grant(reply.body)
    places = dict.fromkeys(Path(os.path.realpath(file)) for file in files)
    fitting = (
        each for each in places if grant is not None and _takes(state, each, errand, grant, fingerprint)
    )
    there = _at(errand, next(fitting, errand.file))
    step = _bring_home(state, there, reply.body, fingerprint, now, reply.copies)
    _remove_space(space_name(errand.file, errand.attempt))
    return there.file, step


def _at(errand: Errand, file: Path) -> Errand:
    """The errand where the login lies now."""
    return errand if file == errand.file else replace(errand, file=file, key=errand.account)


def _bring_home(
    state: StateDir,
    errand: Errand,
    body: bytes,
    fingerprint: Fingerprint,
    now: datetime,
    copies: tuple[Path, ...],
    space: Reservation | None = None,
    took_seconds: float | None = None,
) -> TokenStep:
    stored = _store(state, errand, body, fingerprint, now, space)
    step = replace(stored.step, took_seconds=took_seconds)
    noted = False
    with contextlib.suppress(OSError):
        entry = errand.entry(Stage.ENDED, now, step, replaced=stored.replaced)
        Journal(state.journal(errand.account)).append(entry)
        noted = True
    reach("done")
    if noted and stored.rest is not _Rest.WAITS:
        _remove_space(errand.space)
        for copy in copies:
            with contextlib.suppress(OSError):
                if stored.rest is _Rest.UNREADABLE:
                    aside = state.unreadable(errand.attempt)
                    copy.rename(state.damaged(errand.account) if os.path.lexists(aside) else aside)
                else:
                    copy.unlink()
    return step


def adopt_kept(state: StateDir, file: Path, fingerprint: Fingerprint, now: datetime) -> tuple[Path, ...]:
    """Put kept logins into a resolved file of their account that holds nothing newer, without any network.

    Returns the kept files that were brought home; one whose login is in the file, or was renewed since, goes
    in silence. The caller holds the lock of the login. Raises OSError.
    """
    home: list[Path] = []
    for kept in kept_logins(state, fingerprint):
        document = read_settled(file)
        login = login_in(document.root, fingerprint) if isinstance(document, Document) else None
        if not isinstance(document, Document) or login is None or not kept.is_of(login, file):
            continue
        grant, mark = kept.grant, kept.login.refresh_fingerprint
        account = kept.account_of(login, file)
        if not grant.is_in(login) and (mark is None or not is_used_up(state, account, mark)):
            another = grant.is_for_another(login.user_id, login.account_id, login)
            if another or not _is_outdated(state, login, account):
                continue
            problem = replace_problem(file)
            if problem is not None:
                continue
            content = render(merged(document.root, login.shape, grant, now))
            beside = Reservation(space_name(file, kept.attempt), len(content))
            _become(file, content, document.stamp, beside)
            if not _holds(file, grant, fingerprint):
                continue
            home.append(kept.path)
        kept.path.unlink(missing_ok=True)
    return tuple(home)


def clear_space(entries: Iterable[Entry]) -> None:
    """Give back the space of attempts that never ended; the caller holds the lock of their login.

    Only names of our own go, with an attempt that stands in the journal.
    """
    for entry in open_attempts(entries).values():
        if entry.file:
            _remove_space(space_name(Path(entry.file), entry.attempt))


def _remove_space(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _store(
    state: StateDir,
    errand: Errand,
    body: bytes,
    fingerprint: Fingerprint,
    now: datetime,
    space: Reservation | None,
) -> _Stored:
    grant = parse_grant(body)
    if grant is None:
        return _Stored(
            ambiguous(errand, "the login service answered with something unreadable"), _Rest.UNREADABLE, False
        )
    replaced = grant.refresh is not None and fingerprint(grant.refresh) != errand.refresh_fingerprint
    trouble = "it cannot be written"
    for turn in range(_WRITE_TRIES):
        if turn:
            time.sleep(_WRITE_PAUSE_SECONDS)
        moved = _at(errand, Path(os.path.realpath(errand.file)))
        if moved is not errand:
            # a link took the file's place
            errand, space = moved, None
        document = read_settled(errand.file)
        login = login_in(document.root, fingerprint) if isinstance(document, Document) else None
        if not isinstance(document, Document) or login is None:
            return _keep_apart(state, errand, grant, None, now, body, replaced)
        if grant.is_in(login):
            return _Stored(_stored_step(errand, grant), _Rest.DONE, replaced)
        if not _is_for(login, errand, state) or _differs(grant, errand, login):
            return _keep_apart(state, errand, grant, login, now, body, replaced)
        try:
            content = render(merged(document.root, login.shape, grant, now))
            _replace(errand, content, document.stamp, space)
        except OSError as error:
            trouble = (error.strerror or "input/output error").lower()
        space = None
    words = f"the new login could not be written to {shown(errand.file)} ({trouble})"
    if _copy(state, errand, body) is None:
        return _Stored(ambiguous(errand, f"{words}, nor kept anywhere: it is lost"), _Rest.WAITS, replaced)
    words += "; it is kept for the next refresh"
    step = TokenStep(
        TokenOutcome.FAILED,
        failure=worded(FailureKind.BLOCKED, words, detail=shown(errand.file)),
        detail=shown(errand.file),
        refresh_fingerprint=errand.refresh_fingerprint,
    )
    return _Stored(step, _Rest.WAITS, replaced)


def _takes(state: StateDir, file: Path, errand: Errand, grant: Grant, fingerprint: Fingerprint) -> bool:
    login = settled_login(file, fingerprint)
    return login is not None and (grant.is_in(login) or _is_for(login, errand, state))


def _is_for(login: Login, errand: Errand, state: StateDir) -> bool:
    """Whether a login waits for the reply: the account's, with the token that was sent or an older one."""
    if (login.user_id, login.account_id) != errand.ids:
        return False
    if login.refresh_fingerprint == errand.refresh_fingerprint:
        return True
    try:
        return _is_outdated(state, login, errand.account)
    except OSError:
        return False


def _is_outdated(state: StateDir, login: Login, account: str) -> bool:
    """Whether the login cannot be renewed any more: the journal calls its token replaced, or it has none."""
    mark = login.refresh_fingerprint
    return mark is None or is_used_up(state, account, mark)


def _holds(file: Path, grant: Grant, fingerprint: Fingerprint) -> bool:
    login = settled_login(file, fingerprint)
    return login is not None and grant.is_in(login)


def _copy(state: StateDir, errand: Errand, body: bytes) -> Path | None:
    """Where the reply waits in the state directory; written once more if it does not. None: nowhere."""
    copies = (state.pending(errand.account), state.part(errand.account))
    for copy in copies:
        if is_stored((copy,), errand.attempt):
            return copy
    written = state.prepare() is None and write_private(copies[0], errand.sealed(body)) is None
    return copies[0] if written else None


def _replace(errand: Errand, content: bytes, stamp: FileStamp, space: Reservation | None) -> None:
    if space is None:
        problem = replace_problem(errand.file)
        if problem is not None:
            raise OSError(0, problem.words)
        space = Reservation(errand.space, len(content))
    _become(errand.file, content, stamp, space)


def _become(file: Path, content: bytes, stamp: FileStamp, space: Reservation) -> None:
    """Put the content in the place of a file, unless that is another by now: then the caller decides anew."""
    try:
        space.fill(content)
        reach("merged")
        if FileStamp.of(file.stat(follow_symlinks=False)) == stamp:
            space.become(file)
            reach("replaced")
    finally:
        space.discard()


def _differs(grant: Grant, errand: Errand, login: Login | None) -> bool:
    # what the file names counts while it holds the login that was spent
    same = login is not None and login.refresh_fingerprint == errand.refresh_fingerprint
    return grant.is_for_another(errand.user_id, errand.account_id, login if same else None)


def _stored_step(errand: Errand, grant: Grant) -> TokenStep:
    if grant.access is not None:
        return TokenStep(TokenOutcome.REFRESHED, refresh_fingerprint=errand.refresh_fingerprint)
    return TokenStep(
        TokenOutcome.FAILED,
        failure=worded(FailureKind.MALFORMED, "the reply held no access token; its refresh token was stored"),
        refresh_fingerprint=errand.refresh_fingerprint,
    )


def _keep_apart(
    state: StateDir,
    errand: Errand,
    grant: Grant,
    current: Login | None,
    now: datetime,
    body: bytes,
    replaced: bool,
) -> _Stored:
    """The file is another by now: it is left alone, and the new login waits in the state directory."""
    kept = state.kept(errand.attempt)
    problem = state.prepare() or write_private(kept, render(standalone(grant, errand.account_id, now)))
    rest = _Rest.WAITS if problem is not None else _Rest.DONE
    mark = errand.refresh_fingerprint
    place = kept if problem is None else _copy(state, errand, body)
    if place is None:
        why = problem.words if problem is not None else ""
        return _Stored(ambiguous(errand, f"the new login could not be kept: {why}"), rest, replaced)
    if _differs(grant, errand, current):
        step = ambiguous(
            errand,
            f"the reply was for another account; it is kept in {shown(place)}",
            FailureKind.OTHER_ACCOUNT,
        )
        return _Stored(step, rest, replaced)
    if current is not None and (current.user_id, current.account_id) == errand.ids:
        # signed in anew meanwhile: the file is as good as the reply
        detail = shown(kept) if problem is None else None
        return _Stored(
            TokenStep(TokenOutcome.ADOPTED, detail=detail, refresh_fingerprint=mark), rest, replaced
        )
    what = "is gone or unreadable" if current is None else "holds another account"
    words = f"{shown(errand.file)} {what} by now and was left alone; the new login is kept in {shown(place)}"
    if problem is not None:
        words += f" until there is room for it ({problem.words})"
    # only a whole login can be imported, which the reply as it came is not
    kind = FailureKind.KEPT if problem is None else FailureKind.BLOCKED
    failure = worded(kind, words, detail=shown(place))
    step = TokenStep(TokenOutcome.FAILED, failure=failure, detail=shown(place), refresh_fingerprint=mark)
    return _Stored(step, rest, replaced)


def ambiguous(errand: Errand, words: str, kind: FailureKind = FailureKind.AMBIGUOUS) -> TokenStep:
    """The outcome of an exchange whose reply is lost: the token may be spent, so it is not sent unasked."""
    return TokenStep(
        TokenOutcome.AMBIGUOUS,
        problem=LoginProblem.AMBIGUOUS,
        failure=worded(kind, words, login_problem=LoginProblem.AMBIGUOUS),
        lost_at=errand.at,
        refresh_fingerprint=errand.refresh_fingerprint,
    )
