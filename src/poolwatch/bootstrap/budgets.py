"""How all budgets stand, from what is known on this machine: measured and judged on a thread of the caller's
choice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.config.rate_card import rate_card
from poolwatch.config.settings import Settings
from poolwatch.domain.budget_calendar import period_of
from poolwatch.domain.budget_judge import judged
from poolwatch.domain.budget_use import WHOLE, measured_use
from poolwatch.domain.budgets import (
    Budget,
    BudgetReport,
    BudgetState,
    Each,
    LimitUnit,
    Measured,
    MeasuredBy,
    Period,
)
from poolwatch.domain.quarters import instant_of, quarter_of, quarter_until
from poolwatch.domain.query.language import parse
from poolwatch.domain.query.tree import EVERYTHING, Query
from poolwatch.domain.rates import RateCard
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import GroupBy, Origin, ScanState, UseAsked, UseCell
from poolwatch.domain.values import replace
from poolwatch.presentation.filter import saved_queries
from poolwatch.presentation.use_filter import texts_asked, use_kept
from poolwatch.sessions.book import UseBook

_GROUPS: Final = {Each.ACCOUNT: GroupBy.ACCOUNT, Each.GROUP: GroupBy.GROUP, Each.USER: GroupBy.USER}


class _Known(Struct, frozen=True):
    """What all budgets of a report share."""

    accounts: Mapping[str, AccountState]
    groups: Mapping[str, str | None]
    scan: ScanState
    now: datetime

    @property
    def read_at(self) -> datetime | None:
        """When all session files were last looked at."""
        return None if self.scan.complete_at is None else instant_of(self.scan.complete_at)

    @property
    def tells_nothing(self) -> bool:
        """Whether use that nothing tells of was none: there are files, and all were read."""
        return self.scan.complete_at is not None and (self.scan.files > 0 or self.scan.since is not None)

    def is_partly_read(self, period: Period) -> bool:
        """Whether files may hold more use of a period than was read."""
        scan, begins = self.scan, period.started_at
        if scan.troubles or scan.files_unverified:
            return True
        if scan.complete_at is not None:
            return False
        # what is newest is read first
        return scan.newest_since is None or begins is None or instant_of(scan.newest_since) > begins


class BudgetReader:
    """Reads how budgets stand in a state directory. Its calls block on the disk, and raise BookError.

    One thread at a time may call it. Nothing is asked of the network, and nothing is written.
    """

    def __init__(self, state_dir: Path, settings: Settings, zone: tzinfo | None = None) -> None:
        """`zone` is that of budgets that name none; None: the machine's."""
        self._book = UseBook(state_dir)
        self._settings = settings
        self._zone: Final = None if zone is None else str(zone)
        self._card: RateCard | None = None

    @property
    def card(self) -> RateCard:
        """The prices of this run."""
        if self._card is None:
            self._card = rate_card(self._settings)
        return self._card

    def report(
        self, accounts: Mapping[str, AccountState], now: datetime, budgets: tuple[Budget, ...] | None = None
    ) -> BudgetReport:
        """How these budgets stand, or all that are configured. `accounts` by their ids."""
        if budgets is None:
            budgets = tuple(each.budget for each in self._settings.budgets)
        if not budgets:
            return BudgetReport(now)
        groups = {key: account.name.group for key, account in accounts.items()}
        known = _Known(accounts, groups, self._book.scan_state(), now)
        return BudgetReport(now, tuple(state for each in budgets for state in self._states(each, known)))

    def _states(self, budget: Budget, known: _Known) -> list[BudgetState]:
        period = period_of(budget, known.now, self._zone)
        if budget.limit.unit is LimitUnit.PERCENT:
            return [judged(budget, period, Measured(MeasuredBy.WINDOW), known.now)]
        cells = self._cells(budget, period, known)
        found = measured_use(
            cells, budget.limit.unit, budget.each, self.card, known.groups, known.read_at
        ).parts
        if known.is_partly_read(period):
            found = {whose: replace(each, at_least=True) for whose, each in found.items()}
        if budget.each is None:
            # without any file, or before all were read, nobody knows that nothing was spent
            spent = Decimal(0) if known.tells_nothing else None
            none = Measured(MeasuredBy.USAGE, spent, read_at=known.read_at)
            return [judged(budget, period, found.get(WHOLE, none), known.now)]
        return [judged(budget, period, found[whose], known.now, whose) for whose in sorted(found)]

    def _cells(self, budget: Budget, period: Period, known: _Known) -> list[UseCell]:
        query = self._query(budget)
        since, until = 0, quarter_of(known.now) + 1
        if period.started_at is not None and period.resets_at is not None:
            since = quarter_until(period.started_at)
            until = min(until, quarter_until(period.resets_at))
        by = None if budget.each is None else _GROUPS[budget.each]
        keeps = use_kept(query, known.accounts)
        return [
            cell
            for origin in Origin
            for cell in self._book.cells(UseAsked(since, until, origin, by, also=texts_asked(query)))
            if keeps(cell)
        ]

    def _query(self, budget: Budget) -> Query:
        if budget.filter is None or not budget.filter.strip():
            return EVERYTHING
        return parse(budget.filter, saved_queries(tuple(self._settings.filters.items()))).query
