from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field

from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import BulkProgress, PoolChanged
from poolwatch.domain.message import Message
from poolwatch.domain.state import PoolState
from poolwatch.monitor.ledger import Broadcast, Ledger
from tests.monitor.scripted import key_of
from tests.monitor.turned_clock import TurnedClock

A, B, C = key_of("a"), key_of("b"), key_of("c")


@dataclass
class Hearing:
    """Somebody who listens, and what he heard."""

    bursts: list[PoolChanged] = field(default_factory=list)

    @property
    def keys(self) -> list[frozenset[AccountKey] | None]:
        return [burst.keys for burst in self.bursts]

    @property
    def bulks(self) -> list[BulkProgress | None]:
        return [burst.bulk for burst in self.bursts]

    async def listen(self, source: Broadcast | Ledger) -> None:
        async for burst in source.changes():
            self.bursts.append(burst)


def broadcast(clock: TurnedClock) -> Broadcast:
    return Broadcast(lambda keys: PoolChanged(PoolState(), keys), clock.sleep)


async def test_the_first_burst_comes_at_once_and_is_about_everything() -> None:
    clock, hearing = TurnedClock(), Hearing()
    source = broadcast(clock)
    source.touch([A])
    listener = asyncio.create_task(hearing.listen(source))
    await clock.settle()
    assert hearing.keys == [None]
    await clock.advance(60)
    assert hearing.keys == [None]
    listener.cancel()


async def test_at_most_ten_bursts_a_second_and_no_key_is_lost() -> None:
    clock, hearing = TurnedClock(), Hearing()
    source = broadcast(clock)
    listener = asyncio.create_task(hearing.listen(source))
    keys = [key_of(f"p{number}") for number in range(1000)]
    await clock.settle()
    for key in keys:
        source.touch([key])
        await clock.advance(0.001)
    await clock.advance(1)
    assert 10 <= len(hearing.bursts) <= 12
    told = {key for burst in hearing.keys[1:] for key in burst or ()}
    assert told == set(keys)
    listener.cancel()


async def test_a_burst_is_told_once_and_together() -> None:
    clock, hearing = TurnedClock(), Hearing()
    source = broadcast(clock)
    listener = asyncio.create_task(hearing.listen(source))
    await clock.advance(1)
    source.touch([A])
    await clock.settle()
    source.touch([A, B])
    source.touch([C])
    await clock.advance(0.05)
    assert hearing.keys == [None, frozenset({A})]
    await clock.advance(0.06)
    assert hearing.keys == [None, frozenset({A}), frozenset({A, B, C})]
    source.touch([A])
    source.touch(None)
    source.touch([B])
    await clock.advance(0.2)
    source.touch([C])
    await clock.advance(0.2)
    assert hearing.keys[3:] == [None, frozenset({C})]
    listener.cancel()


async def test_every_listener_hears_everything_at_its_own_pace() -> None:
    clock, quick, late = TurnedClock(), Hearing(), Hearing()
    source = broadcast(clock)
    first = asyncio.create_task(quick.listen(source))
    await clock.advance(1)
    source.touch([A])
    await clock.advance(1)
    second = asyncio.create_task(late.listen(source))
    await clock.advance(1)
    source.touch([B])
    await clock.advance(1)
    assert quick.keys == [None, frozenset({A}), frozenset({B})]
    assert late.keys == [None, frozenset({B})]
    first.cancel()
    second.cancel()


async def test_what_comes_while_a_slow_listener_works_waits_for_it() -> None:
    clock = TurnedClock()
    source = broadcast(clock)
    async with aclosing(source.changes()) as bursts:  # type: ignore[type-var]  # it is a generator
        assert (await anext(bursts)).keys is None
        source.touch([A])
        source.touch([B])
        task = asyncio.ensure_future(anext(bursts))
        await clock.advance(0.2)
        assert (await task).keys == frozenset({A, B})


async def test_the_end_of_a_bulk_reaches_each_listener_once() -> None:
    clock, one, two, late = TurnedClock(), Hearing(), Hearing(), Hearing()
    ledger = Ledger(PoolState(), clock.sleep)
    tasks = [asyncio.create_task(hearing.listen(ledger)) for hearing in (one, two)]
    await clock.advance(1)
    under_way, end = BulkProgress(1, 2, 0), BulkProgress(2, 2, 0, done=True)
    ledger.tell(bulk=under_way)
    await clock.advance(1)
    ledger.tell(notices=(Message("a line"),))
    await clock.advance(1)
    ledger.tell(bulk=end)
    await clock.advance(1)
    ledger.tell(notices=(Message("another line"),))
    await clock.advance(1)
    assert one.bulks == two.bulks == [None, under_way, under_way, end, None]
    tasks.append(asyncio.create_task(late.listen(ledger)))
    await clock.advance(1)
    assert late.bulks == [None]
    ledger.tell(bulk=BulkProgress(2, 2, 0, done=True))
    await clock.advance(1)
    assert one.bulks[5:] == late.bulks[1:] == [end]
    for task in tasks:
        task.cancel()


async def test_the_real_gap_keeps_bursts_apart() -> None:
    source = Broadcast(lambda keys: PoolChanged(PoolState(), keys))
    loop = asyncio.get_running_loop()
    async with aclosing(source.changes()) as bursts:  # type: ignore[type-var]  # it is a generator
        await anext(bursts)
        began = loop.time()
        source.touch([A])
        await anext(bursts)
        assert loop.time() - began >= 0.09
