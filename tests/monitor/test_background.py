"""Background refresh: poolwatch's own logins alone, shortly before they end, two at a time, and patiently."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from poolwatch.domain.account import Custody, Listing, LoginKind, TokenFacts
from poolwatch.domain.failure import FailureKind, LoginProblem
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.domain.status import Status, derive_status
from poolwatch.domain.values import replace
from poolwatch.monitor.many import JITTER_SHARE, LEAD, LOOK_SECONDS, BackgroundRefresh
from poolwatch.monitor.refresh import ATTEMPT_SPACING
from tests.monitor.scripted import Rig, failure, key_of, listing, rig, running
from tests.monitor.turned_clock import START

MINUTE = timedelta(minutes=1)
FAILED = TokenStep(TokenOutcome.FAILED, failure=failure(FailureKind.UNREACHABLE))
REFRESHED = TokenStep(TokenOutcome.REFRESHED)


def own(place: str, left: timedelta | None = 2 * MINUTE, **changes: object) -> Listing:
    """A login that poolwatch keeps and renews, with this much left of its access token."""
    expires_at = None if left is None else START + left
    made = replace(listing(place, custody=Custody.POOLWATCH, expires_at=expires_at), renews_itself=True)
    return replace(made, **changes)  # type: ignore[arg-type] # the tests name fields of it


async def pool(
    *entries: Listing, draw: Callable[[], float] = lambda: 0.0, listed: bool = True, renews: bool = False
) -> tuple[Rig, BackgroundRefresh]:
    """A monitor of these logins; the server lets each live for ten more days when it is renewed."""
    one = rig(draw=draw, renews=renews)
    one.source.listings = list(entries)
    for entry in entries:
        one.custodian.act[entry.ref.place] = renewal(one, entry.ref.place)
    one.custodian.default = REFRESHED
    if listed:
        await one.listed()
    return one, BackgroundRefresh(one.chain, one.poller, one.ledger, one.clock, draw)


def renewal(one: Rig, place: str, days: float = 10) -> Callable[[], None]:
    def renew() -> None:
        [entry] = [each for each in one.source.listings if each.ref.place == place]
        number = len(one.custodian.asks)
        facts = TokenFacts(
            one.clock.now() + timedelta(days=days),
            fingerprint=f"access-{place}-{number}",
            refresh_fingerprint=f"refresh-{place}-{number}",
        )
        one.source.replace(replace(entry, token=facts))

    return renew


def fails(one: Rig, place: str, step: TokenStep = FAILED) -> None:
    one.custodian.act.pop(place, None)
    one.custodian.steps[place] = step


async def test_a_login_is_renewed_below_five_minutes_and_read_with_the_new_token() -> None:
    one, background = await pool(own("a", 30 * MINUTE))
    async with running(background.run(), one.clock):
        await one.clock.advance(25 * 60)
        assert one.custodian.asks == []
        await one.clock.advance(2 * LOOK_SECONDS)
        assert one.custodian.places() == ["a"]
        assert one.source.sent == ["access-a-1"]
        assert one.account("a").acting.token.expires_at == one.clock.now() + timedelta(days=10) - timedelta(
            seconds=LOOK_SECONDS
        )
        await one.clock.advance(24 * 3600)
        assert len(one.custodian.asks) == 1


async def test_five_minutes_are_the_servers() -> None:
    one, background = await pool(own("a", 60 * MINUTE))
    one.source.clock_offset = 56 * MINUTE
    await one.poller.read(key_of("a"))
    async with running(background.run(), one.clock):
        await one.clock.advance(LOOK_SECONDS)
        assert one.custodian.places() == ["a"]


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 300.0), (1.0, 300.0 * (1 - JITTER_SHARE))])
async def test_the_lead_is_jittered_and_never_longer_than_five_minutes(drawn: float, seconds: float) -> None:
    one, background = await pool(own("a", 10 * MINUTE), draw=lambda: drawn)
    async with running(background.run(), one.clock):
        await one.clock.advance(600 - seconds - LOOK_SECONDS)
        assert one.custodian.asks == []
        await one.clock.advance(2 * LOOK_SECONDS)
        assert len(one.custodian.asks) == 1
    assert LEAD.total_seconds() == 300


@pytest.mark.parametrize(
    "entry",
    [
        own("a", renews_itself=False),
        own("a", custody=Custody.CODEX),
        own("a", custody=Custody.OTHER),
        own("a", custody=Custody.POOL),
        own("a", custody=Custody.STATIC, login=LoginKind.PERSONAL_ACCESS_TOKEN),
        own("a", disabled=True),
        own("a", problem="not readable"),
        own("a", None),
        own("a", 6 * MINUTE),
    ],
)
async def test_what_is_never_renewed_unasked(entry: Listing) -> None:
    one, background = await pool(entry)
    async with running(background.run(), one.clock):
        await one.clock.advance(4 * LOOK_SECONDS)
        assert one.custodian.asks == []


async def test_an_expired_and_a_rejected_token_are_renewed_too() -> None:
    one, background = await pool(own("a", -9 * MINUTE), own("b", 9000 * MINUTE))
    one.source.answers["b"] = [failure(FailureKind.UNAUTHORIZED)]
    await one.poller.read(key_of("b"))
    async with running(background.run(), one.clock):
        await one.clock.advance(LOOK_SECONDS)
        assert sorted(one.custodian.places()) == ["a", "b"]


async def test_a_new_token_that_is_refused_is_not_renewed_again_by_itself() -> None:
    one, background = await pool(own("a"))
    one.source.default = failure(FailureKind.UNAUTHORIZED)
    async with running(background.run(), one.clock):
        await one.clock.advance(3600)
        assert len(one.custodian.asks) == 1
        status = derive_status(one.account("a"), one.clock.now())
        assert (status.kind, status.login_problem) == (Status.NEEDS_LOGIN, LoginProblem.REJECTED)


@pytest.mark.parametrize(
    "step",
    [
        TokenStep(TokenOutcome.REJECTED_FOR_GOOD, problem=LoginProblem.USED_ELSEWHERE, failure=failure(
            FailureKind.TOKEN_REFRESH), refresh_fingerprint="refresh-a"),
        TokenStep(TokenOutcome.AMBIGUOUS, failure=failure(FailureKind.AMBIGUOUS)),
        TokenStep(TokenOutcome.BLOCKED, failure=failure(FailureKind.AMBIGUOUS)),
    ],
)  # fmt: skip
async def test_a_dead_or_doubtful_login_is_left_to_a_person(step: TokenStep) -> None:
    one, background = await pool(own("a"))
    fails(one, "a", step)
    async with running(background.run(), one.clock):
        await one.clock.advance(7200)
        assert len(one.custodian.asks) == 1


async def test_a_login_in_two_files_is_not_spent_until_one_is_set_aside() -> None:
    one, background = await pool(own("a"))
    copy = replace(listing("copy", expires_at=START + 9 * MINUTE), user_id="user-a", account_id="account-a")
    copy = replace(copy, token=own("a").token)
    one.source.listings.append(copy)
    one.source.changed()
    await one.poller.relist("homes")
    async with running(background.run(), one.clock):
        await one.clock.advance(60)
        assert one.custodian.asks == []
        one.source.listings.pop()
        await one.poller.relist("homes")
        await one.clock.advance(LOOK_SECONDS)
        assert one.custodian.places() == ["a"]


async def test_two_are_in_flight_and_a_persons_wish_waits_for_one_at_most() -> None:
    places = [f"a{number}" for number in range(9)]
    one, background = await pool(*(own(place) for place in places), own("mine", 9000 * MINUTE))
    one.custodian.gates = {place: asyncio.Event() for place in places}
    async with running(background.run(), one.clock):
        await one.clock.advance(4 * LOOK_SECONDS)
        assert one.custodian.at_once == 2
        one.chain.start(key_of("mine"))
        await one.clock.settle()
        one.custodian.gates[one.custodian.places()[0]].set()
        await one.clock.settle()
        assert one.custodian.places()[2:] == ["mine"]
        for gate in one.custodian.gates.values():
            gate.set()
        await one.clock.advance(9 * LOOK_SECONDS)
        assert sorted(one.custodian.places()) == sorted([*places, "mine"])
        assert one.custodian.most_at_once == 2


async def test_those_that_end_first_go_first() -> None:
    one, background = await pool(own("late", 4 * MINUTE), own("soon", MINUTE), own("sooner", MINUTE / 2))
    async with running(background.run(), one.clock):
        await one.clock.advance(LOOK_SECONDS)
        assert one.custodian.places() == ["sooner", "soon"]


async def test_in_vain_it_is_tried_once_a_minute_and_ever_more_seldom() -> None:
    one, background = await pool(own("a", 4 * MINUTE))
    fails(one, "a")
    tries: list[datetime] = []
    one.custodian.act["a"] = lambda: tries.append(one.clock.now())
    async with running(background.run(), one.clock):
        await one.clock.advance(6 * 3600)
    gaps = [(after - before).total_seconds() for before, after in pairwise(tries)]
    assert all(gap >= ATTEMPT_SPACING.total_seconds() for gap in gaps)
    assert len(tries) < 20
    assert max(gaps) <= 3600 + LOOK_SECONDS
    assert len(one.source.asked) == 0, "a token step that failed asks for no usage"


async def test_the_word_of_a_failed_try_stands_on_the_card_and_one_without_news_does_not() -> None:
    one, background = await pool(own("a"), own("b"))
    fails(one, "a")
    one.custodian.act["b"]()
    fails(one, "b", TokenStep(TokenOutcome.CURRENT))
    async with running(background.run(), one.clock):
        await one.clock.advance(LOOK_SECONDS)
        told = one.account("a").refresh
        assert told is not None
        assert (told.done, told.token, told.usage) == (True, FAILED, None)
        assert one.account("a").login_trouble is not None
        assert one.account("b").refresh is None


async def test_a_retry_time_that_was_said_is_kept_to() -> None:
    one, background = await pool(own("a"))
    until = START + 30 * MINUTE
    fails(one, "a", replace(FAILED, retry_at=until))
    async with running(background.run(), one.clock):
        await one.clock.advance(29 * 60)
        assert len(one.custodian.asks) == 1
        await one.clock.advance(75)
        assert len(one.custodian.asks) == 2


async def test_another_login_in_the_file_is_tried_soon_but_not_within_the_minute() -> None:
    one, background = await pool(own("a"))
    fails(one, "a", replace(FAILED, retry_at=START + 60 * MINUTE))
    async with running(background.run(), one.clock):
        await one.clock.advance(LOOK_SECONDS)
        anew = TokenFacts(START + MINUTE, fingerprint="new", refresh_fingerprint="new")
        one.source.replace(replace(one.source.listings[0], token=anew))
        await one.poller.relist("homes")
        await one.clock.advance(45)
        assert len(one.custodian.asks) == 1
        await one.clock.advance(30)
        assert len(one.custodian.asks) == 2


async def test_a_persons_own_try_counts_for_the_minute() -> None:
    one, background = await pool(own("a"))
    fails(one, "a")
    await one.chain.run(key_of("a"))
    async with running(background.run(), one.clock):
        await one.clock.advance(59)
        assert len(one.custodian.asks) == 1
        await one.clock.advance(LOOK_SECONDS)
        assert len(one.custodian.asks) == 2


async def test_tokens_that_live_shortly_are_renewed_once_a_minute_at_most() -> None:
    one, background = await pool(own("a"))
    one.custodian.act["a"] = renewal(one, "a", days=30 / 86400)
    async with running(background.run(), one.clock):
        await one.clock.advance(600)
        assert 5 <= len(one.custodian.asks) <= 10


async def test_a_try_that_sent_nothing_counts_for_the_minute_too() -> None:
    one, background = await pool(own("a"))
    fails(one, "a", TokenStep(TokenOutcome.ADOPTED))
    async with running(background.run(), one.clock):
        await one.clock.advance(LOOK_SECONDS + 59)
        assert len(one.custodian.asks) == 1
        await one.clock.advance(LOOK_SECONDS)
        assert len(one.custodian.asks) == 2


async def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    one, background = await pool(own("a"))
    fails(one, "a")
    async with running(background.run(), one.clock):
        await one.clock.advance(LOOK_SECONDS)
        one.clock.leap(timedelta(hours=-5))
        anew = TokenFacts(one.clock.now() + MINUTE, fingerprint="new", refresh_fingerprint="refresh-a")
        one.source.replace(replace(one.source.listings[0], token=anew))
        await one.poller.relist("homes")
        await one.clock.advance(LOOK_SECONDS)
        assert len(one.custodian.asks) == 2


async def test_paused_nothing_is_renewed() -> None:
    one, background = await pool(own("a"))
    one.poller.set_paused(True)
    async with running(background.run(), one.clock):
        await one.clock.advance(600)
        assert one.custodian.asks == []
        one.poller.set_paused(False)
        await one.clock.advance(LOOK_SECONDS)
        assert one.custodian.places() == ["a"]


async def test_the_step_is_told_to_keep_to_the_minute_over_restarts() -> None:
    one, background = await pool(own("a"))
    async with running(background.run(), one.clock):
        await one.clock.advance(LOOK_SECONDS)
    assert [request.spacing for request in one.custodian.asks] == [ATTEMPT_SPACING]
    await one.chain.run(key_of("a"))
    assert one.custodian.asks[1].spacing == timedelta(0)


async def test_an_account_that_goes_meanwhile_is_forgotten() -> None:
    one, background = await pool(own("a"))
    fails(one, "a")
    async with running(background.run(), one.clock):
        await one.clock.advance(LOOK_SECONDS)
        one.source.listings = []
        await one.poller.relist("homes")
        await one.clock.advance(60)
        assert background._tried == {}
        assert background._leads == {}


async def test_only_the_process_that_polls_renews() -> None:
    one, _ = await pool(own("a"), listed=False, renews=True)
    one.lock.held_elsewhere = True
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(120)
        assert one.custodian.asks == []
        one.lock.held_elsewhere = False
        await one.clock.advance(LOOK_SECONDS + 5)
        assert one.custodian.places() == ["a"]


async def test_off_nothing_is_renewed() -> None:
    one, _ = await pool(own("a"), listed=False)
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(600)
        assert one.custodian.asks == []


async def test_the_end_of_the_run_waits_for_no_token() -> None:
    one, _ = await pool(own("a"), listed=False, renews=True)
    one.custodian.gates["a"] = asyncio.Event()
    task = asyncio.create_task(one.monitor.run())
    await one.clock.advance(LOOK_SECONDS + 5)
    assert one.custodian.at_once == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert one.custodian.at_once == 0
