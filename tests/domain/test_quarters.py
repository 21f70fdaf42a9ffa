from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from poolwatch.domain.quarters import (
    Calendar,
    UsePeriod,
    begins,
    instant_of,
    quarter_until,
    span_of_period,
    utc_day,
)
from poolwatch.domain.tokens import GroupBy
from tests.domain.use import quarter


@pytest.mark.parametrize(
    ("zone", "at", "day", "week", "month", "hour"),
    [
        ("UTC", "2026-11-20 14:00", "2026-11-20", "2026-11-16", "2026-11", "14"),
        ("Europe/Berlin", "2026-11-30 23:15", "2026-12-01", "2026-11-30", "2026-12", "00"),
        ("Asia/Kathmandu", "2026-11-20 18:15", "2026-11-21", "2026-11-16", "2026-11", "00"),
        ("Asia/Kathmandu", "2026-11-20 18:00", "2026-11-20", "2026-11-16", "2026-11", "23"),
        ("America/St_Johns", "2026-11-22 03:15", "2026-11-21", "2026-11-16", "2026-11", "23"),
        # an hour that clocks repeat is one hour
        ("Europe/Berlin", "2026-10-25 00:30", "2026-10-25", "2026-10-19", "2026-10", "02"),
        ("Europe/Berlin", "2026-10-25 01:30", "2026-10-25", "2026-10-19", "2026-10", "02"),
        # and one that they skip has nothing
        ("Europe/Berlin", "2026-03-29 01:00", "2026-03-29", "2026-03-23", "2026-03", "03"),
    ],
)
def test_a_quarter_in_a_zone(zone: str, at: str, day: str, week: str, month: str, hour: str) -> None:
    calendar = Calendar(ZoneInfo(zone))
    kinds = (GroupBy.DAY, GroupBy.WEEK, GroupBy.MONTH, GroupBy.HOUR_OF_DAY)
    assert [calendar.text(by, quarter(at)) for by in kinds] == [day, week, month, hour]


@pytest.mark.parametrize(
    ("by", "text", "quarters"),
    [
        (GroupBy.DAY, "2026-11-20", 96),
        (GroupBy.DAY, "2026-10-25", 100),
        (GroupBy.DAY, "2026-03-29", 92),
        (GroupBy.WEEK, "2026-10-19", 7 * 96 + 4),
        (GroupBy.MONTH, "2026-02", 28 * 96),
        (GroupBy.MONTH, "2026-12", 31 * 96),
    ],
)
def test_how_long_days_weeks_and_months_are(by: GroupBy, text: str, quarters: int) -> None:
    calendar = Calendar(ZoneInfo("Europe/Berlin"))
    span = calendar.span_of(by, text)
    assert span is not None
    assert span[1] - span[0] == quarters
    # every quarter of it is of it, and the ones around it are not
    assert {calendar.text(by, each) for each in range(*span)} == {text}
    assert text not in {calendar.text(by, span[0] - 1), calendar.text(by, span[1])}


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "tomorrow", "9999-12-31"])
def test_what_is_no_day_has_no_quarters(text: str) -> None:
    assert Calendar(UTC).span_of(GroupBy.DAY, text) is None
    assert Calendar(UTC).span_of(GroupBy.MODEL, "2026-11-20") is None


@pytest.mark.parametrize(
    ("period", "since", "until"),
    [
        (UsePeriod.TODAY, "2026-11-19 23:00", "2026-11-20 13:15"),
        (UsePeriod.LAST_24H, "2026-11-19 13:00", "2026-11-20 13:15"),
        (UsePeriod.DAYS_7, "2026-11-13 23:00", "2026-11-20 13:15"),
        (UsePeriod.DAYS_30, "2026-10-21 22:00", "2026-11-20 13:15"),
        (UsePeriod.MONTH, "2026-10-31 23:00", "2026-11-20 13:15"),
        (UsePeriod.LAST_MONTH, "2026-09-30 22:00", "2026-10-31 23:00"),
        (UsePeriod.ALL, "1970-01-01 00:00", "2026-11-20 13:15"),
    ],
)
def test_periods_are_of_local_days(period: UsePeriod, since: str, until: str) -> None:
    now = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
    found = span_of_period(period, now, Calendar(ZoneInfo("Europe/Berlin")))
    assert found == (quarter(since), quarter(until))


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_the_ends_of_the_calendar_are_told_in_every_zone(text: str) -> None:
    end = quarter_until(datetime.fromisoformat(text))
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        assert begins(end).astimezone(ZoneInfo(zone)).year in {1, 9999}


@pytest.mark.parametrize("seconds", [-1e30, -62135596800.0, 253402300800.0, 1e30, float("inf")])
def test_whatever_a_clock_says_is_some_instant_of_every_zone(seconds: float) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        assert instant_of(seconds).astimezone(ZoneInfo(zone)).year in {1, 9999}
    assert utc_day(10**12) == date.max
    assert utc_day(-(10**12)) == date.min


def test_prices_are_by_the_day_in_utc_and_ends_are_rounded_up() -> None:
    assert utc_day(quarter("2026-11-20 23:45")) == date(2026, 11, 20)
    assert utc_day(quarter("2026-11-21 00:00")) == date(2026, 11, 21)
    assert begins(quarter("2026-11-21 00:15")) == datetime(2026, 11, 21, 0, 15, tzinfo=UTC)
    assert quarter_until(datetime(2026, 11, 21, 0, 15, tzinfo=UTC)) == quarter("2026-11-21 00:15")
    assert quarter_until(datetime(2026, 11, 21, 0, 15, 1, tzinfo=UTC)) == quarter("2026-11-21 00:30")
