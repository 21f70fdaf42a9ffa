"""What becomes of history as it ages: against a plain reference, across dying processes and wrong clocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.balances import Balance, BalanceState, balance_id
from poolwatch.domain.series import Figure, FigureName, Finest, Gap, HistoryRow, Point, Series
from poolwatch.host.instants import to_micros
from poolwatch.store import retention
from poolwatch.store.database import Database
from poolwatch.store.retention import FULL, HOURLY
from poolwatch.store.spans import DAY as DAY_MICROS
from poolwatch.store.spans import unpack
from tests.store.aged import FIVE, midnight, reference, row, walk
from tests.store.given import NOON, put_rows

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def daily(held: Database, first: datetime, days: int) -> None:
    """A running program: something is saved several times an hour."""
    for hour in range(days * 24):
        held.save((), first + timedelta(hours=hour))


def points(held: Database, account: str, finest: Finest = Finest.CHANGE) -> tuple[Point, ...]:
    return held.timeline(account, FIVE, NOON - 1000 * DAY, NOON + 1000 * DAY, finest).points


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path, NOON)
    yield database
    database.close()


def test_changes_become_hours_and_then_days_with_their_extremes(held: Database) -> None:
    rows = walk(1, "a", NOON - 440 * DAY, 2600, 25 * MINUTE)
    assert rows[-1].at > NOON
    rows = [each for each in rows if each.at < NOON]
    put_rows(held, rows)
    put_rows(held, [row("a", rows[0].at, 7.0, "weekly"), row("gone", rows[0].at, 3.0)])
    daily(held, NOON, 3)
    done = NOON + 2 * DAY
    whole_from, hours_from = midnight(done - FULL), midnight(done - HOURLY)
    assert list(points(held, "a")) == reference(rows, whole_from, hours_from)
    by_day = reference(rows, NOON + DAY, NOON + DAY)
    assert list(points(held, "a", Finest.DAY)) == by_day
    assert len(points(held, "a", Finest.HOUR)) == len(reference(rows, NOON + DAY, hours_from))
    # a figure that never moved again still holds, and so does the last of an account that is gone
    assert [each.figure.used_percent for each in held.history("gone", NOON - HOURLY)] == []
    assert [each.at for each in held.history("gone", NOON - 900 * DAY)] == [rows[0].at.replace(microsecond=0)]
    since = held.timeline("a", FigureName(Series.WINDOW, "base", "weekly"), NOON - DAY, NOON).points
    assert [each.last for each in since] == [7.0]
    assert held.notices == ()


def test_where_balances_alone_are_monitored_their_readings_have_history_thinned(held: Database) -> None:
    unit = FigureName(Series.CREDITS, "USD")

    def read(at: datetime, left: int) -> None:
        held.put_balance(BalanceState("purse").read(Balance("USD", Decimal(left)), at))

    first = NOON - 30 * DAY
    for step in range(6):
        read(first + step * HOUR, 9 - step)
    for day in range(5):
        read(NOON + day * DAY, 3 - day % 2)
    old = held._connection.execute("SELECT count(*) FROM changes WHERE at < ?", (to_micros(NOON - FULL),))
    assert old.fetchone() == (0,)
    kept = held.timeline(balance_id("purse"), unit, first - DAY, first + DAY, Finest.DAY).points
    assert [each.last for each in kept] == [4]
    assert held.notices == ()


def test_each_figure_keeps_its_newest_change_however_old(held: Database) -> None:
    put_rows(held, [row("a", NOON - 300 * DAY, 1.0), row("a", NOON - 299 * DAY, 2.0)])
    daily(held, NOON, 4)
    assert held._connection.execute("SELECT value FROM changes").fetchall() == [(2,)]
    assert held.figures("a") == (FIVE,)
    held.save((), NOON + 4 * DAY, [row("a", NOON + 4 * DAY, 3.0)])
    daily(held, NOON + 5 * DAY, 2)
    assert held._connection.execute("SELECT value FROM changes").fetchall() == [(3,)]
    assert [each.last for each in points(held, "a")] == [1, 2, 3]


def test_a_figure_with_very_many_changes_has_fewer_days_of_them(
    held: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MOST_CHANGES", 100)
    rows = [row("a", NOON - timedelta(hours=step), step % 7) for step in range(239)]
    put_rows(held, rows)
    daily(held, NOON, 2)
    days = held._connection.execute("SELECT count(*) FROM days").fetchone()
    assert days == (6,)
    assert len(points(held, "a")) == len(rows)


def test_gaps_events_and_lives_of_short_windows_are_kept_as_long_as_hours(held: Database) -> None:
    old = NOON - 500 * DAY
    gaps = [Gap(old, old + HOUR), Gap(old + DAY, old + 4 * DAY), Gap(NOON - DAY, NOON)]
    held.save((), NOON, [row("a", NOON, 1)], gaps=[("a", gap) for gap in gaps])
    daily(held, NOON, 2)
    assert held.timeline("a", FIVE, old, NOON).gaps == (gaps[1], gaps[2])
    # what reaches into the time that is asked for
    assert held.timeline("a", FIVE, NOON - HOUR, NOON).gaps == (gaps[2],)
    assert held.timeline("a", FIVE, NOON, NOON + HOUR).gaps == ()


def test_a_late_change_of_a_day_that_is_hours_already_finds_its_place(held: Database) -> None:
    start = midnight(NOON) - 60 * DAY
    rows = [row("a", start + timedelta(minutes=each), 50 + each) for each in (1, 30, 70)]
    put_rows(held, [rows[0], rows[2], row("a", NOON, 1)])
    daily(held, NOON, 2)
    # once more what is known, and what was never told
    put_rows(held, [*rows, row("a", start + timedelta(minutes=20), 99)])
    daily(held, NOON + 2 * DAY, 2)
    assert points(held, "a")[:2] == (Point(start, 51, 99, 80), Point(start + HOUR, 120, 120, 120))
    assert points(held, "a", Finest.DAY)[0] == Point(start, 51, 120, 120)


def test_a_clock_that_leaps_years_costs_no_history(held: Database) -> None:
    put_rows(held, [row("a", NOON - timedelta(minutes=step), step % 7) for step in range(600)])
    daily(held, NOON, 2)
    for leap in (3650 * DAY, -3650 * DAY, timedelta(0)):
        held.save((), NOON + 2 * DAY + leap)
        held.save((), NOON + 2 * DAY + leap + timedelta(hours=20))
    assert len(points(held, "a")) == 600


def test_a_pause_of_months_is_no_leap_once_a_day_has_passed(held: Database) -> None:
    put_rows(held, [row("a", NOON - timedelta(minutes=step), step % 7) for step in range(60)])
    held.save((), NOON)
    later = NOON + 200 * DAY
    held.save((), later)
    assert len(points(held, "a")) == 60
    daily(held, later, 2)
    assert len(points(held, "a")) == 2


def hourly(held: Database, names: Sequence[str]) -> int:
    """How many accounts have become hours."""
    return sum(len(points(held, name)) == 1 for name in names)


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
        counts.append(hourly(held, names))
        held.close()
    # ten accounts with each write
    assert counts == [10, 20, 25, 25]


def test_a_damaged_note_is_a_round_that_waits_a_day(tmp_path: Path) -> None:
    held = Database(tmp_path, NOON)
    put_rows(held, [row("a", NOON - 100 * DAY + timedelta(minutes=step), step) for step in (1, 2)])
    held.save((), NOON)
    held._connection.execute("UPDATE meta SET value = '{\"begun\": 7' WHERE name = 'history_round'")
    held.close()
    again = Database(tmp_path, NOON)
    again.save((), NOON + DAY)
    assert hourly(again, ["a"]) == 0
    again.save((), NOON + 2 * DAY)
    assert hourly(again, ["a"]) == 1
    again.close()


def test_damaged_rows_cost_themselves_alone(held: Database) -> None:
    put_rows(held, walk(2, "a", NOON - 30 * DAY, 200, 25 * MINUTE))
    daily(held, NOON, 2)
    held._connection.execute("UPDATE hours SET packed = x'ff00' WHERE day = (SELECT min(day) FROM hours)")
    held._connection.execute("UPDATE days SET last = 'x' WHERE day = (SELECT max(day) FROM days)")
    held._connection.execute("UPDATE changes SET value = 'x' WHERE at = (SELECT min(at) FROM changes)")
    first = held._connection.execute("SELECT min(day) FROM hours").fetchone()[0]
    found = points(held, "a")
    # without its hours the day is told as a whole
    assert to_micros(found[0].at) == first * DAY_MICROS
    assert len(found) > 100
    daily(held, NOON + 2 * DAY, 2)
    assert held.notices == ()


def test_hours_are_packed_small(held: Database) -> None:
    rows = [
        HistoryRow(
            "a",
            NOON - 30 * DAY + 5 * each * MINUTE,
            Series.WINDOW,
            "base",
            "5h",
            Figure(each % 100, NOON + DAY, False, True),
        )
        for each in range(1000)
    ]
    put_rows(held, rows)
    daily(held, NOON, 2)
    packed = [each for (each,) in held._connection.execute("SELECT packed FROM hours ORDER BY day")]
    assert len(unpack(packed[1])) == 24
    assert len(packed[1]) < 24 * 12


def test_a_reading_within_a_gap_ends_it(held: Database) -> None:
    ahead = Gap(NOON, NOON + 3650 * DAY)
    held.save((), NOON, gaps=[("a", ahead), ("b", ahead)])
    held.save((), NOON, [row("a", NOON + HOUR, 1), row("a", NOON, 1)])
    assert held.timeline("a", FIVE, NOON, NOON + 9 * HOUR).gaps == (Gap(NOON, NOON + HOUR),)
    assert held.timeline("b", FIVE, NOON, NOON + 9 * HOUR).gaps == (ahead,)
