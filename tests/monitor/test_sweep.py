from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from poolwatch.domain.account import LoginKind
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.usage import Usage
from poolwatch.domain.values import replace
from poolwatch.monitor.many import Sweep
from tests.monitor.scripted import Rig, as_store, failure, key_of, listing, rig, snapshot, soon, weekly_of
from tests.monitor.turned_clock import START

A = key_of("a")
MINUTE = timedelta(minutes=1)


def sweep_of(one: Rig, concurrency: int = 4) -> Sweep:
    return Sweep(one.poller, one.ledger, as_store(one.store), one.clock, concurrency)


async def test_what_was_never_read_is_read_once() -> None:
    one = await rig("a", "b").listed()
    await sweep_of(one).run([A, key_of("b"), key_of("gone")], MINUTE)
    assert sorted(one.source.places_asked()) == ["a", "b"]
    assert weekly_of(one.account("a")) == 71


@pytest.mark.parametrize(("age", "older_than", "asked"), [(59, 60, 1), (60, 60, 2), (0, 0, 2), (5, 0, 2)])
async def test_only_what_is_old_enough_is_read(age: float, older_than: float, asked: int) -> None:
    one = await rig("a").listed()
    sweep = sweep_of(one)
    await sweep.run([A], MINUTE)
    await one.clock.advance(age)
    await sweep.run([A], timedelta(seconds=older_than))
    assert len(one.source.asked) == asked


async def test_what_was_read_under_a_clock_that_was_ahead_is_read_anew() -> None:
    one = await rig("a").listed()
    sweep = sweep_of(one)
    await sweep.run([A], MINUTE)
    one.source.default = snapshot(12)
    one.clock.leap(-60 * MINUTE)
    await sweep.run([A], MINUTE)
    assert len(one.source.asked) == 2
    assert weekly_of(one.account("a")) == 12


@pytest.mark.parametrize(("older_than", "asked"), [(60, 1), (0, 2)])
async def test_a_retry_after_binds_all_but_those_who_want_it_now(older_than: float, asked: int) -> None:
    one = await rig("a").listed()
    one.source.default = failure(FailureKind.THROTTLED, retry_at=START + 30 * MINUTE)
    sweep = sweep_of(one)
    await sweep.run([A], MINUTE)
    await one.clock.advance(1200)
    await sweep.run([A], timedelta(seconds=older_than))
    assert len(one.source.asked) == asked


async def test_what_another_process_just_read_is_taken_from_the_store() -> None:
    one = await rig("a", "b").listed()
    read = replace(one.account("a"), usage=Usage().merged(snapshot(3), START, "homes"), tried_at=START)
    one.store.accounts = {A.id: read, "other": replace(one.account("b"), tried_at=START)}
    one.store.polls[A.id] = START
    await sweep_of(one).run([A], MINUTE)
    assert one.source.asked == []
    assert weekly_of(one.account("a")) == 3
    assert one.account("b").tried_at is None


@pytest.mark.parametrize("is_stored", [False, True])
async def test_a_poll_whose_answer_nobody_kept_is_made_anew(is_stored: bool) -> None:
    one = await rig("a").listed()
    if is_stored:
        one.store.accounts[A.id] = one.account("a")
    one.store.polls[A.id] = START
    await sweep_of(one).run([A], MINUTE)
    assert one.source.places_asked() == ["a"]
    assert one.store.noted == [A.id]


async def test_dead_tokens_and_api_keys_are_left_alone_even_if_wanted_now() -> None:
    one = rig()
    one.source.listings = [listing("a", expires_at=START), listing("b", login=LoginKind.API_KEY)]
    await one.listed()
    await sweep_of(one).run(list(one.state.accounts), timedelta(0))
    assert one.source.asked == []
    assert one.store.polls == {}


async def test_what_is_wanted_now_counts_as_a_poll() -> None:
    one = await rig("a").listed()
    await sweep_of(one).run([A], timedelta(0))
    assert one.store.noted == [A.id]


async def test_never_more_at_once_than_allowed() -> None:
    places = [f"p{number}" for number in range(20)]
    one = await rig(*places).listed()
    one.source.hung = {place: asyncio.Event() for place in places}
    run = await soon(sweep_of(one, 3).run([key_of(place) for place in places], MINUTE), one.clock)
    assert one.source.at_once == 3
    for gate in one.source.hung.values():
        gate.set()
    await run
    assert len(one.source.asked) == 20
    assert one.source.most_at_once == 3


async def test_each_poll_is_noted_before_anything_is_sent_and_stays_so_when_the_sweep_is_stopped() -> None:
    places = [f"p{number}" for number in range(8)]
    one = await rig(*places).listed()
    one.source.hung = {place: asyncio.Event() for place in places}
    run = await soon(sweep_of(one, 3).run([key_of(place) for place in places], timedelta(0)), one.clock)
    assert one.source.at_once == 3
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert sorted(one.store.noted) == sorted(key_of(place).id for place in one.source.places_asked())
    assert len(one.store.noted) == 3
