"""The database's operations, for one thread. SQLite's errors end here: a refusal and words for people."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from poolwatch.domain.pool import AccountState, PoolFacts
from poolwatch.domain.standing import Standing
from poolwatch.host.instants import to_micros
from poolwatch.store import history_table, meta, polls, requests, standings
from poolwatch.store.codec import encode_account
from poolwatch.store.history import HistoryRow
from poolwatch.store.loading import ReadingsCache, read_accounts, read_facts, read_some
from poolwatch.store.opening import StoreMode, in_words, open_database
from poolwatch.store.records import Ask, Request, RequestState
from poolwatch.store.retention import Retention

T = TypeVar("T")

# what notices say could not be read or written
_READINGS: Final = "readings"
_HISTORY: Final = "history"
_POLLS: Final = "poll times"
_REQUESTS: Final = "requests"
_FACTS: Final = "facts about the pool"
_STANDINGS: Final = "refusals of pools"

# UnicodeError: SQLite quotes a damaged table definition, and its bytes are no text any more
_FAILURES: Final = (sqlite3.Error, OverflowError, UnicodeError)


class Database:
    """One connection. `notices` says what people should know about it; it may be read from any thread."""

    def __init__(self, state_dir: Path, now: datetime, cache: ReadingsCache | None = None) -> None:
        opened = open_database(state_dir, now)
        self.mode: Final = opened.mode
        self._connection = opened.connection
        self._opening_notice = opened.notice
        # by what was tried, so that a success elsewhere does not hide a failure that lasts
        self._troubles: dict[str, str] = {}
        self._skipped = 0
        self._cache = cache or ReadingsCache()
        #: at which version of the file all accounts were last read, and which there were
        self._loaded_version: tuple[int, int] | None = None
        self._loaded_ids: tuple[str, ...] = ()
        self._retention = Retention()
        # the floor of this process alone, for when the shared one cannot be written
        self._own_polls: dict[str, datetime] = {}

    @property
    def notices(self) -> tuple[str, ...]:
        """What is unusual about the database, in sentences; empty when nothing is."""
        skipped = self._skipped
        left_out = (
            f"{skipped} stored account{'s' if skipped > 1 else ''} could not be read and will be asked anew."
        )
        found = (self._opening_notice, *self._troubles.copy().values(), left_out if skipped else None)
        return tuple(dict.fromkeys(notice for notice in found if notice))

    def close(self) -> None:
        """Close the connection."""
        with suppress(sqlite3.Error):
            self._connection.close()

    # -- readings and history

    def load_accounts(self) -> tuple[AccountState, ...] | None:
        """The last state of every account, by id; None where it cannot be read, which is not: none.

        A row that did not change is the same object again.
        """
        version = self._read(_READINGS, _version, None)
        if version is not None and version == self._loaded_version:
            # who watches another process looks every second, and mostly nothing was written
            known = self._cache.accounts(self._loaded_ids)
            if known is not None:
                return known
        loaded = self._read(_READINGS, lambda held: read_accounts(held, self._cache), None)
        if loaded is None:
            return None
        self._skipped = loaded.skipped
        self._loaded_version = version
        self._loaded_ids = tuple(account.key.id for account in loaded.accounts)
        return loaded.accounts

    def load_some(self, ids: Collection[str]) -> tuple[AccountState, ...]:
        """Those of these account ids that are stored and can be read."""
        loaded = self._read(_READINGS, lambda held: read_some(held, ids, self._cache), None)
        return () if loaded is None else loaded.accounts

    def save(
        self,
        accounts: Iterable[AccountState],
        at: datetime,
        history: Sequence[HistoryRow] = (),
        gone: Iterable[str] = (),
    ) -> bool:
        """Forget the account ids in `gone`, then keep these accounts and history rows; all or nothing."""
        rows = [(account.key.id, encode_account(account), to_micros(at)) for account in accounts]
        forgotten = [(account_id,) for account_id in gone]

        def work(held: sqlite3.Connection) -> bool:
            held.executemany("DELETE FROM readings WHERE account_id = ?", forgotten)
            held.executemany(
                "INSERT INTO readings (account_id, doc, updated_at) VALUES (?, ?, ?) ON CONFLICT (account_id)"
                " DO UPDATE SET doc = excluded.doc, updated_at = excluded.updated_at",
                rows,
            )
            history_table.append(held, history)
            self._retention.thin(held, at)
            return True

        return self._write(_READINGS, work, otherwise=False)

    def history(self, account_id: str, since: datetime) -> tuple[HistoryRow, ...]:
        """An account's history from `since` on, in order of time; it outlives the account's state."""
        return self._read(_HISTORY, lambda held: history_table.rows_since(held, account_id, since), ())

    # -- the floor between polls

    def claim_poll(self, account_id: str, now: datetime, floor: timedelta) -> bool:
        """Record a poll unless any process recorded one less than `floor` from `now`; whether it may run.

        A poll recorded in the future by more than the floor was recorded under a wrong clock and does
        not count. A floor of zero always claims. Where nothing can be written, this process alone is held.
        """

        claimed = self._write(_POLLS, lambda held: polls.claim(held, account_id, now, floor), otherwise=None)
        if claimed is None:
            last = self._own_polls.get(account_id) or self.last_polls().get(account_id)
            claimed = last is None or abs(now - last) >= floor
        if claimed:
            self._own_polls[account_id] = now
        return claimed

    def note_polls(self, polled: Mapping[str, datetime]) -> bool:
        """Record polls that no floor binds, by account id; all or nothing."""
        self._own_polls.update(polled)
        return self._write(_POLLS, lambda held: polls.note(held, polled), otherwise=False)

    def last_polls(self) -> Mapping[str, datetime]:
        """When each account was last polled, by any process, by account id."""
        return self._read(_POLLS, polls.last, {})

    # -- viewers and the poller

    def enqueue_requests(self, asks: Sequence[Ask], now: datetime, asked_by: str) -> tuple[int, ...]:
        """Put wishes into the queue; their numbers, none when that failed."""
        return self._write(_REQUESTS, lambda held: requests.enqueue(held, asks, now, asked_by), otherwise=())

    def has_requests(self) -> bool:
        """Whether something waits in the queue."""
        return self._read(_REQUESTS, requests.is_waiting, otherwise=False)

    def take_requests(self, now: datetime, patience: timedelta) -> tuple[Request, ...]:
        """Take what waits in the queue; what waited longer than `patience` ends as expired."""
        if not self.has_requests():
            return ()
        return self._write(_REQUESTS, lambda held: requests.take(held, now, patience), otherwise=())

    def finish_request(self, number: int, outcome: str, now: datetime) -> bool:
        """Say how a request ended."""
        return self._write(
            _REQUESTS, lambda held: requests.finish(held, number, outcome, now), otherwise=False
        )

    def withdraw_request(self, number: int) -> bool:
        """Take a wish back; False when it is being worked on already."""
        return self._write(_REQUESTS, lambda held: requests.withdraw(held, number), otherwise=False)

    def request_state(self, number: int) -> RequestState | None:
        """How far a request is."""
        return self._read(_REQUESTS, lambda held: requests.look_up(held, number), None)

    def put_facts(self, facts: PoolFacts) -> bool:
        """Keep what is true of the whole pool."""
        return self._write(_FACTS, lambda held: meta.put_facts(held, facts), otherwise=False)

    def facts(self) -> PoolFacts:
        """What is known of the whole pool."""
        return self._read(_FACTS, read_facts, PoolFacts())

    # -- what pools refused

    def standings(self) -> Mapping[str, Standing]:
        """How secrets stand with pools, by mark."""
        return self._read(_STANDINGS, standings.all_of_them, {})

    def put_standing(self, mark: str, standing: Standing, now: datetime) -> bool:
        """Keep one."""
        return self._write(_STANDINGS, lambda held: standings.put(held, mark, standing, now), otherwise=False)

    def drop_standing(self, mark: str) -> bool:
        """Forget one."""
        return self._write(_STANDINGS, lambda held: standings.drop(held, mark), otherwise=False)

    def claim_try(self, mark: str, now: datetime) -> bool | None:
        """Whether what is refused may be sent once by hand; None where nothing can be recorded."""
        return self._write(_STANDINGS, lambda held: standings.claim_try(held, mark, now), otherwise=None)

    def claim_trial(self, mark: str, now: datetime) -> bool | None:
        """Whether this process is to find out how a secret stands; None likewise."""
        return self._write(_STANDINGS, lambda held: standings.claim_trial(held, mark, now), otherwise=None)

    def end_trial(self, mark: str) -> bool:
        """A trial came to nothing."""
        return self._write(_STANDINGS, lambda held: standings.end_trial(held, mark), otherwise=False)

    def _read(self, what: str, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        try:
            result = work(self._connection)
        except _FAILURES as error:
            self._troubles[f"read {what}"] = f"The database's {what} could not be read: {_words(error)}."
            return otherwise
        else:
            self._troubles.pop(f"read {what}", None)
            return result

    def _write(self, what: str, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        if self.mode is StoreMode.READ_ONLY:
            return otherwise
        held = self._connection
        try:
            held.execute("BEGIN IMMEDIATE")
            result = work(held)
            held.execute("COMMIT")
        except _FAILURES as error:
            self._troubles[f"write {what}"] = (
                f"The database's {what} could not be written: {_words(error)}. "
                "What is on screen is current, but the latest is not kept."
            )
            return otherwise
        else:
            self._troubles.pop(f"write {what}", None)
            return result
        finally:
            if held.in_transaction:
                with suppress(sqlite3.Error):
                    held.execute("ROLLBACK")


def _version(held: sqlite3.Connection) -> tuple[int, int]:
    """Another value after every commit: the first by other connections, the second by this one."""
    (others,) = held.execute("PRAGMA data_version").fetchone()
    return int(others), held.total_changes


def _words(error: Exception) -> str:
    return in_words(error) if isinstance(error, sqlite3.Error) else str(error)
