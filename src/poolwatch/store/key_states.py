"""How pools answered to keys, for all processes: a row of `meta` for each, by a mark that tells no secret.

A poolwatch that does not know these rows leaves them alone. Functions that write run inside a transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

from poolwatch.domain.state import ON_TRIAL, TRIAL, KeyState
from poolwatch.domain.values import replace
from poolwatch.store.documents import decode_key_state, encode_key_state

_PREFIX: Final = "standing."
_WHERE: Final = "FROM meta WHERE name >= 'standing.' AND name < 'standing/'"
_ALL: Final = f"SELECT name, value {_WHERE}"
_COUNT: Final = f"SELECT COUNT(*) {_WHERE}"
#: Of more than so many the oldest are forgotten; it is looked for those that are over now and then.
_MOST: Final = 2_000
_LOOK_EVERY: Final = 50

# they are looked at several times a second, and mostly the same
_read: Final = lru_cache(maxsize=_MOST)(decode_key_state)


def all_of_them(held: sqlite3.Connection) -> Mapping[str, KeyState]:
    """Every state by its mark; what cannot be read is left out."""
    found: dict[str, KeyState] = {}
    for name, value in held.execute(_ALL).fetchall():
        state = _read(value)
        if state is not None:
            found[name.removeprefix(_PREFIX)] = state
    return found


def put(held: sqlite3.Connection, mark: str, state: KeyState, now: datetime) -> bool:
    """Keep a state; those that are over go, in time."""
    (count,) = held.execute(_COUNT).fetchone()
    if count >= _MOST or count % _LOOK_EVERY == 0:
        _thin(held, mark, now)
    _write(held, mark, state)
    return True


def _thin(held: sqlite3.Connection, mark: str, now: datetime) -> None:
    kept = {each: known for each, known in all_of_them(held).items() if known.holds(now) and each != mark}
    newest = sorted(kept, key=lambda each: kept[each].at, reverse=True)[: _MOST - 1]
    # rows that cannot be read go as well
    gone = {name for name, _ in held.execute(_ALL)} - {_PREFIX + each for each in newest}
    held.executemany("DELETE FROM meta WHERE name = ?", [(name,) for name in gone])


def drop(held: sqlite3.Connection, mark: str) -> bool:
    """Forget a state."""
    held.execute("DELETE FROM meta WHERE name = ?", (_PREFIX + mark,))
    return True


def claim_try(held: sqlite3.Connection, mark: str, now: datetime) -> bool:
    """Whether what is refused may be sent once by hand now; recorded when true."""
    state = _one(held, mark)
    if state is None:
        return True
    if not state.may_be_tried(now):
        return False
    _write(held, mark, replace(state, tried_at=now))
    return True


def claim_trial(held: sqlite3.Connection, mark: str, now: datetime) -> bool:
    """Whether this process is to find out how a secret stands, of which nothing is known; recorded if so."""
    state = _one(held, mark)
    if state is not None and state.holds(now):
        return False
    return put(held, mark, KeyState(ON_TRIAL, now, now + TRIAL), now)


def end_trial(held: sqlite3.Connection, mark: str) -> bool:
    """Forget a trial that came to nothing."""
    state = _one(held, mark)
    return state is not None and state.status == ON_TRIAL and drop(held, mark)


def _one(held: sqlite3.Connection, mark: str) -> KeyState | None:
    row = held.execute("SELECT value FROM meta WHERE name = ?", (_PREFIX + mark,)).fetchone()
    return None if row is None else _read(row[0])


def _write(held: sqlite3.Connection, mark: str, state: KeyState) -> None:
    held.execute(
        "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_PREFIX + mark, encode_key_state(state))
    )
