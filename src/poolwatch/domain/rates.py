"""What tokens cost: dated rates by model, and the price of a request, exact to the pico-dollar.

Amounts are whole pico-USD, 10^-12 dollars: $1 per million tokens is a million of them per token. What is not
told is unknown, and never 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final, TypeAlias, TypeVar

from msgspec import Struct

from poolwatch.domain.tokens import Tier, Tokens

PICO_PER_DOLLAR: Final = 10**12
#: Of what a million tokens cost, this is the pico-dollars of one.
_PICO_PER_TOKEN: Final = 10**6
#: Enough digits for any amount in pico-dollars.
_EXACT: Final = Context(prec=80)
#: Codex takes credits for tokens from this day on; before it, they were for messages.
CREDITS_SINCE: Final = date(2026, 4, 2)
#: Above so many input tokens a request is charged by the second part of a rate; use is kept by this limit.
LONG_CONTEXT: Final = 272_000
#: A card that was checked longer ago is told to be old.
_OLD_AFTER_DAYS: Final = 45

_DATED: Final = re.compile(r"-20[0-9]{2}-[0-9]{2}-[0-9]{2}$")
_PROVIDER: Final = "openai/"
#: The operation of requests that make images.
IMAGE: Final = "image"


class Per(StrEnum):
    """What a rate is for."""

    TOKEN = "token"  # noqa: S105 - a unit, no secret
    #: each request whose operation is `image`
    IMAGE = "image"
    #: each request
    ITEM = "item"


class Prices(Struct, frozen=True):
    """What one token costs, by its kind, in pico-dollars or pico-credits; None is unknown, 0 is free."""

    input: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    output: int | None = None

    def times(self, factor: Decimal) -> Prices:
        """So many times as much."""
        return Prices(*(_times(each, factor) for each in self._all()))

    def cost(self, tokens: Tokens) -> int | None:
        """What these tokens cost together; None where it depends on a price that is unknown."""
        plain = max(tokens.input - tokens.cached - tokens.cache_write, 0)
        # written out: it is asked for each of many thousand cells
        if (
            (plain and self.input is None)
            or (tokens.cached and self.cached is None)
            or (tokens.cache_write and self.cache_write is None)
            or (tokens.output and self.output is None)
        ):
            return None
        return (
            plain * (self.input or 0)
            + tokens.cached * (self.cached or 0)
            + tokens.cache_write * (self.cache_write or 0)
            + tokens.output * (self.output or 0)
        )

    @property
    def is_free(self) -> bool:
        """Whether every kind that is known costs nothing, and input and output are."""
        return self.input == 0 and self.output == 0 and not self.cached and not self.cache_write

    def _all(self) -> tuple[int | None, ...]:
        return self.input, self.cached, self.cache_write, self.output


def prices_of(
    input: str | Decimal | None = None,  # noqa: A002 - the fields' own names
    cached: str | Decimal | None = None,
    cache_write: str | Decimal | None = None,
    output: str | Decimal | None = None,
) -> Prices:
    """From amounts per million tokens."""
    return Prices(*(_per_token(each) for each in (input, cached, cache_write, output)))


def _per_token(amount: str | Decimal | None) -> int | None:
    return None if amount is None else _whole(Decimal(amount) * _PICO_PER_TOKEN)


def per_million(price: int) -> Decimal:
    """What a million tokens cost, of what one costs in pico: exact, and without zeros at the end."""
    return Decimal(f"{(Decimal(price) / _PICO_PER_TOKEN).normalize():f}")


def pico(dollars: Decimal) -> int:
    """An amount of dollars in pico-dollars, whatever digits it has."""
    return _whole(dollars.scaleb(12, context=_EXACT))


def _times(price: int | None, factor: Decimal) -> int | None:
    return None if price is None else _whole(price * factor)


def _whole(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_HALF_UP, context=_EXACT))


class Rate(Struct, frozen=True):
    """What a model costs from the UTC day `since` to `until`, both included.

    `model` is a name, or a glob in rates of the operator. `above` and `credits_above`: for requests with more
    input than LONG_CONTEXT; None where they cost the same. `credits` is None where Codex has none for it. The
    factors of the fast tier are None where nobody tells them.
    """

    model: str
    usd: Prices = Prices()
    aliases: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    above: Prices | None = None
    fast_usd: Decimal | None = None
    fast_credits: Decimal | None = None
    #: whether long requests can be fast: where they cannot, nobody tells what one costs
    fast_long: bool = True
    credits: Prices | None = None
    credits_above: Prices | None = None
    #: the credits follow from the dollars: no official card has them
    derived: bool = False
    per: Per = Per.TOKEN
    #: what one image or item costs
    each: int | None = None
    #: nobody tells the exact price: it is that of what stands behind the name, as far as is known
    estimated: bool = False
    source: str = ""
    checked: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether it is the rate of this day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)

    def dollars(self, tier: Tier, *, long_context: bool) -> Prices | None:
        """Of a token of such a request; None: nobody tells what the tier costs."""
        prices = _of_length(self.usd, self.above, long_context)
        return self._of_tier(prices, tier, self.fast_usd, long_context=long_context)

    def codex_credits(self, tier: Tier, *, long_context: bool) -> Prices | None:
        """Likewise, in credits of Codex; None also where it has none for the model."""
        prices = _of_length(self.credits, self.credits_above, long_context)
        if prices is None:
            return None
        return self._of_tier(prices, tier, self.fast_credits, long_context=long_context)

    def _of_tier(
        self, prices: Prices, tier: Tier, factor: Decimal | None, *, long_context: bool
    ) -> Prices | None:
        if tier is not Tier.FAST:
            return prices
        is_offered = self.fast_long or not long_context
        return prices.times(factor) if factor is not None and is_offered else None


_P = TypeVar("_P", Prices, Prices | None)


def _of_length(base: _P, above: Prices | None, long_context: bool) -> _P | Prices:
    return above if long_context and above is not None else base


class Price(Struct, frozen=True):
    """What requests cost: `pico` in pico-dollars and `credits` of Codex, each None where it is unknown.

    `estimated`: by the fallback, by a model that stands behind the name, or of a tier that nobody tells.
    `derived`: the credits follow from the dollars; no official card has them.
    """

    pico: int | None = None
    credits: Decimal | None = None
    estimated: bool = False
    derived: bool = False


UNKNOWN_PRICE: Final = Price()


#: What the price of a token depends on: model, UTC day, tier, whether it is long, and the operation.
_Asked: TypeAlias = tuple[str | None, date, Tier, bool, str | None]


class RateCard:
    """All rates of one run: those that are shipped, the operator's own above them, and what is taken for
    models that neither has (`fallback`; None: nothing, their price is unknown).

    `day`: when the shipped ones were last checked.
    """

    def __init__(
        self,
        name: str,
        day: date,
        rates: Iterable[Rate],
        overlays: Iterable[Rate] = (),
        fallback: Prices | None = None,
    ) -> None:
        self.name = name
        self.day = day
        self.rates = tuple(rates)
        self.overlays = tuple(overlays)
        self.fallback = fallback
        self._by_name: dict[str, list[Rate]] = {}
        for each in self.rates:
            for known in (each.model, *each.aliases):
                self._by_name.setdefault(known, []).append(each)
        self._named: dict[str, list[Rate]] = {}
        self._found: dict[tuple[str, date, str | None], Rate | None] = {}
        #: with what a token costs in dollars and in credits: many cells of use ask for few of them
        self._per_token: dict[_Asked, tuple[Prices | None, Prices | None]] = {}

    def rate(self, model: str, day: date, operation: str | None = None) -> Rate | None:
        """The rate of a model on a UTC day: of the operator's the one with the longest name, else the
        shipped one that began last."""
        key = (model, day, operation)
        if key not in self._found:
            self._found[key] = self._own(model, day, operation) or self._shipped(model, day)
        return self._found[key]

    def shipped(self, model: str) -> tuple[Rate, ...]:
        """All shipped rates of a model, of whatever day."""
        names = _names(model)
        return next((tuple(self._by_name[name]) for name in names if name in self._by_name), ())

    def price(
        self,
        model: str | None,
        day: date,
        tier: Tier,
        long_context: bool,
        tokens: Tokens,
        requests: int = 1,
        operation: str | None = None,
    ) -> Price:
        """What requests of one model, UTC day, tier and kind cost."""
        rate = None if model is None else self.rate(model, day, operation)
        if rate is None:
            return self._by_fallback(tokens)
        if rate.per is not Per.TOKEN:
            cost = None if rate.each is None else requests * rate.each
            return Price(cost, None, rate.estimated)
        # a request without tokens was not counted in tokens
        if not tokens.total and requests and not rate.usd.is_free:
            return UNKNOWN_PRICE
        asked = model, day, tier, long_context, operation
        found = self._per_token.get(asked)
        if found is None:
            found = self._per_token[asked] = (
                rate.dollars(tier, long_context=long_context),
                rate.codex_credits(tier, long_context=long_context) if day >= CREDITS_SINCE else None,
            )
        dollars, in_credits = found
        amount = None if in_credits is None else in_credits.cost(tokens)
        return Price(
            None if dollars is None else dollars.cost(tokens),
            None if amount is None else Decimal(amount).scaleb(-12),
            rate.estimated or tier is Tier.UNKNOWN,
            amount is not None and rate.derived,
        )

    def _by_fallback(self, tokens: Tokens) -> Price:
        if self.fallback is None or not tokens.total:
            return UNKNOWN_PRICE
        return Price(self.fallback.cost(tokens), None, estimated=True)

    def fitting(self, model: str, day: date, operation: str | None = None) -> list[Rate]:
        """The operator's rates that fit a model on a day, the one that holds first."""
        # a year of days asks for the same few models
        named = self._named.get(model)
        if named is None:
            named = self._named[model] = [each for each in self.overlays if _matches(each.model, model)]
        found = [
            each for each in named if each.holds_on(day) and (each.per is not Per.IMAGE or operation == IMAGE)
        ]
        # of equals the first one in the file
        return sorted(found, key=_rank, reverse=True)

    def _own(self, model: str, day: date, operation: str | None) -> Rate | None:
        return next(iter(self.fitting(model, day, operation)), None)

    def _shipped(self, model: str, day: date) -> Rate | None:
        valid = [each for each in self.shipped(model) if each.holds_on(day)]
        return max(valid, key=_begins, default=None)


def _names(model: str) -> tuple[str, ...]:
    """A model as it is called, and without what may stand before and after: `gpt-5.4-2026-03-05`."""
    name = model.strip().lower().removeprefix(_PROVIDER)
    return name, _DATED.sub("", name)


def _matches(glob: str, model: str) -> bool:
    return any(fnmatchcase(name, glob.lower()) for name in (model.strip().lower(), *_names(model)))


def _rank(rate: Rate) -> tuple[int, bool, date]:
    return len(rate.model), rate.per is Per.IMAGE, _begins(rate)


def _begins(rate: Rate) -> date:
    return rate.since or date.min


def card_age(checked: date, today: date) -> int | None:
    """How many days old a card is that is old; None of one that was checked lately."""
    age = (today - checked).days
    return age if age > _OLD_AFTER_DAYS else None
