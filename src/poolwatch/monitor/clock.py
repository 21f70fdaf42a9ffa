"""Time as the monitor needs it: given from outside, so that tests turn it by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The wall clock, and waiting by it."""

    def now(self) -> datetime:
        """This instant, aware UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a machine that sleeps meanwhile may make it longer."""
        ...
