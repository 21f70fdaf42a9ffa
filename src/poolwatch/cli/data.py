"""`data export|import`: history as JSON lines, out of the store and into it; usage events into `usage.db`."""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final

from poolwatch.bootstrap.auditing import audited
from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import EXIT_FAILED, EXIT_OK, Exit, complain, say, say_exactly
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.command import kept_by, moment, run_async, surroundings
from poolwatch.config.paths import absolute
from poolwatch.domain.audit import Act, Deed, Outcome
from poolwatch.domain.balances import balance_id
from poolwatch.domain.message import Message
from poolwatch.host.files import FileProblem, write_export
from poolwatch.presentation.masking import shown
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.events import Copies, UsageEvent, parse_event
from poolwatch.sessions.tables import BookError
from poolwatch.store.database import Database
from poolwatch.store.lines import MOST_BYTES, PastBalance, PastReading, balance_lines_of, lines_of, parse_line
from poolwatch.store.opening import StoreMode
from poolwatch.words.data import (
    lines_left_out,
    more_refused,
    not_kept,
    refused_line,
    taken_lines,
    unfinished,
)
from poolwatch.words.messages import argument_text, file_text, message_text

#: The name of standard input, and of standard output.
STANDARD: Final = "-"
#: Lines that are kept with one transaction, and printed with one call.
_AT_ONCE: Final = 500
#: So many refused lines are named; of more, how many.
_MOST_NAMED: Final = 50
#: That the database could not be written is told in words of its own.
_NOT_WRITTEN: Final = "store.not_written"


def export_data(
    config: Path | None, filter_text: str, since: str | None, out: str | None, *, mask: bool = False
) -> int:
    """Print or write the history of every account whose ids are known, an account after the other.

    With a filter, that of those that it lets through as they were last read.
    """
    around = surroundings(config, mask=mask)
    now = RealClock().now()
    begin = datetime.min.replace(tzinfo=UTC) if since is None else moment(since, "--since", now)
    chosen = None
    if filter_text.strip():
        from poolwatch.cli.usage import overview_kept  # most want all

        found = kept_by(
            run_async(partial(overview_kept, around, everybody=True)), filter_text, around.prefs()
        )
        chosen = frozenset(key.id for key in found)
    with closing(_opened(around, now, writes=False)) as held:
        told = _Lines(held, begin, chosen, mask=around.settings.ui.mask)
        lines = iter(told)
        if out is None or out == STANDARD:
            while some := b"".join(islice(lines, _AT_ONCE)):
                say_exactly(some.decode())
        else:
            problem = write_export(absolute(out), lines)
            if problem is not None:
                complain(around.told(file_text(problem), [out]))
                return EXIT_FAILED
        if told.left_out:
            complain(lines_left_out(told.left_out))
        return _told(held, around)


def import_data(config: Path | None, file: str, *, mask: bool = False) -> int:
    """Take the lines of a file into history, its usage events into use; 1 when one of them was refused."""
    around = surroundings(config, mask=mask)
    now = RealClock().now()
    path = None if file == STANDARD else around.told_path(absolute(file))
    with closing(_opened(around, now, writes=True)) as held, _stream(around, file) as stream:
        taken = _Taken(held, UseBook(around.state_dir), around)
        with audited(around.env, Deed(Act.IMPORT_DATA, path=path), mask=around.settings.ui.mask) as doing:
            _take(taken, stream, file)
            while held.finish_import(now):
                pass
            unwritten = taken.unwritten or _unwritten(held)
            is_whole = not (taken.refused or taken.failed or unwritten is not None)
            doing.ended(Outcome.DONE if is_whole else Outcome.FAILED, *taken.codes)
        if taken.refused > _MOST_NAMED:
            complain(more_refused(taken.refused - _MOST_NAMED))
        whose = len(taken.accounts), len(taken.balances)
        say(taken_lines(taken.lines, whose, taken.refused, taken.events, taken.known))
        why = "" if unwritten is None else around.told(argument_text(unwritten, "why"))
        if taken.lost:
            complain(not_kept(taken.lost, why))
        elif unwritten is not None:
            complain(unfinished(why))
        code = _told(held, around, but=_NOT_WRITTEN)
        return code if is_whole else EXIT_FAILED


def _take(taken: _Taken, stream: BinaryIO, file: str) -> None:
    """Take all lines; those up to where the file cannot be read any further are kept."""
    try:
        for number, raw in numbered(stream):
            # the clock goes on while a pipe is read
            taken.add(number, _parsed(raw, RealClock().now()))
        taken.flush()
    except OSError as error:
        taken.unreadable(error, file)


def _parsed(raw: bytes, now: datetime) -> PastReading | PastBalance | UsageEvent | Message:
    """What a line of either kind says, or why it is refused."""
    event = parse_event(raw, now) if len(raw) <= MOST_BYTES else None
    return parse_line(raw, now) if event is None else event


class _Lines:
    """The lines of all accounts and balances, or of the `chosen` accounts.

    Those that no import would take are only counted.
    """

    def __init__(self, held: Database, since: datetime, chosen: frozenset[str] | None, *, mask: bool) -> None:
        self._held = held
        self._chosen = chosen
        self._since = since
        self._mask = mask
        self.left_out = 0

    def __iter__(self) -> Iterator[bytes]:
        for line in chain(self._of_accounts(), self._of_balances()):
            if line:
                yield line
            else:
                self.left_out += 1

    def _of_accounts(self) -> Iterator[bytes]:
        for identity in self._held.identities():
            if self._chosen is None or identity.account_id in self._chosen:
                rows = self._held.history(identity.account_id, self._since, carried=True)
                # a poolwatch that runs may have read it just now
                now = RealClock().now()
                yield from lines_of(identity, rows, self._since, now, mask=self._mask)

    def _of_balances(self) -> Iterator[bytes]:
        if self._chosen is not None:
            return
        for name in self._held.balance_names():
            rows = self._held.history(balance_id(name), self._since)
            told = shown(name, mask=self._mask)
            yield from balance_lines_of(told, rows, self._since, RealClock().now())


class _Taken:
    """Lines as they are taken, so many with one transaction, and how that went."""

    def __init__(self, held: Database, book: UseBook, around: Surroundings) -> None:
        self._held = held
        self._book = book
        self._around = around
        self._copies = Copies()
        self._readings: list[PastReading] = []
        self._balances: list[PastBalance] = []
        self._events: list[UsageEvent] = []
        self.lines = self.events = self.known = self.refused = self.lost = 0
        self.accounts: set[str] = set()
        self.balances: set[str] = set()
        #: not all could be read or kept
        self.failed = False
        self.unwritten: Message | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """How many of each, for the audit log; what there is none of is left out."""
        counts = {
            "lines": self.lines,
            "events": self.events,
            "known": self.known,
            "refused": self.refused,
        }
        return tuple(f"{name}:{count}" for name, count in counts.items() if count)

    def unreadable(self, error: OSError, file: str) -> None:
        """The file cannot be read any further: what came before stays."""
        told = file_text(FileProblem.of(error, Path(file), "file.unreadable"))
        complain(self._around.told(told, [file]))
        self.flush()
        self.failed = True

    def add(self, number: int, line: PastReading | PastBalance | UsageEvent | Message) -> None:
        """One more line of the file."""
        if isinstance(line, Message):
            self.refused += 1
            if self.refused <= _MOST_NAMED:
                complain(refused_line(number, message_text(line)))
        elif isinstance(line, PastReading):
            self._readings.append(line)
        elif isinstance(line, PastBalance):
            self._balances.append(line)
        else:
            self._events.append(self._copies.numbered(line))
        if len(self._readings) + len(self._balances) + len(self._events) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Keep what waits."""
        readings, self._readings = self._readings, []
        balances, self._balances = self._balances, []
        events, self._events = self._events, []
        before = self.lines + self.events
        if readings and not self.failed:
            self._take_readings(readings)
        if balances and not self.failed:
            self._take_balances(balances)
        if events and not self.failed:
            self._take_events(events)
        self.lost += len(readings) + len(balances) + len(events) - (self.lines + self.events - before)

    def _take_readings(self, readings: list[PastReading]) -> None:
        if self._held.take_readings(readings) is None:
            # what is written next may succeed, and the database tells of it no more
            self.failed, self.unwritten = True, _unwritten(self._held)
            return
        self.lines += len(readings)
        self.accounts.update(reading.identity.account_id for reading in readings)

    def _take_balances(self, balances: list[PastBalance]) -> None:
        if self._held.take_balances(balances) is None:
            self.failed, self.unwritten = True, _unwritten(self._held)
            return
        self.lines += len(balances)
        self.balances.update(each.name for each in balances)

    def _take_events(self, events: list[UsageEvent]) -> None:
        try:
            new = self._book.take_events(events)
        except BookError as error:
            complain(self._around.told(message_text(error.as_message)))
            self.failed = True
            return
        self.events += len(events)
        self.known += len(events) - new


def numbered(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, without blank ones; of one that is too long, its beginning."""
    number = 0
    while line := stream.readline(MOST_BYTES + 2):
        number += 1
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(MOST_BYTES)
        # the beginning of a line that is too long may be blank, or look like a whole one
        is_cut = len(line) > MOST_BYTES + 1 and not line.endswith(b"\n")
        raw = line if is_cut else line.rstrip(b"\r\n")
        if number == 1:
            # what some editors and shells put before a text
            raw = raw.removeprefix(BOM_UTF8)
        if is_cut or raw.strip():
            yield number, raw


def _stream(around: Surroundings, file: str) -> BinaryIO:
    if file == STANDARD:
        return sys.stdin.buffer
    try:
        return Path(file).open("rb")
    except (OSError, ValueError) as error:
        complain(around.told(file_text(FileProblem.of(error, Path(file), "file.unreadable")), [file]))
        raise Exit(EXIT_FAILED) from None


def _opened(around: Surroundings, now: datetime, *, writes: bool) -> Database:
    """The database; ends the command where it cannot be read, or written if that is meant."""
    held = Database(around.state_dir, now)
    if held.mode is StoreMode.MEMORY or (writes and held.mode is not StoreMode.DISK):
        _told(held, around)
        held.close()
        raise Exit(EXIT_FAILED)
    return held


def _unwritten(held: Database) -> Message | None:
    """That the last of what was to be kept could not be written."""
    return next((each for each in held.notices if each.code == _NOT_WRITTEN), None)


def _told(held: Database, around: Surroundings, *, but: str = "") -> int:
    """Say what is wrong with the database, without the code that was told; the exit code of that."""
    notices = [notice for notice in held.notices if notice.code != but]
    for notice in notices:
        complain(around.told(message_text(notice)))
    return EXIT_FAILED if notices else EXIT_OK
