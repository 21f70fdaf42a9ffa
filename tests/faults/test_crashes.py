"""An error of our own, wherever it happens: the report says where, shows no value, and the code is 1."""

from __future__ import annotations

import importlib
from typing import NoReturn

import pytest
from textual.pilot import Pilot

from poolwatch.bootstrap.console import EXIT_FAILED, guarded
from tests.faults.canaries import Canaries
from tests.ui.pools import app_of
from tests.ui.reading import feed_of

_CANARIES = Canaries()
_TOKEN = f"rt_{_CANARIES['one']}"
_SCREENS = "poolwatch.ui.screens"
_WIDGETS = "poolwatch.ui.widgets"


def broken(*given: object, **named: object) -> NoReturn:
    """What a handler with a defect does."""
    token = _TOKEN
    try:
        _raise(KeyError(token))
    except KeyError as error:
        trouble = RuntimeError(f"{token} {given}")
        trouble.add_note(token)
        raise trouble from error
    raise AssertionError


def _raise(error: Exception) -> NoReturn:
    raise error


@pytest.mark.parametrize(
    ("place", "keys"),
    [
        ("poolwatch.ui.app.PoolApp.on_mount", ""),
        ("poolwatch.ui.app.PoolApp.action_theme", "t"),
        ("poolwatch.ui.app.PoolApp.on_pool_drawn", ""),
        (f"{_SCREENS}.pool.PoolScreen.compose", ""),
        (f"{_SCREENS}.pool.PoolScreen.redraw", "down"),
        (f"{_SCREENS}.pool.PoolScreen.action_refresh_account", "r"),
        (f"{_SCREENS}.detail.DetailScreen.redraw", "enter"),
        (f"{_SCREENS}.texts.HelpScreen.redraw", "question_mark"),
        (f"{_SCREENS}.raw.RawScreen.compose", "x"),
        (f"{_WIDGETS}.wall.AccountWall.render_line", ""),
        (f"{_WIDGETS}.lines.Lines.render_line", ""),
        (f"{_WIDGETS}.lines.Pane.render_line", "enter"),
    ],
)
async def test_an_error_in_any_part_of_the_screen_tells_no_value(
    place: str, keys: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    module, kind, method = place.rsplit(".", 2)
    monkeypatch.setattr(getattr(importlib.import_module(module), kind), method, broken)
    feed = feed_of()
    feed.payloads = dict.fromkeys(feed.state.accounts, _TOKEN)
    app = app_of(feed.state, feed=feed)

    async def press(pilot: Pilot[object]) -> None:
        if keys:
            await pilot.press(keys)

    await app.run_async(headless=True, size=(80, 24), auto_pilot=press)
    out, err = capfd.readouterr()
    assert app.return_code == 1
    assert "RuntimeError" in out + err
    assert "test_crashes" in out + err
    assert _CANARIES.leaks((out + err).encode()) == []


def test_an_error_in_a_command_tells_no_value(capfd: pytest.CaptureFixture[str]) -> None:
    assert guarded(broken) == EXIT_FAILED
    out, err = capfd.readouterr()
    assert out == ""
    assert "caused by KeyError" in err
    assert _CANARIES.leaks(err.encode()) == []
