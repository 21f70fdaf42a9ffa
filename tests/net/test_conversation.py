"""What a peer may do between requests, and while it is asked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import Lost, NotSent, Reply
from poolwatch.net.request import Request, request_of
from poolwatch.words.messages import failure_text
from tests.net.script import Answer, Script, Step, reply, silence

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient() as opened:
        yield opened


def and_then(answer: bytes, extra: bytes) -> Step:
    async def step(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer + extra)
        await writer.drain()

    return step


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b"{}", Connection="close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        and_then(reply(), b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"),
        and_then(reply(), b"surplus"),
    ],
    ids=["close", "http/1.0", "says that it hangs up", "more than it announced"],
)
async def test_a_connection_that_is_over_is_not_used_again(client: HttpClient, answer: Answer) -> None:
    async with Script([answer, reply(200, b"second")]) as server:
        first = await client.get(server.url, {}, deadline_seconds=5)
        again = await client.get(server.url, {}, deadline_seconds=5)
    assert isinstance(first, Reply)
    assert first.body == b"{}"
    assert isinstance(again, Reply)
    assert again.body == b"second"
    assert server.connections == 2


async def test_an_answer_may_come_in_single_bytes_and_in_chunks(client: HttpClient) -> None:
    async def crumbs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n":
            writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async with Script([crumbs, reply()]) as server:
        got = await client.get(server.url, {}, deadline_seconds=5)
        await client.get(server.url, {}, deadline_seconds=5)
    assert isinstance(got, Reply)
    assert got.body == b"abc"
    assert server.connections == 1


async def test_an_answer_without_a_length_ends_with_the_connection(client: HttpClient) -> None:
    async def until_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        writer.close()

    async with Script([until_the_end]) as server:
        got = await client.get(server.url, {}, deadline_seconds=5)
    assert isinstance(got, Reply)
    assert got.body == b"all of it"


async def test_news_before_the_answer_are_passed_over(client: HttpClient) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    async with Script([early + reply(200, b"late")]) as server:
        got = await client.get(server.url, {}, deadline_seconds=5)
    assert isinstance(got, Reply)
    assert (got.status, got.body) == (200, b"late")


async def test_a_peer_that_wants_to_speak_something_else_speaks_no_http(client: HttpClient) -> None:
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"
    async with Script([switch]) as server:
        got = await client.get(server.url, {}, deadline_seconds=5)
    assert isinstance(got, Failure)
    assert got.kind is FailureKind.NOT_THE_SERVICE


async def _serving(peer: Peer, rcvbuf: int | None = None) -> asyncio.Server:
    sock = socket.socket()
    if rcvbuf is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    sock.bind(("127.0.0.1", 0))
    return await asyncio.start_server(peer, sock=sock, limit=1024)


async def test_a_peer_that_takes_no_more_is_told_apart_from_one_that_does_not_answer(
    client: HttpClient,
) -> None:
    release = asyncio.Event()

    async def stuffed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    server = await _serving(stuffed, rcvbuf=4096)
    port = server.sockets[0].getsockname()[1]
    try:
        got = await client.post(f"http://127.0.0.1:{port}/", {}, bytes(16_000_000), deadline_seconds=0.4)
    finally:
        release.set()
        server.close()
    assert isinstance(got, Lost)
    assert failure_text(got.failure) == f"127.0.0.1:{port} did not take the request within 0.4 s"


async def test_a_banner_where_tls_is_expected_is_no_tls_and_nothing_is_sent() -> None:
    async def banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n")
        await reader.read()
        writer.close()

    server = await _serving(banner)
    port = server.sockets[0].getsockname()[1]
    try:
        async with HttpClient() as client:
            url = f"https://127.0.0.1:{port}/"
            got = await client.get(url, {}, deadline_seconds=5)
            posted = await client.post(url, {}, b"fake", deadline_seconds=5)
    finally:
        server.close()
    assert isinstance(got, Failure)
    assert failure_text(got) == f"127.0.0.1:{port} does not agree on TLS 1.2 or newer"
    assert isinstance(posted, NotSent)


async def test_a_handshake_that_hangs_is_named_and_ended_by_the_deadline() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await _serving(mute)
    port = server.sockets[0].getsockname()[1]
    try:
        async with HttpClient() as client:
            posted = await client.post(f"https://127.0.0.1:{port}/", {}, b"fake", deadline_seconds=0.2)
    finally:
        server.close()
    assert isinstance(posted, NotSent)
    assert failure_text(posted.failure) == f"127.0.0.1:{port} did not finish the TLS handshake within 0.2 s"


async def test_a_peer_that_hangs_up_while_idle_costs_no_request(client: HttpClient) -> None:
    ended = asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply())
        await writer.drain()
        writer.close()
        ended.set()

    server = await _serving(once)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        for _ in range(3):
            assert isinstance(await client.get(url, {}, deadline_seconds=5), Reply)
            await ended.wait()
            ended.clear()
    finally:
        server.close()


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("http://127.0.0.1:8080/a b?x=ü", "127.0.0.1:8080", b"/a%20b?x=%C3%BC"),
        ("https://user:pw@pool.example.com:443/x#part", "pool.example.com", b"/x"),
        ("https://bücher.example.com", "xn--bcher-kva.example.com", b"/"),
        ("http://[::1]:9/", "[::1]:9", b"/"),
    ],
)
def test_what_is_asked_stands_in_the_words_of_http(url: str, host: str, target: bytes) -> None:
    request = request_of("GET", url, {})
    assert isinstance(request, Request)
    assert request.headers["Host"] == host
    assert request.address.target == target


def test_a_request_tells_nothing_of_what_it_carries() -> None:
    request = request_of(
        "POST", "https://pool.example.com/?key=fake-key", {"Authorization": Secret("fake")}, b"fake-body"
    )
    assert repr(request) == "Request(method='POST')"


async def test_who_waits_for_room_has_all_of_its_own_time() -> None:
    async with Script([silence, reply(200, b"second")]) as server, HttpClient(at_once=1) as client:
        first = asyncio.create_task(client.get(server.url, {}, deadline_seconds=0.3))
        await server.asked.wait()
        second = asyncio.create_task(client.get(server.url, {}, deadline_seconds=0.3))
        ended, _ = await asyncio.wait((first, second), return_when=asyncio.FIRST_COMPLETED)
        assert ended == {first}
        assert len(server.requests) == 1
        got = await second
    assert isinstance(first.result(), Failure)
    assert isinstance(got, Reply)
    assert got.body == b"second"
