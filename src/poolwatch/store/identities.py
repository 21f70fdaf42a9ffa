"""Whose history the database holds: the ids of every account that it ever kept, and its last e-mail.

They outlive the account's state, as its history does; without them nobody could say whose figures those are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from msgspec import Struct, convert

from poolwatch.domain.account import AccountKey
from poolwatch.domain.state import AccountState
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.spans import clean

_PUT: Final = (
    "INSERT INTO identities VALUES (?, ?, ?, ?, ?) ON CONFLICT (account_id)"
    " DO UPDATE SET email = excluded.email WHERE excluded.email IS NOT NULL AND email IS NOT excluded.email"
)
_ALL: Final = "SELECT account_id, provider, user_id, workspace_id, email FROM identities ORDER BY account_id"


class Identity(Struct, frozen=True):
    """An account that both ids tell from all others; `workspace_id` is its account id at the provider."""

    account_id: str
    provider: str
    user_id: str
    workspace_id: str
    email: str | None = None

    @property
    def key(self) -> AccountKey:
        """The key that a login of it has."""
        return AccountKey(self.provider, self.user_id, self.workspace_id)


def identities_of(accounts: Iterable[AccountState]) -> tuple[Identity, ...]:
    """Those of accounts whose ids are both known."""
    return tuple(
        Identity(
            account.key.id,
            account.key.provider,
            account.key.user_id,
            account.key.account_id,
            next((listing.email for listing in account.listings if listing.email), None),
        )
        for account in accounts
        if account.key.is_full
    )


def put(held: sqlite3.Connection, identities: Iterable[Identity]) -> None:
    """Keep them; an e-mail that is known stays where the new one is not."""
    held.executemany(
        _PUT,
        [
            (each.account_id, *map(clean, (each.provider, each.user_id, each.workspace_id)),
             None if each.email is None else clean(each.email))
            for each in identities
        ],
    )  # fmt: skip


def read(held: sqlite3.Connection) -> tuple[Identity, ...]:
    """All of them, by account id; damaged ones are left out."""
    found: list[Identity] = []
    for row in held.execute(_ALL):
        try:
            identity = Identity(*convert(row, tuple[str, str, str, str, str | None]))
        except UNREADABLE:
            continue
        # surrogates were written otherwise than they were said
        if identity.key.id == identity.account_id:
            found.append(identity)
    return tuple(found)
