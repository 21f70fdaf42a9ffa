"""When an account is polled next: bounds, order, and what a header or a clock may not do."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.schedule import (
    POLL_FLOOR,
    RESET_DELAY,
    RETRY_AFTER_CEILING,
    PollFacts,
    backoff,
    next_poll_at,
    spread,
)
from tests.domain.make import T0, after

JITTER = st.floats(min_value=0, max_value=1, allow_nan=False)
INTERVAL = st.timedeltas(min_value=timedelta(seconds=30), max_value=timedelta(hours=6))
NEAR = st.timedeltas(min_value=timedelta(days=-30), max_value=timedelta(days=30))
FIVE_MINUTES = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("failures", "lowest", "highest"),
    [
        (0, 270, 330), (1, 270, 330), (2, 300, 600), (3, 600, 1200), (4, 1200, 2400), (5, 1800, 3600),
        (99, 1800, 3600),
    ],
)  # fmt: skip
def test_the_wait_doubles_up_to_an_hour(failures: int, lowest: float, highest: float) -> None:
    assert backoff(FIVE_MINUTES, failures, 0).total_seconds() == pytest.approx(lowest)
    assert backoff(FIVE_MINUTES, failures, 1).total_seconds() == pytest.approx(highest)


@given(INTERVAL, st.integers(min_value=0, max_value=10_000), JITTER)
def test_the_wait_is_bounded_and_never_shrinks(interval: timedelta, failures: int, jitter: float) -> None:
    wait = backoff(interval, failures, jitter)
    assert interval * 0.9 <= wait <= max(interval * 1.1, timedelta(hours=1)) + timedelta(microseconds=1)
    assert backoff(interval, failures + 1, jitter) >= wait


@given(INTERVAL, st.integers(min_value=2, max_value=50))
def test_accounts_that_failed_together_do_not_return_together(interval: timedelta, failures: int) -> None:
    waits = {backoff(interval, failures, each / 10) for each in range(5, 11)}
    assert len(waits) == 6


def test_never_tried_is_due_now() -> None:
    assert next_poll_at(PollFacts(None, retry_at=after(hours=2)), FIVE_MINUTES, T0, 0.5) == T0


@given(INTERVAL, JITTER, st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=1)))
def test_a_good_reading_is_followed_after_about_an_interval(
    interval: timedelta, jitter: float, ago: timedelta
) -> None:
    due = next_poll_at(PollFacts(T0 - ago), interval, T0, jitter)
    assert max(interval * 0.9, POLL_FLOOR) <= due - (T0 - ago) <= max(interval * 1.1, POLL_FLOOR)


@given(INTERVAL, JITTER, st.integers(min_value=0, max_value=20), NEAR)
def test_never_before_a_retry_after_within_a_second_and_an_hour(
    interval: timedelta, jitter: float, failures: int, asked: timedelta
) -> None:
    without = next_poll_at(PollFacts(T0, failures), interval, T0, jitter)
    due = next_poll_at(PollFacts(T0, failures, T0 + asked), interval, T0, jitter)
    assert due >= T0 + min(asked, RETRY_AFTER_CEILING)
    assert due <= max(without, T0 + RETRY_AFTER_CEILING)
    assert due >= without


@pytest.mark.parametrize(
    ("retry_at", "due"),
    [
        (after(minutes=20), after(minutes=20)),
        (after(days=9), after(hours=1)),
        (after(days=-9), after(minutes=5)),
    ],
)
def test_a_retry_after_is_honoured_within_its_clamp(retry_at: datetime, due: datetime) -> None:
    assert next_poll_at(PollFacts(T0, 1, retry_at), FIVE_MINUTES, T0, 0.5) == due


@given(JITTER, st.integers(min_value=11, max_value=200))
def test_a_reset_within_the_interval_is_looked_at_shortly_after_it(jitter: float, seconds: int) -> None:
    reset = after(seconds=seconds)
    due = next_poll_at(PollFacts(T0, resets=(after(days=-1), after(days=3), reset)), FIVE_MINUTES, T0, jitter)
    assert max(reset + RESET_DELAY, T0 + POLL_FLOOR) <= due <= max(reset + 2 * RESET_DELAY, T0 + POLL_FLOOR)


def test_resets_of_one_instant_are_not_looked_at_in_one_instant() -> None:
    facts = PollFacts(T0, resets=(after(minutes=2),))
    assert len({next_poll_at(facts, FIVE_MINUTES, T0, each / 10) for each in range(11)}) == 11


@given(INTERVAL, JITTER, st.lists(NEAR, max_size=4), st.integers(0, 5))
def test_no_automatic_poll_follows_another_at_once(
    interval: timedelta, jitter: float, resets: list[timedelta], failures: int
) -> None:
    facts = PollFacts(T0, failures, resets=tuple(T0 + each for each in resets))
    assert next_poll_at(facts, interval, T0, jitter) >= T0 + POLL_FLOOR


def test_a_reset_that_passed_before_the_last_try_hurries_nothing() -> None:
    assert next_poll_at(PollFacts(T0, resets=(T0, after(minutes=-1))), FIVE_MINUTES, T0, 0.5) == after(
        minutes=5
    )


def test_under_backoff_a_reset_does_not_hurry_the_poll() -> None:
    assert next_poll_at(PollFacts(T0, 3, resets=(after(minutes=1),)), FIVE_MINUTES, T0, 1) == after(
        minutes=20
    )


def test_a_clock_set_back_far_costs_one_poll_and_set_back_a_little_none() -> None:
    assert next_poll_at(PollFacts(after(days=3650)), FIVE_MINUTES, T0, 0.5) == T0
    assert next_poll_at(PollFacts(after(seconds=2)), FIVE_MINUTES, T0, 0.5) == after(seconds=302)


@given(st.integers(min_value=1, max_value=300), INTERVAL, st.data())
def test_first_polls_are_spread_one_to_a_slot(count: int, span: timedelta, data: st.DataObject) -> None:
    jitter = st.floats(min_value=0, max_value=0.99)
    delays = [spread(index, count, span, data.draw(jitter)) for index in range(min(count, 20))]
    assert all(timedelta(0) <= delay < span for delay in delays)
    assert sorted(set(delays)) == delays
    for index, delay in enumerate(delays):
        slot = span / count
        assert (
            slot * index - timedelta(milliseconds=1)
            <= delay
            <= slot * (index + 1) + timedelta(milliseconds=1)
        )


def test_nothing_to_spread() -> None:
    assert spread(0, 0, FIVE_MINUTES, 0.5) == timedelta(0)
