"""Instants as credential files and journals write them: RFC 3339 with a zone, aware UTC inside."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

#: What a clock that was never set says; where Go prints one, it is in the year 1.
_ZERO: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse_instant(text: object) -> datetime | None:
    """The instant in UTC; a text without a zone, the zero of a clock, or anything else, is None."""
    if not isinstance(text, str) or len(text) > 64:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None and at > _ZERO else None
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
