"""The one writer of pool state: events go in, a new state comes out, and everybody is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import (
    BulkProgress,
    KeptTold,
    Listed,
    ListedTogether,
    PoolChanged,
    PoolEvent,
    Read,
    Recalled,
    RefreshMoved,
    SourceFailed,
)
from poolwatch.domain.pool import apply
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.monitor.broadcast import Broadcast

#: Told after each reading: the account before and after it.
ReadingListener = Callable[[AccountState, AccountState], None]


class Ledger:
    """Holds the state; `take` is the only way to change it. `sleep` keeps bursts of changes apart."""

    def __init__(self, state: PoolState, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._state = state
        self._broadcast = Broadcast(self._describe, sleep)
        self._reading_listeners: list[ReadingListener] = []
        self._event_listeners: list[Callable[[], None]] = []
        self.unsaved: set[AccountKey] = set()
        self.gone: set[AccountKey] = set()
        self.bulk: BulkProgress | None = None
        self.notices: tuple[str, ...] = ()

    @property
    def state(self) -> PoolState:
        """The state of this moment."""
        return self._state

    def on_reading(self, listener: ReadingListener) -> None:
        """Call `listener` after each successful reading."""
        self._reading_listeners.append(listener)

    def on_event(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each event."""
        self._event_listeners.append(listener)

    def take(self, event: PoolEvent) -> None:
        """Apply one event and tell everybody which accounts it touched."""
        before = self._state
        self._state = apply(before, event)
        match event:
            case Read() | RefreshMoved():
                self._account_moved(before, event)
            case Listed() | ListedTogether() | SourceFailed() | Recalled() | KeptTold():
                self.gone |= before.accounts.keys() - self._state.accounts.keys()
                self.gone -= self._state.accounts.keys()
                if isinstance(event, Listed | ListedTogether):
                    self.unsaved |= {
                        key
                        for key, after in self._state.accounts.items()
                        if _differs(before.accounts.get(key), after)
                    }
                self._broadcast.touch(None)
        for listener in self._event_listeners:
            listener()

    def _account_moved(self, before: PoolState, event: Read | RefreshMoved) -> None:
        after = self._state.accounts.get(event.key)
        if after is None:
            return
        self.unsaved.add(event.key)
        if isinstance(event, Read) and isinstance(event.outcome, UsageSnapshot):
            for listener in self._reading_listeners:
                listener(before.accounts[event.key], after)
        self._broadcast.touch([event.key])

    def settle(self) -> None:
        """Every source has answered once: from now on an empty pool is really empty."""
        if not self._state.settled:
            self._state = replace(self._state, settled=True)
            self._broadcast.touch(None)

    def tell(self, *, bulk: BulkProgress | None = None, notices: tuple[str, ...] | None = None) -> None:
        """Tell how a refresh of many goes, or change the lines about the whole pool."""
        if bulk is not None:
            self.bulk = bulk
        if notices is not None and notices != self.notices:
            self.notices = notices
            self._broadcast.touch(None)
        elif bulk is not None:
            self._broadcast.touch([])

    def changes(self) -> AsyncIterator[PoolChanged]:
        """Bursts of changes for one listener."""
        return self._broadcast.changes()

    def _describe(self, keys: frozenset[AccountKey] | None) -> PoolChanged:
        return PoolChanged(self._state, keys, self.bulk, self.notices)


def _differs(before: AccountState | None, after: AccountState) -> bool:
    """Whether listing a source changed what is kept of an account."""
    if before is None:
        return True
    if before is after:
        return False
    was = (before.listings, before.name, before.rejected, before.dead_login, before.login_trouble)
    return was != (after.listings, after.name, after.rejected, after.dead_login, after.login_trouble)
