"""The queue from viewers to the process that polls. All functions run inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from poolwatch.host.instants import from_micros, to_micros
from poolwatch.store.records import Ask, Request, RequestKind, RequestState

#: What became of a request that nobody took while its asker waited.
EXPIRED: Final = "expired"
#: What became of a request that this version cannot read.
NOT_UNDERSTOOD: Final = "not understood"
_KEPT: Final = timedelta(days=1)


def enqueue(
    connection: sqlite3.Connection, asks: Iterable[Ask], now: datetime, asked_by: str
) -> tuple[int, ...]:
    """Add wishes; their numbers, in order."""
    numbers: list[int] = []
    for ask in asks:
        cursor = connection.execute(
            "INSERT INTO requests (account_id, kind, override, try_once, asked_at, asked_by)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (ask.account_id, ask.kind.value, ask.override, ask.try_once, to_micros(now), asked_by),
        )
        numbers.append(cursor.lastrowid or 0)
    return tuple(numbers)


def is_waiting(connection: sqlite3.Connection) -> bool:
    """Whether there is a wish that nobody took."""
    row = connection.execute(
        "SELECT 1 FROM requests WHERE taken_at IS NULL AND done_at IS NULL LIMIT 1"
    ).fetchone()
    return row is not None


def take(connection: sqlite3.Connection, now: datetime, patience: timedelta) -> tuple[Request, ...]:
    """Take all waiting wishes, oldest first. Those older than `patience` end as expired."""
    stamp = to_micros(now)
    connection.execute("DELETE FROM requests WHERE asked_at < ?", (to_micros(now - _KEPT),))
    connection.execute(
        "UPDATE requests SET done_at = ?, outcome = ?"
        " WHERE taken_at IS NULL AND done_at IS NULL AND asked_at < ?",
        (stamp, EXPIRED, to_micros(now - patience)),
    )
    rows = connection.execute(
        "SELECT id, account_id, kind, override, try_once, asked_at, asked_by FROM requests"
        " WHERE taken_at IS NULL AND done_at IS NULL ORDER BY id"
    ).fetchall()
    taken: list[Request] = []
    for number, account_id, kind, override, try_once, asked_at, asked_by in rows:
        try:
            ask = Ask(account_id, RequestKind(kind), bool(override), bool(try_once))
            taken.append(Request(number, ask, from_micros(asked_at), asked_by))
        except (ValueError, TypeError, OverflowError):
            finish(connection, number, NOT_UNDERSTOOD, now)
        else:
            connection.execute("UPDATE requests SET taken_at = ? WHERE id = ?", (stamp, number))
    return tuple(taken)


def finish(connection: sqlite3.Connection, number: int, outcome: str, now: datetime) -> bool:
    """Write down how a request ended; False when it is not there or has ended before."""
    cursor = connection.execute(
        "UPDATE requests SET done_at = ?, outcome = ? WHERE id = ? AND done_at IS NULL",
        (to_micros(now), outcome, number),
    )
    return cursor.rowcount == 1


def withdraw(connection: sqlite3.Connection, number: int) -> bool:
    """Remove a request that nobody has taken; False when somebody has."""
    cursor = connection.execute(
        "DELETE FROM requests WHERE id = ? AND taken_at IS NULL AND done_at IS NULL", (number,)
    )
    return cursor.rowcount == 1


def look_up(connection: sqlite3.Connection, number: int) -> RequestState | None:
    """How far a request is, or None when it is gone."""
    row = connection.execute(
        "SELECT taken_at, done_at, outcome FROM requests WHERE id = ?", (number,)
    ).fetchone()
    if row is None:
        return None
    taken_at, done_at = (from_micros(each) if isinstance(each, int) else None for each in row[:2])
    return RequestState(number, taken_at, done_at, row[2] if isinstance(row[2], str) else None)
