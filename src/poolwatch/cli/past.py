"""`history` and `events`: what the store keeps of the past, for people and for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    Exit,
    complain,
    plain_line,
    say_exactly,
    say_text,
)
from poolwatch.bootstrap.kept import Kept, open_kept
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.command import (
    find_account,
    kept_by,
    let_through,
    moment,
    run_async,
    surroundings,
    told_filter,
)
from poolwatch.config.paths import absolute
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.series import FigureName, Finest
from poolwatch.host.files import write_export
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.history import Scene
from poolwatch.presentation.history_json import BALANCE, METRICS, FigurePast, history_csv, history_json
from poolwatch.words.commands import said
from poolwatch.words.messages import file_text

if TYPE_CHECKING:
    from poolwatch.presentation.balance_history import BalanceScene

STDOUT: Final = "-"
#: How far back it goes where nobody says.
_BACK: Final = timedelta(days=7)


class Form(Struct, frozen=True):
    """How something is put out: as JSON, as CSV, else for people; and into which file, else on stdout."""

    as_json: bool = False
    as_csv: bool = False
    path: str | None = None
    mask: bool = False
    ascii_only: bool = False


class TimeSpan(Struct, frozen=True):
    """From when to before when, as it was typed."""

    since: str | None = None
    until: str | None = None

    def read(self, now: datetime) -> tuple[datetime, datetime]:
        """Both ends; ends the command where one is no moment."""
        until = now if self.until is None else moment(self.until, "--until", now)
        since = until - _BACK if self.since is None else moment(self.since, "--since", now)
        if since >= until:
            complain(said("no_span"))
            raise Exit(EXIT_USAGE)
        return since, until


def print_events(config: Path | None, filter_text: str, span: TimeSpan, form: Form) -> int:
    """Print what happened, old to new."""
    around = past_of(config, form)
    now = RealClock().now()
    since, until = span.read(now)

    async def read() -> tuple[Sequence[LoggedEvent], AccountNames]:
        async with open_kept(around) as kept:
            if kept is None:
                return (), AccountNames({})
            found, names = await kept.events(since, until), names_of(kept)
            if filter_text.strip():
                return _let_through(filter_text, found, names, await kept.overview(), around), names
            return found, names

    events, names = run_async(read)
    # of three forms one is needed
    if form.as_json:
        from poolwatch.presentation.events_json import events_json

        return put(events_json(events, names, now), form, around)
    if form.as_csv:
        from poolwatch.presentation.events_json import events_csv

        return put(events_csv(events, names), form, around)
    from poolwatch.presentation.event_text import event_lines

    if not events and not filter_text.strip():
        complain(said("no_events"))
    return put("".join(f"{line}\n" for line in event_lines(events, names, None)), form, around)


def _let_through(
    text: str, logged: Sequence[LoggedEvent], names: AccountNames, seen: PoolOverview, around: Surroundings
) -> Sequence[LoggedEvent]:
    """The events that a filter lets through; that it lets none is said."""
    from poolwatch.presentation.events import texts_of  # few commands have a filter

    told = {event.id: texts_of(event, names, None) for event in logged}
    lets = let_through(text, seen, around.prefs(), lambda: chain.from_iterable(told.values()))
    found = [event for event in logged if lets(told[event.id], event.account_id, event.source)]
    if not found:
        complain(said("no_event_matches", filter=told_filter(text), count=len(logged)))
    return found


class Wish(Struct, frozen=True):
    """Of whom a history is asked for, and of which figures; empty: of all. How finely it is told, at most.

    `account` may be the name of a balance.
    """

    account: str = ""
    metric: str = ""
    window: str = ""
    by: str = "change"
    filter_text: str = ""


def print_history(config: Path | None, wish: Wish, span: TimeSpan, form: Form) -> int:
    """Print how figures ran; 1 where nothing is kept of what was asked."""
    around = past_of(config, form)
    if not (form.as_json or form.as_csv):
        return _print_charts(around, wish, span, form)
    now = RealClock().now()
    since, until = span.read(now)

    async def read() -> tuple[list[FigurePast], AccountNames]:
        async with open_kept(around) as kept:
            if kept is None:
                return [], AccountNames({})
            chosen, finest = partial(_is_wanted, wish), Finest(wish.by)
            accounts, balances = await _wanted(kept, wish)
            found = await kept.pasts(accounts, chosen, since, until, finest)
            found += await kept.balance_pasts(balances, since, until, finest)
            return found, names_of(kept)

    pasts, names = run_async(read)
    if not pasts:
        complain(said("no_history"))
    text = history_json(pasts, names, now) if form.as_json else history_csv(pasts, names)
    return put(text, form, around) or (EXIT_OK if pasts else EXIT_FAILED)


def _print_charts(around: Surroundings, wish: Wish, span: TimeSpan, form: Form) -> int:
    """Print a chart for each account: on a terminal in its colours and as wide, else plain text."""
    since, until = span.read(RealClock().now())

    async def read() -> tuple[list[Scene], list[BalanceScene]]:
        async with open_kept(around) as kept:
            if kept is None:
                return [], []
            chosen = partial(_is_wanted, wish) if wish.metric or wish.window else None
            finest = Finest(wish.by) if wish.by != Finest.CHANGE else None
            end = until if span.until is not None else None
            accounts, named = await _wanted(kept, wish)
            scenes = await kept.scenes(accounts, chosen, since, end, finest)
            return scenes, await kept.balance_scenes(named, since, end, finest)

    scenes, balances = run_async(read)
    if not scenes and not balances:
        complain(said("no_history"))
        return EXIT_FAILED
    # what draws takes time to load
    from poolwatch.bootstrap.screen import glyphs_named
    from poolwatch.cli.history_chart import history_lines
    from poolwatch.cli.status_table import plain_text, print_lines, terminal_width
    from poolwatch.ui.appearance import glyphs_of

    settings = around.settings.ui.glyphs
    glyphs = glyphs_of("ascii" if form.ascii_only else glyphs_named(settings, around.env))
    lines = history_lines(scenes, balances, terminal_width(), glyphs, is_over=span.until is not None)
    if form.path in (None, STDOUT) and sys.stdout.isatty():
        print_lines(lines, glyphs)
        return EXIT_OK
    return put(plain_text(lines, glyphs), form, around)


async def _wanted(kept: Kept, wish: Wish) -> tuple[list[str], list[str]]:
    """The ids of the accounts and the names of the balances that are asked for."""
    balances = [] if wish.filter_text.strip() else list(await kept.balances())
    called = [name for name in balances if name.casefold() == wish.account.strip().casefold()]
    if wish.account and called:
        accounts, balances = [], called
    else:
        accounts, balances = await _accounts(kept, wish, balances), [] if wish.account else balances
    if wish.metric == BALANCE:
        return [], balances
    return accounts, [] if wish.metric or wish.window else balances


async def _accounts(kept: Kept, wish: Wish, balances: Sequence[str]) -> list[str]:
    if wish.filter_text.strip():
        found = kept_by(await kept.overview(), wish.filter_text, kept.around.prefs())
        return [key for key, account in kept.own.items() if account.key in found]
    if not wish.account:
        return list(kept.own)
    mask = kept.around.settings.ui.mask
    named = find_account(kept.state, wish.account, mask=mask, balances=balances)
    return [named.key.id]


def _is_wanted(wish: Wish, name: FigureName) -> bool:
    metric = METRICS.get(wish.metric)
    return metric in (None, name.series) and wish.window in ("", name.window)


def past_of(config: Path | None, form: Form) -> Surroundings:
    """The surroundings of a command about the past, which needs nothing to monitor."""
    if form.as_json and form.as_csv:
        complain(said("json_or_csv"))
        raise Exit(EXIT_USAGE)
    return surroundings(config, mask=form.mask)


def names_of(kept: Kept) -> AccountNames:
    """What everybody is called of whom something is kept."""
    accounts = {account.key.id: account for account in kept.state.accounts.values()}
    return AccountNames(accounts, kept.around.settings.ui.mask)


def put(text: str, form: Form, around: Surroundings) -> int:
    """Put it where it was asked for; the exit code."""
    if form.path is None or form.path == STDOUT:
        # nothing at all is no line
        (say_exactly if form.as_csv else say_text)(text) if text else None
        return EXIT_OK
    if not (form.as_csv or form.as_json):
        # a name in it may say anything
        text = "\n".join(map(plain_line, text.split("\n")))
    problem = write_export(absolute(form.path), [text.encode("utf-8", "replace")])
    if problem is not None:
        complain(around.told(file_text(problem)))
        return EXIT_FAILED
    return EXIT_OK
