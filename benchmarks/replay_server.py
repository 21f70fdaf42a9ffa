"""A lean upstream: learns each answer once from the simulated one, then gives it after a set delay.

`python -m benchmarks.replay_server UPSTREAM [CERTIFICATE]` prints its port and that of https, 0 without
a certificate; it ends with its stdin. `GET /_delay/US` sets
the delay in microseconds, `GET /_echo` answers after it, `GET /_count` tells how many learned answers were
given.
"""

from __future__ import annotations

import asyncio
import re
import selectors
import ssl
import sys
import threading
from typing import Final

_HEAD: Final = b"\r\n\r\n"
_KEY: Final = re.compile(rb"^(?:authorization|chatgpt-account-id): *(.*)\r$", re.I | re.M)


class Memory:
    """What was learned, and how slowly it is told."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.answers: dict[bytes, bytes] = {}
        self.delay = 0.0
        self.given = 0

    async def learn(self, head: bytes) -> bytes:
        """Ask the simulated upstream."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(re.sub(rb"(?im)^connection:.*\r\n", b"", head)[:-2] + b"Connection: close" + _HEAD)
            answer = await reader.read(-1)
        finally:
            writer.close()
        answer = re.sub(rb"(?im)^connection:.*\r\n", b"", answer, count=1)
        if b" 200 " in answer[:16]:
            self.answers[_key(head)] = answer
        return answer


def _key(head: bytes) -> bytes:
    return head.partition(b"\r\n")[0] + b"|".join(_KEY.findall(head))


class Connection(asyncio.Protocol):
    """One kept connection; requests on it come one after the other."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._held = b""
        self._transport: asyncio.Transport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer complete requests."""
        self._held += data
        while _HEAD in self._held:
            head, _, self._held = self._held.partition(_HEAD)
            self._answer(head + _HEAD)

    def _answer(self, head: bytes) -> None:
        memory = self._memory
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/_delay/"):
            memory.delay = int(path.rpartition(b"/")[2]) / 1_000_000
            self._send(_plain(b"ok"))
        elif path == b"/_echo":
            asyncio.get_running_loop().call_later(memory.delay, self._send, _plain(b"ok"))
        elif path == b"/_count":
            self._send(_plain(b"%d" % memory.given))
        elif (answer := memory.answers.get(_key(head))) is not None:
            memory.given += 1
            asyncio.get_running_loop().call_later(memory.delay, self._send, answer)
        else:
            task = asyncio.ensure_future(self._learn(head))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _learn(self, head: bytes) -> None:
        answer = await self._memory.learn(head)
        await asyncio.sleep(self._memory.delay)
        self._send(answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


def _plain(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def _serve(upstream: str, certificate: str | None) -> None:
    host, _, port = upstream.rpartition(":")
    memory = Memory(host, int(port))
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(lambda: Connection(memory), "127.0.0.1", 0)]
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        servers.append(await loop.create_server(lambda: Connection(memory), "127.0.0.1", 0, ssl=context))
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    ended = asyncio.Event()

    def wait_for_the_end() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    sys.stdout.write(f"{ports[0]} {ports[1] if certificate is not None else 0}\n")
    sys.stdout.flush()
    await ended.wait()
    for server in servers:
        server.close()


def _precise_loop() -> asyncio.AbstractEventLoop:
    """epoll, which a loop takes otherwise, counts whole milliseconds: answers would be late by half a one."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=_precise_loop) as runner:
        runner.run(_serve(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
