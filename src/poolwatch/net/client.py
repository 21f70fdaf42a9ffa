"""One client for all requests: total deadlines, byte caps, no redirects, failures as values."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import httpx
from msgspec import Struct

from poolwatch import __version__
from poolwatch.config.settings import DEFAULT_NET, NetSettings
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure
from poolwatch.net.failures import (
    BROKEN,
    Progress,
    TooLargeError,
    bad_address,
    bad_authorities,
    bad_proxy,
    broken_off,
    compressed,
    no_http,
    redirect_refused,
    unsendable,
)
from poolwatch.net.proxy import Proxies, proxies
from poolwatch.net.reach import Reach
from poolwatch.net.reply import Lost, NotSent, Reply, http_date
from poolwatch.net.tls import authorities, tls_context

MEBIBYTE: Final = 1024 * 1024
USER_AGENT: Final = f"poolwatch/{__version__}"

Headers = Mapping[str, str | Secret]

#: More connections than this at once are not polite, whatever is configured.
_MOST_AT_ONCE: Final = 32
_SENDABLE: Final = re.compile(r"[!-~]([ -~]*[!-~])?")
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
#: Seconds for one of several addresses to accept a connection.
_CONNECT_SECONDS: Final = 5.0


class _Ways(Struct, frozen=True):
    """What all connections share."""

    tls: ssl.SSLContext
    proxies: Proxies


class HttpClient:
    """Asks services over HTTP/1.1; use it in one event loop.

    Every request goes out on a client and a connection of its own, which end with it: on a kept one, an
    answer too many would be taken for the next account's. They share what is trusted in TLS.

    `env` is where proxies and certificates may be named. Where many ask at once, some wait before their time
    begins.
    """

    def __init__(self, settings: NetSettings = DEFAULT_NET, env: Mapping[str, str] = _NOTHING) -> None:
        self._settings = settings
        self._env = env
        self._room = asyncio.Semaphore(_MOST_AT_ONCE)
        self._ways: _Ways | None = None
        self._preparing = asyncio.Lock()

    async def ready(self) -> Failure | None:
        """Read what is trusted and the proxy's password, unless that was done; why it cannot be."""
        async with self._preparing:
            if self._ways is None:
                # on a thread: it takes a while, and the screen lives meanwhile
                ways = await asyncio.to_thread(_prepared, self._settings, self._env)
                if isinstance(ways, Failure):
                    return ways
                self._ways = ways
        return None

    async def get(
        self, url: str, headers: Headers, *, deadline_seconds: float, cap_bytes: int = MEBIBYTE
    ) -> Reply | Failure:
        """The answer to a GET within the total deadline from when it is begun, or why there is none.

        A redirect is a failure that names the host it points to; nothing is sent there.
        """
        got = await self._exchange("GET", url, headers, None, deadline_seconds, cap_bytes)
        if not isinstance(got, Reply):
            return got.failure
        if 300 <= got.status < 400:
            return redirect_refused(httpx.URL(url), got.headers.get("location", ""))
        return got

    async def post(
        self,
        url: str,
        headers: Headers,
        body: bytes | Callable[[], bytes],
        *,
        deadline_seconds: float,
        cap_bytes: int = MEBIBYTE,
    ) -> Reply | NotSent | Lost:
        """Send a POST once and say whether it may have left this machine.

        Every complete answer is a Reply, redirects included: they are not followed. `body` may be a function,
        called just before sending, so that a secret lives no longer than needed; the deadline begins there.
        """
        got = await self._exchange("POST", url, headers, body, deadline_seconds, cap_bytes)
        return Lost(compressed(httpx.URL(url))) if isinstance(got, Reply) and got.body_refused else got

    async def deliver(
        self, url: str, headers: Headers, body: bytes, reach: Reach, *, deadline_seconds: float
    ) -> Reply | NotSent | Lost:
        """As `post`, to a URL that somebody typed: only where `reach` lets it go.

        Its name is looked up once, within the deadline, and the connection made to the very address that was
        judged; TLS and the Host header have the name. Of the answer only the head is read: a reply has no
        body here.
        """
        return await self._exchange("POST", url, headers, body, deadline_seconds, 0, reach)

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Headers,
        body: bytes | Callable[[], bytes] | None,
        deadline_seconds: float,
        cap_bytes: int,
        reach: Reach | None = None,
    ) -> Reply | NotSent | Lost:
        async with self._room:
            problem = await self.ready()
            if problem is not None or self._ways is None:
                return NotSent(problem or bad_proxy(needs_socks=False))
            request = _request(method, url, headers, body() if callable(body) else body)
            if isinstance(request, Failure):
                return NotSent(request)
            proxy = self._ways.proxies.towards(request.url)
            progress = Progress(request.url, proxy)
            request.extensions["trace"] = progress.trace
            try:
                client = httpx.AsyncClient(
                    verify=self._ways.tls,
                    proxy=proxy,
                    trust_env=False,
                    timeout=None,  # noqa: S113 - the deadline below is total
                )
            except ImportError:
                return NotSent(bad_proxy(needs_socks=True))
            started = asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(deadline_seconds):
                    requests = (request,) if reach is None else await _bounded(request, reach, proxy)
                    if isinstance(requests, Failure):
                        return NotSent(requests)
                    response = await _first_answer(client, requests, progress)
                    content = b"" if reach is not None else await _content(response, cap_bytes)
            except BROKEN as error:
                failure = broken_off(error, progress, deadline_seconds, cap_bytes)
                return Lost(failure) if progress.is_sent else NotSent(failure)
            finally:
                await progress.hang_up()
                await client.aclose()
        if response.status_code < 200:
            return Lost(no_http(progress))
        if content is None and response.is_success:
            return Lost(compressed(request.url))
        fields: dict[str, str] = {}
        for name, value in response.headers.raw:
            fields.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
        elapsed = asyncio.get_running_loop().time() - started
        date = http_date(fields.get("date"))
        return Reply(response.status_code, fields, content or b"", date, elapsed, content is None)


def _prepared(settings: NetSettings, env: Mapping[str, str]) -> _Ways | Failure:
    trusted = authorities(settings, env)
    try:
        tls = tls_context(trusted)
    except OSError:
        return bad_authorities(trusted.origin, trusted.place)
    try:
        return _Ways(tls, proxies(settings, env, tls))
    except (httpx.InvalidURL, OSError, ValueError):
        return bad_proxy(needs_socks=False)


def _request(method: str, url: str, headers: Headers, body: bytes | None) -> httpx.Request | Failure:
    """The request, or why it cannot be sent: a header holds what none may, or the address is none."""
    sent = {
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
        **{name: each.reveal() if isinstance(each, Secret) else each for name, each in headers.items()},
    }
    for name, value in sent.items():
        if not _SENDABLE.fullmatch(value):
            return unsendable(name)
    try:
        request = httpx.Request(method, url, headers=sent, content=body)
    except (httpx.InvalidURL, ValueError):
        return bad_address()
    if request.url.scheme not in ("http", "https") or not request.url.host or request.url.userinfo:
        return bad_address()
    return request


async def _bounded(
    request: httpx.Request, reach: Reach, proxy: httpx.Proxy | None
) -> tuple[httpx.Request, ...] | Failure:
    """The request to each address that it may go to; through a proxy as it is. Raises OSError."""
    if proxy is not None:
        return reach.refuses(request.url) or (request,)
    found = await reach.addresses(request.url)
    if isinstance(found, Failure):
        return found
    extensions = {**request.extensions, "sni_hostname": request.url.raw_host.decode("ascii")}
    if len(found) > 1:
        extensions["timeout"] = {"connect": _CONNECT_SECONDS}
    # the Host header stays that of the name
    return tuple(
        httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            content=request.content,
            extensions=dict(extensions),
        )
        for address in found
    )


async def _first_answer(
    client: httpx.AsyncClient, requests: Sequence[httpx.Request], progress: Progress
) -> httpx.Response:
    """The answer of the first address to which there is a connection."""
    for request in requests[:-1]:
        try:
            return await client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            await progress.begin_anew()
    return await client.send(requests[-1], stream=True)


async def _content(response: httpx.Response, cap_bytes: int) -> bytes | None:
    """The body as it came; None where it has an encoding that nobody asked for."""
    encodings = response.headers.get("content-encoding", "").split(",")
    if any(word.strip().lower() not in ("", "identity") for word in encodings):
        await response.aclose()
        return None
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > cap_bytes:
            raise TooLargeError
    return bytes(content)
