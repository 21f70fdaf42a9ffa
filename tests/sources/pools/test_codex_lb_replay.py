"""codex-lb's own recorded answers, served again: every status and shape there is."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import (
    Bucket,
    Credits,
    RateLimit,
    ResetCredits,
    Unsaid,
    UsageSnapshot,
    UsageWindow,
)
from poolwatch.net.client import HttpClient
from poolwatch.sources.json_body import read_json
from poolwatch.sources.pools.codex_lb_wire import no_figures, parse_accounts
from poolwatch.words.messages import failure_text
from tests.sources.pools.making import KEY, entry, failure, lb, snapshot, windows
from tests.support import forbidden_routes
from tests.support.replay_server import RECORDED, ReplayServer

THEN = datetime(2026, 11, 20, 21, 3, 17, tzinfo=UTC)
FLEET, ACCOUNTS = "GET /api/fleet/summary", "GET /api/accounts"
CODEX_LB_LOGIN = "POST /api/dashboard-auth/password/login"
A = "34eec0fc-f454-5c9d-a537-02e8038f4610_8798f94f"
BUSINESS = "28ec3a6d-2eee-5c38-909b-3ac5f9005380_8798f94f"
B = "e0132c5c-36ce-5b0a-a5a6-a1ec8ca7fa1c_c4b9b969"
C = "7b7675ee-dff1-5b5f-8661-d0426d0d902f_ef1c3c9c"
D = "9f4ba536-954c-5ae8-9789-3da992cc17b4_25996ba1"
E = "20c7dcac-ae65-5ab1-8098-3be30cb3783b_998f1b53"
G = "cfe1ff61-4e8b-5df6-a82f-0b5b14ed011b_1f79daa3"
BY_KEY = {FLEET: "codex-lb/key-api-fleet-summary"}
BY_LOGIN = {CODEX_LB_LOGIN: "codex-lb/login-ok", ACCOUNTS: "codex-lb/accounts-session"}


async def listings(server: ReplayServer, client: HttpClient, home: Path, **keys: str) -> dict[str, Listing]:
    listed = await lb(server, client, home, **keys).list_accounts(THEN)  # type: ignore[arg-type]  # key, password
    assert isinstance(listed, tuple), listed
    return {listing.ref.place: listing for listing in listed}


async def usages(
    server: ReplayServer, client: HttpClient, home: Path, **keys: str
) -> dict[str, UsageSnapshot]:
    source = lb(server, client, home, **keys)  # type: ignore[arg-type]  # key, password
    listed = await source.list_accounts(THEN)
    assert isinstance(listed, tuple)
    readings = {each.ref.place: await source.fetch_usage(each, THEN) for each in listed}
    return {
        place: reading.outcome
        for place, reading in readings.items()
        if isinstance(reading.outcome, UsageSnapshot)
    }


@pytest.mark.parametrize("way", ["key", "login"])
async def test_identities(client: HttpClient, tmp_path: Path, way: str) -> None:
    answers = BY_KEY if way == "key" else BY_LOGIN
    keys = {"key": KEY} if way == "key" else {"password": "correct horse"}
    async with ReplayServer(answers, forbidden_routes.CODEX_LB) as server:
        found = await listings(server, client, tmp_path, **keys)
    # nine rows, one of them a second import of the first
    assert len(found) == 8
    first = found[A]
    assert (first.user_id, first.account_id) == (None, "34eec0fc-f454-5c9d-a537-02e8038f4610")
    assert (first.email, first.label, first.plan) == ("a@pool.example", None, "plus")
    assert (first.custody, first.owner) == (Custody.POOL, "codex-lb")
    assert found[BUSINESS].account_id == "28ec3a6d-2eee-5c38-909b-3ac5f9005380"
    assert not any(each.disabled or each.says_login_needed for each in found.values())
    expires_at = datetime(2026, 11, 21, 7, 2, 53, tzinfo=UTC) if way == "login" else None
    assert first.token.expires_at == expires_at


async def test_percentages_are_what_remains(client: HttpClient, tmp_path: Path) -> None:
    async with ReplayServer(BY_KEY, forbidden_routes.CODEX_LB) as server:
        found = await usages(server, client, tmp_path, key=KEY)
    assert {place: windows(usage) for place, usage in found.items()} == {
        A: {"5h": 42.0, "weekly": 71.0},
        BUSINESS: {"5h": 3.0, "weekly": 4.0},
        B: {"5h": 7.0, "weekly": 93.0},
        C: {"5h": 100.0, "weekly": 88.0},
        D: {"weekly": 55.0},
        G: {"weekly": 100.0},
    }
    assert found[C].base == RateLimit(
        None,
        True,
        (
            UsageWindow(100.0, 18000, datetime(2026, 11, 20, 22, 15, 15, tzinfo=UTC)),
            UsageWindow(88.0, 604800, datetime(2026, 11, 23, 4, 36, 34, tzinfo=UTC)),
        ),
    )
    base = found[A].base
    assert isinstance(base, RateLimit)
    assert (base.allowed, base.limit_reached) == (None, None)
    # the fleet summary speaks of nothing else
    assert all(usage.credits is Unsaid.ABSENT for usage in found.values())
    assert all(usage.reset_credits is Unsaid.ABSENT for usage in found.values())


async def test_figures_are_as_old_as_the_pool_says(client: HttpClient, tmp_path: Path) -> None:
    async with ReplayServer(BY_KEY) as server:
        source = lb(server, client, tmp_path, key=KEY)
        reading = await source.fetch_usage(entry(source, B), THEN)
    assert reading.at == datetime(2026, 11, 20, 21, 2, 54, 149219, tzinfo=UTC)


async def test_an_account_without_figures_is_a_failure(client: HttpClient, tmp_path: Path) -> None:
    async with ReplayServer(BY_KEY) as server:
        source = lb(server, client, tmp_path, key=KEY)
        why = failure(await source.fetch_usage(entry(source, E), THEN))
    assert (why.kind, failure_text(why)) == (
        FailureKind.NO_FIGURES,
        "codex-lb has no figures of this account",
    )


async def test_the_dashboard_knows_credits(client: HttpClient, tmp_path: Path) -> None:
    banked = {f"GET /api/accounts/{A}/usage-reset-credits": "codex-lb/reset-credits-a"}
    async with ReplayServer({**BY_LOGIN, **banked}, forbidden_routes.CODEX_LB) as server:
        found = await usages(server, client, tmp_path, password="correct horse")
    assert found[B].credits == Credits(True, False, None, Decimal("1234.56"))
    assert found[BUSINESS].credits == Credits(True, False, None, Decimal("9.99"))
    assert found[A].credits == Credits(False, False, None, Decimal("0.0"))
    assert found[D].credits == Credits(False, False, None, None)
    assert found[C].credits is Unsaid.ABSENT
    spark = RateLimit(
        None,
        None,
        (
            UsageWindow(30.0, 18000, datetime.fromtimestamp(1795217574, UTC)),
            UsageWindow(15.0, 604800, datetime.fromtimestamp(1795608574, UTC)),
        ),
    )
    assert found[B].extras == (Bucket("codex_bengalfox", "GPT-5.3-Codex-Spark", spark),)
    assert found[A].reset_credits == ResetCredits(1, None)
    # the list's own 0 stands for "not read"
    assert found[B].reset_credits is Unsaid.ABSENT


async def test_both_ways_show_the_same_windows(client: HttpClient, tmp_path: Path) -> None:
    async with ReplayServer({**BY_LOGIN, **BY_KEY}) as server:
        by_key = await usages(server, client, tmp_path, key=KEY)
        source = lb(server, client, tmp_path, key=KEY, password="correct horse")
        reading = await source.fetch_usage(entry(source, B), THEN)
        by_login = await usages(server, client, tmp_path, password="correct horse")
    assert {place: usage.base for place, usage in by_key.items()} == {
        place: usage.base for place, usage in by_login.items()
    }
    # credits from the one, the age from the other
    assert snapshot(reading).credits == Credits(True, False, None, Decimal("1234.56"))
    assert reading.at == datetime(2026, 11, 20, 21, 2, 54, 149219, tzinfo=UTC)


async def test_reauth_required_and_its_figures(client: HttpClient, tmp_path: Path) -> None:
    answers = {ACCOUNTS: "codex-lb/refresh-accounts-code"}
    async with ReplayServer(answers) as server:
        found = await listings(server, client, tmp_path)
        source = lb(server, client, tmp_path)
        why = failure(await source.fetch_usage(entry(source, A), THEN))
        fine = snapshot(await source.fetch_usage(entry(source, D), THEN))
    assert [found[place].says_login_needed for place in (A, C, D)] == [True, True, False]
    assert why.kind is FailureKind.NO_TOKEN
    assert windows(fine) == {"weekly": 55.0}


async def test_a_paused_copy_does_not_hide_the_account(client: HttpClient, tmp_path: Path) -> None:
    async with ReplayServer({ACCOUNTS: "codex-lb/accounts-paused"}) as server:
        found = await listings(server, client, tmp_path)
    assert len(found) == 8
    assert not found[A].disabled


@pytest.mark.parametrize(
    "name",
    [
        "accounts",
        "accounts-empty",
        "expire-accounts-bare",
        "expire-accounts-code",
        "refresh-accounts-bare",
        "refresh-accounts-code",
    ],
)
async def test_every_recorded_list_reads(client: HttpClient, tmp_path: Path, name: str) -> None:
    async with ReplayServer({ACCOUNTS: f"codex-lb/{name}"}) as server:
        found = await listings(server, client, tmp_path)
    assert all(each.account_id and each.email for each in found.values())
    assert bool(found) == (name != "accounts-empty")


def test_the_documented_summary() -> None:
    body = read_json((RECORDED.parent / "payloads" / "41-codex-lb-fleet-summary.json").read_bytes())
    assert not isinstance(body, Failure)
    found = parse_accounts(body, "lb", by_dashboard=False)
    assert not isinstance(found, Failure)
    first, second = found.values()
    assert (first.listing.label, first.listing.email, first.listing.account_id) == (
        "north",
        "pool01@example.com",
        None,
    )
    assert windows(first.usage) == {"5h": 34.0, "weekly": 18.0}
    assert first.usage_at == datetime(2026, 11, 20, 20, 59, 30, tzinfo=UTC)
    assert (second.listing.label, second.status, second.hides_windows) == (None, "reauth_required", False)
    assert no_figures(second) is not None


@pytest.mark.parametrize(
    ("answers", "keys", "said"),
    [
        ({FLEET: "codex-lb/fleet-badkey"}, {"key": KEY}, "does not accept the API key in ~/key.txt (401)"),
        ({ACCOUNTS: "codex-lb/accounts-nosession"}, {}, "set api_key_file, dashboard_password_file, or both"),
        ({FLEET: "codex-lb/fleet-summary"}, {"key": KEY}, "does not accept the API key in ~/key.txt (401)"),
        ({ACCOUNTS: "codex-lb/host-remote-accounts"}, {}, "before its dashboard has a password (401)"),
        ({ACCOUNTS: "codex-lb/xff-remote-accounts"}, {}, "before its dashboard has a password (401)"),
        (
            {CODEX_LB_LOGIN: "codex-lb/login-bad"},
            {"password": "bad"},
            "does not accept the dashboard password in ~/password.txt",
        ),
    ],
)
async def test_closed_doors(
    client: HttpClient, tmp_path: Path, answers: dict[str, str], keys: dict[str, str], said: str
) -> None:
    async with ReplayServer(answers) as server:
        source = lb(server, client, tmp_path, **keys)  # type: ignore[arg-type]  # key, password
        why = failure(await source.list_accounts(THEN))
        poll = failure(await source.fetch_usage(entry(source, A), THEN))
    assert why.kind is FailureKind.FORBIDDEN
    assert said in failure_text(why)
    assert KEY not in f"{why!r}"
    assert poll.kind is FailureKind.NO_TOKEN


async def test_the_recorded_session_is_sent_back(client: HttpClient, tmp_path: Path) -> None:
    async with ReplayServer(BY_LOGIN) as server:
        await listings(server, client, tmp_path, password="correct horse")
        cookie = server.requests[-1].headers["cookie"]
    assert cookie.startswith('codex_lb_dashboard_session="gAAAAA')
    assert cookie.endswith('="')
