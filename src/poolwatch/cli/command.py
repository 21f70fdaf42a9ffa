"""How commands begin: the surroundings of the run, or the exit that tells what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from poolwatch.bootstrap.console import EXIT_CONFIG, EXIT_FAILED, EXIT_USAGE, Exit, complain, complain_of
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.config.load import read_only_by
from poolwatch.config.paths import locate_config
from poolwatch.config.problems import ConfigProblems
from poolwatch.config.source_settings import SourceKind
from poolwatch.domain.account import AccountKey
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.text import argument_word, visible
from poolwatch.domain.when import parse_when
from poolwatch.presentation.masking import masked, shown_name, shown_path
from poolwatch.presentation.view import Prefs
from poolwatch.words import commands as words
from poolwatch.words.commands import said
from poolwatch.words.messages import failure_text

if TYPE_CHECKING:
    from poolwatch.bootstrap.headless import Look
    from poolwatch.presentation.filter_typing import Searched

T = TypeVar("T")

#: So much of what was typed is said again.
_LONGEST_WORD: Final = 60
#: ... of a filter, and of what is wrong with one.
_LONGEST_FILTER: Final = 80
_LONGEST_MISTAKE: Final = 200
#: So many accounts are proposed for a name that none has.
_PROPOSED: Final = 3
ADD_SOURCE: Final = "sources add KIND URL|PATH"


def surroundings(
    config: Path | None, *, mask: bool = False, may_be_new: bool = False, may_lack: bool = False
) -> Surroundings:
    """This run's settings and places; ends the command when they are wrong. `mask` turns `ui.mask` on.

    `may_be_new`: a configuration that was named need not be there yet. `may_lack`: it may name
    channels and budgets that are not there, which the command may put right.
    """
    overrides = {"ui.mask": "true"} if mask else {}
    around = look_around(Options(config, overrides, may_be_new=may_be_new, may_lack=may_lack))
    if isinstance(around, ConfigProblems):
        complain_of(around, mask=mask)
        raise Exit(EXIT_CONFIG)
    return around


def refuse_if_read_only(name: str, config: Path | None, *, mask: bool) -> None:
    """End a command that changes something where the settings say that nothing is to be changed."""
    env = dict(os.environ)
    path = locate_config(env, config)
    origin = read_only_by(path, env)
    if origin is not None:
        line = said("read_only", command=name, where=origin.text)
        complain(masked(line, [str(path)]) if mask else line)
        raise Exit(EXIT_CONFIG)


def moment(text: str, option: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """What was typed for a moment, in UTC; ends the command when it is none. Days are those of `zone`."""
    found = parse_when(text, now, zone)
    if found is None:
        complain(said("no_moment", option=option, text=visible(text, _LONGEST_WORD)))
        raise Exit(EXIT_USAGE)
    return found


def monitored(config: Path | None, *, mask: bool = False) -> Surroundings:
    """As `surroundings`, and there is something to monitor."""
    around = surroundings(config, mask=mask)
    if not around.sources:
        from poolwatch.config.paths import missing_home  # nearly always there is something

        missing = missing_home(around.env)
        found = f"{words.NOTHING_TO_MONITOR()}{f' ({missing})' if missing else ''}"
        complain(said("add_one", found=found, command=around.command(ADD_SOURCE)))
        raise Exit(EXIT_CONFIG)
    return around


def complain_about(seen: Look, around: Surroundings, *, sources: bool = False) -> None:
    """What a look found to be wrong with the whole pool; with `sources`, which of them could not be read."""
    for notice in seen.notices:
        complain(around.told(notice))
    if sources:
        tell_failing(around, seen.state)


def tell_failing(around: Surroundings, state: PoolState) -> None:
    """One line for each source that does not answer."""
    for source in state.sources.values():
        if source.failure is not None:
            complain(around.told(said("source_fails", name=source.name, why=failure_text(source.failure))))


def nobody_there(around: Surroundings, state: PoolState) -> int:
    """Say why a pool is empty: which sources do not answer, and where there is no login; the exit code."""
    from poolwatch.bootstrap.places import shown_place  # seldom needed, and it loads what edits TOML

    failing = {source.name for source in state.sources.values() if source.failure is not None}
    for source in around.sources:
        if source.name not in failing and source.kind is not SourceKind.CREDITS_HTTP:
            place = shown_path(shown_place(around, source), mask=around.settings.ui.mask)
            complain(words.no_login_at(place))
    complain(words.NONE_READ() if failing else said("no_accounts", command=around.command("sources")))
    return EXIT_FAILED if failing else EXIT_CONFIG


def found_by(seen: PoolOverview, text: str, prefs: Prefs) -> Collection[AccountKey]:
    """The accounts that a filter lets through; what is wrong with it is said."""
    from poolwatch.presentation.filter import matching  # few commands take one

    found = matching(seen, text, prefs)
    tell_of_filter(seen, text, prefs, found)
    return found


def kept_by(seen: PoolOverview, text: str, prefs: Prefs) -> Collection[AccountKey]:
    """The same for who acts on them, or looks at their past: a mistake ends the command."""
    from poolwatch.presentation.filter import Looker, matching

    refuse_mistake(Looker(seen, prefs), text, may_be_empty=not seen.accounts)
    found = matching(seen, text, prefs)
    if not found:
        complain(words.no_match(told_filter(text)))
    return found


def told_filter(text: str) -> str:
    """A filter as it is said again: not too much of it, and harmless."""
    return visible(text.strip(), _LONGEST_FILTER)


def refuse_mistake(searched: Searched, text: str, *, may_be_empty: bool = False) -> None:
    """End a command whose filter is wrong; `may_be_empty`: nothing is known of which it could be right."""
    from poolwatch.presentation.filter_typing import mistake

    wrong = mistake(searched, text, is_whole=True)
    if wrong and not may_be_empty:
        complain(visible(wrong, _LONGEST_MISTAKE))
        raise Exit(EXIT_USAGE)


def let_through(
    text: str, seen: PoolOverview, prefs: Prefs, texts: Callable[[], Iterable[str]]
) -> Callable[[Iterable[str], str | None, str | None], bool]:
    """Whether a filter lets through what is no account, as `EventLooker.chosen`; a mistake ends the command.

    `texts`: all that is told of what it is asked about.
    """
    from poolwatch.presentation.event_filter import EventLooker  # few commands have a filter

    looker = EventLooker(seen, prefs, texts)
    refuse_mistake(looker, text, may_be_empty=not seen.accounts)
    return looker.chosen(text)


def tell_of_filter(seen: PoolOverview, text: str, prefs: Prefs, found: Collection[AccountKey]) -> None:
    """Say what is wrong with a filter, or that it finds nobody."""
    if not text.strip() or not seen.accounts:
        return
    from poolwatch.presentation.filter import Looker
    from poolwatch.presentation.filter_typing import mistake

    wrong = mistake(Looker(seen, prefs), text, is_whole=True)
    if wrong:
        complain(visible(wrong, _LONGEST_MISTAKE))
    elif not found:
        complain(words.no_match(told_filter(text)))


def find_account(
    state: PoolState, text: str, *, mask: bool, balances: Sequence[str] | None = None
) -> AccountState:
    """The one account that an argument names: id prefix, label or e-mail; ends the command otherwise.

    `mask`: no address is told that was not given. `balances`: what else it could have named.
    """
    wanted = text.strip().casefold()
    exact = [account for account in state.accounts.values() if wanted and wanted in _names(account)]
    found = exact or [
        account
        for account in state.accounts.values()
        if len(wanted) >= 4 and account.key.id.startswith(wanted)
    ]
    if len(found) == 1:
        return found[0]

    def told(accounts: Sequence[AccountState]) -> list[str]:
        return [f"{shown_name(each, mask=mask)} ({each.key.id[:8]})" for each in accounts]

    if found:
        complain(words.several_accounts(text, ", ".join(told(found))))
    else:
        meant = [] if not wanted else told(_near(state, wanted))
        if wanted and balances:
            alike = [name for name in balances if wanted in name.casefold()]
            meant = [masked(name) if mask else name for name in alike[:_PROPOSED]] + meant
        name = text.strip() or "(nothing)"
        complain(words.no_such_account(name, meant[:_PROPOSED], or_balance=balances is not None))
    raise Exit(EXIT_USAGE)


def _names(account: AccountState) -> set[str]:
    names = (account.name.full, account.name.label, account.email or "", account.key.id)
    return {name.casefold() for name in names}


def _near(state: PoolState, wanted: str) -> list[AccountState]:
    """A few accounts that may have been meant: those whose name begins so, holds that, or is spelt alike."""
    by_name = {
        name: account
        for account in state.accounts.values()
        for whole in sorted(_names(account))
        for name in (whole.partition("@")[0], whole)
    }
    from difflib import get_close_matches  # only where a name is wrong

    holding = sorted(
        (not name.startswith(wanted), name) for name in by_name if wanted in name and len(wanted) >= 2
    )
    spelt = get_close_matches(wanted, by_name, n=_PROPOSED) if not holding else []
    names = [*(name for _, name in holding), *spelt]
    return list({by_name[name].key: by_name[name] for name in names}.values())[:_PROPOSED]


def complain_of_words(typed: Sequence[str], command: str) -> None:
    """Say that a filter is one argument, and how it is quoted."""
    text = told_filter(" ".join(typed))
    complain(said("quote_filter", command=f"poolwatch {command} {argument_word(text)}"))


def run_async(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's asynchronous part."""
    from poolwatch.net.names import run as run_loop  # it loads asyncio, and some do without

    found: list[T] = []

    async def run() -> None:
        # not as the task's own result: giving Ctrl+C back, asyncio makes a text of all of that
        found.append(await work())

    run_loop(run())
    return found[0]
