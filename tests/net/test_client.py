from __future__ import annotations

import asyncio
import gzip
import os
import socket
import struct
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch import __version__
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import Lost, NotSent, Reply, clock_offset, http_date
from poolwatch.words.messages import failure_text
from tests.net.script import Answer, Script, cut, drip, hang_up, reply, silence

TOKEN = "fake.access.token"


@pytest.fixture
def client() -> HttpClient:
    return HttpClient()


def serve(*answers: Answer) -> Script:
    return Script(list(answers))


def failure(outcome: object) -> Failure:
    assert isinstance(outcome, Failure), outcome
    return outcome


async def test_an_answer_comes_back_whole(client: HttpClient) -> None:
    body = b'{"plan_type": "plus"}'
    headers = {"Date": "Fri, 20 Nov 2026 21:00:00 GMT", "X-Twice": "one\r\nX-Twice: two"}
    async with serve(reply(200, body, **headers)) as server:
        got = await client.get(
            f"{server.url}/usage?x=1", {"Authorization": Secret(f"Bearer {TOKEN}")}, deadline_seconds=5
        )
    assert isinstance(got, Reply)
    assert (got.status, got.body) == (200, body)
    assert got.headers["x-twice"] == "one"
    assert got.server_date == datetime(2026, 11, 20, 21, tzinfo=UTC)
    assert 0 < got.elapsed_seconds < 5
    head = server.requests[0].lower()
    assert head.startswith("get /usage?x=1 http/1.1\r\n")
    assert f"authorization: bearer {TOKEN}" in head
    assert "accept-encoding: identity\r\n" in head
    assert f"user-agent: poolwatch/{__version__}\r\n" in head
    assert f"host: localhost:{server.port}\r\n" in head
    assert TOKEN not in repr(got)


async def test_every_request_has_a_connection_of_its_own_and_no_cookies(client: HttpClient) -> None:
    async with serve(reply(Set_Cookie="session=of-somebody; Path=/")) as server:
        for _ in range(3):
            await client.get(server.url, {}, deadline_seconds=5)
    assert server.connections == len(server.requests) == 3
    assert not any("cookie:" in head.lower() for head in server.requests)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (silence, "did not answer within 0.2 s"),
        (
            drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
            "did not finish its answer within 0.2 s",
        ),
        (drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), "did not answer within 0.2 s"),
        (drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000), "did not answer within 0.2 s"),
    ],
    ids=["silence", "slow body", "slow headers", "endless continue"],
)
async def test_the_deadline_is_total(client: HttpClient, answer: Answer, words: str) -> None:
    async with serve(answer) as server:
        started = asyncio.get_running_loop().time()
        got = failure(await client.get(server.url, {}, deadline_seconds=0.2))
        assert asyncio.get_running_loop().time() - started < 2
    assert got.kind is FailureKind.UNREACHABLE
    assert failure_text(got) == f"localhost:{server.port} {words}"
    assert got.detail == "localhost"


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b"x" * 2000),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"100\r\n" + b"x" * 256 + b"\r\n"),
        drip(
            b"HTTP/1.1 200 OK\r\n",
            b"X-Much: " + b"y" * 60_000 + b"\r\n",
        ),
    ],
    ids=["length", "endless chunks", "endless headers"],
)
async def test_the_body_is_capped(client: HttpClient, answer: Answer) -> None:
    async with serve(answer) as server:
        got = failure(await client.get(server.url, {}, deadline_seconds=5, cap_bytes=1000))
    assert got.kind in (FailureKind.MALFORMED, FailureKind.NOT_THE_SERVICE)
    assert "within" not in failure_text(got)  # the cap ended it, not the deadline


async def test_a_body_of_exactly_the_cap_is_taken(client: HttpClient) -> None:
    async with serve(reply(200, b"x" * 1000)) as server:
        got = await client.get(server.url, {}, deadline_seconds=5, cap_bytes=1000)
    assert isinstance(got, Reply)
    assert len(got.body) == 1000


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip", "gzip, gzip", "x-unknown"])
async def test_a_compressed_answer_is_refused_unopened(client: HttpClient, encoding: str) -> None:
    bomb = gzip.compress(bytes(50_000_000), 1)[:900_000]
    async with serve(reply(200, bomb, Content_Encoding=encoding)) as server:
        got = failure(await client.get(server.url, {}, deadline_seconds=5))
    assert got.kind is FailureKind.MALFORMED
    assert "compressed" in failure_text(got)


async def test_an_error_keeps_its_status_when_its_body_is_refused(client: HttpClient) -> None:
    async with serve(reply(429, gzip.compress(b"{}"), Content_Encoding="gzip", Retry_After="9")) as server:
        got = await client.get(server.url, {}, deadline_seconds=5)
    assert isinstance(got, Reply)
    assert (got.status, got.body, got.body_refused, got.headers["retry-after"]) == (429, b"", True, "9")


async def test_identity_is_no_encoding(client: HttpClient) -> None:
    async with serve(reply(200, b"{}", Content_Encoding="identity")) as server:
        got = await client.get(server.url, {}, deadline_seconds=5)
    assert isinstance(got, Reply)
    assert got.body == b"{}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(client: HttpClient, status: int) -> None:
    async with serve(reply()) as elsewhere:
        target = f"http://user:pass@127.0.0.1:{elsewhere.port}/x?code=hidden"
        async with serve(reply(status, Location=target)) as server:
            got = failure(
                await client.get(
                    f"{server.url}/y?secret=z", {"Authorization": Secret(TOKEN)}, deadline_seconds=5
                )
            )
    assert elsewhere.connections == 0
    assert (got.kind, got.detail) == (FailureKind.NOT_THE_SERVICE, "127.0.0.1")
    assert failure_text(got) == "localhost redirects to 127.0.0.1; not followed"


async def test_nobody_listening_is_refused(client: HttpClient) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    got = failure(await client.get(f"http://127.0.0.1:{port}/a?token=x", {}, deadline_seconds=5))
    assert (got.kind, got.detail) == (FailureKind.UNREACHABLE, "127.0.0.1")
    assert failure_text(got) == f"127.0.0.1:{port} refused the connection"


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (hang_up, FailureKind.UNREACHABLE, "closed the connection without an answer"),
        (_reset, FailureKind.UNREACHABLE, "closed the connection without an answer"),
        (
            cut(b"HTTP/1.1 200 OK\r\nContent-Le"),
            FailureKind.UNREACHABLE,
            "closed the connection without an answer",
        ),
        (cut(reply(200, b"x" * 50)[:-10]), FailureKind.UNREACHABLE, "closed the connection in the middle"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", FailureKind.NOT_THE_SERVICE, "does not answer in HTTP"),
    ],
    ids=["hang up", "reset", "cut head", "cut body", "ssh"],
)
async def test_broken_exchanges_are_named(
    client: HttpClient, answer: Answer, kind: FailureKind, words: str
) -> None:
    async with serve(answer) as server:
        got = failure(await client.get(server.url, {}, deadline_seconds=5))
    assert got.kind is kind
    assert words in failure_text(got)
    assert len(server.requests) == 1


async def test_proxies_and_netrc_of_the_environment_mean_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(reply()) as proxy, serve(reply()) as server:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        netrc = Path.home() / ".netrc"
        netrc.write_text("machine localhost login somebody password fake\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        got = await HttpClient(env=dict(os.environ)).get(server.url, {}, deadline_seconds=5)
    assert isinstance(got, Reply)
    assert proxy.connections == 0
    assert "authorization" not in server.requests[0].lower()


@pytest.mark.parametrize("bad", [f"{TOKEN}\r\nX-Injected: 1", f"{TOKEN}é", "", f"{TOKEN}\0", f" {TOKEN}"])
async def test_a_header_that_cannot_be_sent_is_not_sent_and_not_shown(client: HttpClient, bad: str) -> None:
    async with serve(reply()) as server:
        got = failure(await client.get(server.url, {"Authorization": Secret(bad)}, deadline_seconds=5))
        posted = await client.post(server.url, {"X-Key": Secret(bad)}, b"", deadline_seconds=5)
    assert server.connections == 0
    assert (
        failure_text(got) == "the header Authorization has characters that cannot be sent; nothing was sent"
    )
    assert isinstance(posted, NotSent)


@pytest.mark.parametrize(
    "url",
    ["ftp://localhost/x", "http://", "localhost", "http://[::1", "http://a\x00b/", "http://u:p@localhost/"],
)
async def test_an_address_that_is_none_is_a_failure(client: HttpClient, url: str) -> None:
    got = failure(await client.get(url, {}, deadline_seconds=5))
    assert failure_text(got) == "the configured address is not valid; nothing was sent"


async def test_a_post_is_answered(client: HttpClient) -> None:
    async with serve(reply(400, b'{"error": "x"}')) as server:
        got = await client.post(
            server.url,
            {"Content-Type": "application/json"},
            lambda: b'{"refresh_token": "fake"}',
            deadline_seconds=5,
        )
    assert isinstance(got, Reply)
    assert (got.status, got.body) == (400, b'{"error": "x"}')
    assert server.bodies == [b'{"refresh_token": "fake"}']
    assert server.requests[0].startswith("POST / HTTP/1.1")


async def test_a_post_is_not_sent_elsewhere(client: HttpClient) -> None:
    async with serve(reply()) as elsewhere, serve(reply(307, Location=elsewhere.url)) as server:
        got = await client.post(server.url, {}, b"fake", deadline_seconds=5)
    assert isinstance(got, Reply)
    assert got.status == 307
    assert elsewhere.connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        silence,
        hang_up,
        cut(reply(200, b"x" * 50)[:-1]),
        reply(200, gzip.compress(b"{}"), Content_Encoding="gzip"),
        reply(400, gzip.compress(b"{}"), Content_Encoding="gzip"),
        reply(200, b"x" * 200),
        b"garbage\r\n\r\n",
    ],
    ids=["silence", "hang up", "cut", "gzip", "gzip error", "too large", "garbage"],
)
async def test_a_post_without_a_readable_answer_is_lost_and_never_repeated(
    client: HttpClient, answer: Answer
) -> None:
    async with serve(answer) as server:
        got = await client.post(server.url, {}, b"fake", deadline_seconds=0.3, cap_bytes=100)
        assert isinstance(got, Lost)
        assert len(server.requests) == 1


async def test_a_post_nobody_took_was_not_sent(client: HttpClient) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    got = await client.post(f"http://127.0.0.1:{port}/", {}, b"fake", deadline_seconds=5)
    assert isinstance(got, NotSent)
    assert failure_text(got.failure) == f"127.0.0.1:{port} refused the connection"


async def test_many_requests_at_once_wait_for_each_other(client: HttpClient) -> None:
    async with serve(reply()) as server:
        got = await asyncio.gather(*(client.get(server.url, {}, deadline_seconds=10) for _ in range(60)))
    assert all(isinstance(each, Reply) for each in got)
    assert server.most_at_once <= 32


async def test_a_cancelled_request_leaves_the_client_usable(client: HttpClient) -> None:
    async with serve(silence, reply()) as server:
        task = asyncio.create_task(client.get(server.url, {}, deadline_seconds=30))
        await server.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert isinstance(await client.get(server.url, {}, deadline_seconds=5), Reply)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fri, 20 Nov 2026 21:00:00 GMT", datetime(2026, 11, 20, 21, tzinfo=UTC)),
        ("Fri, 20 Nov 2026 22:00:00 +0100", datetime(2026, 11, 20, 21, tzinfo=UTC)),
        ("Fri, 20 Nov 2026 21:00:00 -0000", datetime(2026, 11, 20, 21, tzinfo=UTC)),
        ("yesterday", None),
        ("Fri, 99 Nov 2026 21:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_http_dates(text: str | None, expected: datetime | None) -> None:
    assert http_date(text) == expected


_FIRST, _LAST = datetime(1970, 1, 2), datetime(2199, 12, 31)  # noqa: DTZ001 - the strategy wants them naive


@given(st.datetimes(_FIRST, _LAST, timezones=st.just(UTC)), st.data())
def test_a_date_is_what_the_library_for_mail_takes_it_for(at: datetime, data: st.DataObject) -> None:
    text = format_datetime(at, usegmt=True)
    assert http_date(text) == at.replace(microsecond=0)
    where = data.draw(st.integers(0, len(text) - 1))
    changed = text[:where] + data.draw(st.characters(max_codepoint=0xD7FF)) + text[where + 1 :]
    try:
        told = parsedate_to_datetime(changed)
    except (ValueError, TypeError, IndexError, OverflowError):
        assert http_date(changed) is None
    else:
        at = told if told.tzinfo is not None else told.replace(tzinfo=UTC)
        assert http_date(changed) == (at if 1970 < at.year < 2200 else None)


@pytest.mark.parametrize(
    ("server_seconds", "elapsed", "offset"),
    [(0, 0.2, 0.0), (1, 0.2, 0.0), (-1, 1.0, 0.0), (3600, 0.0, 3600.5), (-7200, 2.0, -7200.5), (2, 0.0, 2.5)],
)
def test_the_clock_offset_is_what_travel_does_not_explain(
    server_seconds: int, elapsed: float, offset: float
) -> None:
    at = datetime(2026, 11, 20, 21, tzinfo=UTC)
    assert clock_offset(at + timedelta(seconds=server_seconds), at, elapsed) == timedelta(seconds=offset)
