"""The details of one account in lines: one column, or two where they fit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from rich.cells import cell_len

from poolwatch.presentation.figures import fit_end
from poolwatch.presentation.view import CardView, DetailLine, DetailView, SourceRow, Tone, WindowRow
from poolwatch.ui.appearance import Glyphs, span_pieces
from poolwatch.ui.cells import (
    Ink,
    Line,
    Piece,
    StyleName,
    fit,
    fit_line,
    fit_percent,
    fit_right,
    spread,
    wrap,
)
from poolwatch.ui.widgets.columns import PERCENT
from poolwatch.ui.widgets.table import bar

#: The headings stand in this many cells.
HEADING: Final = 10
_INDENT: Final = 3
_BUCKET: Final = 9
_KIND: Final = 8
_BAR_MOST: Final = 28
_RESETS_LEFT: Final = 10
#: From this width on figures stand beside what else is known.
TWO_FROM: Final = 118
_GAP: Final = 2
#: Of a hundred cells the figures have so many, and no more than they can use.
_LEFT_PART: Final = 54
_LEFT_MOST: Final = 86
_STATUS_MOST: Final = 116
#: Longer lines of text are hard to read.
_TEXT_MOST: Final = 90
#: The age of a source, and the blanks around it.
_AGE: Final = 9
_TOLD_LEAST: Final = 18


def detail_lines(view: DetailView, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """The head and all lines, each in exactly `width` cells."""
    head = [*head_lines(view, width, glyphs), fit_line((), width)]
    if width < TWO_FROM:
        return (*head, *_column(view.lines, width, glyphs))
    left = min(_LEFT_MOST, (width - _GAP) * _LEFT_PART // 100)
    right = width - left - _GAP
    nothing: Line = ((" " * left, Tone.PLAIN),)
    columns = (_column(view.figures, left, glyphs), _column(view.about, right, glyphs))
    both = zip_longest(*map(_aired, columns))
    gap: Piece = (" " * _GAP, Tone.PLAIN)
    return (*head, *(fit_line((*(one or nothing), gap, *(other or ())), width) for one, other in both))


def _aired(lines: Sequence[Line]) -> list[Line]:
    """With a blank line before each heading but the first: there is room for it."""
    out: list[Line] = []
    for line in lines:
        if out and line[0][1] is Ink.HEADING and line[0][0].strip():
            out.append(())
        out.append(line)
    return out


def _column(details: Sequence[DetailLine], width: int, glyphs: Glyphs) -> list[Line]:
    lines: list[Line] = []
    at = _window_columns(details, width)
    named = _source_column(details, width)
    for detail in details:
        if detail.window is not None:
            lines.append(_window(detail, detail.window, at, width, glyphs))
        elif _heads_windows(detail):
            lines.append(_window_head(detail, at, width, glyphs))
        elif detail.source is not None:
            lines += _source(detail, detail.source, named, width, glyphs)
        else:
            lines += _text(detail, span_pieces(detail.spans, glyphs), width, glyphs)
    return lines


def head_lines(view: DetailView, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Who it is, and how it stands."""
    card: CardView = view.card
    about = " · ".join(part for part in (card.plan, view.workspace) if part)
    first = spread(
        (
            (" ", Tone.PLAIN),
            (f"{glyphs.status[card.glyph]} ", card.tone),
            (card.label, Tone.STRONG),
            (f"  {about}" if about else "", Tone.DIM),
        ),
        ((f"  {view.read} ", Tone.STALE if card.stale else Tone.DIM),),
        width,
        glyphs.ellipsis,
    )
    indent: Piece = ("   ", Tone.PLAIN)
    told = wrap(((view.status, card.tone),), max(8, min(_STATUS_MOST, width - 4)))
    lines = [first, *(fit_line((indent, *line), width, glyphs.ellipsis) for line in told)]
    if view.command:
        lines += [
            fit_line((indent, *line), width, glyphs.ellipsis)
            for line in wrap(((view.command, Tone.ACCENT),), max(8, width - 4))
        ]
    if card.progress:
        lines.append(fit_line((indent, (card.progress, card.foot.tone)), width, glyphs.ellipsis))
    return tuple(lines)


def _heads_windows(detail: DetailLine) -> bool:
    is_title = all(span.text.isupper() for span in detail.spans)
    return bool(detail.heading) and detail.window is None and len(detail.spans) == 2 and is_title


def _window_columns(details: Sequence[DetailLine], width: int) -> tuple[int, int, int]:
    """The cells of a bucket's name, of a bar, and of an instant."""
    windows = [detail for detail in details if detail.window is not None]
    bucket = max((cell_len(detail.window.bucket) for detail in windows if detail.window), default=0)
    instant = max((cell_len(detail.resets_at) for detail in windows), default=0)
    bucket = min(14, max(_BUCKET - 2, bucket))
    rest = width - _INDENT - bucket - 1 - _KIND - 1 - PERCENT - 2 - instant - _RESETS_LEFT - 1
    return bucket, min(_BAR_MOST, max(0, rest)), instant


def _window_head(detail: DetailLine, at: tuple[int, int, int], width: int, glyphs: Glyphs) -> Line:
    bucket, cells, _ = at
    left = fit(f" {detail.heading}", _INDENT + bucket + 1 + _KIND)
    used, resets = detail.spans
    out: list[Piece] = [
        (left, Ink.HEADING),
        (fit(used.text, cells + 1 + PERCENT + 2), Ink.HEADING),
        (resets.text, Ink.HEADING),
    ]
    return fit_line(out, width, glyphs.ellipsis)


def _window(
    detail: DetailLine, window: WindowRow, at: tuple[int, int, int], width: int, glyphs: Glyphs
) -> Line:
    bucket, cells, instant = at
    dots = glyphs.ellipsis
    style: StyleName = Tone.STALE if window.stale else window.tone
    quiet: StyleName = Tone.STALE if window.stale else Tone.PLAIN
    out: list[Piece] = [
        (" " * _INDENT, Tone.PLAIN),
        (fit(window.bucket, bucket, dots) + " ", quiet),
        (fit(window.name, _KIND - 1, dots) + " ", quiet),
        *bar(window, cells, glyphs),
        (" " + fit_percent(window.percent, PERCENT), style),
        ("  " + fit(detail.resets_at, instant, dots), Tone.STALE if window.stale else Tone.DIM),
        (fit_right(window.resets, _RESETS_LEFT, dots), quiet),
    ]
    return fit_line(out, width, dots)


def _source_column(details: Sequence[DetailLine], width: int) -> tuple[int, bool]:
    """The cells of a source's name and place, and whether what it told has room beside them."""
    sources = [detail.source for detail in details if detail.source is not None]
    longest = max((cell_len(_named(source)) for source in sources), default=0)
    room = width - HEADING - _AGE
    beside = room - longest
    fits = all(cell_len(source.told) <= 2 * beside for source in sources)
    return min(longest, room), beside >= _TOLD_LEAST and fits


def _named(source: SourceRow) -> str:
    return f"{source.name} {source.place}" if source.place else source.name


def _source(
    detail: DetailLine, source: SourceRow, at: tuple[int, bool], width: int, glyphs: Glyphs
) -> list[Line]:
    named, is_beside = at
    dots = glyphs.ellipsis
    # the end of a path tells more than its beginning
    place = fit_end(source.place, named - cell_len(source.name) - 1, dots) if source.place else ""
    name = fit(f"{source.name} {place}" if place else source.name, named, dots)
    lead: list[Piece] = [
        (fit(f" {detail.heading}", HEADING), Ink.HEADING),
        (name, source.tone),
        (fit_right(source.age, _AGE - 3) + "   ", source.tone),
    ]
    indent = HEADING + named + _AGE if is_beside else HEADING + 2
    told = wrap(((source.told, Tone.DIM),), max(8, width - indent))
    first = told.pop(0) if is_beside else ()
    below: Piece = (" " * indent, Tone.PLAIN)
    return [fit_line(line, width, dots) for line in ((*lead, *first), *((below, *line) for line in told))]


def _text(detail: DetailLine, pieces: Sequence[Piece], width: int, glyphs: Glyphs) -> list[Line]:
    room = max(8, min(_TEXT_MOST, width - HEADING - 1))
    lines: list[Line] = []
    for index, line in enumerate(wrap(pieces, room)):
        heading = detail.heading if index == 0 else ""
        lead: Piece = (fit(f" {heading}", HEADING), Ink.HEADING)
        lines.append(fit_line((lead, *line), width, glyphs.ellipsis))
    return lines
