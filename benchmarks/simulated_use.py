"""People and programs that use up weekly windows, with what they really did: the truth of the backtest.

Six kinds of behaviour, each with drift from week to week, good and bad days, and bursts. What a poll sees
of it is whole percents, at jittered times, with gaps. Written before the forecast, and not after its
assumptions: three of the six kinds have no rhythm of the week at all, and one spares what is left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

#: A Monday; twelve weeks from here hold the end of summer time in Europe and in America.
START: Final = datetime(2026, 8, 31, tzinfo=UTC)
SLOT: Final = 900
SLOTS_PER_HOUR: Final = 3600 // SLOT
WEEK: Final = 7 * 86400
_SLOTS_PER_DAY: Final = 86400 // SLOT
_ZONES: Final = (
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Australia/Adelaide",
    "UTC",
)
_PLANS: Final = ("plus", "plus", "plus", "prolite", "pro", "team")


class Kind(StrEnum):
    """What makes an account be used."""

    #: in office hours
    OFFICE = "office"
    #: on evenings and weekends
    EVENINGS = "evenings"
    #: by a program, at any hour, job after job
    AGENT = "agent"
    #: much after a reset, less the less is left
    SPARING = "sparing"
    #: a few long sessions, whenever it happens
    SESSIONS = "sessions"
    #: days of a project, days of none
    PROJECTS = "projects"


class Poll(Struct, frozen=True):
    """What a reading says: seconds since 1970, whole percents."""

    at: float
    used_percent: float
    resets_at: float


class LivedCycle(Struct):
    """One window as it really went. Seconds since 1970."""

    begun: float
    resets_at: float
    ended_at: float
    polls: list[Poll]
    #: used at its end, exactly; what was wanted beyond 100 is not in it
    used: float = 0.0
    #: when it was used up
    full_at: float | None = None

    @property
    def early(self) -> bool:
        """Whether it was reset before its time."""
        return self.ended_at < self.resets_at


class Life(Struct):
    """One account over all weeks."""

    number: int
    kind: Kind
    zone: ZoneInfo
    plan: str
    cycles: list[LivedCycle]


def lives(seed: int, accounts: int, weeks: int) -> list[Life]:
    """Accounts of all kinds in turn; the same for the same arguments."""
    return [_life(Random(f"{seed}/{number}"), number, weeks) for number in range(accounts)]


def _life(random: Random, number: int, weeks: int) -> Life:
    kind = tuple(Kind)[number % len(Kind)]
    zone = ZoneInfo(random.choice(_ZONES))
    # percent of the window in an average week, were it endless
    weekly = 60 * random.lognormvariate(0, 0.6)
    wishes = list(_wishes(kind, random, zone, weeks))
    mean = sum(wishes) / weeks
    scale = weekly / mean if mean > 0 else 0.0
    cycles = _lived(random, kind, [wish * scale for wish in wishes])
    return Life(number, kind, zone, random.choice(_PLANS), cycles)


def _wishes(kind: Kind, random: Random, zone: ZoneInfo, weeks: int) -> Iterator[float]:
    """What would be used in each slot, in a unit of its own."""
    local = [
        (moment.weekday(), moment.hour + moment.minute / 60, moment.toordinal())
        for slot in range(weeks * 7 * _SLOTS_PER_DAY)
        for moment in [(START + timedelta(seconds=slot * SLOT)).astimezone(zone)]
    ]
    days = len({day for _, _, day in local})
    first = local[0][2]
    drift = _drift(random, weeks + 1)
    match kind:
        case Kind.OFFICE:
            rates = _office(random, local, first, days)
        case Kind.EVENINGS:
            rates = _evenings(random, local, first, days)
        case Kind.AGENT:
            rates = _agent(random, len(local))
        case Kind.SPARING:
            rates = _waking(random, local, first, days)
        case Kind.SESSIONS:
            rates = _sessions(random, local)
        case Kind.PROJECTS:
            rates = _projects(random, local, first, days)
    for slot, rate in enumerate(rates):
        yield rate * drift[slot // (7 * _SLOTS_PER_DAY)]


def _drift(random: Random, weeks: int) -> list[float]:
    level, levels = 0.0, []
    for _ in range(weeks):
        levels.append(2.718281828**level)
        level = 0.95 * level + random.gauss(0, 0.15)
    return levels


def _day_factors(random: Random, days: int, spread: float, off: float) -> list[float]:
    return [0.0 if random.random() < off else random.lognormvariate(0, spread) for _ in range(days)]


def _burst(random: Random) -> float:
    """A quarter of an hour of work: often little, sometimes very much."""
    return random.gammavariate(0.8, 1.25) * (4 if random.random() < 0.02 else 1)


_Local = list[tuple[int, float, int]]


def _office(random: Random, local: _Local, first: int, days: int) -> Iterator[float]:
    opens, closes = random.gauss(9, 0.7), random.gauss(17.5, 0.8)
    factors = _day_factors(random, days, 0.4, 0.07)
    weekend = random.choice((0.0, 0.0, 0.1))
    for weekday, hour, day in local:
        if not opens <= hour < closes:
            yield 0.0 if random.random() > 0.01 else _burst(random)
            continue
        lunch = 0.3 if 12 <= hour < 13 else 1.0
        yield factors[day - first] * lunch * (weekend if weekday >= 5 else 1.0) * _burst(random)


def _evenings(random: Random, local: _Local, first: int, days: int) -> Iterator[float]:
    factors = _day_factors(random, days, 0.5, 0.35)
    bed = random.gauss(24, 1)
    for weekday, hour, day in local:
        starts = 13 if weekday >= 5 else 19
        yield factors[day - first] * _burst(random) if starts <= hour < bed else 0.0


def _agent(random: Random, slots: int) -> Iterator[float]:
    """Jobs come at any time; each uses at its own rate until it is done."""
    per_slot = random.uniform(2, 9) / _SLOTS_PER_DAY
    running: list[tuple[int, float]] = []
    for slot in range(slots):
        if random.random() < per_slot:
            length = max(1, round(random.lognormvariate(1.8, 0.8)))
            running.append((slot + length, random.lognormvariate(0, 0.6)))
        running = [job for job in running if job[0] > slot]
        yield sum(rate for _, rate in running)


def _waking(random: Random, local: _Local, first: int, days: int) -> Iterator[float]:
    factors = _day_factors(random, days, 0.5, 0.15)
    wakes = random.gauss(10, 1.5)
    for _, hour, day in local:
        works = wakes <= hour < wakes + 11 and random.random() < 0.6
        yield factors[day - first] * _burst(random) if works else 0.0


def _sessions(random: Random, local: _Local) -> Iterator[float]:
    per_day = random.uniform(0.4, 1.2)
    left, rate = 0, 0.0
    for _, hour, _ in local:
        if left == 0 and 8 <= hour < 23 and random.random() < per_day / (15 * SLOTS_PER_HOUR):
            left, rate = max(1, round(random.lognormvariate(2, 0.7))), min(random.paretovariate(1.8), 8)
        if left:
            left -= 1
            yield rate * _burst(random)
        else:
            yield 0.0


def _projects(random: Random, local: _Local, first: int, days: int) -> Iterator[float]:
    levels: list[float] = []
    while len(levels) < days:
        levels += [random.lognormvariate(0, 0.6)] * max(1, round(random.expovariate(1 / 9)))
        levels += [0.05] * max(1, round(random.expovariate(1 / 5)))
    factors = _day_factors(random, days, 0.4, 0.1)
    for weekday, hour, day in local:
        works = 10 <= hour < 22 and random.random() < (0.7 if weekday < 5 else 0.35)
        yield levels[day - first] * factors[day - first] * _burst(random) if works else 0.0


def _lived(random: Random, kind: Kind, wishes: list[float]) -> list[LivedCycle]:
    """What becomes of the wishes in windows that end at 100%, and what polls see of it."""
    start = START.timestamp()
    anchor = start + random.uniform(0, WEEK)
    # half of the services round, half of them cut
    rounds = 0.5 if random.random() < 0.5 else 0.0
    cycles: list[LivedCycle] = []
    cycle = LivedCycle(anchor - WEEK, anchor, anchor, [])
    used, away_until = 0.0, 0.0
    early_at = _early(random, cycle)
    for slot, wish in enumerate(wishes):
        at = start + slot * SLOT
        if at >= cycle.resets_at or at >= early_at:
            cycle.ended_at = min(cycle.resets_at, early_at)
            cycle.used = used
            cycles.append(cycle)
            cycle = LivedCycle(cycle.ended_at, cycle.ended_at + WEEK, cycle.ended_at + WEEK, [])
            used, early_at = 0.0, _early(random, cycle)
        zeal = (2.0 if used < 40 else 1.0 if used < 75 else 0.35) if kind is Kind.SPARING else 1.0
        used = min(100.0, used + wish * zeal)
        if used >= 100 and cycle.full_at is None:
            cycle.full_at = at
        if random.random() < 0.0015:
            away_until = at + random.expovariate(1 / 14400)
        if at >= away_until:
            seen = at + SLOT - random.uniform(0, 0.2) * SLOT
            if seen < min(cycle.resets_at, early_at):
                cycle.polls.append(Poll(seen, float(int(used + rounds)), cycle.resets_at))
    # the first began before anything was known of it, and the last is not over
    return cycles[1:]


def _early(random: Random, cycle: LivedCycle) -> float:
    """When the service resets the window before its time; mostly never."""
    return cycle.begun + random.uniform(0.1, 0.9) * WEEK if random.random() < 0.03 else float("inf")


def known_at(cycle: LivedCycle, at: float) -> int:
    """How many polls of the cycle had been made by then."""
    return bisect_left(cycle.polls, at, key=lambda poll: poll.at)
