"""The screen of banked resets: what it lists, and that one is used by a typed name alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from poolwatch.domain.account import AccountKey
from poolwatch.domain.banked_resets import (
    Evidence,
    Figure,
    Refusal,
    ResetHistory,
    ResetLook,
    ResetOutcome,
    ResetPlan,
    ResetRoute,
    ResetUse,
    ResetWay,
    UsedReset,
    Wish,
)
from poolwatch.domain.burn import AccountBurn, Burn
from poolwatch.domain.events import LookedAhead, ReadingArrived
from poolwatch.domain.forecast import Forecast
from poolwatch.domain.message import Message, message
from poolwatch.domain.outlook import AccountOutlook
from poolwatch.domain.reset_past import PastReset, ResetPast
from poolwatch.domain.usage import BankedReset, ResetCredits, UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.ui.app import PoolApp
from poolwatch.ui.screens.history import HistoryScreen
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.screens.resets import ResetsScreen
from poolwatch.ui.screens.sheet import Sheet, WordSheet
from poolwatch.ui.state import ExitRequest
from poolwatch.ui.widgets.lines import Lines
from tests.ui.pools import NOW, ZONE, ahead, app_of, five, limits, state_of, twelve, weekly
from tests.ui.reading import press, said, settle
from tests.ui.scripted_feed import ScriptedFeed

Compare = Callable[..., bool]
TINY, SMALL, NORMAL = (60, 15), (80, 24), (120, 40)
BOB, ALICE = twelve()[1].key, twelve()[5].key
FULL = limits(five(100, ahead(minutes=47)), weekly(71, ahead(days=2, hours=1)))
ENDS = ["Sat 21 Nov 08:03", "Wed 2 Dec 14:03", "Sat 12 Dec 14:03"]
ROWS = (
    BankedReset(ahead(hours=18), status="available", id="rc_aaaa1111"),
    BankedReset(ahead(days=12), status="available", id="rc_bbbb2222"),
)


def feed_with(*requests: ResetUse) -> ScriptedFeed:
    """A pool in which one account is exhausted and has two resets, and another has one."""
    feed = ScriptedFeed(state_of(twelve()), NOW, ZONE)
    feed.happen(
        ReadingArrived(BOB, "pool", NOW, UsageSnapshot(base=FULL, reset_list=ROWS)),
        ReadingArrived(
            ALICE,
            "pool",
            NOW,
            UsageSnapshot(reset_list=(BankedReset(ahead(days=22), status="available", id="rc_cccc3333"),)),
        ),
    )
    feed.requests = requests
    feed.reset_pasts = past
    weekly = Forecast(
        "codex", "weekly", NOW, ahead(days=2, hours=1), 100.0, 96.0, 100.0, 0.9,
        out_earliest=ahead(hours=20), out_latest=ahead(hours=27),
    )  # fmt: skip
    anew = Forecast("codex", "weekly", NOW, ahead(days=7), 62.0, 51.0, 75.0, 0.0)
    feed.happen(LookedAhead({BOB: AccountOutlook(NOW, AccountBurn(Burn(), Burn()), (weekly,), anew)}))
    feed.plans = plan
    feed.uses_reset = lambda plan: used(plan, ResetOutcome.RESET)
    return feed


def plan(key: AccountKey, wish: Wish) -> ResetPlan | Message:
    look = ResetLook(UsageSnapshot(base=FULL), ROWS, NOW)
    entry = replace(twelve()[1].listing, home=None, path="~/pool/bob.json")
    found = next((row for row in ROWS if row.id == wish.reset_id), None)
    return ResetPlan(key, ResetWay(entry, ResetRoute.SERVICE), look, found)


def request(outcome: ResetOutcome, at: datetime = NOW - timedelta(minutes=9)) -> ResetUse:
    before = (Figure("5h", 100.0, full=True), Figure("weekly", 71.0))
    return ResetUse(
        "3f2a90b1-0000",
        BOB.id,
        "ws",
        ResetRoute.SERVICE,
        at,
        "rc_aaaa1111",
        outcome=outcome,
        before=before,
    )


def used(_: ResetPlan, outcome: ResetOutcome) -> UsedReset:
    return UsedReset(request(outcome), (Figure("5h", 0.0), Figure("weekly", 0.0)))


def app_with(*requests: ResetUse, **options: Any) -> PoolApp:
    return app_of(feed=feed_with(*requests), **options)


def feed_of(app: PoolApp) -> ScriptedFeed:
    feed = app.ui.feed
    assert isinstance(feed, ScriptedFeed)
    return feed


def title(app: PoolApp) -> str:
    return app.screen.query_one("#title", Lines).text


def body(app: PoolApp) -> str:
    return app.screen.query_one("#resets", Lines).text


def sheet(app: PoolApp) -> str:
    assert isinstance(app.screen, WordSheet)
    return app.screen.query_one("#sheet", Lines).text


def name_of(app: PoolApp) -> str:
    return app.ui.board.state.accounts[BOB].name.full


async def test_it_lists_them_soonest_end_first() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "B")
        assert isinstance(app.screen, ResetsScreen)
        rows = [line for line in body(app).splitlines() if " Nov " in line or " Dec " in line][:3]
        assert [row[3:19].rstrip() for row in rows] == ENDS
        assert "resets 5h, weekly; lost Sat" in rows[0]
        assert f"the second of {name_of(app)}" in rows[1]
        assert "not exhausted: wait" in rows[2]
        assert said(app).startswith(
            f"{name_of(app)}: worth using now; the first of 2 ends in 18h and is lost"
        )
        await press(pilot, "B")
        assert isinstance(app.screen, PoolScreen)
        await press(pilot, "B", "e", "escape", "escape")
        assert isinstance(app.screen, PoolScreen)


async def test_it_opens_on_the_account_it_was_opened_from() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await settle(pilot)
        app.push_screen(ResetsScreen(app.ui, ALICE))
        await settle(pilot)
        assert "alice@example.com" in body(app).splitlines()[4]
        assert body(app).splitlines()[4].startswith(app.ui.appearance.glyphs.pointer)


async def test_when_the_selected_one_is_gone_the_account_stays_selected() -> None:
    app = app_with()
    gone = UsageSnapshot(reset_list=(BankedReset(ahead(days=30), status="available", id="rc_dddd4444"),))
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "B", "G")
        feed_of(app).happen(ReadingArrived(ALICE, "pool", NOW, gone))
        await settle(pilot)
        assert isinstance(app.screen, ResetsScreen)
        assert app.screen.account == ALICE
        feed_of(app).happen(ReadingArrived(ALICE, "pool", NOW, UsageSnapshot(reset_list=())))
        await settle(pilot)
        assert app.screen.account == BOB


async def test_with_the_last_one_gone_what_became_of_it_still_stands_there() -> None:
    app = app_with()
    nothing = UsageSnapshot(base=FULL, reset_credits=ResetCredits(0, 0), reset_list=())
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "B", "enter", *name_of(app), "enter", "tab")
        feed_of(app).happen(ReadingArrived(BOB, "pool", NOW, nothing))
        await settle(pilot)
        # of the account there is none, but of the pool
        assert "1 on 1 account" in title(app)
        feed_of(app).happen(ReadingArrived(ALICE, "pool", NOW, nothing))
        await settle(pilot)
        assert "no account has a banked reset" in body(app)
        assert "used: 5h 100 → 0%, weekly 71 → 0%" in body(app)


async def test_tab_shows_those_of_the_account_alone() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "B", "G", "tab")
        assert "1 of alice@example.com · 0 worth using now" in title(app)
        assert name_of(app) not in body(app)
        await press(pilot, "tab")
        assert "3 on 2 accounts" in title(app)
        assert body(app).splitlines()[4].startswith(app.ui.appearance.glyphs.pointer)


async def test_the_history_of_the_account_is_one_key_away() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "B", "H")
        assert isinstance(app.screen, HistoryScreen)
        assert app.screen.account == BOB
        await press(pilot, "j", "escape")
        assert isinstance(app.screen, ResetsScreen)
        assert app.screen.account == ALICE
        assert "3 on 2 accounts" in title(app)
        await press(pilot, "tab", "H", "k", "escape")
        assert f"2 of {name_of(app)}" in title(app)


async def test_what_was_used_before_is_read_and_the_service_is_asked_by_a_key_alone() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "B")
        assert "USED BEFORE  20 Oct 09:14  weekly 100 → 0%, by poolwatch here" in body(app)
        assert "GRANTED      2 held; r asks OpenAI's history, too" in body(app)
        assert feed_of(app).acted == []
        await press(pilot, "r")
        assert feed_of(app).acted == [("plan", "rc_aaaa1111"), ("history", BOB.id)]
        assert "2 held; 1 used in the last 30 days as OpenAI's history says (as of 14:03)" in body(app)
        assert "list read 14:03" in title(app)


def past(key: AccountKey, asks: bool) -> ResetPast:
    used = PastReset(datetime(2026, 10, 20, 8, 14, tzinfo=UTC), True, "weekly", 100.0)
    history = ResetHistory((NOW - timedelta(days=9),), NOW, NOW - timedelta(days=30)) if asks else None
    return ResetPast((used,), history, NOW if asks else None)


@pytest.fixture(autouse=True)
def quick_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits as long as a hand takes from one key to the next."""
    monkeypatch.setattr(Sheet, "HAND_SECONDS", 0.0)


async def test_a_paste_that_a_terminal_does_not_mark_uses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its line end is Enter, which comes at once behind the name."""
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "B", "enter")
        monkeypatch.setattr(Sheet, "HAND_SECONDS", 60.0)
        await press(pilot, *name_of(app), "enter", "enter")
        assert "as in a paste" in sheet(app)
        assert [act for act, _ in feed_of(app).acted] == ["plan"]
        monkeypatch.setattr(Sheet, "HAND_SECONDS", 0.0)
        await press(pilot, "enter")
        assert [act for act, _ in feed_of(app).acted] == ["plan", "use"]


async def test_only_the_typed_name_uses_one() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "B", "enter")
        assert "resets    5h 100 → 0%, weekly 71 → 0%" in sheet(app)
        assert "moves     the next weekly reset from Sun 15:03 CET to about Fri 27 Nov 14:03 CET" in sheet(
            app
        )
        await press(pilot, "enter", *"yes", "enter")
        assert "that is another word" in sheet(app)
        assert [act for act, _ in feed_of(app).acted] == ["plan"]
        await press(pilot, *["backspace"] * 3, *name_of(app), "enter")
        assert feed_of(app).acted == [("plan", "rc_aaaa1111"), ("use", "rc_aaaa1111")]
        assert f" {name_of(app)} ──" in body(app)
        assert "used: 5h 100 → 0%, weekly 71 → 0%" in body(app)
        await press(pilot, "r")
        assert "used: 5h 100 → 0%" not in body(app)


async def test_a_double_key_uses_one() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "B", "enter")
        await pilot.press(*name_of(app), "enter", "enter", "enter")
        await settle(pilot)
        assert [act for act, _ in feed_of(app).acted].count("use") == 1


@pytest.mark.parametrize("leave", ["escape"])
async def test_leaving_the_sheet_uses_nothing(leave: str) -> None:
    app = app_with()
    async with app.run_test(size=SMALL) as pilot:
        await press(pilot, "B", "enter", *name_of(app), leave)
        assert said(app) == "nothing was used"
        assert [act for act, _ in feed_of(app).acted] == ["plan"]


async def test_why_none_is_used_is_said_and_there_is_no_sheet() -> None:
    app = app_with()
    feed_of(app).plans = lambda key, wish: replace_found(plan(key, wish))
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "B", "enter")
        assert isinstance(app.screen, ResetsScreen)
        assert "not used: the service is using one for this workspace right now" in said(app)


def replace_found(made: ResetPlan | Message) -> ResetPlan:
    assert isinstance(made, ResetPlan)
    return replace(made, found=Refusal(ResetOutcome.REFUSED, message("resets.redeeming")))


async def test_an_answer_that_was_lost_stands_first_and_is_asked_again() -> None:
    app = app_with(request(ResetOutcome.UNKNOWN))
    feed = feed_of(app)
    feed.asks_reset = lambda use: UsedReset(use, None, (Evidence.REDEEMED, Evidence.WINDOWS_FELL))
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "B", "g")
        assert "UNKNOWN  request 3f2a90b1" in body(app).splitlines()[2]
        await press(pilot, "enter", *"agai", "enter")
        assert feed.acted == []
        await press(pilot, "n", "enter")
        assert feed.acted == [("ask", "3f2a90b1-0000")]
        assert "UNKNOWN: the answer was lost" in body(app)
        assert "the list says that it was used" in body(app)
        await press(pilot, "g", "enter", *"not-used", "enter")
        assert feed.acted[-1] == ("settle", False)
        assert "settled by hand: not used" in said(app)
        assert "UNKNOWN  request" not in body(app)


async def test_what_fresh_figures_say_of_a_lost_answer_is_read_by_a_key() -> None:
    app = app_with(request(ResetOutcome.UNKNOWN), read_only=True)
    feed = feed_of(app)
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "B", "g", "r")
        assert "no fresh figures can be read" in said(app)
        feed.evidence = (Evidence.MISSING, Evidence.WINDOWS_FELL)
        await press(pilot, "r")
        assert "seen: the windows have fallen since" in body(app)
        assert "which alone proves nothing" in body(app)
        assert {act for act, _ in feed.acted} == {"evidence"}


async def test_read_only_offers_no_use() -> None:
    app = app_with(read_only=True)
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "B", "enter")
        assert isinstance(app.screen, ResetsScreen)
        assert feed_of(app).acted == []
        await press(pilot, "r")
        assert [act for act, _ in feed_of(app).acted] == ["plan", "history"]


async def test_without_any_it_says_what_one_is() -> None:
    app = app_of(feed=ScriptedFeed(state_of(()), NOW, ZONE))
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        app.push_screen(ResetsScreen(app.ui))
        await settle(pilot)
        assert "no account has a banked reset" in body(app)
        await press(pilot, "enter", "r", "down")


@pytest.mark.parametrize("size", [TINY, SMALL, NORMAL])
def test_picture_of_the_list(size: tuple[int, int], snap_compare: Compare) -> None:
    async def before(pilot: Pilot[ExitRequest]) -> None:
        await press(pilot, "B")

    assert snap_compare(app_with(request(ResetOutcome.UNKNOWN)), terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", [SMALL, NORMAL])
def test_picture_of_the_sheet(size: tuple[int, int], snap_compare: Compare) -> None:
    async def before(pilot: Pilot[ExitRequest]) -> None:
        await press(pilot, "B", "enter", *"bo")

    assert snap_compare(app_with(), terminal_size=size, run_before=before)
