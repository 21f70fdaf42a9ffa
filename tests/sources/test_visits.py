"""Visits to a thread that are shared."""

from __future__ import annotations

import asyncio
import threading

import pytest

from poolwatch.host import threads
from poolwatch.sources.visits import FRESH_SECONDS, HANDFUL, Visits


async def test_what_is_asked_at_once_is_answered_in_one_visit() -> None:
    threads: list[str] = []

    def answer(number: int) -> int:
        threads.append(threading.current_thread().name)
        if number == 3:
            raise ValueError("three")
        return number * 2

    visits = Visits(answer)
    found = await asyncio.gather(*(visits.ask(number) for number in range(5)), return_exceptions=True)
    assert [each for each in found if not isinstance(each, BaseException)] == [0, 2, 4, 8]
    assert isinstance(found[3], ValueError)
    assert len(threads) == 5
    assert len(set(threads)) == 1
    assert threading.current_thread().name not in threads


async def test_a_visit_takes_along_what_is_foreseen_and_what_it_brought_counts_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    threads: list[str] = []

    def answer(number: int) -> int:
        asked.append(number)
        threads.append(threading.current_thread().name)
        if number == 2:
            raise ValueError("two")
        return -number

    visits = Visits(answer)
    visits.foresee(range(1, 100))
    assert await visits.ask(1) == -1
    assert asked == list(range(1, HANDFUL + 1))
    with pytest.raises(ValueError, match="two"):
        await visits.ask(2)
    assert [await visits.ask(number) for number in range(3, HANDFUL + 1)] == [
        -number for number in range(3, HANDFUL + 1)
    ]
    assert len(asked) == HANDFUL
    # in another order than was foreseen, and once more
    assert await visits.ask(HANDFUL + 5) == -HANDFUL - 5
    assert asked[HANDFUL] == HANDFUL + 5
    assert sorted(asked[HANDFUL:]) == list(range(HANDFUL + 1, 2 * HANDFUL + 1))
    assert await visits.ask(1) == -1
    assert asked.count(1) == 2
    monkeypatch.setattr("poolwatch.sources.visits.FRESH_SECONDS", -1.0)
    assert await visits.ask(HANDFUL + 1) == -HANDFUL - 1
    assert asked.count(HANDFUL + 1) == 2
    assert threading.current_thread().name not in threads


async def test_a_disk_that_hangs_holds_up_nothing_that_is_asked_later() -> None:
    let_go = threading.Event()

    def answer(hangs: bool) -> bool:
        if hangs:
            let_go.wait(20)
        return hangs

    visits = Visits(answer)
    hung = asyncio.create_task(visits.ask(True))
    gave_up = asyncio.create_task(visits.ask(True))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    try:
        assert await asyncio.wait_for(visits.ask(False), 10) is False
        assert not hung.done()
        gave_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gave_up
    finally:
        let_go.set()
    assert await hung is True


async def test_where_no_thread_can_be_started_all_who_asked_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    visits = Visits(str)
    monkeypatch.setattr(threads, "_THREADS", threads._Threads())
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refused)
        found = await asyncio.gather(visits.ask(1), visits.ask(2), return_exceptions=True)
        assert [type(each) for each in found] == [RuntimeError, RuntimeError]
    assert await visits.ask(3) == "3"


async def test_a_disk_that_hangs_is_not_asked_the_same_again_and_again() -> None:
    let_go, begun = threading.Event(), list[str]()

    def look(question: str) -> str:
        begun.append(question)
        let_go.wait(20)
        return question.upper()

    visits = Visits(look)
    loop = asyncio.get_running_loop()
    real_time, passed = loop.time, 0.0
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "time", lambda: real_time() + passed)
        first = asyncio.create_task(visits.ask("a"))
        while not begun:  # noqa: ASYNC110 - it begins on a thread
            await asyncio.sleep(0)
        # what is under way for a moment only may be older than what is asked for
        second = asyncio.create_task(visits.ask("a"))
        while len(begun) < 2:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0)
        passed = 2 * FRESH_SECONDS
        first.cancel()
        third = asyncio.create_task(visits.ask("a"))
        await asyncio.sleep(0)
        let_go.set()
        assert [await second, await third] == ["A", "A"]
    assert begun == ["a", "a"]


async def test_a_later_look_that_ends_first_leaves_the_earlier_one_its_answer() -> None:
    gates, begun = {1: threading.Event(), 2: threading.Event()}, list[int]()

    def look(question: str) -> int:
        number = len(begun) + 1
        begun.append(number)
        gates[number].wait(20)
        return number

    visits = Visits(look)
    first = asyncio.create_task(visits.ask("a"))
    while len(begun) < 1:  # noqa: ASYNC110 - it begins on a thread
        await asyncio.sleep(0)
    second = asyncio.create_task(visits.ask("a"))
    while len(begun) < 2:  # noqa: ASYNC110 - likewise
        await asyncio.sleep(0)
    gates[2].set()
    assert await asyncio.wait_for(second, 20) == 2
    gates[1].set()
    assert await asyncio.wait_for(first, 5) == 1
