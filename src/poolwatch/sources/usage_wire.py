"""The usage answer of the service, read field by field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final, TypeVar

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import (
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
from poolwatch.sources.lenient import (
    Count,
    Epoch,
    Flag,
    Length,
    Money,
    Percent,
    Text,
    Whole,
    decimal,
    known,
    minute_after,
    text,
)
from poolwatch.sources.wire_object import WireObject, list_of

T = TypeVar("T")
R = TypeVar("R")

#: More extra buckets than this are no answer of the service.
_MAX_BUCKETS: Final = 64
_ABSENT: Final = Unsaid.ABSENT


class WindowWire(WireObject, frozen=True):
    """One window; its place in the payload says nothing about its length."""

    used_percent: Percent = _ABSENT
    limit_window_seconds: Length = _ABSENT
    reset_at: Epoch = _ABSENT
    reset_after_seconds: Whole = _ABSENT


class RateLimitWire(WireObject, frozen=True):
    """A `rate_limit` object."""

    allowed: Flag = _ABSENT
    limit_reached: Flag = _ABSENT
    primary_window: Annotated[Said[WindowWire], WindowWire.of] = _ABSENT
    secondary_window: Annotated[Said[WindowWire], WindowWire.of] = _ABSENT


RateLimitField = Annotated[Said[RateLimitWire], RateLimitWire.of]


class BucketWire(WireObject, frozen=True):
    """One entry of `additional_rate_limits`."""

    limit_name: Text = _ABSENT
    metered_feature: Text = _ABSENT
    rate_limit: RateLimitField = _ABSENT


class CreditsWire(WireObject, frozen=True):
    """The `credits` object; the balance is in credits, not in USD."""

    has_credits: Flag = _ABSENT
    unlimited: Flag = _ABSENT
    overage_limit_reached: Flag = _ABSENT
    balance: Money = _ABSENT


class SpendLimitWire(WireObject, frozen=True):
    """One spend limit; `reset_after_seconds` is the time left, not a length."""

    limit: Money = _ABSENT
    used: Money = _ABSENT
    remaining: Money = _ABSENT
    used_percent: Percent = _ABSENT
    reset_at: Epoch = _ABSENT
    reset_after_seconds: Whole = _ABSENT


def _spend_limit(value: object) -> SpendLimitWire | None:
    """An object, or the bare number of older payloads, which is the limit alone."""
    number = decimal(value)
    if number is not None:
        return SpendLimitWire(limit=number)
    return SpendLimitWire.of(value)


def _group_limit(value: object) -> SpendLimitWire | None:
    return (
        _spend_limit(value["details"])
        if isinstance(value, dict) and "details" in value
        else _spend_limit(value)
    )


LimitField = Annotated[Said[SpendLimitWire], _spend_limit]
GroupLimitField = Annotated[Said[SpendLimitWire], _group_limit]


class SpendControlWire(WireObject, frozen=True):
    """The `spend_control` object; group limits wrap theirs in `details`."""

    reached: Flag = _ABSENT
    reached_limit_type: Text = _ABSENT
    individual_limit: LimitField = _ABSENT
    workspace_default_limit: LimitField = _ABSENT
    group_default_limit: GroupLimitField = _ABSENT
    role_budget_limit: LimitField = _ABSENT
    group_shared_limit: GroupLimitField = _ABSENT
    workspace_shared_limit: LimitField = _ABSENT


class ReachedTypeWire(WireObject, frozen=True):
    """`rate_limit_reached_type` as an object."""

    type: Text = _ABSENT


def _reached_type(value: object) -> ReachedTypeWire | None:
    said = text(value)
    return ReachedTypeWire(type=said) if said is not None else ReachedTypeWire.of(value)


class ResetCreditsWire(WireObject, frozen=True):
    """Banked resets as the usage answer counts them."""

    available_count: Count = _ABSENT
    applicable_available_count: Count = _ABSENT


class UsageWire(WireObject, frozen=True):
    """The whole answer."""

    user_id: Text = _ABSENT
    account_id: Text = _ABSENT
    email: Text = _ABSENT
    plan_type: Text = _ABSENT
    rate_limit: RateLimitField = _ABSENT
    code_review_rate_limit: RateLimitField = _ABSENT
    additional_rate_limits: Annotated[Said[list[BucketWire]], list_of(BucketWire, _MAX_BUCKETS)] = _ABSENT
    credits: Annotated[Said[CreditsWire], CreditsWire.of] = _ABSENT
    spend_control: Annotated[Said[SpendControlWire], SpendControlWire.of] = _ABSENT
    rate_limit_reached_type: Annotated[Said[ReachedTypeWire], _reached_type] = _ABSENT
    rate_limit_reset_credits: Annotated[Said[ResetCreditsWire], ResetCreditsWire.of] = _ABSENT


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
    wire = UsageWire.of(value)
    # identity alone is no usage: other endpoints of the service repeat it too
    if wire is None or wire == owner_in(wire):
        return Failure(FailureKind.MALFORMED, "the answer holds no usage figures")
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


def owner_in(wire: UsageWire) -> UsageWire:
    """What an answer says of whose it is, without its figures."""
    return UsageWire(wire.user_id, wire.account_id, wire.email)


def _said(said: Said[T], convert: Callable[[T], R]) -> Said[R]:
    return said if said is None or isinstance(said, Unsaid) else convert(said)


def _rate_limit(limit: RateLimitWire, at: datetime) -> RateLimit:
    windows = []
    for said in (limit.primary_window, limit.secondary_window):
        if said is Unsaid.MALFORMED:
            windows.append(UsageWindow(None, None, None))
        elif isinstance(said, WindowWire):
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


def _extras(buckets: list[BucketWire], at: datetime) -> tuple[Bucket, ...]:
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


def credits_of(wire: CreditsWire) -> Credits:
    """The credits that an object says; what it leaves out or spoils is unknown."""
    return Credits(
        known(wire.has_credits), known(wire.unlimited), known(wire.overage_limit_reached), known(wire.balance)
    )


def _spend_control(wire: SpendControlWire, at: datetime) -> SpendControl:
    limits = []
    for kind in _SPEND_KINDS:
        said: Said[SpendLimitWire] = getattr(wire, f"{kind}_limit")
        if not isinstance(said, SpendLimitWire):
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


def _reached(said: Said[ReachedTypeWire]) -> Said[ReachedType]:
    if not isinstance(said, ReachedTypeWire):
        return said
    word = known(said.type)
    return ReachedType(word) if word in set(ReachedType) else None


def _reset_credits(said: Said[ResetCreditsWire]) -> Said[ResetCredits]:
    if said is None:
        # sent for accounts that have some as well as for those that have none
        return Unsaid.MALFORMED
    if isinstance(said, Unsaid):
        return said
    counts = ResetCredits(known(said.available_count), known(said.applicable_available_count))
    return Unsaid.MALFORMED if counts.available is None and counts.applicable is None else counts
