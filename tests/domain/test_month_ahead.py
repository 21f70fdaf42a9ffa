from __future__ import annotations

from datetime import date, timedelta

import pytest

from poolwatch.domain.month_ahead import DayCost, MonthAhead, days_ahead, month_ahead
from tests.domain.use import DOLLAR

#: a Friday
TODAY = date(2026, 11, 20)
DAY = timedelta(days=1)


def weeks(count: int, weekday: int, weekend: int = 0, wobble: int = 0) -> dict[date, DayCost]:
    """Days before today, a quarter of whose cost comes later than now; every other week costs more."""
    found = {}
    for number in range(1, count * 7 + 1):
        day = TODAY - number * DAY
        cost = weekend if day.weekday() > 4 else weekday + wobble * (number // 7 % 2)
        found[day] = DayCost(cost * DOLLAR, cost * DOLLAR // 4)
    return found


def test_what_is_left_of_the_month_costs_what_such_days_cost() -> None:
    found = month_ahead(100 * DOLLAR, weeks(8, 12), TODAY - 60 * DAY, TODAY)
    # the rest of today, and 6 working days of the 10 that come
    assert found == MonthAhead(175 * DOLLAR, 175 * DOLLAR, 175 * DOLLAR)


def test_it_lies_between_what_such_days_cost_at_least_and_most() -> None:
    found = month_ahead(100 * DOLLAR, weeks(8, 12, wobble=8), TODAY - 60 * DAY, TODAY)
    assert found is not None
    assert 100 * DOLLAR < found.low < found.expected < found.high
    assert found.high - found.expected == pytest.approx(found.expected - found.low, rel=1e-6)
    # it never falls below what was used already
    wild = month_ahead(100 * DOLLAR, {TODAY - 3 * DAY: DayCost(10**18)}, TODAY - 20 * DAY, TODAY)
    assert wild is not None
    assert wild.low == 100 * DOLLAR


def test_below_a_week_nothing_is_said() -> None:
    past = weeks(1, 12)
    assert month_ahead(0, past, TODAY - 6 * DAY, TODAY) is None
    assert month_ahead(0, past, None, TODAY) is None
    assert month_ahead(0, past, TODAY - 7 * DAY, TODAY) is not None


def test_days_without_use_cost_nothing() -> None:
    found = month_ahead(5 * DOLLAR, {}, TODAY - 30 * DAY, TODAY)
    assert found == MonthAhead(5 * DOLLAR, 5 * DOLLAR, 5 * DOLLAR)


def test_on_the_last_day_only_its_rest_is_to_come() -> None:
    last = date(2026, 11, 30)
    past = {last - number * DAY: DayCost(8 * DOLLAR, 2 * DOLLAR) for number in range(1, 29)}
    assert month_ahead(0, past, last - 28 * DAY, last) == MonthAhead(2 * DOLLAR, 2 * DOLLAR, 2 * DOLLAR)


def test_two_of_the_same_weekday_are_less_certain_than_one() -> None:
    """Each day has the variance of its weekday, and their mean is known by as many as there were."""
    past = {TODAY - number * DAY: DayCost(0) for number in range(1, 15)}
    for number, cost in ((6, 10), (13, 30)):
        # Saturdays
        past[TODAY - number * DAY] = DayCost(cost)
    for weeks_ahead in (1, 2, 3):
        last = days_ahead(0, past, TODAY - 14 * DAY, TODAY, TODAY + (7 * weeks_ahead) * DAY)
        assert last is not None
        assert last[-1].expected == 20 * weeks_ahead
        variance = 200 * (weeks_ahead + weeks_ahead**2 / 2)
        assert last[-1].high == 20 * weeks_ahead + round(1.2816 * variance**0.5)
