"""What falls and rises of one account, and what the figures of many make together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.account import AccountKey
from poolwatch.domain.cycles import Cycle, Rise
from poolwatch.domain.past import (
    CREDITS,
    AccountPast,
    PastAsked,
    PoolFigure,
    Sums,
    base_window,
    fallen,
    risen,
)
from poolwatch.domain.series import Amount, FigureName, Gap, Point, Timeline
from poolwatch.domain.usage import BASE_BUCKET, FIVE_HOURS, WEEKLY
from poolwatch.domain.values import replace

START = datetime(2026, 11, 16, tzinfo=UTC)
KEY = AccountKey("codex", "user-a", "acct-a")


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def line(
    *values: tuple[float, Amount | None],
    gaps: Sequence[tuple[float, float]] = (),
    resets: float | None = None,
) -> Timeline:
    resets_at = at(resets) if resets is not None else None
    points = tuple(Point(at(hours), value, value, value, resets_at) for hours, value in values)
    return Timeline(points, tuple(Gap(at(start), at(end)) for start, end in gaps))


def past(lines: dict[FigureName, Timeline], cycles: Sequence[Cycle] = ()) -> AccountPast:
    return AccountPast(PastAsked(KEY, tuple(lines), START), lines, tuple(cycles))


@pytest.mark.parametrize(
    ("figure", "start", "end", "rise", "fall"),
    [
        (line((0, 5.0), (2, 9.0), (4, 0.0), (5, 3.0)), 0, 6, 7.0, 9.0),
        (line((0, 5.0), (2, 9.0)), 0, 1, 0.0, 0.0),
        (line((0, Decimal("10.5")), (2, Decimal(4)), (3, Decimal(100))), 0, 6, Decimal(96), Decimal("6.5")),
        # what was not known in between says nothing of how far it went
        (line((0, 5.0), (2, None), (3, 50.0), (4, 51.0)), 0, 6, 1.0, 0.0),
        (line((3, 50.0)), 0, 2, None, None),
        (line(), 0, 6, None, None),
    ],
)
def test_how_far_a_figure_rose_and_fell(
    figure: Timeline, start: float, end: float, rise: Amount | None, fall: Amount | None
) -> None:
    assert risen(figure, at(start), at(end)) == rise
    assert fallen(figure, at(start), at(end)) == fall


def lasts(sums: Sums) -> list[Amount | None]:
    return [point.last for point in sums.timeline().points]


def summed(figure: PoolFigure, *pasts: AccountPast, until: float = 9, weights: Sequence[float] = ()) -> Sums:
    sums = Sums(figure, [at(hours) for hours in range(5)])
    for number, each in enumerate(pasts):
        sums.add(each, at(until), weights[number] if weights else 1.0)
    return sums


def test_the_room_of_many_is_what_is_left_of_those_that_are_known() -> None:
    one = past({base_window(WEEKLY): line((-1, 20.0), (2, 40.0))})
    other = past({base_window(WEEKLY): line((0, 100.0), gaps=[(0.5, 2.5)])})
    sums = summed(PoolFigure.ROOM, one, other)
    assert lasts(sums) == [40.0, 80.0, 60.0, 30.0, 30.0]
    assert sums.known == [2, 1, 1, 2, 2]
    assert lasts(summed(PoolFigure.ROOM, one, other, weights=(3, 1)))[0] == 60.0


def test_where_less_than_half_are_known_nothing_is_said() -> None:
    late = [past({base_window(WEEKLY): line((2, 10.0))}) for _ in range(3)]
    early = past({base_window(WEEKLY): line((0, 10.0))})
    assert lasts(summed(PoolFigure.ROOM, early, *late)) == [None, None, 90.0, 90.0, 90.0]


def test_a_figure_holds_no_longer_than_it_was_read_nor_over_its_reset() -> None:
    one = past({base_window(WEEKLY): line((0, 10.0))})
    assert lasts(summed(PoolFigure.ROOM, one, until=2)) == [90.0, 90.0, 90.0, None, None]
    over = past({base_window(WEEKLY): line((0, 10.0), resets=1.5)})
    assert lasts(summed(PoolFigure.ROOM, over)) == [90.0, 90.0, None, None, None]


def test_credits_are_added_up_digit_for_digit() -> None:
    sums = summed(
        PoolFigure.CREDITS,
        past({CREDITS: line((0, Decimal("0.1")))}),
        past({CREDITS: line((0, Decimal("0.2")), (3, Decimal("-1")))}),
    )
    assert lasts(sums) == [Decimal("0.3")] * 3 + [Decimal("-0.9")] * 2


def test_active_are_those_with_room_in_every_window() -> None:
    def account(weekly: float | None, five: float | None) -> AccountPast:
        return past({base_window(WEEKLY): line((0, weekly)), base_window(FIVE_HOURS): line((0, five))})

    sums = summed(
        PoolFigure.ACTIVE, account(3.0, 9.0), account(100.0, 9.0), account(3.0, 100.0), account(5.0, None)
    )
    assert lasts(sums) == [2.0] * 5
    assert sums.known[0] == 4


def test_burn_comes_from_the_hours_that_windows_rose_in() -> None:
    first = int(START.timestamp()) // 3600
    cycle = Cycle(
        KEY.id,
        BASE_BUCKET,
        WEEKLY,
        at(0),
        rises=(Rise(first, 3.0), Rise(first + 2, 1.0), Rise(first + 50, 9.0)),
    )
    sums = Sums(PoolFigure.BURN, [at(hours) for hours in (0, 1, 2, 4)])
    sums.add(past({}, [cycle]), at(9))
    assert lasts(sums) == [3.0, 0.0, 0.5, None]
    # half an hour has passed of the last span
    sums = Sums(PoolFigure.BURN, [at(hours) for hours in (0, 1, 2, 3)])
    sums.add(past({}, [cycle]), at(2.5))
    assert lasts(sums) == [3.0, 0.0, 2.0, None]
    sums.add(past({}), at(9))
    assert sums.known == [1, 1, 1, 0]
    # of an hour that lies in a gap nobody knows; what was used in it counts where it was seen
    sums = Sums(PoolFigure.BURN, [at(hours) for hours in (0, 1, 2, 3, 4)])
    sums.add(replace(past({}, [cycle]), gaps=(Gap(at(0.5), at(2.2)),)), at(9))
    assert lasts(sums) == [3.0, None, 1.0, 0.0, None]
