"""As much of HTTP/1.1 as the simulator speaks: reading requests and writing replies."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from types import MappingProxyType

from poolwatch.demo.account import JsonValue

HEAD_LIMIT = 32_768
BODY_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived; header names are lower-case, the path is without its query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants to go on with this connection."""
        return "close" not in self.headers.get("connection", "").lower()


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; `delay_seconds` is how long the service takes to give it."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay_seconds: float = 0.0


class UnreadableError(Exception):
    """The client sent something that is not a request this server takes; `status` says why."""

    def __init__(self, status: int) -> None:
        super().__init__(f"unreadable request, status {status}")
        self.status = status


def json_reply(
    status: int, content: JsonValue, headers: tuple[tuple[str, str], ...] = (), delay_seconds: float = 0.0
) -> Reply:
    """A reply with a JSON body."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return Reply(status, body, (("Content-Type", "application/json"), *headers), delay_seconds)


def _parse_head(raw: bytes) -> tuple[str, str, str, dict[str, str]]:
    try:
        first, *rest = raw.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        method, target, version = first.split(" ")
    except ValueError as error:
        raise UnreadableError(400) from error
    if version not in ("HTTP/1.1", "HTTP/1.0") or not target.startswith("/"):
        raise UnreadableError(400)
    headers: dict[str, str] = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise UnreadableError(400)
        headers[name.lower()] = value.strip()
    if version == "HTTP/1.0":
        headers.setdefault("connection", "close")
    return method, target.partition("?")[0], version, headers


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None when the client has gone.

    Raises:
        UnreadableError: the bytes are not a request that this server takes.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError as error:
        raise UnreadableError(431) from error
    method, path, _, headers = _parse_head(head)
    if "transfer-encoding" in headers:
        raise UnreadableError(411)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise UnreadableError(400)
    if int(length) > BODY_LIMIT:
        raise UnreadableError(413)
    try:
        body = await reader.readexactly(int(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Request(method, path, MappingProxyType(headers), body)


def head_bytes(reply: Reply, now: float, *, keep_alive: bool) -> bytes:
    """The status line and headers; `now` (epoch seconds) becomes `Date`. Headers of the reply win."""
    given = {name.lower() for name, _ in reply.headers}
    standard = (
        ("Date", formatdate(now, usegmt=True)),
        ("Server", "poolwatch-demo"),
        ("Content-Length", str(len(reply.body))),
        ("Connection", "keep-alive" if keep_alive else "close"),
    )
    headers = [(name, value) for name, value in standard if name.lower() not in given]
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Status"
    lines = [
        f"HTTP/1.1 {reply.status} {phrase}",
        *(f"{name}: {value}" for name, value in (*headers, *reply.headers)),
    ]
    return "\r\n".join((*lines, "", "")).encode("latin-1", "replace")
