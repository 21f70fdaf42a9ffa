"""Nothing from outside reaches the terminal as anything but visible characters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from wcwidth import wcwidth

from poolwatch.domain.text import MAX_LENGTH, visible, visible_or_none
from poolwatch.presentation.figures import width

NASTY = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Mc", "Zs", "Zl", "Zp"]),
        st.sampled_from("\x1b\x9b\x9d\x90\x07\r\n\0\u202e\u2066\u200d\u200b\ufeff\ufe0f\u0301\u3164\\"),
    ),
    max_size=400,
)


@given(NASTY)
def test_no_character_that_steers_hides_or_breaks_survives(text: str) -> None:
    result = visible(text)
    categories = {unicodedata.category(char) for char in result}
    assert categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} == set()
    assert all(char == " " for char in result if char.isspace())
    result.encode("utf-8")


@given(NASTY, st.integers(min_value=1, max_value=300))
def test_the_result_is_bounded_and_stays_as_it_is(text: str, limit: int) -> None:
    result = visible(text, limit)
    assert len(result) <= limit + 1
    assert visible(result, limit) == result


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=MAX_LENGTH))
def test_plain_text_is_left_alone(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("\x1b]52;c;ZmFrZQ==\x1b\\", "\\x1b]52;c;ZmFrZQ==\\x1b\\"),
        ("\x1b[2J\x1b[31mred", "\\x1b[2J\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("\x9d0;t\x9c\x90q\x9c", "\\x9d0;t\\x9c\\x90q\\x9c"),
        ("a\rb\nc\td\0e", "a\\x0db\\x0ac\\x09d\\x00e"),
        ("safe\u202egnp.exe", "safe\\u202egnp.exe"),
        ("\u2066x\u2069\u200f\u061c", "\\u2066x\\u2069\\u200f\\u061c"),
        ("a\u200bb\u200dc\ufeffd\u00ade", "a\\u200bb\\u200dc\\ufeffd\\xade"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\\u200d\U0001f469"),
        ("\ud800x\udfff", "\\ud800x\\udfff"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ue000\U000f0000", "\\ue000\\U000f0000"),
        ("\U000e0041", "\\U000e0041"),
        ("\u3164\u115f\u2800", "\\u3164\\u115f\\u2800"),
        ("a\u00a0b\u3000c\u2003d", "a b c d"),
        ("❤\ufe0f", "❤"),
        ("e\u0301", "e\u0301"),
        ("\u0301e", "e"),
        ("日本語 ü ñ ع", "日本語 ü ñ ع"),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", "한글"),
        ("\u1112\u1161\u11a8\u11a8\u1161", "학\\u11a8\\u1161"),
        ("\U0001f1e9\U0001f1ea", "DE"),
        ("\U0001f44d\U0001f3fd", "\U0001f44d"),
        ("\u2630", "\\u2630"),
        ("", ""),
    ],
)
def test_known_tricks(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(NASTY)
def test_every_terminal_gives_it_the_same_width(text: str) -> None:
    # measured as a whole, character by character as terminals do, and by the plain tables
    result = visible(text)
    assert cell_len(result) == sum(map(wcwidth, result)) == width(result)


def test_ten_thousand_combining_marks_become_two() -> None:
    assert visible("a" + "\u0301" * 3_000 + "b") == "a\u0301\u0301b"
    drowned = visible("a" + "\u0301" * 10_000 + "b")
    assert drowned == "a\u0301\u0301…"


def test_marks_are_counted_for_each_character_anew() -> None:
    assert visible("a\u0301\u0301\u0301e\u0301\u0301\u0301") == "a\u0301\u0301e\u0301\u0301"


def test_a_long_text_ends_in_an_ellipsis_and_no_escape_is_cut_in_half() -> None:
    assert visible("x" * 10_000) == "x" * MAX_LENGTH + "…"
    assert visible("x" * MAX_LENGTH) == "x" * MAX_LENGTH
    assert visible("abc\x1bdef", 5) == "abc…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [(None, None), ("", None), ("  \n\t ", None), (" a ", "a"), ("a\x07", "a\\x07"), ("\u0301", None)],
)
def test_a_blank_text_is_none(text: str | None, shown: str | None) -> None:
    assert visible_or_none(text) == shown


def test_a_blank_text_is_none_whatever_the_limit() -> None:
    assert visible_or_none(" abcdef ", 3) == "abc…"
