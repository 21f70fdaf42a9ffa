"""How all budgets stand, from what is known on this machine: measured and judged on a thread of the caller's
choice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.budget_cells import WHOLE, BudgetCells, texts_of_book, whose_of
from poolwatch.config.rate_card import rate_card
from poolwatch.config.settings import Settings
from poolwatch.domain.budget_ahead import DAYS_LOOKED_AT, PastDays, quarters_joined, window_forecast
from poolwatch.domain.budget_calendar import period_of
from poolwatch.domain.budget_judge import judged, marks_of
from poolwatch.domain.budget_use import (
    Falls,
    Spent,
    Week,
    Whose,
    days_of_marks,
    falls_of,
    measured_falls,
    measured_use,
    put_finer,
    rising_steps,
    spent_of,
    week_of,
)
from poolwatch.domain.budgets import (
    Budget,
    BudgetForecast,
    BudgetReport,
    BudgetState,
    Each,
    LimitUnit,
    Measured,
    MeasuredBy,
    Period,
)
from poolwatch.domain.quarters import Calendar, instant_of, quarter_of, quarter_until
from poolwatch.domain.query.language import parse
from poolwatch.domain.query.tree import EVERYTHING, Query
from poolwatch.domain.rates import RateCard
from poolwatch.domain.series import FigureName, Series, Timeline
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import QUARTERS_OF_DAY, GroupBy, ScanState, UseAsked
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY
from poolwatch.domain.values import replace
from poolwatch.domain.when import midnight
from poolwatch.host.instants import zone_named
from poolwatch.presentation.filter import saved_queries
from poolwatch.presentation.use_filter import UseLooker, accounts_named
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.tables import LOOK_SECONDS
from poolwatch.store.readings import read_timelines

#: What is divided by accounts in the end.
_OF_ACCOUNTS: Final = (Each.ACCOUNT, Each.GROUP)
_CREDITS: Final = FigureName(Series.CREDITS)
_WEEK: Final = FigureName(Series.WINDOW, BASE_BUCKET, WEEKLY)
#: A time up to this length is read quarter by quarter.
_SHORT: Final = 2 * QUARTERS_OF_DAY
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Known(Struct, frozen=True):
    """What all budgets of a report share."""

    accounts: Mapping[str, AccountState]
    now: datetime
    scan: ScanState
    foresees: bool
    cells: BudgetCells

    @property
    def read_at(self) -> datetime | None:
        """When all session files were last looked at."""
        return None if self.scan.complete_at is None else instant_of(self.scan.complete_at)

    @property
    def tells_nothing(self) -> bool:
        """Whether use that nothing tells of was none: there are files, and all were read."""
        return self.scan.complete_at is not None and (self.scan.files > 0 or self.scan.since is not None)


class _Asked(Struct, frozen=True):
    """One budget that is measured."""

    budget: Budget
    query: Query
    period: Period
    calendar: Calendar


class BudgetReader:
    """Reads how budgets stand in a state directory. Its calls block on the disk, and raise BookError.

    One thread at a time may call it. Nothing is asked of the network, and nothing is written.
    """

    def __init__(
        self,
        state_dir: Path,
        settings: Settings,
        zone: tzinfo | None = None,
        patience: float = LOOK_SECONDS,
    ) -> None:
        """`zone` is that of budgets that name none; None: the machine's. `patience`: see `UseBook`."""
        self._state_dir = state_dir
        self._book = UseBook(state_dir, patience)
        self._settings = settings
        self._zone = zone
        self._card: RateCard | None = None

    @property
    def card(self) -> RateCard:
        """The prices of this run."""
        if self._card is None:
            self._card = rate_card(self._settings)
        return self._card

    def report(
        self,
        accounts: Mapping[str, AccountState],
        now: datetime,
        budgets: tuple[Budget, ...] | None = None,
        *,
        foresees: bool = True,
    ) -> BudgetReport:
        """How these budgets stand, or all that are configured. `accounts` by their ids.

        Without `foresees` nothing is said of what comes, which takes less time.
        """
        if budgets is None:
            budgets = tuple(each.budget for each in self._settings.budgets)
        if not budgets:
            return BudgetReport(now)
        cells = BudgetCells(self._book, accounts)
        known = _Known(accounts, now, self._book.scan_state(), foresees, cells)
        return BudgetReport(now, tuple(state for each in budgets for state in self._states(each, known)))

    def doubts(
        self, budgets: Sequence[Budget], accounts: Mapping[str, AccountState], *, mask: bool = False
    ) -> Iterator[tuple[Budget, str]]:
        """The budgets whose filter asks for something that nothing has, perhaps misspelt, and what that is.

        Where nothing is known yet, nothing can be told.
        """
        filtered = [each for each in budgets if each.filter is not None]
        told = self.texts() if filtered else {}
        if not accounts and not any(told.values()):
            return
        from poolwatch.presentation.filter_typing import mistake  # only commands ask

        looker = UseLooker(accounts, told, tuple(self._settings.filters.items()), mask=mask)
        for each in filtered:
            wrong = mistake(looker, each.filter or "", is_whole=True)
            if wrong:
                yield each, wrong

    def texts(self) -> Mapping[GroupBy, Sequence[str]]:
        """Every model, account, user and so on of which use is known."""
        return texts_of_book(self._book, tuple(GroupBy))

    def _states(self, budget: Budget, known: _Known) -> list[BudgetState]:
        zone = self._zone if budget.time_zone is None else zone_named(budget.time_zone)
        period = period_of(budget, known.now, None if self._zone is None else str(self._zone))
        asked = _Asked(budget, self._query(budget), period, Calendar(zone))
        if budget.limit.unit is LimitUnit.PERCENT:
            return self._by_windows(asked, known)
        if budget.limit.unit is LimitUnit.CREDITS:
            holders = balance_holders(asked.query, budget.each, known.accounts)
            if holders:
                return self._by_balances(asked, known, holders)
        return self._by_use(asked, known)

    def _query(self, budget: Budget) -> Query:
        if budget.filter is None or not budget.filter.strip():
            return EVERYTHING
        return parse(budget.filter, saved_queries(tuple(self._settings.filters.items()))).query

    # --- by session files and imported usage

    def _by_use(self, asked: _Asked, known: _Known) -> list[BudgetState]:
        budget, now = asked.budget, known.now
        since, until = 0, quarter_of(now) + 1
        if asked.period.started_at is not None:
            since = quarter_until(asked.period.started_at)
        foresees = known.foresees and asked.period.resets_at is not None
        cuts = quarters_joined(now, asked.calendar) if foresees else (0,)
        joined = cuts if until - since > _SHORT else ()
        spent, is_unsure = self._spent(asked, known, since, until, joined)
        days = days_of_marks(spent.values(), marks_of(budget)) if joined else frozenset()
        for day in days:
            first, after = day * QUARTERS_OF_DAY, (day + 1) * QUARTERS_OF_DAY
            finer, _ = self._spent(asked, known, max(since, first), min(until, after), ())
            for part, each in spent.items():
                put_finer(each, finer.get(part), frozenset({day}))
        past = self._past(asked, known, since, cuts) if foresees else {}
        at_least = is_unsure or self._is_partly_read(asked.period, known)
        if budget.each is None:
            spent.setdefault(WHOLE, Spent())
        elif known.tells_nothing and not at_least:
            # of whoever used something lately it is known that it was nothing since
            spent = {**{part: Spent() for part in past}, **spent}
        states = []
        for part in sorted(part for part in spent if part is not None):
            measured = measured_use(spent[part], known.read_at, at_least=at_least)
            if not spent[part].quarters and not known.tells_nothing:
                measured = Measured(MeasuredBy.USAGE, read_at=known.read_at)
            state = judged(budget, asked.period, measured, now, part or None)
            if foresees and known.scan.complete_at is not None and measured.spent is not None:
                ahead = self._ahead(asked, known, spent[part], past.get(part), measured.spent)
                state = replace(state, forecast=ahead)
            states.append(state)
        return states

    def _spent(
        self, asked: _Asked, known: _Known, since: int, until: int, joined: tuple[int, ...]
    ) -> tuple[dict[Whose, Spent], bool]:
        """What was spent by whom; and whether use of nobody known may belong to it."""
        if since >= until:
            return {}, False
        each, accounts = asked.budget.each, known.accounts
        by = None if each is None else GroupBy(each)
        kept, is_unsure = known.cells.kept(asked.query, UseAsked(since, until, by=by, joined_at=joined))
        cells, whose = list(chain.from_iterable(kept.values())), whose_of(each, accounts)
        if each in _OF_ACCOUNTS:
            is_unsure = is_unsure or any(cell.account is None for cell in cells)
        spent = spent_of(cells, asked.budget.limit.unit, whose, self.card)
        for origin, told in kept.items():
            for part in set(map(whose, told)):
                spent[part].origins += (origin,)
        spent.pop(None, None)
        return spent, is_unsure

    def _past(self, asked: _Asked, known: _Known, before: int, joined: tuple[int, ...]) -> dict[Whose, Spent]:
        """What was spent on the days that are looked back on, before the period."""
        today = known.now.astimezone(asked.calendar.zone).date()
        first = midnight(today - timedelta(days=DAYS_LOOKED_AT), asked.calendar.zone)
        return self._spent(asked, known, quarter_of(first), before, joined)[0]

    def _ahead(
        self, asked: _Asked, known: _Known, spent: Spent, past: Spent | None, so_far: Decimal
    ) -> BudgetForecast | None:
        days = PastDays(known.now, asked.calendar)
        for each in (past, spent):
            if each is not None:
                days.add_quarters(each.quarters.items())
        first, since = days.today - timedelta(days=DAYS_LOOKED_AT), known.scan.since
        is_whole = asked.query == EVERYTHING and asked.budget.each is None
        is_known = since is not None and instant_of(since).astimezone(asked.calendar.zone).date() < first
        return days.forecast(
            so_far, asked.budget.limit, asked.period, known.now, first if is_whole and is_known else None
        )

    def _is_partly_read(self, period: Period, known: _Known) -> bool:
        """Whether files may hold more use of a period than was read."""
        scan, began = known.scan, period.started_at
        if (scan.troubles or scan.files_unverified) and self._book.lacks_use(
            0 if began is None else quarter_until(began)
        ):
            return True
        if scan.complete_at is not None:
            return False
        # what is newest is read first
        return scan.newest_since is None or began is None or instant_of(scan.newest_since) > began

    # --- by what accounts hold

    def _by_balances(self, asked: _Asked, known: _Known, holders: Sequence[str]) -> list[BudgetState]:
        budget, now = asked.budget, known.now
        started = asked.period.started_at or _EPOCH
        today = now.astimezone(asked.calendar.zone).date()
        first = midnight(today - timedelta(days=DAYS_LOOKED_AT), asked.calendar.zone)
        lines = read_timelines(
            self._state_dir, [(key, _CREDITS) for key in holders], min(started, first), _just_after(now)
        )
        parts: dict[str, dict[str, Falls]] = {}
        older: dict[str, list[tuple[datetime, Decimal]]] = {}
        for key, line in zip(holders, lines, strict=True):
            part = _part_of(budget.each, key, known.accounts)
            if part is None:
                continue
            parts.setdefault(part, {})[key] = falls_of(line, started, _just_after(now))
            older.setdefault(part, []).extend(
                (fall.at, fall.amount) for fall in falls_of(line, first, _just_after(now)).falls
            )
        states = []
        for part in sorted(parts):
            measured = measured_falls(parts[part], asked.period, _oldest_credits(parts[part], known.accounts))
            state = judged(budget, asked.period, measured, now, part or None)
            if known.foresees and measured.spent is not None:
                days = PastDays(now, asked.calendar)
                days.add_moments(older[part])
                known_from = max(
                    (each.known_from for each in parts[part].values() if each.known_from is not None),
                    default=now,
                )
                since = max(first, known_from).astimezone(asked.calendar.zone).date() + timedelta(days=1)
                ahead = days.forecast(measured.spent, budget.limit, asked.period, now, since)
                state = replace(state, forecast=ahead)
            states.append(state)
        return states

    def _by_windows(self, asked: _Asked, known: _Known) -> list[BudgetState]:
        """A limit of the weekly window: that of each account, whose period it is."""
        budget = asked.budget
        named = accounts_named(asked.query, known.accounts)
        # of whom only an import tells, or who is gone, has no window that could be looked at
        keys = [key for key, each in known.accounts.items() if each.listings or each.usage.base]
        if named is not None:
            chosen = frozenset(named)
            keys = [key for key in keys if key in chosen]
        if not keys:
            return [judged(budget, Period(), Measured(MeasuredBy.WINDOW), known.now)]
        is_whole = budget.each is None and len(keys) == 1
        weeks = {key: week_of(known.accounts[key], known.now) for key in keys}
        least = marks_of(budget)[0]
        reached = {
            key: week.period.started_at
            for key, week in weeks.items()
            if week.used is not None and week.used >= least and week.period.started_at is not None
        }
        # of very many accounts read in one go
        since, until = min(reached.values(), default=known.now), _just_after(known.now)
        read = read_timelines(self._state_dir, [(key, _WEEK) for key in reached], since, until)
        lines = dict(zip(reached, read, strict=True))
        return [
            _by_window(budget, known, key, weeks[key], lines.get(key), is_whole=is_whole)
            for key in sorted(keys)
        ]


def _by_window(
    budget: Budget, known: _Known, key: str, week: Week, line: Timeline | None, *, is_whole: bool
) -> BudgetState:
    """A limit of one account's week; `line` tells how it filled, where it has reached something."""
    account, period, used = known.accounts[key], week.period, week.used
    steps: tuple[tuple[datetime, Decimal], ...] = ()
    if line is not None and period.started_at is not None and used is not None and week.read_at is not None:
        steps = rising_steps(line, period.started_at, used, week.read_at)
    measured = Measured(
        MeasuredBy.WINDOW, used, read_at=week.read_at, steps=steps, accounts=(account.key.id,)
    )
    state = judged(budget, period, measured, known.now, None if is_whole else key)
    if not known.foresees or used is None or period.resets_at is None:
        return state
    ahead = None if account.outlook is None else account.outlook.forecast(WEEKLY)
    return replace(state, forecast=window_forecast(ahead, used, budget.limit, known.now, period.resets_at))


def with_all(report: BudgetReport, budgets: Iterable[Budget], zone: str | None = None) -> BudgetReport:
    """Also those of which nothing is known, not even whom they are of: they can be seen, and changed.

    `zone` is that of budgets that name none; None: the machine's.
    """
    found: dict[str, list[BudgetState]] = {}
    for state in report.budgets:
        found.setdefault(state.budget.name, []).append(state)
    states = [
        state for each in budgets for state in found.get(each.name) or [_unknown(each, report.at, zone)]
    ]
    return replace(report, budgets=tuple(states))


def _unknown(budget: Budget, now: datetime, zone: str | None) -> BudgetState:
    if budget.limit.unit is LimitUnit.PERCENT:
        return BudgetState(budget, Period(), Measured(MeasuredBy.WINDOW))
    return BudgetState(budget, period_of(budget, now, zone), Measured(MeasuredBy.USAGE))


def balance_holders(
    query: Query, each: Each | None, accounts: Mapping[str, AccountState]
) -> list[str] | None:
    """The accounts whose balances tell what a limit in credits has spent; None where session files do.

    They do where the filter chooses accounts, by nothing that is of usage, and all of them have a balance.
    """
    named = None if each is Each.USER else accounts_named(query, accounts)
    if not named:
        return None
    for key in named:
        credits = accounts[key].usage.credits
        held = None if credits is None else credits.value
        if held is None or held.balance is None or held.unlimited or not held.is_shown:
            return None
    return named


def _part_of(each: Each | None, key: str, accounts: Mapping[str, AccountState]) -> Whose:
    """Whose part an account's balance is of; None of one without a group, where groups have limits."""
    if each is None:
        return WHOLE
    return key if each is Each.ACCOUNT else accounts[key].name.group


def _oldest_credits(keys: Iterable[str], accounts: Mapping[str, AccountState]) -> datetime | None:
    held = (accounts[key].usage.credits for key in keys)
    return min((each.at for each in held if each is not None), default=None)


def _just_after(now: datetime) -> datetime:
    return now + timedelta(microseconds=1)
