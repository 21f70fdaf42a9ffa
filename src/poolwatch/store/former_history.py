"""The history of version 2 of the tables, carried over into version 3; it goes with the next release.

There was one table of rows. Those older than two weeks had been thinned to the last of each hour, so that
nobody knows the extremes of those hours any more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from math import isfinite
from operator import itemgetter
from typing import Final

import msgspec
from msgspec import Struct, convert
from msgspec.structs import astuple, replace

from poolwatch.domain.series import Figure, FigureName, Series
from poolwatch.host.instants import from_micros, to_micros
from poolwatch.store import identities
from poolwatch.store.documents import UNREADABLE, decode_account
from poolwatch.store.history import figure_id, put_change
from poolwatch.store.spans import DAY, Change, Span, change_of, merged, pack, single, whole_day
from poolwatch.store.stored import Instant

_FULL: Final = timedelta(days=14)
_COLUMNS: Final = ("series", "bucket", "window", "at", *Figure.__struct_fields__)
_ROWS: Final = (
    f"SELECT {', '.join(_COLUMNS)} FROM history WHERE account_id = ?"  # noqa: S608 - names of columns alone
    " ORDER BY series, bucket, window, at"
)


class _Round(Struct, frozen=True):
    begun: Instant


def carry_history(held: sqlite3.Connection) -> None:
    """Every row becomes a change, or the last of an hour; damaged ones are left out."""
    thinned_before = _thinned_before(held)
    for (account_id,) in held.execute("SELECT DISTINCT account_id FROM history").fetchall():
        rows = [row for each in held.execute(_ROWS, (account_id,)) if (row := _row(each)) is not None]
        for name, within in groupby(rows, key=itemgetter(0)):
            changes = [change_of(name.series, at, figure) for _, at, figure in within]
            _carry(held, figure_id(held, account_id, name), name.series, changes, thinned_before)


def carry_identities(held: sqlite3.Connection) -> None:
    """The ids of the accounts whose state is known."""
    documents = held.execute("SELECT doc FROM readings").fetchall()
    accounts = (decode_account(document) for (document,) in documents)
    identities.put(held, identities.identities_of(each for each in accounts if each is not None))


def _carry(
    held: sqlite3.Connection, figure: int, series: Series, changes: Sequence[Change], thinned_before: int
) -> None:
    # whole days: of the last of them some hours may still have all their rows
    end = 0 if series is Series.PLAN else -(-thinned_before // DAY) * DAY
    old = [change for change in changes if change.at < end]
    # the newest still holds
    for change in (*changes[len(old) :], changes[-1]):
        put_change(held, figure, change)
    for day, within in groupby(old, key=lambda change: change.at // DAY):
        spans = [_span(change, is_whole=change.at >= thinned_before) for change in within]
        held.execute("INSERT OR REPLACE INTO hours VALUES (?, ?, ?)", (figure, day, pack(merged(spans, ()))))
        held.execute(
            "INSERT OR REPLACE INTO days VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (figure, day, *astuple(whole_day(spans))),
        )


def _span(change: Change, *, is_whole: bool) -> Span:
    return single(change) if is_whole else replace(single(change), low=None, high=None)


def _thinned_before(held: sqlite3.Connection) -> int:
    """Before which instant rows may have been thinned, in microseconds."""
    row = held.execute("SELECT value FROM meta WHERE name = 'history_round'").fetchone()
    try:
        return to_micros(msgspec.json.decode(row[0], type=_Round).begun - _FULL)
    except UNREADABLE:
        return 0


def _row(values: Sequence[object]) -> tuple[FigureName, datetime, Figure] | None:
    columns = dict(zip(_COLUMNS, values, strict=True))
    try:
        for name in ("at", "resets_at"):
            if columns[name] is not None:
                columns[name] = from_micros(convert(columns[name], int))
        # 0 and 1 are truth values here
        figure = convert(columns, Figure, strict=False)
        numbers = (figure.used_percent, figure.balance, figure.spent, figure.spend_limit)
        if not all(isfinite(number) for number in numbers if number is not None):
            return None
        return convert(columns, FigureName), convert(columns["at"], datetime), figure
    except UNREADABLE:
        return None
