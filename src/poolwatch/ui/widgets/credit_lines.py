"""The screen of credits in lines: each balance with its bar and what is known of it; below, its last days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from poolwatch.presentation.chart import Chart
from poolwatch.presentation.credits_view import CreditsLine, CreditsView
from poolwatch.presentation.figures import UNKNOWN
from poolwatch.presentation.plot import plot
from poolwatch.presentation.topups import DoneRow
from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import ASCII, Glyphs, span_pieces
from poolwatch.ui.cells import Ink, Line, Piece, fit, fit_line, fit_right, fit_words, line_width, spread, wrap
from poolwatch.ui.widgets.history import is_wide
from poolwatch.words import credits as words
from poolwatch.words import topups as top_up_words

_LEAD: Final = 3
_INDENT: Final = 5
_NAME: Final = 21
_BAR: Final = 20
#: On a wide screen the cells of what is left, of a day's use, and of how long it lasts.
_LEFT_WIDE: Final = 36
_A_DAY: Final = 10
_LASTS: Final = 15
_TOP_UP: Final = 8
#: A chart has so many lines at least, and at most.
_CHART_LEAST: Final = 7
_CHART_MOST: Final = 14
#: Narrower than this there is no bar.
_BAR_FROM: Final = 76
#: Cells of the word before top-ups, and the most of them.
_DONE: Final = 11
_DONE_WIDE: Final = 5
_DONE_NARROW: Final = 2


def credits_title(view: CreditsView, help_text: str, width: int, glyphs: Glyphs) -> Line:
    """How many there are."""
    left: list[Piece] = [(f" {words.TITLE()}", Ink.BRAND), (f"  {view.counts}", Tone.STRONG)]
    right: list[Piece] = [(f"   {help_text} ", Tone.DIM)]
    if is_wide(width):
        right.insert(0, (words.NEVER_ADDED_SHORT(), Tone.DIM))
    return spread(left, right, width, glyphs.ellipsis)


def credits_lines(
    view: CreditsView,
    selected: int,
    days: Sequence[str],
    chart: Chart | None,
    width: int,
    height: int,
    glyphs: Glyphs,
) -> tuple[Line, ...]:
    """The balances in at most `height` lines; where not all have room, only the selected one says more.

    On a wide screen its chart stands below them, where there is one and room for it; else its last `days`.
    """
    wide = is_wide(width)
    head = [(), _head(width, glyphs)] if wide else [()]
    foot = _foot(view.rows[selected], days, width, glyphs)
    blocks = [_block(row, width, glyphs, selected=at == selected) for at, row in enumerate(view.rows)]
    short = [block if at == selected else block[:1] for at, block in enumerate(blocks)]
    airy = [[*block, ()] for block in blocks]
    room = height - len(head)
    for shown in (airy, blocks) if wide and chart is not None else ():
        lines = [line for block in shown for line in block]
        rows = min(_CHART_MOST, room - len(lines) - 1)
        if rows >= _CHART_LEAST and chart is not None:
            drawn = _chart(view.rows[selected].name, chart, width, rows, glyphs)
            return (*head, *lines, *[()] * (room - len(lines) - len(drawn)), *drawn)
    for shown, below in ((airy, foot), (blocks, foot), (short, foot), (short, [])):
        lines = [line for block in shown for line in block]
        if len(lines) + len(below) <= room:
            return (*head, *lines, *[()] * (room - len(lines) - len(below)), *below)
    # the selected one stays on the screen
    above = sum(len(block) for block in short[:selected])
    lines = [line for block in short for line in block]
    first = max(0, min(above, len(lines) - room))
    return (*head, *lines[first : first + room])


def _chart(name: str, chart: Chart, width: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """How it ran in the last days, under its name."""
    rule = glyphs.rule * max(0, width - cell_len(name) - 3)
    heading: Line = ((f" {name} ", Ink.HEADING), (rule, Tone.DIM))
    drawn = plot(chart, width, rows, ascii_only=glyphs is ASCII).lines
    return [fit_line(heading, width, glyphs.ellipsis), *(tuple(span_pieces(line, glyphs)) for line in drawn)]


def _head(width: int, glyphs: Glyphs) -> Line:
    pieces: list[Piece] = [
        (" " * _LEAD, Tone.PLAIN),
        (fit(words.NAME(), _NAME), Ink.HEADING),
        (fit(words.LEFT(), _LEFT_WIDE), Ink.HEADING),
        (fit(words.A_DAY(), _A_DAY), Ink.HEADING),
        (fit(words.LASTS(), _LASTS), Ink.HEADING),
        (words.RESETS_READ(), Ink.HEADING),
    ]
    room = width - line_width(pieces)
    return fit_line((*pieces, (fit_right(words.TOP_UP(), max(0, room)), Ink.HEADING)), width, glyphs.ellipsis)


def _block(row: CreditsLine, width: int, glyphs: Glyphs, *, selected: bool) -> list[Line]:
    wide, style = is_wide(width), Tone.STRONG if selected else Tone.PLAIN
    lead: list[Piece] = [
        (fit(glyphs.pointer if selected else "", _LEAD), Ink.MARK),
        (fit(row.name, _NAME - 1, glyphs.ellipsis) + " ", style),
    ]
    if wide:
        left = fit_line(_left(row, width, glyphs), _LEFT_WIDE - 1, glyphs.ellipsis)
        pieces: list[Piece] = [
            *lead,
            *left,
            (" ", Tone.PLAIN),
            (fit(row.a_day or UNKNOWN, _A_DAY - 1, glyphs.ellipsis) + " ", Tone.PLAIN),
            (fit(row.lasts or UNKNOWN, _LASTS - 1, glyphs.ellipsis) + " ", Tone.PLAIN),
        ]
        room = max(0, width - line_width(pieces) - _TOP_UP)
        pieces.append((fit_words(row.resets, room, glyphs.ellipsis), Tone.DIM))
        pieces.append((fit_right(row.top_up, _TOP_UP), Ink.KEY))
        lines = [fit_line(pieces, width, glyphs.ellipsis)]
    else:
        mark = f"  {row.top_up}" if row.top_up else ""
        room = width - line_width(lead) - cell_len(mark) - 1
        told = fit_line(_left(row, width, glyphs), max(0, room), glyphs.ellipsis)
        lines = [fit_line((*lead, *told, (mark, Ink.KEY)), width, glyphs.ellipsis)]
    indent: Piece = (" " * _INDENT, Tone.PLAIN)
    # beside a bar there is no room for how it runs
    is_barred = not wide and width >= _BAR_FROM and row.fraction is not None
    runs = [" · ".join(_runs(row))] if is_barred and row.a_day else []
    for note in (*row.notes, *runs):
        for line in wrap(((note, Tone.DIM),), max(8, width - _INDENT - 1)):
            lines.append(fit_line((indent, *line), width, glyphs.ellipsis))
    return lines


def _left(row: CreditsLine, width: int, glyphs: Glyphs) -> list[Piece]:
    """What is left, with a bar where a limit is known; on a narrow screen also how it runs."""
    told = f"{row.left}, {row.level}" if row.level else row.left
    pieces: list[Piece] = [(told, row.tone)]
    if row.fraction is not None and width >= _BAR_FROM:
        filled, empty = glyphs.bar(row.fraction, _BAR)
        pieces = [
            (fit(told, max(11, cell_len(told))) + " ", row.tone),
            (filled, row.tone if row.tone in (Tone.AMBER, Tone.RED, Tone.GOOD) else Ink.BAR),
            (empty, Ink.TRACK),
        ]
    if not is_wide(width) and len(pieces) == 1:
        pieces += [(f" · {each}", Tone.DIM) for each in _runs(row)]
    return pieces


def _runs(row: CreditsLine) -> list[str]:
    """How much of it is used a day, and how long it lasts."""
    a_day = [words.USED_A_DAY(row.a_day)] if row.a_day else []
    return [*a_day, row.lasts] if row.lasts else a_day


def _foot(row: CreditsLine, days: Sequence[str], width: int, glyphs: Glyphs) -> list[Line]:
    lines: list[Line] = []
    if days:
        heading: list[Piece] = [
            (f" {words.DAYS_HEADING(row.name)}", Ink.HEADING),
            (f"   {words.END_OF_DAY()}", Tone.DIM),
        ]
        told = "   ".join(days)
        lines = [fit_line(heading, width, glyphs.ellipsis)]
        for line in wrap(((told, Tone.PLAIN),), max(8, width - _INDENT - 1)):
            lines.append(fit_line(((" " * _INDENT, Tone.PLAIN), *line), width, glyphs.ellipsis))
        lines.append(())
    if not is_wide(width):
        lines.append(fit_line(((f" {words.NEVER_ADDED()}", Tone.DIM),), width, glyphs.ellipsis))
    return lines


def done_lines(
    rows: Sequence[DoneRow], width: int, room: int, glyphs: Glyphs, *, damaged: bool
) -> list[Line]:
    """The latest top-ups, and that some are missing; in at most `room` lines."""
    wide = is_wide(width)
    below: list[Line] = [((f" {top_up_words.damaged()}", Tone.AMBER),)] if damaged else []
    most = min(_DONE_WIDE if wide else _DONE_NARROW, room - len(below) - (2 if wide else 1))
    if not rows or most < 1:
        return [(), *(fit_line(line, width, glyphs.ellipsis) for line in below)] if below and room > 1 else []
    shown = rows[:most]
    table = [(each.at, each.name, each.amount, each.outcome, each.request) for each in shown]
    titles = tuple(title() for title in top_up_words.DONE_HEADER)
    widths = [max(cell_len(line[nth]) for line in (titles, *table)) for nth in range(len(titles))]
    widths[1] = min(widths[1], _NAME)
    # the outcome takes what is left, before the id that only a wide screen has
    taken = _DONE + sum(widths[:3]) + 6 + (widths[4] + 2 if wide else 0)
    widths[3] = max(8, min(widths[3], width - taken))

    def line(cells: Sequence[str], tone: Tone | Ink) -> list[Piece]:
        kept = cells if wide else cells[:4]
        return [(fit(text, widths[nth], glyphs.ellipsis) + "  ", tone) for nth, text in enumerate(kept)]

    lead: Piece = (fit(f" {top_up_words.DONE()}", _DONE), Ink.HEADING)
    blank: Piece = (" " * _DONE, Tone.PLAIN)
    lines: list[Line] = [(), fit_line((lead, *line(titles, Ink.HEADING)), width)] if wide else [()]
    for nth, (cells, each) in enumerate(zip(table, shown, strict=True)):
        first = lead if nth == 0 and not wide else blank
        lines.append(fit_line((first, *line(cells, each.tone)), width, glyphs.ellipsis))
    return [*lines, *(fit_line(each, width, glyphs.ellipsis) for each in below)]
