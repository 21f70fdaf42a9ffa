"""Routes that hand out tokens, spend something or change a pool are never asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolwatch.net.client import HttpClient
from poolwatch.sources.pools import routes
from poolwatch.sources.pools.routes import Route
from tests.sources.pools.making import AT, KEY, PASSWORD, entry, lb, proxy, ref
from tests.sources.pools.making import account as proxy_account
from tests.sources.pools.test_codex_lb import account as lb_account
from tests.support import forbidden_routes
from tests.support.codex_lb_server import CodexLbServer
from tests.support.codex_proxy_server import CodexProxyServer
from tests.support.forbidden_routes import Forbidden
from tests.support.replay_server import PoolServer

ALLOWED = {
    "codex-proxy": routes.CODEX_PROXY.routes,
    "codex-lb": routes.CODEX_LB.routes,
}
FORBIDDEN = {"codex-proxy": forbidden_routes.CODEX_PROXY, "codex-lb": forbidden_routes.CODEX_LB}
MUST_BE_NAMED = {
    "codex-proxy": [
        "GET /auth/accounts/export",
        "GET /auth/status",
        "POST /auth/accounts/health-check",
    ],
    "codex-lb": ["POST /api/accounts/{id}/probe", "POST /api/accounts/{id}/export/auth"],
}


def cases() -> list[tuple[str, Forbidden]]:
    return [(pool, each) for pool, listed in FORBIDDEN.items() for each in listed]


@pytest.mark.parametrize(("pool", "forbidden"), cases(), ids=lambda case: str(getattr(case, "route", case)))
def test_no_allowed_route_reaches_a_forbidden_one(pool: str, forbidden: Forbidden) -> None:
    path = forbidden.route.path.replace("{id}", "acc1")
    assert not any(route.matches(forbidden.route.method, path) for route in ALLOWED[pool])
    assert forbidden.reason


@pytest.mark.parametrize("pool", FORBIDDEN)
def test_the_worst_are_named(pool: str) -> None:
    named = {f"{each.route.method} {each.route.path}" for each in FORBIDDEN[pool]}
    assert named >= set(MUST_BE_NAMED[pool])


async def test_the_servers_fail_the_test_that_asks(client: HttpClient) -> None:
    with pytest.raises(AssertionError, match="never called"):
        async with PoolServer([Forbidden(Route("GET", "/export"), "hands out tokens")]) as server:
            await client.get(f"{server.url}/export", {}, deadline_seconds=5)


@pytest.mark.parametrize(
    "status", ["active", "expired", "disabled", "quota_exhausted", "refreshing", "banned"]
)
async def test_all_that_codex_proxy_is_asked_for(client: HttpClient, tmp_path: Path, status: str) -> None:
    async with CodexProxyServer(proxy_account(status=status), key=KEY) as server:
        source = proxy(server, client, tmp_path, key=KEY)
        await source.list_accounts(AT)
        await source.fetch_usage(entry(source, "acc1"), AT)
        await source.token_step(ref(source, "acc1"), AT)
        await source.rate(AT)
        await source.report(AT)
        await source.signature()
        asked = [(request.method, request.path) for request in server.requests]
    assert asked
    assert all(any(route.matches(*each) for route in routes.CODEX_PROXY.routes) for each in asked)


@pytest.mark.parametrize(
    "status", ["active", "rate_limited", "quota_exceeded", "paused", "reauth_required", "deactivated"]
)
async def test_all_that_codex_lb_is_asked_for(client: HttpClient, tmp_path: Path, status: str) -> None:
    one = lb_account(status=status)
    async with CodexLbServer(one, key=KEY, password=PASSWORD) as server:
        source = lb(server, client, tmp_path, key=KEY, password=PASSWORD)
        await source.list_accounts(AT)
        await source.fetch_usage(entry(source, one.id), AT)
        await source.token_step(ref(source, one.id), AT)
        await source.report(AT)
        await source.signature()
        asked = {(request.method, request.path) for request in server.requests}
    assert all(any(route.matches(*each) for route in ALLOWED["codex-lb"]) for each in asked)
