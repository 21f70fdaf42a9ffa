"""Asks the usage endpoint with one login, and says what an answer that is no reading means."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from poolwatch.custody.login_file import Login, is_workspace
from poolwatch.domain.account import Listing, Secret
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, Refusal, failure
from poolwatch.domain.text import visible_or_none
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import Reply, clock_offset, retry_after
from poolwatch.sources.json_body import JsonValue, looks_like_html, read_json
from poolwatch.sources.lenient import epoch, whole
from poolwatch.sources.redaction import shown_body, without_tokens
from poolwatch.sources.source import UsageReading
from poolwatch.sources.usage_payload import parse_usage

_OFFICIAL_HOSTS: Final = frozenset({"chatgpt.com", "chat.openai.com"})
_BACKEND: Final = "/backend-api"
_SENDABLE_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)

_LEAST_WAIT: Final = timedelta(seconds=1)
_LONGEST_WAIT: Final = timedelta(hours=1)
_CODE_LENGTH: Final = 60

_PLACE_WORDS: Final = b"country, region, or territory not supported"
_PLACE_CODE: Final = "unsupported_country_region_territory"
_CHALLENGE: Final = (b"just a moment", b"_cf_chl", b"attention required", b"cf-chl")

_UNAUTHORIZED: Final = {
    "token_expired": ("sources.token_expired", LoginProblem.EXPIRED),
    "token_invalidated": ("sources.login_ended", LoginProblem.INVALIDATED),
    "token_revoked": ("sources.login_ended", LoginProblem.INVALIDATED),
}


def usage_urls(base_url: str) -> tuple[str, ...]:
    """The addresses to ask, the second only where the first answers 404."""
    base = base_url.strip().rstrip("/")
    if urlsplit(base).hostname in _OFFICIAL_HOSTS and _BACKEND not in base:
        base += _BACKEND
    if _BACKEND in base:
        return f"{base}/wham/usage", f"{base}/codex/usage"
    return f"{base}/api/codex/usage", f"{base}/codex/usage"


def usage_headers(login: Login, access: Secret) -> dict[str, str | Secret]:
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
) -> UsageReading:
    """One reading; `at` is our own clock now, the deadline covers all addresses that are asked.

    Whether the token may be sent at all (not expired, not rejected) is for the caller to judge.
    """
    if login.access is None:
        return UsageReading(failure(FailureKind.NO_TOKEN, "sources.no_access_token"))
    headers = usage_headers(login, login.access)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await client.ready()
    started = loop.time()
    at += timedelta(seconds=started - begun)
    answer: Reply | Failure | None = None
    for url in usage_urls(base_url):
        left = deadline_seconds - (loop.time() - started)
        if left <= 0:
            break
        found = await client.get(url, headers, deadline_seconds=left)
        # two addresses unknown: the first one's answer is the one that counts
        is_unknown = isinstance(found, Reply) and found.status == 404
        answer = answer if is_unknown and answer is not None else found
        if not is_unknown:
            break
    elapsed = loop.time() - started
    if answer is None or isinstance(answer, Failure):
        outcome = answer or failure(
            FailureKind.UNREACHABLE, "sources.no_answer", seconds=f"{deadline_seconds:g}"
        )
        return UsageReading(outcome, elapsed_seconds=elapsed, token_fingerprint=login.fingerprint)
    return _reading(answer, login, at, elapsed)


def read_answer(reply: Reply, at: datetime) -> tuple[UsageSnapshot | Failure, datetime | None]:
    """What an answer says, and the service's time; `at` is our own clock."""
    outcome: UsageSnapshot | Failure | None = classify(reply, at)
    if outcome is None:
        content_type = reply.headers.get("content-type", "")
        outcome = parse_usage(reply.body, reply.server_date or at, content_type)
    # a portal or an edge may have any clock; only the service itself is asked for the time
    is_service = isinstance(outcome, UsageSnapshot) or outcome.kind is FailureKind.UNAUTHORIZED
    return outcome, reply.server_date if is_service else None


def _reading(reply: Reply, login: Login, at: datetime, elapsed: float) -> UsageReading:
    outcome, server_date = read_answer(reply, at)
    if isinstance(outcome, UsageSnapshot) and _is_other_user(outcome, login):
        outcome = failure(FailureKind.OTHER_ACCOUNT, "sources.other_user")
    return UsageReading(
        outcome,
        shown_body(reply.body, login.access, login.refresh),
        server_date,
        elapsed,
        login.fingerprint,
        clock_offset(server_date, at, elapsed) if server_date is not None else None,
    )


def _is_other_user(snapshot: UsageSnapshot, login: Login) -> bool:
    # only the user id: personal payloads repeat it where the account id should stand
    return bool(snapshot.user_id and login.user_id and snapshot.user_id != login.user_id)


def classify(reply: Reply, at: datetime) -> Failure | None:
    """The failure that an answer stands for, or None where its body should be read. `at` is our own clock."""
    status = reply.status
    if status == 429:
        code, _ = _said(reply)
        return failure(
            FailureKind.THROTTLED,
            "sources.asked_too_often",
            retry_at=_retry_at(reply, at),
            status=_status(reply, code),
        )
    if "cf-mitigated" in reply.headers:
        return _edge("sources.browser_check", reply, at)
    is_html = looks_like_html(reply.body, reply.headers.get("content-type", ""))
    if 200 <= status < 300:
        if is_html:
            return failure(FailureKind.NOT_THE_SERVICE, "sources.web_page")
        return None
    if 300 <= status < 400:
        return failure(FailureKind.NOT_THE_SERVICE, "sources.redirects", status=status)
    code, message = _said(reply)
    if status in (401, 402, 403) and code == "deactivated_workspace":
        return failure(FailureKind.DEACTIVATION_REPORTED, "sources.workspace_gone", detail=code)
    if status in (401, 403) and (code == "account_deactivated" or "deactivated" in message.lower()):
        return failure(FailureKind.DEACTIVATION_REPORTED, "sources.deactivated", detail=code)
    if status in (401, 403, 451) and not is_html and (place := _place(reply, code)) is not None:
        # a 401 too: it says nothing about the token
        return failure(
            FailureKind.FORBIDDEN, "sources.place_refused", detail=place, status=_status(reply, place)
        )
    if status == 401:
        told, problem = _UNAUTHORIZED.get(code or "", ("sources.token_refused", LoginProblem.REJECTED))
        return failure(FailureKind.UNAUTHORIZED, told, detail=code, login_problem=problem)
    if status == 403:
        return _forbidden(reply, code, at, is_html=is_html)
    if status == 404 and not reply.body.strip() and not reply.body_refused:
        return _edge("sources.edge_empty", reply, at)
    return failure(
        FailureKind.UPSTREAM_ERROR,
        "sources.service_fault" if status >= 500 else "sources.request_refused",
        retry_at=_retry_at(reply, at) if status >= 500 else None,
        detail=code,
        status=_status(reply, code),
    )


def of_somebody_else(usage: UsageSnapshot, asked: Listing, listed: Listing | None = None) -> Failure | None:
    """The failure for figures whose owner is not the account that was asked for, None where they may be its.

    The ids decide that both sides know. Without any such id the e-mail does. What the asker does not know of
    the account counts as the pool has `listed` it.
    """
    if listed is not None:
        asked = replace(
            asked,
            user_id=asked.user_id or listed.user_id,
            account_id=asked.account_id or listed.account_id,
            email=asked.email or listed.email,
        )
    users = usage.user_id, asked.user_id
    accounts = _workspace(usage.account_id, users), _workspace(asked.account_id, users)
    if all(users) or all(accounts):
        code = None
        if all(users) and users[0] != users[1]:
            code = "sources.other_user"
        elif all(accounts) and accounts[0] != accounts[1]:
            code = "sources.other_workspace"
    else:
        is_other = usage.email and asked.email and usage.email.casefold() != asked.email.casefold()
        code = "sources.other_email" if is_other else None
    return failure(FailureKind.OTHER_ACCOUNT, code) if code is not None else None


def _workspace(account_id: str | None, users: tuple[str | None, str | None]) -> str | None:
    """The account id, None where it names no workspace: personal payloads repeat the user id there."""
    return account_id if account_id and account_id not in users and is_workspace(account_id) else None


def _place(reply: Reply, code: str | None) -> str | None:
    """The code of an answer that is about where the question came from; None for any other."""
    if Refusal.of(code) is Refusal.PLACE:
        return code
    return _PLACE_CODE if reply.status == 451 or _PLACE_WORDS in reply.body.lower() else None


def _forbidden(reply: Reply, code: str | None, at: datetime, *, is_html: bool) -> Failure:
    lowered = reply.body.lower()
    if is_html or any(mark in lowered for mark in _CHALLENGE):
        return _edge("sources.edge_blocks", reply, at)
    if isinstance(read_json(reply.body), Failure):
        return _edge("sources.edge_refuses", reply, at)
    is_workspace_refused = Refusal.of(code) is Refusal.WORKSPACE
    told = "sources.workspace_refused" if is_workspace_refused else "sources.figures_refused"
    return failure(FailureKind.FORBIDDEN, told, detail=code, status=_status(reply, code))


def _edge(code: str, reply: Reply, at: datetime) -> Failure:
    return failure(FailureKind.EDGE_BLOCKED, code, retry_at=_retry_at(reply, at), status=reply.status)


def _status(reply: Reply, code: str | None) -> str:
    return f"{reply.status}, {code}" if code else f"{reply.status}"


def _objects(reply: Reply) -> tuple[dict[str, JsonValue], dict[str, JsonValue], dict[str, JsonValue]]:
    """The objects that may hold a code, in the order to look: detail, error, the answer itself."""
    value = read_json(reply.body) if reply.body else None
    if not isinstance(value, dict):
        return {}, {}, {}
    detail, error = value.get("detail"), value.get("error")
    return (detail if isinstance(detail, dict) else {}, error if isinstance(error, dict) else {}, value)


def _said(reply: Reply) -> tuple[str | None, str]:
    """The error code, and all messages together; the code is safe to show, the messages are not."""
    places = _objects(reply)
    codes: Iterable[JsonValue] = [
        *(place.get("code") for place in places),
        places[1].get("type"),
        places[2].get("error"),
        reply.headers.get("x-openai-ide-error-code"),
    ]
    code = next((each for each in codes if isinstance(each, str) and each.strip()), None)
    messages = [place.get("message") for place in places] + [places[2].get("detail"), places[2].get("error")]
    shown = None if code is None else visible_or_none(without_tokens(code), _CODE_LENGTH)
    return shown, " ".join(each for each in messages if isinstance(each, str))


def _retry_at(reply: Reply, at: datetime) -> datetime | None:
    """When to come back, by our own clock: between a second and an hour ahead, None when nobody said."""
    wait = retry_after(reply, at)
    if wait is None:
        _, error, _ = _objects(reply)
        resets_at = epoch(error.get("resets_at"))
        seconds = whole(error.get("resets_in_seconds"))
        if resets_at is not None:
            wait = resets_at - (reply.server_date or at)
        elif seconds:
            wait = timedelta(seconds=seconds)
    return None if wait is None else at + min(max(wait, _LEAST_WAIT), _LONGEST_WAIT)
