"""The process that buys once, and ends; in a session of its own, so that no end of its caller is its end.

Its order comes on standard input. What it did stands in its journal; it prints nothing.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from typing import Final

from msgspec import MsgspecError
from msgspec.json import decode

from poolwatch.domain.account import Secret
from poolwatch.domain.message import Message
from poolwatch.domain.purchases import Purchase
from poolwatch.once.process import UNREPORTED, stand_alone
from poolwatch.purchases.topping_up import Tools, TopUpOrder, top_up
from poolwatch.purchases.topup_replies import Sent

_LONGEST_ORDER: Final = 1024 * 1024


def main() -> int:
    """Do what standard input says; the exit status matters only when the journal is silent."""
    return carry(sys.stdin.buffer.read(_LONGEST_ORDER))


def carry(told: bytes) -> int:
    """Do what the order says; half of one is none."""
    stand_alone()
    try:
        order = decode(told, type=TopUpOrder)
    except (MsgspecError, ValueError):
        return UNREPORTED
    try:
        top_up(order, _tools(order))
    except OSError:
        return UNREPORTED
    return 0


def _tools(order: TopUpOrder) -> Tools:
    def token() -> Secret | Message:
        from poolwatch.purchases.topup_service import read_token

        return read_token(order.token_file, order.token_env, os.environ)

    def send(purchase: Purchase, secret: Secret) -> Sent:
        from poolwatch.net.client import HttpClient
        from poolwatch.net.names import run
        from poolwatch.purchases.topup_service import post

        return run(post(HttpClient(order.net, os.environ), purchase, secret, _now()))

    def look(purchase: Purchase, secret: Secret) -> Sent:
        from poolwatch.net.client import HttpClient
        from poolwatch.net.names import run
        from poolwatch.purchases.topup_service import get

        return run(get(HttpClient(order.net, os.environ), purchase, secret))

    def prepare() -> None:
        import poolwatch.net.client
        import poolwatch.purchases.topup_service  # noqa: F401 - which takes most of the time

    return Tools(_now, token, send, look, time.sleep, time.perf_counter, prepare)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the process's own clock


if __name__ == "__main__":
    sys.exit(main())
