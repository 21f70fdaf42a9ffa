"""What the tests of the app share: a feed, waiting until all is drawn, and what a person reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

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


async def press(pilot: Pilot[ExitRequest], *keys: str) -> None:
    """Press key after key as a person does, who sees what each of them did."""
    await settle(pilot)
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def until(pilot: Pilot[ExitRequest], is_so: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for what another thread or process brings about; TimeoutError where it does not."""
    async with asyncio.timeout(seconds):
        while not is_so():
            await pilot.pause(0.01)
    await settle(pilot)


def said(app: PoolApp) -> str:
    return app.screen.query_one("#message", Lines).text.strip()


def strip(app: PoolApp) -> str:
    return app.screen.query_one("#strip", Lines).text


def wall(app: PoolApp) -> AccountWall:
    return app.screen.query_one(AccountWall)


def screen_text(app: PoolApp) -> str:
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines)
