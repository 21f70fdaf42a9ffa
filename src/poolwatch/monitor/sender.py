"""The sender: takes notices out of the outbox to their channels, in the process that polls and only there.

Each channel has a task of its own, so that one that hangs or fails delays no other. A notice is done with
once its channel took it; whatever ends this process before that is noted, it is sent again with the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final

from msgspec import Struct

from poolwatch.domain.event_log import given_up
from poolwatch.domain.events import LimitsTold
from poolwatch.domain.message import message
from poolwatch.domain.notices import (
    ChannelHealth,
    Delivery,
    MarkedChannel,
    Notice,
    Outgoing,
    SendOutcome,
    Sent,
)
from poolwatch.domain.state import PoolState
from poolwatch.host.threads import in_thread
from poolwatch.monitor.limits import Beside
from poolwatch.notify.channel import Channel, try_once

#: The outbox is looked at so often: other processes may put something in.
LOOK_SECONDS: Final = 5.0
#: Where the store takes nothing, it is asked again after this long.
UNKEPT_SECONDS: Final = 30.0
#: No two looks are closer together than this, whatever the clock says.
_LEAST_SECONDS: Final = 0.05
#: So long a try may go on when poolwatch is left; what it did not end by then is sent again.
LEAVING_SECONDS: Final = 0.5
#: The code under which an error of our own in here is told.
CODE: Final = "monitor.no_sender"

#: Makes words of a notice, with the names that accounts have now.
Wording = Callable[[Notice, PoolState], Outgoing]


class Line(Struct, frozen=True):
    """A channel that is set up. `build` loads what it sends with; it is called with its first notice."""

    marked: MarkedChannel
    build: Callable[[], Channel]


class Sender:
    """Sends until cancelled; `wake` says that there is something new in the outbox."""

    def __init__(self, lines: Sequence[Line], word: Wording) -> None:
        self._lines = lines
        self._word = word
        self._channels: dict[str, Channel] = {}
        self._woken = {line.marked.name: asyncio.Event() for line in lines}
        #: tries whose outcome the store did not take, by channel and id: nobody repeats them meanwhile
        self._unnoted: dict[str, dict[str, tuple[Delivery, SendOutcome]]] = {}
        self._told: tuple[ChannelHealth, ...] | None = None

    def wake(self) -> None:
        """Have the outbox looked at now."""
        for woken in self._woken.values():
            woken.set()

    async def run(self, beside: Beside) -> None:
        """Send what is due, channel by channel; ends only by cancellation."""
        known = [line.marked for line in self._lines]
        while not await beside.store.set_up_channels(known, beside.clock.now()):
            beside.errors.tried(CODE)
            await beside.clock.sleep(UNKEPT_SECONDS)
        await self._tell_health(beside)
        async with asyncio.TaskGroup() as group:
            for line in self._lines:
                work = partial(self._serve, line, beside)
                group.create_task(beside.errors.again(CODE, work))

    async def recall(self, beside: Beside) -> LimitsTold | None:
        """How the channels do, by the process that sends; None where nothing is new."""
        health = await beside.store.channel_health(beside.clock.now())
        if health == self._told:
            return None
        self._told = health
        return LimitsTold(channels=health)

    async def _serve(self, line: Line, beside: Beside) -> None:
        """Send to one channel what is due, in order."""
        name, clock = line.marked.name, beside.clock
        woken, unnoted = self._woken[name], self._unnoted.setdefault(name, {})
        while True:
            woken.clear()
            for delivery, outcome in list(unnoted.values()):
                await self._note(delivery, outcome, beside)
            now = clock.now()
            turn = await beside.store.turn(name, now, unnoted.keys())
            if turn is not None and turn.delivery is not None:
                await self._send(line, turn.delivery, beside)
                beside.errors.over(CODE)
                continue
            await self._tell_health(beside)
            due = LOOK_SECONDS
            if turn is not None and turn.next_at is not None:
                due = min(due, max((turn.next_at - now).total_seconds(), _LEAST_SECONDS))
            await _first_of(woken.wait(), clock.sleep(due))

    async def _send(self, line: Line, delivery: Delivery, beside: Beside) -> None:
        try:
            outgoing = self._word(delivery.notice, beside.ledger.state)
            channel = await self._channel(line)
        except Exception as error:  # noqa: BLE001 - one that cannot be worded holds up no other
            why = message("monitor.internal_error", type=type(error).__name__)
            await self._noted(delivery, Sent(SendOutcome.FAILED, why), beside)
            return
        trying = asyncio.create_task(try_once(channel, outgoing))
        try:
            sent = await asyncio.shield(trying)
        except asyncio.CancelledError:
            await asyncio.wait((trying,), timeout=LEAVING_SECONDS)
            if trying.done() and not trying.cancelled():
                await self._noted(delivery, trying.result(), beside)
            trying.cancel()
            await asyncio.wait((trying,), timeout=LEAVING_SECONDS)
            raise
        await self._noted(delivery, sent, beside)

    async def _channel(self, line: Line) -> Channel:
        """Built off the event loop: modules are read from disk, which may hang."""
        known = self._channels.get(line.marked.name)
        if known is None:
            known = self._channels[line.marked.name] = await in_thread(line.build)
        return known

    async def _noted(self, delivery: Delivery, sent: Sent, beside: Beside) -> None:
        """Keep what became of a try, now or as soon as the store takes it; and tell it."""
        after = delivery.after(sent, beside.clock.now())
        if after.given_up_at is not None:
            beside.recorder.tell([given_up(after.notice.channel, after.notice.id, after.given_up_at)])
        unnoted = self._unnoted.setdefault(after.notice.channel, {})
        unnoted[after.notice.id] = after, sent.outcome
        await self._note(after, sent.outcome, beside)
        if unnoted:
            beside.errors.tried(CODE)
        await self._tell_health(beside)

    async def _note(self, after: Delivery, outcome: SendOutcome, beside: Beside) -> None:
        if await beside.store.note_try(after, is_gone=outcome is SendOutcome.GONE):
            del self._unnoted[after.notice.channel][after.notice.id]

    async def _tell_health(self, beside: Beside) -> None:
        told = await self.recall(beside)
        if told is not None:
            beside.ledger.take(told)


async def _first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait for the first of these; the others end with it."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in tasks:
            each.cancel()
