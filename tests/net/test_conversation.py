"""What a peer may do while it is asked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import Lost, NotSent, Reply
from poolwatch.words.messages import failure_text
from tests.net.script import Script, reply, silence

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def client() -> HttpClient:
    return HttpClient()


async def test_an_answer_may_come_in_single_bytes_and_in_chunks(client: HttpClient) -> None:
    async def crumbs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n":
            writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async with Script([crumbs]) as server:
        got = await client.get(server.url, {}, deadline_seconds=5)
    assert isinstance(got, Reply)
    assert got.body == b"abc"


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


@asynccontextmanager
async def _serving(peer: Peer, rcvbuf: int | None = None) -> AsyncIterator[int]:
    """The port of a server; its connections are over when this is left."""
    sock = socket.socket()
    if rcvbuf is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    sock.bind(("127.0.0.1", 0))
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await peer(reader, writer)
        writer.transport.abort()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(one(reader, writer)))

    async with await asyncio.start_server(begin, sock=sock, limit=1024) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*tasks)
        await asyncio.sleep(0)


async def test_a_peer_that_takes_no_more_is_told_apart_from_one_that_does_not_answer(
    client: HttpClient,
) -> None:
    release = asyncio.Event()

    async def stuffed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()

    async with _serving(stuffed, rcvbuf=4096) as port:
        got = await client.post(f"http://127.0.0.1:{port}/", {}, bytes(16_000_000), deadline_seconds=0.4)
        release.set()
    assert isinstance(got, Lost)
    assert failure_text(got.failure) == f"127.0.0.1:{port} did not take the request within 0.4 s"


async def test_a_banner_where_tls_is_expected_is_no_tls_and_nothing_is_sent(client: HttpClient) -> None:
    async def banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n")
        await reader.read()

    async with _serving(banner) as port:
        url = f"https://127.0.0.1:{port}/"
        got = await client.get(url, {}, deadline_seconds=5)
        posted = await client.post(url, {}, b"fake", deadline_seconds=5)
    assert isinstance(got, Failure)
    assert failure_text(got) == f"127.0.0.1:{port} does not agree on TLS 1.2 or newer"
    assert isinstance(posted, NotSent)


async def test_a_handshake_that_hangs_is_named_and_ended_by_the_deadline(client: HttpClient) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with _serving(mute) as port:
        posted = await client.post(f"https://127.0.0.1:{port}/", {}, b"fake", deadline_seconds=0.2)
    assert isinstance(posted, NotSent)
    assert failure_text(posted.failure) == f"127.0.0.1:{port} did not finish the TLS handshake within 0.2 s"


@pytest.mark.parametrize(
    ("path", "target"),
    [("/a b?x=ü", "/a%20b?x=%C3%BC"), ("/x/../y#part", "/y"), ("", "/"), ("/%2e?q", "/%2e?q")],
)
async def test_what_is_asked_stands_in_the_words_of_http(client: HttpClient, path: str, target: str) -> None:
    async with Script([reply()]) as server:
        await client.get(server.url + path, {}, deadline_seconds=5)
    assert server.requests[0].startswith(f"GET {target} HTTP/1.1\r\n")


async def test_who_waits_for_room_has_all_of_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poolwatch.net.client._MOST_AT_ONCE", 1)
    client = HttpClient()
    async with Script([silence, reply(200, b"second")]) as server:
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
