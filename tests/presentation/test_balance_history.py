"""The history of a balance: what its chart shows, what the cursor reads out, and what came to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.balances import (
    Balance,
    BalanceState,
    BalanceTerms,
    ResetPeriod,
    ResetTime,
    balance_rises,
)
from poolwatch.domain.failure import FailureKind, failure
from poolwatch.domain.series import Point
from poolwatch.domain.values import replace
from poolwatch.presentation.balance_history import (
    BalanceScene,
    balance_chart,
    balance_cursor_line,
    balance_note,
    balance_steps,
    balance_told_lines,
    scale_of_balance,
)
from poolwatch.presentation.chart import Chart, MarkKind
from poolwatch.presentation.history import PERIODS
from poolwatch.presentation.view import DetailLine, Prefs, Tone

NOW = datetime(2026, 11, 20, 14, 3, tzinfo=UTC)
_D = Decimal
DAY, WEEK, ALL = PERIODS[0], PERIODS[1], PERIODS[-1]
PREFS = Prefs(zone=UTC)
GONE = failure(FailureKind.NOT_OFFERED, "credits.not_offered", status=410)


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def point(hours: float, amount: str | None, resets_at: datetime | None = None) -> Point:
    value = None if amount is None else _D(amount)
    return Point(ago(hours), value, value, value, resets_at)


LOW = BalanceTerms(_D(5))


def scene(
    *points: Point, unit: str = "USD", left: str | None = "3.20", terms: BalanceTerms = LOW
) -> BalanceScene:
    balance = Balance(unit, None if left is None else _D(left))
    state = BalanceState("reef team", terms).read(balance, NOW)
    return BalanceScene(state, WEEK, points, NOW, PREFS)


REEF = scene(
    point(200, "9"), point(150, "5.40"), point(100, "1.40"), point(50, "11.40"), point(20, "7"),
    point(2, "3.20"),
)  # fmt: skip


def texts(line: DetailLine) -> list[str]:
    return [span.text for span in line.spans]


def lines(of: BalanceScene) -> dict[str, list[str]]:
    return {line.heading: texts(line) for line in balance_told_lines(of)}


def marks(chart: Chart, kind: MarkKind = MarkKind.RESET) -> list[str]:
    return [each.text for each in chart.marks if each.kind is kind]


def test_the_chart_has_what_came_and_the_colours_of_its_settings() -> None:
    chart = balance_chart(REEF)
    assert marks(chart) == ["+$10.00"]
    assert chart.breaks == (ago(50),)
    assert (chart.scale.low, chart.scale.high) == (0, 15)
    assert [chart.tone(each) for each in (0, 0.01, 5, 5.01)] == [Tone.RED, Tone.AMBER, Tone.AMBER, Tone.PLAIN]
    assert marks(chart, MarkKind.SINCE) == []
    assert balance_note(REEF) == ""
    # its limit is in it, too, and one below 0
    limited = replace(REEF.state, balance=Balance("USD", _D("-2"), _D(40)))
    chart = balance_chart(replace(REEF, state=limited, points=(point(3, "-2"),)))
    assert (chart.scale.low, chart.scale.high) == (-20, 40)


def test_from_where_on_it_is_amber_or_red_is_told_in_its_unit() -> None:
    assert scale_of_balance(REEF) == "amber to $5.00, red to $0.00"
    never_low = replace(REEF, state=replace(REEF.state, terms=BalanceTerms(red_at=_D("0.5"))))
    assert scale_of_balance(never_low) == "red to $0.50"
    assert [each.tone for each in balance_chart(never_low).levels] == [Tone.RED]
    unread = replace(REEF, state=BalanceState("reef team"), points=())
    assert (scale_of_balance(unread), balance_chart(unread).levels) == ("", ())


def test_what_was_filled_up_is_no_top_up() -> None:
    daily = BalanceTerms(_D(30), resets=ResetTime(ResetPeriod.DAILY))
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    of = scene(
        point(20, "3", midnight), point(14, "100", midnight + timedelta(days=1)), point(1, "87", midnight),
        unit="credits", left="87", terms=daily,
    )  # fmt: skip
    assert [each.is_filling for each in balance_rises(of.points or ())] == [True]
    chart = balance_chart(replace(of, period=DAY))
    assert marks(chart) == ["reset 00:03"]
    assert "TOP-UPS" not in lines(of)
    # of a month of fillings lines alone would be left
    many = [
        point(24.0 * day - each, str(100 * each), ago(24.0 * day))
        for day in range(20, 0, -1)
        for each in (0, 1)
    ]
    assert marks(balance_chart(replace(of, period=ALL, points=tuple(many)))) == []


def test_the_cursor_reads_out_what_was_left_used_and_came() -> None:
    chart = balance_chart(REEF)
    steps = balance_steps(chart, REEF)
    assert steps[-1] <= NOW
    at = max(each for each in steps if each <= ago(50))
    told = balance_cursor_line(REEF, chart, at)
    assert (told.heading, texts(told)) == ("CURSOR", ["Wed 18 Nov 12:00", "$11.40 left", "+$10.00"])
    at = max(each for each in steps if each <= ago(20))
    assert texts(balance_cursor_line(REEF, chart, at))[1:] == ["$7.00 left", "$4.40 used"]
    assert "not watching" in texts(balance_cursor_line(replace(REEF, points=()), chart, at))[1]
    assert texts(balance_cursor_line(replace(REEF, points=None), chart, at))[1:] == ["—"]
    gone = replace(REEF, points=(point(30, None),))
    assert "no such figure" in texts(balance_cursor_line(gone, chart, at))[1]
    old = replace(REEF, state=replace(REEF.state, read_at=ago(10)))
    assert "not read since" in texts(balance_cursor_line(old, balance_chart(old), steps[-1]))[1]


def test_what_is_left_how_it_runs_and_what_came_is_told() -> None:
    told = lines(REEF)
    assert told["LEFT"] == ["$3.20, low", "read <1m ago"]
    # of the last seven days alone, with what held as they began
    assert told["BURN"] == [
        "$2.26 a day, by what is kept of the last 7 days",
        "lasts to Sun 00:04, at that pace",
    ]
    assert told["TOP-UPS"] == ["Wed 12:03 $1.40 → $11.40"]
    assert "RESETS" not in told


@pytest.mark.parametrize("points", [(), (point(2, "9"), point(1, "3")), None])
def test_of_less_than_a_day_nothing_is_said_of_how_it_runs(points: tuple[Point, ...] | None) -> None:
    assert lines(replace(REEF, points=points))["BURN"] == ["— less than a day is kept of it"]


def test_what_is_unknown_is_no_zero() -> None:
    never = replace(REEF, state=BalanceState("reef team"), points=())
    assert lines(never)["LEFT"][0] == "—"
    assert (
        balance_note(never)
        == "poolwatch has not read this balance yet; the line begins with the first reading"
    )
    assert balance_note(replace(REEF, points=())) == (
        "nothing is kept of this figure yet; the line begins with the next reading"
    )
    failed = replace(REEF, state=REEF.state.read(GONE, NOW))
    assert lines(failed)["LEFT"] == ["$3.20, low", "read <1m ago", "no longer offered (410)"]
    # by an old figure nobody can tell how long it lasts
    assert lines(failed)["BURN"] == ["$2.26 a day, by what is kept of the last 7 days"]
    resets = replace(
        REEF.state, balance=Balance("USD", _D(1), resets_at=NOW + timedelta(hours=9, minutes=57))
    )
    assert lines(replace(REEF, state=resets))["RESETS"] == ["00:00 UTC, in 9h 57m"]
