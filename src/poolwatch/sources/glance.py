"""A look at files without opening one: what it sees differs whenever a listing could.

What is seen of a file, and of a folder, is one number: the 64-bit hash of all of it. A thousand files are
looked at many times a minute, and what was seen of them is held in between.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable


def places(pattern: str) -> list[str]:
    """What a path or glob stands for, in order; a path that exists is no glob."""
    if os.path.lexists(pattern) or not glob.has_magic(pattern):
        return [pattern]
    return sorted(glob.glob(pattern))  # noqa: PTH207 - a thousand paths are looked at many times a minute


def stamp(path: str) -> int:
    """Time, size and identity of a file, or why there are none; a link to nothing is not nothing."""
    try:
        state = os.stat(path)  # noqa: PTH116 - as above
    except (OSError, ValueError) as error:
        return hash((type(error).__name__, os.path.lexists(path)))
    return _state(state)


def stamps(paths: Iterable[str]) -> int:
    """The same of files most of which are not there: only what is there counts."""
    found: list[int | str] = []
    for path in paths:
        try:
            found.append(_state(os.stat(path)))  # noqa: PTH116 - as above
        except (OSError, ValueError) as error:
            found.append(type(error).__name__)
    return hash(tuple(found))


def folder_stamps(folder: str, suffix: str) -> int:
    """The files of a folder with that suffix and no leading dot, by name; OSError where it cannot be read."""
    found: set[int] = set()
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.endswith(suffix) and name[0] != ".":
                try:
                    found.add(hash((name, _state(entry.stat()))))
                except OSError as error:
                    found.add(hash((name, type(error).__name__)))
    # folders name their files in any order
    return hash((folder, frozenset(found)))


def _state(state: os.stat_result) -> int:
    # the time of the inode too: a login may be copied over another one with its times kept
    return hash((state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino, state.st_mode))
