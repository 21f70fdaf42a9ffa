"""Cards: a block of lines for an account."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.cells import cell_len

from poolwatch.presentation.view import CardView, CreditsRow, Tone, WindowRow
from poolwatch.ui.appearance import Glyphs, span_pieces
from poolwatch.ui.cells import (
    Ink,
    Line,
    Piece,
    StyleName,
    fit,
    fit_line,
    fit_percent,
    fit_right,
    line_width,
    spread,
)
from poolwatch.ui.widgets.table import PERCENT, bar
from poolwatch.words import interface as words

#: A card needs this many cells, the gap to its neighbour included.
STRIDE_LEAST: Final = 40
GAP: Final = 2
HEIGHT_LEAST: Final = 3
HEIGHT_MOST: Final = 9
_NAME: Final = 8
_RESETS: Final = 8
_BALANCE: Final = 8
_USD: Final = 9


def wanted_height(card: CardView) -> int:
    """The lines that show everything of a card: title, rows, footer."""
    return 2 + len(card.windows) + len(card.extras) + (card.credits is not None)


def common_height(cards: Iterable[CardView]) -> int:
    """The height for all of them: by the tallest present, within reason."""
    tallest = max((wanted_height(card) for card in cards), default=HEIGHT_LEAST)
    return min(HEIGHT_MOST, max(HEIGHT_LEAST, tallest))


def block(card: CardView, width: int, height: int, glyphs: Glyphs, *, selected: bool) -> tuple[Line, ...]:
    """The card in exactly `height` lines of `width` cells."""
    mark = (glyphs.mark if selected else " ", Ink.MARK)
    dots = glyphs.ellipsis
    plan = card.plan if cell_len(card.plan) <= max(5, width - cell_len(card.label) - 5) else card.plan_short
    title = spread(
        (mark, (glyphs.status[card.glyph] + " ", card.tone), (card.label, Tone.STRONG)),
        ((f" {plan}", Tone.DIM),) if plan else (),
        width,
        dots,
    )
    rows = list(_rows(card, width - 2, glyphs))
    room = max(0, height - 2)
    if len(rows) > room:
        hidden = len(rows) - room + 1
        more: list[Piece] = [(words.text("more_rows", count=hidden), Tone.DIM)]
        rows = [*rows[: max(0, room - 1)], more][:room]
    lines = [title, *(fit_line((mark, (" ", Tone.PLAIN), *pieces), width, dots) for pieces in rows)]
    while len(lines) < height - 1:
        lines.append(fit_line((mark,), width, dots))
    footer = span_pieces(card.footer, glyphs)
    if line_width(footer) > width - 2 and any(span.glyph for span in card.footer):
        # the status stands at the name as well
        footer = span_pieces(card.footer[2:], glyphs)
    if card.progress_short and line_width(footer) > width - 2:
        footer = [(card.progress_short, card.footer[0].tone)]
    lines.append(fit_line((mark, (" ", Tone.PLAIN), *footer), width, dots))
    return tuple(lines[:height])


def _rows(card: CardView, width: int, glyphs: Glyphs) -> Iterable[list[Piece]]:
    for window in card.windows:
        yield _window(window, window.name, width, glyphs)
    for window in card.extras:
        yield _window(window, window.bucket, width, glyphs)
    if card.credits is not None:
        yield _credits(card.credits)


def _window(window: WindowRow, name: str, width: int, glyphs: Glyphs) -> list[Piece]:
    quiet: StyleName = Tone.STALE if window.stale else Tone.PLAIN if window.full else Tone.DIM
    style: StyleName = Tone.STALE if window.stale else window.tone
    named = max(_NAME, min(_NAME + 4, width - 28))
    room = max(0, width - named - PERCENT - 1 - _RESETS)
    return [
        (fit(fit(name, named - 1, glyphs.ellipsis), named), quiet),
        *bar(window, room, glyphs),
        (" " + fit_percent(window.percent, PERCENT), style),
        (fit_right(window.resets, _RESETS, glyphs.ellipsis), quiet),
    ]


def _credits(credits: CreditsRow) -> list[Piece]:
    quiet: StyleName = Tone.STALE if credits.stale else Tone.DIM
    style: StyleName = Tone.STALE if credits.stale else credits.tone
    figure = credits.balance[:1].isdigit() or credits.balance[:1] in ("-", "—")
    out: list[Piece] = [(fit(words.text("credits"), _NAME), quiet)]
    out.append((fit_right(credits.balance, _BALANCE, "") if figure else credits.balance, style))
    if cell_len(credits.balance) > _BALANCE and figure:
        # money is never shortened: a long balance takes the room it needs
        out[-1] = (credits.balance, style)
    if credits.usd:
        out.append((" " + fit_right(credits.usd, max(_USD - 1, cell_len(credits.usd))), quiet))
    if credits.mark:
        out.append((f" {credits.mark}", style))
    return out
