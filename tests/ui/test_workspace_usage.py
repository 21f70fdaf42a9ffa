"""The usage screen's second source: nothing is sent before somebody agreed, and what it looks like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from poolwatch.domain.account import AccountKey
from poolwatch.domain.message import Message
from poolwatch.domain.tokens import Origin
from poolwatch.domain.values import replace
from poolwatch.domain.workspace_usage import AccountUsage
from poolwatch.presentation.view import Prefs
from poolwatch.ui.app import PoolApp
from poolwatch.ui.keymap import Keymap
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.screens.usage import UsageScreen
from poolwatch.ui.screens.workspace_usage import ReportScreen
from poolwatch.ui.state import ExitRequest
from poolwatch.ui.widgets.lines import Lines
from tests.presentation.reports import TODAY, made_report
from tests.ui.pools import NOW, ZONE, app_of, state_of, twelve
from tests.ui.reading import screen_text, settle, wall
from tests.ui.scripted_feed import ScriptedFeed
from tests.ui.test_usage import using

Compare = Callable[..., bool]
SMALL, NORMAL, TINY, LARGE = (80, 24), (120, 40), (60, 15), (200, 60)
ALICE = twelve()[5].key


def reporting(*, is_read: bool = True, fails: Message | None = None) -> ScriptedFeed:
    """A feed of which each account's days are known, or will be once they were read."""
    feed = using()
    known: set[AccountKey] = set(feed.state.accounts) if is_read else set()

    def told(key: AccountKey, since: date) -> AccountUsage:
        days = (TODAY - since).days + 1
        if key in known:
            return made_report(key.id, days)
        return replace(made_report(key.id, days), days=(), fresh_at=None, asked_at=None, answered_at=None)

    def read(key: AccountKey) -> Message | None:
        if fails is None:
            known.add(key)
        return fails

    feed.reported, feed.reading_report = told, read
    return feed


async def opened(pilot: Pilot[ExitRequest], *keys: str) -> PoolApp:
    app = pilot.app
    assert isinstance(app, PoolApp)
    await settle(pilot)
    if isinstance(app.screen, PoolScreen) and app.ui.board.state.accounts:
        wall(app).select(ALICE)
    for key in ("U", "tab", *keys):
        await pilot.press(key)
        await settle(pilot)
    return app


def title(app: PoolApp) -> str:
    return app.screen.query_one("#title", Lines).text


def body(app: PoolApp) -> str:
    return app.screen.query_one("#report", Lines).text


def message(app: PoolApp) -> str:
    return app.screen.query_one("#message", Lines).text.strip()


def selected(app: PoolApp) -> str:
    return next(line for line in body(app).splitlines() if line.startswith("▌"))


async def test_tab_goes_from_files_to_what_openai_counted_to_what_was_imported_and_round() -> None:
    app = app_of(feed=reporting())
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot)
        assert isinstance(app.screen, ReportScreen)
        assert "session files · ‹OpenAI's count› · imported" in title(app)
        assert title(app).startswith(" Usage  alice@example.com · 30 days by day")
        await pilot.press("tab")
        await settle(pilot)
        assert isinstance(app.screen, UsageScreen)
        assert "session files · OpenAI's count · ‹imported›" in title(app)
        feed = app.ui.feed
        assert isinstance(feed, ScriptedFeed)
        assert feed.wishes[-1].origin is Origin.IMPORTED
        await pilot.press("tab")
        await settle(pilot)
        assert "‹session files› · OpenAI's count · imported" in title(app)
        await pilot.press("tab", "escape")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)
        assert feed.reports_read == []


async def test_the_first_r_of_a_run_asks_and_the_second_sends() -> None:
    feed = reporting(is_read=False)
    app = app_of(feed=feed)
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "r")
        assert message(app) == (
            "This sends one extra request to OpenAI for alice@example.com. r again to send it, esc not to"
        )
        assert feed.reports_read == []
        await pilot.press("escape")
        await settle(pilot)
        assert message(app) == "nothing was sent"
        assert isinstance(app.screen, ReportScreen)
        # what was not agreed to is asked for again
        await pilot.press("r")
        await settle(pilot)
        assert "one extra request" in message(app)
        assert feed.reports_read == []
        await pilot.press("r")
        await settle(pilot)
        assert feed.reports_read == [(ALICE, TODAY - timedelta(days=29))]
        assert "231.50" in body(app)
        # from now on it is known what it does
        await pilot.press("j", "r")
        await settle(pilot)
        assert len(feed.reports_read) == 2
        assert feed.reports_read[1][0] != ALICE


async def test_what_was_asked_of_one_account_is_sent_for_no_other() -> None:
    feed = reporting(is_read=False)
    app = app_of(feed=feed)
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "r", "j")
        assert message(app) == ""
        await pilot.press("r")
        await settle(pilot)
        assert feed.reports_read == []
        assert "one extra request" in message(app)
        assert "alice" not in message(app)


async def test_a_second_request_waits_for_the_first() -> None:
    feed = reporting(is_read=False)
    feed.report_held = asyncio.Event()
    app = app_of(feed=feed)
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "r", "r")
        assert message(app) == "asking OpenAI about alice@example.com"
        await pilot.press("r")
        await settle(pilot)
        assert message(app) == "OpenAI is being asked already"
        feed.report_held.set()
        await settle(pilot)
        await settle(pilot)
        assert message(app) == "OpenAI's count was read"
        assert len(feed.reports_read) == 1


async def test_why_nothing_came_is_said_and_what_was_known_stays() -> None:
    app = app_of(feed=reporting(fails=Message("sources.no_daily_usage", (("status", "404"),))))
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "r", "r")
        assert message(app) == "alice@example.com: OpenAI has no daily usage for this account (404)"
        assert "231.50" in body(app)
        # of another account that says nothing
        await pilot.press("j")
        await settle(pilot)
        assert message(app) == ""


async def test_a_masked_screen_tells_no_path() -> None:
    why = Message("sources.file_token_expired", (("path", "~/homes/alice/auth.json"),))
    app = app_of(feed=reporting(fails=why), prefs=Prefs(zone=ZONE, mask=True))
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "r", "r")
        assert message(app).startswith("account-e1a0dd: the access token in ")
        assert "alice" not in screen_text(app)


async def test_days_weeks_and_clients_in_turn_over_shorter_and_longer_times() -> None:
    app = app_of(feed=reporting())
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot)
        assert "today 20 Nov" in selected(app)
        await pilot.press("down", "down")
        assert "Wed 18 Nov" in selected(app)
        await pilot.press("G")
        assert "22 Oct" in selected(app)
        await pilot.press("o")
        await settle(pilot)
        assert "16–22 Nov · 4 of 7" in selected(app)
        await pilot.press("o")
        await settle(pilot)
        assert "CLI" in selected(app)
        assert "by client" in title(app)
        await pilot.press("o", "left_square_bracket", "left_square_bracket")
        await settle(pilot)
        assert title(app).startswith(" Usage  alice@example.com · 7 days by day")
        assert "895.20 reported" in body(app)
        await pilot.press(*["right_square_bracket"] * 5)
        await settle(pilot)
        assert "365 days by day" in title(app)
        await pilot.press("r", "r")
        await settle(pilot)
        feed = app.ui.feed
        assert isinstance(feed, ScriptedFeed)
        assert feed.reports_read[-1][1] == TODAY - timedelta(days=364)


async def test_bars_are_of_credits_or_of_tokens() -> None:
    app = app_of(feed=reporting())
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "down")
        assert "231.50  ━" in selected(app)
        await pilot.press("v")
        await settle(pilot)
        assert "48.1M  ━" in selected(app)
        assert "231.50" in selected(app)
        await pilot.press("v")
        await settle(pilot)
        assert "231.50  ━" in selected(app)


async def test_a_read_only_run_may_look() -> None:
    app = app_of(feed=reporting(), keymap=replace(Keymap(), read_only=True))
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, "r")
        assert "one extra request" in message(app)


async def test_without_any_account_nothing_is_asked() -> None:
    feed = ScriptedFeed(state_of([]), NOW, ZONE)
    app = app_of(feed=feed)
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, "r", "r", "j", "down")
        assert "There is no account here" in screen_text(app)
        assert feed.reports_read == []


PICTURES: tuple[tuple[str, tuple[int, int], dict[str, Any], tuple[str, ...]], ...] = (
    ("report-60", TINY, {"theme": "poolwatch-contrast"}, ()),
    ("report-80", SMALL, {}, ()),
    ("report-120-asks", NORMAL, {}, ("r",)),
    ("report-200-weeks", LARGE, {"theme": "poolwatch-light"}, ("o", "right_square_bracket")),
    ("report-80-ascii", SMALL, {"glyphs": "ascii", "theme": "poolwatch-ansi"}, ("o", "o")),
    ("report-masked", SMALL, {"prefs": Prefs(zone=ZONE, mask=True)}, ("G",)),
)


@pytest.mark.parametrize(("name", "size", "options", "keys"), PICTURES, ids=[each[0] for each in PICTURES])
def test_what_it_looks_like(
    name: str, size: tuple[int, int], options: dict[str, Any], keys: tuple[str, ...], snap_compare: Compare
) -> None:
    async def run(pilot: Pilot[ExitRequest]) -> None:
        await opened(pilot, *keys)
        await settle(pilot)

    assert snap_compare(app_of(feed=reporting(), **options), terminal_size=size, run_before=run)
