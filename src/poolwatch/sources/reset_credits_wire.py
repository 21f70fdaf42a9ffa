"""The list of banked resets, with what the usage answer leaves out: when they expire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import ResetCredits, Said, Unsaid
from poolwatch.sources.json_body import read_json
from poolwatch.sources.lenient import Count, Instant, Text, WireModel, known, lenient

_ABSENT: Final = Unsaid.ABSENT
_USABLE: Final = frozenset({"available", "granted"})


class ResetCreditWire(WireModel):
    """One banked reset; no expiry means that it never expires."""

    status: Text = _ABSENT
    expires_at: Instant = _ABSENT


def _rows(value: object) -> list[ResetCreditWire] | None:
    if not isinstance(value, list):
        return None
    return [ResetCreditWire.model_validate(row) for row in value if isinstance(row, dict)]


class ResetCreditListWire(WireModel):
    """The whole list; the count may be larger than the rows that were returned."""

    credits: Annotated[Said[list[ResetCreditWire]], lenient(_rows)] = _ABSENT
    available_count: Count = _ABSENT


def parse_reset_credits(body: bytes, at: datetime) -> ResetCredits | Failure:
    """How many resets are banked at `at`, and when the first usable one expires."""
    value = read_json(body)
    if isinstance(value, Failure):
        return value
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        value = value["data"]
    if not isinstance(value, dict) or not ResetCreditListWire.model_fields.keys() & value.keys():
        return Failure(FailureKind.MALFORMED, "the answer holds no banked resets")
    wire = ResetCreditListWire.model_validate(value)
    rows = known(wire.credits)
    usable = [row for row in rows or () if known(row.status) in _USABLE]
    ahead = [expires for row in usable if (expires := known(row.expires_at)) is not None and expires > at]
    available = known(wire.available_count)
    if available is None and rows is not None:
        available = len(usable)
    return ResetCredits(available, None, min(ahead, default=None))
