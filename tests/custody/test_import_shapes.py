"""The logins in files of every program: each shape gives the login that Codex would have written."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.custody.grant import render
from poolwatch.custody.import_formats import Candidate, Unusable, logins_in
from poolwatch.custody.login_file import Login, login_in
from poolwatch.custody.state_dir import unmarked
from poolwatch.domain.account import LoginKind
from poolwatch.host.files import FileProblem
from poolwatch.once.json_text import JsonObject, object_at, parse_object, text_at
from poolwatch.words.messages import file_clause, file_text, message_text
from tests.support.token_server import CANARY, claims_of, make_jwt

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
EXPIRES = NOW + timedelta(days=8)
ISSUED = NOW - timedelta(days=2)
CLAIMS = claims_of("user-Ann", "acc-1", int(EXPIRES.timestamp()), iat=int(ISSUED.timestamp()))
ACCESS = make_jwt(CLAIMS, "access")
IDENTITY = make_jwt({**CLAIMS, "email": "ann@example.com"}, "id")
REFRESH = f"rt_{CANARY}_0"
LAST = "2026-11-10T21:00:00Z"

TOKENS = {"id_token": IDENTITY, "access_token": ACCESS, "refresh_token": REFRESH, "account_id": "acc-1"}
CODEX = {"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": TOKENS, "last_refresh": LAST, "more": [1]}
CLIPROXY = {
    "type": "codex",
    "email": "ann@example.com",
    "id_token": IDENTITY,
    "access_token": ACCESS,
    "refresh_token": REFRESH,
    "account_id": "acc-1",
    "last_refresh": LAST,
    "expired": "2026-11-28T21:00:00Z",
    "disabled": True,
}
ENTRY = {
    "id": "e1",
    "token": ACCESS,
    "refreshToken": REFRESH,
    "email": "ann@example.com",
    "accountId": "acc-1",
    "userId": "user-Ann",
    "label": "ann's",
    "planType": "plus",
    "proxyApiKey": f"sk-{CANARY}",
    "status": "active",
    "cachedQuota": {"x": 1},
}
SUB2API = {
    "name": "ann's",
    "platform": "openai",
    "type": "oauth",
    "credentials": {
        "access_token": ACCESS,
        "refresh_token": REFRESH,
        "email": "ann@example.com",
        "chatgpt_account_id": "acc-1",
        "chatgpt_user_id": "user-Ann",
        "expires_at": 1,
    },
    "concurrency": 3,
}
OLD_CODEX = {**CODEX, "tokens": {**TOKENS, "id_token": {"raw_jwt": IDENTITY, "email": "ann@example.com"}}}
LB_EXPORT = {
    "filename": "ann.json",
    "account": {"email": "ann@example.com"},
    "tokens": {"idToken": IDENTITY, "accessToken": ACCESS, "refreshToken": REFRESH, "expiresAtMs": 1},
    "codexAuthJson": CODEX,
    "opencodeAuthJson": {},
}
SOURCE = Path("/logins.json")
CAMEL = {"name": "ann's", "tokens": {"accessToken": ACCESS, "refreshToken": REFRESH, "idToken": IDENTITY}}


def read(value: object) -> tuple[Candidate | Unusable, ...]:
    found = logins_in(json.dumps(value).encode(), SOURCE, NOW)
    assert not isinstance(found, FileProblem), file_text(found)
    return found


def one(value: object) -> Candidate:
    [found] = read(value)
    assert isinstance(found, Candidate), found
    return found


def refused(value: object) -> str:
    [found] = read(value)
    assert isinstance(found, Unusable)
    return message_text(found.why)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(CODEX, id="Codex auth.json"),
        pytest.param(OLD_CODEX, id="Codex with the id token as an object"),
        pytest.param(CLIPROXY, id="CLIProxyAPI"),
        pytest.param([CLIPROXY], id="cpa list"),
        pytest.param({"accounts": [ENTRY]}, id="codex-proxy accounts.json"),
        pytest.param([ENTRY], id="codex-proxy list"),
        pytest.param(ENTRY, id="codex-proxy entry"),
        pytest.param(
            {"type": "sub2api-data", "version": 1, "proxies": [], "accounts": [SUB2API]}, id="sub2api"
        ),
        pytest.param(LB_EXPORT, id="codex-lb export"),
        pytest.param(CAMEL, id="camel case tokens"),
        pytest.param({"accounts": [CODEX]}, id="auth.json in a list"),
    ],
)
def test_every_shape_becomes_the_login_of_a_codex_file(value: object) -> None:
    found = one(value)
    document = parse_object(render(found.document))
    assert document is not None
    # the address stands beside the tokens only where none of them tells it
    assert set(document) - {"email"} == {"auth_mode", "OPENAI_API_KEY", "tokens", "last_refresh"}
    assert (document["auth_mode"], document["OPENAI_API_KEY"]) == ("chatgpt", None)
    tokens = object_at(document, "tokens") or {}
    assert (tokens["access_token"], tokens["refresh_token"]) == (ACCESS, REFRESH)
    assert tokens["account_id"] == "acc-1"
    login = login_in(document, unmarked)
    assert login is not None
    assert (login.kind, login.user_id, login.account_id) == (LoginKind.OAUTH, "user-Ann", "acc-1")
    assert (login.expires_at, login.disabled, login.plan) == (EXPIRES, False, "plus")


def test_names_are_those_of_the_file_else_the_address() -> None:
    assert one(ENTRY).label == "ann's"
    assert one(CLIPROXY).label == "ann@example.com"
    assert one(CODEX).label == "ann@example.com"
    assert one({**ENTRY, "label": "\x1b]0;x\x07ann"}).label == "\\x1b]0;x\\x07ann"


def test_the_last_refresh_is_kept_else_it_is_when_the_token_was_issued() -> None:
    assert one(CODEX).document["last_refresh"] == LAST
    assert one(ENTRY).document["last_refresh"] == "2026-11-18T21:00:00Z"
    opaque = {**ENTRY, "token": "opaque-access"}
    assert one(opaque).document["last_refresh"] == "2026-11-20T21:00:00Z"
    assert one({**CODEX, "last_refresh": 1700000000}).document["last_refresh"] == "2026-11-18T21:00:00Z"


def test_codex_gets_an_id_token_that_it_can_read() -> None:
    tokens = object_at(one(ENTRY).document, "tokens") or {}
    assert tokens["id_token"] == ACCESS
    broken = object_at(one({**CLIPROXY, "id_token": "no-jwt"}).document, "tokens") or {}
    assert broken["id_token"] == ACCESS
    opaque = one({**ENTRY, "token": "opaque-access"})
    assert "id_token" not in (object_at(opaque.document, "tokens") or {})
    assert opaque.document["email"] == "ann@example.com"
    assert (opaque.login.user_id, opaque.login.account_id) == (None, "acc-1")


@pytest.mark.parametrize(
    ("said", "account"),
    [
        ({"accountId": "acc-other"}, "acc-other"),
        ({"accountId": "org-AbC"}, "acc-1"),
        ({"accountId": "org-AbC", "chatgpt_account_id": "acc-other"}, "acc-other"),
        ({"accountId": "email_1f"}, "acc-1"),
        ({"accountId": None}, "acc-1"),
    ],
)
def test_the_account_is_the_workspace_that_the_file_chooses_else_the_one_in_the_token(
    said: dict[str, object], account: str
) -> None:
    found = one({**ENTRY, **said})
    assert found.login.workspace == account
    assert (object_at(found.document, "tokens") or {})["account_id"] == account


def test_an_agent_identity_and_another_encoding_are_said() -> None:
    [agent] = read({"auth_mode": "agentIdentity", "agent_identity": {"agent_private_key": "k"}})
    assert isinstance(agent, Unusable)
    assert "is an agent identity" in message_text(agent.why)
    found = logins_in(json.dumps(CODEX).encode("utf-16"), SOURCE, NOW)
    assert isinstance(found, FileProblem)
    assert file_clause(found) == "is written in UTF-16: save it as UTF-8"


def test_one_file_holds_many() -> None:
    bob = make_jwt(claims_of("user-Bob", "acc-2"), "bob")
    second = {**ENTRY, "label": None, "email": None, "token": bob, "refreshToken": "rt-bob"}
    found = read({"accounts": [ENTRY, {"refreshToken": "rt", "label": "lost"}, 7, second]})
    assert [each.label for each in found] == ["ann's", "lost", "#3", "#4"]
    assert [isinstance(each, Candidate) for each in found] == [True, False, False, True]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({**CODEX, "auth_mode": "apikey", "OPENAI_API_KEY": f"sk-{CANARY}"}, "API key"),
        ({"OPENAI_API_KEY": f"sk-{CANARY}"}, "API key"),
        ({**CODEX, "auth_mode": None, "OPENAI_API_KEY": f"sk-{CANARY}"}, "API key"),
        ({"platform": "openai", "type": "apikey", "credentials": {"api_key": f"sk-{CANARY}"}}, "API key"),
        ({"personal_access_token": f"at-{CANARY}"}, "personal access token"),
        ({"tokens": {"access_token": f"at-{CANARY}", "refresh_token": "x"}}, "personal access token"),
        ({**ENTRY, "refreshToken": None}, "no refresh token"),
        ({**ENTRY, "refreshToken": " "}, "no refresh token"),
        ({"token": ACCESS, "proxyApiKey": f"sk-{CANARY}", "userInfo": {}}, "no refresh token"),
        ({"refreshToken": REFRESH, "label": "x"}, "no access token"),
        ({**CLIPROXY, "type": "gemini"}, "of gemini, not of Codex"),
        ({**SUB2API, "platform": "anthropic"}, "of anthropic, not of Codex"),
        ({**ENTRY, "token": ACCESS + "\nX-Evil: 1"}, "cut or changed"),
        ({**ENTRY, "refreshToken": "ré"}, "cut or changed"),
        ({**ENTRY, "token": "a" * 70_000}, "cut or changed"),
        ({"account_key": "u::a", "email": "ann@example.com"}, "no login that poolwatch knows"),
        ({}, "no login that poolwatch knows"),
    ],
)
def test_what_cannot_be_kept_is_said(value: object, words: str) -> None:
    said = refused(value)
    assert words in said
    assert CANARY not in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"SQLite format 3\0...", "database"),
        (b'{"tokens": ', "JSON"),
        (b"rt_raw_token_line", "JSON"),
        (b"[]", "no login"),
        (b'"text"', "no login"),
        (b'{"accounts": []}', "no login"),
    ],
)
def test_what_is_no_login_file_is_said(content: bytes, words: str) -> None:
    found = logins_in(content, SOURCE, NOW)
    assert isinstance(found, FileProblem)
    assert words in file_text(found)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_SHAPES = (CODEX, CLIPROXY, {"accounts": [ENTRY, SUB2API]}, LB_EXPORT)


@given(st.data())
def test_a_mutated_file_gives_a_login_or_words_and_never_a_secret(data: st.DataObject) -> None:
    value = cast("JsonObject", copy.deepcopy(data.draw(st.sampled_from(_SHAPES))))
    holders: list[JsonObject] = []

    def walk(found: object) -> None:
        if isinstance(found, dict):
            holders.append(found)
            for inner in found.values():
                walk(inner)
        elif isinstance(found, list):
            for inner in found:
                walk(inner)

    walk(value)
    for _ in range(data.draw(st.integers(1, 3))):
        holder = data.draw(st.sampled_from(holders))
        if holder:
            name = data.draw(st.sampled_from(sorted(holder)))
            if data.draw(st.booleans()):
                del holder[name]
            else:
                holder[name] = data.draw(_json)
    found = logins_in(json.dumps(value).encode(), SOURCE, NOW)
    assert CANARY not in repr(found)
    if isinstance(found, FileProblem):
        return
    for each in found:
        if isinstance(each, Candidate):
            login = login_in(parse_object(render(each.document)) or {}, unmarked)
            assert isinstance(login, Login)
            assert login.access is not None
            assert login.refresh is not None
            assert login.kind is LoginKind.OAUTH
            assert text_at(each.document, "last_refresh") is not None


@given(st.binary(max_size=60))
def test_any_bytes_are_told_from_a_login(content: bytes) -> None:
    found = logins_in(content, SOURCE, NOW)
    assert isinstance(found, FileProblem) or not any(isinstance(each, Candidate) for each in found)
