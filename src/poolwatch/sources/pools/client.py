"""Asks one pool server: JSON in both directions, and only the routes that its source may use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from poolwatch.domain.account import Secret
from poolwatch.domain.failure import AS_STORED, Failure, FailureKind, worded
from poolwatch.domain.remake import replace
from poolwatch.domain.standing import Standing
from poolwatch.net.client import MEBIBYTE
from poolwatch.net.headers import Headers
from poolwatch.net.reply import Lost, NotSent, Reply
from poolwatch.sources.json_body import TOO_DEEP, JsonValue, beside_the_loop, looks_like_html, read_json
from poolwatch.sources.pools.keys import Door, read_secrets
from poolwatch.sources.pools.routes import ForbiddenRouteError, Route
from poolwatch.sources.redaction import shown_body, their_words, told_without
from poolwatch.sources.source import SourceSetup
from poolwatch.sources.usage_endpoint import classify
from poolwatch.words.messages import failure_text

#: The list of a large pool, with everything that the pool knows of each account.
_LIST_BYTES: Final = 16 * MEBIBYTE
#: An answer of the service that the pool hands on as a text.
_POSTED_BYTES: Final = 2 * MEBIBYTE
_REFUSAL_BYTES: Final = 64 * 1024
#: What the pool itself says, whatever stands before it.
_POOLS_OWN: Final = (401, 404, *range(300, 400))
#: What a pool answers only to who was let in.
_LET_IN: Final = (400, 404, 409, 422)
_SAID_LENGTH: Final = 160
_CODE_LENGTH: Final = 60


def _no_text() -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Answered:
    """A 2xx answer with a JSON body. It may still tell of a failure: look inside."""

    body: JsonValue = field(repr=False)
    status: int
    headers: Mapping[str, str] = field(repr=False)
    server_date: datetime | None
    elapsed_seconds: float
    _text: Callable[[], str | None] = field(default=_no_text, repr=False)

    @property
    def raw(self) -> str | None:
        """The body as text, tokens and the key taken out: made when somebody wants it."""
        return self._text()


@dataclass(frozen=True, slots=True)
class Refused:
    """No such answer: why in words, and what the pool said if it said anything in JSON.

    `status` None means that there was no complete answer; `sent` False, that nothing left this machine.
    `code` is the pool's own error code, `said` its own words; both are sanitised and hold no key.
    """

    failure: Failure
    status: int | None = None
    code: str | None = None
    said: str | None = None
    body: JsonValue = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    elapsed_seconds: float = 0.0
    sent: bool = True
    _text: Callable[[], str | None] = field(default=_no_text, repr=False)

    @property
    def raw(self) -> str | None:
        """As of `Answered`; None where there is no body, or nobody who looks at it."""
        return self._text()


#: Gives the headers that let a request in, or why there are none; asked anew for each request (our clock).
AuthHeaders = Callable[[datetime], Awaitable[Headers | Failure]]


async def no_auth(at: datetime) -> Headers | Failure:
    """The headers of a request that needs none."""
    return {}


def bearer(key: Secret) -> Headers:
    """The header for an API key."""
    return {"Authorization": Secret(f"Bearer {key.reveal()}")}


class PoolClient:
    """Speaks with one pool; `pool` is the program's name as people know it, `door` what it refused before.

    The setup's deadline in seconds covers one request with its whole answer. `renew` is asked after a 401
    whether the request may be repeated once with new headers.
    """

    def __init__(
        self,
        setup: SourceSetup,
        pool: str,
        routes: Iterable[Route],
        door: Door,
        auth: AuthHeaders = no_auth,
        renew: Callable[[], bool] | None = None,
        url: str | None = None,
    ) -> None:
        self.pool = pool
        self._setup = setup
        self._base = (url or setup.settings.url or "").strip().rstrip("/")
        self._routes = tuple(routes)
        self._door = door
        self._auth = auth
        self._renew = renew

    async def get_json(self, path: str, at: datetime) -> Answered | Refused:
        """The answer to a GET; `at` is our own clock, from which a retry time counts."""
        return await self._ask("GET", path, None, at, (), MEBIBYTE)

    async def get_list(self, path: str, at: datetime) -> Answered | Refused:
        """The same of a list, which may be large."""
        return await self._ask("GET", path, None, at, (), _LIST_BYTES)

    async def post_json(
        self,
        path: str,
        body: Callable[[], bytes] | None,
        at: datetime,
        secrets: tuple[Secret, ...] = (),
    ) -> Answered | Refused:
        """The answer to a POST, sent once. `body` is made just before; its `secrets` are never shown."""
        return await self._ask("POST", path, body or (lambda: b""), at, secrets, _POSTED_BYTES)

    async def _ask(
        self,
        method: str,
        path: str,
        body: Callable[[], bytes] | None,
        at: datetime,
        secrets: tuple[Secret, ...],
        cap_bytes: int,
    ) -> Answered | Refused:
        route = next((route for route in self._routes if route.matches(method, path)), None)
        if route is None:
            raise ForbiddenRouteError(f"{method} {path} is not a route that {self.pool} may be asked for")
        scope = None if route.whole_pool else path

        async def once() -> Answered | Refused:
            auth = await self._auth(at)
            if isinstance(auth, Failure):
                return Refused(auth, sent=False)
            key = _key_in(auth)
            async with self._door.passing(key, at) as refusing:
                held = refusing or await self._door.silence(path, at)
                if held is not None:
                    return self._held(held)
                answer = await self._send(path, auth, body, at, secrets, cap_bytes)
                await self._heed(answer, key, scope, at)
                return answer

        answer = await once()
        refused = isinstance(answer, Refused) and answer.status == 401
        if refused and self._renew is not None and self._renew():
            return await once()
        return answer

    def _held(self, standing: Standing) -> Refused:
        """What the pool answered before, without asking it."""
        status, code, said = standing.status, standing.code, standing.said
        failure = self._meaning(status, code, said, standing.until)
        return Refused(failure, status, code, said, sent=False)

    async def _heed(
        self, answer: Answered | Refused, key: Secret | None, scope: str | None, at: datetime
    ) -> None:
        """Remember for all processes what a later request must know."""
        status = answer.status
        if isinstance(answer, Answered):
            until, code, said = None, None, None
        else:
            until, code, said = answer.failure.retry_at, answer.code, answer.said
        if status is None:
            return
        if key is not None and status == 401:
            await self._door.refuse(key, Standing(status, at, None, code, said))
        elif key is not None and (isinstance(answer, Answered) or status in _LET_IN):
            await self._door.accept(key, at)
        if until is not None:
            await self._door.be_silent(scope, Standing(status, at, until, code, said))
        else:
            await self._door.speak(scope)

    async def _send(
        self,
        path: str,
        auth: Headers,
        body: Callable[[], bytes] | None,
        at: datetime,
        secrets: tuple[Secret, ...],
        cap_bytes: int,
    ) -> Answered | Refused:
        headers: dict[str, str | Secret] = {"Accept": "application/json", **auth}
        url, seconds, client = self._base + path, self._setup.deadline_seconds, self._setup.client
        loop = asyncio.get_running_loop()
        started = loop.time()
        answer: Reply | Failure | NotSent | Lost
        if body is None:
            answer = await client.get(url, headers, deadline_seconds=seconds, cap_bytes=cap_bytes)
        else:
            headers["Content-Type"] = "application/json"
            answer = await client.post(url, headers, body, deadline_seconds=seconds, cap_bytes=cap_bytes)
        if isinstance(answer, NotSent | Lost):
            sent = isinstance(answer, Lost)
            return Refused(_elsewhere(answer.failure), elapsed_seconds=loop.time() - started, sent=sent)
        if isinstance(answer, Failure):
            return Refused(_elsewhere(answer), elapsed_seconds=loop.time() - started)
        # whichever let poolwatch in, the answer repeats neither the key nor the password
        setup = self._setup
        both = await asyncio.to_thread(read_secrets, setup.settings, setup.env, setup.home)
        return await self._read(answer, list(dict.fromkeys([*_sent(auth), *secrets, *both])), at)

    async def _read(self, reply: Reply, secrets: list[Secret], at: datetime) -> Answered | Refused:
        content_type = reply.headers.get("content-type", "")
        body, headers = reply.body, _headers_without(reply.headers, secrets)

        def text() -> str | None:
            return shown_body(body, *secrets) if self._setup.shows_raw else None

        if not 200 <= reply.status < 300:
            return self._refused(reply, secrets, text, at)
        value = None
        if body:
            value = await beside_the_loop(len(body), lambda: _value_in(body, content_type, secrets))
        if isinstance(value, Failure) or looks_like_html(body, content_type):
            return self._no_pool(reply, headers, text)
        return Answered(value, reply.status, headers, reply.server_date, reply.elapsed_seconds, text)

    def _refused(
        self, reply: Reply, secrets: list[Secret], text: Callable[[], str | None], at: datetime
    ) -> Refused:
        # a refusal has few words
        short = replace(reply, body=reply.body[:_REFUSAL_BYTES])
        content_type = reply.headers.get("content-type", "")
        value = _value_in(short.body, content_type, secrets) if short.body else None
        body = None if isinstance(value, Failure) else value
        code, said = _said(body, secrets)
        known = classify(short, at)
        if known is not None and known.kind is FailureKind.EDGE_BLOCKED and reply.status not in _POOLS_OWN:
            failure = known
        else:
            failure = self._meaning(reply.status, code, said, known.retry_at if known is not None else None)
        headers = _headers_without(reply.headers, secrets)
        return Refused(failure, reply.status, code, said, body, headers, reply.elapsed_seconds, _text=text)

    def _no_pool(self, reply: Reply, headers: Mapping[str, str], text: Callable[[], str | None]) -> Refused:
        html = looks_like_html(reply.body, reply.headers.get("content-type", ""))
        words = "a web page came back" if html else "the answer is not JSON"
        failure = worded(
            FailureKind.NOT_THE_SERVICE if html else FailureKind.MALFORMED,
            f"{words}: this does not look like {self.pool}; check the source's url",
        )
        return Refused(failure, reply.status, headers=headers, _text=text)

    def _meaning(self, status: int, code: str | None, said: str | None, retry_at: datetime | None) -> Failure:
        """What an error answer of the pool itself means; it says nothing about any account's token."""
        told = f": {said}" if said else ""
        if status == 401:
            words = f"{self.pool} does not let poolwatch in (401){told}"
            return worded(FailureKind.FORBIDDEN, words, detail=code)
        if status == 429:
            words = f"{self.pool} was asked too often (429){told}"
            return worded(FailureKind.THROTTLED, words, retry_at=retry_at, detail=code)
        if status == 404:
            # a pool says what it does not know; without a word of it, another program may listen there
            doubt = told or f"; if this is not {self.pool}, mend the source's url"
            words = f"{self.pool} does not know what was asked for (404){doubt}"
            return worded(FailureKind.UPSTREAM_ERROR, words, detail=code)
        if 300 <= status < 400:
            return _elsewhere(
                worded(FailureKind.NOT_THE_SERVICE, f"{self.pool} redirects ({status}); not followed")
            )
        if status == 403:
            words = f"{self.pool} forbids this (403){told}"
            return worded(FailureKind.FORBIDDEN, words, retry_at=retry_at, detail=code)
        words = f"{self.pool} has a fault" if status >= 500 else f"{self.pool} refuses the request"
        return worded(FailureKind.UPSTREAM_ERROR, f"{words} ({status}){told}", retry_at=retry_at, detail=code)


def _value_in(body: bytes, content_type: str, secrets: Iterable[Secret]) -> JsonValue | Failure:
    """What the body holds, without these secrets."""
    value = read_json(body, content_type)
    if isinstance(value, Failure):
        return value
    try:
        return told_without(value, *secrets, body=body)
    except RecursionError:
        return TOO_DEEP


def _headers_without(headers: Mapping[str, str], secrets: Iterable[Secret]) -> Mapping[str, str]:
    return {name: str(told_without(value, *secrets)) for name, value in headers.items()}


def _elsewhere(failure: Failure) -> Failure:
    """The failure; of one that looks like another program, with what an operator can do."""
    if failure.kind is not FailureKind.NOT_THE_SERVICE:
        return failure
    words = f"{failure_text(failure)}; check the source's url"
    return replace(failure, code=AS_STORED, arguments=(("text", words),))


def json_bytes(value: Mapping[str, object]) -> bytes:
    """A request's body."""
    return json.dumps(value).encode()


def _key_in(auth: Headers) -> Secret | None:
    """The key among the headers, as it is sent; a session is none."""
    value = auth.get("Authorization")
    return value if isinstance(value, Secret) else None


def _sent(auth: Headers) -> list[Secret]:
    """What let the request in, bare: a pool may repeat a key without the word before it."""
    found = []
    for name, value in auth.items():
        if isinstance(value, Secret):
            plain = value.reveal()
            bare = plain.partition("=")[2] if name == "Cookie" else plain.partition(" ")[2]
            found.append(Secret(bare))
    return found


def _said(body: JsonValue, secrets: Iterable[Secret]) -> tuple[str | None, str | None]:
    """The pool's error code and its words, whatever shape its errors have."""
    if not isinstance(body, dict):
        return None, None
    error = body.get("error")
    inner = error if isinstance(error, dict) else body
    texts = [inner.get("message"), error, body.get("detail"), body.get("message")]
    said = next((text for text in texts if isinstance(text, str) and text.strip()), None)
    code = inner.get("code")
    return (
        their_words(code, _CODE_LENGTH, *secrets).strip() or None if isinstance(code, str) else None,
        None if said is None else their_words(said, _SAID_LENGTH, *secrets),
    )
