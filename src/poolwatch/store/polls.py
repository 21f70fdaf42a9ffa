"""When accounts were last polled, by any process: what the floor between polls is kept by.

All functions use a connection that is handed in; those that write run inside a transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from poolwatch.host.instants import from_micros, to_micros
from poolwatch.store.doc import UNREADABLE

_PUT: Final = (
    "INSERT INTO polls (account_id, polled_at) VALUES (?, ?)"
    " ON CONFLICT (account_id) DO UPDATE SET polled_at = excluded.polled_at"
)


def claim(held: sqlite3.Connection, account_id: str, now: datetime, floor: timedelta) -> bool:
    """Record a poll unless one less than `floor` from `now` is recorded; whether it may run."""
    row = held.execute("SELECT polled_at FROM polls WHERE account_id = ?", (account_id,)).fetchone()
    if row is not None and isinstance(row[0], int):
        apart = abs(to_micros(now) - row[0])
        if apart < floor // timedelta(microseconds=1):
            return False
    held.execute(_PUT, (account_id, to_micros(now)))
    return True


def note(held: sqlite3.Connection, polled: Mapping[str, datetime]) -> bool:
    """Record polls that no floor binds, by account id."""
    held.executemany(_PUT, [(account_id, to_micros(at)) for account_id, at in polled.items()])
    return True


def last(held: sqlite3.Connection) -> Mapping[str, datetime]:
    """When each account was last polled, by account id; instants that cannot be read are left out."""
    found: dict[str, datetime] = {}
    for account_id, polled_at in held.execute("SELECT account_id, polled_at FROM polls").fetchall():
        with suppress(*UNREADABLE):
            found[account_id] = from_micros(polled_at)
    return found
