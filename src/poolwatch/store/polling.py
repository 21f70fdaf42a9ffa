"""Who polls in this state directory, by a lock that ends with it; and when each account was last polled, or
given out to be used."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from poolwatch.host.files import PRIVATE_FILE, make_missing_directories, open_private
from poolwatch.host.instants import from_micros, to_micros
from poolwatch.host.locks import take
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.stored import Instant

if TYPE_CHECKING:
    from poolwatch.domain.check import Given

FILE_NAME: Final = "poll.lock"
_MAX_BYTES: Final = 4096
# a process that looks who holds the lock has it shared for an instant: one refusal proves nothing
_PATIENCE_SECONDS: Final = 0.016
_PAUSE_SECONDS: Final = 0.004


class Holder(Struct, frozen=True):
    """The process that holds the lock; `since` is aware UTC."""

    pid: int
    host: str
    since: Instant
    is_daemon: bool = False


class PollLock:
    """An flock on a file that is never removed, since a new file would be a second lock."""

    def __init__(self, state_dir: Path, *, is_daemon: bool = False) -> None:
        self._path = state_dir / FILE_NAME
        self._is_daemon = is_daemon
        self._fd: int | None = None
        #: False once an attempt failed although nobody holds the lock
        self.is_usable = True

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None

    def try_acquire(self, now: datetime) -> bool:
        """Take the lock if it is free; `now` is written beside pid and host. True when held already."""
        if self._fd is not None:
            return True
        self.is_usable = True
        try:
            make_missing_directories(self._path.parent)
            fd = open_private(self._path, os.O_RDWR | os.O_CREAT)
            os.fchmod(fd, PRIVATE_FILE)
        except OSError:
            self.is_usable = False
            return False
        try:
            if not take(fd, _PATIENCE_SECONDS, pause_seconds=_PAUSE_SECONDS):
                os.close(fd)
                return False
            _write(fd, now, is_daemon=self._is_daemon)
        except OSError:
            os.close(fd)
            self.is_usable = False
            return False
        self._fd = fd
        return True

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        os.close(fd)

    def holder(self) -> Holder | None:
        """Who holds the lock now: None when nobody does, or nobody can tell."""
        try:
            fd = self._fd if self._fd is not None else open_private(self._path, os.O_RDWR)
        except OSError:
            return None
        try:
            if self._fd is None and take(fd, shared=True):
                return None
            return _holder(os.pread(fd, _MAX_BYTES, 0))
        except OSError:
            return None
        finally:
            if fd != self._fd:
                os.close(fd)


def _write(fd: int, now: datetime, *, is_daemon: bool) -> None:
    holder = {"pid": os.getpid(), "host": os.uname().nodename, "since": now.isoformat()}
    text = json.dumps({**holder, "is_daemon": is_daemon})
    os.ftruncate(fd, 0)
    os.pwrite(fd, text.encode("ascii"), 0)


def _holder(raw: bytes) -> Holder | None:
    try:
        return msgspec.json.decode(raw, type=Holder)
    except UNREADABLE:
        return None


# -- the floor between two polls of an account; all functions use a connection that is handed in

_PUT: Final = (
    "INSERT INTO polls (account_id, polled_at) VALUES (?, ?)"
    " ON CONFLICT (account_id) DO UPDATE SET polled_at = excluded.polled_at"
)


def claim_poll(held: sqlite3.Connection, account_id: str, now: datetime, floor: timedelta) -> bool:
    """Record a poll, in a transaction, unless one less than `floor` from `now` is; whether it was."""
    row = held.execute("SELECT polled_at FROM polls WHERE account_id = ?", (account_id,)).fetchone()
    if row is not None and isinstance(row[0], int):
        apart = abs(to_micros(now) - row[0])
        if apart < floor // timedelta(microseconds=1):
            return False
    held.execute(_PUT, (account_id, to_micros(now)))
    return True


def note_polls(held: sqlite3.Connection, polled: Mapping[str, datetime]) -> bool:
    """Record, in a transaction, polls that no floor binds, by account id."""
    held.executemany(_PUT, [(account_id, to_micros(at)) for account_id, at in polled.items()])
    return True


def last_polls(held: sqlite3.Connection) -> Mapping[str, datetime]:
    """When each account was last polled, by account id; instants that cannot be read are left out."""
    found: dict[str, datetime] = {}
    for account_id, polled_at in held.execute("SELECT account_id, polled_at FROM polls").fetchall():
        with suppress(*UNREADABLE):
            found[account_id] = from_micros(polled_at)
    return found


# -- accounts that `run --next` gave out: a row of `meta` for each

_GIVEN: Final = "given."
_WHERE_GIVEN: Final = "FROM meta WHERE name >= 'given.' AND name < 'given/'"


def give_out(
    held: sqlite3.Connection, order: Sequence[str], now: datetime, lasting: timedelta
) -> Given | None:
    """Choose one of these account ids, in a transaction, and remember that so long: see `first_given`."""
    from poolwatch.domain.check import first_given  # only `run --next` asks

    given: dict[str, datetime] = {}
    for name, value in held.execute(f"SELECT name, value {_WHERE_GIVEN}").fetchall():
        with suppress(*UNREADABLE):
            given[name.removeprefix(_GIVEN)] = from_micros(int(value))
    chosen = first_given(order, given, now, lasting)
    past = [(_GIVEN + each,) for each, at in given.items() if abs(now - at) >= lasting]
    held.executemany("DELETE FROM meta WHERE name = ?", past)
    if chosen is not None:
        row = _GIVEN + chosen.account_id, str(to_micros(now))
        held.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", row)
    return chosen
