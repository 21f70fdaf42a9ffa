"""Three situations, and every way in which the app or its terminal can go; `make soak` plays all twenty."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.faults.terminal_cases import LIMIT_SECONDS, SITUATIONS, SUITE_SITUATIONS, WAYS

_PATIENCE_SECONDS = 150


@pytest.fixture(scope="module")
def played() -> Mapping[tuple[str, str], Mapping[str, object]]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.terminals", "--budget", str(_PATIENCE_SECONDS)],
        cwd=Path(__file__).parents[2],
        env=env,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS + 30,
    )
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert found, ended.stderr
    return {(each["situation"], each["way"]): each for each in found}


def test_there_are_twenty_situations_and_twelve_ways() -> None:
    assert (len({each.name for each in SITUATIONS}), len(WAYS)) == (20, 12)


@pytest.mark.parametrize("way", WAYS)
def test_the_terminal_is_restored_or_the_process_gone(
    played: Mapping[tuple[str, str], Mapping[str, object]], way: str
) -> None:
    for situation in SUITE_SITUATIONS:
        outcome = played[situation.name, way]
        assert outcome["trouble"] == "", situation.name
        assert float(str(outcome["seconds"])) <= LIMIT_SECONDS
