"""`config edit`: a real editor on a copy, which is taken over when nothing is wrong with it."""

from __future__ import annotations

import re
import stat
import sys
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.support.terminal import Terminal

BEFORE = '# mine\npool_name = "work"  # the name\n'


@pytest.fixture
def config(desk: Desk) -> Path:
    path = desk.usual_config
    path.parent.mkdir(parents=True)
    path.write_text(BEFORE)
    path.chmod(0o640)
    return path


def editor(desk: Desk, script: str) -> str:
    """A program that edits as this script of a shell does; `$1` is the file."""
    program = desk.root / "my editor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"'{program}'"


def test_the_copy_is_taken_over_as_it_is(desk: Desk, config: Path) -> None:
    seen = desk.root / "seen"
    script = f"""echo "$@" > '{seen}'; stat -c %a "$2" "$(dirname "$2")" >> '{seen}'
sed -i 's/"work"/"night"/' "$2"; printf '[ui] # look\\n' >> "$2" """
    ran = desk.run("config", "edit", env={"EDITOR": "false", "VISUAL": f"{editor(desk, script)} --wait"})
    assert (ran.code, ran.out, ran.err) == (0, f"wrote {config}\n", "")
    assert config.read_text() == '# mine\npool_name = "night"  # the name\n[ui] # look\n'
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    line, *modes = seen.read_text().splitlines()
    copy = Path(line.removeprefix("--wait "))
    assert (copy.name, copy == config) == ("config.toml", False)
    assert modes == ["600", "700"]
    assert not copy.parent.exists()


def test_a_first_file_begins_as_the_commented_default(desk: Desk) -> None:
    unchanged = desk.run("config", "edit", env={"EDITOR": "true"})
    assert (unchanged.code, unchanged.out) == (0, "")
    assert "nothing was changed" in unchanged.err
    assert not desk.usual_config.exists()
    ran = desk.run(
        "config", "edit", env={"EDITOR": editor(desk, 'sed -i "s/^# pool_name.*/pool_name = 1/" "$1"')}
    )
    assert ran.code == 3
    assert not desk.usual_config.exists()
    ran = desk.run(
        "config", "edit", env={"EDITOR": editor(desk, 'sed -i "s/^# pool_name.*/pool_name = \'x\'/" "$1"')}
    )
    assert ran.code == 0
    assert "pool_name = 'x'\n" in desk.usual_config.read_text()
    assert stat.S_IMODE(desk.usual_config.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pool_name = ", ":3:"),
        ("[poll]\nintervall_seconds = 60",
         ":4: unknown key poll.intervall_seconds; did you mean poll.interval_seconds?"),
        ("[ui]\ntheme = 'drak'", ":4: no theme is called drak"),
        ("[keys]\nfoo = 'x'", "there is no key called foo"),
    ],
)  # fmt: skip
def test_a_wrong_text_is_not_taken_over_and_not_lost(desk: Desk, config: Path, line: str, said: str) -> None:
    script = f'cat >> "$1" <<X\n{line}\nX'
    ran = desk.run("config", "edit", env={"EDITOR": editor(desk, script)})
    assert (ran.code, ran.out) == (3, "")
    assert (f"{config}{said}" if said[0] == ":" else said) in ran.err
    assert config.read_text() == BEFORE
    [kept] = re.findall(r"is as it was; your text is kept in (/\S+)", ran.err)
    assert Path(kept).read_text() == f"{BEFORE}{line}\n"
    assert stat.S_IMODE(Path(kept).parent.stat().st_mode) == 0o700
    assert f"{config} is as it was" in ran.err


def test_an_editor_that_fails_or_is_not_there_changes_nothing(desk: Desk, config: Path) -> None:
    failed = desk.run("config", "edit", env={"EDITOR": editor(desk, 'echo x >> "$1"; exit 3')})
    assert (failed.code, failed.out) == (1, "")
    assert "ended with 3; nothing was written" in failed.err
    assert "your text is kept in " in failed.err
    missing = desk.run("config", "edit", env={"EDITOR": "/no/such/editor -x"})
    assert (missing.code, missing.out) == (1, "")
    assert "/no/such/editor cannot be run" in missing.err
    assert "set VISUAL or EDITOR" in missing.err
    gone = desk.run("config", "edit", env={"EDITOR": editor(desk, 'rm "$1"')})
    assert gone.code == 1
    assert config.read_text() == BEFORE


@pytest.mark.parametrize("script", [': > "$1"', 'echo > "$1"'])
def test_a_text_that_was_emptied_is_not_taken_over(desk: Desk, config: Path, script: str) -> None:
    ran = desk.run("config", "edit", env={"EDITOR": editor(desk, script)})
    assert (ran.code, ran.out) == (1, "")
    assert f"the text is empty; {config} is as it was" in ran.err
    assert config.read_text() == BEFORE


def test_a_file_that_somebody_else_changes_meanwhile_is_left_alone(desk: Desk, config: Path) -> None:
    script = f"""echo '# there' >> '{config}'; echo '# here' >> "$1" """
    ran = desk.run("config", "edit", env={"EDITOR": editor(desk, script)})
    assert (ran.code, ran.out) == (3, "")
    assert "changed meanwhile; nothing was written" in ran.err
    assert "your text is kept in " in ran.err
    assert config.read_text() == f"{BEFORE}# there\n"


def test_a_file_that_is_wrong_already_can_be_mended(desk: Desk, config: Path) -> None:
    config.write_text("pool_name = 3\n")
    ran = desk.run("config", "edit", env={"EDITOR": editor(desk, "sed -i s/3/\\'x\\'/ \"$1\"")})
    assert (ran.code, ran.err) == (0, "")
    assert config.read_text() == "pool_name = 'x'\n"


def test_a_person_may_go_on_with_the_wrong_text(desk: Desk, config: Path) -> None:
    """The first time the editor writes nonsense, the second time it mends it; ctrl+c there ends nothing."""
    script = """if grep -q nonsense "$1"; then sed -i 's/nonsense/pool_name2/' "$1"; kill -INT $PPID
else echo 'nonsense = 1' >> "$1"; fi"""
    env = desk.env | {"EDITOR": editor(desk, script)}
    command = [sys.executable, "-m", "poolwatch", "config", "edit"]
    with Terminal(command, env, columns=400) as terminal:
        terminal.wait_for("config.toml:3: unknown key nonsense")
        terminal.wait_for("e: edit again")
        terminal.press("e\r")
        terminal.wait_for("unknown key pool_name2; did you mean pool_name?")
        terminal.press("\r")
        terminal.wait_for("your text is kept in ")
        assert terminal.end() == 3
    assert config.read_text() == BEFORE
