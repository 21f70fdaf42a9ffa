"""Connections that are kept between requests.

The library's own pool looks through all of its connections at every request and every answer; on the twenty
that a poll of many accounts uses, that was most of what a request cost. Its connections speak HTTP here too.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from typing import Final

import httpcore
import httpx

from poolwatch.net.lookup import Resolver
from poolwatch.net.wire import Backend, Progress, Received, TooLargeError, current

#: More connections than this at once are not polite, whatever is configured.
_MOST: Final = 32
_KEPT_SECONDS: Final = 30.0

_Place = tuple[bytes, bytes, int]


class Transport:
    """Sends requests over HTTP/1.1 alone, never through a proxy; use it in one event loop."""

    def __init__(self, tls: ssl.SSLContext, resolver: Resolver) -> None:
        self._tls = tls
        self._backend = Backend(resolver)
        self._slots = asyncio.Semaphore(_MOST)
        self._kept: dict[_Place, list[httpcore.AsyncHTTP11Connection]] = defaultdict(list)

    async def aclose(self) -> None:
        """Close what is kept."""
        kept, self._kept = self._kept, defaultdict(list)
        for connections in kept.values():
            for connection in connections:
                await connection.aclose()

    async def exchange(self, request: httpx.Request, progress: Progress) -> Received:
        """Send one request and read its whole answer.

        Raises:
            TooLargeError: the body is larger than the cap.
            One of BROKEN: there is no complete answer.
        """
        mark = current.set(progress)
        try:
            async with self._slots:
                asked = _in_the_librarys_terms(request)
                place = _place_of(asked.url.origin)
                connection = await self._connection(asked.url.origin, self._kept[place])
                received = await _converse(connection, asked, progress.cap_bytes)
                if connection.is_available():
                    self._kept[place].append(connection)
                return received
        finally:
            current.reset(mark)

    async def _connection(
        self, origin: httpcore.Origin, kept: list[httpcore.AsyncHTTP11Connection]
    ) -> httpcore.AsyncHTTP11Connection:
        while kept:
            connection = kept.pop()
            # a peer that says something unasked says that it hangs up
            if connection.is_available() and not connection.has_expired():
                return connection
            await connection.aclose()
        host = origin.host.decode("ascii")
        stream = await self._backend.connect_tcp(host, origin.port)
        if origin.scheme == b"https":
            stream = await stream.start_tls(self._tls, host)
        return httpcore.AsyncHTTP11Connection(origin, stream, _KEPT_SECONDS)


def _place_of(origin: httpcore.Origin) -> _Place:
    return (origin.scheme, origin.host, origin.port)


def _in_the_librarys_terms(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.content,
    )


async def _converse(
    connection: httpcore.AsyncHTTP11Connection, request: httpcore.Request, cap_bytes: int
) -> Received:
    response = await connection.handle_async_request(request)
    try:
        found = bytearray()
        async for chunk in response.aiter_stream():
            found += chunk
            if len(found) > cap_bytes:
                raise TooLargeError
    finally:
        await response.aclose()
    headers = tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers
    )
    return Received(response.status, headers, bytes(found))
