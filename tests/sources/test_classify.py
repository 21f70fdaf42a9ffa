from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.domain.failure import Failure, FailureKind, LoginProblem
from poolwatch.net.reply import Reply
from poolwatch.sources.classify import classify
from tests.sources.logins import AT

PAYLOADS = Path(__file__).parent.parent / "payloads"
CHALLENGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title>_cf_chl_opt</html>"


def said(
    status: int, body: object = b"", server_date: datetime | None = None, **headers: str
) -> Failure | None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return classify(Reply(status, named, raw, server_date, 0.1), AT)


def failure(outcome: Failure | None) -> Failure:
    assert outcome is not None
    return outcome


def payload(number: str) -> bytes:
    [path] = PAYLOADS.glob(f"{number}-*.json")
    return path.read_bytes()


K = FailureKind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, payload("35"), K.UNAUTHORIZED),
        (402, payload("36"), K.DEACTIVATION_REPORTED),
        (403, payload("36"), K.DEACTIVATION_REPORTED),
        (429, payload("37"), K.THROTTLED),
        (401, {"detail": "Unauthorized"}, K.UNAUTHORIZED),
        (401, b"", K.UNAUTHORIZED),
        (401, CHALLENGE, K.UNAUTHORIZED),
        (401, {"error": {"code": "token_expired"}}, K.UNAUTHORIZED),
        (401, {"error": {"code": "account_deactivated"}}, K.DEACTIVATION_REPORTED),
        (401, {"error": {"message": "Your account has been Deactivated"}}, K.DEACTIVATION_REPORTED),
        (401, {"detail": "this account is deactivated"}, K.DEACTIVATION_REPORTED),
        (402, {"detail": {"code": "payment_required"}}, K.UPSTREAM_ERROR),
        (402, b"", K.UPSTREAM_ERROR),
        (403, CHALLENGE, K.EDGE_BLOCKED),
        (403, b"", K.EDGE_BLOCKED),
        (403, b"Attention Required", K.EDGE_BLOCKED),
        (403, {"detail": "forbidden"}, K.FORBIDDEN),
        (403, {"error": {"code": "unsupported_country"}}, K.FORBIDDEN),
        (404, b"", K.EDGE_BLOCKED),
        (404, b" \r\n", K.EDGE_BLOCKED),
        (404, {"detail": "Not Found"}, K.UPSTREAM_ERROR),
        (400, {"detail": "x"}, K.UPSTREAM_ERROR),
        (418, b"teapot", K.UPSTREAM_ERROR),
        (429, b"", K.THROTTLED),
        (429, CHALLENGE, K.THROTTLED),
        (500, {"error": {"code": "server_error"}}, K.UPSTREAM_ERROR),
        (503, CHALLENGE, K.UPSTREAM_ERROR),
        (200, CHALLENGE, K.NOT_THE_SERVICE),
        (200, b"<html>sign in</html>", K.NOT_THE_SERVICE),
        (302, b"", K.NOT_THE_SERVICE),
        (304, b"", K.NOT_THE_SERVICE),
    ],
)
def test_every_answer_has_its_kind(status: int, body: object, kind: FailureKind) -> None:
    found = failure(said(status, body))
    assert found.kind is kind
    assert 0 < len(found.message) < 100
    assert "synthetic" not in found.message


COUNTRY = {"message": "Country, region, or territory not supported", "type": "request_forbidden"}


@pytest.mark.parametrize("status", [401, 403, 451])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (
            {"error": {**COUNTRY, "code": "unsupported_country_region_territory"}},
            "unsupported_country_region_territory",
        ),
        ({**COUNTRY, "code": "unsupported_country_region_territory"}, "unsupported_country_region_territory"),
        ({"error": COUNTRY}, "unsupported_country_region_territory"),
        ({"detail": COUNTRY["message"]}, "unsupported_country_region_territory"),
        (b"Country, region, or territory not supported", "unsupported_country_region_territory"),
        ({"error": {"code": "unsupported_country"}}, "unsupported_country"),
        ({"detail": {"code": "UNSUPPORTED_REGION"}}, "UNSUPPORTED_REGION"),
        ({"error": {"code": "ip_not_authorized"}}, "ip_not_authorized"),
    ],
)
def test_a_refusal_by_country_or_network_is_about_the_place(status: int, body: object, code: str) -> None:
    found = failure(said(status, body))
    assert (found.kind, found.detail, found.login_problem) == (K.FORBIDDEN, code, None)
    words = "the service does not answer from this country or network"
    assert found.message == f"{words} ({status}, {code})"


def test_a_451_is_about_the_place_whatever_it_says() -> None:
    assert failure(said(451, {"error": {"code": "legal"}})).kind is K.FORBIDDEN
    assert failure(said(451, b"")).kind is K.FORBIDDEN


def test_a_workspace_that_is_refused_is_named_as_such() -> None:
    found = failure(said(403, {"detail": {"code": "invalid_workspace_selected"}}))
    words = "the service refuses the workspace that this login chooses (403, invalid_workspace_selected)"
    assert (found.kind, found.message) == (K.FORBIDDEN, words)


def test_an_answer_with_a_body_to_read_is_no_failure() -> None:
    assert said(200, {"plan_type": "plus"}) is None
    assert said(200, b"") is None


@pytest.mark.parametrize("status", [200, 401, 403, 404, 503])
def test_an_edge_that_says_so_is_believed_at_any_status(status: int) -> None:
    assert failure(said(status, CHALLENGE, cf_mitigated="challenge")).kind is K.EDGE_BLOCKED


def test_a_page_by_its_type_alone() -> None:
    assert failure(said(200, b"{}", content_type="text/html")).kind is K.NOT_THE_SERVICE
    assert failure(said(403, b"no", content_type="text/html")).kind is K.EDGE_BLOCKED


def test_a_404_whose_body_was_refused_is_not_empty() -> None:
    reply = Reply(404, {}, b"", None, 0.1, body_refused=True)
    assert failure(classify(reply, AT)).kind is K.UPSTREAM_ERROR


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("token_expired", LoginProblem.EXPIRED),
        ("token_invalidated", LoginProblem.INVALIDATED),
        ("something_new", LoginProblem.REJECTED),
    ],
)
def test_a_rejected_token_says_why(code: str, problem: LoginProblem) -> None:
    found = failure(said(401, {"error": {"code": code}}))
    assert (found.login_problem, found.detail) == (problem, code)
    other = failure(said(401, {"detail": {"code": code}, "error": {"code": "unrelated"}}))
    assert other.login_problem is problem
    assert failure(said(401, {"code": code})).login_problem is problem
    assert failure(said(401, b"", x_openai_ide_error_code=code)).login_problem is problem


def test_a_bare_401_is_a_rejected_token() -> None:
    found = failure(said(401))
    assert (found.message, found.login_problem) == (
        "the access token is not accepted (401)",
        LoginProblem.REJECTED,
    )


def test_codes_are_made_safe_and_short() -> None:
    found = failure(said(403, {"error": {"code": "x\x1b]52;c;" + "y" * 500}}))
    assert found.message.isprintable()
    assert len(found.message) < 160
    assert "\x1b" not in (found.detail or "")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 1),
        ("1000000000", 3600),
        ("9" * 18, 3600),
        ("Fri, 20 Nov 2026 21:05:00 GMT", 300),
        ("Fri, 20 Nov 2026 20:00:00 GMT", 1),
        ("Fri, 20 Nov 2099 20:00:00 GMT", 3600),
        ("-1", None),
        ("1e9", None),
        ("soon", None),
        ("", None),
        ("9" * 400, None),
        ("１２", None),
    ],
)
def test_retry_after(header: str, seconds: int | None) -> None:
    expected = None if seconds is None else AT + timedelta(seconds=seconds)
    assert failure(said(429, b"", retry_after=header)).retry_at == expected
    assert failure(said(503, b"", retry_after=header)).retry_at == expected
    assert failure(said(403, CHALLENGE, retry_after=header)).retry_at == expected


def test_dates_count_from_the_servers_clock() -> None:
    server = AT + timedelta(hours=5)
    found = said(429, b"", server, retry_after="Sat, 21 Nov 2026 02:01:00 GMT")
    assert failure(found).retry_at == AT + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        ({"resets_at": 1795208400 + 90}, 90),
        ({"resets_at": 1795208400 + 90_000}, 3600),
        ({"resets_at": 1795208400 - 90}, 1),
        ({"resets_in_seconds": 45}, 45),
        ({"resets_in_seconds": -45}, 1),
        ({"resets_at": 0, "resets_in_seconds": 0}, None),
        ({"resets_at": 0, "resets_in_seconds": 45}, 45),
        ({"resets_at": "soon", "resets_in_seconds": "later"}, None),
        ({"resets_at": True}, None),
        ({}, None),
    ],
)
def test_a_body_may_say_when_to_come_back(error: dict[str, object], seconds: int | None) -> None:
    found = failure(said(429, {"error": {"type": "usage_limit_reached", **error}}))
    assert found.retry_at == (None if seconds is None else AT + timedelta(seconds=seconds))
    assert found.message == "asked too often (429, usage_limit_reached)"


def test_the_example_of_a_limit_that_was_hit() -> None:
    assert failure(said(429, payload("37"))).retry_at == datetime(2026, 11, 20, 22, tzinfo=UTC)
