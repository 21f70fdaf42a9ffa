from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from poolwatch.domain.budget_ahead import PastDays, quarters_joined, window_forecast
from poolwatch.domain.budgets import BudgetForecast, Limit, LimitUnit, Period
from poolwatch.domain.forecast import Forecast
from poolwatch.domain.quarters import Calendar, quarter_of
from poolwatch.domain.when import midnight

_BERLIN = ZoneInfo("Europe/Berlin")
#: a Friday
_NOW = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
_DAY = timedelta(days=1)
_MONTH = Period(midnight(date(2026, 11, 1), _BERLIN), midnight(date(2026, 12, 1), _BERLIN))


def _limit(amount: str) -> Limit:
    return Limit(LimitUnit.USD, Decimal(amount))


def _days(count: int, weekday: str = "10", weekend: str = "0", zone: tzinfo = _BERLIN) -> PastDays:
    """So many days before today, each with a part before this time of day, and 4 parts of 10 after it."""
    past = PastDays(_NOW, Calendar(zone))
    for number in range(1, count + 1):
        begun = midnight(past.today - number * _DAY, zone)
        amount = Decimal(weekend if (past.today - number * _DAY).weekday() > 4 else weekday)
        quarters = [
            (begun + timedelta(hours=9), amount * 6 / 10),
            (begun + timedelta(hours=18), amount * 4 / 10),
        ]
        past.add_quarters((quarter_of(at), part) for at, part in quarters)
    return past


def test_it_goes_on_as_such_days_went() -> None:
    found = _days(28).forecast(Decimal(100), _limit("900"), _MONTH, _NOW, None)
    # 4 of today, and 6 working days to come
    assert found == BudgetForecast(Decimal(164), Decimal(164), Decimal(164))


def test_the_limit_is_reached_when_the_days_bring_it() -> None:
    found = _days(28).forecast(Decimal(100), _limit("134"), _MONTH, _NOW, None)
    assert found is not None
    # 4 today, nothing at the weekend, 10 on Monday and Tuesday: on Wednesday at that
    assert found.over_earliest == found.over_latest == midnight(date(2026, 11, 26), _BERLIN)
    half = _days(28).forecast(Decimal(100), _limit("129"), _MONTH, _NOW, None)
    assert half is not None
    assert half.over_earliest == midnight(date(2026, 11, 25), _BERLIN) + timedelta(hours=12)


def test_days_that_differ_make_it_wide() -> None:
    past = _days(28)
    past.add_moments([(_NOW - 7 * _DAY - timedelta(hours=5), Decimal(30))])
    found = past.forecast(Decimal(100), _limit("170"), _MONTH, _NOW, None)
    assert found is not None
    assert found.low < found.median < found.high
    assert found.over_earliest is not None
    assert found.over_latest is not None
    assert _NOW < found.over_earliest < found.over_latest <= datetime(2026, 12, 1, tzinfo=_BERLIN)


def test_nobody_expects_what_the_middle_does_not_reach() -> None:
    past = _days(28)
    past.add_moments([(_NOW - 7 * _DAY - timedelta(hours=5), Decimal(30))])
    found = past.forecast(Decimal(100), _limit("180"), _MONTH, _NOW, None)
    assert found is not None
    assert found.median < 180 < found.high
    assert (found.over_earliest, found.over_latest) == (None, None)
    over = _days(28).forecast(Decimal(100), _limit("90"), _MONTH, _NOW, None)
    assert over is not None
    assert over.over_earliest is None


def test_of_too_few_days_nothing_is_said() -> None:
    assert _days(7).forecast(Decimal(1), _limit("9"), _MONTH, _NOW, None) is None
    assert _days(8).forecast(Decimal(1), _limit("9"), _MONTH, _NOW, None) is not None
    assert _days(0).forecast(Decimal(0), _limit("9"), _MONTH, _NOW, None) is None
    # files tell of all days since: without use they cost nothing
    since = date(2026, 10, 23)
    nothing = _days(0).forecast(Decimal(1), _limit("9"), _MONTH, _NOW, since)
    assert nothing == BudgetForecast(Decimal(1), Decimal(1), Decimal(1))


def test_a_budget_that_never_resets_has_no_end_to_tell_of() -> None:
    assert _days(28).forecast(Decimal(1), _limit("9"), Period(), _NOW, None) is None


def test_a_day_ends_with_what_comes_after_this_time_of_day() -> None:
    day = Period(midnight(date(2026, 11, 20), _BERLIN), midnight(date(2026, 11, 21), _BERLIN))
    found = _days(28).forecast(Decimal(5), _limit("9"), day, _NOW, None)
    assert found is not None
    assert found.median == 9
    assert found.over_latest == day.resets_at


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia"])
def test_a_day_is_cut_where_the_zone_and_the_clock_cut_it(zone: str) -> None:
    calendar = Calendar(ZoneInfo(zone))
    cuts = quarters_joined(_NOW, calendar)
    assert cuts[0] == 0
    assert sorted(set(cuts)) == list(cuts)
    begins = midnight(_NOW.astimezone(calendar.zone).date(), calendar.zone)
    assert quarter_of(begins) % 96 in cuts
    assert (quarter_of(_NOW) + 1) % 96 in cuts


def _window(low: float, median: float, high: float) -> Forecast:
    resets_at = _NOW + 2 * _DAY
    return Forecast("codex", "weekly", _NOW, resets_at, median, low, high)


def test_a_limit_of_the_window_takes_the_windows_own_forecast() -> None:
    limit, resets_at = Limit(LimitUnit.PERCENT, Decimal(80)), _NOW + 2 * _DAY
    found = window_forecast(_window(60, 90, 100), Decimal(60), limit, _NOW, resets_at)
    assert found == BudgetForecast(Decimal(60), Decimal(90), Decimal(100), _NOW + _DAY, resets_at)
    below = window_forecast(_window(60, 70, 100), Decimal(60), limit, _NOW, resets_at)
    assert below == BudgetForecast(Decimal(60), Decimal(70), Decimal(100))
    assert window_forecast(_window(1, 2, 3), Decimal(1), limit, _NOW, resets_at + 3 * _DAY) is None
    assert window_forecast(None, Decimal(1), limit, _NOW, resets_at) is None


@pytest.mark.parametrize(("deviation", "weekend"), [(0.3, 0.2), (0.6, 1.0), (1.0, 0.3)])
def test_eight_simulated_months_in_ten_end_within_what_was_told(deviation: float, weekend: float) -> None:
    draw, inside, count = random.Random(5), 0, 300
    for _ in range(count):
        today = date(2026, 11, draw.randint(3, 27))
        now = datetime(2026, 11, today.day, draw.randint(1, 22), tzinfo=UTC)
        spent = [
            draw.lognormvariate(3, deviation) * (weekend if (today + n * _DAY).weekday() > 4 else 1)
            for n in range(-28, 31)
        ]
        past, part = PastDays(now, Calendar(UTC)), now.hour / 24
        for number in range(-28, 0):
            noon = datetime(today.year, today.month, today.day, tzinfo=UTC) + number * _DAY
            whole = Decimal(spent[28 + number])
            past.add_moments(
                [(noon, whole * Decimal(part)), (noon + timedelta(hours=23), whole * Decimal(1 - part))]
            )
        so_far = sum(spent[29 - today.day : 28]) + spent[28] * part
        final = sum(spent[29 - today.day : 59 - today.day])
        month = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
        told = past.forecast(Decimal(so_far), _limit("1"), month, now, today - 28 * _DAY)
        assert told is not None
        inside += told.low <= Decimal(final) <= told.high
    assert 0.75 <= inside / count <= 0.87
