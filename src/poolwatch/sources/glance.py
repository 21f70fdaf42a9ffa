"""A look at files without opening one: what it sees differs whenever a listing could."""

from __future__ import annotations

import glob
import os
from collections.abc import Hashable, Iterable


def places(pattern: str) -> list[str]:
    """What a path or glob stands for, in order; a path that exists is no glob."""
    if os.path.lexists(pattern) or not glob.has_magic(pattern):
        return [pattern]
    return sorted(glob.glob(pattern))  # noqa: PTH207 - a thousand paths are looked at many times a minute


def stamp(path: str) -> Hashable:
    """Time, size and identity of a file, or why there are none; a link to nothing is not nothing."""
    try:
        state = os.stat(path)  # noqa: PTH116 - as above
    except (OSError, ValueError) as error:
        return type(error).__name__, os.path.lexists(path)
    return _state(state)


def stamps(paths: Iterable[str]) -> tuple[Hashable, ...]:
    """The same of files most of which are not there: only what is there counts."""
    found: list[Hashable] = []
    for path in paths:
        try:
            found.append(_state(os.stat(path)))  # noqa: PTH116 - as above
        except (OSError, ValueError) as error:
            found.append(type(error).__name__)
    return tuple(found)


def folder_stamps(folder: str, suffix: str) -> tuple[Hashable, ...]:
    """The files of a folder with that suffix and no leading dot, by name; OSError where it cannot be read."""
    found: list[tuple[str, Hashable]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.endswith(suffix) and name[0] != ".":
                try:
                    found.append((name, _state(entry.stat())))
                except OSError as error:
                    found.append((name, type(error).__name__))
    return (folder, *sorted(found, key=_name))


def _name(found: tuple[str, Hashable]) -> str:
    return found[0]


def _state(state: os.stat_result) -> Hashable:
    return state.st_mtime_ns, state.st_size, state.st_ino, state.st_mode
