"""What stands below the chart of many accounts: who uses them, what comes back, and the hours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from poolwatch.presentation.figures import UNKNOWN
from poolwatch.presentation.pool_use import HourBars, Relief, Share
from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, fit, fit_line, fit_right
from poolwatch.ui.widgets.history import is_wide
from poolwatch.words import history as words

_NAME: Final = 24
_NAME_NARROW: Final = 26
_SHARE: Final = 6
_BAR: Final = 14
_WEEK: Final = 15
_AT_RESET: Final = 11
#: Where the list of what comes back begins beside the other.
_RELIEF_AT: Final = 78
_TIME: Final = 13
#: An hour in which nothing was used.
_NONE: Final = "·"


def use_lines(
    shares: Sequence[Share],
    reliefs: Sequence[Relief],
    hours: HourBars,
    selected: int,
    width: int,
    glyphs: Glyphs,
) -> tuple[Line, ...]:
    """All of it; `selected` is the line of the account that ⏎ opens."""
    use = _use(shares, selected, width, glyphs)
    relief = _reliefs(reliefs, glyphs)
    by_hour = _by_hour(hours, width, glyphs)
    if not is_wide(width):
        return (*use, (), *by_hour, (), *(fit_line(line, width, glyphs.ellipsis) for line in relief))
    nothing: Line = ()
    both = zip_longest(use, relief, fillvalue=nothing)
    beside = [fit_line((*fit_line(one, _RELIEF_AT), *other), width, glyphs.ellipsis) for one, other in both]
    return (*beside, (), *by_hour)


def _use(shares: Sequence[Share], selected: int, width: int, glyphs: Glyphs) -> list[Line]:
    wide = is_wide(width)
    name, bar = (_NAME, _BAR + 2) if wide else (_NAME_NARROW, 0)
    heading: Line = (
        (fit(f" {words.WHO() if wide else words.WHO_SHORT()}", name), Ink.HEADING),
        (fit_right(words.SHARE(), _SHARE) + " " * bar, Ink.HEADING),
        (fit_right(words.OF_WEEK(), _WEEK), Ink.HEADING),
        (fit_right(words.AT_RESET(), _AT_RESET), Ink.HEADING),
    )
    if not shares:
        return [heading, ((f" {words.NOBODY_USES()}", Tone.DIM),)]
    lines = [heading]
    for number, share in enumerate(shares):
        mark = glyphs.pointer if number == selected and share.judged is not None else " "
        filled, empty = glyphs.bar(share.fraction, _BAR if wide else 0)
        tone = Tone.PLAIN if share.judged is not None else Tone.DIM
        pieces: list[Piece] = [
            (mark, Ink.MARK),
            (fit(share.name, name - 1, glyphs.ellipsis), tone),
            (fit_right(share.share, _SHARE), tone),
        ]
        if wide:
            pieces += [("  ", Tone.PLAIN), (filled, Ink.BAR), (empty, Ink.TRACK)]
        pieces.append((fit_right(share.of_week, _WEEK), tone))
        if share.at_reset is not None:
            pieces.append((fit_right(share.at_reset.text, _AT_RESET), share.at_reset.tone))
        lines.append(tuple(pieces))
    return lines


def _reliefs(reliefs: Sequence[Relief], glyphs: Glyphs) -> list[Line]:
    lines: list[Line] = [((f" {words.RELIEF()}", Ink.HEADING),)]
    for relief in reliefs:
        time = fit(f" {relief.time}", _TIME, glyphs.ellipsis)
        lines.append(((time, Tone.PLAIN), (f"  {relief.what}", Tone.DIM)))
    return lines if reliefs else [*lines, ((f" {words.NO_RELIEF()}", Tone.DIM),)]


def _by_hour(hours: HourBars, width: int, glyphs: Glyphs) -> list[Line]:
    lead: Piece = (fit(f" {words.BY_HOUR()}", 24), Ink.HEADING)
    bars = "".join(
        glyphs.level(level) if level else glyphs.text(UNKNOWN if level is None else _NONE)
        for level in hours.levels
    )
    if is_wide(width) or not bars:
        pieces: Line = (lead, (f"{bars}   " if bars else "", Ink.BAR), (hours.told, Tone.DIM))
        return [fit_line(pieces, width, glyphs.ellipsis)]
    told: Line = ((" " * 24, Tone.PLAIN), (hours.told, Tone.DIM))
    return [fit_line((lead, (bars, Ink.BAR)), width), fit_line(told, width, glyphs.ellipsis)]
