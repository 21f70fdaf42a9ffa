from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.budget_use import (
    Falls,
    Spent,
    days_of_marks,
    falls_of,
    measured_falls,
    measured_use,
    put_finer,
    rising_steps,
    spent_of,
)
from poolwatch.domain.budgets import LimitUnit, Measured, MeasuredBy, Period
from poolwatch.domain.quarters import begins
from poolwatch.domain.series import Gap, Point, Timeline
from poolwatch.domain.tokens import QUARTERS_OF_DAY, Tier
from tests.domain.use import CARD, cell, quarter

_START = datetime(2026, 11, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_UNTIL = _START + 30 * 24 * _HOUR
_D = Decimal


def _at(hours: float) -> datetime:
    return _START + hours * _HOUR


def _line(*told: tuple[float, str | None], gaps: tuple[tuple[float, float], ...] = ()) -> Timeline:
    """Balances by the hours of the time at which they were read."""
    points = tuple(
        Point(_at(hours), each, each, each)
        for hours, each in ((hours, None if text is None else _D(text)) for hours, text in told)
    )
    return Timeline(points, tuple(Gap(_at(start), _at(end)) for start, end in gaps))


def _told(found: Falls) -> list[tuple[float, str]]:
    return [((fall.at - _START) / _HOUR, str(fall.amount)) for fall in found.falls]


@pytest.mark.parametrize(
    ("line", "falls", "top_ups"),
    [
        (_line((-5, "100"), (1, "90.5"), (2, "80")), [(1, "9.5"), (2, "10.5")], 0),
        # what comes in is taken out
        (_line((-5, "10"), (1, "5"), (2, "105"), (3, "95")), [(1, "5"), (3, "10")], 1),
        (_line((-5, "10"), (1, "1010"), (2, "2010"), (3, "2000")), [(3, "10")], 2),
        # before the time, and not before another balance is known
        (_line((-9, "100"), (-5, "40"), (1, "40")), [], 0),
        (_line((1, "40"), (2, "30")), [(2, "10")], 0),
        # unknown for a while
        (_line((-5, "100"), (1, None), (2, "70")), [(2, "30")], 0),
        (_line((-5, "-3"), (1, "-4.25")), [(1, "1.25")], 0),
        (_line(), [], 0),
    ],
)
def test_what_a_balance_lost(line: Timeline, falls: list[tuple[float, str]], top_ups: int) -> None:
    found = falls_of(line, _START, _UNTIL)
    assert _told(found) == falls
    assert found.top_ups == top_ups


def test_of_an_hour_with_a_top_up_it_is_what_it_lost_at_least() -> None:
    before = Point(_at(-1), _D(10), _D(10), _D(10))
    hour = Point(_at(1), _D(5), _D(105), _D(100))
    found = falls_of(Timeline((before, hour)), _START, _UNTIL)
    assert (_told(found), found.top_ups) == ([(1, "10")], 1)


def test_what_was_lost_in_a_gap_counts_when_it_was_seen() -> None:
    late = falls_of(_line((-5, "100"), (3, "60"), gaps=((-5, 3),)), _START, _UNTIL)
    assert _told(late) == [(3, "40")]
    assert late.falls[0].is_late
    within = falls_of(_line((-5, "100"), (1, "99"), (9, "60"), gaps=((1, 9),)), _START, _UNTIL)
    assert not any(fall.is_late for fall in within.falls)
    # whose time is not known at all
    day = falls_of(_line((-99, "100"), (3, "60"), gaps=((-99, 3),)), _START, _at(24))
    assert (day.falls, day.is_partial) == ((), True)


def test_balances_of_several_accounts_are_added() -> None:
    found = {
        "a": falls_of(_line((-5, "100"), (1, "90"), (7, "50")), _START, _UNTIL),
        "b": falls_of(_line((-5, "9"), (1, "8"), (3, "300"), (5, "299")), _START, _UNTIL),
    }
    measured = measured_falls(found, Period(_START, _UNTIL), _at(8))
    assert measured == Measured(
        MeasuredBy.BALANCE,
        _D(52),
        read_at=_at(8),
        steps=((_at(1), _D(11)), (_at(5), _D(12)), (_at(7), _D(52))),
        accounts=("a", "b"),
        top_ups=1,
    )
    # one of them is known only from some day on
    late = {**found, "c": falls_of(_line((3, "10"), (4, "9")), _START, _UNTIL)}
    assert measured_falls(late, Period(_START, _UNTIL), _at(8)).at_least
    nobody = measured_falls({"d": Falls()}, Period(_START, _UNTIL), None)
    assert (nobody.spent, nobody.at_least) == (None, False)


@given(moves=st.lists(st.tuples(st.integers(-50, 80), st.integers(1, 9)), max_size=20))
def test_a_balance_lost_what_it_began_with_and_got_less_what_is_left(moves: list[tuple[int, int]]) -> None:
    balance, hours, told = 1000, 0, [(-1.0, "1000")]
    lost = got = 0
    for change, later in moves:
        balance, hours = balance + change, hours + later
        lost, got = (lost - change, got) if change < 0 else (lost, got + (change > 0))
        told.append((hours, str(balance)))
    found = falls_of(_line(*told), _START, _UNTIL)
    assert sum(fall.amount for fall in found.falls) == lost
    assert found.top_ups == got
    measured = measured_falls({"a": found}, Period(_START, _UNTIL), None)
    assert measured.spent == lost
    assert [total for _, total in measured.steps] == sorted({total for _, total in measured.steps})


def test_the_moments_of_a_window_are_those_of_its_history() -> None:
    points = [(-30, 97.0), (1, 10.0), (5, 76.0), (6, 75.0), (9, 80.0), (10, None)]
    line = Timeline(tuple(Point(_at(hours), each, each, each) for hours, each in points))
    steps = rising_steps(line, _START, _D("91.5"), _at(12))
    assert steps == (
        (_at(1), _D(10)),
        (_at(5), _D(76)),
        (_at(9), _D(80)),
        (_at(12), _D("91.5")),
    )
    assert rising_steps(line, _START, _D(76), _at(12))[-1] == (_at(5), _D(76))
    assert rising_steps(Timeline(), _START, _D(0), _at(12)) == ()


def test_use_is_divided_and_told_in_the_unit_of_the_limit() -> None:
    cells = [
        cell("2026-11-20 12:00", tokens=2 * 10**6, account="a"),
        cell("2026-11-20 12:15", tokens=10**6, account="a", estimated=True),
        cell("2026-11-20 12:15", tokens=10**6, account="b", tier=Tier.UNKNOWN),
        cell("2026-11-20 12:15", model="nobodys", tokens=10**6, account="b"),
        cell("2026-11-20 12:15", tokens=5, account=None),
    ]
    found = {
        unit: spent_of(cells, unit, lambda each: each.account, CARD)
        for unit in (LimitUnit.USD, LimitUnit.CREDITS, LimitUnit.TOKENS)
    }
    told = {
        unit: [(parts[who].total, parts[who].estimated, parts[who].is_partial) for who in ("a", "b")]
        for unit, parts in found.items()
    }
    assert told == {
        LimitUnit.USD: [(_D(3), _D(1), False), (_D(1), _D(1), True)],
        LimitUnit.CREDITS: [(_D(75), _D(25), False), (_D(25), _D(25), True)],
        LimitUnit.TOKENS: [(_D(3 * 10**6), _D(10**6), False), (_D(2 * 10**6), _D(0), False)],
    }
    first = quarter("2026-11-20 12:00")
    assert found[LimitUnit.USD]["a"].quarters == {first: 2, first + 1: 1}
    assert found[LimitUnit.TOKENS][None].total == 5


@given(
    amounts=st.dictionaries(st.integers(0, 4 * QUARTERS_OF_DAY), st.integers(0, 40), max_size=30),
    marks=st.lists(st.integers(1, 300), min_size=1, max_size=4, unique=True),
)
def test_moments_are_the_same_whether_days_were_read_at_once_or_not(
    amounts: dict[int, int], marks: list[int]
) -> None:
    fine = Spent({at: _D(amount) for at, amount in amounts.items()})
    joined = Spent()
    for at, amount in fine.quarters.items():
        day = at // QUARTERS_OF_DAY * QUARTERS_OF_DAY
        joined.quarters[day] = joined.quarters.get(day, _D(0)) + amount
    wanted = sorted(_D(each) for each in marks)
    for day in days_of_marks([joined], wanted):
        of_day = {at: each for at, each in fine.quarters.items() if at // QUARTERS_OF_DAY == day}
        put_finer(joined, Spent(of_day), frozenset({day}))
    assert joined.total == fine.total
    for mark in wanted:
        moments = [
            next((at for at, total in measured_use(each, None, at_least=False).steps if total >= mark), None)
            for each in (fine, joined)
        ]
        assert moments[0] == moments[1]


def test_a_step_stands_at_the_beginning_of_its_quarter() -> None:
    spent = Spent({96: _D(3), 4: _D(0), 100: _D(2)}, _D(1))
    measured = measured_use(spent, _at(1), at_least=True)
    assert measured == Measured(
        MeasuredBy.USAGE, _D(5), _D(1), True, _at(1), ((begins(96), _D(3)), (begins(100), _D(5)))
    )
