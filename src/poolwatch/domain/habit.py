"""What the past of a usage window says of its next cycle."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Final

from msgspec import Struct

from poolwatch.domain.cycles import Cycle, EndedBy
from poolwatch.domain.profile import EVEN, Profile, Workhours, learned, of_workhours
from poolwatch.domain.ratios import TENTHS, Bank

#: The level is learned from so many of the newest cycles.
_LEVEL_CYCLES: Final = 4
#: How many profile-hours of this cycle count as much as all that is known from before.
_OWN_PRIOR: Final = 168.0
_PLAN_PRIOR: Final = 24.0
_HOUR: Final = 3600.0
#: What is expected is taken for no less when it is held against what came, in percent points.
LEAST_RISE: Final = 0.5
#: No window is longer, in seconds, and none has more time left than its length, rounding aside.
LONGEST: Final = 366 * 86400
_SLACK: Final = 1.1
#: Cycles of shorter windows teach no ratios, in seconds.
SHORTEST: Final = 86400


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


def learn(known: Habit, cycle: Cycle, zone: tzinfo | None, *, keeps_profile: bool = False) -> Habit:
    """What is known after one more cycle has ended. `keeps_profile`: working hours were told, not learned."""
    if cycle.ended_at is None or cycle.disputed or not seconds(cycle):
        return known
    profile = known.profile if keeps_profile else learned(known.profile, cycle, zone)
    if cycle.ended_by is EndedBy.PLAN_CHANGE:
        # a percentage of another plan is another amount
        return Habit(profile, plan_changed=True)
    mass = profile.mass(max(begun_at(cycle), cycle.watched_since.timestamp()), stopped_at(cycle), zone)
    used = sum(rise.percent for rise in cycle.rises)
    ratios = known.ratios
    if cycle.ratios:
        ratios = tuple(
            held if ratio is None else tuple(sorted([*held, ratio]))
            for held, ratio in zip(ratios, cycle.ratios, strict=True)
        )
    return Habit(profile, (*known.newest, (used, mass))[-_LEVEL_CYCLES:], known.cycles + 1, ratios)


def habit(past: Iterable[Cycle], zone: tzinfo | None, workhours: Workhours | None = None) -> Habit:
    """What can be learned from these cycles, old to new. `workhours` are believed more than the past."""
    known = Habit() if workhours is None else Habit(of_workhours(workhours))
    for cycle in past:
        known = learn(known, cycle, zone, keeps_profile=workhours is not None)
    return known


def closed(cycle: Cycle, before: Habit, zone: tzinfo | None) -> tuple[float | None, ...]:
    """What came after each tenth's middle of a cycle that has ended, by what was expected then.

    `before` is what was known when it began. Empty: it teaches nothing, because it did not end by itself.
    """
    if cycle.ended_by is not EndedBy.RESET or cycle.disputed or seconds(cycle) < SHORTEST:
        return ()
    begun, final, length = begun_at(cycle), cycle.last_percent or 0.0, seconds(cycle)
    found: list[float | None] = []
    for tenth in range(TENTHS):
        at = begun + (tenth + 0.5) / TENTHS * length
        stood = final - sum(rise.percent for rise in cycle.rises if rise.hour * _HOUR >= at)
        if at < cycle.watched_since.timestamp() or at >= stopped_at(cycle):
            found.append(None)
            continue
        rate = level(before, stood, begun, at, zone)
        rise = (rate or 0.0) * before.profile.mass(at, begun + length, zone)
        found.append((final - stood) / max(rise, LEAST_RISE))
    return tuple(found)


def level_now(cycle: Cycle, known: Habit, bank: Bank, now: datetime, zone: tzinfo | None) -> float | None:
    """The percent points that are used in a profile-hour; None where nobody knows."""
    if not seconds(cycle) or cycle.last_percent is None:
        return known.level
    at = min(now.timestamp(), stopped_at(cycle))
    return level(known, cycle.last_percent, begun_at(cycle), at, zone, bank.level(cycle.plan))


def level(
    known: Habit, used: float, begun: float, at: float, zone: tzinfo | None, of_plan: float | None = None
) -> float | None:
    """What was used in this cycle, drawn towards what was known before."""
    elapsed = known.profile.mass(begun, at, zone)
    prior, weight = (known.level, _OWN_PRIOR) if known.level is not None else (of_plan, _PLAN_PRIOR)
    if prior is None:
        return used / elapsed if elapsed > 0 else None
    return (prior * weight + used) / (weight + elapsed)


def seconds(cycle: Cycle) -> float:
    """The length of its window; 0 where that, or its reset, is not known or cannot be."""
    length = float(cycle.window_seconds or 0)
    if cycle.resets_at is None or not 0 < length <= LONGEST:
        return 0.0
    left = (cycle.resets_at - (cycle.read_at or cycle.started_at)).total_seconds()
    return length if left <= length * _SLACK else 0.0


def begun_at(cycle: Cycle) -> float:
    """When the window began, which may lie before the first reading of it."""
    return (cycle.resets_at or cycle.started_at).timestamp() - (cycle.window_seconds or 0)


def stopped_at(cycle: Cycle) -> float:
    """When nothing more could be used: it was full, or over."""
    ends = [each.timestamp() for each in (cycle.ended_at, cycle.resets_at) if each is not None]
    if cycle.full_from is not None:
        ends.append(cycle.full_from)
    return min(ends, default=cycle.started_at.timestamp())
