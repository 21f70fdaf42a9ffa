"""The one request that spends a refresh token, and what its answer means."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from poolwatch.config.values import is_loopback
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, failure
from poolwatch.domain.schedule import RETRY_AFTER_CEILING, RETRY_AFTER_FLOOR
from poolwatch.net.reply import Lost, NotSent, Reply, retry_after
from poolwatch.once.json_text import JsonObject, object_at, parse_object, text_at

if TYPE_CHECKING:
    from poolwatch.net.client import HttpClient

#: The public client id of every Codex login (openai/codex, codex-rs/login/src/auth/manager.rs).
CLIENT_ID: Final = "app_EMoamEEZ73f0CkXaXp7hrann"
REPLY_CAP_BYTES: Final = 64 * 1024
DEADLINE_SECONDS: Final = 60.0
# A gateway answered for a server that may have spent the token; 520 and 524 are Cloudflare's own.
_GATEWAY: Final = frozenset({502, 504, 520, 524})
_FOR_GOOD: Final = {
    "refresh_token_reused": LoginProblem.USED_ELSEWHERE,
    "refresh_token_invalidated": LoginProblem.INVALIDATED,
    "refresh_token_expired": LoginProblem.REFRESH_EXPIRED,
    "invalid_grant": LoginProblem.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Granted:
    """The token was exchanged. The body holds the only copy of the new login."""

    body: bytes = field(repr=False)
    took_seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The refresh token is dead."""

    problem: LoginProblem
    took_seconds: float


@dataclass(frozen=True, slots=True)
class Unspent:
    """The exchange failed and the refresh token is as good as before."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Unclear:
    """The token may have been spent and the new one is not here."""

    failure: Failure


Verdict = Granted | Refused | Unspent | Unclear


async def post_refresh(
    client: HttpClient, token_url: str, token: Secret, deadline_seconds: float = DEADLINE_SECONDS
) -> Reply | NotSent | Lost:
    """Send the refresh token once. It goes over TLS, or to this machine, and nowhere else."""
    address = urlsplit(token_url)
    if address.scheme != "https" and not (address.scheme == "http" and is_loopback(address.hostname or "")):
        return NotSent(failure(FailureKind.UNREACHABLE, "custody.not_https"))
    return await client.post(
        token_url,
        {"Content-Type": "application/json", "Accept": "application/json"},
        lambda: json.dumps(
            {"client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": token.reveal()}
        ).encode(),
        deadline_seconds=deadline_seconds,
        cap_bytes=REPLY_CAP_BYTES,
    )


def judge(answer: Reply | NotSent | Lost, now: datetime) -> Verdict:
    """What an answer says of the token that was sent."""
    if isinstance(answer, NotSent):
        return Unspent(answer.failure)
    if isinstance(answer, Lost):
        return Unclear(answer.failure)
    status = answer.status
    if 200 <= status < 300:
        return Granted(answer.body, answer.elapsed_seconds)
    if status in _GATEWAY:
        return Unclear(failure(FailureKind.UPSTREAM_ERROR, "custody.gateway", status=status))
    problem = _FOR_GOOD.get(_code(answer.body)) if status in (400, 401) else None
    if problem is None and status == 401:
        problem = LoginProblem.REJECTED
    if problem is not None:
        return Refused(problem, answer.elapsed_seconds)
    return Unspent(_failure(answer, now))


def _failure(reply: Reply, now: datetime) -> Failure:
    status = reply.status
    if status == 429:
        wait = retry_after(reply, now)
        retry_at = None if wait is None else now + min(max(wait, RETRY_AFTER_FLOOR), RETRY_AFTER_CEILING)
        return failure(FailureKind.THROTTLED, "custody.throttled", retry_at=retry_at)
    if status < 400:
        return failure(FailureKind.NOT_THE_SERVICE, "custody.redirected")
    if status == 403 and ("cf-mitigated" in reply.headers or reply.body.lstrip()[:1] == b"<"):
        return failure(FailureKind.EDGE_BLOCKED, "custody.edge_blocked")
    return failure(FailureKind.UPSTREAM_ERROR, "custody.answered", status=status)


def _code(body: bytes) -> str:
    """The error code; words of the answer go no further, they may quote what was sent."""
    found: JsonObject = parse_object(body) or {}
    detail, error = object_at(found, "detail") or {}, object_at(found, "error") or {}
    code = (
        text_at(detail, "code") or text_at(error, "code") or text_at(found, "error") or text_at(found, "code")
    )
    if code is None:
        code = text_at(error, "type")
    return (code or "").lower()
