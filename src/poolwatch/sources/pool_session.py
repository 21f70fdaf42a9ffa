"""The session cookie of a pool's dashboard, got with its password and kept in memory alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.net.headers import Headers
from poolwatch.sources.json_body import JsonValue
from poolwatch.sources.pool_client import (
    Answered,
    AuthHeaders,
    PoolClient,
    Route,
    bearer,
    json_bytes,
    no_auth,
)
from poolwatch.sources.pool_key import password_place, read_key, read_password
from poolwatch.sources.setup import SourceSetup

#: Both pools count five tries in a minute, then refuse every one.
_THROTTLED_FOR: Final = timedelta(seconds=60)


def dashboard_session(
    setup: SourceSetup,
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

    door = entering(setup, pool, (login,), no_auth)
    return DashboardSession(door, login.path, cookie, password, place, objection)


def entering(
    setup: SourceSetup, pool: str, routes: Iterable[Route], by: DashboardSession | AuthHeaders
) -> PoolClient:
    """What asks a pool, let in by a session or by headers."""
    auth, renew = (by.headers, by.drop) if isinstance(by, DashboardSession) else (by, None)
    url = setup.settings.url or ""
    return PoolClient(pool, url, setup.client, setup.deadline_seconds, routes, auth, renew)


def key_headers(setup: SourceSetup) -> AuthHeaders:
    """The header of the configured API key, read anew for each request; none where there is no key."""

    async def headers(at: datetime) -> Headers | Failure:
        key = await asyncio.to_thread(read_key, setup.settings, setup.env, setup.home)
        return bearer(key) if isinstance(key, Secret) else key or {}

    return headers


class DashboardSession:
    """Signs in when a session is needed; a password that was refused is not sent again until it changes.

    `password` reads it anew each time; `place` says to people where it stands. `objection` looks into the
    answer of a login that seems to have worked.
    """

    def __init__(
        self,
        client: PoolClient,
        path: str,
        cookie: str,
        password: Callable[[], Awaitable[Secret | Failure | None]],
        place: str,
        objection: Callable[[JsonValue], str | None] = lambda body: None,
    ) -> None:
        self._client = client
        self._path = path
        self._cookie = cookie
        self._password = password
        self._place = place
        self._objection = objection
        self._lock = asyncio.Lock()
        self._session: Secret | None = None
        self._refused: tuple[Secret, Failure] | None = None
        self._blocked_until: datetime | None = None

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
            return Failure(FailureKind.FORBIDDEN, f"{self._client.pool}: no dashboard password is configured")
        if self._refused is not None and self._refused[0] == password:
            return self._refused[1]
        if self._blocked_until is not None and at < self._blocked_until:
            words = f"{self._client.pool} was asked to sign in too often"
            return Failure(FailureKind.THROTTLED, words, retry_at=self._blocked_until)
        answer = await self._client.post_json(
            self._path, lambda: json_bytes({"password": password.reveal()}), at, (password,)
        )
        if isinstance(answer, Answered):
            return self._taken(answer)
        if answer.status == 429:
            self._blocked_until = answer.failure.retry_at or at + _THROTTLED_FOR
            words = f"{self._client.pool} was asked to sign in too often (429)"
            return Failure(FailureKind.THROTTLED, words, retry_at=self._blocked_until, detail=answer.code)
        if answer.status in (401, 403):
            told = f": {answer.said}" if answer.said else ""
            failure = Failure(
                FailureKind.FORBIDDEN,
                f"{self._client.pool} does not accept the dashboard password in {self._place} "
                f"({answer.status}){told}; not tried again until it changes",
                detail=self._place,
            )
            self._refused = (password, failure)
            return failure
        return answer.failure

    def _taken(self, answer: Answered) -> Secret | Failure:
        objection = self._objection(answer.body)
        if objection is not None:
            return Failure(FailureKind.FORBIDDEN, objection)
        pair = answer.headers.get("set-cookie", "").partition(";")[0].strip()
        name, _, value = pair.partition("=")
        if name.strip() != self._cookie or not value:
            words = f"{self._client.pool} signed poolwatch in without giving it a session"
            return Failure(FailureKind.MALFORMED, words)
        return Secret(f"{self._cookie}={value.strip()}")
