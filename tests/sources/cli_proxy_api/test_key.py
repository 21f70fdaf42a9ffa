"""A wrong key is sent once: five refusals would ban this machine."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.net.client import HttpClient
from poolwatch.sources.pools.cli_proxy_api import CliProxyApi
from poolwatch.sources.pools.client import PoolClient
from poolwatch.sources.pools.keys import KeyStates, Refusals
from poolwatch.sources.pools.routes import CLI_PROXY_API, ForbiddenRouteError
from poolwatch.sources.source import SourceSetup, by_hand
from poolwatch.words.messages import failure_text
from tests.sources.cli_proxy_api.rig import AT, body, entry, failed, listed, ref, source
from tests.support import forbidden_routes
from tests.support.cli_proxy_server import KEY, CliProxyServer, Said, login

WRONG = "fake-wrong-key"


async def everything(pool: CliProxyApi) -> list[Failure]:
    """All that a session might ask at once, for which there is no answer."""
    listings = [pool.list_accounts(AT) for _ in range(4)]
    readings = [pool.fetch_usage(entry(number), AT) for number in (1, 2) * 4]
    found: list[Failure] = []
    for each in await asyncio.gather(*listings):
        assert isinstance(each, Failure)
        found.append(each)
    for reading in await asyncio.gather(*readings):
        assert isinstance(reading.outcome, Failure)
        found.append(reading.outcome)
    return found


async def test_a_wrong_key_is_sent_once(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    found = source(client, pool.url, tmp_path, key=WRONG)
    for _ in range(5):
        told = await everything(found)
        assert {each.kind for each in told} <= {FailureKind.FORBIDDEN, FailureKind.NO_TOKEN}
        assert all("refuses the management key in" in failure_text(each) for each in told)
        assert all("not sent again until it changes" in failure_text(each) for each in told)
        assert not any(WRONG in f"{each}{failure_text(each)}" for each in told)
    assert len(pool.requests) == 1
    assert not pool.is_banned


async def test_another_key_is_tried_at_once(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    found = source(client, pool.url, tmp_path, key=WRONG)
    before = await found.signature()
    await failed(found)
    (tmp_path / "pool.key").write_text(KEY)
    assert await found.signature() != before
    assert len(await listed(found)) == 2


async def test_the_same_key_is_tried_once_more_by_hand(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path
) -> None:
    """The way to say that the pool was put right instead; at most once a minute."""
    found = source(client, pool.url, tmp_path, key=WRONG)
    await failed(found)
    pool.key = WRONG
    os.utime(tmp_path / "pool.key", (1, 1))
    with by_hand():
        await failed(found)
        assert len(pool.requests) == 1
        assert not isinstance(await found.list_accounts(AT + timedelta(minutes=1)), Failure)
    assert len(await listed(found)) == 2


async def test_a_key_from_the_environment(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    assert len(await listed(source(client, pool.url, tmp_path, key=None, env_key=KEY))) == 2
    found = source(client, pool.url, tmp_path, key=None, env_key=WRONG)
    assert "in $CPA_KEY (401); not sent again until it changes" in failure_text(await failed(found))


async def test_a_key_that_stops_to_count(client: HttpClient, tmp_path: Path) -> None:
    """What is under way then is refused as well, which must stay below the five that ban."""
    async with CliProxyServer([login(number) for number in range(1, 31)]) as pool:
        pool.service["*"] = Said(body=body("01"))
        found = source(client, pool.url, tmp_path)
        await listed(found)
        pool.key = "another"
        told = await asyncio.gather(*(found.fetch_usage(entry(number), AT) for number in range(1, 31)))
        assert all(isinstance(each.outcome, Failure) for each in told)
        assert 1 <= pool.refusals <= 3
        await everything(found)
        assert pool.refusals <= 3
        assert not pool.is_banned


async def test_no_key_sends_nothing(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    told = await failed(source(client, pool.url, tmp_path, key=None))
    assert told.kind is FailureKind.FORBIDDEN
    assert "api_key_file" in failure_text(told)
    found = source(client, pool.url, tmp_path)
    (tmp_path / "pool.key").unlink()
    assert "is not there" in failure_text(await failed(found))
    assert pool.requests == []


async def test_a_ban_is_waited_for(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    found = source(client, pool.url, tmp_path)
    pool.is_banned = True
    told = await failed(found)
    assert (told.kind, told.retry_at) == (FailureKind.FORBIDDEN, AT + timedelta(minutes=29, seconds=30))
    assert "banned this machine" in failure_text(told)
    await everything(found)
    assert len(pool.requests) == 1
    pool.is_banned = False
    assert await found.list_accounts(AT + timedelta(minutes=29)) == told
    assert not isinstance(await found.list_accounts(AT + timedelta(minutes=30)), Failure)
    assert len(pool.requests) == 2


@pytest.mark.parametrize(
    ("words", "wait"),
    [
        (
            "ip banned due to too many failed attempts. try again in 1h2m3s",
            timedelta(hours=1, minutes=2, seconds=3),
        ),
        ("IP banned. Try again in 45s", timedelta(seconds=45)),
        ("IP banned. Try again in 4.5s", timedelta(seconds=4)),
        ("IP banned", timedelta(minutes=30)),
        ("IP banned. Try again in 999h", timedelta(hours=24)),
    ],
)
async def test_how_long_a_ban_lasts(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path, words: str, wait: timedelta
) -> None:
    pool.remote_words = words
    assert (await failed(source(client, pool.url, tmp_path))).retry_at == AT + wait


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("remote management disabled", "allow-remote"),
        ("remote management key not set", "secret-key"),
        ("something new", "CLIProxyAPI forbids this (403): something new"),
    ],
)
async def test_what_a_403_asks_for(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path, words: str, remedy: str
) -> None:
    pool.remote_words = words
    told = await failed(source(client, pool.url, tmp_path))
    assert told.kind is FailureKind.FORBIDDEN
    assert remedy in failure_text(told)
    assert told.retry_at is None


async def test_a_management_api_that_is_off(client: HttpClient, tmp_path: Path) -> None:
    async with CliProxyServer([login(1)]) as pool:
        found = source(client, pool.url, tmp_path)
        await listed(found)
        pool.key = None
        told = await failed(found)
        assert told.kind is FailureKind.FORBIDDEN
        assert "is off or not here (404)" in failure_text(told)
        reading = await found.fetch_usage(entry(1), AT)
        assert isinstance(reading.outcome, Failure)
        assert reading.outcome.kind is FailureKind.NO_TOKEN
        assert "is off" in failure_text(reading.outcome)


async def test_another_run_does_not_try_the_key_again(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path
) -> None:
    told = KeyStates()
    for day in range(8):
        later = source(client, pool.url, tmp_path, key=None, env_key=WRONG, key_states=told)
        assert isinstance(await later.list_accounts(AT + timedelta(days=day)), Failure)
    assert len(pool.requests) == 1
    assert len(await listed(source(client, pool.url, tmp_path, key_states=told))) == 2


@pytest.mark.parametrize(
    "forbidden", forbidden_routes.CLI_PROXY_API, ids=lambda each: f"{each.route.method}{each.route.path}"
)
async def test_forbidden_routes_cannot_be_asked_for(
    client: HttpClient, pool: CliProxyServer, forbidden: forbidden_routes.Forbidden
) -> None:
    assert forbidden.reason
    method, path = forbidden.route.method, forbidden.route.path
    assert not any(route.matches(method, path) for route in CLI_PROXY_API.routes)
    settings = SourceSettings(SourceKind.CLI_PROXY_API, "cpa", Custody.POOL, url=pool.url)
    setup = SourceSetup(settings, client, Path("/"), {}, 5)
    asks = PoolClient(setup, CLI_PROXY_API, Refusals(setup))
    with pytest.raises(ForbiddenRouteError):
        await (asks.get_json(path, AT) if method == "GET" else asks.post_json(f"{path}?x=1", None, AT))
    assert pool.requests == []


async def test_a_forbidden_route_fails_the_test_that_requests_it(client: HttpClient) -> None:
    pool = CliProxyServer()
    await pool.start()
    headers = {"Authorization": f"Bearer {KEY}"}
    await client.get(f"{pool.url}/v0/management/usage-queue?count=1", headers, deadline_seconds=5)
    with pytest.raises(AssertionError, match="usage-queue"):
        await pool.__aexit__(None, None, None)


async def test_a_whole_day_asks_for_two_routes_alone(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path
) -> None:
    """List, readings good and bad, refresh, outage: the server fails the test for anything else."""
    found = source(client, pool.url, tmp_path)
    for said in (Said(body=body("01")), Said(401, body("35")), Said(429), Said(503), Said(404)):
        pool.service["*"] = said
        await listed(found)
        for number in (1, 2):
            await found.fetch_usage(entry(number), AT)
            await found.token_step(ref(number), AT)
        await found.signature()
    assert {(each.method, each.path) for each in pool.requests} == {
        ("GET", "/v0/management/auth-files"),
        ("POST", "/v0/management/api-call"),
    }
    pool.service["*"] = Said(body=body("01"))
    assert isinstance((await found.fetch_usage(entry(1), AT)).outcome, UsageSnapshot)
