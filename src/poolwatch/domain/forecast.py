"""What a window will have used when it resets, and whether it lasts: as it is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

#: The share of cases in which the interval of a forecast is to hold.
COVERAGE: Final = 0.8
#: A reset that has moved by more is another one than was foretold of.
_SAME_RESET: Final = timedelta(hours=1)


class NoForecast(StrEnum):
    """Why nothing is foretold."""

    TOO_EARLY = "too_early"
    IDLE = "idle"
    TOO_FEW = "too_few"
    OLD = "old"
    FULL = "full"
    #: two windows answer in turn
    DISPUTED = "disputed"
    #: its reset has passed
    DUE = "due"
    PLAN_CHANGED = "plan_changed"
    #: it has no weekly window, or needs a person
    NONE = "none"


class Forecast(Struct, frozen=True):
    """Of one window at one moment. Percentages are of the window, at its reset; instants aware UTC.

    Where `none_because` is set, all figures of the future are None; pace may stand all the same. Of a 5h
    window only `median_percent` is known, at this hour's pace.
    """

    bucket: str
    window: str
    made_at: datetime
    resets_at: datetime | None = None
    median_percent: float | None = None
    #: 8 times in 10 it ends between these
    low_percent: float | None = None
    high_percent: float | None = None
    #: 0..1: that it is used up before it resets
    out_probability: float | None = None
    out_earliest: datetime | None = None
    out_latest: datetime | None = None
    #: what may be used a day, in percent points, so that it lasts to the reset
    pace_per_day: float | None = None
    #: where even use would stand now
    even_percent: float | None = None
    none_because: NoForecast | None = None
    #: what had been used when it was made
    used_percent: float | None = None
    #: low, median and high as they would be, did the window not end at 100%
    endless: tuple[float, float, float] | None = None

    def is_of(self, resets_at: datetime | None, now: datetime) -> bool:
        """Whether the window that resets then is still the one of which it speaks; `now` is the server's."""
        if self.resets_at is None:
            return True
        return self.resets_at > now and (resets_at is None or abs(resets_at - self.resets_at) <= _SAME_RESET)

    @property
    def runs_out(self) -> bool:
        """Whether it will more likely than not be used up before its reset."""
        return self.out_probability is not None and self.out_probability >= 0.5
