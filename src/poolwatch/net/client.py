"""One client for all requests: total deadlines, byte caps, no redirects, failures as values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from poolwatch.domain.failure import Failure
from poolwatch.net.broken import broken_off, compressed, redirect_refused
from poolwatch.net.headers import Headers
from poolwatch.net.lookup import Lookup, Resolver, system_lookup
from poolwatch.net.progress import Progress, TooLargeError
from poolwatch.net.reply import Lost, NotSent, Reply, http_date

if TYPE_CHECKING:
    import ssl

    from poolwatch.net.connections import Transport
    from poolwatch.net.conversation import Received
    from poolwatch.net.request import Request

MEBIBYTE: Final = 1024 * 1024
#: More connections than this at once are not polite, whatever is configured.
_MOST_AT_ONCE: Final = 32


class _Parts(Struct, frozen=True):
    """What an open client works with."""

    transport: Transport
    resolver: Resolver
    tls: ssl.SSLContext


def load_http() -> None:
    """Load what speaks HTTP."""
    import_module("poolwatch.net.connections")


class HttpClient:
    """Asks services over HTTP/1.1. Use it as an async context manager, in one event loop.

    `ca_file` replaces the built-in certificate authorities, `lookup` the system's name lookup. Of more
    requests than `at_once` the others wait, before their time begins. What speaks HTTP is loaded for the
    first request, or by `ready`.
    """

    def __init__(
        self, *, ca_file: Path | None = None, lookup: Lookup | None = None, at_once: int | None = None
    ) -> None:
        self._ca_file = ca_file
        self._lookup = lookup
        self._room = asyncio.Semaphore(min(at_once or _MOST_AT_ONCE, _MOST_AT_ONCE))
        self._is_open = False
        self._parts: _Parts | None = None
        self._preparing: asyncio.Task[_Parts] | None = None

    async def __aenter__(self) -> HttpClient:
        self._is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        parts, self._parts = self._parts, None
        self._is_open = False
        if parts is not None:
            await parts.transport.aclose()

    async def ready(self) -> None:
        """Load what a request needs, unless that was done: no request's time is told with it."""
        await self._open_parts()

    async def _open_parts(self) -> _Parts:
        if not self._is_open:
            raise RuntimeError("the client is not open: use it with `async with`")
        if self._parts is None:
            if self._preparing is None or _has_failed(self._preparing):
                # on a thread: it takes a while, and the screen lives meanwhile
                self._preparing = asyncio.create_task(asyncio.to_thread(self._prepare))
            # cancelling one request does not take it from the others
            self._parts = await asyncio.shield(self._preparing)
        return self._parts

    def _prepare(self) -> _Parts:
        from poolwatch.net.tls import tls_context

        # the authorities are read outside the interpreter's lock: both are loaded at once
        with ThreadPoolExecutor(1, "tls") as beside:
            reading = beside.submit(tls_context, self._ca_file)
            load_http()
            tls = reading.result()
        from poolwatch.net.connections import Transport

        resolver = Resolver(self._lookup or system_lookup)
        return _Parts(Transport(tls, resolver), resolver, tls)

    async def get(
        self, url: str, headers: Headers, *, deadline_seconds: float, cap_bytes: int = MEBIBYTE
    ) -> Reply | Failure:
        """The answer to a GET within the total deadline from when it is begun, or why there is none.

        A connection kept from before that turns out to be closed is replaced, once. A redirect is a failure
        that names the host it points to; nothing is sent there.
        """
        parts = await self._open_parts()
        from poolwatch.net.request import request_of

        request = request_of("GET", url, headers)
        if isinstance(request, Failure):
            return request
        async with self._room:
            got = await _got(parts.transport, request, deadline_seconds, cap_bytes)
        # who waited for the room sends first; what came is read while that is on its way
        await asyncio.sleep(0)
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
        """Send a POST once, on a connection of its own, and say whether it may have left this machine.

        Every complete answer is a Reply, redirects included: they are not followed. `body` may be a function,
        called just before sending, so that a secret lives no longer than needed; the deadline begins there.
        """
        parts = await self._open_parts()
        from poolwatch.net.request import request_of

        async with self._room:
            request = request_of("POST", url, headers, body if isinstance(body, bytes) else body())
            if isinstance(request, Failure):
                return NotSent(request)
            return await _posted(parts, request, deadline_seconds, cap_bytes)


def _has_failed(task: asyncio.Task[_Parts]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _got(
    transport: Transport, request: Request, deadline_seconds: float, cap_bytes: int
) -> Reply | Failure:
    from poolwatch.net.conversation import BROKEN

    started = asyncio.get_running_loop().time()
    progress = Progress(cap_bytes)
    try:
        async with asyncio.timeout(deadline_seconds):
            try:
                received = await transport.exchange(request, progress)
            except BROKEN:
                if not progress.met_a_closed_connection:
                    raise
                progress = Progress(cap_bytes)
                received = await transport.exchange(request, progress)
    except (TooLargeError, *BROKEN) as error:
        return broken_off(error, request, progress, deadline_seconds)
    reply = _reply(received, request, asyncio.get_running_loop().time() - started)
    if isinstance(reply, Reply) and 300 <= reply.status < 400:
        return redirect_refused(request, reply.headers.get("location", ""))
    return reply


async def _posted(
    parts: _Parts, request: Request, deadline_seconds: float, cap_bytes: int
) -> Reply | NotSent | Lost:
    from poolwatch.net.connections import Transport
    from poolwatch.net.conversation import BROKEN

    started = asyncio.get_running_loop().time()
    progress = Progress(cap_bytes)
    # a connection of its own: on a kept one, a peer that hung up looks like a request that was lost
    transport = Transport(parts.tls, parts.resolver)
    try:
        async with asyncio.timeout(deadline_seconds):
            received = await transport.exchange(request, progress)
    except (TooLargeError, *BROKEN) as error:
        failure = broken_off(error, request, progress, deadline_seconds)
        return Lost(failure) if progress.written else NotSent(failure)
    finally:
        await transport.aclose()
    reply = _reply(received, request, asyncio.get_running_loop().time() - started)
    if isinstance(reply, Failure):
        return Lost(reply)
    if reply.body_refused:
        return Lost(compressed(request.address.host))
    return reply


def _reply(received: Received, request: Request, elapsed: float) -> Reply | Failure:
    headers: dict[str, str] = {}
    for name, value in received.headers:
        headers.setdefault(name, value)
    encoding = ",".join(value for name, value in received.headers if name == "content-encoding")
    refused = any(word.strip().lower() not in ("", "identity") for word in encoding.split(","))
    if refused and 200 <= received.status < 300:
        return compressed(request.address.host)
    body = b"" if refused else received.body
    return Reply(received.status, headers, body, http_date(headers.get("date")), elapsed, refused)
