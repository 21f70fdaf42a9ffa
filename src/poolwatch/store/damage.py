"""How much of the past is damaged: rows that every reader leaves out, for `doctor` to tell."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Final

from poolwatch.domain.values import BEYOND
from poolwatch.host.instants import from_micros
from poolwatch.store import cycles, events, history, outbox, outlooks

#: All windows, days and instants that a row can name.
_ALL: Final = 2**62
#: The last instant that can be kept.
_LAST: Final = BEYOND - timedelta.resolution
_ROWS: Final = (
    "SELECT (SELECT count(*) FROM changes) + (SELECT count(*) FROM days) + (SELECT count(*) FROM hours)"
    " + (SELECT count(*) FROM gaps) + (SELECT count(*) FROM cycles) + (SELECT count(*) FROM events)"
    " + (SELECT count(*) FROM outlooks) + (SELECT count(*) FROM outbox)"
)


def count(held: sqlite3.Connection) -> int:
    """The rows of which no figures, windows, gaps, events, forecasts or notices can be read."""
    [total] = held.execute(_ROWS).fetchone()
    rows = held.execute("SELECT account_id FROM figures UNION SELECT account_id FROM gaps").fetchall()
    ids = [each for (each,) in rows if isinstance(each, str)]
    sound = sum(map(len, cycles.newest(held, ids, _ALL).values())) + len(events.between(held, from_micros(0)))
    accounts, pool = outlooks.read(held)
    sound += len(accounts) + (pool is not None) + len(outbox.deliveries(held, _ALL))
    for each in ids:
        sound += len(history.gaps_between(held, each, from_micros(0), _LAST))
        sound += sum(_sound(held, number) for number in history.figure_ids(held, each).values())
    return int(total) - sound


def _sound(held: sqlite3.Connection, number: int) -> int:
    """How many rows of a figure can be read."""
    changes = history.changes_of(held, number, -_ALL, _ALL)
    hours = history.hours_of(held, number, -_ALL, _ALL)
    return len(changes) + sum(map(bool, hours.values())) + len(history.days_of(held, number, -_ALL, _ALL))
