"""A figure over time as a chart: what is drawn, on which scales, and what of it falls into which column."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from typing import Final

from msgspec import Struct

from poolwatch.domain.series import Amount, Timeline
from poolwatch.presentation import figures
from poolwatch.presentation.view import Tone
from poolwatch.words import screen


class Tick(Struct, frozen=True):
    """A value beside which the axis has a text."""

    value: float
    text: str


class Scale(Struct, frozen=True):
    """What the bottom and the top of a chart stand for."""

    low: float
    high: float
    ticks: tuple[Tick, ...]


PERCENT: Final = Scale(0, 100, tuple(Tick(value, str(value)) for value in (0, 25, 50, 75, 100)))
#: A scale of our own has at most so many steps.
_STEPS_MOST: Final = 4
#: Smaller amounts stand with a power of ten.
_DECIMALS_MOST: Final = 6


def nice_scale(low: float, high: float) -> Scale:
    """From 0, or from below it, to at least `high`, in steps of 1, 2 or 5 times a power of ten.

    Its texts have as many decimals as the steps need.
    """
    low, high = min(0.0, low), max(0.0, high)
    high = high if high > low else low + 1
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / _STEPS_MOST))
    step = next(power * nice for nice in (1, 2, 5, 10) if span <= power * nice * _STEPS_MOST * (1 + 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    values = [number * step for number in range(first, last + 1)]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return Scale(values[0], values[-1], tuple(Tick(value, _tick_text(value, decimals)) for value in values))


def _tick_text(value: float, decimals: int) -> str:
    if decimals > _DECIMALS_MOST:
        return f"{value:.{_DECIMALS_MOST}g}"
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


class MarkKind(StrEnum):
    """What stands upright in a chart."""

    RESET = "reset"
    NOW = "now"
    #: before it nobody watched
    SINCE = "since"


class Mark(Struct, frozen=True):
    """An upright line at one instant; its text stands above it where there is room."""

    at: datetime
    kind: MarkKind
    text: str = ""


class Level(Struct, frozen=True):
    """A value from which on the line has another tone."""

    value: float
    tone: Tone


class Ahead(Struct, frozen=True):
    """What is expected at one instant to come: 8 times in 10 it lies between `low` and `high`."""

    at: datetime
    low: float
    median: float
    high: float


class Chart(Struct, frozen=True):
    """A figure between two instants (UTC) as it is drawn, whatever the size of the screen.

    The line ends at `until`, the newest reading. Two values with one of `breaks` between them are not joined.
    """

    start: datetime
    end: datetime
    until: datetime
    line: Timeline
    scale: Scale
    zone: tzinfo | None
    breaks: tuple[datetime, ...] = ()
    marks: tuple[Mark, ...] = ()
    #: in rising order of value; `is_scarce_low`: a tone holds below its value, and not from it on
    levels: tuple[Level, ...] = ()
    is_scarce_low: bool = False
    ahead: tuple[Ahead, ...] = ()

    def column(self, at: datetime, count: int) -> int:
        """In which of so many columns an instant falls; below 0 or `count` and more outside the chart."""
        return math.floor((at - self.start) / (self.end - self.start) * count)

    def instant(self, column: float, count: int) -> datetime:
        """Where a column begins."""
        return self.start + (self.end - self.start) * (column / count)

    def tone(self, value: float) -> Tone:
        """The tone of a value."""
        if self.is_scarce_low:
            return next((level.tone for level in self.levels if value <= level.value), Tone.PLAIN)
        return next((level.tone for level in reversed(self.levels) if value >= level.value), Tone.PLAIN)


class Extent(Struct):
    """The least and the most of a figure within one column."""

    low: float
    high: float

    def take(self, value: float) -> None:
        """Reach as far as this value, too."""
        if value < self.low:
            self.low = value
        elif value > self.high:
            self.high = value


class _Stretch(Struct):
    """A time over which a figure held one value, in seconds since 1970."""

    start: float
    end: float
    value: float
    #: the extremes around its beginning
    low: float
    high: float
    #: how many breaks lie before it
    resets: int
    #: the value that it follows without a break
    after: float | None = None


def columns(chart: Chart, count: int) -> tuple[tuple[Extent, ...], ...]:
    """What of the line falls into each of `count` columns: extents that are joined within themselves.

    No extreme is averaged away. A column has none where nobody read the figure, and two where it was reset.
    """
    found: list[list[Extent]] = [[] for _ in range(count)]
    start, end = chart.start.timestamp(), chart.end.timestamp()
    per_second = count / (end - start)
    for stretch in _stretches(chart):
        if stretch.end < start or stretch.start >= end:
            continue
        last = min(count - 1, int((stretch.end - start) * per_second))
        first = 0
        if stretch.start >= start:
            first = min(count - 1, int((stretch.start - start) * per_second))
            extents = found[first]
            if stretch.after is None or not extents:
                extents.append(Extent(stretch.value, stretch.value))
            extent = extents[-1]
            extent.take(stretch.value)
            extent.take(stretch.low)
            extent.take(stretch.high)
            if stretch.after is not None:
                extent.take(stretch.after)
            first += 1
        for column in range(first, last + 1):
            found[column].append(Extent(stretch.value, stretch.value))
    return tuple(map(tuple, found))


def _stretches(chart: Chart) -> Iterator[_Stretch]:
    breaks = sorted(each.timestamp() for each in chart.breaks)
    gaps = [(gap.start.timestamp(), gap.end.timestamp()) for gap in chart.line.gaps]
    points, until = chart.line.points, chart.until.timestamp()
    starts = [point.at.timestamp() for point in points]
    before: _Stretch | None = None
    for point, start, following in zip(points, starts, [*starts[1:], math.inf], strict=False):
        if start > until:
            return
        value = _number(point.last)
        if value is None:
            before = None
            continue
        end = min(following, until)
        resets = bisect_right(breaks, start) if breaks else 0
        if value and resets < len(breaks):
            # what a reset leaves of it is not known before the next reading; of nothing it leaves nothing
            end = min(end, breaks[resets])
        for begin, stop in _watched(start, end, gaps) if gaps else ((start, end),):
            stretch = _Stretch(begin, stop, value, value, value, resets)
            if begin == start:
                low, high = _number(point.low), _number(point.high)
                stretch.low = value if low is None else low
                stretch.high = value if high is None else high
            if before is not None and before.end >= begin and before.resets == resets:
                stretch.after = before.value
            yield stretch
            before = stretch


def _watched(start: float, end: float, gaps: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """The parts of a time that lie in no gap; its very beginning was read in any case."""
    begin = start
    for gap_start, gap_end in gaps[bisect_right(gaps, start, key=lambda gap: gap[1]) :]:
        if gap_start >= end:
            break
        yield begin, max(begin, gap_start)
        begin = gap_end
        if begin >= end:
            return
    yield begin, end


def _number(amount: Amount | None) -> float | None:
    return None if amount is None else float(amount)


def ahead_at(ahead: Sequence[Ahead], at: datetime) -> Ahead | None:
    """What is expected at an instant, between the instants that something is said of; None outside them."""
    index = bisect_right(ahead, at, key=lambda each: each.at)
    if not index or at > ahead[-1].at:
        return None
    before, after = ahead[index - 1], ahead[min(index, len(ahead) - 1)]
    part = (at - before.at) / (after.at - before.at) if after.at > before.at else 0.0
    pairs = ((before.low, after.low), (before.median, after.median), (before.high, after.high))
    return Ahead(at, *(one + (other - one) * part for one, other in pairs))


# --- the axis of time

_DAY: Final = timedelta(days=1)
#: Up to this length the axis tells hours, weekdays, dates; beyond it, months.
_HOURS_UP_TO: Final = timedelta(days=3)
_WEEKDAYS_UP_TO: Final = timedelta(days=16)
_DATES_UP_TO: Final = timedelta(days=120)
#: The blanks between two texts of the axis.
_BETWEEN: Final = 2


class TimeTick(Struct, frozen=True):
    """A text of the time axis, and the column that it begins at."""

    column: int
    text: str


def time_ticks(chart: Chart, count: int) -> tuple[TimeTick, ...]:
    """The texts of the time axis over so many columns: as many as stand apart, in local time."""
    length = chart.end - chart.start
    for found in _tick_choices(chart, length):
        placed = [(chart.column(at, count), text) for at, text in found]
        ticks = [TimeTick(column, text) for column, text in placed if 0 <= column < count]
        while ticks and ticks[-1].column + figures.width(ticks[-1].text) > count:
            ticks.pop()
        if all(
            one.column + figures.width(one.text) + _BETWEEN <= other.column for one, other in pairwise(ticks)
        ):
            return tuple(ticks)
    return ()


def _tick_choices(chart: Chart, length: timedelta) -> Iterator[list[tuple[datetime, str]]]:
    """The same axis more and more sparsely."""
    start, end, zone = chart.start, chart.end, chart.zone
    if length <= _HOURS_UP_TO:
        for hours in (1, 2, 3, 4, 6, 12, 24):
            yield [
                (at, f"{local:%H:%M}")
                for at in slices(start, end, timedelta(hours=1), zone)
                if (local := figures.local_time(at, zone)).hour % hours == 0
            ]
    days = _midnights(start, end, zone)
    if length <= _WEEKDAYS_UP_TO:
        yield [(at, f"{screen.weekday(day)} {day.day}") for at, day in days]
        yield [(at, screen.weekday(day)) for at, day in days]
    if length <= _DATES_UP_TO:
        for every in (1, 2):
            yield [(at, _date(day)) for at, day in days if day.toordinal() % every == 0]
        for weeks in (1, 2, 4):
            # Mondays
            yield [(at, _date(day)) for at, day in days if (day.toordinal() - 1) % (7 * weeks) == 0]
    firsts = [(at, day) for at, day in days if day.day == 1]
    for months in (1, 2, 3, 6, 12, 24):
        yield [
            (at, f"{screen.month(day)} {day.year}" if day.month == 1 else screen.month(day))
            for at, day in firsts
            if (day.year * 12 + day.month - 1) % months == 0
        ]


def _date(day: date) -> str:
    return f"{day.day} {screen.month(day)}"


def slices(start: datetime, end: datetime, step: timedelta, zone: tzinfo | None) -> list[datetime]:
    """The instants from `start` to `end` at which a slice of local time begins; each day begins a new one."""
    found: list[datetime] = []
    days = _midnights(start - _DAY, end + _DAY, zone)
    for (at, _), (after, _) in pairwise(days):
        while at < after:
            if start <= at <= end:
                found.append(at)
            at += step  # noqa: PLW2901 - walks through the day
    return found


def _midnights(start: datetime, end: datetime, zone: tzinfo | None) -> list[tuple[datetime, date]]:
    """Where local days begin, from a day before `start` on, and which days these are."""
    day, last = figures.local_time(start, zone).date(), figures.local_time(end, zone).date()
    found = []
    while day <= last:
        # without a zone, a time of day is the machine's
        local = datetime(day.year, day.month, day.day, tzinfo=zone)
        found.append((local.astimezone(start.tzinfo), day))
        day += _DAY
    return found
