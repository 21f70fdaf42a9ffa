from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.custody.login_file import Login
from poolwatch.domain.account import LoginKind, Secret
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import Reply
from poolwatch.sources.usage_endpoint import classify, fetch_usage, usage_urls
from poolwatch.words.messages import failure_text
from tests.net.script import Answer, Script, reply, silence
from tests.sources.logins import AT, access_token

BODY = (Path(__file__).parent.parent / "payloads" / "01-plus-no-credits.json").read_bytes()
USER = "user-ExampleFake01"


@pytest.fixture
def client() -> HttpClient:
    return HttpClient()


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


PAYLOADS = Path(__file__).parent.parent / "payloads"
CHALLENGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title>_cf_chl_opt</html>"


def said(
    status: int, body: object = b"", server_date: datetime | None = None, **headers: str
) -> Failure | None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return classify(Reply(status, named, raw, server_date, 0.1), AT)


def failure(outcome: Failure | None) -> Failure:
    assert outcome is not None
    return outcome


def payload(number: str) -> bytes:
    [path] = PAYLOADS.glob(f"{number}-*.json")
    return path.read_bytes()


K = FailureKind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, payload("35"), K.UNAUTHORIZED),
        (402, payload("36"), K.DEACTIVATION_REPORTED),
        (403, payload("36"), K.DEACTIVATION_REPORTED),
        (429, payload("37"), K.THROTTLED),
        (401, {"detail": "Unauthorized"}, K.UNAUTHORIZED),
        (401, b"", K.UNAUTHORIZED),
        (401, CHALLENGE, K.UNAUTHORIZED),
        (401, {"error": {"code": "token_expired"}}, K.UNAUTHORIZED),
        (401, {"error": {"code": "account_deactivated"}}, K.DEACTIVATION_REPORTED),
        (401, {"error": {"message": "Your account has been Deactivated"}}, K.DEACTIVATION_REPORTED),
        (401, {"detail": "this account is deactivated"}, K.DEACTIVATION_REPORTED),
        (402, {"detail": {"code": "payment_required"}}, K.UPSTREAM_ERROR),
        (402, b"", K.UPSTREAM_ERROR),
        (403, CHALLENGE, K.EDGE_BLOCKED),
        (403, b"", K.EDGE_BLOCKED),
        (403, b"Attention Required", K.EDGE_BLOCKED),
        (403, {"detail": "forbidden"}, K.FORBIDDEN),
        (403, {"error": {"code": "unsupported_country"}}, K.FORBIDDEN),
        (404, b"", K.EDGE_BLOCKED),
        (404, b" \r\n", K.EDGE_BLOCKED),
        (404, {"detail": "Not Found"}, K.UPSTREAM_ERROR),
        (400, {"detail": "x"}, K.UPSTREAM_ERROR),
        (418, b"teapot", K.UPSTREAM_ERROR),
        (429, b"", K.THROTTLED),
        (429, CHALLENGE, K.THROTTLED),
        (500, {"error": {"code": "server_error"}}, K.UPSTREAM_ERROR),
        (503, CHALLENGE, K.UPSTREAM_ERROR),
        (200, CHALLENGE, K.NOT_THE_SERVICE),
        (200, b"<html>sign in</html>", K.NOT_THE_SERVICE),
        (302, b"", K.NOT_THE_SERVICE),
        (304, b"", K.NOT_THE_SERVICE),
    ],
)
def test_every_answer_has_its_kind(status: int, body: object, kind: FailureKind) -> None:
    found = failure(said(status, body))
    assert found.kind is kind
    assert 0 < len(failure_text(found)) < 100
    assert "synthetic" not in failure_text(found)


COUNTRY = {"message": "Country, region, or territory not supported", "type": "request_forbidden"}


@pytest.mark.parametrize("status", [401, 403, 451])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (
            {"error": {**COUNTRY, "code": "unsupported_country_region_territory"}},
            "unsupported_country_region_territory",
        ),
        ({**COUNTRY, "code": "unsupported_country_region_territory"}, "unsupported_country_region_territory"),
        ({"error": COUNTRY}, "unsupported_country_region_territory"),
        ({"detail": COUNTRY["message"]}, "unsupported_country_region_territory"),
        (b"Country, region, or territory not supported", "unsupported_country_region_territory"),
        ({"error": {"code": "unsupported_country"}}, "unsupported_country"),
        ({"detail": {"code": "UNSUPPORTED_REGION"}}, "UNSUPPORTED_REGION"),
        ({"error": {"code": "ip_not_authorized"}}, "ip_not_authorized"),
    ],
)
def test_a_refusal_by_country_or_network_is_about_the_place(status: int, body: object, code: str) -> None:
    found = failure(said(status, body))
    assert (found.kind, found.detail, found.login_problem) == (K.FORBIDDEN, code, None)
    words = "the service does not answer from this country or network"
    assert failure_text(found) == f"{words} ({status}, {code})"


def test_a_451_is_about_the_place_whatever_it_says() -> None:
    assert failure(said(451, {"error": {"code": "legal"}})).kind is K.FORBIDDEN
    assert failure(said(451, b"")).kind is K.FORBIDDEN


def test_a_workspace_that_is_refused_is_named_as_such() -> None:
    found = failure(said(403, {"detail": {"code": "invalid_workspace_selected"}}))
    words = "the service refuses the workspace that this login chooses (403, invalid_workspace_selected)"
    assert (found.kind, failure_text(found)) == (K.FORBIDDEN, words)


def test_an_answer_with_a_body_to_read_is_no_failure() -> None:
    assert said(200, {"plan_type": "plus"}) is None
    assert said(200, b"") is None


@pytest.mark.parametrize("status", [200, 401, 403, 404, 503])
def test_an_edge_that_says_so_is_believed_at_any_status(status: int) -> None:
    assert failure(said(status, CHALLENGE, cf_mitigated="challenge")).kind is K.EDGE_BLOCKED


def test_a_page_by_its_type_alone() -> None:
    assert failure(said(200, b"{}", content_type="text/html")).kind is K.NOT_THE_SERVICE
    assert failure(said(403, b"no", content_type="text/html")).kind is K.EDGE_BLOCKED


def test_a_404_whose_body_was_refused_is_not_empty() -> None:
    reply = Reply(404, {}, b"", None, 0.1, body_refused=True)
    assert failure(classify(reply, AT)).kind is K.UPSTREAM_ERROR


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("token_expired", LoginProblem.EXPIRED),
        ("token_invalidated", LoginProblem.INVALIDATED),
        ("something_new", LoginProblem.REJECTED),
    ],
)
def test_a_rejected_token_says_why(code: str, problem: LoginProblem) -> None:
    found = failure(said(401, {"error": {"code": code}}))
    assert (found.login_problem, found.detail) == (problem, code)
    other = failure(said(401, {"detail": {"code": code}, "error": {"code": "unrelated"}}))
    assert other.login_problem is problem
    assert failure(said(401, {"code": code})).login_problem is problem
    assert failure(said(401, b"", x_openai_ide_error_code=code)).login_problem is problem


def test_a_bare_401_is_a_rejected_token() -> None:
    found = failure(said(401))
    assert (failure_text(found), found.login_problem) == (
        "the access token is not accepted (401)",
        LoginProblem.REJECTED,
    )


def test_codes_are_made_safe_and_short() -> None:
    found = failure(said(403, {"error": {"code": "x\x1b]52;c;" + "y" * 500}}))
    assert failure_text(found).isprintable()
    assert len(failure_text(found)) < 160
    assert "\x1b" not in (found.detail or "")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 1),
        ("1000000000", 3600),
        ("9" * 18, 3600),
        ("Fri, 20 Nov 2026 21:05:00 GMT", 300),
        ("Fri, 20 Nov 2026 20:00:00 GMT", 1),
        ("Fri, 20 Nov 2099 20:00:00 GMT", 3600),
        ("-1", None),
        ("1e9", None),
        ("soon", None),
        ("", None),
        ("9" * 400, None),
        ("１２", None),
    ],
)
def test_retry_after(header: str, seconds: int | None) -> None:
    expected = None if seconds is None else AT + timedelta(seconds=seconds)
    assert failure(said(429, b"", retry_after=header)).retry_at == expected
    assert failure(said(503, b"", retry_after=header)).retry_at == expected
    assert failure(said(403, CHALLENGE, retry_after=header)).retry_at == expected


def test_dates_count_from_the_servers_clock() -> None:
    server = AT + timedelta(hours=5)
    found = said(429, b"", server, retry_after="Sat, 21 Nov 2026 02:01:00 GMT")
    assert failure(found).retry_at == AT + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        ({"resets_at": 1795208400 + 90}, 90),
        ({"resets_at": 1795208400 + 90_000}, 3600),
        ({"resets_at": 1795208400 - 90}, 1),
        ({"resets_in_seconds": 45}, 45),
        ({"resets_in_seconds": -45}, 1),
        ({"resets_at": 0, "resets_in_seconds": 0}, None),
        ({"resets_at": 0, "resets_in_seconds": 45}, 45),
        ({"resets_at": "soon", "resets_in_seconds": "later"}, None),
        ({"resets_at": True}, None),
        ({}, None),
    ],
)
def test_a_body_may_say_when_to_come_back(error: dict[str, object], seconds: int | None) -> None:
    found = failure(said(429, {"error": {"type": "usage_limit_reached", **error}}))
    assert found.retry_at == (None if seconds is None else AT + timedelta(seconds=seconds))
    assert failure_text(found) == "asked too often (429, usage_limit_reached)"


def test_the_example_of_a_limit_that_was_hit() -> None:
    assert failure(said(429, payload("37"))).retry_at == datetime(2026, 11, 20, 22, tzinfo=UTC)
