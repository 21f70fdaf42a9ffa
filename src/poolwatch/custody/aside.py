"""Takes a login file out of use: it is renamed or moved, never deleted, and never over another file."""

from __future__ import annotations

import contextlib
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from poolwatch.custody.auth_file import Login, read_login
from poolwatch.custody.files import FileProblem, make_private_directory, shown, sync_directory
from poolwatch.custody.fingerprint import unmarked
from poolwatch.custody.login_lock import PATIENCE_SECONDS, Ids, move_held
from poolwatch.custody.state_dir import StateDir, account_key
from poolwatch.domain.account import Secret

#: Stands behind the name of a file that was set aside; such a name no longer ends in `.json`.
ASIDE: Final = ".poolwatch-aside-"
_MOST_NAMES: Final = 1000


def aside_name(path: Path, now: datetime) -> Path:
    """The free name beside a file under which it would be set aside."""
    return _free(path.with_name(f"{path.name}{ASIDE}{_stamp(now)}"), "")


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
        target = shown(Path(os.path.realpath(path)))
        return FileProblem(f"{shown(path)} is a link to {target}: remove the link yourself")
    problem = make_private_directory(folder)
    if problem is not None:
        return problem
    moved = _at_rest(state, path, _free(folder / f"{path.stem}-{_stamp(now)}", path.suffix))
    if isinstance(moved, Path):
        with contextlib.suppress(OSError):
            moved.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return moved


def _at_rest(state: StateDir, path: Path, target: Path, holds: Secret | None = None) -> Path | FileProblem:
    problem = state.prepare()
    if problem is not None:
        return problem
    file, ids = Path(os.path.realpath(path)), ids_in(path)
    try:
        with move_held(state, file, ids, PATIENCE_SECONDS) as mine:
            if not mine:
                return FileProblem(
                    f"{shown(path)} is being refreshed at this moment; nothing was moved, try again"
                )
            if os.path.lexists(state.pending(account_key(*ids, file))):
                return FileProblem(
                    f"a new login waits to be written to {shown(path)}: run poolwatch refresh first"
                )
            # a refresh that was waited for may have put the next login there, and anybody another account
            login = read_login(path, unmarked)
            token = login.refresh if isinstance(login, Login) else None
            if _ids_of(login) != ids or holds not in (None, token):
                return FileProblem(f"{shown(path)} holds another login by now; nothing was moved, try again")
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


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
