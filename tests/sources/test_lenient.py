from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from poolwatch.domain.usage import Said, Unsaid
from poolwatch.sources import usage_models
from poolwatch.sources.json_body import NumberText
from poolwatch.sources.lenient import (
    LenientModel,
    count,
    decimal,
    epoch,
    flag,
    instant,
    length,
    lenient,
    list_of,
    percent,
    text,
    whole,
)
from poolwatch.sources.pools import codex_proxy_wire

ABSENT, MALFORMED = Unsaid.ABSENT, Unsaid.MALFORMED
NAMES = ("money", "percent", "count", "length", "whole", "flag", "text", "epoch", "instant")


Money = Annotated[Said[Decimal], lenient(decimal)]
Percent = Annotated[Said[float], lenient(percent)]
Count = Annotated[Said[int], lenient(count)]
Length = Annotated[Said[int], lenient(length)]
Whole = Annotated[Said[int], lenient(whole)]
Flag = Annotated[Said[bool], lenient(flag)]
Text = Annotated[Said[str], lenient(text)]
Epoch = Annotated[Said[datetime], lenient(epoch)]
Instant = Annotated[Said[datetime], lenient(instant)]


class Inner(LenientModel):
    count: Count = ABSENT


class Plain(LenientModel):
    money: Money = ABSENT
    percent: Percent = ABSENT
    count: Count = ABSENT
    length: Length = ABSENT
    whole: Whole = ABSENT
    flag: Flag = ABSENT
    text: Text = ABSENT
    epoch: Epoch = ABSENT
    instant: Instant = ABSENT
    inner: Annotated[Said[Inner], lenient(Inner.read)] = ABSENT
    rows: Annotated[Said[list[Inner]], lenient(list_of(Inner, 2))] = ABSENT
    odd_key: Count = ABSENT


class Camel(Plain):
    model_config = ConfigDict(alias_generator=to_camel)


KINDS = pytest.mark.parametrize("kind", [Plain, Camel])
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
def test_a_field_is_a_value_or_why_there_is_none(kind: type[Plain]) -> None:
    wire = kind.read(
        {"money": "12.50", "percent": None, "count": -1, "inner": {"count": "2"}, "rows": [{}, 1]}
    )
    assert wire is not None
    assert (str(wire.money), wire.percent, wire.count, wire.length) == ("12.50", None, MALFORMED, ABSENT)
    assert (wire.inner, wire.rows) == (Inner(count=2), [Inner()])
    assert type(wire.money) is Decimal


@KINDS
@pytest.mark.parametrize("rubbish", [{}, [], [1], {"v": 1}, True, "x" * 9_000, 10**30])
def test_one_field_spoils_no_other(kind: type[Plain], rubbish: object) -> None:
    wire = kind.read(
        {"epoch": rubbish, "instant": 1795215660, "unknown": rubbish, "model_config": 1, "read": 1}
    )
    assert wire is not None
    assert (wire.epoch, wire.instant) == (MALFORMED, datetime(2026, 11, 20, 23, 1, tzinfo=UTC))
    assert {getattr(wire, name) for name in NAMES if name not in ("epoch", "instant")} == {ABSENT}


@KINDS
@pytest.mark.parametrize("value", [None, True, 0, 1, "", "{}", [], [{}], NumberText("1")])
def test_what_is_no_object_is_none(kind: type[Plain], value: object) -> None:
    assert kind.read(value) is None


def test_a_list_is_cut_and_keeps_its_objects() -> None:
    read = list_of(Inner, 3)
    assert read([{"count": 1}, None, {"count": None}, {"count": 3}]) == [Inner(count=1), Inner(count=None)]
    assert read({}) is None


@given(st.dictionaries(st.sampled_from((*NAMES, "inner", "rows")), VALUES))
def test_fields_are_read_alike_under_an_alias(value: dict[str, object]) -> None:
    plain, camel = Plain.read(value), Camel.read(value)
    assert plain is not None
    assert camel is not None
    for name in (*NAMES, "inner", "rows"):
        assert repr(getattr(plain, name)) == repr(getattr(camel, name))
        assert (getattr(plain, name) is ABSENT) == (name not in value)
    assert plain.model_fields_set == value.keys()


def test_camel_case_is_an_alias() -> None:
    assert Camel.read({"oddKey": 7}) == Camel.read({"oddKey": 7, "odd_key": 8}) == Camel(oddKey=7)


def test_an_error_quotes_nothing() -> None:
    with pytest.raises(ValidationError) as told:
        Plain.model_validate("secret")
    assert "secret" not in str(told.value)


def test_every_field_of_every_model_has_a_lenient_reader() -> None:
    found = [model for model in _all_below(LenientModel) if model.__module__.startswith("poolwatch.")]
    assert {usage_models.UsageModel, codex_proxy_wire.QuotaModel} <= set(found)
    for model in found:
        assert model.read({}) == model()
        aliases = (field.validation_alias or name for name, field in model.model_fields.items())
        keys = [alias for alias in aliases if isinstance(alias, str)]
        nulls, rubbish = model.read(dict.fromkeys(keys)), model.read({key: {"x": [object()]} for key in keys})
        assert {value for _, value in nulls or ()} <= {None, ABSENT}
        assert rubbish is not None


def _all_below(model: type[LenientModel]) -> list[type[LenientModel]]:
    return [each for below in model.__subclasses__() for each in (below, *_all_below(below))]


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
def test_the_zero_of_a_clock_is_no_instant(kind: type[Plain], zero: object) -> None:
    wire = kind.read({"instant": zero})
    assert wire is not None
    assert wire.instant is MALFORMED
