"""The pool at a glance: sections, totals, the highest weekly, what comes back, which account next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from enum import StrEnum
from math import inf
from types import MappingProxyType
from typing import Final, TypeAlias

from msgspec import Struct, field

from poolwatch.domain.account import AccountKey
from poolwatch.domain.outlook import KEPT, AccountOutlook
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import (
    CREDITS_REASON,
    SPEND_REASON,
    Judged,
    PoolRules,
    Section,
    Status,
    by_name,
    is_stale,
    judge,
)
from poolwatch.domain.usage import (
    FIVE_HOURS,
    WEEKLY,
    Aged,
    Credits,
    UsageWindow,
    own_reset,
    window_kind,
    windows_by_length,
)
from poolwatch.domain.values import is_undated


class UpReason(StrEnum):
    """Why an account is the one to use next."""

    PERISHABLE = "perishable"
    NO_WEEKLY = "no_weekly"
    CREDITS_ONLY = "credits_only"


class NextUp(Struct, frozen=True, eq=False):
    """The account to use next, and why."""

    judged: Judged
    reason: UpReason


# The order of use; within a tier the most perishable weekly room comes first.
_WEEKLY_ROOM: Final = 0
_NO_WEEKLY: Final = 1
#: more likely than not it is used up before it resets
_RUNS_OUT: Final = 2
#: in the red, or with a window whose figure nobody knows
_SCARCE: Final = 3
_DOUBTFUL: Final = 4
_CREDITS_ONLY: Final = 5

_Rank: TypeAlias = tuple[int, float, float]

_REASONS: Final = {
    _WEEKLY_ROOM: UpReason.PERISHABLE,
    _NO_WEEKLY: UpReason.NO_WEEKLY,
    _RUNS_OUT: UpReason.PERISHABLE,
    _CREDITS_ONLY: UpReason.CREDITS_ONLY,
}


def use_order(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> list[Judged]:
    """Active accounts, the one to best first; `now` is the server's clock."""
    active = [each for each in judged if each.section is Section.ACTIVE]
    return sorted(active, key=lambda each: (_rank(each, now, rules, is_sound=_is_sound(each)), by_name(each)))


def next_up(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> NextUp | None:
    """The account to use next, if any may be recommended; `now` is the server's clock."""
    return _best(_sound(judged), now, rules)


def all_up(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> list[NextUp]:
    """All that may be recommended, the first to use first; `now` is the server's clock."""
    ranked = _ranked(_sound(judged), now, rules)
    ranked.sort(key=lambda one: (one[0], by_name(one[1])))
    return [NextUp(each, _REASONS[rank[0]]) for rank, each in ranked]


def last_known_up(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> NextUp | None:
    """The account that old figures, or those from before a trouble, speak for; it may be another by now."""
    active = [each for each in judged if each.section is Section.ACTIVE and each.status.kind is Status.ACTIVE]
    return _best([each for each in active if each.account.read_at is not None], now, rules)


def _sound(judged: Iterable[Judged]) -> list[Judged]:
    return [each for each in judged if each.section is Section.ACTIVE and _is_sound(each)]


def _ranked(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> list[tuple[_Rank, Judged]]:
    """Those of them that may be recommended."""
    ranked = [(_rank(each, now, rules, is_sound=True), each) for each in judged]
    return [(rank, each) for rank, each in ranked if rank[0] in _REASONS]


def _best(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> NextUp | None:
    ranked = _ranked(judged, now, rules)
    if not ranked:
        return None
    first = min([rank for rank, _ in ranked])
    # names are asked only of equals: every account is asked whenever anything changes
    best = min([each for rank, each in ranked if rank == first], key=by_name)
    return NextUp(best, _REASONS[first[0]])


def last_resort(judged: Iterable[Judged], own_now: datetime, rules: PoolRules) -> Judged | None:
    """With nobody active, the exhausted account with the most credits left, which may carry it.

    Not one whose credits, overage or spend limit are what is used up, nor one whose figures are old.
    """
    found: list[tuple[Decimal, Judged]] = []
    for each in judged:
        if each.section is Section.ACTIVE:
            return None
        left = _credits_left(each, own_now, rules)
        if left is not None:
            found.append((left, each))
    return min(found, key=lambda one: (-one[0], by_name(one[1])))[1] if found else None


def _credits_left(each: Judged, own_now: datetime, rules: PoolRules) -> Decimal | None:
    usage, credits = each.account.usage, each.account.usage.credits
    if each.section is not Section.EXHAUSTED or each.account.trouble is not None or each.stale_base:
        return None
    if each.status.reason in (CREDITS_REASON, SPEND_REASON):
        return None
    if usage.spend is not None and usage.spend.value is not None and usage.spend.value.reached:
        return None
    if credits is None or credits.value is None or is_stale(credits.at, own_now, rules):
        return None
    if credits.value.overage_limit_reached:
        return None
    if credits.value.unlimited:
        return Decimal("Infinity")
    balance = credits.value.balance
    return balance if balance is not None and balance > 0 and credits.value.counts else None


def _is_sound(each: Judged) -> bool:
    return each.status.kind is Status.ACTIVE and each.account.trouble is None and not each.stale_base


def _rank(each: Judged, now: datetime, rules: PoolRules, *, is_sound: bool) -> _Rank:
    base = each.account.usage.base
    limit = base.value if base is not None else None
    full = is_scarce = has_weekly = runs_out = False
    perishable, five_hours_used = 0.0, None
    for window in () if limit is None else windows_by_length(limit):
        used = window.used_percent
        full = full or (limit is not None and limit.is_full(window))
        is_scarce = is_scarce or used is None or used >= rules.red_percent
        kind = window_kind(window.window_seconds)
        if kind == WEEKLY:
            has_weekly = True
            resets_at = window.resets_at if base is None else own_reset(window, base.at)
            runs_out = runs_out or _runs_out(each.account.outlook, resets_at, now)
            if used is not None and resets_at is not None:
                # percent of weekly room lost per hour if left unused
                hours = (resets_at - now).total_seconds() / 3600
                lost = (100 - used) / hours if hours > 0 else 0.0
                perishable = lost if lost > perishable else perishable
        elif kind == FIVE_HOURS and five_hours_used is None:
            five_hours_used = used
    if full:
        tier = _CREDITS_ONLY
    elif not is_sound:
        tier = _DOUBTFUL
    elif is_scarce:
        tier = _SCARCE
    elif runs_out:
        tier = _RUNS_OUT
    else:
        tier = _WEEKLY_ROOM if has_weekly else _NO_WEEKLY
    if tier not in (_WEEKLY_ROOM, _RUNS_OUT):
        perishable = 0.0
    five = 100.0 if five_hours_used is None else five_hours_used
    return tier, -perishable, five


def _runs_out(outlook: AccountOutlook | None, resets_at: datetime | None, now: datetime) -> bool:
    """Whether the weekly window is foretold to be used up before this reset of it."""
    said = None if outlook is None else outlook.forecast(WEEKLY)
    if said is None or now - said.made_at > KEPT:
        return False
    return said.runs_out and said.is_of(resets_at, now)


# A balance has up to 18 digits before the dot and, with an exponent, 127 behind it; the interpreter's default
# of 28 would round sums of them.
_EXACT: Final = Context(prec=160, rounding=ROUND_HALF_UP)
_CENT: Final = Decimal("0.01")


def usd(credits: Decimal, rules: PoolRules) -> Decimal | None:
    """USD of a balance, half-up to cents, for display; None when the rate turns USD off."""
    if rules.credits_per_usd <= 0:
        return None
    return _EXACT.quantize(_EXACT.divide(credits, rules.credits_per_usd), _CENT)


class CreditTotal(Struct, frozen=True, eq=False):
    """Credits of the pool. `stale` is the part of `total` that comes from stale fields."""

    total: Decimal
    stale: Decimal
    accounts: int
    unlimited: int
    unknown: int


class HighestWeekly(Struct, frozen=True, eq=False):
    """The largest weekly use whose reset has not passed, and how many more are full."""

    judged: Judged
    used_percent: float
    resets_at: datetime | None
    more_full: int


class NextReset(Struct, frozen=True, eq=False):
    """The earliest future reset."""

    judged: Judged
    window: UsageWindow
    resets_at: datetime


class NextBack(Struct, frozen=True, eq=False):
    """The exhausted account that comes back first."""

    judged: Judged
    until: datetime
    #: the `until` of all exhausted accounts that lie ahead, in order
    all_until: tuple[datetime, ...]


class PoolOverview(Struct, frozen=True, eq=False):
    """The pool at one moment; `by_section` and `by_status` each add up to all accounts.

    `now` is the server's clock, by which countdowns run; `own_now` is ours, by which ages are told.
    """

    now: datetime
    own_now: datetime
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
    #: the rules that it was judged by, with the rate in force
    rules: PoolRules = field(default_factory=PoolRules)
    by_key: Mapping[AccountKey, Judged] = field(default_factory=dict)
    #: with nobody active: an exhausted account whose credits may carry it
    last_resort: Judged | None = None


def overview(
    state: PoolState,
    now: datetime,
    rules: PoolRules,
    known: Mapping[AccountKey, Judged] = MappingProxyType({}),
) -> PoolOverview:
    """Everything that the strip, the title and the JSON say of the pool; `now` is our own clock.

    `known` are accounts judged at this very moment by these rules: one that has not changed since is not
    judged again.
    """
    server_now = now + state.clock_offset
    rules = rules.in_force(state)
    judged = tuple(
        held
        if (held := known.get(key)) is not None and held.account is account
        else judge(account, now, rules, state.clock_offset)
        for key, account in state.accounts.items()
    )
    counted = [each for each in judged if each.counted]
    reads = [at for each in judged if (at := each.account.read_at) is not None and not is_undated(at)]
    return PoolOverview(
        now=server_now,
        own_now=now,
        accounts=judged,
        by_section=Counter(each.section for each in judged),
        by_status=Counter(each.status.kind for each in judged),
        stale=sum(each.stale for each in judged),
        oldest_read_at=min(reads, default=None),
        credits=_credits(counted, now, rules),
        highest_weekly=_highest_weekly(counted, server_now),
        next_reset=_next_reset(counted, server_now),
        next_back=_next_back(judged, server_now),
        next_up=next_up(judged, server_now, rules),
        rules=rules,
        by_key={each.account.key: each for each in judged},
        last_resort=last_resort(judged, now, rules),
    )


def _credits(counted: Iterable[Judged], now: datetime, rules: PoolRules) -> CreditTotal | None:
    balances: list[tuple[Decimal, datetime]] = []
    unlimited = unknown = 0
    for each in counted:
        aged: Aged[Credits] | None = each.account.usage.credits
        if aged is None or aged.value is None:
            continue
        if aged.value.unlimited:
            unlimited += 1
        elif aged.value.counts and aged.value.balance is not None:
            balances.append((aged.value.balance, aged.at))
        elif aged.value.is_unknown:
            unknown += 1
    if not balances and not unlimited and not unknown:
        return None
    with localcontext(_EXACT):
        total = sum((balance for balance, _ in balances), Decimal(0))
        stale = sum((balance for balance, at in balances if is_stale(at, now, rules)), Decimal(0))
    return CreditTotal(total, stale, len(balances), unlimited, unknown)


def _highest_weekly(counted: Iterable[Judged], now: datetime) -> HighestWeekly | None:
    found: list[tuple[float, float, Judged, datetime | None]] = []
    for each in counted:
        base = each.account.usage.base
        for window in base.value.windows if base is not None and base.value is not None else ():
            passed = window.resets_at is not None and window.resets_at <= now
            if base is None or base.value is None or window_kind(window.window_seconds) != WEEKLY or passed:
                continue
            used = (
                100.0 if window.used_percent is None and base.value.reached(window) else window.used_percent
            )
            if used is not None:
                resets_at = own_reset(window, base.at)
                found.append((used, resets_at.timestamp() if resets_at else 0.0, each, resets_at))
    if not found:
        return None
    most = max(one[:2] for one in found)
    # names are asked only of equals: every account is asked whenever anything changes
    used, _, each, resets_at = min((one for one in found if one[:2] == most), key=lambda one: by_name(one[2]))
    full = {one[2].account.key for one in found if one[0] >= 100}
    return HighestWeekly(each, used, resets_at, len(full - {each.account.key}))


def _next_reset(counted: Iterable[Judged], now: datetime) -> NextReset | None:
    found: list[tuple[bool, datetime, Judged, UsageWindow]] = []
    for each in counted:
        base = each.account.usage.base
        if base is None or base.value is None:
            continue
        for window in base.value.windows:
            resets_at = own_reset(window, base.at)
            if resets_at is not None and resets_at > now:
                found.append((base.value.is_full(window), resets_at, each, window))
    if not found:
        return None
    # full ones first; names and lengths are asked only of equals: every account is asked at any change
    first = min([(not full, resets_at) for full, resets_at, _, _ in found])
    _, resets_at, each, window = min(
        [one for one in found if (not one[0], one[1]) == first],
        key=lambda one: (by_name(one[2]), one[3].window_seconds or inf),
    )
    return NextReset(each, window, resets_at)


def _next_back(judged: Iterable[Judged], now: datetime) -> NextBack | None:
    ahead = [
        (until, each)
        for each in judged
        if (until := each.status.until) is not None and until > now and each.status.kind is Status.EXHAUSTED
    ]
    if not ahead:
        return None
    all_until = sorted(until for until, _ in ahead)
    first = min((each for until, each in ahead if until == all_until[0]), key=by_name)
    return NextBack(first, all_until[0], tuple(all_until))
