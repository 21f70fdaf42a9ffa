"""What tokens came to: cells of use, grouped and priced. Amounts are pico-USD, summed as integers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple, TypeAlias, TypeVar

from msgspec import Struct

from poolwatch.domain.quarters import TIMES, Calendar, utc_day
from poolwatch.domain.rates import Price, RateCard
from poolwatch.domain.tokens import (
    QUARTER_SECONDS,
    QUARTERS_OF_DAY,
    GroupBy,
    RequestSeen,
    Tier,
    Tokens,
    UseCell,
)
from poolwatch.domain.values import replace

K = TypeVar("K", bound=Hashable)


class UseSum(Struct, frozen=True):
    """Some use, and what it came to as far as that is known.

    `pico` and `credits` are those of what has a price; how much has none stands beside them.
    """

    requests: int = 0
    tokens: Tokens = Tokens()
    pico: int = 0
    credits: Decimal = Decimal(0)
    unpriced_requests: int = 0
    unpriced_tokens: int = 0
    #: how many requests have no credits that are known
    uncredited_requests: int = 0
    #: some of it was not counted, or not priced, by what is certain
    estimated: bool = False

    @property
    def cost_complete(self) -> bool:
        """Whether all of it has a price."""
        return not (self.unpriced_requests or self.unpriced_tokens)

    @property
    def cost(self) -> int | None:
        """In pico-USD; at least so much where it is not complete, None where nothing of it has a price."""
        is_known = self.cost_complete or self.unpriced_requests < self.requests or self.pico
        return self.pico if is_known else None

    @property
    def known_credits(self) -> Decimal | None:
        """The credits of all of it; None where a part of them is not known."""
        return None if self.uncredited_requests else self.credits

    @property
    def cost_each(self) -> int | None:
        """What a request came to, of those that have a price."""
        priced = self.requests - self.unpriced_requests
        return self.pico // priced if self.cost is not None and priced > 0 else None

    @property
    def cached_share(self) -> float | None:
        """The part of the input that was read from the cache, 0..1; None without input."""
        return self.tokens.cached / self.tokens.input if self.tokens.input else None

    def __add__(self, other: UseSum) -> UseSum:
        return UseSum(
            self.requests + other.requests,
            self.tokens + other.tokens,
            self.pico + other.pico,
            self.credits + other.credits,
            self.unpriced_requests + other.unpriced_requests,
            self.unpriced_tokens + other.unpriced_tokens,
            self.uncredited_requests + other.uncredited_requests,
            self.estimated or other.estimated,
        )


class Group(Struct, frozen=True, order=True):
    """What the use of a row shares. `text` None: the source does not tell."""

    text: str | None = None
    #: of a model: at the fast tier
    fast: bool = False


class UseRow(Struct, frozen=True):
    """The use of one group."""

    group: Group
    sum: UseSum


class _Joined:
    """Use that shares a group and a price: tokens add up before they are priced, once."""

    __slots__ = ("cache_write", "cached", "input", "output", "reasoning", "requests")

    def __init__(self) -> None:
        self.requests = self.input = self.cached = self.cache_write = self.output = self.reasoning = 0

    def take(self, requests: int, tokens: Tokens) -> None:
        self.requests += requests
        self.input += tokens.input
        self.cached += tokens.cached
        self.cache_write += tokens.cache_write
        self.output += tokens.output
        self.reasoning += tokens.reasoning

    @property
    def tokens(self) -> Tokens:
        return Tokens(self.input, self.cached, self.cache_write, self.output, self.reasoning)


class _Told:
    """What sources told of a group's cost."""

    __slots__ = ("credits", "estimated", "joined", "pico", "uncredited")

    def __init__(self) -> None:
        self.joined = _Joined()
        self.pico = 0
        self.credits = Decimal(0)
        self.uncredited = 0
        self.estimated = False

    @property
    def sum(self) -> UseSum:
        tokens = self.joined.tokens
        return UseSum(
            self.joined.requests,
            tokens,
            self.pico,
            self.credits,
            uncredited_requests=self.uncredited,
            estimated=self.estimated,
        )


def sums(cells: Iterable[UseCell], card: RateCard, key: Callable[[UseCell], K | None]) -> dict[K, UseSum]:
    """The sums of cells that `key` puts together; it leaves out those that it has None for."""
    told: dict[K, _Told] = {}
    # what was not counted in tokens is not priced by the tokens of other requests
    joined: dict[tuple[K, _PricedBy, bool, bool, bool], _Joined] = {}
    for cell in cells:
        group = key(cell)
        if group is None:
            continue
        has_credits = cell.told_credits is not None
        if cell.told_cost is not None or has_credits:
            _take_told(told.setdefault(group, _Told()), cell)
        requests, tokens = to_price(cell)
        if requests or tokens.total:
            # where only credits were told, these stand in place of those of the card
            only_credits = has_credits and cell.told_cost is None
            alike = group, _priced_by(cell), cell.estimated, only_credits, tokens.total > 0
            found = joined.get(alike)
            if found is None:
                found = joined[alike] = _Joined()
            found.take(requests, tokens)
    result = {group: each.sum for group, each in told.items()}
    for (group, priced_by, estimated, has_credits, _), each in joined.items():
        price = PricedAs.of(priced_by).price(card, each.requests, each.tokens)
        if has_credits:
            price = replace(price, credits=Decimal(0))
        one = _priced(each.requests, each.tokens, price, estimated=estimated)
        before = result.get(group)
        result[group] = one if before is None else before + one
    return result


class PricedAs(NamedTuple):
    """What the price of tokens depends on."""

    model: str | None
    day: date
    tier: Tier
    long_context: bool
    operation: str | None

    @classmethod
    def of(cls, priced_by: _PricedBy) -> PricedAs:
        model, day, tier, long_context, operation = priced_by
        return cls(model, utc_day(day * QUARTERS_OF_DAY), tier, long_context, operation)

    def price(self, card: RateCard, requests: int, tokens: Tokens) -> Price:
        """What these requests come to."""
        return card.price(
            self.model, self.day, self.tier, self.long_context, tokens, requests, self.operation
        )


#: The same of a cell, as fast as thousands of them need it: the day is counted since 1970.
_PricedBy: TypeAlias = tuple[str | None, int, Tier, bool, str | None]


def _priced_by(cell: UseCell) -> _PricedBy:
    return cell.model, cell.quarter // QUARTERS_OF_DAY, cell.tier, cell.long_context, cell.operation


def to_price(cell: UseCell) -> tuple[int, Tokens]:
    """The requests of a cell whose cost nobody told, and their tokens."""
    if cell.told_cost is None:
        return cell.requests, cell.tokens
    told, tokens = cell.told_tokens, cell.tokens
    rest = Tokens(
        tokens.input - told.input,
        tokens.cached - told.cached,
        tokens.cache_write - told.cache_write,
        tokens.output - told.output,
        tokens.reasoning - told.reasoning,
    )
    return cell.requests - cell.told_requests, rest


def by_price(cells: Iterable[UseCell]) -> dict[PricedAs, tuple[int, Tokens]]:
    """The requests whose cost nobody told, and their tokens, by what their price depends on."""
    joined: dict[_PricedBy, _Joined] = {}
    for cell in cells:
        requests, tokens = to_price(cell)
        if requests or tokens.total:
            priced_by = _priced_by(cell)
            found = joined.get(priced_by)
            if found is None:
                found = joined[priced_by] = _Joined()
            found.take(requests, tokens)
    return {PricedAs.of(priced_by): (each.requests, each.tokens) for priced_by, each in joined.items()}


def _take_told(told: _Told, cell: UseCell) -> None:
    if cell.told_credits is not None:
        told.credits += cell.told_credits
    if cell.told_cost is None:
        return
    told.joined.take(cell.told_requests, cell.told_tokens)
    told.pico += cell.told_cost
    told.estimated |= cell.estimated
    if cell.told_credits is None:
        told.uncredited += cell.told_requests


def _priced(requests: int, tokens: Tokens, price: Price, *, estimated: bool) -> UseSum:
    is_known = price.pico is not None
    return UseSum(
        requests,
        tokens,
        price.pico or 0,
        price.credits or Decimal(0),
        0 if is_known else requests,
        0 if is_known else tokens.total,
        0 if price.credits is not None else max(1, requests),
        estimated or price.estimated,
    )


def total(rows: Iterable[UseSum]) -> UseSum:
    """All of them together."""
    found = UseSum()
    for each in rows:
        found += each
    return found


def grouper(
    by: GroupBy, calendar: Calendar, groups: Mapping[str, str | None]
) -> Callable[[UseCell], Group | None]:
    """What puts a cell into its group; `groups` are those of accounts, by their ids."""
    made: dict[object, Group] = {}

    def group(text: str | None, *, fast: bool = False) -> Group:
        found = made.get((text, fast))
        if found is None:
            found = made[text, fast] = Group(text, fast)
        return found

    if by in TIMES:
        return lambda cell: group(calendar.text(by, cell.quarter))
    match by:
        case GroupBy.MODEL:
            return lambda cell: group(cell.model, fast=cell.tier is Tier.FAST)
        case GroupBy.GROUP:
            return lambda cell: group(None if cell.account is None else groups.get(cell.account))
        case _:
            name = by.value
            return lambda cell: group(getattr(cell, name))


def use_rows(
    cells: Iterable[UseCell],
    by: GroupBy,
    card: RateCard,
    calendar: Calendar,
    groups: Mapping[str, str | None] | None = None,
) -> tuple[UseRow, ...]:
    """The rows of use grouped by something: times old to new, else what cost most first."""
    found = sums(cells, card, grouper(by, calendar, groups or {}))
    rows = [UseRow(group, each) for group, each in found.items()]
    if by in TIMES:
        return tuple(sorted(rows, key=lambda row: row.group))
    return tuple(sorted(rows, key=_by_cost))


def by_cost(parts: Iterable[UseRow]) -> tuple[UseRow, ...]:
    """Rows of the same groups put together; what cost most first."""
    found: dict[Group, UseSum] = {}
    for row in parts:
        before = found.get(row.group)
        found[row.group] = row.sum if before is None else before + row.sum
    return tuple(sorted((UseRow(group, each) for group, each in found.items()), key=_by_cost))


def _by_cost(row: UseRow) -> tuple[bool, int, int, str, bool]:
    cost = row.sum.cost
    text = row.group.text
    return cost is None, -(cost or 0), -row.sum.tokens.total, "" if text is None else text, row.group.fast


def cell_of(request: RequestSeen) -> UseCell:
    """One request as the use of its quarter; whose user it was, it does not tell."""
    return UseCell(
        int(request.at // QUARTER_SECONDS),
        request.model,
        request.tier,
        request.long_context,
        1,
        request.tokens,
        request.account,
        client=request.client,
        project=request.project,
        conversation=request.conversation,
        operation=request.operation,
    )


def price_of(request: RequestSeen, card: RateCard) -> Price:
    """What one request came to: what its source said, else by the card."""
    if request.told_cost is not None:
        return Price(request.told_cost)
    day = utc_day(int(request.at // QUARTER_SECONDS))
    return card.price(
        request.model, day, request.tier, request.long_context, request.tokens, 1, request.operation
    )
