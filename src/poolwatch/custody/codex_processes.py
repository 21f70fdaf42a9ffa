"""Whether a codex is alive on a home: two of them would race for one refresh token."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
_CODEX: Final = re.compile(r"codex(\.js|\.exe|-(cli|tui|exec|app-server|(x86_64|aarch64)-.*))?")
_MOST_BYTES: Final = 1024 * 1024


def codex_is_running(home: Path, proc: Path = PROC) -> bool:
    """Whether a codex process uses this home, as far as the process table tells; blocks on /proc."""
    wanted = os.path.realpath(home)
    try:
        processes = [entry for entry in proc.iterdir() if entry.name.isdigit()]
    except OSError:
        return False
    own = str(os.getpid())
    return any(entry.name != own and _uses(entry, wanted) for entry in processes)


def _uses(process: Path, wanted: str) -> bool:
    words = [os.fsdecode(word) for word in _read(process / "cmdline").split(b"\0")]
    # the second word is the script of an interpreter: `node …/bin/codex`
    if not any(_CODEX.fullmatch(Path(word).name) for word in words[:2] if word):
        return False
    variables = {
        name: value
        for name, _, value in (
            os.fsdecode(item).partition("=") for item in _read(process / "environ").split(b"\0")
        )
    }
    named = variables.get("CODEX_HOME")
    if not named:
        if "HOME" not in variables:
            # another user's process, or one that hides: it cannot be told, and is not this user's home
            return False
        named = str(Path(variables["HOME"]) / ".codex")
    try:
        place = (process / "cwd").readlink() / named
    except OSError:
        place = Path(named)
    return os.path.realpath(place) == wanted


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return b""
