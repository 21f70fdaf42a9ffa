"""The history of figures in the database: single changes, then hours, then days; and gaps in the readings.

A day's changes become its hours and the day as one (`retention`), whole days at a time. The newest change of
a figure stays for ever, for it still holds.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from poolwatch.domain.series import Figure, FigureName, Finest, Gap, HistoryRow, Point, Series, Timeline
from poolwatch.host.instants import from_micros, to_micros
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.spans import (
    DAY,
    HOUR,
    SECOND,
    Change,
    Span,
    amount,
    change_of,
    clean,
    figure_of,
    from_seconds,
    instant,
    is_sound,
    merged,
    single,
    unpack,
    whole_day,
)

_OF_ACCOUNT: Final = "SELECT id, series, bucket, window FROM figures WHERE account_id = ? ORDER BY id"
_CHANGES: Final = (
    "SELECT at, value, resets_at, flags, rest FROM changes"
    " WHERE figure = ? AND at >= ? AND at < ? ORDER BY at"
)
_CHANGE_BEFORE: Final = "SELECT max(at) FROM changes WHERE figure = ? AND at < ?"
_DAYS: Final = (
    "SELECT day, second, last, low, high, resets_at, flags, rest FROM days"
    " WHERE figure = ? AND day BETWEEN ? AND ? ORDER BY day"
)
_DAY_BEFORE: Final = "SELECT max(day) FROM days WHERE figure = ? AND day < ?"
_HOURS: Final = "SELECT day, packed FROM hours WHERE figure = ? AND day BETWEEN ? AND ? ORDER BY day"
#: Beyond the calendar, in microseconds.
_NEVER: Final = 2**62


# -- writing


def append(held: sqlite3.Connection, rows: Sequence[HistoryRow]) -> None:
    """Keep rows; a row for the same figure and instant replaces the former."""
    known: dict[tuple[str, Series, str, str], int] = {}
    for row in rows:
        place = (row.account_id, row.series, row.bucket, row.window)
        if place not in known:
            known[place] = figure_id(held, row.account_id, FigureName(row.series, row.bucket, row.window))
        put_change(held, known[place], change_of(row.series, row.at, row.figure))
    # a clock that was wrong for a while ends no gap in the future
    held.executemany(
        'UPDATE gaps SET "end" = ?2 WHERE account_id = ?1 AND start < ?2 AND "end" > ?2',
        {(clean(row.account_id), to_micros(row.at)) for row in rows},
    )


def put_change(held: sqlite3.Connection, figure: int, change: Change) -> None:
    """Keep one change of a figure by its number."""
    held.execute(
        "INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?, ?, ?)",
        (figure, change.at, change.value, change.resets_at, change.flags, change.rest),
    )


def put_gaps(held: sqlite3.Connection, gaps: Iterable[tuple[str, Gap]]) -> None:
    """Keep gaps by account id; of two that begin together the longer."""
    held.executemany(
        'INSERT INTO gaps VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET "end" = max("end", excluded."end")',
        [(clean(account_id), to_micros(gap.start), to_micros(gap.end)) for account_id, gap in gaps],
    )


def drop_gap(held: sqlite3.Connection, account_id: str, gap: Gap) -> None:
    """Forget a gap."""
    held.execute(
        "DELETE FROM gaps WHERE account_id = ? AND start = ?", (clean(account_id), to_micros(gap.start))
    )


def figure_id(held: sqlite3.Connection, account_id: str, name: FigureName) -> int:
    """The number of a figure; it gets one when it has none."""
    place = (clean(account_id), name.series.value, clean(name.bucket), clean(name.window))
    held.execute(
        "INSERT OR IGNORE INTO figures (account_id, series, bucket, window) VALUES (?, ?, ?, ?)", place
    )
    found = held.execute(
        "SELECT id FROM figures WHERE account_id = ? AND series = ? AND bucket = ? AND window = ?", place
    ).fetchone()
    return int(found[0])


# -- reading


def figure_ids(held: sqlite3.Connection, account_id: str) -> dict[FigureName, int]:
    """The numbers of an account's figures; names that cannot be read are left out."""
    found: dict[FigureName, int] = {}
    for number, series, bucket, window in held.execute(_OF_ACCOUNT, (clean(account_id),)):
        with suppress(ValueError):
            if isinstance(bucket, str) and isinstance(window, str):
                found[FigureName(Series(series), bucket, window)] = number
    return found


def figures_of(held: sqlite3.Connection, account_id: str) -> tuple[FigureName, ...]:
    """The figures of which an account has a history."""
    found = figure_ids(held, account_id).items()
    has_any = "SELECT 1 FROM changes WHERE figure = ? LIMIT 1"
    return tuple(name for name, number in found if held.execute(has_any, (number,)).fetchone())


def rows_since(
    held: sqlite3.Connection,
    account_id: str,
    since: datetime,
    last: datetime | None = None,
    *,
    carried: bool = False,
) -> tuple[HistoryRow, ...]:
    """All that is kept of an account from `since` to `last`, in order of time: of hours and days their last.

    `carried`: with what held when `since` began. Damaged rows are left out.
    """
    end = _NEVER if last is None else to_micros(last) + 1
    rows: list[HistoryRow] = []
    start = to_micros(since)
    for name, number in figure_ids(held, account_id).items():
        for at, span in _spans(held, number, start, end, Finest.CHANGE):
            exact = max(at, at // DAY * DAY + span.second * SECOND)
            figure = _figure(name.series, span)
            if figure is not None and (carried or exact >= start):
                rows.append(
                    HistoryRow(account_id, from_micros(exact), name.series, name.bucket, name.window, figure)
                )
    return tuple(sorted(rows, key=lambda row: row.at))


def timeline(
    held: sqlite3.Connection,
    account_id: str,
    name: FigureName,
    since: datetime,
    until: datetime,
    finest: Finest = Finest.CHANGE,
) -> Timeline:
    """One figure from `since` to before `until`, with what held when that began."""
    number = figure_ids(held, account_id).get(name)
    spans = () if number is None else _spans(held, number, to_micros(since), to_micros(until), finest)
    points = tuple(point for at, span in spans if (point := _point(name.series, at, span)) is not None)
    return Timeline(points, gaps_between(held, account_id, since, until))


def gaps_between(
    held: sqlite3.Connection, account_id: str, since: datetime, until: datetime
) -> tuple[Gap, ...]:
    """The gaps in an account's readings that reach into this time, in order."""
    found = held.execute(
        'SELECT start, "end" FROM gaps WHERE account_id = ? AND start < ? AND "end" > ? ORDER BY start',
        (clean(account_id), to_micros(until), to_micros(since)),
    ).fetchall()
    return tuple(gap for row in found if (gap := _gap(*row)) is not None)


def _gap(start: int, end: int) -> Gap | None:
    """None for damage."""
    try:
        gap = Gap(from_micros(start), from_micros(end))
    except UNREADABLE:
        return None
    return gap if gap.start < gap.end else None


def changes_of(held: sqlite3.Connection, number: int, start: int, end: int) -> list[Change]:
    """A figure's changes from `start` to before `end` (microseconds), in order; damaged ones are left out."""
    rows = map(_change, held.execute(_CHANGES, (number, start, end)))
    return [each for each in rows if each is not None]


def _change(row: Sequence[Any]) -> Change | None:
    change = Change(*row)
    try:
        instant(change.at)
    except UNREADABLE:
        return None
    return change if is_sound(single(change)) else None


def days_of(held: sqlite3.Connection, number: int, first: int, last: int) -> dict[int, Span]:
    """A figure's days from `first` to `last`, counted since 1970; damaged ones are left out."""
    days: dict[int, Span] = {}
    for day, *values in held.execute(_DAYS, (number, first, last)):
        span = Span(*values)
        if is_sound(span):
            days[day] = span
    return days


def hours_of(held: sqlite3.Connection, number: int, first: int, last: int) -> dict[int, tuple[Span, ...]]:
    """The hours of each such day; none where they are damaged."""
    return {day: unpack(packed) for day, packed in held.execute(_HOURS, (number, first, last))}


def _spans(
    held: sqlite3.Connection, number: int, start: int, end: int, finest: Finest
) -> list[tuple[int, Span]]:
    """When each span of a figure begins, in order; the first of them holds at `start`."""
    [before] = held.execute(_DAY_BEFORE, (number, start // DAY)).fetchone()
    first = before if isinstance(before, int) else start // DAY
    last = (end - 1) // DAY
    days = days_of(held, number, first, last)
    hours = {} if finest is Finest.DAY else hours_of(held, number, first, last)
    found: list[tuple[int, Span]] = []
    for day in sorted(days.keys() | hours.keys()):
        if within := hours.get(day):
            found += [(_hour(day, span), span) for span in within]
        elif day in days:
            found.append((day * DAY, days[day]))
    [before] = held.execute(_CHANGE_BEFORE, (number, start)).fetchone()
    changes = changes_of(held, number, before if isinstance(before, int) else start, end)
    if finest is Finest.CHANGE:
        # what is in an hour already is the newest of all, which stays behind
        told = {day * DAY // SECOND + span.second for day, within in hours.items() for span in within}
        told |= {day * DAY // SECOND + span.second for day, span in days.items()}
        found += [(each.at, single(each)) for each in changes if each.at // SECOND not in told]
    else:
        single_ones = [change for change in changes if change.at // DAY not in days]
        for day, of_day in groupby(single_ones, key=lambda change: change.at // DAY):
            if finest is Finest.HOUR:
                found += [(_hour(day, span), span) for span in merged((), of_day)]
            else:
                found.append((day * DAY, whole_day((), of_day)))
    found.sort(key=itemgetter(0))
    begins = bisect_right(found, start, key=itemgetter(0))
    return [each for each in found[max(begins - 1, 0) :] if each[0] < end]


def _hour(day: int, span: Span) -> int:
    """When the hour of a span begins."""
    return day * DAY + span.second * SECOND // HOUR * HOUR


def _point(series: Series, at: int, span: Span) -> Point | None:
    try:
        figures = amount(span.low), amount(span.high), amount(span.last)
        if any(each is not None and isinstance(each, float) is not _IS_FLOAT[series] for each in figures):
            return None
        resets_at = None if span.resets_at is None else from_seconds(span.resets_at)
        return Point(instant(at), *figures, resets_at)
    except UNREADABLE:
        return None


#: Percentages are told as numbers, amounts as texts.
_IS_FLOAT: Final = {each: each is Series.WINDOW for each in Series}


def _figure(series: Series, span: Span) -> Figure | None:
    try:
        return figure_of(series, span)
    except UNREADABLE:
        return None
