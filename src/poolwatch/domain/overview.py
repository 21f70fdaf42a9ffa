"""The pool at a glance: sections, totals, the highest weekly, what comes back, which account next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

from poolwatch.domain.account import AccountKey
from poolwatch.domain.pool import AccountState, PoolState
from poolwatch.domain.status import AccountStatus, Section, Status, derive_status, section_of
from poolwatch.domain.usage import WEEKLY, Aged, Credits, UsageWindow

DEFAULT_CREDITS_PER_USD: Final = Decimal(25)


@dataclass(frozen=True, slots=True)
class PoolRules:
    """The settings that judge a pool."""

    stale_after: timedelta = timedelta(seconds=900)
    amber_percent: float = 60
    red_percent: float = 90
    #: 0 turns USD off everywhere
    credits_per_usd: Decimal = DEFAULT_CREDITS_PER_USD


def usd(credits: Decimal, rules: PoolRules) -> Decimal | None:
    """USD of a balance, half-up to cents, for display; None when the rate turns USD off."""
    if rules.credits_per_usd <= 0:
        return None
    return (credits / rules.credits_per_usd).quantize(Decimal("0.01"), ROUND_HALF_UP)


class UpReason(StrEnum):
    """Why an account is the one to use next."""

    PERISHABLE = "perishable"
    NO_WEEKLY = "no_weekly"
    CREDITS_ONLY = "credits_only"


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One account with everything derived at one `now` (the server's clock)."""

    account: AccountState
    status: AccountStatus
    section: Section
    stale: bool

    @property
    def label(self) -> str:
        """The name as drawn."""
        return self.account.name.full

    @property
    def counted(self) -> bool:
        """Whether totals and resets count it: neither disabled nor deactivated."""
        return self.status.kind not in (Status.DISABLED, Status.DEACTIVATED)


@dataclass(frozen=True, slots=True, eq=False)
class CreditTotal:
    """Credits of the pool. `stale` is the part of `total` that comes from stale fields."""

    total: Decimal
    stale: Decimal
    accounts: int
    unlimited: int
    unknown: int


@dataclass(frozen=True, slots=True, eq=False)
class HighestWeekly:
    """The largest weekly use whose reset has not passed, and how many more are full."""

    judged: Judged
    used_percent: float
    resets_at: datetime | None
    more_full: int


@dataclass(frozen=True, slots=True, eq=False)
class NextReset:
    """The earliest future reset."""

    judged: Judged
    window: UsageWindow
    resets_at: datetime


@dataclass(frozen=True, slots=True, eq=False)
class NextBack:
    """The exhausted account that comes back first."""

    judged: Judged
    until: datetime
    #: the `until` of all exhausted accounts that lie ahead, in order
    all_until: tuple[datetime, ...]


@dataclass(frozen=True, slots=True, eq=False)
class NextUp:
    """The account to use next, and why."""

    judged: Judged
    reason: UpReason


@dataclass(frozen=True, slots=True, eq=False)
class PoolOverview:
    """The pool at one moment; `by_section` and `by_status` each add up to all accounts."""

    now: datetime
    accounts: tuple[Judged, ...]
    by_section: Mapping[Section, int]
    by_status: Mapping[Status, int]
    stale: int
    oldest_read_at: datetime | None
    credits: CreditTotal | None
    highest_weekly: HighestWeekly | None
    next_reset: NextReset | None
    next_back: NextBack | None
    next_up: NextUp | None
    by_key: Mapping[AccountKey, Judged] = field(default_factory=dict)


def is_stale(at: datetime | None, now: datetime, rules: PoolRules) -> bool:
    """Whether a field said at `at` is old; what was never said is not old but unknown."""
    return at is not None and now - at > rules.stale_after


def judge(account: AccountState, now: datetime, rules: PoolRules) -> Judged:
    """The account with all that follows from `now`."""
    status = derive_status(account, now)
    return Judged(
        account, status, section_of(status, account.trouble, now), is_stale(account.read_at, now, rules)
    )


def overview(state: PoolState, now: datetime, rules: PoolRules) -> PoolOverview:
    """Everything that the strip, the title and the JSON say of the pool; `now` is our own clock."""
    server_now = now + state.clock_offset
    judged = tuple(judge(account, server_now, rules) for account in state.accounts.values())
    counted = [each for each in judged if each.counted]
    reads = [each.account.read_at for each in judged if each.account.read_at is not None]
    return PoolOverview(
        now=server_now,
        accounts=judged,
        by_section=Counter(each.section for each in judged),
        by_status=Counter(each.status.kind for each in judged),
        stale=sum(each.stale for each in judged),
        oldest_read_at=min(reads, default=None),
        credits=_credits(counted, server_now, rules),
        highest_weekly=_highest_weekly(counted, server_now),
        next_reset=_next_reset(counted, server_now),
        next_back=_next_back(judged, server_now),
        next_up=next(
            (up for each in use_order(judged, server_now, rules) if (up := _up(each, server_now, rules))),
            None,
        ),
        by_key={each.account.key: each for each in judged},
    )


def _credits(counted: Iterable[Judged], now: datetime, rules: PoolRules) -> CreditTotal | None:
    total = stale = Decimal(0)
    accounts = unlimited = unknown = 0
    for each in counted:
        aged: Aged[Credits] | None = each.account.usage.credits
        if aged is None or aged.value is None:
            continue
        if aged.value.unlimited:
            unlimited += 1
        elif aged.value.counts and aged.value.balance is not None:
            accounts += 1
            total += aged.value.balance
            if is_stale(aged.at, now, rules):
                stale += aged.value.balance
        elif aged.value.is_unknown:
            unknown += 1
    if not accounts and not unlimited and not unknown:
        return None
    return CreditTotal(total, stale, accounts, unlimited, unknown)


def _weekly_used(window: UsageWindow) -> float | None:
    if window.used_percent is not None:
        return window.used_percent
    return 100.0 if window.limit_reached else None


def _weekly_figures(each: Judged) -> list[tuple[UsageWindow, float]]:
    base = each.account.usage.base
    if base is None or base.value is None:
        return []
    figures = []
    for window in base.value.windows:
        if window.kind != WEEKLY:
            continue
        used = _weekly_used(window)
        if used is None and base.value.reached(window):
            used = 100.0
        if used is not None:
            figures.append((window, used))
    return figures


def _highest_weekly(counted: Iterable[Judged], now: datetime) -> HighestWeekly | None:
    found = [
        (used, window.resets_at, each)
        for each in counted
        for window, used in _weekly_figures(each)
        if window.resets_at is None or window.resets_at > now
    ]
    if not found:
        return None
    found.sort(
        key=lambda row: (
            -row[0],
            -(row[1].timestamp() if row[1] else 0.0),
            row[2].label,
            row[2].account.key.id,
        )
    )
    used, resets_at, each = found[0]
    more_full = len({row[2].account.key for row in found if row[0] >= 100} - {each.account.key})
    return HighestWeekly(each, used, resets_at, more_full)


def _next_reset(counted: Iterable[Judged], now: datetime) -> NextReset | None:
    ahead = [
        (not window.is_full, window.resets_at, each.label, each.account.key.id, each, window)
        for each in counted
        for window in each.account.usage.windows
        if window.resets_at is not None and window.resets_at > now
    ]
    if not ahead:
        return None
    best = min(ahead, key=lambda row: row[:4])
    return NextReset(best[4], best[5], best[1])


def _next_back(judged: Iterable[Judged], now: datetime) -> NextBack | None:
    ahead = sorted(
        (
            (each.status.until, each.label, each.account.key.id, each)
            for each in judged
            if each.status.kind is Status.EXHAUSTED
            and each.status.until is not None
            and each.status.until > now
        ),
        key=lambda row: row[:3],
    )
    if not ahead:
        return None
    return NextBack(ahead[0][3], ahead[0][0], tuple(row[0] for row in ahead))


def use_order(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> list[Judged]:
    """Active accounts, the one to use first on top."""
    active = [each for each in judged if each.section is Section.ACTIVE]
    return sorted(active, key=lambda each: _use_key(each, now, rules))


def _use_key(each: Judged, now: datetime, rules: PoolRules) -> tuple[int, float, float, str, str]:
    tier, perishable = _use_tier(each, now, rules)
    five = [window.used_percent for window in each.account.usage.windows if window.kind == "5h"]
    five_used = next((used for used in five if used is not None), 100.0)
    return (tier, -perishable, five_used, each.label, each.account.key.id)


def _use_tier(each: Judged, now: datetime, rules: PoolRules) -> tuple[int, float]:
    """Tiers: weekly room, no weekly window, in the red, troubled or old, only credits keep it going."""
    windows = each.account.usage.windows
    if any(window.is_full for window in windows):
        return 4, 0.0
    if each.stale or _base_is_stale(each, now, rules) or each.account.trouble is not None:
        return 3, 0.0
    if any((window.used_percent or 0) >= rules.red_percent for window in windows):
        return 2, 0.0
    best = 0.0
    has_weekly = False
    for window in windows:
        if window.kind != WEEKLY or window.used_percent is None or window.resets_at is None:
            continue
        hours = (window.resets_at - now).total_seconds() / 3600
        if hours > 0:
            has_weekly = True
            best = max(best, (100 - window.used_percent) / hours)
    return (0, best) if has_weekly else (1, 0.0)


def _base_is_stale(each: Judged, now: datetime, rules: PoolRules) -> bool:
    base = each.account.usage.base
    return base is not None and is_stale(base.at, now, rules)


def _up(each: Judged, now: datetime, rules: PoolRules) -> NextUp | None:
    if each.status.kind is not Status.ACTIVE or each.account.trouble is not None:
        return None
    tier, _ = _use_tier(each, now, rules)
    if each.stale or _base_is_stale(each, now, rules):
        return None
    reasons = {0: UpReason.PERISHABLE, 1: UpReason.NO_WEEKLY, 4: UpReason.CREDITS_ONLY}
    return NextUp(each, reasons[tier]) if tier in reasons else None
