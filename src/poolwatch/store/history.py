"""The history of figures: how it is kept, and for how long.

Every row stays at first, then one an hour, then the last of each figure. It is thinned a few accounts at a
time, along with what is written, so that no write waits for all of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Final

import msgspec
from msgspec import Struct, convert
from msgspec.structs import astuple

from poolwatch.domain.series import Figure, HistoryRow
from poolwatch.host.instants import from_micros, to_micros
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.stored import Instant

# -- the table

_COLUMNS: Final = ("series", "bucket", "window", "at", *Figure.__struct_fields__)
_INSERT: Final = (
    f"INSERT OR REPLACE INTO history (account_id, {', '.join(_COLUMNS)})"  # noqa: S608 - names of columns alone
    f" VALUES (?{', ?' * len(_COLUMNS)})"
)
_SELECT: Final = (
    f"SELECT {', '.join(_COLUMNS)} FROM history"  # noqa: S608 - names of columns alone
    " WHERE account_id = ? AND at >= ? ORDER BY at, series, bucket, window"
)


def append(held: sqlite3.Connection, rows: Iterable[HistoryRow]) -> None:
    """Keep rows; a row for the same figure and instant replaces the former."""
    held.executemany(
        _INSERT,
        [
            tuple(
                map(
                    _column,
                    (row.account_id, row.series, row.bucket, row.window, row.at, *astuple(row.figure)),
                )
            )
            for row in rows
        ],
    )


def rows_since(held: sqlite3.Connection, account_id: str, since: datetime) -> tuple[HistoryRow, ...]:
    """An account's rows from `since` on, in order of time; damaged ones are left out."""
    rows = held.execute(_SELECT, (account_id, to_micros(since))).fetchall()
    return tuple(row for each in rows if (row := _row(account_id, each)) is not None)


def _column(value: object) -> object:
    match value:
        case datetime():
            return to_micros(value)
        case Decimal():
            return str(value)
        case str():
            # a text that UTF-8 can hold
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case _:
            return value


def _row(account_id: str, values: Sequence[object]) -> HistoryRow | None:
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
        return convert({**columns, "account_id": account_id, "figure": figure}, HistoryRow)
    except UNREADABLE:
        return None


# -- how long rows are kept

#: Rows younger than this are all kept.
FULL: Final = timedelta(days=14)
#: Of rows older than this only the last of each figure stays, for it still holds.
KEPT: Final = timedelta(days=90)
#: An account's rows beyond this many go too, oldest first.
MOST_ROWS: Final = 5_000
#: Rounds are this far apart.
ROUND: Final = timedelta(days=1)
#: After a longer pause a round waits another day: the clock may be wrong.
_PLAUSIBLE: Final = timedelta(days=45)
#: Accounts that are thinned with one write.
_AT_ONCE: Final = 10
_NOTE: Final = "history_round"

# of two rows of one figure in one hour, the earlier; 3600000000: microseconds of an hour
_HOURLY: Final = """DELETE FROM history WHERE account_id = ? AND at < ? AND EXISTS (
    SELECT 1 FROM history n WHERE n.account_id = history.account_id AND n.series = history.series
        AND n.bucket = history.bucket AND n.window = history.window AND n.at > history.at
        AND n.at < (history.at / 3600000000 + 1) * 3600000000)"""
# of two old rows of one figure, the earlier
_OLD: Final = """DELETE FROM history WHERE account_id = ? AND at < ? AND EXISTS (
    SELECT 1 FROM history n WHERE n.account_id = history.account_id AND n.series = history.series
        AND n.bucket = history.bucket AND n.window = history.window AND n.at > history.at AND n.at <= ?)"""
_TOO_MANY: Final = (
    "DELETE FROM history WHERE account_id = ?1 AND at <="
    " (SELECT at FROM history WHERE account_id = ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2)"
)


class _Round(Struct, frozen=True):
    """When the round began, and the last account that was thinned; None once all are."""

    begun: Instant
    after: str | None


class Retention:
    """Thins the history of a database, in rounds a day apart; the database knows how far a round is."""

    def __init__(self) -> None:
        self._not_before: datetime | None = None
        self._seen: datetime | None = None

    def thin(self, held: sqlite3.Connection, now: datetime) -> None:
        """Do the next piece, inside the caller's transaction, if one is due. Raises sqlite3.Error."""
        set_back = self._seen is not None and now < self._seen
        self._seen = now
        if self._not_before is not None and now < self._not_before and not set_back:
            return
        noted = _noted(held)
        begun, after = (None, None) if noted is None else (noted.begun, noted.after)
        apart = None if begun is None else now - begun
        if begun is None or apart is None or not timedelta(0) <= apart <= _PLAUSIBLE:
            begun, after = now, None
        elif after is None and apart >= ROUND:
            begun, after = now, ""
        if after is not None:
            ids = _ids_after(held, after)
            for account_id in ids:
                _thin_account(held, account_id, now)
            after = ids[-1] if len(ids) == _AT_ONCE else None
        # not within the caller's transaction alone: if that fails, the piece is only done once more
        self._not_before = begun + ROUND if after is None else None
        note = msgspec.json.encode(_Round(begun, after)).decode()
        held.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_NOTE, note))


def _noted(held: sqlite3.Connection) -> _Round | None:
    row = held.execute("SELECT value FROM meta WHERE name = ?", (_NOTE,)).fetchone()
    try:
        return None if row is None else msgspec.json.decode(row[0], type=_Round)
    except UNREADABLE:
        return None


def _ids_after(held: sqlite3.Connection, after: str) -> list[str]:
    """The next accounts with history, each found by one step in the index."""
    ids: list[str] = []
    while len(ids) < _AT_ONCE:
        [found] = held.execute(
            "SELECT min(account_id) FROM history WHERE account_id > ?", (after,)
        ).fetchone()
        if not isinstance(found, str):
            break
        ids.append(found)
        after = found
    return ids


def _thin_account(held: sqlite3.Connection, account_id: str, now: datetime) -> None:
    full, kept = _micros(now, FULL), _micros(now, KEPT)
    held.execute(_OLD, (account_id, kept, kept))
    held.execute(_HOURLY, (account_id, full))
    held.execute(_TOO_MANY, (account_id, MOST_ROWS))


def _micros(now: datetime, ago: timedelta) -> int:
    try:
        return to_micros(now - ago)
    except OverflowError:
        return to_micros(from_micros(0))
