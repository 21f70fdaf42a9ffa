"""What a stopped machine or a killed process left behind: finished without network, or said out loud."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from poolwatch.custody.auth_file import Fingerprint, Login, read_login
from poolwatch.custody.errand import Errand
from poolwatch.custody.files import FileProblem
from poolwatch.custody.journal import Entry, Journal, unresolved
from poolwatch.custody.lock import held
from poolwatch.custody.settle import ambiguous, finish_pending, leftovers
from poolwatch.custody.state_dir import StateDir
from poolwatch.domain.refresh import TokenStep


@dataclass(frozen=True, slots=True)
class Recovered:
    """An interrupted refresh: `step` REFRESHED was finished now, AMBIGUOUS needs a person."""

    file: Path
    step: TokenStep
    user_id: str | None = None
    account_id: str | None = None


def recover(root: Path, fingerprint: Fingerprint, now: datetime) -> tuple[Recovered, ...] | FileProblem:
    """Look after every interrupted refresh of a state directory; blocks on disk, uses no network.

    A refresh that is running at this moment is left to the process that runs it.
    """
    state = StateDir(root)
    if not state.custody.exists():
        return ()
    problem = state.prepare()
    if problem is not None:
        return problem
    try:
        return (*_finished(state, fingerprint, now), *_unresolved(state, fingerprint))
    except OSError as error:
        return FileProblem.of(error, state.custody)


def recover_one(state: StateDir, errand: Errand, fingerprint: Fingerprint, now: datetime) -> TokenStep:
    """The outcome of one attempt whose process ended without telling it. Raises OSError."""
    with held(state.lock(errand.lock)) as mine:
        finished = finish_pending(state, errand.lock, fingerprint, now) if mine else None
    if finished is not None and finished[0].attempt == errand.attempt:
        return finished[1]
    return ambiguous(errand, "the refresh was interrupted, and its reply is lost")


def _finished(state: StateDir, fingerprint: Fingerprint, now: datetime) -> list[Recovered]:
    done: list[Recovered] = []
    for lock in leftovers(state):
        with held(state.lock(lock), patience_seconds=0) as mine:
            finished = finish_pending(state, lock, fingerprint, now) if mine else None
        if finished is not None:
            errand, step = finished
            done.append(Recovered(errand.file, step, errand.user_id, errand.workspace or errand.account_id))
    return done


def _unresolved(state: StateDir, fingerprint: Fingerprint) -> list[Recovered]:
    told: list[Recovered] = []
    for path in sorted(state.custody.glob("*.journal")):
        for mark, entry in unresolved(Journal(path).entries()).items():
            file = Path(entry.file)
            with held(state.lock(entry.lock), patience_seconds=0) as mine:
                login = read_login(file, fingerprint) if mine else None
            if isinstance(login, Login) and login.refresh_fingerprint == mark:
                errand = _errand(entry, login)
                step = ambiguous(errand, "the refresh was interrupted, this login may need a sign-in")
                told.append(Recovered(file, step, login.user_id, login.account_id))
    return told


def _errand(entry: Entry, login: Login) -> Errand:
    return Errand(
        file=Path(entry.file),
        attempt=entry.attempt,
        at=entry.at,
        account_id=login.token_account_id,
        user_id=login.user_id,
        refresh_fingerprint=entry.refresh_fingerprint,
    )
