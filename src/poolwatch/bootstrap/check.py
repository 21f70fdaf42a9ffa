"""Answers for `check` and `run` from what is kept on this machine, and whom `run --next` gave out: nothing is
polled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.domain import check
from poolwatch.domain.account import AccountKey
from poolwatch.domain.budgets import Budget, BudgetState
from poolwatch.domain.check import Check, Given
from poolwatch.domain.events import LookedAhead, Recalled
from poolwatch.domain.overview import PoolOverview, overview
from poolwatch.domain.pool import apply
from poolwatch.domain.state import AccountState, PoolState, listed_by
from poolwatch.domain.status import PoolRules, judge
from poolwatch.domain.values import replace
from poolwatch.store.readings import AccountCache, read_outlooks, read_stored

if TYPE_CHECKING:
    from poolwatch.bootstrap.budgets import BudgetReader

#: Who asks is answered at once: a writer's commit takes less, and what takes longer cannot be told.
_PATIENCE_SECONDS: Final = 0.1


class Checker:
    """Asks what was stored before one moment, `now` by our own clock. Its calls block on the disk."""

    def __init__(self, around: Surroundings, now: datetime) -> None:
        self._around = around
        self.now = now
        self.state = _kept(around)

    @property
    def rules(self) -> PoolRules:
        """The settings that judge the pool, with the rate in force."""
        return self._around.rules.in_force(self.state)

    @property
    def server_now(self) -> datetime:
        """The same moment by the server's clock."""
        return self.now + self.state.clock_offset

    @property
    def accounts(self) -> Mapping[str, AccountState]:
        """Everybody of this configuration of whom something is kept, by id."""
        return {key.id: account for key, account in self.state.accounts.items()}

    def seen(self) -> PoolOverview:
        """The pool as it was stored, with what was foretold: filters may ask for that."""
        ahead, pool = read_outlooks(self._around.state_dir)
        known = {key: ahead[key.id] for key in self.state.accounts if key.id in ahead}
        return overview(apply(self.state, LookedAhead(known, pool)), self.now, self._around.rules)

    def budgets(self, asked: Collection[Budget]) -> tuple[BudgetState, ...]:
        """How these stand, of those that each has its own every part. Raises BookError."""
        if not asked:
            return ()
        reader = self._reader
        states = reader.report(self.accounts, self.now, tuple(asked), foresees=False).budgets
        of_nobody = [each for each in asked if not any(state.budget == each for state in states)]
        # how old that is, the undivided ones tell
        undivided = tuple(replace(each, each=None) for each in of_nobody)
        wholes = reader.report(self.accounts, self.now, undivided, foresees=False).budgets
        found = zip(of_nobody, wholes, strict=True)
        return (*states, *(check.of_nobody(budget, whole) for budget, whole in found))

    def doubts(self, budget: Budget) -> list[str]:
        """What its filter asks for that no use has, if there is such a thing. Raises BookError."""
        found = self._reader.doubts([budget], self.accounts, mask=self._around.settings.ui.mask)
        return [doubt for _, doubt in found]

    @cached_property
    def _reader(self) -> BudgetReader:
        from poolwatch.bootstrap.budgets import BudgetReader  # an account needs no prices

        return BudgetReader(self._around.state_dir, self._around.settings, patience=_PATIENCE_SECONDS)

    def account(self, account: AccountState) -> Check:
        """What one account says."""
        judged = judge(account, self.now, self.rules, self.state.clock_offset)
        found = check.of_account(judged, self.server_now)
        return Check(self.now, found.verdict, (found,))

    def matches(
        self, seen: PoolOverview, matching: Collection[AccountKey], may_match: Collection[AccountKey]
    ) -> Check:
        """What those say that a filter lets through now, or may once they are read again."""
        found = {each.account.key: check.of_account(each, seen.now) for each in seen.accounts}
        others = [found[key] for key in found if key in may_match and key not in matching]
        return check.of_matches([found[key] for key in found if key in matching], others, self.now)


def _kept(around: Surroundings) -> PoolState:
    """The accounts of this configuration, by the names that it gives them."""
    state = PoolState(rules=around.naming, settled=True)
    stored = read_stored(around.state_dir, AccountCache())
    if stored is None:
        return state
    accounts, facts = stored
    state = apply(state, Recalled(accounts, whole=True, facts=facts))
    sources = {source.name for source in around.sources}
    own = {
        key: account
        for key, account in state.accounts.items()
        if not account.listings or listed_by(sources, account) is not None
    }
    return replace(state, accounts=own)


async def give_out(around: Surroundings, order: Sequence[str], lasting: timedelta) -> Given:
    """Which of these account ids is to be used; all processes together remember it so long.

    Where nothing can be remembered, it is the first.
    """
    from poolwatch.store.store import Store  # it loads asyncio, and answers at once do without

    now = RealClock().now()
    store = Store(around.state_dir, now)
    try:
        return await store.give_out(order, now, lasting) or Given(order[0])
    finally:
        await store.aclose()
