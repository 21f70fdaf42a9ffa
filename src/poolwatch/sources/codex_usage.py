"""Asks the usage endpoint with one login."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from poolwatch.custody.auth_file import Login, is_workspace
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import Reply, clock_offset
from poolwatch.sources.classify import classify
from poolwatch.sources.redact import shown_body
from poolwatch.sources.source import UsageReading
from poolwatch.sources.usage_payload import parse_usage

_OFFICIAL_HOSTS: Final = frozenset({"chatgpt.com", "chat.openai.com"})
_BACKEND: Final = "/backend-api"
_SENDABLE_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)


def usage_urls(base_url: str) -> tuple[str, ...]:
    """The addresses to ask, the second only where the first answers 404."""
    base = base_url.strip().rstrip("/")
    if urlsplit(base).hostname in _OFFICIAL_HOSTS and _BACKEND not in base:
        base += _BACKEND
    if _BACKEND in base:
        return f"{base}/wham/usage", f"{base}/codex/usage"
    return f"{base}/api/codex/usage", f"{base}/codex/usage"


def usage_headers(login: Login, access: Secret) -> dict[str, str | Secret]:
    """The headers of a usage request."""
    headers: dict[str, str | Secret] = {
        "Authorization": Secret(f"Bearer {access.reveal()}"),
        "Accept": "application/json",
    }
    account = login.workspace or login.account_id
    if account and _SENDABLE_ID.fullmatch(account) and is_workspace(account):
        headers["ChatGPT-Account-Id"] = account
    if login.is_fedramp:
        headers["X-OpenAI-Fedramp"] = "true"
    return headers


async def fetch_usage(
    client: HttpClient,
    base_url: str,
    login: Login,
    at: datetime,
    deadline_seconds: float,
    *,
    shows_raw: bool = True,
) -> UsageReading:
    """One reading; `at` is our own clock now, the deadline covers all addresses that are asked.

    `shows_raw`: the answer's text comes with it; making it fit to be shown costs more than reading it.

    Whether the token may be sent at all (not expired, not rejected) is for the caller to judge.
    """
    if login.access is None:
        return UsageReading(Failure(FailureKind.NO_TOKEN, "the login has no access token"))
    headers = usage_headers(login, login.access)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await client.ready()
    started = loop.time()
    at += timedelta(seconds=started - begun)
    first: Reply | Failure | None = None
    last: Reply | Failure | None = None
    for url in usage_urls(base_url):
        left = deadline_seconds - (loop.time() - started)
        if left <= 0:
            break
        last = await client.get(url, headers, deadline_seconds=left)
        first = first or last
        if not _is_not_found(last):
            break
    # two addresses unknown: the first one's answer is the telling one
    answer = first if last is None or _is_not_found(last) else last
    elapsed = loop.time() - started
    if answer is None or isinstance(answer, Failure):
        outcome = answer or Failure(FailureKind.UNREACHABLE, f"no answer within {deadline_seconds:g} s")
        return UsageReading(outcome, elapsed_seconds=elapsed, token_fingerprint=login.fingerprint)
    return _reading(answer, login, at, elapsed, shows_raw=shows_raw)


def _is_not_found(answer: Reply | Failure) -> bool:
    return isinstance(answer, Reply) and answer.status == 404


def read_answer(reply: Reply, at: datetime) -> tuple[UsageSnapshot | Failure, datetime | None]:
    """What an answer says, and the service's time; `at` is our own clock."""
    outcome: UsageSnapshot | Failure | None = classify(reply, at)
    if outcome is None:
        content_type = reply.headers.get("content-type", "")
        outcome = parse_usage(reply.body, reply.server_date or at, content_type)
    # a portal or an edge may have any clock; only the service itself is asked for the time
    is_service = isinstance(outcome, UsageSnapshot) or outcome.kind is FailureKind.UNAUTHORIZED
    return outcome, reply.server_date if is_service else None


def _reading(reply: Reply, login: Login, at: datetime, elapsed: float, *, shows_raw: bool) -> UsageReading:
    outcome, server_date = read_answer(reply, at)
    if isinstance(outcome, UsageSnapshot) and _is_other_user(outcome, login):
        outcome = Failure(
            FailureKind.OTHER_ACCOUNT, "the figures that came back belong to another user than this login"
        )
    return UsageReading(
        outcome,
        shown_body(reply.body, login.access, login.refresh) if shows_raw else None,
        server_date,
        elapsed,
        login.fingerprint,
        clock_offset(server_date, at, elapsed) if server_date is not None else None,
    )


def _is_other_user(snapshot: UsageSnapshot, login: Login) -> bool:
    # only the user id: personal payloads repeat it where the account id should stand
    return bool(snapshot.user_id and login.user_id and snapshot.user_id != login.user_id)
