"""codex-proxy in the states that recordings cannot show: wrong keys, throttling, outages."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import Credits, RateLimit, ResetCredits, Unsaid
from poolwatch.net.client import HttpClient
from poolwatch.sources.banked_resets import ResetPace
from poolwatch.sources.source import PoolReport
from poolwatch.words.messages import failure_text
from tests.sources.pools.making import (
    AT,
    KEY,
    PASSWORD,
    USAGE,
    account,
    entry,
    failure,
    lacks,
    proxy,
    snapshot,
    windows,
)
from tests.support.codex_proxy_server import CodexProxyServer, quota_of
from tests.support.replay_server import Request, Response, always, answer, never


@pytest.mark.parametrize(
    ("status", "disabled", "needs_login"),
    [
        ("active", False, False),
        ("expired", False, True),
        ("disabled", True, False),
        ("quota_exhausted", False, False),
        ("refreshing", False, False),
        ("banned", False, False),
        ("a status of tomorrow", False, False),
    ],
)
async def test_statuses(
    client: HttpClient, tmp_path: Path, status: str, disabled: bool, needs_login: bool
) -> None:
    async with CodexProxyServer(account(status=status)) as server:
        listed = await proxy(server, client, tmp_path).list_accounts(AT)
    assert isinstance(listed, tuple)
    assert (listed[0].disabled, listed[0].says_login_needed) == (disabled, needs_login)


async def test_texts_are_made_safe_and_hostile_ids_left_out(client: HttpClient, tmp_path: Path) -> None:
    rows = [
        account("..").row(),
        account("a/b", label="\u001b[2Jred\u202e").row(),
        {**account("c").row(), "id": 7},
        "no row",
    ]

    async def hostile(request: Request) -> Response:
        return answer(200, {"accounts": rows})

    async with CodexProxyServer() as server:
        server.fault = hostile
        source = proxy(server, client, tmp_path)
        listed = await source.list_accounts(AT)
        assert isinstance(listed, tuple)
        server.fault = None
        await source.fetch_usage(listed[0], AT)
        assert server.requests[-1].path == "/auth/accounts/a%2Fb/quota"
    assert [listing.ref.place for listing in listed] == ["a/b"]
    assert listed[0].label == "\\x1b[2Jred\\u202e"


@pytest.mark.parametrize(("allowed", "known", "reached"), [(True, None, True), (False, False, False)])
async def test_an_exhausted_account_is_so_whatever_the_kept_figures_say(
    client: HttpClient, tmp_path: Path, allowed: bool, known: bool | None, reached: bool
) -> None:
    usage = {**USAGE, "rate_limit": {**USAGE["rate_limit"], "allowed": allowed}}  # type: ignore[dict-item]  # a dict
    one = account(status="quota_exhausted", cached=quota_of(usage))
    async with CodexProxyServer(one, account("acc2", status="quota_exhausted")) as server:
        source = proxy(server, client, tmp_path)
        kept = snapshot(await source.fetch_usage(entry(source, "acc1"), AT))
        reading = await source.fetch_usage(entry(source, "acc2"), AT)
    assert isinstance(kept.base, RateLimit)
    assert (kept.base.allowed, kept.base.limit_reached) == (known, reached)
    assert windows(kept) == {"5h": 34.0, "weekly": 18.0}
    assert snapshot(reading).base == RateLimit(None, True, ())
    assert reading.at is None


async def test_a_banned_account(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account(status="banned", cached=quota_of(USAGE))) as server:
        source = proxy(server, client, tmp_path)
        why = failure(await source.fetch_usage(entry(source, "acc1"), AT))
    assert why.kind is FailureKind.DEACTIVATION_REPORTED


@pytest.mark.parametrize("status", ["expired", "refreshing"])
async def test_no_figures_of_an_account_that_was_never_read(
    client: HttpClient, tmp_path: Path, status: str
) -> None:
    async with CodexProxyServer(account(status=status)) as server:
        source = proxy(server, client, tmp_path)
        why = failure(await source.fetch_usage(entry(source, "acc1"), AT))
    assert why.kind is FailureKind.NO_TOKEN
    assert status in failure_text(why)


async def test_cached_figures_are_never_from_the_future(client: HttpClient, tmp_path: Path) -> None:
    one = account(status="expired", cached=quota_of(USAGE), cached_at="2027-01-01T00:00:00Z")
    async with CodexProxyServer(one) as server:
        source = proxy(server, client, tmp_path)
        reading = await source.fetch_usage(entry(source, "acc1"), AT)
    assert reading.at == AT


@pytest.mark.parametrize(
    ("detail", "kind", "said"),
    [
        ("Codex API error (429): slow", FailureKind.THROTTLED, "502, upstream 429"),
        ("Codex API error (403): {}", FailureKind.FORBIDDEN, "upstream 403"),
        ("Codex API error (403): <!DOCTYPE html>", FailureKind.EDGE_BLOCKED, "upstream 403"),
        ('Codex API error (403): {"code": "account_deactivated"}', FailureKind.DEACTIVATION_REPORTED, "403"),
        ("Codex API error (401): no", FailureKind.UPSTREAM_ERROR, "upstream 401"),
        ("fetch failed", FailureKind.UPSTREAM_ERROR, "(502)"),
        (None, FailureKind.UPSTREAM_ERROR, "(502)"),
    ],
)
async def test_upstreams_status_inside_the_pools_502(
    client: HttpClient, tmp_path: Path, detail: str | None, kind: FailureKind, said: str
) -> None:
    async with CodexProxyServer(account()) as server:
        server.fault = always(answer(502, {"error": "Failed to fetch quota", "detail": detail}))
        source = proxy(server, client, tmp_path)
        why = failure(await source.fetch_usage(entry(source, "acc1"), AT))
    assert why.kind is kind
    assert said in failure_text(why)


QUOTA = {"plan_type": "plus", "rate_limit": {"allowed": True, "used_percent": 34}}
HELD = {"has_credits": True, "unlimited": False, "overage_limit_reached": False, "balance": 394.7}


@pytest.mark.parametrize(
    ("raw", "digest", "expected"),
    [
        # upstream's word, whatever the pool made of it
        ({**USAGE, "credits": None}, None, None),
        ({"plan_type": "plus", "credits": None}, None, None),
        ({"credits": None}, HELD, None),
        ({**USAGE, "credits": "rubbish"}, HELD, Unsaid.MALFORMED),
        # not a word of upstream's about it
        ({"plan_type": "plus"}, None, Unsaid.ABSENT),
        ({"plan_type": "plus"}, HELD, Credits(True, False, False, Decimal("394.7"))),
        # no payload of upstream's
        (None, None, Unsaid.ABSENT),
        ({}, None, Unsaid.ABSENT),
        ({"detail": "who knows", "user_id": "user-1"}, None, Unsaid.ABSENT),
        ({"detail": "who knows"}, HELD, Credits(True, False, False, Decimal("394.7"))),
    ],
)
async def test_whose_word_on_credits_counts(
    client: HttpClient, tmp_path: Path, raw: object, digest: object, expected: object
) -> None:
    async with CodexProxyServer(account()) as server:
        body = {"quota": {**QUOTA, "credits": digest}, "raw": raw}
        server.fault = server.at_route("/quota", answer(200, body))
        source = proxy(server, client, tmp_path)
        found = snapshot(await source.fetch_usage(entry(source, "acc1"), AT))
    assert found.credits == expected
    assert isinstance(found.base, RateLimit)


async def test_another_users_figures(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account(user_id="user-2")) as server:
        source = proxy(server, client, tmp_path)
        await source.list_accounts(AT)
        why = failure(await source.fetch_usage(entry(source, "acc1"), AT))
    assert why.kind is FailureKind.OTHER_ACCOUNT


async def test_the_nearest_expiry_of_banked_resets(client: HttpClient, tmp_path: Path) -> None:
    usage = {**USAGE, "rate_limit_reset_credits": {"available_count": 2}}
    rows = [
        {"status": "available", "expires_at": "2026-12-20T10:00:00Z"},
        {"status": "available", "expires_at": "2026-12-01T10:00:00Z"},
        {"status": "redeemed", "expires_at": "2026-11-21T10:00:00Z"},
    ]
    async with CodexProxyServer(account(usage=usage, resets=rows)) as server:
        source = proxy(server, client, tmp_path)
        usage_read = snapshot(await source.fetch_usage(entry(source, "acc1"), AT))
        again = snapshot(await source.fetch_usage(entry(source, "acc1"), AT + timedelta(minutes=10)))
        assert server.count("GET /auth/accounts/acc1/reset-credits") == 1
    assert usage_read.reset_credits == ResetCredits(2, None)
    assert isinstance(usage_read.reset_list, tuple)
    assert [(row.status, row.expires_at) for row in usage_read.reset_list] == [
        ("available", datetime(2026, 12, 20, 10, tzinfo=UTC)),
        ("available", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("redeemed", datetime(2026, 11, 21, 10, tzinfo=UTC)),
    ]
    assert again.reset_list is Unsaid.ABSENT


async def test_an_instant_that_the_pool_could_not_read_is_no_never(
    client: HttpClient, tmp_path: Path
) -> None:
    usage = {**USAGE, "rate_limit_reset_credits": {"available_count": 2}}
    lost: dict[str, object] = {"status": "available", "expires_at": None}
    for rows, said in (([lost], None), ([lost, {**lost, "expires_at": 1796119200}], [False, True])):
        async with CodexProxyServer(account(usage=usage, resets=rows)) as server:
            source = proxy(server, client, tmp_path)
            found = snapshot(await source.fetch_usage(entry(source, "acc1"), AT)).reset_list
        assert ([row.expiry_known for row in found] if isinstance(found, tuple) else None) == said


@pytest.mark.parametrize("given", ["429", "502"])
async def test_a_pool_that_was_asked_too_often_keeps_its_figures(
    client: HttpClient, tmp_path: Path, given: str
) -> None:
    usage = {**USAGE, "rate_limit_reset_credits": {"available_count": 2}}
    told = {"error": "no", "detail": "Codex API error (429): slow"} if given == "502" else {"error": "slow"}
    pace = ResetPace()
    async with CodexProxyServer(account(usage=usage)) as server:

        async def refuse(request: Request) -> Response | None:
            if request.path.endswith("reset-credits"):
                return answer(int(given), told)
            return await server.respond(request)

        server.fault = refuse
        source = proxy(server, client, tmp_path, resets=pace)
        found = snapshot(await source.fetch_usage(entry(source, "acc1"), AT))
    assert (found.reset_credits, found.reset_list) == (ResetCredits(2, None), Unsaid.ABSENT)
    assert not pace.take("another", 1, AT + timedelta(minutes=59))
    assert pace.take("another", 1, AT + timedelta(minutes=60))


@pytest.mark.parametrize("outage", ["down", "slow", "503", "429", "401", "page"])
async def test_a_pool_that_is_down_is_no_trouble_of_its_accounts(
    client: HttpClient, tmp_path: Path, outage: str
) -> None:
    async with CodexProxyServer(account()) as server:
        source = proxy(server, client, tmp_path, seconds=0.3)
        assert isinstance(await source.list_accounts(AT), tuple)
        faults = {
            "slow": never,
            "503": always(answer(503, {})),
            "429": always(answer(429, {})),
            "401": always(answer(401, {})),
            "page": always(Response(200, b"<html>Sign in", {"Content-Type": "text/html"})),
        }
        if outage == "down":
            await server.stop()
        else:
            server.fault = faults[outage]
        poll = failure(await source.fetch_usage(entry(source, "acc1"), AT))
        why = failure(await source.list_accounts(AT))
        # and back
        server.fault = None
        if outage == "down":
            await server.start()
        snapshot(await source.fetch_usage(entry(source, "acc1"), AT))
    assert poll.kind is FailureKind.NO_TOKEN
    assert why.kind is not FailureKind.NO_TOKEN
    assert failure_text(poll) == failure_text(why)


async def test_one_slow_account_is_its_own_trouble(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account()) as server:
        usual = server.respond

        async def slow_quota(request: Request) -> Response | None:
            return await (never(request) if request.path.endswith("/quota") else usual(request))

        server.fault = slow_quota
        source = proxy(server, client, tmp_path, seconds=0.3)
        why = failure(await source.fetch_usage(entry(source, "acc1"), AT))
    assert why.kind is FailureKind.UNREACHABLE


async def test_lists_that_are_asked_for_together_are_one_request(client: HttpClient, tmp_path: Path) -> None:
    accounts = [account(f"acc{n}", status="expired", cached=quota_of(USAGE)) for n in range(8)]
    async with CodexProxyServer(*accounts) as server:
        source = proxy(server, client, tmp_path)
        lists = await asyncio.gather(*(source.list_accounts(AT) for _ in range(8)))
        assert all(isinstance(each, tuple) for each in lists)
        assert server.count("GET /auth/accounts") == 1


async def test_the_key_opens(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account(), key=KEY) as server:
        source = proxy(server, client, tmp_path, key=KEY)
        assert isinstance(await source.list_accounts(AT), tuple)


async def test_a_key_that_was_replaced_counts_at_once(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account(), key=KEY) as server:
        source = proxy(server, client, tmp_path, key="sk-old")
        before = await source.signature()
        why = failure(await source.list_accounts(AT))
        (tmp_path / "key.txt").write_text(KEY)
        assert await source.signature() != before
        assert isinstance(await source.list_accounts(AT), tuple)
    assert "~/key.txt" in failure_text(why)
    assert "sk-old" not in f"{why!r}"


async def test_a_missing_key_file_is_said_and_nothing_sent(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account(), key=KEY) as server:
        source = proxy(server, client, tmp_path, key=KEY)
        (tmp_path / "key.txt").unlink()
        why = failure(await source.list_accounts(AT))
        assert server.requests == []
    assert failure_text(why) == "the key file ~/key.txt is not there; nothing was sent"


async def test_the_dashboard_login_opens_and_is_renewed_once_it_ends(
    client: HttpClient, tmp_path: Path
) -> None:
    async with CodexProxyServer(account(), password=PASSWORD) as server:
        source = proxy(server, client, tmp_path, password=PASSWORD)
        assert isinstance(await source.list_accounts(AT), tuple)
        assert isinstance(await source.list_accounts(AT), tuple)
        assert server.count("POST /auth/dashboard-login") == 1
        server.sessions.clear()  # as after a restart of the pool
        assert isinstance(await source.list_accounts(AT), tuple)
        assert server.count("POST /auth/dashboard-login") == 2
        bodies = [json.loads(each.body) for each in server.requests if each.body]
        assert bodies == [{"password": PASSWORD}] * 2


async def test_a_wrong_password_is_tried_once_until_it_changes(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account(), password=PASSWORD) as server:
        source = proxy(server, client, tmp_path, password="guess")
        whys = [failure(await source.list_accounts(AT)) for _ in range(7)]
        assert server.count("POST /auth/dashboard-login") == 1
        (tmp_path / "password.txt").write_text(PASSWORD)
        assert isinstance(await source.list_accounts(AT), tuple)
    assert len(set(whys)) == 1
    assert "~/password.txt" in failure_text(whys[0])
    assert "Invalid password" in failure_text(whys[0])
    assert "guess" not in f"{whys[0]!r}"


async def test_a_throttled_login_waits(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account(), password=PASSWORD) as server:
        server.wrong_passwords = 5
        source = proxy(server, client, tmp_path, password=PASSWORD)
        for later in (0, 30, 59):
            why = failure(await source.list_accounts(AT + timedelta(seconds=later)))
            assert why.kind is FailureKind.THROTTLED
            assert why.retry_at == AT + timedelta(seconds=60)
        assert server.count("POST /auth/dashboard-login") == 1
        server.wrong_passwords = 0
        assert isinstance(await source.list_accounts(AT + timedelta(seconds=60)), tuple)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(40, Decimal(40)), (12.5, Decimal("12.5")), (0, Decimal(0)), (-1, None), ("x", None), (None, None)],
)
async def test_the_rate(client: HttpClient, tmp_path: Path, rate: object, expected: Decimal | None) -> None:
    async with CodexProxyServer() as server:
        server.rate = rate
        assert await proxy(server, client, tmp_path).rate(AT) == expected


async def test_no_rate_from_a_pool_that_is_down(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer() as server:
        source = proxy(server, client, tmp_path)
        await server.stop()
        assert await source.rate(AT) is None
        await server.start()


async def test_a_report(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer(account(), account("acc2", status="expired"), key=KEY) as server:
        source = proxy(server, client, tmp_path, key=KEY)
        assert await source.report(AT) == PoolReport("codex-proxy", "2.0.91", 2, 1)
        (tmp_path / "key.txt").chmod(0o644)
        open_key = await source.report(AT)
        health = {"ok": False, "reason": "quarantined", "message": "accounts.json is broken"}
        server.fault = always(answer(200, {"accounts": [], "persistence_health": health}))
        broken = await source.report(AT)
        server.fault = always(answer(401, {}))
        shut = await source.report(AT)
    assert isinstance(open_key, PoolReport)
    assert "chmod 600 ~/key.txt" in lacks(open_key)[0]
    assert isinstance(broken, PoolReport)
    assert "codex-proxy cannot store its accounts: accounts.json is broken" in lacks(broken)
    assert isinstance(shut, Failure)


@pytest.mark.parametrize("body", [{}, [], None, {"accounts": None}, {"error": "No such thing"}])
async def test_answers_that_are_no_list(client: HttpClient, tmp_path: Path, body: object) -> None:
    async with CodexProxyServer() as server:
        server.fault = always(answer(200, body))
        why = failure(await proxy(server, client, tmp_path).list_accounts(AT))
    told = isinstance(body, dict) and "error" in body
    assert why.kind is (FailureKind.UPSTREAM_ERROR if told else FailureKind.MALFORMED)


@pytest.mark.parametrize(
    "body", [{}, [], {"quota": None}, {"quota": {}}, {"raw": {"x": 1}}, {"error": "Nope"}]
)
async def test_answers_that_are_no_quota(client: HttpClient, tmp_path: Path, body: object) -> None:
    async with CodexProxyServer(account()) as server:
        server.fault = always(answer(200, body))
        source = proxy(server, client, tmp_path)
        why = failure(await source.fetch_usage(entry(source, "acc1"), AT))
    assert why.kind in (FailureKind.MALFORMED, FailureKind.UPSTREAM_ERROR)
