"""An account in several sources: who is asked, in which order, and what another one's answer is worth."""

from __future__ import annotations

from datetime import timedelta

import pytest

from poolwatch.domain.account import Custody, SourceRef
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.domain.values import replace
from poolwatch.sources.source import Directness
from tests.monitor.scripted import (
    INTERVAL,
    Rig,
    ScriptedSource,
    failure,
    key_of,
    listing,
    running,
    snapshot,
    weekly_of,
)
from tests.monitor.turned_clock import TurnedClock

KEY = key_of("a")


async def both(says_login_needed: bool = False) -> tuple[Rig, ScriptedSource, ScriptedSource]:
    """One account: a login file, and a pool that keeps less of it; the pool is the one that acts."""
    clock = TurnedClock()
    files = ScriptedSource("homes", "a", clock=clock)
    pool = ScriptedSource("pool", "a", clock=clock, directness=Directness.KEPT)
    pool.listings = [
        listing("a", source="pool", custody=Custody.POOL, token=None, says_login_needed=says_login_needed)
    ]
    files.default, pool.default = snapshot(71.0), snapshot(40.0)
    one = await Rig([files, pool], clock).listed()
    assert one.account("a").custody is Custody.POOL
    return one, files, pool


async def test_whoever_can_tell_most_is_asked_and_nobody_else() -> None:
    one, files, pool = await both()
    await one.poller.read(KEY)
    assert (len(files.asked), len(pool.asked)) == (1, 0)
    assert weekly_of(one.account("a")) == 71


async def test_figures_of_somebody_else_are_no_answer_and_the_pool_is_asked_as_the_account_is_known() -> None:
    one, files, pool = await both()
    pool.listings = [replace(pool.listings[0], user_id=None, email="a@example.com")]
    files.listings = [replace(files.listings[0], email="a@example.com")]
    await one.poller.lister.list_all()
    files.default = failure(FailureKind.OTHER_ACCOUNT)
    await one.poller.read(KEY)
    assert [(each.user_id, each.account_id) for each in pool.entries] == [("user-a", "account-a")]
    assert weekly_of(one.account("a")) == 40


async def test_after_its_own_refresh_the_pool_shows_what_its_new_token_brings() -> None:
    one, files, pool = await both()
    one.custodian.default = TokenStep(TokenOutcome.REFRESHED)
    progress = await one.chain.run(KEY)
    assert (len(files.asked), len(pool.asked)) == (0, 1)
    assert progress.usage is not None
    assert progress.usage.failure is None
    one.custodian.default = TokenStep(TokenOutcome.CURRENT)
    await one.chain.run(KEY)
    assert (len(files.asked), len(pool.asked)) == (1, 1)


@pytest.mark.parametrize(
    "kind",
    [
        FailureKind.EDGE_BLOCKED,
        FailureKind.UNREACHABLE,
        FailureKind.UPSTREAM_ERROR,
        FailureKind.MALFORMED,
        FailureKind.UNAUTHORIZED,
    ],
)
async def test_where_one_entry_brings_nothing_the_next_one_is_asked(kind: FailureKind) -> None:
    one, files, pool = await both()
    files.default = failure(kind)
    await one.poller.read(KEY)
    assert (len(files.asked), len(pool.asked)) == (1, 1)
    account = one.account("a")
    assert weekly_of(account) == 40
    assert account.trouble is None
    assert account.failures == 0
    assert {ref: why.kind for ref, why in account.silent.items()} == {SourceRef("homes", "a"): kind}
    assert ("access-a" in account.rejected) == (kind is FailureKind.UNAUTHORIZED)


@pytest.mark.parametrize("kind", [FailureKind.THROTTLED, FailureKind.DEACTIVATION_REPORTED])
async def test_an_answer_that_speaks_of_the_account_is_not_doubted(kind: FailureKind) -> None:
    one, files, pool = await both()
    files.default = failure(kind)
    await one.poller.read(KEY)
    assert pool.asked == []
    trouble = one.account("a").trouble
    assert trouble is not None
    assert trouble.kind is kind


async def test_a_silent_entry_is_left_alone_for_a_while_but_not_by_a_person() -> None:
    one, files, pool = await both()
    files.default = failure(FailureKind.EDGE_BLOCKED)
    async with running(one.poller.run(), one.clock):
        await one.clock.advance(12 * INTERVAL.total_seconds())
        asked = len(files.asked)
        assert len(pool.asked) >= 12
        assert 2 <= asked <= 6
        await one.chain.run(KEY, usage_only=True)
        assert len(files.asked) == asked + 1
        files.default = snapshot(72.0)
        await one.chain.run(KEY, usage_only=True)
        assert weekly_of(one.account("a")) == 72
        assert one.account("a").silent == {}


async def test_the_silence_of_a_source_is_as_old_as_its_first_failure() -> None:
    one, files, _ = await both()
    files.default = failure(FailureKind.EDGE_BLOCKED)
    await one.poller.read(KEY)
    [first] = one.account("a").silent.values()
    await one.clock.advance(600)
    await one.poller.read(KEY, by_hand=True)
    [later] = one.account("a").silent.values()
    assert later.since == first.since
    files.listings = []
    await one.poller.relist("homes")
    assert one.account("a").silent == {}


async def test_when_nobody_brings_a_reading_the_best_ones_failure_counts() -> None:
    one, files, pool = await both()
    files.default, pool.default = failure(FailureKind.EDGE_BLOCKED), failure(FailureKind.UPSTREAM_ERROR)
    await one.poller.read(KEY)
    account = one.account("a")
    assert account.failures == 1
    assert account.trouble is not None
    assert account.trouble.kind is FailureKind.EDGE_BLOCKED
    assert account.silent == {}


async def test_a_pool_that_is_down_and_a_dead_file_are_nobody_to_ask() -> None:
    one, files, pool = await both()
    files.replace(listing("a", expires_at=one.clock.now() - timedelta(hours=1)))
    pool.listing_failure = failure(FailureKind.UNREACHABLE)
    await one.listed()
    assert await one.poller.read(KEY) is None
    assert (files.asked, pool.asked) == ([], [])


async def test_a_file_that_lives_goes_before_a_pool_whose_login_is_dead() -> None:
    one, files, pool = await both(says_login_needed=True)
    one.custodian.default = TokenStep(TokenOutcome.REFRESHED)
    await one.chain.run(KEY)
    assert (len(files.asked), len(pool.asked)) == (1, 0)
