"""`status` on a terminal: the table of the screen, as wide as that, with its glyphs, bars and colours."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable
from typing import Final

from rich.color import ColorSystem
from rich.style import Style

from poolwatch.bootstrap.console import can_draw, say_drawn
from poolwatch.domain.account import AccountKey
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.state import PoolState
from poolwatch.domain.text import visible
from poolwatch.domain.values import replace
from poolwatch.presentation.card import card_view
from poolwatch.presentation.order import sections
from poolwatch.presentation.status_text import balances_figure
from poolwatch.presentation.strip import strip_view
from poolwatch.presentation.view import Figure, Prefs, SortKey, StripView, Tone
from poolwatch.ui.appearance import Glyphs, sixteen_styles, span_pieces
from poolwatch.ui.cells import Ink, Line, Piece, fit, fit_line, line_width, wrap
from poolwatch.ui.widgets.columns import Content, choose
from poolwatch.ui.widgets.table import header, row, section_line
from poolwatch.words import commands as words
from poolwatch.words import screen

#: What a terminal says of itself is believed so far.
_WIDEST: Final = 1000


def terminal_width() -> int:
    """The columns of the terminal that stdout is; as elsewhere COLUMNS comes first."""
    return max(1, min(shutil.get_terminal_size().columns, _WIDEST))


def status_lines(
    overview: PoolOverview,
    state: PoolState,
    prefs: Prefs,
    pool_name: str,
    keys: Collection[AccountKey],
    width: int,
    glyphs: Glyphs,
) -> list[Line]:
    """Every account among `keys` in sections, after a few lines about the whole pool; none is wider."""
    timed = replace(prefs, clock_offset=overview.now - overview.own_now)
    strip = strip_view(overview, state, prefs, pool_name)
    lines = _pool(strip, balances_figure(state, overview, prefs), width, glyphs)
    shown = sections(overview, SortKey.NEED, False, prefs, keys)
    cards = {key: card_view(overview.by_key[key], overview.now, timed) for part in shown for key in part.keys}
    if not cards:
        none = words.NO_MATCH() if overview.accounts else words.NO_ACCOUNTS()
        return [*lines, (), fit_line(((none, Tone.PLAIN),), width, glyphs.ellipsis)]
    columns = choose(width, Content.of(cards.values()))
    lines += [(), header(columns, prefs.shown)]
    for part in shown:
        lines.append(section_line(part.heading, width, glyphs))
        lines += [row(cards[key], columns, glyphs, selected=False) for key in part.keys]
    return lines


def print_lines(lines: Iterable[Line], glyphs: Glyphs) -> None:
    """Print lines on the terminal; NO_COLOR and TERM are minded. No text from outside steers it."""
    say_drawn(*(_drawn(line, glyphs) for line in lines))


def plain_text(lines: Iterable[Line], glyphs: Glyphs) -> str:
    """The lines as text, for where there is no terminal."""
    texts = (glyphs.text(visible("".join(text for text, _ in line), _WIDEST)).rstrip() for line in lines)
    return "".join(f"{text}\n" for text in texts)


def _drawn(line: Line, glyphs: Glyphs) -> str:
    system = ColorSystem.STANDARD if can_draw(os.environ) else None
    styles = sixteen_styles(lift=False)
    pieces = []
    for piece, look in line:
        style = Style() if look is Tone.PLAIN else styles[look]
        if os.environ.get("NO_COLOR"):
            style = style.without_color
        pieces.append((glyphs.text(visible(piece, _WIDEST)), style))
    while pieces and not pieces[-1][0].strip():
        pieces.pop()
    return "".join(style.render(text, color_system=system) for text, style in pieces)


def _pool(strip: StripView, balances: Figure | None, width: int, glyphs: Glyphs) -> list[Line]:
    head = words.pool_line(strip.name, strip.accounts, strip.sources, strip.freshness)
    lines = [fit_line(((head, Tone.STRONG),), width, glyphs.ellipsis)]
    for notice in strip.notices:
        lines += wrap(span_pieces((notice,), glyphs), width)
    there = (
        *(strip.next_up, strip.next_back, strip.credits, balances, strip.highest_weekly),
        *(strip.burn, strip.outlook),
    )
    figures = [each for each in there if each is not None]
    if strip.needs_you:
        figures.insert(0, Figure(screen.NEEDS_YOU(), str(strip.needs_you), strip.needs_you_detail, Tone.RED))
    titles = max((len(figure.title) for figure in figures), default=0)
    return [*lines, *(_figure(figure, titles, width, glyphs) for figure in figures)]


def _figure(figure: Figure, titles: int, width: int, glyphs: Glyphs) -> Line:
    begun: list[Piece] = [(f"{fit(figure.title, titles)}  ", Ink.HEADING), (figure.text, Tone.STRONG)]
    look = Tone.DIM if figure.tone in (Tone.PLAIN, Tone.ACCENT) else figure.tone
    said = [(f"  {detail}", look) for detail in (figure.detail, figure.short) if detail]
    fitting = next((each for each in said if line_width([*begun, each]) <= width), None)
    whole = [*begun, fitting] if fitting is not None else [*begun, *said[:1]]
    return fit_line(whole, width, glyphs.ellipsis)
