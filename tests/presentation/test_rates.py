"""What models cost, in tables for people and in documents for programs."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

import pytest

from poolwatch.domain.rates import Per, Rate, RateCard, pico, prices_of
from poolwatch.domain.tokens import Tier, Tokens
from poolwatch.presentation.rates import Comparison, compare, compare_lines, list_lines, rates_of, why_lines
from poolwatch.presentation.rates_json import compare_csv, compare_json, rates_csv, rates_json, why_json
from poolwatch.words.rates import card_age_note

CHECKED: Final = date(2026, 11, 29)
DAY: Final = date(2026, 12, 1)
NOW: Final = datetime(2026, 12, 1, 14, 3, 20, tzinfo=UTC)
OLD: Final = Rate(
    "big", prices_of("4", "0.4", None, "20"), ("big-one",), date(2026, 7, 1), source="a list", checked=CHECKED
)
BIG: Final = Rate(
    "big",
    prices_of("2", "0.2", "2.5", "10"),
    ("big-one",),
    date(2026, 10, 1),
    above=prices_of("4", "0.4", "5", "15"),
    fast_usd=Decimal(2),
    fast_credits=Decimal("2.5"),
    credits=prices_of("50", "5", "0", "250"),
    derived=True,
    source="a list",
    checked=CHECKED,
)
SMALL: Final = Rate("small", prices_of("0.5", None, None, "3"), credits=prices_of("12.5", None, None, "75"))
OTHER: Final = Rate("other", prices_of("1", "0.1", None, "1"))
REVIEW: Final = Rate("review", prices_of("1", "1", "1", "1"), estimated=True, source="as big")
IMAGE: Final = Rate("pic-*", per=Per.IMAGE, each=pico(Decimal("0.04")))
OWN: Final = Rate("home-*", prices_of("0", "0", "0", "0"), until=date(2026, 12, 31))
SHORT: Final = Rate("h*", prices_of("1"))
CARD: Final = RateCard("test", CHECKED, (OLD, BIG, OTHER, REVIEW, SMALL), (IMAGE, SHORT, OWN))
MILLION: Final = 1_000_000


def test_the_list_has_what_holds_that_day() -> None:
    assert list_lines(CARD, DAY, every=False) == [
        "US dollars per million tokens, as OpenAI's API charges; checked 2026-11-29",
        "MODEL   FROM                 INPUT  CACHED  WRITE  OUTPUT    CREDITS",
        "pic-*               $0.04 an image",
        "h*                               1       —      —       —",
        "home-*                           0       0      0       0",
        "big     2026-10-01               2     0.2    2.5      10  ~50/5/250",
        "small                          0.5       —      —       3  12.5/—/75",
        "CREDITS: input/cached/output; ~ is 25 for a dollar: no official card has it.",
        "",
        "Other models of the API:",
        "MODEL    FROM  INPUT  CACHED  WRITE  OUTPUT",
        "other              1     0.1      —       1",
        "~review            1       1      1       1",
    ]
    assert [each.since for each in rates_of(CARD, date(2026, 9, 30), every=False) if each.model == "big"] == [
        date(2026, 7, 1)
    ]
    assert len(rates_of(CARD, DAY, every=True)) == 8


def test_why_a_price_holds() -> None:
    assert why_lines(CARD, "big-one", DAY) == [
        "big-one on 2026-12-01: the shipped card, a list, checked 2026-11-29, since 2026-10-01",
        "It is another name of big.",
        "                    INPUT  CACHED  WRITE  OUTPUT",
        "standard               $2    $0.2   $2.5     $10",
        "over 272,000 input     $4    $0.4     $5     $15",
        "fast                   $4    $0.4     $5     $20",
        "fast, over 272,000     $8    $0.8    $10     $30",
        "credits                50       5      0     250",
        "credits, fast         125    12.5      0     625",
        "The credits are 25 for a dollar, none for cache writes: no official card has them.",
        "On other days:",
        "  from 2026-07-01: $4 in, $0.4 cached, $20 out",
    ]


@pytest.mark.parametrize(
    ("model", "lines"),
    [
        (
            "home-7b",
            [
                "home-7b on 2026-12-01: your [[rates]] home-*, to 2026-12-31",
                "Also fits, but is shorter or older: h*",
            ],
        ),
        (
            "review",
            [
                "review on 2026-12-01: the shipped card, as big, checked 2026-11-29",
                "Nobody tells its price: it is that of the model behind it, as far as is known (~).",
            ],
        ),
        (
            "big-2026-10-01",
            ["big-2026-10-01 on 2026-12-01: the shipped card, a list, checked 2026-11-29, since 2026-10-01"],
        ),
    ],
)
def test_why_in_words(model: str, lines: list[str]) -> None:
    told = why_lines(CARD, model, DAY)
    assert told[: len(lines)] == lines
    assert told[len(lines)].split() == ["INPUT", "CACHED", "WRITE", "OUTPUT"]


def test_credits_are_not_told_of_days_on_which_there_were_none_for_tokens() -> None:
    card = RateCard("test", CHECKED, (SMALL,))
    before, then = (why_lines(card, "small", day) for day in (date(2026, 4, 1), date(2026, 4, 2)))
    told = "Codex takes credits for tokens from 2026-04-02 on; before, it took them for messages."
    assert (told in before, any(line.startswith("credits") for line in before)) == (True, False)
    assert (told in then, any(line.startswith("credits") for line in then)) == (False, True)


def test_why_there_is_no_price() -> None:
    assert why_lines(CARD, 'qwen"4', DAY) == [
        'qwen"4 has no price on 2026-12-01: its tokens count, its cost is unknown.',
        "A price of your own stands in the configuration (poolwatch config edit):",
        "  [[rates]]",
        '  model = "qwen\\"4"',
        '  input = "…"',
        '  cached = "…"',
        '  output = "…"',
    ]
    before = why_lines(CARD, "big", date(2026, 6, 30))
    assert before[1] == "Its first price is from 2026-07-01."
    card = RateCard("test", CHECKED, (), (), prices_of("0.1", "0.1", "0.1", "0.2"))
    assert why_lines(card, "qwen4", DAY)[1:] == [
        "The fallback holds for it, marked ~: $0.1 per million tokens in, $0.2 out."
    ]


ASKED: Final = Comparison(Tokens(2 * MILLION, MILLION, 0, MILLION), DAY)


def test_the_same_tokens_on_other_models() -> None:
    assert compare_lines(CARD, ASKED) == [
        "2,000,000 in, 1,000,000 of it cached, 1,000,000 out; prices of 2026-12-01."
        " Prices only, not quality.",
        "As requests of at most 272,000 input tokens each; --long prices longer ones.",
        "MODEL    COST  TIMES  CREDITS",
        "big    $12.20    1.0  ~305.00",
    ]
    named = Comparison(
        Tokens(MILLION, 0, 0, 0), DAY, ("small", "other", "qwen4", "big", "review", "other"), Tier.FAST, True
    )
    assert compare_lines(CARD, named) == [
        "1,000,000 in, 0 out; prices of 2026-12-01. Prices only, not quality.",
        "In the fast tier.",
        "As requests of more than 272,000 input tokens each.",
        "MODEL    COST  TIMES  CREDITS",
        "big     $8.00    1.0  ~125.00",
        "other       —",
        "qwen4       —",
        "review      —",
        "small       —",
        "other: nobody tells what its fast tier costs",
        "qwen4: no price on that day",
        "review: nobody tells what its fast tier costs",
        "small: nobody tells what its fast tier costs",
    ]
    cheap = Comparison(Tokens(MILLION), DAY, ("home-7b", "review", "small"))
    assert [(each.model, each.price.pico) for each in compare(CARD, cheap)] == [
        ("home-7b", 0),
        ("small", pico(Decimal("0.5"))),
        ("review", pico(Decimal(1))),
    ]
    # of what is free nothing is a multiple
    assert [line.split() for line in compare_lines(CARD, cheap)[3:]] == [
        ["home-7b", "$0.00"],
        ["small", "$0.50", "1.0", "12.50"],
        ["review", "~$1.00", "2.0"],
    ]


def test_the_documents_for_programs() -> None:
    listed = json.loads(rates_json(CARD, DAY, NOW, every=False))
    assert {key: listed[key] for key in ("schema", "generated_at", "rate_card")} == {
        "schema": "poolwatch.rates/1",
        "generated_at": "2026-12-01T14:03:20Z",
        "rate_card": {"name": "test", "date": "2026-11-29"},
    }
    assert listed["rates"][3] == {
        "model": "big",
        "aliases": ["big-one"],
        "origin": "card",
        "from": "2026-10-01",
        "to": None,
        "per": "token",
        "price_usd": None,
        "usd_per_million": {"input": "2", "cached": "0.2", "cache_write": "2.5", "output": "10"},
        "usd_per_million_long": {"input": "4", "cached": "0.4", "cache_write": "5", "output": "15"},
        "fast_usd": "2",
        "fast_long": True,
        "credits_per_million": {"input": "50", "cached": "5", "cache_write": "0", "output": "250"},
        "credits_per_million_long": None,
        "fast_credits": "2.5",
        "credits_derived": True,
        "estimated": False,
        "source": "a list",
        "checked": "2026-11-29",
    }
    image = listed["rates"][0]
    assert (image["origin"], image["per"], image["price_usd"]) == ("configuration", "image", "0.04")

    why = json.loads(why_json(CARD, "big", DAY, NOW))
    assert (why["schema"], why["model"], why["day"]) == ("poolwatch.rates.why/1", "big", "2026-12-01")
    assert why["rate"] == listed["rates"][3]
    assert [each["from"] for each in why["other_days"]] == ["2026-07-01"]
    assert json.loads(why_json(CARD, "qwen4", DAY, NOW))["rate"] is None

    compared = json.loads(compare_json(CARD, ASKED, NOW))
    assert compared["schema"] == "poolwatch.rates.compare/1"
    assert (compared["input_tokens"], compared["cached_input_tokens"], compared["output_tokens"]) == (
        2 * MILLION,
        MILLION,
        MILLION,
    )
    assert compared["rows"] == [
        {
            "model": "big",
            "cost_usd": "12.20",
            "credits": "305.00",
            "credits_derived": True,
            "estimated": False,
        }
    ]


def test_the_same_as_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(rates_csv(rates_of(CARD, DAY, every=False)))))
    big = next(row for row in rows if row["model"] == "big")
    assert (big["from"], big["input_usd_per_million"], big["output_usd_per_million_long"]) == (
        "2026-10-01",
        "2.000000",
        "15.000000",
    )
    assert (big["input_credits_per_million"], big["credits_derived"]) == ("50.000000", "true")
    # unknown is empty, and never 0
    small = next(row for row in rows if row["model"] == "small")
    assert (small["cached_usd_per_million"], small["fast_usd_times"]) == ("", "")
    image = next(row for row in rows if row["model"] == "pic-*")
    assert (image["per"], image["price_usd"]) == ("image", "0.040000")
    named = Comparison(ASKED.tokens, DAY, ("big", "=qwen4"))
    assert compare_csv(CARD, named).splitlines() == [
        "model,cost_usd,credits,credits_derived,estimated",
        "big,12.200000,305.000000,true,false",
        '"\'=qwen4",,,false,false',
    ]


def test_a_name_from_outside_steers_no_terminal() -> None:
    name = "x\x1b]0;y\x07"
    told = [*why_lines(CARD, name, DAY), *compare_lines(CARD, Comparison(Tokens(1), DAY, (name,)))]
    assert all("\x1b" not in line and "\x07" not in line for line in told)


def test_old_prices_are_said_to_be_old() -> None:
    assert card_age_note(CARD, CHECKED + timedelta(days=45)) is None
    assert card_age_note(CARD, CHECKED + timedelta(days=46)) == (
        "the prices were last checked on 2026-11-29, 46 days ago; a newer poolwatch may have newer ones"
    )


def test_what_costs_next_to_nothing_is_not_told_as_nothing() -> None:
    told = compare_lines(CARD, Comparison(Tokens(1), DAY, ("small",)))
    assert told[-1].split() == ["small", "$0.0000005", "1.0", "0.000012"]


def test_large_amounts_stand_in_groups_of_three() -> None:
    lines = compare_lines(CARD, Comparison(Tokens(10**9, 0), DAY, models=("big",)))
    assert lines[-1].split() == ["big", "$2,000.00", "1.0", "~50,000.00"]


def test_a_price_that_is_an_estimate_says_why() -> None:
    card = RateCard("test", CHECKED, (Rate("pic", prices_of("5"), estimated=True, source="a list"),), ())
    assert why_lines(card, "pic", DAY)[1] == (
        "Text and images have prices of their own, and no request tells which it was: it is an estimate (~)."
    )
