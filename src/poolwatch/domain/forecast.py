"""What a window will have used when it resets, and whether it lasts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from math import ceil
from typing import Final

from msgspec import Struct

from poolwatch.domain.cycles import Cycle, EndedBy
from poolwatch.domain.profile import EVEN, Profile, Workhours, learned, of_workhours
from poolwatch.domain.ratios import TENTHS, Bank
from poolwatch.domain.values import replace

#: The share of cases in which the interval of a forecast is to hold.
COVERAGE: Final = 0.8

_HOUR: Final = 3600.0
_DAY: Final = 86400.0
#: Shorter windows are spoken of by this hour's pace alone.
_SHORTEST: Final = 86400
#: Nothing is said in the first part of a window, nor before so many hours.
_LEAST_SHARE: Final = 0.03
_LEAST_HOURS: Final = 2
_LEAST_USED: Final = 3.0
#: Less in 24 hours is idle.
_IDLE: Final = 1.0
_LEAST_READINGS: Final = 2
#: At this hour's pace: of windows that are shorter than a day.
_PACE_SECONDS: Final = 45 * 60
_PACE_USED: Final = 5.0
#: Whoever rounds shows this as 100.
_FULL: Final = 99.5
#: Of what is left, the span of the time at which it runs out must be less than this.
_SHARPEST: Final = 0.4
#: The level is learned from so many of the newest cycles.
_LEVEL_CYCLES: Final = 4
#: How many profile-hours of this cycle count as much as all that is known from before.
_OWN_PRIOR: Final = 168.0
_PLAN_PRIOR: Final = 24.0
#: What is expected is taken for no less when it is held against what came, in percent points.
LEAST_RISE: Final = 0.5


class NoForecast(StrEnum):
    """Why nothing is foretold."""

    TOO_EARLY = "too_early"
    IDLE = "idle"
    TOO_FEW = "too_few"
    OLD = "old"
    FULL = "full"
    #: two windows answer in turn
    DISPUTED = "disputed"
    #: its reset has passed
    DUE = "due"
    PLAN_CHANGED = "plan_changed"
    #: it has no weekly window, or needs a person
    NONE = "none"


class Forecast(Struct, frozen=True):
    """Of one window at one moment. Percentages are of the window, at its reset; instants aware UTC.

    Where `none_because` is set, all figures of the future are None; pace may stand all the same. Of a 5h
    window only `median_percent` is known, at this hour's pace.
    """

    bucket: str
    window: str
    made_at: datetime
    resets_at: datetime | None = None
    median_percent: float | None = None
    #: 8 times in 10 it ends between these
    low_percent: float | None = None
    high_percent: float | None = None
    #: 0..1: that it is used up before it resets
    out_probability: float | None = None
    out_earliest: datetime | None = None
    out_latest: datetime | None = None
    #: what may be used a day, in percent points, so that it lasts to the reset
    pace_per_day: float | None = None
    #: where even use would stand now
    even_percent: float | None = None
    none_because: NoForecast | None = None
    #: what had been used when it was made
    used_percent: float | None = None
    #: low, median and high as they would be, did the window not end at 100%
    endless: tuple[float, float, float] | None = None

    @property
    def runs_out(self) -> bool:
        """Whether it will more likely than not be used up before its reset."""
        return self.out_probability is not None and self.out_probability >= 0.5


class Habit(Struct, frozen=True):
    """What the past cycles of one window say: when it is used, how much, and how far one was off."""

    profile: Profile = EVEN
    #: of its newest cycles, old to new: percent points used, and the profile-hours for that
    newest: tuple[tuple[float, float], ...] = ()
    #: how many cycles were watched to their end
    cycles: int = 0
    #: by tenth of the cycle, in order
    ratios: tuple[tuple[float, ...], ...] = ((),) * TENTHS
    #: its last cycle ended because the plan changed
    plan_changed: bool = False

    @property
    def level(self) -> float | None:
        """Percent points in a profile-hour; None: nobody knows."""
        mass = sum(mass for _, mass in self.newest)
        return sum(used for used, _ in self.newest) / mass if mass > 0 else None


def learn(known: Habit, cycle: Cycle, zone: tzinfo, *, keeps_profile: bool = False) -> Habit:
    """What is known after one more cycle has ended. `keeps_profile`: working hours were told, not learned."""
    if cycle.ended_at is None or cycle.disputed or not _seconds(cycle):
        return known
    profile = known.profile if keeps_profile else learned(known.profile, cycle, zone)
    if cycle.ended_by is EndedBy.PLAN_CHANGE:
        # a percentage of another plan is another amount
        return Habit(profile, plan_changed=True)
    mass = profile.mass(max(_begun(cycle), cycle.started_at.timestamp()), _stopped(cycle), zone)
    used = sum(rise.percent for rise in cycle.rises)
    ratios = known.ratios
    if cycle.ratios:
        ratios = tuple(
            held if ratio is None else tuple(sorted([*held, ratio]))
            for held, ratio in zip(ratios, cycle.ratios, strict=True)
        )
    return Habit(profile, (*known.newest, (used, mass))[-_LEVEL_CYCLES:], known.cycles + 1, ratios)


def habit(past: Iterable[Cycle], zone: tzinfo, workhours: Workhours | None = None) -> Habit:
    """What can be learned from these cycles, old to new. `workhours` are believed more than the past."""
    known = Habit() if workhours is None else Habit(of_workhours(workhours))
    for cycle in past:
        known = learn(known, cycle, zone, keeps_profile=workhours is not None)
    return known


def closed(cycle: Cycle, before: Habit, zone: tzinfo) -> tuple[float | None, ...]:
    """What came after each tenth's middle of a cycle that has ended, by what was expected then.

    `before` is what was known when it began. Empty: it teaches nothing, because it did not end by itself.
    """
    if cycle.ended_by is not EndedBy.RESET or cycle.disputed or not _seconds(cycle):
        return ()
    begun, final, length = _begun(cycle), cycle.last_percent or 0.0, _seconds(cycle)
    found: list[float | None] = []
    for tenth in range(TENTHS):
        at = begun + (tenth + 0.5) / TENTHS * length
        stood = final - sum(rise.percent for rise in cycle.rises if rise.hour * _HOUR >= at)
        if at < cycle.started_at.timestamp() or at >= _stopped(cycle):
            found.append(None)
            continue
        level = _level(before, stood, begun, at, zone)
        rise = (level or 0.0) * before.profile.mass(at, begun + length, zone)
        found.append((final - stood) / max(rise, LEAST_RISE))
    return tuple(found)


def look_ahead(
    cycle: Cycle,
    known: Habit,
    bank: Bank,
    now: datetime,
    zone: tzinfo,
    stale_after: timedelta,
    burned_before: float = 0.0,
) -> Forecast:
    """What becomes of a running cycle. `burned_before`: used in the cycle before it within the last 24 hours.

    `now` is by the server's clock, as resets are.
    """
    length, used, resets_at = _seconds(cycle), cycle.last_percent, cycle.resets_at
    said = Forecast(cycle.bucket, cycle.window, now, resets_at, used_percent=used)
    if not length or used is None or resets_at is None or cycle.read_at is None:
        return replace(said, none_because=NoForecast.NONE)
    if resets_at <= now:
        return replace(said, none_because=NoForecast.DUE)
    if cycle.disputed:
        return replace(said, none_because=NoForecast.DISPUTED)
    begun, at, end = _begun(cycle), now.timestamp(), resets_at.timestamp()
    said = replace(said, even_percent=min(100.0, max(0.0, (at - begun) / length * 100)))
    if now - cycle.read_at > stale_after:
        return replace(said, none_because=NoForecast.OLD)
    if used >= 100:
        return replace(said, none_because=NoForecast.FULL)
    if length < _SHORTEST:
        return _at_this_pace(said, cycle, used, begun, at, end)
    said = replace(said, pace_per_day=(100 - used) / max(1.0, (end - at) / _DAY))
    why = _objection(cycle, known, used, at - begun, length, burned_before + _burned(cycle, at - _DAY))
    if why is not None:
        return replace(said, none_because=why)
    level = _level(known, used, begun, at, zone, bank.level(cycle.plan))
    if level is None:
        return replace(said, none_because=NoForecast.TOO_EARLY)
    mass = known.profile.mass(at, end, zone)
    rise = max(level * mass, LEAST_RISE)
    odds = bank.odds((at - begun) / length, known.ratios)
    ratios = (odds.interval(COVERAGE)[0], odds.quantile(0.5), odds.interval(COVERAGE)[1])
    low, median, high = (used + rise * ratio for ratio in ratios)
    said = replace(
        said,
        median_percent=min(100.0, median),
        low_percent=min(100.0, low),
        high_percent=min(100.0, high),
        out_probability=odds.above((_FULL - used) / rise),
        endless=(low, median, high),
    )
    if not said.runs_out:
        return said
    earliest, latest = (
        # with less than that it lasts far beyond the reset
        known.profile.when(at, mass * (100 - used) / (top - used), 2 * end - at, zone) if top > used else None
        for top in (high, low)
    )
    if earliest is None or latest is None or latest - earliest >= _SHARPEST * (end - at):
        return said
    return replace(
        said,
        out_earliest=datetime.fromtimestamp(earliest, UTC),
        out_latest=datetime.fromtimestamp(min(latest, end), UTC),
    )


class Expected(Struct, frozen=True):
    """What will have been used at one moment: 8 times in 10 between `low` and `high`."""

    at: datetime
    low: float
    median: float
    high: float


def path(said: Forecast, profile: Profile, zone: tzinfo) -> tuple[Expected, ...]:
    """The way from where a forecast was made to the reset, hour by hour; empty where nothing is foretold."""
    used, resets_at, at_reset = said.used_percent, said.resets_at, said.median_percent
    if used is None or resets_at is None or at_reset is None:
        return ()
    start, end = said.made_at.timestamp(), resets_at.timestamp()
    low, median, high = said.endless or (at_reset, at_reset, at_reset)
    mass = profile.mass(start, end, zone)
    found: list[Expected] = []
    hours = ceil((end - start) / _HOUR)
    for hour in range(hours + 1):
        at = min(end, start + hour * _HOUR)
        if said.endless is None or mass <= 0:
            share = (at - start) / (end - start)
        else:
            share = profile.mass(start, at, zone) / mass
        ends = (min(100.0, used + (top - used) * share) for top in (low, median, high))
        found.append(Expected(datetime.fromtimestamp(at, UTC), *ends))
    return tuple(found)


def _objection(
    cycle: Cycle, known: Habit, used: float, elapsed: float, length: float, burned: float
) -> NoForecast | None:
    if known.plan_changed:
        return NoForecast.PLAN_CHANGED
    if cycle.readings < _LEAST_READINGS:
        return NoForecast.TOO_FEW
    if elapsed < max(_LEAST_HOURS * _HOUR, _LEAST_SHARE * length):
        return NoForecast.TOO_EARLY
    if burned < _IDLE:
        return NoForecast.IDLE
    if used < _LEAST_USED and known.cycles < 2:
        return NoForecast.TOO_EARLY
    return None


def _at_this_pace(said: Forecast, cycle: Cycle, used: float, begun: float, at: float, end: float) -> Forecast:
    """Of a short window: where it ends if it goes on as in the last hour."""
    if cycle.readings < _LEAST_READINGS:
        return replace(said, none_because=NoForecast.TOO_FEW)
    if at - begun < _PACE_SECONDS or used < _PACE_USED:
        return replace(said, none_because=NoForecast.TOO_EARLY)
    since = max(begun, at - _HOUR)
    pace = _burned(cycle, since) / (at - since)
    return replace(said, median_percent=min(100.0, used + pace * (end - at)))


def _burned(cycle: Cycle, since: float) -> float:
    """What was used since then; of the hour in which that lies, its part."""
    total = 0.0
    for rise in reversed(cycle.rises):
        part = (rise.hour + 1) - since / _HOUR
        if part <= 0:
            break
        total += rise.percent * min(1.0, part)
    return total


def level_now(cycle: Cycle, known: Habit, bank: Bank, now: datetime, zone: tzinfo) -> float | None:
    """The percent points that are used in a profile-hour; None where nobody knows."""
    if not _seconds(cycle) or cycle.last_percent is None:
        return known.level
    at = min(now.timestamp(), _stopped(cycle))
    return _level(known, cycle.last_percent, _begun(cycle), at, zone, bank.level(cycle.plan))


def _level(
    known: Habit, used: float, begun: float, at: float, zone: tzinfo, of_plan: float | None = None
) -> float | None:
    """What was used in this cycle, drawn towards what was known before."""
    elapsed = known.profile.mass(begun, at, zone)
    prior, weight = (known.level, _OWN_PRIOR) if known.level is not None else (of_plan, _PLAN_PRIOR)
    if prior is None:
        return used / elapsed if elapsed > 0 else None
    return (prior * weight + used) / (weight + elapsed)


def _seconds(cycle: Cycle) -> float:
    """The length of its window; 0 where that, or its reset, is not known."""
    return float(cycle.window_seconds or 0) if cycle.resets_at is not None else 0.0


def _begun(cycle: Cycle) -> float:
    """When the window began, which may lie before the first reading of it."""
    return (cycle.resets_at or cycle.started_at).timestamp() - (cycle.window_seconds or 0)


def _stopped(cycle: Cycle) -> float:
    """When nothing more could be used: it was full, or over."""
    ends = [each for each in (cycle.full_since, cycle.ended_at, cycle.resets_at) if each is not None]
    return min(ends, default=cycle.started_at).timestamp()
