"""The one home of the real clock and of randomness."""

from __future__ import annotations

import random
from datetime import UTC, datetime

draw = random.random
"""A number in 0..1, for jitter."""


class RealClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        """This instant, aware UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        import asyncio  # `status --line` needs the time, and no loop

        await asyncio.sleep(seconds)
