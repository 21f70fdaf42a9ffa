"""What is recorded of readings: cycles, events, burn; over restarts and beside other processes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.cycles import Cycle, EndedBy, Rise
from poolwatch.domain.event_log import EventKind
from poolwatch.domain.events import Recalled
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.values import replace
from poolwatch.monitor.recorder import read_instant
from tests.monitor.scripted import (
    Answer,
    Rig,
    ScriptedSource,
    failure,
    key_of,
    listing,
    rig,
    running,
    snapshot,
)
from tests.monitor.turned_clock import START, TurnedClock

A = key_of("a")
RESETS = START + timedelta(days=2)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


MOVED = START + timedelta(days=7) + minutes(10)


async def read(one: Rig, place: str, *answers: Answer, apart: float = 5) -> None:
    """One reading after the other, each saved at once; so many minutes go by after each."""
    burn, key = one.monitor.recorder.burn, key_of(place)
    if not burn.is_filled(key.id):
        await burn.load(one.store, key.id, read_instant(one.account(place)), one.clock.now())
    for answer in answers:
        one.source.answers[place] = [answer]
        await one.poller.read(key_of(place))
        await one.saver.flush()
        await one.clock.advance(apart * 60)


async def beside(one: Rig) -> Rig:
    """Another process on the same store."""
    clock = TurnedClock(one.clock.now())
    other = Rig([ScriptedSource("homes", "a", clock=clock)], clock, one.store)
    await other.monitor.recall()
    return await other.listed()


async def weekly_cycles(one: Rig) -> tuple[Cycle, ...]:
    return (await one.store.cycles((A.id,), 9))[A.id]


async def test_a_window_is_kept_while_it_runs_and_once_it_ended() -> None:
    one = await rig("a").listed()
    await read(one, "a", snapshot(40, resets_at=RESETS), snapshot(41, resets_at=RESETS))
    [cycle] = await weekly_cycles(one)
    assert (cycle.last_percent, cycle.ended_at) == (41, None)
    await read(one, "a", snapshot(0, resets_at=MOVED), snapshot(2, resets_at=MOVED))
    ended, cycle = await weekly_cycles(one)
    assert (ended.ended_by, ended.ended_at) == (EndedBy.EARLY_RESET, START + minutes(10))
    assert (cycle.last_percent, cycle.started_at) == (2, START + minutes(10))


async def test_only_what_is_new_of_a_running_window_is_written() -> None:
    one = await rig("a").listed()
    await read(one, "a", *[snapshot(40, resets_at=RESETS)] * 9)
    assert [cycle.readings for cycle in one.store.saved_cycles] == [1, 2, 3]


async def test_how_long_a_window_is_full_is_written_once_an_hour() -> None:
    one = await rig("a").listed()
    await read(one, "a", *[snapshot(100, resets_at=RESETS, allowed=False)] * 40)
    assert len(one.store.saved_cycles) == 3 + 3
    assert one.store.saved_cycles[-1].full_seconds >= 3 * 3600 - 600


async def test_another_run_goes_on_where_the_last_one_was() -> None:
    one = await rig("a").listed()
    # the first reading of the new window is the last one of the run
    await read(one, "a", snapshot(40, resets_at=RESETS), snapshot(0, resets_at=MOVED))
    other = await beside(one)
    await read(other, "a", snapshot(1, resets_at=MOVED))
    ended, cycle = await weekly_cycles(one)
    assert (ended.ended_at, cycle.started_at) == (START + minutes(5), START + minutes(10))
    await other.saver.flush(last=True)
    assert [event.kind for event in one.store.events] == [EventKind.EARLY_RESET]


async def test_what_another_process_read_is_followed_on_from() -> None:
    one = await rig("a").listed()
    await read(one, "a", snapshot(40, resets_at=RESETS), snapshot(41, resets_at=RESETS))
    other = await beside(one)
    await read(other, "a", snapshot(55, resets_at=RESETS))
    await one.clock.advance(600)
    one.ledger.take(Recalled((other.account("a"),)))
    await read(one, "a", snapshot(57, resets_at=RESETS))
    [cycle] = await weekly_cycles(one)
    assert sum(rise.percent for rise in cycle.rises) == 17


async def test_a_reset_that_another_process_saw_is_told_once() -> None:
    one = await rig("a").listed()
    await read(one, "a", snapshot(40, resets_at=RESETS), snapshot(41, resets_at=RESETS))
    other = await beside(one)
    await read(other, "a", snapshot(0, resets_at=MOVED), snapshot(1, resets_at=MOVED))
    await other.saver.flush(last=True)
    await one.clock.advance(900)
    one.ledger.take(Recalled((other.account("a"),)))
    await read(one, "a", snapshot(2, resets_at=MOVED), snapshot(3, resets_at=MOVED))
    await one.saver.flush(last=True)
    assert [event.kind for event in one.store.events] == [EventKind.EARLY_RESET]
    assert len(await weekly_cycles(one)) == 2


async def test_history_from_before_there_were_cycles_is_read_once() -> None:
    one = await rig("a").listed()
    was, now = START + timedelta(minutes=7), START + timedelta(days=7)
    await read(one, "a", snapshot(90, resets_at=was), snapshot(100, resets_at=was, allowed=False))
    await read(one, "a", snapshot(3, resets_at=now), snapshot(9, resets_at=now))
    told = [event.id for event in one.store.events]
    assert len(told) == 3
    one.store.saved_cycles.clear()
    one.store.events.clear()
    other = await beside(one)
    await read(other, "a", snapshot(9, resets_at=now))
    ended, cycle = await weekly_cycles(one)
    assert (ended.ended_at, ended.peak_percent, cycle.last_percent) == (was, 100, 9)
    assert sorted(event.id for event in one.store.events) == sorted(told)


async def test_nothing_of_it_is_lost_on_a_full_disk() -> None:
    one = await rig("a").listed()
    await read(one, "a", snapshot(40, resets_at=RESETS, balance="5"))
    one.store.is_full = True
    await read(
        one, "a", snapshot(0, resets_at=MOVED, balance="505"), snapshot(2, resets_at=MOVED, balance="505")
    )
    one.store.is_full = False
    await one.saver.flush(last=True)
    assert [cycle.last_percent for cycle in await weekly_cycles(one)] == [40, 2]
    kinds = [event.kind for event in one.store.events]
    assert kinds == [EventKind.CREDITS_CAME, EventKind.EARLY_RESET]


async def test_an_error_in_it_loses_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await rig("a").listed()

    async def broken(*_: object, **__: object) -> None:
        raise ValueError

    monkeypatch.setattr(one.monitor.recorder, "take", broken)
    await read(one, "a", snapshot(40, resets_at=RESETS))
    assert [row.figure.used_percent for row in one.store.rows] == [40]
    assert one.store.accounts[A.id].read_at == START


# -- events


async def test_an_account_that_is_out_and_comes_back_is_told() -> None:
    one = await rig("a").listed()
    out = snapshot(100, resets_at=RESETS, allowed=False)
    await read(one, "a", out, snapshot(90, resets_at=RESETS), out, snapshot(90, resets_at=RESETS))
    assert [event.kind for event in one.store.events] == [
        EventKind.BACK,
        EventKind.EXHAUSTED,
        EventKind.BACK,
    ]
    assert one.store.events[1].until == RESETS


async def test_many_early_resets_are_one_event_and_wait_for_one_another() -> None:
    places = [f"p{number}" for number in range(9)]
    one = await rig(*places).listed()
    for place in places:
        await read(one, place, snapshot(60, resets_at=RESETS), apart=0.1)
    await one.clock.advance(300)
    for _ in range(2):
        for place in places[:6]:
            await read(one, place, snapshot(0, resets_at=MOVED), apart=0.1)
        await one.clock.advance(300)
    assert one.store.events == []
    await one.clock.advance(1800)
    await read(one, "p8", snapshot(61, resets_at=RESETS))
    [event] = one.store.events
    assert (event.kind, event.source, event.accounts, event.of_accounts) == (
        EventKind.UPSTREAM_RESET,
        "homes",
        6,
        9,
    )


async def test_a_login_that_dies_and_is_signed_in_again_is_told() -> None:
    one = await rig("a", "b").listed()
    await read(one, "a", snapshot(40))
    await read(one, "a", failure(FailureKind.UNAUTHORIZED))
    [died] = one.store.events
    assert (died.kind, died.account_id, died.now) == (EventKind.LOGIN_DIED, A.id, "rejected")
    one.source.replace(listing("a", token="another"))
    await one.poller.lister.list_all()
    await one.saver.flush()
    assert [event.kind for event in one.store.events] == [EventKind.LOGIN_DIED, EventKind.SIGNED_IN]


async def test_a_token_that_runs_out_by_itself_is_noticed() -> None:
    one = rig("a", "b")
    soon = START + minutes(20)
    one.source.listings = [listing("a", expires_at=soon), listing("b")]
    await one.listed()
    await read(one, "a", snapshot(40))
    await one.clock.advance(1800)
    await read(one, "b", snapshot(10))
    assert [(event.kind, event.account_id) for event in one.store.events] == [(EventKind.LOGIN_DIED, A.id)]


async def test_logins_that_are_dead_at_the_start_are_no_news() -> None:
    one = rig("a")
    one.source.listings = [listing("a", expires_at=START - minutes(5))]
    await one.listed()
    await one.saver.flush()
    assert one.store.events == []


async def test_a_login_that_was_renewed_between_two_runs_is_no_news() -> None:
    one = rig("a")
    one.source.listings = [listing("a", expires_at=START + minutes(20))]
    await one.listed()
    await read(one, "a", snapshot(40))
    clock = TurnedClock(START + timedelta(days=1))
    other = Rig([ScriptedSource("homes", "a", clock=clock)], clock, one.store)
    await other.monitor.recall()
    await other.saver.flush()
    await other.listed()
    await other.saver.flush()
    assert one.store.events == []


async def test_a_source_that_goes_down_and_comes_back_is_told() -> None:
    one = await rig("a").listed()
    await one.saver.flush()
    for fails in (failure(FailureKind.UNREACHABLE), failure(FailureKind.UNREACHABLE), None):
        one.source.listing_failure = fails
        await one.poller.lister.list_all()
        await one.saver.flush()
        await one.clock.advance(60)
    down, back = one.store.events
    assert (down.kind, down.source, down.at) == (EventKind.SOURCE_DOWN, "homes", START)
    assert (back.kind, back.at, back.until) == (EventKind.SOURCE_BACK, START + minutes(2), START)


async def test_a_source_that_is_down_at_the_start_is_no_news() -> None:
    one = rig("a")
    one.source.listing_failure = failure(FailureKind.UNREACHABLE)
    await one.listed()
    await one.saver.flush()
    assert one.store.events == []


# -- burn


async def test_burn_is_unknown_until_three_readings_came() -> None:
    one = await rig("a").listed()
    burn = one.monitor.recorder.burn
    await read(
        one, "a", snapshot(40, resets_at=RESETS, balance="50"), snapshot(42, resets_at=RESETS, balance="49")
    )
    assert burn.of(A.id, one.clock.now()).weekly.last_hour is None
    await read(one, "a", snapshot(43, resets_at=RESETS, balance="47.25"))
    now = one.clock.now()
    assert burn.of(A.id, now).weekly.last_hour == 3
    assert burn.of(A.id, now).credits.last_24h == Decimal("2.75")
    assert burn.of(A.id, now).credits.since_start == Decimal("2.75")
    assert burn.of(A.id, now).weekly.usual_per_day is None
    assert burn.of("nobody", now).weekly.last_hour is None


async def test_credits_that_came_are_no_negative_burn() -> None:
    one = await rig("a").listed()
    balances = ("50", "45", "545", "540", "540")
    await read(one, "a", *(snapshot(40, resets_at=RESETS, balance=balance) for balance in balances))
    assert one.monitor.recorder.burn.of(A.id, one.clock.now()).credits.last_hour == 10


async def test_a_time_without_readings_is_not_zero() -> None:
    one = await rig("a").listed()
    burn = one.monitor.recorder.burn
    await read(one, "a", *(snapshot(40 + number, resets_at=RESETS) for number in range(4)))
    await one.clock.advance(2 * 3600)
    assert burn.of(A.id, one.clock.now()).weekly.last_hour is None
    assert burn.of(A.id, one.clock.now()).weekly.last_24h == 3
    # what was used meanwhile counts where it may have been used, and in no hour
    await read(one, "a", snapshot(50, resets_at=RESETS))
    found = burn.of(A.id, one.clock.now()).weekly
    assert (found.last_hour, found.last_24h, found.since_start) == (0, 10, 10)


async def test_another_run_knows_the_burn_of_the_last_one() -> None:
    one = await rig("a").listed()
    for hour in range(24 * 5):
        used, balance = 10 + hour // 3, str(500 - hour)
        await read(one, "a", snapshot(used, resets_at=START + timedelta(days=6), balance=balance), apart=60)
    before = one.monitor.recorder.burn.of(A.id, one.clock.now())
    other = await beside(one)
    async with running(other.monitor._fill_burn(), other.clock):
        await other.clock.advance(6)
    after = other.monitor.recorder.burn.of(A.id, one.clock.now())
    assert after.weekly == replace(before.weekly, since_start=None, usual_per_day=8.0)
    assert after.credits == replace(before.credits, since_start=None, usual_per_day=Decimal(24))


async def test_what_was_used_before_the_start_is_not_of_this_run() -> None:
    one = await rig("a").listed()
    await read(one, "a", snapshot(40, resets_at=RESETS), snapshot(41, resets_at=RESETS))
    other = await beside(one)
    await read(other, "a", *(snapshot(used, resets_at=RESETS) for used in (45, 46, 48)))
    burn = other.monitor.recorder.burn.of(A.id, other.clock.now()).weekly
    assert (burn.last_hour, burn.since_start) == (8, 3)


async def test_the_pool_burns_the_mean_of_its_weeks_and_the_sum_of_its_credits() -> None:
    one = await rig("a", "b", "c").listed()
    for number in range(4):
        await read(one, "a", snapshot(40 + number, resets_at=RESETS, balance=str(9 - number)), apart=1)
        await read(
            one, "b", snapshot(40 + 3 * number, resets_at=RESETS, balance=str(90 - 2 * number)), apart=1
        )
    await read(one, "c", snapshot(5, resets_at=RESETS))
    pool = await one.monitor.recorder.burn.of_pool(one.clock.now())
    assert pool.weekly.last_hour == (3 + 9) / 2
    assert pool.credits.last_hour == 3 + 6
    assert pool.started_at == START


async def test_an_account_that_went_is_forgotten() -> None:
    one = await rig("a", "b").listed()
    await read(one, "a", *[snapshot(40, resets_at=RESETS)] * 3)
    one.source.listings = [listing("b")]
    one.source.changed()
    await one.poller.lister.list_all()
    await read(one, "b", snapshot(1))
    assert one.monitor.recorder.burn.of(A.id, one.clock.now()).weekly.last_24h is None


async def test_a_past_that_another_process_took_in_is_gone_on_from() -> None:
    one = await rig("a").listed()
    await read(one, "a", snapshot(40, resets_at=RESETS), snapshot(41, resets_at=RESETS))
    [cycle] = await weekly_cycles(one)
    told = replace(cycle, rises=(Rise(cycle.started_at.toordinal(), 40.0), *cycle.rises), start_seen=True)
    await one.store.save((), one.clock.now(), cycles=[told])
    one.store.imports_made += 1
    await read(one, "a", snapshot(45, resets_at=RESETS))
    [cycle] = await weekly_cycles(one)
    assert sum(rise.percent for rise in cycle.rises) == 45
