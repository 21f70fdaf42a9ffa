"""What an answer to a use means: by its code alone, and unknown where there is no plain one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwatch.domain.banked_resets import ResetOutcome, ResetRoute
from poolwatch.domain.message import message
from poolwatch.purchases.reset_replies import (
    Missing,
    ResetAnswer,
    Unsent,
    kept_answer,
    kept_body,
    verdict_of,
)

DONE = b'{"code": "reset", "credit": {"id": "rc_1", "status": "redeemed"}, "windows_reset": 2}'


def outcome(status: int, body: object, route: ResetRoute = ResetRoute.SERVICE) -> ResetOutcome:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return verdict_of(ResetAnswer(status, text), route).outcome


@pytest.mark.parametrize(
    ("code", "means"),
    [
        ("reset", ResetOutcome.RESET),
        ("already_redeemed", ResetOutcome.ALREADY),
        ("nothing_to_reset", ResetOutcome.NOTHING),
        ("no_credit", ResetOutcome.NONE),
        ("RESET", ResetOutcome.UNKNOWN),
        ("queued", ResetOutcome.UNKNOWN),
        ("", ResetOutcome.UNKNOWN),
        (None, ResetOutcome.UNKNOWN),
        (7, ResetOutcome.UNKNOWN),
    ],
)
def test_the_code_alone_decides(code: object, means: ResetOutcome) -> None:
    for route in (ResetRoute.SERVICE, ResetRoute.CODEX_LB):
        assert outcome(200, {"code": code, "windows_reset": 2}, route) is means
        assert outcome(200, {"code": code, "windows_reset": 0, "message": "reset"}, route) is means


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>ok</html>"),
        (200, b""),
        (200, b"[]"),
        (200, DONE[:-1]),
        (403, b"<html>blocked</html>"),
        (302, b"{}"),
        (408, b"{}"),
        (409, b"{}"),
        (500, DONE),
        (502, b'{"code": "reset"}'),
        (503, b"{}"),
        (520, b""),
        (200, b'{"code": "nothing_to_reset", "code": "reset"}'),
    ],
)
def test_whatever_is_not_plain_is_unknown(status: int, body: bytes) -> None:
    for route in ResetRoute:
        assert outcome(status, body, route) is ResetOutcome.UNKNOWN


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429])
def test_who_says_in_json_that_it_did_not_take_it_refuses(status: int) -> None:
    body = {"detail": {"code": "token_expired", "message": "secret words"}}
    found = verdict_of(ResetAnswer(status, json.dumps(body).encode()), ResetRoute.SERVICE)
    assert found.outcome is ResetOutcome.REFUSED
    assert "secret" not in repr(found)


def test_what_was_not_sent_is_not_unknown_and_what_was_is() -> None:
    why = message("resets.broke_off")
    for route in ResetRoute:
        assert verdict_of(Unsent(why), route).outcome is ResetOutcome.NOT_SENT
        assert verdict_of(Missing(why), route).outcome is ResetOutcome.UNKNOWN


@pytest.mark.parametrize("code", [None, "reset", "nothing_to_reset"])
def test_of_codex_proxy_nothing_but_its_taking_is_known(code: str | None) -> None:
    assert outcome(200, {"success": True, "code": code}, ResetRoute.CODEX_PROXY) is ResetOutcome.ACCEPTED
    assert outcome(429, {"error": "cooldown"}, ResetRoute.CODEX_PROXY) is ResetOutcome.REFUSED


@pytest.mark.parametrize(
    ("code", "means"),
    [
        ("no_available_reset_credit", ResetOutcome.NONE),
        ("target_reset_credit_changed", ResetOutcome.REFUSED),
        ("account_not_reset_credit_applicable", ResetOutcome.REFUSED),
        ("reset_credit_redeem_in_progress", ResetOutcome.UNKNOWN),
    ],
)
def test_conflicts_that_codex_lb_tells(code: str, means: ResetOutcome) -> None:
    assert outcome(409, {"error": {"code": code, "message": "x"}}, ResetRoute.CODEX_LB) is means
    assert outcome(409, {"error": {"code": code}}, ResetRoute.SERVICE) is ResetOutcome.UNKNOWN


@pytest.mark.parametrize(
    ("reply", "means"),
    [
        ({"result": {"outcome": "reset"}}, ResetOutcome.RESET),
        ({"result": {"outcome": "alreadyRedeemed"}}, ResetOutcome.ALREADY),
        ({"result": {"outcome": "nothingToReset"}}, ResetOutcome.NOTHING),
        ({"result": {"outcome": "noCredit"}}, ResetOutcome.NONE),
        ({"result": {"outcome": "already_redeemed"}}, ResetOutcome.UNKNOWN),
        ({"result": {}}, ResetOutcome.UNKNOWN),
        ({"code": "reset"}, ResetOutcome.UNKNOWN),
        (
            {"error": {"code": -32600, "message": "Invalid request: unknown variant `x`"}},
            ResetOutcome.NOT_SENT,
        ),
        ({"error": {"code": -32601, "message": "method not found"}}, ResetOutcome.NOT_SENT),
        ({"error": {"code": -32600, "message": "failed to reset"}}, ResetOutcome.UNKNOWN),
        ({"error": {"code": -32603, "message": "Invalid request: x"}}, ResetOutcome.UNKNOWN),
        ({"error": "x"}, ResetOutcome.UNKNOWN),
    ],
)
def test_what_codex_answers(reply: object, means: ResetOutcome) -> None:
    assert outcome(200, reply, ResetRoute.CODEX) is means


@given(st.integers(100, 599), st.binary(max_size=200), st.sampled_from(ResetRoute))
@settings(max_examples=200, deadline=None)
def test_an_answer_is_kept_as_it_came(status: int, body: bytes, route: ResetRoute) -> None:
    answer = ResetAnswer(status, body)
    assert kept_answer(kept_body(answer)) == answer
    verdict_of(answer, route)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_answer_is_never_taken_for_another_success(data: st.DataObject) -> None:
    body = bytearray(DONE)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    found = verdict_of(ResetAnswer(200, bytes(body)), ResetRoute.SERVICE).outcome
    assert found in (ResetOutcome.RESET, ResetOutcome.UNKNOWN)


@pytest.mark.parametrize("kept", [b"", b"200", b"x\n{}", b"-20\n{}", b"20000\n{}"])
def test_what_is_no_kept_answer_is_none(kept: bytes) -> None:
    assert kept_answer(kept) is None


def test_a_code_within_an_error_is_not_that_of_the_use() -> None:
    for route in (ResetRoute.SERVICE, ResetRoute.CODEX_LB, ResetRoute.CODEX_PROXY):
        for code in ("reset", "no_credit", "upstream_timeout"):
            assert outcome(200, {"error": {"code": code}}, route) is ResetOutcome.UNKNOWN


@pytest.mark.parametrize(
    ("body", "means"),
    [
        ({"success": True}, ResetOutcome.ACCEPTED),
        ({}, ResetOutcome.ACCEPTED),
        ({"success": False}, ResetOutcome.UNKNOWN),
        ({"success": True, "error": "timeout"}, ResetOutcome.UNKNOWN),
    ],
)
def test_codex_proxy_is_believed_as_far_as_it_says(body: object, means: ResetOutcome) -> None:
    assert outcome(200, body, ResetRoute.CODEX_PROXY) is means
