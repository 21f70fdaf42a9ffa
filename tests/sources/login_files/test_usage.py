"""Usage asked for with what a login file holds now."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from poolwatch.config.source_settings import DEFAULT_BASE_URL
from poolwatch.custody.login_file import Login, read_login
from poolwatch.domain.account import Listing, Secret, SourceRef
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.host.files import FileProblem
from poolwatch.net.client import HttpClient
from poolwatch.sources import login_files
from poolwatch.words.messages import failure_text
from tests.net.script import Script, reply
from tests.sources.login_files.making import USAGE, failure, folder, homes, listed
from tests.sources.logins import AT, access_token, cliproxy_login, codex_login, mark, put


async def test_usage_is_asked_with_the_token_the_file_holds_now(client: HttpClient, home: Path) -> None:
    path = put(home / "pool/one.json", cliproxy_login())
    async with Script([reply(200, USAGE)]) as server:
        source = folder(client, home, base_url=server.url)
        [one] = await listed(source)
        newer = access_token(expires=AT + timedelta(days=9))
        put(path, cliproxy_login(newer))
        reading = await source.fetch_usage(one, AT)
    assert isinstance(reading.outcome, UsageSnapshot)
    assert reading.token_fingerprint == mark(newer) != one.token.fingerprint
    assert f"Bearer {newer}" in server.requests[0]


async def test_usage_can_be_asked_before_anything_was_listed(client: HttpClient, home: Path) -> None:
    path = put(home / "pool/one.json", cliproxy_login())
    async with Script([reply(200, USAGE)]) as server:
        source = folder(client, home, base_url=server.url)
        reading = await source.fetch_usage(Listing(SourceRef("pool", str(path))), AT)
    assert isinstance(reading.outcome, UsageSnapshot)


async def test_what_must_not_be_sent_is_not_sent(client: HttpClient, home: Path) -> None:
    pool = home / "pool"
    put(pool / "expired.json", cliproxy_login(access_token(expires=AT)))
    put(pool / "key.json", json.dumps({"OPENAI_API_KEY": "sk-fake-key"}))
    put(
        pool / "agent.json",
        json.dumps({"auth_mode": "agentIdentity", "agent_identity": {"workspace_id": "w"}}),
    )
    put(pool / "no-access.json", json.dumps({"type": "codex", "refresh_token": "fake"}))
    put(pool / "swapped.json", cliproxy_login(access_token("user-a", "acct-a")))
    put(pool / "vanished.json", cliproxy_login())
    put(pool / "disabled.json", cliproxy_login(access_token("user-d", "acct-d")))
    async with Script([reply(200, USAGE)]) as server:
        source = folder(client, home, base_url=server.url)
        entries = {Path(each.ref.place).stem: each for each in await listed(source)}
        put(pool / "swapped.json", cliproxy_login(access_token("user-b", "acct-a")))
        (pool / "vanished.json").unlink()
        off = {**json.loads(cliproxy_login(access_token("user-d", "acct-d"))), "disabled": True}
        put(pool / "disabled.json", json.dumps(off))
        outcomes = {
            name: failure((await source.fetch_usage(each, AT)).outcome) for name, each in entries.items()
        }
        unknown = await source.fetch_usage(Listing(SourceRef("pool", "elsewhere")), AT)
    assert server.connections == 0
    assert {name: each.kind for name, each in outcomes.items()} == {
        "expired": FailureKind.NO_TOKEN,
        "key": FailureKind.NO_TOKEN,
        "agent": FailureKind.NO_TOKEN,
        "no-access": FailureKind.NO_TOKEN,
        "swapped": FailureKind.NO_TOKEN,
        "vanished": FailureKind.NO_TOKEN,
        "disabled": FailureKind.NO_TOKEN,
    }
    assert failure_text(outcomes["swapped"]) == "~/pool/swapped.json holds another account's login now"
    assert failure_text(outcomes["disabled"]) == "the login in ~/pool/disabled.json is disabled now"
    assert failure_text(outcomes["expired"]) == "the access token in ~/pool/expired.json has expired"
    assert failure_text(outcomes["key"]) == "API keys have no usage figures"
    assert failure_text(outcomes["agent"]) == "agent identities have no usage figures"
    assert failure(unknown.outcome).kind is FailureKind.NO_TOKEN


async def test_a_slow_disk_is_no_difference_between_the_clocks(
    client: HttpClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home / "pool/one.json", cliproxy_login())
    loop, passed = asyncio.get_running_loop(), 0.0
    real_time, real_read = loop.time, read_login
    monkeypatch.setattr(loop, "time", lambda: real_time() + passed)

    def slow(path: Path, fingerprint: Callable[[Secret], str]) -> Login | FileProblem | None:
        nonlocal passed
        passed += 4
        return real_read(path, fingerprint)

    date = format_datetime(AT + timedelta(seconds=4), usegmt=True)
    async with Script([reply(200, USAGE, Date=date)]) as server:
        source = folder(client, home, base_url=server.url)
        [one] = await listed(source)
        monkeypatch.setattr(login_files, "read_login", slow)
        reading = await source.fetch_usage(one, AT)
    assert reading.server_date == AT + timedelta(seconds=4)
    assert reading.clock_offset == timedelta(0)


async def test_a_disk_that_hangs_is_a_failure_in_time(
    client: HttpClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home / "pool/one.json", cliproxy_login())
    source = folder(client, home, deadline_seconds=0.05)
    [one] = await listed(source)
    let_go = threading.Event()

    def hang(path: Path, fingerprint: Callable[[Secret], str]) -> Login | FileProblem | None:
        let_go.wait(20)
        return read_login(path, fingerprint)

    monkeypatch.setattr(login_files, "read_login", hang)
    found = failure((await source.fetch_usage(one, AT)).outcome)
    let_go.set()
    assert (found.kind, failure_text(found)) == (
        FailureKind.UNREACHABLE,
        "~/pool/one.json: its disk does not answer",
    )


async def test_a_disk_that_hangs_is_not_asked_the_same_again_and_again(
    client: HttpClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        put(home / f"pool/{name}.json", cliproxy_login(access_token(f"user-{name}", f"acct-{name}")))
    source = folder(client, home, deadline_seconds=0.05)
    one, two = await listed(source)
    let_go, begun = threading.Event(), list[str]()

    def hang(path: Path, fingerprint: Callable[[Secret], str]) -> Login | FileProblem | None:
        begun.append(path.stem)
        let_go.wait(20)
        return read_login(path, fingerprint)

    monkeypatch.setattr(login_files, "read_login", hang)
    for entry in (one, one, two, one):
        assert failure((await source.fetch_usage(entry, AT)).outcome).kind is FailureKind.UNREACHABLE
    let_go.set()
    assert begun == ["one", "two"]


async def test_expiry_goes_by_the_servers_clock(client: HttpClient, home: Path) -> None:
    put(home / "pool/one.json", cliproxy_login(access_token(expires=AT + timedelta(hours=1))))
    async with Script([reply(200, USAGE)]) as server:
        source = folder(client, home, base_url=server.url)
        [one] = await listed(source)
        ahead = await source.fetch_usage(one, AT, timedelta(hours=2))
        behind = await source.fetch_usage(one, AT + timedelta(hours=3), -timedelta(hours=3))
    assert failure(ahead.outcome).kind is FailureKind.NO_TOKEN
    assert isinstance(behind.outcome, UsageSnapshot)


async def test_a_homes_own_address_counts_unless_the_source_has_one(client: HttpClient, home: Path) -> None:
    put(home / "homes/anna/auth.json", codex_login())
    async with Script([reply(200, USAGE)]) as own, Script([reply(200, USAGE)]) as given:
        put(home / "homes/anna/config.toml", f'model = "x"\nchatgpt_base_url = "{own.url}/backend-api/"\n')
        for base_url in (DEFAULT_BASE_URL, given.url):
            source = homes(client, home, base_url=base_url)
            [anna] = await listed(source)
            assert isinstance((await source.fetch_usage(anna, AT)).outcome, UsageSnapshot)
    assert [head.split()[1] for head in own.requests] == ["/backend-api/wham/usage"]
    assert len(given.requests) == 1


async def test_no_token_is_sent_where_a_homes_address_cannot_be_read(client: HttpClient, home: Path) -> None:
    put(home / "homes/anna/auth.json", codex_login())
    put(home / "homes/anna/config.toml", 'broken = \nchatgpt_base_url = "https://pool.example.com"\n')
    source = homes(client, home)
    [anna] = await listed(source)
    outcome = failure((await source.fetch_usage(anna, AT)).outcome)
    assert outcome.kind is FailureKind.NOT_THE_SERVICE
    words = "chatgpt_base_url in ~/homes/anna/config.toml is not readable: no TOML in line 1; not asked"
    assert failure_text(outcome) == words


async def test_a_homes_address_without_tls_gets_no_token(client: HttpClient, home: Path) -> None:
    put(home / "homes/anna/auth.json", codex_login())
    put(home / "homes/anna/config.toml", 'chatgpt_base_url = "http://pool.example.com"\n')
    source = homes(client, home)
    [anna] = await listed(source)
    outcome = failure((await source.fetch_usage(anna, AT)).outcome)
    assert outcome.kind is FailureKind.NOT_THE_SERVICE
    assert "chatgpt_base_url in ~/homes/anna/config.toml must be https" in failure_text(outcome)
