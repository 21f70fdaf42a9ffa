"""`usage`: tokens and what the API would charge for them; and what `doctor` finds of session files."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    Exit,
    can_draw,
    complain,
    warn_over,
)
from poolwatch.bootstrap.kept import open_kept
from poolwatch.bootstrap.scanning import book_of_home, read_sessions, session_homes
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.bootstrap.use import UseReader
from poolwatch.bootstrap.whose import assign_use
from poolwatch.cli.command import moment, refuse_mistake, run_async, told_filter
from poolwatch.cli.finding import Finding, Grade
from poolwatch.cli.past import STDOUT, Form, TimeSpan, past_of, put
from poolwatch.config.paths import absolute
from poolwatch.domain.message import message
from poolwatch.domain.overview import PoolOverview, overview
from poolwatch.domain.quarters import UsePeriod, quarter_of, quarter_until
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.tokens import GroupBy, Origin, ScanState
from poolwatch.domain.use_report import Conversation, UseReport, UseWish
from poolwatch.domain.use_sums import UseRow
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.usage_json import usage_csv, usage_json
from poolwatch.presentation.use_filter import UseLooker
from poolwatch.presentation.use_table import BY_COST, arrange
from poolwatch.presentation.use_texts import Names
from poolwatch.presentation.use_view import filter_told, reading_texts, span_text, use_view
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.homes import session_trees
from poolwatch.sessions.progress import Trouble
from poolwatch.sessions.tables import FILE_NAME, BookError, BookProblem
from poolwatch.words import sessions as reading_words
from poolwatch.words.commands import said
from poolwatch.words.messages import message_text

_AREA: Final = "usage"
#: `doctor` names so many files.
_NAMED: Final = 10

#: What is said where another process was to read session files, which does not tell what the system said.
_NOT_READ: Final = {BookProblem.DENIED: "use.not_kept", BookProblem.DAMAGED: "use.harmed"}
#: The columns of what is no terminal.
WIDTH: Final = 120


class UsageAsked(Struct, frozen=True):
    """What is asked for beside the time and the form."""

    by: GroupBy = GroupBy.MODEL
    origin: Origin = Origin.FILES
    #: the use of this Codex home alone
    home: Path | None = None
    utc: bool = False
    scans: bool = True
    titles: bool = False
    #: so many rows at most
    limit: int | None = None
    filter_text: str = ""


def print_usage(config: Path | None, asked: UsageAsked, span: TimeSpan, form: Form) -> int:
    """Print what was used; 1 where there is nothing to read it from."""
    around = past_of(config, form)
    zone: tzinfo | None = UTC if asked.utc else None
    # wrong times are told before anything is read
    _span(span, RealClock().now(), zone)
    state_dir, homes = _places(around, asked)
    if asked.scans and asked.origin is Origin.FILES:
        scan_files(around, state_dir, homes, zone)
        with suppress(BookError):  # it is told when the use is read
            run_async(partial(assign_use, around, UseBook(state_dir)))
    now = RealClock().now()
    quarters, ends = _span(span, now, zone)
    period = UsePeriod.MONTH if span == TimeSpan() else UsePeriod.ALL
    accounts = run_async(partial(accounts_kept, around))
    reader = UseReader(state_dir, around.settings, now, zone)
    mask = around.settings.ui.mask
    wish = UseWish(period, asked.by, asked.origin, filter_text=asked.filter_text, mask=mask)
    try:
        report = reader.report(wish, accounts, now, quarters)
    except BookError as error:
        complain(around.told(message_text(error.as_message)))
        return EXIT_FAILED
    if wish.is_filtered:
        looker = UseLooker(accounts, report.texts, around.prefs().filters, mask=mask)
        refuse_mistake(looker, asked.filter_text, may_be_empty=not report.whole.requests)
        if report.whole.requests and not report.total.requests:
            complain(said("no_use_matches", filter=told_filter(asked.filter_text)))
    if asked.titles and asked.by is GroupBy.CONVERSATION:
        report = _titled(report, homes)
    names = Names(AccountNames(accounts, mask), now.astimezone(zone).date(), report.conversations)
    scan = report.scan
    # what files told that are gone is known still
    is_nothing = asked.origin is Origin.FILES and not scan.files and scan.since is None
    if is_nothing:
        told = said("no_sessions", homes=", ".join(homes)) if scan.complete_at else said("never_scanned")
        complain(around.told(told, homes))
    rows = arrange(report, names, BY_COST)[: asked.limit]
    if form.as_json or form.as_csv:
        # for programs times stand old to new
        chosen = {row.group for row in rows}
        rows = tuple(row for row in report.rows if row.group in chosen)
    code = _put(report, rows, names, now, zone, ends, form, around)
    return code or (EXIT_FAILED if is_nothing else EXIT_OK)


def _put(
    report: UseReport,
    rows: Sequence[UseRow],
    names: Names,
    now: datetime,
    zone: tzinfo | None,
    ends: tuple[datetime, datetime] | None,
    form: Form,
    around: Surroundings,
) -> int:
    if form.as_json:
        return put(usage_json(report, names, now, zone_name(now, zone), rows), form, around)
    if form.as_csv:
        return put(usage_csv(report, names, rows), form, around)
    # what draws takes time to load
    from poolwatch.bootstrap.screen import glyphs_named
    from poolwatch.cli.status_table import plain_text, print_lines, terminal_width
    from poolwatch.ui.appearance import glyphs_of
    from poolwatch.ui.widgets.use_table import report_lines

    settings = around.settings.ui.glyphs
    glyphs = glyphs_of("ascii" if form.ascii_only else glyphs_named(settings, around.env))
    view = use_view(report, names, now, zone)
    period = span_text(*ends, now, zone) + filter_told(report.wish) if ends is not None else view.period
    is_terminal = form.path in (None, STDOUT) and sys.stdout.isatty()
    width = terminal_width() if is_terminal else WIDTH
    lines = report_lines(view, period, len(rows), width, glyphs)
    if is_terminal:
        print_lines(lines, glyphs)
        return EXIT_OK
    return put(plain_text(lines, glyphs), form, around)


def _span(
    span: TimeSpan, now: datetime, zone: tzinfo | None
) -> tuple[tuple[int, int], tuple[datetime, datetime] | None]:
    """The quarters of a time, and its ends where somebody typed them; else this month's."""
    until = now if span.until is None else moment(span.until, "--until", now, zone)
    since = moment(span.since or "month", "--since", now, zone)
    if since >= until:
        complain(said("no_span"))
        raise Exit(EXIT_USAGE)
    ends = None if span == TimeSpan() else (since, until)
    return (quarter_of(since), quarter_until(until)), ends


def zone_name(now: datetime, zone: tzinfo | None) -> str:
    """What the zone is called at that moment."""
    return now.astimezone(zone).tzname() or "UTC"


def _places(around: Surroundings, asked: UsageAsked) -> tuple[Path, list[str]]:
    """Where use is kept, and which homes it is of."""
    if asked.home is None:
        return around.state_dir, session_homes(around)
    home = absolute(asked.home)
    try:
        is_folder = home.is_dir()
    except OSError:  # nobody may see it
        is_folder = False
    if not is_folder:
        complain(around.told(said("no_such_home", path=str(home)), [home]))
        raise Exit(EXIT_USAGE)
    return book_of_home(around, home), [str(home)]


def scan_files(around: Surroundings, state_dir: Path, homes: Sequence[str], zone: tzinfo | None) -> None:
    """Have what is new read, and say on a terminal how far that is."""
    is_live = sys.stderr.isatty() and can_draw(around.env)

    def tell(scan: ScanState) -> None:
        if is_live and scan.bytes_total:
            width = max(1, shutil.get_terminal_size().columns - 1)
            warn_over(reading_texts(scan, RealClock().now(), zone)[0][:width])

    try:
        problem = run_async(partial(read_sessions, state_dir, homes, around.env, tell))
    except OSError as error:
        complain(said("not_scanned", reason=error.strerror))
        raise Exit(EXIT_FAILED) from None
    finally:
        if is_live:
            warn_over("")
    if problem is not None:
        complain(around.told(message_text(message(_NOT_READ.get(problem, problem.value)))))
        raise Exit(EXIT_FAILED)


def read_new(around: Surroundings, zone: tzinfo | None) -> None:
    """Have what is new read, and find out whose it was; that it fails is told, and what is known holds."""
    try:
        scan_files(around, around.state_dir, session_homes(around), zone)
        run_async(partial(assign_use, around, UseBook(around.state_dir)))
    except Exit:
        complain(said("as_known"))
    except BookError:  # it is told when the use is read
        return


async def accounts_kept(around: Surroundings) -> Mapping[str, AccountState]:
    """Everybody of this configuration of whom something is kept, by id, with what is foretold."""
    async with open_kept(around) as kept:
        if kept is None:
            return {}
        outlooks, _ = await kept.store.outlooks()
        return {key: replace(account, outlook=outlooks.get(key)) for key, account in kept.own.items()}


async def overview_kept(around: Surroundings, *, everybody: bool = False) -> PoolOverview:
    """The same, or `everybody` of the store, as they were last read, judged now; for filters."""
    async with open_kept(around) as kept:
        if kept is None:
            return overview(PoolState(), RealClock().now(), around.rules)
        return await kept.overview(everybody=everybody)


def _titled(report: UseReport, homes: Sequence[str]) -> UseReport:
    from poolwatch.sessions.titles import titles_of  # only where somebody wants them

    ids = [row.group.text for row in report.rows if row.group.text is not None]
    known = dict(report.conversations)
    for conversation, title in titles_of(homes, ids).items():
        known[conversation] = replace(known.get(conversation, Conversation()), title=title)
    return replace(report, conversations=known)


def use_findings(around: Surroundings) -> Iterator[Finding]:
    """How the reading of session files stands; nothing is read for it."""
    for kept in sorted(around.state_dir.glob(f"{FILE_NAME}.corrupt-*")):
        if kept.suffix.removeprefix(".corrupt-").isdigit():
            yield Finding(_AREA, Grade.NOTE, reading_words.set_aside(around.told_path(kept)))
    try:
        state = UseBook(around.state_dir).scan_state()
    except BookError as error:
        yield Finding(_AREA, Grade.ERROR, message_text(error.as_message))
        return
    if state.complete_at is None:
        if session_trees(session_homes(around)):
            yield Finding(_AREA, Grade.NOTE, reading_words.not_read(), around.command("usage"))
        return
    yield Finding(_AREA, Grade.OK, reading_words.read_files(state.files, state.homes))
    for troubles in (state.troubles, tuple((path, Trouble.DIFFERS) for path in state.differing)):
        for path, code in troubles[:_NAMED]:
            yield Finding(_AREA, Grade.NOTE, reading_words.trouble_of(around.told_path(path), code))
        if len(troubles) > _NAMED:
            yield Finding(_AREA, Grade.NOTE, reading_words.more(len(troubles) - _NAMED))
    if state.files_unverified:
        told = reading_words.unverified_files(state.files_unverified, state.unverified.total)
        yield Finding(_AREA, Grade.NOTE, told)
