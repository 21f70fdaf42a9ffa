from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.series import history_rows
from poolwatch.domain.state import PoolFacts, SourceState
from poolwatch.domain.usage import Usage
from poolwatch.store import readings
from poolwatch.store.database import Database
from poolwatch.store.opening import StoreMode
from poolwatch.store.requests import EXPIRED, NOT_UNDERSTOOD, OwnerRequest, RequestKind
from poolwatch.store.store import DatabaseThread, Store
from tests.store.given import NOON, account, kept_by, same, told

SECOND = timedelta(seconds=1)
FLOOR = timedelta(seconds=30)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    held = Store(tmp_path / "state", NOON)
    yield held
    assert await held.aclose()


@pytest.fixture
async def viewer(store: Store, tmp_path: Path) -> AsyncIterator[Store]:
    assert await store.ready() is StoreMode.DISK
    held = Store(tmp_path / "state", NOON)
    yield held
    assert await held.aclose()


async def test_a_restart_finds_equal_states(tmp_path: Path) -> None:
    kept = sorted((account(number) for number in range(5)), key=lambda each: each.key.id)
    first = Store(tmp_path, NOON)
    assert await first.save(kept, NOON)
    await first.aclose()
    second = Store(tmp_path, NOON)
    loaded = await kept_by(second)
    assert [each.key.id for each in loaded] == [each.key.id for each in kept]
    assert all(map(same, loaded, kept))
    assert second.notices == ()
    some = await second.load_some((kept[3].key.id, "nobody", kept[0].key.id))
    assert [each.key.id for each in some] == [kept[3].key.id, kept[0].key.id]
    assert some[0] is loaded[3]
    assert await second.aclose()


async def test_rows_are_read_again_only_after_somebody_wrote(
    store: Store, viewer: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    plain = readings.read_accounts

    def counted(connection: sqlite3.Connection, cache: readings.AccountCache) -> readings.Loaded:
        reads.append(1)
        return plain(connection, cache)

    monkeypatch.setattr(readings, "read_accounts", counted)
    assert await store.save([account(1), account(2)], NOON)
    first = await kept_by(viewer)
    again = await kept_by(viewer)
    assert [one is other for one, other in zip(first, again, strict=True)] == [True, True]
    assert len(reads) == 1
    assert await store.save([account(2, used=77)], NOON)
    changed = await kept_by(viewer)
    assert len(reads) == 2
    assert sorted(one is other for one, other in zip(first, changed, strict=True)) == [False, True]
    assert await viewer.save((), NOON, gone=[account(1).key.id])
    assert [each.key for each in await kept_by(viewer)] == [account(2).key]
    assert len(reads) == 3


async def test_what_was_saved_is_not_held_as_well(store: Store) -> None:
    assert await store.save([account(1), account(2)], NOON)
    first, second = await kept_by(store)
    assert (await store.load_some([first.key.id]))[0] is first
    assert await store.save([first], NOON)
    assert (await store.load_some([first.key.id]))[0] is not first
    assert (await store.load_some([second.key.id]))[0] is second


async def test_saving_replaces_and_forgets(store: Store) -> None:
    await store.save([account(1), account(2)], NOON)
    assert await store.save([account(1, used=99)], NOON, gone=[account(2).key.id])
    assert [each.usage.windows[0].used_percent for each in await kept_by(store)] == [99]


async def test_another_process_sees_what_was_saved_and_keeps_what_did_not_change(
    store: Store, viewer: Store
) -> None:
    await store.save([account(1), account(2)], NOON)
    before = {each.key: each for each in await kept_by(viewer)}
    await store.save([account(1, used=99)], NOON)
    after = {each.key: each for each in await kept_by(viewer)}
    assert after[account(2).key] is before[account(2).key]
    assert after[account(1).key].usage.windows[0].used_percent == 99


async def test_damaged_rows_are_left_out_and_counted(store: Store, tmp_path: Path) -> None:
    await store.save([account(1), account(2), account(3)], NOON)
    with sqlite3.connect(tmp_path / "state" / "poolwatch.db") as direct:
        direct.execute("UPDATE readings SET doc = '{' WHERE account_id = ?", (account(1).key.id,))
        direct.execute(
            "UPDATE readings SET account_id = 'of another' WHERE account_id = ?", (account(2).key.id,)
        )
    direct.close()
    assert [each.key for each in await kept_by(store)] == [account(3).key]
    assert any("could not be read: 2." in notice for notice in told(store))
    await store.save([account(1)], NOON, gone=["of another"])
    assert len(await kept_by(store)) == 2
    assert store.notices == ()


async def test_history_comes_back_exactly_and_outlives_the_account(store: Store) -> None:
    state = account(1)
    rows = history_rows(Usage(), state.usage, state.key.id, NOON)
    later = history_rows(state.usage, account(1, used=50.0).usage, state.key.id, NOON + SECOND)
    assert len(later) == 1
    await store.save([state], NOON, rows=rows)
    assert await store.save((), NOON, later)
    await store.save([], NOON, gone=[state.key.id])
    found = await store.history(state.key.id, NOON)
    assert set(found[:-1]) == set(rows)
    assert sorted(map(repr, found)) == sorted(map(repr, (*rows, *later)))
    assert await store.history(state.key.id, NOON + SECOND) == later
    assert await store.history("nobody", NOON) == ()


async def test_a_poll_is_claimed_once_per_floor(store: Store, viewer: Store) -> None:
    assert await store.claim_poll("a", NOON, FLOOR)
    assert not await viewer.claim_poll("a", NOON, FLOOR)
    assert not await viewer.claim_poll("a", NOON + FLOOR - timedelta(microseconds=1), FLOOR)
    assert await viewer.claim_poll("b", NOON, FLOOR)
    assert await viewer.claim_poll("a", NOON + FLOOR, FLOOR)
    assert await store.last_polls() == {"a": NOON + FLOOR, "b": NOON}


async def test_a_claim_waits_for_the_one_that_is_being_written(store: Store, tmp_path: Path) -> None:
    await store.ready()
    other = sqlite3.connect(tmp_path / "state" / "poolwatch.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute(
        "INSERT INTO polls (account_id, polled_at) VALUES ('a', ?)", (int(NOON.timestamp()) * 10**6,)
    )
    claiming = asyncio.create_task(store.claim_poll("a", NOON, FLOOR))
    await asyncio.sleep(0.1)
    assert not claiming.done()
    other.execute("COMMIT")
    other.close()
    assert not await claiming
    assert store.notices == ()


async def test_a_clock_that_went_back_does_not_stop_polling(store: Store) -> None:
    assert await store.claim_poll("a", NOON + timedelta(days=9), FLOOR)
    assert await store.claim_poll("a", NOON, FLOOR)
    assert not await store.claim_poll("a", NOON - SECOND, FLOOR)


async def test_an_asked_poll_is_recorded_whatever_the_floor(store: Store, viewer: Store) -> None:
    store.note_poll("a", NOON)
    store.note_poll("a", NOON + SECOND)
    await store.last_polls()
    assert not await viewer.claim_poll("a", NOON + FLOOR, FLOOR)
    assert await viewer.claim_poll("a", NOON + FLOOR + SECOND, FLOOR)


async def test_noted_polls_are_written_together_and_before_what_is_asked_next(
    store: Store, viewer: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    plain = Database.note_polls

    def counted(held: Database, polls: Mapping[str, datetime]) -> bool:
        written.append(len(polls))
        return plain(held, polls)

    monkeypatch.setattr(Database, "note_polls", counted)
    for number in range(200):
        store.note_poll(f"a{number}", NOON)
    assert not await store.claim_poll("a199", NOON + SECOND, FLOOR)
    assert sum(written) == 200
    # the thread may wake in the middle of the loop, but never for each of them
    assert len(written) <= 3
    assert len(await viewer.last_polls()) == 200


async def test_a_noted_poll_is_written_although_nothing_is_asked_after_it(
    store: Store, viewer: Store
) -> None:
    store.note_poll("a", NOON)
    async with asyncio.timeout(20):
        while await viewer.last_polls() != {"a": NOON}:  # noqa: ASYNC110 - no event tells what another connection wrote
            await asyncio.sleep(0.01)


async def test_closing_writes_what_was_noted(tmp_path: Path) -> None:
    held = Store(tmp_path, NOON)
    held.note_poll("a", NOON)
    assert await held.aclose()
    held.note_poll("b", NOON)
    later = Store(tmp_path, NOON)
    assert await later.last_polls() == {"a": NOON}
    assert await later.aclose()


async def test_a_viewers_request_goes_round(store: Store, viewer: Store) -> None:
    asked = OwnerRequest("acc", RequestKind.REFRESH, override=True)
    number = await viewer.enqueue_request(asked, NOON, "4711")
    assert number is not None
    (request,) = await store.take_requests(NOON + SECOND)
    assert (request.id, request.request, request.asked_at, request.asked_by) == (number, asked, NOON, "4711")
    assert await store.take_requests(NOON + SECOND) == ()
    taken = await viewer.wait_taken(number, timedelta(seconds=30))
    assert taken is not None
    assert (taken.taken_at, taken.done_at) == (NOON + SECOND, None)
    assert await store.finish_request(number, "usage ok", NOON + 2 * SECOND)
    assert not await store.finish_request(number, "twice", NOON + 2 * SECOND)
    outcome = await viewer.request_progress(number)
    assert outcome is not None
    assert (outcome.outcome, outcome.done_at) == ("usage ok", NOON + 2 * SECOND)


async def test_who_waits_for_requests_is_told_of_those_that_come(store: Store, viewer: Store) -> None:
    waiting = asyncio.create_task(store.when_requested())
    await store.ready()
    assert not waiting.done()
    await viewer.enqueue_request(OwnerRequest("acc", RequestKind.USAGE), NOON, "4711")
    async with asyncio.timeout(20):
        await waiting
        assert len(await store.take_requests(NOON)) == 1


async def test_who_waits_for_requests_is_told_of_those_that_are_there(store: Store, viewer: Store) -> None:
    await viewer.enqueue_request(OwnerRequest("acc", RequestKind.USAGE), NOON, "4711")
    async with asyncio.timeout(20):
        await store.when_requested()
        # they wait until they are taken
        await store.when_requested()


async def test_a_store_that_closes_does_not_wait_for_requests(tmp_path: Path) -> None:
    held = Store(tmp_path, NOON)
    waiting = asyncio.create_task(held.when_requested())
    await held.ready()
    assert await held.aclose()
    assert not waiting.done()
    waiting.cancel()


async def test_a_request_that_nobody_takes_is_withdrawn(store: Store, viewer: Store) -> None:
    number = await viewer.enqueue_request(OwnerRequest("acc", RequestKind.USAGE), NOON, "4711")
    assert number is not None
    assert await viewer.wait_taken(number, timedelta(0)) is None
    assert await store.take_requests(NOON) == ()


async def test_a_request_that_runs_long_is_told_as_running(store: Store, viewer: Store) -> None:
    number = await viewer.enqueue_request(OwnerRequest("acc", RequestKind.USAGE), NOON, "4711")
    assert number is not None
    await store.take_requests(NOON)
    state = await viewer.wait_taken(number, SECOND)
    assert state is not None
    assert (state.taken_at, state.done_at) == (NOON, None)


async def test_old_and_unreadable_requests_are_answered_and_not_taken(
    store: Store, viewer: Store, tmp_path: Path
) -> None:
    old, young, odd = await viewer.enqueue_requests(
        [OwnerRequest(name, RequestKind.USAGE) for name in ("old", "young", "odd")], NOON, "4711"
    )
    with sqlite3.connect(tmp_path / "state" / "poolwatch.db") as direct:
        direct.execute("UPDATE requests SET asked_at = asked_at - 60000000 WHERE id = ?", (old,))
        direct.execute("UPDATE requests SET kind = 'dance' WHERE id = ?", (odd,))
    direct.close()
    assert [request.id for request in await store.take_requests(NOON)] == [young]
    outcomes = [await viewer.request_progress(number) for number in (old, odd)]
    assert [each and each.outcome for each in outcomes] == [EXPIRED, NOT_UNDERSTOOD]
    await viewer.enqueue_request(OwnerRequest("new", RequestKind.USAGE), NOON + timedelta(days=2), "4711")
    await store.take_requests(NOON + timedelta(days=2))
    assert await viewer.request_progress(old) is None


async def test_facts_about_the_pool_come_back(store: Store, viewer: Store) -> None:
    assert same(await viewer.facts(), PoolFacts())
    failure = worded(FailureKind.UNREACHABLE, "no answer", NOON, "host")
    facts = PoolFacts(
        "work",
        timedelta(microseconds=-5),
        (SourceState("pool", (), NOON, failure, NOON),),
        {"pool": Decimal("25.0")},
    )
    await store.put_facts(facts)
    assert same(await viewer.facts(), facts)


async def test_a_cancelled_save_is_saved(store: Store) -> None:
    saving = asyncio.create_task(store.save([account(1)], NOON))
    await asyncio.sleep(0)
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert len(await kept_by(store)) == 1


def test_an_event_loop_that_closes_early_is_no_noise(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path, NOON)

    async def leave() -> None:
        task = asyncio.create_task(store.save([account(number) for number in range(200)], NOON))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave())
    assert len(asyncio.run(kept_by(store))) == 200
    assert store.close()
    assert caplog.records == []


async def test_the_loop_runs_while_the_disk_waits(store: Store, tmp_path: Path) -> None:
    await store.ready()
    blocker = sqlite3.connect(tmp_path / "state" / "poolwatch.db", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    saving = asyncio.create_task(store.save([account(1)], NOON))
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert not saving.done()
    blocker.execute("ROLLBACK")
    blocker.close()
    assert await saving


async def test_after_closing_nothing_is_kept_and_nothing_raises(tmp_path: Path) -> None:
    store = Store(tmp_path, NOON)
    await store.aclose()
    assert await kept_by(store) == ()
    assert not await store.save([account(1)], NOON)
    assert not await store.claim_poll("a", NOON, FLOOR)
    assert store.close()


async def test_a_failed_write_is_said_until_one_succeeds(store: Store, tmp_path: Path) -> None:
    await store.ready()
    with sqlite3.connect(tmp_path / "state" / "poolwatch.db") as direct:
        direct.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON readings BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    assert not await store.save([account(1)], NOON)
    assert any("could not be written" in notice and "no room" in notice for notice in told(store))
    assert await store.put_facts(PoolFacts())
    assert len(store.notices) == 1
    direct.execute("DROP TRIGGER refuse")
    direct.commit()
    direct.close()
    assert await store.save([account(1)], NOON)
    assert not store.notices


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
async def test_files_are_ours_alone_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        store = Store(tmp_path / "deep" / "state", NOON)
        await store.save([account(1)], NOON)
        held = sqlite3.connect(tmp_path / "deep" / "state" / "poolwatch.db")
        held.execute("BEGIN IMMEDIATE")
        held.execute("DELETE FROM readings")
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep" / "state").iterdir()
        }
        held.close()
        await store.aclose()
    finally:
        os.umask(before)
    assert len(modes) >= 3  # the database, its journal, the opening lock
    assert {name: mode for name, mode in modes.items() if mode & 0o177} == {}
    assert stat.S_IMODE((tmp_path / "deep" / "state").stat().st_mode) == 0o700


def test_loose_files_are_closed_to_others(tmp_path: Path) -> None:
    async def opened() -> StoreMode:
        store = Store(tmp_path, NOON)
        mode = await store.ready()
        await store.aclose()
        return mode

    tmp_path.chmod(0o755)
    asyncio.run(opened())
    (tmp_path / "poolwatch.db").chmod(0o644)
    assert asyncio.run(opened()) is StoreMode.DISK
    assert stat.S_IMODE((tmp_path / "poolwatch.db").stat().st_mode) == 0o600
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


async def test_instants_of_another_zone_are_the_same_instants(tmp_path: Path) -> None:
    store = Store(tmp_path, NOON)
    elsewhere = NOON.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+05:30").tzinfo)
    assert await store.claim_poll("a", elsewhere, FLOOR)
    assert not await store.claim_poll("a", NOON.astimezone(UTC), FLOOR)
    assert await store.aclose()


def test_requests_are_found_while_work_never_ends(tmp_path: Path) -> None:
    held, gate = DatabaseThread(tmp_path, NOON, None), threading.Event()
    requested = held.when_requested()
    held.submit(lambda _: None, None).result(20)
    held.submit(lambda _: gate.wait(20), otherwise=False)
    viewer = Database(tmp_path, NOON)
    viewer.enqueue_requests((OwnerRequest("acc", RequestKind.USAGE),), NOON, "4711")
    viewer.close()
    # the queue is not empty between the gate and this
    seen = held.submit(lambda _: requested.done(), otherwise=False)
    gate.set()
    assert seen.result(20)
    assert held.close(20)
