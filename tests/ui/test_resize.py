"""Resizing storms end in one layout, of the size that the terminal has."""

from __future__ import annotations

import pytest
from textual.events import Resize
from textual.geometry import Size

from poolwatch.ui.screens.pool import PoolScreen
from tests.ui.pools import app_of

WIDE, SMALL = Size(120, 40), Size(80, 24)
MOST = 20


async def test_two_sizes_at_once_do_not_chase_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of("sixty")
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, PoolScreen)
        laid_out: list[Size] = []

        def count(_: object) -> None:
            laid_out.append(screen.size)
            if len(laid_out) > MOST:
                # the chase would keep this test, and a terminal, for ever
                monkeypatch.setattr(screen, "_refresh_layout", lambda *_, **__: None)

        screen.screen_layout_refresh_signal.subscribe(screen, count)
        # what a slow machine has in its queue when a terminal is dragged: the old size beside the new
        for size in (SMALL, WIDE, SMALL, WIDE):
            screen.post_message(Resize(size, size))
            screen.call_later(lambda: None)
        for _ in range(30):
            await pilot.pause()
        assert screen.size == WIDE
        assert screen.query_one("#keys").region.bottom == WIDE.height
        assert len(laid_out) <= MOST
