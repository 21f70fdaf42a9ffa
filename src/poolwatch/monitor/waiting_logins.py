"""Logins that wait in the state directory: what refreshes left there is brought home, or told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from poolwatch.custody.recovery import Recovered
from poolwatch.domain.account import AccountKey, Listing
from poolwatch.domain.events import KeptTold, RefreshMoved
from poolwatch.domain.refresh import RefreshProgress
from poolwatch.monitor.custodian import Custodian
from poolwatch.monitor.ledger import Clock, Ledger
from poolwatch.monitor.lister import Lister

#: They are looked for so long after something has changed.
KEPT_SECONDS: Final = 1.0


class WaitingLogins:
    """Tells of them in the ledger; `told` is called when other logins wait than before."""

    def __init__(
        self, ledger: Ledger, custodian: Custodian, lister: Lister, clock: Clock, told: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._custodian = custodian
        self._lister = lister
        self._clock = clock
        self._told = told
        #: an event came since they were looked for
        self._touched = asyncio.Event()

    async def recover(self) -> None:
        """Tell of refreshes that an earlier run left unfinished; the accounts are listed before that."""
        if not await self._custodian.left_anything():
            return  # the poll loop lists by itself, without waiting for the slowest source
        await self._lister.list_all()
        self._tell_of(await self._custodian.recover(self._listings(), self._clock.now()))
        await self.tell()

    async def mind(self) -> None:
        """Name the logins that wait, and bring home what can be, when files may have changed."""
        seen = self._ledger.state.sources
        self._ledger.on_event(self._touched.set)
        while True:
            await self._touched.wait()
            await self._clock.sleep(KEPT_SECONDS)
            self._touched.clear()
            listed = self._ledger.state.sources
            with suppress(RuntimeError):  # no thread is to be had: at the next change
                if listed is not seen:
                    now = self._clock.now()
                    recover = self._custodian.recover
                    self._tell_of(await recover(self._listings(), now, waiting_only=True))
                    seen = listed
            await self.tell()

    async def tell(self) -> None:
        """Say which logins wait in the state directory, on their cards and, without a card, for the pool."""
        try:
            kept = await self._custodian.kept(self._ledger.state.accounts)
        except RuntimeError:
            return  # no thread is to be had: what was told stands
        if kept != self._ledger.state.kept:
            self._ledger.take(KeptTold(kept))
            self._told()

    def _listings(self) -> tuple[Listing, ...]:
        return tuple(entry for account in self._ledger.state.accounts.values() for entry in account.listings)

    def _tell_of(self, found: Iterable[Recovered]) -> None:
        now = self._clock.now()
        for each in found:
            key = self._key_of(each)
            if key is not None:
                self._ledger.take(RefreshMoved(key, RefreshProgress(now, token=each.step), now))
                self._ledger.take(RefreshMoved(key, None, now))

    def _key_of(self, found: Recovered) -> AccountKey | None:
        accounts, place = self._ledger.state.accounts, str(found.file)
        key = AccountKey("codex", found.user_id or "", found.account_id or "")
        if key in accounts:
            return key
        at_place = (
            key
            for key, account in accounts.items()
            if any(listing.ref.place == place for listing in account.listings)
        )
        return next(at_place, None)
