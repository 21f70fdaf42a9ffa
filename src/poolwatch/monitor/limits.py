"""What watches limits, and tells of them, beside the polls: alerts, budgets, and the sender of notices.

All of it runs in the process that polls, and only there; another one shows what the store holds. Nothing
of it is loaded before the first screen stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from poolwatch.domain.events import LimitsTold

if TYPE_CHECKING:
    from poolwatch.monitor.ledger import Clock, Ledger
    from poolwatch.monitor.own_errors import OwnErrors
    from poolwatch.monitor.recorder import Recorder
    from poolwatch.store.store import Store

#: Limits are first looked at so long after the start: the first readings have their turn before.
BEGIN_SECONDS: Final = 3.0


class Beside(Struct, frozen=True):
    """What a task beside the polls stands on."""

    ledger: Ledger
    store: Store
    recorder: Recorder
    clock: Clock
    errors: OwnErrors


class Task(Struct, frozen=True):
    """One task: the code by which an error of our own in it is told, and what it does until cancelled.

    Its work begins anew a minute after such an error; `errors.over(code)` says that it goes well again.
    """

    code: str
    work: Callable[[Beside], Awaitable[None]]


#: Takes over from the store what is told of something.
Recall: TypeAlias = "Callable[[Beside], Awaitable[LimitsTold | None]]"


class LimitWork(Struct, frozen=True):
    """Who does what; `bootstrap/running` puts it together."""

    #: done by the process that polls
    tasks: tuple[Task, ...] = ()
    #: what another one takes over from the store, every two seconds: cheap where nothing changed
    recalls: tuple[Recall, ...] = ()


class Limits:
    """Runs the tasks; `load` is called once the first screen has had its time."""

    def __init__(self, beside: Beside, load: Callable[[], LimitWork] | None) -> None:
        self._beside = beside
        self._load = load
        self._work: LimitWork | None = None

    async def run(self) -> None:
        """Run every task until cancelled; none of them ends another, or the polls."""
        await self._beside.clock.sleep(BEGIN_SECONDS)
        async with asyncio.TaskGroup() as group:
            for task in self._loaded().tasks:
                group.create_task(self._beside.errors.again(task.code, partial(task.work, self._beside)))

    async def recall(self) -> None:
        """For a process that does not poll: tell what the store holds."""
        for recall in self._loaded().recalls:
            told = await recall(self._beside)
            if told is not None:
                self._beside.ledger.take(told)

    def _loaded(self) -> LimitWork:
        if self._work is None:
            self._work = LimitWork() if self._load is None else self._load()
        return self._work
