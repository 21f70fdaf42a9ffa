"""Where accounts stand, and what is painted when one of them changes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.pilot import Pilot

from poolwatch.domain.events import ReadingArrived
from poolwatch.presentation.view import SectionView
from poolwatch.ui.app import PoolApp
from poolwatch.ui.appearance import UNICODE
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.state import ExitRequest, WallView
from poolwatch.ui.widgets.arrangement import (
    Arrangement,
    Direction,
    as_cards,
    as_hive,
    as_table,
    opening_view,
    side_width,
)
from poolwatch.ui.widgets.columns import Content, choose
from poolwatch.ui.widgets.wall import AccountWall
from tests.ui.cards import card
from tests.ui.pools import NOW, ZONE, app_of, crowd, five, limits, state_of, weekly
from tests.ui.scripted_feed import ScriptedFeed

KEYS = [card(f"{index:03}").key for index in range(100)]
SECTIONS = (
    SectionView(None, "needs you 3", tuple(KEYS[:3])),
    SectionView(None, "active 97", tuple(KEYS[3:])),
)
ARRANGEMENTS = {
    "table": as_table(SECTIONS, choose(100, Content()), UNICODE),
    "cards": as_cards(SECTIONS, 119, lambda key: 5 if key in KEYS[4:6] else 4),
    "hive": as_hive(SECTIONS, 60, UNICODE),
}


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_every_account_stands_once_and_is_hit_where_it_stands(name: str) -> None:
    arrangement = ARRANGEMENTS[name]
    assert list(arrangement.order) == KEYS
    for key, (x, y) in arrangement.places.items():
        assert arrangement.hit(x, y) == key
        last = y + arrangement.height_of(key) - 1
        assert arrangement.hit(x + arrangement.block_width - 1, last) == key
        assert x + arrangement.block_width <= arrangement.width
    assert arrangement.hit(0, arrangement.height + 5) is None


@given(
    st.sampled_from(sorted(ARRANGEMENTS)), st.integers(0, 99), st.sampled_from(Direction), st.integers(1, 40)
)
def test_a_move_ends_on_the_wall(name: str, index: int, direction: Direction, page: int) -> None:
    arrangement = ARRANGEMENTS[name]
    start = KEYS[index]
    reached = arrangement.neighbour(start, direction, page)
    assert reached in arrangement.places
    back = {Direction.UP: Direction.DOWN, Direction.LEFT: Direction.RIGHT}
    if direction in back and reached != start and direction is Direction.LEFT:
        assert arrangement.neighbour(reached, back[direction], page) == start


def moved(arrangement: Arrangement, index: int, *directions: Direction) -> int:
    key = KEYS[index]
    for direction in directions:
        key = arrangement.neighbour(key, direction, 10)
    return KEYS.index(key)


def test_moves_in_the_table_skip_headings() -> None:
    table = ARRANGEMENTS["table"]
    assert moved(table, 2, Direction.DOWN) == 3
    assert moved(table, 3, Direction.UP) == 2
    assert moved(table, 3, Direction.LEFT) == 3
    assert moved(table, 50, Direction.FIRST) == 0
    assert moved(table, 50, Direction.LAST) == 99
    assert moved(table, 50, Direction.PAGE_DOWN) == 60
    assert table.top_of(KEYS[0]) == 0
    assert table.top_of(KEYS[3]) == table.places[KEYS[3]][1] - 1


def test_moves_among_cards_keep_their_column() -> None:
    cards = ARRANGEMENTS["cards"]
    assert moved(cards, 1, Direction.DOWN) == 4
    assert moved(cards, 4, Direction.UP, Direction.UP) == 1
    assert moved(cards, 2, Direction.RIGHT) == 3
    assert moved(cards, 98, Direction.DOWN) == 99


def test_opening_views() -> None:
    # four rows of three: one screen of 24 lines, or two of 12
    assert opening_view(12, [5] * 11 + [9], 119, 12) is WallView.CARDS
    assert opening_view(12, [5] * 11 + [9], 119, 11) is WallView.TABLE
    # whichever stand beside each other
    assert opening_view(12, [9, 4, 4] * 4, 119, 13) is WallView.CARDS
    assert opening_view(12, [9, 4, 4] * 4, 119, 12) is WallView.TABLE
    # not read yet: they will be as high as others are, and the view does not change then
    assert opening_view(24, [3] * 24, 79, 23) is WallView.TABLE
    assert opening_view(24, [4] * 24, 79, 24) is WallView.CARDS
    # a pool of sixty on a large screen
    assert opening_view(25, [4] * 25, 199, 60) is WallView.TABLE
    assert opening_view(100, [5] * 100, 119, 30) is WallView.TABLE
    assert opening_view(101, [5] * 101, 119, 30) is WallView.HIVE
    assert opening_view(0, (), 119, 30) is WallView.TABLE
    assert side_width(199, WallView.TABLE) == 0
    assert side_width(200, WallView.TABLE) > 60
    assert side_width(200, WallView.CARDS) == 0


@given(st.integers(0, 200), st.integers(0, 200), st.integers(5, 60))
def test_cards_are_on_screen_as_a_whole(line: int, top: int, shown: int) -> None:
    cards = ARRANGEMENTS["cards"]
    chosen = cards.top_at(line, top, shown)
    assert chosen in cards.starts
    if line >= top and line <= cards.height - shown:
        assert chosen >= line
    if line < top:
        assert chosen <= line
    # at the end of the way all that is left is seen
    last = cards.top_at(10_000, 0, shown)
    assert cards.height - last <= shown
    cut_off = cards.cut_off(chosen, shown)
    assert cut_off is None or cut_off in cards.starts
    table = ARRANGEMENTS["table"]
    assert table.top_at(line, top, shown) == min(line, table.height - shown)
    assert table.cut_off(top, shown) is None


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """How often each line of the wall was painted since it was last cleared."""
    count: Counter[int] = Counter()
    paint = AccountWall.render_line

    def counting(wall: AccountWall, y: int) -> object:
        count[y] += 1
        return paint(wall, y)

    monkeypatch.setattr(AccountWall, "render_line", counting)
    return count


def feed_of(count: int) -> ScriptedFeed:
    return ScriptedFeed(state_of(crowd(count)), NOW, ZONE)


def wall_of(app: PoolApp) -> AccountWall:
    return app.screen.query_one(AccountWall)


def read_of(index: int, used: float) -> ReadingArrived:
    actor = crowd(index + 1)[index]
    usage = actor.usage
    assert usage is not None
    fresh = limits(five(used, None), weekly(used, None))
    return ReadingArrived(
        actor.key, actor.source, NOW, type(usage)(plan=usage.plan, base=fresh, credits=usage.credits)
    )


async def settle(pilot: Pilot[ExitRequest]) -> None:
    await pilot.pause()
    await pilot.pause()


async def test_a_change_paints_the_lines_of_that_account_alone(painted: Counter[int]) -> None:
    feed = feed_of(60)
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        wall = wall_of(app)
        visible = wall.visible_keys
        index = next(i for i, actor in enumerate(crowd(60)) if actor.key == visible[-1])
        hidden = next(i for i, actor in enumerate(crowd(60)) if actor.key not in visible)
        painted.clear()
        feed.happen(read_of(index, 47))
        await settle(pilot)
        assert dict(painted) == {wall.size.height - 1: 1}
        painted.clear()
        feed.happen(read_of(hidden, 47))
        await settle(pilot)
        assert not painted


async def test_a_changed_card_paints_its_own_lines(painted: Counter[int]) -> None:
    feed = feed_of(9)
    app = app_of(feed.state, feed=feed, view=WallView.CARDS)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        painted.clear()
        wall = wall_of(app)
        index = next(i for i, actor in enumerate(crowd(9)) if actor.key == wall.order[4])
        feed.happen(read_of(index, 31))
        await settle(pilot)
        assert set(painted.values()) == {1}
        assert set(painted) == {5, 6, 7, 8, 9}


async def test_a_lost_focus_paints_nothing(painted: Counter[int]) -> None:
    app = app_of("twelve")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        painted.clear()
        app.post_message(events.AppBlur())
        await settle(pilot)
        app.post_message(events.AppFocus())
        await settle(pilot)
        assert not painted
        assert app.app_focus


async def test_a_move_of_the_selection_paints_two_lines(painted: Counter[int]) -> None:
    app = app_of("twelve", view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        painted.clear()
        await pilot.press("down")
        await settle(pilot)
        assert list(painted.values()) == [1, 1]


async def test_the_selection_is_an_account_not_a_line() -> None:
    feed = feed_of(60)
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        wall = wall_of(app)
        await pilot.press("down", "down", "down", "down", "down", "down", "down", "down")
        key = wall.selected
        assert key is not None
        places = set()
        for _ in range(7):
            places.add(wall.order.index(key))
            line = wall._arrangement.places[key][1] - wall.top
            await pilot.press("s")
            await settle(pilot)
            assert wall.selected == key
            new = wall._arrangement.places[key][1] - wall.top
            most = wall._arrangement.height - wall.size.height
            assert new == line or wall.top in (0, most)
        assert len(places) > 3


async def test_a_selected_account_that_is_filtered_out_comes_back() -> None:
    app = app_of("sixty", view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        wall = wall_of(app)
        await pilot.press("down", "down")
        key = wall.selected
        await pilot.press("slash", *"free")
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, PoolScreen)
        assert screen.filter_text == "free"
        assert wall.selected != key
        assert wall.selected == wall.order[2]
        await pilot.press("escape")
        await settle(pilot)
        assert wall.selected == key
        assert len(wall.order) == 60


async def test_the_order_waits_for_the_sweep() -> None:
    feed = feed_of(60)
    app = app_of(feed.state, feed=feed, view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        wall = wall_of(app)
        before = wall.order
        index = next(i for i, actor in enumerate(crowd(60)) if actor.key == before[-1])
        feed.happen(read_of(index, 0))
        await settle(pilot)
        assert wall.order == before
        feed.pass_time(61)
        app.tick()
        feed.happen(read_of(index, 1))
        await settle(pilot)
        assert wall.order != before


async def test_scrolling_keeps_the_selection_in_view_and_moves_are_complete() -> None:
    app = app_of("sixty", view=WallView.TABLE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        wall = wall_of(app)
        await pilot.press("G")
        assert wall.selected == wall.order[-1]
        assert wall.selected in wall.visible_keys
        await pilot.press("pageup", "pageup", "k")
        assert wall.selected in wall.visible_keys
        await pilot.press("g")
        assert wall.selected == wall.order[0]
        assert wall.top == 0


def beside(wall: AccountWall) -> list[str]:
    """What stands beside the accounts, line by line."""
    width = side_width(wall.size.width, WallView.TABLE)
    return [wall.render_line(y).text[-width:].strip(" │") for y in range(wall.size.height)] if width else []


async def test_the_detail_beside_a_wide_table_follows_the_selection_and_says_when_there_is_more() -> None:
    app = app_of("sixty", view=WallView.TABLE)
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        wall = wall_of(app)
        first = beside(wall)
        assert "…" not in first
        await pilot.press("j")
        await settle(pilot)
        assert beside(wall) != first
        await pilot.press("k")
        await pilot.resize_terminal(200, 15)
        await settle(pilot)
        few = beside(wall)
        assert few[-1] == "…"
        assert few[:-1] == first[: len(few) - 1]
        await pilot.resize_terminal(199, 15)
        await settle(pilot)
        assert not beside(wall)
        assert not any("│" in wall.render_line(y).text for y in range(wall.size.height))


async def test_a_resize_keeps_selection_and_fits() -> None:
    app = app_of("sixty", view=WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        wall = wall_of(app)
        await pilot.press("G")
        key = wall.selected
        for size in ((80, 24), (60, 15), (20, 6), (1, 1), (200, 60)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            assert wall.selected == key
            if wall.size.height > 1:
                assert key in wall.visible_keys
        assert beside(wall)


async def test_clicks_select_by_what_is_drawn_there() -> None:
    app = app_of("sixty", view=WallView.TABLE, mouse=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        wall = wall_of(app)
        await pilot.press("G")
        await settle(pilot)
        await pilot.click(AccountWall, offset=(10, 3))
        await settle(pilot)
        key = wall.selected
        assert key is not None
        assert wall._arrangement.places[key][1] - wall.top == 3
