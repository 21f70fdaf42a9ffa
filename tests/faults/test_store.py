"""The database: who writes it dies, its file is damaged, its disk is full or cannot be written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.watch import ROOT
from tests.torture.disks import IN_NAMESPACE, may_mount
from tests.torture.test_torture import torture


def test_fifty_processes_killed_while_writing_lose_nothing_confirmed() -> None:
    tally = torture("store", 50)
    for kind in ("write", "wal", "begin", "migrate", "aside", "age", "import"):
        assert tally.notes[f"killed: {kind}"] > 0
    assert tally.notes["damaged, set aside"] > 20


def test_full_and_read_only_disks_and_homes_are_said_and_looked_at_all_the_same(tmp_path: Path) -> None:
    if not may_mount():
        pytest.skip("no mount namespace may be made here")
    ended = subprocess.run(
        [*IN_NAMESPACE, sys.executable, "-m", "tests.faults.full_store", str(tmp_path / "mounted")],
        cwd=ROOT,
        capture_output=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr.decode()
