"""What codex-proxy says: its accounts, the quota it keeps of each, and how a refresh went.

A null in its quota means "not said": the pool writes null for what upstream left out as well as for nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.remake import replace
from poolwatch.domain.text import visible
from poolwatch.domain.usage import (
    FIELD_NAMES,
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
    Epoch,
    Flag,
    Instant,
    Length,
    Percent,
    Text,
    WireModel,
    decimal,
    known,
    lenient,
    nested,
)
from poolwatch.sources.pool_wire import MAX_BUCKETS, NO_WINDOW, SAID_LENGTH, account_rows, holds_no
from poolwatch.sources.redact import their_words
from poolwatch.sources.usage_wire import CreditsWire, credits_of, parse_usage

_ABSENT: Final = Unsaid.ABSENT
_POOL: Final = "codex-proxy"
_UPSTREAM: Final = re.compile(r"Codex API error \((\d{3})\)")
_REFUSED: Final = re.compile(r'"code":\s*"([a-z_]{1,60})"')
_REFRESH_WORDS: Final = {
    "refresh_token_reused": "the refresh token was already used elsewhere",
    "refresh_token_invalidated": "the login was signed out or revoked",
    "refresh_token_expired": "the refresh token has expired",
}


class SecondWindowWire(WireModel):
    """The second window of a limit; its place says nothing about its length."""

    limit_reached: Flag = _ABSENT
    used_percent: Percent = _ABSENT
    reset_at: Epoch = _ABSENT
    limit_window_seconds: Length = _ABSENT


class LimitWire(SecondWindowWire):
    """A limit, flattened: its flags, its first window, and in named limits a second one."""

    allowed: Flag = _ABSENT
    limit_name: Text = _ABSENT
    secondary_rate_limit: Annotated[Said[SecondWindowWire], lenient(nested(SecondWindowWire))] = _ABSENT


LimitField = Annotated[Said[LimitWire], lenient(nested(LimitWire))]


def _named_limits(value: object) -> dict[str, LimitWire] | None:
    if not isinstance(value, dict):
        return None
    rows = list(value.items())[:MAX_BUCKETS]
    return {key: LimitWire.model_validate(row) for key, row in rows if isinstance(row, dict)}


class QuotaWire(WireModel):
    """The quota as the pool keeps it."""

    plan_type: Text = _ABSENT
    rate_limit: LimitField = _ABSENT
    secondary_rate_limit: Annotated[Said[SecondWindowWire], lenient(nested(SecondWindowWire))] = _ABSENT
    code_review_rate_limit: LimitField = _ABSENT
    rate_limits_by_limit_id: Annotated[Said[dict[str, LimitWire]], lenient(_named_limits)] = _ABSENT
    reset_credits_available: Count = _ABSENT
    credits: Annotated[Said[CreditsWire], lenient(nested(CreditsWire))] = _ABSENT


class AccountWire(WireModel):
    """One account of the pool's list."""

    email: Text = _ABSENT
    account_id: Text = _ABSENT
    user_id: Text = _ABSENT
    label: Text = _ABSENT
    plan_type: Text = _ABSENT
    status: Text = _ABSENT
    expires_at: Instant = _ABSENT
    quota: Annotated[Said[QuotaWire], lenient(nested(QuotaWire))] = _ABSENT
    quota_fetched_at: Instant = _ABSENT


@dataclass(frozen=True, slots=True)
class ProxyAccount:
    """One account as codex-proxy lists it; `id` is the pool's own and goes into its routes.

    `quota` is the pool's cached one, true at `quota_at` by the pool's clock; both are None without one.
    """

    id: str
    email: str | None
    account_id: str | None
    user_id: str | None
    label: str | None
    plan: str | None
    status: str
    expires_at: datetime | None
    quota: UsageSnapshot | None
    quota_at: datetime | None
    quota_text: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProxyList:
    """The pool's accounts; `unsaved` says in words that it cannot keep them, None while it can."""

    accounts: Mapping[str, ProxyAccount]
    unsaved: str | None


def parse_accounts(body: JsonValue) -> ProxyList | Failure:
    """The answer to `GET /auth/accounts`. A row without a usable id is left out."""
    rows = account_rows(body, _POOL, "id")
    if isinstance(rows, Failure):
        return rows
    found = {place: _account(place, row) for place, row in rows.items()}
    health = body.get("persistence_health") if isinstance(body, dict) else None
    unsaved = None
    if isinstance(health, dict) and health.get("ok") is False:
        reason = health.get("message") or health.get("reason")
        told = their_words(reason, SAID_LENGTH) if isinstance(reason, str) else "no reason given"
        unsaved = f"codex-proxy cannot store its accounts: {told}"
    return ProxyList(found, unsaved)


def _account(place: str, row: dict[str, JsonValue]) -> ProxyAccount:
    wire = AccountWire.model_validate(
        {
            **{key: row.get(key) for key in ("email", "label", "status", "quota")},
            "account_id": row.get("accountId"),
            "user_id": row.get("userId"),
            "plan_type": row.get("planType"),
            "expires_at": row.get("expiresAt"),
            "quota_fetched_at": row.get("quotaFetchedAt"),
        }
    )
    quota, quota_at = known(wire.quota), known(wire.quota_fetched_at)
    has_quota = quota is not None and quota_at is not None
    return ProxyAccount(
        place,
        known(wire.email),
        known(wire.account_id),
        known(wire.user_id),
        known(wire.label),
        known(wire.plan_type),
        known(wire.status) or "",
        known(wire.expires_at),
        _snapshot(quota) if quota is not None and has_quota else None,
        quota_at if has_quota else None,
        json.dumps(row.get("quota"), indent=2) if has_quota else None,
    )


def parse_quota(body: JsonValue, at: datetime) -> UsageSnapshot | Failure:
    """The answer to `GET …/quota`: upstream's own payload where it speaks, the pool's reading elsewhere.

    `at` is the pool's time, from which "reset in N seconds" counts.
    """
    if not isinstance(body, dict):
        return holds_no(_POOL, "quota", body)
    read = nested(QuotaWire)(body.get("quota"))
    quota = _snapshot(read) if read is not None else None
    raw: UsageSnapshot | Failure | None = None
    if isinstance(body.get("raw"), dict):
        # numbers stand in the value as they were written, so the text says the same again
        raw = parse_usage(json.dumps(body["raw"]).encode(), at)
    if isinstance(raw, UsageSnapshot):
        return _completed(raw, quota or UsageSnapshot())
    if quota is None or quota == UsageSnapshot():
        return holds_no(_POOL, "quota", body)
    return quota


def _completed(raw: UsageSnapshot, quota: UsageSnapshot) -> UsageSnapshot:
    changed: dict[str, object] = {}
    for name in FIELD_NAMES:
        said, kept = getattr(raw, name), getattr(quota, name)
        if name == "credits" and said is None:
            said = _ABSENT
        if isinstance(said, Unsaid):
            changed[name] = said if kept is _ABSENT else kept
    return replace(raw, **changed)  # type: ignore[arg-type]  # values of the fields they come from


def _snapshot(wire: QuotaWire) -> UsageSnapshot:
    return UsageSnapshot(
        plan=_unless_null(wire.plan_type),
        base=_limit(wire.rate_limit, wire.secondary_rate_limit),
        review=_limit(wire.code_review_rate_limit, _ABSENT),
        extras=_extras(wire.rate_limits_by_limit_id),
        credits=_credits(wire.credits),
        reset_credits=_reset_credits(wire.reset_credits_available),
    )


def _unless_null(said: Said[str]) -> Said[str]:
    return _ABSENT if said is None else said


def _limit(said: Said[LimitWire], second: Said[SecondWindowWire]) -> Said[RateLimit]:
    if said is None or isinstance(said, Unsaid):
        return said or _ABSENT
    other = known(second) or known(said.secondary_rate_limit)
    windows = [UsageWindow(known(said.used_percent), known(said.limit_window_seconds), known(said.reset_at))]
    if other is not None:
        windows.append(
            UsageWindow(
                known(other.used_percent),
                known(other.limit_window_seconds),
                known(other.reset_at),
                known(other.limit_reached),
            )
        )
    told = tuple(each for each in windows if replace(each, limit_reached=None) != NO_WINDOW)
    return RateLimit(known(said.allowed), known(said.limit_reached), told)


def _extras(said: Said[dict[str, LimitWire]]) -> Said[tuple[Bucket, ...]]:
    if said is None or isinstance(said, Unsaid):
        return said or _ABSENT
    buckets = []
    for key, wire in said.items():
        name = visible(key)
        limit = known(_limit(wire, _ABSENT))
        buckets.append(Bucket(name, known(wire.limit_name) or name, limit))
    return tuple(buckets)


def _credits(said: Said[CreditsWire]) -> Said[Credits]:
    if said is None or isinstance(said, Unsaid):
        return said or _ABSENT
    return credits_of(said)


def _reset_credits(said: Said[int]) -> Said[ResetCredits]:
    if said is None or isinstance(said, Unsaid):
        return said if isinstance(said, Unsaid) else _ABSENT
    return ResetCredits(said, None)


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """How the pool's refresh of one account went: `alive`, `dead`, `skipped`, or a word not known yet."""

    result: str
    why: str | None


def parse_refresh(body: JsonValue) -> RefreshResult | Failure:
    """The answer to `POST …/refresh`, which is HTTP 200 whether the token lives or not."""
    result = body.get("result") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(result, str):
        return holds_no(_POOL, "result of a refresh", body)
    error = body.get("error")
    return RefreshResult(visible(result, SAID_LENGTH), refresh_words(error) if error else None)


def refresh_words(error: JsonValue) -> str | None:
    """Why a refresh failed, in words: the issuer's code where there is one, else the pool's own words."""
    if not isinstance(error, str) or not error.strip():
        return None
    code = _REFUSED.search(error)
    if code is not None:
        return _REFRESH_WORDS.get(code[1], code[1])
    return their_words(error, SAID_LENGTH)


def quota_failure(status: int, body: JsonValue) -> Failure:
    """Why the pool could not fetch an account's quota: upstream's status stands inside its words."""
    detail = body.get("detail") if isinstance(body, dict) else None
    told = detail if isinstance(detail, str) else ""
    upstream = _UPSTREAM.search(told)
    inner = int(upstream[1]) if upstream is not None else None
    suffix = f"{status}, upstream {inner}" if inner is not None and inner != status else f"{status}"
    if inner in (401, 402, 403) and "deactivated" in told.lower():
        return Failure(FailureKind.DEACTIVATION_REPORTED, f"codex-proxy: deactivated upstream ({suffix})")
    if inner == 429:
        return Failure(FailureKind.THROTTLED, f"codex-proxy asked upstream too often ({suffix})")
    if inner == 403:
        is_page = "<html" in told.lower() or "<!doctype" in told.lower()
        words = f"codex-proxy is refused by upstream ({suffix})"
        return Failure(FailureKind.EDGE_BLOCKED if is_page else FailureKind.FORBIDDEN, words)
    if "Unexpected response" in told:
        words = f"codex-proxy cannot read this account's figures ({suffix}): it needs a rate limit in them"
        return Failure(FailureKind.UPSTREAM_ERROR, words)
    return Failure(FailureKind.UPSTREAM_ERROR, f"codex-proxy could not fetch the quota ({suffix})")


def parse_rate(body: JsonValue) -> Decimal | None:
    """Credits per US dollar as the pool is set up; None where it says none, or nonsense."""
    rate = decimal(body.get("credits_per_usd")) if isinstance(body, dict) else None
    return rate if rate is not None and rate >= 0 else None


def parse_version(body: JsonValue) -> str | None:
    """The pool's version, from its update status."""
    proxy = body.get("proxy") if isinstance(body, dict) else None
    version = proxy.get("version") if isinstance(proxy, dict) else None
    return visible(version, 40) if isinstance(version, str) and version.strip() else None
