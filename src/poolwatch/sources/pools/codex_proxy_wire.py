"""What codex-proxy says of its accounts and of itself, and how a refresh went."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, worded
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
from poolwatch.sources.lenient import Count, Flag, Instant, LenientModel, Text, decimal, known, lenient
from poolwatch.sources.pools.listing import (
    MAX_BUCKETS,
    NO_WINDOW,
    SAID_LENGTH,
    CamelWire,
    PoolAccount,
    account_rows,
    holds_no,
)
from poolwatch.sources.pools.routes import CODEX_PROXY as POOL
from poolwatch.sources.redaction import their_words
from poolwatch.sources.usage_models import CreditsModel, UsageModel, WindowModel
from poolwatch.sources.usage_payload import credits_of, parse_usage

_ABSENT: Final = Unsaid.ABSENT
_UPSTREAM: Final = re.compile(r"Codex API error \((\d{3})\)")


class SecondWindowWire(WindowModel):
    """The second window of a limit, with a flag of its own; the pool tells the instant of a reset alone."""

    limit_reached: Flag = _ABSENT


class LimitWire(SecondWindowWire):
    """A limit, flattened: its flags, its first window, and in named limits a second one."""

    allowed: Flag = _ABSENT
    limit_name: Text = _ABSENT
    secondary_rate_limit: Annotated[Said[SecondWindowWire], lenient(SecondWindowWire.read)] = _ABSENT


LimitField = Annotated[Said[LimitWire], lenient(LimitWire.read)]


def _named_limits(value: object) -> dict[str, LimitWire] | None:
    if not isinstance(value, dict):
        return None
    rows = list(value.items())[:MAX_BUCKETS]
    return {key: limit for key, row in rows if (limit := LimitWire.read(row)) is not None}


class QuotaWire(LenientModel):
    """The quota as the pool keeps it."""

    plan_type: Text = _ABSENT
    rate_limit: LimitField = _ABSENT
    secondary_rate_limit: Annotated[Said[SecondWindowWire], lenient(SecondWindowWire.read)] = _ABSENT
    code_review_rate_limit: LimitField = _ABSENT
    rate_limits_by_limit_id: Annotated[Said[dict[str, LimitWire]], lenient(_named_limits)] = _ABSENT
    reset_credits_available: Count = _ABSENT
    credits: Annotated[Said[CreditsModel], lenient(CreditsModel.read)] = _ABSENT


def parse_quota(body: JsonValue, at: datetime) -> UsageSnapshot | Failure:
    """The answer to `GET …/quota`: upstream's own payload decides each field that it speaks of.

    What it does not speak of, and all where it is none, is as the pool read it. `at` is the pool's time, from
    which "reset in N seconds" counts.
    """
    if not isinstance(body, dict):
        return holds_no(POOL, "quota", body)
    read = QuotaWire.read(body.get("quota"))
    quota = snapshot_of(read) if read is not None else None
    upstream = UsageModel.read(body.get("raw"))
    if upstream is not None:
        # numbers stand in the value as they were written, so the text says the same again
        raw = parse_usage(json.dumps(body["raw"]).encode(), at)
        if isinstance(raw, UsageSnapshot):
            return _completed(raw, quota or UsageSnapshot())
    if quota is None or quota == UsageSnapshot():
        return holds_no(POOL, "quota", body)
    if upstream is None:
        return quota
    # no figures, and yet it may say whose they are
    return replace(
        quota,
        user_id=known(upstream.user_id),
        account_id=known(upstream.account_id),
        email=known(upstream.email),
    )


def snapshot_of(wire: QuotaWire) -> UsageSnapshot:
    """What a quota says."""
    return UsageSnapshot(
        plan=_unless_null(wire.plan_type),
        base=_limit(wire.rate_limit, wire.secondary_rate_limit),
        review=_limit(wire.code_review_rate_limit, _ABSENT),
        extras=_extras(wire.rate_limits_by_limit_id),
        credits=_credits(wire.credits),
        reset_credits=_reset_credits(wire.reset_credits_available),
    )


def exhausted(usage: UsageSnapshot) -> UsageSnapshot:
    """The kept figures of an account that the pool knows to be used up since, whatever they say."""
    base = usage.base if isinstance(usage.base, RateLimit) else RateLimit(None, None, ())
    if base.allowed is False:
        return usage
    return replace(usage, base=replace(base, allowed=None, limit_reached=True))


def quota_failure(status: int, body: JsonValue) -> Failure:
    """Why the pool could not fetch an account's quota: upstream's status stands inside its words."""
    detail = body.get("detail") if isinstance(body, dict) else None
    told = detail if isinstance(detail, str) else ""
    upstream = _UPSTREAM.search(told)
    inner = int(upstream[1]) if upstream is not None else None
    suffix = f"{status}, upstream {inner}" if inner is not None and inner != status else f"{status}"
    if inner in (401, 402, 403) and "deactivated" in told.lower():
        return worded(FailureKind.DEACTIVATION_REPORTED, f"codex-proxy: deactivated upstream ({suffix})")
    if inner == 429:
        return worded(FailureKind.THROTTLED, f"codex-proxy asked upstream too often ({suffix})")
    if inner == 403:
        is_page = "<html" in told.lower() or "<!doctype" in told.lower()
        words = f"codex-proxy is refused by upstream ({suffix})"
        return worded(FailureKind.EDGE_BLOCKED if is_page else FailureKind.FORBIDDEN, words)
    if "Unexpected response" in told:
        words = f"codex-proxy cannot read this account's figures ({suffix}): it needs a rate limit in them"
        return worded(FailureKind.NO_FIGURES, words)
    return worded(FailureKind.UPSTREAM_ERROR, f"codex-proxy could not fetch the quota ({suffix})")


def _completed(raw: UsageSnapshot, quota: UsageSnapshot) -> UsageSnapshot:
    unsaid = [name for name in FIELD_NAMES if getattr(raw, name) is _ABSENT]
    changed: dict[str, object] = {name: getattr(quota, name) for name in unsaid}
    return replace(raw, **changed)  # type: ignore[arg-type]  # values of the fields they come from


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


def _credits(said: Said[CreditsModel]) -> Said[Credits]:
    if said is None or isinstance(said, Unsaid):
        return said or _ABSENT
    return credits_of(said)


def _reset_credits(said: Said[int]) -> Said[ResetCredits]:
    if said is None or isinstance(said, Unsaid):
        return said if isinstance(said, Unsaid) else _ABSENT
    return ResetCredits(said, None)


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
    quota: Annotated[Said[QuotaWire], lenient(QuotaWire.read)] = _ABSENT
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
    found = {place: _account(place, row) for place, row in rows.items()}
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
