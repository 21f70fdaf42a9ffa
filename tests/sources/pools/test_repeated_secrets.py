"""A pool that repeats the key or password that opens it, in labels and wherever else it has room."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from poolwatch.cli.sources import examine_pools
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.text import visible
from poolwatch.domain.values import replace
from poolwatch.net.client import HttpClient
from poolwatch.sources.json_body import NumberText
from poolwatch.sources.pools.client import Answered, Refused
from poolwatch.sources.redaction import told_without
from tests.e2e.pool_rig import around, looked
from tests.sources.pools.making import AT, USAGE, account, entry, lb, proxy
from tests.support.cli_proxy_server import CliProxyServer, login
from tests.support.codex_lb_server import CodexLbServer, LbAccountState
from tests.support.codex_proxy_server import CodexProxyServer
from tests.support.replay_server import Request, Response

SECRET = "correct horse 42"
Pool = CodexProxyServer | CodexLbServer | CliProxyServer
FORMS = [SECRET, b64encode(SECRET.encode()).decode(), "correct%20horse%2042"]


@pytest.mark.parametrize("form", FORMS)
def test_no_text_of_a_value_holds_a_secret(form: str) -> None:
    value: Any = {"label": f"my {form}", "list": [form, 7, None, True], f"key {form}": NumberText("1.5")}
    found: Any = told_without(value, Secret(SECRET))
    assert form not in repr(found)
    assert [found["list"][0][:8], *found["list"][1:]] == ["[hidden]", 7, None, True]


@pytest.mark.parametrize(
    "form", ["correct\u00a0horse 42", "cor\ufe0frect horse\u200342", "\u3000correct horse 42"]
)
def test_a_text_that_is_shown_as_a_secret_holds_it(form: str) -> None:
    value: Any = {"label": form, f"my {form}": ["漢\u00a0字"]}
    found: Any = told_without(value, Secret(SECRET))
    assert found["label"].strip() == "[hidden]"
    assert SECRET not in visible(repr(found))
    # what holds none stays as it was
    assert list(found.values())[1] == ["漢\u00a0字"]


def test_a_short_secret_is_no_part_of_a_word_and_an_innocent_value_is_left_alone() -> None:
    value: Any = {"id": "acid", "label": "id id3 id"}
    assert told_without(value, Secret("id")) == {"id": "acid", "label": "[hidden] id3 [hidden]"}
    assert told_without(value, Secret(SECRET)) == value
    assert told_without(value) == value


@asynccontextmanager
async def repeating(kind: str, entered_by: str) -> AsyncIterator[Pool]:
    usage = {**USAGE, "plan_type": SECRET}
    named = {"key" if entered_by == "key" else "password": SECRET}
    if kind == "codex-proxy":
        async with CodexProxyServer(account(label=SECRET, plan=SECRET, usage=usage), **named) as proxied:
            yield proxied
    elif kind == "codex-lb":
        one = LbAccountState("acc-1", "a@example.com", USAGE, name=SECRET, plan=SECRET)
        async with CodexLbServer(one, **named) as balanced:
            if entered_by == "both":
                balanced.key, balanced.password = SECRET, "another password"
            yield balanced
    else:
        entry = login(1, label=SECRET, email=f"{SECRET}@example.com", status_message=SECRET)
        async with CliProxyServer([entry], key=SECRET) as pool:
            pool.serve_usage(1, json.dumps(usage).encode())
            yield pool


@pytest.mark.parametrize(
    ("kind", "entered_by"),
    [
        ("codex-proxy", "key"),
        ("codex-proxy", "password"),
        ("codex-lb", "key"),
        ("codex-lb", "password"),
        ("codex-lb", "both"),
        ("cli-proxy-api", "key"),
    ],
)
async def test_a_key_in_a_label_is_redacted_everywhere_and_never_stored(
    tmp_path: Path, kind: str, entered_by: str
) -> None:
    async with repeating(kind, entered_by) as server:
        lines = f'[[sources]]\nkind = "{kind}"\nurl = "{server.url}"\n'
        secrets = {"key": SECRET} if entered_by == "key" else {"password": SECRET}
        if entered_by == "both":
            secrets = {"key": SECRET, "password": "another password"}
        for what, secret in secrets.items():
            (tmp_path / what).write_text(secret)
            (tmp_path / what).chmod(0o600)
            setting = "api_key_file" if what == "key" else "dashboard_password_file"
            lines += f'{setting} = "{tmp_path / what}"\n'
        seen = await looked(tmp_path, lines)
        found = await examine_pools(around(tmp_path, lines))
    (only,) = seen.overview.accounts
    assert only.account.usage.base is not None, only.account.trouble
    assert SECRET not in f"{only.account.name} {only.account.listings} {only.account.usage} {found}"
    stored = [path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert stored
    assert not any(SECRET.encode() in content for content in stored)


async def test_the_payload_that_is_shown_has_it_neither(client: HttpClient, tmp_path: Path) -> None:
    one = LbAccountState("acc-1", "a@example.com", USAGE, name=SECRET)
    async with CodexLbServer(one, key=SECRET) as server:
        source = lb(server, client, tmp_path, key=SECRET)
        server.password = "another"
        (tmp_path / "password.txt").write_text("another")
        reading = await source.fetch_usage(entry(source, one.id), AT)
    assert reading.raw is not None
    assert SECRET not in reading.raw


async def test_a_version_that_repeats_the_key(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account(), key=SECRET) as server:

        async def fault(request: Request) -> Response:
            said = await server.respond(request)
            return replace(said, headers={**said.headers, "X_App_Version": SECRET})

        server.fault = fault
        answer = await proxy(server, client, tmp_path, key=SECRET)._pool.get_json("/auth/accounts", AT)
    assert answer.headers["x-app-version"] == "[hidden]"


async def test_what_is_remembered_of_a_refusal_repeats_neither_secret(
    client: HttpClient, tmp_path: Path
) -> None:
    async with CodexLbServer() as server:

        async def fault(request: Request) -> Response:
            return Response(401, json.dumps({"error": {"message": f"not {SECRET}", "code": SECRET}}).encode())

        server.fault = fault
        # the key alone is sent for the fleet, and the password alone is repeated
        source = lb(server, client, tmp_path, key="sk-fake-0123456789abcdef", password=SECRET)
        answer = await source._fleet.get_json("/api/fleet/summary", AT)
        known = await source._refusals._key_states.known()
    assert isinstance(answer, Refused)
    assert known
    assert SECRET not in f"{answer.failure} {answer.said} {answer.code} {answer.raw} {known}"


@pytest.mark.parametrize("depth", [150, 400, 700, 5_000])
async def test_an_answer_of_any_depth_is_looked_through_or_refused(
    client: HttpClient, tmp_path: Path, depth: int
) -> None:
    async with CodexProxyServer(account(), key=SECRET) as server:

        async def fault(request: Request) -> Response:
            return Response(200, b'{"label": "\\u0041", "deep": ' + b"[" * depth + b"]" * depth + b"}")

        server.fault = fault
        answer = await proxy(server, client, tmp_path, key=SECRET)._pool.get_json("/auth/accounts", AT)
    assert isinstance(answer, Answered) or answer.failure.kind is FailureKind.MALFORMED
