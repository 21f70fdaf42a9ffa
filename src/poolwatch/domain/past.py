"""What is kept of the past of an account, and what the figures of many accounts make together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Final

from msgspec import Struct, field

from poolwatch.domain.account import AccountKey
from poolwatch.domain.cycles import Cycle
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.series import SPEND_BUCKET, Amount, FigureName, Finest, Gap, Point, Series, Timeline
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY


class PastAsked(Struct, frozen=True):
    """What somebody wants to know of an account's past: these figures since then, and its newest cycles."""

    key: AccountKey
    figures: tuple[FigureName, ...]
    since: datetime
    #: how many of each window
    cycles: int = 0
    #: its events from then on, and the resets of whole upstreams
    events_since: datetime | None = None
    finest: Finest = Finest.CHANGE
    #: the gaps in its readings from then on; None: from `since` on
    gaps_since: datetime | None = None


class AccountPast(Struct, frozen=True):
    """The answer; `cycles` are old to new for each window, the running one last, `events` old to new."""

    asked: PastAsked
    lines: Mapping[FigureName, Timeline] = field(default_factory=dict)
    cycles: tuple[Cycle, ...] = ()
    events: tuple[LoggedEvent, ...] = ()
    #: when nobody read anything of it, in order
    gaps: tuple[Gap, ...] = ()
    #: all figures that anything is kept of
    known: tuple[FigureName, ...] = ()
    #: the zone that its users live in; None: the machine's
    zone: tzinfo | None = None

    def line(self, name: FigureName | None) -> Timeline:
        """One of the figures over the time; empty where nothing is kept of it."""
        return self.lines.get(name, Timeline()) if name is not None else Timeline()

    @property
    def begun(self) -> datetime | None:
        """The first reading that is known of; None where there is none."""
        points = [line.points[0].at for line in self.lines.values() if line.points]
        return min([*points, *(each.watched_since for each in self.cycles)], default=None)


CREDITS: FigureName = FigureName(Series.CREDITS)


def base_window(kind: str) -> FigureName:
    """The base window of that kind."""
    return FigureName(Series.WINDOW, BASE_BUCKET, kind)


def is_base(name: FigureName) -> bool:
    """Whether it is a window of the base bucket."""
    return name.series is Series.WINDOW and name.bucket == BASE_BUCKET


def is_window_of(name: FigureName, cycle: Cycle) -> bool:
    """Whether a cycle is one of that window, or of that spend limit."""
    if name.series is Series.SPEND:
        return (SPEND_BUCKET, name.window) == (cycle.bucket, cycle.window)
    return name.series is Series.WINDOW and (name.bucket, name.window) == (cycle.bucket, cycle.window)


def holding(points: Sequence[Point], at: datetime) -> Point | None:
    """The newest point that is not after an instant."""
    index = bisect_right(points, at, key=lambda point: point.at)
    return points[index - 1] if index else None


def in_gap(gaps: Iterable[Gap], at: datetime) -> bool:
    """Whether nobody read anything then."""
    return any(gap.start < at < gap.end for gap in gaps)


def watched_hours(start: datetime, end: datetime, gaps: Iterable[Gap]) -> set[int]:
    """The whole hours since 1970, UTC, of this time in which somebody read something."""
    found = set(range(int(start.timestamp()) // 3600, -(-int(end.timestamp()) // 3600)))
    for gap in gaps:
        found.difference_update(
            range(-(-int(gap.start.timestamp()) // 3600), int(gap.end.timestamp()) // 3600)
        )
    return found


def fallen(line: Timeline, start: datetime, end: datetime) -> Amount | None:
    """How far a figure fell from `start` to `end`, its rises left out; None where nothing of it is known."""
    return _moved(line, start, end, rises=False)


def risen(line: Timeline, start: datetime, end: datetime) -> Amount | None:
    """How far a figure rose, its falls left out: what was used of a window, over its resets."""
    return _moved(line, start, end, rises=True)


def _moved(line: Timeline, start: datetime, end: datetime, *, rises: bool) -> Amount | None:
    before = holding(line.points, start)
    value = before.last if before is not None else None
    total: Amount | None = None if value is None else type(value)(0)
    first = bisect_right(line.points, start, key=lambda point: point.at)
    last = bisect_right(line.points, end, key=lambda point: point.at)
    for point in line.points[first:last]:
        after = point.last
        if after is None:
            value = None
            continue
        if total is None:
            total = type(after)(0)
        if value is not None:
            step = after - value if rises else value - after  # type: ignore[operator]  # both are of one kind
            total += max(step, type(step)(0))  # type: ignore[operator]  # likewise
        value = after
    return total


#: A rate over less of an hour says nothing.
_LEAST_HOURS: Final = 0.25


class PoolFigure(StrEnum):
    """What a chart of many accounts shows."""

    #: what is left of their weekly limits, in percent of all
    ROOM = "room"
    #: percent of all weekly limits in an hour
    BURN = "burn"
    #: the sum of their balances
    CREDITS = "credits"
    #: how many have something left in each of their base windows
    ACTIVE = "active"


class Sums:
    """The figures of many accounts taken together, one account after the other, at the same instants.

    What one account's figure is at an instant, or in the span that begins there, counts where it is known.
    """

    def __init__(self, figure: PoolFigure, instants: Sequence[datetime]) -> None:
        """`instants` rise; the last one only ends the span before it."""
        self.figure = figure
        self.instants = tuple(instants)
        count = len(self.instants)
        #: of how many accounts something is known at each instant, and how much these count
        self.known = [0] * count
        self._weights = [0.0] * count
        self._totals: list[Amount] = [Decimal(0) if figure is PoolFigure.CREDITS else 0.0] * count

    def add(self, past: AccountPast, until: datetime, weight: float = 1.0) -> None:
        """Take an account in, whose figures hold until then; of the room of all it is so large a part."""
        match self.figure:
            case PoolFigure.ROOM:
                values = self._values(past.line(base_window(WEEKLY)), until)
                self._take([None if each is None else max(0.0, 100 - float(each)) for each in values], weight)
            case PoolFigure.CREDITS:
                self._take(self._values(past.line(CREDITS), until))
            case PoolFigure.ACTIVE:
                windows = [self._values(line, until) for name, line in past.lines.items() if is_base(name)]
                each_moment: Iterable[tuple[Amount | None, ...]] = zip(*windows, strict=True)
                self._take([_has_room(values) for values in each_moment])
            case PoolFigure.BURN:
                self._take(self._burned(past, until))

    def timeline(self) -> Timeline:
        """What is known of all together; nothing where that is less than half of them ever."""
        least = max(self.known, default=0) / 2
        points = []
        for at, total, weight, known in zip(
            self.instants, self._totals, self._weights, self.known, strict=True
        ):
            value: Amount | None = total
            if not known or known < least:
                value = None
            elif isinstance(total, float) and self.figure is not PoolFigure.ACTIVE:
                value = total / weight
            points.append(Point(at, value, value, value))
        return Timeline(tuple(points))

    def _take(self, values: Iterable[Amount | None], weight: float = 1.0) -> None:
        is_sum = self.figure is PoolFigure.CREDITS
        for number, value in enumerate(values):
            if value is not None:
                self.known[number] += 1
                self._weights[number] += weight
                self._totals[number] += value if is_sum else float(value) * weight  # type: ignore[operator]  # as begun

    def _values(self, line: Timeline, until: datetime) -> list[Amount | None]:
        """The figure at each instant; None in gaps, and between a reset and the reading that follows it."""
        found: list[Amount | None] = []
        points, number = line.points, -1
        gaps, passed = line.gaps, 0
        for at in self.instants:
            while number + 1 < len(points) and points[number + 1].at <= at:
                number += 1
            while passed < len(gaps) and gaps[passed].end <= at:
                passed += 1
            point = points[number] if number >= 0 else None
            is_unseen = at > until or (passed < len(gaps) and gaps[passed].start < at)
            found.append(None if point is None or is_unseen or _is_over(point, at) else point.last)
        return found

    def _burned(self, past: AccountPast, until: datetime) -> list[float | None]:
        """Percent points an hour in each span, by the hours that its weekly windows rose in."""
        weekly = [each for each in past.cycles if is_window_of(base_window(WEEKLY), each)]
        if not weekly:
            return [None] * len(self.instants)
        first = min(each.started_at for each in weekly)
        seconds = [each.timestamp() for each in self.instants]
        burned = [0.0] * len(seconds)
        for cycle in weekly:
            for rise in cycle.rises:
                begins, ends = rise.hour * 3600, rise.hour * 3600 + 3600
                number = max(0, bisect_right(seconds, begins) - 1)
                while number + 1 < len(seconds) and seconds[number] < ends:
                    inside = min(ends, seconds[number + 1]) - max(begins, seconds[number])
                    if inside > 0:
                        burned[number] += rise.percent * inside / 3600
                    number += 1
        last = until.timestamp()
        spans = [(min(after, last) - at) / 3600 for at, after in pairwise(seconds)]
        rates: list[float | None] = [
            amount / span
            if first <= at and span >= _LEAST_HOURS and not _is_within(past.gaps, at, after)
            else None
            for (at, after), amount, span in zip(pairwise(self.instants), burned, spans, strict=False)
        ]
        return [*rates, None] if rates else []


def _is_within(gaps: Iterable[Gap], start: datetime, end: datetime) -> bool:
    return any(gap.start <= start and end <= gap.end for gap in gaps)


def _is_over(point: Point, at: datetime) -> bool:
    """Whether a reset has passed since, of which nobody has read what it left."""
    return point.resets_at is not None and point.resets_at <= at and bool(point.last)


def _has_room(values: Iterable[Amount | None]) -> float | None:
    known = [float(each) for each in values if each is not None]
    return None if not known else float(all(each < 100 for each in known))
