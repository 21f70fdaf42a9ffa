"""The last reading of each balance in the database, by its source; their history is among that of figures."""

# no `annotations` from __future__: a decoder would evaluate them at each start
import sqlite3
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import convert

from poolwatch.domain.balances import Balance, BalanceState, balance_figure, balance_id, with_fillings
from poolwatch.domain.event_log import EventKind, LoggedEvent, balance_events
from poolwatch.domain.failure import Trouble
from poolwatch.domain.series import Figure, FigureName, Finest, HistoryRow, Series, Timeline
from poolwatch.domain.values import replace
from poolwatch.store import events, history, stored
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.stored import Amounts, Document, Instant, is_instant

if TYPE_CHECKING:
    from poolwatch.store.lines import PastBalance

_VERSION: Final = 1
#: A reading that is further ahead than this was made under a clock that was wrong.
_WRONG_CLOCK: Final = timedelta(hours=1)
#: What ends a line ends it so long before the next one begins.
_MOMENT: Final = timedelta(microseconds=1)
#: They stand beside the facts about the pool, each by its id.
_FIRST: Final = balance_id("")
_BEHIND: Final = _FIRST.replace(":", ";")


class _Balance(Amounts, frozen=True):
    unit: str
    remaining: Decimal | None = None
    limit: Decimal | None = None
    used: Decimal | None = None
    total: Decimal | None = None
    unlimited: bool = False
    resets_at: Instant | None = None
    last_reset_at: Instant | None = None
    own_topup_below: Decimal | None = None


class _State(Document, frozen=True):
    balance: _Balance | None = None
    read_at: Instant | None = None
    tried_at: Instant | None = None
    trouble: stored.Trouble | None = None
    asked: str = ""


def read(held: sqlite3.Connection) -> Mapping[str, BalanceState]:
    """All of them by the names of their sources; one that is damaged is left out."""
    found = {}
    for key, document in held.execute(
        "SELECT name, value FROM meta WHERE name >= ? AND name < ?", (_FIRST, _BEHIND)
    ):
        name = str(key).removeprefix(_FIRST)
        state = _unpack(name, document)
        if state is not None:
            found[name] = state
    return found


def put(held: sqlite3.Connection, state: BalanceState) -> tuple[LoggedEvent, ...]:
    """Keep one, its place in history and what happened to it, unless a later reading is there; the events.

    They are found here, by what stands in the store: of several processes one tells them.
    """
    row = held.execute("SELECT value FROM meta WHERE name = ?", (state.id,)).fetchone()
    known = None if row is None else _unpack(state.name, row[0])
    is_another = known is not None and known.asked != state.asked
    if is_another:
        known = None  # what was another balance has not risen or fallen
    # one from the future was read under a clock that was wrong, and holds up nothing for long
    if known is not None and known.tried_at is not None and state.tried_at is not None:
        ahead = known.tried_at - state.tried_at
        if state.tried_at < known.tried_at and ahead < _WRONG_CLOCK:
            return ()
    held.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (state.id, _pack(state)))
    if state.balance is not None and state.read_at is not None and state.read_at == state.tried_at:
        figure = balance_figure(state.balance)
        before = None if known is None or known.balance is None else balance_figure(known.balance)
        if figure is not None and figure != before:
            name, value = figure
            rows = [HistoryRow(state.id, state.read_at, name.series, name.bucket, name.window, value)]
            if is_another:
                # the line of the former one ends before it
                rows.insert(0, replace(rows[0], at=state.read_at - _MOMENT, figure=Figure()))
            history.append(held, rows)
    told = _events(held, known, state)
    events.append(held, told)
    return told


def timeline(
    held: sqlite3.Connection, name: str, unit: str, since: datetime, until: datetime, finest: Finest
) -> Timeline:
    """How a balance ran in a unit, with what held at `since`; filled up is what its events say."""
    line = history.timeline(held, balance_id(name), FigureName(Series.CREDITS, unit), since, until, finest)
    return replace(line, points=with_fillings(line.points, events.fillings(held, name, unit, since)))


def names(held: sqlite3.Connection) -> tuple[str, ...]:
    """All of which a history is kept, whether or not they are configured."""
    found = held.execute(
        "SELECT DISTINCT account_id FROM figures"
        " WHERE account_id >= ? AND account_id < ? ORDER BY account_id",
        (_FIRST, _BEHIND),
    )
    return tuple(str(each).removeprefix(_FIRST) for (each,) in found)


def take(held: sqlite3.Connection, past: Sequence["PastBalance"]) -> int:
    """Keep what these tell of the past that was not known; how many rows. Nothing of the present changes."""
    count = 0
    ordered = sorted(past, key=lambda each: (each.name, each.at))
    for name, within in groupby(ordered, key=lambda each: each.name):
        readings = list(within)
        first, last = readings[0].at, readings[-1].at
        known = deque(history.rows_since(held, balance_id(name), first, last, carried=True))
        was: dict[str, Figure] = {}
        rows: list[HistoryRow] = []
        for each in readings:
            while known and known[0].at <= each.at:
                row = known.popleft()
                was[row.bucket] = row.figure
            if was.get(each.unit) != each.figure:
                was[each.unit] = each.figure
                rows.append(HistoryRow(balance_id(name), each.at, Series.CREDITS, each.unit, "", each.figure))
        history.append(held, rows)
        count += len(rows)
    return count


def _events(
    held: sqlite3.Connection, known: BalanceState | None, state: BalanceState
) -> tuple[LoggedEvent, ...]:
    found = balance_events(None if known is None else replace(known, terms=state.terms), state)
    if not any(each.kind is EventKind.NOT_OFFERED for each in found):
        return found
    # another failure may have stood in between: that it is gone is told once since it last answered
    told_at = events.newest_of_source(held, EventKind.NOT_OFFERED, state.name)
    answered_at = None if known is None else known.read_at
    is_told = told_at is not None and (answered_at is None or answered_at <= told_at)
    return () if is_told else found


def _pack(state: BalanceState) -> str:
    balance = None if state.balance is None else convert(state.balance, _Balance, from_attributes=True)
    trouble = None if state.trouble is None else convert(state.trouble, stored.Trouble, from_attributes=True)
    told = _State(_VERSION, balance, state.read_at, state.tried_at, trouble, state.asked)
    return msgspec.json.encode(told).decode()


def _unpack(name: str, document: object) -> BalanceState | None:
    try:
        told = msgspec.json.decode(str(document), type=_State)
        balance = None if told.balance is None else convert(told.balance, Balance, from_attributes=True)
        trouble = None if told.trouble is None else convert(told.trouble, Trouble, from_attributes=True)
    except UNREADABLE:
        return None
    moments = (told.read_at, told.tried_at, *_moments(balance))
    if not all(is_instant(each) for each in moments if each is not None):
        return None
    return BalanceState(
        name,
        balance=balance,
        read_at=told.read_at,
        tried_at=told.tried_at,
        trouble=trouble,
        asked=told.asked,
    )


def _moments(balance: Balance | None) -> tuple[datetime | None, ...]:
    return () if balance is None else (balance.resets_at, balance.last_reset_at)
