"""Looking for new lines in session files again and again, at a cost that nobody notices."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct

from poolwatch.domain.values import replace
from poolwatch.host.locks import held
from poolwatch.sessions.homes import Listing, SessionFile, files_in, newest_folders, seen_again
from poolwatch.sessions.progress import LOCK_NAME
from poolwatch.sessions.scan import Scan
from poolwatch.sessions.tables import FILE_NAME, open_to_write

#: Between two looks at the files that are likely to grow.
GLANCE_SECONDS: Final = 1.0
#: A look at every file takes at most this part of a processor, but comes at least so often.
_SHARE: Final = 0.01
_LOOK_MOST_SECONDS: Final = 60.0
#: What changed in the last day and a half is likely to grow; of thousands, those that changed last.
_LIVELY_SECONDS: Final = 36 * 3600.0
_LIVELY_MOST: Final = 200
_NANO: Final = 1e-9
_LOCK_SECONDS: Final = 0.2


#: Waits so many seconds, and tells whether there is still somebody to work for.
IsWanted: TypeAlias = Callable[[float], bool]


class Clocks(Struct, frozen=True):
    """Seconds since 1970, of a clock that is never set, and of the processor."""

    now: Callable[[], float]
    steady: Callable[[], float]
    cpu: Callable[[], float]


class Watch:
    """Keeps `usage.db` up to date for as long as it is wanted."""

    def __init__(self, state_dir: Path, homes: Sequence[str], clocks: Clocks, is_wanted: IsWanted) -> None:
        self._state_dir: Final = state_dir
        self._homes: Final = homes
        self._clocks: Final = clocks
        self._is_wanted: Final = is_wanted
        self._listing = Listing((), (), (), 0)
        self._look_at = 0.0

    def run(self) -> None:
        """Look again and again. Raises BookError, sqlite3.Error."""
        goes_on = True
        while goes_on:
            with closing(open_to_write(self._state_dir)) as change:
                scan = Scan(change, self._homes, self._clocks.now, is_wanted=lambda: self._is_wanted(0))
                goes_on = self._run(scan)

    def _run(self, scan: Scan) -> bool:
        """The same with one connection, for as long as its file is there."""
        path = self._state_dir / FILE_NAME
        inode = path.stat().st_ino
        while True:
            with held(self._state_dir / LOCK_NAME, _LOCK_SECONDS) as is_ours:
                # somebody else who reads files does the same
                if is_ours:
                    self._step(scan)
            if not self._is_wanted(GLANCE_SECONDS):
                return False
            try:
                if path.stat().st_ino != inode:
                    return True
            except FileNotFoundError:
                return True

    def _step(self, scan: Scan) -> None:
        try:
            if self._clocks.steady() >= self._look_at:
                began = self._clocks.cpu()
                self._listing = Listing((), (), (), 0)
                listing = scan.look()
                self._listing = replace(listing, files=listing.files[:_LIVELY_MOST])
                cost = (self._clocks.cpu() - began) / _SHARE
                self._look_at = self._clocks.steady() + min(cost, _LOOK_MOST_SECONDS)
            else:
                scan.glance(self._likely())
        except sqlite3.OperationalError:
            # another process writes, or the disk is full: there is a next time
            scan.abandon()

    def _likely(self) -> Iterator[SessionFile]:
        """The files that are likely to have changed, each once."""
        since = self._clocks.now() - _LIVELY_SECONDS
        seen = set()
        for file in self._listing.files:
            if file.mtime_ns * _NANO < since:
                break
            again = seen_again(file)
            if again is not None:
                seen.add(file.name)
                yield again
        for tree in self._listing.trees:
            for folder in newest_folders(tree):
                for file in files_in(folder, tree):
                    if file.name not in seen:
                        yield file
