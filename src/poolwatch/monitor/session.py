"""One poolwatch at work: it polls while it holds the poll lock, and watches the store while another does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import suppress
from typing import Final, Protocol

from msgspec import Struct

from poolwatch.domain.account import AccountKey, Listing
from poolwatch.domain.events import Answer, AnswerKind, KeptTold, PoolChanged, Recalled, RefreshMoved
from poolwatch.domain.refresh import Awaited, RefreshProgress
from poolwatch.domain.state import PoolFacts, PoolState, listed_by
from poolwatch.domain.values import replace
from poolwatch.monitor.background import BackgroundRefresh
from poolwatch.monitor.bulk import BulkRefresh
from poolwatch.monitor.clock import Clock
from poolwatch.monitor.keeping import Keeping
from poolwatch.monitor.ledger import Ledger
from poolwatch.monitor.passed_on import PassedOn
from poolwatch.monitor.poller import Poller
from poolwatch.monitor.ports import Asked, Interrupted, OwnerRequest, ReadingStore, RequestQueue, TokenKeeper
from poolwatch.monitor.refresh import RefreshChain
from poolwatch.sources.source import Source

#: A viewer reads the store this often.
VIEW_SECONDS: Final = 2.0
#: A store that cannot be read is asked again so often before it is done without.
_RECALLS: Final = 3
#: The polling process takes wishes of others no more often than this.
SERVE_SECONDS: Final = 0.5
#: Logins that wait are looked for so long after something has changed.
KEPT_SECONDS: Final = 1.0


class PollLock(Protocol):
    """Only its holder polls; free again when its process ends, however it ends."""

    def try_acquire(self) -> bool:
        """Take it if it is free."""
        ...

    def release(self) -> None:
        """Give it back."""
        ...

    def holder_words(self) -> str:
        """Who holds it, for people ("pid 123 on host")."""
        ...

    def awaited(self) -> Awaited:
        """Who holds it, for those who wait for that process."""
        ...


class Parts(Struct, frozen=True):
    """What a session runs."""

    ledger: Ledger
    poller: Poller
    chain: RefreshChain
    bulk: BulkRefresh
    keeping: Keeping
    store: ReadingStore
    keeper: TokenKeeper
    requests: RequestQueue
    lock: PollLock
    clock: Clock
    #: None where poolwatch renews nothing unasked
    background: BackgroundRefresh | None = None


class Session:
    """The monitor as one object: state, changes, and what a person may ask of it."""

    def __init__(self, parts: Parts, source_names: Collection[str], notices: tuple[str, ...] = ()) -> None:
        self._parts = parts
        self._source_names = frozenset(source_names)
        self._notices = notices
        self.polls = False
        #: what earlier refreshes left behind was looked after
        self.recovered = False
        self._passed_on = PassedOn(parts.requests, parts.ledger, parts.clock)
        #: wishes of others that are being fulfilled
        self._serving: set[asyncio.Task[None]] = set()
        #: an event came since logins that wait were looked for
        self._touched = asyncio.Event()

    @property
    def state(self) -> PoolState:
        """The state of this moment."""
        return self._parts.ledger.state

    @property
    def poller(self) -> Poller:
        """The poll loop."""
        return self._parts.poller

    @property
    def notices(self) -> tuple[str, ...]:
        """Lines about the whole pool, for people."""
        unlisted = (each.path for each in self.state.kept if each.key not in self.state.accounts)
        of_lists = self._parts.poller.notices
        return (*self._parts.store.notices, *of_lists, *self._notices, *map(_kept_notice, unlisted))

    def add_notice(self, line: str) -> None:
        """Say something about the whole pool for as long as this runs."""
        self._notices = (*self._notices, line)
        self._tell()

    def add_source(self, source: Source) -> None:
        """Monitor one more source from now on."""
        self._source_names |= {source.name}
        self._parts.poller.add_source(source)

    def changes(self) -> AsyncIterator[PoolChanged]:
        """Bursts of changes."""
        return self._parts.ledger.changes()

    async def recall(self) -> None:
        """Take in what the store remembers of the configured sources, so that figures stand at once."""
        await self._recall(watches=False)

    async def _recall(self, *, watches: bool) -> None:
        """`watches`: another process polls now, and what it keeps of the sources holds here too."""
        stored = await self._parts.store.load_accounts()
        for _ in range(_RECALLS):
            if stored is not None:
                break
            # what is not known to be there would be written over
            await self._parts.clock.sleep(VIEW_SECONDS)
            stored = await self._parts.store.load_accounts()
        if stored is None:
            return
        kept = tuple(
            known for account in stored if (known := listed_by(self._source_names, account)) is not None
        )
        facts = await self._parts.store.load_facts()
        rates = {name: rate for name, rate in facts.rates.items() if name in self._source_names}
        sources = tuple(each for each in facts.sources if each.name in self._source_names)
        known_facts = replace(facts, sources=sources, rates=rates) if watches else PoolFacts(rates=rates)
        self._parts.ledger.take(Recalled(kept, whole=not self.polls, facts=known_facts))

    async def run(self) -> None:
        """Poll, or watch until polling falls to this process; ends only by cancellation."""
        try:
            await self._watch()
            await self._poll()
        finally:
            await self._passed_on.close()

    async def _watch(self) -> None:
        await self.recall()
        while not self._parts.lock.try_acquire():
            await self.tell_kept()
            holder = self._parts.lock.holder_words()
            self._tell(f"read-only: another poolwatch ({holder}) is polling")
            await self._parts.clock.sleep(VIEW_SECONDS)
            await self._recall(watches=True)
            self._parts.ledger.settle()
        # what the former holder saved as it left
        await self.recall()
        self.polls = True
        self._tell()

    async def _poll(self) -> None:
        try:
            await self._recover()
            self.recovered = True
            async with asyncio.TaskGroup() as group:
                group.create_task(self._parts.poller.run())
                group.create_task(self._parts.keeping.run(tried=self._tell))
                group.create_task(self._serve())
                group.create_task(self._mind_kept())
                if self._parts.background is not None:
                    group.create_task(self._parts.background.run())
        finally:
            await self.close()

    async def _recover(self) -> None:
        """Tell of refreshes that an earlier run left unfinished; the accounts are listed before that."""
        if not await self._parts.keeper.left_anything():
            return  # the poll loop lists by itself, without waiting for the slowest source
        await self._parts.poller.list_all()
        self._tell_of(await self._parts.keeper.recover(self._listings(), self._parts.clock.now()))
        await self.tell_kept()

    async def _mind_kept(self) -> None:
        """Name the logins that wait, and bring home what can be, when files may have changed."""
        seen = self.state.sources
        self._parts.ledger.on_event(self._touched.set)
        while True:
            await self._touched.wait()
            await self._parts.clock.sleep(KEPT_SECONDS)
            self._touched.clear()
            listed = self.state.sources
            with suppress(RuntimeError):  # no thread is to be had: at the next change
                if listed is not seen:
                    now = self._parts.clock.now()
                    self._tell_of(await self._parts.keeper.recover(self._listings(), now, waiting_only=True))
                    seen = listed
            await self.tell_kept()

    async def tell_kept(self) -> None:
        """Say which logins wait in the state directory, on their cards and, without a card, for the pool."""
        try:
            kept = await self._parts.keeper.kept(self.state.accounts)
        except RuntimeError:
            return  # no thread is to be had: what was told stands
        if kept != self.state.kept:
            self._parts.ledger.take(KeptTold(kept))
            self._tell()

    def _listings(self) -> tuple[Listing, ...]:
        return tuple(entry for account in self.state.accounts.values() for entry in account.listings)

    def _tell_of(self, interrupted: Iterable[Interrupted]) -> None:
        now = self._parts.clock.now()
        for each in interrupted:
            key = each.key if each.key in self.state.accounts else self._key_at(each.place)
            if key is not None:
                self._parts.ledger.take(RefreshMoved(key, RefreshProgress(now, token=each.step), now))
                self._parts.ledger.take(RefreshMoved(key, None, now))

    def _key_at(self, place: str) -> AccountKey | None:
        for key, account in self.state.accounts.items():
            if any(listing.ref.place == place for listing in account.listings):
                return key
        return None

    async def close(self) -> None:
        """Save what is unsaved and give the lock back; a token being spent goes on in its own process."""
        await self._parts.bulk.close()
        await self._parts.chain.close()
        serving = tuple(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        if self.polls:
            await self._parts.keeping.flush()
            self._parts.lock.release()
            self.polls = False

    async def refresh(
        self, key: AccountKey, *, usage_only: bool = False, override: bool = False, try_once: bool = False
    ) -> Answer:
        """Start a refresh here, or ask the polling process for it.

        The polling process takes a wish as it comes, so what speaks against it is said here.
        """
        chain = self._parts.chain
        if self.polls:
            return chain.start(key, usage_only=usage_only, override=override, try_once=try_once)
        objection = chain.objection(key, usage_only=usage_only, override=override, try_once=try_once)
        if objection is not None:
            return objection
        asked = Asked.USAGE if usage_only else Asked.TRY_ONCE if try_once else Asked.REFRESH
        if asked is Asked.REFRESH and chain.confirms(key):
            asked = Asked.BESIDE
        taken = await self._passed_on.ask(key, asked, lambda: self.polls)
        return Answer(AnswerKind.STARTED if taken else AnswerKind.NO_ANSWER)

    async def refresh_many(self, keys: Collection[AccountKey]) -> Answer:
        """Start a refresh of many; only the polling process does that."""
        if not self.polls:
            return Answer(AnswerKind.READ_ONLY)
        return Answer(AnswerKind.STARTED if self._parts.bulk.start(keys) else AnswerKind.RUNNING)

    def stop_many(self) -> None:
        """Start no further account."""
        self._parts.bulk.stop()

    async def _serve(self) -> None:
        while True:
            await self._parts.requests.arrived()
            for request in await self._parts.requests.take(self._parts.clock.now()):
                task = asyncio.create_task(self._serve_one(request))
                self._serving.add(task)
                task.add_done_callback(self._serving.discard)
            # on a disk that takes no writes they would be there again at once
            await self._parts.clock.sleep(SERVE_SECONDS)

    async def _serve_one(self, request: OwnerRequest) -> None:
        progress = None
        try:
            progress = await self._fulfilled(request)
        finally:
            # one that is left as this process goes ends with nothing: nobody shall wait for it
            await self._parts.requests.finish(request.id, progress, self._parts.clock.now())

    async def _fulfilled(self, request: OwnerRequest) -> RefreshProgress | None:
        """How a wish ended; None where there is no such account here."""
        key = next((each for each in self.state.accounts if each.id == request.account_id), None)
        if key is None:
            return None
        if request.asked is Asked.POLL:
            return await self._parts.chain.read(key)
        return await self._parts.chain.run(
            key,
            usage_only=request.asked is Asked.USAGE,
            try_once=request.asked is Asked.TRY_ONCE,
            only_if_due=request.asked is Asked.DUE,
            beside_codex=request.asked is Asked.BESIDE,
        )

    def _tell(self, *more: str) -> None:
        self._parts.ledger.tell(notices=(*self.notices, *more))


def _kept_notice(path: str) -> str:
    return f"a login waits in {path}: poolwatch accounts list tells the command that brings it home"
