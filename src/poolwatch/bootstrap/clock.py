"""The one home of the real clock and of randomness."""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime

draw = random.random
"""A number in 0..1, for jitter."""


def settle_zone() -> None:
    """Take UTC where TZ is a day or more away from it: Python has no time of day there."""
    try:
        datetime.now(UTC).astimezone()
    except ValueError:
        os.environ["TZ"] = "UTC"
        time.tzset()


class RealClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        """This instant, aware UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        import asyncio  # `status --line` needs the time, and no loop

        await asyncio.sleep(seconds)
