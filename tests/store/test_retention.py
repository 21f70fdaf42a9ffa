from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.domain.series import Figure, HistoryRow, Series
from poolwatch.store.database import Database
from poolwatch.store.history import FULL, KEPT, MOST_ROWS
from tests.store.given import NOON, put_rows

DAY = timedelta(days=1)


def row(account: str, at: datetime, used: float, window: str = "5h") -> HistoryRow:
    return HistoryRow(account, at, Series.WINDOW, "base", window, Figure(used_percent=used))


def daily(held: Database, first: datetime, days: int) -> None:
    """A running program: something is saved several times an hour."""
    for hour in range(days * 24):
        held.save((), first + timedelta(hours=hour))


def ages(held: Database, account: str, now: datetime) -> list[timedelta]:
    return [now - each.at for each in held.history(account, now - 1000 * DAY)]


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path, NOON)
    yield database
    database.close()


def test_rows_are_whole_then_hourly_then_the_last_of_each_figure(held: Database) -> None:
    start = NOON - 120 * DAY
    rows = [row("a", start + timedelta(minutes=20 * step), step % 101) for step in range(120 * 72)]
    idle = [row("a", start, 7.0, "weekly"), row("gone", start - 300 * DAY, 3.0)]
    # written long ago, a part at a time, as a program does that ran all the while
    for first in range(0, len(rows), 720):
        put_rows(held, rows[first : first + 720])
    put_rows(held, idle)
    daily(held, NOON, 3)
    now = NOON + 2 * DAY
    kept = [each for each in held.history("a", start - DAY) if each.window == "5h"]
    of_age = Counter(
        "full" if now - each.at <= FULL else "hourly" if now - each.at <= KEPT else "old" for each in kept
    )
    assert of_age["full"] == (FULL - 2 * DAY).days * 72
    assert (KEPT - FULL).days * 24 - 1 <= of_age["hourly"] <= (KEPT - FULL).days * 24 + 1
    assert of_age["old"] == 1
    # the last of an hour is what stays of it
    hours = [each.at for each in kept if KEPT > now - each.at > FULL + DAY]
    assert {each.minute for each in hours} == {40}
    # a figure that never moved again still holds, and so does the last of an account that is gone
    assert [each.figure.used_percent for each in held.history("a", start) if each.window == "weekly"] == [7.0]
    assert len(held.history("gone", start - 400 * DAY)) == 1
    assert held.notices == ()


def test_an_account_has_only_so_many_rows(held: Database) -> None:
    rows = [row("a", NOON - timedelta(seconds=step), step % 7) for step in range(MOST_ROWS + 500)]
    put_rows(held, rows)
    put_rows(held, [row("b", NOON, 1.0)])
    daily(held, NOON, 2)
    found = held.history("a", NOON - DAY)
    assert len(found) == MOST_ROWS
    assert found[-1] == rows[0]
    assert len(held.history("b", NOON - DAY)) == 1


def test_a_clock_that_leaps_years_costs_no_history(held: Database) -> None:
    put_rows(held, [row("a", NOON - timedelta(minutes=step), step % 7) for step in range(600)])
    daily(held, NOON, 2)
    for leap in (3650 * DAY, -3650 * DAY, timedelta(0)):
        held.save((), NOON + 2 * DAY + leap)
        held.save((), NOON + 2 * DAY + leap + timedelta(hours=20))
    assert len(held.history("a", NOON - 30 * DAY)) == 600


def test_a_pause_of_months_is_no_leap_once_a_day_has_passed(held: Database) -> None:
    put_rows(held, [row("a", NOON - timedelta(minutes=step), step % 7) for step in range(60)])
    held.save((), NOON)
    later = NOON + 200 * DAY
    held.save((), later)
    assert len(held.history("a", NOON - DAY)) == 60
    daily(held, later, 2)
    assert len(held.history("a", NOON - DAY)) == 1


def test_a_round_goes_on_where_another_process_left_it(tmp_path: Path) -> None:
    names = [f"account-{number:02}" for number in range(25)]
    first = Database(tmp_path, NOON)
    for name in names:
        put_rows(first, [row(name, NOON - 100 * DAY + timedelta(minutes=step), step) for step in (1, 2)])
    first.save((), NOON)
    first.close()
    counts = []
    for second in range(4):
        held = Database(tmp_path, NOON)
        held.save((), NOON + DAY + timedelta(seconds=second))
        counts.append(sum(len(held.history(name, NOON - 200 * DAY)) for name in names))
        held.close()
    # ten accounts with each write
    assert counts == [40, 30, 25, 25]


def test_a_damaged_note_is_a_round_that_waits_a_day(tmp_path: Path) -> None:
    held = Database(tmp_path, NOON)
    put_rows(held, [row("a", NOON - 100 * DAY + timedelta(minutes=step), step) for step in (1, 2)])
    held.save((), NOON)
    held._connection.execute("UPDATE meta SET value = '{\"begun\": 7' WHERE name = 'history_round'")
    held.close()
    again = Database(tmp_path, NOON)
    again.save((), NOON + DAY)
    assert len(again.history("a", NOON - 200 * DAY)) == 2
    again.save((), NOON + 2 * DAY)
    assert len(again.history("a", NOON - 200 * DAY)) == 1
    again.close()
