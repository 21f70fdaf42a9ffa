"""Textual without what no first screen needs: nobody may notice. Each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

#: What the palette brings along, and what tells that it is loaded.
PALETTE = ("textual.command", "textual.widgets._input", "textual.widgets._option_list", "textual.validation")
HELD_BACK = (
    *(*PALETTE, "platformdirs", "pickle", "difflib"),
    *("textual.markup", "textual.canvas", "textual.suggestions", "textual.css._help_text"),
    *("rich.table", "textual.widgets._toast", "textual.containers"),
)


def run(program: str) -> str:
    """What a program prints that is run on its own."""
    # a measured run loads modules of its own
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


LEAN = """
import sys
from poolwatch.ui.lean_textual import load_textual, HELD_BACK, _Later, _StandIn, _Ancestor
load_textual()
import textual, textual.app, textual.theme
"""


def test_textual_is_loaded_without_the_palette_and_what_comes_with_it() -> None:
    loaded = run(f"{LEAN}\nprint(*sys.modules)").split()
    assert not set(HELD_BACK) & set(loaded)


def test_stand_ins_are_only_where_they_are_replaced() -> None:
    run(f"""{LEAN}
assert not any(isinstance(module, _StandIn) for module in sys.modules.values())
assert not hasattr(textual, "command")
found = set()
for keeper, module in list(sys.modules.items()):
    for name, kept in list(vars(module).items()):
        if isinstance(kept, _Later):
            found.add((kept.module, keeper))
        elif isinstance(kept, type) and _Ancestor in kept.__bases__:
            assert kept.__module__ == "textual.theme" and name == "ThemeProvider"
assert found == {{(name, keeper) for name, keepers in HELD_BACK.items() for keeper in keepers}}, found
""")


@pytest.mark.parametrize(
    "use",
    [
        "textual.app.CommandPalette.is_open",
        "textual.app.SimpleProvider(object(), [])",
        "textual.theme.DiscoveryHit('a', print)",
    ],
)
def test_the_first_use_of_a_part_gives_the_real_ones_to_all(use: str) -> None:
    run(f"""{LEAN}
{use}
import textual.command as real
app, theme = textual.app, textual.theme
assert textual.command is real and sys.modules["textual.command"] is real
for name in ("CommandListItem", "CommandPalette", "Provider", "SimpleProvider"):
    assert vars(app)[name] is getattr(real, name), name
for name in ("DiscoveryHit", "Hit", "Hits", "Provider"):
    assert vars(theme)[name] is getattr(real, name), name
assert issubclass(theme.ThemeProvider, real.Provider)
assert theme.ThemeProvider.__mro__[1:] == real.Provider.__mro__
""")


def test_other_libraries_are_the_real_ones_when_they_are_used() -> None:
    run(f"""{LEAN}
import platformdirs
assert textual.app.user_downloads_path() == platformdirs.user_downloads_path()
assert textual.app.user_downloads_path is platformdirs.user_downloads_path
""")


def test_textual_that_is_there_stays_as_it_is() -> None:
    run(f"""
import textual.theme
theme = textual.theme.ThemeProvider
{LEAN}
import textual.command as real
assert textual.theme.ThemeProvider is theme and theme.__mro__[1] is real.Provider
assert textual.app.CommandPalette is real.CommandPalette
""")


def test_another_version_is_loaded_as_it_is() -> None:
    run(f"""
from poolwatch.ui import known_textual
known_textual.IS_KNOWN = False
{LEAN}
assert vars(textual.app)["CommandPalette"] is sys.modules["textual.command"].CommandPalette
assert vars(textual.app)["user_downloads_path"] is sys.modules["platformdirs"].user_downloads_path
""")


APP = """
import asyncio, sys
from poolwatch.ui.lean_textual import load_textual, _Later
load_textual()
from tests.ui.pools import NOW, ZONE, crowd, state_of
from tests.ui.scripted_feed import ScriptedFeed
from tests.ui.reading import settle
from poolwatch.presentation.prefs import Prefs
from poolwatch.ui.app import PoolApp
from poolwatch.ui.options import AppOptions
import textual.app

async def until(pilot, done):
    for _ in range(100):
        if done():
            return
        await pilot.pause(0.02)
    raise AssertionError("it never came")

def listed(app):
    found = app.screen.query("CommandList")
    return [str(option.prompt) for option in found.first().options] if found else []

async def main():
    app = PoolApp(ScriptedFeed(state_of(crowd(12)), NOW, ZONE), AppOptions(prefs=Prefs(zone=ZONE)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "textual.command" not in sys.modules
        await check(app, pilot)

def go(): asyncio.run(main())
"""


def test_our_palette_opens_and_works() -> None:
    run(f"""{APP}
async def check(app, pilot):
    await pilot.press("ctrl+p")
    await until(pilot, lambda: len(listed(app)) > 5)
    from textual.command import CommandPalette
    assert isinstance(app.screen, CommandPalette)
    assert textual.app.CommandPalette.is_open(app)
    assert vars(textual.app)["CommandPalette"] is CommandPalette
    await pilot.press(*"mask")
    await until(pilot, lambda: len(listed(app)) == 1)
    await pilot.press("enter")
    await until(pilot, lambda: app.session.choice.mask)
    assert not CommandPalette.is_open(app)
go()""")


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("app.search_themes()", "poolwatch-dark"),
        ("app.search_commands([('one', print), ('two', print)])", "two"),
        ("textual.app.App.action_command_palette(app)", "quit"),
    ],
)
def test_what_textual_does_with_the_palette_works(call: str, found: str) -> None:
    run(f"""{APP}
async def check(app, pilot):
    {call}
    await until(pilot, lambda: any({found!r} in prompt for prompt in listed(app)))
go()""")
