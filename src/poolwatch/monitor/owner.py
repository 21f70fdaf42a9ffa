"""The poolwatch that polls: the lock it holds, and the requests that others on this machine send it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from poolwatch.domain.account import AccountKey
from poolwatch.domain.audit import By, Doer
from poolwatch.domain.events import RefreshMoved
from poolwatch.domain.message import Message, message
from poolwatch.domain.refresh import Awaited, RefreshProgress
from poolwatch.host.locks import is_stopped
from poolwatch.host.single_flight import SingleFlight
from poolwatch.monitor.ledger import Clock, Ledger
from poolwatch.store.documents import decode_refresh, encode_refresh
from poolwatch.store.opening import StoreMode
from poolwatch.store.polling import Holder, PollLock
from poolwatch.store.requests import OwnerRequest, QueuedRequest, RequestKind
from poolwatch.store.store import Store

#: How long a viewer waits for the polling process to take its request.
ANSWER_WITHIN: Final = timedelta(seconds=5)
#: How often the asker looks whether its request is done.
LOOK_SECONDS: Final = 0.5
#: After so long it looks no more: a codex that renews its own login has ended by then.
PATIENCE_SECONDS: Final = 300.0
#: Stands between who asked and the mark of the configuration that is meant.
_OF: Final = ", of "


class OwnerLock:
    """The poll lock of a state directory; where there is no disk for it, polling is ours alone."""

    def __init__(self, state_dir: Path, clock: Clock, *, is_daemon: bool = False) -> None:
        self._lock = PollLock(state_dir, is_daemon=is_daemon)
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

    def holder(self) -> Message:
        """Who holds it, for people."""
        return holder_message(self._lock.holder())


def holder_message(holder: Holder | None) -> Message:
    """Who polls; None: a process that nobody can tell."""
    if holder is None:
        return message("monitor.unknown_process")
    code = "monitor.daemon" if holder.is_daemon else "monitor.process"
    return message(code, pid=holder.pid, host=holder.host)


class Asked(StrEnum):
    """What a viewer asks of the process that polls."""

    REFRESH = "refresh"
    #: a refresh that leaves a token alone which is of use for another day
    DUE = "due"
    USAGE = "usage"
    POLL = "poll"
    #: a refresh that may spend a login although the reply to its last exchange was lost
    TRY_ONCE = "try_once"
    #: a refresh that may renew Codex's own login beside a codex that works on its home
    BESIDE = "beside"


class RequestQueue:
    """The queue by which a viewer reaches the process that polls.

    `mark` tells configurations apart: one state directory may serve several, and a request is done by nobody
    who looks elsewhere for the account, or asks another upstream.
    """

    def __init__(self, store: Store, mark: str, doer: Doer) -> None:
        """`doer`: who asks."""
        self._store = store
        self._mark = mark
        self._doer = doer

    async def ask(self, account_id: str, asked: Asked, now: datetime) -> int | None:
        """Put a request and wait for it to be taken; its number, None when nobody answered."""
        if await self._store.ready() is not StoreMode.DISK:
            # nobody else would see it
            return None
        request = request_of(account_id, asked)
        number = await self._store.enqueue_request(request, now, asked_by(self._doer, self._mark))
        if number is None:
            return None
        try:
            return number if await self._store.wait_taken(number, ANSWER_WITHIN) is not None else None
        except asyncio.CancelledError:
            # nobody waits for it any more: waiting for no time takes it back
            await self._store.wait_taken(number, timedelta(0))
            raise

    async def arrived(self) -> None:
        """Wait until there is a request to take."""
        await self._store.when_requested()

    async def take(self, now: datetime) -> tuple[QueuedRequest, ...]:
        """The requests that came since the last call; taking them is the answer."""
        ours = []
        for queued in await self._store.take_requests(now):
            _, of, mark = queued.asked_by.rpartition(_OF)
            if of and mark != self._mark:
                # it ends with nothing, and who asked does it
                await self.finish(queued.id, None, now)
            else:
                ours.append(queued)
        return tuple(ours)

    async def handled(self, number: int) -> tuple[bool, RefreshProgress | None]:
        """Whether a request that was taken is done, as one is that is gone, and how it ended."""
        state = await self._store.request_progress(number)
        if state is None:
            return True, None
        return state.done_at is not None, decode_refresh(state.outcome)

    async def finish(self, number: int, progress: RefreshProgress | None, now: datetime) -> None:
        """Tell the asker how its request ended; None when there is no such account here."""
        await self._store.finish_request(number, encode_refresh(progress), now)


_KINDS: Final = {
    Asked.REFRESH: RequestKind.REFRESH,
    Asked.TRY_ONCE: RequestKind.REFRESH,
    Asked.DUE: RequestKind.DUE,
    Asked.BESIDE: RequestKind.BESIDE,
    Asked.USAGE: RequestKind.USAGE,
    Asked.POLL: RequestKind.USAGE,
}


def request_of(account_id: str, asked: Asked) -> OwnerRequest:
    """What a viewer asks for, as it is stored."""
    # what tells a poll, which no card shows, from a reading that a person asked for
    override, try_once = asked is not Asked.POLL, asked is Asked.TRY_ONCE
    return OwnerRequest(account_id, _KINDS[asked], override=override, try_once=try_once)


def asked_by(doer: Doer, mark: str) -> str:
    """Who asks, as it stands in a request: for older readers with the process first, and the mark last."""
    return f"pid {doer.pid} {msgspec.json.encode(doer).decode()}{_OF}{mark}"


def asker_of(queued: QueuedRequest) -> Doer:
    """Who asked."""
    told, _, _ = queued.asked_by.rpartition(_OF)
    process, brace, rest = told.partition("{")
    try:
        return msgspec.json.decode(brace + rest, type=Doer)
    except msgspec.MsgspecError:
        number = process.removeprefix("pid ").strip()
        return Doer(By.OTHER, "", int(number) if number.isdecimal() else 0)


def asked_of(request: OwnerRequest) -> Asked:
    """What a viewer asked for by a request as it is stored."""
    match request.kind:
        case RequestKind.REFRESH:
            return Asked.TRY_ONCE if request.try_once else Asked.REFRESH
        case RequestKind.USAGE:
            return Asked.USAGE if request.override else Asked.POLL
        case RequestKind.DUE | RequestKind.BESIDE:
            return Asked(request.kind.value)


async def outcome_of(
    queue: RequestQueue, number: int, clock: Clock, given_up: Callable[[], bool]
) -> RefreshProgress | None:
    """How a request ended that was taken; None when nothing came of it, or nobody is there any more.

    `given_up` is asked at every look: whether the process that took the request polls no more.
    """
    waited = 0.0
    while waited < PATIENCE_SECONDS:
        done, progress = await queue.handled(number)
        if done or given_up():
            return progress
        await clock.sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
    return None


class ForwardedRefreshes:
    """Refreshes that the polling process was asked for, shown on a viewer's cards like its own."""

    def __init__(self, queue: RequestQueue, ledger: Ledger, clock: Clock) -> None:
        self._queue = queue
        self._ledger = ledger
        self._clock = clock
        self._following: SingleFlight[None] = SingleFlight()

    async def ask(self, key: AccountKey, asked: Asked, given_up: Callable[[], bool]) -> bool:
        """Put a request; False when nobody took it. Its steps are followed in the background."""
        number = await self._queue.ask(key.id, asked, self._clock.now())
        if number is None:
            return False
        started = RefreshProgress(self._clock.now(), usage_only=asked in (Asked.USAGE, Asked.POLL))
        self._ledger.take(RefreshMoved(key, started, started.started_at))
        self._following.start(number, partial(self._follow, key, number, given_up))
        return True

    async def run(
        self, key: AccountKey, asked: Asked, given_up: Callable[[], bool]
    ) -> tuple[bool, RefreshProgress | None]:
        """Put a request and wait for its end: whether anybody took it, and how it ended, if with anything."""
        number = await self._queue.ask(key.id, asked, self._clock.now())
        if number is None:
            return False, None
        started = RefreshProgress(self._clock.now(), usage_only=asked is Asked.USAGE)
        self._ledger.take(RefreshMoved(key, started, started.started_at))
        progress = await outcome_of(self._queue, number, self._clock, given_up)
        self._ledger.take(RefreshMoved(key, progress, self._clock.now()))
        return True, progress

    async def close(self) -> None:
        """Follow nothing any more; what was asked for goes on in the other process."""
        await self._following.cancel()

    async def _follow(self, key: AccountKey, number: int, given_up: Callable[[], bool]) -> None:
        progress = await outcome_of(self._queue, number, self._clock, given_up)
        self._ledger.take(RefreshMoved(key, progress, self._clock.now()))
