"""The lives of windows in the database: few bytes each, since a pool has a hundred thousand of them a year.

Instants in there are seconds since the whole second in which a cycle started.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from poolwatch.domain.cycles import Cycle, EndedBy, Rise
from poolwatch.domain.series import FigureName, Series
from poolwatch.host.instants import from_micros, to_micros
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.history import figure_id, figure_ids
from poolwatch.store.spans import EXACT, SECOND
from poolwatch.store.stored import MOST_SECONDS, is_percent

#: Seconds after the start, or a percentage: whole ones take few bytes.
_Number: TypeAlias = int | float
_HOUR: Final = 3600
#: No life is longer, in seconds: instants that are kept lie no further apart.
_LONGEST: Final = 10**10
#: Nor is anything used in more hours of it, which are those of ten years.
_MOST_RISES: Final = 3660 * 24
_VERSION: Final = 1


class _Stored(Struct, frozen=True, array_like=True):
    """A cycle without what its place in the table says. A list: fields are only ever added, at the end."""

    version: int
    window_seconds: int | None
    resets_at: _Number | None
    ended_at: _Number | None
    ended_by: EndedBy | None
    peak_percent: _Number | None
    last_percent: _Number | None
    read_at: _Number | None
    full_seconds: int
    full_since: _Number | None
    #: hours since that of the start, each with the percent points used in it
    rises: tuple[tuple[int, _Number], ...]
    readings: int
    start_seen: bool
    plan: str | None
    disputed: bool = False
    watched_at: _Number | None = None


def put(held: sqlite3.Connection, cycles: Iterable[Cycle]) -> None:
    """Keep cycles; one of the same window that started at the same instant is replaced."""
    for cycle in cycles:
        name = FigureName(Series.WINDOW, cycle.bucket, cycle.window)
        # a number beyond 64 bits, which nothing real has
        with suppress(OverflowError):
            packed = _pack(cycle)
            held.execute(
                "INSERT OR REPLACE INTO cycles VALUES (?, ?, ?)",
                (figure_id(held, cycle.account_id, name), to_micros(cycle.started_at), packed),
            )


def newest(
    held: sqlite3.Connection, account_ids: Collection[str] | None, most: int
) -> Mapping[str, tuple[Cycle, ...]]:
    """The newest cycles of each window, so many at most, old to new, by account id; None: of all accounts.

    Damaged ones are left out.
    """
    if account_ids is None:
        rows = held.execute("SELECT DISTINCT account_id FROM figures").fetchall()
        account_ids = [each for (each,) in rows if isinstance(each, str)]
    found: dict[str, tuple[Cycle, ...]] = {}
    for account_id in account_ids:
        cycles: list[Cycle] = []
        for name, figure in figure_ids(held, account_id).items():
            if name.series is Series.WINDOW:
                rows = held.execute(_NEWEST, (figure, most)).fetchall()
                cycles += (
                    cycle for row in reversed(rows) if (cycle := _unpack(account_id, name, *row)) is not None
                )
        if cycles:
            found[account_id] = tuple(cycles)
    return found


def of_window(
    held: sqlite3.Connection, account_id: str, bucket: str, window: str
) -> tuple[int, tuple[Cycle, ...]]:
    """The number of a window, and all its cycles, old to new."""
    name = FigureName(Series.WINDOW, bucket, window)
    figure = figure_id(held, account_id, name)
    rows = held.execute(
        "SELECT started_at, packed FROM cycles WHERE figure = ? ORDER BY started_at", (figure,)
    )
    found = (_unpack(account_id, name, *row) for row in rows.fetchall())
    return figure, tuple(cycle for cycle in found if cycle is not None)


def drop(held: sqlite3.Connection, figure: int, starts: Iterable[datetime]) -> None:
    """Forget the cycles of a window that started then."""
    held.executemany(
        "DELETE FROM cycles WHERE figure = ? AND started_at = ?",
        [(figure, to_micros(each)) for each in starts],
    )


_NEWEST: Final = "SELECT started_at, packed FROM cycles WHERE figure = ? ORDER BY started_at DESC LIMIT ?"


def drop_before(held: sqlite3.Connection, figure: int, at: int) -> None:
    """Forget a window's cycles that started before an instant (microseconds), but for the newest."""
    held.execute(
        "DELETE FROM cycles WHERE figure = ?1 AND started_at < ?2"
        " AND started_at < (SELECT max(started_at) FROM cycles WHERE figure = ?1)",
        (figure, at),
    )


def _pack(cycle: Cycle) -> bytes:
    start = to_micros(cycle.started_at) // SECOND
    first = start // _HOUR
    stored = _Stored(
        _VERSION,
        cycle.window_seconds,
        _since(start, cycle.resets_at),
        _since(start, cycle.ended_at),
        cycle.ended_by,
        _short(cycle.peak_percent),
        _short(cycle.last_percent),
        _since(start, cycle.read_at),
        cycle.full_seconds,
        _since(start, cycle.full_since),
        tuple((rise.hour - first, _whole(rise.percent)) for rise in cycle.rises),
        cycle.readings,
        cycle.start_seen,
        cycle.plan,
        cycle.disputed,
        _since(start, cycle.watched_at),
    )
    return msgspec.msgpack.encode(stored)


def _unpack(account_id: str, name: FigureName, started_at: int, packed: bytes) -> Cycle | None:
    try:
        stored = msgspec.msgpack.decode(packed, type=_Stored)
        if not _is_sound(stored):
            return None
        start = started_at // SECOND
        first = start // _HOUR
        return Cycle(
            account_id,
            name.bucket,
            name.window,
            from_micros(started_at),
            stored.window_seconds,
            _after(start, stored.resets_at),
            _after(start, stored.ended_at),
            stored.ended_by,
            _long(stored.peak_percent),
            _long(stored.last_percent),
            _after(start, stored.read_at),
            stored.full_seconds,
            _after(start, stored.full_since),
            tuple(Rise(first + hour, float(percent)) for hour, percent in stored.rises),
            stored.readings,
            stored.start_seen,
            stored.plan,
            disputed=stored.disputed,
            watched_at=_after(start, stored.watched_at),
        )
    except UNREADABLE:
        return None


def _is_sound(stored: _Stored) -> bool:
    """Whether a window can have lived so: what is worked out of a life takes as long as the life does."""
    percents = (stored.peak_percent, stored.last_percent)
    seconds = (stored.ended_at, stored.read_at, stored.full_since, stored.watched_at, stored.full_seconds)
    hours = [hour for hour, _ in stored.rises]
    return (
        all(percent is None or is_percent(percent) for percent in percents)
        and all(is_percent(percent) for _, percent in stored.rises)
        and all(second is None or abs(second) <= _LONGEST for second in seconds)
        and (stored.window_seconds is None or 0 < stored.window_seconds <= MOST_SECONDS)
        and hours == sorted(hours)
        and len(hours) <= _MOST_RISES
        and (not hours or max(abs(hours[0]), abs(hours[-1])) <= _LONGEST // _HOUR)
    )


def _since(start: int, at: datetime | None) -> _Number | None:
    if at is None:
        return None
    micros = to_micros(at) - start * SECOND
    return micros // SECOND if micros % SECOND == 0 else micros / SECOND


def _after(start: int, seconds: _Number | None) -> datetime | None:
    return None if seconds is None else from_micros(start * SECOND + round(seconds * SECOND))


def _short(percent: float | None) -> _Number | None:
    return None if percent is None else _whole(percent)


def _whole(percent: float) -> _Number:
    return int(percent) if float(percent).is_integer() and abs(percent) < EXACT else percent


def _long(percent: _Number | None) -> float | None:
    return None if percent is None else float(percent)
