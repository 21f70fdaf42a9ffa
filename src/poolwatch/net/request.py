"""What is asked: an address, and headers that may hold a secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import httpx

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.net.headers import USER_AGENT, Headers, unsendable

_NOT_AN_ADDRESS: Final = Failure(
    FailureKind.UNREACHABLE, "the configured address is not valid; nothing was sent"
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request, fit to be sent. Secrets among its headers are unwrapped where it is sent."""

    method: str
    url: httpx.URL = field(repr=False)
    headers: Headers = field(repr=False)
    body: bytes | None = field(repr=False)


def request_of(method: str, url: str, headers: Headers, body: bytes | None = None) -> Request | Failure:
    """The request, or why it cannot be sent: a header holds what none may, or the address is none."""
    sent: Headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
    if (name := unsendable(sent)) is not None:
        return Failure(
            FailureKind.MALFORMED, f"the header {name} holds characters that cannot be sent; nothing was sent"
        )
    try:
        address = _parsed(url)
    except (httpx.InvalidURL, UnicodeError):
        return _NOT_AN_ADDRESS
    if address.scheme not in ("http", "https") or not address.host:
        return _NOT_AN_ADDRESS
    length = {} if body is None else {"Content-Length": str(len(body))}
    return Request(method, address, {"Host": address.netloc.decode("ascii"), **sent, **length}, body)


def host_of(request: Request, location: str) -> str:
    """The host that a redirect points to; empty when that is no address."""
    try:
        return request.url.join(location).host
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return ""


@lru_cache(maxsize=32)
def _parsed(url: str) -> httpx.URL:
    """An address; the same few are asked again and again."""
    return httpx.URL(url)
