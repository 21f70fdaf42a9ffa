"""One coroutine per key at a time, whose result goes to all who ask meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """A caller that is cancelled leaves the others, and what they wait for, alone.

    An error that nobody waits for goes to the event loop's exception handler.
    """

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._running

    def __len__(self) -> int:
        return len(self._running)

    def start(self, key: Hashable, work: Callable[[], Coroutine[None, None, T]]) -> asyncio.Task[T]:
        """What is under way for this key, else what is started now."""
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(work())
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return task

    async def join(self, key: Hashable, work: Callable[[], Coroutine[None, None, T]]) -> T:
        """Its result."""
        return await asyncio.shield(self.start(key, work))

    async def cancel(self) -> None:
        """End all that is under way."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
