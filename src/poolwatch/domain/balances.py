"""Credit balances of services that are not Codex accounts: what is left, of what, and until when.

Amounts are in the service's own unit and exact. Units are never added up; what is not known is None, never 0.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from poolwatch.domain.failure import Failure, FailureKind, Trouble
from poolwatch.domain.series import Figure, FigureName, Point, Series
from poolwatch.domain.values import replace

if TYPE_CHECKING:
    from poolwatch.domain.proposals import AutoTopUp

#: A reading is read again on focus from this age on.
FOCUS_AGE: Final = timedelta(seconds=30)
#: What stands before the name of a balance where accounts' ids stand: in history, and between polls.
_ID: Final = "balance:"
#: So many readings of its own timer are missed before a figure is old.
_MISSED: Final = 3
_DAYS_OF_WEEK: Final = 7
_A_DAY: Final = timedelta(days=1)
#: By so much of its past it is told how a balance runs.
LOOKED_BACK: Final = timedelta(days=_DAYS_OF_WEEK)
_DAY_SECONDS: Final = 86_400
#: Of fewer figures nothing follows.
_FEWEST_POINTS: Final = 2
#: What lasts longer than ten years lasts.
_LONGEST: Final = 3650 * _DAY_SECONDS


class BalanceLevel(StrEnum):
    """How much is left."""

    OK = "ok"
    LOW = "low"
    EMPTY = "empty"
    UNKNOWN = "unknown"

    @property
    def is_short(self) -> bool:
        """Whether little or nothing is left."""
        return self in (BalanceLevel.LOW, BalanceLevel.EMPTY)


class TopUpPlace(StrEnum):
    """Where a balance can be topped up."""

    HERE = "here"
    WEB = "web"
    NO = "no"


class ResetPeriod(StrEnum):
    """How often a balance is filled up again, by the UTC calendar; weeks begin on Monday."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class ResetTime(Struct, frozen=True):
    """When a balance is filled up: so long after the beginning of each period, UTC."""

    period: ResetPeriod
    after: timedelta = timedelta(0)

    def following(self, at: datetime) -> datetime:
        """The first reset after `at`."""
        at = at.astimezone(UTC)
        begins = self._beginning(at)
        while begins + self.after <= at:
            begins = self._next(begins)
        return begins + self.after

    def _beginning(self, at: datetime) -> datetime:
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        match self.period:
            case ResetPeriod.DAILY:
                return day
            case ResetPeriod.WEEKLY:
                return day - timedelta(days=day.weekday())
            case ResetPeriod.MONTHLY:
                return day.replace(day=1)

    def _next(self, begins: datetime) -> datetime:
        match self.period:
            case ResetPeriod.DAILY:
                return begins + timedelta(days=1)
            case ResetPeriod.WEEKLY:
                return begins + timedelta(days=_DAYS_OF_WEEK)
            case ResetPeriod.MONTHLY:
                # 32 days after the first are in the next month, whichever it is
                return (begins + timedelta(days=32)).replace(day=1)


class Balance(Struct, frozen=True):
    """One answer of a service, whole: nothing of an earlier answer is in it. Instants are aware UTC.

    `limit` is what it is filled up to and `total` what was bought in all, where the service names them.
    """

    unit: str
    remaining: Decimal | None = None
    limit: Decimal | None = None
    used: Decimal | None = None
    total: Decimal | None = None
    unlimited: bool = False
    resets_at: datetime | None = None
    last_reset_at: datetime | None = None
    #: the service buys more by itself below this
    own_topup_below: Decimal | None = None


class BalanceTerms(Struct, frozen=True):
    """What the configuration says of a balance.

    It is low from `amber_below` downward (None: never), empty from `red_at` downward, both included. `web` is
    the address where it can be topped up. `on_demand`: it is never read by a timer.
    """

    amber_below: Decimal | None = None
    red_at: Decimal = Decimal(0)
    cost_per_request: Decimal | None = None
    web: str | None = None
    on_demand: bool = False
    tops_up_here: bool = False
    #: what poolwatch proposes when it falls
    auto: AutoTopUp | None = None
    #: when it is filled up, where that is by the calendar
    resets: ResetTime | None = None
    #: how often it is read by a timer of its own
    every: timedelta | None = None

    @property
    def top_up(self) -> TopUpPlace:
        """Where it can be topped up."""
        if self.tops_up_here:
            return TopUpPlace.HERE
        return TopUpPlace.NO if self.web is None else TopUpPlace.WEB

    def level(self, balance: Balance | None) -> BalanceLevel:
        """How much is left of what was read."""
        if balance is None:
            return BalanceLevel.UNKNOWN
        if balance.unlimited:
            return BalanceLevel.OK
        if balance.remaining is None:
            return BalanceLevel.UNKNOWN
        if balance.remaining <= self.red_at:
            return BalanceLevel.EMPTY
        is_low = self.amber_below is not None and balance.remaining <= self.amber_below
        return BalanceLevel.LOW if is_low else BalanceLevel.OK

    def requests_left(self, balance: Balance | None) -> int | None:
        """How many requests what is left suffices for; None where that is not known."""
        cost = self.cost_per_request
        if balance is None or balance.remaining is None or balance.unlimited or not cost:
            return None
        return max(0, int(balance.remaining // cost))


class BalanceState(Struct, frozen=True):
    """All that is known of the balance of a source, by its name; the last good answer outlives a failure.

    `asked` marks what is asked, and how its answer is read: what was read otherwise is not of this balance.
    """

    name: str
    terms: BalanceTerms = BalanceTerms()
    balance: Balance | None = None
    read_at: datetime | None = None
    tried_at: datetime | None = None
    trouble: Trouble | None = None
    asked: str = ""

    @property
    def id(self) -> str:
        """What it is called where accounts are called by their ids."""
        return balance_id(self.name)

    @property
    def level(self) -> BalanceLevel:
        """How much was left when it was last read."""
        return self.terms.level(self.balance)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was left then."""
        return self.level is BalanceLevel.EMPTY

    @property
    def is_gone(self) -> bool:
        """Whether the service says that it does not offer this any more."""
        return self.trouble is not None and self.trouble.kind is FailureKind.NOT_OFFERED

    @property
    def is_short(self) -> bool:
        """Whether little or nothing was left; not of a service that is gone."""
        return not self.is_gone and self.level.is_short

    def reset_is_due(self, now: datetime) -> bool:
        """Whether it was to be filled up since it was read: the figure is that of before."""
        resets_at = None if self.balance is None else self.balance.resets_at
        return resets_at is not None and resets_at <= now

    def is_stale(self, now: datetime, stale_after: timedelta) -> bool:
        """Whether the figures are old, of before a reset, or of a service that is gone."""
        if self.read_at is None:
            return False
        # what is read seldom is not old before its next readings were missed
        old_after = max(stale_after, _MISSED * (self.terms.every or timedelta(0)))
        return now - self.read_at > old_after or self.reset_is_due(now) or self.is_gone

    def is_older(self, age: timedelta, now: datetime) -> bool:
        """Whether it was not tried within that age; a try in the future was made under a wrong clock."""
        return self.tried_at is None or abs(now - self.tried_at) >= age

    def read(self, outcome: Balance | Failure, at: datetime) -> BalanceState:
        """The state after it was asked for at `at`."""
        if not isinstance(outcome, Failure):
            return replace(self, balance=outcome, read_at=at, tried_at=at, trouble=None)
        since = at
        if self.trouble is not None and self.trouble.kind is outcome.kind:
            since = self.trouble.since
        return replace(self, tried_at=at, trouble=outcome.since(since))

    def known(self, other: BalanceState | None) -> BalanceState:
        """This state with what `other` tells of the same balance where that is newer; the terms stay."""
        if other is None or other.tried_at is None or other.asked != self.asked:
            return self
        if self.tried_at is not None and other.tried_at <= self.tried_at:
            return self
        return replace(other, name=self.name, terms=self.terms)


def balance_id(name: str, unit: str | None = None) -> str:
    """What the balance of a source is called where accounts are called by their ids.

    With its `unit` where amounts are compared: units are never mixed.
    """
    return f"{_ID}{name}" if unit is None else f"{_ID}{name} {unit}"


def recalled(unread: Iterable[BalanceState], stored: Mapping[str, BalanceState]) -> dict[str, BalanceState]:
    """Those of a configuration, by name, with what is kept of them."""
    return {each.name: each.known(stored.get(each.name)) for each in unread}


def balance_figure(balance: Balance) -> tuple[FigureName, Figure] | None:
    """The figure of a balance's history, which has one for each unit; None where nothing is known."""
    if balance.remaining is None and not balance.unlimited:
        return None
    figure = Figure(
        resets_at=balance.resets_at, balance=balance.remaining, unlimited=balance.unlimited or None
    )
    return FigureName(Series.CREDITS, balance.unit), figure


class BalanceRise(Struct, frozen=True):
    """What was left rose: it was filled up when that was due, else something was bought or granted."""

    at: datetime
    before: Decimal
    after: Decimal
    is_filling: bool


def with_fillings(points: Sequence[Point], filled_at: Iterable[datetime]) -> tuple[Point, ...]:
    """A balance's history with what its readings told of resets, due or not; `filled_at`: those readings.

    What was left before such a reading was to be filled up by then.
    """
    told = list(points)
    for at in filled_at:
        place = bisect_right(points, at, key=lambda each: each.at) - 1
        if place > 0:
            before, came_at = told[place - 1], points[place].at
            if before.resets_at is None or before.resets_at > came_at:
                told[place - 1] = replace(before, resets_at=came_at)
    return tuple(told)


def balance_rises(points: Sequence[Point]) -> Iterator[BalanceRise]:
    """Each time that what was left rose, old to new; `points` as `with_fillings` tells them."""
    for before, point in pairwise(points):
        was, now = before.last, point.last
        if isinstance(was, Decimal) and isinstance(now, Decimal) and now > was:
            is_filling = before.resets_at is not None and before.resets_at <= point.at
            yield BalanceRise(point.at, was, now, is_filling)


class Lasting(Struct, frozen=True):
    """How a balance runs: what is used of it a day, and when that ends it; None: at its reset, or never."""

    per_day: Decimal
    ends_at: datetime | None = None
    to_reset: bool = False


def lasting(state: BalanceState, points: Sequence[Point], now: datetime) -> Lasting | None:
    """How long what is left lasts by what went in the last week; None where less than a day of it is known.

    `points` may reach further back: what held as the week began counts from then on.
    """
    ended = max((at for at, each in enumerate(points, 1) if each.last is None), default=0)
    # before a time in which nothing was known it may have been another one
    known = [(each.at, each.last) for each in points[ended:] if isinstance(each.last, Decimal)]
    if len(known) < _FEWEST_POINTS:
        return None
    begins = max(known[0][0], now - LOOKED_BACK)
    if now - begins < _A_DAY:
        return None
    held = sum(at <= begins for at, _ in known)
    amounts = [amount for _, amount in known[held - 1 :]]
    # what rose was bought, or filled up
    used = sum((max(was - became, Decimal(0)) for was, became in pairwise(amounts)), Decimal(0))
    per_day = used * _DAY_SECONDS / Decimal(int((now - begins).total_seconds()))
    balance = state.balance
    if balance is None or balance.remaining is None or balance.unlimited or per_day <= 0:
        return Lasting(per_day)
    seconds, resets_at = seconds_left(balance.remaining - state.terms.red_at, per_day), balance.resets_at
    if resets_at is not None and resets_at > now:
        to_reset = Decimal((resets_at - now).total_seconds())
        if seconds is None or seconds >= to_reset:
            return Lasting(per_day, to_reset=True)
    return Lasting(per_day, None if seconds is None else now + timedelta(seconds=int(seconds)))


def seconds_left(amount: Decimal, per_day: Decimal) -> Decimal | None:
    """How long an amount lasts at a pace; None: for more than ten years, or for ever."""
    if per_day <= 0:
        return None
    seconds = max(amount, Decimal(0)) * _DAY_SECONDS / per_day
    return seconds if seconds < _LONGEST else None
