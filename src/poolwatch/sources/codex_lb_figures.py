"""The figures of one account in codex-lb: its windows, other quotas, credits and banked resets.

Its percentages are what remains. Its capacity figures are estimates by plan, no money, and are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from poolwatch.domain.remake import replace
from poolwatch.domain.text import visible_or_none
from poolwatch.domain.usage import (
    Bucket,
    Credits,
    RateLimit,
    ResetCredits,
    Said,
    Unsaid,
    UsageSnapshot,
    UsageWindow,
)
from poolwatch.sources.json_body import JsonValue
from poolwatch.sources.lenient import Count, Flag, Instant, Length, Money, Percent, count, known
from poolwatch.sources.pool_wire import MAX_BUCKETS, NO_WINDOW, CamelWire

_ABSENT: Final = Unsaid.ABSENT
#: the mark on the pool's id of a login that was imported once more
_COPY: Final = re.compile(r"__copy\d+\Z")
_LIMITED: Final = frozenset({"rate_limited", "quota_exceeded"})


class WindowWire(CamelWire):
    """One window: an account's is told as remaining, an additional quota's as used."""

    remaining_percent: Percent = _ABSENT
    used_percent: Percent = _ABSENT
    reset_at: Instant = _ABSENT
    window_minutes: Length = _ABSENT


class MoneyWire(CamelWire):
    """The credits of an account, and its banked resets."""

    credits_has: Flag = _ABSENT
    credits_unlimited: Flag = _ABSENT
    credits_balance: Money = _ABSENT
    available_reset_credits: Count = _ABSENT
    reset_credit_nearest_expires_at: Instant = _ABSENT


def fleet_usage(row: Mapping[str, JsonValue], plan: str | None, status: str) -> UsageSnapshot:
    """The figures in a row of the fleet summary."""
    windows = (_remaining(row.get(name)) for name in ("primary", "secondary", "monthly"))
    return UsageSnapshot(plan=plan or _ABSENT, base=_base(windows, status))


def dashboard_usage(row: Mapping[str, JsonValue], plan: str | None, status: str) -> UsageSnapshot:
    """The figures in a row of the dashboard's list, which names each part of a window by the window."""
    remaining = row.get("usage")
    percents = remaining if isinstance(remaining, dict) else {}
    windows = (
        _remaining(
            {
                "remainingPercent": percents.get(f"{name.lower()}RemainingPercent"),
                "resetAt": row.get(f"resetAt{name}"),
                "windowMinutes": row.get(f"windowMinutes{name}"),
            }
        )
        for name in ("Primary", "Secondary", "Monthly")
    )
    money = MoneyWire.model_validate(row)
    return UsageSnapshot(
        plan=plan or _ABSENT,
        base=_base(windows, status),
        extras=_extras(row.get("additionalQuotas")),
        credits=_credits(money),
        reset_credits=_reset_credits(money),
    )


def with_banked(usage: UsageSnapshot, place: str, body: JsonValue) -> UsageSnapshot:
    """With the count of `GET …/usage-reset-credits`, which the pool asks upstream for.

    Not with that of another account than the one whose id in the pool is `place`.
    """
    if not isinstance(body, dict) or _is_of_another(body.get("accountId"), place):
        return usage
    inner = body.get("rateLimitResetCredits")
    number = count(inner.get("availableCount")) if isinstance(inner, dict) else None
    if number is None:
        return usage
    held = usage.reset_credits
    expires_at = held.expires_at if isinstance(held, ResetCredits) and number else None
    return replace(usage, reset_credits=ResetCredits(number, None, expires_at))


def _is_of_another(told: JsonValue, place: str) -> bool:
    """Whether an answer names another account; a second import of a login is the same one."""
    return isinstance(told, str) and _COPY.sub("", told) != _COPY.sub("", place)


def _remaining(value: JsonValue) -> UsageWindow | None:
    wire = WindowWire.of(value)
    if wire is None:
        return None
    left = known(wire.remaining_percent)
    # by way of decimal digits: 100 - 58.1 is 41.9
    window = _window(None if left is None else float(Decimal(100) - Decimal(repr(left))), wire)
    return None if window == NO_WINDOW else window


def _window(used: float | None, wire: WindowWire) -> UsageWindow:
    minutes = known(wire.window_minutes)
    return UsageWindow(used, None if minutes is None else minutes * 60, known(wire.reset_at))


def _base(windows: Iterable[UsageWindow | None], status: str) -> Said[RateLimit]:
    """The pool never says `allowed`; that an account is limited it says in its status."""
    limited = True if status in _LIMITED else None
    told = tuple(window for window in windows if window is not None)
    if not told and not limited:
        return _ABSENT
    return RateLimit(None, limited, told)


def _extras(value: JsonValue) -> Said[tuple[Bucket, ...]]:
    """The other quotas; an empty list is what the pool sends for "none" and for "not read" alike."""
    if not isinstance(value, list) or not value:
        return _ABSENT
    found: dict[str, Bucket] = {}
    for row in value[:MAX_BUCKETS]:
        if not isinstance(row, dict):
            continue
        key = _first_text(row, "meteredFeature", "quotaKey", "limitName")
        if key is None:
            continue
        windows = []
        for name in ("primaryWindow", "secondaryWindow"):
            window = WindowWire.of(row.get(name))
            if window is not None:
                windows.append(_window(known(window.used_percent), window))
        name = _first_text(row, "limitName", "displayLabel") or key
        found.setdefault(key, Bucket(key, name, RateLimit(None, None, tuple(windows)) if windows else None))
    return tuple(found.values()) or _ABSENT


def _first_text(row: dict[str, JsonValue], *names: str) -> str | None:
    texts = (visible_or_none(value) for name in names if isinstance(value := row.get(name), str))
    return next((text for text in texts if text is not None), None)


def _credits(money: MoneyWire) -> Said[Credits]:
    told = Credits(
        known(money.credits_has), known(money.credits_unlimited), None, known(money.credits_balance)
    )
    if told != Credits(None, None, None, None):
        return told
    return (
        Unsaid.MALFORMED
        if Unsaid.MALFORMED in (money.credits_has, money.credits_unlimited, money.credits_balance)
        else _ABSENT
    )


def _reset_credits(money: MoneyWire) -> Said[ResetCredits]:
    """The banked resets; 0 stands in the list for accounts with some, too, and so says nothing."""
    number = known(money.available_reset_credits)
    return ResetCredits(number, None, known(money.reset_credit_nearest_expires_at)) if number else _ABSENT
