"""Which codex works on a home: two that renew its login at once would race for one refresh token.

Seen on Codex 0.169 and 0.171: the daemon's updater never renews, and a daemon that listens on a Unix socket
renews only what a client asks it for. Every other codex works, and so does one that cannot be told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
_CODEX: Final = re.compile(r"codex(\.js|\.exe|-(cli|tui|exec|app-server|(x86_64|aarch64)-.*))?")
_MOST_BYTES: Final = 16 * 1024 * 1024
_UPDATER: Final = ("app-server", "daemon", "pid-update-loop")
_APP_SERVER: Final = "app-server"
_LISTEN: Final = "--listen"
_UNIX: Final = "unix:"
#: its clients are on other machines
_REMOTE: Final = "--remote-control"
_SOCKET: Final = re.compile(r"socket:\[(\d+)\]")
#: in the table of Unix sockets: one that takes connections
_ACCEPTS: Final = 0x10000
_TCP_ESTABLISHED: Final = "01"


@dataclass(frozen=True, slots=True)
class _Process:
    """One process whose program is codex, or an interpreter that runs it: `node …/bin/codex`."""

    pid: int
    parent: int
    words: tuple[str, ...]

    @property
    def is_launcher(self) -> bool:
        """Whether it only may have started the codex that counts."""
        return not _is_codex(self.words[0])


def working_codex(home: Path, proc: Path = PROC) -> int | None:
    """The process id of a codex that works on this home, as far as the process table tells; blocks on /proc.

    None also where only an updater or a daemon without a client lives there.
    """
    return min((pid for pid, works in codexes(home, proc).items() if works), default=None)


def codexes(home: Path, proc: Path = PROC) -> dict[int, bool]:
    """The process ids of all codexes that live on this home, and whether each works; blocks on /proc."""
    wanted = os.path.realpath(home)
    try:
        entries = [entry for entry in proc.iterdir() if entry.name.isdigit()]
    except OSError:
        return {}
    found = [codex for entry in entries if (codex := _codex(entry)) is not None and _uses(entry, wanted)]
    parents = {codex.parent for codex in found}
    judged = [each for each in found if not (each.is_launcher and each.pid in parents)]
    return {each.pid: _works(each, proc) for each in judged}


def _codex(process: Path) -> _Process | None:
    words = tuple(os.fsdecode(word) for word in _read(process / "cmdline").split(b"\0") if word)
    if int(process.name) == os.getpid() or not any(_is_codex(word) for word in words[:2]):
        return None
    # "4711 (a name with ) and blanks) S 1 …": the parent is the second field after the name
    fields = _read(process / "stat").rpartition(b")")[2].split()
    parent = int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0
    return _Process(int(process.name), parent, words)


def _is_codex(word: str) -> bool:
    return _CODEX.fullmatch(Path(word).name) is not None


def _uses(process: Path, wanted: str) -> bool:
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


def _works(codex: _Process, proc: Path) -> bool:
    words = codex.words
    if any(words[at : at + len(_UPDATER)] == _UPDATER for at in range(len(words))):
        return False
    if not _is_daemon(words):
        return True
    try:
        return _has_client(proc / str(codex.pid))
    except ValueError:
        return True


def _is_daemon(words: Sequence[str]) -> bool:
    if _APP_SERVER not in words or _REMOTE in words:
        return False
    listens = [word.partition("=")[2] for word in words if word.startswith(f"{_LISTEN}=")]
    listens += [after for word, after in pairwise(words) if word == _LISTEN]
    return bool(listens) and all(place.startswith(_UNIX) for place in listens)


def _has_client(process: Path) -> bool:
    """Whether anybody is connected to a daemon, or it to a service: a turn outlives the client it is for."""
    sockets = _sockets(process / "fd")
    # number, users, protocol, flags, type, state, inode, and the path of one that has a name
    named = [row for row in _rows(process / "net" / "unix") if len(row) > 7]
    doors = {row[7] for row in named if row[6] in sockets and int(row[3], 16) & _ACCEPTS}
    if not doors:
        return True  # not readable, or on its way up or down
    if any(row[7] in doors and not int(row[3], 16) & _ACCEPTS for row in named):
        return True
    tables = (_rows(process / "net" / name) for name in ("tcp", "tcp6"))
    return any(
        len(row) > 9 and row[9] in sockets and row[3] == _TCP_ESTABLISHED for rows in tables for row in rows
    )


def _sockets(handles: Path) -> frozenset[str]:
    found = set()
    with suppress(OSError):
        for handle in handles.iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                link = _SOCKET.fullmatch(str(handle.readlink()))
                if link is not None:
                    found.add(link[1])
    return frozenset(found)


def _rows(table: Path) -> list[list[str]]:
    return [line.split() for line in _read(table).decode(errors="replace").splitlines()[1:]]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return b""
