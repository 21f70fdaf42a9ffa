"""What codex-lb says of its accounts, by API key (fleet summary) or by dashboard login (accounts)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AliasPath, Field

from poolwatch.domain.failure import Failure, FailureKind, worded
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
from poolwatch.sources.lenient import Count, Flag, Instant, Length, Money, Percent, Text, count, known, text
from poolwatch.sources.pools.listing import MAX_BUCKETS, NO_WINDOW, CamelWire, PoolAccount, account_rows
from poolwatch.sources.pools.routes import CODEX_LB as POOL

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


#: `<ChatGPT account id>_<first 8 hex digits of the e-mail's SHA-256>`, and a mark on the second import
_OWN_ID: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_([0-9a-f]{8})(?:__copy\d+)?")

PAUSED: Final = "paused"
REAUTH_REQUIRED: Final = "reauth_required"
DEACTIVATED: Final = "deactivated"
#: of two entries for one account the first of these tells how the account stands
_STATUS_ORDER: Final = ("active", "rate_limited", "quota_exceeded", REAUTH_REQUIRED, PAUSED, DEACTIVATED)
LIMITS_HIDDEN: Final = (
    "this API key may not see the limits: allow it upstream_limits and account_pool_usage in codex-lb"
)


class LbAccount(PoolAccount, frozen=True, kw_only=True):
    """One account as codex-lb lists it.

    `usage_at` is when the pool last read the figures, by the pool's clock, None where it does not say.
    `hides_windows`: the pool has figures and does not show them to this key.
    """

    usage: UsageSnapshot
    usage_at: datetime | None = None
    reason: str | None = None
    hides_windows: bool = False

    @property
    def has_figures(self) -> bool:
        """Whether the pool says anything of the account's usage."""
        return self.usage.base is not _ABSENT or self.usage.credits is not _ABSENT


class RowWire(CamelWire):
    """What both lists say of an account."""

    email: Text = _ABSENT
    plan_type: Text = _ABSENT
    status: Text = _ABSENT
    chatgpt_account_id: Text = _ABSENT
    usage_refreshed_at: Instant = _ABSENT
    expires_at: Annotated[Instant, Field(validation_alias=AliasPath("auth", "access", "expiresAt"))] = _ABSENT
    deactivation_reason: Text = _ABSENT
    workspace_label: Text = _ABSENT


def parse_fleet(body: JsonValue) -> tuple[LbAccount, ...] | Failure:
    """The answer to `GET /api/fleet/summary`: it knows no credits, and the ids only inside its own."""
    return _parse(body, _fleet_account)


def parse_accounts(body: JsonValue) -> tuple[LbAccount, ...] | Failure:
    """The answer to `GET /api/accounts`: it does not say how old its figures are."""
    return _parse(body, _account)


def _parse(
    body: JsonValue, read: Callable[[dict[str, JsonValue], str], LbAccount]
) -> tuple[LbAccount, ...] | Failure:
    rows = account_rows(body, POOL, "accountId")
    if isinstance(rows, Failure):
        return rows
    return one_per_account({place: read(row, place) for place, row in rows.items()})


def one_per_account(found: Mapping[str, LbAccount]) -> tuple[LbAccount, ...]:
    """Without second imports of a login (`…__copy2`): the entry that the pool can use stands for both."""
    kept: dict[tuple[str, str], LbAccount] = {}
    for account in found.values():
        if account.account_id and account.email:
            mark = (account.account_id, account.email.casefold())
        else:
            mark = ("", account.id)
        held = kept.get(mark)
        if held is None or _rank(account) < _rank(held):
            kept[mark] = account
    return tuple(kept.values())


def _rank(account: LbAccount) -> int:
    status = account.status
    return _STATUS_ORDER.index(status) if status in _STATUS_ORDER else len(_STATUS_ORDER)


def _fleet_account(row: dict[str, JsonValue], place: str) -> LbAccount:
    wire = RowWire.model_validate(row)
    email, plan, status = known(wire.email), known(wire.plan_type), known(wire.status) or ""
    usage, usage_at = fleet_usage(row, plan, status), known(wire.usage_refreshed_at)
    has_windows = isinstance(usage.base, RateLimit) and bool(usage.base.windows)
    hides = usage_at is not None and row.get("primary") is None and row.get("secondary") is None
    return LbAccount(
        id=place,
        account_id=_inside(place, email),
        email=email,
        label=_label(row.get("displayName"), email),
        plan=plan,
        status=status,
        usage=usage,
        usage_at=usage_at,
        hides_windows=hides and not has_windows,
    )


def _account(row: dict[str, JsonValue], place: str) -> LbAccount:
    wire = RowWire.model_validate(row)
    email, plan, status = known(wire.email), known(wire.plan_type), known(wire.status) or ""
    return LbAccount(
        id=place,
        account_id=known(wire.chatgpt_account_id) or _inside(place, email),
        email=email,
        label=_label(row.get("alias") or row.get("displayName"), email),
        plan=plan,
        status=status,
        usage=dashboard_usage(row, plan, status),
        expires_at=known(wire.expires_at),
        reason=known(wire.deactivation_reason),
        workspace=known(wire.workspace_label),
    )


def _label(said: JsonValue, email: str | None) -> str | None:
    """The name that somebody gave the account; the e-mail in its place is none."""
    label = text(said)
    return None if label is not None and email is not None and label.casefold() == email.casefold() else label


def _inside(place: str, email: str | None) -> str | None:
    """The ChatGPT account id inside the pool's own id, believed only where the e-mail beside it fits."""
    found = _OWN_ID.fullmatch(place)
    if found is None or email is None:
        return None
    mark = hashlib.sha256(email.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return found[1] if found[2] == mark else None


def no_figures(account: LbAccount) -> Failure | None:
    """Why there is no reading of this account."""
    if account.status == DEACTIVATED:
        told = f": {account.reason}" if account.reason else ""
        return worded(FailureKind.DEACTIVATION_REPORTED, f"{POOL} reports the account as deactivated{told}")
    if account.hides_windows:
        return worded(FailureKind.FORBIDDEN, LIMITS_HIDDEN)
    if account.has_figures:
        return None
    words = f"{POOL} has no figures of this account"
    if account.status == REAUTH_REQUIRED:
        return worded(FailureKind.NO_TOKEN, words)
    return worded(FailureKind.NO_FIGURES, words)


def fleet_refresh_trouble(body: JsonValue) -> str | None:
    """What went wrong in a fleet refresh that was answered with HTTP 200, None when nothing did."""
    if not isinstance(body, dict) or not isinstance(body.get("ok"), bool):
        return "its answer to the fleet refresh makes no sense"
    return None if body["ok"] else "its fleet refresh did not succeed"


def needs_code(body: JsonValue) -> str | None:
    """Why a login with the right password is still none."""
    if isinstance(body, dict) and body.get("authenticated") is False:
        return (
            "codex-lb wants a one-time code after the password, which poolwatch cannot give: "
            "create an API key there and set api_key_file"
        )
    return None
