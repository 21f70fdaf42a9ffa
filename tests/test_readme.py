"""What the README shows is made from the code, and fails here when it is stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolwatch.config.table import markdown_table as settings_table
from tests.support.key_table import markdown_table
from tests.support.screenshots import PICTURES, pictures

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


def test_every_picture_is_shown() -> None:
    text = README.read_text(encoding="utf-8")
    stored = {path.name for path in (ROOT / "screenshots").glob("*")}
    assert stored == {f"{picture.name}.svg" for picture in PICTURES}
    assert [name for name in stored if f"screenshots/{name}" not in text] == []


@pytest.mark.slow
def test_the_pictures_are_what_the_app_draws() -> None:
    drawn = pictures()
    stale = [
        name
        for name, svg in drawn.items()
        if (ROOT / "screenshots" / name).read_text(encoding="utf-8") != svg
    ]
    assert stale == [], "draw them anew with: make screenshots"
