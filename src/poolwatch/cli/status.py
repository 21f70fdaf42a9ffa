"""`status` and `next`."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.console import EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, say_path, say_text
from poolwatch.bootstrap.headless import Look, look
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.command import (
    complain_about,
    found_by,
    monitored,
    nobody_there,
    run_async,
    tell_failing,
    tell_of_filter,
)
from poolwatch.config.values import at_home
from poolwatch.domain.account import AccountKey
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.values import replace
from poolwatch.presentation.filter import matching, worth_reading
from poolwatch.presentation.view import Prefs
from poolwatch.words import commands as words
from poolwatch.words.commands import said

#: Older than any reading; more seconds than this are no longer a date.
_ANY_AGE_SECONDS: Final = 1e9


def print_status(
    config: Path | None,
    filter_text: str,
    max_age: float | None,
    *,
    as_json: bool,
    mask: bool,
    ascii_only: bool,
) -> int:
    """Print every account that matches; polls those whose reading is older than so many seconds.

    `max_age` None is the poll interval.
    """
    around = monitored(config, mask=mask)
    prefs = around.prefs()
    age = around.settings.poll.interval_seconds if max_age is None else max_age
    if math.isnan(age):
        complain(said("bad_max_age"))
        return EXIT_USAGE
    older_than = timedelta(seconds=min(age, _ANY_AGE_SECONDS))

    def worth(seen: PoolOverview) -> Collection[AccountKey]:
        return worth_reading(seen, filter_text, prefs)

    choice = worth if filter_text.strip() else None
    seen = run_async(lambda: look(around, older_than, choice))
    balances = None
    if around.has_balances:
        from poolwatch.bootstrap.balances import look_at_balances  # few have any

        balances = run_async(lambda: look_at_balances(around, None if max_age is None else older_than))
        seen = replace(seen, state=replace(seen.state, balances=balances.balances))
    complain_about(seen, around, sources=True)
    keys = matching(seen.overview, filter_text, prefs)
    if as_json:
        from poolwatch.presentation.status_json import status_json  # one of the two is needed

        say_text(status_json(seen.overview, seen.state, seen.overview.own_now, prefs.mask, keys))
    else:
        _print_text(seen, around, replace(prefs, rules=seen.overview.rules), keys, ascii_only=ascii_only)
    if not seen.overview.accounts:
        if balances is not None:
            from poolwatch.cli.credits import tell

            return EXIT_OK if as_json else tell(around, balances, as_json=False)
        return nobody_there(around, seen.state)
    tell_of_filter(seen.overview, filter_text, prefs, keys)
    if keys and not seen.in_vain:
        return EXIT_OK
    if keys:
        complain(words.NONE_READ())
    return EXIT_FAILED


def _print_text(
    seen: Look, around: Surroundings, prefs: Prefs, keys: Collection[AccountKey], *, ascii_only: bool
) -> None:
    """On a terminal the table of the screen, else plain text in as many columns as there are."""
    pool = around.settings.pool_name or ""
    if sys.stdout.isatty():
        # what draws takes time to load
        from poolwatch.bootstrap.screen import glyphs_named
        from poolwatch.cli.status_table import print_lines, status_lines, terminal_width
        from poolwatch.ui.appearance import glyphs_of

        wanted = "ascii" if ascii_only else glyphs_named(around.settings.ui.glyphs, around.env)
        glyphs = glyphs_of(wanted)
        width = terminal_width()
        print_lines(status_lines(seen.overview, seen.state, prefs, pool, keys, width, glyphs), glyphs)
        return
    from poolwatch.presentation.status_text import status_text

    text = status_text(seen.overview, seen.state, prefs, pool, keys)
    if ascii_only:
        from poolwatch.ui.appearance import ASCII

        text = ASCII.text(text)
    say_text(text)


class NextWish(Struct, frozen=True):
    """What `next` is asked for: how many accounts, which ones, and of each its home alone or JSON."""

    count: int
    excluded: tuple[str, ...] = ()
    filter_text: str = ""
    as_json: bool = False
    home_only: bool = False


def print_next(config: Path | None, wish: NextWish, *, mask: bool) -> int:
    """Print the accounts to use next; exit 1 when there is none, or only an old reading speaks for it."""
    # `status` needs none of these
    from poolwatch.domain.overview import last_known_up
    from poolwatch.presentation.next_text import choices, next_is_old, next_json, next_text

    around = monitored(config, mask=mask)
    prefs = around.prefs()
    age = timedelta(seconds=around.settings.poll.interval_seconds)
    seen = run_async(lambda: look(around, age, None))
    complain_about(seen, around)
    view = _among(seen, wish, around)
    chosen, old = choices(view, wish.count), None
    if not chosen:
        tell_failing(around, seen.state)
        if not seen.overview.accounts:
            return nobody_there(around, seen.state)
        old = last_known_up(view.accounts, view.now, view.rules)
        view = replace(view, next_up=old)
        chosen = choices(view)
    if old is not None:
        complain(next_is_old(old, view, prefs))
    elif len(chosen) < wish.count and chosen:
        complain(words.fewer_next(len(chosen), wish.count))
    if wish.home_only:
        if not _print_homes(view, wish.count, around):
            return EXIT_FAILED
    elif wish.as_json:
        say_text(next_json(view, prefs, is_old=old is not None, most=wish.count))
    elif not chosen:
        complain(*next_text(view, prefs).splitlines())
    else:
        say_text(next_text(view, prefs, wish.count))
    return EXIT_OK if chosen and old is None else EXIT_FAILED


def _among(seen: Look, wish: NextWish, around: Surroundings) -> PoolOverview:
    """The pool, of those alone that were asked for."""
    if not (wish.excluded or wish.filter_text.strip()):
        return seen.overview
    from poolwatch.cli.command import find_account  # most ask for anybody
    from poolwatch.domain.overview import overview

    keys = {find_account(seen.state, text, mask=around.settings.ui.mask).key for text in wish.excluded}
    found = found_by(seen.overview, wish.filter_text, around.prefs())
    accounts = seen.state.accounts.items()
    left = {key: account for key, account in accounts if key in found and key not in keys}
    return overview(replace(seen.state, accounts=left), seen.overview.own_now, around.rules)


def _print_homes(view: PoolOverview, count: int, around: Surroundings) -> bool:
    """Print the homes, and whether there is one."""
    from poolwatch.presentation.next_text import choices, next_homes, no_next

    homes = next_homes(view, count)
    for home in homes:
        # a shell does not expand the ~ of people in CODEX_HOME=$(poolwatch next --home)
        say_path(at_home(home, around.home))
    if not homes:
        complain(said("no_codex_home") if choices(view) else no_next(view))
    return bool(homes)
