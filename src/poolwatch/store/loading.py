"""What a database holds, as values. Damaged rows are left out and counted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final
from weakref import ref

from msgspec import Struct

from poolwatch.domain.pool import AccountState, PoolFacts, PoolState, Recalled, apply
from poolwatch.store.codec import decode_account, facts_from

FILE_NAME: Final = "poolwatch.db"
#: What SQLite writes beside it.
BESIDE: Final = ("-journal", "-wal", "-shm")
#: The key of `meta` under which the facts about the pool stand.
POOL_META: Final = "pool"
#: SQLite's pages held in memory, in KiB: rows are read once, one after the other, and then known as values.
SMALL_CACHE: Final = "PRAGMA cache_size = -256"
# as bytes: the decoder takes them as they are
_ROWS: Final = "SELECT account_id, CAST(doc AS BLOB) FROM readings"


class Loaded(Struct, frozen=True):
    """The accounts that could be read, and how many could not."""

    accounts: tuple[AccountState, ...]
    skipped: int


class ReadingsCache:
    """Decoded accounts by their stored text: a row that did not change stays the very same value.

    It holds no account that nobody else holds. Use it on one thread at a time.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        #: with each account the hash of its text: 64 bits, keyed anew by each process
        self._held: dict[str, tuple[int, ref[AccountState]]] = {}

    def accounts(self, ids: Iterable[str]) -> tuple[AccountState, ...] | None:
        """These accounts as they were last decoded; None where one of them is held by nobody."""
        found = []
        for account_id in ids:
            known = self._held.get(account_id)
            account = known[1]() if known is not None else None
            if account is None:
                return None
            found.append(account)
        return tuple(found)

    def decode(self, account_id: str, text: bytes) -> AccountState | None:
        """The account, decoded only when its text is new."""
        print_of_text = hash(text)
        known = self._held.get(account_id)
        if known is not None and known[0] == print_of_text and (account := known[1]()) is not None:
            return account
        account = decode_account(text)
        if account is None:
            self._held.pop(account_id, None)
        else:
            self._held[account_id] = print_of_text, ref(account)
        return account


def tolerant_text(raw: bytes) -> str:
    """Text columns of a damaged file: what is no UTF-8 becomes replacement characters."""
    return raw.decode("utf-8", "replace")


def read_accounts(connection: sqlite3.Connection, cache: ReadingsCache | None = None) -> Loaded:
    """All stored accounts, by id. sqlite3.Error when the table cannot be read."""
    return _loaded(connection.execute(f"{_ROWS} ORDER BY account_id"), cache)


def read_as_they_lie(connection: sqlite3.Connection, cache: ReadingsCache) -> Loaded:
    """The same in no order, which is faster by a tenth; also rows that stand under another account's id.

    To make all ids takes a while, and who reads again with the same cache may leave it to then.
    """
    return _loaded(connection.execute(_ROWS), cache, checks_ids=False)


def read_some(connection: sqlite3.Connection, ids: Iterable[str], cache: ReadingsCache) -> Loaded:
    """Those of these accounts that are stored. sqlite3.Error as above."""
    rows = (row for each in ids for row in connection.execute(f"{_ROWS} WHERE account_id = ?", (each,)))
    return _loaded(rows, cache)


def read_facts(connection: sqlite3.Connection) -> PoolFacts:
    """The facts about the pool; none when they are missing or damaged. sqlite3.Error as above."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (POOL_META,)).fetchone()
    return PoolFacts() if row is None else facts_from(row[0])


def pool_of(accounts: Iterable[AccountState], facts: PoolFacts) -> PoolState:
    """The pool as last known; each source lists the entries that the accounts remember of it."""
    return apply(PoolState(settled=True), Recalled(tuple(accounts), whole=True, facts=facts))


def _loaded(
    rows: Iterable[tuple[object, object]], cache: ReadingsCache | None, *, checks_ids: bool = True
) -> Loaded:
    accounts: list[AccountState] = []
    skipped = 0
    for account_id, text in rows:
        if cache is not None and isinstance(account_id, str) and isinstance(text, bytes):
            account = cache.decode(account_id, text)
        else:
            account = decode_account(text)
        if account is None or (checks_ids and account.key.id != account_id):
            skipped += 1
        else:
            accounts.append(account)
    return Loaded(tuple(accounts), skipped)
