"""Work in pieces, between which the event loop has its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Final, TypeVar

T = TypeVar("T")

#: A turn on the event loop is no longer, in seconds.
_TURN: Final = 0.003


async def in_turns(work: Generator[None, None, T]) -> T:
    """What comes of work that is done in pieces, the event loop having a turn after each."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            value: T = done.value
            return value
        await asyncio.sleep(0)


class Turns:
    """Work that lets others have their turn where it pauses."""

    def __init__(self, turn: float = _TURN) -> None:
        """`turn` is how long one may be, in seconds."""
        self._turn = turn
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()

    async def pause(self) -> None:
        """Give way, if this turn has been long enough."""
        if self._loop.time() - self._begun > self._turn:
            await asyncio.sleep(0)
            self._begun = self._loop.time()
