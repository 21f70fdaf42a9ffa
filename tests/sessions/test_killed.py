"""kill -9 of the scan, anywhere: the next one ends at the same totals."""

from __future__ import annotations

from pathlib import Path

from tests.sessions.killed import one_life


def test_a_scan_that_was_killed_ends_at_the_truth(tmp_path: Path) -> None:
    ended = one_life(tmp_path, 3, 1_000_000, steps=2)
    assert ended.deaths
    assert ended.wrong == {}
