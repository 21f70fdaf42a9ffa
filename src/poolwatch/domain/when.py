"""What a person types for a moment, here and everywhere: `7d`, `24h`, `today`, `month`, a date, RFC 3339.

And for a span of time: `2h`, `1d 12h`.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

# compiled when such a text is first read
_AGO: Final = r"([0-9]{1,6})([hd])"
_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
#: RFC 3339: with seconds and with an offset, which ISO 8601 alone does not ask for.
_INSTANT: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_SPAN: Final = r"(?a)(?:([0-9]{1,5})d)? ?(?:([0-9]{1,4})h)? ?(?:([0-9]{1,5})m)?"
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1)}


def parse_when(text: str, now: datetime, zone: tzinfo | None) -> datetime | None:
    """The instant in UTC, None for anything else.

    Days and months begin at midnight in `zone` (None: the machine's).
    `7d` and `24h` are so long before `now`: a day is 24 hours, also where clocks are changed in between.
    """
    word = text.strip()
    try:
        if ago := re.fullmatch(_AGO, word):
            return (now - int(ago[1]) * _UNITS[ago[2]]).astimezone(UTC)
        if re.fullmatch(_INSTANT, word):
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
            return date.fromisoformat(word) if re.fullmatch(_DATE, word) else None


def time_of(text: str) -> timedelta | None:
    """`2h`, `30m`, `1d 12h`, `0s`; None for anything else."""
    if text == "0s":
        return timedelta(0)
    if text.endswith("s") and text[:-1].isascii() and text[:-1].isdigit() and len(text) <= len("86400s"):
        return timedelta(seconds=int(text[:-1]))
    found = re.fullmatch(_SPAN, text)
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes = (int(each or 0) for each in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)


def time_text(time: timedelta | None) -> str:
    """A time as it is typed, so that `time_of` reads it as the same; without any, `0s`."""
    left, told = int((time or timedelta(0)).total_seconds()), ""
    for seconds, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        count, left = divmod(left, seconds)
        told += f" {count}{unit}" if count else ""
    return told.strip() or f"{left}s"
