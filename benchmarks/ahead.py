"""A thousand forecasts on one event loop, and how long each turn held it: `python -m benchmarks.ahead N`.

It ends by printing `RESULT` and JSON: samples by name.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from tests.ui.pools import NOW, crowd, state_of

from poolwatch.domain.cycles import Cycle, EndedBy, Rise
from poolwatch.domain.outlook import AccountOutlook, PoolOutlook
from poolwatch.domain.series import FigureName, Finest, HistoryRow, Timeline
from poolwatch.domain.state import PoolState
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY
from poolwatch.monitor.learning import Terms
from poolwatch.monitor.ledger import Ledger
from poolwatch.monitor.lookout import Lookout
from poolwatch.monitor.recorder import Recorder

#: Past weeks of every account, each used in so many of its hours.
_WEEKS = 8
_HOURS_USED = 80


class Past:
    """A store in memory in which every account has a past."""

    def __init__(self, state: PoolState) -> None:
        self._cycles = {
            account.key.id: weeks(account.key.id, window.resets_at, window.used_percent or 0.0, NOW)
            for account in state.accounts.values()
            for window in account.usage.windows
            if window.kind == WEEKLY and window.resets_at is not None
        }

    async def cycles(
        self, account_ids: Collection[str] | None, newest: int
    ) -> Mapping[str, tuple[Cycle, ...]]:
        """Those of these accounts."""
        return {each: self._cycles.get(each, ())[-newest:] for each in account_ids or ()}

    async def imports(self) -> int | None:
        """Nobody imports."""
        return 0

    async def history(self, account_id: str, since: datetime) -> tuple[HistoryRow, ...]:
        """None."""
        return ()

    async def timeline(
        self,
        account_id: str,
        name: FigureName,
        since: datetime,
        until: datetime,
        finest: Finest = Finest.CHANGE,
    ) -> Timeline:
        """None."""
        return Timeline()

    async def outlooks(self) -> tuple[Mapping[str, AccountOutlook], PoolOutlook | None]:
        """None."""
        return {}, None

    async def put_outlooks(self, accounts: Mapping[str, AccountOutlook], pool: PoolOutlook | None) -> bool:
        """They are not kept."""
        return True


class Clock:
    """Time stands still, unless it is put forward; who waits is back at once."""

    def __init__(self) -> None:
        self.forward = timedelta(0)

    def now(self) -> datetime:
        """The instant of all pools here, and by how much it was put forward."""
        return NOW + self.forward

    async def sleep(self, seconds: float) -> None:
        """A turn of the event loop."""
        await asyncio.sleep(0)


def weeks(account_id: str, resets_at: datetime, used: float, now: datetime) -> tuple[Cycle, ...]:
    """Eight past weeks of a weekly window, and the one that runs."""
    week = timedelta(weeks=1)
    found: list[Cycle] = []
    for ago in range(_WEEKS, -1, -1):
        ends, percent = resets_at - week * ago, used if ago == 0 else float(hash((account_id, ago)) % 90 + 5)
        first = int((ends - week).timestamp() // 3600)
        rises = tuple(Rise(first + 2 * each, percent / _HOURS_USED) for each in range(_HOURS_USED))
        is_over = ago > 0
        found.append(
            Cycle(
                account_id,
                BASE_BUCKET,
                WEEKLY,
                ends - week,
                604_800,
                ends,
                ends if is_over else None,
                EndedBy.RESET if is_over else None,
                percent,
                percent,
                min(ends, now),
                rises=tuple(rise for rise in rises if rise.hour * 3600 < now.timestamp()),
                readings=3,
            )
        )
    return tuple(found)


async def _measure(accounts: int) -> dict[str, list[float]]:
    state = state_of(crowd(accounts))
    past, ledger, clock = Past(state), Ledger(state), Clock()
    recorder = Recorder(past)
    for account in state.accounts.values():
        await recorder.burn.load(past, account.key.id, account.read_at, NOW)
    lookout = Lookout(ledger, past, recorder, clock, Terms(stale_after=timedelta(hours=12)))
    turns: list[float] = []

    async def count_turns() -> None:
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0)
            turns.append((time.thread_time() - begun) * 1000)

    counting = asyncio.create_task(count_turns())
    await asyncio.sleep(0)
    begun = time.thread_time()
    await lookout.look()
    learned = (time.thread_time() - begun) * 1000 / accounts
    counting.cancel()
    first = {
        account.outlook.made_at for account in ledger.state.accounts.values() if account.outlook is not None
    }
    # what was learned is known; an hour later only the forecasts are made anew
    clock.forward = timedelta(hours=1, minutes=15)
    begun = time.thread_time()
    await lookout.look()
    again = (time.thread_time() - begun) * 1000 / accounts
    made = sum(
        account.outlook is not None and account.outlook.made_at not in first
        for account in ledger.state.accounts.values()
    )
    return {
        "learned and foretold, cpu ms": [learned],
        "foretold anew, cpu ms": [again],
        "foretold": [float(made)],
        "turn, cpu ms": turns,
    }


def main(accounts: int) -> None:
    """Look ahead for a crowd and print what was found."""
    sys.stdout.write(f"RESULT{json.dumps(asyncio.run(_measure(accounts)))}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
