"""Reads login files: again while one seems broken, and not at all while it stands as it was read."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Hashable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from poolwatch.custody.auth_file import FileProblem, Login, read_login
from poolwatch.domain.account import Secret
from poolwatch.domain.remake import replace
from poolwatch.sources.login_places import LoginFile

#: A file may be in the middle of being rewritten in place: look again before believing it broken.
_READS_AGAIN: Final = 3
_PAUSE_SECONDS: Final = 0.05
#: A file that changed less than this ago is read anew: longer than the clock of any file system stands still.
_SETTLED_SECONDS: Final = 10.0

Found = Login | FileProblem | None


class LoginReading:
    """What login files hold, as last seen; opens them on a thread.

    `without_login` says what to make of a file that is JSON but no login. `at_is_disk_time`: the instants
    given come from the clock that stamps the files, so that a file that stands as it was read is not opened.
    """

    def __init__(
        self,
        fingerprint: Callable[[Secret], str],
        without_login: Callable[[LoginFile], FileProblem | None],
        *,
        at_is_disk_time: bool,
    ) -> None:
        self._fingerprint = fingerprint
        self._without_login = without_login
        self._at_is_disk_time = at_is_disk_time
        #: logins by the state of the file that they were read from
        self._read_before: dict[str, tuple[Hashable, Login]] = {}

    def forget_all_but(self, places: Collection[str]) -> None:
        """Let go of what was read in other files."""
        self._read_before = {place: each for place, each in self._read_before.items() if place in places}

    async def patiently(self, files: Iterable[LoginFile], at: datetime) -> dict[LoginFile, Found]:
        """As `at_once`, but a file that seems broken is looked at again before it counts."""
        found = await asyncio.to_thread(self.at_once, files, at)
        for _ in range(_READS_AGAIN):
            torn = [file for file, content in found.items() if isinstance(content, FileProblem)]
            if not torn:
                break
            await asyncio.sleep(_PAUSE_SECONDS)
            again = await asyncio.to_thread(self.at_once, torn, at)
            found = {
                file: again.get(file, content)
                for file, content in found.items()
                if file in again or file not in torn
            }
        return found

    def at_once(self, files: Iterable[LoginFile], at: datetime) -> dict[LoginFile, Found]:
        """What the files hold at the first look, those left out that are gone; runs on a thread."""
        found: dict[LoginFile, Found] = {}
        for file in files:
            content = self._login_in(file, at)
            if content is None:
                content = self._without_login(file)
            if isinstance(content, FileProblem) and not os.path.lexists(file.path):
                continue
            found[file] = content
        return found

    def _login_in(self, file: LoginFile, at: datetime) -> Found:
        """What a file holds; one that is in the state in which it was last read is not opened again.

        Its state is taken before it is read, so that a change in between is seen the next time. The clock of
        the disk may stand still between two changes: of a file changed lately the state says nothing.
        """
        state = _settled_state(file.path, at) if self._at_is_disk_time else None
        known = self._read_before.get(file.place)
        if known is not None and state is not None and known[0] == state:
            return known[1]
        content = read_login(file.path, self._fingerprint)
        if isinstance(content, Login):
            # it said who this is; nothing here needs it again
            content = replace(content, id_token=None)
        if state is not None and isinstance(content, Login):
            self._read_before[file.place] = (state, content)
        return content


def _settled_state(path: Path, at: datetime) -> Hashable:
    """What tells a file's content apart from every other it had; None where nothing does.

    The time of the inode (ctime) counts too: nobody can set it back.
    """
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    if at.timestamp() - max(state.st_ctime, state.st_mtime) < _SETTLED_SECONDS:
        return None
    return (
        state.st_dev, state.st_ino, state.st_mode, state.st_uid, state.st_size,
        state.st_mtime_ns, state.st_ctime_ns,
    )  # fmt: skip
