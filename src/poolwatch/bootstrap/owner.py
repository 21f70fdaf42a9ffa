"""The poolwatch that polls, while a command wants something of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.parts import Running
from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import Recalled
from poolwatch.domain.refresh import Awaited, BlockReason, RefreshProgress
from poolwatch.domain.schedule import is_older
from poolwatch.monitor.passed_on import ended as ended_there
from poolwatch.monitor.ports import Asked
from poolwatch.once.process import told

#: How long a command waits for readings that the polling process was asked for.
_OWNER_SECONDS: Final = 20.0
#: How often it looks whether they are there, or whether nobody polls any more.
_LOOK_SECONDS: Final = 0.2
#: A reading that is told there is in the store after so many looks, or there was nothing to keep.
_STILL_LOOKS: Final = 10
#: So many accounts are asked for at a time; it refreshes two at once.
_ASKED_AT_ONCE: Final = 8


class Owner:
    """Has the polling process refresh what a command wants refreshed."""

    def __init__(self, running: Running, asked: Asked, on_waiting: Callable[[Awaited], None]) -> None:
        self._running = running
        self._on_waiting = on_waiting
        self._told: Awaited | None = None
        self._asked = asked
        self._room = asyncio.Semaphore(_ASKED_AT_ONCE)
        self._silent = False
        #: what a person should know of it
        self.notices: tuple[str, ...] = ()

    async def refresh(self, key: AccountKey) -> RefreshProgress | None:
        """Have it refresh an account, and how that ended; None when that is left to this process."""
        async with self._room:
            if self._silent or self._running.session.polls:
                return None
            number = await self._ask(key)
            if number is None:
                return None
            requests, clock = self._running.parts.requests, self._running.clock
            ending = ended_there(requests, number, clock, self._is_gone)
            progress = await told(ending, self._running.parts.lock.awaited, self._tell)
            if progress is None:
                return None
            if progress.token is not None and progress.token.block is BlockReason.READ_ONLY:
                # it was told to spend nothing; this command was not
                return None
            await _take_stored(self._running, (key,))
            return progress

    def _tell(self, found: Awaited) -> None:
        """Once for all accounts that are waited for."""
        if found != self._told:
            self._told = found
            self._on_waiting(found)

    async def _ask(self, key: AccountKey) -> int | None:
        running = self._running
        holder = running.parts.lock.holder_words()
        asking = asyncio.create_task(running.parts.requests.ask(key.id, self._asked, running.clock.now()))
        try:
            while not asking.done():
                if self._is_gone():
                    return None
                await asyncio.wait((asking,), timeout=_LOOK_SECONDS)
        finally:
            # a wish that nobody waits for is taken back
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        if asking.result() is None and not self._silent:
            self._silent = True
            words = f"the poolwatch that polls ({holder}) did not answer; refreshed without it"
            self.notices = (*self.notices, words)
        return asking.result()

    def _is_gone(self) -> bool:
        # another command may have held the lock for a moment; it answers nobody, and ends
        if self._running.parts.lock.try_acquire():
            self._running.session.polls = True
        return self._running.session.polls


class ReadThere(Struct, frozen=True):
    """What became of readings that the polling process was asked for."""

    #: polling fell to this process meanwhile
    polls_here: bool = False
    #: accounts that the other process does not have
    unknown: tuple[AccountKey, ...] = ()
    #: accounts that it was asked for
    asked: tuple[AccountKey, ...] = ()
    notices: tuple[str, ...] = ()


async def read_there(running: Running, keys: Collection[AccountKey], older_than: timedelta) -> ReadThere:
    """Have the polling process read what is old, and take in what it read."""
    now = running.clock.now()
    state = running.session.state
    old = [
        key
        for key in keys
        if is_older(state.accounts[key].tried_at, older_than, now)
        if running.session.poller.live_listing(state.accounts[key]) is not None
    ]
    if not old:
        return ReadThere()
    asked = tuple(old)
    lock = running.parts.lock
    holder = lock.holder_words()
    asks = asyncio.gather(*(running.parts.requests.ask(key.id, Asked.POLL, now) for key in old))
    pending, waited, still = set(old), 0.0, 0
    try:
        while waited < _OWNER_SECONDS:
            # another command may have held the lock for a moment; it answers nobody, and ends
            if lock.try_acquire():
                await _take_stored(running, old)
                return ReadThere(polls_here=True, asked=asked)
            if asks.done() and not all(asks.result()):
                await _take_stored(running, old)
                notice = f"the poolwatch that polls ({holder}) did not answer"
                return ReadThere(asked=asked, notices=(notice,))
            await running.clock.sleep(_LOOK_SECONDS)
            waited += _LOOK_SECONDS
            await _take_stored(running, old)
            accounts, before = running.session.state.accounts, len(pending)
            pending = {key for key in pending if key in accounts and (accounts[key].tried_at or now) <= now}
            if not pending:
                return ReadThere(asked=asked)
            still = still + 1 if asks.done() and len(pending) == before else 0
            if still:
                # nothing more came: perhaps nothing will
                numbers = dict(zip(old, asks.result(), strict=True))
                ended = await _ended(running, {key: numbers[key] for key in pending})
                unknown = tuple(key for key, progress in ended.items() if progress is None)
                if len(ended) == len(pending) and (len(unknown) == len(pending) or still > _STILL_LOOKS):
                    return ReadThere(unknown=unknown, asked=asked)
        return ReadThere(asked=asked, notices=("some readings are still on their way",))
    finally:
        asks.cancel()
        await asyncio.gather(asks, return_exceptions=True)


async def _ended(
    running: Running, numbers: Mapping[AccountKey, int | None]
) -> dict[AccountKey, RefreshProgress | None]:
    """How those wishes ended that did; None: with nothing."""
    found: dict[AccountKey, RefreshProgress | None] = {}
    for key, number in numbers.items():
        told = await running.parts.requests.told(number) if number is not None else None
        if told is not None and told.done:
            found[key] = told.progress
    return found


async def _take_stored(running: Running, keys: Collection[AccountKey]) -> None:
    """Take in what another process read; an account that it has not saved yet stays as it was listed."""
    stored = await running.readings.load_some(tuple(key.id for key in keys))
    running.parts.ledger.take(Recalled(stored))
