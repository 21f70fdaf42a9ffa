"""Whatever is typed or configured: an exit code, words on stderr, nothing on stdout, no traceback."""

from __future__ import annotations

import pty
import subprocess
from pathlib import Path

import pytest

from tests.cli.desk import PROGRAM, Desk, config_of


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["status", "--bogus"], "--bogus"),
        (["status", "--max-age", "-1"], "--max-age"),
        (["status", "--max-age", "soon"], "--max-age"),
        (["refresh"], "name accounts, or use --all"),
        (["refresh", "--all", "bob"], "name accounts, or use --all"),
        (["refresh", "--force"], "name accounts, or use --all"),
        (["sources", "add", "codex-hoem", "/tmp"], "did you mean codex-home?"),
        (["sources", "add", "codex-home", "~/.codex", "--api-key-file", "k"], "belong to pools"),
        (["sources", "add", "codex-home", "/tmp", "--custody", "poolwatch"], "for auth-files only"),
        (["sources", "add", "auth-files", "/tmp", "--custody", "mine"], "not one of 'other', 'poolwatch'"),
        (["sources", "test", "nowhere"], "no source is called nowhere"),
        (["sources", "set", "x"], "Missing argument 'KEY=VALUE...'"),
        (["config", "set"], "Missing argument 'KEY=VALUE...'"),
        (["demo", "--accounts", "0"], "--accounts"),
        (["demo", "--speed", "0"], "--speed"),
        (["demo", "--serve", "--port", "70000"], "--port"),
    ],
)
def test_wrong_usage_is_exit_2(desk: Desk, arguments: list[str], said: str) -> None:
    ran = desk.run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_an_age_that_is_no_number_is_wrong_usage(pool_desk: Desk) -> None:
    ran = pool_desk.run("status", "--max-age", "nan")
    assert (ran.code, ran.out) == (2, "")
    assert "--max-age" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["status", "--json"],
        ["next"],
        ["next", "--home"],
        ["refresh", "bob"],
        ["refresh", "--all"],
    ],
)
def test_nothing_to_monitor_is_exit_3(desk: Desk, arguments: list[str]) -> None:
    ran = desk.run(*arguments)
    assert (ran.code, ran.out) == (3, "")
    assert "nothing to monitor" in ran.err
    assert "poolwatch sources add" in ran.err


def test_the_help_and_the_readme_know_the_same_exit_codes(desk: Desk) -> None:
    told = " ".join(desk.run("--help").out.partition("Exit codes:")[2].split())
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    rows = readme.partition("| code | means |")[2].partition("\n\n")[0].splitlines()[2:]
    codes = [row.split("|")[1].strip() for row in rows]
    assert codes == ["0", "1", "2", "3", "4", "5", "125", "128+n"]
    assert [code for code in codes if f" {code} " not in f" {told}"] == []


@pytest.mark.parametrize("arguments", [["accounts"], ["accounts", "list"], ["sources"]])
def test_a_list_of_nothing_is_no_failure(desk: Desk, arguments: list[str]) -> None:
    ran = desk.run(*arguments)
    assert ran.code == 0
    assert "nothing is monitored" in ran.out or "no accounts" in ran.err


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("command", ["status", "next", "refresh --all", "refresh bob"])
def test_sources_without_a_login_are_named_and_are_nothing_to_monitor(
    desk: Desk, command: str, as_json: bool
) -> None:
    (desk.home / "homes").mkdir()
    config = config_of(desk.root / "own.toml", '[[sources]]\nkind = "codex-home"\npath = "~/homes/*"\n')
    ran = desk.run(*command.split(), *(["--json"] if as_json else []), "--config", str(config))
    assert ran.code == 3
    assert "poolwatch: ~/homes/*: no login found\n" in ran.err


@pytest.mark.parametrize("command", ["status", "next", "refresh --all", "refresh bob", "accounts"])
def test_a_source_that_does_not_answer_is_no_empty_one(desk: Desk, command: str) -> None:
    config = config_of(desk.root / "own.toml", '[[sources]]\nkind = "codex-lb"\nurl = "http://127.0.0.1:9"\n')
    ran = desk.run(*command.split(), "--config", str(config))
    assert ran.code == 1
    assert "source codex-lb: " in ran.err
    assert "no account could be read" in ran.err
    assert "no login found" not in ran.err


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("pool_name = \n", "config.toml:1:"),
        ('pool_name = "a"\npool_name = "b"\n', "config.toml:2"),
        ("[poll]\nintervall_seconds = 60\n", "config.toml:2: "),
        ("[poll]\nintervall_seconds = 60\n", "did you mean poll.interval_seconds?"),
        ("[poll]\ninterval_seconds = 1\n", "30"),
        ('[[sources]]\nkind = "codex-hoem"\n', "did you mean codex-home?"),
        ('[[sources]]\nkind = "auth-files"\npath = "~/p"\nbase_url = "http://example.com"\n', "base_url"),
    ],
)
def test_a_wrong_file_is_exit_3_and_says_where(desk: Desk, tmp_path: Path, toml: str, said: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(toml)
    for command in (["status"], ["status", "--line"], ["config", "check"], []):
        ran = desk.run(*(["--config", str(config)] if command != ["status", "--line"] else []), *command,
                       env={"POOLWATCH_CONFIG": str(config)})  # fmt: skip
        assert (ran.code, ran.out) == (3, ""), command
        assert said in ran.err


def test_every_problem_of_a_file_is_told_at_once(desk: Desk, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("creditz_per_usd = 25\n[thresholds]\namber_percent = 300\n[ui]\nglyphs = 'neon'\n")
    ran = desk.run("config", "check", "--config", str(config))
    assert ran.code == 3
    for line, words in ((1, "credits_per_usd"), (3, "amber_percent"), (5, "glyphs")):
        assert any(f"config.toml:{line}" in row and words in row for row in ran.err.splitlines())


def test_files_that_cannot_be_read(desk: Desk, tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00pool")
    for path in (tmp_path / "missing.toml", tmp_path, binary, Path("/dev/zero")):
        ran = desk.run("status", "--config", str(path))
        assert (ran.code, ran.out) == (3, "")
        assert str(path) in ran.err


def test_a_wrong_variable_is_named(desk: Desk) -> None:
    ran = desk.run("status", env={"POOLWATCH_POLL__INTERVAL_SECONDS": "often"})
    assert (ran.code, ran.out) == (3, "")
    assert "POOLWATCH_POLL__INTERVAL_SECONDS" in ran.err


def test_a_wrong_key_in_keys_is_exit_3(desk: Desk, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[keys]\nrefresh = 'r'\nusage = 'r'\n")
    for command in ("config", "check"), ():
        ran = desk.run("--config", str(config), *command)
        assert (ran.code, ran.out) == (3, "")
        assert "config.toml:" in ran.err


def test_without_home_it_says_what_to_set(desk: Desk) -> None:
    del desk.env["POOLWATCH_STATE_DIR"]
    ran = desk.run("status", env={"HOME": ""})
    assert (ran.code, ran.out) == (3, "")
    assert "HOME" in ran.err


def test_the_app_without_a_terminal_is_exit_2(desk: Desk) -> None:
    for arguments in ([], ["--ascii"], ["demo"]):
        ran = desk.run(*arguments)
        assert (ran.code, ran.out) == (2, "")
        assert "needs a terminal" in ran.err


@pytest.mark.parametrize("kind", ["dumb", ""])
def test_a_terminal_that_cannot_be_drawn_on_is_exit_2(desk: Desk, kind: str) -> None:
    master, slave = pty.openpty()
    with open(master, "rb", closefd=True), open(slave, "rb+", buffering=0) as terminal:  # noqa: PTH123
        ended = subprocess.run(
            PROGRAM,
            env=desk.env | {"TERM": kind},
            stdin=terminal,
            stdout=terminal,
            stderr=subprocess.PIPE,
            timeout=30,
        )
    assert ended.returncode == 2
    assert b"needs a terminal" in ended.stderr


@pytest.mark.parametrize("option", [["--view", "round"], ["--sort", "mood"], ["--theme", "x"]])
def test_a_wrong_option_of_the_app_is_refused(desk: Desk, option: list[str]) -> None:
    ran = desk.run(*option)
    assert ran.code == 2
    assert option[0] in ran.err
