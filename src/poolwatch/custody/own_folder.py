"""poolwatch's own folder of logins: what is in it, and how a login comes into it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from poolwatch.custody.aside import rename_aside
from poolwatch.custody.auth_file import Fingerprint, Login, read_login
from poolwatch.custody.files import (
    FileProblem,
    make_private_directory,
    read_bounded,
    replace_problem,
    shown,
    write_private,
)
from poolwatch.custody.fingerprint import unmarked
from poolwatch.custody.json_text import render
from poolwatch.custody.login_lock import PATIENCE_SECONDS, Ids, carry_note, move_held, note_held
from poolwatch.custody.memory import is_dead
from poolwatch.custody.shapes import Candidate, Unusable, logins_in
from poolwatch.custody.state_dir import StateDir, account_key
from poolwatch.custody.waiting import is_kept_file
from poolwatch.domain.account import AccountKey, Secret
from poolwatch.host.locks import held

#: An export of a thousand accounts stays below it.
MAX_IMPORT_BYTES: Final = 32 * 1024 * 1024
_SUFFIX: Final = ".json"
_PATIENCE_SECONDS: Final = 30.0
_LONGEST_NAME: Final = 64
_NOTHING_MOVED: Final = "nothing was moved, try again"


@dataclass(frozen=True, slots=True)
class Imported:
    """A login that stands in the own folder now; `id` is its account's, None when an id is missing.

    `blocked` says why poolwatch will not renew it at this place, where something is in the way.
    """

    label: str
    file: Path
    id: str | None
    email: str | None
    plan: str | None
    refresh: Secret | None
    blocked: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A login that was not taken in, and why: a clause.

    `held_in`: the own file that already holds its account, `refresh` the token that it was refused with.
    """

    label: str
    words: str
    held_in: Path | None = None
    refresh: Secret | None = None


def import_logins(
    source: Path, folder: Path, state: StateDir, fingerprint: Fingerprint, now: datetime
) -> tuple[Imported | Refused, ...] | FileProblem:
    """Take every login of a file into the own folder; the file itself is only read. Blocks on disk.

    Nothing is overwritten. An account that is already there is refused, unless what is there cannot be
    renewed any more: that is set aside. A login that waited in the state directory is home then, and goes
    there. Each login is taken while its lock is held, so that a refresh that is at work ends first.
    """
    candidates = _candidates(source, now)
    if isinstance(candidates, FileProblem):
        return candidates
    problem = _make_folder(folder) or state.prepare()
    if problem is not None:
        return problem
    try:
        # two imports at once must not both find an account missing
        with held(folder / ".lock", _PATIENCE_SECONDS) as mine:
            if not mine:
                return FileProblem("not imported: another import is at work")
            desk = _Desk(source, folder, state, fingerprint, now)
            return tuple(desk.take(candidate, alone=len(candidates) == 1) for candidate in candidates)
    except OSError as error:
        return FileProblem.of(error, folder)


def _candidates(source: Path, now: datetime) -> tuple[Candidate | Unusable, ...] | FileProblem:
    found = read_bounded(source, MAX_IMPORT_BYTES)
    return found if isinstance(found, FileProblem) else logins_in(found.content, now)


def own_files(folder: Path) -> tuple[Path, ...]:
    """The login files of the own folder, in order; those with a leading dot are not finished."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is needed
    except OSError:
        return ()
    return tuple(folder / name for name in names if name.endswith(_SUFFIX) and not name.startswith("."))


def own_logins(folder: Path, fingerprint: Fingerprint = unmarked) -> dict[Path, Login]:
    """The readable logins of the own folder."""
    found = {path: read_login(path, fingerprint) for path in own_files(folder)}
    return {path: login for path, login in found.items() if isinstance(login, Login)}


def _make_folder(folder: Path) -> FileProblem | None:
    problem = make_private_directory(folder)
    if problem is None and not os.access(folder, os.W_OK | os.X_OK):
        return FileProblem(f"{shown(folder)} is a directory that cannot be written to")
    return problem


class _Desk:
    """One import at work: what the folder holds, which grows."""

    def __init__(
        self, source: Path, folder: Path, state: StateDir, fingerprint: Fingerprint, now: datetime
    ) -> None:
        self._source: Final = Path(os.path.realpath(source))
        self._folder: Final = folder
        self._state: Final = state
        self._fingerprint: Final = fingerprint
        self._now: Final = now
        self._known: Final = own_logins(folder, fingerprint)

    def take(self, candidate: Candidate | Unusable, *, alone: bool) -> Imported | Refused:
        """Write one login. `alone`: the only one in its file, which poolwatch may refresh at this moment."""
        if isinstance(candidate, Unusable):
            return Refused(candidate.label, candidate.words)
        try:
            return self._take_at_rest(candidate, alone=alone)
        except OSError as error:
            # those that were taken before it are told
            place = Path(error.filename) if isinstance(error.filename, str) else self._folder
            return Refused(candidate.label, FileProblem.of(error, place).words)

    def _take_at_rest(self, candidate: Candidate, *, alone: bool) -> Imported | Refused:
        ids = (candidate.login.user_id, candidate.login.account_id)
        with move_held(self._state, self._source, ids, PATIENCE_SECONDS) as mine:
            if not mine:
                return Refused(candidate.label, f"is being refreshed at this moment; {_NOTHING_MOVED}")
            current = self._again(ids) if alone else candidate
            if current is None:
                return Refused(candidate.label, f"was replaced at this moment; {_NOTHING_MOVED}")
            return self._take(current)

    def _again(self, ids: Ids) -> Candidate | None:
        """The one login of the file as it is now that its lock is held."""
        found = _candidates(self._source, self._now)
        current = found[0] if isinstance(found, tuple) else None
        if not isinstance(current, Candidate):
            return None
        return current if (current.login.user_id, current.login.account_id) == ids else None

    def _take(self, candidate: Candidate) -> Imported | Refused:
        login = candidate.login
        twin = next((path for path, other in self._known.items() if _is_same(login, other)), None)
        if twin is not None:
            refused = self._make_room(candidate, twin)
            if refused is not None:
                return refused
        public = AccountKey("codex", login.user_id or "", login.workspace or "")
        target = _free(self._folder, public.id if public.is_full else _safe(candidate.label))
        if login.refresh is not None:
            home, ids = Path(os.path.realpath(target)), (login.user_id, login.account_id)
            carry_note(self._source, home, ids, login.refresh)
        problem = write_private(target, render(candidate.document))
        if problem is not None:
            return Refused(candidate.label, problem.words)
        self._known[target] = login
        self._let_go(target, login)
        blocked = replace_problem(target)
        return Imported(
            label=candidate.label,
            file=target,
            id=public.id if public.is_full else None,
            email=login.email,
            plan=login.plan,
            refresh=login.refresh,
            blocked=blocked.words if blocked is not None else None,
        )

    def _make_room(self, candidate: Candidate, twin: Path) -> Refused | None:
        """Set a copy aside that cannot be renewed any more; or why the account is refused."""
        known, file = self._known[twin], Path(os.path.realpath(twin))
        with note_held(file, (known.user_id, known.account_id)) as mine:
            if not mine:
                return Refused(candidate.label, f"{shown(twin)} is being refreshed; {_NOTHING_MOVED}")
            # a refresh that was waited for has put the next login there
            return self._make_room_at_rest(candidate, twin)

    def _make_room_at_rest(self, candidate: Candidate, twin: Path) -> Refused | None:
        login, held_here = candidate.login, read_login(twin, self._fingerprint)
        if not isinstance(held_here, Login):
            return Refused(candidate.label, f"{shown(twin)} was replaced at this moment; {_NOTHING_MOVED}")
        self._known[twin] = held_here
        if held_here.refresh == login.refresh and login.refresh is not None:
            self._let_go(twin, login)
            return Refused(candidate.label, f"is already kept in {shown(twin)}", twin, login.refresh)
        account = account_key(held_here.user_id, held_here.account_id, Path(os.path.realpath(twin)))
        if not is_dead(self._state, account, held_here.refresh_fingerprint):
            return Refused(candidate.label, f"is already kept in {shown(twin)}", twin, login.refresh)
        moved = rename_aside(twin, self._now)
        if isinstance(moved, FileProblem):
            return Refused(candidate.label, moved.words)
        del self._known[twin]
        return None

    def _let_go(self, home: Path, login: Login) -> None:
        """A login that waited in the state directory is home: its file there goes."""
        if not is_kept_file(self._state, self._source):
            return
        stored = read_login(home, self._fingerprint)
        if isinstance(stored, Login) and (stored.access, stored.refresh) == (login.access, login.refresh):
            self._source.unlink()


def _is_same(one: Login, other: Login) -> bool:
    if one.refresh is not None and one.refresh == other.refresh:
        return True
    ids = (one.user_id, one.workspace)
    return None not in ids and ids == (other.user_id, other.workspace)


def _free(folder: Path, name: str) -> Path:
    path, number = folder / f"{name}{_SUFFIX}", 2
    while os.path.lexists(path):
        path, number = folder / f"{name}-{number}{_SUFFIX}", number + 1
    return path


def _safe(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9@._-]+", "-", label)[:_LONGEST_NAME].strip(".-") or "login"
