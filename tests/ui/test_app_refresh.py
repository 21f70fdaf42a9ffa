"""Refreshing by key: what is asked of the monitor, and what is said."""

from __future__ import annotations

from datetime import timedelta

import pytest

from poolwatch.domain.events import Answer, AnswerKind, BulkProgress, Listed, ReadingArrived, RefreshMoved
from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.refresh import Change, RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.ui.screens.refreshing import Confirm
from poolwatch.ui.state import WallView
from poolwatch.ui.widgets.lines import Lines
from tests.ui.pools import NOW, ahead, app_of, five, limits, twelve, weekly
from tests.ui.reading import feed_of, said, screen_text, settle, strip, wall


async def test_the_keys_of_an_account_ask_the_feed() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("r", "u")
        await settle(pilot)
        first = wall(app).order[0]
        assert feed.refreshes == [(first, {}), (first, {"usage_only": True})]


async def test_under_a_retry_after_the_second_r_overrides() -> None:
    feed = feed_of()
    feed.answers = [Answer(AnswerKind.THROTTLED, NOW + timedelta(minutes=17))]
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("r")
        await settle(pilot)
        assert said(app) == "told to wait until 14:20; r again asks now"
        await pilot.press("r")
        await settle(pilot)
        assert [asked for _, asked in feed.refreshes] == [{}, {"override": True}]


async def test_another_account_is_not_overridden() -> None:
    feed = feed_of()
    feed.answers = [Answer(AnswerKind.THROTTLED, NOW)]
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("r")
        await settle(pilot)
        await pilot.press("right", "r")
        await settle(pilot)
        assert [asked for _, asked in feed.refreshes] == [{}, {}]


@pytest.mark.parametrize(("key", "tried"), [("y", True), ("n", False), ("escape", False), ("z", False)])
async def test_a_lost_reply_is_asked_about(key: str, tried: bool) -> None:
    feed = feed_of()
    feed.answers = [Answer(AnswerKind.ASK_ONCE, NOW)]
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("r")
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        question, keys = app.screen.query_one(Lines).text.splitlines()
        assert "Try once?" in question
        # the keys of the screen below do nothing meanwhile
        assert keys.split() == ["y", "yes", "n", "no"]
        await pilot.press(key)
        await settle(pilot)
        assert (len(feed.refreshes) == 2) is tried
        assert feed.refreshes[-1][1] == ({"try_once": True} if tried else {})


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (AnswerKind.RUNNING, "already being refreshed"),
        (AnswerKind.NO_ANSWER, "did not answer"),
    ],
)
async def test_other_answers_are_said(kind: AnswerKind, words: str) -> None:
    feed = feed_of()
    feed.answers = [Answer(kind)]
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("r")
        await settle(pilot)
        assert words in said(app)
        await pilot.press("right")
        assert words not in said(app)


async def test_refreshing_a_few_shown_needs_no_question() -> None:
    feed = feed_of(60)
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("exclamation_mark", "R")
        await settle(pilot)
        assert feed.bulk == [wall(app).order]
        assert len(feed.bulk[0]) == 5


async def test_refreshing_many_is_asked_about_shown_and_stopped() -> None:
    feed = feed_of(60)
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("R")
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("y")
        await settle(pilot)
        assert len(feed.bulk[0]) == 60
        feed.happen(bulk=BulkProgress(12, 60, 2))
        await settle(pilot)
        assert "12/60" in said(app)
        assert "2 failed" in said(app)
        await pilot.press("escape")
        assert feed.stopped == 1
        feed.happen(bulk=BulkProgress(14, 60, 2, done=True, changed=9))
        await settle(pilot)
        told = said(app)
        assert "14" in told
        await pilot.press("down")
        await settle(pilot)
        assert said(app) != told


async def test_a_refresh_of_many_ends_with_what_is_different() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    async with app.run_test(size=(200, 40)) as pilot:
        await settle(pilot)
        feed.happen(bulk=BulkProgress(0, 12, 0))
        await settle(pilot)
        bob = next(actor for actor in twelve() if actor.email == "bob@example.com")
        usage = UsageSnapshot(base=limits(five(0, ahead(hours=5)), weekly(71, ahead(days=2))))
        feed.happen(
            ReadingArrived(bob.key, bob.source, NOW, usage),
            bulk=BulkProgress(12, 12, 1, done=True, changed=1, had_turn=frozenset({bob.key})),
        )
        await settle(pilot)
        assert said(app) == "11 refreshed · 1 failed · 1 changed · now active: bob@example.com"
        await pilot.press("down")
        await settle(pilot)
        assert "now active" not in said(app)


async def test_progress_is_on_the_card_and_in_the_tables_message_until_the_next_key() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        key = wall(app).selected
        assert key is not None
        token = TokenStep(TokenOutcome.REFRESHED, 0.4)
        feed.happen(RefreshMoved(key, RefreshProgress(NOW, token), NOW))
        await settle(pilot)
        assert "token ok 0.4s → usage …" in said(app)
        done = RefreshProgress(NOW, token, UsageStep(None, 0.3), (Change("weekly", 71.0, 0.0),), done=True)
        feed.happen(RefreshMoved(key, done, NOW))
        await settle(pilot)
        assert "weekly 71 → 0%" in said(app)
        await pilot.press("m")
        await settle(pilot)
        assert "weekly 71" not in said(app)


@pytest.mark.parametrize(("key", "usage_only"), [("r", False), ("u", True)])
async def test_with_marks_r_and_u_act_on_all_that_are_marked(key: str, usage_only: bool) -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        order = wall(app).order
        await pilot.press("space", "space", "down", "space", "k", "space")
        await settle(pilot)
        # the last one was marked before
        assert wall(app).selected == order[4]
        assert "2 marked" in strip(app)
        await pilot.press("up", "space", key)
        await settle(pilot)
        assert feed.refreshes == []
        assert feed.bulk == [(order[0], order[1], order[3])]
        assert feed.bulk_usage_only == [usage_only]
        await pilot.press("R")
        await settle(pilot)
        assert feed.bulk[1] == order
        assert feed.bulk_usage_only == [usage_only, False]


async def test_marks_above_twenty_are_asked_about() -> None:
    feed = feed_of(60)
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(*["space"] * 21, "u")
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        assert "Read the usage of 21 accounts, spread out?" in app.screen.query_one(Lines).text
        await pilot.press("y")
        await settle(pilot)
        assert (len(feed.bulk[0]), feed.bulk_usage_only) == (21, [True])


async def test_esc_stops_then_clears_the_marks_then_the_filter() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("space", "slash", *"plan:pro", "enter", "space", "r")
        await settle(pilot)
        assert "2 marked" in strip(app)
        # what is marked and not shown is refreshed as well, after what is
        assert len(feed.bulk[0]) == 2
        assert feed.bulk[0][0] in wall(app).order
        assert feed.bulk[0][1] not in wall(app).order
        feed.happen(bulk=BulkProgress(1, 2, 0))
        await settle(pilot)
        await pilot.press("escape")
        assert feed.stopped == 1
        feed.happen(bulk=BulkProgress(1, 2, 0, done=True))
        await settle(pilot)
        assert "2 marked" in strip(app)
        await pilot.press("escape")
        await settle(pilot)
        assert "marked" not in strip(app)
        assert "filter plan:pro" in strip(app)
        await pilot.press("escape")
        await settle(pilot)
        assert "filter" not in strip(app)
        await pilot.press("r")
        await settle(pilot)
        assert len(feed.refreshes) == 1


@pytest.mark.parametrize("view", [WallView.TABLE, WallView.CARDS, WallView.HIVE])
@pytest.mark.parametrize(("glyphs", "mark", "both"), [("unicode", "✓", "◆"), ("ascii", "+", "#")])
async def test_marks_are_drawn(view: WallView, glyphs: str, mark: str, both: str) -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, view=view, glyphs=glyphs)
    async with app.run_test(size=(120, 60)) as pilot:
        await settle(pilot)
        first = app.ui.board.card(wall(app).order[0])
        assert first is not None
        clean = screen_text(app)
        await pilot.press("space")
        await settle(pilot)
        drawn = screen_text(app)
        if view is WallView.HIVE:
            assert drawn.count(mark) == clean.count(mark) + 1
            await pilot.press("left")
            await settle(pilot)
            assert f"{both}{first.label}" in screen_text(app)
        else:
            assert f"{mark}{first.label}" in drawn
        await pilot.press("g", "space", "g")
        await settle(pilot)
        assert screen_text(app) == clean


async def test_an_account_that_is_gone_is_marked_no_longer() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        await settle(pilot)
        home = tuple(actor.listing for actor in twelve() if actor.source == "codex-home")
        feed.pass_time(5)
        feed.happen(Listed("codex-home", home[1:], NOW))
        await settle(pilot)
        assert "marked" not in strip(app)


async def test_the_summary_of_a_refresh_of_many_is_gone_after_a_key() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        feed.happen(bulk=BulkProgress(0, 2, 0))
        ended = BulkProgress(2, 2, 0, done=True, changed=1)
        feed.happen(bulk=ended)
        await settle(pilot)
        assert "2 refreshed" in said(app)
        await pilot.press("j")
        # the monitor tells of the last one with every change after it
        feed.happen(bulk=ended)
        await settle(pilot)
        assert "2 refreshed" not in said(app)
        assert [each.text for each in app.ui.said.newest_first] == ["2 refreshed · 0 failed · 1 changed"]


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 15)])
async def test_every_row_says_how_far_its_refresh_is(size: tuple[int, int]) -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    bob, lee = twelve()[1:3]

    def row(name: str) -> str:
        return next(line for line in screen_text(app).splitlines() if line[2:].strip().startswith(name))

    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("R")
        await settle(pilot)
        assert "waiting" in row("bob")
        assert "waiting" in row("lee")
        feed.happen(RefreshMoved(bob.key, RefreshProgress(feed.now()), NOW), bulk=BulkProgress(0, 12, 0))
        await settle(pilot)
        assert "refreshing" in row("bob")
        ended = RefreshProgress(feed.now(), TokenStep(TokenOutcome.CURRENT), UsageStep(), done=True)
        refused = UsageStep(worded(FailureKind.UNREACHABLE, "refused"))
        feed.happen(
            RefreshMoved(bob.key, ended, NOW),
            RefreshMoved(lee.key, replace(ended, usage=refused), NOW),
            bulk=BulkProgress(2, 12, 1),
        )
        await settle(pilot)
        assert " ok " in row("bob")
        assert " failed " in row("lee")
        assert "waiting" in row("pay")
        await pilot.press("escape")
        await settle(pilot)
        assert "waiting" not in screen_text(app)
        assert " ok " not in row("bob")


async def test_a_card_says_that_its_account_waits_until_the_refresh_of_many_has_ended() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, view=WallView.CARDS)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("R")
        await settle(pilot)
        assert screen_text(app).count("─ waiting ─") + screen_text(app).count("━ waiting ━") == 12
        feed.happen(bulk=BulkProgress(3, 12, 0))
        await settle(pilot)
        assert "waiting" in screen_text(app)
        feed.happen(bulk=BulkProgress(3, 12, 0, done=True))
        await settle(pilot)
        assert "waiting" not in screen_text(app)
