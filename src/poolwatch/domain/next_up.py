"""Which account to use next: the one whose weekly room perishes soonest, and why; else one with credits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct

from poolwatch.domain.judged import Judged, PoolRules, by_name, is_stale
from poolwatch.domain.status import CREDITS_REASON, SPEND_REASON, Section, Status
from poolwatch.domain.usage import WEEKLY, own_reset, window_kind, windows_by_length


class UpReason(StrEnum):
    """Why an account is the one to use next."""

    PERISHABLE = "perishable"
    NO_WEEKLY = "no_weekly"
    CREDITS_ONLY = "credits_only"


class NextUp(Struct, frozen=True, eq=False):
    """The account to use next, and why."""

    judged: Judged
    reason: UpReason


# The order of use; within a tier the most perishable weekly room comes first. Numbers, and the members that
# each account of a thousand is asked for: to look up a member of an enum takes as long as a call.
_WEEKLY_ROOM: Final = 0
_NO_WEEKLY: Final = 1
#: in the red, or with a window whose figure nobody knows
_SCARCE: Final = 2
_DOUBTFUL: Final = 3
_CREDITS_ONLY: Final = 4
_ACTIVE_SECTION: Final = Section.ACTIVE
_ACTIVE: Final = Status.ACTIVE

_Rank: TypeAlias = tuple[int, float, float]
_FIVE_HOURS: Final = "5h"

_REASONS: Final = {
    _WEEKLY_ROOM: UpReason.PERISHABLE,
    _NO_WEEKLY: UpReason.NO_WEEKLY,
    _CREDITS_ONLY: UpReason.CREDITS_ONLY,
}


def use_order(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> list[Judged]:
    """Active accounts, the one to use first on top; `now` is the server's clock."""
    active = [each for each in judged if each.section is _ACTIVE_SECTION]
    return sorted(active, key=lambda each: (_rank(each, now, rules, is_sound=_is_sound(each)), by_name(each)))


def next_up(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> NextUp | None:
    """The account to use next, if any may be recommended; `now` is the server's clock."""
    return _best([each for each in judged if each.section is _ACTIVE_SECTION and _is_sound(each)], now, rules)


def last_known_up(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> NextUp | None:
    """The account that old figures, or those from before a trouble, speak for; it may be another by now."""
    active = [each for each in judged if each.section is _ACTIVE_SECTION and each.status.kind is _ACTIVE]
    return _best([each for each in active if each.account.read_at is not None], now, rules)


def _best(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> NextUp | None:
    ranked = [
        (rank, each) for each in judged if (rank := _rank(each, now, rules, is_sound=True))[0] in _REASONS
    ]
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
        if each.section is _ACTIVE_SECTION:
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
    return each.status.kind is _ACTIVE and each.account.trouble is None and not each.stale_base


def _rank(each: Judged, now: datetime, rules: PoolRules, *, is_sound: bool) -> _Rank:
    base = each.account.usage.base
    limit = base.value if base is not None else None
    full = is_scarce = has_weekly = False
    perishable, five_hours_used = 0.0, None
    for window in () if limit is None else windows_by_length(limit):
        used = window.used_percent
        full = full or (limit is not None and limit.is_full(window))
        is_scarce = is_scarce or used is None or used >= rules.red_percent
        kind = window_kind(window.window_seconds)
        if kind == WEEKLY:
            has_weekly = True
            resets_at = window.resets_at if base is None else own_reset(window, base.at)
            if used is not None and resets_at is not None:
                # percent of weekly room lost per hour if left unused
                hours = (resets_at - now).total_seconds() / 3600
                lost = (100 - used) / hours if hours > 0 else 0.0
                perishable = lost if lost > perishable else perishable
        elif kind == _FIVE_HOURS and five_hours_used is None:
            five_hours_used = used
    if full:
        tier = _CREDITS_ONLY
    elif not is_sound:
        tier = _DOUBTFUL
    elif is_scarce:
        tier = _SCARCE
    else:
        tier = _WEEKLY_ROOM if has_weekly else _NO_WEEKLY
    if tier != _WEEKLY_ROOM:
        perishable = 0.0
    five = 100.0 if five_hours_used is None else five_hours_used
    return tier, -perishable, five
