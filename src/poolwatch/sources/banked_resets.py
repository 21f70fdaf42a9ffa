"""Banked resets at the service: their list, how often it is asked for, and the request that uses one.

Polls ask seldom: after very few calls the service turns callers away.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct, field

from poolwatch.config.values import is_loopback
from poolwatch.custody.login_file import Login
from poolwatch.domain.account import Secret
from poolwatch.domain.banked_resets import ResetHistory, ResetLook
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.usage import BankedReset, ResetCredits, UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem, read_bounded, write_whole
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import Lost, NotSent, Reply, retry_after
from poolwatch.sources.usage_endpoint import classify, fetch_usage, usage_headers, usage_urls
from poolwatch.sources.usage_payload import parse_reset_history, parse_reset_list

#: The reading waits for the list at most this long.
ANSWER_SECONDS: Final = 4.0
#: A use takes a second; after so long its answer counts as lost.
USE_SECONDS: Final = 30.0
_USE_CAP_BYTES: Final = 64 * 1024

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


async def look_at_resets(
    client: HttpClient, base_url: str, login: Login, access: Secret, at: datetime, deadline_seconds: float
) -> ResetLook | Failure:
    """The usage and the list, asked for now; both have to come."""
    reading = await fetch_usage(client, base_url, login, at, deadline_seconds)
    if isinstance(reading.outcome, Failure):
        return reading.outcome
    headers = usage_headers(login, access)
    answer = await client.get(reset_list_url(base_url), headers, deadline_seconds=deadline_seconds)
    rows = rows_in(answer, at)
    if isinstance(rows, Failure):
        return rows
    return ResetLook(reading.outcome, rows, at, reading.clock_offset or timedelta(0))


def rows_in(
    answer: Reply | Failure, at: datetime, *, null_is_never: bool = True
) -> tuple[BankedReset, ...] | Failure:
    """The rows of an answer, or why there are none; `at` is our own clock."""
    if isinstance(answer, Failure):
        return answer
    return classify(answer, at) or parse_reset_list(answer.body, null_is_never=null_is_never)


async def reset_history(
    client: HttpClient, base_url: str, login: Login, access: Secret, at: datetime, deadline_seconds: float
) -> ResetHistory | Failure:
    """What the history has of uses."""
    url, headers = f"{reset_list_url(base_url)}/history", usage_headers(login, access)
    answer = await client.get(url, headers, deadline_seconds=deadline_seconds)
    if isinstance(answer, Failure):
        return answer
    return classify(answer, at) or parse_reset_history(answer.body)


def use_body(request_id: str, reset_id: str | None) -> bytes:
    """What the service is sent; the reset stands in it only where one is named."""
    named = {} if reset_id is None else {"credit_id": reset_id}
    return json.dumps({"redeem_request_id": request_id, **named}).encode()


async def use_reset(
    client: HttpClient,
    base_url: str,
    login: Login,
    access: Secret,
    body: bytes,
    deadline_seconds: float = USE_SECONDS,
) -> Reply | NotSent | Lost:
    """Use one, by one request. It goes over TLS, or to this machine, and nowhere else."""
    url = f"{reset_list_url(base_url)}/consume"
    address = urlsplit(url)
    if address.scheme != "https" and not (address.scheme == "http" and is_loopback(address.hostname or "")):
        return NotSent(failure(FailureKind.UNREACHABLE, "resets.not_https"))
    headers = {**usage_headers(login, access), "Content-Type": "application/json"}
    return await client.post(url, headers, body, deadline_seconds=deadline_seconds, cap_bytes=_USE_CAP_BYTES)
