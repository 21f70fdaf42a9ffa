"""Views, masking, copying, typing and the filter."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from textual import events
from textual.widgets import Input

from poolwatch.domain.account import Custody
from poolwatch.domain.events import ReadingArrived
from poolwatch.domain.status import Section
from poolwatch.domain.usage import RateLimit, UsageSnapshot, UsageWindow
from poolwatch.presentation.view import Shown, SortKey
from poolwatch.ui import board as board_module
from poolwatch.ui.screens.detail import DetailScreen
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.state import Choice, WallView
from poolwatch.ui.widgets.lines import Lines
from tests.ui.pools import (
    NOW,
    ZONE,
    Actor,
    ago,
    ahead,
    app_of,
    crowd,
    five,
    foretold,
    limits,
    state_of,
    twelve,
    weekly,
)
from tests.ui.reading import feed_of, said, screen_text, settle, strip, wall
from tests.ui.scripted_feed import ScriptedFeed


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
    ("count", "view"),
    [(1, WallView.CARDS), (12, WallView.CARDS), (100, WallView.TABLE), (101, WallView.HIVE)],
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
    async with app.run_test(size=(210, 40)) as pilot:
        await settle(pilot)
        assert "5H USED" in strip(app)
        await pilot.press("percent_sign")
        await settle(pilot)
        assert "5H LEFT" in strip(app)
        assert "USED" not in strip(app)
        assert "% used" in app.screen.query_one("#keys", Lines).text


async def test_what_is_copied_in_the_demo_does_nothing_in_a_shell() -> None:
    app = app_of("twelve", simulated=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("y")
        assert app.clipboard == "# simulated: CODEX_HOME=~/.codex-carol codex login"
        assert app.clipboard in said(app)


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
        assert app.ui.choice.mask
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)
        assert app.screen.filter_text == "bo"


async def test_keys_wait_for_a_filter_that_is_long_in_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    real = PoolScreen.action_filter

    async def slow(screen: PoolScreen) -> None:
        await asyncio.sleep(0.7)
        await real(screen)

    monkeypatch.setattr(PoolScreen, "action_filter", slow)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        for key in ("slash", "b", "o", "enter", "r"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        async with asyncio.timeout(10):
            while not feed.refreshes:
                await pilot.pause(0.01)
        screen = app.screen
        assert isinstance(screen, PoolScreen)
        assert screen.filter_text == "bo"
        assert feed.refreshes == [(wall(app).selected, {})]


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
        assert keys.text.strip() == "⏎ keep the filter  ⇥ complete  esc clear it"
        assert "plan:pro" in app.screen.query_one(Input).placeholder
        await pilot.press("b", "enter")
        await settle(pilot)
        assert "refresh" in keys.text
        await pilot.press("slash", "escape")
        await settle(pilot)
        assert "refresh" in keys.text


async def test_a_key_that_can_do_nothing_says_why() -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("o")
        await settle(pilot)
        assert said(app).startswith("only the hive has groups")
        await pilot.press("slash", *"nobody", "enter")
        await settle(pilot)
        assert wall(app).order == ()
        for key in ("r", "u", "R", "enter"):
            await pilot.press(key)
            await settle(pilot)
            assert said(app) == "no account is selected", key
        assert feed.refreshes == []


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


@pytest.mark.parametrize("view", [WallView.TABLE, WallView.CARDS])
async def test_who_changed_the_section_stays_marked_and_moves_by_itself(
    view: WallView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_module, "HANDS_OFF", timedelta(seconds=0.2))
    monkeypatch.setattr(board_module, "ARRIVALS", timedelta(seconds=0.1))
    feed = feed_of(60)
    app = app_of("sixty", feed=feed, view=view)
    async with app.run_test(size=(120, 100)) as pilot:
        await settle(pilot)
        feed.pass_time(5)
        await pilot.press("down")
        await settle(pilot)
        before, order = screen_text(app), wall(app).order
        board = app.ui.board
        account = next(each.account for each in board.overview.accounts if each.section is Section.EXHAUSTED)
        usage = UsageSnapshot(base=RateLimit(True, False, (UsageWindow(3.0, 604800, None),)))
        feed.happen(ReadingArrived(account.key, account.listings[0].ref.source, NOW, usage))
        await settle(pilot)
        after = screen_text(app)
        assert wall(app).order == order
        assert f"●↕{board.judged(account.key).label}" in after  # type: ignore[union-attr]  # it is listed
        assert "↕" not in before
        told = [re.search(r"ACTIVE +(\d+) +of 60, (\d+) exhausted", text) for text in (before, after)]
        headed = [
            re.search(r"exhausted (\d+), soonest back first( · 1 about to move)?", each)
            for each in (before, after)
        ]
        counts = [(int(each[1]), int(each[2])) for each in told if each]
        assert counts[1] == (counts[0][0] + 1, counts[0][1] - 1)
        if view is WallView.TABLE:
            assert [(int(each[1]), bool(each[2])) for each in headed if each] == [
                (counts[0][1], False),
                (counts[0][1], True),
            ]
        # nothing more happens but that time passes
        feed.pass_time(5)
        async with asyncio.timeout(10):
            while wall(app).order == order:
                await pilot.pause(0.01)
        await settle(pilot)
        moved = screen_text(app)
        assert "↕" not in moved
        assert "about to move" not in moved


async def test_matches_and_mistakes_are_told_while_a_filter_is_typed() -> None:
    for size in ((60, 15), (120, 40)):
        app = app_of("twelve", view=WallView.TABLE)
        async with app.run_test(size=size) as pilot:
            await pilot.press("slash", *"carol")
            await settle(pilot)
            assert said(app) == "2 of 12 match"
            await pilot.press(*" -team-east")
            await settle(pilot)
            assert said(app) == "1 of 12 matches"
            await pilot.press(*" stats:x")
            await settle(pilot)
            assert "no field “stats”; status?" in said(app)
            await pilot.press("escape")
            await settle(pilot)
            assert "match" not in said(app)


@pytest.mark.parametrize("width", [60, 80, 120, 140, 200])
@pytest.mark.parametrize("count", [12, 160])
async def test_the_columns_stay_while_a_filter_is_typed(width: int, count: int) -> None:
    actors = twelve() if count == 12 else (*crowd(count), *twelve())
    app = app_of(state_of(actors), view=WallView.TABLE)
    async with app.run_test(size=(width, 40)) as pilot:
        await settle(pilot)
        before = strip(app).splitlines()[-1]
        await pilot.press("slash")
        for letter in "plan:free":
            await pilot.press(letter)
            await settle(pilot)
            assert strip(app).splitlines()[-1] == before
        assert 0 < len(wall(app).order) < len(actors)
        await pilot.press("enter", "exclamation_mark")
        await settle(pilot)
        assert strip(app).splitlines()[-1] == before


async def test_cards_scroll_by_whole_rows_and_tell_how_many_are_below() -> None:
    app = app_of("not-yet", view=WallView.CARDS)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "… 6 more below" in screen_text(app)
        first = wall(app).visible_keys
        assert len(first) == 6
        for _ in range(3):
            await pilot.press("j")
        await settle(pilot)
        shown = wall(app).visible_keys
        assert wall(app).selected in shown
        assert wall(app).top in wall(app)._arrangement.starts
        await pilot.press("G")
        await settle(pilot)
        assert wall(app).selected == wall(app).order[-1] == wall(app).visible_keys[-1]
        assert "more below" not in screen_text(app)
        await pilot.press("g")
        await settle(pilot)
        assert wall(app).visible_keys == first


@pytest.mark.parametrize("width", [60, 80, 120, 160])
async def test_a_digit_sorts_by_that_column_and_once_more_reverses_it(width: int) -> None:
    chosen: list[Choice] = []
    app = app_of("twelve", view=WallView.TABLE, remember=chosen.append)
    async with app.run_test(size=(width, 40)) as pilot:
        await settle(pilot)
        heading = strip(app).splitlines()[-1]
        for nth in range(1, 10):
            await pilot.press(str(nth))
            await settle(pilot)
            if said(app).startswith("the table has"):
                assert nth > 4
                break
            once = strip(app).splitlines()[-1]
            assert once.count("▲") + once.count("▼") == 1
            told = app.screen.query_one("#message", Lines).text.strip()
            assert told.startswith("sort ")
            await pilot.press(str(nth))
            await settle(pilot)
            twice = strip(app).splitlines()[-1]
            assert twice == once.translate(str.maketrans("▲▼", "▼▲"))
            assert said(app) == f"{told}, reversed"
            assert (chosen[-1].sort, chosen[-1].reverse) == (chosen[-2].sort, True)
        assert heading.split()[0] == "ACCOUNT"
        await pilot.press("s")
        await settle(pilot)
        assert not chosen[-1].reverse


async def test_what_has_no_columns_says_so() -> None:
    app = app_of("twelve", view=WallView.CARDS)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await settle(pilot)
        assert said(app).startswith("only the table has columns")


async def test_the_order_and_what_is_left_reach_the_hive() -> None:
    app = app_of("sixty", view=WallView.HIVE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        need, drawn = wall(app).order, screen_text(app)
        assert "sort need · hive by source" in strip(app)
        assert "height: used" in drawn
        await pilot.press("s")
        await settle(pilot)
        by_name = wall(app).order
        assert by_name != need
        assert said(app) == "sort name"
        await pilot.press("S")
        await settle(pilot)
        assert wall(app).order != by_name
        assert sorted(key.id for key in wall(app).order) == sorted(key.id for key in need)
        await pilot.press(*["s"] * 8, "percent_sign")
        await settle(pilot)
        assert wall(app).order == need
        left = screen_text(app)
        assert "height: left" in left
        swapped = str.maketrans("▁▂▃▄▅▆▇█", "█▇▆▅▄▃▂▁")
        marks = [line[21:].strip() for line in drawn.splitlines()[4:9]]
        assert [line[21:].strip().translate(swapped) for line in left.splitlines()[4:9]] == marks
        assert any(marks)


async def test_the_column_is_explained_until_a_key_was_pressed() -> None:
    met: list[bool] = []
    options: dict[str, Any] = {"view": WallView.TABLE, "is_new": True, "met": lambda: met.append(True)}
    app = app_of("sixty", **options)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        rows = len(wall(app).visible_keys)
        assert " AT RESET  weekly use expected when it resets · out Sun: " in screen_text(app)
        assert not met
        for _ in range(2):
            await pilot.press("j")
            await settle(pilot)
            assert "weekly use expected" not in screen_text(app)
        assert met == [True]
        assert len(wall(app).visible_keys) == rows + 2
    for pool, size, more in (
        ("sixty", (80, 24), {}),
        ("sixty", (120, 40), {"is_new": False}),
        ("sixty", (120, 40), {"view": WallView.CARDS}),
        ("stale", (120, 40), {}),
    ):
        app = app_of(pool, **{**options, **more})
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            assert "weekly use expected" not in screen_text(app)


async def test_where_ages_have_no_room_the_selected_row_tells_its_own() -> None:
    both = limits(five(9, ahead(hours=2)), weekly(12, ahead(days=2)))
    old = Actor("old@example.com", read_at=ago(50), usage=UsageSnapshot(base=both))
    state = foretold(state_of((old,)))
    for width, told in ((80, True), (120, False)):
        app = app_of(state, view=WallView.TABLE)
        async with app.run_test(size=(width, 24)) as pilot:
            await settle(pilot)
            assert ("old@example.com: last read 50m ago" in screen_text(app)) is told


async def test_a_digit_sorts_by_what_lies_ahead() -> None:
    app = app_of("sixty", view=WallView.TABLE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("7")
        await settle(pilot)
        assert said(app) == "sort at reset"
        assert "AT RESET▼" in screen_text(app)
        first = wall(app).order[0]
        card = app.ui.board.card(first)
        assert card is not None
        assert card.at_reset is not None
        assert card.at_reset.text == "full"


async def test_a_short_line_names_the_key_that_renews_and_leaves_no_half_sentence() -> None:
    lapsed = Actor("lapsed@example.com", custody=Custody.POOLWATCH, owner="", home=None, expires_at=ago(60))
    feed = ScriptedFeed(state_of((lapsed,)), NOW, ZONE)
    for width, told in ((120, "r renews it; or from a shell:  poolwatch refresh "), (80, "r renews it   ")):
        app = app_of(feed.state, feed=feed)
        async with app.run_test(size=(width, 24)) as pilot:
            await settle(pilot)
            assert told in app.screen.query_one("#message", Lines).text
            await pilot.press("L")
            await settle(pilot)
            assert app.ui.said.count == 1
            assert told in app.screen.query_one("#message", Lines).text


async def test_the_demo_says_that_it_is_one_and_what_to_try_until_a_key_is_pressed() -> None:
    app = app_of("twelve", view=WallView.CARDS, simulated=True, is_new=True)
    whole = "Everything here is simulated; nothing can be spent."
    short = "demo: all simulated, nothing is spent"
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert f" {whole} Try r on carol, then  H history  U cost  e events " in screen_text(app)
        before = app.screen.query_one("#foot", Lines).size
        await pilot.press("j")
        await settle(pilot)
        assert whole in screen_text(app)
        assert "Try r" not in screen_text(app)
        assert app.screen.query_one("#foot", Lines).size == before
        for size, told in (((80, 24), True), ((60, 15), False)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            assert (short in screen_text(app)) is told
            assert whole not in screen_text(app)
    app = app_of("twelve", view=WallView.CARDS)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "simulated" not in screen_text(app)
