"""Balances of services: every preset against the answers of its service, and against its errors."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.config.credit_settings import PRESETS, mark_of, terms_of
from poolwatch.config.load import load_text
from poolwatch.config.settings import Settings
from poolwatch.config.source_settings import CreditSettings
from poolwatch.domain.balances import Balance, BalanceLevel, BalanceState
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem, write_first
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import Reply
from poolwatch.presentation.balances import balance_row
from poolwatch.presentation.balances_json import balances_json
from poolwatch.sources import credits_http
from poolwatch.sources.credits_http import CreditsHttp, parse_balance, read_answer
from poolwatch.sources.json_body import read_json
from poolwatch.sources.source import SourceSetup
from poolwatch.words.messages import failure_text
from tests.net.script import Answer, Script, drip, reply, silence

AT = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
_D = Decimal
KEY = "sk-test-0123456789"


def source(**keys: object) -> CreditSettings:
    """A source as the configuration reads it."""
    lines = ["[[sources]]", 'kind = "credits-http"']
    lines += [f"{name} = {json.dumps(value)}" for name, value in keys.items()]
    loaded = load_text("\n".join(lines), None, {"HOME": "/h"}, {})
    assert isinstance(loaded, Settings), loaded.lines
    found = loaded.sources[0]
    assert isinstance(found, CreditSettings)
    return found


def preset(name: str, **keys: object) -> CreditSettings:
    return source(**{"preset": name, "url": "http://127.0.0.1:1/x", **keys})


def told(settings: CreditSettings, body: object, at: datetime = AT) -> Balance | Failure:
    value = read_json(body if isinstance(body, bytes) else json.dumps(body).encode())
    return value if isinstance(value, Failure) else parse_balance(settings, value, at)


#: Each preset with an answer as its service sends it, and what that means.
ANSWERS: tuple[tuple[str, bytes, Balance], ...] = (
    (
        "browseros",
        b'{"credits":95,"dailyLimit":100,"lastResetAt":"2026-11-20T00:00:00Z"}',
        Balance(
            "credits", _D(95), _D(100), resets_at=MIDNIGHT, last_reset_at=datetime(2026, 11, 20, tzinfo=UTC)
        ),
    ),
    # an older gateway names no limit: none is made up
    ("browseros", b'{"credits":95}', Balance("credits", _D(95), resets_at=MIDNIGHT)),
    ("browseros", b'{"credits":0,"dailyLimit":100}', Balance("credits", _D(0), _D(100), resets_at=MIDNIGHT)),
    (
        "openrouter",
        b'{"data":{"total_credits":100.5,"total_usage":25.75}}',
        Balance("USD", _D("74.75"), used=_D("25.75"), total=_D("100.5")),
    ),
    (
        "openrouter-key",
        b'{"data":{"limit":20,"limit_remaining":7.125,"limit_reset":"weekly","usage":12.875}}',
        Balance("USD", _D("7.125"), _D(20), resets_at=datetime(2026, 11, 23, tzinfo=UTC)),
    ),
    (
        "openrouter-key",
        b'{"data":{"limit":null,"limit_remaining":null,"limit_reset":null,"usage":12.875}}',
        Balance("USD", unlimited=True),
    ),
    (
        "deepseek",
        b'{"is_available":true,"balance_infos":[{"currency":"CNY","total_balance":"110.00",'
        b'"granted_balance":"10.00","topped_up_balance":"100.00"}]}',
        Balance("CNY", _D("110.00")),
    ),
    # that it does not suffice for a request is no failure
    (
        "deepseek",
        b'{"is_available":false,"balance_infos":[{"currency":"USD","total_balance":"0.00"}]}',
        Balance("USD", _D("0.00")),
    ),
    (
        "vercel",
        b'{"balance":"95.50","total_used":"4.50"}',
        Balance("USD", _D("95.50"), used=_D("4.50")),
    ),
    (
        "reef",
        b'{"credits":10,"spend":6.8,"remaining":3.2}',
        Balance("USD", _D("3.2"), used=_D("6.8"), total=_D(10)),
    ),
)


@pytest.mark.parametrize(("name", "body", "balance"), ANSWERS)
def test_each_preset_reads_what_its_service_answers(name: str, body: bytes, balance: Balance) -> None:
    assert told(preset(name), body) == balance


def test_each_preset_has_a_source_and_a_date_and_is_whole() -> None:
    assert {name for name, _, _ in ANSWERS} == PRESETS.keys()
    for name, each in PRESETS.items():
        assert date.fromisoformat(each.checked) <= date(2026, 12, 1)
        assert each.seen_in
        for key, value in each.keys.items():
            given = getattr(preset(name), key)
            assert given == ("http://127.0.0.1:1/x" if key == "url" else value), (name, key)


def test_how_often_it_is_read_is_told_where_it_has_a_timer_of_its_own() -> None:
    paces = [terms_of(preset("reef", **keys)).every for keys in ({}, {"poll": 3600}, {"poll": "on-demand"})]
    assert paces == [None, timedelta(hours=1), None]


def test_zeros_of_a_service_that_answers_so_when_it_fails_are_unknown() -> None:
    found = told(preset("reef"), b'{"credits":0,"spend":0,"remaining":0}')
    assert isinstance(found, Failure)
    assert found.code == "credits.zeros"
    used_up = told(preset("reef"), b'{"credits":10,"spend":10,"remaining":0}')
    assert used_up == Balance("USD", _D(0), used=_D(10), total=_D(10))


def test_of_several_rows_none_is_chosen_without_a_word() -> None:
    rows = [{"currency": "CNY", "total_balance": "12.40"}, {"currency": "USD", "total_balance": "3"}]
    body = {"balance_infos": rows}
    found = told(preset("deepseek"), body)
    assert isinstance(found, Failure)
    # what it says to write does it
    assert failure_text(found).endswith('like pick = "/balance_infos currency=CNY"')
    picked = told(preset("deepseek", pick="/balance_infos currency=CNY"), body)
    assert picked == Balance("CNY", _D("12.40"))
    assert told(preset("deepseek", pick="/balance_infos currency=USD"), body) == Balance("USD", _D(3))
    gone = told(preset("deepseek", pick="/balance_infos currency=EUR"), body)
    assert isinstance(gone, Failure)
    assert gone.code == "credits.no_row"


@pytest.mark.parametrize(
    ("keys", "body", "balance"),
    [
        # cents, and a sign that is turned round
        (
            {"remaining": "/total", "scale": "0.01", "negate": True, "unit": "USD"},
            {"total": "-1000"},
            Balance("USD", _D("10.00")),
        ),
        # new-api: a quota in parts of a dollar
        (
            {"remaining": "/data/quota", "scale": "0.000002", "success": "/success=true", "unit": "USD"},
            {"success": True, "data": {"quota": 500001}},
            Balance("USD", _D("1.000002")),
        ),
        # used of a limit, and seconds, milliseconds or a text for the reset
        (
            {"used": "/u", "limit": "/l", "unit": "characters", "resets": "/at seconds"},
            {"u": 250, "l": 1000, "at": 1_795_219_200},
            Balance(
                "characters", _D(750), _D(1000), _D(250), resets_at=datetime(2026, 11, 21, tzinfo=UTC)
            ),
        ),
        (
            {"remaining": "/r", "resets": "/at milliseconds"},
            {"r": "5", "at": "1795219200000"},
            Balance("credits", _D(5), resets_at=MIDNIGHT),
        ),
        (
            {"remaining": "/r", "resets": "/at text"},
            {"r": "5", "at": "2026-11-21T01:00:00+01:00"},
            Balance("credits", _D(5), resets_at=MIDNIGHT),
        ),
        ({"remaining": "/a~1b/0"}, {"a/b": [7]}, Balance("credits", _D(7))),
        # only credit is told as a negative number, and a small count of milliseconds is none of seconds
        (
            {"total": "/t", "used": "/u", "negate": True},
            {"t": -10, "u": 3},
            Balance("credits", _D(7), used=_D(3), total=_D(10)),
        ),
        (
            {"remaining": "/r", "resets": "/at milliseconds"},
            {"r": 5, "at": 86_400_000},
            Balance("credits", _D(5), resets_at=datetime(1970, 1, 2, tzinfo=UTC)),
        ),
        ({"remaining": "/r", "unlimited": "/r=9999"}, {"r": 9999}, Balance("credits", unlimited=True)),
        # numbers are compared by their size, and texts as they are written
        ({"remaining": "/r", "unlimited": "/r=1000"}, b'{"r": 1.0e3}', Balance("credits", unlimited=True)),
        ({"remaining": "/r", "unlimited": "/t=1"}, {"r": 5, "t": "1.0"}, Balance("credits", _D(5))),
        (
            {"pick": "/rows id=7", "remaining": "/r", "success": "/ok=1"},
            b'{"ok": 1.0, "rows": [{"id": 6, "r": 1}, {"id": 7.0, "r": 2}]}',
            Balance("credits", _D(2)),
        ),
        # a currency in small letters is that currency, another unit stays as it is
        ({"remaining": "/r", "unit": "/c"}, {"r": 5, "c": "usd"}, Balance("USD", _D(5))),
        ({"remaining": "/r", "unit": "/c"}, {"r": 5, "c": "pts"}, Balance("pts", _D(5))),
        # shown as given
        ({"remaining": "/r"}, {"r": -3.10}, Balance("credits", _D("-3.1"))),
    ],
)  # fmt: skip
def test_how_an_answer_is_read(keys: dict[str, object], body: object, balance: Balance) -> None:
    assert told(source(url="http://127.0.0.1:1", **keys), body) == balance


@pytest.mark.parametrize(
    "body",
    [
        {}, [], {"r": None}, {"r": True}, {"r": "NaN"}, {"r": "1_000"}, {"r": ""}, {"r": {}}, {"r": "1e99"},
        5, None,
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_unknown_and_never_0(body: object) -> None:
    found = told(source(url="http://127.0.0.1:1", remaining="/r"), body)
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.MALFORMED


def test_an_answer_that_says_that_it_failed() -> None:
    settings = source(url="http://127.0.0.1:1", remaining="/data", success="/code=0")
    assert told(settings, {"code": 0, "data": 5}) == Balance("credits", _D(5))
    for body in ({"code": 7, "data": 5}, {"data": 5}, {"code": "00", "data": 5}, {"code": None, "data": 5}):
        assert isinstance(told(settings, body), Failure)


# -- errors


def answer(status: int, body: object, **headers: str) -> Balance | Failure:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_answer(preset("browseros"), Reply(status, fields, raw, None, 0.1), AT)


def test_used_up_is_told_by_its_code_and_by_no_text() -> None:
    used_up = {"error": {"code": "CREDITS_EXHAUSTED", "message": "Daily credits exhausted"}}
    assert answer(429, used_up) == Balance("credits", _D(0), resets_at=MIDNIGHT)
    slow = {"error": {"code": "RATE_LIMIT_EXCEEDED", "message": "Credits exhausted: CREDITS_EXHAUSTED"}}
    for body in (slow, {"error": "CREDITS_EXHAUSTED"}, b"CREDITS_EXHAUSTED", b""):
        found = answer(429, body, retry_after="60")
        assert isinstance(found, Failure)
        assert (found.kind, found.retry_at) == (FailureKind.THROTTLED, AT + timedelta(seconds=60))
    # of what unit it is a 0 must be said; to be throttled is something else
    settings, out = preset("deepseek"), Reply(429, {}, json.dumps(used_up).encode(), None, 0.1)
    of_what = read_answer(settings, out, AT)
    assert isinstance(of_what, Failure)
    assert of_what.code == "credits.used_up_of_what"
    # the code alone, with another status, says nothing
    assert isinstance(answer(402, used_up), Failure)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"error": "not found"}, FailureKind.NOT_OFFERED),
        (404, b"", FailureKind.NOT_OFFERED),
        (410, {}, FailureKind.NOT_OFFERED),
        (503, {"error": "Credits not configured"}, FailureKind.NOT_OFFERED),
        (503, {"error": "overloaded"}, FailureKind.UPSTREAM_ERROR),
        (502, {"error": "Failed to fetch credits"}, FailureKind.UPSTREAM_ERROR),
        (401, {"error": {"code": "invalid_key"}}, FailureKind.FORBIDDEN),
        (402, {"error": {"code": "CREDITS_EXHAUSTED"}}, FailureKind.FORBIDDEN),
        (403, {"error": "Only management keys can do this"}, FailureKind.FORBIDDEN),
        (403, b"<html>Just a moment", FailureKind.EDGE_BLOCKED),
        (200, b"<html>", FailureKind.NOT_THE_SERVICE),
        (200, b"nope", FailureKind.MALFORMED),
        (200, b"", FailureKind.MALFORMED),
        (200, {"error": "sorry"}, FailureKind.MALFORMED),
        (302, b"", FailureKind.NOT_THE_SERVICE),
    ],
)  # fmt: skip
def test_errors_are_told_for_what_they_are(status: int, body: object, kind: FailureKind) -> None:
    found = answer(status, body)
    assert isinstance(found, Failure)
    assert found.kind is kind


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _, _ in ANSWERS))
def test_no_error_of_any_preset_is_a_figure(name: str) -> None:
    settings = preset(name)
    html, words = b"<html><body>login", {"error": {"code": "oops", "message": "Credits exhausted, 0 left"}}
    for status in (200, 302, 400, 401, 402, 403, 404, 410, 422, 429, 500, 502, 503, 529):
        for body in (b"", html, b"null", b"[]", b"0", json.dumps(words).encode()):
            found = read_answer(settings, Reply(status, {}, body, None, 0.1), AT)
            assert isinstance(found, Failure), (status, body)
            assert failure_text(found)
    # one code alone is a figure, in the unit that the settings name
    out = json.dumps({"error": {"code": "CREDITS_EXHAUSTED"}}).encode()
    found = read_answer(settings, Reply(429, {}, out, None, 0.1), AT)
    if settings.unit.startswith("/"):
        assert isinstance(found, Failure)
    else:
        assert isinstance(found, Balance)
        assert (found.remaining, found.unit, found.limit) == (_D(0), settings.unit, None)


def test_a_key_is_refused_only_where_one_was_sent() -> None:
    with_key, refused = preset("openrouter"), Reply(401, {}, b"{}", None, 0.1)
    told_of = [read_answer(each, refused, AT) for each in (with_key, preset("browseros"))]
    unpaid = read_answer(with_key, Reply(402, {}, b"{}", None, 0.1), AT)
    assert [failure_text(each) for each in (*told_of, unpaid) if isinstance(each, Failure)] == [
        "the service refuses the key (401)",
        "the service wants a key (401)",
        "the service wants to be paid before it answers (402)",
    ]


# -- mutation


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("1e400"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in _places(each, (*path, key)))]


def _with(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(value[path[0]], path[1:], other)
    return copy


def test_nothing_is_never_less_than_nothing() -> None:
    for each in ("-0", "-0.0", "-0e1"):
        found = told(source(url="http://127.0.0.1:1", remaining="/r"), f'{{"r": "{each}"}}'.encode())
        assert isinstance(found, Balance)
        assert str(found.remaining).startswith("0")


@pytest.mark.parametrize(("name", "body", "balance"), ANSWERS)
@given(data=st.data(), other=_JSON)
def test_whatever_stands_in_an_answer_unknown_is_never_0_and_no_unit_is_another(
    name: str, body: bytes, balance: Balance, data: st.DataObject, other: Any
) -> None:
    whole = json.loads(body)
    path = data.draw(st.sampled_from(_places(whole)))
    mutated = _with(whole, path, other)
    settings = preset(name)
    found = told(settings, json.dumps(mutated).encode())
    if isinstance(found, Failure):
        return
    # what changed may be the unit's own place; otherwise it stays
    if path[-1:] != ("currency",) and path not in ((), ("balance_infos",), ("balance_infos", 0)):
        assert found.unit == balance.unit
    if found.remaining == 0:
        # a zero stands in the answer, or is what total and used come to
        assert settings.remaining is None or any(_is_zero(each) for each in _leaves(mutated))
    terms = terms_of(settings)
    state, hour = BalanceState("b", terms).read(found, AT), timedelta(hours=1)
    shown = balance_row(state, AT, hour, UTC)
    (row,) = json.loads(balances_json([state], (), AT, hour))["credits"]
    if found.remaining is None and not found.unlimited:
        assert terms.level(found) is BalanceLevel.UNKNOWN
        assert (row["remaining"], row["level"], shown.left) == (None, "unknown", "—")
    elif not found.unlimited:
        assert Decimal(row["remaining"]) == found.remaining


def _leaves(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return [value] if inner is None else [leaf for each in inner for leaf in _leaves(each)]


def _is_zero(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and Decimal(str(value)) == 0
    except ArithmeticError:
        return False


# -- asking


def reader(home: Path, settings: CreditSettings, **env: str) -> CreditsHttp:
    return CreditsHttp(SourceSetup(settings, HttpClient(), home, env, 0.5))


async def ask(server: Script, home: Path, **keys: object) -> Balance | Failure:
    settings = source(**{"url": f"{server.url}/v1/credits", "remaining": "/r", "api_key_env": "K", **keys})
    return await reader(home, settings, K=KEY).read(AT)


async def test_one_get_with_the_key_and_no_other_header_of_it(tmp_path: Path) -> None:
    async with Script([reply(200, b'{"r": 5}')]) as server:
        assert await ask(server, tmp_path) == Balance("credits", _D(5))
        await ask(server, tmp_path, auth="header:xi-api-key", headers=["New-Api-User: 12"])
        # no file says so, for a key that is never sent is told there
        settings = source(url=server.url, remaining="/r", api_key_env="K")
        await reader(tmp_path, replace(settings, auth="none"), K=KEY).read(AT)
    first, second, third = server.requests
    assert first.startswith("GET /v1/credits HTTP/1.1\r\n")
    assert f"Authorization: Bearer {KEY}\r\n" in first
    assert f"xi-api-key: {KEY}\r\n" in second
    assert "New-Api-User: 12\r\n" in second
    assert "Authorization" not in second
    assert KEY not in third


async def test_a_redirect_is_not_followed_with_the_key(tmp_path: Path) -> None:
    async with (
        Script([reply(200, b'{"r": 5}')]) as other,
        Script([reply(302, b"", Location=other.url)]) as server,
    ):
        found = await ask(server, tmp_path)
    assert isinstance(found, Failure)
    assert other.requests == []


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        (silence, ("seconds", "0.5")),
        (drip(reply(200, b"")[:30], b"x"), ("seconds", "0.5")),
        (reply(200, b'{"r": 5, "more": "' + b"x" * 2**20 + b'"}'), ("kib", "1024")),
    ],
)
async def test_no_answer_in_time_or_one_too_long(
    tmp_path: Path, given: Answer, argument: tuple[str, str]
) -> None:
    async with Script([given]) as server:
        found = await ask(server, tmp_path)
    assert isinstance(found, Failure)
    assert argument in found.arguments
    assert KEY not in repr(found)


async def test_without_its_key_nothing_is_sent(tmp_path: Path) -> None:
    async with Script([reply(200, b'{"r": 5}')]) as server:
        for keys in ({"api_key_env": "UNSET"}, {"api_key_env": None}):
            kept = {name: value for name, value in keys.items() if value is not None}
            settings = source(url=server.url, remaining="/r", **kept)
            assert isinstance(await reader(tmp_path, settings).read(AT), Failure)
    assert server.requests == []


async def test_an_id_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "own" / "id"
    path.parent.mkdir()
    async with Script([reply(200, b'{"credits": 5}')]) as server:
        settings = preset("browseros", url=f"{server.url}/credits/{{id}}", id_file=str(path))
        assert isinstance(await reader(tmp_path, settings).read(AT), Balance)
        made = path.read_text().strip()
        assert path.stat().st_mode & 0o777 == 0o600
        await reader(tmp_path, settings).read(AT)
        path.write_text("a/b c?\n")
        await reader(tmp_path, settings).read(AT)
        path.write_text("\n")
        assert isinstance(await reader(tmp_path, settings).read(AT), Failure)
    assert [each.split(" ")[1] for each in server.requests] == [
        f"/credits/{made}", f"/credits/{made}", "/credits/a%2Fb%20c%3F"
    ]  # fmt: skip


async def test_two_that_find_no_id_at_once_have_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "id"
    made = []

    def write(place: Path, content: bytes) -> FileProblem | None:
        # the other one is faster
        made.append(content)
        assert write_first(place, b"the-first\n") is None
        return write_first(place, content)

    monkeypatch.setattr(credits_http, "write_first", write)
    async with Script([reply(200, b'{"credits": 5}')]) as server:
        settings = preset("browseros", url=f"{server.url}/credits/{{id}}", id_file=str(path))
        assert isinstance(await reader(tmp_path, settings).read(AT), Balance)
    assert len(made) == 1
    assert path.read_bytes() == b"the-first\n"
    assert [each.split(" ")[1] for each in server.requests] == ["/credits/the-first"]


async def test_a_key_that_an_answer_repeats_is_not_shown(tmp_path: Path) -> None:
    said = json.dumps({"error": {"code": KEY, "message": KEY}, "code": KEY}).encode()
    for status in (200, 401, 403, 404, 429, 500):
        async with Script([reply(status, said)]) as server:
            found = await ask(server, tmp_path, unit="/code")
        assert isinstance(found, Failure)
        assert KEY not in failure_text(found) + repr(found)
    for unit in (KEY, KEY[:12]):
        async with Script([reply(200, json.dumps({"r": 5, "u": unit}).encode())]) as server:
            found = await ask(server, tmp_path, unit="/u")
        assert isinstance(found, Failure)
        assert found.code == "credits.no_unit"


@pytest.mark.parametrize(
    ("body", "below"),
    [
        ('{"left":7,"auto":{"on":true,"from":"5.00"}}', Decimal("5.00")),
        ('{"left":7,"auto":{"on":true,"from":5}}', Decimal(5)),
        # off, or nobody can tell whether it is on
        ('{"left":7,"auto":{"on":false,"from":"5.00"}}', None),
        ('{"left":7,"auto":{"on":"yes","from":"5.00"}}', None),
        ('{"left":7,"auto":{"from":"5.00"}}', None),
        ('{"left":7,"auto":null}', None),
        ('{"left":7,"auto":{"on":true,"from":"soon"}}', None),
        ('{"left":7,"auto":{"on":true}}', None),
    ],
)
def test_that_a_service_buys_by_itself_is_told_only_where_its_answer_says_so(
    body: str, below: Decimal | None
) -> None:
    pointers = {"own_topup_below": "/auto/from", "own_topup_if": "/auto/on=true"}
    settings = source(name="s", url="https://x.example.com/", remaining="/left", unit="USD", **pointers)
    found = told(settings, body.encode())
    assert isinstance(found, Balance)
    assert (found.remaining, found.own_topup_below) == (Decimal(7), below)


@pytest.mark.parametrize(
    ("keys", "is_another"),
    [
        ({"own_topup_below": "/auto/from", "own_topup_if": "/auto/on=true"}, False),
        ({"amber_below": 5, "poll": 60}, False),
        ({"scale": "0.01"}, True),
        ({"remaining": "/right"}, True),
        ({"url": "https://y.example.com/"}, True),
    ],
)
def test_what_is_only_told_beside_a_balance_makes_no_other_one_of_it(
    keys: dict[str, object], is_another: bool
) -> None:
    usual: dict[str, object] = {"url": "https://x.example.com/", "remaining": "/left", "unit": "USD"}
    one, other = source(name="s", **usual), source(name="s", **(usual | keys))
    assert (mark_of(one) != mark_of(other)) is is_another
