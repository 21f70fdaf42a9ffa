"""An answer that names its owner is held against the account that was asked for, whichever pool gave it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from poolwatch.domain.account import Listing, SourceRef
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.usage import ResetCredits, UsageSnapshot
from poolwatch.net.client import HttpClient
from poolwatch.sources.usage_endpoint import of_somebody_else
from poolwatch.words.messages import failure_text
from tests.sources.cli_proxy_api import rig
from tests.sources.pools.making import AT, USAGE, account, entry, failure, lb, proxy, snapshot, windows
from tests.support.cli_proxy_server import CliProxyServer, login
from tests.support.codex_lb_server import CodexLbServer, LbAccountState
from tests.support.codex_proxy_server import CodexProxyServer, quota_of
from tests.support.replay_server import answer

WORKSPACE = "00000000-0000-4000-8000-000000000001"
OTHER_WORKSPACE = "00000000-0000-4000-8000-000000000002"


def asked(user: str | None = None, workspace: str | None = None, email: str | None = None) -> Listing:
    return Listing(SourceRef("pool", "a"), user_id=user, account_id=workspace, email=email)


def told(user: str | None = None, workspace: str | None = None, email: str | None = None) -> UsageSnapshot:
    return UsageSnapshot(user_id=user, account_id=workspace, email=email)


@pytest.mark.parametrize(
    ("answered", "by", "whose"),
    [
        (told("user-1"), asked("user-1"), None),
        (told("user-1"), asked("user-2"), "another user"),
        (told("user-1", WORKSPACE), asked("user-1", OTHER_WORKSPACE), "another workspace"),
        (told("user-1", WORKSPACE), asked(None, OTHER_WORKSPACE), "another workspace"),
        (told("user-1", WORKSPACE), asked(None, WORKSPACE, "x@example.com"), None),
        # an e-mail may be another by now; an id that both know is the answer
        (told("user-1", WORKSPACE, "new@example.com"), asked("user-1", None, "old@example.com"), None),
        (
            told("user-1", None, "new@example.com"),
            asked(None, WORKSPACE, "old@example.com"),
            "another e-mail",
        ),
        (told("user-1", None, "A@Example.com"), asked(None, WORKSPACE, "a@example.com"), None),
        # ids that name nobody: the user's own, and those that pools make up
        (told("user-1", "user-1"), asked("user-1", WORKSPACE), None),
        (
            told("user-1", "user-1", "b@example.com"),
            asked(None, WORKSPACE, "a@example.com"),
            "another e-mail",
        ),
        (told(None, "user-1"), asked(None, WORKSPACE), None),
        (told(None, "u1"), asked("u1", WORKSPACE), None),
        (told("user-1", WORKSPACE), asked("user-1", "email_0123"), None),
        (told(), asked("user-1", WORKSPACE, "a@example.com"), None),
        (told("user-1", WORKSPACE, "a@example.com"), asked(), None),
    ],
)
def test_an_owner_is_held_against_who_was_asked_for(
    answered: UsageSnapshot, by: Listing, whose: str | None
) -> None:
    found = of_somebody_else(answered, by)
    if whose is None:
        assert found is None
    else:
        assert found is not None
        assert found.kind is FailureKind.OTHER_ACCOUNT
        assert whose in failure_text(found)


def test_what_the_asker_does_not_know_is_as_the_pool_lists_it() -> None:
    assert of_somebody_else(told("user-1"), asked(), asked("user-2")) is not None
    # what the asker knows counts before the list, where somebody else may have come by now
    assert of_somebody_else(told("user-2"), asked("user-1"), asked("user-2")) is not None


def usage(**owner: str) -> dict[str, Any]:
    return {**{name: said for name, said in USAGE.items() if name != "user_id"}, **owner}


@pytest.mark.parametrize(
    "owner",
    [
        {"user_id": "user-2"},
        {"user_id": "user-1", "account_id": OTHER_WORKSPACE},
        {"account_id": OTHER_WORKSPACE, "email": "pool01@example.com"},
        {"email": "other@example.com"},
    ],
)
@pytest.mark.parametrize("is_listed", [True, False])
async def test_figures_of_another_account_through_codex_proxy(
    client: HttpClient, tmp_path: Path, owner: dict[str, str], is_listed: bool
) -> None:
    async with CodexProxyServer(account(usage=usage(**owner))) as server:
        source = proxy(server, client, tmp_path)
        listed = await source.list_accounts(AT)
        assert isinstance(listed, tuple)
        wanted = entry(source, "acc1") if is_listed else listed[0]
        if not is_listed:
            server.accounts["acc1"].user_id = None
            await source.list_accounts(AT)
        why = failure(await source.fetch_usage(wanted, AT))
    assert why.kind is FailureKind.OTHER_ACCOUNT


async def test_one_users_two_workspaces_in_a_list_without_user_ids(
    client: HttpClient, tmp_path: Path
) -> None:
    swapped = usage(user_id="user-1", account_id=OTHER_WORKSPACE, email="pool01@example.com")
    right = usage(user_id="user-1", account_id=OTHER_WORKSPACE, email="pool01@example.com")
    one = account(usage=swapped, user_id=None)
    two = account("acc2", usage=right, user_id=None, account_id=OTHER_WORKSPACE)
    async with CodexProxyServer(one, two) as server:
        source = proxy(server, client, tmp_path)
        first, second = (await source.list_accounts(AT)) or ()  # type: ignore[misc]  # a list of two
        why = failure(await source.fetch_usage(first, AT))
        mine = snapshot(await source.fetch_usage(second, AT))
        assert server.count("GET /auth/accounts/acc1/reset-credits") == 0
    assert why.kind is FailureKind.OTHER_ACCOUNT
    assert "another workspace" in failure_text(why)
    assert windows(mine) == {"5h": 34.0, "weekly": 18.0}


async def test_an_owner_beside_the_pools_own_figures(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account()) as server:
        body = {"quota": quota_of(USAGE), "raw": {"user_id": "user-2"}}
        server.fault = server.at_route("/quota", answer(200, body))
        source = proxy(server, client, tmp_path)
        await source.list_accounts(AT)
        why = failure(await source.fetch_usage(entry(source, "acc1"), AT))
    assert why.kind is FailureKind.OTHER_ACCOUNT


async def test_swapped_answers_through_cli_proxy_api(client: HttpClient, tmp_path: Path) -> None:
    personal = {"user_id": "user-2", "account_id": "user-2", "email": "pool02@example.com"}
    workspace = {"user_id": "user-2", "account_id": OTHER_WORKSPACE}
    async with CliProxyServer([login(1), login(2)]) as pool:
        source = rig.source(client, pool.url, tmp_path)
        one, two = await rig.listed(source)
        for owner in (personal, workspace):
            body = json.dumps(usage(**owner)).encode()
            pool.serve_usage(1, body)
            pool.serve_usage(2, body)
            assert failure(await source.fetch_usage(one, AT)).kind is FailureKind.OTHER_ACCOUNT
            assert windows(snapshot(await source.fetch_usage(two, AT))) == {"5h": 34.0, "weekly": 18.0}
            # who knows nothing of the account has it as the pool lists it
            assert (await rig.failure(source)).kind is FailureKind.OTHER_ACCOUNT


async def test_banked_resets_of_another_account(client: HttpClient, tmp_path: Path) -> None:
    mine, other = (LbAccountState(f"acc-{name}", f"{name}@example.com", USAGE) for name in "ab")
    async with CodexLbServer(mine, other) as server:
        source = lb(server, client, tmp_path)
        for place, expected in ((mine.id, ResetCredits(3, None)), (other.id, None)):
            body = {"accountId": place, "rateLimitResetCredits": {"availableCount": 3}}
            server.fault = server.at_route("/usage-reset-credits", answer(200, body))
            found = snapshot(await source.fetch_usage(entry(source, mine.id), AT)).reset_credits
            assert (found if isinstance(found, ResetCredits) else None) == expected
