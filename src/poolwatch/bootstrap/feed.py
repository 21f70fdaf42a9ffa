"""The running monitor as the screens want to see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import date, datetime, timedelta, tzinfo
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import Answer, PoolChanged
from poolwatch.domain.message import Message
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.presentation.sign_in import CodexLogin
from poolwatch.presentation.view import Costs
from poolwatch.ui.feed import (
    EVENTS_MOST,
    BankedResets,
    BudgetTried,
    FoundLogins,
    LoginRun,
    PoolSignIn,
    TopUps,
    Tried,
)

if TYPE_CHECKING:
    from poolwatch.bootstrap.live_budgets import LiveBudgets
    from poolwatch.bootstrap.resets import ResetDesk
    from poolwatch.bootstrap.running import Running
    from poolwatch.bootstrap.use import UseReader
    from poolwatch.domain.alerts import Silence, Subject
    from poolwatch.domain.balances import BalanceState
    from poolwatch.domain.budgets import Budget, BudgetState
    from poolwatch.domain.event_log import LoggedEvent
    from poolwatch.domain.notices import Delivery
    from poolwatch.domain.past import AccountPast, PastAsked
    from poolwatch.domain.series import Finest, Point
    from poolwatch.domain.tokens import GroupBy
    from poolwatch.domain.use_report import UseReport, UseWish
    from poolwatch.domain.workspace_usage import AccountUsage
    from poolwatch.monitor.monitor import Monitor
    from poolwatch.presentation.budgets import BudgetDetail
    from poolwatch.presentation.waiting import Waits
    from poolwatch.store.store import Store

#: So many notices are looked at to say what became of those of an alert.
_DELIVERIES_MOST = 500
#: So many periods of a budget that have ended are told.
_PERIODS_MOST = 3
#: Balances may be dated by a clock that is a little ahead.
_AHEAD = timedelta(minutes=1)


class LiveFeed:
    """Passes a screen's requests to the monitor; until there is one, `early` is what it shows."""

    #: the machine's
    zone: tzinfo | None = None

    def __init__(self, early: PoolState, around: Surroundings, config: Path | None) -> None:
        self._early = early
        self._running: Running | None = None
        self._around = around
        self._config = config
        self._clock = RealClock()
        #: set once a screen listens: what takes time may begin
        self.painted = asyncio.Event()
        #: set once the monitor runs, or has failed
        self._opened = asyncio.Event()
        self._error: BaseException | None = None
        self._visible: Collection[AccountKey] = ()
        self._paused = False
        self._started_at = self._clock.now()
        self._reader: UseReader | None = None
        #: one report is read at a time
        self._use_turn = asyncio.Lock()

    def attach(self, running: Running) -> None:
        """Show this monitor from now on."""
        self._running = running
        # a thousand accounts take some memory, and what was shown early is shown no more
        self._early = running.monitor.state
        running.monitor.poller.set_visible(self._visible)
        running.monitor.poller.set_paused(self._paused)
        self._opened.set()

    async def _ready(self) -> Running:
        """What runs, as soon as it does; raises what ended it before."""
        await self._opened.wait()
        if self._running is None:
            raise self._error or RuntimeError("the monitor ended before it began")
        return self._running

    async def _monitor(self) -> Monitor:
        return (await self._ready()).monitor

    async def _store(self) -> Store:
        return (await self._ready()).services.store

    @property
    def state(self) -> PoolState:
        """The state of this moment."""
        return self._early if self._running is None else self._running.monitor.state

    def now(self) -> datetime:
        """The wall clock."""
        return self._clock.now()

    async def changes(self) -> AsyncIterator[PoolChanged]:
        """Bursts of changes; raises what ended the monitor, if anything did."""
        self.painted.set()
        monitor = await self._monitor()
        async for change in monitor.ledger.changes():
            if self._error is not None:
                raise self._error
            yield change

    def monitor_ended(self, monitor: asyncio.Task[None]) -> None:
        """The monitor's task is over; an error of it reaches whoever listens."""
        if not monitor.cancelled():
            self._error = monitor.exception()
            self._opened.set()
            if self._running is not None:
                self._running.monitor.ledger.wake()

    async def refresh(
        self, key: AccountKey, *, usage_only: bool = False, override: bool = False, try_once: bool = False
    ) -> Answer:
        """Start a refresh."""
        monitor = await self._monitor()
        return await monitor.refresh(key, usage_only=usage_only, override=override, try_once=try_once)

    async def refresh_many(self, keys: Collection[AccountKey], *, usage_only: bool = False) -> Answer:
        """Start a refresh of many."""
        monitor = await self._monitor()
        return await monitor.refresh_many(keys, usage_only=usage_only)

    def stop_many(self) -> None:
        """Start no further account of a refresh of many."""
        if self._running is not None:
            self._running.monitor.bulk.stop()

    def set_visible(self, keys: Collection[AccountKey]) -> None:
        """Accounts on screen are polled first."""
        self._visible = keys
        if self._running is not None:
            self._running.monitor.poller.set_visible(keys)

    def set_paused(self, paused: bool) -> None:
        """Stop or resume automatic polling."""
        self._paused = paused
        if self._running is not None:
            self._running.monitor.poller.set_paused(paused)

    def raw(self, key: AccountKey) -> str | None:
        """The last payload, redacted."""
        return None if self._running is None else self._running.monitor.poller.raw(key)

    async def sign_in(self, key: AccountKey, login: CodexLogin) -> LoginRun | None:
        """Get a sign-in ready."""
        from poolwatch.bootstrap.sign_in import ready_sign_in  # few runs have one

        monitor = await self._monitor()
        return await ready_sign_in(self._surroundings, key, login, monitor.auditor, monitor.tell_kept)

    async def pool_sign_in(self, key: AccountKey) -> PoolSignIn | Message:
        """Have the account's pool give a code."""
        from poolwatch.bootstrap.sign_in import start_pool_sign_in

        running = await self._ready()
        account = self.state.accounts.get(key)
        if account is None:
            return Message("monitor.login_gone")
        return await start_pool_sign_in(running, account, self._clock)

    async def signed_in(self, key: AccountKey) -> Answer:
        """Look at a new login, and start to read the usage with it."""
        monitor = await self._monitor()
        return await monitor.signed_in(key)

    async def resets(self) -> BankedResets:
        """The banked resets of the accounts that are monitored."""
        running = await self._ready()
        module = await asyncio.to_thread(import_module, "poolwatch.bootstrap.resets")
        desk: ResetDesk = module.ResetDesk(running)
        return desk

    async def top_ups(self) -> TopUps:
        """Where credits are bought; a viewer buys as well."""
        from poolwatch.domain.audit import By

        module = await asyncio.to_thread(import_module, "poolwatch.bootstrap.topups")
        found: TopUps = module.LiveTopUps(module.TopUpDesk(self._surroundings, By.APP))
        return found

    async def past(self, asked: PastAsked) -> AccountPast:
        """What the store keeps of an account, one figure after the other; a viewer reads it as well."""
        store = await self._store()
        # not before the first paint
        from poolwatch.bootstrap.kept import AHEAD, read_past

        account = self.state.accounts.get(asked.key)
        return await read_past(store, asked, account, self.now() + AHEAD)

    async def events(self, since: datetime, until: datetime | None = None) -> tuple[LoggedEvent, ...]:
        """What the store keeps of that time; a viewer reads it as well."""
        return await (await self._store()).events(since, until, EVENTS_MOST)

    async def looked_at(self) -> datetime | None:
        """When somebody last looked at the events."""
        return await (await self._store()).looked_at()

    async def look(self) -> None:
        """Somebody looks at them now."""
        await (await self._store()).put_looked_at(self.now())

    async def deliveries(self) -> tuple[Delivery, ...]:
        """The latest notices, as the store has them; a viewer reads it as well."""
        return await (await self._store()).deliveries(_DELIVERIES_MOST)

    async def silence(
        self, rule: str, subject: Subject | None, until: datetime | None, reason: str
    ) -> Message | None:
        """Keep the notices of a rule quiet, over the store: whoever polls reads it there."""
        from poolwatch.bootstrap.alerts import SilenceDesk  # only where somebody silences
        from poolwatch.domain.alerts import Silence

        monitor = await self._monitor()
        by = monitor.auditor.doer.user
        desk = SilenceDesk(await self._store(), monitor.auditor, monitor.ledger)
        return await desk.keep(Silence(rule, self.now(), by, until, reason, subject))

    async def end_silence(self, silence: Silence) -> Message | None:
        """End a silence, likewise."""
        from poolwatch.bootstrap.alerts import SilenceDesk

        monitor = await self._monitor()
        desk = SilenceDesk(await self._store(), monitor.auditor, monitor.ledger)
        return await desk.end(silence, self.now())

    async def use(self, wish: UseWish) -> UseReport | Message:
        """What is known about the use of tokens, read on a thread; a viewer reads it as well."""
        from poolwatch.host.threads import in_thread
        from poolwatch.sessions.tables import BookError

        reader = await self._use_reader()
        accounts = self._accounts
        async with self._use_turn:
            try:
                return await in_thread(partial(reader.report, wish, accounts, self.now()))
            except BookError as error:
                return error.as_message

    async def use_mark(self) -> object:
        """What differs once anything about use has changed; None where nothing is known of any."""
        from poolwatch.host.threads import in_thread
        from poolwatch.sessions.tables import book_mark

        return await in_thread(partial(book_mark, self._surroundings.state_dir))

    @property
    def reads_reports(self) -> bool:
        """Whether that is asked for by itself."""
        return self._around.settings.workspace_usage.enabled

    async def report(self, key: AccountKey, since: date) -> AccountUsage | None:
        """What is kept of OpenAI's count; a viewer reads it as well."""
        from poolwatch.bootstrap.workspace_usage import told_usage

        store, account = await self._store(), self.state.accounts.get(key)
        if account is None:
            return None
        now = self.now() + self.state.clock_offset
        return await told_usage(store, self._surroundings.state_dir, account, since, now)

    async def read_report(self, key: AccountKey, since: date) -> Message | None:
        """Ask for it; a viewer does that itself, and no login is renewed for it."""
        from poolwatch.bootstrap.workspace_usage import reporter_of

        running = await self._ready()
        account = self.state.accounts.get(key)
        if account is None:
            return Message("monitor.login_gone")
        failed = await reporter_of(running).ask(account, since)
        return failed.as_message if failed is not None else None

    async def costs(self) -> Costs | None:
        """What the API would charge, priced on a thread."""
        from poolwatch.host.threads import in_thread
        from poolwatch.sessions.tables import BookError

        reader = await self._use_reader()
        async with self._use_turn:
            try:
                return await in_thread(partial(reader.costs, self.now()))
            except BookError:
                # the screen of usage says why
                return None

    async def _use_reader(self) -> UseReader:
        if self._reader is None:
            reader = await asyncio.to_thread(import_module, "poolwatch.bootstrap.use")
            around = self._surroundings
            self._reader = reader.UseReader(around.state_dir, around.settings, self._started_at, self.zone)
        return self._reader

    async def _budgets(self) -> LiveBudgets:
        return await (await self._ready()).budgets()

    @property
    def _accounts(self) -> dict[str, AccountState]:
        """By their ids."""
        return {key.id: account for key, account in self.state.accounts.items()}

    async def budget_detail(self, state: BudgetState, by: GroupBy) -> BudgetDetail:
        """Who spent it, and how it went before, read on a thread."""
        from poolwatch.presentation.budgets import BudgetDetail

        budgets = await self._budgets()
        shares = await budgets.shares(state, by, self._accounts, self.now())
        store, name = await self._store(), state.budget.name
        return BudgetDetail(by, shares, await store.ended_periods(name, state.whose, _PERIODS_MOST))

    async def try_budget(self, budget: Budget) -> BudgetTried:
        """How it would stand, measured on a thread."""
        return await (await self._budgets()).tried(budget, self._accounts, self.now())

    def budgets_file(self) -> str:
        """The configuration file."""
        from poolwatch.bootstrap.live_budgets import place_of  # by now it is loaded

        return place_of(self._surroundings)

    async def save_budget(self, name: str | None, values: Mapping[str, str]) -> str | None:
        """Write it, and have it measured at once; with another name it keeps how its periods went."""
        budgets, monitor = await self._budgets(), await self._monitor()
        problem = await budgets.save(name, values, monitor.auditor)
        renamed = values.get("name")
        if problem is None and name is not None and renamed:
            await (await self._store()).rename_budget(name, renamed)
        return problem

    async def waits(self) -> Waits:
        """What waits for a person; a viewer answers it as well."""
        store = await self._store()
        module = await asyncio.to_thread(import_module, "poolwatch.bootstrap.waiting")
        found: Waits = await module.waits(self._surroundings, store)
        return found

    async def read_balance(self, name: str) -> None:
        """Read it here, whichever process polls: it costs one request, and all find it in the store."""
        running = await self._ready()
        await running.balances().read_older(timedelta(0), (name,))

    async def balance_points(
        self, balance: BalanceState, since: datetime, finest: Finest
    ) -> tuple[Point, ...]:
        """As the store keeps it; a viewer reads it as well."""
        if balance.balance is None:
            return ()
        store, unit, until = await self._store(), balance.balance.unit, self.now() + _AHEAD
        return (await store.balance_timeline(balance.name, unit, since, until, finest)).points

    async def focused(self) -> None:
        """Where there are balances."""
        if self._running is not None and self._around.has_balances:
            await self._running.balances().focused()

    def found(self) -> tuple[FoundLogins, ...]:
        """The monitored places that list nobody, and what else lies around."""
        from poolwatch.bootstrap.places import empty_places, found_logins  # only a first run asks

        around = self._surroundings
        return (*empty_places(around, self.state), *found_logins(around, self._config))

    @property
    def _surroundings(self) -> Surroundings:
        """With what was added since the start."""
        return self._around if self._running is None else self._running.around

    async def add(self, place: str) -> Tried:
        """Try a place, add it to the configuration where logins are there, and start monitoring it."""
        from poolwatch.bootstrap.places import Added, NotAdded, added_deed, try_and_add, typed_place
        from poolwatch.domain.audit import Act, Deed, Outcome

        source = typed_place(self._surroundings, place)
        if isinstance(source, NotAdded):
            return Tried(False, source.words)
        running = await self._ready()
        async with running.monitor.auditor.noting_on_thread(Deed(Act.ADD_SOURCE)) as doing:
            tried = await try_and_add(self._surroundings, self._config, source)
            if isinstance(tried, Added):
                doing.deed = added_deed(self._surroundings, tried)
                doing.ended(Outcome.DONE)
            else:
                doing.ended(Outcome.FAILED, tried.why.name.lower())
        if not isinstance(tried, Added):
            return Tried(False, tried.words)
        running.add(tried.source, configured=True)
        return Tried(True, tried.found)
