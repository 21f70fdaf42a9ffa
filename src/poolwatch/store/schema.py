"""The tables, version by version. Instants are integer microseconds since 1970, UTC; amounts are texts."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from poolwatch.store.documents import decode_account, decode_facts, encode_account, encode_facts

Step: TypeAlias = str | Callable[[sqlite3.Connection], None]


def _rewrite_documents(held: sqlite3.Connection) -> None:
    """Documents of version 1 become those of version 2; what cannot be read stays as it is."""
    for account_id, document in held.execute("SELECT account_id, doc FROM readings").fetchall():
        account = decode_account(document)
        if account is not None:
            held.execute(
                "UPDATE readings SET doc = ? WHERE account_id = ?", (encode_account(account), account_id)
            )
    for (document,) in held.execute("SELECT value FROM meta WHERE name = 'pool'").fetchall():
        held.execute("UPDATE meta SET value = ? WHERE name = 'pool'", (encode_facts(decode_facts(document)),))


#: One entry per version, in order; an entry is never changed once released.
MIGRATIONS: Final[tuple[tuple[Step, ...], ...]] = (
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
    (_rewrite_documents,),
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


def version_of(held: sqlite3.Connection) -> int:
    """The version of the tables; 0 for an empty file."""
    return int(held.execute("PRAGMA user_version").fetchone()[0])


def migrate(held: sqlite3.Connection, path: Path | None = None) -> None:
    """Bring the tables to this version, all or nothing. sqlite3.Error or OSError when that fails.

    Of a file that holds tables of a former version a copy is kept first, beside it.
    """
    version = version_of(held)
    if version == VERSION:
        return
    if version > 0 and path is not None:
        _keep_copy(held, path, version)
    held.execute("BEGIN IMMEDIATE")
    try:
        for steps in MIGRATIONS[max(version_of(held), 0) :]:
            for step in steps:
                if isinstance(step, str):
                    held.execute(step)
                else:
                    step(held)
        held.execute(f"PRAGMA user_version = {VERSION}")
        held.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            held.execute("ROLLBACK")
        raise


def _keep_copy(held: sqlite3.Connection, path: Path, version: int) -> None:
    """A copy of the whole database, such as `poolwatch.db.version-1`; there once it is complete."""
    kept = path.with_name(f"{path.name}.version-{version}")
    part = kept.with_name(f"{kept.name}.part")
    part.unlink(missing_ok=True)
    fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        held.execute("VACUUM INTO ?", (str(part),))
        os.fsync(fd)
    finally:
        os.close(fd)
    part.replace(kept)


def probe(held: sqlite3.Connection) -> None:
    """sqlite3.Error unless every table has the columns that are used."""
    for statement in _PROBES:
        held.execute(f"{statement} LIMIT 0")
