"""The audit log: a file of its own that only grows, under its own flock, each line on disk before it counts.

A process that is killed while it writes leaves a half line. The next writer takes it away, and its own line
says how many bytes that were: whoever was killed had not been told that the line is there.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.domain.audit import AuditEntry, ChainReport, Deed, Doer, Ending, Flaw
from poolwatch.host.files import (
    PRIVATE_FILE,
    FileProblem,
    make_private_directory,
    open_private,
    sync_directory,
    write_all,
)
from poolwatch.host.locks import take
from poolwatch.store.audit_chain import GENESIS, LONGEST_LINE, Chain, entry_line, read_entry

FILE_NAME: Final = "audit.jsonl"
#: A line takes milliseconds: who holds the log longer than this was stopped.
_PATIENCE_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = 0.005
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP})
#: So often a log that was moved away while it was waited for is opened anew.
_TURNS: Final = 5
#: The last sound line is looked for in so much of the end.
_TAIL_BYTES: Final = 16 * 1024
_MOST_TAIL_BYTES: Final = 1024 * 1024


class _End(Struct, frozen=True):
    """Where the log ends: its last sound line, what is to be cut off, and whether that line lacks its end."""

    seq: int
    head: str
    size: int
    half_bytes: int = 0
    open_line: bool = False


class AuditLog:
    """The log of one state directory; every method blocks on disk."""

    def __init__(self, state_dir: Path) -> None:
        self.path: Final = state_dir / FILE_NAME

    def append(
        self, at: datetime, deed: Deed, doer: Doer, *, of: int | None = None, ending: Ending | None = None
    ) -> int | FileProblem:
        """Note an act; the number of its line, which is on disk when this returns, or why it is not there.

        `ending` None: the act begins. Else it has ended, and began with the line `of`.
        """
        problem = make_private_directory(self.path.parent)
        if problem is not None:
            return problem
        try:
            handle = self._opened()
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return FileProblem("file.held", self.path)
            return FileProblem.of(error, self.path, "file.unwritable")
        try:
            os.fchmod(handle, PRIVATE_FILE)
            end = _end_of(handle)
            line = entry_line(
                end.seq + 1, end.head, at, deed, doer, of=of, ending=ending, torn_bytes=end.half_bytes
            )
            _put(handle, end, line)
            if end.size == 0:
                sync_directory(self.path.parent)
            return end.seq + 1
        except OSError as error:
            return FileProblem.of(error, self.path, "file.unwritable")
        finally:
            os.close(handle)

    def check(self, wanted: str | None = None) -> ChainReport | FileProblem:
        """Read all of it, and say whether the chain holds; `wanted` is a hash to look for.

        A log that is not there has no entries.
        """
        chain = Chain(wanted)
        try:
            for _ in self._follow(chain):
                pass
        except OSError as error:
            return FileProblem.of(error, self.path, "file.unreadable")
        return chain.report()

    def entries(self) -> Iterator[AuditEntry]:
        """Every entry that can be read, old to new, one at a time. Raises OSError."""
        return self._follow(Chain())

    def _follow(self, chain: Chain) -> Iterator[AuditEntry]:
        try:
            handle = open_private(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return
        with os.fdopen(handle, "rb") as file:
            left = self._settled_size()
            while left > 0 and (text := file.readline(min(left, LONGEST_LINE + 1))):
                left -= len(text)
                line = text.removesuffix(b"\n")
                if line == text and not left and isinstance(read_entry(text), Flaw):
                    chain.half_bytes = len(text)
                    return
                entry = chain.follow(line)
                if entry is not None:
                    yield entry

    def _settled_size(self) -> int:
        """How long the file is while nobody writes; a writer that was stopped is not waited for."""
        handle = open_private(self.path, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):
                take(handle, _PATIENCE_SECONDS, shared=True, pause_seconds=_PAUSE_SECONDS)
            return os.fstat(handle).st_size
        finally:
            os.close(handle)

    def _opened(self) -> int:
        """The file, made where it is missing, and locked. OSError; EAGAIN: another process keeps it."""
        for _ in range(_TURNS):
            handle = open_private(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            try:
                if not take(handle, _PATIENCE_SECONDS, pause_seconds=_PAUSE_SECONDS):
                    break
                if os.path.samestat(os.fstat(handle), self.path.lstat()):
                    return handle
            except FileNotFoundError:
                pass
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    return (
                        handle  # a file system without locks: one process writes at a time, or a line breaks
                    )
                os.close(handle)
                raise
            os.close(handle)
        else:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self.path))
        os.close(handle)
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(self.path))


def _put(handle: int, end: _End, line: bytes) -> None:
    """Write a line behind the last whole one and force it to disk, whole or not at all. Raises OSError."""
    if end.half_bytes:
        os.ftruncate(handle, end.size)
    try:
        write_all(handle, b"\n" + line if end.open_line else line)
        os.fsync(handle)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, end.size)
        raise


def _end_of(handle: int) -> _End:
    """Find the last sound line; what is longer than a line of ours is left where it is. Raises OSError."""
    size = os.fstat(handle).st_size
    span = _TAIL_BYTES
    while True:
        start = max(0, size - span)
        whole, newline, rest = os.pread(handle, size - start, start).rpartition(b"\n")
        is_all = start == 0 or span >= _MOST_TAIL_BYTES
        if newline or is_all:
            found = read_entry(rest)
            if isinstance(found, AuditEntry):
                return _End(found.seq, found.hash, size, open_line=True)
            lines = whole.split(b"\n")[0 if start == 0 else 1 :]
            sound = (entry for text in reversed(lines) if isinstance(entry := read_entry(text), AuditEntry))
            last = next(sound, None)
            if last is not None or is_all:
                seq, head = (0, GENESIS) if last is None else (last.seq, last.hash)
                if len(rest) > LONGEST_LINE:
                    return _End(seq, head, size, open_line=True)
                return _End(seq, head, size - len(rest), len(rest))
        span *= 4
