"""A login service on loopback that takes each refresh token once, with scripted faults."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType

CANARY = "CANARY"


def make_jwt(claims: dict[str, object], mark: str = "sig") -> str:
    """An unsigned JWT; its last part holds the canary that no other place may ever hold."""
    parts = (json.dumps({"alg": "RS256", "typ": "JWT"}), json.dumps(claims), f"{CANARY}-{mark}")
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)


def claims_of(
    user: str = "user-Ann", account: str = "acc-1", expires: int | None = None, **more: object
) -> dict[str, object]:
    """The claims that the real service puts into its tokens."""
    auth = {"chatgpt_user_id": user, "chatgpt_account_id": account, "chatgpt_plan_type": "plus"}
    found: dict[str, object] = {"https://api.openai.com/auth": auth, **more}
    return found if expires is None else {**found, "exp": expires}


@dataclass(frozen=True)
class Exchange:
    """Exchange the token, then answer as asked; the token is spent whatever happens to the answer.

    `cut`: how many bytes of the body are sent (negative: all but so many) before the connection ends.
    """

    omit: tuple[str, ...] = ()
    cut: int | None = None
    reset: bool = False
    instead: bytes | None = None
    status: int = 200
    account: str = "acc-1"
    headers: tuple[str, ...] = ()
    #: an access token that tells nothing of its owner
    opaque: bool = False


@dataclass(frozen=True)
class Say:
    """Answer without looking at the token."""

    status: int
    body: bytes = b"{}"
    headers: tuple[str, ...] = ()


@dataclass
class TokenServer:
    """Serves until the block ends. `valid` is the one refresh token that the service would take now."""

    expires: int
    valid: str = f"rt_{CANARY}_0"
    user: str = "user-Ann"
    script: deque[Exchange | Say] = field(default_factory=deque)
    #: refresh tokens in the order they came
    posts: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    access: str = ""

    def __post_init__(self) -> None:
        self.arrived = threading.Event()
        self.release = threading.Event()
        self.release.set()
        self._mutex = threading.Lock()
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> TokenServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self.release.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/oauth/token"

    def sign_in(self) -> str:
        """The refresh token of a new login; the one before ends."""
        self.valid = f"rt_{CANARY}_{int(self.valid.rpartition('_')[2]) + 100}"
        return self.valid

    def reply(self, omit: tuple[str, ...] = (), account: str = "acc-1", *, opaque: bool = False) -> bytes:
        """Exchange: the next tokens, as the body that carries them."""
        number = int(self.valid.rpartition("_")[2]) + 1
        if "refresh_token" not in omit:
            self.valid = f"rt_{CANARY}_{number}"
        claims = claims_of(self.user, account, self.expires, jti=f"{len(self.posts)}-{number}")
        access = f"opaque-{CANARY}-{number}" if opaque else make_jwt(claims, f"access-{number}")
        if "access_token" not in omit:
            self.access = access
        body = {
            "access_token": access,
            "refresh_token": self.valid,
            "id_token": make_jwt({**claims, "email": "ann@example.com"}, f"id-{number}"),
            "expires_in": 864_000,
            "token_type": "bearer",
        }
        return json.dumps({name: value for name, value in body.items() if name not in omit}).encode()

    def _accept(self) -> None:
        while not self._closed:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        self.connections += 1
        with peer:
            peer.settimeout(30)
            try:
                body = self._read(peer)
                if body is None:
                    return
                with self._mutex:
                    token = str(json.loads(body)["refresh_token"])
                    self.posts.append(token)
                    self.bodies.append(body)
                    answer, reset, cut = self._decide(token)
                self.arrived.set()
                self.release.wait(30)
                if reset:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                start = answer.index(b"\r\n\r\n") + 4
                end = len(answer) if cut is None else cut if cut < 0 else start + cut
                peer.sendall(answer[:end])
            except OSError:
                return

    def _decide(self, token: str) -> tuple[bytes, bool, int | None]:
        plan = self.script.popleft() if self.script else Exchange()
        if isinstance(plan, Say):
            return _message(plan.status, plan.body, plan.headers), False, None
        if token != self.valid:
            error = {"error": {"code": "refresh_token_reused", "message": f"{token} was used", "type": "x"}}
            return _message(401, json.dumps(error).encode(), ()), False, None
        body = self.reply(plan.omit, plan.account, opaque=plan.opaque)
        if plan.instead is not None:
            body = plan.instead
        return _message(plan.status, body, plan.headers), plan.reset, plan.cut

    def _read(self, peer: socket.socket) -> bytes | None:
        raw = b""
        while b"\r\n\r\n" not in raw:
            piece = peer.recv(65_536)
            if not piece:
                return None
            raw += piece
        head, _, body = raw.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        while len(body) < length:
            body += peer.recv(65_536)
        return body


def _message(status: int, body: bytes, headers: tuple[str, ...]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
