"""Asks one pool server: JSON in both directions, and only the routes that its source may use."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote

from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.remake import replace
from poolwatch.net.client import MEBIBYTE, HttpClient
from poolwatch.net.headers import Headers
from poolwatch.net.reply import Lost, NotSent, Reply
from poolwatch.sources.classify import classify
from poolwatch.sources.json_body import JsonValue, looks_like_html, read_json
from poolwatch.sources.redact import shown_body, their_words, told_without

#: The list of a large pool, with everything that the pool knows of each account.
_CAP_BYTES: Final = 16 * MEBIBYTE
_SEGMENT: Final = re.compile(r"(?!\.+$)[A-Za-z0-9._~%-]{1,600}")
_SAID_LENGTH: Final = 160
_CODE_LENGTH: Final = 60


class ForbiddenRouteError(RuntimeError):
    """A route was asked for that is not on the source's list: a mistake in the program."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route that may be called; `{id}` in the path stands for one segment."""

    method: str
    path: str

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is this route's; a path with a query never is."""
        if method != self.method:
            return False
        wanted, given = self.path.split("/"), path.split("/")
        return len(wanted) == len(given) and all(
            _SEGMENT.fullmatch(found) is not None if part.startswith("{") else part == found
            for part, found in zip(wanted, given, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Forbidden:
    """One route of the pool that is never called, and why."""

    route: Route
    reason: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A 2xx answer with a JSON body. It may still tell of a failure: look inside."""

    body: JsonValue = field(repr=False)
    status: int
    headers: Mapping[str, str] = field(repr=False)
    #: the body as text, tokens and the key taken out
    raw: str = field(repr=False)
    server_date: datetime | None
    elapsed_seconds: float


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
    raw: str | None = field(default=None, repr=False)
    elapsed_seconds: float = 0.0
    sent: bool = True


#: Gives the headers that let a request in, or why there are none; asked anew for each request (our clock).
AuthHeaders = Callable[[datetime], Awaitable[Headers | Failure]]


async def no_auth(at: datetime) -> Headers | Failure:
    """The headers of a request that needs none."""
    return {}


def bearer(key: Secret) -> Headers:
    """The header for an API key."""
    return {"Authorization": Secret(f"Bearer {key.reveal()}")}


def segment(text: str) -> str | None:
    """The text as one segment of a path, None where no server would take it for one."""
    quoted = quote(text, safe="", errors="replace")
    return quoted if _SEGMENT.fullmatch(quoted) else None


class PoolClient:
    """Speaks with one pool; `pool` is the program's name as people know it.

    The deadline in seconds covers one request with its whole answer. `renew` is asked after a 401 whether the
    request may be repeated once with new headers.
    """

    def __init__(
        self,
        pool: str,
        base_url: str,
        client: HttpClient,
        deadline_seconds: float,
        routes: Iterable[Route],
        auth: AuthHeaders = no_auth,
        renew: Callable[[], bool] | None = None,
    ) -> None:
        self.pool = pool
        self._base = base_url.strip().rstrip("/")
        self._client = client
        self._deadline_seconds = deadline_seconds
        self._routes = tuple(routes)
        self._auth = auth
        self._renew = renew

    async def get_json(self, path: str, at: datetime) -> Answered | Refused:
        """The answer to a GET; `at` is our own clock, from which a retry time counts."""
        return await self._ask("GET", path, None, at, ())

    async def post_json(
        self,
        path: str,
        body: Callable[[], bytes] | None,
        at: datetime,
        secrets: tuple[Secret, ...] = (),
    ) -> Answered | Refused:
        """The answer to a POST, sent once. `body` is made just before; its `secrets` are never shown."""
        return await self._ask("POST", path, body or (lambda: b""), at, secrets)

    async def _ask(
        self,
        method: str,
        path: str,
        body: Callable[[], bytes] | None,
        at: datetime,
        secrets: tuple[Secret, ...],
    ) -> Answered | Refused:
        if not any(route.matches(method, path) for route in self._routes):
            raise ForbiddenRouteError(f"{method} {path} is not a route that {self.pool} may be asked for")
        answer = await self._ask_once(method, path, body, at, secrets)
        refused = isinstance(answer, Refused) and answer.status == 401
        if refused and self._renew is not None and self._renew():
            return await self._ask_once(method, path, body, at, secrets)
        return answer

    async def _ask_once(
        self,
        method: str,
        path: str,
        body: Callable[[], bytes] | None,
        at: datetime,
        secrets: tuple[Secret, ...],
    ) -> Answered | Refused:
        auth = await self._auth(at)
        if isinstance(auth, Failure):
            return Refused(auth, sent=False)
        headers: dict[str, str | Secret] = {"Accept": "application/json", **auth}
        url, seconds = self._base + path, self._deadline_seconds
        loop = asyncio.get_running_loop()
        started = loop.time()
        answer: Reply | Failure | NotSent | Lost
        if body is None:
            answer = await self._client.get(url, headers, deadline_seconds=seconds, cap_bytes=_CAP_BYTES)
        else:
            headers["Content-Type"] = "application/json"
            answer = await self._client.post(
                url, headers, body, deadline_seconds=seconds, cap_bytes=_CAP_BYTES
            )
        if isinstance(answer, NotSent | Lost):
            sent = isinstance(answer, Lost)
            return Refused(_elsewhere(answer.failure), elapsed_seconds=loop.time() - started, sent=sent)
        if isinstance(answer, Failure):
            return Refused(_elsewhere(answer), elapsed_seconds=loop.time() - started)
        return self._read(answer, [*_sent(auth), *secrets], at)

    def _read(self, reply: Reply, secrets: list[Secret], at: datetime) -> Answered | Refused:
        content_type = reply.headers.get("content-type", "")
        raw = shown_body(reply.body, *secrets)
        value = read_json(reply.body, content_type) if reply.body else None
        if not isinstance(value, Failure):
            value = told_without(value, *secrets, body=reply.body)
        headers = _headers_without(reply.headers, secrets)
        if 200 <= reply.status < 300:
            if isinstance(value, Failure) or looks_like_html(reply.body, content_type):
                return self._no_pool(reply, raw)
            return Answered(value, reply.status, headers, raw, reply.server_date, reply.elapsed_seconds)
        body = None if isinstance(value, Failure) else value
        code, said = _said(body, secrets)
        failure = self._failure(reply, code, said, at)
        return Refused(failure, reply.status, code, said, body, headers, raw, reply.elapsed_seconds)

    def _no_pool(self, reply: Reply, raw: str) -> Refused:
        html = looks_like_html(reply.body, reply.headers.get("content-type", ""))
        words = "a web page came back" if html else "the answer is not JSON"
        failure = Failure(
            FailureKind.NOT_THE_SERVICE if html else FailureKind.MALFORMED,
            f"{words}: this does not look like {self.pool}; check the source's url",
        )
        return Refused(failure, reply.status, headers=reply.headers, raw=raw)

    def _failure(self, reply: Reply, code: str | None, said: str | None, at: datetime) -> Failure:
        """What an error answer of the pool itself means; it says nothing about any account's token."""
        known = classify(reply, at)
        retry_at = known.retry_at if known is not None else None
        told = f": {said}" if said else ""
        status = reply.status
        if status == 401:
            words = f"{self.pool} does not let poolwatch in (401){told}"
            return Failure(FailureKind.FORBIDDEN, words, detail=code)
        if status == 429:
            words = f"{self.pool} was asked too often (429){told}"
            return Failure(FailureKind.THROTTLED, words, retry_at=retry_at, detail=code)
        if status == 404:
            words = f"{self.pool} does not know what was asked for (404){told}"
            return Failure(FailureKind.UPSTREAM_ERROR, words, detail=code)
        if 300 <= status < 400:
            return _elsewhere(
                Failure(FailureKind.NOT_THE_SERVICE, f"{self.pool} redirects ({status}); not followed")
            )
        if known is not None and known.kind is FailureKind.EDGE_BLOCKED:
            return known
        if status == 403:
            return Failure(FailureKind.FORBIDDEN, f"{self.pool} forbids this (403){told}", detail=code)
        words = f"{self.pool} has a fault" if status >= 500 else f"{self.pool} refuses the request"
        return Failure(
            FailureKind.UPSTREAM_ERROR, f"{words} ({status}){told}", retry_at=retry_at, detail=code
        )


def hiding(answer: Answered | Refused, *secrets: Secret) -> Answered | Refused:
    """The answer without these secrets too, which were not sent for it."""
    if not secrets:
        return answer
    raw = None if answer.raw is None else shown_body(answer.raw.encode(), *secrets)
    body, headers = told_without(answer.body, *secrets), _headers_without(answer.headers, secrets)
    if isinstance(answer, Answered):
        return replace(answer, body=body, headers=headers, raw=raw or "")
    message = told_without(answer.failure.message, *secrets)
    failure = replace(answer.failure, message=str(message))
    return replace(answer, failure=failure, body=body, headers=headers, raw=raw)


def _headers_without(headers: Mapping[str, str], secrets: Iterable[Secret]) -> Mapping[str, str]:
    return {name: str(told_without(value, *secrets)) for name, value in headers.items()}


def _elsewhere(failure: Failure) -> Failure:
    """The failure; of one that looks like another program, with what an operator can do."""
    if failure.kind is not FailureKind.NOT_THE_SERVICE:
        return failure
    return replace(failure, message=f"{failure.message}; check the source's url")


def json_bytes(value: Mapping[str, object]) -> bytes:
    """A request's body."""
    return json.dumps(value).encode()


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
