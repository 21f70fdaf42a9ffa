"""How commands are declared: the program, its groups, and what `--help` says of each."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import typer

from poolwatch.cli.group import Group
from poolwatch.words.command_examples import examples_of
from poolwatch.words.command_help import help_of

_Function = TypeVar("_Function", bound=Callable[..., int])
_USUAL: dict[str, Any] = {"cls": Group, "rich_markup_mode": None}

app = typer.Typer(
    name="poolwatch",
    help=help_of("poolwatch"),
    epilog=f"{examples_of('poolwatch')}\n\n{help_of('exit_codes')}",
    no_args_is_help=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    **_USUAL,
)


def group_of(name: str, heading: str) -> typer.Typer:
    """Commands below one name; alone it is short for the first of them."""
    group = typer.Typer(help=help_of(name), epilog=examples_of(name), **_USUAL)
    app.add_typer(group, name=name, rich_help_panel=help_of(heading))
    return group


def declared(
    group: typer.Typer,
    name: str,
    heading: str = "",
    *,
    changes: bool = False,
    takes_a_program: bool = False,
) -> Callable[[_Function], _Function]:
    """A command of a group, or of the program itself, below a heading.

    `changes`: it changes, spends, silences or imports something, so a read-only run refuses it before it
    looks at anything. Such a command takes `--config` and `--mask`.
    `takes_a_program`: what stands behind its first word is that word's, also what looks like an option.
    """

    def declare(work: _Function) -> _Function:
        group.command(
            name.rpartition(" ")[2],
            help=help_of(name),
            epilog=examples_of(name),
            rich_help_panel=help_of(heading) if heading else None,
            context_settings={"allow_interspersed_args": not takes_a_program},
        )(_refusing(name, work) if changes else work)
        return work

    return declare


def _refusing(name: str, work: Callable[..., int]) -> Callable[..., int]:
    @wraps(work)
    def run(*, config: Path | None, mask: bool, **more: Any) -> int:
        from poolwatch.cli.command import refuse_if_read_only

        refuse_if_read_only(name, config, mask=mask)
        return work(config=config, mask=mask, **more)

    return run
