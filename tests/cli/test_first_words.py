"""`--version`, `--help`, and settings."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from poolwatch import __version__
from tests.cli.desk import Desk


def test_version(desk: Desk) -> None:
    for option in ("--version", "-V"):
        ran = desk.run(option)
        assert (ran.code, ran.out, ran.err) == (0, f"poolwatch {__version__}\n", "")
    # the parser knows it as well, for when it stands behind another option
    assert desk.run("--mask", "--version").out == f"poolwatch {__version__}\n"


def test_help_names_every_command(desk: Desk) -> None:
    ran = desk.run("--help")
    assert (ran.code, ran.err) == (0, "")
    named = {line.split()[0] for line in ran.lines if line.startswith("  ") and line.strip()}
    assert {"demo", "status", "next", "refresh", "doctor", "sources", "accounts", "config"} <= named
    assert "Exit codes" in ran.out


@pytest.mark.parametrize(
    "command",
    ["demo", "status", "next", "refresh", "doctor", "sources", "sources add", "accounts list", "config show"],
)
def test_every_command_has_help(desk: Desk, command: str) -> None:
    ran = desk.run(*command.split(), "--help")
    assert (ran.code, ran.err) == (0, "")
    assert f"poolwatch {command}" in ran.out


def test_help_changes_nothing_on_disk(desk: Desk) -> None:
    desk.run("--help")
    desk.run("status", "--help")
    assert list(desk.home.iterdir()) == []
    assert not desk.state.exists()


def test_path_init_show_check(desk: Desk) -> None:
    path = desk.usual_config
    assert desk.run("config", "path").out == f"{path}\n"
    assert desk.run("config", "check").out.startswith("no file; the defaults: fine, 0 sources")
    ran = desk.run("config", "init")
    assert (ran.code, ran.out, ran.err) == (0, f"wrote {path}\n", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert desk.run("config", "check").out == f"{path}: fine, 0 sources\n"
    written = path.read_bytes()
    again = desk.run("config", "init")
    assert (again.code, again.out) == (3, "")
    assert "already there" in again.err
    assert path.read_bytes() == written


def test_show_says_where_each_value_comes_from(desk: Desk, tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text('pool_name = "work"\n[poll]\ninterval_seconds = 120\nconcurrency = 4\n')
    ran = desk.run("config", "show", "--config", str(config), env={"POOLWATCH_POLL__CONCURRENCY": "2"})
    assert ran.code == 0
    shown = {line.split()[0]: line for line in ran.lines if line}
    assert shown["pool_name"].split()[1:] == ["work", f"{config}:1"]
    assert shown["poll.interval_seconds"].split()[1:] == ["120", f"{config}:3"]
    assert shown["poll.concurrency"].split()[1] == "2"
    assert "POOLWATCH_POLL__CONCURRENCY" in shown["poll.concurrency"]
    assert shown["thresholds.amber_percent"].split()[1:] == ["60", "default"]


def test_config_alone_shows(desk: Desk) -> None:
    assert desk.run("config").out == desk.run("config", "show").out


@pytest.mark.parametrize("before", [True, False])
def test_the_option_beats_the_variable_wherever_it_stands(desk: Desk, tmp_path: Path, before: bool) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(f'pool_name = "{name}"\n')
    option = ["--config", str(tmp_path / "one.toml")]
    arguments = [*option, "config", "show"] if before else ["config", "show", *option]
    ran = desk.run(*arguments, env={"POOLWATCH_CONFIG": str(tmp_path / "two.toml")})
    assert ran.lines[0].split()[:2] == ["pool_name", "one"]
