"""When balances are read: at a real loopback server every request is counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from poolwatch.config.credit_settings import terms_of
from poolwatch.domain.balances import Balance, BalanceLevel
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.state import PoolState
from poolwatch.monitor.balances import BalanceWatch, WatchedBalance
from poolwatch.monitor.ledger import Ledger
from poolwatch.net.client import HttpClient
from poolwatch.sources.credits_http import CreditsHttp
from poolwatch.sources.source import SourceSetup
from poolwatch.store.store import Store
from tests.monitor.turned_clock import START, TurnedClock
from tests.net.script import Answer, Script, reply
from tests.sources.test_credits_http import preset

_FULL = reply(200, b'{"credits": 87, "dailyLimit": 100}')
_SLOW = reply(429, b'{"error": {"code": "RATE_LIMIT_EXCEEDED"}}', Retry_After="600")
_GONE = reply(404, b"{}")
_REFUSED = reply(401, b"{}")


@dataclass
class Rig:
    """One process that watches one balance."""

    watch: BalanceWatch
    ledger: Ledger
    store: Store
    clock: TurnedClock
    server: Script
    told: list[LoggedEvent]

    @property
    def asked(self) -> int:
        """How many requests there were."""
        return len(self.server.requests)

    async def after(self, seconds: float, *, is_paused: bool = False) -> int:
        """Have it look every ten seconds over that time; how many requests there were in all."""
        for _ in range(int(seconds // 10)):
            self.clock.leap(timedelta(seconds=10))
            await self.watch.look(is_paused=is_paused)
        return self.asked


@asynccontextmanager
async def watching(
    folder: Path, *answers: Answer, every: float | None = None, starts: bool = True
) -> AsyncIterator[Rig]:
    async with Script(list(answers)) as server:
        clock = TurnedClock()
        store, ledger = Store(folder, START), Ledger(PoolState())
        settings = preset("browseros", url=f"{server.url}/credits")
        reader = CreditsHttp(SourceSetup(settings, HttpClient(), folder, {}, 5))
        pace = None if every is None else timedelta(seconds=every)
        told: list[LoggedEvent] = []
        one = WatchedBalance("b", reader, terms_of(settings), pace)
        watch = BalanceWatch([one], ledger, store, clock, told.extend)
        try:
            if starts:
                await watch.begin()
            yield Rig(watch, ledger, store, clock, server, told)
        finally:
            await store.aclose()


async def test_on_demand_it_is_read_at_the_start_and_by_no_timer(tmp_path: Path) -> None:
    async with watching(tmp_path, _FULL) as rig:
        assert rig.asked == 1
        assert rig.ledger.state.balances["b"].balance is not None
        assert await rig.after(3600) == 1
        # by hand always
        await rig.watch.read_older(timedelta(0))
        assert rig.asked == 2


async def test_on_focus_it_is_read_when_it_is_older_than_half_a_minute(tmp_path: Path) -> None:
    async with watching(tmp_path, _FULL) as rig:
        rig.clock.leap(timedelta(seconds=29))
        await rig.watch.focused()
        assert rig.asked == 1
        rig.clock.leap(timedelta(seconds=1))
        await asyncio.gather(rig.watch.focused(), rig.watch.focused())
        await rig.watch.focused()
        assert rig.asked == 2


async def test_a_command_reads_what_is_on_demand_once_and_what_has_a_timer_when_it_is_due(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path / "demand", _FULL, starts=False) as rig:
        for minutes in (0, 1, 60):
            rig.clock.leap(timedelta(minutes=minutes))
            await rig.watch.begin_command()
            assert rig.asked == 1
    async with watching(tmp_path / "timer", _FULL, every=300, starts=False) as rig:
        for seconds, asked in ((0, 1), (299, 1), (1, 2)):
            rig.clock.leap(timedelta(seconds=seconds))
            await rig.watch.begin_command()
            assert rig.asked == asked


async def test_by_a_timer_it_is_read_that_often_and_not_while_polling_is_paused(tmp_path: Path) -> None:
    async with watching(tmp_path, _FULL, every=60) as rig:
        assert await rig.after(50) == 1
        assert await rig.after(10) == 2
        assert await rig.after(300, is_paused=True) == 2
        assert await rig.after(10) == 3
        # focus changes nothing where there is a timer
        rig.clock.leap(timedelta(seconds=40))
        await rig.watch.focused()
        assert rig.asked == 3


async def test_who_asks_to_slow_down_is_left_alone_and_a_person_may_ask(tmp_path: Path) -> None:
    async with watching(tmp_path, _SLOW, every=60) as rig:
        state = rig.ledger.state.balances["b"]
        assert state.trouble is not None
        assert state.trouble.kind is FailureKind.THROTTLED
        assert state.level is BalanceLevel.UNKNOWN
        assert await rig.after(590) == 1
        assert await rig.after(10) == 2
        await rig.watch.read_older(timedelta(0))
        assert rig.asked == 3


async def test_what_is_gone_or_refuses_is_asked_seldom(tmp_path: Path) -> None:
    async with watching(tmp_path / "gone", _GONE, every=60) as rig:
        assert rig.ledger.state.balances["b"].is_gone
        assert await rig.after(3600) == 1
        await rig.watch.focused()
        assert rig.asked == 1
        rig.clock.leap(timedelta(days=1))
        assert await rig.after(10) == 2
    async with watching(tmp_path / "refused", _REFUSED, every=300) as rig:
        assert await rig.after(3590) == 1
        assert await rig.after(10) == 2


async def test_what_befalls_it_is_told_to_who_listens_once(tmp_path: Path) -> None:
    out = reply(429, b'{"error": {"code": "CREDITS_EXHAUSTED"}}')
    async with watching(tmp_path, _FULL, out, out, _GONE, _GONE, every=60) as rig:
        for _ in range(4):
            await rig.watch.read_older(timedelta(0))
        assert [(each.kind.value, each.balance) for each in rig.told] == [
            ("exhausted", "b"), ("not_offered", "b"),
        ]  # fmt: skip
        assert tuple(rig.told) == await rig.store.events(START)


async def test_of_two_processes_one_reads_and_both_know(tmp_path: Path) -> None:
    async with watching(tmp_path, _FULL, every=300) as rig:
        async with watching(tmp_path, reply(200, b'{"credits": 5}'), every=300) as other:
            assert other.asked == 0
            held = other.ledger.state.balances["b"]
            assert held.balance == rig.ledger.state.balances["b"].balance
            other.clock.leap(timedelta(seconds=60))
            await other.watch.read_older(timedelta(0))
            assert other.asked == 1
        rig.clock.leap(timedelta(seconds=70))
        await rig.watch.look()
        told = rig.ledger.state.balances["b"].balance
        assert told is not None
        assert told.remaining == Decimal(5)
        assert rig.asked == 1


async def test_a_service_is_asked_once_at_a_time(tmp_path: Path) -> None:
    async with watching(tmp_path, _FULL) as rig:
        await asyncio.gather(*(rig.watch.read_older(timedelta(0)) for _ in range(5)))
        assert rig.asked == 2


async def test_an_error_of_our_own_in_a_reading_is_told_and_ends_nothing(tmp_path: Path) -> None:
    class Broken:
        async def read(self, at: object) -> Balance:
            raise KeyError("a secret")

    async with watching(tmp_path, _FULL) as rig:
        each = WatchedBalance("b", Broken(), terms_of(preset("browseros")), None)
        watch = BalanceWatch([each], rig.ledger, rig.store, rig.clock)
        rig.clock.leap(timedelta(seconds=60))
        await watch.read_older(timedelta(0))
        state = rig.ledger.state.balances["b"]
        assert state.trouble is not None
        assert state.trouble.code == "monitor.internal_error"
        assert "secret" not in repr(state)
        assert state.balance is not None
