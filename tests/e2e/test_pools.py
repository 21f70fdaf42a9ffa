"""The running pools, from their URL to the figures that are printed, through the program as it is built."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from poolwatch.bootstrap.headless import refresh
from poolwatch.cli.sources import PoolFinding, examine_pools
from poolwatch.domain.account import AccountKey, Custody
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.refresh import TokenOutcome
from poolwatch.domain.status import Status
from poolwatch.presentation.card import card_view
from poolwatch.presentation.detail import detail_view
from poolwatch.presentation.refresh_line import progress_line
from poolwatch.presentation.status_json import status_json
from poolwatch.presentation.view import Prefs
from tests.e2e.pool_rig import around, everybody, looked, payload, proxy_accounts
from tests.support.codex_lb_server import CodexLbServer, LbAccountState
from tests.support.codex_proxy_server import CodexProxyServer, ProxyAccountState


async def test_codex_proxy_from_url_to_numbers_and_its_own_refresh(tmp_path: Path) -> None:
    alive, expired = proxy_accounts()
    async with CodexProxyServer(alive, expired) as server:
        sources = f'[[sources]]\nkind = "codex-proxy"\nurl = "{server.url}"\n'
        seen = await looked(tmp_path, sources)
        by_mail = {each.account.email: each for each in seen.overview.accounts}
        north = by_mail["pool02@example.com"]
        assert (north.label, north.account.custody, north.status.kind) == (
            "north",
            Custody.POOL,
            Status.ACTIVE,
        )
        assert [window.used_percent for window in north.account.usage.windows] == [61, 47]
        assert seen.overview.credits is not None
        assert str(seen.overview.credits.total) == "394.7967250000"
        assert by_mail["old@example.com"].status.kind is Status.NEEDS_LOGIN

        def only_north(each: PoolOverview) -> list[AccountKey]:
            return [
                key for key, judged in each.by_key.items() if judged.account.email == "pool02@example.com"
            ]

        place = around(tmp_path, sources)
        _, ended = await refresh(place, only_north, spare_fresh_tokens=False)
        (progress,) = ended.values()
        assert progress.token is not None
        assert progress.token.outcome is TokenOutcome.REFRESHED
        assert not progress.failed
        assert alive.refreshes == 1


async def test_a_refusal_stands_until_the_pools_own_list_takes_it_back(tmp_path: Path) -> None:
    north, _ = proxy_accounts()
    north.refresh, north.expires_at = "dead", "2099-11-27T00:00:00Z"
    async with CodexProxyServer(north) as server:
        server.status_of_dead = "refreshing"
        place = around(tmp_path, f'[[sources]]\nkind = "codex-proxy"\nurl = "{server.url}"\n')
        await looked(tmp_path, f'[[sources]]\nkind = "codex-proxy"\nurl = "{server.url}"\n')
        for spare_fresh_tokens in (False, False, True):
            seen, ended = await refresh(place, everybody, spare_fresh_tokens=spare_fresh_tokens)
            (only,) = seen.overview.accounts
            (progress,) = ended.values()
            prefs = Prefs(seen.overview.rules, zone=UTC)
            line = progress_line(progress, only.account, datetime.now(UTC), prefs)
            assert line.startswith("pool: refresh failed: the refresh token was already used elsewhere → ")
            assert progress.failed
            assert card_view(only, datetime.now(UTC), prefs).remedy.endswith(
                "another program has used the refresh token. Sign in again on the pool's own page."
            )
        assert (north.refreshes, north.status) == (1, "refreshing")
        north.status, north.refresh = "active", "skipped"
        seen, ended = await refresh(place, everybody, spare_fresh_tokens=False)
        (only,) = seen.overview.accounts
        (progress,) = ended.values()
        assert not progress.failed
        assert (only.account.dead_login, only.account.trouble) == (None, None)


async def test_nothing_is_refreshed_in_a_pool_when_only_watching(tmp_path: Path) -> None:
    alive, _ = proxy_accounts()
    async with CodexProxyServer(alive) as server:
        place = around(
            tmp_path, f'read_only = true\n[[sources]]\nkind = "codex-proxy"\nurl = "{server.url}"\n'
        )
        _, ended = await refresh(place, everybody, spare_fresh_tokens=False)
        (progress,) = ended.values()
        assert progress.token is not None
        assert progress.token.outcome is TokenOutcome.BLOCKED
        assert alive.refreshes == 0


async def test_codex_lb_percentages_are_turned_round(tmp_path: Path) -> None:
    key = tmp_path / "lb.key"
    key.write_text("sk-clb-test\n")
    key.chmod(0o600)
    account = LbAccountState("acc-01", "pool01@example.com", payload("01"))
    async with CodexLbServer(account, key="sk-clb-test") as server:
        lines = f'[[sources]]\nkind = "codex-lb"\nurl = "{server.url}"\napi_key_file = "{key}"\n'
        seen = await looked(tmp_path, lines)
        (only,) = seen.overview.accounts
        assert [window.used_percent for window in only.account.usage.windows] == [34, 18]


async def test_figures_that_a_pool_does_not_date_are_not_read_this_second(tmp_path: Path) -> None:
    account = LbAccountState("acc-01", "pool01@example.com", payload("01"))
    async with CodexLbServer(account) as server:
        place = around(tmp_path, f'[[sources]]\nkind = "codex-lb"\nurl = "{server.url}"\n')
        await looked(tmp_path, f'[[sources]]\nkind = "codex-lb"\nurl = "{server.url}"\n')
        seen, ended = await refresh(place, everybody, spare_fresh_tokens=False)
    (only,), now = seen.overview.accounts, datetime.now(UTC)
    assert [window.used_percent for window in only.account.usage.windows] == [34, 18]
    prefs = Prefs(seen.overview.rules, zone=UTC)
    (progress,) = ended.values()
    line = progress_line(progress, only.account, now, prefs)
    assert line.startswith("the pool renews by itself")
    assert line.endswith(" → cached quota, its age unknown")
    assert card_view(only, now, prefs).age == "—"
    assert detail_view(only, seen.state, now, prefs).read == "age unknown"
    told = json.loads(status_json(seen.overview, seen.state, now, mask=False))["accounts"][0]
    assert (told["read_at"], told["stale"]) == (None, True)


async def test_an_account_of_which_a_pool_has_no_figures_is_no_error_of_a_server(tmp_path: Path) -> None:
    account = LbAccountState("acc-01", "pool01@example.com")
    async with CodexLbServer(account) as server:
        seen = await looked(tmp_path, f'[[sources]]\nkind = "codex-lb"\nurl = "{server.url}"\n')
    (only,), now = seen.overview.accounts, datetime.now(UTC)
    assert only.account.trouble is not None
    assert only.account.trouble.kind is FailureKind.NO_FIGURES
    view = card_view(only, now, Prefs(seen.overview.rules, zone=UTC))
    assert "no usage figures" in view.status
    assert "error" not in f"{view.status} {view.remedy}"


async def test_pools_that_disagree_are_a_mark_and_no_figure_that_flips(tmp_path: Path) -> None:
    def pool_with(used: int) -> ProxyAccountState:
        told = payload("02")
        limit = {
            "allowed": True,
            "primary_window": {"used_percent": used, "limit_window_seconds": 604800, "reset_at": 4070908800},
        }
        usage = {**told, "rate_limit": limit}
        return ProxyAccountState("a1", "pool02@example.com", "acc-02", "user-ExampleFake02", usage=usage)

    async with CodexProxyServer(pool_with(61)) as north, CodexProxyServer(pool_with(20)) as south:
        sources = "".join(
            f'[[sources]]\nkind = "codex-proxy"\nname = "{name}"\nurl = "{server.url}"\n'
            for name, server in (("north", north), ("south", south))
        )
        shown = []
        for is_down in (False, True, True, False):
            await (north.stop() if is_down else north.start() if not north.is_up else asyncio.sleep(0))
            seen = await looked(tmp_path, sources)
            (only,) = seen.overview.accounts
            shown.append([window.used_percent for window in only.account.usage.windows])
    assert shown == [[61]] * 4
    now, prefs = datetime.now(UTC), Prefs(seen.overview.rules, zone=UTC)
    assert "pools disagree" in [note.text for note in card_view(only, now, prefs).notes]
    lines = detail_view(only, seen.state, now, prefs).lines
    rows = ["".join(span.text for span in line.spans) for line in lines]
    assert [row for row in rows if " says " in row] == [
        "north says weekly 61% (<1m ago)",
        "south says weekly 20% (<1m ago)",
    ]


async def test_a_pool_that_is_down_is_one_line_and_its_accounts_keep_their_numbers(tmp_path: Path) -> None:
    alive, expired = proxy_accounts()
    async with CodexProxyServer(alive, expired) as server:
        sources = f'[[sources]]\nkind = "codex-proxy"\nurl = "{server.url}"\n'
        await looked(tmp_path, sources)
    seen = await looked(tmp_path, sources)
    assert [source.failure is not None for source in seen.state.sources.values()] == [True]
    north = next(each for each in seen.overview.accounts if each.account.email == "pool02@example.com")
    assert [window.used_percent for window in north.account.usage.windows] == [61, 47]
    assert north.account.reading_trouble is None


async def test_doctor_speaks_of_each_pool(tmp_path: Path) -> None:
    alive, expired = proxy_accounts()
    async with CodexProxyServer(alive, expired) as server:
        sources = f'[[sources]]\nkind = "codex-proxy"\nurl = "{server.url}"\n'
        (found,) = await examine_pools(around(tmp_path, sources))
        assert found == PoolFinding(
            "codex-proxy", "codex-proxy 2.0.91 answers and lets poolwatch in: 2 accounts, 1 needs login"
        )
    (gone,) = await examine_pools(around(tmp_path, sources))
    assert gone.wrong
    assert gone.words.endswith("refused the connection")
    assert gone.remedy == "start the pool, or fix the source's url"
