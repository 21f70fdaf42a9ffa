"""Moves whole logins: into poolwatch's own folder, out of it, and out of use.

Nothing is deleted or overwritten, and nothing moves while its login is being refreshed.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from poolwatch.custody.grant import render
from poolwatch.custody.import_formats import Candidate, Unusable, logins_in
from poolwatch.custody.login_file import Fingerprint, Login, read_login
from poolwatch.custody.login_lock import PATIENCE_SECONDS, Ids, carry_note, move_held, note_held
from poolwatch.custody.login_writer import replace_problem
from poolwatch.custody.outcomes import clause, shown
from poolwatch.custody.spent_tokens import is_dead
from poolwatch.custody.state_dir import StateDir, account_key, unmarked
from poolwatch.custody.waiting import is_kept_file
from poolwatch.domain.account import AccountKey, Secret
from poolwatch.domain.message import Message, message
from poolwatch.host.files import (
    PRIVATE_FILE,
    FileProblem,
    make_private_directory,
    read_bounded,
    sync_directory,
    write_whole,
)
from poolwatch.host.instants import file_stamp
from poolwatch.host.locks import held

#: An export of a thousand accounts stays below it.
MAX_IMPORT_BYTES: Final = 32 * 1024 * 1024
_SUFFIX: Final = ".json"
_PATIENCE_SECONDS: Final = 30.0
_LONGEST_NAME: Final = 64
#: Stands behind the name of a file that was set aside; such a name no longer ends in `.json`.
ASIDE: Final = ".poolwatch-aside-"
_MOST_NAMES: Final = 1000


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
    blocked: Message | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A login that was not taken in, and why: a clause.

    `held_in`: the own file that already holds its account, `refresh` the token that it was refused with.
    """

    label: str
    why: Message
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
                return FileProblem("import.at_work", folder)
            real, known = Path(os.path.realpath(source)), own_logins(folder, fingerprint)
            work = _Import(real, folder, state, fingerprint, now, known)
            return tuple(work.take(candidate, alone=len(candidates) == 1) for candidate in candidates)
    except OSError as error:
        return FileProblem.of(error, folder)


def _candidates(source: Path, now: datetime) -> tuple[Candidate | Unusable, ...] | FileProblem:
    found = read_bounded(source, MAX_IMPORT_BYTES)
    return found if isinstance(found, FileProblem) else logins_in(found.content, source, now)


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
        return FileProblem("file.closed_directory", folder)
    return problem


@dataclass(frozen=True, slots=True)
class _Import:
    """One import at work. `known` is what the folder holds, which grows."""

    source: Path
    folder: Path
    state: StateDir
    fingerprint: Fingerprint
    now: datetime
    known: dict[Path, Login]

    def take(self, candidate: Candidate | Unusable, *, alone: bool) -> Imported | Refused:
        """Write one login. `alone`: the only one in its file, which poolwatch may refresh at this moment."""
        if isinstance(candidate, Unusable):
            return Refused(candidate.label, candidate.why)
        try:
            return self._take_at_rest(candidate, alone=alone)
        except OSError as error:
            # those that were taken before it are told
            place = Path(error.filename) if isinstance(error.filename, str) else self.folder
            return Refused(candidate.label, _at_path(FileProblem.of(error, place)))

    def _take_at_rest(self, candidate: Candidate, *, alone: bool) -> Imported | Refused:
        ids = (candidate.login.user_id, candidate.login.account_id)
        with move_held(self.state, self.source, ids, PATIENCE_SECONDS) as mine:
            if not mine:
                return Refused(candidate.label, message("import.being_refreshed"))
            current = self._again(ids) if alone else candidate
            if current is None:
                return Refused(candidate.label, message("import.replaced"))
            return self._take(current)

    def _again(self, ids: Ids) -> Candidate | None:
        """The one login of the file as it is now that its lock is held."""
        found = _candidates(self.source, self.now)
        current = found[0] if isinstance(found, tuple) else None
        if not isinstance(current, Candidate):
            return None
        return current if (current.login.user_id, current.login.account_id) == ids else None

    def _take(self, candidate: Candidate) -> Imported | Refused:
        login = candidate.login
        twin = next((path for path, other in self.known.items() if _is_same(login, other)), None)
        if twin is not None:
            refused = self._make_room(candidate, twin)
            if refused is not None:
                return refused
        public = AccountKey("codex", login.user_id or "", login.workspace or "")
        target = _free(self.folder / (public.id if public.is_full else _safe(candidate.label)), _SUFFIX)
        if login.refresh is not None:
            home, ids = Path(os.path.realpath(target)), (login.user_id, login.account_id)
            carry_note(self.source, home, ids, login.refresh)
        problem = write_whole(target, render(candidate.document))
        if problem is not None:
            return Refused(candidate.label, _at_path(problem))
        self.known[target] = login
        self._let_go(target, login)
        blocked = replace_problem(target)
        return Imported(
            label=candidate.label,
            file=target,
            id=public.id if public.is_full else None,
            email=login.email,
            plan=login.plan,
            refresh=login.refresh,
            blocked=_at_path(blocked) if blocked is not None else None,
        )

    def _make_room(self, candidate: Candidate, twin: Path) -> Refused | None:
        """Set a copy aside that cannot be renewed any more; or why the account is refused."""
        known, file = self.known[twin], Path(os.path.realpath(twin))
        with note_held(file, (known.user_id, known.account_id)) as mine:
            if not mine:
                return Refused(candidate.label, message("import.twin_being_refreshed", path=shown(twin)))
            # a refresh that was waited for has put the next login there
            return self._make_room_at_rest(candidate, twin)

    def _make_room_at_rest(self, candidate: Candidate, twin: Path) -> Refused | None:
        login, held_here = candidate.login, read_login(twin, self.fingerprint)
        kept = Refused(candidate.label, message("import.already_kept", path=shown(twin)), twin, login.refresh)
        if not isinstance(held_here, Login):
            return Refused(candidate.label, message("import.twin_replaced", path=shown(twin)))
        self.known[twin] = held_here
        if held_here.refresh == login.refresh and login.refresh is not None:
            self._let_go(twin, login)
            return kept
        account = account_key(held_here.user_id, held_here.account_id, Path(os.path.realpath(twin)))
        if not is_dead(self.state, account, held_here.refresh_fingerprint):
            return kept
        moved = rename_aside(twin, self.now)
        if isinstance(moved, FileProblem):
            return Refused(candidate.label, _at_path(moved))
        del self.known[twin]
        return None

    def _let_go(self, home: Path, login: Login) -> None:
        """A login that waited in the state directory is home: its file there goes."""
        if not is_kept_file(self.state, self.source):
            return
        stored = read_login(home, self.fingerprint)
        if isinstance(stored, Login) and (stored.access, stored.refresh) == (login.access, login.refresh):
            self.source.unlink()


def _at_path(problem: FileProblem) -> Message:
    return message("custody.file", path=shown(problem.path), why=clause(problem))


def _is_same(one: Login, other: Login) -> bool:
    if one.refresh is not None and one.refresh == other.refresh:
        return True
    ids = (one.user_id, one.workspace)
    return None not in ids and ids == (other.user_id, other.workspace)


def _safe(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9@._-]+", "-", label)[:_LONGEST_NAME].strip(".-") or "login"


def aside_name(path: Path, now: datetime) -> Path:
    """The free name beside a file under which it would be set aside."""
    return _free(path.with_name(f"{path.name}{ASIDE}{file_stamp(now)}"), "")


def set_aside(state: StateDir, path: Path, now: datetime, holds: Secret | None = None) -> Path | FileProblem:
    """Rename a file beside itself, not while its login is being refreshed; of a link the link alone.

    `holds`: the refresh token with which it was read; another one in it by now, and it stays. Returns the new
    name.
    """
    return _at_rest(state, path, aside_name(path, now), holds)


def rename_aside(path: Path, now: datetime) -> Path | FileProblem:
    """As `set_aside`, for who holds the lock of the login."""
    return _move(path, aside_name(path, now))


def move_away(state: StateDir, path: Path, folder: Path, now: datetime) -> Path | FileProblem:
    """Move a login that poolwatch keeps into a private folder, as a 0600 file; returns where it is."""
    if path.is_symlink():
        target = str(Path(os.path.realpath(path)))
        return FileProblem("custody.link", path, (("target", target),))
    problem = make_private_directory(folder)
    if problem is not None:
        return problem
    moved = _at_rest(state, path, _free(folder / f"{path.stem}-{file_stamp(now)}", path.suffix))
    if isinstance(moved, Path):
        with contextlib.suppress(OSError):
            moved.chmod(PRIVATE_FILE)
    return moved


def _at_rest(state: StateDir, path: Path, target: Path, holds: Secret | None = None) -> Path | FileProblem:
    problem = state.prepare()
    if problem is not None:
        return problem
    file, ids = Path(os.path.realpath(path)), ids_in(path)
    try:
        with move_held(state, file, ids, PATIENCE_SECONDS) as mine:
            if not mine:
                return FileProblem("import.being_refreshed", path)
            if os.path.lexists(state.pending(account_key(*ids, file))):
                return FileProblem("custody.refresh_first", path)
            # a refresh that was waited for may have put the next login there, and anybody another account
            login = read_login(path, unmarked)
            token = login.refresh if isinstance(login, Login) else None
            if _ids_of(login) != ids or holds not in (None, token):
                return FileProblem("custody.another_login", path)
            return _move(path, target)
    except OSError as error:
        return FileProblem.of(error, path)


def ids_in(path: Path) -> Ids:
    """The ids of the login in a file; None for what cannot be told."""
    return _ids_of(read_login(path, unmarked))


def _ids_of(login: Login | FileProblem | None) -> Ids:
    return (login.user_id, login.account_id) if isinstance(login, Login) else (None, None)


def _move(path: Path, target: Path) -> Path | FileProblem:
    try:
        # an empty file of our own holds the name, so that the rename replaces nobody else's
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        return FileProblem.of(error, target)
    try:
        path.rename(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            target.unlink()
        return FileProblem.of(error, path)
    for folder in {path.parent, target.parent}:
        with contextlib.suppress(OSError):
            sync_directory(folder)
    return target


def _free(path: Path, suffix: str) -> Path:
    """The path with this suffix, and with a number before that where the name is taken."""
    whole = path.with_name(path.name + suffix)
    for number in range(2, _MOST_NAMES):
        if not os.path.lexists(whole):
            break
        whole = path.with_name(f"{path.name}-{number}{suffix}")
    return whole
