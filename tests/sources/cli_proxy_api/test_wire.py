from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.account import Custody, Listing, SourceRef, TokenFacts
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.net.reply import Reply
from poolwatch.sources.json_body import JsonValue, read_json
from poolwatch.sources.pools.cli_proxy_api import pool_url
from poolwatch.sources.pools.cli_proxy_api_wire import AuthFile, parse_api_call, parse_auth_files
from poolwatch.sources.usage_payload import parse_usage
from tests.sources.cli_proxy_api.rig import AT, body
from tests.support.cli_proxy_server import login


def value(raw: bytes) -> JsonValue:
    found = read_json(raw)
    assert not isinstance(found, Failure)
    return found


def files(*entries: object) -> tuple[AuthFile, ...]:
    found = parse_auth_files(value(json.dumps({"files": entries}).encode()), "cpa")
    assert not isinstance(found, Failure)
    return tuple(found.values())


def one(**changed: object) -> AuthFile:
    [found] = files(login(1, **changed))
    return found


def test_the_example_list() -> None:
    found = parse_auth_files(value(body("42")), "cpa")
    place = "codex-pool01@example.com-plus.json"
    listing = Listing(
        SourceRef("cpa", place),
        account_id="00000000-0000-4000-8000-000000000001",
        email="pool01@example.com",
        plan="plus",
        custody=Custody.POOL,
        token=TokenFacts(last_refresh=datetime(2026, 11, 19, 8, tzinfo=UTC)),
        owner="CLIProxyAPI",
    )
    assert found == {place: AuthFile(listing, "0a1b2c3d4e5f6071")}


def test_the_example_call() -> None:
    reply = parse_api_call(value(body("43")), 0.5)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.elapsed_seconds) == (200, 0.5)
    assert reply.headers == {"content-type": "application/json"}
    assert parse_usage(reply.body, AT) == parse_usage(body("01"), AT)
    assert isinstance(parse_usage(reply.body, AT), UsageSnapshot)


@pytest.mark.parametrize(
    ("entry", "disabled", "refused"),
    [
        ({}, False, False),
        ({"disabled": True}, True, False),
        ({"status": "disabled"}, True, False),
        ({"status": "Disabled"}, True, False),
        ({"disabled": "true"}, False, False),
        ({"status": "error", "unavailable": True, "status_message": "unauthorized"}, False, True),
        ({"status": "error", "status_message": 'oauth: "refresh_token_reused"'}, False, True),
        ({"status": "error", "status_message": "quota exhausted"}, False, False),
        ({"status": "error", "status_message": "transient upstream error"}, False, False),
        ({"status": "active", "status_message": "unauthorized"}, False, False),
        ({"status": "refreshing", "unavailable": True}, False, False),
        ({"status": None, "status_message": None}, False, False),
    ],
)
def test_what_the_pool_thinks_of_a_login(entry: dict[str, object], disabled: bool, refused: bool) -> None:
    found = one(**entry)
    assert (found.listing.disabled, found.listing.says_login_needed) == (disabled, refused)


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({}, "codex-pool01@example.com-plus.json"),
        ({"id": None}, "codex-pool01@example.com-plus.json"),
        ({"id": "", "name": " "}, "0000000000000001"),
        ({"id": "a\u202eb"}, "a\\u202eb"),
    ],
)
def test_places(entry: dict[str, object], place: str) -> None:
    assert one(**entry).listing.ref.place == place


def test_an_index_may_be_a_number() -> None:
    assert one(auth_index=7).auth_index == "7"
    assert one(auth_index=True).auth_index is None


def test_labels_that_are_the_mail_are_none() -> None:
    assert one().listing.label is None
    assert one(label="north").listing.label == "north"
    assert one(label="other@example.com").listing.label is None


def test_the_key_of_an_api_key_login_is_never_read() -> None:
    found = one(
        account_type="api_key", account="sk-fake-key-0123456789abcdef", email=None, label="codex-apikey"
    )
    assert found.is_api_key
    assert found.listing.label == "codex-apikey"
    assert "sk-fake" not in repr(found)


def test_the_subscription() -> None:
    claims = {"chatgpt_account_id": "a", "chatgpt_subscription_active_until": "2026-12-10T00:00:00+02:00"}
    assert one(id_token=claims).listing.subscription_until == datetime(2026, 12, 9, 22, tzinfo=UTC)
    assert one(id_token={"chatgpt_subscription_active_until": 1795208400}).listing.subscription_until == AT
    assert one(id_token="eyJ").listing.account_id is None


def test_only_codex_logins_count() -> None:
    others = [login(3, provider="gemini", type="gemini"), login(4, provider="claude", type="claude"), 7, None]
    assert [
        each.listing.email for each in files(login(1, type="other"), *others, login(2, provider=None))
    ] == [
        "pool01@example.com",
        "pool02@example.com",
    ]


def test_one_place_twice_is_one_login() -> None:
    assert len(files(login(1), login(1, email="other@example.com"))) == 1


@pytest.mark.parametrize(("answer", "count"), [({"files": []}, 0), ({"files": None}, 0)])
def test_empty_lists(answer: JsonValue, count: int) -> None:
    found = parse_auth_files(answer, "cpa")
    assert not isinstance(found, Failure)
    assert len(found) == count


@pytest.mark.parametrize("answer", [None, [], {}, "files", {"files": {}}, {"files": "x"}, {"accounts": []}])
def test_what_is_no_list(answer: JsonValue) -> None:
    found = parse_auth_files(answer, "cpa")
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.MALFORMED


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"status_code": None, "body": "{}"},
        {"status_code": True, "body": "{}"},
        {"status_code": 0, "body": "{}"},
        {"status_code": 700, "body": "{}"},
        {"status_code": 200, "body": {"plan_type": "plus"}},
        {"status_code": 200, "body": 7},
        {"error": "request failed"},
    ],
)
def test_what_is_no_answer_to_a_call(answer: JsonValue) -> None:
    found = parse_api_call(answer, 0)
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.MALFORMED


def test_inner_headers() -> None:
    header: JsonValue = {
        "Date": ["Fri, 20 Nov 2026 21:00:00 GMT"],
        "CF-Mitigated": ["challenge", "other"],
        "cf-mitigated": ["third"],
        "Plain": "text",
        "Empty": [],
        "Odd": [7],
    }
    found = parse_api_call({"status_code": 403, "header": header}, 0)
    assert isinstance(found, Reply)
    assert found.headers == {
        "date": "Fri, 20 Nov 2026 21:00:00 GMT",
        "cf-mitigated": "challenge",
        "plain": "text",
    }
    assert (found.server_date, found.body) == (AT, b"")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = sorted(login(1))


@given(st.dictionaries(st.sampled_from(NAMES), json_values))
def test_no_field_spoils_another(changed: dict[str, JsonValue]) -> None:
    """A login stays a login with its own index, whatever stands in its other fields."""
    changed = {name: said for name, said in changed.items() if name not in ("provider", "auth_index")}
    [found] = files(login(1, **changed))
    assert found.auth_index == "0000000000000001"
    assert found.listing.ref.place


@given(json_values, json_values)
def test_anything_may_come(entry: JsonValue, answer: JsonValue) -> None:
    for made in (
        parse_auth_files(answer, "cpa"),
        parse_auth_files({"files": [entry]}, "cpa"),
        parse_api_call(answer, 0),
    ):
        assert isinstance(made, (dict, Failure, Reply))


@pytest.mark.parametrize(
    "given_url",
    [
        "http://pool.example.com:8317",
        " http://pool.example.com:8317// ",
        "http://pool.example.com:8317/management.html",
        "http://pool.example.com:8317/v0/management/",
    ],
)
def test_addresses(given_url: str) -> None:
    assert pool_url(given_url) == "http://pool.example.com:8317"


def test_a_pool_below_a_path() -> None:
    assert pool_url("https://example.com/cpa/v0/management") == "https://example.com/cpa"


def test_instants_are_in_utc() -> None:
    found = one(last_refresh="2026-11-19T09:00:00+01:00").listing.token.last_refresh
    assert found is not None
    assert found.utcoffset() == timedelta(0)
