"""Models of what the service sends: the usage payload, and the list of banked resets."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import PlainValidator

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
    instant,
    lenient,
    list_of,
    text,
)

#: More extra buckets or banked resets than this are no answer of the service.
_MOST_ROWS: Final = 64
_LONGEST_ID: Final = 512
_ABSENT: Final = Unsaid.ABSENT


class ResettingModel(LenientModel):
    """What windows and spend limits have in common; `reset_after_seconds` is the time left, not a length."""

    used_percent: Percent = None
    reset_at: Epoch = None
    reset_after_seconds: Whole = None


class WindowModel(ResettingModel):
    """One window; its place in the payload says nothing about its length."""

    limit_window_seconds: Length = None


def _window(value: object) -> WindowModel | None:
    """One that is there and cannot be read is a window all the same."""
    return None if value is None else WindowModel.read(value) or WindowModel()


WindowField = Annotated[WindowModel | None, PlainValidator(_window)]


class RateLimitModel(LenientModel):
    """A `rate_limit` object."""

    allowed: Flag = None
    limit_reached: Flag = None
    primary_window: WindowField = None
    secondary_window: WindowField = None


def _rate_limit(value: object) -> RateLimitModel | None:
    return None if value is None else RateLimitModel.read(value) or RateLimitModel()


RateLimitField = Annotated[Said[RateLimitModel], lenient(RateLimitModel.read)]


class BucketModel(LenientModel):
    """One entry of `additional_rate_limits`."""

    limit_name: Text = None
    metered_feature: Text = None
    rate_limit: Annotated[RateLimitModel | None, PlainValidator(_rate_limit)] = None


class CreditsModel(LenientModel):
    """The `credits` object; the balance is in credits, not in USD."""

    has_credits: Flag = None
    unlimited: Flag = None
    overage_limit_reached: Flag = None
    balance: Money = None


class SpendLimitModel(ResettingModel):
    """One spend limit."""

    limit: Money = None
    used: Money = None
    remaining: Money = None


def _spend_limit(value: object) -> SpendLimitModel | None:
    """An object, or the bare number of older payloads, which is the limit alone."""
    return SpendLimitModel.read(value if decimal(value) is None else {"limit": value})


def _group_limit(value: object) -> SpendLimitModel | None:
    """A group's limit stands in `details`."""
    return _spend_limit(value.get("details", value) if isinstance(value, dict) else value)


LimitField = Annotated[SpendLimitModel | None, PlainValidator(_spend_limit)]
GroupLimitField = Annotated[SpendLimitModel | None, PlainValidator(_group_limit)]


class SpendControlModel(LenientModel):
    """The `spend_control` object."""

    reached: Flag = None
    reached_limit_type: Text = None
    individual_limit: LimitField = None
    workspace_default_limit: LimitField = None
    group_default_limit: GroupLimitField = None
    role_budget_limit: LimitField = None
    group_shared_limit: GroupLimitField = None
    workspace_shared_limit: LimitField = None


def _reached_type(value: object) -> str | None:
    """The type, alone or in an object, where it may be missing."""
    return text(value.get("type")) or "" if isinstance(value, dict) else text(value)


class ResetCountModel(LenientModel):
    """Banked resets as the usage payload counts them."""

    available_count: Count = None
    applicable_available_count: Count = None


class UsageModel(LenientModel):
    """The whole usage payload."""

    user_id: Text = None
    account_id: Text = None
    email: Text = None
    plan_type: Annotated[Said[str], lenient(text)] = _ABSENT
    rate_limit: RateLimitField = _ABSENT
    code_review_rate_limit: RateLimitField = _ABSENT
    additional_rate_limits: Annotated[Said[list[BucketModel]], lenient(list_of(BucketModel, _MOST_ROWS))] = (
        _ABSENT
    )
    credits: Annotated[Said[CreditsModel], lenient(CreditsModel.read)] = _ABSENT
    spend_control: Annotated[Said[SpendControlModel], lenient(SpendControlModel.read)] = _ABSENT
    rate_limit_reached_type: Annotated[Said[str], lenient(_reached_type)] = _ABSENT
    rate_limit_reset_credits: Annotated[Said[ResetCountModel], lenient(ResetCountModel.read)] = _ABSENT


def _reset_id(value: object) -> str | None:
    """An id as it is sent back; one that is cut or cleaned would be another's."""
    is_id = isinstance(value, str) and value.isascii() and value.isprintable()
    return str(value) if is_id and 0 < len(str(value)) <= _LONGEST_ID else None


ResetId = Annotated[str | None, PlainValidator(_reset_id)]


class BankedResetModel(LenientModel):
    """One banked reset; an expiry of null means that it never expires."""

    status: Text = None
    granted_at: Instant = None
    expires_at: Annotated[Said[datetime], lenient(instant)] = _ABSENT
    title: Text = None
    id: ResetId = None
    consumable_until: Instant = None
    is_supported_by_plan: Flag = None


class BankedResetsModel(LenientModel):
    """The list of banked resets; the count that comes with it may be larger, and the usage has it too."""

    credits: Annotated[
        list[BankedResetModel] | None, PlainValidator(list_of(BankedResetModel, _MOST_ROWS))
    ] = None


class ResetEventModel(LenientModel):
    """One entry of the history of banked resets: `granted` or `used`."""

    kind: Text = None
    occurred_at: Instant = None


class ResetHistoryModel(LenientModel):
    """A page of that history; a cursor leads to a next one."""

    as_of: Instant = None
    window_start: Instant = None
    next_cursor: Text = None
    events: Annotated[list[ResetEventModel] | None, PlainValidator(list_of(ResetEventModel, _MOST_ROWS))] = (
        None
    )
