"""How far forecasts were off: what came, by what was expected, from all cycles that have ended."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final, TypeVar

from msgspec import Struct, field

from poolwatch.domain.cycles import Cycle
from poolwatch.domain.profile import HOURS

T = TypeVar("T")

#: A cycle is looked at in so many parts.
TENTHS: Final = 10
#: So many of the newest cycles of all accounts are kept.
NEWEST: Final = 1500
#: The ratios of the pool are told by so many, each as likely as the others.
_POINTS: Final = 40
#: The whole pool counts as much as so many of an account's own cycles.
_POOL_WEIGHT: Final = 6.0
#: What is assumed before anything was learned counts as so many cycles, and is so wide.
_ASSUMED_CYCLES: Final = 12
_ASSUMED_WIDTH: Final = 0.4


class Odds(Struct, frozen=True):
    """Ratios in order, each with the share of cases in which there is no more."""

    ratios: tuple[float, ...]
    below: tuple[float, ...]

    def quantile(self, share: float) -> float:
        """The ratio that is not exceeded in this share of cases."""
        index = bisect_left(self.below, share - 1e-9)
        return self.ratios[min(index, len(self.ratios) - 1)]

    def interval(self, coverage: float) -> tuple[float, float]:
        """The ends between which it lies in this share of cases.

        As much is left out above as below, unless the lowest is common: often nothing more is used.
        """
        low = self.quantile((1 - coverage) / 2)
        index = bisect_left(self.ratios, low)
        left_out = self.below[index - 1] if index else 0.0
        return low, self.quantile(left_out + coverage)

    def above(self, ratio: float) -> float:
        """How likely it is that more comes than this."""
        index = bisect_right(self.ratios, ratio)
        return 1 - (self.below[index - 1] if index else 0.0)


def ratios_of(cycles: Iterable[Cycle], tenth: int) -> tuple[float, ...]:
    """What these cycles teach of a tenth, in order."""
    return tuple(
        sorted(ratio for each in cycles if each.ratios and (ratio := each.ratios[tenth]) is not None)
    )


#: As the odds p of a bell-like (logistic) spread of logarithms have it.
_ASSUMED: Final = tuple(
    (p / (1 - p)) ** _ASSUMED_WIDTH for n in range(_POINTS) for p in [(n + 0.5) / _POINTS]
)


class Bank(Struct, frozen=True):
    """What all accounts together have taught: ratios by tenth of a cycle, and the level of each plan."""

    tenths: tuple[tuple[float, ...], ...] = (_ASSUMED,) * TENTHS
    #: percent points in a profile-hour
    levels: Mapping[str | None, float] = field(default_factory=dict)

    def level(self, plan: str | None) -> float | None:
        """What accounts of this plan use; None where none was watched."""
        return self.levels.get(plan)

    def odds(self, share: float, own: Sequence[tuple[float, ...]]) -> Odds:
        """After this share of a cycle, for an account with ratios of its own, by tenth."""
        tenth = min(TENTHS - 1, max(0, int(share * TENTHS)))
        mine = own[tenth] if own else ()
        weight = _POOL_WEIGHT / _POINTS
        return _odds([*((ratio, weight) for ratio in self.tenths[tenth]), *((ratio, 1.0) for ratio in mine)])


def gathered(cycles: Sequence[Cycle]) -> Generator[None, None, Bank]:
    """Made of cycles of all accounts that have ended, old to new; yields between short pieces of work."""
    newest = [each for each in cycles if each.ratios][-NEWEST:]
    levels: dict[str | None, list[float]] = {}
    for each in newest:
        levels.setdefault(each.plan, []).append((each.last_percent or 0.0) / HOURS)
    tenths: list[tuple[float, ...]] = []
    for tenth in range(TENTHS):
        yield
        tenths.append(_thinned(ratios_of(newest, tenth)))
    return Bank(tuple(tenths), {plan: sum(each) / len(each) for plan, each in levels.items()})


def bank(cycles: Sequence[Cycle]) -> Bank:
    """The same at once."""
    return at_once(gathered(cycles))


def at_once(work: Generator[None, None, T]) -> T:
    """What comes of work that is done in pieces."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            value: T = done.value
            return value


def _thinned(seen: tuple[float, ...]) -> tuple[float, ...]:
    """Told by few points, as they are asked for often; what is assumed stands among them."""
    assumed = _ASSUMED_CYCLES / _POINTS
    odds = _odds([*((ratio, assumed) for ratio in _ASSUMED), *((ratio, 1.0) for ratio in seen)])
    return tuple(odds.quantile((number + 0.5) / _POINTS) for number in range(_POINTS))


def _odds(weighted: list[tuple[float, float]]) -> Odds:
    """Of ratios with their weights."""
    weighted.sort()
    below = list(accumulate(weight for _, weight in weighted))
    return Odds(tuple(ratio for ratio, _ in weighted), tuple(each / below[-1] for each in below))
