"""Reads login files: again while one seems broken, and not at all while it stands as it was read."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from poolwatch.custody.auth_file import FileProblem, Login, read_login
from poolwatch.domain.account import Listing, Secret
from poolwatch.domain.remake import replace
from poolwatch.host.threads import in_thread
from poolwatch.sources.login_places import LoginFile

T = TypeVar("T")

#: A file may be in the middle of being rewritten in place: look again before believing it broken.
_READS_AGAIN: Final = 3
_PAUSE_SECONDS: Final = 0.05
#: A file that changed less than this ago is read anew: longer than the clock of any file system stands still.
_SETTLED_SECONDS: Final = 10.0

Found = Login | FileProblem | None


class Known(Struct, frozen=True, gc=False):
    """A file that held a login when it was last listed; `state` is its own then, where that tells anything.

    `login`, with its tokens, is there only where tokens are kept.
    """

    listing: Listing
    state: int | None
    login: Login | None


class LoginReading:
    """What login files hold, as last seen; opens them on a thread.

    `describe` makes the entry of a login, and `without_login` says what to make of a file that is JSON but
    no login. `at_is_disk_time`: the instants given come from the clock that stamps the files, so that a file
    that stands as it was read is not opened to be listed. A token is held only as long as it is used, unless
    `keeps_logins`.
    """

    def __init__(
        self,
        fingerprint: Callable[[Secret], str],
        describe: Callable[[LoginFile, Login], Listing],
        without_login: Callable[[LoginFile], FileProblem | None],
        *,
        at_is_disk_time: bool,
        keeps_logins: bool,
    ) -> None:
        self._fingerprint = fingerprint
        self._describe = describe
        self._without_login = without_login
        self._at_is_disk_time = at_is_disk_time
        self._keeps_logins = keeps_logins
        self._known: dict[str, Known] = {}
        #: what was read where a file was asked for before it was listed, and logins are kept
        self._read_early: dict[str, Known] = {}

    def listed(self, place: str) -> Listing | None:
        """The entry of the login that a file was last listed with, even if it is broken by now."""
        known = self._known.get(place)
        return known.listing if known is not None else None

    async def look_through(
        self, files: Iterable[LoginFile], at: datetime, held: Mapping[str, Listing]
    ) -> dict[LoginFile, Known | FileProblem | None]:
        """What to list of the files, those left out that are gone; each is an entry before the next is read.

        An entry that is `held` already, by place, is given as it is held. Nothing is remembered until `keep`.
        """
        return await _patiently(lambda some: self._all(some, lambda file: self._entry(file, at, held)), files)

    def keep(self, found: Mapping[LoginFile, Known | FileProblem | None]) -> None:
        """These are all files, and what was listed of them; one that is broken stays known as it was."""
        kept: dict[str, Known] = {}
        for file, content in found.items():
            place = file.place
            known = content if isinstance(content, Known) else self._known.get(place)
            if known is not None:
                kept[known.listing.ref.place] = known
        self._known = kept
        self._read_early = {}

    def at_once(self, file: LoginFile, at: datetime) -> Found:
        """What a file holds at the first look, None too when it is gone; runs on a thread."""
        return self._all([file], lambda each: self._login(each, at)).get(file)

    async def patiently(self, file: LoginFile, at: datetime) -> Found:
        """As `at_once`, but a file that seems broken is looked at again before it counts."""
        found = await _patiently(lambda some: self._all(some, lambda each: self._login(each, at)), [file])
        return found.get(file)

    def _all(
        self, files: Iterable[LoginFile], look: Callable[[LoginFile], T | FileProblem | None]
    ) -> dict[LoginFile, T | FileProblem | None]:
        found: dict[LoginFile, T | FileProblem | None] = {}
        for file in files:
            content = look(file)
            if content is None:
                content = self._without_login(file)
            if isinstance(content, FileProblem) and not os.path.lexists(file.path):
                continue
            found[file] = content
        return found

    def _entry(
        self, file: LoginFile, at: datetime, held: Mapping[str, Listing]
    ) -> Known | FileProblem | None:
        """The entry of a file; one that is in the state in which it was last listed is not opened again.

        Its state is taken before it is read, so that a change in between is seen the next time. The clock of
        the disk may stand still between two changes: of a file changed lately the state says nothing.
        """
        state = _settled_state(file.path, at) if self._at_is_disk_time else None
        known = self._known.get(file.place) or self._read_early.get(file.place)
        if known is None or state is None or known.state != state:
            login = self._read(file)
            if not isinstance(login, Login):
                return login
            known = Known(self._describe(file, login), state, login if self._keeps_logins else None)
        same = held.get(known.listing.ref.place)
        return replace(known, listing=same) if same == known.listing and same is not None else known

    def _login(self, file: LoginFile, at: datetime) -> Found:
        if not self._keeps_logins:
            return self._read(file)
        known, state = self._known.get(file.place), _settled_state(file.path, at)
        if known is not None and state is not None and known.state == state:
            return known.login
        found = self._read(file)
        if known is None and state is not None and isinstance(found, Login):
            self._read_early[file.place] = Known(self._describe(file, found), state, found)
        return found

    def _read(self, file: LoginFile) -> Found:
        content = read_login(Path(file.path), self._fingerprint)
        # it said who this is; nothing here needs it again
        return replace(content, id_token=None) if isinstance(content, Login) else content


async def _patiently(
    look: Callable[[Iterable[LoginFile]], dict[LoginFile, T | FileProblem | None]], files: Iterable[LoginFile]
) -> dict[LoginFile, T | FileProblem | None]:
    found = await in_thread(partial(look, files))
    for _ in range(_READS_AGAIN):
        torn = [file for file, content in found.items() if isinstance(content, FileProblem)]
        if not torn:
            break
        await asyncio.sleep(_PAUSE_SECONDS)
        again = await in_thread(partial(look, torn))
        found = {
            file: again.get(file, content)
            for file, content in found.items()
            if file in again or file not in torn
        }
    return found


def _settled_state(path: str, at: datetime) -> int | None:
    """What tells a file's content apart from every other it had; None where nothing does.

    The time of the inode (ctime) counts too: nobody can set it back. It is the hash of all that is seen.
    """
    try:
        state = os.stat(path)  # noqa: PTH116 - a thousand files are looked at
    except (OSError, ValueError):
        return None
    if at.timestamp() - max(state.st_ctime, state.st_mtime) < _SETTLED_SECONDS:
        return None
    return hash((
        state.st_dev, state.st_ino, state.st_mode, state.st_uid, state.st_size,
        state.st_mtime_ns, state.st_ctime_ns,
    ))  # fmt: skip
