"""Services that sell credits, on loopback: strict, with every charge counted, and answers that get lost."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final

TOKEN: Final = "tok-CANARY-1"


@dataclass(frozen=True)
class Sell:
    """Charge (unless the key was charged before), then answer; what is left of the answer is told here.

    `cut`: so many bytes of the body are sent before the connection ends. `grants`: the balance rises.
    """

    status: str = "granted"
    code: int = 200
    cut: int | None = None
    reset: bool = False
    instead: bytes | None = None
    grants: bool = True


@dataclass(frozen=True)
class Say:
    """Answer without charging."""

    code: int
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()


def refuses(code: int, error: str, url: str | None = None) -> Say:
    """As the generic service refuses."""
    told = {"code": error} if url is None else {"code": error, "url": url}
    return Say(code, json.dumps({"error": told}).encode())


@dataclass
class TopUpServer:
    """Serves until the block ends. A request key that was charged is not charged again."""

    takes_key: bool = True
    script: deque[Sell | Say] = field(default_factory=deque)
    #: cents, in the order they were charged
    charges: list[int] = field(default_factory=list)
    #: every POST: its key, and its body
    posts: list[tuple[str | None, bytes]] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    #: what a look says, by the id; the last one stays
    states: deque[str] = field(default_factory=lambda: deque(["granted"]))
    #: the code of an error that a look tells
    look_code: str = ""
    balance: Decimal = Decimal("3.20")
    #: the balance is asked for in vain
    no_balance: bool = False

    def __post_init__(self) -> None:
        self.arrived = threading.Event()
        self.release = threading.Event()
        self.release.set()
        self._mutex = threading.Lock()
        self.by_key: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/balance":
                    self._say(
                        500 if outer.no_balance else 200, json.dumps({"left": str(outer.balance)}).encode()
                    )
                    return
                outer.looks.append(self.path)
                if self.headers["Authorization"] != f"Bearer {TOKEN}":
                    self._say(401, b"{}")
                    return
                with outer._mutex:
                    state = outer.states[0] if len(outer.states) == 1 else outer.states.popleft()
                found: dict[str, object] = {"id": self.path.rpartition("/")[2], "status": state}
                if outer.look_code:
                    found["error"] = {"code": outer.look_code}
                self._say(404 if state == "missing" else 200, json.dumps(found).encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                key = self.headers["Idempotency-Key"]
                with outer._mutex:
                    outer.posts.append((key, body))
                    plan: Sell | Say = outer.script.popleft() if outer.script else Sell()
                    if self.headers["Authorization"] != f"Bearer {TOKEN}":
                        plan = refuses(401, "invalid_token")
                    answer = outer._sold(plan, key, body) if isinstance(plan, Sell) else b""
                outer.arrived.set()
                outer.release.wait(20)
                if isinstance(plan, Say):
                    self._say(plan.code, plan.body, plan.headers)
                else:
                    self._sold(plan, answer)

            def _sold(self, plan: Sell, answer: bytes) -> None:
                answer = answer if plan.instead is None else plan.instead
                if plan.reset:
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    # the files of the handler hold it open otherwise
                    os.close(self.connection.detach())
                    self.close_connection = True
                    return
                if plan.cut is None:
                    self._say(plan.code, answer)
                    return
                self.send_response(plan.code)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer[: plan.cut])
                self.close_connection = True

            def _say(self, code: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
                try:
                    self.send_response(code)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    for name, value in headers:
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                with contextlib.suppress(OSError, ValueError):
                    super().handle()

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def _sold(self, plan: Sell, key: str | None, body: bytes) -> bytes:
        asked = json.loads(body)
        if self.takes_key:
            assert key, "a service that wants a key got none"
            cents = int(Decimal(asked["amount_usd"]) * 100)
        else:
            assert key is None, "a service that takes no key got one"
            assert type(asked["amountCents"]) is int
            cents = asked["amountCents"]
        sold = self.by_key.get(key or "")
        if sold is None:
            sold = f"tu_{len(self.charges) + 1}"
            if key is not None:
                self.by_key[key] = sold
            self.charges.append(cents)
            if plan.grants:
                self.balance += Decimal(cents) / 100
        if not self.takes_key:
            return b'{"ok": true}'
        return json.dumps({"id": sold, "status": plan.status, "amount_usd": f"{cents / 100:.2f}"}).encode()

    def __enter__(self) -> TopUpServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/topups"
