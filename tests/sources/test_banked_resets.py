from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.custody.login_file import Login
from poolwatch.domain.account import Custody, LoginKind, Secret
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import BankedReset, ResetCredits, Unsaid, UsageSnapshot
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import NotSent
from poolwatch.sources import banked_resets
from poolwatch.sources.auth_files import AuthFiles
from poolwatch.sources.banked_resets import PER_ACCOUNT, SPACING, ResetPace, reset_list_url
from poolwatch.sources.source import SourceSetup
from poolwatch.sources.usage_payload import parse_reset_list
from tests.net.script import Answer, Script, hang_up, reply, silence
from tests.sources.cli_proxy_api import rig
from tests.sources.logins import AT, FINGERPRINT, access_token, cliproxy_login, put
from tests.support.cli_proxy_server import CliProxyServer, Said, login

DECEMBER = datetime(2026, 12, 1, 9, tzinfo=UTC)
ROW = {"status": "available", "expires_at": "2026-12-01T09:00:00Z"}
LIST = json.dumps({"credits": [ROW], "available_count": 2}).encode()
FOUND = (BankedReset(DECEMBER, status="available"),)


def usage(available: int | None) -> bytes:
    inner = None if available is None else {"available_count": available}
    return json.dumps({"plan_type": "plus", "rate_limit_reset_credits": inner}).encode()


@pytest.fixture
def client() -> HttpClient:
    return HttpClient()


def files(client: HttpClient, home: Path, url: str, resets: ResetPace | None = None) -> AuthFiles:
    settings = SourceSettings(SourceKind.AUTH_FILES, "pool", Custody.OTHER, path="~/pool", base_url=url)
    return AuthFiles(SourceSetup(settings, client, home, {}, 5, FINGERPRINT, resets=resets))


async def read(source: AuthFiles, number: int = 0, at: datetime = AT) -> UsageSnapshot:
    listings = await source.list_accounts(AT)
    assert not isinstance(listings, Failure)
    outcome = (await source.fetch_usage(listings[number], at)).outcome
    assert isinstance(outcome, UsageSnapshot), outcome
    return outcome


def paths(server: Script) -> list[str]:
    return [head.split()[1] for head in server.requests]


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://chatgpt.com", "https://chatgpt.com/backend-api/wham/rate-limit-reset-credits"),
        ("http://127.0.0.1:80/backend-api", "http://127.0.0.1:80/backend-api/wham/rate-limit-reset-credits"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/api/codex/rate-limit-reset-credits"),
    ],
)
def test_the_address(base: str, url: str) -> None:
    assert reset_list_url(base) == url


@pytest.mark.parametrize("base", ["http://chatgpt.example.com/backend-api", "http://127.0.0.1.example.com"])
async def test_none_is_used_over_plain_http_elsewhere(client: HttpClient, base: str) -> None:
    access = Secret("access")
    login = Login("codex", LoginKind.OAUTH, access=access, user_id="user-Ann", workspace="acc-1")
    found = await banked_resets.use_reset(client, base, login, access, b"{}", 5.0)
    assert isinstance(found, NotSent)
    assert found.failure.code == "resets.not_https"


async def test_a_login_file_asks_once_for_what_is_banked(client: HttpClient, tmp_path: Path) -> None:
    put(tmp_path / "pool/one.json", cliproxy_login())
    async with Script([reply(200, usage(2)), reply(200, LIST), reply(200, usage(2))]) as server:
        source = files(client, tmp_path, f"{server.url}/backend-api")
        first = await read(source)
        again = await read(source, at=AT + timedelta(minutes=10))
        assert paths(server) == [
            "/backend-api/wham/usage",
            "/backend-api/wham/rate-limit-reset-credits",
            "/backend-api/wham/usage",
        ]
        assert f"Bearer {access_token()}" in server.requests[1]
        assert "acct-1" in server.requests[1]
    assert (first.reset_credits, first.reset_list) == (ResetCredits(2, None), FOUND)
    assert (again.reset_credits, again.reset_list) == (ResetCredits(2, None), Unsaid.ABSENT)


@pytest.mark.parametrize("available", [0, None])
async def test_none_and_unknown_are_not_asked_for(
    client: HttpClient, tmp_path: Path, available: int | None
) -> None:
    put(tmp_path / "pool/one.json", cliproxy_login())
    async with Script([reply(200, usage(available))]) as server:
        found = await read(files(client, tmp_path, server.url))
        assert len(server.requests) == 1
    assert found.reset_list is Unsaid.ABSENT


@pytest.mark.parametrize(
    "answer",
    [reply(401, b'{"detail": "no"}'), reply(404, b"{}"), reply(500), reply(200, b"{}"), reply(200, b"<html>"),
     hang_up],
)  # fmt: skip
async def test_its_failure_costs_nothing(client: HttpClient, tmp_path: Path, answer: Answer) -> None:
    put(tmp_path / "pool/one.json", cliproxy_login())
    pace = ResetPace()
    async with Script([reply(200, usage(2)), answer]) as server:
        found = await read(files(client, tmp_path, server.url, pace))
    assert (found.plan, found.reset_credits, found.reset_list) == (
        "plus",
        ResetCredits(2, None),
        Unsaid.ABSENT,
    )
    assert pace.take("another", 1, AT + timedelta(minutes=5))


async def test_silence_keeps_nobody_waiting(
    client: HttpClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(banked_resets, "ANSWER_SECONDS", 0.05)
    put(tmp_path / "pool/one.json", cliproxy_login())
    async with Script([reply(200, usage(2)), silence]) as server:
        found = await read(files(client, tmp_path, server.url))
    assert (found.plan, found.reset_list) == ("plus", Unsaid.ABSENT)


@pytest.mark.parametrize(
    ("refusal", "hours"),
    [
        (reply(429), 1),
        (reply(429, Retry_After="60"), 1),
        (reply(429, Retry_After="10800"), 3),
        (reply(429, Retry_After="soon"), 1),
    ],
)
async def test_too_many_requests_stops_the_other_accounts(
    client: HttpClient, tmp_path: Path, refusal: bytes, hours: int
) -> None:
    put(tmp_path / "pool/one.json", cliproxy_login())
    put(tmp_path / "pool/two.json", cliproxy_login(access_token("user-2", "acct-2"), "two@example.com"))
    answers: list[Answer] = [reply(200, usage(2)), refusal, reply(200, usage(2))]
    async with Script([*answers, reply(200, usage(2)), reply(200, LIST)]) as server:
        source = files(client, tmp_path, server.url)
        for number, at in ((0, AT), (1, AT + timedelta(hours=hours, seconds=-1))):
            assert (await read(source, number, at)).reset_list is Unsaid.ABSENT
        assert len(server.requests) == 3
        assert (await read(source, 1, AT + timedelta(hours=hours))).reset_list == FOUND


async def test_through_cli_proxy_api(client: HttpClient, tmp_path: Path) -> None:
    async with CliProxyServer([login(1)]) as pool:
        pool.service["*"] = Said(body=usage(2))
        source = rig.source(client, pool.url, tmp_path)
        pool.resets = LIST
        found = (await source.fetch_usage(rig.entry(1), AT)).outcome
        again = (await source.fetch_usage(rig.entry(1), AT + timedelta(minutes=10))).outcome
        assert [sent.url.rpartition("/")[2] for sent in pool.sent] == [
            "usage",
            "rate-limit-reset-credits",
            "usage",
        ]
        assert pool.sent[1].headers == pool.sent[0].headers
    assert isinstance(found, UsageSnapshot)
    assert isinstance(again, UsageSnapshot)
    assert (found.reset_credits, found.reset_list) == (ResetCredits(2, None), FOUND)
    assert again.reset_list is Unsaid.ABSENT


async def test_a_pool_that_refuses_the_second_call(client: HttpClient, tmp_path: Path) -> None:
    async with CliProxyServer([login(1)]) as pool:
        pool.call_script = [
            Said(body=json.dumps({"status_code": 200, "header": {}, "body": usage(2).decode()}).encode()),
            Said(502, b'{"error": "request failed"}'),
        ]
        found = (await rig.source(client, pool.url, tmp_path).fetch_usage(rig.entry(1), AT)).outcome
    assert isinstance(found, UsageSnapshot)
    assert (found.plan, found.reset_list) == ("plus", Unsaid.ABSENT)


def after(**span: float) -> datetime:
    return AT + timedelta(**span)


def test_one_request_in_five_minutes_for_all_accounts_together() -> None:
    pace = ResetPace()
    assert pace.take("one", 2, AT)
    assert not pace.take("two", 2, after(minutes=4, seconds=59))
    assert pace.take("two", 2, after(minutes=5))


def test_one_account_again_after_six_hours_or_once_its_count_changed() -> None:
    pace = ResetPace()
    assert pace.take("one", 2, AT)
    assert not pace.take("one", 2, after(hours=5, minutes=59))
    assert pace.take("one", 1, after(hours=5, minutes=59))
    assert not pace.take("one", 1, after(hours=11, minutes=58))
    assert pace.take("one", 1, after(hours=11, minutes=59))


@pytest.mark.parametrize(
    ("wait", "hours"),
    [
        (None, 1), (timedelta(seconds=30), 1), (timedelta(hours=2), 2), (timedelta(days=9), 24),
        (timedelta(hours=-1), 1),
    ],
)  # fmt: skip
def test_too_many_requests_stops_every_account(wait: timedelta | None, hours: int) -> None:
    pace = ResetPace()
    pace.stop(AT, wait)
    assert not pace.take("one", 2, after(hours=hours) - timedelta(seconds=1))
    assert pace.take("one", 2, after(hours=hours))


def test_the_next_run_keeps_the_pace(tmp_path: Path) -> None:
    memory = tmp_path / "state" / "homes.resets"
    assert ResetPace(memory).take("person@example.com", 2, AT)
    assert "example.com" not in memory.read_text()
    assert not ResetPace(memory).take("two", 2, after(minutes=4))
    assert not ResetPace(memory).take("person@example.com", 2, after(hours=5))
    assert ResetPace(memory).take("two", 2, after(hours=5))
    ResetPace(memory).stop(after(hours=6), timedelta(hours=3))
    assert not ResetPace(memory).take("three", 2, after(hours=8))
    assert ResetPace(memory).take("three", 2, after(hours=9))


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"accounts": 3}', '{"accounts": {"x": 1}}', '{"accounts": {}, "last": "2026-11-20"}',
     '{"accounts": {}, "last": 5}', "[" * 9999],
)  # fmt: skip
def test_a_damaged_memory_is_none(tmp_path: Path, content: str) -> None:
    memory = tmp_path / "homes.resets"
    memory.write_text(content)
    assert ResetPace(memory).take("one", 2, AT)
    assert not ResetPace(memory).take("one", 2, after(minutes=1))


def test_a_clock_that_was_set_back_stops_nothing_for_days() -> None:
    pace = ResetPace()
    assert pace.take("one", 2, after(days=400))
    pace.stop(after(days=400), None)
    assert pace.take("one", 2, AT)


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc"), st.integers(1, 3)), max_size=40))
def test_the_pace_holds_whatever_is_asked(steps: list[tuple[int, str, int]]) -> None:
    pace, at = ResetPace(), AT
    asked: list[tuple[datetime, str, int]] = []
    for minutes, place, count in steps:
        at += timedelta(minutes=minutes)
        if pace.take(place, count, at):
            asked.append((at, place, count))
    assert all(later[0] - sooner[0] >= SPACING for sooner, later in pairwise(asked))
    for place in "abc":
        mine = [each for each in asked if each[1] == place]
        for sooner, later in pairwise(mine):
            assert later[0] - sooner[0] >= PER_ACCOUNT or later[2] != sooner[2]


EXAMPLE = (Path(__file__).parent.parent / "payloads" / "30-reset-credits-list.json").read_bytes()
DECEMBER = datetime(2026, 12, 1, 9, tzinfo=UTC)


def parsed(body: object, *, null_is_never: bool = True) -> tuple[BankedReset, ...]:
    outcome = parse_reset_list(json.dumps(body).encode(), null_is_never=null_is_never)
    assert isinstance(outcome, tuple)
    return outcome


def test_the_example() -> None:
    assert parse_reset_list(EXAMPLE) == (
        BankedReset(DECEMBER, datetime(2026, 11, 1, 9, tzinfo=UTC), "available", id="rc_example_1"),
        BankedReset(None, datetime(2026, 10, 1, 9, 0, 0, 123456, tzinfo=UTC), "redeemed", id="rc_example_2"),
    )


def test_until_when_one_can_be_used_counts_before_its_expiry() -> None:
    row = {"status": "available", "expires_at": DECEMBER.isoformat(), "is_supported_by_plan": False}
    [found] = parsed({"credits": [{**row, "consumable_until": "2026-11-25T00:00:00Z"}]})
    assert (found.ends_at, found.supported) == (datetime(2026, 11, 25, tzinfo=UTC), False)


@pytest.mark.parametrize("said", [7, "", "x" * 513, "a\nb", "é", None, ["rc_1"]])
def test_an_id_that_could_not_be_sent_back_is_none(said: object) -> None:
    [found] = parsed({"credits": [{"status": "available", "id": said}]})
    assert found.id is None


@pytest.mark.parametrize(
    ("expiry", "found"),
    [
        ({"expires_at": "2026-12-01T10:00:00+01:00"}, (DECEMBER, True)),
        ({"expires_at": int(DECEMBER.timestamp())}, (DECEMBER, True)),
        ({"expires_at": None}, (None, True)),
        ({}, (None, False)),
        ({"expires_at": "no date"}, (None, False)),
        ({"expires_at": "2026-11-25T00:00:00"}, (None, False)),
    ],
)
def test_never_is_said_and_not_guessed(
    expiry: dict[str, object], found: tuple[datetime | None, bool]
) -> None:
    [row] = parsed({"credits": [{"status": "available", **expiry}]})
    assert (row.expires_at, row.expiry_known) == found


def test_null_is_unknown_where_the_speaker_drops_instants() -> None:
    rows = [{"expires_at": None}, {"expires_at": "2026-12-01T09:00:00Z"}]
    found = parsed({"data": {"credits": rows}}, null_is_never=False)
    assert [row.expiry_known for row in found] == [False, True]


def test_titles_are_safe_to_show_and_rubbish_is_left_out() -> None:
    found = parsed({"credits": [3, None, {"title": "\x1b[2JFull reset\u202e", "status": 7}]})
    assert found == (BankedReset(None, title="\\x1b[2JFull reset\\u202e", expiry_known=False),)


def test_a_list_without_end_is_cut() -> None:
    assert len(parsed({"credits": [{}] * 1000})) == 64


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"{", b"null", b'{"credits": null}', b'{"credits": "two", "available_count": 2}']
)
def test_another_answer_is_malformed(body: bytes) -> None:
    outcome = parse_reset_list(body)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.MALFORMED
