"""What is foretold of accounts and the pool: when it is worked out, of what, and for whom."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.burn import AccountBurn, Burn, PoolBurn
from poolwatch.domain.cycles import Cycle, EndedBy, Rise
from poolwatch.domain.events import ReadingArrived
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.outlook import AccountOutlook, PoolOutlook, Verdict
from poolwatch.domain.state import AccountState
from poolwatch.domain.usage import RateLimit, ResetCredits, UsageSnapshot, UsageWindow
from poolwatch.domain.values import replace
from tests.monitor.scripted import WEEK, Answer, Rig, ScriptedSource, failure, key_of, listing, rig, snapshot
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


async def test_what_a_banked_reset_would_do_is_foretold_where_there_is_one() -> None:
    def outlook() -> AccountOutlook:
        found = one.account("a").outlook
        assert found is not None
        return found

    one = await watched("a")
    await look(one)
    assert outlook().if_reset is None
    await read(one, "a", replace(snapshot(31, resets_at=RESETS), reset_credits=ResetCredits(1, None)))
    await look(one)
    former = outlook()
    assert former.if_reset is not None
    assert former.if_reset.median_percent == pytest.approx(70, abs=4)
    # it is not lost when burn alone is told anew
    await read(one, "a", replace(snapshot(32, resets_at=RESETS), reset_credits=ResetCredits(1, None)))
    await look(one)
    assert outlook() != former
    assert outlook().if_reset == former.if_reset


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


async def test_what_needs_a_person_is_not_looked_at_over_and_over() -> None:
    one = await watched("a")
    await read(one, "a", failure(FailureKind.UNAUTHORIZED))
    await look(one)
    made_at = weekly(one).made_at
    await look(one)
    assert weekly(one).made_at == made_at
    one.source.replace(replace(listing("a"), token=replace(listing("a").token, fingerprint="another")))
    await one.poller.lister.list_all()
    await look(one)
    assert weekly(one).median_percent is not None


async def test_two_windows_that_answer_in_turn_are_not_looked_at_with_each_reading() -> None:
    one = await watched("a")
    other = snapshot(5, resets_at=RESETS + timedelta(days=2))
    answers = [other, snapshot(31, resets_at=RESETS)] * 3
    await read(one, "a", *answers)
    await look(one)
    assert weekly(one).none_because is NoForecast.DISPUTED
    made_at = weekly(one).made_at
    await read(one, "a", other)
    await look(one)
    assert weekly(one).made_at == made_at


async def test_a_percentage_that_is_not_told_any_more_is_not_gone_on_from() -> None:
    one = await watched("a")
    await look(one)
    assert weekly(one).median_percent is not None
    unknown = UsageSnapshot(base=RateLimit(True, None, (UsageWindow(None, WEEK, RESETS),)))
    await read(one, "a", unknown)
    await look(one)
    assert (weekly(one).none_because, weekly(one).used_percent) == (NoForecast.NONE, None)
    full = UsageSnapshot(base=RateLimit(False, True, (UsageWindow(None, WEEK, RESETS),)))
    await read(one, "a", full)
    await look(one)
    assert weekly(one).none_because is NoForecast.FULL


@pytest.mark.parametrize("turned", [False, True])
async def test_of_two_windows_of_one_kind_the_fuller_is_foretold(turned: bool) -> None:
    one = await rig("a").listed()
    windows = (UsageWindow(30, WEEK, RESETS), UsageWindow(60, WEEK, RESETS))
    both = UsageSnapshot(base=RateLimit(True, None, windows[::-1] if turned else windows))
    await read(one, "a", both)
    # another process that has read nothing yet, and to which no cycle is known
    one.store.saved_cycles.clear()
    other = Rig([ScriptedSource("homes", "a")], TurnedClock(one.clock.now()), one.store)
    await other.monitor.recall()
    await other.listed()
    await look(other)
    assert weekly(other).used_percent == 60
    assert other.state.outlook is not None
    assert other.state.outlook.weekly_left_percent == pytest.approx(40)


async def test_a_stored_week_that_is_over_is_not_gone_on_from() -> None:
    one = await watched("a")
    moved = RESETS + LENGTH
    running = [cycle for cycle in one.store.saved_cycles if cycle.ended_at is None]
    assert running
    await one.clock.advance((RESETS - one.clock.now()).total_seconds() + 60)
    await read(one, "a", snapshot(0, resets_at=moved), snapshot(0, resets_at=moved))
    await look(one)
    # as a store has it in which the end was not kept
    one.store.saved_cycles += [running[-1]]
    other = Rig([ScriptedSource("homes", "a")], TurnedClock(one.clock.now()), one.store)
    await other.monitor.recall()
    await other.listed()
    await look(other)
    other.ledger.take(
        ReadingArrived(
            A, "homes", other.clock.now(), snapshot(3, resets_at=moved), asked_at=other.clock.now()
        )
    )
    await look(other)
    said = weekly(other)
    assert (said.resets_at, said.used_percent) == (moved, 3)
    assert said.none_because is NoForecast.TOO_FEW


async def test_what_is_read_during_a_long_look_is_looked_at() -> None:
    one = await watched("a", "b")
    burn, store = one.monitor.recorder.burn, one.monitor._services.store
    for key, account in one.state.accounts.items():
        await burn.load(store, key.id, account.read_at, one.clock.now())
    one.monitor.lookout._pause = 100
    looking = asyncio.create_task(one.monitor.lookout.look())
    await one.clock.advance(250)
    assert one.account("b").outlook is None
    await read(one, "b", failure(FailureKind.UNAUTHORIZED))
    await one.clock.advance(500)
    await looking
    assert weekly(one, "b").none_because is NoForecast.NONE


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
    made_at, pool = weekly(one).made_at, one.state.outlook
    one.store.saved_cycles += past(weeks=5)[:1]
    one.store.imports_made += 1
    await look(one)
    # what it burns is read again first
    assert weekly(one).made_at == made_at
    await look(one)
    assert weekly(one).made_at > made_at
    assert pool is not None
    assert one.state.outlook is not None
    assert one.state.outlook.made_at > pool.made_at
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


async def test_nothing_is_foretold_of_a_part_of_the_pool() -> None:
    one = await rig("a", "b", "c").listed()
    one.store.saved_cycles += past("a") + past("b")
    await read(one, "a", *(snapshot(used, resets_at=RESETS) for used in (30, 30, 31)))
    await look(one)
    assert weekly(one).median_percent is not None
    assert one.state.outlook is None
    await read(one, "b", *(snapshot(used, resets_at=RESETS) for used in (80, 80, 81)))
    await look(one)
    assert one.state.outlook is None
    # who was asked in vain has nothing to wait for
    await read(one, "c", failure(FailureKind.UNREACHABLE))
    await look(one)
    assert one.state.outlook is not None
    assert one.state.outlook.weekly_left_percent == pytest.approx((69 + 19) / 2)


async def test_an_outlook_of_the_pool_from_before_the_clock_was_set_back_is_made_anew() -> None:
    one = await watched("a", "b")
    await look(one)
    one.clock.leap(timedelta(hours=-1))
    await look(one)
    assert one.state.outlook is not None
    assert one.state.outlook.made_at < one.clock.now()


async def test_what_the_pool_burns_is_told_of_this_hour() -> None:
    one = await watched("a", "b")
    await look(one)
    made = one.state.outlook
    assert made is not None
    for _ in range(20):
        await one.clock.advance(20)
        await look(one)
    told = one.state.outlook
    assert told is not None
    assert told.burn.made_at is not None
    assert told.burn.made_at > made.made_at + timedelta(minutes=5)
    assert told.burn_at(one.clock.now()) == told.burn
    assert told.burn_at(told.burn.made_at + timedelta(minutes=16)) is None
    assert one.store.pool_kept == told


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
    looking = asyncio.create_task(one.monitor.lookout.look_once(keeps=True))
    await one.clock.advance(5)
    await looking
    assert weekly(one).median_percent is not None
    kept = AccountOutlook(one.clock.now(), replace(NO_BURN, credits=Burn(Decimal(7))), ())
    one.store.outlooks_kept[A.id] = kept
    one.store.pool_kept = PoolOutlook(one.clock.now(), PoolBurn(Burn(), Burn()))
    other = Rig([ScriptedSource("homes", "a")], TurnedClock(one.clock.now()), one.store)
    await other.monitor.recall()
    await other.monitor.lookout.look_once(keeps=True)
    assert other.account("a").outlook == kept


async def test_a_process_that_does_not_poll_leaves_what_another_one_keeps() -> None:
    one = await watched("a")
    await look(one)
    kept, pool = dict(one.store.outlooks_kept), one.store.pool_kept
    other = Rig([ScriptedSource("homes", "a")], TurnedClock(one.clock.now()), one.store)
    await other.monitor.recall()
    await other.listed()
    await other.clock.advance(3700)
    looking = asyncio.create_task(other.monitor.look_once())
    await other.clock.advance(5)
    await looking
    assert other.account("a").outlook != one.account("a").outlook
    assert (one.store.outlooks_kept, one.store.pool_kept) == (kept, pool)
    assert other.monitor.take_over()
    await other.clock.advance(3700)
    looking = asyncio.create_task(other.monitor.look_once())
    await other.clock.advance(5)
    await looking
    assert one.store.outlooks_kept != kept


@pytest.mark.parametrize("part", ["_learn_of", "_outlook"])
async def test_an_error_with_one_account_is_told_once_the_others_are_foretold(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await watched("a", "b")
    room: object = one.monitor.lookout._learning if part == "_learn_of" else one.monitor.lookout
    works = getattr(room, part)

    async def fails(account: AccountState, *rest: object) -> object:
        if account.key == A:
            raise KeyError
        return await works(account, *rest)

    monkeypatch.setattr(room, part, fails)
    with pytest.raises(KeyError):
        await look(one)
    assert weekly(one, "b").none_because is None
    monkeypatch.undo()
    await look(one)
    assert weekly(one).used_percent == 31
