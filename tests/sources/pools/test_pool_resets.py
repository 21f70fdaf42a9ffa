"""Banked resets of pools: looked at now, and used by one request that is never repeated."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from poolwatch.domain.account import SourceRef
from poolwatch.domain.banked_resets import ResetLook, ResetOutcome, ResetRoute
from poolwatch.domain.failure import Failure
from poolwatch.domain.values import replace
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import Lost, NotSent, Reply
from poolwatch.purchases.reset_replies import ResetAnswer, verdict_of
from poolwatch.sources.pools.cli_proxy_api import CliProxyApi
from tests.sources.pools.making import AT, KEY, PASSWORD, USAGE, entry, lb, proxy
from tests.support.codex_lb_server import CodexLbServer, LbAccountState
from tests.support.codex_proxy_server import CodexProxyServer, ProxyAccountState
from tests.support.replay_server import PoolServer, Request, Response, always, answer

REQUEST = "00000000-0000-4000-8000-000000000001"
ROW = {"id": "rc_1", "status": "available", "reset_type": "codex_rate_limits", "expires_at": 1796115600}


def proxied() -> ProxyAccountState:
    return ProxyAccountState("a1", "ann@example.com", "acc-1", "user-1", usage=dict(USAGE), resets=[ROW])


def balanced(**changes: object) -> LbAccountState:
    one = LbAccountState("acc-1", "ann@example.com", dict(USAGE), plan="plus", banked=2)
    return replace(one, **changes)  # type: ignore[arg-type] # fields of the account


def outcome(found: Reply | NotSent | Lost, route: ResetRoute) -> ResetOutcome:
    assert isinstance(found, Reply)
    return verdict_of(ResetAnswer(found.status, found.body), route).outcome


async def test_codex_proxy_lists_and_takes_it(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(proxied(), key=KEY) as server:
        source = proxy(server, client, tmp_path, key=KEY)
        look = await source.look_at_resets(entry(source, "a1"), AT)
        assert isinstance(look, ResetLook)
        assert look.rows is not None
        assert [(row.id, row.ends_at) for row in look.rows] == [
            ("rc_1", datetime.fromtimestamp(1796115600, UTC))
        ]
        assert [each.used_percent for each in look.figures] == [34, 18]
        used = await source.use_reset(entry(source, "a1"), REQUEST, None, AT)
        assert outcome(used, ResetRoute.CODEX_PROXY) is ResetOutcome.ACCEPTED
        assert server.redeemed == [REQUEST]
        assert server.trespasses == []


async def test_codex_lb_counts_and_says_what_became_of_it(client: HttpClient, tmp_path: Path) -> None:
    one = balanced()
    async with CodexLbServer(one, password=PASSWORD) as server:
        source = lb(server, client, tmp_path, password=PASSWORD)
        look = await source.look_at_resets(entry(source, one.id), AT)
        assert isinstance(look, ResetLook)
        assert (look.rows, look.available) == (None, 2)
        outcomes = [
            outcome(await source.use_reset(entry(source, one.id), REQUEST, None, AT), ResetRoute.CODEX_LB)
            for _ in range(3)
        ]
        assert outcomes == [ResetOutcome.RESET, ResetOutcome.RESET, ResetOutcome.NONE]
        assert server.trespasses == []


async def test_a_request_is_not_repeated_when_the_session_is_over(client: HttpClient, tmp_path: Path) -> None:
    one = balanced()
    async with CodexLbServer(one, password=PASSWORD) as server:
        source = lb(server, client, tmp_path, password=PASSWORD)
        await source.look_at_resets(entry(source, one.id), AT)
        server.sessions.clear()
        used = await source.use_reset(entry(source, one.id), REQUEST, None, AT)
        assert outcome(used, ResetRoute.CODEX_LB) is ResetOutcome.REFUSED
        posts = [each for each in server.requests if each.path.endswith("/consume")]
        assert (len(posts), server.redeemed) == (1, [])


async def hang_up(request: Request) -> Response | None:
    return None


@pytest.mark.parametrize("kind", ["proxy", "lb"])
async def test_a_pool_that_answers_in_no_plain_way_is_unknown(
    client: HttpClient, tmp_path: Path, kind: str
) -> None:
    one = balanced()
    made: PoolServer = CodexProxyServer(proxied()) if kind == "proxy" else CodexLbServer(one)
    route = ResetRoute.CODEX_PROXY if kind == "proxy" else ResetRoute.CODEX_LB
    async with made as server:
        source = proxy(server, client, tmp_path) if kind == "proxy" else lb(server, client, tmp_path)
        asked = entry(source, "a1" if kind == "proxy" else one.id)
        server.fault = hang_up
        assert isinstance(await source.use_reset(asked, REQUEST, None, AT), Lost)
        server.fault = always(Response(200, b"<html>welcome</html>"))
        assert isinstance(await source.use_reset(asked, REQUEST, None, AT), Lost)
        server.fault = always(answer(502, {"error": "upstream"}))
        assert outcome(await source.use_reset(asked, REQUEST, None, AT), route) is ResetOutcome.UNKNOWN
    assert isinstance(await source.use_reset(asked, REQUEST, None, AT), NotSent)


async def test_figures_of_somebody_else_are_none(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(proxied()) as server:
        source = proxy(server, client, tmp_path)
        asked = replace(entry(source, "a1"), user_id="user-2", account_id="acc-2")
        assert isinstance(await source.look_at_resets(asked, AT), Failure)


async def test_a_place_that_fits_no_route_is_asked_for_nothing(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(proxied()) as server, CodexLbServer(balanced()) as other:
        for source in (proxy(server, client, tmp_path), lb(other, client, tmp_path)):
            odd = replace(entry(source, "x"), ref=SourceRef(source.name, ".."))
            assert isinstance(await source.use_reset(odd, REQUEST, None, AT), NotSent)
        assert server.requests == other.requests == []


def test_through_cli_proxy_api_none_is_used() -> None:
    assert not hasattr(CliProxyApi, "use_reset")
