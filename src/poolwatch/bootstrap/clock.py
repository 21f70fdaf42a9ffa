"""The one home of the real clock, the local time zone and randomness."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta, tzinfo

draw = random.random
"""A number in 0..1, for jitter."""


class RealClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        """This instant, aware UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        import asyncio  # `status --line` needs the time, and no loop

        await asyncio.sleep(seconds)


class LocalZone(tzinfo):
    """The machine's zone with its summer time, as the C library knows it ($TZ, else /etc/localtime)."""

    def fromutc(self, dt: datetime) -> datetime:
        """Local wall time of an instant."""
        local = self._local(dt.replace(tzinfo=UTC))
        return (dt + timedelta(seconds=local.tm_gmtoff)).replace(tzinfo=self)

    def utcoffset(self, dt: datetime | None) -> timedelta:
        """Offset at a local wall time; the first of two in a repeated hour."""
        return timedelta(seconds=self._of_wall(dt).tm_gmtoff)

    def dst(self, dt: datetime | None) -> timedelta:
        """Whether summer time is in force, as an hour or nothing."""
        return timedelta(hours=1) if self._of_wall(dt).tm_isdst > 0 else timedelta(0)

    def tzname(self, dt: datetime | None) -> str:
        """The zone's abbreviation at a local wall time."""
        return self._of_wall(dt).tm_zone

    @staticmethod
    def _local(at: datetime) -> time.struct_time:
        try:
            return time.localtime(at.timestamp())
        except (OverflowError, OSError, ValueError):
            return time.gmtime(0)

    def _of_wall(self, dt: datetime | None) -> time.struct_time:
        if dt is None:
            return time.localtime(0)
        wall = (dt.year, dt.month, dt.day, dt.hour, dt.minute, dt.second, 0, 0, 0 if dt.fold else -1)
        try:
            return time.localtime(time.mktime(wall))
        except (OverflowError, OSError, ValueError):
            return time.gmtime(0)
