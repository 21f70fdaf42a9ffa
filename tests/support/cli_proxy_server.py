"""A small CLIProxyAPI on loopback: the management API's key, ban, list and api-call, with state.

It is built from the program's own rules: a key, five refusals ban the caller for half an hour, the token is
put into the headers of an api-call, an unknown `auth_index` leaves the placeholder as it stands. A request
for anything that a monitor has no business with is kept in `strangers`, and fails the test at the end.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, cast

KEY: Final = "fake-management-key"
NOW: Final = "Fri, 20 Nov 2026 21:00:00 GMT"
BAN_AFTER: Final = 5
LIST: Final = "/v0/management/auth-files"
CALL: Final = "/v0/management/api-call"
USAGE_TAILS: Final = ("/wham/usage", "/codex/usage", "/api/codex/usage")
RESETS_TAIL: Final = "/rate-limit-reset-credits"


@dataclass(frozen=True)
class Said:
    """One whole answer, of the pool or of the service behind it."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One request that reached the pool."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Sent:
    """One request that the pool sent on, with the token in its place."""

    auth_index: str
    url: str
    headers: Mapping[str, str]


#: Takes the place of the pool's answer: says it, or does what it likes with the connection (None).
Script = Said | Callable[[asyncio.StreamWriter], Awaitable[None]]


def login(number: int, **changed: object) -> dict[str, object]:
    """One entry of the list, as the program writes it."""
    email = f"pool{number:02}@example.com"
    entry: dict[str, object] = {
        "id": f"codex-{email}-plus.json",
        "auth_index": f"{number:016x}",
        "name": f"codex-{email}-plus.json",
        "type": "codex",
        "provider": "codex",
        "label": email,
        "status": "active",
        "status_message": "",
        "disabled": False,
        "unavailable": False,
        "runtime_only": False,
        "source": "file",
        "size": 4096,
        "success": 1,
        "failed": 0,
        "recent_requests": [],
        "email": email,
        "account_type": "oauth",
        "account": email,
        "created_at": "2026-10-01T00:00:00Z",
        "modtime": "2026-11-19T08:00:00Z",
        "updated_at": "2026-11-20T20:00:00Z",
        "last_refresh": "2026-11-19T08:00:00Z",
        "path": f"/srv/cliproxy/auth/codex-{email}-plus.json",
        "id_token": {
            "chatgpt_account_id": f"00000000-0000-4000-8000-{number:012}",
            "plan_type": "plus",
        },
    }
    return entry | changed


class CliProxyServer:
    """Use it as an async context manager. `key` None: no key is configured, and every route is 404."""

    def __init__(self, logins: Sequence[Mapping[str, object]] = (), *, key: str | None = KEY) -> None:
        self.key = key
        self.logins = [dict(entry) for entry in logins]
        #: what the service behind it answers, by auth_index; `*` for all others
        self.service: dict[str, Said] = {"*": Said()}
        #: the clock of that service
        self.date = NOW
        #: what it answers to the list of banked resets, for every login
        self.resets: bytes | None = None
        #: answers of the pool itself, used up one by one, before anything else is looked at
        self.script: list[Script] = []
        #: likewise, for api-calls alone
        self.call_script: list[Script] = []
        self.remote_words: str | None = None
        self.requests: list[Request] = []
        self.sent: list[Sent] = []
        self.strangers: list[str] = []
        self.refusals = 0
        self.is_banned = False
        self.in_flight = 0
        self.most_in_flight = 0
        #: while cleared, api-calls wait
        self.gate = asyncio.Event()
        self.gate.set()
        self.port = 0
        self._counted = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """The pool's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def lists(self) -> int:
        """How often the list was asked for."""
        return sum(request.path == LIST for request in self.requests)

    @property
    def calls(self) -> list[Mapping[str, object]]:
        """The bodies of all api-calls."""
        return [json.loads(request.body) for request in self.requests if request.path == CALL]

    def serve_usage(self, number: int, body: bytes) -> None:
        """Let the service answer with these figures for one login."""
        self.service[f"{number:016x}"] = Said(body=body)

    async def crowded(self, number: int) -> None:
        """Wait until so many requests are being answered at once."""
        async with self._counted:
            await self._counted.wait_for(lambda: self.in_flight >= number)

    async def start(self) -> None:
        """Listen, at the same port as before if there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Hang up on everybody, as a killed program does; what it knows is kept."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()
        await asyncio.sleep(0)
        self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        assert not self.strangers, f"a monitor has no business with {self.strangers}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while not writer.is_closing():
                request = await _read(reader)
                self.requests.append(request)
                self.in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self.in_flight)
                async with self._counted:
                    self._counted.notify_all()
                try:
                    answer = await self._answer(request)
                finally:
                    self.in_flight -= 1
                if isinstance(answer, Said):
                    writer.write(_whole(answer))
                    await writer.drain()
                else:
                    await answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, request: Request) -> Script:
        if self.script:
            return self.script.pop(0)
        if (request.method, request.path) not in (("GET", LIST), ("POST", CALL)):
            self.strangers.append(f"{request.method} {request.path}")
        if self.key is None:
            return Said(404, b"404 page not found", {"Content-Type": "text/plain"})
        refused = self._refused(request)
        if refused is not None:
            return refused
        if request.path == LIST:
            return Said(body=json.dumps({"files": self.logins}).encode())
        await self.gate.wait()
        return self.call_script.pop(0) if self.call_script else self._call(request)

    def _refused(self, request: Request) -> Said | None:
        if self.is_banned:
            return _error(403, "IP banned due to too many failed attempts. Try again in 29m30s")
        if self.remote_words is not None:
            return _error(403, self.remote_words)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer" and given == self.key:
            self.refusals = 0
            return None
        self.refusals += 1
        self.is_banned = self.refusals >= BAN_AFTER
        return _error(401, "invalid management key" if given else "missing management key")

    def _call(self, request: Request) -> Said:
        call = cast("Mapping[str, object]", json.loads(request.body))
        url, index = str(call.get("url", "")), str(call.get("auth_index", ""))
        if call.get("method") != "GET" or not url.endswith((*USAGE_TAILS, RESETS_TAIL)) or "data" in call:
            self.strangers.append(f"api-call {call.get('method')} {url}")
        known = any(entry.get("auth_index") == index for entry in self.logins)
        token = f"fake-token-{index}" if known else "$TOKEN$"
        headers = cast("Mapping[str, str]", call.get("header") or {})
        put = {name: value.replace("$TOKEN$", token) for name, value in headers.items()}
        self.sent.append(Sent(index, url, put))
        if not known:
            return self._wrapped(Said(401, b'{"detail":"Unauthorized"}'))
        if url.endswith(RESETS_TAIL):
            return self._wrapped(Said(404) if self.resets is None else Said(body=self.resets))
        return self._wrapped(self.service.get(index, self.service["*"]))

    def _wrapped(self, said: Said) -> Said:
        headers = {"Content-Type": "application/json", "Date": self.date, **said.headers}
        inner = {
            "status_code": said.status,
            "header": {name: [value] for name, value in headers.items()},
            "body": said.body.decode("utf-8", "replace"),
        }
        return Said(body=json.dumps(inner).encode())


def _error(status: int, words: str) -> Said:
    return Said(status, json.dumps({"error": words}).encode())


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    pairs = (line.partition(": ") for line in head[1:] if line)
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


def _whole(said: Said) -> bytes:
    fields = {
        "Content-Type": "application/json",
        "Content-Length": str(len(said.body)),
        "X-CPA-VERSION": "6.9.1",
        **said.headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {said.status} Said\r\n{head}\r\n".encode() + said.body
