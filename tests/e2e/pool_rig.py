"""Running pools for tests of the whole program: two accounts and a key each, and all that can fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.headless import Look, look
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.domain.account import AccountKey
from poolwatch.domain.overview import PoolOverview
from poolwatch.monitor.ledger import Clock
from poolwatch.presentation.strip import strip_view
from poolwatch.presentation.view import Prefs
from tests.support.cli_proxy_server import CALL, CliProxyServer, Said, login
from tests.support.codex_lb_server import CodexLbServer, LbAccountState
from tests.support.codex_proxy_server import CodexProxyServer, ProxyAccountState
from tests.support.replay_server import Response, always, never

Server = CodexProxyServer | CodexLbServer | CliProxyServer
KEY = "sk-fake-of-a-pool-0123456789"
PAYLOADS = Path(__file__).parent.parent / "payloads"


def payload(name: str) -> dict[str, object]:
    found = json.loads(next(PAYLOADS.glob(f"{name}-*.json")).read_bytes())
    assert isinstance(found, dict)
    return found


def around(folder: Path, sources: str) -> Surroundings:
    config = folder / "config.toml"
    config.write_text(sources)
    env = {"HOME": str(folder), "POOLWATCH_STATE_DIR": str(folder / "state")}
    found = look_around(Options(config), env)
    assert isinstance(found, Surroundings), found
    return found


def everybody(seen: PoolOverview) -> list[AccountKey]:
    return list(seen.by_key)


async def looked(folder: Path, sources: str, clock: Clock | None = None) -> Look:
    return await look(around(folder, sources), timedelta(0), everybody, clock)


def proxy_accounts() -> tuple[ProxyAccountState, ProxyAccountState]:
    alive = ProxyAccountState(
        "a1",
        "pool02@example.com",
        "acc-02",
        "user-ExampleFake02",
        usage=payload("02"),
        label="north",
        plan="pro",
    )
    expired = ProxyAccountState("a2", "old@example.com", "acc-99", "user-99", status="expired")
    return alive, expired


@dataclass
class Rig:
    """One pool that answers, how to break it, and what is written in the config for it."""

    server: Server
    program: str
    folder: Path
    sources: str
    #: of one account's own request: how it ends
    one: str

    @property
    def requests(self) -> int:
        """How many requests reached it."""
        return len(self.server.requests)

    def all_answer(self, response: Response | None) -> None:
        """This answer (None: none at all) to every request."""
        if isinstance(self.server, CliProxyServer):
            self.server.script = [_said(response)] * 50 if response is not None else [_hang] * 50
        else:
            self.server.fault = never if response is None else always(response)

    def one_answers(self, response: Response) -> None:
        """This answer to what is asked for one of the two accounts, the usual ones to all else."""
        if isinstance(self.server, CliProxyServer):
            self.server.call_script = [_said(response)]
        else:
            self.server.fault = self.server.at_route(self.one, response)

    def mend(self) -> None:
        """The usual answers again."""
        if isinstance(self.server, CliProxyServer):
            self.server.script, self.server.call_script = [], []
        else:
            self.server.fault = None

    def write_key(self, key: str) -> None:
        """Put this key into the file that the config names."""
        path = self.folder / "pool.key"
        path.write_text(f"{key}\n")
        path.chmod(0o600)

    async def look(self, later: timedelta = timedelta(0)) -> Look:
        """One look of the whole program, everything asked for."""
        return await looked(self.folder, self.sources, Later(later))

    def around(self) -> Surroundings:
        """What a command finds."""
        return around(self.folder, self.sources)


class Later(RealClock):
    """The machine's clock, some time on."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        """That instant."""
        return super().now() + self._by


def notices(seen: Look) -> list[str]:
    """The lines about the whole pool, times taken out."""
    view = strip_view(seen.overview, seen.state, Prefs(seen.overview.rules, zone=UTC), "")
    return [notice.text for notice in view.notices]


def figures(seen: Look) -> Mapping[str, list[float | None]]:
    """The percentages of every account's windows."""
    return {
        each.account.email or "": [window.used_percent for window in each.account.usage.windows]
        for each in seen.overview.accounts
    }


def _said(response: Response) -> Said:
    return Said(
        response.status,
        response.body,
        {name.replace("_", "-"): value for name, value in response.headers.items()},
    )


async def _hang(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def _codex_proxy(numbers: Sequence[int]) -> CodexProxyServer:
    accounts = [
        ProxyAccountState(
            f"a{number}",
            f"pool{number:02}@example.com",
            f"00000000-0000-4000-8000-{number:012}",
            f"user-ExampleFake{number:02}",
            usage=payload(f"{number:02}"),
        )
        for number in numbers
    ]
    return CodexProxyServer(*accounts, key=KEY)


def _codex_lb(numbers: Sequence[int]) -> CodexLbServer:
    accounts = [
        LbAccountState(f"acc-{number}", f"pool{number:02}@example.com", payload(f"{number:02}"))
        for number in numbers
    ]
    return CodexLbServer(*accounts, key=KEY)


def _cli_proxy(numbers: Sequence[int]) -> CliProxyServer:
    server = CliProxyServer([login(number) for number in numbers], key=KEY)
    server.date = format_datetime(datetime.now(UTC), usegmt=True)
    for number in numbers:
        server.serve_usage(number, json.dumps(payload(f"{number:02}")).encode())
    return server


POOLS: Mapping[
    str, tuple[Callable[[Sequence[int]], CodexProxyServer | CodexLbServer | CliProxyServer], str, str]
] = {
    "codex-proxy": (_codex_proxy, "codex-proxy", "/a1/quota"),
    "codex-lb": (_codex_lb, "codex-lb", "nothing is asked for one account"),
    "cli-proxy-api": (_cli_proxy, "CLIProxyAPI", CALL),
}


@asynccontextmanager
async def running(kind: str, folder: Path, numbers: Sequence[int] = (1, 2)) -> AsyncIterator[Rig]:
    """A pool of this kind with the accounts of these payloads, and its key in a file of the home folder."""
    make, program, one = POOLS[kind]
    async with make(numbers) as server:
        sources = (
            f'[poll]\ntimeout_seconds = 1\n[[sources]]\nkind = "{kind}"\nname = "north"\n'
            f'url = "{server.url}"\napi_key_file = "~/pool.key"\n'
        )
        rig = Rig(server, program, folder, sources, one)
        rig.write_key(KEY)
        yield rig
