"""Forty planted secrets, the services that know and repeat them, and a search that knows their shapes."""

from __future__ import annotations

import base64
import json
import random
import string
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

from tests.sources.logins import AUTH, access_token, id_token

_PART: Final = 12
_LETTERS: Final = string.ascii_letters + string.digits
#: Accounts in files: alive, refused with a quotation, sent elsewhere, expired.
PEOPLE: Final = ("ann", "bob", "cyd", "dee")


@dataclass
class Canaries:
    """Secrets by what they are; each is a random text that stands in one place."""

    seed: int = 1
    known: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        if name not in self.known:
            rng = random.Random(f"{self.seed} {name}")
            self.known[name] = "".join(rng.choices(_LETTERS, k=40))
        return self.known[name]

    def token(self, name: str, user: str, *, alive: bool = True, kind: str = "access") -> str:
        """A login's token whose signature is the secret."""
        expires = datetime.now(UTC) + timedelta(days=6 if alive else -6)  # noqa: DTZ005, RUF100 - real clocks judge it
        if kind == "refresh":
            return f"rt_{self[name]}"
        plain = (
            access_token(f"user-{user}", f"acct-{user}", expires)
            if kind == "access"
            else id_token(f"{user}@example.com")
        )
        return plain.rpartition(".")[0] + "." + self[name]

    def leaks(self, sink: bytes) -> list[str]:
        """The secrets of which twelve characters stand in the sink: plain, in base64 or as in addresses."""
        owners: dict[bytes, str] = {}
        for name, secret in self.known.items():
            for form in _forms(secret):
                owners.update((form[at : at + _PART], name) for at in range(len(form) - _PART + 1))
        parts = {sink[at : at + _PART] for at in range(len(sink) - _PART + 1)}
        return sorted({owners[part] for part in parts & owners.keys()})


def _forms(secret: str) -> Iterable[bytes]:
    plain = secret.encode()
    yield plain
    yield quote(secret, safe="").encode()
    yield plain.hex().encode()
    for shift in range(3):
        # somewhere inside a longer text that is encoded, with the ends left out that depend on neighbours
        yield base64.b64encode(b"x" * shift + plain)[4:-4]


class Services:
    """Usage, token and pool services on one loopback port, in a thread; all of them repeat what they know."""

    def __init__(self, canaries: Canaries) -> None:
        self.canaries = canaries
        #: what stood in the process table while a token was on its way
        self.children: list[bytes] = []
        services = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._serve(b"")

            def do_POST(self) -> None:
                self._serve(self.rfile.read(int(self.headers.get("content-length", 0))))

            def _serve(self, body: bytes) -> None:
                status, headers, answer = services.answer(
                    self.path, self.headers.get("authorization", ""), body
                )
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                content = json.dumps(answer).encode()
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def answer(self, path: str, auth: str, body: bytes) -> tuple[int, list[tuple[str, str]], object]:
        """What a service says."""
        give = self.canaries
        cookies = [
            ("Set-Cookie", f"cf_clearance={give['cf cookie']}; Path=/"),
            ("Set-Cookie", f"__Secure-session-token={give['session cookie']}"),
            ("X-Oai-Attestation", give["header"]),
        ]
        if path.startswith("/oauth"):
            return self._token(json.loads(body)["refresh_token"])
        if path.startswith("/backend-api"):
            if auth.endswith(give["bob access"]):
                words = {"error": {"code": "token_revoked", "message": f"{auth} is over"}}
                return 401, [*cookies, ("WWW-Authenticate", f'Bearer error="{give["www"]}"')], words
            if auth.endswith(give["cyd access"]):
                place = f"https://hooks.example.com/services/T0/B0/{give['location']}"
                return 307, [("Location", place)], {}
            return 200, cookies, self._usage(auth)
        if path.startswith("/auth/dashboard-login"):
            return (
                200,
                [("Set-Cookie", f"_codex_session={give['pool session']}; HttpOnly")],
                {"success": True},
            )
        told = f"https://hooks.example.com/services/{give['pool webhook']} sk-{give['pool words']}"
        told += f" Bearer {give['pool bearer']} {auth} {body.decode()}"
        return 500, cookies, {"error": {"message": told, "code": f"sk-{give['pool code']}"}}

    def _usage(self, auth: str) -> object:
        give = self.canaries
        window = {"used_percent": 42, "limit_window_seconds": 18000, "reset_at": 1995215660}
        return {
            "plan_type": "plus",
            "rate_limit": {"allowed": True, "limit_reached": False, "primary_window": window},
            "promo": {
                "echo": auth,
                "part": auth[-16:],
                "encoded": base64.b64encode(auth.removeprefix("Bearer ").encode()).decode(),
                "other": f"{access_token().rpartition('.')[0]}.{give['foreign jwt']}",
                "key": f"use sk-{give['api key']}",
                "bearer": f"Bearer {give['bearer']}",
                "slack": f"https://hooks.slack.example.com/services/T00/B00/{give['slack']}",
                "discord": f"https://discord.example.com/api/webhooks/1/{give['discord']}",
                "userinfo": f"https://me:{give['userinfo']}@pool.example.com/",
                "query": f"https://pool.example.com/?x=1&access_token={give['query']}",
                "cookie": f"a=b; __Secure-next-auth.session-token={give['cookie']}; c=d",
                "client_secret": give["member"],
                "bare": give["bare"],
                "hex": give["hex"].encode().hex(),
            },
        }

    def _token(self, sent: str) -> tuple[int, list[tuple[str, str]], object]:
        give = self.canaries
        if not sent.endswith(give["ann refresh"]):
            words = f"{sent} and rt_{give['foreign refresh']} are not known"
            return 401, [], {"error": {"code": "refresh_token_reused", "message": words}}
        for place in Path("/proc").glob("[0-9]*"):
            try:
                line, environ = (place / "cmdline").read_bytes(), (place / "environ").read_bytes()
            except OSError:
                continue
            if b"poolwatch.custody" in line:
                self.children.append(line + environ)
        return 200, [], {
            "access_token": give.token("ann new access", "ann"),
            "refresh_token": f"rt_{give['ann new refresh']}",
            "id_token": give.token("ann new id", "ann", kind="id"),
        }  # fmt: skip

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def plant(root: Path, canaries: Canaries, url: str) -> tuple[Path, Mapping[str, str]]:
    """Logins, keys and passwords where they belong; the configuration, and what the environment holds."""
    pool = root / "pool"
    pool.mkdir(parents=True)
    for person in PEOPLE:
        tokens = {
            "id_token": canaries.token(f"{person} id", person, kind="id"),
            "access_token": canaries.token(f"{person} access", person, alive=person != "dee"),
            "refresh_token": canaries.token(f"{person} refresh", person, kind="refresh"),
            "account_id": f"acct-{person}",
        }
        _put(pool / f"{person}.json", json.dumps({"OPENAI_API_KEY": None, "tokens": tokens, AUTH: None}))
    _put(pool / "key.json", json.dumps({"OPENAI_API_KEY": f"sk-{canaries['openai key']}"}))
    at = f"at-{canaries['personal token']}"
    _put(pool / "personal.json", json.dumps({"auth_mode": "personal", "personal_access_token": at}))
    _put(root / "password", canaries["dashboard password"])
    _put(root / "management", canaries["management key"])
    tables = [
        ("auth-files", "pool", f'path = "{pool}"\ncustody = "poolwatch"\nbase_url = "{url}/backend-api"\n'
         f'token_url = "{url}/oauth/token"'),
        ("codex-proxy", "proxy", f'url = "{url}"\ndashboard_password_file = "{root}/password"'),
        ("codex-lb", "lb", f'url = "{url}"\napi_key_env = "LB_KEY"'),
        ("cli-proxy-api", "cpa", f'url = "{url}"\napi_key_file = "{root}/management"'),
    ]  # fmt: skip
    text = "".join(
        f'[[sources]]\nkind = "{kind}"\nname = "{name}"\n{more}\n\n' for kind, name, more in tables
    )
    return _put(root / "config.toml", text), {"LB_KEY": canaries["lb key"]}


def _put(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path
