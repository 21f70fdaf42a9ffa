"""How long history is kept: every row at first, then one an hour, then the last of each figure.

It is thinned a few accounts at a time, along with what is written, so that no write waits for all of it.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import Final

from poolwatch.host.instants import exact_text, from_micros, to_micros
from poolwatch.store.doc import UNREADABLE, Doc, as_json

#: Rows younger than this are all kept.
FULL: Final = timedelta(days=14)
#: Of rows older than this only the last of each figure stays, for it still holds.
KEPT: Final = timedelta(days=90)
#: An account's rows beyond this many go too, oldest first.
MOST_ROWS: Final = 5_000
#: Rounds are this far apart.
ROUND: Final = timedelta(days=1)
#: After a longer pause a round waits another day: the clock may be wrong.
_PLAUSIBLE: Final = timedelta(days=45)
#: Accounts that are thinned with one write.
_AT_ONCE: Final = 10
_NOTE: Final = "history_round"

# of two rows of one figure in one hour, the earlier; 3600000000: microseconds of an hour
_HOURLY: Final = """DELETE FROM history WHERE account_id = ? AND at < ? AND EXISTS (
    SELECT 1 FROM history n WHERE n.account_id = history.account_id AND n.series = history.series
        AND n.bucket = history.bucket AND n.window = history.window AND n.at > history.at
        AND n.at < (history.at / 3600000000 + 1) * 3600000000)"""
# of two old rows of one figure, the earlier
_OLD: Final = """DELETE FROM history WHERE account_id = ? AND at < ? AND EXISTS (
    SELECT 1 FROM history n WHERE n.account_id = history.account_id AND n.series = history.series
        AND n.bucket = history.bucket AND n.window = history.window AND n.at > history.at AND n.at <= ?)"""
_TOO_MANY: Final = (
    "DELETE FROM history WHERE account_id = ?1 AND at <="
    " (SELECT at FROM history WHERE account_id = ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2)"
)


class Retention:
    """Thins the history of a database, in rounds a day apart; the database knows how far a round is."""

    def __init__(self) -> None:
        self._not_before: datetime | None = None
        self._seen: datetime | None = None

    def thin(self, held: sqlite3.Connection, now: datetime) -> None:
        """Do the next piece, inside the caller's transaction, if one is due. Raises sqlite3.Error."""
        set_back = self._seen is not None and now < self._seen
        self._seen = now
        if self._not_before is not None and now < self._not_before and not set_back:
            return
        begun, after = _noted(held)
        apart = None if begun is None else now - begun
        if begun is None or apart is None or not timedelta(0) <= apart <= _PLAUSIBLE:
            begun, after = now, None
        elif after is None and apart >= ROUND:
            begun, after = now, ""
        if after is not None:
            ids = _ids_after(held, after)
            for account_id in ids:
                _thin_account(held, account_id, now)
            after = ids[-1] if len(ids) == _AT_ONCE else None
        # not within the caller's transaction alone: if that fails, the piece is only done once more
        self._not_before = begun + ROUND if after is None else None
        text = as_json({"begun": exact_text(begun), "after": after})
        held.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_NOTE, text))


def _noted(held: sqlite3.Connection) -> tuple[datetime | None, str | None]:
    row = held.execute("SELECT value FROM meta WHERE name = ?", (_NOTE,)).fetchone()
    try:
        doc = Doc.parse(row[0] if row is not None else None)
        return doc.instant("begun"), doc.text("after")
    except UNREADABLE:
        return None, None


def _ids_after(held: sqlite3.Connection, after: str) -> list[str]:
    """The next accounts with history, each found by one step in the index."""
    ids: list[str] = []
    while len(ids) < _AT_ONCE:
        [found] = held.execute(
            "SELECT min(account_id) FROM history WHERE account_id > ?", (after,)
        ).fetchone()
        if not isinstance(found, str):
            break
        ids.append(found)
        after = found
    return ids


def _thin_account(held: sqlite3.Connection, account_id: str, now: datetime) -> None:
    full, kept = _micros(now, FULL), _micros(now, KEPT)
    held.execute(_OLD, (account_id, kept, kept))
    held.execute(_HOURLY, (account_id, full))
    held.execute(_TOO_MANY, (account_id, MOST_ROWS))


def _micros(now: datetime, ago: timedelta) -> int:
    try:
        return to_micros(now - ago)
    except OverflowError:
        return to_micros(from_micros(0))
