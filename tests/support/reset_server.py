"""The service's banked resets on loopback: strict, counted, with answers that get lost as a script says."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

USAGE = "/backend-api/wham/usage"
LIST = "/backend-api/wham/rate-limit-reset-credits"
CONSUME = f"{LIST}/consume"
HISTORY = f"{LIST}/history"


@dataclass(frozen=True)
class Lose:
    """Do what was asked, then lose the answer: `cut` bytes of it are sent, or the connection is reset.

    `status` and `instead` send something else in its place.
    """

    cut: int | None = None
    reset: bool = False
    status: int = 200
    instead: bytes | None = None


@dataclass(frozen=True)
class Say:
    """Answer without doing anything."""

    status: int
    body: bytes = b"{}"


@dataclass
class ResetServer:
    """Serves until the block ends. What it was asked for, and what that used, is counted."""

    user: str = "user-Ann"
    account: str = "acc-1"
    five_hours: float = 100
    weekly: float = 71
    #: status by id, soonest end first
    resets: dict[str, str] = field(default_factory=lambda: {"rc_1": "available", "rc_2": "available"})
    script: deque[Lose | Say] = field(default_factory=deque)
    #: the list keeps saying what it said before
    lags: bool = False
    #: a use leaves the windows as they are
    stays_exhausted: bool = False
    #: redeem requests by id, with the reset that each used
    processed: dict[str, str] = field(default_factory=dict)
    bodies: list[Mapping[str, object]] = field(default_factory=list)
    gets: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    used_at: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.arrived = threading.Event()
        self.release = threading.Event()
        self.release.set()
        self._mutex = threading.Lock()
        self._shown = dict(self.resets)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, body = outer.get(self.path)
                self._say(status, body)

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"]))
                plan, status, body = outer._post(self.path, text)
                outer.arrived.set()
                outer.release.wait(30)
                if isinstance(plan, Lose) and plan.reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    return
                self._say(status, body, plan.cut if isinstance(plan, Lose) else None)

            def _say(self, status: int, body: bytes, cut: int | None = None) -> None:
                self.close_connection = True
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body[:cut])

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that was killed

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> ResetServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/backend-api"

    def refill(self, five_hours: float = 100) -> None:
        """As before any use: the windows are full again, and there is one reset that was never used."""
        self.five_hours = five_hours
        self.resets = {f"rc_{len(self.used)}_{len(self.bodies)}": "available"}

    def get(self, path: str) -> tuple[int, bytes]:
        """The answer to a GET."""
        with self._mutex:
            self.gets.append(path)
            if not self.lags:
                self._shown = dict(self.resets)
            now = datetime.now(UTC).replace(microsecond=0)
            if path == USAGE:
                return 200, json.dumps(self._usage(now)).encode()
            if path == LIST:
                rows = [
                    {
                        "id": each,
                        "reset_type": "codex_rate_limits",
                        "status": status,
                        "granted_at": "2026-11-01T09:00:00Z",
                        "expires_at": (now + timedelta(days=1 + place)).isoformat(),
                    }
                    for place, (each, status) in enumerate(self._shown.items())
                ]
                left = sum(status == "available" for status in self._shown.values())
                return 200, json.dumps({"credits": rows, "available_count": left}).encode()
            if path == HISTORY:
                events = [{"id": "h", "kind": "used", "occurred_at": at.isoformat()} for at in self.used_at]
                return 200, json.dumps({"as_of": now.isoformat(), "events": events}).encode()
        return 404, b'{"detail": "Not Found"}'

    def _usage(self, now: datetime) -> dict[str, object]:
        windows = [(self.five_hours, 18_000, 2_820), (self.weekly, 604_800, 176_400)]
        first, second = (
            {
                "used_percent": used,
                "limit_window_seconds": length,
                "reset_at": int(now.timestamp()) + (left if used else length),
            }
            for used, length, left in windows
        )
        left = sum(status == "available" for status in self._shown.values())
        return {
            "user_id": self.user,
            "account_id": self.account,
            "email": "ann@example.com",
            "plan_type": "plus",
            "rate_limit": {
                "allowed": self.five_hours < 100,
                "limit_reached": self.five_hours >= 100,
                "primary_window": first,
                "secondary_window": second,
            },
            "rate_limit_reset_credits": {"available_count": left},
        }

    def _post(self, path: str, text: bytes) -> tuple[Lose | Say | None, int, bytes]:
        with self._mutex:
            if path != CONSUME:
                return None, 404, b'{"detail": "Not Found"}'
            body = json.loads(text)
            self.bodies.append(body)
            plan = self.script.popleft() if self.script else None
            if isinstance(plan, Say):
                return plan, plan.status, plan.body
            answer = json.dumps(self._consume(body)).encode()
            if isinstance(plan, Lose):
                return plan, plan.status, plan.instead if plan.instead is not None else answer
            return plan, 200, answer

    def _consume(self, body: Mapping[str, object]) -> dict[str, object]:
        request, wanted = str(body["redeem_request_id"]), str(body["credit_id"])
        if request in self.processed:
            return {"code": "already_redeemed", "windows_reset": 0}
        if self.resets.get(wanted) != "available":
            return {"code": "no_credit"}
        if self.five_hours == 0 and self.weekly == 0:
            return {"code": "nothing_to_reset"}
        self.resets[wanted] = "redeemed"
        self.processed[request] = wanted
        self.used.append(wanted)
        self.used_at.append(datetime.now(UTC))
        if not self.stays_exhausted:
            self.five_hours = self.weekly = 0
        return {"code": "reset", "credit": {"id": wanted, "status": "redeemed"}, "windows_reset": 2}
