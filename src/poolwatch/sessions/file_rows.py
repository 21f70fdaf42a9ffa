"""What is known about session files that were read, and how reading one of them ended."""

from __future__ import annotations

from msgspec import Struct

from poolwatch.sessions.counting import PARSER_VERSION, Counting
from poolwatch.sessions.counts import State
from poolwatch.sessions.homes import SessionFile


class FileRow(Struct, frozen=True, gc=False):
    """What is known about a file that was read."""

    id: int
    name: str
    path: str
    size: int
    mtime_ns: int
    inode: int
    dev: int
    offset: int
    parser: int
    gone: bool
    waits: str | None
    responses: bool
    trouble: str | None = None

    def is_as(self, file: SessionFile) -> bool:
        """Whether nothing has changed in it."""
        return (
            self.size == file.size
            and self.mtime_ns == file.mtime_ns
            and self.inode == file.inode
            and self.dev == file.dev
            and self.parser == PARSER_VERSION
        )


class ReadFile(Struct, frozen=True):
    """A file that was counted, so far."""

    counting: Counting
    #: where its last whole line ends
    offset: int
    #: what tells that a longer file begins with this one
    head: bytes
    tail: bytes
    trouble: str | None


class Resumption(Struct, frozen=True):
    """What is needed to go on with a file."""

    head: bytes
    tail: bytes
    state: State
    course: bytes


def row_of(
    number: int, file: SessionFile, offset: int, waits: str | None, *, responses: bool, trouble: str | None
) -> FileRow:
    return FileRow(
        number,
        file.name,
        file.path,
        file.size,
        file.mtime_ns,
        file.inode,
        file.dev,
        offset,
        PARSER_VERSION,
        False,
        waits,
        responses,
        trouble,
    )
