"""The periods of budgets in the database: which one runs, and how those went that have ended.

The period that runs stands there so that each is ended once, whichever process does it, and whenever.
"""

# no `annotations` from __future__: a decoder would evaluate them at each start
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from poolwatch.domain.budgets import EndedPeriod, Level, Limit, LimitUnit
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.host.instants import from_micros, to_micros
from poolwatch.store import events as event_log
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.stored import Amounts, Instant, is_instant

_VERSION: Final = 1
#: What ended longer ago is forgotten, as events are.
KEPT: Final = timedelta(days=400)
#: A budget as a whole.
_WHOLE: Final = ""


class _Ended(Amounts, frozen=True, kw_only=True):
    """Without what has columns of its own."""

    version: int = 1
    unit: LimitUnit
    limit: Decimal
    spent: Decimal | None = None
    estimated: Decimal = Decimal(0)
    at_least: bool = False
    level: Level | None = None
    over_since: Instant | None = None
    stopped_at: Instant | None = None


def running(held: sqlite3.Connection) -> Mapping[str, datetime]:
    """When the period of each budget began that was found running last, by the budget's name."""
    found: dict[str, datetime] = {}
    for name, started_at in held.execute("SELECT budget, started_at FROM budgets"):
        with suppress(*UNREADABLE):
            found[name] = from_micros(started_at)
    return found


def begin(held: sqlite3.Connection, budget: str, started_at: datetime) -> bool:
    """Note the period that runs of a budget of which none was noted; False where one is."""
    done = held.execute("INSERT OR IGNORE INTO budgets VALUES (?, ?)", (budget, to_micros(started_at)))
    return done.rowcount == 1


def end(
    held: sqlite3.Connection,
    budget: str,
    ran_since: datetime,
    runs_since: datetime,
    ended: Collection[EndedPeriod],
    events: Sequence[LoggedEvent],
) -> bool:
    """Keep how periods went that have ended, and that another one runs, with what is told of it.

    False, and nothing is kept, where another process has done so: `ran_since` is what it was found at.
    """
    done = held.execute(
        "UPDATE budgets SET started_at = ? WHERE budget = ? AND started_at = ?",
        (to_micros(runs_since), budget, to_micros(ran_since)),
    )
    if not done.rowcount:
        return False
    held.executemany(
        "INSERT OR REPLACE INTO budget_periods VALUES (?, ?, ?, ?, ?)",
        [
            (
                each.budget,
                each.whose or _WHOLE,
                to_micros(each.started_at),
                to_micros(each.ended_at),
                _pack(each),
            )
            for each in ended
        ],
    )
    held.execute("DELETE FROM budget_periods WHERE ended_at < ?", (to_micros(runs_since - KEPT),))
    event_log.append(held, events)
    return True


def rewind(held: sqlite3.Connection, budget: str, ran_since: datetime, runs_since: datetime) -> bool:
    """Forget what is kept of the periods from one on; the first of them runs, else that one.

    False where another process has changed which one runs: `ran_since` is what it was found at.
    """
    kept = "FROM budget_periods WHERE budget = ? AND started_at >= ?"
    later = (budget, to_micros(runs_since))
    (first,) = held.execute(f"SELECT min(started_at) {kept}", later).fetchone()
    done = held.execute(
        "UPDATE budgets SET started_at = ? WHERE budget = ? AND started_at = ?",
        (first or to_micros(runs_since), budget, to_micros(ran_since)),
    )
    if not done.rowcount:
        return False
    held.execute(f"DELETE {kept}", later)
    return True


def forget(held: sqlite3.Connection, budgets: Collection[str]) -> bool:
    """No period of these runs any more: they are not in the configuration; how they went is kept."""
    held.executemany("DELETE FROM budgets WHERE budget = ?", [(each,) for each in budgets])
    return True


def rename(held: sqlite3.Connection, before: str, after: str) -> bool:
    """A budget is called otherwise: which period runs of it, and how those before went, goes with it."""
    # whoever took the new name up first has begun with the period that runs
    held.execute("UPDATE OR IGNORE budgets SET budget = ? WHERE budget = ?", (after, before))
    held.execute("DELETE FROM budgets WHERE budget = ?", (before,))
    held.execute("UPDATE OR REPLACE budget_periods SET budget = ? WHERE budget = ?", (after, before))
    return True


def newest(held: sqlite3.Connection, budget: str, whose: str | None, most: int) -> tuple[EndedPeriod, ...]:
    """The last periods of a budget, or of a part of it, that have ended, the newest first."""
    rows = held.execute(
        "SELECT started_at, ended_at, doc FROM budget_periods WHERE budget = ? AND whose = ?"
        " ORDER BY started_at DESC LIMIT ?",
        (budget, whose or _WHOLE, most),
    ).fetchall()
    found = (_unpack(budget, whose, *row) for row in rows)
    return tuple(each for each in found if each is not None)


def _pack(each: EndedPeriod) -> str:
    document = _Ended(
        version=_VERSION,
        unit=each.limit.unit,
        limit=each.limit.amount,
        spent=each.spent,
        estimated=each.estimated,
        at_least=each.at_least,
        level=each.level,
        over_since=each.over_since,
        stopped_at=each.stopped_at,
    )
    return msgspec.json.encode(document).decode()


def _unpack(
    budget: str, whose: str | None, started_at: int, ended_at: int, document: str
) -> EndedPeriod | None:
    try:
        told = msgspec.json.decode(document, type=_Ended)
        start, end_ = from_micros(started_at), from_micros(ended_at)
    except UNREADABLE:
        return None
    moments = [at for at in (told.over_since, told.stopped_at) if at is not None]
    if told.limit <= 0 or start >= end_ or not all(map(is_instant, moments)):
        return None
    return EndedPeriod(
        budget,
        start,
        end_,
        Limit(told.unit, told.limit),
        told.spent,
        whose,
        told.estimated,
        told.at_least,
        told.level,
        told.over_since,
        told.stopped_at,
    )
