from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whenever import SYSTEM_TZ, Date, Time

from poolwatch.domain.budget_calendar import MOST, period_of, periods_since
from poolwatch.domain.budgets import Budget, BudgetPeriod, Limit, LimitUnit, Period

_TEN = Limit(LimitUnit.USD, Decimal(10))
#: Clocks go by half an hour; a day was left out; midnight is skipped in Cairo, Santiago and Beirut.
_ZONES = (
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Santiago",
    "Asia/Beirut",
    # until 2011 clocks were set at a minute past midnight
    "America/St_Johns",
    "Europe/Berlin",
    "UTC",
)
_YEARS = (2010, 2011, 2024, 2026)
_BEGINS = [
    (BudgetPeriod.DAILY, None),
    *((BudgetPeriod.WEEKLY, day) for day in (None, 5, 7)),
    *((BudgetPeriod.MONTHLY, day) for day in (None, 15, 29, 30, 31)),
]


def _budget(period: BudgetPeriod, starts_on: int | None = None, zone: str | None = "UTC") -> Budget:
    return Budget("team", _TEN, period, starts_on=starts_on, time_zone=zone)


def _at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _text(period: Period, zone: str = "UTC") -> str:
    ends = (period.started_at, period.resets_at)
    return " ".join(f"{at.astimezone(ZoneInfo(zone)):%a %d %b %H:%M}" for at in ends if at is not None)


@pytest.mark.parametrize(
    ("period", "starts_on", "at", "zone", "expected"),
    [
        ("daily", None, "2026-11-20 14:03", "Europe/Berlin", "Fri 20 Nov 00:00 Sat 21 Nov 00:00"),
        ("weekly", None, "2026-11-20 14:03", "Europe/Berlin", "Mon 16 Nov 00:00 Mon 23 Nov 00:00"),
        ("weekly", None, "2026-11-16 00:00", "Europe/Berlin", "Mon 16 Nov 00:00 Mon 23 Nov 00:00"),
        ("weekly", 6, "2026-11-20 14:03", "Europe/Berlin", "Sat 14 Nov 00:00 Sat 21 Nov 00:00"),
        ("weekly", 7, "2026-11-22 00:00", "Europe/Berlin", "Sun 22 Nov 00:00 Sun 29 Nov 00:00"),
        ("monthly", None, "2026-11-30 23:59", "Europe/Berlin", "Sun 01 Nov 00:00 Tue 01 Dec 00:00"),
        ("monthly", 15, "2026-11-14 23:59", "UTC", "Thu 15 Oct 00:00 Sun 15 Nov 00:00"),
        ("monthly", 15, "2026-01-03 00:00", "UTC", "Mon 15 Dec 00:00 Thu 15 Jan 00:00"),
        # 31 is the last day of every month
        ("monthly", 31, "2026-02-27 12:00", "UTC", "Sat 31 Jan 00:00 Sat 28 Feb 00:00"),
        ("monthly", 31, "2026-02-28 00:00", "UTC", "Sat 28 Feb 00:00 Tue 31 Mar 00:00"),
        ("monthly", 31, "2024-02-29 12:00", "UTC", "Thu 29 Feb 00:00 Sun 31 Mar 00:00"),
        ("monthly", 30, "2026-03-01 12:00", "UTC", "Sat 28 Feb 00:00 Mon 30 Mar 00:00"),
        # clocks are set
        ("daily", None, "2026-03-29 12:00", "Europe/Berlin", "Sun 29 Mar 00:00 Mon 30 Mar 00:00"),
        ("daily", None, "2024-09-08 12:00", "America/Santiago", "Sun 08 Sep 01:00 Mon 09 Sep 00:00"),
        ("daily", None, "2024-04-26 12:00", "Africa/Cairo", "Fri 26 Apr 01:00 Sat 27 Apr 00:00"),
        ("daily", None, "2024-04-06 23:30", "America/Santiago", "Sat 06 Apr 00:00 Sun 07 Apr 00:00"),
        ("daily", None, "2011-12-29 12:00", "Pacific/Apia", "Thu 29 Dec 00:00 Sat 31 Dec 00:00"),
        ("daily", None, "2011-12-31 00:00", "Pacific/Apia", "Sat 31 Dec 00:00 Sun 01 Jan 00:00"),
        ("weekly", 5, "2011-12-31 12:00", "Pacific/Apia", "Sat 31 Dec 00:00 Fri 06 Jan 00:00"),
    ],
)
def test_a_period_begins_with_its_first_day(
    period: str, starts_on: int | None, at: str, zone: str, expected: str
) -> None:
    budget = _budget(BudgetPeriod(period), starts_on, zone)
    assert _text(period_of(budget, _at(at, zone)), zone) == expected


def test_an_hour_that_comes_twice_lies_in_one_day() -> None:
    budget = _budget(BudgetPeriod.DAILY, zone="America/Santiago")
    zone = ZoneInfo("America/Santiago")
    twice = [datetime(2024, 4, 6, 23, 30, tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    assert twice[1] - twice[0] == timedelta(hours=1)
    found = {period_of(budget, at) for at in twice}
    assert len(found) == 1
    (day,) = found
    assert day.resets_at is not None
    assert day.started_at is not None
    assert day.resets_at - day.started_at == timedelta(hours=25)


def test_a_midnight_that_comes_twice_begins_a_day_the_first_time() -> None:
    budget = _budget(BudgetPeriod.DAILY, zone="America/St_Johns")
    midnight = _at("2010-11-07 00:00", "America/St_Johns")
    # at 00:01 it became 23:01 once more
    evening = midnight + timedelta(minutes=20)
    assert evening.astimezone(ZoneInfo("America/St_Johns")).day == 6
    assert period_of(budget, evening).started_at == midnight
    assert period_of(budget, midnight - timedelta(microseconds=1)).resets_at == midnight


def test_a_budget_that_never_resets_has_no_ends() -> None:
    budget = _budget(BudgetPeriod.NEVER)
    assert period_of(budget, _at("2026-11-20 12:00")) == Period()
    assert periods_since(budget, _at("2020-01-01 00:00"), _at("2026-11-20 12:00")) == ()


def test_a_budget_without_a_zone_goes_by_that_of_the_machine() -> None:
    budget = _budget(BudgetPeriod.DAILY, zone=None)
    at = _at("2026-11-20 12:00")
    assert _text(period_of(budget, at, "Asia/Kathmandu")) == "Thu 19 Nov 18:15 Fri 20 Nov 18:15"
    begins = Date(2026, 11, 20).at(Time(0)).assume_tz(SYSTEM_TZ, disambiguation="compatible")
    assert period_of(budget, at, None).started_at == begins.to_instant().to_stdlib()


@pytest.mark.parametrize("zone", _ZONES)
@pytest.mark.parametrize(("period", "starts_on"), _BEGINS)
@pytest.mark.parametrize("year", _YEARS)
def test_a_year_of_periods_is_without_gaps(
    zone: str, period: BudgetPeriod, starts_on: int | None, year: int
) -> None:
    """By the calendar of `zoneinfo`: each first day begins a period, and no other moment does."""
    budget = _budget(period, starts_on, zone)
    at, end = _at(f"{year}-01-01 12:00", zone), _at(f"{year + 1}-01-02 12:00", zone)
    found = [period_of(budget, at)]
    while (ends := found[-1].resets_at) is not None and ends <= end:
        following = period_of(budget, ends)
        assert following.started_at == ends
        assert period_of(budget, ends - timedelta(microseconds=1)) == found[-1]
        found.append(following)
    # looked at once at the end, the same ones have ended
    assert list(periods_since(budget, at, ends or at))[:-1] == found[-MOST:-1]
    begun = [each.started_at for each in found if each.started_at is not None]
    assert begun == sorted(set(begun))
    first, last = begun[0].astimezone(ZoneInfo(zone)).date(), begun[-1].astimezone(ZoneInfo(zone)).date()
    expected = [
        day
        for number in range((last - first).days + 1)
        if _begins_on(day := first + timedelta(days=number), period, starts_on)
    ]
    if (zone, year) == ("Pacific/Apia", 2011):
        # 30 December was no day there: what would have begun on it began on the day after it
        moved = (day if day != date(2011, 12, 30) else date(2011, 12, 31) for day in expected)
        expected = list(dict.fromkeys(moved))
    assert [each.astimezone(ZoneInfo(zone)).date() for each in begun] == expected


def _begins_on(day: date, period: BudgetPeriod, starts_on: int | None) -> bool:
    if period is BudgetPeriod.WEEKLY:
        return day.isoweekday() == (starts_on or 1)
    if period is BudgetPeriod.MONTHLY:
        is_last = (day + timedelta(days=1)).month != day.month
        return day.day == (starts_on or 1) or (is_last and day.day < (starts_on or 1))
    return True


@given(
    seconds=st.integers(1_262_304_000, 1_830_297_600),
    zone=st.sampled_from(_ZONES),
    begins=st.sampled_from(_BEGINS),
)
@settings(max_examples=300, deadline=None)
def test_every_instant_is_in_exactly_one_period(
    seconds: int, zone: str, begins: tuple[BudgetPeriod, int | None]
) -> None:
    budget = _budget(*begins, zone)
    at = datetime.fromtimestamp(seconds, UTC)
    found = period_of(budget, at)
    assert found.started_at is not None
    assert found.resets_at is not None
    assert found.started_at <= at < found.resets_at
    assert period_of(budget, found.started_at) == found
    assert period_of(budget, found.resets_at).started_at == found.resets_at
    there = ZoneInfo(zone)
    day = found.started_at.astimezone(there).date()
    just_before = (found.started_at - timedelta(microseconds=1)).astimezone(there).date()
    assert just_before < day or zone == "America/St_Johns"


def test_zones_that_the_configuration_takes_are_found() -> None:
    at = _at("2026-11-20 12:00")
    for zone in available_timezones():
        begins = period_of(_budget(BudgetPeriod.DAILY, zone=zone), at).started_at
        assert begins is not None
        begun = begins.astimezone(ZoneInfo(zone))
        assert (begun.hour, begun.minute, begun.date()) == (0, 0, at.astimezone(ZoneInfo(zone)).date()), zone


def test_periods_that_ended_while_nobody_looked() -> None:
    budget = _budget(BudgetPeriod.MONTHLY, 31)
    found = periods_since(budget, _at("2026-01-31 00:00"), _at("2026-04-30 00:00"))
    assert [_text(each) for each in found] == [
        "Sat 31 Jan 00:00 Sat 28 Feb 00:00",
        "Sat 28 Feb 00:00 Tue 31 Mar 00:00",
        "Tue 31 Mar 00:00 Thu 30 Apr 00:00",
    ]
    assert periods_since(budget, _at("2026-04-30 00:00"), _at("2026-05-30 23:59")) == ()
    days = periods_since(_budget(BudgetPeriod.DAILY), _at("2020-01-01 00:00"), _at("2026-11-20 12:00"))
    assert len(days) == MOST
    assert days[-1].resets_at == _at("2026-11-20 00:00")
