from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import ResetCredits
from poolwatch.sources.reset_credits_wire import parse_reset_credits
from tests.sources.logins import AT

EXAMPLE = (Path(__file__).parent.parent / "payloads" / "30-reset-credits-list.json").read_bytes()
DECEMBER = datetime(2026, 12, 1, 9, tzinfo=UTC)


def parsed(body: object) -> ResetCredits:
    outcome = parse_reset_credits(json.dumps(body).encode(), AT)
    assert isinstance(outcome, ResetCredits)
    return outcome


def test_the_example() -> None:
    assert parse_reset_credits(EXAMPLE, AT) == ResetCredits(3, None, DECEMBER)


def row(status: str, expires_at: object) -> dict[str, object]:
    return {"status": status, "expires_at": expires_at}


def test_the_nearest_expiry_ahead_of_a_usable_one_counts() -> None:
    rows = [
        row("available", "2026-12-24T10:00:00+01:00"),
        row("granted", int(DECEMBER.timestamp())),
        row("redeemed", "2026-11-21T00:00:00Z"),
        row("available", "2026-11-19T00:00:00Z"),
        row("available", None),
        row("available", "no date"),
        row("available", "2026-11-25T00:00:00"),
    ]
    assert parsed({"credits": rows}) == ResetCredits(6, None, DECEMBER)
    assert parsed({"data": {"credits": rows, "available_count": 9}}) == ResetCredits(9, None, DECEMBER)


def test_what_is_not_said_is_unknown() -> None:
    assert parsed({"available_count": None}) == ResetCredits(None, None, None)
    assert parsed({"available_count": "two", "credits": "none"}) == ResetCredits(None, None, None)
    assert parsed({"credits": [3, None]}) == ResetCredits(0, None, None)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"{", b"null"])
def test_another_answer_is_malformed(body: bytes) -> None:
    outcome = parse_reset_credits(body, AT)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.MALFORMED
