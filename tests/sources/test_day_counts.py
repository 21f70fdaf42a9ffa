"""What the service counted by days: one request with a token that may be sent, and only whole days."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.net.client import HttpClient
from poolwatch.sources.codex_home import CodexHomes
from poolwatch.sources.day_counts import day_counts_url, parse_day_counts
from poolwatch.sources.source import CountingSource, SourceSetup
from tests.net.script import Answer, Script, reply, silence
from tests.sources.logins import AT, FINGERPRINT, access_token, codex_login, put

TODAY = date(2026, 11, 20)


def body(*days: object, **metadata: object) -> bytes:
    """An answer as the service sends it."""
    return json.dumps(
        {
            "profile": {
                "username": "ann",
                "display_name": "Ann",
                "profile_picture_url": "https://example.com/a",
            },
            "stats": {"lifetime_tokens": 9_000_000_000, "daily_usage_buckets": list(days)},
            "metadata": metadata,
        }
    ).encode()


def day(start: object, tokens: object) -> dict[str, object]:
    return {"start_date": start, "tokens": tokens}


def read(raw: bytes) -> Mapping[date, int]:
    found = parse_day_counts(raw, TODAY)
    assert not isinstance(found, Failure), found
    return found


def test_days_that_are_over() -> None:
    days = (
        day("2026-11-18", 1_951_152_385),
        day("2026-11-19", 7),
        day("2026-11-20", 5),
        day("2026-11-21", 5),
    )
    assert read(body(*days)) == {date(2026, 11, 18): 1_951_152_385, date(2026, 11, 19): 7}
    # what was counted up to the 19th may not be all of it
    assert read(body(*days, stats_as_of="2026-11-19T03:00:00Z")) == {date(2026, 11, 18): 1_951_152_385}
    assert read(body(*days, stats_as_of="2026-12-31")) == read(body(*days))
    assert read(json.dumps({"daily_usage_buckets": days}).encode()) == read(body(*days))
    assert read(body()) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        day("yesterday", 5), day("2026-11-18x", 5), day(None, 5), day(20261118, 5), day("2026-11-18", None),
        day("2026-11-18", -1), day("2026-11-18", 1.5), day("2026-11-18", 10**15), day("2026-11-18", True),
        "nope", None, [],
    ],
)  # fmt: skip
def test_a_day_that_cannot_be_read_costs_that_day(wrong: object) -> None:
    assert read(body(wrong, day("2026-11-17", "12"))) == {date(2026, 11, 17): 12}


def test_two_figures_of_one_day_are_none() -> None:
    twice = (day("2026-11-18", 5), day("2026-11-18", 6), day("2026-11-18", 5), day("2026-11-17", 1))
    assert read(body(*twice, day("2026-11-17", 1))) == {date(2026, 11, 17): 1}


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{}", b"[]", b"<html>", b'{"stats": null}', b'{"stats": {"daily_usage_buckets": null}}',
        b'{"stats": {"daily_usage_buckets": {}}}', body(day("2026-11-18", 5), stats_error="unavailable"),
    ],
)  # fmt: skip
def test_an_answer_without_days_is_a_failure(raw: bytes) -> None:
    assert isinstance(parse_day_counts(raw, TODAY), Failure)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=12) | st.just("2026-11-18"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["stats", "metadata", "daily_usage_buckets", "start_date", "tokens"]), inner
            )
        ),
    )
)
def test_no_answer_raises(value: object) -> None:
    parse_day_counts(json.dumps(value).encode(), TODAY)


# -- asking


def homes(client: HttpClient, home: Path, url: str) -> CodexHomes:
    settings = SourceSettings(SourceKind.CODEX_HOME, "homes", Custody.CODEX, path="~/a", base_url=url)
    return CodexHomes(SourceSetup(settings, client, home, {}, 0.5, FINGERPRINT))


async def ask(source: CodexHomes, entry: Listing | None = None) -> Mapping[date, int] | Failure:
    listings = await source.list_accounts(AT)
    assert not isinstance(listings, Failure)
    return await source.fetch_day_counts(entry or listings[0], AT)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://chatgpt.com", "https://chatgpt.com/backend-api/wham/profiles/me"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/api/codex/profiles/me"),
    ],
)
def test_the_address(base: str, url: str) -> None:
    assert day_counts_url(base) == url


async def test_one_get_with_the_token_of_the_login(tmp_path: Path) -> None:
    put(tmp_path / "a/auth.json", codex_login())
    async with Script([reply(200, body(day("2026-11-18", 5)))]) as server:
        source = homes(HttpClient(), tmp_path, f"{server.url}/backend-api")
        assert isinstance(source, CountingSource)
        assert await ask(source) == {date(2026, 11, 18): 5}
        [head] = server.requests
    assert head.startswith("GET /backend-api/wham/profiles/me HTTP/1.1\r\n")
    assert "User-Agent: poolwatch/" in head
    assert f"Authorization: Bearer {access_token()}" in head
    assert "ChatGPT-Account-Id: acct-1" in head


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(401, b"{}"), FailureKind.UNAUTHORIZED),
        (reply(429, b"{}", Retry_After="9"), FailureKind.THROTTLED),
        (reply(404, b'{"detail":"Not Found"}'), FailureKind.UPSTREAM_ERROR),
        (reply(200, b"<html>", Content_Type="text/html"), FailureKind.NOT_THE_SERVICE),
        (reply(302, b"", Location="https://example.com/"), FailureKind.NOT_THE_SERVICE),
        (silence, FailureKind.UNREACHABLE),
    ],
)
async def test_another_answer_is_a_failure(tmp_path: Path, answer: Answer, kind: FailureKind) -> None:
    put(tmp_path / "a/auth.json", codex_login())
    async with Script([answer]) as server:
        found = await ask(homes(HttpClient(), tmp_path, f"{server.url}/backend-api"))
    assert isinstance(found, Failure)
    assert found.kind is kind


async def test_a_token_that_may_not_be_sent_is_not(tmp_path: Path) -> None:
    file = put(tmp_path / "a/auth.json", codex_login())
    async with Script([]) as server:
        source = homes(HttpClient(), tmp_path, f"{server.url}/backend-api")
        listings = await source.list_accounts(AT)
        assert not isinstance(listings, Failure)
        put(file, codex_login(access_token(expires=AT - timedelta(seconds=1))))
        assert isinstance(await ask(source), Failure)
        # the file holds somebody else's login by now
        put(file, codex_login(access_token("user-2", "acct-2")))
        assert isinstance(await ask(source, listings[0]), Failure)
        file.unlink()
        assert isinstance(await source.fetch_day_counts(listings[0], AT), Failure)
        assert server.requests == []
