"""What the history of many accounts says: what is left, whether it lasts, who uses it, what comes back."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.burn import AccountBurn, Burn, PoolBurn
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.outlook import AccountOutlook, NoOutlook, PoolOutlook, Verdict
from poolwatch.domain.past import CREDITS, PoolFigure, Sums, base_window
from poolwatch.domain.series import Point, Timeline
from poolwatch.domain.status import Judged
from poolwatch.domain.usage import BASE_BUCKET, FIVE_HOURS, WEEKLY, Aged, Usage
from poolwatch.domain.values import replace
from poolwatch.presentation.history import PERIODS
from poolwatch.presentation.pool_chart import expected_room, pool_chart, pool_cursor_line
from poolwatch.presentation.pool_history import PoolScene, asked_of, instants, pool_told_lines
from poolwatch.presentation.pool_use import by_hour, reliefs, shares
from poolwatch.ui.appearance import UNICODE
from poolwatch.ui.widgets.pool_history import use_lines
from tests.presentation.scene import FIVE_HOURS as FIVE_SECONDS
from tests.presentation.scene import NOW, PREFS, WEEK, account, after, balance, base, judged, window


def member(
    name: str,
    used: float | None = 40,
    *,
    resets_at: datetime | None = None,
    plan: str = "pro",
    five: float = 9,
    burned: float | None = None,
    foretold: float | None = None,
    credits: str | None = None,
) -> Judged:
    resets_at = resets_at or after(days=2)
    usage = Usage(
        plan=Aged(plan, NOW, "homes"),
        base=base(
            window(five, FIVE_SECONDS, after(minutes=47)),
            window(used, WEEK, resets_at),
            allowed=used != 100 and five != 100,
            at=NOW,
        ),
        credits=balance(credits) if credits is not None else None,
    )
    found = account(f"{name}@example.com", usage, read_at=NOW)
    if burned is None and foretold is None:
        return judged(found)
    forecast = Forecast(
        BASE_BUCKET, WEEKLY, NOW, resets_at, foretold, foretold, foretold, 0.1,
        none_because=None if foretold is not None else NoForecast.IDLE,
    )  # fmt: skip
    burn = AccountBurn(Burn(0.5, burned, 1.0, 1.0, 12.0), Burn(Decimal(2), None, Decimal(7)))
    return judged(replace(found, outlook=AccountOutlook(NOW, burn, (forecast,))))


def scene(
    *accounts: Judged,
    figure: PoolFigure = PoolFigure.ROOM,
    line: Timeline | None = None,
    outlook: PoolOutlook | None = None,
    is_whole: bool = True,
) -> PoolScene:
    known = (len(accounts),) * 9
    return PoolScene(
        accounts, figure, PERIODS[1], line or Timeline(), known, (), outlook, is_whole, NOW, PREFS
    )


def told(found: PoolScene, heading: str) -> str:
    lines = pool_told_lines(found, short=False)
    return next("  ".join(span.text for span in line.spans) for line in lines if line.heading == heading)


def looked(verdict: Verdict, **fields: object) -> PoolOutlook:
    known = PoolOutlook(
        NOW, PoolBurn(Burn(0.9, 12.0), Burn(Decimal(41)), made_at=NOW), verdict, after(days=1, hours=20), 6,
        0.04,
        weekly_left_percent=61.0,
    )  # fmt: skip
    return replace(known, **fields)  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    ("outlook", "is_whole", "text"),
    [
        (
            looked(Verdict.LASTS),
            True,
            "lasts to the next relief, Sun 10:03, when 6 weekly limits come back  "
            "4% risk of running dry before then",
        ),
        (
            looked(Verdict.MAY_RUN_DRY, dry_earliest=after(hours=20), dry_probability=0.4),
            True,
            "may run dry from Sat 10:03 on; relief comes Sun 10:03  40% risk of running dry before then",
        ),
        (
            looked(Verdict.DRY, relief_accounts=1),
            True,
            "dry: nothing is left until Sun 10:03, when 1 weekly limit comes back",
        ),
        (
            looked(Verdict.UNKNOWN, none_because=NoOutlook.TOO_MANY),
            True,
            "— too many accounts to work it out",
        ),
        (None, True, "— not worked out yet"),
        (None, False, "— worked out for the whole pool alone; tab shows it"),
    ],
)
def test_the_outlook_is_a_sentence(outlook: PoolOutlook | None, is_whole: bool, text: str) -> None:
    assert told(scene(member("a"), outlook=outlook, is_whole=is_whole), "OUTLOOK") == text


def test_what_is_left_is_told_by_plan_and_who_is_full() -> None:
    pool = scene(
        member("a", 40), member("b", 100, credits="5"), member("c", 100), member("d", 10, plan="plus"),
        member("e", None),
    )  # fmt: skip
    assert told(pool, "LEFT") == (
        "21% of 4 weekly limits, by plan: Pro 20, Plus 90  2 accounts full, 1 of them with credits"
    )
    assert told(replace(pool, outlook=looked(Verdict.LASTS)), "LEFT").startswith("61% of 4 weekly limits")
    assert told(scene(member("a", None)), "LEFT") == "— no weekly limits"


def test_burn_is_that_of_the_pool_or_the_mean_of_those_shown() -> None:
    pool = scene(member("a", burned=10.0), member("b", burned=20.0), member("c"))
    assert told(pool, "BURN") == (
        "last hour 0.5%  24h 15%, 0.6%/h  usual 12% a day (median of 14d)  credits 4/h $0.16/h, 14 today"
    )
    whole = replace(pool, outlook=looked(Verdict.LASTS))
    assert told(whole, "BURN").startswith("last hour 0.9%  24h 12%, 0.5%/h")
    assert told(scene(member("a")), "BURN") == "— fewer than three readings so far"


def test_what_is_usual_for_a_few_is_not_usual_for_the_pool() -> None:
    def new(name: str) -> Judged:
        found = member(name, burned=1.0).account
        assert found.outlook is not None
        burn = AccountBurn(Burn(0.5, 1.0), Burn())
        return judged(replace(found, outlook=replace(found.outlook, burn=burn)))

    assert "usual 12% a day" in told(scene(member("a", burned=10.0), new("b")), "BURN")
    assert "usual" not in told(scene(member("a", burned=10.0), new("b"), new("c")), "BURN")


def test_who_uses_it_most_comes_first_and_the_rest_are_one_line() -> None:
    members = [
        member(name, burned=burned) for name, burned in (("a", 10.0), ("b", 60.0), ("c", 20.0), ("d", 10.0))
    ]
    found = shares(scene(*members, member("idle", burned=0.0), member("unknown")), 2)
    assert [(each.name, each.share, each.of_week) for each in found] == [
        ("b@example.com", "60%", "60%"),
        ("c@example.com", "20%", "20%"),
        ("2 others", "20%", ""),
    ]
    assert found[0].at_reset is not None
    assert found[0].at_reset.text == "idle"
    assert shares(scene(member("unknown")), 5) == ()


def test_who_has_more_uses_more_with_the_same_percentage() -> None:
    found = shares(scene(member("a", plan="plus", burned=10.0), member("b", burned=10.0)), 2)
    assert [(each.name, each.share, each.of_week) for each in found] == [
        ("b@example.com", "95%", "10%"),
        ("a@example.com", "5%", "10%"),
    ]


def test_what_comes_back_within_an_hour_is_one_relief() -> None:
    found = reliefs(
        scene(
            member("bob", five=100), member("tom", five=100),
            member("a", 30, resets_at=after(days=2)), member("b", 60, resets_at=after(days=2, minutes=50)),
            member("unused", 0, resets_at=after(days=1)), member("lee", 100, resets_at=after(days=6)),
        ),
        5,
    )  # fmt: skip
    assert [(each.time, each.what) for each in found] == [
        ("today 14:50", "5h, 2 accounts"),
        ("Sun 14:03", "weekly, 2 accounts"),
        ("Thu 14:03", "weekly, lee@example.com"),
    ]
    assert reliefs(scene(member("bob", five=100), member("a")), 1)[0].what == "5h, bob@example.com"


def test_the_room_to_come_follows_each_forecast_and_a_reset_gives_all_back() -> None:
    steady = member("steady", 40, foretold=60.0)
    [start, *_, end] = expected_room([steady], NOW, NOW, PREFS)
    assert (start.median, end.at) == (60.0, NOW + timedelta(days=3))
    # 20% in two days until the reset, and then the usual 12% a day for one
    assert [round(each.median, 6) for each in expected_room([steady], NOW, NOW, PREFS)[8:25:8]] == [
        50,
        100,
        88,
    ]
    full = member("full", 100, resets_at=after(days=1))
    assert expected_room([full], NOW, NOW, PREFS)[7].median == 0
    assert expected_room([full], NOW, NOW, PREFS)[8].median == 100
    both = expected_room([steady, full], NOW, NOW, PREFS)
    assert both[0].median == 30
    assert expected_room([member("unknown", None)], NOW, NOW, PREFS) == ()


def room(*values: float | None) -> Timeline:
    at = instants(PERIODS[1], NOW, PREFS)[-1 - len(values) :]
    return Timeline(tuple(Point(each, value, value, value) for each, value in zip(at, values, strict=False)))


def test_the_chart_of_the_room_is_scarce_below_and_marks_what_befell_all() -> None:
    at = instants(PERIODS[1], NOW, PREFS)
    early = LoggedEvent("u", NOW - timedelta(days=2), EventKind.UPSTREAM_RESET, accounts=41, of_accounts=60)
    found = pool_chart(replace(scene(member("a"), line=room(50.0)), events=(early,)), at)
    assert [mark.text for mark in found.marks] == ["now", "Sun 14:03 relief", "41 of 60 reset early"]
    assert (found.tone(5), found.tone(30), found.tone(50)) == ("red", "amber", "plain")
    credits = pool_chart(scene(member("a"), figure=PoolFigure.CREDITS, line=room(1200.0)), at)
    assert (credits.end, credits.levels, credits.scale.high) == (at[-1], (), 1500.0)
    longest = replace(scene(member("a"), line=room(50.0, 60.0)), period=PERIODS[-1])
    assert pool_chart(longest, instants(PERIODS[-1], NOW, PREFS)).start >= NOW - timedelta(days=3)


@pytest.mark.parametrize(
    ("figure", "value", "text"),
    [
        (PoolFigure.ROOM, 61.4, "61% of their weekly limits left"),
        (PoolFigure.BURN, 0.94, "0.9% an hour"),
        (PoolFigure.ACTIVE, 44.0, "44 accounts with room"),
        (PoolFigure.CREDITS, Decimal("3412.50"), "3,412.50 credits, $136.50"),
    ],
)
def test_the_cursor_tells_the_figure_and_of_how_many_it_is(
    figure: PoolFigure, value: float | Decimal, text: str
) -> None:
    at = NOW.replace(minute=0)
    line = Timeline((Point(at, value, value, value),))
    found = scene(member("a"), figure=figure, line=line)
    drawn = pool_chart(found, instants(PERIODS[1], NOW, PREFS))
    said = [span.text for span in pool_cursor_line(found, drawn, at).spans]
    assert said == ["Fri 20 Nov 14:00", text, "1 of 1 account known"]
    earlier = pool_cursor_line(found, drawn, at - timedelta(hours=3)).spans
    assert earlier[1].text == "— too little is known of that time"
    # of a day burn is that of all of it, and any other figure that of its first moment
    days = replace(found, period=next(each for each in PERIODS if each.step == timedelta(days=1)))
    told = pool_cursor_line(days, drawn, at).spans[0].text
    assert told == ("Fri 20 Nov" if figure is PoolFigure.BURN else "Fri 20 Nov 14:00")


def test_the_hours_of_the_last_day() -> None:
    hour = NOW.replace(minute=0)
    points = tuple(
        Point(hour - timedelta(hours=back), rate, rate, rate)
        for back, rate in ((4, 1.0), (3, 8.0), (2, 0.0), (0, 4.0))
    )
    found = by_hour(Timeline(points), NOW, PREFS)
    assert found.levels[-6:] == (None, 1, 8, 0, None, 4)
    assert found.told == "15:00 to 14:03; busiest 11:00, 8%/h; — not known"
    drawn = use_lines((), (), found, 0, 119, UNICODE)[-1]
    assert "——▁█·—▄" in "".join(text for text, _ in drawn)
    assert by_hour(Timeline(), NOW, PREFS).told == "nothing used in the last 24 hours, as far as is known"


def test_only_what_a_figure_is_made_of_is_asked_for() -> None:
    each = member("a")
    assert asked_of(PoolFigure.ROOM, each) == (base_window(WEEKLY),)
    assert asked_of(PoolFigure.CREDITS, each) == (CREDITS,)
    assert asked_of(PoolFigure.ACTIVE, each) == (base_window(FIVE_HOURS), base_window(WEEKLY))
    assert asked_of(PoolFigure.BURN, each) == ()
    assert Sums(PoolFigure.ROOM, ()).timeline() == Timeline()
