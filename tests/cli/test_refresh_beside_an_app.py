"""`refresh` while another poolwatch polls: that one is asked, and its answer is the command's."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from poolwatch.bootstrap.running import Running, open_monitor
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.store.audit import AuditLog
from poolwatch.store.polling import PollLock
from tests.cli.desk import Desk, rows
from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """A pool of its own, since tokens are spent."""
    with Upstream(tmp_path_factory.mktemp("beside") / "demo") as upstream:
        yield upstream


@asynccontextmanager
async def polling(desk: Desk, config: Path, **settings: str) -> AsyncIterator[Running]:
    """A monitor like the app's, at work on the desk's state."""
    around = look_around(Options(config, settings), desk.env)
    assert isinstance(around, Surroundings)
    async with open_monitor(around) as running:
        work = asyncio.create_task(running.monitor.run())
        try:
            async with asyncio.timeout(30):
                while not (running.monitor.polls and running.monitor.state.settled):  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.01)
            yield running
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def test_the_one_that_polls_is_asked(tmp_path: Path, served: Upstream) -> None:
    desk = Desk(tmp_path, served.config)
    before = served.account("alice").token_posts
    async with polling(desk, served.config) as running:
        ran = await asyncio.to_thread(desk.run, "refresh", "alice@example.com", "dan", "--json")
        assert (ran.code, ran.err) == (0, "")
        found = {str(row["label"]): row for row in rows(ran.json(), "accounts")}
        assert (found["alice@example.com"]["token"], found["dan"]["token"]) == ("refreshed", "current")
        assert str(found["alice@example.com"]["message"]).startswith("token ok")
        steps = {
            account.email: account.refresh.token
            for account in running.monitor.state.accounts.values()
            if account.refresh is not None
        }
        # both ran in the app, where they are seen, and nowhere else
        assert steps.keys() == {"alice@example.com", "dan@example.com"}
        assert all(step is not None for step in steps.values())
        # what is not due is left alone there as well
        ran = await asyncio.to_thread(desk.run, "refresh", "--all", "--json")
        assert len(rows(ran.json(), "accounts")) == 12
        assert all(account.refresh is not None for account in running.monitor.state.accounts.values())
    assert served.account("alice").token_posts == before + 1
    # noted by the one that did it, once, for the command that wanted it
    noted = list(AuditLog(desk.state).entries())
    assert len(noted) == 2 * (2 + 12)
    assert {each.by for each in noted} == {"command"}
    assert os.getpid() not in {each.pid for each in noted}
    assert {each.outcome for each in noted} >= {None, "done"}


def test_one_that_does_not_answer_is_done_without(tmp_path: Path, served: Upstream) -> None:
    desk = Desk(tmp_path, served.config)
    lock = PollLock(desk.state)
    assert lock.try_acquire(datetime.now(UTC))
    before = served.account("ops").token_posts
    try:
        ran = desk.run("refresh", "ops@example.com")
    finally:
        lock.release()
    assert ran.code == 0
    assert ran.out.startswith("ops@example.com: token ok")
    assert "did not answer; refreshed without it" in ran.err
    assert served.account("ops").token_posts == before + 1


async def test_one_with_other_accounts_leaves_it_to_the_command(tmp_path: Path, served: Upstream) -> None:
    desk = Desk(tmp_path, served.config)
    other = tmp_path / "other.toml"
    other.write_text('[[sources]]\nkind = "codex-home"\npath = "nothing/*"\n')
    async with polling(desk, other):
        ran = await asyncio.to_thread(desk.run, "refresh", "lee@example.com")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("lee@example.com: token ok")


async def test_one_that_may_spend_nothing_leaves_it_to_the_command(tmp_path: Path, served: Upstream) -> None:
    desk = Desk(tmp_path, served.config)
    async with polling(desk, served.config, read_only="true"):
        ran = await asyncio.to_thread(desk.run, "refresh", "grace@example.com")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("grace@example.com: token ok")


def stopped_ones(running: Running) -> list[int]:
    shown = [account.refresh for account in running.monitor.state.accounts.values()]
    waits = [progress.waits_for for progress in shown if progress is not None]
    return [found.pid for found in waits if found is not None and found.stopped and found.pid is not None]


async def test_the_one_that_polls_is_named_when_its_answer_does_not_come(
    tmp_path: Path, served: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, served.config)
    stopping = {**os.environ, "POOLWATCH_TEST": "1", "POOLWATCH_FAILPOINT": "read:stop"}
    async with polling(desk, served.config) as running:
        monkeypatch.setattr("poolwatch.custody.token_step.own_environment", lambda: stopping)
        with desk.start("refresh", "lee@example.com") as asks:
            assert asks.stderr is not None
            said = await asyncio.to_thread(asks.stderr.readline)
            async with asyncio.timeout(30):
                while not (stopped := stopped_ones(running)):  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.01)
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
            assert await asyncio.to_thread(asks.wait, 30) == 0
    assert said.decode() == f"poolwatch: still waiting for the poolwatch that polls (pid {os.getpid()})\n"


async def test_one_with_another_configuration_is_not_asked(tmp_path: Path, served: Upstream) -> None:
    desk = Desk(tmp_path, served.config)
    other = tmp_path / "other.toml"
    other.write_text(served.config.read_text().replace(served.root, "http://127.0.0.1:9"))
    other.chmod(0o600)
    before = served.account("ops").token_posts
    async with polling(desk, other) as running:
        ran = await asyncio.to_thread(desk.run, "refresh", "ops@example.com")
        assert (ran.code, ran.out.startswith("ops@example.com: token ok")) == (0, True)
        assert all(account.refresh is None for account in running.monitor.state.accounts.values())
        seen = await asyncio.to_thread(desk.run, "status", "--json", "--max-age", "0", "dan")
        assert seen.code == 0
        assert [row["trouble"] for row in rows(seen.json(), "accounts")] == [None]
    assert served.account("ops").token_posts == before + 1
