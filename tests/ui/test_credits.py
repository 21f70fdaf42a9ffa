"""The screen of credits: how it is opened, what its keys do, and what it looks like."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from poolwatch.config.credit_settings import terms_of
from poolwatch.domain.alerts import Alert, AlertBoard, Phase, Subject, SubjectKind
from poolwatch.domain.balances import Balance, BalanceState, BalanceTerms, ResetPeriod, ResetTime
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.events import BalancesTold, LimitsTold
from poolwatch.domain.failure import FailureKind, failure
from poolwatch.domain.purchases import Purchase, PurchaseOutcome, Settled, TopUpKind
from poolwatch.domain.series import Point
from poolwatch.domain.values import replace
from poolwatch.presentation.topups import TopUpsDone
from poolwatch.ui.app import PoolApp
from poolwatch.ui.screens.balance_history import BalanceHistoryScreen
from poolwatch.ui.screens.credits import CreditsScreen
from poolwatch.ui.screens.first_run import FirstRunScreen
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.state import ExitRequest
from poolwatch.ui.widgets.lines import Lines
from tests.sources.test_credits_http import preset
from tests.ui.pools import NOW, ZONE, app_of, state_of, twelve
from tests.ui.reading import press, said, screen_text, settle, strip
from tests.ui.scripted_feed import ScriptedFeed

Compare = Callable[..., bool]
TINY, SMALL, NORMAL, LARGE = (60, 15), (80, 24), (120, 40), (200, 60)
_D = Decimal
_DAILY = ResetTime(ResetPeriod.DAILY)
BROWSEROS = terms_of(preset("browseros"))
GONE = failure(FailureKind.NOT_OFFERED, "credits.not_offered", status=410)


def read(name: str, balance: Balance, terms: BalanceTerms, minutes: int = 4) -> BalanceState:
    return BalanceState(name, terms).read(balance, NOW - timedelta(minutes=minutes))


def browseros(left: str = "87") -> BalanceState:
    midnight = _DAILY.following(NOW)
    seen = midnight - timedelta(hours=23, minutes=57)
    return read(
        "BrowserOS", Balance("credits", _D(left), _D(100), resets_at=midnight, last_reset_at=seen), BROWSEROS
    )


OPENROUTER = read(
    "OpenRouter",
    Balance("USD", _D("74.75"), used=_D("25.75"), total=_D("100.50")),
    terms_of(preset("openrouter")),
)
DEEPSEEK = read("DeepSeek", Balance("CNY", _D("12.40")), terms_of(preset("deepseek")))
REEF = read(
    "reef team", Balance("USD", _D("3.20"), total=_D(10)), terms_of(preset("reef"), tops_up_here=True)
)
OLD = read("old service", Balance("credits", _D(5)), BalanceTerms(), 600).read(GONE, NOW)
ALL = (browseros(), OPENROUTER, DEEPSEEK, REEF, OLD)


def points(*amounts: str, hours: int = 24) -> tuple[Point, ...]:
    """One figure each day, the last of them a while ago."""
    last = NOW - timedelta(hours=2)
    return tuple(
        Point(last - timedelta(hours=hours) * nth, _D(amount), _D(amount), _D(amount))
        for nth, amount in reversed(list(enumerate(reversed(amounts))))
    )


def app_with(*balances: BalanceState, accounts: bool = True, **options: Any) -> PoolApp:
    state = state_of(twelve()) if accounts else replace(state_of(()), settled=True)
    feed = ScriptedFeed(replace(state, balances={each.name: each for each in balances}), NOW, ZONE)
    feed.balance_pasts = {
        "BrowserOS": points("40", "3", "0", "8", "0", "95", "87"),
        "OpenRouter": points("90", "88", "86.5", "84", "81", "79", "74.75"),
        "reef team": points("11.40", "7.40", "3.20"),
    }
    return app_of(feed=feed, **options)


def feed_of(app: PoolApp) -> ScriptedFeed:
    feed = app.ui.feed
    assert isinstance(feed, ScriptedFeed)
    return feed


def body(app: PoolApp) -> str:
    return app.screen.query_one("#credits", Lines).text


def selected(app: PoolApp) -> str:
    return next(line for line in body(app).splitlines() if line.startswith("▌"))[1:].strip().split("  ")[0]


async def test_it_opens_with_its_key_which_closes_it_too() -> None:
    app = app_with(*ALL)
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "c")
        assert isinstance(app.screen, CreditsScreen)
        assert selected(app) == "BrowserOS"
        assert "87 of 100" in body(app)
        assert "web" in body(app)
        await press(pilot, "c")
        assert isinstance(app.screen, PoolScreen)
        await press(pilot, "e", "c", "escape", "escape", "b", "c")
        assert isinstance(app.screen, CreditsScreen)


async def test_the_strip_has_balances_the_scarcest_first_and_none_without_any() -> None:
    app = app_with(*ALL)
    async with app.run_test(size=LARGE) as pilot:
        await settle(pilot)
        line = next(line for line in strip(app).splitlines() if "BALANCES" in line)
        assert line.split("BALANCES")[1].split()[:3] == ["reef", "team", "$3.20"]
        assert line.rstrip().endswith("· $ tops up reef team")
        assert "BrowserOS 87 of 100" in line
        feed_of(app).happen(BalancesTold({}))
        await settle(pilot)
        assert "BALANCES" not in strip(app)


async def test_the_key_that_tops_up_is_named_where_little_is_left() -> None:
    app = app_with(replace(REEF, balance=Balance("USD", _D("74.75"))), REEF)
    async with app.run_test(size=LARGE) as pilot:
        await press(pilot, "c")
        assert said(app) == "reef team: $3.20 of $10.00 bought, low · $ tops it up"
        feed_of(app).happen(BalancesTold({"reef team": replace(REEF, balance=Balance("USD", _D("74.75")))}))
        await settle(pilot)
        assert said(app) == "reef team: $74.75"
        await press(pilot, "escape")
        assert "tops up" not in strip(app)


async def test_r_reads_the_selected_one_and_no_other() -> None:
    app = app_with(*ALL)
    async with app.run_test(size=SMALL) as pilot:
        await press(pilot, "c", "down", "r")
        assert feed_of(app).balances_read == ["OpenRouter"]
        await press(pilot, "G", "r")
        assert feed_of(app).balances_read == ["OpenRouter"]
        assert "is read with the accounts" in said(app)


async def test_the_address_of_what_is_charged_in_the_browser_is_whole_on_a_narrow_screen() -> None:
    app = app_with(*ALL)
    async with app.run_test(size=SMALL) as pilot:
        await press(pilot, "c", "down")
        assert said(app).endswith("it can be charged at https://openrouter.ai/settings/credits")
        await press(pilot, "G")
        assert said(app).endswith("it can be charged at https://chatgpt.com/codex/settings/usage")


async def test_focus_reads_what_has_no_timer_where_there_are_balances() -> None:
    app = app_with(*ALL)
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        app.post_message(events.AppFocus())
        await settle(pilot)
        assert feed_of(app).focuses == 1
    app = app_with()
    async with app.run_test(size=SMALL) as pilot:
        app.post_message(events.AppFocus())
        await settle(pilot)
        assert feed_of(app).focuses == 0


async def test_when_credits_are_used_up_it_says_when_they_come_back_and_what_to_use() -> None:
    app = app_with(browseros("0"), OPENROUTER)
    async with app.run_test(size=LARGE) as pilot:
        await press(pilot, "c")
        told = said(app)
        assert told.startswith("BrowserOS: daily credits used up · back 00:00 UTC, in ")
        assert told.endswith("use instead: OpenRouter")
        assert "0 of 100, used up" in body(app)


async def test_how_long_it_lasts_is_told_only_where_the_history_tells() -> None:
    app = app_with(*ALL)
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "c")
        lines = {line.strip("▌ ").split("  ")[0]: line for line in body(app).splitlines()}
        assert "$2.5" in lines["OpenRouter"]
        assert "29d" in lines["OpenRouter"]
        assert "¥12.40" in lines["DeepSeek"]
        assert " a day" not in lines["DeepSeek"]


async def test_with_balances_alone_the_app_opens_on_them_and_not_on_the_first_steps() -> None:
    app = app_with(browseros(), accounts=False, has_balances=True)
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)
        assert "BrowserOS 87 of 100" in strip(app)
        assert "balances alone are monitored" in screen_text(app)
        await press(pilot, "c")
        assert selected(app) == "BrowserOS"
    app = app_with(accounts=False)
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, FirstRunScreen)


async def test_without_any_it_says_how_one_is_added() -> None:
    app = app_with(accounts=False, has_balances=True)
    async with app.run_test(size=SMALL) as pilot:
        await press(pilot, "c")
        assert "poolwatch sources add openrouter" in body(app)
        await press(pilot, "down", "r", "escape")
        assert isinstance(app.screen, PoolScreen)


async def test_names_are_masked_and_a_new_reading_is_drawn() -> None:
    app = app_with(replace(OPENROUTER, name="alice@example.com"), browseros())
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "m", "c")
        assert "alice@example.com" not in body(app) + strip_of(app)
        state = feed_of(app).state.balances["BrowserOS"]
        later = state.read(Balance("credits", _D(12), _D(100)), NOW)
        feed_of(app).happen(BalancesTold({"BrowserOS": later}))
        await settle(pilot)
        assert "12 of 100, low" in body(app)


async def test_h_opens_the_history_of_the_selected_balance_and_leads_back_to_the_one_shown_last() -> None:
    app = app_with(*ALL)
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "c", "down", "H")
        assert isinstance(app.screen, BalanceHistoryScreen)
        text = strip_of(app)
        assert "OpenRouter  USD left · last 7 days, hourly" in text
        assert "balance ‹2 of 5›" in text
        assert "$74.75 of $100.50 bought" in text
        assert "a day, by what is kept of the last 7 days" in text
        feed_of(app).balances_read.clear()
        await press(pilot, "r", "left", "]", "k")
        assert feed_of(app).balances_read == ["OpenRouter"]
        text = strip_of(app)
        assert "BrowserOS  credits left · last 30 days" in text
        assert "LEFT      87 of 100   read 4m ago" in text
        assert "amber to 30, red to 0" in text
        await press(pilot, "H")
        assert isinstance(app.screen, CreditsScreen)
        assert selected(app) == "BrowserOS"
        # of accounts there is none here
        await press(pilot, "G", "H")
        assert isinstance(app.screen, CreditsScreen)
        assert "histories of their own" in said(app)


async def test_a_balance_that_is_configured_no_more_leaves_its_history_as_it_was() -> None:
    app = app_with(*ALL)
    async with app.run_test(size=SMALL) as pilot:
        await press(pilot, "c", "down", "H")
        feed_of(app).happen(BalancesTold({"BrowserOS": browseros()}))
        await press(pilot, "r", "escape")
        assert isinstance(app.screen, CreditsScreen)
        assert selected(app) == "BrowserOS"


async def test_names_are_masked_in_the_history_too() -> None:
    app = app_with(replace(OPENROUTER, name="alice@example.com"))
    async with app.run_test(size=NORMAL) as pilot:
        await press(pilot, "m", "c", "H", "r")
        assert isinstance(app.screen, BalanceHistoryScreen)
        assert "alice@example.com" not in strip_of(app)


async def test_a_filter_lets_balances_through_and_esc_clears_it() -> None:
    app = app_with(*ALL)
    async with app.run_test(size=SMALL) as pilot:
        await press(pilot, "c", "slash", *"level:lo", "tab", "enter")
        assert selected(app) == "reef team"
        assert "BrowserOS" not in body(app)
        assert "alice" not in body(app)
        assert said(app) == "1 of 5 balances"
        await press(pilot, "r")
        assert feed_of(app).balances_read == ["reef team"]
        await press(pilot, "slash", *" nobody")
        assert "No balance matches" in body(app)
        await press(pilot, "escape")
        assert selected(app) == "BrowserOS"
        await press(pilot, "slash", *"weekly>3")
        assert "balances have no “weekly”" in said(app)
        await press(pilot, "enter", "escape", "escape")
        assert isinstance(app.screen, PoolScreen)


async def test_an_event_of_a_balance_leads_to_its_history_and_an_alert_to_the_balance() -> None:
    app = app_with(*ALL)
    feed = feed_of(app)
    at = NOW - timedelta(hours=2)
    feed.logged = (LoggedEvent("1" * 16, at, EventKind.EXHAUSTED, source="reef team", unit_name="USD"),)
    about = Subject(SubjectKind.BALANCE, "reef team")
    alert = Alert("low", about, "1", Phase.FIRING, NOW, fired_at=NOW, label="reef team")
    async with app.run_test(size=NORMAL) as pilot:
        await settle(pilot)
        feed.happen(LimitsTold(alerts=AlertBoard(NOW, (alert,))))
        await press(pilot, "e", "enter")
        assert isinstance(app.screen, CreditsScreen)
        assert selected(app) == "reef team"
        await press(pilot, "escape", "G", "enter")
        assert isinstance(app.screen, BalanceHistoryScreen)
        assert "reef team" in strip_of(app)


def strip_of(app: PoolApp) -> str:
    return "\n".join(each.text for each in app.screen.query(Lines))


@pytest.mark.parametrize("size", [TINY, SMALL, NORMAL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")
def test_what_it_looks_like(size: tuple[int, int], snap_compare: Compare) -> None:
    async def before(pilot: Pilot[ExitRequest]) -> None:
        await press(pilot, "c")

    assert snap_compare(app_with(*ALL), terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", [SMALL, NORMAL], ids=lambda size: f"{size[0]}x{size[1]}")
def test_what_the_history_of_a_balance_looks_like(size: tuple[int, int], snap_compare: Compare) -> None:
    async def before(pilot: Pilot[ExitRequest]) -> None:
        await press(pilot, "c", "G", "up", "up", "up", "H")

    assert snap_compare(app_with(*ALL), terminal_size=size, run_before=before)


def test_what_it_looks_like_in_ascii_used_up(snap_compare: Compare) -> None:
    async def before(pilot: Pilot[ExitRequest]) -> None:
        await press(pilot, "c")

    app = app_with(browseros("0"), OPENROUTER, glyphs="ascii")
    assert snap_compare(app, terminal_size=SMALL, run_before=before)


def test_the_strip_with_balances(snap_compare: Compare) -> None:
    assert snap_compare(app_with(*ALL), terminal_size=NORMAL)


def bought(nth: int, **changes: Any) -> Purchase:
    made = Purchase(
        f"7f3a000{nth}",
        "reef team",
        TopUpKind.REEF,
        "https://vers.example.com/topups",
        "pool",
        _D(10),
        "USD",
        NOW - timedelta(days=8 - nth, hours=nth),
        outcome=PurchaseOutcome.GRANTED,
        balance_before=_D("1.40"),
        balance_after=_D("11.40"),
    )
    return replace(made, **changes)


TOPPED_UP = TopUpsDone(
    (
        bought(0),
        bought(1, settled=Settled.CHARGED, outcome=PurchaseOutcome.UNKNOWN),
        bought(2, outcome=PurchaseOutcome.REFUSED),
        bought(3, amount=_D(25), name="a team with a very long name, longer than its column"),
        bought(4, proposed=True),
        bought(5, outcome=PurchaseOutcome.UNKNOWN),
    ),
)


@pytest.mark.parametrize("size", [SMALL, NORMAL], ids=lambda size: f"{size[0]}x{size[1]}")
def test_what_was_topped_up_stands_below(size: tuple[int, int], snap_compare: Compare) -> None:
    app = app_with(browseros(), REEF)
    feed_of(app).topped_up = TOPPED_UP
    assert snap_compare(app, terminal_size=size, press=("c", "down"))


async def test_where_there_is_no_room_the_balances_come_first_and_what_is_damaged_is_said() -> None:
    app = app_with(*ALL)
    feed_of(app).topped_up = replace(TOPPED_UP, damaged=True)
    async with app.run_test(size=TINY) as pilot:
        await press(pilot, "c")
        assert "TOP-UPS" not in body(app)
        await pilot.resize_terminal(*LARGE)
        await settle(pilot)
        assert "part of what is written down of top-ups is damaged" in body(app)
        assert "7f3a0004, proposed" in body(app)
        assert "7f3a0000" not in body(app)
