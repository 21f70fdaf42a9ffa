"""An account's quota as codex-proxy tells it, and why it could not.

A null in its own quota means "not said": the pool writes null for what upstream left out as well as for
nothing. A null in upstream's payload, which it hands on beside that, is upstream's word.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
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
from poolwatch.sources.codex_proxy_routes import POOL
from poolwatch.sources.json_body import JsonValue
from poolwatch.sources.lenient import Count, Flag, Text, known
from poolwatch.sources.pool_wire import MAX_BUCKETS, NO_WINDOW, holds_no
from poolwatch.sources.usage_wire import CreditsWire, UsageWire, WindowWire, credits_of, parse_usage
from poolwatch.sources.wire_object import WireObject

_ABSENT: Final = Unsaid.ABSENT
_UPSTREAM: Final = re.compile(r"Codex API error \((\d{3})\)")


class SecondWindowWire(WindowWire, frozen=True):
    """The second window of a limit, with a flag of its own; the pool tells the instant of a reset alone."""

    limit_reached: Flag = _ABSENT


class LimitWire(SecondWindowWire, frozen=True):
    """A limit, flattened: its flags, its first window, and in named limits a second one."""

    allowed: Flag = _ABSENT
    limit_name: Text = _ABSENT
    secondary_rate_limit: Annotated[Said[SecondWindowWire], SecondWindowWire.of] = _ABSENT


LimitField = Annotated[Said[LimitWire], LimitWire.of]


def _named_limits(value: object) -> dict[str, LimitWire] | None:
    if not isinstance(value, dict):
        return None
    rows = list(value.items())[:MAX_BUCKETS]
    return {key: limit for key, row in rows if (limit := LimitWire.of(row)) is not None}


class QuotaWire(WireObject, frozen=True):
    """The quota as the pool keeps it."""

    plan_type: Text = _ABSENT
    rate_limit: LimitField = _ABSENT
    secondary_rate_limit: Annotated[Said[SecondWindowWire], SecondWindowWire.of] = _ABSENT
    code_review_rate_limit: LimitField = _ABSENT
    rate_limits_by_limit_id: Annotated[Said[dict[str, LimitWire]], _named_limits] = _ABSENT
    reset_credits_available: Count = _ABSENT
    credits: Annotated[Said[CreditsWire], CreditsWire.of] = _ABSENT


def parse_quota(body: JsonValue, at: datetime) -> UsageSnapshot | Failure:
    """The answer to `GET …/quota`: upstream's own payload decides each field that it speaks of.

    What it does not speak of, and all where it is none, is as the pool read it. `at` is the pool's time, from
    which "reset in N seconds" counts.
    """
    if not isinstance(body, dict):
        return holds_no(POOL, "quota", body)
    read = QuotaWire.of(body.get("quota"))
    quota = snapshot_of(read) if read is not None else None
    upstream = UsageWire.of(body.get("raw"))
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
        return Failure(FailureKind.DEACTIVATION_REPORTED, f"codex-proxy: deactivated upstream ({suffix})")
    if inner == 429:
        return Failure(FailureKind.THROTTLED, f"codex-proxy asked upstream too often ({suffix})")
    if inner == 403:
        is_page = "<html" in told.lower() or "<!doctype" in told.lower()
        words = f"codex-proxy is refused by upstream ({suffix})"
        return Failure(FailureKind.EDGE_BLOCKED if is_page else FailureKind.FORBIDDEN, words)
    if "Unexpected response" in told:
        words = f"codex-proxy cannot read this account's figures ({suffix}): it needs a rate limit in them"
        return Failure(FailureKind.NO_FIGURES, words)
    return Failure(FailureKind.UPSTREAM_ERROR, f"codex-proxy could not fetch the quota ({suffix})")


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


def _credits(said: Said[CreditsWire]) -> Said[Credits]:
    if said is None or isinstance(said, Unsaid):
        return said or _ABSENT
    return credits_of(said)


def _reset_credits(said: Said[int]) -> Said[ResetCredits]:
    if said is None or isinstance(said, Unsaid):
        return said if isinstance(said, Unsaid) else _ABSENT
    return ResetCredits(said, None)
