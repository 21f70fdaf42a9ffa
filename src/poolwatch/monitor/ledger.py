"""The one writer of pool state: events go in, a new state comes out, everybody is told, and it is saved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Final, Protocol

from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import (
    BalanceRead,
    BalancesTold,
    BulkProgress,
    KeptTold,
    LimitsTold,
    Listed,
    LookedAhead,
    PoolChanged,
    PoolEvent,
    ReadingArrived,
    Recalled,
    RefreshMoved,
    SourceFailed,
)
from poolwatch.domain.message import Message
from poolwatch.domain.pool import apply
from poolwatch.domain.series import Gap, HistoryRow, gap_between, history_rows
from poolwatch.domain.state import AccountState, PoolFacts, PoolState
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import is_undated, replace
from poolwatch.monitor.recorder import Recorded, Recorder, read_instant
from poolwatch.store.store import Store

#: At most ten bursts a second.
GAP_SECONDS: Final = 0.1
SAVE_SECONDS: Final = 1.0
#: What could not be saved is tried again after this long.
AGAIN_SECONDS: Final = 10.0
#: So many history rows wait for a disk that takes nothing; the oldest go first.
_MOST_ROWS: Final = 10_000
#: When a reading is stale, unless the settings say otherwise.
STALE_AFTER: Final = timedelta(minutes=15)
_TREMBLE: Final = timedelta(seconds=1)

#: Told after each reading: the account before and after it.
ReadingListener = Callable[[AccountState, AccountState], None]


class Clock(Protocol):
    """The wall clock, and waiting by it."""

    def now(self) -> datetime:
        """This instant, aware UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a machine that sleeps meanwhile may make it longer."""
        ...


class Ledger:
    """Holds the state; `take` is the only way to change it. `sleep` keeps bursts of changes apart."""

    def __init__(self, state: PoolState, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        #: the state of this moment; `take` alone changes it
        self.state = state
        self._broadcast = Broadcast(self._describe, sleep)
        self._reading_listeners: list[ReadingListener] = []
        self._event_listeners: list[Callable[[], None]] = []
        self.unsaved: set[AccountKey] = set()
        self.gone: set[AccountKey] = set()
        self.bulk: BulkProgress | None = None
        self.notices: tuple[Message, ...] = ()

    def on_reading(self, listener: ReadingListener) -> None:
        """Call `listener` after each successful reading."""
        self._reading_listeners.append(listener)

    def on_event(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each event."""
        self._event_listeners.append(listener)

    def take(self, event: PoolEvent) -> None:
        """Apply one event and tell everybody which accounts it touched."""
        before = self.state
        self.state = apply(before, event)
        match event:
            case ReadingArrived() | RefreshMoved():
                self._account_moved(before, event)
            case Listed() | SourceFailed() | Recalled() | KeptTold():
                self.gone |= before.accounts.keys() - self.state.accounts.keys()
                self.gone -= self.state.accounts.keys()
                if isinstance(event, Listed):
                    self.unsaved |= {
                        key
                        for key, after in self.state.accounts.items()
                        if _differs(before.accounts.get(key), after)
                    }
                self._broadcast.touch(None)
            case LimitsTold() | BalanceRead() | BalancesTold():
                self._broadcast.touch([])
            case LookedAhead():
                self._broadcast.touch(None if event.pool is not None else event.accounts.keys())
        for listener in self._event_listeners:
            listener()

    def _account_moved(self, before: PoolState, event: ReadingArrived | RefreshMoved) -> None:
        after = self.state.accounts.get(event.key)
        if after is None:
            return
        self.unsaved.add(event.key)
        if isinstance(event, ReadingArrived) and isinstance(event.outcome, UsageSnapshot):
            for listener in self._reading_listeners:
                listener(before.accounts[event.key], after)
        self._broadcast.touch([event.key])

    def settle(self) -> None:
        """Every source has answered once: from now on an empty pool is really empty."""
        if not self.state.settled:
            self.state = replace(self.state, settled=True)
            self._broadcast.touch(None)

    def tell(self, *, bulk: BulkProgress | None = None, notices: tuple[Message, ...] | None = None) -> None:
        """Tell how a refresh of many goes, or change the lines about the whole pool."""
        if bulk is not None:
            self.bulk = bulk
        if notices is not None and notices != self.notices:
            self.notices = notices
            self._broadcast.touch(None)
        elif bulk is not None:
            self._broadcast.touch([])

    def wake(self) -> None:
        """Have every listener look again, although nothing changed."""
        self._broadcast.touch([])

    def changes(self) -> AsyncIterator[PoolChanged]:
        """Bursts of changes for one listener."""
        return self._broadcast.changes()

    def _describe(self, keys: frozenset[AccountKey] | None) -> PoolChanged:
        return PoolChanged(self.state, keys, self.bulk, self.notices)


def _differs(before: AccountState | None, after: AccountState) -> bool:
    """Whether listing a source changed what is kept of an account."""
    if before is None:
        return True
    if before is after:
        return False
    was = (before.listings, before.name, before.rejected, before.dead_login, before.login_trouble)
    return was != (after.listings, after.name, after.rejected, after.dead_login, after.login_trouble)


class Broadcast:
    """Collects touched accounts; each listener takes what came since it last looked.

    `describe` must have no effect: every listener asks it on its own.
    """

    def __init__(
        self,
        describe: Callable[[frozenset[AccountKey] | None], PoolChanged],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._describe = describe
        self._sleep = sleep
        self._listeners: list[_Listener] = []

    def touch(self, keys: Collection[AccountKey] | None) -> None:
        """Something about these accounts changed; None: about the pool as a whole."""
        for listener in self._listeners:
            listener.touch(keys)

    async def changes(self) -> AsyncIterator[PoolChanged]:
        """Bursts, the first of them at once and about everything. The end of a bulk is told once."""
        listener = _Listener()
        told_end = self._describe(None).bulk
        listener.touch(None)
        self._listeners.append(listener)
        try:
            while True:
                await listener.event.wait()
                changed = self._describe(listener.take())
                if changed.bulk is not None and changed.bulk.done:
                    changed, told_end = _told_once(changed, told_end), changed.bulk
                yield changed
                await self._sleep(GAP_SECONDS)
        finally:
            self._listeners.remove(listener)


def _told_once(changed: PoolChanged, told_end: BulkProgress | None) -> PoolChanged:
    return replace(changed, bulk=None) if changed.bulk is told_end else changed


class _Listener:
    def __init__(self) -> None:
        self.event = asyncio.Event()
        self._keys: set[AccountKey] = set()
        self._whole = False

    def touch(self, keys: Collection[AccountKey] | None) -> None:
        if keys is None:
            self._whole = True
        else:
            self._keys.update(keys)
        self.event.set()

    def take(self) -> frozenset[AccountKey] | None:
        self.event.clear()
        keys = None if self._whole else frozenset(self._keys)
        self._keys.clear()
        self._whole = False
        return keys


class Saver:
    """Saves in small batches what the ledger marks as unsaved, with a row for each figure that moved."""

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        clock: Clock,
        pool_name: str | None = None,
        stale_after: timedelta = STALE_AFTER,
        recorder: Recorder | None = None,
    ) -> None:
        """A reading that comes later than `stale_after` after the former one ends a gap.

        What `recorder` makes of the readings is saved along with them.
        """
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._pool_name = pool_name
        self._writing = asyncio.Lock()
        #: history rows for figures that moved
        self._rows: list[HistoryRow] = []
        #: times without readings, by account id
        self._gaps: list[tuple[str, Gap]] = []
        self._stale_after = stale_after
        self._recorder = recorder
        #: what it made that could not be saved yet
        self._recorded = Recorded()
        self._kept = ledger.state
        self._touched = asyncio.Event()
        ledger.on_reading(self._on_reading)
        if recorder is not None:
            ledger.on_reading(recorder.on_reading)
        ledger.on_event(self._touched.set)

    async def run(
        self, every_seconds: float = SAVE_SECONDS, tried: Callable[[], None] = lambda: None
    ) -> None:
        """Save for ever, about that often when there is something; ends by cancellation.

        `tried` is called after each time, whether or not all could be saved.
        """
        while True:
            await self._touched.wait()
            await self._clock.sleep(every_seconds)
            self._touched.clear()
            if self._is_behind():
                is_kept = await self.flush()
                tried()
                if not is_kept:
                    await self._clock.sleep(AGAIN_SECONDS)
                    self._touched.set()

    def _is_behind(self) -> bool:
        ledger = self._ledger
        return bool(ledger.unsaved or ledger.gone or self._rows or self._gaps) or _facts_differ(
            self._kept, ledger.state
        )

    async def flush(self, *, last: bool = False) -> bool:
        """Save everything unsaved now, and whether that was kept; what was not stays unsaved.

        Cancelling the wait does not end the saving. `last`: nothing comes after it.
        """
        return await asyncio.shield(asyncio.create_task(self._save(last=last)))

    async def _save(self, *, last: bool) -> bool:
        async with self._writing:
            return await self._save_unsaved(last=last)

    async def _save_unsaved(self, *, last: bool) -> bool:
        ledger, now = self._ledger, self._clock.now()
        rows, self._rows = self._rows, []
        gaps, self._gaps = self._gaps, []
        state = ledger.state
        unsaved = [state.accounts[key] for key in ledger.unsaved if key in state.accounts]
        gone = tuple(ledger.gone)
        ledger.unsaved.clear()
        ledger.gone.clear()
        # taken along with the rows of the same readings
        recorded = await self._take_recorded(state, now, last=last)
        is_kept = True
        if (unsaved or rows or gone or gaps or recorded.events) and not await self._store.save(
            unsaved,
            now,
            rows,
            [key.id for key in gone],
            cycles=recorded.cycles,
            events=recorded.events,
            gaps=gaps,
        ):
            is_kept = False
            self._recorded = recorded
            self._gaps = [*gaps, *self._gaps][-_MOST_ROWS:]
            self._rows = [*rows, *self._rows][-_MOST_ROWS:]
            ledger.unsaved |= {account.key for account in unsaved}
            ledger.gone |= {key for key in gone if key not in ledger.state.accounts}
        if _facts_differ(self._kept, state):
            sources = tuple(state.sources.values())
            facts = PoolFacts(self._pool_name, state.clock_offset, sources, state.rates)
            if await self._store.put_facts(facts):
                self._kept = state
            else:
                is_kept = False
        return is_kept

    async def _take_recorded(self, state: PoolState, now: datetime, *, last: bool) -> Recorded:
        """What could not be saved before, and what came since."""
        waiting, self._recorded = self._recorded, Recorded()
        if self._recorder is None:
            return waiting
        try:
            new = await self._recorder.take(state, now, last=last)
        except Exception as error:  # noqa: BLE001 - an error in what follows from readings must not lose them
            self._recorder.note(error)
            return waiting
        return Recorded(
            (*waiting.cycles, *new.cycles)[-_MOST_ROWS:], (*waiting.events, *new.events)[-_MOST_ROWS:]
        )

    def _on_reading(self, before: AccountState, after: AccountState) -> None:
        at = read_instant(after)
        if at is not None:
            self._rows += history_rows(before.usage, after.usage, after.key.id, at)
            if before.read_at is not None and not is_undated(before.read_at):
                gap = gap_between(before.read_at, at, self._stale_after)
                self._gaps += () if gap is None else ((after.key.id, gap),)


def _facts_differ(kept: PoolState, state: PoolState) -> bool:
    """Whether what is remembered beside the accounts has changed; clocks always tremble a little."""
    if state.sources is not kept.sources or state.rates != kept.rates:
        return True
    return abs(state.clock_offset - kept.clock_offset) > _TREMBLE
