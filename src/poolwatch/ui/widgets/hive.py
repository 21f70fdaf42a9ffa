"""The hive: one mark for an account, its height the use of the scarcest window."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.cells import cell_len

from poolwatch.presentation.figures import hive_level, percent_text
from poolwatch.presentation.view import CardView, Flag, Glyph, MarkView, Prefs, Shown, Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, StyleName, fit, fit_line, fit_right, line_width
from poolwatch.words import interface as words

#: A mark and the blank before it, which carries the selection.
CELL: Final = 2
_NAME_LEAST: Final = 6
_NAME_MOST: Final = 24
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
    before = glyphs.pointer if selected else " "
    if card.flag is Flag.MARKED:
        before = glyphs.both if selected else glyphs.flag(card.flag)
    return ((before, Ink.MARK), (text, style))


def group_lead(heading: str, count: int | None, lead: int, glyphs: Glyphs) -> Line:
    """The name and size of a group before its first line, `lead` cells; blanks before the others."""
    if count is None:
        return ((" " * lead, Tone.PLAIN),)
    number = fit_right(str(count), _COUNT)
    return (
        (" ", Tone.PLAIN),
        (fit(heading, lead - 2 - _COUNT, glyphs.ellipsis), Tone.PLAIN),
        (f"{number} ", Tone.DIM),
    )


def lead_width(headings: Iterable[str], width: int) -> int:
    """The cells before the marks of a group, in a hive of that width."""
    longest = max((cell_len(heading) for heading in headings), default=0)
    return 2 + min(_NAME_MOST, max(_NAME_LEAST, width // 5), max(_NAME_LEAST, longest)) + _COUNT


def legend(width: int, glyphs: Glyphs, prefs: Prefs) -> tuple[Line, ...]:
    """What heights, colours and marks mean."""
    amber, red = prefs.rules.amber_percent, prefs.rules.red_percent
    is_left = prefs.shown is Shown.LEFT
    room, scarce, gone = ("above", "up_to", "used_up") if is_left else ("below", "from", "full")

    def height(used: float) -> str:
        return glyphs.level(hive_level(used, prefs.shown) or 1)

    def told(bound: str, used: float) -> str:
        return words.text(f"hive_{bound}", percent=percent_text(used, prefs.shown))

    heights = _entries(
        ((height(amber / 2), Ink.BAR), told(room, amber)),
        ((height(amber), Tone.AMBER), told(scarce, amber)),
        ((height(red), Tone.RED), told(scarce, red)),
        ((height(100), Tone.RED), words.text(f"hive_{gone}")),
        ((height(amber / 2), Tone.STALE), words.text("hive_old")),
    )
    marks = _entries(
        ((glyphs.status[Glyph.NEEDS_YOU], Tone.RED), words.text("hive_needs_you")),
        ((glyphs.status[Glyph.TROUBLE], Tone.AMBER), words.text("hive_trouble")),
        ((glyphs.status[Glyph.NEVER_READ], Tone.DIM), words.text("hive_never_read")),
        ((glyphs.status[Glyph.OFF], Tone.DIM), words.text("hive_off")),
    )
    lines: list[list[Piece]] = [[(f" {words.text(f'hive_heights.{prefs.shown.value}')}", Tone.DIM)]]
    # the marks stand on a line of their own, unless that makes three lines of two
    own_line = line_width(lines[0]) + sum(map(line_width, heights)) <= width
    for entry in (*heights, *marks):
        wanted = sum(map(line_width, marks)) if own_line else line_width(entry)
        may_break = entry is marks[0] or not own_line
        if may_break and line_width(lines[-1]) + wanted > width:
            lines.append([(" ", Tone.PLAIN), *entry[1:]])
        else:
            lines[-1] += entry
    return tuple(fit_line(line, width, glyphs.ellipsis) for line in lines)


def _entries(*pairs: tuple[Piece, str]) -> list[list[Piece]]:
    return [[("  ", Tone.PLAIN), sign, (f" {told}", Tone.DIM)] for sign, told in pairs]


def in_words(card: CardView, width: int, glyphs: Glyphs) -> Line:
    """The selected account on one line."""
    out: list[Piece] = [
        (" ", Tone.PLAIN),
        (glyphs.both if card.flag is Flag.MARKED else glyphs.pointer, Ink.MARK),
        (card.label, Tone.STRONG),
        (f"  {card.plan}" if card.plan else "", Tone.DIM),
        (f"  {glyphs.status[card.status_glyph or card.glyph]} {card.status}", card.tone),
    ]
    more: list[list[Piece]] = []
    for window in card.windows:
        style: StyleName = Tone.STALE if window.stale else window.tone
        more.append(
            [(f"   {window.name} ", Tone.DIM), (window.percent, style), (f"  {window.resets}", Tone.DIM)]
        )
    if card.credits is not None:
        usd = f" {card.credits.usd}" if card.credits.usd else ""
        name = f"   {words.text('credits')} "
        more.append([(name, Tone.DIM), (card.credits.balance, card.credits.tone), (usd, Tone.DIM)])
    tail = " · ".join(part for part in (card.age, card.custody) if part)
    more.append([(f"   {tail}", Tone.DIM)])
    for pieces in more:
        # half of a figure would be read as another one
        if line_width(out) + line_width(pieces) <= width:
            out += pieces
    return fit_line(out, width, glyphs.ellipsis)
