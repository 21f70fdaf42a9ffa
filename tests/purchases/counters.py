"""A wish to top up at a local service, carried out in a process of its own as the app and commands do it."""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import poolwatch.net.client  # noqa: F401 - a fork has it
from poolwatch.domain.purchases import Caps, Purchase, TopUpKind, last_charged
from poolwatch.purchases import __main__ as purchases_main
from poolwatch.purchases.topping_up import TopUpOrder
from poolwatch.purchases.topup_book import TopUpBook, key_of
from poolwatch.purchases.topup_service import carry_out, new_purchase
from tests.support.topup_server import TOKEN, TopUpServer

CAPS = Caps(Decimal(10_000), Decimal(100_000))


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Counter:
    """Where one person buys at one service."""

    state: Path
    server: TopUpServer
    caps: Caps = CAPS
    pending_seconds: float = 0.2
    token_file: Path = field(init=False)

    def __post_init__(self) -> None:
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.token_file = self.state / "token"
        self.token_file.write_text(TOKEN + "\n")
        self.token_file.chmod(0o600)

    @property
    def book(self) -> TopUpBook:
        return TopUpBook(self.state, now)

    @property
    def key(self) -> str:
        return key_of(self.server.url)

    def known(self) -> tuple[Purchase, ...]:
        return self.book.known(self.key).purchases

    def find(self, purchase: Purchase) -> Purchase:
        found = self.book.known(self.key).find(purchase.id)
        assert found is not None
        return found

    def wish(self, amount: str = "10", target: str = "pool") -> Purchase:
        kind = TopUpKind.GENERIC if self.server.takes_key else TopUpKind.REEF
        return new_purchase("team", kind, self.server.url, target, Decimal(amount), "USD", now())

    def order(self, purchase: Purchase, *, again: bool = False, seen: str | None = None) -> TopUpOrder:
        if seen is None:
            seen = last_charged(self.known(), purchase.target)
        return TopUpOrder(
            str(self.state),
            secrets.token_hex(8),
            purchase,
            self.caps,
            seen,
            again,
            str(self.token_file),
            first_look_seconds=0.01,
            look_seconds=0.02,
            pending_seconds=self.pending_seconds,
        )

    def buy(self, amount: str = "10", target: str = "pool", *, seen: str | None = None) -> Purchase:
        return carry_out(self.order(self.wish(amount, target), seen=seen), self.book)

    def ask(self, purchase: Purchase) -> Purchase:
        return carry_out(self.order(purchase, again=True), self.book)


class Forked:
    """A fork of this process that runs the module as `python -m` does, without half a second of imports."""

    def __init__(self, module: str, errand: bytes, environment: Mapping[str, str]) -> None:
        assert module == "poolwatch.purchases"
        with warnings.catch_warnings():
            # the threads of the local service have no say in the child
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            code = 70
            try:
                os.environ.clear()
                os.environ.update(environment)
                code = purchases_main.carry(errand)
            finally:
                os._exit(code)

    def wait(self) -> int:
        """Its exit status; below zero the signal that ended it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
