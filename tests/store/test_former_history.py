"""History of version 2 of the tables: all of it is there, and what was thinned claims no extremes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from msgspec.structs import astuple

from poolwatch.domain.series import Figure, FigureName, HistoryRow, Series
from poolwatch.domain.values import replace
from poolwatch.host.instants import to_micros
from poolwatch.store import opening
from poolwatch.store.database import Database
from poolwatch.store.documents import encode_account
from tests.store.aged import midnight
from tests.store.given import NOON, account, same

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
#: When version 2 last thinned its rows: those from before this are one an hour.
THINNED = NOON - 14 * DAY
WEEKLY = FigureName(Series.WINDOW, "codex", "weekly")


def former(state: Path, rows: Iterable[HistoryRow], *, noted: bool = True) -> None:
    """A database as version 2 left it."""
    with closing(sqlite3.connect(state / "poolwatch.db", isolation_level=None)) as made:
        made.execute("BEGIN")
        for step in opening.MIGRATIONS[0]:
            assert isinstance(step, str)
            made.execute(step)
        made.execute("PRAGMA user_version = 2")
        for each in rows:
            values = [_column(value) for value in astuple(each.figure)]
            place = (each.account_id, each.series.value, each.bucket, each.window, to_micros(each.at))
            made.execute(
                f"INSERT INTO history VALUES ({', '.join('?' * (5 + len(values)))})", (*place, *values)
            )
        if noted:
            note = f'{{"begun": "{NOON.isoformat()}", "after": null}}'
            made.execute("INSERT INTO meta VALUES ('history_round', ?)", (note,))
        document = encode_account(account(1))
        made.execute("INSERT INTO readings VALUES (?, ?, 0)", (account(1).key.id, document))
        made.execute("COMMIT")


def _column(value: object) -> object:
    if isinstance(value, datetime):
        return to_micros(value)
    return str(value) if isinstance(value, Decimal) else value


def rows_of(account_id: str) -> list[HistoryRow]:
    """An hour each for ten days, then each change."""

    def row(at: datetime, used: float) -> HistoryRow:
        return HistoryRow(
            account_id, at, Series.WINDOW, "codex", "weekly", Figure(used, NOON + DAY, False, True)
        )

    old = [row(THINNED - 10 * DAY + each * HOUR, each % 101) for each in range(10 * 24)]
    return [*old, *(row(THINNED + each * HOUR / 4, each % 97) for each in range(4 * 24 * 14))]


def test_every_row_is_there_and_thinned_hours_have_their_last_alone(tmp_path: Path) -> None:
    rows = rows_of("a")
    others = [
        HistoryRow("b", NOON, Series.CREDITS, "", "", Figure(balance=Decimal("1.500"), unlimited=False)),
        HistoryRow("b", NOON - 90 * DAY, Series.PLAN, "", "", Figure(plan="plus")),
        HistoryRow("b", NOON - 80 * DAY, Series.PLAN, "", "", Figure(plan="pro")),
        HistoryRow(
            "b", NOON - 80 * DAY, Series.SPEND, "", "individual",
            Figure(12.5, NOON, spent=Decimal("1.10"), spend_limit=Decimal("400.00")),
        ),
    ]  # fmt: skip
    former(tmp_path, [*rows, *others])
    held = Database(tmp_path, NOON)
    assert held.notices == ()
    found = held.timeline("a", WEEKLY, NOON - 90 * DAY, NOON + DAY).points
    before, after = midnight(THINNED), midnight(THINNED + DAY)
    old = [each for each in found if each.at < before]
    assert [each.last for each in old] == [each.figure.used_percent for each in rows if each.at < before]
    assert {(each.low, each.high) for each in old} == {(None, None)}
    assert (old[0].at, old[0].resets_at) == (rows[0].at.replace(microsecond=0), NOON + DAY)
    whole = [(each.at, each.low, each.high, each.last) for each in found if each.at >= after]
    single = [(each.at, each.figure.used_percent) for each in rows if each.at >= after]
    assert whole == [(at, used, used, used) for at, used in single]
    # of the day in which the thinning ended there are all hours, some of them with all that was in there
    between = [each for each in found if before <= each.at < after]
    assert [each.last for each in between] == [
        *(each % 101 for each in range(228, 240)),
        *(3 + 4 * each for each in range(12)),
    ]
    assert [each.low for each in between] == [None] * 12 + [4 * each for each in range(12)]
    plans, spent = others[1:3], replace(others[3], at=others[3].at.replace(microsecond=0))
    assert same(held.history("b", NOON - 99 * DAY), (plans[0], spent, plans[1], others[0]))
    assert [each.key for each in held.identities()] == [account(1).key]
    held.close()
    with closing(sqlite3.connect(tmp_path / "poolwatch.db.version-2")) as copy:
        assert copy.execute("SELECT count(*) FROM history").fetchone() == (len(rows) + len(others),)
    with closing(sqlite3.connect(tmp_path / "poolwatch.db")) as now:
        assert now.execute("SELECT 1 FROM sqlite_master WHERE name = 'history'").fetchone() is None


def test_what_was_never_thinned_is_carried_over_change_by_change(tmp_path: Path) -> None:
    rows = rows_of("a")
    former(tmp_path, rows, noted=False)
    held = Database(tmp_path, NOON)
    assert same(held.history("a", NOON - 90 * DAY), tuple(rows))
    held.close()


def test_damaged_rows_are_left_out(tmp_path: Path) -> None:
    rows = rows_of("a")[-3:]
    former(tmp_path, rows)
    with closing(sqlite3.connect(tmp_path / "poolwatch.db")) as made, made:
        made.execute("UPDATE history SET used_percent = 'x' WHERE at = (SELECT min(at) FROM history)")
    held = Database(tmp_path, NOON)
    assert same(held.history("a", NOON - 90 * DAY), tuple(rows[1:]))
    assert held.notices == ()
    held.close()
