"""Bodies of every shape are judged without a traceback, and only what is plain settles a top-up."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.account import Secret
from poolwatch.domain.purchases import (
    Caps,
    Purchase,
    PurchaseOutcome,
    Settled,
    TopUpKind,
    confirmed,
    refusal,
    spent,
)
from poolwatch.domain.values import replace
from poolwatch.net.client import HttpClient
from poolwatch.purchases.topup_replies import Answer, NotSent, judged, looked_up, without
from poolwatch.purchases.topup_service import get, post

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
CAPS = Caps(Decimal(100), Decimal(500))
_STATUSES = [200, 201, 202, 204, 301, 400, 401, 402, 403, 404, 409, 418, 422, 429, 500, 502, 503, 504]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
_KEYS = st.sampled_from(["id", "status", "amount_usd", "error", "code", "url"])
_BODIES = st.binary(max_size=40) | st.dictionaries(
    _KEYS,
    _JSON
    | st.sampled_from(["granted", "pending", "failed", "authentication_required", "..", "1e999"])
    | st.dictionaries(_KEYS, _JSON, max_size=3),
    max_size=5,
).map(lambda found: json.dumps(found).encode())


def purchase(kind: TopUpKind = TopUpKind.GENERIC, amount: str = "10", **more: object) -> Purchase:
    made = Purchase(
        "p1", "team", kind, "https://credits.example.com/topups", "pool", Decimal(amount), "USD", NOW, "key"
    )
    for name, value in more.items():
        made = replace(made, **{name: value})  # type: ignore[arg-type]
    return made


@given(
    body=_BODIES,
    status=st.sampled_from(_STATUSES),
    wait=st.none() | st.floats(allow_nan=False),
    kind=st.sampled_from(TopUpKind),
    again=st.booleans(),
)
def test_no_body_breaks_anything_and_only_a_plain_word_is_a_grant(
    body: bytes, status: int, wait: float | None, kind: TopUpKind, *, again: bool
) -> None:
    found = judged(purchase(kind), Answer(status, wait, body), NOW, again=again)
    if found.outcome is PurchaseOutcome.GRANTED:
        assert kind is TopUpKind.GENERIC
        assert 200 <= status < 300
        assert json.loads(body)["status"] == "granted"
    if not found.counts:
        assert status < 300 or status in (400, 401, 402, 403, 404, 422, 429, 503)
        assert not again or status < 300
    assert found.link is None or found.link.startswith("https://")
    assert found.granted is None or found.granted > 0
    looked = looked_up(replace(found, service_id="tu_1"), Answer(status, wait, body), NOW)
    assert looked.id == found.id


@pytest.mark.parametrize("status", [300, 302, 304, 307, 308])
def test_a_redirect_is_no_answer_whatever_its_body_says(status: int) -> None:
    for kind in TopUpKind:
        found = judged(purchase(kind), Answer(status, None, b'{"id": "tu_1", "status": "granted"}'), NOW)
        assert found.outcome is PurchaseOutcome.UNKNOWN


async def test_a_token_goes_over_tls_or_to_this_machine_alone() -> None:
    for place in ("http://credits.example.com/t", "ftp://127.0.0.1/t", "http://127.0.0.1.example.com/t"):
        wish = purchase(place=place, service_id="tu_1")
        for sent in (
            await post(HttpClient(), wish, Secret("t"), NOW),
            await get(HttpClient(), wish, Secret("t")),
        ):
            assert isinstance(sent, NotSent)
            assert sent.why.code == "topup.not_https"


@pytest.mark.parametrize(
    "body",
    [
        b'{"status": "granted", "status": "failed"}',
        b'{"status": "failed", "error": {"code": "x"}, "status": "granted"}',
        b'{"status": "failed", "error": {"code": "x", "code": "y"}}',
    ],
)
def test_an_answer_that_says_two_things_is_not_plain(body: bytes) -> None:
    assert judged(purchase(), Answer(200, None, body), NOW).outcome is PurchaseOutcome.UNKNOWN
    pending = purchase(outcome=PurchaseOutcome.STARTED, service_id="tu_1")
    assert looked_up(pending, Answer(200, None, body), NOW) is pending


def test_a_look_says_nothing_of_another_top_up() -> None:
    pending = purchase(outcome=PurchaseOutcome.STARTED, service_id="tu_1")
    other = Answer(200, None, b'{"id": "tu_2", "status": "granted"}')
    assert looked_up(pending, other, NOW) is pending
    assert looked_up(pending, Answer(404, None, b'{"status": "failed"}'), NOW) is pending
    own = Answer(200, None, b'{"id": "tu_1", "status": "granted"}')
    assert looked_up(pending, own, NOW).outcome is PurchaseOutcome.GRANTED


@pytest.mark.parametrize(
    "written",
    [
        'ab+/=1"x',
        r"ab+/=1\"x",
        r"ab\u002B\/=1\u0022x",
        r"\u0061\u0062\u002b\u002f\u003d\u0031\u0022\u0078",
        "ab%2B%2F%3d1%22x",
    ],
)
def test_a_token_is_taken_out_however_it_is_written(written: str) -> None:
    answer = without(Secret('ab+/=1"x'), Answer(400, None, f'{{"error": "bad {written}!"}}'.encode()))
    assert isinstance(answer, Answer)
    assert answer.body == b'{"error": "bad ***!"}'


@pytest.mark.parametrize(
    ("said", "granted"),
    [
        ('"10.50"', "10.50"),
        ("10.5", "10.5"),
        ("12", "12"),
        ('"1e-999999"', None),
        ("1e-300", None),
        ('"1_0"', None),
        ('"-5"', None),
        ("0", None),
        ("true", None),
        ("9" * 12, None),
        ('"0.' + "1" * 60 + '"', None),
    ],
)
def test_of_an_odd_amount_nothing_is_told(said: str, granted: str | None) -> None:
    """A grant of 1e-999999 is no line of a million zeros."""
    body = f'{{"status": "granted", "amount_usd": {said}}}'.encode()
    found = judged(purchase(), Answer(200, None, body), NOW)
    assert found.outcome is PurchaseOutcome.GRANTED
    assert found.granted == (None if granted is None else Decimal(granted))


def test_days_and_months_are_those_of_utc_and_what_is_dated_later_counts() -> None:
    def at(text: str, outcome: PurchaseOutcome = PurchaseOutcome.GRANTED) -> Purchase:
        return purchase(at=datetime.fromisoformat(text), outcome=outcome)

    found = spent(
        [
            at("2026-11-30T23:59:59+00:00"),
            at("2026-12-01T01:30:00+02:00"),
            at("2026-12-01T00:00:00+00:00", PurchaseOutcome.UNKNOWN),
            at("2027-01-09T00:00:00+00:00", PurchaseOutcome.STARTED),
            at("2026-12-01T03:00:00+00:00", PurchaseOutcome.REFUSED),
        ],
        NOW,
    )
    assert (found.day, found.month) == (Decimal(20), Decimal(20))
    later = spent([at("2026-12-01T09:00:00+00:00")], NOW + timedelta(days=3))
    assert (later.day, later.month) == (Decimal(0), Decimal(10))


def test_what_a_service_granted_beyond_the_wish_counts_too() -> None:
    more = purchase(outcome=PurchaseOutcome.GRANTED, granted=Decimal(95))
    why = refusal([more], purchase(amount="6", id="p2"), CAPS, NOW, "p1")
    assert why is not None
    assert why.code == "topup.cap_day"


def test_an_open_one_goes_before_all_else_and_a_newer_one_is_a_change() -> None:
    unknown, done = purchase(), purchase(outcome=PurchaseOutcome.GRANTED)
    wish = purchase(amount="6", id="p2")
    codes = []
    for known, seen in (((unknown,), "p1"), ((done,), ""), ((done,), "p1")):
        why = refusal(known, wish, CAPS, NOW, seen)
        codes.append(None if why is None else why.code)
    assert codes == ["topup.open", "topup.changed", None]
    settled = purchase(settled=Settled.NOT_CHARGED)
    assert refusal([settled], wish, CAPS, NOW, "") is None


def test_reef_is_judged_by_the_balance() -> None:
    started = purchase(
        TopUpKind.REEF, outcome=PurchaseOutcome.STARTED, balance_before=Decimal("3.20"), request_id=None
    )
    assert confirmed(started, Decimal("13.20")).outcome is PurchaseOutcome.GRANTED
    assert confirmed(started, Decimal("3.20")).outcome is PurchaseOutcome.STARTED
    assert confirmed(started, None) is started
    unknown = replace(started, outcome=PurchaseOutcome.UNKNOWN)
    assert confirmed(unknown, Decimal("13.20")).outcome is PurchaseOutcome.UNKNOWN
