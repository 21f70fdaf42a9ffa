"""What all pools have in common as sources: a list of accounts, asked for once at a time."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Hashable
from datetime import datetime
from typing import Generic, TypeVar

from poolwatch.domain.account import Listing
from poolwatch.domain.failure import Failure
from poolwatch.sources.pool_flight import Flights
from poolwatch.sources.pool_key import key_stamps, key_warnings
from poolwatch.sources.setup import SourceSetup
from poolwatch.sources.source import Telling

L = TypeVar("L")


class ListingPool(ABC, Generic[L]):
    """A pool whose list comes as an `L`; callers that want it at the same time share one answer."""

    #: how much it can tell
    telling: Telling

    def __init__(self, setup: SourceSetup) -> None:
        self._settings = setup.settings
        self._home = setup.home
        self._lists: Flights[L | Failure] = Flights()

    @property
    def name(self) -> str:
        """The source's name."""
        return self._settings.name

    async def list_accounts(self, at: datetime) -> tuple[Listing, ...] | Failure:
        """One entry per account of the pool, or why the pool cannot say."""
        found = await self._list(at)
        return found if isinstance(found, Failure) else self._listings(found)

    async def signature(self) -> Hashable:
        """Differs once a key file was replaced; the pool itself is not asked."""
        return await asyncio.to_thread(key_stamps, self._settings, self._home)

    @abstractmethod
    async def _list_now(self, at: datetime) -> L | Failure:
        """Ask the pool for its list."""

    @abstractmethod
    def _listings(self, found: L) -> tuple[Listing, ...]:
        """The entries of a list."""

    async def _list(self, at: datetime) -> L | Failure:
        return await self._lists.join("list", lambda: self._list_now(at))

    async def _key_warnings(self) -> tuple[str, ...]:
        return await asyncio.to_thread(key_warnings, self._settings, self._home)
