"""How far the session files were read: written by the scan, told to everybody."""

from __future__ import annotations

import os
import sqlite3
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from poolwatch.domain.tokens import QUARTER_SECONDS, ScanState, Tokens
from poolwatch.host.files import open_private
from poolwatch.host.locks import take

#: Held by the process that reads session files, while it does.
LOCK_NAME: Final = "sessions.lock"
#: Held by the process that keeps looking: others of a state directory leave that to it.
WATCH_LOCK_NAME: Final = "sessions.watch.lock"
_META: Final = "scan"


class Trouble(StrEnum):
    """Why a file could not be read to its end."""

    #: its compression is damaged, or ends too early
    BROKEN = "use.broken"
    #: lines that tell about tokens are damaged
    BAD_LINES = "use.bad_lines"
    UNREADABLE = "use.unreadable"
    #: its records do not come to what its counter says
    DIFFERS = "use.differs"


class Progress(Struct, frozen=True, omit_defaults=True):
    """What the scan notes. Instants: seconds since 1970, UTC."""

    #: when the last look at every file began that came to its end
    complete_at: float | None = None
    bytes_done: int = 0
    bytes_total: int = 0
    newest_since: float | None = None
    homes: int = 0
    #: folders that cannot be listed
    unreadable: list[str] = []


def read_progress(look: sqlite3.Connection) -> Progress:
    """What was noted last."""
    row = look.execute("SELECT value FROM meta WHERE name = ?", (_META,)).fetchone()
    if row is None:
        return Progress()
    try:
        return msgspec.json.decode(row[0], type=Progress)
    except (msgspec.MsgspecError, TypeError):
        return Progress()


def note_progress(change: sqlite3.Connection, progress: Progress) -> None:
    """Note how far the scan is; within the writer's transaction."""
    change.execute(
        "INSERT OR REPLACE INTO meta VALUES (?, ?)", (_META, msgspec.json.encode(progress).decode())
    )


def read_state(look: sqlite3.Connection, state_dir: Path) -> ScanState:
    """The same for people, with what was counted and what was not."""
    progress = read_progress(look)
    files, read = look.execute("SELECT COUNT(*), TOTAL(size) FROM files WHERE gone = 0").fetchone()
    unverified = look.execute(
        "SELECT COUNT(DISTINCT file), SUM(input), SUM(cached), SUM(cache_write), SUM(output), SUM(reasoning)"
        " FROM facts WHERE verified = 0"
    ).fetchone()
    first = look.execute("SELECT MIN(quarter) FROM facts WHERE verified = 1").fetchone()[0]
    troubles = look.execute(
        "SELECT path, trouble FROM files WHERE trouble IS NOT NULL ORDER BY path"
    ).fetchall()
    return ScanState(
        # in the middle of a look the figures are not the whole, nor after one that was cut off
        complete_at=progress.complete_at if progress.bytes_total == 0 else None,
        # one that only looks whether there is anything new is not worth a word
        running=(progress.bytes_total > 0 or progress.complete_at is None) and is_scanning(state_dir),
        bytes_done=progress.bytes_done,
        bytes_total=progress.bytes_total,
        newest_since=progress.newest_since,
        files=files,
        homes=progress.homes,
        bytes_read=int(read),
        since=None if first is None else float(first * QUARTER_SECONDS),
        files_unverified=unverified[0],
        unverified=Tokens(*unverified[1:]) if unverified[0] else Tokens(),
        troubles=(
            *((folder, Trouble.UNREADABLE) for folder in progress.unreadable),
            *((os.fsdecode(path), trouble) for path, trouble in troubles if trouble != Trouble.DIFFERS),
        ),
        differing=tuple(os.fsdecode(path) for path, trouble in troubles if trouble == Trouble.DIFFERS),
    )


def lacks_use(look: sqlite3.Connection, since: int) -> bool:
    """Whether anything of these quarters or later may not have been counted.

    A file that was not read to its end holds nothing later than its last change.
    """
    if read_progress(look).unreadable:
        return True
    changed_since = since * QUARTER_SECONDS * 10**9
    cut_off = look.execute(
        "SELECT 1 FROM files WHERE gone = 0 AND trouble IS NOT NULL AND trouble != ? AND mtime_ns >= ?"
        " LIMIT 1",
        (Trouble.DIFFERS, changed_since),
    ).fetchone()
    if cut_off is not None:
        return True
    unsure = look.execute("SELECT 1 FROM facts WHERE verified = 0 AND quarter >= ? LIMIT 1", (since,))
    return unsure.fetchone() is not None


def is_scanning(state_dir: Path) -> bool:
    """Whether some process reads session files now."""
    try:
        handle = open_private(state_dir / LOCK_NAME, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not take(handle, shared=True)
    except OSError:
        return False
    finally:
        os.close(handle)
