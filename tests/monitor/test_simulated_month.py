"""Thirty days of sixty accounts: every past window, event and burn is what truly happened."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from poolwatch.domain.account import AccountKey
from poolwatch.domain.burn import Burn
from poolwatch.domain.cycles import Cycle
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.series import history_rows
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.usage import Credits, RateLimit, ResetCredits, UsageSnapshot, UsageWindow
from poolwatch.domain.values import replace
from poolwatch.monitor.burn_book import BurnBook
from poolwatch.monitor.recorder import Recorder
from tests.monitor.scripted import ScriptedStore
from tests.support.simulated_month import (
    DAY,
    HOUR,
    POLL,
    Account,
    Month,
    Reading,
    TrueCycle,
    true_cycles,
)

#: Named before it was run.
SEED: Final = 20261117
#: New York's clocks are set back on the first of November.
START: Final = datetime(2026, 10, 20, 4, 0, tzinfo=UTC)
ZONE: Final = ZoneInfo("America/New_York")
#: Resets tremble.
TREMBLE: Final = 170.0
LENGTHS: Final = {"weekly": 604_800, "5h": 18_000}


def instant(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def seconds(at: datetime) -> float:
    return (at - START).total_seconds()


def key_of(number: int) -> AccountKey:
    return AccountKey("codex", f"user-{number}", f"account-{number}")


def snapshot(reading: Reading) -> UsageSnapshot:
    windows = [
        UsageWindow(percent, LENGTHS[kind], None if resets is None else instant(resets))
        for kind, (percent, resets) in reading.windows.items()
    ]
    balance = reading.balance
    return UsageSnapshot(
        plan=reading.plan,
        base=RateLimit(reading.allowed, None, tuple(windows)),
        credits=Credits(balance is not None, False, None, balance),
        reset_credits=ResetCredits(reading.banked, reading.banked),
    )


class Watched:
    """The month as poolwatch saw it."""

    def __init__(self) -> None:
        self.month = Month(SEED)
        self.store = ScriptedStore()
        self.recorder = Recorder(self.store, ZONE, timedelta(seconds=POLL))
        self.cycles: dict[tuple[str, str, datetime], Cycle] = {}
        self.events: list[LoggedEvent] = []
        self._truth: dict[tuple[int, str], list[TrueCycle]] = {}
        #: what the burn was at some moments
        self.burns: list[tuple[int, float, Burn[float], Burn[Decimal]]] = []

    async def watch(self) -> None:
        accounts = {
            key_of(account.number): AccountState(key_of(account.number)) for account in self.month.accounts
        }
        for key in accounts:
            await self.recorder.burn.load(self.store, key.id, None, START)
        for count, (number, reading) in enumerate(self.month.readings()):
            key, at = key_of(number), instant(reading.at)
            before = accounts[key]
            usage = before.usage.merged(snapshot(reading), at, "homes")
            after = replace(before, usage=usage, read_at=at, tried_at=at)
            accounts[key] = after
            self.store.rows += history_rows(before.usage, usage, key.id, at)
            self.recorder.on_reading(before, after)
            if count % 97 == 0:
                await self._take(accounts, at)
                burn = self.recorder.burn.of(key.id, at)
                self.burns.append((number, reading.at, burn.weekly, burn.credits))
        await self._take(accounts, instant(self.month.end), last=True)

    async def _take(
        self, accounts: Mapping[AccountKey, AccountState], at: datetime, *, last: bool = False
    ) -> None:
        taken = await self.recorder.take(PoolState(accounts=dict(accounts)), at, last=last)
        for cycle in taken.cycles:
            self.cycles[cycle.account_id, cycle.window, cycle.started_at] = cycle
        self.events += taken.events

    def truth(self, number: int, kind: str, until: float | None = None) -> list[TrueCycle]:
        polls = self.month.polls[number]
        return true_cycles(
            self.month.accounts[number], polls if until is None else [at for at in polls if at <= until], kind
        )


_WATCHED: list[Watched] = []


@pytest.fixture
async def watched() -> Watched:
    """Watched once for all tests of this file."""
    if not _WATCHED:
        one = Watched()
        await one.watch()
        _WATCHED.append(one)
    return _WATCHED[0]


async def test_every_past_window_is_what_it_truly_was(watched: Watched) -> None:
    ends: Counter[str | None] = Counter()
    for account in watched.month.accounts:
        for kind in LENGTHS:
            found = sorted(
                (
                    cycle
                    for (account_id, window, _), cycle in watched.cycles.items()
                    if (account_id, window) == (key_of(account.number).id, kind)
                ),
                key=lambda cycle: cycle.started_at,
            )
            truth = watched.truth(account.number, kind)
            assert len(found) == len(truth), (account.number, kind)
            for cycle, true in zip(found, truth, strict=True):
                where = (account.number, kind, true)
                assert seconds(cycle.started_at) == pytest.approx(true.began, abs=TREMBLE), where
                assert (cycle.peak_percent, cycle.last_percent) == (true.peak, true.last), where
                ended = None if cycle.ended_at is None else seconds(cycle.ended_at)
                assert ended == (None if true.ended is None else pytest.approx(true.ended, abs=TREMBLE)), (
                    where
                )
                assert cycle.ended_by == true.cause, where
                by_hour: Counter[int] = Counter()
                for at, percent in true.gains:
                    by_hour[int(instant(at).timestamp() // 3600)] += percent
                assert {rise.hour: rise.percent for rise in cycle.rises} == by_hour, where
                if true.ended is not None:
                    assert cycle.full_seconds == pytest.approx(true.full_seconds, abs=TREMBLE), where
                ends[cycle.ended_by] += 1
    # the month has all of it
    assert ends["reset"] > 2000
    assert min(ends[cause] for cause in ("early_reset", "banked_reset", "plan_change")) >= 2


def true_events(watched: Watched) -> list[tuple[str, int | None, float]]:
    """What happened: kind, account, when."""
    found: list[tuple[str, int | None, float]] = []
    early: list[tuple[float, int]] = []
    for account in watched.month.accounts:
        number = account.number
        for cycle in watched.truth(number, "weekly"):
            if cycle.cause == "early_reset" and cycle.ended is not None:
                early.append((cycle.ended, number))
            elif cycle.cause in ("reset", "banked_reset") and cycle.ended is not None:
                found.append((cycle.cause, number, cycle.ended))
        for before, after in pairwise(watched.month.seen[number]):
            if before.allowed and not after.allowed:
                found.append(("exhausted", number, after.at))
            if after.allowed and not before.allowed:
                found.append(("back", number, after.at))
            if after.plan != before.plan:
                found.append(("plan_changed", number, after.at))
            if after.balance is not None and before.balance is not None and after.balance > before.balance:
                found.append(("credits_came", number, after.at))
    early.sort()
    at_once = [at for at, _ in early if at - early[0][0] < 2 * POLL]
    found.append(("upstream_reset", None, at_once[0]))
    found += [("early_reset", number, at) for at, number in early[len(at_once) :]]
    return found


async def test_every_event_truly_happened_and_none_is_missing(watched: Watched) -> None:
    numbers = {key_of(account.number).id: account.number for account in watched.month.accounts}
    found: dict[tuple[str, int | None], list[float]] = defaultdict(list)
    for event in watched.events:
        number = None if event.account_id is None else numbers[event.account_id]
        found[event.kind, number].append(seconds(event.at))
    truth: dict[tuple[str, int | None], list[float]] = defaultdict(list)
    for kind, number, at in true_events(watched):
        truth[kind, number].append(at)
    assert found.keys() == truth.keys()
    for place, instants in truth.items():
        assert sorted(found[place]) == pytest.approx(sorted(instants), abs=TREMBLE), place
    assert len({event.id for event in watched.events}) == len(watched.events)
    kinds = Counter(event.kind for event in watched.events)
    assert min(kinds[kind] for kind in (EventKind.EXHAUSTED, EventKind.BACK, EventKind.CREDITS_CAME)) >= 10
    [upstream] = [event for event in watched.events if event.kind is EventKind.UPSTREAM_RESET]
    lives = [
        life for account in watched.month.accounts for life in account.lives if life.cause == "early_reset"
    ]
    assert 20 <= (upstream.accounts or 0) <= len(lives)
    assert upstream.of_accounts == 60


def counted(uses: list[tuple[float, float, Decimal]], start: float, end: float) -> Decimal:
    """What was used from `start` on: of each, since when, when it was seen, and how much."""
    length = end - start
    return sum(
        (much for since, at, much in uses if start < at <= end and (since >= start or at - since <= length)),
        Decimal(0),
    )


def uses_of(watched: Watched, number: int, until: float) -> tuple[list[tuple[float, float, Decimal]], ...]:
    """What was truly used of the week, and of credits, as readings until then can show it."""
    instants = [reading.at for reading in watched.month.seen[number]]
    former = dict(zip(instants[1:], instants, strict=False))
    weekly = [
        (former[at], at, Decimal(percent))
        for cycle in watched.truth(number, "weekly")
        for at, percent in cycle.gains
        if at <= until
    ]
    credits = [
        (before.at, after.at, before.balance - after.balance)
        for before, after in pairwise(watched.month.seen[number])
        if before.balance is not None and after.balance is not None and after.balance < before.balance
        if after.at <= until
    ]
    return weekly, credits


def is_unsettled(watched: Watched, account: Account, at: float) -> bool:
    """Whether the newest reading is the first one of a window: nothing of it counts yet."""
    shown = [when for life in account.lives if life.kind == "weekly" for when, _ in life.shown[:1]]
    return at in shown or at not in watched.month.polls[account.number]


async def test_every_burn_is_what_was_truly_used(watched: Watched) -> None:
    compared = above_zero = 0
    for number, at, weekly, credits in watched.burns:
        account = watched.month.accounts[number]
        instants = [reading.at for reading in watched.month.seen[number] if reading.at <= at]
        if len(instants) < 3 or is_unsettled(watched, account, at):
            continue
        local = instant(at).astimezone(ZONE)
        today = seconds(datetime(local.year, local.month, local.day, tzinfo=ZONE).astimezone(UTC))
        used, paid = uses_of(watched, number, at)
        starts = {"last_hour": at - HOUR, "last_24h": at - DAY, "today": today}
        for name, start in starts.items():
            true = counted(used, start, at)
            assert getattr(weekly, name) == float(true), (number, at, name)
            if account.balance is not None:
                assert getattr(credits, name) == counted(paid, start, at), (number, at, name)
            compared += 1
            above_zero += true > 0
        assert weekly.since_start == float(sum(much for _, _, much in used))
    assert compared > 500
    assert above_zero > 200


async def test_what_is_usual_is_the_median_of_whole_days(watched: Watched) -> None:
    now = instant(watched.month.end)
    days = [datetime(2026, 11, day, tzinfo=ZONE).astimezone(UTC) for day in range(4, 19)]
    spans = [(seconds(start), seconds(end)) for start, end in pairwise(days)]
    book = BurnBook(ZONE)
    for number in range(0, 60, 4):
        instants = [reading.at for reading in watched.month.seen[number]]
        await book.load(watched.store, key_of(number).id, instant(instants[-1]), now)
        burn = book.of(key_of(number).id, now)
        used, paid = uses_of(watched, number, instants[-1])
        assert burn.weekly.usual_per_day == float(median(counted(used, *span) for span in spans))
        assert burn.credits.usual_per_day == median(counted(paid, *span) for span in spans)
