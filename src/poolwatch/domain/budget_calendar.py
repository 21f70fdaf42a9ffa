"""When the periods of a budget begin and end, by the calendar of its time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, TypeAlias

from whenever import SYSTEM_TZ, Date, Instant, Time, TimeZoneNotFoundError

from poolwatch.domain.budgets import Budget, BudgetPeriod, Period

#: What `whenever` takes for a zone: a name, or the machine's.
_Zone: TypeAlias = "str | SYSTEM_TZ"

#: So many periods that ended while nobody looked are looked back on: more than a year of days.
MOST: Final = 400


def period_of(budget: Budget, at: datetime, machine_zone: str | None = None) -> Period:
    """The period that an instant lies in; its first moment is part of it, its last one of the next.

    A period begins with its first day, and a day with its first moment: where clocks skip midnight, when
    they have done so; where midnight comes twice, the first time. `machine_zone` stands in place of the
    machine's for budgets that name none.
    """
    if budget.period is BudgetPeriod.NEVER:
        return Period()
    zone = budget.time_zone or machine_zone
    first = _first_day(budget, _local_day(at, zone))
    # a moment of the evening that comes twice may be of the next day, and a day that is skipped has none
    while (ends := _begins(after := _after(budget, first), zone)) <= at:
        first = after
    return Period(_begins(first, zone), ends)


def periods_since(
    budget: Budget, since: datetime, now: datetime, machine_zone: str | None = None
) -> tuple[Period, ...]:
    """The periods from the one of an instant on that have ended by now, old to new; the last MOST of them."""
    found: list[Period] = []
    period = period_of(budget, since, machine_zone)
    while period.resets_at is not None and period.resets_at <= now:
        found.append(period)
        period = period_of(budget, period.resets_at, machine_zone)
    return tuple(found[-MOST:])


def _first_day(budget: Budget, day: Date) -> Date:
    """The first day of the period that has this day."""
    match budget.period:
        case BudgetPeriod.WEEKLY:
            return day.subtract(days=(day.day_of_week().value - (budget.starts_on or 1)) % 7)
        case BudgetPeriod.MONTHLY:
            first = _in_month(day, budget.starts_on or 1)
            return first if first <= day else _before(budget, first)
        case _:
            return day


def _after(budget: Budget, first: Date) -> Date:
    match budget.period:
        case BudgetPeriod.WEEKLY:
            return first.add(days=7)
        case BudgetPeriod.MONTHLY:
            return _in_month(first.replace(day=1).add(months=1), budget.starts_on or 1)
        case _:
            return first.add(days=1)


def _before(budget: Budget, first: Date) -> Date:
    match budget.period:
        case BudgetPeriod.WEEKLY:
            return first.subtract(days=7)
        case BudgetPeriod.MONTHLY:
            return _in_month(first.replace(day=1).subtract(months=1), budget.starts_on or 1)
        case _:
            return first.subtract(days=1)


def _in_month(day: Date, wanted: int) -> Date:
    """This day of its month; the last one of a month that is shorter."""
    return day.replace(day=min(wanted, day.days_in_month()))


def _local_day(at: datetime, zone: str | None) -> Date:
    return Instant(at.astimezone(UTC)).to_tz(_named(zone)).date()


def _begins(day: Date, zone: str | None) -> datetime:
    noon = day.at(Time(12)).assume_tz(_named(zone), disambiguation="compatible")
    return noon.start_of("day").to_instant().to_stdlib()


@lru_cache(maxsize=64)
def _named(zone: str | None) -> _Zone:
    """The zone as `whenever` takes it; UTC where TZ names none, as everywhere else."""
    named = SYSTEM_TZ if zone is None else zone
    try:
        Date(2000, 1, 1).at(Time(12)).assume_tz(named, disambiguation="compatible")
    except TimeZoneNotFoundError:
        return "UTC"
    return named
