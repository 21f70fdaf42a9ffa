"""Asks one pool server: JSON in both directions, and only the routes that its source may use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.message import Message, message
from poolwatch.domain.state import KeyState
from poolwatch.domain.values import replace
from poolwatch.host.threads import in_thread
from poolwatch.net.client import MEBIBYTE, Headers
from poolwatch.net.reply import Lost, NotSent, Reply
from poolwatch.sources.json_body import TOO_DEEP, JsonValue, looks_like_html, read_json
from poolwatch.sources.pools.keys import ConfiguredSecret, Refusals, SecretKind
from poolwatch.sources.pools.routes import ForbiddenRouteError, PoolProgram, Route
from poolwatch.sources.redaction import shown_body, their_words, told_without
from poolwatch.sources.source import SourceSetup
from poolwatch.sources.usage_endpoint import classify

#: As much as the list of a large pool, with everything that the pool knows of each account.
_MOST_BYTES: Final = 16 * MEBIBYTE
_REFUSAL_BYTES: Final = 64 * 1024
#: What the pool itself says, whatever stands before it.
_POOLS_OWN: Final = (401, 404, *range(300, 400))
#: What a pool answers only to who was let in.
_LET_IN: Final = (400, 404, 409, 422)
_SAID_LENGTH: Final = 160
_CODE_LENGTH: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    body: JsonValue = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    elapsed_seconds: float = 0.0
    #: the body as text, tokens and keys taken out
    raw: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(_Answer):
    """A 2xx answer with a JSON body. It may still tell of a failure: look inside."""

    status: int
    server_date: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(_Answer):
    """No such answer: why, and what the pool said if it said anything in JSON.

    `status` None means that there was no complete answer; `sent` False, that nothing left this machine.
    `code` is the pool's own error code, `said` its own words; both are sanitised and hold no key.
    """

    failure: Failure
    status: int | None = None
    code: str | None = None
    said: str | None = None
    sent: bool = True


class Entry:
    """What lets a request in; this one needs nothing."""

    async def headers(self, at: datetime) -> Headers | Failure:
        """The headers of a request, or why there are none; asked for each request (our clock)."""
        return {}

    def renew(self) -> bool:
        """After a 401: whether the request may be repeated once with new headers."""
        return False


class _Request(NamedTuple):
    route: Route
    path: str
    at: datetime
    #: of a POST, made just before it is sent
    body: Callable[[], bytes] | None = None
    #: what stands in the body and is never shown
    secrets: tuple[Secret, ...] = ()


class PoolClient:
    """Speaks with one pool, by its program's routes alone.

    The setup's deadline in seconds covers one request with its whole answer.
    """

    def __init__(
        self,
        setup: SourceSetup,
        program: PoolProgram,
        refusals: Refusals,
        entry: Entry | None = None,
        *,
        url: str | None = None,
    ) -> None:
        self._program = program
        self._setup = setup
        self._base = (url or setup.settings.url or "").strip().rstrip("/")
        self._refusals = refusals
        self._entry = entry or Entry()
        #: whichever let poolwatch in, an answer repeats none of them
        self._secrets = tuple(ConfiguredSecret(setup, kind) for kind in SecretKind)

    async def get_json(self, path: str, at: datetime, secrets: tuple[Secret, ...] = ()) -> Answered | Refused:
        """The answer to a GET, without these secrets; from `at`, by our own clock, a retry time counts."""
        return await self._ask(_Request(self._route("GET", path), path, at, None, secrets))

    async def post_json(
        self, path: str, body: Callable[[], bytes] | None, at: datetime, secrets: tuple[Secret, ...] = ()
    ) -> Answered | Refused:
        """The answer to a POST, sent once. `body` is made just before; its `secrets` are never shown."""
        route = self._route("POST", path)
        return await self._ask(_Request(route, path, at, body or (lambda: b""), secrets))

    async def post_once(self, path: str, body: bytes, at: datetime) -> Reply | NotSent | Lost:
        """Send a POST once and never again, whatever comes; an answer has its status and its JSON alone."""
        request = _Request(self._route("POST", path), path, at, lambda: body)
        answer = await self._ask_once(request)
        if isinstance(answer, Answered):
            return Reply(answer.status, {}, json_text(answer.body), None, answer.elapsed_seconds)
        if not answer.sent:
            return NotSent(answer.failure)
        if answer.status is None or 200 <= answer.status < 300:
            return Lost(answer.failure)
        return Reply(answer.status, {}, json_text(answer.body), None, answer.elapsed_seconds)

    def _route(self, method: str, path: str) -> Route:
        for route in self._program.routes:
            if route.matches(method, path):
                return route
        raise ForbiddenRouteError(f"{method} {path} is no route that {self._program.name} may be asked for")

    async def _ask(self, request: _Request) -> Answered | Refused:
        answer = await self._ask_once(request)
        if isinstance(answer, Refused) and answer.status == 401 and self._entry.renew():
            return await self._ask_once(request)
        return answer

    async def _ask_once(self, request: _Request) -> Answered | Refused:
        route, at = request.route, request.at
        path = route.path if route.is_secret else request.path
        headers = await self._entry.headers(at)
        if isinstance(headers, Failure):
            return Refused(failure=headers, sent=False)
        # a session is no key
        key = headers.get("Authorization")
        key = key if isinstance(key, Secret) else None
        async with self._refusals.trying(key, at) as refusing:
            held = refusing or await self._refusals.waiting(path, at)
            if held is not None:
                meaning = self._meaning(held.status, held.code, held.said, held.until)
                return Refused(
                    failure=meaning, status=held.status, code=held.code, said=held.said, sent=False
                )
            answer = await self._send(request, headers)
            await self._remember(answer, key, None if request.route.whole_pool else path, at)
            return answer

    async def _remember(
        self, answer: Answered | Refused, key: Secret | None, scope: str | None, at: datetime
    ) -> None:
        """Keep for all processes what a later request must know."""
        status, until, code, said = answer.status, None, None, None
        if isinstance(answer, Refused):
            until, code, said = answer.failure.retry_at, answer.code, answer.said
        if status is None:
            return
        if key is not None and status == 401:
            await self._refusals.refuse(key, KeyState(status, at, None, code, said))
        elif key is not None and (isinstance(answer, Answered) or status in _LET_IN):
            await self._refusals.accept(key, at)
        if until is not None:
            await self._refusals.wait(scope, KeyState(status, at, until, code, said))
        else:
            await self._refusals.answered(scope)

    async def _send(self, request: _Request, entry: Headers) -> Answered | Refused:
        headers: dict[str, str | Secret] = {"Accept": "application/json", **entry}
        url, client = self._base + request.path, self._setup.client
        seconds = self._setup.deadline_seconds
        loop = asyncio.get_running_loop()
        started = loop.time()
        answer: Reply | Failure | NotSent | Lost
        if request.body is None:
            answer = await client.get(url, headers, deadline_seconds=seconds, cap_bytes=_MOST_BYTES)
        else:
            headers["Content-Type"] = "application/json"
            answer = await client.post(
                url, headers, request.body, deadline_seconds=seconds, cap_bytes=_MOST_BYTES
            )
        if not isinstance(answer, Reply):
            why = answer if isinstance(answer, Failure) else answer.failure
            sent = not isinstance(answer, NotSent)
            return Refused(failure=_elsewhere(why), elapsed_seconds=loop.time() - started, sent=sent)
        reply = answer
        # it reads the keys' files, and a list may be long
        return await in_thread(lambda: self._read(reply, self._hidden(entry, request.secrets), request.at))

    def _hidden(self, entry: Headers, secrets: Iterable[Secret]) -> list[Secret]:
        """What an answer must not repeat; what let the request in also without the word before it."""
        bare = [
            Secret(value.reveal().partition("=" if name == "Cookie" else " ")[2])
            for name, value in entry.items()
            if isinstance(value, Secret)
        ]
        configured = [found for each in self._secrets if isinstance(found := each.read(), Secret)]
        return list(dict.fromkeys([*bare, *secrets, *configured]))

    def _read(self, reply: Reply, secrets: list[Secret], at: datetime) -> Answered | Refused:
        body, content_type = reply.body, reply.headers.get("content-type", "")
        headers = {name: str(told_without(value, *secrets)) for name, value in reply.headers.items()}
        status, elapsed, raw = reply.status, reply.elapsed_seconds, shown_body(body, *secrets)
        refused = partial(Refused, status=status, headers=headers, elapsed_seconds=elapsed, raw=raw)
        if not 200 <= status < 300:
            # a refusal has few words
            short = replace(reply, body=body[:_REFUSAL_BYTES])
            value = _value_in(short.body, content_type, secrets) if body else None
            value = None if isinstance(value, Failure) else value
            code, said = _said(value, secrets)
            why = classify(short, at)
            if why is None or why.kind is not FailureKind.EDGE_BLOCKED or status in _POOLS_OWN:
                why = self._meaning(status, code, said, why.retry_at if why is not None else None)
            return refused(failure=why, code=code, said=said, body=value)
        value = _value_in(body, content_type, secrets) if body else None
        is_page = looks_like_html(body, content_type)
        if is_page or isinstance(value, Failure):
            kind = FailureKind.NOT_THE_SERVICE if is_page else FailureKind.MALFORMED
            code = "pools.web_page" if is_page else "pools.not_json"
            return refused(failure=failure(kind, code, pool=self._program.name))
        date = reply.server_date
        return Answered(
            body=value, status=status, headers=headers, server_date=date, elapsed_seconds=elapsed, raw=raw
        )

    def _meaning(self, status: int, code: str | None, said: str | None, retry_at: datetime | None) -> Failure:
        """What an error answer of the pool itself means; it says nothing about any account's token."""
        kind, sentence = FailureKind.UPSTREAM_ERROR, "pools.fault" if status >= 500 else "pools.refuses"
        if 300 <= status < 400:
            kind, sentence = FailureKind.NOT_THE_SERVICE, "pools.redirects"
        match status:
            case 401:
                kind, sentence, retry_at = FailureKind.FORBIDDEN, "pools.lets_nobody_in", None
            case 403:
                kind, sentence = FailureKind.FORBIDDEN, "pools.forbids"
            case 404:
                # a pool says what it does not know; without a word of it, another program may listen there
                sentence, retry_at = "pools.not_found" if said else "pools.not_found_unsaid", None
            case 429:
                kind, sentence = FailureKind.THROTTLED, "pools.throttled"
        return failure(
            kind,
            sentence,
            retry_at=retry_at,
            detail=code,
            pool=self._program.name,
            status=status,
            told=told(said),
        )


def _value_in(body: bytes, content_type: str, secrets: Iterable[Secret]) -> JsonValue | Failure:
    """What the body holds, without these secrets."""
    value = read_json(body, content_type)
    if isinstance(value, Failure):
        return value
    try:
        return told_without(value, *secrets)
    except RecursionError:
        return TOO_DEEP


def _elsewhere(why: Failure) -> Failure:
    """The failure; of one that looks like another program, with what an operator can do."""
    if why.kind is not FailureKind.NOT_THE_SERVICE:
        return why
    return failure(why.kind, "pools.elsewhere", retry_at=why.retry_at, detail=why.detail, why=why.as_message)


def json_bytes(value: Mapping[str, object]) -> bytes:
    """A request's body."""
    return json.dumps(value).encode()


def json_text(value: JsonValue) -> bytes:
    """A value that was read, as text again; nothing where there was none."""
    return b"" if value is None else json.dumps(value).encode()


def told(said: str | None) -> Message | str:
    """The pool's own words at the end of a sentence, nothing where it said none."""
    return message("pools.told", text=said) if said else ""


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
