"""`status` beside a poolwatch that polls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from poolwatch.bootstrap.headless import look
from poolwatch.bootstrap.running import open_monitor
from poolwatch.bootstrap.surroundings import Surroundings
from tests.e2e.pool_rig import around
from tests.e2e.test_swapped_logins import NOW, figures, folder_toml, login, usage_of
from tests.net.script import Script
from tests.sources.logins import put

_PATIENCE_SECONDS = 15.0


@asynccontextmanager
async def polling(surroundings: Surroundings) -> AsyncIterator[None]:
    """Another poolwatch, which has read everything once."""
    async with open_monitor(surroundings) as owner:
        run = asyncio.create_task(owner.monitor.run())
        async for change in owner.monitor.ledger.changes():
            accounts = change.state.accounts.values()
            if owner.monitor.polls and accounts and all(each.read_at for each in accounts):
                break
        await owner.monitor.saver.flush()
        try:
            yield
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)


async def test_the_one_that_polls_reads_and_this_one_prints(tmp_path: Path) -> None:
    put(tmp_path / "pool/one.json", login("one"))
    async with Script([usage_of(10), usage_of(20)]) as service:
        settings = around(tmp_path, folder_toml(tmp_path, service.url))
        async with polling(settings), asyncio.timeout(_PATIENCE_SECONDS):
            seen = await look(settings, NOW, None)
    assert figures(seen) == {"one": 20}
    assert seen.notices == ()
    assert len(service.requests) == 2


async def test_what_the_one_that_polls_does_not_have_is_read_here_and_kept(tmp_path: Path) -> None:
    put(tmp_path / "pool/one.json", login("one"))
    put(tmp_path / "more/two.json", login("two"))
    async with Script([usage_of(10)]) as service:
        settings = folder_toml(tmp_path, service.url)
        more = settings.replace('"pool"', '"more"').replace("/pool", "/more")
        async with polling(around(tmp_path, settings)), asyncio.timeout(_PATIENCE_SECONDS):
            both = around(tmp_path, settings + more)
            first = await look(both, timedelta(minutes=5), None)
            again = await look(both, timedelta(minutes=5), None)
    assert figures(first) == figures(again) == {"one": 10, "two": 10}
    assert first.notices == again.notices == ()
    assert len(service.requests) == 2
