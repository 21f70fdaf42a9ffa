"""What the store keeps of the past, for commands: no source is asked, and nothing is polled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.domain.account import AccountKey, Name
from poolwatch.domain.burn import AccountBurn, Burn
from poolwatch.domain.cycles import Cycle
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.events import Recalled
from poolwatch.domain.outlook import KEPT
from poolwatch.domain.pool import apply
from poolwatch.domain.series import SPEND_BUCKET, FigureName, Finest, Series
from poolwatch.domain.state import AccountState, PoolState, listed_by
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY
from poolwatch.presentation.history_json import FigurePast
from poolwatch.store.opening import FILE_NAME
from poolwatch.store.store import Store

_SHORT: Final = 8
#: More windows of one kind than anybody keeps.
_CYCLES_MOST: Final = 100_000
#: Windows stand from short to long.
_KINDS: Final = ("5h", "daily", WEEKLY, "monthly")


class Kept(Struct, frozen=True):
    """An open store, and everybody of whom it keeps something."""

    store: Store
    around: Surroundings
    #: also those that no source lists any more, and those of other configurations
    state: PoolState
    #: those of this configuration, and those that nobody lists
    own: Mapping[str, AccountState]

    async def events(self, since: datetime, until: datetime) -> tuple[LoggedEvent, ...]:
        """The events of a time, old to new, that befell accounts and sources of this configuration."""
        names = {source.name for source in self.around.sources}
        others = {account.key.id for account in self.state.accounts.values()} - self.own.keys()
        return tuple(
            event
            for event in await self.store.events(since, until)
            if event.account_id not in others
            if event.account_id is not None or event.source is None or event.source in names
        )

    async def pasts(
        self,
        account_ids: Sequence[str],
        chosen: Callable[[FigureName], bool],
        since: datetime,
        until: datetime,
        finest: Finest,
    ) -> list[FigurePast]:
        """The chosen figures of these accounts, with the windows that reach into the time, and their burn."""
        store, now = self.store, RealClock().now()
        cycles = await store.cycles(account_ids, _CYCLES_MOST)
        outlooks, _ = await store.outlooks()
        found = []
        for account_id in account_ids:
            of_account = [each for each in cycles.get(account_id, ()) if _reaches(each, since, until)]
            outlook = outlooks.get(account_id)
            burn = outlook.burn if outlook is not None and now - outlook.made_at <= KEPT else None
            for name in sorted(await store.figures(account_id), key=_order):
                if name.series is Series.PLAN or not chosen(name):
                    continue
                line = await store.timeline(account_id, name, since, until, finest)
                windows = tuple(each for each in of_account if _is_cycle_of(name, each))
                found.append(FigurePast(account_id, name, line, windows, _burn(burn, name)))
        return [past for past in found if past.line.points]


def _reaches(cycle: Cycle, since: datetime, until: datetime) -> bool:
    return cycle.started_at < until and (cycle.ended_at is None or cycle.ended_at > since)


def _is_cycle_of(name: FigureName, cycle: Cycle) -> bool:
    bucket = SPEND_BUCKET if name.series is Series.SPEND else name.bucket
    return name.series in (Series.WINDOW, Series.SPEND) and (bucket, name.window) == (
        cycle.bucket,
        cycle.window,
    )


def _order(name: FigureName) -> tuple[int, bool, str, int, str]:
    kind = _KINDS.index(name.window) if name.window in _KINDS else len(_KINDS)
    return list(Series).index(name.series), name.bucket != BASE_BUCKET, name.bucket, kind, name.window


def _burn(burn: AccountBurn | None, name: FigureName) -> Burn[float] | Burn[Decimal] | None:
    if burn is None:
        return None
    if name == FigureName(Series.WINDOW, BASE_BUCKET, WEEKLY):
        return burn.weekly
    return burn.credits if name.series is Series.CREDITS else None


@asynccontextmanager
async def open_kept(around: Surroundings) -> AsyncIterator[Kept | None]:
    """The store of this run's state directory; None where there is none yet, and none is made."""
    if not (around.state_dir / FILE_NAME).exists():
        yield None
        return
    store = Store(around.state_dir, RealClock().now())
    try:
        stored = await store.load_accounts() or ()
        listed = {account.key.id for account in stored}
        gone = tuple(
            AccountState(each.key, name=Name(each.email or each.account_id[:_SHORT]))
            for each in await store.identities()
            if each.account_id not in listed
        )
        state = apply(PoolState(rules=around.naming), Recalled(stored, whole=True))
        accounts: dict[AccountKey, AccountState] = {**state.accounts, **{each.key: each for each in gone}}
        sources = {source.name for source in around.sources}
        own = {
            account.key.id: account
            for account in accounts.values()
            if not account.listings or listed_by(sources, account) is not None
        }
        yield Kept(store, around, PoolState(accounts, rules=around.naming), own)
    finally:
        await store.aclose()
