"""Background refresh on real files: the setting, the spending process, and the minute over restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.bootstrap.running import open_monitor
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.custody.login_file import Login, read_login
from poolwatch.custody.state_dir import unmarked
from poolwatch.domain.account import Secret
from tests.custody.rooms import codex_document, write_json
from tests.support.token_server import Say, TokenServer

#: How many times faster the monitor's waits are than they say; the wall stays what it is.
HURRY = 100.0


class HurriedClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / HURRY)


@pytest.fixture
def server() -> Iterator[TokenServer]:
    expires = datetime.now(UTC) + timedelta(days=10)
    with TokenServer(int(expires.timestamp())) as made:
        yield made


def surroundings(tmp_path: Path, server: TokenServer, *settings: str, left: timedelta) -> Surroundings:
    write_json(tmp_path / "pool" / "ann.json", codex_document(server.valid, expires=datetime.now(UTC) + left))
    config = tmp_path / "config.toml"
    config.write_text(
        "\n".join(settings) + f'\n[[sources]]\nkind = "auth-files"\nname = "pool"\npath = "{tmp_path}/pool"\n'
        f'custody = "poolwatch"\nbase_url = "http://127.0.0.1:9/backend-api"\ntoken_url = "{server.url}"\n'
    )
    config.chmod(0o600)
    env = {"HOME": str(tmp_path), "POOLWATCH_STATE_DIR": str(tmp_path / "state")}
    around = look_around(Options(config), env)
    assert isinstance(around, Surroundings)
    return around


async def run_until(around: Surroundings, seconds: float, done: Callable[[], bool]) -> None:
    """Run a whole poolwatch without a screen until something is so, at most this long."""
    async with open_monitor(around, HurriedClock()) as running:
        task = asyncio.create_task(running.monitor.run())
        try:
            async with asyncio.timeout(seconds):
                # what is waited for happens in another process
                while not done():  # noqa: ASYNC110 - likewise
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pass
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def login(around: Surroundings) -> Login:
    found = read_login(Path(around.sources[0].path or "") / "ann.json", unmarked)
    assert isinstance(found, Login)
    return found


async def test_a_login_that_ends_soon_is_renewed_in_the_file(tmp_path: Path, server: TokenServer) -> None:
    around = surroundings(tmp_path, server, "[refresh]", "background = true", left=timedelta(minutes=3))
    await run_until(around, 30, lambda: login(around).refresh != Secret("rt_CANARY_0"))
    assert server.posts == ["rt_CANARY_0"]
    assert login(around).refresh == Secret(server.valid)


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ((), timedelta(minutes=3)),
        (("read_only = true", "[refresh]", "background = true"), timedelta(minutes=3)),
        (("[refresh]", "background = true"), timedelta(minutes=30)),
    ],
)
async def test_off_read_only_or_not_yet_due_nothing_is_sent(
    tmp_path: Path, server: TokenServer, settings: tuple[str, ...], left: timedelta
) -> None:
    around = surroundings(tmp_path, server, *settings, left=left)
    await run_until(around, 1.5, lambda: server.connections > 0)
    assert server.connections == 0


async def test_a_restart_does_not_shorten_the_minute(tmp_path: Path, server: TokenServer) -> None:
    server.script.extend(Say(500) for _ in range(9))
    around = surroundings(tmp_path, server, "[refresh]", "background = true", left=timedelta(minutes=3))
    journals = tmp_path / "state" / "custody"

    def ended() -> bool:
        return any('"ended"' in path.read_text() for path in journals.glob("*.journal"))

    await run_until(around, 30, ended)
    assert len(server.posts) == 1
    await run_until(around, 2.0, lambda: len(server.posts) > 1)
    assert len(server.posts) == 1
