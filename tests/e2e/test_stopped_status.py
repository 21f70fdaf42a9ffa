"""`status` that is stopped while answers are outstanding keeps what it read, and that it asked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from poolwatch.bootstrap.headless import look
from poolwatch.store.store import Store
from tests.cli.desk import Desk, rows
from tests.e2e.pool_rig import around
from tests.net.script import Script, reply, silence
from tests.sources.logins import access_token, cliproxy_login, put

FAR = datetime(2090, 1, 1, tzinfo=UTC)


async def test_readings_are_kept_while_others_are_outstanding(tmp_path: Path) -> None:
    for name in ("one", "two"):
        put(tmp_path / f"pool/{name}.json", cliproxy_login(access_token(f"user-{name}", name, FAR)))
    async with Script([reply(200, b'{"plan_type": "plus"}'), silence]) as server:
        sources = (
            f'[[sources]]\nkind = "auth-files"\nname = "pool"\npath = "{tmp_path}/pool"\n'
            f'custody = "other"\nbase_url = "{server.url}"\n'
        )
        looking = asyncio.create_task(look(around(tmp_path, sources), timedelta(0), None))
        seen = Store(tmp_path / "state", FAR)
        async with asyncio.timeout(30):
            while not any(each.read_at for each in await seen.load_accounts() or ()):
                assert not looking.done(), looking
                await asyncio.sleep(0.05)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        assert looking.cancelled()
        assert len(server.requests) == 2
        assert len(await seen.last_polls()) == 2
        assert await seen.aclose()


async def test_a_kill_in_the_very_first_poll_costs_nothing_but_that_poll(tmp_path: Path) -> None:
    for name in ("one", "two"):
        put(tmp_path / f"pool/{name}.json", cliproxy_login(access_token(f"user-{name}", name, FAR)))
    async with Script([silence, silence, reply(200, b'{"plan_type": "plus"}')]) as server:
        config = tmp_path / "own.toml"
        config.write_text(
            f'[[sources]]\nkind = "auth-files"\nname = "pool"\npath = "{tmp_path}/pool"\n'
            f'custody = "other"\nbase_url = "{server.url}"\n'
        )
        desk = Desk(tmp_path / "desk", config)
        killed = desk.start("status")
        async with asyncio.timeout(60):
            while len(server.requests) < 2:
                assert killed.poll() is None
                await asyncio.sleep(0.05)
        killed.kill()
        await asyncio.to_thread(killed.communicate)
        ran = await asyncio.to_thread(desk.run, "status", "--json")
        assert (ran.code, ran.err) == (0, "")
        assert [row["plan"] for row in rows(ran.json(), "accounts")] == ["plus", "plus"]
        assert len(server.requests) == 4
