"""`usage --source openai`: what OpenAI reports of accounts' days, asked for with one request each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import EXIT_FAILED, EXIT_OK, EXIT_USAGE, Exit, complain
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.bootstrap.workspace_usage import Reports, ask_reports, kept_reports
from poolwatch.cli.command import find_account, moment, run_async
from poolwatch.cli.past import STDOUT, Form, TimeSpan, past_of, put
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.workspace_usage import DAYS_ASKED, AccountUsage
from poolwatch.presentation.workspace_usage import ReportBy, report_view
from poolwatch.presentation.workspace_usage_json import report_csv, report_json
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


def print_report(config: Path | None, asked: ReportAsked, span: TimeSpan, form: Form) -> int:
    """Print what OpenAI reports; 1 where nothing could be read, or not of the account that was named."""
    around = past_of(config, form)
    since = _since(span, RealClock().now())
    told_by = ask_reports if asked.asks else kept_reports
    if asked.asks:
        from poolwatch.cli.usage import read_new

        read_new(around, UTC)
    found = run_async(partial(told_by, around, _chosen(asked.account, mask=around.settings.ui.mask), since))
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
    is_read = any(usage.failure is None and usage.answered_at is not None for usage in found.usages)
    return code or (EXIT_OK if is_read else EXIT_FAILED)


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


def _chosen(account: str, *, mask: bool) -> Callable[[PoolState], AccountState] | None:
    """Who is found by what was typed; None where nobody was named."""
    return partial(find_account, text=account, mask=mask) if account else None


def _put(found: Reports, by: ReportBy, since: date, form: Form, around: Surroundings) -> int:
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
