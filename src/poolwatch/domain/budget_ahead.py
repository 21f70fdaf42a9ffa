"""What will have been spent of a budget when its period ends, and when it reaches its limit: an estimate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from poolwatch.domain.budgets import BudgetForecast, Limit, Period
from poolwatch.domain.forecast import Forecast
from poolwatch.domain.month_ahead import DayCost, MonthAhead, days_ahead
from poolwatch.domain.quarters import Calendar, quarter_of
from poolwatch.domain.tokens import QUARTERS_OF_DAY
from poolwatch.domain.when import midnight

#: Days that are looked back on: four of each weekday.
DAYS_LOOKED_AT: Final = 28
#: By this, simulated months of four weeks' past ended within it as often as is told.
_CAUTION: Final = 2.5
_DAY: Final = timedelta(days=1)
#: Amounts are counted in parts of that size: whole ones add up exactly.
_PARTS: Final = 12


class PastDays:
    """What was spent on the days before this one, and before and after the time of day that it is now."""

    def __init__(self, now: datetime, calendar: Calendar) -> None:
        there = now.astimezone(calendar.zone)
        self.today: Final = there.date()
        self._minute = there.hour * 60 + there.minute
        self._calendar = calendar
        self._wholes: dict[date, int] = defaultdict(int)
        self._laters: dict[date, int] = defaultdict(int)

    def add_quarters(self, quarters: Iterable[tuple[int, Decimal]]) -> None:
        """Add what was spent in quarters of an hour, or what is joined into them."""
        for quarter, amount in quarters:
            is_later = self._calendar.minute_of_day(quarter) > self._minute
            self._add(self._calendar.day(quarter), amount, is_later=is_later)

    def add_moments(self, moments: Iterable[tuple[datetime, Decimal]]) -> None:
        """Add what was found spent at moments."""
        for at, amount in moments:
            there = at.astimezone(self._calendar.zone)
            is_later = there.hour * 60 + there.minute > self._minute
            self._add(there.date(), amount, is_later=is_later)

    def _add(self, day: date, amount: Decimal, *, is_later: bool) -> None:
        parts = int(amount.scaleb(_PARTS))
        self._wholes[day] += parts
        if is_later:
            self._laters[day] += parts

    @property
    def first(self) -> date | None:
        """The first day on which anything was spent."""
        return min((day for day, parts in self._wholes.items() if parts), default=None)

    @property
    def costs(self) -> Mapping[date, DayCost]:
        """By days."""
        return {day: DayCost(parts, self._laters[day]) for day, parts in self._wholes.items()}

    def forecast(
        self, so_far: Decimal, limit: Limit, period: Period, now: datetime, known_since: date | None
    ) -> BudgetForecast | None:
        """For the end of the period; None where it has none, or less than a week of days is known.

        `known_since` is a day that is known whole, as all after it; None: from the day after the first use.
        """
        first = self.first
        if known_since is not None:
            start: date | None = known_since
        else:
            start = None if first is None else first + _DAY
        if period.resets_at is None or period.resets_at <= now:
            return None
        zone = self._calendar.zone
        last = (period.resets_at - timedelta(microseconds=1)).astimezone(zone).date()
        so_far_parts = int(so_far.scaleb(_PARTS))
        ahead = days_ahead(so_far_parts, self.costs, start, self.today, last + _DAY, _CAUTION)
        if ahead is None:
            return None
        ends = [midnight(self.today + (number + 1) * _DAY, zone) for number in range(len(ahead) - 1)]
        steps = list(zip([*ends, period.resets_at], ahead, strict=True))
        earliest = latest = None
        limit_parts = int(limit.amount.scaleb(_PARTS))
        if so_far < limit.amount <= _amount(ahead[-1].expected):
            begun = (now, MonthAhead(so_far_parts, so_far_parts, so_far_parts))
            earliest = _when([(at, each.high) for at, each in [begun, *steps]], limit_parts)
            latest = _when([(at, each.low) for at, each in [begun, *steps]], limit_parts)
            latest = latest or period.resets_at
        final = ahead[-1]
        return BudgetForecast(
            _amount(final.low), _amount(final.expected), _amount(final.high), earliest, latest
        )


def window_forecast(
    ahead: Forecast | None, used: Decimal, limit: Limit, now: datetime, resets_at: datetime
) -> BudgetForecast | None:
    """What is foretold of a window, for a limit in percent of it."""
    if ahead is None or not ahead.is_of(resets_at, now):
        return None
    told = (ahead.low_percent, ahead.median_percent, ahead.high_percent)
    low, median, high = (None if each is None else max(used, Decimal(str(round(each, 3)))) for each in told)
    if low is None or median is None or high is None:
        return None
    earliest = latest = None
    if used < limit.amount <= median:
        # as if it filled evenly until it resets
        left = (limit.amount - used), resets_at - now
        earliest = now + left[1] * float(left[0] / (high - used))
        latest = resets_at if low < limit.amount else now + left[1] * float(left[0] / (low - used))
    return BudgetForecast(low, median, high, earliest, latest)


def _amount(parts: int) -> Decimal:
    return Decimal(parts).scaleb(-_PARTS)


def _when(path: list[tuple[datetime, int]], wanted: int) -> datetime | None:
    """When a path reaches an amount, between two of its points as if it rose evenly."""
    for (before, low), (after, high) in pairwise(path):
        if high >= wanted:
            part = (wanted - low) / (high - low) if high > low else 0.0
            return before + (after - before) * min(1.0, max(0.0, part))
    return None


def quarters_joined(now: datetime, calendar: Calendar) -> tuple[int, ...]:
    """Where a UTC day is cut so that the days of the zone, and this time of day, are kept apart."""
    today = midnight(now.astimezone(calendar.zone).date(), calendar.zone)
    cuts = {0, quarter_of(today) % QUARTERS_OF_DAY, (quarter_of(now) + 1) % QUARTERS_OF_DAY}
    return tuple(sorted(cuts))
