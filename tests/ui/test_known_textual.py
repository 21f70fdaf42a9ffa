"""Private parts of Textual are used in the version in which they were read, and in no other."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from rich.console import RenderableType
from textual.screen import Screen

from poolwatch.ui import terminal
from poolwatch.ui.app import PoolApp
from poolwatch.ui.state import AppOptions, WallView
from poolwatch.ui.terminal.calm_update import CalmUpdate
from tests.ui.pools import NOW, ZONE, crowd, state_of
from tests.ui.reading import settle
from tests.ui.scripted_feed import ScriptedFeed


def test_this_is_the_version_that_was_read() -> None:
    """Fails with another version: read calm_update, page, terminal, then raise VERSION."""
    assert version("textual") == terminal.VERSION
    assert terminal.IS_KNOWN


@pytest.mark.parametrize("is_known", [True, False])
async def test_another_version_runs_on_what_textual_does_by_itself(
    monkeypatch: pytest.MonkeyPatch, *, is_known: bool
) -> None:
    sent: list[RenderableType | None] = []

    def display(self: object, screen: Screen[object], renderable: RenderableType | None) -> None:
        sent.append(renderable)

    monkeypatch.setattr(terminal, "IS_KNOWN", is_known)
    monkeypatch.setattr("textual.app.App._display", display)
    app = PoolApp(ScriptedFeed(state_of(crowd(12)), NOW, ZONE), AppOptions(view=WallView.CARDS))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("j", "j", "question_mark")
        await settle(pilot)
    assert any(isinstance(each, CalmUpdate) for each in sent) is is_known
    assert sent
