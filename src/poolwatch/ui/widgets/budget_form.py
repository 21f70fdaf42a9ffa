"""The form of a budget in lines, and the line into which one of its values is typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from poolwatch.presentation.budget_form import FormField, FormRow
from poolwatch.presentation.view import Span, Tone
from poolwatch.ui.appearance import ASCII, Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, cut, fit, fit_line, line_width, spread, wrap
from poolwatch.ui.widgets.filter_line import CompletedLine
from poolwatch.words import budgets as words

_LEAD: Final = 3
_LABEL: Final = 16
#: The first cell of a value.
_VALUE: Final = _LEAD + _LABEL
#: A value that is typed has at least so many cells, and what it was before at most so many.
_TYPED_LEAST: Final = 14
_FORMER_MOST: Final = 24
_CHOICES_APART: Final = "  ·  "
_CHOICES_CLOSE: Final = " · "


class ValueLine(CompletedLine):
    """A value of the row that it stands over. What is typed first replaces it."""

    DEFAULT_CSS = """
    ValueLine, ValueLine:focus { layer: entry; position: absolute; padding: 0; }
    """

    def take(self, text: str) -> None:
        """Show the line with this value, all of it selected."""
        self.open(text)
        self.action_select_all()

    def stand(self, x: int, y: int, cells: int) -> None:
        """Stand there on the screen."""
        self.styles.offset = (x, y)
        self.styles.width = cells


def form_title(name: str, help_text: str, width: int, glyphs: Glyphs) -> Line:
    """Which budget it is."""
    left: list[Piece] = [(f" {words.TITLE()}", Ink.BRAND), (f" › {name}", Tone.STRONG)]
    text = [(glyphs.text(part), style) for part, style in left]
    return spread(text, [(f"   {help_text} ", Tone.DIM)], width, glyphs.ellipsis)


def form_lines(
    rows: Sequence[FormRow],
    field: FormField,
    below: Sequence[Span],
    width: int,
    height: int,
    glyphs: Glyphs,
) -> tuple[tuple[Line, ...], tuple[int, int, int]]:
    """The rows and what stands below them, in at most `height` lines; and where the value that is typed
    stands: its first cell, its line, and how many cells it may take."""
    is_airy = height >= len(rows) + _AIRY
    lines: list[Line] = [()] if is_airy else []
    place = (0, 0, 0)
    for row in rows:
        drawn, at, cells = _row(row, min(width, _ROW_MOST), glyphs, selected=row.field is field)
        if row.field is field:
            place = (at, len(lines), cells)
        lines += drawn
    for number, span in enumerate(below):
        if is_airy and number < _APART:
            lines.append(())
        wrapped = wrap(((span.text, span.tone),), max(8, width - _LEAD - 1))
        if len(lines) + len(wrapped) > height:
            # in one line it can be seen where it is cut
            wrapped = [((span.text, span.tone),)]
        lead: Piece = (" " * _LEAD, Tone.PLAIN)
        lines += [fit_line((lead, *line), width, glyphs.ellipsis) for line in wrapped]
    return tuple(lines[:height]), place


#: What is told beside a value stands no further away.
_ROW_MOST: Final = 120
#: So many lines more than there are rows leave room for blank ones.
_AIRY: Final = 8
#: Blank lines stand before the first of what stands below, and before what is written.
_APART: Final = 2


def _row(row: FormRow, width: int, glyphs: Glyphs, *, selected: bool) -> tuple[list[Line], int, int]:
    """Its lines, and where its value begins and how many cells that may take."""
    look = Tone.STRONG if selected else Tone.PLAIN
    pieces: list[Piece] = [
        (fit(glyphs.pointer if selected else "", _LEAD), Ink.MARK),
        (fit(row.label, _LABEL, glyphs.ellipsis), look),
    ]
    beside: Piece = (row.beside.text, row.beside.tone)
    if row.choices:
        return _with_beside([*pieces, *_choices(row, width, glyphs)], beside, width, glyphs), 0, 0
    if row.former:
        former = cut(row.former, _FORMER_MOST, glyphs.ellipsis)
        pieces.append((glyphs.text(words.former(former)), Tone.DIM))
    at = line_width(pieces)
    if selected:
        # what is typed is drawn by the line that stands here
        needed = max(_TYPED_LEAST, cell_len(row.text) + 1)
        room = width - at - (cell_len(row.beside.text) + 3 if row.beside.text else 0)
        is_beside = room >= needed
        cells = max(1, room if is_beside else width - at)
        pieces.append((" " * cells, Tone.PLAIN))
        return _with_beside(pieces, beside, width, glyphs, is_beside=is_beside), at, cells
    text: Piece = (row.text, Tone.PLAIN) if row.text else (glyphs.text(row.empty), Tone.DIM)
    return _with_beside([*pieces, text], beside, width, glyphs), 0, 0


def _with_beside(
    pieces: Sequence[Piece], beside: Piece, width: int, glyphs: Glyphs, *, is_beside: bool | None = None
) -> list[Line]:
    """What is told of a row at its right end, or below it where it has no room there."""
    text, tone = beside
    if is_beside is None:
        is_beside = line_width(pieces) + cell_len(text) + 3 <= width
    if not text:
        return [fit_line(pieces, width, glyphs.ellipsis)]
    if is_beside:
        return [spread(pieces, [(f"  {text} ", tone)], width, glyphs.ellipsis)]
    lead: Piece = (" " * _VALUE, Tone.PLAIN)
    return [
        fit_line(pieces, width, glyphs.ellipsis),
        *(fit_line((lead, *line), width) for line in wrap((beside,), max(8, width - _VALUE))),
    ]


def _choices(row: FormRow, width: int, glyphs: Glyphs) -> list[Piece]:
    is_wide = _VALUE + sum(map(cell_len, row.choices)) + len(_CHOICES_APART) * len(row.choices) <= width
    apart = glyphs.text(_CHOICES_APART if is_wide else _CHOICES_CLOSE)
    out: list[Piece] = []
    for number, word in enumerate(row.choices):
        if number:
            out.append((apart, Tone.DIM))
        is_chosen = number == row.chosen
        # where nothing is underlined, brackets say it
        shown = f"[{word}]" if is_chosen and glyphs is ASCII else word
        out.append((shown, Ink.CHOSEN if is_chosen else Tone.PLAIN))
    return out
