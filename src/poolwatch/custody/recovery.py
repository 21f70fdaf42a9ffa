"""What a stopped machine or a killed process left behind: finished without network, or said out loud."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from poolwatch.custody.attempt import RefreshAttempt, RefreshJournal
from poolwatch.custody.login_file import Fingerprint, Login, read_login
from poolwatch.custody.login_lock import login_held
from poolwatch.custody.login_writer import LoginWriter, clear_space
from poolwatch.custody.outcomes import ambiguous
from poolwatch.custody.spent_tokens import is_used_up
from poolwatch.custody.state_dir import StateDir, account_key
from poolwatch.custody.waiting import anything_waits, kept_logins, reply_of
from poolwatch.domain.message import message
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.host.files import FileProblem
from poolwatch.host.locks import held
from poolwatch.once.journal import open_attempts, unresolved


@dataclass(frozen=True, slots=True)
class Recovered:
    """An interrupted refresh: `step` REFRESHED was finished now, AMBIGUOUS needs a person."""

    file: Path
    step: TokenStep
    user_id: str | None = None
    account_id: str | None = None


def left_anything(root: Path) -> bool:
    """Whether earlier refreshes may have left something to finish or to tell; blocks on disk."""
    state = StateDir(root)
    try:
        if anything_waits(state):
            return True
        journals = [RefreshJournal(path).entries() for path in state.journals()]
        return any(unresolved(entries) or open_attempts(entries) for entries in journals)
    except OSError:
        return True


def bring_waiting_home(
    root: Path, fingerprint: Fingerprint, now: datetime, files: Iterable[Path] = ()
) -> tuple[Recovered, ...] | FileProblem:
    """As `recover`, without what needs a person; nothing is done where nothing waits."""
    recovery = _Recovery(StateDir(root), _resolved(files), fingerprint, now)
    try:
        return (*recovery.finished(), *recovery.adopted()) if anything_waits(recovery.state) else ()
    except OSError as error:
        return FileProblem.of(error, recovery.state.folder)


def recover(
    root: Path, fingerprint: Fingerprint, now: datetime, files: Iterable[Path] = ()
) -> tuple[Recovered, ...] | FileProblem:
    """Look after every interrupted refresh of a state directory; blocks on disk, uses no network.

    `files` hold logins of poolwatch custody: one that was moved since gets its reply where it lies now. A
    refresh that is running at this moment is left to the process that runs it.
    """
    state = StateDir(root)
    if not state.folder.exists():
        return ()
    problem = state.prepare()
    if problem is not None:
        return problem
    recovery = _Recovery(state, _resolved(files), fingerprint, now)
    try:
        return (*recovery.finished(), *recovery.adopted(), *recovery.lost())
    except OSError as error:
        return FileProblem.of(error, state.folder)


def recover_one(
    state: StateDir, attempt: RefreshAttempt, fingerprint: Fingerprint, now: datetime
) -> TokenStep:
    """The outcome of one attempt whose process ended without telling it. Raises OSError."""
    with login_held(state, attempt.file, attempt.ids) as mine:
        last = RefreshJournal(state.journal(attempt.account)).outcome(attempt.id)
        if last is not None and last.step is not None:
            return last.step  # another process found its reply first
        reply = reply_of(state, attempt.account) if mine else None
        if reply is not None:
            _, step = LoginWriter(state, fingerprint, now).finish_reply(reply, (attempt.file,))
            if reply.attempt.id == attempt.id:
                return step
    return ambiguous(attempt.at, attempt.refresh_fingerprint, message("custody.reply_lost"))


@dataclass(frozen=True, slots=True)
class _Recovery:
    state: StateDir
    files: Collection[Path]
    fingerprint: Fingerprint
    now: datetime

    @property
    def writer(self) -> LoginWriter:
        return LoginWriter(self.state, self.fingerprint, self.now)

    def finished(self) -> Iterator[Recovered]:
        """Replies that found their file."""
        for key in self.state.waiting_keys():
            # what stands in the way of one is said by its refresh, and shall not keep others waiting
            with contextlib.suppress(OSError):
                found = self._finish(key)
                if found is not None:
                    yield found

    def _finish(self, key: str) -> Recovered | None:
        with held(self.state.lock(key)) as mine:
            reply = reply_of(self.state, key) if mine else None
            if reply is None:
                return None
            attempt = reply.attempt
            file, step = self.writer.finish_reply(reply, (attempt.file, *self.files))
        login = read_login(file, self.fingerprint)
        same = isinstance(login, Login) and (login.user_id, login.account_id) == attempt.ids
        workspace = login.workspace if isinstance(login, Login) and same else attempt.account_id
        return Recovered(file, step, attempt.user_id, workspace)

    def adopted(self) -> Iterator[Recovered]:
        """Kept logins that found their file."""
        kept = kept_logins(self.state, self.fingerprint)
        for file, login in _logins(self.files, self.fingerprint).items() if kept else ():
            if not any(each.is_of(login, file) for each in kept):
                continue
            home: tuple[Path, ...] = ()
            ids = (login.user_id, login.account_id)
            with (
                contextlib.suppress(OSError),
                login_held(self.state, file, ids, patience_seconds=0) as mine,
            ):
                home = self.writer.adopt_kept(file) if mine else ()
            if home:
                step = TokenStep(TokenOutcome.REFRESHED, refresh_fingerprint=login.refresh_fingerprint)
                yield Recovered(file, step, login.user_id, login.workspace)

    def lost(self) -> Iterator[Recovered]:
        """Sendings of which nobody knows the end, each with a file that holds its token or an older one."""
        logins: dict[Path, Login] | None = None
        for path in self.state.journals():
            with contextlib.suppress(OSError), held(self.state.lock(path.stem)) as mine:
                entries = RefreshJournal(path).entries() if mine else ()
                clear_space(entries)
                lost = unresolved(entries)
                if lost and logins is None:
                    logins = _logins(self.files, self.fingerprint)
                for mark, entry in lost.items():
                    beside = (Path(entry.file),) if entry.file else ()
                    known = {**_logins(beside, self.fingerprint), **(logins or {})}
                    found = [
                        (file, login)
                        for file, login in known.items()
                        if login.refresh_fingerprint == mark or self._is_older(login, file, entry.account)
                    ]
                    # one with the token itself before one that an older copy was put in the place of
                    found.sort(key=lambda each: each[1].refresh_fingerprint != mark)
                    for file, login in found[:1]:
                        step = ambiguous(entry.at, mark, message("custody.interrupted_lost"))
                        yield Recovered(file, step, login.user_id, login.workspace)

    def _is_older(self, login: Login, file: Path, account: str) -> bool:
        """Whether a file of the account holds a token that was replaced before the one that was lost."""
        mark = login.refresh_fingerprint
        if mark is None or account_key(login.user_id, login.account_id, file) != account:
            return False
        return is_used_up(self.state, account, mark)


def _resolved(files: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(Path(os.path.realpath(file)) for file in files))


def _logins(files: Iterable[Path], fingerprint: Fingerprint) -> dict[Path, Login]:
    found = {file: read_login(file, fingerprint) for file in files}
    return {file: login for file, login in found.items() if isinstance(login, Login)}
