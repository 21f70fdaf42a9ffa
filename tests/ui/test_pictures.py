"""What the screens look like. Each picture says what to look at; look at it before it is accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from poolwatch.presentation.view import Grouping, Prefs, Shown, SortKey
from poolwatch.ui.feed import FoundLogins
from poolwatch.ui.state import WallView
from tests.ui.pools import NOW, POOLS, ZONE, app_of
from tests.ui.scripted_feed import ScriptedFeed

Compare = Callable[..., bool]

TINY, SMALL, NORMAL, LARGE = (60, 15), (80, 24), (120, 40), (200, 60)
DARK, LIGHT, CONTRAST, ANSI = "poolwatch-dark", "poolwatch-light", "poolwatch-contrast", "poolwatch-ansi"


@dataclass(frozen=True)
class Shot:
    """One picture: a pool at a size, the app's options, and keys pressed before it is taken."""

    name: str
    look_at: str
    pool: str
    size: tuple[int, int]
    options: dict[str, Any] = field(default_factory=dict)
    keys: tuple[str, ...] = ()


MASKED = Prefs(zone=ZONE, mask=True)
LEFT = Prefs(zone=ZONE, shown=Shown.LEFT)

TABLE = {"view": WallView.TABLE}
CARDS = {"view": WallView.CARDS}
ASCII_CARDS = {"glyphs": "ascii", **CARDS}
BY_WEEKLY = {"sort": SortKey.WEEKLY, "theme": ANSI}
NEED_CONTRAST = {"theme": CONTRAST}
NEEDS_KEY = ("exclamation_mark",)
MARK_TWO = ("space", "down", "space")
FILTER_PRO = ("slash", *"plan:pro", "enter")

SHOTS = (
    Shot("empty-80", "no account: says so, no zero pretends to be a figure", "empty", SMALL),
    Shot("empty-200-light", "no account, wide", "empty", LARGE, {"theme": LIGHT}),
    Shot("loading-60", "sources not yet listed: says it is looking", "waiting", TINY, {"theme": ANSI}),
    Shot("loading-120", "likewise", "waiting", NORMAL, {"theme": CONTRAST}),
    Shot("one-60", "one account on the smallest screen", "one", TINY, {"theme": LIGHT}),
    Shot("one-80-cards", "one card, its credits aligned", "one", SMALL, {"view": WallView.CARDS}),
    Shot("one-120-ascii", "ASCII: no glyph beyond 7 bits", "one", NORMAL, {"glyphs": "ascii"}),
    Shot("twelve-60", "scarcest window only", "twelve", TINY, {"theme": CONTRAST}),
    Shot("twelve-80-cards", "two columns of cards, which open by themselves", "twelve", SMALL),
    Shot("twelve-120-cards", "mixed trouble; amber and red only where scarce", "twelve", NORMAL),
    Shot("twelve-120-light", "the same by day", "twelve", NORMAL, {"theme": LIGHT}),
    Shot("twelve-120-ansi", "16 colours", "twelve", NORMAL, {"theme": ANSI, "view": WallView.TABLE}),
    Shot("twelve-200-split", "table left, live details right", "twelve", LARGE, {"view": WallView.TABLE}),
    Shot("twelve-ascii-table", "bars of # and -", "twelve", SMALL, {"glyphs": "ascii", **TABLE}),
    Shot("twelve-left", "every word, number and bar says left", "twelve", NORMAL, {"prefs": LEFT}),
    Shot("twelve-masked", "no name, no e-mail", "twelve", NORMAL, {"prefs": MASKED, "view": WallView.TABLE}),
    Shot("twelve-filtered", "only pro; the heading says so", "twelve", SMALL, TABLE, FILTER_PRO),
    Shot("twelve-no-match", "a filter that nothing matches", "twelve", TINY, {}, ("slash", *"zzz", "enter")),
    Shot("twelve-marked", "marks beside the status, and counted", "twelve", NORMAL, TABLE, MARK_TWO),
    Shot("twelve-marked-cards", "marks in the heads", "twelve", SMALL, ASCII_CARDS, MARK_TWO),
    Shot("twelve-needs-you", "only what needs somebody", "twelve", NORMAL, NEED_CONTRAST, NEEDS_KEY),
    Shot("twelve-detail", "everything about one account", "twelve", SMALL, {}, ("n", "enter")),
    Shot("twelve-resets", "banked resets one by one", "twelve", SMALL, {}, ("slash", *"bob", *["enter"] * 2)),
    Shot("twelve-detail-light", "wide, light", "twelve", LARGE, {"theme": LIGHT, **CARDS}, ("enter",)),
    Shot("twelve-detail-tiny", "details on 60x15 scroll", "twelve", TINY, {"theme": ANSI}, ("enter",)),
    Shot("twelve-raw", "no payload in this run: says so", "twelve", SMALL, {}, ("x",)),
    Shot("sixty-80", "section headings, counts that add up", "sixty", SMALL),
    Shot("sixty-120", "bars, right-aligned digits", "sixty", NORMAL, {"view": WallView.TABLE}),
    Shot("sixty-weekly", "sorted by weekly: one list", "sixty", NORMAL, BY_WEEKLY),
    Shot("sixty-200", "columns for source and USD", "sixty", LARGE, {"theme": CONTRAST, **TABLE}),
    Shot("sixty-60-contrast", "the smallest screen, many accounts", "sixty", TINY, {"theme": CONTRAST}),
    Shot("thousand-80", "a hive by source", "thousand", SMALL),
    Shot("thousand-120", "a hive by plan", "thousand", NORMAL, {"grouping": Grouping.PLAN, "theme": LIGHT}),
    Shot("thousand-200-table", "a table of a thousand", "thousand", LARGE, {"view": WallView.TABLE}),
    Shot("stale-80", "every figure dim, its age beside it", "stale", SMALL, TABLE),
    Shot("stale-120-light", "the source that is down is one line", "stale", NORMAL, {"theme": LIGHT}),
    Shot("help-80", "all keys, scrolls", "twelve", SMALL, {}, ("question_mark",)),
    Shot("help-120-contrast", "all keys", "twelve", NORMAL, {"theme": CONTRAST}, ("question_mark",)),
)  # fmt: skip


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_picture(shot: Shot, snap_compare: Compare) -> None:
    app = app_of(shot.pool, **shot.options)
    assert snap_compare(app, terminal_size=shot.size, press=shot.keys), shot.look_at


@pytest.mark.parametrize("size", [TINY, SMALL, NORMAL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", [DARK, LIGHT, CONTRAST, ANSI])
@pytest.mark.parametrize(("pool", "view"), [("twelve", WallView.CARDS), ("sixty", WallView.TABLE)])
def test_picture_in_every_theme(
    pool: str, view: WallView, theme: str, size: tuple[int, int], snap_compare: Compare
) -> None:
    """The two views that are looked at most: nothing pale, nothing cut without a mark."""
    assert snap_compare(app_of(pool, view=view, theme=theme), terminal_size=size)


def test_picture_first_run(snap_compare: Compare) -> None:
    """Where it looked, what it found, and the keys of this screen."""
    feed = ScriptedFeed(POOLS["empty"](), NOW, ZONE)
    add = "poolwatch sources add auth-files '~/.cli-proxy-api/codex-*.json'"
    feed.places = (
        FoundLogins("~/.codex/auth.json", "not there", "", can_add=False),
        FoundLogins("$CODEX_HOME", "not set", "", can_add=False),
        FoundLogins("~/.cli-proxy-api/codex-*.json", "3 logins, readable", add, can_add=True),
        FoundLogins("config ~/.config/poolwatch/config.toml", "not there", "", can_add=False),
    )
    assert snap_compare(app_of(feed=feed, first_run=True), terminal_size=SMALL)


@pytest.mark.parametrize(("theme", "size"), [(DARK, NORMAL), (LIGHT, SMALL), (CONTRAST, LARGE), (ANSI, TINY)])
def test_picture_payload(theme: str, size: tuple[int, int], snap_compare: Compare) -> None:
    """Indented and coloured, a search at its second match."""
    feed = ScriptedFeed(POOLS["one"](), NOW, ZONE)
    body = (Path(__file__).parents[1] / "payloads" / "08-additional-limits.json").read_text(encoding="utf-8")
    feed.payloads = dict.fromkeys(feed.state.accounts, body)
    keys = ("x", "slash", *"used", "enter", "n")
    assert snap_compare(app_of(feed=feed, theme=theme), terminal_size=size, press=keys)


def test_picture_no_color(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without colours every state is told by glyph and word."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(app_of("twelve", view=WallView.TABLE), terminal_size=NORMAL)


def test_picture_after_resize(snap_compare: Compare) -> None:
    """From wide to small: nothing of the wide screen is left."""

    async def shrink(pilot: Pilot[object]) -> None:
        await pilot.pause()
        await pilot.resize_terminal(*SMALL)
        await pilot.pause()

    assert snap_compare(app_of("sixty"), terminal_size=NORMAL, run_before=shrink)


@pytest.mark.parametrize(
    ("zone", "lang", "term"),
    [("Asia/Kathmandu", "tr_TR.UTF-8", "xterm"), ("America/St_Johns", "C", "screen")],
    ids=["kathmandu", "st-johns"],
)
def test_picture_elsewhere(
    zone: str, lang: str, term: str, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same whatever the machine's zone, language and terminal are."""
    import time

    for name, value in (("TZ", zone), ("LANG", lang), ("LC_ALL", lang), ("TERM", term)):
        monkeypatch.setenv(name, value)
    time.tzset()
    try:
        assert snap_compare(app_of("twelve", view=WallView.TABLE, theme=DARK), terminal_size=NORMAL)
    finally:
        monkeypatch.undo()
        time.tzset()
