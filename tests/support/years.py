"""A year of a pool as the store is given it: polls every five minutes, and what moved since the last.

Of each 60 accounts 20 work day and night, 30 in office hours, 10 now and then; a third burn credits while a
window is full.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey
from poolwatch.domain.cycles import Cycle, EndedBy, Rise
from poolwatch.domain.event_log import EventKind, LoggedEvent, Unit
from poolwatch.domain.series import Figure, Gap, HistoryRow, Series

POLL: Final = timedelta(minutes=5)
_DAY: Final = timedelta(days=1)
_WEEK: Final = 7 * _DAY
_FIVE: Final = timedelta(hours=5)
#: Of six accounts: how they work.
_KINDS: Final = ("always", "always", "office", "office", "office", "seldom")
_PERCENT_A_POLL: Final = {"always": 0.35, "office": 0.9, "seldom": 2.0}


class Day(Struct, frozen=True):
    """What one day of an account is to the store."""

    end: datetime
    rows: Sequence[HistoryRow]
    cycles: Sequence[Cycle]
    events: Sequence[LoggedEvent]
    gaps: Sequence[tuple[str, Gap]]


class _Window:
    """One usage window of a simulated account."""

    def __init__(self, account_id: str, kind: str, length: timedelta, share: float) -> None:
        self.account_id, self.kind, self.length, self.share = account_id, kind, length, share
        self.start: datetime | None = None
        self.used = 0.0
        self.rises: dict[int, float] = {}
        self.told: tuple[int, datetime | None] = (-1, None)

    @property
    def is_full(self) -> bool:
        return self.used >= 100

    def ended(self, now: datetime) -> Cycle | None:
        """The cycle that has ended by now."""
        if self.start is None or now < self.start + self.length:
            return None
        cycle = self.cycle(now, self.start + self.length)
        self.start, self.used, self.rises = None, 0.0, {}
        return cycle

    def cycle(self, now: datetime, ended_at: datetime | None = None) -> Cycle:
        assert self.start is not None
        rises = tuple(
            Rise(hour, float(round(percent))) for hour, percent in self.rises.items() if percent > 0.5
        )
        return Cycle(
            self.account_id,
            "codex",
            self.kind,
            self.start,
            int(self.length.total_seconds()),
            self.start + self.length,
            ended_at,
            None if ended_at is None else EndedBy.RESET,
            float(int(self.used)),
            float(int(self.used)),
            now,
            rises=rises,
            readings=3,
            plan="pro",
            ratios=(1.0,) * 10 if ended_at is not None and self.length > _DAY else (),
        )

    def use(self, now: datetime, percent: float) -> None:
        if self.start is None:
            self.start = now.replace(second=0, microsecond=0)
        taken = min(percent * self.share, 100 - self.used)
        self.used += taken
        hour = int(now.timestamp()) // 3600
        self.rises[hour] = self.rises.get(hour, 0.0) + taken

    def row(self, now: datetime) -> HistoryRow | None:
        """The row of this poll, where the figure moved."""
        resets_at = None if self.start is None else self.start + self.length
        told = (int(self.used), resets_at)
        if told == self.told:
            return None
        self.told = told
        figure = Figure(float(int(self.used)), resets_at, self.is_full, not self.is_full)
        return HistoryRow(self.account_id, now, Series.WINDOW, "codex", self.kind, figure)


def key(number: int) -> AccountKey:
    return AccountKey("codex", f"user-{number}", f"acct-{number}")


def days_of(number: int, first: datetime, days: int) -> Iterator[Day]:
    """The days of one account, from midnight on."""
    rng = random.Random(number)
    account_id, kind = key(number).id, _KINDS[number % len(_KINDS)]
    five, weekly = _Window(account_id, "5h", _FIVE, 4.0), _Window(account_id, "weekly", _WEEK, 0.12)
    balance = Decimal("1000.0000")
    for day in range(days):
        start = first + day * _DAY
        rows: list[HistoryRow] = []
        cycles: list[Cycle] = []
        events: list[LoggedEvent] = []
        busy = rng.random() < (0.15 if kind == "seldom" else 0.95) and (kind != "office" or day % 7 < 5)
        for step in range(288):
            now = start + step * POLL + timedelta(microseconds=rng.randrange(10**8))
            hour = step // 12
            works = busy and (kind == "always" or 8 <= hour < 18) and rng.random() < 0.6
            for window in (five, weekly):
                if (ended := window.ended(now)) is not None:
                    cycles.append(ended)
                    events.append(
                        _event(account_id, now, EventKind.RESET, window.kind, ended.last_percent, 0.0)
                    )
            if works and not (five.is_full or weekly.is_full):
                percent = rng.expovariate(1 / _PERCENT_A_POLL[kind])
                for window in (five, weekly):
                    window.use(now, percent)
                    if window.is_full:
                        events.append(_event(account_id, now, EventKind.EXHAUSTED, window.kind, 99.0, 100.0))
            elif works and number % 3 == 0:
                balance -= Decimal(rng.randrange(1, 90_000)).scaleb(-4)
                balance = balance if balance > 0 else Decimal("1000.0000")
                figure = Figure(balance=balance, unlimited=False)
                rows.append(HistoryRow(account_id, now, Series.CREDITS, "", "", figure))
            rows += [row for window in (five, weekly) if (row := window.row(now)) is not None]
        end = start + _DAY
        cycles += [window.cycle(end) for window in (five, weekly) if window.start is not None]
        gap = Gap(start + timedelta(hours=2), start + timedelta(hours=3))
        yield Day(end, rows, cycles, events, [(account_id, gap)] if day % 7 == 0 else [])


def _event(
    account_id: str, at: datetime, kind: EventKind, window: str, before: float | None, after: float
) -> LoggedEvent:
    made = sha256(f"{account_id}{at}{kind}{window}".encode()).hexdigest()[:16]
    return LoggedEvent(made, at, kind, account_id, None, "codex", window, before, after, Unit.PERCENT)
