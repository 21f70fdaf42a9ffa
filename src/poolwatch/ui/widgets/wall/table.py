"""The table: one line for an account."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from poolwatch.presentation.view import CardView, Shown, Tone, WindowRow
from poolwatch.ui.cells import (
    Line,
    Look,
    Piece,
    fit,
    fit_line,
    fit_percent,
    fit_right,
    fit_words,
    line_width,
)
from poolwatch.ui.glyphs import Glyphs
from poolwatch.ui.ink import Ink
from poolwatch.ui.widgets.wall.columns import AGE, PERCENT, RESETS, Columns, is_short
from poolwatch.ui.wording import TABLE_HEADINGS as WORDS

UNKNOWN = "—"


def header(columns: Columns, shown: Shown) -> Line:
    """The line of headings; it says whether figures are used or left."""
    word = WORDS.used if shown is Shown.USED else WORDS.left
    out: list[Piece] = [("   ", Ink.HEADING), (fit(WORDS.account, columns.account), Ink.HEADING)]
    _head(out, WORDS.source, columns.source)
    _head(out, WORDS.plan, columns.plan)
    bare = columns.status and not columns.bar
    status = WORDS.status
    if bare:
        # without bars a window's column is too narrow for the word, so it stands once, before them
        status = WORDS.status + fit_right(f"{word}:", columns.status - len(WORDS.status))
    _head(out, status, columns.status)
    for there, resets, name in (
        (columns.short, columns.short_resets, WORDS.short),
        (columns.long, columns.long_resets, WORDS.long),
    ):
        if not there:
            continue
        if columns.bar:
            out.append(("  " + fit(f"{name} {word}", columns.bar + 1 + PERCENT), Ink.HEADING))
        else:
            out.append((fit_right(name, 2 + PERCENT), Ink.HEADING))
        if resets:
            out.append((fit_right(WORDS.resets, RESETS), Ink.HEADING))
    if columns.scarcest:
        out.append(("  " + fit(f"{WORDS.scarcest}, {word}", columns.scarcest + PERCENT), Ink.HEADING))
        if columns.long_resets:
            out.append((fit_right(WORDS.resets, RESETS), Ink.HEADING))
    if columns.credits:
        out.append(("  " + fit_right(WORDS.credits, columns.credits), Ink.HEADING))
    if columns.usd:
        out.append(("  " + fit_right(WORDS.usd, columns.usd), Ink.HEADING))
    if columns.age:
        out.append((fit_right(WORDS.age, AGE), Ink.HEADING))
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
    quiet: Look = Tone.STALE if card.stale else Tone.DIM
    mark = glyphs.ellipsis
    out: list[Piece] = [
        (glyphs.mark if selected else " ", Ink.MARK),
        (glyphs.status[card.glyph] + " ", card.tone),
        (fit(card.label, columns.account, mark), Tone.STRONG if selected else Tone.PLAIN),
    ]
    if columns.source:
        out.append(("  " + fit(card.source, columns.source, mark), Tone.DIM))
    if columns.plan:
        out.append(("  " + fit(card.plan_short, columns.plan, ""), Tone.DIM))
    if columns.status:
        badge = f"{glyphs.status[card.status_glyph]} " if card.status_glyph is not None else ""
        words = fit_words(card.status, max(0, columns.status - cell_len(badge)), mark)
        out.append((f"  {badge}{words}", card.tone))
    if columns.short:
        out += _window(
            _slot(card.windows, short=True), columns, glyphs, columns.short_resets, unread=card.unread
        )
    if columns.long:
        out += _window(
            _slot(card.windows, short=False), columns, glyphs, columns.long_resets, unread=card.unread
        )
    if columns.scarcest:
        out += _scarcest(card, columns, mark)
    credits = card.credits
    if columns.credits:
        look = _credits_look(card)
        out.append(("  " + fit_right(credits.balance if credits else "", columns.credits, mark), look))
    if columns.usd:
        out.append(("  " + fit_right(credits.usd if credits else "", columns.usd, mark), quiet))
    if columns.age:
        out.append((fit_right(card.age, AGE, mark), quiet))
    return fit_line(out, columns.width, mark)


def _credits_look(card: CardView) -> Look:
    if card.credits is None:
        return Tone.PLAIN
    return Tone.STALE if card.credits.stale else card.credits.tone


def _slot(windows: Sequence[WindowRow], *, short: bool) -> tuple[WindowRow | None, str]:
    """The window of a column, and its name where the column's heading does not say it."""
    usual = WORDS.short_kind if short else WORDS.long_kind
    found = [window for window in windows if is_short(window.name) is short]
    for window in found:
        if window.name == usual:
            return window, ""
    return (found[0], found[0].name) if found else (None, "")


def _window(
    slot: tuple[WindowRow | None, str], columns: Columns, glyphs: Glyphs, resets: bool, *, unread: bool
) -> list[Piece]:
    window, name = slot
    width = 2 + (columns.bar + 1 if columns.bar else 0) + PERCENT + (RESETS if resets else 0)
    if window is None:
        text = " " * (width - (RESETS if resets else 0) - 1) + UNKNOWN if unread else ""
        return [(fit(text, width), Tone.DIM)]
    look: Look = Tone.STALE if window.stale else window.tone
    quiet: Look = Tone.STALE if window.stale else Tone.PLAIN if window.full else Tone.DIM
    out: list[Piece] = []
    if columns.bar:
        out.append(("  ", Tone.PLAIN))
        if name:
            out.append((fit(name, columns.bar + 1, glyphs.ellipsis), quiet))
        else:
            out += bar(window, columns.bar, glyphs)
            out.append((" ", Tone.PLAIN))
    else:
        # the initial says that this is not the window of the heading
        out.append((f" {name[:1] or ' '}", quiet))
    out.append((fit_percent(window.percent, PERCENT), look))
    if resets:
        out.append((fit_right(window.resets, RESETS, glyphs.ellipsis), quiet))
    return out


def _scarcest(card: CardView, columns: Columns, mark: str) -> list[Piece]:
    window = card.scarcest
    width = columns.scarcest + PERCENT
    if window is None or card.needs_you:
        # it has no reset to show beside it
        whole = width + (RESETS if columns.long_resets else 0)
        return [("  " + fit_words(card.status, whole, mark), card.tone)]
    look: Look = Tone.STALE if window.stale else window.tone
    out: list[Piece] = [
        ("  " + fit(window.bucket or window.name, columns.scarcest, mark), Tone.DIM),
        (fit_percent(window.percent, PERCENT), look),
    ]
    if columns.long_resets:
        out.append((fit_right(window.resets, RESETS, mark), Tone.DIM))
    return out


def bar(window: WindowRow, cells: int, glyphs: Glyphs) -> list[Piece]:
    """The bar of a window; one without a figure is blank."""
    if window.fraction is None:
        return [(" " * cells, Ink.TRACK)]
    filled, empty = glyphs.bar(window.fraction, cells)
    look: Look = Ink.BAR if window.tone is Tone.PLAIN else window.tone
    return [(filled, Tone.STALE if window.stale else look), (empty, Ink.TRACK)]
