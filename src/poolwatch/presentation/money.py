"""Credits and USD as texts: two decimals, groups of three, rounded half-up once."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from poolwatch.domain.overview import PoolRules, usd

_CENT: Final = Decimal("0.01")
# A balance has up to 18 digits on each side of the point, and a sum of many has a few more.
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)


def credits_text(amount: Decimal) -> str:
    """An amount of credits: `1,234.56`, `-3.10`."""
    return f"{_cents(amount):,.2f}"


def usd_text(amount: Decimal, rules: PoolRules) -> str:
    """What the credits are worth: `$49.38`, `-$0.12`; empty when the rate turns USD off."""
    worth = usd(amount, rules)
    if worth is None:
        return ""
    cents = _cents(worth)
    return f"{'-' if cents < 0 else ''}${abs(cents):,.2f}"


def amounts_text(*amounts: Decimal) -> tuple[str, ...]:
    """Amounts that stand together: without decimals if all of them are whole, else with two."""
    if all(amount == amount.to_integral_value() for amount in amounts):
        return tuple(f"{_cents(amount):,.0f}" for amount in amounts)
    return tuple(credits_text(amount) for amount in amounts)


def exact_digits(amount: Decimal) -> str:
    """All digits as sent, in plain notation: `1234.5600`."""
    return f"{amount:f}"


def trimmed_digits(amount: Decimal, decimals: int = 2) -> str:
    """All digits without trailing zeros, but at least so many decimals: `1775.514225`, `5.00`."""
    whole, _, part = f"{amount:f}".partition(".")
    part = part.rstrip("0").ljust(decimals, "0")
    return f"{whole}.{part}" if part else whole


def _cents(amount: Decimal) -> Decimal:
    cents = amount.quantize(_CENT, context=_EXACT)
    return cents if cents else Decimal("0.00")  # no "-0.00"
