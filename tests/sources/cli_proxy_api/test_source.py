from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.domain.account import Custody, Listing, LoginKind, SourceRef
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.net.client import HttpClient
from poolwatch.sources.source import PoolReport, PoolSource
from poolwatch.sources.usage_payload import parse_usage
from poolwatch.words.messages import failure_text
from tests.sources.cli_proxy_api.rig import AT, body, failure, listed, read, ref, source
from tests.sources.pools.making import lacks
from tests.support.cli_proxy_server import CliProxyServer, Said, login


async def test_the_list(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    first, second = await listed(source(client, pool.url, tmp_path))
    assert first.ref == ref(1)
    assert (first.user_id, first.account_id) == (None, "00000000-0000-4000-8000-000000000001")
    assert (first.email, first.label, first.plan) == ("pool01@example.com", None, "plus")
    assert (first.custody, first.login, first.owner) == (Custody.POOL, LoginKind.OAUTH, "CLIProxyAPI")
    assert first.token.last_refresh == datetime(2026, 11, 19, 8, tzinfo=UTC)
    assert (first.token.fingerprint, first.token.expires_at, first.path) == (None, None, None)
    assert (first.disabled, first.says_login_needed, first.renews_itself) == (False, False, False)
    assert first.polled
    assert second.ref == ref(2)
    [request] = pool.requests
    assert request.headers["authorization"] == "Bearer fake-management-key"
    assert (request.method, request.path, request.body) == ("GET", "/v0/management/auth-files", b"")


async def test_the_report(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    broken: dict[str, object] = {"status": "error", "status_message": "unauthorized"}
    pool.logins += [login(3, **broken), login(4, disabled=True, **broken), login(5, provider="x", type="x")]
    found = source(client, pool.url, tmp_path)
    (tmp_path / "pool.key").chmod(0o600)
    assert await found.report(AT) == PoolReport("CLIProxyAPI", "6.9.1", 4, 1)
    (tmp_path / "pool.key").chmod(0o644)
    told = await found.report(AT)
    assert isinstance(told, PoolReport)
    assert "chmod 600 ~/pool.key" in lacks(told)[0]
    pool.key = "another"
    refused = await found.report(AT)
    assert isinstance(refused, Failure)
    assert "refuses the management key" in failure_text(refused)


async def test_a_reading(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    mine = body("02").replace(b"pool02@example.com", b"pool01@example.com")
    pool.serve_usage(1, mine)
    found = await read(source(client, pool.url, tmp_path))
    assert found.outcome == parse_usage(mine, AT)
    assert found.token_fingerprint is None
    assert found.server_date == AT
    assert found.clock_offset == timedelta(0)
    assert found.raw is not None
    assert "394.7967250000" in found.raw
    assert found.elapsed_seconds > 0
    assert pool.lists == 1
    sent, _ = pool.sent
    assert sent.url == "https://chatgpt.com/backend-api/wham/usage"
    assert sent.headers == {
        "Authorization": f"Bearer fake-token-{1:016x}",
        "Accept": "application/json",
        "ChatGPT-Account-Id": "00000000-0000-4000-8000-000000000001",
        "User-Agent": sent.headers["User-Agent"],
    }
    assert sent.headers["User-Agent"].startswith("poolwatch/")


async def test_no_token_is_seen(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    found = source(client, pool.url, tmp_path)
    pool.serve_usage(1, body("01"))
    reading = await read(found)
    [call] = pool.calls
    assert call == {
        "auth_index": f"{1:016x}",
        "method": "GET",
        "url": "https://chatgpt.com/backend-api/wham/usage",
        "header": {**pool.sent[0].headers, "Authorization": "Bearer $TOKEN$"},
    }
    assert "fake-token" not in f"{reading.raw}{reading}"


@pytest.mark.parametrize("claimed", [None, "email_1234", "two words"])
async def test_an_account_without_a_usable_id(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path, claimed: str | None
) -> None:
    pool.logins[0]["id_token"] = {"chatgpt_account_id": claimed}
    await read(source(client, pool.url, tmp_path))
    assert "ChatGPT-Account-Id" not in pool.sent[0].headers


async def test_another_upstream(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    """A self-hosted one is asked at its own address, and at its second where it does not know that."""
    pool.service["*"] = Said(404, b'{"detail":"Not Found"}')
    told = await failure(source(client, pool.url, tmp_path, base_url="http://127.0.0.1:9/codex"))
    assert [sent.url for sent in pool.sent] == [
        "http://127.0.0.1:9/codex/api/codex/usage",
        "http://127.0.0.1:9/codex/codex/usage",
    ]
    assert (told.kind, failure_text(told)) == (
        FailureKind.UPSTREAM_ERROR,
        "the service refuses the request (404)",
    )


CHALLENGE = Said(403, b"<html>Just a moment</html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (Said(402, body("36")), FailureKind.DEACTIVATION_REPORTED, "workspace"),
        (CHALLENGE, FailureKind.EDGE_BLOCKED, "network edge"),
        (Said(403, b'{"detail":"no"}'), FailureKind.FORBIDDEN, "403"),
        (Said(403, b"", {"CF-Mitigated": "challenge"}), FailureKind.EDGE_BLOCKED, "browser check"),
        (Said(429, body("37")), FailureKind.THROTTLED, "429"),
        (Said(503, b"busy"), FailureKind.UPSTREAM_ERROR, "503"),
        (Said(302, b"", {"Location": "https://example.com"}), FailureKind.NOT_THE_SERVICE, "redirects"),
        (Said(200, b"<html>"), FailureKind.NOT_THE_SERVICE, "web page"),
        (Said(200, b"not json"), FailureKind.MALFORMED, "not JSON"),
        (Said(200, b"{}"), FailureKind.MALFORMED, "no usage figures"),
    ],
)
async def test_inner_answers(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path, said: Said, kind: FailureKind, words: str
) -> None:
    """The pool answered 200 each time: what counts is what it carried."""
    pool.service["*"] = said
    found = source(client, pool.url, tmp_path)
    reading = await read(found)
    assert isinstance(reading.outcome, Failure)
    assert reading.outcome.kind is kind
    assert words in failure_text(reading.outcome)
    assert reading.clock_offset is None
    assert not any(each.says_login_needed for each in await listed(found))


async def test_a_retry_time_counts_from_the_service(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path
) -> None:
    pool.service["*"] = Said(429, b"{}", {"Retry-After": "90"})
    assert (await failure(source(client, pool.url, tmp_path))).retry_at == AT + timedelta(seconds=90)


async def test_a_refused_token_needs_a_login(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path
) -> None:
    found = source(client, pool.url, tmp_path)
    await listed(found)
    before = await found.signature()
    pool.service[f"{1:016x}"] = Said(401, body("35"))
    told = await failure(found)
    assert told.kind is FailureKind.UNAUTHORIZED
    assert await found.signature() != before
    first, second = await listed(found)
    assert (first.says_login_needed, second.says_login_needed) == (True, False)
    # renewed by the pool: nothing is known against the new token
    pool.logins[0]["last_refresh"] = "2026-11-20T20:59:00Z"
    assert not any(each.says_login_needed for each in await listed(found))


async def test_an_accepted_token_clears_what_was_said_of_it(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path
) -> None:
    found = source(client, pool.url, tmp_path)
    pool.service["*"] = Said(401, body("35"))
    await failure(found)
    assert (await listed(found))[0].says_login_needed
    pool.serve_usage(1, body("01"))
    assert isinstance((await read(found)).outcome, UsageSnapshot)
    assert not (await listed(found))[0].says_login_needed


async def test_the_pool_calls_a_login_unauthorized(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path
) -> None:
    pool.logins[0] |= {"status": "error", "unavailable": True, "status_message": "unauthorized"}
    found = source(client, pool.url, tmp_path)
    assert (await listed(found))[0].says_login_needed
    pool.serve_usage(1, body("01"))
    assert isinstance((await read(found)).outcome, UsageSnapshot)
    assert not (await listed(found))[0].says_login_needed


@pytest.mark.parametrize("is_given_up", [False, True])
async def test_an_expired_token_is_the_pools_to_renew(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path, is_given_up: bool
) -> None:
    if is_given_up:
        pool.logins[0] |= {"status": "error", "status_message": "unauthorized"}
    pool.service["*"] = Said(401, b'{"error":{"code":"token_expired"}}')
    found = source(client, pool.url, tmp_path)
    told = await failure(found)
    assert told.kind is (FailureKind.UNAUTHORIZED if is_given_up else FailureKind.TOKEN_REFRESH)
    assert (await listed(found))[0].says_login_needed is is_given_up


async def test_a_login_that_has_gone_is_not_called_refused(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path
) -> None:
    """The pool then sends the bare placeholder, and the service refuses that."""
    found = source(client, pool.url, tmp_path)
    await listed(found)
    gone = pool.logins.pop(0)
    told = await failure(found)
    assert pool.sent[0].headers["Authorization"] == "Bearer $TOKEN$"
    assert (told.kind, failure_text(told)) == (
        FailureKind.NO_TOKEN,
        "CLIProxyAPI does not know this account any more",
    )
    pool.logins.append(gone)
    assert not any(each.says_login_needed for each in await listed(found))


async def test_an_unknown_place_asks_nothing(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path
) -> None:
    found = source(client, pool.url, tmp_path)
    reading = await found.fetch_usage(Listing(SourceRef("cpa", "elsewhere")), AT)
    assert isinstance(reading.outcome, Failure)
    assert reading.outcome.kind is FailureKind.NO_TOKEN
    assert pool.sent == []


async def test_api_keys_are_listed_and_never_asked_about(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path
) -> None:
    pool.logins[0] |= {"account_type": "api_key", "account": "sk-fake-0123456789abcdef", "email": None}
    found = source(client, pool.url, tmp_path)
    first, _ = await listed(found)
    assert (first.login, first.custody, first.polled) == (LoginKind.API_KEY, Custody.STATIC, False)
    assert "sk-fake" not in repr(first)
    assert failure_text(await failure(found)) == "API keys have no usage figures"
    assert pool.sent == []
    step = await found.token_step(ref(1), AT)
    assert (step.outcome, step.block) == (TokenOutcome.NONE, BlockReason.API_KEY)


async def test_disabled_logins(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    pool.logins[1]["disabled"] = True
    first, second = await listed(source(client, pool.url, tmp_path))
    assert (first.disabled, second.disabled) == (False, True)


async def test_the_token_step_sends_nothing(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    found = source(client, pool.url, tmp_path)
    await listed(found)
    step = await found.token_step(ref(1), AT)
    assert step == TokenStep(TokenOutcome.CURRENT, block=BlockReason.POOL_SKIPPED)
    assert len(pool.requests) == 1


async def test_logins_that_come_and_go(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    found = source(client, pool.url, tmp_path)
    await listed(found)
    pool.logins[:] = [login(2), login(3)]
    assert [each.ref for each in await listed(found)] == [ref(2), ref(3)]


async def test_many_at_once_are_spread(client: HttpClient, tmp_path: Path) -> None:
    async with CliProxyServer([login(number) for number in range(1, 31)]) as pool:
        pool.service["*"] = Said(body=b'{"plan_type": "plus"}')
        found = source(client, pool.url, tmp_path)
        await listed(found)
        pool.gate.clear()
        asked = asyncio.gather(*(read(found, number) for number in range(1, 31)))
        async with asyncio.timeout(20):
            await pool.crowded(3)
        pool.gate.set()
        readings = await asked
        assert all(isinstance(reading.outcome, UsageSnapshot) for reading in readings)
        assert sorted(sent.auth_index for sent in pool.sent) == [f"{number:016x}" for number in range(1, 31)]
        assert pool.most_in_flight == 3


async def test_the_signature_rests_while_nothing_happens(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path
) -> None:
    found = source(client, pool.url, tmp_path)
    pool.service["*"] = Said(body=body("01"))
    await listed(found)
    before = await found.signature()
    await read(found)
    assert await found.signature() == before
    assert len(pool.requests) == 2
    (tmp_path / "pool.key").write_text("another")
    assert await found.signature() != before


def test_it_is_a_pool_that_can_be_examined(tmp_path: Path) -> None:
    pool: PoolSource = source(HttpClient(), "http://127.0.0.1:8317", tmp_path)
    assert pool.name == "cpa"


def test_payload_ids_fit_the_server() -> None:
    """The rig's logins are the accounts of the example answers."""
    [file] = json.loads(body("42"))["files"]
    made = login(1)
    same = {"auth_index", "updated_at", "success", "failed", "recent_requests"}
    assert {name: said for name, said in file.items() if name not in same} == {
        name: said for name, said in made.items() if name not in same
    }


async def test_the_example_answers_served(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    pool.script += [Said(body=body("42")), Said(body=body("43"))]
    found = source(client, pool.url, tmp_path)
    reading = await read(found)
    assert reading.outcome == parse_usage(body("01"), AT)
    [call] = pool.calls
    [file] = json.loads(body("42"))["files"]
    assert (call["auth_index"], call["method"]) == (file["auth_index"], "GET")
