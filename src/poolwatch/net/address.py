"""Addresses: plain ones are taken apart here, all others by httpx, which takes a while to load."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from importlib import import_module
from ipaddress import AddressValueError, IPv4Address
from types import ModuleType
from typing import Any, Final

from msgspec import Struct

_PORTS: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = 65535
#: What stands for itself wherever it stands: nothing to encode, no dot segments, no name beyond ASCII.
_PLAIN: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?)(?P<query>\?[A-Za-z0-9._~=&-]+)?",
    re.ASCII,
)


class Address(Struct, frozen=True):
    """Where a request goes: `host` as people write it, `port` only where it is not the scheme's own."""

    text: str
    scheme: str
    host: str
    #: the host as DNS and certificates have it
    name: str
    port: int | None
    #: host and port as they are sent
    netloc: str
    #: path and query as they are sent
    target: bytes

    @property
    def place(self) -> tuple[str, str, int]:
        """Scheme, name and port: who agrees in these may share a connection."""
        return self.scheme, self.name, self.port or _PORTS[self.scheme]


@lru_cache(maxsize=32)  # the same few are asked again and again
def address_of(text: str) -> Address | None:
    """The address in a text; None when there is none, or none of HTTP."""
    return plain_address(text) or any_address(text)


def plain_address(text: str) -> Address | None:
    """The address, where it needs no encoding and no rules; None leaves it to `any_address`."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        return None
    scheme, host, given = found["scheme"], found["host"], found["port"]
    if host[-1].isdigit() and not _is_ipv4(host):
        return None
    port = None if given is None else int(given)
    if port is not None and not 0 < port <= _LAST_PORT:
        return None
    if port == _PORTS[scheme]:
        port = None
    netloc = host if port is None else f"{host}:{port}"
    target = (found["path"] or "/") + (found["query"] or "")
    return Address(text, scheme, host, host, port, netloc, target.encode())


def any_address(text: str) -> Address | None:
    """As `address_of`, by all rules: names beyond ASCII, characters to encode, dot segments, IPv6."""
    httpx = _httpx()
    try:
        url = httpx.URL(text)
        if url.scheme not in _PORTS or not url.host:
            return None
        name, netloc = url.raw_host.decode("ascii"), url.netloc.decode("ascii")
        return Address(text, url.scheme, url.host, name, url.port, netloc, url.raw_path)
    except (httpx.InvalidURL, UnicodeError):
        return None


def host_of(base: Address, reference: str) -> str:
    """The host that a reference found at `base` points to; empty when it is no address."""
    httpx = _httpx()
    try:
        return str(httpx.URL(base.text).join(reference).host)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return ""


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


def _httpx() -> Any:
    """The library, without the command of its own that comes with it where its parts are there.

    That is a parser, colours and tables: more than half of what the library takes to load.
    """
    loaded: ModuleType | None = sys.modules.get("httpx")
    if loaded is not None:
        return loaded
    command = "httpx._main"
    # None stands for a module that cannot be had; the library does without this one
    sys.modules[command] = None  # type: ignore[assignment]
    try:
        return import_module("httpx")
    finally:
        sys.modules.pop(command, None)
