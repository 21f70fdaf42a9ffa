"""The table: its headings, and one line for an account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from poolwatch.domain.usage import FIVE_HOURS, WEEKLY
from poolwatch.presentation.figures import UNKNOWN
from poolwatch.presentation.rows import is_short
from poolwatch.presentation.view import AtReset, CardView, Shown, SortKey, Tone, Turn, WindowRow
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import (
    Ink,
    Line,
    Piece,
    StyleName,
    fit,
    fit_line,
    fit_percent,
    fit_right,
    fit_words,
    line_width,
)
from poolwatch.ui.widgets.columns import AGE, AT_RESET, PERCENT, RESETS, Columns
from poolwatch.words import interface as words
from poolwatch.words import outlook

_NOT_YET: Final = AtReset(UNKNOWN)
#: The tone of how far a refresh is.
TURN_TONES: Final = {
    Turn.WAITS: Tone.DIM,
    Turn.RUNS: Tone.ACCENT,
    Turn.OK: Tone.GOOD,
    Turn.FAILED: Tone.AMBER,
}
_UNDER_WAY: Final = (Turn.WAITS, Turn.RUNS)


def header(columns: Columns, shown: Shown, sorted_by: SortKey | None = None, arrow: str = "") -> Line:
    """The line of headings; it says whether figures are used or left, and which column is sorted by."""
    word = words.text(f"column.{shown.value}")

    def named(name: str, order: SortKey) -> str:
        told = words.text(f"column.{name}")
        return told + arrow if order is sorted_by else told

    out: list[Piece] = [
        ("   ", Ink.HEADING),
        (fit(named("account", SortKey.NAME), columns.account), Ink.HEADING),
    ]
    _head(out, named("source", SortKey.SOURCE), columns.source)
    _head(out, named("plan", SortKey.PLAN), columns.plan)
    bare = columns.status and columns.bars < columns.short + columns.long
    status = named("status", SortKey.NEED)
    if bare:
        # without bars a window's column is too narrow for the word, so it stands once, before them
        status += fit_right(f"{word}:", columns.status - cell_len(status))
    _head(out, status, columns.status)
    for there, resets, name, order, reset_order in (
        (columns.short, columns.short_resets, "short", SortKey.FIVE_HOURS, SortKey.FIVE_HOURS_RESET),
        (columns.long, columns.long_resets, "long", SortKey.WEEKLY, SortKey.WEEKLY_RESET),
    ):
        if not there:
            continue
        cells = columns.bar_in(short=name == "short")
        if cells:
            told = f"{words.text(f'column.{name}')} {word}"
            told += arrow if order is sorted_by else ""
            out.append(("  " + fit(told, cells + 1 + PERCENT), Ink.HEADING))
        else:
            # the arrow takes the room that keeps the word apart from the column before it
            narrow = name == "long" and order is sorted_by
            out.append((fit_right(named("long_narrow" if narrow else name, order), 2 + PERCENT), Ink.HEADING))
        if resets:
            out.append((fit_right(named("resets", reset_order), RESETS), Ink.HEADING))
    if columns.scarcest:
        told = named("scarcest", SortKey.SCARCEST)
        told += f" {word}" if sorted_by is SortKey.SCARCEST else f", {word}"
        out.append(("  " + fit(told, columns.scarcest + PERCENT), Ink.HEADING))
        if columns.long_resets:
            out.append((fit_right(named("resets", SortKey.SCARCEST_RESET), RESETS), Ink.HEADING))
    if columns.at_reset:
        told = fit_right(named("at_reset", SortKey.AT_RESET), AT_RESET)
        out.append((fit(told, columns.at_reset), Ink.HEADING))
    if columns.credits:
        out.append(("  " + fit_right(named("credits", SortKey.CREDITS), columns.credits), Ink.HEADING))
    if columns.usd:
        out.append(("  " + fit_right(words.text("column.usd"), columns.usd), Ink.HEADING))
    if columns.age:
        out.append((fit_right(named("age", SortKey.AGE), AGE), Ink.HEADING))
    return fit_line(out, columns.width)


def _head(out: list[Piece], word: str, width: int) -> None:
    if width:
        out.append(("  " + fit(word, width), Ink.HEADING))


def section_line(heading: str, width: int, glyphs: Glyphs) -> Line:
    """A section's heading, ruled to the right edge."""
    head: Line = ((" ", Ink.HEADING), (f"{heading} ", Ink.HEADING))
    room = width - line_width(head)
    return fit_line((*head, (glyphs.rule * max(0, room), Ink.RULE)), width, glyphs.ellipsis)


def row(card: CardView, columns: Columns, glyphs: Glyphs, *, selected: bool) -> Line:
    """One account in exactly `columns.width` cells."""
    quiet: StyleName = Tone.STALE if card.stale else Tone.DIM
    # without its age the row itself says that it is old
    name: StyleName = Tone.PLAIN if columns.age or not card.stale else Tone.STALE
    mark = glyphs.ellipsis
    out: list[Piece] = [
        (glyphs.pointer if selected else " ", Ink.MARK),
        (glyphs.status[card.glyph], card.tone),
        (glyphs.flag(card.flag), Ink.MARK),
        (fit(card.label, columns.account, mark), Tone.STRONG if selected else name),
    ]
    if columns.source:
        out.append(("  " + fit(card.source, columns.source, mark), Tone.DIM))
    if columns.plan:
        out.append(("  " + fit(card.plan, columns.plan, mark), Tone.DIM))
    if columns.status:
        status, tone = _status(card)
        badge = f"{glyphs.status[card.status_glyph]} " if card.status_glyph is not None else ""
        badge = "" if card.turn in _UNDER_WAY else badge
        told = fit_words(status, max(0, columns.status - cell_len(badge)), mark)
        out.append((f"  {badge}{told}", tone))
    for there, short, resets in (
        (columns.short, True, columns.short_resets),
        (columns.long, False, columns.long_resets),
    ):
        if there:
            cells, slot = columns.bar_in(short=short), _slot(card.windows, short=short)
            out += _window(slot, cells, glyphs, resets, unread=card.unread)
    if columns.scarcest:
        out += _scarcest(card, columns, mark)
    if columns.at_reset:
        out += _at_reset(card.at_reset or _NOT_YET, columns.at_reset, glyphs)
    credits = card.credits
    if columns.credits:
        style = _credits_style(card)
        out.append(("  " + fit_right(credits.balance if credits else "", columns.credits, mark), style))
    if columns.usd:
        out.append(("  " + fit_right(credits.usd if credits else "", columns.usd, mark), quiet))
    if columns.age:
        out.append((fit_right(card.age, AGE, mark), quiet))
    return fit_line(out, columns.width, mark)


def _at_reset(ahead: AtReset, cells: int, glyphs: Glyphs) -> list[Piece]:
    """The figure or the word under its heading, and the interval beside it."""
    quiet: StyleName = Tone.STALE if ahead.tone is Tone.STALE else Tone.DIM
    out: list[Piece] = [(" " + fit_right(ahead.text, AT_RESET - 1, glyphs.ellipsis), ahead.tone)]
    if cells > AT_RESET:
        out.append((fit_right(ahead.band, cells - AT_RESET, glyphs.ellipsis), quiet))
    return out


def legend(width: int, glyphs: Glyphs, shown: Shown) -> Line:
    """What the words of the column mean, as far as there is room."""
    out: list[Piece] = []
    for word, means in outlook.legend(left=shown is Shown.LEFT):
        lead, gap = (" ", "  ") if not out else (" · ", " ")
        out += [(lead, Tone.DIM), (word, Ink.HEADING if not out else Tone.PLAIN), (gap + means, Tone.DIM)]
    return fit_line(out, width, glyphs.ellipsis)


def turn_words(turn: Turn) -> str:
    """How far a refresh is, in a word."""
    return words.text(f"turn.{turn.value}")


def _status(card: CardView) -> tuple[str, Tone]:
    """The status words; how a refresh ended stands behind them, and outlasts them where both do not fit."""
    turn = card.turn
    if turn is None:
        return card.status, card.tone
    if turn in _UNDER_WAY:
        return turn_words(turn), TURN_TONES[turn]
    tone = card.tone if turn is Turn.OK or card.needs_you else TURN_TONES[turn]
    return f"{card.status} · {turn_words(turn)}", tone


def _credits_style(card: CardView) -> StyleName:
    if card.credits is None:
        return Tone.PLAIN
    return Tone.STALE if card.credits.stale else card.credits.tone


def _slot(windows: Sequence[WindowRow], *, short: bool) -> tuple[WindowRow | None, str]:
    """The window of a column, and its name where the column's heading does not say it."""
    usual = FIVE_HOURS if short else WEEKLY
    found = [window for window in windows if is_short(window.name) is short]
    for window in found:
        if window.kind == usual:
            return window, ""
    return (found[0], found[0].name) if found else (None, "")


def _window(
    slot: tuple[WindowRow | None, str], cells: int, glyphs: Glyphs, resets: bool, *, unread: bool
) -> list[Piece]:
    window, name = slot
    width = 2 + (cells + 1 if cells else 0) + PERCENT + (RESETS if resets else 0)
    if window is None:
        text = " " * (width - (RESETS if resets else 0) - 1) + UNKNOWN if unread else ""
        return [(fit(text, width), Tone.DIM)]
    style: StyleName = Tone.STALE if window.stale else window.tone
    quiet: StyleName = Tone.STALE if window.stale else Tone.PLAIN if window.full else Tone.DIM
    out: list[Piece] = []
    if cells:
        out.append(("  ", Tone.PLAIN))
        if name:
            out.append((fit(name, cells + 1, glyphs.ellipsis), quiet))
        else:
            out += bar(window, cells, glyphs)
            out.append((" ", Tone.PLAIN))
    elif name and not resets:
        # a figure under the heading of another window would be taken for that one's
        return [(" " * width, quiet)]
    else:
        out.append(("  ", quiet))
    out.append((fit_percent(window.percent, PERCENT), style))
    if resets:
        # without a bar the name of a window that the heading does not name stands where its reset would
        beside = window.resets if cells or not name else name
        out.append((fit_right(beside, RESETS, glyphs.ellipsis), quiet))
    return out


def _scarcest(card: CardView, columns: Columns, mark: str) -> list[Piece]:
    window = card.scarcest
    width = columns.scarcest + PERCENT
    if window is None or card.needs_you or card.turn in _UNDER_WAY:
        # it has no reset to show beside it
        whole = width + (RESETS if columns.long_resets else 0)
        status, tone = _status(card)
        return [("  " + fit_words(status, whole, mark), tone)]
    style: StyleName = Tone.STALE if window.stale else window.tone
    out: list[Piece] = [
        ("  " + fit(window.bucket or window.name, columns.scarcest, mark), Tone.DIM),
        (fit_percent(window.percent, PERCENT), style),
    ]
    if columns.long_resets:
        beside, quiet = (window.resets, Tone.DIM)
        if card.turn is not None:
            beside, quiet = turn_words(card.turn), TURN_TONES[card.turn]
        out.append((fit_right(beside, RESETS, mark), quiet))
    return out


def bar(window: WindowRow, cells: int, glyphs: Glyphs) -> list[Piece]:
    """The bar of a window, with a mark where even use would stand; one without a figure is blank."""
    if window.fraction is None:
        return [(" " * cells, Ink.TRACK)]
    filled, empty = glyphs.bar(window.fraction, cells)
    style: StyleName = Ink.BAR if window.tone is Tone.PLAIN else window.tone
    style = Tone.STALE if window.stale else style
    if window.even is None or cells <= 0:
        return [(filled, style), (empty, Ink.TRACK)]
    at = min(cells - 1, int(window.even * cells))
    if filled[at : at + 1] == glyphs.bar_full:
        return [(filled[:at] + glyphs.even_used + filled[at + 1 :], style), (empty, Ink.TRACK)]
    free = max(0, at - len(filled))
    rest = cells - at - 1
    return [
        (filled[:at], style),
        (empty[:free], Ink.TRACK),
        (glyphs.even_free, Tone.STALE if window.stale else Tone.DIM),
        (glyphs.bar_empty * rest, Ink.TRACK),
    ]
