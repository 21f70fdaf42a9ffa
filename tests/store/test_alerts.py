"""What is remembered of alerts: whole, with its notices and events or not at all, never over another's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from poolwatch.domain.alerts import (
    Alert,
    AlertBook,
    Phase,
    RuleMemory,
    Severity,
    Silence,
    Subject,
    SubjectKind,
)
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.message import message
from poolwatch.domain.notices import Notice, NoticeKind
from poolwatch.domain.values import replace
from poolwatch.store.database import Database
from poolwatch.store.opening import FILE_NAME

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
CAROL = Subject(SubjectKind.ACCOUNT, "0123456789abcdef")
TEAM = Subject(SubjectKind.BUDGET, "team", "carol")
WHOLE = Alert(
    "team-over", TEAM, "2026-11-01", Phase.FIRING, NOW, Severity.CRITICAL, NOW, NOW + timedelta(hours=1),
    message("alerts.over", percent="90", of=message("alerts.budget", name="team")), NOW, NOW, ("ops", "mail"),
    "s3", NOW, "team", Decimal("90"), True, "worse", True, timedelta(seconds=90), 2, ("ops",), True,
    "", True, True, NOW,
)  # fmt: skip
BARE = Alert("high", CAROL, "1", Phase.PENDING, NOW)
TOLD = Alert("early", CAROL, "1", Phase.RESOLVED, NOW, owed=("ops",), event="0123456789abcdef")
BOOK = AlertBook(
    7, {each.key: each for each in (WHOLE, BARE, TOLD)},
    {"high": RuleMemory("weekly>=90", NOW, frozenset({CAROL, TEAM}), 4)},
    (), {"ops": NOW}, NOW, date(2026, 11, 20), NOW,
)  # fmt: skip


def kept(held: Database) -> AlertBook:
    found = held.alert_book()
    assert found is not None
    return found


def test_a_book_is_kept_whole_and_another_process_reads_it(tmp_path: Path) -> None:
    one, two = Database(tmp_path, NOW), Database(tmp_path, NOW)
    assert kept(one) == AlertBook()
    notice = Notice("n1", "ops", NoticeKind.ALERTS, NOW, Severity.WARNING)
    event = LoggedEvent("0123456789abcdef", NOW, EventKind.SOURCE_DOWN, source="s3")
    assert one.put_alerts(BOOK, [notice], [event])
    assert kept(two) == BOOK
    assert [each.notice for each in two.deliveries(9)] == [notice]
    assert two.events(NOW) == (event,)


def test_what_changed_is_kept_and_what_is_gone_goes(tmp_path: Path) -> None:
    one = Database(tmp_path, NOW)
    assert one.put_alerts(BOOK)
    fires = replace(BARE, phase=Phase.FIRING, fired_at=NOW)
    after = replace(BOOK, number=8, alerts={fires.key: fires}, rules={})
    assert one.put_alerts(after, former=BOOK)
    assert kept(one) == after


def test_a_book_made_of_one_that_another_process_has_replaced_keeps_nothing(tmp_path: Path) -> None:
    one, two = Database(tmp_path, NOW), Database(tmp_path, NOW)
    assert one.put_alerts(BOOK)
    ours, theirs = replace(BOOK, number=8, alerts={}), replace(BOOK, number=8)
    notice = Notice("n1", "ops", NoticeKind.ALERTS, NOW, Severity.WARNING)
    assert two.put_alerts(theirs, former=BOOK)
    assert not one.put_alerts(ours, [notice], former=BOOK)
    assert kept(one) == theirs
    assert one.deliveries(9) == ()


def test_silences_are_kept_beside_the_book_replaced_and_ended(tmp_path: Path) -> None:
    one, two = Database(tmp_path, NOW), Database(tmp_path, NOW)
    until = NOW + timedelta(hours=2)
    assert one.silence(Silence("high", NOW, "carol", until, "maintenance", CAROL))
    assert one.silence(Silence("high", NOW, "carol"))
    assert one.silence(Silence("high", NOW, "dan"))
    assert two.put_alerts(BOOK)
    assert kept(two).silences == (
        Silence("high", NOW, "dan"),
        Silence("high", NOW, "carol", until, "maintenance", CAROL),
    )
    assert two.unsilence("high", None, NOW) is True
    assert two.unsilence("high", None, NOW) is False
    assert two.unsilence("high", TEAM, NOW) is False
    # one that is over by itself is forgotten a week later: the clock may have been ahead
    ahead = replace(BOOK, number=8, looked_at=until + timedelta(days=7, seconds=-1))
    assert one.put_alerts(ahead, former=BOOK)
    assert [each.until for each in kept(two).silences] == [until]
    assert one.put_alerts(replace(ahead, number=9, looked_at=until + timedelta(days=7)), former=ahead)
    assert kept(two).silences == ()
    assert two.silence(Silence("high", NOW, "carol", until))
    assert two.unsilence("high", None, until) is False


def test_damaged_rows_are_left_out(tmp_path: Path) -> None:
    one = Database(tmp_path, NOW)
    assert one.put_alerts(BOOK)
    assert one.silence(Silence("high", NOW, "carol"))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as held, held:
        held.execute("UPDATE alerts SET doc = '{' WHERE rule = 'high'")
        for level in ("NaN1x", "sNaN"):
            copied = "INSERT INTO alerts SELECT rule, subject, ?, doc FROM alerts WHERE level = '90'"
            held.execute(copied, (level,))
        held.execute("INSERT INTO alerts SELECT rule, '[1]', level, doc FROM alerts WHERE level = '90'")
        held.execute("UPDATE silences SET doc = x'00ff'")
        held.execute("""UPDATE alert_rules SET doc = '{"when":"x","first_at":"9999-01-01T00:00:00Z"}'""")
    assert kept(one) == replace(BOOK, alerts={WHOLE.key: WHOLE, TOLD.key: TOLD}, rules={})
