"""Puts a monitor together from settings: store, custody, sources and the session that runs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock, draw
from poolwatch.bootstrap.store_port import Lock, StoredKeyStates, StoredReadings, Wishes
from poolwatch.bootstrap.surroundings import Surroundings, newcomers
from poolwatch.bootstrap.token_port import Custodian, fingerprinter_of
from poolwatch.config.settings import SourceKind, SourceSettings
from poolwatch.custody.state_dir import Fingerprinter
from poolwatch.domain.state import PoolState
from poolwatch.domain.values import replace
from poolwatch.host.threads import in_thread
from poolwatch.monitor.background import BackgroundRefresh
from poolwatch.monitor.bulk import BulkRefresh
from poolwatch.monitor.clock import Clock
from poolwatch.monitor.keeping import Keeping
from poolwatch.monitor.ledger import Ledger
from poolwatch.monitor.lister import WATCH_SECONDS
from poolwatch.monitor.poller import Pace, Poller
from poolwatch.monitor.refresh import RefreshChain
from poolwatch.monitor.session import Parts, Session
from poolwatch.monitor.sweep import Sweep
from poolwatch.store.readings import AccountCache
from poolwatch.store.store import Store

if TYPE_CHECKING:
    from poolwatch.net.client import HttpClient
    from poolwatch.sources.source import Source

#: So many accounts wait with their login in hand: requests end faster than a file is read.
_READY: Final = 6


class Running(Struct):
    """A monitor that is put together; it knows its sources once `connect` was awaited."""

    session: Session
    parts: Parts
    sweep: Sweep
    readings: StoredReadings
    clock: Clock
    #: its sources are those that are monitored now
    around: Surroundings
    custodian: Custodian
    fingerprint: Fingerprinter
    key_states: StoredKeyStates
    stack: AsyncExitStack
    sources: dict[str, Source]
    client: HttpClient | None = None
    #: whether somebody may want to see answers as they came
    shows_raw: bool = True

    @property
    def notices(self) -> tuple[str, ...]:
        """Lines about the whole pool, for people."""
        return self.session.notices

    async def connect(self) -> None:
        """Make the configured sources; what they are made of is loaded on a thread."""
        await self.load(*self.around.sources)
        from poolwatch.net.client import HttpClient

        # on a screen polls are counted by who starts them, and what a person asks for comes on top
        at_once = {} if self.shows_raw else {"at_once": self.around.settings.poll.concurrency}
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
        await asyncio.to_thread(_load, [each.kind for each in settings])

    async def add(self, settings: SourceSettings, *, configured: bool) -> None:
        """Monitor one more source; `configured`: the configuration names it, so that none is looked for."""
        await self.load(settings)
        sources = (*self.around.sources, settings)
        discovered = self.around.discovered and not configured
        self.around = replace(self.around, sources=sources, discovered=discovered)
        self.custodian.add(settings)
        self._add(settings)

    async def watch_places(self) -> None:
        """Monitor what comes to lie there by itself, an import say; ends only by cancellation."""
        while True:
            await self.clock.sleep(WATCH_SECONDS)
            for settings in await in_thread(partial(newcomers, self.around)):
                await self.add(settings, configured=False)

    def _add(self, settings: SourceSettings) -> None:
        from poolwatch.bootstrap.sources import build_source

        if self.client is None:
            return
        source = build_source(
            self.around,
            settings,
            self.client,
            self.fingerprint,
            self.key_states,
            shows_raw=self.shows_raw,
        )
        self.sources[source.name] = source
        self.session.add_source(source)


def _load(kinds: Iterable[SourceKind]) -> None:
    from poolwatch.bootstrap.sources import load_kinds

    load_kinds(kinds)


@asynccontextmanager
async def open_monitor(
    around: Surroundings,
    clock: Clock | None = None,
    *,
    shows_raw: bool = True,
    cache: AccountCache | None = None,
) -> AsyncIterator[Running]:
    """Open the store, put everything together, and close it in the end; unset, time is the machine's.

    `shows_raw`: answers are kept as they came, for somebody to look at. `cache`: what was read
    of the store before, and is not held twice.
    """
    clock = clock or RealClock()
    settings = around.settings
    store = Store(around.state_dir, clock.now(), cache)
    await store.ready()
    fingerprint, problem = await asyncio.to_thread(fingerprinter_of, around.state_dir)
    sources: dict[str, Source] = {}
    ledger = Ledger(PoolState(rules=around.naming))
    readings = StoredReadings(store, clock, settings.pool_name)
    interval = timedelta(seconds=settings.poll.interval_seconds)
    poller = Poller({}, ledger, readings, Pace(interval, settings.poll.concurrency), clock, draw)
    custodian = Custodian(
        around,
        fingerprint,
        sources.get,
        problem=problem,
    )
    chain = RefreshChain(poller, ledger, custodian, readings, clock)
    parts = Parts(
        ledger,
        poller,
        chain,
        BulkRefresh(chain, ledger, clock),
        Keeping(ledger, readings, clock),
        readings,
        custodian,
        Wishes(store, around.mark),
        Lock(around.state_dir, clock),
        clock,
        BackgroundRefresh(chain, poller, ledger, clock, draw) if around.renews else None,
    )
    names = [source.name for source in around.sources]
    session = Session(parts, names, (problem,) if problem else ())
    # some are made ready while as many as may be are asked
    sweep = Sweep(poller, ledger, readings, clock, settings.poll.concurrency + _READY)
    try:
        async with AsyncExitStack() as stack:
            yield Running(
                session,
                parts,
                sweep,
                readings,
                clock,
                around,
                custodian,
                fingerprint,
                StoredKeyStates(store),
                stack,
                sources,
                shows_raw=shows_raw,
            )
    finally:
        await store.aclose()
