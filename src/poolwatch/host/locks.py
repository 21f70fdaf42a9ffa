"""Locks between processes: flocks, which end with their process, on files that are never removed.

A new file under the same name would be a second lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from poolwatch.host.files import open_private

_PAUSE_SECONDS: Final = 0.05
_PROC: Final = Path("/proc")
#: Stopped by a signal, or by a debugger.
_STOPPED: Final = frozenset({"T", "t"})


@contextlib.contextmanager
def held(path: Path, patience_seconds: float = 0.0) -> Iterator[bool]:
    """Hold a lock file while the block runs; False when another process kept it all the time.

    Also False where the file was replaced meanwhile, with its folder: who locks the new one knows nothing of
    this lock. Raises OSError when it cannot be opened.
    """
    handle = open_private(path, os.O_RDWR | os.O_CREAT)
    try:
        yield take(handle, patience_seconds) and stands_at(path, handle)
    finally:
        os.close(handle)


def stands_at(path: Path, handle: int) -> bool:
    """Whether an open file is still the one that stands there."""
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


def take(
    handle: int,
    patience_seconds: float = 0.0,
    *,
    shared: bool = False,
    pause_seconds: float = _PAUSE_SECONDS,
) -> bool:
    """Lock an open file until it is closed; whether that was possible in this time. Raises OSError."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    for turn in range(int(patience_seconds / pause_seconds) + 1):
        if turn:
            time.sleep(pause_seconds)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return True
    return False


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
    with contextlib.suppress(OSError):
        for entry in (_PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                if os.path.samestat(entry.stat(), wanted):
                    return True
    return False
