from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.usage import Said, Unsaid
from poolwatch.sources import reset_credits_wire, usage_wire
from poolwatch.sources.json_body import NumberText
from poolwatch.sources.lenient import Count, Epoch, Flag, Instant, Length, Money, Percent, Text, Whole
from poolwatch.sources.pools import cli_proxy_api_wire, codex_proxy_wire
from poolwatch.sources.pools.listing import CamelWire
from poolwatch.sources.wire_object import WireObject, list_of

ABSENT, MALFORMED = Unsaid.ABSENT, Unsaid.MALFORMED
NAMES = ("money", "percent", "count", "length", "whole", "flag", "text", "epoch", "instant")


class Inner(WireObject, frozen=True):
    count: Count = ABSENT


class OurWire(WireObject, frozen=True):
    money: Money = ABSENT
    percent: Percent = ABSENT
    count: Count = ABSENT
    length: Length = ABSENT
    whole: Whole = ABSENT
    flag: Flag = ABSENT
    text: Text = ABSENT
    epoch: Epoch = ABSENT
    instant: Instant = ABSENT
    inner: Annotated[Said[Inner], Inner.of] = ABSENT
    rows: Annotated[Said[list[Inner]], list_of(Inner, 2)] = ABSENT


class PoolWire(CamelWire):
    money: Money = ABSENT
    percent: Percent = ABSENT
    count: Count = ABSENT
    length: Length = ABSENT
    whole: Whole = ABSENT
    flag: Flag = ABSENT
    text: Text = ABSENT
    epoch: Epoch = ABSENT
    instant: Instant = ABSENT
    inner: Annotated[Said[Inner], Inner.of] = ABSENT
    rows: Annotated[Said[list[Inner]], list_of(Inner, 2)] = ABSENT


KINDS = pytest.mark.parametrize("kind", [OurWire, PoolWire])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.text(max_size=20),
    st.sampled_from(["12.50", " 7 ", "-0", "1e9", "2026-11-20T21:00:00Z", "1795215660"]),
    st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: NumberText(f"{number:f}"[:40])),
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("count"), inner), max_leaves=5
)


@KINDS
def test_a_field_is_a_value_or_why_there_is_none(kind: type[OurWire | PoolWire]) -> None:
    wire = kind.of({"money": "12.50", "percent": None, "count": -1, "inner": {"count": "2"}, "rows": [{}, 1]})
    assert wire is not None
    assert (str(wire.money), wire.percent, wire.count, wire.length) == ("12.50", None, MALFORMED, ABSENT)
    assert (wire.inner, wire.rows) == (Inner(2), [Inner()])
    assert type(wire.money) is Decimal


@KINDS
@pytest.mark.parametrize("rubbish", [{}, [], [1], {"v": 1}, True, "x" * 9_000, 10**30])
def test_one_field_spoils_no_other(kind: type[OurWire | PoolWire], rubbish: object) -> None:
    wire = kind.of({"epoch": rubbish, "instant": 1795215660, "unknown": rubbish, "_said": 1, "of": 1})
    assert wire is not None
    assert (wire.epoch, wire.instant) == (MALFORMED, datetime(2026, 11, 20, 23, 1, tzinfo=UTC))
    assert {getattr(wire, name) for name in NAMES if name not in ("epoch", "instant")} == {ABSENT}


@KINDS
@pytest.mark.parametrize("value", [None, True, 0, 1, "", "{}", [], [{}], NumberText("1")])
def test_what_is_no_object_is_none(kind: type[OurWire | PoolWire], value: object) -> None:
    assert kind.of(value) is None


def test_a_list_is_cut_and_keeps_its_objects() -> None:
    read = list_of(Inner, 3)
    assert read([{"count": 1}, None, {"count": None}, {"count": 3}]) == [Inner(1), Inner(None)]
    assert read({}) is None


@given(st.dictionaries(st.sampled_from((*NAMES, "inner", "rows")), VALUES))
def test_a_pools_own_objects_are_read_alike(value: dict[str, object]) -> None:
    ours, pools = OurWire.of(value), PoolWire.of(value)
    assert ours is not None
    for name in (*NAMES, "inner", "rows"):
        assert repr(getattr(ours, name)) == repr(getattr(pools, name))
        assert (getattr(ours, name) is ABSENT) == (name not in value)


def test_every_wire_object_says_how_its_fields_are_read() -> None:
    rooms = {each.__name__ for each in (usage_wire, reset_credits_wire, cli_proxy_api_wire, codex_proxy_wire)}
    found = [wire for wire in _all_below(WireObject) if wire.__module__ in rooms]
    assert len(found) > 12
    for wire in found:
        assert wire.of({}) == wire()
        nulls = wire.of(dict.fromkeys(wire.__struct_fields__))
        assert all(getattr(nulls, name) is None for name in wire.__struct_fields__)


def _all_below(wire: type[WireObject]) -> list[type[WireObject]]:
    return [each for below in wire.__subclasses__() for each in (below, *_all_below(below))]


@KINDS
@pytest.mark.parametrize(
    "zero",
    [
        0,
        "0",
        NumberText("0E-10"),
        "1970-01-01T00:00:00Z",
        "1970-01-01T01:00:00+01:00",
        "0001-01-01T00:00:00Z",
    ],
)
def test_the_zero_of_a_clock_is_no_instant(kind: type[OurWire | PoolWire], zero: object) -> None:
    wire = kind.of({"instant": zero})
    assert wire is not None
    assert wire.instant is MALFORMED
