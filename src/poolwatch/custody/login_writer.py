"""Brings a new login home: from the reply to the login file, whole, verified, and never over another's."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from pathlib import Path
from typing import Final

from poolwatch.custody.attempt import (
    JournalEntry,
    RefreshAttempt,
    RefreshJournal,
    read_settled,
    settled_login,
    space_name,
)
from poolwatch.custody.grant import Grant, merged, parse_grant, render, standalone
from poolwatch.custody.login_file import Document, Fingerprint, Login, login_in
from poolwatch.custody.outcomes import ambiguous, clause, failed, failed_at, shown
from poolwatch.custody.spent_tokens import is_outdated, is_used_up
from poolwatch.custody.state_dir import StateDir
from poolwatch.custody.waiting import Reply, is_stored, kept_logins
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.message import Message, message
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem, FileStamp, Reservation, write_whole
from poolwatch.host.mounts import shared_problem
from poolwatch.once.journal import Stage, open_attempts
from poolwatch.once.process import reach

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


@dataclass(frozen=True, slots=True)
class LoginWriter:
    """Stores replies in login files. The caller holds the lock of the login, whatever is called."""

    state: StateDir
    fingerprint: Fingerprint
    now: datetime

    def bring_home(
        self,
        attempt: RefreshAttempt,
        body: bytes,
        space: Reservation | None = None,
        took_seconds: float | None = None,
    ) -> TokenStep:
        """Store the reply of an exchange in its login file, note the end, and let go of the pending copy.

        `space` is where the new file was made ready, if it was.
        """
        copies = (self.state.part(attempt.account), self.state.pending(attempt.account))
        return self._bring_home(attempt, body, copies, space, took_seconds)

    def finish_reply(self, reply: Reply, files: Iterable[Path]) -> tuple[Path, TokenStep]:
        """Bring home the reply of an interrupted process, without network, to the first file that takes it.

        The login may have been moved since. Returns the resolved file too.
        """
        attempt = reply.attempt
        grant = parse_grant(reply.body)
        places = dict.fromkeys(Path(os.path.realpath(file)) for file in files)
        fitting = (each for each in places if grant is not None and self._takes(each, attempt, grant))
        there = _at(attempt, next(fitting, attempt.file))
        step = self._bring_home(there, reply.body, reply.copies)
        _remove(attempt.space)
        return there.file, step

    def adopt_kept(self, file: Path) -> tuple[Path, ...]:
        """Put kept logins into a resolved file of their account that holds nothing newer, without network.

        Returns the kept files that were brought home; one whose login is in the file, or was renewed since,
        goes in silence. Raises OSError.
        """
        home: list[Path] = []
        for kept in kept_logins(self.state, self.fingerprint):
            document = read_settled(file)
            login = self._login(document)
            if not isinstance(document, Document) or login is None or not kept.is_of(login, file):
                continue
            grant, mark = kept.grant, kept.login.refresh_fingerprint
            account = kept.account_of(login, file)
            if not grant.is_in(login) and (mark is None or not is_used_up(self.state, account, mark)):
                another = grant.is_for_another(login.user_id, login.account_id, login)
                if another or not is_outdated(self.state, account, login.refresh_fingerprint):
                    continue
                if replace_problem(file) is not None:
                    continue
                content = render(merged(document.root, login.shape, grant, self.now))
                beside = Reservation(space_name(file, kept.attempt), len(content))
                _become(file, content, document.stamp, beside)
                written = settled_login(file, self.fingerprint)
                if not isinstance(written, Login) or not grant.is_in(written):
                    continue
                home.append(kept.path)
            kept.path.unlink(missing_ok=True)
        return tuple(home)

    def _bring_home(
        self,
        attempt: RefreshAttempt,
        body: bytes,
        copies: tuple[Path, ...],
        space: Reservation | None = None,
        took_seconds: float | None = None,
    ) -> TokenStep:
        stored = self._store(attempt, body, space)
        step = replace(stored.step, took_seconds=took_seconds)
        noted = False
        with contextlib.suppress(OSError):
            entry = attempt.entry(Stage.ENDED, self.now, step, replaced=stored.replaced)
            RefreshJournal(self.state.journal(attempt.account)).append(entry)
            noted = True
        reach("done")
        if noted and stored.rest is not _Rest.WAITS:
            _remove(attempt.space)
            for copy in copies:
                with contextlib.suppress(OSError):
                    if stored.rest is _Rest.UNREADABLE:
                        aside = self.state.unreadable(attempt.id)
                        taken = os.path.lexists(aside)
                        copy.rename(self.state.damaged(attempt.account) if taken else aside)
                    else:
                        copy.unlink()
        return step

    def _store(self, attempt: RefreshAttempt, body: bytes, space: Reservation | None) -> _Stored:
        grant = parse_grant(body)
        if grant is None:
            return _Stored(_lost(attempt, message("custody.unreadable_reply")), _Rest.UNREADABLE, False)
        mark = attempt.refresh_fingerprint
        replaced = grant.refresh is not None and self.fingerprint(grant.refresh) != mark
        trouble = FileProblem("custody.keeps_changing", attempt.file)
        for turn in range(_WRITE_TRIES):
            if turn:
                time.sleep(_WRITE_PAUSE_SECONDS)
            moved = _at(attempt, Path(os.path.realpath(attempt.file)))
            if moved is not attempt:
                # a link took the file's place
                attempt, space = moved, None
            document = read_settled(attempt.file)
            login = self._login(document)
            if not isinstance(document, Document) or login is None:
                return self._keep_apart(attempt, grant, None, body, replaced)
            if grant.is_in(login):
                return _Stored(_stored_step(grant, mark), _Rest.DONE, replaced)
            if not self._is_for(login, attempt) or _differs(grant, attempt, login):
                return self._keep_apart(attempt, grant, login, body, replaced)
            content = render(merged(document.root, login.shape, grant, self.now))
            trouble = _replace(attempt, content, document.stamp, space) or trouble
            space = None
        path, why = shown(attempt.file), clause(trouble)
        if self._copy(attempt, body) is None:
            lost = _lost(attempt, message("custody.not_written_lost", path=path, why=why))
            return _Stored(lost, _Rest.WAITS, replaced)
        waits = message("custody.not_written_waits", path=path, why=why)
        return _Stored(failed_at(attempt.file, FailureKind.BLOCKED, waits, mark), _Rest.WAITS, replaced)

    def _keep_apart(
        self, attempt: RefreshAttempt, grant: Grant, current: Login | None, body: bytes, replaced: bool
    ) -> _Stored:
        """The file is another by now: it is left alone, and the new login waits in the state directory."""
        kept = self.state.kept(attempt.id)
        content = render(standalone(grant, attempt.account_id, self.now))
        problem = self.state.prepare() or write_whole(kept, content)
        rest = _Rest.WAITS if problem is not None else _Rest.DONE
        mark = attempt.refresh_fingerprint
        place = kept if problem is None else self._copy(attempt, body)
        if place is None and problem is not None:
            why = message("custody.not_kept", path=shown(problem.path), why=clause(problem))
            return _Stored(_lost(attempt, why), rest, replaced)
        if place is None or _differs(grant, attempt, current):
            why = message("custody.for_another", place=shown(place or kept))
            return _Stored(_lost(attempt, why, FailureKind.OTHER_ACCOUNT), rest, replaced)
        if current is not None and (current.user_id, current.account_id) == attempt.ids:
            # signed in anew meanwhile: the file is as good as the reply
            detail = shown(kept) if problem is None else None
            adopted = TokenStep(TokenOutcome.ADOPTED, detail=detail, refresh_fingerprint=mark)
            return _Stored(adopted, rest, replaced)
        code = "custody.file_gone" if current is None else "custody.file_of_another"
        why = message(code, path=shown(attempt.file), place=shown(place))
        if problem is None:
            return _Stored(failed_at(place, FailureKind.KEPT, why, mark), rest, replaced)
        # only a whole login can be imported, which the reply as it came is not
        why = message("custody.until_there_is_room", what=why, path=shown(problem.path), why=clause(problem))
        return _Stored(failed_at(place, FailureKind.BLOCKED, why, mark), rest, replaced)

    def _copy(self, attempt: RefreshAttempt, body: bytes) -> Path | None:
        """Where the reply waits in the state directory; written once more if it does not. None: nowhere."""
        copies = (self.state.pending(attempt.account), self.state.part(attempt.account))
        for copy in copies:
            if is_stored(copy, attempt.id):
                return copy
        written = self.state.prepare() is None and write_whole(copies[0], attempt.sealed(body)) is None
        return copies[0] if written else None

    def _takes(self, file: Path, attempt: RefreshAttempt, grant: Grant) -> bool:
        login = settled_login(file, self.fingerprint)
        return isinstance(login, Login) and (grant.is_in(login) or self._is_for(login, attempt))

    def _is_for(self, login: Login, attempt: RefreshAttempt) -> bool:
        """Whether a login waits for the reply: the account's, with the token that was sent or an older."""
        if (login.user_id, login.account_id) != attempt.ids:
            return False
        if login.refresh_fingerprint == attempt.refresh_fingerprint:
            return True
        try:
            return is_outdated(self.state, attempt.account, login.refresh_fingerprint)
        except OSError:
            return False

    def _login(self, document: object) -> Login | None:
        return login_in(document.root, self.fingerprint) if isinstance(document, Document) else None


def clear_space(entries: Iterable[JournalEntry]) -> None:
    """Give back the space of attempts that never ended; the caller holds the lock of their login.

    Only names of our own go, with an attempt that stands in the journal.
    """
    for entry in open_attempts(entries).values():
        if entry.file:
            _remove(space_name(Path(entry.file), entry.attempt))


def replace_problem(path: Path, mounts: Path | None = None) -> FileProblem | None:
    """Why the file at a resolved path may not be replaced by poolwatch, or None."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NOCTTY)
        try:
            status = os.fstat(handle)
        finally:
            os.close(handle)
        folder = path.parent.stat()
    except OSError as error:
        return FileProblem.of(error, path)
    if not stat.S_ISREG(status.st_mode):
        return FileProblem("file.irregular", path)
    if status.st_nlink > 1:
        return FileProblem("custody.hard_links", path, (("count", str(status.st_nlink)),))
    if status.st_uid != os.geteuid():
        return FileProblem("file.not_ours", path)
    if folder.st_mode & 0o022 and not folder.st_mode & stat.S_ISVTX:
        return FileProblem("custody.open_to_others", path.parent)
    return shared_problem(path, mounts)


def _at(attempt: RefreshAttempt, file: Path) -> RefreshAttempt:
    """The attempt where the login lies now."""
    return attempt if file == attempt.file else replace(attempt, file=file, key=attempt.account)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _replace(
    attempt: RefreshAttempt, content: bytes, stamp: FileStamp, space: Reservation | None
) -> FileProblem | None:
    try:
        if space is None:
            problem = replace_problem(attempt.file)
            if problem is not None:
                return problem
            space = Reservation(attempt.space, len(content))
        _become(attempt.file, content, stamp, space)
    except OSError as error:
        return FileProblem.of(error, attempt.file)
    return None


def _become(file: Path, content: bytes, stamp: FileStamp, space: Reservation) -> None:
    """Put the content in the place of a file, unless that is another by now: then the caller decides anew."""
    try:
        space.fill(content)
        reach("merged")
        if FileStamp.of(file.stat(follow_symlinks=False)) == stamp:
            space.become(file, lambda: reach("renamed"))
            reach("replaced")
    finally:
        space.discard()


def _differs(grant: Grant, attempt: RefreshAttempt, login: Login | None) -> bool:
    # what the file names counts while it holds the login that was spent
    same = login is not None and login.refresh_fingerprint == attempt.refresh_fingerprint
    return grant.is_for_another(attempt.user_id, attempt.account_id, login if same else None)


def _stored_step(grant: Grant, refresh_fingerprint: str | None) -> TokenStep:
    if grant.access is None:
        return failed(FailureKind.MALFORMED, "custody.no_access_token", refresh_fingerprint)
    return TokenStep(TokenOutcome.REFRESHED, refresh_fingerprint=refresh_fingerprint)


def _lost(attempt: RefreshAttempt, why: Message, kind: FailureKind = FailureKind.AMBIGUOUS) -> TokenStep:
    return ambiguous(attempt.at, attempt.refresh_fingerprint, why, kind)
