"""What of a figure falls into which column, and the scales beside and below it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.series import Amount, Gap, Point, Timeline
from poolwatch.domain.values import replace
from poolwatch.presentation.chart import (
    PERCENT,
    Ahead,
    Chart,
    Level,
    Mark,
    MarkKind,
    ahead_at,
    columns,
    nice_scale,
    slices,
    time_ticks,
)
from poolwatch.presentation.plot import plot
from poolwatch.presentation.view import Tone

START = datetime(2026, 11, 16, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def point(hours: float, value: Amount | None, low: Amount | None = None, high: Amount | None = None) -> Point:
    return Point(at(hours), value if low is None else low, value if high is None else high, value)


def chart(
    *points: Point,
    hours: float = 10,
    until: float = 10,
    gaps: Sequence[tuple[float, float]] = (),
    breaks: Sequence[float] = (),
    zone: tzinfo | None = UTC,
) -> Chart:
    line = Timeline(points, tuple(Gap(at(start), at(end)) for start, end in gaps))
    return Chart(START, at(hours), at(until), line, PERCENT, zone, breaks=tuple(at(each) for each in breaks))


def extents(drawn: Chart, count: int = 10) -> list[list[tuple[float, float]]]:
    return [[(each.low, each.high) for each in column] for column in columns(drawn, count)]


def blank(count: int) -> list[list[tuple[float, float]]]:
    return [[] for _ in range(count)]


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        # a value holds until the newest reading, and not beyond it
        (chart(point(0, 5.0), until=3.5), [[(5, 5)]] * 4 + blank(6)),
        # a change joins both values in the column that it happens in
        (chart(point(0, 5.0), point(2.5, 9.0), until=4),
         [[(5, 5)]] * 2 + [[(5, 9)]] + [[(9, 9)]] * 2 + blank(5)),
        # a peak of a moment is not averaged away
        (chart(point(0, 5.0), point(1.1, 90.0), point(1.2, 5.0), until=2),
         [[(5, 5)], [(5, 90)], [(5, 5)], *blank(7)]),
        # an hour's extremes stand where the hour begins
        (chart(point(1, 7.0, 2.0, 8.0), until=2), [[], [(2, 8)], [(7, 7)], *blank(7)]),
        # hours thinned by an older version have their last value alone
        (chart(Point(at(1), None, None, 7.0), until=1.5), [[], [(7, 7)], *blank(8)]),
        # a reset is a break: nothing joins what was before and after, and until it is read nothing is known
        (chart(point(0, 80.0), point(4.5, 0.0), until=6, breaks=(3,)),
         [[(80, 80)]] * 4 + [[(0, 0)]] * 3 + blank(3)),
        (chart(point(0, 80.0), point(3, 0.0), until=3.5, breaks=(3,)),
         [[(80, 80)]] * 3 + [[(80, 80), (0, 0)]] + blank(6)),
        # what was unused stays unused over a reset
        (chart(point(0, 0.0), until=4, breaks=(2,)), [[(0, 0)]] * 5 + blank(5)),
        # a gap is a gap; what held before it holds after it
        (chart(point(0, 5.0), until=8, gaps=((2, 6),)),
         [[(5, 5)]] * 3 + blank(3) + [[(5, 5)]] * 3 + blank(1)),
        # the reading that ends a gap is not joined to the one before
        (chart(point(0, 5.0), point(6, 9.0), until=6.5, gaps=((2, 6),)),
         [[(5, 5)]] * 3 + blank(3) + [[(9, 9)]] + blank(3)),
        # no figure any more is no line
        (chart(point(0, 5.0), point(2, None), point(5, 6.0), until=5.5),
         [[(5, 5)]] * 3 + blank(2) + [[(6, 6)]] + blank(4)),
        # what held at the start of the chart began before it
        (chart(Point(at(-30), 5.0, 50.0, 5.0), until=1), [[(5, 5)]] * 2 + blank(8)),
        (chart(), blank(10)),
    ],
)  # fmt: skip
def test_columns(drawn: Chart, expected: list[list[tuple[float, float]]]) -> None:
    assert extents(drawn) == expected


@given(
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 100)), min_size=1, max_size=40),
    st.integers(1, 50),
)
def test_no_extreme_is_lost(readings: list[tuple[float, float]], count: int) -> None:
    readings.sort(key=lambda each: each[0])
    drawn = chart(*(point(hours, value) for hours, value in readings))
    found = [each for column in columns(drawn, count) for each in column]
    # an instant has microseconds: what is nearer than that to the end is the end
    inside = [value for hours, value in readings if at(hours) < at(10)]
    if inside:
        assert max(each.high for each in found) == max(inside)
        assert min(each.low for each in found) == min(inside)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.5, 1]),
        (0, 3412.5, [0, 1000, 2000, 3000, 4000]),
        (0, 12, [0, 5, 10, 15]),
        (0, 100, [0, 50, 100]),
        (0, 0.13, [0, 0.05, 0.1, 0.15]),
        (-3.1, 5, [-5, 0, 5]),
        (5, 5, [0, 2, 4, 6]),
        (0, 0, [0, 0.5, 1]),
    ],
)
def test_nice_scales(low: float, high: float, ticks: list[float]) -> None:
    scale = nice_scale(low, high)
    assert [round(tick.value, 9) for tick in scale.ticks] == ticks
    assert scale.low <= min(low, 0)
    assert scale.high >= high


@pytest.mark.parametrize(
    ("high", "texts"),
    [
        (1, ["0", "0.5", "1"]),
        (1900, ["0", "500", "1,000", "1,500", "2,000"]),
        (0.01, ["0", "0.005", "0.01"]),
        (0.0008, ["0", "0.0002", "0.0004", "0.0006", "0.0008"]),
        (3e-9, ["0", "1e-09", "2e-09", "3e-09"]),
    ],
)
def test_the_texts_of_a_scale(high: float, texts: list[str]) -> None:
    assert [tick.text for tick in nice_scale(0, high).ticks] == texts


@given(st.floats(-1e17, 1e17), st.floats(-1e17, 1e17), st.integers(-20, 0))
def test_no_two_texts_of_a_scale_are_the_same(one: float, other: float, power: int) -> None:
    scale = nice_scale(min(one, other) * 10.0**power, max(one, other) * 10.0**power)
    texts = [tick.text for tick in scale.ticks]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("days", "count", "texts"),
    [
        (1, 110, ["00:00", "02:00", "04:00", "06:00"]),
        (1, 40, ["00:00", "06:00", "12:00", "18:00"]),
        (10, 113, ["Mon 16", "Tue 17", "Wed 18"]),
        (10, 60, ["Mon", "Tue", "Wed"]),
        (30, 110, ["16 Nov", "23 Nov", "30 Nov", "7 Dec"]),
        (90, 110, ["16 Nov", "23 Nov", "30 Nov", "7 Dec"]),
        (90, 60, ["23 Nov", "7 Dec", "21 Dec"]),
        (365, 110, ["Dec", "Jan 2027", "Feb", "Mar"]),
        (1500, 60, ["Jan 2027", "Jan 2028", "Jan 2029"]),
    ],
)
def test_the_axis_of_time(days: float, count: int, texts: list[str]) -> None:
    ticks = time_ticks(chart(hours=24 * days), count)
    assert [tick.text for tick in ticks][: len(texts)] == texts
    for one, other in pairwise(ticks):
        assert one.column + len(one.text) < other.column
    assert ticks[-1].column + len(ticks[-1].text) <= count


@pytest.mark.parametrize(
    ("zone", "first"),
    [(BERLIN, 23), (timezone(timedelta(hours=5, minutes=45)), 18.25), (UTC, 24)],
)
def test_days_begin_in_the_accounts_zone(zone: tzinfo, first: float) -> None:
    drawn = chart(hours=240, zone=zone)
    assert time_ticks(drawn, 240)[-1 if first == 24 else 0].text[:3] in ("Tue", "Wed")
    assert at(first) in slices(drawn.start, drawn.end, timedelta(days=1), zone)


def test_slices_begin_anew_each_day_also_where_it_has_25_hours() -> None:
    start = datetime(2026, 10, 24, 22, tzinfo=UTC)
    found = slices(start, start + timedelta(days=2), timedelta(hours=6), BERLIN)
    local = [f"{each.astimezone(BERLIN):%d %H:%M}" for each in found]
    assert local == [
        "25 00:00", "25 05:00", "25 11:00", "25 17:00", "25 23:00",
        "26 00:00", "26 06:00", "26 12:00", "26 18:00",
    ]  # fmt: skip


def test_what_is_expected_lies_between_what_is_said() -> None:
    ahead = (Ahead(at(0), 10, 10, 10), Ahead(at(4), 20, 30, 50))
    assert ahead_at(ahead, at(1)) == Ahead(at(1), 12.5, 15, 20)
    assert ahead_at(ahead, at(5)) is None
    assert ahead_at((), at(1)) is None


# --- the same in cells


def lines(drawn: Chart, width: int, height: int, *, ascii_only: bool = False) -> list[str]:
    found = plot(drawn, width, height, ascii_only=ascii_only).lines
    return ["".join(span.text for span in line) for line in found]


STEADY = chart(point(0, 0.0), point(5, 50.0), until=7, breaks=(9.99,))
WHOLE = replace(
    STEADY,
    marks=(Mark(at(7), MarkKind.NOW, "now"), Mark(at(9.99), MarkKind.RESET, "resets")),
    levels=(Level(60, Tone.AMBER), Level(90, Tone.RED)),
    ahead=(Ahead(at(7), 50, 50, 50), Ahead(at(9.99), 60, 75, 90)),
)


def test_a_plot_in_braille() -> None:
    assert lines(WHOLE, 46, 9) == [
        "                                 now    resets",
        " 100 ┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄│┄┄┄┄┄┄┄┄┄░┆",
        "     │                            │    ░░░···┆",
        "     │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄│·······░░░┆",
        "  50 ┤                    ⡏⠉⠉⠉⠉⠉⠉⠉⠁          ┆",
        "     │                    ⡇       │          ┆",
        "   0 ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⡇       │          ┆",
        "     └┬───────┬───────┬───────┬───────┬───────",
        "      00:00   02:00   04:00   06:00   08:00   ",
    ]


def test_a_plot_in_plain_characters() -> None:
    found = lines(WHOLE, 46, 9, ascii_only=True)
    assert all(line.isascii() for line in found)
    assert found[4] == "  50 +                    *********          :"
    assert found[6] == "   0 +*********************       |          :"


@pytest.mark.parametrize("width", [12, 46, 120])
@pytest.mark.parametrize("height", [5, 9, 24])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_line_is_as_wide_as_asked_for(width: int, height: int, ascii_only: bool) -> None:
    drawn = plot(WHOLE, width, height, ascii_only=ascii_only)
    for shown in (drawn.lines, drawn.with_cursor(0), drawn.with_cursor(drawn.columns - 1)):
        assert len(shown) == height
        assert {sum(len(span.text) for span in line) for line in shown} == {width}


def test_the_line_has_the_tone_of_its_value() -> None:
    drawn = replace(chart(point(0, 10.0), point(5, 95.0)), levels=WHOLE.levels)
    tones = {
        span.tone
        for line in plot(drawn, 40, 12).lines
        for span in line
        if any("\u2800" < char <= "\u28ff" for char in span.text)
    }
    assert tones == {Tone.STRONG, Tone.AMBER, Tone.RED}
    assert replace(drawn, is_scarce_low=True, levels=(Level(10, Tone.RED),)).tone(5) is Tone.RED


def test_what_is_beyond_the_scale_lies_at_its_end() -> None:
    drawn = chart(point(0, 140.0), until=9.9)
    assert lines(drawn, 26, 5)[1] == " 100 ┤" + "⠉" * 20


def test_credits_are_drawn_from_exact_amounts() -> None:
    drawn = replace(chart(point(0, Decimal("1234.5600"))), scale=nice_scale(0, 1234.56))
    assert [line[:8] for line in lines(drawn, 30, 12)][1:10:4] == [" 1,500 ┤", "       │", "     0 ┤"]


def test_the_cursor_lights_the_line_and_shines_through_the_rest() -> None:
    drawn = plot(WHOLE, 46, 9)
    plain, crossed = drawn.lines, drawn.with_cursor(25)
    changed = [
        (row, char)
        for row, (one, other) in enumerate(zip(plain, crossed, strict=True))
        for span in other
        if span.tone is Tone.ACCENT and span not in one
        for char in span.text
    ]
    assert changed == [(1, "│"), (2, "│"), (3, "│"), (4, "⠉"), (5, "│"), (6, "│"), (7, "▲")]
    assert drawn.with_cursor(-1) == drawn.with_cursor(999) == plain
