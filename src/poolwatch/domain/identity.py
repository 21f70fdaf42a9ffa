"""Which entries of which sources are the same account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from poolwatch.domain.account import AccountKey, Listing, SourceRef


def resolve(listings: Iterable[Listing]) -> Mapping[SourceRef, AccountKey]:
    """The key of every entry.

    Both ids known: identity is provider, user id, account id. One id missing: the entry joins the
    only account with the same account id and e-mail, if there is just one. Where no account with both
    ids is known, entries of different sources with the same account id and e-mail are one account, so
    that its credits count once; two such entries of one source are ambiguous, and everybody stays alone.
    An account without both ids goes by source and place, of its first entry in order. An e-mail alone
    never makes two entries the same.
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
    alike: dict[tuple[str, str, str], list[Listing]] = defaultdict(list)
    for listing in partial:
        keys[listing.ref] = _place_key(listing)
        if listing.account_id and listing.email:
            alike[_mail_key(listing)].append(listing)
    for mail_key, entries in alike.items():
        same = full_by_mail.get(mail_key, set())
        if len(same) == 1:
            keys |= dict.fromkeys((entry.ref for entry in entries), next(iter(same)))
        elif not same and len({entry.ref.source for entry in entries}) == len(entries):
            first = min(entries, key=lambda entry: (entry.ref.source, entry.ref.place))
            keys |= dict.fromkeys((entry.ref for entry in entries), _place_key(first))
    return keys


def _place_key(listing: Listing) -> AccountKey:
    return AccountKey(listing.provider, source=listing.ref.source, place=listing.ref.place)


def _mail_key(listing: Listing) -> tuple[str, str, str]:
    return (listing.provider, listing.account_id or "", (listing.email or "").casefold())
