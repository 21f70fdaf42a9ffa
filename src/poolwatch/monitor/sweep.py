"""One pass over the accounts whose reading is old, for commands that print and end."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import timedelta

from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import Recalled
from poolwatch.domain.schedule import is_older
from poolwatch.domain.state import AccountState
from poolwatch.monitor.agenda import is_polled
from poolwatch.monitor.clock import Clock
from poolwatch.monitor.ledger import Ledger
from poolwatch.monitor.poller import Poller
from poolwatch.monitor.ports import ReadingStore


class Sweep:
    """Reads what is older than asked for, never faster than the floor that all processes share."""

    def __init__(
        self, poller: Poller, ledger: Ledger, store: ReadingStore, clock: Clock, concurrency: int
    ) -> None:
        self._poller = poller
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._concurrency = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        #: the accounts that were asked
        self.asked: set[AccountKey] = set()

    def is_due(self, account: AccountState, older_than: timedelta) -> bool:
        """Whether its last try is that long ago, and no wait was asked for; with zero, everybody is."""
        return older_than <= timedelta(0) or _is_due(account, older_than, self._clock)

    async def run(self, keys: Collection[AccountKey], older_than: timedelta) -> None:
        """Read these accounts where the last try is at least `older_than` ago; zero reads them all."""
        waiting = iter(tuple(keys))

        async def work() -> None:
            for key in waiting:
                async with self._slots:
                    await self._one(key, older_than)

        # a task for each account would have them all begin before the first is asked
        await asyncio.gather(*(work() for _ in range(min(self._concurrency, len(keys)))))

    async def _one(self, key: AccountKey, older_than: timedelta) -> None:
        account = self._ledger.state.accounts.get(key)
        if account is None or not is_polled(account) or self._poller.live_listing(account) is None:
            return
        now = self._clock.now()
        if older_than <= timedelta(0):
            # told before anything is sent; the disk writes it while the service answers
            await self._store.note_poll(key.id, now)
            await self._read(key)
            return
        if not _is_due(account, older_than, self._clock):
            return
        if not await self._store.claim_poll(key.id, now, older_than):
            self._ledger.take(Recalled(await self._store.load_some((key.id,))))
            kept = self._ledger.state.accounts.get(key)
            if kept is None or kept.tried_at is not None:
                return
            # whoever noted that poll was killed before it kept an answer: there is nothing to wait for
            await self._store.note_poll(key.id, now)
        await self._read(key)

    async def _read(self, key: AccountKey) -> None:
        self.asked.add(key)
        await self._poller.read(key)


def _is_due(account: AccountState, older_than: timedelta, clock: Clock) -> bool:
    now = clock.now()
    trouble = account.reading_trouble
    if trouble is not None and trouble.retry_at is not None and trouble.retry_at > now:
        return False
    return is_older(account.tried_at, older_than, now)
