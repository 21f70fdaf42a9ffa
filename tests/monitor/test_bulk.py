from __future__ import annotations

import asyncio
from datetime import timedelta

from poolwatch.domain.events import BulkProgress
from poolwatch.domain.failure import FailureKind
from poolwatch.monitor.many import START_GAP_SECONDS
from tests.monitor.scripted import Rig, failure, key_of, listing, rig, snapshot, soon
from tests.monitor.turned_clock import START

PLACES = [f"p{number}" for number in range(6)]
KEYS = [key_of(place) for place in PLACES]


async def pool() -> Rig:
    one = rig()
    one.source.listings = [listing(place, expires_at=START + timedelta(hours=1)) for place in PLACES]
    assert one.monitor.take_over()
    return await one.listed()


async def test_many_are_refreshed_in_order_and_apart() -> None:
    one = await pool()
    run = await soon(one.bulk.run(KEYS), one.clock)
    assert one.custodian.places() == ["p0", "p1"]
    await one.clock.advance(START_GAP_SECONDS - 0.01)
    assert one.custodian.places() == ["p0", "p1"]
    await one.clock.advance(0.01)
    assert one.custodian.places() == ["p0", "p1", "p2"]
    await one.clock.advance(60)
    assert one.custodian.places() == PLACES
    ended = await run
    assert isinstance(ended, dict)
    assert list(ended) == KEYS


async def test_two_at_once_however_slow_they_are() -> None:
    one = await pool()
    one.custodian.gates = {place: asyncio.Event() for place in PLACES}
    one.bulk.start(KEYS)
    await one.clock.advance(60)
    assert one.custodian.places() == ["p0", "p1"]
    for gate in one.custodian.gates.values():
        gate.set()
    await one.clock.settle()
    assert one.custodian.places() == PLACES
    assert one.custodian.most_at_once == 2


async def test_stopping_starts_no_further_one_and_lets_the_running_end() -> None:
    one = await pool()
    one.custodian.gates = {place: asyncio.Event() for place in PLACES}
    one.bulk.start(KEYS)
    await one.clock.advance(0.6)
    one.bulk.stop()
    assert one.bulk.running
    for gate in one.custodian.gates.values():
        gate.set()
    await one.clock.advance(10)
    assert one.custodian.places() == ["p0", "p1"]
    assert not one.bulk.running
    assert one.ledger.bulk == BulkProgress(2, 6, 0, done=True, changed=0, had_turn=frozenset(KEYS[:2]))


async def test_stopping_between_two_starts() -> None:
    one = await pool()
    one.bulk.start(KEYS)
    await one.clock.settle()
    one.bulk.stop()
    await one.clock.advance(START_GAP_SECONDS)
    assert one.custodian.places() == ["p0", "p1"]
    assert one.ledger.bulk == BulkProgress(2, 6, 0, done=True, had_turn=frozenset(KEYS[:2]))
    assert not one.bulk.running
    assert one.bulk.start(KEYS[2:4])
    await one.clock.advance(10)
    assert one.custodian.places() == PLACES[:4]


async def test_one_at_a_time() -> None:
    one = await pool()
    assert one.bulk.start(KEYS)
    assert not one.bulk.start(KEYS)
    await one.clock.advance(10)
    assert not one.bulk.running
    assert one.bulk.start(KEYS)
    await one.bulk.close()


async def test_failures_and_changes_are_counted() -> None:
    one = await pool()
    for key in KEYS:
        await one.poller.read(key)
    one.source.answers = {
        "p0": [snapshot(1)],
        "p1": [failure(FailureKind.UNREACHABLE)],
        "p2": [snapshot(2)],
        "p3": [failure(FailureKind.EDGE_BLOCKED)],
    }
    seen: list[BulkProgress] = []
    one.bulk.start(KEYS)
    for _ in range(20):
        await one.clock.advance(0.1)
        if one.ledger.bulk is not None:
            seen.append(one.ledger.bulk)
    assert [each.finished for each in seen] == sorted(each.finished for each in seen)
    assert seen[0].total == 6
    assert not seen[0].done
    assert seen[-1] == BulkProgress(6, 6, failed=2, done=True, changed=2, had_turn=frozenset(KEYS))


async def test_tokens_that_live_long_are_left_alone_unless_everything_is_asked_for() -> None:
    one = await rig("a", "b").listed()
    assert one.monitor.take_over()
    keys = [key_of("a"), key_of("b")]
    await one.bulk.run(keys)
    assert one.custodian.asks == []
    assert len(one.source.places_asked()) == 2
    ended = [await one.chain.run(key) for key in keys]
    assert one.custodian.places() == ["a", "b"]
    assert all(progress.done for progress in ended)


async def test_nothing_to_do_is_done() -> None:
    one = await pool()
    assert await one.bulk.run([]) == {}
    assert one.ledger.bulk == BulkProgress(0, 0, 0, done=True)


async def test_closing_lets_go_of_all_of_it() -> None:
    one = await pool()
    one.custodian.gates = {place: asyncio.Event() for place in PLACES}
    one.bulk.start(KEYS)
    await one.clock.advance(0.6)
    await one.bulk.close()
    await one.chain.close()
    assert not one.bulk.running
    assert len(asyncio.all_tasks()) == 1
    await one.bulk.close()


async def test_the_usage_step_alone_renews_nothing_and_is_as_spread_out() -> None:
    one = await pool()
    before = len(one.source.places_asked())
    one.bulk.start(KEYS, usage_only=True)
    await one.clock.advance(START_GAP_SECONDS - 0.01)
    assert one.source.places_asked()[before:] == ["p0", "p1"]
    await one.clock.advance(60)
    assert one.source.places_asked()[before:] == PLACES
    assert one.custodian.places() == []
    ended = BulkProgress(6, 6, 0, done=True, changed=0, had_turn=frozenset(KEYS), usage_only=True)
    assert one.ledger.bulk == ended
