"""When an account is polled next: pure, so that every rule of it is a table in the tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

#: A retry is never asked for sooner or later than this, whatever a header says.
RETRY_AFTER_FLOOR: Final = timedelta(seconds=1)
RETRY_AFTER_CEILING: Final = timedelta(hours=1)
#: The share of the interval by which due times are spread.
JITTER_SHARE: Final = 0.1
#: A reset is looked at this long after it, so that the upstream has moved on.
RESET_DELAY: Final = timedelta(seconds=20)
#: No automatic poll of an account follows another sooner than this, not even to look at a reset.
POLL_FLOOR: Final = timedelta(seconds=30)
_BACKOFF_CEILING: Final = timedelta(hours=1)


class PollFacts(Struct, frozen=True):
    """What decides an account's next automatic poll; instants are aware UTC."""

    tried_at: datetime | None
    failures: int = 0
    retry_at: datetime | None = None
    #: future resets of its windows
    resets: tuple[datetime, ...] = ()


def backoff(interval: timedelta, failures: int, jitter: float) -> timedelta:
    """The wait after `failures` polls in a row without a reading: doubling up to an hour.

    `jitter` in 0..1 spreads the upper half, so that a pool that failed together does not return together.
    It is never less than the wait after a success.
    """
    plain = _jittered(interval, jitter)
    if failures <= 1:
        return plain
    grown = interval * float(1 << min(failures - 1, 12))
    capped = min(grown, max(interval, _BACKOFF_CEILING))
    return max(plain, capped / 2 + capped / 2 * jitter)


def is_older(tried_at: datetime | None, than: timedelta, now: datetime) -> bool:
    """Whether the last try was that long ago, or lies so far ahead that it was made under a wrong clock."""
    return tried_at is None or abs(now - tried_at) >= than


def next_poll_at(facts: PollFacts, interval: timedelta, now: datetime, jitter: float) -> datetime:
    """When to poll next.

    Never tried: now (a first sweep is spread by `spread`). Otherwise an interval (jittered) after the
    last try, sooner when a window resets in between, later under backoff, and never before a
    Retry-After, which is honoured between one second and one hour. A last try that lies more than an
    interval ahead means that the clock was set back: then now.
    """
    tried = facts.tried_at
    if tried is None or tried - now > interval:
        return now
    if facts.failures:
        due = tried + backoff(interval, facts.failures, jitter)
    else:
        due = tried + _jittered(interval, jitter)
        after_reset = [reset + RESET_DELAY * (1 + jitter) for reset in facts.resets if reset > tried]
        due = min([due, *after_reset])
    if facts.retry_at is not None:
        earliest = min(max(facts.retry_at, tried + RETRY_AFTER_FLOOR), tried + RETRY_AFTER_CEILING)
        due = max(due, earliest)
    return max(due, tried + POLL_FLOOR)


def _jittered(interval: timedelta, jitter: float) -> timedelta:
    return interval * (1 + JITTER_SHARE * (2 * jitter - 1))


def spread(index: int, count: int, span: timedelta, jitter: float) -> timedelta:
    """The delay of the index-th of `count` first polls, so that a pool never fires together."""
    if count <= 0:
        return timedelta(0)
    return span * ((index + jitter) / count)
