"""`usage --source openai`: what OpenAI reports of accounts' days, asked for with one request each."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import EXIT_FAILED, EXIT_OK, EXIT_USAGE, Exit, complain
from poolwatch.bootstrap.kept import open_kept
from poolwatch.bootstrap.running import open_monitor
from poolwatch.bootstrap.scanning import session_homes
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.bootstrap.whose import assign_use
from poolwatch.bootstrap.workspace_usage import reporter_of, told_usage
from poolwatch.cli.command import find_account, moment, run_async
from poolwatch.cli.past import STDOUT, Form, TimeSpan, past_of, put
from poolwatch.domain.failure import Failure
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.values import replace
from poolwatch.domain.workspace_usage import DAYS_ASKED, AccountUsage
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.workspace_usage import ReportBy, report_view
from poolwatch.presentation.workspace_usage_json import report_csv, report_json
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.tables import BookError
from poolwatch.store.store import Store
from poolwatch.words import workspace_usage as words
from poolwatch.words.messages import failure_text

_DAY: Final = timedelta(days=1)
#: No account has more days kept.
_LONGEST: Final = timedelta(days=365)


class ReportAsked(Struct, frozen=True):
    """What is asked for beside the time and the form; `account` "" is everybody who can be asked for."""

    by: ReportBy = ReportBy.DAY
    account: str = ""
    #: session files are read, and OpenAI is asked
    asks: bool = True


def report_asked(by: str | None, account: str, without: Mapping[str, object], *, asks: bool) -> ReportAsked:
    """What was typed; ends the command where some of it has no meaning here, as what is in `without` has."""
    given = [name for name, value in without.items() if value]
    if given:
        complain(words.meaningless(" ".join(given)))
        raise Exit(EXIT_USAGE)
    if by is not None and by not in set(ReportBy):
        complain(words.not_by(by))
        raise Exit(EXIT_USAGE)
    return ReportAsked(ReportBy(by or ReportBy.DAY), account, asks)


class _Found(Struct, frozen=True):
    """What is told of whom; `refused`: why others were not asked for, by how many."""

    usages: tuple[AccountUsage, ...]
    names: AccountNames
    now: datetime
    refused: Mapping[Failure, int] = {}


def print_report(config: Path | None, asked: ReportAsked, span: TimeSpan, form: Form) -> int:
    """Print what OpenAI reports; 1 where nothing could be read, or not of the account that was named."""
    around = past_of(config, form)
    since = _since(span, RealClock().now())
    if asked.asks:
        _read_files(around)
    found = run_async(partial(_ask if asked.asks else _kept, around, asked, since))
    for usage in found.usages:
        if usage.failure is not None:
            complain(
                around.told(words.not_read(found.names.name(usage.account), failure_text(usage.failure)))
            )
    for why, count in found.refused.items():
        complain(around.told(words.not_asked(count, failure_text(why))))
    if not found.usages:
        complain(words.nobody_to_ask())
    elif not (form.as_json or form.as_csv):
        for usage in found.usages:
            if usage.answered_at is None and usage.failure is None:
                complain(words.no_report(found.names.name(usage.account)))
    code = _put(found, asked.by, since, form, around)
    read = [usage for usage in found.usages if usage.failure is None and usage.answered_at is not None]
    failed = bool(asked.account) and len(read) < len(found.usages)
    return code or (EXIT_FAILED if failed or not read else EXIT_OK)


def _since(span: TimeSpan, now: datetime) -> date:
    today = now.astimezone(UTC).date()
    if span.since is None:
        return today - (DAYS_ASKED - 1) * _DAY
    since = moment(span.since, "--since", now, UTC).astimezone(UTC).date()
    if since > today:
        from poolwatch.words.commands import said

        complain(said("no_span"))
        raise Exit(EXIT_USAGE)
    return max(since, today - _LONGEST)


def _read_files(around: Surroundings) -> None:
    """Read what is new in session files, for what of the tokens is in them; that it fails is told."""
    from poolwatch.cli.usage import scan_files

    with suppress(Exit, BookError):
        scan_files(around, around.state_dir, session_homes(around), UTC)
        run_async(partial(assign_use, around, UseBook(around.state_dir)))


async def _ask(around: Surroundings, asked: ReportAsked, since: date) -> _Found:
    """Ask for one account after the other."""
    async with open_monitor(around) as running:
        monitor, services = running.monitor, running.services
        await monitor.recall()
        await monitor.poller.lister.list_all()
        mask, reporter = around.settings.ui.mask, reporter_of(running)
        accounts, refused = _chosen(monitor.state, asked.account, mask=mask), Counter[Failure]()
        if not asked.account:
            whom = [(account, reporter.whom_to_ask(account)) for account in accounts]
            refused.update(found for _, found in whom if isinstance(found, Failure))
            accounts = [account for account, found in whom if not isinstance(found, Failure)]
        usages = []
        for account in accounts:
            failure = await reporter.ask(account, since)
            now = services.clock.now() + monitor.state.clock_offset
            told = await told_usage(services.store, around.state_dir, account, since, now)
            usages.append(replace(told, failure=failure))
        now = services.clock.now() + monitor.state.clock_offset
        await _keep_new(services.store, accounts, now)
        names = AccountNames({each.key.id: each for each in monitor.state.accounts.values()}, mask)
        return _Found(tuple(usages), names, now, refused)


async def _keep_new(store: Store, accounts: Sequence[AccountState], now: datetime) -> None:
    """Keep who was asked about and is not known yet; of all others another poolwatch may know more."""
    known = {account.key.id for account in await store.load_accounts() or ()}
    new = [account for account in accounts if account.key.id not in known]
    if new:
        await store.save(new, now)


async def _kept(around: Surroundings, asked: ReportAsked, since: date) -> _Found:
    """What was read before."""
    mask, now = around.settings.ui.mask, RealClock().now()
    async with open_kept(around) as kept:
        if kept is None:
            return _Found((), AccountNames({}, mask), now)
        now += (await kept.store.facts()).clock_offset
        accounts = _chosen(kept.state, asked.account, mask=mask) if asked.account else list(kept.own.values())
        usages = [await told_usage(kept.store, around.state_dir, each, since, now) for each in accounts]
        known = tuple(each for each in usages if asked.account or each.answered_at is not None)
        names = {account.key.id: account for account in kept.state.accounts.values()}
        return _Found(known, AccountNames(names, mask), now)


def _chosen(state: PoolState, account: str, *, mask: bool) -> list[AccountState]:
    return [find_account(state, account, mask=mask)] if account else list(state.accounts.values())


def _put(found: _Found, by: ReportBy, since: date, form: Form, around: Surroundings) -> int:
    if form.as_json:
        return put(report_json(found.usages, found.names, found.now, since), form, around)
    if form.as_csv:
        return put(report_csv(found.usages, found.names, by), form, around)
    # what draws takes time to load
    from poolwatch.bootstrap.screen import glyphs_named
    from poolwatch.cli.status_table import plain_text, print_lines, terminal_width
    from poolwatch.cli.usage import WIDTH
    from poolwatch.ui.appearance import glyphs_of
    from poolwatch.ui.cells import Line
    from poolwatch.ui.widgets.workspace_usage import printed_lines

    settings = around.settings.ui.glyphs
    glyphs = glyphs_of("ascii" if form.ascii_only else glyphs_named(settings, around.env))
    is_terminal = form.path in (None, STDOUT) and sys.stdout.isatty()
    width = terminal_width() if is_terminal else WIDTH
    lines: list[Line] = []
    told: Sequence[AccountUsage] = [each for each in found.usages if each.answered_at is not None]
    for usage in told:
        view = report_view(usage, by, found.now, None)
        period = words.days(len(usage.days))
        lines += [
            *([()] if lines else []),
            *printed_lines(found.names.name(usage.account), view, period, width, glyphs),
        ]
    if is_terminal:
        print_lines(lines, glyphs)
        return EXIT_OK
    return put(plain_text(lines, glyphs), form, around)
