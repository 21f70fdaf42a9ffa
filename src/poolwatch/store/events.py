"""The events in the database. Their ids are 16 hex digits, kept as 8 bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct, convert

from poolwatch.domain.event_log import EventKind, LoggedEvent, Unit, came_to, credits_that_came
from poolwatch.domain.message import Message
from poolwatch.host.instants import from_micros, to_micros
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.spans import Number, amount, clean, number
from poolwatch.store.stored import Instant
from poolwatch.store.stored import Message as Cause

_VERSION: Final = 1
_ID_BYTES: Final = 8
#: The key of `meta` under which stands when somebody last looked at the events, in microseconds.
_LOOKED: Final = "looked_at"
_NEVER: Final = 2**62


class _Stored(Struct, frozen=True, array_like=True):
    """An event without its id and its instant. A list: fields are only ever added, at the end."""

    version: int
    kind: EventKind
    account_id: str | None = None
    source: str | None = None
    bucket: str | None = None
    window: str | None = None
    before: Number = None
    after: Number = None
    unit: Unit | None = None
    was: str | None = None
    now: str | None = None
    until: Instant | None = None
    accounts: int | None = None
    of_accounts: int | None = None
    rule: str | None = None
    budget: str | None = None
    cause: Cause | None = None
    unit_name: str | None = None


def append(held: sqlite3.Connection, events: Iterable[LoggedEvent]) -> None:
    """Keep events; those that are there already stay as they are."""
    held.executemany(
        "INSERT OR IGNORE INTO events VALUES (?, ?, ?)",
        [(to_micros(event.at), _id(event.id), _pack(event)) for event in events],
    )


def between(
    held: sqlite3.Connection,
    since: datetime,
    until: datetime | None = None,
    most: int | None = None,
    account_id: str | None = None,
) -> tuple[LoggedEvent, ...]:
    """The events from `since` to before `until`, old to new; of more than `most` the newest.

    `account_id`: those of this account alone, and the resets of whole upstreams. Damaged ones are left out.
    """
    name = None if account_id is None else account_id.encode()
    rows = held.execute(
        "SELECT at, id, packed FROM events WHERE at >= ? AND at < ?"
        " AND (? IS NULL OR instr(packed, ?) OR instr(packed, ?)) ORDER BY at DESC, id DESC LIMIT ?",
        (
            to_micros(since),
            _NEVER if until is None else to_micros(until),
            name,
            name,
            EventKind.UPSTREAM_RESET.encode(),
            -1 if most is None else most,
        ),
    ).fetchall()
    found = (event for row in reversed(rows) if (event := _unpack(*row)) is not None)
    if account_id is None:
        return tuple(found)
    # that the name stands in the record is not yet that the event is its own
    return tuple(
        each for each in found if each.account_id == account_id or each.kind is EventKind.UPSTREAM_RESET
    )


def top_ups(held: sqlite3.Connection) -> Mapping[str, Decimal]:
    """How many credits came last, by account id or balance in its unit."""
    name = EventKind.CREDITS_CAME.encode()
    rows = held.execute("SELECT at, id, packed FROM events WHERE instr(packed, ?) ORDER BY at, id", (name,))
    found: dict[str, Decimal] = {}
    for row in rows:
        event = _unpack(*row)
        if event is None or (came := credits_that_came(event)) is None:
            continue
        whose = came_to(event)
        if whose:
            found[whose] = came
    return found


def fillings(held: sqlite3.Connection, source: str, unit: str, since: datetime) -> tuple[datetime, ...]:
    """When readings told that the balance of a source, in that unit, was filled up; old to new."""
    rows = held.execute(
        "SELECT at, id, packed FROM events"
        " WHERE at >= ? AND instr(packed, ?) AND instr(packed, ?) ORDER BY at",
        (to_micros(since), EventKind.RESET.encode(), clean(source).encode()),
    )
    found = (event for row in rows if (event := _unpack(*row)) is not None)
    return tuple(
        each.at
        for each in found
        if each.kind is EventKind.RESET and each.source == source and each.unit_name == unit
    )


def newest_of_source(held: sqlite3.Connection, kind: EventKind, source: str) -> datetime | None:
    """When that last befell a source, or the balance that it is."""
    rows = held.execute(
        "SELECT at, id, packed FROM events WHERE instr(packed, ?) AND instr(packed, ?) ORDER BY at DESC",
        (kind.encode(), clean(source).encode()),
    )
    for row in rows:
        event = _unpack(*row)
        if event is not None and event.kind is kind and event.source == source:
            return event.at
    return None


def drop(held: sqlite3.Connection, events: Iterable[LoggedEvent]) -> None:
    """Forget events."""
    held.executemany(
        "DELETE FROM events WHERE at = ? AND id = ?", [(to_micros(each.at), _id(each.id)) for each in events]
    )


def drop_before(held: sqlite3.Connection, at: int) -> None:
    """Forget the events before an instant (microseconds)."""
    held.execute("DELETE FROM events WHERE at < ?", (at,))


def looked_at(held: sqlite3.Connection) -> datetime | None:
    """When somebody last looked at the events; None where nobody did."""
    row = held.execute("SELECT value FROM meta WHERE name = ?", (_LOOKED,)).fetchone()
    try:
        return None if row is None else from_micros(int(row[0]))
    except UNREADABLE:
        return None


def put_looked_at(held: sqlite3.Connection, at: datetime) -> bool:
    """Remember that."""
    held.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_LOOKED, str(to_micros(at))))
    return True


def _id(text: str) -> bytes | str:
    """As 8 bytes; an id of another form as it is."""
    with suppress(ValueError):
        raw = bytes.fromhex(text)
        if len(raw) == _ID_BYTES and raw.hex() == text:
            return raw
    return text


def _pack(event: LoggedEvent) -> bytes:
    stored = [
        _VERSION,
        event.kind,
        event.account_id,
        event.source,
        event.bucket,
        event.window,
        number(event.before),
        number(event.after),
        event.unit,
        event.was,
        event.now,
        event.until,
        event.accounts,
        event.of_accounts,
        event.rule,
        event.budget,
        None if event.cause is None else convert(event.cause, Cause, from_attributes=True),
        event.unit_name,
    ]
    while stored[-1] is None:
        stored.pop()
    return msgspec.msgpack.encode(stored)


def _unpack(at: int, raw: bytes | str, packed: bytes) -> LoggedEvent | None:
    try:
        stored = msgspec.msgpack.decode(packed, type=_Stored)
        return LoggedEvent(
            raw if isinstance(raw, str) else raw.hex(),
            from_micros(at),
            stored.kind,
            stored.account_id,
            stored.source,
            stored.bucket,
            stored.window,
            amount(stored.before),
            amount(stored.after),
            stored.unit,
            stored.was,
            stored.now,
            stored.until,
            stored.accounts,
            stored.of_accounts,
            stored.rule,
            stored.budget,
            None if stored.cause is None else convert(stored.cause, Message, from_attributes=True),
            stored.unit_name,
        )
    except UNREADABLE:
        return None
