"""The table: which columns it has at which width, and one line for an account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct
from rich.cells import cell_len

from poolwatch.domain.usage import FIVE_HOURS, WEEKLY
from poolwatch.domain.values import replace
from poolwatch.presentation.figures import UNKNOWN
from poolwatch.presentation.rows import is_short
from poolwatch.presentation.view import CardView, Shown, SortKey, Tone, Turn, WindowRow
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
from poolwatch.words import interface as words

#: The mark of the selection, the status glyph, and a blank.
LEAD: Final = 3
PERCENT: Final = 5
#: `23h 59m` and a blank before it.
RESETS: Final = 8
AGE: Final = 5
PLAN: Final = 5
_PLAN_SOON: Final = 8
_PLAN_MOST: Final = 16
SOURCE: Final = 14
COMPACT_BELOW: Final = 66
SOURCE_FROM: Final = 149
USD_FROM: Final = 131
_GAP: Final = 2
_BAR: Final = 8
#: A bar gives so much of itself for names and words that would be cut.
_BAR_LEAST: Final = 6
_BAR_MOST: Final = 16
_ACCOUNT_LEAST: Final = 16
_ACCOUNT_MOST: Final = 40
_STATUS_LEAST: Final = 15
_STATUS_MOST: Final = 33
#: Room for status and account is given in rounds, up to these widths each time.
_ROUNDS: Final = ((22, 28), (_STATUS_MOST, _ACCOUNT_MOST))
_NAME: Final = 9
#: The tone of how far a refresh is.
TURN_TONES: Final = {
    Turn.WAITS: Tone.DIM,
    Turn.RUNS: Tone.ACCENT,
    Turn.OK: Tone.GOOD,
    Turn.FAILED: Tone.AMBER,
}
_UNDER_WAY: Final = (Turn.WAITS, Turn.RUNS)


class Content(Struct, frozen=True):
    """What the table has to hold: widths in cells of the longest texts, 0 for what no account has."""

    label: int = 0
    status: int = 0
    credits: int = 0
    usd: int = 0
    plan: int = 0
    short: bool = True
    long: bool = True

    @classmethod
    def of(cls, cards: Iterable[CardView]) -> Content:
        """The content of these cards."""
        label = status = credits = usd = plan = 0
        short = long = False
        for card in cards:
            label = max(label, cell_len(card.label))
            status = max(status, cell_len(card.status))
            plan = max(plan, cell_len(card.plan))
            if card.credits is not None:
                credits = max(credits, cell_len(card.credits.balance))
                usd = max(usd, cell_len(card.credits.usd))
            for row in card.windows:
                if is_short(row.name):
                    short = True
                else:
                    long = True
        return cls(label, status, credits, usd, plan, short, long or not short)

    def together(self, other: Content) -> Content:
        """What holds both."""
        return Content(
            max(self.label, other.label),
            max(self.status, other.status),
            max(self.credits, other.credits),
            max(self.usd, other.usd),
            max(self.plan, other.plan),
            self.short or other.short,
            self.long or other.long,
        )


class Columns(Struct, frozen=True):
    """The widths in cells of one table; 0 for a column that is not there. They add up to `width`."""

    width: int
    account: int
    plan: int = 0
    source: int = 0
    status: int = 0
    #: cells of a bar in each of the window columns, 0 for figures alone
    bar: int = 0
    short: bool = False
    short_resets: bool = False
    long: bool = False
    long_resets: bool = False
    credits: int = 0
    usd: int = 0
    age: bool = False
    #: one column for the scarcest window in place of the window columns; its name's width
    scarcest: int = 0

    def used(self) -> int:
        """The cells that all columns take."""
        total = LEAD + self.account
        for width in (self.plan, self.source, self.status, self.credits, self.usd):
            total += _GAP + width if width else 0
        for there, resets in ((self.short, self.short_resets), (self.long, self.long_resets)):
            if there:
                total += _GAP + (self.bar + 1 if self.bar else 0) + PERCENT
                total += RESETS if resets else 0
        if self.scarcest:
            total += _GAP + self.scarcest + PERCENT + (RESETS if self.long_resets else 0)
        return total + (AGE if self.age else 0)


def choose(width: int, content: Content) -> Columns:
    """The columns for a table of `width` cells.

    As the width shrinks they leave in this order: source, USD, bars, plan, credits, the short
    window's resets, age.
    """
    if width < COMPACT_BELOW:
        return _compact(width)
    credits = max(8, content.credits) if content.credits else 0
    usd = max(7, content.usd) if content.usd and credits else 0
    source = SOURCE if width >= SOURCE_FROM else 0
    plan = min(_PLAN_SOON, max(PLAN, content.plan))
    rest = {"short": content.short, "short_resets": content.short, "long": content.long}
    for candidate in (
        Columns(width, 0, plan, source, _STATUS_LEAST, _BAR, credits=credits, usd=usd, **rest),
        Columns(width, 0, plan, 0, _STATUS_LEAST, _BAR, credits=credits, usd=usd, **rest),
        Columns(width, 0, plan, 0, _STATUS_LEAST, _BAR, credits=credits, **rest),
        Columns(width, 0, plan, 0, _STATUS_LEAST, credits=credits, **rest),
        Columns(width, 0, 0, 0, _STATUS_LEAST, credits=credits, **rest),
        Columns(width, 0, 0, 0, _STATUS_LEAST, **rest),
        Columns(width, 0, 0, 0, _STATUS_LEAST, **{**rest, "short_resets": False}),
    ):
        columns = replace(candidate, long_resets=content.long, age=True)
        if columns.usd and width < USD_FROM:
            continue
        if columns.used() + min(max(_ACCOUNT_LEAST, content.label), _ACCOUNT_LEAST + 4) <= width:
            return _grown(columns, content)
    return _compact(width)


def _grown(columns: Columns, content: Content) -> Columns:
    groups = columns.short + columns.long
    if columns.bar and groups:
        wanted = min(content.label, _ACCOUNT_MOST) + max(_STATUS_LEAST, min(content.status, _STATUS_MOST))
        missing = wanted - (columns.width - columns.used() + columns.status)
        shorter = min(_BAR - _BAR_LEAST, max(0, -(-missing // groups)))
        columns = replace(columns, bar=columns.bar - shorter)
    spare = columns.width - columns.used()
    account = min(spare, max(_ACCOUNT_LEAST, min(content.label, _ACCOUNT_LEAST + 4)))
    spare -= account
    status = columns.status
    for status_most, account_most in _ROUNDS:
        more = min(spare, max(0, min(content.status, status_most) - status))
        status, spare = status + more, spare - more
        more = min(spare, max(0, min(content.label, account_most) - account))
        account, spare = account + more, spare - more
    plan = columns.plan
    if plan:
        more = min(spare, max(0, min(content.plan, _PLAN_MOST) - plan))
        plan, spare = plan + more, spare - more
    more_bar = 0
    if columns.bar and groups:
        more_bar = max(0, min(_BAR_MOST - columns.bar, (spare - 4) // groups))
        spare -= more_bar * groups
    return replace(columns, account=account + spare, plan=plan, status=status, bar=columns.bar + more_bar)


def _compact(width: int) -> Columns:
    for columns in (
        Columns(width, 0, scarcest=_NAME, long_resets=True, age=True),
        Columns(width, 0, scarcest=_NAME, long_resets=True),
        Columns(width, 0, scarcest=_NAME),
    ):
        if columns.used() + _ACCOUNT_LEAST <= width:
            return replace(columns, account=width - columns.used())
    return Columns(width, max(0, width - LEAD))


def orders(columns: Columns) -> tuple[SortKey, ...]:
    """What each column is sorted by, from left to right."""
    there: list[tuple[SortKey, object]] = [
        (SortKey.NAME, True),
        (SortKey.SOURCE, columns.source),
        (SortKey.PLAN, columns.plan),
        (SortKey.NEED, columns.status),
        (SortKey.FIVE_HOURS, columns.short),
        (SortKey.FIVE_HOURS_RESET, columns.short and columns.short_resets),
        (SortKey.WEEKLY, columns.long),
        (SortKey.WEEKLY_RESET, columns.long and columns.long_resets),
        (SortKey.SCARCEST, columns.scarcest),
        (SortKey.SCARCEST_RESET, columns.scarcest and columns.long_resets),
        (SortKey.CREDITS, columns.credits),
        # an amount in another unit
        (SortKey.CREDITS, columns.usd),
        (SortKey.AGE, columns.age),
    ]
    return tuple(order for order, is_there in there if is_there)


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
    bare = columns.status and not columns.bar
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
        if columns.bar:
            told = f"{words.text(f'column.{name}')} {word}"
            told += arrow if order is sorted_by else ""
            out.append(("  " + fit(told, columns.bar + 1 + PERCENT), Ink.HEADING))
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
    mark = glyphs.ellipsis
    out: list[Piece] = [
        (glyphs.pointer if selected else " ", Ink.MARK),
        (glyphs.status[card.glyph], card.tone),
        (glyphs.flag(card.flag), Ink.MARK),
        (fit(card.label, columns.account, mark), Tone.STRONG if selected else Tone.PLAIN),
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
            out += _window(_slot(card.windows, short=short), columns, glyphs, resets, unread=card.unread)
    if columns.scarcest:
        out += _scarcest(card, columns, mark)
    credits = card.credits
    if columns.credits:
        style = _credits_style(card)
        out.append(("  " + fit_right(credits.balance if credits else "", columns.credits, mark), style))
    if columns.usd:
        out.append(("  " + fit_right(credits.usd if credits else "", columns.usd, mark), quiet))
    if columns.age:
        out.append((fit_right(card.age, AGE, mark), quiet))
    return fit_line(out, columns.width, mark)


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
    slot: tuple[WindowRow | None, str], columns: Columns, glyphs: Glyphs, resets: bool, *, unread: bool
) -> list[Piece]:
    window, name = slot
    width = 2 + (columns.bar + 1 if columns.bar else 0) + PERCENT + (RESETS if resets else 0)
    if window is None:
        text = " " * (width - (RESETS if resets else 0) - 1) + UNKNOWN if unread else ""
        return [(fit(text, width), Tone.DIM)]
    style: StyleName = Tone.STALE if window.stale else window.tone
    quiet: StyleName = Tone.STALE if window.stale else Tone.PLAIN if window.full else Tone.DIM
    out: list[Piece] = []
    if columns.bar:
        out.append(("  ", Tone.PLAIN))
        if name:
            out.append((fit(name, columns.bar + 1, glyphs.ellipsis), quiet))
        else:
            out += bar(window, columns.bar, glyphs)
            out.append((" ", Tone.PLAIN))
    elif name and not resets:
        # a figure under the heading of another window would be taken for that one's
        return [(" " * width, quiet)]
    else:
        out.append(("  ", quiet))
    out.append((fit_percent(window.percent, PERCENT), style))
    if resets:
        # without a bar the name of a window that the heading does not name stands where its reset would
        beside = window.resets if columns.bar or not name else name
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
    """The bar of a window; one without a figure is blank."""
    if window.fraction is None:
        return [(" " * cells, Ink.TRACK)]
    filled, empty = glyphs.bar(window.fraction, cells)
    style: StyleName = Ink.BAR if window.tone is Tone.PLAIN else window.tone
    return [(filled, Tone.STALE if window.stale else style), (empty, Ink.TRACK)]
