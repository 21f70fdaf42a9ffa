"""The daemon: all that the app does but draw. It polls, or waits until polling falls to it, and says so."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from poolwatch import __version__
from poolwatch.bootstrap.log_lines import LogLines
from poolwatch.bootstrap.running import Running, open_monitor
from poolwatch.bootstrap.scanning import keep_reading
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.bootstrap.whose import mind_use
from poolwatch.domain.audit import By
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.events import PoolChanged
from poolwatch.domain.message import Message
from poolwatch.domain.overview import overview
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import Section
from poolwatch.host.stopping import Stop
from poolwatch.net.names import run
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.event_text import event_subject, event_text
from poolwatch.words import events
from poolwatch.words.daemon import said, watched
from poolwatch.words.events import event_word
from poolwatch.words.interface import VIEWER
from poolwatch.words.messages import failure_text, message_text


def run_daemon(around: Surroundings, stop: Stop, lines: LogLines) -> int:
    """Poll, or wait to, until a signal comes; the exit code. An error of our own is raised."""
    code = run(_until(stop, _work(around, lines), lines))
    lines.close()
    return code


async def _until(stop: Stop, work: Coroutine[Any, Any, None], lines: LogLines) -> int:
    working, asked = asyncio.create_task(work), asyncio.create_task(stop.asked())
    await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
    if stop.code is None:
        asked.cancel()
        await working
        raise RuntimeError("the monitor ended by itself")
    lines.say(said("ending"))
    working.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await working
    return stop.code


async def _work(around: Surroundings, lines: LogLines) -> None:
    monitored = ", ".join(source.name for source in around.sources)
    lines.say(said("started", version=__version__, pid=os.getpid(), monitored=monitored))
    async with (
        open_monitor(around, is_daemon=True, by=By.BACKGROUND) as running,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(running.watch_places())
        group.create_task(mind_use(running))
        group.create_task(keep_reading(running))
        group.create_task(_tell(running, lines))
        await running.monitor.run()


async def _tell(running: Running, lines: LogLines) -> None:
    """Say what happens, as it happens; ends only by cancellation."""
    news = News(running)

    def tell_events(events: Sequence[LoggedEvent]) -> None:
        for event in events:
            lines.say(news.of_event(event))

    running.monitor.recorder.on_events(tell_events)
    async for change in running.monitor.ledger.changes():
        for line in news.of_change(change):
            lines.say(line)


class News:
    """What is new, in lines; masked where the settings want that."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._polls: bool | None = None
        self._notices: frozenset[str] = frozenset()
        #: how all stood as this process began to poll was told
        self._began = False

    def of_change(self, change: PoolChanged) -> Iterator[str]:
        """What is new of the pool as a whole."""
        yield from self._turn(change)
        told = [message_text(each) for each in change.notices if each.code != VIEWER]
        yield from (self._running.around.told(text) for text in told if text not in self._notices)
        self._notices = frozenset(told)
        if self._polls and not self._began and self._is_known(change.state):
            self._began = True
            yield from self._beginning(change.state)

    def of_event(self, event: LoggedEvent) -> str:
        """One event: whom it befell, and what it is."""
        running, state = self._running, self._running.monitor.state
        accounts = {key.id: account for key, account in state.accounts.items()}
        names = AccountNames(accounts, running.around.settings.ui.mask)
        bucket = names.bucket(event.account_id, event.bucket)
        text = event_text(event, self._now + state.clock_offset, None, bucket)
        source = state.sources.get(event.source or "")
        if event.kind is EventKind.SOURCE_DOWN and source is not None and source.failure is not None:
            text = said("why", event=text, why=failure_text(source.failure))
        return running.around.told(said("event", subject=event_subject(event, names), event=text))

    def _turn(self, change: PoolChanged) -> Iterator[str]:
        """Whose turn it is to poll."""
        holder = next((each for each in change.notices if each.code == VIEWER), None)
        polls = self._running.monitor.polls
        if polls and self._polls is not True:
            self._polls = True
            yield said("polling")
        elif holder is not None and not polls and self._polls is not False:
            self._polls = False
            who = dict(holder.arguments)["holder"]
            yield said("waiting", holder=message_text(who) if isinstance(who, Message) else who)

    def _is_known(self, state: PoolState) -> bool:
        """Whether every source has answered, and everybody was asked who can be."""
        live = self._running.monitor.poller.live_listing
        return state.settled and all(
            account.tried_at is not None or live(account) is None for account in state.accounts.values()
        )

    def _beginning(self, state: PoolState) -> Iterator[str]:
        """How all stand as it begins: what changes from then on are events."""
        seen = overview(state, self._now, self._running.around.rules)
        count = seen.by_section
        yield watched(
            len(seen.accounts),
            *(count[each] for each in (Section.ACTIVE, Section.EXHAUSTED, Section.NEEDS_YOU, Section.REST)),
        )
        for name, source in state.sources.items():
            if source.failure is not None:
                down = said("why", event=event_word(EventKind.SOURCE_DOWN), why=failure_text(source.failure))
                yield self._running.around.told(said("event", subject=events.source(name), event=down))

    @property
    def _now(self) -> datetime:
        return self._running.services.clock.now()
