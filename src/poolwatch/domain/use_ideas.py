"""What the same tokens would come to otherwise: by prices alone, whatever the answers are worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from poolwatch.domain.rates import RateCard
from poolwatch.domain.tokens import Tier, Tokens, UseCell
from poolwatch.domain.use_sums import PricedAs, UseRow, by_price


class Idea(Struct, frozen=True):
    """The same tokens at another price; amounts in pico-USD."""

    cost: int
    saved: int
    #: on this model instead of the other one; both None: were all of the input read from the cache
    model: str | None = None
    instead_of: str | None = None
    #: of both, at the fast tier
    fast: bool = False
    #: the part of the input that was not read from the cache, 0..1
    uncached: float | None = None
    estimated: bool = False


def use_ideas(cells: Iterable[UseCell], models: Sequence[UseRow], card: RateCard) -> tuple[Idea, ...]:
    """The ideas that would save something; `models` are those of the cells, what cost most first."""
    use = by_price(cells)
    found = _other_model(use, models, card), _all_cached(use, card)
    return tuple(each for each in found if each is not None)


_Use = dict[PricedAs, tuple[int, Tokens]]


def _other_model(use: _Use, models: Sequence[UseRow], card: RateCard) -> Idea | None:
    """The model that cost most, and the next one of those in use on which its tokens would cost less."""
    known = [row.group for row in models if row.sum.cost and row.group.text is not None]
    if not known:
        return None
    most, *others = known
    own = {
        key: each for key, each in use.items() if (key.model, key.tier is Tier.FAST) == (most.text, most.fast)
    }
    cost, estimated = _cost(own, card)
    for other in others:
        if other.text == most.text or not cost:
            continue
        instead, guessed = _cost({key._replace(model=other.text): each for key, each in own.items()}, card)
        if instead is not None and instead < cost:
            told = estimated or guessed
            return Idea(instead, cost - instead, other.text, most.text, most.fast, estimated=told)
    return None


def _cost(use: _Use, card: RateCard) -> tuple[int | None, bool]:
    """What all of it comes to, None where a part has no price; and whether that is an estimate."""
    cost, estimated = 0, False
    for key, (requests, tokens) in use.items():
        price = key.price(card, requests, tokens)
        if price.pico is None:
            return None, False
        cost, estimated = cost + price.pico, estimated or price.estimated
    return cost, estimated


def _all_cached(use: _Use, card: RateCard) -> Idea | None:
    cost = instead = uncached = whole = 0
    estimated = False
    for key, (requests, tokens) in use.items():
        price = key.price(card, requests, tokens)
        real, least = price.pico, key.price(card, requests, _cached(tokens)).pico
        if real is not None and least is not None and tokens.input:
            cost, instead, estimated = cost + real, instead + least, estimated or price.estimated
            uncached, whole = uncached + tokens.input - tokens.cached, whole + tokens.input
    if not whole or instead >= cost:
        return None
    return Idea(instead, cost - instead, uncached=uncached / whole, estimated=estimated)


def _cached(tokens: Tokens) -> Tokens:
    return Tokens(tokens.input, tokens.input, 0, tokens.output, tokens.reasoning)
