"""Errors of our own: they are told, and what runs beside the polls ends nothing else by them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.message import Message, message

if TYPE_CHECKING:
    from poolwatch.monitor.ledger import Clock

#: What ended by such an error begins anew after so long.
ANEW_SECONDS: Final = 60.0
#: What Python says where the system allows no further thread.
_NO_THREAD: Final = "can't start new thread"


def internal_error(error: Exception) -> Failure:
    """The failure that stands for an error of our own.

    It names the error's type only: its text may hold anything.
    """
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and error.args == (_NO_THREAD,)):
        return failure(FailureKind.UPSTREAM_ERROR, "monitor.no_room")
    return failure(FailureKind.UPSTREAM_ERROR, "monitor.internal_error", type=type(error).__name__)


class OwnErrors:
    """What goes wrong at this moment, by the code that tells it; `tell` is called when that has changed.

    Codes are those of `words/failures`, whose sentences have a place for why.
    """

    def __init__(self, clock: Clock, tell: Callable[[], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._told: dict[str, Message] = {}

    @property
    def notices(self) -> tuple[Message, ...]:
        """What people should know of it."""
        return tuple(self._told.values())

    async def again(self, code: str, work: Callable[[], Awaitable[None]]) -> None:
        """Have work begin anew whenever it ends by an error: polls and what is kept never depend on it."""
        while True:
            with self.spared(code):
                await work()
            self._tell()
            await self._clock.sleep(ANEW_SECONDS)

    @contextmanager
    def spared(self, code: str) -> Iterator[None]:
        """An error of our own in there is told from now on, and ends nothing else."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is
            self._told[code] = message(code, why=internal_error(error).as_message)

    def over(self, code: str) -> None:
        """It went well this time: what was told of it is over."""
        if self._told.pop(code, None) is not None:
            self._tell()

    def tried(self, code: str) -> None:
        """It went through, whether or not it was kept: have people told how that stands."""
        self._told.pop(code, None)
        self._tell()
