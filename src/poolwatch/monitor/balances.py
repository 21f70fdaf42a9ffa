"""Reads balances: at the start, by a timer where one is wanted, and whenever somebody asks.

Of one balance one request is under way at a time. Whichever process reads keeps what it read; the others find
it in the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

from poolwatch.domain.balances import FOCUS_AGE, Balance, BalanceState, BalanceTerms, balance_id, recalled
from poolwatch.domain.events import BalanceRead, BalancesTold
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.host.single_flight import SingleFlight
from poolwatch.monitor.own_errors import internal_error

if TYPE_CHECKING:
    from poolwatch.domain.event_log import LoggedEvent
    from poolwatch.monitor.ledger import Clock, Ledger
    from poolwatch.monitor.limits import Beside
    from poolwatch.store.store import Store

#: The code by which an error of our own here is told.
CODE: Final = "monitor.no_balances"
#: What others read is looked for this often.
_LOOK_SECONDS: Final = 5.0
#: The floor between readings by a timer, of all processes together, as a share of the interval.
_FLOOR_SHARE: Final = 0.85
#: What refuses is asked so seldom by itself, and what is gone still more seldom.
_REFUSED: Final = timedelta(hours=1)
_GONE: Final = timedelta(days=1)


class BalanceReader(Protocol):
    """Asks one service."""

    async def read(self, at: datetime) -> Balance | Failure:
        """The balance now; `at` is our own clock."""
        ...


class WatchedBalance(Struct, frozen=True):
    """One balance: who reads it, and how often by a timer; None: never by one.

    `asked` is another one as soon as something else is asked, or read otherwise.
    """

    name: str
    reader: BalanceReader
    terms: BalanceTerms
    every: timedelta | None
    asked: str = ""

    @property
    def poll_id(self) -> str:
        """What its polls are noted by."""
        return f"{balance_id(self.name)} {self.asked}"


class BalanceWatch:
    """The balances of one run."""

    def __init__(
        self,
        watched: Collection[WatchedBalance],
        ledger: Ledger,
        store: Store,
        clock: Clock,
        tell: Callable[[Sequence[LoggedEvent]], None] = lambda _: None,
    ) -> None:
        """`tell` is called with what happened to them, once that is kept."""
        self._watched = {each.name: each for each in watched}
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._tell = tell
        self._reading: SingleFlight[None] = SingleFlight()

    async def recall(self) -> None:
        """Take in what the store holds of them."""
        unread = (BalanceState(each.name, each.terms, asked=each.asked) for each in self._watched.values())
        told = recalled(unread, await self._store.balances())
        held = self._ledger.state.balances
        merged = {name: state.known(held[name]) if name in held else state for name, state in told.items()}
        if merged != held:
            self._ledger.take(BalancesTold(merged))

    async def run(
        self,
        beside: Beside,
        is_paused: Callable[[], bool] = lambda: False,
        judge: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """For the process that polls: read them for as long as this runs; ends only by cancellation.

        `judge` is awaited after each look at them.
        """
        try:
            await self.begin()
            while True:
                if judge is not None:
                    await judge()
                beside.errors.over(CODE)
                await self._clock.sleep(_LOOK_SECONDS)
                await self.look(is_paused=is_paused())
        finally:
            await self._reading.cancel()

    async def begin(self) -> None:
        """Take in what is kept, and read what is due at a start."""
        await self.recall()
        await self._read_all(self._due(at_start=True), is_asked=False)

    async def begin_command(self) -> None:
        """As `begin`, for a command, which a timer of somebody else may start: on demand stays on demand.

        What was never read is read, for else there would be nothing to tell.
        """
        await self.recall()
        held = self._ledger.state.balances
        due = self._due(at_start=True)
        await self._read_all([name for name in due if self._is_for_command(name, held)], is_asked=False)

    def _is_for_command(self, name: str, held: Mapping[str, BalanceState]) -> bool:
        state = held.get(name)
        return self._watched[name].every is not None or state is None or state.tried_at is None

    async def look(self, *, is_paused: bool = False) -> None:
        """Take in what others read, and read what is due by a timer, unless polling is paused."""
        await self.recall()
        if not is_paused:
            await self._read_all(self._due(at_start=False), is_asked=False)

    async def read_older(self, age: timedelta, names: Collection[str] | None = None) -> None:
        """Somebody wants those to be no older than that; None: all."""
        now, held = self._clock.now(), self._ledger.state.balances
        wanted = self._watched if names is None else [name for name in names if name in self._watched]
        await self._read_all([name for name in wanted if _is_older(held.get(name), age, now)], is_asked=True)

    async def focused(self) -> None:
        """The terminal has the focus again: what has no timer is read, if it is not from just now."""
        now, held = self._clock.now(), self._ledger.state.balances
        due = [
            name
            for name, each in self._watched.items()
            if each.every is None and _is_older(held.get(name), FOCUS_AGE, now)
            if not _waits(held.get(name), now)
        ]
        await self._read_all(due, is_asked=True)

    def _due(self, *, at_start: bool) -> list[str]:
        now, held = self._clock.now(), self._ledger.state.balances
        due = []
        for name, each in self._watched.items():
            state = held.get(name)
            if _waits(state, now) or (each.every is None and not at_start):
                continue
            if _is_older(state, each.every or FOCUS_AGE, now):
                due.append(name)
        return due

    async def _read_all(self, names: Collection[str], *, is_asked: bool) -> None:
        readings = [self._reading.start(name, partial(self._read, name, is_asked)) for name in names]
        if readings:
            await asyncio.wait(readings)

    async def _read(self, name: str, is_asked: bool) -> None:
        each, asked_at = self._watched[name], self._clock.now()
        if is_asked:
            self._store.note_poll(each.poll_id, asked_at)
        else:
            floor = FOCUS_AGE if each.every is None else each.every * _FLOOR_SHARE
            if not await self._store.claim_poll(each.poll_id, asked_at, floor):
                return
        try:
            outcome = await each.reader.read(asked_at)
        except Exception as error:  # noqa: BLE001 - an error with one must not end the readings of all
            outcome = internal_error(error)
        self._ledger.take(BalanceRead(name, outcome, asked_at))
        held = self._ledger.state.balances.get(name)
        if held is not None:
            self._tell(await self._store.put_balance(held) or ())


def _is_older(state: BalanceState | None, age: timedelta, now: datetime) -> bool:
    return state is None or state.is_older(age, now)


def _waits(state: BalanceState | None, now: datetime) -> bool:
    """Whether a service is not to be asked yet, unless a person wants it."""
    trouble = None if state is None else state.trouble
    if state is None or trouble is None or state.tried_at is None:
        return False
    if trouble.retry_at is not None and now < trouble.retry_at:
        return True
    wait = {FailureKind.NOT_OFFERED: _GONE, FailureKind.FORBIDDEN: _REFUSED}.get(trouble.kind)
    return wait is not None and not state.is_older(wait, now)
