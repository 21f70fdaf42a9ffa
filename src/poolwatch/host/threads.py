"""Blocking work on threads that nobody waits for in the end: a disk may hang for as long as it likes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Final, TypeVar, cast

_Result = TypeVar("_Result")


async def in_thread(work: Callable[[], _Result]) -> _Result:
    """Run blocking work on a thread that neither a cancelled caller nor the end of the program waits for.

    asyncio.to_thread would: its threads are joined at exit, and they are few, so that some that hang on one
    disk hold up all others. RuntimeError when no thread can be started.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Result] = loop.create_future()

    def settle(result: _Result | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast("_Result", result))

    def run() -> None:
        result: _Result | None = None
        problem: Exception | None = None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - carried over to the waiting caller
            problem = error
        with suppress(RuntimeError):
            # the loop may be closed: nobody is left to tell
            loop.call_soon_threadsafe(settle, result, problem)

    _THREADS.run(run)
    return await future


class _Threads:
    """Daemon threads; one that has done its work waits for more, and another is started when none waits."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._gate = threading.Lock()
        self._waiting = 0

    def run(self, work: Callable[[], None]) -> None:
        """Have it done at once. RuntimeError when no thread can be started."""
        with self._gate:
            is_taken = self._waiting > 0
            self._waiting -= is_taken
        if not is_taken:
            threading.Thread(target=self._work, name="poolwatch-disk", daemon=True).start()
        self._queue.put(work)

    def _work(self) -> None:
        while True:
            work = self._queue.get()
            work()
            # what it holds is not kept until there is more to do
            del work
            with self._gate:
                self._waiting += 1


_THREADS: Final = _Threads()
