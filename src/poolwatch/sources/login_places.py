"""Where login files are: one file, all that a path or glob stands for, and no file twice."""

from __future__ import annotations

import glob
import os
from collections.abc import Hashable
from pathlib import Path

from msgspec import Struct


class LoginFile(Struct, frozen=True, gc=False):
    """One file that may hold a login, and the Codex home around it if it stands in one.

    Paths are texts, as `pathlib` writes them: a thousand of its objects take a megabyte.
    """

    path: str
    home: str | None = None
    folder: str | None = None

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
