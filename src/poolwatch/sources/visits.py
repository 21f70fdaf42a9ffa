"""Visits to a thread, shared by those who want something of it at the same moment, or soon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Final, Generic, TypeVar

from poolwatch.host.threads import in_thread

Q = TypeVar("Q", bound=Hashable)
A = TypeVar("A")

#: So many questions a visit takes along, and for so long what it brought counts.
HANDFUL: Final = 16
FRESH_SECONDS: Final = 1.0
_FEW: Final = 4


class Visits(Generic[Q, A]):
    """Asks `answer` on a thread. Going there and back costs more than looking at a file that is known.

    Only questions of the same turn of the event loop share a visit, and any number of visits run side by
    side: a disk that hangs holds up what was asked together with it, and nothing that is asked later. A visit
    for few takes some of the questions along that are foreseen.
    """

    def __init__(self, answer: Callable[[Q], A]) -> None:
        self._answer = answer
        self._asked: list[tuple[Q, asyncio.Future[A]]] = []
        self._running: set[asyncio.Task[None]] = set()
        #: in the order in which they will be asked
        self._foreseen: dict[Q, None] = {}
        #: what a visit is under way for, and by the loop's clock since when
        self._under_way: dict[Q, tuple[asyncio.Future[A], float]] = {}
        #: what was taken along, and by the loop's clock when
        self._ahead: dict[Q, tuple[asyncio.Future[A], float]] = {}

    def foresee(self, questions: Iterable[Q]) -> None:
        """These will be asked in this order, one soon after the other; what was foreseen before is not."""
        self._foreseen = dict.fromkeys(questions)

    async def ask(self, question: Q) -> A:
        """The answer, or the exception that it ended in."""
        loop = asyncio.get_running_loop()
        self._foreseen.pop(question, None)
        waiter, taken_at = self._ahead.pop(question, (None, 0.0))
        if waiter is None or loop.time() - taken_at > FRESH_SECONDS:
            waiter = self._hanging(question) or self._want(question)
        # who waits no longer takes the answer from nobody else
        return await asyncio.shield(waiter)

    def _hanging(self, question: Q) -> asyncio.Future[A] | None:
        """The answer that a visit is for long to bring: one more would hang as well."""
        waiter, since = self._under_way.get(question, (None, 0.0))
        is_late = asyncio.get_running_loop().time() - since > FRESH_SECONDS
        return waiter if is_late else None

    def _want(self, question: Q) -> asyncio.Future[A]:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[A] = loop.create_future()
        if not self._asked:
            loop.call_soon(self._go)
        self._asked.append((question, waiter))
        return waiter

    def _go(self) -> None:
        now = asyncio.get_running_loop().time()
        # many at once wait for their answers already
        room = HANDFUL - len(self._asked) if len(self._asked) <= _FEW else 0
        for question in tuple(islice(self._foreseen, room)):
            del self._foreseen[question]
            waiter = self._want(question)
            # it may never be asked for
            waiter.add_done_callback(_look_at)
            self._ahead[question] = (waiter, now)
        asked, self._asked = self._asked, []
        for question, waiter in asked:
            self._under_way[question] = waiter, now
        task = asyncio.create_task(self._visit(asked))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _visit(self, asked: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            told = await in_thread(partial(self._answers, [question for question, _ in asked]))
        except Exception as error:  # noqa: BLE001 - no thread could be started: it is for those who asked
            told = [partial(_fail, error)] * len(asked)
        except BaseException:
            for _, waiter in asked:
                waiter.cancel()
            raise
        for question, waiter in asked:
            # a later visit for the same may be under way still, or over already
            if self._under_way.get(question, (None, 0.0))[0] is waiter:
                del self._under_way[question]
        for (_, waiter), settle in zip(asked, told, strict=True):
            if not waiter.done():  # else nobody waits for it any more
                settle(waiter)

    def _answers(self, questions: Sequence[Q]) -> list[Callable[[asyncio.Future[A]], None]]:
        told: list[Callable[[asyncio.Future[A]], None]] = []
        for question in questions:
            try:
                told.append(partial(_give, self._answer(question)))
            except Exception as error:  # noqa: BLE001 - it is for the one who asked
                told.append(partial(_fail, error))
        return told


def _look_at(waiter: asyncio.Future[A]) -> None:
    if not waiter.cancelled():
        waiter.exception()


def _give(answer: A, waiter: asyncio.Future[A]) -> None:
    waiter.set_result(answer)


def _fail(error: Exception, waiter: asyncio.Future[A]) -> None:
    waiter.set_exception(error)
