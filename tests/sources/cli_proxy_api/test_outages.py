"""Calls without an answer are one account's trouble; a pool that does not even list is its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from poolwatch.domain.failure import FailureKind
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.net.client import HttpClient
from poolwatch.words.messages import failure_text
from tests.sources.cli_proxy_api.rig import body, failed, failure, listed, read, source
from tests.support.cli_proxy_server import CliProxyServer, Said


async def test_a_login_without_token(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    found = source(client, pool.url, tmp_path)
    pool.call_script.append(Said(400, b'{"error":"auth token not found"}'))
    told = await failure(found)
    assert (told.kind, failure_text(told)) == (
        FailureKind.UNAUTHORIZED,
        "CLIProxyAPI holds no token for this login",
    )
    assert (await listed(found))[0].says_login_needed


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (Said(400, b'{"error":"invalid url"}'), FailureKind.UPSTREAM_ERROR, "(400): invalid url"),
        (Said(404, b"404 page not found"), FailureKind.UPSTREAM_ERROR, "too old"),
        (
            Said(502, b'{"error":"request failed"}'),
            FailureKind.UNREACHABLE,
            "could not reach the usage service",
        ),
        (Said(200, b'{"status_code":"x"}'), FailureKind.MALFORMED, "cannot be read"),
    ],
)
async def test_calls_that_bring_no_answer(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path, said: Said, kind: FailureKind, words: str
) -> None:
    """These speak of one call: the account has the trouble, not the pool."""
    pool.call_script.append(said)
    found = source(client, pool.url, tmp_path)
    told = await failure(found)
    assert told.kind is kind
    assert words in failure_text(told)
    pool.serve_usage(1, body("01"))
    assert isinstance((await read(found)).outcome, UsageSnapshot)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def hang(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("step", "words"), [(hang_up, "closed the connection"), (hang, "did not answer within")]
)
async def test_a_call_without_an_answer_is_the_accounts(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path, step: type, words: str
) -> None:
    found = source(client, pool.url, tmp_path, deadline=0.3)
    await listed(found)
    pool.call_script.append(step)
    told = await failure(found)
    assert told.kind is FailureKind.UNREACHABLE
    assert words in failure_text(told)


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (
            Said(503, b'{"error":"starting"}'),
            FailureKind.UPSTREAM_ERROR,
            "CLIProxyAPI has a fault (503): starting",
        ),
        (Said(429, b"{}"), FailureKind.THROTTLED, "CLIProxyAPI was asked too often (429)"),
        (Said(200, b"<html>hello"), FailureKind.NOT_THE_SERVICE, "does not look like CLIProxyAPI"),
        (Said(200, b"hello"), FailureKind.MALFORMED, "does not look like CLIProxyAPI"),
        (Said(200, b'{"ok":true}'), FailureKind.MALFORMED, "no list of logins"),
        (Said(302, b"", {"Location": "http://127.0.0.1/x"}), FailureKind.NOT_THE_SERVICE, "redirects"),
    ],
)
async def test_a_pool_that_does_not_list(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path, said: Said, kind: FailureKind, words: str
) -> None:
    found = source(client, pool.url, tmp_path)
    pool.script.append(said)
    told = await failed(found)
    assert told.kind is kind
    assert words in failure_text(told)
    assert len(await listed(found)) == 2


async def test_a_hung_pool_is_no_trouble_of_each_account(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path
) -> None:
    found = source(client, pool.url, tmp_path, deadline=0.3)
    await listed(found)
    pool.script += [hang] * 10
    told = await asyncio.gather(*(failure(found, number) for number in (1, 2)))
    assert [each.kind for each in told] == [FailureKind.NO_TOKEN] * 2


async def test_an_outage_is_the_pools_trouble(
    client: HttpClient, pool: CliProxyServer, tmp_path: Path
) -> None:
    found = source(client, pool.url, tmp_path)
    pool.serve_usage(1, body("01"))
    assert isinstance((await read(found)).outcome, UsageSnapshot)
    await pool.stop()
    told = await failure(found)
    assert told.kind is FailureKind.NO_TOKEN
    assert (await failed(found)).kind is FailureKind.UNREACHABLE
    await pool.start()
    assert len(await listed(found)) == 2
    assert isinstance((await read(found)).outcome, UsageSnapshot)


async def test_a_hung_pool_is_over_in_time(client: HttpClient, pool: CliProxyServer, tmp_path: Path) -> None:
    pool.script.append(hang)
    told = await failed(source(client, pool.url, tmp_path, deadline=0.3))
    assert told.kind is FailureKind.UNREACHABLE
    assert "did not answer within 0.3 s" in failure_text(told)
