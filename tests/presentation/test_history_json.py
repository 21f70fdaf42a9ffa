"""`history` and `events` for programs: what is unknown stays apart, money is text, gaps are gaps."""

from __future__ import annotations

import csv
import io
import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.account import AccountKey, Name
from poolwatch.domain.burn import Burn
from poolwatch.domain.cycles import Cycle, EndedBy
from poolwatch.domain.event_log import EventKind, LoggedEvent, Unit
from poolwatch.domain.message import message
from poolwatch.domain.series import Amount, FigureName, Gap, Point, Series, Timeline
from poolwatch.domain.state import AccountState
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.event_text import event_lines
from poolwatch.presentation.events_json import events_csv, events_json
from poolwatch.presentation.history_json import FigurePast, history_csv, history_json, seen

NOW = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
ALICE = AccountState(AccountKey("codex", "u", "a"), name=Name("=alice@example.com", "team"))
NAMES = AccountNames({"a1": ALICE})
HIDDEN = AccountNames({"a1": ALICE}, mask=True)
WEEKLY = FigureName(Series.WINDOW, "codex", "weekly")


def h(hours: float) -> datetime:
    return NOW - timedelta(hours=24 - hours)


def point(hours: float, value: Amount | None, low: Amount | None = None) -> Point:
    return Point(h(hours), value if low is None else low, value, value)


def told(*points: Point, gaps: tuple[tuple[float, float], ...] = ()) -> list[tuple[float, Amount | None]]:
    line = Timeline(points, tuple(Gap(h(start), h(end)) for start, end in gaps))
    return [((each.at - h(0)) / timedelta(hours=1), each.last) for each in seen(line)]


@pytest.mark.parametrize(
    ("points", "gaps", "wanted"),
    [
        ([(1, 5)], [], [(1, 5)]),
        # nothing changed while nobody looked: the same is known again
        ([(1, 5)], [(2, 4)], [(1, 5), (2, None), (4, 5)]),
        ([(1, 5), (4, 7)], [(2, 4)], [(1, 5), (2, None), (4, 7)]),
        ([(2, 5), (6, 7)], [(2, 4), (6, 8)], [(2, 5), (2, None), (4, 5), (6, 7), (6, None), (8, 7)]),
        # an hour or a day that begins in the gap
        ([(1, 5), (3, 7)], [(2, 4)], [(1, 5), (2, None), (4, 7)]),
        # before the first reading there is nothing that could break off
        ([(4, 7)], [(2, 4)], [(4, 7)]),
        ([], [(2, 4)], []),
    ],
)
def test_a_gap_is_no_value(
    points: list[tuple[float, float]],
    gaps: list[tuple[float, float]],
    wanted: list[tuple[float, float | None]],
) -> None:
    assert told(*(point(*each) for each in points), gaps=tuple(gaps)) == wanted


PAST = FigurePast(
    "a1",
    WEEKLY,
    Timeline((point(0, 88.0), point(5, 0.0), point(9, 12.5, low=3.0)), (Gap(h(12), h(14)),)),
    (
        Cycle("a1", "codex", "weekly", h(-160), ended_at=h(5), ended_by=EndedBy.RESET, peak_percent=88.0),
        Cycle("a1", "codex", "weekly", h(5), peak_percent=12.5, full_seconds=60),
    ),
    Burn(last_hour=0.6, last_24h=9.0),
)
MONEY = FigurePast(
    "a1",
    FigureName(Series.CREDITS),
    Timeline((point(1, Decimal("1234.5600")),)),
    burn=Burn(usual_per_day=Decimal("212.10")),
)


def test_the_history_as_json() -> None:
    found = json.loads(history_json([PAST, MONEY], NAMES, NOW))
    assert list(found) == ["schema", "generated_at", "series"]
    assert (found["schema"], found["generated_at"]) == ("poolwatch.history/1", "2026-11-20T13:03:00Z")
    weekly, credits = found["series"]
    assert list(weekly) == [
        *("account", "label", "metric", "unit", "bucket", "window", "points", "windows_past", "burn"),
        "source",
    ]
    assert [weekly[key] for key in list(weekly)[:6]] == [
        *("a1", "=alice@example.com", "used", "percent", "codex", "weekly")
    ]
    assert [each["value"] for each in weekly["points"]] == [88.0, 0.0, 12.5, None, 12.5]
    assert weekly["points"][0] == {"at": "2026-11-19T13:03:00Z", "value": 88.0}
    assert weekly["windows_past"] == [
        {
            "started_at": "2026-11-12T21:03:00Z",
            "ended_at": "2026-11-19T18:03:00Z",
            "peak_percent": 88.0,
            "ended_by": "reset",
            "full_seconds": 0,
        },
        {
            "started_at": "2026-11-19T18:03:00Z",
            "ended_at": None,
            "peak_percent": 12.5,
            "ended_by": None,
            "full_seconds": 60,
        },
    ]
    assert weekly["burn"] == {"last_hour": 0.6, "last_24h": 9.0, "usual_per_day": None}
    assert [credits[key] for key in list(credits)[2:6]] == ["credits", "credits", None, None]
    assert credits["points"] == [{"at": "2026-11-19T14:03:00Z", "value": "1234.5600"}]
    assert credits["burn"]["usual_per_day"] == "212.10"


def test_the_history_as_csv() -> None:
    text = history_csv([PAST, MONEY], NAMES)
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header[:6] == ["at", "account", "label", "metric", "bucket", "window"]
    assert header[6:] == [
        *("used_percent", "used_percent_low", "used_percent_high"),
        *("credits", "credits_low", "credits_high", "estimated"),
        *("source", "unit", "balance", "balance_low", "balance_high"),
    ]
    # a label that a spreadsheet would take for a formula
    assert rows[2][2] == "'=alice@example.com"
    assert rows[2][6:] == ["12.500000", "3.000000", "12.500000", "", "", "", "false", *[""] * 5]
    assert rows[3][6:] == [*[""] * 6, "false", *[""] * 5]
    assert rows[-1][3:] == ["credits", *[""] * 5, *["1234.560000"] * 3, "false", *[""] * 5]
    assert "example.com" not in history_csv([PAST], HIDDEN) + history_json([PAST], HIDDEN, NOW)


def test_the_csv_says_what_was_not_read_at_that_very_time() -> None:
    thinned = Point(h(1), None, None, 4.0)
    line = Timeline((thinned, point(2, 5.0), point(5, 7.0, low=6.0), point(9, None)), (Gap(h(4), h(5.5)),))
    _, *rows = csv.reader(io.StringIO(history_csv([replace(PAST, line=line)], NAMES), newline=""))
    assert [(row[6], row[7], row[12]) for row in rows] == [
        ("4.000000", "", "true"),
        ("5.000000", "5.000000", "false"),
        ("", "", "false"),
        # the hour began while nobody read
        ("7.000000", "6.000000", "true"),
        ("", "", "false"),
    ]


BALANCE = FigurePast(
    "balance:a@example.com",
    FigureName(Series.CREDITS, "USD"),
    Timeline((point(0, Decimal("1.40")), point(3, Decimal("11.4")), point(4, None))),
    source="a@example.com",
)


def test_a_balance_stands_there_by_its_name_and_in_its_own_unit() -> None:
    (row,) = json.loads(history_json([BALANCE], NAMES, NOW))["series"]
    assert [row[key] for key in ("account", "label", "metric", "unit", "bucket", "source")] == [
        *(None, "a@example.com", "balance", "USD", None, "a@example.com")
    ]
    assert [each["value"] for each in row["points"]] == ["1.40", "11.4", None]
    _, *rows = csv.reader(io.StringIO(history_csv([BALANCE], NAMES), newline=""))
    assert rows[1][1:] == [
        *("", "a@example.com", "balance", "", "", *[""] * 6, "false", "a@example.com", "USD"),
        *["11.400000"] * 3,
    ]
    assert "example.com" not in history_csv([BALANCE], HIDDEN) + history_json([BALANCE], HIDDEN, NOW)


SPEND = FigurePast(
    "0123456789abcdef",
    FigureName(Series.SPEND, "", "individual"),
    Timeline((point(0, Decimal("0.25")), point(3, None))),
    tuple(
        Cycle(
            "0123456789abcdef", "spend", "individual", h(number), ended_at=h(number + 1), ended_by=by,
            peak_percent=None if by is EndedBy.PLAN_CHANGE else 33.5, full_seconds=number * 60,
        )
        for number, by in enumerate(EndedBy)
    ),
)  # fmt: skip


def is_golden(name: str, text: str) -> bool:
    """Whether it is the file, which UPDATE_GOLDEN=1 writes anew: keys may be added, nothing else changes."""
    path = Path(__file__).parent / "golden" / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    return text == path.read_text(encoding="utf-8")


def test_both_documents_are_the_golden_files() -> None:
    others = tuple(
        LoggedEvent(f"k{number}", h(8 + number), kind, "a1", None, "codex", "5h", 40.3, 0.1, Unit.PERCENT)
        for number, kind in enumerate(EventKind)
        if kind not in {each.kind for each in EVENTS}
    )
    assert {each.kind for each in (*EVENTS, *others)} == set(EventKind)
    assert json.loads(events_json(others, NAMES, NOW))["events"][0]["amount"] == -40.2
    assert is_golden("events.json", events_json((*EVENTS, *others), NAMES, NOW))
    assert is_golden("history.json", history_json([PAST, MONEY, SPEND], NAMES, NOW))


EVENTS = (
    LoggedEvent("e1", h(0), EventKind.EXHAUSTED, "a1", bucket="codex", window="5h", until=h(25)),
    LoggedEvent("e2", h(1), EventKind.RESET, "a1", bucket="codex", window="weekly", before=97.0, after=0.0,
                unit=Unit.PERCENT),
    LoggedEvent("e3", h(2), EventKind.CREDITS_CAME, "a1", before=Decimal("1.50"), after=Decimal("501.50"),
                unit=Unit.CREDITS),
    LoggedEvent("e4", h(3), EventKind.PLAN_CHANGED, "a1", was="free", now="plus"),
    LoggedEvent("e5", h(4), EventKind.LOGIN_DIED, "a1", now="expired"),
    LoggedEvent("e6", h(5), EventKind.SOURCE_BACK, source="s3", until=h(4.5)),
    LoggedEvent("e7", h(6), EventKind.UPSTREAM_RESET, source="s3", bucket="codex", window="weekly",
                accounts=41, of_accounts=60),
    LoggedEvent("e8", h(7), EventKind.BACK, "0123456789abcdef", unit=Unit.CREDITS),
    LoggedEvent("e9", h(7.5), EventKind.NOTICE_GIVEN_UP, now="ops"),
    LoggedEvent("f1", h(7.6), EventKind.ALERT_FIRED, was="night", rule="budget", budget="team",
                cause=message("alerts.budget_over", percent="90", spent="$276", limit="$300")),
    LoggedEvent("f2", h(7.7), EventKind.ALERT_RESOLVED, "a1", rule="high",
                cause=message("alerts.figure", field="weekly", figure="93%")),
    LoggedEvent("ea", h(7.6), EventKind.BUDGET_RESET, was="night", now="team"),
    LoggedEvent("eb", h(7.8), EventKind.CREDITS_CAME, source="reef team", before=Decimal("1.40"),
                after=Decimal("11.40"), unit_name="USD"),
    LoggedEvent("ec", h(7.9), EventKind.NOT_OFFERED, source="old service"),
    LoggedEvent("ed", h(7.95), EventKind.TOPUP_PROPOSED, source="reef team", before=Decimal("5.00"),
                after=Decimal("3.20"), now="10.00", unit_name="USD"),
)  # fmt: skip


def test_the_events_as_json() -> None:
    found = json.loads(events_json(EVENTS, NAMES, NOW))
    assert list(found) == ["schema", "generated_at", "events"]
    assert found["schema"] == "poolwatch.events/1"
    rows = {row["id"]: row for row in found["events"]}
    assert list(rows) == [each.id for each in EVENTS]
    assert list(rows["e1"]) == [
        *("id", "at", "kind", "account", "label", "source", "bucket", "window"),
        *("before", "after", "amount", "unit", "accounts", "rule", "budget"),
    ]
    assert list(rows["e2"].values()) == [
        *("e2", "2026-11-19T14:03:00Z", "reset", "a1", "=alice@example.com", None, "codex", "weekly"),
        *(97.0, 0.0, -97.0, "percent", None, None, None),
    ]
    assert [rows["e3"][key] for key in ("before", "after", "amount", "unit")] == [
        *("1.50", "501.50", "500.00", "credits")
    ]
    assert [rows["e4"][key] for key in ("before", "after", "amount")] == ["free", "plus", None]
    assert (rows["e5"]["after"], rows["e7"]["accounts"]) == ("expired", 41)
    assert (rows["e6"]["source"], rows["e6"]["account"], rows["e6"]["label"]) == ("s3", None, None)
    assert rows["e8"]["label"] == "01234567"
    assert (rows["e9"]["after"], rows["e9"]["source"]) == ("ops", None)
    assert (rows["f1"]["rule"], rows["f1"]["budget"], rows["f1"]["account"]) == ("budget", "team", None)
    assert (rows["f2"]["rule"], rows["f2"]["account"], rows["f2"]["after"]) == ("high", "a1", None)
    assert (rows["ea"]["after"], rows["ea"]["before"], rows["ea"]["amount"]) == ("team", "night", None)
    mail = replace(EVENTS[-1], source="alice@example.com")
    *_, hidden, _, _, of_balance = json.loads(events_json((*EVENTS[:-1], mail), HIDDEN, NOW))["events"]
    assert "example.com" not in of_balance["source"]
    assert (hidden["after"], hidden["before"]) == ("team", None)


def test_the_events_as_csv_have_the_same_columns() -> None:
    header, *rows = csv.reader(io.StringIO(events_csv(EVENTS, HIDDEN), newline=""))
    assert header == list(json.loads(events_json(EVENTS, NAMES, NOW))["events"][0])
    assert rows[2][8:12] == ["1.500000", "501.500000", "500.000000", "credits"]
    assert rows[0][4].startswith("account-")


def test_the_events_for_people() -> None:
    assert event_lines(EVENTS, NAMES, UTC) == [
        "2026-11-19 13:03  team/=alice@example.com  exhausted: 5h until Fri 14:03",
        "2026-11-19 14:03  team/=alice@example.com  weekly: reset, 97% → 0%",
        "2026-11-19 15:03  team/=alice@example.com  credits came, by a top-up or a grant, 1.50 → 501.50",
        "2026-11-19 16:03  team/=alice@example.com  plan Free → Plus",
        "2026-11-19 17:03  team/=alice@example.com  needs a new login: login expired",
        "2026-11-19 18:03  source s3                back after 30m",
        "2026-11-19 19:03  OpenAI                   41 of 60 accounts were reset early",
        "2026-11-19 20:03  01234567                 back: credits",
        "2026-11-19 20:33  channel ops              a notice was given up: the channel never took it",
        "2026-11-19 20:39  budget team: night       over 90%: $276 of $300",
        "2026-11-19 20:45  team/=alice@example.com  fires no longer: weekly 93%",
        "2026-11-19 20:39  budget team: night       began anew; it had reached its limit",
        "2026-11-19 20:51  reef team                credits came, by a top-up or a grant, $1.40 → $11.40",
        "2026-11-19 20:57  old service              no longer offered by its service",
        "2026-11-19 21:00  reef team                below $5.00: top up $10.00?",
    ]
    hidden = event_lines(EVENTS[:-3], HIDDEN, UTC)[-1]
    assert hidden.endswith("budget team          began anew; it had reached its limit")
    of_alice = LoggedEvent("eb", h(8), EventKind.BUDGET_RESET, "a1", now="each")
    assert event_lines([of_alice], NAMES, UTC) == [
        "2026-11-19 21:03  team/=alice@example.com  budget each began anew; it had reached its limit"
    ]
