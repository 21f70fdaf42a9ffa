"""The rows of history as the database keeps them. All functions use a connection that is handed in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from poolwatch.host.instants import from_micros, to_micros
from poolwatch.store.doc import UNREADABLE, Doc
from poolwatch.store.history import Figure, HistoryRow, Series

_COLUMNS: Final = (
    "series", "bucket", "window", "at", "used_percent", "resets_at", "limit_reached", "allowed",
    "balance", "unlimited", "spent", "spend_limit", "plan",
)  # fmt: skip
_INSERT: Final = (
    f"INSERT OR REPLACE INTO history (account_id, {', '.join(_COLUMNS)})"  # noqa: S608 - names of columns alone
    f" VALUES (?{', ?' * len(_COLUMNS)})"
)
_SELECT: Final = (
    f"SELECT {', '.join(_COLUMNS)} FROM history"  # noqa: S608 - names of columns alone
    " WHERE account_id = ? AND at >= ? ORDER BY at, series, bucket, window"
)


def append(held: sqlite3.Connection, rows: Iterable[HistoryRow]) -> None:
    """Keep rows; a row for the same figure and instant replaces the former."""
    held.executemany(
        _INSERT,
        [
            (
                row.account_id,
                row.series.value,
                _storable(row.bucket),
                _storable(row.window),
                to_micros(row.at),
                row.figure.used_percent,
                None if row.figure.resets_at is None else to_micros(row.figure.resets_at),
                row.figure.limit_reached,
                row.figure.allowed,
                _amount(row.figure.balance),
                row.figure.unlimited,
                _amount(row.figure.spent),
                _amount(row.figure.spend_limit),
                None if row.figure.plan is None else _storable(row.figure.plan),
            )
            for row in rows
        ],
    )


def rows_since(held: sqlite3.Connection, account_id: str, since: datetime) -> tuple[HistoryRow, ...]:
    """An account's rows from `since` on, in order of time; damaged ones are left out."""
    rows = held.execute(_SELECT, (account_id, to_micros(since))).fetchall()
    return tuple(row for each in rows if (row := _row(account_id, each)) is not None)


def _storable(text: str) -> str:
    """A text that UTF-8 can hold."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _row(account_id: str, row: Sequence[object]) -> HistoryRow | None:
    doc = Doc(dict(zip(_COLUMNS, row, strict=True)))
    try:
        at, resets_at = doc.whole("at"), doc.whole("resets_at")
        if at is None:
            return None
        return HistoryRow(
            account_id,
            from_micros(at),
            doc.need_choice("series", Series),
            doc.need_text("bucket"),
            doc.need_text("window"),
            Figure(
                used_percent=doc.number("used_percent"),
                resets_at=None if resets_at is None else from_micros(resets_at),
                limit_reached=_flag(doc.whole("limit_reached")),
                allowed=_flag(doc.whole("allowed")),
                balance=doc.decimal("balance"),
                unlimited=_flag(doc.whole("unlimited")),
                spent=doc.decimal("spent"),
                spend_limit=doc.decimal("spend_limit"),
                plan=doc.text("plan"),
            ),
        )
    except UNREADABLE:
        return None


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)
