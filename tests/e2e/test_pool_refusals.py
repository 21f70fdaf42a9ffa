"""What a pool refused, over many processes: it is sent once, and once a minute by hand."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.pool_rig import payload
from tests.support import forked
from tests.support.cli_proxy_server import CliProxyServer, login
from tests.support.codex_lb_server import CodexLbServer, LbAccountState
from tests.support.codex_proxy_server import CodexProxyServer, ProxyAccountState
from tests.support.replay_server import PoolServer, Request, Response, always, answer

WRONG = "fake-and-wrong-secret"
GOOD = "fake-but-good-secret"
LOGIN = "POST /api/dashboard-auth/password/login"


class Desk:
    """A home with one pool in its configuration, and the real program in processes of its own."""

    def __init__(
        self, folder: Path, kind: str, url: str, *, secret: str, named: str = "api_key_file"
    ) -> None:
        self.folder = folder
        self.secret(secret)
        (folder / "config.toml").write_text(
            f'[[sources]]\nkind = "{kind}"\nname = "north"\nurl = "{url}"\n{named} = "{folder}/secret"\n'
        )
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        self.env = {
            **kept,
            "HOME": str(folder),
            "POOLWATCH_CONFIG": str(folder / "config.toml"),
            "POOLWATCH_STATE_DIR": str(folder / "state"),
        }

    def secret(self, text: str) -> None:
        """Write this into the file that the configuration names."""
        path = self.folder / "secret"
        path.write_text(f"{text}\n")
        path.chmod(0o600)

    async def run(self, *words: str) -> str:
        """What a command prints, both streams."""
        ended = await asyncio.to_thread(forked.run, words, self.env, self.folder, timeout=60)
        told = (ended.stdout + ended.stderr).decode()
        assert "Traceback" not in told
        return told

    async def status(self, times: int = 1) -> list[str]:
        """So many `status` that ask everything anew, one after the other."""
        return [await self.run("status", "--max-age", "0") for _ in range(times)]

    def a_minute_later(self) -> None:
        """What the store remembers happened a minute earlier than it did."""
        with closing(sqlite3.connect(self.folder / "state" / "poolwatch.db")) as held, held:
            rows = held.execute("SELECT name, value FROM meta WHERE name LIKE 'standing.%'").fetchall()
            for name, value in rows:
                parts = [_minute_earlier(part) for part in value.split('"')]
                held.execute("UPDATE meta SET value = ? WHERE name = ?", ('"'.join(parts), name))

    def remembers(self, text: str) -> bool:
        """Whether any file of the state directory holds this."""
        files = (path for path in (self.folder / "state").rglob("*") if path.is_file())
        return any(text.encode() in path.read_bytes() for path in files)


def _minute_earlier(part: str) -> str:
    try:
        return (datetime.fromisoformat(part) - timedelta(minutes=1)).isoformat()
    except ValueError:
        return part


def lb_account() -> LbAccountState:
    return LbAccountState("acc-01", "pool01@example.com", payload("01"))


def proxy_account(number: int) -> ProxyAccountState:
    return ProxyAccountState(
        f"a{number}",
        f"pool{number:03}@example.com",
        f"acc-{number}",
        f"user-{number}",
        usage={**payload("01"), "user_id": f"user-{number}"},
    )


async def test_a_refused_password_is_sent_once_by_all_processes(tmp_path: Path) -> None:
    async with CodexLbServer(lb_account(), password=GOOD) as server:
        desk = Desk(tmp_path, "codex-lb", server.url, secret=WRONG, named="dashboard_password_file")
        for told in await desk.status(3):
            assert "does not accept the dashboard password" in told
        await desk.run("doctor")
        await desk.run("sources", "test", "north")
        assert server.count(LOGIN) == 1
        assert not desk.remembers(WRONG)
        # the way out: by hand, once a minute
        desk.a_minute_later()
        await desk.run("sources", "test", "north")
        await desk.run("sources", "test", "north")
        assert server.count(LOGIN) == 2
        server.password = WRONG
        desk.a_minute_later()
        await desk.status()
        assert server.count(LOGIN) == 2
        assert "usage answers" in await desk.run("sources", "test", "north")
        (told,) = await desk.status()
        assert "pool01@example.com" in told


async def test_another_password_is_tried_at_once(tmp_path: Path) -> None:
    async with CodexLbServer(lb_account(), password=GOOD) as server:
        desk = Desk(tmp_path, "codex-lb", server.url, secret=WRONG, named="dashboard_password_file")
        await desk.status()
        desk.secret(GOOD)
        (told,) = await desk.status()
        assert "pool01@example.com" in told
        assert server.count(LOGIN) == 2


async def test_a_refresh_by_hand_is_the_way_out_too(tmp_path: Path) -> None:
    async with CodexLbServer(lb_account(), password=GOOD) as server:
        desk = Desk(tmp_path, "codex-lb", server.url, secret=GOOD, named="dashboard_password_file")
        await desk.status()
        desk.secret(WRONG)
        await desk.status(2)
        refused = server.count(LOGIN)
        server.password = WRONG
        await desk.run("refresh", "pool01@example.com")
        await desk.run("refresh", "--all")
        assert server.count(LOGIN) == refused
        desk.a_minute_later()
        await desk.run("refresh", "--all")
        assert server.count(LOGIN) == refused
        assert "does not accept" not in await desk.run("refresh", "pool01@example.com")
        assert server.count(LOGIN) == refused + 1


async def test_a_refused_key_of_many_accounts_is_sent_once(tmp_path: Path) -> None:
    accounts = [proxy_account(number) for number in range(300)]
    async with CodexProxyServer(*accounts, key=GOOD) as server:
        desk = Desk(tmp_path, "codex-proxy", server.url, secret=GOOD)
        await desk.status()
        server.key = "another"
        before = len(server.requests)
        desk.secret(WRONG)
        for told in await desk.status(3):
            assert "does not accept the key" in told
        assert len(server.requests) == before + 1
        # the same address under another name is the same pool, another one is not
        async with CodexProxyServer(proxy_account(1), key=GOOD) as other:
            config = tmp_path / "config.toml"
            config.write_text(config.read_text().replace(server.url, other.url))
            await desk.status(2)
            assert len(other.requests) == 1


async def test_processes_at_the_same_time_send_an_unknown_key_once(tmp_path: Path) -> None:
    async with CliProxyServer([login(1)], key=GOOD) as server:
        desk = Desk(tmp_path, "cli-proxy-api", server.url, secret=WRONG)
        told = await asyncio.gather(*(desk.run("status", "--max-age", "0") for _ in range(4)))
        assert all("refuses the management key" in each for each in told)
        assert len(server.requests) == 1


async def test_a_first_try_that_finds_out_nothing_is_followed_by_one(tmp_path: Path) -> None:
    async with CodexProxyServer(proxy_account(1), key=GOOD) as server:
        desk = Desk(tmp_path, "codex-proxy", server.url, secret=WRONG)
        is_there, goes_on = asyncio.Event(), asyncio.Event()

        async def fault(request: Request) -> Response | None:
            if is_there.is_set():
                # long enough for all who look to come as well
                await asyncio.sleep(0.5)
                return await server.respond(request)
            is_there.set()
            await goes_on.wait()
            return answer(503, {"error": "Starting"})

        server.fault = fault
        first = asyncio.create_task(desk.run("doctor"))
        await asyncio.wait_for(is_there.wait(), 60)
        others = [asyncio.create_task(desk.run("doctor")) for _ in range(4)]
        # until all of them wait: a process has long started by then
        await asyncio.sleep(1)
        goes_on.set()
        await asyncio.gather(first, *others)
        assert len(server.requests) == 2


async def test_a_ban_holds_for_all_processes(tmp_path: Path) -> None:
    async with CliProxyServer([login(1)], key=GOOD) as server:
        desk = Desk(tmp_path, "cli-proxy-api", server.url, secret=GOOD)
        server.is_banned = True
        for told in await desk.status(3):
            assert "banned this machine" in told
        assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["codex-proxy", "codex-lb"])
async def test_a_retry_after_holds_for_all_processes(tmp_path: Path, kind: str) -> None:
    server: PoolServer = CodexProxyServer(proxy_account(1), key=GOOD)
    if kind == "codex-lb":
        server = CodexLbServer(lb_account(), key=GOOD)
    async with server:
        desk = Desk(tmp_path, kind, server.url, secret=GOOD)
        await desk.status()
        server.fault = always(answer(429, {"error": "Slow down"}, Retry_After="3600"))
        before = len(server.requests)
        await desk.status()
        first = len(server.requests) - before
        for told in await desk.status(2):
            assert "throttled until" in told
        assert len(server.requests) == before + first
        server.fault = None
        desk.a_minute_later()
        await desk.run("refresh", "--all")
        assert len(server.requests) == before + first
        assert "usage answers" in await desk.run("sources", "test", "north")
        (told,) = await desk.status()
        assert "throttled" not in told


async def test_an_older_store_is_taken_as_it_is(tmp_path: Path) -> None:
    """What is remembered stands in rows that every version has, rubbish among them or not."""
    async with CodexProxyServer(proxy_account(1), key=GOOD) as server:
        desk = Desk(tmp_path, "codex-proxy", server.url, secret=WRONG)
        await desk.status()
        with closing(sqlite3.connect(tmp_path / "state" / "poolwatch.db")) as held, held:
            held.execute("UPDATE meta SET value = 'rubbish' WHERE name LIKE 'standing.%'")
        await desk.status(2)
        assert len(server.requests) == 2
