"""`--json` of the lists: versioned, unknown is null, no secret, masked like everything else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from poolwatch.config.settings import TABLE
from tests.cli.desk import Desk, at, rows
from tests.support.upstream import Upstream

CONFIG = """\
credits_per_usd = 12.50
[poll]
interval_seconds = 90
[ui]
theme = "dark"
[[sources]]
kind = "codex-lb"
url = "http://127.0.0.1:9"
api_key_env = "LB_KEY"
[[sources]]
kind = "auth-files"
name = "pool"
path = "~/pool"
custody = "poolwatch"
"""


@pytest.fixture
def config(desk: Desk) -> Path:
    path = desk.usual_config
    path.parent.mkdir(parents=True)
    path.write_text(CONFIG)
    return path


def test_settings(desk: Desk, config: Path) -> None:
    secret = {"LB_KEY": "hush", "POOLWATCH_POLL__CONCURRENCY": "3"}
    ran = desk.run("config", "show", "--json", env=secret)
    assert (ran.code, ran.err) == (0, "")
    assert "hush" not in ran.out
    assert at(ran.json(), "schema") == "poolwatch.config/1"
    settings = at(ran.json(), "settings")
    assert isinstance(settings, dict)
    assert set(TABLE) <= set(settings)
    assert {
        key: settings[key]
        for key in (
            "credits_per_usd", "poll.interval_seconds", "poll.concurrency", "poll.stale_after_seconds",
            "pool_name", "ui.mask", "sources[0].kind", "sources[0].api_key_env",
            "sources[0].dashboard_password_file", "sources[1].custody", "sources[1].path",
        )
    } == {
        "credits_per_usd": {"value": "12.50", "set": True, "origin": f"{config}:1"},
        "poll.interval_seconds": {"value": 90, "set": True, "origin": f"{config}:3"},
        "poll.concurrency": {"value": 3, "set": True, "origin": "POOLWATCH_POLL__CONCURRENCY"},
        "poll.stale_after_seconds": {"value": 900, "set": False, "origin": "default"},
        "pool_name": {"value": None, "set": False, "origin": "default"},
        "ui.mask": {"value": False, "set": False, "origin": "default"},
        "sources[0].kind": {"value": "codex-lb", "set": True, "origin": f"{config}:7"},
        "sources[0].api_key_env": {"value": "LB_KEY", "set": True, "origin": f"{config}:9"},
        "sources[0].dashboard_password_file": {"value": None, "set": False, "origin": "default"},
        "sources[1].custody": {"value": "poolwatch", "set": True, "origin": f"{config}:14"},
        "sources[1].path": {"value": f"{desk.home}/pool", "set": True, "origin": f"{config}:13"},
    }  # fmt: skip


@pytest.mark.parametrize("command", ["config show", "doctor"])
def test_where_everything_lies(desk: Desk, config: Path, command: str) -> None:
    data = desk.home / ".local" / "share" / "poolwatch"
    places = {
        "configuration": str(config),
        "state": str(desk.state),
        "logins": str(data / "logins"),
        "removed": str(data / "removed"),
        "cache": None,
    }
    assert at(desk.run(*command.split(), "--json").json(), "places") == places
    desk.state.mkdir(exist_ok=True)
    told = desk.run(*command.split()).lines[-5:]
    assert [" ".join(line.split()) for line in told] == [
        f"configuration {config}",
        f"state {desk.state}",
        f"imported logins {data}/logins (not there)",
        f"logins taken out {data}/removed (not there)",
        "cache there is none",
    ]
    # also of a configuration that is named, and in the words of a person who shows it to others
    named = desk.run(*command.split(), "--mask", "--config", str(config))
    assert [line.split()[-1] for line in named.lines[-5:-3]] == ["…/config.toml", f"…/{desk.state.name}"]
    assert str(desk.home) not in named.out
    config.write_text("nonsense = 1\n")
    if command == "doctor":
        assert at(desk.run("doctor", "--json").json(), "places") == places


def test_sources(desk: Desk, config: Path, served: Upstream) -> None:
    shutil.copytree(served.home / "cliproxy", desk.home / ".cli-proxy-api")
    (desk.home / ".codex").mkdir()
    (desk.home / ".codex" / "auth.json").write_text('{"OPENAI_API_KEY": "sk-fake"}')
    ran = desk.run("sources", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert at(ran.json(), "schema") == "poolwatch.sources/1"
    assert at(ran.json(), "sources") == [
        {"name": "codex-lb", "kind": "codex-lb", "custody": "pool", "path": None, "url": "http://127.0.0.1:9",
         "origin": "configured"},
        {"name": "pool", "kind": "auth-files", "custody": "poolwatch", "path": f"{desk.home}/pool",
         "url": None, "origin": "configured"},
    ]  # fmt: skip
    found = {str(row["place"]): row for row in rows(ran.json(), "found")}
    assert found["$CODEX_HOME"] == {
        "place": "$CODEX_HOME", "state": "not_set", "logins": 0, "readable": 0, "kind": None, "path": None,
        "monitored": False,
    }  # fmt: skip
    other = found["~/.cli-proxy-api/codex-*.json"]
    count = len(list((desk.home / ".cli-proxy-api").glob("codex-*.json")))
    assert (other["state"], other["logins"], other["kind"], other["monitored"]) == (
        "readable", count, "auth-files", False,
    )  # fmt: skip
    assert desk.run("sources", "add", "auth-files", "~/.cli-proxy-api").code == 0
    after = rows(desk.run("sources", "list", "--json").json(), "found")
    assert [row["monitored"] for row in after if row["place"] == other["place"]] == [True]
    masked = desk.run("sources", "--json", "--mask")
    assert str(desk.home) not in masked.out
    assert at(masked.json(), "sources", 1, "path") == "…/pool"
    config.unlink()
    alone = desk.run("sources", "--json").json()
    assert [(row["name"], row["origin"]) for row in rows(alone, "sources")] == [("codex-home", "found")]


def test_accounts(pool_desk: Desk) -> None:
    ran = pool_desk.run("accounts", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert at(ran.json(), "schema") == "poolwatch.accounts/1"
    assert at(ran.json(), "kept") == []
    accounts = rows(ran.json(), "accounts")
    assert len(accounts) == 12
    found = {str(row["label"]): row for row in accounts}
    alice = found["alice@example.com"]
    assert set(alice) == {
        "id", "label", "group", "provider", "email", "plan", "custody", "logins", "trouble",
    }  # fmt: skip
    assert (alice["group"], alice["provider"], alice["email"]) == (None, "codex", "alice@example.com")
    assert (alice["custody"], alice["trouble"]) == ("poolwatch", None)
    [login] = rows(alice, "logins")
    assert str(login["place"]).endswith("/pool/alice.json")
    assert (login["source"], login["custody"], login["problem"]) == ("pool", "poolwatch", None)
    # what is listed for people is listed for programs
    ids = {line.split()[0] for line in pool_desk.run("accounts").lines if not line.startswith(" ")}
    assert ids == {str(row["id"]) for row in accounts}
    masked = pool_desk.run("accounts", "list", "--json", "--mask")
    assert "@example.com" not in masked.out
    assert "/pool/" not in masked.out
    assert {row["email"] for row in rows(masked.json(), "accounts")} == {None}


def test_no_token_stands_in_any_of_them(pool_desk: Desk, served: Upstream) -> None:
    tokens = set()
    for file in (served.home / "pool").glob("*.json"):
        tokens |= {str(value) for value in json.loads(file.read_text()).get("tokens", {}).values()}
    assert tokens
    for command in ("config show", "sources list", "accounts list", "doctor"):
        shown = pool_desk.run(*command.split(), "--json").out
        assert [token for token in tokens if len(token) > 20 and token in shown] == []


def test_a_list_of_nothing_is_a_document_too(desk: Desk) -> None:
    ran = desk.run("accounts", "--json")
    assert ran.code == 0
    assert ran.json() == {"schema": "poolwatch.accounts/1", "accounts": [], "kept": []}
    assert at(desk.run("sources", "--json").json(), "sources") == []
