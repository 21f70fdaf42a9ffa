"""Bursts of changes: whatever happens within a tenth of a second is told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Final

from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import BulkProgress, PoolChanged
from poolwatch.domain.values import replace

#: At most ten bursts a second.
GAP_SECONDS: Final = 0.1


class Broadcast:
    """Collects touched accounts; each listener takes what came since it last looked.

    `describe` must have no effect: every listener asks it on its own.
    """

    def __init__(
        self,
        describe: Callable[[frozenset[AccountKey] | None], PoolChanged],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._describe = describe
        self._sleep = sleep
        self._listeners: list[_Listener] = []

    def touch(self, keys: Collection[AccountKey] | None) -> None:
        """Something about these accounts changed; None: about the pool as a whole."""
        for listener in self._listeners:
            listener.touch(keys)

    async def changes(self) -> AsyncIterator[PoolChanged]:
        """Bursts, the first of them at once and about everything. The end of a bulk is told once."""
        listener = _Listener()
        told_end = self._describe(None).bulk
        listener.touch(None)
        self._listeners.append(listener)
        try:
            while True:
                await listener.event.wait()
                changed = self._describe(listener.take())
                if changed.bulk is not None and changed.bulk.done:
                    changed, told_end = _told_once(changed, told_end), changed.bulk
                yield changed
                await self._sleep(GAP_SECONDS)
        finally:
            self._listeners.remove(listener)


def _told_once(changed: PoolChanged, told_end: BulkProgress | None) -> PoolChanged:
    return replace(changed, bulk=None) if changed.bulk is told_end else changed


class _Listener:
    def __init__(self) -> None:
        self.event = asyncio.Event()
        self._keys: set[AccountKey] = set()
        self._whole = False

    def touch(self, keys: Collection[AccountKey] | None) -> None:
        if keys is None:
            self._whole = True
        else:
            self._keys.update(keys)
        self.event.set()

    def take(self) -> frozenset[AccountKey] | None:
        self.event.clear()
        keys = None if self._whole else frozenset(self._keys)
        self._keys.clear()
        self._whole = False
        return keys
