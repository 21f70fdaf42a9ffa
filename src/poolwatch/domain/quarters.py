"""Quarters of an hour in the calendar of a zone: the day, the week, the month and the hour they belong to."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from poolwatch.domain.tokens import QUARTER_SECONDS, QUARTERS_OF_DAY, GroupBy
from poolwatch.domain.when import midnight

_DAY: Final = timedelta(days=1)


def quarter_of(at: datetime) -> int:
    """The quarter that an instant lies in, counted from 1970."""
    return math.floor(at.timestamp() / QUARTER_SECONDS)


def quarter_until(at: datetime) -> int:
    """The first quarter that does not begin before an instant: where a time ends that ends then."""
    return math.ceil(at.timestamp() / QUARTER_SECONDS)


def begins(quarter: int) -> datetime:
    """When a quarter begins, in UTC."""
    return instant_of(quarter * QUARTER_SECONDS)


def instant_of(seconds: float) -> datetime:
    """So many seconds after 1970, in UTC; beyond the calendar, its last moment that every zone has.

    Files and lines may be dated by any clock.
    """
    return datetime.fromtimestamp(min(_LAST, max(_FIRST, seconds)), UTC)


#: Two days from the ends of the calendar.
_FIRST: Final = datetime(1, 1, 3, tzinfo=UTC).timestamp()
_LAST: Final = datetime(9999, 12, 29, tzinfo=UTC).timestamp()


def utc_day(quarter: int) -> date:
    """The day in UTC: that of prices."""
    day = _EPOCH + quarter // QUARTERS_OF_DAY
    return date.fromordinal(min(_DAYS_MOST, max(1, day)))


_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAYS_MOST: Final = date.max.toordinal()


class Calendar:
    """Local days and hours of quarters; each quarter is looked up once."""

    def __init__(self, zone: tzinfo | None) -> None:
        """`zone` None: the machine's."""
        self.zone = zone
        self._local: dict[int, tuple[date, int, int]] = {}

    def day(self, quarter: int) -> date:
        """The local day."""
        return self._of(quarter)[0]

    def hour(self, quarter: int) -> int:
        """The local hour of the day, 0 to 23; an hour that clocks repeat is one."""
        return self._of(quarter)[1]

    def minute_of_day(self, quarter: int) -> int:
        """The local time of day at which it begins."""
        _, hour, minute = self._of(quarter)
        return hour * 60 + minute

    def _of(self, quarter: int) -> tuple[date, int, int]:
        found = self._local.get(quarter)
        if found is None:
            there = begins(quarter).astimezone(self.zone)
            found = self._local[quarter] = there.date(), there.hour, there.minute
        return found

    def text(self, by: GroupBy, quarter: int) -> str:
        """How its day, week, month or hour is written: `2026-11-20`, its Monday, `2026-11`, `14`."""
        day, hour, _ = self._of(quarter)
        match by:
            case GroupBy.WEEK:
                return monday(day).isoformat()
            case GroupBy.MONTH:
                return day.isoformat()[:7]
            case GroupBy.HOUR_OF_DAY:
                return f"{hour:02}"
            case _:
                return day.isoformat()

    def span(self, first: date, after: date) -> tuple[int, int]:
        """The quarters from the beginning of a day to before that of another one."""
        return quarter_of(midnight(first, self.zone)), quarter_of(midnight(after, self.zone))

    def span_of(self, by: GroupBy, text: str) -> tuple[int, int] | None:
        """The quarters of a day, week or month as `text` writes it; None for anything else."""
        try:
            match by:
                case GroupBy.DAY:
                    first = date.fromisoformat(text)
                    return self.span(first, first + _DAY)
                case GroupBy.WEEK:
                    first = date.fromisoformat(text)
                    return self.span(first, first + 7 * _DAY)
                case GroupBy.MONTH:
                    first = date.fromisoformat(f"{text}-01")
                    return self.span(first, next_month(first))
                case _:
                    return None
        except (ValueError, OverflowError):
            return None


#: What is grouped by without asking who or what it was.
TIMES: Final = frozenset({GroupBy.DAY, GroupBy.WEEK, GroupBy.MONTH, GroupBy.HOUR_OF_DAY})


class UsePeriod(StrEnum):
    """How far back use is shown."""

    TODAY = "today"
    LAST_24H = "24h"
    #: today and the days before it
    DAYS_7 = "7d"
    DAYS_30 = "30d"
    MONTH = "month"
    LAST_MONTH = "last month"
    ALL = "all"


def span_of_period(period: UsePeriod, now: datetime, calendar: Calendar) -> tuple[int, int]:
    """The quarters of a period, up to the one that runs."""
    today, until = now.astimezone(calendar.zone).date(), quarter_of(now) + 1
    match period:
        case UsePeriod.TODAY:
            return calendar.span(today, today)[0], until
        case UsePeriod.LAST_24H:
            return quarter_of(now - _DAY), until
        case UsePeriod.DAYS_7 | UsePeriod.DAYS_30:
            back = 6 if period is UsePeriod.DAYS_7 else 29
            return calendar.span(today - back * _DAY, today)[0], until
        case UsePeriod.MONTH:
            return calendar.span(today.replace(day=1), today)[0], until
        case UsePeriod.LAST_MONTH:
            this = today.replace(day=1)
            return calendar.span((this - _DAY).replace(day=1), this)
        case UsePeriod.ALL:
            return 0, until


def monday(day: date) -> date:
    """The first day of its week."""
    return day - day.weekday() * _DAY


def next_month(day: date) -> date:
    """The first day of the month after it."""
    return (day.replace(day=28) + 4 * _DAY).replace(day=1)
