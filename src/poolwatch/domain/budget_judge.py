"""How a budget stands: what was spent held against its limit, its warnings and its grace."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from decimal import Decimal
from typing import Final

from poolwatch.domain.budgets import AtLimit, Budget, BudgetState, EndedPeriod, Grace, Level, Measured, Period

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
    stops, grace = budget.at_limit is AtLimit.STOP, budget.grace or Grace()
    grace_until = None if not stops or over_since is None or grace.time is None else over_since + grace.time
    level = _level(budget, measured.spent, grace_until, now)
    stopped_at = None
    if level is Level.STOPPED:
        stopped_at = grace_until or _when(measured, marks_of(budget)[-1])
    return BudgetState(
        budget, period, measured, level, whose, reached, over_since, grace_until, stopped_at=stopped_at
    )


def marks_of(budget: Budget) -> tuple[Decimal, ...]:
    """The amounts whose moments are told, ascending: of its warnings, the limit, and a grace beyond that."""
    percents = {*budget.warn_at, _ALL}
    if budget.at_limit is AtLimit.STOP and budget.grace is not None and budget.grace.percent is not None:
        percents.add(_ALL + budget.grace.percent)
    return tuple(budget.limit.amount * percent / _ALL for percent in sorted(percents))


def ended(state: BudgetState) -> EndedPeriod | None:
    """What is kept of a period that is over; None of one without both ends."""
    started, ends = state.period.started_at, state.period.resets_at
    if started is None or ends is None:
        return None
    measured = state.measured
    return EndedPeriod(
        state.budget.name,
        started,
        ends,
        state.budget.limit,
        measured.spent,
        state.whose,
        measured.estimated,
        measured.at_least,
        state.level,
        state.over_since,
        state.stopped_at,
    )


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
