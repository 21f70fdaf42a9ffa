"""Amounts of budgets as short texts: `$276.00`, `95.00 credits`, `1.20M tokens`, with what is uncertain."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from poolwatch.domain.budgets import (
    BudgetForecast,
    BudgetState,
    Grace,
    Limit,
    LimitUnit,
    limit_text,
)
from poolwatch.domain.when import time_text
from poolwatch.presentation import figures
from poolwatch.presentation.figures import UNKNOWN, percent_text
from poolwatch.presentation.use_texts import tokens_text
from poolwatch.words import budgets as words

_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)
_CENT: Final = Decimal("0.01")
HUNDRED: Final = Decimal(100)
#: From here on cents of an estimate say nothing.
_WHOLE_FROM: Final = Decimal(20)


def amount_text(unit: LimitUnit, amount: Decimal) -> str:
    """`$276.00`, `95.00 credits`, `1.20M tokens`, `61%`."""
    match unit:
        case LimitUnit.CREDITS:
            return words.credits_of(bare_amount(unit, amount))
        case LimitUnit.TOKENS:
            return words.tokens_of(bare_amount(unit, amount))
        case _:
            return bare_amount(unit, amount)


def bare_amount(unit: LimitUnit, amount: Decimal | None) -> str:
    """The same without the word of the unit: `$276.00`, `95.00`, `1.20M`, `61%`."""
    if amount is None:
        return UNKNOWN
    match unit:
        case LimitUnit.USD:
            return dollars_text(amount)
        case LimitUnit.CREDITS:
            return figures.credits_text(amount)
        case LimitUnit.TOKENS:
            return tokens_text(int(amount.to_integral_value(ROUND_HALF_UP)))
        case LimitUnit.PERCENT:
            return percent_text(float(amount))


def brief_amount(unit: LimitUnit, amount: Decimal | None) -> str:
    """As `bare_amount`, from a hundred on without cents: what stands beside other figures."""
    if amount is None or amount < HUNDRED or unit not in (LimitUnit.USD, LimitUnit.CREDITS):
        return bare_amount(unit, amount)
    whole = f"{amount.quantize(Decimal(1), context=_EXACT):,}"
    return f"${whole}" if unit is LimitUnit.USD else whole


def brief_text(limit: Limit) -> str:
    """A limit as it is typed, and as an amount of money with cents only where it has some."""
    if limit.unit is LimitUnit.USD:
        whole = limit.amount == limit.amount.to_integral_value()
        return f"${limit.amount:,.0f}" if whole else dollars_text(limit.amount)
    return limit_text(limit)


def used_text(state: BudgetState) -> str:
    """What was spent of the limit, in percent; below the limit it is never 100%."""
    used = state.used_percent
    return UNKNOWN if used is None else percent_text(float(used))


def dollars_text(amount: Decimal) -> str:
    if 0 < amount < _CENT:
        return f"<${_CENT}"
    return f"{'-' if amount < 0 else ''}${abs(amount.quantize(_CENT, context=_EXACT)):,}"


def marks(state: BudgetState) -> str:
    """What is uncertain about what was spent, as everywhere."""
    measured = state.measured
    if measured.spent is None:
        return ""
    return ("≥ " if measured.at_least else "") + ("~" if measured.estimated and measured.spent else "")


def fraction_of(state: BudgetState) -> float | None:
    used = state.used_percent
    return None if used is None else float(min(max(used / HUNDRED, Decimal(0)), Decimal(1)))


def percents_text(percents: Iterable[Decimal]) -> str:
    told = [f"{each.normalize():f}%" for each in percents]
    return words.both(", ".join(told[:-1]), told[-1]) if len(told) > 1 else "".join(told)


def grace_text(grace: Grace) -> str:
    """`10%`, `2h`."""
    if grace.percent is not None:
        return f"{grace.percent.normalize():f}%"
    return time_text(grace.time)


def estimates(unit: LimitUnit, forecast: BudgetForecast) -> tuple[str, str, str]:
    """What will have been spent: the middle, the least and the most, as finely as the most is told."""
    amounts = forecast.median, forecast.low, forecast.high
    is_money = unit in (LimitUnit.USD, LimitUnit.CREDITS)
    whole = [figures.amounts_text(each.quantize(Decimal(1), context=_EXACT))[0] for each in amounts]
    if is_money and forecast.high >= _WHOLE_FROM:
        mark = "$" if unit is LimitUnit.USD else ""
        median, low, high = (f"{mark}{each}" for each in whole)
    else:
        median, low, high = (bare_amount(unit, each) for each in amounts)
    return median, low, high


def estimate_text(unit: LimitUnit, forecast: BudgetForecast) -> str:
    """`$400 (372–431)`; where the ends say nothing more, the middle alone."""
    median, low, high = estimates(unit, forecast)
    if low == high:
        return median
    return words.amount_between(median, unmarked(low), unmarked(high))


def unmarked(amount: str) -> str:
    return amount.removeprefix("$")
