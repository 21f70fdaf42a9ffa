from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import Answer, AnswerKind
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.refresh import Awaited, RefreshProgress, TokenOutcome
from poolwatch.words.messages import failure_text
from tests.monitor.scripted import (
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

A = key_of("a")


def ended(one: Rig, place: str = "a") -> RefreshProgress | None:
    return one.account(place).refresh


async def test_a_refresh_begins_at_once_and_shows_each_step() -> None:
    one = await rig("a").listed()
    one.source.answers["a"] = [snapshot(71), snapshot(20, balance="5.0")]
    await one.poller.read(A)
    one.custodian.gates["a"] = token_gate = asyncio.Event()
    one.source.hung["a"] = usage_gate = asyncio.Event()
    assert one.chain.start(A) == Answer(AnswerKind.STARTED)
    shown = ended(one)
    assert shown is not None
    assert (shown.token, shown.usage, shown.done) == (None, None, False)
    token_gate.set()
    await one.clock.settle()
    shown = ended(one)
    assert shown is not None
    assert shown.token is not None
    assert (shown.usage, shown.done) == (None, False)
    assert weekly_of(one.account("a")) == 71, "the old figures stand until the new ones are there"
    usage_gate.set()
    await one.clock.settle()
    shown = ended(one)
    assert shown is not None
    assert shown.usage is not None
    assert shown.done
    assert shown.usage.took_seconds == 0.3
    assert [(each.name, each.before, each.after) for each in shown.changes] == [
        ("weekly", 71, 20),
        ("credits", None, 5),
    ]
    assert weekly_of(one.account("a")) == 20


async def test_one_refresh_per_account_at_a_time() -> None:
    one = await rig("a").listed()
    one.custodian.gates["a"] = gate = asyncio.Event()
    assert one.chain.start(A).kind is AnswerKind.STARTED
    assert one.chain.start(A).kind is AnswerKind.RUNNING
    joined = await soon(one.chain.run(A), one.clock)
    gate.set()
    progress = await joined
    assert isinstance(progress, RefreshProgress)
    assert progress.done
    assert one.custodian.places() == ["a"]
    assert len(one.source.asked) == 1
    assert one.chain.start(A).kind is AnswerKind.STARTED


async def test_two_refreshes_are_at_work_pool_wide() -> None:
    places = [f"p{number}" for number in range(6)]
    one = await rig(*places).listed()
    one.custodian.gates = {place: asyncio.Event() for place in places}
    for place in places:
        assert one.chain.start(key_of(place)).kind is AnswerKind.STARTED
    await one.clock.settle()
    assert one.custodian.places() == ["p0", "p1"]
    one.custodian.gates["p1"].set()
    await one.clock.settle()
    assert one.custodian.places() == ["p0", "p1", "p2"]
    for gate in one.custodian.gates.values():
        gate.set()
    await one.clock.settle()
    assert one.custodian.most_at_once == 2
    assert all(progress is not None and progress.done for progress in (ended(one, place) for place in places))


async def test_usage_alone_leaves_the_token_alone() -> None:
    one = await rig("a").listed()
    progress = await one.chain.run(A, usage_only=True)
    assert one.custodian.asks == []
    assert progress.token is None
    assert progress.usage_only
    assert not progress.failed
    assert one.source.listed == 1
    assert one.source.places_asked() == ["a"]


async def test_a_step_that_ends_in_an_error_is_a_failed_step() -> None:
    one = await rig("a").listed()
    one.custodian.error = RuntimeError("with a secret in it")
    progress = await one.chain.run(A)
    assert progress.token is not None
    assert progress.token.outcome is TokenOutcome.FAILED
    assert progress.token.failure is not None
    assert failure_text(progress.token.failure) == "internal error: RuntimeError"
    assert progress.done
    assert one.source.places_asked() == ["a"]


async def test_a_usage_step_that_ends_in_an_error_ends_the_refresh() -> None:
    one = await rig("a").listed()

    def broken_note(account_id: str, now: datetime) -> None:
        raise RuntimeError("can't start new thread")

    one.store.note_poll = broken_note  # type: ignore[method-assign]  # one broken store
    progress = await one.chain.run(A, usage_only=True)
    assert progress.done
    assert progress.usage is not None
    assert progress.usage.failure is not None
    assert failure_text(progress.usage.failure).startswith("this machine has no room for it")
    assert one.ledger.state.accounts[A].refresh == progress


async def test_the_owner_of_a_login_is_seen_at_work() -> None:
    one = await rig("a").listed()
    one.custodian.delegates = True
    one.custodian.gates["a"] = gate = asyncio.Event()
    one.chain.start(A)
    await one.clock.settle()
    shown = ended(one)
    assert shown is not None
    assert shown.delegating
    gate.set()
    await one.clock.settle()
    shown = ended(one)
    assert shown is not None
    assert not shown.delegating


async def test_a_process_that_does_not_come_is_seen_and_told() -> None:
    one = await rig("a").listed()
    one.custodian.delegates = True
    one.custodian.waits = [Awaited(4711), Awaited(4711, stopped=True)]
    one.custodian.gates["a"] = gate = asyncio.Event()
    told: list[tuple[AccountKey, Awaited]] = []
    one.chain.on_waiting = lambda key, found: told.append((key, found))
    one.chain.start(A)
    await one.clock.settle()
    shown = ended(one)
    assert shown is not None
    assert shown.delegating
    assert shown.waits_for == Awaited(4711, stopped=True)
    assert told == [(A, each) for each in one.custodian.waits]
    gate.set()
    await one.clock.settle()
    shown = ended(one)
    assert shown is not None
    assert shown.waits_for is None


async def test_giving_up_the_wait_does_not_end_the_refresh() -> None:
    one = await rig("a").listed()
    one.custodian.gates["a"] = gate = asyncio.Event()
    waiter = await soon(one.chain.run(A), one.clock)
    waiter.cancel()
    await one.clock.settle()
    assert one.chain.start(A).kind is AnswerKind.RUNNING
    gate.set()
    await one.clock.settle()
    shown = ended(one)
    assert shown is not None
    assert shown.done


async def test_closing_ends_what_runs_and_waits_for_it() -> None:
    one = await rig("a", "b", "c").listed()
    for place in "abc":
        one.custodian.gates[place] = asyncio.Event()
        one.chain.start(key_of(place))
    await one.clock.settle()
    await one.chain.close()
    assert one.custodian.at_once == 0
    assert len(asyncio.all_tasks()) == 1


async def test_holders_of_other_refresh_tokens_are_passed_on() -> None:
    one = rig()
    one.source.listings = [
        listing("a", refresh="mine"),
        listing("b", refresh="mine"),
        listing("c", refresh="theirs"),
        listing("d", refresh=None),
    ]
    await one.listed()
    one.source.answers["a"] = [failure(FailureKind.UNAUTHORIZED)]
    await one.poller.read(A)
    await one.chain.run(A)
    request = one.custodian.asks[0]
    assert request.other_holders == {"mine", "theirs"}
    assert request.rejected == {"access-a"}
    assert one.custodian.places()[0] == "a"


async def test_the_same_file_listed_twice_is_no_other_holder() -> None:
    clock = TurnedClock()
    one = Rig([ScriptedSource("one", "a"), ScriptedSource("two", "a")], clock)
    await one.listed()
    await one.chain.run(A)
    assert one.custodian.asks[0].other_holders == frozenset()
    assert [source.listed for source in one.sources] == [2, 2]


async def test_the_keeper_is_given_the_time_of_the_server() -> None:
    one = await rig("a").listed()
    one.source.clock_offset = timedelta(hours=-3)
    await one.chain.run(A)
    await one.chain.run(A)
    assert [request.now for request in one.custodian.asks] == [START, START - timedelta(hours=3)]


async def test_a_disabled_login_is_left_alone_even_by_a_refresh() -> None:
    one = rig()
    one.source.listings = [listing("a", disabled=True)]
    await one.listed()
    progress = await one.chain.run(A)
    assert progress.usage is not None
    assert not progress.usage.tried
    assert one.source.asked == []


async def test_a_refresh_counts_as_a_poll_for_every_process_but_only_if_it_asks() -> None:
    one = rig("a")
    one.source.listings.append(listing("b", expires_at=START))
    await one.listed()
    one.store.polls[A.id] = START
    await one.chain.run(A)
    await one.chain.run(key_of("b"))
    assert one.store.noted == [A.id]
    assert one.poller.schedule.due_at(A) == START + timedelta(minutes=5)


async def test_a_token_that_went_between_the_steps_is_no_attempt() -> None:
    one = await rig("a").listed()
    one.source.answers["a"] = [failure(FailureKind.NO_TOKEN)]
    progress = await one.chain.run(A)
    assert progress.usage is not None
    assert not progress.usage.tried
    assert progress.failed


async def test_an_account_that_goes_while_it_is_refreshed() -> None:
    one = await rig("a").listed()

    def swap() -> None:
        one.source.listings = [listing("b")]

    one.custodian.act["a"] = swap
    progress = await one.chain.run(A)
    assert progress.done
    assert progress.usage is not None
    assert not progress.usage.tried
    assert progress.changes == ()
    assert A not in one.state.accounts
    assert one.chain.start(A).kind is AnswerKind.RUNNING


async def test_an_account_that_is_gone_before_its_turn() -> None:
    one = await rig("a").listed()
    progress = await one.chain.run(key_of("nobody"))
    assert progress.done
    assert progress.failed
    assert one.custodian.asks == []


async def test_an_account_that_goes_in_the_middle_of_the_usage_step() -> None:
    one = await rig("a").listed()
    one.source.hung["a"] = gate = asyncio.Event()
    run = await soon(one.chain.run(A), one.clock)
    one.source.listings = []
    await one.poller.relist("homes")
    gate.set()
    progress = await run
    assert isinstance(progress, RefreshProgress)
    assert progress.done
    assert progress.changes == ()


async def test_a_token_that_expires_while_the_poll_is_noted() -> None:
    one = rig("a")
    one.source.listings = [listing("a", expires_at=START + timedelta(seconds=5))]
    await one.listed()
    note = one.store.note_poll

    def slow_note(account_id: str, now: datetime) -> None:
        note(account_id, now)
        one.clock.leap(timedelta(seconds=10))

    one.store.note_poll = slow_note  # type: ignore[method-assign]  # one slow disk
    run = await soon(one.chain.run(A), one.clock)
    await one.clock.advance(10)
    progress = await run
    assert isinstance(progress, RefreshProgress)
    assert progress.usage is not None
    assert not progress.usage.tried
    assert one.source.asked == []


async def test_a_refresh_beside_the_poll_loop() -> None:
    one = rig("a")
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(100)
        await one.chain.run(A)
        assert len(one.source.asked) == 2
        await one.clock.advance(250)
        assert len(one.source.asked) == 2, "the interval counts from the refresh"
        await one.clock.advance(60)
        assert len(one.source.asked) == 3
