"""What is known about the use of tokens: asked by everybody, written by the scan, imports and attribution."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.domain.matching import HomeLogin
from poolwatch.domain.tokens import (
    QUARTER_SECONDS,
    GroupBy,
    Origin,
    RequestSeen,
    ScanState,
    Tokens,
    UseAsked,
    UseCell,
    WhoseBy,
)
from poolwatch.sessions import day_counts, owners
from poolwatch.sessions.asking import cells_of, texts_of
from poolwatch.sessions.day_counts import DayCounted
from poolwatch.sessions.events import UsageEvent
from poolwatch.sessions.imported import imported_cells, latest_imported, take_imported
from poolwatch.sessions.owners import LimitSeen, ThreadUse, Whose
from poolwatch.sessions.progress import lacks_use, read_state
from poolwatch.sessions.tables import (
    ERRORS,
    LOOK_SECONDS,
    TIER_OF,
    USE,
    BookError,
    json_texts,
    open_to_look,
    open_to_write,
    problem_of,
)


class ThreadKnown(Struct, frozen=True):
    """A conversation; its title is nowhere kept (`titles`)."""

    conversation: str
    parent: str | None
    project: str | None
    client: str | None


class UseBook:
    """The use that is known in a state directory; without a file, nothing is. Calls block on the disk.

    Methods raise BookError when the file cannot be read or written.
    """

    def __init__(self, state_dir: Path, patience: float = LOOK_SECONDS) -> None:
        """So many seconds it waits at most to look while another program keeps the file to itself."""
        self._state_dir: Final = state_dir
        self._patience: Final = patience

    def cells(self, asked: UseAsked) -> list[UseCell]:
        """The use that is asked for, without what could not be verified."""
        with self._look() as look:
            if look is None:
                return []
            return cells_of(look, asked) if asked.origin is Origin.FILES else imported_cells(look, asked)

    def texts(self, origin: Origin, kinds: Collection[GroupBy] = tuple(GroupBy)) -> dict[GroupBy, list[str]]:
        """Every model, account, user and so on of which use is known; of conversations none."""
        with self._look() as look:
            return {} if look is None else texts_of(look, origin, kinds)

    def tokens_from(self, quarter: int) -> int:
        """The tokens in session files of a quarter and all after it."""
        with self._look() as look:
            if look is None:
                return 0
            row = look.execute(
                f"SELECT SUM(input + output) FROM ({USE}) WHERE verified = 1 AND quarter >= ?",  # noqa: S608 - names of ours
                (quarter,),
            ).fetchone()
            return row[0] or 0

    def latest(
        self, count: int, origin: Origin = Origin.FILES, before: float = float("inf")
    ) -> list[RequestSeen]:
        """The last requests before an instant, newest first; 500 are kept."""
        with self._look() as look:
            if look is None:
                return []
            return _latest(look, count, before) if origin is Origin.FILES else latest_imported(look, count)

    def scan_state(self) -> ScanState:
        """How far the session files were read."""
        with self._look() as look:
            return ScanState() if look is None else read_state(look, self._state_dir)

    def lacks_use(self, since: int) -> bool:
        """Whether files that changed in these quarters or later hold use that was not counted."""
        with self._look() as look:
            return look is not None and lacks_use(look, since)

    def threads(self, conversations: Collection[str]) -> dict[str, ThreadKnown]:
        """What is known about conversations, by their ids."""
        with self._look() as look:
            if look is None:
                return {}
            rows = look.execute(
                "SELECT uuid, parent, project, client FROM threads"
                " WHERE uuid IN (SELECT value FROM json_each(?))",
                (json_texts(conversations),),
            )
            return {row[0]: ThreadKnown(*row) for row in rows}

    def unsettled(self, homes: Mapping[str, str], quarter: int, later: int) -> list[ThreadUse]:
        """The conversations of which it is to be found out whose they are: see `owners.unsettled`."""
        with self._look() as look:
            return [] if look is None else owners.unsettled(look, homes, quarter, later)

    def limits(self, conversation: str) -> list[LimitSeen]:
        """How the limits stood during a conversation, in order; only where they moved."""
        with self._look() as look:
            return [] if look is None else owners.limits_of(look, conversation)

    def homes(self) -> list[str]:
        """The Codex homes that files were read of."""
        with self._look() as look:
            return [] if look is None else owners.homes(look)

    def logins(self) -> list[HomeLogin]:
        """Who was noticed in which home, each home's in order of time."""
        with self._look() as look:
            return [] if look is None else owners.logins(look)

    def note_logins(self, accounts: Mapping[str, str], quarter: int) -> None:
        """Note who is logged in in which home now; "" for a login that is no account's."""
        with self._write() as change:
            owners.note_logins(change, accounts, quarter)

    def owners_mark(self) -> tuple[str, str]:
        """What differs once more was read, and what was noted when owners were looked for last."""
        with self._look() as look:
            return ("", "") if look is None else owners.mark(look)

    def note_owners_mark(self, text: str) -> None:
        """Note that owners were looked for."""
        with self._write() as change:
            owners.note_mark(change, text)

    def whose(self, conversations: Collection[str]) -> dict[str, list[Whose]]:
        """Whose these conversations are, as far as it is known, by their ids."""
        with self._look() as look:
            return {} if look is None else owners.whose_of(look, conversations)

    def put_whose(self, found: Sequence[Whose], conversations: Collection[str]) -> None:
        """Keep whose these conversations are, in place of what was known about them."""
        with self._write() as change:
            owners.put_whose(change, found, conversations)

    def put_examined(self, found: Sequence[Whose], tokens: Mapping[str, int], quarter: int) -> None:
        """Keep whose these conversations are, and that they had so many tokens when that was found out."""
        with self._write() as change:
            owners.put_whose(change, found, tokens)
            owners.note_examined(change, tokens, quarter)

    def shares(self, since: int, until: int) -> dict[WhoseBy | None, int]:
        """Tokens of these quarters by what tells whose they are; None: nothing does."""
        with self._look() as look:
            return {} if look is None else owners.tokens_by_how(look, since, until)

    def unasked(self, today: int) -> set[str]:
        """The accounts of which files tell use, and that were not asked for on this day since 1970, UTC."""
        with self._look() as look:
            return set() if look is None else day_counts.unasked(look, today)

    def claim_asking(self, account: str, today: int) -> bool:
        """Whether this process is to ask the service what it counted of an account; no other will, today."""
        with self._write() as change:
            return day_counts.claim_asking(change, account, today)

    def put_counted(self, account: str, tokens: Mapping[int, int]) -> None:
        """Keep what the service counted of an account, by days since 1970, UTC."""
        with self._write() as change:
            day_counts.put_counted(change, account, tokens)

    def days_counted(self, since: int, until: int) -> list[DayCounted]:
        """The days from `since` to before `until` that the service counted, and what files tell of them."""
        with self._look() as look:
            return [] if look is None else day_counts.days_counted(look, since, until)

    def tokens_of_days(self, account: str, since: int, until: int) -> dict[int, int]:
        """An account's tokens in the files, by days since 1970, UTC, from `since` to before `until`.

        Days of which the files do not tell all yet are left out.
        """
        with self._look() as look:
            if look is None or read_state(look, self._state_dir).complete_at is None:
                return {}
            return day_counts.tokens_of_days(look, account, since, until)

    def take_events(self, events: Sequence[UsageEvent]) -> int:
        """Add events; the same one counts once. How many were new."""
        with self._write() as change:
            return take_imported(change, events)

    @contextmanager
    def _look(self) -> Iterator[sqlite3.Connection | None]:
        connection = open_to_look(self._state_dir, self._patience)
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
    except ERRORS as error:
        raise BookError(problem_of(error), str(error)) from None


def _latest(look: sqlite3.Connection, count: int, before: float) -> list[RequestSeen]:
    rows = look.execute(
        "SELECT l.at, m.text, l.tier, l.long, l.input, l.cached, l.cache_write, l.output, l.reasoning,"
        " w.account, t.project, t.uuid, t.client FROM latest l"
        " JOIN names m ON m.id = l.model JOIN threads t ON t.id = l.thread"
        " LEFT JOIN whose w ON w.thread = l.thread"
        " AND CAST(l.at AS INTEGER) / :quarter >= w.since AND CAST(l.at AS INTEGER) / :quarter < w.until"
        " WHERE l.at < :before ORDER BY l.at DESC LIMIT :count",
        {"quarter": QUARTER_SECONDS, "count": count, "before": before},
    )
    return [
        RequestSeen(
            at, model or None, TIER_OF[tier], bool(long), Tokens(*counts), account, project, thread, client
        )
        for at, model, tier, long, *counts, account, project, thread, client in rows
    ]
