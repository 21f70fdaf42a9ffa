"""Whom a refresh waits for: the process that holds a login's lock, and whether somebody stopped it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from poolwatch.custody.threads import in_thread
from poolwatch.domain.refresh import Awaited

_Result = TypeVar("_Result")
#: What takes longer than this is told.
TOLD_AFTER_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 1.0
_PROC: Final = Path("/proc")
#: Stopped by a signal, or by a debugger.
_STOPPED: Final = frozenset({"T", "t"})


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


def lock_holder(path: Path) -> int | None:
    """The process that has an flock on a file; None: nobody, or the system does not tell."""
    try:
        wanted = path.lstat()
        lines = (_PROC / "locks").read_text("ascii", "replace").splitlines()
    except OSError:
        return None
    for line in lines:
        # proc(5): 1: FLOCK ADVISORY WRITE pid major:minor:inode 0 EOF
        fields = line.split()
        if len(fields) < 6 or fields[1] != "FLOCK" or not fields[4].isdigit():
            continue
        pid, inode = int(fields[4]), fields[5].rpartition(":")[2]
        # some file systems number their devices otherwise here: what the process has open decides
        if inode == str(wanted.st_ino) and pid > 0 and _has_open(pid, wanted):
            return pid
    return None


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped and does nothing until it is told to go on."""
    try:
        text = (_PROC / str(pid) / "stat").read_text("ascii", "replace")
    except OSError:
        return False
    # the name before it may hold anything, also brackets
    return text.rpartition(")")[2].split()[:1] in ([state] for state in _STOPPED)


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    with suppress(OSError):
        for entry in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                if os.path.samestat(entry.stat(), wanted):
                    return True
    return False
