"""The [[rates]], [plans] and [usage] of the file."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.config.load import load_text
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.config.rate_card import plan_prices, rate_card, shipped_card
from poolwatch.config.settings import Settings
from poolwatch.config.table import shown_settings
from poolwatch.domain.rates import Per, pico, prices_of
from poolwatch.domain.tokens import Tier, Tokens

PATH = Path("/etc/poolwatch/config.toml")
NOV = date(2026, 11, 15)
MILLION = 1_000_000


def good(text: str, env: dict[str, str] | None = None) -> Settings:
    loaded = load_text(text, PATH, {"HOME": "/home/ann"} | (env or {}), {})
    assert isinstance(loaded, Settings), loaded.text
    return loaded


def bad(text: str) -> tuple[ConfigProblem, ...]:
    loaded = load_text(text, PATH, {"HOME": "/home/ann"}, {})
    assert isinstance(loaded, ConfigProblems)
    return loaded.problems


WHOLE = """\
[[rates]]
model = "gpt-7-*"
from = 2026-11-01
to = "2026-12-31"
input = "2.5"
cached = 0.25
cache_write = 3
output = "0"
above = { tokens = 272000, input = "5", output = 0 }
fast_usd = "2"
fast_credits = 2.5
credits = { input = "62.5", cached = "6.25", output = "0" }
[[rates]]
model = "gpt-image-*"
per = "image"
price = "0.040000000001"
"""


def test_everything_that_a_rate_can_say() -> None:
    tokens, image = good(WHOLE).rates
    rate = tokens.rate
    assert (rate.model, rate.since, rate.until) == ("gpt-7-*", date(2026, 11, 1), date(2026, 12, 31))
    assert rate.usd == prices_of("2.5", "0.25", "3", "0")
    # a part that is missing is unknown, and not filled
    assert rate.above == prices_of("5", None, None, "0")
    assert (rate.fast_usd, rate.fast_credits) == (Decimal(2), Decimal("2.5"))
    assert rate.credits == prices_of("62.5", "6.25", None, "0")
    assert (image.rate.per, image.rate.each) == (Per.IMAGE, pico(Decimal("0.040000000001")))


def test_the_card_of_a_run_has_the_rates_of_the_file_before_the_shipped_ones() -> None:
    text = '[[rates]]\nmodel = "gpt-6-sol"\ninput = "1"\n[usage]\nfallback = "input=0.1, output=0.2"\n'
    card = rate_card(good(text))
    shipped = shipped_card()
    assert (card.name, card.day) == (shipped.name, shipped.day)
    plain, out = Tokens(MILLION), Tokens(0, 0, 0, MILLION)
    assert card.price("gpt-6-sol", NOV, Tier.STANDARD, False, plain).pico == pico(Decimal(1))
    assert card.price("gpt-6-sol", NOV, Tier.STANDARD, False, out).pico is None
    other = card.price("gpt-9", NOV, Tier.STANDARD, False, plain + out)
    assert (other.pico, other.estimated) == (pico(Decimal("0.3")), True)
    assert rate_card(good("")).price("gpt-9", NOV, Tier.STANDARD, False, plain).pico is None


def test_what_plans_cost_in_a_month() -> None:
    settings = good('[plans]\nPro = "200 USD monthly"\nteam = "2400 USD yearly"\n')
    assert plan_prices(settings) == {"pro": pico(Decimal(200)), "team": pico(Decimal(200))}
    assert plan_prices(good("")) == {}


def test_what_is_set_is_shown() -> None:
    settings = good(WHOLE + '[plans]\nPro = "200 USD monthly"\n', {"POOLWATCH_PLANS__PLUS": "240 USD yearly"})
    rows = {row.key: (row.value, row.origin) for row in shown_settings(settings)}
    assert rows["rates[0].from"] == ("2026-11-01", f"{PATH}:3")
    assert rows["rates[0].above"] == ('{ input = "5", output = "0" }', f"{PATH}:9")
    assert rows["rates[0].cached"] == ("0.25", f"{PATH}:6")
    assert rows["rates[1].price"] == ("0.040000000001", f"{PATH}:16")
    assert rows["plans.plus"] == ("240 USD yearly", "POOLWATCH_PLANS__PLUS")
    assert dict(settings.plans) == {"pro": "200 USD monthly", "plus": "240 USD yearly"}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('input = "1"', 1, "rates[0] has no model"),
        ('model = "x"', 1, "rates[0] gives no price"),
        (
            'model = "x"\ninput = "1"\noutputs = "1"',
            4,
            "unknown key outputs in [[rates]]; did you mean output?",
        ),
        ('model = ""\ninput = "1"', 2, "rates[0].model must not be empty"),
        ('model = "x"\ninput = "-1"', 3, 'rates[0].input must be an amount like "1.25"'),
        ('model = "x"\ninput = -1', 3, "not -1"),
        ('model = "x"\ninput = nan', 3, "must be an amount"),
        ('model = "x"\ninput = true', 3, "not true"),
        ('model = "x"\ninput = "0.0000001"', 3, "with at most 6 decimals"),
        ('model = "x"\ninput = "1,5"', 3, 'not "1,5"'),
        ('model = "x"\ninput = "1"\nfrom = "soon"', 4, "rates[0].from must be a day like 2026-11-30"),
        ('model = "x"\ninput = "1"\nfrom = "2026-02-30"', 4, "must be a day"),
        ('model = "x"\ninput = "1"\nfrom = 2026-11-30T10:00:00Z', 4, "not a date or time"),
        ('model = "x"\ninput = "1"\nfrom = 2026-11-30\nto = 2026-11-29', 5, "rates[0].to is before its from"),
        ('model = "x"\ninput = "1"\nabove = "2"', 4, 'must be prices by part, like { input = "8"'),
        ('model = "x"\ninput = "1"\nabove = { inputs = "2" }', 4, "has a part inputs; the parts are input,"),
        ('model = "x"\ninput = "1"\nabove = { output = "x" }', 4, "rates[0].above output must be an amount"),
        ('model = "x"\ninput = "1"\nabove = { tokens = 200000 }', 4, "tokens must be 272000"),
        ('model = "x"\ninput = "1"\nfast_usd = 0', 4, "rates[0].fast_usd must be a number above 0"),
        ('model = "x"\nper = "image"', 1, "rates[0] has no price for one image"),
        ('model = "x"\nper = "page"\nprice = 1', 3, "must be one of token, image, item"),
        (
            'model = "x"\nper = "item"\nprice = "1"\ninput = "2"',
            5,
            "input is for tokens, and this one is per item",
        ),
        ('model = "x"\ninput = "1"\nprice = "1"', 4, "price is for one image or item"),
    ],
)
def test_what_is_wrong_with_a_rate_is_said_with_its_line(text: str, line: int, words: str) -> None:
    (problem,) = bad(f"[[rates]]\n{text}\n")
    assert words in problem.text
    assert problem.line == line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('rates = "x"', "rates must be tables, each begun with [[rates]]"),
        ('[rates]\nfallback = "x"', "rates must be tables"),
        ('[plans]\npro = "200"', 'plans.pro must be like "200 USD monthly"'),
        ('[plans]\npro = "200 EUR monthly"', "must be like"),
        ("[plans]\npro = 200", "must be text in quotes, not 200"),
        ("plans = 3", "plans must be a table: [plans]"),
        ('[usage]\nfallback = "0.1"', "usage.fallback must be two prices in USD per million tokens"),
        ('[usage]\nfallback = "input=0.1, input=0.2"', "must be two prices"),
        ('[usage]\nfallback = "input=0.1, output=1.2.3"', "must be two prices"),
        ('[usage]\nfallbak = "x"', "unknown key usage.fallbak; did you mean usage.fallback?"),
    ],
)
def test_what_is_wrong_with_plans_and_the_fallback(text: str, words: str) -> None:
    (problem,) = bad(text + "\n")
    assert words in problem.text
    assert problem.line is not None


_VALUES = st.sampled_from(
    [
        "1",
        "-1",
        "0.5",
        "1e400",
        "nan",
        "inf",
        "true",
        "'x'",
        "''",
        "1979-05-27",
        "9" * 30,
        "[]",
        "{}",
        "{ input = 1e-9 }",
    ]
)
_KEYS = st.sampled_from(["model", "from", "to", "input", "above", "credits", "fast_usd", "per", "price"])


@given(st.dictionaries(_KEYS, _VALUES, max_size=5))
def test_any_rate_is_read_or_refused(pairs: dict[str, str]) -> None:
    text = "[[rates]]\n" + "".join(f"{key} = {item}\n" for key, item in pairs.items())
    loaded = load_text(text, PATH, {"HOME": "/h"}, {})
    if isinstance(loaded, ConfigProblems):
        assert all(problem.text.isprintable() and problem.line for problem in loaded.problems)
    else:
        assert rate_card(loaded).overlays
