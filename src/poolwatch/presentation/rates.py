"""What models cost, for people: the card, why a price holds, and what the same tokens cost elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.domain.rates import (
    CREDITS_SINCE,
    IMAGE,
    LONG_CONTEXT,
    Per,
    Price,
    Prices,
    Rate,
    RateCard,
    per_million,
)
from poolwatch.domain.text import visible
from poolwatch.domain.tokens import Tier, Tokens
from poolwatch.presentation.figures import UNKNOWN, ljust, rjust, trimmed_digits, width
from poolwatch.presentation.use_texts import dollars
from poolwatch.words.rates import limit, said, tokens_line

_PARTS: Final = ("input", "cached", "cache_write", "output")
_CREDITS: Final = ("input", "cached", "output")
_LONGEST_NAME: Final = 200
_GAP: Final = "  "
_GLOB: Final = frozenset("*?[")


def rates_of(card: RateCard, day: date, *, every: bool) -> list[Rate]:
    """The operator's rates, then the shipped ones: those that hold on a day, or all."""
    found = (*card.overlays, *card.rates)
    return [each for each in found if every or (each.holds_on(day) and _is_last(card, each, day))]


def _is_last(card: RateCard, rate: Rate, day: date) -> bool:
    if rate in card.overlays:
        return True
    later = (each.since for each in card.shipped(rate.model) if each.holds_on(day) and each.since is not None)
    return rate.since == max(later, default=None)


def list_lines(card: RateCard, day: date, *, every: bool) -> list[str]:
    """The card as a table."""
    head = [said(each) for each in ("model", "from", *_PARTS, "credits")]
    found = rates_of(card, day, every=every)
    # those of Codex, and the operator's, come first
    first = [each for each in found if each.credits is not None or each in card.overlays]
    rest = [each for each in found if each not in first]
    lines = [said("list_head", day=card.day), *table([head, *map(_list_row, first)], left=2)]
    lines += [said("credits_foot"), "", said("others")]
    return [*lines, *table([head[:-1], *(_list_row(each)[:-1] for each in rest)], left=2)]


def _list_row(rate: Rate) -> list[str]:
    begins = "" if rate.since is None else rate.since.isoformat()
    name = f"{'~' if rate.estimated else ''}{model_name(rate.model)}"
    if rate.per is not Per.TOKEN:
        return [name, begins, _each(rate), "", "", "", ""]
    found = rate.credits
    in_credits = "" if found is None else "/".join(_amount(getattr(found, part)) for part in _CREDITS)
    return [name, begins, *_amounts(rate.usd), f"{'~' if in_credits and rate.derived else ''}{in_credits}"]


def _each(rate: Rate) -> str:
    amount = UNKNOWN if rate.each is None else _trimmed(dollars(rate.each))
    return said("per_image" if rate.per is Per.IMAGE else "per_item", amount=amount)


def why_lines(card: RateCard, model: str, day: date) -> list[str]:
    """Why a model costs what it costs on a day, or has no price."""
    rate = card.rate(model, day)
    if rate is None:
        return [*_unknown_lines(card, model, day), *_other_days(card, model, None)]
    name = model_name(model)
    if rate in card.overlays:
        lines = [f"{said('of_yours', model=name, day=day, glob=model_name(rate.model))}{_span(rate)}"]
        lines += [
            said("also_fits", glob=model_name(each.model))
            for each in card.fitting(model, day)
            if each != rate
        ]
    else:
        told = said("of_card", model=name, day=day, source=rate.source, checked=rate.checked or card.day)
        lines = [f"{told}{_span(rate)}"]
        if rate.model not in (model, _undated(model, rate)):
            lines.append(said("priced_as", model=rate.model))
    if rate.estimated:
        lines.append(said("of_model_behind" if rate.source.startswith("as ") else "is_estimated"))
    image = card.rate(model, day, IMAGE)
    if image is not None and image != rate:
        lines.append(said("for_images", glob=model_name(image.model), price=_each(image)))
    return [*lines, *_price_lines(rate, day), *_other_days(card, model, rate)]


def _undated(model: str, rate: Rate) -> str:
    return rate.model if model.startswith(f"{rate.model}-20") else model


def _span(rate: Rate) -> str:
    ends = [("since", rate.since), ("until", rate.until)]
    return "".join(f", {said(code, **{code: day})}" for code, day in ends if day is not None)


def _price_lines(rate: Rate, day: date) -> Iterator[str]:
    if rate.per is not Per.TOKEN:
        yield _each(rate)
        return
    rows: list[tuple[str, Prices | None, bool]] = [("standard", rate.usd, True)]
    if rate.above is not None:
        rows.append(("long", rate.above, True))
    if rate.fast_usd is not None:
        rows.append(("fast_row", rate.dollars(Tier.FAST, long_context=False), True))
        if rate.above is not None and rate.fast_long:
            rows.append(("fast_long", rate.dollars(Tier.FAST, long_context=True), True))
    has_credits = rate.credits is not None and day >= CREDITS_SINCE
    if has_credits:
        rows.append(("credit_row", rate.credits, False))
        if rate.credits_above is not None:
            rows.append(("credit_long", rate.credits_above, False))
        if rate.fast_credits is not None:
            rows.append(("credit_fast", rate.codex_credits(Tier.FAST, long_context=False), False))
    head = ["", *(said(part) for part in _PARTS)]
    body = [
        [said(code, limit=limit()), *_amounts(prices or Prices(), "$" if is_money else "")]
        for code, prices, is_money in rows
    ]
    yield from table([head, *body], left=1)
    if rate.fast_usd is None:
        yield said("no_fast")
    elif not rate.fast_long:
        yield said("no_fast_long", limit=limit())
    if rate.credits is not None and not has_credits:
        yield said("credits_began", day=CREDITS_SINCE)
    elif has_credits and rate.derived:
        yield said("derived")


def _unknown_lines(card: RateCard, model: str, day: date) -> list[str]:
    name = model_name(model)
    lines = [said("unknown", model=name, day=day)]
    begins = [each.since for each in card.shipped(model) if each.since is not None]
    if begins and min(begins) > day:
        lines.append(said("not_yet", day=min(begins)))
    fallback = card.fallback
    if fallback is not None:
        both = {part: _amount(getattr(fallback, part)) for part in ("input", "output")}
        lines.append(said("has_fallback", **both))
        return lines
    example = ("[[rates]]", f"model = {json.dumps(name)}", 'input = "…"', 'cached = "…"', 'output = "…"')
    return [*lines, said("add_one"), *(f"  {line}" for line in example)]


def _other_days(card: RateCard, model: str, rate: Rate | None) -> list[str]:
    others = [each for each in card.shipped(model) if each != rate]
    lines = []
    for each in others:
        parts = {part: _amount(getattr(each.usd, part), "$") for part in _CREDITS}
        lines.append(
            said("ever", **parts) if each.since is None else said("other_day", day=each.since, **parts)
        )
    return [said("other_days"), *lines] if lines else []


class Comparison(Struct, frozen=True):
    """What is compared: so many tokens, on a day, on some models, else on those of Codex."""

    tokens: Tokens
    day: date
    models: tuple[str, ...] = ()
    tier: Tier = Tier.STANDARD
    long_context: bool = False


class Compared(Struct, frozen=True):
    """What they cost on one model, and by which rate of that day."""

    model: str
    price: Price
    rate: Rate | None


def compare(card: RateCard, asked: Comparison) -> list[Compared]:
    """The cheapest first, those without a price last."""
    names = tuple(dict.fromkeys(asked.models or _usual(card, asked.day)))
    found = [
        Compared(
            name,
            card.price(name, asked.day, asked.tier, asked.long_context, asked.tokens),
            card.rate(name, asked.day),
        )
        for name in names
    ]
    # of all models those that have no price for it say nothing
    kept = [each for each in found if asked.models or each.price.pico is not None]
    return sorted(kept, key=lambda each: (each.price.pico is None, each.price.pico or 0, each.model))


def _usual(card: RateCard, day: date) -> Iterator[str]:
    """The models of Codex, and those that the operator names."""
    for each in rates_of(card, day, every=False):
        is_named = each in card.overlays and not _GLOB.intersection(each.model)
        if is_named or (each in card.rates and each.credits is not None and not each.estimated):
            yield each.model


def compare_lines(card: RateCard, asked: Comparison) -> list[str]:
    """The comparison as a table."""
    tokens = asked.tokens
    head = said("compare_head", tokens=tokens_line(tokens.input, tokens.cached, tokens.output), day=asked.day)
    notes = [said("as_fast")] if asked.tier is Tier.FAST else []
    if asked.long_context:
        notes.append(said("as_long", limit=limit()))
    elif tokens.input > LONG_CONTEXT:
        notes.append(said("as_short", limit=limit()))
    found = compare(card, asked)
    least = next((each.price.pico for each in found if each.price.pico), None)
    rows = [[said(code) for code in ("model", "cost", "times", "credits")]]
    for each in found:
        cost = each.price.pico
        if cost is None:
            rows.append([model_name(each.model), UNKNOWN, "", _credits(each.price)])
        else:
            figures = [_cost(each.price), _times(cost, least), _credits(each.price)]
            rows.append([model_name(each.model), *figures])
    missing = [
        f"{model_name(each.model)}: {said(_why_none(each, asked))}"
        for each in found
        if each.price.pico is None
    ]
    return [head, *notes, *table(rows, left=1), *missing]


def _why_none(compared: Compared, asked: Comparison) -> str:
    if compared.rate is None:
        return "no_price_that_day"
    return (
        "no_price_fast" if asked.tier is Tier.FAST and compared.rate.fast_usd is None else "no_price_of_part"
    )


def _cost(price: Price) -> str:
    mark = "~" if price.estimated else ""
    return UNKNOWN if price.pico is None else f"{mark}${_in_groups(dollars(price.pico))}"


def _credits(price: Price) -> str:
    if price.credits is None:
        return ""
    return f"{'~' if price.derived or price.estimated else ''}{_in_groups(price.credits)}"


def _in_groups(amount: Decimal) -> str:
    whole, point, part = _trimmed(amount).partition(".")
    return f"{int(whole):,}{point}{part}"


def _times(cost: int, least: int | None) -> str:
    return f"{Decimal(cost) / least:.1f}" if least and cost else ""


def table(rows: Sequence[Sequence[str]], *, left: int) -> list[str]:
    """Columns under their headings; the first ones stand left, figures right."""
    widths = [max(width(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        _GAP.join((ljust if at < left else rjust)(cell, widths[at]) for at, cell in enumerate(row)).rstrip()
        for row in rows
    ]


def _trimmed(amount: Decimal) -> str:
    """At least two decimals, and at most six, unless that were nothing."""
    return trimmed_digits(round(amount, 6) or amount, 2)


def _amounts(prices: Prices, sign: str = "") -> list[str]:
    return [_amount(getattr(prices, part), sign) for part in _PARTS]


def _amount(price: int | None, sign: str = "") -> str:
    return UNKNOWN if price is None else f"{sign}{per_million(price):f}"


def model_name(model: str) -> str:
    """A model's name as it can be shown."""
    return visible(model, _LONGEST_NAME)
