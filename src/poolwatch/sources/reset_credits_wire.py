"""The list of banked resets, with what the usage answer leaves out: when each of them expires."""

from __future__ import annotations

from typing import Annotated, Final

from poolwatch.domain.banked import BankedReset
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import Said, Unsaid
from poolwatch.sources.json_body import read_json
from poolwatch.sources.lenient import Instant, Text, WireModel, known, lenient

_ABSENT: Final = Unsaid.ABSENT
_MAX_ROWS: Final = 64


class ResetCreditWire(WireModel):
    """One banked reset; an expiry of null means that it never expires."""

    status: Text = _ABSENT
    granted_at: Instant = _ABSENT
    expires_at: Instant = _ABSENT
    title: Text = _ABSENT


def _rows(value: object) -> list[ResetCreditWire] | None:
    if not isinstance(value, list):
        return None
    return [ResetCreditWire.model_validate(row) for row in value[:_MAX_ROWS] if isinstance(row, dict)]


class ResetCreditListWire(WireModel):
    """The rows; the count that comes with them may be larger, and the usage answer has it too."""

    credits: Annotated[Said[list[ResetCreditWire]], lenient(_rows)] = _ABSENT


def parse_reset_list(body: bytes, *, null_is_never: bool = True) -> tuple[BankedReset, ...] | Failure:
    """The banked resets, redeemed ones included. `null_is_never`: an expiry of null is known to be none."""
    value = read_json(body)
    if isinstance(value, Failure):
        return value
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        value = value["data"]
    rows = known(ResetCreditListWire.model_validate(value).credits) if isinstance(value, dict) else None
    if rows is None:
        return Failure(FailureKind.MALFORMED, "the answer holds no list of banked resets")
    return tuple(_banked(row, null_is_never=null_is_never) for row in rows)


def _banked(row: ResetCreditWire, *, null_is_never: bool) -> BankedReset:
    expiry = row.expires_at
    return BankedReset(
        known(expiry),
        known(row.granted_at),
        known(row.status),
        known(row.title),
        expiry_known=null_is_never if expiry is None else not isinstance(expiry, Unsaid),
    )
