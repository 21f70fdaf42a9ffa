"""The past of an account, made up: how it is used over the week, its windows, credits and events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final

from poolwatch.domain.account import AccountKey
from poolwatch.domain.cycles import Cycle, EndedBy, Rise
from poolwatch.domain.event_log import EventKind, LoggedEvent, Unit
from poolwatch.domain.past import CREDITS, AccountPast, PastAsked, base_window
from poolwatch.domain.series import FigureName, Gap, Point, Timeline
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY

_HOUR: Final = timedelta(hours=1)
WEEK: Final = timedelta(days=7)
#: How past windows of an account ended, new to old, and what was used of them.
ENDINGS: Final = (
    (EndedBy.RESET, 88.0),
    (EndedBy.EARLY_RESET, 100.0),
    (EndedBy.RESET, 71.0),
    (EndedBy.BANKED_RESET, 100.0),
    (EndedBy.RESET, 64.0),
    (EndedBy.RESET, 93.0),
    (EndedBy.PLAN_CHANGE, 12.0),
    (EndedBy.RESET, 57.0),
    (EndedBy.RESET, 80.0),
    (EndedBy.RESET, 75.0),
)


def works(at: datetime, zone: tzinfo) -> float:
    """How busy an hour is, of 0 to 1: most on weekdays at 10 and 15."""
    local = at.astimezone(zone)
    if local.weekday() > 4 or not 8 <= local.hour < 18:
        return 0.0
    return {8: 0.2, 9: 0.6, 10: 1.0, 11: 0.9, 12: 0.3, 13: 0.6, 14: 0.9, 15: 1.0, 16: 0.8, 17: 0.4}[
        local.hour
    ]


class MadePast:
    """A weekly window, used as people work, that stands at `used` now and resets at `resets_at`."""

    def __init__(
        self,
        key: AccountKey,
        now: datetime,
        resets_at: datetime,
        used: float,
        zone: tzinfo,
        *,
        weeks: int = 10,
        endings: Sequence[tuple[EndedBy, float]] = ENDINGS,
    ) -> None:
        self.key, self.now, self.zone = key, now, zone
        self.cycles: list[Cycle] = []
        self.points: list[Point] = []
        self.balances: list[Point] = []
        self._balance = Decimal(2000)
        for back in range(min(weeks, len(endings)), 0, -1):
            start, end = resets_at - (back + 1) * WEEK, resets_at - back * WEEK
            by, peak = endings[back - 1]
            self._cycle(start, end, peak, by)
        self._cycle(resets_at - WEEK, now, used, None, resets_at)

    def _cycle(
        self,
        start: datetime,
        end: datetime,
        peak: float,
        by: EndedBy | None,
        ahead: datetime | None = None,
    ) -> None:
        resets_at = ahead or end
        hours = [start + number * _HOUR for number in range(int((end - start) / _HOUR))]
        whole = sum(works(at, self.zone) for at in hours) or 1.0
        used, rises, full_since = 0.0, [], None
        self.points.append(Point(start, 0.0, 0.0, 0.0, resets_at))
        for at in hours:
            rise = works(at, self.zone) / whole * peak
            if not rise:
                continue
            rises.append(Rise(int(at.timestamp()) // 3600, rise))
            before, used = used, used + rise
            low, high = float(round(before)), float(round(used))
            self.points.append(Point(at, low, high, high, resets_at))
            self._balance -= Decimal(str(round(rise * 4, 2)))
            self.balances.append(Point(at, self._balance, self._balance, self._balance))
            if round(used) >= 100 and full_since is None:
                full_since = at
        self.cycles.append(
            Cycle(
                self.key.id, BASE_BUCKET, WEEKLY, start, int(WEEK.total_seconds()), resets_at,
                None if by is None else end, by, float(round(peak)), float(round(used)), end,
                int((end - full_since).total_seconds()) if full_since else 0,
                rises=tuple(rises), readings=3,
            )
        )  # fmt: skip

    @property
    def events(self) -> tuple[LoggedEvent, ...]:
        """A reset of each week, one of all accounts, and a top-up this morning."""
        found = [
            LoggedEvent(f"r{number}", cycle.ended_at, EventKind.RESET, self.key.id, None, BASE_BUCKET, WEEKLY,
                        cycle.peak_percent, 0.0, Unit.PERCENT)
            for number, cycle in enumerate(self.cycles) if cycle.ended_at is not None
        ]  # fmt: skip
        found += [
            LoggedEvent("u", cycle.ended_at, EventKind.UPSTREAM_RESET, accounts=41, of_accounts=60)
            for cycle in self.cycles
            if cycle.ended_by is EndedBy.EARLY_RESET and cycle.ended_at is not None
        ]
        found.append(
            LoggedEvent(
                "c", self.now - timedelta(hours=3), EventKind.CREDITS_CAME, self.key.id,
                before=Decimal("734.56"), after=Decimal("1234.56"), unit=Unit.CREDITS,
            )
        )  # fmt: skip
        return tuple(sorted(found, key=lambda each: each.at))

    def answer(self, asked: PastAsked, gaps: Sequence[Gap] = ()) -> AccountPast:
        """As the store would."""
        lines: Mapping[FigureName, list[Point]] = {base_window(WEEKLY): self.points, CREDITS: self.balances}
        return AccountPast(
            asked,
            {
                name: Timeline(_since(lines[name], asked.since), tuple(gaps))
                for name in asked.figures
                if name in lines
            },
            tuple(self.cycles[-asked.cycles :]) if asked.cycles else (),
            self.events if asked.events_since is not None else (),
            tuple(gaps),
            tuple(lines),
        )


def _since(points: Sequence[Point], since: datetime) -> tuple[Point, ...]:
    first = max((number for number, point in enumerate(points) if point.at <= since), default=0)
    return tuple(points[first:])
