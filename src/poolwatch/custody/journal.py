"""The journal of one account's refreshes: appended, forced to disk, and without any token."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from poolwatch.custody.files import Reservation, is_name, is_place, open_own, write_all
from poolwatch.custody.json_text import JsonObject, object_at, parse_object, text_at
from poolwatch.custody.step_text import step_from_json, step_to_json
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.host.instants import instant_text, parse_instant

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
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


#: Ends of any attempt that tell what became of the token, and of the attempt itself that it was not spent
#: or is kept. Blocked: the note of the sending could not be forced to disk, so nothing was sent.
_SETTLED = frozenset({TokenOutcome.REFRESHED, TokenOutcome.REJECTED_FOR_GOOD})
_HARMLESS = frozenset({TokenOutcome.FAILED, TokenOutcome.ADOPTED, TokenOutcome.BLOCKED})


class Stage(StrEnum):
    """How far an attempt came: it takes space, its token may be on the way, or its outcome is known."""

    BEGUN = "begun"
    SENDING = "sending"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `file` is the resolved login file, empty where the line names none.

    `replaced`: a new refresh token came, so the one with this fingerprint is used up.
    """

    stage: Stage
    attempt: str
    account: str
    file: str
    at: datetime
    refresh_fingerprint: str | None = None
    step: TokenStep | None = None
    replaced: bool = False


class Journal:
    """The lines of one account, oldest first."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path

    def append(self, entry: Entry) -> None:
        """Add a line; it is on disk when this returns. Raises OSError.

        The end of an attempt is when a journal that has grown long is shortened.
        """
        line: JsonObject = {
            "state": entry.stage.value,
            "attempt": entry.attempt,
            "account": entry.account,
            "file": entry.file,
            "at": instant_text(entry.at),
            "boot_id": boot_id(),
            "refresh_fingerprint": entry.refresh_fingerprint,
            "replaced": entry.replaced,
        }
        if entry.step is not None:
            line["outcome"] = step_to_json(entry.step)
        append_line(self._path, line)
        if entry.stage is Stage.ENDED:
            with contextlib.suppress(OSError):
                shorten(self._path)

    def entries(self) -> tuple[Entry, ...]:
        """Every sound line; what is torn or fails its checksum is passed over. Raises OSError."""
        return self.read()[0]

    def read(self) -> tuple[tuple[Entry, ...], bool]:
        """Every sound line, and whether there are others that nobody can read. Raises OSError."""
        lines, damaged = read_lines(self._path)
        entries = [_entry(line) for line in lines]
        return tuple(entry for entry in entries if entry is not None), damaged or None in entries

    def outcome(self, attempt: str) -> Entry | None:
        """The last line of one attempt. Raises OSError."""
        return next((entry for entry in reversed(self.entries()) if entry.attempt == attempt), None)


def unresolved(entries: Sequence[Entry]) -> dict[str, Entry]:
    """The sendings, by refresh token, of which nobody knows whether the token was spent."""
    open_ones: dict[str, Entry] = {}
    for entry in entries:
        mark = entry.refresh_fingerprint
        if entry.stage is Stage.SENDING:
            # a later attempt that comes to nothing does not settle an earlier one
            if mark is not None:
                open_ones.setdefault(mark, entry)
        elif entry.step is not None:
            outcome = entry.step.outcome
            open_ones = {
                each: sent
                for each, sent in open_ones.items()
                if not (outcome in _SETTLED and each == mark)
                and not (outcome in _HARMLESS and sent.attempt == entry.attempt)
            }
    return open_ones


def open_attempts(entries: Iterable[Entry]) -> dict[str, Entry]:
    """The last line of every attempt that never ended, by its id: its space may lie about."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.stage is Stage.ENDED:
            found.pop(entry.attempt, None)
        else:
            found[entry.attempt] = entry
    return found


def is_told(entries: Sequence[Entry], attempt: str) -> bool:
    """Whether sound lines tell what became of the token of an attempt that sent it, or that it is unknown."""
    return any(
        entry.stage is Stage.SENDING
        or (entry.step is not None and entry.step.outcome in _SETTLED | _HARMLESS)
        for entry in entries
        if entry.attempt == attempt
    )


def append_line(path: Path, line: JsonObject) -> None:
    """Append a JSON line to a private file and force it to disk. Raises OSError."""
    handle = _opened(path)
    try:
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


def shorten(path: Path, cap_bytes: int = JOURNAL_CAP_BYTES, kept_bytes: int = _KEPT_BYTES) -> bool:
    """Drop the old lines of a journal larger than the cap; whether it did. Raises OSError.

    Of the old lines, sendings without a known end stay: they decide whether a token may be sent again.
    A crash leaves the old journal or the new one.
    """
    if path.stat().st_size <= cap_bytes:
        return False
    handle = _opened(path)
    try:
        lines = path.read_bytes().splitlines()
        first, size = len(lines), 0
        while first and (size := size + len(lines[first - 1]) + 1) <= kept_bytes:
            first -= 1
        entries = [_entry(line) if (line := opened_line(text)) is not None else None for text in lines]
        lasting = {id(entry) for entry in unresolved([each for each in entries if each]).values()}
        old = [text for text, entry in zip(lines[:first], entries, strict=False) if id(entry) in lasting]
        content = b"".join(text + b"\n" for text in (*old, *lines[first:]))
        beside = Reservation(path.with_name(f"{path.name}.short"), len(content))
        try:
            beside.fill(content)
            beside.become(path)
        finally:
            beside.discard()
    finally:
        os.close(handle)
    return True


def _opened(path: Path) -> int:
    """The file, made where it is missing, and locked: who waited for it looks whether it was replaced."""
    for turn in range(_TURNS):
        if turn:
            time.sleep(_TURN_SECONDS)
        handle = open_own(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), path.lstat()):
                return handle
        except (BlockingIOError, FileNotFoundError):
            pass
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP):
                return handle  # a file system without locks, where the lock of the login file has to do
            os.close(handle)
            raise
        os.close(handle)
    raise OSError(errno.EAGAIN, "another process holds it", str(path))


def read_lines(path: Path) -> tuple[list[JsonObject], bool]:
    """The sound JSON lines of a file's last mebibyte, and whether others stand there too.

    A missing file has none. Raises OSError.
    """
    try:
        handle = open_own(path, os.O_RDONLY)
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


def _entry(line: JsonObject) -> Entry | None:
    at = parse_instant(line.get("at"))
    stage, attempt = text_at(line, "state"), text_at(line, "attempt")
    if at is None or attempt is None or stage not in list(Stage) or not is_name(attempt):
        return None
    file = text_at(line, "file") or ""
    outcome = object_at(line, "outcome")
    return Entry(
        stage=Stage(stage),
        attempt=attempt,
        account=text_at(line, "account") or "",
        file=file if is_place(file) else "",
        at=at,
        refresh_fingerprint=text_at(line, "refresh_fingerprint"),
        step=step_from_json(outcome) if outcome is not None else None,
        replaced=line.get("replaced") is True,
    )
