from __future__ import annotations

from datetime import timedelta

import pytest

from poolwatch.domain.account import Custody, Listing, LoginKind
from poolwatch.domain.events import Recalled
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.message import message
from poolwatch.domain.state import AccountState
from poolwatch.domain.values import replace
from tests.monitor.scripted import (
    INTERVAL,
    Rig,
    ScriptedSource,
    failure,
    key_of,
    listing,
    rig,
    running,
    snapshot,
    weekly_of,
)
from tests.monitor.turned_clock import START, TurnedClock

MINUTES = 60.0


@pytest.mark.parametrize(
    "dead",
    [
        listing("a", expires_at=START - timedelta(seconds=1)),
        listing("a", token=None),
        listing("a", login=LoginKind.API_KEY),
        listing("a", disabled=True),
        replace(listing("a"), problem=message("as_stored", text="not readable")),
    ],
)
async def test_without_a_live_token_nothing_is_ever_asked(dead: Listing) -> None:
    one = rig()
    one.source.listings = [dead]
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(30 * MINUTES)
    assert one.source.asked == []
    assert one.store.claims == []


async def test_expiry_is_by_the_clock_of_the_server() -> None:
    one = rig("a", "b")
    one.source.listings[1] = listing("b", expires_at=START + timedelta(hours=1))
    one.source.clock_offset = timedelta(hours=2)
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(16 * MINUTES)
    assert one.state.clock_offset == timedelta(hours=2)
    assert one.source.offsets[-1] == timedelta(hours=2)
    assert one.source.places_asked().count("a") == 4
    assert one.source.places_asked().count("b") <= 1


async def test_an_answer_without_a_date_leaves_the_offset_alone() -> None:
    one = await rig("a").listed()
    one.source.clock_offset = timedelta(minutes=3)
    await one.poller.read(key_of("a"))
    one.source.clock_offset = None
    await one.poller.read(key_of("a"))
    assert one.state.clock_offset == timedelta(minutes=3)


async def test_a_rejected_token_is_not_sent_again_until_the_file_holds_another() -> None:
    one = rig("a")
    one.source.answers["a"] = [snapshot(5), failure(FailureKind.UNAUTHORIZED)]
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(60 * MINUTES)
        assert one.source.sent == ["access-a", "access-a"]
        assert one.account("a").rejected == {"access-a"}
        assert weekly_of(one.account("a")) == 5
        one.source.replace(listing("a", token="another"))
        await one.clock.advance(10)
        assert one.source.sent == ["access-a", "access-a", "another"]


async def test_a_new_login_right_after_a_401_is_tried_within_seconds_not_minutes() -> None:
    one = rig("a")
    one.source.answers["a"] = [failure(FailureKind.UNAUTHORIZED)]
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(5)
        one.source.replace(listing("a", token="another"))
        await one.clock.advance(20)
        assert one.source.sent == ["access-a"]
        await one.clock.advance(10)
        assert one.source.sent == ["access-a", "another"]
        await one.clock.advance(4 * MINUTES)
        one.store.polls[key_of("a").id] = one.clock.now()
        await one.clock.advance(2 * MINUTES)
        assert one.source.sent == ["access-a", "another"], "from then on the usual floor holds"


async def test_a_pool_that_comes_back_is_swept_calmly() -> None:
    clock = TurnedClock()
    pool = ScriptedSource("pool")
    pool.listings = [
        listing(f"p{number}", source="pool", custody=Custody.POOL, token=None) for number in range(80)
    ]
    one = Rig([pool], clock, concurrency=80)
    async with running(one.poller.run(), clock):
        await clock.advance(15)
        assert len(pool.asked) == 80
        pool.listing_failure = failure(FailureKind.UNREACHABLE)
        pool.changed()
        await clock.advance(10 * MINUTES)
        assert len(pool.asked) == 80
        assert one.state.sources["pool"].failure is not None
        assert len(one.state.accounts) == 80
        pool.listing_failure = None
        pool.changed()
        await clock.advance(4)
        assert 80 < len(pool.asked) <= 80 + 5 * 8
        await clock.advance(15)
        assert len(pool.asked) == 160


async def test_a_pool_is_asked_although_it_shows_no_token() -> None:
    one = rig()
    entry = listing("a", custody=Custody.POOL, token=None, expires_at=None, says_login_needed=True)
    one.source.listings = [entry]
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(1)
    assert one.source.places_asked() == ["a"]


async def test_the_entry_that_acts_is_asked_and_another_when_its_token_is_dead() -> None:
    clock = TurnedClock()
    own = ScriptedSource("own")
    own.listings = [listing("a", source="own", custody=Custody.POOLWATCH, token="mine")]
    other = ScriptedSource("other")
    other.listings = [replace(listing("a", source="other", custody=Custody.OTHER, token="theirs"))]
    one = await Rig([other, own], clock).listed()
    await one.poller.read(key_of("a"))
    assert (own.sent, other.sent) == (["mine"], [])
    own.replace(listing("a", source="own", custody=Custody.POOLWATCH, expires_at=START))
    await one.poller.relist("own")
    await one.poller.read(key_of("a"))
    assert (own.sent, other.sent) == (["mine"], ["theirs"])


async def test_an_account_of_no_running_source_is_shown_but_not_asked() -> None:
    one = rig()
    stored = AccountState(key_of("a"), (listing("a", source="elsewhere"),))
    one.ledger.take(Recalled((stored,)))
    assert one.poller.live_listing(stored) is None
    assert await one.poller.read(key_of("a")) is None
    assert await one.poller.read(key_of("nobody")) is None
    await one.poller.relist("elsewhere")
    assert one.source.listed == 0


async def test_no_token_in_the_file_any_more_is_a_reason_to_list_it_again() -> None:
    one = rig("a")
    one.source.answers["a"] = [snapshot(5), failure(FailureKind.NO_TOKEN)]
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(4 * MINUTES)
        assert one.source.listed == 1
        # the file changes without its looks changing
        one.source.listings = [listing("a", token=None)]
        await one.clock.advance(2 * MINUTES)
        assert one.account("a").listings[0].token.fingerprint is None
        assert one.account("a").reading_trouble is None
        assert weekly_of(one.account("a")) == 5
        await one.clock.advance(30 * MINUTES)
        assert len(one.source.asked) == 2


SERVER_AHEAD = [timedelta(0), timedelta(hours=2)]


@pytest.mark.parametrize("ahead", SERVER_AHEAD)
async def test_a_reset_may_be_looked_at_before_the_interval_is_over(ahead: timedelta) -> None:
    one = rig("a")
    one.source.clock_offset = ahead
    one.source.default = snapshot(100, allowed=False, resets_at=START + ahead + timedelta(seconds=100))
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(129)
        assert len(one.source.asked) == 1
        await one.clock.advance(3)
        assert len(one.source.asked) == 2
    assert [granted for _, granted in one.store.claims] == [True, True]


@pytest.mark.parametrize("ahead", SERVER_AHEAD)
async def test_a_reset_that_another_process_has_looked_at_is_not_asked_again(ahead: timedelta) -> None:
    one = rig("a")
    one.source.clock_offset = ahead
    one.source.default = snapshot(100, allowed=False, resets_at=START + ahead + timedelta(seconds=100))
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(115)
        one.store.polls[key_of("a").id] = one.clock.now()
        await one.clock.advance(20)
        assert len(one.source.asked) == 1
        assert one.store.claims[-1] == (key_of("a").id, False)


async def test_a_reset_to_come_lifts_no_floor() -> None:
    one = rig("a")
    one.source.default = snapshot(resets_at=START + timedelta(days=1))
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(4 * MINUTES)
        one.store.polls[key_of("a").id] = one.clock.now()
        await one.clock.advance(2 * MINUTES)
        assert len(one.source.asked) == 1


async def test_a_token_that_lives_after_all_is_polled_no_sooner_once_it_was_read() -> None:
    one = rig("a", "b")
    one.source.listings[1] = listing("b", expires_at=START + timedelta(hours=1))
    await one.listed()
    one.source.clock_offset = timedelta(hours=2)
    await one.poller.read(key_of("b"))
    assert one.poller.live_listing(one.account("b")) is None
    one.source.clock_offset = timedelta(0)
    await one.poller.read(key_of("a"))
    await one.poller.read(key_of("b"))
    await one.poller.relist("homes")
    assert one.poller.schedule.due_at(key_of("b")) == START + INTERVAL


async def test_a_live_token_is_only_said_of_what_may_be_sent() -> None:
    one = await rig("a").listed()
    assert one.poller.live_listing(one.account("a")) == one.account("a").acting
    outcome = await one.poller.read(key_of("a"))
    assert outcome is not None
    assert not isinstance(outcome.outcome, Failure)
