"""Which entries of which sources are the same account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from poolwatch.domain.account import AccountKey, Listing, SourceRef


def resolve(listings: Iterable[Listing]) -> Mapping[SourceRef, AccountKey]:
    """The key of every entry.

    Both ids known: identity is provider, user id, account id. One id missing: the entry joins the
    only account with the same account id and e-mail, if there is just one; else it stays on its own
    under its source and place. An e-mail alone never makes two entries the same.
    """
    keys: dict[SourceRef, AccountKey] = {}
    full_by_mail: dict[tuple[str, str, str], set[AccountKey]] = defaultdict(set)
    partial: list[Listing] = []
    for listing in listings:
        if listing.user_id and listing.account_id:
            key = AccountKey(listing.provider, listing.user_id, listing.account_id)
            keys[listing.ref] = key
            if listing.email:
                full_by_mail[_mail_key(listing)].add(key)
        else:
            partial.append(listing)
    for listing in partial:
        same = full_by_mail.get(_mail_key(listing), set()) if listing.account_id and listing.email else set()
        if len(same) == 1:
            keys[listing.ref] = next(iter(same))
        else:
            keys[listing.ref] = AccountKey(
                listing.provider, source=listing.ref.source, place=listing.ref.place
            )
    return keys


def _mail_key(listing: Listing) -> tuple[str, str, str]:
    return (listing.provider, listing.account_id or "", (listing.email or "").casefold())
