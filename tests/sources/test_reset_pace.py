from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.sources.reset_pace import PER_ACCOUNT, SPACING, ResetPace
from tests.sources.logins import AT


def after(**span: float) -> datetime:
    return AT + timedelta(**span)


def test_one_request_in_five_minutes_for_all_accounts_together() -> None:
    pace = ResetPace()
    assert pace.take("one", 2, AT)
    assert not pace.take("two", 2, after(minutes=4, seconds=59))
    assert pace.take("two", 2, after(minutes=5))


def test_one_account_again_after_six_hours_or_once_its_count_changed() -> None:
    pace = ResetPace()
    assert pace.take("one", 2, AT)
    assert not pace.take("one", 2, after(hours=5, minutes=59))
    assert pace.take("one", 1, after(hours=5, minutes=59))
    assert not pace.take("one", 1, after(hours=11, minutes=58))
    assert pace.take("one", 1, after(hours=11, minutes=59))


@pytest.mark.parametrize(
    ("wait", "hours"),
    [
        (None, 1), (timedelta(seconds=30), 1), (timedelta(hours=2), 2), (timedelta(days=9), 24),
        (timedelta(hours=-1), 1),
    ],
)  # fmt: skip
def test_too_many_requests_stops_every_account(wait: timedelta | None, hours: int) -> None:
    pace = ResetPace()
    pace.stop(AT, wait)
    assert not pace.take("one", 2, after(hours=hours) - timedelta(seconds=1))
    assert pace.take("one", 2, after(hours=hours))


def test_the_next_run_keeps_the_pace(tmp_path: Path) -> None:
    memory = tmp_path / "state" / "homes.resets"
    assert ResetPace(memory).take("person@example.com", 2, AT)
    assert "example.com" not in memory.read_text()
    assert not ResetPace(memory).take("two", 2, after(minutes=4))
    assert not ResetPace(memory).take("person@example.com", 2, after(hours=5))
    assert ResetPace(memory).take("two", 2, after(hours=5))
    ResetPace(memory).stop(after(hours=6), timedelta(hours=3))
    assert not ResetPace(memory).take("three", 2, after(hours=8))
    assert ResetPace(memory).take("three", 2, after(hours=9))


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"accounts": 3}', '{"accounts": {"x": 1}}', '{"accounts": {}, "last": "2026-11-20"}',
     '{"accounts": {}, "last": 5}', "[" * 9999],
)  # fmt: skip
def test_a_damaged_memory_is_none(tmp_path: Path, content: str) -> None:
    memory = tmp_path / "homes.resets"
    memory.write_text(content)
    assert ResetPace(memory).take("one", 2, AT)
    assert not ResetPace(memory).take("one", 2, after(minutes=1))


def test_a_clock_that_was_set_back_stops_nothing_for_days() -> None:
    pace = ResetPace()
    assert pace.take("one", 2, after(days=400))
    pace.stop(after(days=400), None)
    assert pace.take("one", 2, AT)


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc"), st.integers(1, 3)), max_size=40))
def test_the_pace_holds_whatever_is_asked(steps: list[tuple[int, str, int]]) -> None:
    pace, at = ResetPace(), AT
    asked: list[tuple[datetime, str, int]] = []
    for minutes, place, count in steps:
        at += timedelta(minutes=minutes)
        if pace.take(place, count, at):
            asked.append((at, place, count))
    assert all(later[0] - sooner[0] >= SPACING for sooner, later in pairwise(asked))
    for place in "abc":
        mine = [each for each in asked if each[1] == place]
        for sooner, later in pairwise(mine):
            assert later[0] - sooner[0] >= PER_ACCOUNT or later[2] != sooner[2]
