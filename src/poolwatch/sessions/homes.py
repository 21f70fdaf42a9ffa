"""Which session files there are: each once, by whichever path it is reached."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.sessions.lines import COMPRESSED

_SESSIONS: Final = "sessions"
_ARCHIVED: Final = "archived_sessions"
_PLAIN: Final = ".jsonl"
#: Files of one name hold one thread, wherever they lie and whether they are compressed.
_NAME: Final = re.compile(
    r"rollout-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}-"
    r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
)
#: What people typed, and how conversations are called: no session files, wherever a link leads to them.
_NEVER: Final = ("history.jsonl", "session_index.jsonl")
_LARGEST: Final = 2**63 - 1
#: sessions/2026/11/29
_DATED: Final = 3


class SessionFile(Struct, frozen=True, gc=False):
    """A session file. `home` is the real path of its Codex home, empty when several share its folder."""

    name: str
    path: str
    home: str
    size: int
    mtime_ns: int
    inode: int
    dev: int
    is_archived: bool = False

    @property
    def is_compressed(self) -> bool:
        return self.path.endswith(COMPRESSED)


class Tree(Struct, frozen=True):
    """A folder of session files by its real path."""

    path: str
    home: str
    is_archive: bool


class Listing(Struct, frozen=True):
    """What was found, the file that changed last first. `unreadable`: folders that cannot be listed."""

    files: Sequence[SessionFile]
    trees: Sequence[Tree]
    unreadable: Sequence[str]
    #: how many homes have session files, or room for some
    homes: int


def thread_of(name: str) -> str:
    """The id of a thread in a file's name, else the name."""
    found = _NAME.fullmatch(name)
    return found[1] if found else name


def session_files(homes: Sequence[str]) -> Listing:
    """Every session file of these homes, once.

    Of those with one name counts the one in `sessions` before the archived one, the plain one before the
    compressed one, and then the longest.
    """
    unreadable: list[str] = []
    found: dict[str, SessionFile] = {}
    trees = session_trees(homes)
    for tree in trees:
        for file in _files_below(tree.path, tree, unreadable):
            other = found.get(file.name)
            if other is None or _precedence(file) < _precedence(other):
                found[file.name] = file
    seen: set[tuple[int, int]] = set()
    files = []
    for file in sorted(found.values(), key=lambda file: (-file.mtime_ns, file.name)):
        if (file.dev, file.inode) not in seen:
            seen.add((file.dev, file.inode))
            files.append(file)
    return Listing(files, trees, [as_text(folder) for folder in unreadable], _count_homes(homes))


def as_text(path: str) -> str:
    """A path as a text that can be kept, whatever bytes its names have."""
    return os.fsencode(path).decode("utf-8", "replace")


def session_trees(homes: Iterable[str]) -> list[Tree]:
    """The folders that are there, or may be, each once, by their real paths."""
    owners: dict[tuple[str, bool], set[str]] = {}
    for home in dict.fromkeys(os.path.realpath(home) for home in homes):
        for name in (_SESSIONS, _ARCHIVED):
            tree = os.path.realpath(f"{home}/{name}")
            # of one that nobody may see it is told that it cannot be listed
            if _is_folder_at(tree, unseen=True):
                owners.setdefault((tree, name == _ARCHIVED), set()).add(home)
    return [
        Tree(path, as_text(next(iter(homes))) if len(homes) == 1 else "", is_archive)
        for (path, is_archive), homes in owners.items()
    ]


def _count_homes(homes: Iterable[str]) -> int:
    """How many homes have a folder of session files."""
    real = {os.path.realpath(home) for home in homes}
    names = (_SESSIONS, _ARCHIVED)
    return sum(any(_is_folder_at(f"{home}/{name}", unseen=False) for name in names) for home in real)


def is_gone(path: str) -> bool:
    """Whether nothing is there; what the system does not let one see may be."""
    try:
        Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _is_folder_at(path: str, *, unseen: bool) -> bool:
    """Whether it is a folder; `unseen` where the system does not let one see."""
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return unseen


def newest_folders(tree: Tree, count: int = 2) -> list[str]:
    """The folders of the last days that have one: most of what is new stands in them."""
    if tree.is_archive:
        return []
    folders = [tree.path]
    for _ in range(_DATED):
        below = [f"{folder}/{name}" for folder in folders for name in _numbered(folder)]
        folders = sorted(below)[-count:]
    return folders


def files_in(folder: str, tree: Tree) -> Iterator[SessionFile]:
    """The session files in one folder, without those below it."""
    try:
        with os.scandir(folder) as entries:
            yield from (file for entry in entries if (file := _file(entry, tree)) is not None)
    except OSError:
        return


def seen_again(file: SessionFile) -> SessionFile | None:
    """The file as it is now, None when it is gone."""
    try:
        status = Path(file.path).stat()
    except OSError:
        return None
    return _made(file.path, file.name, file.home, status, is_archived=file.is_archived)


def _precedence(file: SessionFile) -> tuple[bool, bool, int, str]:
    return file.is_archived, file.is_compressed, -file.size, file.path


def _files_below(folder: str, tree: Tree, unreadable: list[str]) -> Iterator[SessionFile]:
    folders = [folder]
    seen = set()
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.endswith((_PLAIN, COMPRESSED)):
                        file = _file(entry, tree)
                        if file is not None:
                            yield file
                    elif not tree.is_archive and _is_folder(entry):
                        # a link may lead to a folder above it
                        real = os.path.realpath(entry.path)
                        if real not in seen:
                            seen.add(real)
                            folders.append(entry.path)
        except OSError:
            unreadable.append(folder)


def _file(entry: os.DirEntry[str], tree: Tree) -> SessionFile | None:
    """The session file; None for anything else. Raises PermissionError."""
    stem = entry.name.removesuffix(COMPRESSED)
    if not stem.endswith(_PLAIN) or stem in _NEVER:
        return None
    if entry.is_symlink() and os.path.realpath(entry.path).endswith(tuple(f"/{name}" for name in _NEVER)):
        return None
    try:
        status = entry.stat()
    except PermissionError:
        # no file of this folder can be seen
        raise
    except OSError:
        # a link to nothing, or it was moved just now
        return None
    name = stem.removesuffix(_PLAIN)
    if not _NAME.fullmatch(name):
        name = as_text(os.path.realpath(entry.path)).removesuffix(COMPRESSED).removesuffix(_PLAIN)
    return _made(entry.path, name, tree.home, status, is_archived=tree.is_archive)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # a link to itself
        return False


def _made(
    path: str, name: str, home: str, status: os.stat_result, *, is_archived: bool
) -> SessionFile | None:
    if not stat.S_ISREG(status.st_mode):
        return None
    # some file systems give numbers that no database takes
    inode, dev = status.st_ino & _LARGEST, status.st_dev & _LARGEST
    changed = max(-_LARGEST, min(status.st_mtime_ns, _LARGEST))
    return SessionFile(name, path, home, status.st_size, changed, inode, dev, is_archived)


def _numbered(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.name.isdigit()]
    except OSError:
        return []
