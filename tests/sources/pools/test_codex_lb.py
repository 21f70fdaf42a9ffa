"""codex-lb in the states that recordings cannot show: fleet refreshes, hidden limits, throttling, outages."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.refresh import BlockReason, TokenOutcome
from poolwatch.domain.usage import RateLimit, ResetCredits, Unsaid
from poolwatch.domain.values import UNDATED, replace
from poolwatch.net.client import HttpClient
from poolwatch.sources.pools.codex_lb import REFRESH_SPACING
from poolwatch.sources.pools.codex_lb_wire import parse_accounts
from poolwatch.sources.source import PoolReport, by_hand
from poolwatch.words.messages import failure_text
from tests.sources.pools.making import (
    AT,
    KEY,
    PASSWORD,
    entry,
    failure,
    lacks,
    lb,
    listed,
    ref,
    snapshot,
    windows,
    words,
)
from tests.support.codex_lb_server import CodexLbServer, LbAccountState
from tests.support.replay_server import Response, always, answer, never

REFRESH = "POST /api/fleet/refresh"


def usage(primary: float, secondary: float) -> dict[str, object]:
    return {
        "rate_limit": {
            "primary_window": {
                "used_percent": primary,
                "limit_window_seconds": 18000,
                "reset_at": 1795215660,
            },
            "secondary_window": {
                "used_percent": secondary,
                "limit_window_seconds": 604800,
                "reset_at": 1795618800,
            },
        },
        "credits": {"has_credits": True, "unlimited": False, "balance": "12.5"},
    }


def account(number: int = 1, **changes: object) -> LbAccountState:
    uuid = f"00000000-0000-4000-8000-{number:012d}"
    plain = LbAccountState(uuid, f"pool{number:02d}@example.com", usage(34, 18), plan="plus")
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields of the account


@pytest.mark.parametrize(
    ("status", "disabled", "needs_login"),
    [
        ("active", False, False),
        ("rate_limited", False, False),
        ("quota_exceeded", False, False),
        ("paused", True, False),
        ("reauth_required", False, True),
        ("deactivated", False, False),
        ("a status of tomorrow", False, False),
    ],
)
async def test_statuses(
    client: HttpClient, tmp_path: Path, status: str, disabled: bool, needs_login: bool
) -> None:
    async with CodexLbServer(account(status=status), key=KEY) as server:
        for keys in ({"key": KEY}, {}):
            found = await lb(server, client, tmp_path, **keys).list_accounts(AT)  # type: ignore[arg-type]  # key
            assert isinstance(found, tuple)
            assert (found[0].disabled, found[0].says_login_needed) == (disabled, needs_login)


async def test_deactivated_with_the_reason(client: HttpClient, tmp_path: Path) -> None:
    one = account(status="deactivated", reason="account \u001b[1mclosed")
    async with CodexLbServer(one) as server:
        source = lb(server, client, tmp_path)
        why = failure(await source.fetch_usage(entry(source, one.id), AT))
    assert why.kind is FailureKind.DEACTIVATION_REPORTED
    assert failure_text(why) == "codex-lb reports the account as deactivated: account \\x1b[1mclosed"


@pytest.mark.parametrize("status", ["rate_limited", "quota_exceeded"])
async def test_a_limited_account_without_windows_is_limited(
    client: HttpClient, tmp_path: Path, status: str
) -> None:
    one = account(status=status, upstream=None)
    async with CodexLbServer(one) as server:
        source = lb(server, client, tmp_path)
        found = snapshot(await source.fetch_usage(entry(source, one.id), AT))
    assert found.base == RateLimit(None, True, ())


async def test_labels_and_tokens(client: HttpClient, tmp_path: Path) -> None:
    async with CodexLbServer(account(name="north"), account(2)) as server:
        found = await lb(server, client, tmp_path).list_accounts(AT)
    assert isinstance(found, tuple)
    assert [each.label for each in found] == ["north", None]
    assert found[0].token.expires_at == datetime(2026, 11, 25, tzinfo=UTC)


UNTOLD = [
    {},
    {"usageRefreshedAt": None},
    {"usageRefreshedAt": "2026-11-20T20:30:00"},
    {"usageRefreshedAt": "soon"},
]


@pytest.mark.parametrize("told", UNTOLD)
async def test_figures_that_the_pool_does_not_date_are_undated(
    client: HttpClient, tmp_path: Path, told: dict[str, object]
) -> None:
    one = account()
    async with CodexLbServer(one, key=KEY) as server:
        row = {name: said for name, said in one.fleet_row().items() if name != "usageRefreshedAt"}
        server.fault = always(answer(200, {"accounts": [{**row, **told}]}))
        source = lb(server, client, tmp_path, key=KEY)
        reading = await source.fetch_usage(entry(source, one.id), AT)
    assert windows(snapshot(reading)) == {"5h": 34.0, "weekly": 18.0}
    assert reading.at == UNDATED


async def test_the_dashboards_list_dates_nothing(client: HttpClient, tmp_path: Path) -> None:
    one = account()
    async with CodexLbServer(one) as server:
        source = lb(server, client, tmp_path)
        reading = await source.fetch_usage(entry(source, one.id), AT)
        report = await source.report(AT)
    assert reading.at == UNDATED
    assert isinstance(report, PoolReport)
    assert "how old figures are is unknown" in lacks(report)[0]


async def test_a_refresh_makes_the_pool_read_anew(client: HttpClient, tmp_path: Path) -> None:
    one = account()
    async with CodexLbServer(one, key=KEY) as server:
        source = lb(server, client, tmp_path, key=KEY)
        before = await source.fetch_usage(entry(source, one.id), AT)
        one.upstream = usage(1, 2)
        step = await source.token_step(ref(source, one.id), AT)
        after = await source.fetch_usage(entry(source, one.id), AT)
        assert server.count(REFRESH) == 1
    assert (step.outcome, step.block, step.said) == (TokenOutcome.CURRENT, BlockReason.POOL_SKIPPED, None)
    assert windows(snapshot(before)) == {"5h": 34.0, "weekly": 18.0}
    assert windows(snapshot(after)) == {"5h": 1.0, "weekly": 2.0}
    assert (before.at, after.at) == (
        datetime(2026, 11, 20, 20, 30, tzinfo=UTC),
        datetime(2026, 11, 20, 20, 59, tzinfo=UTC),
    )


async def test_a_plain_poll_never_makes_the_pool_read(client: HttpClient, tmp_path: Path) -> None:
    one = account()
    async with CodexLbServer(one, key=KEY) as server:
        source = lb(server, client, tmp_path, key=KEY)
        await source.list_accounts(AT)
        for later in range(0, 600, 60):
            await source.fetch_usage(entry(source, one.id), AT + timedelta(seconds=later))
        assert server.count(REFRESH) == 0


async def test_fleet_refreshes_are_joined_and_spaced(client: HttpClient, tmp_path: Path) -> None:
    many = [account(number) for number in range(1, 6)]
    async with CodexLbServer(*many, key=KEY) as server:
        server.gate.clear()
        source = lb(server, client, tmp_path, key=KEY)
        running = [asyncio.create_task(source.token_step(ref(source, each.id), AT)) for each in many]
        await server.arrived(1)
        server.gate.set()
        await asyncio.gather(*running)
        assert server.count(REFRESH) == 1
        soon = await source.token_step(ref(source, many[0].id), AT + REFRESH_SPACING - timedelta(seconds=1))
        assert server.count(REFRESH) == 1
        await source.token_step(ref(source, many[0].id), AT + REFRESH_SPACING)
        assert server.count(REFRESH) == 2
        # a clock that was set back does not block for ever
        await source.token_step(ref(source, many[0].id), AT - timedelta(days=1))
        assert server.count(REFRESH) == 3
    assert words(soon.said) == "the pool read all usage less than a minute ago"


async def test_a_fleet_refresh_that_reached_nobody_is_told_to_all_and_asked_anew_by_hand(
    client: HttpClient, tmp_path: Path
) -> None:
    one, two = account(1), account(2)
    async with CodexLbServer(one, two, key=KEY) as server:
        source = lb(server, client, tmp_path, key=KEY)
        await server.stop()
        first = await source.token_step(ref(source, one.id), AT)
        second = await source.token_step(ref(source, two.id), AT + timedelta(seconds=1))
        assert "refused the connection" in words(first.said)
        assert second == first
        await server.start()
        # nobody asked for it: not before the spacing
        assert await source.token_step(ref(source, one.id), AT + timedelta(seconds=2)) == first
        assert server.count(REFRESH) == 0
        with by_hand():
            again = await source.token_step(ref(source, one.id), AT + timedelta(seconds=3))
        assert server.count(REFRESH) == 1
    assert again.outcome is TokenOutcome.CURRENT


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (answer(429, {"error": {"message": "Slow"}}), "asked too often (429)"),
        (answer(503, {"error": {"message": "Busy"}}), "(503): Busy"),
        (answer(200, {"ok": False}), "did not succeed"),
        (answer(200, []), "makes no sense"),
    ],
)
async def test_a_failed_fleet_refresh_is_said_and_is_no_trouble_of_a_login(
    client: HttpClient, tmp_path: Path, response: Response, said: str
) -> None:
    one = account()
    async with CodexLbServer(one, key=KEY) as server:
        server.fault = server.at_route(REFRESH, response)
        source = lb(server, client, tmp_path, key=KEY)
        step = await source.token_step(ref(source, one.id), AT)
        await server.stop()
        down = await lb(server, client, tmp_path, key=KEY).token_step(ref(source, one.id), AT)
    assert (step.outcome, step.failure) == (TokenOutcome.CURRENT, None)
    assert said in words(step.said)
    assert (down.outcome, down.block, down.failure) == (TokenOutcome.BLOCKED, BlockReason.POOL_SKIPPED, None)
    assert words(down.said).endswith("refused the connection")


async def test_a_key_that_the_fleet_refresh_refuses_is_not_sent_for_the_list(
    client: HttpClient, tmp_path: Path
) -> None:
    one = account()
    async with CodexLbServer(one, key=KEY) as server:
        server.fault = server.at_route(REFRESH, answer(401, {"error": {"code": "invalid_api_key"}}))
        source = lb(server, client, tmp_path, key=KEY)
        step = await source.token_step(ref(source, one.id), AT)
        assert len(server.requests) == 1
    assert (step.outcome, step.block) == (TokenOutcome.BLOCKED, BlockReason.POOL_SKIPPED)
    assert "does not accept the API key" in words(step.said)


async def test_without_a_key_nothing_is_refreshed(client: HttpClient, tmp_path: Path) -> None:
    one = account()
    async with CodexLbServer(one, password=PASSWORD) as server:
        source = lb(server, client, tmp_path, password=PASSWORD)
        step = await source.token_step(ref(source, one.id), AT)
        assert server.requests == []
    assert step.outcome is TokenOutcome.CURRENT
    assert "no API key" in words(step.said)


async def test_one_list_answers_for_all_accounts(client: HttpClient, tmp_path: Path) -> None:
    many = [account(number) for number in range(1, 9)]
    async with CodexLbServer(*many, key=KEY) as server:
        source = lb(server, client, tmp_path, key=KEY)
        await asyncio.gather(*(source.fetch_usage(entry(source, each.id), AT) for each in many))
        assert server.count("GET /api/fleet/summary") == 1
        many[0].upstream = usage(77, 78)
        many[0].take("2026-11-20T20:58:00Z")
        later = await source.fetch_usage(entry(source, many[0].id), AT + timedelta(seconds=10))
        assert server.count("GET /api/fleet/summary") == 2
    assert windows(snapshot(later)) == {"5h": 77.0, "weekly": 78.0}


async def test_limits_that_the_key_may_not_see(client: HttpClient, tmp_path: Path) -> None:
    one = account(hidden=True)
    async with CodexLbServer(one, key=KEY) as server:
        source = lb(server, client, tmp_path, key=KEY)
        why = failure(await source.fetch_usage(entry(source, one.id), AT))
        report = await source.report(AT)
    assert why.kind is FailureKind.FORBIDDEN
    assert "upstream_limits and account_pool_usage" in failure_text(why)
    assert isinstance(report, PoolReport)
    assert failure_text(why) in lacks(report)


async def test_a_shut_dashboard_leaves_the_key(client: HttpClient, tmp_path: Path) -> None:
    one = account()
    async with CodexLbServer(one, key=KEY, password=PASSWORD) as server:
        source = lb(server, client, tmp_path, key=KEY, password="wrong")
        found = snapshot(await source.fetch_usage(entry(source, one.id), AT))
        report = await source.report(AT)
        (tmp_path / "password.txt").write_text(PASSWORD)
        whole = snapshot(await source.fetch_usage(entry(source, one.id), AT + timedelta(minutes=1)))
        healed = await source.report(AT)
        assert server.count("POST /api/dashboard-auth/password/login") == 2
    assert windows(found) == windows(whole) == {"5h": 34.0, "weekly": 18.0}
    assert found.credits is Unsaid.ABSENT
    assert whole.credits is not Unsaid.ABSENT
    assert isinstance(report, PoolReport)
    assert (
        "credits and banked resets are unknown: codex-lb does not accept the dashboard password"
        in lacks(report)[0]
    )
    assert healed == PoolReport("codex-lb", "1.24.0", 1, 0)


async def test_a_report_by_each_way(client: HttpClient, tmp_path: Path) -> None:
    async with CodexLbServer(account(), account(2, status="reauth_required"), key=KEY) as server:
        by_key = await lb(server, client, tmp_path, key=KEY).report(AT)
        by_none = await lb(server, client, tmp_path).report(AT)
        await server.stop()
        down = await lb(server, client, tmp_path).report(AT)
        await server.start()
    assert isinstance(by_key, PoolReport)
    assert (by_key.version, by_key.accounts, by_key.need_login) == ("1.24.0", 2, 1)
    assert lacks(by_key) == ["credits and banked resets are unknown: set dashboard_password_file"]
    assert isinstance(by_none, PoolReport)
    assert [line.split(":")[0] for line in lacks(by_none)] == ["how old figures are is unknown, after r too"]
    assert isinstance(down, Failure)


async def test_a_session_that_ended_is_renewed(client: HttpClient, tmp_path: Path) -> None:
    async with CodexLbServer(account(), password=PASSWORD) as server:
        source = lb(server, client, tmp_path, password=PASSWORD)
        assert isinstance(await source.list_accounts(AT), tuple)
        server.sessions.clear()
        assert isinstance(await source.list_accounts(AT), tuple)
        assert server.count("POST /api/dashboard-auth/password/login") == 2


async def test_a_one_time_code_is_asked_for(client: HttpClient, tmp_path: Path) -> None:
    async with CodexLbServer(account(), password=PASSWORD) as server:
        server.wants_code = True
        why = failure(await lb(server, client, tmp_path, password=PASSWORD).list_accounts(AT))
    assert "one-time code" in failure_text(why)
    assert "api_key_file" in failure_text(why)


@pytest.mark.parametrize("outage", ["down", "slow", "503", "429", "401", "403"])
async def test_a_pool_that_is_down_is_no_trouble_of_its_accounts(
    client: HttpClient, tmp_path: Path, outage: str
) -> None:
    one = account()
    async with CodexLbServer(one, key=KEY) as server:
        source = lb(server, client, tmp_path, key=KEY, seconds=0.3)
        assert isinstance(await source.list_accounts(AT), tuple)
        later = AT + timedelta(minutes=5)
        if outage == "down":
            await server.stop()
        else:
            server.fault = never if outage == "slow" else always(answer(int(outage), {}))
        poll = failure(await source.fetch_usage(entry(source, one.id), later))
        why = failure(await source.list_accounts(later))
        server.fault = None
        if outage == "down":
            await server.start()
        # a key that was refused is tried by hand alone
        with by_hand():
            snapshot(await source.fetch_usage(entry(source, one.id), later + timedelta(minutes=1)))
    assert (poll.kind, failure_text(poll)) == (FailureKind.NO_TOKEN, failure_text(why))


async def test_banked_resets(client: HttpClient, tmp_path: Path) -> None:
    one = account(banked=3)
    async with CodexLbServer(one) as server:
        source = lb(server, client, tmp_path)
        found = snapshot(await source.fetch_usage(entry(source, one.id), AT))
    assert found.reset_credits == ResetCredits(3, None)


async def test_the_name_of_the_workspace(client: HttpClient, tmp_path: Path) -> None:
    for label, found in (("acme \u202ex", "acme \\u202ex"), (None, None), ("  ", None), (7, None)):
        async with CodexLbServer() as server:
            server.fault = always(answer(200, {"accounts": [{**account().row(), "workspaceLabel": label}]}))
            entries = await lb(server, client, tmp_path).list_accounts(AT)
        assert isinstance(entries, tuple)
        assert entries[0].workspace == found


def test_banked_resets_of_the_list_with_their_nearest_expiry() -> None:
    row = {
        **account().row(),
        "availableResetCredits": 2,
        "resetCreditNearestExpiresAt": "2026-12-01T10:00:00Z",
    }
    found = parse_accounts(listed(row), "lb", by_dashboard=True)
    assert not isinstance(found, Failure)
    assert found[account().id].usage.reset_credits == ResetCredits(
        2, None, datetime(2026, 12, 1, 10, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("place", "email", "found"),
    [
        ("{uuid}_{mark}", "pool01@example.com", True),
        ("{uuid}_{mark}__copy12", "pool01@example.com", True),
        ("{uuid}_{mark}", "other@example.com", False),
        ("{uuid}_{mark}", None, False),
        ("{uuid}", "pool01@example.com", False),
        ("acc_example_1", "pool01@example.com", False),
    ],
)
def test_the_account_id_inside_the_pools_own(place: str, email: str | None, found: bool) -> None:
    one = account()
    mark = one.id.rpartition("_")[2]
    row = {"accountId": place.format(uuid=one.account_id, mark=mark), "email": email, "status": "active"}
    parsed = parse_accounts(listed(row), "lb", by_dashboard=False)
    assert not isinstance(parsed, Failure)
    [only] = parsed.values()
    assert only.listing.account_id == (one.account_id if found else None)


def test_of_two_imports_the_usable_one_stands() -> None:
    worse = account(status="reauth_required")
    better = account(status="quota_exceeded", mark="__copy2")
    elsewhere = account(2, mark="__copy2")
    for rows in ([worse, better, elsewhere], [elsewhere, better, worse]):
        parsed = parse_accounts(listed(*(row.fleet_row() for row in rows)), "lb", by_dashboard=False)
        assert not isinstance(parsed, Failure)
        assert set(parsed) == {better.id, elsewhere.id}


def test_remaining_becomes_used_without_noise() -> None:
    row = {"accountId": "x", "status": "active", "primary": {"remainingPercent": 58.1, "windowMinutes": 300}}
    noise = parse_accounts(listed(row), "lb", by_dashboard=False)
    assert not isinstance(noise, Failure)
    assert windows(noise["x"].usage) == {"5h": 41.9}


@pytest.mark.parametrize("body", [{}, [], None, {"accounts": 3}, {"error": {"message": "No"}}])
async def test_answers_that_are_no_list(client: HttpClient, tmp_path: Path, body: object) -> None:
    async with CodexLbServer(key=KEY) as server:
        server.fault = always(answer(200, body))
        for keys in ({"key": KEY}, {}):
            why = failure(await lb(server, client, tmp_path, **keys).list_accounts(AT))  # type: ignore[arg-type]  # key
            assert why.kind in (FailureKind.MALFORMED, FailureKind.UPSTREAM_ERROR)
