"""Keys, questions and answers, on the whole app without a terminal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from poolwatch.domain.changes import Answer, AnswerKind, BulkProgress
from poolwatch.domain.events import Listed, Read, RefreshMoved
from poolwatch.domain.refresh import Change, RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.presentation.prefs import SortKey
from poolwatch.presentation.view import Shown
from poolwatch.ui.app import Departure, PoolApp
from poolwatch.ui.feed import FoundLogins
from poolwatch.ui.keymap import remapped
from poolwatch.ui.options import Choice, WallView
from poolwatch.ui.palette import CalmPalette, KeyCommands
from poolwatch.ui.screens.confirm import Confirm
from poolwatch.ui.screens.detail import DetailScreen
from poolwatch.ui.screens.first_run import FirstRunScreen
from poolwatch.ui.screens.help import HelpScreen
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.screens.raw import RawScreen
from poolwatch.ui.widgets.lines import Lines
from poolwatch.ui.widgets.pane import Pane
from poolwatch.ui.widgets.wall.wall import AccountWall
from tests.ui.pools import NOW, ZONE, ahead, app_of, crowd, empty, five, limits, state_of, twelve, weekly
from tests.ui.scripted_feed import ScriptedFeed


def feed_of(count: int | None = None) -> ScriptedFeed:
    return ScriptedFeed(state_of(twelve() if count is None else crowd(count)), NOW, ZONE)


async def settle(pilot: Pilot[Departure]) -> None:
    await pilot.pause()
    await pilot.pause()


def said(app: PoolApp) -> str:
    return app.screen.query_one("#message", Lines).text.strip()


def strip(app: PoolApp) -> str:
    return app.screen.query_one("#strip", Lines).text


def wall(app: PoolApp) -> AccountWall:
    return app.screen.query_one(AccountWall)


def screen_text(app: PoolApp) -> str:
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines)


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
        assert "Try once?" in app.screen.query_one(Lines).text
        await pilot.press(key)
        await settle(pilot)
        assert (len(feed.refreshes) == 2) is tried
        assert feed.refreshes[-1][1] == ({"try_once": True} if tried else {})


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (AnswerKind.RUNNING, "already running"),
        (AnswerKind.READ_ONLY, "read-only"),
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


async def test_a_viewer_says_who_does_what_it_asked_for() -> None:
    feed = feed_of()
    feed.answers = [Answer(AnswerKind.STARTED), Answer(AnswerKind.READ_ONLY)]
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("r")
        await settle(pilot)
        assert "the poolwatch that polls was asked" in said(app)
        await pilot.press("R")
        await settle(pilot)
        assert "R works in the poolwatch that polls" in said(app)


async def test_read_only_refreshes_nothing() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, read_only=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("r", "u", "R")
        await settle(pilot)
        assert not feed.refreshes
        assert not feed.bulk
        assert "read-only" in said(app)


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
        feed.happen(Read(bob.key, bob.source, NOW, usage), bulk=BulkProgress(12, 12, 1, done=True, changed=1))
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
        assert "weekly 71 → 0 %" in said(app)
        await pilot.press("m")
        await settle(pilot)
        assert "weekly 71" not in said(app)


async def test_views_go_round_and_every_choice_is_remembered() -> None:
    chosen: list[Choice] = []
    app = app_of("twelve", remember=chosen.append)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, PoolScreen)
        assert screen.view is WallView.CARDS
        await pilot.press("v")
        await settle(pilot)
        assert screen.view.value == "hive"
        await pilot.press("o", "v", "s", "S", "percent_sign", "m", "t")
        await settle(pilot)
    last = chosen[-1]
    assert (last.view, last.sort, last.reverse) == (WallView.TABLE, SortKey.NAME, True)
    assert (last.shown, last.mask, last.theme) == (Shown.LEFT, True, "poolwatch-light")
    assert last.grouping.value == "group"


@pytest.mark.parametrize(
    ("count", "view"), [(1, WallView.CARDS), (12, WallView.CARDS), (60, WallView.TABLE), (200, WallView.HIVE)]
)
async def test_the_view_on_opening(count: int, view: WallView) -> None:
    app = app_of(state_of(crowd(count)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)
        assert app.screen.view is view


async def test_a_filter_leaves_the_view_alone() -> None:
    app = app_of(state_of(crowd(60)))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("slash", *"dev1", "enter")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)
        assert 0 < len(wall(app).order) < 12
        assert app.screen.view is WallView.TABLE


async def test_who_filters_a_hive_wants_to_read() -> None:
    app = app_of(state_of(crowd(200)))
    views = []
    async with app.run_test(size=(120, 40)) as pilot:
        for _ in range(2):
            await pilot.press("exclamation_mark")
            await settle(pilot)
            assert isinstance(app.screen, PoolScreen)
            views.append(app.screen.view)
    assert views == [WallView.TABLE, WallView.HIVE]


async def test_masking_leaves_no_name_on_the_screen() -> None:
    for size in ((60, 15), (80, 24), (120, 40), (200, 60)):
        for view in (WallView.TABLE, WallView.CARDS, WallView.HIVE):
            app = app_of("twelve", view=view)
            async with app.run_test(size=size) as pilot:
                await settle(pilot)
                assert "@" in screen_text(app)
                await pilot.press("m")
                await settle(pilot)
                assert "@" not in screen_text(app)


async def test_used_becomes_left_in_words_and_numbers() -> None:
    app = app_of("sixty")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "5H USED" in strip(app)
        await pilot.press("percent_sign")
        await settle(pilot)
        assert "5H LEFT" in strip(app)
        assert "USED" not in strip(app)
        assert "% used" in app.screen.query_one("#keys", Lines).text


async def test_copying_goes_to_the_clipboard_on_that_key_only() -> None:
    app = app_of("twelve")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert app.clipboard == ""
        await pilot.press("y")
        assert app.clipboard == "CODEX_HOME=~/.codex-carol codex login"
        assert app.clipboard in said(app)


async def test_pasted_text_runs_no_keys() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.post_message(events.Paste("qrRx"))
        await settle(pilot)
        assert not feed.refreshes
        assert app.is_running
        await pilot.press("slash")
        app.post_message(events.Paste("carol"))
        await settle(pilot)
        assert app.screen.query_one(Input).value == "carol"


async def test_the_filter_keeps_letters_to_itself_and_esc_clears_it() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("slash", *"carolq")
        await settle(pilot)
        assert "no account matches" in screen_text(app)
        await pilot.press("backspace", "enter")
        await settle(pilot)
        assert len(wall(app).order) == 2
        assert "filter carol" in strip(app)
        await pilot.press("r")
        await settle(pilot)
        assert len(feed.refreshes) == 1
        await pilot.press("escape")
        await settle(pilot)
        assert len(wall(app).order) == 12


async def test_keys_that_arrive_in_a_bunch_do_what_they_do_one_by_one() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        for key in ("slash", "q", "r", "R", "enter", "escape", "slash", "b", "o", "enter", "enter", "j", "m"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        for _ in range(6):
            await settle(pilot)
        assert feed.refreshes == []
        assert feed.bulk == []
        assert isinstance(app.screen, DetailScreen)
        assert app.session.choice.mask
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)
        assert app.screen.filter_text == "bo"


async def test_a_key_whose_widget_is_gone_holds_nothing_up() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        for _ in range(5):
            for key in ("question_mark", "escape", "enter", "x", "escape", "ctrl+p", "escape"):
                app.post_message(events.Key(key, None))
        for _ in range(12):
            await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        assert len(feed.refreshes) == 1


async def test_the_footer_says_how_to_leave_the_filter() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("slash")
        await settle(pilot)
        keys = app.screen.query_one("#keys", Lines)
        assert keys.text.strip() == "⏎ keep the filter  esc clear it"
        assert "plan:pro" in app.screen.query_one(Input).placeholder
        await pilot.press("b", "enter")
        await settle(pilot)
        assert "refresh" in keys.text
        await pilot.press("slash", "escape")
        await settle(pilot)
        assert "refresh" in keys.text


async def test_what_needs_you_is_a_key_away() -> None:
    app = app_of("sixty")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("G", "n")
        await settle(pilot)
        assert wall(app).selected == wall(app).order[0]
        await pilot.press("N")
        assert wall(app).selected == wall(app).order[4]
        await pilot.press("exclamation_mark")
        await settle(pilot)
        assert len(wall(app).order) == 5
        await pilot.press("exclamation_mark")
        await settle(pilot)
        assert len(wall(app).order) == 60


async def test_details_walk_through_the_order_and_leave_their_account_selected() -> None:
    app = app_of("twelve")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, DetailScreen)
        assert "carol@example.com" in app.screen.query_one(Pane).text
        await pilot.press("j", "j")
        await settle(pilot)
        assert "lee@example.com" in app.screen.query_one(Pane).text
        await pilot.press("k", "escape")
        await settle(pilot)
        assert wall(app).selected == twelve()[1].key


async def test_details_follow_changes_and_scroll() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.press("down", "enter")
        await settle(pilot)
        pane = app.screen.query_one(Pane)
        await pilot.press("down", "pagedown", "G")
        assert pane.top > 0
        await pilot.press("g")
        assert pane.top == 0
        bob = twelve()[1]
        feed.happen(RefreshMoved(bob.key, RefreshProgress(NOW, TokenStep(TokenOutcome.CURRENT)), NOW))
        await settle(pilot)
        assert "usage …" in pane.text


async def test_the_raw_payload_is_harmless_and_closes_with_its_key() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("x")
        await settle(pilot)
        assert "no payload" in said(app)
        key = wall(app).selected
        assert key is not None
        feed.payloads[key] = '{"email": "\x1b]52;c;AAAA\x07 [b]x[/b]"}'
        await pilot.press("x")
        await settle(pilot)
        assert isinstance(app.screen, RawScreen)
        text = app.screen.query_one(Pane).text
        assert "\x1b" not in text
        assert "\\x1b" in text
        assert "[b]x[/b]" in text
        await pilot.press("x")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)


async def test_help_is_made_from_the_keys_of_this_user() -> None:
    keymap, _ = remapped({"refresh": "f5"})
    feed = feed_of()
    app = app_of(feed.state, feed=feed, keymap=keymap)
    async with app.run_test(size=(100, 60)) as pilot:
        await pilot.press("r", "f5")
        await settle(pilot)
        assert len(feed.refreshes) == 1
        await pilot.press("question_mark")
        await settle(pilot)
        assert isinstance(app.screen, HelpScreen)
        assert "f5 " in app.screen.query_one(Pane).text
        await pilot.press("question_mark")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)


async def test_the_palette_runs_what_keys_do() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+p")
        await settle(pilot)
        assert isinstance(app.screen, CalmPalette)
        assert not app.screen.query_one(Input).cursor_blink
        await pilot.press(*"pause")
        for _ in range(20):
            await pilot.pause(0.02)
            if app.screen.query("CommandList OptionList, CommandList"):
                break
        await pilot.press("enter")
        for _ in range(50):
            await pilot.pause(0.02)
            if feed.paused:
                break
        assert feed.paused == [True]


@pytest.mark.parametrize(
    ("typed", "found"), [("mask", "mask"), ("needs you", "needs_you"), ("used left", "used_left")]
)
async def test_the_palette_knows_the_names_that_settings_have(typed: str, found: str) -> None:
    app = app_of("twelve")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        provider = KeyCommands(app.screen, None)
        hits = [hit async for hit in provider.search(typed)]
        assert f"{found}: " in str(max(hits, key=lambda hit: hit.score).help)


async def test_pausing_says_so_and_shows_it() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("p")
        await settle(pilot)
        assert feed.paused == [True]
        assert "paused" in strip(app)
        await pilot.press("p")
        await settle(pilot)
        assert feed.paused == [True, False]
        assert "paused" not in strip(app)


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("ctrl+c", 130)])
async def test_leaving(key: str, code: int) -> None:
    app = app_of("twelve")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await settle(pilot)
    assert app.return_code == code


async def test_ctrl_c_leaves_from_the_filter_and_ctrl_q_does_nothing() -> None:
    app = app_of("twelve")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+q")
        await settle(pilot)
        assert app.is_running
        await pilot.press("slash", "ctrl+c")
        await settle(pilot)
    assert app.return_code == 130


async def test_the_monitor_polls_first_what_is_on_screen() -> None:
    feed = feed_of(60)
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert feed.visible == wall(app).visible_keys
        await pilot.press("G")
        await settle(pilot)
        assert feed.visible == wall(app).visible_keys
        assert wall(app).order[-1] in feed.visible


@pytest.mark.parametrize("error", [None, RuntimeError("secret-token")])
async def test_a_monitor_that_stops_is_seen(error: Exception | None) -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        feed.end(error)
        await settle(pilot)
        assert "the monitor has stopped" in strip(app)
        assert "secret" not in screen_text(app)


async def test_notices_take_a_line_of_the_strip() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        feed.happen(notices=("read-only: another poolwatch (pid 7, box) is polling",))
        await settle(pilot)
        assert "pid 7" in strip(app)


async def test_accounts_that_come_and_go() -> None:
    feed = ScriptedFeed(empty(settled=False), NOW, ZONE)
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "waiting for the first answer" in screen_text(app)
        members = [actor.listing for actor in twelve() if actor.source == "codex-home"]
        feed.happen(Listed("codex-home", tuple(members), NOW))
        await settle(pilot)
        assert len(wall(app).order) == len(members)
        feed.happen(Listed("codex-home", tuple(members[1:]), NOW))
        feed.pass_time(5)
        feed.happen()
        await settle(pilot)
        assert len(wall(app).order) == len(members) - 1


FOUND = (
    FoundLogins("~/.codex/auth.json", "not there", "", False),
    FoundLogins(
        "~/.cli-proxy-api", "3 logins, readable", "poolwatch sources add auth-files ~/.cli-proxy-api", True
    ),
)


def first_run(reason: str | None = None) -> tuple[PoolApp, ScriptedFeed]:
    feed = ScriptedFeed(empty(), NOW, ZONE)
    feed.places = FOUND
    feed.add_reason = reason
    return app_of(feed.state, feed=feed), feed


async def test_the_first_run_screen_adds_what_was_found() -> None:
    app, feed = first_run()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, FirstRunScreen)
        assert "3 logins, readable" in screen_text(app)
        await pilot.press("2")
        await settle(pilot)
        assert not feed.added
        await pilot.press("1")
        await settle(pilot)
        assert feed.added == ["~/.cli-proxy-api"]
        assert "is added" in said(app)
        feed.happen(Listed("auth-files", (twelve()[0].listing,), NOW))
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)
        assert len(wall(app).order) == 1


async def test_a_typed_place_that_cannot_be_added_says_why() -> None:
    app, feed = first_run("no auth file there")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f", *"~/x", "enter")
        await settle(pilot)
        assert feed.added == ["~/x"]
        assert "no auth file there" in said(app)
        await pilot.press("f", "z", "escape", "i")
        await settle(pilot)
        assert feed.added == ["~/x"]
        assert isinstance(app.screen, HelpScreen)
        assert "spent only once" in app.screen.query_one(Pane).text.replace("\n", " ").replace("   ", "")


async def test_the_first_run_screen_leads_to_the_demo() -> None:
    app, _ = first_run()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("d")
        await settle(pilot)
    assert app.return_value is Departure.DEMO


@pytest.mark.parametrize(
    ("size", "pool"),
    [
        ((1, 1), "twelve"), ((20, 5), "sixty"), ((60, 15), "stale"), ((80, 24), "twelve"),
        ((80, 24), "sixty"),
        ((80, 24), "empty"), ((200, 60), "stale"), ((1000, 100), "sixty"),
    ],
)  # fmt: skip
async def test_every_screen_opens_at_every_size(size: tuple[int, int], pool: str) -> None:
    app = app_of(pool, glyphs="ascii" if size[0] == 80 else "unicode")
    async with app.run_test(size=size) as pilot:
        for keys in (("v",), ("v",), ("enter",), ("escape",), ("question_mark",), ("escape",), ("m", "t")):
            await pilot.press(*keys)
            await pilot.pause()
            text = screen_text(app)
            if size[0] == 80:
                assert text.isascii(), [char for char in text if not char.isascii()]


async def test_names_are_drawn_as_they_are() -> None:
    actor = replace(twelve()[5], folder="[/x][@click=app.quit]x[/]")
    app = app_of(state_of([actor]))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "[/x][@click=app.quit]x[/]" in screen_text(app)


async def test_no_color_leaves_glyphs_and_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_of("twelve")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert app.theme == "poolwatch-ansi"
        styles = {
            segment.style
            for strip in app.screen._compositor.render_strips()
            for segment in strip.apply_filter(app._filters[-1], app.screen.background_colors[1])
        }
        colours = {style.color.name for style in styles if style is not None and style.color is not None}
        assert colours <= {"default"}
        assert "✕ carol" in screen_text(app)
