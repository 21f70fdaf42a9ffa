"""A clock that stands still until a test turns it."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

START: Final = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
#: More turns of the event loop than this, at one instant, is a loop that spins.
_SPINNING: Final = 20_000


class TurnedClock:
    """Sleepers park on a heap and are woken in order; the wall may leap, as when a machine slept."""

    def __init__(self, wall: datetime = START) -> None:
        self._wall = wall
        self._elapsed = 0.0
        self._order = count()
        self._parked: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._wall

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._parked, (self._elapsed + seconds, next(self._order), woken))
        await woken

    @property
    def sleepers(self) -> int:
        """How many will be woken when enough time passes."""
        return sum(not woken.done() for _, _, woken in self._parked)

    async def advance(self, seconds: float) -> None:
        """Let time pass, and everything happen that happens meanwhile."""
        await self.settle()
        end = self._elapsed + seconds
        while self._parked and self._parked[0][0] <= end:
            at, _, woken = heapq.heappop(self._parked)
            if woken.done():
                continue
            self._move_to(at)
            woken.set_result(None)
            await self.settle()
        self._move_to(end)
        await self.settle()

    async def settle(self) -> None:
        """Let everything happen that can happen without time passing."""
        ready = getattr(asyncio.get_running_loop(), "_ready")  # noqa: B009 - the type does not show it
        for _ in range(_SPINNING):
            await asyncio.sleep(0)
            if not ready:
                return
        raise AssertionError("something spins instead of waiting")

    def leap(self, by: timedelta) -> None:
        """The wall clock moves, the sleepers notice nothing."""
        self._wall += by

    def _move_to(self, elapsed: float) -> None:
        # the wall moves by the same, without summing up rounding errors
        self._wall += timedelta(microseconds=round(elapsed * 1e6) - round(self._elapsed * 1e6))
        self._elapsed = elapsed
