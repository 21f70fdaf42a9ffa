from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.status import PoolRules
from poolwatch.presentation import figures
from poolwatch.presentation.view import Shown, Tone

PERCENTS = [
    (None, "—", "—"),
    (float("nan"), "—", "—"),
    (float("inf"), "—", "—"),
    (0, "0%", "100%"),
    (0.0, "0%", "100%"),
    (0.25, "<1%", "99%"),
    (0.999, "<1%", "99%"),
    (1, "1%", "99%"),
    (5.5, "6%", "95%"),
    (34, "34%", "66%"),
    (98.5, "99%", "2%"),
    (99.5, "99%", "<1%"),
    (99.6, "99%", "<1%"),
    (99.999999, "99%", "<1%"),
    (100, "100%", "0%"),
    (107, "107%", "-7%"),
    (259, "259%", "-159%"),
    (-3, "-3%", "103%"),
]


@pytest.mark.parametrize(("used", "shown", "left"), PERCENTS)
def test_percent(used: float | None, shown: str, left: str) -> None:
    assert figures.percent_text(used) == shown
    assert figures.percent_text(used, Shown.LEFT) == left


@given(st.floats(0, 100, exclude_max=True), st.sampled_from(Shown))
def test_below_100_is_never_100_and_something_is_never_0(used: float, shown: Shown) -> None:
    text = figures.percent_text(used, shown)
    if used > 0:
        assert text != "100%"
        assert text != "0%"
    assert re.fullmatch(r"(<1|\d{1,3})%", text)


@given(st.floats(allow_nan=True, allow_infinity=True) | st.none(), st.sampled_from(Shown))
def test_the_bar_stays_in_its_frame(used: float | None, shown: Shown) -> None:
    fraction = figures.bar_fraction(used, shown)
    assert (fraction is None) == (figures.percent_text(used, shown) == "—")
    assert fraction is None or 0 <= fraction <= 1
    level = figures.hive_level(used)
    assert (level is None) == (fraction is None)
    assert level is None or used is None or (level == 8) == (used >= 100)


def test_bars_flip() -> None:
    assert figures.bar_fraction(25) == 0.25
    assert figures.bar_fraction(25, Shown.LEFT) == 0.75
    assert figures.bar_fraction(259) == 1
    assert figures.bar_fraction(-3) == 0


@pytest.mark.parametrize(
    ("used", "tone"),
    [
        (None, Tone.PLAIN),
        (0, Tone.PLAIN),
        (59.9, Tone.PLAIN),
        (60, Tone.AMBER),
        (89.9, Tone.AMBER),
        (90, Tone.RED),
        (259, Tone.RED),
    ],
)
def test_colour_follows_what_is_used(used: float | None, tone: Tone) -> None:
    assert figures.scarcity(used, PoolRules()) is tone
    assert figures.scarcity(used, PoolRules(), full=True) is Tone.RED


@pytest.mark.parametrize(
    ("used", "level"), [(None, None), (-3, 1), (0, 1), (16.6, 1), (16.7, 2), (90, 6), (99.9, 6), (100, 8)]
)
def test_hive_levels(used: float | None, level: int | None) -> None:
    assert figures.hive_level(used) == level
    assert figures.hive_level(used, Shown.LEFT) == (9 - level if level is not None else None)


MONEY = [
    ("0", "0.00", "$0.00"),
    ("-0.001", "0.00", "$0.00"),
    ("0.4075000000", "0.41", "$0.02"),
    ("1.005", "1.01", "$0.04"),
    ("-3.10", "-3.10", "-$0.12"),
    ("1234.5600", "1,234.56", "$49.38"),
    ("1775.514225", "1,775.51", "$71.02"),
    ("999999999999999999.995", "1,000,000,000,000,000,000.00", "$40,000,000,000,000,000.00"),
]


@pytest.mark.parametrize(("amount", "credits", "usd"), MONEY)
def test_money(amount: str, credits: str, usd: str) -> None:
    assert figures.credits_text(Decimal(amount)) == credits
    assert figures.usd_text(Decimal(amount), PoolRules()) == usd


def test_no_rate_no_usd() -> None:
    assert figures.usd_text(Decimal(5), PoolRules(credits_per_usd=Decimal(0))) == ""


@pytest.mark.parametrize(
    ("amounts", "texts"),
    [
        (("31", "50"), ("31", "50")),
        (("31.000", "5000"), ("31", "5,000")),
        (("131.25", "400"), ("131.25", "400.00")),
    ],
)
def test_amounts_that_stand_together(amounts: tuple[str, ...], texts: tuple[str, ...]) -> None:
    assert figures.amounts_text(*map(Decimal, amounts)) == texts


@pytest.mark.parametrize(
    ("amount", "exact", "trimmed"),
    [
        ("1234.5600", "1234.5600", "1234.56"),
        ("1775.514225", "1775.514225", "1775.514225"),
        ("5", "5", "5.00"),
        ("1E+3", "1000", "1000.00"),
    ],
)
def test_digits_for_scripts(amount: str, exact: str, trimmed: str) -> None:
    assert f"{Decimal(amount):f}" == exact
    assert figures.trimmed_digits(Decimal(amount)) == trimmed


@given(
    st.decimals(-(10**18), 10**18, places=18, allow_nan=False),
)
def test_money_is_right_to_half_a_cent(amount: Decimal) -> None:
    shown = Decimal(figures.credits_text(amount).replace(",", ""))
    assert abs(shown - amount) <= Decimal("0.005")
    assert Decimal(figures.trimmed_digits(amount)) == amount


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.integers(0, 60))
def test_columns_of_text(text: str, columns: int) -> None:
    assert figures.width(figures.fit(text, columns)) <= columns
    assert figures.width(figures.ljust(text, columns)) == columns
    assert figures.width(figures.rjust(text, columns)) == columns
    if figures.width(text) <= columns:
        assert figures.fit(text, columns) == text


def test_wide_text_counts_double() -> None:
    assert figures.width("東京") == 4
    assert figures.ljust("東京", 3) == "東…"
    assert figures.width("e\u0301") == 1


def test_the_end_of_a_text() -> None:
    assert figures.fit_end("/a/b/auth.json", 9) == "…uth.json"
    assert figures.fit_end("/a", 9) == "/a"
    assert figures.fit_end("/a/b", 0) == ""
