"""The status of one account and its section, derived from what is known and from `now`; never stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import Custody, Listing, LoginKind, SourceRef
from poolwatch.domain.failure import FailureKind, LoginProblem, Trouble
from poolwatch.domain.refresh import CODEX_GRACE, BlockReason, TokenOutcome
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.usage import ReachedType, SpendControl, Usage
from poolwatch.domain.values import UNDATED, replace

#: An edge block that lasts longer than this needs a person.
EDGE_BLOCK_PATIENCE: Final = timedelta(minutes=15)
#: Where poolwatch renews, a step that failed in passing keeps the last status this long if no retry was said.
TOKEN_RETRY_PATIENCE: Final = timedelta(minutes=15)
#: Said this often in a row, a deactivation is believed.
DEACTIVATION_REPEATS: Final = 2


class Status(StrEnum):
    """What an account is; trouble is a badge beside it, not a status."""

    DISABLED = "disabled"
    DEACTIVATED = "deactivated"
    NEEDS_LOGIN = "needs_login"
    UNKNOWN = "unknown"
    EXHAUSTED = "exhausted"
    ACTIVE = "active"


class Section(StrEnum):
    """Where an account stands on screen; every account stands in exactly one."""

    NEEDS_YOU = "needs_you"
    EXHAUSTED = "exhausted"
    ACTIVE = "active"
    REST = "rest"


#: Where accounts stand that no trouble puts elsewhere.
_SECTIONS: Final = {
    Status.DISABLED: Section.REST,
    Status.DEACTIVATED: Section.NEEDS_YOU,
    Status.NEEDS_LOGIN: Section.NEEDS_YOU,
    Status.UNKNOWN: Section.REST,
    Status.EXHAUSTED: Section.EXHAUSTED,
    Status.ACTIVE: Section.ACTIVE,
}

#: Reasons of `exhausted` that are not the name of a window.
CREDITS_REASON: Final = "credits"
SPEND_REASON: Final = "spend_control"
RATE_LIMIT_REASON: Final = "rate_limit"
#: Reasons of `unknown`: the kinds of login that have no figures.
WITHOUT_USAGE: Final = {each.value: each for each in LoginKind if not each.has_usage}

CREDIT_TYPES: Final = frozenset({ReachedType.OWNER_CREDITS, ReachedType.MEMBER_CREDITS})
_USAGE_TYPES: Final = frozenset({ReachedType.OWNER_USAGE, ReachedType.MEMBER_USAGE})


class AccountStatus(Struct, frozen=True):
    """A status with its reason and, for exhausted accounts, the instant (UTC) of the blocking reset."""

    kind: Status
    reason: str | None = None
    until: datetime | None = None
    login_problem: LoginProblem | None = None


def derive_status(account: AccountState, now: datetime) -> AccountStatus:
    """The account's status at `now`, which is the server's clock; first match wins."""
    enabled = [listing for listing in account.listings if not listing.disabled]
    if account.listings and not enabled:
        return AccountStatus(Status.DISABLED)
    if account.deactivations >= DEACTIVATION_REPEATS:
        return AccountStatus(Status.DEACTIVATED)
    # most have a live token in a file, which is neither a problem nor an API key
    for listing in enabled:
        if listing.custody is not Custody.POOL and token_is_live(listing, account.rejected, now):
            return status_by_evidence(account.usage)
    problem = login_problem(account, now)
    if problem is not None:
        return AccountStatus(Status.NEEDS_LOGIN, problem.value, login_problem=problem)
    if (kind := account.without_usage) is not None:
        return AccountStatus(Status.UNKNOWN, kind.value)
    return status_by_evidence(account.usage)


def token_is_live(listing: Listing, rejected: frozenset[str], now: datetime) -> bool:
    """Whether the access token may be sent: not past its expiry by the server's clock, not rejected."""
    token = listing.token
    if not listing.login.has_usage or listing.problem is not None:
        return False
    if token.fingerprint is None or token.fingerprint in rejected:
        return False
    return token.expires_at is None or token.expires_at > now


def login_problem(account: AccountState, now: datetime) -> LoginProblem | None:
    """Why the login needs somebody, or None while any source has a live token or renews by itself."""
    listings = [listing for listing in account.listings if not listing.disabled]
    for listing in listings:
        if listing.custody is Custody.POOL:
            if not listing.says_login_needed:
                return None
        elif token_is_live(listing, account.rejected, now):
            return None
    if not listings or account.without_usage is not None:
        return None
    files = [listing for listing in listings if listing.custody is not Custody.POOL]
    if not files:
        return LoginProblem.SAID_BY_POOL
    if any(will_renew(account, listing) for listing in files):
        return None
    if account.ambiguous:
        return LoginProblem.AMBIGUOUS
    if account.dead_login is not None:
        return account.dead_login.problem
    if _is_being_renewed(account, now):
        return None
    if all(listing.problem is not None for listing in files):
        return LoginProblem.UNUSABLE_FILE
    if any(listing.token.fingerprint in account.rejected for listing in files):
        return LoginProblem.REJECTED
    return LoginProblem.EXPIRED


def signed_out(account: AccountState, now: datetime) -> Mapping[SourceRef, LoginProblem]:
    """What is wrong with the logins of entries beside others that work."""
    if len(account.listings) < 2 or login_problem(account, now) is not None:
        return {}
    return {
        listing.ref: problem
        for listing in account.listings
        if (problem := login_problem(replace(account, listings=(listing,)), now)) is not None
    }


def will_renew(account: AccountState, listing: Listing) -> bool:
    """Whether an automatic renewal of this entry follows once its access token is of no use.

    Not with a refresh token that is dead or may be spent, nor when the token just won was refused.
    """
    if not listing.renews_itself or listing.problem is not None:
        return False
    if _has_dead_token(account, listing):
        return False
    return not (listing == account.acting and (account.ambiguous or _was_refused_anew(account)))


def login_ends_at(account: AccountState, now: datetime) -> datetime | None:
    """When a login that works ends, unless a person does something; `now` is the server's clock.

    None where that is unknown, and where something renews it by itself: a pool, poolwatch in the background,
    or the program that it belongs to, which does so when it is used, as long as its refresh token is good.
    """
    ends: list[datetime] = []
    for listing in account.listings:
        if listing.disabled:
            continue
        if listing.custody is Custody.POOL:
            if not listing.says_login_needed:
                return None
        elif token_is_live(listing, account.rejected, now):
            if listing.token.expires_at is None or _is_renewed_by_itself(account, listing):
                return None
            ends.append(listing.token.expires_at)
    return max(ends, default=None)


def _is_renewed_by_itself(account: AccountState, listing: Listing) -> bool:
    if listing.custody in (Custody.CODEX, Custody.OTHER) and listing.token.refresh_fingerprint is not None:
        return not _has_dead_token(account, listing)
    return will_renew(account, listing)


def _has_dead_token(account: AccountState, listing: Listing) -> bool:
    """Whether the issuer refused its refresh token for good."""
    dead = account.dead_login
    if dead is None:
        return False
    mark = listing.token.refresh_fingerprint
    return listing == account.acting if dead.refresh_fingerprint is None else dead.refresh_fingerprint == mark


def _was_refused_anew(account: AccountState) -> bool:
    """Whether the last refresh brought a token that the service refused at once."""
    last = account.refresh
    if last is None or last.token is None or last.usage is None or last.usage.failure is None:
        return False
    refused = last.usage.failure.kind is FailureKind.UNAUTHORIZED
    return refused and last.token.outcome is TokenOutcome.REFRESHED


def _is_being_renewed(account: AccountState, now: datetime) -> bool:
    """Whether a token step just asked for left the login to be renewed soon: by its own codex, or a retry."""
    last, acting = account.refresh, account.acting
    if last is not None and last.token is not None and last.token.block is BlockReason.CODEX_RUNNING:
        return (
            codex_may_renew(acting.token.expires_at, now) and acting.token.fingerprint not in account.rejected
        )
    trouble = account.login_trouble
    if trouble is None or trouble.kind is not FailureKind.TOKEN_REFRESH:
        return False
    if acting.custody is not Custody.POOLWATCH:
        return False  # what another program could not renew, nobody here tries again
    return now < (trouble.retry_at or trouble.since + TOKEN_RETRY_PATIENCE)


def codex_may_renew(expires_at: datetime | None, now: datetime) -> bool:
    """Whether a codex that works on the home still has its time to renew a token that ended."""
    return expires_at is not None and now - expires_at < CODEX_GRACE


def section_of(status: AccountStatus, trouble: Trouble | None, now: datetime) -> Section:
    """The one section the account stands in."""
    if trouble is not None and status.kind is not Status.DISABLED and trouble_needs_you(trouble, now):
        return Section.NEEDS_YOU
    return _SECTIONS[status.kind]


def trouble_needs_you(trouble: Trouble, now: datetime) -> bool:
    """Whether it will not heal alone: ambiguous, conflict, a login that waits, 15 minutes of edge block."""
    if trouble.kind in (FailureKind.AMBIGUOUS, FailureKind.CONFLICT, FailureKind.KEPT):
        return True
    return trouble.kind is FailureKind.EDGE_BLOCKED and now - trouble.since > EDGE_BLOCK_PATIENCE


def status_by_evidence(usage: Usage) -> AccountStatus:
    """What the figures alone say: exhausted, active, or unknown."""
    base = usage.base.value if usage.base is not None else None
    if base is not None and base.allowed is not None:
        return AccountStatus(Status.ACTIVE) if base.allowed else _exhausted(usage)
    base_is_null = usage.base is not None and usage.base.known and base is None
    spend = usage.spend.value if usage.spend else None
    spend_reached = spend is not None and spend.reached is True
    reached_type = usage.reached_type.value if usage.reached_type else None
    if not base_is_null:
        flagged = base is not None and base.limit_reached is True
        if flagged or spend_reached or reached_type is not None or usage.full_windows:
            return _exhausted(usage)
        if any(window.used_percent is not None for window in usage.windows):
            return AccountStatus(Status.ACTIVE)
        return AccountStatus(Status.UNKNOWN)
    credits = usage.credits.value if usage.credits else None
    if spend_reached:
        return _exhausted(usage)
    balance = credits.balance if credits and credits.has_credits and not credits.unlimited else None
    if balance is not None and balance <= 0:
        return _exhausted(usage, by_balance=True)
    if credits is not None or spend is not None:
        return AccountStatus(Status.ACTIVE)
    return AccountStatus(Status.UNKNOWN)


def _exhausted(usage: Usage, *, by_balance: bool = False) -> AccountStatus:
    full = usage.full_windows
    latest = max((window.resets_at for window in full if window.resets_at), default=None)
    reached_type = usage.reached_type.value if usage.reached_type else None
    spend = usage.spend.value if usage.spend else None
    if by_balance or reached_type in CREDIT_TYPES:
        return AccountStatus(Status.EXHAUSTED, CREDITS_REASON, latest)
    if reached_type in _USAGE_TYPES or (spend is not None and spend.reached):
        return AccountStatus(Status.EXHAUSTED, SPEND_REASON, _spend_until(spend))
    if full:
        last = max(full, key=lambda window: window.resets_at or UNDATED)
        return AccountStatus(Status.EXHAUSTED, last.kind, last.resets_at)
    return AccountStatus(Status.EXHAUSTED, RATE_LIMIT_REASON)


def _spend_until(spend: SpendControl | None) -> datetime | None:
    if spend is None:
        return None
    for limit in spend.limits:
        if limit.kind == spend.reached_limit_type and limit.resets_at is not None:
            return limit.resets_at
    full = [limit.resets_at for limit in spend.limits if limit.resets_at and (limit.used_percent or 0) >= 100]
    return max(full, default=None)


DEFAULT_CREDITS_PER_USD: Final = Decimal(25)
_LEFT_OUT: Final = (Status.DISABLED, Status.DEACTIVATED)


class PoolRules(Struct, frozen=True):
    """The settings that judge a pool."""

    stale_after: timedelta = timedelta(seconds=900)
    amber_percent: float = 60
    red_percent: float = 90
    #: 0 turns USD off everywhere
    credits_per_usd: Decimal = DEFAULT_CREDITS_PER_USD
    #: nobody set the rate: the one that all pools with a rate of their own agree on takes its place
    adopts_rate: bool = False

    def in_force(self, state: PoolState) -> PoolRules:
        """These rules with the rate that the pools agree on, where one may be adopted."""
        rate = state.agreed_rate if self.adopts_rate else None
        return self if rate is None or rate == self.credits_per_usd else replace(self, credits_per_usd=rate)


class Judged(Struct, frozen=True, eq=False):
    """One account with everything derived at one moment."""

    account: AccountState
    status: AccountStatus
    section: Section
    stale: bool
    #: the figures that the status rests on are stale, although something newer was said of the account
    stale_base: bool = False

    @property
    def label(self) -> str:
        """The name as drawn."""
        return self.account.name.full

    @property
    def counted(self) -> bool:
        """Whether totals and resets count it: neither disabled nor deactivated."""
        return self.status.kind not in _LEFT_OUT

    @property
    def lacks_credits(self) -> bool:
        """Whether it is exhausted because no credits are left."""
        return self.status.kind is Status.EXHAUSTED and self.status.reason == CREDITS_REASON


def by_name(each: Judged) -> tuple[str, str]:
    """What decides between equals."""
    return each.label, each.account.key.id


def is_stale(at: datetime | None, now: datetime, rules: PoolRules) -> bool:
    """Whether a field said at `at` is old; what was never said is not old but unknown.

    What was said that far in the future was said under a wrong clock: nobody knows how old it is.
    """
    return at is not None and abs(now - at) > rules.stale_after


def judge(
    account: AccountState, now: datetime, rules: PoolRules, clock_offset: timedelta = timedelta(0)
) -> Judged:
    """The account with all that follows from `now`, which is our own clock.

    Ages are told by it, for readings and troubles are dated by it; tokens and resets belong to the
    server, whose clock is ahead by `clock_offset`.
    """
    status = derive_status(account, now + clock_offset)
    section = section_of(status, account.trouble, now)
    read_at, base = account.read_at, account.usage.base
    stale = is_stale(read_at, now, rules)
    if stale or base is None or base.at is read_at:
        return Judged(account, status, section, stale, stale)
    return Judged(account, status, section, stale, is_stale(base.at, now, rules))
