"""What a month will have cost when it ends, by what days of the same weekday cost before: an estimate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import sqrt
from statistics import fmean, variance
from typing import Final

from msgspec import Struct

from poolwatch.domain.quarters import next_month

#: So many days back are looked at, and so many at least have to be known.
DAYS_BACK: Final = 56
_DAYS_LEAST: Final = 7
#: Eight times in ten a normal value lies within so many deviations of its mean.
_EIGHT_IN_TEN: Final = 1.2816
_DAY: Final = timedelta(days=1)


class MonthAhead(Struct, frozen=True):
    """In pico-USD; eight times in ten it lies between `low` and `high`."""

    expected: int
    low: int
    high: int


class DayCost(Struct, frozen=True):
    """What a past day cost, and what of that after the time of day that it is now; in pico-USD."""

    whole: int = 0
    later: int = 0


def month_ahead(
    so_far: int, past: Mapping[date, DayCost], first: date | None, today: date
) -> MonthAhead | None:
    """From the days between `first`, the first that is known whole, and `today`; None below a week of them.

    A day that `past` does not have cost nothing.
    """
    days = days_ahead(so_far, past, first, today, next_month(today))
    return None if days is None else days[-1]


def days_ahead(
    so_far: int,
    past: Mapping[date, DayCost],
    first: date | None,
    today: date,
    until: date,
    caution: float = 0.0,
) -> tuple[MonthAhead, ...] | None:
    """The same for the end of today, and of each day after it that comes before `until`.

    Of few days it is not well known how much days differ: `caution` counts for so many that are missing, and
    makes it wider by their part of those that are known.
    """
    if first is None:
        return None
    start = max(first, today - DAYS_BACK * _DAY)
    days = [start + number * _DAY for number in range((today - start).days)]
    if len(days) < _DAYS_LEAST:
        return None
    wholes: dict[int, list[int]] = defaultdict(list)
    laters: dict[int, list[int]] = defaultdict(list)
    for day in days:
        cost = past.get(day, DayCost())
        wholes[day.weekday()].append(cost.whole)
        laters[day.weekday()].append(cost.later)
    every = _spread([cost for found in wholes.values() for cost in found], 0.0)
    usual = {weekday: (fmean(found), _spread(found, every)) for weekday, found in wholes.items()}
    rest, spread = fmean(laters[today.weekday()]), _spread(laters[today.weekday()], every)
    reach = _EIGHT_IN_TEN * (1 + caution / len(days))
    ahead = [_ahead(so_far, rest, reach * sqrt(spread))]
    came = dict.fromkeys(range(7), 0)
    for number in range(1, (until - today).days):
        weekday = (today + number * _DAY).weekday()
        mean, own = usual[weekday]
        before = came[weekday]
        came[weekday] += 1
        rest += mean
        # of each day itself, and of the mean, which is known by so few
        spread += own * (1 + (2 * before + 1) / len(wholes[weekday]))
        ahead.append(_ahead(so_far, rest, reach * sqrt(spread)))
    return tuple(ahead)


def _ahead(so_far: int, rest: float, reach: float) -> MonthAhead:
    return MonthAhead(
        so_far + round(rest), so_far + max(0, round(rest - reach)), so_far + round(rest + reach)
    )


def _spread(costs: Sequence[int], unknown: float) -> float:
    """Their variance; `unknown` where one alone tells none."""
    return float(variance(costs)) if len(costs) > 1 else unknown
