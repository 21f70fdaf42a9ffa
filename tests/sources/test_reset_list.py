"""The list of banked resets through a login file and through CLIProxyAPI, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.config.settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody
from poolwatch.domain.banked import BankedReset
from poolwatch.domain.failure import Failure
from poolwatch.domain.usage import ResetCredits, Unsaid, UsageSnapshot
from poolwatch.net.client import HttpClient
from poolwatch.sources import reset_list
from poolwatch.sources.auth_files import AuthFiles
from poolwatch.sources.reset_list import reset_list_url
from poolwatch.sources.reset_pace import ResetPace
from poolwatch.sources.setup import SourceSetup
from tests.net.script import Answer, Script, hang_up, reply, silence
from tests.sources.cli_proxy_api import rig
from tests.sources.logins import AT, FINGERPRINT, access_token, cliproxy_login, put
from tests.support.cli_proxy_server import CliProxyServer, Said, login

DECEMBER = datetime(2026, 12, 1, 9, tzinfo=UTC)
ROW = {"status": "available", "expires_at": "2026-12-01T09:00:00Z"}
LIST = json.dumps({"credits": [ROW], "available_count": 2}).encode()
FOUND = (BankedReset(DECEMBER, status="available"),)


def usage(available: int | None) -> bytes:
    inner = None if available is None else {"available_count": available}
    return json.dumps({"plan_type": "plus", "rate_limit_reset_credits": inner}).encode()


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient() as opened:
        yield opened


def files(client: HttpClient, home: Path, url: str, resets: ResetPace | None = None) -> AuthFiles:
    settings = SourceSettings(SourceKind.AUTH_FILES, "pool", Custody.OTHER, path="~/pool", base_url=url)
    return AuthFiles(SourceSetup(settings, client, home, {}, 5, FINGERPRINT), resets=resets)


async def read(source: AuthFiles, number: int = 0, at: datetime = AT) -> UsageSnapshot:
    listings = await source.list_accounts(AT)
    assert not isinstance(listings, Failure)
    outcome = (await source.fetch_usage(listings[number], at)).outcome
    assert isinstance(outcome, UsageSnapshot), outcome
    return outcome


def paths(server: Script) -> list[str]:
    return [head.split()[1] for head in server.requests]


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://chatgpt.com", "https://chatgpt.com/backend-api/wham/rate-limit-reset-credits"),
        ("http://127.0.0.1:80/backend-api", "http://127.0.0.1:80/backend-api/wham/rate-limit-reset-credits"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/api/codex/rate-limit-reset-credits"),
    ],
)
def test_the_address(base: str, url: str) -> None:
    assert reset_list_url(base) == url


async def test_a_login_file_asks_once_for_what_is_banked(client: HttpClient, tmp_path: Path) -> None:
    put(tmp_path / "pool/one.json", cliproxy_login())
    async with Script([reply(200, usage(2)), reply(200, LIST), reply(200, usage(2))]) as server:
        source = files(client, tmp_path, f"{server.url}/backend-api")
        first = await read(source)
        again = await read(source, at=AT + timedelta(minutes=10))
        assert paths(server) == [
            "/backend-api/wham/usage",
            "/backend-api/wham/rate-limit-reset-credits",
            "/backend-api/wham/usage",
        ]
        assert f"Bearer {access_token()}" in server.requests[1]
        assert "acct-1" in server.requests[1]
    assert (first.reset_credits, first.reset_list) == (ResetCredits(2, None), FOUND)
    assert (again.reset_credits, again.reset_list) == (ResetCredits(2, None), Unsaid.ABSENT)


@pytest.mark.parametrize("available", [0, None])
async def test_none_and_unknown_are_not_asked_for(
    client: HttpClient, tmp_path: Path, available: int | None
) -> None:
    put(tmp_path / "pool/one.json", cliproxy_login())
    async with Script([reply(200, usage(available))]) as server:
        found = await read(files(client, tmp_path, server.url))
        assert len(server.requests) == 1
    assert found.reset_list is Unsaid.ABSENT


@pytest.mark.parametrize(
    "answer",
    [reply(401, b'{"detail": "no"}'), reply(404, b"{}"), reply(500), reply(200, b"{}"), reply(200, b"<html>"),
     hang_up],
)  # fmt: skip
async def test_its_failure_costs_nothing(client: HttpClient, tmp_path: Path, answer: Answer) -> None:
    put(tmp_path / "pool/one.json", cliproxy_login())
    pace = ResetPace()
    async with Script([reply(200, usage(2)), answer]) as server:
        found = await read(files(client, tmp_path, server.url, pace))
    assert (found.plan, found.reset_credits, found.reset_list) == (
        "plus",
        ResetCredits(2, None),
        Unsaid.ABSENT,
    )
    assert pace.take("another", 1, AT + timedelta(minutes=5))


async def test_silence_keeps_nobody_waiting(
    client: HttpClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reset_list, "ANSWER_SECONDS", 0.05)
    put(tmp_path / "pool/one.json", cliproxy_login())
    async with Script([reply(200, usage(2)), silence]) as server:
        found = await read(files(client, tmp_path, server.url))
    assert (found.plan, found.reset_list) == ("plus", Unsaid.ABSENT)


@pytest.mark.parametrize(
    ("refusal", "hours"),
    [
        (reply(429), 1),
        (reply(429, Retry_After="60"), 1),
        (reply(429, Retry_After="10800"), 3),
        (reply(429, Retry_After="soon"), 1),
    ],
)
async def test_too_many_requests_stops_the_other_accounts(
    client: HttpClient, tmp_path: Path, refusal: bytes, hours: int
) -> None:
    put(tmp_path / "pool/one.json", cliproxy_login())
    put(tmp_path / "pool/two.json", cliproxy_login(access_token("user-2", "acct-2"), "two@example.com"))
    answers: list[Answer] = [reply(200, usage(2)), refusal, reply(200, usage(2))]
    async with Script([*answers, reply(200, usage(2)), reply(200, LIST)]) as server:
        source = files(client, tmp_path, server.url)
        for number, at in ((0, AT), (1, AT + timedelta(hours=hours, seconds=-1))):
            assert (await read(source, number, at)).reset_list is Unsaid.ABSENT
        assert len(server.requests) == 3
        assert (await read(source, 1, AT + timedelta(hours=hours))).reset_list == FOUND


async def test_through_cli_proxy_api(client: HttpClient, tmp_path: Path) -> None:
    async with CliProxyServer([login(1)]) as pool:
        pool.service["*"] = Said(body=usage(2))
        source = rig.source(client, pool.url, tmp_path)
        pool.resets = LIST
        found = (await source.fetch_usage(rig.entry(1), AT)).outcome
        again = (await source.fetch_usage(rig.entry(1), AT + timedelta(minutes=10))).outcome
        assert [sent.url.rpartition("/")[2] for sent in pool.sent] == [
            "usage",
            "rate-limit-reset-credits",
            "usage",
        ]
        assert pool.sent[1].headers == pool.sent[0].headers
    assert isinstance(found, UsageSnapshot)
    assert isinstance(again, UsageSnapshot)
    assert (found.reset_credits, found.reset_list) == (ResetCredits(2, None), FOUND)
    assert again.reset_list is Unsaid.ABSENT


async def test_a_pool_that_refuses_the_second_call(client: HttpClient, tmp_path: Path) -> None:
    async with CliProxyServer([login(1)]) as pool:
        pool.call_script = [
            Said(body=json.dumps({"status_code": 200, "header": {}, "body": usage(2).decode()}).encode()),
            Said(502, b'{"error": "request failed"}'),
        ]
        found = (await rig.source(client, pool.url, tmp_path).fetch_usage(rig.entry(1), AT)).outcome
    assert isinstance(found, UsageSnapshot)
    assert (found.plan, found.reset_list) == ("plus", Unsaid.ABSENT)
