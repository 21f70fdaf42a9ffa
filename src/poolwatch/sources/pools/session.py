"""What lets poolwatch in: an API key, or the session cookie of a pool's dashboard, kept in memory alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.state import KeyState
from poolwatch.net.client import Headers
from poolwatch.sources.json_body import JsonValue
from poolwatch.sources.pools.client import Answered, Entry, PoolClient, json_bytes, told
from poolwatch.sources.pools.keys import ConfiguredSecret, Refusals, SecretKind
from poolwatch.sources.pools.routes import PoolProgram
from poolwatch.sources.source import SourceSetup

#: Both pools count tries in a minute, then refuse every one.
_THROTTLED_FOR: Final = timedelta(seconds=60)


class KeyEntry(Entry):
    """The header of an API key, read anew for each request; without a key, none or the failure `missing`."""

    def __init__(self, key: ConfiguredSecret, missing: Failure | None = None) -> None:
        self._key = key
        self._missing = missing

    async def headers(self, at: datetime) -> Headers | Failure:
        key = await asyncio.to_thread(self._key.read)
        if isinstance(key, Secret):
            return {"Authorization": Secret(f"Bearer {key.reveal()}")}
        return key or self._missing or {}


class DashboardSession(Entry):
    """Signs in when a session is needed; a password that was refused is not sent again, see `Refusals`.

    `path` is the login's; `objection` looks into the answer of a login that seems to have worked.
    """

    def __init__(
        self,
        setup: SourceSetup,
        refusals: Refusals,
        program: PoolProgram,
        path: str,
        cookie: str,
        objection: Callable[[JsonValue], Failure | None] = lambda body: None,
    ) -> None:
        self._client = PoolClient(setup, program, refusals)
        self._failure = partial(failure, pool=program.name)
        self._refusals = refusals
        self._path = path
        self._cookie = cookie
        self._password = ConfiguredSecret(setup, SecretKind.PASSWORD)
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

    def renew(self) -> bool:
        """Forget a session that was refused; False when there was none, so that asking again is no use."""
        had = self._session is not None
        self._session = None
        return had

    async def _sign_in(self, at: datetime) -> Secret | Failure:
        password = await asyncio.to_thread(self._password.read)
        if not isinstance(password, Secret):
            return password or self._failure(FailureKind.FORBIDDEN, "pools.no_password")
        async with self._refusals.trying(password, at, SecretKind.PASSWORD) as refusing:
            return self._not_accepted(refusing) if refusing else await self._sign_in_with(password, at)

    async def _sign_in_with(self, password: Secret, at: datetime) -> Secret | Failure:
        answer = await self._client.post_json(
            self._path, lambda: json_bytes({"password": password.reveal()}), at, (password,)
        )
        if isinstance(answer, Answered):
            await self._refusals.accept(password, at, SecretKind.PASSWORD)
            return self._objection(answer.body) or self._cookie_in(answer)
        status = answer.status
        if status == 429:
            until = answer.failure.retry_at or at + _THROTTLED_FOR
            if answer.failure.retry_at is None:
                await self._refusals.wait(self._path, KeyState(status, at, until, answer.code))
            code = "pools.sign_in_throttled"
            return self._failure(FailureKind.THROTTLED, code, retry_at=until, detail=answer.code)
        # an edge before the pool knows nothing of passwords
        if status in (401, 403) and answer.failure.kind is FailureKind.FORBIDDEN:
            state = KeyState(status, at, None, answer.code, answer.said)
            await self._refusals.refuse(password, state, SecretKind.PASSWORD)
            return self._not_accepted(state)
        return answer.failure

    def _not_accepted(self, state: KeyState) -> Failure:
        code, place, status = "pools.password_refused", self._password.place, state.status
        return self._failure(
            FailureKind.FORBIDDEN, code, detail=place, place=place, status=status, told=told(state.said)
        )

    def _cookie_in(self, answer: Answered) -> Secret | Failure:
        pair = answer.headers.get("set-cookie", "").partition(";")[0].strip()
        name, _, value = pair.partition("=")
        if name.strip() != self._cookie or not value:
            return self._failure(FailureKind.MALFORMED, "pools.no_session")
        return Secret(f"{self._cookie}={value.strip()}")
