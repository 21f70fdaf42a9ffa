"""The table of use: which rows, in which order, as texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, overload

from msgspec import Struct

from poolwatch.domain.quarters import TIMES
from poolwatch.domain.tokens import GroupBy
from poolwatch.domain.use_report import UseReport
from poolwatch.domain.use_sums import Group, UseRow, UseSum
from poolwatch.presentation.use_texts import Names, cost_text, each_text, share_text, tokens_text
from poolwatch.words import use as words


class UseColumn(StrEnum):
    """What a row of the table tells; the order is that of the columns."""

    NAME = "name"
    REQUESTS = "requests"
    INPUT = "input"
    CACHED = "cached"
    OUTPUT = "output"
    COST = "cost"
    EACH = "each"
    SHARE = "share"


class TableRow(Struct, frozen=True):
    """One group, or all of them together (`group` None); final texts."""

    group: Group | None
    name: str
    requests: str
    input: str
    cached: str
    output: str
    cost: str
    each: str
    share: str
    #: 0..1 of the bar beside the share; None for no bar
    fraction: float | None = None
    #: in place of the share: why there is no price
    no_price: str = ""


class TableRows(Sequence[TableRow]):
    """The rows as texts, each made when it is looked at: there may be thousands, of which a few are shown.

    Shares are of all that was used, whatever is shown of it.
    """

    def __init__(self, report: UseReport, rows: Sequence[UseRow], names: Names) -> None:
        self._report = report
        self._rows = rows
        self._names = names

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> TableRow: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[TableRow]: ...
    def __getitem__(self, at: int | slice) -> TableRow | Sequence[TableRow]:
        if isinstance(at, slice):
            return TableRows(self._report, self._rows[at], self._names)
        return _row(self._rows[at], self._report.whole, self._report.wish.by, self._names)

    def group(self, at: int) -> Group:
        """Which group a row is of."""
        return self._rows[at].group

    def find(self, group: Group | None) -> int:
        """Where the row of a group stands; 0 where there is none."""
        return next((at for at, row in enumerate(self._rows) if row.group == group), 0)


class Arranged(Struct, frozen=True):
    """In which order rows stand."""

    #: None: times new to old, else what cost most first
    column: UseColumn | None = None
    reverse: bool = False


#: As it is when nobody has chosen anything.
BY_COST: Final = Arranged()


def arrange(report: UseReport, names: Names, arranged: Arranged) -> tuple[UseRow, ...]:
    """The rows in order."""
    by = report.wish.by
    rows = list(report.rows)
    if arranged.column is None:
        # of times the newest is what is looked for first
        if by in TIMES and by is not GroupBy.HOUR_OF_DAY:
            rows.reverse()
    elif arranged.column is UseColumn.NAME:
        rows.sort(key=lambda row: (row.group.text is None, names.name(by, row.group).casefold()))
        if by in TIMES:
            rows.sort(key=lambda row: row.group)
    else:
        value = _VALUES[arranged.column]
        rows.sort(key=lambda row: _falling(value(row.sum)))
    return tuple(reversed(rows)) if arranged.reverse else tuple(rows)


def _falling(value: float | None) -> tuple[bool, float]:
    """The most first, and what is unknown last."""
    return value is None, -(value or 0)


_VALUES: Final[dict[UseColumn, Callable[[UseSum], float | None]]] = {
    UseColumn.REQUESTS: lambda use: use.requests,
    UseColumn.INPUT: lambda use: use.tokens.input,
    UseColumn.CACHED: lambda use: use.cached_share,
    UseColumn.OUTPUT: lambda use: use.tokens.output,
    UseColumn.COST: lambda use: use.cost,
    UseColumn.EACH: lambda use: use.cost_each,
    UseColumn.SHARE: lambda use: use.cost,
}


def _row(row: UseRow, whole: UseSum, by: GroupBy, names: Names) -> TableRow:
    use = row.sum
    part = use.cost / whole.cost if use.cost is not None and whole.cost else None
    no_price = ""
    if use.cost is None:
        is_model = by is GroupBy.MODEL and row.group.text is not None
        no_price = words.no_price(names.model(row.group.text)) if is_model else words.NO_PRICE()
    return _texts(row.group, names.name(by, row.group), use, part, no_price)


def total_row(report: UseReport) -> TableRow:
    """What the rows come to, and which part of all that was used that is."""
    use, name = report.total, words.TOTAL()
    if not report.wish.is_filtered:
        return _texts(None, name, use, None, "")
    name = f"{name} {words.shown_of(len(report.rows), report.count)}"
    part = use.cost / report.whole.cost if use.cost and report.whole.cost else None
    return _texts(None, name, use, part, "")


def _texts(group: Group | None, name: str, use: UseSum, part: float | None, no_price: str) -> TableRow:
    return TableRow(
        group,
        name,
        f"{use.requests:,}",
        tokens_text(use.tokens.input),
        share_text(use.cached_share),
        tokens_text(use.tokens.output),
        cost_text(use),
        each_text(use),
        "" if part is None else share_text(part),
        part,
        no_price,
    )
