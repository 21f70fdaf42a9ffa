"""The app on a terminal with a hostile pool, walked through every screen by itself.

`python -m tests.faults.walked FOLDER SEED COUNT DETAILS`: after each step it writes what the screen should
hold to the pipe `FOLDER/said`, one JSON line, and goes on when a line comes back on `FOLDER/heard`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import IO

from rich.cells import split_graphemes
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from poolwatch.bootstrap.places import found_logins
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import Answer, AnswerKind, BulkProgress, ReadingArrived
from poolwatch.presentation.view import Grouping
from poolwatch.sources.usage_payload import parse_usage
from poolwatch.ui.app import PoolApp
from poolwatch.ui.screens.detail import DetailScreen
from poolwatch.ui.screens.first_run import FirstRunScreen
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.screens.raw import RawScreen
from poolwatch.ui.screens.refreshing import Confirm
from poolwatch.ui.state import ExitRequest
from tests.faults.stage import NOW, Stage, hostile_stage, labels
from tests.ui.pools import ZONE, app_of
from tests.ui.scripted_feed import ScriptedFeed

_VIEWS = 3


class _Walk:
    def __init__(
        self, app: PoolApp, feed: ScriptedFeed, folder: Path, details: int, texts: list[str]
    ) -> None:
        self.app = app
        self.feed = feed
        self.details = details
        self.texts = texts
        self.said: IO[str] = (folder / "said").open("w")
        self.heard: IO[str] = (folder / "heard").open()
        self.pilot: Pilot[ExitRequest] | None = None

    async def go(self, pilot: Pilot[object]) -> None:
        """Every screen, every page of it."""
        self.pilot = pilot  # type: ignore[assignment]  # the app's own
        await self.show("first")
        for _ in range(_VIEWS):
            await self.pages()
            await self.press("v")
        for _ in range(len(Grouping)):
            await self.press("g", show="grouping")
        await self.press("g", "home")
        for number in range(self.details):
            await self.detail(number)
        await self.bulk()
        await self.rest()
        self.say({"end": True})
        self.app.exit(return_code=0)

    async def pages(self) -> None:
        """One view from the top to the end of the wall."""
        await self.press("home", show="wall")
        wall = self.app.screen.query_one("#wall")
        last = -1.0
        while wall.scroll_y != last:
            last = wall.scroll_y
            await self.press("pagedown", show="wall")

    async def detail(self, number: int) -> None:
        """One account's details and its payload."""
        accounts = list(self.feed.state.accounts)
        key = accounts[number * len(accounts) // self.details]
        await self.push(DetailScreen(self.app.ui, key, accounts), "detail")
        await self.press("pagedown", show="detail")
        await self.press("escape")
        card = self.app.ui.board.card(key)
        assert card is not None
        await self.push(RawScreen(self.app.ui, card.label, self.feed.payloads[key]), "raw")
        await self.press("pagedown", show="raw")
        await self.press("escape")

    async def bulk(self) -> None:
        """A refresh of many that moved figures, and ends with the names of those that moved."""
        keys = list(self.feed.state.accounts)[:9]
        self.feed.happen(bulk=BulkProgress(0, len(keys), 0))
        await self.show("bulk")
        body = b'{"plan_type": "pro", "rate_limit": {"primary_window": {"used_percent": 77}}}'
        for key in keys:
            source = self.feed.state.accounts[key].listings[0].ref.source
            self.feed.happen(ReadingArrived(key, source, NOW, parse_usage(body, NOW)))
        self.feed.happen(bulk=BulkProgress(len(keys), len(keys), 2, done=True, changed=len(keys)))
        await self.show("bulk done")

    async def rest(self) -> None:
        """A question, a filter that was pasted, help, the palette, and where nothing is monitored yet."""
        self.feed.answers.append(Answer(AnswerKind.ASK_ONCE, NOW))
        await self.press("r")
        assert isinstance(self.app.screen, Confirm)
        await self.press("n", show="wall")
        await self.press("slash")
        for text in self.texts[:20]:
            self.app.screen.query_one(Input).post_message(events.Paste(text))
            await self.settle()
        await self.press("enter", show="filtered")
        await self.press("escape", "escape")
        await self.press("question_mark", show="help")
        await self.press("escape")
        await self.press("y", show="copied")
        await self.push(FirstRunScreen(self.app.ui), "first run")
        await self.press("a")
        self.feed.add_reason = None
        for text in self.texts[:5]:
            self.app.screen.query_one(Input).post_message(events.Paste("/" + text))
            await self.settle()
        await self.press("enter", show="added")
        self.app.pop_screen()
        assert isinstance(self.app.screen, PoolScreen)

    async def push(self, screen: object, name: str) -> None:
        self.app.push_screen(screen)  # type: ignore[call-overload]  # any of ours
        await self.show(name)

    async def press(self, *keys: str, show: str = "") -> None:
        for key in keys:
            self.app.simulate_key(key)
            await self.settle()
        if show:
            await self.show(show)

    async def settle(self) -> None:
        """Until the app and every widget have taken in what was sent so far."""
        assert self.pilot is not None
        for _ in range(2):
            taken = asyncio.Event()
            self.app.call_later(taken.set)
            await taken.wait()
            await self.pilot._wait_for_screen()

    async def show(self, name: str) -> None:
        """Have the terminal compared with what is drawn, until it is the same."""
        await self.settle()
        again = True
        while again:
            await asyncio.sleep(0.02)
            strips = self.app.screen._compositor.render_strips()
            again = self.say({"screen": name, "rows": [_cells(strip.text) for strip in strips]})

    def say(self, told: dict[str, object]) -> bool:
        """Tell the watcher; whether it wants to hear that once more."""
        self.said.write(json.dumps(told) + "\n")
        self.said.flush()
        heard = self.heard.readline()
        assert heard, "nobody listens"
        return heard == "again\n"


def _cells(text: str) -> list[str]:
    """What stands in each cell of a line; the second cell of a wide character is empty."""
    cells: list[str] = []
    for start, end, width in split_graphemes(text)[0]:
        cells += [text[start:end], *[""] * (width - 1)][: max(width, 1)]
    return cells


def _feed(stage: Stage, folder: Path) -> ScriptedFeed:
    feed = ScriptedFeed(stage.state, NOW, ZONE)
    feed.payloads = dict(stage.payloads)
    home = folder / "\x1b]0;home\x07\u202e"
    home.mkdir(exist_ok=True)
    (home / "auth.json").write_text("{}")
    env = {"HOME": str(home), "CODEX_HOME": str(home), "POOLWATCH_STATE_DIR": str(folder / "state")}
    around = look_around(Options(), env)
    assert isinstance(around, Surroundings)
    feed.places = found_logins(around, home / "config.toml")
    return feed


def main() -> int:
    """Draw until everything was seen."""
    folder, seed, count, details = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    texts = labels(seed, count)
    stage = asyncio.run(hostile_stage(folder / "pool", texts))
    feed = _feed(stage, folder)
    app = app_of(stage.state, feed=feed)
    walk = _Walk(app, feed, folder, details, texts)
    app.run(mouse=False, auto_pilot=walk.go)
    return app.return_code or 0


__all__ = ["AccountKey", "main"]

if __name__ == "__main__":
    sys.exit(main())
