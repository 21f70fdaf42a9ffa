"""Connecting: the addresses of a name one after the other, then TLS; why it failed, in words."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable
from typing import Final

from poolwatch.net.line import Line
from poolwatch.net.lookup import Resolver
from poolwatch.net.progress import Phase, Progress

_MAX_ADDRESSES: Final = 6
_ADDRESS_PATIENCE_SECONDS: Final = 2.0


async def dial(
    host: str, port: int, tls: ssl.SSLContext | None, resolver: Resolver, progress: Progress
) -> Line:
    """A line to the first address of the host that accepts one; `tls` None is plain text.

    Raises:
        OSError: there is none; `progress.trouble` says why.
    """
    progress.connected = True
    progress.phase = Phase.LOOKUP
    try:
        addresses = (await resolver.addresses(host, port))[:_MAX_ADDRESSES]
    except OSError as error:
        progress.trouble = _lookup_words(error)
        raise
    progress.phase = Phase.CONNECTING
    for index, address in enumerate(addresses):
        is_last = index == len(addresses) - 1
        try:
            line = await _connected(address, port, None if is_last else _ADDRESS_PATIENCE_SECONDS, tls)
        except OSError as error:
            progress.trouble = _connect_words(error)
            continue
        progress.trouble = None
        if tls is not None:
            await _secured(line, host, tls, progress)
        return line
    raise ConnectionError("no address accepts a connection")


async def _connected(address: str, port: int, patience: float | None, tls: ssl.SSLContext | None) -> Line:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(patience):
        _, line = await loop.create_connection(lambda: Line(waits=tls is not None), address, port)
    return line


async def _secured(line: Line, host: str, tls: ssl.SSLContext, progress: Progress) -> None:
    progress.phase = Phase.TLS
    loop = asyncio.get_running_loop()
    try:
        transport = await loop.start_tls(line.transport, line, tls, server_hostname=host)
    except BaseException as error:
        if isinstance(error, Exception):
            progress.trouble = _tls_words(error)
        line.cut()
        raise
    if transport is None:
        progress.trouble = "hung up during the TLS handshake"
        raise ConnectionResetError("no TLS")
    line.lay_over(transport)


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


def _lookup_words(error: OSError) -> str:
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror) and cause.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
            return "has no address: the name is not known (DNS)"
    return "could not be looked up: the name service does not answer (DNS)"


def _connect_words(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refused the connection"
    if isinstance(error, ConnectionResetError):
        return "reset the connection"
    if isinstance(error, TimeoutError):
        return "took too long to accept a connection"
    return "cannot be reached: there is no way to it from here"


def _tls_words(error: Exception) -> str:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"has a TLS certificate that is not valid: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "does not agree on TLS 1.2 or newer"
    return "hung up during the TLS handshake"
