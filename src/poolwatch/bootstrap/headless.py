"""The monitor for commands: one look at everything, alone or beside the poolwatch that polls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.running import Running, open_monitor
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import Recalled
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.message import Message, message
from poolwatch.domain.overview import PoolOverview, overview
from poolwatch.domain.refresh import Awaited, BlockReason, RefreshProgress
from poolwatch.domain.schedule import POLL_FLOOR, is_older
from poolwatch.domain.state import PoolState
from poolwatch.monitor.ledger import Clock
from poolwatch.monitor.many import Sweep
from poolwatch.monitor.owner import Asked, outcome_of
from poolwatch.monitor.schedule import is_polled
from poolwatch.once.process import told
from poolwatch.words.messages import message_text

#: Which accounts a command speaks of; where there is no choice, it is all of them.
Choice = Callable[[PoolOverview], Collection[AccountKey]]
#: Told of a process that does not come: the account that it refreshes, None for the poolwatch that polls.
Waiting = Callable[[AccountKey | None, Awaited], None]
#: Told where a refresh stands, in the state of that moment; of each account last when it is done.
Moved = Callable[[AccountKey, RefreshProgress, PoolState, datetime], None]
#: Readings are saved this often: what is left to save in the end is waited for.
_SAVE_SECONDS: Final = 0.25
#: How long a command waits for readings that the polling process was asked for.
_OWNER_SECONDS: Final = 20.0
#: How often it looks whether they are there, or whether nobody polls any more.
_LOOK_SECONDS: Final = 0.2
#: A reading that is told there is in the store after so many looks, or there was nothing to keep.
_STILL_LOOKS: Final = 10
#: So many accounts are asked for at a time; it refreshes two at once.
_ASKED_AT_ONCE: Final = 8


class Look(Struct, frozen=True):
    """The pool at one moment, as a command prints it."""

    state: PoolState
    overview: PoolOverview
    notices: tuple[str, ...]
    #: there was something to read, and nothing of it could be
    in_vain: bool = False


async def look(
    around: Surroundings, older_than: timedelta, choose: Choice | None, clock: Clock | None = None
) -> Look:
    """List every source, read what is old among the chosen accounts, and judge it all.

    While another poolwatch polls, it is asked to read, so that the two never poll twice.
    """
    async with open_monitor(around, clock) as running:
        monitor, now = running.monitor, running.services.clock.now
        await monitor.recall()
        there, began = ReadThere(), now()
        sweep = _sweep(running)
        monitor.take_over()
        await monitor.poller.lister.list_all()
        keys = tuple(monitor.state.accounts) if choose is None else tuple(choose(_judged(running)))
        if not monitor.polls:
            there = await read_there(running, keys, older_than)
            await _read_beside(running, sweep, there.unknown, older_than)
            if not monitor.polls:
                await _read_beside(running, sweep, _unread(monitor.state, keys), max(older_than, POLL_FLOOR))
        if monitor.polls:
            await _saved_meanwhile(running, sweep.run(keys, older_than))
        await monitor.look_once()
        monitor.hand_over()
        await monitor.tell_kept()
        asked = sweep.asked.union(there.asked)
        in_vain = not _has_answer(monitor.state, asked, began) and (
            bool(asked) or _is_out_of_reach(monitor.state, sweep, keys, older_than)
        )
        return _look_of(running, there.notices, in_vain=in_vain)


def _sweep(running: Running) -> Sweep:
    monitor, services = running.monitor, running.services
    at_once = running.around.settings.poll.concurrency
    return Sweep(monitor.poller, monitor.ledger, services.store, services.clock, at_once)


def _look_of(running: Running, notices: tuple[Message, ...], *, in_vain: bool = False) -> Look:
    told = tuple(map(message_text, (*running.monitor.notices, *notices)))
    return Look(running.monitor.state, _judged(running), told, in_vain)


def _has_answer(state: PoolState, asked: Collection[AccountKey], began: datetime) -> bool:
    """Whether one of these was read, or its login was found dead, which is an answer too."""
    for key in asked:
        account = state.accounts.get(key)
        if account is None or account.tried_at is None or account.tried_at < began:
            continue
        trouble = account.reading_trouble
        if trouble is None or trouble.kind is FailureKind.DEACTIVATION_REPORTED:
            return True
    return False


def _is_out_of_reach(
    state: PoolState, sweep: Sweep, keys: Collection[AccountKey], older_than: timedelta
) -> bool:
    """Whether something was due that nobody could be asked for: its source does not answer."""
    down = {source.name for source in state.sources.values() if source.failure is not None}
    if not state.accounts:
        return bool(down)
    return any(
        sweep.is_due(account, older_than) and is_polled(account)
        for key in keys
        if (account := state.accounts.get(key)) is not None and not down.isdisjoint(account.sources)
    )


def _unread(state: PoolState, keys: Collection[AccountKey]) -> list[AccountKey]:
    """Accounts that nobody has given figures of, as where the store that they come by is locked."""
    found = (state.accounts.get(key) for key in keys)
    return [account.key for account in found if account is not None and account.tried_at is None]


async def _read_beside(
    running: Running, sweep: Sweep, keys: Collection[AccountKey], older_than: timedelta
) -> None:
    """Read and keep accounts that the polling process does not have; all others are its own to keep."""
    if keys:
        await sweep.run(keys, older_than)
        accounts, services = running.monitor.state.accounts, running.services
        read = [accounts[key] for key in keys if key in accounts]
        await services.store.save(read, services.clock.now())


async def _saved_meanwhile(running: Running, work: Awaitable[None]) -> None:
    """Save readings while more are on their way: the disk has time then, and being stopped loses little."""
    saver = running.monitor.saver
    saving = asyncio.create_task(saver.run(_SAVE_SECONDS))
    try:
        await work
    finally:
        saving.cancel()
        await asyncio.gather(saving, return_exceptions=True)
        await saver.flush(last=True)


async def refresh(
    around: Surroundings,
    choose: Choice,
    *,
    spare_fresh_tokens: bool,
    beside_codex: bool = False,
    on_waiting: Waiting = lambda key, found: None,
    on_moved: Moved = lambda key, progress, state, now: None,
) -> tuple[Look, dict[AccountKey, RefreshProgress]]:
    """Run the refresh chain for the chosen accounts; how each one ended, as they ended.

    While another poolwatch polls, it is asked for each of them; where it does not answer, it runs here.
    `on_waiting` is told of a process that does not come, `on_moved` how far each account is.
    """
    async with open_monitor(around) as running:
        monitor = running.monitor
        await monitor.recall()
        monitor.take_over()
        await monitor.poller.lister.list_all()
        ended: dict[AccountKey, RefreshProgress] = {}
        asked = _asked(spare_fresh_tokens=spare_fresh_tokens, beside_codex=beside_codex)
        owner = Owner(running, asked, partial(on_waiting, None))
        monitor.chain.on_waiting = on_waiting

        async def one(key: AccountKey) -> None:
            progress = await owner.refresh(key)
            if progress is None:
                progress = await monitor.chain.run(
                    key, spare_fresh_tokens=spare_fresh_tokens, beside_codex=beside_codex
                )
            ended[key] = progress
            on_moved(key, progress, monitor.state, running.services.clock.now())

        async def tell_moves() -> None:
            async for changed in monitor.ledger.changes():
                for key in changed.state.accounts if changed.keys is None else changed.keys:
                    account = changed.state.accounts.get(key)
                    if account is not None and account.refresh is not None and not account.refresh.done:
                        on_moved(key, account.refresh, changed.state, running.services.clock.now())

        telling = asyncio.create_task(tell_moves())
        try:
            await asyncio.gather(*(one(key) for key in choose(_judged(running))))
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        await monitor.saver.flush(last=True)
        monitor.hand_over()
        await monitor.tell_kept()
        return _look_of(running, owner.notices), ended


def _asked(*, spare_fresh_tokens: bool, beside_codex: bool) -> Asked:
    if spare_fresh_tokens:
        return Asked.DUE
    return Asked.BESIDE if beside_codex else Asked.REFRESH


def _judged(running: Running) -> PoolOverview:
    return overview(running.monitor.state, running.services.clock.now(), running.around.rules)


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
        self.notices: tuple[Message, ...] = ()

    async def refresh(self, key: AccountKey) -> RefreshProgress | None:
        """Have it refresh an account, and how that ended; None when that is left to this process."""
        async with self._room:
            if self._silent or self._running.monitor.polls:
                return None
            number = await self._ask(key)
            if number is None:
                return None
            services = self._running.services
            ending = outcome_of(services.queue, number, services.clock, self._is_gone)
            progress = await told(ending, services.lock.awaited, self._tell)
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
        services = self._running.services
        holder = services.lock.holder()
        asking = asyncio.create_task(services.queue.ask(key.id, self._asked, services.clock.now()))
        try:
            while not asking.done():
                if self._is_gone():
                    return None
                await asyncio.wait((asking,), timeout=_LOOK_SECONDS)
        finally:
            # a request that nobody waits for is taken back
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        if asking.result() is None and not self._silent:
            self._silent = True
            self.notices = (*self.notices, message("monitor.refreshed_without", holder=holder))
        return asking.result()

    def _is_gone(self) -> bool:
        # another command may have held the lock for a moment; it answers nobody, and ends
        return self._running.monitor.take_over()


class ReadThere(Struct, frozen=True):
    """What became of readings that the polling process was asked for."""

    #: accounts that the other process does not have
    unknown: tuple[AccountKey, ...] = ()
    #: accounts that it was asked for
    asked: tuple[AccountKey, ...] = ()
    notices: tuple[Message, ...] = ()


async def read_there(running: Running, keys: Collection[AccountKey], older_than: timedelta) -> ReadThere:
    """Have the polling process read what is old, and take in what it read.

    Where that process is gone, this one polls from then on.
    """
    monitor, services = running.monitor, running.services
    now, state = services.clock.now(), monitor.state
    old = [
        key
        for key in keys
        if is_older(state.accounts[key].tried_at, older_than, now)
        if monitor.poller.live_listing(state.accounts[key]) is not None
    ]
    if not old:
        return ReadThere()
    asked = tuple(old)
    holder = services.lock.holder()
    asks = asyncio.gather(*(services.queue.ask(key.id, Asked.POLL, now) for key in old))
    pending, waited, still = set(old), 0.0, 0
    try:
        while waited < _OWNER_SECONDS:
            # another command may have held the lock for a moment; it answers nobody, and ends
            if monitor.take_over():
                await _take_stored(running, old)
                return ReadThere(asked=asked)
            if asks.done() and not all(asks.result()):
                await _take_stored(running, old)
                notice = message("monitor.owner_silent", holder=holder)
                return ReadThere(asked=asked, notices=(notice,))
            await services.clock.sleep(_LOOK_SECONDS)
            waited += _LOOK_SECONDS
            await _take_stored(running, old)
            accounts, before = monitor.state.accounts, len(pending)
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
        return ReadThere(asked=asked, notices=(message("monitor.readings_late"),))
    finally:
        asks.cancel()
        await asyncio.gather(asks, return_exceptions=True)


async def _ended(
    running: Running, numbers: Mapping[AccountKey, int | None]
) -> dict[AccountKey, RefreshProgress | None]:
    """How those requests ended that did; None: with nothing."""
    found: dict[AccountKey, RefreshProgress | None] = {}
    for key, number in numbers.items():
        done, progress = await running.services.queue.handled(number) if number is not None else (False, None)
        if done:
            found[key] = progress
    return found


async def _take_stored(running: Running, keys: Collection[AccountKey]) -> None:
    """Take in what another process read; an account that it has not saved yet stays as it was listed."""
    stored = await running.services.store.load_some(tuple(key.id for key in keys))
    running.monitor.ledger.take(Recalled(stored))
