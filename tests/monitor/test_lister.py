from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from poolwatch.domain.failure import FailureKind
from poolwatch.monitor.lister import watch_seconds
from poolwatch.words.messages import failure_text
from tests.monitor.scripted import Rig, ScriptedSource, failure, key_of, listing, rig, running, soon
from tests.monitor.turned_clock import START, TurnedClock


async def test_logins_appear_and_vanish_by_themselves_within_seconds() -> None:
    one = rig("a")
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(10)
        assert one.source.listed == 1
        one.source.listings = [listing("b")]
        one.source.changed()
        await one.clock.advance(4)
        assert set(one.state.accounts) == {key_of("b")}
        assert one.source.listed == 2
        assert one.source.places_asked() == ["a", "b"]


async def test_a_source_that_cannot_say_keeps_what_it_said_and_is_asked_again() -> None:
    one = rig("a")
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(5)
        one.source.listing_failure = failure(FailureKind.UNREACHABLE)
        one.source.changed()
        await one.clock.advance(4)
        state = one.state.sources["homes"]
        assert state.failure is not None
        assert set(one.state.accounts) == {key_of("a")}
        listed = one.source.listed
        await one.clock.advance(45)
        assert one.source.listed == listed + 1
        one.source.listing_failure = None
        await one.clock.advance(300)
        assert one.state.sources["homes"].failure is None


async def test_a_failing_source_is_asked_less_and_less_but_once_an_interval() -> None:
    one = rig("a")
    one.source.listing_failure = failure(FailureKind.FORBIDDEN)
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(600)
        listed = one.source.listed
        assert 3 <= listed <= 7
        await one.clock.advance(3000)
        assert 9 <= one.source.listed - listed <= 11
    assert one.state.sources["homes"].failing_since == START


async def test_a_source_that_says_when_to_come_back_is_left_alone_until_then() -> None:
    one = rig("a")
    one.source.listing_failure = failure(FailureKind.THROTTLED, retry_at=START + timedelta(minutes=20))
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(19 * 60)
        assert one.source.listed == 1
        await one.clock.advance(65)
        assert one.source.listed == 2


async def test_a_list_is_renewed_each_interval_even_if_nothing_seems_to_change() -> None:
    one = rig("a")
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(290)
        one.source.listings.append(listing("b"))
        assert one.source.listed == 1
        await one.clock.advance(15)
        assert key_of("b") in one.state.accounts


async def test_a_clock_set_back_does_not_end_the_watch() -> None:
    one = rig("a")
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(1)
        one.clock.leap(timedelta(days=-3650))
        one.source.listings.append(listing("b"))
        await one.clock.advance(4)
        assert key_of("b") in one.state.accounts


async def test_a_hung_list_holds_up_no_other_source() -> None:
    hung, well = ScriptedSource("hung", "a"), ScriptedSource("well", "b")
    hung.hung_list = gate = asyncio.Event()
    clock = TurnedClock()
    one = Rig([hung, well], clock)
    async with running(one.poller.run(), clock):
        await clock.advance(1)
        assert well.places_asked() == ["b"]
        assert not one.state.settled
        well.listings.append(listing("c", source="well"))
        well.changed()
        await clock.advance(4)
        assert "c" in well.places_asked()
        assert hung.listed == 1
        gate.set()
        await clock.settle()
        assert one.state.settled
        assert hung.places_asked() == ["a"]


async def test_ending_the_watch_ends_a_hung_look() -> None:
    one = rig("a")
    one.source.hung_list = asyncio.Event()
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(10)
    assert len(asyncio.all_tasks()) == 1


async def test_errors_of_a_source_are_failures_of_that_source() -> None:
    clock = TurnedClock()
    broken, well = ScriptedSource("broken", "a"), ScriptedSource("well", "b")
    broken.listing_failure = KeyError("secret")
    one = Rig([broken, well], clock)
    async with running(one.poller.run(), clock):
        await clock.advance(5)
        found = one.state.sources["broken"].failure
        assert found is not None
        assert (found.kind, failure_text(found)) == (FailureKind.UPSTREAM_ERROR, "internal error: KeyError")
        assert one.state.settled
        broken.listing_failure = None
        broken.stamp = OSError("stale handle")
        await clock.advance(4)
        assert key_of("a") in one.state.accounts
        listed = broken.listed
        await clock.advance(60)
        assert broken.listed == listed


async def test_an_older_list_never_overwrites_a_newer_one() -> None:
    one = await rig("a").listed()
    one.source.hung_list = gate = asyncio.Event()
    early = await soon(one.poller.relist("homes"), one.clock)
    one.source.hung_list = None
    one.source.listings = [listing("a", token="won-just-now")]
    late = await soon(one.poller.relist("homes"), one.clock)
    gate.set()
    await asyncio.gather(early, late)
    assert one.account("a").acting.token.fingerprint == "won-just-now"


async def test_without_sources_the_pool_is_settled_and_empty() -> None:
    one = Rig([])
    async with running(one.poller.run(), one.clock):
        assert one.state.settled
        assert one.state.accounts == {}


async def test_listing_everything_once_settles_the_pool() -> None:
    one = rig("a")
    assert not one.state.settled
    await one.poller.lister.list_all()
    assert one.state.settled
    await one.poller.lister.list_source(one.source)
    assert one.source.listed == 2


@pytest.mark.parametrize(("accounts", "seconds"), [(0, 3.0), (300, 3.0), (600, 6.0), (1000, 10.0)])
def test_many_files_are_looked_at_less_often(accounts: int, seconds: float) -> None:
    assert watch_seconds(accounts) == seconds


async def test_a_look_that_hangs_holds_up_no_other_for_long() -> None:
    clock = TurnedClock()
    hung, well = ScriptedSource("hung", "a"), ScriptedSource("well", "b")
    one = Rig([hung, well], clock)
    async with running(one.poller.run(), clock):
        await clock.advance(1)
        hung.hung_look = asyncio.Event()
        well.listings.append(listing("c", source="well"))
        well.changed()
        await clock.advance(3)
        assert hung.is_looked_at
        assert "c" in well.places_asked()
        # nor is it waited for again
        looked_at = well.looked_at
        await clock.advance(6)
        assert well.looked_at == looked_at + 2
        assert hung.looked_at == 2


async def test_a_source_that_hangs_is_told_and_heard_again() -> None:
    clock = TurnedClock()
    hung, well = ScriptedSource("hung", "a"), ScriptedSource("well", "b")
    hung.hung_list = gate = asyncio.Event()
    one = Rig([hung, well], clock)
    async with running(one.poller.run(), clock):
        await clock.advance(29)
        assert not one.state.settled
        await clock.advance(7)
        assert one.state.settled
        told = one.state.sources["hung"].failure
        assert told is not None
        assert failure_text(told) == "no answer for 30 s: its disk or its server hangs"
        gate.set()
        await clock.advance(4)
        assert one.state.sources["hung"].failure is None
        # the same in a later look
        hung.hung_list, hung.hung_look = None, asyncio.Event()
        await clock.advance(40)
        assert one.state.sources["hung"].failure is not None
        hung.hung_look.set()
        await clock.advance(4)
        assert one.state.sources["hung"].failure is None
        assert key_of("a") in one.state.accounts


async def test_a_refresh_does_not_wait_for_a_source_that_hangs() -> None:
    clock = TurnedClock()
    hung, well = ScriptedSource("hung", "a"), ScriptedSource("well", "a")
    one = Rig([hung, well], clock)
    async with running(one.poller.run(), clock):
        await clock.advance(1)
        hung.hung_list = asyncio.Event()
        refreshing = asyncio.create_task(one.chain.run(key_of("a")))
        await clock.advance(6)
        assert refreshing.done()
        assert refreshing.result().usage is not None
    assert len(asyncio.all_tasks()) == 1
