"""Looks ahead: what every account burns, how long its windows last, and whether the pool does.

All of it is worked out in short turns of the event loop, never on a thread: a busy one holds up every key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Final, Protocol

from poolwatch.domain.account import AccountKey
from poolwatch.domain.cycles import Cycle
from poolwatch.domain.events import LookedAhead
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.habit import Habit, seconds
from poolwatch.domain.look_ahead import can_be_told, if_reset, look_ahead
from poolwatch.domain.outlook import BURN_KEPT, AccountOutlook, PoolOutlook, is_recent
from poolwatch.domain.pool_simulation import Member, plan_weight, pool_outlook
from poolwatch.domain.series import RESET_WOBBLE
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.status import Status, derive_status
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY, UsageWindow
from poolwatch.domain.values import is_undated, replace
from poolwatch.monitor.burn_book import BurnBook, History
from poolwatch.monitor.learning import Cycles, Learning, Terms
from poolwatch.monitor.ledger import Clock, Ledger
from poolwatch.monitor.recorder import Recorder, read_instant
from poolwatch.monitor.turns import in_turns

#: What is due is looked for this often, in seconds.
LOOK_SECONDS: Final = 20.0
#: The same while the past of accounts is still being read.
SOON_SECONDS: Final = 2.0
#: Between two accounts that are worked out, in seconds.
_PAUSE: Final = 0.02
#: Accounts that are only looked at, between two turns of the event loop.
_AT_ONCE: Final = 50
_HOURLY: Final = timedelta(hours=1)
#: So much earlier an account may be due, each by its id, so that they come apart.
_APART: Final = timedelta(minutes=15)
#: What kept a forecast from being made may be over after this, and the pool is looked at again.
_AGAIN: Final = timedelta(minutes=10)
#: What the pool burns is told again after this, though it be the same: it is true of a later moment.
_BURN_AGAIN: Final = BURN_KEPT / 3
#: Used beyond what a forecast was made of, in percent points.
_MUCH: Final = 3.0
#: A process that soon ends works out no more accounts.
_MOST_AT_ONCE: Final = 200
_DAY: Final = timedelta(days=1)
#: The same pool has the same outlook.
_SEED: Final = 20260901
#: Who is not one of these does no work that could be foretold.
_WORKING: Final = (Status.ACTIVE, Status.EXHAUSTED)


class Store(History, Cycles, Protocol):
    """Where the past is, and what was foretold."""

    async def outlooks(self) -> tuple[Mapping[str, AccountOutlook], PoolOutlook | None]:
        """What was last foretold, by account id, and of the pool."""
        ...

    async def put_outlooks(self, accounts: Mapping[str, AccountOutlook], pool: PoolOutlook | None) -> bool:
        """Keep it."""
        ...


class Lookout:
    """Keeps every account's outlook, and the pool's, as fresh as they are told to be."""

    def __init__(self, ledger: Ledger, store: Store, recorder: Recorder, clock: Clock, terms: Terms) -> None:
        self._ledger = ledger
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._terms = terms
        self._learning = Learning(store, recorder, clock, terms)
        self._pause = _PAUSE
        #: accounts that are looked at anew, whatever was told of them; and whether the pool is
        self._due: set[str] = set()
        self._is_pool_due = False

    @property
    def _burn(self) -> BurnBook:
        return self._recorder.burn

    async def run(self, looked: Callable[[], None] = lambda: None) -> None:
        """Look ahead for ever; ends by cancellation. `looked` is called after each time."""
        await self.recall()
        while True:
            await self.look()
            looked()
            accounts = self._ledger.state.accounts.values()
            is_filled = all(
                self._burn.is_filled(each.key.id) for each in accounts if each.read_at is not None
            )
            await self._clock.sleep(LOOK_SECONDS if accounts and is_filled else SOON_SECONDS)

    async def recall(self) -> None:
        """Take in what was foretold last, here or by another process, as long as it is worth telling."""
        stored, pool = await self._store.outlooks()
        now = self._clock.now()
        told: dict[AccountKey, AccountOutlook] = {}
        for key, account in self._ledger.state.accounts.items():
            outlook = stored.get(key.id)
            if outlook is not None and is_recent(outlook.made_at, now) and outlook != account.outlook:
                told[key] = outlook
        if pool is not None and (not is_recent(pool.made_at, now) or pool == self._ledger.state.outlook):
            pool = None
        if told or pool is not None:
            self._ledger.take(LookedAhead(told, pool))

    async def look(self, *, keeps: bool = True) -> None:
        """Work out anew what is due and tell it; `keeps`: have it kept too, which is for who polls.

        An error of our own with one account is raised when all others have had their turn.
        """
        errors: list[Exception] = []
        if self._learning.heed_imports(await self._recorder.heed_imports()):
            self._is_pool_due = True
            self._due |= {key.id for key in self._ledger.state.accounts}
        if await self._learning.learn(self._ledger.state, self._pause, errors):
            await self._look(errors, keeps=keeps)
        if errors:
            raise errors[0]

    async def _look(self, errors: list[Exception], *, keeps: bool) -> None:
        told: dict[AccountKey, AccountOutlook] = {}
        for number, key in enumerate(tuple(self._ledger.state.accounts)):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            # as it is now: to get here may have taken a while
            state = self._ledger.state
            account = state.accounts.get(key)
            if account is None or not self._is_known(account):
                continue
            try:
                outlook = await self._outlook(account, state)
            except Exception as error:  # noqa: BLE001 - of one account; the others are foretold
                errors.append(error)
                continue
            if outlook is not None:
                told[key] = outlook
        pool = await self._pool(told)
        if not told and pool is None:
            return
        self._ledger.take(LookedAhead(told, pool))
        if keeps:
            await self._store.put_outlooks({key.id: outlook for key, outlook in told.items()}, pool)

    def _is_known(self, account: AccountState) -> bool:
        """Whether an account was read, all that it burns is known, and its past was learned."""
        account_id = account.key.id
        is_filled = account.read_at is not None and self._burn.is_filled(account_id)
        return is_filled and self._learning.has(account_id)

    async def look_once(self, *, keeps: bool) -> None:
        """For a process that soon ends: what was foretold last, and what is due of it; `keeps` as for `look`.

        Of a large pool nothing is made anew: whoever waits for the answer would wait for seconds.
        """
        await self.recall()
        self._pause = 0.0
        now, state = self._clock.now(), self._ledger.state
        if len(state.accounts) > _MOST_AT_ONCE:
            return
        # the pool is foretold of all accounts, or not at all
        is_pool_due = state.outlook is None or now - state.outlook.made_at > _HOURLY
        for key, account in state.accounts.items():
            outlook = account.outlook
            is_due = is_pool_due or outlook is None or now - outlook.made_at > _HOURLY
            if account.read_at is not None and is_due:
                await self._burn.load(self._store, key.id, read_instant(account), now)
        await self.look(keeps=keeps)

    # -- accounts

    async def _outlook(self, account: AccountState, state: PoolState) -> AccountOutlook | None:
        """The account's, where it says something new."""
        now, former, account_id = self._clock.now(), account.outlook, account.key.id
        burn = self._burn.of(account_id, now)
        cycles = {kind: self._cycle(account, window, now) for kind, window in account.usage.fullest.items()}
        works = derive_status(account, now + state.clock_offset).kind in _WORKING
        made_before = {} if former is None else {each.window: each for each in former.forecasts}
        has_resets = works and WEEKLY in cycles and account.usage.has_banked_resets(now + state.clock_offset)
        is_due = (
            former is None
            or (has_resets and former.if_reset is None)
            or account_id in self._due
            or made_before.keys() != cycles.keys()
            or any(
                _is_due(made_before[kind], cycle, now, self._terms.stale_after, works=works)
                for kind, cycle in cycles.items()
            )
        )
        if not is_due and former is not None:
            return None if burn == former.burn else replace(former, made_at=now, burn=burn)
        forecasts: list[Forecast] = []
        for cycle in cycles.values():
            forecasts.append(self._forecast(account, cycle, state, now, works=works))
            await asyncio.sleep(0)
        if_used = self._if_reset(account, cycles[WEEKLY], state, now) if has_resets else None
        self._due.discard(account_id)
        await self._clock.sleep(self._pause)
        return AccountOutlook(now, burn, tuple(forecasts), if_used)

    def _forecast(
        self, account: AccountState, cycle: Cycle, state: PoolState, now: datetime, *, works: bool
    ) -> Forecast:
        known = self._learning.window(account.key.id, cycle.window)
        said = look_ahead(
            cycle,
            Habit() if known is None else known.habit,
            self._learning.bank,
            now,
            self._learning.zone(account),
            self._terms.stale_after,
            0.0 if known is None else known.burned_since(now - _DAY),
            state.clock_offset,
        )
        if works or said.none_because is not None:
            return said
        return Forecast(
            said.bucket,
            said.window,
            now,
            said.resets_at,
            none_because=NoForecast.NONE,
            used_percent=said.used_percent,
        )

    def _if_reset(self, account: AccountState, cycle: Cycle, state: PoolState, now: datetime) -> Forecast:
        known = self._learning.window(account.key.id, cycle.window)
        return if_reset(
            cycle,
            Habit() if known is None else known.habit,
            self._learning.bank,
            now,
            self._learning.zone(account),
            self._terms.stale_after,
            state.clock_offset,
        )

    def _cycle(self, account: AccountState, window: UsageWindow, now: datetime) -> Cycle:
        """The running cycle as the newest reading has it; of an unused window one without any use.

        What a reading does not tell is not known of it, whatever was told before.
        """
        account_id, base, used = account.key.id, account.usage.base, window.used_percent
        if used is None and base is not None and base.value is not None and base.value.is_full(window):
            used = 100.0
        read_at = None if base is None or is_undated(base.at) else base.at
        running = self._recorder.running(account_id).get((BASE_BUCKET, window.kind))
        known = self._learning.window(account_id, window.kind)
        if known is not None and (running is not None or used == 0):
            known.running = None
        stored = None if known is None else known.running
        if stored is not None and used is not None and stored.may_go_on(used, window.resets_at):
            running = replace(stored, last_percent=used)
        if running is None:
            running = Cycle(
                account_id,
                BASE_BUCKET,
                window.kind,
                now,
                window.window_seconds,
                window.resets_at,
                readings=1 if used else _ENOUGH,
                last_percent=used,
                plan=account.plan,
            )
        elif window.used_percent is None:
            running = replace(running, last_percent=used)
        return replace(running, read_at=read_at)

    # -- the pool

    async def _pool(self, told: Mapping[AccountKey, AccountOutlook]) -> PoolOutlook | None:
        """The pool's, where it says something new; simulated anew after a while, if anything changed.

        `told` is what was worked out of accounts just now. As long as there are some of which that is still
        to come, nothing is said of the pool: a part of it is another pool.
        """
        now, state = self._clock.now(), self._ledger.state
        former, server_now = state.outlook, now + state.clock_offset
        if not self._is_whole(state, told, server_now):
            return None
        if former is not None and not self._is_pool_due:
            is_over = former.relief_at is not None and former.relief_at <= server_now
            is_fresh = timedelta(0) <= now - former.made_at < _AGAIN
            if not is_over and (not told or is_fresh):
                is_told = former.burn.made_at is not None and is_recent(former.burn.made_at, now, _BURN_AGAIN)
                if not told and is_told:
                    return None
                burn = await self._burn.of_pool(now)
                is_same = is_told and replace(burn, made_at=former.burn.made_at) == former.burn
                return None if is_same else replace(former, burn=burn)
        members: list[Member] = []
        for number, account in enumerate(tuple(state.accounts.values())):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            member = self._member(account, server_now)
            if member is not None:
                members.append(member)
        work = pool_outlook(
            members,
            self._learning.bank,
            await self._burn.of_pool(now),
            server_now,
            Random(_SEED).random,  # noqa: S311 - chances, not secrets
        )
        self._is_pool_due = False
        return replace(await in_turns(work), made_at=now)

    def _is_whole(
        self, state: PoolState, told: Mapping[AccountKey, AccountOutlook], server_now: datetime
    ) -> bool:
        """Whether each account has been looked at, or is known to have nothing to look at."""
        if not state.settled:
            return False
        for key, account in state.accounts.items():
            if account.read_at is not None:
                if not self._is_known(account) or (account.outlook is None and key not in told):
                    return False
            elif (
                account.tried_at is None
                and account.without_usage is None
                and derive_status(account, server_now).kind is Status.UNKNOWN
            ):
                return False  # its first reading is still to come
        return True

    def _member(self, account: AccountState, now: datetime) -> Member | None:
        """The account as one that can work; None where it has no weekly limit, or cannot."""
        weekly = account.usage.fullest.get(WEEKLY)
        if weekly is None or not self._is_known(account):
            return None
        if derive_status(account, now).kind not in _WORKING:
            return None
        learned, cycle = self._learning.window(account.key.id, WEEKLY), self._cycle(account, weekly, now)
        if not seconds(cycle) or cycle.last_percent is None:
            return None
        return Member(
            cycle,
            Habit() if learned is None else learned.habit,
            self._learning.zone(account),
            plan_weight(account.plan, self._terms.weights),
            account.name.group,
        )


#: Readings of a window that nobody has used: there is nothing to wait for.
_ENOUGH: Final = 3


def _is_due(said: Forecast, cycle: Cycle, now: datetime, stale_after: timedelta, *, works: bool) -> bool:
    """Whether a forecast is to be made anew; `cycle` is what it would be made of."""
    age = now - said.made_at
    if age < timedelta(0) or age >= _HOURLY - _APART * (int(cycle.account_id[:4], 16) / 0x10000):
        return True
    if not works and said.none_because is None:
        return True
    if cycle.disputed and said.none_because is NoForecast.DISPUTED:
        return age >= _AGAIN  # the two windows differ with each reading, and neither counts
    used, was = cycle.last_percent, said.used_percent
    if said.resets_at is None or cycle.resets_at is None:
        has_reset = said.resets_at is not cycle.resets_at
    else:
        has_reset = bool(used) and abs(cycle.resets_at - said.resets_at) >= RESET_WOBBLE
    if has_reset:
        return True
    if used != was and (used is None or was is None or abs(used - was) >= _MUCH or used >= 100):
        return True
    is_old = cycle.read_at is not None and now - cycle.read_at > stale_after
    if said.none_because is None:
        return is_old
    if said.none_because is NoForecast.NONE and works and can_be_told(cycle):
        return True
    return age >= _AGAIN or (said.none_because is NoForecast.OLD and not is_old)
