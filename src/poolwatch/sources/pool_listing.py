"""What all pools have in common as sources: a list of accounts, asked for once at a time."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from msgspec import Struct

from poolwatch.domain.account import Listing
from poolwatch.domain.failure import Failure
from poolwatch.sources.json_body import MOST_ROWS, JsonValue
from poolwatch.sources.pool_door import Door
from poolwatch.sources.pool_flight import Flights
from poolwatch.sources.pool_key import key_stamps, key_warnings
from poolwatch.sources.setup import SourceSetup
from poolwatch.sources.slices import in_slices
from poolwatch.sources.source import Telling

L = TypeVar("L")

#: One list answers for all accounts that are asked for within this time after it came.
LIST_LIFE: Final = timedelta(seconds=2)


def rows_left_out(body: JsonValue, member: str = "accounts") -> str | None:
    """That a list was too long to be read whole, in words for people."""
    rows = body.get(member) if isinstance(body, dict) else None
    if not isinstance(rows, list) or len(rows) <= MOST_ROWS:
        return None
    return f"its list has more than {MOST_ROWS:,} accounts: the others are not shown"


class _Told(Struct, Generic[L]):
    """What came of asking for the list, between these instants of our own clock."""

    asked_at: datetime
    came_at: datetime
    found: L | Failure
    #: its entries, once they were wanted
    listings: tuple[Listing, ...] | None = None
    #: whether it was asked for because something else failed
    since_failure: bool = False


class ListingPool(ABC, Generic[L]):
    """A pool whose list comes as an `L`; callers that want it at the same time share one answer."""

    #: how much it can tell
    telling: Telling

    def __init__(self, setup: SourceSetup) -> None:
        self._settings = setup.settings
        self._home = setup.home
        self._shows_raw = setup.shows_raw
        self._door = Door(setup)
        self._lists: Flights[_Told[L]] = Flights()
        self._told: _Told[L] | None = None
        #: that its list was too long to be read whole, in words
        self.left_out: str | None = None

    @property
    def name(self) -> str:
        """The source's name."""
        return self._settings.name

    async def list_accounts(self, at: datetime) -> tuple[Listing, ...] | Failure:
        """One entry per account of the pool, or why the pool cannot say."""
        return await self._entries(await self._ask_for_list(at))

    async def list_lately(self, at: datetime) -> tuple[Listing, ...] | Failure:
        """The same, of the list that came a moment ago if there is one: it is then the very same value."""
        return await self._entries(self._recent(at) or await self._ask_for_list(at))

    async def signature(self) -> Hashable:
        """Differs once a key file was replaced; the pool itself is not asked."""
        return await asyncio.to_thread(key_stamps, self._settings, self._home)

    @abstractmethod
    async def _list_now(self, at: datetime) -> L | Failure:
        """Ask the pool for its list."""

    @abstractmethod
    def _listings(self, found: L) -> tuple[Listing, ...]:
        """The entries of a list. It runs beside the event loop."""

    async def _list(self, at: datetime) -> L | Failure:
        return (await self._ask_for_list(at)).found

    async def _lately(self, at: datetime) -> L | Failure:
        """The list that came a moment ago, else a new one."""
        told = self._recent(at)
        if told is None or isinstance(told.found, Failure):
            told = await self._ask_for_list(at)
        return told.found

    async def _after_failure(self, at: datetime) -> L | Failure:
        """The list, which tells whether the whole pool fails; for the first failure it is asked for anew."""
        told = self._recent(at)
        if told is None or not told.since_failure:
            told = await self._ask_for_list(at)
            told.since_failure = not isinstance(told.found, Failure)
        return told.found

    def _outdated(self) -> None:
        """Something was done to the pool: what it listed before is old."""
        self._told = None

    def _recent(self, at: datetime) -> _Told[L] | None:
        told = self._told
        return told if told is not None and told.asked_at <= at <= told.came_at + LIST_LIFE else None

    async def _ask_for_list(self, at: datetime) -> _Told[L]:
        return await self._lists.join("list", lambda: self._new_list(at))

    async def _new_list(self, at: datetime) -> _Told[L]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        found = await self._list_now(at)
        self._told = _Told(at, at + timedelta(seconds=loop.time() - started), found)
        return self._told

    async def _entries(self, told: _Told[L]) -> tuple[Listing, ...] | Failure:
        found = told.found
        if isinstance(found, Failure):
            return found
        if told.listings is None:
            told.listings = await in_slices(lambda: self._listings(found))
        return told.listings

    async def _key_warnings(self) -> tuple[str, ...]:
        return await asyncio.to_thread(key_warnings, self._settings, self._home)
