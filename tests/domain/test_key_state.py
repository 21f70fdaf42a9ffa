from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from poolwatch.domain.state import ACCEPTED, LONGEST_WAIT, ON_TRIAL, KeyState

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("state", "refuses"),
    [
        (KeyState(401, NOW - timedelta(days=999)), True),
        (KeyState(429, NOW, NOW + SECOND), True),
        (KeyState(429, NOW, NOW), False),
        (KeyState(429, NOW, NOW - SECOND), False),
        # written while the clock was ahead
        (KeyState(429, NOW, NOW + LONGEST_WAIT + SECOND), False),
        (KeyState(ACCEPTED, NOW), False),
        (KeyState(ON_TRIAL, NOW, NOW + SECOND), False),
    ],
)
def test_what_refuses(state: KeyState, refuses: bool) -> None:
    assert state.refuses(NOW) is refuses


def test_a_trial_ends() -> None:
    trial = KeyState(ON_TRIAL, NOW, NOW + SECOND)
    assert trial.is_on_trial(NOW)
    assert not trial.is_on_trial(NOW + SECOND)


@pytest.mark.parametrize(
    ("at", "tried_at", "may"),
    [
        (timedelta(seconds=-59), None, False),
        (timedelta(seconds=-60), None, True),
        (timedelta(days=-1), timedelta(seconds=-59), False),
        (timedelta(days=-1), timedelta(seconds=-60), True),
        # the clock was set back meanwhile
        (timedelta(days=1), None, True),
        (timedelta(days=1), timedelta(seconds=-59), False),
        # who waited while another process asked
        (timedelta(milliseconds=1), None, False),
        (timedelta(days=-1), timedelta(milliseconds=1), False),
    ],
)
def test_a_try_by_hand_is_a_minute_after_the_last(
    at: timedelta, tried_at: timedelta | None, may: bool
) -> None:
    state = KeyState(401, NOW + at, tried_at=None if tried_at is None else NOW + tried_at)
    assert state.may_be_tried(NOW) is may
