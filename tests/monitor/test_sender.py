"""The sender: each notice until its channel took it, and no channel in the way of another."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from poolwatch.domain.alerts import Severity
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.message import Message, message
from poolwatch.domain.notices import (
    ChannelHealth,
    ChannelKind,
    Delivery,
    MarkedChannel,
    Notice,
    NoticeKind,
    Outgoing,
    SendOutcome,
    Sent,
)
from poolwatch.domain.state import PoolState
from poolwatch.monitor.ledger import Ledger
from poolwatch.monitor.limits import Beside
from poolwatch.monitor.own_errors import OwnErrors
from poolwatch.monitor.recorder import Recorder
from poolwatch.monitor.sender import LOOK_SECONDS, UNKEPT_SECONDS, Line, Sender
from poolwatch.store.database import Database
from poolwatch.store.store import Store
from tests.monitor.turned_clock import START, TurnedClock

TAKEN = Sent(SendOutcome.TAKEN)
FAILED = Sent(SendOutcome.FAILED, message("notices.no_answer", seconds=30))
GONE = Sent(SendOutcome.GONE)

#: What a channel does with a notice.
Answer = Sent | Exception | asyncio.Future[Sent]


@dataclass
class Box:
    """A channel that answers as told; otherwise it takes everything."""

    name: str
    kind: ChannelKind = ChannelKind.WEBHOOK
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    got: list[str] = field(default_factory=list)
    built: int = 0

    def build(self) -> Box:
        self.built += 1
        return self

    async def send(self, notice: Outgoing) -> Sent:
        self.got.append(notice.id)
        answer = self.answers[notice.id].pop(0) if self.answers[notice.id] else TAKEN
        if isinstance(answer, Exception):
            raise answer
        return await answer if isinstance(answer, asyncio.Future) else answer


def word(notice: Notice, _state: PoolState) -> Outgoing:
    if notice.id == "unspeakable":
        raise KeyError("a secret")
    return Outgoing(notice.id, notice.at, notice.kind, notice.severity, "title", "text", b"{}")


def notice(notice_id: str, channel: str) -> Notice:
    return Notice(notice_id, channel, NoticeKind.ALERTS, START, Severity.WARNING)


class DirectStore(Database):
    """The real database without its thread, so that nothing happens but by the turned clock."""

    is_full = False

    def set_up_channels(self, channels: Sequence[MarkedChannel], now: datetime) -> bool:
        return not self.is_full and super().set_up_channels(channels, now)

    def note_try(self, tried: Delivery, *, is_gone: bool = False) -> bool:
        return not self.is_full and super().note_try(tried, is_gone=is_gone)

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in _ASKED:
            return found

        async def asked(*args: object, **kwargs: object) -> object:
            return found(*args, **kwargs)

        return asked


_ASKED = frozenset(
    (
        *("put_notices", "turn", "note_try", "set_up_channels"),
        *("resend", "deliveries", "channel_health", "events"),
    )
)


@dataclass
class Rig:
    store: Store
    clock: TurnedClock
    beside: Beside
    sender: Sender
    #: how often what is told to people was made anew
    told: list[tuple[Message, ...]]
    events: list[LoggedEvent] = field(default_factory=list)

    async def put(self, *which: tuple[str, str]) -> None:
        assert await self.store.put_notices([notice(*each) for each in which], self.clock.now())
        self.sender.wake()
        await self.clock.settle()
        await self.settle()

    async def settle(self) -> None:
        """Let everything happen that needs no time; channels are built on a thread."""
        while threads := [each for each in threading.enumerate() if each.name == "poolwatch-disk"]:
            for each in threads:
                await asyncio.to_thread(each.join)
        await self.clock.settle()

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await self.settle()

    @property
    def health(self) -> dict[str, ChannelHealth]:
        return {each.name: each for each in self.beside.ledger.state.channels}


@asynccontextmanager
async def sending(
    tmp_path: Path, *boxes: Box, runs: bool = True
) -> AsyncIterator[tuple[Rig, asyncio.Task[None]]]:
    clock = TurnedClock()
    store = cast("Store", DirectStore(tmp_path, clock.now()))
    ledger = Ledger(PoolState(), clock.sleep)
    told: list[tuple[Message, ...]] = []
    errors = OwnErrors(clock, lambda: told.append((*store.notices, *errors.notices)))
    recorder = Recorder(store, None, timedelta(minutes=5))
    beside = Beside(ledger, store, recorder, clock, errors)
    lines = [Line(MarkedChannel(box.name, box.kind, "mark"), box.build) for box in boxes]
    rig = Rig(store, clock, beside, Sender(lines, word), told)
    recorder.on_events(rig.events.extend)
    task = asyncio.create_task(rig.sender.run(beside) if runs else asyncio.sleep(0))
    await rig.settle()
    try:
        yield rig, task
    finally:
        task.cancel()
        await asyncio.wait((task,))
        store.close()


async def test_what_is_put_in_leaves_at_once_and_in_order(tmp_path: Path) -> None:
    ops, mail = Box("ops"), Box("mail", ChannelKind.EMAIL)
    async with sending(tmp_path, ops, mail) as (rig, _):
        assert (ops.built, mail.built) == (0, 0)
        assert [each.name for each in rig.beside.ledger.state.channels] == ["mail", "ops"]
        await rig.put(("1", "ops"), ("2", "ops"), ("3", "ops"))
        assert (ops.got, ops.built, mail.built) == (["1", "2", "3"], 1, 0)
        assert rig.health["ops"] == ChannelHealth("ops", ChannelKind.WEBHOOK, START)
        assert all(each.done_at == START for each in await rig.store.deliveries(9))


async def test_what_another_process_puts_in_is_found(tmp_path: Path) -> None:
    ops = Box("ops")
    async with sending(tmp_path, ops) as (rig, _):
        await rig.store.put_notices([notice("1", "ops")], START)
        await rig.advance(LOOK_SECONDS)
        assert ops.got == ["1"]
        assert await rig.store.resend("1", rig.clock.now())
        await rig.advance(LOOK_SECONDS)
        assert ops.got == ["1", "1"]


async def test_a_channel_that_hangs_fails_or_errs_delays_no_other(tmp_path: Path) -> None:
    never: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
    hangs, errs, works = Box("hangs"), Box("errs"), Box("works")
    hangs.answers["1"] = [never]
    errs.answers["1"] = [RuntimeError("a secret"), OSError("a secret"), FAILED]
    async with sending(tmp_path, hangs, errs, works) as (rig, _):
        await rig.put(("1", "hangs"), ("1", "errs"), ("1", "works"), ("2", "works"))
        assert works.got == ["1", "2"]
        await rig.advance(5)
        await rig.advance(30)
        assert (hangs.got, errs.got) == (["1"], ["1"] * 3)
        await rig.put(("3", "works"))
        assert works.got == ["1", "2", "3"]
        assert rig.health["errs"].failing_since == START
        assert rig.beside.errors.notices == ()
        never.set_result(TAKEN)
        assert "a secret" not in repr([each.last_why for each in await rig.store.deliveries(9)])


async def test_one_that_cannot_be_worded_holds_up_no_other(tmp_path: Path) -> None:
    ops = Box("ops")
    async with sending(tmp_path, ops) as (rig, _):
        await rig.put(("unspeakable", "ops"), ("2", "ops"))
        await rig.advance(5)
        await rig.advance(30)
        assert ops.got == ["2"]
        why = message("monitor.internal_error", type="KeyError")
        assert (await rig.store.deliveries(9))[1].last_why == why


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox is looked at when something is due: hours pass sooner."""
    monkeypatch.setattr("poolwatch.monitor.sender.LOOK_SECONDS", 86_400.0)


@pytest.mark.usefixtures("seldom")
async def test_what_is_given_up_is_told(tmp_path: Path) -> None:
    ops = Box("ops")
    ops.answers["1"] = [FAILED] * 99
    async with sending(tmp_path, ops) as (rig, _):
        await rig.put(("1", "ops"))
        for _ in range(25):
            await rig.advance(3_600)
        assert [(each.kind, each.now) for each in rig.events] == [(EventKind.NOTICE_GIVEN_UP, "ops")]
        assert [each.id for each in rig.events] == [each.id for each in await rig.store.events(START)]
        assert rig.health["ops"].waiting == 0
        assert rig.health["ops"].why == FAILED.why
        # and nobody tries any more
        tries = len(ops.got)
        await rig.advance(86_400)
        assert len(ops.got) == tries == 11


async def test_a_receiver_that_is_gone_gets_nothing_more(tmp_path: Path) -> None:
    ops = Box("ops")
    ops.answers["1"] = [GONE]
    async with sending(tmp_path, ops) as (rig, _):
        await rig.put(("1", "ops"), ("2", "ops"))
        await rig.put(("3", "ops"))
        assert ops.got == ["1"]
        assert rig.health["ops"].disabled
        assert len(await rig.store.events(START)) == 3


async def test_who_leaves_waits_a_moment_for_a_try_and_the_rest_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poolwatch.monitor.sender.LEAVING_SECONDS", 0.2)
    loop = asyncio.get_running_loop()
    soon: asyncio.Future[Sent] = loop.create_future()
    never: asyncio.Future[Sent] = loop.create_future()
    quick, slow = Box("quick"), Box("slow")
    quick.answers["1"], slow.answers["1"] = [soon], [never]
    async with sending(tmp_path, quick, slow) as (rig, task):
        await rig.put(("1", "quick"), ("2", "quick"), ("1", "slow"))
        began = loop.time()
        task.cancel()
        loop.call_later(0.02, soon.set_result, TAKEN)
        await asyncio.wait((task,))
        assert 0.2 <= loop.time() - began < 5
        assert never.cancelled()
        stands = {(each.notice.id, each.notice.channel): each for each in await rig.store.deliveries(9)}
        assert stands["1", "quick"].done_at is not None
        assert stands["2", "quick"].is_waiting
        assert stands["1", "slow"].is_waiting
        assert stands["1", "slow"].tries == 0


async def test_a_disk_that_takes_nothing_makes_no_one_send_twice(tmp_path: Path) -> None:
    ops = Box("ops")
    async with sending(tmp_path, ops) as (rig, _):
        await rig.store.put_notices([notice("1", "ops"), notice("2", "ops")], START)
        disk = cast("DirectStore", rig.store)
        disk.is_full = True
        rig.sender.wake()
        await rig.advance(0)
        for _ in range(20):
            await rig.advance(60)
        assert ops.got == ["1", "2"]
        assert rig.told
        assert all(each.is_waiting for each in await rig.store.deliveries(9))
        disk.is_full = False
        await rig.advance(LOOK_SECONDS)
        assert not any(each.is_waiting for each in await rig.store.deliveries(9))
        assert ops.got == ["1", "2"]


async def test_a_disk_that_is_full_at_the_start_holds_nothing_up_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ops = Box("ops")
    monkeypatch.setattr(DirectStore, "is_full", True)
    async with sending(tmp_path, ops) as (rig, _):
        await rig.put(("1", "ops"))
        assert not ops.got
        monkeypatch.setattr(DirectStore, "is_full", False)
        await rig.advance(UNKEPT_SECONDS)
        assert ops.got == ["1"]
        assert rig.health["ops"].last_taken_at is not None


@pytest.mark.parametrize("days", [-1, 1])
@pytest.mark.usefixtures("seldom")
async def test_a_clock_that_jumps_a_day_loses_and_hammers_nothing(tmp_path: Path, days: int) -> None:
    ops = Box("ops")
    ops.answers["1"] = [FAILED] * 7
    async with sending(tmp_path, ops) as (rig, _):
        await rig.put(("1", "ops"))
        for _ in range(4):
            await rig.advance(400)
        assert len(ops.got) == 4
        rig.clock.leap(timedelta(days=days))
        # as it does every few seconds
        rig.sender.wake()
        await rig.advance(0)
        # its next try was far ahead, or long over: one try, and from there on as before
        assert len(ops.got) == 5
        await rig.advance(1_000)
        assert len(ops.got) == 5
        assert (await rig.store.deliveries(1))[0].is_waiting
        for _ in range(7):
            await rig.advance(7_200)
        assert len(ops.got) == 8
        assert (await rig.store.deliveries(1))[0].done_at is not None


async def test_who_does_not_send_tells_what_the_store_holds(tmp_path: Path) -> None:
    ops = Box("ops")
    async with sending(tmp_path, ops) as (rig, _):
        viewer = Sender([], word)
        told = await viewer.recall(rig.beside)
        assert told is not None
        assert told.channels == rig.beside.ledger.state.channels
        assert await viewer.recall(rig.beside) is None
        await rig.put(("1", "ops"))
        again = await viewer.recall(rig.beside)
        assert again is not None
        assert again.channels == (ChannelHealth("ops", ChannelKind.WEBHOOK, START),)


@pytest.mark.parametrize("is_answered", [True, False])
async def test_who_takes_over_in_the_middle_sends_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_answered: bool
) -> None:
    monkeypatch.setattr("poolwatch.monitor.sender.LEAVING_SECONDS", 0.05)
    first, second = Box("ops"), Box("ops")
    answer: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
    first.answers["2"] = [answer]
    async with sending(tmp_path, first) as (rig, task):
        await rig.put(("1", "ops"), ("2", "ops"), ("3", "ops"))
        assert first.got == ["1", "2"]
        task.cancel()
        if is_answered:
            answer.set_result(TAKEN)
        await asyncio.wait((task,))
    async with sending(tmp_path, second) as (rig, _):
        await rig.settle()
        # one that was on its way, and nobody knows whether it arrived, is sent again with the same id
        assert second.got == (["3"] if is_answered else ["2", "3"])
        assert not any(each.is_waiting for each in await rig.store.deliveries(9))
