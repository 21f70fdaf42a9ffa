"""The rate card that is shipped, held against two lists of prices that others keep."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from poolwatch.config.rate_card import shipped_card
from poolwatch.domain.rates import PICO_PER_DOLLAR, Prices, Rate, RateCard
from poolwatch.domain.tokens import Tier, Tokens

MILLION: Final = 1_000_000
PARTS: Final = ("input", "cached", "cache_write", "output")
#: One token of each kind, by name: of the four only that one is counted.
ONE_OF: Final = {
    "input": Tokens(MILLION, 0, 0, 0),
    "cached": Tokens(MILLION, MILLION, 0, 0),
    "cache_write": Tokens(MILLION, 0, MILLION, 0),
    "output": Tokens(0, 0, 0, MILLION),
}
LITELLM: Final = Path(__file__).parent / "recorded/litellm/openai.json"
#: Where the two lists differ: what LiteLLM has, and genai-prices has not.
ONLY_LITELLM: Final = {("gpt-5.6-cyber", "above")}


@pytest.fixture(scope="module")
def maker() -> Any:
    """What makes the card; it needs a package that only the tests have, and that is slow to import."""
    from tests.support import rate_card

    return rate_card


@pytest.fixture(scope="module")
def card() -> RateCard:
    return shipped_card()


def test_the_card_is_what_its_maker_makes(maker: Any) -> None:
    assert maker.CARD.read_text() == maker.toml_text(), "run python -m tests.support.rate_card"


def test_every_row_costs_what_genai_prices_says(maker: Any, card: RateCard) -> None:
    """On the first day of each price and on the day before the next, by each of its names."""
    from genai_prices import Usage, calc_price

    seen = 0
    for model in maker.models():
        for name in maker.names(model) or [model.id]:
            for day, price in _days(maker.steps_of(model)):
                for part, tokens in ONE_OF.items():
                    if maker._base(getattr(price, maker.FIELDS[part])) is None:
                        continue
                    # below the limit, then above it; only input counts for that
                    for count in (200_000, 400_000):
                        seen += 1
                        amount = {
                            "input": Usage(input_tokens=count),
                            "cached": Usage(input_tokens=count, cache_read_tokens=count),
                            "cache_write": Usage(input_tokens=count, cache_write_tokens=count),
                            "output": Usage(input_tokens=count, output_tokens=count),
                        }[part]
                        said = calc_price(amount, name, provider_id="openai", genai_request_timestamp=day)
                        scaled = _scaled(tokens, count, with_input=part == "output")
                        found = card.price(name, day.date(), Tier.STANDARD, count > 272_000, scaled)
                        assert found.pico is not None, (name, part)
                        assert Decimal(found.pico) / PICO_PER_DOLLAR == said.total_price, (name, part, day)
    assert seen > 500


def _days(steps: Any) -> list[tuple[Any, Any]]:
    from datetime import UTC, datetime, time, timedelta

    found = []
    for index, (begin, price) in enumerate(steps):
        first = begin or date(2026, 6, 1)
        if begin is not None or index + 1 == len(steps) or first < steps[index + 1][0]:
            found.append((datetime.combine(first, time(12), UTC), price))
        if index + 1 < len(steps):
            found.append((datetime.combine(steps[index + 1][0] - timedelta(days=1), time(12), UTC), price))
    return found


def _scaled(tokens: Tokens, count: int, *, with_input: bool) -> Tokens:
    parts = [
        count if each else 0 for each in (tokens.input, tokens.cached, tokens.cache_write, tokens.output)
    ]
    return Tokens(count if with_input else parts[0], *parts[1:])


def _per_million(entry: dict[str, str], key: str) -> Decimal | None:
    return Decimal(entry[key]) * MILLION if key in entry else None


def _dollars(prices: Prices | None, part: str) -> Decimal | None:
    amount = None if prices is None else getattr(prices, part)
    return None if amount is None else Decimal(amount) * MILLION / PICO_PER_DOLLAR


def test_every_row_is_as_litellm_has_it(maker: Any, card: RateCard) -> None:
    """Its list knows no dates: it is what holds now. Recorded, for the package is 44 MB."""
    recorded = json.loads(LITELLM.read_text())
    assert recorded["package"].startswith("litellm ")
    assert len(recorded["models"]) > 40
    for name, entry in recorded["models"].items():
        rate = card.rate(name, card.day)
        assert rate is not None, name
        for part, key in maker.LITELLM.items():
            # of what there never is, like the output of embeddings, it says 0
            if said := _per_million(entry, key):
                assert _dollars(rate.usd, part) == said, (name, part)
            above = _per_million(entry, f"{key}_above_272k_tokens")
            if above is not None and (name, "above") not in ONLY_LITELLM:
                assert _dollars(rate.above, part) == above, (name, part)
            fast = _per_million(entry, f"{key}_priority")
            if fast is not None and rate.fast_usd is not None:
                assert _dollars(rate.dollars(Tier.FAST, long_context=False), part) == fast, (name, part)


def test_credits_are_25_for_a_dollar_but_where_the_official_card_says_other(card: RateCard) -> None:
    odd = set()
    for rate in (each for each in card.rates if each.credits is not None):
        official = rate.credits
        assert official is not None
        for part in ("input", "cached", "output"):
            if (getattr(rate.usd, part) or 0) * 25 != getattr(official, part):
                odd.add((rate.model, part))
    assert odd == {("gpt-5.4-mini", "output")} | {
        ("gpt-5.5-cyber", part) for part in PARTS if part != "cache_write"
    }


def test_rows_of_one_model_follow_each_other(card: RateCard) -> None:
    by_model: dict[str, list[Rate]] = {}
    for rate in card.rates:
        by_model.setdefault(rate.model, []).append(rate)
    for rates in by_model.values():
        days = [each.since or date.min for each in rates]
        assert days == sorted(set(days))
    names = [name for rates in by_model.values() for name in (rates[0].model, *rates[0].aliases)]
    assert len(names) == len(set(names))
