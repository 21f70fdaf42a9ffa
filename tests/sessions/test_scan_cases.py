"""The product's scan tells what was used in every small folder, and in those that come in pieces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.sessions.cases import CASES
from tests.sessions.product import arriving, reveal, revealed, scan, state_of, told_by

Comes = Callable[[Path, Path, Random, int], list[list[tuple[Path, bytes]]]]
#: Those in which one file tells something about another.
_RELATED = [
    name
    for name in CASES
    if any(
        word in name for word in ("fork", "parent", "child", "thread_of", "migrated", "boundary", "branch")
    )
    or any(word in name for word in ("inherited", "copied_records", "nobody_can_tell", "siblings"))
]


@pytest.mark.parametrize("name", CASES)
def test_it_counts_what_was_used(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    case.build(tmp_path)
    scan(tmp_path / "state", [tmp_path / home for home in case.homes])
    assert told_by(tmp_path / "state") == dict(case.truth)
    assert state_of(tmp_path / "state").files_unverified == case.unverified


@pytest.mark.parametrize("comes", [arriving, revealed], ids=["in any order", "growing"])
@pytest.mark.parametrize("name", _RELATED)
def test_it_counts_the_same_when_it_is_read_in_between(tmp_path: Path, name: str, comes: Comes) -> None:
    case = CASES[name]
    (tmp_path / "whole").mkdir()
    case.build(tmp_path / "whole")
    for seed in (1, 9):
        home, state = tmp_path / f"home{seed}", tmp_path / f"state{seed}"
        for step in comes(tmp_path / "whole", home, Random(seed), 4):
            reveal(step)
            scan(state, [home / each for each in case.homes])
        assert told_by(state) == dict(case.truth)
        assert state_of(state).files_unverified == case.unverified
