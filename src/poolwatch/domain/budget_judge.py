"""How a budget stands: what was spent held against its limit, its warnings and its grace."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from decimal import Decimal
from typing import Final

from poolwatch.domain.budgets import AtLimit, Budget, BudgetState, Grace, Level, Measured, Period

_ALL: Final = Decimal(100)


def judged(
    budget: Budget, period: Period, measured: Measured, now: datetime, whose: str | None = None
) -> BudgetState:
    """How a budget, or the part of one, stands at a moment. What is exactly at the limit has reached it.

    What was spent may be unknown, and then so is the level; of what is only known to be at least so much,
    the level is at least this one.
    """
    reached = tuple(
        (percent, at)
        for percent in sorted({*budget.warn_at, _ALL})
        if (at := _when(measured, budget.limit.amount * percent / _ALL)) is not None
    )
    over_since = dict(reached).get(_ALL)
    grace_until = None
    if budget.at_limit is AtLimit.STOP and budget.grace is not None and over_since is not None:
        time = budget.grace.time
        grace_until = None if time is None else over_since + time
    level = _level(budget, measured.spent, grace_until, now)
    return BudgetState(budget, period, measured, level, whose, reached, over_since, grace_until)


def _level(
    budget: Budget, spent: Decimal | None, grace_until: datetime | None, now: datetime
) -> Level | None:
    if spent is None:
        return None
    limit = budget.limit.amount
    if spent < limit:
        is_warned = any(spent * _ALL >= limit * percent for percent in budget.warn_at)
        return Level.WARNED if is_warned else Level.OK
    if budget.at_limit is AtLimit.WARN:
        return Level.LIMIT
    has_grace = budget.grace is not None and _is_within(budget.grace, limit, spent, grace_until, now)
    return Level.GRACE if has_grace else Level.STOPPED


def _is_within(
    grace: Grace, limit: Decimal, spent: Decimal, grace_until: datetime | None, now: datetime
) -> bool:
    if grace.percent is not None:
        return spent * _ALL < limit * (_ALL + grace.percent)
    return grace_until is not None and now < grace_until


def _when(measured: Measured, amount: Decimal) -> datetime | None:
    """When so much was spent; where no step tells, when it was read that it is."""
    if measured.spent is None or measured.spent < amount:
        return None
    steps = measured.steps
    number = bisect_left(steps, amount, key=lambda step: step[1])
    return steps[number][0] if number < len(steps) else measured.read_at
