"""What a year of sixty accounts takes on disk, told from five weeks of six; `make year` makes it whole."""

from __future__ import annotations

from pathlib import Path

from benchmarks.history import make

ACCOUNTS = 6
LEAST, MOST = 21, 35


def test_a_year_of_sixty_accounts_stays_below_25_megabytes(tmp_path: Path) -> None:
    sizes: list[int] = []
    make(tmp_path, ACCOUNTS, MOST, lambda day: sizes.append((tmp_path / "poolwatch.db").stat().st_size))
    few = sizes[LEAST - 1]
    a_day = (sizes[-1] - few) / (MOST - LEAST)
    year = (few + (365 - LEAST) * a_day) * 60 / ACCOUNTS
    assert 10e6 < year < 25e6
