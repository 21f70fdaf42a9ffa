"""All that is known: of one account, of a source, of the whole pool; frozen, and without a secret."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from poolwatch.domain.account import (
    CUSTODY_ORDER,
    AccountKey,
    Custody,
    Listing,
    LoginKind,
    Name,
    NamingRule,
    SourceRef,
    first_email,
)
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, Trouble, failure
from poolwatch.domain.outlook import AccountOutlook, PoolOutlook
from poolwatch.domain.refresh import BESIDE_WITHIN, BlockReason, Change, RefreshProgress
from poolwatch.domain.text import LONGEST_PATH, visible
from poolwatch.domain.usage import Aged, RateLimit, Usage
from poolwatch.domain.values import replace

if TYPE_CHECKING:
    from poolwatch.domain.alerts import AlertBoard
    from poolwatch.domain.balances import BalanceState
    from poolwatch.domain.budgets import BudgetReport
    from poolwatch.domain.notices import ChannelHealth

#: Who asks for it by hand may have what was refused tried again this often, all processes together.
BY_HAND_EVERY: Final = timedelta(minutes=1)
#: No wait is longer: an end further ahead was written under a clock that was wrong.
LONGEST_WAIT: Final = timedelta(hours=24)
#: So long others wait for the process that tries a secret of which nothing is known.
TRIAL: Final = timedelta(seconds=20)

ON_TRIAL: Final = 0
ACCEPTED: Final = 200


class KeyState(Struct, frozen=True):
    """The status that a pool answered with, and the words that came with it, sanitised.

    `until` None: it holds as long as the secret and the address are these. `tried_at` is when somebody last
    had it tried all the same.
    """

    status: int
    at: datetime
    until: datetime | None = None
    code: str | None = None
    said: str | None = None
    tried_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is not over."""
        return self.until is None or now < self.until <= now + LONGEST_WAIT

    def is_on_trial(self, now: datetime) -> bool:
        """Whether a process is asking right now."""
        return self.status == ON_TRIAL and self.holds(now)

    def refuses(self, now: datetime) -> bool:
        """Whether nothing is sent."""
        return self.status not in (ON_TRIAL, ACCEPTED) and self.holds(now)

    def may_be_tried(self, now: datetime) -> bool:
        """Whether the last time that it was sent is long enough ago for another try by hand.

        A try comes after the refusal, whatever the clock said of that. One who waited while another process
        asked comes with an instant from before; one whose clock was set back is from long before.
        """
        last = self.at if self.tried_at is None else self.tried_at
        return abs(now - last) >= BY_HAND_EVERY


#: How many lines an account's "lately" keeps in memory.
RECENT_KEPT: Final = 12


class DeadLogin(Struct, frozen=True):
    """A refresh token (keyed fingerprint) that the issuer refused for good."""

    refresh_fingerprint: str | None
    problem: LoginProblem
    since: datetime


class Happening(Struct, frozen=True):
    """One line of an account's recent past: figures that moved, a failure, or a finished refresh."""

    at: datetime
    changes: tuple[Change, ...] = ()
    failure: Failure | None = None
    refresh: RefreshProgress | None = None


class KeptFile(Struct, frozen=True):
    """A login that waits in poolwatch's state directory, for its own file changed or a sign-in ended badly.

    `path` begins at the home directory, and holds whatever its names hold; `key` is the account's, None where
    that cannot be told.
    """

    path: str
    since: datetime
    key: AccountKey | None = None
    email: str | None = None


class AccountState(Struct, frozen=True, eq=False):
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
    #: entries that bring no reading while another one does, and why
    silent: Mapping[SourceRef, Trouble] = field(default_factory=dict)
    #: what another pool says of the base windows against what `usage` holds, and both cannot be true
    rival: Aged[RateLimit] | None = None
    #: the newest login of the account that waits for a place; told anew in each run, never stored
    kept: KeptFile | None = None
    #: what lies ahead, as it was last worked out; kept apart from the account
    outlook: AccountOutlook | None = None

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
        listings = self.listings
        return listings[0] if len(listings) == 1 else min(listings, key=_acting_order)

    @property
    def without_usage(self) -> LoginKind | None:
        """The kind of its login, where no login of it has usage figures: API keys, agents, the keyring."""
        for listing in self.listings:
            if listing.login.has_usage:
                return None
        return self.acting.login if self.listings else None

    @property
    def ambiguous(self) -> bool:
        """Whether the reply to a token exchange was lost, so that the login may be spent."""
        return self.login_trouble is not None and self.login_trouble.kind is FailureKind.AMBIGUOUS

    @property
    def trouble(self) -> Trouble | None:
        """The trouble shown: what endangers the login first, then the reading, then the token step."""
        login, kept = self.login_trouble, self.kept
        if kept is not None:
            path = visible(kept.path, LONGEST_PATH)
            return failure(FailureKind.KEPT, "login.kept", path=path, detail=path).since(kept.since)
        if login is not None and login.kind in (FailureKind.AMBIGUOUS, FailureKind.CONFLICT):
            return login
        return self.reading_trouble or login

    @property
    def refreshed_at(self) -> datetime | None:
        """When the last refresh ended; None while one runs, and where none did in this run."""
        refresh = self.refresh
        if refresh is None or not refresh.done:
            return None
        last = next((each for each in self.lately if each.refresh is not None), None)
        if last is None or last.refresh is None or last.refresh.started_at != refresh.started_at:
            return None
        return last.at

    @property
    def was_polled_since_refresh(self) -> bool:
        """Whether usage was asked for again after the last refresh had ended: its line is over then."""
        ended = self.refreshed_at
        return ended is not None and self.tried_at is not None and self.tried_at > ended

    def is_warned_of_codex(self, now: datetime) -> bool:
        """Whether a refresh has just ended with the warning that a codex works here and did not renew."""
        ended, last = self.refreshed_at, self.refresh
        if ended is None or last is None or last.token is None:
            return False
        just = timedelta(0) <= now - ended <= BESIDE_WITHIN
        return just and last.token.block is BlockReason.CODEX_LATE

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of all sources that list the account, in order."""
        return tuple(dict.fromkeys(listing.ref.source for listing in self.listings))


_FIELDS: Final = AccountState.__struct_fields__


def is_unchanged(before: AccountState, after: AccountState) -> bool:
    """Whether all that is known is the same."""
    return all(
        (was := getattr(before, name)) is (now := getattr(after, name)) or was == now for name in _FIELDS
    )


def listed_by(sources: Collection[str], account: AccountState) -> AccountState | None:
    """The account as these sources know it; None when none of them lists it."""
    listed = [each for each in account.listings if each.ref.source in sources]
    if not listed:
        return None
    return account if len(listed) == len(account.listings) else replace(account, listings=tuple(listed))


def _acting_order(listing: Listing) -> tuple[bool, int, float]:
    expires = listing.token.expires_at
    unusable = listing.disabled or listing.problem is not None
    return (unusable, CUSTODY_ORDER.index(listing.custody), -(expires.timestamp() if expires else 0.0))


class SourceState(Struct, frozen=True, eq=False):
    """One source: what it lists, when it last answered, and what keeps it from answering."""

    name: str
    listings: tuple[Listing, ...] = ()
    listed_at: datetime | None = None
    failure: Failure | None = None
    failing_since: datetime | None = None


class PoolFacts(Struct, frozen=True, eq=False):
    """What is true of the whole pool and worth remembering; the listings of `sources` are not part of it."""

    #: the pool's name, as it is configured
    name: str | None = None
    #: what the server's clock is ahead of ours
    clock_offset: timedelta = timedelta(0)
    sources: tuple[SourceState, ...] = ()
    #: credits per USD that each source is set up with, of those that have a rate
    rates: Mapping[str, Decimal] = field(default_factory=dict)


class PoolState(Struct, frozen=True, eq=False):
    """The whole pool at one moment; replaced, never changed."""

    accounts: Mapping[AccountKey, AccountState] = field(default_factory=dict)
    sources: Mapping[str, SourceState] = field(default_factory=dict)
    rules: tuple[NamingRule, ...] = ()
    #: what the server's clock is ahead of ours
    clock_offset: timedelta = timedelta(0)
    #: every configured source has answered (or failed) at least once
    settled: bool = False
    #: credits per USD that each source is set up with, of those that have a rate
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    #: logins that wait in the state directory, the newest first
    kept: tuple[KeptFile, ...] = ()
    #: what lies ahead of the pool, as it was last worked out
    outlook: PoolOutlook | None = None
    #: how budgets stand, as they were last measured
    budgets: BudgetReport | None = None
    #: what fires, waits and is kept quiet
    alerts: AlertBoard | None = None
    channels: tuple[ChannelHealth, ...] = ()
    #: balances of services that are no accounts, by their sources
    balances: Mapping[str, BalanceState] = field(default_factory=dict)

    @property
    def agreed_rate(self) -> Decimal | None:
        """The rate that all sources with one agree on."""
        said = set(self.rates.values())
        return next(iter(said)) if len(said) == 1 else None
