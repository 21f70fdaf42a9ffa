"""The rates that are shipped with poolwatch, read from its package."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from poolwatch.config.amounts import fallback_prices
from poolwatch.config.settings import Settings
from poolwatch.domain.plans import monthly_price
from poolwatch.domain.rates import Prices, Rate, RateCard, prices_of

_FILE: Final = Path(__file__).parents[1] / "rates.toml"


class _Amounts(Struct, frozen=True, forbid_unknown_fields=True):
    input: str | None = None
    cached: str | None = None
    cache_write: str | None = None
    output: str | None = None
    tokens: int | None = None

    def prices(self) -> Prices:
        return prices_of(self.input, self.cached, self.cache_write, self.output)


class _Row(Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    model: str
    aliases: tuple[str, ...] = ()
    since: date | None = None
    input: str | None = None
    cached: str | None = None
    cache_write: str | None = None
    output: str | None = None
    above: _Amounts | None = None
    fast_usd: Decimal | None = None
    fast_credits: Decimal | None = None
    fast_long: bool = True
    credits: _Amounts | None = None
    credits_above: _Amounts | None = None
    derived: bool = False
    estimated: bool = False
    source: str = ""
    checked: date | None = None

    def rate(self) -> Rate:
        return Rate(
            self.model,
            prices_of(self.input, self.cached, self.cache_write, self.output),
            self.aliases,
            since=self.since,
            above=_prices(self.above),
            fast_usd=self.fast_usd,
            fast_credits=self.fast_credits,
            fast_long=self.fast_long,
            credits=_prices(self.credits),
            credits_above=_prices(self.credits_above),
            derived=self.derived,
            estimated=self.estimated,
            source=self.source,
            checked=self.checked,
        )


class _Card(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    checked: date
    rate: tuple[_Row, ...]


def shipped_card() -> RateCard:
    """The card as it is shipped, without anything of the operator."""
    import tomllib  # most commands price nothing

    card = msgspec.convert(tomllib.loads(_FILE.read_text("utf-8")), _Card)
    return RateCard(card.name, card.checked, (row.rate() for row in card.rate))


def rate_card(settings: Settings) -> RateCard:
    """The card of a run: with the operator's own rates above the shipped ones."""
    card = shipped_card()
    told = settings.usage.fallback
    fallback = None if told is None else fallback_prices(told)
    return RateCard(card.name, card.day, card.rates, (each.rate for each in settings.rates), fallback)


def plan_prices(settings: Settings) -> dict[str, int]:
    """What an account of each plan costs in a month, in pico-dollars, as far as the operator says it."""
    found = {plan: monthly_price(text) for plan, text in settings.plans.items()}
    return {plan: price for plan, price in found.items() if price is not None}


def _prices(amounts: _Amounts | None) -> Prices | None:
    return None if amounts is None else amounts.prices()
