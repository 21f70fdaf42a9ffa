"""The facts about the pool that readers find beside the accounts."""

from __future__ import annotations

import sqlite3

from poolwatch.domain.pool import PoolFacts
from poolwatch.store.codec import facts_text
from poolwatch.store.loading import POOL_META


def put_facts(held: sqlite3.Connection, facts: PoolFacts) -> bool:
    """Keep them, inside a transaction; they are read as other readers do, by `read_facts`."""
    held.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (POOL_META, facts_text(facts)))
    return True
