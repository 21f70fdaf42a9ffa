"""When an account is used: how its use is spread over the hours of the week, where it lives."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from msgspec import Struct

from poolwatch.domain.cycles import Cycle

HOURS: Final = 168
_HOUR: Final = 3600
_DAY: Final = 86400
_WEEK: Final = HOURS * _HOUR
#: 1 January 1970 was a Thursday; weeks here begin on Monday.
_MONDAY: Final = 3 * _DAY
#: So much of a cycle is learned from at most, in seconds.
_LONGEST: Final = 366 * _DAY

#: When a cycle ends, so much of what was learnt before stays; so much of the new is the same for all hours.
_KEPT: Final = 0.7
_EVEN: Final = 0.25
#: The share of an hour that is told by the same hour of other days.
_OTHER_DAYS: Final = 0.4
#: Outside working hours a little is used all the same.
_OFF_HOURS: Final = 0.05


class Workhours(Struct, frozen=True):
    """Spans of the week that work is done in: weekday (Monday is 0), first and last minute of the day."""

    spans: tuple[tuple[int, int, int], ...]


_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN: Final = re.compile(
    r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? +(?P<opens>[0-9]{1,2}(?::[0-5][0-9])?)"
    r"-(?P<closes>[0-9]{1,2}(?::[0-5][0-9])?)"
)


def workhours_of(text: str) -> Workhours | None:
    """The hours that a text like `mon-fri 9:00-17:30, sat 10-14` names; None where it does not."""
    spans: list[tuple[int, int, int]] = []
    for part in text.lower().split(","):
        found = _SPAN.fullmatch(part.strip())
        if found is None or found["first"] not in _DAYS or (found["last"] or "mon") not in _DAYS:
            return None
        opens, closes = _minute(found["opens"]), _minute(found["closes"])
        if not opens < closes <= 1440:
            return None
        first = _DAYS.index(found["first"])
        # Saturday to Monday goes round the week
        days = 0 if found["last"] is None else (_DAYS.index(found["last"]) - first) % 7
        spans += (((first + day) % 7, opens, closes) for day in range(days + 1))
    return Workhours(tuple(spans))


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute or 0)


class Profile(Struct, frozen=True):
    """The weight of each hour of the week, Monday 0:00 first; an average hour weighs 1.

    Its methods take the zone by whose clock the week goes, None for the machine's.

    `sums[n]` is the weight of the first n hours. Time is told in profile-hours: an hour of weight 2 is two.
    """

    sums: array[float]

    def weight(self, hour: int) -> float:
        """Of one hour of the week."""
        return self.sums[hour + 1] - self.sums[hour]

    def mass(self, start: float, end: float, zone: tzinfo | None) -> float:
        """The profile-hours between two instants, in seconds since 1970; 0 where the end comes first."""
        return sum(
            self._at(until + offset) - self._at(since + offset)
            for since, until, offset in _spans(start, end, zone)
        )

    def when(self, start: float, mass: float, end: float, zone: tzinfo | None) -> float | None:
        """When so many profile-hours have passed since `start`; None if that is after `end`."""
        for since, until, offset in _spans(start, end, zone):
            here = self._at(until + offset) - self._at(since + offset)
            if here < mass:
                mass -= here
                continue
            return min(until, self._when(self._at(since + offset) + mass) - offset)
        return None

    def _when(self, mass: float) -> float:
        """The other way round: by the zone's clock, when so many have passed."""
        weeks, rest = divmod(mass, HOURS)
        hour = min(HOURS, max(1, bisect_left(self.sums, rest))) - 1
        weight = self.weight(hour)
        part = (rest - self.sums[hour]) / weight if weight > 0 else 0.0
        return weeks * _WEEK + (hour + part) * _HOUR - _MONDAY

    def _at(self, local: float) -> float:
        """The profile-hours from some Monday to `local` (seconds since 1970 by the zone's own clock)."""
        weeks, rest = divmod(local + _MONDAY, _WEEK)
        hour, part = divmod(rest, _HOUR)
        sums, index = self.sums, int(hour)
        return weeks * HOURS + sums[index] + (sums[index + 1] - sums[index]) * (part / _HOUR)


def _of_weights(weights: list[float]) -> Profile:
    scale = HOURS / sum(weights)
    # a pool has a thousand of them
    sums, total = array("d", [0.0]), 0.0
    for weight in weights:
        total += weight * scale
        sums.append(total)
    return Profile(sums)


#: Every hour alike: what is known of an account that nobody has watched.
EVEN: Final = _of_weights([1.0] * HOURS)


def of_workhours(workhours: Workhours) -> Profile:
    """The profile of somebody who works in these hours."""
    weights = [_OFF_HOURS] * HOURS
    for weekday, first, last in workhours.spans:
        for hour in range(first // 60, (last + 59) // 60):
            minutes = min(last, hour * 60 + 60) - max(first, hour * 60)
            weights[weekday * 24 + hour] = max(weights[weekday * 24 + hour], minutes / 60)
    return _of_weights(weights)


def learned(profile: Profile, cycle: Cycle, zone: tzinfo | None) -> Profile:
    """The profile after one more cycle has ended; one that still runs teaches nothing."""
    if cycle.ended_at is None:
        return profile
    end = cycle.ended_at.timestamp()
    start = cycle.watched_since.timestamp()
    if cycle.full_from is not None:
        end = min(end, cycle.full_from)
    # a longer time, which only damage can have, says no more
    start = max(start, end - _LONGEST)
    used = [0.0] * HOURS
    for rise in cycle.rises[-_LONGEST // _HOUR :]:
        for hour, part in hours_of_week(rise.hour, zone):
            used[hour] += rise.percent * part
    total = sum(used)
    if total <= 0 or end <= start:
        return profile
    # an account that is full cannot be used: such hours say nothing of its habits
    watched = _hours_within(start, end, zone)
    mass = sum(min(1.0, seen) * profile.weight(hour) for hour, seen in enumerate(watched))
    if mass <= 0:
        return profile
    shares = _smooth(used, watched)
    weights = []
    for hour in range(HOURS):
        old, seen = profile.weight(hour), min(1.0, watched[hour])
        new = _EVEN + (1 - _EVEN) * shares[hour] * mass / total
        weights.append(old + (1 - _KEPT) * seen * (new - old))
    return _of_weights(weights)


def _smooth(used: list[float], watched: list[float]) -> list[float]:
    """Use per watched hour, spread over the hours nearby and the same hour of like days."""
    spent, seen = _blurred(used), _blurred(watched)
    near = [one / other if other > 0 else 0.0 for one, other in zip(spent, seen, strict=True)]
    smooth = near[:]
    # working days are like each other, and so are the two others
    for days in (range(5), range(5, 7)):
        for hour in range(24):
            alike = [near[day * 24 + hour] for day in days if seen[day * 24 + hour] > 0]
            mean = sum(alike) / len(alike) if alike else 0.0
            for day in days:
                smooth[day * 24 + hour] += _OTHER_DAYS * (mean - near[day * 24 + hour])
    return smooth


def _blurred(hours: list[float]) -> list[float]:
    """Each hour with its neighbours, round the week."""
    around = [*hours[-2:], *hours, *hours[:2]]
    return [
        (a + 2 * b + 3 * c + 2 * d + e) / 9
        for a, b, c, d, e in zip(around, around[1:], around[2:], around[3:], around[4:], strict=False)
    ]


def _hours_within(start: float, end: float, zone: tzinfo | None) -> list[float]:
    """How much of each hour of the week lies between two instants, in hours."""
    within = [0.0] * HOURS
    for hour, part in _hours_of_week(start, end, zone):
        within[hour] += part
    return within


def hours_of_week(hour: int, zone: tzinfo | None) -> list[tuple[int, float]]:
    """The hours of the week that an hour (counted since 1970, UTC) is part of: two in a half-hour zone."""
    return _hours_of_week(hour * _HOUR, (hour + 1) * _HOUR, zone)


def _hours_of_week(start: float, end: float, zone: tzinfo | None) -> list[tuple[int, float]]:
    return [
        (int((first + offset + _MONDAY) % _WEEK // _HOUR), (last - first) / _HOUR)
        for since, until, offset in _spans(start, end, zone)
        for first, last in _full_hours(since, until, offset)
    ]


def _full_hours(since: float, until: float, offset: int) -> Iterator[tuple[float, float]]:
    """The time between in pieces that end when the zone's clock strikes."""
    while since < until:
        edge = min(until, since + _HOUR - (since + offset) % _HOUR)
        yield since, edge
        since = edge


def _spans(start: float, end: float, zone: tzinfo | None) -> list[tuple[float, float, int]]:
    """The time between two instants in pieces in which the zone's clock runs evenly, with its offset."""
    pieces: list[tuple[float, float, int]] = []
    while start < end:
        for day_end, offset in _day(int(start // _DAY), zone):
            until = min(day_end, end)
            if start >= until:
                continue
            if pieces and pieces[-1][2] == offset:
                pieces[-1] = (pieces[-1][0], until, offset)
            else:
                pieces.append((start, until, offset))
            start = until
    return pieces


@lru_cache(maxsize=4096)
def _day(day: int, zone: tzinfo | None) -> tuple[tuple[int, int], ...]:
    """A day of UTC in pieces of one offset: the end of each (since 1970) and the offset, in seconds."""
    low, high = day * _DAY, (day + 1) * _DAY
    first, last = _offset(low, zone), _offset(high - 1, zone)
    if first == last:
        return ((high, first),)
    end = high
    while end - low > 1:  # the clock is moved somewhere between
        middle = (low + end) // 2
        low, end = (middle, end) if _offset(middle, zone) == first else (low, middle)
    return ((end, first), (high, last))


def _offset(at: int, zone: tzinfo | None) -> int:
    offset = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset() or timedelta(0)
    return round(offset.total_seconds())
