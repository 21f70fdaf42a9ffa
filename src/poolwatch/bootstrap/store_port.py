"""The store as the monitor wants it: readings, the shared floor, the wishes of viewers, the poll lock."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from poolwatch.domain.refresh import Awaited, RefreshProgress
from poolwatch.domain.state import AccountState, KeyState, PoolFacts, PoolState
from poolwatch.host.locks import is_stopped
from poolwatch.monitor.clock import Clock
from poolwatch.monitor.ports import Asked, Moved, OwnerRequest, Told
from poolwatch.sources.pools.keys import KeyStates
from poolwatch.store.documents import decode_refresh, encode_refresh
from poolwatch.store.history import history_rows
from poolwatch.store.opening import StoreMode
from poolwatch.store.polling import PollLock
from poolwatch.store.requests import OwnerRequest as StoredRequest
from poolwatch.store.requests import RequestKind
from poolwatch.store.store import Store
from poolwatch.words.messages import message_text

#: How long a viewer waits for the polling process to take its wish.
ANSWER_WITHIN: Final = timedelta(seconds=5)
#: How old what other processes remember may be here.
_KEY_STATES_SECONDS: Final = 0.25


class StoredReadings:
    """Readings and polls in the store; every write is stamped with the clock."""

    def __init__(self, store: Store, clock: Clock, name: str | None) -> None:
        self._store = store
        self._clock = clock
        self._name = name

    @property
    def notices(self) -> tuple[str, ...]:
        """What people should know of the database now."""
        return tuple(map(message_text, self._store.notices))

    async def load_accounts(self) -> tuple[AccountState, ...] | None:
        """The last state of every account; None where it cannot be read now."""
        return await self._store.load_accounts()

    async def load_some(self, account_ids: Collection[str]) -> tuple[AccountState, ...]:
        """The last state of those of these accounts that are stored."""
        return await self._store.load_some(account_ids)

    async def save(self, accounts: Sequence[AccountState], moved: Sequence[Moved] = ()) -> bool:
        """Keep these accounts' state and a history row for each figure that moved."""
        rows = [
            row for each in moved for row in history_rows(each.before, each.after, each.account_id, each.at)
        ]
        return await self._store.save(accounts, self._clock.now(), rows)

    async def forget(self, account_ids: Sequence[str]) -> bool:
        """Drop the state of accounts that no source lists; their history stays."""
        return await self._store.save((), self._clock.now(), gone=account_ids)

    async def claim_poll(self, account_id: str, now: datetime, floor: timedelta) -> bool:
        """Whether this process may poll now; recorded when true."""
        return await self._store.claim_poll(account_id, now, floor)

    async def note_poll(self, account_id: str, now: datetime) -> None:
        """Record a poll that a person asked for; the disk is not waited for."""
        self._store.note_poll(account_id, now)

    async def load_facts(self) -> PoolFacts:
        """What is remembered beside the accounts."""
        return await self._store.facts()

    async def keep_facts(self, state: PoolState) -> bool:
        """Keep what viewers and `status --line` need to know beside the accounts."""
        sources = tuple(state.sources.values())
        return await self._store.put_facts(PoolFacts(self._name, state.clock_offset, sources, state.rates))


class StoredKeyStates(KeyStates):
    """How secrets stand with pools, in the store; where that cannot be written, this process remembers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own = KeyStates()
        self._read: dict[str, KeyState] = {}
        self._read_at: float | None = None
        #: on their way to the disk
        self._pending: dict[str, KeyState] = {}
        self._writing: set[asyncio.Task[None]] = set()

    async def known(self) -> Mapping[str, KeyState]:
        """All that is remembered, at most a moment old."""
        now = asyncio.get_running_loop().time()
        if self._read_at is None or now - self._read_at > _KEY_STATES_SECONDS:
            self._read_at = now
            stored = await self._store.key_states()
            self._read = {**stored, **await self._own.known(), **self._pending}
        return self._read

    async def keep(self, mark: str, state: KeyState, now: datetime) -> None:
        """Remember one."""
        self._read[mark] = self._pending[mark] = state
        if state.until is None:
            await self._write(mark, state, now)
            return
        # a wait for each of a thousand accounts does not wait for the disk
        task = asyncio.create_task(self._write(mark, state, now))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, mark: str, state: KeyState, now: datetime) -> None:
        is_kept = await self._store.put_key_state(mark, state, now)
        if self._pending.get(mark) is state:
            del self._pending[mark]
        if is_kept:
            await self._own.drop(mark)
        else:
            await self._own.keep(mark, state, now)

    async def drop(self, mark: str) -> None:
        """Forget one."""
        self._read.pop(mark, None)
        self._pending.pop(mark, None)
        await self._own.drop(mark)
        await self._store.drop_key_state(mark)

    async def claim_try(self, mark: str, now: datetime) -> bool:
        """Whether what is refused may be sent once, by hand; at most once a minute over all processes."""
        claimed = await self._store.claim_try(mark, now)
        own = await self._own.claim_try(mark, now)
        return own if claimed is None else claimed and own

    async def claim_trial(self, mark: str, now: datetime) -> bool:
        """Whether it is for this process to find out how a secret stands, of which nothing is known."""
        claimed = await self._store.claim_trial(mark, now)
        self._read_at = None
        return claimed is not False

    async def end_trial(self, mark: str) -> None:
        """Nothing was found out."""
        await self._store.end_trial(mark)
        self._read_at = None


class Wishes:
    """The queue by which a viewer reaches the process that polls.

    `mark` tells configurations apart: one state directory may serve several, and a wish is done by nobody
    who looks elsewhere for the account, or asks another upstream.
    """

    def __init__(self, store: Store, mark: str) -> None:
        self._store = store
        self._mark = mark

    async def ask(self, account_id: str, asked: Asked, now: datetime) -> int | None:
        """Put a wish and wait for it to be taken; its number, None when nobody answered."""
        if await self._store.ready() is not StoreMode.DISK:
            # nobody else would see it
            return None
        # what tells a poll, which no card shows, from a reading that a person asked for
        override, try_once = asked is not Asked.POLL, asked is Asked.TRY_ONCE
        request = StoredRequest(account_id, _KINDS[asked], override=override, try_once=try_once)
        number = await self._store.enqueue_request(request, now, f"pid {os.getpid()}{_OF}{self._mark}")
        if number is None:
            return None
        try:
            return number if await self._store.wait_taken(number, ANSWER_WITHIN) is not None else None
        except asyncio.CancelledError:
            # nobody waits for it any more: waiting for no time takes it back
            await self._store.wait_taken(number, timedelta(0))
            raise

    async def arrived(self) -> None:
        """Wait until there is a wish to take."""
        await self._store.when_requested()

    async def take(self, now: datetime) -> tuple[OwnerRequest, ...]:
        """The wishes that came since the last call."""
        ours = []
        for wish in await self._store.take_requests(now):
            _, of, mark = wish.asked_by.partition(_OF)
            if of and mark != self._mark:
                # it ends with nothing, and who asked does it
                await self.finish(wish.id, None, now)
            else:
                account_id, asked = wish.request.account_id, _asked(wish.request)
                ours.append(OwnerRequest(wish.id, account_id, asked, wish.asked_at))
        return tuple(ours)

    async def told(self, number: int) -> Told:
        """How far a wish is; one that is gone from the queue is done."""
        state = await self._store.request_progress(number)
        if state is None:
            return Told(done=True)
        return Told(state.done_at is not None, decode_refresh(state.outcome))

    async def finish(self, number: int, progress: RefreshProgress | None, now: datetime) -> None:
        """Write down how a wish ended."""
        await self._store.finish_request(number, encode_refresh(progress), now)


#: Stands between who asked and the mark of the configuration that is meant.
_OF: Final = ", of "

_KINDS: Final = {
    Asked.REFRESH: RequestKind.REFRESH,
    Asked.TRY_ONCE: RequestKind.REFRESH,
    Asked.DUE: RequestKind.DUE,
    Asked.BESIDE: RequestKind.BESIDE,
    Asked.USAGE: RequestKind.USAGE,
    Asked.POLL: RequestKind.USAGE,
}


def _asked(ask: StoredRequest) -> Asked:
    match ask.kind:
        case RequestKind.REFRESH:
            return Asked.TRY_ONCE if ask.try_once else Asked.REFRESH
        case RequestKind.DUE:
            return Asked.DUE
        case RequestKind.BESIDE:
            return Asked.BESIDE
        case RequestKind.USAGE:
            return Asked.USAGE if ask.override else Asked.POLL


class Lock:
    """The poll lock of a state directory; where there is no disk for it, polling is ours alone."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._lock = PollLock(state_dir)
        self._clock = clock

    def try_acquire(self) -> bool:
        """Take it if it is free, or if it cannot be had at all."""
        return self._lock.try_acquire(self._clock.now()) or not self._lock.is_usable

    def release(self) -> None:
        """Give it back."""
        self._lock.release()

    def awaited(self) -> Awaited:
        """Who holds it, for those who wait for that process."""
        holder = self._lock.holder()
        if holder is None or holder.host != os.uname().nodename:
            return Awaited()
        return Awaited(holder.pid, stopped=is_stopped(holder.pid))

    def holder_words(self) -> str:
        """Who holds it."""
        holder = self._lock.holder()
        return "unknown process" if holder is None else f"pid {holder.pid} on {holder.host}"
