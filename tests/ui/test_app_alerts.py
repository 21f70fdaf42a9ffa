"""What fires, on the screen of events and in the title of the pool; and silencing it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from poolwatch.domain.alerts import Alert, AlertBoard, Phase, Severity, Silence, Subject, SubjectKind
from poolwatch.domain.budgets import BudgetReport
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.events import LimitsTold
from poolwatch.domain.message import Message, message
from poolwatch.domain.notices import ChannelHealth, ChannelKind, Delivery, Notice, NoticeItem, NoticeKind
from poolwatch.domain.state import SourceState
from poolwatch.domain.values import replace
from poolwatch.presentation.alerts import AlertsView
from poolwatch.presentation.events import EventsView
from poolwatch.ui.app import PoolApp
from poolwatch.ui.appearance import UNICODE
from poolwatch.ui.screens.budgets import BudgetsScreen
from poolwatch.ui.screens.detail import DetailScreen
from poolwatch.ui.screens.events import EventsScreen
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.screens.silencing import SilenceSheet
from poolwatch.ui.widgets.event_lines import events_title
from poolwatch.ui.widgets.lines import Lines, Pane
from tests.presentation.made_budgets import FOUR, NIGHTLY
from tests.presentation.made_budgets import TEAM as BUDGET_TEAM
from tests.ui.pools import NOW, ZONE, ago, ahead, app_of, state_of, twelve
from tests.ui.reading import said, screen_text, settle, strip
from tests.ui.scripted_feed import ScriptedFeed
from tests.ui.test_cells import plain

TEAM = Subject(SubjectKind.BUDGET, "team")
S3 = Subject(SubjectKind.SOURCE, "s3")


def of(nth: int) -> Subject:
    return Subject(SubjectKind.ACCOUNT, twelve()[nth].key.id)


def alert(subject: Subject, rule: str, text: str, minutes: float, **more: Any) -> Alert:
    made = Alert(
        rule, subject, "1", Phase.FIRING, ago(minutes), fired_at=ago(minutes), channels=("ops",),
        cause=message("as_stored", text=text),
    )  # fmt: skip
    return replace(made, **more)


FIRING = (
    alert(TEAM, "budget", "over 90%: $276 of $300", 23, again_at=ahead(hours=3, minutes=37)),
    alert(of(3), "credits_low", "out of credits", 291),
    alert(of(0), "needs_you", "login expired", 572, held_until=ahead(hours=2)),
)
MAINTENANCE = Silence("source_down", ago(9), "ann", ahead(hours=1, minutes=57), "maintenance", S3)
DOWN = alert(S3, "source_down", "down: no answer for 26m", 9)
CHANNELS = (
    ChannelHealth("mail", ChannelKind.EMAIL, last_taken_at=ago(303)),
    ChannelHealth(
        "hook", ChannelKind.WEBHOOK, failing_since=ago(181), why=message("as_stored", text="500"),
        next_try_at=ahead(27), waiting=3,
    ),
    ChannelHealth("ops", ChannelKind.APPRISE, last_taken_at=ago(23)),
)  # fmt: skip


def delivered(each: Alert, minutes: float, **more: Any) -> Delivery:
    at = ago(minutes)
    item = NoticeItem(
        each.rule, each.subject, Phase.FIRING, each.severity, at, each.cause or Message(""), each.episode
    )
    notice = Notice(f"{each.rule}{minutes}", "ops", NoticeKind.ALERTS, at, each.severity, (item,))
    return replace(Delivery(notice, tries=1, done_at=at), **more)


def alerting_feed(*, silenced: bool = True) -> ScriptedFeed:
    state = state_of(twelve())
    board = AlertBoard(NOW, (*FIRING, DOWN), (MAINTENANCE,)) if silenced else AlertBoard(NOW, FIRING)
    sources = {**state.sources, "s3": SourceState("s3", listed_at=NOW)}
    feed = ScriptedFeed(replace(state, sources=sources, alerts=board, channels=CHANNELS), NOW, ZONE)
    bob = twelve()[1].key.id
    feed.logged = (
        LoggedEvent("1", ago(hours=20), EventKind.SOURCE_DOWN, source="s3"),
        LoggedEvent("2", ago(minutes=3), EventKind.EXHAUSTED, bob, window="5h", until=ago(minutes=-47)),
    )
    feed.looked = ago(hours=20, minutes=1)
    feed.delivered = (delivered(FIRING[0], 23), delivered(FIRING[1], 291))
    return feed


def rows(app: PoolApp) -> list[str]:
    return [line.rstrip(" ─") for line in app.screen.query_one(Pane).text.splitlines()]


def title(app: PoolApp) -> str:
    return app.screen.query_one("#title", Lines).text.strip()


def channels(app: PoolApp) -> str:
    return app.screen.query_one("#channels", Lines).text.strip()


async def test_what_fires_stands_before_what_happened() -> None:
    feed = alerting_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        assert " ".join(title(app).split()) == (
            "Events since you looked, yesterday 18:02 (20h): 2 3 firing ? help"
        )
        assert rows(app) == [
            " FIRING 3",
            "▌! budget team        over 90%: $276 of $300      23m   sent to ops 13:40",
            " ◐ pay@example.com    out of credits           4h 51m   sent to ops 09:12",
            " ✕ carol@example.com  login expired            9h 32m   held in quiet hours un…",
            " SILENCED 1",
            " ▲ source s3          down: no answer for 26m           by ann until 16:00: “m…",
            " TODAY",
            " 14:00  ◐ bob@example.com  exhausted: 5h until 14:50",
            " YESTERDAY",
            " 18:03  ↓ source s3        down",
        ]
        assert said(app) == "budget team: over 90%: $276 of $300, since 13:40"
        assert channels(app) == "CHANNELS  hook (webhook) failing since 11:02: 500, next try 14:30, 3 waiting"
        assert "z silence" in screen_text(app)


async def test_with_room_all_of_it_is_told() -> None:
    feed = alerting_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        assert "3 firing · 1 silenced   by day   ? help" in title(app)
        shown = rows(app)
        assert shown[1].endswith("23m   sent to ops 13:40 · again at 17:40")
        assert shown[4] == ""
        assert shown[6].endswith("by ann until 16:00: “maintenance”")
        assert "mail (email) ok, last 09:00" in channels(app)
        assert "ops (apprise) ok, last 13:40" in channels(app)


async def test_what_becomes_of_a_notice_is_read_again() -> None:
    feed = alerting_feed()
    feed.delivered = (delivered(FIRING[0], 23, done_at=None, tries=2),)
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        assert "on its way to ops, 2 tries" in rows(app)[1]
        feed.delivered = (delivered(FIRING[0], 23),)
        feed.pass_time(10)
        app.tick()
        await settle(pilot)
        await settle(pilot)
        assert "sent to ops 13:40" in rows(app)[1]


@pytest.mark.parametrize(("size", "shown"), [((120, 40), True), ((80, 24), True), ((60, 15), True)])
async def test_the_title_of_the_pool_says_how_many_fire(size: tuple[int, int], shown: bool) -> None:
    feed = alerting_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert ("   3 alerts   " in strip(app).splitlines()[0]) is shown
        quiet = replace(MAINTENANCE, rule="budget", subject=TEAM)
        feed.happen(LimitsTold(alerts=AlertBoard(NOW, FIRING, (quiet,))))
        await settle(pilot)
        assert "   2 alerts   " in strip(app).splitlines()[0]
        feed.happen(LimitsTold(alerts=AlertBoard(NOW)))
        await settle(pilot)
        assert "alert" not in strip(app)


async def test_an_alert_leads_to_whom_or_what_it_is_about() -> None:
    feed = alerting_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e", "j", "enter")
        await settle(pilot)
        assert isinstance(app.screen, DetailScreen)
        assert app.screen.account.id == FIRING[1].subject.id
        await pilot.press("escape", "j", "j", "enter")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)
        assert app.screen.filter_text == "source=s3"


async def test_an_alert_of_a_budget_leads_to_it() -> None:
    feed = alerting_feed()
    feed.happen(LimitsTold(budgets=BudgetReport(NOW, (NIGHTLY, BUDGET_TEAM))))
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e", "enter")
        await settle(pilot)
        assert isinstance(app.screen, BudgetsScreen)
        assert said(app).startswith("team: over 90% since 13:40")


async def test_a_silence_takes_how_long_and_why() -> None:
    feed = alerting_feed(silenced=False)
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e", "z")
        await settle(pilot)
        assert isinstance(app.screen, SilenceSheet)
        assert app.screen.query_one(Lines).text.splitlines()[1].split() == [
            "▌", "for", "[1h]", "4h", "until", "tomorrow", "08:00", "until", "I", "end", "it",
        ]  # fmt: skip
        # nothing is silenced before Enter, and esc leaves everything as it was
        await pilot.press("right", "escape")
        await settle(pilot)
        assert isinstance(app.screen, EventsScreen)
        assert rows(app)[0] == " FIRING 3"
        await pilot.press("z", "right", *"zoo", "backspace", "enter")
        await settle(pilot)
        board = feed.state.alerts
        assert board is not None
        assert board.silences == (Silence("budget", NOW, "ann", NOW + timedelta(hours=4), "zo", TEAM),)
        assert said(app) == "budget team is silenced until 18:03: “zo”; it still stands in the events"
        assert rows(app)[0] == " FIRING 2"
        at = rows(app).index(" SILENCED 1")
        assert rows(app)[at + 1].startswith(" ! budget team        over 90%: $276 of $300")


@pytest.mark.parametrize(
    ("keys", "until", "is_of_all"),
    [
        (("left",), NOW + timedelta(hours=1), False),
        (("right", "right"), NOW.replace(day=21, hour=7, minute=0, second=0), False),
        (("right",) * 9, None, False),
        (("down", "right"), NOW + timedelta(hours=1), True),
        (("down", "right", "left", "up", "down", "down", "right"), NOW + timedelta(hours=1), True),
    ],
)
async def test_how_long_and_of_what(keys: tuple[str, ...], until: object, is_of_all: bool) -> None:
    feed = alerting_feed(silenced=False)
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e", "z", *keys, "enter")
        await settle(pilot)
        board = feed.state.alerts
        assert board is not None
        assert [(each.until, each.subject) for each in board.silences] == [
            (until, None if is_of_all else TEAM)
        ]


async def test_a_silence_is_ended_when_that_is_said_yes_to() -> None:
    feed = alerting_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("e", "j", "j", "j")
        await settle(pilot)
        assert "z end silence" in screen_text(app)
        await pilot.press("z")
        await settle(pilot)
        assert "source s3 is silenced by ann until 16:00: “maintenance”. End that?" in screen_text(app)
        await pilot.press("n", "z", "y")
        await settle(pilot)
        assert said(app) == "source s3 is silenced no more"
        assert rows(app)[0] == " FIRING 4"
        board = feed.state.alerts
        assert board is not None
        assert board.silences == ()


async def test_why_a_silence_was_not_kept_is_said() -> None:
    feed = alerting_feed()
    feed.silence_fails = Message("alerts.not_kept")
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("e", "z", "enter")
        await settle(pilot)
        assert said(app).startswith("not done: the database cannot be written")


async def test_what_is_pasted_is_a_reason_and_runs_no_key() -> None:
    feed = alerting_feed(silenced=False)
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e", "z")
        await settle(pilot)
        app.screen.post_message(_paste("until\x1b[2J the move\nq"))
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        board = feed.state.alerts
        assert board is not None
        assert board.silences[0].reason == "until\\x1b[2J the move"


def _paste(text: str) -> Any:
    from textual.events import Paste

    return Paste(text)


async def test_an_event_and_an_account_without_an_alert_are_not_silenced() -> None:
    feed = alerting_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e", "G", "z")
        await settle(pilot)
        assert said(app) == "this is no alert that fires: there is nothing to silence"
        assert "z silence" not in screen_text(app)
        await pilot.press("escape", "escape")
        # carol, who needs somebody, stands first
        await pilot.press("g", "z")
        await settle(pilot)
        assert isinstance(app.screen, SilenceSheet)
        await pilot.press("enter")
        await settle(pilot)
        board = feed.state.alerts
        assert board is not None
        assert board.silences[-1].rule == "needs_you"
        assert board.silences[-1].subject == FIRING[2].subject
        await pilot.press("G", "z")
        await settle(pilot)
        assert said(app).startswith("no alert of ")


async def test_a_read_only_run_silences_nothing() -> None:
    feed = alerting_feed()
    app = app_of(feed.state, feed=feed, read_only=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e", "z")
        await settle(pilot)
        assert isinstance(app.screen, EventsScreen)
        assert "read-only" in said(app)
        assert "z silence" not in screen_text(app)


async def test_the_filter_lets_alerts_through_too() -> None:
    feed = alerting_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e", "slash", *"carol", "enter")
        await settle(pilot)
        assert [line[:20] for line in rows(app)] == [" FIRING 3", "▌✕ carol@example.com"]
        assert said(app).startswith("1 of 6 matches")


@pytest.mark.parametrize(
    ("size", "options", "keys"),
    [
        ((80, 24), {}, ()),
        ((120, 40), {}, ()),
        ((120, 40), {"theme": "poolwatch-light"}, ("z", "right", *"maintenance")),
        ((80, 24), {"glyphs": "ascii"}, ("z",)),
        ((60, 15), {}, ("j",)),
    ],
    ids=["80", "120", "120-sheet", "80-sheet-ascii", "60"],
)
def test_picture(
    size: tuple[int, int],
    options: dict[str, Any],
    keys: tuple[str, ...],
    snap_compare: Callable[..., bool],
) -> None:
    """What fires in the colours of what it is, ages at the right of a column, a failing channel below."""
    feed = alerting_feed()
    worst = alert(Subject(SubjectKind.POOL), "runs_dry", "may run dry at 15:10, 4h before relief", 2)
    board = feed.state.alerts or AlertBoard(NOW)
    worst = replace(worst, severity=Severity.CRITICAL)
    feed.happen(LimitsTold(alerts=replace(board, alerts=(worst, *board.alerts))))
    app = app_of(feed.state, feed=feed, **options)
    assert snap_compare(app, terminal_size=size, press=("e", *keys))


async def test_a_budget_is_silenced_from_its_own_screen() -> None:
    feed = alerting_feed(silenced=False)
    board = AlertBoard(NOW, (replace(FIRING[0], rule="over"),))
    feed.happen(LimitsTold(budgets=FOUR, alerts=board))
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("b")
        await settle(pilot)
        assert "⏎ change  + add  z silence  / filter" in screen_text(app)
        await pilot.press("z", "enter")
        await settle(pilot)
        # the rule that fires of it, else the one that tells of its levels
        await pilot.press("j", "z", "enter")
        await settle(pilot)
        told = feed.state.alerts
        assert told is not None
        assert [(each.rule, each.subject) for each in told.silences] == [
            ("over", TEAM),
            ("budget", Subject(SubjectKind.BUDGET, "nightly")),
        ]
        await pilot.press("z", "y")
        await settle(pilot)
        assert said(app) == "budget nightly is silenced no more"


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (
            120,
            " Events  since you looked, 18:02 (20h): 34, 5 of them alerts"
            " … 3 firing · 1 silenced   by day   ? help ",
        ),
        (90, " Events  since you looked, 18:02 (20h): 34 … 3 firing · 1 silenced   by day   ? help "),
        (78, " Events  since you looked, 18:02 (20h): 34 … 3 firing · 1 silenced   ? help "),
        (64, " Events  since you looked, 18:02 (20h): 34 … 3 firing   ? help "),
        (50, " Events  since you looked, 18… … 3 firing   ? help "),
    ],
)  # fmt: skip
def test_what_fires_stays_longest_in_the_title(width: int, told: str) -> None:
    alerts = AlertsView(counts=("3 firing", "1 silenced"))
    events = EventsView("since you looked, 18:02 (20h): 34", (), 34, "5 of them alerts")
    line = plain(events_title(alerts, events, "by day", "?", width, UNICODE))
    assert len(line) == width
    start, end = told.split(" … ")
    assert line.startswith(start)
    assert line.endswith(f"  {end}")
