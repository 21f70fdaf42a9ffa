"""What becomes of a usage window: made of its running cycle, its habit, and how far one was off before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil
from typing import Final

from msgspec import Struct

from poolwatch.domain.cycles import Cycle
from poolwatch.domain.forecast import COVERAGE, Forecast, NoForecast
from poolwatch.domain.habit import (
    LEAST_RISE,
    LONGEST,
    SHORTEST,
    Habit,
    begun_at,
    level,
    level_now,
    seconds,
    stopped_at,
)
from poolwatch.domain.profile import Profile
from poolwatch.domain.ratios import Bank
from poolwatch.domain.values import replace

_HOUR: Final = 3600.0
_DAY: Final = 86400.0
#: Nothing is said in the first part of a window, nor before so many hours.
_LEAST_SHARE: Final = 0.03
_LEAST_HOURS: Final = 2
_LEAST_USED: Final = 3.0
#: Less in 24 hours is idle.
_IDLE: Final = 1.0
_LEAST_READINGS: Final = 2
#: Windows that are shorter than a day are spoken of by this hour's pace alone, and not before so much.
_PACE_SECONDS: Final = 45 * 60
_PACE_USED: Final = 5.0
#: Whoever rounds shows this as 100.
_FULL: Final = 99.5
#: So much is left out on each side of the time at which it runs out. Ratios are of whole windows, and what
#: happens before they end differs more, so that the time holds as often as the percentage does with less.
_OUT_LEFT: Final = 0.03
#: Of what is left, the span of the time at which it runs out must be less than this.
_SHARPEST: Final = 0.4


def look_ahead(
    cycle: Cycle,
    known: Habit,
    bank: Bank,
    now: datetime,
    zone: tzinfo | None,
    stale_after: timedelta,
    burned_before: float = 0.0,
    clock_offset: timedelta = timedelta(0),
) -> Forecast:
    """What becomes of a running cycle. `burned_before`: used in the cycle before it within the last 24 hours.

    `now` is by our own clock, as readings are; the server's, which resets go by, is ahead by `clock_offset`.
    """
    server_now = now + clock_offset
    length, used, resets_at = seconds(cycle), cycle.last_percent, cycle.resets_at
    said = Forecast(cycle.bucket, cycle.window, now, resets_at, used_percent=used)
    if not can_be_told(cycle) or used is None or resets_at is None or cycle.read_at is None:
        return replace(said, none_because=NoForecast.NONE)
    if resets_at <= server_now:
        return replace(said, none_because=NoForecast.DUE)
    if cycle.disputed:
        return replace(said, none_because=NoForecast.DISPUTED)
    begun, at, end = begun_at(cycle), server_now.timestamp(), resets_at.timestamp()
    said = replace(said, even_percent=min(100.0, max(0.0, (at - begun) / length * 100)))
    if now - cycle.read_at > stale_after:
        return replace(said, none_because=NoForecast.OLD)
    if used >= 100:
        return replace(said, none_because=NoForecast.FULL)
    if length < SHORTEST:
        return _at_this_pace(said, cycle, used, begun, at, end)
    said = replace(said, pace_per_day=(100 - used) / max(1.0, (end - at) / _DAY))
    why = _objection(cycle, known, used, at, begun, length, burned_before + _burned(cycle, at - _DAY))
    if why is not None:
        return replace(said, none_because=why)
    rate = level(known, used, begun, at, zone, bank.level(cycle.plan))
    if rate is None:
        return replace(said, none_because=NoForecast.TOO_EARLY)
    return _told(said, known, bank, rate, (at - begun) / length, at, end, zone)


def if_reset(
    cycle: Cycle,
    known: Habit,
    bank: Bank,
    now: datetime,
    zone: tzinfo | None,
    stale_after: timedelta,
    clock_offset: timedelta = timedelta(0),
) -> Forecast:
    """What becomes of a window that is set to zero now, if its use goes on as before; `now` as above.

    It resets one length later. How fast it goes is told by the running cycle, up to where that was used up.
    """
    server_now, length = now + clock_offset, seconds(cycle)
    said = Forecast(cycle.bucket, cycle.window, now, used_percent=0.0)
    if not can_be_told(cycle) or cycle.read_at is None or length < SHORTEST:
        return replace(said, none_because=NoForecast.NONE)
    said = replace(said, resets_at=server_now + timedelta(seconds=length))
    at, begun = server_now.timestamp(), begun_at(cycle)
    why = None
    if cycle.disputed:
        why = NoForecast.DISPUTED
    elif known.plan_changed:
        why = NoForecast.PLAN_CHANGED
    elif now - cycle.read_at > stale_after:
        why = NoForecast.OLD
    elif known.level is None and cycle.readings < _LEAST_READINGS:
        why = NoForecast.TOO_FEW
    elif known.level is None and min(at, stopped_at(cycle)) - begun < _least_seconds(length):
        why = NoForecast.TOO_EARLY
    rate = level_now(cycle, known, bank, server_now, zone)
    if why is not None or rate is None:
        return replace(said, none_because=why or NoForecast.TOO_EARLY)
    return _told(said, known, bank, rate, 0.0, at, at + length, zone)


def _told(
    said: Forecast,
    known: Habit,
    bank: Bank,
    rate: float,
    share: float,
    at: float,
    end: float,
    zone: tzinfo | None,
) -> Forecast:
    """With its figures, at `rate` (percent points in a profile-hour) and after this share of the window."""
    used = said.used_percent or 0.0
    mass = known.profile.mass(at, end, zone)
    rise = max(rate * mass, LEAST_RISE)
    odds = bank.odds(share, known.ratios)
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
        known.profile.when(at, mass * (100 - used) / (rise * ratio), 2 * end - at, zone)
        if ratio > 0
        else None
        for ratio in (odds.quantile(1 - _OUT_LEFT), odds.quantile(_OUT_LEFT))
    )
    if earliest is None or latest is None or latest - earliest >= _SHARPEST * (end - at):
        return said
    return replace(
        said,
        out_earliest=datetime.fromtimestamp(earliest, UTC),
        out_latest=datetime.fromtimestamp(min(latest, end), UTC),
    )


def can_be_told(cycle: Cycle) -> bool:
    """Whether enough is known of a cycle to say anything of it."""
    told = (cycle.last_percent, cycle.resets_at, cycle.read_at)
    return seconds(cycle) > 0 and None not in told


class Expected(Struct, frozen=True):
    """What will have been used at one moment: 8 times in 10 between `low` and `high`."""

    at: datetime
    low: float
    median: float
    high: float


def path(said: Forecast, profile: Profile, zone: tzinfo | None) -> tuple[Expected, ...]:
    """The way from where a forecast was made to the reset, hour by hour; empty where nothing is foretold."""
    used, resets_at, at_reset = said.used_percent, said.resets_at, said.median_percent
    if used is None or resets_at is None or at_reset is None:
        return ()
    start, end = said.made_at.timestamp(), resets_at.timestamp()
    if not 0 < end - start <= LONGEST:
        return ()
    low, median, high = said.endless or (at_reset, at_reset, at_reset)
    mass, passed, before = profile.mass(start, end, zone), 0.0, start
    found: list[Expected] = []
    hours = ceil((end - start) / _HOUR)
    for hour in range(hours + 1):
        at = min(end, start + hour * _HOUR)
        if said.endless is None or mass <= 0:
            share = (at - start) / (end - start)
        else:
            # from hour to hour: a year of them has no year to be summed up for each
            passed += profile.mass(before, at, zone)
            share, before = min(1.0, passed / mass), at
        ends = (min(100.0, used + (top - used) * share) for top in (low, median, high))
        found.append(Expected(datetime.fromtimestamp(at, UTC), *ends))
    return tuple(found)


def _objection(
    cycle: Cycle, known: Habit, used: float, at: float, begun: float, length: float, burned: float
) -> NoForecast | None:
    elapsed = at - begun
    if known.plan_changed:
        return NoForecast.PLAN_CHANGED
    if cycle.readings < _LEAST_READINGS:
        return NoForecast.TOO_FEW
    if elapsed < _least_seconds(length):
        return NoForecast.TOO_EARLY
    if burned < _IDLE:
        is_new = cycle.watched_at is not None and at - cycle.watched_at.timestamp() < _DAY
        return NoForecast.TOO_FEW if is_new else NoForecast.IDLE
    if used < _LEAST_USED and known.cycles < 2:
        return NoForecast.TOO_EARLY
    return None


def _least_seconds(length: float) -> float:
    """Before so much of a window has passed its speed says nothing."""
    return max(_LEAST_HOURS * _HOUR, _LEAST_SHARE * length)


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
