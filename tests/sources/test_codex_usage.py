from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from poolwatch.custody.auth_file import Login
from poolwatch.domain.account import LoginKind, Secret
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.net.client import HttpClient
from poolwatch.sources.codex_usage import fetch_usage, usage_urls
from tests.net.script import Answer, Script, reply, silence
from tests.sources.logins import AT, access_token

BODY = (Path(__file__).parent.parent / "payloads" / "01-plus-no-credits.json").read_bytes()
USER = "user-ExampleFake01"


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient() as opened:
        yield opened


def serve(*answers: Answer) -> Script:
    return Script(list(answers))


def login(
    user_id: str | None = USER, account_id: str | None = "acct-1", *, is_fedramp: bool = False
) -> Login:
    return Login(
        "codex",
        LoginKind.OAUTH,
        access=Secret(access_token()),
        user_id=user_id,
        account_id=account_id,
        is_fedramp=is_fedramp,
        fingerprint="aaaabbbbcccc",
    )


@pytest.mark.parametrize(
    ("base", "urls"),
    [
        ("https://chatgpt.com/backend-api", ("https://chatgpt.com/backend-api/wham/usage", "codex/usage")),
        (
            " https://chatgpt.com/backend-api// ",
            ("https://chatgpt.com/backend-api/wham/usage", "codex/usage"),
        ),
        ("https://chatgpt.com", ("https://chatgpt.com/backend-api/wham/usage", "codex/usage")),
        ("https://chat.openai.com/", ("https://chat.openai.com/backend-api/wham/usage", "codex/usage")),
        ("http://127.0.0.1:8080", ("http://127.0.0.1:8080/api/codex/usage", "codex/usage")),
        (
            "https://chatgpt.com.example.com",
            ("https://chatgpt.com.example.com/api/codex/usage", "codex/usage"),
        ),
        ("http://127.0.0.1:1/backend-api", ("http://127.0.0.1:1/backend-api/wham/usage", "codex/usage")),
    ],
)
def test_addresses(base: str, urls: tuple[str, str]) -> None:
    first, second = usage_urls(base)
    assert first == urls[0]
    assert second.startswith(first.split("/wham")[0].split("/api/codex")[0])
    assert second.endswith(urls[1])


async def test_a_reading(client: HttpClient) -> None:
    async with serve(reply(200, BODY, Date="Fri, 20 Nov 2026 23:00:00 GMT")) as server:
        reading = await fetch_usage(client, f"{server.url}/backend-api", login(), AT, 5)
    assert isinstance(reading.outcome, UsageSnapshot)
    assert reading.outcome.plan == "plus"
    assert reading.token_fingerprint == "aaaabbbbcccc"
    assert reading.server_date == AT + timedelta(hours=2)
    assert reading.clock_offset is not None
    assert abs(reading.clock_offset - timedelta(hours=2)) < timedelta(seconds=5)
    assert reading.raw is not None
    assert '"plan_type": "plus"' in reading.raw
    assert "plan_type" not in repr(reading)
    assert len(server.requests) == 1
    head = server.requests[0]
    assert head.startswith("GET /backend-api/wham/usage HTTP/1.1\r\n")
    assert f"Authorization: Bearer {access_token()}\r\n" in head
    assert "ChatGPT-Account-Id: acct-1\r\n" in head
    assert "Accept: application/json\r\n" in head
    for never in ("fedramp", "luna-reserve", "originator", "cookie"):
        assert never not in head.lower()


@pytest.mark.parametrize(
    "account_id", [None, "", "email_one", "local_1", "org-AbC", "user-1", "a b", "a\r\nX: 1", "é"]
)
async def test_an_account_id_the_service_cannot_know_is_left_out(
    client: HttpClient, account_id: str | None
) -> None:
    async with serve(reply(200, BODY)) as server:
        await fetch_usage(client, server.url, login(account_id=account_id), AT, 5)
    assert "chatgpt-account-id" not in server.requests[0].lower()


async def test_a_fedramp_login_says_so(client: HttpClient) -> None:
    async with serve(reply(200, BODY)) as server:
        await fetch_usage(client, server.url, login(is_fedramp=True), AT, 5)
    assert "X-OpenAI-Fedramp: true\r\n" in server.requests[0]


async def test_the_second_address_is_asked_after_a_404_alone(client: HttpClient) -> None:
    async with serve(reply(404, b'{"detail": "Not Found"}'), reply(200, BODY)) as server:
        reading = await fetch_usage(client, server.url, login(), AT, 5)
    assert isinstance(reading.outcome, UsageSnapshot)
    assert [head.split()[1] for head in server.requests] == ["/api/codex/usage", "/codex/usage"]


@pytest.mark.parametrize("status", [401, 403, 429, 500])
async def test_no_second_address_after_other_failures(client: HttpClient, status: int) -> None:
    async with serve(reply(status, b"{}"), reply(200, BODY)) as server:
        reading = await fetch_usage(client, server.url, login(), AT, 5)
    assert isinstance(reading.outcome, Failure)
    assert len(server.requests) == 1


async def test_an_empty_404_tells_more_than_a_second_one(client: HttpClient) -> None:
    async with serve(reply(404, b""), reply(404, b'{"detail": "Not Found"}')) as server:
        reading = await fetch_usage(client, server.url, login(), AT, 5)
    assert isinstance(reading.outcome, Failure)
    assert reading.outcome.kind is FailureKind.EDGE_BLOCKED


async def test_figures_of_another_user_are_refused(client: HttpClient) -> None:
    async with serve(reply(200, BODY)) as server:
        other = await fetch_usage(client, server.url, login(user_id="user-other"), AT, 5)
        unknown = await fetch_usage(client, server.url, login(user_id=None), AT, 5)
        workspace = await fetch_usage(client, server.url, login(account_id="another-workspace"), AT, 5)
    assert isinstance(other.outcome, Failure)
    assert other.outcome.kind is FailureKind.OTHER_ACCOUNT
    assert isinstance(unknown.outcome, UsageSnapshot)
    assert isinstance(workspace.outcome, UsageSnapshot)


async def test_a_rejected_token_is_named_by_its_fingerprint(client: HttpClient) -> None:
    echo = f'{{"error": {{"code": "token_expired", "message": "{access_token()}"}}}}'.encode()
    async with serve(reply(401, echo, Date="Fri, 20 Nov 2026 23:00:00 GMT")) as server:
        reading = await fetch_usage(client, server.url, login(), AT, 5)
    assert isinstance(reading.outcome, Failure)
    assert reading.outcome.kind is FailureKind.UNAUTHORIZED
    assert reading.token_fingerprint == "aaaabbbbcccc"
    assert reading.clock_offset is not None
    assert access_token() not in f"{reading.raw}{reading.outcome}"


async def test_a_portals_clock_is_not_the_services(client: HttpClient) -> None:
    portal = reply(200, b"<html>sign in to the hotel</html>", Date="Fri, 20 Nov 2020 23:00:00 GMT")
    async with serve(portal) as server:
        reading = await fetch_usage(client, server.url, login(), AT, 5)
    assert isinstance(reading.outcome, Failure)
    assert reading.outcome.kind is FailureKind.NOT_THE_SERVICE
    assert (reading.server_date, reading.clock_offset) == (None, None)


async def test_a_reset_in_seconds_counts_from_the_servers_time(client: HttpClient) -> None:
    body = b'{"rate_limit": {"primary_window": {"used_percent": 1, "reset_after_seconds": 600}}}'
    async with serve(reply(200, body, Date="Fri, 20 Nov 2026 23:00:00 GMT")) as server:
        reading = await fetch_usage(client, server.url, login(), AT, 5)
    assert "resets_at=datetime.datetime(2026, 11, 20, 23, 10" in repr(reading.outcome)


async def test_one_deadline_covers_both_addresses(client: HttpClient) -> None:
    async with serve(reply(404, b"{}"), silence) as server:
        reading = await fetch_usage(client, server.url, login(), AT, 0.3)
    assert isinstance(reading.outcome, Failure)
    assert reading.outcome.kind is FailureKind.UNREACHABLE
    assert 0.25 < reading.elapsed_seconds < 2


async def test_without_an_access_token_nothing_is_sent(client: HttpClient) -> None:
    async with serve(reply(200, BODY)) as server:
        reading = await fetch_usage(client, server.url, Login("codex", LoginKind.OAUTH), AT, 5)
    assert isinstance(reading.outcome, Failure)
    assert reading.outcome.kind is FailureKind.NO_TOKEN
    assert server.connections == 0
