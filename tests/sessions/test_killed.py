"""kill -9 of the scan, anywhere: the next one ends at the same totals."""

from __future__ import annotations

from pathlib import Path

from tests.sessions.killed import one_life


def test_a_scan_that_was_killed_ends_at_the_truth(tmp_path: Path) -> None:
    deaths = 0
    for seed in range(3, 8):
        folder = tmp_path / str(seed)
        folder.mkdir()
        ended = one_life(folder, seed, 1_000_000, steps=2)
        assert ended.wrong == {}
        deaths += ended.deaths
        if deaths:
            # on a machine that others use, it may end before it can be killed
            break
    assert deaths
