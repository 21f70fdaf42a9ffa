"""The usage payload of the service, and its list of banked resets, as values of the domain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.usage import (
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
    CreditsModel,
    RateLimitModel,
    ReachedTypeModel,
    ResetCountModel,
    SpendControlModel,
    SpendLimitModel,
    UsageModel,
    WindowModel,
)

T = TypeVar("T")
R = TypeVar("R")

_OWNER: Final = frozenset({"user_id", "account_id", "email"})
_SPEND_KINDS: Final = (
    "individual",
    "workspace_default",
    "group_default",
    "role_budget",
    "group_shared",
    "workspace_shared",
)


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
        user_id=known(wire.user_id),
        account_id=known(wire.account_id),
        email=known(wire.email),
        plan=wire.plan_type,
        base=_said(wire.rate_limit, lambda limit: _rate_limit(limit, at)),
        review=_said(wire.code_review_rate_limit, lambda limit: _rate_limit(limit, at)),
        extras=_said(wire.additional_rate_limits, lambda buckets: _extras(buckets, at)),
        credits=_said(wire.credits, credits_of),
        spend=_said(wire.spend_control, lambda spend: _spend_control(spend, at)),
        reached_type=_reached(wire.rate_limit_reached_type),
        reset_credits=_reset_credits(wire.rate_limit_reset_credits),
    )


def _said(said: Said[T], convert: Callable[[T], R]) -> Said[R]:
    return said if said is None or isinstance(said, Unsaid) else convert(said)


def _rate_limit(limit: RateLimitModel, at: datetime) -> RateLimit:
    windows = []
    for said in (limit.primary_window, limit.secondary_window):
        if said is Unsaid.MALFORMED:
            windows.append(UsageWindow(None, None, None))
        elif isinstance(said, WindowModel):
            resets_at = _resets_at(said.reset_at, said.reset_after_seconds, at)
            windows.append(UsageWindow(known(said.used_percent), known(said.limit_window_seconds), resets_at))
    return RateLimit(known(limit.allowed), known(limit.limit_reached), tuple(windows))


def _resets_at(reset_at: Said[datetime], after: Said[int], at: datetime) -> datetime | None:
    given = known(reset_at)
    seconds = known(after)
    if given is not None or seconds is None:
        return given
    if reset_at is not Unsaid.ABSENT and seconds <= 0:
        # beside a `reset_at` of 0 or null, no time left says no more than that
        return None
    return minute_after(at, seconds)


def _extras(buckets: list[BucketModel], at: datetime) -> tuple[Bucket, ...]:
    found: dict[str, Bucket] = {}
    for index, wire in enumerate(buckets, start=1):
        name = known(wire.limit_name)
        key = known(wire.metered_feature) or name or f"bucket {index}"
        if wire.rate_limit is Unsaid.MALFORMED:
            limit: RateLimit | None = RateLimit(None, None, ())
        else:
            limit = known(_said(wire.rate_limit, lambda each: _rate_limit(each, at)))
        found.setdefault(key, Bucket(key, name or key, limit))
    return tuple(found.values())


def credits_of(wire: CreditsModel) -> Credits:
    """The credits that an object says; what it leaves out or spoils is unknown."""
    return Credits(
        known(wire.has_credits), known(wire.unlimited), known(wire.overage_limit_reached), known(wire.balance)
    )


def _spend_control(wire: SpendControlModel, at: datetime) -> SpendControl:
    limits = []
    for kind in _SPEND_KINDS:
        said: Said[SpendLimitModel] = getattr(wire, f"{kind}_limit")
        if not isinstance(said, SpendLimitModel):
            continue
        limit = SpendLimit(
            kind,
            known(said.limit),
            known(said.used),
            known(said.remaining),
            known(said.used_percent),
            _resets_at(said.reset_at, said.reset_after_seconds, at),
        )
        if limit != SpendLimit(kind, None, None, None, None, None):
            limits.append(limit)
    return SpendControl(known(wire.reached), known(wire.reached_limit_type), tuple(limits))


def _reached(said: Said[ReachedTypeModel]) -> Said[ReachedType]:
    if not isinstance(said, ReachedTypeModel):
        return said
    word = known(said.type)
    return ReachedType(word) if word in set(ReachedType) else None


def _reset_credits(said: Said[ResetCountModel]) -> Said[ResetCredits]:
    if said is None:
        # sent for accounts that have some as well as for those that have none
        return Unsaid.MALFORMED
    if isinstance(said, Unsaid):
        return said
    counts = ResetCredits(known(said.available_count), known(said.applicable_available_count))
    return Unsaid.MALFORMED if counts.available is None and counts.applicable is None else counts


def parse_reset_list(body: bytes, *, null_is_never: bool = True) -> tuple[BankedReset, ...] | Failure:
    """The banked resets, redeemed ones included. `null_is_never`: an expiry of null is known to be none."""
    value = read_json(body)
    if isinstance(value, Failure):
        return value
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        value = value["data"]
    wire = BankedResetsModel.read(value)
    rows = None if wire is None else known(wire.credits)
    if rows is None:
        return failure(FailureKind.MALFORMED, "sources.no_reset_list")
    return tuple(_banked(row, null_is_never=null_is_never) for row in rows)


def _banked(row: BankedResetModel, *, null_is_never: bool) -> BankedReset:
    expiry = row.expires_at
    return BankedReset(
        known(expiry),
        known(row.granted_at),
        known(row.status),
        known(row.title),
        expiry_known=null_is_never if expiry is None else not isinstance(expiry, Unsaid),
    )
