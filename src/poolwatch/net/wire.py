"""Sockets, TLS and byte counts under the HTTP connections.

Of the HTTP library its requests and its sockets are used, without its client and its pool: there are no
cookies shared between accounts, no proxies or netrc from the environment, no redirects and no decoding of
bodies.
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from typing import Final

import httpcore
import httpx

from poolwatch.net.lookup import Resolver

SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

_MAX_ADDRESSES: Final = 6
_ADDRESS_PATIENCE_SECONDS: Final = 2.0
#: status line, headers and chunk sizes, which are not body
_HEAD_ALLOWANCE: Final = 128 * 1024

#: Whatever the library and the system raise when an exchange breaks.
BROKEN: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpx.HTTPError,
    OSError,
    EOFError,
    UnicodeError,
)


class Phase(Enum):
    """How far an exchange got."""

    WAITING = "waiting"
    LOOKUP = "lookup"
    CONNECTING = "connecting"
    TLS = "tls"
    SENDING = "sending"
    ANSWER = "answer"


class TooLargeError(Exception):
    """The answer has more bytes than the caller takes."""


@dataclass(slots=True)
class Progress:
    """What one exchange did on the wire; counts are application bytes, TLS handshakes left out."""

    cap_bytes: int
    phase: Phase = Phase.WAITING
    connected: bool = False
    written: int = 0
    received: int = 0
    ended: bool = False
    #: why no connection came to be, in words that follow the host's name
    trouble: str | None = None

    @property
    def met_a_closed_connection(self) -> bool:
        """Sent on a connection kept from before, which gave not one byte: the peer had hung up."""
        return not self.connected and self.received == 0


#: the progress of the exchange that runs in this context
current: ContextVar[Progress] = ContextVar("progress")


@dataclass(frozen=True, slots=True)
class Received:
    """Status, raw headers and undecoded body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class _CountedStream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._poll: select.poll | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the library's signature
        data = await self._stream.read(max_bytes, timeout)
        progress = current.get()
        progress.received += len(data)
        progress.ended = not data
        if progress.received > progress.cap_bytes + _HEAD_ALLOWANCE:
            raise TooLargeError
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the library's signature
        progress = current.get()
        progress.phase = Phase.SENDING
        progress.written += len(buffer)
        await self._stream.write(buffer, timeout)
        progress.phase = Phase.ANSWER

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
    ) -> httpcore.AsyncNetworkStream:
        progress = current.get()
        progress.phase = Phase.TLS
        try:
            inner = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException as error:
            if isinstance(error, Exception):
                progress.trouble = _tls_words(error)
            # the library closes it after errors, but not when the deadline cancels the handshake
            await self._stream.aclose()
            raise
        return _CountedStream(inner)

    def get_extra_info(self, info: str) -> object:
        if info == "is_readable":
            return self._is_readable()
        return self._stream.get_extra_info(info)

    def _is_readable(self) -> bool:
        """Whether bytes or an end wait; asked before each request on a kept connection.

        The library looks up the names of both ends for it, each time.
        """
        if self._poll is None:
            sock = self._stream.get_extra_info("socket")
            if sock is None:
                return bool(self._stream.get_extra_info("is_readable"))
            self._poll = select.poll()
            self._poll.register(sock.fileno(), select.POLLIN)
        return bool(self._poll.poll(0))


class Backend(httpcore.AsyncNetworkBackend):
    """Connects to the addresses of a name one after the other, and counts what goes over the connection."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address that accepts one."""
        progress = current.get()
        progress.connected = True
        progress.phase = Phase.LOOKUP
        try:
            addresses = (await self._resolver.addresses(host, port))[:_MAX_ADDRESSES]
        except OSError as error:
            progress.trouble = _lookup_words(error)
            raise httpcore.ConnectError("lookup") from error
        progress.phase = Phase.CONNECTING
        for index, address in enumerate(addresses):
            is_last = index == len(addresses) - 1
            try:
                stream = await self._inner.connect_tcp(
                    address,
                    port,
                    timeout if is_last else _ADDRESS_PATIENCE_SECONDS,
                    local_address,
                    socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                progress.trouble = _connect_words(error)
                continue
            progress.trouble = None
            return _CountedStream(stream)
        raise httpcore.ConnectError("connect")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)


def _causes(error: BaseException) -> Iterable[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += (each.__cause__, each.__context__)
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions


def _lookup_words(error: OSError) -> str:
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror) and cause.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
            return "has no address: the name is not known (DNS)"
    return "could not be looked up: the name service does not answer (DNS)"


def _connect_words(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, ConnectionRefusedError):
            return "refused the connection"
        if isinstance(cause, ConnectionResetError):
            return "reset the connection"
    if isinstance(error, httpcore.ConnectTimeout):
        return "took too long to accept a connection"
    return "cannot be reached: there is no way to it from here"


def _tls_words(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"has a TLS certificate that is not valid: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "does not agree on TLS 1.2 or newer"
    return "hung up during the TLS handshake"
