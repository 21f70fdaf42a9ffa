"""The database's operations, for one thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from poolwatch.domain.cycles import Cycle
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.message import message
from poolwatch.domain.outlook import AccountOutlook, PoolOutlook
from poolwatch.domain.series import FigureName, Finest, Gap, HistoryRow, Timeline
from poolwatch.domain.state import AccountState, KeyState, PoolFacts
from poolwatch.store import cycles as past_cycles
from poolwatch.store import events as event_log
from poolwatch.store import history, identities, key_states, outlooks, polling, readings, requests
from poolwatch.store.access import FAILURES, why_not
from poolwatch.store.documents import encode_account
from poolwatch.store.identities import Identity
from poolwatch.store.limit_tables import LimitTables
from poolwatch.store.opening import open_database
from poolwatch.store.readings import AccountCache
from poolwatch.store.requests import OwnerRequest, QueuedRequest, RequestProgress
from poolwatch.store.retention import Retention

if TYPE_CHECKING:
    from poolwatch.domain.balances import BalanceState
    from poolwatch.domain.check import Given
    from poolwatch.domain.workspace_usage import DaysReported, KeptReport
    from poolwatch.store.lines import PastReading


class Database(LimitTables):
    """One connection, and all that is done over it. `notices` may be read from any thread."""

    def __init__(self, state_dir: Path, now: datetime, cache: AccountCache | None = None) -> None:
        super().__init__(open_database(state_dir, now))
        self._cache = cache or AccountCache()
        #: all accounts, and at which version of the file they were read
        self._loaded: tuple[tuple[int, int] | None, tuple[AccountState, ...]] | None = None
        self._retention = Retention()
        # the floor of this process alone, for when the shared one cannot be written
        self._own_polls: dict[str, datetime] = {}

    # -- readings and history

    def load_accounts(self) -> tuple[AccountState, ...] | None:
        """The last state of every account, by id; None where it cannot be read, which is not: none.

        A row that did not change is the same object again.
        """
        version = self._read("readings", None, _version)
        # who watches another process looks every second, and mostly nothing was written
        if self._loaded is not None and version is not None and self._loaded[0] == version:
            return self._loaded[1]
        loaded = self._read("readings", None, readings.read_accounts, self._cache)
        if loaded is None:
            return None
        self._skipped = loaded.skipped
        self._loaded = version, loaded.accounts
        return loaded.accounts

    def load_some(self, ids: Collection[str]) -> tuple[AccountState, ...]:
        """Those of these account ids that are stored and can be read."""
        loaded = self._read("readings", None, readings.read_some, ids, self._cache)
        return () if loaded is None else loaded.accounts

    def save(
        self,
        accounts: Collection[AccountState],
        at: datetime,
        rows: Sequence[HistoryRow] = (),
        gone: Collection[str] = (),
        *,
        cycles: Sequence[Cycle] = (),
        events: Sequence[LoggedEvent] = (),
        gaps: Sequence[tuple[str, Gap]] = (),
    ) -> bool:
        """Forget the account ids in `gone`, then keep all these; all or nothing. `gaps` by account id.

        A history row or cycle replaces that of the same figure and beginning; an event that is there stays.
        """
        documents = [(account.key.id, encode_account(account)) for account in accounts]
        known = identities.identities_of(accounts)

        def work(held: sqlite3.Connection) -> bool:
            readings.drop_accounts(held, gone)
            outlooks.drop(held, gone)
            readings.put_accounts(held, documents, at)
            identities.put(held, known)
            history.append(held, rows)
            history.put_gaps(held, gaps)
            past_cycles.put(held, cycles)
            event_log.append(held, events)
            self._thin(held, at)
            return True

        # the one who saves knows them: they are not held here as well
        self._loaded = None
        self._cache.forget(account_id for account_id, _ in documents)
        return self._write("readings", False, work)

    def put_balance(self, state: BalanceState) -> tuple[LoggedEvent, ...] | None:
        """Keep one with its history and what happened to it, unless a later reading is there; the events.

        None where it could not be kept.
        """
        from poolwatch.store import balances

        def work(held: sqlite3.Connection) -> tuple[LoggedEvent, ...]:
            told = balances.put(held, state)
            # where balances alone are monitored nothing else goes through their history
            if state.tried_at is not None:
                self._thin(held, state.tried_at)
            return told

        return self._write("balances", None, work)

    def _thin(self, held: sqlite3.Connection, at: datetime) -> None:
        """Make hours and days of old changes; damage among them keeps no new reading from being kept."""
        held.execute("SAVEPOINT thinning")
        try:
            self._retention.thin(held, at)
        except FAILURES:
            raise
        except Exception as error:  # noqa: BLE001 - likewise
            held.execute("ROLLBACK TO thinning")
            self._troubles["thin", "history"] = message("store.not_thinned", why=why_not(error))
        else:
            self._troubles.pop(("thin", "history"), None)
        held.execute("RELEASE thinning")

    def history(self, account_id: str, since: datetime, *, carried: bool = False) -> tuple[HistoryRow, ...]:
        """An account's history from `since` on, in order of time; it outlives the account's state.

        Of hours and days, which are kept instead of single changes after a while, their last. `carried`: with
        what held when `since` began.
        """
        return self._read("history", (), history.rows_since, account_id, since, carried=carried)

    def timeline(
        self,
        account_id: str,
        name: FigureName,
        since: datetime,
        until: datetime,
        finest: Finest = Finest.CHANGE,
    ) -> Timeline:
        """One figure of an account from `since` to before `until`, with what held when that began."""
        return self._read("history", Timeline(), history.timeline, account_id, name, since, until, finest)

    def balance_timeline(
        self, name: str, unit: str, since: datetime, until: datetime, finest: Finest
    ) -> Timeline:
        """How a balance ran, what was filled up told as its events tell it."""
        from poolwatch.store import balances  # few runs have any

        return self._read("history", Timeline(), balances.timeline, name, unit, since, until, finest)

    def gaps(self, account_id: str, since: datetime, until: datetime) -> tuple[Gap, ...]:
        """The gaps in an account's readings that reach into this time, in order."""
        return self._read("history", (), history.gaps_between, account_id, since, until)

    def figures(self, account_id: str) -> tuple[FigureName, ...]:
        """The figures of which an account has a history."""
        return self._read("history", (), history.figures_of, account_id)

    def cycles(self, account_ids: Collection[str] | None, newest: int) -> Mapping[str, tuple[Cycle, ...]]:
        """The newest cycles of each window, so many at most, old to new, by account id; None: of all.

        The running one of a window is its last.
        """
        return self._read("history", {}, past_cycles.newest, account_ids, newest)

    def identities(self) -> tuple[Identity, ...]:
        """The accounts whose ids are known, those too that no source lists any more."""
        return self._read("history", (), identities.read)

    def damaged(self) -> int:
        """How many rows of the past cannot be read; the readers of it leave them out."""
        from poolwatch.store import damage  # only who looks for what is wrong asks

        return self._read("history", 0, damage.count)

    # -- the past, from other records of it

    def take_readings(self, past: Sequence[PastReading]) -> int | None:
        """Keep what these tell of the past that was not known; how many rows, None when none can be kept.

        `finish_import` then finds what follows from them.
        """
        from poolwatch.store import imports  # few ever take any

        return self._write("history", None, imports.take, past)

    def finish_import(self, now: datetime) -> bool:
        """Tell cycles and events of one account anew, after readings of its past; whether there is more."""
        from poolwatch.store import imports

        told = self._read("import", None, imports.retell)
        return self._write("history", False, imports.finish, told, now)

    def imports(self) -> int | None:
        """Another number whenever cycles were told anew; None where it cannot be read."""
        from poolwatch.store import imports

        return self._read("history", None, imports.count)

    # -- events, and what was foretold

    def events(
        self,
        since: datetime,
        until: datetime | None = None,
        most: int | None = None,
        account_id: str | None = None,
    ) -> tuple[LoggedEvent, ...]:
        """The events from `since` to before `until`, old to new; of more than `most` the newest.

        `account_id`: those of this account alone, and the resets of whole upstreams.
        """
        return self._read("events", (), event_log.between, since, until, most, account_id)

    def events_since(self, since: datetime) -> tuple[LoggedEvent, ...] | None:
        """The events from then on, old to new; None where they cannot be read."""
        return self._read("events", None, event_log.between, since, None, None, None)

    def looked_at(self) -> datetime | None:
        """When somebody last looked at the events; None where nobody did."""
        return self._read("events", None, event_log.looked_at)

    def put_looked_at(self, at: datetime) -> bool:
        """Remember that somebody looked at the events."""
        return self._write("events", False, event_log.put_looked_at, at)

    def outlooks(self) -> tuple[Mapping[str, AccountOutlook], PoolOutlook | None]:
        """What was last foretold, by account id, and of the pool."""
        return self._read("outlooks", ({}, None), outlooks.read)

    def put_outlooks(self, accounts: Mapping[str, AccountOutlook], pool: PoolOutlook | None) -> bool:
        """Keep what is foretold of these accounts, and of the pool where that is given."""
        return self._write("outlooks", False, outlooks.put, accounts, pool)

    # -- what the service reports of accounts' days, by account id and workspace

    def claim_report(self, account_id: str, workspace: str, now: datetime, floor: timedelta) -> bool:
        """Note that a report is asked for, unless that was less than `floor` ago; whether it may be."""
        from poolwatch.store import workspace_usage  # few runs ask

        return self._write("reports", False, workspace_usage.claim, account_id, workspace, now, floor)

    def put_report(self, account_id: str, workspace: str, report: DaysReported, now: datetime) -> bool:
        """Keep a report; days that are known better stay."""
        from poolwatch.store import workspace_usage

        return self._write("reports", False, workspace_usage.put, account_id, workspace, report, now)

    def kept_report(self, account_id: str, workspace: str, since: date, until: date) -> KeptReport | None:
        """What is kept of the days from `since` to `until`, both included; None where it cannot be read."""
        from poolwatch.store import workspace_usage

        return self._read("reports", None, workspace_usage.read, account_id, workspace, since, until)

    # -- the floor between polls

    def claim_poll(self, account_id: str, now: datetime, floor: timedelta) -> bool:
        """Record a poll unless any process recorded one less than `floor` from `now`; whether it may run.

        A poll recorded in the future by more than the floor was recorded under a wrong clock and does
        not count. A floor of zero always claims. Where nothing can be written, this process alone is held.
        """

        claimed = self._write("polls", None, polling.claim_poll, account_id, now, floor)
        if claimed is None:
            last = self._own_polls.get(account_id) or self.last_polls().get(account_id)
            claimed = last is None or abs(now - last) >= floor
        if claimed:
            self._own_polls[account_id] = now
        return claimed

    def note_polls(self, polled: Mapping[str, datetime]) -> bool:
        """Record polls that no floor binds, by account id; all or nothing."""
        self._own_polls.update(polled)
        return self._write("polls", False, polling.note_polls, polled)

    def last_polls(self) -> Mapping[str, datetime]:
        """When each account was last polled, by any process, by account id."""
        return self._read("polls", {}, polling.last_polls)

    def give_out(self, order: Sequence[str], now: datetime, lasting: timedelta) -> Given | None:
        """The account of these ids that `run --next` is to use, remembered so long; None where none is."""
        return self._write("polls", None, polling.give_out, order, now, lasting)

    # -- viewers and the poller

    def enqueue_requests(
        self, wanted: Sequence[OwnerRequest], now: datetime, asked_by: str
    ) -> tuple[int, ...]:
        """Put requests into the queue; their numbers, none when that failed."""
        return self._write("requests", (), requests.enqueue, wanted, now, asked_by)

    def has_requests(self) -> bool:
        """Whether something waits in the queue."""
        return self._read("requests", False, requests.is_waiting)

    def take_requests(self, now: datetime, patience: timedelta) -> tuple[QueuedRequest, ...]:
        """Take what waits in the queue; what waited longer than `patience` ends as expired."""
        if not self.has_requests():
            return ()
        return self._write("requests", (), requests.take, now, patience)

    def finish_request(self, number: int, outcome: str, now: datetime) -> bool:
        """Say how a request ended."""
        return self._write("requests", False, requests.finish, number, outcome, now)

    def withdraw_request(self, number: int) -> bool:
        """Take a request back; False when it is being worked on already."""
        return self._write("requests", False, requests.withdraw, number)

    def request_progress(self, number: int) -> RequestProgress | None:
        """How far a request is."""
        return self._read("requests", None, requests.look_up, number)

    def put_facts(self, facts: PoolFacts) -> bool:
        """Keep what is true of the whole pool."""
        return self._write("facts", False, readings.put_facts, facts)

    def facts(self) -> PoolFacts:
        """What is known of the whole pool."""
        return self._read("facts", PoolFacts(), readings.read_facts)

    # -- how pools answered to keys

    def key_states(self) -> Mapping[str, KeyState]:
        """How pools answered to keys, by mark."""
        return self._read("key_states", {}, key_states.all_of_them)

    def put_key_state(self, mark: str, state: KeyState, now: datetime) -> bool:
        """Keep one."""
        return self._write("key_states", False, key_states.put, mark, state, now)

    def drop_key_state(self, mark: str) -> bool:
        """Forget one."""
        return self._write("key_states", False, key_states.drop, mark)

    def claim_try(self, mark: str, now: datetime) -> bool | None:
        """Whether what is refused may be sent once by hand; None where nothing can be recorded."""
        return self._write("key_states", None, key_states.claim_try, mark, now)

    def claim_trial(self, mark: str, now: datetime) -> bool | None:
        """Whether this process is to find out how a key stands; None likewise."""
        return self._write("key_states", None, key_states.claim_trial, mark, now)

    def end_trial(self, mark: str) -> bool:
        """A trial came to nothing."""
        return self._write("key_states", False, key_states.end_trial, mark)


def _version(held: sqlite3.Connection) -> tuple[int, int]:
    """Another value after every commit: the first by other connections, the second by this one."""
    (others,) = held.execute("PRAGMA data_version").fetchone()
    return int(others), held.total_changes
