"""The journal of one account's refreshes: appended, forced to disk, and without any token."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from poolwatch.custody.files import write_all
from poolwatch.custody.instants import instant_text, parse_instant
from poolwatch.custody.json_text import JsonObject, object_at, parse_object, text_at
from poolwatch.custody.step_text import step_from_json, step_to_json
from poolwatch.domain.refresh import TokenStep

_TAIL_BYTES: Final = 1024 * 1024
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Stage(StrEnum):
    """How far an attempt came: its token may be on the way, or its outcome is known."""

    SENDING = "sending"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `file` is the resolved login file and `lock` its key.

    `replaced`: a new refresh token came, so the one with this fingerprint is used up.
    """

    stage: Stage
    attempt: str
    account: str
    lock: str
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
        """Add a line; it is on disk when this returns. Raises OSError."""
        line: JsonObject = {
            "state": entry.stage.value,
            "attempt": entry.attempt,
            "account": entry.account,
            "lock": entry.lock,
            "file": entry.file,
            "at": instant_text(entry.at),
            "boot_id": boot_id(),
            "refresh_fingerprint": entry.refresh_fingerprint,
            "replaced": entry.replaced,
        }
        if entry.step is not None:
            line["outcome"] = step_to_json(entry.step)
        append_line(self._path, line)

    def entries(self) -> tuple[Entry, ...]:
        """Every readable line; a line torn by a power cut is passed over. Raises OSError."""
        return tuple(entry for line in read_lines(self._path) if (entry := _entry(line)) is not None)

    def outcome(self, attempt: str) -> Entry | None:
        """The last line of one attempt. Raises OSError."""
        return next((entry for entry in reversed(self.entries()) if entry.attempt == attempt), None)


def append_line(path: Path, line: JsonObject) -> None:
    """Append a JSON line to a private file and force it to disk. Raises OSError."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(handle, 0o600)
        size = os.fstat(handle).st_size
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        text = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        write_all(handle, b"\n" + text if torn else text)
        os.fsync(handle)
    finally:
        os.close(handle)


def read_lines(path: Path) -> list[JsonObject]:
    """The JSON lines of a file, from its last mebibyte; a missing file has none. Raises OSError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    with os.fdopen(handle, "rb") as file:
        file.seek(max(0, os.fstat(handle).st_size - _TAIL_BYTES))
        return [line for text in file.read().splitlines() if (line := parse_object(text)) is not None]


def boot_id() -> str:
    """Which run of the machine this is; empty where the system does not say."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except (OSError, UnicodeError):
        return ""


def _entry(line: JsonObject) -> Entry | None:
    at = parse_instant(line.get("at"))
    stage, attempt = text_at(line, "state"), text_at(line, "attempt")
    if at is None or attempt is None or stage not in list(Stage):
        return None
    outcome = object_at(line, "outcome")
    return Entry(
        stage=Stage(stage),
        attempt=attempt,
        account=text_at(line, "account") or "",
        lock=text_at(line, "lock") or "",
        file=text_at(line, "file") or "",
        at=at,
        refresh_fingerprint=text_at(line, "refresh_fingerprint"),
        step=step_from_json(outcome) if outcome is not None else None,
        replaced=line.get("replaced") is True,
    )
