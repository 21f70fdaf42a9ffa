"""The hive: one mark for an account, its height the use of the scarcest window."""

from __future__ import annotations

from typing import Final

from poolwatch.presentation.view import CardView, Glyph, MarkView, Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, StyleName, fit, fit_line, fit_right
from poolwatch.words import interface as words

#: A mark and the blank before it, which carries the selection.
CELL: Final = 2
_NAME: Final = 15
_COUNT: Final = 4
_INSTEAD: Final = frozenset({Glyph.NEEDS_YOU, Glyph.TROUBLE, Glyph.NEVER_READ, Glyph.OFF})


def mark(card: MarkView | CardView, glyphs: Glyphs, *, selected: bool) -> Line:
    """One account in two cells."""
    style: StyleName = card.tone
    if card.glyph in _INSTEAD or card.level is None:
        text = glyphs.status[card.glyph]
    else:
        text = glyphs.level(card.level)
        if card.stale:
            style = Tone.STALE
        elif card.nearest is not None:
            style = Ink.BAR if card.nearest is Tone.PLAIN else card.nearest
    return ((glyphs.mark if selected else " ", Ink.MARK), (text, style))


def group_lead(heading: str, count: int | None, width: int, glyphs: Glyphs) -> Line:
    """The name and size of a group before its first line; blanks before the others."""
    lead = lead_width(width)
    if count is None:
        return ((" " * lead, Tone.PLAIN),)
    number = fit_right(str(count), _COUNT)
    return (
        (" ", Tone.PLAIN),
        (fit(heading, lead - 2 - _COUNT, glyphs.ellipsis), Tone.PLAIN),
        (f"{number} ", Tone.DIM),
    )


def lead_width(width: int) -> int:
    """The cells before the marks of a group."""
    return 2 + min(_NAME, max(6, width // 5)) + _COUNT


def legend(width: int, glyphs: Glyphs) -> Line:
    """What the marks mean; they tell what is used, whichever way numbers are shown."""
    told = words.text(
        "hive_legend",
        full=glyphs.levels[-1],
        needs_you=glyphs.status[Glyph.NEEDS_YOU],
        trouble=glyphs.status[Glyph.TROUBLE],
        never_read=glyphs.status[Glyph.NEVER_READ],
    )
    return fit_line(((f" {told}", Tone.DIM),), width, glyphs.ellipsis)


def in_words(card: CardView, width: int, glyphs: Glyphs) -> Line:
    """The selected account on one line."""
    out: list[Piece] = [
        (" ", Tone.PLAIN),
        (glyphs.mark, Ink.MARK),
        (card.label, Tone.STRONG),
        (f"  {card.plan}" if card.plan else "", Tone.DIM),
        (f"  {glyphs.status[card.status_glyph or card.glyph]} {card.status}", card.tone),
    ]
    for window in card.windows:
        style: StyleName = Tone.STALE if window.stale else window.tone
        out += [(f"   {window.name} ", Tone.DIM), (window.percent, style), (f"  {window.resets}", Tone.DIM)]
    if card.credits is not None:
        usd = f" {card.credits.usd}" if card.credits.usd else ""
        out += [
            (f"   {words.text('credits')} ", Tone.DIM),
            (card.credits.balance, card.credits.tone),
            (usd, Tone.DIM),
        ]
    tail = " · ".join(part for part in (card.age, card.custody) if part)
    out.append((f"   {tail}", Tone.DIM))
    return fit_line(out, width, glyphs.ellipsis)
