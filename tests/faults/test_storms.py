"""A whole pool at once: throttled, cut off, asleep, or under a clock that leaps. By a turned clock."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.overview import overview
from poolwatch.domain.status import PoolRules
from poolwatch.presentation.strip import strip_view
from poolwatch.presentation.view import Prefs
from tests.monitor.scripted import INTERVAL, Rig, failure, rig, running, snapshot
from tests.monitor.turned_clock import START

POOL = 1000
MINUTE = 60.0
#: What a second may see at most: twice what the pool asks in one when all is well.
MOST = 2 * POOL / INTERVAL.total_seconds()
_SPAN = timedelta(seconds=10)


def pool(accounts: int) -> Rig:
    return rig(
        *(f"p{number:03}" for number in range(accounts)), concurrency=32, draw=random.Random(11).random
    )


def peak(one: Rig, since: datetime) -> float:
    """The most polls a second, over ten seconds."""
    spans = Counter((at - since) // _SPAN for _, at in one.source.asked if at >= since)
    return max(spans.values(), default=0) / _SPAN.total_seconds()


def lines(one: Rig) -> Sequence[str]:
    """What the strip says of trouble with the whole pool."""
    judged = overview(one.state, one.clock.now(), PoolRules())
    return [span.text for span in strip_view(judged, one.state, Prefs(PoolRules()), "pool").notices]


async def test_an_outage_is_one_line_and_its_end_no_stampede() -> None:
    one = pool(POOL)
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(3 * MINUTE)
        good = one.source.default
        one.source.default = failure(FailureKind.UNREACHABLE)
        gone = one.clock.now()
        await one.clock.advance(50 * MINUTE)
        assert peak(one, gone) <= MOST
        # the longer it lasts, the less is asked
        last = one.clock.now() - timedelta(minutes=15)
        assert sum(at >= last for _, at in one.source.asked) < POOL * 0.8
        [said] = lines(one)
        assert "1000 of 1000 accounts" in said
        one.source.default = good
        back = one.clock.now()
        # all of them within some intervals instead of an hour, and never in a crowd
        await one.clock.advance(3 * INTERVAL.total_seconds())
        assert len({place for place, at in one.source.asked if at >= back}) == POOL
        assert peak(one, back) <= MOST
        assert lines(one) == []


async def test_a_storm_of_429_with_one_instant_for_all_does_not_bring_all_at_that_instant() -> None:
    one = pool(POOL)
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(6 * MINUTE)
        one.source.default = failure(FailureKind.THROTTLED, retry_at=START + timedelta(minutes=26))
        begun = one.clock.now()
        await one.clock.advance(19 * MINUTE)
        # each was told once, and waits
        assert sum(at >= begun for _, at in one.source.asked) == POOL
        [said] = lines(one)
        assert "1000 of 1000 accounts" in said
        one.source.default = snapshot()
        await one.clock.advance(12 * MINUTE)
        assert peak(one, begun) <= MOST
        back = START + timedelta(minutes=26)
        assert len({place for place, at in one.source.asked if at >= back}) == POOL
        assert lines(one) == []


async def test_a_portal_in_the_way_is_one_line_too() -> None:
    one = pool(200)
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(3 * MINUTE)
        one.source.default = worded(FailureKind.NOT_THE_SERVICE, "a page of the network was answered")
        await one.clock.advance(6 * MINUTE)
        assert len(lines(one)) == 1
        # what was read before stays
        assert all(account.usage.windows for account in one.state.accounts.values())


async def test_a_sleep_of_nine_hours_is_one_calm_catch_up() -> None:
    one = pool(200)
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(6 * MINUTE)
        one.clock.leap(timedelta(hours=9))
        woken = one.clock.now()
        await one.clock.advance(INTERVAL.total_seconds() * 0.9)
        asked = Counter(place for place, at in one.source.asked if at >= woken)
        assert (len(asked), max(asked.values())) == (200, 1)
        assert peak(one, woken) <= MOST


@pytest.mark.parametrize("years", [10, -10])
async def test_a_clock_ten_years_off_and_back_asks_no_more_than_twice(years: int) -> None:
    one = pool(200)
    leap = timedelta(days=3653 * years)
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(6 * MINUTE)
        for by in (leap, -leap):
            one.clock.leap(by)
            moved = one.clock.now()
            before = len(one.source.asked)
            await one.clock.advance(INTERVAL.total_seconds() * 1.2)
            since = one.source.asked[before:]
            assert max(Counter(place for place, _ in since).values(), default=0) <= 2
            del one.source.asked[:before]
            assert peak(one, moved) <= MOST
        # the right clock is back: every account is polled as ever
        assert len({place for place, _ in since}) == 200
