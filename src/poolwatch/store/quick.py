"""The stored pool for commands that must answer at once: no thread, no event loop, no writing.

It imports the domain, msgspec and sqlite3, and nothing else of weight.
"""

from __future__ import annotations

import os
import sqlite3
import stat

from msgspec import Struct

from poolwatch.domain.pool import AccountState, PoolFacts, PoolState
from poolwatch.store.loading import (
    BESIDE,
    FILE_NAME,
    SMALL_CACHE,
    ReadingsCache,
    pool_of,
    read_accounts,
    read_as_they_lie,
    read_facts,
    tolerant_text,
)

#: How long to wait (seconds) while the poller commits.
_PATIENCE = 1.0


class Kept(Struct, frozen=True):
    """What a database holds of the pool."""

    accounts: tuple[AccountState, ...]
    facts: PoolFacts


def read_pool(state_dir: str | os.PathLike[str]) -> PoolState | None:
    """The pool as last stored, or None when there is no database that can be read. Never raises."""
    kept = _read(state_dir, None)
    return None if kept is None else pool_of(kept.accounts, kept.facts)


def read_for_a_start(state_dir: str | os.PathLike[str], cache: ReadingsCache) -> Kept | None:
    """The same for the first screen: in no order, and with rows under another id than their account's.

    A store that is opened with the same cache gives the same accounts, as long as they have not changed, and
    finds those rows.
    """
    return _read(state_dir, cache)


def read_uri(path: str, mode: str) -> str:
    """A SQLite URI that never creates the file."""
    plain = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{plain}?mode={mode}"


def _read(state_dir: str | os.PathLike[str], cache: ReadingsCache | None) -> Kept | None:
    path = os.path.join(os.path.abspath(state_dir), FILE_NAME)  # noqa: PTH100, PTH118 - pathlib costs time
    # after a poller was killed while it wrote, only a connection that may write can undo the half commit
    return _read_file(path, "ro", cache) or _read_file(path, "rw", cache)


def _is_odd(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _read_file(path: str, mode: str, cache: ReadingsCache | None) -> Kept | None:
    try:
        # SQLite would wait for ever at a pipe
        if not stat.S_ISREG(os.lstat(path).st_mode) or any(_is_odd(path + suffix) for suffix in BESIDE):
            return None
        connection = sqlite3.connect(read_uri(path, mode), uri=True, timeout=_PATIENCE, isolation_level=None)
    except (sqlite3.Error, OSError, ValueError):
        return None
    try:
        connection.text_factory = tolerant_text
        connection.execute(SMALL_CACHE)
        connection.execute("BEGIN")
        loaded = read_accounts(connection) if cache is None else read_as_they_lie(connection, cache)
        return Kept(loaded.accounts, read_facts(connection))
    except (sqlite3.Error, OverflowError, UnicodeError):
        return None
    finally:
        connection.close()
