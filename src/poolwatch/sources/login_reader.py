"""Finds and reads login files: again while one seems broken, and not at all while it stands as it was."""

from __future__ import annotations

import asyncio
import glob
import os
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from poolwatch.custody.login_file import Login, read_login
from poolwatch.domain.account import Listing, Secret
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem
from poolwatch.host.threads import in_thread

T = TypeVar("T")

#: A file may be in the middle of being rewritten in place: look again before believing it broken.
_READS: Final = 4
_PAUSE_SECONDS: Final = 0.05
#: A file that changed less than this ago is read anew: longer than the clock of any file system stands still.
_SETTLED_SECONDS: Final = 10.0


class LoginFile(Struct, frozen=True):
    """One file that may hold a login, and the Codex home around it if it stands in one."""

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


def stamp(path: str) -> int:
    """A number that differs when a file does, made without opening it; a link to nothing is not nothing."""
    try:
        return _state(os.stat(path))  # noqa: PTH116 - a thousand files are looked at many times a minute
    except (OSError, ValueError) as error:
        return hash((type(error).__name__, os.path.lexists(path)))


def folder_stamp(folder: str, suffix: str) -> int:
    """The same of a folder's files with that suffix; OSError where it cannot be read."""
    found: set[int] = set()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(suffix) and not entry.name.startswith("."):
                try:
                    found.add(hash((entry.name, _state(entry.stat()))))
                except OSError as error:
                    found.add(hash((entry.name, type(error).__name__)))
    # folders name their files in any order
    return hash((folder, frozenset(found)))


def _state(state: os.stat_result) -> int:
    # the time of the inode (ctime) too: nobody can set it back
    return hash((
        state.st_dev, state.st_ino, state.st_mode, state.st_uid, state.st_size,
        state.st_mtime_ns, state.st_ctime_ns,
    ))  # fmt: skip


class KnownLogin(Struct, frozen=True):
    """A file that held a login when it was last listed; `state` is its own then, None where it may lie."""

    listing: Listing
    state: int | None


class LoginReader:
    """What login files hold, as last seen; opens them on a thread, and holds no token.

    `describe` makes the entry of a login, and `without_login` says what to make of a file that is JSON but
    no login. `at_is_disk_time`: the instants given come from the clock that stamps the files, so that a file
    that stands as it was read is not opened to be listed.
    """

    def __init__(
        self,
        fingerprint: Callable[[Secret], str],
        describe: Callable[[LoginFile, Login], Listing],
        without_login: Callable[[LoginFile], FileProblem | None],
        *,
        at_is_disk_time: bool,
    ) -> None:
        self._fingerprint = fingerprint
        self._describe = describe
        self._without_login = without_login
        self._at_is_disk_time = at_is_disk_time
        self._known: dict[str, KnownLogin] = {}

    def listed(self, place: str) -> Listing | None:
        """The entry of the login that a file was last listed with, even if it is broken by now."""
        known = self._known.get(place)
        return known.listing if known is not None else None

    async def look_through(
        self, files: Iterable[LoginFile], at: datetime
    ) -> dict[LoginFile, KnownLogin | FileProblem | None]:
        """What to list of the files; each is an entry before the next is read. Remembered once it is kept."""
        return await self._patiently(lambda file: self._entry(file, at), files)

    def keep(self, found: Mapping[LoginFile, KnownLogin | FileProblem | None]) -> None:
        """These are all files, and what was listed of them; one that is broken stays known as it was."""
        kept: dict[str, KnownLogin] = {}
        for file, content in found.items():
            known = self._known.get(file.place) if isinstance(content, FileProblem) else content
            if known is not None:
                kept[file.place] = known
        self._known = kept

    async def login_in(self, file: LoginFile) -> Login | FileProblem | None:
        """What a file holds now; None when that is no login, or the file is gone."""
        return (await self._patiently(self._read, [file]))[file]

    async def _patiently(
        self, read: Callable[[LoginFile], T | FileProblem | None], files: Iterable[LoginFile]
    ) -> dict[LoginFile, T | FileProblem | None]:
        """What is in the files; those that seem broken are read again before that counts."""
        found: dict[LoginFile, T | FileProblem | None] = {}
        left = list(files)
        for reads in range(_READS):
            if reads:
                await asyncio.sleep(_PAUSE_SECONDS)
            found.update(await in_thread(partial(self._all, read, left)))
            left = [file for file in left if isinstance(found[file], FileProblem)]
            if not left:
                break
        return found

    def _all(
        self, read: Callable[[LoginFile], T | FileProblem | None], files: Iterable[LoginFile]
    ) -> dict[LoginFile, T | FileProblem | None]:
        found: dict[LoginFile, T | FileProblem | None] = {}
        for file in files:
            content = read(file)
            if content is None:
                content = self._without_login(file)
            is_gone = isinstance(content, FileProblem) and not os.path.lexists(file.path)
            found[file] = None if is_gone else content
        return found

    def _entry(self, file: LoginFile, at: datetime) -> KnownLogin | FileProblem | None:
        """The entry of a file; one that is in the state in which it was last listed is not opened again.

        Its state is taken before it is read, so that a change in between is seen the next time.
        """
        state = _settled_state(file.path, at) if self._at_is_disk_time else None
        known = self._known.get(file.place)
        if known is not None and state is not None and known.state == state:
            return known
        login = self._read(file)
        return KnownLogin(self._describe(file, login), state) if isinstance(login, Login) else login

    def _read(self, file: LoginFile) -> Login | FileProblem | None:
        content = read_login(Path(file.path), self._fingerprint)
        # it said who this is; nothing here needs it again
        return replace(content, id_token=None) if isinstance(content, Login) else content


def _settled_state(path: str, at: datetime) -> int | None:
    """What tells a file's content apart from every other it had; None where nothing does.

    The clock of the disk may stand still between two changes: of a file changed lately this says nothing.
    """
    try:
        state = os.stat(path)  # noqa: PTH116 - a thousand files are looked at
    except (OSError, ValueError):
        return None
    is_settled = at.timestamp() - max(state.st_ctime, state.st_mtime) >= _SETTLED_SECONDS
    return _state(state) if is_settled else None
