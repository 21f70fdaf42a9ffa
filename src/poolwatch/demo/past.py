"""What a monitor would have read in the sixty days before the simulation starts, for `poolwatch data import`.

That past was lived at ordinary speed. It ends with the very figures that the accounts have at the start, so
that the running windows go on without a jump. The same pool, start and time zone give the same past.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from random import Random
from typing import Final, NamedTuple

import msgspec

from poolwatch.demo.account import DAY, HOUR, WEEK, Account, JsonObject, Meter, rfc3339
from poolwatch.demo.courses import (
    FULL,
    TOP_UP_SECONDS,
    Course,
    Hours,
    Purse,
    Span,
    Window,
    by_length,
    goal_of,
)
from poolwatch.demo.habits import DAYS, HABITS, LAPSED_HOURS, Cut
from poolwatch.demo.usage import Motion, level

#: How often figures were read, from how long before the end on, in seconds.
_POLLS: Final = ((DAYS * DAY, 4 * HOUR), (14 * DAY, 5_400), (30 * HOUR, 900), (2 * HOUR, 300))
#: A reset is read so long after it, and once more.
_RESET_READ: Final = (30, 330)


def past_lines(pool: Sequence[Account], start: float, speed: float, zone: tzinfo | None = None) -> bytes:
    """The past of the pool's accounts that have one, a line for each reading, in order of time.

    `start` is the epoch second at which the simulation starts; `zone` None is this machine's.
    """
    lives = [_Life(account, start, speed, zone) for account in pool if account.label in HABITS]
    longest = max((start - began for life in lives if (began := life.weekly_began) is not None), default=0.0)
    # each account has two whole windows between the day on which the upstream reset all and its running one
    reset_at = start - longest - 2 * WEEK - HOUR
    readings = [reading for life in lives for reading in life.readings(reset_at)]
    readings.sort(key=lambda reading: reading[0])
    return msgspec.json.Encoder().encode_lines([line for _, line in readings])


def lived_days(
    account: Account, start: float, speed: float, zone: tzinfo | None = None
) -> dict[date, tuple[float, float | None]]:
    """How much was done on each day of an account's past, UTC, and how many credits went.

    None of accounts that live without credits; nothing of accounts without a past.
    """
    if account.label not in HABITS:
        return {}
    return _Life(account, start, speed, zone).days()


class _Seen(NamedTuple):
    """What one reading found."""

    plan: str
    windows: tuple[Window, ...]
    balance: str | None
    spend: Window | None

    @property
    def figures(self) -> tuple[object, ...]:
        """What makes a reading differ from another; the resets of unused windows slide along."""
        spent = None if self.spend is None else self.spend.used
        return (self.plan, self.balance, spent, *(window.used for window in self.windows))


class _Life:
    """The past of one account."""

    def __init__(self, account: Account, start: float, speed: float, zone: tzinfo | None) -> None:
        self._account, self._habit = account, HABITS[account.label]
        self._end = start - (LAPSED_HOURS * HOUR if account.state == "lapsed" else 0)
        self._first = self._end - DAYS * DAY
        self._draw = Random(f"poolwatch-demo-past/{account.seed}/{account.label}")
        self._still = Motion(start, start, speed)
        self._hours = Hours(self._first, self._weights(zone))

    def _began(self, meter: Meter) -> float:
        """When a running window began, as its reset tells."""
        return level(meter, self._still).resets_at - meter.seconds

    @property
    def weekly_began(self) -> float | None:
        """The same of the base weekly window."""
        weekly = by_length(self._account.windows or ())[1]
        return None if weekly is None else self._began(weekly)

    def readings(self, reset_at: float) -> list[tuple[float, JsonObject]]:
        """The lines with their instants; about `reset_at` the upstream reset all weekly windows early."""
        account, courses, whole = self._account, list[Course](), self._habit.whole
        instants = {self._end, *self._polls()}
        cut_at: float | None = None
        short, weekly = by_length(account.windows or ())
        if weekly is not None:
            seen_at = reset_at + self._draw.uniform(0, 240)
            spans, cut_at = self._weekly_spans(weekly, seen_at)
            courses.append(self._course("codex", short, weekly, spans, whole))
            instants |= {at + late for at in (seen_at, cut_at) if at is not None for late in _RESET_READ}
        beside = [(bucket.metered_feature, bucket.windows or ()) for bucket in account.buckets]
        if account.review is not None:
            beside.append(("code_review", (account.review, None)))
        for bucket, windows in beside:
            short, long = by_length(windows)
            if long is not None:
                courses.append(self._course(bucket, short, long, self._spans(long), long.pace))
        spend = None
        if account.spend:
            spent = account.spend[0].meter
            spend = self._course("spend", None, spent, self._spans(spent), whole)
        purse = Purse(account.credits.balance, self._habit, self._hours, self._end)
        instants |= {at + by for at, _ in purse.top_ups for by in (-TOP_UP_SECONDS, TOP_UP_SECONDS)}
        told = list[tuple[float, JsonObject]]()
        before: tuple[object, ...] = ()
        for at in sorted(at for at in instants if self._first <= at <= self._end):
            was_cut = cut_at is None or at >= cut_at
            seen = _Seen(
                account.plan if was_cut else self._habit.plan_before or account.plan,
                tuple(window for each in courses for window in each.windows(at)),
                purse.text(at),
                None if spend is None else next(spend.windows(at)),
            )
            if at == self._end or seen.figures != before:
                told.append((at, _line(account, at, seen)))
            before = seen.figures
        return told

    def days(self) -> dict[date, tuple[float, float | None]]:
        """What was done day by day in UTC: in hours of ordinary work, and in credits."""
        purse = Purse(self._account.credits.balance, self._habit, self._hours, self._end)
        first, weights = self._hours
        usual = self._hours.usual
        found = dict[date, tuple[float, float | None]]()
        begin = first - first % DAY
        while begin < self._end:
            since, until = max(first, begin), min(self._end, begin + DAY)
            hours = weights[int((since - first) / HOUR) : int((until - first) / HOUR)]
            credits = purse.spent(since, until) if self._habit.hourly else None
            found[datetime.fromtimestamp(begin, UTC).date()] = sum(hours) / usual, credits
            begin += DAY
        return found

    def _polls(self) -> Iterator[float]:
        """When figures were read: seldom long ago, often lately."""
        ends = [since for since, _ in _POLLS[1:]]
        for (since, step), until in zip(_POLLS, [*ends, 0], strict=True):
            at = self._end - since + self._draw.random() * step
            while at < self._end - until:
                yield at
                # otherwise every day would be read at the same hours
                at += step * self._draw.uniform(0.8, 1.2)

    def _weights(self, zone: tzinfo | None) -> list[float]:
        """How much was done in each hour: what the rhythm says, more on some days, and in bursts."""
        rhythm, draw, count = self._habit.rhythm, self._draw, DAYS * 24
        weights = list[float]()
        of_day, day = 1.0, -1
        for hour in range(count):
            at = datetime.fromtimestamp(self._first + hour * HOUR, zone)
            if at.day != day:
                of_day, day = draw.lognormvariate(-0.02, 0.2), at.day
            # whoever opens the demo on a Sunday has worked on it
            weekday = at.weekday() if hour < count - 30 else 0
            weights.append(rhythm.weight(weekday, at.hour) * of_day * draw.choice((0.0, 0.6, 1.2, 1.8)))
        idle = self._habit.unused_days * 24
        return weights[: count - idle] + [0.0] * idle

    def _spans(self, long: Meter) -> list[Span]:
        """The windows of a limit that nobody reset, old to new: each begins where the former one ends."""
        began, seconds = self._began(long), long.seconds
        spans = [Span(began, began + seconds, seconds, goal_of(long))]
        while spans[-1].begin > self._first:
            spans.append(Span(spans[-1].begin - seconds, spans[-1].begin, seconds))
        return spans[::-1]

    def _weekly_spans(self, weekly: Meter, reset_at: float) -> tuple[list[Span], float | None]:
        """The base weekly windows, old to new, one of which ends at `reset_at`; and when the habit cut one.

        A window begins at its first use, so that there is a gap before it.
        """
        habit, draw = self._habit, self._draw
        began = self._began(weekly)
        spans = [Span(began, began + WEEK, WEEK, goal_of(weekly))]
        # a banked reset is used when there is nothing left
        goal = FULL if habit.cut is Cut.BANKED_RESET else None
        cut_at: float | None = None

        def before(gap: float, length: float = WEEK, goal: float | None = None) -> float:
            end = spans[-1].begin - gap
            spans.append(Span(end - length, end, WEEK, goal))
            return end

        whole, slack = divmod(began - reset_at, WEEK)
        gaps = [draw.uniform(0.2, 1) for _ in range(int(whole) + 1)]
        is_cut = habit.cut is not None and slack > DAY
        room = HOUR * len(gaps) if is_cut else slack
        for gap in gaps[1:]:
            before(gap * room / sum(gaps))
        if is_cut:
            cut_at = before(0, slack - room, goal)
        before(spans[-1].begin - reset_at, draw.uniform(2.5, 6.2) * DAY)
        holiday = habit.holiday_days * DAY
        while spans[-1].begin > self._first:
            if habit.cut is not None and cut_at is None:
                cut_at = before(0, draw.uniform(3, 5) * DAY, goal)
            else:
                before(holiday or draw.uniform(0.3, 9) * HOUR)
                holiday = 0
        return spans[::-1], cut_at

    def _course(
        self, bucket: str, short: Meter | None, long: Meter, longs: Sequence[Span], whole: float
    ) -> Course:
        made = Course(bucket, self._hours, self._end, short, long, longs)
        made.run(self._habit, whole, self._end if short is None else self._began(short), self._draw)
        return made


def _line(account: Account, at: float, seen: _Seen) -> JsonObject:
    credits = account.credits
    return {
        "at": rfc3339(at),
        "account": {
            "provider": "codex",
            "user_id": account.user_id,
            "account_id": account.account_id,
            "email": account.email,
        },
        "plan": seen.plan,
        "windows": [
            {
                "bucket": window.bucket,
                "window_seconds": window.seconds,
                "used_percent": window.used,
                "resets_at": rfc3339(window.resets_at),
            }
            for window in seen.windows
        ],
        "credits": {
            "has_credits": credits.has_credits,
            "unlimited": credits.unlimited,
            "balance": seen.balance,
        },
        "spend": None if seen.spend is None else _spend(account, seen.spend),
    }


def _spend(account: Account, window: Window) -> JsonObject:
    limit = account.spend[0]
    used = Decimal(limit.limit) * window.used / 100
    return {
        "limits": [
            {
                "kind": limit.kind,
                "limit": limit.limit,
                "used": f"{used:.4f}",
                "used_percent": window.used,
                "resets_at": rfc3339(window.resets_at),
            }
        ]
    }
