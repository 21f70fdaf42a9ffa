"""A chart in cells of the terminal: braille, or plain characters where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from msgspec import Struct

from poolwatch.presentation import figures
from poolwatch.presentation.chart import Chart, Extent, MarkKind, Tick, ahead_at, columns, time_ticks
from poolwatch.presentation.view import Span, Tone

#: The lines of a plot that are not the chart itself: the texts of the marks, the axis of time and its texts.
AROUND: Final = 3
#: A blank before the texts of the axis of values, one behind them, and the axis itself.
_BESIDE: Final = 3
#: There are no more resets than one in so many columns.
_CROWD: Final = 5
#: The dots of a braille cell, from the top, at the left and at the right.
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE: Final = 0x2800


class Signs(Struct, frozen=True):
    """What a plot is drawn with; every sign takes one cell."""

    #: one value, and a reset, now, a level, what is expected, and within which band
    reset: str
    now: str
    level: str
    ahead: str
    band: str
    #: the axes: upright, with a text, lying, with a text, where they meet, at the cursor
    side: str
    side_tick: str
    floor: str
    floor_tick: str
    corner: str
    cursor: str
    #: the cursor where nothing else stands
    beam: str


_UNICODE: Final = Signs("┆", "│", "┄", "·", "░", "│", "┤", "─", "┬", "└", "▲", "│")
_ASCII: Final = Signs(":", "|", "-", ".", "%", "|", "+", "-", "+", "+", "^", "|")
_ASCII_LINE: Final = "*"
#: What the cursor's beam shines through.
_THIN: Final = frozenset(" ┄·░┆│-.%:|")


class Plot(Struct, frozen=True):
    """A chart drawn: its lines, each as wide as asked for; `left` is the cell of the first of its columns."""

    lines: tuple[tuple[Span, ...], ...]
    left: int
    columns: int
    signs: Signs

    def with_cursor(self, column: int) -> tuple[tuple[Span, ...], ...]:
        """The lines with the cursor in one of the columns; without it where there is no such column."""
        if not 0 <= column < self.columns:
            return self.lines
        at = self.left + column
        body = [_crossed(line, at, self.signs) for line in self.lines[1:-2]]
        return (self.lines[0], *body, _put(self.lines[-2], at, self.signs.cursor), self.lines[-1])


def plot(chart: Chart, width: int, height: int, *, ascii_only: bool = False) -> Plot:
    """Draw a chart into `width` by `height` cells."""
    signs = _ASCII if ascii_only else _UNICODE
    rows = max(2, height - AROUND)
    ticks = _ticks(chart.scale.ticks, rows)
    label = max((figures.width(tick.text) for tick in ticks), default=1)
    left = min(label + _BESIDE, max(2, width - 2))
    count = max(1, width - left)
    grid = _Grid(rows, count)
    _draw_levels(grid, chart, signs)
    _draw_marks(grid, chart, signs)
    _draw_ahead(grid, chart, signs)
    (_draw_plainly if ascii_only else _draw_braille)(grid, chart)
    places = {_row(chart, tick.value, rows): tick.text for tick in ticks}
    body = tuple(
        (Span(_side(places.get(row), label, signs), Tone.DIM), *grid.spans(row)) for row in range(rows)
    )
    head = Span(" " * left + _above(chart, count), Tone.DIM)
    return Plot(((head,), *body, *_below(chart, left, count, signs)), left, count, signs)


class _Grid:
    """The cells of a chart: a character and its tone each."""

    def __init__(self, rows: int, count: int) -> None:
        self.rows, self.count = rows, count
        self.signs = [[" "] * count for _ in range(rows)]
        self.tones = [[Tone.PLAIN] * count for _ in range(rows)]

    def put(self, row: int, column: int, sign: str, tone: Tone) -> None:
        self.signs[row][column] = sign
        self.tones[row][column] = tone

    def spans(self, row: int) -> tuple[Span, ...]:
        cells = zip(self.signs[row], self.tones[row], strict=True)
        return tuple(
            Span("".join(sign for sign, _ in group), tone)
            for tone, group in groupby(cells, key=lambda cell: cell[1])
        )


def _part(chart: Chart, value: float) -> float:
    """How far down from the top a value lies, 0..1; what is beyond the scale lies at its end."""
    scale = chart.scale
    return min(1.0, max(0.0, (scale.high - value) / (scale.high - scale.low)))


def _row(chart: Chart, value: float, rows: int) -> int:
    """The row of a value, by the finest dots there are, so that line, levels and texts agree."""
    return round(_part(chart, value) * (rows * 4 - 1)) // 4


def _ticks(ticks: Sequence[Tick], rows: int) -> Sequence[Tick]:
    """Every second text where they would crowd, the lowest one kept."""
    while len(ticks) > 2 and (rows - 1) < 2 * (len(ticks) - 1):
        ticks = ticks[::2] if len(ticks) % 2 else (ticks[0], ticks[-1])
    return ticks


def _draw_levels(grid: _Grid, chart: Chart, signs: Signs) -> None:
    for level in chart.levels:
        row = _row(chart, level.value, grid.rows)
        for column in range(grid.count):
            grid.put(row, column, signs.level, Tone.DIM)


def _draw_marks(grid: _Grid, chart: Chart, signs: Signs) -> None:
    resets = {_mark_column(chart, mark.at, grid.count) for mark in chart.marks if mark.kind is MarkKind.RESET}
    if len(resets) * _CROWD > grid.count:
        # so many would be a hatching
        resets = set()
    now = {_mark_column(chart, mark.at, grid.count) for mark in chart.marks if mark.kind is MarkKind.NOW}
    for found, sign in ((resets, signs.reset), (now, signs.now)):
        for column in found:
            for row in range(grid.rows if column is not None else 0):
                grid.put(row, column or 0, sign, Tone.DIM)


def _mark_column(chart: Chart, at: datetime, count: int) -> int | None:
    """The column of a mark; one at the very end stands in the last."""
    if not chart.start <= at <= chart.end:
        return None
    return min(count - 1, chart.column(at, count))


def _draw_ahead(grid: _Grid, chart: Chart, signs: Signs) -> None:
    if not chart.ahead:
        return
    first, last = chart.ahead[0].at, chart.ahead[-1].at
    for column in range(chart.column(first, grid.count) + 1, grid.count):
        there = ahead_at(chart.ahead, min(last, chart.instant(column + 0.5, grid.count)))
        if there is None or chart.instant(column, grid.count) >= last:
            return
        top, bottom = (_row(chart, value, grid.rows) for value in (there.high, there.low))
        for row in range(top, bottom + 1):
            if grid.signs[row][column] in (" ", signs.level):
                grid.put(row, column, signs.band, Tone.DIM)
        row = _row(chart, there.median, grid.rows)
        if grid.signs[row][column] in (" ", signs.level, signs.band):
            grid.put(row, column, signs.ahead, Tone.ACCENT)


def _draw_braille(grid: _Grid, chart: Chart) -> None:
    dots = grid.rows * 4
    found = columns(chart, grid.count * 2)
    cells: dict[tuple[int, int], int] = {}
    most: dict[tuple[int, int], float] = {}
    for at, extents in enumerate(found):
        column, side = divmod(at, 2)
        for extent in extents:
            top = round(_part(chart, extent.high) * (dots - 1))
            bottom = round(_part(chart, extent.low) * (dots - 1))
            for dot in range(top, bottom + 1):
                cell = dot // 4, column
                cells[cell] = cells.get(cell, 0) | _DOTS[dot % 4][side]
                most[cell] = max(most.get(cell, extent.low), _value(chart, dot, dots, extent))
    for (row, column), pattern in cells.items():
        grid.put(row, column, chr(_BRAILLE + pattern), _line_tone(chart, most[row, column]))


def _value(chart: Chart, dot: int, dots: int, extent: Extent) -> float:
    """The value of a dot of an extent: at its ends those of the extent, which may lie beyond the scale."""
    scale = chart.scale
    return min(extent.high, max(extent.low, scale.high - dot / (dots - 1) * (scale.high - scale.low)))


def _draw_plainly(grid: _Grid, chart: Chart) -> None:
    for column, extents in enumerate(columns(chart, grid.count)):
        for extent in extents:
            top, bottom = _row(chart, extent.high, grid.rows), _row(chart, extent.low, grid.rows)
            for row in range(top, bottom + 1):
                value = _value(chart, row * 4 + 2, grid.rows * 4, extent)
                grid.put(row, column, _ASCII_LINE, _line_tone(chart, value))


def _line_tone(chart: Chart, value: float) -> Tone:
    tone = chart.tone(value)
    return Tone.STRONG if tone is Tone.PLAIN else tone


def _side(text: str | None, label: int, signs: Signs) -> str:
    if text is None:
        return f"{' ' * (label + 2)}{signs.side}"
    return f" {figures.rjust(text, label)} {signs.side_tick}"


def _above(chart: Chart, count: int) -> str:
    """The texts of the marks, each above its own; where two would touch, the one that matters less leaves."""
    taken: list[tuple[int, str]] = []
    for mark in sorted(chart.marks, key=lambda mark: (mark.kind is not MarkKind.NOW, -mark.at.timestamp())):
        column, length = _mark_column(chart, mark.at, count), figures.width(mark.text)
        if column is None or not mark.text or length > count:
            continue
        begins = column if mark.kind is MarkKind.SINCE else column - length // 2
        begins = min(count - length, max(0, begins))
        if all(
            begins + length + 2 <= other or other + figures.width(text) + 2 <= begins for other, text in taken
        ):
            taken.append((begins, mark.text))
    return _placed(taken, count)


def _below(chart: Chart, left: int, count: int, signs: Signs) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    ticks = time_ticks(chart, count)
    floor = [signs.floor] * count
    for tick in ticks:
        floor[tick.column] = signs.floor_tick
    axis = f"{' ' * (left - 1)}{signs.corner}{''.join(floor)}"
    texts = " " * left + _placed([(tick.column, tick.text) for tick in ticks], count)
    return (Span(axis, Tone.DIM),), (Span(texts, Tone.DIM),)


def _placed(texts: Iterable[tuple[int, str]], count: int) -> str:
    """Texts at their columns in a line of `count` cells."""
    line = ""
    for begins, text in sorted(texts):
        line += " " * (begins - figures.width(line)) + text
    return line + " " * (count - figures.width(line))


def _crossed(line: tuple[Span, ...], at: int, signs: Signs) -> tuple[Span, ...]:
    """A line with the cursor through it: what is thin gives way, the line of the figure lights up."""
    sign = "".join(span.text for span in line)[at]
    return _put(line, at, signs.beam if sign in _THIN else sign)


def _put(line: tuple[Span, ...], at: int, sign: str) -> tuple[Span, ...]:
    """The line with another character at one cell, in the tone of the cursor."""
    out: list[Span] = []
    for span in line:
        begins = sum(len(each.text) for each in out)
        inside = at - begins
        if 0 <= inside < len(span.text):
            pieces = (span.text[:inside], span.text[inside + 1 :])
            out += [Span(pieces[0], span.tone), Span(sign, Tone.ACCENT), Span(pieces[1], span.tone)]
        else:
            out.append(span)
    return tuple(span for span in out if span.text)
