"""The state of the pool, and the one function by which events change it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from poolwatch.domain.account import CUSTODY_ORDER, AccountKey, Custody, Listing, LoginKind, SourceRef
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, Trouble
from poolwatch.domain.identity import resolve
from poolwatch.domain.naming import Name, NamingRule, first_email, name_accounts
from poolwatch.domain.refresh import Change, RefreshProgress, TokenOutcome, TokenStep, usage_changes
from poolwatch.domain.usage import Usage, UsageSnapshot

#: How many lines an account's "lately" keeps in memory.
LATELY_KEPT: Final = 12


@dataclass(frozen=True, slots=True)
class DeadLogin:
    """A refresh token (keyed fingerprint) that the issuer refused for good."""

    refresh_fingerprint: str | None
    problem: LoginProblem
    since: datetime


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of an account's recent past: figures that moved, a failure, or a finished refresh."""

    at: datetime
    changes: tuple[Change, ...] = ()
    failure: Failure | None = None
    refresh: RefreshProgress | None = None


@dataclass(frozen=True, eq=False)
class AccountState:
    """All that is known of one account. Instants are aware UTC; there is no secret in it."""

    key: AccountKey
    listings: tuple[Listing, ...] = ()
    name: Name = field(default_factory=lambda: Name(""))
    usage: Usage = field(default_factory=Usage)
    read_at: datetime | None = None
    tried_at: datetime | None = None
    #: polls in a row that brought no reading; drives the backoff
    failures: int = 0
    reading_trouble: Trouble | None = None
    login_trouble: Trouble | None = None
    dead_login: DeadLogin | None = None
    #: keyed fingerprints of access tokens that a 401 rejected
    rejected: frozenset[str] = frozenset()
    deactivations: int = 0
    refresh: RefreshProgress | None = None
    lately: tuple[Happening, ...] = ()

    @property
    def email(self) -> str | None:
        """The e-mail of the first entry that has one."""
        return first_email(self.listings)

    @property
    def plan(self) -> str | None:
        """The plan as the usage endpoint says it, else as the login says it."""
        if self.usage.plan is not None and self.usage.plan.value:
            return self.usage.plan.value
        return next((listing.plan for listing in self.listings if listing.plan), None)

    @property
    def custody(self) -> Custody:
        """The custody under which a refresh will act."""
        return self.acting.custody if self.listings else Custody.OTHER

    @property
    def acting(self) -> Listing:
        """The entry under which a refresh acts; of equals the one whose token lives longest."""
        return min(self.listings, key=_acting_order)

    @property
    def is_api_key(self) -> bool:
        """Whether every login of the account is an API key, which has no usage figures."""
        return bool(self.listings) and all(listing.login is LoginKind.API_KEY for listing in self.listings)

    @property
    def ambiguous(self) -> bool:
        """Whether the reply to a token exchange was lost, so that the login may be spent."""
        return self.login_trouble is not None and self.login_trouble.kind is FailureKind.AMBIGUOUS

    @property
    def trouble(self) -> Trouble | None:
        """The trouble shown: what endangers the login first, then the reading, then the token step."""
        login = self.login_trouble
        if login is not None and login.kind in (FailureKind.AMBIGUOUS, FailureKind.CONFLICT):
            return login
        return self.reading_trouble or login

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of all sources that list the account, in order."""
        return tuple(dict.fromkeys(listing.ref.source for listing in self.listings))


def _acting_order(listing: Listing) -> tuple[bool, int, float]:
    expires = listing.token.expires_at
    usable = listing.disabled or listing.problem is not None
    return (usable, CUSTODY_ORDER.index(listing.custody), -(expires.timestamp() if expires else 0.0))


@dataclass(frozen=True, eq=False)
class SourceState:
    """One source: what it lists, when it last answered, and what keeps it from answering."""

    name: str
    listings: tuple[Listing, ...] = ()
    listed_at: datetime | None = None
    failure: Failure | None = None
    failing_since: datetime | None = None


@dataclass(frozen=True, eq=False)
class PoolState:
    """The whole pool at one moment; replaced, never changed."""

    accounts: Mapping[AccountKey, AccountState] = field(default_factory=dict)
    sources: Mapping[str, SourceState] = field(default_factory=dict)
    rules: tuple[NamingRule, ...] = ()
    #: what the server's clock is ahead of ours
    clock_offset: timedelta = timedelta(0)
    #: every configured source has answered (or failed) at least once
    settled: bool = False

    def key_of(self, ref: SourceRef) -> AccountKey | None:
        """The account that an entry of a source belongs to now."""
        for key, account in self.accounts.items():
            if any(listing.ref == ref for listing in account.listings):
                return key
        return None


@dataclass(frozen=True, slots=True)
class Listed:
    """A source said which accounts it has: the whole list, which replaces its former one."""

    source: str
    listings: tuple[Listing, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class SourceFailed:
    """A source could not say which accounts it has; what it last said stays."""

    source: str
    failure: Failure
    at: datetime


@dataclass(frozen=True, slots=True)
class Read:
    """The outcome of asking one source for one account's usage.

    `at` is when the figures were true; `token_fingerprint` names the access token that was sent.
    """

    key: AccountKey
    source: str
    at: datetime
    outcome: UsageSnapshot | Failure
    token_fingerprint: str | None = None
    clock_offset: timedelta | None = None


@dataclass(frozen=True, slots=True)
class RefreshMoved:
    """A refresh of one account moved on; `progress` None clears the line."""

    key: AccountKey
    progress: RefreshProgress | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the store holds: at the start, and whenever another process read an account."""

    accounts: tuple[AccountState, ...]
    #: the store is all there is (a viewer): accounts that it lacks are gone
    whole: bool = False


PoolEvent = Listed | SourceFailed | Read | RefreshMoved | Recalled


def apply(state: PoolState, event: PoolEvent) -> PoolState:
    """The state after the event. A failure never erases the last good reading."""
    match event:
        case Listed():
            return _listed(state, event)
        case SourceFailed():
            return _source_failed(state, event)
        case Read():
            account = state.accounts.get(event.key)
            if account is None:
                return state
            changed = _read(account, event)
            offset = state.clock_offset if event.clock_offset is None else event.clock_offset
            return replace(state, accounts={**state.accounts, event.key: changed}, clock_offset=offset)
        case RefreshMoved():
            account = state.accounts.get(event.key)
            if account is None:
                return state
            return replace(state, accounts={**state.accounts, event.key: _refreshed(account, event)})
        case Recalled():
            return _recalled(state, event)


def _recalled(state: PoolState, event: Recalled) -> PoolState:
    accounts = {} if event.whole else dict(state.accounts)
    for stored in event.accounts:
        held = state.accounts.get(stored.key)
        if held is None or event.whole:
            refresh = held.refresh if held is not None and stored.refresh is None else stored.refresh
            accounts[stored.key] = replace(stored, refresh=refresh)
        elif stored.tried_at is not None and (held.tried_at is None or stored.tried_at > held.tried_at):
            kept = replace(stored, listings=held.listings, name=held.name, refresh=held.refresh)
            accounts[stored.key] = _with_new_tokens(kept)
    return replace(state, accounts=accounts)


def _listed(state: PoolState, event: Listed) -> PoolState:
    source = SourceState(event.source, event.listings, event.at)
    sources = {**state.sources, event.source: source}
    listings = [listing for each in sources.values() for listing in each.listings]
    # what the store remembers of sources that have not answered yet stays on screen
    for account in state.accounts.values():
        listings += [entry for entry in account.listings if entry.ref.source not in sources]
    return replace(state, sources=sources, accounts=_regrouped(state, listings))


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


def _regrouped(state: PoolState, listings: Sequence[Listing]) -> dict[AccountKey, AccountState]:
    keys = resolve(listings)
    grouped: dict[AccountKey, list[Listing]] = defaultdict(list)
    for listing in listings:
        grouped[keys[listing.ref]].append(listing)
    names = name_accounts(grouped, state.rules)
    before = {entry.ref: account for account in state.accounts.values() for entry in account.listings}
    result: dict[AccountKey, AccountState] = {}
    for key, entries in grouped.items():
        held = state.accounts.get(key) or _heir(key, entries, before)
        account = replace(held, listings=tuple(entries), name=names[key])
        result[key] = _with_new_tokens(account)
    return result


def _heir(
    key: AccountKey, entries: Sequence[Listing], before: Mapping[SourceRef, AccountState]
) -> AccountState:
    """A place that learns its ids keeps its readings; a place whose login was swapped starts anew."""
    for entry in entries:
        former = before.get(entry.ref)
        if former is not None and not former.key.is_full:
            return replace(former, key=key)
    return AccountState(key)


def _with_new_tokens(account: AccountState) -> AccountState:
    """Forget verdicts about tokens that no entry holds any more."""
    held = {listing.token.fingerprint for listing in account.listings}
    rejected = account.rejected & {mark for mark in held if mark is not None}
    refreshers = {listing.token.refresh_fingerprint for listing in account.listings}
    dead = account.dead_login
    if (
        dead is not None
        and dead.refresh_fingerprint is not None
        and dead.refresh_fingerprint not in refreshers
    ):
        return replace(account, rejected=rejected, dead_login=None, login_trouble=None)
    return replace(account, rejected=rejected)


def _read(account: AccountState, event: Read) -> AccountState:
    if isinstance(event.outcome, Failure):
        return _read_failed(account, event, event.outcome)
    usage = account.usage.merged(event.outcome, event.at, event.source)
    changes = usage_changes(account.usage, usage)
    lately = _late(account, Happening(event.at, changes=changes)) if changes else account.lately
    read_at = event.at if account.read_at is None else max(event.at, account.read_at)
    return replace(
        account,
        usage=usage,
        read_at=read_at,
        tried_at=event.at,
        failures=0,
        reading_trouble=None,
        deactivations=0,
        lately=lately,
    )


def _read_failed(account: AccountState, event: Read, failure: Failure) -> AccountState:
    tried = replace(account, tried_at=event.at, failures=account.failures + 1)
    fresh = account.reading_trouble is None or account.reading_trouble.kind is not failure.kind
    if fresh:
        tried = replace(tried, lately=_late(account, Happening(event.at, failure=failure)))
    if failure.kind is FailureKind.UNAUTHORIZED:
        mark = event.token_fingerprint
        rejected = account.rejected | {mark} if mark else account.rejected
        return replace(tried, rejected=rejected, reading_trouble=None)
    if failure.kind is FailureKind.NO_TOKEN:
        return replace(tried, failures=account.failures)
    deactivations = account.deactivations + 1 if failure.kind is FailureKind.DEACTIVATION_REPORTED else 0
    since = event.at if fresh or account.reading_trouble is None else account.reading_trouble.since
    trouble = Trouble(failure.kind, failure.message, since, failure.retry_at, failure.detail)
    return replace(tried, reading_trouble=trouble, deactivations=deactivations)


def _refreshed(account: AccountState, event: RefreshMoved) -> AccountState:
    progress = event.progress
    if progress is None:
        return replace(account, refresh=None)
    moved = replace(account, refresh=progress)
    former = account.refresh
    news = former is None or former.token is not progress.token
    if progress.token is not None and news:
        moved = _token_step(moved, progress.token, event.at)
    if progress.done:
        moved = replace(moved, lately=_late(moved, Happening(event.at, refresh=progress)))
    return moved


def _token_step(account: AccountState, step: TokenStep, at: datetime) -> AccountState:
    match step.outcome:
        case TokenOutcome.REFRESHED | TokenOutcome.ADOPTED | TokenOutcome.DELEGATED:
            return replace(account, login_trouble=None, dead_login=None)
        case TokenOutcome.REJECTED_FOR_GOOD:
            dead = DeadLogin(step.refresh_fingerprint, step.problem or LoginProblem.REJECTED, at)
            return replace(account, dead_login=dead, login_trouble=_login_trouble(account, step, at))
        case TokenOutcome.FAILED | TokenOutcome.AMBIGUOUS:
            return replace(account, login_trouble=_login_trouble(account, step, at))
        case TokenOutcome.BLOCKED if step.failure is not None:
            return replace(account, login_trouble=_login_trouble(account, step, at))
        case _:
            return account


def _login_trouble(account: AccountState, step: TokenStep, at: datetime) -> Trouble:
    kind = FailureKind.TOKEN_REFRESH
    if step.outcome is TokenOutcome.AMBIGUOUS:
        kind = FailureKind.AMBIGUOUS
    elif step.outcome is TokenOutcome.BLOCKED and step.failure is not None:
        kind = step.failure.kind
    message = step.failure.message if step.failure is not None else (step.detail or "")
    former = account.login_trouble
    since = step.lost_at or (former.since if former is not None and former.kind is kind else at)
    return Trouble(kind, message, since, step.retry_at, step.detail)


def _late(account: AccountState, happening: Happening) -> tuple[Happening, ...]:
    return (happening, *account.lately)[:LATELY_KEPT]
