"""Readings outlive the run: saved in small batches, with a history row for each figure that moved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.values import is_undated
from poolwatch.monitor.clock import Clock
from poolwatch.monitor.ledger import Ledger
from poolwatch.monitor.ports import Moved, ReadingStore

SAVE_SECONDS: Final = 1.0
#: What could not be saved is tried again after this long.
AGAIN_SECONDS: Final = 10.0
#: Of figures that moved so many wait for a disk that takes nothing; the oldest go first.
_MOST_MOVED: Final = 10_000
_TREMBLE: Final = timedelta(seconds=1)


class Keeping:
    """Writes what the ledger marks as unsaved."""

    def __init__(self, ledger: Ledger, store: ReadingStore, clock: Clock) -> None:
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._writing = asyncio.Lock()
        self._moved: list[Moved] = []
        self._kept = ledger.state
        self._touched = asyncio.Event()
        ledger.on_reading(self._on_reading)
        ledger.on_event(self._touched.set)

    async def run(
        self, every_seconds: float = SAVE_SECONDS, tried: Callable[[], None] = lambda: None
    ) -> None:
        """Save for ever, about that often when there is something; ends by cancellation.

        `tried` is called after each time, whether or not all could be saved.
        """
        while True:
            await self._touched.wait()
            await self._clock.sleep(every_seconds)
            self._touched.clear()
            if self._is_behind():
                is_kept = await self.flush()
                tried()
                if not is_kept:
                    await self._clock.sleep(AGAIN_SECONDS)
                    self._touched.set()

    def _is_behind(self) -> bool:
        ledger = self._ledger
        return bool(ledger.unsaved or ledger.gone or self._moved) or _facts_differ(self._kept, ledger.state)

    async def flush(self) -> bool:
        """Save everything unsaved now, and whether that was kept; what was not stays unsaved.

        Cancelling the wait does not end the saving.
        """
        return await asyncio.shield(asyncio.create_task(self._save()))

    async def _save(self) -> bool:
        async with self._writing:
            return await self._save_unsaved()

    async def _save_unsaved(self) -> bool:
        moved, self._moved = self._moved, []
        state = self._ledger.state
        unsaved = [state.accounts[key] for key in self._ledger.unsaved if key in state.accounts]
        gone = tuple(self._ledger.gone)
        self._ledger.unsaved.clear()
        self._ledger.gone.clear()
        is_kept = True
        if (unsaved or moved) and not await self._store.save(unsaved, moved):
            is_kept = False
            self._moved = [*moved, *self._moved][-_MOST_MOVED:]
            self._ledger.unsaved |= {account.key for account in unsaved}
        if gone and not await self._store.forget([key.id for key in gone]):
            is_kept = False
            self._ledger.gone |= {key for key in gone if key not in self._ledger.state.accounts}
        if _facts_differ(self._kept, state):
            if await self._store.keep_facts(state):
                self._kept = state
            else:
                is_kept = False
        return is_kept

    def _on_reading(self, before: AccountState, after: AccountState) -> None:
        if after.read_at is not None:
            # a history of figures that nobody dates tells when they were heard of
            at = (after.tried_at or after.read_at) if is_undated(after.read_at) else after.read_at
            self._moved.append(Moved(after.key.id, before.usage, after.usage, at))


def _facts_differ(kept: PoolState, state: PoolState) -> bool:
    """Whether what is remembered beside the accounts has changed; clocks always tremble a little."""
    if state.sources is not kept.sources or state.rates != kept.rates:
        return True
    return abs(state.clock_offset - kept.clock_offset) > _TREMBLE
