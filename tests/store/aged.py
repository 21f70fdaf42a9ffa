"""History as it was, and as it is to be once it has aged: a plain reference for the roll-up."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby

from poolwatch.domain.series import Figure, FigureName, HistoryRow, Point, Series
from poolwatch.store.database import Database
from poolwatch.store.identities import Identity
from poolwatch.store.lines import PastReading
from tests.support.years import key

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
#: The figure of all rows that are made here, unless another window is named.
FIVE = FigureName(Series.WINDOW, "base", "5h")


def row(account: str, at: datetime, used: float, window: str = "5h") -> HistoryRow:
    return HistoryRow(account, at, Series.WINDOW, "base", window, Figure(used_percent=used))


def reference(rows: Iterable[HistoryRow], whole_from: datetime, hours_from: datetime) -> list[Point]:
    """A point for each row from `whole_from` on, before it an hour each, before `hours_from` a day each."""

    def begins(each: HistoryRow) -> datetime:
        if each.at >= whole_from:
            return each.at
        hour = each.at.replace(minute=0, second=0, microsecond=0)
        return hour if each.at >= hours_from else hour.replace(hour=0)

    found = []
    for at, within in groupby(sorted(rows, key=lambda each: each.at), key=begins):
        used = [each.figure.used_percent for each in within]
        known = [each for each in used if each is not None]
        found.append(Point(at, min(known), max(known), used[-1]))
    return found


def midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def walk(seed: int, account: str, first: datetime, count: int, step: timedelta) -> list[HistoryRow]:
    """Figures that move now and then."""
    rng = random.Random(seed)
    rows, at = [], first
    for _ in range(count):
        at += step * rng.choice((1, 1, 2, 7, 40)) + timedelta(microseconds=rng.randrange(10**6))
        rows.append(row(account, at, rng.choice((0, 1, 12.5, 50, 99, 100, 130))))
    return rows


def reading(at: datetime, used: float, resets_at: datetime | None = None, number: int = 1) -> PastReading:
    place = (Series.WINDOW, "codex", "weekly")
    who = Identity(key(number).id, "codex", f"user-{number}", f"acct-{number}")
    return PastReading(who, at, {place: Figure(used, resets_at)}, frozenset({Series.WINDOW}))


def weeks(begin: datetime, count: int, number: int = 1) -> list[PastReading]:
    """So many weekly windows, each of which is used up to 60%, and read twice a day."""
    found = []
    for week in range(count):
        start = begin + 7 * week * _DAY
        found += [
            reading(start + half * 12 * _HOUR, half * 5, start + 7 * _DAY, number) for half in range(13)
        ]
    return found


def dump(held: Database) -> list[str]:
    """All that is kept of the past."""
    tables = ("figures", "changes", "hours", "days", "gaps", "cycles", "events", "identities", "readings")
    return [
        repr(row)
        for table in tables
        for row in held._connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
    ]
