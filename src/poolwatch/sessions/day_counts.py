"""What the service itself counted, by days in UTC, beside what the session files tell of those days."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from msgspec import Struct

from poolwatch.domain.tokens import QUARTERS_OF_DAY
from poolwatch.sessions.tables import USE


class DayCounted(Struct, frozen=True):
    """One account's tokens of a day, counted since 1970, UTC: by the service, and in the files."""

    account: str
    day: int
    counted: int
    in_files: int


def put_counted(change: sqlite3.Connection, account: str, tokens: Mapping[int, int]) -> None:
    """Keep what the service says of an account's days."""
    change.executemany(
        "INSERT OR REPLACE INTO counted VALUES (?, ?, ?)",
        [(account, day, count) for day, count in tokens.items()],
    )


def claim_asking(change: sqlite3.Connection, account: str, today: int) -> bool:
    """Whether nobody asked for the account today; from now on, somebody did."""
    claimed = change.execute(
        "INSERT INTO asked VALUES (?, ?)"
        " ON CONFLICT DO UPDATE SET day = excluded.day WHERE day <> excluded.day",
        (account, today),
    )
    return claimed.rowcount > 0


def unasked(look: sqlite3.Connection, today: int) -> set[str]:
    """The accounts of which files tell use, and that were not asked for today."""
    rows = look.execute(
        "SELECT DISTINCT account FROM whose WHERE account NOT IN (SELECT account FROM asked WHERE day = ?)",
        (today,),
    )
    return {account for (account,) in rows}


def days_counted(look: sqlite3.Connection, since: int, until: int) -> list[DayCounted]:
    """The days from `since` to before `until` that the service counted, with what the files tell of them.

    On a day of which the files tell nothing an account used none of its tokens here, unless it is not known
    yet whose all the use of that day was.
    """
    counted = look.execute(
        "SELECT account, day, tokens FROM counted WHERE day >= ? AND day < ? AND tokens > 0", (since, until)
    )
    official = {(account, day): tokens for account, day, tokens in counted}
    if not official:
        return []
    in_files, unsettled = _in_files(look, since, until), _unsettled(look, since, until)
    return [
        DayCounted(account, day, tokens, in_files.get((account, day), 0))
        for (account, day), tokens in sorted(official.items())
        if (account, day) in in_files or day not in unsettled
    ]


def tokens_of_days(look: sqlite3.Connection, account: str, since: int, until: int) -> dict[int, int]:
    """An account's tokens in the files, by the days from `since` to before `until`; by the same rule."""
    in_files, unsettled = _in_files(look, since, until), _unsettled(look, since, until)
    return {
        day: in_files.get((account, day), 0)
        for day in range(since, until)
        if (account, day) in in_files or day not in unsettled
    }


def _in_files(look: sqlite3.Connection, since: int, until: int) -> dict[tuple[str, int], int]:
    """The tokens in the files, by account and day."""
    rows = look.execute(
        f"SELECT w.account, f.quarter / :quarters, SUM(f.input + f.output) FROM ({USE}) f"  # noqa: S608 - names of ours
        " JOIN whose w ON w.thread = f.thread AND f.quarter >= w.since AND f.quarter < w.until"
        " WHERE f.verified = 1 AND f.quarter >= :first AND f.quarter < :end GROUP BY 1, 2",
        _bounds(since, until),
    )
    return {(account, day): tokens for account, day, tokens in rows}


def _unsettled(look: sqlite3.Connection, since: int, until: int) -> set[int]:
    """The days of which it is not known yet whose all the use was."""
    rows = look.execute(
        "SELECT DISTINCT f.quarter / :quarters FROM"
        " (SELECT quarter, thread FROM facts UNION ALL SELECT quarter, thread FROM borrowed) f"
        " LEFT JOIN whose w ON w.thread = f.thread AND f.quarter >= w.since AND f.quarter < w.until"
        " WHERE w.account IS NULL AND f.quarter >= :first AND f.quarter < :end",
        _bounds(since, until),
    )
    return {day for (day,) in rows}


def _bounds(since: int, until: int) -> dict[str, int]:
    return {
        "first": since * QUARTERS_OF_DAY,
        "end": until * QUARTERS_OF_DAY,
        "quarters": QUARTERS_OF_DAY,
    }
