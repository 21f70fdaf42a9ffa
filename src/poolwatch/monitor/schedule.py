"""Who is polled when: due times for every account, without a clock of its own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from poolwatch.domain.account import AccountKey
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.schedule import POLL_FLOOR, PollFacts, next_poll_at, spread
from poolwatch.domain.state import AccountState, PoolState

#: A first sweep starts about this many accounts a second.
_SWEEP_PER_SECOND: Final = 8.0
#: One after a sleep or an outage is calmer: a thousand accounts come at less than twice their usual rate.
_CATCH_UP_PER_SECOND: Final = 6.5
#: Polls are planned into slots of this length, and into later ones when one is full: the clusters of a first
#: sweep, and a Retry-After that names the same instant to everybody, come apart.
_SLOT: Final = timedelta(seconds=2)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: A slot has room for this many times the usual rate, and in a small pool for a few.
_ROOM_SHARE: Final = 1.6
_ROOM_LEAST: Final = 4
#: Trouble on the way to a service, not of an account and not by its wish.
_OUTAGE: Final = (FailureKind.UNREACHABLE, FailureKind.NOT_THE_SERVICE, FailureKind.UPSTREAM_ERROR)
#: A loop that did not run for this long was asleep with its machine, and a clock this far back was set.
_LEAP: Final = timedelta(seconds=60)


class PollSchedule:
    """Due times of all polled accounts, by our own clock.

    What is due when first seen, or after the machine slept, is spread over a calm sweep instead of
    firing together. `draw` gives numbers in 0..1.
    """

    def __init__(self, interval: timedelta, draw: Callable[[], float]) -> None:
        self._interval = interval
        self._draw = draw
        self._due: dict[AccountKey, datetime] = {}
        self._slots: Counter[int] = Counter()
        self._seen_at: datetime | None = None

    def due_at(self, key: AccountKey) -> datetime | None:
        """When the account is polled next, or None while it is not polled at all."""
        return self._due.get(key)

    def follow(self, state: PoolState, now: datetime, visible: Collection[AccountKey] = ()) -> None:
        """Take in accounts that came, drop those that went, and notice a sleep or a clock that was set."""
        wanted = {key: account for key, account in state.accounts.items() if is_polled(account)}
        for gone in self._due.keys() - wanted.keys():
            self._free(self._due.pop(gone))
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
        calm = slept or set_back
        self._sweep(overdue, now, visible, _CATCH_UP_PER_SECOND if calm else _SWEEP_PER_SECOND)
        self._bring_back(wanted.values(), now)

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
                self._put(account.key, max(self._due[account.key], account.tried_at + POLL_FLOOR))

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
        due = next_poll_at(facts, self._interval, now, self._draw())
        self._put(account.key, self._with_room(due) if due > now else due)

    def hold(self, key: AccountKey, until: datetime) -> None:
        """Do not poll before `until`: it is being polled, or another process just did."""
        self._put(key, until)

    def take_due(self, now: datetime, visible: Collection[AccountKey], limit: int) -> list[AccountKey]:
        """At most `limit` accounts to poll now, those on screen first, then the longest overdue."""
        seen = set(visible)
        ready = [key for key, due in self._due.items() if due <= now]
        ready.sort(key=lambda key: (key not in seen, self._due[key], key.id))
        return ready[: max(limit, 0)]

    def next_due(self) -> datetime | None:
        """The earliest due time."""
        return min(self._due.values(), default=None)

    def _bring_back(self, accounts: Collection[AccountState], now: datetime) -> None:
        """Once a service answers again, do not leave the pool to the long waits that its outage earned it.

        What most accounts of a source waited for is over when any of them was read since their last try:
        they are polled within an interval, spread over it.
        """
        by_source: dict[str, list[AccountState]] = defaultdict(list)
        for account in accounts:
            by_source[account.acting.ref.source].append(account)
        for among in by_source.values():
            answered = max((each.read_at for each in among if each.read_at is not None), default=None)
            if answered is None:
                continue
            back = [each for each in among if _waits_in_vain(each, answered)]
            late = [each for each in back if self._due[each.key] > now + self._interval]
            if len(back) * 2 > len(among):
                for index, each in enumerate(late):
                    due = now + spread(index, len(late), self._interval, self._draw())
                    # no sooner than usual after the last try, or the floor of all processes refuses it
                    soonest = (each.tried_at or now) + self._interval
                    self._put(each.key, self._with_room(max(due, soonest)))

    def _sweep(
        self,
        keys: list[AccountKey],
        now: datetime,
        visible: Collection[AccountKey],
        per_second: float = _CATCH_UP_PER_SECOND,
    ) -> None:
        seen = set(visible)
        keys.sort(key=lambda key: (key not in seen, key.id))
        span = min(timedelta(seconds=len(keys) / per_second), self._interval)
        for index, key in enumerate(keys):
            first = timedelta(0) if index == 0 else spread(index, len(keys), span, self._draw())
            self._put(key, now + first)

    def _with_room(self, due: datetime) -> datetime:
        """The instant, or the first one some slots later whose slot is not full, at most an interval away."""
        room = max(_ROOM_LEAST, _ROOM_SHARE * len(self._due) * (_SLOT / self._interval))
        for later in range(self._interval // _SLOT):
            if self._slots[_slot(due) + later] < room:
                return due + later * _SLOT
        return due

    def _put(self, key: AccountKey, due: datetime) -> None:
        last = self._due.get(key)
        if last is not None:
            self._free(last)
        self._due[key] = due
        self._slots[_slot(due)] += 1

    def _free(self, due: datetime) -> None:
        self._slots[_slot(due)] -= 1
        if not self._slots[_slot(due)]:
            del self._slots[_slot(due)]


def is_polled(account: AccountState) -> bool:
    """Whether any entry of the account may be asked for usage."""
    return any(listing.polled for listing in account.listings)


def _slot(due: datetime) -> int:
    return (due - _EPOCH) // _SLOT


def _waits_in_vain(account: AccountState, answered: datetime) -> bool:
    trouble = account.reading_trouble
    return (
        trouble is not None
        and trouble.kind in _OUTAGE
        and trouble.retry_at is None
        and account.tried_at is not None
        and account.tried_at < answered
    )
