"""The list of banked resets, with what the usage answer leaves out: when each of them expires."""

from __future__ import annotations

from typing import Annotated, Final

from poolwatch.domain.banked import BankedReset
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import Said, Unsaid
from poolwatch.sources.json_body import read_json
from poolwatch.sources.lenient import Instant, Text, known
from poolwatch.sources.wire_object import WireObject, list_of

_ABSENT: Final = Unsaid.ABSENT
_MAX_ROWS: Final = 64


class ResetCreditWire(WireObject, frozen=True):
    """One banked reset; an expiry of null means that it never expires."""

    status: Text = _ABSENT
    granted_at: Instant = _ABSENT
    expires_at: Instant = _ABSENT
    title: Text = _ABSENT


class ResetCreditListWire(WireObject, frozen=True):
    """The rows; the count that comes with them may be larger, and the usage answer has it too."""

    credits: Annotated[Said[list[ResetCreditWire]], list_of(ResetCreditWire, _MAX_ROWS)] = _ABSENT


def parse_reset_list(body: bytes, *, null_is_never: bool = True) -> tuple[BankedReset, ...] | Failure:
    """The banked resets, redeemed ones included. `null_is_never`: an expiry of null is known to be none."""
    value = read_json(body)
    if isinstance(value, Failure):
        return value
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        value = value["data"]
    wire = ResetCreditListWire.of(value)
    rows = None if wire is None else known(wire.credits)
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
