"""What was used of a figure, reading by reading, and how much that is over a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from typing import Final, Generic, TypeVar

from msgspec import Struct

from poolwatch.domain.cycles import Observation, Track
from poolwatch.domain.series import Gap, Point, Timeline
from poolwatch.domain.track import advance
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY, window_length
from poolwatch.domain.when import midnight

N = TypeVar("N", float, Decimal)

#: What is usual on a day is told by so many whole days, of which as many as this at least must be known.
USUAL_DAYS: Final = 14
_LEAST_DAYS: Final = 3
_DAY: Final = timedelta(days=1)
#: Readings that are followed, and balances that are compared, between two turns of the event loop.
_FOLLOWED_AT_ONCE: Final = 50
_ADDED_AT_ONCE: Final = 500
#: In a day of which shorter times are missing is known what was used.
_LONG_GAP: Final = timedelta(hours=6)


class Use(Struct, Generic[N], frozen=True):
    """What a reading at `at` found used beyond the one before it, which was at `since`; above 0."""

    since: datetime
    at: datetime
    amount: N


class Stretch(Struct, frozen=True):
    """A time from `start` to `end`, both aware UTC."""

    start: datetime
    end: datetime

    def counts(self, since: datetime, at: datetime) -> bool:
        """Whether what was found used at `at`, since a reading at `since`, was used in this time.

        What was used in a gap counts when it was seen. Of a gap that is longer than that nobody knows.
        """
        if not self.start < at <= self.end:
            return False
        return since >= self.start or at - since <= self.end - self.start


def weekly_uses(timeline: Timeline, until: datetime) -> Generator[None, None, tuple[Use[float], ...]]:
    """What was used of the weekly window, in percent points, over resets as well; `until` it was read.

    Yields between short pieces of work, as what follows here.
    """
    starts, track = _starts(timeline.gaps), Track()
    found: list[Use[float]] = []
    for number, point in enumerate(_held_until(timeline.points, until)):
        if number % _FOLLOWED_AT_ONCE == _FOLLOWED_AT_ONCE - 1:
            yield
        percent = None if point.last is None else float(point.last)
        seen = Observation(point.at, percent, point.resets_at, window_length(WEEKLY))
        step = advance(track, "", BASE_BUCKET, WEEKLY, seen)
        track = step.track
        found += (Use(starts.get(gain.at, gain.at), gain.at, gain.percent) for gain in step.gains)
    return tuple(found)


def credit_uses(timeline: Timeline) -> Generator[None, None, tuple[Use[Decimal], ...]]:
    """What was used of credits; a balance that rises was topped up, and one that is unknown says nothing."""
    starts = _starts(timeline.gaps)
    found: list[Use[Decimal]] = []
    former: Decimal | None = None
    for number, point in enumerate(timeline.points):
        if number % _ADDED_AT_ONCE == _ADDED_AT_ONCE - 1:
            yield
        balance = point.last if isinstance(point.last, Decimal) else None
        if former is not None and balance is not None and balance < former:
            found.append(Use(starts.get(point.at, point.at), point.at, former - balance))
        former = balance
    return tuple(found)


def _held_until(points: Sequence[Point], until: datetime) -> Iterable[Point]:
    yield from points
    if points and points[-1].at < until:
        last = points[-1]
        yield Point(until, last.low, last.high, last.last, last.resets_at)


def _starts(gaps: Iterable[Gap]) -> dict[datetime, datetime]:
    """When the gap began that a reading at this instant ended."""
    return {gap.end: gap.start for gap in gaps}


def whole_days(now: datetime, zone: tzinfo | None, count: int = USUAL_DAYS) -> tuple[Stretch, ...]:
    """The last whole days before the one of `now`, newest first."""
    today = now.astimezone(zone).date()
    begins = [midnight(today - _DAY * back, zone) for back in range(count + 1)]
    return tuple(Stretch(start, end) for end, start in pairwise(begins))


def usual_per_day(
    uses: Sequence[Use[N]], days: Iterable[Stretch], gaps: Sequence[Gap], known_from: datetime, none: N
) -> Generator[None, None, N | None]:
    """The median of these days, or None where too few are known; `none` is the 0 of these amounts.

    A day is left out that lies for more than half in long gaps, or before the first reading. `uses` come in
    order of time.
    """
    found: list[N] = []
    for day in days:
        yield
        length = day.end - day.start
        away = sum((_overlap(gap, day) for gap in gaps if gap.end - gap.start >= _LONG_GAP), timedelta(0))
        if day.start < known_from or away * 2 > length:
            continue
        first, last = (bisect_right(uses, at, key=_found_at) for at in (day.start, day.end))
        found.append(sum((use.amount for use in uses[first:last] if day.counts(use.since, use.at)), none))
    return median(found) if len(found) >= _LEAST_DAYS else None


def _found_at(use: Use[N]) -> datetime:
    return use.at


def _overlap(gap: Gap, day: Stretch) -> timedelta:
    return max(timedelta(0), min(gap.end, day.end) - max(gap.start, day.start))


def median(values: Iterable[N]) -> N:
    """Of at least one value; of an even number, half way between the two in the middle."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
