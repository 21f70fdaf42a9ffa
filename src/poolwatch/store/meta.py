"""What is written of the whole pool: who polls, and facts. Functions that write run inside a transaction."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Final

from poolwatch.domain.pool import PoolFacts
from poolwatch.store.codec import facts_text
from poolwatch.store.doc import UNREADABLE, Doc, as_json
from poolwatch.store.instants import to_text
from poolwatch.store.loading import POOL_META
from poolwatch.store.records import Owner

_OWNER: Final = "owner"
_HEARTBEAT: Final = "heartbeat"


def put_owner(held: sqlite3.Connection, owner: Owner) -> bool:
    """Write down who polls; his start counts as a sign of life."""
    _put(held, _OWNER, as_json({"pid": owner.pid, "host": owner.host, "since": to_text(owner.since)}))
    return put_heartbeat(held, owner.heartbeat_at or owner.since)


def put_heartbeat(held: sqlite3.Connection, now: datetime) -> bool:
    """Write down that the poller lives."""
    _put(held, _HEARTBEAT, to_text(now))
    return True


def clear_owner(held: sqlite3.Connection) -> bool:
    """Nobody polls any more."""
    held.execute("DELETE FROM meta WHERE name IN (?, ?)", (_OWNER, _HEARTBEAT))
    return True


def owner(held: sqlite3.Connection) -> Owner | None:
    """Who polls, as last said; None too when what was said cannot be read."""
    said = dict(
        held.execute("SELECT name, value FROM meta WHERE name IN (?, ?)", (_OWNER, _HEARTBEAT)).fetchall()
    )
    try:
        doc = Doc.parse(said.get(_OWNER))
        beat = Doc({"at": said.get(_HEARTBEAT)}).instant("at")
        pid = doc.whole("pid")
        return None if pid is None else Owner(pid, doc.need_text("host"), doc.need_instant("since"), beat)
    except UNREADABLE:
        return None


def put_facts(held: sqlite3.Connection, facts: PoolFacts) -> bool:
    """Keep what is true of the whole pool; it is read as other readers do, by `read_facts`."""
    _put(held, POOL_META, facts_text(facts))
    return True


def _put(held: sqlite3.Connection, name: str, value: str) -> None:
    held.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))
