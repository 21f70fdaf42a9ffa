"""Proxies: what goes through them, how they are asked, and what their failures are called."""

from __future__ import annotations

import asyncio
import base64
import shutil
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from poolwatch.config.settings import NetSettings
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import Lost, NotSent, Reply
from poolwatch.words.messages import failure_text
from tests.net.certificates import certificates as made
from tests.net.script import Answer, Script, hang_up, reply, silence

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificates with openssl")

PASSWORD = "fake:pass wörd"
URL = "https://pool.example.com/usage"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("tls"))


def tls(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


@dataclass
class ProxyServer:
    """Connects everybody who asks to the same place, whatever the name."""

    to: int
    tls: ssl.SSLContext | None = None
    refusal: bytes = b""
    asked: list[str] = field(default_factory=list)
    port: int = 0

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if self.refusal:
            writer.write(self.refusal)
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await self.relay(reader, writer)

    async def socks5(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        if self.refusal:
            writer.write(b"\x05\xff")
            return
        writer.write(b"\x05" + (b"\x02" if 2 in methods else b"\x00"))
        if 2 in methods:
            _, size = await reader.readexactly(2)
            user = await reader.readexactly(size)
            password = await reader.readexactly((await reader.readexactly(1))[0])
            self.asked.append(f"{user.decode()} {password.decode()}")
            writer.write(b"\x01\x00")
        _, _, _, kind, size = await reader.readexactly(5)
        assert kind == 3  # a name: the proxy looks it up
        self.asked.append((await reader.readexactly(size)).decode())
        await reader.readexactly(2)
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        await self.relay(reader, writer)

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.to)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, back), pump(there, writer))


@asynccontextmanager
async def listening(
    server: ProxyServer, speak: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> AsyncIterator[ProxyServer]:
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await speak(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(one(reader, writer)))

    async with await asyncio.start_server(begin, "127.0.0.1", 0, ssl=server.tls) as listener:
        server.port = listener.sockets[0].getsockname()[1]
        yield server
        await asyncio.gather(*tasks)
        await asyncio.sleep(0)


def asking(folder: Path, proxy: str, **settings: str) -> HttpClient:
    ca_file = str(folder / "both.pem")
    return HttpClient(NetSettings(proxy=proxy, ca_file=ca_file, **settings), {"PROXY_WORD": PASSWORD})


async def test_https_goes_through_an_http_proxy_by_connect(certificates: Path) -> None:
    async with (
        Script([reply()], tls=tls(certificates, "wrong")) as server,
        listening(proxy := ProxyServer(server.port), proxy.http),
    ):
        client = asking(certificates, f"http://localhost:{proxy.port}")
        got = await client.get(URL, {"Authorization": "Bearer fake"}, deadline_seconds=5)
        posted = await client.post(URL, {}, b"fake", deadline_seconds=5)
    assert isinstance(got, Reply)
    assert isinstance(posted, Reply)
    assert len(proxy.asked) == 2
    assert proxy.asked[0].startswith("CONNECT pool.example.com:443 HTTP/1.1\r\n")
    assert "authorization" not in proxy.asked[0].lower()
    assert "Bearer fake" in server.requests[0]


@pytest.mark.parametrize("by", ["file", "variable"])
async def test_a_proxy_is_told_its_password(certificates: Path, tmp_path: Path, by: str) -> None:
    file = tmp_path / "word"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    settings = {"proxy_password_file": str(file)} if by == "file" else {"proxy_password_env": "PROXY_WORD"}
    async with (
        Script([reply()], tls=tls(certificates, "wrong")) as server,
        listening(proxy := ProxyServer(server.port), proxy.http),
    ):
        client = asking(certificates, f"http://ann@localhost:{proxy.port}", **settings)
        assert isinstance(await client.get(URL, {}, deadline_seconds=5), Reply)
    word = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
    assert f"Proxy-Authorization: Basic {word}" in proxy.asked[0]
    assert "proxy-authorization" not in server.requests[0].lower()


async def test_a_proxy_may_speak_tls_itself(certificates: Path) -> None:
    async with (
        Script([reply()], tls=tls(certificates, "wrong")) as server,
        listening(proxy := ProxyServer(server.port, tls(certificates, "right")), proxy.http),
    ):
        client = asking(certificates, f"https://localhost:{proxy.port}")
        assert isinstance(await client.get(URL, {}, deadline_seconds=5), Reply)
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("user", ["", "ann@"])
async def test_a_socks5_proxy(certificates: Path, user: str) -> None:
    async with (
        Script([reply()], tls=tls(certificates, "wrong")) as server,
        listening(proxy := ProxyServer(server.port), proxy.socks5),
    ):
        settings = {"proxy_password_env": "PROXY_WORD"} if user else {}
        client = asking(certificates, f"socks5://{user}localhost:{proxy.port}", **settings)
        assert isinstance(await client.get(URL, {}, deadline_seconds=5), Reply)
        assert isinstance(await client.post(URL, {}, b"fake", deadline_seconds=5), Reply)
    assert proxy.asked == [*([f"ann {PASSWORD}"] if user else []), "pool.example.com"] * 2


async def test_without_its_library_a_socks5_proxy_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    client = HttpClient(NetSettings(proxy="socks5://localhost:9"))
    got = await client.get(URL, {}, deadline_seconds=5)
    assert isinstance(got, Failure)
    assert "pip install 'poolwatch[socks]'" in failure_text(got)
    assert isinstance(await client.post(URL, {}, b"fake", deadline_seconds=5), NotSent)


async def test_plain_http_and_this_machine_are_asked_without_a_proxy(certificates: Path) -> None:
    async with (
        Script([reply()], tls=tls(certificates, "right")) as server,
        Script([reply()]) as plain,
        Script([reply()]) as proxy,
    ):
        client = asking(certificates, proxy.url)
        assert isinstance(await client.get(server.url, {}, deadline_seconds=5), Reply)
        assert isinstance(await client.get(plain.url, {}, deadline_seconds=5), Reply)
    assert proxy.connections == 0


@pytest.mark.parametrize(
    ("env", "uses"),
    [
        ({"HTTPS_PROXY": "http://localhost:{port}"}, True),
        ({"https_proxy": "localhost:{port}"}, True),
        ({"HTTPS_PROXY": "http://localhost:{port}", "NO_PROXY": "other.example.com"}, True),
        ({"HTTPS_PROXY": "http://localhost:{port}", "no_proxy": "other,.example.com"}, False),
        ({"HTTPS_PROXY": "http://localhost:{port}", "NO_PROXY": "*"}, False),
        ({"HTTP_PROXY": "http://localhost:{port}"}, False),
        ({}, False),
    ],
)
async def test_the_environments_proxy_and_its_exceptions(
    certificates: Path, env: dict[str, str], uses: bool
) -> None:
    async with (
        Script([reply()], tls=tls(certificates, "wrong")) as server,
        listening(proxy := ProxyServer(server.port), proxy.http),
    ):
        given = {name: value.format(port=proxy.port) for name, value in env.items()}
        settings = NetSettings(proxy="env", ca_file=str(certificates / "both.pem"))
        await HttpClient(settings, given).get(URL, {}, deadline_seconds=1)
        # not asked for
        await HttpClient(env=given).get(URL, {}, deadline_seconds=1)
    assert len(proxy.asked) == uses


@pytest.mark.parametrize(
    ("scheme", "refusal", "words"),
    [
        (
            "http",
            b"HTTP/1.1 407 no\r\nContent-Length: 0\r\n\r\n",
            "refused to open a connection (407)",
        ),
        ("http", b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", "refused to open a connection (502)"),
        ("http", b"SSH-2.0-x\r\n\r\n", "does not answer in HTTP"),
        ("socks5", b"no", "refused to open a connection"),
    ],
)
async def test_a_proxy_that_refuses_is_named_and_nothing_was_sent(
    certificates: Path, scheme: str, refusal: bytes, words: str
) -> None:
    proxy = ProxyServer(0, refusal=refusal)
    async with listening(proxy, proxy.http if scheme == "http" else proxy.socks5):
        client = asking(certificates, f"{scheme}://localhost:{proxy.port}")
        posted = await client.post(URL, {}, b"fake", deadline_seconds=5)
    assert isinstance(posted, NotSent)
    assert failure_text(posted.failure) == f"the proxy localhost:{proxy.port} {words}"
    assert posted.failure.detail == "pool.example.com"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (silence, "did not open a connection within 0.3 s"),
        (hang_up, "closed the connection without an answer"),
        (None, "refused the connection"),
    ],
)
async def test_a_proxy_that_is_down_is_named_and_nothing_was_sent(
    certificates: Path, answer: Answer | None, words: str
) -> None:
    async with Script([answer or reply()]) as proxy:
        port = proxy.port
        if answer is not None:
            posted = await asking(certificates, proxy.url).post(URL, {}, b"fake", deadline_seconds=0.3)
    if answer is None:
        posted = await asking(certificates, proxy.url).post(URL, {}, b"fake", deadline_seconds=2)
    assert isinstance(posted, NotSent)
    assert posted.failure.kind is FailureKind.UNREACHABLE
    assert failure_text(posted.failure) == f"the proxy localhost:{port} {words}"


async def test_behind_a_proxy_a_request_without_an_answer_is_lost(certificates: Path) -> None:
    async with (
        Script([hang_up], tls=tls(certificates, "wrong")) as server,
        listening(proxy := ProxyServer(server.port), proxy.http),
    ):
        client = asking(certificates, f"http://localhost:{proxy.port}")
        posted = await client.post(URL, {}, b"fake", deadline_seconds=5)
    assert isinstance(posted, Lost)
    assert failure_text(posted.failure) == "pool.example.com closed the connection without an answer"


async def test_behind_a_proxy_a_certificate_is_the_services_own(certificates: Path) -> None:
    async with (
        Script([reply()], tls=tls(certificates, "right")) as server,
        listening(proxy := ProxyServer(server.port), proxy.http),
    ):
        client = asking(certificates, f"http://localhost:{proxy.port}")
        posted = await client.post(URL, {}, b"fake", deadline_seconds=5)
    assert isinstance(posted, NotSent)
    assert failure_text(posted.failure).startswith("pool.example.com has a TLS certificate that is not valid")


async def test_a_password_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    settings = NetSettings(proxy="http://ann@localhost:9", proxy_password_file=str(tmp_path / "none"))
    got = await HttpClient(settings).get(URL, {}, deadline_seconds=5)
    assert isinstance(got, Failure)
    assert "the proxy or its password cannot be used" in failure_text(got)
