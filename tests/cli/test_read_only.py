"""A read-only run: commands that change something are refused before they look at anything, and say why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from poolwatch.cli.app import app
from poolwatch.config.load import read_only_by
from tests.cli.desk import Desk

#: Every command has to stand in one of the two. Of those that change something, how they may be called.
CHANGES = {
    "refresh": ("--all",),
    "sources add": ("codex-home", "{home}/.codex"),
    "sources set": ("homes", "name=other"),
    "sources remove": ("homes",),
    "accounts import": ("{home}/.codex/auth.json", "--yes"),
    "accounts remove": ("alice@example.com",),
    "accounts resolve": ("alice@example.com", "--keep", "{home}/.codex/auth.json"),
    "data import": ("{home}/events.jsonl",),
    "config set": ("pool_name=other",),
    "config edit": (),
    "config init": (),
    "channels add": ("exec", "--", "/bin/true"),
    "channels remove": ("ops",),
    "budgets add": ("month",),
    "budgets set": ("month", "limit=$5"),
    "budgets remove": ("month",),
    "alerts silence": ("needs_you",),
    "alerts unsilence": ("needs_you",),
    "alerts resend": ("3f2a90c1d4e5",),
    "resets use": ("bob",),
    "resets ask": ("3f2a90b1",),
    "resets settle": ("3f2a90b1", "used"),
    "topups buy": ("10", "--confirm", "10"),
    "topups ask": ("3f2a90c1",),
    "topups settle": ("3f2a90c1", "charged"),
}
LOOKS = {
    "status", "next", "history", "events", "usage", "audit list", "audit verify", "rates list", "rates why",
    "rates compare", "sources list", "sources test", "accounts list", "data export", "config show",
    "config path", "config check", "doctor", "channels list", "alerts list", "budgets list",
    "resets list", "topups list",
    # they ask services for what is left
    "credits", "sources read",
    # it sends a notice, and changes nothing here
    "channels test",
    # they look, and poolwatch becomes the program
    "check", "run",
    # it polls, and renews nothing then
    "daemon",
    # a pool of its own
    "demo",
}  # fmt: skip
SAID = {"POOLWATCH_READ_ONLY": "true"}


def commands(group: Any, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def test_of_every_command_it_is_known_whether_it_changes_something() -> None:
    assert set(commands(get_command(app))) == CHANGES.keys() | LOOKS
    assert not CHANGES.keys() & LOOKS


@pytest.fixture
def full_desk(desk: Desk) -> Desk:
    """A machine that all of these commands would change."""
    (desk.home / ".codex").mkdir()
    (desk.home / ".codex" / "auth.json").write_text("{}")
    (desk.home / "events.jsonl").write_text('{"at": "2026-11-20T11:00:00Z", "input_tokens": 7}\n')
    desk.env["EDITOR"] = "sh -c 'echo pool_name = 1 > $0'"
    return desk


def everything(desk: Desk) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in desk.root.rglob("*")}


@pytest.mark.parametrize("command", CHANGES)
def test_what_changes_something_is_refused(full_desk: Desk, command: str) -> None:
    before = everything(full_desk)
    words = [word.format(home=full_desk.home) for word in CHANGES[command]]
    ran = full_desk.run(*command.split(), *words, env=SAID)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == (
        f"poolwatch: nothing was done: “{command}” changes something,"
        " and poolwatch is read-only (POOLWATCH_READ_ONLY)\n"
    )
    assert everything(full_desk) == before
    # without that it gets further
    assert "read-only" not in full_desk.run(*command.split(), *words).err
    assert everything(full_desk) != before or full_desk.run(*command.split(), *words).code


def test_the_option_of_the_app_is_no_option_of_a_command(full_desk: Desk) -> None:
    before = everything(full_desk)
    ran = full_desk.run("--read-only", "config", "init")
    assert (ran.code, "takes no --read-only" in ran.err) == (2, True)
    assert everything(full_desk) == before


def test_the_file_says_so_too_and_its_line_is_named(full_desk: Desk) -> None:
    config = full_desk.usual_config
    config.parent.mkdir(parents=True)
    # whatever else is wrong with it: that nothing is changed goes for mending it, too
    for text in ("# mine\nread_only = true\n", "# mine\nread_only = true\n[ui]\nmaks = 7\n"):
        config.write_text(text)
        for command in ("set", "edit"):
            words = ("pool_name=other",) if command == "set" else ()
            ran = full_desk.run("config", command, *words)
            assert (ran.code, config.read_text()) == (3, text)
            assert f"read-only ({config}:2)" in ran.err
    assert f"(…/{config.name}:2)" in full_desk.run("config", "edit", "--mask").err
    config.write_text("read_only = true\n")
    assert full_desk.run("config", "set", "pool_name=other", env={"POOLWATCH_READ_ONLY": "false"}).code == 0


@pytest.mark.parametrize(
    ("text", "value", "where"),
    [
        (None, None, None),
        (None, "1", "POOLWATCH_READ_ONLY"),
        ("read_only = false", None, None),
        ("read_only = true", None, "FILE:1"),
        ("read_only = true", "no", None),
        ("read_only = true", "", "FILE:1"),
        ("nonsense = 1\nread_only = true", None, "FILE:2"),
        ("read_only = [", None, None),
        ("read_only = [", "yes", "POOLWATCH_READ_ONLY"),
        ("read_only = false", "yes", "POOLWATCH_READ_ONLY"),
    ],
)
def test_where_it_is_said(tmp_path: Path, text: str | None, value: str | None, where: str | None) -> None:
    file = tmp_path / "config.toml"
    if text is not None:
        file.write_text(text)
    origin = read_only_by(file, {} if value is None else {"POOLWATCH_READ_ONLY": value})
    assert (origin.text.replace(str(file), "FILE") if origin is not None else None) == where
