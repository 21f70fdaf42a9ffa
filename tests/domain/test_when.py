from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.when import parse_when

#: December in Berlin, still November in UTC.
NOW = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "zone", "meant"),
    [
        ("7d", UTC, "2026-11-23T23:30:00Z"),
        ("24h", BERLIN, "2026-11-29T23:30:00Z"),
        (" 0h ", UTC, "2026-11-30T23:30:00Z"),
        ("today", UTC, "2026-11-30T00:00:00Z"),
        ("today", BERLIN, "2026-11-30T23:00:00Z"),
        ("Month", BERLIN, "2026-11-30T23:00:00Z"),
        ("month", timezone(timedelta(hours=-1)), "2026-11-01T01:00:00Z"),
        ("2026-07-01", BERLIN, "2026-06-30T22:00:00Z"),
        ("2026-11-20T12:00:00Z", BERLIN, "2026-11-20T12:00:00Z"),
        ("2026-11-20t12:00:00.250z", UTC, "2026-11-20T12:00:00.250Z"),
        ("2026-11-20T12:00:00+05:30", UTC, "2026-11-20T06:30:00Z"),
        # the clocks of Santiago skip this midnight: the day begins at one, summer time
        ("2026-09-06", ZoneInfo("America/Santiago"), "2026-09-06T04:00:00Z"),
    ],
)  # fmt: skip
def test_a_moment_as_people_type_it(text: str, zone: tzinfo, meant: str) -> None:
    assert parse_when(text, NOW, zone) == datetime.fromisoformat(meant)


@pytest.mark.parametrize(
    "text",
    [
        "", "7", "d", "-7d", "7 d", "7w", "+24h", "٧d", "yesterday", "20261120", "2026-11-31", "2026-11",
        "2026-11-20T12:00:00", "2026-11-20T12:00Z", "2026-11-20T25:00:00Z", "2026-W47-5", "999999d",
        "0001-01-01T00:00:00+23:59",
    ],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    assert parse_when(text, NOW, UTC) is None


@given(st.text(max_size=30))
def test_no_text_breaks_it(text: str) -> None:
    found = parse_when(text, NOW, BERLIN)
    assert found is None or found.tzinfo is UTC
