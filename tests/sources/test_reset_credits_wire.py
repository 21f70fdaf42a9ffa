from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from poolwatch.domain.banked import BankedReset
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.sources.usage_payload import parse_reset_list

EXAMPLE = (Path(__file__).parent.parent / "payloads" / "30-reset-credits-list.json").read_bytes()
DECEMBER = datetime(2026, 12, 1, 9, tzinfo=UTC)


def parsed(body: object, *, null_is_never: bool = True) -> tuple[BankedReset, ...]:
    outcome = parse_reset_list(json.dumps(body).encode(), null_is_never=null_is_never)
    assert isinstance(outcome, tuple)
    return outcome


def test_the_example() -> None:
    assert parse_reset_list(EXAMPLE) == (
        BankedReset(DECEMBER, datetime(2026, 11, 1, 9, tzinfo=UTC), "available"),
        BankedReset(None, datetime(2026, 10, 1, 9, 0, 0, 123456, tzinfo=UTC), "redeemed"),
    )


@pytest.mark.parametrize(
    ("expiry", "found"),
    [
        ({"expires_at": "2026-12-01T10:00:00+01:00"}, (DECEMBER, True)),
        ({"expires_at": int(DECEMBER.timestamp())}, (DECEMBER, True)),
        ({"expires_at": None}, (None, True)),
        ({}, (None, False)),
        ({"expires_at": "no date"}, (None, False)),
        ({"expires_at": "2026-11-25T00:00:00"}, (None, False)),
    ],
)
def test_never_is_said_and_not_guessed(
    expiry: dict[str, object], found: tuple[datetime | None, bool]
) -> None:
    [row] = parsed({"credits": [{"status": "available", **expiry}]})
    assert (row.expires_at, row.expiry_known) == found


def test_null_is_unknown_where_the_speaker_drops_instants() -> None:
    rows = [{"expires_at": None}, {"expires_at": "2026-12-01T09:00:00Z"}]
    found = parsed({"data": {"credits": rows}}, null_is_never=False)
    assert [row.expiry_known for row in found] == [False, True]


def test_titles_are_safe_to_show_and_rubbish_is_left_out() -> None:
    found = parsed({"credits": [3, None, {"title": "\x1b[2JFull reset\u202e", "status": 7}]})
    assert found == (BankedReset(None, title="\\x1b[2JFull reset\\u202e", expiry_known=False),)


def test_a_list_without_end_is_cut() -> None:
    assert len(parsed({"credits": [{}] * 1000})) == 64


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"{", b"null", b'{"credits": null}', b'{"credits": "two", "available_count": 2}']
)
def test_another_answer_is_malformed(body: bytes) -> None:
    outcome = parse_reset_list(body)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.MALFORMED
