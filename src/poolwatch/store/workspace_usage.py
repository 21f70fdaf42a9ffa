"""What OpenAI reports of accounts' days in the database, by account and workspace.

A day that is known stays known: a later answer that lacks it, or knows less of it, takes nothing away.
"""

# no `annotations` from __future__: a decoder would evaluate them at each start
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from poolwatch.domain.workspace_usage import DaysReported, KeptReport, ReportedClient, ReportedDay
from poolwatch.host.instants import from_micros, to_micros
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.stored import Amounts

_VERSION: Final = 1
#: Days longer ago are forgotten, as hours of the history are.
KEPT: Final = timedelta(days=400)
_EPOCH: Final = date(1970, 1, 1)
_DAY: Final = timedelta(days=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_REPORT: Final = "SELECT {} FROM workspace_reports WHERE account_id = ? AND workspace_id = ?"


class _Client(Amounts, frozen=True, kw_only=True):
    client: str
    credits: Decimal | None = None
    tokens: int | None = None
    turns: int | None = None


class _Reported(Amounts, frozen=True, kw_only=True):
    """Without the day, which has a column of its own."""

    version: int = 1
    credits: Decimal | None = None
    tokens: int | None = None
    input: int | None = None
    cached: int | None = None
    output: int | None = None
    threads: int | None = None
    turns: int | None = None
    cost_usd: Decimal | None = None
    clients: tuple[_Client, ...] = ()


def claim(held: sqlite3.Connection, account: str, workspace: str, now: datetime, floor: timedelta) -> bool:
    """Note that it is asked for now, unless it was less than `floor` ago; whether it may be.

    What was noted further ahead than that was noted under a wrong clock, and does not count.
    """
    row = held.execute(_REPORT.format("asked_at"), (account, workspace)).fetchone()
    if row is not None and row[0] is not None and abs(to_micros(now) - row[0]) < floor // _MICROSECOND:
        return False
    held.execute(
        "INSERT INTO workspace_reports (account_id, workspace_id, asked_at) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET asked_at = excluded.asked_at",
        (account, workspace, to_micros(now)),
    )
    return True


def put(held: sqlite3.Connection, account: str, workspace: str, report: DaysReported, now: datetime) -> bool:
    """Keep an answer that came `now`."""
    known = {each.day: each for each in _days(held, account, workspace)}
    rows = [
        (account, workspace, _number(each.day), _pack(each))
        for each in report.days
        if each.day not in known or each.rank >= known[each.day].rank
    ]
    held.executemany("INSERT OR REPLACE INTO workspace_days VALUES (?, ?, ?, ?)", rows)
    fresh = to_micros(report.fresh_at) if report.fresh_at is not None else None
    held.execute(
        "INSERT INTO workspace_reports VALUES (?1, ?2, ?3, ?3, ?4) ON CONFLICT DO UPDATE"
        " SET asked_at = max(ifnull(asked_at, 0), ?3), answered_at = ?3, fresh_at = ifnull(?4, fresh_at)",
        (account, workspace, to_micros(now), fresh),
    )
    oldest = _number((now - KEPT).astimezone(UTC).date())
    held.execute("DELETE FROM workspace_days WHERE account_id = ? AND day < ?", (account, oldest))
    return True


def read(held: sqlite3.Connection, account: str, workspace: str, since: date, until: date) -> KeptReport:
    """What is kept of the days from `since` to `until`, both included, in order."""
    row = held.execute(_REPORT.format("fresh_at, asked_at, answered_at"), (account, workspace)).fetchone()
    days = tuple(each for each in _days(held, account, workspace) if since <= each.day <= until)
    return KeptReport(days, *map(_instant, row or (None, None, None)))


def _days(held: sqlite3.Connection, account: str, workspace: str) -> Iterator[ReportedDay]:
    rows = held.execute(
        "SELECT day, doc FROM workspace_days WHERE account_id = ? AND workspace_id = ? ORDER BY day",
        (account, workspace),
    ).fetchall()
    for number, document in rows:
        with suppress(*UNREADABLE):
            yield _unpack(_EPOCH + number * _DAY, document)


def _pack(each: ReportedDay) -> str:
    document = _Reported(
        version=_VERSION,
        credits=each.credits,
        tokens=each.tokens,
        input=each.input,
        cached=each.cached,
        output=each.output,
        threads=each.threads,
        turns=each.turns,
        cost_usd=each.cost_usd,
        clients=tuple(
            _Client(client=one.client, credits=one.credits, tokens=one.tokens, turns=one.turns)
            for one in each.clients
        ),
    )
    return msgspec.json.encode(document).decode()


def _unpack(day: date, document: str) -> ReportedDay:
    told = msgspec.json.decode(document, type=_Reported)
    clients = tuple(
        ReportedClient(each.client, each.credits, each.tokens, each.turns) for each in told.clients
    )
    return ReportedDay(
        day,
        told.credits,
        told.tokens,
        told.input,
        told.cached,
        told.output,
        told.threads,
        told.turns,
        told.cost_usd,
        clients,
    )


def _number(day: date) -> int:
    return (day - _EPOCH) // _DAY


def _instant(count: int | None) -> datetime | None:
    with suppress(OverflowError, TypeError):
        return from_micros(count) if count is not None else None
    return None
