"""Login files: finding them, seeing that one changed, and reading those again that seem broken."""

from __future__ import annotations

import asyncio
import glob
import os
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from poolwatch.host.files import FileProblem
from poolwatch.host.threads import in_thread

T = TypeVar("T")

#: A file may be in the middle of being rewritten in place: look again before believing it broken.
_READS: Final = 4
_PAUSE_SECONDS: Final = 0.05


class LoginFile(Struct, frozen=True):
    """One file that may hold a login, and the Codex home around it if it stands in one.

    `in_keyring`: there is none, because Codex keeps the home's login in the keyring.
    """

    path: str
    home: str | None = None
    folder: str | None = None
    in_keyring: bool = False

    @property
    def place(self) -> str:
        """The file's path as text that can be stored whatever bytes it has."""
        try:
            self.path.encode()
        except UnicodeEncodeError:
            return os.fsencode(self.path).hex()
        return self.path


def matches(pattern: str) -> tuple[list[str], bool]:
    """What a path or glob stands for, in order, and whether it was a glob; a path that exists is no glob."""
    if os.path.lexists(pattern) or not glob.has_magic(pattern):
        return [str(Path(pattern))], False
    return [str(Path(found)) for found in sorted(glob.glob(pattern))], True  # noqa: PTH207 - an absolute pattern as text


def one_per_file(files: list[LoginFile]) -> list[LoginFile]:
    """Without second names (links) of the same file; the name that is no link stays."""
    kept: dict[Hashable, LoginFile] = {}
    for file in sorted(files, key=lambda each: (os.path.islink(each.path), each.path)):  # noqa: PTH114 - a text
        try:
            state = os.stat(file.path)  # noqa: PTH116 - likewise
            kept.setdefault((state.st_dev, state.st_ino), file)
        except (OSError, ValueError):
            kept.setdefault(file.place, file)
    return sorted(kept.values(), key=lambda each: each.path)


def stamp(file: LoginFile) -> Hashable:
    """A value that differs when a file does, made without opening it."""
    try:
        state = os.stat(file.path)  # noqa: PTH116 - a thousand files are looked at many times a minute
    except (OSError, ValueError) as error:
        return type(error).__name__
    # the time of the inode (ctime) too: nobody can set it back
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


async def read_patiently(
    read: Callable[[LoginFile], T | FileProblem | None], files: Iterable[LoginFile]
) -> dict[LoginFile, T | FileProblem | None]:
    """What is in the files, read on a thread; those that seem broken are read again before that counts."""

    def contents(batch: list[LoginFile]) -> dict[LoginFile, T | FileProblem | None]:
        return {file: read(file) for file in batch}

    found: dict[LoginFile, T | FileProblem | None] = {}
    left = list(files)
    for reads in range(_READS):
        if reads:
            await asyncio.sleep(_PAUSE_SECONDS)
        found.update(await in_thread(partial(contents, left)))
        left = [file for file in left if isinstance(found[file], FileProblem)]
        if not left:
            break
    return found
