"""The feed of the app before its monitor runs: what was stored, and wishes that wait."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from poolwatch.bootstrap.clock import LocalZone
from poolwatch.bootstrap.feed import LiveFeed
from poolwatch.bootstrap.parts import open_monitor
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.domain.changes import AnswerKind
from tests.ui.pools import crowd, state_of

EARLY = state_of(crowd(3))


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    config = tmp_path / "config.toml"
    config.write_text('[[sources]]\nkind = "codex-home"\nname = "homes"\npath = "homes/*"\n')
    env = {"HOME": str(tmp_path), "POOLWATCH_STATE_DIR": str(tmp_path / "state")}
    found = look_around(Options(config), env)
    assert isinstance(found, Surroundings)
    return found


async def test_wishes_before_the_monitor_reach_it(around: Surroundings) -> None:
    feed = LiveFeed(EARLY, around, None, LocalZone())
    assert feed.state is EARLY
    key = next(iter(EARLY.accounts))
    feed.set_paused(True)
    feed.set_visible([key])
    feed.stop_many()
    assert feed.raw(key) is None
    asked = asyncio.create_task(feed.refresh_many([key]))
    async with open_monitor(around) as running:
        feed.attach(running)
        assert (await asked).kind is AnswerKind.READ_ONLY
        assert running.session.poller.paused
        assert feed.state is running.session.state


async def test_a_monitor_that_cannot_begin_is_told_to_whoever_listens(around: Surroundings) -> None:
    feed = LiveFeed(EARLY, around, None, LocalZone())

    async def broken() -> None:
        await feed.painted.wait()
        raise OSError("no room")

    monitor = asyncio.create_task(broken())
    monitor.add_done_callback(feed.monitor_ended)
    with pytest.raises(OSError, match="no room"):
        async for _ in feed.changes():
            pass
