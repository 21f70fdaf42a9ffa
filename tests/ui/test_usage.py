"""The usage screen: how it is opened, what its keys do, and what it looks like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from poolwatch.domain.message import Message
from poolwatch.domain.quarters import UsePeriod
from poolwatch.domain.tokens import GroupBy, Origin, ScanState, UseCell
from poolwatch.domain.use_report import UseReport, UseWish, kept_of
from poolwatch.domain.values import replace
from poolwatch.presentation.view import Costs, Prefs
from poolwatch.ui.app import PoolApp
from poolwatch.ui.screens.choosing import ChoiceScreen
from poolwatch.ui.screens.detail import DetailScreen
from poolwatch.ui.screens.first_run import FirstRunScreen
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.screens.usage import UsageScreen
from poolwatch.ui.state import ExitRequest
from poolwatch.ui.widgets.filter_line import CompletedLine
from poolwatch.ui.widgets.lines import Lines
from tests.presentation.use import CALENDAR, READ, month_of_use, reported
from tests.support.used import MadeUse
from tests.ui.pools import NOW, ZONE, app_of, state_of, twelve
from tests.ui.reading import said, screen_text, settle, strip, wall
from tests.ui.scripted_feed import ScriptedFeed

Compare = Callable[..., bool]
SMALL, NORMAL, TINY, LARGE = (80, 24), (120, 40), (60, 15), (200, 60)
ALICE = twelve()[5].key
_KNOWN = (GroupBy.MODEL, GroupBy.ACCOUNT, GroupBy.USER, GroupBy.CLIENT, GroupBy.PROJECT)


def using(cells: list[UseCell] | None = None, scan: ScanState = READ) -> ScriptedFeed:
    """A feed that answers as a book of made use would."""
    feed = ScriptedFeed(state_of(twelve()), NOW, ZONE)
    book = month_of_use() if cells is None else cells

    def used(wish: UseWish) -> UseReport:
        texts = [(each.by.value, each.group.text) for each in wish.narrow]
        keeps = kept_of(wish.narrow, CALENDAR, {})
        found = [
            cell
            for cell in book
            if keeps(cell) and all(getattr(cell, name, text) == text for name, text in texts)
        ]
        asked = {"narrow": wish.narrow, "filter_text": wish.filter_text, "mask": wish.mask}
        told = reported(wish.period, wish.by, wish.origin, found, scan, **asked)
        known = {by: sorted({text for cell in book if (text := getattr(cell, by.value))}) for by in _KNOWN}
        return replace(told, texts=known if wish.is_filtered else {})

    feed.used = used
    return feed


def pictured() -> ScriptedFeed:
    """A feed of use as a picture shows it."""
    feed = ScriptedFeed(state_of(twelve()), NOW, ZONE)
    feed.used = MadeUse(NOW, ZONE, [ALICE, twelve()[6].key]).answer
    return feed


async def opened(pilot: Pilot[ExitRequest], *keys: str) -> UsageScreen:
    await settle(pilot)
    await pilot.press("U")
    await settle(pilot)
    for key in keys:
        await pilot.press(key)
        await settle(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, UsageScreen | ChoiceScreen)
    return screen  # type: ignore[return-value]  # most ask for it


def app_with(feed: ScriptedFeed | None = None, **options: Any) -> PoolApp:
    return app_of(feed=feed or using(), **options)


def title(app: PoolApp) -> str:
    return app.screen.query_one("#title", Lines).text


def body(app: PoolApp) -> str:
    return app.screen.query_one("#use", Lines).text


def selected(app: PoolApp) -> str:
    return next(line for line in body(app).splitlines() if line.startswith("▌")).split()[1]


def last_wish(app: PoolApp) -> UseWish:
    feed = app.ui.feed
    assert isinstance(feed, ScriptedFeed)
    return feed.wishes[-1]


async def test_it_opens_on_this_month_by_model_and_its_key_closes_it() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot)
        assert last_wish(app) == UseWish(UsePeriod.MONTH, GroupBy.MODEL, Origin.FILES)
        assert title(app).startswith(" Usage  November by model")
        assert "‹session files› · OpenAI's count · imported" in title(app)
        assert "your plans do not bill it" in body(app)
        assert selected(app) == "sol"
        await pilot.press("U")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)


async def test_the_period_goes_shorter_and_longer_and_no_further() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, *"[" * 5)
        assert last_wish(app).period is UsePeriod.TODAY
        assert "today by model" in title(app)
        for _ in range(7):
            await pilot.press("]")
        await settle(pilot)
        assert last_wish(app).period is UsePeriod.ALL


LETTERS = {
    "d": GroupBy.DAY,
    "mod": GroupBy.MODEL,
    "cli": GroupBy.CLIENT,
    # a letter that fits nowhere begins anew
    "cw": GroupBy.WEEK,
}


async def test_what_to_group_by_is_chosen_by_its_first_letters() -> None:
    app = app_with()
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        for letters, by in LETTERS.items():
            await pilot.press("o", *letters)
            await settle(pilot)
            assert isinstance(app.screen, UsageScreen)
            assert last_wish(app).by is by


async def test_the_list_is_also_for_arrows_and_leaves_all_as_it_was() -> None:
    app = app_with()
    async with app.run_test(size=TINY) as pilot:
        await opened(pilot, "o", "down", "enter")
        assert last_wish(app).by is GroupBy.ACCOUNT
        await pilot.press("o", "x", "escape")
        await settle(pilot)
        assert last_wish(app).by is GroupBy.ACCOUNT
        assert isinstance(app.screen, UsageScreen)


async def test_a_group_is_opened_and_left_again() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "down", "enter")
        wish = last_wish(app)
        assert [(each.by, each.group.text) for each in wish.narrow] == [(GroupBy.MODEL, "terra")]
        assert wish.by is GroupBy.DAY
        assert "November · terra by day" in title(app)
        assert selected(app) == "today"
        await pilot.press("enter")
        await settle(pilot)
        assert last_wish(app).by is GroupBy.HOUR_OF_DAY
        await pilot.press("escape", "escape")
        await settle(pilot)
        assert last_wish(app).narrow == ()
        # where it was left
        assert selected(app) == "terra"
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, PoolScreen)


async def test_rows_are_sorted_by_column_and_the_other_way_round() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "1")
        assert "MODEL▲" in body(app)
        assert selected(app) == "free"
        await pilot.press("1")
        await settle(pilot)
        assert "MODEL▼" in body(app)
        assert selected(app) == "terra"
        await pilot.press("s")
        await settle(pilot)
        assert "REQUESTS▼" in body(app)
        assert selected(app) == "sol"
        await pilot.press("S")
        await settle(pilot)
        assert selected(app) == "qwen"


async def test_a_filter_keeps_rows_with_its_letters_and_esc_clears_it() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "slash", *"ter", "enter")
        assert said(app) == "1 of 4 shown"
        assert "total 1 of 4" in body(app)
        assert selected(app) == "terra"
        await pilot.press("escape")
        await settle(pilot)
        assert "total 1 of 4" not in body(app)
        assert isinstance(app.screen, UsageScreen)


async def test_a_filter_has_fields_and_says_what_is_wrong_with_it() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "slash", *"model:sol")
        await settle(pilot)
        assert said(app) == "1 of 4 shown"
        assert last_wish(app).filter_text == "model:sol"
        # all that stands above is of that use as well, and the title says so
        assert "filter model:sol" in title(app)
        line = app.screen.query_one("#filter", CompletedLine)
        for typed, told in (
            ("weekly>=80", "0 of 4 shown: “weekly” is of accounts as they stand, not of usage"),
            ("model:solar", "0 of 4 shown: no model begins with “solar”; did you mean “sol”?"),
            ("modle:sol", "0 of 4 shown: no field “modle”; model?"),
            ("project:reef", "3 of 4 shown"),
            ("zzzz:good", "no field “zzzz”; there are: plan"),
            ("sol or weekly>80", "1 of 4 shown · “weekly” is of accounts"),
        ):
            line.value = typed
            await settle(pilot)
            await settle(pilot)
            assert said(app).startswith(told), typed


async def test_tab_completes_a_filter_by_what_use_has() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "slash", *"mod", "tab")
        line = app.screen.query_one("#filter", CompletedLine)
        assert line.value == "model:"
        await settle(pilot)
        await pilot.press("t", "tab")
        await settle(pilot)
        assert line.value == "model:terra "
        await pilot.press(*"w", "tab")
        assert line.value == "model:terra w"
        line.value = "tier:"
        line.cursor_position = 5
        await pilot.press("tab")
        await settle(pilot)
        assert said(app) == "fast  standard"


async def test_a_filter_stays_where_a_group_is_opened_and_grouped_anew() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "slash", *"reef", "enter")
        whole = app.screen._report.total.requests  # type: ignore[attr-defined]  # of the screen of usage
        await pilot.press("enter")
        await settle(pilot)
        wish = last_wish(app)
        assert (wish.by, len(wish.narrow), wish.filter_text) == (GroupBy.DAY, 1, "reef")
        await pilot.press("escape")
        await settle(pilot)
        assert last_wish(app).filter_text == ""
        # back to where it was filtered
        await pilot.press("escape")
        await settle(pilot)
        assert last_wish(app) == UseWish(filter_text="reef")
        assert app.screen._report.total.requests == whole  # type: ignore[attr-defined]  # likewise


async def test_what_is_masked_is_not_filtered_by() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "slash", *"reef", "enter")
        assert said(app).startswith("3 of 4")
        await pilot.press("m")
        await settle(pilot)
        await settle(pilot)
        assert last_wish(app).mask
        assert said(app).startswith("0 of 4")
        await pilot.press("m")
        await settle(pilot)
        await settle(pilot)
        assert not last_wish(app).mask
        assert said(app).startswith("3 of 4")


async def test_what_was_imported_is_told_apart() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot)
        await pilot.press("tab", "tab")
        await settle(pilot)
        assert last_wish(app).origin is Origin.IMPORTED
        assert "session files · OpenAI's count · ‹imported›" in title(app)
        await pilot.press("tab")
        await settle(pilot)
        assert last_wish(app).origin is Origin.FILES


async def test_it_follows_what_is_read_meanwhile_and_says_how_far_that_is() -> None:
    scan = ScanState(running=True, bytes_done=62, bytes_total=100)
    feed = using(scan=scan)
    app = app_with(feed)
    async with app.run_test(size=NORMAL) as pilot:
        screen = await opened(pilot)
        assert "reading files 62%" in title(app)
        wished = len(feed.wishes)
        await screen._read_new()
        assert len(feed.wishes) == wished
        feed.used = using().used
        feed.use_is = "more"
        await screen._read_new()
        await settle(pilot)
        assert "prices of 12 Nov" in title(app)


@pytest.mark.parametrize(("complete_at", "seconds"), [(None, 1.5), (1.0, 0.25)])
async def test_it_rests_longer_while_files_are_read_for_the_first_time(
    complete_at: float | None, seconds: float
) -> None:
    feed = using(scan=ScanState(complete_at=complete_at, running=True, bytes_done=62, bytes_total=100))
    app, answer = app_with(feed), feed.use

    async def slow(wish: UseWish) -> UseReport | Message:
        feed.pass_time(1)
        return await answer(wish)

    feed.use = slow  # type: ignore[method-assign]  # the feed of this test alone
    async with app.run_test(size=NORMAL) as pilot:
        screen = await opened(pilot)
        assert screen._rests_until - feed.now() == timedelta(seconds=seconds)


async def test_today_ends_without_anything_that_is_read() -> None:
    feed = using()
    app = app_with(feed)
    async with app.run_test(size=NORMAL) as pilot:
        screen = await opened(pilot)
        wished = len(feed.wishes)
        feed.pass_time(60)
        await screen._read_new()
        assert len(feed.wishes) == wished
        feed.pass_time(12 * 60)
        await screen._read_new()
        assert len(feed.wishes) == wished + 1


async def test_what_comes_late_for_a_former_wish_is_not_shown() -> None:
    feed = using()
    app = app_with(feed)
    async with app.run_test(size=NORMAL) as pilot:
        screen = await opened(pilot)
        answer, late = feed.use, asyncio.Event()

        async def slow(wish: UseWish) -> UseReport | Message:
            if wish.period is UsePeriod.LAST_MONTH:
                await late.wait()
            return await answer(wish)

        feed.use = slow  # type: ignore[method-assign]  # the feed of this test alone
        await pilot.press("]", "[")
        await settle(pilot)
        late.set()
        await settle(pilot)
        assert "November by model" in title(app)
        assert isinstance(screen, UsageScreen)


async def test_why_nothing_can_be_read_is_said() -> None:
    feed = using()
    feed.used = lambda _: Message("use.newer")
    app = app_with(feed)
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot)
        assert "later poolwatch" in said(app)


async def test_of_an_account_its_own_use_is_opened() -> None:
    app = app_with()
    async with app.run_test(size=NORMAL) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, DetailScreen)
        key = app.screen.account
        await pilot.press("U")
        await settle(pilot)
        assert [(each.by, each.group.text) for each in last_wish(app).narrow] == [(GroupBy.ACCOUNT, key.id)]
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, DetailScreen)


async def test_masked_no_project_is_named() -> None:
    app = app_with(prefs=Prefs(zone=ZONE, mask=True))
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "o", "p")
        assert "reef" not in screen_text(app)
        await pilot.press("m")
        await settle(pilot)
        assert "reef" in screen_text(app)


async def test_of_many_groups_a_key_draws_those_on_screen() -> None:
    cells = [replace(each, conversation=f"{number:08}") for number, each in enumerate(month_of_use() * 40)]
    app = app_with(using(cells))
    async with app.run_test(size=NORMAL) as pilot:
        await opened(pilot, "o", "c", "o", "G")
        assert f"{len(cells) - 1:08}"[:4] in body(app) or "more" in body(app)
        assert len(body(app).splitlines()) <= NORMAL[1] - 3


PICTURES: tuple[tuple[str, tuple[int, int], dict[str, Any], tuple[str, ...]], ...] = (
    ("use-60", TINY, {"theme": "poolwatch-contrast"}, ()),
    ("use-80", SMALL, {}, ()),
    ("use-120", NORMAL, {}, ("]", "[", "[")),
    ("use-200", LARGE, {"theme": "poolwatch-light"}, ("o", "d")),
    ("use-80-ascii", SMALL, {"glyphs": "ascii", "theme": "poolwatch-ansi"}, ("o", "p")),
    ("use-120-ascii", NORMAL, {"glyphs": "ascii"}, ("[",)),
    ("use-choices", SMALL, {}, ("o", "c")),
    ("use-masked", NORMAL, {"prefs": Prefs(zone=ZONE, mask=True)}, ("o", "a")),
)


@pytest.mark.parametrize(("name", "size", "options", "keys"), PICTURES, ids=[each[0] for each in PICTURES])
def test_what_it_looks_like(
    name: str, size: tuple[int, int], options: dict[str, Any], keys: tuple[str, ...], snap_compare: Compare
) -> None:
    async def run(pilot: Pilot[ExitRequest]) -> None:
        await opened(pilot, *keys)
        await settle(pilot)

    assert snap_compare(app_with(pictured(), **options), terminal_size=size, run_before=run)


async def test_what_today_would_cost_stands_in_burn_and_of_an_account_in_its_details() -> None:
    feed = using()
    feed.use_is, feed.cost = "read", Costs("~$12.40", {ALICE.id: ("$3.10", "≥ $84.20")})
    app = app_with(feed)
    async with app.run_test(size=NORMAL) as pilot:
        await settle(pilot)
        assert "API ~$12.40 today" in strip(app)
        wall(app).select(ALICE)
        await pilot.press("enter")
        await settle(pilot)
        assert "COST" in screen_text(app)
        assert "$3.10 today, ≥ $84.20 in 30 days" in screen_text(app)


async def test_without_any_account_it_is_opened_from_the_first_steps() -> None:
    app = app_of("empty", first_run=True)
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, FirstRunScreen)
        await opened(pilot)
        await pilot.press("q")
        await settle(pilot)
        assert isinstance(app.screen, FirstRunScreen)
