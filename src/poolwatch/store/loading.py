"""What a database holds, as values. Damaged rows are left out and counted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.domain.pool import AccountState, PoolFacts, PoolState, Recalled, SourceState, apply
from poolwatch.store.codec import decode_account, failure_fields, failure_from
from poolwatch.store.doc import UNREADABLE, Doc, Fields, as_json, digits, tidy
from poolwatch.store.usage_codec import instant_text

FILE_NAME: Final = "poolwatch.db"
#: The key of `meta` under which the facts about the pool stand.
POOL_META: Final = "pool"


class Loaded(Struct, frozen=True):
    """The accounts that could be read, and how many could not."""

    accounts: tuple[AccountState, ...]
    skipped: int


class ReadingsCache:
    """Decoded accounts by their stored text: a row that did not change stays the very same value."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, AccountState]] = {}

    def decode(self, account_id: str, text: str) -> AccountState | None:
        """The account, decoded only when its text is new."""
        held = self._held.get(account_id)
        if held is not None and held[0] == text:
            return held[1]
        account = decode_account(text)
        if account is None:
            self._held.pop(account_id, None)
        else:
            self._held[account_id] = (text, account)
        return account


def tolerant_text(raw: bytes) -> str:
    """Text columns of a damaged file: what is no UTF-8 becomes replacement characters."""
    return raw.decode("utf-8", "replace")


def read_accounts(
    connection: sqlite3.Connection, cache: ReadingsCache | None = None, *, lately: bool = True
) -> Loaded:
    """All stored accounts, their recent past only with `lately`.

    sqlite3.Error when the table cannot be read.
    """
    accounts: list[AccountState] = []
    skipped = 0
    for account_id, text in connection.execute("SELECT account_id, doc FROM readings ORDER BY account_id"):
        known = cache is not None and isinstance(account_id, str) and isinstance(text, str)
        account = (
            cache.decode(account_id, text)
            if cache is not None and known
            else decode_account(text, lately=lately)
        )
        if account is None or account.key.id != account_id:
            skipped += 1
        else:
            accounts.append(account)
    return Loaded(tuple(accounts), skipped)


def read_facts(connection: sqlite3.Connection) -> PoolFacts:
    """The facts about the pool; none when they are missing or damaged. sqlite3.Error as above."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (POOL_META,)).fetchone()
    if row is None:
        return PoolFacts()
    try:
        return _facts(Doc.parse(row[0]))
    except UNREADABLE:
        return PoolFacts()


def pool_of(accounts: Iterable[AccountState], facts: PoolFacts) -> PoolState:
    """The pool as last known; each source lists the entries that the accounts remember of it."""
    return apply(PoolState(settled=True), Recalled(tuple(accounts), whole=True, facts=facts))


def facts_text(facts: PoolFacts) -> str:
    """The stored form of the facts."""
    return as_json(
        tidy(
            {
                "name": facts.name,
                "clock_offset_us": facts.clock_offset // timedelta(microseconds=1),
                "rates": {name: digits(rate) for name, rate in facts.rates.items()},
                "sources": [_source_fields(source) for source in facts.sources],
            }
        )
    )


def _facts(doc: Doc) -> PoolFacts:
    return PoolFacts(
        name=doc.text("name"),
        clock_offset=timedelta(microseconds=doc.whole("clock_offset_us") or 0),
        sources=tuple(_source(Doc(item)) for item in doc.items("sources")),
        rates=_rates(doc.part("rates")),
    )


def _rates(doc: Doc | None) -> dict[str, Decimal]:
    if doc is None:
        return {}
    return {name: rate for name in doc.names if (rate := doc.decimal(name)) is not None}


def _source_fields(source: SourceState) -> Fields:
    return tidy(
        {
            "name": source.name,
            "listed_at": instant_text(source.listed_at),
            "failure": failure_fields(source.failure),
            "failing_since": instant_text(source.failing_since),
        }
    )


def _source(doc: Doc) -> SourceState:
    return SourceState(
        doc.need_text("name"),
        listed_at=doc.instant("listed_at"),
        failure=failure_from(doc.part("failure")),
        failing_since=doc.instant("failing_since"),
    )
