"""The life of a usage window, from one reset to the next, and what readings say of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

#: A reset that has moved by more is another one.
_SAME_RESET: Final = timedelta(hours=1)


class EndedBy(StrEnum):
    """What ended a cycle."""

    RESET = "reset"
    #: the upstream reset it before its time, for one account or for many
    EARLY_RESET = "early_reset"
    BANKED_RESET = "banked_reset"
    PLAN_CHANGE = "plan_change"


class Rise(Struct, frozen=True):
    """What was used of a window within one hour; `hour` counts whole hours since 1970, UTC."""

    hour: int
    #: in percent points, above 0
    percent: float


class Cycle(Struct, frozen=True):
    """One window of one account from reset to reset. Instants are aware UTC.

    `ended_at` None: it is running. `started_at` is one length before its reset, and never before the former
    cycle ended; the first reading where no reset or length was told. A window of which nothing is used has
    not begun: it has no cycle yet.
    """

    account_id: str
    bucket: str
    #: the window's kind, as `status --json` names it: 5h, weekly, unknown
    window: str
    started_at: datetime
    window_seconds: int | None = None
    #: when it was, or is, to reset by itself
    resets_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: EndedBy | None = None
    peak_percent: float | None = None
    #: the newest reading of it
    last_percent: float | None = None
    read_at: datetime | None = None
    #: how long it stood at 100%, until `read_at` or its end
    full_seconds: int = 0
    #: since when it stands at 100%; None while there is something left
    full_since: datetime | None = None
    #: the hours in which something was used, in order; of a cycle whose start was seen from 0% on
    rises: tuple[Rise, ...] = ()
    #: how many readings it is made of, up to 3: fewer say nothing of its speed
    readings: int = 0
    #: nothing was used when readings of it began
    start_seen: bool = True
    plan: str | None = None
    #: use against what was expected, by tenth of the cycle (domain/habit), never stored; empty: not learned
    ratios: tuple[float | None, ...] = ()
    #: another window of its kind answers in turn with it: OpenAI's answers disagree
    disputed: bool = False
    #: its first reading, where something had been used before that
    watched_at: datetime | None = None

    def may_go_on(self, used_percent: float, resets_at: datetime | None) -> bool:
        """Whether a reading like this one may be of it still: it resets at that time, and no less is used."""
        if self.resets_at is None or resets_at is None:
            return False
        return abs(resets_at - self.resets_at) <= _SAME_RESET and used_percent > (self.last_percent or 0) - 1

    @property
    def full_from(self) -> float | None:
        """Since when it stands at 100%, or stood so until its end (seconds since 1970)."""
        if self.full_since is not None:
            return self.full_since.timestamp()
        was_freed = (self.peak_percent or 0) >= 100 > (self.last_percent or 0)
        if self.ended_at is None or self.full_seconds <= 0 or was_freed:
            return None
        return self.ended_at.timestamp() - self.full_seconds

    @property
    def watched_since(self) -> datetime:
        """From when on its rises tell all that was used."""
        return self.watched_at or self.started_at


class Observation(Struct, frozen=True):
    """What one reading says of one window; `at` and `resets_at` are aware UTC."""

    at: datetime
    used_percent: float | None
    resets_at: datetime | None = None
    window_seconds: int | None = None
    #: the window's own flag
    limit_reached: bool | None = None
    plan: str | None = None
    #: how many banked resets the account had
    banked: int | None = None

    @property
    def is_full(self) -> bool:
        """Whether the window counts as used up: flagged so, or at 100% whatever its flag says."""
        return self.limit_reached is True or (self.used_percent or 0) >= 100

    @property
    def is_unused(self) -> bool:
        """Whether nothing of it is used: it has not begun, and its reset may slide along with the clock."""
        return not self.is_full and (self.used_percent or 0) <= 0


class Track(Struct, frozen=True):
    """What is held of one window of one account between two readings."""

    #: None while nothing of the window is used
    running: Cycle | None = None
    #: when the cycle before the running one ended, and its last reading
    ended_at: datetime | None = None
    ended_read_at: datetime | None = None
    #: the next cycle begins at 0%, and not with what was used under another plan
    from_zero: bool = True
    plan: str | None = None
    #: the newest reading that found nothing used
    unused_at: datetime | None = None
    #: what one reading alone says: that there is a new window, or that less is used
    candidate: Observation | None = None
    #: the newest reading of another window that answers in turn with the running one
    shadow: Observation | None = None
    #: the first reading in a row that was of the shadow
    shadow_since: datetime | None = None
    #: how many banked resets there were when last told, and when they were found to be fewer
    banked: int | None = None
    redeemed_at: datetime | None = None
    seen_at: datetime | None = None

    @classmethod
    def of(cls, newest: Cycle) -> Track:
        """As it is rebuilt from the newest cycle that is stored."""
        if newest.ended_at is not None:
            from_zero = newest.ended_by is not EndedBy.PLAN_CHANGE
            return cls(None, newest.ended_at, newest.read_at, from_zero, newest.plan, seen_at=newest.read_at)
        at = newest.read_at or newest.started_at
        # which window it was that answered in turn is not stored
        shadow = Observation(at, None) if newest.disputed else None
        return cls(newest, shadow=shadow, seen_at=newest.read_at)


class Gain(Struct, frozen=True):
    """Percent points that a reading found used beyond the former one; above 0."""

    at: datetime
    percent: float
