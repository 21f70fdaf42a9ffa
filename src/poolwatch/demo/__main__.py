"""`python -m poolwatch.demo --serve`: one line of JSON, then HTTP until stdin closes or a signal comes.

`--past` instead prints what was before, for `poolwatch data import`.
"""

import argparse
import contextlib
import json
import os
import signal
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from poolwatch.demo import files
from poolwatch.demo.balances import balance_lines
from poolwatch.demo.control import Control
from poolwatch.demo.past import past_lines
from poolwatch.demo.pool import MOST_ACCOUNTS, accounts
from poolwatch.demo.server import Server
from poolwatch.demo.service import CREDITS_PATH, HOOK_PATH, TOKEN_PATH, Service
from poolwatch.demo.session_shapes import size_of
from poolwatch.demo.tokens import Ledger
from poolwatch.demo.topups import TopUps, topup_tables, topup_token

_ENDED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STDIN_CLOSED = signal.SIGUSR1


class Options(msgspec.Struct):
    """What the command line asks for."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    home: str | None = None
    accounts: Annotated[int, msgspec.Meta(ge=1, le=MOST_ACCOUNTS)] = 12
    seed: int = 7
    speed: Annotated[float, msgspec.Meta(gt=0, le=100_000)] | None = None
    freeze: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    control: bool = False
    past: bool = False
    with_past: bool = False
    sessions: int = 0

    def clock(self) -> float:
        """The epoch second, which may stand still."""
        return time.time() if self.freeze is None else self.freeze.timestamp()

    @property
    def pace(self) -> float:
        """How many times as fast as in reality everything happens."""
        return self.speed or 1.0


def _options(argv: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m poolwatch.demo",
        description="A simulated upstream on 127.0.0.1 with a pool of invented accounts.",
        argument_default=argparse.SUPPRESS,
    )
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--serve", action="store_true", help="serve until stdin closes or a signal comes")
    kind.add_argument(
        "--past", action="store_true", help="print what was read in the 60 days before this instant, and end"
    )
    parser.add_argument("--port", help="the port; unset, a free one")
    parser.add_argument("--home", help="the folder for its files; unset, a temporary one")
    parser.add_argument("--accounts", help=f"size of the pool, at most {MOST_ACCOUNTS}; unset, 12")
    parser.add_argument("--seed", help="the same seed gives the same pool; unset, 7")
    parser.add_argument("--speed", help="how fast consumption and resets go; unset, 1")
    parser.add_argument("--freeze", metavar="INSTANT", help="let time stand still at this RFC 3339 instant")
    parser.add_argument("--with-past", action="store_true", help="write the past into its folder as well")
    parser.add_argument(
        "--sessions",
        type=size_of,
        metavar="SIZE",
        help="write so much of session files into its Codex homes, and go on while it runs; unset, none",
    )
    parser.add_argument("--control", action="store_true", help="serve the control endpoints of tests")
    try:
        return msgspec.convert(vars(parser.parse_args(argv)), Options, strict=False)
    except msgspec.ValidationError as error:
        parser.error(str(error).replace("`$.", "`--"))


def _complain(text: str) -> int:
    # a name may hold what steers a terminal
    plain = "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in text)
    sys.stderr.write(f"poolwatch demo: {plain}\n")
    return 1


def _watch_stdin() -> None:
    """Signal when stdin closes, if it is a pipe; otherwise stdin says nothing."""
    with contextlib.suppress(OSError):
        kind = os.fstat(0).st_mode
        if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind):
            while os.read(0, 4_096):
                pass
            os.kill(os.getpid(), _STDIN_CLOSED)


def _serve(options: Options, home: Path, server: Server) -> None:
    journal = files.Journal(home, files.Beginning(options.seed, options.accounts, options.clock()))
    pool = accounts(options.seed, options.accounts)
    ledger = Ledger(pool, journal.began.start, journal.append)
    for exchange in journal.past:
        ledger.advance(exchange)
    if not (home / "config.toml").exists():
        files.write_logins(home, pool, ledger)
    urls = {"base_url": f"{server.root}/backend-api", "token_url": server.root + TOKEN_PATH}
    # as budgets, it is there where somebody looks at all of it
    credits_url = server.root + CREDITS_PATH if options.sessions else ""
    hook_url = server.root + HOOK_PATH
    topups = topup_tables(home, server.root) if options.sessions else ""
    upstream = files.Upstream(
        **urls, hook_url=hook_url, pace=options.pace, credits_url=credits_url, more=topups
    )
    config = files.write_config(home, pool, upstream)
    start = journal.began.start
    bought = TopUps(topup_token(home), options.clock, start)
    hook_key = files.hook_key(home)
    service = Service(pool, ledger, options.clock, start, options.pace, hook_key, bought.answer)
    server.start(service, Control(service, home) if options.control else None)
    line = urls | {"config": str(config), "home": str(home), "started_at": _instant(start)}
    if options.with_past:
        past = past_lines(pool, start, options.pace) + balance_lines(start)
        line["past"] = str(files.write_past(home, past.decode()))
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    if options.sessions:
        from poolwatch.demo.homes import Homes

        Homes(server, home, start, options.pace, options.sessions).start()


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _print_past(options: Options) -> int:
    start = options.clock()
    lines = past_lines(accounts(options.seed, options.accounts), start, options.pace) + balance_lines(start)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()
    return 0


def _run(options: Options) -> int:
    if options.home is not None and not options.home.isprintable():
        # its configuration names it
        return _complain(f"{options.home}: a folder with such a name cannot be served from")
    # before any file is written and for every thread, so that an early signal waits and all is cleaned up
    signal.pthread_sigmask(signal.SIG_BLOCK, (*_ENDED_BY, _STDIN_CLOSED))
    threading.Thread(target=_watch_stdin, daemon=True).start()
    try:
        server = Server(options.port)
    except OSError as error:
        return _complain(f"port {options.port} on 127.0.0.1 cannot be used: {error.strerror}")
    with server, contextlib.ExitStack() as stack:
        try:
            home = Path(
                options.home
                or stack.enter_context(
                    tempfile.TemporaryDirectory(prefix="poolwatch-demo-", ignore_cleanup_errors=True)
                )
            )
            _serve(options, home.expanduser().absolute(), server)
        except files.HomeOccupiedError as error:
            return _complain(str(error))
        except BrokenPipeError:
            return 0
        except OSError as error:
            return _complain(f"{error.filename or options.home or 'its folder'}: {error.strerror}")
        number = signal.sigwait((*_ENDED_BY, _STDIN_CLOSED))
        # nobody is answered from here on
        server.lock.acquire()
        return 0 if number == _STDIN_CLOSED else 128 + number


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the simulated pool; returns the exit code (0 when stdin closed, 128+n after a signal)."""
    try:
        options = _options(argv)
    except SystemExit as ended:
        return int(ended.code or 0)
    return _print_past(options) if options.past else _run(options)


if __name__ == "__main__":
    sys.exit(main())
