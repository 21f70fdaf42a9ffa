"""Which account to use next: the one whose weekly room perishes soonest, and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final, TypeAlias

from msgspec import Struct

from poolwatch.domain.judged import Judged, PoolRules
from poolwatch.domain.status import Section, Status
from poolwatch.domain.usage import WEEKLY, UsageWindow, window_kind


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


_Rank: TypeAlias = tuple[_Tier, float, float]
_FIVE_HOURS: Final = "5h"

_REASONS: Final = {
    _Tier.WEEKLY_ROOM: UpReason.PERISHABLE,
    _Tier.NO_WEEKLY: UpReason.NO_WEEKLY,
    _Tier.CREDITS_ONLY: UpReason.CREDITS_ONLY,
}


def use_order(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> list[Judged]:
    """Active accounts, the one to use first on top; `now` is the server's clock."""
    active = [each for each in judged if each.section is Section.ACTIVE]
    return sorted(active, key=lambda each: (_rank(each, now, rules), _by_name(each)))


def next_up(judged: Iterable[Judged], now: datetime, rules: PoolRules) -> NextUp | None:
    """The account to use next, if any may be recommended; `now` is the server's clock."""
    ranked = [
        (rank, each)
        for each in judged
        if each.section is Section.ACTIVE
        and _is_sound(each)
        and (rank := _rank(each, now, rules))[0] in _REASONS
    ]
    if not ranked:
        return None
    first = min([rank for rank, _ in ranked])
    # names are asked only of equals: every account is asked whenever anything changes
    best = min([each for rank, each in ranked if rank == first], key=_by_name)
    return NextUp(best, _REASONS[first[0]])


def _by_name(each: Judged) -> tuple[str, str]:
    return each.label, each.account.key.id


def _is_sound(each: Judged) -> bool:
    return each.status.kind is Status.ACTIVE and each.account.trouble is None and not each.stale_base


def _rank(each: Judged, now: datetime, rules: PoolRules) -> _Rank:
    usage = each.account.usage
    limit = usage.base.value if usage.base is not None else None
    full = is_scarce = has_weekly = False
    perishable, five_hours_used = 0.0, None
    for window in usage.windows:
        used = window.used_percent
        full = full or (limit is not None and limit.is_full(window))
        is_scarce = is_scarce or used is None or used >= rules.red_percent
        kind = window_kind(window.window_seconds)
        if kind == WEEKLY:
            has_weekly = True
            perishable = max(perishable, _perishable(window, now))
        elif kind == _FIVE_HOURS and five_hours_used is None:
            five_hours_used = used
    if full:
        tier = _Tier.CREDITS_ONLY
    elif not _is_sound(each):
        tier = _Tier.DOUBTFUL
    elif is_scarce:
        tier = _Tier.SCARCE
    else:
        tier = _Tier.WEEKLY_ROOM if has_weekly else _Tier.NO_WEEKLY
    if tier is not _Tier.WEEKLY_ROOM:
        perishable = 0.0
    five = 100.0 if five_hours_used is None else five_hours_used
    return tier, -perishable, five


def _perishable(window: UsageWindow, now: datetime) -> float:
    """Percent of weekly room lost per hour if left unused; 0 where the reset is unknown or passed."""
    if window.used_percent is None or window.resets_at is None:
        return 0.0
    hours = (window.resets_at - now).total_seconds() / 3600
    return (100 - window.used_percent) / hours if hours > 0 else 0.0
