"""What readings tell beyond themselves: cycles of windows, events, and burn; handed over to be saved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import groupby
from typing import Final, Protocol

from msgspec import Struct

from poolwatch.domain.account import AccountKey
from poolwatch.domain.cycles import Cycle, Observation, Track
from poolwatch.domain.event_log import (
    UPSTREAM_WITHIN,
    LoggedEvent,
    Standing,
    fold_resets,
    is_early_weekly,
    login_event,
    reading_events,
    source_event,
)
from poolwatch.domain.message import Message, message
from poolwatch.domain.replay import Followed, WindowPlace, follow, observations, replay
from poolwatch.domain.series import SPEND_BUCKET, HistoryRow, figures
from poolwatch.domain.state import AccountState, PoolState, SourceState
from poolwatch.domain.status import AccountStatus, derive_status
from poolwatch.domain.usage import BASE_BUCKET, REVIEW_BUCKET, WEEKLY, Credits, Usage
from poolwatch.domain.values import is_undated, replace
from poolwatch.monitor.burn_book import BurnBook, History
from poolwatch.monitor.own_errors import internal_error

#: Readings, or judgements, between which the event loop gets a turn.
_AT_ONCE: Final = 16
_JUDGED_AT_ONCE: Final = 200
#: Rows of history that are read again between two turns.
_ROWS_AT_ONCE: Final = 60
#: So far back an account's history is read again for what was not confirmed yet.
_LATELY: Final = timedelta(hours=6)
#: The same where no cycle of it is known.
_FIRST_LOOK: Final = timedelta(days=14)
#: Logins end by themselves: all are looked at this often.
_JUDGED_EVERY: Final = timedelta(minutes=1)
#: Readings that wait to be looked at, in a process that does not record; the oldest go first.
_MOST_PENDING: Final = 5_000
_BURNING: Final = (BASE_BUCKET, WEEKLY)


class Past(History, Protocol):
    """What is stored of the time before."""

    async def cycles(
        self, account_ids: Collection[str] | None, newest: int
    ) -> Mapping[str, tuple[Cycle, ...]]:
        """The newest cycles of each window by account id."""
        ...

    async def history(self, account_id: str, since: datetime) -> tuple[HistoryRow, ...]:
        """An account's history, in order of time."""
        ...

    async def imports(self) -> int | None:
        """Another number whenever the past was told anew; None where nobody can tell."""
        ...


class Recorded(Struct, frozen=True):
    """What is to be kept beside the readings."""

    cycles: Sequence[Cycle] = ()
    events: Sequence[LoggedEvent] = ()


def read_instant(account: AccountState) -> datetime | None:
    """When its figures were read, as history has it; those that nobody dates, when they were heard of."""
    if account.read_at is None:
        return None
    return (account.tried_at or account.read_at) if is_undated(account.read_at) else account.read_at


class Recorder:
    """Follows the windows of all accounts. `zone` None: days begin where the machine is."""

    def __init__(
        self, past: Past, zone: tzinfo | None = None, interval: timedelta = timedelta(minutes=5)
    ) -> None:
        """`interval` is the time between two polls of an account."""
        self.burn = BurnBook(zone)
        self._past = past
        self._within = max(UPSTREAM_WITHIN, interval * 2)
        self._pending: list[tuple[AccountState, AccountState]] = []
        #: the ids of accounts whose readings are being looked at
        self._following: frozenset[str] = frozenset()
        #: held while readings are followed: what is known of them must not go away meanwhile
        self._taking = asyncio.Lock()
        self._tracks: dict[str, Mapping[WindowPlace, Track]] = {}
        #: the reading up to which an account's windows were followed
        self._followed: dict[str, datetime | None] = {}
        #: early resets of which nobody knows yet whether they are the upstream's
        self._early: tuple[LoggedEvent, ...] = ()
        self._judged: dict[AccountKey, tuple[AccountState, AccountStatus]] = {}
        self._judged_at: datetime | None = None
        self._sources: Mapping[str, SourceState] = {}
        #: the store's number when it was last looked at
        self._imports: int | None = None
        self._event_listeners: list[Callable[[Sequence[LoggedEvent]], None]] = []
        #: what went wrong with the newest readings by an error of our own
        self.trouble: Message | None = None

    def note(self, error: Exception) -> None:
        """An error of our own kept something from following out of readings."""
        self.trouble = message("monitor.not_followed", why=internal_error(error).as_message)

    def on_events(self, listener: Callable[[Sequence[LoggedEvent]], None]) -> None:
        """Call `listener` with the events that were found, as they are handed over to be saved."""
        self._event_listeners.append(listener)

    def tell(self, events: Sequence[LoggedEvent]) -> None:
        """Tell them to all listeners; who found them has them saved."""
        for listener in self._event_listeners if events else ():
            listener(events)

    def running(self, account_id: str) -> Mapping[WindowPlace, Cycle]:
        """The cycles of an account that run, as far as its readings were followed in this run."""
        tracks = self._tracks.get(account_id, {})
        return {place: track.running for place, track in tracks.items() if track.running is not None}

    def unfollowed(self) -> frozenset[str]:
        """The ids of accounts whose newest reading was not looked at yet."""
        return frozenset(after.key.id for _, after in self._pending) | self._following

    def has_tracks(self, account_id: str) -> bool:
        """Whether an account's readings are followed in this run."""
        return account_id in self._tracks

    def on_reading(self, before: AccountState, after: AccountState) -> None:
        """A reading came; it is looked at when things are saved."""
        self._pending.append((before, after))
        del self._pending[:-_MOST_PENDING]

    async def take(self, state: PoolState, now: datetime, *, last: bool = False) -> Recorded:
        """What came since the last time; `last`: nothing follows, and nothing is waited for."""
        async with self._taking:
            return await self._take(state, now, last=last)

    async def _take(self, state: PoolState, now: datetime, *, last: bool) -> Recorded:
        pending, self._pending = self._pending, []
        self._following = frozenset(after.key.id for _, after in pending)
        try:
            return await self._taken(pending, state, now, last=last)
        finally:
            self._following = frozenset()

    async def _taken(
        self,
        pending: Sequence[tuple[AccountState, AccountState]],
        state: PoolState,
        now: datetime,
        *,
        last: bool,
    ) -> Recorded:
        if pending:
            self.trouble = None
        cycles: dict[tuple[str, str, str, datetime], Cycle] = {}
        events: list[LoggedEvent] = []
        if pending:
            await self._heed_imports()
        await self._recall([before for before, _ in pending], cycles, events)
        for number, (before, after) in enumerate(pending):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            try:
                events += self._follow(before, after, cycles)
            except Exception as error:  # noqa: BLE001 - one account's figures cost no other's, nor the reading
                self.note(error)
        events += self._of_sources(state, now)
        events += await self._of_logins(state, now)
        early = [*self._early, *filter(is_early_weekly, events)]
        told, self._early = fold_resets(early, _sources(state), self._within, None if last else now)
        events = [*(event for event in events if not is_early_weekly(event)), *told]
        self.tell(events)
        return Recorded(tuple(cycles.values()), events)

    async def heed_imports(self) -> int | None:
        """Where another process told the past of accounts anew, have what is held of it read again.

        Another number whenever it was; None where nobody can tell.
        """
        async with self._taking:
            await self._heed_imports()
        return self._imports

    async def _heed_imports(self) -> None:
        imports = await self._past.imports()
        if imports is None or imports == self._imports:
            return
        if self._imports is not None:
            self._tracks.clear()
            self._followed.clear()
            self.burn.read_again()
        self._imports = imports

    # -- windows

    async def _recall(
        self,
        accounts: Sequence[AccountState],
        cycles: dict[tuple[str, str, str, datetime], Cycle],
        events: list[LoggedEvent],
    ) -> None:
        """Have the tracks of these accounts up to their former readings, which may be another process's."""
        first = {account.key.id: account for account in reversed(accounts)}
        behind = {
            account_id: account
            for account_id, account in first.items()
            if account_id not in self._tracks or self._followed[account_id] != account.read_at
        }
        if not behind:
            return
        stored = await self._past.cycles(tuple(behind), 1)
        for account_id, account in behind.items():
            try:
                followed = await self._caught_up(account, stored.get(account_id, ()))
            except Exception as error:  # noqa: BLE001 - likewise; it begins with its next reading
                self.note(error)
                continue
            self._tracks[account_id] = followed.tracks
            self._followed[account_id] = account.read_at
            _keep(cycles, followed.cycles)
            events += followed.events

    async def _caught_up(self, account: AccountState, newest: Sequence[Cycle]) -> Followed:
        """The tracks out of the newest cycles, and of the history since they were kept."""
        account_id, read_at = account.key.id, read_instant(account)
        tracks = {(cycle.bucket, cycle.window): Track.of(cycle) for cycle in newest}
        whole = Followed(tracks)
        if read_at is None:
            return whole
        rows = await self._past.history(account_id, read_at - (_LATELY if newest else _FIRST_LOOK))
        closed: list[Cycle] = []
        events: list[LoggedEvent] = []
        for piece in _pieces([row for row in rows if row.at <= read_at]):
            whole = replay(account_id, piece, whole, only_resets=bool(newest))
            closed += whole.closed
            events += whole.events
            await asyncio.sleep(0)
        stood = follow(account_id, whole.tracks, observations(figures(account.usage), read_at))
        # how many banked resets there were is in no history
        banked = _banked(account.usage)
        told = {place: replace(track, banked=banked) for place, track in stood.tracks.items()}
        return Followed(told, (*closed, *stood.closed), (*events, *stood.events))

    def _follow(
        self,
        before: AccountState,
        after: AccountState,
        cycles: dict[tuple[str, str, str, datetime], Cycle],
    ) -> list[LoggedEvent]:
        """Take in one reading; what it tells."""
        at, account_id = read_instant(after), after.key.id
        if at is None:
            return []
        former = self._tracks.get(account_id, {})
        seen = _seen(before.usage, after.usage, at, former)
        followed = follow(account_id, former, seen)
        self._tracks[account_id] = followed.tracks
        self._followed[account_id] = after.read_at
        running = [
            track.running
            for place, track in followed.tracks.items()
            if track.running is not None and _has_moved(former.get(place), track)
        ]
        _keep(cycles, (*followed.closed, *running))
        former_at = read_instant(before)
        if _BURNING in seen:
            gains = [gain for place, gain in followed.gains if place == _BURNING]
            self.burn.read_weekly(account_id, at, gains, former_at)
        balance = _balance(after.usage)
        if balance is not None and after.usage.credits is not before.usage.credits:
            had = _balance(before.usage)
            fell = had - balance if had is not None and had > balance else None
            self.burn.read_credits(account_id, at, fell, former_at)
        events = list(followed.events)
        if before.read_at is not None:
            was, now = Standing.of(before.usage), Standing.of(after.usage)
            events += reading_events(account_id, was, now, at)
        return events

    # -- logins and sources

    def _of_sources(self, state: PoolState, now: datetime) -> list[LoggedEvent]:
        known, self._sources = self._sources, state.sources
        if known is state.sources:
            return []
        found = (
            source_event(known[name], source, now) for name, source in state.sources.items() if name in known
        )
        return [event for event in found if event is not None]

    async def _of_logins(self, state: PoolState, now: datetime) -> list[LoggedEvent]:
        """Logins that died or work again, as they are judged; one that is met anew tells nothing."""
        if not state.settled:
            return []  # what a source has not said yet, nobody knows
        last = self._judged_at
        is_due = last is None or abs(now - last) >= _JUDGED_EVERY
        if is_due:
            self._judged_at = now
            self._forget(state)
        found: list[LoggedEvent] = []
        judged = 0
        for key, account in tuple(state.accounts.items()):
            former = self._judged.get(key)
            if former is not None and former[0] is account and not is_due:
                continue
            judged += 1
            if judged % _JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
            status = derive_status(account, now + state.clock_offset)
            self._judged[key] = (account, status)
            event = None if former is None else login_event(key.id, former[1], status, now)
            found += () if event is None else (event,)
        return found

    def _forget(self, state: PoolState) -> None:
        """Drop what is held of accounts that are gone."""
        ids = {key.id for key in state.accounts}
        for gone in self._tracks.keys() - ids:
            del self._tracks[gone], self._followed[gone]
        for key in self._judged.keys() - state.accounts.keys():
            del self._judged[key]
        self.burn.keep_only(ids)


def _seen(
    before: Usage, after: Usage, at: datetime, tracks: Mapping[WindowPlace, Track]
) -> dict[WindowPlace, Observation]:
    """What a reading says of the windows that it speaks of; a window that is gone has no figure."""
    told = {BASE_BUCKET: after.base is not before.base, REVIEW_BUCKET: after.review is not before.review}
    told[SPEND_BUCKET] = after.spend is not before.spend
    extras = after.extras is not before.extras
    seen = observations(figures(after), at, _banked(after))
    gone = {place: Observation(at, None) for place in tracks.keys() - seen.keys()}
    return {place: each for place, each in (seen | gone).items() if told.get(place[0], extras)}


def _banked(usage: Usage) -> int | None:
    """How many banked resets there are."""
    count = usage.reset_credits
    return None if count is None or count.value is None else count.value.available


def _balance(usage: Usage) -> Decimal | None:
    """The balance where it is known, has bounds and belongs to a credit facility."""
    credits: Credits | None = None if usage.credits is None else usage.credits.value
    if credits is None or credits.unlimited or not credits.is_shown:
        return None
    return credits.balance


def _has_moved(former: Track | None, track: Track) -> bool:
    """Whether the running cycle says more that is new than when it was read and how long it is full."""
    was, now = None if former is None else former.running, track.running
    if was is None or now is None or was.read_at is None or now.read_at is None:
        return was is not now
    if now.full_since is not None and was.read_at.hour != now.read_at.hour:
        return True
    return replace(was, read_at=now.read_at, full_seconds=now.full_seconds) != now


def _keep(into: dict[tuple[str, str, str, datetime], Cycle], cycles: Sequence[Cycle]) -> None:
    for cycle in cycles:
        into[cycle.account_id, cycle.bucket, cycle.window, cycle.started_at] = cycle


def _pieces(rows: Sequence[HistoryRow]) -> list[list[HistoryRow]]:
    """The rows in short pieces, those of one instant together."""
    found: list[list[HistoryRow]] = [[]]
    for _, together in groupby(rows, key=lambda row: row.at):
        if len(found[-1]) >= _ROWS_AT_ONCE:
            found.append([])
        found[-1] += together
    return found


def _sources(state: PoolState) -> dict[str, str]:
    """The source of each account that has a weekly limit."""
    return {
        key.id: base.source
        for key, account in state.accounts.items()
        if (base := account.usage.base) is not None
        if any(window.kind == WEEKLY for window in account.usage.windows)
    }
