"""Instants as credential files and journals write them: RFC 3339 with a zone, aware UTC inside."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_instant(text: object) -> datetime | None:
    """The instant in UTC; a text without a zone, or anything else, is None."""
    if not isinstance(text, str) or len(text) > 64:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def instant_of_epoch(seconds: object) -> datetime | None:
    """The instant of a JSON number of epoch seconds, or None when it is none or out of range."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def instant_text(at: datetime) -> str:
    """RFC 3339 in UTC with whole seconds and a `Z`; Codex refuses an instant without a zone."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
