from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import Color, ColorSystem

from poolwatch import words
from poolwatch.presentation.view import Glyph, Span, Tone
from poolwatch.ui.appearance import (
    ASCII,
    COLOURS,
    THEME_NAMES,
    UNICODE,
    Appearance,
    glyphs_of,
    next_theme,
    palette_of,
    span_pieces,
    theme_named,
)
from poolwatch.ui.widgets.lines import paint


@given(st.floats(0, 1), st.integers(1, 40), st.sampled_from((ASCII, UNICODE)))
def test_a_bar_has_its_width_and_is_full_only_at_the_end(fraction: float, cells: int, glyphs: object) -> None:
    assert glyphs in (ASCII, UNICODE)
    chosen = ASCII if glyphs is ASCII else UNICODE
    filled, empty = chosen.bar(fraction, cells)
    assert cell_len(filled + empty) == cells
    assert bool(filled) is (fraction > 0)
    if chosen is UNICODE or cells > 1:
        assert (filled == chosen.bar_full * cells) is (fraction == 1)


def test_bars_move_in_half_steps() -> None:
    assert UNICODE.bar(0.58, 14) == ("━━━━━━━━", "──────")
    assert UNICODE.bar(0.12, 14) == ("━╸", "────────────")
    assert UNICODE.bar(0.001, 8) == ("╸", "───────")
    assert UNICODE.bar(0.999, 8) == ("━━━━━━━╸", "")
    assert UNICODE.bar(2.5, 4) == ("━━━━", "")
    assert UNICODE.bar(-1, 4) == ("", "────")
    assert UNICODE.bar(None, 3) == ("", "───")


def test_bars_in_ascii_have_no_halves() -> None:
    assert ASCII.bar(0.98, 13) == ("############", "-")
    assert ASCII.bar(0.58, 14) == ("########", "------")
    assert ASCII.bar(0.001, 8) == ("#", "-------")
    assert ASCII.bar(1, 8) == ("########", "")
    assert ASCII.bar(0, 8) == ("", "--------")


def test_every_mark_takes_one_cell_and_ascii_is_ascii() -> None:
    for glyphs in (ASCII, UNICODE):
        assert {cell_len(mark) for mark in glyphs.status.values()} == {1}
        assert set(glyphs.status) == set(Glyph)
        assert len(glyphs.levels) == 8
    marks = "".join((*ASCII.status.values(), ASCII.bar_full, ASCII.bar_half, ASCII.bar_empty, ASCII.levels))
    assert (marks + ASCII.pointer + ASCII.rule + ASCII.ellipsis).isascii()
    assert len(set(ASCII.status.values())) == len(Glyph)


def test_ascii_also_rewrites_what_stands_in_texts() -> None:
    assert ASCII.text("— · → … ✕3 ◐13") == "- . > ~ x3 =13"
    assert UNICODE.text("— ·") == "— ·"
    assert glyphs_of("ascii") is ASCII
    assert glyphs_of("auto") is UNICODE


def test_every_sign_of_every_sentence_has_a_plain_one() -> None:
    texts = [
        node.value
        for file in sorted(Path(words.__path__[0]).glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [text for text in texts if not ASCII.text(text).isascii()] == []


def test_levels() -> None:
    assert [UNICODE.level(level) for level in (0, 1, 8, 99)] == ["▁", "▁", "█", "█"]


def test_a_span_draws_its_mark_before_its_text() -> None:
    assert span_pieces((Span("blocked by Cloudflare", Tone.AMBER, Glyph.TROUBLE),), UNICODE) == [
        ("▲ blocked by Cloudflare", Tone.AMBER)
    ]


def test_every_look_has_a_style_in_every_theme_and_themes_go_round() -> None:
    name = THEME_NAMES[0]
    seen = []
    for _ in THEME_NAMES:
        palette = palette_of(name)
        strip = paint(tuple((f"{look}", look) for look in Tone), Appearance(palette, UNICODE))
        assert strip.text == "".join(Tone)
        seen.append(name)
        name = next_theme(name)
    assert tuple(seen) == THEME_NAMES
    assert name == THEME_NAMES[0]
    assert next_theme("no such theme") == THEME_NAMES[0]
    assert theme_named("light") == theme_named("poolwatch-light") == "poolwatch-light"
    assert theme_named("textual-dark") is None


@pytest.mark.parametrize("theme", COLOURS)
def test_with_256_colours_the_selection_is_a_grey_beside_the_ground(theme: str) -> None:
    selection, ground = (
        Color.parse(colour).downgrade(ColorSystem.EIGHT_BIT).number
        for colour in (COLOURS[theme].selection, COLOURS[theme].ground)
    )
    assert selection in range(232, 256)
    assert selection != ground
