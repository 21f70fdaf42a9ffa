"""What codex-lb says of its accounts, by API key (fleet summary) or by dashboard login (accounts).

Its percentages are what remains. Its capacity figures are estimates by plan, no money, and are not read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from poolwatch.domain.failure import Failure
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
from poolwatch.sources.lenient import (
    Count,
    Flag,
    Instant,
    Length,
    Money,
    Percent,
    Text,
    WireModel,
    count,
    known,
    nested,
)
from poolwatch.sources.pool_wire import MAX_BUCKETS, NO_WINDOW, account_rows

_ABSENT: Final = Unsaid.ABSENT
_POOL: Final = "codex-lb"
#: `<ChatGPT account id>_<first 8 hex digits of the e-mail's SHA-256>`, and a mark on the second import
_OWN_ID: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_([0-9a-f]{8})(?:__copy\d+)?")

PAUSED: Final = "paused"
REAUTH_REQUIRED: Final = "reauth_required"
DEACTIVATED: Final = "deactivated"
#: of two entries for one account the first of these tells how the account stands
_STATUS_ORDER: Final = ("active", "rate_limited", "quota_exceeded", REAUTH_REQUIRED, PAUSED, DEACTIVATED)
_LIMITED: Final = frozenset({"rate_limited", "quota_exceeded"})


@dataclass(frozen=True, slots=True)
class LbAccount:
    """One account as codex-lb lists it; `id` is the pool's own and goes into its routes.

    `usage_at` is when the pool last read the figures, by the pool's clock, None where it does not say.
    `hides_windows`: the pool has figures and does not show them to this key.
    """

    id: str
    account_id: str | None
    email: str | None
    label: str | None
    plan: str | None
    status: str
    usage: UsageSnapshot
    usage_at: datetime | None = None
    expires_at: datetime | None = None
    reason: str | None = None
    hides_windows: bool = False
    #: the workspace's name
    workspace: str | None = None

    @property
    def has_figures(self) -> bool:
        """Whether the pool says anything of the account's usage."""
        return self.usage.base is not _ABSENT or self.usage.credits is not _ABSENT


class FleetWindowWire(WireModel):
    """One window of the fleet summary."""

    remaining: Percent = _ABSENT
    reset_at: Instant = _ABSENT
    minutes: Length = _ABSENT


class QuotaWindowWire(WireModel):
    """One window of an additional quota, which is told as used and not as remaining."""

    used_percent: Percent = _ABSENT
    reset_at: Instant = _ABSENT
    minutes: Length = _ABSENT


class RowWire(WireModel):
    """What both lists say of an account."""

    email: Text = _ABSENT
    label: Text = _ABSENT
    plan: Text = _ABSENT
    status: Text = _ABSENT
    account_id: Text = _ABSENT
    usage_at: Instant = _ABSENT
    expires_at: Instant = _ABSENT
    reason: Text = _ABSENT
    workspace: Text = _ABSENT


class MoneyWire(WireModel):
    """The credits of an account, and its banked resets."""

    has: Flag = _ABSENT
    unlimited: Flag = _ABSENT
    balance: Money = _ABSENT
    resets: Count = _ABSENT
    resets_expire_at: Instant = _ABSENT


def parse_fleet(body: JsonValue) -> tuple[LbAccount, ...] | Failure:
    """The answer to `GET /api/fleet/summary`: it knows no credits, and the ids only inside its own."""
    return _parse(body, _fleet_account)


def parse_accounts(body: JsonValue) -> tuple[LbAccount, ...] | Failure:
    """The answer to `GET /api/accounts`: it does not say how old its figures are."""
    return _parse(body, _account)


def _parse(
    body: JsonValue, read: Callable[[dict[str, JsonValue], str], LbAccount]
) -> tuple[LbAccount, ...] | Failure:
    rows = account_rows(body, _POOL, "accountId")
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
    wire = _row(row, row.get("displayName"))
    email, status = known(wire.email), known(wire.status) or ""
    windows = [_fleet_window(row.get(name)) for name in ("primary", "secondary", "monthly")]
    told = tuple(window for window in windows if window is not None)
    usage_at = known(wire.usage_at)
    hides = usage_at is not None and row.get("primary") is None and row.get("secondary") is None
    return LbAccount(
        place,
        _inside(place, email),
        email,
        _label(wire, email),
        known(wire.plan),
        status,
        UsageSnapshot(plan=known(wire.plan) or _ABSENT, base=_base(told, status)),
        usage_at,
        hides_windows=hides and not told,
    )


def _account(row: dict[str, JsonValue], place: str) -> LbAccount:
    wire = _row(row, row.get("alias") or row.get("displayName"))
    email, status = known(wire.email), known(wire.status) or ""
    remaining = row.get("usage")
    percents = remaining if isinstance(remaining, dict) else {}
    windows = [
        _window(
            percents.get(f"{name.lower()}RemainingPercent"),
            row.get(f"resetAt{name}"),
            row.get(f"windowMinutes{name}"),
        )
        for name in ("Primary", "Secondary", "Monthly")
    ]
    told = tuple(window for window in windows if window is not None)
    money = MoneyWire.model_validate(
        {
            "has": row.get("creditsHas"),
            "unlimited": row.get("creditsUnlimited"),
            "balance": row.get("creditsBalance"),
            "resets": row.get("availableResetCredits"),
            "resets_expire_at": row.get("resetCreditNearestExpiresAt"),
        }
    )
    usage = UsageSnapshot(
        plan=known(wire.plan) or _ABSENT,
        base=_base(told, status),
        extras=_extras(row.get("additionalQuotas")),
        credits=_credits(money),
        reset_credits=_reset_credits(money),
    )
    return LbAccount(
        place,
        known(wire.account_id) or _inside(place, email),
        email,
        _label(wire, email),
        known(wire.plan),
        status,
        usage,
        expires_at=known(wire.expires_at),
        reason=known(wire.reason),
        workspace=known(wire.workspace),
    )


def _row(row: dict[str, JsonValue], label: JsonValue) -> RowWire:
    auth = row.get("auth")
    access = auth.get("access") if isinstance(auth, dict) else None
    return RowWire.model_validate(
        {
            "email": row.get("email"),
            "label": label,
            "plan": row.get("planType"),
            "status": row.get("status"),
            "account_id": row.get("chatgptAccountId"),
            "usage_at": row.get("usageRefreshedAt"),
            "expires_at": access.get("expiresAt") if isinstance(access, dict) else None,
            "reason": row.get("deactivationReason"),
            "workspace": row.get("workspaceLabel"),
        }
    )


def _label(wire: RowWire, email: str | None) -> str | None:
    """The name that somebody gave the account; the e-mail in its place is none."""
    label = known(wire.label)
    return None if label is not None and email is not None and label.casefold() == email.casefold() else label


def _inside(place: str, email: str | None) -> str | None:
    """The ChatGPT account id inside the pool's own id, believed only where the e-mail beside it fits."""
    found = _OWN_ID.fullmatch(place)
    if found is None or email is None:
        return None
    mark = hashlib.sha256(email.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return found[1] if found[2] == mark else None


def _fleet_window(value: JsonValue) -> UsageWindow | None:
    if not isinstance(value, dict):
        return None
    return _window(value.get("remainingPercent"), value.get("resetAt"), value.get("windowMinutes"))


def _window(remaining: JsonValue, reset_at: JsonValue, minutes: JsonValue) -> UsageWindow | None:
    wire = FleetWindowWire.model_validate({"remaining": remaining, "reset_at": reset_at, "minutes": minutes})
    left = known(wire.remaining)
    # by way of decimal digits: 100 - 58.1 is 41.9
    used = None if left is None else float(Decimal(100) - Decimal(repr(left)))
    window = UsageWindow(used, _seconds(known(wire.minutes)), known(wire.reset_at))
    return None if window == NO_WINDOW else window


def _seconds(minutes: int | None) -> int | None:
    return None if minutes is None else minutes * 60


def _base(windows: tuple[UsageWindow, ...], status: str) -> Said[RateLimit]:
    """The pool never says `allowed`; that an account is limited it says in its status."""
    limited = True if status in _LIMITED else None
    if not windows and not limited:
        return _ABSENT
    return RateLimit(None, limited, windows)


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
            window = nested(QuotaWindowWire)(_renamed(row.get(name)))
            if window is not None:
                windows.append(
                    UsageWindow(
                        known(window.used_percent), _seconds(known(window.minutes)), known(window.reset_at)
                    )
                )
        name = _first_text(row, "limitName", "displayLabel") or key
        found.setdefault(key, Bucket(key, name, RateLimit(None, None, tuple(windows)) if windows else None))
    return tuple(found.values()) or _ABSENT


def _renamed(value: JsonValue) -> object:
    if not isinstance(value, dict):
        return None
    return {
        "used_percent": value.get("usedPercent"),
        "reset_at": value.get("resetAt"),
        "minutes": value.get("windowMinutes"),
    }


def _first_text(row: dict[str, JsonValue], *names: str) -> str | None:
    texts = (visible_or_none(value) for name in names if isinstance(value := row.get(name), str))
    return next((text for text in texts if text is not None), None)


def _credits(money: MoneyWire) -> Said[Credits]:
    told = Credits(known(money.has), known(money.unlimited), None, known(money.balance))
    if told != Credits(None, None, None, None):
        return told
    return Unsaid.MALFORMED if Unsaid.MALFORMED in (money.has, money.unlimited, money.balance) else _ABSENT


def _reset_credits(money: MoneyWire) -> Said[ResetCredits]:
    """The banked resets; 0 stands in the list for accounts with some, too, and so says nothing."""
    number = known(money.resets)
    return ResetCredits(number, None, known(money.resets_expire_at)) if number else _ABSENT


def with_banked(usage: UsageSnapshot, body: JsonValue) -> UsageSnapshot:
    """With the count of `GET …/usage-reset-credits`, which the pool asks upstream for."""
    inner = body.get("rateLimitResetCredits") if isinstance(body, dict) else None
    number = count(inner.get("availableCount")) if isinstance(inner, dict) else None
    if number is None:
        return usage
    held = usage.reset_credits
    expires_at = held.expires_at if isinstance(held, ResetCredits) and number else None
    return replace(usage, reset_credits=ResetCredits(number, None, expires_at))


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
