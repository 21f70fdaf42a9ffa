"""A later `status` finds its accounts in other files, or other accounts in its files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from poolwatch.bootstrap.headless import Look, look
from poolwatch.bootstrap.running import open_monitor
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import Usage
from tests.e2e.pool_rig import around
from tests.net.script import Script, reply
from tests.sources.logins import access_token, cliproxy_login, put

FAR = datetime(2090, 1, 1, tzinfo=UTC)
NOW = timedelta(0)


def usage_of(used: int) -> bytes:
    window = f'{{"used_percent": {used}, "limit_window_seconds": 604800}}'
    return reply(200, f'{{"rate_limit": {{"allowed": true, "primary_window": {window}}}}}'.encode())


def login(user: str) -> str:
    return cliproxy_login(access_token(user, f"acct-{user}", FAR))


def folder_toml(home: Path, url: str) -> str:
    return (
        f'[[sources]]\nkind = "auth-files"\nname = "pool"\npath = "{home}/pool"\n'
        f'custody = "other"\nbase_url = "{url}"\n'
    )


def weekly(usage: Usage) -> float | None:
    return next((window.used_percent for window in usage.windows), None)


def figures(seen: Look) -> dict[str, float | None]:
    return {account.key.user_id: weekly(account.usage) for account in seen.state.accounts.values()}


async def test_a_place_that_changed_hands_is_read_for_its_new_holder_alone(tmp_path: Path) -> None:
    path = put(tmp_path / "pool/one.json", login("one"))
    put(tmp_path / "pool/two.json", login("two"))
    async with Script([usage_of(1), usage_of(1), usage_of(9)]) as service:
        sources = folder_toml(tmp_path, service.url)
        await look(around(tmp_path, sources), NOW, None)
        put(path, login("three"))
        (tmp_path / "pool/two.json").unlink()
        second = await look(around(tmp_path, sources), NOW, None)
    assert figures(second) == {"three": 9}
    assert all(account.trouble is None for account in second.state.accounts.values())
    # nothing was sent for those who are gone
    assert len(service.requests) == 3


async def test_a_login_that_is_used_for_another_workspace_is_one_account_with_figures_of_its_own(
    tmp_path: Path,
) -> None:
    access = access_token("one", "acct-one", FAR)
    put(tmp_path / "pool/one.json", cliproxy_login(access, account_id="acct-one"))
    async with Script([usage_of(1), usage_of(9), usage_of(9)]) as service:
        sources = folder_toml(tmp_path, service.url)
        await look(around(tmp_path, sources), NOW, None)
        put(tmp_path / "pool/one.json", cliproxy_login(access, account_id="acct-chosen"))
        for _ in range(2):
            seen = await look(around(tmp_path, sources), NOW, None)
            [account] = seen.state.accounts.values()
            assert (account.key.user_id, account.key.account_id) == ("one", "acct-chosen")
            assert (weekly(account.usage), account.trouble) == (9, None)
    asked = [head.partition("ChatGPT-Account-Id: ")[2].partition("\r")[0] for head in service.requests]
    assert asked == ["acct-one", "acct-chosen", "acct-chosen"]


async def test_a_login_is_not_read_where_its_source_looks_elsewhere_by_now(tmp_path: Path) -> None:
    put(tmp_path / "pool/one.json", login("one"))
    (tmp_path / "elsewhere").mkdir()
    async with Script([usage_of(1)]) as service:
        sources = folder_toml(tmp_path, service.url)
        await look(around(tmp_path, sources), NOW, None)
        second = await look(around(tmp_path, sources.replace("/pool", "/elsewhere")), NOW, None)
    assert figures(second) == {}
    assert len(service.requests) == 1


async def test_figures_of_a_new_holder_are_nobody_elses(tmp_path: Path) -> None:
    """A source may know of a new holder long before it is told to the state that is asked for."""
    for source in ("one", "two"):
        put(tmp_path / source / "p.json", login("anna"))
    put(tmp_path / "two/other.json", login("xenia"))
    async with Script([usage_of(10)]) as service:
        toml = "".join(
            f'[[sources]]\nkind = "auth-files"\nname = "{name}"\npath = "{tmp_path}/{name}"\n'
            f'custody = "other"\nbase_url = "{service.url}"\n'
            for name in ("one", "two")
        )
        await look(around(tmp_path, toml), NOW, None)
        put(tmp_path / "one/p.json", login("boris"))
        async with open_monitor(around(tmp_path, toml)) as running:
            await running.monitor.recall()
            (anna,) = (key for key in running.monitor.state.accounts if key.user_id == "anna")
            entries = running.monitor.state.accounts[anna].listings
            swapped = next(entry for entry in entries if entry.ref.source == "one")
            one = running.sources["one"]
            # it is listed, and nobody was told yet
            await one.list_accounts(running.services.clock.now())
            sent = len(service.requests)
            reading = await one.fetch_usage(swapped, running.services.clock.now())
            assert isinstance(reading.outcome, Failure)
            assert reading.outcome.kind is FailureKind.NO_TOKEN
            assert len(service.requests) == sent


async def test_after_a_switch_an_account_is_read_through_its_other_file(tmp_path: Path) -> None:
    put(tmp_path / "codex/auth.json", login("anna"))
    put(tmp_path / "snaps/anna.auth.json", login("anna"))
    put(tmp_path / "snaps/boris.auth.json", login("boris"))
    async with Script([usage_of(10), usage_of(10), usage_of(20)]) as service:
        sources = (
            f'[[sources]]\nkind = "codex-home"\nname = "home"\npath = "{tmp_path}/codex"\n'
            f'base_url = "{service.url}"\n'
            f'[[sources]]\nkind = "auth-files"\nname = "snaps"\npath = "{tmp_path}/snaps"\n'
            f'custody = "other"\nbase_url = "{service.url}"\n'
        )
        await look(around(tmp_path, sources), NOW, None)
        put(tmp_path / "codex/auth.json", login("boris"))
        second = await look(around(tmp_path, sources), NOW, None)
    assert figures(second) == {"anna": 20, "boris": 20}
    assert all(account.trouble is None for account in second.state.accounts.values())
    assert len(service.requests) == 4


async def test_each_account_is_read_once(tmp_path: Path) -> None:
    names = [f"user-{number}" for number in range(30)]
    for name in names[:20]:
        put(tmp_path / f"pool/{name}.json", login(name))
    async with Script([usage_of(5)]) as service:
        sources = folder_toml(tmp_path, service.url)
        await look(around(tmp_path, sources), NOW, None)
        for name in names[20:]:
            put(tmp_path / f"pool/{name}.json", login(name))
        second = await look(around(tmp_path, sources), NOW, None)
        third = await look(around(tmp_path, sources), timedelta(hours=1), None)
    assert figures(second) == figures(third) == dict.fromkeys(names, 5)
    assert len(service.requests) == 20 + 30
