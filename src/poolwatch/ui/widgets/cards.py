"""Cards: a border in the status colour, name and plan in its head, state and age in its foot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.cells import cell_len

from poolwatch.domain.usage import WEEKLY
from poolwatch.presentation.figures import UNKNOWN
from poolwatch.presentation.view import CardView, CreditsRow, Note, Tone, WindowRow
from poolwatch.ui.appearance import Frame, Glyphs
from poolwatch.ui.cells import (
    Ink,
    Line,
    Piece,
    StyleName,
    cut,
    fit,
    fit_line,
    fit_percent,
    fit_right,
    fit_words,
    line_width,
)
from poolwatch.ui.widgets.table import bar
from poolwatch.words import interface as words

#: A card needs this many cells, the gap to its neighbour included.
STRIDE_LEAST: Final = 40
GAP: Final = 2
HEIGHT_LEAST: Final = 3
HEIGHT_MOST: Final = 10
#: What head and foot take beside their texts: corners, one piece of the border and a blank at each end.
_ENDS: Final = 6
_NAME: Final = 8
_NAME_MOST: Final = 12
_PERCENT: Final = 4
_RESETS: Final = 8
_EDGES: Final[dict[StyleName, Ink]] = {
    Tone.GOOD: Ink.EDGE_GOOD,
    Tone.AMBER: Ink.EDGE_AMBER,
    Tone.RED: Ink.EDGE_RED,
}
#: What is left of a plan says something from here on.
_PLAN_LEAST: Final = 6


def wanted_height(card: CardView) -> int:
    """The lines that show everything of a card, within reason."""
    rows = len(card.windows) + len(card.extras) + len(card.notes)
    rows += (card.credits is not None) + (card.outlook is not None)
    return min(HEIGHT_MOST, max(HEIGHT_LEAST, 2 + rows))


def block(card: CardView, width: int, height: int, glyphs: Glyphs, *, selected: bool) -> tuple[Line, ...]:
    """The card in exactly `height` lines of `width` cells."""
    frame = glyphs.heavy_frame if selected else glyphs.frame
    edge = _EDGES.get(card.tone, Ink.EDGE_DIM)
    inner = max(0, width - 4)
    rows = list(_rows(card, inner, glyphs))
    room = max(0, height - 2)
    if len(rows) > room:
        hidden = len(rows) - room + 1
        more: list[Piece] = [(words.text("more_rows", count=hidden), Tone.DIM)]
        rows = [*rows[: max(0, room - 1)], more][:room]
    rows += [[]] * (room - len(rows))
    left, right = (frame.down + " ", edge), (" " + frame.down, edge)
    lines = [
        _head(card, width, frame, glyphs, edge),
        *(fit_line((left, *fit_line(row, inner, glyphs.ellipsis), right), width) for row in rows),
        _foot(card, width, frame, glyphs, edge),
    ]
    return tuple(lines[:height])


def _head(card: CardView, width: int, frame: Frame, glyphs: Glyphs, edge: Ink) -> Line:
    dots = glyphs.ellipsis
    room = max(0, width - _ENDS - 2)
    # the name says which account it is: the plan gives way to it
    spare = room - cell_len(card.label) - 3
    plan = card.plan
    if cell_len(plan) > spare:
        plan = fit_words(plan, spare, dots).rstrip() if spare >= _PLAN_LEAST else ""
        plan = plan if plan != dots else cut(card.plan, spare, dots)
    name = cut(card.label, room, dots)
    flag: Piece = (glyphs.flag(card.flag), Ink.MARK)
    left: list[Piece] = [(glyphs.status[card.glyph], card.tone), flag, (name, Tone.STRONG)]
    return _border(
        left, [(plan, Tone.DIM)], width, (frame.top_left, frame.across, frame.top_right), card.tone
    )


def tells_progress(card: CardView, width: int) -> bool:
    """Whether a card of that width has room for what its refresh says."""
    return bool(card.progress) and cell_len(_told(card, max(0, width - _ENDS))[0]) <= width - _ENDS


def _told(card: CardView, room: int) -> tuple[str, str]:
    """What stands in the foot at its two ends; what a refresh says goes before the age."""
    told, age = card.foot.text, card.foot_age
    if not card.progress:
        return told, age
    texts = [told, card.progress_short] if card.progress_short else [told]
    for text in texts:
        for beside in (age, ""):
            if cell_len(text) + (cell_len(beside) + 3 if beside else 0) <= room:
                return text, beside
    return texts[-1], ""


def _foot(card: CardView, width: int, frame: Frame, glyphs: Glyphs, edge: Ink) -> Line:
    room = max(0, width - _ENDS)
    told, age = _told(card, room)
    told = cut(told, room - (cell_len(age) + 3 if age else 0), glyphs.ellipsis)
    quiet = Tone.STALE if card.stale else Tone.DIM
    corners = (frame.bottom_left, frame.across, frame.bottom_right)
    return _border([(told, card.foot.tone)], [(age, quiet)], width, corners, edge)


def _border(
    left: list[Piece], right: list[Piece], width: int, parts: tuple[str, str, str], style: StyleName
) -> Line:
    """A horizontal border with texts at its two ends."""
    start, across, end = parts
    has_left, has_right = line_width(left) > 0, line_width(right) > 0
    head: list[Piece] = [(start + across, style)]
    tail: list[Piece] = [(across + end, style)]
    if has_left:
        head += [(" ", style), *left, (" ", style)]
    if has_right:
        tail = [(" ", style), *right, (" ", style), *tail]
    between = max(0, width - line_width(head) - line_width(tail))
    return fit_line((*head, (across * between, style), *tail), width, "")


def _rows(card: CardView, width: int, glyphs: Glyphs) -> Iterable[list[Piece]]:
    bars = (*card.windows, *card.extras)
    percent = min(_PERCENT + 1, max((cell_len(row.percent) for row in bars), default=0))
    percent = max(_PERCENT, percent)
    #: what belongs to the bar above it has no name
    above = [note for note in card.notes if not note.name]
    for window in card.windows:
        yield _window(window, window.name, width, percent, glyphs)
        if card.outlook is not None and window.kind == WEEKLY:
            yield _note(card.outlook, width, glyphs)
    yield from (_note(note, width, glyphs) for note in above)
    for window in card.extras:
        yield _window(window, window.bucket, width, percent, glyphs)
    yield from (_note(note, width, glyphs) for note in card.notes if note.name)
    if card.credits is not None:
        yield _credits(card.credits, width)


def _named(width: int) -> int:
    return max(_NAME, min(_NAME_MOST, width - 28))


def _window(window: WindowRow, name: str, width: int, percent: int, glyphs: Glyphs) -> list[Piece]:
    quiet: StyleName = Tone.STALE if window.stale else Tone.PLAIN if window.full else Tone.DIM
    style: StyleName = Tone.STALE if window.stale else window.tone
    named = _named(width)
    room = max(0, width - named - 1 - percent - _RESETS)
    return [
        (fit(fit(name, named - 1, glyphs.ellipsis), named), quiet),
        *bar(window, room, glyphs),
        (" " + fit_percent(window.percent, percent), style),
        (fit_right(window.resets, _RESETS, glyphs.ellipsis), quiet),
    ]


def _note(note: Note, width: int, glyphs: Glyphs) -> list[Piece]:
    named = _named(width)
    style: StyleName = Tone.STALE if note.stale else note.tone
    is_wrong = note.tone in (Tone.RED, Tone.AMBER)
    end = f" {note.end}" if note.end else ""
    return [
        (fit(note.name, named, glyphs.ellipsis), style if is_wrong or note.stale else Tone.DIM),
        (
            fit_words(note.text, max(0, width - named - cell_len(end)), glyphs.ellipsis),
            Tone.PLAIN if is_wrong and note.name and not note.stale else style,
        ),
        (end, style),
    ]


def _credits(credits: CreditsRow, width: int) -> list[Piece]:
    quiet: StyleName = Tone.STALE if credits.stale else Tone.DIM
    style: StyleName = Tone.STALE if credits.stale else credits.tone
    balance = words.text("unknown") if credits.balance == UNKNOWN else credits.balance
    out: list[Piece] = [(fit(words.text("credits"), _named(width)), quiet), (balance, style)]
    if credits.usd:
        out.append((("  " if credits.usd.startswith("-") else "   ") + credits.usd, quiet))
    gap = width - line_width(out) - cell_len(credits.mark or credits.per_hour)
    if credits.mark:
        out.append((" " * max(1, gap) + credits.mark, style))
    elif credits.per_hour and gap > 0:
        out.append((" " * gap + credits.per_hour, quiet))
    return out
