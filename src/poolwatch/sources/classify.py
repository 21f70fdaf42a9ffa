"""What an answer that is no reading means for the account."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from poolwatch.custody.auth_file import is_workspace
from poolwatch.domain.account import Listing
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, Refusal
from poolwatch.domain.remake import replace
from poolwatch.domain.text import visible_or_none
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.net.reply import Reply, http_date
from poolwatch.sources.json_body import JsonValue, looks_like_html, read_json
from poolwatch.sources.lenient import epoch, whole
from poolwatch.sources.redact import without_tokens

_LEAST_WAIT: Final = timedelta(seconds=1)
_LONGEST_WAIT: Final = timedelta(hours=1)
_SECONDS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_CODE_LENGTH: Final = 60

_PLACE_WORDS: Final = b"country, region, or territory not supported"
_PLACE_CODE: Final = "unsupported_country_region_territory"
_CHALLENGE: Final = (b"just a moment", b"_cf_chl", b"attention required", b"cf-chl")

_UNAUTHORIZED: Final = {
    "token_expired": ("the access token has expired", LoginProblem.EXPIRED),
    "token_invalidated": ("the login was signed out or revoked", LoginProblem.INVALIDATED),
    "token_revoked": ("the login was signed out or revoked", LoginProblem.INVALIDATED),
}


def classify(reply: Reply, at: datetime) -> Failure | None:
    """The failure that an answer stands for, or None where its body should be read. `at` is our own clock."""
    status = reply.status
    if status == 429:
        return Failure(FailureKind.THROTTLED, _throttled(reply), retry_at=_retry_at(reply, at))
    if "cf-mitigated" in reply.headers:
        return _edge("the network edge asks for a browser check", reply, at)
    is_html = looks_like_html(reply.body, reply.headers.get("content-type", ""))
    if 200 <= status < 300:
        if is_html:
            return Failure(FailureKind.NOT_THE_SERVICE, "a web page came back instead of figures")
        return None
    if 300 <= status < 400:
        return Failure(FailureKind.NOT_THE_SERVICE, f"the service redirects ({status}); not followed")
    code, message = _said(reply)
    if status in (401, 402, 403) and code == "deactivated_workspace":
        return _deactivated("removed from its workspace, or the workspace is gone", code)
    if status in (401, 403) and (code == "account_deactivated" or "deactivated" in message.lower()):
        return _deactivated("the account is reported as deactivated", code)
    if status in (401, 403, 451) and not is_html and (place := _place(reply, code)) is not None:
        # a 401 too: it says nothing about the token
        words = "the service does not answer from this country or network"
        return Failure(FailureKind.FORBIDDEN, f"{words} ({status}, {place})", detail=place)
    if status == 401:
        words, problem = _UNAUTHORIZED.get(
            code or "", ("the access token is not accepted", LoginProblem.REJECTED)
        )
        return Failure(FailureKind.UNAUTHORIZED, f"{words} (401)", detail=code, login_problem=problem)
    if status == 403:
        return _forbidden(reply, code, at, is_html=is_html)
    if status == 404 and not reply.body.strip() and not reply.body_refused:
        return _edge("the network edge answers with an empty 404", reply, at)
    suffix = f", {code}" if code else ""
    words = "the service has a fault" if status >= 500 else "the service refuses the request"
    retry_at = _retry_at(reply, at) if status >= 500 else None
    return Failure(FailureKind.UPSTREAM_ERROR, f"{words} ({status}{suffix})", retry_at=retry_at, detail=code)


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
        whose = None
        if all(users) and users[0] != users[1]:
            whose = "another user than this login"
        elif all(accounts) and accounts[0] != accounts[1]:
            whose = "another workspace than this login's"
    else:
        is_other = usage.email and asked.email and usage.email.casefold() != asked.email.casefold()
        whose = "another e-mail address than this login's" if is_other else None
    if whose is None:
        return None
    return Failure(FailureKind.OTHER_ACCOUNT, f"the figures that came back belong to {whose}")


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
        return _edge("the network edge blocks this machine", reply, at)
    if isinstance(read_json(reply.body), Failure):
        return _edge("the network edge refuses the request", reply, at)
    suffix = f", {code}" if code else ""
    words = "the service forbids this account its figures"
    if Refusal.of(code) is Refusal.WORKSPACE:
        words = "the service refuses the workspace that this login chooses"
    return Failure(FailureKind.FORBIDDEN, f"{words} (403{suffix})", detail=code)


def _edge(words: str, reply: Reply, at: datetime) -> Failure:
    return Failure(FailureKind.EDGE_BLOCKED, f"{words} ({reply.status})", retry_at=_retry_at(reply, at))


def _deactivated(words: str, code: str | None) -> Failure:
    return Failure(FailureKind.DEACTIVATION_REPORTED, words, detail=code)


def _throttled(reply: Reply) -> str:
    code, _ = _said(reply)
    return f"asked too often (429, {code})" if code else "asked too often (429)"


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
    server_now = reply.server_date or at
    given = (reply.headers.get("retry-after") or "").strip()
    wait: timedelta | None = None
    if _SECONDS.fullmatch(given):
        wait = timedelta(seconds=min(int(given), int(_LONGEST_WAIT.total_seconds())))
    elif (until := http_date(given)) is not None:
        wait = until - server_now
    else:
        _, error, _ = _objects(reply)
        resets_at = epoch(error.get("resets_at"))
        seconds = whole(error.get("resets_in_seconds"))
        if resets_at is not None:
            wait = resets_at - server_now
        elif seconds:
            wait = timedelta(seconds=seconds)
    return None if wait is None else at + min(max(wait, _LEAST_WAIT), _LONGEST_WAIT)
