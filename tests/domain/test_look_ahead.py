"""What a window will have used at its reset: how it is said, and when nothing is said, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from math import isclose
from zoneinfo import ZoneInfo

import pytest

from poolwatch.domain import profile
from poolwatch.domain.cycles import Cycle, EndedBy, Rise
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.habit import Habit, closed, habit, learn
from poolwatch.domain.look_ahead import if_reset, look_ahead, path
from poolwatch.domain.profile import EVEN, Workhours, _day
from poolwatch.domain.ratios import TENTHS, Bank, bank, ratios_of
from poolwatch.domain.values import replace

#: A Monday.
T0 = datetime(2026, 11, 2, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
STALE = timedelta(minutes=15)
#: Ratios of a pool whose accounts do what is expected of them, or a tenth more or less.
SURE = Bank(tenths=(tuple(0.9 + 0.2 * n / 39 for n in range(40)),) * TENTHS)


def running(
    used: Mapping[int, float], hours: float, begun: datetime = T0, seconds: int = 604_800, **changes: object
) -> Cycle:
    """A window as it is after so many hours; `used`: percent points by hour of it."""
    total = sum(used.values())
    now = begun + timedelta(hours=hours)
    cycle = Cycle(
        "a",
        "codex",
        "weekly",
        begun,
        seconds,
        begun + timedelta(seconds=seconds),
        peak_percent=total,
        last_percent=total,
        read_at=now,
        rises=tuple(Rise(int(begun.timestamp() // 3600) + hour, each) for hour, each in sorted(used.items())),
        readings=3,
    )
    return replace(cycle, **changes)  # type: ignore[arg-type]  # they are fields of a cycle


def steady(percent_per_day: float, days: float) -> dict[int, float]:
    return dict.fromkeys(range(int(days * 24)), percent_per_day / 24)


def whole(per_day: float, weeks_ago: int, before: Habit | None = None, **changes: object) -> Cycle:
    """A past window of steady use, with what it teaches where `before` is given."""
    begun = T0 - weeks_ago * WEEK
    cycle = running(steady(per_day, 7), 168, begun, ended_at=begun + WEEK, ended_by=EndedBy.RESET)
    cycle = replace(cycle, **changes)  # type: ignore[arg-type]
    return cycle if before is None else replace(cycle, ratios=closed(cycle, before, UTC))


def ahead(
    cycle: Cycle, known: Habit | None = None, bank: Bank = SURE, after: timedelta = timedelta(0)
) -> Forecast:
    assert cycle.read_at is not None
    return look_ahead(cycle, known or Habit(), bank, cycle.read_at + after, UTC, STALE)


def test_steady_use_goes_on() -> None:
    said = ahead(running(steady(10, 3), 72))
    assert said.none_because is None
    assert said.median_percent == pytest.approx(70, abs=1)
    assert said.low_percent == pytest.approx(30 + 40 * 0.92, abs=1)
    assert said.high_percent == pytest.approx(30 + 40 * 1.08, abs=1)
    assert said.out_probability == 0
    assert said.pace_per_day == pytest.approx(70 / 4)
    assert said.even_percent == pytest.approx(300 / 7)


def test_what_runs_out_is_told_with_its_time() -> None:
    said = ahead(running(steady(20, 3), 72))
    assert (said.median_percent, said.high_percent, said.out_probability) == (100, 100, 1)
    assert said.endless is not None
    assert said.endless[1] == pytest.approx(140, abs=2)
    assert said.runs_out
    assert said.out_earliest is not None
    assert said.out_latest is not None
    assert T0 + 4.5 * DAY < said.out_earliest < T0 + 5 * DAY < said.out_latest < T0 + 5.5 * DAY


def test_the_time_it_runs_out_at_is_told_with_room_on_both_sides() -> None:
    said = ahead(running(steady(20, 3), 72))
    assert said.out_earliest is not None
    assert said.out_latest is not None
    # of the ratios from 0.9 to 1.1, three of a hundred are left out on each side
    for at, ratio in ((said.out_earliest, 1.094), (said.out_latest, 0.905)):
        assert abs(at - (T0 + 3 * DAY + DAY * 40 / (20 * ratio))) < timedelta(minutes=10)


def test_no_time_is_told_where_it_could_be_any() -> None:
    said = ahead(running(steady(20, 3), 72), bank=Bank())
    assert said.runs_out
    assert (said.out_earliest, said.out_latest) == (None, None)


def test_past_weeks_say_what_one_busy_morning_does_not() -> None:
    known = habit([whole(4, 2), whole(4, 1)], UTC)
    morning = running(dict.fromkeys(range(8), 1.0), 8)
    assert ahead(morning).median_percent == 100
    told = ahead(morning, known).median_percent
    assert told is not None
    assert 30 < told < 45


def test_a_window_that_was_not_seen_from_its_start_is_not_taken_for_a_young_one() -> None:
    late = running(
        {70: 2.0}, 72, started_at=T0 + 60 * HOUR, start_seen=False, last_percent=30.0, peak_percent=30.0
    )
    assert ahead(late).median_percent == pytest.approx(70, abs=1)


@pytest.mark.parametrize(
    ("changes", "after", "why"),
    [
        ({"resets_at": None}, 0, NoForecast.NONE),
        ({"window_seconds": None}, 0, NoForecast.NONE),
        ({"last_percent": None}, 0, NoForecast.NONE),
        ({"disputed": True}, 0, NoForecast.DISPUTED),
        ({"resets_at": T0 + 71 * HOUR}, 0, NoForecast.DUE),
        ({}, 16, NoForecast.OLD),
        ({"last_percent": 100.0}, 0, NoForecast.FULL),
        ({"readings": 1}, 0, NoForecast.TOO_FEW),
        ({"resets_at": T0 + WEEK + 68 * HOUR}, 0, NoForecast.TOO_EARLY),
        ({"rises": (Rise(int(T0.timestamp() // 3600), 30.0),)}, 0, NoForecast.IDLE),
        # who looks on for two hours only cannot know
        ({"rises": (), "watched_at": T0 + 70 * HOUR}, 0, NoForecast.TOO_FEW),
        ({"rises": (), "watched_at": T0 + 40 * HOUR}, 0, NoForecast.IDLE),
        ({"last_percent": 2.0}, 0, NoForecast.TOO_EARLY),
        ({}, 14, None),
    ],
)
def test_nothing_is_foretold_with_its_reason(
    changes: Mapping[str, object], after: int, why: NoForecast | None
) -> None:
    cycle = replace(running(steady(10, 3), 72), **changes)  # type: ignore[arg-type]
    said = ahead(cycle, after=timedelta(minutes=after))
    assert said.none_because is why
    foretold = (said.median_percent, said.low_percent, said.high_percent, said.out_probability, said.endless)
    assert all((each is None) == (why is not None) for each in foretold)
    assert not (why and (said.out_earliest or said.runs_out))


@pytest.mark.parametrize(
    "changes",
    [
        {"window_seconds": 10**15},
        {"window_seconds": -5},
        {"resets_at": datetime(9999, 12, 31, tzinfo=UTC)},
        {"window_seconds": 10**15, "resets_at": datetime(9999, 12, 31, tzinfo=UTC)},
        {"last_percent": 1e308},
        {"last_percent": -1e308},
    ],
)
def test_what_no_service_can_mean_foretells_nothing_and_takes_no_time(changes: Mapping[str, object]) -> None:
    cycle = replace(running(steady(10, 3), 72), **changes)  # type: ignore[arg-type]
    assert ahead(cycle).out_earliest is None
    assert habit([replace(cycle, ended_at=T0 + 72 * HOUR)], UTC).cycles in (0, 1)


def test_pace_stands_where_nothing_is_foretold() -> None:
    said = ahead(running({0: 30.0}, 72))
    assert said.none_because is NoForecast.IDLE
    assert said.pace_per_day == pytest.approx(70 / 4)


def test_on_the_last_day_the_pace_is_what_is_left() -> None:
    assert ahead(running(steady(10, 6.5), 160)).pace_per_day == pytest.approx(35)


def test_what_was_used_before_a_reset_is_no_idleness() -> None:
    young = running({5: 0.6}, 10)
    known = habit([whole(10, 2), whole(10, 1)], UTC)
    assert look_ahead(young, known, SURE, T0 + 10 * HOUR, UTC, STALE).none_because is NoForecast.IDLE
    assert look_ahead(young, known, SURE, T0 + 10 * HOUR, UTC, STALE, 4.0).none_because is None


def test_another_plan_is_another_amount() -> None:
    changed = whole(8, 1, ended_by=EndedBy.PLAN_CHANGE)
    known = habit([whole(8, 3), whole(8, 2), changed], UTC)
    cycle = running(steady(2, 3), 72)
    assert ahead(cycle, known).none_because is NoForecast.PLAN_CHANGED
    later = learn(known, whole(2, 1), UTC)
    assert later.level == pytest.approx(2 / 24, rel=0.05)
    assert ahead(cycle, later).median_percent == pytest.approx(14, abs=2)


def test_a_plan_says_something_of_an_account_that_nobody_watched() -> None:
    morning = running(dict.fromkeys(range(8), 1.0), 8, plan="plus")
    alone = ahead(morning).median_percent
    among = ahead(morning, bank=replace(SURE, levels={"plus": 4 / 24})).median_percent
    assert alone is not None
    assert among is not None
    assert among < 80 < alone


@pytest.mark.parametrize(
    ("used", "hours", "at_reset"),
    [({0: 10.0}, 1, 50), ({0: 10.0, 1: 2.0}, 2, 18), ({0: 40.0}, 1, 100), ({0: 12.0}, 2.5, 12)],
)
def test_five_hours_are_told_by_this_hours_pace(
    used: Mapping[int, float], hours: float, at_reset: float
) -> None:
    said = ahead(running(used, hours, seconds=18_000, window="5h"))
    assert said.median_percent == pytest.approx(at_reset)
    assert (said.low_percent, said.out_probability, said.out_earliest, said.pace_per_day) == (None,) * 4


@pytest.mark.parametrize(("percent", "hours"), [(20.0, 0.7), (4.0, 2.0)])
def test_five_hours_are_not_judged_by_little(percent: float, hours: float) -> None:
    said = ahead(running({0: percent}, hours, seconds=18_000, window="5h"))
    assert (said.none_because, said.median_percent) == (NoForecast.TOO_EARLY, None)


def test_a_cycle_teaches_by_how_much_one_was_off() -> None:
    known = habit([whole(10, 2)], UTC)
    ratios = closed(whole(10, 1), known, UTC)
    assert len(ratios) == TENTHS
    assert ratios == pytest.approx([1.0] * TENTHS, abs=0.1)
    # twice as much as the week before: the later, the less of a surprise
    doubled = closed(whole(14, 1, None), habit([whole(7, 2)], UTC), UTC)
    assert [each for each in doubled if each is not None] == sorted(map(float, doubled), reverse=True)  # type: ignore[arg-type]
    assert doubled[0] == pytest.approx(1.9, abs=0.1)


@pytest.mark.parametrize(
    "changes",
    [
        {"ended_by": EndedBy.EARLY_RESET},
        {"ended_by": EndedBy.PLAN_CHANGE},
        {"disputed": True},
        {"resets_at": None},
    ],
)
def test_a_cycle_that_did_not_end_by_itself_teaches_no_ratio(changes: Mapping[str, object]) -> None:
    assert closed(whole(10, 1, **changes), Habit(), UTC) == ()  # type: ignore[arg-type]


def test_a_full_window_and_an_unseen_start_teach_nothing() -> None:
    full = whole(20, 1, full_since=T0 - WEEK + 5 * DAY, started_at=T0 - WEEK + DAY, start_seen=False)
    told = closed(full, habit([whole(10, 2)], UTC), UTC)
    assert [each is None for each in told] == [True] + [False] * 6 + [True] * 3


def test_hours_in_which_a_window_that_is_over_was_full_teach_nothing() -> None:
    every = whole(20, 1, last_percent=100.0, peak_percent=100.0)
    full = replace(every, full_seconds=2 * 86_400, rises=every.rises[: 5 * 24])
    told = closed(full, Habit(), UTC)
    assert [each is None for each in told] == [False] * 7 + [True] * 3
    assert habit([full], UTC).level == pytest.approx(100 / (5 * 24), rel=0.02)
    # it was reset in between, and so it was not full when it ended
    freed = replace(full, last_percent=40.0)
    assert None not in closed(freed, Habit(), UTC)


def test_a_cycle_that_was_watched_in_part_teaches_what_was_seen() -> None:
    every = whole(10, 1)
    seen = T0 - 3 * DAY
    hour = int(seen.timestamp() // 3600)
    part = replace(every, watched_at=seen, rises=tuple(rise for rise in every.rises if rise.hour >= hour))
    assert habit([part], UTC).level == pytest.approx(habit([every], UTC).level, rel=0.02)
    ratios = closed(part, Habit(), UTC)
    assert ratios[:5] == (None,) * 5
    assert None not in ratios[6:]


def test_an_account_is_known_by_its_own_cycles_beside_all_others() -> None:
    seen = [whole(10, number, Habit()) for number in (3, 2, 1)]
    pooled = bank([replace(each, ratios=(2.0,) * TENTHS) for each in seen] * 100)
    assert pooled.odds(0.5, ()).quantile(0.5) == 2.0
    own = ((0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5),) * TENTHS
    assert pooled.odds(0.5, own).quantile(0.5) == 0.5
    assert pooled.level(None) == pytest.approx(10 * 7 / 168)
    assert pooled.level("pro") is None
    assert ratios_of(seen, 3) == tuple(sorted(each.ratios[3] for each in seen))  # type: ignore[type-var]


def test_before_anything_was_learned_much_is_possible() -> None:
    odds = Bank().odds(0.1, ())
    low, high = odds.interval(0.8)
    assert low < 0.5 < 1 < 2 < high
    assert isclose(odds.above(1.0), 0.5, abs_tol=0.03)


def test_an_interval_is_not_wider_because_nothing_is_common() -> None:
    mostly_none = Bank(tenths=((0.0,) * 32 + (1.0,) * 8,) * TENTHS)
    assert mostly_none.odds(0.9, ()).interval(0.8) == (0.0, 0.0)


def test_the_way_to_the_reset_follows_the_habit() -> None:
    known = habit([], UTC, Workhours(tuple((day, 540, 1020) for day in range(5))))
    said = ahead(running(steady(10, 3), 72), known)
    way = path(said, known.profile, UTC)
    assert (way[0].low, way[0].median, way[0].high) == pytest.approx((30, 30, 30))
    assert way[-1].at == said.resets_at
    assert (way[-1].low, way[-1].median, way[-1].high) == (
        said.low_percent,
        said.median_percent,
        said.high_percent,
    )
    assert all(one.median <= other.median for one, other in pairwise(way))
    by_hour = {each.at: each.median for each in way}
    night, day = T0 + 3 * DAY, T0 + 3 * DAY + 9 * HOUR
    assert by_hour[day + 8 * HOUR] - by_hour[day] > 5 * (by_hour[night + 8 * HOUR] - by_hour[night])


def test_the_way_ends_at_a_full_window() -> None:
    said = ahead(running(steady(20, 3), 72))
    way = path(said, EVEN, UTC)
    assert max(each.high for each in way) == 100
    assert said.out_earliest is not None
    assert next(each.at for each in way if each.high >= 100) - said.out_earliest < 2 * HOUR
    assert path(ahead(running({0: 30.0}, 72)), EVEN, UTC) == ()


def shifted(cycle: Cycle, by: timedelta) -> Cycle:
    def moved(at: datetime | None) -> datetime | None:
        return None if at is None else at + by

    hours = int(by / HOUR)
    return replace(
        cycle,
        started_at=cycle.started_at + by,
        resets_at=moved(cycle.resets_at),
        ended_at=moved(cycle.ended_at),
        read_at=moved(cycle.read_at),
        rises=tuple(Rise(each.hour + hours, each.percent) for each in cycle.rises),
    )


def test_who_lives_elsewhere_by_the_same_clock_is_told_the_same() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    work = dict.fromkeys([day * 24 + hour for day in range(5) for hour in range(9, 17)], 1.0)
    week = running(work, 168, T0 - WEEK, ended_at=T0, ended_by=EndedBy.RESET)
    now = running(dict.fromkeys([*range(9, 17), 33, 34], 1.0), 36)
    here = look_ahead(
        now,
        habit(
            [
                week,
            ],
            UTC,
        ),
        SURE,
        T0 + 36 * HOUR,
        UTC,
        STALE,
    )
    back = timedelta(hours=-9)
    there = look_ahead(
        shifted(now, back), habit([shifted(week, back)], tokyo), SURE, T0 + 27 * HOUR, tokyo, STALE
    )
    assert here.median_percent == pytest.approx(there.median_percent)
    assert here.out_probability == there.out_probability
    wrong = look_ahead(shifted(now, back), habit([week], UTC), SURE, T0 + 27 * HOUR, UTC, STALE)
    assert wrong.median_percent != pytest.approx(here.median_percent, abs=1)


def test_twice_the_use_is_twice_the_rise() -> None:
    def told(factor: float) -> Forecast:
        known = habit([whole(3 * factor, 2), whole(4 * factor, 1)], UTC)
        return ahead(running(steady(3 * factor, 3), 72), known)

    once, twice = told(1), told(2)
    assert once.endless is not None
    assert twice.endless == pytest.approx([2 * each for each in once.endless])


@pytest.mark.parametrize("years", [-1, 0, 2, 7000])
def test_the_way_to_a_reset_of_another_age_is_none(years: int) -> None:
    made_at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    said = Forecast(
        "codex",
        "weekly",
        made_at,
        made_at + timedelta(days=366 * years),
        median_percent=50.0,
        used_percent=10.0,
        endless=(20.0, 50.0, 70.0),
    )
    assert path(said, EVEN, None) == ()


def test_a_life_of_centuries_is_learned_from_as_one_of_a_year() -> None:
    begun, ended = datetime(1970, 1, 2, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)
    life = running({0: 1.0}, 168)
    long = replace(life, started_at=begun, resets_at=ended, ended_at=ended, read_at=ended)
    _day.cache_clear()
    learn(Habit(), long, None)
    assert _day.cache_info().currsize <= 400


def test_the_way_to_a_reset_a_year_away_is_counted_hour_by_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    made_at, asked = datetime(2026, 11, 20, 12, tzinfo=UTC), []

    def spans(start: float, end: float, zone: tzinfo | None) -> list[tuple[float, float, int]]:
        asked.append(end - start)
        return [(start, end, 0)]

    monkeypatch.setattr(profile, "_spans", spans)
    said = Forecast(
        *("codex", "365d", made_at, made_at + timedelta(days=365)),
        median_percent=50.0,
        used_percent=10.0,
        endless=(20.0, 50.0, 70.0),
    )
    way = path(said, EVEN, UTC)
    assert (len(way), way[0].median) == (365 * 24 + 1, 10.0)
    assert way[-1].median == pytest.approx(50.0)
    assert sum(asked) == 2 * 365 * 86400


def anew(
    cycle: Cycle, known: Habit | None = None, after: timedelta = timedelta(0), ahead: timedelta = timedelta(0)
) -> Forecast:
    assert cycle.read_at is not None
    return if_reset(cycle, known or Habit(), SURE, cycle.read_at + after, UTC, STALE, ahead)


def test_a_window_that_is_reset_now_goes_on_as_before_for_its_whole_length() -> None:
    said = anew(running(steady(10, 3), 72))
    assert (said.used_percent, said.resets_at) == (0.0, T0 + 3 * DAY + WEEK)
    assert said.median_percent == pytest.approx(70, abs=1)
    assert said.low_percent == pytest.approx(64.4, abs=1)
    assert said.high_percent == pytest.approx(75.6, abs=1)
    assert said.out_probability == 0


def test_how_fast_a_full_window_went_is_told_by_the_time_it_took() -> None:
    # full after four days, three days ago at its reset: 25 a day, and not 100 in seven
    cycle = running(steady(25, 4), 144, full_since=T0 + 4 * DAY)
    said = anew(cycle)
    assert said.runs_out
    assert said.out_earliest is not None
    assert said.out_latest is not None
    begun = T0 + 6 * DAY
    assert begun + 3.5 * DAY < said.out_earliest < begun + 4 * DAY < said.out_latest < begun + 4.5 * DAY


def test_a_habit_tells_of_a_window_that_has_just_begun() -> None:
    known = habit([whole(8, each) for each in (3, 2, 1)], UTC)
    said = anew(running(steady(8, 1 / 24), 1), known)
    assert said.median_percent == pytest.approx(56, abs=2)
    assert anew(running(steady(8, 1 / 24), 1)).none_because is NoForecast.TOO_EARLY


def test_the_servers_clock_tells_when_it_would_reset() -> None:
    assert anew(running(steady(10, 3), 72), ahead=HOUR).resets_at == T0 + 3 * DAY + WEEK + HOUR


@pytest.mark.parametrize(
    ("cycle", "known", "after", "why"),
    [
        (running(steady(10, 3), 72, disputed=True), Habit(), 0, NoForecast.DISPUTED),
        (running(steady(10, 3), 72), Habit(plan_changed=True), 0, NoForecast.PLAN_CHANGED),
        (running(steady(10, 3), 72), Habit(), 16, NoForecast.OLD),
        (running(steady(10, 3), 72, readings=1), Habit(), 0, NoForecast.TOO_FEW),
        (running(steady(10, 0.1), 2), Habit(), 0, NoForecast.TOO_EARLY),
        (running({0: 20}, 2, seconds=18_000), Habit(), 0, NoForecast.NONE),
        (running(steady(10, 3), 72, last_percent=None), Habit(), 0, NoForecast.NONE),
    ],
    ids=["disputed", "plan", "old", "few", "early", "short", "unknown"],
)
def test_why_nothing_is_said_of_a_reset(cycle: Cycle, known: Habit, after: int, why: NoForecast) -> None:
    said = anew(cycle, known, timedelta(minutes=after))
    assert said.none_because is why
    assert said.median_percent is None
