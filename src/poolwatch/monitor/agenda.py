"""Who is polled when: due times for every account, without a clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from poolwatch.domain.account import AccountKey
from poolwatch.domain.pool import AccountState, PoolState
from poolwatch.domain.schedule import POLL_FLOOR, PollFacts, next_poll_at, spread

#: A first sweep, or one after a sleep, starts about this many accounts a second.
_SWEEP_PER_SECOND: Final = 8
#: A loop that did not run for this long was asleep with its machine, and a clock this far back was set.
_LEAP: Final = timedelta(seconds=60)


class Agenda:
    """Due times of all polled accounts, by our own clock.

    What is due when first seen, or after the machine slept, is spread over a calm sweep instead of
    firing together. `draw` gives numbers in 0..1.
    """

    def __init__(self, interval: timedelta, draw: Callable[[], float]) -> None:
        self._interval = interval
        self._draw = draw
        self._due: dict[AccountKey, datetime] = {}
        self._seen_at: datetime | None = None

    def due_at(self, key: AccountKey) -> datetime | None:
        """When the account is polled next, or None while it is not polled at all."""
        return self._due.get(key)

    def follow(self, state: PoolState, now: datetime, visible: Collection[AccountKey] = ()) -> None:
        """Take in accounts that came, drop those that went, and notice a sleep or a clock that was set."""
        wanted = {key: account for key, account in state.accounts.items() if is_polled(account)}
        for gone in self._due.keys() - wanted.keys():
            del self._due[gone]
        last, self._seen_at = self._seen_at, now
        slept = last is not None and now - last > _LEAP
        set_back = last is not None and last - now > _LEAP
        overdue: list[AccountKey] = []
        for key, account in wanted.items():
            is_new = key not in self._due
            if is_new or set_back:
                self.plan(account, now, state.clock_offset)
            if (is_new or set_back or slept) and self._due[key] <= now:
                overdue.append(key)
        self._sweep(overdue, now, visible)

    def wake(self, state: PoolState, now: datetime, visible: Collection[AccountKey] = ()) -> None:
        """Notice a sleep or a clock that was set, where no account came or went: cheap otherwise."""
        if self._seen_at is not None and abs(now - self._seen_at) <= _LEAP:
            self._seen_at = now
        else:
            self.follow(state, now, visible)

    def catch_up(self, now: datetime, visible: Collection[AccountKey] = ()) -> None:
        """Spread all that is overdue over a calm sweep: after a pause, everything is."""
        self._sweep([key for key, due in self._due.items() if due <= now], now, visible)

    def hasten(
        self, accounts: Sequence[AccountState], now: datetime, visible: Collection[AccountKey] = ()
    ) -> None:
        """Poll these soon: their logins have just come to life again."""
        self._sweep([account.key for account in accounts], now, visible)
        for account in accounts:
            if account.tried_at is not None and account.tried_at <= now:
                self._due[account.key] = max(self._due[account.key], account.tried_at + POLL_FLOOR)

    def plan(self, account: AccountState, now: datetime, clock_offset: timedelta = timedelta(0)) -> None:
        """Set the account's next poll from what is known of it; resets are by the server's clock."""
        trouble = account.reading_trouble
        facts = PollFacts(
            account.tried_at,
            account.failures,
            trouble.retry_at if trouble is not None else None,
            tuple(
                window.resets_at - clock_offset
                for window in account.usage.windows
                if window.resets_at is not None
            ),
        )
        self._due[account.key] = next_poll_at(facts, self._interval, now, self._draw())

    def hold(self, key: AccountKey, until: datetime) -> None:
        """Do not poll before `until`: it is being polled, or another process just did."""
        self._due[key] = until

    def take_due(self, now: datetime, visible: Collection[AccountKey], limit: int) -> list[AccountKey]:
        """At most `limit` accounts to poll now, those on screen first, then the longest overdue."""
        seen = set(visible)
        ready = [key for key, due in self._due.items() if due <= now]
        ready.sort(key=lambda key: (key not in seen, self._due[key], key.id))
        return ready[: max(limit, 0)]

    def next_due(self) -> datetime | None:
        """The earliest due time."""
        return min(self._due.values(), default=None)

    def _sweep(self, keys: list[AccountKey], now: datetime, visible: Collection[AccountKey]) -> None:
        seen = set(visible)
        keys.sort(key=lambda key: (key not in seen, key.id))
        span = min(timedelta(seconds=len(keys) / _SWEEP_PER_SECOND), self._interval)
        for index, key in enumerate(keys):
            first = timedelta(0) if index == 0 else spread(index, len(keys), span, self._draw())
            self._due[key] = now + first


def is_polled(account: AccountState) -> bool:
    """Whether any entry of the account may be asked for usage."""
    return any(listing.polled for listing in account.listings)
