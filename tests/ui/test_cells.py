from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len, split_graphemes

from poolwatch.presentation.view import Tone
from poolwatch.ui.cells import (
    Line,
    cut,
    fit,
    fit_line,
    fit_percent,
    fit_right,
    fit_words,
    line_width,
    spread,
    wrap,
)
from tests.ui.cards import texts


def plain(line: Line) -> str:
    return "".join(text for text, _ in line)


@given(texts, st.integers(0, 60))
def test_fitted_texts_have_exactly_their_width(text: str, cells: int) -> None:
    assert cell_len(fit(text, cells)) == cells
    assert cell_len(fit_right(text, cells)) == cells
    assert cell_len(fit_words(text, cells)) == cells


@given(texts, st.integers(0, 60))
def test_cutting_never_splits_what_reads_as_one_character(text: str, cells: int) -> None:
    short = cut(text, cells)
    assert cell_len(short) <= cells
    if short != text:
        kept = short.removesuffix("…")
        ends = {0, *(end for _, end, _ in split_graphemes(text)[0])}
        assert len(kept) in ends
        assert text.startswith(kept)


@pytest.mark.parametrize(
    ("text", "cells", "expected"),
    [
        ("carol@example.com", 10, "carol@exa…"),
        ("carol", 5, "carol"),
        ("日本語", 4, "日…"),
        ("日本語", 5, "日本…"),
        ("👩‍👩‍👧x", 2, "…"),
        ("abc", 0, ""),
        ("ab", 1, "…"),
    ],
)
def test_cut(text: str, cells: int, expected: str) -> None:
    assert cut(text, cells) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<1%", "  <1%"),
        ("100%", " 100%"),
        ("1234%", "1234%"),
        ("-159%", "-159%"),
        ("12345%", ">999%"),
        ("-1590%", "<-99%"),
        ("—", "    —"),
    ],
)
def test_a_percentage_is_never_cut_to_another_number(text: str, expected: str) -> None:
    assert fit_percent(text, 5) == expected


@pytest.mark.parametrize(
    ("text", "cells", "expected"),
    [
        ("active · edge blocked 12m", 25, "active · edge blocked 12m"),
        ("active · edge blocked 12m", 24, "edge blocked 12m        "),
        ("edge blocked 12m", 15, "edge blocked…  "),
        ("never read · throttled until 10:25", 20, "throttled until…    "),
        ("spend limit until 22:28", 22, "spend limit until…    "),
        ("spend limit until 30 Nov", 23, "spend limit until…     "),
        ("in two files 12", 15, "in two files 12"),
        ("unreachable", 6, "unrea…"),
    ],
)
def test_half_of_a_time_is_never_shown(text: str, cells: int, expected: str) -> None:
    assert fit_words(text, cells) == expected


pieces = st.lists(st.tuples(texts, st.sampled_from(Tone)), max_size=5)


@given(pieces, st.integers(0, 80))
def test_fitted_lines_have_exactly_their_width(line: list[tuple[str, Tone]], cells: int) -> None:
    assert line_width(fit_line(line, cells)) == cells


@given(pieces, pieces, st.integers(0, 80))
def test_both_ends_of_a_line_fit(
    left: list[tuple[str, Tone]], right: list[tuple[str, Tone]], cells: int
) -> None:
    assert line_width(spread(left, right, cells)) == cells


def test_what_is_cut_off_is_marked_even_at_the_border_of_two_pieces() -> None:
    line = fit_line((("abc", Tone.PLAIN), ("def", Tone.DIM)), 3)
    assert plain(line) == "ab…"


@given(pieces, st.integers(2, 40))
def test_wrapped_lines_fit_and_lose_no_word(line: list[tuple[str, Tone]], cells: int) -> None:
    lines = wrap(line, cells)
    assert all(line_width(each) <= cells for each in lines)
    whole = "".join(text for text, _ in line)
    assert "".join("".join(map(plain, lines)).split()) == "".join(whole.split())


def test_wrapping_breaks_at_blanks() -> None:
    lines = wrap((("r re-reads the file and asks codex", Tone.DIM),), 16)
    assert [plain(line) for line in lines] == ["r re-reads the", "file and asks", "codex"]
