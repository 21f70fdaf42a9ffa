"""Having OpenAI report: one request for who asks, by itself every six hours at most; no account is judged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.domain.account import Listing
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.state import AccountState
from poolwatch.domain.workspace_usage import DaysReported, KeptReport, ReportedDay
from poolwatch.monitor.workspace_usage import EACH_SECONDS, FIRST_SECONDS, IDLE_SECONDS, LEAST_STOP, Reporter
from poolwatch.store.store import Store
from tests.monitor.scripted import Rig, ScriptedSource, failure, key_of
from tests.monitor.turned_clock import START, TurnedClock

HOUR = 3600.0
FOUND = DaysReported((ReportedDay(date(2026, 11, 18), None, 7),))


class Reporting(ScriptedSource):
    """A source that also has days reported."""

    def __init__(self, *places: str) -> None:
        super().__init__("homes", *places)
        self.reported: list[tuple[str, datetime, date | None]] = []
        self.reports: list[DaysReported | Failure | Exception] = []

    async def fetch_workspace_usage(
        self,
        entry: Listing,
        at: datetime,
        clock_offset: timedelta = timedelta(0),
        since: date | None = None,
    ) -> DaysReported | Failure:
        self.reported.append((entry.ref.place, at, since))
        found = self.reports.pop(0) if self.reports else FOUND
        if isinstance(found, Exception):
            raise found
        return found


@asynccontextmanager
async def reporting(source: ScriptedSource, state_dir: Path) -> AsyncIterator[tuple[Rig, Reporter, Store]]:
    one, store = Rig([source], TurnedClock()), Store(state_dir, START)
    await store.ready()
    await one.listed()
    for entry in source.listings:
        await one.poller.read(key_of(entry.ref.place))
    try:
        yield one, Reporter(one.poller, one.ledger, store, one.clock), store
    finally:
        await store.aclose()


def account(one: Rig, place: str) -> AccountState:
    return one.ledger.state.accounts[key_of(place)]


async def kept(store: Store, one: Rig, place: str) -> KeptReport | None:
    key = key_of(place)
    return await store.kept_report(key.id, key.account_id or "", date(2026, 1, 1), date(2026, 12, 31))


async def test_who_asks_gets_one_request_and_it_is_kept(tmp_path: Path) -> None:
    source = Reporting("a", "b")
    async with reporting(source, tmp_path) as (one, reporter, store):
        assert await reporter.ask(account(one, "a"), date(2026, 11, 1)) is None
        assert source.reported == [("a", START, date(2026, 11, 1))]
        assert await kept(store, one, "a") == KeptReport(FOUND.days, None, START, START)
        assert await kept(store, one, "b") == KeptReport()


@pytest.mark.parametrize(
    "kind", [FailureKind.UNAUTHORIZED, FailureKind.FORBIDDEN, FailureKind.NO_FIGURES, FailureKind.MALFORMED]
)
async def test_what_is_refused_is_told_and_judges_no_account(tmp_path: Path, kind: FailureKind) -> None:
    source = Reporting("a")
    refused = failure(kind)
    source.reports = [refused, ValueError("a fault")]
    async with reporting(source, tmp_path) as (one, reporter, store):
        before = one.ledger.state
        assert await reporter.ask(account(one, "a")) == refused
        found = await reporter.ask(account(one, "a"))
        assert found is not None
        assert found.code == "monitor.internal_error"
        assert one.ledger.state == before
        # that it was asked is known, and that nothing came
        assert await kept(store, one, "a") == KeptReport((), None, START)


async def test_where_only_a_pool_has_the_token_nothing_is_sent(tmp_path: Path) -> None:
    source = ScriptedSource("pool", "a")
    async with reporting(source, tmp_path) as (one, reporter, store):
        found = await reporter.ask(account(one, "a"))
        assert found is not None
        assert found.kind is FailureKind.NO_TOKEN
        assert await kept(store, one, "a") == KeptReport()


@asynccontextmanager
async def by_itself(
    source: Reporting, state_dir: Path, *, polls: bool = True
) -> AsyncIterator[tuple[Rig, Store]]:
    async with reporting(source, state_dir) as (one, reporter, store):
        task = asyncio.create_task(reporter.run(lambda: polls))
        yield one, store
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def passed(one: Rig, store: Store, seconds: float) -> None:
    """Time goes by in steps: what is asked of the store is answered by another thread."""
    for _ in range(int(seconds // IDLE_SECONDS) + 1):
        await one.clock.advance(IDLE_SECONDS)
        await store.facts()
        await asyncio.sleep(0)


def places(source: Reporting) -> list[str]:
    return [place for place, _, _ in source.reported]


async def test_by_itself_it_asks_each_account_every_six_hours(tmp_path: Path) -> None:
    source = Reporting("a", "b")
    async with by_itself(source, tmp_path) as (one, store):
        await passed(one, store, FIRST_SECONDS + 5 * HOUR)
        assert places(source) == ["a", "b"]
        first, second = (at for _, at, _ in source.reported)
        assert second - first >= timedelta(seconds=EACH_SECONDS)
        await passed(one, store, 6 * HOUR)
        assert sorted(places(source)) == ["a", "a", "b", "b"]
        assert all(
            later - sooner >= timedelta(hours=6)
            for place in "ab"
            for sooner, later in [[at for each, at, _ in source.reported if each == place]]
        )


async def test_what_another_process_asked_is_not_asked_again(tmp_path: Path) -> None:
    source, other = Reporting("a"), Store(tmp_path, START)
    key = key_of("a")
    await other.claim_report(key.id, key.account_id or "", START, timedelta(0))
    await other.aclose()
    async with by_itself(source, tmp_path) as (one, store):
        await passed(one, store, 5 * HOUR)
        assert source.reported == []
        await passed(one, store, 4 * HOUR)
        assert places(source) == ["a"]


async def test_who_does_not_poll_asks_nothing_by_itself(tmp_path: Path) -> None:
    source = Reporting("a")
    async with by_itself(source, tmp_path, polls=False) as (one, store):
        await passed(one, store, 24 * HOUR)
        assert source.reported == []


@pytest.mark.parametrize("kind", [FailureKind.THROTTLED, FailureKind.EDGE_BLOCKED, FailureKind.UNREACHABLE])
async def test_a_service_that_wants_to_be_left_alone_is(tmp_path: Path, kind: FailureKind) -> None:
    source = Reporting("a", "b")
    source.reports = [failure(kind)]
    async with by_itself(source, tmp_path) as (one, store):
        await passed(one, store, FIRST_SECONDS + LEAST_STOP.total_seconds() - IDLE_SECONDS)
        assert places(source) == ["a"]
        await passed(one, store, HOUR)
        assert places(source) == ["a", "b"]
