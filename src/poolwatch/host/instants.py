"""Instants as files and databases write them; aware UTC inside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

#: What a clock that was never set says; where Go prints one, it is in the year 1.
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LONGEST: Final = 64
#: 2200-01-01, in microseconds since 1970.
_BEYOND: Final = 7_258_118_400_000_000


def parse_instant(text: object) -> datetime | None:
    """The instant in UTC; a text without a zone, the zero of a clock, or anything else, is None."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None and at > _EPOCH else None
    except (ValueError, OverflowError):
        return None


def instant_of_epoch(seconds: object) -> datetime | None:
    """The instant of a JSON number of epoch seconds, or None when it is none, 0 or out of range."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 1:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def instant_text(at: datetime) -> str:
    """RFC 3339 in UTC with whole seconds and a `Z`; Codex refuses an instant without a zone."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_micros(at: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(count: int) -> datetime:
    """The inverse of `to_micros`. OverflowError where nothing was ever kept: before 1970, or from 2200 on."""
    if not 0 <= count < _BEYOND:
        raise OverflowError("no instant that was kept")
    return _EPOCH + timedelta(microseconds=count)


def file_stamp(at: datetime) -> str:
    """The instant as part of a file's name."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


@lru_cache(maxsize=64)  # what is not there would be looked for on disk each time
def zone_named(name: str | None) -> tzinfo | None:
    """The zone of this name; None where there is none here."""
    if not name:
        return None
    from zoneinfo import ZoneInfo  # few accounts have one

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there, no name of a file, or a folder
        return None
