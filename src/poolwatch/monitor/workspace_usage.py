"""Has OpenAI report what accounts used: when somebody asks, and by itself only where that is switched on.

Whatever it answers judges no account, and no login is renewed for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final

from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.state import AccountState
from poolwatch.monitor.entries import live_entries
from poolwatch.monitor.ledger import Clock, Ledger
from poolwatch.monitor.own_errors import internal_error
from poolwatch.monitor.poller import Poller
from poolwatch.sources.source import ReportingSource
from poolwatch.store.store import Store

#: By itself an account is asked about no more often, by all processes together.
FLOOR: Final = timedelta(hours=6)
#: After the start: the first readings have had their turn.
FIRST_SECONDS: Final = 180.0
#: Between two accounts.
EACH_SECONDS: Final = 20.0
#: While nobody is due.
IDLE_SECONDS: Final = 300.0
#: When the service wants to be left alone it is, whichever account it said so of.
LEAST_STOP: Final = timedelta(hours=1)
_STOPPING: Final = frozenset({FailureKind.THROTTLED, FailureKind.EDGE_BLOCKED, FailureKind.UNREACHABLE})
_AT_ONCE: Final = timedelta(0)


class Reporter:
    """Asks with the token that an account's login file holds, and keeps the answers."""

    def __init__(self, poller: Poller, ledger: Ledger, store: Store, clock: Clock) -> None:
        self._poller = poller
        self._ledger = ledger
        self._store = store
        self._clock = clock
        #: by account id
        self._due_at: dict[str, datetime] = {}
        self._stopped_until: datetime | None = None

    def whom_to_ask(self, account: AccountState) -> tuple[ReportingSource, Listing] | Failure:
        """The source and the entry that an account's report is asked of, or why there is none."""
        sources = self._poller.lister.sources
        now = self._clock.now() + self._ledger.state.clock_offset
        for entry in live_entries(account, sources, lambda _: True, now):
            source = sources[entry.ref.source]
            if isinstance(source, ReportingSource):
                return source, entry
        is_pools = bool(account.listings) and all(each.custody is Custody.POOL for each in account.listings)
        code = "workspace_usage.pool_has_login" if is_pools else "workspace_usage.no_live_login"
        return failure(FailureKind.NO_TOKEN, code)

    async def ask(self, account: AccountState, since: date | None = None) -> Failure | None:
        """Have an account's days from `since` on reported, and keep them; why that brought nothing."""
        found = self.whom_to_ask(account)
        if isinstance(found, Failure):
            return found
        await self._store.claim_report(account.key.id, _workspace(account), self._clock.now(), _AT_ONCE)
        return await self._send(account, *found, since)

    async def _send(
        self, account: AccountState, source: ReportingSource, entry: Listing, since: date | None
    ) -> Failure | None:
        offset = self._ledger.state.clock_offset
        try:
            report = await source.fetch_workspace_usage(entry, self._clock.now(), offset, since)
        except Exception as error:  # noqa: BLE001 - an error with one account must not end it for all
            return internal_error(error)
        if isinstance(report, Failure):
            return report
        await self._store.put_report(account.key.id, _workspace(account), report, self._clock.now())
        return None

    # --- by itself

    async def run(self, polls: Callable[[], bool]) -> None:
        """Ask for ever, while it is this process that `polls`; ends only by cancellation."""
        await self._clock.sleep(FIRST_SECONDS)
        while True:
            asked = await self._ask_next(polls)
            await self._clock.sleep(EACH_SECONDS if asked else IDLE_SECONDS)

    async def _ask_next(self, polls: Callable[[], bool]) -> bool:
        """Ask about one that is due, if any is; whether something was sent."""
        now, stopped = self._clock.now(), self._stopped_until
        if not polls() or self._poller.paused:
            return False
        # a clock that was set back must not stop anything for days
        if stopped is not None and now < stopped <= now + timedelta(days=1):
            return False
        for account in self._ledger.state.accounts.values():
            if not self._is_due(account, now):
                continue
            found = self.whom_to_ask(account)
            if isinstance(found, Failure):
                continue
            self._due_at[account.key.id] = now + FLOOR
            if await self._store.claim_report(account.key.id, _workspace(account), now, FLOOR):
                self._take(await self._send(account, *found, None), now)
                return True
        return False

    def _is_due(self, account: AccountState, now: datetime) -> bool:
        due_at = self._due_at.get(account.key.id, now)
        is_healthy = account.reading_trouble is None and account.read_at is not None
        return is_healthy and not now < due_at <= now + FLOOR

    def _take(self, failed: Failure | None, now: datetime) -> None:
        if failed is not None and failed.kind in _STOPPING:
            least = now + LEAST_STOP
            self._stopped_until = max(failed.retry_at or least, least)


def _workspace(account: AccountState) -> str:
    """What its report is kept under: the workspace that its login is of."""
    return account.key.account_id or ""
