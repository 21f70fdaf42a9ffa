"""Reads the session files that changed, those that changed last first, and keeps what they tell.

What a file told and where reading it stands are written in one transaction: a process that is killed anywhere
has read a file or has not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Final

from poolwatch.domain.values import replace
from poolwatch.sessions.copies import Prefix
from poolwatch.sessions.counting import PARSER_VERSION, Counting
from poolwatch.sessions.counts import State
from poolwatch.sessions.file_rows import FileRow, ReadFile
from poolwatch.sessions.homes import Listing, SessionFile, is_gone, session_files, thread_of
from poolwatch.sessions.keeping import Keeper
from poolwatch.sessions.lines import LineReader
from poolwatch.sessions.progress import Trouble, note_progress, read_progress

#: So long a transaction may be open, in seconds; and a large file is not begun in one.
_OPEN_SECONDS: Final = 0.3
_LARGE: Final = 16 * 1024 * 1024
#: What tells that a file was only added to: its beginning, and what stands before the place that was reached.
_HEAD: Final = 4096
_TAIL: Final = 1024
#: Forks of forks go no deeper.
_DEEPEST: Final = 50
_NANO: Final = 1e-9
#: So many times as long as such a file took it is left alone, at most so long.
_REST: Final = 50
_REST_MOST_SECONDS: Final = 60.0
#: A look that found nothing new is noted so often: whoever reads takes a new note for news.
_NOTED_SECONDS: Final = 3600.0


class Scan:
    """Keeps the facts of session files up to date, in one process at a time.

    `now` tells seconds since 1970; `is_wanted` whether there is still somebody to work for. Methods raise
    sqlite3.Error.
    """

    def __init__(
        self,
        change: sqlite3.Connection,
        homes: Sequence[str],
        now: Callable[[], float],
        *,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._change: Final = change
        self._homes: Final = homes
        self._now: Final = now
        self._is_wanted: Final = is_wanted
        self._keeper: Final = Keeper(change)
        self._version: int | None = None
        self._rows: dict[str, FileRow] = {}
        self._files: dict[str, SessionFile] = {}
        self._by_thread: dict[str, list[str]] = {}
        #: of which names that was made
        self._sorted: int | None = None
        #: threads that could tell what other files copied
        self._waited_for: set[str] = set()
        #: names of files that were begun in this look, of those that must be read once more, and that were
        self._begun: set[str] = set()
        self._again: set[str] = set()
        self._reread: set[str] = set()
        #: files in which nothing is their own yet are read as a whole: those that take long, seldom
        self._not_before: dict[str, float] = {}
        self._open_since: float | None = None
        self._progress = read_progress(change)

    def look(self) -> Listing:
        """Read all that changed in all files; what there is."""
        began = self._now()
        # of tens of thousands of files, two listings would take much room
        self._files = {}
        listing = session_files(self._homes)
        self._recall()
        self._files = {file.name: file for file in listing.files}
        self._sort_by_thread()
        changed = [file for file in listing.files if self._is_changed(file)]
        moved = [file for file in listing.files if self._is_moved(file)]
        gone = [row for name, row in self._rows.items() if self._is_gone(name, row)]
        self._progress = replace(
            self._progress,
            bytes_done=0,
            bytes_total=sum(self._unread(file) for file in changed),
            homes=listing.homes,
            unreadable=list(listing.unreadable),
        )
        if moved or gone:
            self._begin()
            for file in moved:
                self._keeper.move(self._rows[file.name], file)
            self._keeper.lose(gone)
            self._version = None
        if not self._read_all(changed):
            return listing
        known = self._progress.complete_at
        if changed or moved or gone or known is None or not 0 <= began - known < _NOTED_SECONDS:
            self._begin()
            self._progress = replace(
                self._progress, complete_at=began, newest_since=None, bytes_done=0, bytes_total=0
            )
            self._commit()
        return listing

    def glance(self, files: Iterable[SessionFile]) -> None:
        """Read what changed in these files."""
        self._recall()
        changed = []
        for file in files:
            row = self._rows.get(file.name)
            # what else befell a known file is seen by the next look
            if self._now() < self._not_before.get(file.name, 0):
                continue
            if row is None or (row.path == file.path and not row.is_as(file)):
                changed.append(file)
                if file.name not in self._files:
                    self._files[file.name] = file
                    self._by_thread.setdefault(thread_of(file.name), []).append(file.name)
        if changed:
            self._read_all(changed)
            self._commit()

    def abandon(self) -> None:
        """Take back what was not yet committed."""
        self._open_since = None
        # of some failures SQLite takes all back by itself
        if self._change.in_transaction:
            self._change.execute("ROLLBACK")
        self._keeper.forget_numbers()
        self._version = None

    # -- which files, and in which order

    def _recall(self) -> None:
        """Read what is known anew when another process wrote."""
        version = self._change.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._version = version
            self._rows = self._keeper.rows()
            self._waited_for = {row.waits for row in self._rows.values() if row.waits is not None}
        self._begun.clear()
        self._reread.clear()

    def _sort_by_thread(self) -> None:
        mark = hash(frozenset(self._files))
        if mark != self._sorted:
            self._sorted = mark
            self._by_thread = {}
            for name in sorted(self._files):
                self._by_thread.setdefault(thread_of(name), []).append(name)

    def _is_changed(self, file: SessionFile) -> bool:
        row = self._rows.get(file.name)
        return row is None or not row.is_as(file)

    def _is_moved(self, file: SessionFile) -> bool:
        row = self._rows.get(file.name)
        return row is not None and row.is_as(file) and (row.gone or row.path != file.path)

    def _is_gone(self, name: str, row: FileRow) -> bool:
        return not row.gone and name not in self._files and is_gone(row.path)

    def _unread(self, file: SessionFile) -> int:
        row = self._rows.get(file.name)
        return file.size if row is None or row.offset > file.size else file.size - row.offset

    def _read_all(self, files: Sequence[SessionFile]) -> bool:
        """Whether it came to the end."""
        for number, file in enumerate(files):
            self._read(file, 0)
            following = files[number + 1] if number + 1 < len(files) else None
            if following is not None:
                self._progress = replace(self._progress, newest_since=following.mtime_ns * _NANO)
                if following.size > _LARGE or self._is_open_long():
                    self._commit()
                    if not self._is_wanted():
                        return False
        while names := self._again & self._files.keys():
            self._again.clear()
            self._reread |= names
            for name in sorted(names):
                self._begun.discard(name)
                self._read(self._files[name], 0, anew=True)
        self._again.clear()
        return True

    def _doubt(self, names: set[str]) -> None:
        """Have these files read once more: in this look, else by whoever looks at them next."""
        # each once in a look: what two files tell about each other must not go on for ever
        names = (names & self._rows.keys()) - self._reread
        self._keeper.doubt(names)
        for name in names:
            self._rows[name] = replace(self._rows[name], parser=0)
        self._again |= names

    def _before(self, thread: str, name: str) -> list[SessionFile]:
        """The files of a thread that must be read before one that needs them."""
        return [
            self._files[other]
            for other in self._by_thread.get(thread, ())
            if other != name and other not in self._begun and self._is_changed(self._files[other])
        ]

    # -- one file

    def _read(self, file: SessionFile, depth: int, *, anew: bool = False) -> None:
        if file.name in self._begun:
            return
        self._begun.add(file.name)
        self._again.discard(file.name)
        row = self._rows.get(file.name)
        for other in self._before(thread_of(file.name), file.name):
            if other.name < file.name and depth < _DEEPEST:
                self._read(other, depth + 1)
        began = self._now()
        try:
            read, resumed = self._count(file, row, depth, anew=anew)
        except FileNotFoundError:
            return
        except OSError:
            self._cannot(file, row)
            return
        self._not_before.pop(file.name, None)
        if read.counting.state.prefix is Prefix.UNDECIDED:
            took = self._now() - began
            self._not_before[file.name] = began + min(_REST_MOST_SECONDS, _REST * took)
        self._begin()
        keeper = self._keeper
        lost: list[tuple[int, int]] = []
        if row is not None and not resumed:
            if read.trouble is Trouble.BROKEN and read.offset < row.offset:
                # what it told when it was whole is still so
                self._rows[file.name] = keeper.hold(row, file, Trouble.BROKEN)
                return
            lost = keeper.forget(row)
        unread, is_new = self._unread(file), row is None or row.trouble == Trouble.UNREADABLE
        row = keeper.put(file, read)
        self._rows[file.name] = row
        doubted: set[str] = set()
        if lost:
            unclaimed = keeper.unclaimed(lost)
            doubted |= {name for name, other in self._rows.items() if other.id in unclaimed}
        if row.waits is not None:
            self._waited_for.add(row.waits)
        thread = read.counting.thread
        if is_new:
            doubted |= keeper.further_than(thread, file.name)
            if thread in self._waited_for:
                doubted |= keeper.waiting_for(thread) - {file.name}
        if doubted:
            self._doubt(doubted)
        self._progress = replace(self._progress, bytes_done=self._progress.bytes_done + unread)

    def _count(
        self, file: SessionFile, row: FileRow | None, depth: int, *, anew: bool
    ) -> tuple[ReadFile, bool]:
        """What a file tells, and whether that comes to what it told before. Raises OSError."""
        name, thread = file.name, thread_of(file.name)

        def is_further(thread: str) -> bool:
            return self._keeper.is_further(thread, name)

        with LineReader(file.path) as reader:
            resumed = None if row is None or anew else self._resumed(file, row, reader)
            offset = 0
            if resumed is None:
                counting = Counting(thread, State(at=file.mtime_ns * _NANO), is_further=is_further)
            else:
                offset, state, course = resumed
                counting = Counting(thread, state, course)
            counting.singly_from = self._keeper.singly_from
            counting.feed(reader.lines(offset))
            if counting.is_misread:
                resumed = None
                state = State(at=file.mtime_ns * _NANO)
                counting = Counting(thread, state, is_further=is_further, is_child=True)
                counting.singly_from = self._keeper.singly_from
                counting.feed(reader.lines())
            origin = counting.origin
            is_own = origin == counting.thread
            course_known = None if origin is None else self._course(origin, name, depth, own=is_own)
            counting.settle(course_known)
            trouble = None
            if reader.is_broken:
                trouble = Trouble.BROKEN
            elif counting.state.bad_lines:
                trouble = Trouble.BAD_LINES
            elif counting.state.ledger.differs:
                trouble = Trouble.DIFFERS
            head, tail = _ends(reader, reader.offset)
            return ReadFile(counting, reader.offset, head, tail, trouble), resumed is not None

    def _resumed(
        self, file: SessionFile, row: FileRow, reader: LineReader
    ) -> tuple[int, State, bytes] | None:
        """Where to go on, when a file was only added to."""
        same = row.inode == file.inode and row.dev == file.dev and row.parser == PARSER_VERSION
        # one that has the same length but another time was written anew
        if not same or file.is_compressed or not 0 < row.offset <= file.size or row.size == file.size:
            return None
        known = self._keeper.resumption(row)
        if known is None or (known.head, known.tail) != _ends(reader, row.offset):
            return None
        return row.offset, known.state, known.course

    def _course(self, thread: str, name: str, depth: int, *, own: bool) -> bytes | None:
        """The marks of a thread's counter; those before its own file where a file goes on from that."""
        for other in self._before(thread, name):
            if depth < _DEEPEST and not (own and other.name > name):
                self._read(other, depth + 1)
        return self._keeper.course_of(thread, name, own=own)

    def _cannot(self, file: SessionFile, row: FileRow | None) -> None:
        """A file cannot be read; it is tried again with every look, and noted once."""
        if row is None or row.trouble != Trouble.UNREADABLE:
            self._begin()
            self._rows[file.name] = self._keeper.hold(row, file, Trouble.UNREADABLE)

    # -- transactions

    def _begin(self) -> None:
        if self._open_since is None:
            self._keeper.begin()
            self._open_since = self._now()

    def _is_open_long(self) -> bool:
        return self._open_since is not None and not 0 <= self._now() - self._open_since < _OPEN_SECONDS

    def _commit(self) -> None:
        if self._open_since is None:
            return
        self._keeper.trim()
        note_progress(self._change, self._progress)
        self._change.execute("COMMIT")
        self._open_since = None


def _ends(reader: LineReader, offset: int) -> tuple[bytes, bytes]:
    """What tells a file's beginning from others. Raises OSError."""
    if reader.is_compressed:
        return b"", b""
    head = reader.piece(0, min(_HEAD, offset))
    tail = reader.piece(max(0, offset - _TAIL), offset)
    return blake2b(head, digest_size=8).digest(), blake2b(tail, digest_size=8).digest()
