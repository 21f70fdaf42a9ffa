from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody, Secret
from poolwatch.domain.failure import Failure, FailureKind, worded
from poolwatch.net.client import Headers, HttpClient
from poolwatch.sources.pools.client import Answered, Entry, PoolClient, Refused
from poolwatch.sources.pools.keys import Refusals
from poolwatch.sources.pools.routes import ForbiddenRouteError, PoolProgram, Route, segment
from poolwatch.sources.source import SourceSetup
from poolwatch.words.messages import failure_text
from tests.sources.pools.making import AT, KEY
from tests.support.replay_server import PoolServer, Response, always, answer, never

ROUTES = (Route("GET", "/accounts"), Route("GET", "/accounts/{id}/quota"), Route("POST", "/login"))
PROGRAM = PoolProgram("testpool", ROUTES)


@pytest.fixture
async def server() -> AsyncIterator[PoolServer]:
    async with PoolServer() as opened:
        yield opened


class Known(Entry):
    def __init__(self, headers: Headers | Failure) -> None:
        self._headers = headers

    async def headers(self, at: datetime) -> Headers | Failure:
        return self._headers


BY_KEY = Known({"Authorization": Secret(f"Bearer {KEY}")})


def pool(server: PoolServer, client: HttpClient, seconds: float = 5) -> PoolClient:
    setup = setup_of(server, client, seconds)
    return PoolClient(setup, PROGRAM, Refusals(setup), BY_KEY)


def setup_of(server: PoolServer, client: HttpClient, seconds: float = 5) -> SourceSetup:
    settings = SourceSettings(SourceKind.CODEX_PROXY, "testpool", Custody.POOL, url=f"{server.url}/")
    return SourceSetup(settings, client, Path("/"), {}, seconds)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/accounts/"),
        ("GET", "/accounts/export"),
        ("GET", "/accounts?quota=fresh"),
        ("GET", "/accounts/a/../quota"),
        ("GET", "/accounts/../quota"),
        ("GET", "/accounts/./quota"),
        ("GET", "/accounts//quota"),
        ("GET", "/accounts/a b/quota"),
        ("GET", "/accounts/a?x=/quota"),
        ("GET", "/login"),
        ("POST", "/accounts"),
    ],
)
async def test_other_routes_are_a_mistake_and_are_not_sent(
    server: PoolServer, client: HttpClient, method: str, path: str
) -> None:
    asks = pool(server, client)
    with pytest.raises(ForbiddenRouteError):
        await (asks.get_json(path, AT) if method == "GET" else asks.post_json(path, None, AT))
    assert server.requests == []


@pytest.mark.parametrize("text", ["..", ".", "", "x" * 601])
def test_what_no_server_takes_for_a_name_is_no_segment(text: str) -> None:
    assert segment(text) is None


def test_a_segment_stays_one(server: PoolServer) -> None:
    assert segment("a/b?c#d e") == "a%2Fb%3Fc%23d%20e"
    assert segment("34eec0fc_8798f94f__copy2") == "34eec0fc_8798f94f__copy2"


async def test_an_answer(server: PoolServer, client: HttpClient) -> None:
    server.fault = always(answer(200, {"a": [1, 2.50], "key": KEY}, Date="Fri, 20 Nov 2026 21:00:05 GMT"))
    found = await pool(server, client).get_json("/accounts/x%20y/quota", AT)
    assert isinstance(found, Answered)
    assert isinstance(found.body, dict)
    assert found.body["a"] == [1, "2.5"]
    assert found.server_date == AT + timedelta(seconds=5)
    assert found.raw is not None
    assert KEY not in found.raw
    assert server.requests[0].path == "/accounts/x%20y/quota"
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_body_is_sent_once(server: PoolServer, client: HttpClient) -> None:
    server.fault = always(answer(200, {}))
    found = await pool(server, client).post_json("/login", lambda: b'{"a": 1}', AT)
    assert isinstance(found, Answered)
    assert json.loads(server.requests[0].body) == {"a": 1}
    assert server.requests[0].headers["content-type"] == "application/json"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("response", "kind", "said"),
    [
        (
            answer(401, {"error": "Go away"}),
            FailureKind.FORBIDDEN,
            "does not let poolwatch in (401): Go away",
        ),
        (
            answer(403, {"error": {"code": "read_only_access", "message": "No"}}),
            FailureKind.FORBIDDEN,
            "(403): No",
        ),
        (answer(404, {"detail": "Nothing"}), FailureKind.UPSTREAM_ERROR, "(404): Nothing"),
        (Response(404, b""), FailureKind.UPSTREAM_ERROR, "if this is not testpool, fix the source's url"),
        (
            Response(404, b"<html>no", {"Content-Type": "text/html"}),
            FailureKind.UPSTREAM_ERROR,
            "fix the source's url",
        ),
        (answer(429, {"error": "Slow"}, Retry_After="30"), FailureKind.THROTTLED, "(429): Slow"),
        (answer(500, {"message": "Oops"}), FailureKind.UPSTREAM_ERROR, "has a fault (500): Oops"),
        (answer(503, None, Retry_After="9"), FailureKind.UPSTREAM_ERROR, "has a fault (503)"),
        (answer(302, None, Location="http://other.example/"), FailureKind.NOT_THE_SERVICE, "redirects"),
        (
            Response(200, b"<html>hi", {"Content-Type": "text/html"}),
            FailureKind.NOT_THE_SERVICE,
            "check the source's url",
        ),
        (Response(200, b"hello"), FailureKind.MALFORMED, "not JSON"),
        (Response(403, b"<html>no", {"Content-Type": "text/html"}), FailureKind.EDGE_BLOCKED, "(403)"),
    ],
)
async def test_refusals(
    server: PoolServer, client: HttpClient, response: Response, kind: FailureKind, said: str
) -> None:
    server.fault = always(response)
    found = await pool(server, client).get_json("/accounts", AT)
    assert isinstance(found, Refused)
    assert found.failure.kind is kind
    assert said in failure_text(found.failure)


async def test_retry_times_are_by_our_clock(server: PoolServer, client: HttpClient) -> None:
    server.fault = always(answer(429, {}, Retry_After="30"))
    found = await pool(server, client).get_json("/accounts", AT)
    assert isinstance(found, Refused)
    assert found.failure.retry_at == AT + timedelta(seconds=30)


async def test_words_of_the_pool_show_neither_key_nor_controls(
    server: PoolServer, client: HttpClient
) -> None:
    server.fault = always(
        answer(401, {"error": {"code": "bad\u001b[2J", "message": f"no {KEY} \u202e{'x' * 999}"}})
    )
    found = await pool(server, client).get_json("/accounts", AT)
    assert isinstance(found, Refused)
    shown = f"{found.failure!r} {found.code} {found.said} {found.raw} {found!r}"
    assert KEY not in shown
    assert "\u001b" not in shown
    assert "\u202e" not in shown
    assert len(failure_text(found.failure)) < 300


async def test_no_answer(server: PoolServer, client: HttpClient) -> None:
    server.fault = never
    found = await pool(server, client, 0.2).get_json("/accounts", AT)
    assert isinstance(found, Refused)
    assert found.failure.kind is FailureKind.UNREACHABLE
    assert (found.status, found.sent) == (None, True)
    lost = await pool(server, client, 0.2).post_json("/login", None, AT)
    assert isinstance(lost, Refused)
    assert lost.sent
    await server.stop()
    for gone in (
        await pool(server, client).get_json("/accounts", AT),
        await pool(server, client).post_json("/login", None, AT),
    ):
        assert isinstance(gone, Refused)
        assert gone.failure.kind is FailureKind.UNREACHABLE
        assert f"127.0.0.1:{server.port}" in failure_text(gone.failure)
    assert isinstance(gone, Refused)
    assert not gone.sent
    await server.start()


async def test_without_a_way_in_nothing_is_sent(server: PoolServer, client: HttpClient) -> None:
    why = worded(FailureKind.FORBIDDEN, "no key")
    setup = setup_of(server, client)
    asks = PoolClient(setup, PROGRAM, Refusals(setup), Known(why))
    found = await asks.get_json("/accounts", AT)
    assert isinstance(found, Refused)
    assert (found.failure, found.sent) == (why, False)
    assert server.requests == []
