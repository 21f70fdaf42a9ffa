"""The poll lock: which process of this state directory polls. Its death releases it."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.host.files import PRIVATE_FILE, make_missing_directories, open_private
from poolwatch.host.instants import exact_text
from poolwatch.host.locks import take
from poolwatch.store.doc import UNREADABLE, Doc, as_json

FILE_NAME: Final = "poll.lock"
_MAX_BYTES: Final = 4096
# a process that looks who holds the lock has it shared for an instant: one refusal proves nothing
_PATIENCE_SECONDS: Final = 0.016
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
            fd = open_private(self._path, os.O_RDWR | os.O_CREAT)
            os.fchmod(fd, PRIVATE_FILE)
        except OSError as error:
            self.problem = f"{self._path} cannot be used as a lock: {error.strerror or error}"
            return False
        try:
            if not take(fd, _PATIENCE_SECONDS, pause_seconds=_PAUSE_SECONDS):
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
            fd = self._fd if self._fd is not None else open_private(self._path, os.O_RDWR)
        except OSError:
            return None
        try:
            if self._fd is None and take(fd, shared=True):
                return None
            return _holder(os.pread(fd, _MAX_BYTES, 0))
        except OSError:
            return None
        finally:
            if fd != self._fd:
                os.close(fd)


def _write(fd: int, now: datetime) -> None:
    text = as_json({"pid": os.getpid(), "host": os.uname().nodename, "since": exact_text(now)})
    os.ftruncate(fd, 0)
    os.pwrite(fd, text.encode("ascii"), 0)


def _holder(raw: bytes) -> Holder | None:
    try:
        doc = Doc.parse(raw.decode("ascii"))
        pid = doc.whole("pid")
        return None if pid is None else Holder(pid, doc.need_text("host"), doc.need_instant("since"))
    except UNREADABLE:
        return None
