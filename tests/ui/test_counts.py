"""How much is made and painted: counted, whatever the machine's speed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import lru_cache

import pytest
from rich.console import RenderableType
from textual.pilot import Pilot
from textual.screen import Screen

from poolwatch.domain.events import Listed, LookedAhead, ReadingArrived
from poolwatch.domain.forecast import NoForecast
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import Judged
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.presentation.view import Prefs
from poolwatch.ui import board as board_module
from poolwatch.ui.app import PoolApp
from poolwatch.ui.board import Board
from poolwatch.ui.cells import Line
from poolwatch.ui.state import AppOptions, WallView
from poolwatch.ui.widgets.arrangement import Arrangement
from poolwatch.ui.widgets.lines import Lines
from poolwatch.ui.widgets.wall import AccountWall
from tests.ui.pools import NOW, ZONE, crowd, five, foretold, limits, state_of, twelve
from tests.ui.reading import screen_text, settle
from tests.ui.scripted_feed import ScriptedFeed

MANY = 400


@lru_cache
def many() -> PoolState:
    return state_of(crowd(MANY))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Cards, marks and overviews that are made, and accounts that are judged one by one."""
    found: Counter[str] = Counter()
    for name in ("card_view", "mark_view", "judge", "overview"):
        real = getattr(board_module, name)

        def counting(*given: object, real: object = real, name: str = name, **more: object) -> object:
            found[name] += 1
            return real(*given, **more)  # type: ignore[operator]  # one of them

        monkeypatch.setattr(board_module, name, counting)
    return found


class FrameApp(PoolApp):
    """Counts the frames that reach the terminal."""

    frames = 0

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        self.frames += renderable is not None
        super()._display(screen, renderable)


def frame_app(feed: ScriptedFeed, view: WallView) -> FrameApp:
    return FrameApp(feed, AppOptions(pool_name="work", prefs=Prefs(zone=ZONE), view=view))


class FirstFrameApp(FrameApp):
    """Remembers how much stood on the screen when its first frame was painted."""

    shown: tuple[int, str] | None = None

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if self.shown is None and renderable is not None:
            wall = screen.query_one(AccountWall)
            self.shown = (len(wall.visible_keys), screen.query_one("#strip", Lines).text)
        super()._display(screen, renderable)


@pytest.mark.parametrize("view", [WallView.TABLE, WallView.CARDS, WallView.HIVE])
async def test_the_first_frame_has_the_figures(view: WallView, monkeypatch: pytest.MonkeyPatch) -> None:
    arrangements: list[int] = []
    show = AccountWall.show

    def counting(
        wall: AccountWall, arrangement: Arrangement, empty: Line = (), *, beside_width: int = 0
    ) -> None:
        arrangements.append(len(arrangement.order))
        show(wall, arrangement, empty, beside_width=beside_width)

    monkeypatch.setattr(AccountWall, "show", counting)
    options = AppOptions(pool_name="work", prefs=Prefs(zone=ZONE), view=view)
    app = FirstFrameApp(ScriptedFeed(many(), NOW, ZONE), options)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        wall = app.screen.query_one(AccountWall)
        strip = app.screen.query_one("#strip", Lines)
        assert app.shown == (len(wall.visible_keys), strip.text)
        assert wall.visible_keys
    assert arrangements == [MANY]


async def test_a_screen_is_given_no_widgets_for_what_is_never_shown() -> None:
    app, found = frame_app(ScriptedFeed(many(), NOW, ZONE), WallView.HIVE), list[str]()

    async def look(pilot: Pilot[object]) -> None:
        await pilot.pause()
        found.extend(type(each).__name__ for each in app.screen.walk_children())
        app.exit()

    await app.run_async(headless=True, size=(120, 40), auto_pilot=look)
    assert sorted(found) == ["AccountWall", "Lines", "Lines", "Lines", "Lines"]


async def test_a_hive_makes_no_card_but_the_selected_one(made: Counter[str]) -> None:
    app = frame_app(ScriptedFeed(many(), NOW, ZONE), WallView.HIVE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert made["card_view"] == 1
        assert made["mark_view"] == MANY
        assert made["judge"] == 0


async def test_a_reading_makes_its_own_mark_and_no_other(made: Counter[str]) -> None:
    feed = ScriptedFeed(many(), NOW, ZONE)
    app = frame_app(feed, WallView.HIVE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        made.clear()
        actor = crowd(MANY)[0]
        read = ReadingArrived(actor.key, actor.source, NOW, UsageSnapshot(base=limits(five(99, None))))
        # each answer tells the server's clock a little differently
        feed.happen(replace(read, clock_offset=timedelta(milliseconds=700)))
        await settle(pilot)
        assert made["mark_view"] == 1


async def test_a_key_waits_for_no_overview_of_what_was_read_meanwhile(made: Counter[str]) -> None:
    feed = ScriptedFeed(many(), NOW, ZONE)
    app = frame_app(feed, WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        made.clear()
        actor = crowd(MANY)[0]
        feed.happen(ReadingArrived(actor.key, actor.source, NOW, UsageSnapshot(base=limits(five(99, None)))))
        await settle(pilot)
        await pilot.press("j")
        await settle(pilot)
        assert made["overview"] == 0


async def test_a_burst_of_all_judges_each_once_and_is_one_frame(made: Counter[str]) -> None:
    feed = ScriptedFeed(many(), NOW, ZONE)
    app = frame_app(feed, WallView.HIVE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        made.clear()
        frames = app.frames
        usage = UsageSnapshot(base=limits(five(99, None)))
        at = NOW + timedelta(seconds=1)
        feed.happen(*(ReadingArrived(actor.key, actor.source, at, usage) for actor in crowd(MANY)))
        await settle(pilot)
        assert made["judge"] == made["mark_view"] == MANY
        assert made["card_view"] == 1
        assert app.frames == frames + 1


async def test_a_list_that_tells_nothing_new_draws_nothing(made: Counter[str]) -> None:
    feed = ScriptedFeed(many(), NOW, ZONE)
    app = frame_app(feed, WallView.HIVE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        made.clear()
        frames = app.frames
        for name, source in many().sources.items():
            feed.happen(Listed(name, source.listings, NOW + timedelta(minutes=5)))
        await settle(pilot)
        assert not made
        assert app.frames == frames


async def test_a_look_ahead_makes_its_own_card_and_draws_only_what_is_new(made: Counter[str]) -> None:
    feed = ScriptedFeed(foretold(many()), NOW, ZONE)
    app = frame_app(feed, WallView.TABLE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        visible = app.screen.query_one(AccountWall).visible_keys
        cards = {key: card for key in visible if (card := app.ui.board.card(key)) is not None}
        key = next(key for key, card in cards.items() if card.at_reset and "%" in card.at_reset.text)
        outlook, before = feed.state.accounts[key].outlook, screen_text(app).splitlines()
        assert outlook is not None
        made.clear()
        frames = app.frames
        # worked out once more, and nothing came out different
        feed.happen(LookedAhead({key: replace(outlook, made_at=NOW)}, feed.state.outlook))
        await settle(pilot)
        assert (made["card_view"], made["judge"], app.frames) == (1, 1, frames)
        (forecast,) = outlook.forecasts
        changed = replace(forecast, none_because=NoForecast.DISPUTED)
        feed.happen(LookedAhead({key: replace(outlook, forecasts=(changed,))}))
        await settle(pilot)
        assert (made["card_view"], app.frames) == (2, frames + 1)
        after = screen_text(app).splitlines()
        (line,) = (line for line, was in zip(after, before, strict=True) if line != was)
        assert " disputed " in line


async def test_minutes_move_no_forecast() -> None:
    board = Board(foretold(state_of(twelve())), Prefs(zone=ZONE), NOW)
    keys = list(board.state.accounts)
    before = [board.card(key) for key in keys]
    strip = board.strip
    board.tick(NOW + timedelta(minutes=1))
    for key, was in zip(keys, before, strict=True):
        card = board.card(key)
        assert card is not None
        assert was is not None
        assert (card.at_reset, card.outlook) == (was.at_reset, was.outlook)
        evens = [[row.even for row in each.windows] for each in (card, was)]
        assert evens[0] == evens[1]
    assert (board.strip.outlook, board.strip.burn) == (strip.outlook, strip.burn)


@pytest.mark.parametrize("view", [WallView.HIVE, WallView.TABLE])
async def test_a_move_of_the_selection_is_one_frame(view: WallView) -> None:
    app = frame_app(ScriptedFeed(many(), NOW, ZONE), view)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        frames = app.frames
        await pilot.press("j")
        await settle(pilot)
        assert app.frames == frames + 1


def test_the_clock_may_tremble_and_may_not_jump(made: Counter[str]) -> None:
    board = Board(many(), Prefs(zone=ZONE), NOW)
    key = board.overview.accounts[0].account.key
    card = board.card(key)
    board.take(replace(many(), clock_offset=timedelta(seconds=2)))
    assert board.card(key) is card
    assert board.state.clock_offset == timedelta(0)
    board.tick(NOW + timedelta(minutes=1))
    assert board.state.clock_offset == timedelta(seconds=2)
    judged: Judged = board.overview.accounts[0]
    board.take(replace(many(), clock_offset=timedelta(minutes=2)))
    assert board.overview.accounts[0] is not judged
    assert made["card_view"] == 1
