"""The tables, version by version. Instants are integer microseconds since 1970, UTC; amounts are texts."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Final

#: One entry per version, in order; an entry is never changed once released.
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        # the last known state of every account; the document holds the parts of its key
        "CREATE TABLE readings (account_id TEXT PRIMARY KEY, doc TEXT NOT NULL, updated_at INTEGER NOT NULL)",
        """CREATE TABLE history (
            account_id TEXT NOT NULL, series TEXT NOT NULL, bucket TEXT NOT NULL, window TEXT NOT NULL,
            at INTEGER NOT NULL, used_percent REAL, resets_at INTEGER, limit_reached INTEGER,
            allowed INTEGER, balance TEXT, unlimited INTEGER, spent TEXT, spend_limit TEXT, plan TEXT,
            PRIMARY KEY (account_id, series, bucket, window, at)) WITHOUT ROWID""",
        "CREATE TABLE polls (account_id TEXT PRIMARY KEY, polled_at INTEGER NOT NULL) WITHOUT ROWID",
        # numbers are never used twice: a viewer waits for its own
        """CREATE TABLE requests (
            id INTEGER PRIMARY KEY AUTOINCREMENT, account_id TEXT NOT NULL, kind TEXT NOT NULL,
            override INTEGER NOT NULL, try_once INTEGER NOT NULL, asked_at INTEGER NOT NULL,
            asked_by TEXT NOT NULL, taken_at INTEGER, done_at INTEGER, outcome TEXT)""",
    ),
)

VERSION: Final = len(MIGRATIONS)

_PROBES: Final = (
    "SELECT name, value FROM meta",
    "SELECT account_id, doc, updated_at FROM readings",
    "SELECT account_id, series, bucket, window, at, used_percent, resets_at, limit_reached, allowed, balance,"
    " unlimited, spent, spend_limit, plan FROM history",
    "SELECT account_id, polled_at FROM polls",
    "SELECT id, account_id, kind, override, try_once, asked_at, asked_by, taken_at, done_at, outcome"
    " FROM requests",
)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the tables; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to this version, all or nothing. sqlite3.Error when that fails."""
    if version_of(connection) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for steps in MIGRATIONS[max(version_of(connection), 0) :]:
            for step in steps:
                connection.execute(step)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def probe(connection: sqlite3.Connection) -> None:
    """sqlite3.Error unless every table has the columns that are used."""
    for statement in _PROBES:
        connection.execute(f"{statement} LIMIT 0")
