from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from poolwatch.domain.month_ahead import MonthAhead
from poolwatch.domain.quarters import Calendar, UsePeriod
from poolwatch.domain.tokens import GroupBy, Origin, RequestSeen, ScanState, Tier, Tokens, UseCell
from poolwatch.domain.use_report import (
    Narrowed,
    UseReport,
    UseWish,
    asked_of,
    figures_since,
    kept_of,
    report,
    seen_of,
    span_of,
    use_figures,
)
from poolwatch.domain.use_sums import Group
from poolwatch.domain.values import replace
from tests.domain.use import CARD, DOLLAR, cell, quarter

NOW = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
BERLIN = Calendar(ZoneInfo("Europe/Berlin"))
READ = ScanState(complete_at=NOW.timestamp(), since=(NOW - timedelta(days=200)).timestamp())


def made(cells: list[UseCell], wish: UseWish = UseWish(), scan: ScanState = READ) -> UseReport:  # noqa: B008 - a constant
    figures = use_figures(cells, wish.origin, scan, CARD, NOW, NOW - timedelta(hours=1), BERLIN)
    return report(wish, span_of(wish, NOW, BERLIN), cells, figures, (), scan, CARD, BERLIN, {})


def test_today_the_month_and_30_days_overlap_and_none_is_counted_twice() -> None:
    cells = [
        cell("2026-11-20 12:45"),
        cell("2026-11-20 11:00"),
        # today in Berlin
        cell("2026-11-19 23:15"),
        cell("2026-11-05 12:00"),
        cell("2026-10-31 22:45"),
        cell("2026-10-21 21:45"),
        # by a clock that is ahead
        cell("2026-11-20 20:00"),
    ]
    found = made(cells).figures
    counted = [each.requests for each in (found.since_start, found.today, found.month, found.days_30)]
    assert counted == [1, 3, 4, 5]
    assert found.month.pico == 4 * DOLLAR
    assert found.started_at == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert figures_since(NOW, NOW, BERLIN) == quarter("2026-09-24 22:00")


def test_the_end_of_the_month_is_told_once_all_is_read() -> None:
    days = [cell(f"2026-11-{day:02} 10:00") for day in range(1, 21)]
    assert made(days).figures.ahead is not None
    assert made(days, scan=ScanState(running=True)).figures.ahead is None
    assert made([cell(model="qwen")]).figures.ahead is None
    # of what was imported nobody knows more than its first line
    told = UseWish(origin=Origin.IMPORTED)
    assert made(days, told, ScanState()).figures.ahead is not None
    assert made(days[15:], told, ScanState()).figures.ahead is None


def test_the_end_of_the_month_of_a_part_is_told_after_a_week_of_it() -> None:
    def ahead(*days: int) -> MonthAhead | None:
        cells = [cell(f"2026-11-{day:02} 10:00") for day in days]
        told = use_figures(cells, Origin.FILES, READ, CARD, NOW, NOW, BERLIN, is_part=True)
        return told.ahead

    # files from half a year are known, but it began three days ago
    assert ahead(18, 19, 20) is None
    assert ahead(10, 18, 20) is not None


def test_slices_are_of_hours_in_a_short_time_and_of_days_in_a_long_one() -> None:
    cells = [cell("2026-11-20 10:00"), cell("2026-11-20 10:45"), cell("2026-11-20 11:00", model="terra")]
    short = made(cells, UseWish(UsePeriod.TODAY))
    assert short.by_hour
    assert [(each.at.hour, len(each.by_model), each.by_model[0].sum.requests) for each in short.slices] == [
        (11, 1, 2),
        (12, 1, 1),
    ]
    month = made(cells, UseWish(UsePeriod.MONTH))
    assert [each.at.day for each in month.slices] == [20]
    assert [row.group.text for row in month.models] == ["sol", "terra"]


def test_what_is_asked_of_the_book() -> None:
    span = (10, 20)
    one = asked_of(GroupBy.PROJECT, [Narrowed(GroupBy.MODEL, Group("sol", fast=True))], span, Origin.FILES)
    assert (one.since, one.until, one.by) == (10, 20, GroupBy.PROJECT)
    assert one.narrow == ((GroupBy.MODEL, "sol"),)
    day = asked_of(GroupBy.DAY, [Narrowed(GroupBy.DAY, Group("2026-11-20"))], span, Origin.IMPORTED)
    assert (day.by, day.narrow, day.origin) == (None, (), Origin.IMPORTED)
    east = asked_of(GroupBy.MODEL, [Narrowed(GroupBy.GROUP, Group("east"))], span, Origin.FILES)
    assert (east.by, east.narrow) == (GroupBy.MODEL, ((GroupBy.GROUP, "east"),))


def test_what_the_book_does_not_know_is_kept_apart_here() -> None:
    fast = kept_of([Narrowed(GroupBy.MODEL, Group("sol", fast=True))], BERLIN, {})
    assert [fast(cell(tier=tier)) for tier in (Tier.FAST, Tier.STANDARD)] == [True, False]
    hour = kept_of([Narrowed(GroupBy.HOUR_OF_DAY, Group("15"))], BERLIN, {})
    assert [hour(cell(f"2026-11-20 {each}:00")) for each in (13, 14, 15)] == [False, True, False]
    assert kept_of([], BERLIN, {})(cell())


@pytest.mark.parametrize(("group", "kept"), [("east", ["a", "c"]), (None, ["b", "gone", None])])
def test_an_account_that_nobody_knows_is_of_no_group(group: str | None, kept: list[str | None]) -> None:
    groups: dict[str, str | None] = {"a": "east", "b": None, "c": "east"}
    keeps = kept_of([Narrowed(GroupBy.GROUP, Group(group))], BERLIN, groups)
    assert [each for each in ("a", "b", "c", "gone", None) if keeps(cell(account=each))] == kept


def test_the_last_requests_are_of_every_group_that_was_opened() -> None:
    one = RequestSeen(0.0, "sol", Tier.FAST, False, Tokens(), "a", "reef", "c", "cli", "chat")
    groups: dict[str, str | None] = {"a": "east", "b": None}
    fitting = [
        Narrowed(GroupBy.MODEL, Group("sol", fast=True)),
        Narrowed(GroupBy.ACCOUNT, Group("a")),
        Narrowed(GroupBy.GROUP, Group("east")),
        Narrowed(GroupBy.CLIENT, Group("cli")),
        Narrowed(GroupBy.PROJECT, Group("reef")),
        Narrowed(GroupBy.CONVERSATION, Group("c")),
        Narrowed(GroupBy.OPERATION, Group("chat")),
    ]
    assert seen_of(fitting, groups)(one)
    for each in fitting:
        other = Narrowed(each.by, Group("other", fast=True))
        assert not seen_of([*fitting, other], groups)(one)
    assert not seen_of([Narrowed(GroupBy.MODEL, Group("sol"))], groups)(one)
    assert not seen_of([Narrowed(GroupBy.USER, Group("eve"))], groups)(one)
    no_group = seen_of([Narrowed(GroupBy.GROUP, Group(None))], groups)
    assert [no_group(replace(one, account=each)) for each in ("a", "b", None)] == [False, True, True]


def test_a_day_within_the_period_is_all_that_is_looked_at() -> None:
    wish = UseWish(UsePeriod.MONTH, narrow=(Narrowed(GroupBy.DAY, Group("2026-11-19")),))
    assert span_of(wish, NOW, BERLIN) == (quarter("2026-11-18 23:00"), quarter("2026-11-19 23:00"))
    week = UseWish(UsePeriod.MONTH, narrow=(Narrowed(GroupBy.WEEK, Group("2026-10-26")),))
    assert span_of(week, NOW, BERLIN) == (quarter("2026-10-31 23:00"), quarter("2026-11-01 23:00"))
    outside = UseWish(UsePeriod.TODAY, narrow=(Narrowed(GroupBy.DAY, Group("2026-11-01")),))
    since, until = span_of(outside, NOW, BERLIN)
    assert since == until


def test_ideas_are_by_prices_alone() -> None:
    tokens = Tokens(input=1_000_000, cached=400_000, output=100_000)
    cells = [cell(tokens=0), cell(model="terra"), cell(model="qwen")]
    cells[0] = UseCell(cells[0].quarter, "sol", Tier.STANDARD, False, 1, tokens)
    other, cached = made(cells).ideas
    assert (other.model, other.instead_of) == ("terra", "sol")
    assert other.cost == (60_000 + 4_000 + 100_000) * 10**6
    assert other.saved == (600_000 + 40_000 + 1_000_000) * 10**6 - other.cost
    # 600,000 of sol and a million of terra, of two million
    assert cached.uncached == 0.8
    assert cached.saved == (540_000 + 90_000) * 10**6


def test_an_idea_about_what_is_estimated_is_one_itself() -> None:
    told = [cell(), cell(model="terra")]
    assert [each.estimated for each in made(told).ideas] == [False, False]
    untold = [cell(tier=Tier.UNKNOWN), cell(model="terra")]
    assert [each.estimated for each in made(untold).ideas] == [True, True]
    # only what the idea is about matters to it
    assert [each.estimated for each in made([told[0], cell(model="terra", tier=Tier.UNKNOWN)]).ideas] == [
        False,
        True,
    ]


def test_at_the_fast_tier_the_other_model_is_fast_too() -> None:
    cells = [cell(model="quick", tier=Tier.FAST), cell(model="quicker"), cell(model="sol", tokens=1)]
    other, *_ = made(cells).ideas
    assert (other.model, other.instead_of, other.fast) == ("quicker", "quick", True)
    # twice as much each
    assert (other.cost, other.saved) == (2 * DOLLAR // 10, 2 * DOLLAR - 2 * DOLLAR // 10)
    # nobody tells what the fast tier of the other one costs
    assert not any(each.model == "sol" for each in made([cells[0], cell(model="sol", tokens=1)]).ideas)


def test_there_are_no_ideas_about_what_has_no_price_or_cannot_be_cheaper() -> None:
    assert made([cell(model="qwen")]).ideas == ()
    assert made([cell(model="free")]).ideas == ()
    assert made([]).ideas == ()
    # the dearer model is no idea
    dearer = made([cell(model="terra", tokens=10**9), cell(model="sol", tokens=1)]).ideas
    assert [each.model for each in dearer] == [None]
    cached = UseCell(cell().quarter, "sol", Tier.STANDARD, False, 1, Tokens(input=10, cached=10))
    assert made([cached]).ideas == ()
