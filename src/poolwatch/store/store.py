"""The store: the database on one thread of its own, so that a slow disk never holds up the screen."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Concatenate, Final, ParamSpec, TypeAlias, TypeVar

from poolwatch.domain.message import Message, message
from poolwatch.domain.series import Timeline
from poolwatch.domain.state import PoolFacts
from poolwatch.store.database import Database
from poolwatch.store.opening import StoreMode
from poolwatch.store.readings import AccountCache
from poolwatch.store.requests import OwnerRequest, QueuedRequest, RequestProgress

T = TypeVar("T")
P = ParamSpec("P")
Queued: TypeAlias = Callable[Concatenate["Store", P], Coroutine[Any, Any, T]]

#: A viewer looks this often (seconds) whether its request moved.
_LOOK_SECONDS: Final = 0.1
#: What waited longer than this when it is taken is answered as expired: its asker has given up.
REQUEST_PATIENCE: Final = timedelta(seconds=10)
#: Notes of polls that come within this time (seconds) of one another are written together.
_NOTES_SECONDS: Final = 0.05
#: While somebody waits for requests, they are looked for this often (seconds), and before each piece of work.
_REQUESTS_SECONDS: Final = 0.5


def _queued(work: Callable[Concatenate[Database, P], T], otherwise: T) -> Queued[P, T]:
    """The database's method as one of the store; `otherwise` is the answer where there is no database."""

    async def asked(self: Store, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._ask(lambda held: work(held, *args, **kwargs), otherwise)

    return asked


class Store:
    """Keeps what outlives a run. Every method queues its work and gives its result; none raises.

    The database is opened by the first piece of work. What was asked for happens even when the asker
    is cancelled. After `close`, reading finds nothing and writing answers False.
    """

    def __init__(self, state_dir: Path, now: datetime, cache: AccountCache | None = None) -> None:
        """`now` stamps a damaged database that is set aside; `cache` holds accounts read before."""
        self._thread = DatabaseThread(state_dir, now, cache)

    load_accounts = _queued(Database.load_accounts, ())
    load_some = _queued(Database.load_some, ())
    save = _queued(Database.save, otherwise=False)
    history = _queued(Database.history, ())
    timeline = _queued(Database.timeline, Timeline())
    balance_timeline = _queued(Database.balance_timeline, Timeline())
    gaps = _queued(Database.gaps, ())
    figures = _queued(Database.figures, ())
    cycles = _queued(Database.cycles, {})
    damaged = _queued(Database.damaged, 0)
    identities = _queued(Database.identities, ())
    take_readings = _queued(Database.take_readings, None)
    imports = _queued(Database.imports, None)
    finish_import = _queued(Database.finish_import, otherwise=False)
    events = _queued(Database.events, ())
    events_since = _queued(Database.events_since, None)
    looked_at = _queued(Database.looked_at, None)
    put_looked_at = _queued(Database.put_looked_at, otherwise=False)
    alert_book = _queued(Database.alert_book, None)
    silences = _queued(Database.silences, None)
    top_ups = _queued(Database.top_ups, {})
    put_alerts = _queued(Database.put_alerts, otherwise=False)
    silence = _queued(Database.silence, otherwise=False)
    unsilence = _queued(Database.unsilence, None)
    running_budgets = _queued(Database.running_budgets, None)
    begin_budget = _queued(Database.begin_budget, otherwise=False)
    end_periods = _queued(Database.end_periods, otherwise=False)
    rewind_budget = _queued(Database.rewind_budget, otherwise=False)
    forget_budgets = _queued(Database.forget_budgets, otherwise=False)
    rename_budget = _queued(Database.rename_budget, otherwise=False)
    ended_periods = _queued(Database.ended_periods, ())
    balances = _queued(Database.balances, {})
    put_balance = _queued(Database.put_balance, None)
    proposals = _queued(Database.proposals, {})
    judge_proposal = _queued(Database.judge_proposal, None)
    claim_report = _queued(Database.claim_report, otherwise=False)
    put_report = _queued(Database.put_report, otherwise=False)
    kept_report = _queued(Database.kept_report, None)
    outlooks = _queued(Database.outlooks, ({}, None))
    put_outlooks = _queued(Database.put_outlooks, otherwise=False)
    put_notices = _queued(Database.put_notices, otherwise=False)
    turn = _queued(Database.turn, None)
    note_try = _queued(Database.note_try, otherwise=False)
    set_up_channels = _queued(Database.set_up_channels, otherwise=False)
    resend = _queued(Database.resend, None)
    deliveries = _queued(Database.deliveries, ())
    channel_health = _queued(Database.channel_health, ())
    claim_poll = _queued(Database.claim_poll, otherwise=False)
    last_polls = _queued(Database.last_polls, {})
    give_out = _queued(Database.give_out, None)
    enqueue_requests = _queued(Database.enqueue_requests, ())
    finish_request = _queued(Database.finish_request, otherwise=False)
    request_progress = _queued(Database.request_progress, None)
    facts = _queued(Database.facts, PoolFacts())
    put_facts = _queued(Database.put_facts, otherwise=False)
    key_states = _queued(Database.key_states, {})
    put_key_state = _queued(Database.put_key_state, otherwise=False)
    drop_key_state = _queued(Database.drop_key_state, otherwise=False)
    claim_try = _queued(Database.claim_try, None)
    claim_trial = _queued(Database.claim_trial, None)
    end_trial = _queued(Database.end_trial, otherwise=False)

    @property
    def notices(self) -> tuple[Message, ...]:
        """What people should know of the database now; empty until it is open."""
        return self._thread.notices

    async def ready(self) -> StoreMode:
        """Wait until the database is open; where what is saved goes."""
        return await self._ask(lambda held: held.mode, StoreMode.MEMORY)

    def note_poll(self, account_id: str, now: datetime) -> None:
        """Record a poll that somebody asked for, which no floor binds. The disk is not waited for.

        It is written shortly, with others of its kind, and before anything that is asked for after it.
        """
        self._thread.note_poll(account_id, now)

    async def enqueue_request(self, request: OwnerRequest, now: datetime, asked_by: str) -> int | None:
        """Ask the owner for something; the request's number, None when the queue is not there."""
        numbers = await self.enqueue_requests((request,), now, asked_by)
        return numbers[0] if numbers else None

    async def when_requested(self) -> None:
        """For the owner: wait until something waits to be taken; for ever without a database.

        The thread looks for it, so that the event loop is not woken when there is nothing.
        """
        await self._answer(self._thread.when_requested())

    async def take_requests(
        self, now: datetime, patience: timedelta = REQUEST_PATIENCE
    ) -> tuple[QueuedRequest, ...]:
        """For the owner: everything that waits, oldest first."""
        return await self._ask(lambda held: held.take_requests(now, patience), ())

    async def wait_taken(self, number: int, within: timedelta) -> RequestProgress | None:
        """Wait until the owner takes a request; None, and the request withdrawn, when it does not."""
        progress = None
        # another process makes the change: no event of this one could say so
        with suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                while True:
                    progress = await self.request_progress(number)
                    if progress is None or progress.taken_at or progress.done_at:
                        return progress
                    await asyncio.sleep(_LOOK_SECONDS)
        if await self._ask(lambda held: held.withdraw_request(number), otherwise=False):
            return None
        return await self.request_progress(number)

    def close(self, wait_seconds: float = 5.0) -> bool:
        """Finish what is queued and close; False when the disk took longer than that."""
        return self._thread.close(wait_seconds)

    async def aclose(self, wait_seconds: float = 5.0) -> bool:
        """`close` without holding up the event loop."""
        return await asyncio.to_thread(self.close, wait_seconds)

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


class DatabaseThread:
    """Opens the database, does one piece of work after the other, and closes it in the end.

    What was asked for is done even when nobody waits for it any more.
    """

    def __init__(self, state_dir: Path, now: datetime, cache: AccountCache | None) -> None:
        self._database: Database | None = None
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._unopened: tuple[Message, ...] = ()
        self._noted: dict[str, datetime] = {}
        #: who waits for requests
        self._waiting: Future[None] | None = None
        self._thread = threading.Thread(
            target=self._run, args=(state_dir, now, cache), name="poolwatch-store", daemon=True
        )
        self._thread.start()

    @property
    def notices(self) -> tuple[Message, ...]:
        """What people should know of the database now; empty until it is open."""
        database = self._database
        return self._unopened if database is None else database.notices

    def submit(self, work: Callable[[Database], T], otherwise: T) -> Future[T]:
        """Queue a piece of work; without a database, or after `close`, the answer is `otherwise`."""
        future: Future[T] = Future()

        def step() -> None:
            try:
                future.set_result(otherwise if self._database is None else work(self._database))
            except BaseException as error:  # noqa: BLE001 - the one who asked gets it, the thread lives on
                future.set_exception(error)

        with self._gate:
            if self._closed:
                future.set_result(otherwise)
            else:
                self._queue.put(step)
        return future

    def note_poll(self, account_id: str, now: datetime) -> None:
        """Write this down shortly, with others of its kind, and before any work that is queued after it."""
        with self._gate:
            if self._closed:
                return
            is_first = not self._noted
            self._noted[account_id] = now
            if is_first:
                self._queue.put(_look_again)

    def when_requested(self) -> Future[None]:
        """Done when a request waits to be taken; never without a database. Only the newest is minded."""
        waiting: Future[None] = Future()
        with self._gate:
            if not self._closed:
                self._waiting = waiting
                self._queue.put(_look_again)
        return waiting

    def close(self, wait_seconds: float) -> bool:
        """Finish what is queued and close; False when the disk took longer than that."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join(wait_seconds)
        return not self._thread.is_alive()

    def _run(self, state_dir: Path, now: datetime, cache: AccountCache | None) -> None:
        try:
            self._database = Database(state_dir, now, cache)
        except Exception as error:  # noqa: BLE001 - without a database every answer is "nothing kept"
            self._unopened = (message("store.not_opened", path=state_dir, error=error),)
        try:
            while (step := self._next()) is not None:
                step()
                # its answer, perhaps all accounts, is not held until there is more to do
                del step
        finally:
            if self._database is not None:
                self._database.close()

    def _next(self) -> Callable[[], None] | None:
        """The next piece of work, every poll that was noted before it written; None at the end."""
        while True:
            try:
                step = self._queue.get(timeout=self._patience())
            except Empty:
                step = _look_again
                self._write_notes()
            self._look_for_requests()
            if step is _look_again:
                continue
            self._write_notes()
            return step

    def _patience(self) -> float | None:
        if self._noted:
            return _NOTES_SECONDS
        return _REQUESTS_SECONDS if self._waiting is not None else None

    def _write_notes(self) -> None:
        with self._gate:
            noted, self._noted = self._noted, {}
        if noted and self._database is not None:
            self._database.note_polls(noted)

    def _look_for_requests(self) -> None:
        if self._waiting is None or self._database is None or not self._database.has_requests():
            return
        with self._gate:
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set_result(None)


def _look_again() -> None:
    """Work that is none: the thread notices that there is something to do by itself."""
