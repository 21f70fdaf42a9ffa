"""The demo: the simulated upstream in a process of its own, and the app pointed at it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from subprocess import DEVNULL
from typing import Final

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import EXIT_FAILED, complain
from poolwatch.bootstrap.screen import run_app
from poolwatch.bootstrap.surroundings import Options
from poolwatch.words.commands import said

#: Seconds; whoever is not done by then is ended, and what was imported stays.
_LONGEST_IMPORT: Final = 30.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The simulated pool: its size, its seed, and how fast it lives."""

    accounts: int = 12
    seed: int = 7
    speed: float = 1.0
    #: bytes of session files in its Codex homes
    sessions: int = 4_000_000
    #: settings from options, as for the app itself: `ui.glyphs`, `ui.theme` …
    overrides: Mapping[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> list[str]:
        """The upstream's command line."""
        return ["--accounts", str(self.accounts), "--seed", str(self.seed), "--speed", str(self.speed)]


def run_demo(options: DemoOptions | None = None) -> int:
    """Open the app on the simulated pool; everything it writes goes into a folder that ends with it."""
    options = options or DemoOptions()
    with tempfile.TemporaryDirectory(prefix="poolwatch-demo-") as folder:
        home = Path(folder)
        with upstream(options, home / "upstream") as started:
            if started is None:
                complain(said("demo_failed"))
                return EXIT_FAILED
            env = {
                **{name: value for name, value in os.environ.items() if not name.startswith("POOLWATCH_")},
                "HOME": str(home),
                # not as an option: commands to paste would name a file that ends with the demo
                "POOLWATCH_CONFIG": str(started.config),
                "POOLWATCH_STATE_DIR": str(home / "state"),
                "POOLWATCH_DATA_DIR": str(home / "data"),
            }
            env.pop("CODEX_HOME", None)
            asyncio.run(_remember_lapsed(options, started.config.parent, home / "state"))
            bring = partial(_bring_past, options, started.at, env)
            return run_app(run_demo, Options(overrides=options.overrides, simulated=True), env, bring)


@dataclass(frozen=True, slots=True)
class Started:
    """An upstream that serves: the configuration for it, and when its pool began, as RFC 3339."""

    config: Path
    at: str


@contextmanager
def upstream(options: DemoOptions, home: Path) -> Iterator[Started | None]:
    """The running upstream; it ends when its stdin closes, however we end."""
    command = [sys.executable, "-m", "poolwatch.demo", "--serve", "--home", str(home), *options.arguments]
    command += ["--sessions", str(options.sessions)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        line = process.stdout.readline() if process.stdout is not None else b""
        yield _started(line)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def _remember_lapsed(options: DemoOptions, home: Path, state_dir: Path) -> None:
    """Store what was read of the lapsed login before it lapsed, as an earlier run would have.

    It needs somebody, so it stands first, and `r` shows which of its figures moved.
    """
    from poolwatch.demo.files import login_path
    from poolwatch.demo.habits import LAPSED_HOURS
    from poolwatch.demo.pool import accounts
    from poolwatch.demo.usage import Motion, usage_payload
    from poolwatch.domain.account import AccountKey, Custody, Listing, SourceRef
    from poolwatch.domain.events import Listed, ReadingArrived
    from poolwatch.domain.pool import apply
    from poolwatch.domain.state import PoolState
    from poolwatch.sources.usage_payload import parse_usage
    from poolwatch.store.store import Store

    pool = accounts(options.seed, options.accounts)
    account = next((each for each in pool if each.state == "lapsed"), None)
    if account is None:
        return
    now = RealClock().now()
    read_at = now - timedelta(hours=LAPSED_HOURS)
    place = account.logins[0].places[0]
    listing = Listing(
        SourceRef(place, str(login_path(home, account, 0, place))),
        user_id=account.user_id,
        account_id=account.account_id,
        email=account.email,
        custody=Custody.POOLWATCH,
    )
    payload = usage_payload(account, Motion(now.timestamp(), now.timestamp(), options.speed))
    usage = parse_usage(json.dumps(payload).encode(), read_at)
    key = AccountKey(listing.provider, account.user_id, account.account_id)
    state = apply(PoolState(), Listed(place, (listing,), read_at))
    state = apply(state, ReadingArrived(key, place, read_at, usage))
    store = Store(state_dir, now)
    await store.save(state.accounts.values(), now)
    await store.aclose()


async def _bring_past(options: DemoOptions, until: str, env: Mapping[str, str]) -> None:
    """Have the past imported, as a person would; in processes of their own, so that keys are answered."""
    telling = ("poolwatch.demo", "--past", *options.arguments, "--freeze", until)
    taking = ("poolwatch", "data", "import", "-")
    start = partial(
        asyncio.create_subprocess_exec, sys.executable, "-m", stderr=DEVNULL, start_new_session=True
    )
    started: list[asyncio.subprocess.Process] = []
    reading, writing = os.pipe()
    try:
        with suppress(OSError):  # no process is to be had: then there is no past
            started.append(await start(*telling, stdin=DEVNULL, stdout=writing))
            started.append(await start(*taking, stdin=reading, stdout=DEVNULL, env=env))
    finally:
        os.close(reading)
        os.close(writing)
    try:
        async with asyncio.timeout(_LONGEST_IMPORT):
            for process in started:
                await process.wait()
    except TimeoutError:
        pass
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                process.kill()
            # it writes into a folder that is removed
            await process.wait()


def _started(line: bytes) -> Started | None:
    try:
        told = json.loads(line)
        return Started(Path(told["config"]), str(told["started_at"]))
    except (ValueError, KeyError, TypeError):
        return None


def serve_demo(options: DemoOptions, port: int, home: Path | None) -> int:
    """Serve only: one line of JSON, then HTTP until stdin closes or an interrupt."""
    from poolwatch.demo.__main__ import main

    place = ["--home", str(home)] if home is not None else []
    files = ["--sessions", str(options.sessions)]
    return main(["--serve", "--with-past", "--port", str(port), *place, *files, *options.arguments])
