"""One socket, with or without TLS, as a line of bytes to a peer."""

from __future__ import annotations

import asyncio
import select


class Line(asyncio.Protocol):
    """Bytes to and from a peer, for one reader and writer at a time.

    It reads from the start, so that a peer that hangs up is noticed while nobody asks it anything; `waits`
    is for one that speaks TLS, whose first bytes are not for us.
    """

    def __init__(self, *, waits: bool = False) -> None:
        self._waits = waits
        self._transport: asyncio.Transport | None = None
        self._arrived = bytearray()
        self._has_ended = False
        self._error: Exception | None = None
        #: whether bytes that were written are still here
        self._is_full = False
        self._waiter: asyncio.Future[None] | None = None
        self._poll: select.poll | None = None

    # -- what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is connected."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what the loop gives to a Protocol
        if self._waits:
            transport.pause_reading()
        self.lay_over(transport)

    def data_received(self, data: bytes) -> None:
        """Keep what came."""
        self._arrived += data
        self._wake()

    def eof_received(self) -> None:
        """The peer sends no more; the socket is closed once what was written is out."""
        self._has_ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._has_ended = True
        self._error = self._error or exc
        self._wake()

    def pause_writing(self) -> None:
        """The peer does not take what was written."""
        self._is_full = True

    def resume_writing(self) -> None:
        """The peer took it."""
        self._is_full = False
        self._wake()

    # -- what a conversation needs

    @property
    def transport(self) -> asyncio.Transport:
        """What it goes over."""
        if self._transport is None:
            raise ConnectionError("not connected")
        return self._transport

    def lay_over(self, transport: asyncio.Transport) -> None:
        """Go over this transport from now on: TLS puts one of its own between the socket and us."""
        # told of every byte that the peer does not take at once
        transport.set_write_buffer_limits(0)
        self._transport = transport

    async def write(self, data: bytes) -> None:
        """Send, and wait until all of it was taken by the system. OSError when the line is broken."""
        if self._has_ended or self.transport.is_closing():
            raise self._error or ConnectionResetError("the peer hung up")
        self.transport.write(data)
        while self._is_full:
            if self._has_ended:
                raise self._error or ConnectionResetError("the peer hung up")
            await self._change()

    async def read(self) -> bytes:
        """What has arrived, at least one byte; nothing at the end. OSError when the line is broken."""
        while not self._arrived:
            if self._error is not None:
                raise self._error
            if self._has_ended:
                return b""
            await self._change()
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    @property
    def is_open(self) -> bool:
        """Whether it is open, and nothing came unasked as far as the loop has told."""
        return not (self._arrived or self._has_ended or self.transport.is_closing())

    def is_quiet(self) -> bool:
        """Whether a new request may go over it: open, and nothing came unasked, not even just now."""
        if not self.is_open:
            return False
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not self._poll.poll(0)

    def cut(self) -> None:
        """Close at once, without a farewell to wait for."""
        if self._transport is not None:
            self._transport.abort()

    async def _change(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
