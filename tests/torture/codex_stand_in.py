"""A program with the commands, files and messages of codex, as 0.169 and 0.171 were seen to have them.

Run as a script, it is what stands on the PATH where there is no codex. It needs nothing but Python.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias, cast

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | int | float | bool | None"

VERSION = "0.171.0"
_COMMAND_LINE = "codex_cli_rs"
#: It renews what lives no longer than this.
_SOON_SECONDS = 300
_CLIENT_ID = "app_stand_in"


class Codex:
    """One app-server on a home: it renews as it starts and when it is asked something, until it gives up."""

    def __init__(self, home: Path) -> None:
        self.file = home / "auth.json"
        config = (home / "config.toml").read_text()
        self.base_url = config.split('chatgpt_base_url = "')[1].split('"')[0]
        self.login = cast("dict[str, dict[str, str]]", json.loads(self.file.read_text()))
        self.agent = f"{_COMMAND_LINE}/{VERSION} (Linux; x86_64) unknown"
        #: the login service has refused its refresh token for good
        self.gave_up = False
        self.renew()

    def renew(self) -> None:
        """Renew a login that ends soon, once; what fails in passing is tried again at the next request."""
        tokens = self.login["tokens"]
        if self.gave_up or _expiry(tokens["access_token"]) > time.time() + _SOON_SECONDS:
            return
        order = {"client_id": _CLIENT_ID, "grant_type": "refresh_token"}
        url = os.environ["CODEX_REFRESH_TOKEN_URL_OVERRIDE"]
        body = json.dumps({**order, "refresh_token": tokens["refresh_token"]}).encode()
        try:
            found = cast("dict[str, str]", json.loads(self.fetch(url, body)))
        except urllib.error.HTTPError as error:
            self.gave_up = error.code == 401
            return
        except OSError:
            return
        tokens |= {name: found[name] for name in ("id_token", "access_token", "refresh_token")}
        beside = self.file.with_name("auth.json.new")
        beside.write_text(json.dumps(self.login, indent=2))
        beside.chmod(0o600)
        beside.replace(self.file)

    def fetch(self, url: str, body: bytes | None = None, **headers: str) -> bytes:
        """What a service answers; HTTPError for anything but a success."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(url, body, {"User-Agent": self.agent, **headers})
        with opener.open(request, timeout=20) as reply:
            return cast("bytes", reply.read())

    def reply(self, said: Mapping[str, Json]) -> Mapping[str, Json] | None:
        """The answer to one message; None where there is none."""
        if "id" not in said:
            return None
        match said["method"]:
            case "initialize":
                params = cast("Mapping[str, Mapping[str, str]]", said["params"])
                return {"id": said["id"], "result": self.greet(params["clientInfo"])}
            case "account/rateLimits/read":
                return {"id": said["id"], **self.limits()}
            case "account/read":
                return {"id": said["id"], **self.account()}
        return {"id": said["id"], "error": {"code": -32600, "message": "unknown method"}}

    def greet(self, client: Mapping[str, str]) -> Json:
        """Its client's name stands before its own version from here on, unless the environment has one."""
        name = os.environ.get("CODEX_INTERNAL_ORIGINATOR_OVERRIDE") or client["name"]
        self.agent = f"{name}/{VERSION} (Linux; x86_64) unknown ({client['name']}; {client['version']})"
        return {"userAgent": self.agent, "codexHome": str(self.file.parent), "platformOs": "linux"}

    def limits(self) -> Mapping[str, Json]:
        """The usage; an expired token is refused in the same words whatever kept it from being renewed."""
        self.renew()
        url = f"{self.base_url}/wham/usage"
        try:
            self.fetch(url, Authorization=f"Bearer {self.login['tokens']['access_token']}")
        except urllib.error.HTTPError as error:
            body = error.read().decode()
            return _error(
                f"failed to fetch codex rate limits: GET {url} failed: {error.code} Unauthorized; body={body}"
            )
        return {"result": {"rateLimits": {"limitId": "codex"}, "accountId": None}}

    def account(self) -> Mapping[str, Json]:
        """None once it has given up its login; else what the service says, and nothing is said here."""
        self.renew()
        if self.gave_up:
            return {"result": {"account": None, "userId": None, "requiresOpenaiAuth": True}}
        return _error("workspace routing discovery failed")


def _error(message: str) -> Mapping[str, Json]:
    return {"error": {"code": -32603, "message": message}}


def _expiry(token: str) -> float:
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return float(claims["exp"])


def talk(codex: Codex) -> None:
    """Answer the client on stdin until it goes."""
    for line in sys.stdin:
        answer = codex.reply(json.loads(line))
        if answer is not None:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


def listen() -> None:
    """A daemon: it takes connections, and without one it does nothing, whatever becomes of the file."""
    with tempfile.TemporaryDirectory(prefix="codex-daemon-") as folder, socket.socket(socket.AF_UNIX) as door:
        door.bind(str(Path(folder) / "socket"))
        door.listen()
        clients = []
        while True:
            clients.append(door.accept()[0])


def main(words: list[str]) -> None:
    """`app-server`, on stdio or as a daemon, or the daemon's updater, which never renews."""
    if words[:3] == ["app-server", "daemon", "pid-update-loop"]:
        while True:
            time.sleep(60)
    codex = Codex(Path(os.environ["CODEX_HOME"]))
    if "--listen" in words:
        listen()
    else:
        talk(codex)


if __name__ == "__main__":
    main(sys.argv[1:])
