"""A pool that answers badly or at length costs little: one list for all, off the loop, nothing unseen."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from poolwatch.bootstrap.headless import look
from poolwatch.net.client import HttpClient
from poolwatch.sources.json_body import MOST_ROWS
from poolwatch.sources.source import PoolReport
from tests.e2e.pool_rig import around, everybody
from tests.sources.pools.making import AT, USAGE, account, entry, lacks, proxy
from tests.support.codex_proxy_server import CodexProxyServer, ProxyAccountState, quota_of
from tests.support.replay_server import PoolServer, Response, always, answer

LIST = "GET /auth/accounts"


def many(count: int, **changes: object) -> list[ProxyAccountState]:
    return [
        account(f"a{number}", email=f"pool{number}@example.com", account_id=f"acc-{number}", **changes)
        for number in range(count)
    ]


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 503])
async def test_one_list_serves_all_accounts_that_are_refused(
    client: HttpClient, tmp_path: Path, status: int
) -> None:
    async with CodexProxyServer(*many(60, status="refreshing")) as server:
        source = proxy(server, client, tmp_path)
        server.fault = server.at_route("/quota", answer(status, {"error": "no"}))
        for start in range(0, 60, 8):
            asked = range(start, min(start + 8, 60))
            await asyncio.gather(*(source.fetch_usage(entry(source, f"a{each}"), AT) for each in asked))
        assert server.count(LIST) == 1
        await source.fetch_usage(entry(source, "a1"), AT + timedelta(minutes=1))
        assert server.count(LIST) == 2


async def test_refused_accounts_do_not_have_the_pool_listed_again_and_again(tmp_path: Path) -> None:
    """Through the monitor, which lists a source anew after a reading that brought nothing."""
    async with CodexProxyServer(*many(200, status="refreshing")) as server:
        sources = f'[[sources]]\nkind = "codex-proxy"\nurl = "{server.url}"\n'
        await look(around(tmp_path, sources), timedelta(0), everybody)
        loop = asyncio.get_running_loop()
        started, before = loop.time(), server.count(LIST)
        seen = await look(around(tmp_path, sources), timedelta(0), everybody)
        most = 3 + (loop.time() - started) / 2
    assert len(seen.state.accounts) == 200
    assert server.count(LIST) - before <= most


def rows(count: int) -> Response:
    each = [{**account(f"a{n}", cached=quota_of(USAGE)).row(), "filler": "x" * 300} for n in range(count)]
    return answer(200, {"accounts": each})


async def test_the_loop_goes_round_while_a_long_list_is_read(client: HttpClient, tmp_path: Path) -> None:
    waits: list[float] = []

    async def tick() -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.001)
            waits.append(loop.time() - before)

    async with PoolServer() as server:
        server.fault = always(rows(4_000))
        source = proxy(server, client, tmp_path, seconds=60)
        await client.ready()
        ticking = asyncio.create_task(tick())
        listed = await source.list_accounts(AT)
        ticking.cancel()
    assert isinstance(listed, tuple)
    assert len(listed) == 4_000
    assert len(waits) > 20
    assert max(waits) < sum(waits) / 2


async def test_a_list_without_end_has_one(client: HttpClient, tmp_path: Path) -> None:
    body = {"accounts": [{"id": f"a{number}"} for number in range(MOST_ROWS + 5)], "more": {"x": 1}}
    async with PoolServer() as server:
        server.fault = always(Response(200, json.dumps(body).encode()))
        source = proxy(server, client, tmp_path, seconds=60)
        listed = await source.list_accounts(AT)
        report = await source.report(AT)
    assert isinstance(listed, tuple)
    assert len(listed) == MOST_ROWS
    assert isinstance(report, PoolReport)
    assert lacks(report) == ["its list has more than 20,000 accounts: the others are not shown"]


async def test_accounts_that_are_left_out_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poolwatch.sources.pools.listing.MOST_ROWS", 2)
    async with CodexProxyServer(*many(3)) as server:
        sources = f'[[sources]]\nkind = "codex-proxy"\nname = "north"\nurl = "{server.url}"\n'
        seen = await look(around(tmp_path, sources), timedelta(0), everybody)
    assert len(seen.state.accounts) == 2
    assert seen.notices == ("north: its list has more than 2 accounts: the others are not shown",)
