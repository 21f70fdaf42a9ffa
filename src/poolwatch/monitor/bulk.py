"""A refresh of many accounts: spread out, stoppable, told as it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import BulkProgress
from poolwatch.domain.refresh import RefreshProgress
from poolwatch.monitor.clock import Clock
from poolwatch.monitor.ledger import Ledger
from poolwatch.monitor.refresh import IN_FLIGHT, RefreshChain

#: Between two starts, so that a pool is not refreshed in one burst.
START_GAP_SECONDS: Final = 0.25


class BulkRefresh:
    """At most one refresh of many at a time; the token step runs only where a token is due."""

    def __init__(self, chain: RefreshChain, ledger: Ledger, clock: Clock) -> None:
        self._chain = chain
        self._ledger = ledger
        self._clock = clock
        self._task: asyncio.Task[dict[AccountKey, RefreshProgress]] | None = None
        self._stopping = False

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._task is not None and not self._task.done()

    def start(self, keys: Collection[AccountKey]) -> bool:
        """Begin; False while another one is under way."""
        if self.running:
            return False
        self._stopping = False
        self._task = asyncio.create_task(self.run(keys))
        return True

    def stop(self) -> None:
        """Start no further account."""
        self._stopping = True

    async def run(
        self, keys: Collection[AccountKey], *, only_if_due: bool = True
    ) -> dict[AccountKey, RefreshProgress]:
        """Refresh all of them, in order, and return how each ended."""
        ended: dict[AccountKey, RefreshProgress] = {}
        slots = asyncio.Semaphore(IN_FLIGHT)
        total = len(keys)

        async def one(key: AccountKey) -> None:
            async with slots:
                if self._stopping:
                    return
                ended[key] = await self._chain.run(key, only_if_due=only_if_due)
                self._tell(ended, total, done=False)

        async with asyncio.TaskGroup() as group:
            for index, key in enumerate(keys):
                if index >= IN_FLIGHT:
                    await self._clock.sleep(START_GAP_SECONDS)
                if self._stopping:
                    break
                group.create_task(one(key))
                self._tell(ended, total, done=False)
        self._tell(ended, total, done=True)
        return ended

    async def close(self) -> None:
        """Stop and wait for what runs to be let go."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _tell(self, ended: dict[AccountKey, RefreshProgress], total: int, *, done: bool) -> None:
        failed = sum(progress.failed for progress in ended.values())
        changed = sum(bool(progress.changes) for progress in ended.values())
        self._ledger.tell(bulk=BulkProgress(len(ended), total, failed, done, changed))
