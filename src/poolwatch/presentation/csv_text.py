"""Tables as CSV (RFC 4180), the same for every command; safe for a spreadsheet, and for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeAlias

from poolwatch.domain.text import all_visible
from poolwatch.presentation.figures import is_figure, trimmed_digits
from poolwatch.presentation.json_values import instant

#: A value; None is unknown, or there is none, and is never 0.
Cell: TypeAlias = str | int | float | Decimal | datetime | None

#: What a spreadsheet takes for the beginning of a formula; the last ones are wide forms.
_FORMULA: Final = tuple("=+-@＝＋－＠")
_QUOTED: Final = frozenset('",')
_DECIMALS: Final = 6
_END: Final = "\r\n"


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The table, each line ending in CR LF; `header` is in snake_case, with units."""
    lines = [",".join(header), *(",".join(map(_field, row)) for row in rows)]
    return "".join(f"{line}{_END}" for line in lines)


def _field(cell: Cell) -> str:
    """Numbers as they are, with a point and six decimals, or more of an amount that has more."""
    match cell:
        case None:
            return ""
        case str():
            return _text(cell)
        case datetime():
            return instant(cell) or ""
        case Decimal():
            return trimmed_digits(cell, _DECIMALS) if cell.is_finite() else ""
        case float():
            return f"{cell:.{_DECIMALS}f}" if is_figure(cell) else ""
        case _:
            return str(cell)


def _text(text: str) -> str:
    """With what no screen shows as a visible escape: a name may say anything, and none makes a line."""
    if not text.isprintable():
        text = all_visible(text)
    guarded = text.startswith(_FORMULA)
    shown = f"'{text}" if guarded else text
    if guarded or not _QUOTED.isdisjoint(shown):
        return '"' + shown.replace('"', '""') + '"'
    return shown
