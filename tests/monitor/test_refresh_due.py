from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.events import Answer, AnswerKind
from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.refresh import BlockReason, RefreshProgress, TokenOutcome, TokenStep
from poolwatch.domain.values import replace
from tests.monitor.scripted import (
    Rig,
    failure,
    key_of,
    listing,
    rig,
)
from tests.monitor.turned_clock import START

A = key_of("a")


def ended(one: Rig, place: str = "a") -> RefreshProgress | None:
    return one.account(place).refresh


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
    one.custodian.steps["a"] = TokenStep(TokenOutcome.FAILED, failure=worded(kind, "x"), retry_at=until)
    await one.chain.run(A)
    assert one.chain.objection(A, usage_only=True) is None
    assert one.chain.start(A).kind is answer


async def test_a_lost_reply_is_asked_about_before_the_login_is_spent_again() -> None:
    one = await rig("a").listed()
    lost = START - timedelta(minutes=3)
    one.custodian.steps["a"] = TokenStep(TokenOutcome.AMBIGUOUS, lost_at=lost)
    await one.chain.run(A)
    assert one.chain.start(A) == Answer(AnswerKind.ASK_ONCE, lost)
    assert one.chain.start(A, override=True) == Answer(AnswerKind.ASK_ONCE, lost)
    assert len(one.custodian.asks) == 1
    assert one.chain.start(A, usage_only=True).kind is AnswerKind.STARTED
    await one.clock.settle()
    assert one.account("a").ambiguous
    one.custodian.steps["a"] = TokenStep(TokenOutcome.REFRESHED)
    assert one.chain.start(A, try_once=True).kind is AnswerKind.STARTED
    await one.clock.settle()
    assert [request.try_once for request in one.custodian.asks] == [False, True]
    assert not one.account("a").ambiguous


async def test_trying_once_is_asked_once_even_under_a_retry_after() -> None:
    one = await rig("a").listed()
    one.source.answers["a"] = [failure(FailureKind.THROTTLED, retry_at=START + timedelta(minutes=10))]
    one.custodian.steps["a"] = TokenStep(TokenOutcome.AMBIGUOUS)
    await one.chain.run(A)
    assert one.chain.start(A).kind is AnswerKind.THROTTLED
    assert one.chain.start(A, override=True).kind is AnswerKind.ASK_ONCE
    assert one.chain.start(A, try_once=True).kind is AnswerKind.STARTED


LATE = TokenStep(TokenOutcome.BLOCKED, block=BlockReason.CODEX_LATE, pid=4711)
RUNNING = TokenStep(TokenOutcome.BLOCKED, block=BlockReason.CODEX_RUNNING, pid=4711)


@pytest.mark.parametrize(
    ("first", "seconds", "beside"),
    [(LATE, 0, True), (LATE, 10, True), (LATE, 11, False), (LATE, -1, False), (RUNNING, 1, False)],
)
async def test_only_a_second_r_soon_after_the_warning_renews_beside_a_codex_that_works(
    first: TokenStep, seconds: float, beside: bool
) -> None:
    one = await rig("a").listed()
    one.custodian.steps["a"] = first
    assert one.chain.start(A).kind is AnswerKind.STARTED
    await one.clock.settle()
    one.clock.leap(timedelta(seconds=seconds))
    assert one.chain.start(A).kind is AnswerKind.STARTED
    await one.clock.settle()
    assert [request.beside_codex for request in one.custodian.asks] == [False, beside]


async def test_a_refresh_of_many_or_of_a_command_is_no_second_r() -> None:
    one = await rig("a").listed()
    one.custodian.steps["a"] = LATE
    await one.chain.run(A)
    await one.chain.run(A)
    await one.chain.run(A, spare_fresh_tokens=False, beside_codex=True)
    assert [request.beside_codex for request in one.custodian.asks] == [False, False, True]


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
    progress = await one.chain.run(A, spare_fresh_tokens=True)
    assert bool(one.custodian.asks) is runs
    assert progress.token is not None
    await one.chain.run(A)
    assert len(one.custodian.asks) == runs + 1


async def test_if_due_includes_a_token_that_was_rejected() -> None:
    one = await rig("a").listed()
    one.source.answers["a"] = [failure(FailureKind.UNAUTHORIZED)]
    await one.poller.read(A)
    await one.chain.run(A, spare_fresh_tokens=True)
    assert one.custodian.places() == ["a"]


async def test_if_due_spends_no_login_twice_within_a_minute() -> None:
    one = rig()
    one.source.listings = [listing("a", custody=Custody.POOLWATCH, expires_at=START)]
    await one.listed()
    one.custodian.steps["a"] = TokenStep(TokenOutcome.FAILED, failure=failure(FailureKind.UNREACHABLE))
    first = await one.chain.run(A, spare_fresh_tokens=True)
    await one.clock.advance(59)
    again = await one.chain.run(A, spare_fresh_tokens=True)
    assert again.token is first.token
    assert len(one.custodian.asks) == 1
    await one.chain.run(A)
    assert len(one.custodian.asks) == 2, "a person's own wish is not bound by the minute"
    one.source.replace(replace(one.source.listings[0], path="~/moved"))
    await one.poller.relist("homes")
    await one.chain.run(A, spare_fresh_tokens=True)
    assert len(one.custodian.asks) == 3, "another login is another matter"
    await one.clock.advance(60)
    await one.chain.run(A, spare_fresh_tokens=True)
    assert len(one.custodian.asks) == 4


async def test_a_step_that_spent_nothing_binds_nobody() -> None:
    one = rig()
    one.source.listings = [listing("a", expires_at=START)]
    await one.listed()
    one.custodian.steps["a"] = TokenStep(TokenOutcome.BLOCKED)
    await one.chain.run(A, spare_fresh_tokens=True)
    await one.chain.run(A, spare_fresh_tokens=True)
    assert len(one.custodian.asks) == 2
