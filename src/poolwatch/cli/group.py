"""How a command line is divided: the first word names the command, and options stand before or behind it.

The class of every group of commands, so that the grammar is the same everywhere.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from typer.core import TyperGroup

from poolwatch.words.command_help import help_of
from poolwatch.words.commands import said

#: typer does not tell the class of its contexts, commands and parameters.
Context: TypeAlias = Any
Command: TypeAlias = Any
Parameter: TypeAlias = Any

_ENDS_OPTIONS: Final = "--"
#: The headings of commands, in their order.
_HEADINGS: Final = ("look", "act", "limits", "money", "set_up")
#: No first sentence of a help is longer.
_LONGEST_SENTENCE: Final = 400
#: Where a value stands that somebody typed, here or before the group's own name.
_TYPED: Final = ("COMMANDLINE", "DEFAULT_MAP")


class Group(TyperGroup):
    """Commands below one name.

    An option that a command takes may stand before its name; one that it does not take is refused. A group
    without a callback is short for the first of its commands, and takes the options of that one; if it takes
    arguments too, they may follow the group: only a first word that is the name of a command is none of them.
    """

    def get_params(self, ctx: Context) -> list[Any]:
        own = super().get_params(ctx)
        first = self._first
        if first is None:
            return own
        names = {param.name for param in own}
        options = [param for param in first.get_params(ctx) if not _is_word(param)]
        return [*(param for param in options if param.name not in names), *own]

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        first = self._first
        if first is not None:
            _, words, _ = self.make_parser(ctx).parse_args(list(args))
            before = args[: len(args) - len(words)]
            if not words and not ctx.resilient_parsing:
                args = [*args, str(first.name)]
            elif words and words[0] not in self.commands and _takes_words(first, ctx):
                ends = [_ENDS_OPTIONS] if before[-1:] == [_ENDS_OPTIONS] else []
                args = [*before[: len(before) - len(ends)], str(first.name), *ends, *words]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            self._hand_down(ctx, str(name), command)
        return name, command, rest

    def format_commands(self, ctx: Context, formatter: Any) -> None:
        """The commands in `--help`, below the heading that each of them has."""
        rows: dict[str, list[tuple[str, str]]] = {}
        widest = max(map(len, self.commands))
        for name in self.commands:
            command: Command = self.commands[name]
            heading = command.rich_help_panel or said("commands")
            # the first sentence as a whole: what is longer than a line goes on in the next
            told = command.get_short_help_str(_LONGEST_SENTENCE)
            rows.setdefault(heading, []).append((name.ljust(widest), told))
        for heading in sorted(rows, key=_place):
            with formatter.section(heading):
                formatter.write_dl(rows[heading])

    def shell_complete(self, ctx: Context, incomplete: str) -> list[Any]:
        found = super().shell_complete(ctx, incomplete)
        first = self._first
        if first is not None and not incomplete.startswith("-"):
            words = [param for param in first.get_params(ctx) if _is_word(param)]
            found += words[0].shell_complete(ctx, incomplete) if words else []
        return found

    @property
    def _first(self) -> Command:
        """The command that the group is short for."""
        return next(iter(self.commands.values()), None) if self.callback is None else None

    def _hand_down(self, ctx: Context, name: str, command: Command) -> None:
        """Give the command what was typed before its name."""
        takes = {param.name for param in command.get_params(ctx)}
        given: dict[str, Any] = {}
        for param in self.get_params(ctx):
            source = ctx.get_parameter_source(param.name)
            if param.name not in ctx.params or source is None or source.name not in _TYPED:
                continue
            if param.name in takes:
                given[param.name] = ctx.params[param.name]
            elif not ctx.resilient_parsing:
                # dropped in silence, --mask would print what it was to hide
                path = f"{ctx.command_path} {name}"
                ctx.fail(said("takes_no", command=path, option=param.opts[0]))
        ctx.default_map = {name: given}


def _place(heading: str) -> int:
    order = [help_of(each) for each in _HEADINGS]
    return order.index(heading) if heading in order else len(order)


def _takes_words(command: Command, ctx: Context) -> bool:
    return any(_is_word(param) for param in command.get_params(ctx))


def _is_word(param: Parameter) -> bool:
    return bool(param.param_type_name == "argument")
