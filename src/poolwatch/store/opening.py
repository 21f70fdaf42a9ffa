"""Opening the database: whatever lies there, the program gets a connection and a sentence about it."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.host.files import make_missing_directories
from poolwatch.host.instants import file_stamp, to_micros
from poolwatch.host.locks import held
from poolwatch.store.loading import BESIDE, FILE_NAME, SMALL_CACHE, tolerant_text
from poolwatch.store.quick import read_uri
from poolwatch.store.schema import VERSION, migrate, probe, version_of

#: Taken while a database is opened, so that two processes never set a damaged one aside twice.
OPENING_LOCK: Final = "store.lock"
_BUSY_SECONDS: Final = 5.0
_LOCK_PATIENCE_SECONDS: Final = 10.0
# before this release a reset of the write-ahead log can damage a database with several connections
_SAFE_WAL: Final = (3, 51, 3)
# primary result codes that speak of the surroundings; any other means that the file itself is bad
_SURROUNDINGS: Final = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_AUTH,
    }
)


class StoreMode(StrEnum):
    """Where what is saved goes."""

    DISK = "disk"
    READ_ONLY = "read_only"
    MEMORY = "memory"


class Opened(Struct, frozen=True):
    """A connection of the calling thread; `notice` is for people, None when all is as it should be."""

    connection: sqlite3.Connection
    mode: StoreMode
    notice: str | None = None


class _NewerTablesError(Exception):
    """The tables were made by a later version of the program."""


def journal_mode(library: tuple[int, ...]) -> str:
    """The journal that is safe with this release of SQLite."""
    return "WAL" if library >= _SAFE_WAL else "TRUNCATE"


def open_database(state_dir: Path, now: datetime) -> Opened:
    """The database of the state directory, or the best that stands in for it. Never raises.

    A damaged file is renamed, never deleted, and a new one begun.
    """
    path = state_dir / FILE_NAME
    try:
        _prepare(state_dir)
    except OSError as error:
        return _in_memory(f"{state_dir} cannot be used ({error.strerror or error})")
    with _one_at_a_time(state_dir):
        try:
            return _on_disk(path, now, None)
        except _NewerTablesError:
            return _read_only(path, f"{path} was written by a newer poolwatch")
        except OSError as error:
            return _in_memory(f"{path} cannot be used ({error.strerror or error})")
        except UnicodeDecodeError:
            pass  # SQLite quotes a damaged table definition, and its bytes are no text any more
        except sqlite3.Error as error:
            if not is_damage(error):
                return _read_only(path, f"{path} cannot be written ({in_words(error)})")
        try:
            kept = _set_aside(path, now)
            notice = (
                f"{path} was damaged. It is kept as {kept.name}, and a new database was begun: "
                "history starts again, readings come with the next polls."
            )
            return _on_disk(path, now, notice)
        except (OSError, UnicodeDecodeError, sqlite3.Error, _NewerTablesError) as error:
            return _in_memory(f"{path} is damaged and could not be set aside ({error})")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is bad, and not the disk, the rights or another program's lock."""
    return _code(error) not in _SURROUNDINGS


def in_words(error: sqlite3.Error) -> str:
    """Why the database did not do it."""
    match _code(error):
        case sqlite3.SQLITE_FULL:
            return "the disk is full"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "another program keeps it locked"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return "permission denied, or the file system is read-only"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return "the file is damaged; the next start sets it aside"
        case _:
            return str(error)


def _code(error: sqlite3.Error) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None


def _prepare(state_dir: Path) -> None:
    """The directory, ours and closed to others, with a database file of the same kind."""
    make_missing_directories(state_dir)
    if stat.S_IMODE(state_dir.stat().st_mode) != 0o700:
        state_dir.chmod(0o700)
    path = state_dir / FILE_NAME
    # SQLite gives its journals the mode of the database, so the file is there before SQLite opens it;
    # an existing one is not opened here: closing it would drop the locks of this process's connections
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError("it is not a regular file: move it away")
    if found.st_uid != os.geteuid():
        raise OSError("it belongs to another user")
    for name in (FILE_NAME, *(FILE_NAME + suffix for suffix in BESIDE)):
        with suppress(FileNotFoundError):
            file = state_dir / name
            mode = file.lstat().st_mode
            if not stat.S_ISREG(mode):
                # SQLite would wait for a pipe
                raise OSError(f"{name} is not a regular file: move it away")
            if stat.S_IMODE(mode) != 0o600:
                file.chmod(0o600)


@contextmanager
def _one_at_a_time(state_dir: Path) -> Iterator[None]:
    """Hold the opening lock; go on without it when another process seems to hang in there."""
    with ExitStack() as lock:
        with suppress(OSError):
            lock.enter_context(held(state_dir / OPENING_LOCK, _LOCK_PATIENCE_SECONDS))
        yield


def _on_disk(path: Path, now: datetime, notice: str | None) -> Opened:
    connection = _connect(read_uri(str(path.absolute()), "rw"))
    try:
        _refuse_newer(connection)
        connection.execute(f"PRAGMA journal_mode = {journal_mode(sqlite3.sqlite_version_info)}").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(SMALL_CACHE)
        _refuse_damage(connection)
        migrate(connection)
        probe(connection)
        # only a write shows whether the directory takes a journal
        connection.execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES ('opened_at', ?)", (str(to_micros(now)),)
        )
    except BaseException:
        connection.close()
        raise
    return Opened(connection, StoreMode.DISK, notice)


def _refuse_newer(connection: sqlite3.Connection) -> None:
    if version_of(connection) > VERSION:
        raise _NewerTablesError


def _refuse_damage(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found is None or found[0] != "ok":
        raise sqlite3.DatabaseError("quick_check found damage")


def _read_only(path: Path, why: str) -> Opened:
    try:
        connection = _connect(read_uri(str(path.absolute()), "ro"))
    except sqlite3.Error:
        return _in_memory(why)
    try:
        connection.execute("SELECT 1 FROM readings LIMIT 1").fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        connection.close()
        return _in_memory(why)
    return Opened(
        connection, StoreMode.READ_ONLY, f"{why}: it is only read, and this run's readings are not kept."
    )


def _in_memory(why: str) -> Opened:
    connection = _connect("file::memory:")
    migrate(connection)
    return Opened(
        connection, StoreMode.MEMORY, f"{why}: readings and history of this run are kept in memory only."
    )


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    connection.text_factory = tolerant_text
    return connection


def _set_aside(path: Path, now: datetime) -> Path:
    """Rename the database with its journals, and put an empty file in its place."""
    stamp = file_stamp(now)
    kept = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    path.rename(kept)
    for suffix in BESIDE:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
    _prepare(path.parent)
    return kept
