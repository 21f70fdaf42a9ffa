"""codex-proxy's own recorded answers, served again: every status and shape there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.account import Custody
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.refresh import TokenOutcome
from poolwatch.domain.usage import (
    Bucket,
    Credits,
    RateLimit,
    ResetCredits,
    UsageSnapshot,
    UsageWindow,
)
from poolwatch.net.client import HttpClient
from poolwatch.sources.json_body import read_json
from poolwatch.sources.pools.codex_proxy_wire import parse_accounts, parse_quota
from poolwatch.sources.source import PoolReport
from poolwatch.words.messages import failure_text
from tests.sources.pools.making import KEY, entry, failure, proxy, ref, snapshot, windows
from tests.support import forbidden_routes
from tests.support.replay_server import RECORDED, ReplayServer

#: when most of it was recorded, by the pool's own clock
THEN = datetime(2026, 11, 20, 21, 1, 31, tzinfo=UTC)
LIST = "GET /auth/accounts"
A, B, C, D = "5d92a572779c3496", "01e9e3c043af0adb", "c37b35590ae268b4", "e8320a564e36a247"
E, F, G = "fbb28eec64afe67c", "2ded9bb27c9c8fa4", "9a8b737734d8de78"
PAYLOADS = RECORDED.parent / "payloads"


def serve(**quotas: str) -> ReplayServer:
    answers = {LIST: "codex-proxy/accounts-after-reused"}
    answers |= {
        f"GET /auth/accounts/{globals()[key]}/quota": f"codex-proxy/{name}" for key, name in quotas.items()
    }
    return ReplayServer(answers, forbidden_routes.CODEX_PROXY)


async def test_the_list(client: HttpClient, tmp_path: Path) -> None:
    async with serve() as server:
        listed = await proxy(server, client, tmp_path).list_accounts(THEN)
    assert isinstance(listed, tuple)
    by_place = {listing.ref.place: listing for listing in listed}
    assert len(by_place) == 8
    first = by_place[A]
    assert (first.user_id, first.account_id) == ("user-aFAKE", "34eec0fc-f454-5c9d-a537-02e8038f4610")
    assert (first.email, first.label, first.plan) == ("a@pool.example", None, "plus")
    assert (first.custody, first.owner, first.path) == (Custody.POOL, "codex-proxy", None)
    assert first.token.expires_at == datetime(2026, 11, 21, 7, 1, 28, tzinfo=UTC)
    assert first.token.fingerprint is None
    assert by_place[C].label == "label-c"
    assert not any(listing.says_login_needed or listing.disabled for listing in listed)
    # the same e-mail in two workspaces
    assert len({listing.account_id for listing in listed if listing.email == "a@pool.example"}) == 2


@pytest.mark.parametrize(
    "name",
    [
        "accounts-empty",
        "accounts-after-import",
        "accounts",
        "accounts-quota-fresh",
        "refresh-accounts",
        "refresh-accounts-after",
    ],
)
async def test_every_recorded_list_reads(client: HttpClient, tmp_path: Path, name: str) -> None:
    async with ReplayServer({LIST: f"codex-proxy/{name}"}) as server:
        listed = await proxy(server, client, tmp_path).list_accounts(THEN)
    assert isinstance(listed, tuple)
    assert all(listing.user_id and listing.account_id and listing.email for listing in listed)
    assert bool(listed) == (name != "accounts-empty")


async def test_the_documented_list(client: HttpClient, tmp_path: Path) -> None:
    body = read_json((PAYLOADS / "40-codex-proxy-auth-accounts.json").read_bytes())
    assert not isinstance(body, Failure)
    found = parse_accounts(body, "proxy")
    assert not isinstance(found, Failure)
    first, second = found.values()
    assert (first.listing.label, first.listing.plan, first.status) == ("north", "pro", "active")
    assert first.quota is not None
    assert windows(first.quota) == {"5h": 61.0, "weekly": 47.0}
    assert first.quota.credits == Credits(True, False, False, Decimal("394.796725"))
    assert first.quota.reset_credits == ResetCredits(2, None)
    assert first.quota_at == datetime(2026, 11, 20, 20, 55, tzinfo=UTC)
    assert (second.status, second.listing.email, second.listing.user_id) == ("expired", None, None)
    assert second.quota is None


async def test_a_quota_in_full(client: HttpClient, tmp_path: Path) -> None:
    async with serve(B="quota-b") as server:
        source = proxy(server, client, tmp_path)
        await source.list_accounts(THEN)
        reading = await source.fetch_usage(entry(source, B), THEN)
    usage = snapshot(reading)
    assert usage.plan == "pro"
    assert windows(usage) == {"5h": 7.0, "weekly": 93.0}
    assert isinstance(usage.base, RateLimit)
    assert (usage.base.allowed, usage.base.limit_reached) == (True, False)
    assert usage.base.windows[0].resets_at == datetime.fromtimestamp(1795223489, UTC)
    assert usage.credits == Credits(True, False, None, Decimal("1234.56"))
    assert usage.reset_credits == ResetCredits(0, None)
    assert isinstance(usage.review, RateLimit)
    assert [window.used_percent for window in usage.review.windows] == [12.0]
    assert isinstance(usage.extras, tuple)
    assert [(each.id, each.name) for each in usage.extras] == [("codex_bengalfox", "GPT-5.3-Codex-Spark")]
    assert (reading.at, reading.token_fingerprint, reading.clock_offset) == (None, None, None)
    assert reading.raw is not None
    assert "codex_bengalfox" in reading.raw


async def test_a_banked_reset_with_its_list(client: HttpClient, tmp_path: Path) -> None:
    async with serve(A="quota-a") as server:
        server.answers[f"GET /auth/accounts/{A}/reset-credits"] = "codex-proxy/reset-credits-a"
        source = proxy(server, client, tmp_path)
        usage = snapshot(await source.fetch_usage(entry(source, A), THEN))
        assert server.count(f"GET /auth/accounts/{A}/reset-credits") == 1
    assert usage.reset_credits == ResetCredits(1, None, None)


@pytest.mark.parametrize(
    ("key", "name", "expected"),
    [
        ("D", "quota-d", {"weekly": 55.0}),
        ("F", "quota-f", {"5h": 49.5, "weekly": 99.6}),
        ("G", "quota-g", {"5h": 64.0, "weekly": 104.0}),
        ("C", "quota-c", {"5h": 100.0, "weekly": 88.0}),
    ],
)
async def test_windows_go_by_their_length(
    client: HttpClient, tmp_path: Path, key: str, name: str, expected: dict[str, float]
) -> None:
    async with serve(**{key: name}) as server:
        source = proxy(server, client, tmp_path)
        usage = snapshot(await source.fetch_usage(entry(source, globals()[key]), THEN))
    assert windows(usage) == expected


async def test_the_pools_null_credits_are_not_said_and_upstreams_own_words_count(
    client: HttpClient, tmp_path: Path
) -> None:
    async with serve(C="quota-c", F="quota-f", D="quota-d") as server:
        source = proxy(server, client, tmp_path)
        nothing = snapshot(await source.fetch_usage(entry(source, C), THEN))
        lost_by_the_pool = snapshot(await source.fetch_usage(entry(source, F), THEN))
        flags_alone = snapshot(await source.fetch_usage(entry(source, D), THEN))
    assert nothing.credits is None
    assert lost_by_the_pool.credits == Credits(True, False, None, Decimal("12.5"))
    assert flags_alone.credits == Credits(False, False, None, None)


async def test_an_account_without_rate_limit_is_a_failure_of_the_pools_own(
    client: HttpClient, tmp_path: Path
) -> None:
    async with serve(E="quota-e") as server:
        source = proxy(server, client, tmp_path)
        why = failure(await source.fetch_usage(entry(source, E), THEN))
    assert why.kind is FailureKind.NO_FIGURES
    assert "cannot read this account's figures (502)" in failure_text(why)
    assert "user-eFAKE" not in failure_text(why)


async def test_a_quota_that_is_refused_comes_from_the_list_with_its_own_age(
    client: HttpClient, tmp_path: Path
) -> None:
    async with serve(C="quota-c-after-reused") as server:
        source = proxy(server, client, tmp_path)
        reading = await source.fetch_usage(entry(source, C), THEN)
        assert server.count(LIST) == 1
    usage = snapshot(reading)
    assert reading.at == datetime(2026, 11, 20, 21, 1, 29, 46000, tzinfo=UTC)
    assert usage == UsageSnapshot(
        plan="team",
        base=RateLimit(
            False,
            True,
            (
                UsageWindow(100.0, 18000, datetime.fromtimestamp(1795212810, UTC)),
                UsageWindow(88.0, 604800, datetime.fromtimestamp(1795408489, UTC), False),
            ),
        ),
    )
    assert reading.raw is not None
    assert "1795212810" in reading.raw


async def test_the_age_is_by_our_clock(client: HttpClient, tmp_path: Path) -> None:
    ours = THEN - timedelta(hours=3)
    async with serve(C="quota-c-after-reused") as server:
        source = proxy(server, client, tmp_path)
        reading = await source.fetch_usage(entry(source, C), ours)
    assert reading.at is not None
    assert timedelta(seconds=1) < ours - reading.at < timedelta(seconds=4)


async def test_cached_figures_know_the_other_buckets(client: HttpClient, tmp_path: Path) -> None:
    async with serve(B="quota-b-disabled") as server:
        source = proxy(server, client, tmp_path)
        usage = snapshot(await source.fetch_usage(entry(source, B), THEN))
    assert usage.credits == Credits(True, False, False, Decimal("1234.56"))
    review = RateLimit(True, False, (UsageWindow(12.0, 604800, datetime.fromtimestamp(1795708489, UTC)),))
    assert usage.review == review
    spark = RateLimit(
        True,
        False,
        (
            UsageWindow(30.0, 18000, datetime.fromtimestamp(1795217489, UTC)),
            UsageWindow(15.0, 604800, datetime.fromtimestamp(1795608489, UTC), False),
        ),
    )
    assert usage.extras == (Bucket("codex_bengalfox", "GPT-5.3-Codex-Spark", spark),)


@pytest.mark.parametrize("name", ["quota-a-business", "quota-a", "quota-b", "quota-f", "quota-g"])
def test_upstreams_payload_and_the_pools_quota_agree_on_what_both_say(name: str) -> None:
    body = read_json((RECORDED / "codex-proxy" / f"{name}.json").read_bytes())
    assert isinstance(body, dict)
    inner = body["json"]
    assert isinstance(inner, dict)
    both = parse_quota(inner, THEN)
    alone = parse_quota({"quota": inner["quota"]}, THEN)
    assert isinstance(both, UsageSnapshot)
    assert isinstance(alone, UsageSnapshot)
    assert windows(both) == windows(alone)
    assert both.plan == alone.plan
    if isinstance(alone.credits, Credits) and isinstance(both.credits, Credits):
        assert both.credits.balance == alone.credits.balance


async def test_refreshes(client: HttpClient, tmp_path: Path) -> None:
    answers = {
        f"POST /auth/accounts/{D}/refresh": "codex-proxy/refresh-d-1",
        f"POST /auth/accounts/{C}/refresh": "codex-proxy/refresh-c-reused",
        "POST /auth/accounts/zzz/refresh": "codex-proxy/refresh-unknown",
        f"POST /auth/accounts/{A}/refresh": "codex-proxy/refresh-concurrent-0",
        f"POST /auth/accounts/{B}/refresh": "codex-proxy/refresh-concurrent-1",
    }
    async with ReplayServer(answers, forbidden_routes.CODEX_PROXY) as server:
        source = proxy(server, client, tmp_path)
        alive = await source.token_step(ref(source, D), THEN)
        dead = await source.token_step(ref(source, C), THEN)
        gone = await source.token_step(ref(source, "zzz"), THEN)
        loser = await source.token_step(ref(source, A), THEN)
        winner = await source.token_step(ref(source, B), THEN)
    assert alive.outcome is TokenOutcome.REFRESHED
    assert alive.took_seconds is not None
    assert (loser.failure, winner.outcome) == (dead.failure, TokenOutcome.REFRESHED)
    assert dead.outcome is TokenOutcome.REJECTED_FOR_GOOD
    assert dead.failure is not None
    assert failure_text(dead.failure) == "the refresh token was already used elsewhere"
    assert gone.outcome is TokenOutcome.FAILED
    assert gone.failure is not None
    assert "does not know this account" in failure_text(gone.failure)


async def test_an_account_that_is_not_there(client: HttpClient, tmp_path: Path) -> None:
    async with ReplayServer({"GET /auth/accounts/zzz/quota": "codex-proxy/quota-unknown"}) as server:
        source = proxy(server, client, tmp_path)
        why = failure(await source.fetch_usage(entry(source, "zzz"), THEN))
    assert why.kind is FailureKind.NO_TOKEN


@pytest.mark.parametrize(
    ("name", "key", "said"),
    [
        ("remote-accounts-nokey", None, "set api_key_file"),
        ("remote-accounts-badkey", KEY, "does not accept the key in ~/key.txt (401)"),
    ],
)
async def test_closed_doors(
    client: HttpClient, tmp_path: Path, name: str, key: str | None, said: str
) -> None:
    async with ReplayServer({LIST: f"codex-proxy/{name}"}) as server:
        source = proxy(server, client, tmp_path, key=key)
        why = failure(await source.list_accounts(THEN))
        poll = failure(await source.fetch_usage(entry(source, A), THEN))
    assert why.kind is FailureKind.FORBIDDEN
    assert said in failure_text(why)
    assert KEY not in f"{why!r}"
    assert poll.kind is FailureKind.NO_TOKEN  # no trouble of the account: the source has it


async def test_the_recorded_login_opens(client: HttpClient, tmp_path: Path) -> None:
    answers = {
        "POST /auth/dashboard-login": "codex-proxy/remote-login-ok",
        LIST: "codex-proxy/remote-accounts-key",
    }
    async with ReplayServer(answers) as server:
        listed = await proxy(server, client, tmp_path, password="pwd").list_accounts(THEN)
        cookies = [request.headers.get("cookie") for request in server.requests]
    assert isinstance(listed, tuple)
    assert cookies == [None, "_codex_session=9dd642ab-b20e-4d85-a645-30011156bbe6"]


async def test_the_recorded_refusal_of_a_password(client: HttpClient, tmp_path: Path) -> None:
    async with ReplayServer({"POST /auth/dashboard-login": "codex-proxy/remote-login-bad"}) as server:
        source = proxy(server, client, tmp_path, password="bad")
        why = failure(await source.list_accounts(THEN))
        await source.list_accounts(THEN)
        assert len(server.requests) == 1
    assert failure_text(why) == (
        "codex-proxy does not accept the dashboard password in ~/password.txt (401): Invalid password; "
        "not sent again until it changes; r tries once"
    )


async def test_rate_and_version(client: HttpClient, tmp_path: Path) -> None:
    answers = {
        LIST: "codex-proxy/accounts",
        "GET /admin/general-settings": "codex-proxy/admin-general-settings",
        "GET /admin/update-status": "codex-proxy/admin-update-status",
    }
    async with ReplayServer(answers) as server:
        source = proxy(server, client, tmp_path)
        assert await source.rate(THEN) == Decimal(25)
        report = await source.report(THEN)
    assert report == PoolReport("codex-proxy", "2.0.91-beta.faf2e9b", 8, 0)
