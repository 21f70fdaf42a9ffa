"""Leaving, the monitor, the first run, and every screen at every size."""

from __future__ import annotations

import re

import pytest

from poolwatch.domain.events import Listed
from poolwatch.domain.message import message
from poolwatch.domain.state import PoolState
from poolwatch.domain.values import replace
from poolwatch.ui.app import PoolApp
from poolwatch.ui.feed import FoundLogins
from poolwatch.ui.screens.first_run import FirstRunScreen
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.screens.refreshing import Confirm
from poolwatch.ui.screens.texts import HelpScreen
from poolwatch.ui.state import ExitRequest
from poolwatch.ui.widgets.lines import Lines, Pane
from tests.ui.pools import NOW, ZONE, app_of, empty, state_of, twelve
from tests.ui.reading import feed_of, said, screen_text, settle, strip, wall
from tests.ui.scripted_feed import ScriptedFeed


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
        feed.happen(notices=("another poolwatch (pid 7, box) is polling; this one watches",))
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
        keys = app.screen.query_one("#keys", Lines)
        assert "q quit" in keys.text
        # q types while a path is typed
        await pilot.press("f", "q")
        assert keys.text.split() == ["⏎", "add", "it", "esc", "leave", "it"]
        await pilot.press("escape")
        assert "q quit" in keys.text
        await pilot.press("f", "z", "escape", "i")
        await settle(pilot)
        assert feed.added == ["~/x"]
        assert isinstance(app.screen, HelpScreen)
        assert "spent only once" in app.screen.query_one(Pane).text.replace("\n", " ").replace("   ", "")


async def test_a_source_without_a_login_is_named_and_the_first_steps_are_at_hand() -> None:
    feed = ScriptedFeed(PoolState(), NOW, ZONE)
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)
        assert "waiting for the first answer" in screen_text(app)
        feed.places = (FoundLogins("~/homes/*", "no login found", "", can_add=False), *FOUND)
        feed.settle()
        feed.happen(Listed("codex-home", (), NOW))
        await settle(pilot)
        assert isinstance(app.screen, FirstRunScreen)
        assert re.search(r"~/homes/\* +no login found", screen_text(app))
        assert "open the demo" in screen_text(app)
        feed.happen(Listed("codex-home", (twelve()[0].listing,), NOW))
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)


async def test_q_leaves_the_first_run_screen_and_comes_back_to_it() -> None:
    app, _ = first_run()
    async with app.run_test(size=(60, 15)) as pilot:
        await settle(pilot)
        assert screen_text(app).rstrip().endswith("q quit  ? help")
        await pilot.press("i", "q")
        await settle(pilot)
        assert isinstance(app.screen, FirstRunScreen)
        await pilot.press("q")
        await settle(pilot)
        assert not app.is_running
    assert app.return_code == 0


async def test_the_first_run_screen_leads_to_the_demo() -> None:
    app, _ = first_run()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("d")
        await settle(pilot)
    assert app.return_value is ExitRequest.DEMO


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


async def test_a_terminal_that_is_too_small_says_what_it_needs() -> None:
    app = app_of("twelve")
    async with app.run_test(size=(60, 15)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)
        for size in ((50, 12), (59, 40), (40, 3)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            needs = "poolwatch needs 60x15 or more; this is {}x{}; q quits".format(*size)
            assert app.screen.query_one("#needs", Lines).text.split() == needs.split()
            # what cannot be seen is not done
            await pilot.press("R", "question_mark")
        await pilot.resize_terminal(60, 15)
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)
        assert app.screen.query_one("#keys").region.bottom == 15
        await pilot.resize_terminal(59, 15)
        await settle(pilot)
        await pilot.press("q")
    assert app.return_code == 0


async def test_a_question_asked_meanwhile_does_not_keep_the_screen_cramped() -> None:
    app = app_of("twelve")
    async with app.run_test(size=(50, 12)) as pilot:
        await settle(pilot)
        question = Confirm(app.ui, "Really?")
        app.push_screen(question)
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        await pilot.press("n")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)


async def test_the_first_run_screen_scrolls_on_the_smallest_terminal() -> None:
    app, _ = first_run()
    async with app.run_test(size=(60, 15)) as pilot:
        await settle(pilot)
        pane = app.screen.query_one(Pane)
        assert pane.top == 0
        await pilot.press("G")
        assert pane.top + pane.size.height == len(pane.lines)


async def test_what_holds_the_screen_back_stands_in_its_title_and_its_keys_are_not_offered() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(160, 40)) as pilot:
        # on an account that nobody has to sign in to, whose key would stand there
        await pilot.press("j")
        await settle(pilot)
        assert "R shown" in footer(app)
        feed.happen(
            notices=(message("monitor.viewer", holder=message("monitor.process", pid=7, host="box")),)
        )
        await settle(pilot)
        await pilot.press("p")
        await settle(pilot)
        title = strip(app).splitlines()[0]
        assert "  watching: pid 7 polls · paused   " in title
        assert "box" not in strip(app)
        # who polls does it
        assert "R shown" in footer(app)
        daemon = message("monitor.daemon", pid=7, host="box")
        feed.happen(notices=(message("monitor.viewer", holder=daemon),))
        await settle(pilot)
        assert "  watching: poolwatch daemon (pid 7, box) · paused   " in strip(app).splitlines()[0]
        feed.happen()
        await settle(pilot)
        assert "watching" not in strip(app)
        assert "R shown" in footer(app)


async def test_a_read_only_screen_and_one_without_accounts_offer_no_key_that_is_off() -> None:
    app = app_of("twelve", read_only=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "  read-only   fresh" in strip(app)
        assert footer(app).startswith(" ! needs you  / filter")
        await pilot.press("enter")
        await settle(pilot)
        assert footer(app).startswith(" j k account  u usage  m mask")
    app = app_of("empty", first_run=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.pop_screen()
        await settle(pilot)
        assert footer(app).startswith(" ! needs you  / filter")
        assert "details" not in footer(app)


def footer(app: PoolApp) -> str:
    return app.screen.query_one("#keys", Lines).text
