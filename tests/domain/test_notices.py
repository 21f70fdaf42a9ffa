"""When a notice is tried again and given up, and whose turn it is, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.alerts import Severity
from poolwatch.domain.message import message
from poolwatch.domain.notices import (
    GIVE_UP_AFTER,
    TRY_AFTER,
    Delivery,
    Notice,
    NoticeKind,
    SendOutcome,
    Sent,
    next_up,
)

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FAILED = Sent(SendOutcome.FAILED, message("notices.no_answer", seconds=30))
DAY = timedelta(days=1)


def queued(name: str = "n1") -> Delivery:
    return Delivery(Notice(name, "ops", NoticeKind.ALERTS, START, Severity.INFO))


def failed(times: int, now: datetime, name: str = "n1") -> Delivery:
    """One that failed so often, the last time now, each time when it was due."""
    found = queued(name)
    at = now - sum((timedelta(seconds=each) for each in TRY_AFTER[: times - 1]), timedelta(0))
    for _ in range(times):
        found = found.after(FAILED, at)
        at = found.next_try_at or at
    return found


def test_what_was_never_tried_is_due_and_what_is_done_is_not_waiting() -> None:
    one = queued()
    assert one.is_due(START)
    # made under a clock that was ahead
    assert one.is_due(START - 400 * DAY)
    for outcome in (SendOutcome.TAKEN, SendOutcome.GONE):
        assert not one.after(Sent(outcome), START).is_waiting
    assert one.after(FAILED, START).is_waiting


@pytest.mark.parametrize("times", range(1, 8))
def test_it_waits_longer_each_time(times: int) -> None:
    one = failed(times, START)
    wait = timedelta(seconds=TRY_AFTER[min(times, len(TRY_AFTER)) - 1])
    assert one.next_try_at == START + wait
    assert not one.is_due(START + wait - timedelta.resolution)
    assert one.is_due(START + wait)
    # a clock that was set back, and one that is only kept right
    assert one.is_due(START - DAY)
    assert not one.is_due(START - timedelta(seconds=50))


@pytest.mark.parametrize(
    ("waiting", "up"),
    [
        ([], None),
        ([queued("a"), queued("b")], "a"),
        ([failed(1, START, "a"), queued("b")], None),
        ([failed(2, START, "a"), queued("b")], None),
        ([failed(3, START, "a"), queued("b")], "b"),
        ([failed(3, START, "a"), failed(1, START, "b"), queued("c")], None),
        ([failed(3, START, "a"), failed(4, START, "b"), queued("c")], "c"),
    ],
)
def test_the_first_that_fails_holds_up_the_others_for_three_tries(
    waiting: list[Delivery], up: str | None
) -> None:
    found, due = next_up(waiting, START)
    assert (None if found is None else found.notice.id) == up
    assert (
        due is None
        if found is not None or not waiting
        else due == min(each.next_try_at for each in waiting if each.next_try_at is not None)
    )


@given(st.lists(st.tuples(st.integers(5, 20_000), st.sampled_from([0, 0, 0, 0, 1, -1])), max_size=400))
def test_no_clock_loses_or_hammers_a_notice(steps: list[tuple[int, int]]) -> None:
    one, passed, offset = queued(), timedelta(0), timedelta(0)
    jumps, tries = 0, 0
    tried_at, jumps_then = timedelta(0), 0
    for seconds, jump in [(0, 0), *steps]:
        passed += timedelta(seconds=seconds)
        offset += jump * DAY
        jumps += jump != 0
        now = START + passed + offset
        if not one.is_due(now):
            continue
        if tries and jumps == jumps_then:
            assert passed - tried_at >= timedelta(seconds=TRY_AFTER[min(tries, len(TRY_AFTER)) - 1])
        one = one.after(FAILED, now)
        tries, tried_at, jumps_then = tries + 1, passed, jumps
        if not one.is_waiting:
            break
    # each jump may cut one wait short, and no more
    longest = timedelta(seconds=TRY_AFTER[-1])
    if one.given_up_at is not None:
        assert passed >= timedelta(seconds=GIVE_UP_AFTER) - longest - jumps * longest
    elif passed - tried_at > DAY and jumps == jumps_then:
        raise AssertionError("it is due, and nobody tries it")
    assert tries <= 11 + 2 * jumps
