"""The usage screen in lines: figures, columns over time, the table, and what stands below it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Final

from rich.cells import cell_len

from poolwatch.domain.tokens import Origin
from poolwatch.presentation.use_chart import UseBars, bar_lines, spark_line
from poolwatch.presentation.use_view import UseView
from poolwatch.presentation.view import Figure, Tone
from poolwatch.ui.appearance import ASCII, Glyphs, span_pieces
from poolwatch.ui.cells import Ink, Line, Piece, fit, fit_line, fit_right, line_width, spread
from poolwatch.ui.widgets.history import is_wide
from poolwatch.ui.widgets.use_table import MIDDLE_FROM, Table, heading_line, row_line
from poolwatch.words import use as words
from poolwatch.words import workspace_usage as report_words

#: From this height on there is a chart; below it, one line of columns.
_CHART_FROM: Final = 28
_CHART: Final = 9
_CHART_MOST: Final = 16
_HEADING: Final = 11
_RIGHT_AT: Final = 60
_RIGHT_AT_MOST: Final = 66
_RIGHT_AT_NARROW: Final = 38
_RIGHT_HEADING: Final = 13
_SPARK_AT: Final = 9
_WIDEST: Final = 118
#: A table has at least so many rows before what stands below it has any.
_ROWS_LEAST: Final = 6


def columns_most(width: int) -> int:
    """How many columns over time there is room for."""
    return width - (_LEGEND_AND_AXIS if is_wide(width) else _BESIDE_SPARK)


_LEGEND_AND_AXIS: Final = 26
_BESIDE_SPARK: Final = 48


def use_title(view: UseView, help_text: str, width: int, glyphs: Glyphs) -> Line:
    """What is looked at, from where it is known, and which prices it is told by."""
    by = words.by_group(view.period, view.by)
    by_short = words.by_group(view.period_short, view.by)
    choice = [f"‹{words.origin(each)}›" if each is view.origin else words.origin(each) for each in Origin]
    choice.insert(1, report_words.SOURCE())
    source = f"{words.SOURCE()} {' · '.join(choice)}"
    brief = f"{by_short} · {words.origin(view.origin, short=True)}"
    prices = (f"   {view.prices}", view.prices_tone)
    for about, places in ((by, f"  {source}"), (brief, ""), (brief, None)):
        told = prices if places is not None else (f"   {view.prices_short}", view.prices_tone)
        left: list[Piece] = [(f" {words.TITLE()}", Ink.BRAND), (f"  {about}", Tone.STRONG)]
        right: list[Piece] = [(places or "", Tone.PLAIN), told, (f"   {help_text} ", Tone.DIM)]
        if line_width([*left, *right]) <= width:
            break
    else:
        right = right[1:2]
    return spread(left, right, width, glyphs.ellipsis)


def use_lines(
    view: UseView,
    bars: UseBars | None,
    table: Table,
    width: int,
    height: int,
    now: datetime,
    zone: tzinfo | None,
    glyphs: Glyphs,
) -> tuple[tuple[Line, ...], int]:
    """All of it in at most `height` lines, and which row of the table is the first one shown."""
    head = [*_head(view, width, glyphs), *_bars(bars, width, height, now, zone, glyphs)]
    below: list[Line] = []
    # what stands below gives way to the rows of the table, the least needed first
    for plan in _PLANS if is_wide(width) else _PLANS_NARROW:
        below = _below(view, *plan, width, glyphs)
        if height - len(head) - len(below) - 2 >= min(_ROWS_LEAST, max(1, len(view.rows))):
            break
    rows, top = _table(view, table, width, max(1, height - len(head) - len(below) - 2), glyphs)
    return (*head, *rows, *below)[:height], top


# --- the head


def _head(view: UseView, width: int, glyphs: Glyphs) -> list[Line]:
    wide = is_wide(width)
    if width < MIDDLE_FROM:
        today, _, month, _ = view.figures
        return [fit_line(_figure(each, width, brief=True), width) for each in (today, month)]
    lines: list[Line] = [()] if wide else []
    rights = [_figure(each, width, brief=not wide, right=True) for each in view.figures[1::2]]
    left = _RIGHT_AT_NARROW
    if wide:
        left = max(_RIGHT_AT, min(width - max(map(line_width, rights)), _RIGHT_AT_MOST))
    for figure, right in zip(view.figures[::2], rights, strict=True):
        line = fit_line(_figure(figure, left - 1, brief=not wide), left, glyphs.ellipsis)
        lines.append(fit_line((*line, *right), width, glyphs.ellipsis))
    if wide:
        lines += _notes(view, width)
    return [*lines, ()] if wide else lines


def _figure(figure: Figure, width: int, *, brief: bool, right: bool = False) -> Line:
    """A figure with as much beside it as fits into so many cells."""
    heading = figure.title if right else f" {figure.title}"
    cells = _RIGHT_HEADING if right else _HEADING - brief
    lead: list[Piece] = [(f"{fit(heading, cells - 1)} ", Ink.HEADING), (figure.text, Tone.STRONG)]
    between = ", " if brief else "  "
    for detail in (figure.short,) if brief else (figure.detail, figure.short):
        line: list[Piece] = [*lead, (f"{between}{detail}", Tone.PLAIN)]
        if detail and line_width(line) <= width:
            return tuple(line)
    return tuple(lead)


def _notes(view: UseView, width: int) -> list[Line]:
    return _joined([(span.text, span.tone) for span in view.notes], " ", width)


def _joined(pieces: Iterable[Piece], indent: str, width: int) -> list[Line]:
    """Sentences one after the other, none of them broken while it fits into a line."""
    lines: list[list[Piece]] = []
    for piece in pieces:
        if not lines or line_width([*lines[-1], piece]) + 1 > width:
            lines.append([(indent, Tone.PLAIN), piece])
        else:
            lines[-1] += [(" ", Tone.PLAIN), piece]
    return [fit_line(line, width) for line in lines]


def _bars(
    bars: UseBars | None, width: int, height: int, now: datetime, zone: tzinfo | None, glyphs: Glyphs
) -> list[Line]:
    if width < MIDDLE_FROM or height < 15:
        return []
    if bars is None or not any(column.use.requests for column in bars.columns):
        # the table says so
        return [] if is_wide(width) else [()]
    if height < _CHART_FROM:
        none = "." if glyphs is ASCII else "·"
        line, told = spark_line(bars, now, zone, glyphs.levels, none)
        pieces: Line = ((" " * _SPARK_AT, Tone.PLAIN), (line, Ink.BAR), (f"  {told}", Tone.DIM))
        return [fit_line(pieces, width, glyphs.ellipsis), ()]
    rows = min(_CHART_MOST, _CHART + max(0, height - 37) // 4)
    drawn = bar_lines(bars, width, rows, now, zone, ascii_only=glyphs is ASCII)
    return [*(fit_line(span_pieces(line, glyphs), width, glyphs.ellipsis) for line in drawn), ()]


# --- the table


def _table(view: UseView, table: Table, width: int, room: int, glyphs: Glyphs) -> tuple[list[Line], int]:
    lines = [heading_line(view.heading, table, width, glyphs)]
    count = len(view.rows)
    shown = count if count <= room else max(1, room - 1)
    top = min(max(0, count - shown), max(0, table.top))
    top = min(top, table.selected)
    top = max(top, table.selected - shown + 1)
    lines += [
        row_line(view.rows[number], table, width, glyphs, selected=number == table.selected)
        for number in range(top, min(count, top + shown))
    ]
    if count > shown:
        lines.append(fit_line(((f"   {glyphs.text(words.more(count - shown))}", Tone.DIM),), width))
    if count:
        lines.append(row_line(view.total, table, width, glyphs, selected=False))
    else:
        told = words.NO_MATCH() if view.count else words.NOTHING()
        lines.append(fit_line(((f"   {told}", Tone.DIM),), width, glyphs.ellipsis))
    return lines, top


# --- below it

#: how many of the last requests, of the ideas and of the lines of coverage; whether blank lines part them
_PLANS: Final = (
    (3, 2, 4, True),
    (3, 1, 3, True),
    (2, 1, 2, True),
    (2, 0, 2, True),
    (0, 0, 1, True),
    (0, 0, 0, False),
)
_PLANS_NARROW: Final = ((2, 1, 2, True), (2, 1, 1, True), (2, 0, 2, True), (0, 0, 2, True), (0, 0, 0, False))


def _below(
    view: UseView, latest: int, ideas: int, coverage: int, airy: bool, width: int, glyphs: Glyphs
) -> list[Line]:
    wide = is_wide(width)
    parts = [
        _latest(view, latest, width, glyphs),
        _ideas(view, ideas, width, glyphs),
        _coverage(view, coverage, width, glyphs),
    ]
    lines: list[Line] = []
    for part in parts:
        if part:
            lines += [*([()] if airy else []), *part]
    if not wide:
        # on a wide screen it stands with the figures
        lines += _not_billed(width, glyphs)
    return lines


def _not_billed(width: int, glyphs: Glyphs) -> list[Line]:
    indent = " " if width < MIDDLE_FROM else " " * _HEADING
    text = words.NOT_BILLED() if width >= MIDDLE_FROM else words.NOT_BILLED_SHORT()
    return [fit_line(((f"{indent}{text}", Tone.DIM),), width, glyphs.ellipsis)]


def _latest(view: UseView, most: int, width: int, glyphs: Glyphs) -> list[Line]:
    wide = is_wide(width)
    shown = [(each, each.who if wide else each.who_short) for each in view.latest[:most]]
    model = min(22 if wide else 13, max((cell_len(each.model) for each, _ in shown), default=0))
    time = max((cell_len(each.time) for each, _ in shown), default=0)
    who = min(36 if wide else 12, max((cell_len(name) for _, name in shown), default=0))
    lines = []
    for number, (each, name) in enumerate(shown):
        left: list[Piece] = [
            (fit("" if number else f" {words.LATEST()}", _HEADING), Ink.HEADING),
            (fit(each.time, time) + "  ", Tone.DIM),
            (fit(each.model, model, glyphs.ellipsis) + "  ", Tone.PLAIN),
            (fit(name, who, glyphs.ellipsis) + "  ", Tone.PLAIN),
            (each.took if wide else each.took_short, Tone.DIM),
        ]
        cost: list[Piece] = [(fit_right(each.cost, 9), Tone.PLAIN)]
        lines.append(spread(left, cost, min(width, _WIDEST), glyphs.ellipsis))
    return lines


def _ideas(view: UseView, most: int, width: int, glyphs: Glyphs) -> list[Line]:
    heading = words.IDEAS() if len(view.ideas[:most]) > 1 else words.IDEA()
    lines = []
    for number, (text, short) in enumerate(view.ideas[:most]):
        lead: Piece = (fit("" if number else f" {heading}", _HEADING), Ink.HEADING)
        told = text if line_width([lead, (text, Tone.PLAIN)]) <= width else short
        lines.append(fit_line((lead, (told, Tone.PLAIN)), width, glyphs.ellipsis))
    return lines


def _coverage(view: UseView, most: int, width: int, glyphs: Glyphs) -> list[Line]:
    wide = is_wide(width)
    lead: Piece = (fit(f" {words.COVERAGE()}", _HEADING), Ink.HEADING)
    indent = " " * _HEADING
    if wide:
        lines = [fit_line(((indent, Tone.PLAIN), (each.text, each.tone)), width) for each in view.coverage]
    else:
        # what the marks before costs mean stands with the figures of a wide screen
        told = [(each.short, each.tone) for each in view.coverage if each.short]
        told += [(span.text, span.tone) for span in view.notes_short]
        first = [fit_line(((indent, Tone.PLAIN), piece), width, glyphs.ellipsis) for piece in told[:1]]
        lines = [*first, *_joined(told[1:], indent, width)]
    lines = lines[:most]
    if lines:
        (_, *rest), *others = lines
        lines = [(lead, *rest), *others]
    return lines
