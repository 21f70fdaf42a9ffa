"""Loopback pool servers: one that replays recorded answers, and the base of those that keep a state.

A request to a route that must never be called is answered and remembered; leaving the server's context then
fails the test.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.forbidden_routes import Forbidden

RECORDED = Path(__file__).parent.parent / "recorded"


@dataclass(frozen=True)
class Request:
    """One request as it arrived; header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def route(self) -> str:
        """`GET /path`."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Response:
    """One answer; `headers` beside its length and type."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


#: What a server does instead of answering as usual: an answer, None to hang up, or a wait for ever.
Fault = Callable[[Request], Awaitable[Response | None]]


def answer(status: int, value: object, **headers: str) -> Response:
    """An answer in JSON."""
    return Response(status, json.dumps(value).encode(), headers)


def always(response: Response) -> Fault:
    """The same answer to whatever is asked."""

    async def fault(request: Request) -> Response:
        return response

    return fault


async def never(request: Request) -> Response | None:
    """No answer, until the peer goes."""
    await asyncio.Event().wait()
    return None


def recorded(name: str) -> Response:
    """The recorded answer `codex-proxy/accounts` with its own status and headers."""
    kept = json.loads((RECORDED / f"{name}.json").read_text())
    skipped = {"content-length", "connection", "transfer-encoding", "content-type"}
    headers = {key: value for key, value in kept["headers"].items() if key.lower() not in skipped}
    return Response(kept["status"], json.dumps(kept["json"]).encode(), headers)


class PoolServer:
    """A pool on loopback; `fault` takes precedence over everything that it would answer.

    `stop` closes its port and every connection, `start` opens the same port again.
    """

    def __init__(self, forbidden: Iterable[Forbidden] = ()) -> None:
        self.forbidden = tuple(forbidden)
        self.requests: list[Request] = []
        self.trespasses: list[str] = []
        self.fault: Fault | None = None
        self.port = 0
        self._arrived = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """The pool's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_up(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    def count(self, route: str) -> int:
        """How often `GET /path` was asked for."""
        return sum(request.route == route for request in self.requests)

    async def arrived(self, requests: int) -> None:
        """Wait until so many requests have come in."""
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= requests)

    def at_route(self, end: str, response: Response | None) -> Fault:
        """This answer (None: never one) to routes that end so, and the usual ones to all others."""

        async def fault(request: Request) -> Response | None:
            if not request.route.endswith(end):
                return await self.respond(request)
            return response if response is not None else await never(request)

        return fault

    async def respond(self, request: Request) -> Response:
        """The answer to a request; subclasses know more."""
        return answer(404, {"error": "Not found"})

    async def start(self) -> None:
        """Listen, on the port of before if there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        await asyncio.sleep(0)
        assert not self.trespasses, f"asked for routes that are never called: {self.trespasses}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            while (request := await _read(reader)) is not None:
                async with self._arrived:
                    self.requests.append(request)
                    self._arrived.notify_all()
                if any(each.route.matches(request.method, request.path) for each in self.forbidden):
                    self.trespasses.append(request.route)
                response = await (self.fault or self.respond)(request)
                if response is None:
                    break
                writer.write(_bytes(response))
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.close()


class ReplayServer(PoolServer):
    """Answers each route (`GET /path`) as recorded; what is not recorded is 404."""

    def __init__(self, answers: Mapping[str, str], forbidden: Iterable[Forbidden] = ()) -> None:
        super().__init__(forbidden)
        self.answers = dict(answers)

    async def respond(self, request: Request) -> Response:
        """The recorded answer."""
        name = self.answers.get(request.route)
        return recorded(name) if name is not None else answer(404, {"error": "Not found"})


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


def _bytes(response: Response) -> bytes:
    fields = {
        "Content-Length": str(len(response.body)),
        "Content-Type": "application/json",
        **response.headers,
    }
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {response.status} Pool\r\n{head}\r\n".encode("latin-1") + response.body
