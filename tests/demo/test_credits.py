"""The credits service beside the simulated pool: poolwatch reads it by its preset, and sees it fall."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

from tests.sources.test_credits_http import preset, told

from poolwatch.demo.service import CREDITS_PATH, Credits, Request
from poolwatch.domain.balances import Balance

START = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)


class _Clock:
    def __init__(self) -> None:
        self.now = START.timestamp()

    def __call__(self) -> float:
        return self.now


def _asked(service: Credits, path: str = f"{CREDITS_PATH}abc", method: str = "GET") -> tuple[int, bytes]:
    found = service.answer(Request(method, path, {}, b"", ""))
    return found.status, found.body


def test_it_falls_by_the_clock_to_nothing_and_is_filled_up_at_midnight() -> None:
    clock = _Clock()
    service = Credits(clock, START.timestamp(), 1.0)
    status, body = _asked(service)
    assert (status, json.loads(body)["credits"]) == (200, 87)
    read = told(preset("browseros"), body, START)
    assert isinstance(read, Balance)
    assert (read.remaining, read.limit, read.resets_at) == (Decimal(87), Decimal(100), MIDNIGHT)
    clock.now += 6000
    assert json.loads(_asked(service)[1])["credits"] == 77
    fast = Credits(clock, START.timestamp(), 100.0)
    assert json.loads(_asked(fast)[1])["credits"] == 0
    clock.now = MIDNIGHT.timestamp()
    assert json.loads(_asked(fast)[1]) == {
        "credits": 100,
        "dailyLimit": 100,
        "lastResetAt": "2026-11-21T00:00:00Z",
    }


def test_it_is_asked_by_get_and_for_an_installation() -> None:
    service = Credits(_Clock(), START.timestamp(), 1.0)
    assert _asked(service, CREDITS_PATH)[0] == 404
    assert _asked(service, method="POST")[0] == 405
    assert service.asked == 0
