"""`refresh` while it runs: a line for each account as it ends, and on a terminal how far it is."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import PROGRAM, Desk, config_of, source_toml
from tests.support.terminal import Terminal
from tests.support.upstream import Upstream


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Upstream]:
    with Upstream(tmp_path / "demo") as upstream:
        yield upstream


@pytest.fixture
def two(tmp_path: Path, served: Upstream) -> Desk:
    """A machine with the homes of bob, who is answered, and of dan."""
    for label in ("bob", "dan"):
        shutil.copytree(served.home / "homes" / label, tmp_path / "homes" / label)
    table = source_toml(served, "codex-home", "homes", tmp_path / "homes" / "*")
    return Desk(tmp_path, config_of(tmp_path / "own.toml", table))


@pytest.fixture
def silent_dan(served: Upstream) -> None:
    served.script("dan", {"hang": True}, times=None)


@pytest.mark.usefixtures("silent_dan")
def test_a_line_is_there_as_soon_as_its_account_is_done(two: Desk) -> None:
    with two.start("refresh", "--all") as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith(b"bob: token: ")
        assert running.poll() is None
        running.send_signal(signal.SIGINT)
        assert running.stdout.read() == b""
        assert running.wait(30) == 130


@pytest.mark.usefixtures("silent_dan")
def test_on_a_terminal_the_last_line_says_how_far_it_is(two: Desk) -> None:
    with Terminal([*PROGRAM, "refresh", "--all"], two.env, columns=70) as terminal:
        terminal.wait_for("1/2 · 0 failed · dan: token: ")
        first, second, *rest = terminal.screen.display
        assert first.startswith("bob: token: ")
        assert second.startswith("1/2 · 0 failed · dan: ")
        assert not "".join(rest).strip()
        terminal.signal(signal.SIGINT)
        assert terminal.end() == 130
        # the shell goes on where the line was
        assert "1/2" not in terminal.text


def test_in_the_end_there_are_a_line_for_each_and_the_sum(two: Desk) -> None:
    env = two.env | {"COLUMNS": "20"}
    with Terminal([*PROGRAM, "refresh", "--all"], env, columns=100) as terminal:
        assert terminal.end() == 0
        lines = [line.strip() for line in terminal.screen.display if line.strip()]
        assert sorted(line.partition(":")[0] for line in lines[:2]) == ["bob", "dan"]
        assert lines[2:] == ["2 refreshed · 0 failed · 0 changed"]
        drawn = bytes(terminal.raw).decode()
    # never wider than the terminal, or it would leave lines behind
    parts = [part.partition("\x1b[K")[0] for part in drawn.split("\r") if "\x1b[K" in part]
    assert parts
    assert all(len(part) < 20 for part in parts)


@pytest.mark.parametrize("term", ["dumb", "xterm-256color"])
def test_where_lines_cannot_be_taken_back_none_is_written_over(two: Desk, term: str) -> None:
    if term == "dumb":
        with Terminal([*PROGRAM, "refresh", "--all"], two.env | {"TERM": term}, columns=100) as terminal:
            assert terminal.end() == 0
            assert b"\x1b[K" not in bytes(terminal.raw)
    plain = two.run("refresh", "--all")
    assert plain.code == 0
    assert "\x1b" not in plain.out
    assert len(plain.lines) == 3


def test_json_is_one_document_on_a_terminal_too(two: Desk) -> None:
    with Terminal([*PROGRAM, "refresh", "--all", "--json"], two.env, columns=100, rows=60) as terminal:
        assert terminal.end() == 0
        document = json.loads(terminal.text)
        assert b"\x1b[K" not in bytes(terminal.raw)
    assert {row["label"] for row in document["accounts"]} == {"bob", "dan"}


def test_masked_lines_name_no_address(tmp_path: Path, served: Upstream) -> None:
    table = source_toml(served, "auth-files", "pool", served.home / "pool", "poolwatch")
    ran = Desk(tmp_path, config_of(tmp_path / "own.toml", table)).run("--mask", "refresh", "--all")
    assert ran.code == 0
    assert "account-" in ran.out
    assert "@example.com" not in ran.out + ran.err
