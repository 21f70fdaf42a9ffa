"""What OpenAI reported is kept: a day that is known never becomes less known, and is forgotten after long."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.workspace_usage import DaysReported, KeptReport, ReportedClient, ReportedDay
from poolwatch.store.database import Database
from poolwatch.store.opening import FILE_NAME

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = date(2026, 11, 20)
LONG_AGO = date(2020, 1, 1)
HOURS_6 = timedelta(hours=6)
D = Decimal
FULL = ReportedDay(
    TODAY - timedelta(days=1), D("231.5000"), 48_100_000, 1, 2, 3, 4, 5, D("9.26"),
    (ReportedClient("CODEX_CLI", D("200"), 5, 6), ReportedClient("CODEX_SDK_TS")),
)  # fmt: skip


@pytest.fixture
def held(tmp_path: Path) -> Database:
    return Database(tmp_path, NOW)


def kept(held: Database, workspace: str = "w") -> KeptReport:
    found = held.kept_report("a", workspace, LONG_AGO, TODAY)
    assert found is not None
    return found


def put(held: Database, *days: ReportedDay, at: datetime = NOW, fresh: datetime | None = None) -> None:
    assert held.put_report("a", "w", DaysReported(days, fresh), at)


def test_a_report_is_kept_digit_for_digit_by_account_and_workspace(held: Database) -> None:
    put(held, FULL, fresh=NOW - timedelta(hours=3))
    assert kept(held) == KeptReport((FULL,), NOW - timedelta(hours=3), NOW, NOW)
    assert str(kept(held).days[0].credits) == "231.5000"
    assert kept(held, "another") == KeptReport()
    assert held.kept_report("b", "w", LONG_AGO, TODAY) == KeptReport()
    assert held.kept_report("a", "w", TODAY, TODAY) == KeptReport((), NOW - timedelta(hours=3), NOW, NOW)


@pytest.mark.parametrize(
    ("later", "stays"),
    [
        ((), True),
        ((ReportedDay(FULL.day),), True),
        ((ReportedDay(FULL.day, D(1)),), True),
        # settled as well, but its credits are not said any more
        ((ReportedDay(FULL.day, None, 48_100_000),), True),
        ((ReportedDay(FULL.day, D(232), 48_200_000),), False),
    ],
)
def test_a_day_never_becomes_less_known(held: Database, later: tuple[ReportedDay, ...], stays: bool) -> None:
    put(held, FULL)
    put(held, *later, at=NOW + timedelta(hours=1))
    assert kept(held).days == ((FULL,) if stays else later)
    assert kept(held).answered_at == NOW + timedelta(hours=1)


def test_a_day_that_settles_takes_the_place_of_what_was_told_before(held: Database) -> None:
    put(held, ReportedDay(TODAY, D(2)))
    settled = ReportedDay(TODAY, None, 7)
    put(held, settled)
    assert kept(held).days == (settled,)


def test_freshness_stays_where_a_later_answer_does_not_tell_it(held: Database) -> None:
    put(held, FULL, fresh=NOW)
    put(held, FULL, at=NOW + HOURS_6)
    assert kept(held).fresh_at == NOW


def test_days_are_forgotten_after_four_hundred(held: Database) -> None:
    old = ReportedDay(TODAY - timedelta(days=400), D(1), 1)
    older = ReportedDay(TODAY - timedelta(days=401), D(1), 1)
    put(held, older, old, FULL)
    assert kept(held).days == (old, FULL)


def test_who_asks_by_himself_waits_six_hours_whichever_process_asked(tmp_path: Path, held: Database) -> None:
    other = Database(tmp_path, NOW)
    assert held.claim_report("a", "w", NOW, HOURS_6)
    assert not other.claim_report("a", "w", NOW + HOURS_6 - timedelta(seconds=1), HOURS_6)
    assert other.claim_report("a", "v", NOW, HOURS_6)
    assert other.claim_report("a", "w", NOW, timedelta(0))
    assert other.claim_report("a", "w", NOW + HOURS_6, HOURS_6)
    # noted under a clock that was wrong
    assert other.claim_report("a", "w", NOW - timedelta(days=3), HOURS_6)
    assert kept(held) == KeptReport((), None, NOW - timedelta(days=3))


def test_a_damaged_row_costs_itself_alone(tmp_path: Path, held: Database) -> None:
    put(held, FULL, ReportedDay(TODAY, D(2)))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
        day = (FULL.day - date(1970, 1, 1)).days
        for document in ('{"credits": "1e999999"}', "nonsense", '{"version": 1, "tokens": "x"}'):
            other.execute("UPDATE workspace_days SET doc = ? WHERE day = ?", (document, day))
            other.commit()
            assert [each.day for each in kept(held).days] == [TODAY]
        other.execute("UPDATE workspace_reports SET asked_at = -5, answered_at = 'never'")
        other.commit()
    assert kept(held) == KeptReport((ReportedDay(TODAY, D(2)),))
    # and is written anew
    put(held, FULL)
    assert kept(held).days[0] == FULL
