"""Words of `data export` and `data import`: which lines were taken, and why others were refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import Text, mark, n_

#: Why a line of an import is refused: clauses that follow its number.
TEXTS: Final[Mapping[str, str]] = {
    "data.no_json": mark("no JSON object"),
    "data.too_long": mark("longer than 64 KiB"),
    "data.unknown_kind": mark(
        "neither a line of figures (an account, and a plan, windows, credits or spend; or a balance)"
        " nor one of usage (a time, and tokens, a cost, credits or characters)"
    ),
    "data.no_ids": mark("its account has no user_id or no account_id, and both are needed"),
    "data.bad_figure": mark("{field} cannot be used"),
    "data.bad_number": mark("{field} is no number of at least 0 and below 10^12"),
    "data.bad_count": mark("{field} is no whole number"),
    "data.bad_time": mark("{field} is no time: RFC 3339, or seconds or milliseconds since 1970"),
    "data.bad_line": mark("something in it cannot be used"),
    "data.bad_text": mark("a text in it has characters that no screen shows"),
    "data.no_time": mark("it has no time: at, timestamp or created_at"),
    "data.no_amount": mark("it has no tokens, no cost, no credits and no characters"),
    "data.too_few": mark("{field} is less than {part}, which is a part of it"),
    "data.future": mark("it is of the future"),
    "use.newer": mark("usage.db was made by a later poolwatch, and is left alone"),
    "use.damaged": mark("usage.db is damaged: {why}"),
    "use.damaged_row": mark(
        "usage.db has a damaged row, so nobody knows what was used; move the file away to have session files"
        " read anew, and import again what was imported"
    ),
    "use.denied": mark("usage.db cannot be used: {why}"),
    "use.not_kept": mark(
        "usage.db cannot be used: it cannot be written, the disk is full, or another program holds it"
    ),
    "use.harmed": mark("usage.db is damaged: whoever reads session files next sets it aside"),
    "use.ended": mark("not all session files were read: the process that reads them was ended"),
}

_refused: Final = Text("line {number}: {why}")
#: More lines were refused than are named.
more_refused: Final = Text("and {count} more lines")
_left_out: Final = Text("{lines}, which no import takes: dated by a wrong clock, or longer than 64 KiB")
_lines_of: Final = Text("{lines} of {accounts}")
_both: Final = Text("{lines} and {events}")
_taken: Final = Text("{taken} taken, {refused} refused", "{taken} taken")
_taken_known: Final = Text(
    "{taken} taken, {known} of them known before, {refused} refused",
    "{taken} taken, {known} of them known before",
)
_not_kept: Final = Text(
    "{lines} not kept, for the database could not be written: {why}. Once it can, import the file again.",
    "{lines} not kept. Once they can be, import the file again.",
)
#: Past windows and events of the lines that were taken.
unfinished: Final = Text(
    "What follows from these lines is missing, for the database could not be written: {why}."
    " Once it can, any import goes on with it."
)


def refused_line(number: int, why: str) -> str:
    """`line 12: no JSON object`."""
    return _refused(number, why)


def lines_left_out(count: int) -> str:
    """`2 lines left out, which no import would take: …`."""
    left_out = n_("{count} line left out", "{count} lines left out", count)
    return _left_out(left_out)


def not_kept(lines: int, why: str) -> str:
    """`500 lines not kept, for the database could not be written: the disk is full. …`."""
    return _not_kept(n_("{count} line", "{count} lines", lines), why)


def taken_lines(lines: int, whose: tuple[int, int], refused: int, events: int = 0, known: int = 0) -> str:
    """`1204 lines of 12 accounts taken, 2 refused`; of events of usage, how many were `known` before.

    `whose`: of how many accounts they are, and of how many balances.
    """
    accounts, balances = whose
    of = n_("{count} account", "{count} accounts", accounts)
    if balances:
        of_balances = n_("{count} balance", "{count} balances", balances)
        of = _both(of, of_balances) if accounts else of_balances
    taken = _lines_of(n_("{count} line", "{count} lines", lines), of)
    if events:
        told = n_("{count} usage event", "{count} usage events", events)
        taken = _both(taken, told) if lines else told
    return _taken_known(taken, known, refused or "") if known else _taken(taken, refused or "")
