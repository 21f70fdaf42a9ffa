"""Ages, countdowns and instants as short texts; everything is truncated, nothing moves within a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from poolwatch.domain.instant import is_undated
from poolwatch.presentation.percent import UNKNOWN

#: A reset that lies in the past: it should have happened, and nobody has seen it yet.
DUE: Final = "due"
_UNDER_A_MINUTE: Final = "<1m"
_TWO_YEARS: Final = 730
_MANY_DAYS: Final = 100
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: An instant this near needs no day, even across midnight.
_SAME_NIGHT: Final = timedelta(hours=12)


def span(length: timedelta) -> str:
    """A length in its two largest units: `<1m`, `4m`, `1h 12m`, `9h`, `4d 3h`, `120d`, `2y`."""
    minutes = _minutes(length)
    if minutes < 1:
        return _UNDER_A_MINUTE
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days >= _TWO_YEARS:
        return f"{days // 365}y"
    if days:
        return f"{days}d {hours}h" if hours and days < _MANY_DAYS else f"{days}d"
    if hours:
        return f"{hours}h {minutes}m" if minutes else f"{hours}h"
    return f"{minutes}m"


def age(length: timedelta) -> str:
    """A length in its largest unit alone: `<1m`, `26m`, `9h`, `3d`. Never negative: clocks differ."""
    return span(length).partition(" ")[0]


def age_of(at: datetime | None, now: datetime) -> str:
    """How long ago that was, a dash where nobody knows when it was."""
    return UNKNOWN if at is None or is_undated(at) else age(now - at)


def countdown(at: datetime, now: datetime) -> str:
    """The time left until `at`, or `due` when it has come."""
    return span(at - now) if at > now else DUE


def clock(at: datetime, now: datetime, zone: tzinfo) -> str:
    """An instant in local time: `14:50` today or within the night, `Sun 10:03` in a week, else `12 Dec`."""
    there = local(at, zone)
    if _is_near(at, now, zone):
        return f"{there:%H:%M}"
    if _is_this_week(at, now, zone):
        return f"{_WEEKDAYS[there.weekday()]} {there:%H:%M}"
    return day(at, now, zone)


def clock_short(at: datetime, now: datetime, zone: tzinfo) -> str:
    """`clock` without the time of another day: `14:50`, `Sun`, `12 Dec`."""
    there = local(at, zone)
    if not _is_near(at, now, zone) and _is_this_week(at, now, zone):
        return _WEEKDAYS[there.weekday()]
    return clock(at, now, zone)


def day(at: datetime, now: datetime, zone: tzinfo) -> str:
    """The local date: `12 Dec`, with the year when it is not near: `12 Dec 2028`."""
    there = local(at, zone)
    year = "" if abs((at - now).days) < 300 else f" {there.year}"
    return f"{there.day} {_MONTHS[there.month - 1]}{year}"


def weekday_and_day(at: datetime, now: datetime, zone: tzinfo) -> str:
    """The local date with its weekday: `Sun 29 Nov`."""
    return f"{_WEEKDAYS[local(at, zone).weekday()]} {day(at, now, zone)}"


def instant(at: datetime, now: datetime, zone: tzinfo) -> str:
    """The full form with the zone: `Fri 14:50 CET` within a week, else as `dated_instant`."""
    if not _is_this_week(at, now, zone):
        return dated_instant(at, now, zone)
    there = local(at, zone)
    return f"{_WEEKDAYS[there.weekday()]} {there:%H:%M}{_zone_name(there)}"


def dated_instant(at: datetime, now: datetime, zone: tzinfo) -> str:
    """The full form with the date: `Sat 21 Nov 09:00 CET`."""
    there = local(at, zone)
    return f"{weekday_and_day(at, now, zone)} {there:%H:%M}{_zone_name(there)}"


def local(at: datetime, zone: tzinfo) -> datetime:
    """The instant in the operator's zone; at the ends of the calendar, where no zone reaches, in UTC."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at.astimezone(UTC)


def _minutes(length: timedelta) -> int:
    return max(0, length // timedelta(minutes=1))


def _is_near(at: datetime, now: datetime, zone: tzinfo) -> bool:
    return abs(at - now) < _SAME_NIGHT or local(at, zone).date() == local(now, zone).date()


def _is_this_week(at: datetime, now: datetime, zone: tzinfo) -> bool:
    return abs((local(at, zone).date() - local(now, zone).date()).days) < 7


def _zone_name(there: datetime) -> str:
    name = there.tzname()
    return f" {name}" if name else ""
