"""The daemon: all that the app does but draw. It polls, or waits until polling falls to it, and says so."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from poolwatch import __version__
from poolwatch.bootstrap.log_lines import LogLines
from poolwatch.bootstrap.running import Running, open_monitor
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.domain.account import AccountKey
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.events import PoolChanged
from poolwatch.domain.message import Message
from poolwatch.domain.status import AccountStatus, Status, judge
from poolwatch.host.stopping import Stop
from poolwatch.net.names import run
from poolwatch.presentation.event_text import event_text
from poolwatch.presentation.masking import shown_name
from poolwatch.words.account import login_words
from poolwatch.words.daemon import said
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
    async with open_monitor(around, is_daemon=True) as running, asyncio.TaskGroup() as group:
        group.create_task(running.watch_places())
        group.create_task(_tell(running, lines))
        await running.monitor.run()


async def _tell(running: Running, lines: LogLines) -> None:
    """Say what happens, as it happens; ends only by cancellation."""
    news = News(running)
    async for change in running.monitor.ledger.changes():
        for line in news.of(change):
            lines.say(line)


class News:
    """What is new in a change of the pool, in lines. Of accounts only while this process polls."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._polls: bool | None = None
        self._notices: frozenset[str] = frozenset()
        self._kinds: dict[AccountKey, Status] = {}
        self._down: dict[str, datetime] = {}

    def of(self, change: PoolChanged) -> Iterator[str]:
        """The lines, in order."""
        yield from self._turn(change)
        yield from self._of_pool(change)
        if self._running.monitor.polls:
            yield from self._of_sources(change)
            yield from self._of_accounts(change)

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

    def _of_pool(self, change: PoolChanged) -> Iterator[str]:
        told = [message_text(each) for each in change.notices if each.code != VIEWER]
        yield from (self._running.around.told(text) for text in told if text not in self._notices)
        self._notices = frozenset(told)

    def _of_sources(self, change: PoolChanged) -> Iterator[str]:
        for name, source in change.state.sources.items():
            since = self._down.get(name)
            if source.failure is not None and since is None:
                self._down[name] = source.failing_since or self._now
                event = said("why", event=event_word(EventKind.SOURCE_DOWN), why=failure_text(source.failure))
                yield self._running.around.told(said("of_source", name=name, event=event))
            elif source.failure is None and since is not None:
                del self._down[name]
                back = LoggedEvent("", self._now, EventKind.SOURCE_BACK, source=name, until=since)
                yield said("of_source", name=name, event=event_text(back, self._now, None))

    def _of_accounts(self, change: PoolChanged) -> Iterator[str]:
        state, rules = change.state, self._running.around.rules.in_force(change.state)
        for key in state.accounts if change.keys is None else change.keys:
            account = state.accounts.get(key)
            if account is None:
                continue
            judged = judge(account, self._now, rules, state.clock_offset)
            before, kind = self._kinds.get(key), judged.status.kind
            self._kinds[key] = kind
            event = _event(before, judged.status, self._now)
            if event is not None:
                text = event_text(event, self._now + state.clock_offset, None)
                problem = judged.status.login_problem
                if problem is not None:
                    text = said("why", event=text, why=login_words(problem))
                name = shown_name(account, mask=self._running.around.settings.ui.mask)
                yield said("of_account", name=name, event=text)

    @property
    def _now(self) -> datetime:
        return self._running.services.clock.now()


def _event(before: Status | None, after: AccountStatus, now: datetime) -> LoggedEvent | None:
    """What befell an account whose status changed; at the start, what stands in the way is told as well."""
    if before is after.kind:
        return None
    match after.kind:
        case Status.EXHAUSTED:
            return LoggedEvent("", now, EventKind.EXHAUSTED, window=after.reason, until=after.until)
        case Status.NEEDS_LOGIN | Status.DEACTIVATED:
            return LoggedEvent("", now, EventKind.LOGIN_DIED)
        case Status.ACTIVE if before is Status.EXHAUSTED:
            return LoggedEvent("", now, EventKind.BACK)
        case Status.ACTIVE if before in (Status.NEEDS_LOGIN, Status.DEACTIVATED):
            return LoggedEvent("", now, EventKind.SIGNED_IN)
        case _:
            return None
