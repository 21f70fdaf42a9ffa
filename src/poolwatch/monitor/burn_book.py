"""How fast accounts are used: kept small in memory, and filled from the store after the start."""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import chain
from typing import Final, Protocol

from poolwatch.domain.burn import AccountBurn, Burn, PoolBurn
from poolwatch.domain.cycles import Gain
from poolwatch.domain.series import FigureName, Finest, Gap, Point, Series, Timeline
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY
from poolwatch.domain.uses import (
    N,
    Stretch,
    Use,
    credit_uses,
    usual_per_day,
    weekly_uses,
    whole_days,
)
from poolwatch.domain.when import midnight
from poolwatch.monitor.turns import in_turns

#: Single uses are kept so long: a day, and what is late.
_KEPT: Final = timedelta(hours=25).total_seconds()
#: Fewer readings say nothing.
_LEAST_READINGS: Final = 3
#: Amounts are whole multiples of this: services send ten decimals.
_UNIT: Final = Decimal("1e-10")
_PER_UNIT: Final = 10**10
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
#: Accounts between which the event loop gets a turn.
_AT_ONCE: Final = 50
#: The store is asked for one account after the other, with a pause between them (seconds).
_PAUSE: Final = 0.05
_LOOK_SECONDS: Final = 15.0
_WEEKLY: Final = FigureName(Series.WINDOW, BASE_BUCKET, WEEKLY)
_CREDITS: Final = FigureName(Series.CREDITS)


class History(Protocol):
    """Where past figures are kept."""

    async def timeline(
        self,
        account_id: str,
        name: FigureName,
        since: datetime,
        until: datetime,
        finest: Finest = Finest.CHANGE,
    ) -> Timeline:
        """One figure over a time."""
        ...


class UseLog:
    """What was used of one figure in the last day, in arrays: instants in epoch seconds, amounts in units."""

    __slots__ = (
        "_amounts",
        "_at",
        "_former_at",
        "_older_at",
        "_took",
        "first_at",
        "last_at",
        "readings",
        "since_start",
    )

    def __init__(self) -> None:
        self._at: array[float] = array("d")
        self._took: array[float] = array("f")
        # an amount beyond 64 bits makes it a list
        self._amounts: array[int] | list[int] = array("q")
        #: readings so far, counted up to the number that says something
        self.readings = 0
        #: the first reading of this run, the last one, and the two before that
        self.first_at = float("inf")
        self.last_at: float | None = None
        self._former_at: float | None = None
        self._older_at: float | None = None
        #: what was used since the first reading of this run
        self.since_start = 0

    def read(self, at: float, former: float | None = None) -> None:
        """A reading came; `former` is the one before it, where that was another run's."""
        self._older_at = self._former_at
        self._former_at = self.last_at if self.last_at is not None else former
        self.last_at = at
        self.first_at = min(self.first_at, at)
        self.readings = min(self.readings + 1, _LEAST_READINGS)

    def used(self, at: float, amount: int) -> None:
        """The last reading, or with `at` before it the one before, found so much used."""
        known = (instant for instant in (self._former_at, self._older_at) if instant is not None)
        since = next((instant for instant in known if instant < at), at)
        if since >= self.first_at:
            self.since_start += amount
        self._append(at, at - since, amount)
        old = bisect_left(self._at, at - _KEPT)
        if old > len(self._at) // 2:
            del self._at[:old], self._took[:old], self._amounts[:old]

    def fill(self, uses: Iterable[tuple[float, float, int]], readings: int, last_at: float | None) -> None:
        """Put what was used before this run in front: when, in what time, how much; and its last reading."""
        kept = zip(self._at, self._took, self._amounts, strict=True)
        later = [use for use in kept if use[0] >= self.first_at]
        before = [use for use in uses if use[0] < self.first_at]
        self._at, self._took, self._amounts = array("d"), array("f"), array("q")
        for at, took, amount in chain(before, later):
            self._append(at, took, amount)
        self.readings = min(self.readings + readings, _LEAST_READINGS)
        if self.last_at is None:
            self.last_at = last_at

    def _append(self, at: float, took: float, amount: int) -> None:
        self._at.append(at)
        self._took.append(took)
        try:
            self._amounts.append(amount)
        except OverflowError:
            self._amounts = [*self._amounts, amount]

    def total(self, stretch: Stretch) -> int | None:
        """What was used in that time, in units; None where nothing was read in it, or too little ever."""
        start, end = stretch.start.timestamp(), stretch.end.timestamp()
        if self.readings < _LEAST_READINGS or self.last_at is None or self.last_at <= start:
            return None
        length, found = end - start, 0
        for place in range(bisect_right(self._at, start), len(self._at)):
            at, took = self._at[place], self._took[place]
            # as `Stretch.counts`
            if at <= end and (at - took >= start or took <= length):
                found += self._amounts[place]
        return found


class _Account:
    """What is kept of one account."""

    __slots__ = ("credits", "filled", "usual_credits", "usual_day", "usual_weekly", "weekly")

    def __init__(self) -> None:
        self.weekly: UseLog | None = None
        self.credits: UseLog | None = None
        self.usual_weekly: float | None = None
        self.usual_credits: Decimal | None = None
        #: the day on which the usual use was worked out
        self.usual_day: date | None = None
        #: which telling of the past it is filled with; None before that
        self.filled: int | None = None


class BurnBook:
    """Burn per account, and of all together. `zone` None: days begin where the machine is."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._accounts: dict[str, _Account] = {}
        #: how often the past was told anew in this run
        self._tellings = 0
        #: when readings began to come in this run
        self.started_at: datetime | None = None

    def read_weekly(
        self, account_id: str, at: datetime, gains: Iterable[Gain], former: datetime | None
    ) -> None:
        """The weekly window was read, and found to have gained; `former` is the reading before."""
        account = self._account(account_id, at)
        if account.weekly is None:
            account.weekly = UseLog()
        account.weekly.read(at.timestamp(), _seconds(former))
        for gain in gains:
            account.weekly.used(gain.at.timestamp(), round(gain.percent * _PER_UNIT))

    def read_credits(
        self, account_id: str, at: datetime, used: Decimal | None, former: datetime | None
    ) -> None:
        """The balance was read; `used` is what it fell by, None where it rose, or was not known before."""
        account = self._account(account_id, at)
        if account.credits is None:
            account.credits = UseLog()
        account.credits.read(at.timestamp(), _seconds(former))
        if used:
            account.credits.used(at.timestamp(), _units(used))

    def read_again(self) -> None:
        """Have all that was used before this run read once more: the past was told anew."""
        self._tellings += 1

    def keep_only(self, account_ids: Collection[str]) -> None:
        """Forget the other accounts."""
        for gone in self._accounts.keys() - set(account_ids):
            del self._accounts[gone]

    def _account(self, account_id: str, at: datetime) -> _Account:
        if self.started_at is None:
            self.started_at = at
        return self._accounts.setdefault(account_id, _Account())

    # -- what was used

    def is_filled(self, account_id: str) -> bool:
        """Whether what was used before this run is known too."""
        account = self._accounts.get(account_id)
        return account is not None and account.filled == self._tellings

    def of(self, account_id: str, now: datetime) -> AccountBurn:
        """The burn of one account; until it is filled, no more than what was used in this run."""
        account = self._accounts.get(account_id)
        if account is None:
            return AccountBurn(Burn(), Burn())
        hour, day, today, run = map(_percent, self._totals(account.weekly, now))
        of_hour, of_day, of_today, of_run = map(_credits, self._totals(account.credits, now))
        if account.filled != self._tellings:
            return AccountBurn(Burn(since_start=run), Burn(since_start=of_run))
        weekly = Burn(hour, day, today, run, account.usual_weekly)
        return AccountBurn(weekly, Burn(of_hour, of_day, of_today, of_run, account.usual_credits))

    async def of_pool(self, now: datetime) -> PoolBurn:
        """The burn of all accounts: the mean of their weekly windows, and the sum of their credits."""
        weekly: list[list[float]] = [[] for _ in range(5)]
        credits: list[list[Decimal]] = [[] for _ in range(5)]
        for number, account_id in enumerate(tuple(self._accounts)):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            burn = self.of(account_id, now)
            for place, name in enumerate(Burn.__struct_fields__):
                percent, amount = getattr(burn.weekly, name), getattr(burn.credits, name)
                if percent is not None:
                    weekly[place].append(percent)
                if amount is not None:
                    credits[place].append(amount)
        return PoolBurn(
            Burn(*(sum(each) / len(each) if each else None for each in weekly)),
            Burn(*(sum(each, Decimal(0)) if each else None for each in credits)),
            self.started_at,
            now,
        )

    def _totals(self, log: UseLog | None, now: datetime) -> tuple[int | None, ...]:
        """Of the last hour, the last 24, today, since the start."""
        if log is None:
            return (None,) * 4
        today = midnight(now.astimezone(self._zone).date(), self._zone)
        starts = (now - _HOUR, now - _DAY, today)
        enough = log.readings >= _LEAST_READINGS and log.first_at <= now.timestamp()
        return (
            *(log.total(Stretch(start, now)) for start in starts),
            log.since_start if enough else None,
        )

    # -- what was used before this run

    async def run(
        self,
        history: History,
        accounts: Callable[[], Collection[tuple[str, datetime | None]]],
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[object]],
        read: Callable[[], None] = lambda: None,
    ) -> None:
        """Fill up from the store, and once a day what is usual; ends by cancellation.

        `accounts` says which there are, and when each was read last. `read` is called after each time. An
        error of our own with one account is raised when all others have had their turn.
        """
        while True:
            errors: list[Exception] = []
            for account_id, read_at in tuple(accounts()):
                account = self._accounts.get(account_id)
                today = now().astimezone(self._zone).date()
                if account is not None and account.usual_day == today and self.is_filled(account_id):
                    continue
                try:
                    await self.load(history, account_id, read_at, now())
                except Exception as error:  # noqa: BLE001 - of one account; the others are filled
                    errors.append(error)
                await sleep(_PAUSE)
            if errors:
                raise errors[0]
            read()
            await sleep(_LOOK_SECONDS)

    async def load(self, history: History, account_id: str, read_at: datetime | None, now: datetime) -> None:
        """Take in what the store knows of one account."""
        account = self._accounts.setdefault(account_id, _Account())
        telling, days = self._tellings, whole_days(now, self._zone)
        since = days[-1].start
        is_new = account.filled != telling
        weekly = await history.timeline(account_id, _WEEKLY, since, now)
        if weekly.points:
            percents = await in_turns(weekly_uses(weekly, read_at or weekly.points[-1].at))
            known = max(weekly.points[0].at, since)
            usual = await in_turns(usual_per_day(percents, days, weekly.gaps, known, 0.0))
            if is_new:
                log = account.weekly = account.weekly or UseLog()
                found = [(use, round(use.amount * _PER_UNIT)) for use in _lately(percents, now)]
                _fill(log, found, weekly, read_at)
            account.usual_weekly = usual
        credits = await self._credits_since(history, account_id, days, now)
        if credits.points:
            amounts = await in_turns(credit_uses(credits))
            known = max(credits.points[0].at, since)
            usual_credits = await in_turns(usual_per_day(amounts, days, credits.gaps, known, Decimal(0)))
            if is_new:
                log = account.credits = account.credits or UseLog()
                _fill(log, [(use, _units(use.amount)) for use in _lately(amounts, now)], credits, read_at)
            account.usual_credits = usual_credits
        account.usual_day, account.filled = now.astimezone(self._zone).date(), telling

    async def _credits_since(
        self, history: History, account_id: str, days: Sequence[Stretch], now: datetime
    ) -> Timeline:
        """The balance over these days and until now, read a day at a time: it may change with each poll."""
        any_day = await history.timeline(account_id, _CREDITS, days[-1].start, now, Finest.DAY)
        if not any_day.points:
            return any_day
        points: list[Point] = []
        gaps: dict[datetime, Gap] = {}
        for stretch in (*reversed(days), Stretch(days[0].end, now)):
            part = await history.timeline(account_id, _CREDITS, stretch.start, stretch.end)
            # what held when a day began was told with the day before
            points += (point for point in part.points if not points or point.at > points[-1].at)
            gaps |= {gap.start: gap for gap in part.gaps}
        return Timeline(tuple(points), tuple(gaps[start] for start in sorted(gaps)))


def _lately(uses: Sequence[Use[N]], now: datetime) -> Sequence[Use[N]]:
    """Those that are kept one by one."""
    oldest = now.timestamp() - _KEPT
    return uses[bisect_right(uses, oldest, key=lambda use: use.at.timestamp()) :]


def _fill(
    log: UseLog,
    uses: Iterable[tuple[Use[float], int]] | Iterable[tuple[Use[Decimal], int]],
    timeline: Timeline,
    read_at: datetime | None,
) -> None:
    found = [(at, at - use.since.timestamp(), amount) for use, amount in uses for at in [use.at.timestamp()]]
    log.fill(found, len(timeline.points), _seconds(read_at or timeline.points[-1].at))


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _units(amount: Decimal) -> int:
    return int(amount / _UNIT)


def _percent(units: int | None) -> float | None:
    return None if units is None else units / _PER_UNIT


def _credits(units: int | None) -> Decimal | None:
    """With the decimals that it has."""
    if units is None:
        return None
    amount = units * _UNIT
    whole = amount.to_integral_value()
    return whole if whole == amount else amount.normalize()
