"""A read-only run: keys that change something are off, are not offered, and say why when they are pressed."""

from __future__ import annotations

import pytest

from poolwatch.ui.app import PoolApp
from poolwatch.ui.appearance import UNICODE
from poolwatch.ui.keymap import TABLE, Keymap, Scope, remapped, textual_key, unknown_key
from poolwatch.ui.screens.command_palette import KeyCommands
from poolwatch.ui.screens.first_run import FirstRunScreen, first_run_lines
from poolwatch.ui.screens.page import Page
from poolwatch.ui.screens.texts import help_lines
from tests.ui.pools import app_of
from tests.ui.reading import feed_of, said, screen_text, settle
from tests.ui.scripted_feed import ScriptedFeed
from tests.ui.test_app import FOUND, first_run
from tests.ui.test_cells import plain

#: Every key has to be in one of the two.
CHANGES = {
    "refresh",
    "refresh_shown",
    "sign_in",
    "silence",
    "add_first",
    *(f"add_{nth}" for nth in range(2, 10)),
    "add_place",
    "change_budget",
    "add_budget",
    "save_budget",
    "use_reset",
    "top_up",
}
LOOKS = {
    *(f"move_{name}" for name in ("up", "down", "left", "right", "page_up", "page_down", "first", "last")),
    "scroll_up", "scroll_down", "next_account", "previous_account",
    # what the service tells is read, and no login is renewed for it
    "usage", "read_report", "mark", "read_resets", "resets", "whose_resets", "report_figure",
    "needs_you", "next_needs_you", "previous_needs_you", "filter", "sort", "reverse",
    *(f"column_{nth}" for nth in range(1, 10)),
    "view", "group", "mask", "used_left", "search", "next_match", "previous_match", "copy", "raw", "detail",
    "history", "whose", "shorter", "longer", "group_use", "origin", "open_group", "figure", "earlier",
    "later", "open_account", "go_there", "group_events", "older_day", "newer_day", "cost", "events",
    "credits", "read_balance", "budgets", "group_budget",
    "previous_field", "next_field", "previous_choice", "next_choice",
    # this run's own polling
    "pause",
    # remembered of the looks of the app alone
    "theme",
    # a pool of its own
    "demo",
    "back", "about_logins", "palette", "quit", "help", "repaint", "interrupt",
}  # fmt: skip
READ_ONLY = Keymap(read_only=True)


def test_of_every_key_it_is_known_whether_it_changes_something() -> None:
    assert {key.id for key in TABLE if key.changes} == CHANGES
    assert {key.id for key in TABLE if not key.changes} == LOOKS


def test_no_action_is_of_a_key_that_changes_something_and_of_one_that_does_not() -> None:
    of = {
        changes: {key.action.split("(")[0] for key in TABLE if key.changes is changes}
        for changes in (True, False)
    }
    assert of[True].isdisjoint(of[False])
    # pages refuse; the app itself would not be asked
    assert not any(action.startswith("app.") for action in of[True])


@pytest.mark.parametrize("scope", Scope)
def test_what_is_off_is_offered_nowhere(scope: Scope) -> None:
    assert not any(key.changes for key in (*READ_ONLY.at(scope), *READ_ONLY.footer(scope)))
    assert [key for key in Keymap().at(scope) if not key.changes] == list(READ_ONLY.at(scope))
    told = {plain(line).strip() for line in help_lines(READ_ONLY, 100, UNICODE, scope)}
    for key in (each for each in TABLE if each.changes and each.help):
        assert not any(line.endswith(key.help) for line in told)
    first = "\n".join(plain(line) for line in first_run_lines(FOUND, READ_ONLY, 100, UNICODE))
    assert "add" not in first.replace("added by one that is not", "")
    assert "This poolwatch is read-only" in first


@pytest.mark.parametrize("width", [60, 120])
def test_a_pressed_one_says_why_in_one_sentence_by_the_keys_of_this_user(width: int) -> None:
    table = remapped({"refresh": "f5"})[0].table
    keymap = Keymap(table, read_only=True)
    told = unknown_key(keymap, Scope.POOL, "f5", brief=width < 80)
    assert told.startswith("f5 is off: ")
    assert told.endswith("this poolwatch is read-only")
    assert len(told) <= width
    assert "read-only" not in unknown_key(keymap, Scope.POOL, "r")
    assert "read-only" not in unknown_key(keymap, Scope.DETAIL, "R")
    assert "read-only" not in unknown_key(Keymap(table), Scope.POOL, "f5")


OPENED = {Scope.POOL: (), Scope.DETAIL: ("enter",), Scope.HISTORY: ("H",)}
PRESSED = [
    (scope, name)
    for scope in OPENED
    for key in TABLE
    if key.changes and scope in key.scopes
    for name in key.keys
]


@pytest.mark.parametrize(("scope", "name"), PRESSED)
async def test_on_no_screen_one_does_anything(scope: Scope, name: str) -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed, read_only=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press(*OPENED[scope])
        await settle(pilot)
        assert isinstance(app.screen, Page)
        assert app.screen.SCOPE is scope
        await pilot.press(str(textual_key(name)))
        await settle(pilot)
        assert said(app) == f"{name} is off: it changes or spends something, and this poolwatch is read-only"
        # not by any other way, either
        for key in (each for each in TABLE if each.changes):
            await app.run_action(key.action, app.screen)
        await settle(pilot)
        offered = [hit.help async for hit in KeyCommands(app.screen, None).discover()]
        assert not any(str(told).split(":")[0] in CHANGES for told in offered)
    assert untouched(feed)


async def test_the_first_run_screen_adds_nothing() -> None:
    _, feed = first_run()
    app = app_of(feed.state, feed=feed, read_only=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, FirstRunScreen)
        assert "sources are added by one that is not" in screen_text(app)
        for pressed in ("1", "2", "f"):
            await pilot.press(pressed)
            await settle(pilot)
            assert said(app).startswith(f"{pressed} is off")
        await pilot.press(*"~/x", "enter")
    assert untouched(feed)


async def test_the_usage_is_read_all_the_same_and_of_all_that_are_marked() -> None:
    feed = feed_of()
    app: PoolApp = app_of(feed.state, feed=feed, read_only=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("u", "space", "space", "u")
        await settle(pilot)
    assert [asked for _, asked in feed.refreshes] == [{"usage_only": True}]
    assert (len(feed.bulk[0]), feed.bulk_usage_only) == (2, [True])


def untouched(feed: ScriptedFeed) -> bool:
    return not (feed.refreshes or feed.bulk or feed.added or feed.sign_ins or feed.signed_in_of)
