"""Percentages: whole, half-up, honest at both ends, flipped between used and left."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final, TypeGuard

from poolwatch.domain.overview import PoolRules
from poolwatch.presentation.view import Shown, Tone

#: An unknown figure, everywhere; where there is none, nothing is drawn.
UNKNOWN: Final = "—"
_FULL: Final = 100
# The smallest float has its first digit more than 300 places behind the point; 100 less it is below 100.
_EXACT: Final = Context(prec=400)


def percent_text(used: float | None, shown: Shown = Shown.USED) -> str:
    """`34 %`, `<1 %` between 0 and 1, never `100 %` below 100, as given outside; `—` when unknown."""
    number = percent_number(used, shown)
    return number if number == UNKNOWN else f"{number} %"


def percent_number(used: float | None, shown: Shown = Shown.USED) -> str:
    """The percentage without its sign."""
    value = _value(used, shown)
    if value is None:
        return UNKNOWN
    if 0 < value < 1:
        return "<1"
    whole = int(value.to_integral_value(ROUND_HALF_UP))
    return str(_FULL - 1 if value < _FULL and whole >= _FULL else whole)


def bar_fraction(used: float | None, shown: Shown = Shown.USED) -> float | None:
    """The part of the bar that is drawn, 0..1; None when unknown."""
    value = _value(used, shown)
    return None if value is None else float(min(max(value / _FULL, Decimal(0)), Decimal(1)))


def scarcity(used: float | None, rules: PoolRules, *, full: bool = False) -> Tone:
    """The colour of a figure: it follows what is used, whatever is shown."""
    if full or (is_figure(used) and used >= rules.red_percent):
        return Tone.RED
    if is_figure(used) and used >= rules.amber_percent:
        return Tone.AMBER
    return Tone.PLAIN


def hive_level(used: float | None, *, full: bool = False) -> int | None:
    """The height of the hive's mark, 1..8; 8 is full and only full."""
    if full or (is_figure(used) and used >= _FULL):
        return 8
    if not is_figure(used):
        return None
    return 1 + min(6, max(0, math.floor(used * 7 / _FULL)))


def is_figure(used: float | None) -> TypeGuard[float]:
    """Whether there is a number at all: neither unknown nor NaN nor infinite."""
    return used is not None and math.isfinite(used)


def _value(used: float | None, shown: Shown) -> Decimal | None:
    if not is_figure(used):
        return None
    value = Decimal(repr(float(used)))
    return _EXACT.subtract(Decimal(_FULL), value) if shown is Shown.LEFT else value
