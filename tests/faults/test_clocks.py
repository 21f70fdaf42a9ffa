"""Clocks that are wrong, and zones that fold and gap: instants are UTC, and only their words are local."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.overview import overview
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import PoolRules
from poolwatch.presentation import figures
from poolwatch.presentation.strip import strip_view
from poolwatch.presentation.view import Prefs
from tests.monitor.turned_clock import START

#: Zones whose clocks go forward and back in every odd way: half hours, at midnight, twice a year, not at all.
ZONES = sorted(
    available_timezones()
    & {
        *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu"),
        *("Africa/Casablanca", "Pacific/Apia", "Antarctica/Troll", "Asia/Tehran", "America/St_Johns", "UTC"),
    }
)
#: Sunday night of the change back, of the change forward, a leap second, the last instants of 32 bits.
EDGES = (
    datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    datetime(2026, 4, 4, 15, 30, tzinfo=UTC),
    datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
)


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo]:
    """A zone that is the machine's while the test runs."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield ZoneInfo(request.param)
    monkeypatch.undo()
    time.tzset()


def test_local_times_are_right_on_days_that_fold_and_gap(zone: ZoneInfo) -> None:
    for edge in EDGES:
        for minutes in (-90, -61, -30, 0, 29, 30, 59, 60, 61, 150):
            at = edge + timedelta(minutes=minutes)
            ours, right = figures.local_time(at, None), at.astimezone(zone)
            assert ours.replace(tzinfo=None) == right.replace(tzinfo=None), at


def test_the_reset_of_a_night_that_has_half_past_two_twice_or_never_is_one_instant(zone: ZoneInfo) -> None:
    for edge in EDGES:
        now = edge - timedelta(hours=3)
        # what is left is counted in UTC, whatever the clock on the wall does in between
        assert figures.countdown(edge, now) == figures.countdown(START + timedelta(hours=3), START)
        assert f"{edge.astimezone(zone):%H:%M}" in figures.clock(edge, now, None)


@given(st.datetimes(timezones=st.timezones()), st.timedeltas(timedelta(days=-4000), timedelta(days=4000)))
def test_no_instant_of_any_zone_breaks_the_words(at: datetime, apart: timedelta) -> None:
    zone = at.tzinfo or UTC
    try:
        at = at.astimezone(UTC)
        now = at + apart
    except OverflowError:
        return
    assert figures.clock(at, now, zone)
    assert figures.countdown(at, now)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, None),
        (60, None),
        (-60, None),
        (7300, "this machine's clock is 2h 1m behind the service's"),
        (-86400 * 3653, "this machine's clock is 10y ahead of the service's"),
    ],
)
def test_a_clock_that_is_wrong_by_more_than_a_minute_is_said(seconds: int, said: str | None) -> None:
    state = PoolState(clock_offset=timedelta(seconds=seconds))
    judged = overview(state, START, PoolRules())
    lines = [span.text for span in strip_view(judged, state, Prefs(PoolRules()), "pool").notices]
    assert lines == ([said] if said else [])
