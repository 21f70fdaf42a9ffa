"""The HTTP server: connections, keep-alive, and faults carried out on the socket itself."""

import asyncio
import contextlib
import socket
import struct

from poolwatch.demo.control import PREFIX, Control
from poolwatch.demo.faults import Fault, FaultBook
from poolwatch.demo.service import Service
from poolwatch.demo.wire import HEAD_LIMIT, Reply, Request, UnreadableError, head_bytes, read_request

_IDLE_SECONDS = 120
_BACKLOG = 1_024
_NO_LINGER = struct.pack("ii", 1, 0)


class Server:
    """Serves one pool on 127.0.0.1; without a control every `/_demo/` path is an unknown one."""

    def __init__(self, service: Service, faults: FaultBook, control: Control | None) -> None:
        self._service = service
        self._faults = faults
        self._control = control
        self._connections: set[asyncio.Task[None]] = set()
        self._requests = 0
        self._token_posts = 0

    async def open(self, listening: socket.socket) -> asyncio.Server:
        """Start to serve on a bound socket."""
        return await asyncio.start_server(self._accept, sock=listening, limit=HEAD_LIMIT, backlog=_BACKLOG)

    async def close(self) -> None:
        """End every connection that is still there."""
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # a stream callback always runs in a task
        self._connections.add(task)
        self._service.totals.connections += 1
        try:
            await self._converse(reader, writer)
        except (ConnectionError, TimeoutError):
            pass  # the client went away, or has been silent for long
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        going_on = True
        while going_on:
            try:
                async with asyncio.timeout(_IDLE_SECONDS):
                    request = await read_request(reader)
            except UnreadableError as error:
                await self._send(writer, Reply(error.status), keep_alive=False)
                return
            if request is None:
                return
            self._requests += 1
            totals = self._service.totals
            totals.peak_requests = max(totals.peak_requests, self._requests)
            try:
                going_on = await self._respond(request, reader, writer)
            finally:
                self._requests -= 1

    async def _respond(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; False ends the connection."""
        if self._control is not None and request.path.startswith(PREFIX):
            await self._send(writer, self._control.answer(request), keep_alive=request.keep_alive)
            return request.keep_alive
        target = self._service.target(request)
        if target is None:
            return await self._plain(request, writer)
        endpoint, index = target
        self._service.count(request, endpoint, index)
        if endpoint == "token":
            self._token_posts += 1
            totals = self._service.totals
            totals.peak_token_posts = max(totals.peak_token_posts, self._token_posts)
        try:
            who = None if index is None else self._service.accounts[index].label
            fault = self._faults.take(endpoint, who)
            if fault is None:
                return await self._plain(request, writer)
            return await self._faulty(request, fault, reader, writer)
        finally:
            if endpoint == "token":
                self._token_posts -= 1

    async def _plain(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        reply = self._service.answer(request)
        await asyncio.sleep(reply.delay_seconds)
        await self._send(writer, reply, keep_alive=request.keep_alive)
        return request.keep_alive

    async def _faulty(
        self, request: Request, fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        await asyncio.sleep(fault.delay_seconds)
        if fault.reset:
            _cut(writer)
            return False
        if fault.hang:
            while await reader.read(4_096):
                pass
            return False
        if fault.garbage:
            writer.write(b"\x00\x16\x03\x01 this is no HTTP\xff\xfe\r\n\r\n")
            await writer.drain()
            return False
        reply = _ordered(fault) if fault.replaces_reply else self._service.answer(request)
        reply = _with_headers(reply, fault)
        if fault.drop_after_commit:
            _cut(writer)
            return False
        if fault.truncate_at is not None:
            writer.write(head_bytes(reply, self._service.clock(), keep_alive=False))
            writer.write(reply.body[: fault.truncate_at])
            await writer.drain()
            return False
        await self._send(writer, reply, keep_alive=request.keep_alive, drip_seconds=fault.drip_seconds)
        return request.keep_alive

    async def _send(
        self,
        writer: asyncio.StreamWriter,
        reply: Reply,
        *,
        keep_alive: bool,
        drip_seconds: float = 0.0,
    ) -> None:
        head = head_bytes(reply, self._service.clock(), keep_alive=keep_alive)
        if drip_seconds:
            writer.write(head)
            for at in range(len(reply.body)):
                await writer.drain()
                await asyncio.sleep(drip_seconds)
                writer.write(reply.body[at : at + 1])
        else:
            writer.write(head + reply.body)
        await writer.drain()


def _ordered(fault: Fault) -> Reply:
    if fault.redirect_to is not None:
        return Reply(fault.status or 307, fault.content, (("Location", fault.redirect_to),))
    return Reply(fault.status or 200, fault.content, (("Content-Type", "application/json"),))


def _with_headers(reply: Reply, fault: Fault) -> Reply:
    replaced = {name.lower() for name in fault.headers}
    kept = tuple(pair for pair in reply.headers if pair[0].lower() not in replaced)
    return Reply(reply.status, reply.body, (*kept, *fault.headers.items()))


def _cut(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST: the client sees a reset, not an end."""
    peer = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()
