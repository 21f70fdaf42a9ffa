"""How limits and credits were used over the past, hour by hour."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple

from poolwatch.demo.account import FIVE_HOURS, HOUR, Meter
from poolwatch.demo.habits import Habit

FULL: Final = 100.0
#: What is full at the end of the past was so for the last part of the way.
_FULL_SINCE: Final = 1.2
#: Sums of many small numbers fall short by less.
_ROUNDING: Final = 1e-6
#: A minute round each top-up is read at both ends.
TOP_UP_SECONDS: Final = 30


class Window(NamedTuple):
    """A usage window as it was read."""

    bucket: str
    seconds: int
    used: int
    resets_at: int


@dataclass(frozen=True, slots=True)
class Span:
    """A window of `seconds` that began at its first use, and ran until `end`, at the latest its reset.

    `goal` is what was used of it in the end, where that is fixed; beyond 100 it was full some time before.
    """

    begin: float
    end: float
    seconds: int
    goal: float | None = None

    @property
    def resets_at(self) -> float:
        """When it would end by itself."""
        return self.begin + self.seconds

    @property
    def is_cut(self) -> bool:
        """Whether it ended before."""
        return self.end < self.resets_at


class Hours(NamedTuple):
    """How much was done in each hour from an epoch second on."""

    first: float
    weights: Sequence[float]

    @property
    def usual(self) -> float:
        """The mean of all hours."""
        return sum(self.weights) / len(self.weights) or 1.0

    def until(self, sums: Sequence[float], at: float) -> float:
        """What had come together at an instant, where `sums[k]` had before the hour k."""
        hours = max(0.0, (at - self.first) / HOUR)
        known = min(int(hours), len(sums) - 2)
        return sums[known] + (sums[known + 1] - sums[known]) * (hours - known)


def goal_of(meter: Meter) -> float:
    """What is used of a running window at the end of the past."""
    return meter.used if meter.used < FULL else FULL * _FULL_SINCE


def by_length(meters: Sequence[Meter | None]) -> tuple[Meter | None, Meter | None]:
    """The five-hour window and the longer one."""
    known = [meter for meter in meters if meter is not None]
    short = next((meter for meter in known if meter.seconds <= FIVE_HOURS), None)
    return short, next((meter for meter in known if meter.seconds > FIVE_HOURS), None)


@dataclass(slots=True)
class Course:
    """How one limit was used: its long window, and the five-hour one beside it.

    `sums[k]` is what was used of the long one before the hour k, over all its resets.
    """

    bucket: str
    hours: Hours
    end: float
    short: Meter | None
    long: Meter
    longs: Sequence[Span]
    shorts: list[Span] = field(default_factory=list)
    short_per_long: float = 0.0
    sums: list[float] = field(default_factory=list)

    def run(self, habit: Habit, whole: float, short_began: float, draw: Random) -> None:
        """Use it, so much of an ordinary window: nothing of what is full, and nothing between two windows.

        The running windows, the five-hour one since `short_began`, end where their meters stand.
        """
        usual, hours = self.hours.usual, self.hours
        # what the present five hours show was used in them
        work = [
            (at, max(weight, usual) if at + HOUR > short_began else weight)
            for at, weight in ((hours.first + hour * HOUR, each) for hour, each in enumerate(hours.weights))
        ]
        used = list[float]()
        span: Span | None = None
        five: Span | None = None
        left = five_left = rate = 0.0
        for at, weight in work:
            held = _in(self.longs, at)
            if held is not None and held is not span:
                of_this = whole * draw.lognormvariate(0, habit.spread)
                rate, left = of_this / usual * HOUR / self.long.seconds, FULL
                if held.goal is not None:
                    done = sum(each for since, each in work if held.begin <= since <= held.end - HOUR)
                    rate = held.goal / (done or 1.0)
            span = held
            now = 0.0 if span is None or at > span.end - HOUR else min(left, weight * rate)
            if self.short is not None and at + HOUR <= short_began:
                if five is None or at >= five.end:
                    five, five_left = None, FULL
                    if span is not None and now > 0 and at + FIVE_HOURS <= short_began:
                        ends = min(at + FIVE_HOURS, span.end) if span.is_cut else at + FIVE_HOURS
                        five = Span(at, ends, FIVE_HOURS)
                        self.shorts.append(five)
                now = 0.0 if five is None else min(now, five_left / habit.short)
                five_left -= now * habit.short
            left -= now
            used.append(now)
        if self.short is not None:
            self.shorts.append(Span(short_began, short_began + FIVE_HOURS, FIVE_HOURS))
        self.short_per_long = habit.short
        self.sums = _met(self.long, self.longs[-1], hours, [0.0, *accumulate(used)])

    def _since(self, span: Span, at: float) -> float:
        return self.hours.until(self.sums, at) - self.hours.until(self.sums, span.begin)

    def windows(self, at: float) -> Iterator[Window]:
        """Its windows as they were read; the reset of an unused one slides along."""
        if self.short is not None:
            span = _in(self.shorts, at)
            resets_at = at + FIVE_HOURS if span is None else span.resets_at
            yield Window(self.bucket, FIVE_HOURS, self._short_used(span, at), round(resets_at))
        span = _in(self.longs, at)
        used = 0.0 if span is None else min(FULL, self._since(span, at))
        resets_at = at + self.long.seconds if span is None else span.resets_at
        yield Window(self.bucket, self.long.seconds, int(used + _ROUNDING), round(resets_at))

    def _short_used(self, span: Span | None, at: float) -> int:
        if span is None or self.short is None:
            return 0
        used = self._since(span, at) * self.short_per_long
        if span is self.shorts[-1]:
            whole = self._since(span, self.end)
            way = self._since(span, at) / whole if whole > 0 else (at - span.begin) / (self.end - span.begin)
            used = goal_of(self.short) * way
        return int(min(FULL, used) + _ROUNDING)


def _in(spans: Sequence[Span], at: float) -> Span | None:
    found = bisect_right(spans, at, key=lambda span: span.begin) - 1
    return spans[found] if found >= 0 and at < spans[found].end else None


def _met(long: Meter, running: Span, hours: Hours, sums: list[float]) -> list[float]:
    """The use of the running long window stretched so that it ends where the account stands."""
    since = hours.until(sums, running.begin)
    if long.used >= FULL or sums[-1] <= since:
        return sums
    stretch = long.used / (sums[-1] - since)
    return [total if total <= since else since + (total - since) * stretch for total in sums]


class Purse:
    """The balance of an account's credits: what its hours cost, and what was put in."""

    def __init__(self, balance: str | None, habit: Habit, hours: Hours, end: float) -> None:
        self._balance, self._habit, self._hours, self._end = balance, habit, hours, end
        #: instants and credits, the newest first
        self.top_ups = list[tuple[float, int]]()
        busy = [weight for weight in hours.weights if weight] or [1.0]
        usual = sum(busy) / len(busy)
        hourly = [habit.hourly * min(2.0, weight / usual) for weight in hours.weights]
        if not habit.unused_days:
            hourly[-2:] = [habit.hourly] * 2
        self._sums = [0.0, *accumulate(hourly)]
        if not habit.most_credits:
            return
        if habit.lately is not None:
            self.top_ups.append((end - habit.lately[0], habit.lately[1]))
        for hour in range(len(hours.weights) - 12, 0, -1):
            at = hours.first + hour * HOUR
            if hours.weights[hour] and self._at(at) > habit.most_credits:
                self.top_ups.append((at, habit.most_credits * 2 // 3))

    def _at(self, at: float) -> float:
        came = sum(amount for topped_at, amount in self.top_ups if topped_at > at)
        # nothing is spent in the minute of a top-up, so that the balance rises by just its amount
        for topped_at, _ in self.top_ups:
            if abs(at - topped_at) <= TOP_UP_SECONDS:
                at = topped_at - TOP_UP_SECONDS
        spent = self._sums[-1] - self._hours.until(self._sums, at)
        return float(self._balance or 0) + spent - came

    def spent(self, since: float, until: float) -> float:
        """Credits that went between two instants."""
        came = sum(amount for topped_at, amount in self.top_ups if since < topped_at <= until)
        return max(0.0, self._at(since) - self._at(until) + came)

    def text(self, at: float) -> str | None:
        """The balance as it was served."""
        if not self._habit.hourly or at == self._end:
            return self._balance
        return f"{self._at(at):.4f}"
