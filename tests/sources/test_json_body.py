from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.sources import json_body
from poolwatch.sources.json_body import MOST_ROWS, NumberText, read_json
from poolwatch.sources.slices import SHORT_BYTES


def test_numbers_keep_their_digits() -> None:
    value = read_json(b'{"a": 50.250, "b": 1e9, "c": 7, "d": 12345678901234567890, "e": -0.0}')
    assert value == {"a": "50.250", "b": "1e9", "c": 7, "d": "12345678901234567890", "e": "-0.0"}
    assert isinstance(value, dict)
    assert all(isinstance(value[name], NumberText) for name in "abde")


def test_what_json_does_not_have_becomes_plain_text() -> None:
    assert read_json(b"[NaN, Infinity, -Infinity, 1e999]") == ["NaN", "Infinity", "-Infinity", "1e999"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b'{"a": }',
        b"\xff\xfe",
        b'{"a": "\xc3"}',
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b"{} {}",
        b"OK",
    ],
)
def test_rubbish_is_malformed_and_not_quoted(body: bytes) -> None:
    outcome = read_json(body)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.MALFORMED
    assert len(outcome.message) < 60


def test_huge_numbers_cost_nothing() -> None:
    assert isinstance(read_json(b"[" + b"9" * 500_000 + b"]"), list)
    assert isinstance(read_json(b"[1e99999999999999999999999]"), list)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<!DOCTYPE html><title>Just a moment...</title>", "text/html"),
        (b"  \r\n<html>", ""),
        (b"\xef\xbb\xbf<html>", ""),
        (b"{}", "text/html; charset=utf-8"),
    ],
)
def test_web_pages_are_not_the_service(body: bytes, content_type: str) -> None:
    outcome = read_json(body, content_type)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.NOT_THE_SERVICE


def test_a_byte_order_mark_and_doubled_keys_are_taken() -> None:
    assert read_json(b'\xef\xbb\xbf{"a": 1, "a": 2}') == {"a": 2}


VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda each: some.lists(each) | some.dictionaries(some.text(), each),
    max_leaves=40,
)


@given(VALUES, some.sampled_from([None, 1]), some.integers(1, 40))
def test_a_long_answer_is_read_as_a_short_one(value: object, indent: int | None, short: int) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=short % 2 == 0).encode("utf-8", "replace")
    whole = read_json(body)
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(json_body, "SHORT_BYTES", short)
        assert read_json(body) == whole


@given(some.text('[]{}:,"\\ 1.e-trufalsn', max_size=60), some.integers(1, 20))
def test_long_rubbish_is_refused_as_short_rubbish(text: str, short: int) -> None:
    whole = read_json(text.encode())
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(json_body, "SHORT_BYTES", short)
        found = read_json(text.encode())
    if isinstance(whole, Failure):
        assert isinstance(found, Failure)
        assert found.kind is whole.kind
    else:
        assert found == whole


def test_a_long_row_among_short_ones_is_read_whole() -> None:
    rows = [{"id": 1}, {"id": 2, "words": ["x" * 100] * (SHORT_BYTES // 50)}, {"id": 3}]
    assert read_json(json.dumps({"accounts": rows, "ok": True}).encode()) == {"accounts": rows, "ok": True}


def test_of_rows_without_end_one_more_than_allowed_is_kept() -> None:
    found = read_json(json.dumps({"accounts": [{}] * (MOST_ROWS + 9), "ok": [1]}).encode())
    assert isinstance(found, dict)
    assert isinstance(found["accounts"], list)
    assert len(found["accounts"]) == MOST_ROWS + 1
    assert found["ok"] == [1]
