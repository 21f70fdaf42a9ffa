"""`status` on a terminal: as wide as it, in glyphs, bars and colours; in a pipe plain text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.cli.status_table import status_lines
from poolwatch.domain.overview import overview
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import Usage
from poolwatch.presentation.view import Prefs
from poolwatch.ui.appearance import ASCII, UNICODE
from poolwatch.ui.cells import line_width
from tests.cli.desk import PROGRAM, Desk
from tests.presentation.scene import NOW, PREFS, account, dead_token, full_account, pool
from tests.support.terminal import Terminal
from tests.support.upstream import Upstream

BARS = re.compile(r"[━╸─]{6}")
COLOURS = re.compile(rb"\x1b\[[0-9;]*3[1-6][0-9;]*m")


@pytest.fixture
def read_desk(tmp_path: Path, served: Upstream) -> Desk:
    desk = Desk(tmp_path, served.config)
    assert desk.run("status", "--json").code == 0
    return desk


def shown(
    desk: Desk, columns: int, *more: str, env: Mapping[str, str] | None = None
) -> tuple[list[str], bytes]:
    """The lines on a terminal of that width, and the bytes that drew them."""
    command = [*PROGRAM, "status", "--max-age", "3600", *more]
    with Terminal(command, {**desk.env, **(env or {})}, columns=columns, rows=60) as terminal:
        assert terminal.end() == 0
        return [line.rstrip() for line in terminal.screen.display], bytes(terminal.raw)


def plain(raw: bytes) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", raw.decode()).replace("\r", "").splitlines()


@pytest.mark.parametrize(
    ("columns", "there", "gone"),
    [
        (200, ["SOURCE", "PLAN", "STATUS", "5H USED", "WEEKLY USED", "CREDITS", "USD", "AGE"], []),
        (140, ["PLAN", "STATUS", "5H USED", "WEEKLY USED", "CREDITS", "USD", "AGE"], ["SOURCE"]),
        (110, ["PLAN", "STATUS", "5H", "WEEKLY", "AT RESET", "CREDITS", "AGE"], ["USD ", "SOURCE"]),
        (80, ["STATUS", "5H", "WEEKLY", "RESETS", "AT RESET"], ["SOURCE", "PLAN", "CREDITS ", "AGE"]),
        (60, ["SCARCEST", "AGE"], ["STATUS", "WEEKLY "]),
        (24, ["ACCOUNT"], ["AGE"]),
    ],
)
def test_columns_leave_as_on_the_screen(
    read_desk: Desk, columns: int, there: list[str], gone: list[str]
) -> None:
    _, raw = shown(read_desk, columns)
    lines = plain(raw)
    # nothing was broken by the terminal: what was written is no wider than it
    assert max(map(len, lines)) <= columns
    [header] = [line for line in lines if line.startswith("   ACCOUNT")]
    assert [word for word in there if word not in header] == []
    assert [word for word in gone if word in header] == []
    assert any(re.match(r" ✕ carol", line) for line in lines)
    assert any(re.match(r" ◐ bob", line) for line in lines)


def test_bars_glyphs_and_colours_are_for_a_terminal(read_desk: Desk) -> None:
    lines, raw = shown(read_desk, 120)
    assert any(BARS.search(line) for line in lines if "alice" in line)
    assert COLOURS.search(raw)
    assert re.search(rb"\x1b\[[0-9;]*31[0-9;]*m\xe2\x9c\x95\x1b", raw), "what needs somebody is red"
    piped = read_desk.run("status", "--max-age", "3600")
    assert piped.code == 0
    assert "\x1b" not in piped.out
    assert not BARS.search(piped.out)
    assert "OTHER" in piped.out


def test_without_colours_the_glyphs_stay(read_desk: Desk) -> None:
    lines, raw = shown(read_desk, 120, env={"NO_COLOR": "1"})
    assert not COLOURS.search(raw)
    assert any("✕ carol@example.com" in line for line in lines)
    for kind in ("dumb", ""):
        _, raw = shown(read_desk, 120, env={"TERM": kind})
        assert b"\x1b" not in raw
        assert any(BARS.search(line) for line in plain(raw))


@pytest.mark.parametrize(
    ("more", "env"),
    [
        (["--ascii"], {}),
        ([], {"POOLWATCH_UI__GLYPHS": "ascii"}),
        ([], {"LANG": "C", "LC_ALL": "C"}),
    ],
)
def test_ascii_is_ascii(read_desk: Desk, more: list[str], env: dict[str, str]) -> None:
    _, raw = shown(read_desk, 120, *more, env=env)
    assert raw.isascii()
    assert re.search(r"x carol@example.com", "\n".join(plain(raw)))
    assert "####" in raw.decode()


def test_ascii_in_a_pipe(read_desk: Desk) -> None:
    piped = read_desk.run("status", "--max-age", "3600", "--ascii")
    assert (piped.code, piped.err) == (0, "")
    assert piped.out.isascii()


def test_the_width_may_be_told_and_is_bounded(read_desk: Desk) -> None:
    _, raw = shown(read_desk, 120, env={"COLUMNS": "70"})
    assert 60 < max(map(len, plain(raw))) <= 70
    _, raw = shown(read_desk, 120, env={"COLUMNS": "99999999"})
    assert max(map(len, plain(raw))) <= 1000


def test_a_filter_that_nothing_matches_is_said(read_desk: Desk) -> None:
    command = [*PROGRAM, "status", "nobody-at-all", "--max-age", "3600"]
    with Terminal(command, read_desk.env, columns=80) as terminal:
        assert terminal.end() == 1
        assert "no account matches" in terminal.text


@given(
    st.integers(1, 300),
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=50), max_size=4, unique=True),
    st.sampled_from([UNICODE, ASCII]),
)
def test_no_line_is_wider_than_the_terminal(width: int, labels: list[str], glyphs: object) -> None:
    from poolwatch.domain.text import visible

    names = {visible(label) for label in labels} - {""}
    state = pool(
        full_account(),
        account("carol@example.com", listings=[dead_token("carol@example.com")]),
        account("new", Usage(), read_at=None),
        *(account(name) for name in names),
    )
    seen = overview(state, NOW, PoolRules())
    chosen = UNICODE if glyphs is UNICODE else ASCII
    lines = status_lines(seen, state, PREFS, "work", set(seen.by_key), width, chosen)
    assert all(line_width(line) <= width for line in lines)
    assert len(lines) > len(state.accounts)
    none = status_lines(seen, state, Prefs(), "", set(), width, chosen)
    assert all(line_width(line) <= width for line in none)
