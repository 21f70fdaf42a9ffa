"""The running monitor as the screens want to see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from datetime import datetime, tzinfo
from pathlib import Path

from poolwatch.bootstrap.parts import Running
from poolwatch.bootstrap.places import add_found, found_logins
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.domain.account import AccountKey
from poolwatch.domain.changes import Answer, PoolChanged
from poolwatch.domain.pool import PoolState
from poolwatch.ui.feed import FoundLogins


class LiveFeed:
    """Passes a screen's wishes to the session."""

    def __init__(
        self,
        running: Running,
        around: Surroundings,
        config: Path | None,
        zone: tzinfo,
    ) -> None:
        self._running = running
        self._session = running.session
        self._around = around
        self._config = config
        self._zone = zone
        #: set once a screen listens: what takes time may begin
        self.painted = asyncio.Event()
        self._error: BaseException | None = None

    @property
    def zone(self) -> tzinfo:
        """The machine's zone."""
        return self._zone

    @property
    def state(self) -> PoolState:
        """The state of this moment."""
        return self._session.state

    def now(self) -> datetime:
        """The wall clock."""
        return self._running.clock.now()

    async def changes(self) -> AsyncIterator[PoolChanged]:
        """Bursts of changes; raises what ended the monitor, if anything did."""
        self.painted.set()
        async for change in self._session.changes():
            if self._error is not None:
                raise self._error
            yield change

    def monitor_ended(self, monitor: asyncio.Task[None]) -> None:
        """The monitor's task is over; an error of it reaches whoever listens."""
        if not monitor.cancelled():
            self._error = monitor.exception()
            self._session.add_notice("")

    async def refresh(
        self, key: AccountKey, *, usage_only: bool = False, override: bool = False, try_once: bool = False
    ) -> Answer:
        """Start a refresh."""
        return await self._session.refresh(key, usage_only=usage_only, override=override, try_once=try_once)

    async def refresh_many(self, keys: Collection[AccountKey]) -> Answer:
        """Start a refresh of many."""
        return await self._session.refresh_many(keys)

    def stop_many(self) -> None:
        """Start no further account of a refresh of many."""
        self._session.stop_many()

    def set_visible(self, keys: Collection[AccountKey]) -> None:
        """Accounts on screen are polled first."""
        self._session.poller.set_visible(keys)

    def set_paused(self, paused: bool) -> None:
        """Stop or resume automatic polling."""
        self._session.poller.set_paused(paused)

    def raw(self, key: AccountKey) -> str | None:
        """The last payload, redacted."""
        return self._session.poller.raw(key)

    def found(self) -> tuple[FoundLogins, ...]:
        """What lies around and could be monitored."""
        return found_logins(self._around, self._config)

    async def add(self, place: str) -> str | None:
        """Add a place to the configuration and start monitoring it."""
        added = await asyncio.to_thread(add_found, self._around, self._config, place)
        if isinstance(added, str):
            return added
        self._running.add(added)
        return None
