"""What OpenAI reports by days: the request as it has to be, what answers mean, and no unknown is a 0."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.workspace_usage import DaysReported, ReportedDay
from poolwatch.net.client import HttpClient
from poolwatch.sources.codex_home import CodexHomes
from poolwatch.sources.source import ReportingSource, SourceSetup
from poolwatch.sources.workspace_usage import parse_workspace_usage, workspace_usage_url
from poolwatch.words.messages import failure_text
from tests.net.script import Answer, Script, reply, silence
from tests.sources.logins import AT, FINGERPRINT, access_token, codex_login, put

RECORDED = (Path(__file__).parents[1] / "payloads" / "32-daily-workspace-usage-counts.json").read_bytes()
TODAY = date(2026, 11, 20)


def read(raw: bytes | object, today: date = TODAY) -> DaysReported:
    body = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    found = parse_workspace_usage(body, today)
    assert isinstance(found, DaysReported), found
    return found


def one(totals: object, **more: object) -> ReportedDay:
    """The only day of an answer."""
    [day] = read({"data": [{"date": "2026-11-19", "totals": totals, **more}]}).days
    return day


def test_the_recorded_answer_has_a_settled_day_and_one_that_is_not() -> None:
    found = read(RECORDED)
    settled, today = found.days
    assert (settled.day, settled.is_settled, settled.credits) == (
        date(2026, 11, 19),
        True,
        Decimal("18.7421"),
    )
    assert (settled.input, settled.cached, settled.output) == (910_233, 5_120_334, 80_123)
    assert (settled.tokens, settled.threads, settled.turns) == (6_110_690, 6, 41)
    assert [(each.client, each.credits) for each in settled.clients] == [
        ("CODEX_CLI", Decimal("17.5")),
        ("CODEX_UNKNOWN_DEFAULT", Decimal("1.2421")),
    ]
    assert (today.is_settled, today.tokens, today.output, today.credits) == (
        False,
        None,
        None,
        Decimal("2.1"),
    )
    assert found.fresh_at == datetime(2026, 11, 20, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("totals", "credits"),
    [
        ({"credits": 0, "text_total_tokens": 5}, None),
        ({"text_total_tokens": 5}, None),
        ({"credits": 0, "text_total_tokens": 0}, Decimal(0)),
        ({"text_total_tokens": 0}, None),
        # what is not settled may come to anything
        ({"credits": 0, "turns": 0}, None),
        ({"credits": 2.5}, Decimal("2.5")),
        ({"credits": "2.50", "text_total_tokens": 5}, Decimal("2.50")),
        ({"credits": -1, "text_total_tokens": 5}, None),
        ({"credits": "lots", "text_total_tokens": 5}, None),
        ({"credits": True, "text_total_tokens": 5}, None),
        ({"credits": None, "text_total_tokens": 5}, None),
        ({"credits": 1e300, "text_total_tokens": 5}, None),
    ],
)
def test_credits_that_cannot_be_meant_are_unknown(totals: object, credits: Decimal | None) -> None:
    assert one(totals).credits == credits


@pytest.mark.parametrize("tokens", [None, "many", -1, 1.5, True, 10**15, []])
def test_without_a_count_of_tokens_a_day_is_not_settled(tokens: object) -> None:
    day = one({"credits": 3, "text_total_tokens": tokens})
    assert (day.is_settled, day.credits) == (False, Decimal(3))


def test_clients_of_which_nothing_is_said_have_no_credits() -> None:
    told = one(
        {"credits": 3, "text_total_tokens": 9},
        clients=[
            {"client_id": "CODEX_CLI", "credits": 0, "turns": 4},
            {"client_id": "CODEX_SDK_TS", "credits": 0, "turns": 0},
            {"client_id": "CODEX_IDE_VSCODE", "credits": 0},
            {"client_id": "\x1b[31mred", "credits": 1},
            {"credits": 5},
            "nobody",
        ],
    )
    assert [each.credits for each in told.clients] == [None, Decimal(0), None, Decimal(1)]
    assert "\x1b" not in told.clients[3].client


def test_models_have_no_part_of_the_credits() -> None:
    models = [{"model": "gpt-example", "credits": 0, "turns": 41}, {"model": "gpt-example", "credits": 7}]
    assert one({"credits": 3, "text_total_tokens": 9}, models=models) == one(
        {"credits": 3, "text_total_tokens": 9}
    )


def test_days_to_come_are_dropped_and_each_day_is_there_once() -> None:
    def row(day: str, **totals: object) -> dict[str, object]:
        return {"date": day, "totals": totals}

    found = read(
        {
            "data": [
                row("2026-11-21", credits=9, text_total_tokens=9),
                row("2026-11-20", credits=1),
                row("2026-11-19", credits=1),
                row("2026-11-19", credits=2, text_total_tokens=5),
                row("2026-11-18T00:00:00Z", credits=4, text_total_tokens=5),
                row("2026-11-18", credits=5, text_total_tokens=5),
                row("18.11.2026", credits=5),
                {"date": "2026-11-17"},
            ]
        }
    )
    assert [(day.day.day, day.credits, day.tokens) for day in found.days] == [
        (18, None, None),  # two figures for one day: neither is known to be right
        (19, Decimal(2), 5),
        (20, Decimal(1), None),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"null", b"<html>", b"{}", b'{"data": null}', b'{"data": {}}', b'{"data": [',
        b'{"data": [], "group_by": "week"}', b'{"detail": "Not Found"}',
    ],
)  # fmt: skip
def test_an_answer_that_is_no_report_is_a_failure(raw: bytes) -> None:
    assert isinstance(parse_workspace_usage(raw, TODAY), Failure)


def _mutations(value: object, wrong: object) -> Iterator[object]:
    """The value with one place of it in turn replaced by something wrong, or left out."""
    yield wrong
    if isinstance(value, dict):
        for key in value:
            left = deepcopy(value)
            del left[key]
            yield left
            for each in _mutations(value[key], wrong):
                yield {**value, key: each}
    elif isinstance(value, list):
        for at, entry in enumerate(value):
            for each in _mutations(entry, wrong):
                yield [*value[:at], each, *value[at + 1 :]]


@pytest.mark.parametrize("wrong", [None, 0, -1, 1.5, "", "x", True, [], {}, [[]], 10**40, "NaN"])
def test_no_mutation_of_the_recorded_answer_raises_or_makes_0_of_what_is_unknown(wrong: object) -> None:
    for mutated in _mutations(json.loads(RECORDED), wrong):
        found = parse_workspace_usage(json.dumps(mutated).encode(), TODAY)
        if isinstance(found, Failure):
            assert found.kind is FailureKind.MALFORMED
            continue
        for day in found.days:
            assert day.credits != 0 or day.tokens == 0
            for client in day.clients:
                assert client.credits != 0 or client.turns == 0


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "data",
                        "date",
                        "totals",
                        "clients",
                        "credits",
                        "client_id",
                        "text_total_tokens",
                        "turns",
                    ]
                ),
                inner | st.just("2026-11-18"),
            )
        ),
    )
)
def test_no_answer_raises(value: object) -> None:
    parse_workspace_usage(json.dumps(value).encode(), TODAY)


# -- asking


def homes(client: HttpClient, home: Path, url: str) -> CodexHomes:
    settings = SourceSettings(SourceKind.CODEX_HOME, "homes", Custody.CODEX, path="~/a", base_url=url)
    return CodexHomes(SourceSetup(settings, client, home, {}, 0.5, FINGERPRINT))


async def ask(source: CodexHomes, since: date | None = None) -> DaysReported | Failure:
    listings = await source.list_accounts(AT)
    assert not isinstance(listings, Failure)
    return await source.fetch_workspace_usage(listings[0], AT, timedelta(0), since)


def asked(head: str) -> tuple[str, dict[str, list[str]]]:
    """The path and the query of a request."""
    parts = urlsplit(head.split(" ", 2)[1])
    return parts.path, parse_qs(parts.query)


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("https://chatgpt.com", "/backend-api/wham/analytics/daily-workspace-usage-counts"),
        ("https://chatgpt.com/backend-api/", "/backend-api/wham/analytics/daily-workspace-usage-counts"),
        ("http://127.0.0.1:8080", "/api/codex/analytics/daily-workspace-usage-counts"),
    ],
)
def test_the_address(base: str, path: str) -> None:
    assert urlsplit(workspace_usage_url(base, TODAY, TODAY)).path == path


async def test_one_get_of_thirty_days_of_the_login_s_own_use(tmp_path: Path) -> None:
    put(tmp_path / "a/auth.json", codex_login())
    async with Script([reply(200, RECORDED)]) as server:
        source = homes(HttpClient(), tmp_path, f"{server.url}/backend-api")
        assert isinstance(source, ReportingSource)
        found = await ask(source)
        [head] = server.requests
    assert isinstance(found, DaysReported)
    assert len(found.days) == 2
    today = AT.date()
    path, query = asked(head)
    assert path == "/backend-api/wham/analytics/daily-workspace-usage-counts"
    assert query == {
        "start_date": [(today - timedelta(days=29)).isoformat()],
        "end_date": [(today + timedelta(days=1)).isoformat()],
        "group_by": ["day"],
        "workspace_user": ["true"],
    }
    assert head.startswith("GET ")
    assert "User-Agent: poolwatch/" in head
    assert f"Authorization: Bearer {access_token()}" in head
    assert "ChatGPT-Account-Id: acct-1" in head


async def test_where_a_month_brings_nothing_a_week_is_asked_for_once(tmp_path: Path) -> None:
    put(tmp_path / "a/auth.json", codex_login())
    nothing = reply(200, b'{"data": []}')
    async with Script([nothing, reply(200, RECORDED)]) as server:
        found = await ask(homes(HttpClient(), tmp_path, f"{server.url}/backend-api"))
        since = [asked(head)[1]["start_date"][0] for head in server.requests]
    assert isinstance(found, DaysReported)
    assert found.days
    assert since == [(AT.date() - timedelta(days=back)).isoformat() for back in (29, 6)]
    async with Script([nothing, nothing]) as server:
        # twice nothing is an answer as well
        assert await ask(homes(HttpClient(), tmp_path, f"{server.url}/backend-api")) == DaysReported()
        assert len(server.requests) == 2
    async with Script([nothing]) as server:
        source = homes(HttpClient(), tmp_path, f"{server.url}/backend-api")
        assert await ask(source, AT.date() - timedelta(days=3)) == DaysReported()
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (reply(401, b"{}"), FailureKind.UNAUTHORIZED, "the access token is not accepted (401)"),
        (
            reply(403, b'{"detail":"Forbidden"}'),
            FailureKind.FORBIDDEN,
            "OpenAI does not show this account its daily usage (403)",
        ),
        (
            reply(404, b'{"detail":"Not Found"}'),
            FailureKind.NO_FIGURES,
            "OpenAI has no daily usage for this account (404)",
        ),
        (reply(404, b""), FailureKind.NO_FIGURES, "OpenAI has no daily usage for this account (404)"),
        (reply(429, b"{}", Retry_After="9"), FailureKind.THROTTLED, "asked too often (429)"),
        (reply(403, b"<html>", Content_Type="text/html"), FailureKind.EDGE_BLOCKED, ""),
        (reply(500, b"{}"), FailureKind.UPSTREAM_ERROR, "the service has a fault (500)"),
        (reply(200, b"<html>", Content_Type="text/html"), FailureKind.NOT_THE_SERVICE, ""),
        (reply(302, b"", Location="https://example.com/"), FailureKind.NOT_THE_SERVICE, ""),
        (silence, FailureKind.UNREACHABLE, ""),
    ],
)
async def test_another_answer_is_a_failure_said_plainly(
    tmp_path: Path, answer: Answer, kind: FailureKind, told: str
) -> None:
    put(tmp_path / "a/auth.json", codex_login())
    async with Script([answer]) as server:
        found = await ask(homes(HttpClient(), tmp_path, f"{server.url}/backend-api"))
        assert len(server.requests) == 1
    assert isinstance(found, Failure)
    assert found.kind is kind
    assert told in failure_text(found)


async def test_a_token_that_may_not_be_sent_is_not(tmp_path: Path) -> None:
    put(tmp_path / "a/auth.json", codex_login(access_token(expires=AT - timedelta(seconds=1))))
    async with Script([]) as server:
        found = await ask(homes(HttpClient(), tmp_path, f"{server.url}/backend-api"))
        assert server.requests == []
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.NO_TOKEN
