"""Questions about use as SQL: what a group or a filter does not need is joined there."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from poolwatch.domain.tokens import QUARTERS_OF_DAY, GroupBy, Origin, Tokens, UseAsked, UseCell
from poolwatch.sessions.tables import TIER_OF, BookError, BookProblem, json_texts

#: The texts of a cell, in the order of its fields, and by what they are asked for.
TEXTS: Final[Mapping[GroupBy, str]] = {
    GroupBy.ACCOUNT: "account",
    GroupBy.USER: "user",
    GroupBy.CLIENT: "client",
    GroupBy.PROJECT: "project",
    GroupBy.CONVERSATION: "conversation",
    GroupBy.OPERATION: "operation",
}
#: Who does not tell them: session files know no user, and no operation.
_COLUMNS: Final = {
    "account": "w.account",
    "client": "t.client",
    "project": "t.project",
    "conversation": "t.uuid",
}
#: What tells every text of one kind; of conversations there are too many.
_OF_FILES: Final = {
    GroupBy.MODEL: "SELECT text FROM names WHERE id IN"
    " (SELECT model FROM facts UNION SELECT model FROM borrowed)",
    GroupBy.ACCOUNT: "SELECT DISTINCT account FROM whose",
    GroupBy.CLIENT: "SELECT DISTINCT client FROM threads",
    GroupBy.PROJECT: "SELECT DISTINCT project FROM threads",
}
_IMPORTED: Final = {
    kind: f"SELECT DISTINCT {name} FROM told"  # noqa: S608 - names of ours
    for kind, name in {GroupBy.MODEL: "model", **TEXTS}.items()
    if kind is not GroupBy.CONVERSATION
}
_OF_THREAD: Final = frozenset({"client", "project", "conversation"})
_KEY: Final = "quarter, thread, model, tier, long, estimated, verified"
_COUNTS: Final = ("requests", "input", "cached", "cache_write", "output", "reasoning")


def sums_of(names: Sequence[str]) -> str:
    """The columns that `sound` takes: the sums, and the least of all that was added."""
    return f"{', '.join(f'SUM({name})' for name in names)}, MIN(MIN({', '.join(names)}))"


def one_of(column: str, number: int) -> str:
    """The condition of `UseAsked.among` with that number."""
    return f"{column} IN (SELECT value FROM json_each(:among{number}))"  # noqa: S608 - names of ours


_SUMS: Final = sums_of([f"f.{name}" for name in _COUNTS])

_FROM: Final = {
    table: f"SELECT {_KEY}, {', '.join(_COUNTS)} FROM {table}"  # noqa: S608 - names of ours
    " WHERE verified = 1 AND quarter >= :since AND quarter < :until"
    for table in ("facts", "borrowed")
}


def cells_of(look: sqlite3.Connection, asked: UseAsked) -> list[UseCell]:
    """The use in session files that is asked for."""
    needed = needed_texts(asked)
    shown = [_COLUMNS.get(name, "NULL") if name in needed else "NULL" for name in TEXTS.values()]
    values: dict[str, object] = {"since": asked.since, "until": asked.until}
    where = []
    for number, (kind, text) in enumerate(asked.narrow):
        if kind is GroupBy.MODEL or kind in TEXTS:
            column = "m.text" if kind is GroupBy.MODEL else _COLUMNS.get(TEXTS[kind], "NULL")
            values[f"text{number}"] = (text or "") if kind is GroupBy.MODEL else text
            where.append(f"{column} IS :text{number}")
    for number, (kind, texts) in enumerate(asked.among):
        among = _COLUMNS.get(TEXTS[kind])
        if among is None and None not in texts:
            return []
        if among is not None:
            values[f"among{number}"] = json_texts({text for text in texts if text is not None})
            where.append(f"({among} IS NULL AND {None in texts:d} OR {one_of(among, number)})")
    joins, joined = " JOIN names m ON m.id = f.model", needed | {TEXTS[kind] for kind, _ in asked.among}
    if joined & _OF_THREAD:
        joins += " JOIN threads t ON t.id = f.thread"
    if "account" in joined:
        joins += " LEFT JOIN whose w ON w.thread = f.thread AND f.quarter >= w.since AND f.quarter < w.until"
    when = quarter_column(asked, "f.")
    shared = ("f.model", "f.tier", "f.long", "f.estimated")
    group = ", ".join([when, *shared, *(each for each in shown if each != "NULL")])
    rows = look.execute(
        f"SELECT {when}, m.text, f.tier, f.long, f.estimated, {', '.join(shown)}, {_SUMS}"  # noqa: S608 - names of ours
        f" FROM ({_from(look)}) f{joins}{' WHERE ' + ' AND '.join(where) if where else ''} GROUP BY {group}",
        values,
    )
    cells = []
    for row in rows:
        quarter, model, tier, long, estimated, account, user, client, project, thread, operation = row[:11]
        requests, *counts = sound(model, tier, row[11:])
        cells.append(
            UseCell(
                quarter,
                model or None,
                TIER_OF[tier],
                bool(long),
                requests,
                Tokens(*counts),
                account,
                user,
                client,
                project,
                thread,
                operation,
                bool(estimated),
            )
        )
    return cells


def sound(model: object, tier: object, row: Sequence[object]) -> list[int]:
    """The sums of a row. Raises BookError where one is made of what no count is: in SQLite a text adds 0."""
    *found, least = row
    sums = [each for each in found if isinstance(each, int)]
    is_whole = len(sums) == len(found) and isinstance(least, int) and least >= 0
    if not is_whole or not isinstance(model, str) or tier not in TIER_OF:
        raise BookError(BookProblem.DAMAGED_ROW)
    return sums


def texts_of(
    look: sqlite3.Connection, origin: Origin, kinds: Collection[GroupBy] = tuple(GroupBy)
) -> dict[GroupBy, list[str]]:
    """Every text of these kinds that is told of use, each once, but for conversations."""
    asked = _IMPORTED if origin is Origin.IMPORTED else _OF_FILES
    return {
        kind: sorted(text for (text,) in look.execute(question) if text)
        for kind, question in asked.items()
        if kind in kinds
    }


def _from(look: sqlite3.Connection) -> str:
    """The requests; nearly always none is borrowed, and a union takes SQLite as long again."""
    borrowed = look.execute("SELECT 1 FROM borrowed LIMIT 1").fetchone()
    return _FROM["facts"] if borrowed is None else " UNION ALL ".join(_FROM.values())


def needed_texts(asked: UseAsked) -> frozenset[str]:
    """Which texts the cells must tell. A group is that of an account."""
    kinds = {asked.by, *(kind for kind, _ in asked.narrow), *asked.also}
    accounts = {"account"} if GroupBy.GROUP in kinds else set()
    return frozenset({name for kind, name in TEXTS.items() if kind in kinds} | accounts)


def quarter_column(asked: UseAsked, table: str = "") -> str:
    """The quarter of a cell, or the one of its UTC day into which it is joined."""
    column = f"{table}quarter"
    if not asked.joined_at:
        return column
    of_day = f"{column} % {QUARTERS_OF_DAY}"
    later = "".join(f" WHEN {of_day} >= {each:d} THEN {each:d}" for each in sorted(asked.joined_at)[:0:-1])
    start = f"{column} / {QUARTERS_OF_DAY} * {QUARTERS_OF_DAY}"
    return f"{start} + CASE{later} ELSE 0 END" if later else start
