"""Where login files are: one file, all that a path or glob stands for, and no file twice."""

from __future__ import annotations

import glob
import os
from collections.abc import Hashable
from pathlib import Path

from msgspec import Struct


class LoginFile(Struct, frozen=True):
    """One file that may hold a login, and the Codex home around it if it stands in one."""

    path: Path
    home: Path | None = None
    folder: str | None = None

    @property
    def place(self) -> str:
        """The file's path as text that can be stored whatever bytes it has."""
        text = str(self.path)
        try:
            text.encode()
        except UnicodeEncodeError:
            return os.fsencode(text).hex()
        return text


def matches(pattern: str) -> tuple[list[Path], bool]:
    """What a path or glob stands for, in order, and whether it was a glob; a path that exists is no glob."""
    if os.path.lexists(pattern) or not glob.has_magic(pattern):
        return [Path(pattern)], False
    return [Path(found) for found in sorted(glob.glob(pattern))], True  # noqa: PTH207 - an absolute pattern as text


def one_per_file(files: list[LoginFile]) -> list[LoginFile]:
    """Without second names (links) of the same file; the name that is no link stays."""
    kept: dict[Hashable, LoginFile] = {}
    for file in sorted(files, key=lambda each: (each.path.is_symlink(), str(each.path))):
        try:
            state = file.path.stat()
            kept.setdefault((state.st_dev, state.st_ino), file)
        except (OSError, ValueError):
            kept.setdefault(file.place, file)
    return sorted(kept.values(), key=lambda each: str(each.path))
