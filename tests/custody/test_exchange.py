from __future__ import annotations

import json
from datetime import timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.custody.exchange import Granted, Refused, Unclear, Unspent, judge
from poolwatch.custody.grant import merged, parse_grant, render, standalone
from poolwatch.domain.failure import FailureKind, LoginProblem, worded
from poolwatch.domain.values import replace
from poolwatch.net.reply import Lost, NotSent, Reply
from poolwatch.once.json_text import JsonObject
from tests.custody.rooms import NOW
from tests.support.token_server import CANARY, make_jwt

FAILURE = worded(FailureKind.UNREACHABLE, "gone")


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    return Reply(
        status, MappingProxyType({k.replace("_", "-"): v for k, v in headers.items()}), body, None, 0.5
    )


def test_what_never_left_is_unspent_and_what_is_lost_unclear() -> None:
    assert judge(NotSent(FAILURE), NOW) == Unspent(FAILURE)
    assert judge(Lost(FAILURE), NOW) == Unclear(FAILURE)


@pytest.mark.parametrize("status", [200, 201, 299])
def test_a_success_is_a_grant_whatever_it_holds(status: int) -> None:
    assert judge(reply(status, b"?"), NOW) == Granted(b"?", 0.5)


@pytest.mark.parametrize("status", [502, 504, 520, 524])
def test_a_gateway_says_nothing_of_the_token(status: int) -> None:
    assert isinstance(judge(reply(status, b'{"error":"invalid_grant"}'), NOW), Unclear)


@pytest.mark.parametrize(
    "shape",
    [
        '{{"error": {{"code": "{0}", "message": "m", "type": "t"}}}}',
        '{{"error": {{"code": null, "type": "{0}"}}}}',
        '{{"error": "{0}", "error_description": "d"}}',
        '{{"code": "{0}"}}',
        '{{"detail": {{"code": "{0}"}}}}',
    ],
)
@pytest.mark.parametrize("status", [400, 401])
def test_codes_are_found_in_every_shape(shape: str, status: int) -> None:
    body = shape.format("Refresh_token_INVALIDATED").encode()
    assert judge(reply(status, body), NOW) == Refused(LoginProblem.INVALIDATED, 0.5)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(400, b"{}"), FailureKind.UPSTREAM_ERROR),
        (reply(403, b"{}"), FailureKind.UPSTREAM_ERROR),
        (reply(403, b" <html>"), FailureKind.EDGE_BLOCKED),
        (reply(403, b"{}", cf_mitigated="challenge"), FailureKind.EDGE_BLOCKED),
        (reply(404, b"refresh_token_reused"), FailureKind.UPSTREAM_ERROR),
        (reply(500, b'{"error":{"code":"refresh_token_reused"}}'), FailureKind.UPSTREAM_ERROR),
        (reply(307, b""), FailureKind.NOT_THE_SERVICE),
        (reply(429, b""), FailureKind.THROTTLED),
    ],
)
def test_other_answers_leave_the_token_good(answer: Reply, kind: FailureKind) -> None:
    verdict = judge(answer, NOW)
    assert isinstance(verdict, Unspent)
    assert verdict.failure.kind is kind


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("5", 5), ("0", 1), ("999999999", 3600), ("-1", None), ("soon", None), ("", None),
        ("1e9", None), ("Fri, 20 Nov 2026 21:10:00 GMT", 600), ("Fri, 20 Nov 2020 21:10:00 GMT", 1),
    ],
)  # fmt: skip
def test_retry_after(header: str | None, seconds: int | None) -> None:
    expected = None if seconds is None else NOW + timedelta(seconds=seconds)
    headers = {} if header is None else {"retry-after": header}
    verdict = judge(replace(reply(429), headers=headers, server_date=NOW), NOW)
    assert isinstance(verdict, Unspent)
    assert verdict.failure.retry_at == expected


ECHOES = [
    json.dumps({"error": CANARY}).encode(),
    json.dumps({"error": {"code": CANARY, "message": CANARY}}).encode(),
]


@given(st.integers(100, 599), st.sampled_from(ECHOES))
def test_words_of_the_service_go_no_further(status: int, body: bytes) -> None:
    assert CANARY not in repr(judge(reply(status, body), NOW))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"access_token": 1}', b'{"access_token": ""}', b'{"id_token": "x"}']
)
def test_a_reply_without_tokens_is_no_grant(body: bytes) -> None:
    assert parse_grant(body) is None


def test_an_id_token_that_codex_could_not_read_stays_out() -> None:
    grant = parse_grant(b'{"access_token": "a", "id_token": "nonsense"}')
    assert grant is not None
    old: JsonObject = {"tokens": {"id_token": "old"}}
    assert merged(old, "codex", grant, NOW) == {
        "tokens": {"id_token": "old", "access_token": "a"},
        "last_refresh": "2026-11-20T21:00:00Z",
    }
    assert old == {"tokens": {"id_token": "old"}}


def test_a_cliproxy_expiry_comes_from_the_token_else_from_the_reply() -> None:
    opaque = parse_grant(b'{"access_token": "a", "expires_in": 60}')
    signed = parse_grant(
        json.dumps({"access_token": make_jwt({"exp": 1795208460}), "expires_in": 5}).encode()
    )
    silent = parse_grant(b'{"access_token": "a", "expires_in": true}')
    assert opaque is not None
    assert signed is not None
    assert silent is not None
    for grant in (opaque, signed):
        assert merged({}, "cliproxy", grant, NOW)["expired"] == "2026-11-20T21:01:00Z"
    assert merged({"expired": "before"}, "cliproxy", silent, NOW)["expired"] == "before"


def test_a_login_of_its_own_is_a_whole_codex_file() -> None:
    grant = parse_grant(b'{"access_token": "a", "refresh_token": "r"}')
    assert grant is not None
    assert standalone(grant, "acc", NOW) == {
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": None,
        "tokens": {"account_id": "acc", "access_token": "a", "refresh_token": "r"},
        "last_refresh": "2026-11-20T21:00:00Z",
    }


def test_a_broken_character_in_a_foreign_key_survives() -> None:
    document: JsonObject = {"é": "\udc80", "plain": 1.5}
    assert json.loads(render(document)) == document
