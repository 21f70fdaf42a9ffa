"""`audit list|verify`: what was done, by whom, and whether the log is as it was written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import (
    EXIT_CONFIG,
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    Exit,
    complain,
    complain_of,
    say,
    say_text,
)
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.cli.command import moment
from poolwatch.cli.finding import Finding, Grade
from poolwatch.config.paths import state_directory
from poolwatch.config.problems import ConfigProblem
from poolwatch.domain.audit import AuditEntry, Break, ChainReport
from poolwatch.host.files import FileProblem
from poolwatch.host.instants import instant_text
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.audit import audit_json, audit_line, check_json
from poolwatch.presentation.masking import masked
from poolwatch.store.audit import AuditLog
from poolwatch.store.readings import read_pool
from poolwatch.words import audit as words
from poolwatch.words.messages import file_text

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_AREA: Final = "audit"


def list_acts(config: Path | None, since: str | None, *, as_json: bool, mask: bool) -> int:
    """Print what was done, old to new, as it is read; what is wrong with the log is said before it."""
    log, hidden = _log(config, mask=mask)
    now = RealClock().now()
    begin = moment(since, "--since", now) if since is not None else None
    report = log.check()
    if isinstance(report, FileProblem):
        return _unread(report, mask=hidden)
    if report.broken is not None:
        complain(words.break_here(_flaw(report.broken)), words.ENTRIES_STAND())
    elif report.half_bytes:
        complain(words.half_line(report.half_bytes))

    def chosen() -> Iterator[AuditEntry]:
        # a clock may be set back: what came later is listed all the same
        return dropwhile(lambda each: begin is not None and each.at < begin, log.entries())

    if as_json:
        for line in audit_json(chosen(), mask=hidden, now=now):
            say(line)
        return EXIT_OK
    pool = read_pool(log.path.parent)
    accounts = {} if pool is None else {each.key.id: each for each in pool.accounts.values()}
    names, any_told = AccountNames(accounts, hidden), False
    for entry in chosen():
        told = audit_line(entry, report.unended, names, None)
        if told is not None:
            any_told = True
            say(told)
    if not any_told:
        complain(words.NOTHING_NOTED() if begin is None else words.NOTHING_SINCE())
    return EXIT_OK


def verify(config: Path | None, head: str | None, *, as_json: bool, mask: bool) -> int:
    """Follow the whole chain; 1 where it is broken, or where no entry has the head that was kept."""
    log, hidden = _log(config, mask=mask)
    wanted = None if head is None else head.strip().lower()
    if wanted is not None and not _HASH.fullmatch(wanted):
        complain(words.BAD_HEAD())
        return EXIT_USAGE
    report = log.check(wanted)
    if isinstance(report, FileProblem):
        return _unread(report, mask=hidden)
    if as_json:
        say_text(check_json(report, wanted, RealClock().now()))
    else:
        _tell(report)
        if wanted is not None and report.found is not None:
            say(words.found(report.found))
    if report.broken is not None:
        complain(words.break_here(_flaw(report.broken)), words.holds_until(report.entries))
    if wanted is not None and report.found is None:
        complain(words.head_lost(wanted))
    return EXIT_OK if report.is_whole and (wanted is None or report.found is not None) else EXIT_FAILED


def _log(config: Path | None, *, mask: bool) -> tuple[AuditLog, bool]:
    """The log, and whether names are hidden; a configuration that is wrong is told, and hides no log."""
    around = look_around(Options(config, {"ui.mask": "true"} if mask else {}))
    if isinstance(around, Surroundings):
        return AuditLog(around.state_dir), around.settings.ui.mask
    complain_of(around, mask=mask)
    state_dir = state_directory(os.environ)
    if isinstance(state_dir, ConfigProblem):
        raise Exit(EXIT_CONFIG)
    return AuditLog(state_dir), mask or around.mask


def _unread(problem: FileProblem, *, mask: bool) -> int:
    told = file_text(problem)
    complain(masked(told, [str(problem.path)]) if mask else told)
    return EXIT_FAILED


def _tell(report: ChainReport) -> None:
    if report.is_whole and report.entries:
        say(_holds(report))
    elif report.is_whole:
        say(words.NOTHING_NOTED())
    if report.entries:
        say(words.head(report.head, report.seq))
    for count, told in (
        (report.half_bytes, words.half_line),
        (report.closed, words.closed),
        (len(report.unended), words.unended),
    ):
        if count:
            say(told(count))


def _holds(report: ChainReport) -> str:
    first, last = (instant_text(at) if at is not None else "" for at in (report.first_at, report.last_at))
    return words.holds(report.entries, first, last)


def _flaw(broken: Break) -> str:
    return words.flaw_words(broken.flaw, broken.line, broken.seq)


def audit_findings(around: Surroundings) -> Iterator[Finding]:
    """What `doctor` finds of the log; one that is not there yet is no matter."""
    log = AuditLog(around.state_dir)
    report = log.check()
    if isinstance(report, FileProblem):
        yield Finding(_AREA, Grade.ERROR, file_text(report))
    elif report.broken is not None:
        words_of_it = words.break_here(_flaw(report.broken))
        yield Finding(_AREA, Grade.ERROR, words_of_it, words.KEEP_IT(around.told_path(log.path)))
    elif report.half_bytes:
        yield Finding(_AREA, Grade.NOTE, words.half_line(report.half_bytes))
    elif report.entries:
        yield Finding(_AREA, Grade.OK, _holds(report))
