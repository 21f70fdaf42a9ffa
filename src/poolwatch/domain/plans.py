"""What plans really cost, as their holder says: accounts are paid by the month, whatever they use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.domain.rates import pico

_PRICE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) +usd +(monthly|yearly)", re.IGNORECASE | re.ASCII)
_MONTHS: Final = {"monthly": 1, "yearly": 12}
#: A plan that nobody pays for, unless somebody says so.
_FREE: Final = "free"


def monthly_price(text: str) -> int | None:
    """What `200 USD monthly` or `2000 USD yearly` is in a month, in pico-dollars; None of other texts."""
    matched = _PRICE.fullmatch(text.strip())
    if matched is None:
        return None
    return pico(Decimal(matched[1]) / _MONTHS[matched[2].lower()])


class Paid(Struct, frozen=True):
    """What a calendar month costs: `pico` for the accounts whose plan has a price, and how many have none."""

    pico: int
    accounts: int
    unpriced: int

    @property
    def is_complete(self) -> bool:
        """Whether the plan of every account has a price."""
        return self.unpriced == 0


def paid_in_a_month(prices: Mapping[str, int], held: Iterable[str | None]) -> Paid | None:
    """What the plans of these accounts cost in a calendar month; None where nobody said it of any of them.

    `prices` by plan, in pico-dollars a month. An account whose plan is unknown has no price.
    """
    known = {_FREE: 0} | {plan.lower(): price for plan, price in prices.items()}
    found = [None if plan is None else known.get(plan.lower()) for plan in held]
    priced = [price for price in found if price is not None]
    if not prices or not priced:
        return None
    return Paid(sum(priced), len(priced), len(found) - len(priced))
