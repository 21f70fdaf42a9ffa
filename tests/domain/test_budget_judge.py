from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.budget_judge import judged
from poolwatch.domain.budgets import (
    AtLimit,
    Budget,
    BudgetPeriod,
    BudgetState,
    Grace,
    Level,
    Limit,
    LimitUnit,
    Measured,
    MeasuredBy,
    Period,
    grace_of,
)

_START = datetime(2026, 11, 1, tzinfo=UTC)
_PERIOD = Period(_START, datetime(2026, 12, 1, tzinfo=UTC))
_HOUR = timedelta(hours=1)


def _budget(at_limit: AtLimit = AtLimit.WARN, grace: Grace | None = None, limit: str = "300") -> Budget:
    return Budget(
        "team", Limit(LimitUnit.USD, Decimal(limit)), BudgetPeriod.MONTHLY, grace=grace, at_limit=at_limit
    )


def _measured(*steps: tuple[int, str], spent: str | None = None) -> Measured:
    """Steps by the hours of the period at which they came, each with what had been spent then."""
    told = tuple((_START + hours * _HOUR, Decimal(amount)) for hours, amount in steps)
    last = told[-1][1] if told else Decimal(0)
    return Measured(MeasuredBy.USAGE, last if spent is None else Decimal(spent), steps=told)


def _judged(budget: Budget, measured: Measured, hours: int = 100) -> BudgetState:
    return judged(budget, _PERIOD, measured, _START + hours * _HOUR)


@pytest.mark.parametrize(
    ("spent", "at_limit", "grace", "level"),
    [
        ("0", "warn", None, Level.OK),
        ("224.999999999999", "warn", None, Level.OK),
        ("225", "warn", None, Level.WARNED),
        ("299.999999999999", "stop", None, Level.WARNED),
        ("300", "warn", None, Level.LIMIT),
        ("300", "stop", None, Level.STOPPED),
        ("300", "stop", "10%", Level.GRACE),
        ("329.999999999999", "stop", "10%", Level.GRACE),
        ("330", "stop", "10%", Level.STOPPED),
        ("5000", "warn", None, Level.LIMIT),
    ],
)
def test_what_is_exactly_at_the_limit_has_reached_it(
    spent: str, at_limit: str, grace: str | None, level: Level
) -> None:
    budget = _budget(AtLimit(at_limit), None if grace is None else grace_of(grace))
    state = _judged(budget, _measured((1, spent)))
    assert state.level is level
    assert state.blocking is (level is Level.STOPPED)


def test_moments_are_those_of_what_was_spent_not_of_who_looked() -> None:
    measured = _measured((1, "100"), (5, "224"), (6, "280"), (30, "310"), (40, "320"))
    for hours in (41, 100, 700):
        state = _judged(_budget(), measured, hours)
        assert state.reached == (
            (Decimal(75), _START + 6 * _HOUR),
            (Decimal(90), _START + 6 * _HOUR),
            (Decimal(100), _START + 30 * _HOUR),
        )
        assert state.over_since == _START + 30 * _HOUR
    assert _judged(_budget(), _measured((1, "100"))).reached == ()


def test_a_grace_of_time_begins_when_the_limit_was_reached() -> None:
    budget, measured = _budget(AtLimit.STOP, grace_of("2h")), _measured((1, "100"), (30, "310"), (31, "900"))
    within, after = _judged(budget, measured, 31), _judged(budget, measured, 32)
    assert within.level is Level.GRACE
    assert within.grace_until == after.grace_until == _START + 32 * _HOUR
    assert after.level is Level.STOPPED
    # one that only warns has none, whatever is written
    warns = _judged(_budget(AtLimit.WARN, grace_of("2h")), measured, 31)
    assert (warns.level, warns.grace_until) == (Level.LIMIT, None)


def test_what_is_unknown_has_no_level() -> None:
    state = _judged(_budget(AtLimit.STOP), Measured(MeasuredBy.USAGE))
    assert (state.level, state.used_percent, state.reached, state.remaining) == (None, None, (), None)
    assert not state.blocking


def test_what_is_left_is_never_below_nothing() -> None:
    state = _judged(_budget(AtLimit.STOP), _measured((3, "312.50")))
    assert (state.remaining, state.over_by) == (Decimal(0), Decimal("12.50"))
    exactly = _judged(_budget(AtLimit.STOP), _measured((3, "300")))
    assert (exactly.remaining, exactly.over_by) == (Decimal(0), Decimal(0))
    below = _judged(_budget(), _measured((3, "299.50")))
    assert (below.remaining, below.over_by) == (Decimal("0.50"), None)


def test_without_steps_it_was_reached_when_it_was_read() -> None:
    read_at = _START + 7 * _HOUR
    measured = Measured(MeasuredBy.WINDOW, Decimal(300), read_at=read_at)
    assert _judged(_budget(), measured).over_since == read_at


@given(
    amounts=st.lists(st.integers(1, 200), max_size=12),
    warn_at=st.lists(st.integers(1, 100), max_size=4),
    limit=st.integers(1, 900),
)
def test_a_level_and_its_moments_agree(amounts: list[int], warn_at: list[int], limit: int) -> None:
    steps, spent = [], Decimal(0)
    for number, amount in enumerate(amounts):
        spent += amount
        steps.append((_START + number * _HOUR, spent))
    budget = Budget(
        "team",
        Limit(LimitUnit.TOKENS, Decimal(limit)),
        BudgetPeriod.MONTHLY,
        warn_at=tuple(Decimal(each) for each in sorted(set(warn_at))),
        at_limit=AtLimit.STOP,
    )
    state = judged(budget, _PERIOD, Measured(MeasuredBy.USAGE, spent, steps=tuple(steps)), _PERIOD.resets_at)  # type: ignore[arg-type]
    assert state.blocking is (spent >= limit) is (state.over_since is not None)
    if spent < limit:
        assert (state.level is Level.WARNED) is bool(state.reached)
    assert [at for _, at in state.reached] == sorted(at for _, at in state.reached)
    for percent, at in state.reached:
        before = [total for when, total in steps if when < at]
        assert all(total * 100 < limit * percent for total in before)
        assert any(total * 100 >= limit * percent for when, total in steps if when == at)
