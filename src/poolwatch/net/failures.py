"""What to call an exchange that gave no answer, or one whose answer is not taken."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import httpx

from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.message import Message, message
from poolwatch.domain.text import visible
from poolwatch.net.names import EventLoop

if TYPE_CHECKING:
    import httpcore

#: What httpx, the event loop and the system raise when an exchange breaks.
BROKEN: Final = (httpx.HTTPError, OSError, EOFError, ValueError)

_HOST_LENGTH: Final = 100
#: What httpcore says of a peer that hangs up before it answers; h11 says all else.
_HUNG_UP: Final = "Server disconnected"
#: OpenSSL's numbers for a chain that ends at an authority which is not trusted.
_UNKNOWN_AUTHORITY: Final = frozenset({18, 19, 20, 21})


class TooLargeError(ValueError):
    """The answer has more bytes than the caller takes."""


class Phase(Enum):
    """The step that an exchange is at; the value is the code of what takes too long."""

    CONNECTING = "net.slow_connect"
    TLS = "net.slow_tls"
    PROXY = "net.slow_proxy"
    SENDING = "net.slow_request"
    WAITING = "net.slow_answer"
    READING = "net.slow_body"


class Progress:
    """How far one exchange got: what a failure is called by, and whether a request may have left."""

    def __init__(self, url: httpx.URL, proxy: httpx.Proxy | None) -> None:
        self.url = url
        self.phase = Phase.CONNECTING
        #: from here on it counts as sent, whatever comes
        self.is_sent = False
        #: the peer that is being spoken to: the proxy first, where there is one
        self.peer = url if proxy is None else proxy.url
        self._stream: httpcore.AsyncNetworkStream | None = None

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Note a step of httpcore's; this is its `trace` extension."""
        step = event.partition(".")[2]
        if step == "connect_tcp.complete":
            self._stream = info["return_value"]
        elif step == "start_tls.started":
            self.phase = Phase.TLS
            if info["server_hostname"] == self.url.raw_host.decode("ascii"):
                self.peer = self.url
        elif step == "setup_socks5_connection.started":
            self.phase = Phase.PROXY
        elif step == "send_request_headers.started":
            # CONNECT asks the proxy alone
            self.is_sent = info["request"].method != b"CONNECT"
            self.phase = Phase.SENDING if self.is_sent else Phase.PROXY
        elif step == "receive_response_headers.started" and self.is_sent:
            self.phase = Phase.WAITING
        elif step == "receive_response_headers.complete" and self.is_sent:
            self.phase = Phase.READING

    async def begin_anew(self) -> None:
        """The peer's next address is tried: at this one there was no connection."""
        await self.hang_up()
        self._stream, self.phase = None, Phase.CONNECTING

    async def hang_up(self) -> None:
        """Close the socket: httpcore leaves it open when it is cancelled during the TLS handshake."""
        if self._stream is not None:
            await self._stream.aclose()

    @property
    def place(self) -> str | Message:
        """Who is being spoken to, with the port where the address has one."""
        place = _host(self.peer) if self.peer.port is None else f"{_host(self.peer)}:{self.peer.port}"
        return place if self.peer is self.url else message("net.the_proxy", place=place)


def redirect_refused(url: httpx.URL, location: str) -> Failure:
    """The failure for a redirect, which names hosts alone: an address may hold secrets."""
    try:
        target = visible(url.join(location).host, _HOST_LENGTH)
    except (httpx.InvalidURL, ValueError):
        target = ""
    kind, host = FailureKind.NOT_THE_SERVICE, _host(url)
    if not target:
        return failure(kind, "net.redirect_elsewhere", host=host)
    return failure(kind, "net.redirect", detail=target, host=host, to=target)


def compressed(url: httpx.URL) -> Failure:
    """The failure for an answer in an encoding that was not asked for."""
    return failure(FailureKind.MALFORMED, "net.compressed", detail=_host(url), host=_host(url))


def no_http(progress: Progress) -> Failure:
    """The failure for a peer that speaks another protocol."""
    kind = FailureKind.NOT_THE_SERVICE
    return failure(kind, "net.not_http", detail=_host(progress.url), place=progress.place)


def unsendable(name: str) -> Failure:
    """The failure for a header with characters that none may have."""
    return failure(FailureKind.MALFORMED, "net.bad_header", header=name)


def bad_address() -> Failure:
    """The failure for an address that is none."""
    return failure(FailureKind.UNREACHABLE, "net.bad_address")


def bad_authorities(origin: str, path: str) -> Failure:
    """The failure for authorities that cannot be read; `origin` names the setting or variable."""
    path = visible(path)
    return failure(FailureKind.BLOCKED, "net.bad_authorities", detail=path, origin=origin, path=path)


def bad_proxy(*, needs_socks: bool) -> Failure:
    """The failure for a proxy that cannot be used. Its address is not repeated: it may hold a password."""
    return failure(FailureKind.UNREACHABLE, "net.no_socks" if needs_socks else "net.bad_proxy")


def broken_off(error: BaseException, progress: Progress, deadline_seconds: float, cap_bytes: int) -> Failure:
    """What to call a broken exchange. Texts of exceptions are not used: they may quote what was sent."""
    garbage = isinstance(error, httpx.RemoteProtocolError) and not str(error).startswith(_HUNG_UP)
    if garbage and progress.phase is not Phase.READING:
        return no_http(progress)
    kind = FailureKind.UNREACHABLE
    arguments: dict[str, Any] = {}
    if isinstance(error, TooLargeError):
        kind, code, arguments = FailureKind.MALFORMED, "net.too_large", {"kib": cap_bytes // 1024}
    elif isinstance(error, TimeoutError):
        code, arguments = _slow(progress), {"seconds": f"{deadline_seconds:.3g}"}
    elif isinstance(error, httpx.ProxyError):
        code = "net.proxy_refuses"
        if (status := str(error)[:3]).isdecimal():
            code, arguments = "net.proxy_refuses_with", {"status": status}
    elif progress.phase is Phase.CONNECTING:
        code = _connecting(error)
    elif progress.phase is Phase.TLS:
        code, arguments = _tls(error)
    else:
        code = "net.cut_off" if progress.phase is Phase.READING else "net.no_answer"
    return failure(kind, code, detail=_host(progress.url), place=progress.place, **arguments)


def connection_failure(error: OSError, place: str) -> Failure:
    """What to call a connection, or a handshake, that another room's library could not make."""
    arguments: dict[str, Any] = {}
    if isinstance(error, ssl.SSLError):
        code, arguments = _tls(error)
    else:
        code = _connecting(error)
    return failure(FailureKind.UNREACHABLE, code, place=visible(place, _HOST_LENGTH), **arguments)


def _slow(progress: Progress) -> str:
    loop = asyncio.get_running_loop()
    looks_up = isinstance(loop, EventLoop) and loop.is_looking_up(progress.peer.raw_host)
    return "net.slow_lookup" if looks_up else progress.phase.value


def _connecting(error: BaseException) -> str:
    for cause in _causes(error):
        match cause:
            case socket.gaierror(errno=socket.EAI_NONAME | socket.EAI_NODATA):
                return "net.unknown_name"
            case socket.gaierror() | UnicodeError():
                return "net.no_lookup"
            case ConnectionRefusedError():
                return "net.refused"
            case ConnectionResetError():
                return "net.reset"
            case TimeoutError():
                return "net.unaccepted"
    return "net.no_way"


def _tls(error: BaseException) -> tuple[str, dict[str, Any]]:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            unknown = cause.verify_code in _UNKNOWN_AUTHORITY
            code = "net.unknown_authority" if unknown else "net.bad_certificate"
            return code, {"why": visible(cause.verify_message)}
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            return "net.no_tls", {}
    return "net.tls_hung_up", {}


def _causes(error: BaseException) -> Iterator[BaseException]:
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


def _host(url: httpx.URL) -> str:
    return visible(url.host, _HOST_LENGTH)
