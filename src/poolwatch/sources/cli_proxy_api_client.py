"""Speaks to CLIProxyAPI's management API: two routes, and never again with a key that was refused."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from poolwatch.config.files import FileTrouble, read_limited, write_whole
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.text import visible_or_none
from poolwatch.net.headers import Headers
from poolwatch.sources.pool_client import Answered, Forbidden, PoolClient, Refused, Route, bearer, json_bytes
from poolwatch.sources.pool_key import key_place, key_stamps, read_key
from poolwatch.sources.setup import SourceSetup

POOL: Final = "CLIProxyAPI"
PREFIX: Final = "/v0/management"
LIST_ROUTE: Final = Route("GET", f"{PREFIX}/auth-files")
CALL_ROUTE: Final = Route("POST", f"{PREFIX}/api-call")
#: Everything else is refused by the client; these are the ones that would do harm.
FORBIDDEN_ROUTES: Final = (
    Forbidden(Route("GET", f"{PREFIX}/auth-files/download"), "hands out tokens"),
    Forbidden(Route("GET", f"{PREFIX}/usage-queue"), "takes entries out of the pool's queue"),
    Forbidden(Route("GET", f"{PREFIX}/config"), "shows the keys of the pool's own clients"),
    Forbidden(Route("POST", f"{PREFIX}/reset-quota"), "changes what the pool believes of a login"),
    Forbidden(Route("POST", f"{PREFIX}/auth-files"), "adds a login"),
    Forbidden(Route("DELETE", f"{PREFIX}/auth-files"), "deletes logins"),
    Forbidden(Route("PATCH", f"{PREFIX}/auth-files/status"), "turns a login on or off"),
    Forbidden(Route("PATCH", f"{PREFIX}/auth-files/fields"), "changes a login"),
    Forbidden(Route("PUT", f"{PREFIX}/config.yaml"), "changes the pool's settings"),
)

#: Requests at once. Five refusals ban the caller, so that fewer may be under way when a key stops to count.
IN_FLIGHT: Final = 3
#: The pool forgets a refusal two to three hours after it: another run may try the same key after this.
REMEMBERED: Final = timedelta(hours=4)
_BAN: Final = timedelta(minutes=30)
_LONGEST_BAN: Final = timedelta(hours=24)
_BAN_LEFT: Final = re.compile(
    r"try again in (?:(\d{1,3})h)?(?:(\d{1,3})m)?(?:(\d{1,3})(?:\.\d+)?s)?", re.ASCII
)
_MEMORY_BYTES: Final = 1024
_VERSION_LENGTH: Final = 40
#: Answers to an api-call that speak of this call alone.
_OF_ONE_CALL: Final = (400, 404, 502)


@dataclass(frozen=True, slots=True)
class PoolDown:
    """The pool itself does not serve: the trouble of a whole source, not of one account."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class _Key:
    secret: Secret
    #: differs once the key does, or its file was written anew
    mark: str


class Management:
    """One pool's management API.

    `memory` is a file that keeps the mark of a refused key (a keyed fingerprint) for other runs of this
    program, so that a command repeated every minute does not get this machine banned; None keeps it for
    this object alone.
    """

    def __init__(
        self, setup: SourceSetup, fingerprint: Callable[[Secret], str], *, memory: Path | None = None
    ) -> None:
        self._setup = setup
        self._fingerprint = fingerprint
        self._memory = memory
        self._base = pool_url(setup.settings.url or "")
        #: the pool's version, once it answered
        self.version: str | None = None
        self._accepted: str | None = None
        self._refused: str | None = None
        self._banned: Failure | None = None
        self._first = asyncio.Lock()
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def auth_files(self, at: datetime) -> Answered | PoolDown:
        """The answer that lists the logins; `at` is our own clock."""
        answer = await self._ask(LIST_ROUTE, None, at)
        if not isinstance(answer, Refused):
            return answer
        if answer.status == 404:
            remedy = "set remote-management.secret-key in its config, and check the source's url"
            words = f"{POOL}'s management API is off or not here (404): {remedy}"
            return PoolDown(Failure(FailureKind.FORBIDDEN, words))
        return PoolDown(answer.failure)

    async def api_call(self, call: Mapping[str, object], at: datetime) -> Answered | Refused | PoolDown:
        """The pool's answer to one api-call; Refused speaks of this call alone."""
        answer = await self._ask(CALL_ROUTE, lambda: json_bytes(call), at)
        if not isinstance(answer, Refused) or answer.status in _OF_ONE_CALL:
            return answer
        if answer.status is None and answer.sent:
            # the pool took it: what is slow or broken may be the service behind it, for this account
            return answer
        return PoolDown(answer.failure)

    async def _ask(
        self, route: Route, body: Callable[[], bytes] | None, at: datetime
    ) -> Answered | Refused | PoolDown:
        key = await asyncio.to_thread(self._key)
        if isinstance(key, Failure):
            return PoolDown(key)
        if key.mark != self._accepted:
            # one at a time until the key is known to be good: a wrong one is sent once
            async with self._first:
                if key.mark != self._accepted:
                    return await self._ask_with(key, route, body, at)
        async with self._slots:
            return await self._ask_with(key, route, body, at)

    async def _ask_with(
        self, key: _Key, route: Route, body: Callable[[], bytes] | None, at: datetime
    ) -> Answered | Refused | PoolDown:
        if self._banned is not None and self._banned.retry_at is not None and at < self._banned.retry_at:
            return PoolDown(self._banned)
        if key.mark == self._refused or await asyncio.to_thread(self._is_remembered, key.mark, at):
            self._refused = key.mark
            return PoolDown(self._refusal())

        async def auth(at: datetime) -> Headers | Failure:
            return bearer(key.secret)

        seconds = self._setup.deadline_seconds
        client = PoolClient(POOL, self._base, self._setup.client, seconds, (LIST_ROUTE, CALL_ROUTE), auth)
        if body is None:
            answer = await client.get_json(route.path, at)
        else:
            answer = await client.post_json(route.path, body, at)
        return await self._judged(answer, key.mark, at)

    async def _judged(
        self, answer: Answered | Refused, mark: str, at: datetime
    ) -> Answered | Refused | PoolDown:
        """The answer, unless it refuses this caller."""
        self.version = visible_or_none(answer.headers.get("x-cpa-version"), _VERSION_LENGTH) or self.version
        if isinstance(answer, Answered):
            if mark != self._accepted:
                await asyncio.to_thread(self._forget, mark)
            self._accepted, self._refused, self._banned = mark, None, None
            return answer
        if answer.status == 401:
            self._refused, self._accepted = mark, None
            await asyncio.to_thread(self._remember, mark, at)
            return PoolDown(self._refusal())
        if answer.status == 403:
            failure = _forbidden(answer, at)
            self._banned = failure if failure.retry_at is not None else None
            return PoolDown(failure)
        return answer

    def _key(self) -> _Key | Failure:
        settings, home = self._setup.settings, self._setup.home
        found = read_key(settings, self._setup.env, home)
        if found is None:
            remedy = "name it by api_key_file or api_key_env"
            return Failure(FailureKind.FORBIDDEN, f"{POOL} needs its management key: {remedy}")
        if isinstance(found, Failure):
            return found
        return _Key(found, f"{self._fingerprint(found)}:{_word(key_stamps(settings, home))}")

    def _refusal(self) -> Failure:
        place = key_place(self._setup.settings, self._setup.home) or "the key"
        until = "is written anew" if self._setup.settings.api_key_file is not None else "changes"
        return Failure(
            FailureKind.FORBIDDEN,
            f"{POOL} refuses the management key (401); not tried again until {place} {until}: "
            "five tries ban this machine",
            detail=place,
        )

    def _is_remembered(self, mark: str, at: datetime) -> bool:
        if self._memory is None or mark == self._accepted:
            return False
        held, since = self._held()
        try:
            return held == mark and timedelta(0) <= at - datetime.fromisoformat(since) < REMEMBERED
        except (ValueError, TypeError):
            return False

    def _held(self) -> tuple[str, str]:
        """The mark of the key refused last, and when."""
        content = read_limited(self._memory, _MEMORY_BYTES) if self._memory is not None else b""
        if isinstance(content, FileTrouble):
            return "", ""
        held, _, since = content.decode("utf-8", "replace").strip().partition(" ")
        return held, since

    def _forget(self, mark: str) -> None:
        """The key is good after all: it was the pool that changed."""
        if self._memory is not None and self._held()[0] == mark:
            with contextlib.suppress(OSError):
                self._memory.unlink()

    def _remember(self, mark: str, at: datetime) -> None:
        if self._memory is not None:
            # where nothing can be kept, this run alone remembers
            write_whole(self._memory, f"{mark} {at.isoformat()}\n".encode())


def pool_url(url: str) -> str:
    """The pool's address from what a person gives: the pool's, its dashboard's or its management API's."""
    base = url.strip().rstrip("/")
    for tail in ("/management.html", PREFIX):
        base = base.removesuffix(tail).rstrip("/")
    return base


def _word(stamp: Hashable) -> str:
    """A stamp as one word; the same in every run, as the text of numbers is."""
    return "".join(char if char.isalnum() else "." for char in str(stamp))


def _forbidden(answer: Refused, at: datetime) -> Failure:
    """What a 403 of the pool means; the ban alone carries a time."""
    words = (answer.said or "").lower()
    if "banned" in words:
        left = _BAN_LEFT.search(words)
        hours, minutes, seconds = (int(part or 0) for part in left.groups()) if left else (0, 0, 0)
        wait = timedelta(hours=hours, minutes=minutes, seconds=seconds) or _BAN
        told = "has banned this machine after five refused keys (403); nothing is sent until that is over"
        return Failure(FailureKind.FORBIDDEN, f"{POOL} {told}", retry_at=at + min(wait, _LONGEST_BAN))
    if "disabled" in words:
        remedy = "set remote-management.allow-remote in its config, or run poolwatch beside it"
        return Failure(FailureKind.FORBIDDEN, f"{POOL} is closed to other machines (403): {remedy}")
    if "not set" in words:
        remedy = "set remote-management.secret-key in its config"
        return Failure(FailureKind.FORBIDDEN, f"{POOL} has no management key (403): {remedy}")
    return answer.failure
