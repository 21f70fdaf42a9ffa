"""The store: the database on one thread of its own, so that a slow disk never holds up the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from poolwatch.domain.pool import AccountState, PoolFacts
from poolwatch.domain.standing import Standing
from poolwatch.store.database import Database
from poolwatch.store.history import HistoryRow
from poolwatch.store.loading import ReadingsCache
from poolwatch.store.opening import StoreMode
from poolwatch.store.records import Ask, Request, RequestState
from poolwatch.store.thread import DatabaseThread

T = TypeVar("T")

#: A viewer looks this often (seconds) whether its request moved.
_LOOK_SECONDS: Final = 0.1
#: What waited longer than this when it is taken is answered as expired: its asker has given up.
REQUEST_PATIENCE: Final = timedelta(seconds=10)


class Store:
    """Keeps what outlives a run. Every method queues its work and gives its result; none raises.

    The database is opened by the first piece of work. What was asked for happens even when the asker
    is cancelled. After `close`, reading finds nothing and writing answers False.
    """

    def __init__(self, state_dir: Path, now: datetime, cache: ReadingsCache | None = None) -> None:
        """`now` stamps a damaged database that is set aside; `cache` holds accounts read before."""
        self._thread = DatabaseThread(state_dir, now, cache)

    @property
    def notices(self) -> tuple[str, ...]:
        """What people should know of the database now; empty until it is open."""
        return self._thread.notices

    async def ready(self) -> StoreMode:
        """Wait until the database is open; where what is saved goes."""
        return await self._ask(_mode, StoreMode.MEMORY)

    async def load_accounts(self) -> tuple[AccountState, ...] | None:
        """The last state of every account, None where it cannot be read.

        An account that did not change is the same object again.
        """
        return await self._ask(Database.load_accounts, ())

    async def load_some(self, ids: Collection[str]) -> tuple[AccountState, ...]:
        """The last state of those of these account ids that are stored."""
        return await self._ask(lambda held: held.load_some(ids), ())

    async def save(
        self,
        accounts: Iterable[AccountState],
        at: datetime,
        history: Sequence[HistoryRow] = (),
        gone: Iterable[str] = (),
    ) -> bool:
        """Forget the account ids in `gone`, then keep these accounts and history rows; all or nothing."""
        kept, forgotten = tuple(accounts), tuple(gone)
        return await self._ask(lambda held: held.save(kept, at, history, forgotten), otherwise=False)

    async def history(self, account_id: str, since: datetime) -> tuple[HistoryRow, ...]:
        """An account's history from `since` on, in order of time."""
        return await self._ask(lambda held: held.history(account_id, since), ())

    async def claim_poll(self, account_id: str, now: datetime, floor: timedelta) -> bool:
        """Whether an automatic poll may run now: records it, over all processes; see `Database`."""
        return await self._ask(lambda held: held.claim_poll(account_id, now, floor), otherwise=False)

    def note_poll(self, account_id: str, now: datetime) -> None:
        """Record a poll that somebody asked for, which no floor binds. The disk is not waited for.

        It is written shortly, with others of its kind, and before anything that is asked for after it.
        """
        self._thread.note_poll(account_id, now)

    async def last_polls(self) -> Mapping[str, datetime]:
        """When each account was last polled by any process, by account id."""
        return await self._ask(Database.last_polls, {})

    async def enqueue_request(self, ask: Ask, now: datetime, asked_by: str) -> int | None:
        """Ask the polling process for something; the request's number, None when the queue is not there."""
        numbers = await self.enqueue_requests((ask,), now, asked_by)
        return numbers[0] if numbers else None

    async def enqueue_requests(self, asks: Sequence[Ask], now: datetime, asked_by: str) -> tuple[int, ...]:
        """Ask for several things at once; their numbers in order, none when the queue is not there."""
        return await self._ask(lambda held: held.enqueue_requests(asks, now, asked_by), ())

    async def when_requested(self) -> None:
        """For the polling process: wait until something waits to be taken; for ever without a database.

        The thread looks for it, so that the event loop is not woken when there is nothing.
        """
        await self._answer(self._thread.when_requested())

    async def take_requests(
        self, now: datetime, patience: timedelta = REQUEST_PATIENCE
    ) -> tuple[Request, ...]:
        """For the polling process: everything that waits, oldest first."""
        return await self._ask(lambda held: held.take_requests(now, patience), ())

    async def finish_request(self, number: int, outcome: str, now: datetime) -> bool:
        """For the polling process: say how a request ended."""
        return await self._ask(lambda held: held.finish_request(number, outcome, now), otherwise=False)

    async def request_state(self, number: int) -> RequestState | None:
        """How far a request is; None when it is gone."""
        return await self._ask(lambda held: held.request_state(number), None)

    async def wait_taken(self, number: int, within: timedelta) -> RequestState | None:
        """Wait until the polling process takes a request; None, and the wish withdrawn, when it does not."""
        state = await self._wait(number, within, lambda found: found.taken_at or found.done_at)
        if state is None or state.taken_at is not None or state.done_at is not None:
            return state
        if await self._ask(lambda held: held.withdraw_request(number), otherwise=False):
            return None
        return await self.request_state(number)

    async def put_facts(self, facts: PoolFacts) -> bool:
        """Keep what is true of the whole pool."""
        return await self._ask(lambda held: held.put_facts(facts), otherwise=False)

    async def facts(self) -> PoolFacts:
        """What is known of the whole pool."""
        return await self._ask(Database.facts, PoolFacts())

    async def standings(self) -> Mapping[str, Standing]:
        """How secrets stand with pools, by mark."""
        return await self._ask(Database.standings, {})

    async def put_standing(self, mark: str, standing: Standing, now: datetime) -> bool:
        """Keep one; those that are over go."""
        return await self._ask(lambda held: held.put_standing(mark, standing, now), otherwise=False)

    async def drop_standing(self, mark: str) -> bool:
        """Forget one."""
        return await self._ask(lambda held: held.drop_standing(mark), otherwise=False)

    async def claim_try(self, mark: str, now: datetime) -> bool | None:
        """Whether what is refused may be sent once by hand; None where nothing can be recorded."""
        return await self._ask(lambda held: held.claim_try(mark, now), None)

    async def claim_trial(self, mark: str, now: datetime) -> bool | None:
        """Whether this process is to find out how a secret stands; None likewise."""
        return await self._ask(lambda held: held.claim_trial(mark, now), None)

    async def end_trial(self, mark: str) -> bool:
        """A trial came to nothing."""
        return await self._ask(lambda held: held.end_trial(mark), otherwise=False)

    def close(self, wait_seconds: float = 5.0) -> bool:
        """Finish what is queued and close; False when the disk took longer than that."""
        return self._thread.close(wait_seconds)

    async def aclose(self, wait_seconds: float = 5.0) -> bool:
        """`close` without holding up the event loop."""
        return await asyncio.to_thread(self.close, wait_seconds)

    async def _wait(
        self, number: int, within: timedelta, arrived: Callable[[RequestState], datetime | None]
    ) -> RequestState | None:
        """The state once `arrived` says so, or as it is when the time is over; None when it is gone."""
        state = None
        try:
            async with asyncio.timeout(within.total_seconds()):
                # another process makes the change: no event of this one could say so
                while True:
                    state = await self.request_state(number)
                    if state is None or arrived(state) is not None:
                        return state
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            return state or await self.request_state(number)

    async def _ask(self, work: Callable[[Database], T], otherwise: T) -> T:
        return await self._answer(self._thread.submit(work, otherwise))

    async def _answer(self, asked: Future[T]) -> T:
        # not asyncio.wrap_future: cancelling the asker must not take back a write, and the answer to an
        # asker whose event loop has closed in the meantime is dropped without a word
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()

        def deliver(done: Future[T]) -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, waiter, done)

        asked.add_done_callback(deliver)
        return await waiter


def _settle(waiter: asyncio.Future[T], done: Future[T]) -> None:
    if waiter.done():
        return
    error = done.exception()
    if error is None:
        waiter.set_result(done.result())
    else:
        waiter.set_exception(error)


def _mode(database: Database) -> StoreMode:
    return database.mode
