"""Reports of use out of `usage.db`: read and priced on a thread of the caller's choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import islice
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.config.rate_card import plan_prices, rate_card
from poolwatch.config.settings import Settings
from poolwatch.domain.plans import Paid, paid_in_a_month
from poolwatch.domain.quarters import TIMES, Calendar, UsePeriod, begins, quarter_of, span_of_period
from poolwatch.domain.rates import RateCard
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import (
    QUARTERS_OF_DAY,
    GroupBy,
    Origin,
    RequestSeen,
    ScanState,
    UseAsked,
    UseCell,
    WhoseBy,
)
from poolwatch.domain.use_report import (
    Attribution,
    Conversation,
    Narrowed,
    UseFigures,
    UseReport,
    UseWish,
    asked_of,
    figures_since,
    kept_of,
    report,
    seen_of,
    span_of,
    untimed,
    use_figures,
)
from poolwatch.domain.use_sums import UseSum, cell_of, sums, total
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.filter import typed
from poolwatch.presentation.use_filter import beside_of, has_words, texts_asked, use_kept, use_texts_of
from poolwatch.presentation.use_texts import Names, at_least, cost_text
from poolwatch.presentation.view import Costs
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.tables import KEPT_SINGLY, book_mark

#: So many of the last requests are told.
_LATEST: Final = 8
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Whole(Struct, frozen=True):
    """All use from a quarter on, without the texts that only some groups need; None: it was not read."""

    since: int | None = None
    cells: Sequence[UseCell] = ()
    narrow: tuple[Narrowed, ...] = ()

    def answers(self, wish: UseWish, span: tuple[int, int]) -> bool:
        """Whether a wish needs no more than that."""
        if self.since is None or wish.narrow != self.narrow:
            return False
        return self.since <= span[0] and wish.by in {*TIMES, GroupBy.MODEL}


class _Chosen(Struct, frozen=True):
    """Which of the cells a filter lets through: those that tell the texts in `also`."""

    keeps: Callable[[UseCell], bool] = lambda _: True
    also: frozenset[GroupBy] = frozenset()
    #: what it goes by, beside the cells
    judged_by: object = None

    def of(self, cells: Sequence[UseCell]) -> Sequence[UseCell]:
        """Those of these."""
        return cells if self.judged_by is None else [cell for cell in cells if self.keeps(cell)]


_NO_FIGURES: Final = UseFigures(UseSum(), UseSum(), None, UseSum(), UseSum(), _EPOCH)


class UseReader:
    """Reads what is known about use in a state directory. Its calls block on the disk, and raise BookError.

    One thread at a time may call it.
    """

    def __init__(
        self, state_dir: Path, settings: Settings, started_at: datetime, zone: tzinfo | None = None
    ) -> None:
        self._state_dir = state_dir
        self._settings = settings
        self._started_at = started_at
        self.calendar = Calendar(zone)
        self._book = UseBook(state_dir)
        self._card: RateCard | None = None
        #: the figures of the head, and what they were made of
        self._figures: tuple[object, UseFigures] | None = None

    @property
    def card(self) -> RateCard:
        """The prices of this run."""
        if self._card is None:
            self._card = rate_card(self._settings)
        return self._card

    def report(
        self,
        wish: UseWish,
        accounts: Mapping[str, AccountState],
        now: datetime,
        span: tuple[int, int] | None = None,
    ) -> UseReport:
        """What is told of a wish. `span` stands in place of its period; then there are no other figures."""
        calendar, book = self.calendar, self._book
        groups = {key: account.name.group for key, account in accounts.items()}
        now_ends = quarter_of(now) + 1
        scan = replace(book.scan_state(), ahead=book.tokens_from(now_ends))
        chosen = self._chosen(wish, accounts, groups, now)
        figures, whole = _NO_FIGURES, _Whole()
        if span is None:
            span = span_of(wish, now, calendar)
            figures, whole = self._head(wish, scan, now, groups, chosen)
        if whole.answers(wish, span):
            cells = [cell for cell in whole.cells if span[0] <= cell.quarter < span[1]]
        else:
            cells = self._cells(wish, span, groups, chosen)
        found = report(
            wish,
            span,
            chosen.of(cells),
            figures,
            self._latest(wish, groups, begins(now_ends).timestamp(), chosen),
            scan,
            self.card,
            calendar,
            groups,
            cells if wish.is_filtered else None,
        )
        return replace(
            found,
            texts=book.texts(wish.origin) if wish.is_filtered else {},
            attribution=self._attribution(span) if wish.origin is Origin.FILES else None,
            counted_share=self._counted(span, now, scan) if wish.origin is Origin.FILES else None,
            conversations=self._conversations(found),
            paid=self._paid(accounts),
        )

    def costs(self, now: datetime) -> Costs | None:
        """What the API would charge today, and of accounts today and in 30 days.

        None without any files, and where nobody has read them for a while.
        """
        calendar = self.calendar
        span = span_of_period(UsePeriod.DAYS_30, now, calendar)
        today = span_of_period(UsePeriod.TODAY, now, calendar)[0]
        cells = self._book.cells(UseAsked(*span, Origin.FILES, GroupBy.ACCOUNT))
        scan = self._book.scan_state()
        if (not cells and scan.since is None) or scan.is_old(now.timestamp()):
            return None

        def told(use: UseSum) -> str:
            if scan.complete_at is not None:
                return cost_text(use)
            # more is being read
            return at_least(use)

        def key(cell: UseCell) -> tuple[str | None, bool]:
            return cell.account, cell.quarter >= today

        found = sums(cells, self.card, key)
        accounts = {}
        for account in {account for account, _ in found if account is not None}:
            of_today, before = (found.get((account, is_today), UseSum()) for is_today in (True, False))
            accounts[account] = told(of_today), told(of_today + before)
        return Costs(told(total(each for (_, is_today), each in found.items() if is_today)), accounts)

    def _chosen(
        self,
        wish: UseWish,
        accounts: Mapping[str, AccountState],
        groups: Mapping[str, str | None],
        now: datetime,
    ) -> _Chosen:
        """What the wish's filter lets through. A word is looked for in the names of groups, too."""
        if not wish.is_filtered:
            return _Chosen()
        query = typed(wish.filter_text, tuple(self._settings.filters.items())).query
        also = texts_asked(query)
        if has_words(query):
            also |= {wish.by}
        names = Names(AccountNames(accounts, wish.mask), now.astimezone(self.calendar.zone).date())
        beside = beside_of(wish, names, self.calendar, groups)
        keeps = use_kept(query, accounts, mask=wish.mask, beside=beside)
        judged_by = tuple((key, *use_texts_of(account, mask=wish.mask)) for key, account in accounts.items())
        return _Chosen(keeps, also, (wish.filter_text, wish.by, wish.narrow, names.today, judged_by))

    def _cells(
        self, wish: UseWish, span: tuple[int, int], groups: Mapping[str, str | None], chosen: _Chosen
    ) -> list[UseCell]:
        keeps = kept_of(wish.narrow, self.calendar, groups)
        asked = asked_of(wish.by, wish.narrow, span, wish.origin, chosen.also)
        return [cell for cell in self._book.cells(asked) if keeps(cell)]

    def _head(
        self,
        wish: UseWish,
        scan: ScanState,
        now: datetime,
        groups: Mapping[str, str | None],
        chosen: _Chosen,
    ) -> tuple[UseFigures, _Whole]:
        """What stands above whatever period is looked at: it changes with the book and the quarters.

        Also all the use that it was made of, where it was read just now.
        """
        narrow = untimed(wish.narrow)
        since = figures_since(now, self._started_at, self.calendar)
        of_all = UseWish(by=GroupBy.DAY, origin=wish.origin, narrow=narrow)
        span = since, quarter_of(now) + 1
        held = groups if any(each.by is GroupBy.GROUP for each in narrow) else None
        mark = book_mark(self._state_dir)
        made_of = (span, wish.origin, narrow, held, mark, scan.complete_at, chosen.judged_by)
        if self._figures is not None and self._figures[0] == made_of:
            return self._figures[1], _Whole()
        cells = self._cells(of_all, span, groups, chosen)
        figures = use_figures(
            chosen.of(cells),
            wish.origin,
            scan,
            self.card,
            now,
            self._started_at,
            self.calendar,
            is_part=bool(narrow) or wish.is_filtered,
        )
        self._figures = made_of, figures
        return figures, _Whole(since, cells, narrow)

    def _latest(
        self, wish: UseWish, groups: Mapping[str, str | None], before: float, chosen: _Chosen
    ) -> list[RequestSeen]:
        narrow = untimed(wish.narrow)
        if not narrow and not wish.is_filtered:
            return self._book.latest(_LATEST, wish.origin, before)
        is_of = seen_of(narrow, groups)
        seen = self._book.latest(KEPT_SINGLY, wish.origin, before)
        found = (each for each in seen if is_of(each) and chosen.keeps(cell_of(each)))
        return list(islice(found, _LATEST))

    def _attribution(self, span: tuple[int, int]) -> Attribution:
        shares = self._book.shares(*span)
        return Attribution(shares.get(WhoseBy.HOME, 0), shares.get(WhoseBy.READINGS, 0), shares.get(None, 0))

    def _counted(self, span: tuple[int, int], now: datetime, scan: ScanState) -> float | None:
        """The part of what the service counted that is in the files; its day of now is not whole yet."""
        if scan.complete_at is None:
            # what was not read may be in them as well
            return None
        first = -(-span[0] // QUARTERS_OF_DAY)
        end = min(span[1], quarter_of(now)) // QUARTERS_OF_DAY
        days = self._book.days_counted(first, end) if end > first else []
        counted = sum(each.counted for each in days)
        return sum(each.in_files for each in days) / counted if counted else None

    def _conversations(self, found: UseReport) -> dict[str, Conversation]:
        if found.wish.by is not GroupBy.CONVERSATION and not any(
            each.by is GroupBy.CONVERSATION for each in found.wish.narrow
        ):
            return {}
        groups = [row.group for row in found.rows] if found.wish.by is GroupBy.CONVERSATION else []
        groups += [each.group for each in found.wish.narrow if each.by is GroupBy.CONVERSATION]
        ids = [group.text for group in groups if group.text is not None]
        known = self._book.threads(ids)
        return {key: Conversation(each.project) for key, each in known.items()}

    def _paid(self, accounts: Mapping[str, AccountState]) -> Paid | None:
        held = (account.plan for account in accounts.values())
        return paid_in_a_month(plan_prices(self._settings), held)
