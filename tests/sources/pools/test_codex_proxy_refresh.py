"""codex-proxy has a token renewed: what it says of that, and what it means that it says nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.domain.failure import FailureKind, LoginProblem
from poolwatch.domain.refresh import REFUSED, BlockReason, TokenOutcome
from poolwatch.domain.usage import Unsaid
from poolwatch.net.client import HttpClient
from poolwatch.words.messages import failure_text
from tests.sources.pools.making import AT, USAGE, account, entry, proxy, ref, snapshot, windows, words
from tests.support.codex_proxy_server import CodexProxyServer, quota_of
from tests.support.replay_server import Response, always, answer, never

REFRESH = "POST /auth/accounts/acc1/refresh"


async def test_the_chain_of_a_refresh(client: HttpClient, tmp_path: Path) -> None:
    one = account(status="expired")
    async with CodexProxyServer(one) as server:
        source = proxy(server, client, tmp_path)
        step = await source.token_step(ref(source, "acc1"), AT)
        reading = await source.fetch_usage(entry(source, "acc1"), AT)
        assert [request.route for request in server.requests] == [
            "POST /auth/accounts/acc1/refresh",
            "GET /auth/accounts/acc1/quota",
        ]
        assert server.requests[0].body == b""
    assert step.outcome is TokenOutcome.REFRESHED
    assert windows(snapshot(reading)) == {"5h": 34.0, "weekly": 18.0}
    credit = snapshot(reading).credits
    assert credit is not None
    assert not isinstance(credit, Unsaid)
    assert str(credit.balance) == "394.7967250000"  # upstream's text, not the pool's number


async def test_a_dead_refresh_then_the_cached_quota(client: HttpClient, tmp_path: Path) -> None:
    one = account(refresh="dead", cached=quota_of(USAGE), cached_at="2026-11-20T19:40:00.000Z")
    async with CodexProxyServer(one) as server:
        source = proxy(server, client, tmp_path)
        step = await source.token_step(ref(source, "acc1"), AT)
        reading = await source.fetch_usage(entry(source, "acc1"), AT)
        listed = await source.list_accounts(AT)
    assert (step.outcome, step.problem) == (TokenOutcome.REJECTED_FOR_GOOD, LoginProblem.USED_ELSEWHERE)
    assert step.failure is not None
    assert step.failure.kind is FailureKind.TOKEN_REFRESH
    assert "already used elsewhere" in failure_text(step.failure)
    assert reading.at == datetime(2026, 11, 20, 19, 40, tzinfo=UTC)
    assert windows(snapshot(reading)) == {"5h": 34.0, "weekly": 18.0}
    assert isinstance(listed, tuple)
    assert listed[0].says_login_needed


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (
            'failed (401): {"error": {"code": "refresh_token_reused"}}',
            LoginProblem.USED_ELSEWHERE,
        ),
        ('(400): {"error":"refresh_token_invalidated"}', LoginProblem.INVALIDATED),
        ('(401): {"code":"refresh_token_expired"}', LoginProblem.REFRESH_EXPIRED),
        ('(400): {"error":"invalid_grant","error_description":"x"}', LoginProblem.REJECTED),
        # these may pass
        ("Token refresh failed (503): slow down", None),
        ("fetch failed", None),
        (None, None),
    ],
)
async def test_what_a_dead_refresh_means_for_the_login(
    client: HttpClient, tmp_path: Path, error: str | None, problem: LoginProblem | None
) -> None:
    async with CodexProxyServer(account()) as server:
        server.fault = server.at_route(REFRESH, answer(200, {"result": "dead", "error": error}))
        source = proxy(server, client, tmp_path)
        step = await source.token_step(ref(source, "acc1"), AT)
    expected = TokenOutcome.FAILED if problem is None else TokenOutcome.REJECTED_FOR_GOOD
    assert (step.outcome, step.problem, step.detail) == (expected, problem, REFUSED)


async def test_a_skipped_refresh(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account(refresh="skipped")) as server:
        source = proxy(server, client, tmp_path)
        step = await source.token_step(ref(source, "acc1"), AT)
    assert (step.outcome, step.block) == (TokenOutcome.CURRENT, BlockReason.POOL_SKIPPED)
    assert words(step.said) == "No refresh token"


async def test_two_refreshes_of_one_account_are_one_request(client: HttpClient, tmp_path: Path) -> None:
    one, other = account(), account("acc2")
    async with CodexProxyServer(one, other) as server:
        server.gate.clear()
        source = proxy(server, client, tmp_path)
        first = asyncio.create_task(source.token_step(ref(source, "acc1"), AT))
        second = asyncio.create_task(source.token_step(ref(source, "acc1"), AT))
        third = asyncio.create_task(source.token_step(ref(source, "acc2"), AT))
        await server.arrived(2)
        first.cancel()
        server.gate.set()
        steps = await asyncio.gather(second, third)
        # later ones are requests of their own
        await source.token_step(ref(source, "acc1"), AT)
    assert [step.outcome for step in steps] == [TokenOutcome.REFRESHED] * 2
    assert (one.refreshes, other.refreshes, one.status) == (2, 1, "active")


async def test_a_refresh_without_an_answer_may_have_happened(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account()) as server:
        server.fault = server.at_route(REFRESH, None)
        source = proxy(server, client, tmp_path, seconds=0.2)
        step = await source.token_step(ref(source, "acc1"), AT)
    assert step.outcome is TokenOutcome.FAILED
    assert step.failure is not None
    assert "may have renewed the token all the same" in failure_text(step.failure)


async def test_a_pool_that_is_down_is_its_own_trouble(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account()) as server:
        server.fault = never
        source = proxy(server, client, tmp_path, seconds=0.2)
        hung = await source.token_step(ref(source, "acc1"), AT)
        await server.stop()
        down = await source.token_step(ref(source, "acc1"), AT)
        await server.start()
        server.fault = always(answer(429, {"error": "Slow down"}, Retry_After="40"))
        throttled = await source.token_step(ref(source, "acc1"), AT)
    for step in (hung, down, throttled):
        # what carries a failure would be shown as the account's own trouble, and stay
        assert (step.outcome, step.block, step.failure) == (
            TokenOutcome.BLOCKED,
            BlockReason.POOL_SKIPPED,
            None,
        )
    assert "may have renewed the token all the same" in words(hung.said)
    assert words(down.said).endswith("refused the connection")
    assert throttled.retry_at == AT + timedelta(seconds=40)


@pytest.mark.parametrize(
    ("response", "kind", "retry"),
    [
        (answer(429, {"error": "Slow down"}, Retry_After="40"), FailureKind.THROTTLED, 40),
        (answer(503, {"error": "Starting"}, Retry_After="5"), FailureKind.UPSTREAM_ERROR, 5),
        (answer(200, {"error": "Something broke"}), FailureKind.UPSTREAM_ERROR, None),
        (answer(200, {"result": "undecided", "error": "who knows"}), FailureKind.TOKEN_REFRESH, None),
        (answer(200, []), FailureKind.MALFORMED, None),
    ],
)
async def test_failed_refreshes(
    client: HttpClient, tmp_path: Path, response: Response, kind: FailureKind, retry: int | None
) -> None:
    async with CodexProxyServer(account()) as server:
        server.fault = server.at_route(REFRESH, response)
        source = proxy(server, client, tmp_path)
        step = await source.token_step(ref(source, "acc1"), AT)
    assert step.outcome is TokenOutcome.FAILED
    assert step.failure is not None
    assert step.failure.kind is kind
    assert step.retry_at == (AT + timedelta(seconds=retry) if retry is not None else None)
