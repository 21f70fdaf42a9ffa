"""The README's pictures: the demo at a frozen instant, drawn by the real app.

`python -m tests.support.screenshots DIR` writes them.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from poolwatch.domain.values import replace

for _name in [name for name in os.environ if name.startswith("TEXTUAL_")] + ["NO_COLOR", "COLORTERM"]:
    if not _name.startswith("TEXTUAL_SNAPSHOT_"):  # the snapshot plugin's own
        os.environ.pop(_name, None)
os.environ["TERM"] = "xterm-256color"

from poolwatch.bootstrap.headless import Look, look  # noqa: E402 - Textual reads the environment when imported
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around  # noqa: E402 - likewise
from poolwatch.domain.account import AccountKey  # noqa: E402 - likewise
from poolwatch.domain.overview import PoolOverview  # noqa: E402 - likewise
from poolwatch.presentation.view import Grouping, Prefs, SortKey  # noqa: E402 - likewise
from poolwatch.ui.app import PoolApp  # noqa: E402 - likewise
from poolwatch.ui.state import AppOptions, WallView  # noqa: E402 - likewise
from tests.support.upstream import Upstream  # noqa: E402 - likewise
from tests.ui.scripted_feed import ScriptedFeed  # noqa: E402 - likewise

#: A Friday, 14:03 for the operator.
INSTANT: Final = datetime(2026, 11, 20, 13, 3, 20, tzinfo=UTC)
ZONE: Final = timezone(timedelta(hours=1), "CET")


@dataclass(frozen=True)
class Picture:
    """One picture: its file, the demo it shows, and how the app is set."""

    name: str
    accounts: int
    size: tuple[int, int]
    options: AppOptions = field(default_factory=AppOptions)
    keys: tuple[str, ...] = ()


PICTURES: Final = (
    Picture("table", 60, (120, 40), AppOptions(view=WallView.TABLE)),
    Picture("cards", 12, (120, 40), AppOptions(view=WallView.CARDS)),
    Picture("hive", 200, (120, 40), AppOptions(view=WallView.HIVE, grouping=Grouping.PLAN)),
    Picture("detail", 24, (80, 24), AppOptions(sort=SortKey.NAME), ("/", *"frank", "enter", "enter")),
    Picture("light", 12, (120, 40), AppOptions(view=WallView.CARDS, theme="poolwatch-light")),
    Picture("80x24", 60, (80, 24), AppOptions(view=WallView.TABLE)),
)


class StoppedClock:
    """Time stands still; waiting is over at once."""

    def now(self) -> datetime:
        """The frozen instant."""
        return INSTANT

    async def sleep(self, seconds: float) -> None:
        """Give others their turn."""
        await asyncio.sleep(0)


def demo_pool(accounts: int, folder: Path) -> tuple[Look, Surroundings]:
    """The demo's pool of that size as poolwatch reads it at the frozen instant."""
    with Upstream(folder / "upstream", accounts=accounts, freeze=INSTANT.isoformat()) as upstream:
        env = {"HOME": str(folder), "POOLWATCH_STATE_DIR": str(folder / "state")}
        env["POOLWATCH_POLL__CONCURRENCY"] = "64"
        around = look_around(Options(upstream.config), env)
        assert isinstance(around, Surroundings), around
        asyncio.run(look(around, timedelta(0), everybody, StoppedClock()))
        # this one answers once and is blocked at the edge from then on
        return asyncio.run(look(around, timedelta(0), erin, StoppedClock())), around


def everybody(seen: PoolOverview) -> list[AccountKey]:
    """All accounts."""
    return list(seen.by_key)


def erin(seen: PoolOverview) -> list[AccountKey]:
    """The account that is blocked at the edge."""
    return [key for key, each in seen.by_key.items() if each.account.name.label == "erin"]


async def draw(picture: Picture, seen: Look, around: Surroundings) -> str:
    """The picture as SVG."""
    feed = ScriptedFeed(seen.state, INSTANT, ZONE)
    options = replace(picture.options, pool_name="demo", prefs=Prefs(around.rules, zone=ZONE))
    app = PoolApp(feed, options)
    async with app.run_test(size=picture.size) as pilot:
        await pilot.pause()
        for key in picture.keys:
            await pilot.press(key)
        await pilot.pause()
        return tidy(app.export_screenshot(title="poolwatch", simplify=True))


def tidy(svg: str) -> str:
    """Without the random ids that each export has."""
    return re.sub(r"terminal-\d+-", "terminal-", svg)


def pictures() -> dict[str, str]:
    """Every picture by its file name."""
    drawn: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        pools = {
            size: demo_pool(size, Path(folder) / str(size)) for size in {each.accounts for each in PICTURES}
        }
        for picture in PICTURES:
            seen, around = pools[picture.accounts]
            drawn[f"{picture.name}.svg"] = asyncio.run(draw(picture, seen, around))
    return drawn


def main(folder: Path) -> None:
    """Write all pictures."""
    folder.mkdir(exist_ok=True)
    for name, svg in pictures().items():
        (folder / name).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
