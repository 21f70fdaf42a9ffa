"""What the tests of the app share: a feed, waiting until all is drawn, and what a person reads."""

from __future__ import annotations

from textual.pilot import Pilot

from poolwatch.ui.app import PoolApp
from poolwatch.ui.state import ExitRequest
from poolwatch.ui.widgets.lines import Lines
from poolwatch.ui.widgets.wall import AccountWall
from tests.ui.pools import NOW, ZONE, crowd, state_of, twelve
from tests.ui.scripted_feed import ScriptedFeed


def feed_of(count: int | None = None) -> ScriptedFeed:
    return ScriptedFeed(state_of(twelve() if count is None else crowd(count)), NOW, ZONE)


async def settle(pilot: Pilot[ExitRequest]) -> None:
    await pilot.pause()
    await pilot.pause()


def said(app: PoolApp) -> str:
    return app.screen.query_one("#message", Lines).text.strip()


def strip(app: PoolApp) -> str:
    return app.screen.query_one("#strip", Lines).text


def wall(app: PoolApp) -> AccountWall:
    return app.screen.query_one(AccountWall)


def screen_text(app: PoolApp) -> str:
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines)
