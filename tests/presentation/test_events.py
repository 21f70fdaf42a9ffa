from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from poolwatch.domain.alerts import Severity
from poolwatch.domain.event_log import EventKind, LoggedEvent, Unit
from poolwatch.domain.message import message
from poolwatch.domain.notices import Delivery, Notice, NoticeKind
from poolwatch.domain.usage import Aged, Bucket, Usage
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.event_filter import EventLooker
from poolwatch.presentation.events import EventGroup, EventRow, EventsView, Told, events_view, next_day
from poolwatch.presentation.view import Tone
from tests.presentation.scene import NOW, PREFS, WEEK, account, limits, look, window
from tests.presentation.test_order import weekly

BOB = account("bob@example.com", weekly(90, 2))
ALICE = account("alice@example.com")
NAMES = AccountNames({each.key.id: each for each in (BOB, ALICE)})


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def event(kind: EventKind, hours: float, who: str | None = BOB.key.id, **more: object) -> LoggedEvent:
    return LoggedEvent(f"{kind}{hours}", ago(hours), kind, who, **more)  # type: ignore[arg-type]  # by name


#: Old to new; NOW is Friday 14:03.
LOGGED = (
    event(EventKind.RESET, 39, window="weekly", before=97.0, after=0.0, unit=Unit.PERCENT),
    event(EventKind.SIGNED_IN, 20, ALICE.key.id),
    event(EventKind.SOURCE_DOWN, 10, None, source="s3"),
    event(EventKind.CREDITS_CAME, 2.7, ALICE.key.id),
    event(EventKind.UPSTREAM_RESET, 2, None, accounts=41, of_accounts=60),
    event(EventKind.EXHAUSTED, 0, window="5h", until=ago(-0.8)),
)
SAID = (Told(ago(1), "polling is paused; p resumes", Tone.ACCENT), Told(ago(1.5), "refused", Tone.AMBER))


def view(
    looked: datetime | None = None,
    group: EventGroup = EventGroup.DAY,
    text: str = "",
    *,
    logged: tuple[LoggedEvent, ...] = LOGGED,
    names: AccountNames = NAMES,
    since: datetime | None = None,
) -> EventsView:
    chosen = EventLooker(look(*names.accounts.values()), PREFS).chosen(text)

    def lets(row: EventRow) -> bool:
        return chosen(row.texts, row.account_id, row.source)

    return events_view(logged, SAID, names, ("s3",), looked, since, group, lets, NOW, PREFS)


def lines(found: EventsView) -> list[str]:
    out: list[str] = []
    for section in found.sections:
        out.append(section.heading)
        out += [f"{row.clock} {row.mark} {row.who}|{row.text}" for row in section.rows]
    return out


OF_BALANCES = (
    event(EventKind.EXHAUSTED, 17, None, source="BrowserOS", window="daily", until=ago(13)),
    event(EventKind.RESET, 13, None, source="BrowserOS", window="daily", before=Decimal(0),
          after=Decimal(100), unit_name="credits"),
    event(EventKind.RESET, 12, None, source="a@example.com", before=Decimal(0), after=Decimal("9.5"),
          unit_name="USD"),
    event(EventKind.CREDITS_CAME, 3, None, source="reef team", before=Decimal("1.4"),
          after=Decimal("11.40"), unit_name="USD"),
    event(EventKind.TOPUP_PROPOSED, 2.5, None, source="reef team", before=Decimal(5),
          after=Decimal("3.20"), now="10.00", unit_name="USD"),
    event(EventKind.EXHAUSTED, 2, None, source="reef team"),
    event(EventKind.NOT_OFFERED, 1, None, source="old"),
    event(EventKind.NOT_OFFERED, 1, None, source="another configuration's"),
    event(EventKind.ALERT_FIRED, 0.5, None, source="reef team", rule="low", cause=message("alerts.no")),
    event(EventKind.ALERT_FIRED, 0.4, None, source="s3", rule="source_down", cause=message("alerts.no")),
)  # fmt: skip


def test_what_befell_balances_is_told_in_their_own_units() -> None:
    sources = ("BrowserOS", "a@example.com", "reef team", "old", "s3")
    found = events_view(OF_BALANCES, (), NAMES, sources, None, None, EventGroup.KIND, None, NOW, PREFS)
    rows = {
        section.heading: [f"{row.mark} {row.who}|{row.text}" for row in section.rows]
        for section in found.sections
    }
    assert rows["money"] == [
        "✕ old|no longer offered by its service",
        "◐ reef team|used up",
        "$ reef team|below $5.00: top up $10.00?",
        "+ reef team|credits came, by a top-up or a grant, $1.40 → $11.40",
        "↻ a@example.com|filled up: $9.50",
        "↻ BrowserOS|daily credits back: 100",
        "◐ BrowserOS|daily credits used up, back 01:03",
    ]
    assert [row.split("|")[0] for row in rows["alerts"]] == ["! source s3", "! reef team"]


def test_by_day_the_newest_first() -> None:
    assert lines(view()) == [
        "TODAY",
        "14:03 ◐ bob@example.com|exhausted: 5h until 14:51",
        "13:03 · |polling is paused; p resumes",
        "12:33 · |refused",
        "12:03 ↻ OpenAI|41 of 60 accounts were reset early",
        "11:21 + alice@example.com|credits came, by a top-up or a grant",
        "04:03 ↓ source s3|down",
        "YESTERDAY",
        "18:03 ● alice@example.com|signed in again",
        "Wed 18 Nov",
        "23:03 ↻ bob@example.com|weekly: reset, 97% → 0%",
    ]
    assert view().since == ""
    assert [row.tone for row in view().rows[1:3]] == [Tone.PLAIN, Tone.AMBER]


@pytest.mark.parametrize(
    ("hours", "since", "headings"),
    [
        (20.01, "since you looked, yesterday 18:02 (20h): 7", ["TODAY", "YESTERDAY", "Wed 18 Nov"]),
        (
            9, "since you looked, 05:03 (9h): 5",
            ["TODAY, after you looked", "TODAY, before you looked", "YESTERDAY", "Wed 18 Nov"],
        ),
        (0, "nothing since you looked, 14:03 (<1m)", ["TODAY", "YESTERDAY", "Wed 18 Nov"]),
        (39, "since you looked, Wed 23:03 (1d): 7", ["TODAY", "YESTERDAY", "Wed 18 Nov"]),
    ],
)  # fmt: skip
def test_what_is_new_since_somebody_looked(hours: float, since: str, headings: list[str]) -> None:
    found = view(ago(hours))
    assert found.since == since
    assert [section.heading for section in found.sections] == headings


def test_by_account_and_by_kind() -> None:
    by_account = view(group=EventGroup.ACCOUNT)
    assert [(section.heading, len(section.rows)) for section in by_account.sections] == [
        ("alice@example.com", 2), ("bob@example.com", 2), ("OpenAI", 1), ("source s3", 1),
        ("said in this run", 2),
    ]  # fmt: skip
    assert [row.clock for row in by_account.sections[0].rows] == ["11:21", "Thu 18:03"]
    by_kind = view(group=EventGroup.KIND)
    assert [(section.heading, len(section.rows)) for section in by_kind.sections] == [
        ("logins", 1), ("limits", 3), ("money", 1), ("sources", 1), ("messages", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 8),
        ("BOB", 2),
        ("bob reset", 1),
        ("limits", 3),
        ("messages", 2),
        ("zzz", 0),
        ("  ", 8),
        # fields are those of the account, as it stands now
        ("label:bob", 2),
        ("email:alice@ or reset", 4),
        ("-label:bob", 6),
        ("weekly>=80", 2),
        ("weekly<80", 0),
        ("status:exhausted money", 0),
        ("label:alice money", 1),
        ("!", 0),
        # what befell a source is found by it
        ("source:s3", 1),
        ("source=s", 0),
        ("source:homes", 4),
        ("source:homes -label:alice", 2),
    ],
)
def test_a_filter_looks_at_whom_what_and_the_kind(text: str, count: int) -> None:
    found = view(text=text)
    assert (len(found.rows), found.total) == (count, 8)
    # what is new is counted whatever the filter lets through
    assert view(ago(9), text=text).since.endswith(": 5")


def test_accounts_of_others_are_left_out_and_names_can_be_hidden() -> None:
    other = event(EventKind.EXHAUSTED, 1, "0123456789abcdef")
    elsewhere = event(EventKind.SOURCE_DOWN, 1, None, source="elsewhere")
    assert view(logged=(*LOGGED, other, elsewhere)) == view()
    hidden = view(names=AccountNames(NAMES.accounts, True))
    assert "example.com" not in "".join(lines(hidden))


def test_a_bucket_is_called_as_the_accounts_last_reading_calls_it() -> None:
    spark = Bucket("codex_bengalfox", "GPT-5.3-Codex-Spark", limits(window(64.0, WEEK, None)))
    told_now = replace(BOB, usage=Usage(extras=Aged((spark,), NOW, "homes")))
    names = AccountNames({BOB.key.id: told_now})
    reset = event(EventKind.RESET, 1, window="weekly", bucket="codex_bengalfox")
    gone = event(EventKind.RESET, 2, ALICE.key.id, window="weekly", bucket="codex_bengalfox")
    told = [row.text for row in view(logged=(gone, reset), names=names).rows if row.who]
    assert told == ["Spark weekly: reset"]
    assert [row.text for row in view(logged=(gone,)).rows if row.who] == ["codex_bengalfox weekly: reset"]


def test_what_was_not_read_is_not_counted_as_nothing() -> None:
    assert view(ago(9), since=ago(9)).since == "since you looked, 05:03 (9h): 5"
    assert view(ago(9), since=ago(8)).since == "since you looked, 05:03 (9h): 5 or more"


def test_days_back_and_forth() -> None:
    rows = view().rows
    assert next_day(rows, rows[2].id, -1, PREFS) == rows[6].id
    assert next_day(rows, rows[6].id, -1, PREFS) == rows[7].id
    assert next_day(rows, rows[7].id, -1, PREFS) is None
    assert next_day(rows, rows[7].id, 1, PREFS) == rows[6].id
    # to the newest of that day
    assert next_day(rows, rows[6].id, 1, PREFS) == rows[0].id
    assert next_day((), None, 1, PREFS) is None


def test_summaries_and_digests_are_told_with_what_became_of_them() -> None:
    def sent(kind: NoticeKind, hours: float, **more: Any) -> Delivery:
        notice = Notice(f"{kind}{hours}", "mail", kind, ago(hours), Severity.INFO)
        return replace(Delivery(notice), **more)

    summary = sent(NoticeKind.SUMMARY, 5, tries=2, done_at=ago(4.9))
    at_once = sent(NoticeKind.SUMMARY, 4, tries=1, done_at=ago(4))
    waits = sent(NoticeKind.DIGEST, 3, tries=1)
    # of these others tell: alerts have rows of their own, and what was given up an event
    alerts, given_up = sent(NoticeKind.ALERTS, 2), sent(NoticeKind.SUMMARY, 2, given_up_at=ago(1))
    found = events_view(
        (), (), NAMES, (), None, ago(30), EventGroup.DAY, None, NOW, PREFS,
        (summary, at_once, waits, alerts, given_up),
    )  # fmt: skip
    assert lines(found) == [
        "TODAY",
        "11:03 → 0 alerts from quiet hours|on its way to mail, 1 try",
        "10:03 → daily summary|sent to mail",
        "09:03 → daily summary|sent to mail 09:09",
    ]


def test_how_many_of_those_that_are_new_are_alerts() -> None:
    fired = [
        event(EventKind.ALERT_FIRED, hours, None, budget="team", cause=message("as_stored", text="over 90%"))
        for hours in (1, 2)
    ]
    assert view(ago(9), logged=(*LOGGED, fired[0])).since_more == "1 of them an alert"
    told = view(ago(9), logged=(*LOGGED, *fired))
    assert (told.since, told.since_more) == ("since you looked, 05:03 (9h): 7", "2 of them alerts")
    assert view(ago(0.5), logged=(*LOGGED, *fired)).since_more == ""
    assert "! budget team|over 90%" in "\n".join(lines(told))
