from __future__ import annotations

import asyncio
from datetime import timedelta

from poolwatch.domain.failure import FailureKind
from poolwatch.monitor.ledger import AGAIN_SECONDS, SAVE_SECONDS
from tests.monitor.scripted import Rig, failure, key_of, listing, rig, running, snapshot, soon, weekly_of

A = key_of("a")


async def saved(*places: str) -> Rig:
    """A monitor whose listing has been saved."""
    one = await rig(*places).listed()
    await one.saver.flush()
    one.store.saves.clear()
    return one


async def test_a_reading_is_saved_within_a_second() -> None:
    one = await saved("a", "b")
    async with running(one.saver.run(), one.clock):
        await one.clock.advance(3.3)
        assert one.store.saves == []
        await one.poller.read(A)
        await one.clock.advance(1)
        assert one.store.saves == [(A.id,)]
        assert weekly_of(one.store.accounts[A.id]) == 71
        await one.clock.advance(10)
        assert len(one.store.saves) == 1


async def test_many_readings_are_one_write() -> None:
    one = await saved(*"abcde")
    for place in "abcde":
        await one.poller.read(key_of(place))
    await one.saver.flush()
    assert len(one.store.saves) == 1
    assert len(one.store.saves[0]) == 5


async def test_history_has_a_row_for_each_figure_that_moved() -> None:
    one = await saved("a")
    one.source.answers["a"] = [snapshot(10), snapshot(10), failure(FailureKind.MALFORMED), snapshot(11)]
    for _ in range(4):
        await one.poller.read(A)
        await one.clock.advance(10)
        await one.saver.flush()
    assert [row.figure.used_percent for row in one.store.rows] == [10, 11]
    assert [row.account_id for row in one.store.rows] == [A.id, A.id]
    assert one.store.rows[1].at == one.account("a").read_at


async def test_a_reading_that_comes_too_late_ends_a_gap() -> None:
    one = await saved("a")
    await one.poller.read(A)
    first = one.account("a").read_at
    for minutes in (14, 16):
        await one.clock.advance(minutes * 60)
        await one.poller.read(A)
    await one.saver.flush()
    last = one.account("a").read_at
    assert first is not None
    assert last is not None
    [(account_id, gap)] = one.store.gaps
    assert account_id == A.id
    assert gap.end == last
    assert timedelta(0) < gap.start - first < timedelta(minutes=15)


async def test_states_and_history_of_many_readings_are_one_write() -> None:
    one = await saved(*"abcde")
    for place in "abcde":
        await one.poller.read(key_of(place))
    await one.saver.flush()
    assert [len(ids) for ids in one.store.saves] == [5]
    assert len(one.store.rows) == 5


async def test_figures_that_moved_twice_between_two_writes_are_both_kept() -> None:
    one = await saved("a")
    one.source.answers["a"] = [snapshot(10), snapshot(20)]
    await one.poller.read(A)
    await one.poller.read(A)
    await one.saver.flush()
    assert [row.figure.used_percent for row in one.store.rows] == [10, 20]


async def test_a_failure_is_saved_too_and_adds_no_history() -> None:
    one = await saved("a")
    one.source.answers["a"] = [failure(FailureKind.UNREACHABLE)]
    await one.poller.read(A)
    await one.saver.flush()
    assert one.store.accounts[A.id].reading_trouble is not None
    assert one.store.rows == []


async def test_an_account_that_no_source_lists_is_forgotten_but_for_its_history() -> None:
    one = await saved("a", "b")
    await one.poller.read(A)
    one.source.listings = [listing("b")]
    await one.poller.relist("homes")
    await one.saver.flush()
    assert one.store.forgotten == [A.id]
    assert set(one.store.accounts) == {key_of("b").id}
    assert len(one.store.rows) == 1
    await one.saver.flush()
    assert one.store.forgotten == [A.id]


async def test_an_account_that_came_back_at_once_is_not_forgotten() -> None:
    one = await saved("a")
    one.source.listings = []
    await one.poller.relist("homes")
    one.source.listings = [listing("a")]
    await one.poller.relist("homes")
    await one.saver.flush()
    assert one.store.forgotten == []
    assert one.store.saves == [(A.id,)]


async def test_ending_in_the_middle_of_a_write_loses_nothing_and_repeats_nothing() -> None:
    one = await saved("a")
    one.store.gate = asyncio.Event()
    await one.poller.read(A)
    async with running(one.saver.run(), one.clock):
        await one.clock.advance(1.5)
    closing = await soon(one.saver.flush(), one.clock)
    assert one.store.saves == []
    one.store.gate.set()
    await closing
    assert one.store.saves == [(A.id,)]
    assert len(one.store.rows) == 1


async def test_what_is_true_of_the_whole_pool_is_kept_when_it_changes_and_only_then() -> None:
    one = await rig("a").listed()
    one.source.clock_offset = timedelta(minutes=2)
    async with running(one.saver.run(), one.clock):
        await one.clock.advance(SAVE_SECONDS)
        assert [source.name for source in one.store.kept_facts.sources] == ["homes"]
        kept = one.store.kept_facts
        await one.clock.advance(SAVE_SECONDS)
        assert one.store.kept_facts is kept
        await one.poller.read(key_of("a"))
        await one.clock.advance(SAVE_SECONDS)
        assert one.store.kept_facts.clock_offset == timedelta(minutes=2)
        kept = one.store.kept_facts
        one.source.clock_offset = timedelta(minutes=2, milliseconds=300)
        await one.poller.read(key_of("a"))
        await one.clock.advance(SAVE_SECONDS)
        assert one.store.kept_facts is kept
        one.source.listing_failure = failure(FailureKind.UNREACHABLE)
        await one.poller.relist("homes")
        await one.clock.advance(SAVE_SECONDS)
        assert one.store.kept_facts.sources[0].failure == failure(FailureKind.UNREACHABLE)


async def test_nothing_wakes_who_saves_while_nothing_changes() -> None:
    one = await saved("a")
    async with running(one.saver.run(), one.clock):
        # what was listed before it ran is looked at once
        await one.clock.advance(SAVE_SECONDS)
        assert one.clock.sleepers == 0
        await one.poller.read(A)
        await one.clock.settle()
        assert one.clock.sleepers == 1


async def test_what_a_full_disk_does_not_take_is_saved_when_it_does() -> None:
    one = await saved("a", "b")
    one.source.answers["a"] = [snapshot(10), snapshot(11)]
    one.store.is_full = True
    async with running(one.saver.run(), one.clock):
        await one.poller.read(A)
        await one.clock.advance(5)
        one.source.listings = [listing("a")]
        await one.poller.lister.list_all()
        await one.poller.read(A)
        await one.clock.advance(30)
        assert one.store.saves == []
        one.store.is_full = False
        await one.clock.advance(AGAIN_SECONDS + SAVE_SECONDS)
        assert weekly_of(one.store.accounts[A.id]) == 11
        assert [row.figure.used_percent for row in one.store.rows] == [10, 11]
        assert one.store.forgotten == [key_of("b").id]
        # and then it is done
        assert one.clock.sleepers == 0


async def test_a_disk_that_takes_nothing_is_tried_now_and_then() -> None:
    one = await saved("a")
    tries = 0

    def tried() -> None:
        nonlocal tries
        tries += 1

    one.store.is_full = True
    async with running(one.saver.run(tried=tried), one.clock):
        await one.poller.read(A)
        await one.clock.advance(60)
    assert 4 <= tries <= 7


async def test_what_the_last_save_could_not_keep_is_known() -> None:
    one = await saved("a")
    await one.poller.read(A)
    one.store.is_full = True
    assert not await one.saver.flush()
    one.store.is_full = False
    assert await one.saver.flush()
    assert weekly_of(one.store.accounts[A.id]) == 71
