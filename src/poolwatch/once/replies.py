"""Where attempts keep their locks, journals and replies: space is reserved before a reply can come."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from poolwatch.host.files import (
    Content,
    FileProblem,
    Reservation,
    make_private_directory,
    make_readable,
    read_bounded,
)
from poolwatch.host.instants import instant_of_epoch
from poolwatch.once.journal import Entry, Journal, opened_line, sealed_line
from poolwatch.once.json_text import JsonObject
from poolwatch.once.process import reach

R = TypeVar("R")
E = TypeVar("E", bound=Entry)
#: What the names of pending replies end with, and of the space that is reserved for one.
PENDING_SUFFIX: Final = ".pending"
PART_SUFFIX: Final = ".pending.part"
#: An append changes the file and its last line at once; a copy is made later than that.
_COPIED_LATER_SECONDS: Final = 600
#: What the names of replies that cannot be read begin with.
DAMAGED_PREFIX: Final = "damaged-"
UNREADABLE_PREFIX: Final = "unreadable-"


@dataclass(frozen=True, slots=True)
class AttemptFolder:
    """The layout under poolwatch's state directory; every directory is 0700, every file 0600.

    A key names what one attempt at a time may be made at.
    """

    root: Path
    #: the folder's name, one for each kind of attempt
    area: ClassVar[str]

    @property
    def locks(self) -> Path:
        """One lock file for each key; they are never removed."""
        return self.root / "locks"

    @property
    def folder(self) -> Path:
        return self.root / self.area

    def lock(self, key: str) -> Path:
        return self.locks / f"{key}.lock"

    def lock_mark(self, key: str) -> tuple[int, int]:
        """Which file the lock of a key is; another one stands there once the folder is. Raises OSError."""
        status = self.lock(key).lstat()
        return status.st_dev, status.st_ino

    def journal(self, key: str) -> Path:
        return self.folder / f"{key}.journal"

    def journals(self) -> list[Path]:
        return sorted(self.folder.glob("*.journal"))

    def copied_at(self) -> datetime | None:
        """When a journal was put there as a copy, the newest of them; None where all were only appended to.

        A copy keeps the time of the last line, while nothing but the system sets when the file was made so.
        """
        found = None
        for path in self.journals():
            with suppress(OSError):
                status = path.lstat()
                if status.st_ctime - status.st_mtime > _COPIED_LATER_SECONDS:
                    found = max(found or 0.0, status.st_ctime)
        return None if found is None else instant_of_epoch(found)

    def pending(self, key: str) -> Path:
        """The reply of an attempt that nothing was made of yet."""
        return self.folder / f"{key}{PENDING_SUFFIX}"

    def part(self, key: str) -> Path:
        """The space that is reserved for it before anything is sent."""
        return self.folder / f"{key}{PART_SUFFIX}"

    def damaged(self, key: str) -> Path:
        """A free name for a pending reply that cannot be read."""
        return self.folder / f"{DAMAGED_PREFIX}{key}-{secrets.token_hex(4)}"

    def unreadable(self, attempt: str) -> Path:
        """A reply that is whole, and that nobody understands."""
        return self.folder / f"{UNREADABLE_PREFIX}{attempt}"

    def names(self) -> list[str]:
        """The names in the folder; none where it is missing. Raises OSError."""
        try:
            return os.listdir(self.folder)  # noqa: PTH208 - names are all that is needed
        except FileNotFoundError:
            return []

    def waiting_keys(self) -> tuple[str, ...]:
        """The keys under which a reply may be waiting. Raises OSError."""
        names = [name for name in self.names() if name.endswith((PENDING_SUFFIX, PART_SUFFIX))]
        return tuple(sorted({name.partition(".")[0] for name in names}))

    def prepare(self) -> FileProblem | None:
        """Make the directories, or say why they cannot be used."""
        for path in (self.root, self.locks, self.folder):
            problem = make_private_directory(path)
            if problem is not None:
                return problem
        return None


class ReplySpace:
    """Space for the reply of an attempt, taken and forced to disk before anything is sent.

    Raises OSError.
    """

    def __init__(self, folder: AttemptFolder, key: str, size: int) -> None:
        self._space: Final = Reservation(folder.part(key), size)
        self._pending: Final = folder.pending(key)

    def keep(self, sealed: bytes) -> None:
        """Force the reply to disk, then give it its name."""
        reach("pending")
        self._space.fill(sealed)
        reach("filled")
        self._space.become(self._pending, lambda: reach("renamed"))

    def close(self, *, holds_reply: bool) -> None:
        """Give the space back, unless a part of the only copy of a reply may stand in it."""
        if holds_reply:
            self._space.leave()
        else:
            self._space.discard()


def seal(header: JsonObject, body: bytes) -> bytes:
    """A pending reply: a line that says where it belongs, then the reply as it came; both have a checksum."""
    # ASCII with escapes, so that a file name that is no UTF-8 comes back as it was
    return sealed_line({**header, "body": _digest(body)}) + b"\n" + body


def unseal(path: Path) -> tuple[JsonObject, bytes] | None:
    """The header and the reply of a pending file, or None when there is none to be read."""
    found = read_bounded(path)
    if not isinstance(found, Content):
        return None
    head, newline, body = found.content.partition(b"\n")
    header = opened_line(head)
    # those of before had no checksum
    if not newline or header is None or header.get("body", _digest(body)) != _digest(body):
        return None
    return header, body.rstrip(b"\0")


def waiting_reply(
    folder: AttemptFolder, key: str, read: Callable[[Path], R | None], is_whole: Callable[[R], bool]
) -> R | None:
    """The reply that waits under a key, whose lock the caller holds. Raises OSError.

    What cannot be read is set aside under a name that says so, for it would stand in the way for good; space
    that was never filled is given back. `is_whole` judges a reply whose process ended before it got its name.
    """
    pending, part = folder.pending(key), folder.part(key)
    make_readable(pending)
    make_readable(part)
    found = read(pending)
    if found is None and os.path.lexists(pending):
        pending.rename(folder.damaged(key))
    if found is None:
        found = read(part)
        if found is None or not is_whole(found):
            _give_back(folder, key, part)
            return None
        part.replace(pending)
    return found


def require_noted(
    folder: AttemptFolder, key: str, lock: tuple[int, int], journal: Journal[E], attempt: str
) -> None:
    """Read again that a sending is noted, under the lock with this mark (`lock_mark`).

    Raises OSError where the folder was moved or put back: in the one that stands there by now another process
    may be at the same.
    """
    if folder.lock_mark(key) != lock or not journal.has_sending(attempt):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(folder.folder))


def _digest(body: bytes) -> str:
    # the space that was set aside and not needed is zeros
    return hashlib.sha256(body.rstrip(b"\0")).hexdigest()


def _give_back(folder: AttemptFolder, key: str, part: Path) -> None:
    if not os.path.lexists(part):
        return
    if part.is_symlink() or not part.is_file() or part.read_bytes().strip(b"\0"):
        part.rename(folder.damaged(key))
    else:
        part.unlink()
