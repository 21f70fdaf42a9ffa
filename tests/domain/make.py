"""Accounts, readings and pools for the tests of the core, built through the same events as in life."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from poolwatch.domain.account import AccountKey, Custody, Listing, LoginKind, SourceRef, TokenFacts
from poolwatch.domain.events import Listed, ReadingArrived, RefreshMoved
from poolwatch.domain.failure import Failure, FailureKind, worded
from poolwatch.domain.message import message
from poolwatch.domain.pool import apply
from poolwatch.domain.refresh import RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.usage import Credits, RateLimit, ResetCredits, Unsaid, UsageSnapshot, UsageWindow

T0 = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
FIVE_HOURS = 18_000
WEEK = 604_800
MONTH = 2_592_000


def after(**span: float) -> datetime:
    """T0 and so much later (or earlier)."""
    return T0 + timedelta(**span)


def token(
    mark: str | None = "access-1", refresh: str | None = "refresh-1", expires: datetime | None = None
) -> TokenFacts:
    return TokenFacts(
        expires_at=after(days=3) if expires is None else expires,
        fingerprint=mark,
        refresh_fingerprint=refresh,
    )


EXPIRED = token(expires=after(hours=-1))


def listing(
    name: str = "alice",
    *,
    source: str = "homes",
    place: str | None = None,
    ids: tuple[str | None, str | None] | None = ("", ""),
    email: str | None = "",
    folder: str | None = None,
    label: str | None = None,
    plan: str | None = None,
    custody: Custody = Custody.CODEX,
    login: LoginKind = LoginKind.OAUTH,
    facts: TokenFacts | None = None,
    disabled: bool = False,
    renews_itself: bool = False,
    says_login_needed: bool = False,
    problem: str | None = None,
    path: str | None = None,
) -> Listing:
    """A listing of `name`; ids and e-mail follow from the name unless given."""
    user_id, account_id = (f"user-{name}", f"acct-{name}") if ids == ("", "") else (ids or (None, None))
    return Listing(
        SourceRef(source, place or name),
        user_id=user_id,
        account_id=account_id,
        email=f"{name}@example.com" if email == "" else email,
        folder=folder,
        label=label,
        plan=plan,
        custody=custody,
        login=login,
        token=token() if facts is None else facts,
        disabled=disabled,
        renews_itself=renews_itself,
        says_login_needed=says_login_needed,
        problem=None if problem is None else message("as_stored", text=problem),
        path=path,
    )


def window(
    used: float | None = 10,
    seconds: int | None = WEEK,
    resets: datetime | None = None,
    *,
    flag: bool | None = None,
) -> UsageWindow:
    return UsageWindow(used, seconds, resets, flag)


def limit(*windows: UsageWindow, allowed: bool | None = True, reached: bool | None = None) -> RateLimit:
    return RateLimit(allowed, reached, windows)


def credit(
    balance: str | None, *, has: bool | None = True, unlimited: bool | None = False, over: bool | None = False
) -> Credits:
    return Credits(has, unlimited, over, None if balance is None else Decimal(balance))


def key(name: str = "alice") -> AccountKey:
    return AccountKey("codex", f"user-{name}", f"acct-{name}")


def listed(*listings: Listing, source: str | None = None, at: datetime = T0) -> Listed:
    return Listed(source or listings[0].ref.source, listings, at)


def failure(kind: FailureKind, message: str = "it failed", retry_at: datetime | None = None) -> Failure:
    return worded(kind, message, retry_at)


def pool_of(*listings: Listing, state: PoolState | None = None) -> PoolState:
    """A pool in which every source of these listings has just answered."""
    pool = state or PoolState()
    for source in dict.fromkeys(entry.ref.source for entry in listings):
        pool = apply(pool, Listed(source, tuple(e for e in listings if e.ref.source == source), T0))
    return pool


def read(
    pool: PoolState,
    outcome: UsageSnapshot | Failure,
    name: str = "alice",
    *,
    at: datetime = T0,
    source: str = "homes",
    mark: str | None = "access-1",
    asked_at: datetime | None = None,
) -> PoolState:
    return apply(pool, ReadingArrived(key(name), source, at, outcome, mark, asked_at=asked_at))


def moved(
    pool: PoolState,
    token_step: TokenStep | None = None,
    usage_step: UsageStep | None = None,
    *,
    name: str = "alice",
    at: datetime = T0,
    done: bool = False,
) -> PoolState:
    progress = RefreshProgress(at, token_step, usage_step, done=done)
    return apply(pool, RefreshMoved(key(name), progress, at))


def step(outcome: TokenOutcome, message: str | None = None, **more: datetime | str | None) -> TokenStep:
    """A token step; `more` may give retry_at, lost_at (instants), detail and refresh_fingerprint (texts)."""
    instants = {name: more.get(name) for name in ("retry_at", "lost_at")}
    texts = {name: more.get(name) for name in ("detail", "refresh_fingerprint")}
    return TokenStep(
        outcome,
        failure=None if message is None else worded(FailureKind.UNREACHABLE, message),
        retry_at=instants["retry_at"] if isinstance(instants["retry_at"], datetime) else None,
        lost_at=instants["lost_at"] if isinstance(instants["lost_at"], datetime) else None,
        detail=texts["detail"] if isinstance(texts["detail"], str) else None,
        refresh_fingerprint=(
            texts["refresh_fingerprint"] if isinstance(texts["refresh_fingerprint"], str) else None
        ),
    )


def reading(
    *windows: UsageWindow,
    allowed: bool | None = True,
    reached: bool | None = None,
    credits: Credits | Unsaid | None = Unsaid.ABSENT,
) -> UsageSnapshot:
    """A reading with these base windows."""
    return UsageSnapshot(base=limit(*windows, allowed=allowed, reached=reached), credits=credits)


def account_with(snapshot: UsageSnapshot, at: datetime = T0) -> AccountState:
    """The account "alice" after this one reading."""
    return read(pool_of(listing()), snapshot, at=at).accounts[key()]


def many(snapshots: Iterable[tuple[str, UsageSnapshot]], at: datetime = T0) -> PoolState:
    """One account for each name, with one reading each."""
    named = list(snapshots)
    pool = pool_of(*(listing(name, email=None, label=name) for name, _ in named))
    for name, snapshot in named:
        pool = read(pool, snapshot, name, at=at)
    return pool


BANKED = ResetCredits(2, 1)
