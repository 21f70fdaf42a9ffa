"""The queue of requests from viewers to the owner, the process that polls. All run in a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.host.instants import from_micros, to_micros

#: What became of a request that nobody took while its asker waited.
EXPIRED: Final = "expired"
#: What became of a request that this version cannot read.
NOT_UNDERSTOOD: Final = "not understood"
_KEPT: Final = timedelta(days=1)


class RequestKind(StrEnum):
    """What a viewer asks of the poller."""

    REFRESH = "refresh"
    #: a refresh whose token step runs only where the token is of no use soon
    DUE = "due"
    USAGE = "usage"
    #: a refresh that may renew Codex's own login beside a codex that works on its home
    BESIDE = "beside"


class OwnerRequest(Struct, frozen=True):
    """What the owner is asked to do for one account, named by its public id."""

    account_id: str
    kind: RequestKind
    #: disregard a Retry-After
    override: bool = False
    #: spend a login whose last reply was lost
    try_once: bool = False


class QueuedRequest(Struct, frozen=True):
    """A request in the queue; `asked_by` is the process that asked."""

    id: int
    request: OwnerRequest
    asked_at: datetime
    asked_by: str


class RequestProgress(Struct, frozen=True):
    """How far a request is; `outcome` is there once `done_at` is."""

    id: int
    taken_at: datetime | None = None
    done_at: datetime | None = None
    outcome: str | None = None


def enqueue(
    held: sqlite3.Connection, requests: Iterable[OwnerRequest], now: datetime, asked_by: str
) -> tuple[int, ...]:
    """Add requests; their numbers, in order."""
    numbers: list[int] = []
    for each in requests:
        cursor = held.execute(
            "INSERT INTO requests (account_id, kind, override, try_once, asked_at, asked_by)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (each.account_id, each.kind.value, each.override, each.try_once, to_micros(now), asked_by),
        )
        numbers.append(cursor.lastrowid or 0)
    return tuple(numbers)


def is_waiting(held: sqlite3.Connection) -> bool:
    """Whether there is a request that nobody took."""
    row = held.execute("SELECT 1 FROM requests WHERE taken_at IS NULL AND done_at IS NULL LIMIT 1").fetchone()
    return row is not None


def take(held: sqlite3.Connection, now: datetime, patience: timedelta) -> tuple[QueuedRequest, ...]:
    """Take all waiting requests, oldest first. Those older than `patience` end as expired."""
    stamp = to_micros(now)
    held.execute("DELETE FROM requests WHERE asked_at < ?", (to_micros(now - _KEPT),))
    held.execute(
        "UPDATE requests SET done_at = ?, outcome = ?"
        " WHERE taken_at IS NULL AND done_at IS NULL AND asked_at < ?",
        (stamp, EXPIRED, to_micros(now - patience)),
    )
    rows = held.execute(
        "SELECT id, account_id, kind, override, try_once, asked_at, asked_by FROM requests"
        " WHERE taken_at IS NULL AND done_at IS NULL ORDER BY id"
    ).fetchall()
    taken: list[QueuedRequest] = []
    for number, account_id, kind, override, try_once, asked_at, asked_by in rows:
        try:
            request = OwnerRequest(account_id, RequestKind(kind), bool(override), bool(try_once))
            taken.append(QueuedRequest(number, request, from_micros(asked_at), asked_by))
        except (ValueError, TypeError, OverflowError):
            finish(held, number, NOT_UNDERSTOOD, now)
        else:
            held.execute("UPDATE requests SET taken_at = ? WHERE id = ?", (stamp, number))
    return tuple(taken)


def finish(held: sqlite3.Connection, number: int, outcome: str, now: datetime) -> bool:
    """Write down how a request ended; False when it is not there or has ended before."""
    cursor = held.execute(
        "UPDATE requests SET done_at = ?, outcome = ? WHERE id = ? AND done_at IS NULL",
        (to_micros(now), outcome, number),
    )
    return cursor.rowcount == 1


def withdraw(held: sqlite3.Connection, number: int) -> bool:
    """Remove a request that nobody has taken; False when somebody has."""
    cursor = held.execute(
        "DELETE FROM requests WHERE id = ? AND taken_at IS NULL AND done_at IS NULL", (number,)
    )
    return cursor.rowcount == 1


def look_up(held: sqlite3.Connection, number: int) -> RequestProgress | None:
    """How far a request is, or None when it is gone."""
    row = held.execute("SELECT taken_at, done_at, outcome FROM requests WHERE id = ?", (number,)).fetchone()
    if row is None:
        return None
    taken_at, done_at = (from_micros(each) if isinstance(each, int) else None for each in row[:2])
    return RequestProgress(number, taken_at, done_at, row[2] if isinstance(row[2], str) else None)
