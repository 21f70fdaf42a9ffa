"""The price of credits: set by the operator, else what the codex-proxy pools agree on, else the usual one."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tests.cli.desk import Desk, at
from tests.e2e.pool_rig import proxy_accounts
from tests.support.codex_proxy_server import CodexProxyServer


def desk(folder: Path, urls: tuple[str, ...], settings: str = "") -> Desk:
    config = folder / "config.toml"
    tables = [
        f'[[sources]]\nkind = "codex-proxy"\nname = "pool{n}"\nurl = "{url}"\n' for n, url in enumerate(urls)
    ]
    config.write_text(settings + "\n".join(tables))
    return Desk(folder, config)


async def test_the_pools_rate_prices_the_credits_everywhere_and_says_where_it_comes_from(
    tmp_path: Path,
) -> None:
    alive, _ = proxy_accounts()
    async with CodexProxyServer(alive) as server:
        server.rate = 40
        one = desk(tmp_path, (server.url,))
        ran = await asyncio.to_thread(one.run, "status", "--json")
        assert ran.code == 0, ran.err
        assert at(ran.json(), "credits_per_usd") == "40"
        assert at(ran.json(), "pool", "credits", "usd") == "9.87"
        text = await asyncio.to_thread(one.run, "status")
        assert "$9.87" in text.out
        found = await asyncio.to_thread(one.run, "doctor", "--json")
        assert "40 credits per USD, adopted from pool0" in found.out
    # the pool is gone, and what it said last still holds
    shown = await asyncio.to_thread(one.run, "config", "show")
    assert re.search(r"credits_per_usd +not set \(40\) +adopted from pool0", shown.out)
    again = await asyncio.to_thread(one.run, "status", "--json")
    assert at(again.json(), "pool", "credits", "usd") == "9.87"
    own = desk(tmp_path, (server.url,), "credits_per_usd = 10\n")
    priced = await asyncio.to_thread(own.run, "status", "--json")
    assert at(priced.json(), "pool", "credits", "usd") == "39.48"


async def test_pools_that_disagree_are_not_believed(tmp_path: Path) -> None:
    alive, other = proxy_accounts()
    async with CodexProxyServer(alive) as first, CodexProxyServer(other) as second:
        first.rate, second.rate = 40, 50
        one = desk(tmp_path, (first.url, second.url))
        ran = await asyncio.to_thread(one.run, "status", "--json")
        assert at(ran.json(), "credits_per_usd") == "25"
        found = await asyncio.to_thread(one.run, "doctor")
        assert "the pools disagree on credits per USD (pool0 says 40, pool1 says 50): 25 is used" in found.out
        assert "set credits_per_usd in the configuration" in found.out
