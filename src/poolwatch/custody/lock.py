"""The lock that lets one process at a time spend a login."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from poolwatch.custody.files import open_own

#: A holder ends within the deadline of its one request and a few disk writes.
PATIENCE_SECONDS: Final = 150.0
_PAUSE_SECONDS: Final = 0.05


@contextlib.contextmanager
def held(path: Path, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[bool]:
    """Hold the lock file while the block runs; False when another process kept it all the time.

    It is an flock, which ends with the process. The file is never removed: two holders could meet on an
    unlinked one. Raises OSError when it cannot be opened.
    """
    handle = open_own(path, os.O_RDWR | os.O_CREAT)
    try:
        yield _take(handle, patience_seconds)
    finally:
        os.close(handle)


def _take(handle: int, patience_seconds: float) -> bool:
    for turn in range(int(patience_seconds / _PAUSE_SECONDS) + 1):
        if turn:
            time.sleep(_PAUSE_SECONDS)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False
