"""Which addresses a request may go to whose URL somebody typed: looked up once, judged, then spoken to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Final, TypeAlias

import httpx
from msgspec import Struct

from poolwatch.config.values import is_loopback
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.text import visible

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

#: So many addresses of one name are tried: `localhost` has two, and often one of them answers.
_MOST_TRIED: Final = 4
_HOST_LENGTH: Final = 100
#: IPv6 in which translators wrap IPv4 (RFC 6052).
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
_LOW_BITS: Final = 0xFFFF_FFFF


class Reach(Struct, frozen=True):
    """Where a request may go: over https to public addresses, and to this machine where the URL names it.

    With `private` also to addresses of private networks. Plain http goes to no public address.
    """

    private: bool = False

    async def addresses(self, url: httpx.URL) -> tuple[str, ...] | Failure:
        """The addresses to connect to, in the order of the name service, which is asked once.

        Raises:
            OSError: the name is not known, or the service does not answer.
        """
        port = url.port or (443 if url.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(
            url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM
        )
        known = dict.fromkeys(str(each[4][0]) for each in found)
        refused: Failure | None = None
        allowed: list[str] = []
        for text in known:
            code = self._objection(url, text)
            if code is None:
                allowed.append(text)
            else:
                refused = refused or _out_of_reach(url, code, text)
        return tuple(allowed[:_MOST_TRIED]) if allowed or refused is None else refused

    def refuses(self, url: httpx.URL) -> Failure | None:
        """Why a URL that goes through a proxy is refused; a name is the proxy's to look up and to judge."""
        try:
            ipaddress.ip_address(url.host)
        except ValueError:
            return None
        code = self._objection(url, url.host)
        return None if code is None else _out_of_reach(url, code, url.host)

    def _objection(self, url: httpx.URL, text: str) -> str | None:
        try:
            address = _behind(ipaddress.ip_address(text.partition("%")[0]))
        except ValueError:
            return "net.odd_address"
        if address.is_loopback:
            return None if self.private or is_loopback(url.host) else "net.private_address"
        if address.is_unspecified or address.is_multicast or address == _BROADCAST:
            return "net.odd_address"
        if not _is_public(address):
            return None if self.private else "net.private_address"
        return None if url.scheme == "https" else "net.plain_http"


_BROADCAST: Final = ipaddress.IPv4Address(_LOW_BITS)


def _is_public(address: Address) -> bool:
    is_old_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not address.is_reserved and not is_old_local


def _behind(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to, where it leads to one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & _LOW_BITS)
    tunnelled = None if address.teredo is None else address.teredo[1]
    return address.ipv4_mapped or address.sixtofour or tunnelled or address


def _out_of_reach(url: httpx.URL, code: str, address: str) -> Failure:
    host = visible(url.host, _HOST_LENGTH)
    return failure(FailureKind.BLOCKED, code, detail=host, place=host, address=visible(address, _HOST_LENGTH))
