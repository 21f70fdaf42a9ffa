"""Lines of a session file, in bounded memory, from wherever reading stopped."""

from __future__ import annotations

import importlib
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType, TracebackType
from typing import IO, Any, Final, Self

import msgspec

from poolwatch.sessions.rollout import Kind, kind_of

#: A line that is longer is not kept as a whole.
LONGEST: Final = 8 * 1024 * 1024
#: A longer one comes in pieces: large pieces of memory are slow to get.
_PIECE: Final = 64 * 1024
#: So much of the end of such a line stays.
KEPT_OF_LONG: Final = 16 * 1024
#: Stands between the two: no JSON text has it.
GAP: Final = b"\0"
_BUFFER: Final = 256 * 1024
_END: Final = ord("\n")
#: More text than this that was so many times denser packed is none of Codex's, and might never end.
_MUCH: Final = 8 * 1024 * 1024
_DENSEST: Final = 1000
COMPRESSED: Final = ".zst"


class LineReader:
    """The lines of one file. In a compressed one, offsets are those of the plain text.

    Raises OSError when the file cannot be opened.
    """

    def __init__(self, path: str) -> None:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        self.status: Final = os.fstat(handle)
        if not stat.S_ISREG(self.status.st_mode):
            os.close(handle)
            raise OSError(f"{path}: not a regular file")
        self._file: Final = os.fdopen(handle, "rb", buffering=_BUFFER)
        self.is_compressed: Final = path.endswith(COMPRESSED)
        #: its compression is damaged, or ends too early
        self.is_broken = False
        #: where the last whole line ended, after the lines were read
        self.offset = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def lines(self, offset: int = 0) -> Iterator[bytes]:
        """Every whole line from this offset on; a last one without an end is whole when it is valid JSON.

        Of a long line without interest comes its beginning, of one above `LONGEST` its beginning and its end,
        with `GAP` between them. Raises OSError.
        """
        return self._plain(offset) if self.is_compressed else self._lines(self._file, offset)

    def _plain(self, offset: int) -> Iterator[bytes]:
        """The lines of the text that was compressed, as far as it can be had."""
        zstd = _zstd()
        # its own way of reading lines is slow
        with io.BufferedReader(_Unpacked(self._file, zstd.ZstdFile(self._file)), _BUFFER) as text:
            try:
                yield from self._lines(text, offset)
            except (zstd.ZstdError, EOFError):
                self.is_broken = True

    def piece(self, start: int, end: int) -> bytes:
        """Bytes of the file as it lies on disk. Raises OSError."""
        return os.pread(self._file.fileno(), end - start, start)

    def _lines(self, text: IO[bytes], offset: int) -> Iterator[bytes]:
        if offset:
            text.seek(offset)
        read = partial(text.readline, _PIECE)
        done = offset
        try:
            for line in iter(read, b""):
                if line[-1] == _END:
                    done += len(line)
                    yield line
                elif len(line) == _PIECE:
                    length, whole = _long(line, read)
                    if not length:
                        return
                    done += length
                    yield whole
                elif _is_whole(line):
                    done += len(line)
                    yield line
        finally:
            self.offset = done


class _Unpacked(io.RawIOBase):
    """The text of a compressed file. What stands before a damage comes before the error."""

    def __init__(self, packed: IO[bytes], text: io.BufferedIOBase) -> None:
        super().__init__()
        self._packed: Final = packed
        self._text: Final = text
        self._length = 0

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any, /) -> int:
        """Fill some of the room. Raises EOFError also when no conversation is as repetitive as that."""
        piece = self._text.read1(len(room))
        self._length += len(piece)
        if self._length > _MUCH and self._length > _DENSEST * self._packed.tell():
            raise EOFError
        room[: len(piece)] = piece
        return len(piece)


def _long(line: bytes, read: Callable[[], bytes]) -> tuple[int, bytes]:
    """The length of a line that begins so, and the line, or what is kept of it; 0 when it has no end yet."""
    kind = kind_of(line)
    # of a compaction, which can be megabytes of pictures, the end is all that is asked for
    most = 0 if kind is Kind.COMPACTED else LONGEST
    length, kept, tail = len(line), [line], b""
    for piece in iter(read, b""):
        length += len(piece)
        if kind is not None and length <= most:
            kept.append(piece)
        elif kind is not None:
            tail = (tail + piece)[-KEPT_OF_LONG:]
        if piece[-1] == _END:
            if kind is None:
                return length, line
            return length, b"".join(kept) if length <= most else line + GAP + tail
    return 0, b""


def _is_whole(line: bytes) -> bool:
    """Whether a line without an end is one that only lacks it."""
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _zstd() -> ModuleType:
    # few machines have such files, and 3.14 brings what reads them
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    return importlib.import_module(name)
