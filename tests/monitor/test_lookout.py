"""What is foretold of accounts and the pool: when it is worked out, of what, and for whom."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.burn import AccountBurn, Burn, PoolBurn
from poolwatch.domain.cycles import Cycle, EndedBy, Rise
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.outlook import AccountOutlook, PoolOutlook, Verdict
from poolwatch.domain.values import replace
from tests.monitor.scripted import WEEK, Answer, Rig, ScriptedSource, failure, key_of, rig, snapshot
from tests.monitor.turned_clock import START, TurnedClock

A = key_of("a")
LENGTH = timedelta(seconds=WEEK)
#: Three days into its week.
RESETS = START + timedelta(days=4)
BEGUN = RESETS - LENGTH
NO_BURN = AccountBurn(Burn(), Burn())


def past(place: str = "a", weeks: int = 4, percent: float = 70) -> list[Cycle]:
    """Weeks before this one, each with the same use in every hour."""
    found = []
    for week in range(weeks, 0, -1):
        begun = BEGUN - LENGTH * week
        hour = int(begun.timestamp() // 3600)
        rises = tuple(Rise(hour + each, percent / 168) for each in range(168))
        found.append(
            Cycle(
                key_of(place).id,
                "codex",
                "weekly",
                begun,
                WEEK,
                begun + LENGTH,
                begun + LENGTH,
                EndedBy.RESET,
                percent,
                percent,
                begun + LENGTH,
                rises=rises,
                readings=3,
            )
        )
    return found


async def read(one: Rig, place: str, *answers: Answer) -> None:
    """Readings five minutes apart, each saved."""
    for answer in answers:
        one.source.answers[place] = [answer]
        await one.poller.read(key_of(place))
        await one.saver.flush()
        await one.clock.advance(300)


async def look(one: Rig) -> None:
    """Everything that is due, as in a process of long standing."""
    for account in one.state.accounts.values():
        if account.read_at is not None and not one.monitor.recorder.burn.is_filled(account.key.id):
            await one.monitor.recorder.burn.load(
                one.monitor._services.store, account.key.id, account.read_at, one.clock.now()
            )
    looking = asyncio.create_task(one.monitor.lookout.look())
    await one.clock.advance(5)
    await looking


async def watched(*places: str) -> Rig:
    """Accounts with four weeks of past, read three times in their fifth."""
    one = await rig(*places).listed()
    for place in places:
        one.store.saved_cycles += past(place)
        await read(one, place, *(snapshot(used, resets_at=RESETS) for used in (30, 30, 31)))
    return one


def weekly(one: Rig, place: str = "a") -> Forecast:
    outlook = one.account(place).outlook
    assert outlook is not None
    said = outlook.forecast("weekly")
    assert said is not None
    return said


async def test_a_window_is_foretold_of_its_past_and_kept() -> None:
    one = await watched("a")
    await look(one)
    said = weekly(one)
    assert said.none_because is None
    assert said.median_percent == pytest.approx(71, abs=4)
    assert one.store.outlooks_kept[A.id] == one.account("a").outlook


async def test_nothing_is_foretold_before_the_past_is_known() -> None:
    one = await rig("a").listed()
    await read(one, "a", snapshot(30, resets_at=RESETS))
    await one.monitor.lookout.look()
    assert one.account("a").outlook is None
    await look(one)
    assert weekly(one).none_because is NoForecast.TOO_FEW


async def test_it_is_made_anew_when_it_is_due_and_not_before() -> None:
    one = await watched("a")
    await look(one)
    made_at = weekly(one).made_at
    await read(one, "a", snapshot(32, resets_at=RESETS))
    await look(one)
    assert weekly(one).made_at == made_at
    await read(one, "a", snapshot(35, resets_at=RESETS))
    await look(one)
    assert weekly(one).made_at > made_at
    made_at = weekly(one).made_at
    await read(one, "a", *[snapshot(35, resets_at=RESETS)] * 12)
    await look(one)
    assert made_at + timedelta(minutes=45) < weekly(one).made_at


async def test_a_reset_is_learned_from_at_once() -> None:
    one = await watched("a")
    await look(one)
    later = RESETS + LENGTH
    await one.clock.advance((RESETS - one.clock.now()).total_seconds() + 60)
    await read(one, "a", *(snapshot(used, resets_at=later) for used in (0, 1, 1)))
    await look(one)
    assert weekly(one).resets_at == later
    assert weekly(one).none_because is NoForecast.TOO_EARLY
    [learned] = one.monitor.lookout._learning._learned[A.id].values()
    assert learned.habit.cycles == 5


async def test_an_old_reading_foretells_nothing() -> None:
    one = await watched("a")
    await look(one)
    await one.clock.advance(3600)
    await look(one)
    assert weekly(one).none_because is NoForecast.OLD


async def test_what_nothing_can_be_said_of_is_not_looked_at_over_and_over() -> None:
    one = await watched("a")
    await one.clock.advance((RESETS - one.clock.now()).total_seconds() + 7200)
    await look(one)
    made_at = weekly(one).made_at
    assert weekly(one).none_because is NoForecast.DUE
    await look(one)
    assert weekly(one).made_at == made_at


async def test_an_account_that_needs_a_person_has_no_forecast() -> None:
    one = await watched("a")
    await read(one, "a", failure(FailureKind.UNAUTHORIZED))
    await look(one)
    assert weekly(one).median_percent is None
    assert weekly(one).none_because is NoForecast.NONE


async def test_burn_is_told_along_with_what_was_foretold_before() -> None:
    one = await watched("a")
    await look(one)
    before = one.account("a").outlook
    await read(one, "a", snapshot(32, resets_at=RESETS))
    await look(one)
    after = one.account("a").outlook
    assert before is not None
    assert after is not None
    was, now = before.burn.weekly.last_hour, after.burn.weekly.last_hour
    assert was is not None
    assert now == pytest.approx(was + 1)
    assert after.forecasts == before.forecasts


async def test_a_past_that_was_told_anew_is_learned_anew() -> None:
    one = await watched("a")
    await look(one)
    one.store.saved_cycles += past(weeks=5)[:1]
    one.store.imports_made += 1
    await look(one)
    [learned] = one.monitor.lookout._learning._learned[A.id].values()
    assert learned.habit.cycles == 5


async def test_the_pool_is_foretold_of_its_accounts() -> None:
    one = await watched("a", "b")
    await look(one)
    outlook = one.state.outlook
    assert outlook is not None
    assert outlook.verdict is Verdict.LASTS
    assert outlook.weekly_left_percent == pytest.approx(69)
    assert outlook.relief_at == RESETS
    assert one.store.pool_kept == outlook


async def test_the_same_pool_has_the_same_outlook() -> None:
    one, other = await watched("a", "b"), await watched("a", "b")
    await look(one)
    await look(other)
    assert one.state.outlook == other.state.outlook


async def test_another_process_tells_what_was_foretold_while_it_is_worth_it() -> None:
    one = await watched("a")
    await look(one)
    other = Rig([ScriptedSource("homes", "a")], TurnedClock(one.clock.now()), one.store)
    await other.monitor.recall()
    await other.monitor.lookout.recall()
    assert other.account("a").outlook == one.account("a").outlook
    assert other.state.outlook == one.state.outlook
    late = Rig([ScriptedSource("homes", "a")], TurnedClock(one.clock.now() + timedelta(hours=3)), one.store)
    await late.monitor.recall()
    await late.monitor.lookout.recall()
    assert late.account("a").outlook is None
    assert late.state.outlook is None


async def test_a_process_that_soon_ends_makes_what_is_due() -> None:
    one = await watched("a")
    looking = asyncio.create_task(one.monitor.lookout.look_once())
    await one.clock.advance(5)
    await looking
    assert weekly(one).median_percent is not None
    kept = AccountOutlook(one.clock.now(), replace(NO_BURN, credits=Burn(Decimal(7))), ())
    one.store.outlooks_kept[A.id] = kept
    one.store.pool_kept = PoolOutlook(one.clock.now(), PoolBurn(Burn(), Burn()))
    other = Rig([ScriptedSource("homes", "a")], TurnedClock(one.clock.now()), one.store)
    await other.monitor.recall()
    await other.monitor.lookout.look_once()
    assert other.account("a").outlook == kept
