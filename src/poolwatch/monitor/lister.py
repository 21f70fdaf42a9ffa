"""Keeps the list of accounts: looks at every source on its own, so that a hung one holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import Listing
from poolwatch.domain.events import Listed, SourceFailed
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.message import Message, message
from poolwatch.domain.schedule import RETRY_AFTER_CEILING, backoff
from poolwatch.host.single_flight import SingleFlight
from poolwatch.monitor.ledger import Clock, Ledger
from poolwatch.monitor.own_errors import internal_error
from poolwatch.sources.source import PoolSource, Source

#: Files are looked at (stat only) this often, so that a new login appears by itself.
WATCH_SECONDS: Final = 3.0
#: So many accounts are looked at that often; a thousand every ten seconds.
_WATCHED_EASILY: Final = 300
#: So long a refresh waits for a source to be listed, and a look may take before that is said.
_PATIENCE_SECONDS: Final = 5.0
_HANGS_AFTER: Final = timedelta(seconds=30)
#: The first retry after a source could not list comes after about this long.
_RETRY: Final = timedelta(seconds=30)

#: The signature of a source that was listed without looking at it: no other equals it.
_NOT_SEEN: Final = object()


class _Look(Struct, frozen=True):
    """What the last look at a source saw, and when it is listed again even if nothing seems to change."""

    signature: Hashable
    at: datetime
    again_at: datetime
    failures: int = 0
    #: what it saw: the same value again is no news
    found: tuple[Listing, ...] | Failure | None = None


def watch_seconds(accounts: int) -> float:
    """How often files are looked at: less often where there are so many that looking is work of its own."""
    return WATCH_SECONDS * max(1.0, accounts / _WATCHED_EASILY)


class Lister:
    """Lists sources; `told` is called after each of them that is watched."""

    def __init__(
        self,
        ledger: Ledger,
        interval: timedelta,
        clock: Clock,
        draw: Callable[[], float],
        told: Callable[[], None],
    ) -> None:
        #: all of them by name
        self.sources: dict[str, Source] = {}
        self._ledger = ledger
        self._interval = interval
        self._clock = clock
        self._draw = draw
        self._told = told
        self._looks: dict[str, _Look] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._looking: SingleFlight[None] = SingleFlight()
        #: when looks that have not ended began, where nothing was said of them yet
        self._begun: dict[str, datetime] = {}
        #: lists that somebody waits for, or has left behind
        self._late: SingleFlight[None] = SingleFlight()

    @property
    def notices(self) -> tuple[Message, ...]:
        """What people should know of lists that could not be read whole."""
        pools = (source for source in self.sources.values() if isinstance(source, PoolSource))
        told = ((pool.name, pool.left_out) for pool in pools)
        return tuple(
            message("monitor.left_out", source=name, left_out=left_out)
            for name, left_out in told
            if left_out is not None
        )

    def add(self, source: Source) -> None:
        """Watch one more source from now on."""
        self.sources[source.name] = source

    async def run(self) -> None:
        """Watch every source for ever; ends only by cancellation."""
        try:
            while True:
                for source in tuple(self.sources.values()):
                    self._begin_look(source)
                self._settle()
                await self._clock.sleep(watch_seconds(len(self._ledger.state.accounts)))
        finally:
            await self._looking.cancel()
            await self._late.cancel()

    async def list_all(self) -> None:
        """Ask every source once for its accounts; when one cannot say, what it last said stays."""
        await asyncio.gather(*(self.list_source(source) for source in list(self.sources.values())))
        self._ledger.settle()

    async def list_source(self, source: Source) -> None:
        """Ask one source for its accounts; when it cannot say, what it last said stays."""
        async with self._alone(source):
            self._ledger.take(await self._asked(source, await _signature(source)))
        self._settle()
        self._told()

    async def list_unheard(self, source: Source) -> None:
        """After a reading that brought nothing: have what the source listed, unless it is known."""
        if not isinstance(source, PoolSource):
            await self.list_soon(source)
            return
        await self._soon(self._list_lately(source))

    async def list_soon(self, source: Source) -> None:
        """As `list_source`, but whoever asks waits only so long for a source that hangs."""
        await self._soon(self.list_source(source))

    async def _list_lately(self, source: PoolSource) -> None:
        async with self._alone(source):
            now, last = self._clock.now(), self._looks.get(source.name)
            found = await _accounts(source.list_lately, now)
            if last is not None and found is last.found:
                return
            signature = last.signature if last is not None else _NOT_SEEN
            self._ledger.take(await self._taken(source, found, signature))
        self._settle()
        self._told()

    async def _soon(self, work: Coroutine[None, None, None]) -> None:
        listing = self._late.start(object(), lambda: work)
        over = asyncio.ensure_future(self._clock.sleep(_PATIENCE_SECONDS))
        try:
            await asyncio.wait((listing, over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        if listing.done() and not listing.cancelled():
            listing.result()

    def _alone(self, source: Source) -> asyncio.Lock:
        """One list of a source at a time, so that an older one never overwrites a newer one."""
        return self._locks.setdefault(source.name, asyncio.Lock())

    async def _asked(self, source: Source, signature: Hashable) -> Listed | SourceFailed:
        return await self._taken(source, await _accounts(source.list_accounts, self._clock.now()), signature)

    async def _taken(
        self, source: Source, listed: tuple[Listing, ...] | Failure, signature: Hashable
    ) -> Listed | SourceFailed:
        now = self._clock.now()
        if isinstance(listed, Failure):
            last = self._looks.get(source.name)
            failures = last.failures + 1 if last is not None else 1
            again_at = now + self._retry_after(listed, failures, now)
            self._looks[source.name] = _Look(signature, now, again_at, failures, listed)
            return SourceFailed(source.name, listed, now)
        self._looks[source.name] = _Look(signature, now, now + self._interval, found=listed)
        return Listed(source.name, listed, now, await _rate(source, now))

    def _retry_after(self, failure: Failure, failures: int, now: datetime) -> timedelta:
        wait = min(backoff(_RETRY, failures, self._draw()), max(self._interval, _RETRY))
        if failure.retry_at is None:
            return wait
        return max(wait, min(failure.retry_at - now, RETRY_AFTER_CEILING))

    def _begin_look(self, source: Source) -> None:
        """Look at a source unless the last look has not ended."""
        if source.name in self._looking:
            self._note_hanging(source.name)
            return
        self._begun[source.name] = self._clock.now()
        self._looking.start(source.name, partial(self._look, source))

    def _note_hanging(self, name: str) -> None:
        """Say once of a source that does not come back why nothing new is heard of it."""
        begun, now = self._begun.get(name), self._clock.now()
        if begun is not None and now - begun >= _HANGS_AFTER:
            del self._begun[name]
            seconds = f"{_HANGS_AFTER.total_seconds():.0f}"
            hangs = failure(FailureKind.UNREACHABLE, "monitor.source_hangs", seconds=seconds)
            self._ledger.take(SourceFailed(name, hangs, now))

    async def _look(self, source: Source) -> None:
        try:
            last = self._looks.get(source.name)
            now = self._clock.now()
            timely = last is not None and last.at <= now < last.again_at
            if last is None or not timely or await _signature(source) != last.signature or self._hung(source):
                await self.list_source(source)
        finally:
            self._begun.pop(source.name, None)

    def _hung(self, source: Source) -> bool:
        """Whether it was told that this look hangs: then a list says that it does no more."""
        return source.name not in self._begun

    def _settle(self) -> None:
        if self.sources.keys() <= self._ledger.state.sources.keys():
            self._ledger.settle()


async def _signature(source: Source) -> Hashable:
    try:
        return await source.signature()
    except Exception as error:  # noqa: BLE001 - an error of one source must not end the watch of all
        return internal_error(error)


async def _rate(source: Source, at: datetime) -> Decimal | None:
    if not isinstance(source, PoolSource):
        return None
    try:
        return await source.rate(at)
    except Exception as error:  # noqa: BLE001 - the list counts, whatever happens to the rate
        internal_error(error)
        return None


async def _accounts(
    ask: Callable[[datetime], Awaitable[tuple[Listing, ...] | Failure]], at: datetime
) -> tuple[Listing, ...] | Failure:
    try:
        return await ask(at)
    except Exception as error:  # noqa: BLE001 - an error of one source must not end the watch of all
        return internal_error(error)
