"""How the periods of budgets went that have ended: measured once more at their end, and kept.

Only the process that polls does that, and of two that take turns each period is ended by one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from poolwatch.domain.budget_calendar import period_of, periods_since
from poolwatch.domain.budget_judge import ended
from poolwatch.domain.budgets import Budget, BudgetPeriod, BudgetReport, Each, LimitUnit
from poolwatch.domain.event_log import budget_reset

if TYPE_CHECKING:
    from poolwatch.store.store import Store

#: How one budget stood at a moment; None where that cannot be read now.
Measure: TypeAlias = Callable[[Budget, datetime], Awaitable[BudgetReport | None]]

#: So long at most the end of a period waits for what was used before it to be read.
PATIENCE: Final = timedelta(days=1)
_JUST: Final = timedelta(microseconds=1)


async def end_periods(
    store: Store, budgets: Sequence[Budget], measure: Measure, now: datetime, machine_zone: str | None = None
) -> None:
    """End every period that is over, also those that ended while no poolwatch ran.

    A budget that is new begins with the period that runs: of those before it had no limit. A limit of the
    window has no periods but the window's, whose lives are kept anyway.
    """
    running = await store.running_budgets()
    if running is None:
        return
    timed = [each for each in budgets if _has_periods(each)]
    gone = running.keys() - {each.name for each in timed}
    if gone:
        await store.forget_budgets(sorted(gone))
    for budget in timed:
        since = running.get(budget.name)
        runs = period_of(budget, now, machine_zone).started_at
        if runs is None:
            continue
        if since is None:
            await store.begin_budget(budget.name, runs)
        elif since > now:
            # a clock was ahead, and what ended under it is ended once more when it is over
            await store.rewind_budget(budget.name, since, runs)
        elif since < runs:
            await _end(store, budget, measure, since, now, machine_zone)


async def _end(
    store: Store, budget: Budget, measure: Measure, since: datetime, now: datetime, machine_zone: str | None
) -> None:
    """One after the other, so that one that waits for its figures keeps none before it from being ended."""
    for period in periods_since(budget, since, now, machine_zone):
        if period.started_at is None or period.resets_at is None:
            return
        report = await measure(budget, period.resets_at - _JUST)
        if report is None:
            return
        is_late = now - period.resets_at >= PATIENCE
        read = [state.measured.read_at for state in report.budgets]
        if not is_late and any(at is None or at < period.resets_at for at in read):
            return
        found = [each for state in report.budgets if (each := ended(state)) is not None]
        events = [
            budget_reset(each, of_account=budget.each is Each.ACCOUNT)
            for each in found
            if each.over_since is not None
        ]
        if not await store.end_periods(budget.name, since, period.resets_at, found, events):
            return
        since = period.resets_at


def _has_periods(budget: Budget) -> bool:
    return budget.period is not BudgetPeriod.NEVER and budget.limit.unit is not LimitUnit.PERCENT
