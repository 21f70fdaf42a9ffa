"""Asks the service once a day and account what it counted, so that the session files can be held against it.

It asks nothing for accounts of which no file tells use, and renews no login for it. Whatever goes wrong is no
trouble of the account: the next day it is asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.state import AccountState
from poolwatch.monitor.ledger import Clock, Ledger
from poolwatch.monitor.own_errors import internal_error
from poolwatch.monitor.poller import Poller
from poolwatch.sources.source import CountingSource

#: After the start: the first readings have had their turn.
FIRST_SECONDS: Final = 120.0
#: Between two accounts.
EACH_SECONDS: Final = 20.0
#: While nobody is due.
IDLE_SECONDS: Final = 300.0
#: When the service wants to be left alone it is, whichever account it said so of.
LEAST_STOP: Final = timedelta(hours=1)
_STOPPING: Final = frozenset({FailureKind.THROTTLED, FailureKind.EDGE_BLOCKED, FailureKind.UNREACHABLE})
_EPOCH: Final = date(1970, 1, 1)


class CountBook(Protocol):
    """Where it is kept what the service counted. Days are counted since 1970, UTC."""

    async def unasked(self, today: int) -> set[str]:
        """The accounts with use in the files that were not asked for today."""
        ...

    async def claim_asking(self, account: str, today: int) -> bool:
        """Whether this process is to ask for it today; no other will."""
        ...

    async def put_counted(self, account: str, tokens: Mapping[int, int]) -> None:
        """Keep what the service counted."""
        ...


class Reconciler:
    """Asks one account after the other."""

    def __init__(
        self, poller: Poller, ledger: Ledger, clock: Clock, book: CountBook, polls: Callable[[], bool]
    ) -> None:
        """`polls`: whether it is this process that asks for anything."""
        self._poller = poller
        self._polls = polls
        self._ledger = ledger
        self._clock = clock
        self._book = book
        self._stopped_until: datetime | None = None

    async def run(self) -> None:
        """Ask for ever; ends only by cancellation."""
        await self._clock.sleep(FIRST_SECONDS)
        while True:
            asked = await self._ask_next()
            await self._clock.sleep(EACH_SECONDS if asked else IDLE_SECONDS)

    async def _ask_next(self) -> bool:
        """Ask for one that is due, if any is; whether something was asked."""
        now = self._clock.now()
        stopped = self._stopped_until
        # a clock that was set back must not stop anything for days
        if not self._polls() or self._poller.paused:
            return False
        if stopped is not None and now < stopped <= now + timedelta(days=1):
            return False
        today = _day_number((now + self._ledger.state.clock_offset).astimezone(UTC).date())
        due = await self._book.unasked(today)
        for account in self._ledger.state.accounts.values():
            if account.key.id in due and account.reading_trouble is None and account.read_at is not None:
                found = await self._ask(account, today)
                if found is not None:
                    await self._take(account.key.id, found, now)
                    return True
        return False

    async def _ask(self, account: AccountState, today: int) -> Mapping[date, int] | Failure | None:
        """What the service says; None where nobody can be asked, or another process does."""
        entry = self._poller.live_listing(account)
        source = self._poller.lister.sources.get(entry.ref.source) if entry is not None else None
        if entry is None or not isinstance(source, CountingSource):
            return None
        if not await self._book.claim_asking(account.key.id, today):
            return None
        try:
            return await source.fetch_day_counts(entry, self._clock.now(), self._ledger.state.clock_offset)
        except Exception as error:  # noqa: BLE001 - an error with one account must not end it for all
            return internal_error(error)

    async def _take(self, account: str, found: Mapping[date, int] | Failure, now: datetime) -> None:
        if not isinstance(found, Failure):
            counts = {_day_number(day): tokens for day, tokens in found.items()}
            await self._book.put_counted(account, counts)
        elif found.kind in _STOPPING:
            least = now + LEAST_STOP
            self._stopped_until = max(found.retry_at or least, least)


def _day_number(day: date) -> int:
    return (day - _EPOCH).days
