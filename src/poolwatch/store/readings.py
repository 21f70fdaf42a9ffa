"""What a database holds of the accounts and of the pool, as values. Damaged rows are left out and counted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from poolwatch.domain.events import LookedAhead, Recalled
from poolwatch.domain.outlook import AccountOutlook, PoolOutlook
from poolwatch.domain.pool import apply
from poolwatch.domain.state import AccountState, PoolFacts, PoolState
from poolwatch.host.instants import to_micros
from poolwatch.store.documents import decode_account, decode_facts, encode_facts
from poolwatch.store.opening import open_to_look

if TYPE_CHECKING:
    from poolwatch.domain.series import FigureName, Timeline

#: The key of `meta` under which the facts about the pool stand.
_POOL: Final = "pool"
# as bytes: the decoder takes them as they are
_ROWS: Final = "SELECT account_id, CAST(doc AS BLOB) FROM readings"
_PUT: Final = (
    "INSERT INTO readings (account_id, doc, updated_at) VALUES (?, ?, ?) ON CONFLICT (account_id)"
    " DO UPDATE SET doc = excluded.doc, updated_at = excluded.updated_at"
)


class Loaded(Struct, frozen=True):
    """The accounts that could be read, and how many could not."""

    accounts: tuple[AccountState, ...]
    skipped: int


class AccountCache:
    """Decoded accounts: a row that did not change stays the very same value. For one thread at a time."""

    def __init__(self) -> None:
        #: with each account the hash of its document: 64 bits, keyed anew by each process
        self._known: dict[str, tuple[int, AccountState]] = {}

    def decode(self, account_id: str, document: bytes) -> AccountState | None:
        """The account, decoded only when its document is new."""
        known = self._known.get(account_id)
        if known is not None and known[0] == hash(document):
            return known[1]
        account = decode_account(document)
        if account is None:
            self.forget((account_id,))
        else:
            self._known[account_id] = hash(document), account
        return account

    def forget(self, ids: Iterable[str]) -> None:
        """Hold these accounts no longer: who wrote them anew knows them better."""
        for account_id in ids:
            self._known.pop(account_id, None)


def read_pool(state_dir: Path) -> PoolState | None:
    """The pool as last stored, or None when there is no database that can be read. Never raises or writes."""
    stored = read_stored(state_dir, AccountCache())
    if stored is None:
        return None
    accounts, facts = stored
    state = apply(PoolState(settled=True), Recalled(accounts, whole=True, facts=facts))
    ahead, pool = read_outlooks(state_dir)
    known = {key: ahead[key.id] for key in state.accounts if key.id in ahead}
    return apply(state, LookedAhead(known, pool)) if known or pool is not None else state


def read_outlooks(state_dir: Path) -> tuple[Mapping[str, AccountOutlook], PoolOutlook | None]:
    """What was foretold, by account id, and of the pool; nothing where that cannot be read."""
    from poolwatch.store import outlooks  # the first screen does without

    connection = open_to_look(state_dir, "ro")
    if connection is None:
        return {}, None
    with closing(connection):
        try:
            return outlooks.read(connection)
        except (sqlite3.Error, OverflowError, UnicodeError):
            return {}, None


def read_timelines(
    state_dir: Path, wanted: Iterable[tuple[str, FigureName]], since: datetime, until: datetime
) -> list[Timeline]:
    """These figures of accounts over a time, as `Database.timeline`; empty where they cannot be read."""
    from poolwatch.domain.series import Timeline  # likewise
    from poolwatch.store import history

    wanted = list(wanted)
    connection = open_to_look(state_dir, "ro") if wanted else None
    if connection is None:
        return [Timeline()] * len(wanted)
    with closing(connection):
        try:
            connection.execute("BEGIN")
            return [history.timeline(connection, key, name, since, until) for key, name in wanted]
        except (sqlite3.Error, OverflowError, UnicodeError):
            return [Timeline()] * len(wanted)


def read_stored(state_dir: Path, cache: AccountCache) -> tuple[tuple[AccountState, ...], PoolFacts] | None:
    """The accounts and the facts by themselves; None likewise."""
    # after a poller was killed while it wrote, only a connection that may write can undo the half commit
    for mode in ("ro", "rw"):
        connection = open_to_look(state_dir, mode)
        if connection is None:
            continue
        with closing(connection):
            try:
                connection.execute("BEGIN")
                return read_accounts(connection, cache).accounts, read_facts(connection)
            except (sqlite3.Error, OverflowError, UnicodeError):
                continue
    return None


def read_accounts(held: sqlite3.Connection, cache: AccountCache) -> Loaded:
    """All stored accounts, by id. sqlite3.Error when the table cannot be read."""
    return _loaded(held.execute(f"{_ROWS} ORDER BY account_id"), cache)


def read_some(held: sqlite3.Connection, ids: Iterable[str], cache: AccountCache) -> Loaded:
    """Those of these accounts that are stored. sqlite3.Error as above."""
    return _loaded(
        (row for each in ids for row in held.execute(f"{_ROWS} WHERE account_id = ?", (each,))), cache
    )


def put_accounts(held: sqlite3.Connection, documents: Iterable[tuple[str, str]], at: datetime) -> None:
    """Keep documents by account id, inside a transaction."""
    held.executemany(_PUT, [(account_id, document, to_micros(at)) for account_id, document in documents])


def drop_accounts(held: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Forget these accounts, inside a transaction; their history stays."""
    held.executemany("DELETE FROM readings WHERE account_id = ?", [(account_id,) for account_id in ids])


def read_facts(held: sqlite3.Connection) -> PoolFacts:
    """The facts about the pool; none when they are missing or damaged. sqlite3.Error as above."""
    row = held.execute("SELECT value FROM meta WHERE name = ?", (_POOL,)).fetchone()
    return PoolFacts() if row is None else decode_facts(row[0])


def put_facts(held: sqlite3.Connection, facts: PoolFacts) -> bool:
    """Keep them, inside a transaction."""
    held.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_POOL, encode_facts(facts)))
    return True


def _loaded(rows: Iterable[tuple[object, object]], cache: AccountCache) -> Loaded:
    accounts: list[AccountState] = []
    skipped = 0
    for account_id, document in rows:
        account = None
        if isinstance(account_id, str) and isinstance(document, bytes):
            account = cache.decode(account_id, document)
        if account is None or account.key.id != account_id:
            skipped += 1
        else:
            accounts.append(account)
    return Loaded(tuple(accounts), skipped)
