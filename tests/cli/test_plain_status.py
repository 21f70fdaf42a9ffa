"""`status` without the parser means what it means with it, or is left to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_group

from poolwatch.cli.app import app
from poolwatch.cli.plain_status import wish_of
from poolwatch.cli.status import StatusWish


def parsed(arguments: list[str]) -> StatusWish | None:
    """What the parser makes of it; None for an error, and for what `status` is not all of."""
    command = get_group(app).commands["status"]
    try:
        found = command.make_context("status", list(arguments)).params
    except Exception:  # noqa: BLE001 - of the parser's own kind, whose home differs by its version
        return None
    if found["line"]:
        return None
    config = found["config"]
    place = None if config is None else Path(config)
    return StatusWish(place, found["filter_text"], found["json"], found["max_age"], found["mask"])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--json"],
        ["--json", "--max-age", "0"],
        ["--max-age=90.5", "dan", "--mask"],
        ["--config", "some/file.toml", "--json"],
        ["--config=file=with.toml"],
        ["", "--json"],
        ["is:exhausted ada"],
    ],
)
def test_usual_words_need_no_parser(arguments: list[str]) -> None:
    wish = wish_of(arguments)
    assert wish is not None
    assert wish == parsed(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--line", "--json"],
        ["--max-age"],
        ["--max-age", "-1"],
        ["--max-age", "nan"],
        ["--max-age", "soon"],
        ["--max-age="],
        ["--json", "--json"],
        ["--json=yes"],
        ["--config"],
        ["--", "--json"],
        ["one", "two"],
        ["-m"],
        ["--jso"],
    ],
)
def test_the_rest_is_left_to_the_parser(arguments: list[str]) -> None:
    assert wish_of(arguments) is None


_WORDS = st.sampled_from(
    [
        "--json",
        "--mask",
        "--max-age",
        "--max-age=5",
        "--config",
        "--config=a b",
        "0",
        "1e3",
        "7.25",
        "dan",
        "",
        "-",
        "--",
    ]
)


@given(st.lists(_WORDS, max_size=5))
def test_what_needs_no_parser_means_the_same(arguments: list[str]) -> None:
    wish = wish_of(arguments)
    assert wish is None or wish == parsed(arguments)
