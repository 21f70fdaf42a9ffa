"""The credits service beside the simulated pool: poolwatch reads it by its preset, and sees it fall."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from tests.sources.test_credits_http import preset, told

from poolwatch.demo.balances import balance_lines
from poolwatch.demo.service import CREDITS_PATH, Credits, Request
from poolwatch.demo.topups import topup_tables
from poolwatch.domain.balances import Balance
from poolwatch.store.lines import PastBalance, parse_line

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


@pytest.mark.parametrize("at", [START, MIDNIGHT, MIDNIGHT - timedelta(seconds=1)])
def test_the_past_of_balances_ends_with_what_their_services_tell(at: datetime) -> None:
    start = at.timestamp()
    found: dict[str, list[PastBalance]] = {}
    for raw in balance_lines(start).splitlines():
        line = parse_line(raw, at)
        # whatever it says can be imported
        assert isinstance(line, PastBalance)
        found.setdefault(line.name, []).append(line)
    ends = {name: str(lines[-1].figure.balance) for name, lines in found.items()}
    left = Credits(lambda: start, start, 1.0).left(start)
    assert ends == {"BrowserOS": str(left), "team balance": "42.50", "reef balance": "5.00"}
    for lines in found.values():
        assert lines[-1].at == at
        assert timedelta(days=58) < at - lines[0].at <= timedelta(days=61)
        assert all(each.figure.balance is not None and each.figure.balance >= 0 for each in lines)
    # the names are those of the configuration
    tables = topup_tables(Path("/home"), "http://127.0.0.1:1")
    assert all(f'name = "{name}"' in tables for name in ends if name != "BrowserOS")
    bought = [one for one, two in pairwise(found["team balance"]) if two.figure.balance > one.figure.balance]  # type: ignore[operator]  # all are known
    assert 2 <= len(bought) <= 12


def test_it_is_asked_by_get_and_for_an_installation() -> None:
    service = Credits(_Clock(), START.timestamp(), 1.0)
    assert _asked(service, CREDITS_PATH)[0] == 404
    assert _asked(service, method="POST")[0] == 405
    assert service.asked == 0
