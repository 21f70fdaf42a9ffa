"""What the scan writes about files: their facts, and where reading them stands, in one transaction."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappush, heapreplace
from typing import Final

import msgspec

from poolwatch.domain.tokens import QUARTER_SECONDS
from poolwatch.domain.values import replace
from poolwatch.sessions.copies import BY_ORIGIN, Prefix
from poolwatch.sessions.counting import PARSER_VERSION, Counting
from poolwatch.sessions.counts import Request, Response, State
from poolwatch.sessions.file_rows import FileRow, ReadFile, Resumption, row_of
from poolwatch.sessions.heads import FileHead
from poolwatch.sessions.homes import SessionFile
from poolwatch.sessions.progress import Trouble
from poolwatch.sessions.tables import KEPT_SINGLY

_FACT: Final = (
    "INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " requests = requests + excluded.requests, input = input + excluded.input,"
    " cached = cached + excluded.cached, cache_write = cache_write + excluded.cache_write,"
    " output = output + excluded.output, reasoning = reasoning + excluded.reasoning"
)
_PUT: Final = (
    'INSERT INTO files (name, path, home, thread, size, mtime_ns, inode, dev, "offset", head, tail, parser,'
    " state, course, further, responses, waits, trouble)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
    " path = excluded.path, home = excluded.home, thread = excluded.thread, size = excluded.size,"
    " mtime_ns = excluded.mtime_ns, inode = excluded.inode, dev = excluded.dev,"
    ' "offset" = excluded."offset", head = excluded.head, tail = excluded.tail, parser = excluded.parser,'
    " state = excluded.state, course = excluded.course, further = excluded.further,"
    " responses = excluded.responses, waits = excluded.waits, trouble = excluded.trouble, gone = 0"
    " RETURNING id"
)
_LOST: Final = (
    "SELECT DISTINCT r.hash, r.file FROM repeats r JOIN responses q ON q.hash = r.hash"
    " WHERE q.file = ? AND r.file != q.file"
)


class Keeper:
    """Writes within the transaction of whoever calls."""

    def __init__(self, change: sqlite3.Connection) -> None:
        self._change: Final = change
        self._names: Final[dict[str, int]] = {}
        self._threads: Final[dict[str, int]] = {}
        #: a heap of when the requests were that are kept singly, None while that is not read
        self._newest: list[float] | None = None

    def rows(self) -> dict[str, FileRow]:
        """All files that were read, by their names."""
        rows = self._change.execute(
            'SELECT id, name, path, size, mtime_ns, inode, dev, "offset", parser, gone, waits, responses,'
            " trouble FROM files"
        )
        return {
            row[1]: FileRow(
                id=row[0],
                name=row[1],
                path=os.fsdecode(row[2]),
                size=row[3],
                mtime_ns=row[4],
                inode=row[5],
                dev=row[6],
                offset=row[7],
                parser=row[8],
                gone=bool(row[9]),
                waits=row[10],
                responses=bool(row[11]),
                trouble=row[12],
            )
            for row in rows
        }

    def resumption(self, row: FileRow) -> Resumption | None:
        """How to go on with a file, None when it must be read from its beginning."""
        head, tail, state, course = self._change.execute(
            "SELECT head, tail, state, course FROM files WHERE id = ?", (row.id,)
        ).fetchone()
        if head is None or state is None:
            return None
        try:
            return Resumption(head, tail, msgspec.msgpack.decode(state, type=State), course or b"")
        except msgspec.MsgspecError:
            return None

    def course_of(self, thread: str, name: str, *, own: bool) -> bytes | None:
        """The marks of a thread's counter, None when there is no file of it.

        Of a file's `own` thread, what stands in those before it: later ones begin with what stands in it.
        """
        rows = self._change.execute(
            "SELECT f.course FROM files f JOIN threads t ON t.id = f.thread"
            " WHERE t.uuid = :thread AND (f.name < :name OR (f.name > :name AND NOT :own)) ORDER BY f.name",
            {"thread": thread, "name": name, "own": own},
        ).fetchall()
        return b"".join(course or b"" for (course,) in rows) if rows else None

    def is_further(self, thread: str, name: str) -> bool:
        """Whether a file is not the first one of its thread."""
        found = self._change.execute(
            "SELECT 1 FROM files f JOIN threads t ON t.id = f.thread"
            " WHERE t.uuid = ? AND f.name < ? AND f.further = 0 LIMIT 1",
            (thread, name),
        ).fetchone()
        return found is not None

    def further_than(self, thread: str, name: str) -> set[str]:
        """The names of the later files of a thread: what they begin with may be told by this one."""
        rows = self._change.execute(
            "SELECT f.name FROM files f JOIN threads t ON t.id = f.thread WHERE t.uuid = ? AND f.name > ?",
            (thread, name),
        )
        return {found for (found,) in rows}

    @property
    def singly_from(self) -> float:
        """Requests before this instant are not kept singly: there are enough that came later."""
        newest = self._newest
        if newest is None:
            rows = self._change.execute("SELECT at FROM latest ORDER BY at DESC LIMIT ?", (KEPT_SINGLY,))
            newest = self._newest = [at for (at,) in rows]
            heapify(newest)
        return newest[0] if len(newest) == KEPT_SINGLY else float("-inf")

    def forget(self, row: FileRow) -> list[tuple[int, int]]:
        """Take out what a file told. Which responses another file holds too, by hash and that file."""
        lost = self._change.execute(_LOST, (row.id,)).fetchall() if row.responses else []
        self._newest = None
        tables = ["facts", "latest", "limits"]
        if row.responses:
            tables += ["responses", "borrowed", "repeats"]
        for table in tables:
            self._change.execute(f"DELETE FROM {table} WHERE file = ?", (row.id,))  # noqa: S608 - names of ours
        return lost

    def unclaimed(self, lost: Iterable[tuple[int, int]]) -> set[int]:
        """The files that hold a response which no file counts any more."""
        return {
            file
            for hash_, file in lost
            if self._change.execute("SELECT 1 FROM responses WHERE hash = ?", (hash_,)).fetchone() is None
        }

    def waiting_for(self, thread: str) -> set[str]:
        """The names of files that this thread's course could tell more about."""
        return {name for (name,) in self._change.execute("SELECT name FROM files WHERE waits = ?", (thread,))}

    def put(self, file: SessionFile, read: ReadFile) -> FileRow:
        """Keep where reading a file stands, and what it told."""
        counting = read.counting
        state = counting.state
        thread = self._thread(counting.thread, state.head)
        # a file in which nothing is its own yet is read from its beginning again
        can_go_on = state.prefix is not Prefix.UNDECIDED
        origin = None if state.head is None else state.head.origin
        waits = origin if state.prefix in BY_ORIGIN else None
        responses = state.has_records or bool(counting.responses)
        values = (
            os.fsencode(file.path),
            self.name_id(file.home),
            thread,
            file.size,
            file.mtime_ns,
            file.inode,
            file.dev,
            read.offset,
            read.head if can_go_on else None,
            read.tail if can_go_on else None,
            PARSER_VERSION,
            msgspec.msgpack.encode(state) if can_go_on else None,
            counting.course.tobytes(),
            state.is_further,
            responses,
            waits,
            read.trouble,
        )
        row = self._change.execute(_PUT, (file.name, *values)).fetchone()
        number = int(row[0])
        self._put_cells(number, thread, counting)
        self._put_limits(number, counting)
        return row_of(number, file, read.offset, waits, responses=responses, trouble=read.trouble)

    def move(self, row: FileRow, file: SessionFile) -> None:
        """The same file lies elsewhere now, or is there again."""
        self._change.execute(
            "UPDATE files SET path = ?, home = ?, gone = 0 WHERE id = ?",
            (os.fsencode(file.path), self.name_id(file.home), row.id),
        )

    def lose(self, rows: Iterable[FileRow]) -> None:
        """These files are gone; what they told stays."""
        self._change.executemany(
            "UPDATE files SET gone = 1, trouble = NULL WHERE id = ?", [(row.id,) for row in rows]
        )

    def hold(self, row: FileRow | None, file: SessionFile, trouble: Trouble) -> FileRow:
        """A file cannot be read, or not as far as before: what it told stays."""
        # what cannot be opened is tried again, though it stays as it is
        parser = 0 if trouble is Trouble.UNREADABLE else PARSER_VERSION
        seen = (file.size, file.mtime_ns, file.inode, file.dev, parser, trouble)
        change, path = self._change, os.fsencode(file.path)
        if row is not None:
            change.execute(
                "UPDATE files SET size = ?, mtime_ns = ?, inode = ?, dev = ?, parser = ?, trouble = ?,"
                " path = ?, state = NULL WHERE id = ?",
                (*seen, path, row.id),
            )
            kept = row_of(row.id, file, row.offset, row.waits, responses=row.responses, trouble=trouble)
            return replace(kept, parser=parser)
        number = change.execute(
            'INSERT INTO files (size, mtime_ns, inode, dev, parser, trouble, path, name, home, "offset")'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0) RETURNING id",
            (*seen, path, file.name, self.name_id(file.home)),
        ).fetchone()[0]
        return replace(row_of(number, file, 0, None, responses=False, trouble=trouble), parser=parser)

    def doubt(self, names: Iterable[str]) -> None:
        """What these files told may be otherwise by what was read now: no end in between forgets it."""
        self._change.executemany("UPDATE files SET parser = 0 WHERE name = ?", [(name,) for name in names])

    def trim(self) -> None:
        """Leave no more single requests than are kept."""
        self._change.execute("DELETE FROM latest WHERE at < ?", (self.singly_from,))

    def name_id(self, text: str) -> int:
        """The number of a text that many rows share."""
        number = self._names.get(text)
        if number is None:
            number = self._numbered("names", "text", text)
            self._names[text] = number
        return number

    def begin(self) -> None:
        """Begin a transaction; numbers may have been taken by others since the last one, or rolled back."""
        self._change.execute("BEGIN IMMEDIATE")
        self._newest = None

    def forget_numbers(self) -> None:
        """A transaction was rolled back: numbers that were given in it are not there."""
        self._names.clear()
        self._threads.clear()

    def _thread(self, uuid: str, head: FileHead | None) -> int:
        number = self._threads.get(uuid)
        if number is None:
            number = self._threads[uuid] = self._numbered("threads", "uuid", uuid)
        if head is not None and head.thread == uuid:
            self._change.execute(
                "UPDATE threads SET parent = ifnull(?, parent), project = ifnull(?, project),"
                " client = ifnull(?, client) WHERE id = ?",
                (head.parent, head.project, head.client, number),
            )
        return number

    def _numbered(self, table: str, column: str, text: str) -> int:
        change = self._change
        insert = f"INSERT OR IGNORE INTO {table} ({column}) VALUES (?)"  # noqa: S608 - names of ours
        change.execute(insert, (text,))
        row = change.execute(f"SELECT id FROM {table} WHERE {column} = ?", (text,)).fetchone()  # noqa: S608 - likewise
        return int(row[0])

    def _put_cells(self, file: int, thread: int, counting: Counting) -> None:
        facts = {(*key[:4], int(key[4])): list(counts) for key, counts in counting.cells.items()}
        requests = counting.requests
        for response in self._counted_here(file, counting.responses):
            request = response.request
            if response.rank:
                self._borrow(file, response)
                continue
            requests.append(request)
            quarter = int(request.at) // QUARTER_SECONDS
            key = (quarter, request.model, request.tier, request.long_context, 1)
            fact = facts.setdefault(key, [0] * 6)
            for place, count in enumerate((1, *request.counts)):
                fact[place] += count
        self._change.executemany(
            _FACT,
            [
                (quarter, file, thread, self.name_id(model), tier, is_long, verified, *counts)
                for (quarter, model, tier, is_long, verified), counts in facts.items()
            ],
        )
        for request in requests:
            if request.at > self.singly_from:
                self._put_single(file, thread, request)

    def _put_single(self, file: int, thread: int, request: Request) -> None:
        if self._newest is not None:
            (heapreplace if len(self._newest) == KEPT_SINGLY else heappush)(self._newest, request.at)
        self._change.execute(
            "INSERT INTO latest VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?)",
            (
                request.at,
                file,
                thread,
                self.name_id(request.model),
                request.tier,
                request.long_context,
                *request.counts,
            ),
        )

    def _counted_here(self, file: int, responses: Sequence[Response]) -> Iterator[Response]:
        """Those that are counted by this file: they are new, or it has a better right to them."""
        if not responses:
            return
        hashes = msgspec.json.encode([each.hash for each in responses]).decode()
        rows = self._change.execute(
            "SELECT hash FROM responses WHERE hash IN (SELECT value FROM json_each(?))", (hashes,)
        )
        known = {hash_ for (hash_,) in rows}
        new: list[tuple[int, int, int]] = []
        insert = "INSERT INTO responses VALUES (?, ?, ?)"
        for response in responses:
            if response.hash not in known:
                known.add(response.hash)
                new.append((response.hash, file, response.rank))
                yield response
                continue
            # it may be one of these
            self._change.executemany(insert, new)
            new.clear()
            if self._takes_over(file, response):
                yield response
        self._change.executemany(insert, new)

    def _borrow(self, file: int, response: Response) -> None:
        request = response.request
        quarter = int(request.at) // QUARTER_SECONDS
        kind = (self.name_id(request.model), request.tier, request.long_context)
        owner = self._thread(response.thread, None)
        self._change.execute(
            "INSERT OR REPLACE INTO borrowed VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 1, 1, ?, ?, ?, ?, ?)",
            (response.hash, request.at, quarter, file, owner, *kind, *request.counts),
        )

    def _takes_over(self, file: int, response: Response) -> bool:
        """Whether a response counts here, and not where it was found before: the original before a copy."""
        change = self._change
        other, rank = change.execute(
            "SELECT file, rank FROM responses WHERE hash = ?", (response.hash,)
        ).fetchone()
        known = change.execute("SELECT at FROM borrowed WHERE hash = ?", (response.hash,)).fetchone()
        earlier = known is not None and response.request.at < known[0]
        if rank and (response.rank < rank or (response.rank == rank and earlier)):
            change.execute("DELETE FROM borrowed WHERE hash = ?", (response.hash,))
            change.execute(
                "UPDATE responses SET file = ?, rank = ? WHERE hash = ?", (file, response.rank, response.hash)
            )
            self._note_repeat(response.hash, other, file)
            return True
        self._note_repeat(response.hash, file, other)
        return False

    def _note_repeat(self, hash_: int, file: int, counted_by: int) -> None:
        if file != counted_by:
            self._change.execute("INSERT OR IGNORE INTO repeats VALUES (?, ?)", (hash_, file))

    def _put_limits(self, file: int, counting: Counting) -> None:
        self._change.executemany(
            "INSERT OR REPLACE INTO limits VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    file,
                    each.at,
                    self.name_id(each.limit_id),
                    each.minutes,
                    each.used_percent,
                    each.resets_at,
                    self.name_id(each.plan) if each.plan else None,
                )
                for each in counting.limits
            ],
        )
