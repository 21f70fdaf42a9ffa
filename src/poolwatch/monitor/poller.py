"""The one long-lived poll loop: polls what is due, and never more at once than allowed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey, Listing, SourceRef
from poolwatch.domain.events import ReadingArrived, Recalled
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.schedule import POLL_FLOOR
from poolwatch.domain.state import AccountState
from poolwatch.host.single_flight import SingleFlight
from poolwatch.monitor.entries import ANOTHER_MAY_KNOW, QuietEntries, as_known, live_entries
from poolwatch.monitor.ledger import Clock, Ledger
from poolwatch.monitor.lister import Lister
from poolwatch.monitor.own_errors import internal_error
from poolwatch.monitor.schedule import PollSchedule
from poolwatch.sources.source import Source, UsageReading
from poolwatch.store.store import Store

#: The loop wakes at least this often, to notice that the machine slept.
_LONGEST_NAP: Final = 5.0
#: The floor between automatic polls of one account by all processes together, as a share of the interval.
_FLOOR_SHARE: Final = 0.85


class Pace(Struct, frozen=True):
    """How often and how many at once."""

    interval: timedelta
    concurrency: int


class Poller:
    """Polls accounts through their sources. It owns no state: readings go to the ledger."""

    def __init__(
        self, ledger: Ledger, store: Store, pace: Pace, clock: Clock, draw: Callable[[], float]
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._pace = pace
        self._clock = clock
        self.lister = Lister(ledger, pace.interval, clock, draw, self._on_listed)
        self.schedule = PollSchedule(pace.interval, draw)
        self._quiet = QuietEntries(pace.interval, draw)
        self._visible: frozenset[AccountKey] = frozenset()
        self._polls: SingleFlight[None] = SingleFlight()
        #: the sources that are being polled
        self._busy: Counter[str] = Counter()
        self._nudged = asyncio.Event()
        self._raw: dict[AccountKey, str] = {}
        #: accounts without a live token when last looked at
        self._lifeless: set[AccountKey] = set()
        #: accounts whose login came back to life: their next poll need not wait for the usual floor
        self._revived: set[AccountKey] = set()
        #: whether automatic polls are stopped
        self.paused = False

    def set_visible(self, keys: Collection[AccountKey]) -> None:
        """These accounts are on screen and go first."""
        self._visible = frozenset(keys)

    def set_paused(self, paused: bool) -> None:
        """Stop or resume automatic polls; what a person asks for still runs."""
        if self.paused and not paused:
            self.schedule.catch_up(self._clock.now(), self._visible)
        self.paused = paused
        self._nudged.set()

    def raw(self, key: AccountKey) -> str | None:
        """The last payload of the account in this run, redacted."""
        return self._raw.get(key)

    async def run(self) -> None:
        """List and poll for ever; ends only by cancellation."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.lister.run())
                group.create_task(self._poll())
        finally:
            await self._polls.cancel()

    async def relist(self, source_name: str) -> None:
        """Look again at one source, after something was done to its logins; one that hangs is left behind."""
        source = self.lister.sources.get(source_name)
        if source is not None:
            await self.lister.list_soon(source)

    async def read(
        self, key: AccountKey, *, renewed: bool = False, by_hand: bool = False
    ) -> UsageReading | None:
        """Fetch one account's usage now and take it in; None when no live entry is at hand.

        Where the entry that can tell most brings nothing, the next one is asked. `renewed`: the acting
        entry's token is new, and goes first; `by_hand`: entries that kept silent lately are asked again.
        """
        account = self._ledger.state.accounts.get(key)
        entries = self._live_entries(account, acting_first=renewed) if account is not None else []
        if not by_hand:
            entries = self._quiet.last(entries, self._clock.now())
        failed: list[tuple[Listing, UsageReading, Failure]] = []
        for entry in entries:
            source = self.lister.sources[entry.ref.source]
            reading = await self._fetch(source, as_known(entry, key))
            if reading.raw is not None:
                self._raw[key] = reading.raw
            failure = reading.outcome if isinstance(reading.outcome, Failure) else None
            if failure is None:
                self._take_reading(key, entry, reading, failed)
                return reading
            failed.append((entry, reading, failure))
            if failure.kind is FailureKind.NO_TOKEN:
                await self.lister.list_unheard(source)
            if failure.kind not in ANOTHER_MAY_KNOW:
                break
        return self._take_failures(key, failed)

    def _take_reading(
        self,
        key: AccountKey,
        entry: Listing,
        reading: UsageReading,
        failed: Sequence[tuple[Listing, UsageReading, Failure]],
    ) -> None:
        now = self._clock.now()
        for other, refusal, failure in failed:
            self._quiet.note(other.ref, failure, now)
            if failure.kind is FailureKind.UNAUTHORIZED:
                self._take(key, other, refusal)
        self._quiet.over(entry.ref)
        despite = tuple((other.ref, failure) for other, _, failure in failed)
        self._take(key, entry, reading, despite)

    def _take_failures(
        self, key: AccountKey, failed: Sequence[tuple[Listing, UsageReading, Failure]]
    ) -> UsageReading | None:
        """A token that is refused is refused; of the other failures, the one of the best entry counts."""
        told = [each for each in failed if each[2].kind is not FailureKind.NO_TOKEN]
        refused = [each for each in told if each[2].kind is FailureKind.UNAUTHORIZED]
        others = [each for each in told if each[2].kind is not FailureKind.UNAUTHORIZED]
        for entry, reading, _ in (*refused, *others[:1]):
            self._take(key, entry, reading)
        return next((reading for _, reading, _ in (*others, *refused, *failed)), None)

    def _take(
        self,
        key: AccountKey,
        entry: Listing,
        reading: UsageReading,
        despite: tuple[tuple[SourceRef, Failure], ...] = (),
    ) -> None:
        now = self._clock.now()
        self._ledger.take(
            ReadingArrived(
                key,
                entry.ref.source,
                now if reading.at is None else min(reading.at, now),
                reading.outcome,
                reading.token_fingerprint,
                clock_offset=reading.clock_offset,
                asked_at=now,
                despite=despite,
            )
        )
        account = self._ledger.state.accounts.get(key)
        if account is not None:
            self.schedule.plan(account, now, self._ledger.state.clock_offset)
            if self.live_listing(account) is None:
                self._lifeless.add(key)
            else:
                self._lifeless.discard(key)

    def live_listing(self, account: AccountState) -> Listing | None:
        """The entry that is asked first; None when none can be asked."""
        return next(iter(self._live_entries(account)), None)

    def _live_entries(self, account: AccountState, *, acting_first: bool = False) -> list[Listing]:
        now = self._clock.now() + self._ledger.state.clock_offset
        return live_entries(account, self.lister.sources, self._answers, now, acting_first=acting_first)

    def _answers(self, source_name: str) -> bool:
        source = self._ledger.state.sources.get(source_name)
        return source is None or source.failure is None

    async def _fetch(self, source: Source, listing: Listing) -> UsageReading:
        offset = self._ledger.state.clock_offset
        try:
            return await source.fetch_usage(listing, self._clock.now(), offset)
        except Exception as error:  # noqa: BLE001 - an error with one account must not end the polls of all
            return UsageReading(internal_error(error))

    def _on_listed(self) -> None:
        state, now = self._ledger.state, self._clock.now()
        self.schedule.follow(state, now, self._visible)
        for gone in self._raw.keys() - state.accounts.keys():
            del self._raw[gone]
        self._lifeless &= state.accounts.keys()
        self._revived &= state.accounts.keys()
        revived = [state.accounts[key] for key in self._lifeless]
        revived = [account for account in revived if self.live_listing(account) is not None]
        keys = {account.key for account in revived}
        self._lifeless -= keys
        self._revived |= keys
        self.schedule.hasten(revived, now, self._visible)
        self._nudged.set()

    async def _poll(self) -> None:
        while True:
            self._nudged.clear()
            now = self._clock.now()
            self.schedule.wake(self._ledger.state, now, self._visible)
            full = self.paused or self._start_due(now)
            await self._nap(now, until_nudged=full)

    def _start_due(self, now: datetime) -> bool:
        """Start what is due; True when something due has to wait until a poll ends.

        One source never takes the last slot from the others: it may be hung.
        """
        limit = self._pace.concurrency
        share = limit if len(self.lister.sources) == 1 else max(1, limit - 1)
        waits = False
        # one more than there are: an account that went without a word must not stay due for ever
        for key in self.schedule.take_due(now, self._visible, len(self._ledger.state.accounts) + 1):
            if len(self._polls) >= limit:
                return True
            account = self._ledger.state.accounts.get(key)
            listing = self.live_listing(account) if account is not None else None
            if listing is None or key in self._polls:
                self.schedule.hold(key, now + self._pace.interval)
                if listing is None:
                    self._lifeless.add(key)
            elif self._busy[listing.ref.source] >= share:
                waits = True
            else:
                self.schedule.hold(key, now + self._pace.interval)
                self._busy[listing.ref.source] += 1
                poll = self._polls.start(key, partial(self._poll_one, key))
                poll.add_done_callback(partial(self._ended, listing.ref.source))
        return waits

    def _ended(self, source: str, task: asyncio.Task[None]) -> None:
        self._busy[source] -= 1
        self._nudged.set()

    async def _poll_one(self, key: AccountKey) -> None:
        account = self._ledger.state.accounts.get(key)
        if account is None:
            return
        now = self._clock.now()
        floor = self._floor(account, now)
        if await self._store.claim_poll(key.id, now, floor):
            self._revived.discard(key)
            await self.read(key)
        else:
            await self._adopt(key, now)

    async def _adopt(self, key: AccountKey, now: datetime) -> None:
        """Another process polled this account just now: take its reading from the store.

        Where none is there, that process was killed before it kept one, and the account is asked anew.
        """
        stored = await self._store.load_some((key.id,))
        if stored:
            self._ledger.take(Recalled(stored))
        account = self._ledger.state.accounts.get(key)
        if account is not None and account.tried_at is None:
            self._store.note_poll(key.id, now)
            await self.read(key)
        elif account is not None:
            self.schedule.plan(account, now, self._ledger.state.clock_offset)
            due = self.schedule.due_at(key)
            if due is None or due <= now:
                self.schedule.hold(key, now + self._pace.interval)

    def _floor(self, account: AccountState, now: datetime) -> timedelta:
        """Nobody polled for most of an interval; or, once a window reset, nobody since that reset."""
        floor = self._pace.interval * _FLOOR_SHARE
        if account.key in self._revived:
            return min(floor, POLL_FLOOR)
        offset = self._ledger.state.clock_offset
        resets = [
            window.resets_at - offset
            for window in account.usage.windows
            if window.resets_at is not None and account.tried_at is not None
            if account.tried_at < window.resets_at - offset <= now
        ]
        return min(floor, now - max(resets)) if resets else floor

    async def _nap(self, now: datetime, *, until_nudged: bool) -> None:
        due = None if until_nudged else self.schedule.next_due()
        nap = _LONGEST_NAP if due is None else min(max((due - now).total_seconds(), 0.0), _LONGEST_NAP)
        sleeper = asyncio.ensure_future(self._clock.sleep(nap))
        nudge = asyncio.ensure_future(self._nudged.wait())
        try:
            await asyncio.wait({sleeper, nudge}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            nudge.cancel()
