from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from poolwatch.domain.account import AccountKey, Listing, SourceRef
from poolwatch.domain.events import Listed, ReadingArrived
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.overview import overview
from poolwatch.domain.pool import apply
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import (
    Credits,
    RateLimit,
    ReachedType,
    SpendControl,
    Unsaid,
    UsageSnapshot,
    UsageWindow,
)
from poolwatch.sources.usage_payload import parse_usage

AT = datetime(2026, 11, 20, 21, tzinfo=UTC)
PAYLOADS = [
    json.loads(path.read_bytes())
    for path in sorted((Path(__file__).parent.parent / "payloads").glob("[012]*.json"))
]
GRAMMAR = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


def parsed(body: object) -> UsageSnapshot:
    outcome = parse_usage(body if isinstance(body, bytes) else json.dumps(body).encode(), AT)
    assert isinstance(outcome, UsageSnapshot), outcome
    return outcome


def credits_of(balance: str) -> Credits:
    said = parsed(f'{{"credits": {{"has_credits": true, "balance": {balance}}}}}'.encode()).credits
    assert isinstance(said, Credits)
    return said


def window_of(**wire: object) -> UsageWindow:
    said = parsed({"rate_limit": {"primary_window": wire}}).base
    assert isinstance(said, RateLimit)
    return said.windows[0]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('"1234.5600"', "1234.5600"),
        ('" 12.5\\n"', "12.5"),
        ('"-3"', "-3"),
        ("50.250", "50.250"),
        ("7", "7"),
        ("-7", "-7"),
        ("0.0000001", "1E-7"),
        ('"999999999999999999.999999999999999999"', "999999999999999999.999999999999999999"),
        ("0E-10", "0E-10"),
        ('"0E-10"', "0E-10"),
        ('"-0e-2"', "-0.00"),
        ("0e5", "0"),
        ('"1.50E+3"', "1500"),
        ("4.075e-1", "0.4075"),
        ('" 1e17 "', "100000000000000000"),
        ('"1234.5678901234567890123456789012"', "1234.5678901234567890123456789012"),
        *((raw, None) for raw in ("null", '""', '"NaN"', "NaN", "Infinity", '"1_000"', '"１２"')),
        *(
            (raw, None)
            for raw in ("1e18", '"-1e18"', '"999e16"', '"1e100"', '"1e"', '"e5"', '"1e1.5"', '"1 e2"')
        ),
        *((raw, None) for raw in (f'"1.{"1" * 29}"', '"１e2"', '"1E２"')),
        *((raw, None) for raw in ("true", "[]", "{}", '"12,5"', '"+5"', '".5"', '"5."', '"0x10"', '"1 000"')),
        *((raw, None) for raw in ("9" * 19, f'"{"9" * 19}"', "1e999", '"\\u00a012"', "9" * 5000)),
    ],
)
def test_money(raw: str, expected: str | None) -> None:
    said = credits_of(raw)
    assert (None if said.balance is None else str(said.balance)) == expected
    assert said.has_credits is True


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (34, 34.0),
        (5.5, 5.5),
        ("71", 71.0),
        (" 71.5 ", 71.5),
        (107, 107.0),
        (-3, -3.0),
        (999_999, 999_999.0),
        ("1e1", 10.0),
        ("0E-10", 0.0),
        *((raw, None) for raw in (1_000_000, "12 %", "", None, True, False, [34], {"v": 34}, "NaN", 1e300)),
    ],
)
def test_percent(raw: object, expected: float | None) -> None:
    assert window_of(used_percent=raw).used_percent == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (18000, 18000),
        ("18000", 18000),
        (18000.0, 18000),
        ("1.8E4", 18000),
        *((raw, None) for raw in (0, -1, None, True, 1.5, "5h", 10**12)),
    ],
)
def test_length(raw: object, expected: int | None) -> None:
    assert window_of(limit_window_seconds=raw).window_seconds == expected


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ({"reset_at": 1795215660}, "2026-11-20T23:01:00+00:00"),
        ({"reset_at": 1795215660.5}, "2026-11-20T23:01:00.500000+00:00"),
        ({"reset_at": "1795215660"}, "2026-11-20T23:01:00+00:00"),
        ({"reset_at": 1795294800000}, "2026-11-21T21:00:00+00:00"),
        ({"reset_at": 1829692800}, "2027-12-25T00:00:00+00:00"),
        # further than any limit reaches: as good as nothing
        ({"reset_at": 1829779200}, None),
        ({"reset_at": 100_000_000_000}, None),
        ({"reset_after_seconds": 34_560_060}, None),
        # above it are milliseconds, and then a time long past
        ({"reset_at": 100_000_000_001}, None),
        ({"reset_at": 1}, None),
        ({"reset_at": 1762000000}, "2025-11-01T12:26:40+00:00"),
        ({"reset_after_seconds": 5000}, "2026-11-20T22:23:00+00:00"),
        ({"reset_after_seconds": 30}, "2026-11-20T21:01:00+00:00"),
        ({"reset_after_seconds": 29}, "2026-11-20T21:00:00+00:00"),
        ({"reset_at": None, "reset_after_seconds": 60}, "2026-11-20T21:01:00+00:00"),
        ({"reset_at": "soon", "reset_after_seconds": 60}, "2026-11-20T21:01:00+00:00"),
        ({"reset_at": 1795215660, "reset_after_seconds": 60}, "2026-11-20T23:01:00+00:00"),
        ({"reset_at": "1.79521566e9"}, "2026-11-20T23:01:00+00:00"),
        ({"reset_at": 0, "reset_after_seconds": 60}, "2026-11-20T21:01:00+00:00"),
        ({"reset_at": 0, "reset_after_seconds": 0}, None),
        ({"reset_at": None, "reset_after_seconds": 0}, None),
        ({"reset_at": 0, "reset_after_seconds": -1795208400}, None),
        ({"reset_after_seconds": 0}, "2026-11-20T21:00:00+00:00"),
        *(({"reset_at": raw}, None) for raw in ("0", 0.0, "0E-10", 1e-9, 0.5)),
        *(({"reset_at": raw}, None) for raw in (0, -1, True, None, "2026-11-20", 10**18, 10**17)),
        ({"reset_at": []}, None),
        ({"reset_after_seconds": 10**12}, None),
        ({}, None),
    ],
)
def test_resets(wire: dict[str, object], expected: str | None) -> None:
    resets_at = window_of(**wire).resets_at
    assert (None if resets_at is None else resets_at.isoformat()) == expected


def test_reset_after_counts_from_the_time_given() -> None:
    odd = AT + timedelta(seconds=44)
    outcome = parse_usage(b'{"rate_limit": {"primary_window": {"reset_after_seconds": 60}}}', odd)
    assert isinstance(outcome, UsageSnapshot)
    assert isinstance(outcome.base, RateLimit)
    assert outcome.base.windows[0].resets_at == AT + timedelta(minutes=2)


@pytest.mark.parametrize("raw", ["true", 1, 0, None, []])
def test_only_booleans_are_flags(raw: object) -> None:
    said = parsed({"rate_limit": {"allowed": raw, "limit_reached": raw}}).base
    assert said == RateLimit(None, None, ())


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"type": "workspace_member_credits_depleted", "details": None}, ReachedType.MEMBER_CREDITS),
        ("workspace_owner_usage_limit_reached", ReachedType.OWNER_USAGE),
        ({"type": None, "details": None}, None),
        ({"type": "brand_new"}, None),
        ("secondary", None),
        (None, None),
        (5, Unsaid.MALFORMED),
        ([], Unsaid.MALFORMED),
    ],
)
def test_reached_type(raw: object, expected: object) -> None:
    assert parsed({"rate_limit_reached_type": raw}).reached_type == expected
    assert parsed({"plan_type": "plus"}).reached_type is Unsaid.ABSENT


FIELDS = {
    "plan_type": "plan",
    "rate_limit": "base",
    "code_review_rate_limit": "review",
    "additional_rate_limits": "extras",
    "credits": "credits",
    "spend_control": "spend",
}


@pytest.mark.parametrize(("wire", "name"), FIELDS.items())
def test_absent_null_and_malformed_are_told_apart(wire: str, name: str) -> None:
    other = "credits" if wire != "credits" else "plan_type"
    assert getattr(parsed({other: None}), name) is Unsaid.ABSENT
    assert getattr(parsed({wire: None}), name) is None
    assert getattr(parsed({wire: 5}), name) is Unsaid.MALFORMED
    assert getattr(parsed({wire: True}), name) is Unsaid.MALFORMED


def test_one_bad_window_costs_its_figures_alone() -> None:
    said = parsed({"rate_limit": {"primary_window": "x", "secondary_window": {"used_percent": 5}}}).base
    assert said == RateLimit(None, None, (UsageWindow(None, None, None), UsageWindow(5.0, None, None)))


def test_buckets_have_an_id_in_any_case() -> None:
    wire = [
        {"limit_name": "Spark", "rate_limit": None},
        {"metered_feature": "m"},
        {"rate_limit": {}},
        "rubbish",
        {"metered_feature": "m", "limit_name": "again"},
        {"metered_feature": "odd", "rate_limit": 3},
    ]
    extras = parsed({"additional_rate_limits": wire}).extras
    assert extras is not None
    assert not isinstance(extras, Unsaid)
    assert [(each.id, each.name) for each in extras] == [
        *(("Spark", "Spark"), ("m", "m"), ("bucket 3", "bucket 3"), ("odd", "odd"))
    ]
    assert extras[0].limit is None
    assert extras[3].limit == RateLimit(None, None, ())


def test_an_empty_spend_limit_is_none() -> None:
    spend = parsed(
        {"spend_control": {"individual_limit": {}, "group_default_limit": {"details": None}}}
    ).spend
    assert spend == SpendControl(None, None, ())


def test_texts_are_made_safe() -> None:
    said = parsed({"plan_type": "pro\x1b[2J\u202e", "user_id": "user-\x00\ud800", "credits": None})
    assert said.plan == "pro\\x1b[2J\\u202e"
    assert said.user_id == "user-\\x00\\ud800"
    assert parsed({"plan_type": "   "}).plan is Unsaid.MALFORMED


@pytest.mark.parametrize(
    "body",
    [b"[]", b"null", b"7", b'"text"', b'{"error": {"code": "x"}}', b'{"user_id": "user-1", "email": "a"}'],
)
def test_a_body_without_usage_is_malformed(body: bytes) -> None:
    outcome = parse_usage(body, AT)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.MALFORMED


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**17, 10**40),
    st.floats(),
    st.sampled_from(
        ["12 %", "NaN", "1e9", "１２", "-1", "71", "", " ", "\ud800", "\x1b[2J", "Infinity", "0x1f"]
    ),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.lists(st.integers(), max_size=3),
)


def paths(value: object, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [here] if here else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        found += paths(each, (*here, key))
    return found


@st.composite
def mutants(draw: st.DrawFn) -> object:
    """An example answer with a few of its fields deleted, retyped, doubled, deepened, renamed or swapped."""
    body = json.loads(json.dumps(draw(st.sampled_from(PAYLOADS))))
    for _ in range(draw(st.integers(1, 4))):
        known = paths(body)
        if not known:
            break
        *way, last = draw(st.sampled_from(known))
        holder = body
        for step in way:
            holder = holder[step]
        kind = draw(st.sampled_from(["delete", "retype", "double", "deepen", "rename", "swap"]))
        if kind == "delete":
            del holder[last]
        elif kind == "retype":
            holder[last] = draw(LEAVES)
        elif kind == "double":
            holder[last] = [holder[last], holder[last]]
        elif kind == "deepen":
            for _ in range(draw(st.sampled_from([1, 5, 150]))):
                holder[last] = {"x": holder[last]}
        elif kind == "rename" and isinstance(holder, dict):
            holder[draw(st.sampled_from(["new_field", "balance", "used_percent"]))] = holder.pop(last)
        else:
            *other_way, other = draw(st.sampled_from(known))
            source = body
            try:
                for step in other_way:
                    source = source[step]
                holder[last] = json.loads(json.dumps(source[other]))
            except (LookupError, TypeError):
                pass
    return body


def accepted(raw: object) -> bool:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        return False
    return GRAMMAR.fullmatch((raw if isinstance(raw, str) else json.dumps(raw)).strip(" \t\r\n")) is not None


def at(body: object, *way: str) -> object:
    for step in way:
        body = body.get(step) if isinstance(body, dict) else None
    return body


def parts(value: object) -> list[object]:
    found = [value]
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            found += parts(getattr(value, name))
    elif isinstance(value, tuple):
        for each in value:
            found += parts(each)
    return found


@settings(max_examples=200)
@given(mutants())
def test_no_mutation_crashes_or_makes_up_a_number(body: object) -> None:
    outcome = parse_usage(json.dumps(body).encode(), AT)
    if isinstance(outcome, Failure):
        assert outcome.kind is FailureKind.MALFORMED
        return
    if isinstance(outcome.credits, Credits):
        raw = at(body, "credits", "balance")
        assert (outcome.credits.balance is not None) == accepted(raw)
        flag = at(body, "credits", "has_credits")
        assert outcome.credits.has_credits is (flag if isinstance(flag, bool) else None)
    if isinstance(outcome.base, RateLimit):
        allowed = at(body, "rate_limit", "allowed")
        assert outcome.base.allowed is (allowed if isinstance(allowed, bool) else None)
        wires = [at(body, "rate_limit", place) for place in ("primary_window", "secondary_window")]
        there = [wire for wire in wires if wire is not None]
        assert len(outcome.base.windows) == len(there)
        for window, wire in zip(outcome.base.windows, there, strict=True):
            if window.used_percent is not None:
                assert accepted(at(wire, "used_percent"))
                assert abs(window.used_percent) <= 999_999
            assert window.window_seconds is None or window.window_seconds > 0
            assert window.resets_at is None or window.resets_at.utcoffset() == timedelta(0)
    for part in parts(outcome):
        assert not isinstance(part, str) or (part.isprintable() and part.encode())
        assert not isinstance(part, Decimal) or part.is_finite()


@given(mutants())
def test_the_pool_takes_every_mutation(body: object) -> None:
    key = AccountKey("codex", "user-1", "acct-1")
    listing = Listing(SourceRef("files", "1"), user_id="user-1", account_id="acct-1")
    state = apply(PoolState(), Listed("files", (listing,), AT))
    for instant in (AT, AT + timedelta(hours=6)):
        state = apply(
            state, ReadingArrived(key, "files", instant, parse_usage(json.dumps(body).encode(), instant))
        )
        assert len(overview(state, instant, PoolRules()).accounts) == 1


@given(st.binary(max_size=200))
def test_no_bytes_crash(body: bytes) -> None:
    outcome = parse_usage(body, AT)
    assert isinstance(outcome, (Failure, UsageSnapshot))
