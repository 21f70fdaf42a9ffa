"""The monitor for commands: one look at everything, through the same parts that the app runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.parts import Running, open_monitor
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.domain.account import AccountKey
from poolwatch.domain.overview import PoolOverview, overview
from poolwatch.domain.pool import PoolState, Recalled
from poolwatch.domain.refresh import BlockReason, RefreshProgress
from poolwatch.monitor.clock import Clock
from poolwatch.monitor.passed_on import ended as ended_there
from poolwatch.monitor.ports import Asked

#: Which accounts a command speaks of; where there is no choice, it is all of them.
Choice = Callable[[PoolOverview], Collection[AccountKey]]
#: How long a command waits for readings that the polling process was asked for.
_OWNER_SECONDS: Final = 20.0
#: How often it looks whether they are there, or whether nobody polls any more.
_LOOK_SECONDS: Final = 0.2
#: So many accounts are asked for at a time; it refreshes two at once.
_ASKED_AT_ONCE: Final = 8
#: Readings are saved this often: what is left to save in the end is waited for.
_SAVE_SECONDS: Final = 0.25


class Look(Struct, frozen=True):
    """The pool at one moment, as a command prints it."""

    state: PoolState
    overview: PoolOverview
    notices: tuple[str, ...]


async def look(
    around: Surroundings, older_than: timedelta, choose: Choice | None, clock: Clock | None = None
) -> Look:
    """List every source, read what is old among the chosen accounts, and judge it all.

    While another poolwatch polls, it is asked to read, so that the two never poll twice.
    """
    async with open_monitor(around, clock, shows_raw=False, keeps_logins=True) as running:
        session = running.session
        await running.connect()
        # where all are asked anew, what asks is loaded while the disk is read
        await asyncio.gather(session.recall(), *([running.prepare()] if older_than <= timedelta(0) else []))
        more: tuple[str, ...] = ()
        session.polls = running.parts.lock.try_acquire()
        if session.polls and choose is None:
            await _kept_meanwhile(running, _read_while_listing(running, older_than))
        else:
            await session.poller.list_for_good()
            keys = tuple(session.state.accounts) if choose is None else choose(_judged(running, around))
            if not session.polls:
                told = await _ask_owner(running, keys, older_than)
                session.polls = told is None
                more = told or ()
            if session.polls:
                await _kept_meanwhile(running, running.sweep.run(keys, older_than))
        if session.polls:
            running.parts.lock.release()
        session.polls = False
        return Look(session.state, _judged(running, around), (*running.notices, *more))


async def _read_while_listing(running: Running, older_than: timedelta) -> None:
    """Read all accounts: the logins known from before are sent before their sources are looked through.

    These are listed when few of their logins still wait for their turn: before that to list would only take
    the interpreter from those who ask, and by then most of their files were read.
    """
    sweep, poller = running.sweep, running.session.poller
    early = sweep.known_logins(older_than)
    if early:
        await running.prepare()  # first of all: what asks waits for answers most of the time
    nearly_through, asked = asyncio.Event(), frozenset(ref.source for ref in early.values())
    poller.foresee(tuple(early.values()))
    others = {source.name for source in running.around.sources} - asked
    read = set(early)

    async def list_and_read(sources: Collection[str], *, one_by_one: bool = False) -> None:
        await poller.list_for_good(sources, one_by_one=one_by_one)
        found = running.session.state.accounts.keys() - read
        read.update(found)
        await sweep.run(found, older_than)

    async def list_those_asked() -> None:
        await nearly_through.wait()
        await list_and_read(asked, one_by_one=True)

    work = [
        asyncio.create_task(each)
        for each in (sweep.run(early, older_than, nearly_through), list_and_read(others), list_those_asked())
    ]
    try:
        await asyncio.gather(*work)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


async def _kept_meanwhile(running: Running, work: Awaitable[None]) -> None:
    """Save readings while more are on their way: the disk has time then, and being stopped loses little."""
    keeping = asyncio.create_task(running.parts.keeping.run(_SAVE_SECONDS))
    try:
        await work
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await running.parts.keeping.flush()


async def refresh(
    around: Surroundings, choose: Choice, *, only_if_due: bool
) -> tuple[Look, dict[AccountKey, RefreshProgress]]:
    """Run the refresh chain for the chosen accounts; how each one ended, as they ended.

    While another poolwatch polls, it is asked for each of them; where it does not answer, it runs here.
    """
    async with open_monitor(around, shows_raw=False, keeps_logins=True) as running:
        await running.session.recall()
        await running.connect()
        polls = running.parts.lock.try_acquire()
        running.session.polls = polls
        await running.session.poller.list_for_good()
        ended: dict[AccountKey, RefreshProgress] = {}
        owner = _Owner(running, Asked.DUE if only_if_due else Asked.REFRESH)
        passes_on = not around.settings.read_only

        async def one(key: AccountKey) -> None:
            progress = await owner.refresh(key) if passes_on else None
            if progress is None:
                progress = await running.parts.chain.run(key, only_if_due=only_if_due)
            ended[key] = progress

        await asyncio.gather(*(one(key) for key in choose(_judged(running, around))))
        await running.parts.keeping.flush()
        running.parts.lock.release()
        running.session.polls = False
        notices = (*running.notices, *owner.notices)
        return Look(running.session.state, _judged(running, around), notices), ended


class _Owner:
    """The poolwatch that polls while a command wants something refreshed."""

    def __init__(self, running: Running, asked: Asked) -> None:
        self._running = running
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
            progress = await ended_there(requests, number, clock, self._is_gone)
            if progress is None:
                return None
            if progress.token is not None and progress.token.block is BlockReason.READ_ONLY:
                # it was told to spend nothing; this command was not
                return None
            await _take_stored(self._running, (key,))
            return progress

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


def _judged(running: Running, around: Surroundings) -> PoolOverview:
    return overview(running.session.state, running.clock.now(), around.rules)


async def _ask_owner(
    running: Running, keys: Collection[AccountKey], older_than: timedelta
) -> tuple[str, ...] | None:
    """Have the polling process read; what went wrong with that, or None when polling fell to us."""
    now = running.clock.now()
    state = running.session.state
    old = [
        key
        for key in keys
        if (tried := state.accounts[key].tried_at) is None or abs(now - tried) >= older_than
        if running.session.poller.live_listing(state.accounts[key]) is not None
    ]
    if not old:
        return ()
    lock = running.parts.lock
    holder = lock.holder_words()
    asks = asyncio.gather(*(running.parts.requests.ask(key.id, Asked.POLL, now) for key in old))
    waited = 0.0
    while waited < _OWNER_SECONDS:
        # another command may have held the lock for a moment; it answers nobody, and ends
        if lock.try_acquire():
            asks.cancel()
            await asyncio.gather(asks, return_exceptions=True)
            await _take_stored(running, old)
            return None
        if asks.done() and not all(asks.result()):
            await _take_stored(running, old)
            return (f"the poolwatch that polls ({holder}) did not answer",)
        await running.clock.sleep(_LOOK_SECONDS)
        waited += _LOOK_SECONDS
        await _take_stored(running, old)
        accounts = running.session.state.accounts
        if all(key not in accounts or (accounts[key].tried_at or now) > now for key in old):
            asks.cancel()
            await asyncio.gather(asks, return_exceptions=True)
            return ()
    return ("some readings are still on their way",)


async def _take_stored(running: Running, keys: Collection[AccountKey]) -> None:
    """Take in what another process read; an account that it has not saved yet stays as it was listed."""
    stored = await running.readings.load_some(tuple(key.id for key in keys))
    running.parts.ledger.take(Recalled(stored))
