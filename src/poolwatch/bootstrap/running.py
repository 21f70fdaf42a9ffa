"""Puts a monitor together from settings: store, custody, sources and the monitor itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from msgspec import Struct, field

from poolwatch.bootstrap.auditing import auditor_of
from poolwatch.bootstrap.clock import RealClock, draw
from poolwatch.bootstrap.sources import StoredKeyStates, build_source
from poolwatch.bootstrap.surroundings import Surroundings, newcomers
from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.domain.audit import By
from poolwatch.domain.values import replace
from poolwatch.host.threads import in_thread
from poolwatch.monitor.custodian import Custodian, fingerprinter_of
from poolwatch.monitor.ledger import Clock
from poolwatch.monitor.lister import WATCH_SECONDS
from poolwatch.monitor.monitor import Monitor, Services
from poolwatch.monitor.owner import OwnerLock, RequestQueue
from poolwatch.monitor.poller import Pace
from poolwatch.net.client import HttpClient
from poolwatch.sources.source import Source
from poolwatch.store.readings import AccountCache
from poolwatch.store.store import Store

if TYPE_CHECKING:
    from poolwatch.bootstrap.live_budgets import LiveBudgets
    from poolwatch.monitor.balances import BalanceWatch
    from poolwatch.monitor.learning import Terms
    from poolwatch.monitor.limits import LimitWork


class Running(Struct):
    """A monitor that is put together, and the sources that it monitors now."""

    monitor: Monitor
    services: Services
    #: its sources are those that are monitored now
    around: Surroundings
    sources: dict[str, Source]
    build: Callable[[Surroundings, SourceSettings], Source]
    #: writes a sequence to the terminal that the app is open on; False where that is gone
    to_terminal: Callable[[str], bool] | None = None
    #: loaded when they are first asked for
    _budgets: LiveBudgets | None = None
    _balances: BalanceWatch | None = None
    #: set when they are to be measured at once
    budgets_changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def has_budgets(self) -> bool:
        """Whether somebody asked for budgets."""
        return self._budgets is not None

    async def budgets(self) -> LiveBudgets:
        """The budgets of this run."""
        module = await in_thread(partial(import_module, "poolwatch.bootstrap.live_budgets"))
        if self._budgets is None:
            self._budgets = module.LiveBudgets(self.around, self.budgets_changed)
        return self._budgets

    def balances(self) -> BalanceWatch:
        """The balances of this run; loaded when they are first asked for."""
        if self._balances is None:
            from poolwatch.bootstrap.balances import balance_watch

            monitor, services = self.monitor, self.services
            self._balances = balance_watch(
                self.around, monitor.ledger, services.store, services.clock, monitor.recorder.tell
            )
        return self._balances

    async def until_budgets_change(self, time: Coroutine[object, object, None]) -> None:
        """Wait until they are to be measured at once, or that time has passed."""
        waits = asyncio.ensure_future(time), asyncio.ensure_future(self.budgets_changed.wait())
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    def add(self, settings: SourceSettings, *, configured: bool) -> None:
        """Monitor one more source; `configured`: the configuration names it, so that none is looked for."""
        sources = (*self.around.sources, settings)
        discovered = self.around.discovered and not configured
        self.around = replace(self.around, sources=sources, discovered=discovered)
        self.watch(settings)

    def watch(self, settings: SourceSettings) -> None:
        """Have the monitor watch a source of the surroundings; balances are watched apart from accounts."""
        if settings.kind is SourceKind.CREDITS_HTTP:
            return
        source = self.build(self.around, settings)
        self.sources[source.name] = source
        self.services.custodian.add(settings)
        self.monitor.add_source(source)

    async def watch_places(self) -> None:
        """Monitor what comes to lie there by itself, an import say; ends only by cancellation."""
        while True:
            await self.services.clock.sleep(WATCH_SECONDS)
            for settings in await in_thread(partial(newcomers, self.around)):
                self.add(settings, configured=False)


@asynccontextmanager
async def open_monitor(
    around: Surroundings,
    clock: Clock | None = None,
    *,
    cache: AccountCache | None = None,
    is_daemon: bool = False,
    by: By = By.COMMAND,
    past: asyncio.Task[None] | None = None,
) -> AsyncIterator[Running]:
    """Open the store, put everything together, and close it in the end; unset, time is the machine's.

    `cache`: what was read of the store before, and is not held twice. `is_daemon`: others are told so.
    `by`: what has refreshes done here, for the audit log.
    `past`: nothing is saved before that has ended.
    """
    clock = clock or RealClock()
    settings = around.settings
    store = Store(around.state_dir, clock.now(), cache)
    await store.ready()
    fingerprint, problem = await asyncio.to_thread(fingerprinter_of, around.state_dir)
    sources: dict[str, Source] = {}
    auditor = auditor_of(around.state_dir, around.env, by, clock.now)
    services = Services(
        store,
        Custodian(settings, around.state_dir, around.home, fingerprint, sources.get, problem=problem),
        RequestQueue(store, around.mark, auditor.doer),
        OwnerLock(around.state_dir, clock, is_daemon=is_daemon),
        clock,
        draw,
        auditor,
    )
    monitor = Monitor(
        services,
        Pace(timedelta(seconds=settings.poll.interval_seconds), settings.poll.concurrency),
        [source.name for source in around.sources],
        naming=around.naming,
        pool_name=settings.pool_name,
        renews=around.renews,
        stale_after=around.rules.stale_after,
        terms=partial(_terms, around),
        limits=lambda: _limit_work(running),
        notices=(problem,) if problem else (),
        past=past,
    )
    client, states = HttpClient(settings.net, around.env), StoredKeyStates(store)
    build = partial(build_source, client=client, fingerprint=fingerprint, key_states=states)
    running = Running(monitor, services, around, sources, build)
    for source in around.sources:
        running.watch(source)
    try:
        yield running
    finally:
        await store.aclose()


def _terms(around: Surroundings) -> Terms:
    """What forecasts are made by; the texts were checked as they were read."""
    from poolwatch.domain.pool_simulation import weights_of
    from poolwatch.domain.profile import workhours_of
    from poolwatch.monitor.learning import Terms

    said = around.settings.forecast
    return Terms(
        around.rules.stale_after,
        workhours=workhours_of(said.workhours) if said.workhours else None,
        weights=(weights_of(said.weights) if said.weights else None) or {},
    )


def _limit_work(running: Running) -> LimitWork:
    """What watches limits; loaded when the first screen stands."""
    from poolwatch.bootstrap.limits import limit_work

    return limit_work(running)
