from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.custody.recovery import Recovered
from poolwatch.domain.account import AccountKey, NamingRule
from poolwatch.domain.events import Answer, AnswerKind, BulkProgress
from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.message import Message, message
from poolwatch.domain.refresh import BlockReason, RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.state import AccountState, KeptFile, PoolFacts, SourceState
from poolwatch.domain.usage import Usage
from poolwatch.domain.values import replace
from poolwatch.monitor.monitor import SERVE_SECONDS, VIEW_SECONDS
from poolwatch.monitor.owner import LOOK_SECONDS, Asked
from tests.monitor.scripted import (
    NOTICE,
    Rig,
    ScriptedSource,
    ScriptedStore,
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
READ_ONLY = message("monitor.viewer", holder=message("monitor.process", pid=123, host="host"))


def stored(place: str = "a", weekly: float = 30, source: str = "homes") -> AccountState:
    usage = Usage().merged(snapshot(weekly), START, source)
    return AccountState(
        key_of(place), (listing(place, source=source),), usage=usage, read_at=START, tried_at=START
    )


def keep(one: Rig, *accounts: AccountState) -> None:
    one.store.accounts = {account.key.id: account for account in accounts}


def viewer(*accounts: AccountState) -> Rig:
    one = rig("a")
    one.lock.held_elsewhere = True
    keep(one, *accounts)
    return one


async def test_figures_of_the_last_run_stand_before_anything_answers() -> None:
    one = rig("a")
    one.source.hung_list = asyncio.Event()
    keep(one, stored())
    async with running(one.monitor.run(), one.clock):
        assert weekly_of(one.account("a")) == 30
        assert not one.monitor.state.settled


@pytest.mark.parametrize("fails", [False, True])
async def test_what_is_read_is_saved_once_the_past_is_in_the_store(fails: bool) -> None:
    arrived = asyncio.Event()

    async def bring() -> None:
        await arrived.wait()
        if fails:
            raise OSError

    clock = TurnedClock()
    source = ScriptedSource("homes", "a", clock=clock)
    one = Rig([source], clock, past=asyncio.create_task(bring()))
    async with running(one.monitor.run(), clock):
        await clock.advance(60)
        assert one.account("a").read_at is not None
        assert one.store.accounts == {}
        arrived.set()
        await clock.advance(60)
        assert one.store.accounts.keys() == {A.id}


async def test_while_another_polls_the_store_is_watched_and_nothing_is_asked() -> None:
    one = viewer(stored(weekly=30))
    async with running(one.monitor.run(), one.clock):
        assert one.ledger.notices == (NOTICE, READ_ONLY)
        assert not one.monitor.polls
        keep(one, stored(weekly=44))
        await one.clock.advance(VIEW_SECONDS)
        assert weekly_of(one.account("a")) == 44
        assert one.monitor.state.settled
        keep(one)
        await one.clock.advance(VIEW_SECONDS)
        assert one.monitor.state.accounts == {}
        await one.clock.advance(600)
    assert (one.source.asked, one.source.listed) == ([], 0)
    assert (one.store.saves, one.store.forgotten) == ([], [])


async def test_polling_is_taken_over_once_the_lock_is_free() -> None:
    one = viewer(stored(weekly=30))
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(10)
        one.lock.held_elsewhere = False
        # what the other one saved as it left
        keep(one, stored(weekly=55))
        await one.clock.advance(VIEW_SECONDS)
        assert one.monitor.polls
        assert one.ledger.notices == (NOTICE,)
        assert weekly_of(one.account("a")) == 55
        await one.clock.advance(301)
        assert one.source.places_asked() == ["a"]
    assert not one.lock.is_ours


async def test_the_last_words_of_the_former_holder_are_heard() -> None:
    one = viewer(stored(weekly=30))
    acquire = one.lock.try_acquire

    def acquire_late() -> bool:
        # the holder saves and lets go between a viewer's look and its next try
        if one.clock.now() > START:
            keep(one, stored(weekly=66))
            one.lock.held_elsewhere = False
        return acquire()

    one.lock.try_acquire = acquire_late  # type: ignore[method-assign]  # one moment of a race
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(VIEW_SECONDS)
        assert one.monitor.polls
        assert weekly_of(one.account("a")) == 66


async def test_accounts_of_sources_that_are_not_configured_stay_in_the_store_alone() -> None:
    one = viewer(stored("a"), stored("b", source="elsewhere"))
    both = replace(stored("c"), listings=(listing("c"), listing("c", source="elsewhere")))
    one.store.accounts[both.key.id] = both
    async with running(one.monitor.run(), one.clock):
        assert set(one.monitor.state.accounts) == {A, key_of("c")}
        assert one.account("c").sources == ("homes",)
        one.lock.held_elsewhere = False
        await one.clock.advance(10)
    assert key_of("b").id in one.store.accounts
    assert one.store.forgotten == [key_of("c").id]


@pytest.mark.parametrize(
    ("usage_only", "try_once", "asked"),
    [(False, False, Asked.REFRESH), (True, False, Asked.USAGE), (False, True, Asked.TRY_ONCE)],
)
async def test_a_viewer_asks_the_one_that_polls(usage_only: bool, try_once: bool, asked: Asked) -> None:
    one = viewer(stored())
    await one.monitor.recall()
    answer = await one.monitor.refresh(A, usage_only=usage_only, try_once=try_once)
    assert answer == Answer(AnswerKind.STARTED)
    assert one.queue.asked == [(A.id, asked)]
    assert one.custodian.asks == []
    # and shows it as it shows its own, until the other one tells how it ended
    shown = one.account("a").refresh
    assert shown is not None
    assert (shown.done, shown.usage_only) == (False, usage_only)
    await one.monitor.recall()
    await one.clock.advance(LOOK_SECONDS)
    assert one.account("a").refresh == shown
    ended = RefreshProgress(START, TokenStep(TokenOutcome.REFRESHED, 0.4), UsageStep(), done=True)
    one.queue.ends[1] = ended
    await one.clock.advance(LOOK_SECONDS)
    assert one.account("a").refresh == ended


async def test_what_became_of_a_wish_is_not_waited_for_when_nobody_polls_any_more() -> None:
    one = viewer(stored())
    async with running(one.monitor.run(), one.clock):
        await one.monitor.refresh(A)
        one.lock.held_elsewhere = False
        await one.clock.advance(VIEW_SECONDS + LOOK_SECONDS)
        assert one.monitor.polls
        assert one.account("a").refresh is None
        await one.monitor.refresh(A)
        await one.clock.settle()
        assert one.custodian.places() == ["a"]
    assert len(asyncio.all_tasks()) == 1


async def test_a_viewers_second_r_after_the_warning_is_passed_on_as_such() -> None:
    one = viewer(stored())
    await one.monitor.recall()
    late = TokenStep(TokenOutcome.BLOCKED, block=BlockReason.CODEX_LATE, pid=4711)
    one.queue.ends[1] = RefreshProgress(START, late, UsageStep(tried=False), done=True)
    await one.monitor.refresh(A)
    await one.clock.advance(LOOK_SECONDS)
    await one.monitor.refresh(A)
    assert one.queue.asked == [(A.id, Asked.REFRESH), (A.id, Asked.BESIDE)]
    one.queue.ends[2] = one.queue.ends[1]
    await one.clock.advance(LOOK_SECONDS)
    await one.monitor.refresh(A, usage_only=True)
    assert one.queue.asked[-1] == (A.id, Asked.USAGE)


async def test_a_wish_to_renew_beside_a_codex_is_served_as_one() -> None:
    one = rig("a")
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(1)
        one.queue.put(A.id, Asked.BESIDE)
        await one.clock.advance(SERVE_SECONDS)
        assert [request.beside_codex for request in one.custodian.asks] == [True]


async def test_a_viewer_says_when_nobody_answers() -> None:
    one = viewer(stored())
    await one.monitor.recall()
    one.queue.answers = False
    assert await one.monitor.refresh(A) == Answer(AnswerKind.NO_ANSWER)


async def test_a_viewer_says_what_speaks_against_a_refresh_before_it_asks() -> None:
    until = START + timedelta(minutes=10)
    throttled = worded(FailureKind.THROTTLED, "slow down", until).since(START)
    lost = worded(FailureKind.AMBIGUOUS, "reply lost").since(START)
    one = viewer(replace(stored("a"), reading_trouble=throttled), replace(stored("b"), login_trouble=lost))
    await one.monitor.recall()
    assert await one.monitor.refresh(A) == Answer(AnswerKind.THROTTLED, until)
    assert await one.monitor.refresh(key_of("b")) == Answer(AnswerKind.ASK_ONCE, START)
    assert one.queue.asked == []
    assert (await one.monitor.refresh(A, override=True)).kind is AnswerKind.STARTED


@pytest.mark.parametrize(("usage_only", "asked"), [(False, Asked.DUE), (True, Asked.USAGE)])
async def test_many_are_refreshed_by_the_one_that_polls(usage_only: bool, asked: Asked) -> None:
    one = viewer(stored("a"), stored("b"))
    await one.monitor.recall()
    other = key_of("b")
    answer = await one.monitor.refresh_many([A, other], usage_only=usage_only)
    assert answer.kind is AnswerKind.STARTED
    await one.clock.advance(1)
    assert one.queue.asked == [(A.id, asked), (other.id, asked)]
    assert all(account.refresh is not None for account in one.monitor.state.accounts.values())
    ended = RefreshProgress(START, usage=UsageStep(), done=True)
    one.queue.ends = {1: ended, 2: ended}
    await one.clock.advance(1)
    assert one.ledger.bulk == BulkProgress(
        2, 2, 0, done=True, had_turn=frozenset((A, other)), usage_only=usage_only
    )
    assert one.source.asked == []


async def test_many_are_not_asked_for_in_vain() -> None:
    one = viewer(*(stored(place) for place in "abcde"))
    await one.monitor.recall()
    one.queue.answers = False
    await one.monitor.refresh_many([key_of(place) for place in "abcde"])
    await one.clock.advance(5)
    assert len(one.queue.asked) == 1
    assert one.ledger.bulk is not None
    assert (one.ledger.bulk.done, one.ledger.bulk.failed) == (True, 1)
    assert one.source.asked == []


async def test_the_one_that_polls_refreshes_by_itself() -> None:
    one = rig("a", "b")
    async with running(one.monitor.run(), one.clock):
        assert (await one.monitor.refresh(A)).kind is AnswerKind.STARTED
        assert (await one.monitor.refresh(A)).kind is AnswerKind.RUNNING
        await one.clock.settle()
        assert one.custodian.places() == ["a"]
        assert (await one.monitor.refresh_many([A, key_of("b")])).kind is AnswerKind.STARTED
        assert (await one.monitor.refresh_many([A])).kind is AnswerKind.RUNNING
        one.monitor.bulk.stop()
        await one.clock.advance(1)
        assert one.ledger.bulk is not None
        assert one.ledger.bulk.done
    assert one.queue.asked == []


@pytest.mark.parametrize(
    ("asked", "steps", "try_once"),
    [
        (Asked.REFRESH, 1, False),
        (Asked.TRY_ONCE, 1, True),
        (Asked.DUE, 0, None),
        (Asked.USAGE, 0, None),
    ],
)
async def test_wishes_of_viewers_are_served(asked: Asked, steps: int, try_once: bool | None) -> None:
    one = rig("a")
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(1)
        one.source.asked.clear()
        one.queue.put(A.id, asked)
        one.queue.put("nobody", asked)
        await one.clock.advance(SERVE_SECONDS)
        assert one.source.places_asked() == ["a"]
        assert [request.try_once for request in one.custodian.asks] == [try_once] * steps
        # both askers are told how it ended
        assert one.queue.finished == {1: one.account("a").refresh, 2: None}
        told = one.queue.finished[1]
        assert told is not None
        assert told.done
        assert told.usage is not None


async def test_polls_for_others_are_no_refreshes_and_hold_none_up() -> None:
    one = rig(*"abcdef")
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(1)
        for place in "abcdef":
            one.source.hung[place] = asyncio.Event()
            one.queue.put(key_of(place).id, Asked.POLL)
        await one.clock.advance(SERVE_SECONDS)
        # the service hangs for five of them, and a person refreshes the sixth
        one.source.hung["f"].set()
        await one.clock.settle()
        await one.monitor.refresh(key_of("f"))
        await one.clock.settle()
        assert [number for number, told in one.queue.finished.items() if told and told.usage] == [6]
        shown = one.account("f").refresh
        assert shown is not None
        assert shown.done
        assert all(one.account(place).refresh is None for place in "abcde")


async def test_wishes_that_are_left_undone_end_with_nothing() -> None:
    one = rig("a")
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(1)
        one.source.hung["a"] = asyncio.Event()
        one.queue.put(A.id, Asked.USAGE)
        await one.clock.advance(SERVE_SECONDS)
        assert one.queue.finished == {}
    assert one.queue.finished == {1: None}


async def test_wishes_are_taken_when_they_come_and_not_looked_for() -> None:
    one = rig("a")
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(60)
        assert one.queue.takes == 0
        one.queue.put(A.id, Asked.POLL)
        await one.clock.settle()
        assert one.queue.takes == 1


async def test_wishes_that_cannot_be_taken_are_not_tried_without_end() -> None:
    one = rig("a")
    async with running(one.monitor.run(), one.clock):
        one.queue.yields = False
        one.queue.put(A.id, Asked.POLL)
        await one.clock.advance(10 * SERVE_SECONDS)
        assert 10 <= one.queue.takes <= 11
        one.queue.yields = True
        await one.clock.advance(SERVE_SECONDS)
        assert list(one.queue.finished) == [1]


async def test_a_wish_overrides_a_retry_after_for_its_asker_was_told() -> None:
    one = rig("a")
    one.source.answers["a"] = [failure(FailureKind.THROTTLED, retry_at=START + timedelta(hours=1))]
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(1)
        one.queue.put(A.id, Asked.USAGE)
        await one.clock.advance(SERVE_SECONDS)
        assert len(one.source.asked) == 2


async def test_a_store_that_cannot_be_read_is_not_an_empty_one() -> None:
    one = await rig("a").listed()
    await one.poller.read(A)
    await one.saver.flush()
    again = rig("a")
    again.store = one.store
    again.__post_init__()
    one.store.locked_loads = 2
    recalling = await soon(again.monitor.recall(), again.clock)
    await again.clock.advance(2 * VIEW_SECONDS)
    assert recalling.done()
    assert again.account("a").read_at is not None
    # nor does one that stays locked take away what is known
    one.store.locked_loads = 10
    recalling = await soon(again.monitor.recall(), again.clock)
    await again.clock.advance(3 * VIEW_SECONDS)
    assert recalling.done()
    assert again.account("a").read_at is not None


async def test_a_disk_that_fills_up_is_told_while_it_lasts() -> None:
    one = rig("a")
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(2)
        told = [one.ledger.notices]
        one.store.is_full = True
        await one.poller.read(A)
        await one.clock.advance(2)
        told.append(one.ledger.notices)
        one.store.is_full = False
        await one.clock.advance(15)
        told.append(one.ledger.notices)
    assert [len(each) for each in told] == [1, 2, 1]
    assert Message("store.disk_full") in told[1]


async def test_a_hung_source_does_not_hold_up_the_start() -> None:
    one = Rig([ScriptedSource("hung", "a"), ScriptedSource("well", "b")])
    one.sources[0].hung_list = asyncio.Event()
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(1)
        assert one.sources[1].places_asked() == ["b"]


async def test_closing_saves_and_gives_the_lock_back() -> None:
    one = rig(*"abcdef")
    one.custodian.gates["a"] = asyncio.Event()
    async with running(one.monitor.run(), one.clock):
        assert one.lock.is_ours
        await one.clock.advance(1.2)
        await one.monitor.refresh(A)
        await one.monitor.refresh_many([key_of(place) for place in "bcdef"])
        await one.clock.settle()
        assert one.bulk.running
        one.store.saves.clear()
        await one.poller.read(key_of("b"))
    assert any(key_of("b").id in save for save in one.store.saves)
    assert not one.lock.is_ours
    assert not one.monitor.polls
    assert len(asyncio.all_tasks()) == 1
    one.store.saves.clear()
    await one.monitor.close()
    assert one.store.saves == []


async def test_closing_a_viewer_writes_nothing() -> None:
    one = viewer(stored())
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(1)
    await one.monitor.close()
    assert one.store.saves == []


async def test_changes_reach_a_listener_while_it_runs() -> None:
    one = rig("a")
    heard: list[frozenset[AccountKey] | None] = []

    async def listen() -> None:
        async for burst in one.monitor.ledger.changes():
            heard.extend([burst.keys])

    listener = asyncio.create_task(listen())
    async with running(one.monitor.run(), one.clock):
        # what lies ahead has been told too
        await one.clock.advance(10)
        assert heard[0] is None
        heard.clear()
        await one.monitor.poller.read(A)
        await one.clock.advance(1)
        assert heard == [frozenset({A})]
    listener.cancel()


async def test_a_source_that_comes_later() -> None:
    one = rig("a")
    late = ScriptedSource("late", "b")
    async with running(one.monitor.run(), one.clock):
        assert one.ledger.notices == one.monitor.notices == (NOTICE,)
        one.monitor.add_source(late)
        await one.clock.advance(5)
        assert late.places_asked() == ["b"]
    await one.monitor.recall()
    assert key_of("b") in one.monitor.state.accounts


@pytest.mark.parametrize("ids", [("user-a", "account-a"), (None, None), ("user-x", "account-x")])
async def test_a_refresh_that_an_earlier_run_left_unfinished_is_told(
    ids: tuple[str | None, str | None],
) -> None:
    one = rig("a")
    lost = TokenStep(TokenOutcome.AMBIGUOUS, lost_at=START - timedelta(hours=1))
    one.custodian.interrupted = (Recovered(Path("a"), lost, *ids), Recovered(Path("elsewhere"), lost))
    async with running(one.monitor.run(), one.clock):
        account = one.account("a")
        assert account.ambiguous
        assert account.login_trouble is not None
        assert account.login_trouble.since == START - timedelta(hours=1)
        assert account.refresh is None


async def test_a_machine_without_threads_ends_no_polling_and_what_waits_is_told_later() -> None:
    one = rig("a")
    one.custodian.threadless = True
    one.custodian.waiting = (KeptFile("~/kept-a.auth.json", START, A),)
    async with running(one.monitor.run(), one.clock) as task:
        await one.clock.advance(360)
        assert not task.done()
        assert one.account("a").kept is None
        one.custodian.threadless = False
        await one.clock.advance(360)
        assert one.account("a").kept == one.custodian.waiting[0]


async def test_what_the_poller_knows_of_the_whole_pool_reaches_a_viewer() -> None:
    store = ScriptedStore()
    store.kept_facts = PoolFacts(
        "work",
        timedelta(hours=1),
        (SourceState("homes", (), START, failure(FailureKind.UNREACHABLE), START), SourceState("gone")),
        {"homes": Decimal(40), "gone": Decimal(50)},
    )
    one = Rig([ScriptedSource("homes", "a")], store=store)
    await one.monitor.recall()
    assert one.state.agreed_rate == Decimal(40)
    assert one.state.sources == {}
    assert one.state.clock_offset == timedelta(0)
    one.lock.held_elsewhere = True
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(VIEW_SECONDS)
        assert one.state.sources.keys() == {"homes"}
        assert one.state.sources["homes"].failure == failure(FailureKind.UNREACHABLE)
        assert one.state.clock_offset == timedelta(hours=1)


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("lookout.look", "monitor.no_forecasts"),
        ("recorder.burn.load", "monitor.no_burn"),
        ("recorder._follow", "monitor.not_followed"),
        ("recorder._caught_up", "monitor.not_followed"),
        ("recorder.take", "monitor.not_followed"),
    ],
)
async def test_an_error_in_what_follows_from_readings_is_told_and_ends_no_poll(where: str, code: str) -> None:
    one = rig("a")
    part: object = one.monitor
    *rooms, name = where.split(".")
    for room in rooms:
        part = getattr(part, room)
    works = getattr(part, name)
    faults = [1]

    def fails(*args: object, **kwargs: object) -> object:
        if faults:
            raise KeyError("a secret")
        return works(*args, **kwargs)

    setattr(part, name, fails)
    why = Message(code, (("why", Message("monitor.internal_error", (("type", "KeyError"),))),))
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(30)
        assert why in one.ledger.notices
        await one.clock.advance(670)
        assert one.source.places_asked() == ["a"] * 3
        assert len(one.store.saves) == 3
        faults.clear()
        one.source.default = snapshot(75)
        await one.clock.advance(700)
        assert one.ledger.notices == (NOTICE,)


async def test_readings_that_are_lost_by_an_error_are_told_and_the_next_are_kept() -> None:
    one = rig("a")
    save = one.store.save

    async def fails(*args: object, **kwargs: object) -> bool:
        one.store.save = save  # type: ignore[method-assign]  # once
        raise KeyError

    one.store.save = fails  # type: ignore[method-assign]  # an error of our own
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(30)
        assert [notice.code for notice in one.ledger.notices] == [NOTICE.code, "monitor.not_kept"]
        await one.clock.advance(600)
        assert len(one.store.saves) == 2
        assert one.ledger.notices == (NOTICE,)


async def test_what_is_foretold_elsewhere_ends_no_watch() -> None:
    one = viewer(stored(weekly=30))

    async def fails() -> object:
        raise KeyError

    one.store.outlooks = fails  # type: ignore[method-assign, assignment]  # likewise
    async with running(one.monitor.run(), one.clock):
        keep(one, stored(weekly=44))
        await one.clock.advance(2 * VIEW_SECONDS)
        assert weekly_of(one.account("a")) == 44
        assert "monitor.no_forecasts" in [notice.code for notice in one.ledger.notices]


async def test_a_time_zone_that_is_not_there_is_told_and_the_machines_taken() -> None:
    clock = TurnedClock()
    rules = (NamingRule("a@example.com", time_zone="Europe/\x1bNowhere"),)
    one = Rig([ScriptedSource("homes", "a", clock=clock)], clock, naming=rules)
    async with running(one.monitor.run(), clock):
        await clock.advance(400)
        told = message("monitor.no_zone", zone="Europe/\\x1bNowhere")
        assert one.ledger.notices == (NOTICE, told)
        assert one.account("a").outlook is not None
