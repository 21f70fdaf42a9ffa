"""The README's pictures, and its recording of a refresh: the demo at a frozen instant, drawn by the real app.

`python -m tests.support.screenshots DIR` writes them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final
from unittest.mock import patch

from poolwatch.domain.values import replace

for _name in [name for name in os.environ if name.startswith("TEXTUAL_")] + ["NO_COLOR", "COLORTERM"]:
    if not _name.startswith("TEXTUAL_SNAPSHOT_"):  # the snapshot plugin's own
        os.environ.pop(_name, None)
os.environ["TERM"] = "xterm-256color"

from poolwatch.bootstrap.headless import Look, look  # noqa: E402 - Textual reads the environment when imported
from poolwatch.bootstrap.running import open_monitor  # noqa: E402 - likewise
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around  # noqa: E402 - likewise
from poolwatch.domain.account import AccountKey  # noqa: E402 - likewise
from poolwatch.domain.budgets import (  # noqa: E402 - likewise
    AtLimit,
    BudgetForecast,
    BudgetReport,
    BudgetState,
    Level,
)
from poolwatch.domain.overview import PoolOverview, overview  # noqa: E402 - likewise
from poolwatch.domain.state import PoolState  # noqa: E402 - likewise
from poolwatch.domain.tokens import GroupBy  # noqa: E402 - likewise
from poolwatch.presentation.budgets import BudgetDetail, BudgetShare  # noqa: E402 - likewise
from poolwatch.presentation.view import Grouping, Prefs, SortKey  # noqa: E402 - likewise
from poolwatch.sources import banked_resets  # noqa: E402 - likewise
from poolwatch.ui.app import PoolApp  # noqa: E402 - likewise
from poolwatch.ui.state import AppOptions, WallView  # noqa: E402 - likewise
from tests.presentation.made_budgets import FAST, TEAM, ended, spent  # noqa: E402 - likewise
from tests.support.svg import Frame, Looks, Screen, moving, screen_of, still  # noqa: E402 - likewise
from tests.support.upstream import Upstream  # noqa: E402 - likewise
from tests.support.used import MadeUse  # noqa: E402 - likewise
from tests.ui.scripted_feed import ScriptedFeed  # noqa: E402 - likewise

#: A Friday, 14:03 for the operator.
INSTANT: Final = datetime(2026, 11, 20, 13, 3, 20, tzinfo=UTC)
ZONE: Final = timezone(timedelta(hours=1), "CET")
#: The demo's own cast.
FEW: Final = 12
CAROL: Final = "carol"
#: What the service said of carol's account in the morning.
CAROL_BEFORE: Final = {"primary_window": {"used_percent": 64}, "secondary_window": {"used_percent": 34}}


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
    Picture("cards", FEW, (120, 33), AppOptions(view=WallView.CARDS)),
    Picture("hive", 1000, (120, 50), AppOptions(view=WallView.HIVE, grouping=Grouping.PLAN)),
    Picture("detail", 24, (80, 24), AppOptions(sort=SortKey.NAME), ("/", *"alice", "enter", "enter")),
    Picture("light", FEW, (120, 33), AppOptions(view=WallView.CARDS, theme="poolwatch-light")),
    Picture("80x24", 60, (80, 24), AppOptions(view=WallView.TABLE)),
    Picture("usage", FEW, (120, 40), AppOptions(view=WallView.CARDS), ("U", "[")),
    Picture("budgets", FEW, (120, 22), AppOptions(view=WallView.CARDS), ("b",)),
)
RECORDING: Final = Picture("refresh", FEW, (80, 24), AppOptions(view=WallView.CARDS))
#: How long its screens stand: before the key, with each step, and with what changed.
SECONDS: Final = (2.5, 1.2, 1.2, 5.0)


@dataclass(frozen=True)
class Clock:
    """Time stands still, however long somebody waits."""

    at: datetime = INSTANT

    def now(self) -> datetime:
        """The frozen instant."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Wait by the machine's clock."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True)
class Pool:
    """The demo's pool of one size, as poolwatch read it."""

    seen: Look
    around: Surroundings
    #: after each step of a refresh of carol's account
    refreshed: tuple[PoolState, ...]


def demo_pool(accounts: int, folder: Path) -> Pool:
    """The demo's pool of that size at the frozen instant; carol's login has expired since the morning."""
    morning = INSTANT - timedelta(hours=9)
    with upstream_at(morning, accounts, folder / "morning") as upstream:
        upstream.renew(CAROL)
        upstream.patch_usage(CAROL, {"rate_limit": CAROL_BEFORE})
        asyncio.run(look(surroundings(upstream, folder), timedelta(0), carol, Clock(morning)))
    with upstream_at(INSTANT, accounts, folder / "upstream") as upstream:
        around = surroundings(upstream, folder)
        # a source gives one list of banked resets in five minutes, to whoever asks first: here all get theirs
        with patch.multiple(banked_resets, SPACING=timedelta(0), ANSWER_SECONDS=120.0):
            asyncio.run(look(around, timedelta(0), everybody, Clock()))
        # this one answers once and is blocked at the edge from then on
        seen = asyncio.run(look(around, timedelta(0), erin, Clock()))
        return Pool(seen, around, asyncio.run(refresh_carol(around)) if accounts == FEW else ())


def upstream_at(instant: datetime, accounts: int, folder: Path) -> Upstream:
    """The demo's service, at which time stands still."""
    return Upstream(folder, accounts=accounts, freeze=instant.isoformat())


def surroundings(upstream: Upstream, folder: Path) -> Surroundings:
    """What poolwatch finds there, with a state of its own in the folder."""
    env = {"HOME": str(upstream.home), "POOLWATCH_STATE_DIR": str(folder / "state")}
    env |= {"POOLWATCH_POLL__CONCURRENCY": "64", "POOLWATCH_POLL__TIMEOUT_SECONDS": "120"}
    around = look_around(Options(upstream.config), env)
    assert isinstance(around, Surroundings), around
    return around


def everybody(seen: PoolOverview) -> list[AccountKey]:
    """All accounts."""
    return list(seen.by_key)


def erin(seen: PoolOverview) -> list[AccountKey]:
    """The account that is blocked at the edge."""
    return [key for key, each in seen.by_key.items() if each.account.name.label == "erin"]


def carol(seen: PoolOverview) -> list[AccountKey]:
    """The account whose login has expired, which poolwatch may renew."""
    return [key for key, each in seen.by_key.items() if each.account.email == "carol@example.com"]


async def refresh_carol(around: Surroundings) -> tuple[PoolState, ...]:
    """The pool after each step of the refresh chain."""
    states: list[PoolState] = []
    async with open_monitor(around, Clock()) as running:
        monitor = running.monitor
        await monitor.recall()
        monitor.take_over()
        await monitor.poller.lister.list_all()
        (key,) = carol(overview(monitor.state, INSTANT, around.rules))

        def note() -> None:
            state = with_fixed_durations(monitor.state, key)
            if not states or states[-1].accounts[key].refresh != state.accounts[key].refresh:
                states.append(state)

        monitor.ledger.on_event(note)
        await monitor.chain.run(key)
        monitor.hand_over()
    return tuple(states)


def with_fixed_durations(state: PoolState, key: AccountKey) -> PoolState:
    """How long a step took is the one thing here that the machine decides."""
    account = state.accounts[key]
    progress = account.refresh
    if progress is None:
        return state
    if progress.token is not None:
        progress = replace(progress, token=replace(progress.token, took_seconds=0.4))
    if progress.usage is not None:
        progress = replace(progress, usage=replace(progress.usage, took_seconds=0.3))
    return replace(state, accounts={**state.accounts, key: replace(account, refresh=progress)})


def demo_budgets() -> BudgetReport:
    """The demo's two budgets, as they would stand at that instant."""
    fast = replace(
        FAST,
        budget=replace(FAST.budget, filter="tier:fast", at_limit=AtLimit.WARN, grace=None),
        measured=spent("11.25"),
        level=Level.OK,
        reached=(),
        over_since=None,
        grace_until=None,
        forecast=BudgetForecast(Decimal("14.10"), Decimal("16.40"), Decimal("18.90")),
    )
    return BudgetReport(INSTANT, (TEAM, fast))


def budget_detail(ids: tuple[str, ...], state: BudgetState, by: GroupBy) -> BudgetDetail:
    """Who spent a budget, and how the two months before went."""
    total = state.measured.spent or Decimal(0)
    parts = [total * part / 100 for part in (34, 30, 22, 14)]
    shares = tuple(BudgetShare(name, part) for name, part in zip(ids[4:8], parts, strict=True))
    months = (ended("team", INSTANT.replace(month=10, day=1), "265.50"),)
    return BudgetDetail(by, shares, months if state.budget.name == "team" else ())


def app_for(picture: Picture, pool: Pool) -> tuple[PoolApp, ScriptedFeed]:
    """The app on that pool, and what tells it of changes."""
    state = replace(pool.seen.state, budgets=demo_budgets())
    feed = ScriptedFeed(state, INSTANT, ZONE)
    feed.details = partial(budget_detail, tuple(key.id for key in state.accounts))
    feed.used = MadeUse(INSTANT, ZONE, list(pool.seen.state.accounts)[:4]).answer
    prefs = Prefs(pool.around.rules, zone=ZONE)
    return PoolApp(feed, replace(picture.options, pool_name="demo", prefs=prefs)), feed


async def draw(picture: Picture, pool: Pool) -> str:
    """The picture as SVG."""
    app, _ = app_for(picture, pool)
    looks = Looks()
    async with app.run_test(size=picture.size) as pilot:
        await pilot.pause()
        for key in picture.keys:
            await pilot.press(key)
            await pilot.pause()
        await pilot.pause()
        return still(screen_of(app.export_screenshot(simplify=True), picture.size, looks), looks)


async def record(picture: Picture, pool: Pool) -> str:
    """`r` on carol's account, from the key to what changed, as an SVG that plays."""
    app, feed = app_for(picture, pool)
    looks = Looks()
    screens: list[Screen] = []
    async with app.run_test(size=picture.size) as pilot:

        async def shoot() -> None:
            await pilot.pause()
            screens.append(screen_of(app.export_screenshot(simplify=True), picture.size, looks))

        await shoot()
        await pilot.press("r")
        for state in pool.refreshed:
            feed.show(state)
            await shoot()
    assert len(feed.refreshes) == 1
    frames = [
        Frame(screen, seconds, "r" if number == 1 else "")
        for number, (screen, seconds) in enumerate(zip(screens, SECONDS, strict=True))
    ]
    return moving(frames, looks)


def pictures() -> dict[str, str]:
    """Every picture by its file name, and the recording."""
    drawn: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        pools = {
            size: demo_pool(size, Path(folder) / str(size)) for size in {each.accounts for each in PICTURES}
        }
        for picture in PICTURES:
            drawn[f"{picture.name}.svg"] = asyncio.run(draw(picture, pools[picture.accounts]))
        drawn[f"{RECORDING.name}.svg"] = asyncio.run(record(RECORDING, pools[FEW]))
    return drawn


def main(folder: Path) -> None:
    """Write all pictures."""
    folder.mkdir(exist_ok=True)
    for name, svg in pictures().items():
        (folder / name).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
