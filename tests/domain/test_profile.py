"""When an account is used: hours of the week in its own zone, learned from what its cycles used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.cycles import Cycle, EndedBy, Rise
from poolwatch.domain.profile import (
    EVEN,
    HOURS,
    Profile,
    Workhours,
    hours_of_week,
    learned,
    of_workhours,
    workhours_of,
)

BERLIN, DELHI, LORD_HOWE = (
    ZoneInfo("Europe/Berlin"),
    ZoneInfo("Asia/Kolkata"),
    ZoneInfo("Australia/Lord_Howe"),
)
ZONES = (UTC, BERLIN, DELHI, LORD_HOWE, ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/St_Johns"))
#: Monday to Friday, nine to five.
OFFICE = of_workhours(Workhours(tuple((day, 540, 1020) for day in range(5))))
DAY = timedelta(days=1)


def at(*parts: int, zone: object = UTC) -> float:
    return datetime(*parts, tzinfo=zone).timestamp()  # type: ignore[arg-type, misc]


def cycle(started: datetime, rises: dict[datetime, float], full_since: datetime | None = None) -> Cycle:
    return Cycle(
        "a",
        "codex",
        "weekly",
        started,
        604_800,
        started + 7 * DAY,
        ended_at=started + 7 * DAY,
        ended_by=EndedBy.RESET,
        full_since=full_since,
        rises=tuple(Rise(int(when.timestamp() // 3600), percent) for when, percent in sorted(rises.items())),
    )


def office_week(monday: datetime) -> Cycle:
    """Used at ten and at three on its working days."""
    times = [monday + day * DAY + timedelta(hours=hour) for day in range(5) for hour in (10, 15)]
    return cycle(monday, dict.fromkeys(times, 5.0))


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("mon-tue 9-17:30", ((0, 540, 1050), (1, 540, 1050))),
        ("Sat 10:15-24, sun-mon 0-1", ((5, 615, 1440), (6, 0, 60), (0, 0, 60))),
        ("mon 9-17 tue 9-17", None),
        ("mon 9", None),
        ("mon-xyz 9-10", None),
        ("", None),
    ],
)
def test_working_hours_are_read_from_one_line(
    text: str, spans: tuple[tuple[int, int, int], ...] | None
) -> None:
    assert workhours_of(text) == (None if spans is None else Workhours(spans))


def test_an_even_week_counts_hours() -> None:
    assert EVEN.mass(at(2026, 3, 2), at(2026, 3, 9), UTC) == pytest.approx(HOURS)
    assert EVEN.mass(at(2026, 3, 2, 10, 15), at(2026, 3, 2, 11, 45), BERLIN) == pytest.approx(1.5)
    assert EVEN.mass(at(2026, 3, 9), at(2026, 3, 2), UTC) == 0


# Wednesdays in summer and winter time
@pytest.mark.parametrize("day", [(2026, 6, 3), (2026, 12, 2)])
@pytest.mark.parametrize("zone", ZONES)
def test_a_day_of_work_is_the_same_in_every_zone(zone: ZoneInfo, day: tuple[int, int, int]) -> None:
    nine, five = at(*day, 9, zone=zone), at(*day, 17, zone=zone)
    midnight = at(*day, zone=zone)
    working = OFFICE.mass(nine, five, zone)
    assert working == pytest.approx(8 * OFFICE.weight(2 * 24 + 12))
    assert OFFICE.mass(midnight, midnight + 86400, zone) == pytest.approx(working + 16 * OFFICE.weight(3))


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ((2026, 3, 21), BERLIN, 24),
        ((2026, 3, 29), BERLIN, 23),
        ((2026, 10, 25), BERLIN, 25),
        # there the clock is moved by half an hour
        ((2026, 10, 4), LORD_HOWE, 23.5),
    ],
)
def test_days_on_which_the_clock_is_moved_are_shorter_or_longer(
    day: tuple[int, int, int], zone: ZoneInfo, hours: float
) -> None:
    start = datetime(*day, tzinfo=zone)
    assert EVEN.mass(start.timestamp(), (start + DAY).timestamp(), zone) == pytest.approx(hours)
    # and the working hours of the week around it are the same as ever
    monday = start - timedelta(days=start.weekday())
    week = OFFICE.mass(monday.timestamp(), (monday + 7 * DAY).timestamp(), zone)
    weekend = (hours - 24) * OFFICE.weight(150)
    assert week == pytest.approx(HOURS + weekend)


def test_an_hour_belongs_to_two_in_a_half_hour_zone() -> None:
    hour = int(at(2026, 3, 2, 4) // 3600)
    assert hours_of_week(hour, UTC) == [(4, 1.0)]
    assert hours_of_week(hour, DELHI) == [(9, 0.5), (10, 0.5)]


@given(
    st.sampled_from(ZONES),
    st.integers(0, 330 * 1440),
    st.floats(0, 400),
    st.floats(0, 1),
)
def test_when_is_the_other_way_round(zone: ZoneInfo, minute: int, hours: float, share: float) -> None:
    since = at(2026, 1, 1) + minute * 60
    until = since + hours * 3600
    mass = OFFICE.mass(since, until, zone)
    found = OFFICE.when(since, mass * share, until + 1, zone)
    assert found is not None
    assert OFFICE.mass(since, found, zone) == pytest.approx(mass * share, abs=1e-3)
    assert OFFICE.when(since, mass + 1, until, zone) is None


def test_parts_add_up_to_the_whole() -> None:
    edges = [at(2026, 10, 20) + step * 5400 for step in range(200)]
    parts = sum(OFFICE.mass(one, other, BERLIN) for one, other in pairwise(edges))
    assert parts == pytest.approx(OFFICE.mass(edges[0], edges[-1], BERLIN))


def weights(profile: Profile) -> list[float]:
    return [profile.weight(hour) for hour in range(HOURS)]


def test_a_habit_is_learned_week_by_week() -> None:
    monday = datetime(2026, 1, 5, tzinfo=UTC)
    once = learned(EVEN, office_week(monday), UTC)
    often = once
    for week in range(1, 6):
        often = learned(often, office_week(monday + week * 7 * DAY), UTC)
    assert sum(weights(often)) == pytest.approx(HOURS)
    assert 1 < once.weight(10) < often.weight(10)
    assert often.weight(10) > 4 > 1 > often.weight(3) > 0
    # Wednesday at ten, Saturday at ten
    assert often.weight(58) > 5 * often.weight(130)


def test_it_is_learned_by_the_clock_of_the_account() -> None:
    monday = datetime(2026, 1, 5, tzinfo=DELHI)
    profile = learned(EVEN, office_week(monday), DELHI)
    in_utc = learned(EVEN, office_week(datetime(2026, 1, 5, tzinfo=UTC)), UTC)
    # an hour of UTC is half of two hours there
    assert profile.weight(9) == pytest.approx(profile.weight(10))
    assert weights(profile) == pytest.approx(weights(in_utc), abs=0.25)


def test_hours_in_which_nothing_is_left_say_nothing() -> None:
    monday = datetime(2026, 1, 5, tzinfo=UTC)
    used = {monday + timedelta(hours=hour): 10.0 for hour in range(10, 20)}
    full = cycle(monday, used, full_since=monday + timedelta(hours=20))
    cut, uncut = learned(EVEN, full, UTC), learned(EVEN, cycle(monday, used), UTC)
    thursday = 3 * 24 + 12
    assert cut.weight(thursday) / cut.weight(15) > 2 * uncut.weight(thursday) / uncut.weight(15)


@pytest.mark.parametrize("ended", [True, False])
def test_nothing_is_learned_from_nothing(ended: bool) -> None:
    monday = datetime(2026, 1, 5, tzinfo=UTC)
    unused = cycle(monday, {})
    running = Cycle("a", "codex", "weekly", monday, rises=(Rise(1, 5.0),))
    assert learned(OFFICE, unused if ended else running, UTC) is OFFICE
