"""stdout is data and may go anywhere: closed pipes are quiet, full disks are told, nothing breaks."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.support.upstream import Upstream

COMMANDS = ["--version", "--help", "status --line", "config show", "config path", "status --json"]
TALK = "the output could not be written"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_leaves_is_no_trouble(pool_desk: Desk, command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ran = pool_desk.run(*command.split(), stdout=writing)
    finally:
        os.close(writing)
    assert (ran.code, ran.err) == (1, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_told(pool_desk: Desk, command: str) -> None:
    ran = pool_desk.shell(f"$P {command} >/dev/full")
    assert ran.code == 1
    assert ran.err.startswith("poolwatch: the output could not be written: No space left")
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("command", ["--version", "status --line", "status --json", "config path"])
def test_a_closed_stdout_is_told(pool_desk: Desk, command: str) -> None:
    ran = pool_desk.shell(f"$P {command} >&-")
    assert ran.code == 1
    assert TALK in ran.err
    assert len(ran.err.splitlines()) == 1


def test_all_streams_closed(pool_desk: Desk) -> None:
    ran = pool_desk.shell("$P status --json <&- >&- 2>&-; echo $? >code; cat code")
    assert ran.out == "1\n"
    # what was read is in the database, and nothing was printed into it
    again = pool_desk.run("status", "--line")
    assert again.code == 0
    assert again.out.startswith("pw ●")


def test_a_closed_stderr_does_not_matter(pool_desk: Desk) -> None:
    ran = pool_desk.shell("$P refresh nobody 2>&-")
    assert (ran.code, ran.out) == (2, "")
    ran = pool_desk.shell("$P config path 2>&-")
    assert ran.code == 0


def test_an_encoding_without_our_characters(pool_desk: Desk) -> None:
    ran = pool_desk.run("status", env={"PYTHONIOENCODING": "ascii"})
    assert ran.code == 0
    assert ran.out.isascii()
    assert "bob" in ran.out


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [(signal.SIGINT, 130, "ctrl+c"), (signal.SIGTERM, -signal.SIGTERM, "kill")],
)
def test_a_command_is_ended_by_a_signal(tmp_path: Path, number: int, code: int, name: str) -> None:
    with Upstream(tmp_path / "demo", accounts=3) as upstream:
        upstream.script("*", {"hang": True}, times=None)
        with Desk(tmp_path, upstream.config).start("status") as process:
            while upstream.state().totals["usage_gets"] == 0:
                assert process.poll() is None
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
        # the shell makes 128+n of a death by signal
        assert (process.returncode, out, err) == (code, b"", b""), name


def test_a_terminal_without_these_letters_gets_plain_ones(pool_desk: Desk) -> None:
    ran = pool_desk.run("status", env={"PYTHONIOENCODING": "ascii"})
    assert ran.code == 0
    assert ran.lines[0].startswith("demo . 12 accounts . 3 sources . fresh ")
    [carol] = [line for line in ran.lines if "carol@example.com" in line]
    assert carol.endswith(" -")
    assert "?" not in ran.out


def test_addresses_keep_all_but_user_and_password(pool_desk: Desk) -> None:
    for typed, printed in (
        ("https://me:fake@host.example.com/x", "https://…@host.example.com/x"),
        ("https://host.example.com:8080/@team", "https://host.example.com:8080/@team"),
        ("https://host.example.com/x bob@example.com", "https://host.example.com/x bob@example.com"),
    ):
        assert f"no source is called {printed}; poolwatch" in pool_desk.run("sources", "test", typed).err
