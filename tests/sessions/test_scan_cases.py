"""The product's scan tells what was used in every small folder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from poolwatch.domain.tokens import UseAsked
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.scan import Scan
from poolwatch.sessions.tables import open_to_write
from tests.sessions.cases import CASES
from tests.sessions.second_counter import Where


@pytest.mark.parametrize("name", CASES)
def test_it_counts_what_was_used(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    case.build(tmp_path)
    state = tmp_path / "state"
    homes = [str(tmp_path / home) for home in case.homes]
    with closing(open_to_write(state)) as change:
        Scan(change, homes, lambda: 1.0).look()
    found = {}
    for cell in UseBook(state).cells(UseAsked(-(10**9), 10**9)):
        where = Where(cell.quarter, cell.model, cell.tier.value, cell.long_context)
        tokens = cell.tokens
        found[where] = (
            cell.requests,
            tokens.input,
            tokens.cached,
            tokens.cache_write,
            tokens.output,
            tokens.reasoning,
        )
    assert found == dict(case.truth)
    assert UseBook(state).scan_state().files_unverified == case.unverified
