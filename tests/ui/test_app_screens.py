"""Details, the raw payload, help and the palette."""

from __future__ import annotations

import json

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from poolwatch.domain.events import RefreshMoved
from poolwatch.domain.refresh import RefreshProgress, TokenOutcome, TokenStep
from poolwatch.presentation.payload import matches, payload_lines
from poolwatch.presentation.view import Tone
from poolwatch.ui.app import PoolApp
from poolwatch.ui.cells import Ink
from poolwatch.ui.keymap import remapped
from poolwatch.ui.said import MOST, SaidLog
from poolwatch.ui.screens.command_palette import CalmPalette, KeyCommands
from poolwatch.ui.screens.detail import DetailScreen
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.screens.raw import RawScreen
from poolwatch.ui.screens.texts import HelpScreen
from poolwatch.ui.state import ExitRequest, WallView
from poolwatch.ui.widgets.lines import Pane
from tests.ui.pools import NOW, app_of, twelve
from tests.ui.reading import feed_of, said, screen_text, settle, strip, until, wall
from tests.ui.scripted_feed import ScriptedFeed


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
    async with app.run_test(size=(80, 15)) as pilot:
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


async def test_a_masked_payload_names_nobody() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        key = wall(app).selected
        assert key is not None
        feed.payloads[key] = (
            '{"email":"carol@example.com","owner":"carol\\u0040example.com","file":"/home/carol/auth.json"}'
        )
        await pilot.press("x")
        await settle(pilot)
        assert "carol@example.com" in app.screen.query_one(Pane).text
        await pilot.press("x", "m", "x")
        await settle(pilot)
        assert isinstance(app.screen, RawScreen)
        text = app.screen.query_one(Pane).text.replace("\n", "").replace(" ", "")
        assert "carol" not in text
        assert f'"email":"account-{key.id[:6]}"' in text
        assert "…/auth.json" in text


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
        assert app.screen.query_one(Pane).text.split()[:2] == ["MAIN", "SCREEN"]
        await pilot.press("question_mark")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)
        await pilot.press("e", "question_mark")
        await settle(pilot)
        assert app.screen.query_one(Pane).text.split()[0] == "EVENTS"


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


async def test_the_palette_is_of_ascii_alone_where_the_screen_is() -> None:
    app = app_of("twelve", glyphs="ascii")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("colon")
        await until(pilot, lambda: bool(app.screen.query("CommandList.--visible")))
        text = screen_text(app)
        assert "a screen" in text
        assert text.isascii(), [char for char in text if not char.isascii()]


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


@pytest.mark.parametrize("leave", ["q", "escape"])
async def test_q_and_esc_go_back_one_screen_at_a_time(leave: str) -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    feed.payloads = dict.fromkeys(feed.state.accounts, "{}")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter", "x", "question_mark")
        await settle(pilot)
        for expected in (RawScreen, DetailScreen, PoolScreen):
            await pilot.press(leave)
            await settle(pilot)
            assert isinstance(app.screen, expected)
        await pilot.press("escape")
        await settle(pilot)
        assert app.is_running
        await pilot.press("q")
        await settle(pilot)
        assert not app.is_running
    assert app.return_code == 0


@pytest.mark.parametrize("width", [60, 80, 120, 200])
async def test_every_screen_says_how_to_leave_it_and_where_help_is(width: int) -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    feed.payloads = dict.fromkeys(feed.state.accounts, "{}")
    async with app.run_test(size=(width, 15)) as pilot:
        for key, end in (
            ("down", "q quit  ? help"),
            ("v", "q quit  ? help"),
            ("enter", "esc back  ? help"),
            ("x", "esc back  ? help"),
            ("question_mark", "esc back  ? close"),
        ):
            await pilot.press(key)
            await settle(pilot)
            assert screen_text(app).rstrip().endswith(end), key


async def test_a_key_that_does_nothing_says_so_until_the_next_key() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    feed.payloads = dict.fromkeys(feed.state.accounts, "{}")
    async with app.run_test(size=(80, 24)) as pilot:
        for key, opens in (("J", ""), ("V", "enter"), ("V", "x"), ("V", "question_mark")):
            if opens:
                await pilot.press(opens)
                await settle(pilot)
                assert "no key" not in said(app)
            await pilot.press(key)
            await settle(pilot)
            assert said(app).startswith(f"no key {key} here")
        await pilot.press("n")
        await settle(pilot)
        assert said(app) == "no key n here; it works on the main screen"
        await pilot.press("escape", "escape", "escape", "slash", "J")
        await settle(pilot)
        assert "no key" not in said(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_a_dead_login_is_told_once_with_one_command_that_y_copies(size: tuple[int, int]) -> None:
    app = app_of("twelve", view=WallView.TABLE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        if size[0] < 200:
            await pilot.press("enter")
            await settle(pilot)
        shown = screen_text(app)
        assert shown.count("CODEX_HOME=~/.codex-carol codex login") == 1
        assert shown.count("the login has expired") == 1
        await pilot.press("y")
        await settle(pilot)
        assert app.clipboard == "CODEX_HOME=~/.codex-carol codex login"
        await pilot.press("escape", "j")
        await settle(pilot)
        assert "the login has expired" not in screen_text(app)


PAYLOAD = '{"rate_limit":{"used_percent":22,"note":"' + "long " * 40 + '"},"x":[1,2],"Used":9}'


async def opened(app: PoolApp, feed: ScriptedFeed, pilot: Pilot[ExitRequest]) -> Pane:
    await settle(pilot)
    key = wall(app).selected
    assert key is not None
    feed.payloads[key] = PAYLOAD
    await pilot.press("x")
    await settle(pilot)
    assert isinstance(app.screen, RawScreen)
    return app.screen.query_one(Pane)


def marked(pane: Pane, ink: Ink) -> list[str]:
    return [text for line in pane.lines for text, style in line if style is ink]


async def test_the_payload_is_searched_and_esc_ends_the_search_first() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 15)) as pilot:
        pane = await opened(app, feed, pilot)
        await pilot.press("n")
        await settle(pilot)
        assert said(app) == "nothing is searched; / searches"
        await pilot.press("slash", *"used")
        await settle(pilot)
        assert said(app) == "1 of 2 for “used”"
        assert (marked(pane, Ink.HERE), marked(pane, Ink.MATCH)) == (["used"], ["Used"])
        await pilot.press("enter")
        await settle(pilot)
        assert "n next match" in screen_text(app)
        assert pane.top == 0
        await pilot.press("n")
        await settle(pilot)
        assert said(app) == "2 of 2 for “used”"
        assert (marked(pane, Ink.HERE), marked(pane, Ink.MATCH)) == (["Used"], ["used"])
        assert pane.top > 0
        assert '"Used": 9' in screen_text(app)
        for key, nth in (("enter", 1), ("N", 2), ("N", 1)):
            await pilot.press(key)
            await settle(pilot)
            assert said(app) == f"{nth} of 2 for “used”"
        await pilot.press("slash", *"zz")
        await settle(pilot)
        assert said(app) == "no match for “usedzz”"
        await pilot.press("enter", "escape")
        await settle(pilot)
        assert isinstance(app.screen, RawScreen)
        assert said(app) == ""
        assert marked(pane, Ink.HERE) == marked(pane, Ink.MATCH) == []
        await pilot.press("slash", "u", "escape")
        await settle(pilot)
        assert isinstance(app.screen, RawScreen)
        assert marked(pane, Ink.HERE) == []
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)


async def test_the_payload_is_copied_as_it_is_shown() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(60, 15)) as pilot:
        await opened(app, feed, pilot)
        await pilot.press("y")
        await settle(pilot)
        assert json.loads(app.clipboard) == json.loads(PAYLOAD)
        assert '\n    "used_percent": 22,\n' in app.clipboard
        assert said(app) == "copied: the payload, 11 lines"


async def test_a_search_survives_another_size_and_theme() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 20)) as pilot:
        pane = await opened(app, feed, pilot)
        await pilot.press("slash", *"long long", "enter")
        await settle(pilot)
        count = len(matches(payload_lines(PAYLOAD), "long long"))
        assert said(app) == f"1 of {count} for “long long”"
        await pilot.resize_terminal(60, 20)
        await settle(pilot)
        assert said(app) == f"1 of {count} for “long long”"
        assert "".join(marked(pane, Ink.HERE)) == "long long"
        assert "".join(marked(pane, Ink.MATCH)) == "long long" * (count - 1)


def test_the_log_is_bounded_and_says_nothing_twice_in_a_row() -> None:
    log = SaidLog()
    for nth in range(MOST + 20):
        log.add(NOW, f"event {nth}", Tone.PLAIN)
    log.add(NOW, f"event {MOST + 19}", Tone.PLAIN)
    assert [said.text for said in log.newest_first][:2] == [f"event {MOST + 19}", f"event {MOST + 18}"]
    assert len(log.newest_first) == MOST
