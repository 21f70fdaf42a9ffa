"""Puts a monitor together from settings: store, custody, sources and the monitor itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock, draw
from poolwatch.bootstrap.sources import StoredKeyStates, build_source, source_class
from poolwatch.bootstrap.surroundings import Surroundings, newcomers
from poolwatch.config.settings import SourceSettings
from poolwatch.custody.state_dir import Fingerprinter
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


class Running(Struct):
    """A monitor that is put together; it knows its sources once `connect` was awaited."""

    monitor: Monitor
    services: Services
    #: its sources are those that are monitored now
    around: Surroundings
    fingerprint: Fingerprinter
    key_states: StoredKeyStates
    sources: dict[str, Source]
    client: HttpClient | None = None
    on_screen: bool = True

    async def connect(self) -> None:
        """Make the configured sources; what they are made of is loaded on a thread."""
        await self.load(*self.around.sources)
        # on a screen polls are counted by who starts them, and what a person asks for comes on top
        at_once = {} if self.on_screen else {"at_once": self.around.settings.poll.concurrency}
        self.client = HttpClient(self.around.settings.net, self.around.env, **at_once)
        for settings in self.around.sources:
            self._add(settings)

    async def prepare(self) -> None:
        """Read now what every request needs, and not when the first account is asked.

        Where that fails, too many open files say, it is tried again for each account, and told of it.
        """
        if self.client is not None:
            await self.client.ready()

    async def load(self, *settings: SourceSettings) -> None:
        """Load what these sources are made of."""
        await asyncio.to_thread(lambda: [source_class(each.kind) for each in settings])

    async def add(self, settings: SourceSettings, *, configured: bool) -> None:
        """Monitor one more source; `configured`: the configuration names it, so that none is looked for."""
        await self.load(settings)
        sources = (*self.around.sources, settings)
        discovered = self.around.discovered and not configured
        self.around = replace(self.around, sources=sources, discovered=discovered)
        self._add(settings)

    async def watch_places(self) -> None:
        """Monitor what comes to lie there by itself, an import say; ends only by cancellation."""
        while True:
            await self.services.clock.sleep(WATCH_SECONDS)
            for settings in await in_thread(partial(newcomers, self.around)):
                await self.add(settings, configured=False)

    def _add(self, settings: SourceSettings) -> None:
        if self.client is None:
            return
        source = build_source(self.around, settings, self.client, self.fingerprint, self.key_states)
        self.sources[source.name] = source
        self.services.custodian.add(settings)
        self.monitor.add_source(source)


@asynccontextmanager
async def open_monitor(
    around: Surroundings,
    clock: Clock | None = None,
    *,
    on_screen: bool = True,
    cache: AccountCache | None = None,
) -> AsyncIterator[Running]:
    """Open the store, put everything together, and close it in the end; unset, time is the machine's.

    `cache`: what was read of the store before, and is not held twice.
    """
    clock = clock or RealClock()
    settings = around.settings
    store = Store(around.state_dir, clock.now(), cache)
    await store.ready()
    fingerprint, problem = await asyncio.to_thread(fingerprinter_of, around.state_dir)
    sources: dict[str, Source] = {}
    services = Services(
        store,
        Custodian(settings, around.state_dir, around.home, fingerprint, sources.get, problem=problem),
        RequestQueue(store, around.mark),
        OwnerLock(around.state_dir, clock),
        clock,
        draw,
    )
    monitor = Monitor(
        services,
        Pace(timedelta(seconds=settings.poll.interval_seconds), settings.poll.concurrency),
        [source.name for source in around.sources],
        naming=around.naming,
        pool_name=settings.pool_name,
        renews=around.renews,
        notices=(problem,) if problem else (),
    )
    try:
        yield Running(
            monitor, services, around, fingerprint, StoredKeyStates(store), sources, on_screen=on_screen
        )
    finally:
        await store.aclose()
