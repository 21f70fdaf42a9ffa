"""Refreshes that the polling process was asked for: shown here as they begin, and as they end there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import RefreshMoved
from poolwatch.domain.refresh import RefreshProgress
from poolwatch.monitor.clock import Clock
from poolwatch.monitor.ledger import Ledger
from poolwatch.monitor.ports import Asked, RequestQueue

#: How often the asker looks whether its wish is fulfilled.
LOOK_SECONDS: Final = 0.5
#: After so long it looks no more: a codex that renews its own login has ended by then.
PATIENCE_SECONDS: Final = 300.0


async def ended(
    requests: RequestQueue, number: int, clock: Clock, given_up: Callable[[], bool]
) -> RefreshProgress | None:
    """Wait for the end of a wish that was taken; None when nothing came of it, or nobody is there any more.

    `given_up` is asked at every look: whether the process that took the wish polls no more.
    """
    waited = 0.0
    while waited < PATIENCE_SECONDS:
        told = await requests.told(number)
        if told.done or given_up():
            return told.progress
        await clock.sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
    return None


class PassedOn:
    """Follows the wishes of a viewer, so that its cards show them like refreshes of its own."""

    def __init__(self, requests: RequestQueue, ledger: Ledger, clock: Clock) -> None:
        self._requests = requests
        self._ledger = ledger
        self._clock = clock
        self._following: set[asyncio.Task[None]] = set()

    async def ask(self, key: AccountKey, asked: Asked, given_up: Callable[[], bool]) -> bool:
        """Put a wish; False when nobody took it. Its steps are followed in the background."""
        number = await self._requests.ask(key.id, asked, self._clock.now())
        if number is None:
            return False
        started = RefreshProgress(self._clock.now(), usage_only=asked in (Asked.USAGE, Asked.POLL))
        self._ledger.take(RefreshMoved(key, started, started.started_at))
        task = asyncio.create_task(self._follow(key, number, given_up))
        self._following.add(task)
        task.add_done_callback(self._following.discard)
        return True

    async def close(self) -> None:
        """Follow nothing any more; what was asked for goes on in the other process."""
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)

    async def _follow(self, key: AccountKey, number: int, given_up: Callable[[], bool]) -> None:
        progress = await ended(self._requests, number, self._clock, given_up)
        self._ledger.take(RefreshMoved(key, progress, self._clock.now()))
