"""The filter of the main screen: completion, saved ones, where the palette goes; and that `status` agrees."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.widgets import Input

from poolwatch.domain.overview import overview
from poolwatch.domain.query.fields import FIELDS, OF_ACCOUNTS
from poolwatch.domain.status import Section
from poolwatch.domain.values import replace
from poolwatch.presentation.filter import matching
from poolwatch.presentation.view import Prefs, SortKey
from poolwatch.ui.app import PoolApp
from poolwatch.ui.board import Board
from poolwatch.ui.screens.command_palette import CalmPalette, Places
from poolwatch.ui.screens.credits import CreditsScreen
from poolwatch.ui.screens.detail import DetailScreen
from poolwatch.ui.screens.events import EventsScreen
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.state import ExitRequest, WallView
from tests.ui.pools import NOW, ZONE, app_of, state_of, twelve
from tests.ui.reading import said, settle, strip, wall

SAVED = Prefs(zone=ZONE, filters=(("tight", "weekly>=80 or 5h>=80"), ("east", "group:team-east")))
STATE = state_of(twelve())

_PARTS = st.sampled_from(
    [
        *(f"{name}{sign}60" for name in ("weekly", "5h", "credits", "usd", "burn") for sign in (">=", "<")),
        *(f"{name}:{value}" for name in OF_ACCOUNTS[:12] for value in ("a", "e", "p", "yes", "no")),
        *("!", "alice", "resets<2h", "@tight", "@east", "model:x", "weekli>2", '"needs login"', ")", ""),
    ]
)
_BEFORE = st.sampled_from(["", "-", "!", "not ", "or ", "(", "-("])
_FILTERS = st.lists(st.tuples(_BEFORE, _PARTS, st.sampled_from(["", ")"])), max_size=5).map(
    lambda parts: " ".join("".join(each) for each in parts)
)


@given(_FILTERS)
def test_the_screen_and_status_find_the_same(text: str) -> None:
    seen = overview(STATE, NOW, SAVED.rules)
    by_status = matching(seen, text, SAVED)
    board = Board(STATE, SAVED, NOW)
    found = {key for view in board.sections(SortKey.NEED, text, NOW, reverse=False) for key in view.keys}
    assert found == by_status


@given(_FILTERS)
def test_what_needs_you_is_one_more_wish_whatever_is_filtered(text: str) -> None:
    screen = PoolScreen(app_of(STATE, prefs=SAVED).ui)
    screen.filter_text, screen.only_needs_you = text, True
    seen = overview(STATE, NOW, SAVED.rules)
    wanted = {key for key in matching(seen, text, SAVED) if seen.by_key[key].section is Section.NEEDS_YOU}
    assert matching(seen, screen._words, SAVED) == wanted


async def test_tab_completes_what_is_typed() -> None:
    app = app_of("twelve", view=WallView.TABLE, prefs=SAVED)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("slash", *"wee", "tab")
        await settle(pilot)
        line = app.screen.query_one(Input)
        assert line.value == "weekly>"
        assert len(wall(app).order) == 12
        line.insert_text_at_cursor("=80 -sta")
        await pilot.press("tab")
        await settle(pilot)
        assert said(app) == "status:  stale:"
        line.insert_text_at_cursor("tus:ex")
        await pilot.press("tab")
        await settle(pilot)
        assert line.value == "weekly>=80 -status:exhausted "
        assert "of 12 match" in said(app)
        line.value = "pro @ti"
        line.cursor_position = len(line.value)
        await pilot.press("tab")
        await settle(pilot)
        assert line.value == "pro (weekly>=80 or 5h>=80)"


async def hits(pilot: Pilot[ExitRequest], app: PoolApp, typed: str) -> dict[str, object]:
    await settle(pilot)
    return {str(hit.text): hit.command async for hit in Places(app.screen, None).search(typed)}


async def test_the_palette_goes_to_accounts_saved_filters_and_screens() -> None:
    app = app_of("twelve", view=WallView.TABLE, prefs=SAVED)
    async with app.run_test(size=(120, 40)) as pilot:
        assert next(iter(await hits(pilot, app, "alice"))) == "alice@example.com"
        assert "the events" in await hits(pilot, app, "events")
        # from another screen, and though a filter hides it
        await pilot.press("slash", *"zzz", "enter", "e")
        await settle(pilot)
        assert isinstance(app.screen, EventsScreen)
        await run(app, "alice", "alice@example.com", pilot)
        assert isinstance(app.screen, DetailScreen)
        assert app.ui.board.state.accounts[app.screen.account].name.label == "alice@example.com"
        await run(app, "tight", "@tight", pilot)
        assert isinstance(app.screen, PoolScreen)
        assert "filter @tight" in strip(app)
        seen = overview(app.ui.board.state, NOW, SAVED.rules)
        assert set(wall(app).order) == matching(seen, "weekly>=80 or 5h>=80", SAVED) != set()
        await run(app, "events", "the events", pilot)
        assert isinstance(app.screen, EventsScreen)
        await run(app, "credits", "the credits", pilot)
        assert isinstance(app.screen, CreditsScreen)
        await run(app, "main", "the main screen", pilot)
        assert isinstance(app.screen, PoolScreen)


async def run(app: PoolApp, typed: str, name: str, pilot: Pilot[ExitRequest]) -> None:
    command = (await hits(pilot, app, typed))[name]
    assert callable(command)
    await command()
    await settle(pilot)


async def test_a_masked_address_finds_nobody_in_the_palette() -> None:
    prefs = replace(SAVED, mask=True, filters=(("mine", "email:alice@example.com"),))
    app = app_of("twelve", prefs=prefs)
    async with app.run_test(size=(120, 40)) as pilot:
        assert not [name for name in await hits(pilot, app, "alice") if "alice" in name]
        told = [str(hit.help) async for hit in Places(app.screen, None).search("@mine")]
        assert [each for each in told if "saved filter" in each]
        assert "alice" not in "".join(told)


@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
async def test_both_keys_open_the_palette(key: str) -> None:
    app = app_of("twelve", prefs=SAVED)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(key)
        await settle(pilot)
        assert isinstance(app.screen, CalmPalette)
        await pilot.press(*"alice")
        for _ in range(100):
            await asyncio.sleep(0.02)
            if app.screen.query("CommandList") and app.screen.query_one("CommandList").option_count:  # type: ignore[attr-defined]
                break
        await pilot.press("enter", "enter")
        for _ in range(100):
            await asyncio.sleep(0.02)
            if isinstance(app.screen, DetailScreen):
                break
        assert isinstance(app.screen, DetailScreen)


def test_every_field_is_in_the_document() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs" / "filters.md").read_text(encoding="utf-8")
    assert [name for name in FIELDS if f"`{name}`" not in text] == []
