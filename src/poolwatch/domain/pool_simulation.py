"""Whether the pool lasts until weekly limits come back: its accounts simulated side by side."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from math import exp
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from poolwatch.domain.burn import PoolBurn
from poolwatch.domain.cycles import Cycle
from poolwatch.domain.habit import Habit, level_now
from poolwatch.domain.outlook import NoOutlook, PoolOutlook, Verdict
from poolwatch.domain.ratios import Bank, Odds
from poolwatch.domain.values import replace

#: How much more of a plan's weekly limit is than that of Plus, by the names that OpenAI gives them, else as
#: pool servers estimate it. What is not named counts as 1.
PLAN_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {"free": 0.15, "guest": 0.15, "plus": 1.0, "team": 1.0, "prolite": 5.0, "pro": 20.0}
)
_WEIGHT: Final = r"(?P<plan>[A-Za-z0-9_]{1,64}) *= *(?P<weight>[0-9]{1,6}(\.[0-9]{1,6})?)"


def weights_of(text: str) -> Mapping[str, float] | None:
    """The weights that a text like `pro=20, prolite=5` gives to plans; None where it does not."""
    found: dict[str, float] = {}
    for part in text.split(","):
        matched = re.fullmatch(_WEIGHT, part.strip())
        if matched is None or float(matched["weight"]) <= 0:
            return None
        found[matched["plan"].lower()] = float(matched["weight"])
    return found


def plan_weight(plan: str | None, weights: Mapping[str, float]) -> float:
    """How much an account of this plan has; `weights` are the operator's own."""
    name = (plan or "").lower()
    return weights.get(name, PLAN_WEIGHTS.get(name, 1.0))


#: More accounts are not simulated: it would take too long.
MOST_SIMULATED: Final = 200
PATHS: Final = 200
#: From here on it may run dry.
MAY_RUN_DRY: Final = 0.2
#: An account with so much used is waited for.
_NEARLY_FULL: Final = 95.0
#: Resets within this time come back together.
_TOGETHER: Final = timedelta(hours=1)
#: Use is summed up in steps of so many hours.
_STEP: Final = 3
_HOUR: Final = 3600.0
#: Good and bad days, of the logarithm; all accounts of one group share them.
_DAY_SIGMA: Final = 0.35
#: Of the pool's weight, so much must have been watched long enough.
_LEAST_KNOWN: Final = 0.5
_LEAST_WATCHED: Final = timedelta(days=1)


class Member(Struct, frozen=True):
    """An account that can work, now or after its reset, with its weekly window."""

    weekly: Cycle
    habit: Habit
    zone: tzinfo | None
    weight: float = 1.0
    group: str | None = None


def pool_outlook(
    members: Sequence[Member],
    bank: Bank,
    burn: PoolBurn,
    now: datetime,
    draw: Callable[[], float],
    paths: int = PATHS,
) -> Generator[None, None, PoolOutlook]:
    """Whether the pool lasts until the next weekly limits come back; yields between short pieces of work.

    The work of all accounts goes to the one that `next` would name, as long as any has room. `now` is by the
    server's clock; `draw` gives numbers in 0..1.
    """
    said = PoolOutlook(now, burn)
    told = [each for each in members if each.weekly.last_percent is not None]
    if not told:
        return replace(said, none_because=NoOutlook.NO_WEEKLY)
    rooms = [each.weight * (100 - _used(each, now)) for each in told]
    left = sum(rooms) / sum(each.weight for each in told)
    said = _with_relief(replace(said, weekly_left_percent=max(0.0, left)), told, now)
    if max(rooms) <= 0:
        return replace(said, verdict=Verdict.DRY, dry_probability=1.0)
    if len(told) > MOST_SIMULATED:
        return replace(said, none_because=NoOutlook.TOO_MANY)
    if said.relief_at is None or _known(told, now) < _LEAST_KNOWN:
        return replace(said, none_because=NoOutlook.TOO_FEW)
    race = _Race(told, bank, now, said.relief_at)
    yield
    dry: list[float] = []
    for each in told:
        race.add(each)
        yield
    for _ in range(paths):
        ended = race.run(draw)
        if ended is not None:
            dry.append(ended)
        yield
    probability = len(dry) / paths
    said = replace(
        said,
        verdict=Verdict.MAY_RUN_DRY if probability >= MAY_RUN_DRY else Verdict.LASTS,
        dry_probability=probability,
    )
    if probability < MAY_RUN_DRY:
        return said
    dry.sort()
    first, last = dry[int(len(dry) * 0.1)], dry[int((len(dry) - 1) * 0.9)]
    return replace(
        said,
        dry_earliest=datetime.fromtimestamp(first, UTC),
        dry_latest=datetime.fromtimestamp(last, UTC),
    )


def _used(member: Member, now: datetime) -> float:
    """In percent; a window whose reset has passed is taken for empty."""
    cycle = member.weekly
    is_over = cycle.resets_at is not None and cycle.resets_at <= now
    return 0.0 if is_over else min(100.0, max(0.0, cycle.last_percent or 0.0))


def _with_relief(said: PoolOutlook, told: Sequence[Member], now: datetime) -> PoolOutlook:
    """When those that are nearly full come back; where none is, when the first that is used does."""
    for least in (_NEARLY_FULL, 1.0):
        resets = sorted(
            each.weekly.resets_at
            for each in told
            if each.weekly.resets_at is not None and _used(each, now) >= least
        )
        if resets:
            together = sum(each - resets[0] <= _TOGETHER for each in resets)
            return replace(said, relief_at=resets[0], relief_accounts=together)
    return said


def _known(told: Sequence[Member], now: datetime) -> float:
    """The share of the pool's weight whose use was watched long enough."""
    known = sum(
        each.weight
        for each in told
        if each.habit.level is not None or now - each.weekly.watched_since >= _LEAST_WATCHED
    )
    return known / sum(each.weight for each in told)


class _Race:
    """What the accounts want against what they have, step by step to the relief. Amounts are weighted."""

    def __init__(self, told: Sequence[Member], bank: Bank, now: datetime, relief_at: datetime) -> None:
        self._bank, self._now = bank, now
        start, end = now.timestamp(), relief_at.timestamp()
        hours = max(1.0, (end - start) / _HOUR)
        steps = max(1, round(hours / _STEP))
        self._edges = [start + (end - start) * step / steps for step in range(steps + 1)]
        self._days = [int((at - start) // (24 * _HOUR)) for at in self._edges[:-1]]
        # the first to reset is used first: what is left of it is lost
        never = datetime.max.replace(tzinfo=UTC)
        order = sorted(told, key=lambda each: (each.weekly.resets_at or never, each.weekly.account_id))
        self._rooms = [each.weight * (100 - _used(each, now)) for each in order]
        self._full = [100 * each.weight for each in order]
        self._resets: list[list[int]] = [[] for _ in range(steps)]
        for number, each in enumerate(order):
            at = each.weekly.resets_at
            if at is not None and now < at < relief_at:
                self._resets[min(steps - 1, int((at.timestamp() - start) / (end - start) * steps))].append(
                    number
                )
        #: by group: what each of its accounts would use in each step, and how sure that is
        self._groups: dict[str | None, list[tuple[list[float], Odds]]] = {}

    def add(self, member: Member) -> None:
        """Take in what an account is expected to use."""
        cycle, known, zone = member.weekly, member.habit, member.zone
        level = level_now(cycle, known, self._bank, self._now, zone) or 0.0
        masses = (
            known.profile.mass(since, until, zone)
            for since, until in zip(self._edges, self._edges[1:], strict=False)
        )
        share = 0.0
        if cycle.resets_at is not None and cycle.window_seconds:
            share = 1 - (cycle.resets_at - self._now).total_seconds() / cycle.window_seconds
        wants = [member.weight * level * mass for mass in masses]
        odds = self._bank.odds(share, known.ratios)
        self._groups.setdefault(member.group, []).append((wants, odds))

    def run(self, draw: Callable[[], float]) -> float | None:
        """One way that it may go; when nothing is left (seconds since 1970), None if that does not happen."""
        wanted = self._wanted(draw)
        rooms = self._rooms[:]
        turn = deque(number for number, room in enumerate(rooms) if room > 0)
        for step, want in enumerate(wanted):
            for number in self._resets[step]:
                if rooms[number] <= 0:
                    turn.append(number)
                rooms[number] = self._full[number]
            need = want
            while need > 0 and turn:
                number = turn[0]
                taken = min(need, rooms[number])
                rooms[number] -= taken
                need -= taken
                if rooms[number] <= 0:
                    turn.popleft()
            if need > 0:
                since, until = self._edges[step], self._edges[step + 1]
                return since + (until - since) * (1 - need / want)
        return None

    def _wanted(self, draw: Callable[[], float]) -> list[float]:
        total = [0.0] * (len(self._edges) - 1)
        for accounts in self._groups.values():
            days = [_day_factor(draw) for _ in range(self._days[-1] + 1)]
            drawn = [(wants, odds.quantile(draw())) for wants, odds in accounts]
            sums = [0.0] * len(total)
            for wants, ratio in drawn:
                sums = [have + want * ratio for have, want in zip(sums, wants, strict=True)]
            for step, want in enumerate(sums):
                total[step] += want * days[self._days[step]]
        return total


def _day_factor(draw: Callable[[], float]) -> float:
    """How much more or less than usual is done on a day; 1 on average."""
    # twelve draws in 0..1 are as good as a bell: mean 6, variance 1
    bell = sum(draw() for _ in range(12)) - 6
    return exp(_DAY_SIGMA * bell - _DAY_SIGMA**2 / 2)
