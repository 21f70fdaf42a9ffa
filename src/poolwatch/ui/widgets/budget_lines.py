"""The screen of budgets in lines: each with its bar and what comes of it; below, all about one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from poolwatch.presentation.budgets import BudgetRow, BudgetsView
from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import (
    Ink,
    Line,
    Piece,
    fit,
    fit_line,
    fit_percent,
    fit_words,
    line_width,
    spread,
    wrap,
)
from poolwatch.ui.widgets.history import is_wide
from poolwatch.words import budgets as words

_LEAD: Final = 3
_INDENT: Final = 5
_PERCENT: Final = 6
_BETWEEN: Final = 2
#: Cells of name, bar, what was spent and the reset; on a wide screen also of the state.
_NARROW: Final = (17, 18, 22)
_WIDE: Final = (18, 22, 24)
_RESETS_WIDE: Final = 21
#: Narrower than this there is no bar, and the name and what was spent share the rest.
_BAR_FROM: Final = 76
_HEADING: Final = 10


def budgets_title(view: BudgetsView, help_text: str, width: int, glyphs: Glyphs) -> Line:
    """How many there are, how many of them are over or near it, and where their days begin."""
    left: list[Piece] = [(f" {words.TITLE()}", Ink.BRAND), (f"  {view.counts}", Tone.STRONG)]
    right: list[Piece] = [(f"   {help_text} ", Tone.DIM)]
    if is_wide(width) and view.zone:
        right.insert(0, (words.time_zone(view.zone), Tone.DIM))
    return spread(left, right, width, glyphs.ellipsis)


def budget_lines(
    view: BudgetsView,
    selected: int,
    foot: Sequence[tuple[str, str]],
    width: int,
    height: int,
    glyphs: Glyphs,
) -> tuple[Line, ...]:
    """The budgets in at most `height` lines, and below them what is told of the selected one.

    Where not all have room each takes one line, and only the selected one says more.
    """
    details = _details(view.rows[selected], foot, width, glyphs)
    closing = _closing(view.rows[selected], width, glyphs)
    resets = _resets_cells(view.rows, width)
    head = _head(width, resets, glyphs)
    full = [_block(row, width, resets, glyphs, selected=at == selected) for at, row in enumerate(view.rows)]
    airy = [[*block, ()] for block in full]
    room = height - len(head)
    for blocks, under, last in (
        (airy, details, closing),
        (full, details, closing),
        (airy, [], closing),
        (full, [], closing),
    ):
        lines = [*(line for block in blocks for line in block), *under]
        if len(lines) + len(last) <= room:
            return (*head, *lines, *[()] * (room - len(lines) - len(last)), *last)
    short = [block if at == selected else block[:1] for at, block in enumerate(full)]
    least = min(len(short), _ROWS_LEAST) + len(full[selected])
    below = next((each for each in ([*details, *closing], closing) if room - len(each) >= least), [])
    return (*head, *_around(short, selected, room - len(below), width, glyphs), *below)


def listed_lines(view: BudgetsView, width: int, glyphs: Glyphs) -> list[Line]:
    """All of them below their columns, as a command prints them."""
    resets = _resets_cells(view.rows, width)
    head = [line for line in _head(width, resets, glyphs) if line]
    blocks = [_block(row, width, resets, glyphs, selected=False) for row in view.rows]
    return [*head, *(line for block in blocks for line in block)]


#: Below fewer rows than these nothing else is told.
_ROWS_LEAST: Final = 5


def _around(
    blocks: Sequence[Sequence[Line]], selected: int, room: int, width: int, glyphs: Glyphs
) -> list[Line]:
    """As many rows as there is room for, the selected one among them; what is left out is counted."""
    room = max(1, room)
    count = sum(map(len, blocks))
    if count <= room:
        lines = [line for block in blocks for line in block]
        return lines + [()] * (room - count)
    room -= 1
    first = last = selected
    used = len(blocks[selected])
    while True:
        if first > 0 and used + len(blocks[first - 1]) <= room:
            first -= 1
            used += len(blocks[first])
        elif last + 1 < len(blocks) and used + len(blocks[last + 1]) <= room:
            last += 1
            used += len(blocks[last])
        else:
            break
    lines = [line for block in blocks[first : last + 1] for line in block][:room]
    more = glyphs.text(words.more(first, len(blocks) - 1 - last))
    return [*lines, *[()] * (room - len(lines)), fit_line(((f"   {more}", Tone.DIM),), width)]


def _cells(width: int) -> tuple[int, int, int]:
    """The cells of name, bar and what was spent."""
    if is_wide(width):
        name, bar, spent = _WIDE
        return name + max(0, min(12, width - 119)), bar, spent
    if width >= _BAR_FROM:
        return _NARROW
    return max(10, width - _LEAD - _PERCENT - 32), 0, 21


def _resets_cells(rows: Sequence[BudgetRow], width: int) -> int:
    """The cells of the reset: as many as its longest needs, where the longest state has room beside it."""
    if not is_wide(width):
        return cell_len(words.RESETS())
    name, bar, spent = _cells(width)
    state = max((cell_len(row.state) for row in rows), default=0)
    room = width - (_LEAD + name + bar + _PERCENT + _BETWEEN + spent) - state
    longest = max((cell_len(row.resets) + 1 for row in rows), default=0)
    return max(_RESETS_WIDE, min(longest, room))


def _head(width: int, resets: int, glyphs: Glyphs) -> list[Line]:
    name, bar, spent = _cells(width)
    pieces: list[Piece] = [
        (" " * _LEAD, Tone.PLAIN),
        (fit(words.NAME(), name, glyphs.ellipsis), Ink.HEADING),
        (fit(words.USED(), bar + _PERCENT + _BETWEEN) if bar else " " * (_PERCENT + 1), Ink.HEADING),
        (fit(words.SPENT(), spent), Ink.HEADING),
        (fit(words.RESETS(), resets), Ink.HEADING),
    ]
    if is_wide(width):
        pieces.append((words.STATE(), Ink.HEADING))
    blank: list[Line] = [()] if is_wide(width) else []
    return [*blank, fit_line(pieces, width, glyphs.ellipsis)]


def _block(row: BudgetRow, width: int, resets: int, glyphs: Glyphs, *, selected: bool) -> list[Line]:
    name, bar, spent = _cells(width)
    wide = is_wide(width)
    filled, empty = glyphs.bar(row.fraction, bar)
    pieces: list[Piece] = [
        (fit(glyphs.pointer if selected else "", _LEAD), Ink.MARK),
        (fit(row.name, name - 1, glyphs.ellipsis) + " ", Tone.STRONG if selected else Tone.PLAIN),
        (filled, row.tone if row.tone in (Tone.AMBER, Tone.RED) else Ink.BAR),
        (empty, Ink.TRACK),
        (fit_percent(row.percent, _PERCENT), row.tone),
        (" " * (_BETWEEN if bar else 1), Tone.PLAIN),
        (fit(row.spent, spent - 1, glyphs.ellipsis) + " ", Tone.PLAIN),
    ]
    if wide:
        told = row.resets if cell_len(row.resets) < resets else row.resets_short
        pieces += [(fit(told, resets), Tone.PLAIN), (row.state, row.tone)]
    else:
        pieces.append(
            (fit_words(row.resets_short, max(0, width - line_width(pieces)), glyphs.ellipsis), Tone.PLAIN)
        )
    lines = [fit_line(pieces, width, glyphs.ellipsis)]
    indent: Piece = (" " * _INDENT, Tone.PLAIN)
    look = row.tone if row.tone is Tone.RED else Tone.DIM
    if wide:
        at = _LEAD + name + bar + _PERCENT + _BETWEEN
        comes: list[Piece] = [indent, (row.comes, look)]
        if line_width(comes) + 2 <= at:
            lines.append(fit_line((*fit_line(comes, at), (row.measured, Tone.DIM)), width, glyphs.ellipsis))
            return lines
    lines.append(fit_line((indent, (row.comes, look)), width, glyphs.ellipsis))
    lines.append(
        fit_line((indent, (row.measured if wide else row.at_limit, Tone.DIM)), width, glyphs.ellipsis)
    )
    return lines


def _details(row: BudgetRow, foot: Sequence[tuple[str, str]], width: int, glyphs: Glyphs) -> list[Line]:
    """Everything that is known of it, under its name; there is room for that on a wide screen."""
    if not is_wide(width):
        return []
    name = f" {row.name} "
    rule = glyphs.rule * max(0, width - cell_len(name))
    lines: list[Line] = [fit_line(((name, Tone.STRONG), (rule, Ink.RULE)), width, glyphs.ellipsis)]
    for heading, text in foot:
        for nth, line in enumerate(wrap(((text, Tone.PLAIN),), max(8, width - _HEADING - 2))):
            lead: Piece = (fit("" if nth else f" {heading}", _HEADING + 1), Ink.HEADING)
            lines.append(fit_line((lead, *line), width, glyphs.ellipsis))
    return lines


def _closing(row: BudgetRow, width: int, glyphs: Glyphs) -> list[Line]:
    """What it counts, where the details do not say it; and what a stop is."""
    if is_wide(width):
        return [(), fit_line(((f" {words.STOP_IS_ASKED()}", Tone.DIM),), width, glyphs.ellipsis)]
    texts = (row.about, words.STOP_IS_ASKED_SHORT()) if width >= _BAR_FROM else (words.STOP_IS_ASKED_SHORT(),)
    told = [line for text in texts for line in wrap(((text, Tone.DIM),), max(8, width - 1))]
    return [(), *(fit_line(((" ", Tone.PLAIN), *line), width, glyphs.ellipsis) for line in told)]
