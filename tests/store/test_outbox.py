"""The outbox: what is to be sent stays until a channel took it, in order, for every process."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.domain.alerts import Phase, Severity, Subject, SubjectKind
from poolwatch.domain.event_log import EventKind
from poolwatch.domain.message import message
from poolwatch.domain.notices import (
    ChannelKind,
    Delivery,
    MarkedChannel,
    Notice,
    NoticeItem,
    NoticeKind,
    SendOutcome,
    Sent,
)
from poolwatch.store import outbox
from poolwatch.store.database import Database
from poolwatch.store.opening import FILE_NAME

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
WHY = message("notices.no_answer", seconds=30)
TAKEN, FAILED, GONE = (
    Sent(SendOutcome.TAKEN),
    Sent(SendOutcome.FAILED, WHY),
    Sent(SendOutcome.GONE, message("notices.gone")),
)
OPS = MarkedChannel("ops", ChannelKind.WEBHOOK, "a")
MAIL = MarkedChannel("mail", ChannelKind.EMAIL, "b")


def notice(notice_id: str, channel: str = "ops", at: datetime = NOW) -> Notice:
    return Notice(notice_id, channel, NoticeKind.ALERTS, at, Severity.WARNING)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def due(held: Database, now: datetime, channel: str = "ops") -> Delivery:
    found = held.turn(channel, now).delivery
    assert found is not None
    return found


def nothing_due(held: Database, now: datetime, channel: str = "ops") -> datetime | None:
    found = held.turn(channel, now)
    assert found.delivery is None
    return found.next_at


def test_a_notice_is_kept_whole_and_once(tmp_path: Path) -> None:
    one, two = Database(tmp_path, NOW), Database(tmp_path, NOW)
    cause = message("alerts.over", percent="90", of=message("alerts.budget", name="team"))
    item = NoticeItem(
        "team-over", Subject(SubjectKind.BUDGET, "team", "carol"), Phase.FIRING, Severity.CRITICAL, NOW,
        cause, "2026-11", built_in=True,
    )  # fmt: skip
    whole = Notice("n1", "ops", NoticeKind.DIGEST, NOW, Severity.CRITICAL, (item,), (cause, cause))
    assert one.put_notices([whole], NOW)
    # a second evaluation makes the same one; to another channel it is another one
    assert two.put_notices([notice("n1"), notice("n1", "mail")], later(9))
    kept = due(two, NOW)
    assert kept == Delivery(whole)
    assert two.note_try(kept.after(TAKEN, later(1)))
    assert two.put_notices([whole], later(10))
    assert nothing_due(one, later(99)) is None
    assert [(each.notice.id, each.notice.channel, each.done_at) for each in one.deliveries(9)] == [
        ("n1", "mail", None),
        ("n1", "ops", later(1)),
    ]


def test_what_fails_is_tried_again_until_it_is_given_up(tmp_path: Path) -> None:
    held = Database(tmp_path, NOW)
    held.set_up_channels([OPS], NOW)
    held.put_notices([notice("n1")], NOW)
    tried, now = [], NOW
    for _ in range(99):
        held.note_try(due(held, now).after(FAILED, now))
        tried.append((now - NOW).total_seconds())
        next_try = nothing_due(held, now)
        if next_try is None:
            break
        assert nothing_due(held, next_try - timedelta(seconds=1)) == next_try
        now = next_try
    hours = [each / 3600 for each in tried]
    assert tried[:5] == [0, 5, 35, 335, 2_135]
    assert [round(each, 2) for each in hours[5:]] == [2.59, 6.59, 10.59, 14.59, 18.59, 22.59]
    [given_up] = held.deliveries(1)
    assert (given_up.given_up_at, given_up.last_why, given_up.tries) == (now, WHY, 11)
    [event] = held.events(NOW)
    assert (event.kind, event.now, event.at) == (EventKind.NOTICE_GIVEN_UP, "ops", now)
    [ops] = held.channel_health(NOW)
    assert (ops.failing_since, ops.why, ops.waiting, ops.last_taken_at) == (NOW, WHY, 0, None)


def test_notices_of_a_channel_go_in_order_but_one_that_is_refused_does_not_stop_the_rest(
    tmp_path: Path,
) -> None:
    held = Database(tmp_path, NOW)
    held.put_notices([notice("bad"), notice("n2"), notice("n3"), notice("m1", "mail")], NOW)
    for seconds in (0, 5, 35):
        assert due(held, later(seconds)).notice.id == "bad"
        # another channel knows nothing of it
        assert due(held, later(seconds), "mail").notice.id == "m1"
        held.note_try(due(held, later(seconds)).after(FAILED, later(seconds)))
        if seconds < 35:
            assert nothing_due(held, later(seconds)) is not None
    for name in ("n2", "n3"):
        assert due(held, later(36)).notice.id == name
        held.note_try(due(held, later(36)).after(TAKEN, later(36)))
    assert nothing_due(held, later(36)) == later(335)


def test_once_a_channel_takes_one_the_others_do_not_wait_for_hours(tmp_path: Path) -> None:
    held = Database(tmp_path, NOW)
    held.put_notices([notice("n1")], NOW)
    now = NOW
    for _ in range(6):
        held.note_try(due(held, now).after(FAILED, now))
        now = nothing_due(held, now) or now
    held.put_notices([notice("n2")], now - timedelta(hours=2))
    back = now - timedelta(hours=2)
    assert due(held, back).notice.id == "n2"
    held.note_try(due(held, back).after(TAKEN, back))
    assert due(held, back).notice.id == "n1"


def test_a_channel_that_is_gone_gets_nothing_until_it_is_set_up_anew(tmp_path: Path) -> None:
    held = Database(tmp_path, NOW)
    held.set_up_channels([OPS, MAIL], NOW)
    held.put_notices([notice("n1"), notice("n2"), notice("m1", "mail")], NOW)
    assert held.note_try(due(held, NOW).after(GONE, NOW), is_gone=True)
    held.put_notices([notice("n3")], later(1))
    assert nothing_due(held, later(1)) is None
    assert {each.notice.id: each.given_up_at for each in held.deliveries(9)} == {
        "n1": NOW, "n2": later(1), "n3": later(1), "m1": None,
    }  # fmt: skip
    assert [each.disabled for each in held.channel_health(NOW)] == [False, True]
    assert len(held.events(NOW)) == 3
    held.set_up_channels([OPS, MAIL], later(2))
    assert [each.disabled for each in held.channel_health(NOW)] == [False, True]
    held.set_up_channels([MarkedChannel("ops", ChannelKind.WEBHOOK, "another"), MAIL], later(3))
    assert held.resend("n2", later(4))
    assert due(held, later(4)).notice.id == "n2"
    assert [(each.disabled, each.failing_since) for each in held.channel_health(NOW)] == [(False, None)] * 2


def test_what_waits_for_a_channel_that_is_no_more_is_given_up_after_a_day(tmp_path: Path) -> None:
    held = Database(tmp_path, NOW)
    held.set_up_channels([OPS, MAIL], NOW)
    held.put_notices([notice("n1")], NOW)
    held.set_up_channels([MAIL], later(86_399))
    assert due(held, later(86_399)).notice.id == "n1"
    held.set_up_channels([MAIL], later(86_400))
    assert [each.last_why for each in held.deliveries(9)] == [message("notices.no_channel")]
    assert [each.name for each in held.channel_health(NOW)] == ["mail"]


def test_one_is_sent_again_when_a_person_wants_that(tmp_path: Path) -> None:
    held = Database(tmp_path, NOW)
    held.put_notices([notice("n1")], NOW)
    held.note_try(due(held, NOW).after(TAKEN, NOW))
    assert held.resend("n1", later(90_000))
    assert held.resend("nobody", NOW) is False
    again = due(held, later(90_000))
    assert (again.notice.id, again.tries, again.waited) == ("n1", 0, timedelta(0))
    # for a channel that is no more it waits a day from then on
    held.set_up_channels([MAIL], later(90_000 + 86_399))
    assert due(held, later(90_000 + 86_399)).notice.id == "n1"


def test_health_says_what_waits_and_until_when(tmp_path: Path) -> None:
    held = Database(tmp_path, NOW)
    held.set_up_channels([OPS, MAIL], NOW)
    held.put_notices([notice("n1"), notice("n2")], NOW)
    held.note_try(due(held, NOW).after(FAILED, NOW))
    mail, ops = held.channel_health(NOW)
    assert (mail.waiting, mail.next_try_at, mail.failing_since) == (0, None, None)
    # the second waits for the first, whose turn it is
    assert (ops.waiting, ops.failing_since, ops.why, ops.next_try_at) == (2, NOW, WHY, later(5))
    held.note_try(due(held, later(5)).after(TAKEN, later(5)))
    ops = held.channel_health(NOW)[1]
    assert (ops.waiting, ops.failing_since, ops.why, ops.last_taken_at) == (1, None, None, later(5))


@pytest.mark.parametrize("rubbish", ["", "rubbish", "[]", '{"version":2}', '{"version":1,"kind":"poem"}'])
def test_what_cannot_be_read_is_given_up_and_holds_up_nothing(tmp_path: Path, rubbish: str) -> None:
    held = Database(tmp_path, NOW)
    held.put_notices([notice("n1"), notice("n2")], NOW)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other, other:
        other.execute("UPDATE outbox SET doc = ? WHERE id = 'n1'", (rubbish,))
    assert due(held, NOW).notice.id == "n2"
    assert [each.notice.id for each in held.deliveries(9)] == ["n2"]
    assert [each.now for each in held.events(NOW)] == ["ops"]
    assert (held.notices, held.damaged()) == ((), 1)


@pytest.mark.parametrize("tries", ["x", b"\xff", 1.5, -1])
def test_one_whose_tries_cannot_be_counted_is_given_up_and_not_sent_for_ever(
    tmp_path: Path, tries: object
) -> None:
    held = Database(tmp_path, NOW)
    held.set_up_channels([OPS], NOW)
    held.put_notices([notice("n1"), notice("n2")], NOW)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other, other:
        other.execute("UPDATE outbox SET tries = ? WHERE id = 'n1'", (tries,))
    assert [each.waiting for each in held.channel_health(NOW)] == [2]
    assert due(held, NOW).notice.id == "n2"
    assert [each.now for each in held.events(NOW)] == ["ops"]
    assert held.notices == ()


def test_old_ones_that_are_done_with_go_and_what_waits_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_MOST_DONE", 2)
    held = Database(tmp_path, NOW)
    held.put_notices([notice("waits"), *(notice(f"n{each}") for each in range(4))], NOW)
    for number in range(4):
        held.note_try(Delivery(notice(f"n{number}")).after(TAKEN, NOW))
    held.put_notices([notice("new", "mail")], later(1))
    assert [each.notice.id for each in held.deliveries(9)] == ["new", "n3", "n2", "waits"]
    held.put_notices([notice("newer", "mail")], NOW + outbox.KEPT + timedelta(seconds=1))
    assert [each.notice.id for each in held.deliveries(9)] == ["newer", "new", "waits"]


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    Database(tmp_path, NOW).put_notices([notice("n1")], NOW)
    held = Database(tmp_path, NOW)
    refused = (sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_INSERT)
    held._connection.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_DENY if action in refused else sqlite3.SQLITE_OK
    )
    # looking writes nothing
    tried = due(held, NOW).after(TAKEN, NOW)
    assert not held.note_try(tried)
    assert not held.put_notices([notice("n2")], NOW)
    assert [each.code for each in held.notices] == ["store.not_written"]
