"""The grammar of the command line: the first word decides, and options stand before or behind a command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.main import get_command

from poolwatch.cli.app import parser
from poolwatch.cli.group import Group
from poolwatch.words.command_examples import EXAMPLES
from tests.cli.desk import Desk

#: What the small program below was told to do.
ran: list[tuple[object, ...]] = []


def program() -> typer.Typer:
    """Commands of which one group is short for a command with arguments, and one for a command without."""
    main = typer.Typer(cls=Group)
    events = typer.Typer(cls=Group)
    rates = typer.Typer(cls=Group)
    main.add_typer(events, name="events")
    main.add_typer(rates, name="rates")

    @main.callback()
    def root(mask: bool = False, view: str = "auto") -> None:
        ran.append(("root", mask, view))

    @events.command("list")
    def events_list(
        words: Annotated[
            list[str] | None, typer.Argument(autocompletion=lambda: ["plan:", "status:"])
        ] = None,
        since: str = "today",
        mask: Annotated[bool, typer.Option("--mask")] = False,
    ) -> None:
        ran.append(("events list", tuple(words or ()), since, mask))

    @events.command("follow")
    def events_follow(mask: Annotated[bool, typer.Option("--mask")] = False) -> None:
        ran.append(("events follow", mask))

    @rates.command("list")
    def rates_list(mask: Annotated[bool, typer.Option("--mask")] = False) -> None:
        ran.append(("rates list", mask))

    @rates.command("why")
    def rates_why(model: str) -> None:
        ran.append(("rates why", model))

    return main


def run(line: str) -> tuple[object, ...]:
    ran.clear()
    get_command(program()).main(shlex.split(line), prog_name="p", standalone_mode=False)
    return ran[-1]


def refusal(line: str) -> str:
    with pytest.raises(Exception) as refused:  # noqa: PT011 - typer hides the class of its errors
        run(line)
    return str(getattr(refused.value, "message", ""))


@pytest.mark.parametrize(
    ("line", "did"),
    [
        # the group alone, with options, with arguments
        ("events", ("events list", (), "today", False)),
        ("events --since 7d", ("events list", (), "7d", False)),
        ("events plan:pro status:active", ("events list", ("plan:pro", "status:active"), "today", False)),
        ("events --since list plan:pro", ("events list", ("plan:pro",), "list", False)),
        ("events plan:pro --since 7d --mask", ("events list", ("plan:pro",), "7d", True)),
        # the first word is the name of a command
        ("events list follow", ("events list", ("follow",), "today", False)),
        ("events follow", ("events follow", False)),
        ("events --mask follow", ("events follow", True)),
        ("--mask events follow", ("events follow", True)),
        ("--mask events plan:pro", ("events list", ("plan:pro",), "today", True)),
        ("rates", ("rates list", False)),
        ("--mask rates", ("rates list", True)),
        ("rates why list", ("rates why", "list")),
        # what follows two dashes is no option
        ("events -- -plan:pro", ("events list", ("-plan:pro",), "today", False)),
        ("events -- follow", ("events follow", False)),
        # the value that stands behind the command is the one that was typed last
        ("events --since 7d list --since 24h", ("events list", (), "24h", False)),
    ],
)
def test_the_first_word_decides(line: str, did: tuple[object, ...]) -> None:
    assert run(line) == did


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--view cards events", "p events takes no --view"),
        ("events --since 7d follow", "p events follow takes no --since"),
        ("--mask rates why x", "p rates why takes no --mask"),
        ("rates list x", "unexpected extra argument"),
        ("rates lst", "No such command 'lst'. Did you mean 'list'?"),
        ("rates nothing", "No such command 'nothing'."),
        ("events --bogus", "No such option: --bogus"),
    ],
)
def test_what_a_command_does_not_take_is_refused(line: str, said: str) -> None:
    assert said in refusal(line)
    assert ran in ([], [("root", "--mask" in line, "cards" if "--view" in line else "auto")])


def test_help_of_a_group_is_about_the_group() -> None:
    from typer.testing import CliRunner

    shown = CliRunner().invoke(program(), ["events", "--help"])
    assert shown.exit_code == 0
    assert {"list", "follow", "--since", "--mask"} <= set(re.findall(r"[-\w]+", shown.output))
    assert shown.output.count("--help") == 1
    assert "p events list" not in shown.output


def test_options_of_the_program_stand_before_and_behind(desk: Desk, tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text('[[sources]]\nkind = "auth-files"\nname = "mine"\npath = "~/logins"\n')
    options = ("--mask", "--config", str(config))
    behind = desk.run("sources", "list", *options)
    assert (behind.code, behind.err) == (0, "")
    assert behind.out.startswith("mine  auth-files  …/logins")
    for line in ((*options, "sources", "list"), ("sources", *options, "list"), (*options, "sources")):
        assert desk.run(*line) == behind


@pytest.mark.parametrize("command", ["config path", "config show", "config init", "sources", "sources list"])
def test_mask_hides_folders_wherever_it_stands(desk: Desk, command: str) -> None:
    words = command.split()
    for number in range(len(words) + 1):
        found = desk.run(*words[:number], "--mask", *words[number:])
        assert found.code in (0, 3)
        assert str(desk.home) not in found.out + found.err


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("--view cards status", "--view"),
        ("--mouse next", "--mouse"),
        ("--read-only doctor", "--read-only"),
        ("--theme light config show", "--theme"),
        ("--config x demo", "--config"),
    ],
)
def test_an_option_of_the_app_is_not_dropped_before_a_command(desk: Desk, line: str, option: str) -> None:
    found = desk.run(*line.split())
    assert (found.code, found.out) == (2, "")
    assert f"takes no {option}" in found.err


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("--view tabel", ("auto, table, cards, hive", "did you mean table?")),
        ("--sort nam", ("need, name, weekly, 5h, credits, reset, age",)),
        ("--theme drak", ("poolwatch-dark", "poolwatch-light", "poolwatch-contrast", "poolwatch-ansi")),
    ],
)
def test_a_wrong_choice_names_those_there_are(desk: Desk, line: str, named: tuple[str, ...]) -> None:
    found = desk.run(*line.split())
    assert (found.code, found.out) == (2, "")
    assert [each for each in named if each not in found.err] == []


def test_help_names_the_choices(desk: Desk) -> None:
    from poolwatch.config.settings import SORTS, VIEWS
    from poolwatch.ui.appearance import THEME_NAMES

    for command in ((), ("demo",)):
        # a long word is parted where the line ends
        told = re.sub(r"-\n\s+", "-", desk.run(*command, "--help").out)
        words = set(re.findall(r"[-\w]+", told))
        themes = {name.removeprefix("poolwatch-") for name in THEME_NAMES}
        assert {*VIEWS, *SORTS, *themes} <= words


def test_help_has_the_commands_below_what_they_are_for(desk: Desk) -> None:
    told = desk.run("--help").out
    places = [
        told.index(f"\n{each}")
        for each in (
            "Look:",
            "  status",
            "Act:",
            "  refresh",
            "Limits:",
            "  check",
            "Money:",
            "  resets",
            "Set up:",
            "  doctor",
        )
    ]
    assert places == sorted(places)
    for command in ((), ("sources",), ("accounts",), ("config",)):
        assert "..." not in desk.run(*command, "--help").out.partition("Examples:")[0].replace(
            "[ARGS]...", ""
        )


def commands() -> list[str]:
    found = [""]

    def walk(command: object, name: str) -> None:
        for word, inner in getattr(command, "commands", {}).items():
            found.append(f"{name} {word}".strip())
            walk(inner, found[-1])

    walk(parser(), "")
    return found


def test_every_command_shows_examples(desk: Desk) -> None:
    assert {name or "poolwatch" for name in commands()} == set(EXAMPLES)
    for name in commands():
        told = desk.run(*name.split(), "--help").out
        assert "Examples:\n    " in told
        assert max(map(len, told.split("\n"))) <= 80


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_example_is_a_line_that_the_parser_takes(name: str) -> None:
    for line, _ in EXAMPLES[name]:
        typed = re.search(r"\bpoolwatch([^)]*)", line)
        assert typed is not None
        command = parser()
        context = command.make_context("poolwatch", shlex.split(typed[1]))
        path: list[str] = []
        while isinstance(command, Group) and (rest := [*context._protected_args, *context.args]):
            word, command, rest = command.resolve_command(context, rest)
            context = command.make_context(word, rest, parent=context)
            path.append(str(word))
        assert " ".join(path) == name or name in ("poolwatch", *path[:1]), line
