"""What is asked: an address, and headers that may hold a secret."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from poolwatch.domain.failure import Failure, FailureKind, worded
from poolwatch.net.address import Address, address_of
from poolwatch.net.headers import USER_AGENT, Headers, unsendable

_NOT_AN_ADDRESS: Final = worded(
    FailureKind.UNREACHABLE, "the configured address is not valid; nothing was sent"
)


class Request(Struct, frozen=True):
    """One request, fit to be sent. Secrets among its headers are unwrapped where it is sent."""

    method: str
    address: Address
    headers: Headers
    body: bytes | None

    def __repr__(self) -> str:
        return f"Request(method={self.method!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("method", self.method)]


def request_of(method: str, url: str, headers: Headers, body: bytes | None = None) -> Request | Failure:
    """The request, or why it cannot be sent: a header holds what none may, or the address is none."""
    sent: Headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
    if (name := unsendable(sent)) is not None:
        return worded(
            FailureKind.MALFORMED, f"the header {name} holds characters that cannot be sent; nothing was sent"
        )
    address = address_of(url)
    if address is None:
        return _NOT_AN_ADDRESS
    length = {} if body is None else {"Content-Length": str(len(body))}
    return Request(method, address, {"Host": address.netloc, **sent, **length}, body)
