"""Periods of budgets: each is ended once, by whichever process, whether poolwatch ran or not."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwatch.bootstrap.budget_ends import PATIENCE, end_periods
from poolwatch.domain.budget_calendar import period_of, periods_since
from poolwatch.domain.budget_judge import judged
from poolwatch.domain.budgets import (
    AtLimit,
    Budget,
    BudgetPeriod,
    BudgetReport,
    Each,
    EndedPeriod,
    Level,
    Limit,
    LimitUnit,
    Measured,
    MeasuredBy,
    grace_of,
)
from poolwatch.domain.event_log import EventKind
from poolwatch.domain.values import replace
from poolwatch.store.database import Database
from poolwatch.store.store import Store

_D = Decimal
_NOW = datetime(2026, 11, 20, 14, 3, tzinfo=UTC)
_DAY = timedelta(days=1)
_TEAM = Budget(
    "team",
    Limit(LimitUnit.USD, _D(10)),
    BudgetPeriod.DAILY,
    time_zone="UTC",
    at_limit=AtLimit.STOP,
    grace=grace_of("2h"),
)


def _midnight(day: int) -> datetime:
    return datetime(2026, 11, day, tzinfo=UTC)


class _Use:
    """What was spent at 10:00 of each day, and when that was read last."""

    def __init__(self, **spent: int) -> None:
        self.spent = {int(day.removeprefix("d")): _D(amount) for day, amount in spent.items()}
        self.read_at: datetime | None = datetime(2027, 1, 1, tzinfo=UTC)
        self.asked: list[datetime] = []

    async def measure(self, budget: Budget, at: datetime) -> BudgetReport | None:
        self.asked.append(at)
        spent = self.spent.get(at.day)
        steps = () if not spent else ((_midnight(at.day) + timedelta(hours=10), spent),)
        measured = Measured(MeasuredBy.USAGE, spent, read_at=self.read_at, steps=steps)
        period = period_of(budget, at)
        parts = [None] if budget.each is None else ["a", "b"]
        return BudgetReport(at, tuple(judged(budget, period, measured, at, part) for part in parts))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    kept = Store(tmp_path, _NOW)
    yield kept
    await kept.aclose()


async def _days(store: Store, whose: str | None = None) -> list[tuple[int, int]]:
    found = await store.ended_periods("team", whose, 50)
    return [(each.started_at.day, int(each.spent or 0)) for each in found]


async def test_a_budget_that_is_new_begins_with_the_period_that_runs(store: Store) -> None:
    use = _Use(d19=3, d20=4)
    for _ in range(2):
        await end_periods(store, [_TEAM], use.measure, _NOW)
        assert await store.running_budgets() == {"team": _midnight(20)}
    assert await _days(store) == []
    await end_periods(store, [_TEAM], use.measure, _NOW + _DAY)
    assert await _days(store) == [(20, 4)]
    assert use.asked == [_midnight(21) - timedelta(microseconds=1)]


async def test_periods_that_ended_while_nobody_looked_are_each_ended_once(store: Store) -> None:
    use = _Use(d20=4, d21=12, d22=0, d23=10)
    await end_periods(store, [_TEAM], use.measure, _NOW)
    for _ in range(3):
        await end_periods(store, [_TEAM], use.measure, _NOW + 4 * _DAY)
    assert await _days(store) == [(23, 10), (22, 0), (21, 12), (20, 4)]
    assert len(use.asked) == 4
    twelve = (await store.ended_periods("team", None, 50))[2]
    assert twelve == EndedPeriod(
        "team",
        _midnight(21),
        _midnight(22),
        _TEAM.limit,
        _D(12),
        level=Level.STOPPED,
        over_since=_midnight(21) + timedelta(hours=10),
        stopped_at=_midnight(21) + timedelta(hours=12),
    )
    # of those that had reached their limit it is told once that they began anew
    events = await store.events(_midnight(1))
    assert [(each.at, each.kind, each.now) for each in events] == [
        (_midnight(22), EventKind.BUDGET_RESET, "team"),
        (_midnight(24), EventKind.BUDGET_RESET, "team"),
    ]
    assert len(await store.ended_periods("team", None, 2)) == 2


@pytest.mark.parametrize("is_taken_up", [False, True])
async def test_a_budget_that_is_called_otherwise_keeps_how_it_went(store: Store, is_taken_up: bool) -> None:
    use = _Use(d20=4, d21=12)
    await end_periods(store, [_TEAM], use.measure, _NOW)
    await end_periods(store, [_TEAM], use.measure, _NOW + _DAY)
    staff = replace(_TEAM, name="staff")
    if is_taken_up:
        # a poolwatch that runs has read the file before
        await end_periods(store, [staff], use.measure, _NOW + _DAY)
    assert await store.rename_budget("team", "staff")
    assert await store.running_budgets() == {"staff": _midnight(21)}
    await end_periods(store, [staff], use.measure, _NOW + 2 * _DAY)
    assert await _days(store) == []
    kept = await store.ended_periods("staff", None, 50)
    assert [(each.started_at.day, int(each.spent or 0)) for each in kept] == [(21, 12), (20, 4)]


async def test_two_processes_end_a_period_once(tmp_path: Path) -> None:
    use = _Use(d20=12, d21=12)
    one, other = Store(tmp_path, _NOW), Store(tmp_path, _NOW)
    await end_periods(one, [_TEAM], use.measure, _NOW)
    later = _NOW + 2 * _DAY
    await asyncio.gather(*(end_periods(each, [_TEAM], use.measure, later) for each in (one, other)))
    assert await _days(one) == [(21, 12), (20, 12)]
    assert len(await other.events(_midnight(1))) == 2
    # one that was slow takes nothing back
    assert not await other.end_periods("team", _midnight(20), _midnight(21), [])
    assert await other.running_budgets() == {"team": _midnight(22)}
    for each in (one, other):
        await each.aclose()


async def test_an_end_waits_until_what_was_used_before_it_was_read(store: Store) -> None:
    use = _Use(d20=4)
    await end_periods(store, [_TEAM], use.measure, _NOW)
    use.read_at = _midnight(21) - timedelta(seconds=1)
    await end_periods(store, [_TEAM], use.measure, _midnight(21) + timedelta(hours=1))
    assert await _days(store) == []
    use.read_at = None
    await end_periods(store, [_TEAM], use.measure, _midnight(21) + PATIENCE - timedelta(seconds=1))
    assert await _days(store) == []
    await end_periods(store, [_TEAM], use.measure, _midnight(21) + PATIENCE)
    # the one after it has waited less
    assert await _days(store) == [(20, 4)]
    assert await store.running_budgets() == {"team": _midnight(21)}


async def test_parts_are_kept_each_for_itself(store: Store) -> None:
    use, each = _Use(d20=11), replace(_TEAM, each=Each.ACCOUNT)
    await end_periods(store, [each], use.measure, _NOW)
    await end_periods(store, [each], use.measure, _NOW + _DAY)
    assert await _days(store, "a") == await _days(store, "b") == [(20, 11)]
    assert await _days(store) == []
    events = await store.events(_midnight(1))
    assert {event.account_id for event in events} == {"a", "b"}


async def test_what_has_no_periods_of_its_own_has_no_ends(store: Store) -> None:
    use = _Use()
    never = replace(_TEAM, name="never", period=BudgetPeriod.NEVER)
    week = replace(_TEAM, name="week", period=BudgetPeriod.WEEKLY, limit=Limit(LimitUnit.PERCENT, _D(80)))
    await end_periods(store, [never, week], use.measure, _NOW)
    assert await store.running_budgets() == {}


async def test_a_budget_that_was_taken_out_has_no_periods_meanwhile(store: Store) -> None:
    use = _Use(d20=1, d21=2, d22=3)
    await end_periods(store, [_TEAM], use.measure, _NOW)
    await end_periods(store, [], use.measure, _NOW + _DAY)
    await end_periods(store, [_TEAM], use.measure, _NOW + 2 * _DAY)
    await end_periods(store, [_TEAM], use.measure, _NOW + 3 * _DAY)
    assert await _days(store) == [(22, 3)]


async def test_a_clock_that_was_set_back_ends_nothing_again(store: Store) -> None:
    use = _Use(d20=1, d21=2)
    await end_periods(store, [_TEAM], use.measure, _NOW)
    await end_periods(store, [_TEAM], use.measure, _NOW + _DAY)
    await end_periods(store, [_TEAM], use.measure, _NOW - _DAY)
    await end_periods(store, [_TEAM], use.measure, _NOW + 2 * _DAY)
    assert await _days(store) == [(21, 2), (20, 1)]


@pytest.mark.parametrize("ahead", [_DAY, 10 * _DAY, 300 * _DAY])
async def test_what_ended_under_a_clock_that_was_ahead_is_ended_once_more(
    store: Store, ahead: timedelta
) -> None:
    use = _Use(d19=10)
    await end_periods(store, [_TEAM], use.measure, _NOW - _DAY)
    # of the day that runs not all was spent yet
    use.spent[20] = _D(1)
    await end_periods(store, [_TEAM], use.measure, _NOW + ahead)
    use.spent[20] = _D(11)
    await end_periods(store, [_TEAM], use.measure, _NOW)
    assert await store.running_budgets() == {"team": _midnight(20)}
    assert await _days(store) == [(19, 10)]
    await end_periods(store, [_TEAM], use.measure, _NOW + _DAY)
    assert await _days(store) == [(20, 11), (19, 10)]
    events = await store.events(_midnight(1), _midnight(30))
    assert [each.at for each in events if each.kind is EventKind.BUDGET_RESET][:2] == [
        _midnight(20),
        _midnight(21),
    ]


async def test_one_that_began_under_a_clock_that_was_ahead_runs_from_now_on(store: Store) -> None:
    use = _Use(d20=1)
    await end_periods(store, [_TEAM], use.measure, _NOW + 300 * _DAY)
    await end_periods(store, [_TEAM], use.measure, _NOW)
    assert await store.running_budgets() == {"team": _midnight(20)}
    # a process that was slow takes nothing back
    assert not await store.rewind_budget("team", _midnight(22), _midnight(19))
    await end_periods(store, [_TEAM], use.measure, _NOW + _DAY)
    assert await _days(store) == [(20, 1)]


async def test_what_cannot_be_read_now_is_ended_later(store: Store) -> None:
    use = _Use(d20=1)
    await end_periods(store, [_TEAM], use.measure, _NOW)

    async def nothing(budget: Budget, at: datetime) -> None:
        return None

    await end_periods(store, [_TEAM], nothing, _NOW + 3 * _DAY)
    assert await store.running_budgets() == {"team": _midnight(20)}


def test_damage_costs_a_row(tmp_path: Path) -> None:
    held = Database(tmp_path, _NOW)
    held.begin_budget("team", _midnight(20))
    ended = [
        EndedPeriod("team", _midnight(day), _midnight(day + 1), _TEAM.limit, _D(day)) for day in (18, 19, 20)
    ]
    assert held.end_periods("team", _midnight(20), _midnight(21), ended)
    change = held._connection
    change.execute(
        "UPDATE budget_periods SET doc = '{' WHERE started_at = ?", (int(_midnight(19).timestamp() * 10**6),)
    )
    change.execute(
        "UPDATE budget_periods SET doc = json_set(doc, '$.limit', '-1') WHERE started_at = ?",
        (int(_midnight(18).timestamp() * 10**6),),
    )
    change.execute("INSERT INTO budgets VALUES ('odd', 'x')")
    assert [each.started_at for each in held.ended_periods("team", None, 9)] == [_midnight(20)]
    assert held.running_budgets() == {"team": _midnight(21)}
    held.close()


def test_what_ended_long_ago_is_forgotten(tmp_path: Path) -> None:
    held = Database(tmp_path, _NOW)
    held.begin_budget("team", _midnight(1))
    old = EndedPeriod("team", _midnight(1), _midnight(2), _TEAM.limit)
    assert held.end_periods("team", _midnight(1), _midnight(2), [old])
    later = _midnight(2) + 401 * _DAY
    assert held.end_periods("team", _midnight(2), later, [])
    assert held.ended_periods("team", None, 9) == ()
    held.close()


class _Kept:
    """What a store does with the periods of one budget, without a disk."""

    def __init__(self) -> None:
        self.runs: dict[str, datetime] = {}
        self.ended: list[EndedPeriod] = []

    async def running_budgets(self) -> dict[str, datetime]:
        return dict(self.runs)

    async def begin_budget(self, budget: str, started_at: datetime) -> bool:
        self.runs.setdefault(budget, started_at)
        return True

    async def end_periods(
        self,
        budget: str,
        ran_since: datetime,
        runs_since: datetime,
        ended: list[EndedPeriod],
        events: list[object],
    ) -> bool:
        if self.runs[budget] != ran_since:
            return False
        self.runs[budget] = runs_since
        self.ended += ended
        return True


@given(
    zone=st.sampled_from(
        [
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "Africa/Cairo",
            "Africa/Casablanca",
            "America/Santiago",
            "UTC",
        ]
    ),
    year=st.sampled_from([2011, 2024, 2026]),
    begins=st.sampled_from(
        [
            (BudgetPeriod.DAILY, None),
            (BudgetPeriod.WEEKLY, 5),
            (BudgetPeriod.MONTHLY, None),
            (BudgetPeriod.MONTHLY, 31),
        ]
    ),
    pauses=st.lists(st.integers(1, 9000), min_size=3, max_size=25),
)
@settings(max_examples=40, deadline=None)
def test_whenever_poolwatch_runs_each_period_of_a_year_is_ended_once(
    zone: str, year: int, begins: tuple[BudgetPeriod, int | None], pauses: list[int]
) -> None:
    """It runs now and then, with up to six days in between; what was used is read at once."""
    period, starts_on = begins
    budget = replace(_TEAM, period=period, starts_on=starts_on, time_zone=zone)
    kept, use = _Kept(), _Use()
    use.read_at = datetime(2100, 1, 1, tzinfo=UTC)
    now = start = datetime(year, 1, 1, 12, tzinfo=UTC)

    async def run() -> datetime:
        at = now
        for number in range(400):
            await end_periods(kept, [budget], use.measure, at)  # type: ignore[arg-type]
            at += timedelta(minutes=pauses[number % len(pauses)])
            if at >= start + timedelta(days=366):
                break
        await end_periods(kept, [budget], use.measure, at)  # type: ignore[arg-type]
        return at

    last = asyncio.run(run())
    assert kept.ended == sorted(kept.ended, key=lambda each: each.started_at)
    expected = periods_since(budget, start, last)
    assert [(each.started_at, each.ended_at) for each in kept.ended] == [
        (each.started_at, each.resets_at) for each in expected
    ]
    for one, following in itertools.pairwise(kept.ended):
        assert one.ended_at == following.started_at
