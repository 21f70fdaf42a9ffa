"""Budgets while poolwatch runs: measured again and again, looked into, tried and saved from their form."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Final

from poolwatch.bootstrap.budget_cells import whose_of
from poolwatch.bootstrap.budgets import BudgetReader, with_all
from poolwatch.bootstrap.limits import config_of, file_mark
from poolwatch.bootstrap.surroundings import Surroundings, short_path
from poolwatch.config.changes import Draft, Refused, homes
from poolwatch.config.edit import ConfigFile
from poolwatch.config.limit_changes import add_limit, change_limit, read_limit
from poolwatch.config.load import load_text
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.config.settings import Settings
from poolwatch.config.toml_text import with_item
from poolwatch.domain.audit import NOT_WRITTEN, Act, Deed, Outcome
from poolwatch.domain.budget_use import amount_of
from poolwatch.domain.budgets import Budget, BudgetReport, BudgetState, Each, MeasuredBy
from poolwatch.domain.quarters import quarter_of, quarter_until
from poolwatch.domain.query.language import parse
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import GroupBy, Origin, UseAsked, UseCell
from poolwatch.domain.use_sums import sums
from poolwatch.domain.values import replace
from poolwatch.host.threads import in_thread
from poolwatch.presentation.budgets import BudgetShare
from poolwatch.presentation.filter import saved_queries
from poolwatch.presentation.use_filter import texts_asked, use_kept
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.tables import BookError, book_mark
from poolwatch.ui.feed import BudgetTried

if TYPE_CHECKING:
    from poolwatch.monitor.auditing import Auditor
    from poolwatch.store.store import Store

#: They are measured so often at least, and this often at most while session files are read.
EVERY: Final = timedelta(seconds=60)
AT_MOST: Final = timedelta(seconds=10)
#: While much is written it rests so many times as long as that took.
_REST: Final = 100
LIST: Final = "budgets"


class LiveBudgets:
    """The budgets of one run. What is read and written is read and written on threads, one at a time.

    Those of the configuration file are taken in whenever it changes, whoever changed it; a file in which
    something is wrong changes nothing.
    """

    def __init__(self, around: Surroundings, wanted: asyncio.Event, zone: tzinfo | None = None) -> None:
        """`wanted` is set when they are to be measured at once."""
        self._around = around
        #: the file that they are saved to; None where nothing tells a place for one
        self._config = config_of(around)
        self._zone = zone
        self._settings = around.settings
        #: of the file as its budgets were taken in
        self._file_mark: object = None
        self._reader = BudgetReader(around.state_dir, self._settings, zone)
        self._turn = asyncio.Lock()
        self._wanted = wanted
        #: when they were measured last, and what was known then
        self._measured_at: datetime | None = None
        self._known_of_file: object = None
        self._book_mark: object = None
        #: what measuring took of a processor
        self._took = timedelta(0)

    # --- measuring

    async def measured(self, accounts: Mapping[str, AccountState], now: datetime) -> BudgetReport | None:
        """How they stand, if it is time to measure them; what cannot be read is unknown."""
        known = await in_thread(self._known)
        past = None if self._measured_at is None else now - self._measured_at
        # a clock that was set back holds up nothing
        is_old = past is None or not timedelta(0) <= past < EVERY
        before, self._known_of_file = self._known_of_file, known[0]
        is_new = known[0] != before or (
            known[1] != self._book_mark and (past is None or past >= max(AT_MOST, _REST * self._took))
        )
        if not (is_old or is_new or self._wanted.is_set()):
            return None
        self._wanted.clear()
        self._measured_at, self._book_mark = now, known[1]
        async with self._turn:
            # who looks at the use is told why it cannot be read
            with suppress(BookError):
                report = await in_thread(partial(self._report, accounts, now))
                return self._with_all(report)
        return self._with_all(BudgetReport(now, is_read=False))

    def _with_all(self, report: BudgetReport) -> BudgetReport:
        budgets = [each.budget for each in self._settings.budgets]
        return with_all(report, budgets, None if self._zone is None else str(self._zone))

    async def end_periods(self, store: Store, accounts: Mapping[str, AccountState], now: datetime) -> None:
        """Keep how the periods went that have ended; for the process that polls alone."""
        from poolwatch.bootstrap.budget_ends import end_periods

        async def measure(budget: Budget, at: datetime) -> BudgetReport | None:
            async with self._turn:
                with suppress(BookError):
                    work = partial(self._reader.report, accounts, at, (budget,), foresees=False)
                    return await in_thread(work)
            return None

        budgets = [each.budget for each in self._settings.budgets]
        await end_periods(store, budgets, measure, now, None if self._zone is None else str(self._zone))

    def _known(self) -> tuple[object, object]:
        return file_mark(self._config), book_mark(self._around.state_dir)

    def _report(
        self, accounts: Mapping[str, AccountState], now: datetime, budgets: tuple[Budget, ...] | None = None
    ) -> BudgetReport:
        self._take_file()
        begun = time.thread_time()
        report = self._reader.report(accounts, now, budgets)
        self._took = timedelta(seconds=time.thread_time() - begun)
        return report

    def _take_file(self) -> None:
        """Take in the budgets, and the saved filters, that the file has by now."""
        mark = file_mark(self._config)
        # where it is just being replaced it is not there for a moment
        if mark is None or mark == self._file_mark or self._config is None:
            return
        self._file_mark = mark
        file = ConfigFile.read(self._config)
        if isinstance(file, ConfigProblem):
            return
        found = load_text(file.text, self._config, homes(self._around.env), {})
        if isinstance(found, Settings):
            self._settings = replace(self._settings, budgets=found.budgets, filters=found.filters)
            self._reader = BudgetReader(self._around.state_dir, self._settings, self._zone)

    # --- one of them

    async def shares(
        self, state: BudgetState, by: GroupBy, accounts: Mapping[str, AccountState], now: datetime
    ) -> tuple[BudgetShare, ...]:
        """Who spent it, most first; nobody of one that is not measured by use."""
        if state.measured.by is not MeasuredBy.USAGE:
            return ()
        async with self._turn:
            with suppress(BookError):
                return await in_thread(partial(self._shares, state, by, accounts, now))
        return ()

    def _shares(
        self, state: BudgetState, by: GroupBy, accounts: Mapping[str, AccountState], now: datetime
    ) -> tuple[BudgetShare, ...]:
        budget, period = state.budget, state.period
        saved = saved_queries(tuple(self._settings.filters.items()))
        query = parse(budget.filter or "", saved).query
        since, until = 0, quarter_of(now) + 1
        if period.started_at is not None and period.resets_at is not None:
            since, until = quarter_until(period.started_at), min(until, quarter_until(period.resets_at))
        asked = texts_asked(query) | ({GroupBy(budget.each)} if budget.each is not None else set())
        keeps, book = use_kept(query, accounts), UseBook(self._around.state_dir)
        whose = whose_of(budget.each, accounts)
        cells = [
            cell
            for origin in Origin
            for cell in book.cells(UseAsked(since, until, origin, by, also=asked))
            if keeps(cell) and (state.whose is None or whose(cell) == state.whose)
        ]

        def model(cell: UseCell) -> str | None:
            return cell.model

        part = whose_of(Each(by), accounts) if by in (GroupBy.ACCOUNT, GroupBy.GROUP) else model
        found = sums(cells, self._reader.card, lambda cell: (part(cell),))
        amounts = ((name, amount_of(use, budget.limit.unit)) for (name,), use in found.items())
        shares = [BudgetShare(name, amount) for name, amount in amounts if amount]
        return tuple(sorted(shares, key=lambda each: each.amount, reverse=True))

    # --- the form

    async def tried(self, budget: Budget, accounts: Mapping[str, AccountState], now: datetime) -> BudgetTried:
        """How a budget would stand that nobody has saved, and what the configuration has against it."""
        async with self._turn:
            wrong = await in_thread(partial(self._wrong, budget))
            if wrong:
                return BudgetTried(wrong=wrong)
            with suppress(BookError):
                report = await in_thread(partial(self._report, accounts, now, (budget,)))
                return BudgetTried(report, texts=await in_thread(self._reader.texts))
        return BudgetTried()

    def _wrong(self, budget: Budget) -> Mapping[str, str]:
        """What is wrong with a budget by itself, by its keys, beside the saved filters of the file."""
        from poolwatch.presentation.budget_form import assigned, form_of

        form = form_of(None, ())
        values = read_limit(LIST, [f"{key}={text}" for key, text in assigned(form, budget).items()], {})
        if isinstance(values, Refused):
            return {"limit": values.lines[0]} if not values.lines else _by_key(values.lines)
        table = {key: value for key, value in values.items() if value is not None}
        import tomli_w  # only where a budget is made

        filters = tomli_w.dumps({"filters": dict(self._settings.filters)}) if self._settings.filters else ""
        text = with_item(filters, LIST, table)
        found = load_text(text or "", None, homes(self._around.env), {})
        if not isinstance(found, ConfigProblems):
            return {}
        wrong: dict[str, str] = {}
        for each in found.problems:
            key = (each.key or "").rpartition(".")[2]
            wrong.setdefault(key if key in table else "limit", each.message.removeprefix(f"{LIST}[0]: "))
        return wrong

    async def save(self, name: str | None, values: Mapping[str, str], auditor: Auditor) -> str | None:
        """Write keys of one of them, or a new one, and note it. Why nothing was written, else None."""
        act = Act.ADD_BUDGET if name is None else Act.SET_BUDGET
        what = (name or values.get("name", ""), *(key for key in values if key != "name"))
        path = None if self._config is None else self._around.told_path(self._config)
        deed = Deed(act, path=path, what=tuple(map(self._around.told, what)))
        async with self._turn:
            draft = await in_thread(partial(self._drafted, name, values))
            if isinstance(draft, str):
                # nothing was tried, so nothing is noted
                return draft
            async with auditor.noting_on_thread(deed) as doing:
                change = await in_thread(draft.written)
                if isinstance(change, Refused):
                    doing.ended(Outcome.FAILED, NOT_WRITTEN)
                    return change.lines[0]
                doing.ended(Outcome.NOTHING if change.is_nothing else Outcome.DONE)
        self._wanted.set()
        return None

    def _drafted(self, name: str | None, values: Mapping[str, str]) -> Draft | str:
        """The file as it would be, or why it cannot be so."""
        if self._config is None:
            from poolwatch.words.budgets import NO_FILE

            return NO_FILE()
        env = self._around.env
        typed = read_limit(LIST, [f"{key}={text}" for key, text in values.items()], env)
        if isinstance(typed, Refused):
            return typed.lines[0]
        if name is None:
            table = {key: value for key, value in typed.items() if value is not None}
            draft = add_limit(self._config, LIST, table, env, lambda _: ())
        else:
            draft = change_limit(self._config, LIST, name, typed, env, lambda _: ())
        return draft.lines[0] if isinstance(draft, Refused) else draft


def _by_key(lines: tuple[str, ...]) -> dict[str, str]:
    """Mistakes of typed values, each of which begins with its key."""
    pairs = (line.partition(" ") for line in lines)
    return {key: told for key, _, told in pairs}


def place_of(around: Surroundings) -> str:
    """The file that budgets are saved to, as people write it; "" where nothing tells a place for one."""
    path = config_of(around)
    return "" if path is None else short_path(path, around.home)
