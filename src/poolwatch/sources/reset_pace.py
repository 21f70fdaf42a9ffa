"""How often the list of banked resets may be asked for: after very few calls it turns callers away."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from poolwatch.host.files import FileProblem, read_bounded, write_whole
from poolwatch.host.instants import exact_instant

#: Between two requests of one source, whichever accounts they are for.
SPACING: Final = timedelta(minutes=5)
#: Between two requests for one account, unless its count has changed.
PER_ACCOUNT: Final = timedelta(hours=6)
#: After "too many requests" nothing is asked for this long, or longer if the service says so.
LEAST_STOP: Final = timedelta(hours=1)
LONGEST_STOP: Final = timedelta(hours=24)
_MEMORY_BYTES: Final = 1024 * 1024


class _Asked(Struct):
    last: datetime | None = None
    stopped_until: datetime | None = None
    #: by account: when it was asked for, and the count at that time
    accounts: dict[str, tuple[datetime, int]] = field(default_factory=dict)


class ResetPace:
    """The pace of one source; every instant is the caller's (our own clock, UTC).

    `memory` is a file in which other runs of this program see what was asked, so that a command repeated
    every minute keeps the pace as well; None keeps it for this object alone.
    """

    def __init__(self, memory: Path | None = None) -> None:
        self._memory = memory
        self._asked = _Asked()
        #: the file is read and written on threads
        self._lock = threading.Lock()

    def take(self, place: str, available: int, at: datetime) -> bool:
        """Whether the list of one account may be asked for now; if so, it counts as asked."""
        mark = hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        with self._lock:
            return self._take(mark, available, at)

    def stop(self, at: datetime, wait: timedelta | None) -> None:
        """The service asked for fewer calls, and for a pause if `wait` is known: no account is asked for."""
        with self._lock:
            self._asked.stopped_until = at + min(max(wait or LEAST_STOP, LEAST_STOP), LONGEST_STOP)
            self._save(at)

    def _take(self, mark: str, available: int, at: datetime) -> bool:
        if not _may_ask(self._asked, mark, available, at):
            return False
        if self._memory is not None:
            kept = _read(self._memory)
            if kept is not None and not _may_ask(kept, mark, available, at):
                self._asked = kept
                return False
            self._asked = kept or self._asked
        self._asked.last = at
        self._asked.accounts[mark] = (at, available)
        self._save(at)
        return True

    def _save(self, at: datetime) -> None:
        if self._memory is None:
            return
        asked = self._asked
        asked.accounts = {
            mark: entry for mark, entry in asked.accounts.items() if _is_within(entry[0], at, PER_ACCOUNT)
        }
        told = {
            "last": asked.last.isoformat() if asked.last is not None else None,
            "stopped_until": asked.stopped_until.isoformat() if asked.stopped_until is not None else None,
            "accounts": {mark: [then.isoformat(), count] for mark, (then, count) in asked.accounts.items()},
        }
        # where nothing can be kept, this run alone remembers
        write_whole(self._memory, json.dumps(told).encode())


def _may_ask(asked: _Asked, mark: str, available: int, at: datetime) -> bool:
    until = asked.stopped_until
    # a clock that was set back must not stop anything for days
    if until is not None and at < until <= at + LONGEST_STOP:
        return False
    if asked.last is not None and _is_within(asked.last, at, SPACING):
        return False
    then, count = asked.accounts.get(mark, (None, None))
    return then is None or count != available or not _is_within(then, at, PER_ACCOUNT)


def _is_within(then: datetime, at: datetime, span: timedelta) -> bool:
    return timedelta(0) <= at - then < span


def _read(path: Path) -> _Asked | None:
    """What the file remembers; None where it holds nothing that can be read."""
    found = read_bounded(path, _MEMORY_BYTES)
    if isinstance(found, FileProblem):
        return None
    try:
        told = json.loads(found.content)
        entries = told["accounts"]
        if not isinstance(entries, Mapping):
            return None
        accounts = {str(mark): (exact_instant(then), int(count)) for mark, (then, count) in entries.items()}
        last, until = told.get("last"), told.get("stopped_until")
        return _Asked(
            None if last is None else exact_instant(last),
            None if until is None else exact_instant(until),
            accounts,
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
