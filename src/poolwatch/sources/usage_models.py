"""Models of what the service sends: the usage payload, and the list of banked resets."""

from __future__ import annotations

from typing import Annotated, Final

from poolwatch.domain.usage import Said, Unsaid
from poolwatch.sources.lenient import (
    Count,
    Epoch,
    Flag,
    Instant,
    Length,
    LenientModel,
    Money,
    Percent,
    Text,
    Whole,
    decimal,
    lenient,
    list_of,
    text,
)

#: More extra buckets or banked resets than this are no answer of the service.
_MOST_ROWS: Final = 64
_ABSENT: Final = Unsaid.ABSENT


class WindowModel(LenientModel):
    """One window; its place in the payload says nothing about its length."""

    used_percent: Percent = _ABSENT
    limit_window_seconds: Length = _ABSENT
    reset_at: Epoch = _ABSENT
    reset_after_seconds: Whole = _ABSENT


WindowField = Annotated[Said[WindowModel], lenient(WindowModel.read)]


class RateLimitModel(LenientModel):
    """A `rate_limit` object."""

    allowed: Flag = _ABSENT
    limit_reached: Flag = _ABSENT
    primary_window: WindowField = _ABSENT
    secondary_window: WindowField = _ABSENT


RateLimitField = Annotated[Said[RateLimitModel], lenient(RateLimitModel.read)]


class BucketModel(LenientModel):
    """One entry of `additional_rate_limits`."""

    limit_name: Text = _ABSENT
    metered_feature: Text = _ABSENT
    rate_limit: RateLimitField = _ABSENT


class CreditsModel(LenientModel):
    """The `credits` object; the balance is in credits, not in USD."""

    has_credits: Flag = _ABSENT
    unlimited: Flag = _ABSENT
    overage_limit_reached: Flag = _ABSENT
    balance: Money = _ABSENT


class SpendLimitModel(LenientModel):
    """One spend limit; `reset_after_seconds` is the time left, not a length."""

    limit: Money = _ABSENT
    used: Money = _ABSENT
    remaining: Money = _ABSENT
    used_percent: Percent = _ABSENT
    reset_at: Epoch = _ABSENT
    reset_after_seconds: Whole = _ABSENT


def _spend_limit(value: object) -> SpendLimitModel | None:
    """An object, or the bare number of older payloads, which is the limit alone."""
    return SpendLimitModel.read(value if decimal(value) is None else {"limit": value})


def _group_limit(value: object) -> SpendLimitModel | None:
    """A group's limit stands in `details`."""
    return _spend_limit(value.get("details", value) if isinstance(value, dict) else value)


LimitField = Annotated[Said[SpendLimitModel], lenient(_spend_limit)]
GroupLimitField = Annotated[Said[SpendLimitModel], lenient(_group_limit)]


class SpendControlModel(LenientModel):
    """The `spend_control` object."""

    reached: Flag = _ABSENT
    reached_limit_type: Text = _ABSENT
    individual_limit: LimitField = _ABSENT
    workspace_default_limit: LimitField = _ABSENT
    group_default_limit: GroupLimitField = _ABSENT
    role_budget_limit: LimitField = _ABSENT
    group_shared_limit: GroupLimitField = _ABSENT
    workspace_shared_limit: LimitField = _ABSENT


class ReachedTypeModel(LenientModel):
    """`rate_limit_reached_type`, an object or its type alone."""

    type: Text = _ABSENT


def _reached_type(value: object) -> ReachedTypeModel | None:
    return ReachedTypeModel.read(value if text(value) is None else {"type": value})


class ResetCountModel(LenientModel):
    """Banked resets as the usage payload counts them."""

    available_count: Count = _ABSENT
    applicable_available_count: Count = _ABSENT


class UsageModel(LenientModel):
    """The whole usage payload."""

    user_id: Text = _ABSENT
    account_id: Text = _ABSENT
    email: Text = _ABSENT
    plan_type: Text = _ABSENT
    rate_limit: RateLimitField = _ABSENT
    code_review_rate_limit: RateLimitField = _ABSENT
    additional_rate_limits: Annotated[Said[list[BucketModel]], lenient(list_of(BucketModel, _MOST_ROWS))] = (
        _ABSENT
    )
    credits: Annotated[Said[CreditsModel], lenient(CreditsModel.read)] = _ABSENT
    spend_control: Annotated[Said[SpendControlModel], lenient(SpendControlModel.read)] = _ABSENT
    rate_limit_reached_type: Annotated[Said[ReachedTypeModel], lenient(_reached_type)] = _ABSENT
    rate_limit_reset_credits: Annotated[Said[ResetCountModel], lenient(ResetCountModel.read)] = _ABSENT


class BankedResetModel(LenientModel):
    """One banked reset; an expiry of null means that it never expires."""

    status: Text = _ABSENT
    granted_at: Instant = _ABSENT
    expires_at: Instant = _ABSENT
    title: Text = _ABSENT


class BankedResetsModel(LenientModel):
    """The list of banked resets; the count that comes with it may be larger, and the usage has it too."""

    credits: Annotated[Said[list[BankedResetModel]], lenient(list_of(BankedResetModel, _MOST_ROWS))] = _ABSENT
