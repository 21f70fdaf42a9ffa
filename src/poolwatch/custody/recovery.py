"""What a stopped machine or a killed process left behind: finished without network, or said out loud."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from poolwatch.custody.auth_file import Fingerprint, Login, read_login
from poolwatch.custody.errand import Errand
from poolwatch.custody.files import FileProblem
from poolwatch.custody.journal import Entry, Journal, open_attempts, unresolved
from poolwatch.custody.login_lock import login_held
from poolwatch.custody.memory import is_used_up
from poolwatch.custody.settle import adopt_kept, ambiguous, clear_space, finish_reply
from poolwatch.custody.state_dir import StateDir, account_key
from poolwatch.custody.waiting import anything_waits, kept_logins, reply_of, waiting_keys
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.host.locks import held

_LOST: Final = "the refresh was interrupted, this login may need a sign-in"


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
        journals = [Journal(path).entries() for path in state.custody.glob("*.journal")]
        return any(unresolved(entries) or open_attempts(entries) for entries in journals)
    except OSError:
        return True


def bring_waiting_home(
    root: Path, fingerprint: Fingerprint, now: datetime, files: Iterable[Path] = ()
) -> tuple[Recovered, ...] | FileProblem:
    """As `recover`, without what needs a person; nothing is done where nothing waits."""
    state = StateDir(root)
    places = tuple(dict.fromkeys(Path(os.path.realpath(file)) for file in files))
    try:
        if not anything_waits(state):
            return ()
        return (*_finished(state, places, fingerprint, now), *_adopted(state, places, fingerprint, now))
    except OSError as error:
        return FileProblem.of(error, state.custody)


def recover(
    root: Path, fingerprint: Fingerprint, now: datetime, files: Iterable[Path] = ()
) -> tuple[Recovered, ...] | FileProblem:
    """Look after every interrupted refresh of a state directory; blocks on disk, uses no network.

    `files` hold logins of poolwatch custody: one that was moved since gets its reply where it lies now. A
    refresh that is running at this moment is left to the process that runs it.
    """
    state = StateDir(root)
    if not state.custody.exists():
        return ()
    problem = state.prepare()
    if problem is not None:
        return problem
    places = tuple(dict.fromkeys(Path(os.path.realpath(file)) for file in files))
    try:
        return (
            *_finished(state, places, fingerprint, now),
            *_adopted(state, places, fingerprint, now),
            *_unresolved(state, places, fingerprint),
        )
    except OSError as error:
        return FileProblem.of(error, state.custody)


def recover_one(state: StateDir, errand: Errand, fingerprint: Fingerprint, now: datetime) -> TokenStep:
    """The outcome of one attempt whose process ended without telling it. Raises OSError."""
    with login_held(state, errand.file, errand.ids) as mine:
        last = Journal(state.journal(errand.account)).outcome(errand.attempt)
        if last is not None and last.step is not None:
            return last.step  # another process found its reply first
        reply = reply_of(state, errand.account) if mine else None
        if reply is not None:
            _, step = finish_reply(state, reply, (errand.file,), fingerprint, now)
            if reply.errand.attempt == errand.attempt:
                return step
    return ambiguous(errand, "the refresh was interrupted, and its reply is lost")


def _finished(
    state: StateDir, files: tuple[Path, ...], fingerprint: Fingerprint, now: datetime
) -> Iterator[Recovered]:
    for key in waiting_keys(state):
        # what stands in the way of one is said by its refresh, and shall not keep others waiting
        with contextlib.suppress(OSError):
            found = _finished_one(state, key, files, fingerprint, now)
            if found is not None:
                yield found


def _finished_one(
    state: StateDir, key: str, files: tuple[Path, ...], fingerprint: Fingerprint, now: datetime
) -> Recovered | None:
    with held(state.lock(key), patience_seconds=0) as mine:
        reply = reply_of(state, key) if mine else None
        if reply is None:
            return None
        errand = reply.errand
        file, step = finish_reply(state, reply, (errand.file, *files), fingerprint, now)
    login = read_login(file, fingerprint)
    same = isinstance(login, Login) and (login.user_id, login.account_id) == errand.ids
    workspace = login.workspace if isinstance(login, Login) and same else errand.account_id
    return Recovered(file, step, errand.user_id, workspace)


def _adopted(
    state: StateDir, files: Collection[Path], fingerprint: Fingerprint, now: datetime
) -> Iterator[Recovered]:
    kept = kept_logins(state, fingerprint)
    if not kept:
        return
    for file in files:
        login = read_login(file, fingerprint)
        if not isinstance(login, Login) or not any(each.is_of(login, file) for each in kept):
            continue
        ids = (login.user_id, login.account_id)
        home: tuple[Path, ...] = ()
        with (
            contextlib.suppress(OSError),
            login_held(state, file, ids, patience_seconds=0) as mine,
        ):
            home = adopt_kept(state, file, fingerprint, now) if mine else ()
        if home:
            step = TokenStep(TokenOutcome.REFRESHED, refresh_fingerprint=login.refresh_fingerprint)
            yield Recovered(file, step, login.user_id, login.workspace)


def _unresolved(state: StateDir, files: Iterable[Path], fingerprint: Fingerprint) -> Iterator[Recovered]:
    logins: dict[Path, Login] | None = None
    for path in sorted(state.custody.glob("*.journal")):
        with (
            contextlib.suppress(OSError),
            held(state.lock(path.stem), patience_seconds=0) as mine,
        ):
            entries = Journal(path).entries() if mine else ()
            clear_space(entries)
            lost = unresolved(entries)
            if lost and logins is None:
                logins = _read(files, fingerprint)
            for mark, entry in lost.items():
                beside = (Path(entry.file),) if entry.file else ()
                known = {**_read(beside, fingerprint), **(logins or {})}
                found = [
                    (file, login)
                    for file, login in known.items()
                    if login.refresh_fingerprint == mark or _is_older(state, login, file, entry.account)
                ]
                # one with the token itself before one that an older copy was put in the place of
                found.sort(key=lambda each: each[1].refresh_fingerprint != mark)
                for file, login in found[:1]:
                    step = ambiguous(_errand(entry, login, file), _LOST)
                    yield Recovered(file, step, login.user_id, login.workspace)


def _read(files: Iterable[Path], fingerprint: Fingerprint) -> dict[Path, Login]:
    found = {file: read_login(file, fingerprint) for file in files}
    return {file: login for file, login in found.items() if isinstance(login, Login)}


def _is_older(state: StateDir, login: Login, file: Path, account: str) -> bool:
    """Whether a file of the account holds a token that was replaced before the one that was lost."""
    if account_key(login.user_id, login.account_id, file) != account or login.refresh_fingerprint is None:
        return False
    return is_used_up(state, account, login.refresh_fingerprint)


def _errand(entry: Entry, login: Login, file: Path) -> Errand:
    return Errand(
        file=file,
        attempt=entry.attempt,
        at=entry.at,
        account_id=login.account_id,
        user_id=login.user_id,
        refresh_fingerprint=entry.refresh_fingerprint,
    )
