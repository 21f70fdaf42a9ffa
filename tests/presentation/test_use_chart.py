"""Columns of use over time: each shade as high as its part, unknown apart from nothing, as many as fit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from poolwatch.domain.quarters import UsePeriod
from poolwatch.domain.tokens import GroupBy, ScanState, UseCell
from poolwatch.domain.use_report import Narrowed
from poolwatch.domain.use_sums import Group
from poolwatch.domain.values import replace
from poolwatch.presentation.use_chart import UseBars, bar_lines, spark_line, use_bars
from tests.domain.use import cell
from tests.presentation.scene import CET, NOW
from tests.presentation.use import READ, names, reported


def bars(period: UsePeriod, most: int = 90, **asked: object) -> UseBars:
    return use_bars(reported(period, **asked), names(), NOW, CET, most)  # type: ignore[arg-type]  # as given


def drawn(made: UseBars, width: int = 119, height: int = 9, *, ascii_only: bool = False) -> list[str]:
    lines = bar_lines(made, width, height, NOW, CET, ascii_only=ascii_only)
    return ["".join(span.text for span in line) for line in lines]


@pytest.mark.parametrize(
    ("period", "most", "step", "count"),
    [
        (UsePeriod.TODAY, 90, "hour", 15),
        (UsePeriod.LAST_24H, 90, "hour", 25),
        (UsePeriod.DAYS_7, 90, "day", 7),
        (UsePeriod.DAYS_30, 40, "day", 30),
        # the days to come stand there, empty
        (UsePeriod.MONTH, 40, "day", 30),
        (UsePeriod.LAST_MONTH, 40, "day", 31),
        (UsePeriod.LAST_MONTH, 20, "week", 5),
        (UsePeriod.ALL, 40, "day", 40),
        (UsePeriod.ALL, 20, "week", 6),
        (UsePeriod.ALL, 3, "month", 2),
    ],
)
def test_as_many_columns_as_fit(period: UsePeriod, most: int, step: str, count: int) -> None:
    found = bars(period, most)
    assert (found.step, len(found.columns)) == (step, count)
    # whatever the steps are, all of it is in them
    assert sum(column.use.requests for column in found.columns) == reported(period).total.requests


def test_a_column_is_as_high_as_it_cost_and_its_shades_as_their_parts() -> None:
    cells = [cell("2026-11-19 12:00", tokens=8 * 10**6), cell("2026-11-18 12:00", tokens=4 * 10**6)]
    cells += [
        replace(each, model="terra", tokens=replace(each.tokens, input=10 * each.tokens.input))
        for each in cells
    ]
    lines = drawn(bars(UsePeriod.DAYS_7, cells=cells), height=10)
    columns = ["".join(line[at] for line in lines[:8]) for at in (6 + 6 * 4, 6 + 6 * 5)]
    assert columns == ["    ▓▓██", "▓▓▓▓████"]
    plain = drawn(bars(UsePeriod.DAYS_7, cells=cells), height=10, ascii_only=True)
    assert [line[6 + 6 * 5 : 6 + 6 * 6] for line in (plain[0], plain[7])] == ["===== ", "##### "]
    least = [*cells, cell("2026-11-17 12:00", tokens=1)]
    assert drawn(bars(UsePeriod.DAYS_7, cells=least), height=10)[7][6 + 6 * 3] == "▁"


def test_nothing_used_differs_from_what_nobody_knows_and_from_what_is_to_come() -> None:
    since = (NOW - timedelta(days=3)).timestamp()
    found = bars(UsePeriod.MONTH, cells=[cell("2026-11-18 12:00")], scan=replace(READ, since=since))
    known = {column.at.day for column in found.columns if column.is_known}
    assert known == {17, 18, 19, 20}
    lines = drawn(found)
    floor = lines[6][lines[7].index("└") + 2 :]
    assert [floor[3 * (day - 1)] for day in (16, 17, 18, 19, 20, 21)] == [" ", "·", "█", "·", "·", " "]
    line, told = spark_line(found, NOW, CET, "▁▂▃▄▅▆▇█", "·")
    assert line == " " * 16 + "·█··"
    assert told == "17 Nov to today, $0.00 to $1.00 a day"


def test_hours_are_told_with_the_day_that_is_not_today_and_this_one_as_now() -> None:
    used = [cell("2026-11-19 18:00"), cell("2026-11-20 12:00")]
    of_24h = bars(UsePeriod.LAST_24H, cells=used)
    assert spark_line(of_24h, NOW, CET, "▁▂▃▄▅▆▇█", "·")[1].startswith("Thu 14:00 to now, ")
    assert "most Thu 19:00" in "".join(drawn(of_24h))
    of_today = bars(UsePeriod.TODAY, cells=used[1:])
    assert spark_line(of_today, NOW, CET, "▁▂▃▄▅▆▇█", "·")[1].startswith("00:00 to now, ")


@pytest.mark.parametrize(
    ("scan", "known"),
    [
        (ScanState(), set()),
        (ScanState(running=True), set()),
        # newest first: from within the day before yesterday on all is read
        (ScanState(running=True, newest_since=NOW.timestamp() - 2 * 86400), {19, 20}),
        (ScanState(complete_at=NOW.timestamp()), {14, 15, 16, 17, 18, 19, 20}),
    ],
)
def test_what_was_not_read_yet_is_not_nothing(scan: ScanState, known: set[int]) -> None:
    found = bars(UsePeriod.DAYS_7, cells=[], scan=scan)
    assert {column.at.day for column in found.columns if column.is_known} == known
    used = bars(UsePeriod.DAYS_7, cells=[cell("2026-11-15 12:00")], scan=scan)
    assert {column.at.day for column in used.columns if column.is_known} == known | {15}


def test_what_the_shades_stand_for_is_said_beside_them() -> None:
    lines = drawn(bars(UsePeriod.DAYS_30))
    assert [line[-20:].split() for line in lines[:3]] == [
        ["█", "sol", "94%"],
        ["▓", "terra", "6%"],
        ["▒", "free", "0%"],
    ]
    assert "most" in lines[5]
    assert "most" not in "".join(drawn(bars(UsePeriod.DAYS_30), width=78))
    assert all(len(line) <= 119 for line in lines)
    assert [len(drawn(bars(period))) for period in UsePeriod] == [9] * len(UsePeriod)


def test_many_models_share_the_last_shade() -> None:
    cells = [cell(f"2026-11-20 0{hour}:00", f"m{hour}") for hour in range(6)]
    cells += [cell("2026-11-20 07:00")]
    found = bars(UsePeriod.TODAY, cells=cells)
    assert [name for name, _ in found.models] == ["sol", "m0", "m1", "4 others"]
    assert found.models[0][1] == "100%"


def test_where_nothing_has_a_price_tokens_are_drawn() -> None:
    cells: list[UseCell] = [cell("2026-11-20 10:00", "qwen"), cell("2026-11-20 11:00", "qwen", 3 * 10**6)]
    found = bars(UsePeriod.TODAY, cells=cells)
    assert not found.by_cost
    assert any("M┤" in line for line in drawn(found))
    assert not any("$" in line for line in drawn(found))


def test_one_day_of_many_is_drawn_by_hours() -> None:
    found = bars(UsePeriod.MONTH, narrow=(Narrowed(GroupBy.DAY, Group("2026-11-19")),))
    assert (found.step, len(found.columns)) == ("hour", 24)


def test_an_empty_time_has_an_axis_and_no_columns() -> None:
    lines = drawn(bars(UsePeriod.DAYS_7, cells=[]))
    assert len(lines) == 9
    assert not any(sign in "".join(lines) for sign in "█▓▒")
