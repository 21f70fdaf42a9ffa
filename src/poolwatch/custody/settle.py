"""Brings a new login home: from the reply to the login file, whole, verified, and never over another's."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from pathlib import Path
from typing import Final

from poolwatch.custody.auth_file import Document, Fingerprint, Login, login_in
from poolwatch.custody.errand import Errand, read_settled, unsealed
from poolwatch.custody.failpoint import reach
from poolwatch.custody.files import FileStamp, Reservation, replace_problem, shown, write_private
from poolwatch.custody.journal import Journal, Stage
from poolwatch.custody.json_text import render
from poolwatch.custody.merge import Grant, merged, parse_grant, standalone
from poolwatch.custody.state_dir import StateDir
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.domain.remake import replace

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

    The caller holds the lock of the file. `space` is where the new file was made ready, if it was.
    """
    stored = _store(state, errand, body, fingerprint, now, space)
    step = replace(stored.step, took_seconds=took_seconds)
    noted = False
    with contextlib.suppress(OSError):
        entry = errand.entry(Stage.ENDED, now, step, replaced=stored.replaced)
        Journal(state.journal(errand.account)).append(entry)
        noted = True
    reach("done")
    if noted and stored.rest is not _Rest.WAITS:
        _let_go(state, errand, stored.rest)
    return step


def _let_go(state: StateDir, errand: Errand, rest: _Rest) -> None:
    with contextlib.suppress(OSError):
        errand.beside.unlink()
    for copy in (state.part(errand.lock), state.pending(errand.lock)):
        with contextlib.suppress(OSError):
            if rest is _Rest.UNREADABLE:
                copy.rename(state.unreadable(errand.attempt))
            else:
                copy.unlink()


def finish_pending(
    state: StateDir, lock: str, fingerprint: Fingerprint, now: datetime
) -> tuple[Errand, TokenStep] | None:
    """Bring home the reply that an interrupted process left behind, without any network. None: there is none.

    The caller holds the lock with this key.
    """
    pending, part = state.pending(lock), state.part(lock)
    found = unsealed(pending)
    if found is None:
        found = unsealed(part)
        if found is None or parse_grant(found[1]) is None:
            # set aside before the token was sent, and never filled
            with contextlib.suppress(OSError):
                part.unlink()
            return None
        part.replace(pending)
    errand, body = found
    return errand, bring_home(state, errand, body, fingerprint, now)


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
        document = read_settled(errand.file)
        login = login_in(document.root, fingerprint) if isinstance(document, Document) else None
        if not isinstance(document, Document) or login is None:
            return _set_aside(state, errand, grant, None, now, body, replaced)
        if grant.is_in(login):
            return _Stored(_stored_step(errand, grant), _Rest.DONE, replaced)
        if login.refresh_fingerprint != errand.refresh_fingerprint or _differs(grant, errand):
            return _set_aside(state, errand, grant, login, now, body, replaced)
        try:
            content = render(merged(document.root, login.shape, grant, now))
            _replace(errand, content, document.stamp, space)
        except OSError as error:
            trouble = (error.strerror or "input/output error").lower()
        space = None
    words = f"the new login could not be written to {shown(errand.file)} ({trouble})"
    if not _is_kept(state, errand, body):
        return _Stored(ambiguous(errand, f"{words}, nor kept anywhere: it is lost"), _Rest.WAITS, replaced)
    words += "; it is kept for the next r"
    step = TokenStep(
        TokenOutcome.FAILED,
        failure=Failure(FailureKind.BLOCKED, words, detail=shown(errand.file)),
        detail=shown(errand.file),
        refresh_fingerprint=errand.refresh_fingerprint,
    )
    return _Stored(step, _Rest.WAITS, replaced)


def _is_kept(state: StateDir, errand: Errand, body: bytes) -> bool:
    """Whether the reply waits in the state directory; written once more if it does not."""
    for copy in (state.pending(errand.lock), state.part(errand.lock)):
        found = unsealed(copy)
        if found is not None and found[0].attempt == errand.attempt and parse_grant(found[1]) is not None:
            return True
    return write_private(state.pending(errand.lock), errand.sealed(body)) is None


def _replace(errand: Errand, content: bytes, stamp: FileStamp, space: Reservation | None) -> None:
    if space is None:
        problem = replace_problem(errand.file)
        if problem is not None:
            raise OSError(0, problem.words)
        space = Reservation(errand.beside, len(content))
    try:
        space.fill(content)
        reach("merged")
        # changed meanwhile: the caller reads it again and decides anew
        if FileStamp.of(errand.file.stat(follow_symlinks=False)) == stamp:
            space.become(errand.file)
            reach("replaced")
    finally:
        space.discard()


def _differs(grant: Grant, errand: Errand) -> bool:
    said = grant.claims
    return any(
        ours is not None and theirs is not None and ours != theirs
        for ours, theirs in ((errand.account_id, said.account_id), (errand.user_id, said.user_id))
    )


def _stored_step(errand: Errand, grant: Grant) -> TokenStep:
    if grant.access is not None:
        return TokenStep(TokenOutcome.REFRESHED, refresh_fingerprint=errand.refresh_fingerprint)
    return TokenStep(
        TokenOutcome.FAILED,
        failure=Failure(
            FailureKind.MALFORMED, "the reply held no access token; its refresh token was stored"
        ),
        refresh_fingerprint=errand.refresh_fingerprint,
    )


def _set_aside(
    state: StateDir,
    errand: Errand,
    grant: Grant,
    current: Login | None,
    now: datetime,
    body: bytes,
    replaced: bool,
) -> _Stored:
    """The file holds another login by now: it is left alone, and the new one is kept beside the journal."""
    kept = state.kept(errand.attempt)
    workspace = grant.claims.account_id if _differs(grant, errand) else errand.workspace
    problem = write_private(kept, render(standalone(grant, workspace or errand.account_id, now)))
    rest = _Rest.WAITS if problem is not None else _Rest.DONE
    mark = errand.refresh_fingerprint
    if _differs(grant, errand):
        step = ambiguous(
            errand,
            f"the reply was for another account; it is kept in {shown(kept)}",
            FailureKind.OTHER_ACCOUNT,
        )
        return _Stored(step, rest, replaced)
    ours = (errand.user_id, errand.account_id)
    if current is not None and (current.user_id, current.token_account_id) == ours:
        return _Stored(
            TokenStep(TokenOutcome.ADOPTED, detail=shown(kept), refresh_fingerprint=mark), rest, replaced
        )
    if problem is not None and not _is_kept(state, errand, body):
        return _Stored(ambiguous(errand, f"the new login could not be kept: {problem.words}"), rest, replaced)
    what = "is gone or unreadable" if current is None else "holds another account"
    words = f"{shown(errand.file)} {what} by now and was left alone; the new login is kept in {shown(kept)}"
    failure = Failure(FailureKind.OTHER_ACCOUNT, words, detail=shown(kept))
    step = TokenStep(TokenOutcome.FAILED, failure=failure, detail=shown(kept), refresh_fingerprint=mark)
    return _Stored(step, rest, replaced)


def ambiguous(errand: Errand, words: str, kind: FailureKind = FailureKind.AMBIGUOUS) -> TokenStep:
    """The outcome of an exchange whose reply is lost: the token may be spent, so it is not sent unasked."""
    return TokenStep(
        TokenOutcome.AMBIGUOUS,
        problem=LoginProblem.AMBIGUOUS,
        failure=Failure(kind, words, login_problem=LoginProblem.AMBIGUOUS),
        lost_at=errand.at,
        refresh_fingerprint=errand.refresh_fingerprint,
    )


def leftovers(state: StateDir) -> tuple[str, ...]:
    """The keys of the locks under which a reply may be waiting. Raises OSError."""
    names = (
        path.name for path in state.custody.iterdir() if path.name.endswith((".pending", ".pending.part"))
    )
    return tuple(sorted({Path(name).name.partition(".")[0] for name in names}))
