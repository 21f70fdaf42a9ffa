"""What models cost, for programs: `poolwatch.rates/1` and its like, and the same as CSV."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from poolwatch.domain.rates import Prices, Rate, RateCard, per_million
from poolwatch.presentation.csv_text import Cell, csv_text
from poolwatch.presentation.figures import trimmed_digits
from poolwatch.presentation.json_values import Json, digits, instant
from poolwatch.presentation.rates import Comparison, compare, model_name, rates_of
from poolwatch.presentation.use_texts import dollars

_PARTS: Final = ("input", "cached", "cache_write", "output")


def rates_json(card: RateCard, day: date, now: datetime, *, every: bool) -> str:
    """`poolwatch.rates/1`."""
    found = [_rate(card, each) for each in rates_of(card, day, every=every)]
    return _document("rates/1", card, now, rates=found)


def why_json(card: RateCard, model: str, day: date, now: datetime) -> str:
    """`poolwatch.rates.why/1`."""
    rate = card.rate(model, day)
    fallback = card.fallback if rate is None else None
    return _document(
        "rates.why/1",
        card,
        now,
        model=model_name(model),
        day=day.isoformat(),
        rate=None if rate is None else _rate(card, rate),
        fallback=None if fallback is None else _parts(fallback),
        other_days=[_rate(card, each) for each in card.shipped(model) if each != rate],
    )


def compare_json(card: RateCard, asked: Comparison, now: datetime) -> str:
    """`poolwatch.rates.compare/1`."""
    tokens = asked.tokens
    return _document(
        "rates.compare/1",
        card,
        now,
        day=asked.day.isoformat(),
        tier=asked.tier.value,
        long_context=asked.long_context,
        input_tokens=tokens.input,
        cached_input_tokens=tokens.cached,
        output_tokens=tokens.output,
        rows=[
            {
                "model": each.model,
                "cost_usd": None if each.price.pico is None else trimmed_digits(dollars(each.price.pico)),
                "credits": None if each.price.credits is None else trimmed_digits(each.price.credits),
                "credits_derived": each.price.derived,
                "estimated": each.price.estimated,
            }
            for each in compare(card, asked)
        ],
    )


def _document(schema: str, card: RateCard, now: datetime, **more: Json) -> str:
    head: dict[str, Json] = {
        "schema": f"poolwatch.{schema}",
        "generated_at": instant(now),
        "rate_card": {"name": card.name, "date": card.day.isoformat()},
    }
    return json.dumps({**head, **more}, indent=2, allow_nan=False) + "\n"


def _rate(card: RateCard, rate: Rate) -> Json:
    return {
        "model": model_name(rate.model),
        "aliases": list(rate.aliases),
        "origin": "configuration" if rate in card.overlays else "card",
        "from": None if rate.since is None else rate.since.isoformat(),
        "to": None if rate.until is None else rate.until.isoformat(),
        "per": rate.per.value,
        "price_usd": None if rate.each is None else trimmed_digits(dollars(rate.each)),
        "usd_per_million": _parts(rate.usd),
        "usd_per_million_long": None if rate.above is None else _parts(rate.above),
        "fast_usd": digits(rate.fast_usd),
        "fast_long": rate.fast_long,
        "credits_per_million": None if rate.credits is None else _parts(rate.credits),
        "credits_per_million_long": None if rate.credits_above is None else _parts(rate.credits_above),
        "fast_credits": digits(rate.fast_credits),
        "credits_derived": rate.derived,
        "estimated": rate.estimated,
        "source": rate.source or None,
        "checked": None if rate.checked is None else rate.checked.isoformat(),
    }


def _parts(prices: Prices) -> Json:
    found = {part: getattr(prices, part) for part in _PARTS}
    return {part: None if each is None else digits(per_million(each)) for part, each in found.items()}


def rates_csv(rates: Iterable[Rate]) -> str:
    """The card as CSV: dollars and credits per million tokens."""
    header = [
        *("model", "from", "to", "per", "price_usd"),
        *(f"{part}_usd_per_million" for part in _PARTS),
        *(f"{part}_usd_per_million_long" for part in _PARTS),
        *("fast_usd_times", "fast_credits_times"),
        *(f"{part}_credits_per_million" for part in _PARTS),
        *("credits_derived", "estimated", "source"),
    ]
    return csv_text(header, map(_csv_row, rates))


def _csv_row(rate: Rate) -> list[Cell]:
    def parts(prices: Prices | None) -> list[Cell]:
        found = [getattr(prices or Prices(), part) for part in _PARTS]
        return [None if each is None else per_million(each) for each in found]

    days = [None if day is None else day.isoformat() for day in (rate.since, rate.until)]
    return [
        *(model_name(rate.model), *days, rate.per.value, None if rate.each is None else dollars(rate.each)),
        *parts(rate.usd),
        *parts(rate.above),
        *(rate.fast_usd, rate.fast_credits),
        *parts(rate.credits),
        *(_truth(rate.derived), _truth(rate.estimated), rate.source or None),
    ]


def compare_csv(card: RateCard, asked: Comparison) -> str:
    """The comparison as CSV."""
    header = ("model", "cost_usd", "credits", "credits_derived", "estimated")
    rows = [
        (
            model_name(each.model),
            None if each.price.pico is None else dollars(each.price.pico),
            each.price.credits,
            _truth(each.price.derived),
            _truth(each.price.estimated),
        )
        for each in compare(card, asked)
    ]
    return csv_text(header, rows)


def _truth(value: bool) -> str:
    return "true" if value else "false"
