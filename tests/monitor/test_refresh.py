from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.changes import Answer, AnswerKind
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.refresh import RefreshProgress, TokenOutcome, TokenStep
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
    one.keeper.gates["a"] = token_gate = asyncio.Event()
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
    one.keeper.gates["a"] = gate = asyncio.Event()
    assert one.chain.start(A).kind is AnswerKind.STARTED
    assert one.chain.start(A).kind is AnswerKind.RUNNING
    joined = await soon(one.chain.run(A), one.clock)
    gate.set()
    progress = await joined
    assert isinstance(progress, RefreshProgress)
    assert progress.done
    assert one.keeper.places() == ["a"]
    assert len(one.source.asked) == 1
    assert one.chain.start(A).kind is AnswerKind.STARTED


async def test_two_refreshes_are_at_work_pool_wide() -> None:
    places = [f"p{number}" for number in range(6)]
    one = await rig(*places).listed()
    one.keeper.gates = {place: asyncio.Event() for place in places}
    for place in places:
        assert one.chain.start(key_of(place)).kind is AnswerKind.STARTED
    await one.clock.settle()
    assert one.keeper.places() == ["p0", "p1"]
    one.keeper.gates["p1"].set()
    await one.clock.settle()
    assert one.keeper.places() == ["p0", "p1", "p2"]
    for gate in one.keeper.gates.values():
        gate.set()
    await one.clock.settle()
    assert one.keeper.most_at_once == 2
    assert all(progress is not None and progress.done for progress in (ended(one, place) for place in places))


async def test_a_retry_after_is_said_first_and_overridden_second() -> None:
    one = await rig("a").listed()
    until = START + timedelta(minutes=10)
    one.source.answers["a"] = [failure(FailureKind.THROTTLED, retry_at=until)]
    await one.poller.read(A)
    assert one.chain.start(A) == Answer(AnswerKind.THROTTLED, until)
    assert one.chain.start(A, usage_only=True) == Answer(AnswerKind.THROTTLED, until)
    assert ended(one) is None
    assert one.chain.start(A, override=True) == Answer(AnswerKind.STARTED)
    await one.clock.settle()
    assert len(one.source.asked) == 2


async def test_a_retry_after_that_is_over_holds_nobody_up() -> None:
    one = await rig("a").listed()
    one.source.answers["a"] = [failure(FailureKind.THROTTLED, retry_at=START + timedelta(minutes=10))]
    await one.poller.read(A)
    await one.clock.advance(600)
    assert one.chain.start(A).kind is AnswerKind.STARTED


@pytest.mark.parametrize("retry_at", [None, START + timedelta(hours=1)])
async def test_another_trouble_with_a_retry_holds_nobody_up(retry_at: datetime | None) -> None:
    one = await rig("a").listed()
    kind = FailureKind.THROTTLED if retry_at is None else FailureKind.UPSTREAM_ERROR
    one.source.answers["a"] = [failure(kind, retry_at=retry_at)]
    await one.poller.read(A)
    assert one.chain.start(A).kind is AnswerKind.STARTED


@pytest.mark.parametrize(
    ("kind", "answer"),
    [(FailureKind.THROTTLED, AnswerKind.THROTTLED), (FailureKind.UNREACHABLE, AnswerKind.STARTED)],
)
async def test_a_retry_after_of_the_issuer_binds_the_token_step_alone(
    kind: FailureKind, answer: AnswerKind
) -> None:
    one = await rig("a").listed()
    until = START + timedelta(minutes=10)
    one.keeper.steps["a"] = TokenStep(TokenOutcome.FAILED, failure=Failure(kind, "x"), retry_at=until)
    await one.chain.run(A)
    assert one.chain.objection(A, usage_only=True) is None
    assert one.chain.start(A).kind is answer


async def test_a_lost_reply_is_asked_about_before_the_login_is_spent_again() -> None:
    one = await rig("a").listed()
    lost = START - timedelta(minutes=3)
    one.keeper.steps["a"] = TokenStep(TokenOutcome.AMBIGUOUS, lost_at=lost)
    await one.chain.run(A)
    assert one.chain.start(A) == Answer(AnswerKind.ASK_ONCE, lost)
    assert one.chain.start(A, override=True) == Answer(AnswerKind.ASK_ONCE, lost)
    assert len(one.keeper.requests) == 1
    assert one.chain.start(A, usage_only=True).kind is AnswerKind.STARTED
    await one.clock.settle()
    assert one.account("a").ambiguous
    one.keeper.steps["a"] = TokenStep(TokenOutcome.REFRESHED)
    assert one.chain.start(A, try_once=True).kind is AnswerKind.STARTED
    await one.clock.settle()
    assert [request.try_once for request in one.keeper.requests] == [False, True]
    assert not one.account("a").ambiguous


async def test_trying_once_is_asked_once_even_under_a_retry_after() -> None:
    one = await rig("a").listed()
    one.source.answers["a"] = [failure(FailureKind.THROTTLED, retry_at=START + timedelta(minutes=10))]
    one.keeper.steps["a"] = TokenStep(TokenOutcome.AMBIGUOUS)
    await one.chain.run(A)
    assert one.chain.start(A).kind is AnswerKind.THROTTLED
    assert one.chain.start(A, override=True).kind is AnswerKind.ASK_ONCE
    assert one.chain.start(A, try_once=True).kind is AnswerKind.STARTED


async def test_usage_alone_leaves_the_token_alone() -> None:
    one = await rig("a").listed()
    progress = await one.chain.run(A, usage_only=True)
    assert one.keeper.requests == []
    assert progress.token is None
    assert progress.usage_only
    assert not progress.failed
    assert one.source.listed == 1
    assert one.source.places_asked() == ["a"]


async def test_a_step_that_ends_in_an_error_is_a_failed_step() -> None:
    one = await rig("a").listed()
    one.keeper.error = RuntimeError("with a secret in it")
    progress = await one.chain.run(A)
    assert progress.token is not None
    assert progress.token.outcome is TokenOutcome.FAILED
    assert progress.token.failure is not None
    assert progress.token.failure.message == "internal error: RuntimeError"
    assert progress.done
    assert one.source.places_asked() == ["a"]


async def test_the_owner_of_a_login_is_seen_at_work() -> None:
    one = await rig("a").listed()
    one.keeper.delegates = True
    one.keeper.gates["a"] = gate = asyncio.Event()
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


async def test_giving_up_the_wait_does_not_end_the_refresh() -> None:
    one = await rig("a").listed()
    one.keeper.gates["a"] = gate = asyncio.Event()
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
        one.keeper.gates[place] = asyncio.Event()
        one.chain.start(key_of(place))
    await one.clock.settle()
    await one.chain.close()
    assert one.keeper.at_once == 0
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
    request = one.keeper.requests[0]
    assert request.other_holders == {"mine", "theirs"}
    assert request.rejected == {"access-a"}
    assert request.listing.ref.place == "a"


async def test_the_same_file_listed_twice_is_no_other_holder() -> None:
    clock = TurnedClock()
    one = Rig([ScriptedSource("one", "a"), ScriptedSource("two", "a")], clock)
    await one.listed()
    await one.chain.run(A)
    assert one.keeper.requests[0].other_holders == frozenset()
    assert [source.listed for source in one.sources] == [2, 2]


async def test_the_keeper_is_given_the_time_of_the_server() -> None:
    one = await rig("a").listed()
    one.source.clock_offset = timedelta(hours=-3)
    await one.chain.run(A)
    await one.chain.run(A)
    assert [request.now for request in one.keeper.requests] == [START, START - timedelta(hours=3)]


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
    assert one.poller.agenda.due_at(A) == START + timedelta(minutes=5)


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

    one.keeper.act["a"] = swap
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
    assert one.keeper.requests == []


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

    async def slow_note(account_id: str, now: datetime) -> None:
        await note(account_id, now)
        await one.clock.sleep(10)

    one.store.note_poll = slow_note  # type: ignore[method-assign]  # one slow disk
    run = await soon(one.chain.run(A), one.clock)
    await one.clock.advance(10)
    progress = await run
    assert isinstance(progress, RefreshProgress)
    assert progress.usage is not None
    assert not progress.usage.tried
    assert one.source.asked == []


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("entry", "runs"),
    [
        (listing("a", expires_at=START + DAY + timedelta(seconds=1)), False),
        (listing("a", expires_at=START + DAY - timedelta(seconds=1)), True),
        (listing("a", expires_at=START), True),
        (listing("a", expires_at=None), False),
        (listing("a", token=None), True),
        (listing("a", custody=Custody.POOLWATCH), False),
        (listing("a", custody=Custody.STATIC), True),
        (listing("a", custody=Custody.POOL, token=None, expires_at=None), False),
        (listing("a", custody=Custody.POOL, token=None, expires_at=None, says_login_needed=True), True),
        (listing("a", custody=Custody.POOL, token=None, expires_at=START + DAY / 2), True),
    ],
)
async def test_if_due_means_dead_or_ending_within_a_day(entry: Listing, runs: bool) -> None:
    one = rig()
    one.source.listings = [entry]
    await one.listed()
    progress = await one.chain.run(A, only_if_due=True)
    assert bool(one.keeper.requests) is runs
    assert progress.token is not None
    await one.chain.run(A)
    assert len(one.keeper.requests) == runs + 1


async def test_if_due_includes_a_token_that_was_rejected() -> None:
    one = await rig("a").listed()
    one.source.answers["a"] = [failure(FailureKind.UNAUTHORIZED)]
    await one.poller.read(A)
    await one.chain.run(A, only_if_due=True)
    assert one.keeper.places() == ["a"]


async def test_if_due_spends_no_login_twice_within_a_minute() -> None:
    one = rig()
    one.source.listings = [listing("a", custody=Custody.POOLWATCH, expires_at=START)]
    await one.listed()
    one.keeper.steps["a"] = TokenStep(TokenOutcome.FAILED, failure=failure(FailureKind.UNREACHABLE))
    first = await one.chain.run(A, only_if_due=True)
    await one.clock.advance(59)
    again = await one.chain.run(A, only_if_due=True)
    assert again.token is first.token
    assert len(one.keeper.requests) == 1
    await one.chain.run(A)
    assert len(one.keeper.requests) == 2, "a person's own wish is not bound by the minute"
    one.source.replace(replace(one.source.listings[0], path="~/moved"))
    await one.poller.relist("homes")
    await one.chain.run(A, only_if_due=True)
    assert len(one.keeper.requests) == 3, "another login is another matter"
    await one.clock.advance(60)
    await one.chain.run(A, only_if_due=True)
    assert len(one.keeper.requests) == 4


async def test_a_step_that_spent_nothing_binds_nobody() -> None:
    one = rig()
    one.source.listings = [listing("a", expires_at=START)]
    await one.listed()
    one.keeper.steps["a"] = TokenStep(TokenOutcome.BLOCKED)
    await one.chain.run(A, only_if_due=True)
    await one.chain.run(A, only_if_due=True)
    assert len(one.keeper.requests) == 2


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
