"""The lines of the screen of events: what fires and waits, under its headings, then what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Final, TypeAlias

from msgspec import Struct
from rich.cells import cell_len

from poolwatch.presentation.alerts import AlertRow, AlertsView
from poolwatch.presentation.events import EventRow, EventsView
from poolwatch.presentation.view import Span, Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, cut, fit, fit_line, fit_right, line_width, spread, wrap
from poolwatch.ui.widgets.lines import LateLines
from poolwatch.ui.widgets.table import section_line
from poolwatch.words import alerts as words
from poolwatch.words import events as event_words
from poolwatch.words import interface

Row: TypeAlias = AlertRow | EventRow
#: A heading, an empty line, an alert or an event.
Block: TypeAlias = str | AlertRow | EventRow

_WHO_MOST: Final = 24
#: The cells of the pointer and of an event's mark with what stands beside it, and those after a name.
_MARKS: Final = 5
_BETWEEN: Final = 2
#: The pointer, an alert's mark and a blank.
_LEAD: Final = 3
_AGE_BEFORE: Final = 2
_BESIDE_BEFORE: Final = 3
#: What stands beside an alert has so many cells at least, where anything does.
_BESIDE_LEAST: Final = 18
#: ... on a screen that is as wide as this.
_BESIDE_FROM: Final = 72
_PARTED: Final = " · "


class AlertColumns(Struct, frozen=True):
    """The cells of an alert's parts; 0 where no alert has that part."""

    who: int
    text: int
    age: int
    beside: int


class Laid:
    """Where the headings and rows of both views stand, by their heights; none of them is drawn."""

    def __init__(
        self, alerts: AlertsView, events: EventsView, width: int, glyphs: Glyphs, *, named: bool, airy: bool
    ) -> None:
        """`named`: events have the names of accounts; `airy`: an empty line follows a section of alerts."""
        self.made_of = (alerts, events, width, glyphs, named, airy)
        self.width, self.glyphs = width, glyphs
        self.columns = _columns(events, width, named=named)
        self.alert_columns = alert_columns(alerts.rows, width)
        self._blocks: list[Block] = []
        self._heights: list[int] = []
        #: the first line of each row
        self.tops: dict[str, int] = {}
        self._top = 0
        for block in alerts.blocks:
            self._add(block.heading, 1)
            for alert in block.rows:
                self._add(alert, 1)
            if airy:
                self._add("", 1)
        for section in events.sections:
            self._add(section.heading, 1)
            for row in section.rows:
                self._add(row, _height(row, self.columns, width, glyphs))
        self._ends = tuple(accumulate(self._heights))

    def _add(self, block: Block, height: int) -> None:
        if not isinstance(block, str):
            self.tops[block.id] = self._top
        self._blocks.append(block)
        self._heights.append(height)
        self._top += height

    def lines_by(self, draw: Callable[[Block], Sequence[Line]]) -> LateLines:
        """Its lines, each drawn when it is looked at."""
        return LateLines(self._ends, lambda number: draw(self._blocks[number]))

    def drawn(self, block: Block, *, selected: bool) -> Sequence[Line]:
        """The lines of a heading or a row."""
        match block:
            case str():
                return (section_line(block, self.width, self.glyphs) if block else (),)
            case AlertRow():
                return (alert_line(block, self.alert_columns, self.width, self.glyphs, selected=selected),)
            case EventRow():
                return event_lines(block, self.columns, self.width, self.glyphs, selected=selected)


def _height(row: EventRow, columns: tuple[int, int], width: int, glyphs: Glyphs) -> int:
    """How many lines an event takes; most take one, which tells by the length of their text."""
    clock, who = columns
    lead = clock + _MARKS + (who + _BETWEEN if row.who and who else 0)
    if cell_len(row.text) <= width - lead:
        return 1
    return len(event_lines(row, columns, width, glyphs, selected=False))


def _columns(view: EventsView, width: int, *, named: bool) -> tuple[int, int]:
    """The cells of the times and of the names, which headings may have instead."""
    clock = max((cell_len(row.clock) for row in view.rows), default=0)
    return clock, _names(view.rows, width) if named else 0


def _names(rows: Iterable[Row], width: int) -> int:
    who = max((cell_len(row.who) for row in rows), default=0)
    return min(who, _WHO_MOST, max(8, width // 4))


def event_lines(
    row: EventRow, columns: tuple[int, int], width: int, glyphs: Glyphs, *, selected: bool
) -> list[Line]:
    """One event; what was said stands where the names do, and takes as many lines as it needs."""
    clock, who = columns
    lead: list[Piece] = [
        (glyphs.pointer if selected else " ", Ink.MARK),
        (fit(row.clock, clock, glyphs.ellipsis), Tone.DIM),
        (f"  {row.mark} ", row.mark_tone),
    ]
    if row.who and who:
        name: Piece = (fit(row.who, who, glyphs.ellipsis) + "  ", Tone.STRONG if selected else Tone.PLAIN)
        lead.append(name)
    indent: Piece = (" " * line_width(lead), Tone.PLAIN)
    told = wrap(((row.text, row.tone),), max(8, width - line_width(lead)))
    return [
        fit_line((*(lead if nth == 0 else (indent,)), *line), width, glyphs.ellipsis)
        for nth, line in enumerate(told)
    ]


def alert_columns(rows: Sequence[AlertRow], width: int) -> AlertColumns:
    """What was found has the room it needs; what became of its notices goes where there is little."""
    who = _names(rows, width)
    age = max((cell_len(row.age) for row in rows), default=0)
    room = width - _LEAD - who - _BETWEEN - (_AGE_BEFORE + age if age else 0)
    beside = max((cell_len(_whole(row.beside)) for row in rows), default=0) if width >= _BESIDE_FROM else 0
    least = _BESIDE_BEFORE + min(beside, _BESIDE_LEAST) if beside else 0
    text = min(max((cell_len(row.text) for row in rows), default=0), max(8, room - least))
    return AlertColumns(who, text, age, max(0, room - text - _BESIDE_BEFORE) if beside else 0)


def _whole(spans: Iterable[Span]) -> str:
    return _PARTED.join(span.text for span in spans)


def alert_line(row: AlertRow, columns: AlertColumns, width: int, glyphs: Glyphs, *, selected: bool) -> Line:
    """One alert on one line: who, what was found, for how long, and what became of its notices."""
    mark = glyphs.ellipsis
    pieces: list[Piece] = [
        (glyphs.pointer if selected else " ", Ink.MARK),
        (f"{row.mark} ", row.mark_tone),
        (fit(row.who, columns.who, mark) + "  ", Tone.STRONG if selected else Tone.PLAIN),
        (fit(row.text, columns.text, mark), Tone.PLAIN),
    ]
    if columns.age:
        pieces.append((" " * _AGE_BEFORE + fit_right(row.age, columns.age, mark), Tone.DIM))
    if row.beside and columns.beside:
        pieces.append((" " * _BESIDE_BEFORE, Tone.PLAIN))
        pieces += _in_parts(row.beside, columns.beside, mark)
    return fit_line(pieces, width, mark)


def _in_parts(spans: Sequence[Span], room: int, mark: str) -> list[Piece]:
    """As many whole parts as fit; of the first, as much of it as does."""
    for count in range(len(spans), 0, -1):
        told = _whole(spans[:count])
        if cell_len(told) <= room or count == 1:
            pieces: list[Piece] = []
            for span in spans[:count]:
                pieces += [*([(_PARTED, Tone.DIM)] if pieces else []), (span.text, span.tone)]
            return pieces if cell_len(told) <= room else [(cut(told, room, mark), spans[0].tone)]
    return []


def channel_lines(spans: Sequence[Span], width: int, most: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """`CHANNELS  ops (webhook) ok, last 13:40 · mail …` on so many lines at most; none without channels."""
    if not spans:
        return ()
    head = f" {words.CHANNELS()}  "
    room = max(8, width - cell_len(head) - 1)
    told: list[list[Piece]] = [[]]
    for span in spans:
        piece: Piece = (cut(span.text, room, glyphs.ellipsis), span.tone)
        parted: list[Piece] = [(_PARTED, Tone.DIM)] if told[-1] else []
        if told[-1] and line_width((*told[-1], *parted, piece)) > room:
            told.append([piece])
        else:
            told[-1] += [*parted, piece]
    if len(told) > most:
        # that something is missing is seen
        told = [*told[: most - 1], [*told[most - 1], (f"{_PARTED}{glyphs.ellipsis}", Tone.DIM)]]
    leads: list[Piece] = [(head, Ink.HEADING), *[(" " * cell_len(head), Tone.PLAIN)] * (len(told) - 1)]
    lines = ((lead, *line) for lead, line in zip(leads, told, strict=True))
    return tuple(fit_line(line, width, glyphs.ellipsis) for line in lines)


def events_title(
    alerts: AlertsView, events: EventsView, group: str, help_key: str, width: int, glyphs: Glyphs
) -> Line:
    """What is new since somebody looked, how many alerts fire, and what headings stand for."""
    left: list[Piece] = [(f" {event_words.TITLE()}", Ink.BRAND), (f"  {events.since}", Tone.PLAIN)]
    more: Piece = (f", {events.since_more}" if events.since_more else "", Tone.PLAIN)
    last: list[Piece] = [(f"   {help_key}", Ink.KEY), (f" {interface.text('help')} ", Tone.DIM)]
    counts = alerts.counts
    # what fires stays longest
    for start, told, beside in (
        ([*left, more], counts, group),
        (left, counts, group),
        (left, counts, ""),
        (left, counts[:1], ""),
    ):
        right: list[Piece] = [(f"  {_PARTED.join(told)}", Tone.AMBER)] if told else []
        right += [(f"   {beside}", Tone.DIM), *last] if beside else last
        if line_width(start) + line_width(right) <= width:
            break
    return spread(start, right, width, glyphs.ellipsis)
