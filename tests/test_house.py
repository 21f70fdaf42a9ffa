"""The shape of the code: files that a newcomer can read in one go, and few that hold next to nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_SRC: Final = Path(__file__).parent.parent / "src" / "poolwatch"
_LENGTHS: Final = {path.relative_to(_SRC): len(path.read_text().splitlines()) for path in _SRC.rglob("*.py")}


def test_no_file_is_longer_than_one_sitting() -> None:
    assert {path: length for path, length in _LENGTHS.items() if length > 450} == {}


def test_few_files_hold_next_to_nothing() -> None:
    assert len([path for path, length in _LENGTHS.items() if length < 60]) <= 45
