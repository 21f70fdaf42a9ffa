"""What the README shows is made from the code, and fails here when it is stale."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.main import get_command

from poolwatch.cli.app import app
from poolwatch.config.table import markdown_table as settings_table
from poolwatch.domain.audit import Act
from poolwatch.domain.event_log import EventKind
from tests.cli.test_read_only import commands
from tests.support.key_table import markdown_table
from tests.support.screenshots import PICTURES, RECORDING, pictures

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


def between(text: str, start: str, end: str) -> str:
    return text.split(start, 1)[1].split("-->", 1)[1].split(end, 1)[0].strip()


def test_the_keys_table_is_the_one_of_the_code() -> None:
    shown = between(README.read_text(encoding="utf-8"), "<!-- keys", "<!-- /keys -->")
    assert shown == markdown_table().strip(), "paste markdown_table() of tests.support.key_table there"


def test_the_settings_table_is_the_one_of_the_code() -> None:
    shown = between(README.read_text(encoding="utf-8"), "<!-- settings", "<!-- /settings -->")
    assert shown == settings_table(), "paste markdown_table() of poolwatch.config.table there"


def test_every_command_is_in_its_table() -> None:
    table = README.read_text(encoding="utf-8").split("| command | does |")[1].split("\n\n")[0]
    shown: dict[str, set[str]] = {}
    for name, rest in re.findall(r"^\| `poolwatch (\w+)(.*?)` \|", table, re.MULTILINE):
        shown.setdefault(name, set()).update(re.findall(r"\w+", rest))
    missing = []
    for command in commands(get_command(app)):
        name, _, below = command.partition(" ")
        if name not in shown or (below and below not in shown[name]):
            missing.append(command)
    assert missing == []


def test_the_kinds_of_events_are_all_in_the_documents() -> None:
    table = (ROOT / "docs" / "events.md").read_text(encoding="utf-8").split("| kind |")[1].split("| key |")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [kind.value for kind in EventKind]


def test_the_acts_that_are_noted_are_all_in_the_documents() -> None:
    table = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8").split("| act |")[1].split("| key |")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == [act.value for act in Act]


def test_every_picture_is_shown() -> None:
    text = README.read_text(encoding="utf-8")
    stored = {path.name for path in (ROOT / "screenshots").glob("*")}
    assert stored == {f"{picture.name}.svg" for picture in (*PICTURES, RECORDING)}
    assert [name for name in stored if f"screenshots/{name}" not in text] == []


@pytest.mark.parametrize("path", sorted((ROOT / "screenshots").glob("*")), ids=lambda path: path.name)
def test_a_picture_is_small_and_needs_no_network(path: Path) -> None:
    svg = path.read_text(encoding="utf-8")
    assert len(svg.encode()) < 200_000
    assert not {"@font-face", "url(", "href", "@import"} & set(re.findall(r"@?[\w-]+\(?", svg))
    assert re.findall(r"https?:[^\"]*", svg) == ["http://www.w3.org/2000/svg"]


def test_the_recording_plays_and_stands_still_where_no_motion_is_wanted() -> None:
    svg = (ROOT / "screenshots" / f"{RECORDING.name}.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(svg)
    assert "@keyframes" in svg
    assert "@media (prefers-reduced-motion:reduce){[class^=t]{animation:none}}" in svg
    # what stands still is the last screen: every other line is hidden before the animation shows it
    still = [name for name in re.findall(r"<g class=\"(t\d+)\"", svg) if f".{name}{{animation-name" in svg]
    hidden = set(re.findall(r"\.(t\d+)\{[^}]*visibility:hidden\}", svg))
    shown = re.sub(rf"<g class=\"(?:{'|'.join(hidden)})\".*?</g>\n", "", svg, flags=re.DOTALL)
    assert set(still) > hidden
    assert "5h 64 → 15%" in shown
    assert "token …" in svg
    assert "token …" not in shown
    assert "usage …" in svg
    assert "usage …" not in shown


@pytest.mark.slow
def test_the_pictures_are_what_the_app_draws() -> None:
    drawn = pictures()
    stale = [
        name
        for name, svg in drawn.items()
        if (ROOT / "screenshots" / name).read_text(encoding="utf-8") != svg
    ]
    assert stale == [], "draw them anew with: make screenshots"
