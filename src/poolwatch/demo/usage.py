"""The usage payload as a pure function of the account, the start, the instant, the speed and its refreshes.

Consumption comes in bursts and grows within a window; at the reset it starts again from zero. A speed of X
makes everything happen X times as fast: a five-hour window then resets X times as often, and every instant
that is served stays a real one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from poolwatch.demo.account import (
    FIVE_HOURS,
    Account,
    Bucket,
    CreditLine,
    JsonObject,
    JsonValue,
    Meter,
    SpendLimit,
)

_BUSY_SHARE = 0.45
_CREDITS_PER_REFRESH = Decimal("0.3725")
_TEN_PLACES = Decimal("0.0000000001")
_FOUR_PLACES = Decimal("0.0001")
_SPEND_KEYS = (
    "individual_limit",
    "workspace_default_limit",
    "group_default_limit",
    "role_budget_limit",
    "group_shared_limit",
    "workspace_shared_limit",
)


@dataclass(frozen=True, slots=True)
class Motion:
    """When the simulation started and what time it is (epoch seconds), how fast it runs, its refreshes.

    `refreshes` are the instants of the latest token refreshes, oldest first; `refresh_count` counts all.
    """

    start: float
    now: float
    speed: float
    refreshes: tuple[float, ...] = ()
    refresh_count: int = 0


@dataclass(frozen=True, slots=True)
class Level:
    """A meter at one instant: percent used, not capped, and the epoch second of its reset."""

    used: float
    resets_at: int

    @property
    def full(self) -> bool:
        """Whether the window is used up."""
        return self.used >= 100


def _busy(meter: Meter, position: float) -> float:
    """Consumption up to `position` in the window, in seconds of average pace; bursts with pauses between."""
    beat = meter.seconds / (12 if meter.seconds <= FIVE_HOURS else 42)

    def spent(at: float) -> float:
        return (at // beat) * beat + min(at % beat, _BUSY_SHARE * beat) / _BUSY_SHARE

    offset = meter.phase * beat
    return spent(position + offset) - spent(offset)


def _fresh(meter: Meter, position: float) -> float:
    return meter.pace / meter.seconds * _busy(meter, position)


def _first(meter: Meter, position: float) -> float:
    return meter.used + meter.pace / meter.seconds * (_busy(meter, position) - _busy(meter, meter.elapsed))


def level(meter: Meter, motion: Motion, *, restarts: bool = False) -> Level:
    """The meter at `motion.now`; with `restarts` the last token refresh began a new window."""
    restarted = restarts and bool(motion.refreshes)
    origin = motion.refreshes[-1] if restarted else motion.start - meter.elapsed / motion.speed
    position = max(0.0, (motion.now - origin) * motion.speed)
    if not restarted:
        # from the start instant itself, so that the opening figure is exact
        position = meter.elapsed + max(0.0, motion.now - motion.start) * motion.speed
    cycle = int(position // meter.seconds)
    within = position - cycle * meter.seconds
    used = _first(meter, within) if cycle == 0 and not restarted else _fresh(meter, within)
    began = origin + cycle * meter.seconds / motion.speed
    if not restarted:
        used += meter.step * sum(1 for at in motion.refreshes if at >= max(began, motion.start))
    return Level(used, math.ceil(round(began + meter.seconds / motion.speed, 3)))


def beyond(meter: Meter, motion: Motion) -> float:
    """Percent consumed beyond a full window since the start, over all windows that have passed since."""

    def over(percent: float) -> float:
        return max(0.0, percent - 100)

    position = meter.elapsed + max(0.0, motion.now - motion.start) * motion.speed
    cycle = int(position // meter.seconds)
    within = position - cycle * meter.seconds
    before = over(meter.used)
    if cycle == 0:
        return over(_first(meter, within)) - before
    whole = over(_fresh(meter, meter.seconds))
    return over(_first(meter, meter.seconds)) - before + (cycle - 1) * whole + over(_fresh(meter, within))


def _window(meter: Meter, now: Level, motion: Motion) -> JsonObject:
    return {
        "used_percent": min(100, int(now.used)),
        "limit_window_seconds": meter.seconds,
        "reset_after_seconds": max(0, now.resets_at - int(motion.now)),
        "reset_at": now.resets_at,
    }


def _limit(
    windows: tuple[Meter | None, Meter | None],
    motion: Motion,
    *,
    restarts: bool = False,
    covered: bool = False,
    blocked: bool = False,
    contradicts: bool = False,
) -> JsonObject:
    """A `rate_limit` object; `covered` means that credits pay for what a full window refuses."""
    shown: list[JsonValue] = []
    full = False
    for meter in windows:
        if meter is None:
            shown.append(None)
            continue
        now = level(meter, motion, restarts=restarts)
        full = full or now.full
        shown.append(_window(meter, now, motion))
    allowed = contradicts or not (blocked or (full and not covered))
    return {
        "allowed": allowed,
        "limit_reached": contradicts or not allowed,
        "primary_window": shown[0],
        "secondary_window": shown[1],
    }


def _bucket(bucket: Bucket, motion: Motion) -> JsonObject:
    named: JsonObject = {"limit_name": bucket.limit_name, "metered_feature": bucket.metered_feature}
    if bucket.model_slug is not None:
        named["normal_model_slug"] = bucket.model_slug
    named["rate_limit"] = None if bucket.windows is None else _limit(bucket.windows, motion)
    return named


def _balance(account: Account, motion: Motion) -> Decimal | None:
    """The moving balance in credits, or None where the text of the credit line is served as it stands."""
    line = account.credits
    if line.burn is None or line.balance is None:
        return None
    over = sum(beyond(meter, motion) for meter in account.windows or () if meter is not None)
    spent = Decimal(str(round(over * line.burn, 6))) + _CREDITS_PER_REFRESH * motion.refresh_count
    return max(Decimal(0), Decimal(line.balance) - spent).quantize(_TEN_PLACES)


def _credits(line: CreditLine, balance: Decimal | None) -> JsonObject:
    messages: tuple[JsonValue, JsonValue] = (None, None)
    if balance is not None:
        messages = (
            [int(balance / 5), int(balance * Decimal("1.3"))],
            [int(balance / 25), int(balance / 4)],
        )
    elif line.balance == "0":
        messages = ([0, 0], [0, 0])
    return {
        "has_credits": line.has_credits,
        "unlimited": line.unlimited,
        "overage_limit_reached": line.overage_reached,
        "balance": line.balance if balance is None else f"{balance:f}",
        "approx_local_messages": messages[0],
        "approx_cloud_messages": messages[1],
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
        "reset_after_seconds": max(0, now.resets_at - int(motion.now)),
        "reset_at": now.resets_at,
    }
    if spend.kind.startswith("group_"):
        return {"group_id": "grp-demo", "group_name": "Platform", "details": details}
    return details


def _spend_control(account: Account, levels: Sequence[Level], motion: Motion) -> JsonObject:
    if not account.spend:
        stuck: JsonObject = {"reached": account.spend_stuck is not None}
        if account.spend_stuck is not None:
            stuck["reached_limit_type"] = account.spend_stuck
        return stuck | {"individual_limit": None}
    full = [spend.kind for spend, now in zip(account.spend, levels, strict=True) if now.full]
    control: JsonObject = {"reached": bool(full), "reached_limit_type": full[0] if full else None}
    control.update(dict.fromkeys(_SPEND_KEYS))
    for spend, now in zip(account.spend, levels, strict=True):
        control[f"{spend.kind}_limit"] = _spend_details(spend, now, motion)
    return control


def _reached_type(account: Account, blocked: bool, spend_reached: bool, broke: bool) -> JsonValue:
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
    balance = _balance(account, motion)
    spend_levels = [
        level(spend.meter, motion, restarts=account.restarts_on_refresh) for spend in account.spend
    ]
    spend_reached = any(now.full for now in spend_levels)
    rate_limit: JsonObject | None = None
    if account.windows is not None:
        rate_limit = _limit(
            account.windows,
            motion,
            restarts=account.restarts_on_refresh,
            covered=account.credits.unlimited or (balance is not None and balance > 0),
            blocked=spend_reached or account.blocked_by is not None,
            contradicts=account.contradicts,
        )
    blocked = rate_limit is not None and rate_limit["allowed"] is False
    review = None if account.review is None else _limit((account.review, None), motion)
    resets: JsonObject | None = None
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
        "code_review_rate_limit": review,
        "additional_rate_limits": [_bucket(bucket, motion) for bucket in account.buckets] or None,
        "credits": _credits(account.credits, balance),
        "spend_control": _spend_control(account, spend_levels, motion),
        "rate_limit_reached_type": _reached_type(account, blocked, spend_reached, balance == 0),
        "promo": None,
        "referral_beacon": None,
        "rate_limit_reset_credits": resets,
    }


def reset_credits_payload(account: Account, motion: Motion) -> JsonObject:
    """The body of the banked-resets list: each was granted nine days before the start, for thirty days."""

    def instant(at: float) -> str:
        return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    banked = account.banked or 0
    rows: list[JsonValue] = [
        {
            "id": f"rc_demo_{account.index}_{number}",
            "reset_type": "codex_rate_limits",
            "status": "available",
            "granted_at": instant(motion.start - 9 * 86_400 - number * 3_600),
            "expires_at": instant(motion.start + 21 * 86_400 - number * 3_600),
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
