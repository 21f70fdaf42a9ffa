"""The process that spends one token, or asks the installed codex to renew its own, and ends.

It lives in a session of its own and ignores the signals that end its caller: between the request and the
file it must not be stopped. What it did stands in the journal; it prints nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from msgspec.json import decode

from poolwatch.config.settings import DEFAULT_NET, NetSettings
from poolwatch.custody.attempt import RefreshAttempt
from poolwatch.custody.codex import ask_codex
from poolwatch.custody.exchange import Verdict
from poolwatch.custody.login_file import Fingerprint
from poolwatch.custody.protocol import Seen, Tools, spend_login
from poolwatch.custody.state_dir import Fingerprinter, StateDir
from poolwatch.domain.account import Secret
from poolwatch.host.files import FileProblem
from poolwatch.once.process import UNREPORTED, stand_alone


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say; the exit status matters only when the journal is silent."""
    order = _parser().parse_args(arguments)
    stand_alone()
    if order.command == "delegate":
        return ask_codex(order.codex, order.home, StateDir(order.state)).value
    state = StateDir(order.state)
    fingerprint = Fingerprinter.from_state_dir(state.root)
    if isinstance(fingerprint, FileProblem) or state.prepare() is not None:
        return UNREPORTED
    attempt = RefreshAttempt(order.file, order.attempt, _now(), order.account, order.user)
    try:
        seen = Seen.parse(order.seen)
        tools = _tools(order.token_url, order.net, fingerprint)
        spend_login(state, attempt, seen, tools, try_once=order.try_once)
    except OSError:
        return UNREPORTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m poolwatch.custody", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    spend = commands.add_parser("spend", help="exchange the refresh token of one login file")
    spend.add_argument("--state", type=Path, required=True)
    spend.add_argument("--file", type=Path, required=True)
    spend.add_argument("--token-url", required=True)
    spend.add_argument("--seen", required=True)
    spend.add_argument("--attempt", required=True)
    spend.add_argument("--account")
    spend.add_argument("--user")
    spend.add_argument("--net", type=partial(decode, type=NetSettings), default=DEFAULT_NET)
    spend.add_argument("--try-once", action="store_true")
    delegate = commands.add_parser("delegate", help="ask the installed codex to renew its own login")
    delegate.add_argument("--state", type=Path, required=True)
    delegate.add_argument("--codex", type=Path, required=True)
    delegate.add_argument("--home", type=Path, required=True)
    return parser


def _tools(token_url: str, net: NetSettings, fingerprint: Fingerprint) -> Tools:
    # imported when a token is really sent: processes that only adopt are quick
    def send(token: Secret) -> Verdict:
        from poolwatch.custody.exchange import judge, post_refresh
        from poolwatch.net.client import HttpClient
        from poolwatch.net.names import run

        client = HttpClient(net, os.environ)
        return judge(run(post_refresh(client, token_url, token)), _now())

    def prepare() -> None:
        import poolwatch.custody.exchange
        import poolwatch.net.client  # noqa: F401 - which takes most of the time

    return Tools(fingerprint=fingerprint, now=_now, send=send, prepare=prepare)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the process's own clock


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
