"""What is known about the use of tokens: asked by everybody, written by the scan, imports and attribution."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from poolwatch.domain.tokens import Origin, RequestSeen, ScanState, Tokens, UseAsked, UseCell
from poolwatch.sessions.asking import SECONDS_OF_QUARTER, cells_of
from poolwatch.sessions.events import UsageEvent
from poolwatch.sessions.progress import read_state
from poolwatch.sessions.tables import TIER_OF, BookError, BookProblem, is_damage, open_to_look, open_to_write
from poolwatch.sessions.told import latest_told, take_told, told_cells


class ThreadKnown(Struct, frozen=True):
    """A conversation. `title` only where titles were read."""

    conversation: str
    parent: str | None
    project: str | None
    client: str | None
    title: str | None


class ThreadUse(Struct, frozen=True):
    """When a conversation of one home used tokens: quarters `since` (included) to `until` (not)."""

    conversation: str
    home: str
    since: int
    until: int
    tokens: int


class LimitSeen(Struct, frozen=True):
    """How a limit stood, as a session file tells. Instants: seconds since 1970, UTC."""

    at: int
    limit_id: str | None
    window_minutes: int
    used_percent: float | None
    resets_at: int | None
    plan: str | None


class Whose(Struct, frozen=True):
    """Whose a conversation's use was in quarters `since` (included) to `until` (not), and what tells it."""

    conversation: str
    since: int
    until: int
    account: str
    how: str


class UseBook:
    """The use that is known in a state directory; without a file, nothing is. Calls block on the disk.

    Methods raise BookError when the file cannot be read or written.
    """

    def __init__(self, state_dir: Path) -> None:
        self._state_dir: Final = state_dir

    def cells(self, asked: UseAsked) -> list[UseCell]:
        """The use that is asked for, without what could not be verified."""
        with self._look() as look:
            if look is None:
                return []
            return cells_of(look, asked) if asked.origin is Origin.FILES else told_cells(look, asked)

    def latest(self, count: int, origin: Origin = Origin.FILES) -> list[RequestSeen]:
        """The last requests, newest first; 500 are kept."""
        with self._look() as look:
            if look is None:
                return []
            return _latest(look, count) if origin is Origin.FILES else latest_told(look, count)

    def scan_state(self) -> ScanState:
        """How far the session files were read."""
        with self._look() as look:
            return ScanState() if look is None else read_state(look, self._state_dir)

    def threads(self, conversations: Collection[str]) -> dict[str, ThreadKnown]:
        """What is known about conversations, by their ids."""
        with self._look() as look:
            if look is None:
                return {}
            rows = look.execute(
                "SELECT uuid, parent, project, client, title FROM threads"
                " WHERE uuid IN (SELECT value FROM json_each(?))",
                (_json(conversations),),
            )
            return {row[0]: ThreadKnown(*row) for row in rows}

    def threads_seen(self, since: int = 0) -> list[ThreadUse]:
        """The conversations with use from a quarter on, for each home that holds files of theirs."""
        with self._look() as look:
            if look is None:
                return []
            rows = look.execute(
                "SELECT t.uuid, n.text, MIN(f.quarter), MAX(f.quarter) + 1, SUM(f.input + f.output)"
                " FROM (SELECT quarter, file, thread, input, output FROM facts"
                " UNION ALL SELECT quarter, file, thread, input, output FROM borrowed) f"
                " JOIN threads t ON t.id = f.thread JOIN files ON files.id = f.file"
                " JOIN names n ON n.id = files.home WHERE f.quarter >= ? GROUP BY f.thread, files.home",
                (since,),
            )
            return [ThreadUse(*row) for row in rows]

    def limits(self, conversation: str) -> list[LimitSeen]:
        """How the limits stood during a conversation, in order; only where they moved."""
        with self._look() as look:
            if look is None:
                return []
            rows = look.execute(
                "SELECT l.at, k.text, l.minutes, l.used, l.resets_at, p.text FROM limits l"
                " JOIN files ON files.id = l.file JOIN threads t ON t.id = files.thread"
                " JOIN names k ON k.id = l.kind LEFT JOIN names p ON p.id = l.plan"
                " WHERE t.uuid = ? ORDER BY l.at",
                (conversation,),
            )
            return [LimitSeen(at, kind or None, *rest) for at, kind, *rest in rows]

    def put_whose(self, found: Sequence[Whose], conversations: Collection[str]) -> None:
        """Keep whose these conversations are, in place of what was known about them."""
        with self._write() as change:
            change.execute(
                "DELETE FROM whose WHERE thread IN"
                " (SELECT id FROM threads WHERE uuid IN (SELECT value FROM json_each(?)))",
                (_json(conversations),),
            )
            change.executemany(
                "INSERT OR REPLACE INTO whose SELECT id, ?, ?, ?, ? FROM threads WHERE uuid = ?",
                [(each.since, each.until, each.account, each.how, each.conversation) for each in found],
            )

    def shares(self, since: int, until: int) -> dict[str | None, int]:
        """Tokens of these quarters by what tells whose they are; None: nothing does."""
        with self._look() as look:
            if look is None:
                return {}
            rows = look.execute(
                "SELECT w.how, SUM(f.input + f.output) FROM"
                " (SELECT quarter, thread, input, output, verified FROM facts"
                " UNION ALL SELECT quarter, thread, input, output, verified FROM borrowed) f"
                " LEFT JOIN whose w ON w.thread = f.thread AND f.quarter >= w.since AND f.quarter < w.until"
                " WHERE f.verified = 1 AND f.quarter >= ? AND f.quarter < ? GROUP BY w.how",
                (since, until),
            )
            return dict(rows.fetchall())

    def take_events(self, events: Sequence[UsageEvent]) -> int:
        """Add events; the same one counts once. How many were new."""
        with self._write() as change:
            return take_told(change, events)

    @contextmanager
    def _look(self) -> Iterator[sqlite3.Connection | None]:
        connection = open_to_look(self._state_dir)
        if connection is None:
            yield None
            return
        with closing(connection), _told_as_book_error():
            yield connection

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with closing(open_to_write(self._state_dir)) as connection, _told_as_book_error():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


@contextmanager
def _told_as_book_error() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise BookError(BookProblem.DAMAGED if is_damage(error) else BookProblem.DENIED, str(error)) from None


def _json(texts: Collection[str]) -> str:
    return msgspec.json.encode(list(texts)).decode()


def _latest(look: sqlite3.Connection, count: int) -> list[RequestSeen]:
    rows = look.execute(
        "SELECT l.at, m.text, l.tier, l.long, l.input, l.cached, l.cache_write, l.output, l.reasoning,"
        " w.account, t.project, t.uuid, t.client FROM latest l"
        " JOIN names m ON m.id = l.model JOIN threads t ON t.id = l.thread"
        " LEFT JOIN whose w ON w.thread = l.thread"
        " AND CAST(l.at AS INTEGER) / :quarter >= w.since AND CAST(l.at AS INTEGER) / :quarter < w.until"
        " ORDER BY l.at DESC LIMIT :count",
        {"quarter": SECONDS_OF_QUARTER, "count": count},
    )
    return [
        RequestSeen(
            at, model or None, TIER_OF[tier], bool(long), Tokens(*counts), account, project, thread, client
        )
        for at, model, tier, long, *counts, account, project, thread, client in rows
    ]
