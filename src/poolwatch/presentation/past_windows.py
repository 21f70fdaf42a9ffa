"""What became of an account's windows, at which hours it is used, and what happened to it last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from msgspec import Struct

from poolwatch.domain.cycles import Cycle, EndedBy
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.past import AccountPast, PastAsked, base_window, is_window_of, watched_hours
from poolwatch.domain.usage import WEEKLY
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.event_text import event_text
from poolwatch.presentation.figures import UNKNOWN, bar_fraction, percent_text, scarcity
from poolwatch.presentation.history import Scene
from poolwatch.presentation.view import Prefs, Tone
from poolwatch.words import history as words
from poolwatch.words import screen

_DAY: Final = timedelta(days=1)
#: The windows whose hours are counted.
HOURS_OF: Final = timedelta(weeks=8)
#: An early reset of the whole pool is told once for all accounts, within so much of each one's own.
_TOGETHER: Final = timedelta(hours=1)
#: Full, empty, and between them.
LEVELS: Final = 4
_WEEK: Final = 7


class PastWindow(Struct, frozen=True):
    """A window that has ended, in final texts: `10–17 Nov`, `88%`, `reset`, `3h 10m`."""

    span: str
    peak: str
    fraction: float | None
    tone: Tone
    ended: str
    #: "" where it was never full
    full: str


class PastWindows(Struct, frozen=True):
    """Those that have ended, new to old; `begun` is where the oldest of each begins: `22 Sep`."""

    rows: tuple[PastWindow, ...] = ()
    begun: tuple[str, ...] = ()


def past_windows(scene: Scene) -> PastWindows:
    """The windows of the figure's kind that have ended; of a spend limit, its months."""
    if scene.past is None:
        return PastWindows()
    now, zone = scene.now, scene.prefs.zone
    found = [each for each in scene.past.cycles if is_window_of(scene.figure, each) and each.ended_at]
    found.sort(key=lambda each: each.started_at, reverse=True)
    return PastWindows(
        tuple(_row(each, scene.past.events, now, scene.prefs) for each in found),
        tuple(figures.day(each.started_at, now, zone) for each in found),
    )


def _row(cycle: Cycle, events: Sequence[LoggedEvent], now: datetime, prefs: Prefs) -> PastWindow:
    return PastWindow(
        _span(cycle, now, prefs.zone),
        percent_text(cycle.peak_percent),
        bar_fraction(cycle.peak_percent),
        scarcity(cycle.peak_percent, prefs.rules),
        _ended(cycle, events),
        figures.duration(timedelta(seconds=cycle.full_seconds)) if cycle.full_seconds else "",
    )


def _span(cycle: Cycle, now: datetime, zone: tzinfo | None) -> str:
    """`10–17 Nov`, `27 Oct–3 Nov`, `20 Nov 09:00–14:00`; with a `?` where its beginning was not seen."""
    if cycle.ended_at is None:
        return UNKNOWN
    start, end = (figures.local_time(each, zone) for each in (cycle.started_at, cycle.ended_at))
    seen = "" if cycle.start_seen else "?"
    if cycle.ended_at - cycle.started_at < _DAY and start.date() == end.date():
        return f"{figures.day(cycle.started_at, now, zone)} {seen}{start:%H:%M}–{end:%H:%M}"
    last = figures.day(cycle.ended_at, now, zone)
    if (start.year, start.month) == (end.year, end.month):
        return f"{seen}{start.day}–{last}"
    return f"{seen}{start.day} {screen.month(start)}–{last}"


def _ended(cycle: Cycle, events: Sequence[LoggedEvent]) -> str:
    if cycle.ended_by is EndedBy.EARLY_RESET and cycle.ended_at is not None:
        for each in events:
            is_of_all = each.kind is EventKind.UPSTREAM_RESET and abs(each.at - cycle.ended_at) <= _TOGETHER
            if is_of_all and each.accounts and each.of_accounts:
                return words.early_of(each.accounts, each.of_accounts)
    return words.ended_by(cycle.ended_by)


# --- the hours of the week


class WeekGrid(Struct, frozen=True):
    """How much is used at each hour of the week, a level from 0 to 4 each: Monday first, in local time.

    None: nobody ever read it at that hour.
    """

    levels: tuple[tuple[int | None, ...], ...]
    #: `busiest Tue 10–11 and 15–16`; "" where nothing was used
    busiest: str

    @property
    def is_whole(self) -> bool:
        """Whether every hour is known."""
        return all(level is not None for row in self.levels for level in row)

    @property
    def is_begun(self) -> bool:
        """Whether any hour is known."""
        return any(level is not None for row in self.levels for level in row)

    @property
    def days(self) -> tuple[str, ...]:
        """The names of the rows."""
        # any Monday and the days after it
        return tuple(screen.weekday(datetime(2024, 1, day, tzinfo=UTC)) for day in range(1, _WEEK + 1))


def week_grid(scene: Scene) -> WeekGrid:
    """From the weekly window's rises of the last eight weeks, else from those of the window shown."""
    past = scene.past or AccountPast(PastAsked(scene.account.key, (), scene.now))
    weekly = [each for each in past.cycles if is_window_of(base_window(WEEKLY), each)]
    chosen = weekly or [each for each in past.cycles if is_window_of(scene.figure, each)]
    until = scene.read_at or scene.now
    start = max(past.begun or until, scene.now - HOURS_OF)
    watched = watched_hours(start, until, past.gaps) if past.begun is not None else set()
    return grid_of(chosen, watched, scene.now, scene.local)


def grid_of(
    cycles: Iterable[Cycle], watched: Collection[int], now: datetime, zone: tzinfo | None
) -> WeekGrid:
    """The same of any windows; of what is used at other hours than the watched ones nobody knows."""
    first = int((now - HOURS_OF).timestamp()) // 3600
    sums: list[list[float | None]] = [[None] * 24 for _ in range(_WEEK)]

    def add(hour: int, percent: float) -> None:
        local = figures.local_time(datetime.fromtimestamp(hour * 3600, UTC), zone)
        sums[local.weekday()][local.hour] = (sums[local.weekday()][local.hour] or 0.0) + percent

    for cycle in cycles:
        for rise in cycle.rises:
            if rise.hour >= first:
                add(rise.hour, rise.percent)
    for hour in watched:
        add(hour, 0.0)
    most = max(value or 0.0 for row in sums for value in row)
    levels = tuple(tuple(_level(value, most) for value in row) for row in sums)
    return WeekGrid(levels, _busiest(sums) if most > 0 else "")


def _level(value: float | None, most: float) -> int | None:
    """0 for nothing alone."""
    if value is None or value <= 0:
        return None if value is None else 0
    return min(LEVELS, 1 + int(value / most * LEVELS))


def _busiest(sums: Sequence[Sequence[float | None]]) -> str:
    """The hour in which most is used, and the next one that does not touch it."""
    ranked = sorted(
        ((value, day, hour) for day, row in enumerate(sums) for hour, value in enumerate(row) if value),
        key=lambda each: (-each[0], each[1], each[2]),
    )
    _, day, hour = ranked[0]
    names = WeekGrid((), "").days

    def span(at: int) -> str:
        return f"{at}–{at + 1}"

    first = f"{names[day]} {span(hour)}"
    for _, other_day, other_hour in ranked[1:]:
        if abs((other_day - day) * 24 + other_hour - hour) > 1:
            second = span(other_hour) if other_day == day else f"{names[other_day]} {span(other_hour)}"
            return words.busiest_two(first, second)
    return words.busiest_two(first, "")


# --- what happened


class PastEvent(Struct, frozen=True):
    """One event: `today 11:20`, `credits +500.00, a top-up or grant`."""

    time: str
    text: str


def past_events(
    events: Sequence[LoggedEvent], names: AccountNames, now: datetime, prefs: Prefs
) -> tuple[PastEvent, ...]:
    """In words, the newest first."""
    return tuple(
        PastEvent(
            _time(each.at, now, prefs.zone),
            event_text(each, now, prefs.zone, names.bucket(each.account_id, each.bucket)),
        )
        for each in reversed(events)
    )


def _time(at: datetime, now: datetime, zone: tzinfo | None) -> str:
    time = figures.clock(at, now, zone)
    is_today = figures.local_time(at, zone).date() == figures.local_time(now, zone).date()
    return words.today(time) if is_today else time
