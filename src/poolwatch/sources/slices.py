"""Long work on answers, done beside the event loop in slices: a key is answered between two of them.

A thread alone is not enough: it holds the interpreter for some milliseconds each time that the screen wants
it. So it takes a rest after every slice, and what it calls must come back soon: one call of a parser that is
written in C holds everything up until it ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from poolwatch.custody.threads import in_thread

T = TypeVar("T")

#: Answers up to this size are read at once, where they came.
SHORT_BYTES: Final = 64 * 1024
_SLICE_SECONDS: Final = 0.001
_REST_SECONDS: Final = 0.001


class _Slice(threading.local):
    """When the slice of this thread began; None on a thread that takes no rests."""

    began: float | None = None


_SLICE: Final = _Slice()


async def in_slices(work: Callable[[], T]) -> T:
    """Do this on a thread; where it calls `rest`, it lets others have the interpreter."""

    def sliced() -> T:
        _SLICE.began = time.perf_counter()
        try:
            return work()
        finally:
            _SLICE.began = None

    return await in_thread(sliced)


async def beside_the_loop(size: int, work: Callable[[], T]) -> T:
    """The result of work on an answer of so many bytes: at once if it is short, else in slices."""
    return work() if size <= SHORT_BYTES else await in_slices(work)


def rest() -> None:
    """Between two steps of long work: pause if this slice has lasted."""
    began = _SLICE.began
    if began is not None and time.perf_counter() - began >= _SLICE_SECONDS:
        time.sleep(_REST_SECONDS)
        _SLICE.began = time.perf_counter()


def resting(steps: Iterable[T]) -> Iterator[T]:
    """The same steps, with rests between them."""
    for step in steps:
        yield step
        rest()
