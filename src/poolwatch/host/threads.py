"""Blocking work on threads that nobody waits for in the end: a disk may hang for as long as it likes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

_Result = TypeVar("_Result")


async def in_thread(work: Callable[[], _Result]) -> _Result:
    """Run blocking work on a daemon thread of its own: no cancelled caller and no exit waits for it.

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

    threading.Thread(target=run, name="poolwatch-disk", daemon=True).start()
    return await future


def let_go(work: asyncio.Task[_Result]) -> None:
    """Wait for work no longer: an error that it still ends with is told to nobody."""
    work.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
