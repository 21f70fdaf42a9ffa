"""`python -m poolwatch.demo --serve`: one line of JSON, then HTTP until stdin closes or a signal comes."""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from poolwatch.demo import files
from poolwatch.demo.account import Account
from poolwatch.demo.control import Control
from poolwatch.demo.faults import FaultBook
from poolwatch.demo.ledger import Ledger
from poolwatch.demo.pool import MOST_ACCOUNTS, accounts
from poolwatch.demo.server import Server
from poolwatch.demo.service import TOKEN_PATH, Service

DEFAULT_ACCOUNTS = 12
DEFAULT_SEED = 7
DEFAULT_SPEED = 20.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; `frozen` is the epoch second at which time stands still."""

    port: int
    home: Path | None
    accounts: int
    seed: int
    speed: float
    frozen: float | None
    control: bool


def _instant(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no RFC 3339 instant") from error
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} names no time zone")
    return at.timestamp()


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return read


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from error
    if not 0 < speed <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0 and at most 100000")
    return speed


def _options(argv: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m poolwatch.demo",
        description="A simulated upstream on 127.0.0.1 with a pool of invented accounts.",
    )
    parser.add_argument(
        "--serve", action="store_true", required=True, help="serve until stdin closes or a signal comes"
    )
    parser.add_argument("--port", type=_whole(0, 65_535), default=0, help="the port; unset, a free one")
    parser.add_argument("--home", type=Path, help="the folder for its files; unset, a temporary one")
    parser.add_argument(
        "--accounts", type=_whole(1, MOST_ACCOUNTS), default=DEFAULT_ACCOUNTS, help="size of the pool"
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="the same seed gives the same pool")
    parser.add_argument(
        "--speed", type=_speed, help="how fast consumption and resets go; 20, or 1 when frozen"
    )
    parser.add_argument(
        "--freeze", type=_instant, metavar="INSTANT", help="let time stand still at this instant"
    )
    parser.add_argument("--control", action="store_true", help="serve the control endpoints of tests")
    found = parser.parse_args(argv)
    frozen: float | None = found.freeze
    speed: float | None = found.speed
    if speed is None:
        speed = DEFAULT_SPEED if frozen is None else 1.0
    return Options(found.port, found.home, found.accounts, found.seed, speed, frozen, found.control)


def _complain(text: str) -> int:
    # a name may hold what steers a terminal
    plain = "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in text)
    sys.stderr.write(f"poolwatch demo: {plain}\n")
    return 1


def _bind(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
    except OSError:
        listening.close()
        raise
    return listening


async def _watch_stdin(stop: Callable[[int], None]) -> asyncio.ReadTransport | None:
    """Call `stop(0)` when stdin closes, if it is a pipe; otherwise stdin says nothing."""
    try:
        kind = os.fstat(0).st_mode
    except OSError:
        return None
    if not (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
        return None

    class Watch(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            stop(0)

    # a descriptor of its own, so that closing the transport leaves sys.stdin alone
    pipe = os.fdopen(os.dup(0), "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(Watch, pipe)
    return transport


async def _serve(options: Options, home: Path, listening: socket.socket, ended: "asyncio.Future[int]") -> int:
    def clock() -> float:
        return time.time() if options.frozen is None else options.frozen

    began, journal, past = files.open_home(home, files.Beginning(options.seed, options.accounts, clock()))
    with contextlib.closing(journal):
        pool = accounts(began.seed, began.accounts)
        ledger = Ledger(began.seed, pool, began.start, journal.exchanged)
        for account, login, at in past:
            ledger.advance(account, login, at)
        root = f"http://127.0.0.1:{listening.getsockname()[1]}"
        base_url, token_url = f"{root}/backend-api", root + TOKEN_PATH
        if not (home / "config.toml").exists():
            files.write_logins(home, began.seed, pool, ledger)
        config = files.write_config(home, pool, base_url, token_url)

        def renewed(account: Account, login: int) -> None:
            files.write_login(home, began.seed, account, login, ledger)

        def paths(account: Account) -> list[str]:
            logins = enumerate(account.logins)
            return [
                str(files.login_path(home, account, number, place))
                for number, login in logins
                for place in login.places
            ]

        service = Service(pool, ledger, clock, began.start, options.speed)
        faults = FaultBook()
        server = Server(
            service, faults, Control(service, faults, renewed, paths) if options.control else None
        )
        running = await server.open(listening)
        line = {"base_url": base_url, "token_url": token_url, "config": str(config), "home": str(home)}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        code = await ended
        running.close()
        await server.close()
        return code


async def _run(options: Options) -> int:
    if options.home is not None and not str(options.home).isprintable():
        # its configuration names it
        return _complain(f"{options.home}: a folder with such a name cannot be served from")
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def stop(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    # before any file is written, so that an early signal still cleans up
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, 128 + number)
    stdin = await _watch_stdin(stop)
    try:
        listening = _bind(options.port)
    except OSError as error:
        return _complain(f"port {options.port} on 127.0.0.1 cannot be used: {error.strerror}")
    home = (
        options.home.expanduser().absolute()
        if options.home
        else Path(tempfile.mkdtemp(prefix="poolwatch-demo-"))
    )
    try:
        with listening:
            return await _serve(options, home, listening, ended)
    except files.HomeOccupiedError as error:
        return _complain(str(error))
    except BrokenPipeError:
        return 0
    except OSError as error:
        return _complain(f"{error.filename or home}: {error.strerror}")
    finally:
        if stdin is not None:
            stdin.close()
        if options.home is None:
            shutil.rmtree(home, ignore_errors=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the simulated pool; returns the exit code (0 when stdin closed, 128+n after a signal)."""
    try:
        options = _options(argv)
    except SystemExit as ended:
        return int(ended.code or 0)
    return asyncio.run(_run(options))


if __name__ == "__main__":
    sys.exit(main())
