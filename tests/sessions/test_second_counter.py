"""The second counter tells what was used in every small folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sessions.cases import CASES
from tests.sessions.second_counter import count


@pytest.mark.parametrize("name", CASES)
def test_it_counts_what_was_used(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    case.build(tmp_path)
    found = count([tmp_path / home for home in case.homes])
    assert {where: tuple(counts) for where, counts in found.cells.items()} == dict(case.truth)
    assert len(found.unverified) == case.unverified
