"""Which account to use next: the one whose weekly room perishes soonest, and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.judged import Judged, PoolRules
from poolwatch.domain.status import Section, Status
from poolwatch.domain.usage import WEEKLY


class UpReason(StrEnum):
    """Why an account is the one to use next."""

    PERISHABLE = "perishable"
    NO_WEEKLY = "no_weekly"
    CREDITS_ONLY = "credits_only"


class NextUp(Struct, frozen=True, eq=False):
    """The account to use next, and why."""

    judged: Judged
    reason: UpReason


class _Tier(IntEnum):
    """The order of use; within a tier the most perishable weekly room comes first."""

    WEEKLY_ROOM = 0
    NO_WEEKLY = 1
    #: in the red, or with a window whose figure nobody knows
    SCARCE = 2
    DOUBTFUL = 3
    CREDITS_ONLY = 4


_REASONS: Final = {
    _Tier.WEEKLY_ROOM: UpReason.PERISHABLE,
    _Tier.NO_WEEKLY: UpReason.NO_WEEKLY,
    _Tier.CREDITS_ONLY: UpReason.CREDITS_ONLY,
}


def use_order(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> list[Judged]:
    """Active accounts, the one to use first on top; `now` is the server's clock."""
    active = [each for each in judged if each.section is Section.ACTIVE]
    return sorted(active, key=lambda each: _use_key(each, _tier(each, rules), now))


def next_up(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> NextUp | None:
    """The account to use next, if any may be recommended; `now` is the server's clock."""
    tiers: dict[_Tier, list[Judged]] = {}
    for each in judged:
        if each.section is Section.ACTIVE and _is_sound(each):
            tiers.setdefault(_tier(each, rules), []).append(each)
    for tier, reason in _REASONS.items():
        if tier in tiers:
            first = min(tiers[tier], key=lambda each: _use_key(each, tier, now))
            return NextUp(first, reason)
    return None


def _is_sound(each: Judged) -> bool:
    return each.status.kind is Status.ACTIVE and each.account.trouble is None and not each.stale_base


def _tier(each: Judged, rules: PoolRules) -> _Tier:
    usage = each.account.usage
    if usage.full_windows:
        return _Tier.CREDITS_ONLY
    if not _is_sound(each):
        return _Tier.DOUBTFUL
    tier = _Tier.NO_WEEKLY
    for window in usage.windows:
        if window.used_percent is None or window.used_percent >= rules.red_percent:
            return _Tier.SCARCE
        if window.kind == WEEKLY:
            tier = _Tier.WEEKLY_ROOM
    return tier


def _use_key(each: Judged, tier: _Tier, now: datetime) -> tuple[int, float, float, str, str]:
    perishable = _perishable(each, now) if tier is _Tier.WEEKLY_ROOM else 0.0
    return (tier, -perishable, _five_hours_used(each), each.label, each.account.key.id)


def _perishable(each: Judged, now: datetime) -> float:
    """Percent of weekly room lost per hour if left unused; 0 where the reset is unknown or passed."""
    best = 0.0
    for window in each.account.usage.windows:
        if window.kind != WEEKLY or window.used_percent is None or window.resets_at is None:
            continue
        hours = (window.resets_at - now).total_seconds() / 3600
        if hours > 0:
            best = max(best, (100 - window.used_percent) / hours)
    return best


def _five_hours_used(each: Judged) -> float:
    for window in each.account.usage.windows:
        if window.used_percent is not None and window.kind == "5h":
            return window.used_percent
    return 100.0
