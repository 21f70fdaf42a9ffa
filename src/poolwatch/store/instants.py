"""Instants as stored, both exact: RFC 3339 in documents, microseconds since 1970 (UTC) in columns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(count: int) -> datetime:
    """The instant, aware UTC. OverflowError where no calendar reaches."""
    return _EPOCH + timedelta(microseconds=count)


def to_text(at: datetime) -> str:
    """RFC 3339 in UTC with six decimals."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


@lru_cache(maxsize=256)  # one reading dates a dozen fields by one instant
def from_text(text: str) -> datetime:
    """The instant, aware UTC. ValueError for anything without a date, a time and an offset."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant without an offset")
    return at.astimezone(UTC)
