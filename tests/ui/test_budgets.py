"""The screen of budgets and its form: how they are opened, what their keys do, and what they look like."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from textual.pilot import Pilot

from poolwatch.domain.alerts import Phase, Severity, Subject, SubjectKind
from poolwatch.domain.budgets import Budget, BudgetReport, BudgetState, Level, LimitUnit, Period
from poolwatch.domain.events import LimitsTold
from poolwatch.domain.message import message
from poolwatch.domain.notices import Delivery, Notice, NoticeItem, NoticeKind
from poolwatch.domain.tokens import GroupBy
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.budgets import BudgetDetail, BudgetShare, budgets_view
from poolwatch.presentation.view import Prefs
from poolwatch.ui.app import PoolApp
from poolwatch.ui.appearance import UNICODE
from poolwatch.ui.feed import BudgetTried
from poolwatch.ui.keymap import Keymap
from poolwatch.ui.screens.budget_form import BudgetFormScreen
from poolwatch.ui.screens.budgets import BudgetsScreen
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.state import ExitRequest
from poolwatch.ui.widgets.budget_form import ValueLine
from poolwatch.ui.widgets.budget_lines import listed_lines
from poolwatch.ui.widgets.lines import Lines
from tests.presentation.made_budgets import FOUR, TEAM, ended, seats
from tests.ui.pools import NOW, ZONE, app_of, state_of, twelve
from tests.ui.reading import press, said, screen_text, settle, strip
from tests.ui.scripted_feed import ScriptedFeed

Compare = Callable[..., bool]
TINY, SMALL, NORMAL, LARGE = (60, 15), (80, 24), (120, 40), (200, 60)
ALICE, CAROL = twelve()[5].key, twelve()[6].key


def feed_with(report: BudgetReport = FOUR) -> ScriptedFeed:
    """A feed that has measured these budgets."""
    state = replace(state_of(twelve()), budgets=report)
    feed = ScriptedFeed(state, NOW, ZONE)

    def detail(state: BudgetState, by: GroupBy) -> BudgetDetail:
        if state.budget.name != "team":
            return BudgetDetail(by)
        names = (ALICE.id, CAROL.id, twelve()[7].key.id, "f" * 16, None)
        amounts = ("93.00", "84.00", "61.50", "20", "17.50")
        shares = tuple(BudgetShare(n, Decimal(a)) for n, a in zip(names, amounts, strict=True))
        months = (
            ended("team", NOW.replace(month=10, day=1, hour=0), "265.50"),
            ended("team", NOW.replace(month=9, day=1, hour=0), None),
        )
        return BudgetDetail(by, shares, months)

    def trying(budget: Budget) -> BudgetTried:
        if budget.time_zone == "Mars/Base":
            return BudgetTried(wrong={"time_zone": "is no time zone"})
        usual = budget.limit.unit is LimitUnit.USD
        level = Level.WARNED if budget.limit.amount < 368 else Level.OK
        states = [replace(TEAM, budget=budget, level=level)]
        return BudgetTried(BudgetReport(NOW, tuple(states)) if usual else BudgetReport(NOW))

    feed.details, feed.trying = detail, trying
    feed.delivered = tuple(warned(percent, moment) for percent, moment in TEAM.reached)
    return feed


def warned(percent: Decimal, moment: datetime) -> Delivery:
    """A warning about the team's budget that was sent at once."""
    cause = message("alerts.budget_over", percent=f"{percent:f}", spent="$276", limit="$300")
    subject = Subject(SubjectKind.BUDGET, "team")
    item = NoticeItem("budget", subject, Phase.FIRING, Severity.WARNING, moment, cause)
    notice = Notice(f"n{percent}", "ops", NoticeKind.ALERTS, moment, Severity.WARNING, (item,))
    return Delivery(notice, 1, done_at=moment)


async def opened(pilot: Pilot[ExitRequest], *keys: str) -> None:
    await settle(pilot)
    for key in ("b", *keys):
        await pilot.press(key)
        await settle(pilot)


def app_with(report: BudgetReport = FOUR, **options: Any) -> PoolApp:
    return app_of(feed=feed_with(report), **options)


def body(app: PoolApp) -> str:
    return app.screen.query_one("#budgets", Lines).text


def form_text(app: PoolApp) -> str:
    return app.screen.query_one("#form", Lines).text


def keys(app: PoolApp) -> str:
    return app.screen.query_one("#keys", Lines).text


def selected(app: PoolApp) -> str:
    return next(line for line in body(app).splitlines() if line.startswith("▌"))[1:].strip().split("  ")[0]


def feed_of(app: PoolApp) -> ScriptedFeed:
    feed = app.ui.feed
    assert isinstance(feed, ScriptedFeed)
    return feed


# --- the screen


async def test_it_opens_with_its_key_which_closes_it_too() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot)
        assert isinstance(app.screen, BudgetsScreen)
        assert selected(app) == "team"
        assert (
            "⏎ change  + add  z silence  / filter  o account · group · model  $ top up  e events  esc back"
            in keys(app)
        )
        assert said(app).startswith("team: over 90% since 13:40")
        await press(pilot, "b")
        assert isinstance(app.screen, PoolScreen)
        await press(pilot, "U", "b", "escape", "e", "b")
        assert isinstance(app.screen, BudgetsScreen)


async def test_the_arrows_select_and_the_foot_follows() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "down")
        assert selected(app) == "nightly"
        assert " nightly ───" in body(app)
        await press(pilot, "G")
        assert selected(app) == "frank's credits"
        await press(pilot, "down", "g")
        assert selected(app) == "team"
        assert "BY        alice@example.com $93.00" in body(app)
        assert "EARLIER   Oct $265.50 of $300, 89%" in body(app)
        assert "WARNINGS  75% on 14 Nov 16:20, sent to ops · 90% today 13:40, sent to ops" in body(app)


async def test_who_spent_it_is_read_by_account_group_and_model() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "o", "o", "o")
        groups = [by for name, by in feed_of(app).detailed if name == "team"]
        assert groups == [GroupBy.ACCOUNT, GroupBy.GROUP, GroupBy.MODEL, GroupBy.ACCOUNT]


async def test_a_filter_leaves_what_has_its_letters() -> None:
    app = app_with()
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, "slash", *"fas", "enter")
        assert selected(app) == "fast"
        assert "nightly" not in body(app)
        assert said(app) == "1 of 4 budgets"
        await press(pilot, "slash", *" zzz", "enter")
        assert "the filter finds no budget" in body(app)
        await press(pilot, "escape")
        assert selected(app) == "team"
        await press(pilot, "escape")
        assert isinstance(app.screen, PoolScreen)


async def test_with_no_budget_it_says_what_one_is_and_what_is_proposed() -> None:
    app = app_with(BudgetReport(NOW))
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        told = " ".join(body(app).split())
        assert "No budget is set." in told
        assert "+ opens a form with $10 a month for all usage" in told
        assert "poolwatch budgets add monthly limit='$10' period=monthly" in told
        assert "change" not in keys(app)
        await press(pilot, "enter")
        assert said(app) == "there is no budget to change; + adds one"


async def test_before_they_are_measured_nothing_is_claimed() -> None:
    app = app_of(feed=ScriptedFeed(state_of(twelve()), NOW, ZONE))
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        assert body(app).split() == ["not", "measured", "yet"]


async def test_new_figures_are_drawn_as_they_come() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot)
        more = replace(TEAM, measured=replace(TEAM.measured, spent=Decimal(299)))
        feed_of(app).happen(LimitsTold(budgets=BudgetReport(NOW, (more,))))
        await settle(pilot)
        assert "~$299.00 of $300.00" in body(app)
        assert " Budgets  1 · 1 warned" in screen_text(app)


async def test_read_only_changes_nothing_and_offers_nothing() -> None:
    app = app_of(feed=feed_with(), keymap=replace(Keymap(), read_only=True))
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        assert "change" not in keys(app)
        assert "add" not in keys(app)
        for key in ("enter", "plus"):
            await press(pilot, key)
            assert isinstance(app.screen, BudgetsScreen)
            assert "this poolwatch is read-only" in said(app)


async def test_the_palette_goes_there() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await settle(pilot)
        await press(pilot, "colon", *"the budgets")
        await pilot.pause(0.3)
        await press(pilot, "enter")
        await settle(pilot)
        assert isinstance(app.screen, BudgetsScreen)


@pytest.mark.parametrize("count", [3, 60, 400])
async def test_many_rows_stay_in_sight_of_the_selection(count: int) -> None:
    app = app_with(seats(*(f"{number:016x}" for number in range(count))))
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        for key in ("down", "pagedown", "G", "up", "pageup", "g"):
            await press(pilot, key)
            lines = body(app).splitlines()
            assert sum(line.startswith("▌") for line in lines) == 1
            assert len(lines) <= 21
        assert count < 10 or "more" in body(app)


# --- the strip


def test_states_stand_in_a_column_however_long_the_reset_before_them_is() -> None:
    resets_at = NOW.replace(day=23, hour=14, minute=28)
    window = replace(TEAM, period=Period(resets_at - timedelta(days=7), resets_at))
    rows = budgets_view(BudgetReport(NOW, (window, *FOUR.budgets)), AccountNames({}), NOW, Prefs(zone=ZONE))
    for width, resets in ((130, "Mon 23 Nov 15:28, in 3d"), (114, "Mon 23 Nov 15:28")):
        told = ["".join(text for text, _ in line) for line in listed_lines(rows, width, UNICODE)]
        column = told[0].index("STATE")
        found = [line[column:].strip() for line in told if "%  " in line and not line.startswith("     ")]
        assert found == ["over 90%", "over 90%", "ok", "GRACE, 2h 26m left", "ok"]
        assert f"{resets} " in told[1]


async def test_the_strip_tells_of_the_nearest_and_of_none_nothing() -> None:
    app = app_with(replace(FOUR, budgets=FOUR.budgets[:2]))
    async with app.run_test(size=NORMAL) as pilot:
        await settle(pilot)
        line = next(line for line in strip(app).splitlines() if "BUDGETS" in line)
        assert "BUDGETS    team 92%" in line
        assert "~$276 of $300, resets in 10d" in line
        feed_of(app).happen(LimitsTold(budgets=BudgetReport(NOW)))
        await settle(pilot)
        assert "BUDGETS" not in strip(app)


# --- the form


async def test_the_form_saves_what_was_changed_and_the_screen_says_so() -> None:
    app = app_with()
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, "enter")
        assert isinstance(app.screen, BudgetFormScreen)
        assert "Nothing is changed yet." in form_text(app)
        await press(pilot, *"450")
        assert "With $450: 61% used; $400 (372–431) by 1 Dec, so it should last." in form_text(app)
        assert "poolwatch budgets set team limit='$450'" in form_text(app)
        assert "~/.config/poolwatch/config.toml; comments there are kept" in form_text(app)
        assert feed_of(app).saved_budgets == []
        await press(pilot, "enter")
        assert feed_of(app).saved_budgets == [("team", {"limit": "$450"})]
        assert isinstance(app.screen, BudgetsScreen)
        assert said(app) == "team is saved"


async def test_of_a_budget_of_each_the_first_part_is_selected_once_it_is_saved() -> None:
    parts = seats("a" * 16, "b" * 16).budgets
    app = app_with(BudgetReport(NOW, (TEAM, *parts)))
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, "G", "enter", *"25", "enter")
        assert feed_of(app).saved_budgets == [("seats", {"limit": "$25"})]
        assert selected(app) == "seats: aaaaaaaa"


async def test_escape_leaves_it_as_it_was() -> None:
    app = app_with()
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, "enter", *"450", "escape")
        assert isinstance(app.screen, BudgetsScreen)
        await press(pilot, "enter", "down", "right", "escape")
        assert isinstance(app.screen, BudgetsScreen)
        assert feed_of(app).saved_budgets == []


async def test_nothing_changed_is_nothing_written() -> None:
    app = app_with()
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, "enter", "enter")
        assert isinstance(app.screen, BudgetsScreen)
        assert feed_of(app).saved_budgets == []


async def test_plus_adds_the_ten_dollars_that_are_proposed() -> None:
    app = app_with()
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, "plus")
        assert feed_of(app).saved_budgets == []
        await press(pilot, "enter")
        assert feed_of(app).saved_budgets == [
            (None, {"name": "monthly", "limit": "$10", "period": "monthly"})
        ]
        assert said(app) == "monthly is added"


async def test_tab_completes_the_filter_by_the_use_that_is_known() -> None:
    app = app_with()
    texts = {GroupBy.MODEL: ["gpt-sol-1"], GroupBy.USER: ["ann", "anton"]}
    feed_of(app).trying = lambda _: BudgetTried(BudgetReport(NOW), texts=texts)
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "plus", "up", "up")
        await press(pilot, *"mod", "tab", *"gpt", "tab", *"user:a", "tab")
        assert app.screen.query_one(ValueLine).value == "model:gpt-sol-1 user:an"
        assert said(app) == "ann  anton"
        # elsewhere there is nothing to complete
        await press(pilot, "up", *"mod", "tab")
        assert app.screen.query_one(ValueLine).value == "mod"


async def test_the_form_says_which_operations_it_is_measured_for() -> None:
    app = app_with()
    texts = {GroupBy.OPERATION: ["batch", "chat", "image"]}
    feed_of(app).trying = lambda _: BudgetTried(BudgetReport(NOW), texts=texts)
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, "plus", "up", "up")
        told = "batch · chat · image (by filter, e.g. operation:image)"
        assert f"measured for    {told}" in screen_text(app)
        await press(pilot, *"operation:chat")
        assert "measured for    chat (by filter)" in screen_text(app)
        # a weekly window is of all that is done
        await press(pilot, "down", *["right"] * 3)
        assert "measured for" not in screen_text(app)


async def test_choices_are_chosen_with_the_arrows_and_letters_are_typed() -> None:
    app = app_with()
    async with app.run_test(size=SMALL) as pilot:
        # letters that are keys elsewhere go into the value
        await opened(pilot, "enter", "up", "up", *"model:sol q?", "down", "right", "down", "down", "right")
        assert isinstance(app.screen, BudgetFormScreen)
        await press(pilot, "enter")
        assert feed_of(app).saved_budgets == [
            ("team", {"filter": "model:sol q?", "limit": "300.00 credits", "each": "account"})
        ]


async def test_the_help_is_offered_where_its_key_is_no_letter_of_a_value() -> None:
    app = app_with()
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, "enter")
        assert "help" not in keys(app)
        await press(pilot, "down")
        assert "? help" in keys(app)


async def test_an_empty_value_says_what_can_be_typed() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "enter", "up", "up")
        row = next(line for line in screen_text(app).splitlines() if "filter" in line)
        assert "such as group:night, model:sol tier:fast, operation:image" in row
        assert "12 accounts match" in row
        await press(pilot, *"plan:pro")
        row = next(line for line in screen_text(app).splitlines() if "filter" in line)
        assert "plan:pro" in row
        assert "3 accounts match" in row


async def test_a_wrong_value_is_told_beside_it_and_not_saved() -> None:
    app = app_with()
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, "enter", *"much")
        assert "a limit is above 0, e.g. $10, 250 credits, 5M tokens, 80%" in form_text(app)
        await press(pilot, "enter")
        assert isinstance(app.screen, BudgetFormScreen)
        assert feed_of(app).saved_budgets == []


async def test_what_only_the_configuration_knows_is_told_beside_its_row() -> None:
    app = app_with()
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, "enter", *["down"] * 4, *"Mars/Base")
        row = next(line for line in form_text(app).splitlines() if "time zone" in line)
        assert "is no time zone" in row


async def test_what_cannot_be_written_is_said_and_the_form_stays() -> None:
    app = app_with()
    feed_of(app).save_problem = "config.toml changed meanwhile"
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, "enter", *"450", "enter")
        assert isinstance(app.screen, BudgetFormScreen)
        assert said(app) == "nothing was written: config.toml changed meanwhile"


async def test_all_rows_can_be_reached_on_the_smallest_screen() -> None:
    app = app_with()
    async with app.run_test(size=TINY) as pilot:
        await opened(pilot, "enter")
        for _ in range(11):
            await press(pilot, "down")
            assert sum(line.startswith("▌") for line in form_text(app).splitlines()) == 1


# --- pictures

SHOTS = [
    ("four-80", SMALL, {}, ()),
    ("four-120", NORMAL, {}, ()),
    ("four-60", TINY, {}, ()),
    ("four-200-light", LARGE, {"theme": "poolwatch-light"}, ("down", "down")),
    ("four-120-ascii", NORMAL, {"glyphs": "ascii"}, ("down", "down")),
    ("four-80-ansi", SMALL, {"theme": "poolwatch-ansi"}, ("down",)),
    ("four-120-contrast", NORMAL, {"theme": "poolwatch-contrast"}, ("down", "down", "down")),
    ("form-80", SMALL, {}, ("enter", *"450")),
    ("form-120-light", NORMAL, {"theme": "poolwatch-light"}, ("enter", "down", "right")),
    ("form-80-ascii", SMALL, {"glyphs": "ascii"}, ("enter", "down")),
    ("form-80-wrong", SMALL, {"theme": "poolwatch-ansi"}, ("enter", *"much")),
    ("form-60", TINY, {}, ("enter",)),
]


@pytest.mark.parametrize(("name", "size", "options", "pressed"), SHOTS, ids=[shot[0] for shot in SHOTS])
def test_picture(
    name: str,
    size: tuple[int, int],
    options: dict[str, Any],
    pressed: tuple[str, ...],
    snap_compare: Compare,
) -> None:
    """As drawn: bars, what comes, what happens at the limit; the form with its preview and its command."""

    async def before(pilot: Pilot[ExitRequest]) -> None:
        await opened(pilot, *pressed)

    assert snap_compare(app_with(**options), terminal_size=size, run_before=before)


@pytest.mark.parametrize(
    ("report", "size"),
    [
        (BudgetReport(NOW), SMALL),
        (BudgetReport(NOW), NORMAL),
        (seats(*(f"{number:016x}" for number in range(60))), SMALL),
        (seats(*(f"{number:016x}" for number in range(60))), NORMAL),
    ],
    ids=["none-80", "none-120", "sixty-80", "sixty-120"],
)
def test_picture_of_none_and_many(report: BudgetReport, size: tuple[int, int], snap_compare: Compare) -> None:
    """What a budget is; and of many, one line each, with what was left out counted."""

    async def before(pilot: Pilot[ExitRequest]) -> None:
        await opened(pilot, "down")

    assert snap_compare(app_with(report), terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", [NORMAL, SMALL, LARGE], ids=["120", "80", "200"])
def test_picture_of_the_strip(size: tuple[int, int], snap_compare: Compare) -> None:
    """The nearest one below the outlook; on a small screen it gives way."""
    assert snap_compare(app_with(replace(FOUR, budgets=FOUR.budgets[:2])), terminal_size=size)
