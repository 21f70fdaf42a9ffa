from __future__ import annotations

import asyncio
import json

import pytest

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.host.threads import in_thread
from poolwatch.sources.json_body import NumberText, read_json
from poolwatch.words.messages import failure_text


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
    assert len(failure_text(outcome)) < 60


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


async def test_a_long_answer_leaves_the_event_loop_alone() -> None:
    rows = [{"id": number, "name": f"account {number}", "window": {"used": 1.5}} for number in range(90_000)]
    body = json.dumps({"accounts": rows}).encode()
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    turning = asyncio.create_task(turn())
    value = await in_thread(lambda: read_json(body))
    turning.cancel()
    assert isinstance(value, dict)
    assert len(value["accounts"]) == 90_000  # type: ignore[arg-type]
    assert turns > 8
