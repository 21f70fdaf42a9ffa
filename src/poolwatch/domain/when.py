"""What a person types for a moment, here and everywhere: `7d`, `24h`, `today`, `month`, a date, RFC 3339."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

_AGO: Final = re.compile(r"([0-9]{1,6})([hd])")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: RFC 3339: with seconds and with an offset, which ISO 8601 alone does not ask for.
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1)}


def parse_when(text: str, now: datetime, zone: tzinfo | None) -> datetime | None:
    """The instant in UTC, None for anything else.

    Days and months begin at midnight in `zone` (None: the machine's).
    `7d` and `24h` are so long before `now`: a day is 24 hours, also where clocks are changed in between.
    """
    word = text.strip()
    try:
        if ago := _AGO.fullmatch(word):
            return (now - int(ago[1]) * _UNITS[ago[2]]).astimezone(UTC)
        if _INSTANT.fullmatch(word):
            return datetime.fromisoformat(word.upper()).astimezone(UTC)
        day = _day(word, now.astimezone(zone).date())
        return None if day is None else midnight(day, zone)
    except (ValueError, OverflowError):
        return None


def midnight(day: date, zone: tzinfo | None) -> datetime:
    """When a day begins in `zone`, in UTC; where clocks skip midnight, the first moment after it."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _day(word: str, today: date) -> date | None:
    match word.lower():
        case "today":
            return today
        case "month":
            return today.replace(day=1)
        case _:
            return date.fromisoformat(word) if _DATE.fullmatch(word) else None
