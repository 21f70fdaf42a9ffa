"""The screen of events: what happened, and what was said in this run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from poolwatch.domain.banked_resets import ResetRoute, ResetUse
from poolwatch.domain.event_log import EventKind, LoggedEvent, Unit
from poolwatch.domain.events import BulkProgress, RefreshMoved
from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.refresh import RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.state import SourceState
from poolwatch.domain.values import replace
from poolwatch.presentation.events import EventRow
from poolwatch.presentation.view import Tone
from poolwatch.presentation.waiting import Waits
from poolwatch.ui.app import PoolApp
from poolwatch.ui.screens import events as events_screen
from poolwatch.ui.screens.history import HistoryScreen
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.screens.resets import ResetsScreen
from poolwatch.ui.widgets.event_lines import event_lines
from poolwatch.ui.widgets.filter_line import CompletedLine
from poolwatch.ui.widgets.lines import Lines, Pane
from tests.ui.pools import NOW, ZONE, ago, app_of, state_of, twelve
from tests.ui.reading import feed_of, said, screen_text, settle, until
from tests.ui.scripted_feed import ScriptedFeed


def rows(app: PoolApp) -> list[str]:
    """The lines of the screen, without the rules of the headings."""
    return [line.strip(" ─") for line in app.screen.query_one(Pane).text.splitlines()]


def events(app: PoolApp) -> list[str]:
    """Those lines without the headings of today."""
    return [line for line in rows(app) if not line.startswith("TODAY")]


def title(app: PoolApp) -> str:
    return app.screen.query_one("#title", Lines).text.strip()


def logged() -> tuple[LoggedEvent, ...]:
    """Old to new: one two months ago, one on Wednesday, one yesterday, some today."""
    bob, lee = (twelve()[nth].key.id for nth in (1, 2))
    return (
        LoggedEvent("1", ago(days=60), EventKind.SIGNED_IN, bob),
        LoggedEvent("2", ago(hours=40), EventKind.RESET, lee, bucket="codex", window="weekly",
                    before=97.0, after=0.0, unit=Unit.PERCENT),
        LoggedEvent("3", ago(hours=20), EventKind.SOURCE_DOWN, source="s3"),
        LoggedEvent("4", ago(hours=2), EventKind.UPSTREAM_RESET, accounts=41, of_accounts=60),
        LoggedEvent("5", ago(minutes=3), EventKind.EXHAUSTED, bob, bucket="codex", window="5h",
                    until=ago(minutes=-47)),
    )  # fmt: skip


def past_feed() -> ScriptedFeed:
    state = state_of(twelve())
    feed = ScriptedFeed(
        replace(state, sources={**state.sources, "s3": SourceState("s3", listed_at=NOW)}), NOW, ZONE
    )
    feed.logged, feed.looked = logged(), ago(hours=4)
    return feed


async def test_what_was_said_can_be_read_again() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        assert rows(app) == ["nothing yet; what happens is kept here, and what the message line says"]
        await pilot.press("e")
        await settle(pilot)
        bob = twelve()[1]
        done = RefreshProgress(
            NOW,
            TokenStep(TokenOutcome.CURRENT),
            UsageStep(worded(FailureKind.UNREACHABLE, "refused")),
            done=True,
        )
        feed.happen(notices=("the database is set aside",))
        feed.happen(RefreshMoved(bob.key, done, NOW), notices=("the database is set aside",))
        await settle(pilot)
        feed.happen(bulk=BulkProgress(1, 2, 0))
        feed.pass_time(120)
        feed.happen(bulk=BulkProgress(2, 2, 1, done=True, changed=1))
        await settle(pilot)
        # a key that does nothing is nothing that was said
        await pilot.press("p", "w", "e")
        await settle(pilot)
        said_then = events(app)
        assert said_then[0] == "▌14:05  · polling is paused; p resumes"
        assert said_then[1].startswith("14:05  · 1 refreshed · 1 failed · 1 changed")
        assert said_then[2].startswith("14:03  · bob@example.com: token: Codex")
        assert "unreachable" in said_then[2]
        assert said_then[3:] == ["14:03  · the database is set aside"]
        # what comes meanwhile stands on top, and what was selected with a key stays so
        await pilot.press("k")
        feed.happen(notices=("~/logins/bob is full",))
        await settle(pilot)
        assert events(app)[:2] == ["14:05  · ~/logins/bob is full", "▌14:05  · polling is paused; p resumes"]
        assert "e close" in screen_text(app)
        await pilot.press("m")
        await settle(pilot)
        hidden = events(app)
        assert hidden[0] == "14:05  · …/bob is full"
        assert hidden[3].startswith(f"14:03  · account-{bob.key.id[:6]}: token: Codex")
        assert "example.com" not in "".join(hidden)


async def test_what_happened_since_somebody_looked() -> None:
    feed = past_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        assert title(app).startswith("Events  since you looked, 10:03 (4h): 2 ")
        assert rows(app) == [
            "TODAY",
            "▌14:00  ◐ bob@example.com  exhausted: 5h until 14:50",
            "12:03  ↻ OpenAI           41 of 60 accounts were reset early",
            "YESTERDAY",
            "18:03  ↓ source s3        down",
            "Wed 18 Nov",
            "22:03  ↻ lee@example.com  weekly: reset, 97% → 0%",
        ]
        # to open it is no look yet: whoever came by accident has read nothing
        assert feed.looked == ago(hours=4)
        await pilot.press("j")
        await settle(pilot)
        assert feed.looked == NOW
        # the mark stands where it stood until the screen is left
        assert "since you looked, 10:03" in title(app)
        await pilot.press("escape", "e")
        await settle(pilot)
        assert "nothing since you looked, 14:03" in title(app)


async def test_all_since_somebody_looked_is_counted_or_said_to_be_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = past_feed()
    feed.looked = ago(days=70)
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        assert "(70d): 5 " in title(app)
        await pilot.press("e")
        feed.looked = ago(days=70)
        # what the feed cuts off is read on the way back, and nothing is lost between
        monkeypatch.setattr("poolwatch.ui.screens.events.EVENTS_MOST", 2)
        monkeypatch.setattr("tests.ui.scripted_feed.EVENTS_MOST", 2)
        await pilot.press("e")
        await settle(pilot)
        assert "or more" in title(app)
        for _ in range(4):
            await pilot.press("left_square_bracket")
            await settle(pilot)
            await settle(pilot)
        clocks = [line.split()[0] for line in rows(app) if ":" in line[:6] and "·" not in line]
        assert clocks == ["14:00", "12:03", "18:03", "22:03", "▌14:03"]


async def test_a_key_draws_no_row_anew_but_the_one_that_is_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = past_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e", "j")
        await settle(pilot)
        drawn: list[str] = []

        def row_lines(row: EventRow, *rest: Any, selected: bool) -> Any:
            drawn.append(row.id)
            return event_lines(row, *rest, selected=selected)

        monkeypatch.setattr("poolwatch.ui.widgets.event_lines.event_lines", row_lines)
        await pilot.press("j")
        await settle(pilot)
        assert drawn == ["3"]
        assert sum(line.startswith("▌") for line in rows(app)) == 1


async def test_of_thousands_those_on_screen_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    feed, bob = past_feed(), twelve()[1].key.id
    feed.logged = tuple(
        LoggedEvent(str(number), ago(minutes=2000 - number), EventKind.SIGNED_IN, bob)
        for number in range(1990)
    )
    long = "what is said " * 10
    app = app_of(feed.state, feed=feed)
    drawn: list[str] = []

    def row_lines(row: EventRow, *rest: Any, selected: bool) -> Any:
        drawn.append(row.id)
        return event_lines(row, *rest, selected=selected)

    monkeypatch.setattr("poolwatch.ui.widgets.event_lines.event_lines", row_lines)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        feed.happen(notices=(long,))
        await pilot.press("e")
        await settle(pilot)
        assert 20 <= len(drawn) <= 40
        # a text that takes several lines has them
        assert [line.split()[:1] for line in rows(app)[1:5]] == [["▌14:03"], ["is"], ["13:52"], ["13:51"]]
        for key, last in (("G", "04:43"), ("o", "Thu"), ("o", "Thu"), ("m", "Thu")):
            drawn.clear()
            await pilot.press(key)
            await settle(pilot)
            assert len(drawn) <= 60, key
            assert any(line.startswith(f"▌{last}") for line in screen_text(app).splitlines()), key


async def test_what_happens_meanwhile_is_read_and_little_else() -> None:
    feed = past_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        new = LoggedEvent("6", NOW + timedelta(seconds=9), EventKind.BACK, twelve()[1].key.id, window="5h")
        feed.logged = (*feed.logged, new)
        app.tick()
        await settle(pilot)
        assert "back: 5h" not in screen_text(app)
        feed.pass_time(10)
        app.tick()
        await settle(pilot)
        await settle(pilot)
        assert rows(app)[1] == "▌14:03  ● bob@example.com  back: 5h"


@pytest.mark.parametrize(
    ("size", "options", "keys"),
    [
        ((80, 24), {}, ()),
        ((120, 40), {"theme": "poolwatch-light"}, ("o",)),
        ((60, 15), {"glyphs": "ascii"}, ("left_square_bracket",)),
    ],
    ids=["80", "120-by-account", "60-ascii"],
)
def test_picture(
    size: tuple[int, int], options: dict[str, Any], keys: tuple[str, ...], snap_compare: Callable[..., bool]
) -> None:
    """Marks in their colours, names in a column, what is new under its own heading."""
    feed = past_feed()
    feed.looked = ago(hours=1)
    app = app_of(feed.state, feed=feed, **options)
    app.ui.said.add(NOW - timedelta(minutes=30), "the database is set aside", Tone.AMBER)
    assert snap_compare(app, terminal_size=size, press=("e", *keys))


async def test_what_happens_right_after_a_reading_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_screen, "_AGAIN", timedelta(milliseconds=100))
    feed = past_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("e")
        await settle(pilot)
        before = rows(app)
        late = LoggedEvent("6", NOW + timedelta(seconds=9), EventKind.BACK, twelve()[1].key.id, window="5h")
        feed.logged = (*feed.logged, late)
        # it is told while no reading may begin yet, and nothing happens afterwards
        await settle(pilot)
        shown = app.screen
        assert isinstance(shown, events_screen.EventsScreen)
        shown.redraw()
        await until(pilot, lambda: rows(app) != before, seconds=2)
        assert "back: 5h" in screen_text(app)


async def test_days_and_groups() -> None:
    feed = past_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e", "left_square_bracket")
        await settle(pilot)
        assert "▌18:03  ↓ source s3" in "\n".join(rows(app))
        await pilot.press("left_square_bracket", "right_square_bracket")
        await settle(pilot)
        assert "▌18:03  ↓ source s3" in "\n".join(rows(app))
        # further back than was read at first, over weeks without anything
        await pilot.press("left_square_bracket", "left_square_bracket")
        await settle(pilot)
        await settle(pilot)
        assert rows(app)[-1] == "▌14:03  ● bob@example.com  signed in again"
        await pilot.press("left_square_bracket")
        await settle(pilot)
        await settle(pilot)
        assert said(app) == "nothing older is kept"
        await pilot.press("k", "j")
        await settle(pilot)
        assert said(app) == ""
        await pilot.press("o")
        await settle(pilot)
        assert rows(app)[0] == "bob@example.com"
        assert "▌21 Sep" in "\n".join(rows(app))
        await pilot.press("o")
        await settle(pilot)
        assert [line for line in rows(app) if line in ("logins", "limits", "sources")] == [
            "logins", "limits", "sources",
        ]  # fmt: skip
        await pilot.press("o")
        await settle(pilot)
        assert rows(app)[0] == "TODAY"


async def test_a_filter_and_the_way_to_the_account() -> None:
    feed = past_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("e", "slash", *"lee")
        await settle(pilot)
        assert said(app) == "1 of 4 matches; everything since Wed 14:03; [ goes further back"
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert isinstance(app.screen, HistoryScreen)
        assert app.screen.account == twelve()[2].key
        await pilot.press("escape")
        await settle(pilot)
        assert len(rows(app)) == 2
        await pilot.press("escape")
        await settle(pilot)
        assert len(rows(app)) == 7
        await pilot.press("k", "enter")
        await settle(pilot)
        assert said(app) == "this is about no account that is listed"
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)


async def test_a_filter_of_events_has_the_fields_of_accounts_and_says_what_is_wrong() -> None:
    feed = past_feed()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("e", "slash", *"label:le", "tab")
        await settle(pilot)
        line = app.screen.query_one("#filter", CompletedLine)
        assert line.value == "label:lee@example.com "
        assert said(app).startswith("1 of 4 matches")
        for typed, told in (
            ("weekly>=98", "1 of 4 matches"),
            (
                "model:gpt",
                "none of 4 matches; everything since Wed 14:03; [ goes further back: “model” is of usage",
            ),
            (
                "lee or weekli>8",
                "1 of 4 matches; everything since Wed 14:03; [ goes further back · no field “weekli”",
            ),
        ):
            line.value = typed
            await settle(pilot)
            assert said(app).startswith(told), typed


async def test_events_scroll_and_go_back_to_where_they_were_opened() -> None:
    app = app_of("twelve")
    async with app.run_test(size=(60, 15)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        detail = app.screen
        for nth in range(30):
            app.ui.said.add(NOW, f"event {nth}", Tone.PLAIN)
        await pilot.press("e")
        await settle(pilot)
        pane = app.screen.query_one(Pane)
        assert rows(app)[1].endswith("event 29")
        await pilot.press("G")
        assert pane.top + pane.size.height == len(pane.lines) == 31
        assert rows(app)[-1].startswith("▌")
        await pilot.press("g")
        assert pane.top == 0
        await pilot.press("q")
        await settle(pilot)
        assert app.screen is detail


async def test_what_happened_waits_for_no_journal_and_a_lost_reset_leads_to_all_of_them() -> None:
    feed, opens, reads = past_feed(), asyncio.Event(), asyncio.Event()
    lost = ResetUse("3f2a90b1-0000-4000-8000-000000000000", "acc", "ws", ResetRoute.SERVICE, ago(hours=1))

    async def waits() -> Waits:
        await reads.wait()
        return Waits((), (), (lost,))

    async def looked_at() -> None:
        await opens.wait()

    feed.waits = waits  # type: ignore[method-assign]  # a slow disk
    feed.looked_at = looked_at  # type: ignore[method-assign]  # the store opens when all is drawn
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await pilot.pause()
        assert not any("41 of 60 accounts" in row for row in rows(app))
        opens.set()
        await pilot.pause()
        assert any("41 of 60 accounts" in row for row in rows(app))
        reads.set()
        await settle(pilot)
        assert "a reset may have been used" in screen_text(app)
        await pilot.press("g")
        await settle(pilot)
        assert "poolwatch resets ask 3f2a90b1" in said(app)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, ResetsScreen)
