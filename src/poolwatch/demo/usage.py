"""The usage payload as a pure function of the account, the start, the instant, the speed and its refreshes.

Consumption comes in bursts and grows within a window; at the reset it starts again from zero. A speed of X
makes everything happen X times as fast: a five-hour window then resets X times as often, and every instant
that is served stays a real one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import get_args

from poolwatch.demo.account import (
    DAY,
    FIVE_HOURS,
    HOUR,
    Account,
    Bucket,
    CreditLine,
    JsonObject,
    Meter,
    SpendKind,
    SpendLimit,
    Windows,
    rfc3339,
)

_BUSY_SHARE = 0.45
_CREDITS_PER_REFRESH = Decimal("0.3725")
_TEN_PLACES = Decimal("0.0000000001")
_FOUR_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Motion:
    """How time goes for an account: when the simulation started and what time it is (epoch seconds).

    Attributes:
        speed: how many times as fast everything happens.
        refreshes: the instants of its token refreshes, oldest first.
        phase: 0..1, where in its rhythm of bursts it stands.
        restarts: the last token refresh began a new window.
    """

    start: float
    now: float
    speed: float
    refreshes: tuple[float, ...] = ()
    phase: float = 0.0
    restarts: bool = False


@dataclass(frozen=True, slots=True)
class Level:
    """A meter at one instant: percent used, not capped, and the epoch second of its reset."""

    used: float
    resets_at: int

    @property
    def full(self) -> bool:
        """Whether the window is used up."""
        return self.used >= 100


def _consumed(meter: Meter, phase: float, since: float, until: float) -> float:
    """Percent consumed between two positions in a window; in bursts with pauses between."""
    beat = meter.seconds / (12 if meter.seconds <= FIVE_HOURS else 42)

    def busy(position: float) -> float:
        at = position + phase * beat
        return (at // beat) * beat + min(at % beat, _BUSY_SHARE * beat) / _BUSY_SHARE

    return meter.pace / meter.seconds * (busy(until) - busy(since))


def _used(meter: Meter, phase: float, cycle: float, within: float) -> float:
    """Percent used at a position in a window; in the first one, the figure it began with counts."""
    if cycle == 0:
        return meter.used + _consumed(meter, phase, meter.elapsed, within)
    return _consumed(meter, phase, 0, within)


def _position(meter: Meter, motion: Motion) -> tuple[float, float]:
    """How many windows have passed, and where in the present one the meter stands."""
    # from the start instant itself, so that the opening figure is exact
    return divmod(meter.elapsed + max(0.0, motion.now - motion.start) * motion.speed, meter.seconds)


def level(meter: Meter, motion: Motion) -> Level:
    """The meter at `motion.now`."""
    if motion.restarts and motion.refreshes:
        origin = motion.refreshes[-1]
        cycle, within = divmod(max(0.0, (motion.now - origin) * motion.speed), meter.seconds)
        used = _consumed(meter, motion.phase, 0, within)
        began = origin + cycle * meter.seconds / motion.speed
    else:
        cycle, within = _position(meter, motion)
        began = motion.start - meter.elapsed / motion.speed + cycle * meter.seconds / motion.speed
        used = _used(meter, motion.phase, cycle, within)
        used += meter.step * sum(at >= max(began, motion.start) for at in motion.refreshes)
    return Level(used, math.ceil(round(began + meter.seconds / motion.speed, 3)))


def beyond(meter: Meter, motion: Motion) -> float:
    """Percent consumed beyond a full window since the start, over all windows that have passed since."""

    def over(cycle: float, within: float) -> float:
        return max(0.0, _used(meter, motion.phase, cycle, within) - 100)

    cycle, within = _position(meter, motion)
    passed = 0.0 if cycle == 0 else over(0, meter.seconds) + (cycle - 1) * over(1, meter.seconds)
    return passed + over(cycle, within) - over(0, meter.elapsed)


def _reset(now: Level, motion: Motion) -> JsonObject:
    return {"reset_after_seconds": max(0, now.resets_at - int(motion.now)), "reset_at": now.resets_at}


def _window(meter: Meter | None, motion: Motion) -> JsonObject | None:
    if meter is None:
        return None
    now = level(meter, motion)
    shown: JsonObject = {"used_percent": min(100, int(now.used)), "limit_window_seconds": meter.seconds}
    return shown | _reset(now, motion)


def _limit(
    windows: Windows,
    motion: Motion,
    *,
    covered: bool = False,
    blocked: bool = False,
    contradicts: bool = False,
) -> JsonObject | None:
    """A `rate_limit` object; `covered` means that credits pay for what a full window refuses."""
    if windows is None:
        return None
    full = any(level(meter, motion).full for meter in windows if meter is not None)
    allowed = contradicts or not (blocked or (full and not covered))
    return {
        "allowed": allowed,
        "limit_reached": contradicts or not allowed,
        "primary_window": _window(windows[0], motion),
        "secondary_window": _window(windows[1], motion),
    }


def _bucket(bucket: Bucket, motion: Motion) -> JsonObject:
    return {
        "limit_name": bucket.limit_name,
        "metered_feature": bucket.metered_feature,
        "rate_limit": _limit(bucket.windows, motion),
    }


def _balance(account: Account, motion: Motion) -> Decimal | None:
    """The moving balance in credits, or None where the text of the credit line is served as it stands."""
    line = account.credits
    if line.burn is None or line.balance is None:
        return None
    over = sum(beyond(meter, motion) for meter in account.windows or () if meter is not None)
    hours = max(0.0, motion.now - motion.start) * motion.speed / HOUR
    spent = Decimal(str(round(over * line.burn + hours * line.hourly, 6)))
    spent += _CREDITS_PER_REFRESH * len(motion.refreshes)
    return max(Decimal(0), Decimal(line.balance) - spent).quantize(_TEN_PLACES)


def _credits(line: CreditLine, balance: Decimal | None) -> JsonObject:
    local = cloud = None
    if balance is not None:
        local = [int(balance / 5), int(balance * Decimal("1.3"))]
        cloud = [int(balance / 25), int(balance / 4)]
    elif line.balance == "0":
        local = cloud = [0, 0]
    return {
        "has_credits": line.has_credits,
        "unlimited": line.unlimited,
        "overage_limit_reached": line.overage_reached,
        "balance": line.balance if balance is None else f"{balance:f}",
        "approx_local_messages": local,
        "approx_cloud_messages": cloud,
    }


def _spend_details(spend: SpendLimit, now: Level, motion: Motion) -> JsonObject:
    limit = Decimal(spend.limit)
    used = (limit * Decimal(str(round(now.used, 4))) / 100).quantize(_FOUR_PLACES)
    percent = int(used * 100 / limit)
    details: JsonObject = {
        "source": spend.source,
        "limit": spend.limit,
        "used": f"{used:f}",
        "remaining": f"{max(Decimal(0), limit - used):f}",
        "used_percent": percent,
        "remaining_percent": max(0, 100 - percent),
    } | _reset(now, motion)
    if spend.kind.startswith("group_"):
        return {"group_id": "grp-demo", "group_name": "Platform", "details": details}
    return details


def _spend_control(account: Account, motion: Motion) -> JsonObject:
    if not account.spend:
        if account.spend_stuck is None:
            return {"reached": False, "individual_limit": None}
        return {"reached": True, "reached_limit_type": account.spend_stuck, "individual_limit": None}
    levels = [(spend, level(spend.meter, motion)) for spend in account.spend]
    full = [spend.kind for spend, now in levels if now.full]
    control: JsonObject = {"reached": bool(full), "reached_limit_type": full[0] if full else None}
    control |= {f"{kind}_limit": None for kind in get_args(SpendKind)}
    return control | {f"{spend.kind}_limit": _spend_details(spend, now, motion) for spend, now in levels}


def _reached_type(account: Account, blocked: bool, spend_reached: bool, broke: bool) -> JsonObject | None:
    if account.blocked_by is not None:
        return {"type": account.blocked_by, "details": None}
    if spend_reached:
        return {"type": "workspace_member_usage_limit_reached", "details": None}
    if not blocked:
        return None
    if broke and not account.personal:
        return {"type": "workspace_member_credits_depleted", "details": None}
    return {"type": "rate_limit_reached", "details": "default"}


def usage_payload(account: Account, motion: Motion) -> JsonObject:
    """The body of a usage reply, member for member as the real service writes it."""
    motion = replace(motion, phase=account.phase, restarts=account.restarts_on_refresh)
    balance = _balance(account, motion)
    spend_reached = any(level(spend.meter, motion).full for spend in account.spend)
    rate_limit = _limit(
        account.windows,
        motion,
        covered=account.credits.unlimited or (balance is not None and balance > 0),
        blocked=spend_reached or account.blocked_by is not None,
        contradicts=account.contradicts,
    )
    blocked = rate_limit is not None and rate_limit["allowed"] is False
    review = None if account.review is None else (account.review, None)
    resets = None
    if account.banked is not None:
        resets = {"available_count": account.banked}
        if account.banked:
            resets["applicable_available_count"] = account.banked
    return {
        "user_id": account.user_id,
        "account_id": account.user_id if account.personal else account.account_id,
        "email": account.email,
        "plan_type": account.plan,
        "rate_limit": rate_limit,
        "code_review_rate_limit": _limit(review, motion),
        "additional_rate_limits": [_bucket(bucket, motion) for bucket in account.buckets] or None,
        "credits": _credits(account.credits, balance),
        "spend_control": _spend_control(account, motion),
        "rate_limit_reached_type": _reached_type(account, blocked, spend_reached, balance == 0),
        "promo": None,
        "referral_beacon": None,
        "rate_limit_reset_credits": resets,
    }


def reset_credits_payload(account: Account, motion: Motion) -> JsonObject:
    """The body of the banked-resets list: each was granted nine days before the start, for thirty days."""
    banked = account.banked or 0
    rows = [
        {
            "id": f"rc_demo_{account.index}_{number}",
            "reset_type": "codex_rate_limits",
            "status": "available",
            "granted_at": rfc3339(motion.start - 9 * DAY - number * HOUR),
            "expires_at": rfc3339(motion.start + 21 * DAY - number * HOUR),
            "redeem_started_at": None,
            "redeemed_at": None,
            "profile_image_url": None,
            "profile_user_id": None,
            "title": None,
            "description": None,
        }
        for number in range(banked)
    ]
    return {
        "credits": rows,
        "available_count": banked,
        "total_earned_count": banked,
        "immediate_reset_purchase_eligible": False,
        "history_enabled": True,
    }


def reset_history_payload(account: Account, motion: Motion, used: Sequence[float]) -> JsonObject:
    """The body of the history of thirty days: what was granted, and what was used since the start."""
    granted = [motion.start - 9 * DAY - number * HOUR for number in range(account.banked or 0)]
    events = [("granted", at) for at in granted] + [("used", at) for at in used]
    return {
        "as_of": rfc3339(motion.now),
        "window_start": rfc3339(motion.now - 30 * DAY),
        "events": [
            {"id": f"re_demo_{account.index}_{kind}_{number}", "kind": kind, "occurred_at": rfc3339(at)}
            for number, (kind, at) in enumerate(events)
        ],
        "next_cursor": None,
    }
