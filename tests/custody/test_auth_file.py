from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.custody.login_file import Login, login_in, read_login
from poolwatch.custody.state_dir import Fingerprinter
from poolwatch.domain.account import LoginKind, Secret
from poolwatch.host.files import MAX_FILE_BYTES, FileProblem
from poolwatch.once.json_text import JsonObject
from poolwatch.words.messages import file_clause, file_text
from tests.custody.rooms import NOW, codex_document, write_json
from tests.support.token_server import CANARY, claims_of, make_jwt

MARK = Fingerprinter(b"k" * 32)


def read(path: Path, document: object) -> Login | FileProblem | None:
    return read_login(write_json(path / "f.json", document), MARK)


def test_a_codex_login(tmp_path: Path) -> None:
    found = read(tmp_path, codex_document())
    assert isinstance(found, Login)
    assert (found.shape, found.kind) == ("codex", LoginKind.OAUTH)
    assert (found.user_id, found.account_id, found.email, found.plan) == (
        "user-Ann",
        "acc-1",
        "ann@example.com",
        "plus",
    )
    assert found.expires_at == NOW
    assert found.last_refresh == datetime(2026, 11, 10, 21, 0, 0, 123456, UTC)
    assert found.refresh == Secret(f"rt_{CANARY}_0")
    assert found.refresh is not None
    assert found.refresh_fingerprint == MARK(found.refresh)
    assert found.access is not None
    assert found.fingerprint == MARK(found.access)
    assert found.id_token is not None
    assert CANARY not in repr(found)


def test_all_claims_are_read(tmp_path: Path) -> None:
    auth = {
        "user_id": "user-Old",
        "chatgpt_account_is_fedramp": True,
        "chatgpt_subscription_active_until": "2026-12-08T00:00:00+00:00",
        "chatgpt_subscription_last_checked": "2026-11-20T00:00:00Z",
    }
    access = make_jwt(
        {"https://api.openai.com/auth": auth, "https://api.openai.com/profile": {"email": "p@example.com"}}
    )
    found = read(tmp_path, {"tokens": {"access_token": access, "account_id": "acc-file"}})
    assert isinstance(found, Login)
    assert (found.user_id, found.account_id, found.email) == ("user-Old", "acc-file", "p@example.com")
    assert found.is_fedramp
    assert found.subscription_until == datetime(2026, 12, 8, tzinfo=UTC)
    assert found.subscription_checked_at == datetime(2026, 11, 20, tzinfo=UTC)
    assert (found.refresh, found.refresh_fingerprint, found.expires_at) == (None, None, None)


def test_a_cliproxy_login(tmp_path: Path) -> None:
    document = {
        "type": "codex",
        "email": "bob@example.com",
        "access_token": "opaque",
        "refresh_token": "rt_x",
        "account_id": "acc-b",
        "expired": "2026-11-20T23:00:00+02:00",
        "last_refresh": "2026-11-20T12:00:00+02:00",
        "disabled": True,
    }
    found = read(tmp_path, document)
    assert isinstance(found, Login)
    assert (found.shape, found.email, found.account_id, found.disabled) == (
        "cliproxy",
        "bob@example.com",
        "acc-b",
        True,
    )
    assert found.expires_at == NOW
    assert found.last_refresh == datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("document", "kind", "access"),
    [
        ({"OPENAI_API_KEY": "sk-1"}, LoginKind.API_KEY, None),
        (
            {"auth_mode": "apikey", "OPENAI_API_KEY": "sk-1", "tokens": {"access_token": "t"}},
            LoginKind.API_KEY,
            None,
        ),
        ({"OPENAI_API_KEY": "sk-1", "tokens": None}, LoginKind.API_KEY, None),
        (
            {"auth_mode": "chatgpt", "OPENAI_API_KEY": "sk-1", "tokens": {"access_token": "t"}},
            LoginKind.OAUTH,
            "t",
        ),
        ({"OPENAI_API_KEY": None, "personal_access_token": "at-1"}, LoginKind.PERSONAL_ACCESS_TOKEN, "at-1"),
        ({"tokens": {"access_token": "at-2"}}, LoginKind.PERSONAL_ACCESS_TOKEN, "at-2"),
        (
            {
                "auth_mode": "personalAccessToken",
                "personal_access_token": "at-3",
                "tokens": {"access_token": "t"},
            },
            LoginKind.PERSONAL_ACCESS_TOKEN,
            "at-3",
        ),
    ],
)
def test_the_kinds_of_login(tmp_path: Path, document: object, kind: LoginKind, access: str | None) -> None:
    found = read(tmp_path, document)
    assert isinstance(found, Login)
    assert found.kind is kind
    assert found.access == (Secret(access) if access else None)
    assert found.fingerprint is not None


TOKEN = make_jwt(claims_of(account="acc-token"))


@pytest.mark.parametrize(
    ("tokens", "chosen", "in_tokens"),
    [
        ({"access_token": TOKEN, "account_id": "acc-file"}, "acc-file", "acc-token"),
        ({"access_token": TOKEN, "account_id": "acc-token"}, "acc-token", "acc-token"),
        ({"access_token": TOKEN, "account_id": None}, "acc-token", "acc-token"),
        ({"access_token": TOKEN, "account_id": " "}, "acc-token", "acc-token"),
        ({"access_token": TOKEN, "account_id": "org-AbC"}, "acc-token", "acc-token"),
        ({"access_token": TOKEN, "account_id": "user-Ann"}, "acc-token", "acc-token"),
        ({"access_token": TOKEN, "account_id": "email_1f"}, "acc-token", "acc-token"),
        ({"access_token": TOKEN, "chatgpt_account_id": "acc-file"}, "acc-file", "acc-token"),
        (
            {"access_token": TOKEN, "account_id": "org-A", "chatgpt_account_id": "acc-file"},
            "acc-file",
            "acc-token",
        ),
        ({"access_token": "opaque", "id_token": TOKEN, "account_id": "acc-file"}, "acc-file", "acc-token"),
        ({"access_token": "opaque", "account_id": "acc-file"}, "acc-file", "acc-file"),
        ({"access_token": "opaque", "account_id": "org-AbC"}, "org-AbC", "org-AbC"),
        ({"access_token": "opaque"}, None, None),
    ],
)
@pytest.mark.parametrize("shape", ["codex", "cliproxy"])
def test_the_workspace_that_the_file_chooses_wins(
    tmp_path: Path, tokens: JsonObject, chosen: str | None, in_tokens: str | None, shape: str
) -> None:
    found = read(tmp_path, {"tokens": tokens} if shape == "codex" else {"type": "codex", **tokens})
    assert isinstance(found, Login)
    assert (found.shape, found.workspace, found.account_id) == (shape, chosen, in_tokens)


def test_a_tokens_plan_is_that_of_its_own_workspace(tmp_path: Path) -> None:
    auth = {
        "chatgpt_account_id": "acc-token",
        "chatgpt_plan_type": "pro",
        "chatgpt_subscription_active_until": "2026-12-08T00:00:00Z",
        "chatgpt_subscription_last_checked": "2026-11-20T00:00:00Z",
    }
    token = make_jwt({"https://api.openai.com/auth": auth})
    own = read(tmp_path, {"tokens": {"access_token": token, "account_id": "org-AbC"}})
    other = read(tmp_path, {"tokens": {"access_token": token, "account_id": "acc-file"}})
    assert isinstance(own, Login)
    assert isinstance(other, Login)
    assert (own.plan, own.subscription_until is None) == ("pro", False)
    assert (other.plan, other.subscription_until, other.subscription_checked_at) == (None, None, None)


AGENT = {
    "agent_runtime_id": "ar_1",
    "agent_private_key": CANARY,
    "email": "z@example.com",
    "plan_type": "free",
}
AGENT_IDS = {"workspace_id": "acc-z", "chatgpt_user_id": "user-Z"}


@pytest.mark.parametrize(
    ("document", "ids"),
    [
        ({"auth_mode": "agentIdentity", "agent_identity": {**AGENT, **AGENT_IDS}}, ("user-Z", "acc-z")),
        ({"agent_identity": {**AGENT, **AGENT_IDS}, "tokens": None}, ("user-Z", "acc-z")),
        (
            {"auth_mode": "agentIdentity", "agent_identity": make_jwt({**AGENT, **AGENT_IDS})},
            ("user-Z", "acc-z"),
        ),
        (
            {
                "auth_mode": "AgentIdentity",
                "agent_identity": make_jwt({**AGENT, **claims_of("user-Z", "acc-z")}),
            },
            ("user-Z", "acc-z"),
        ),
        (
            {
                "auth_mode": "agentIdentity",
                "agent_identity": {**AGENT, "account_id": "acc-z"},
                "tokens": None,
            },
            (None, "acc-z"),
        ),
    ],
)
def test_an_agent_identity_is_a_login_without_a_token(
    tmp_path: Path, document: object, ids: tuple[str | None, str | None]
) -> None:
    found = read(tmp_path, document)
    assert isinstance(found, Login)
    assert (found.kind, found.access, found.refresh) == (LoginKind.AGENT_IDENTITY, None, None)
    assert (found.user_id, found.account_id) == ids
    assert (found.email, found.plan) == ("z@example.com", "free")
    assert found.fingerprint is not None
    assert CANARY not in repr(found)


def test_tokens_beside_an_agent_identity_are_a_login_where_no_mode_says_otherwise(tmp_path: Path) -> None:
    both = {"agent_identity": AGENT, "tokens": {"access_token": TOKEN}}
    found = read(tmp_path, both)
    assert isinstance(found, Login)
    assert found.kind is LoginKind.OAUTH
    agent = read(tmp_path, {**both, "auth_mode": "agentIdentity"})
    assert isinstance(agent, Login)
    assert agent.kind is LoginKind.AGENT_IDENTITY
    opaque = read(tmp_path, {"auth_mode": "agentIdentity", "agent_identity": "no-jwt"})
    assert isinstance(opaque, Login)
    assert (opaque.kind, opaque.user_id) == (LoginKind.AGENT_IDENTITY, None)


def test_a_personal_token_in_a_cliproxy_file(tmp_path: Path) -> None:
    document = {
        "type": "codex",
        "access_token": "at-1",
        "refresh_token": "",
        "account_id": "acc-b",
        "email": "bob@example.com",
        "disabled": True,
    }
    found = read(tmp_path, document)
    assert isinstance(found, Login)
    assert (found.shape, found.kind) == ("cliproxy", LoginKind.PERSONAL_ACCESS_TOKEN)
    assert (found.account_id, found.email, found.disabled) == ("acc-b", "bob@example.com", True)


def test_the_zero_of_a_clock_is_no_instant(tmp_path: Path) -> None:
    never = "0001-01-01T00:00:00Z"
    document = {"type": "codex", "access_token": "opaque", "expired": never, "last_refresh": never}
    found = read(tmp_path, document)
    assert isinstance(found, Login)
    assert (found.expires_at, found.last_refresh) == (None, None)
    timeless = read(tmp_path, {"tokens": {"access_token": make_jwt({**claims_of(), "exp": 0})}})
    assert isinstance(timeless, Login)
    assert timeless.expires_at is None


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-16", "is written in UTF-16: save it as UTF-8"),
        ("utf-16-le", "is written in UTF-16: save it as UTF-8"),
        ("utf-16-be", "is written in UTF-16: save it as UTF-8"),
        ("utf-32", "is written in UTF-32: save it as UTF-8"),
        ("latin-1", "is written in another encoding than UTF-8: save it as UTF-8"),
    ],
)
def test_another_encoding_is_said(tmp_path: Path, encoding: str, words: str) -> None:
    path = tmp_path / "f.json"
    text = json.dumps({**codex_document(), "note": "é"}, ensure_ascii=False).replace("ключ", "key")
    path.write_bytes(text.encode(encoding))
    found = read_login(path, MARK)
    assert isinstance(found, FileProblem)
    assert file_clause(found) == words
    # half a letter at the end is a file that is just being written
    path.write_bytes(f'{{"note": "{CANARY}é'.encode()[:-1])
    torn = read_login(path, MARK)
    assert isinstance(torn, FileProblem)
    assert "being written" in file_text(torn)


def test_an_id_token_of_the_first_releases(tmp_path: Path) -> None:
    raw = make_jwt({**claims_of(), "email": "old@example.com"})
    found = read(tmp_path, {"tokens": {"access_token": "t", "id_token": {"raw_jwt": raw, "email": "x"}}})
    assert isinstance(found, Login)
    assert (found.email, found.user_id) == ("old@example.com", "user-Ann")


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        "text",
        {"version": 1, "accounts": []},
        {"type": "gemini", "access_token": "x"},
        {"type": "codex"},
        {"OPENAI_API_KEY": None, "tokens": None},
        {"auth_mode": "apikey"},
        {"tokens": {"access_token": 7, "refresh_token": ""}},
    ],
)
def test_json_that_is_no_login(tmp_path: Path, document: object) -> None:
    assert read(tmp_path, document) is None


@pytest.mark.parametrize(
    "text",
    [
        f'{{"tokens": {{"access_token": "{CANARY}"'.encode(),
        f"{CANARY}".encode(),
        b"",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\xff"}',
        b"[" * 200_000,
        b'{"a": ' + b"1" * 5_000 + b"}",
    ],
)
def test_what_is_no_json_is_said_without_quoting_it(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "f.json"
    path.write_bytes(text)
    found = read_login(path, MARK)
    assert isinstance(found, FileProblem)
    assert CANARY not in file_text(found)


def test_special_files_are_refused_at_once(tmp_path: Path) -> None:
    fifo, loop, huge = tmp_path / "fifo", tmp_path / "loop", tmp_path / "huge"
    os.mkfifo(fifo)
    loop.symlink_to(loop)
    with huge.open("wb") as out:
        out.truncate(10 * 1024**3)
    exact = tmp_path / "exact"
    exact.write_bytes(b" " * (MAX_FILE_BYTES - 2) + b"{}")
    words = {}
    for path in (fifo, loop, huge, tmp_path, Path("/dev/zero"), tmp_path / "gone"):
        found = read_login(path, MARK)
        assert isinstance(found, FileProblem)
        words[path.name] = file_clause(found)
    assert words["fifo"] == words["zero"] == "is not a regular file"
    assert words[tmp_path.name] == "is a directory, not a file"
    assert "larger" in words["huge"]
    assert words["gone"] == "is not there"
    assert read_login(exact, MARK) is None


def test_a_link_is_read(tmp_path: Path) -> None:
    file = write_json(tmp_path / "real.json", codex_document())
    link = tmp_path / "link.json"
    link.symlink_to(file)
    assert isinstance(read_login(link, MARK), Login)


def test_texts_are_made_harmless(tmp_path: Path) -> None:
    evil = "a\x1b]52;c;x\x07@example.com"
    access = make_jwt({**claims_of(user=evil, account="\u202eacc"), "email": evil})
    found = read(tmp_path, {"tokens": {"access_token": access}})
    assert isinstance(found, Login)
    for text in (found.email, found.user_id, found.account_id):
        assert text is not None
        assert text.isprintable()


@pytest.mark.parametrize(
    "text", ["2026-11-20T21:00:00", "yesterday", "", 7, None, "9999-12-31T23:59:59-23:59", "x" * 99]
)
def test_an_instant_without_a_zone_is_unknown(tmp_path: Path, text: object) -> None:
    found = read(tmp_path, {"tokens": {"access_token": "t"}, "last_refresh": text})
    assert isinstance(found, Login)
    assert found.last_refresh is None


@pytest.mark.parametrize("exp", [True, "1795208400", 1e300, -1e300, None, [], float(10**18)])
def test_an_odd_expiry_is_unknown(exp: object) -> None:
    found = login_in({"tokens": {"access_token": make_jwt({"exp": exp})}}, MARK)
    assert found is not None
    assert found.expires_at is None


@pytest.mark.parametrize(
    "token", ["a.b", "a.b.c.d", "..", "a.!!!.c", "a.e30.c", f"a.{'A' * 70_000}.c", "é.é.é"]
)
def test_an_odd_token_is_still_a_login(token: str) -> None:
    found = login_in({"tokens": {"access_token": token}}, MARK)
    assert found is not None
    assert (found.user_id, found.expires_at) == (None, None)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "type",
    "tokens",
    "auth_mode",
    "OPENAI_API_KEY",
    "personal_access_token",
    "expired",
    "access_token",
    "disabled",
]


@given(st.dictionaries(st.sampled_from([*KEYS, "refresh_token", "id_token"]), json_values))
def test_no_document_breaks_the_reader(document: JsonObject) -> None:
    found = login_in(document, MARK)
    assert found is None or isinstance(found, Login)
    again = login_in({**document, "type": "codex", "access_token": "t"}, MARK)
    assert again is not None


@given(json_values, json_values)
def test_no_claim_breaks_the_reader(auth: object, email: object) -> None:
    text = json.dumps({"https://api.openai.com/auth": auth, "email": email, "exp": auth})
    token = make_jwt(json.loads(text))
    assert login_in({"tokens": {"access_token": token}}, MARK) is not None
