from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.presentation import figures
from tests.presentation.scene import CET, NOW

LENGTHS = [
    (0, "<1m", "<1m"),
    (59, "<1m", "<1m"),
    (60, "1m", "1m"),
    (47 * 60 + 59, "47m", "47m"),
    (3600, "1h", "1h"),
    (3720, "1h 2m", "1h"),
    (9 * 3600, "9h", "9h"),
    (86399, "23h 59m", "23h"),
    (86400, "1d", "1d"),
    (86400 + 10 * 3600, "1d 10h", "1d"),
    (10 * 86400 + 3 * 3600 + 1800, "10d 3h", "10d"),
    (120 * 86400 + 7200, "120d", "120d"),
    (800 * 86400, "2y", "2y"),
    (-5, "<1m", "<1m"),
]
UNITS = {"m": 1, "h": 60, "d": 1440, "y": 525600}


@pytest.mark.parametrize(("seconds", "span", "age"), LENGTHS)
def test_lengths(seconds: int, span: str, age: str) -> None:
    assert figures.duration(timedelta(seconds=seconds)) == span
    assert figures.age(timedelta(seconds=seconds)) == age


def _minutes(text: str) -> int:
    if text == "<1m":
        return 0
    return sum(int(part[:-1]) * UNITS[part[-1]] for part in text.split())


@given(st.timedeltas(timedelta(0), timedelta(days=36500)), st.timedeltas(timedelta(0), timedelta(days=36500)))
def test_lengths_never_run_backwards_and_stay_narrow(one: timedelta, other: timedelta) -> None:
    shorter, longer = sorted((one, other))
    for form in (figures.duration, figures.age):
        assert _minutes(form(shorter)) <= _minutes(form(longer))
        assert _minutes(form(longer)) <= longer // timedelta(minutes=1)
    assert len(figures.duration(longer)) <= 7
    assert len(figures.age(longer)) <= 4


def test_a_passed_reset_is_due() -> None:
    assert figures.countdown(NOW, NOW) == "due"
    assert figures.countdown(NOW - timedelta(days=1), NOW) == "due"
    assert figures.countdown(NOW + timedelta(seconds=1), NOW) == "<1m"


def at(day: int, hour: int, minute: int = 0, month: int = 11, year: int = 2026) -> datetime:
    """A time on the operator's wall."""
    return datetime(year, month, day, hour, minute, tzinfo=CET).astimezone(UTC)


CLOCKS = [
    (at(20, 14, 50), "14:50", "14:50", "Fri 14:50 CET"),
    (at(20, 0, 1), "00:01", "00:01", "Fri 00:01 CET"),
    (at(21, 1, 30), "01:30", "01:30", "Sat 01:30 CET"),
    (at(22, 10, 3), "Sun 10:03", "Sun", "Sun 10:03 CET"),
    (at(26, 23, 59), "Thu 23:59", "Thu", "Thu 23:59 CET"),
    (at(27, 0), "27 Nov", "27 Nov", "Fri 27 Nov 00:00 CET"),
    (at(12, 9, 0, 12), "12 Dec", "12 Dec", "Sat 12 Dec 09:00 CET"),
    (at(1, 9, 0, 12, 2027), "1 Dec 2027", "1 Dec 2027", "Wed 1 Dec 2027 09:00 CET"),
]


@pytest.mark.parametrize(("instant", "clock", "short", "whole"), CLOCKS)
def test_instants_are_local(instant: datetime, clock: str, short: str, whole: str) -> None:
    assert figures.clock(instant, NOW, CET) == clock
    assert figures.clock_short(instant, NOW, CET) == short
    assert figures.instant(instant, NOW, CET) == whole


def test_dated_forms() -> None:
    assert figures.dated_instant(at(21, 9), NOW, CET) == "Sat 21 Nov 09:00 CET"
    assert figures.weekday_and_day(at(29, 9), NOW, CET) == "Sun 29 Nov"


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours))),
)
def test_no_instant_is_beyond_words(instant: datetime, now: datetime, zone: tzinfo) -> None:
    """Also at both ends of the calendar, where an offset would leave it."""
    assert figures.clock(instant, now, zone)
    assert figures.clock_short(instant, now, zone)
    assert figures.instant(instant, now, zone)
    assert figures.dated_instant(instant, now, zone)
