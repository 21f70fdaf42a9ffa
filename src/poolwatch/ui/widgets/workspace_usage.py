"""What OpenAI reports of an account's days, in lines: for the screen, and for a terminal without it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from poolwatch.domain.tokens import Origin
from poolwatch.domain.workspace_usage import Counted
from poolwatch.presentation.figures import UNKNOWN
from poolwatch.presentation.view import Tone
from poolwatch.presentation.workspace_usage import ReportBy, ReportRow, ReportView
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, fit, fit_line, fit_right, line_width, spread, wrap
from poolwatch.ui.widgets.history import is_wide
from poolwatch.words import use as use_words
from poolwatch.words import workspace_usage as words

#: From this width on a row has a bar.
_BAR_FROM: Final = 78
_HEADING: Final = 11
_NAME_OF_CLIENT_MOST: Final = 40
_CREDITS: Final = 12
_TOKENS: Final = 10
_BAR_MOST: Final = 40
#: The table has so many rows before the notes below it have any.
_ROWS_LEAST: Final = 5


def report_title(
    name: str, view: ReportView, period: str, help_text: str, width: int, glyphs: Glyphs
) -> Line:
    """Whose days, and from where they are known."""
    by = words.by_day(period, words.group(view.by))
    choice = (use_words.origin(Origin.FILES), f"‹{words.SOURCE()}›", use_words.origin(Origin.IMPORTED))
    source = f"  {use_words.SOURCE()} {' · '.join(choice)}"
    for about, places in ((f"{name} · {by}", source), (f"{name} · {by} · {words.SOURCE()}", "")):
        left: list[Piece] = [(f" {use_words.TITLE()}", Ink.BRAND), (f"  {about}", Tone.STRONG)]
        right: list[Piece] = [(places, Tone.PLAIN), (f"   {help_text} ", Tone.DIM)]
        if line_width([*left, *right]) <= width:
            break
    return spread(left, right, width, glyphs.ellipsis)


def screen_lines(
    view: ReportView, selected: int, top: int, width: int, height: int, glyphs: Glyphs
) -> tuple[tuple[Line, ...], int]:
    """All of it in at most `height` lines, and which row is the first one shown."""
    head = [*_head(view, width, glyphs), ()]
    notes = _notes(view, width)
    while notes and height - len(head) - len(notes) - 2 < min(_ROWS_LEAST, len(view.rows)):
        notes.pop(0)
    below: list[Line] = [(), *notes] if notes else []
    room = max(1, height - len(head) - len(below) - 1)
    count = len(view.rows)
    shown = count if count <= room else max(1, room - 1)
    top = max(0, min(top, count - shown, selected))
    top = max(top, selected - shown + 1)
    lines = [*head, _heading(view, width, glyphs)]
    lines += [
        _row(view.rows[at], view, width, glyphs, selected=at == selected)
        for at in range(top, min(count, top + shown))
    ]
    if count > shown:
        more = glyphs.text(use_words.more(count - shown))
        lines.append(fit_line(((f"   {more}", Tone.DIM),), width))
    if not count:
        lines.append(_nothing(width, glyphs))
    # what is said of all of it stands at the bottom
    air: list[Line] = [()] * max(0, height - len(lines) - len(below))
    return (*lines, *air, *below)[:height], top


def printed_lines(name: str, view: ReportView, period: str, width: int, glyphs: Glyphs) -> list[Line]:
    """All rows of one account, with what is to be known of them."""
    title = f" {name} · {words.by_day(period, words.group(view.by))} · {words.AS_REPORTED()}"
    lines: list[Line] = [fit_line(((title, Tone.STRONG),), width, glyphs.ellipsis)]
    lines += [*_head(view, width, glyphs), (), _heading(view, width, glyphs)]
    lines += [_row(row, view, width, glyphs, selected=False) for row in view.rows]
    if not view.rows:
        lines.append(_nothing(width, glyphs))
    return [*lines, (), *_notes(view, width)]


def _head(view: ReportView, width: int, glyphs: Glyphs) -> list[Line]:
    lines = []
    for each in view.head:
        lead: Piece = (fit(f" {each.heading}", _HEADING), Ink.HEADING)
        lines.append(fit_line((lead, (each.text, each.tone)), width, glyphs.ellipsis))
    return lines


def _notes(view: ReportView, width: int) -> list[Line]:
    """One after the other, none of them broken while it fits into a line."""
    lines: list[list[Piece]] = []
    for number, text in enumerate(view.notes):
        # how it is read stands by itself
        is_last = number == len(view.notes) - 1
        piece: Piece = (text, Tone.DIM)
        if not lines or is_last or line_width([*lines[-1], piece]) + 1 > width:
            lines.append([(" ", Tone.DIM), piece])
        else:
            lines[-1] += [(" ", Tone.DIM), piece]
    found: list[Line] = []
    for line in lines:
        if line_width(line) <= width:
            found.append(tuple(line))
        else:
            found += [((" ", Tone.DIM), *each) for each in wrap(line[1:], max(8, width - 1))]
    return found


def _nothing(width: int, glyphs: Glyphs) -> Line:
    return fit_line(((f"   {use_words.NOTHING()}", Tone.DIM),), width, glyphs.ellipsis)


def _bar_cells(view: ReportView, width: int) -> int:
    if width < _BAR_FROM:
        return 0
    others = sum(cells for _, cells in _figures(view, width))
    return max(0, min(_BAR_MOST, width - 3 - _name_cells(view.by, width) - _first_cells(view) - others - 2))


def _name_cells(by: ReportBy, width: int) -> int:
    narrow, middle = _NAMES[by]
    if is_wide(width) and by is ReportBy.CLIENT:
        return _NAME_OF_CLIENT_MOST
    return narrow if width < _BAR_FROM else middle


def _first_cells(view: ReportView) -> int:
    return _CREDITS if view.counted is Counted.CREDITS else _TOKENS


def _figures(view: ReportView, width: int) -> list[tuple[_Figure, int]]:
    """The columns behind the bar, each with its cells; what the bar is of stands before it."""
    by = view.by
    if by is ReportBy.CLIENT:
        return list(_OF_CLIENTS)
    found = list(_OF_DAYS if width >= _BAR_FROM else _OF_DAYS_NARROW)
    if width < _BAR_FROM and by is not ReportBy.DAY:
        found.pop()
    if view.counted is Counted.TOKENS:
        found = [(_Figure.CREDITS, _CREDITS), *(each for each in found if each[0] is not _Figure.TOKENS)]
    return found


class _Figure(StrEnum):
    CREDITS = "credits"
    BALANCE = "balance"
    TOKENS = "tokens"
    IN_FILES = "in_files"
    SHARE = "share"


_HEADINGS: Final = {
    _Figure.CREDITS: words.CREDITS,
    _Figure.BALANCE: words.BALANCE,
    _Figure.TOKENS: words.TOKENS,
    _Figure.IN_FILES: words.IN_FILES,
    _Figure.SHARE: words.SHARE,
}
_OF_CLIENTS: Final = ((_Figure.SHARE, 9),)
_OF_DAYS: Final = ((_Figure.BALANCE, 12), (_Figure.TOKENS, 11), (_Figure.IN_FILES, 9))
_OF_DAYS_NARROW: Final = ((_Figure.BALANCE, 12), (_Figure.TOKENS, 10), (_Figure.IN_FILES, 9))
#: How many cells the name has on a narrow screen, and on another; a week says how much of it is told.
_NAMES: Final = {ReportBy.DAY: (13, 16), ReportBy.WEEK: (22, 25), ReportBy.CLIENT: (22, 22)}


def _heading(view: ReportView, width: int, glyphs: Glyphs) -> Line:
    bar = _bar_cells(view, width)
    first = words.CREDITS() if view.counted is Counted.CREDITS else words.TOKENS()
    told = (
        f"   {fit(words.heading(view.by), _name_cells(view.by, width))}{fit_right(first, _first_cells(view))}"
    )
    told += " " * (bar + 2 if bar else 0)
    told += "".join(fit_right(_HEADINGS[figure](), cells) for figure, cells in _figures(view, width))
    return fit_line(((told, Ink.HEADING),), width, glyphs.ellipsis)


def _row(row: ReportRow, view: ReportView, width: int, glyphs: Glyphs, *, selected: bool) -> Line:
    bar = _bar_cells(view, width)
    look = Tone.STRONG if selected else Tone.PLAIN
    credits_tone = Tone.DIM if row.is_unknown else Tone.PLAIN
    texts = {
        _Figure.CREDITS: row.credits,
        _Figure.BALANCE: row.balance,
        _Figure.TOKENS: row.tokens,
        _Figure.IN_FILES: row.share,
        _Figure.SHARE: row.share,
    }

    def cells(figure: _Figure, room: int) -> Piece:
        text = texts[figure]
        tone = credits_tone if figure is _Figure.CREDITS else Tone.PLAIN
        return fit_right(text, room), Tone.DIM if text == UNKNOWN else tone

    out: list[Piece] = [(f"{glyphs.pointer}  " if selected else "   ", Ink.MARK)]
    out.append((fit(row.name, _name_cells(view.by, width), glyphs.ellipsis), look))
    out.append(cells(_Figure(view.counted.value), _first_cells(view)))
    if bar and row.fraction is not None:
        filled, empty = glyphs.bar(row.fraction, bar)
        out += [("  ", Tone.PLAIN), (filled, Ink.BAR), (empty, Ink.TRACK)]
    elif bar:
        out.append((" " * (bar + 2), Tone.PLAIN))
    out += [cells(figure, room) for figure, room in _figures(view, width)]
    return fit_line(out, width, glyphs.ellipsis)
