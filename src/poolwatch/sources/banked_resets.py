"""The list of banked resets, asked for seldom: after very few calls the service turns callers away."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, field

from poolwatch.domain.failure import Failure
from poolwatch.domain.usage import ResetCredits, UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem, read_bounded, write_whole
from poolwatch.net.reply import Reply, retry_after
from poolwatch.sources.usage_endpoint import classify, usage_urls
from poolwatch.sources.usage_payload import parse_reset_list

#: The reading waits for the list at most this long.
ANSWER_SECONDS: Final = 4.0

#: Between two requests of one source, whichever accounts they are for.
SPACING: Final = timedelta(minutes=5)
#: Between two requests for one account, unless its count has changed.
PER_ACCOUNT: Final = timedelta(hours=6)
#: After "too many requests" nothing is asked for this long, or longer if the service says so.
LEAST_STOP: Final = timedelta(hours=1)
LONGEST_STOP: Final = timedelta(hours=24)
_MEMORY_BYTES: Final = 1024 * 1024


_Aware = Annotated[datetime, Meta(tz=True)]


class _Asked(Struct):
    last: _Aware | None = None
    stopped_until: _Aware | None = None
    #: by account: when it was asked for, and the count at that time
    accounts: dict[str, tuple[_Aware, int]] = field(default_factory=dict)


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
        # where nothing can be kept, this run alone remembers
        write_whole(self._memory, msgspec.json.encode(asked))


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
        return msgspec.json.decode(found.content, type=_Asked)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def reset_list_url(base_url: str) -> str:
    """The address of the list, beside the address of the usage."""
    return usage_urls(base_url)[0].removesuffix("usage") + "rate-limit-reset-credits"


async def with_reset_list(
    usage: UsageSnapshot,
    place: str,
    pace: ResetPace,
    at: datetime,
    ask: Callable[[], Awaitable[Reply | Failure]],
    *,
    null_is_never: bool = True,
) -> UsageSnapshot:
    """The usage, with the list where resets are banked, the pace allows to ask and an answer comes.

    Whatever goes wrong is no trouble of the account: the usage comes back as it was.
    """
    banked = usage.reset_credits
    if not isinstance(banked, ResetCredits) or not banked.available:
        return usage
    if not await asyncio.to_thread(pace.take, place, banked.available, at):
        return usage
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await ask()
    except TimeoutError:
        return usage
    if isinstance(answer, Failure):
        return usage
    if answer.status == 429:
        await asyncio.to_thread(pace.stop, at, retry_after(answer, at))
        return usage
    if classify(answer, at) is not None:
        return usage
    rows = parse_reset_list(answer.body, null_is_never=null_is_never)
    if isinstance(rows, Failure):
        return usage
    # a pool that drops the instants tells no more than the count does, and must not replace a better list
    if rows and not any(row.expiry_known for row in rows):
        return usage
    return replace(usage, reset_list=rows)
