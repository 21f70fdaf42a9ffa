"""What watches limits runs beside the polls: only where this process polls, and it ends nothing else."""

from __future__ import annotations

from poolwatch.domain.events import LimitsTold
from poolwatch.domain.message import Message
from poolwatch.domain.notices import ChannelHealth, ChannelKind
from poolwatch.monitor.limits import BEGIN_SECONDS, Beside, LimitWork, Task
from poolwatch.monitor.monitor import VIEW_SECONDS
from tests.monitor.scripted import NOTICE, rig, running

_CODE = "monitor.no_limits"
_HEALTH = LimitsTold(channels=(ChannelHealth("ops", ChannelKind.WEBHOOK),))


async def test_a_task_that_fails_is_told_ends_nothing_else_and_begins_anew() -> None:
    began: list[str] = []

    async def fails_once(beside: Beside) -> None:
        began.append("one")
        if began.count("one") == 1:
            raise KeyError("a secret")
        beside.errors.over(_CODE)
        await beside.clock.sleep(10_000)

    async def works(beside: Beside) -> None:
        began.append("two")
        beside.ledger.take(_HEALTH)
        await beside.clock.sleep(10_000)

    work = LimitWork((Task(_CODE, fails_once), Task("monitor.no_alerts", works)))
    one = rig("a", limits=lambda: work)
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(BEGIN_SECONDS + 1)
        assert began == ["one", "two"]
        assert one.state.channels == _HEALTH.channels
        why = Message("monitor.internal_error", (("type", "KeyError"),))
        assert Message(_CODE, (("why", why),)) in one.ledger.notices
        await one.clock.advance(60)
        assert began == ["one", "two", "one"]
        assert one.ledger.notices == (NOTICE,)
        await one.clock.advance(300)
        assert one.source.places_asked() == ["a"] * 2


async def test_who_does_not_poll_runs_no_task_and_shows_what_the_store_holds() -> None:
    ran: list[Beside] = []

    async def task(beside: Beside) -> None:
        ran.append(beside)

    async def recall(_beside: Beside) -> LimitsTold:
        return _HEALTH

    one = rig("a", limits=lambda: LimitWork((Task(_CODE, task),), (recall,)))
    one.lock.held_elsewhere = True
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(VIEW_SECONDS * 4)
        assert one.state.channels == _HEALTH.channels
        assert not ran
        one.lock.held_elsewhere = False
        await one.clock.advance(VIEW_SECONDS + BEGIN_SECONDS + 1)
        assert len(ran) == 1
