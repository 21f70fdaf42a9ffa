"""The session cookie of a pool's dashboard, got with its password and kept in memory alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind, worded
from poolwatch.domain.standing import Standing
from poolwatch.net.headers import Headers
from poolwatch.sources.json_body import JsonValue
from poolwatch.sources.pools.client import Answered, AuthHeaders, PoolClient, bearer, json_bytes
from poolwatch.sources.pools.keys import Door, SecretKind, password_place, read_key, read_password
from poolwatch.sources.pools.routes import Route
from poolwatch.sources.source import SourceSetup

#: Of a secret that a pool refused, in words.
NOT_SENT_AGAIN: Final = "not sent again until it changes; r tries once"
#: Both pools count tries in a minute, then refuse every one.
_THROTTLED_FOR: Final = timedelta(seconds=60)


def dashboard_session(
    setup: SourceSetup,
    door: Door,
    pool: str,
    login: Route,
    cookie: str,
    objection: Callable[[JsonValue], str | None] = lambda body: None,
) -> DashboardSession | None:
    """The session of a pool's dashboard, None where no password is configured."""
    place = password_place(setup.settings, setup.home)
    if place is None:
        return None

    async def password() -> Secret | Failure | None:
        return await asyncio.to_thread(read_password, setup.settings, setup.env, setup.home)

    client = PoolClient(setup, pool, (login,), door)
    return DashboardSession(client, door, login.path, cookie, password, place, objection)


def entering(
    setup: SourceSetup, door: Door, pool: str, routes: Iterable[Route], by: DashboardSession | AuthHeaders
) -> PoolClient:
    """What asks a pool, let in by a session or by headers."""
    auth, renew = (by.headers, by.drop) if isinstance(by, DashboardSession) else (by, None)
    return PoolClient(setup, pool, routes, door, auth, renew)


def key_headers(setup: SourceSetup) -> AuthHeaders:
    """The header of the configured API key, read anew for each request; none where there is no key."""

    async def headers(at: datetime) -> Headers | Failure:
        key = await asyncio.to_thread(read_key, setup.settings, setup.env, setup.home)
        return bearer(key) if isinstance(key, Secret) else key or {}

    return headers


class DashboardSession:
    """Signs in when a session is needed; a password that was refused is not sent again, see `Door`.

    `password` reads it anew each time; `place` says to people where it stands. `objection` looks into the
    answer of a login that seems to have worked.
    """

    def __init__(
        self,
        client: PoolClient,
        door: Door,
        path: str,
        cookie: str,
        password: Callable[[], Awaitable[Secret | Failure | None]],
        place: str,
        objection: Callable[[JsonValue], str | None] = lambda body: None,
    ) -> None:
        self._client = client
        self._door = door
        self._path = path
        self._cookie = cookie
        self._password = password
        self._place = place
        self._objection = objection
        self._lock = asyncio.Lock()
        self._session: Secret | None = None

    async def headers(self, at: datetime) -> Headers | Failure:
        """The header of the session, signing in if there is none."""
        async with self._lock:
            if self._session is None:
                signed_in = await self._sign_in(at)
                if isinstance(signed_in, Failure):
                    return signed_in
                self._session = signed_in
            return {"Cookie": self._session}

    def drop(self) -> bool:
        """Forget a session that was refused; False when there was none, so that asking again is no use."""
        had = self._session is not None
        self._session = None
        return had

    async def _sign_in(self, at: datetime) -> Secret | Failure:
        password = await self._password()
        if isinstance(password, Failure):
            return password
        if password is None:
            return worded(FailureKind.FORBIDDEN, f"{self._client.pool}: no dashboard password is configured")
        async with self._door.passing(password, at, SecretKind.PASSWORD) as refusing:
            return self._not_accepted(refusing) if refusing else await self._sign_in_with(password, at)

    async def _sign_in_with(self, password: Secret, at: datetime) -> Secret | Failure:
        answer = await self._client.post_json(
            self._path, lambda: json_bytes({"password": password.reveal()}), at, (password,)
        )
        if isinstance(answer, Answered):
            await self._door.accept(password, at, SecretKind.PASSWORD)
            return self._taken(answer)
        status = answer.status
        if status == 429:
            until = answer.failure.retry_at or at + _THROTTLED_FOR
            if answer.failure.retry_at is None:
                await self._door.be_silent(self._path, Standing(status, at, until, answer.code))
            words = f"{self._client.pool} was asked to sign in too often (429)"
            return worded(FailureKind.THROTTLED, words, retry_at=until, detail=answer.code)
        # an edge before the pool knows nothing of passwords
        if status in (401, 403) and answer.failure.kind is FailureKind.FORBIDDEN:
            standing = Standing(status, at, None, answer.code, answer.said)
            await self._door.refuse(password, standing, SecretKind.PASSWORD)
            return self._not_accepted(standing)
        return answer.failure

    def _not_accepted(self, standing: Standing) -> Failure:
        told = f": {standing.said}" if standing.said else ""
        return worded(
            FailureKind.FORBIDDEN,
            f"{self._client.pool} does not accept the dashboard password in {self._place} "
            f"({standing.status}){told}; {NOT_SENT_AGAIN}",
            detail=self._place,
        )

    def _taken(self, answer: Answered) -> Secret | Failure:
        objection = self._objection(answer.body)
        if objection is not None:
            return worded(FailureKind.FORBIDDEN, objection)
        pair = answer.headers.get("set-cookie", "").partition(";")[0].strip()
        name, _, value = pair.partition("=")
        if name.strip() != self._cookie or not value:
            words = f"{self._client.pool} signed poolwatch in without giving it a session"
            return worded(FailureKind.MALFORMED, words)
        return Secret(f"{self._cookie}={value.strip()}")
