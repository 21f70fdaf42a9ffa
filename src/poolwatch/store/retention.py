"""For how long history is kept, and how finely: the daily round that makes hours and days of single changes.

It goes a few accounts at a time along with what is written, in the same transaction, so that no write waits
for all of it, and a process that dies in the middle leaves each day either as it was or as it will be.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from poolwatch.domain.series import Series
from poolwatch.domain.usage import window_length
from poolwatch.host.instants import from_micros, to_micros
from poolwatch.store import cycles, events, history
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.spans import DAY, merged, pack, whole_day
from poolwatch.store.stored import Instant

#: Changes younger than this are all kept; they go by whole days, UTC.
FULL: Final = timedelta(days=14)
#: Hours younger than this are kept, and so are events, the lives of short windows and short gaps.
HOURLY: Final = timedelta(days=400)
#: A figure's changes beyond this many become hours before their time, oldest days first.
MOST_CHANGES: Final = 20_000
#: Rounds are this far apart.
ROUND: Final = timedelta(days=1)
#: A gap shorter than this says nothing about days.
_SHORT: Final = timedelta(days=1)
#: After a longer pause a round waits another day: the clock may be wrong.
_PLAUSIBLE: Final = timedelta(days=45)
#: Accounts whose history is gone through with one write.
_AT_ONCE: Final = 10
_DAY_SECONDS: Final = 86_400
_NOTE: Final = "history_round"
_BEYOND: Final = "SELECT at FROM changes WHERE figure = ? ORDER BY at DESC LIMIT 1 OFFSET ?"
#: Before every instant, in microseconds.
_EVER: Final = -(2**62)


class _Round(Struct, frozen=True):
    """When the round began, and the last account that is done; None once all are."""

    begun: Instant
    after: str | None


class Retention:
    """Goes through the history of a database in rounds a day apart; the database knows how far a round is."""

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
            if after is None:
                events.drop_before(held, _micros(now, HOURLY))
        # not within the caller's transaction alone: if that fails, the piece is only done once more
        self._not_before = begun + ROUND if after is None else None
        note = msgspec.json.encode(_Round(begun, after)).decode()
        held.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_NOTE, note))


def roll_up(held: sqlite3.Connection, figure: int, before_day: int) -> None:
    """Make hours and days of a figure's changes before a day, counted since 1970; all but the newest go."""
    end = before_day * DAY
    for day, within in groupby(history.changes_of(held, figure, _EVER, end), key=lambda each: each.at // DAY):
        changes = list(within)
        days, hours = history.days_of(held, figure, day, day), history.hours_of(held, figure, day, day)
        # not where the hours of a day are no longer kept
        if day in hours or day not in days:
            packed = pack(merged(hours.get(day, ()), changes))
            held.execute("INSERT OR REPLACE INTO hours VALUES (?, ?, ?)", (figure, day, packed))
        whole = whole_day(days.values(), changes)
        held.execute(
            "INSERT OR REPLACE INTO days VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (figure, day, *astuple(whole))
        )
    held.execute(
        "DELETE FROM changes WHERE figure = ?1 AND at < ?2"
        " AND at < (SELECT max(at) FROM changes WHERE figure = ?1)",
        (figure, end),
    )


def first_full_day(now: datetime) -> int:
    """The first day, counted since 1970, whose changes are all kept."""
    return _micros(now, FULL) // DAY


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
            "SELECT min(account_id) FROM figures WHERE account_id > ?", (after,)
        ).fetchone()
        if not isinstance(found, str):
            break
        ids.append(found)
        after = found
    return ids


def _thin_account(held: sqlite3.Connection, account_id: str, now: datetime) -> None:
    full, old = first_full_day(now), _micros(now, HOURLY)
    for name, figure in history.figure_ids(held, account_id).items():
        if (window_length(name.window) or _DAY_SECONDS) < _DAY_SECONDS:
            cycles.drop_before(held, figure, old)
        # plans change rarely, and have no extremes
        if name.series is Series.PLAN:
            continue
        most = held.execute(_BEYOND, (figure, MOST_CHANGES)).fetchone()
        roll_up(held, figure, full if most is None else max(full, most[0] // DAY))
        held.execute("DELETE FROM hours WHERE figure = ? AND day < ?", (figure, old // DAY))
    held.execute(
        'DELETE FROM gaps WHERE account_id = ? AND "end" < ? AND "end" - start < ?',
        (account_id, old, _SHORT // timedelta(microseconds=1)),
    )


def _micros(now: datetime, ago: timedelta) -> int:
    try:
        return to_micros(now - ago)
    except OverflowError:
        return to_micros(from_micros(0))
