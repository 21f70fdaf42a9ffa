"""The history screen: how it is opened, what its keys do, and what it looks like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from textual.pilot import Pilot

from poolwatch.domain.account import AccountKey, NamingRule
from poolwatch.domain.burn import AccountBurn, Burn, PoolBurn
from poolwatch.domain.events import ReadingArrived
from poolwatch.domain.forecast import Forecast
from poolwatch.domain.outlook import AccountOutlook, PoolOutlook, Verdict
from poolwatch.domain.past import AccountPast, PastAsked
from poolwatch.domain.state import PoolState
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY, UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.presentation.history import OPENING, reaching
from poolwatch.presentation.view import Prefs
from poolwatch.ui.app import PoolApp
from poolwatch.ui.screens.detail import DetailScreen
from poolwatch.ui.screens.history import HistoryScreen
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.state import ExitRequest, WallView
from poolwatch.ui.widgets.chart import ChartLines
from poolwatch.ui.widgets.lines import Lines
from tests.support.pasts import MadePast
from tests.ui.pools import NOW, ZONE, ahead, app_of, crowd, limits, state_of, twelve, weekly
from tests.ui.reading import screen_text, settle, wall
from tests.ui.scripted_feed import ScriptedFeed

Compare = Callable[..., bool]

ALICE = twelve()[5]
RESET = ahead(days=4, hours=3)
SMALL, NORMAL, TINY = (80, 24), (120, 40), (60, 15)


def outlook(burned: float, forecast: Forecast) -> AccountOutlook:
    spent = Burn(Decimal("41.3"), Decimal(500), Decimal(212), Decimal(20))
    return AccountOutlook(NOW, AccountBurn(Burn(0.6, burned, 4.0, 3.0, 11.2), spent), (forecast,))


def with_past(state: PoolState, *, weeks: int = 10) -> ScriptedFeed:
    """All accounts that have a weekly window have a past, and an outlook."""
    accounts, pasts = dict(state.accounts), {}
    for number, (key, account) in enumerate(state.accounts.items()):
        window = next((each for each in account.usage.windows if each.kind == WEEKLY), None)
        if window is None or window.resets_at is None or window.used_percent is None:
            continue
        used = window.used_percent
        forecast = Forecast(
            BASE_BUCKET, WEEKLY, NOW, window.resets_at, min(100.0, used + 31), min(100.0, used + 22),
            min(100.0, used + 43), used / 200, pace_per_day=18.4, even_percent=41.0,
            used_percent=used, endless=(used + 22, used + 31, used + 43),
        )  # fmt: skip
        accounts[key] = replace(account, outlook=outlook(20.0 * 0.8**number, forecast))
        pasts[key] = MadePast(key, NOW, window.resets_at, used, ZONE, weeks=weeks)
    pool = PoolOutlook(
        NOW, PoolBurn(Burn(0.9, 12.0), Burn(Decimal(41)), made_at=NOW), Verdict.LASTS,
        ahead(days=1, hours=20), 6, 0.04,
        weekly_left_percent=61.0,
    )  # fmt: skip
    feed = ScriptedFeed(replace(state, accounts=accounts, outlook=pool), NOW, ZONE)

    def kept(asked: PastAsked) -> AccountPast:
        return pasts[asked.key].answer(asked) if asked.key in pasts else AccountPast(asked)

    feed.kept = kept
    return feed


def at_alice(feed: ScriptedFeed | None = None, **options: Any) -> PoolApp:
    feed = feed or with_past(state_of(twelve()))
    return app_of(feed=feed, view=WallView.TABLE, **options)


async def open_history(pilot: Pilot[ExitRequest], key: AccountKey = ALICE.key, *keys: str) -> HistoryScreen:
    app = pilot.app
    assert isinstance(app, PoolApp)
    await settle(pilot)
    wall(app).select(key)
    await pilot.press("H")
    await settle(pilot)
    await settle(pilot)
    if keys:
        await pilot.press(*keys)
        await settle(pilot)
    assert isinstance(app.screen, HistoryScreen)
    return app.screen


def shown(app: PoolApp) -> AccountKey:
    screen = app.screen
    assert isinstance(screen, HistoryScreen | DetailScreen)
    assert screen.account is not None
    return screen.account


def title(app: PoolApp) -> str:
    return app.screen.query_one("#title", Lines).text


def told(app: PoolApp) -> str:
    return app.screen.query_one("#told", Lines).text


async def test_the_keys_of_a_history() -> None:
    app = at_alice()
    async with app.run_test(size=NORMAL) as pilot:
        await open_history(pilot)
        assert "alice@example.com  Pro · weekly used · last 7 days and to the reset, hourly" in title(app)
        assert "Fri 20 Nov 14:00   23% used" in told(app)
        await pilot.press("left", "left", "left", "l")
        assert "Fri 20 Nov 12:00" in told(app)
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert "last 30 days and to the reset, every 6h" in title(app)
        await pilot.press(*["left_square_bracket"] * 5)
        assert "Pro · weekly used · last 24 hours, every 15m" in title(app)
        await pilot.press("v")
        await settle(pilot)
        assert "Pro · credits · last 24 hours, every 15m" in title(app)
        # the next account has no credits: its weekly window is shown, and the wish is kept
        await pilot.press("j")
        await settle(pilot)
        other = shown(app)
        assert other != ALICE.key
        assert "weekly used" in title(app) or "spent" in title(app) or "monthly used" in title(app)
        await pilot.press("k")
        await settle(pilot)
        assert "Pro · credits" in title(app)
        await pilot.press("j", "q")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)
        assert wall(app).selected == other


async def test_a_history_opens_at_once_and_its_keys_work_while_the_store_is_slow() -> None:
    feed = with_past(state_of(twelve()))
    answers, kept = asyncio.Event(), feed.kept

    async def past(asked: PastAsked) -> AccountPast:
        await answers.wait()
        return kept(asked)

    feed.past = past  # type: ignore[method-assign]  # a slow disk
    app = at_alice(feed)
    async with app.run_test(size=NORMAL) as pilot:
        screen = await open_history(pilot)
        assert "lasts: 54% at the reset" in told(app)
        await pilot.press("left", "right_square_bracket")
        assert "last 30 days" in title(app)
        answers.set()
        await settle(pilot)
        await settle(pilot)
        assert "10–17 Nov" in told(app)
        assert "⠤" in screen.query_one(ChartLines).text


async def test_a_chart_is_drawn_anew_by_a_new_reading_and_by_nothing_else() -> None:
    feed = with_past(state_of(twelve()))
    app = at_alice(feed)
    async with app.run_test(size=NORMAL) as pilot:
        screen = await open_history(pilot)
        chart = screen.query_one(ChartLines)
        drawn, asked = chart.drawn, len(feed.pasts)
        other = twelve()[1]
        usage = UsageSnapshot(plan="plus", base=limits(weekly(80, ahead(days=2))))
        feed.happen(ReadingArrived(other.key, other.source, NOW, usage))
        await settle(pilot)
        feed.pass_time(60)
        app.tick()
        await pilot.press("left", "left")
        await settle(pilot)
        assert (chart.drawn, len(feed.pasts)) == (drawn, asked)
        usage = UsageSnapshot(plan="pro", base=limits(weekly(24, RESET)))
        feed.happen(ReadingArrived(ALICE.key, ALICE.source, NOW + timedelta(seconds=60), usage))
        await settle(pilot)
        await settle(pilot)
        assert len(feed.pasts) == asked + 1
        assert chart.drawn > drawn


async def test_tab_goes_on_to_the_group_and_the_pool_and_enter_to_an_account() -> None:
    state = state_of(crowd(20), (NamingRule("*1@example.com", None, "east"),))
    feed = with_past(state)
    app = app_of(feed=feed, view=WallView.TABLE)
    east = next(key for key, account in feed.state.accounts.items() if account.name.group == "east")
    async with app.run_test(size=NORMAL) as pilot:
        await open_history(pilot, east, "tab")
        await settle(pilot)
        assert "group east  weekly room left" in title(app)
        assert "account · ‹group› · pool" in title(app)
        assert "worked out for the whole pool alone" in told(app)
        await pilot.press("tab")
        await settle(pilot)
        assert "pool work  weekly room left · last 7 days, next 3d" in title(app)
        assert "lasts to the next relief, Sun 10:03, when 6 weekly limits come back" in told(app)
        assert "61% of 20 weekly limits, by plan: " in told(app)
        assert "18 of 20 accounts known" in told(app)
        await pilot.press("v")
        await settle(pilot)
        assert "weekly percent used an hour" in title(app)
        await pilot.press("j", "enter")
        await settle(pilot)
        assert shown(app) != east
        assert "weekly used" in title(app)


async def test_a_history_can_open_at_a_minute() -> None:
    app = at_alice()
    async with app.run_test(size=NORMAL) as pilot:
        await settle(pilot)
        app.push_screen(HistoryScreen(app.ui, ALICE.key, [ALICE.key], NOW - timedelta(hours=21, minutes=40)))
        await settle(pilot)
        await settle(pilot)
        assert "Thu 19 Nov 16:00   18% used   +1 in that hour" in told(app)
        assert "▲" in app.screen.query_one(ChartLines).text


@pytest.mark.parametrize(("days", "period"), [(6, "7d"), (20, "30d"), (80, "90d"), (360, "1y"), (399, "all")])
def test_it_opens_with_a_period_that_reaches_back_to_what_it_is_opened_at(days: int, period: str) -> None:
    assert reaching(NOW - timedelta(days=days), NOW).name == period
    assert reaching(None, NOW) is OPENING


async def test_a_filter_says_whose_pool_it_is() -> None:
    app = at_alice()
    async with app.run_test(size=NORMAL) as pilot:
        await settle(pilot)
        await pilot.press("slash", *"plan:pro", "enter")
        await open_history(pilot, ALICE.key, "tab")
        assert "pool work, 3 of 12 accounts shown" in title(app)


async def test_details_come_back_to_the_account_that_the_history_was_left_at() -> None:
    app = at_alice()
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        wall(app).select(ALICE.key)
        await pilot.press("enter", "H", "j", "H")
        await settle(pilot)
        order = wall_order(app)
        assert shown(app) == order[order.index(ALICE.key) + 1]


def wall_order(app: PoolApp) -> list[AccountKey]:
    [pool] = [screen for screen in app.screen_stack if isinstance(screen, PoolScreen)]
    return list(pool.wall.order)


async def test_an_empty_history_says_since_when_it_is_watched() -> None:
    feed = ScriptedFeed(state_of(twelve()), NOW, ZONE)
    app = at_alice(feed)
    async with app.run_test(size=SMALL) as pilot:
        screen = await open_history(pilot)
        assert "nothing is kept of this figure yet" in screen.query_one(ChartLines).text
        assert "none has ended since poolwatch began to watch" in told(app)
        assert "FORECAST — not worked out yet" in told(app)


async def test_masked_no_name_is_shown() -> None:
    app = at_alice(prefs=Prefs(zone=ZONE, mask=True))
    async with app.run_test(size=NORMAL) as pilot:
        await open_history(pilot, ALICE.key)
        assert "@" not in screen_text(app)
        await pilot.press("tab")
        await settle(pilot)
        assert "@" not in screen_text(app)
        await pilot.press("m")
        await settle(pilot)
        assert "alice@example.com" in screen_text(app)


@pytest.mark.parametrize("size", [TINY, SMALL, NORMAL, (200, 60)])
async def test_every_line_fits(size: tuple[int, int]) -> None:
    app = at_alice()
    async with app.run_test(size=size) as pilot:
        await open_history(pilot)
        for key in ("left", "tab", "right_square_bracket", "v"):
            await pilot.press(key)
            await settle(pilot)
            lines = screen_text(app).splitlines()
            assert (len(lines), {len(line) for line in lines}) == (size[1], {size[0]})
            assert lines[-1].rstrip().endswith("? help")


SHOTS: tuple[tuple[str, tuple[int, int], dict[str, Any], tuple[str, ...]], ...] = (
    ("account-120", NORMAL, {}, ("left",) * 22),
    ("account-80", SMALL, {}, ()),
    ("account-ascii", SMALL, {"glyphs": "ascii", "theme": "poolwatch-light"}, ("right_square_bracket",)),
    ("pool-120", NORMAL, {}, ("tab",)),
)


@pytest.mark.parametrize(("size", "options", "keys"), [shot[1:] for shot in SHOTS], ids=[s[0] for s in SHOTS])
def test_picture_history(
    size: tuple[int, int], options: dict[str, Any], keys: tuple[str, ...], snap_compare: Compare
) -> None:
    """Aligned, nothing cut, the line on top of levels and marks."""

    async def press(pilot: Pilot[ExitRequest]) -> None:
        await open_history(pilot, ALICE.key, *keys)
        await settle(pilot)

    assert snap_compare(at_alice(**options), terminal_size=size, run_before=press)


def test_picture_history_empty(snap_compare: Compare) -> None:
    """A first reading: what is not known says so."""

    async def press(pilot: Pilot[ExitRequest]) -> None:
        await open_history(pilot, ALICE.key)

    feed = ScriptedFeed(state_of(twelve()), NOW, ZONE)
    feed.kept = MadePast(
        ALICE.key, NOW, NOW + timedelta(days=6, hours=23, minutes=57), 0, ZONE, weeks=0
    ).answer
    assert snap_compare(at_alice(feed), terminal_size=SMALL, run_before=press)
