"""The table of use: its headings, a line for each group, and all of it for where there is no screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from rich.cells import cell_len

from poolwatch.presentation.figures import UNKNOWN
from poolwatch.presentation.use_table import TableRow, UseColumn
from poolwatch.presentation.use_view import UseView
from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, fit, fit_line, fit_right, wrap
from poolwatch.ui.widgets.history import is_wide
from poolwatch.words import use as words

#: Narrower than this there is no room for all columns of the table, nor for two figures in a line.
MIDDLE_FROM: Final = 78
_BAR: Final = 24
_NAME_MOST: Final = 60
#: The cells of all columns but the name.
_CELLS_WIDE: Final = (
    (UseColumn.REQUESTS, 9), (UseColumn.INPUT, 10), (UseColumn.CACHED, 9), (UseColumn.OUTPUT, 10),
    (UseColumn.COST, 13), (UseColumn.EACH, 11), (UseColumn.SHARE, 6),
)  # fmt: skip
_CELLS: Final = (
    (UseColumn.REQUESTS, 9), (UseColumn.INPUT, 8), (UseColumn.CACHED, 7), (UseColumn.OUTPUT, 8),
    (UseColumn.COST, 13), (UseColumn.EACH, 8), (UseColumn.SHARE, 6),
)  # fmt: skip
_CELLS_NARROW: Final = (
    (UseColumn.REQUESTS, 9), (UseColumn.INPUT, 8), (UseColumn.COST, 13), (UseColumn.SHARE, 6),
)  # fmt: skip


def columns_of(width: int) -> tuple[tuple[UseColumn, int], ...]:
    """The columns of a table of that width, each with its cells; the name has what is left."""
    others: Sequence[tuple[UseColumn, int]] = _CELLS_NARROW
    if is_wide(width):
        others = _CELLS_WIDE
    elif width >= MIDDLE_FROM:
        others = _CELLS
    name = width - 3 - sum(cells for _, cells in others) - (_BAR + 3 if is_wide(width) else 0)
    return ((UseColumn.NAME, max(8, min(name, _NAME_MOST))), *others)


class Table(Struct, frozen=True):
    """How the table stands: its columns with their cells, the selected row, and the first one shown."""

    columns: tuple[tuple[UseColumn, int], ...]
    sorted_by: UseColumn | None = None
    reverse: bool = False
    selected: int = 0
    top: int = 0


_HEADINGS: Final = {
    UseColumn.REQUESTS: words.REQUESTS,
    UseColumn.INPUT: words.INPUT,
    UseColumn.CACHED: words.CACHED,
    UseColumn.OUTPUT: words.OUTPUT,
    UseColumn.COST: words.COST,
    UseColumn.EACH: words.EACH,
    UseColumn.SHARE: words.SHARE,
}


def heading_line(heading: str, table: Table, width: int, glyphs: Glyphs) -> Line:
    """The headings; `heading` is that of the groups."""
    out: list[Piece] = [("   ", Ink.HEADING)]
    for column, cells in table.columns:
        told = heading if column is UseColumn.NAME else _HEADINGS[column]()
        if column is UseColumn.EACH and cells < 10:
            told = words.EACH_SHORT()
        if column is UseColumn.SHARE and is_wide(width):
            told = words.SHARE_OF_COST()
        if column is table.sorted_by:
            is_rising = (column is UseColumn.NAME) is not table.reverse
            told += glyphs.rising if is_rising else glyphs.falling
        if column is UseColumn.NAME:
            text = fit(told, cells, glyphs.ellipsis)
        elif column is UseColumn.SHARE and is_wide(width):
            text = f"   {told}"
        else:
            text = fit_right(told, cells, "")
        out.append((text, Ink.HEADING))
    return fit_line(out, width, glyphs.ellipsis)


def row_line(row: TableRow, table: Table, width: int, glyphs: Glyphs, *, selected: bool) -> Line:
    is_total = row.group is None
    look = Tone.STRONG if selected else Tone.DIM if is_total else Tone.PLAIN
    texts = {
        UseColumn.REQUESTS: row.requests,
        UseColumn.INPUT: row.input,
        UseColumn.CACHED: row.cached,
        UseColumn.OUTPUT: row.output,
        UseColumn.COST: row.cost,
        UseColumn.EACH: row.each,
        UseColumn.SHARE: row.share,
    }
    out: list[Piece] = [(f"{glyphs.pointer}  " if selected else "   ", Ink.MARK)]
    for column, cells in table.columns:
        if column is UseColumn.NAME:
            out.append((fit(row.name, cells, glyphs.ellipsis), look))
        elif column is UseColumn.SHARE and is_wide(width):
            out += _share(row, cells, glyphs)
        else:
            text = texts[column]
            figure = Tone.DIM if text == UNKNOWN or is_total else Tone.PLAIN
            out.append((fit_right(text, cells, glyphs.ellipsis), figure))
    return fit_line(out, width, glyphs.ellipsis)


def _share(row: TableRow, cells: int, glyphs: Glyphs) -> list[Piece]:
    if row.no_price:
        # half a command is none
        is_short = cell_len(row.no_price) > _BAR + cells + 1
        return [(f"  {words.NO_PRICE() if is_short else row.no_price}", Tone.DIM)]
    if row.fraction is None:
        return []
    filled, empty = glyphs.bar(row.fraction, _BAR)
    return [
        ("   ", Tone.PLAIN),
        (filled, Ink.BAR),
        (empty, Ink.TRACK),
        (fit_right(row.share, cells), Tone.PLAIN),
    ]


def report_lines(view: UseView, period: str, most: int, width: int, glyphs: Glyphs) -> list[Line]:
    """Title, table, and what is to be known of it: for a terminal without the screen, and for files."""
    table = Table(columns_of(width), selected=-1)
    told = f"{words.by_group(period, view.by)} · {words.origin(view.origin)}"
    lines: list[Line] = [
        fit_line(
            ((f" {told}", Tone.STRONG), (f" · {view.prices}", view.prices_tone)), width, glyphs.ellipsis
        ),
        (),
        heading_line(view.heading, table, width, glyphs),
    ]
    shown = min(most, len(view.rows))
    lines += [row_line(view.rows[at], table, width, glyphs, selected=False) for at in range(shown)]
    if len(view.rows) > shown:
        more = glyphs.text(words.more(len(view.rows) - shown))
        lines.append(fit_line(((f"   {more}", Tone.DIM),), width))
    if view.rows:
        lines.append(row_line(view.total, table, width, glyphs, selected=False))
    else:
        lines.append(fit_line(((f"   {words.NOTHING()}", Tone.DIM),), width, glyphs.ellipsis))
    said = [
        *((span.text, span.tone) for span in view.notes),
        *((each.text, each.tone) for each in view.coverage),
    ]
    lines.append(())
    for text, tone in said:
        lines += [((" ", Tone.PLAIN), *line) for line in wrap(((text, tone),), max(8, width - 1))]
    return lines
