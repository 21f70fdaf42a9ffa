"""What requests cost: by model, UTC day, tier and length, exact to the pico-dollar."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.config.rate_card import shipped_card
from poolwatch.domain.rates import (
    PICO_PER_DOLLAR,
    UNKNOWN_PRICE,
    Per,
    Price,
    Prices,
    Rate,
    RateCard,
    card_age,
    pico,
    prices_of,
)
from poolwatch.domain.tokens import Tier, Tokens

CARD: Final = shipped_card()
NOV: Final = date(2026, 11, 15)
MILLION: Final = 1_000_000


def usd(price: Price) -> Decimal | None:
    return None if price.pico is None else Decimal(price.pico) / PICO_PER_DOLLAR


def of(
    model: str | None,
    tokens: Tokens,
    day: date = NOV,
    tier: Tier = Tier.STANDARD,
    *,
    long: bool = False,
    card: RateCard = CARD,
) -> Price:
    return card.price(model, day, tier, long, tokens)


EACH: Final = Tokens(3 * MILLION, MILLION, MILLION, MILLION)


@pytest.mark.parametrize(
    ("model", "day", "tier", "long", "dollars", "in_credits"),
    [
        # a million of each: plain input, cached, written into the cache, output
        ("gpt-6-sol", NOV, Tier.STANDARD, False, "14.7", "305"),
        ("gpt-6-sol", NOV, Tier.STANDARD, True, "24.4", "485"),
        ("gpt-6-sol", NOV, Tier.FAST, False, "29.4", None),
        ("gpt-6.1-terra", NOV, Tier.STANDARD, False, "7.3", "151.25"),
        ("gpt-6-luna", NOV, Tier.STANDARD, False, "0.735", "15.25"),
        ("gpt-6-astra", NOV, Tier.STANDARD, False, "73.5", "1525"),
        # in Codex, long requests of Astra take no more credits, and a fast one 2.5 times as many
        ("gpt-6-astra", NOV, Tier.STANDARD, True, "122", "1525"),
        ("gpt-6-astra", NOV, Tier.FAST, False, "147", "3812.5"),
        ("gpt-6-astra", NOV, Tier.FAST, True, "244", "3812.5"),
        # the day of a cut is the first of the new price
        ("gpt-5.6-sol", date(2026, 8, 20), Tier.STANDARD, False, "41.75", "887.5"),
        ("gpt-5.6-sol", date(2026, 8, 21), Tier.STANDARD, False, "29.4", "610"),
        ("gpt-5.6-terra", date(2026, 7, 29), Tier.STANDARD, False, "20.875", "443.75"),
        ("gpt-5.6-terra", date(2026, 7, 30), Tier.STANDARD, False, "16.7", "355"),
        ("gpt-5.6-luna", date(2026, 7, 30), Tier.FAST, False, "3.34", "88.75"),
        # nobody had it before
        ("gpt-6-sol", date(2026, 9, 21), Tier.STANDARD, False, None, None),
        ("gpt-5.6-sol", date(2026, 7, 8), Tier.STANDARD, False, None, None),
        ("qwen4-coder", NOV, Tier.STANDARD, False, None, None),
        (None, NOV, Tier.STANDARD, False, None, None),
    ],
)
def test_a_request_costs_what_the_card_says(
    model: str | None, day: date, tier: Tier, long: bool, dollars: str | None, in_credits: str | None
) -> None:
    price = of(model, EACH, day, tier, long=long)
    assert usd(price) == (None if dollars is None else Decimal(dollars))
    assert price.credits == (None if in_credits is None else Decimal(in_credits))
    assert not price.estimated


READ: Final = Tokens(2 * MILLION, MILLION, 0, MILLION)


@pytest.mark.parametrize(
    ("model", "dollars", "in_credits", "is_derived"),
    [
        ("gpt-5.5", "35.5", "887.5", False),
        ("gpt-5.5-2026-04-23", "35.5", "887.5", False),
        ("gpt-5.5-codex", "35.5", "887.5", False),
        ("openai/GPT-5.5", "35.5", "887.5", False),
        # the official card rounds: 113, not 112.5
        ("gpt-5.4-mini", "5.325", "133.625", False),
        ("gpt-5.3-codex", "15.925", "398.125", False),
        ("gpt-5.1-codex-max", "11.375", "284.375", False),
        ("gpt-5.3-codex-spark", "0", "0", False),
        ("gpt-5.6", "24.4", "610", True),
        ("gpt-4o", "13.75", None, False),
    ],
)
def test_names_and_credits(model: str, dollars: str, in_credits: str | None, is_derived: bool) -> None:
    price = of(model, READ)
    assert usd(price) == Decimal(dollars)
    assert price.credits == (None if in_credits is None else Decimal(in_credits))
    assert price.derived is is_derived


def test_older_models_write_into_the_cache_for_the_price_of_input() -> None:
    for long in (False, True):
        written, plain = (of("gpt-5.4", Tokens(MILLION, 0, write, 0), long=long) for write in (MILLION, 0))
        assert written.pico == plain.pico
    # in Codex that takes no credits
    assert of("gpt-5.4", Tokens(MILLION, 0, MILLION, 0)).credits == 0


def test_credits_were_no_matter_of_tokens_before_april_2026() -> None:
    assert of("gpt-5.4", READ, date(2026, 4, 1)).credits is None
    assert of("gpt-5.4", READ, date(2026, 4, 2)).credits == Decimal("443.75")
    assert of("gpt-5.4", READ, date(2026, 4, 1)).pico == pico(Decimal("17.75"))


def test_what_is_not_told_is_unknown_and_never_free() -> None:
    # no price for cached tokens, nor for writing into the cache
    assert usd(of("gpt-5.4-pro", Tokens(MILLION, 0, 0, 0))) == 30
    assert of("gpt-5.4-pro", Tokens(MILLION, 1, 0, 0)).pico is None
    assert of("gpt-5.4-pro", Tokens(MILLION, 0, 1, 0)).pico is None
    # nobody says what the fast tier of these costs
    assert of("gpt-5.4-nano", READ, tier=Tier.FAST).pico is None
    # and of these above the limit, where it is not offered
    assert usd(of("gpt-5.5", READ, tier=Tier.FAST)) == Decimal("88.75")
    assert of("gpt-5.5", READ, tier=Tier.FAST, long=True) == Price()
    assert usd(of("gpt-5.5", READ, long=True)) == 56
    # a request that was not counted in tokens
    assert of("gpt-5.4", Tokens()) == UNKNOWN_PRICE
    assert of("gpt-5.3-codex-spark", Tokens()).pico == 0


def test_a_tier_that_nobody_tells_is_priced_as_standard_and_marked() -> None:
    told, untold = of("gpt-6-sol", READ), of("gpt-6-sol", READ, tier=Tier.UNKNOWN)
    assert (untold.pico, untold.credits) == (told.pico, told.credits)
    assert untold.estimated
    assert not told.estimated


@pytest.mark.parametrize(
    ("day", "model"),
    [
        (date(2026, 7, 29), "gpt-5.4"),
        (date(2026, 7, 30), "gpt-5.6-luna"),
        (NOV, "gpt-5.6-luna"),
    ],
)
def test_a_review_is_priced_as_what_stood_behind_it_that_day(day: date, model: str) -> None:
    price = of("codex-auto-review", READ, day)
    assert price.pico == of(model, READ, day).pico
    assert price.estimated


def test_a_review_before_anybody_told_has_no_price() -> None:
    assert of("codex-auto-review", READ, date(2026, 3, 4)) == UNKNOWN_PRICE


def own(*rates: Rate, fallback: Prices | None = None) -> RateCard:
    return RateCard(CARD.name, CARD.day, CARD.rates, rates, fallback)


ONE: Final = prices_of("1", "1", "1", "1")
TWO: Final = prices_of("2", "2", "2", "2")


@pytest.mark.parametrize(
    ("overlays", "model", "day", "dollars"),
    [
        # above what is shipped, also where it says less
        ([Rate("gpt-6-sol", ONE)], "gpt-6-sol", NOV, 4),
        ([Rate("gpt-6-*", ONE)], "gpt-6-sol", NOV, 4),
        ([Rate("GPT-6-*", ONE)], "gpt-6-sol-2026-09-22", NOV, 4),
        ([Rate("gpt-6-sol", prices_of("1"))], "gpt-6-sol", NOV, None),
        # the longest one, in whatever order
        ([Rate("gpt-6-*", ONE), Rate("gpt-6-sol", TWO)], "gpt-6-sol", NOV, 8),
        ([Rate("gpt-6-sol", TWO), Rate("gpt-6-*", ONE)], "gpt-6-sol", NOV, 8),
        ([Rate("*", ONE)], "qwen4-coder", NOV, 4),
        # of one name the one that began last
        ([Rate("x", ONE), Rate("x", TWO, since=date(2026, 11, 1))], "x", date(2026, 10, 31), 4),
        ([Rate("x", ONE), Rate("x", TWO, since=date(2026, 11, 1))], "x", date(2026, 11, 1), 8),
        # to its last day
        ([Rate("x", ONE, until=date(2026, 11, 15))], "x", NOV, 4),
        ([Rate("x", ONE, until=date(2026, 11, 14))], "x", NOV, None),
        # what does not hold on that day leaves the shipped rate
        ([Rate("gpt-6-luna", ONE, until=date(2026, 11, 14))], "gpt-6-luna", NOV, Decimal("0.735")),
    ],
)
def test_rates_of_the_operator(
    overlays: list[Rate], model: str, day: date, dollars: Decimal | int | None
) -> None:
    assert usd(of(model, EACH, day, card=own(*overlays))) == dollars


def test_prices_of_images_and_items() -> None:
    image = Rate("gpt-image-*", per=Per.IMAGE, each=pico(Decimal("0.04")))
    item = Rate("batch-*", per=Per.ITEM, each=pico(Decimal("0.000001")))
    card = own(image, item)
    some = Tokens(100, 0, 0, 1000)
    assert card.price("gpt-image-2", NOV, Tier.STANDARD, False, some, 3, "image").pico == pico(
        Decimal("0.12")
    )
    # another operation of the same model is counted in tokens
    assert usd(card.price("gpt-image-2", NOV, Tier.STANDARD, False, some, 3, "chat")) == Decimal("0.0305")
    assert card.price("batch-1", NOV, Tier.STANDARD, False, Tokens(), 1000, "chat").pico == pico(
        Decimal("0.001")
    )


def test_a_fallback_is_taken_only_where_it_is_set_and_marked() -> None:
    card = own(fallback=prices_of("0.1", "0.1", "0.1", "0.2"))
    for model in ("qwen4-coder", None):
        price = of(model, READ, card=card)
        assert usd(price) == Decimal("0.4")
        assert price.estimated
        assert price.credits is None
    assert of("gpt-6-sol", READ, card=card) == of("gpt-6-sol", READ)


def test_a_card_that_nobody_checked_for_45_days_is_old() -> None:
    assert card_age(CARD.day, CARD.day + timedelta(days=45)) is None
    assert card_age(CARD.day, CARD.day + timedelta(days=46)) == 46


COUNT: Final = st.integers(0, 10**12)
SOME_TOKENS: Final = st.builds(
    lambda plain, cached, write, output: Tokens(plain + cached + write, cached, write, output),
    COUNT, COUNT, COUNT, COUNT,
)  # fmt: skip
PRICED: Final = st.sampled_from(["gpt-6-sol", "gpt-6-astra", "gpt-5.6-luna", "gpt-6.1-terra"])


@given(PRICED, SOME_TOKENS, SOME_TOKENS, st.sampled_from(Tier), st.booleans())
def test_the_price_of_a_sum_is_the_sum_of_the_prices(
    model: str, one: Tokens, other: Tokens, tier: Tier, long: bool
) -> None:
    both = of(model, one + other, NOV, tier, long=long)
    parts = [of(model, each, NOV, tier, long=long) for each in (one, other) if each.total]
    assert (both.pico or 0) == sum(part.pico or 0 for part in parts)
    assert (both.credits or 0) == sum(part.credits or 0 for part in parts)


@given(SOME_TOKENS, st.dates(date(2026, 7, 9), date(2026, 12, 31)))
def test_the_price_is_exact(tokens: Tokens, day: date) -> None:
    new = day >= date(2026, 7, 30)
    per_million = [
        Decimal(each) for each in (("2", "0.2", "2.5", "12") if new else ("2.5", "0.25", "3.125", "15"))
    ]
    counts = (
        tokens.input - tokens.cached - tokens.cache_write,
        tokens.cached,
        tokens.cache_write,
        tokens.output,
    )
    expected = sum(count * each for count, each in zip(counts, per_million, strict=True)) / MILLION
    assert (usd(of("gpt-5.6-terra", tokens, day)) or 0) == expected
