"""The list of banked resets in lines, and what is told of the selected account below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from rich.cells import cell_len

from poolwatch.presentation.reset_list import BankedRow, ToldLine
from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, fit, fit_line, fit_right, line_width, spread, wrap
from poolwatch.ui.widgets.history import is_wide
from poolwatch.words import reset_list as words

#: A banked reset, or what is said of a request of which nobody knows what became.
ResetLine: TypeAlias = BankedRow | str

_LEAD: Final = 3
_ENDS, _LEFT = 16, 4
_NAME_NARROW, _NAME_WIDE = 18, 20
#: Of figures: 5h, weekly, until it resets, and at its reset.
_FIVE, _WEEKLY, _RESETS, _AT_RESET = 5, 6, 7, 9
#: Narrower than this the time left has no room.
_LEFT_FROM: Final = 72
_HEADING: Final = 14
#: Below fewer rows than these nothing else is told.
_ROWS_LEAST: Final = 4


def resets_title(counts: str, first_ends: str, read: str, help_text: str, width: int, glyphs: Glyphs) -> Line:
    """How many there are; when the list of the selected account was read."""
    left: list[Piece] = [(f" {words.TITLE()}", Ink.BRAND), (f"  {counts}", Tone.STRONG)]
    right: list[Piece] = [(f"   {help_text} ", Tone.DIM)]
    aside: Piece = (f" {read}" if read else "", Tone.DIM)
    if is_wide(width):
        left.append((f" · {first_ends}" if first_ends else "", Tone.PLAIN))
        never: Piece = (f" · {words.NEVER_BY_ITSELF()}", Tone.DIM)
        # what stands left and right is told apart by two blanks
        if line_width((*left, aside, never, *right)) < width:
            right.insert(0, never)
    return spread(left, (aside, *right), width, glyphs.ellipsis)


def reset_lines(
    rows: Sequence[ResetLine],
    selected: int,
    name: str,
    told: Sequence[ToldLine],
    width: int,
    height: int,
    glyphs: Glyphs,
) -> list[Line]:
    """The list, in at most `height` lines, and below it what is told under a name."""
    head = [(), _head(width)]
    room = height - len(head)
    least = min(len(rows), _ROWS_LEAST)
    told = list(told)
    while told and least + len(_under(name, told, width, glyphs)) > room:
        told.pop()
    under = _under(name, told, width, glyphs)
    shown = _around(rows, selected, room - len(under), width, glyphs)
    return [*head, *shown, *under]


def _around(rows: Sequence[ResetLine], selected: int, room: int, width: int, glyphs: Glyphs) -> list[Line]:
    """As many rows as there is room for, the selected one among them."""
    drawn = [_line(row, width, glyphs, selected=at == selected) for at, row in enumerate(rows)]
    if len(drawn) <= room:
        return drawn
    room = max(1, room - 1)
    first = max(0, min(selected - (room - 1) // 2, len(drawn) - room))
    more = words.more(str(len(drawn) - room))
    return [*drawn[first : first + room], fit_line(((" " * _LEAD, Tone.PLAIN), (more, Tone.DIM)), width)]


def _head(width: int) -> Line:
    titles = [title() for title in words.HEADER]
    cells = _cells((*titles[:7], titles[8]), width)
    return fit_line([(text, Ink.HEADING) for text, _ in cells], width)


def _line(row: ResetLine, width: int, glyphs: Glyphs, *, selected: bool) -> Line:
    lead: Piece = (fit(glyphs.pointer if selected else "", _LEAD), Ink.MARK)
    if isinstance(row, str):
        return fit_line((lead, (row, Tone.RED)), width, glyphs.ellipsis)
    texts = (
        row.ends,
        row.left,
        row.name,
        row.five_hours,
        row.weekly,
        row.resets,
        row.at_reset,
        row.if_used_long if is_wide(width) else row.if_used,
    )
    tone = Tone.ACCENT if row.worth else Tone.PLAIN
    tone = Tone.STRONG if selected else tone
    cells = _cells(texts, width)[1:]
    tones = (Tone.STALE if row.stale and is_figure else tone for _, is_figure in cells)
    return fit_line(
        (lead, *((text, tone) for (text, _), tone in zip(cells, tones, strict=True))), width, glyphs.ellipsis
    )


def _cells(texts: Sequence[str], width: int) -> list[tuple[str, bool]]:
    """A lead, then the columns that have room, each with the blank behind it; whether it is a figure."""
    ends, left, name, five, weekly, resets, at_reset, if_used = texts
    wide = is_wide(width)
    cells = [(" " * _LEAD, False), (fit(ends, _ENDS) + "  ", False)]
    if width >= _LEFT_FROM:
        cells.append((fit_right(left, _LEFT) + "  ", False))
    cells.append((fit(name, _NAME_WIDE if wide else _NAME_NARROW) + " ", False))
    if wide:
        cells.append((fit_right(five, _FIVE) + "  ", True))
    cells.append((fit_right(weekly, _WEEKLY) + "  ", True))
    if wide:
        cells += [(fit_right(resets, _RESETS) + "  ", True), (fit_right(at_reset, _AT_RESET) + "  ", True)]
    return [*cells, (if_used, False)]


def _under(name: str, told: Sequence[ToldLine], width: int, glyphs: Glyphs) -> list[Line]:
    if not told:
        return []
    begin = f" {name} "
    rule = glyphs.rule * max(0, width - cell_len(begin))
    lines: list[Line] = [(), fit_line(((begin, Tone.STRONG), (rule, Ink.RULE)), width, glyphs.ellipsis)]
    for each in told:
        wrapped = wrap(((each.text, each.tone),), max(1, width - _HEADING - 2))
        for number, line in enumerate(wrapped):
            heading: Piece = (fit(f" {each.heading}" if number == 0 else "", _HEADING), Ink.HEADING)
            lines.append(fit_line((heading, *line), width, glyphs.ellipsis))
    return lines
