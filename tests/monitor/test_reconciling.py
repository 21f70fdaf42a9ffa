"""Asking the service what it counted: once a day and account, by the process that polls, and calmly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta

import pytest

from poolwatch.domain.account import Listing
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.monitor.reconciling import EACH_SECONDS, FIRST_SECONDS, IDLE_SECONDS, LEAST_STOP, Reconciler
from tests.monitor.scripted import Rig, ScriptedSource, failure, key_of
from tests.monitor.turned_clock import START, TurnedClock

HOUR = 3600.0
DAY = 86_400.0
FOUND = {date(2026, 11, 18): 5, date(2026, 11, 19): 7}


class Counting(ScriptedSource):
    """A source that also says what was counted."""

    def __init__(self, *places: str) -> None:
        super().__init__("homes", *places)
        self.counted: list[tuple[str, datetime]] = []
        self.counts: list[Mapping[date, int] | Failure | Exception] = []

    async def fetch_day_counts(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> Mapping[date, int] | Failure:
        self.counted.append((entry.ref.place, at))
        found = self.counts.pop(0) if self.counts else FOUND
        if isinstance(found, Exception):
            raise found
        return found


class Book:
    """What is kept, in memory."""

    def __init__(self, *places: str) -> None:
        self.with_use = {key_of(place).id for place in places}
        self.asked: dict[str, int] = {}
        self.counted: dict[str, Mapping[int, int]] = {}

    async def unasked(self, today: int) -> set[str]:
        return {account for account in self.with_use if self.asked.get(account) != today}

    async def claim_asking(self, account: str, today: int) -> bool:
        claimed = self.asked.get(account) != today
        self.asked[account] = today
        return claimed

    async def put_counted(self, account: str, tokens: Mapping[int, int]) -> None:
        self.counted[account] = tokens


@asynccontextmanager
async def asking(source: Counting, book: Book, polls: bool = True) -> AsyncIterator[Rig]:
    one = Rig([source], TurnedClock())
    await one.listed()
    for entry in source.listings:
        await one.poller.read(key_of(entry.ref.place))
    task = asyncio.create_task(Reconciler(one.poller, one.ledger, one.clock, book, lambda: polls).run())
    yield one
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def places(source: Counting) -> list[str]:
    return [place for place, _ in source.counted]


async def test_each_account_with_use_in_the_files_once_a_day() -> None:
    source, book = Counting("a", "b", "c"), Book("a", "c")
    async with asking(source, book) as one:
        await one.clock.advance(FIRST_SECONDS + HOUR)
        assert source.counted == [
            ("a", START + timedelta(seconds=FIRST_SECONDS)),
            ("c", START + timedelta(seconds=FIRST_SECONDS + EACH_SECONDS)),
        ]
        # 18 and 19 November 2026, in days since 1970
        assert book.counted == {key_of(place).id: {20_775: 5, 20_776: 7} for place in "ac"}
        await one.clock.advance(12 * HOUR)
        assert places(source) == ["a", "c", "a", "c"]
        assert source.counted[2][1] - (START + timedelta(hours=12)) < timedelta(seconds=IDLE_SECONDS)


async def test_a_failure_is_no_trouble_and_asked_again_the_next_day() -> None:
    source, book = Counting("a", "b"), Book("a", "b")
    source.counts = [failure(FailureKind.FORBIDDEN), ValueError("a fault")]
    async with asking(source, book) as one:
        await one.clock.advance(FIRST_SECONDS + 6 * HOUR)
        assert (places(source), book.counted) == (["a", "b"], {})
        assert all(account.reading_trouble is None for account in one.ledger.state.accounts.values())
        await one.clock.advance(DAY)
        assert (places(source), len(book.counted)) == (["a", "b", "a", "b"], 2)


@pytest.mark.parametrize("kind", [FailureKind.THROTTLED, FailureKind.EDGE_BLOCKED, FailureKind.UNREACHABLE])
async def test_a_service_that_wants_to_be_left_alone_is(kind: FailureKind) -> None:
    source, book = Counting("a", "b"), Book("a", "b")
    source.counts = [failure(kind, retry_at=START + timedelta(seconds=FIRST_SECONDS + 3 * HOUR))]
    async with asking(source, book) as one:
        await one.clock.advance(FIRST_SECONDS + 3 * HOUR - 1)
        assert places(source) == ["a"]
        await one.clock.advance(IDLE_SECONDS + 1)
        assert places(source) == ["a", "b"]
    source, book = Counting("a", "b"), Book("a", "b")
    source.counts = [failure(kind)]
    async with asking(source, book) as one:
        await one.clock.advance(FIRST_SECONDS + LEAST_STOP.total_seconds() - 1)
        assert places(source) == ["a"]
        await one.clock.advance(IDLE_SECONDS + 1)
        assert places(source) == ["a", "b"]
        one.clock.leap(-timedelta(days=300))
        await one.clock.advance(HOUR)
        assert len(places(source)) == 4


async def test_nobody_is_asked_by_a_viewer_while_paused_or_without_a_live_token() -> None:
    source, book = Counting("a"), Book("a")
    async with asking(source, book, polls=False) as one:
        await one.clock.advance(2 * DAY)
    assert source.counted == []
    async with asking(source, book) as one:
        one.poller.set_paused(True)
        await one.clock.advance(6 * HOUR)
        assert source.counted == []
        # a week on, its token has ended
        await one.clock.advance(8 * DAY)
        one.poller.set_paused(False)
        await one.clock.advance(HOUR)
    assert source.counted == []
    async with asking(source, book) as one:
        source.default = failure(FailureKind.THROTTLED)
        await one.poller.read(key_of("a"))
        await one.clock.advance(6 * HOUR)
    assert source.counted == []
    other = ScriptedSource("homes", "a")
    one = Rig([other], TurnedClock())
    await one.listed()
    await one.poller.read(key_of("a"))
    task = asyncio.create_task(Reconciler(one.poller, one.ledger, one.clock, book, lambda: True).run())
    await one.clock.advance(6 * HOUR)
    assert book.asked == {}
    task.cancel()


async def test_another_process_asked_already() -> None:
    source, book = Counting("a"), Book("a")

    async def claimed(account: str, today: int) -> bool:
        return False

    book.claim_asking = claimed  # type: ignore[method-assign] # another process was quicker
    async with asking(source, book) as one:
        await one.clock.advance(6 * HOUR)
    assert source.counted == []
