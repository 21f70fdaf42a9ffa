"""Learns from the past: what the cycles of every account say of its next ones, and all of them together."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Final, Protocol

from msgspec import Struct, field

from poolwatch.domain.cycles import Cycle, Rise
from poolwatch.domain.habit import SHORTEST, Habit, closed, habit, learn
from poolwatch.domain.profile import Workhours
from poolwatch.domain.ratios import NEWEST, Bank, gathered
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.usage import BASE_BUCKET
from poolwatch.domain.values import replace
from poolwatch.host.instants import zone_named
from poolwatch.monitor.ledger import STALE_AFTER, Clock
from poolwatch.monitor.recorder import Recorder
from poolwatch.monitor.turns import in_turns

#: So many of an account's cycles are learned from.
_CYCLES: Final = 9
_DAY: Final = timedelta(days=1)
_HOUR: Final = 3600


class Cycles(Protocol):
    """Where past cycles are kept."""

    async def cycles(
        self, account_ids: Collection[str] | None, newest: int
    ) -> Mapping[str, tuple[Cycle, ...]]:
        """The newest cycles of each window by account id, old to new."""
        ...


class Terms(Struct, frozen=True):
    """What an operator sets. `zone` None: the machine's."""

    stale_after: timedelta = STALE_AFTER
    zone: tzinfo | None = None
    workhours: Workhours | None = None
    #: of plans, beyond those that are known
    weights: Mapping[str, float] = field(default_factory=dict)


class Learned(Struct):
    """What is known of one window of an account: of its cycles that have ended, and of the running one."""

    habit: Habit
    #: when the newest cycle that was learned from began, and what was used in its last day
    newest_at: datetime | None = None
    late: tuple[Rise, ...] = ()
    #: when the running cycle began
    begun: datetime | None = None
    #: as it was stored; for an account that this process has not read yet
    running: Cycle | None = None

    def burned_since(self, at: datetime) -> float:
        """What was used since then within the cycle before the running one; `at` is not long ago."""
        since = at.timestamp() / _HOUR
        return sum(rise.percent for rise in self.late if rise.hour + 1 > since)


class Learning:
    """Learns each account's past once, and each cycle that ends from then on."""

    def __init__(self, store: Cycles, recorder: Recorder, clock: Clock, terms: Terms) -> None:
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._terms = terms
        self._learned: dict[str, dict[str, Learned]] = {}
        #: cycles that have taught something, without their hours; and what they teach
        self._taught: list[Cycle] = []
        self._bank: Bank | None = None
        self._imports: int | None = None

    @property
    def bank(self) -> Bank:
        """What all accounts together have taught."""
        return self._bank or Bank()

    def has(self, account_id: str) -> bool:
        """Whether the past of this account was learned."""
        return account_id in self._learned

    def window(self, account_id: str, kind: str) -> Learned | None:
        """What is known of its base window of this kind; None where it has no past."""
        return self._learned.get(account_id, {}).get(kind)

    def zone(self, account: AccountState) -> tzinfo | None:
        """The zone that an account lives in; None: the machine's."""
        return zone_named(account.name.time_zone) or self._terms.zone

    def heed_imports(self, imports: int | None) -> bool:
        """Whether the past was told anew since the last time: then all of it is learned again."""
        former, self._imports = self._imports, self._imports if imports is None else imports
        if former is None or former == self._imports:
            return False
        self._learned.clear()
        self._taught.clear()
        self._bank = None
        return True

    async def learn(self, state: PoolState, pause: float, errors: list[Exception]) -> bool:
        """Have every account's past learned, with a pause (seconds) after each; whether any is known.

        Errors of our own cost one account each, and are put into `errors`.
        """
        has_new = self._bank is None
        gone = self._learned.keys() - {key.id for key in state.accounts}
        if gone:
            self._taught = [cycle for cycle in self._taught if cycle.account_id not in gone]
        for account_id in gone:
            del self._learned[account_id]
        for key, account in tuple(state.accounts.items()):
            if account.read_at is None or not self._recorder.burn.is_filled(key.id):
                continue
            if key.id in self._learned and not self._has_ended(key.id):
                continue
            try:
                has_new |= await self._learn_of(account)
            except Exception as error:  # noqa: BLE001 - of one account
                errors.append(error)
            if len(self._taught) > 2 * NEWEST:
                self._forget_oldest()
            await self._clock.sleep(pause)
        if has_new:
            self._forget_oldest()
            await asyncio.sleep(0)
            self._bank = await in_turns(gathered(self._taught))
        return bool(self._learned)

    def _forget_oldest(self) -> None:
        self._taught.sort(key=_ended_at)
        del self._taught[:-NEWEST]

    def _has_ended(self, account_id: str) -> bool:
        """Whether a cycle came to its end since the account's were learned from."""
        learned = self._learned[account_id]
        return any(
            (known := learned.get(window)) is None or known.begun is None or cycle.started_at > known.begun
            for (bucket, window), cycle in self._recorder.running(account_id).items()
            if bucket == BASE_BUCKET
        )

    async def _learn_of(self, account: AccountState) -> bool:
        """Learn from the cycles of one account that have ended since the last time; whether any had."""
        account_id, zone = account.key.id, self.zone(account)
        learned = self._learned.setdefault(account_id, {})
        stored = (await self._store.cycles((account_id,), _CYCLES if not learned else 2)).get(account_id, ())
        workhours = self._terms.workhours
        has_new = False
        for cycle in stored:
            if cycle.bucket != BASE_BUCKET:
                continue
            known = learned.setdefault(cycle.window, Learned(habit((), zone, workhours)))
            if cycle.ended_at is None:
                known.begun, known.running = cycle.started_at, cycle
                continue
            is_known = known.newest_at is not None and cycle.started_at <= known.newest_at
            if is_known or (cycle.window_seconds or 0) < SHORTEST:
                continue
            ratios = closed(cycle, known.habit, zone)
            known.habit = learn(
                known.habit, replace(cycle, ratios=ratios), zone, keeps_profile=workhours is not None
            )
            since = (cycle.ended_at - _DAY).timestamp() / _HOUR
            known.late = tuple(rise for rise in cycle.rises if rise.hour + 1 > since)
            known.newest_at, has_new = cycle.started_at, True
            if ratios:
                self._taught.append(replace(cycle, ratios=ratios, rises=()))
            await asyncio.sleep(0)
        return has_new


def _ended_at(cycle: Cycle) -> datetime:
    return cycle.ended_at or cycle.started_at
