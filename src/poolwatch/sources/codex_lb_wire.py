"""What codex-lb says of its accounts, by API key (fleet summary) or by dashboard login (accounts)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Final

from pydantic import AliasPath, Field

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import RateLimit, Unsaid, UsageSnapshot
from poolwatch.sources.codex_lb_figures import dashboard_usage, fleet_usage
from poolwatch.sources.codex_lb_routes import POOL
from poolwatch.sources.json_body import JsonValue
from poolwatch.sources.lenient import Instant, Text, known, text
from poolwatch.sources.pool_account import PoolAccount
from poolwatch.sources.pool_wire import CamelWire, account_rows
from poolwatch.sources.slices import resting

_ABSENT: Final = Unsaid.ABSENT
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
    return one_per_account({place: read(row, place) for place, row in resting(rows.items())})


def one_per_account(found: Mapping[str, LbAccount]) -> tuple[LbAccount, ...]:
    """Without second imports of a login (`…__copy2`): the entry that the pool can use stands for both."""
    kept: dict[tuple[str, str], LbAccount] = {}
    for account in resting(found.values()):
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
        return Failure(FailureKind.DEACTIVATION_REPORTED, f"{POOL} reports the account as deactivated{told}")
    if account.hides_windows:
        return Failure(FailureKind.FORBIDDEN, LIMITS_HIDDEN)
    if account.has_figures:
        return None
    words = f"{POOL} has no figures of this account"
    if account.status == REAUTH_REQUIRED:
        return Failure(FailureKind.NO_TOKEN, words)
    return Failure(FailureKind.NO_FIGURES, words)


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
