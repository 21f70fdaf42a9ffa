"""Logins on disk and the token endpoint: claims, single use, verdicts."""

import json
import stat
import tomllib
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
from tests.demo.talk import at, call, claims, exchange, held, login, usage
from tests.support.upstream import Upstream

from poolwatch.demo.tokens import CLIENT_ID

FROZEN = datetime.fromisoformat("2026-11-20T21:00:00Z").timestamp()
AUTH = "https://api.openai.com/auth"


def test_tokens_carry_the_claims_of_their_account(upstream: Upstream) -> None:
    alice = upstream.account("alice")
    content = json.loads(alice.files[0].read_text())
    access, identity = claims(content["tokens"]["access_token"]), claims(content["tokens"]["id_token"])
    for token in (access, identity):
        assert at(token, AUTH, "chatgpt_account_id") == alice.account_id == content["tokens"]["account_id"]
        assert at(token, AUTH, "chatgpt_user_id") == alice.user_id
        assert at(token, AUTH, "chatgpt_plan_type") == "pro"
        assert "chatgpt_subscription_active_until" in str(at(token, AUTH))
    assert identity["email"] == at(access, "https://api.openai.com/profile", "email") == "alice@example.com"
    assert access["exp"] == int(FROZEN + 6.5 * 86_400)
    assert content["tokens"]["refresh_token"].startswith("rt_")
    assert set(content) == {"auth_mode", "OPENAI_API_KEY", "tokens", "last_refresh"}
    assert datetime.fromisoformat(content["last_refresh"]).tzinfo is not None


def test_cliproxyapi_files_have_its_keys(upstream: Upstream) -> None:
    (path,) = upstream.account("frank").files
    assert path.name == "codex-frank@example.com-pro.json"
    content = json.loads(path.read_text())
    assert content["type"] == "codex"
    assert datetime.fromisoformat(content["expired"]).timestamp() == claims(content["access_token"])["exp"]
    assert set(content) == {
        "type", "email", "id_token", "access_token", "refresh_token", "account_id", "last_refresh", "expired",
    }  # fmt: skip


def test_every_file_is_the_owners_alone(upstream: Upstream) -> None:
    for path in upstream.home.rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert stat.S_IMODE(upstream.home.stat().st_mode) == 0o700


def test_the_settings_name_this_server_and_every_folder(upstream: Upstream) -> None:
    settings = tomllib.loads(upstream.config.read_text())
    assert settings["pool_name"] == "demo"
    assert settings["poll"]["interval_seconds"] == 30
    assert settings["refresh"]["delegate_to_codex"] is False
    assert [(s["kind"], s["name"], s.get("custody")) for s in settings["sources"]] == [
        ("codex-home", "codex-homes", None),
        ("auth-files", "pool", "poolwatch"),
        ("auth-files", "cliproxy", "other"),
    ]
    for source in settings["sources"]:
        assert (source["base_url"], source["token_url"]) == (upstream.base_url, upstream.token_url)
    assert {"match": "dev14@example.com", "label": "dev14", "group": "team-east"} in settings["accounts"]
    found = {Path(source["path"].removesuffix("/*")) for source in settings["sources"]}
    files = [path for account in upstream.state().accounts.values() for path in account.files]
    assert all(path.exists() and found & set(path.parents) for path in files)
    homes = {path.parent.name for path in files if path.name == "auth.json"}
    assert homes == {path.name for path in (upstream.home / "homes").iterdir()}


def test_one_account_in_two_files_and_one_login_in_two_files(upstream: Upstream) -> None:
    paul, zoe = ([held(path) for path in upstream.account(label).files] for label in ("paul", "zoe"))
    assert paul[0].account_id == paul[1].account_id
    assert paul[0].refresh != paul[1].refresh
    assert zoe[0] == zoe[1]
    for one in paul:
        assert usage(upstream, one).json["email"] == "paul@example.com"
    carols = [upstream.account(label) for label in ("carol", "carol-east")]
    assert carols[0].user_id == carols[1].user_id
    assert carols[0].account_id != carols[1].account_id


@pytest.mark.parametrize("encoding", ["json", "form"])
def test_a_refresh_token_is_good_once(upstream: Upstream, encoding: str) -> None:
    before = login(upstream, "alice")
    fields = {"client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": before.refresh}
    kind, body = (
        ("application/json", json.dumps(fields))
        if encoding == "json"
        else ("application/x-www-form-urlencoded", urlencode(fields))
    )
    first = call(upstream.token_url, "POST", {"Content-Type": kind}, body.encode())
    assert first.status == 200
    got = first.json
    assert set(got) >= {"access_token", "refresh_token", "id_token", "expires_in"}
    assert got["expires_in"] == 864_000
    assert claims(str(got["access_token"]))["exp"] == int(FROZEN) + 864_000
    again = exchange(upstream, before.refresh)
    assert (again.status, again.code) == (400, "refresh_token_reused")
    assert exchange(upstream, str(got["refresh_token"])).status == 200
    assert usage(upstream, before).status == 200
    alice = upstream.account("alice")
    assert (alice.token_posts, alice.refreshes) == (3, 2)


@pytest.mark.parametrize(
    ("label", "status", "code"),
    [
        ("pay", 400, "refresh_token_reused"),
        ("vera", 401, "refresh_token_expired"),
        ("walt", 401, "refresh_token_invalidated"),
    ],
)
def test_dead_refresh_tokens_say_why(upstream: Upstream, label: str, status: int, code: str) -> None:
    for _ in range(2):
        answer = exchange(upstream, login(upstream, label).refresh)
        assert (answer.status, answer.code) == (status, code)
    assert upstream.account(label).refreshes == 0


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("application/json", b"{", 400, "invalid_request"),
        ("text/plain", b"x", 400, "invalid_request"),
        ("application/json", b'{"grant_type": "password"}', 400, "unsupported_grant_type"),
        (
            "application/json",
            b'{"grant_type": "refresh_token", "refresh_token": "rt_x"}',
            401,
            "invalid_client",
        ),
        (
            "application/json",
            json.dumps(
                {"grant_type": "refresh_token", "refresh_token": "rt_x", "client_id": CLIENT_ID}
            ).encode(),
            400,
            "invalid_grant",
        ),
    ],
)
def test_the_token_endpoint_refuses_what_is_no_refresh(
    upstream: Upstream, kind: str, body: bytes, status: int, code: str
) -> None:
    answer = call(upstream.token_url, "POST", {"Content-Type": kind}, body)
    assert (answer.status, answer.code) == (status, code)


def test_a_state_can_end_the_old_access_token_with_the_refresh(upstream: Upstream) -> None:
    before = login(upstream, "xena")
    assert usage(upstream, before).code == "token_invalidated"
    got = exchange(upstream, before.refresh).json
    renewed = type(before)(str(got["access_token"]), str(got["refresh_token"]), before.account_id)
    assert usage(upstream, renewed).status == 200
    assert exchange(upstream, renewed.refresh).status == 200
    assert usage(upstream, renewed).code == "token_invalidated"


def test_tests_can_reject_tokens_and_renew_logins(upstream: Upstream) -> None:
    before = login(upstream, "dev14")
    upstream.judge_login("dev14", access="rejected")
    assert usage(upstream, before).code == "token_invalidated"
    upstream.renew("dev14")
    after = login(upstream, "dev14")
    assert after.refresh != before.refresh
    assert usage(upstream, after).status == 200
    assert usage(upstream, before).code == "token_invalidated"
    upstream.judge_login("dev14", refresh="invalidated")
    assert exchange(upstream, after.refresh).code == "refresh_token_invalidated"
    upstream.judge_login("dev14", refresh="live")
    upstream.renew("dev14", write=False)
    assert exchange(upstream, login(upstream, "dev14").refresh).code == "refresh_token_reused"


def test_a_restart_forgets_no_token_and_keeps_the_address(upstream: Upstream) -> None:
    before = login(upstream, "alice")
    got = exchange(upstream, before.refresh).json
    served, address = upstream.account("alice").usage, upstream.base_url
    upstream.restart()
    assert upstream.base_url == address
    assert upstream.account("alice").usage == served
    assert exchange(upstream, before.refresh).code == "refresh_token_reused"
    assert exchange(upstream, str(got["refresh_token"])).status == 200
    assert usage(upstream, before).status == 200
