"""Options and arguments that commands share, and what the shells propose for them at Tab.

Shells paste what is proposed without quotes, and zsh evaluates it: only what needs no quotes is proposed.
An error proposes nothing, for there is no place to tell it.
"""

from __future__ import annotations

import io
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, TypeVar

import typer

from poolwatch.bootstrap.console import say_text
from poolwatch.words.command_help import help_of

if TYPE_CHECKING:
    from poolwatch.bootstrap.surroundings import Surroundings
    from poolwatch.domain.state import AccountState

T = TypeVar("T")

_VARIABLE: Final = "_POOLWATCH_COMPLETE"
_BASH: Final = "complete_bash"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@%+/-]*", re.ASCII)
#: So much of an account's id is proposed, unless two begin alike.
_ID: Final = 8
#: Where bash ends a word although no blank stands there.
_BREAKS: Final = "@:="
_AT: Final = "@"


def is_asked() -> bool:
    """Whether a shell wants to know what may come next."""
    return _VARIABLE in os.environ


def answer(work: Callable[[], object]) -> object:
    """Run typer's own answer; for bash, in the words that bash takes for words."""
    told = os.environ.get("COMP_WORDS", "").split("\n")
    at = os.environ.get("COMP_CWORD", "")
    if os.environ.get(_VARIABLE) != _BASH or not at.isdecimal() or int(at) >= len(told):
        return work()
    words, before = joined(told[: int(at) + 1])
    os.environ["COMP_WORDS"] = "\n".join(words)
    os.environ["COMP_CWORD"] = str(len(words) - 1)
    said = io.StringIO()
    code: object = 0
    with redirect_stdout(said):
        try:
            code = work()
        except SystemExit as ended:  # so typer ends
            code = ended.code
    # bash replaces only what comes after its own break
    say_text("\n".join(line.removeprefix(before) for line in said.getvalue().split("\n")))
    return code


def joined(words: Sequence[str]) -> tuple[list[str], str]:
    """Bash's words up to the cursor as they were typed, and what of the last one bash will leave alone."""
    typed: list[str] = []
    before, broken = "", False
    for word in words:
        is_break = word != "" and not word.strip(_BREAKS)
        if len(typed) > 1 and (is_break or (broken and word)):
            if is_break:
                # the at sign is the beginning of bash's next word, the others stand between two
                before = typed[-1] + ("" if word == _AT else word)
            typed[-1] += word
        else:
            before = ""
            typed.append(word)
        broken = is_break
    return typed, before


def accounts(context: typer.Context, incomplete: str) -> list[str]:
    """Accounts of the store, each by its first name that begins so; with `ui.mask` by their ids alone."""
    found: list[str] = []
    with suppress(Exception):
        from poolwatch.store.readings import read_pool

        around = _around(context)
        pool = None if around is None else read_pool(around.state_dir)
        if around is not None and pool is not None:
            found = names_of(pool.accounts.values(), incomplete, mask=around.settings.ui.mask)
    return found


def names_of(accounts: Iterable[AccountState], incomplete: str, *, mask: bool) -> list[str]:
    """One name for each account that has one beginning so: as a command takes it, and no shell apart."""
    known = list(accounts)
    ids = Counter(account.key.id[:_ID] for account in known)
    names = {account.key: _names(account) for account in known}
    # whatever a command takes for an account, also where it is not proposed
    owners = Counter(
        name for key, each in names.items() for name in {key.id, *(name.casefold() for name in each)}
    )
    found = []
    for account in known:
        short = account.key.id[:_ID]
        is_short = ids[short] == 1 and not owners[short] and len(incomplete) <= _ID
        choice = [] if mask else [name for name in names[account.key] if owners[name.casefold()] == 1]
        if is_short or owners[account.key.id] == 1:
            choice.append(short if is_short else account.key.id)
        found += [name for name in choice if name.startswith(incomplete) and _PLAIN.fullmatch(name)][:1]
    return found


def _names(account: AccountState) -> list[str]:
    return list(dict.fromkeys(filter(None, (account.name.full, account.name.label, account.email))))


def models(incomplete: str) -> list[str]:
    """The models of the shipped rate card."""
    found: list[str] = []
    with suppress(Exception):
        from poolwatch.config.rate_card import shipped_card

        found = list(dict.fromkeys(each.model for each in shipped_card().rates))
    return [name for name in found if _PLAIN.fullmatch(name) and name.startswith(incomplete)]


def source_kinds() -> list[str]:
    """What `sources add` takes: kinds of sources, and the services that a balance can be read of."""
    from poolwatch.config.credit_settings import PRESETS
    from poolwatch.config.source_settings import SourceKind

    return [*(each.value for each in SourceKind if each is not SourceKind.CREDITS_HTTP), *PRESETS]


def sources(context: typer.Context, incomplete: str) -> list[str]:
    """The names of the sources that are configured or were discovered."""
    return _source_names(context, incomplete, configured_only=False)


def configured(context: typer.Context, incomplete: str) -> list[str]:
    """The names of those that stand in the configuration."""
    return _source_names(context, incomplete, configured_only=True)


def _source_names(context: typer.Context, incomplete: str, *, configured_only: bool) -> list[str]:
    found: list[str] = []
    with suppress(Exception):
        around = _around(context)
        known = () if around is None else around.settings.sources if configured_only else around.sources
        found = [source.name for source in known]
    return [name for name in found if _PLAIN.fullmatch(name) and name.startswith(incomplete)]


def rules(context: typer.Context, incomplete: str) -> list[str]:
    """The names of the rules of alerts."""
    found: list[str] = []
    with suppress(Exception):
        from poolwatch.bootstrap.alerts import rule_names

        around = _around(context)
        found = [] if around is None else list(rule_names(around))
    return [name for name in found if _PLAIN.fullmatch(name) and name.startswith(incomplete)]


def channels(context: typer.Context, incomplete: str) -> list[str]:
    """The names of the channels of the configuration."""
    found: list[str] = []
    with suppress(Exception):
        around = _around(context)
        found = [] if around is None else [each.name for each in around.settings.channels]
    return [name for name in found if _PLAIN.fullmatch(name) and name.startswith(incomplete)]


def channel_kinds() -> list[str]:
    """The kinds of channels."""
    from poolwatch.domain.notices import ChannelKind

    return [each.value for each in ChannelKind]


def budgets(context: typer.Context, incomplete: str) -> list[str]:
    """The names of the budgets in the configuration."""
    found: list[str] = []
    with suppress(Exception):
        around = _around(context)
        found = [] if around is None else [each.name for each in around.settings.budgets]
    return [name for name in found if _PLAIN.fullmatch(name) and name.startswith(incomplete)]


def themes(incomplete: str) -> list[str]:
    """The themes, by their short names unless the long ones were begun."""
    from poolwatch.ui.appearance import THEME_NAMES

    long = [name for name in THEME_NAMES if incomplete and name.startswith(incomplete)]
    return long or [name.removeprefix("poolwatch-") for name in THEME_NAMES]


def _around(context: typer.Context) -> Surroundings | None:
    """This run's surroundings, with the configuration that the line names; None when they are wrong."""
    from poolwatch.bootstrap.surroundings import Options, look_around
    from poolwatch.config.problems import ConfigProblems

    named = context.params.get("config")
    found = look_around(Options(Path(str(named)) if named is not None else None))
    return None if isinstance(found, ConfigProblems) else found


def flag(name: str, text: str = "") -> Any:
    """A switch, with the help of that name."""
    return typer.Option(f"--{name}", help=help_of(text or name.replace("-", "_")))


def option(text: str, *names: str, **more: Any) -> Any:
    """An option, with that help."""
    return typer.Option(*names, help=help_of(text), **more)


def size(text: object) -> int:
    """Bytes of a size like `300MB`; raises ValueError."""
    from poolwatch.demo.session_shapes import size_of

    return size_of(str(text))


def _views() -> list[str]:
    """The views of the pool."""
    from poolwatch.config.settings import VIEWS

    return list(VIEWS)


def _sorts() -> list[str]:
    """The columns that it is sorted by."""
    from poolwatch.config.settings import SORTS

    return list(SORTS)


DEMO_SESSIONS: Final = 4_000_000
SizeOption = Annotated[
    int, option("demo_sessions", "--sessions", parser=size, metavar="SIZE", show_default=False)
]
UseBy: TypeAlias = Literal[
    "day", "week", "month", "hour", "model", "account", "group", "user", "client", "project", "conversation",
    "operation",
]  # fmt: skip
ConfigOption = Annotated[Path | None, option("config_file", "--config", metavar="FILE")]
JsonOption = Annotated[bool, flag("json")]
CsvOption = Annotated[bool, flag("csv")]
SinceOption = Annotated[str | None, option("since", "--since", metavar="WHEN")]
UntilOption = Annotated[str | None, option("until", "--until", metavar="WHEN")]
OutputOption = Annotated[str | None, option("output", "-o", "--output", metavar="FILE")]
MaskOption = Annotated[bool, flag("mask")]
AsciiOption = Annotated[bool, flag("ascii")]
AccountArgument = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help=help_of("account"), autocompletion=accounts)
]
SomeAccountArgument = Annotated[
    str, typer.Argument(metavar="[ACCOUNT|BALANCE]", help=help_of("some_account"), autocompletion=accounts)
]
AccountArguments = Annotated[
    list[str] | None, typer.Argument(metavar="ACCOUNT...", help=help_of("account"), autocompletion=accounts)
]
#: A filter is one of them; more than one is what stood in no quotes.
FilterArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[FILTER]", help=help_of("filter"), autocompletion=accounts)
]
FilterOption = Annotated[str, option("filter", "--filter", metavar="FILTER", autocompletion=accounts)]
UseFilterOption = Annotated[str, option("use_filter", "--filter", metavar="FILTER")]
AlertFilterOption = Annotated[
    str, option("alert_filter", "--filter", metavar="FILTER", autocompletion=accounts)
]
BudgetFilterOption = Annotated[
    str, option("budget_filter", "--filter", metavar="FILTER", autocompletion=accounts)
]
EventFilterOption = Annotated[
    str, option("event_filter", "--filter", metavar="FILTER", autocompletion=accounts)
]
SourceArgument = Annotated[
    str, typer.Argument(metavar="NAME", help=help_of("source"), autocompletion=sources)
]
ConfiguredArgument = Annotated[
    str, typer.Argument(metavar="NAME", help=help_of("source"), autocompletion=configured)
]
RuleArgument = Annotated[str, typer.Argument(metavar="RULE", help=help_of("rule"), autocompletion=rules)]
ChannelArgument = Annotated[
    str, typer.Argument(metavar="NAME", help=help_of("channel"), autocompletion=channels)
]
BudgetArgument = Annotated[
    str, typer.Argument(metavar="NAME", help=help_of("budget"), autocompletion=budgets)
]
Assignments = Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help=help_of("assignment"))]
KindArgument = Annotated[
    str, typer.Argument(metavar="KIND", help=help_of("kind"), autocompletion=source_kinds)
]
ViewOption = Annotated[str | None, option("view", metavar="auto|table|cards|hive", autocompletion=_views)]
SortOption = Annotated[str | None, option("sort", metavar="COLUMN", autocompletion=_sorts)]
ThemeOption = Annotated[
    str | None, option("theme", metavar="dark|light|contrast|ansi", autocompletion=themes)
]
MouseOption = Annotated[bool, flag("mouse")]
ReadOnlyOption = Annotated[bool, flag("read-only")]
CustodyOption = Annotated[Literal["other", "poolwatch"] | None, option("custody")]
KeepOption = Annotated[Literal["imported", "source"] | None, option("keep")]
