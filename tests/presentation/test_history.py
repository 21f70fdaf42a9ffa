"""What the history of an account says: its chart, the cursor, sentences, past windows and hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from poolwatch.domain.burn import AccountBurn, Burn
from poolwatch.domain.cycles import Cycle, EndedBy, Rise
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.outlook import AccountOutlook
from poolwatch.domain.past import CREDITS, AccountPast, PastAsked, base_window, watched_hours
from poolwatch.domain.series import SPEND_BUCKET, FigureName, Gap, Point, Series, Timeline
from poolwatch.domain.state import AccountState
from poolwatch.domain.usage import BASE_BUCKET, FIVE_HOURS, WEEKLY, Aged, SpendControl, SpendLimit, Usage
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.chart import Ahead, MarkKind, ahead_at
from poolwatch.presentation.history import PERIODS, Scene, figure_text, figures_of, fitting, told_lines
from poolwatch.presentation.history_chart import cursor_line, history_chart, note, steps
from poolwatch.presentation.past_windows import PastWindows, grid_of, past_events, past_windows, week_grid
from poolwatch.presentation.view import DetailLine, Tone
from poolwatch.ui.appearance import UNICODE
from poolwatch.ui.widgets.history import Below, below_lines
from tests.presentation.scene import (
    CET,
    NOW,
    PREFS,
    WEEK,
    account,
    after,
    balance,
    base,
    judged,
    window,
)
from tests.presentation.scene import (
    FIVE_HOURS as FIVE_SECONDS,
)
from tests.support.pasts import MadePast

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RESET = after(days=4, hours=3)
AS_FORETOLD = Forecast(
    BASE_BUCKET, WEEKLY, NOW, RESET, 54.0, 45.0, 66.0, 0.01, pace_per_day=18.4, even_percent=41.2,
    used_percent=23.0, endless=(45.0, 54.0, 66.0),
)  # fmt: skip
BURNED = AccountBurn(
    Burn(0.6, 9.0, 4.0, 3.0, 11.2), Burn(Decimal("41.3"), Decimal(500), Decimal(212), Decimal(20), None)
)


def alice(outlook: AccountOutlook | None = None, used: float | None = 23) -> AccountState:
    usage = Usage(
        plan=Aged("pro", NOW, "homes"),
        base=base(window(58, FIVE_SECONDS, after(hours=1)), window(used, WEEK, RESET), at=NOW),
        credits=balance("1234.56"),
    )
    return replace(account("alice@example.com", usage, read_at=NOW), outlook=outlook)


def scene(
    said: Forecast | None = AS_FORETOLD,
    *,
    period: int = 1,
    figure: FigureName | None = None,
    line: Timeline | None = None,
    used: float | None = 23,
    burn: AccountBurn = BURNED,
    past: AccountPast | None = None,
) -> Scene:
    outlook = None if said is None else AccountOutlook(said.made_at, burn, (said,))
    found = alice(outlook, used)
    name = figure or base_window(WEEKLY)
    asked = PastAsked(found.key, (name,), NOW - timedelta(days=8))
    if past is None:
        past = AccountPast(asked, {name: line} if line is not None else {}, known=(name,))
    return Scene(judged(found), name, PERIODS[period], past, NOW, PREFS)


def test_a_window_of_another_bucket_is_named_and_is_not_the_base_one() -> None:
    spark = FigureName(Series.WINDOW, "codex_spark", WEEKLY)
    seen = scene(figure=spark)
    assert figure_text(spark) == "codex_spark weekly used"
    assert (seen.window, seen.resets_at, seen.ahead) == (None, None, None)
    said = told_lines(seen, short=False)
    assert text(said, "FORECAST") == text(said, "PACE") == "— poolwatch foretells no limits of single models"


def text(lines: tuple[DetailLine, ...], heading: str) -> str:
    return next("  ".join(span.text for span in line.spans) for line in lines if line.heading == heading)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "lasts: 54% at the reset, Tue 24 Nov 17:03; 8 times in 10 between 45 and 66%. Running out: 1%."),
        (
            {"out_probability": 0.3},
            "likely lasts: 54% at the reset, Tue 24 Nov 17:03; 8 times in 10 between 45 and 66%. "
            "Running out: 30%.",
        ),
        ({"out_probability": 0.6}, "may run out (60%) before it resets, Tue 24 Nov 17:03"),
        (
            {
                "out_probability": 0.76,
                "out_earliest": after(days=2, hours=1),
                "out_latest": after(days=2, hours=21),
            },
            "runs out Sun 15:03 – Mon 11:03 (76%); it resets Tue 24 Nov 17:03",
        ),
        ({"none_because": NoForecast.TOO_EARLY}, "— too early: 2d 21h of 7d"),
        ({"none_because": NoForecast.IDLE}, "— idle: under 1% was used in the last 24 hours"),
        ({"none_because": NoForecast.TOO_FEW}, "— too few readings so far"),
        ({"none_because": NoForecast.OLD}, "— what is known of it is too old"),
        ({"none_because": NoForecast.DISPUTED}, "— OpenAI's answers disagree: two windows answer in turn"),
        ({"none_because": NoForecast.PLAN_CHANGED}, "— the plan changed in this window"),
        ({"resets_at": after(days=2)}, "— its reset has passed; the next reading tells"),
        ({"made_at": NOW - timedelta(hours=3)}, "— what is known of it is too old"),
    ],
)
def test_a_forecast_is_a_sentence_and_so_is_why_there_is_none(changes: dict[str, object], told: str) -> None:
    found = told_lines(scene(replace(AS_FORETOLD, **changes)), short=False)  # type: ignore[arg-type]  # fields by name
    assert text(found, "FORECAST") == told


def test_a_full_window_is_full_and_one_that_nobody_foretold_says_so() -> None:
    full = told_lines(scene(used=100), short=False)
    assert text(full, "FORECAST") == "— full: nothing is left until Tue 17:03 CET"
    unknown = told_lines(scene(None), short=False)
    assert [text(unknown, heading) for heading in ("FORECAST", "BURN", "PACE")] == [
        "— not worked out yet"
    ] * 3
    money = told_lines(scene(figure=CREDITS), short=False)
    assert text(money, "FORECAST") == "— poolwatch foretells windows, not credits"
    assert text(money, "PACE") == "— of windows alone"


def test_of_five_hours_only_this_hours_pace_is_told() -> None:
    said = Forecast(BASE_BUCKET, FIVE_HOURS, NOW, after(hours=1), 78.0)
    found = told_lines(scene(said, figure=base_window(FIVE_HOURS)), short=False)
    assert text(found, "FORECAST") == "at this hour's pace 78% at the reset, 15:03"


def test_burn_and_pace_say_of_what_they_are() -> None:
    long, short = told_lines(scene(), short=False), told_lines(scene(), short=True)
    assert text(long, "BURN") == (
        "last hour 0.6%  24h 9%, 0.4%/h  usual 11% a day (median of 14d)  credits 41/h $1.65/h, 212 today"
    )
    assert text(short, "BURN") == "1h 0.6%  24h 9%  14d median 11% a day  credits 41/h, 212 today"
    assert text(long, "PACE") == (
        "up to 18% a day lasts to the reset.  Even use would stand at 41% now; you are at 23%"
    )
    assert text(short, "PACE") == "up to 18% a day lasts to the reset  even use: 41% now"
    few = scene(burn=AccountBurn(Burn(), Burn()))
    assert text(told_lines(few, short=False), "BURN") == "— fewer than three readings so far"
    new = scene(burn=AccountBurn(Burn(0.0, 3.0), Burn(Decimal(0), Decimal(0), Decimal(0))))
    assert text(told_lines(new, short=False), "BURN") == (
        "last hour 0%  24h 3%, 0.1%/h  usual — (no whole days yet)"
    )
    five = scene(figure=base_window(FIVE_HOURS))
    assert text(told_lines(five, short=True), "BURN").startswith("of weekly: 1h 0.6%")


# --- which figures there are


def test_the_figures_are_those_that_the_account_has() -> None:
    assert list(map(figure_text, figures_of(alice()))) == ["5h used", "weekly used", "credits"]
    limit = SpendLimit("individual", Decimal(50), Decimal(31), None, 62.0, None)
    spending = account(usage=Usage(spend=Aged(SpendControl(False, None, (limit,)), NOW, "homes")))
    assert list(map(figure_text, figures_of(spending))) == ["individual limit spent"]
    free = replace(alice(), usage=replace(alice().usage, credits=balance("0", has=False)))
    assert CREDITS not in figures_of(free)
    unread = account(usage=Usage(), read_at=None)
    assert figures_of(unread) == (base_window(WEEKLY),)
    assert figures_of(unread, (CREDITS, FigureName(Series.PLAN))) == (CREDITS,)


def test_the_wish_for_a_figure_outlives_an_account_that_lacks_it() -> None:
    both = figures_of(alice())
    assert fitting(None, both) == base_window(WEEKLY)
    assert fitting(CREDITS, both) == CREDITS
    monthly = (base_window("monthly"),)
    assert fitting(base_window(FIVE_HOURS), monthly) == base_window("monthly")


# --- the chart and its cursor


def points(*values: tuple[float, float | None]) -> Timeline:
    """By hours before now."""
    return Timeline(
        tuple(Point(NOW - timedelta(hours=hours), value, value, value, RESET) for hours, value in values)
    )


def test_the_chart_reaches_to_the_reset_and_stands_still_between_steps() -> None:
    found = history_chart(scene(line=points((100, 3.0), (2, 23.0))))
    assert found.start == datetime(2026, 11, 13, 13, tzinfo=UTC)
    assert found.end == RESET
    assert [mark.text for mark in found.marks] == ["now", "resets Tue 17:03", "watched since Mon 10:03"]
    assert (found.ahead[0].median, found.ahead[-1]) == (23.0, Ahead(RESET, 45, 54, 66))
    later = replace(scene(line=points((100, 3.0), (2, 23.0))), now=NOW + timedelta(minutes=20))
    assert history_chart(later).start == found.start
    assert [m.at for m in history_chart(later).marks] == [m.at for m in found.marks]


def test_what_is_expected_rises_at_the_hours_at_which_the_account_is_used() -> None:
    made = MadePast(alice().key, NOW, RESET, 23, CET)
    whole = scene(
        past=made.answer(PastAsked(alice().key, (base_window(WEEKLY),), NOW - timedelta(days=8), 60))
    )
    ahead = history_chart(whole).ahead

    def rise(day: int) -> float:
        midnight = datetime(2026, 11, day, tzinfo=CET)
        before, after = (ahead_at(ahead, midnight + timedelta(days=days)) for days in (0, 1))
        assert before is not None
        assert after is not None
        return after.median - before.median

    # a Sunday and a Monday
    assert rise(23) > 3 * rise(22) > 0


def test_a_short_period_looks_no_further_ahead_than_back() -> None:
    found = history_chart(scene(period=0))
    assert found.end - NOW <= timedelta(days=1, minutes=15)
    assert found.marks[-1].kind is not MarkKind.RESET


def test_resets_are_those_of_the_cycles_and_those_that_only_the_readings_show() -> None:
    made = MadePast(alice().key, NOW, RESET, 23, CET)
    asked = PastAsked(alice().key, (base_window(WEEKLY),), NOW - timedelta(days=40), 60)
    whole = scene(period=2, past=made.answer(asked))
    by_cycles = [each for each in history_chart(whole).breaks if each < NOW]
    assert by_cycles == [RESET - timedelta(weeks=back) for back in (4, 3, 2, 1)]
    without = replace(whole, past=made.answer(replace(asked, cycles=0)))
    assert [each for each in history_chart(without).breaks if each < NOW] == by_cycles


def balances(*values: tuple[float, str]) -> Timeline:
    return Timeline(
        tuple(
            Point(NOW - timedelta(hours=hours), Decimal(text), Decimal(text), Decimal(text))
            for hours, text in values
        )
    )


def test_credits_have_a_scale_of_their_own() -> None:
    found = history_chart(scene(figure=CREDITS, line=balances((90, "2100"), (2, "900"))))
    assert [tick.text for tick in found.scale.ticks] == ["0", "1,000", "2,000", "3,000"]
    assert found.levels == ()


def read_out(drawn: Scene, hours_ago: float) -> str:
    found = history_chart(drawn)
    wanted = NOW - timedelta(hours=hours_ago)
    at = max(each for each in steps(found, drawn) if each <= wanted)
    return "  ".join(span.text for span in cursor_line(drawn, found, at).spans)


def test_the_cursor_reads_out_what_was() -> None:
    line = points((50, 3.0), (20, 16.0), (10, None), (5, 17.0))
    assert read_out(scene(line=line), 20) == "Thu 19 Nov 18:00  16% used  +13 in that hour"
    assert read_out(scene(line=line), 30) == "Thu 19 Nov 08:00  3% used  nothing used in that hour"
    assert (
        read_out(scene(line=line), 8)
        == "Fri 20 Nov 06:00  — there was no such figure, or nobody could read it"
    )
    assert read_out(scene(line=line), 60) == "Wed 18 Nov 02:00  — poolwatch was not watching yet"
    gap = replace(line, gaps=(Gap(NOW - timedelta(hours=40), NOW - timedelta(hours=25)),))
    assert read_out(scene(line=gap), 30) == ("Thu 19 Nov 08:00  — nobody read it from Wed 22:03 to Thu 13:03")
    assert read_out(scene(line=line), -47) == (
        "Sun 22 Nov 13:00  38% expected, 8 times in 10 between 33 and 43%"
    )


def test_the_cursor_tells_a_reset_and_the_credits_of_its_hour() -> None:
    reset = NOW - timedelta(hours=20, minutes=30)
    name = base_window(WEEKLY)
    spent = balances((50, "100"), (10.5, "62"), (10.4, "72"))
    cycle = Cycle(alice().key.id, BASE_BUCKET, WEEKLY, NOW - timedelta(days=7), ended_at=reset)
    past = AccountPast(
        PastAsked(alice().key, (name, CREDITS), NOW),
        {name: points((50, 88.0), (20.3, 0.0)), CREDITS: spent},
        (cycle,),
        known=(name,),
    )
    assert read_out(scene(past=past), 20.2) == "Thu 19 Nov 17:00  0% used  reset Thu 17:33, from 88%"
    assert read_out(scene(past=past), 10.2) == (
        "Fri 20 Nov 03:00  0% used  nothing used in that hour  38.00 credits used, $1.52  +10.00 credits"
    )


def test_an_empty_chart_says_why() -> None:
    def said(drawn: Scene) -> str:
        return note(drawn, history_chart(drawn))

    assert said(scene(line=points((0.1, 23.0)))) == (
        "poolwatch has watched this account for 6m; the line grows from here"
    )
    assert said(scene()) == "nothing is kept of this figure yet; the line begins with the next reading"
    unread = Scene(
        judged(account(usage=Usage(), read_at=None)), base_window(WEEKLY), PERIODS[1],
        AccountPast(PastAsked(alice().key, (), NOW)), NOW, PREFS,
    )  # fmt: skip
    assert said(unread) == "poolwatch has not read this account yet; the line begins with the first reading"
    assert said(replace(unread, past=None)) == ""
    assert said(scene(line=points((100, 3.0)))) == ""


# --- past windows, hours, events


def test_past_windows_say_how_they_ended_and_how_long_they_were_full() -> None:
    made = MadePast(alice().key, NOW, RESET, 23, CET)
    found = past_windows(scene(past=made.answer(PastAsked(alice().key, (), NOW, 60, NOW))))
    assert [(row.span, row.peak, row.ended, row.full, row.tone) for row in found.rows[:4]] == [
        ("10–17 Nov", "88%", "reset", "", Tone.AMBER),
        ("3–10 Nov", "100%", "early reset, 41 of 60", "1h", Tone.RED),
        ("27 Oct–3 Nov", "71%", "reset", "", Tone.AMBER),
        ("20–27 Oct", "100%", "banked reset", "1h", Tone.RED),
    ]
    assert len(found.rows) == 10
    assert found.begun[-1] == "8 Sep"
    assert past_windows(scene(figure=CREDITS)).rows == ()


def test_the_months_of_a_spend_limit_are_past_windows_too() -> None:
    name = FigureName(Series.SPEND, "", "individual")
    month = Cycle(
        alice().key.id, SPEND_BUCKET, "individual", datetime(2026, 10, 1, tzinfo=CET),
        ended_at=datetime(2026, 11, 1, tzinfo=CET), ended_by=EndedBy.RESET, peak_percent=62.0,
    )  # fmt: skip
    past = AccountPast(PastAsked(alice().key, (name,), NOW), cycles=(month,))
    [row] = past_windows(scene(figure=name, past=past)).rows
    assert (row.span, row.peak) == ("1 Oct–1 Nov", "62%")
    spending = FigureName(Series.WINDOW, SPEND_BUCKET, "individual")
    assert figures_of(account(usage=Usage(), read_at=None), (spending, name)) == (name,)


def test_short_windows_and_unseen_beginnings() -> None:
    short = Cycle(
        alice().key.id, BASE_BUCKET, FIVE_HOURS, NOW - timedelta(hours=9), ended_at=NOW - timedelta(hours=4),
        ended_by=EndedBy.PLAN_CHANGE, start_seen=False,
    )  # fmt: skip
    past = AccountPast(PastAsked(alice().key, (), NOW), cycles=(short,))
    [row] = past_windows(scene(figure=base_window(FIVE_HOURS), past=past)).rows
    assert (row.span, row.peak, row.fraction, row.ended) == ("20 Nov ?05:03–10:03", "—", None, "another plan")


@pytest.mark.parametrize(
    ("zone", "cell"),
    [
        (UTC, (0, 9)),
        (timezone(timedelta(hours=5, minutes=30)), (0, 14)),
        (ZoneInfo("America/New_York"), (0, 4)),
    ],
)
def test_the_hours_of_the_week_are_local(zone: timezone, cell: tuple[int, int]) -> None:
    monday = datetime(2026, 11, 16, 9, tzinfo=UTC)
    cycle = Cycle("a", BASE_BUCKET, WEEKLY, monday, rises=(Rise(int(monday.timestamp()) // 3600, 4.0),))
    nine = int(monday.timestamp()) // 3600
    grid = grid_of([cycle], {nine, nine + 1}, NOW, zone)
    day, hour = cell
    known = {
        (d, h): level for d, row in enumerate(grid.levels) for h, level in enumerate(row) if level is not None
    }
    assert known == {cell: 4, (day, hour + 1): 0}
    assert grid.busiest == f"busiest Mon {hour}–{hour + 1}"


def test_the_grid_names_two_peaks_apart_and_forgets_what_is_old() -> None:
    def rise(days: int, hour: int, percent: float) -> Rise:
        at = datetime(2026, 11, 16, hour, tzinfo=UTC) - timedelta(days=days)
        return Rise(int(at.timestamp()) // 3600, percent)

    rises = (rise(70, 3, 99.0), rise(0, 10, 9.0), rise(0, 11, 8.0), rise(0, 15, 7.0), rise(5, 2, 1.0))
    week = watched_hours(NOW - 7 * DAY, NOW, ())
    grid = grid_of([Cycle("a", BASE_BUCKET, WEEKLY, NOW, rises=rises)], week, NOW, UTC)
    assert grid.busiest == "busiest Mon 10–11 and 15–16"
    assert grid.levels[0][3] == 0
    assert (grid.levels[0][10], grid.levels[0][15], grid.levels[2][2]) == (4, 4, 1)
    assert grid.is_whole
    assert grid_of([], week, NOW, UTC).busiest == ""


def test_an_hour_of_the_week_that_nobody_ever_read_is_not_one_without_use() -> None:
    hour = NOW.replace(minute=0)
    line = Timeline((Point(hour - 30 * HOUR, 5.0, 5.0, 5.0),))
    gaps = (Gap(hour - 20 * HOUR, hour - 10 * HOUR),)
    asked = PastAsked(alice().key, (base_window(WEEKLY),), NOW)
    past = AccountPast(asked, {base_window(WEEKLY): line}, gaps=gaps)
    grid = week_grid(scene(past=past))
    known = [(day, at) for day, row in enumerate(grid.levels) for at, level in enumerate(row) if level == 0]
    # in UTC+1 from Thursday 9:00, without 19:00 to 5:00, to the last reading
    assert known == [*((3, at) for at in range(8, 18)), *((4, at) for at in range(4, 15))]
    assert not grid.is_whole
    drawn = below_lines(Below(PastWindows(), True, grid, ()), 80, 24, UNICODE, ("pgdn", "e"))
    texts = ["".join(text for text, _ in each).rstrip() for each in drawn]
    assert " Thu ————————··········——————" in texts
    assert " nothing used, as far as is known" in texts
    assert " — nobody read it then" in texts
    # beside past windows no hour is cut off
    beside = below_lines(Below(PastWindows(), False, grid, ()), 110, 40, UNICODE, ("pgdn", "e"))
    assert any("".join(text for text, _ in each).endswith(" Thu ————————··········——————") for each in beside)
    nothing = week_grid(scene(past=AccountPast(asked)))
    assert {level for row in nothing.levels for level in row} == {None}
    last = below_lines(Below(PastWindows(), True, nothing, ()), 80, 24, UNICODE, ("pgdn", "e"))[-3:-1]
    assert ["".join(text for text, _ in each).split()[0] for each in last] == ["Sun", "—"]


def test_events_come_newest_first_with_their_time() -> None:
    events = (
        LoggedEvent("1", NOW - timedelta(days=3), EventKind.RESET, window=WEEKLY),
        LoggedEvent("2", NOW - timedelta(hours=2), EventKind.SIGNED_IN),
    )
    assert [each.time for each in past_events(events, AccountNames({}), NOW, PREFS)] == [
        "today 12:03",
        "Tue 14:03",
    ]
