"""Work on many accounts: a refresh of many, renewals that nobody asked for, one pass for a command."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey, Custody
from poolwatch.domain.events import BulkProgress, Recalled
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.refresh import RefreshProgress, TokenOutcome
from poolwatch.domain.schedule import backoff, is_older
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import token_is_live, will_renew
from poolwatch.host.single_flight import SingleFlight
from poolwatch.monitor.ledger import Clock, Ledger
from poolwatch.monitor.poller import Poller
from poolwatch.monitor.refresh import ATTEMPT_SPACING, IN_FLIGHT, RefreshChain
from poolwatch.monitor.schedule import is_polled
from poolwatch.store.store import Store

#: A token is renewed when it has less than this left by the server's clock, less the jitter.
LEAD: Final = timedelta(minutes=5)
#: The share of the lead by which renewals are spread.
JITTER_SHARE: Final = 0.3
#: How often it looks. The first look comes after one of these, when readings have told the server's clock.
LOOK_SECONDS: Final = 15.0
#: Between two starts of a refresh of many, so that a pool is not refreshed in one burst.
START_GAP_SECONDS: Final = 0.25


class _Tried(Struct, frozen=True):
    """The last try for an account; while it has this refresh token, the next one is not before `again_at`."""

    at: datetime
    refresh_fingerprint: str | None
    again_at: datetime
    failures: int


class BackgroundRefresh:
    """Renews what is due, two at a time, each account at most once a minute and ever more seldom in vain."""

    def __init__(
        self,
        chain: RefreshChain,
        poller: Poller,
        ledger: Ledger,
        clock: Clock,
        draw: Callable[[], float],
    ) -> None:
        """`draw` gives numbers in 0..1."""
        self._chain = chain
        self._poller = poller
        self._ledger = ledger
        self._clock = clock
        self._draw = draw
        self._renewals: SingleFlight[None] = SingleFlight()
        self._tried: dict[AccountKey, _Tried] = {}
        self._leads: dict[str, timedelta] = {}

    async def run(self) -> None:
        """Look and renew for ever; ends only by cancellation. A token being spent goes on by itself."""
        try:
            while True:
                await self._clock.sleep(LOOK_SECONDS)
                # paused, nothing is asked of anybody unasked
                if not self._poller.paused:
                    self._look()
        finally:
            await self._renewals.cancel()

    def _look(self) -> None:
        now = self._clock.now()
        self._forget()
        due = [account for account in self._ledger.state.accounts.values() if self._is_due(account, now)]
        # those that end first go first; more than are in flight would only stand before a person's own wish
        due.sort(key=_end)
        for account in due[: max(0, IN_FLIGHT - len(self._renewals))]:
            self._renewals.start(account.key, partial(self._renew, account.key))

    def _is_due(self, account: AccountState, now: datetime) -> bool:
        if account.key in self._renewals or not may_renew(account):
            return False
        token = account.acting.token
        tried = self._tried.get(account.key)
        if tried is not None and tried.at > now:
            tried = None  # the clock was set back since
        if tried is not None and _is_within(tried.at, ATTEMPT_SPACING, now):
            return False
        same = tried is not None and tried.refresh_fingerprint == token.refresh_fingerprint
        if tried is not None and same and now < tried.again_at:
            return False
        last = self._chain.attempted_at(account.key)
        if last is not None and _is_within(last, ATTEMPT_SPACING, now):
            return False
        served = now + self._ledger.state.clock_offset
        if not token_is_live(account.acting, account.rejected, served):
            return True
        return token.expires_at is not None and token.expires_at - served < self._lead(token.fingerprint)

    def _lead(self, fingerprint: str | None) -> timedelta:
        """Drawn once for each token, so that a pool that signed in together is not renewed together."""
        drawn = LEAD * (1 - JITTER_SHARE * self._draw())
        return self._leads.setdefault(fingerprint or "", drawn)

    async def _renew(self, key: AccountKey) -> None:
        account = self._ledger.state.accounts.get(key)
        if account is None:
            return
        mark = account.acting.token.refresh_fingerprint
        progress = await self._chain.renew(key, LEAD)
        now, tried = self._clock.now(), self._tried.get(key)
        if not _failed(progress):
            self._tried[key] = _Tried(now, None, now, 0)
            return
        failures = 1 + (tried.failures if tried is not None and tried.refresh_fingerprint == mark else 0)
        again_at = now + max(ATTEMPT_SPACING, backoff(ATTEMPT_SPACING, failures, self._draw()))
        told = progress.token.retry_at if progress.token is not None else None
        self._tried[key] = _Tried(now, mark, max(again_at, told) if told is not None else again_at, failures)

    def _forget(self) -> None:
        """Drop what is remembered of accounts and tokens that are gone."""
        accounts = self._ledger.state.accounts
        self._tried = {key: tried for key, tried in self._tried.items() if key in accounts}
        held = {each.token.fingerprint or "" for account in accounts.values() for each in account.listings}
        self._leads = {mark: lead for mark, lead in self._leads.items() if mark in held}


def may_renew(account: AccountState) -> bool:
    """Whether this login is poolwatch's to renew unasked: not when it is dead, doubtful or in two files."""
    if not account.listings:
        return False
    listing, trouble = account.acting, account.login_trouble
    if listing.custody is not Custody.POOLWATCH or listing.disabled:
        return False
    if trouble is not None and trouble.kind in (FailureKind.CONFLICT, FailureKind.AMBIGUOUS):
        return False
    return will_renew(account, listing)


def _failed(progress: RefreshProgress) -> bool:
    """Whether no new token came of it; one that was not due after all is no failure."""
    if progress.token is None:
        return True
    return progress.token.outcome not in (
        TokenOutcome.REFRESHED,
        TokenOutcome.ADOPTED,
        TokenOutcome.CURRENT,
    )


def _is_within(at: datetime, span: timedelta, now: datetime) -> bool:
    """Whether an instant lies this shortly back; one in the future was noted before the clock was set."""
    return timedelta(0) <= now - at < span


def _end(account: AccountState) -> float:
    expires_at = account.acting.token.expires_at
    return expires_at.timestamp() if expires_at is not None else 0.0


#: Refreshes one account to its end; True: its usage alone.
Refresh = Callable[[AccountKey, bool], Awaitable[RefreshProgress]]


class BulkRefresh:
    """At most one refresh of many at a time: spread out, stoppable, told as it goes.

    The token step runs only where a token is due.
    """

    def __init__(self, refresh: Refresh, ledger: Ledger, clock: Clock) -> None:
        """`refresh` refreshes one of them, wherever that is done."""
        self._refresh = refresh
        self._ledger = ledger
        self._clock = clock
        self._task: asyncio.Task[dict[AccountKey, RefreshProgress]] | None = None
        self._stopping = False

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._task is not None and not self._task.done()

    def start(self, keys: Collection[AccountKey], *, usage_only: bool = False) -> bool:
        """Begin; False while another one is under way."""
        if self.running:
            return False
        self._stopping = False
        self._task = asyncio.create_task(self.run(keys, usage_only=usage_only))
        return True

    def stop(self) -> None:
        """Start no further account."""
        self._stopping = True

    async def run(
        self, keys: Collection[AccountKey], *, usage_only: bool = False
    ) -> dict[AccountKey, RefreshProgress]:
        """Refresh all of them, in order, and return how each ended."""
        ended: dict[AccountKey, RefreshProgress] = {}
        slots = asyncio.Semaphore(IN_FLIGHT)
        tell = partial(self._tell, ended, len(keys), usage_only=usage_only)

        async def one(key: AccountKey) -> None:
            async with slots:
                if self._stopping:
                    return
                ended[key] = await self._refresh(key, usage_only)
                tell(done=False)

        async with asyncio.TaskGroup() as group:
            for index, key in enumerate(keys):
                if index >= IN_FLIGHT:
                    await self._clock.sleep(START_GAP_SECONDS)
                if self._stopping:
                    break
                group.create_task(one(key))
                tell(done=False)
        tell(done=True)
        return ended

    async def close(self) -> None:
        """Stop and wait for what runs to be let go."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _tell(
        self, ended: dict[AccountKey, RefreshProgress], total: int, *, done: bool, usage_only: bool
    ) -> None:
        failed = sum(progress.failed for progress in ended.values())
        changed = sum(bool(progress.changes) for progress in ended.values())
        had_turn = frozenset(ended) if done else frozenset()
        bulk = BulkProgress(len(ended), total, failed, done, changed, had_turn, usage_only)
        self._ledger.tell(bulk=bulk)


class Sweep:
    """One pass over accounts whose reading is old: never faster than the floor that all processes share."""

    def __init__(self, poller: Poller, ledger: Ledger, store: Store, clock: Clock, concurrency: int) -> None:
        self._poller = poller
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._concurrency = concurrency
        #: the accounts that were asked
        self.asked: set[AccountKey] = set()

    def is_due(self, account: AccountState, older_than: timedelta) -> bool:
        """Whether its last try is that long ago, and no wait was asked for; with zero, everybody is."""
        if older_than <= timedelta(0):
            return True
        trouble, now = account.reading_trouble, self._clock.now()
        waits = trouble is not None and trouble.retry_at is not None and trouble.retry_at > now
        return not waits and is_older(account.tried_at, older_than, now)

    async def run(self, keys: Collection[AccountKey], older_than: timedelta) -> None:
        """Read these accounts where the last try is at least `older_than` ago; zero reads them all."""
        waiting = iter(tuple(keys))

        async def work() -> None:
            for key in waiting:
                await self._one(key, older_than)

        # a task for each account would have them all begin before the first is asked
        await asyncio.gather(*(work() for _ in range(min(self._concurrency, len(keys)))))

    async def _one(self, key: AccountKey, older_than: timedelta) -> None:
        account = self._ledger.state.accounts.get(key)
        if account is None or not is_polled(account) or self._poller.live_listing(account) is None:
            return
        now = self._clock.now()
        if older_than <= timedelta(0):
            # told before anything is sent; the disk writes it while the service answers
            self._store.note_poll(key.id, now)
            await self._read(key)
            return
        if not self.is_due(account, older_than):
            return
        if not await self._store.claim_poll(key.id, now, older_than):
            self._ledger.take(Recalled(await self._store.load_some((key.id,))))
            kept = self._ledger.state.accounts.get(key)
            if kept is None or kept.tried_at is not None:
                return
            # whoever noted that poll was killed before it kept an answer: there is nothing to wait for
            self._store.note_poll(key.id, now)
        await self._read(key)

    async def _read(self, key: AccountKey) -> None:
        self.asked.add(key)
        await self._poller.read(key)
