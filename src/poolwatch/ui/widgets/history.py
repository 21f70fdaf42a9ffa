"""What stands around the chart of a history: its title, its sentences, past windows, hours and events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Final

from msgspec import Struct

from poolwatch.presentation.figures import UNKNOWN
from poolwatch.presentation.past_windows import PastEvent, PastWindow, PastWindows, WeekGrid
from poolwatch.presentation.view import DetailLine, Tone
from poolwatch.ui.appearance import ASCII, Glyphs
from poolwatch.ui.cells import (
    Ink,
    Line,
    Piece,
    fit,
    fit_line,
    fit_right,
    fit_words,
    line_width,
    spread,
    wrap,
)
from poolwatch.words import history as words

#: From this width on a screen says all of a sentence, and has the hours beside the past windows.
_WIDE_FROM: Final = 110
#: From this height on there are blank lines.
_AIRY_FROM: Final = 34
#: The lines of the chart: marks, at least four rows, and the axis of time with its texts.
_CHART_LEAST: Final = 7
_CHART_MOST: Final = 25

_HEADING: Final = 10
_HEADING_WIDE: Final = 11
_SPAN: Final = 20
_PEAK: Final = 6
_BAR: Final = 16
_ENDED: Final = 24
_FULL: Final = 10
#: From this width on past windows have bars.
_BARS_FROM: Final = 84
#: Where the grid of hours begins beside the past windows.
_GRID_AT: Final = 84
#: It moves to here, to the end of these, where it is as wide as this and all of its hours would not fit.
_GRID_LEAST: Final = 81
_GRID: Final = 33
_DAY: Final = 5
_SHADES: Final = "·░▒▓█"
#: `-` is unknown, as everywhere
_SHADES_ASCII: Final = ".:+*#"


def is_wide(width: int) -> bool:
    """Whether there is room for all of a sentence."""
    return width >= _WIDE_FROM


def chart_rows(height: int) -> int:
    """How many lines the chart has on a screen of that height: 7 of 15, 12 of 24, 16 of 40."""
    if height < 24:
        return max(_CHART_LEAST, height - 12)
    return min(_CHART_MOST, 12 if height < 30 else 12 + (height - 30) * 4 // 10)


def past_most(height: int) -> int:
    """How many past windows are named on a screen of that height."""
    if height < 24:
        return 2
    return 4 if height < _AIRY_FROM else max(6, 6 + height - 40)


class Headline(Struct, frozen=True):
    """The title: whose, which figure and how far back; and at the right which of how many."""

    name: str
    about: str
    about_short: str
    about_least: str
    position: str


def title_line(headline: Headline, help_text: str, width: int, glyphs: Glyphs) -> Line:
    """In one line; what does not fit is said shorter."""
    left: list[Piece] = [
        (f" {words.TITLE()}", Ink.BRAND),
        (f"  {headline.name}", Tone.STRONG),
        (f"  {headline.about}", Tone.DIM),
    ]
    right: list[Piece] = [(f"  {headline.position}", Tone.PLAIN), (f"   {help_text} ", Tone.DIM)]
    if line_width([*left, *right]) > width:
        left[-1] = (f"  {headline.about_short}", Tone.DIM)
    if line_width([*left, *right]) > width:
        right = right[1:]
    if line_width([*left, *right]) > width:
        left[-1] = (f"  {headline.about_least}", Tone.DIM)
    return spread(left, right, width, glyphs.ellipsis)


def sentence_lines(lines: Iterable[DetailLine], width: int, glyphs: Glyphs, aside: str = "") -> list[Line]:
    """Each under its heading; what goes together is not broken while it fits into a line of its own.

    `aside` stands at the right of the first line, where there is room.
    """
    heading = _HEADING_WIDE if is_wide(width) else _HEADING
    between = "   " if is_wide(width) else "  "
    out: list[Line] = []
    for line in lines:
        rows: list[list[Piece]] = [[]]
        for span in line.spans:
            pieces = wrap(((span.text, span.tone),), max(8, width - heading))
            for number, piece in enumerate(pieces):
                gap: list[Piece] = [(between, Tone.PLAIN)] if rows[-1] and not number else []
                room = width - heading - line_width(rows[-1])
                if rows[-1] and (number or line_width([*gap, *piece]) > room):
                    rows.append(list(piece))
                else:
                    rows[-1] += [*gap, *piece]
        for number, row in enumerate(rows):
            lead = fit(f" {line.heading}" if number == 0 else "", heading)
            out.append(fit_line(((lead, Ink.HEADING), *row), width, glyphs.ellipsis))
    if out and aside and not out[0][-1][0].strip() and len(out[0][-1][0]) > len(aside) + 3:
        return [spread(out[0][:-1], ((f"   {aside}", Tone.DIM),), width, glyphs.ellipsis), *out[1:]]
    return out


class Below(Struct, frozen=True):
    """What stands below the sentences of an account."""

    past: PastWindows
    #: the figure has no windows
    is_amount: bool
    grid: WeekGrid
    events: tuple[PastEvent, ...]


def below_lines(
    below: Below, width: int, height: int, glyphs: Glyphs, keys: tuple[str, str]
) -> tuple[Line, ...]:
    """Past windows, hours and events; `keys` are those that scroll down and that show all events."""
    most = past_most(height)
    scroll, events_key = keys
    past = [] if below.is_amount else past_lines(below.past, most, width, glyphs)
    grid = _grid_lines(below.grid, glyphs)
    airy: list[Line] = [()] if height >= _AIRY_FROM else []
    if is_wide(width) and past:
        nothing: Line = ()
        both = zip_longest(past, grid, fillvalue=nothing)
        lines: list[Line] = [_beside(one, other, width) for one, other in both]
        return (*lines, *airy, _events_line(below.events, events_key, width, glyphs))
    if not is_wide(width) and past and below.past.rows and below.grid.busiest:
        below_here = words.grid_below(below.grid.busiest, scroll)
        past[-1] = fit_line((*past[-1], (f"  {below_here}", Tone.DIM)), width, glyphs.ellipsis)
    rows = [*past, *airy, *(fit_line(line, width) for line in grid), *airy]
    return (*rows, *_event_lines(below.events, width, glyphs))


def _beside(one: Line, other: Line, width: int) -> Line:
    at = max(_GRID_LEAST, min(_GRID_AT, width - _GRID))
    return fit_line((*fit_line(one, at), *other), width)


def past_lines(past: PastWindows, most: int, width: int, glyphs: Glyphs) -> list[Line]:
    """So many past windows at most, below their headings."""
    has_bars = width >= _BARS_FROM
    bar = _BAR + 4 if has_bars else 2
    heading: Line = (
        (fit(f" {words.PAST_WINDOWS()}", _SPAN), Ink.HEADING),
        (fit_right(words.PEAK(), _PEAK), Ink.HEADING),
        (" " * bar, Tone.PLAIN),
        (fit(words.ENDED_BY(), _ENDED), Ink.HEADING),
        (fit_right(words.FULL_FOR(), _FULL), Ink.HEADING),
    )
    if not past.rows:
        return [heading, ((f" {words.NO_PAST()}", Tone.DIM),)]
    lines = [heading, *(_past_line(row, bar, glyphs) for row in past.rows[:most])]
    left = len(past.rows) - most
    if left > 0:
        glyph = glyphs.text(words.more_past(left, past.begun[-1]))
        lines.append(((f" {glyph}", Tone.DIM),))
    elif not is_wide(width):
        lines.append(())
    return lines


def _past_line(row: PastWindow, bar: int, glyphs: Glyphs) -> Line:
    pieces: list[Piece] = [
        (fit(f" {row.span}", _SPAN, glyphs.ellipsis), Tone.PLAIN),
        (fit_right(row.peak, _PEAK), row.tone),
    ]
    if bar > _BAR:
        filled, empty = glyphs.bar(row.fraction, _BAR)
        style = Ink.BAR if row.tone is Tone.PLAIN else row.tone
        pieces += [(" ", Tone.PLAIN), (filled, style), (empty, Ink.TRACK), ("   ", Tone.PLAIN)]
    else:
        pieces.append((" " * bar, Tone.PLAIN))
    pieces.append((fit_words(row.ended, _ENDED, glyphs.ellipsis), Tone.PLAIN))
    return (*pieces, (fit_right(row.full, _FULL), Tone.RED))


def _grid_lines(grid: WeekGrid, glyphs: Glyphs) -> list[Line]:
    shades = _SHADES_ASCII if glyphs is ASCII else _SHADES
    hours = "".join(fit(str(hour), 3) for hour in range(0, 24, 3))
    lines: list[Line] = [
        ((f" {words.WHEN_USED()}", Ink.HEADING),),
        ((" " * _DAY, Tone.PLAIN), (hours, Tone.DIM)),
    ]
    unknown = glyphs.text(UNKNOWN)
    for day, levels in zip(grid.days, grid.levels, strict=True):
        cells = "".join(unknown if level is None else shades[level] for level in levels)
        lines.append(((fit(f" {day}", _DAY), Tone.DIM), (cells, Ink.BAR)))
    none = words.NO_HOURS() if grid.is_whole else words.NO_KNOWN_HOURS()
    if grid.is_begun:
        lines.append(((f" {grid.busiest or none}", Tone.DIM),))
    if not grid.is_whole:
        lines.append(((f" {glyphs.text(words.not_read(UNKNOWN))}", Tone.DIM),))
    return lines


def _events_line(events: Sequence[PastEvent], key: str, width: int, glyphs: Glyphs) -> Line:
    """The newest events in one line, as many as fit; none is cut."""
    lead: Piece = (fit(f" {words.EVENTS()}", _HEADING_WIDE), Ink.HEADING)
    tail: Line = ((f"   {words.shows_all(key)} ", Tone.DIM),)
    if not events:
        return spread((lead, (words.NO_EVENTS(), Tone.DIM)), tail, width, glyphs.ellipsis)
    room = width - _HEADING_WIDE - line_width(tail)
    pieces: list[Piece] = []
    for event in events:
        found: list[Piece] = [("      " if pieces else "", Tone.PLAIN), *_event(event)]
        if pieces and line_width([*pieces, *found]) > room:
            break
        pieces += found
    return spread((lead, *pieces), tail, width, glyphs.ellipsis)


def _event_lines(events: Sequence[PastEvent], width: int, glyphs: Glyphs) -> list[Line]:
    if not events:
        return [fit_line(((f" {words.EVENTS()}  ", Ink.HEADING), (words.NO_EVENTS(), Tone.DIM)), width)]
    lead = [fit(f" {words.EVENTS()}", _HEADING), *[" " * _HEADING] * (len(events) - 1)]
    return [
        fit_line(((heading, Ink.HEADING), *_event(event)), width, glyphs.ellipsis)
        for heading, event in zip(lead, events[:_EVENT_LINES], strict=False)
    ]


#: No more events than these have a line of their own.
_EVENT_LINES: Final = 12


def _event(event: PastEvent) -> tuple[Piece, ...]:
    return (f"{event.time}  ", Tone.DIM), (event.text, Tone.PLAIN)


def blank_before(height: int) -> tuple[Line, ...]:
    """A blank line where there is room for one."""
    return ((),) if height >= _AIRY_FROM else ()
