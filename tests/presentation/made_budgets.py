"""Budgets for tests and pictures, as they stand on a Friday at 14:03; made by hand, always the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from poolwatch.domain.budgets import (
    AtLimit,
    Budget,
    BudgetForecast,
    BudgetPeriod,
    BudgetReport,
    BudgetState,
    Each,
    EndedPeriod,
    Grace,
    Level,
    Limit,
    LimitUnit,
    Measured,
    MeasuredBy,
    Period,
)

NOW: Final = datetime(2026, 11, 20, 13, 3, 20, tzinfo=UTC)
ZONE: Final = timezone(timedelta(hours=1), "CET")
MONTH: Final = Period(
    datetime(2026, 11, 1, tzinfo=ZONE).astimezone(UTC), datetime(2026, 12, 1, tzinfo=ZONE).astimezone(UTC)
)
DAY: Final = Period(
    datetime(2026, 11, 20, tzinfo=ZONE).astimezone(UTC), datetime(2026, 11, 21, tzinfo=ZONE).astimezone(UTC)
)
WEEK: Final = Period(
    datetime(2026, 11, 16, tzinfo=ZONE).astimezone(UTC), datetime(2026, 11, 23, tzinfo=ZONE).astimezone(UTC)
)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A local moment of November."""
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def dollars(amount: str) -> Limit:
    """A limit in USD."""
    return Limit(LimitUnit.USD, Decimal(amount))


def spent(amount: str | None, estimated: str = "0", by: MeasuredBy = MeasuredBy.USAGE) -> Measured:
    """What was spent, as read a minute ago."""
    known = None if amount is None else Decimal(amount)
    return Measured(by, known, Decimal(estimated), read_at=NOW - timedelta(minutes=1))


TEAM: Final = BudgetState(
    Budget(
        "team",
        dollars("300.00"),
        BudgetPeriod.MONTHLY,
        time_zone="Europe/Berlin",
        grace=Grace(percent=Decimal(10)),
        at_limit=AtLimit.STOP,
    ),
    MONTH,
    spent("276.00", "8.28"),
    Level.WARNED,
    reached=((Decimal(75), at(14, 16, 20)), (Decimal(90), at(20, 13, 40))),
    forecast=BudgetForecast(Decimal(372), Decimal(400), Decimal(431), at(23, 10), at(23, 17)),
)
NIGHTLY: Final = BudgetState(
    Budget(
        "nightly",
        Limit(LimitUnit.TOKENS, Decimal(5_000_000)),
        BudgetPeriod.DAILY,
        filter="group:night",
        time_zone="Europe/Berlin",
    ),
    DAY,
    spent("1200000"),
    Level.OK,
    forecast=BudgetForecast(Decimal(1_400_000), Decimal(1_400_000), Decimal(1_400_000)),
)
FAST: Final = BudgetState(
    Budget(
        "fast",
        dollars("25.00"),
        BudgetPeriod.MONTHLY,
        filter="model:gpt-6-sol tier:fast",
        time_zone="Europe/Berlin",
        grace=Grace(time=timedelta(hours=2, minutes=30)),
        at_limit=AtLimit.STOP,
    ),
    MONTH,
    spent("26.00"),
    Level.GRACE,
    reached=((Decimal(75), at(12, 9)), (Decimal(90), at(18, 11, 5)), (Decimal(100), at(20, 14))),
    over_since=at(20, 14),
    grace_until=at(20, 16, 30),
)
CREDITS: Final = BudgetState(
    Budget(
        "frank's credits",
        Limit(LimitUnit.CREDITS, Decimal(250)),
        BudgetPeriod.WEEKLY,
        filter="email:frank@example.com",
        time_zone="Europe/Berlin",
    ),
    WEEK,
    spent("95.00", by=MeasuredBy.BALANCE),
    Level.OK,
    forecast=BudgetForecast(Decimal(120), Decimal(180), Decimal(240)),
)
FOUR: Final = BudgetReport(NOW, (TEAM, NIGHTLY, FAST, CREDITS))


def ended(
    name: str, started_at: datetime, amount: str | None, stopped_at: datetime | None = None
) -> EndedPeriod:
    """A month of a budget of $300 that has ended."""
    spent_then = None if amount is None else Decimal(amount)
    return EndedPeriod(
        name, started_at, started_at + timedelta(days=31), dollars("300"), spent_then, stopped_at=stopped_at
    )


def seats(*ids: str) -> BudgetReport:
    """A limit for each account, of which each has spent a dollar more than the one before."""
    budget = Budget("seats", dollars("20"), BudgetPeriod.MONTHLY, each=Each.ACCOUNT)
    return BudgetReport(
        NOW,
        tuple(
            BudgetState(budget, MONTH, spent(str(number)), Level.OK if number < 15 else Level.WARNED, whose)
            for number, whose in enumerate(ids)
        ),
    )
