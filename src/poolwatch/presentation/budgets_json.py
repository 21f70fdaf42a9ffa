"""`budgets` for programs: the versioned JSON. Keys are only ever added."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Final

from poolwatch.domain.budgets import (
    BudgetForecast,
    BudgetReport,
    BudgetState,
    Each,
    LimitUnit,
)
from poolwatch.domain.forecast import COVERAGE
from poolwatch.domain.tokens import GroupBy
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.figures import trimmed_digits
from poolwatch.presentation.json_values import Json, instant, number
from poolwatch.presentation.masking import masked, shown_group
from poolwatch.presentation.use_texts import outside_text

SCHEMA: Final = "poolwatch.budgets/1"
#: More decimals of an estimate say nothing.
_ESTIMATED: Final = 6
#: Dollars have cents at least.
_DECIMALS: Final = {LimitUnit.USD: 2}


def budgets_json(report: BudgetReport, names: AccountNames, zone: str) -> str:
    """The document, ASCII only, ending in a newline; `zone` is by what budgets go that name none."""
    document: Json = {
        "schema": SCHEMA,
        "generated_at": instant(report.at),
        "zone": zone,
        "budgets": [budget_json(each, names) for each in report.budgets],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def budget_json(state: BudgetState, names: AccountNames) -> Json:
    """One budget, or one part of it; amounts in the unit of its limit."""
    budget, measured, unit = state.budget, state.measured, state.budget.limit.unit
    used = state.used_percent
    return {
        "name": _shown(budget.name, names),
        "for": _for(state, names),
        "filter": None if budget.filter is None else _shown(budget.filter, names),
        "limit": _amount(budget.limit.amount, unit),
        "unit": unit.value,
        "period": budget.period.value,
        "period_started_at": instant(state.period.started_at),
        "resets_at": instant(state.period.resets_at),
        "spent": _amount(measured.spent, unit),
        "remaining": _amount(state.remaining, unit),
        "used_percent": None if used is None else number(round(float(used), 6)),
        "level": None if state.level is None else state.level.value,
        "blocking": state.blocking,
        "grace_until": instant(state.grace_until),
        "forecast": _forecast(state.forecast, unit),
        "measured_by": measured.by.value,
        "estimated": None if measured.spent is None else _amount(measured.estimated, unit),
        "at_least": measured.at_least,
        "over_by": _amount(state.over_by, unit),
        "reached": [{"percent": number(float(percent)), "at": instant(at)} for percent, at in state.reached],
        "over_since": instant(state.over_since),
        "stopped_at": instant(state.stopped_at),
        "read_at": instant(measured.read_at),
        "at_limit": budget.at_limit.value,
        "time_zone": budget.time_zone,
        "counted_from": [each.value for each in measured.origins],
    }


def _for(state: BudgetState, names: AccountNames) -> Json:
    """Whose part it is; null of a budget that is not divided."""
    whose, each = state.whose, state.divided_by
    if whose is None:
        return None
    match each:
        case Each.GROUP:
            name, account = shown_group(whose, mask=names.mask), None
        case Each.USER:
            name, account = outside_text(GroupBy.USER, whose, mask=names.mask), None
        case _:
            name, account = names.label(whose), whose
    return {"each": each.value, "name": name, "account": account}


def _forecast(ahead: BudgetForecast | None, unit: LimitUnit) -> Json:
    if ahead is None:
        return None
    return {
        **{name: _amount(round(each, _ESTIMATED), unit) for name, each in _ends(ahead)},
        "coverage": COVERAGE,
        "over_earliest": instant(ahead.over_earliest),
        "over_latest": instant(ahead.over_latest),
    }


def _ends(ahead: BudgetForecast) -> tuple[tuple[str, Decimal], ...]:
    return ("median", ahead.median), ("low", ahead.low), ("high", ahead.high)


def _amount(amount: Decimal | None, unit: LimitUnit) -> str | None:
    return None if amount is None else trimmed_digits(amount, _DECIMALS.get(unit, 0))


def _shown(text: str, names: AccountNames) -> str:
    return masked(text) if names.mask else text
