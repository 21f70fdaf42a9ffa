"""Whom a refresh waits for: the process that holds a login's lock, and whether somebody stopped it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from poolwatch.domain.refresh import Awaited
from poolwatch.host.locks import is_stopped, lock_holder
from poolwatch.host.threads import in_thread

_Result = TypeVar("_Result")
#: What takes longer than this is told.
TOLD_AFTER_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 1.0


async def told(
    work: Coroutine[Any, Any, _Result],
    look: Callable[[], Awaited],
    tell: Callable[[Awaited], None],
    after_seconds: float = TOLD_AFTER_SECONDS,
) -> _Result:
    """Wait for the work; when it takes long, tell whom `look` finds it to wait for, and when that changes.

    `look` runs on a thread. Cancelling ends the work as well.
    """
    task = asyncio.create_task(work)
    last: Awaited | None = None
    patience = after_seconds
    try:
        while not (await asyncio.wait({task}, timeout=patience))[0]:
            patience = _LOOK_SECONDS
            with suppress(RuntimeError):  # no thread is to be had: it is told later
                found = await in_thread(look)
                if found != last and not task.done():
                    last = found
                    tell(found)
        return task.result()
    finally:
        task.cancel()


def awaited(lock: Path, started: int | None = None) -> Awaited:
    """Who holds a lock file, else the process that was started for the work."""
    pid = lock_holder(lock) or started
    return Awaited(pid, stopped=pid is not None and is_stopped(pid))
