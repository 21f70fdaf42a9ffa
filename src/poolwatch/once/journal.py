"""The journal of attempts: appended, forced to disk, with a checksum on each line.

It tells which sendings are *unknown*: they may have been done, and are not done again unasked.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from enum import Enum, StrEnum, auto
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from poolwatch.host.files import Reservation, open_private, sync_directory, write_all
from poolwatch.host.locks import take
from poolwatch.once.json_text import JsonObject, parse_object

_TAIL_BYTES: Final = 1024 * 1024
#: A journal that has grown beyond this is shortened when an attempt has ended.
JOURNAL_CAP_BYTES: Final = 768 * 1024
#: The newest lines that stay then.
_KEPT_BYTES: Final = 384 * 1024
#: An append takes milliseconds: who waits longer than this waits for a process that was stopped.
_TURNS: Final = 200
_TURN_SECONDS: Final = 0.05
#: The key of a line's checksum, and how many digits of its SHA-256 stand there.
_SUM: Final = "sum"
_SUM_DIGITS: Final = 16
_LONGEST_ATTEMPT: Final = 64
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Stage(StrEnum):
    """How far an attempt came: it takes space, it may be on the way, or its outcome is known."""

    BEGUN = "begun"
    SENDING = "sending"
    ENDED = "ended"


class Ending(Enum):
    """What the end of an attempt says of what it was to do."""

    #: what became of it, whichever attempt asked
    SETTLED = auto()
    #: this attempt did nothing that cannot be repeated
    HARMLESS = auto()
    UNKNOWN = auto()


class Entry(Protocol):
    """One line. `subject` marks what may be used once; `ending` is there on the last line of an attempt."""

    @property
    def stage(self) -> Stage: ...
    @property
    def attempt(self) -> str: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def ending(self) -> Ending | None: ...


E = TypeVar("E", bound=Entry)


class Journal(ABC, Generic[E]):
    """The lines of one key, oldest first."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path

    @abstractmethod
    def to_line(self, entry: E) -> JsonObject: ...

    @abstractmethod
    def from_line(self, line: JsonObject) -> E | None:
        """The inverse of `to_line`; None for a line that nobody can read."""

    def append(self, entry: E) -> None:
        """Add a line; it is on disk when this returns. Raises OSError.

        The end of an attempt is when a journal that has grown long is shortened.
        """
        append_line(self.path, self.to_line(entry))
        if entry.stage is Stage.ENDED:
            with contextlib.suppress(OSError):
                self.shorten()

    def entries(self) -> tuple[E, ...]:
        """Every sound line; what is torn or fails its checksum is passed over. Raises OSError."""
        return self.read()[0]

    def read(self) -> tuple[tuple[E, ...], bool]:
        """Every sound line, and whether there are others that nobody can read. Raises OSError."""
        lines, damaged = read_lines(self.path)
        entries = [self.from_line(line) for line in lines]
        return tuple(entry for entry in entries if entry is not None), damaged or None in entries

    def outcome(self, attempt: str) -> E | None:
        """The last line of one attempt. Raises OSError."""
        return next((entry for entry in reversed(self.entries()) if entry.attempt == attempt), None)

    def has_sending(self, attempt: str) -> bool:
        """Whether both lines that stand before a request are there, read again. Raises OSError."""
        stages = {entry.stage for entry in self.entries() if entry.attempt == attempt}
        return {Stage.BEGUN, Stage.SENDING} <= stages

    def shorten(self, cap_bytes: int = JOURNAL_CAP_BYTES, kept_bytes: int = _KEPT_BYTES) -> bool:
        """Drop the old lines of a journal larger than the cap; whether it did. Raises OSError.

        Of the old lines, sendings without a known end stay: they decide whether something is done again.
        A crash leaves the old journal or the new one.
        """
        if self.path.stat().st_size <= cap_bytes:
            return False
        handle = _opened(self.path)
        try:
            lines = self.path.read_bytes().splitlines()
            first, size = len(lines), 0
            while first and (size := size + len(lines[first - 1]) + 1) <= kept_bytes:
                first -= 1
            entries = [
                self.from_line(line) if (line := opened_line(text)) is not None else None for text in lines
            ]
            lasting = {id(entry) for entry in unresolved([each for each in entries if each]).values()}
            old = [text for text, entry in zip(lines[:first], entries, strict=False) if id(entry) in lasting]
            content = b"".join(text + b"\n" for text in (*old, *lines[first:]))
            beside = Reservation(self.path.with_name(f"{self.path.name}.short"), len(content))
            try:
                beside.fill(content)
                beside.become(self.path)
            finally:
                beside.discard()
        finally:
            os.close(handle)
        return True


def unresolved(entries: Iterable[E]) -> dict[str, E]:
    """The sendings, by subject, of which nobody knows what became."""
    open_ones: dict[str, E] = {}
    for entry in entries:
        if entry.stage is Stage.SENDING:
            # a later attempt that comes to nothing does not settle an earlier one
            if entry.subject is not None:
                open_ones.setdefault(entry.subject, entry)
        elif entry.ending is Ending.SETTLED:
            open_ones.pop(entry.subject or "", None)
        elif entry.ending is Ending.HARMLESS:
            open_ones = {
                subject: sent for subject, sent in open_ones.items() if sent.attempt != entry.attempt
            }
    return open_ones


def open_attempts(entries: Iterable[E]) -> dict[str, E]:
    """The last line of every attempt that never ended, by its id: its space may lie about."""
    found: dict[str, E] = {}
    for entry in entries:
        if entry.stage is Stage.ENDED:
            found.pop(entry.attempt, None)
        else:
            found[entry.attempt] = entry
    return found


def is_told(entries: Sequence[E], attempt: str) -> bool:
    """Whether sound lines tell what became of an attempt that was sent, or that this is unknown."""
    return any(
        entry.stage is Stage.SENDING or entry.ending in (Ending.SETTLED, Ending.HARMLESS)
        for entry in entries
        if entry.attempt == attempt
    )


def append_line(path: Path, line: JsonObject) -> None:
    """Append a JSON line to a private file and force it to disk. Raises OSError."""
    handle = _opened(path)
    try:
        if not os.fstat(handle).st_size:
            # a new file's lines are on disk only if its name is
            sync_directory(path.parent)
        append_to(handle, line)
    finally:
        os.close(handle)


def append_to(handle: int, line: JsonObject) -> None:
    """Append a JSON line with its checksum to an open file, and force it to disk; whole or not at all.

    Raises OSError.
    """
    os.fchmod(handle, 0o600)
    size = os.fstat(handle).st_size
    torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
    text = sealed_line(line) + b"\n"
    try:
        write_all(handle, b"\n" + text if torn else text)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, size)
        raise
    os.fsync(handle)


def sealed_line(line: JsonObject) -> bytes:
    """The text of a JSON line with its checksum, ASCII with escapes."""
    text = json.dumps(line, separators=(",", ":")).encode()
    return text[:-1] + _seal(text)


def _seal(text: bytes) -> bytes:
    """The end of a line that takes the place of its closing brace: the checksum of the line without it."""
    return b',"%s":"%s"}' % (_SUM.encode(), hashlib.sha256(text).hexdigest()[:_SUM_DIGITS].encode())


def opened_line(text: bytes) -> JsonObject | None:
    """A line whose checksum holds; lines written before there were checksums count as sound."""
    line = parse_object(text)
    if line is None or line.pop(_SUM, None) is None:
        return line
    end = len(_seal(b""))
    return line if _seal(text[:-end] + b"}") == text[-end:] else None


def read_lines(path: Path) -> tuple[list[JsonObject], bool]:
    """The sound JSON lines of a file's last mebibyte, and whether others stand there too.

    A missing file has none. Raises OSError.
    """
    try:
        handle = open_private(path, os.O_RDONLY)
    except FileNotFoundError:
        return [], False
    with os.fdopen(handle, "rb") as file:
        start = max(0, os.fstat(handle).st_size - _TAIL_BYTES)
        file.seek(start)
        texts = file.read().splitlines()
    if start:
        # where the reading begins, a line is cut
        del texts[0]
    lines = [opened_line(text) for text in texts if text]
    return [line for line in lines if line is not None], None in lines


def boot_id() -> str:
    """Which run of the machine this is; empty where the system does not say."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except (OSError, UnicodeError):
        return ""


def is_attempt_id(text: str) -> bool:
    """Whether a text that was read may be the id of an attempt, which is part of a file's name."""
    return len(text) <= _LONGEST_ATTEMPT and text.isascii() and text.isprintable() and "/" not in text


def _opened(path: Path) -> int:
    """The file, made where it is missing, and locked: who waited for it looks whether it was replaced."""
    for turn in range(_TURNS):
        if turn:
            time.sleep(_TURN_SECONDS)
        handle = open_private(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        try:
            if take(handle) and os.path.samestat(os.fstat(handle), path.lstat()):
                return handle
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP):
                return handle  # a file system without locks, where the lock of the attempt has to do
            os.close(handle)
            raise
        os.close(handle)
    raise OSError(errno.EAGAIN, "another process holds it", str(path))
