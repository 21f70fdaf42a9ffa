"""One poolwatch at work: it polls while it holds the poll lock, and watches the store while another does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey, NamingRule
from poolwatch.domain.events import Answer, AnswerKind, Recalled
from poolwatch.domain.message import Message, message
from poolwatch.domain.refresh import BlockReason, RefreshProgress, TokenOutcome, TokenStep
from poolwatch.domain.state import PoolFacts, PoolState
from poolwatch.domain.text import visible
from poolwatch.host.instants import zone_named
from poolwatch.host.single_flight import SingleFlight
from poolwatch.monitor.auditing import Auditor
from poolwatch.monitor.custodian import Custodian
from poolwatch.monitor.ledger import STALE_AFTER, Clock, Ledger, Saver
from poolwatch.monitor.limits import Beside, Limits, LimitWork
from poolwatch.monitor.many import BackgroundRefresh, BulkRefresh
from poolwatch.monitor.own_errors import OwnErrors
from poolwatch.monitor.owner import Asked, ForwardedRefreshes, OwnerLock, RequestQueue, asked_of, asker_of
from poolwatch.monitor.poller import Pace, Poller
from poolwatch.monitor.recorder import Recorder, read_instant
from poolwatch.monitor.refresh import RefreshChain
from poolwatch.monitor.waiting_logins import WaitingLogins
from poolwatch.sources.source import Source
from poolwatch.store.requests import QueuedRequest
from poolwatch.store.store import Store

if TYPE_CHECKING:
    from poolwatch.monitor.learning import Terms
    from poolwatch.monitor.lookout import Lookout

#: A viewer reads the store this often.
VIEW_SECONDS: Final = 2.0
#: A store that cannot be read is asked again so often before it is done without.
_RECALLS: Final = 3
#: The polling process takes requests of others no more often than this.
SERVE_SECONDS: Final = 0.5
#: A viewer looks for what was foretold this often.
OUTLOOKS_EVERY: Final = timedelta(minutes=1)
#: What was foretold waits until the first screen stands.
LOOK_AFTER_SECONDS: Final = 0.5
#: What burnt before this run is looked up after so long: the start has other things to read.
FILL_SECONDS: Final = 2.0
#: The codes of what is told then.
_NO_BURN: Final = "monitor.no_burn"
_NO_FORECASTS: Final = "monitor.no_forecasts"
_NOT_KEPT: Final = "monitor.not_kept"
_NO_LIMITS: Final = "monitor.no_limits"


class Services(Struct, frozen=True):
    """What a monitor stands on."""

    store: Store
    custodian: Custodian
    queue: RequestQueue
    lock: OwnerLock
    clock: Clock
    #: numbers in 0..1
    draw: Callable[[], float]
    auditor: Auditor


class Monitor:
    """State, changes, and what a person may ask of it."""

    def __init__(
        self,
        services: Services,
        pace: Pace,
        source_names: Collection[str],
        *,
        naming: tuple[NamingRule, ...] = (),
        pool_name: str | None = None,
        renews: bool = False,
        stale_after: timedelta = STALE_AFTER,
        zone: tzinfo | None = None,
        terms: Callable[[], Terms] | None = None,
        limits: Callable[[], LimitWork] | None = None,
        notices: tuple[Message, ...] = (),
        past: asyncio.Task[None] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`renews`: own logins are renewed unasked. `sleep` keeps bursts of changes apart.

        Days of burn begin in `zone`, None is the machine's. `terms` are asked for with the
        first forecast, `limits` once the first screen stands.
        `past` brings the time before this run into the store: readings are saved when it has ended.
        """
        store, clock, draw, self.auditor = services.store, services.clock, services.draw, services.auditor
        self._services = services
        self._source_names = frozenset(source_names)
        self._notices = notices
        self.errors = OwnErrors(clock, self._tell)
        self.ledger = Ledger(PoolState(rules=naming), sleep)
        self.poller = Poller(self.ledger, store, pace, clock, draw)
        self.chain = RefreshChain(self.poller, self.ledger, services.custodian, store, clock, self.auditor)
        self.bulk = BulkRefresh(self._refresh_one_of_many, self.ledger, clock)
        self.recorder = Recorder(store, zone, pace.interval)
        self.saver = Saver(self.ledger, store, clock, pool_name, stale_after, self.recorder)
        self.auditor.on_trouble = self._tell
        self._limits = Limits(Beside(self.ledger, store, self.recorder, clock, self.errors), limits)
        self._terms = terms
        self._lookout: Lookout | None = None
        #: when a viewer last looked for what was foretold
        self._looked_at: datetime | None = None
        self._background = (
            BackgroundRefresh(self.chain, self.poller, self.ledger, clock, draw) if renews else None
        )
        self._past = past
        #: whether it is this process that polls
        self.polls = False
        self._forwarded = ForwardedRefreshes(services.queue, self.ledger, clock)
        #: requests of others that are being handled
        self._handling: SingleFlight[None] = SingleFlight()
        self._waiting = WaitingLogins(self.ledger, services.custodian, self.poller.lister, clock, self._tell)
        #: what earlier refreshes left behind was looked after
        self.recovered = False

    @property
    def state(self) -> PoolState:
        """The state of this moment."""
        return self.ledger.state

    def take_over(self) -> bool:
        """Poll from now on, unless another process does; whether this one polls."""
        self.polls = self._services.lock.try_acquire()
        return self.polls

    def hand_over(self) -> None:
        """Poll no more."""
        if self.polls:
            self._services.lock.release()
            self.polls = False

    @property
    def notices(self) -> tuple[Message, ...]:
        """What people should know of the whole pool."""
        unlisted = (each.path for each in self.state.kept if each.key not in self.state.accounts)
        waiting = (message("monitor.login_waits", path=path) for path in unlisted)
        named = {account.name.time_zone for account in self.state.accounts.values()}
        zones = (
            message("monitor.no_zone", zone=visible(zone))
            for zone in sorted(filter(None, named))
            if zone_named(zone) is None
        )
        return (
            *self._services.store.notices,
            *self.poller.lister.notices,
            *self._notices,
            *waiting,
            *self.errors.notices,
            *filter(None, (self.recorder.trouble, self.auditor.trouble)),
            *zones,
        )

    async def tell_kept(self) -> None:
        """Say which logins wait in the state directory, on their cards and, without a card, for the pool."""
        await self._waiting.tell()

    def add_source(self, source: Source) -> None:
        """Monitor one more source from now on."""
        self._source_names |= {source.name}
        self.poller.lister.add(source)

    async def recall(self) -> None:
        """Take in what the store remembers of the configured sources, so that figures stand at once."""
        await self._recall(watches=False)

    async def _recall(self, *, watches: bool) -> None:
        """`watches`: another process polls now, and what it keeps of the sources holds here too."""
        stored = await self._services.store.load_accounts()
        for _ in range(_RECALLS):
            if stored is not None:
                break
            # what is not known to be there would be written over
            await self._services.clock.sleep(VIEW_SECONDS)
            stored = await self._services.store.load_accounts()
        if stored is None:
            return
        facts = await self._services.store.facts()
        known = facts if watches else PoolFacts(rates=facts.rates)
        self.ledger.take(Recalled.of(self._source_names, stored, known))

    async def run(self) -> None:
        """Poll, or watch until polling falls to this process; ends only by cancellation."""
        try:
            await self._watch()
            await self._poll()
        finally:
            await self._forwarded.close()

    async def _watch(self) -> None:
        await self.recall()
        while not self.take_over():
            await self._waiting.tell()
            holder = self._services.lock.holder()
            self._tell(message("monitor.viewer", holder=holder))
            await self._services.clock.sleep(VIEW_SECONDS)
            await self._recall(watches=True)
            self.ledger.settle()
            await self._watch_outlooks()
            with self.errors.spared(_NO_LIMITS):
                await self._limits.recall()
        # what the former holder saved as it left
        await self.recall()
        self._tell()

    async def _watch_outlooks(self) -> None:
        """Take in what the polling process foretells, now and then."""
        now, last = self._services.clock.now(), self._looked_at
        if last is None or abs(now - last) >= OUTLOOKS_EVERY:
            self._looked_at = now
            with self.errors.spared(_NO_FORECASTS):
                await self.lookout.recall()

    async def _poll(self) -> None:
        try:
            await self._waiting.recover()
            self.recovered = True
            async with asyncio.TaskGroup() as group:
                group.create_task(self.poller.run())
                group.create_task(self._remember())
                group.create_task(self._serve())
                group.create_task(self._waiting.mind())
                if self._background is not None:
                    group.create_task(self._background.run())
        finally:
            await self.close()

    async def _remember(self) -> None:
        """Keep what is read, look up what was before, look ahead, and watch limits."""
        if self._past is not None:
            await asyncio.wait((self._past,))
        again, tried = self.errors.again, partial(self.errors.tried, _NOT_KEPT)
        async with asyncio.TaskGroup() as group:
            group.create_task(again(_NOT_KEPT, partial(self.saver.run, tried=tried)))
            group.create_task(again(_NO_BURN, self._fill_burn))
            group.create_task(again(_NO_FORECASTS, self._look_ahead))
            group.create_task(again(_NO_LIMITS, self._limits.run))

    async def _fill_burn(self) -> None:
        """Have the burn of the time before this run, once the first readings have had their turn."""
        clock = self._services.clock
        await clock.sleep(FILL_SECONDS)
        read = partial(self.errors.over, _NO_BURN)
        await self.recorder.burn.run(self._services.store, self._read_at, clock.now, clock.sleep, read)

    @property
    def lookout(self) -> Lookout:
        """Who looks ahead; loaded when first asked for, which no first screen waits for."""
        if self._lookout is None:
            from poolwatch.monitor.learning import Terms
            from poolwatch.monitor.lookout import Lookout

            services = self._services
            terms = Terms() if self._terms is None else self._terms()
            self._lookout = Lookout(self.ledger, services.store, self.recorder, services.clock, terms)
        return self._lookout

    async def _look_ahead(self) -> None:
        """Have what was foretold last at once, and anew what is due of it."""
        await self._services.clock.sleep(LOOK_AFTER_SECONDS)
        await self.lookout.run(partial(self.errors.over, _NO_FORECASTS))

    async def look_once(self) -> None:
        """For a process that soon ends: have what was foretold last, and what is due of it.

        It is kept while this process polls: another one keeps its own.
        """
        with self.errors.spared(_NO_FORECASTS):
            await self.lookout.look_once(keeps=self.polls)

    def _read_at(self) -> list[tuple[str, datetime | None]]:
        return [(key.id, read_instant(account)) for key, account in self.state.accounts.items()]

    async def close(self) -> None:
        """Save what is unsaved and give the lock back; a token being spent goes on in its own process."""
        await self.bulk.close()
        await self.chain.close()
        await self._handling.cancel()
        if self.polls:
            await self.saver.flush(last=True)
            self.hand_over()

    async def refresh(
        self, key: AccountKey, *, usage_only: bool = False, override: bool = False, try_once: bool = False
    ) -> Answer:
        """Start a refresh here, or ask the polling process for it.

        The polling process takes a request as it comes, so what speaks against it is said here.
        """
        chain = self.chain
        if self.polls:
            return chain.start(key, usage_only=usage_only, override=override, try_once=try_once)
        objection = chain.objection(key, usage_only=usage_only, override=override, try_once=try_once)
        if objection is not None:
            return objection
        asked = Asked.USAGE if usage_only else Asked.TRY_ONCE if try_once else Asked.REFRESH
        if asked is Asked.REFRESH and chain.confirms(key):
            asked = Asked.BESIDE
        taken = await self._forwarded.ask(key, asked, lambda: self.polls)
        return Answer(AnswerKind.STARTED if taken else AnswerKind.NO_ANSWER)

    async def signed_in(self, key: AccountKey) -> Answer:
        """Take in the new login of an account, and start to read the usage with it; no token is spent."""
        if not self.polls:
            taken = await self._forwarded.ask(key, Asked.DUE, lambda: self.polls)
            return Answer(AnswerKind.STARTED if taken else AnswerKind.NO_ANSWER)
        await self.chain.look_again(key)
        return self.chain.start(key, usage_only=True, override=True)

    async def refresh_many(self, keys: Collection[AccountKey], *, usage_only: bool = False) -> Answer:
        """Start a refresh of many, here or by the polling process, one by one."""
        started = self.bulk.start(keys, usage_only=usage_only)
        return Answer(AnswerKind.STARTED if started else AnswerKind.RUNNING)

    async def _refresh_one_of_many(self, key: AccountKey, usage_only: bool) -> RefreshProgress:
        if not self.polls:
            asked = Asked.USAGE if usage_only else Asked.DUE
            taken, progress = await self._forwarded.run(key, asked, lambda: self.polls)
            if progress is not None:
                return progress
            if not self.polls:
                if not taken:
                    # nobody answers: the others would wait as long in vain
                    self.bulk.stop()
                silent = TokenStep(TokenOutcome.BLOCKED, block=BlockReason.OWNER_SILENT)
                return RefreshProgress(self._services.clock.now(), silent, usage_only=usage_only, done=True)
        return await self.chain.run(key, usage_only=usage_only, spare_fresh_tokens=True)

    async def _serve(self) -> None:
        while True:
            await self._services.queue.arrived()
            for request in await self._services.queue.take(self._services.clock.now()):
                self._handling.start(request.id, partial(self._handle, request))
            # on a disk that takes no writes they would be there again at once
            await self._services.clock.sleep(SERVE_SECONDS)

    async def _handle(self, queued: QueuedRequest) -> None:
        progress = None
        try:
            progress = await self._handled(queued)
        finally:
            # one that is left as this process goes ends with nothing: nobody shall wait for it
            await self._services.queue.finish(queued.id, progress, self._services.clock.now())

    async def _handled(self, queued: QueuedRequest) -> RefreshProgress | None:
        """How a request ended; None where there is no such account here."""
        key = next((each for each in self.state.accounts if each.id == queued.request.account_id), None)
        if key is None:
            return None
        asked = asked_of(queued.request)
        if asked is Asked.POLL:
            return await self.chain.read(key)
        return await self.chain.run(
            key,
            usage_only=asked is Asked.USAGE,
            try_once=asked is Asked.TRY_ONCE,
            spare_fresh_tokens=asked is Asked.DUE,
            beside_codex=asked is Asked.BESIDE,
            doer=asker_of(queued),
        )

    def _tell(self, *more: Message) -> None:
        self.ledger.tell(notices=(*self.notices, *more))
