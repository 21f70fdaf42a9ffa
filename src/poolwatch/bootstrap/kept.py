"""What the store keeps of the past, for commands: no source is asked, and nothing is polled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.source_settings import CreditSettings
from poolwatch.domain.account import AccountKey, Name
from poolwatch.domain.balances import LOOKED_BACK, BalanceState, balance_id, recalled
from poolwatch.domain.burn import AccountBurn, Burn
from poolwatch.domain.cycles import Cycle
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.events import Recalled
from poolwatch.domain.outlook import is_recent
from poolwatch.domain.overview import PoolOverview, overview
from poolwatch.domain.past import AccountPast, PastAsked, is_window_of
from poolwatch.domain.pool import apply
from poolwatch.domain.series import FigureName, Finest, Series
from poolwatch.domain.state import AccountState, PoolState, listed_by
from poolwatch.domain.status import judge
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY, Usage
from poolwatch.domain.values import replace
from poolwatch.host.instants import zone_named
from poolwatch.presentation.history import PERIODS, Period, Scene, figures_of, fitting
from poolwatch.presentation.history_json import FigurePast
from poolwatch.store.opening import FILE_NAME
from poolwatch.store.store import Store

if TYPE_CHECKING:
    from poolwatch.presentation.balance_history import BalanceScene

_SHORT: Final = 8
#: More windows of one kind than anybody keeps.
_CYCLES_MOST: Final = 100_000
#: So many that have ended are shown.
_WINDOWS_SHOWN: Final = 60
#: Readings may be dated by a clock that is a little ahead.
AHEAD: Final = timedelta(days=1)
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

    async def overview(self, *, everybody: bool = False) -> PoolOverview:
        """The pool of this configuration, or `everybody`, as it was last read, judged now; for filters."""
        now, facts = RealClock().now(), await self.store.facts()
        outlooks, _ = await self.store.outlooks()
        known = {key.id: each for key, each in self.state.accounts.items()} if everybody else self.own
        accounts = {each.key: replace(each, outlook=outlooks.get(key)) for key, each in known.items()}
        state = replace(self.state, accounts=accounts, clock_offset=facts.clock_offset)
        return overview(state, now, self.around.rules)

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
            burn = outlook.burn if outlook is not None and is_recent(outlook.made_at, now) else None
            for name in sorted(await store.figures(account_id), key=_order):
                if name.series is Series.PLAN or not chosen(name):
                    continue
                line = await store.timeline(account_id, name, since, until, finest)
                windows = tuple(each for each in of_account if is_window_of(name, each))
                found.append(FigurePast(account_id, name, line, windows, _burn(burn, name)))
        return [past for past in found if past.line.points]

    async def balances(self) -> dict[str, BalanceState]:
        """Those of this configuration as they were last read, by name."""
        from poolwatch.config.credit_settings import mark_of, terms_of  # few commands tell of any

        stored = await self.store.balances()
        own = [each for each in self.around.sources if isinstance(each, CreditSettings)]
        states = (BalanceState(each.name, terms_of(each), asked=mark_of(each)) for each in own)
        return recalled(states, stored)

    async def balance_pasts(
        self, names: Sequence[str], since: datetime, until: datetime, finest: Finest
    ) -> list[FigurePast]:
        """How these ran, in each unit that they had."""
        found = []
        for name in names:
            key = balance_id(name)
            for figure in sorted(await self.store.figures(key), key=_order):
                line = await self.store.timeline(key, figure, since, until, finest)
                found.append(FigurePast(key, figure, line, source=name))
        return [past for past in found if past.line.points]

    async def balance_scenes(
        self, names: Sequence[str], since: datetime, until: datetime | None, finest: Finest | None
    ) -> list[BalanceScene]:
        """How each ran as a chart shows it, in the unit of its last reading; `until` None: to this moment."""
        from poolwatch.presentation.balance_history import BalanceScene  # likewise

        now = until or RealClock().now()
        states, period, found = await self.balances(), _period(now - since, finest), []
        begins = since - period.step
        for name in names:
            state = states[name]
            if state.balance is None:
                continue
            first = begins if until is not None else min(begins, now - LOOKED_BACK)
            unit, ends = state.balance.unit, until or now + AHEAD
            line = await self.store.balance_timeline(name, unit, first, ends, period.finest)
            if any(point.last is not None for point in line.points):
                found.append(BalanceScene(state, period, line.points, now, self.around.prefs()))
        return found

    async def scenes(
        self,
        account_ids: Sequence[str],
        chosen: Callable[[FigureName], bool] | None,
        since: datetime,
        until: datetime | None,
        finest: Finest | None,
    ) -> list[Scene]:
        """One figure of each account as a chart shows it: the first that is chosen, else its weekly window.

        `until` None: to this moment, and with what is foretold.
        """
        store = self.store
        offset = (await store.facts()).clock_offset
        outlooks, _ = await store.outlooks()
        now = (until or RealClock().now()) + offset
        prefs = self.around.prefs()
        rules = prefs.rules.in_force(self.state)
        prefs = replace(prefs, rules=rules, clock_offset=offset)
        accounts = {account.key.id: account for account in self.state.accounts.values()}
        found = []
        for account_id in account_ids:
            account, known = accounts[account_id], sorted(await store.figures(account_id), key=_order)
            figure = next((name for name in known if chosen is not None and chosen(name)), None)
            if figure is None and chosen is not None:
                continue
            figure = figure or fitting(None, figures_of(account, known))
            if until is None:
                account = replace(account, outlook=outlooks.get(account_id))
            else:
                # what is known now is not what was known then
                account = replace(account, usage=Usage(), read_at=None)
            period = _period(now - since, finest)
            asked = PastAsked(
                account.key, (figure,), since - period.step, _WINDOWS_SHOWN, since, period.finest
            )
            judged = judge(account, now - offset, rules, offset)
            past = await read_past(store, asked, account, until or now + AHEAD)
            if any(point.last is not None for point in past.line(figure).points):
                found.append(Scene(judged, figure, period, past, now, prefs))
        return found


async def read_past(
    store: Store, asked: PastAsked, account: AccountState | None, until: datetime
) -> AccountPast:
    """What the store keeps of an account, one figure after the other."""
    key = asked.key.id
    lines = {
        name: await store.timeline(key, name, asked.since, until, asked.finest) for name in asked.figures
    }
    cycles = (await store.cycles((key,), asked.cycles)).get(key, ()) if asked.cycles else ()
    since = asked.events_since
    events = await store.events(since, None, None, key) if since is not None else ()
    zone = zone_named(account.name.time_zone if account is not None else None)
    gaps = await store.gaps(key, asked.gaps_since or asked.since, until)
    lived = tuple(each for each in cycles if each.started_at < until)
    return AccountPast(asked, lines, lived, events, gaps, await store.figures(key), zone)


def _period(length: timedelta, finest: Finest | None) -> Period:
    """How a time of that length is told."""
    like = next((each for each in PERIODS if each.length is not None and each.length >= length), PERIODS[-1])
    return Period(like.name, length, like.step, finest or like.finest, like.finest_of_many)


def _reaches(cycle: Cycle, since: datetime, until: datetime) -> bool:
    return cycle.started_at < until and (cycle.ended_at is None or cycle.ended_at > since)


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
