from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from poolwatch.domain.failure import FailureKind
from poolwatch.domain.usage import Usage
from poolwatch.domain.values import replace
from poolwatch.words.messages import failure_text
from tests.monitor.scripted import (
    INTERVAL,
    Answer,
    Rig,
    ScriptedSource,
    failure,
    key_of,
    listing,
    rig,
    running,
    snapshot,
    soon,
    weekly_of,
)
from tests.monitor.turned_clock import START, TurnedClock

MINUTES = 60.0


async def test_every_account_is_polled_once_an_interval() -> None:
    one = rig("a", "b")
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(1)
        assert sorted(one.source.places_asked()) == ["a", "b"]
        await one.clock.advance(5 * MINUTES)
        assert sorted(one.source.places_asked()) == ["a", "a", "b", "b"]
    assert weekly_of(one.account("a")) == 71
    assert one.state.settled


async def test_never_more_at_once_than_allowed() -> None:
    one = rig(*(f"p{number}" for number in range(40)), concurrency=3)
    one.source.takes = 2.0
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(60)
    assert one.source.most_at_once == 3
    assert len(set(one.source.places_asked())) == 40


async def test_a_thousand_accounts_are_swept_in_a_calm_row() -> None:
    one = rig(*(f"p{number}" for number in range(1000)), draw=random.Random(3).random)
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(130)
    assert sorted(set(one.source.places_asked())) == sorted(f"p{number}" for number in range(1000))
    assert len(one.source.asked) == 1000
    starts = [at for _, at in one.source.asked]
    busiest = max(
        sum(other - at < timedelta(seconds=1) for other in starts[i : i + 40]) for i, at in enumerate(starts)
    )
    assert busiest <= 11


async def test_a_hung_account_holds_up_no_other_and_is_not_asked_twice() -> None:
    one = rig("a", "b", "c", concurrency=2)
    one.source.hung["a"] = asyncio.Event()
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(16 * MINUTES)
        assert one.source.places_asked().count("a") == 1
        assert one.source.places_asked().count("b") == 4
        assert one.source.places_asked().count("c") == 4
        one.source.hung.pop("a").set()
        await one.clock.advance(5 * MINUTES)
        assert one.source.places_asked().count("a") == 2


async def test_a_hung_source_leaves_a_slot_to_the_others() -> None:
    clock = TurnedClock()
    hung = ScriptedSource("hung", *(f"h{number}" for number in range(20)))
    hung.hung = {f"h{number}": asyncio.Event() for number in range(20)}
    well = ScriptedSource("well", *(f"w{number}" for number in range(20)))
    one = Rig([hung, well], clock, concurrency=3)
    async with running(one.poller.run(), clock):
        await clock.advance(60)
    assert len(hung.asked) == 2
    assert len(set(well.places_asked())) == 20


async def test_several_sources_together_keep_to_the_limit() -> None:
    clock = TurnedClock()
    sources = [ScriptedSource(name, *(f"{name}{number}" for number in range(20))) for name in "abc"]
    for source in sources:
        source.hung = {each.ref.place: asyncio.Event() for each in source.listings}
    one = Rig(sources, clock, concurrency=3)
    async with running(one.poller.run(), clock):
        await clock.advance(60)
        assert sum(source.at_once for source in sources) == 3


async def test_with_a_single_slot_two_sources_are_both_polled() -> None:
    clock = TurnedClock()
    one = Rig([ScriptedSource("one", "a"), ScriptedSource("two", "b")], clock, concurrency=1)
    async with running(one.poller.run(), clock):
        await clock.advance(5)
    assert [source.places_asked() for source in one.sources] == [["a"], ["b"]]


async def test_what_is_on_screen_goes_first() -> None:
    one = rig(*(f"p{number}" for number in range(30)), concurrency=1)
    one.poller.set_visible({key_of("p17")})
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(1)
    assert one.source.places_asked()[0] == "p17"


async def test_a_claim_refused_adopts_the_reading_of_the_other_process() -> None:
    one = await rig("a").listed()
    other = replace(
        one.account("a"),
        usage=Usage().merged(snapshot(12), START, "homes"),
        read_at=START,
        tried_at=START,
    )
    one.store.accounts[other.key.id] = other
    one.store.polls[other.key.id] = START
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(2)
        assert one.source.asked == []
        assert weekly_of(one.account("a")) == 12
        await one.clock.advance(5 * MINUTES)
        assert one.source.places_asked() == ["a"]


@pytest.mark.parametrize("is_stored", [False, True])
async def test_a_poll_whose_answer_nobody_kept_is_made_anew_once(is_stored: bool) -> None:
    one = await rig("a").listed()
    if is_stored:
        one.store.accounts[key_of("a").id] = one.account("a")
    one.store.polls[key_of("a").id] = START
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(2)
        assert one.source.places_asked() == ["a"]
        assert one.store.noted == [key_of("a").id]
        await one.clock.advance(4 * MINUTES)
        assert one.source.places_asked() == ["a"]


async def test_pause_stops_polls_and_resuming_spreads_what_is_overdue() -> None:
    one = rig(*(f"p{number}" for number in range(40)), concurrency=40)
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(10)
        one.poller.set_paused(True)
        one.source.asked.clear()
        await one.clock.advance(60 * MINUTES)
        assert one.source.asked == []
        one.source.listings.append(listing("new"))
        one.source.changed()
        await one.clock.advance(4)
        assert key_of("new") in one.state.accounts
        one.poller.set_paused(False)
        await one.clock.advance(1)
        assert 5 <= len(one.source.asked) <= 12
        await one.clock.advance(6)
        assert len(one.source.asked) == 41


async def test_a_failure_keeps_the_last_figures() -> None:
    one = rig("a")
    one.source.answers["a"] = [snapshot(40), failure(FailureKind.UNREACHABLE), snapshot(41)]
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(6 * MINUTES)
        account = one.account("a")
        assert weekly_of(account) == 40
        assert account.reading_trouble is not None
        assert account.reading_trouble.kind is FailureKind.UNREACHABLE
        assert account.read_at == START
        assert account.tried_at == START + timedelta(minutes=5)
        await one.clock.advance(5 * MINUTES)
        assert weekly_of(one.account("a")) == 41
        assert one.account("a").reading_trouble is None


async def test_a_throttled_account_is_left_alone_until_it_may_be_asked() -> None:
    one = rig("a")
    one.source.answers["a"] = [failure(FailureKind.THROTTLED, retry_at=START + timedelta(minutes=40))]
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(39 * MINUTES)
        assert len(one.source.asked) == 1
        await one.clock.advance(2 * MINUTES)
        assert len(one.source.asked) == 2


async def test_an_error_of_a_source_is_a_failure_of_that_account_alone() -> None:
    one = rig("a", "b")
    one.source.answers["a"] = [RuntimeError("token sk-secret in the text"), snapshot(9)]
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(2)
        trouble = one.account("a").reading_trouble
        assert trouble is not None
        assert (trouble.kind, failure_text(trouble)) == (
            FailureKind.UPSTREAM_ERROR,
            "internal error: RuntimeError",
        )
        assert weekly_of(one.account("b")) == 71
        await one.clock.advance(6 * MINUTES)
        assert weekly_of(one.account("a")) == 9


async def test_an_error_beyond_the_sources_is_told_and_the_loop_goes_on() -> None:
    one = rig("a")
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    one.store.claim_error = ValueError("broken")
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(1)
        assert [type(context["exception"]) for context in told] == [ValueError]
        one.store.claim_error = None
        await one.clock.advance(5 * MINUTES)
        assert one.source.places_asked() == ["a"]


async def test_a_night_asleep_is_one_calm_catch_up() -> None:
    one = rig(*(f"p{number}" for number in range(80)), concurrency=80, draw=random.Random(5).random)
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(20)
        one.source.asked.clear()
        one.clock.leap(timedelta(hours=9))
        await one.clock.advance(5)
        early = len(one.source.asked)
        await one.clock.advance(15)
        assert early < 60
        assert sorted(one.source.places_asked()) == sorted(f"p{number}" for number in range(80))


async def test_a_clock_set_back_by_years_does_not_silence_the_pool() -> None:
    one = rig("a")
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(1)
        one.clock.leap(timedelta(days=-3650))
        await one.clock.advance(10)
        assert len(one.source.asked) == 2


async def test_the_last_payload_is_at_hand_until_its_account_goes() -> None:
    one = await rig("a").listed()
    assert one.poller.raw(key_of("a")) is None
    one.source.raw = '{"plan_type":"plus"}'
    await one.poller.read(key_of("a"))
    one.source.raw = None
    await one.poller.read(key_of("a"))
    assert one.poller.raw(key_of("a")) == '{"plan_type":"plus"}'
    one.source.listings = []
    await one.poller.relist("homes")
    assert one.poller.raw(key_of("a")) is None


async def test_an_account_that_goes_while_it_is_asked_leaves_no_trace() -> None:
    one = await rig("a").listed()
    one.source.hung["a"] = gate = asyncio.Event()
    reading = await soon(one.poller.read(key_of("a")), one.clock)
    one.source.listings = []
    await one.poller.relist("homes")
    gate.set()
    assert await reading is not None
    assert one.state.accounts == {}
    assert one.poller.schedule.due_at(key_of("a")) is None


async def test_an_account_that_goes_between_due_time_and_poll_is_not_claimed() -> None:
    one = rig("a")
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(1)
        one.source.asked.clear()
        claims = len(one.store.claims)
        one.source.listings = []
        one.source.changed()
        await one.clock.advance(10 * MINUTES)
        assert one.source.asked == []
        assert len(one.store.claims) == claims


async def test_ending_the_loop_ends_the_polls_it_started() -> None:
    one = rig("a")
    one.source.hung["a"] = asyncio.Event()
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(1)
        assert one.source.at_once == 1
    assert one.source.at_once == 0


async def test_a_source_added_later_is_monitored() -> None:
    one = rig("a")
    late = ScriptedSource("late", "b")
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(5)
        one.poller.lister.add(late)
        await one.clock.advance(5)
    assert late.places_asked() == ["b"]


@pytest.mark.parametrize(
    "outcome", [failure(FailureKind.FORBIDDEN), failure(FailureKind.MALFORMED), ConnectionError("x")]
)
async def test_repeated_failures_are_asked_for_ever_less_often(outcome: Answer) -> None:
    one = rig("a")
    one.source.default = outcome
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(6 * 60 * MINUTES)
        assert 8 <= len(one.source.asked) <= 13
        gaps = [
            late - early
            for (_, early), (_, late) in zip(one.source.asked, one.source.asked[1:], strict=False)
        ]
        assert max(gaps) <= timedelta(hours=1)
        assert min(gaps) >= INTERVAL * 0.9
    account = one.account("a")
    assert account.failures == len(one.source.asked)
    assert account.reading_trouble is not None
    assert account.reading_trouble.since == START
