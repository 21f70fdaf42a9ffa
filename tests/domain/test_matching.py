"""Whose a conversation was, by the limits that its file tells: right, or not said."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from poolwatch.domain.matching import AccountReadings, Course, Owned, Readings, Sighting, moments
from poolwatch.domain.series import FigureName, Gap, Point, Series, Timeline

Q = 900
#: A quarter begins.
T0 = 2_000_000 * Q
WEEK, HOURS = 7 * 86_400, 5 * 3_600
WEEKLY = FigureName(Series.WINDOW, "codex", "weekly")
SHORT = FigureName(Series.WINDOW, "codex", "5h")
DAY = 86_400


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def point(
    when: float, used: float, resets_at: float, low: float | None = None, high: float | None = None
) -> Point:
    return Point(
        at(when), used if low is None else low, used if high is None else high, float(used), at(resets_at)
    )


def read(
    weekly: Sequence[tuple[float, float]],
    resets_at: float = T0 + 3 * DAY,
    *,
    short: Sequence[Point] = (),
    until: float = T0 + DAY,
    gaps: Sequence[tuple[float, float]] = (),
    exact_since: float = 0,
) -> AccountReadings:
    """An account whose week was read like this: when, and how much was used."""
    dark = tuple(Gap(at(start), at(end)) for start, end in gaps)
    points = tuple(point(when, used, resets_at) for when, used in weekly)
    lines = {WEEKLY: Timeline(points, dark)} | ({SHORT: Timeline(tuple(short), dark)} if short else {})
    return AccountReadings(lines, until, exact_since)


def week(when: float, used: float, resets_at: float = T0 + 3 * DAY) -> Sighting:
    return Sighting(when, "codex", "weekly", used, resets_at)


def short(when: float, used: float, resets_at: float) -> Sighting:
    return Sighting(when, "codex", "5h", used, resets_at)


def known(accounts: Mapping[str, AccountReadings]) -> Readings:
    readings = Readings()
    for account, read_ones in accounts.items():
        readings.add(account, read_ones)
    return readings


def owners(seen: Sequence[Sighting], readings: Readings, last: int) -> list[Owned]:
    course = Course(readings)
    for windows in moments(seen):
        course.see(windows)
    return course.owned(last)


def found(seen: Sequence[Sighting], accounts: Mapping[str, AccountReadings], last: int = 40) -> list[Owned]:
    """The quarters counted from T0."""
    return [
        Owned(each.since - T0 // Q, each.until - T0 // Q, each.account)
        for each in owners(seen, known(accounts), T0 // Q + last)
    ]


ALICE = read([(T0 - DAY, 20), (T0 + 300, 22), (T0 + 3000, 25)])


def test_the_account_whose_window_stood_like_that() -> None:
    bob = read([(T0 - DAY, 20)], T0 + 4 * DAY)
    seen = [week(T0 + 100, 21), week(T0 + 2000, 23)]
    assert found(seen, {"alice": ALICE, "bob": bob}) == [Owned(0, 40, "alice")]
    # what nobody read since then is not said yet
    assert found([week(T0 + DAY + 1, 25)], {"alice": ALICE}, 200) == []
    # the request was counted a moment before its limits were told
    assert found([week(T0 + 5, 21)], {"alice": ALICE}) == [Owned(-1, 40, "alice")]


@pytest.mark.parametrize(
    "seen",
    [
        week(T0 + 100, 21, T0 + 3 * DAY + 299),
        week(T0 + 100, 19),
        week(T0 + 100, 23),
        week(T0 + 3100, 26),
    ],
)
def test_percent_and_reset_may_be_rounded(seen: Sighting) -> None:
    assert [each.account for each in found([seen], {"alice": ALICE})] == ["alice"]


@pytest.mark.parametrize(
    "seen",
    [
        week(T0 + 100, 21, T0 + 3 * DAY + 301),
        week(T0 + 100, 18.9),
        week(T0 + 100, 23.1),
        week(T0 + 3100, 26.1),
        # before anybody read it, and a window that nobody uses
        week(T0 + 100, 0),
        Sighting(T0 + 100, "codex_bengalfox", "weekly", 21, T0 + 3 * DAY),
        Sighting(T0 + 100, "codex", "5h", 21, T0 + 3 * DAY),
        week(T0 + 3 * DAY + 1, 25),
    ],
)
def test_what_differs_is_nobody_s(seen: Sighting) -> None:
    assert found([seen], {"alice": ALICE}) == []


def test_two_accounts_with_like_windows_are_nobody_s() -> None:
    twin = read([(T0 - DAY, 21), (T0 + 9000, 60)], T0 + 3 * DAY + 120)
    pool = {"alice": ALICE, "twin": twin}
    assert found([week(T0 + 100, 21)], pool) == []
    # one more figure tells them apart, for the time before it too
    seen = [week(T0 + 100, 21), week(T0 + 8500, 40)]
    assert found(seen, pool) == [Owned(0, 40, "twin")]
    # a second window that stood otherwise
    mark = read([(T0 - DAY, 21)], short=[point(T0 - 60, 50, T0 + 4000)])
    other = read([(T0 - DAY, 21)], short=[point(T0 - 60, 50, T0 + 9000)])
    pool = {"mark": mark, "other": other}
    assert found([week(T0 + 100, 21), short(T0 + 100, 50, T0 + 4000)], pool) == [Owned(0, 4, "mark")]


def test_one_that_nobody_read_then_may_be_meant_but_is_not_named() -> None:
    asleep = read([(T0 - DAY, 21), (T0 + 9000, 60)], gaps=[(T0 - 3600, T0 + 8000)])
    assert found([week(T0 + 100, 21)], {"alice": ALICE, "asleep": asleep}) == []
    assert found([week(T0 + 100, 40)], {"alice": ALICE, "asleep": asleep}) == [Owned(0, 40, "asleep")]


def test_a_short_window_alone_proves_nothing() -> None:
    lines = [point(T0 - 60, 50, T0 + 4000)]
    assert found([short(T0 + 100, 50, T0 + 4000)], {"alice": read([], short=lines)}) == []


def test_one_that_it_was_not_it_is_not_later() -> None:
    # this week was used less than alice's at first, and as much later
    seen = [week(T0 + 100, 15), week(T0 + 3100, 25)]
    assert found(seen, {"alice": ALICE}) == []
    assert found(seen[1:], {"alice": ALICE}) != []
    # nor does her week stand alone, where her short window tells that it is another's
    lines = [point(T0 - 60, 50, T0 + 4000)]
    alice = read([(T0 - DAY, 20)], short=lines)
    seen = [week(T0 + 100, 20), short(T0 + 200, 30, T0 + 9000), week(T0 + 200, 20)]
    assert found(seen, {"alice": alice}) == []


def test_an_answer_that_lags_behind_changes_nothing() -> None:
    seen = [week(T0 + 100, 21), week(T0 + 3100, 23), week(T0 + 3200, 25)]
    assert found(seen, {"alice": ALICE}) == [Owned(0, 40, "alice")]
    assert found(seen[1:2], {"alice": ALICE}) == []


def test_a_login_that_changes_in_the_middle() -> None:
    bob = read([(T0 - DAY, 70), (T0 + 5000, 80)], T0 + 5 * DAY)
    pool = {"alice": ALICE, "bob": bob}
    seen = [week(T0 + 100, 21), week(T0 + 4000, 75, T0 + 5 * DAY), week(T0 + 4100, 76, T0 + 5 * DAY)]
    # the quarter of the change is nobody's
    assert found(seen, pool) == [Owned(0, 4, "alice"), Owned(5, 40, "bob")]
    # and back again; somebody whom poolwatch does not know in between
    seen = [week(T0 + 100, 21), week(T0 + 4000, 5, T0 + 6 * DAY), week(T0 + 9100, 25)]
    assert found(seen, pool) == [Owned(0, 4, "alice"), Owned(11, 40, "alice")]


def test_what_comes_after_a_reset_is_nobody_s_until_it_is_seen() -> None:
    lines = [point(T0 - 60, 50, T0 + 4000)]
    alice = read([(T0 - DAY, 20)], short=lines)
    seen = [week(T0 + 100, 20), short(T0 + 100, 50, T0 + 4000)]
    assert found(seen, {"alice": alice}) == [Owned(0, 4, "alice")]
    assert found([*seen, week(T0 + 20_000, 20)], {"alice": alice}) == [Owned(0, 40, "alice")]


def test_old_readings_are_hours() -> None:
    # in this hour it rose from 20 to 30: when, is not kept
    old = read([(T0 - DAY, 20), (T0, 30), (T0 + 7200, 31)], exact_since=T0 + DAY)
    assert found([week(T0 + 100, 20)], {"old": old}) != []
    assert found([week(T0 + 3700, 20)], {"old": old}) == []
    exact = read([(T0 - DAY, 20), (T0, 30), (T0 + 7200, 31)])
    assert found([week(T0 + 100, 20)], {"exact": exact}) == []


# -- a pool that lives


class Life:
    """An account that is used at random, and what a poll of it says every five minutes."""

    def __init__(self, draw: random.Random, start: float) -> None:
        self.windows: dict[FigureName, list[tuple[float, float, float]]] = {WEEKLY: [], SHORT: []}
        self.busy: list[float] = []
        reset, used, five_reset, five = start + draw.random() * WEEK, draw.random() * 60, 0.0, 0.0
        busy = False
        for minute in range(3 * 1440):
            now = start + minute * 60
            if draw.random() < 0.01:
                busy = not busy
            if now >= reset:
                reset, used = now + WEEK, 0.0
            if now >= five_reset and busy:
                five_reset, five = now + HOURS, 0.0
            if busy:
                step = draw.random() * 0.08
                used, five = min(used + step, 100), min(five + step * 6, 100)
                self.busy.append(now)
            self.windows[WEEKLY].append((now, used, reset))
            self.windows[SHORT].append((now, five, five_reset) if five_reset > now else (now, 0, now + HOURS))

    def readings(self, until: float) -> AccountReadings:
        lines = {}
        for name, states in self.windows.items():
            points: list[Point] = []
            for when, used, reset in states[::5]:
                whole = float(round(used))
                if not points or points[-1].last != whole or points[-1].resets_at != at(int(reset)):
                    points.append(point(when + 40, whole, int(reset)))
            lines[name] = Timeline(tuple(points))
        return AccountReadings(lines, until)

    def sightings(self, draw: random.Random, start: float, length: int) -> list[Sighting]:
        """What the answers to some of its requests tell: both windows, as they stand."""
        places = draw.choice((0, 1))
        begun = self.windows[WEEKLY][0][0]
        return [
            Sighting(at, name.bucket, name.window, round(used, places), int(reset) + draw.randint(-60, 60))
            for at in self.busy
            if start <= at < start + length and draw.random() < 0.4
            for name, states in self.windows.items()
            for _, used, reset in [states[int(at - begun) // 60]]
        ]


@pytest.mark.parametrize("seed", range(3))
def test_in_a_pool_of_many_nobody_is_named_who_it_was_not(seed: int) -> None:
    draw = random.Random(seed)
    start = float(T0)
    lives = {f"a{number}": Life(draw, start) for number in range(40)}
    strangers = [Life(draw, start) for _ in range(6)]
    readings = known({name: life.readings(start + 3 * DAY) for name, life in lives.items()})
    right = wrong = silent = 0
    for _ in range(150):
        begins, length = start + DAY + draw.random() * DAY, draw.randint(20, 300) * 60
        name = draw.choice([*lives, *[None] * 10])
        life = lives[name] if name is not None else draw.choice(strangers)
        seen = life.sightings(draw, begins, length)
        named = {each.account for each in owners(seen, readings, int((begins + length) // Q) + 1)}
        if named - {name}:
            wrong += 1
        elif named:
            right += 1
        elif name is not None and seen:
            silent += 1
    assert wrong == 0
    assert right > 5 * silent
