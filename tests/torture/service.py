"""A strict login service in a process of its own: each refresh token is taken once, whatever the fault.

`with Service() as service: ...` starts it. Every family of tokens belongs to one login; `valid` of a family
is the one refresh token that the service would take now. Orders go over its stdin, so it ends with its owner.
"""

from __future__ import annotations

import base64
import json
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias, cast

from tests.support.token_server import CANARY, claims_of, make_jwt

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"
_IDENTITY = ("user_id", "account_id", "email")
_PAYLOAD = Path(__file__).parents[1] / "payloads" / "01-plus-no-credits.json"
#: A usage reply that fits every account.
USAGE = json.dumps(
    {name: value for name, value in json.loads(_PAYLOAD.read_bytes()).items() if name not in _IDENTITY}
).encode()
_EXPIRED = (
    b'{"error":{"message":"Your token is expired. Please try signing in again.","code":"token_expired"}}'
)
#: Far enough that no clock of a test reaches it.
LATER_SECONDS = 10 * 86_400


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one token request.

    `exchange`: the token is spent although the answer goes wrong. `cut_at`: the connection ends after so many
    bytes of the whole answer, with a reset if `reset`. `body` replaces the body, base64.
    """

    exchange: bool = True
    status: int = 200
    cut_at: int | None = None
    reset: bool = False
    body: str | None = None
    headers: tuple[str, ...] = ()


@dataclass
class Family:
    """One login: its valid refresh token and what was done with its tokens."""

    name: str
    user: str
    account: str
    number: int = 0
    valid: str = ""
    access: str = ""
    #: token requests, those answered with "reused", and those among them that poolwatch sent
    posts: int = 0
    own_posts: int = 0
    reused: int = 0
    own_reused: int = 0
    #: when each token was spent, on the clock that all processes of a machine share
    spent_ns: deque[int] = field(default_factory=lambda: deque(maxlen=4))
    #: of the last answer, whole
    answer_bytes: int = 0


class _Server:
    def __init__(self) -> None:
        self.families: dict[str, Family] = {}
        self.owner: dict[str, str] = {}
        self.faults: deque[Fault] = deque()
        self.delays = (0.0, 0.0)
        self.expires_in = LATER_SECONDS
        self.seconds_ahead = 0
        self.unknown = 0
        #: the access tokens of the last readings of the usage
        self.readers: deque[str] = deque(maxlen=8)
        self.strangers = 0
        self.mutex = threading.Lock()
        self.draw = random.Random(0)
        self.door = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.elsewhere = socket.create_server(("127.0.0.1", 0), backlog=16)
        threading.Thread(target=self.accept, args=(self.door, self.serve), daemon=True).start()
        threading.Thread(target=self.accept, args=(self.elsewhere, self.stranger), daemon=True).start()

    def accept(self, door: socket.socket, serve: object) -> None:
        while True:
            peer, _ = door.accept()
            threading.Thread(target=serve, args=(peer,), daemon=True).start()  # type: ignore[arg-type] # a bound method

    def stranger(self, peer: socket.socket) -> None:
        self.strangers += 1
        peer.close()

    def serve(self, peer: socket.socket) -> None:
        with peer:
            peer.settimeout(30)
            try:
                self.answer(peer)
            except OSError:
                return

    def answer(self, peer: socket.socket) -> None:
        request = _read(peer)
        if request is None:
            return
        head, body = request
        path = head.split(b" ")[1]
        if head.startswith(b"GET") and b"usage" in path:
            token = _bearer(head)
            self.readers.append(token)
            status, body = (401, _EXPIRED) if _is_expired(token) else (200, USAGE)
            peer.sendall(_message(status, body, ("Content-Type: application/json",)))
            return
        if not head.startswith(b"POST /oauth/token"):
            peer.sendall(_message(404, b"{}", ()))
            return
        with self.mutex:
            before, after = (self.draw.uniform(0, most) for most in self.delays)
        time.sleep(before)
        with self.mutex:
            answer, fault = self.decide(head, body)
        time.sleep(after)
        peer.sendall(answer if fault.cut_at is None else answer[: fault.cut_at])
        if fault.reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def decide(self, head: bytes, body: bytes) -> tuple[bytes, Fault]:
        token = str(json.loads(body).get("refresh_token"))
        fault = self.faults.popleft() if self.faults else Fault()
        family = self.families.get(self.owner.get(token, ""))
        if family is None:
            self.unknown += 1
            return _message(401, b'{"error":{"code":"refresh_token_invalidated"}}', ()), fault
        ours = b"user-agent: poolwatch/" in head.lower()
        family.posts += 1
        family.own_posts += ours
        if token != family.valid:
            family.reused += 1
            family.own_reused += ours
            return _message(401, b'{"error":{"code":"refresh_token_reused"}}', ()), fault
        content = b"{}"
        if fault.exchange:
            content = json.dumps(self.issue(family)).encode()
            family.spent_ns.append(time.monotonic_ns())
        if fault.body is not None:
            content = base64.b64decode(fault.body)
        answer = _message(fault.status, content, fault.headers)
        family.answer_bytes = len(answer)
        return answer, fault

    def issue(self, family: Family) -> dict[str, Json]:
        family.number += 1
        mark = f"{family.name}-{family.number}"
        expires = int(time.time()) + self.seconds_ahead + self.expires_in
        claims = claims_of(family.user, family.account, expires, jti=mark)
        family.valid = f"rt_{CANARY}_{mark}"
        family.access = make_jwt(claims, f"access-{mark}")
        self.owner[family.valid] = family.name
        return {
            "access_token": family.access,
            "refresh_token": family.valid,
            "id_token": make_jwt({**claims, "email": f"{family.name}@example.com"}, f"id-{mark}"),
            "expires_in": self.expires_in,
            "token_type": "bearer",
        }

    def obey(self, order: Mapping[str, Json]) -> Json:
        with self.mutex:
            match order["do"]:
                case "sign_in":
                    name = str(order["family"])
                    fresh = Family(name, f"user-{name}", f"acc-{name}")
                    family = self.families.setdefault(name, fresh)
                    return {"account": family.account, **self.issue(family)}
                case "fault":
                    found = cast("dict[str, Json]", order["fault"])
                    headers = tuple(cast("Sequence[str]", found.pop("headers", ())))
                    self.faults.append(Fault(**found, headers=headers))  # type: ignore[arg-type] # made by asdict
                case "no faults":
                    self.faults.clear()
                case "delays":
                    self.delays = (cast("float", order["before"]), cast("float", order["after"]))
                    self.draw = random.Random(cast("int", order["seed"]))
                case "expires":
                    self.expires_in = cast("int", order["seconds"])
                case "forget":
                    self.families.clear()
                    self.owner.clear()
                    self.faults.clear()
                case "state":
                    return self.state()
        return None

    def state(self) -> Json:
        families: dict[str, Json] = {}
        for name, each in self.families.items():
            plain: dict[str, Json] = {
                key: getattr(each, key)
                for key in ("valid", "access", "posts", "own_posts", "reused", "own_reused", "answer_bytes")
            }
            families[name] = {**plain, "spent_ns": list(each.spent_ns)}
        return {
            "families": families,
            "unknown": self.unknown,
            "readers": list(self.readers),
            "strangers": self.strangers,
        }


def _read(peer: socket.socket) -> tuple[bytes, bytes] | None:
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = peer.recv(65_536)
        if not piece:
            return None
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    sizes = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    length = int(sizes[0].split(b":")[1]) if sizes else 0
    while len(body) < length:
        piece = peer.recv(65_536)
        if not piece:
            return None
        body += piece
    return head, body


def _bearer(head: bytes) -> str:
    lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization: bearer ")]
    return lines[0].split(b" ")[2].decode() if lines else ""


def _is_expired(token: str) -> bool:
    part = token.split(".")[1] if token.count(".") == 2 else ""
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) or b"{}")
    return float(claims.get("exp", time.time() + 1)) <= time.time()


def _message(status: int, body: bytes, headers: tuple[str, ...]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Seen:
    """What the service knows of one family, and of visitors who should not have come."""

    valid: str
    access: str
    posts: int
    own_posts: int
    reused: int
    own_reused: int
    answer_bytes: int
    spent_ns: tuple[int, ...]
    unknown: int
    strangers: int


class Service:
    """The owner's end of the service."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.service"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        self._mutex = threading.Lock()
        ports = cast("Mapping[str, int]", self._hear())
        self.root = f"http://127.0.0.1:{ports['door']}"
        self.token_url = f"{self.root}/oauth/token"
        self.base_url = f"{self.root}/backend-api"
        self.elsewhere_url = f"http://127.0.0.1:{ports['elsewhere']}/oauth/token"

    def sign_in(self, family: str = "ann") -> dict[str, object]:
        """A new login of a family, as the file that codex would write; the old refresh token ends."""
        found = cast("dict[str, str]", self._ask({"do": "sign_in", "family": family}))
        return {
            "auth_mode": "chatgpt",
            "OPENAI_API_KEY": None,
            "tokens": {
                "id_token": found["id_token"],
                "access_token": found["access_token"],
                "refresh_token": found["refresh_token"],
                "account_id": found["account"],
            },
            "last_refresh": "2026-11-10T21:00:00.123456789Z",
        }

    def seen(self, family: str = "ann") -> Seen:
        """How things stand with a family."""
        raw = cast("Mapping[str, Json]", self._ask({"do": "state"}))
        found = cast("Mapping[str, Mapping[str, Json]]", raw["families"])[family]
        fields = {**found, "spent_ns": tuple(cast("Sequence[int]", found["spent_ns"]))}
        return Seen(**fields, unknown=raw["unknown"], strangers=raw["strangers"])  # type: ignore[arg-type] # plain JSON

    def readers(self) -> tuple[str, ...]:
        """The access tokens with which the usage was read last."""
        raw = cast("Mapping[str, Json]", self._ask({"do": "state"}))
        return tuple(cast("Sequence[str]", raw["readers"]))

    def fault(self, fault: Fault) -> None:
        """Let the next token request go wrong."""
        plain = {name: getattr(fault, name) for name in Fault.__dataclass_fields__}
        self._ask({"do": "fault", "fault": plain})

    def no_faults(self) -> None:
        """Forget the faults that were not used."""
        self._ask({"do": "no faults"})

    def delays(self, before: float, after: float, seed: int = 0) -> None:
        """Take up to so many seconds before and after the token is spent."""
        self._ask({"do": "delays", "before": before, "after": after, "seed": seed})

    def expires_in(self, seconds: int) -> None:
        """How long access tokens live that are issued from now on."""
        self._ask({"do": "expires", "seconds": seconds})

    def forget(self) -> None:
        """Start with no login at all."""
        self._ask({"do": "forget"})

    def _ask(self, order: Mapping[str, Json]) -> Json:
        assert self._process.stdin is not None
        with self._mutex:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            return self._hear()

    def _hear(self) -> Json:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the login service ended")
        found: Json = json.loads(line)
        return found

    def close(self) -> None:
        """End the service."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def main() -> None:
    """Serve until stdin ends."""
    server = _Server()
    ports = {"door": server.door.getsockname()[1], "elsewhere": server.elsewhere.getsockname()[1]}
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(server.obey(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
