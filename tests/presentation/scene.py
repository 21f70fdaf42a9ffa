"""Accounts made by hand for the tests of this folder; 13:03 UTC is 14:03 for the operator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from poolwatch.domain.account import AccountKey, Custody, Listing, LoginKind, Name, SourceRef, TokenFacts
from poolwatch.domain.failure import FailureKind, Trouble, worded
from poolwatch.domain.message import message
from poolwatch.domain.overview import PoolOverview, overview
from poolwatch.domain.refresh import RefreshProgress
from poolwatch.domain.state import AccountState, DeadLogin, PoolState, SourceState
from poolwatch.domain.status import Judged, PoolRules, judge
from poolwatch.domain.usage import (
    Aged,
    Bucket,
    Credits,
    RateLimit,
    ResetCredits,
    SpendControl,
    SpendLimit,
    Usage,
    UsageWindow,
)
from poolwatch.presentation.card import card_view
from poolwatch.presentation.view import CardView, Prefs

NOW = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
CET = timezone(timedelta(hours=1), "CET")
PREFS = Prefs(zone=CET)
MASKED = Prefs(zone=CET, mask=True)
JUST_NOW = NOW - timedelta(minutes=4)

FIVE_HOURS = 18000
WEEK = 604800


def after(days: int = 0, hours: int = 0, minutes: int = 0) -> datetime:
    return NOW + timedelta(days=days, hours=hours, minutes=minutes)


def window(used: float | None, seconds: int | None, resets_at: datetime | None) -> UsageWindow:
    return UsageWindow(used, seconds, resets_at)


def limits(*windows: UsageWindow, allowed: bool | None = True, reached: bool | None = False) -> RateLimit:
    return RateLimit(allowed, reached, windows)


def base(
    *windows: UsageWindow,
    allowed: bool | None = True,
    reached: bool | None = False,
    at: datetime = JUST_NOW,
    source: str = "homes",
) -> Aged[RateLimit]:
    return Aged(limits(*windows, allowed=allowed, reached=reached), at, source)


def balance(
    text: str | None, *, has: bool | None = True, unlimited: bool | None = False, over: bool | None = False,
    at: datetime = JUST_NOW,
) -> Aged[Credits]:  # fmt: skip
    amount = Decimal(text) if text is not None else None
    return Aged(Credits(has, unlimited, over, amount), at, "homes")


def listing(
    label: str = "bob@example.com",
    *,
    custody: Custody = Custody.CODEX,
    owner: str = "Codex",
    source: str = "homes",
    home: str | None = "~/homes/07",
    path: str | None = "~/homes/07/auth.json",
    expires_at: datetime | None = NOW + timedelta(days=6, hours=2),
    login: LoginKind = LoginKind.OAUTH,
    disabled: bool = False,
    says_login_needed: bool = False,
    problem: str | None = None,
) -> Listing:
    return Listing(
        ref=SourceRef(source, label),
        user_id=f"user-{label}",
        account_id=f"acct-{label}",
        email=label if "@" in label else None,
        plan="plus",
        custody=custody,
        login=login,
        owner=owner,
        home=home,
        path=path,
        token=TokenFacts(expires_at=expires_at, fingerprint="f1", refresh_fingerprint="r1"),
        disabled=disabled,
        says_login_needed=says_login_needed,
        problem=None if problem is None else message("as_stored", text=problem),
    )


def account(
    label: str = "bob@example.com",
    usage: Usage | None = None,
    *,
    group: str | None = None,
    listings: Sequence[Listing] | None = None,
    read_at: datetime | None = JUST_NOW,
    trouble: Trouble | None = None,
    login_trouble: Trouble | None = None,
    dead: DeadLogin | None = None,
    refresh: RefreshProgress | None = None,
    deactivations: int = 0,
) -> AccountState:
    entries = (listing(label),) if listings is None else tuple(listings)
    return AccountState(
        key=AccountKey("codex", f"user-{label}", f"acct-{label}"),
        listings=entries,
        name=Name(label, group),
        usage=usage if usage is not None else Usage(base=base(window(9, FIVE_HOURS, after(hours=3)))),
        read_at=read_at,
        reading_trouble=trouble,
        login_trouble=login_trouble,
        dead_login=dead,
        refresh=refresh,
        deactivations=deactivations,
    )


def dead_token(label: str = "carol@example.com", hours: int = 9) -> Listing:
    """A login whose access token has expired."""
    return listing(label, expires_at=NOW - timedelta(hours=hours))


def trouble(kind: FailureKind, minutes: int, message: str = "", retry_at: datetime | None = None) -> Trouble:
    return worded(kind, message, retry_at).since(NOW - timedelta(minutes=minutes))


def judged(state: AccountState) -> Judged:
    return judge(state, NOW, PoolRules())


def card(state: AccountState, prefs: Prefs = PREFS) -> CardView:
    return card_view(judged(state), NOW, prefs)


def foot_of(view: CardView) -> str:
    return f"{view.foot.text} · {view.foot_age}".removesuffix(" · ")


def notes_of(view: CardView) -> list[str]:
    return [f"{note.name}: {note.text}" for note in view.notes]


def pool(*accounts: AccountState) -> PoolState:
    names = dict.fromkeys(entry.ref.source for each in accounts for entry in each.listings)
    return PoolState(
        accounts={each.key: each for each in accounts},
        sources={name: SourceState(name, listed_at=NOW) for name in names},
        settled=True,
    )


def look(*accounts: AccountState) -> PoolOverview:
    return overview(pool(*accounts), NOW, PoolRules())


def full_account() -> AccountState:
    """An account with something in every field."""
    usage = Usage(
        plan=Aged("pro", JUST_NOW, "homes"),
        base=base(
            window(100, FIVE_HOURS, after(minutes=47)),
            window(71.4, WEEK, after(days=2, hours=1)),
            allowed=False,
            reached=True,
        ),
        review=Aged(limits(window(0, WEEK, after(days=7))), JUST_NOW, "homes"),
        extras=Aged(
            (
                Bucket(
                    "codex_bengalfox",
                    "GPT-5.3-Codex-Spark",
                    limits(
                        window(12, FIVE_HOURS, after(hours=3, minutes=40)),
                        window(64, WEEK, after(days=4)),
                    ),
                ),
                Bucket("codex_other", "no-window-bucket", None),
            ),
            JUST_NOW,
            "homes",
        ),
        credits=balance("1234.5600"),
        spend=Aged(
            SpendControl(
                False,
                None,
                (
                    SpendLimit(
                        "individual",
                        Decimal("400.00"),
                        Decimal("131.2500"),
                        Decimal("268.7500"),
                        33.0,
                        datetime(2026, 12, 1, tzinfo=UTC),
                    ),
                ),
            ),
            JUST_NOW,
            "homes",
        ),
        reset_credits=Aged(ResetCredits(2, 1, after(hours=18)), JUST_NOW, "homes"),
    )
    return account("bob@example.com", usage)
