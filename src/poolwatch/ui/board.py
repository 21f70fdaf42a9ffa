"""The pool as the screens show it: state, order and filter turned into view models, each made once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from poolwatch.domain.account import AccountKey
from poolwatch.domain.overview import PoolOverview, overview
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.status import Judged, Section, judge
from poolwatch.domain.values import replace
from poolwatch.presentation.card import card_view, mark_view
from poolwatch.presentation.order import hive_groups, sections
from poolwatch.presentation.remedy import remedy
from poolwatch.presentation.sign_in import SignIn
from poolwatch.presentation.strip import strip_view
from poolwatch.presentation.view import (
    CardView,
    Costs,
    DetailView,
    Figure,
    Grouping,
    MarkView,
    Prefs,
    SectionView,
    SortKey,
    StripView,
)

if TYPE_CHECKING:
    from poolwatch.presentation.filter_typing import Completion

#: Without a reason the order changes no more often: with each tick of a minute, be it a little early.
SWEEP: Final = timedelta(seconds=55)
#: ... and never this soon after a key.
HANDS_OFF: Final = timedelta(seconds=3)
#: Clocks that differ by less are drawn as one until the next tick.
_TREMBLE: Final = timedelta(seconds=5)
#: Accounts that come in a crowd are put in their places together.
ARRIVALS: Final = timedelta(seconds=1)
#: A larger pool is a table or a hive.
_FEW: Final = 100


class Board:
    """Holds the newest state and what was derived from it. `now` is our own clock, aware UTC."""

    def __init__(self, state: PoolState, prefs: Prefs, now: datetime, pool_name: str = "") -> None:
        self.prefs = prefs
        self._notices: tuple[str, ...] = ()
        #: None where no session files tell of use
        self._costs: Costs | None = None
        self._state = state
        self._now = now
        self._pool_name = pool_name
        self._overview: PoolOverview | None = None
        self._strip: StripView | None = None
        #: the preferences at this moment, by the rate and the clock of the state
        self._timed_prefs: Prefs | None = None
        self._judged: dict[AccountKey, Judged] = {}
        # each beside the account that it was made from, so that it holds for no other
        self._cards: dict[AccountKey, tuple[AccountState, CardView]] = {}
        self._marks: dict[AccountKey, tuple[AccountState, MarkView]] = {}
        #: the account to use next, by the last overview
        self._next_up: AccountKey | None = None
        #: what the server's clock is ahead, as last told
        self._offset = state.clock_offset
        self._seen: frozenset[tuple[AccountKey, datetime]] = frozenset()
        self._ordered_at: datetime | None = None
        #: the tick whose ages and countdowns the order was made by
        self._ordered_by: datetime | None = None
        self._ordered: frozenset[AccountKey] = frozenset()
        self._unread: int = 0
        self._foretold: int = 0
        #: the sections under whose headings accounts were put, and which of them are in another by now
        self._stood: dict[AccountKey, Section] = {}
        self._moved: frozenset[AccountKey] | None = None
        self._key_at: datetime | None = None

    @property
    def state(self) -> PoolState:
        """The newest state."""
        return self._state

    @property
    def now(self) -> datetime:
        """The moment that views are made for."""
        return self._now

    @property
    def overview(self) -> PoolOverview:
        """The pool at this moment."""
        if self._overview is None:
            self._overview = overview(self._state, self._now, self.prefs.rules, self._judged)
            self._judged = dict(self._overview.by_key)
            up = self._overview.next_up
            self._choose_next(up.judged.account.key if up is not None else None)
        return self._overview

    @property
    def lacks_credits(self) -> bool:
        """Whether an account was out of credits when all were judged last, or little is left of a balance."""
        # a footer waits for no overview
        return any(each.is_short for each in self._state.balances.values()) or any(
            each.lacks_credits for each in self._judged.values()
        )

    def _choose_next(self, key: AccountKey | None) -> None:
        """The two whose cards say another thing now are made anew."""
        former, self._next_up = self._next_up, key
        if key != former:
            for each in (former, key):
                if each is not None:
                    self._cards.pop(each, None)

    @property
    def strip(self) -> StripView:
        """The pool at a glance."""
        if self._strip is None:
            self._strip = strip_view(
                self.overview,
                self._state,
                self.timed_prefs,
                self._pool_name,
                self._notices,
                self._costs.today if self._costs is not None else "",
                self._budgets(),
                self._balances(),
            )
        return self._strip

    def _budgets(self) -> Figure | None:
        """The budget that is nearest to its limit; None where there is none."""
        report = self._state.budgets
        if report is None or not report.budgets:
            return None
        from poolwatch.presentation.account_names import AccountNames  # most have none
        from poolwatch.presentation.budgets import strip_budgets

        names = AccountNames({key.id: each for key, each in self._state.accounts.items()}, self.prefs.mask)
        return strip_budgets(report, names, self._now, self.prefs)

    def _balances(self) -> Figure | None:
        """What is left of each balance; None where there is none."""
        if not self._state.balances:
            return None
        from poolwatch.presentation.balances import strip_balances  # most have none

        return strip_balances(self._state.balances.values(), self._now, self.prefs)

    def sign_in(self, key: AccountKey) -> SignIn | None:
        """How an account is signed in again; None where that is not what it needs."""
        judged = self.judged(key)
        found = remedy(judged, self._server_now, self.timed_prefs) if judged is not None else None
        return found.sign_in if found is not None else None

    def take(self, state: PoolState) -> None:
        """Take a new state in; what was made from accounts that are the same as before still holds.

        The moment stays that of the last tick, so that all ages and countdowns move together.
        """
        former = self._state
        self._moved = None
        self._offset = state.clock_offset
        if abs(state.clock_offset - former.clock_offset) < _TREMBLE:
            # every answer tells the server's clock a little differently: no reason to draw all accounts anew
            state = replace(state, clock_offset=former.clock_offset)
        self._state = state
        if (state.clock_offset, state.rates) != (former.clock_offset, former.rates):
            self._derive_anew()
            return
        self._overview = None
        self._strip = None

    def _derive_anew(self) -> None:
        self._timed_prefs = None
        self._moved = None
        self._judged = {}
        self._cards.clear()
        self._marks.clear()
        self._overview = None
        self._strip = None

    def tick(self, now: datetime) -> None:
        """Move on to another moment; everything is derived anew when it is next asked for."""
        self._now = now
        if self._state.clock_offset != self._offset:
            self._state = replace(self._state, clock_offset=self._offset)
        self._derive_anew()

    def note(self, notices: tuple[str, ...]) -> None:
        """Lines about the whole pool, shown above those about its sources."""
        if notices != self._notices:
            self._notices = notices
            self._strip = None

    def cost(self, costs: Costs | None) -> bool:
        """What the use in session files would cost; whether that is new."""
        is_new, self._costs = costs != self._costs, costs
        if is_new:
            self._strip = None
        return is_new

    def choose(self, prefs: Prefs) -> None:
        """Show everything by other preferences."""
        self.prefs = prefs
        self._derive_anew()

    def card(self, key: AccountKey) -> CardView | None:
        """The card of an account; None when no source lists it any more."""
        account = self._state.accounts.get(key)
        if account is None:
            return None
        held = self._cards.get(key)
        if held is not None and held[0] is account:
            return held[1]
        judged = self._without_former(self._judged_anew(account))
        card = card_view(judged, self._server_now, self.timed_prefs, is_next=key == self._next_up)
        self._cards[key] = (account, card)
        return card

    def mark(self, key: AccountKey) -> MarkView | None:
        """The hive's mark of an account; None when no source lists it any more."""
        account = self._state.accounts.get(key)
        if account is None:
            return None
        held = self._marks.get(key)
        if held is not None and held[0] is account:
            return held[1]
        mark = mark_view(self._judged_anew(account), self.timed_prefs)
        self._marks[key] = (account, mark)
        return mark

    def detail(self, key: AccountKey) -> DetailView | None:
        """Everything known of an account."""
        judged = self.judged(key)
        if judged is None:
            return None
        from poolwatch.presentation.detail import detail_view  # not before the first paint

        cost = self._costs.accounts.get(key.id) if self._costs is not None else None
        return detail_view(judged, self._state, self._server_now, self.timed_prefs, cost)

    @property
    def timed_prefs(self) -> Prefs:
        """The preferences by the rate and the clock of the state."""
        if self._timed_prefs is None:
            offset, rules = self._state.clock_offset, self.prefs.rules.in_force(self._state)
            self._timed_prefs = replace(self.prefs, rules=rules, clock_offset=offset)
        return self._timed_prefs

    def judged(self, key: AccountKey) -> Judged | None:
        """An account with what follows from this moment."""
        account = self._state.accounts.get(key)
        return None if account is None else self._judged_anew(account)

    def _judged_anew(self, account: AccountState) -> Judged:
        """The account judged, unless this very account was."""
        held = self._judged.get(account.key)
        if held is not None and held.account is account:
            return held
        judged = judge(account, self._now, self.prefs.rules, self._state.clock_offset)
        self._judged[account.key] = judged
        return judged

    def sections(self, sort: SortKey, words: str, now: datetime, *, reverse: bool) -> tuple[SectionView, ...]:
        """The accounts that the filter lets through, in order, under their headings."""
        self._note_order(now)
        found = sections(self.overview, sort, reverse, self.prefs, self._matching(words))
        self._stood = {
            key: section for view in found if (section := view.section) is not None for key in view.keys
        }
        return found

    def groups(
        self, grouping: Grouping, sort: SortKey, words: str, now: datetime, *, reverse: bool
    ) -> tuple[SectionView, ...]:
        """The accounts that the filter lets through, in order, by source, group or plan."""
        self._note_order(now)
        return hive_groups(self.overview, grouping, sort, reverse, self.prefs, self._matching(words))

    def key_pressed(self, now: datetime) -> bool:
        """A key was pressed: the order keeps still, and finished refreshes give their line back.

        True when a card may have changed by that.
        """
        self._key_at = now
        done = frozenset(
            (key, account.refresh.started_at)
            for key, account in self._state.accounts.items()
            if account.refresh is not None and account.refresh.done
        )
        fresh = done - self._seen
        self._seen = done
        for key, _ in fresh:
            self._cards.pop(key, None)
        return bool(fresh)

    def may_reorder(self, now: datetime) -> bool:
        """Whether the order may change by itself: long enough after a key, with a tick or for a reason.

        Between two ticks nobody moves without one: what comes from the monitor then may be nothing to see.
        """
        if self._ordered_at is None or self._ordered_by is None or not self._ordered:
            return True
        if now < self._ordered_at:
            return True
        if self._key_at is not None and now - self._key_at < HANDS_OFF:
            return False
        if self._now - self._ordered_by >= SWEEP:
            return True
        return now - self._ordered_at >= ARRIVALS and self.has_reason()

    def order_waits(self, now: datetime) -> timedelta | None:
        """How long until what has arrived or changed may be put in its place; None where nothing has."""
        if self._ordered_at is None or not self.has_reason():
            return None
        wait = ARRIVALS - (now - self._ordered_at)
        if self._key_at is not None:
            wait = max(wait, HANDS_OFF - (now - self._key_at))
        return max(wait, timedelta(0))

    @property
    def moved(self) -> frozenset[AccountKey]:
        """The accounts that stand under the heading of a section that they are no longer in."""
        if self._moved is None:
            self._moved = frozenset(
                key
                for key, section in self._stood.items()
                if (judged := self.judged(key)) is not None and judged.section is not section
            )
        return self._moved

    def has_reason(self) -> bool:
        """Whether somebody has to be put in another place, or needs more room than before."""
        return self.has_arrivals() or bool(self.moved) or self._foretold != self._count_foretold()

    def has_arrivals(self) -> bool:
        """Whether accounts came or went, or were read for the first time, since the order was made."""
        return self._ordered != self._state.accounts.keys() or self._unread != self._count_unread()

    def _note_order(self, now: datetime) -> None:
        self._ordered_at, self._ordered_by = now, self._now
        self._stood, self._moved = {}, None
        self._ordered = frozenset(self._state.accounts)
        self._unread = self._count_unread()
        self._foretold = self._count_foretold()

    def _count_unread(self) -> int:
        return sum(account.read_at is None for account in self._state.accounts.values())

    def _count_foretold(self) -> int:
        """How many cards have a line for what lies ahead, in a pool whose cards are read."""
        accounts = self._state.accounts
        if len(accounts) > _FEW:
            return 0
        return sum(account.outlook is not None for account in accounts.values())

    def _matching(self, words: str) -> frozenset[AccountKey] | None:
        if not words.strip():
            return None
        from poolwatch.presentation.filter import matching  # not before the first paint

        return matching(self.overview, words, self.prefs)

    def mistake(self, words: str) -> str:
        """What is wrong with a filter that is being typed; "" where nothing is."""
        from poolwatch.presentation.filter import Looker
        from poolwatch.presentation.filter_typing import mistake

        return mistake(Looker(self.overview, self.prefs), words)

    def completion(self, words: str, cursor: int) -> Completion:
        """What the key that completes makes of a filter that is being typed."""
        from poolwatch.presentation.filter import Looker
        from poolwatch.presentation.filter_typing import completion

        return completion(Looker(self.overview, self.prefs), words, cursor)

    def _without_former(self, judged: Judged) -> Judged:
        """Without a finished refresh that a key was pressed after, or the account polled."""
        account, refresh = judged.account, judged.account.refresh
        if refresh is None or not refresh.done:
            return judged
        if (account.key, refresh.started_at) not in self._seen and not account.was_polled_since_refresh:
            return judged
        return replace(judged, account=replace(account, refresh=None))

    @property
    def _server_now(self) -> datetime:
        return self._now + self._state.clock_offset
