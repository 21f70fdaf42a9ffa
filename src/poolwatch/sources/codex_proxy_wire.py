"""What codex-proxy says of its accounts and of itself, and how a refresh went."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

from poolwatch.domain.failure import Failure, LoginProblem
from poolwatch.domain.text import visible
from poolwatch.domain.usage import Said, Unsaid, UsageSnapshot
from poolwatch.sources.codex_proxy_quota import QuotaWire, snapshot_of
from poolwatch.sources.codex_proxy_routes import POOL
from poolwatch.sources.json_body import JsonValue
from poolwatch.sources.lenient import Instant, Text, decimal, known
from poolwatch.sources.pool_account import PoolAccount
from poolwatch.sources.pool_wire import SAID_LENGTH, CamelWire, account_rows, holds_no
from poolwatch.sources.redact import their_words
from poolwatch.sources.slices import resting

_ABSENT: Final = Unsaid.ABSENT
_CODE: Final = re.compile(r'"code":\s*"([a-z_]{1,60})"')
_USED_UP: Final = "the refresh token was already used elsewhere"
_ENDED: Final = "the login was signed out or revoked"
#: What a login issuer says of a login that only a new one replaces.
_FOR_GOOD: Final = {
    "refresh_token_reused": (_USED_UP, LoginProblem.USED_ELSEWHERE),
    "refresh_token_invalidated": (_ENDED, LoginProblem.INVALIDATED),
    "refresh_token_expired": ("the refresh token has expired", LoginProblem.REFRESH_EXPIRED),
    "invalid_grant": ("the refresh token is refused", LoginProblem.REJECTED),
    "app_session_terminated": (_ENDED, LoginProblem.INVALIDATED),
    "account_session_expired": (_ENDED, LoginProblem.INVALIDATED),
}
_ANY_FOR_GOOD: Final = re.compile(rf"(?<![a-z_])(?:{'|'.join(_FOR_GOOD)})(?![a-z_])")


class AccountWire(CamelWire):
    """One account of the pool's list."""

    email: Text = _ABSENT
    account_id: Text = _ABSENT
    user_id: Text = _ABSENT
    label: Text = _ABSENT
    plan_type: Text = _ABSENT
    status: Text = _ABSENT
    expires_at: Instant = _ABSENT
    quota: Annotated[Said[QuotaWire], QuotaWire.of] = _ABSENT
    quota_fetched_at: Instant = _ABSENT


class ProxyAccount(PoolAccount, frozen=True, kw_only=True):
    """One account as codex-proxy lists it.

    `quota` is the pool's cached one, true at `quota_at` by the pool's clock; both are None without one.
    """

    quota: UsageSnapshot | None
    quota_at: datetime | None
    quota_text: str | None


@dataclass(frozen=True, slots=True)
class ProxyList:
    """The pool's accounts; `unsaved` says in words that it cannot keep them, None while it can."""

    accounts: Mapping[str, ProxyAccount]
    unsaved: str | None


def parse_accounts(body: JsonValue) -> ProxyList | Failure:
    """The answer to `GET /auth/accounts`. A row without a usable id is left out."""
    rows = account_rows(body, POOL, "id")
    if isinstance(rows, Failure):
        return rows
    found = {place: _account(place, row) for place, row in resting(rows.items())}
    health = body.get("persistence_health") if isinstance(body, dict) else None
    unsaved = None
    if isinstance(health, dict) and health.get("ok") is False:
        reason = health.get("message") or health.get("reason")
        told = their_words(reason, SAID_LENGTH) if isinstance(reason, str) else "no reason given"
        unsaved = f"codex-proxy cannot store its accounts: {told}"
    return ProxyList(found, unsaved)


def _account(place: str, row: dict[str, JsonValue]) -> ProxyAccount:
    wire = AccountWire.model_validate(row)
    quota, quota_at = known(wire.quota), known(wire.quota_fetched_at)
    has_quota = quota is not None and quota_at is not None
    return ProxyAccount(
        id=place,
        user_id=known(wire.user_id),
        account_id=known(wire.account_id),
        email=known(wire.email),
        label=known(wire.label),
        plan=known(wire.plan_type),
        status=known(wire.status) or "",
        expires_at=known(wire.expires_at),
        quota=snapshot_of(quota) if quota is not None and has_quota else None,
        quota_at=quota_at if has_quota else None,
        quota_text=json.dumps(row.get("quota")) if has_quota else None,
    )


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """How the pool's refresh of one account went: `alive`, `dead`, `skipped`, or a word not known yet.

    `problem` is there where only a new login helps.
    """

    result: str
    why: str | None
    problem: LoginProblem | None = None


def parse_refresh(body: JsonValue) -> RefreshResult | Failure:
    """The answer to `POST …/refresh`, which is HTTP 200 whether the token lives or not."""
    result = body.get("result") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(result, str):
        return holds_no(POOL, "result of a refresh", body)
    error = body.get("error")
    words, problem = _refresh_words(error)
    return RefreshResult(visible(result, SAID_LENGTH), words, problem)


def _refresh_words(error: JsonValue) -> tuple[str | None, LoginProblem | None]:
    """Why a refresh failed, in words: by the issuer's code where there is one, else the pool's own words."""
    if not isinstance(error, str) or not error.strip():
        return None, None
    for_good = _ANY_FOR_GOOD.search(error)
    if for_good is not None:
        return _FOR_GOOD[for_good[0]]
    code = _CODE.search(error)
    return (code[1] if code is not None else their_words(error, SAID_LENGTH)), None


def parse_rate(body: JsonValue) -> Decimal | None:
    """Credits per US dollar as the pool is set up; None where it says none, or nonsense."""
    rate = decimal(body.get("credits_per_usd")) if isinstance(body, dict) else None
    return rate if rate is not None and rate >= 0 else None


def parse_version(body: JsonValue) -> str | None:
    """The pool's version, from its update status."""
    proxy = body.get("proxy") if isinstance(body, dict) else None
    version = proxy.get("version") if isinstance(proxy, dict) else None
    return visible(version, 40) if isinstance(version, str) and version.strip() else None
