"""The short form of `make soak`: an hour of a small pool, of which nothing may be left over."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults.soak import soak


async def test_an_hour_leaves_nothing_behind(tmp_path: Path) -> None:
    step = 600.0
    report = await soak(tmp_path, 24, days=7 * step / 86400, ends=time.monotonic() + 120, step=step)
    assert report.problems() == []
    assert len(report.samples) == 8
    early, late = report.samples[3], report.samples[-1]
    assert late.polls - early.polls > 24 * 6
    assert late.objects - early.objects < 0.02 * early.objects
    # a file that is being written, and its thread, may be seen in any one sample, but not in three
    for name in ("descriptors", "threads"):
        first = max(getattr(each, name) for each in report.samples[:4])
        assert min(getattr(each, name) for each in report.samples[-3:]) <= first, name
