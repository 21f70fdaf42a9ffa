"""`history` for people: a chart as on the screen, as wide as the terminal, and what it says in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from poolwatch.domain.series import Series
from poolwatch.domain.values import replace
from poolwatch.presentation.balance_history import (
    BalanceScene,
    balance_chart,
    balance_told_lines,
    figure_of_balance,
)
from poolwatch.presentation.chart import Chart, MarkKind
from poolwatch.presentation.figures import clock, local_time
from poolwatch.presentation.history import Scene, figure_text, told_lines
from poolwatch.presentation.history_chart import history_chart, note
from poolwatch.presentation.masking import shown, shown_name
from poolwatch.presentation.past_windows import past_windows
from poolwatch.presentation.plot import plot
from poolwatch.presentation.view import Prefs, Tone
from poolwatch.ui.appearance import ASCII, Glyphs, span_pieces
from poolwatch.ui.cells import Line, fit_line
from poolwatch.ui.widgets.history import is_wide, past_lines, sentence_lines
from poolwatch.words import history as words

#: The lines of a chart that stands alone, and of one among many.
_ROWS: Final = 16
_ROWS_OF_MANY: Final = 9
#: So many past windows below a chart that stands alone.
_PAST: Final = 6
#: With fewer columns there is no chart to see.
_NARROWEST: Final = 30


def history_lines(
    scenes: Sequence[Scene], balances: Sequence[BalanceScene], width: int, glyphs: Glyphs, *, is_over: bool
) -> list[Line]:
    """A chart for each account and balance; of one alone, also what is told of it on the screen.

    `is_over`: they end before now, and there is nothing to foretell.
    """
    width = max(width, _NARROWEST)
    if len(scenes) == 1 and not balances:
        [scene] = scenes
        lines = _chart_lines(scene, width, _ROWS, glyphs, is_over=is_over)
        if not is_over:
            lines += [(), *sentence_lines(told_lines(scene, short=not is_wide(width)), width, glyphs)]
        if scene.figure.series is Series.WINDOW:
            lines += [(), *past_lines(past_windows(scene), _PAST, width, glyphs)]
        return lines
    if len(balances) == 1 and not scenes:
        [balance] = balances
        lines = _balance_lines(balance, width, _ROWS, glyphs, is_over=is_over)
        return lines if is_over else [*lines, (), *sentence_lines(balance_told_lines(balance), width, glyphs)]
    rows = _ROWS_OF_MANY
    blocks = [_chart_lines(each, width, rows, glyphs, is_over=is_over) for each in scenes]
    blocks += [_balance_lines(each, width, rows, glyphs, is_over=is_over) for each in balances]
    found: list[Line] = []
    for block in blocks:
        found += [*([()] if found else []), *block]
    return found


def _chart_lines(scene: Scene, width: int, rows: int, glyphs: Glyphs, *, is_over: bool) -> list[Line]:
    chart, prefs = history_chart(scene), scene.prefs
    name, figure = shown_name(scene.account, mask=prefs.mask), figure_text(scene.figure)
    lines = _titled(chart, (name, figure, scene.now), prefs, width, rows, glyphs, is_over=is_over)
    said = note(scene, chart)
    return [*lines, fit_line(((f" {said}", Tone.DIM),), width, glyphs.ellipsis)] if said else lines


def _balance_lines(
    scene: BalanceScene, width: int, rows: int, glyphs: Glyphs, *, is_over: bool
) -> list[Line]:
    prefs, name = scene.prefs, scene.state.name
    about = shown(name, mask=prefs.mask), figure_of_balance(scene), scene.now
    return _titled(balance_chart(scene), about, prefs, width, rows, glyphs, is_over=is_over)


def _titled(
    chart: Chart,
    about: tuple[str, str, datetime],
    prefs: Prefs,
    width: int,
    rows: int,
    glyphs: Glyphs,
    *,
    is_over: bool,
) -> list[Line]:
    """A chart under its title; `about`: whose, which figure, and when it ends."""
    name, figure, now = about
    if is_over:
        chart = replace(chart, marks=tuple(each for each in chart.marks if each.kind is not MarkKind.NOW))
    since = words.since(clock(chart.start, now, prefs.zone))
    if is_over:
        ends = (f"{local_time(at, prefs.zone):%Y-%m-%d %H:%M}" for at in (chart.start, now))
        since = words.from_to(*ends)
    told = f" · {figure} · {since}"
    title = fit_line(((f" {name}", Tone.STRONG), (told, Tone.PLAIN)), width, glyphs.ellipsis)
    drawn = plot(chart, width, rows, ascii_only=glyphs is ASCII)
    return [title, *(tuple(span_pieces(line, glyphs)) for line in drawn.lines)]
