"""The thread that the database lives on; by itself it writes notes of polls and looks for requests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

from poolwatch.store.database import Database
from poolwatch.store.loading import ReadingsCache

T = TypeVar("T")

#: Notes of polls that come within this time (seconds) of one another are written together.
_NOTES_SECONDS: Final = 0.05
#: While somebody waits for requests, they are looked for this often (seconds), and before each piece of work.
_REQUESTS_SECONDS: Final = 0.5


class DatabaseThread:
    """Opens the database, does one piece of work after the other, and closes it in the end.

    What was asked for is done even when nobody waits for it any more.
    """

    def __init__(self, state_dir: Path, now: datetime, cache: ReadingsCache | None) -> None:
        self._database: Database | None = None
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._unopened: tuple[str, ...] = ()
        self._noted: dict[str, datetime] = {}
        #: who waits for requests
        self._waiting: Future[None] | None = None
        self._thread = threading.Thread(
            target=self._run, args=(state_dir, now, cache), name="poolwatch-store", daemon=True
        )
        self._thread.start()

    @property
    def notices(self) -> tuple[str, ...]:
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

    def _run(self, state_dir: Path, now: datetime, cache: ReadingsCache | None) -> None:
        try:
            self._database = Database(state_dir, now, cache)
        except Exception as error:  # noqa: BLE001 - without a database every answer is "nothing kept"
            self._unopened = (f"The database in {state_dir} could not be opened: {error}. Nothing is kept.",)
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
