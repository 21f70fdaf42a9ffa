"""Cycles out of readings: resets, wobble, shadows, drops, gaps, and what was used."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.cycles import Cycle, EndedBy, Observation, Track
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.track import Step, advance
from poolwatch.domain.usage import window_length
from poolwatch.domain.values import replace
from tests.domain.make import FIVE_HOURS, T0, WEEK, after

RESET = after(days=3)
NEXT_RESET = after(days=10)


def seen(
    used: float | None,
    minutes: float,
    resets: datetime | None = RESET,
    *,
    seconds: int | None = WEEK,
    flag: bool | None = None,
    plan: str | None = None,
    banked: int | None = None,
) -> Observation:
    return Observation(after(minutes=minutes), used, resets, seconds, flag, plan, banked)


def fold(*readings: Observation, track: Track | None = None, window: str = "weekly") -> Step:
    """All of them, one after the other."""
    step = Step(track or Track())
    for each in readings:
        one = advance(step.track, "alice", "codex", window, each)
        step = Step(one.track, step.closed + one.closed, step.events + one.events, step.gains + one.gains)
    return step


def running(step: Step) -> Cycle:
    assert step.track.running is not None
    return step.track.running


def used(step: Step) -> float:
    return sum(gain.percent for gain in step.gains)


def told(events: Iterable[LoggedEvent]) -> list[tuple[EventKind, object, object]]:
    return [(event.kind, event.before, event.after) for event in events]


def test_a_window_that_is_met_half_used_began_one_length_before_its_reset() -> None:
    cycle = running(fold(seen(40, 0), seen(42, 5)))
    assert (cycle.started_at, cycle.resets_at) == (RESET - timedelta(days=7), RESET)
    assert (cycle.peak_percent, cycle.last_percent, cycle.readings) == (42, 42, 2)
    assert not cycle.start_seen
    assert sum(rise.percent for rise in cycle.rises) == 2


def test_a_reset_that_comes_as_planned_ends_the_cycle_at_its_instant() -> None:
    late = (RESET - T0).total_seconds() / 60 + 3
    first = fold(seen(71, 0), seen(3, late, NEXT_RESET))
    assert first.closed == ()
    step = fold(seen(4, late + 5, NEXT_RESET), track=first.track)
    [ended] = step.closed
    assert (ended.ended_at, ended.ended_by, ended.peak_percent) == (RESET, EndedBy.RESET, 71)
    assert told(step.events) == [(EventKind.RESET, 71, 3)]
    assert step.events[0].at == RESET
    cycle = running(step)
    assert (cycle.started_at, cycle.start_seen, cycle.last_percent) == (RESET, True, 4)
    assert used(step) == sum(rise.percent for rise in cycle.rises) == 4


def test_a_reset_before_its_time_is_dated_by_the_first_reading_that_shows_it() -> None:
    moved = after(minutes=10, days=7)
    step = fold(seen(71, 0), seen(0, 10, moved), seen(0, 15, moved), seen(2, 20, moved))
    [ended] = step.closed
    assert (ended.ended_at, ended.ended_by) == (after(minutes=10), EndedBy.EARLY_RESET)
    assert told(step.events) == [(EventKind.EARLY_RESET, 71, 0)]
    assert running(step).started_at == after(minutes=10)
    assert used(step) == 2


def test_one_reading_is_no_reset_and_one_that_comes_too_soon_confirms_none() -> None:
    moved = after(days=7)
    assert fold(seen(71, 0), seen(0, 5, moved)).closed == ()
    assert fold(seen(71, 0), seen(0, 5, moved), seen(0, 5.9, moved)).closed == ()
    assert len(fold(seen(71, 0), seen(0, 5, moved), seen(0, 6, moved)).closed) == 1


def test_a_reset_that_wobbles_is_the_same() -> None:
    wobbly = [seen(50 + n, n * 5, RESET + timedelta(minutes=(-4, 0, 4, 190)[n % 4])) for n in range(12)]
    step = fold(*wobbly)
    assert step.closed == ()
    assert not running(step).disputed
    assert used(step) == 11
    # of a short window two percent are less than five minutes
    short = [
        seen(9 - n, n * 5, after(hours=4, minutes=4 * n), seconds=FIVE_HOURS, banked=n) for n in range(2)
    ]
    assert fold(*short, window="5h").closed == ()


def test_a_figure_that_falls_without_a_new_reset_is_no_reset_and_must_be_said_twice() -> None:
    once = fold(seen(50, 0), seen(20, 5), seen(50, 10), seen(51, 15))
    assert (once.closed, used(once)) == ((), 1)
    twice = fold(seen(50, 0), seen(20, 5), seen(21, 10), seen(23, 15))
    cycle = running(twice)
    assert (twice.closed, used(twice)) == ((), 3)
    assert (cycle.peak_percent, cycle.last_percent, cycle.disputed) == (50, 23, False)


def test_rounding_that_comes_and_goes_is_used_once() -> None:
    step = fold(*(seen(50 + n % 2, n * 5) for n in range(20)))
    assert used(step) == 1


def test_two_windows_that_answer_in_turn_are_disputed_and_neither_ends() -> None:
    other = after(days=6)
    turns = [seen(16, n * 5, other) if n % 2 else seen(74, n * 5, RESET) for n in range(20)]
    step = fold(*turns)
    assert (step.closed, step.events, used(step)) == ((), (), 0)
    assert running(step).disputed
    # what is said twice in a row is followed
    step = fold(seen(16, 105, other), track=step.track)
    assert (running(step).resets_at, running(step).last_percent) == (other, 16)
    assert fold(seen(18, 110, other), track=step.track).gains[0].percent == 2


def test_a_dispute_is_over_once_the_other_window_is_heard_of_no_more() -> None:
    other = after(days=6)
    turns = [seen(16, 5, other), seen(74, 10), seen(16, 15, other), seen(74, 20)]
    step = fold(seen(74, 0), *turns)
    assert running(step).disputed
    calm = fold(seen(75, 30), seen(76, 20 + 6 * 60), track=step.track)
    assert not running(calm).disputed
    assert running(calm).resets_at == RESET


def test_an_early_reset_with_a_late_echo_of_the_old_window_is_found_in_the_end() -> None:
    moved = after(minutes=5, days=7)
    step = fold(seen(74, 0), seen(1, 5, moved), seen(74, 10), seen(2, 15, moved), seen(2, 20, moved))
    assert step.closed == ()
    step = fold(seen(9, 25 + 6 * 60, moved), seen(9, 25 + 13 * 60, moved), track=step.track)
    [ended] = step.closed
    assert (ended.ended_by, ended.ended_at) == (EndedBy.EARLY_RESET, after(minutes=5))
    assert (running(step).started_at, running(step).last_percent) == (after(minutes=5), 9)


def test_a_banked_reset_is_told_by_its_count() -> None:
    moved = after(minutes=10, days=7)
    at_once = [seen(100, 0, banked=2), seen(0, 10, moved, banked=1), seen(0, 15, moved, banked=1)]
    assert fold(*at_once).closed[0].ended_by is EndedBy.BANKED_RESET
    windows_lag = [
        seen(100, 0, banked=2),
        seen(100, 5, banked=1),
        seen(0, 10, moved, banked=1),
        seen(0, 15, moved, banked=1),
    ]
    assert fold(*windows_lag).closed[0].ended_by is EndedBy.BANKED_RESET
    count_lags = [seen(100, 0, banked=2), seen(0, 10, moved, banked=2), seen(0, 15, moved, banked=1)]
    assert fold(*count_lags).closed[0].ended_by is EndedBy.BANKED_RESET
    none_used = [seen(100, 0, banked=2), seen(0, 10, moved, banked=2), seen(0, 15, moved, banked=2)]
    assert fold(*none_used).closed[0].ended_by is EndedBy.EARLY_RESET
    assert told(fold(*at_once).events) == [(EventKind.BANKED_RESET, 100, 0)]


def test_another_plan_is_another_scale_whichever_way_the_figure_goes() -> None:
    for percent in (9, 90):
        step = fold(seen(40, 0, plan="plus"), seen(percent, 5, plan="pro"), seen(percent + 1, 10, plan="pro"))
        assert [ended.ended_by for ended in step.closed] == [EndedBy.PLAN_CHANGE]
        assert (used(step), step.events) == (1, ())
        assert not running(step).start_seen
    same = fold(seen(40, 0, plan="plus"), seen(40, 5, plan="pro"), seen(41, 10, plan="pro"))
    assert (same.closed, running(same).plan) == ((), "pro")


def test_a_window_begins_with_its_first_use() -> None:
    sliding = [seen(0, n * 5, after(hours=5, minutes=n * 5), seconds=FIVE_HOURS) for n in range(6)]
    step = fold(*sliding, window="5h")
    assert (step.track.running, step.closed) == (None, ())
    fixed = after(hours=5, minutes=27)
    begun = fold(seen(2, 30, fixed, seconds=FIVE_HOURS), track=step.track, window="5h")
    cycle = running(begun)
    assert (cycle.started_at, cycle.start_seen, used(begun)) == (after(minutes=27), True, 2)


def test_a_short_window_ends_as_planned_and_the_next_one_waits_for_its_use() -> None:
    fixed = after(hours=1)
    idle = [seen(0, n, after(hours=5, minutes=n), seconds=FIVE_HOURS) for n in (62, 67, 72)]
    step = fold(seen(30, 0, fixed, seconds=FIVE_HOURS), *idle, window="5h")
    [ended] = step.closed
    assert (ended.ended_at, ended.ended_by, step.events) == (fixed, EndedBy.RESET, ())
    assert step.track.running is None
    later = after(hours=9)
    step = fold(seen(5, 250, later, seconds=FIVE_HOURS), track=step.track, window="5h")
    assert running(step).started_at == after(hours=4)


def test_an_echo_of_the_old_window_begins_nothing_unless_it_is_said_twice() -> None:
    moved = after(days=7, minutes=5)
    step = fold(seen(74, 0), seen(0, 5, moved), seen(0, 10, moved))
    assert (len(step.closed), step.track.running) == (1, None)
    once = fold(seen(74, 15), seen(0, 20, moved), seen(74, 25), seen(3, 30, moved), track=step.track)
    assert (running(once).last_percent, used(once), once.closed) == (3, 3, ())
    twice = fold(seen(74, 15), seen(74, 20), track=step.track)
    assert (running(twice).last_percent, running(twice).start_seen, used(twice)) == (74, False, 0)


def test_a_new_window_is_not_lost_when_the_next_reading_has_no_figure() -> None:
    late = (RESET - T0).total_seconds() / 60
    step = fold(
        seen(40, 0), seen(2, late + 5, NEXT_RESET), seen(None, late + 70), seen(3, late + 75, NEXT_RESET)
    )
    assert [ended.ended_at for ended in step.closed] == [RESET]
    assert (running(step).started_at, used(step)) == (RESET, 3)


def test_weeks_without_a_reading_invent_no_cycle() -> None:
    back = after(days=24)
    step = fold(seen(60, 0), seen(33, 22 * 1440, back), seen(34, 22 * 1440 + 5, back))
    [ended] = step.closed
    assert ended.ended_at == RESET
    cycle = running(step)
    assert (cycle.started_at, cycle.start_seen) == (after(days=17), False)
    assert used(step) == 1


def test_a_gap_over_one_reset_counts_what_is_found_in_the_new_window() -> None:
    late = 4 * 1440
    step = fold(seen(60, 0), seen(12, late, NEXT_RESET), seen(12, late + 5, NEXT_RESET))
    assert (running(step).started_at, used(step)) == (RESET, 12)


def test_time_at_a_hundred_is_counted_and_ends_with_the_cycle() -> None:
    step = fold(seen(99, 0), seen(100, 10), seen(100, 15), seen(100, 70))
    assert (running(step).full_seconds, running(step).full_since) == (3600, after(minutes=10))
    late = (RESET - T0).total_seconds() / 60 + 30
    over = fold(seen(0, late, NEXT_RESET), seen(1, late + 5, NEXT_RESET), track=step.track)
    assert over.closed[0].full_seconds == (RESET - after(minutes=10)).total_seconds()
    assert running(over).full_seconds == 0
    flagged = fold(seen(99, 0), seen(99, 10, flag=True), seen(None, 20, flag=True), seen(98.5, 30))
    assert (running(flagged).full_seconds, running(flagged).full_since) == (1200, None)


def test_above_a_hundred_is_taken_as_given() -> None:
    step = fold(seen(99, 0), seen(130, 10), seen(131, 15))
    assert (running(step).peak_percent, used(step)) == (131, 32)


def test_without_a_figure_nothing_is_known_and_nothing_ends_before_its_time() -> None:
    step = fold(seen(40, 0), seen(None, 5), seen(None, 10), seen(41, 15))
    assert (used(step), running(step).readings) == (1, 2)
    late = (RESET - T0).total_seconds() / 60 + 61
    gone = fold(seen(None, late), track=step.track)
    assert [ended.ended_at for ended in gone.closed] == [RESET]
    assert gone.track.running is None


def test_without_a_reset_there_is_one_cycle() -> None:
    step = fold(seen(40, 0, None, seconds=None), seen(3, 5, None, seconds=None), seen(4, 10, None))
    assert step.closed == ()
    assert (running(step).started_at, used(step)) == (T0, 1)


def test_a_spend_limit_of_a_month_follows_upon_the_last() -> None:
    month, then = after(days=5), after(days=35)
    late = 5 * 1440 + 4
    step = fold(
        seen(60, 0, month, seconds=None),
        seen(1, late, then, seconds=None),
        seen(2, late + 5, then, seconds=None),
        window="individual",
    )
    assert [ended.ended_at for ended in step.closed] == [month]
    assert (running(step).started_at, running(step).start_seen, used(step)) == (month, True, 2)


def test_a_reset_that_only_moves_on_is_the_same_cycle() -> None:
    step = fold(seen(40, 0), seen(41, 5, RESET + timedelta(days=1)), seen(42, 10, RESET + timedelta(days=1)))
    assert (step.closed, running(step).resets_at, used(step)) == ((), RESET + timedelta(days=1), 2)


def test_a_stored_cycle_goes_on_where_it_was() -> None:
    readings = [seen(min(100, 40 + n), n * 30) for n in range(80)]
    whole = fold(*readings)
    half = fold(*readings[:65])
    again = fold(*readings[65:], track=Track.of(running(half)))
    assert running(again) == running(whole)
    late = (RESET - T0).total_seconds() / 60
    new = [seen(n, late + 5 * n, NEXT_RESET) for n in range(1, 4)]
    ended = fold(*new, track=whole.track)
    rebuilt = fold(seen(9, late + 60, NEXT_RESET), track=Track.of(running(ended)))
    assert running(rebuilt) == running(fold(seen(9, late + 60, NEXT_RESET), track=ended.track))
    closed = Track.of(ended.closed[0])
    assert running(fold(*new, track=closed)).started_at == RESET


def test_the_names_of_windows_tell_their_length() -> None:
    lengths = {"5h": 18000, "daily": 86400, "weekly": 604800, "monthly": 2592000, "12h": 43200, "3d": 259200}
    assert {name: window_length(name) for name in lengths} == lengths
    assert [window_length(name) for name in ("unknown", "", "h", "individual")] == [None] * 4


# -- whatever comes

RESETS = st.sampled_from([None, RESET, after(days=3, minutes=3), NEXT_RESET, after(days=6), after(hours=5)])
DRAWN = st.lists(
    st.tuples(
        st.integers(1, 5000),
        st.one_of(st.none(), st.integers(0, 130)),
        RESETS,
        st.sampled_from([None, True, False]),
        st.sampled_from([None, "plus", "pro"]),
        st.sampled_from([None, 0, 1, 2]),
    ),
    max_size=25,
)
#: What one reading says, and how many minutes after the former.
Drawn = tuple[int, int | None, datetime | None, bool | None, str | None, int | None]


def in_order(drawn: list[Drawn]) -> list[Observation]:
    minutes = accumulate(apart for apart, *_ in drawn)
    return [
        seen(percent, at, resets, flag=flag, plan=plan, banked=banked)
        for at, (_, percent, resets, flag, plan, banked) in zip(minutes, drawn, strict=True)
    ]


READINGS = DRAWN.map(in_order)


@given(READINGS)
def test_cycles_never_overlap_and_hold_what_they_say(readings: list[Observation]) -> None:
    step = fold(*readings)
    cycles = [*step.closed, *([step.track.running] if step.track.running is not None else [])]
    for cycle in cycles:
        end = cycle.ended_at or cycle.read_at
        assert end is not None
        assert cycle.started_at <= end
        assert 0 <= cycle.full_seconds <= (end - cycle.started_at).total_seconds()
        assert (cycle.peak_percent or 0) >= (cycle.last_percent or 0)
        assert all(rise.percent > 0 for rise in cycle.rises)
        assert [rise.hour for rise in cycle.rises] == sorted({rise.hour for rise in cycle.rises})
    for former, later in pairwise(cycles):
        assert former.ended_at is not None
        assert former.ended_at <= later.started_at
    assert len({cycle.started_at for cycle in cycles}) == len(cycles)
    assert len({event.id for event in step.events}) == len(step.events)


@given(READINGS)
def test_a_reading_that_comes_twice_changes_nothing(readings: list[Observation]) -> None:
    assert fold(*(each for one in readings for each in (one, one))) == fold(*readings)


@given(READINGS, st.integers(0, 25))
def test_a_sequence_may_be_split_anywhere(readings: list[Observation], cut: int) -> None:
    first = fold(*readings[:cut])
    rest = fold(*readings[cut:], track=first.track)
    whole = fold(*readings)
    assert rest.track == whole.track
    assert first.closed + rest.closed == whole.closed
    assert first.gains + rest.gains == whole.gains


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(0, 30))
def test_what_a_cycle_rose_by_is_its_last_figure_less_its_first(gains: list[int], first: int) -> None:
    percent, readings = first, []
    for number, gained in enumerate(gains):
        percent += gained if number else 0
        readings.append(seen(percent, number * 5))
        # the same figures again change nothing of what was used
        readings.append(replace(readings[-1], at=readings[-1].at + timedelta(minutes=2)))
    step = fold(*readings)
    if step.track.running is not None:
        start = 0 if running(step).start_seen else first
        assert sum(rise.percent for rise in running(step).rises) == used(step) == percent - start
