"""The state of the pool, and the one function by which events change it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from poolwatch.domain.account import (
    AccountKey,
    Custody,
    Listing,
    SourceRef,
    TokenFacts,
    name_accounts,
    resolve,
)
from poolwatch.domain.events import (
    BalanceRead,
    BalancesTold,
    KeptTold,
    LimitsTold,
    Listed,
    LookedAhead,
    PoolEvent,
    ReadingArrived,
    Recalled,
    RefreshMoved,
    SourceFailed,
)
from poolwatch.domain.failure import FailureKind, failure
from poolwatch.domain.state import (
    AccountState,
    PoolState,
    SourceState,
    is_unchanged,
)
from poolwatch.domain.transitions import after_read, after_refresh, with_listings
from poolwatch.domain.values import replace


def apply(state: PoolState, event: PoolEvent) -> PoolState:
    """The state after the event. A failure never erases the last good reading."""
    match event:
        case Listed():
            return _with_kept(_listed(state, event))
        case SourceFailed():
            return _source_failed(state, event)
        case ReadingArrived():
            account = state.accounts.get(event.key)
            if account is None:
                return state
            changed = after_read(account, event)
            offset = state.clock_offset if event.clock_offset is None else event.clock_offset
            return replace(state, accounts={**state.accounts, event.key: changed}, clock_offset=offset)
        case RefreshMoved():
            account = state.accounts.get(event.key)
            if account is None:
                return state
            return replace(state, accounts={**state.accounts, event.key: after_refresh(account, event)})
        case Recalled():
            return _with_kept(_recalled(state, event))
        case KeptTold():
            return _with_kept(replace(state, kept=event.files))
        case LimitsTold():
            return replace(
                state,
                budgets=state.budgets if event.budgets is None else event.budgets,
                alerts=state.alerts if event.alerts is None else event.alerts,
                channels=state.channels if event.channels is None else event.channels,
            )
        case BalanceRead():
            return _balance_read(state, event)
        case BalancesTold():
            return replace(state, balances=event.balances)
        case LookedAhead():
            told = {
                key: replace(state.accounts[key], outlook=outlook)
                for key, outlook in event.accounts.items()
                if key in state.accounts
            }
            pool = state.outlook if event.pool is None else event.pool
            return replace(state, accounts={**state.accounts, **told}, outlook=pool)


def _balance_read(state: PoolState, event: BalanceRead) -> PoolState:
    """Of a source whose balance is watched; the last good answer outlives a failure."""
    held = state.balances.get(event.source)
    if held is None:
        return state
    read = held.read(event.outcome, event.at)
    return replace(state, balances={**state.balances, event.source: read})


def _with_kept(state: PoolState) -> PoolState:
    """The state with each account told which of its logins waits for a place."""
    newest = {each.key: each for each in reversed(state.kept)}
    told = {
        key: replace(account, kept=newest.get(key))
        for key, account in state.accounts.items()
        if account.kept != newest.get(key)
    }
    return replace(state, accounts={**state.accounts, **told}) if told else state


def _recalled(state: PoolState, event: Recalled) -> PoolState:
    accounts = {} if event.whole else dict(state.accounts)
    for stored in event.accounts:
        held = state.accounts.get(stored.key)
        if held is None or event.whole:
            refresh = held.refresh if held is not None and stored.refresh is None else stored.refresh
            outlook = None if held is None else held.outlook
            is_same = refresh is stored.refresh and outlook is stored.outlook
            accounts[stored.key] = stored if is_same else replace(stored, refresh=refresh, outlook=outlook)
        elif stored.tried_at is not None and (held.tried_at is None or stored.tried_at > held.tried_at):
            kept = replace(stored, name=held.name, refresh=held.refresh, outlook=held.outlook)
            accounts[stored.key] = with_listings(kept, held.listings)
    recalled = replace(state, accounts=accounts)
    facts = event.facts
    if facts is None:
        return recalled
    if not event.whole or not facts.sources:
        return replace(recalled, rates={**facts.rates, **state.rates})
    entries = [listing for account in accounts.values() for listing in account.listings]
    sources = {
        source.name: replace(
            source, listings=tuple(entry for entry in entries if entry.ref.source == source.name)
        )
        for source in facts.sources
    }
    return replace(recalled, sources=sources, rates=facts.rates, clock_offset=facts.clock_offset)


def _listed(state: PoolState, event: Listed) -> PoolState:
    # the very entries that are held, where they say the same: they are not kept twice
    held = {entry.ref: entry for account in state.accounts.values() for entry in account.listings}
    entries = tuple(
        known if (known := held.get(entry.ref)) == entry and known is not None else entry
        for entry in event.listings
    )
    sources = {**state.sources, event.source: SourceState(event.source, entries, event.at)}
    rates = state.rates
    if event.credits_per_usd is not None:
        rates = {**rates, event.source: event.credits_per_usd}
    listings = [listing for source in sources.values() for listing in source.listings]
    # what the store remembers of sources that have not answered yet stays on screen
    for account in state.accounts.values():
        listings += [entry for entry in account.listings if entry.ref.source not in sources]
    accounts = _regrouped(state, listings, event.at)
    return replace(state, sources=sources, rates=rates, accounts=accounts)


def _source_failed(state: PoolState, event: SourceFailed) -> PoolState:
    known = state.sources.get(event.source) or SourceState(
        event.source,
        tuple(
            listing
            for account in state.accounts.values()
            for listing in account.listings
            if listing.ref.source == event.source
        ),
    )
    failed = replace(known, failure=event.failure, failing_since=known.failing_since or event.at)
    return replace(state, sources={**state.sources, event.source: failed})


def _regrouped(state: PoolState, listings: Sequence[Listing], at: datetime) -> dict[AccountKey, AccountState]:
    before = {entry.ref: account for account in state.accounts.values() for entry in account.listings}
    # sources answer in any order; what they say together does not depend on it
    ordered = sorted(listings, key=lambda listing: (listing.ref.source, listing.ref.place))
    listings = [_remembering(listing, before.get(listing.ref)) for listing in ordered]
    keys = resolve(listings)
    # the very keys that are held: their ids are known already
    held_keys = {key: key for key in state.accounts}
    grouped: dict[AccountKey, list[Listing]] = defaultdict(list)
    for listing in listings:
        key = keys[listing.ref]
        grouped[held_keys.get(key, key)].append(listing)
    names = name_accounts(grouped, state.rules)
    twins = _twins(listings)
    result: dict[AccountKey, AccountState] = {}
    for key, entries in grouped.items():
        known = held = state.accounts.get(key)
        if held is None or (not key.is_full and _is_swapped(entries, held)):
            held = _heir(key, entries, before)
        account = with_listings(held, entries)
        if account.name != names[key]:
            account = replace(account, name=names[key])
        account = _with_conflict(account, twins, at)
        # the very same value where a list told nothing new: whoever drew it need not draw it again
        same = known is not None and (known is account or is_unchanged(known, account))
        result[key] = known if known is not None and same else account
    return result


def _remembering(listing: Listing, former: AccountState | None) -> Listing:
    """A file that cannot be read at the moment is still the login that it was, with its tokens."""
    if listing.problem is None or former is None:
        return listing
    known = next(entry for entry in former.listings if entry.ref == listing.ref)
    if not listing.user_id and not listing.account_id:
        return replace(known, problem=listing.problem, disabled=listing.disabled)
    same = (known.user_id, known.account_id) == (listing.user_id, listing.account_id)
    return replace(listing, token=known.token) if same and listing.token == TokenFacts() else listing


def _twins(listings: Sequence[Listing]) -> dict[SourceRef, Listing]:
    """For each login file whose refresh token another file holds too: that other file.

    It matters only where poolwatch may spend one of them; pools do not show their tokens.
    """
    holders: dict[str, dict[str, Listing]] = defaultdict(dict)
    for listing in listings:
        mark = listing.token.refresh_fingerprint
        if mark is not None and listing.custody is not Custody.POOL:
            holders[mark].setdefault(listing.ref.place, listing)
    found: dict[SourceRef, Listing] = {}
    for places in holders.values():
        files = list(places.values())
        if len(files) > 1 and any(each.custody is Custody.POOLWATCH for each in files):
            found |= {each.ref: files[1] if each is files[0] else files[0] for each in files}
    return found


def _with_conflict(account: AccountState, twins: Mapping[SourceRef, Listing], at: datetime) -> AccountState:
    if not twins and account.login_trouble is None:
        return account
    own_first = sorted(account.listings, key=lambda entry: entry.custody is not Custody.POOLWATCH)
    other = next((twins[entry.ref] for entry in own_first if entry.ref in twins), None)
    known = account.login_trouble
    conflicts = known is not None and known.kind is FailureKind.CONFLICT
    if other is None:
        return replace(account, login_trouble=None) if conflicts else account
    if conflicts or account.ambiguous:
        return account
    place = other.path or other.ref.place
    trouble = failure(FailureKind.CONFLICT, "login.also_in", place=place, detail=place).since(at)
    return replace(account, login_trouble=trouble)


def _heir(
    key: AccountKey, entries: Sequence[Listing], before: Mapping[SourceRef, AccountState]
) -> AccountState:
    """Who takes over the readings that an entry had under another key.

    A place that learns its ids keeps them, and so does one that loses a companion which knew them; a place
    whose login was swapped starts anew. Where the same tokens are used for another workspace, what is known
    of the tokens stays true, and no figure does.
    """
    for entry in entries:
        former = before.get(entry.ref)
        if former is None or _is_swapped([entry], former):
            continue
        if not former.key.is_full or _is_unchanged(entry, former):
            return replace(former, key=key)
    for entry in entries:
        former = before.get(entry.ref)
        if former is not None and _holds_same_tokens(entry, former):
            return AccountState(
                key,
                rejected=former.rejected,
                dead_login=former.dead_login,
                login_trouble=former.login_trouble,
            )
    return AccountState(key)


def _holds_same_tokens(entry: Listing, former: AccountState) -> bool:
    was = next((each.token for each in former.listings if each.ref == entry.ref), TokenFacts())
    mark = was.refresh_fingerprint or was.fingerprint
    return mark is not None and mark in (entry.token.refresh_fingerprint, entry.token.fingerprint)


def _is_unchanged(entry: Listing, former: AccountState) -> bool:
    was = next((each for each in former.listings if each.ref == entry.ref), None)
    if was is None or not entry.account_id:
        return False
    return (was.user_id, was.account_id, was.email) == (entry.user_id, entry.account_id, entry.email)


def _is_swapped(entries: Sequence[Listing], former: AccountState) -> bool:
    """Whether one of these places holds another login than it did; ids that were not known say nothing."""
    known = {each.ref: each for each in former.listings}
    return any(
        _contradict(was.account_id, entry.account_id) or _contradict(was.user_id, entry.user_id)
        for entry in entries
        if (was := known.get(entry.ref)) is not None
    )


def _contradict(one: str | None, other: str | None) -> bool:
    return bool(one and other and one != other)
