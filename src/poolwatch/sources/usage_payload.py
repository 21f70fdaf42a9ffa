"""The usage payload of the service, and its list of banked resets, as values of the domain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from poolwatch.domain.banked_resets import ResetHistory
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.usage import (
    FURTHEST_RESET,
    BankedReset,
    Bucket,
    Credits,
    RateLimit,
    ReachedType,
    ResetCredits,
    Said,
    SpendControl,
    SpendLimit,
    Unsaid,
    UsageSnapshot,
    UsageWindow,
)
from poolwatch.sources.json_body import read_json
from poolwatch.sources.lenient import known, minute_after
from poolwatch.sources.usage_models import (
    BankedResetModel,
    BankedResetsModel,
    BucketModel,
    RateLimitModel,
    ResetCountModel,
    ResetHistoryModel,
    ResettingModel,
    SpendControlModel,
    SpendLimitModel,
    UsageModel,
)

T = TypeVar("T")
R = TypeVar("R")

_KNOWN_TYPES: Final = {each.value: each for each in ReachedType}
_OWNER: Final = frozenset({"user_id", "account_id", "email"})


def parse_usage(body: bytes, at: datetime, content_type: str = "") -> UsageSnapshot | Failure:
    """The reading in a body; `at` is the server's time, from which "reset in N seconds" counts.

    A field that cannot be read costs that field alone. No known key at all is the failure `malformed`.
    """
    value = read_json(body, content_type)
    if isinstance(value, Failure):
        return value
    wire = UsageModel.read(value)
    # identity alone is no usage: other endpoints of the service repeat it too
    if wire is None or wire.model_fields_set <= _OWNER:
        return failure(FailureKind.MALFORMED, "sources.no_usage")
    return UsageSnapshot(
        user_id=wire.user_id,
        account_id=wire.account_id,
        email=wire.email,
        plan=wire.plan_type,
        base=_said(wire.rate_limit, lambda limit: _rate_limit(limit, at)),
        review=_said(wire.code_review_rate_limit, lambda limit: _rate_limit(limit, at)),
        extras=_said(wire.additional_rate_limits, lambda buckets: _extras(buckets, at)),
        credits=_said(wire.credits, lambda held: Credits(**dict(held))),
        spend=_said(wire.spend_control, lambda spend: _spend_control(spend, at)),
        reached_type=_said(wire.rate_limit_reached_type, _KNOWN_TYPES.get),
        reset_credits=_reset_credits(wire.rate_limit_reset_credits),
    )


def _said(said: Said[T], convert: Callable[[T], R | None]) -> Said[R]:
    return said if said is None or isinstance(said, Unsaid) else convert(said)


def _rate_limit(limit: RateLimitModel, at: datetime) -> RateLimit:
    windows = tuple(
        UsageWindow(said.used_percent, said.limit_window_seconds, _resets_at(said, at))
        for said in (limit.primary_window, limit.secondary_window)
        if said is not None
    )
    return RateLimit(limit.allowed, limit.limit_reached, windows)


def _resets_at(said: ResettingModel, at: datetime) -> datetime | None:
    """When it resets, or did; nobody knows where that is further away than any window or month lasts."""
    found = _said_reset(said, at)
    return None if found is not None and abs(found - at) > FURTHEST_RESET else found


def _said_reset(said: ResettingModel, at: datetime) -> datetime | None:
    seconds = said.reset_after_seconds
    if said.reset_at is not None or seconds is None:
        return said.reset_at
    if "reset_at" in said.model_fields_set and seconds <= 0:
        # beside a `reset_at` of 0 or null, no time left says no more than that
        return None
    return minute_after(at, seconds)


def _extras(buckets: list[BucketModel], at: datetime) -> tuple[Bucket, ...]:
    found: dict[str, Bucket] = {}
    for index, wire in enumerate(buckets, start=1):
        key = wire.metered_feature or wire.limit_name or f"bucket {index}"
        limit = _rate_limit(wire.rate_limit, at) if wire.rate_limit is not None else None
        found.setdefault(key, Bucket(key, wire.limit_name or key, limit))
    return tuple(found.values())


def _spend_control(wire: SpendControlModel, at: datetime) -> SpendControl:
    limits = []
    for name, said in wire:
        if not isinstance(said, SpendLimitModel):
            continue
        kind = name.removesuffix("_limit")
        told = said.limit, said.used, said.remaining, said.used_percent, _resets_at(said, at)
        if told != (None,) * 5:
            limits.append(SpendLimit(kind, *told))
    return SpendControl(wire.reached, wire.reached_limit_type, tuple(limits))


def _reset_credits(said: Said[ResetCountModel]) -> Said[ResetCredits]:
    if said is None:
        # sent for accounts that have some as well as for those that have none
        return Unsaid.MALFORMED
    if isinstance(said, Unsaid):
        return said
    counts = ResetCredits(said.available_count, said.applicable_available_count)
    return Unsaid.MALFORMED if counts.available is None and counts.applicable is None else counts


def parse_reset_list(body: bytes, *, null_is_never: bool = True) -> tuple[BankedReset, ...] | Failure:
    """The banked resets, redeemed ones included. `null_is_never`: an expiry of null is known to be none."""
    value = read_json(body)
    if isinstance(value, Failure):
        return value
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        value = value["data"]
    wire = BankedResetsModel.read(value)
    rows = None if wire is None else wire.credits
    if rows is None:
        return failure(FailureKind.MALFORMED, "sources.no_reset_list")
    return tuple(_banked(row, null_is_never=null_is_never) for row in rows)


def parse_reset_history(body: bytes) -> ResetHistory | Failure:
    """When banked resets were used, by the first page of their history."""
    value = read_json(body)
    if isinstance(value, Failure):
        return value
    wire = ResetHistoryModel.read(value)
    if wire is None or wire.events is None:
        return failure(FailureKind.MALFORMED, "sources.no_reset_history")
    used = [each.occurred_at for each in wire.events if each.kind == "used"]
    dated = tuple(sorted(at for at in used if at is not None))
    # one that is not dated is one more than are told
    is_part = wire.next_cursor is not None or len(dated) < len(used)
    return ResetHistory(dated, wire.as_of, wire.window_start, is_part)


def _banked(row: BankedResetModel, *, null_is_never: bool) -> BankedReset:
    expiry = row.expires_at
    return BankedReset(
        known(expiry),
        row.granted_at,
        row.status,
        row.title,
        expiry_known=null_is_never if expiry is None else not isinstance(expiry, Unsaid),
        id=row.id,
        consumable_until=row.consumable_until,
        supported=row.is_supported_by_plan,
    )
