"""The app on a real terminal and a real ledger, changed from within: `python -m benchmarks.in_loop N ROUNDS`.

It ends by printing `RESULT` and JSON: samples by name.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime

from tests.ui.pools import NOW, ZONE, crowd, state_of
from tests.ui.scripted_feed import ScriptedFeed
from textual.driver import Driver

from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import PoolChanged, ReadingArrived
from poolwatch.domain.state import PoolState
from poolwatch.domain.usage import UsageSnapshot, UsageWindow
from poolwatch.domain.values import replace
from poolwatch.monitor.ledger import Ledger
from poolwatch.presentation.view import Prefs
from poolwatch.ui.app import PoolApp
from poolwatch.ui.state import AppOptions

#: Long enough for a burst to be told and painted, in seconds.
_SETTLE = 0.6


class LedgerFeed(ScriptedFeed):
    """A feed over the ledger that the program itself uses."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger.state, NOW, ZONE)
        self.ledger = ledger
        #: CPU seconds of the loop's thread when the newest burst was told, and how many bursts there were
        self.told: tuple[float, float, int] = (0.0, 0.0, 0)

    @property
    def state(self) -> PoolState:
        """The ledger's."""
        return self.ledger.state

    async def changes(self) -> AsyncIterator[PoolChanged]:
        """The ledger's."""
        async for change in self.ledger.changes():
            self.told = (time.thread_time(), time.perf_counter(), self.told[2] + 1)
            yield change


class Measured(PoolApp):
    """Notes when something was last written to the terminal, and how much."""

    written = 0
    written_at = 0.0

    def get_driver_class(self) -> type[Driver]:
        """The usual driver, with `write` counted."""
        app = self
        usual = super().get_driver_class()

        class Counting(usual):  # type: ignore[misc, valid-type]  # the class is only known here
            def write(self, data: str) -> None:
                app.written += len(data.encode())
                app.written_at = time.perf_counter()
                super().write(data)

        return Counting


def _reading(state: PoolState, key: AccountKey, turn: int) -> ReadingArrived:
    account = state.accounts[key]
    windows = tuple(
        replace(window, used_percent=float((hash(key) + turn * 37) % 90), limit_reached=None)
        for window in (account.usage.windows or (UsageWindow(1.0, 18000, None),))
    )
    base = account.usage.base
    limit = replace(base.value, windows=windows) if base is not None and base.value is not None else None
    plan = account.usage.plan.value if account.usage.plan is not None else None
    source = account.listings[0].ref.source
    return ReadingArrived(key, source, _at(turn), UsageSnapshot(plan=plan, base=limit))


def _at(turn: int) -> datetime:
    return NOW.replace(microsecond=turn)


async def _measure(app: Measured, feed: LedgerFeed, rounds: int, found: dict[str, list[float]]) -> None:
    await asyncio.sleep(2.0)
    wall = app.screen.query_one("#wall")
    visible = wall.visible_keys  # type: ignore[attr-defined]  # the wall of accounts
    everybody = tuple(feed.state.accounts)
    for turn in range(1, rounds + 1):
        for name, keys in (("one", visible[turn % len(visible) :][:1]), ("all", everybody)):
            events = [_reading(feed.state, key, turn) for key in keys]
            begun = time.thread_time()
            for event in events:
                feed.ledger.take(event)
            found[f"{name} taken in, cpu ms"].append((time.thread_time() - begun) * 1000)
            app.written = 0
            bursts = feed.told[2]
            await asyncio.sleep(_SETTLE)
            cpu, at, told = feed.told
            if told != bursts + 1:
                raise RuntimeError(f"{told - bursts} bursts instead of one")
            found[f"{name} painted, cpu ms"].append((time.thread_time() - cpu) * 1000)
            found[f"{name} painted, ms"].append((app.written_at - at) * 1000)
            found[f"{name} bytes"].append(app.written)
            # the pool's own figures follow at most once a second
            await asyncio.sleep(_SETTLE)
    app.exit(return_code=0)


def main(accounts: int, rounds: int) -> None:
    """Run the app and print what was found."""
    feed = LedgerFeed(Ledger(state_of(crowd(accounts))))
    app = Measured(feed, AppOptions(pool_name="work", prefs=Prefs(zone=ZONE)))
    found: dict[str, list[float]] = defaultdict(list)

    async def run() -> None:
        measuring = asyncio.create_task(_measure(app, feed, rounds, found))
        await app.run_async(mouse=False)
        await measuring

    asyncio.run(run())
    sys.stdout.write(f"RESULT{json.dumps(found)}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
