"""A pool of accounts over a month, and a ledger of what truly happened to them.

Windows are objects here that know when they began and when they are over; the ledger is written from them,
and never from what readings look like. `poolwatch` sees the readings alone: whole percents, resets that
tremble, two windows that answer in turn, times without readings.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

HOUR = 3600.0
DAY = 24 * HOUR
FIVE_HOURS = 5 * HOUR
WEEK = 7 * DAY
#: An account is asked about this often (seconds), all accounts spread over that time.
POLL = 1.75 * HOUR


@dataclass
class Life:
    """One window of one account from its beginning to its end; instants in seconds of the simulation."""

    kind: str
    length: float
    began: float
    used: float = 0.0
    #: when it was over, and why
    over: float | None = None
    cause: str = "reset"
    #: what readings showed of it: when, and the whole percent
    shown: list[tuple[float, int]] = field(default_factory=list)

    @property
    def resets(self) -> float:
        return self.began + self.length


@dataclass
class Reading:
    """What a reading says of one account."""

    at: float
    #: window's kind to the percent shown and the reset, None where it is not told
    windows: dict[str, tuple[int, float | None]]
    allowed: bool
    plan: str
    balance: Decimal | None
    banked: int


class Account:
    """One account: how it is used, and what is done to it."""

    def __init__(self, number: int, draw: random.Random) -> None:
        self.number = number
        self._draw = draw
        self.plan = "plus"
        self.banked = 2 if number % 5 == 0 else 0
        self.balance = Decimal("400") if number % 4 == 0 else None
        #: percent of the weekly window used in a busy hour
        self._pace = draw.choice((0.2, 0.8, 2.0, 4.0))
        self._busy = draw.randint(7, 11), draw.randint(16, 21)
        #: half of the weekly windows begin at once when the last one is over, half with their first use
        self._chains = number % 2 == 0
        self.weekly = Life("weekly", WEEK, -draw.uniform(0.2, 6.8) * DAY, used=draw.uniform(0, 30))
        self.short: Life | None = None
        self.lives = [self.weekly]
        self._idle_weekly = False
        self.now = 0.0

    # -- what happens

    def live_until(self, at: float) -> None:
        """Use it until then, in steps that end where a window does."""
        while self.now < at:
            ends = [
                life.resets for life in (self.weekly, self.short) if life is not None and life.over is None
            ]
            step = min(at, self.now + 0.5 * HOUR, *(end for end in ends if end > self.now), at)
            self._use(step - self.now)
            self.now = step
            self._end_what_is_due()

    def _use(self, seconds: float) -> None:
        hour, weekday = self.now % DAY / HOUR, int(self.now // DAY) % 7
        first, last = self._busy
        busy = first <= hour < last and weekday < 5
        rate = self._pace * (1.0 if busy else 0.03) * self._draw.choice((0, 0, 0.6, 1.2, 2.5))
        amount = rate * seconds / HOUR
        if amount <= 0:
            return
        short = self.short.used if self.short is not None else 0.0
        if self._weekly_used() >= 100 or short >= 100:
            if self.balance is not None and self.balance > 0:
                cost = Decimal(f"{amount:.4f}") * Decimal("2.5")
                self.balance = max(Decimal(0), self.balance - cost)
            return
        if self.short is None:
            self.short = self._begin(Life("5h", FIVE_HOURS, self.now))
        if self._idle_weekly:
            self.weekly, self._idle_weekly = self._begin(Life("weekly", WEEK, self.now)), False
        self.weekly.used = min(100.0, self.weekly.used + amount)
        self.short.used = min(100.0, self.short.used + amount * 5)

    def _weekly_used(self) -> float:
        return 0.0 if self._idle_weekly else self.weekly.used

    def _begin(self, life: Life) -> Life:
        self.lives.append(life)
        return life

    def _end_what_is_due(self) -> None:
        if self.short is not None and self.now >= self.short.resets:
            self.short.over, self.short = self.short.resets, None
        if not self._idle_weekly and self.now >= self.weekly.resets:
            self.weekly.over = self.weekly.resets
            self._renew_weekly()

    def _renew_weekly(self) -> None:
        if self._chains:
            self.weekly = self._begin(Life("weekly", WEEK, self.now))
        else:
            self._idle_weekly = True

    def may_be_reset(self) -> bool:
        """At night, when little is used: where more is used after than before, no reading shows a reset."""
        is_night = 1 <= self.now % DAY / HOUR < 6
        return is_night and self._weekly_used() >= 8 and self.now - self.weekly.began > DAY / 4

    def reset_early(self, cause: str) -> None:
        """The weekly window begins anew before its time, and the short one where much of it is used."""
        if self.short is not None and self.short.used >= 8:
            self.short.over, self.short.cause, self.short = self.now, cause, None
        self.weekly.over, self.weekly.cause = self.now, cause
        self._renew_weekly()
        if cause == "banked_reset":
            self.banked -= 1

    def may_change_plan(self) -> bool:
        """While the weekly window alone is under way."""
        return self._weekly_used() >= 8 and self.short is None

    def change_plan(self, plan: str, scale: float) -> None:
        """Another plan: what is used is another share of it, under the same reset."""
        self.plan = plan
        self.weekly.over, self.weekly.cause = self.now, "plan_change"
        self.weekly = self._begin(Life("weekly", WEEK, self.weekly.began, used=self.weekly.used * scale))

    def is_full(self) -> bool:
        """Whether a window of it shows as used up."""
        short = self.short.used if self.short is not None else 0.0
        return max(self._weekly_used(), short) >= 100

    def lets_work_through(self) -> bool:
        """Whether it can be used: a window that is used up may be paid for."""
        return not self.is_full() or (self.balance is not None and self.balance > 0)

    def other_window(self) -> Reading | None:
        """A reading of another weekly window: it resets earlier, and more of it is used."""
        resets = self.weekly.resets - 30 * HOUR
        if self._weekly_used() < 1 or resets <= self.now + HOUR:
            return None
        windows: dict[str, tuple[int, float | None]] = {"weekly": (88, resets)}
        return Reading(self.now, windows, self.lets_work_through(), self.plan, self.balance, self.banked)

    # -- what is seen of it

    def read(self) -> Reading:
        """What a reading shows now."""
        windows: dict[str, tuple[int, float | None]] = {}
        for kind, length, life in (
            ("weekly", WEEK, None if self._idle_weekly else self.weekly),
            ("5h", FIVE_HOURS, self.short),
        ):
            if life is None:
                # nothing used: the reset slides along with the clock
                windows[kind] = 0, self.now + length
                continue
            percent = int(life.used)
            life.shown.append((self.now, percent))
            windows[kind] = percent, life.resets + self._draw.uniform(-40, 40)
        return Reading(self.now, windows, self.lets_work_through(), self.plan, self.balance, self.banked)


@dataclass
class TrueCycle:
    """What is to be found of one window's life."""

    kind: str
    began: float
    ended: float | None
    cause: str | None
    peak: int
    last: int
    #: percent points used in it as readings show them: when, and how much
    gains: list[tuple[float, int]]
    full_seconds: float


def true_cycles(account: Account, polls: list[float], kind: str) -> list[TrueCycle]:
    """The lives of one kind of window as readings at these moments can show them.

    What began and ended between two readings, or of which nothing was ever shown as used, is not to be found.
    """
    found: list[TrueCycle] = []
    former: TrueCycle | None = None
    lives = [life for life in account.lives if life.kind == kind]
    used_at = {at for life in lives for at, percent in life.shown if percent > 0}
    for place, life in enumerate(lives):
        shown = [each for each in life.shown if each[1] > 0]
        if former is not None and former.ended is None:
            break  # that it is over is not confirmed yet
        if not shown:
            continue
        ended, cause = _end(life, polls)
        began = life.began if former is None else max(life.began, former.ended or 0)
        follows = former is not None and life.began - (former.ended or 0) < life.length * 0.98
        # the reading before the first that shows something used
        before = bisect_left(polls, shown[0][0]) - 1
        was_unused = (
            before >= 0 and polls[before] not in used_at and shown[0][0] - polls[before] <= life.length
        )
        is_scaled = place > 0 and lives[place - 1].cause == "plan_change"
        gains = [
            (later[0], later[1] - earlier[1]) for earlier, later in pairwise(shown) if later[1] > earlier[1]
        ]
        if (follows or was_unused) and not is_scaled:
            gains = [shown[0], *gains]
        full = [at for at, percent in shown if percent >= 100]
        until = ended if ended is not None else life.shown[-1][0]
        former = TrueCycle(
            kind=kind,
            began=began,
            ended=ended,
            cause=cause,
            peak=max(percent for _, percent in shown),
            last=shown[-1][1],
            gains=gains,
            full_seconds=until - full[0] if full else 0.0,
        )
        found.append(former)
    return found


def _end(life: Life, polls: list[float]) -> tuple[float | None, str | None]:
    """When and by what a life is found to have ended: by a second reading after it."""
    if life.over is None:
        return None, None
    # what is done to an account is done after a reading of that moment
    find = bisect_left if life.cause == "reset" else bisect_right
    after = polls[find(polls, life.over) :]
    if len(after) < 2:
        return None, None
    # before its time: dated by the reading that shows it, unless the planned reset came in between
    if life.cause != "reset" and after[0] < life.resets - 300:
        return after[0], life.cause
    return min(life.resets, after[0]), "reset"


class Month:
    """Sixty accounts over thirty days. `readings()` goes on in time and yields each reading as it comes."""

    def __init__(self, seed: int, accounts: int = 60, days: int = 30) -> None:
        self._draw = random.Random(seed)
        self.accounts = [Account(number, random.Random(seed * 1000 + number)) for number in range(accounts)]
        self.end = days * DAY
        #: when each account was read, of the window that is truly there
        self.polls: dict[int, list[float]] = {each.number: [] for each in self.accounts}
        #: all readings of an account
        self.seen: dict[int, list[Reading]] = {each.number: [] for each in self.accounts}
        self.upstream_at = 16 * DAY + 3 * HOUR
        self._deeds = self._planned_deeds()

    def _planned_deeds(self) -> list[tuple[float, int, str]]:
        """What is done to accounts: when at the earliest, to which, and what; in order."""
        numbers = [account.number for account in self.accounts]
        deeds = [(self.upstream_at, number, "early_reset") for number in numbers if number % 3]
        deeds += [(self._draw.uniform(4, 26) * DAY, number, "banked_reset") for number in numbers[::5]]
        deeds += [(self._draw.uniform(2, 28) * DAY, number, "top_up") for number in numbers[::4]]
        deeds += [(self._draw.uniform(8, 12) * DAY, number, "plan_change") for number in numbers[5::17]]
        return sorted(deeds)

    def is_away(self, number: int, at: float) -> bool:
        """Whether nobody reads it then."""
        if 9.9 * DAY <= at < 10.3 * DAY:
            return True
        if number == 13:
            return 11 * DAY <= at < 14.5 * DAY
        return number == 29 and 5 * DAY <= at < 20 * DAY

    def readings(self) -> Iterator[tuple[int, Reading]]:
        """Each reading as it comes."""
        due = sorted((self._draw.uniform(0, POLL), account.number) for account in self.accounts)
        turns: Counter[int] = Counter()
        while due[0][0] < self.end:
            at, number = due.pop(0)
            account = self.accounts[number]
            self._do_until(account, at)
            account.live_until(at)
            # some are read often for a while
            often = number % 20 == 3 and 3 * DAY <= at < 4 * DAY
            insort(due, (at + POLL * self._draw.uniform(0.9, 1.1) * (0.1 if often else 1.0), number))
            if self.is_away(number, at):
                continue
            reading = None
            if number in (7, 33) and 20 * DAY <= at < 21 * DAY:
                turns[number] += 1
                reading = account.other_window() if turns[number] % 2 == 0 else None
            if reading is None:
                reading = account.read()
                self.polls[number].append(at)
            self.seen[number].append(reading)
            yield number, reading

    def _do_until(self, account: Account, at: float) -> None:
        for deed in [each for each in self._deeds if each[1] == account.number and each[0] <= at]:
            earliest, _, what = deed
            account.live_until(max(earliest, account.now))
            if self._does(account, what) or what == "early_reset":
                self._deeds.remove(deed)

    def _does(self, account: Account, what: str) -> bool:
        """Do it, if this is a moment for it."""
        if what in ("early_reset", "banked_reset") and account.may_be_reset():
            account.reset_early(what)
            return True
        if what == "top_up" and account.balance is not None:
            account.balance += 250
            return True
        if what == "plan_change" and account.may_change_plan():
            account.change_plan("pro", 0.4)
            return True
        return False
