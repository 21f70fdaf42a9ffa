"""A simulated upstream in a process of its own, for tests that want a real server.

`with Upstream(tmp_path / "demo") as upstream: ...` serves 12 accounts on loopback; files, tokens and figures
depend on the seed alone, apart from the instants. Labels of the accounts: see `poolwatch.demo.pool`.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, cast

_DEADLINE_SECONDS = 20.0


@dataclass(frozen=True)
class AccountSeen:
    """One account as the server knows it; `usage` is what it would serve now, None for an API key."""

    label: str
    group: str | None
    email: str
    user_id: str
    account_id: str
    plan: str
    state: str
    usage: Mapping[str, object] | None
    usage_gets: int
    token_posts: int
    refreshes: int
    refresh_fingerprints: tuple[str | None, ...]
    files: tuple[Path, ...]
    last_usage_headers: Mapping[str, str]


@dataclass(frozen=True)
class UpstreamState:
    """The whole server at one instant (`now`, epoch seconds); accounts by label."""

    now: float
    totals: Mapping[str, int]
    faults: Mapping[str, int | None]
    accounts: Mapping[str, AccountSeen]


def _account_seen(entry: Mapping[str, object]) -> AccountSeen:
    usage = entry["usage"]
    group = entry["group"]
    return AccountSeen(
        label=str(entry["label"]),
        group=None if group is None else str(group),
        email=str(entry["email"]),
        user_id=str(entry["user_id"]),
        account_id=str(entry["account_id"]),
        plan=str(entry["plan"]),
        state=str(entry["state"]),
        usage=None if usage is None else cast("Mapping[str, object]", usage),
        usage_gets=cast("int", entry["usage_gets"]),
        token_posts=cast("int", entry["token_posts"]),
        refreshes=cast("int", entry["refreshes"]),
        refresh_fingerprints=tuple(cast("Sequence[str | None]", entry["refresh_fingerprints"])),
        files=tuple(Path(name) for name in cast("Sequence[str]", entry["files"])),
        last_usage_headers=cast("Mapping[str, str]", entry["last_usage_headers"]),
    )


class Upstream:
    """Starts `python -m poolwatch.demo --serve --control`; stop it, or use it as a context manager.

    `speed` 1 and a `freeze` instant (RFC 3339) make every figure predictable. A restart keeps port, home,
    tokens and figures, and forgets orders and counts.
    """

    def __init__(
        self,
        home: Path,
        *,
        accounts: int = 12,
        seed: int = 7,
        speed: float = 1.0,
        freeze: str | None = None,
        port: int = 0,
    ) -> None:
        self._wanted_home = home
        self._options = ["--accounts", str(accounts), "--seed", str(seed), "--speed", str(speed)]
        if freeze is not None:
            self._options += ["--freeze", freeze]
        self._process: subprocess.Popen[bytes] | None = None
        self._start(port)

    def _start(self, port: int) -> None:
        command = [sys.executable, "-m", "poolwatch.demo", "--serve", "--control", "--port", str(port)]
        self._process = subprocess.Popen(
            [*command, "--home", str(self._wanted_home), *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None,
            env={name: value for name, value in os.environ.items() if "PROXY" not in name.upper()},
        )
        line = self._first_line(self._process)
        served = cast("Mapping[str, str]", json.loads(line))
        self.base_url: str = served["base_url"]
        self.token_url: str = served["token_url"]
        self.config = Path(served["config"])
        self.home = Path(served["home"])

    @staticmethod
    def _first_line(process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], _DEADLINE_SECONDS)
        line = process.stdout.readline() if ready else b""
        if not line:
            process.kill()
            process.communicate()
            raise AssertionError(f"the simulated upstream did not start (exit code {process.returncode})")
        return line

    @property
    def root(self) -> str:
        """The address without a path."""
        return self.base_url.removesuffix("/backend-api")

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.root.rpartition(":")[2])

    @property
    def pid(self) -> int:
        """The id of the server's process."""
        assert self._process is not None
        return self._process.pid

    def state(self) -> UpstreamState:
        """The pool as the server knows it now."""
        raw = cast("Mapping[str, object]", json.loads(self._ask("state", None)))
        seen = [_account_seen(entry) for entry in cast("Sequence[Mapping[str, object]]", raw["accounts"])]
        return UpstreamState(
            now=cast("float", raw["now"]),
            totals=cast("Mapping[str, int]", raw["totals"]),
            faults=cast("Mapping[str, int | None]", raw["faults"]),
            accounts={account.label: account for account in seen},
        )

    def account(self, label: str) -> AccountSeen:
        """One account as the server knows it now."""
        return self.state().accounts[label]

    def script(
        self,
        account: str,
        fault: Mapping[str, object] | None,
        *,
        endpoint: str = "usage",
        times: int | None = 1,
    ) -> None:
        """Order a fault for an account, for `*`, or for the token endpoint (`token`).

        Parts of a fault: `poolwatch.demo.control.Fault`. `times` None lasts until it is cleared; a fault of
        None clears what is queued there.
        """
        order: dict[str, object] = {"account": account, "endpoint": endpoint, "fault": fault}
        if fault is not None:
            order["times"] = times
        self._ask("script", order)

    def patch_usage(
        self, account: str, patch: Mapping[str, object] | None, *, remove: Sequence[str] = ()
    ) -> None:
        """Change what is served: merge members in, take dotted paths out; None undoes every change."""
        order: dict[str, object] = {"account": account}
        order |= {"clear": True} if patch is None else {"patch": dict(patch), "remove": list(remove)}
        self._ask("usage", order)

    def judge_login(
        self, account: str, *, access: str | None = None, refresh: str | None = None, login: int = 0
    ) -> None:
        """Change tokens' fate: access live|rejected; refresh live|expired|invalidated."""
        order: dict[str, object] = {"account": account, "login": login}
        order |= {
            name: value for name, value in (("access", access), ("refresh", refresh)) if value is not None
        }
        self._ask("login", order)

    def renew(self, account: str, *, login: int = 0, write: bool = True) -> None:
        """Let another program refresh a login: token is spent; with `write` its files get the new one."""
        self._ask("renew", {"account": account, "login": login, "write": write})

    def _ask(self, name: str, order: Mapping[str, object] | None) -> bytes:
        body = None if order is None else json.dumps(order).encode()
        request = urllib.request.Request(f"{self.root}/_demo/{name}", data=body)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_DEADLINE_SECONDS) as reply:
                return cast("bytes", reply.read())
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{name} refused: {error.read().decode()}") from None

    def stop(self, number: int | None = None) -> int:
        """End the server by closing its stdin, or by a signal; returns its exit code."""
        process = self._process
        if process is None:
            return 0
        self._process = None
        if number is not None:
            process.send_signal(number)
        try:
            process.communicate(timeout=_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return process.returncode

    def restart(self, *, down_seconds: float = 0.0) -> None:
        """Kill the server without warning and start it again at the same address on the same home."""
        port = self.port
        self.stop(signal.SIGKILL)
        time.sleep(down_seconds)
        self._start(port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
