"""Entries of sources, and the accounts that they were put together into."""

from __future__ import annotations

from poolwatch.domain.account import AccountKey, SourceRef
from poolwatch.domain.state import PoolState


def account_of_entry(pool: PoolState, ref: SourceRef) -> AccountKey | None:
    """The account that an entry of a source belongs to."""
    found = [
        key
        for key, account in pool.accounts.items()
        if any(listing.ref == ref for listing in account.listings)
    ]
    assert len(found) <= 1
    return found[0] if found else None
