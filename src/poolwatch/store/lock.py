"""The poll lock: which process of this state directory polls. Its death releases it."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.config.files import make_missing_directories
from poolwatch.store.doc import UNREADABLE, Doc, as_json
from poolwatch.store.instants import to_text

FILE_NAME: Final = "poll.lock"
_MAX_BYTES: Final = 4096
# a process that looks who holds the lock has it shared for an instant: one refusal proves nothing
_TRIES: Final = 5
_PAUSE_SECONDS: Final = 0.004


class Holder(Struct, frozen=True):
    """The process that holds the lock; `since` is aware UTC."""

    pid: int
    host: str
    since: datetime


class PollLock:
    """An flock on a file that is never removed, since a new file would be a second lock."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE_NAME
        self._fd: int | None = None
        #: why the last attempt failed although nobody holds the lock, in words
        self.problem: str | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None

    def try_acquire(self, now: datetime) -> bool:
        """Take the lock if it is free; `now` is written beside pid and host. True when held already."""
        if self._fd is not None:
            return True
        self.problem = None
        try:
            make_missing_directories(self._path.parent)
            fd = self._open()
        except OSError as error:
            self.problem = f"{self._path} cannot be used as a lock: {error.strerror or error}"
            return False
        try:
            if not _lock(fd, fcntl.LOCK_EX):
                os.close(fd)
                return False
            _write(fd, now)
        except OSError as error:
            os.close(fd)
            self.problem = f"{self._path} cannot be used as a lock: {error.strerror or error}"
            return False
        self._fd = fd
        return True

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        os.close(fd)

    def holder(self) -> Holder | None:
        """Who holds the lock now: None when nobody does, or nobody can tell."""
        try:
            fd = self._fd if self._fd is not None else self._open(create=False)
        except OSError:
            return None
        try:
            if self._fd is None and _lock(fd, fcntl.LOCK_SH, tries=1):
                return None
            return _holder(os.pread(fd, _MAX_BYTES, 0))
        except OSError:
            return None
        finally:
            if fd != self._fd:
                os.close(fd)

    def _open(self, *, create: bool = True) -> int:
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        fd = os.open(self._path, flags | (os.O_CREAT if create else 0), 0o600)
        try:
            _make_private(fd)
        except OSError:
            os.close(fd)
            raise
        return fd


def _make_private(fd: int) -> None:
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise OSError("it is not a regular file: move it away")
    if stat.S_IMODE(found.st_mode) != 0o600:
        os.fchmod(fd, 0o600)


def _lock(fd: int, kind: int, tries: int = _TRIES) -> bool:
    for attempt in range(tries):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        with suppress(BlockingIOError):
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
            return True
    return False


def _write(fd: int, now: datetime) -> None:
    text = as_json({"pid": os.getpid(), "host": os.uname().nodename, "since": to_text(now)})
    os.ftruncate(fd, 0)
    os.pwrite(fd, text.encode("ascii"), 0)


def _holder(raw: bytes) -> Holder | None:
    try:
        doc = Doc.parse(raw.decode("ascii"))
        pid = doc.whole("pid")
        return None if pid is None else Holder(pid, doc.need_text("host"), doc.need_instant("since"))
    except UNREADABLE:
        return None
