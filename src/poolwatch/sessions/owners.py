"""Whose conversations are, in `usage.db`: by the login of their home, or by limits that stood alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from poolwatch.domain.matching import ALWAYS, HomeLogin
from poolwatch.domain.tokens import WhoseBy
from poolwatch.sessions.tables import USE, json_texts

_MARK: Final = "owners"


class Whose(Struct, frozen=True):
    """Whose a conversation's use was in quarters `since` (included) to `until` (not), and what tells it."""

    conversation: str
    since: int
    until: int
    account: str
    how: WhoseBy


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


_UNSETTLED: Final = f"""
WITH used AS (
  SELECT f.thread AS thread, files.home AS home, MIN(f.quarter) AS since, MAX(f.quarter) + 1 AS until,
    SUM(f.input + f.output) AS tokens
  FROM ({USE}) f
  JOIN files ON files.id = f.file GROUP BY f.thread, files.home),
whole AS (SELECT thread, MAX(until) AS until, SUM(tokens) AS tokens FROM used GROUP BY thread),
told AS (SELECT n.id AS home, j.value AS account FROM json_each(:homes) j JOIN names n ON n.text = j.key)
SELECT t.uuid, n.text, used.since, used.until, used.tokens FROM used
JOIN threads t ON t.id = used.thread JOIN names n ON n.id = used.home WHERE used.thread IN (
  SELECT u.thread FROM used u JOIN whole ON whole.thread = u.thread LEFT JOIN told ON told.home = u.home
  WHERE NOT EXISTS (SELECT 1 FROM whose w WHERE w.thread = u.thread AND w.since = 0 AND w.until = :always
    AND w.how = :how AND w.account = told.account)
  AND NOT (told.account IS NULL AND EXISTS (SELECT 1 FROM examined e WHERE e.thread = u.thread
    AND e.tokens = whole.tokens AND (e.at >= whole.until + :later OR e.at >= :quarter))))
"""  # noqa: S608 - names of ours


def unsettled(
    look: sqlite3.Connection, homes: Mapping[str, str], quarter: int, later: int
) -> list[ThreadUse]:
    """The conversations of which it is to be found out whose they are, for each home with files of theirs.

    `homes`: those that were one account's always. In the others a conversation is settled that was held
    against readings as it is now, `later` quarters after its end or in this `quarter`.
    """
    given = {"homes": msgspec.json.encode(homes).decode(), "always": ALWAYS, "how": WhoseBy.HOME.value}
    rows = look.execute(_UNSETTLED, {**given, "quarter": quarter, "later": later})
    return [ThreadUse(*row) for row in rows]


def limits_of(look: sqlite3.Connection, conversation: str) -> list[LimitSeen]:
    """How the limits stood during a conversation, in order; only where they moved."""
    rows = look.execute(
        "SELECT l.at, k.text, l.minutes, l.used, l.resets_at, p.text FROM limits l"
        " JOIN files ON files.id = l.file JOIN threads t ON t.id = files.thread"
        " JOIN names k ON k.id = l.kind LEFT JOIN names p ON p.id = l.plan"
        " WHERE t.uuid = ? ORDER BY l.at",
        (conversation,),
    )
    return [LimitSeen(at, kind or None, *rest) for at, kind, *rest in rows]


def whose_of(look: sqlite3.Connection, conversations: Collection[str]) -> dict[str, list[Whose]]:
    """What is known, by conversation."""
    found: dict[str, list[Whose]] = {}
    rows = look.execute(
        "SELECT t.uuid, w.since, w.until, w.account, w.how FROM whose w JOIN threads t ON t.id = w.thread"
        " WHERE t.uuid IN (SELECT value FROM json_each(?)) ORDER BY w.thread, w.since",
        (json_texts(conversations),),
    )
    for conversation, since, until, account, how in rows:
        whose = Whose(conversation, since, until, account, WhoseBy(how))
        found.setdefault(conversation, []).append(whose)
    return found


def put_whose(change: sqlite3.Connection, found: Sequence[Whose], conversations: Collection[str]) -> None:
    """Keep whose these conversations are, in place of what was known about them."""
    change.execute(
        "DELETE FROM whose WHERE thread IN"
        " (SELECT id FROM threads WHERE uuid IN (SELECT value FROM json_each(?)))",
        (json_texts(conversations),),
    )
    change.executemany(
        "INSERT OR REPLACE INTO whose SELECT id, ?, ?, ?, ? FROM threads WHERE uuid = ?",
        [(each.since, each.until, each.account, each.how, each.conversation) for each in found],
    )


def tokens_by_how(look: sqlite3.Connection, since: int, until: int) -> dict[WhoseBy | None, int]:
    """Tokens of these quarters by what tells whose they are; None: nothing does."""
    rows = look.execute(
        f"SELECT w.how, SUM(f.input + f.output) FROM ({USE}) f"  # noqa: S608 - names of ours
        " LEFT JOIN whose w ON w.thread = f.thread AND f.quarter >= w.since AND f.quarter < w.until"
        " WHERE f.verified = 1 AND f.quarter >= ? AND f.quarter < ? GROUP BY w.how",
        (since, until),
    )
    return {None if how is None else WhoseBy(how): tokens for how, tokens in rows}


def note_examined(change: sqlite3.Connection, tokens: Mapping[str, int], quarter: int) -> None:
    """Note that these were, with so many tokens each."""
    change.executemany(
        "INSERT OR REPLACE INTO examined SELECT id, ?, ? FROM threads WHERE uuid = ?",
        [(count, quarter, conversation) for conversation, count in tokens.items()],
    )


def logins(look: sqlite3.Connection) -> list[HomeLogin]:
    """Who was noticed in which home, each home's in order of time."""
    rows = look.execute("SELECT home, account, since, seen FROM logins ORDER BY home, since")
    return [HomeLogin(*row) for row in rows]


def note_logins(change: sqlite3.Connection, accounts: Mapping[str, str], quarter: int) -> None:
    """Note who is logged in in which home now."""
    for home, account in accounts.items():
        last = change.execute(
            "SELECT since, account FROM logins WHERE home = ? ORDER BY since DESC LIMIT 1", (home,)
        ).fetchone()
        if last is not None and last[1] == account:
            change.execute(
                "UPDATE logins SET seen = MAX(seen, ?) WHERE home = ? AND since = ?", (quarter, home, last[0])
            )
        else:
            # of two in one quarter the later one begins with the next: that there were two must be known
            since = quarter if last is None else max(quarter, last[0] + 1)
            change.execute("INSERT INTO logins VALUES (?, ?, ?, ?)", (home, since, since, account))


def mark(look: sqlite3.Connection) -> tuple[str, str]:
    """What differs once more was read, and what was noted of it when owners were looked for last."""
    files, read = look.execute('SELECT COUNT(*), TOTAL("offset") FROM files').fetchone()
    noted = look.execute("SELECT value FROM meta WHERE name = ?", (_MARK,)).fetchone()
    return f"{files} {int(read)}", "" if noted is None else str(noted[0])


def note_mark(change: sqlite3.Connection, text: str) -> None:
    """Note that owners were looked for."""
    change.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_MARK, text))


def homes(look: sqlite3.Connection) -> list[str]:
    """The homes that files were read of."""
    rows = look.execute("SELECT n.text FROM names n WHERE n.id IN (SELECT home FROM files)")
    return [text for (text,) in rows]
