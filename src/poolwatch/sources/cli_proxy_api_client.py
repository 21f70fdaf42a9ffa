"""Speaks to CLIProxyAPI's management API: two routes, and never again with a key that was refused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.standing import LONGEST_WAIT, Standing
from poolwatch.domain.text import visible_or_none
from poolwatch.net.headers import Headers
from poolwatch.sources.pool_client import Answered, Forbidden, PoolClient, Refused, Route, bearer, json_bytes
from poolwatch.sources.pool_door import Door
from poolwatch.sources.pool_key import key_place, read_key
from poolwatch.sources.pool_session import NOT_SENT_AGAIN
from poolwatch.sources.setup import SourceSetup

POOL: Final = "CLIProxyAPI"
PREFIX: Final = "/v0/management"
LIST_ROUTE: Final = Route("GET", f"{PREFIX}/auth-files", whole_pool=True)
CALL_ROUTE: Final = Route("POST", f"{PREFIX}/api-call", whole_pool=True)
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
_BAN: Final = timedelta(minutes=30)
_BAN_LEFT: Final = re.compile(
    r"try again in (?:(\d{1,3})h)?(?:(\d{1,3})m)?(?:(\d{1,3})(?:\.\d+)?s)?", re.ASCII
)
_VERSION_LENGTH: Final = 40
#: Answers to an api-call that speak of this call alone.
_OF_ONE_CALL: Final = (400, 404, 502)


@dataclass(frozen=True, slots=True)
class PoolDown:
    """The pool itself does not serve: the trouble of a whole source, not of one account."""

    failure: Failure


class Management:
    """One pool's management API; its door keeps a refused key and a ban for all runs of this program."""

    def __init__(self, setup: SourceSetup, door: Door) -> None:
        self._setup = setup
        self._door = door
        #: the pool's version, once it answered
        self.version: str | None = None
        #: whether the key was good when it was sent last
        self._is_let_in = False
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
        if not self._is_let_in:
            # one at a time until the key is known to be good: a wrong one is sent once
            async with self._first:
                if not self._is_let_in:
                    return await self._ask_with(key, route, body, at)
        async with self._slots:
            return await self._ask_with(key, route, body, at)

    async def _ask_with(
        self, key: Secret, route: Route, body: Callable[[], bytes] | None, at: datetime
    ) -> Answered | Refused | PoolDown:
        async def auth(at: datetime) -> Headers | Failure:
            return bearer(key)

        url = pool_url(self._setup.settings.url or "")
        client = PoolClient(self._setup, POOL, (LIST_ROUTE, CALL_ROUTE), self._door, auth, url=url)
        if body is None:
            answer = await client.get_list(route.path, at)
        else:
            answer = await client.post_json(route.path, body, at)
        self.version = visible_or_none(answer.headers.get("x-cpa-version"), _VERSION_LENGTH) or self.version
        if isinstance(answer, Answered):
            self._is_let_in = True
            return answer
        if answer.status == 401:
            self._is_let_in = False
            return PoolDown(self._refusal())
        if answer.status == 403:
            self._is_let_in = False
            failure = _forbidden(answer, at)
            if failure.retry_at is not None and answer.sent:
                standing = Standing(403, at, failure.retry_at, answer.code, answer.said)
                await self._door.be_silent(None, standing)
            return PoolDown(failure)
        return answer

    def _key(self) -> Secret | Failure:
        found = read_key(self._setup.settings, self._setup.env, self._setup.home)
        if found is None:
            remedy = "name it by api_key_file or api_key_env"
            return Failure(FailureKind.FORBIDDEN, f"{POOL} needs its management key: {remedy}")
        return found

    def _refusal(self) -> Failure:
        place = key_place(self._setup.settings, self._setup.home) or "the settings"
        return Failure(
            FailureKind.FORBIDDEN,
            f"{POOL} refuses the management key in {place} (401); {NOT_SENT_AGAIN}: "
            "five tries ban this machine",
            detail=place,
        )


def pool_url(url: str) -> str:
    """The pool's address from what a person gives: the pool's, its dashboard's or its management API's."""
    base = url.strip().rstrip("/")
    for tail in ("/management.html", PREFIX):
        base = base.removesuffix(tail).rstrip("/")
    return base


def _forbidden(answer: Refused, at: datetime) -> Failure:
    """What a 403 of the pool means; the ban alone carries a time."""
    words = (answer.said or "").lower()
    if "banned" in words:
        left = _BAN_LEFT.search(words)
        hours, minutes, seconds = (int(part or 0) for part in left.groups()) if left else (0, 0, 0)
        wait = min(timedelta(hours=hours, minutes=minutes, seconds=seconds) or _BAN, LONGEST_WAIT)
        told = "has banned this machine after five refused keys (403); nothing is sent until that is over"
        return Failure(
            FailureKind.FORBIDDEN,
            f"{POOL} {told}",
            retry_at=at + wait if answer.sent else answer.failure.retry_at,
        )
    if "disabled" in words:
        remedy = "set remote-management.allow-remote in its config, or run poolwatch beside it"
        return Failure(FailureKind.FORBIDDEN, f"{POOL} is closed to other machines (403): {remedy}")
    if "not set" in words:
        remedy = "set remote-management.secret-key in its config"
        return Failure(FailureKind.FORBIDDEN, f"{POOL} has no management key (403): {remedy}")
    return answer.failure
