"""The pool at a glance, above the wall, in three densities and as one line over the hive."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum

from msgspec import Struct
from rich.cells import cell_len

from poolwatch.domain.values import replace
from poolwatch.presentation.view import Figure, Glyph, StripView, Tone
from poolwatch.ui.appearance import Glyphs, span_pieces
from poolwatch.ui.cells import (
    Ink,
    Line,
    Piece,
    StyleName,
    cut,
    fit,
    fit_line,
    fit_right,
    fit_words,
    line_width,
    spread,
)
from poolwatch.words import interface
from poolwatch.words import screen as words

_TITLE = 10
_BETWEEN_PARTS = re.compile(r" · |, |; ")


class Density(StrEnum):
    """How much room the screen has."""

    WIDE = "wide"
    MEDIUM = "medium"
    SMALL = "small"


def density_of(width: int, height: int) -> Density:
    """The density for a terminal of that size."""
    if width >= 110 and height >= 30:
        return Density.WIDE
    if width >= 76 and height >= 20:
        return Density.MEDIUM
    return Density.SMALL


#: Between what stands at the right end of the title line.
_GAP = "   "


class Mode(Struct, frozen=True):
    """What the operator has switched, for the right end of the title line."""

    #: "sort need · table"
    words: str
    #: what holds or hides something: "read-only", "paused", "masked", "filter plus"
    switches: tuple[str, ...] = ()
    help_key: str = "?"
    hive: bool = False
    #: cards show the fullest account themselves
    cards: bool = False


def strip_lines(
    view: StripView, mode: Mode, density: Density, width: int, glyphs: Glyphs
) -> tuple[Line, ...]:
    """The lines of the strip, each in exactly `width` cells."""
    if density is Density.SMALL:
        lines = _small(view, mode, width, glyphs)
    elif density is Density.MEDIUM:
        lines = [_medium_title(view, mode, width, glyphs), *_medium(view, mode, width, glyphs)]
    else:
        lines = [_wide_title(view, mode, width, glyphs)]
        lines += (
            [_one_line(view, width, glyphs, brief=False)] if mode.hive else [(), *_wide(view, width, glyphs)]
        )
        lines.append(())
    notices = [
        fit_line(((" ", Tone.PLAIN), *span_pieces((notice,), glyphs)), width, glyphs.ellipsis)
        for notice in view.notices
    ]
    if density is Density.SMALL:
        notices = notices[:1]
    at = len(lines) - 1 if density is Density.WIDE else len(lines)
    return (*lines[:at], *notices, *lines[at:])


def _help(mode: Mode) -> list[Piece]:
    return [(f"   {mode.help_key}", Ink.KEY), (f" {interface.text('help')} ", Tone.DIM)]


def _title_line(
    left: list[Piece],
    view: StripView,
    mode: Mode,
    beside: Sequence[str],
    end: list[Piece],
    width: int,
    glyphs: Glyphs,
) -> Line:
    """The left end whole, then what is switched and how many alerts fire, and of what else as much as fits.

    What comes first of that goes first: how fresh it all is says less than what is switched, or fires.
    """
    badges = " · ".join(mode.switches)
    room = width - line_width(left) - line_width(end) - 2
    fires = [(view.alerts.text, view.alerts.tone)] if view.alerts is not None else []
    pieces: list[Piece] = []
    for index in range(len(beside) + 1):
        quiet = _GAP.join(text for text in beside[index:] if text)
        pieces = []
        for piece in (*fires, *([(quiet, Tone.DIM)] if quiet else [])):
            pieces += [*([(_GAP, Tone.PLAIN)] if pieces or badges else []), piece]
        if cell_len(badges) + line_width(pieces) <= room:
            break
    if line_width(pieces) > room:
        pieces = []
    # what the operator reads first is not cut for a long filter
    told = cut(badges, max(0, room - line_width(pieces)), glyphs.ellipsis)
    right: list[Piece] = [("  ", Tone.PLAIN), (told, Tone.ACCENT), *pieces, *end]
    return spread(left, right, width, glyphs.ellipsis)


def _wide_title(view: StripView, mode: Mode, width: int, glyphs: Glyphs) -> Line:
    left: list[Piece] = [
        (f" {words.PROGRAM}  ", Ink.BRAND),
        (view.name, Tone.STRONG),
        (" · " if view.name else "", Tone.DIM),
        (interface.counted(view.accounts, view.sources), Tone.PLAIN),
    ]
    return _title_line(left, view, mode, (view.freshness, mode.words), _help(mode), width, glyphs)


def _counts(view: StripView, glyphs: Glyphs) -> list[Piece]:
    """`✕3 ◐13 ●44`: what is none is dim."""
    out: list[Piece] = []
    for count, glyph, style in (
        (view.needs_you, Glyph.NEEDS_YOU, Tone.RED),
        (view.exhausted, Glyph.EXHAUSTED, Tone.AMBER),
        (view.active, Glyph.ACTIVE, Tone.GOOD),
        (view.rest, Glyph.NEVER_READ, Tone.DIM),
    ):
        if glyph is Glyph.NEVER_READ and not count:
            continue
        out += [(f"{glyphs.status[glyph]}{count}", style if count else Tone.DIM), (" ", Tone.PLAIN)]
    return out


def _medium_title(view: StripView, mode: Mode, width: int, glyphs: Glyphs) -> Line:
    name = view.name or words.PROGRAM
    left: list[Piece] = [
        (f" {name}", Ink.BRAND),
        (f" · {interface.counted(view.accounts, 0)}   ", Tone.PLAIN),
        *_counts(view, glyphs),
    ]
    return _title_line(left, view, mode, (view.freshness_short,), _help(mode), width, glyphs)


def _wide(view: StripView, width: int, glyphs: Glyphs) -> list[Line]:
    needs = Tone.RED if view.needs_you else Tone.DIM
    numbers = view.accounts, view.exhausted, view.rest - view.disabled, view.disabled
    counts = interface.active_of(*numbers), interface.active_of(*numbers, brief=True)
    left: list[list[Piece]] = [
        [
            _title(words.NEEDS_YOU(), 12),
            (fit_right(str(view.needs_you), 4), Tone.RED if view.needs_you else Tone.PLAIN),
            (f"   {view.needs_you_detail}", needs),
        ],
        [
            _title(words.ACTIVE(), 12),
            (fit_right(str(view.active), 4), Tone.STRONG),
            (f"   {counts[0]}", Tone.DIM),
        ],
    ]
    if view.credits is not None:
        left.append(
            [
                _title(view.credits.title, 12),
                (" " + view.credits.text, Tone.STRONG),
                (
                    f"  {view.credits.detail}",
                    view.credits.tone if view.credits.tone is not Tone.PLAIN else Tone.DIM,
                ),
            ]
        )
    if view.burn is not None:
        beside = f" · {view.burn.detail}" if view.burn.detail else ""
        left.append([_title(view.burn.title, 12), (" " + view.burn.text, Tone.STRONG), (beside, Tone.DIM)])
    if view.balances is not None:
        balances = view.balances
        more = f" · {balances.detail}" if balances.detail else ""
        left.append([_title(balances.title, 12), (" " + balances.text, balances.tone), (more, Tone.DIM)])
    on_the_right = (view.next_up, view.next_back, view.highest_weekly, view.outlook, view.budgets)
    right = [figure for figure in on_the_right if figure is not None]
    labelled = min(24, max((cell_len(figure.text) for figure in right), default=0) + 2)
    # each half takes what it needs of the room that the other one leaves
    needed = max((cell_len(figure.detail) for figure in right), default=0) + _TITLE + labelled + 2
    wanted = max(line_width(line) for line in left) + 2
    # where both want more than there is, a part of what lies ahead goes before a part of what was used
    may_go = (view.outlook, view.budgets)
    details = (_first_part(each.detail) if each in may_go else each.detail for each in right)
    least = max(map(cell_len, details), default=0) + _TITLE + labelled + 2
    tight = min(wanted, max(width // 2 - 8, width - least))
    half = max(1, min(max(wanted, width // 2 - 3), max(width - needed, tight)))
    who = view.needs_you_detail, view.needs_you_short or view.needs_you_detail
    for line, told in zip(left, (who, counts), strict=False):
        *before, (_, style) = line
        room = half - 2 - line_width(before) - 3
        line[-1] = (f"   {_in_parts(told, room, glyphs)}", style)
    of_parts = [figure for figure in (view.burn, view.balances) if figure is not None]
    for line in left[len(left) - len(of_parts) :]:
        *before, (told_parts, style) = line
        if told_parts:
            line[-1] = (_in_parts((told_parts,), half - 2 - line_width(before), glyphs), style)
    lines: list[Line] = []
    for index in range(max(len(left), len(right))):
        start = fit_line(left[index] if index < len(left) else (), half - 2, glyphs.ellipsis)
        rest: list[Piece] = [("  ", Tone.PLAIN)]
        if index < len(right):
            *figure, (detail, style) = _figure(right[index], labelled, glyphs)
            room = width - 1 - line_width((*start, *rest, *figure))
            # in short the outlook says again what stands before it
            brief = "" if right[index] is view.outlook else right[index].short
            rest += [*figure, (_in_parts((detail, brief or detail), room, glyphs), style)]
        lines.append((*fit_line((*start, *rest), width - 1, glyphs.ellipsis), (" ", Tone.PLAIN)))
    return lines


def _first_part(detail: str) -> str:
    """What of a detail stays when the rest of it goes, and the mark for that."""
    gap = _BETWEEN_PARTS.search(detail)
    return detail if gap is None else detail[: gap.start() + 1]


def _in_parts(forms: Sequence[str], cells: int, glyphs: Glyphs) -> str:
    """The first form that fits, else the first parts of the last one: a count stands with its whole word."""
    told = forms[-1]
    shorter = [told[: gap.start()] + glyphs.ellipsis for gap in _BETWEEN_PARTS.finditer(told)]
    return next((text for text in (*forms, *reversed(shorter)) if cell_len(text) <= cells), told)


def _title(title: str, cells: int) -> Piece:
    return (" " + fit(title, cells - 1), Ink.HEADING)


def _figure(figure: Figure, cells: int, glyphs: Glyphs, title: int = _TITLE + 1) -> list[Piece]:
    return [
        (fit(figure.title, title), Ink.HEADING),
        (fit(figure.text, cells - 1, glyphs.ellipsis) + " ", _text_style(figure)),
        (figure.detail, _detail_style(figure)),
    ]


def _text_style(figure: Figure) -> StyleName:
    return Tone.ACCENT if figure.tone is Tone.ACCENT else Tone.STRONG


def _detail_style(figure: Figure) -> StyleName:
    return Tone.DIM if figure.tone in (Tone.PLAIN, Tone.ACCENT) else figure.tone


def _medium(view: StripView, mode: Mode, width: int, glyphs: Glyphs) -> list[Line]:
    if mode.hive:
        return [_one_line(view, width, glyphs, brief=True)]
    highest = None if mode.cards and view.outlook is not None else view.highest_weekly
    outlook, credits, burn = view.outlook, view.credits, view.burn
    if burn is not None and credits is not None and burn.short:
        credits = _with(credits, " · ", burn.short)
    if burn is not None and outlook is not None:
        more = f"{burn.text} · {burn.short}" if burn.short and credits is None else burn.text
        outlook, burn = _with(outlook, "; ", more), None
    figures = (view.next_up, view.next_back, highest, outlook, burn, credits, view.balances)
    there = [figure for figure in figures if figure is not None]
    cells = min(22, max((cell_len(figure.text) for figure in there), default=0) + 2)
    return [
        fit_line(((" ", Tone.PLAIN), *_whole(figure, cells, width - 1, glyphs)), width, glyphs.ellipsis)
        for figure in there
    ]


def _with(figure: Figure, mark: str, more: str) -> Figure:
    """The figure with more beside it, as far as there is room."""
    return replace(
        figure, detail=f"{figure.detail}{mark}{more}" if figure.detail else more, short=figure.detail
    )


def _whole(figure: Figure, cells: int, width: int, glyphs: Glyphs) -> list[Piece]:
    """A figure in one line: its name may take more than its column, and what does not fit beside it goes."""
    cells = max(cells, min(cell_len(figure.text) + 2, width // 2))
    room = width - _TITLE - 1 - cells
    detail = figure.detail if cell_len(figure.detail) <= room else figure.short or figure.detail
    return [
        *_figure(figure, cells, glyphs)[:-1],
        (fit_words(detail, room, glyphs.ellipsis), _detail_style(figure)),
    ]


def _short(label: str) -> str:
    """An e-mail without its host, where there is no room for it."""
    return label.partition("@")[0] or label


def _small(view: StripView, mode: Mode, width: int, glyphs: Glyphs) -> list[Line]:
    name = view.name or words.PROGRAM
    fresh = view.freshness_tiny or view.freshness_short
    needed = cell_len(" · ".join(mode.switches) or fresh) + 3
    needed += cell_len(view.alerts.text) + 3 if view.alerts is not None else 0
    for accounts in (f" · {interface.counted(view.accounts, 0)}   ", f" {view.accounts}   "):
        left: list[Piece] = [(f" {name}", Ink.BRAND), (accounts, Tone.PLAIN), *_counts(view, glyphs)]
        if line_width(left) + needed <= width:
            break
    out = [_title_line(left, view, mode, (fresh,), [(" ", Tone.PLAIN)], width, glyphs)]
    figures = [figure for figure in (view.next_up, view.next_back) if figure is not None]
    ahead = view.outlook.short if view.outlook is not None else ""
    if figures or ahead:
        out.append(_up_and_back(figures, ahead, view, width, glyphs))
    return out


def _up_and_back(figures: list[Figure], ahead: str, view: StripView, width: int, glyphs: Glyphs) -> Line:
    """Who is next, who comes back, and whether the pool lasts.

    All in full, else without the hosts of e-mails; else without whoever comes back, without the outlook.
    """
    last: list[Piece] = []
    if ahead and view.outlook is not None:
        style = Tone.PLAIN if view.outlook.tone is Tone.PLAIN else view.outlook.tone
        last = [(f"    {ahead}" if figures else f" {ahead}", style)]

    def drawn(shown: list[Figure], label: Callable[[str], str], last: list[Piece]) -> list[Piece]:
        out: list[Piece] = []
        for figure in shown:
            title = figure.title.rpartition(" ")[2].lower()
            out += [
                (f"    {title} " if out else f" {fit(title, 4)} ", Ink.HEADING),
                (label(figure.text), Tone.STRONG),
                ("" if figure is view.next_up else " " + figure.detail.partition(",")[0], Tone.PLAIN),
            ]
        return out + last

    for line in (
        drawn(figures, str, last),
        drawn(figures, _short, last),
        drawn(figures[:1], str, last),
        drawn(figures[:1], _short, last),
        drawn(figures[:1], str, []),
    ):
        if line_width(line) <= width:
            break
    return fit_line(line, width, glyphs.ellipsis)


def _one_line(view: StripView, width: int, glyphs: Glyphs, *, brief: bool) -> Line:
    """The figures on one line; `brief` where the title has the counts already."""
    counts: list[Piece] = [
        (f" {words.NEEDS_YOU()} ", Ink.HEADING),
        (str(view.needs_you), Tone.RED if view.needs_you else Tone.PLAIN),
        (f"   {words.ACTIVE()} ", Ink.HEADING),
        (str(view.active), Tone.STRONG),
        (f" {words.of_all(view.accounts)}", Tone.DIM),
    ]
    out: list[Piece] = [] if brief else counts
    # an outlook that is not known has a reason, which takes more room than it is worth here
    outlook = view.outlook if view.outlook is not None and view.outlook.short else None

    def pieces_of(figure: Figure, told: str) -> list[Piece]:
        pieces: list[Piece] = [
            (f"   {figure.title} ", Ink.HEADING),
            (_short(figure.text) if brief else figure.text, _text_style(figure)),
        ]
        return pieces if figure in (view.next_up, outlook) else [*pieces, (f" {told}", _detail_style(figure))]

    def fitted(back: str) -> list[list[Piece]]:
        """What fits, first the three that the smallest screen has, too."""
        room, shown = width - 1 - line_width(out), list[list[Piece]]()
        for figure in (view.next_back, outlook, view.next_up, view.highest_weekly):
            if figure is not None:
                pieces = pieces_of(figure, back if figure is view.next_back else figure.short)
                if line_width(pieces) <= room:
                    room -= line_width(pieces)
                    shown.append(pieces)
        return shown

    back = view.next_back.short if view.next_back is not None else ""
    # how many come back after the first one says less than any other figure
    shown = max(fitted(back), fitted(back.partition(",")[0]), key=len)
    line = [*out, *(piece for pieces in shown for piece in pieces)]
    if not out and line:
        line[0] = (line[0][0][2:], line[0][1])
    return fit_line(line, width, glyphs.ellipsis)
