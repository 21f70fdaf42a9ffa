"""Proposals in the process that polls: made of what is read, and nothing is written where nothing is new."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from poolwatch.domain.balances import Balance, BalanceState
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.events import BalancesTold
from poolwatch.domain.proposals import AutoTopUp, Proposal, ProposalEnd
from poolwatch.domain.purchases import Caps, Purchase, PurchaseOutcome, TopUpKind
from poolwatch.domain.state import PoolState
from poolwatch.monitor.ledger import Ledger
from poolwatch.monitor.proposals import ProposalWatch, WatchedTopUp
from poolwatch.store.store import Store
from tests.monitor.turned_clock import START, TurnedClock

_D = Decimal
AUTO = AutoTopUp(_D(5), _D(10), Caps(_D(20), _D(100)))


@dataclass
class Rig:
    """One process; the balance is what a test says that was read."""

    store: Store
    clock: TurnedClock
    ledger: Ledger = field(default_factory=lambda: Ledger(PoolState()))
    purchases: Sequence[Purchase] | None = ()
    asked: int = 0

    def __post_init__(self) -> None:
        topup = WatchedTopUp("reef", "reef balance", "USD", AUTO, self._told)
        self.told: list[LoggedEvent] = []
        self.watch = ProposalWatch([topup], self.ledger, self.store, self.clock, self.told.extend)

    def _told(self) -> Sequence[Purchase] | None:
        self.asked += 1
        return self.purchases

    async def read(self, amount: str, unit: str = "USD") -> Proposal | None:
        """What is proposed after a reading a minute later."""
        self.clock.leap(timedelta(minutes=1))
        state = BalanceState("reef balance").read(Balance(unit, _D(amount)), self.clock.now())
        self.ledger.take(BalancesTold({"reef balance": state}))
        return await self.look()

    async def look(self) -> Proposal | None:
        """What is proposed after a look without a reading."""
        await self.watch.look()
        state = (await self.store.proposals()).get("reef")
        return None if state is None else state.proposal


@asynccontextmanager
async def watching(folder: Path) -> AsyncIterator[Rig]:
    store = Store(folder, START)
    try:
        yield Rig(store, TurnedClock())
    finally:
        await store.aclose()


async def test_a_fall_is_proposed_and_withdrawn_when_it_was_bought(tmp_path: Path) -> None:
    async with watching(tmp_path) as rig:
        assert await rig.look() is None
        assert await rig.read("6") is None
        made = await rig.read("4")
        assert made is not None
        assert made.balance == 4
        assert await rig.read("3") == made
        assert [each.kind for each in rig.told] == [EventKind.TOPUP_PROPOSED]
        done = Purchase(
            "0a1b2c3d", "reef", TopUpKind.REEF, "https://pay.example.com/t", "pool", _D(10), "USD",
            rig.clock.now(), outcome=PurchaseOutcome.STARTED,
        )  # fmt: skip
        rig.purchases = (done,)
        ended = await rig.look()
        assert ended is not None
        assert ended.end is ProposalEnd.BOUGHT
        assert len(rig.told) == 1


async def test_nothing_is_proposed_by_another_unit_or_while_nobody_can_tell_what_was_bought(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path) as rig:
        await rig.read("6")
        assert await rig.read("4", "credits") is None
        rig.purchases = None
        assert await rig.read("4") is None
        # the fall is not forgotten meanwhile
        rig.purchases = ()
        assert await rig.look() is not None


async def test_the_disk_is_left_alone_where_nothing_is_new(tmp_path: Path) -> None:
    async with watching(tmp_path) as rig:
        await rig.read("6")
        asked = rig.asked
        for _ in range(9):
            await rig.look()
        assert rig.asked == asked
        made = await rig.read("4")
        before = (await rig.store.proposals())["reef"]
        for _ in range(3):
            assert await rig.look() == made
        assert (await rig.store.proposals())["reef"] == before
        # while one waits it is looked whether it was answered
        assert rig.asked > asked + 1


async def test_of_two_that_poll_one_after_the_other_the_second_goes_on(tmp_path: Path) -> None:
    async with watching(tmp_path) as one:
        await one.read("6")
        async with watching(tmp_path) as other:
            other.clock.leap(timedelta(minutes=1))
            made = await other.read("4")
            assert made is not None
            # the first sees the same balance as it was read by the second
            one.ledger.take(BalancesTold(other.ledger.state.balances))
            assert await one.look() == made
