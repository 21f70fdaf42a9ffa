"""The demo's session files hold what their truth says, whatever shape they have."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sessions.second_counter import count

from poolwatch.demo.session_shapes import SHAPES, Dress, Plan, Shape, size_of
from poolwatch.demo.sessions import Folder, main
from poolwatch.demo.truth import Truth

UNTIL = 1_796_000_000.0
_PARENTS = {Shape.COUNTER: 2, Shape.LEDGER: 2}


def made(folder: Path, seed: int, **wanted: object) -> Truth:
    plan = Plan(UNTIL, bulk=0.02, turns=3, fat=0.002, **wanted)  # type: ignore[arg-type]
    return Folder(folder, seed, plan).fill(400_000)


def told(truth: Truth) -> dict[tuple[object, ...], tuple[int, ...]]:
    return {tuple(cell): (spent.requests, *spent.use) for cell, spent in truth.cells.items()}


@pytest.mark.parametrize("shape", Shape)
def test_each_shape_is_counted_as_it_was_used(tmp_path: Path, shape: Shape) -> None:
    truth = made(tmp_path, 3, shapes=_PARENTS | {shape: 6})
    found = count([tmp_path])
    assert {tuple(cell): tuple(counts) for cell, counts in found.cells.items()} == told(truth)
    assert len(found.unverified) == truth.unverified
    assert (truth.unverified > 0) is (shape is Shape.ORPHAN)


@pytest.mark.parametrize("dress", Dress)
def test_what_befalls_a_file_changes_nothing_that_was_used(tmp_path: Path, dress: Dress) -> None:
    truth = made(tmp_path, 4, dresses={dress: 1})
    found = count([tmp_path])
    assert {tuple(cell): tuple(counts) for cell, counts in found.cells.items()} == told(truth)


def test_the_same_seed_makes_the_same_folder(tmp_path: Path) -> None:
    first, second = (made(tmp_path / name, 5) for name in ("one", "two"))
    assert first == second
    names = [
        sorted(path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*"))
        for name in ("one", "two")
    ]
    assert names[0] == names[1]


def test_a_folder_has_every_shape() -> None:
    assert set(SHAPES) == set(Shape)


def test_it_is_a_program_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--size", "20KB", "--bulk", "0.02", "--turns", "1"]) == 0
    assert (tmp_path / "truth.json").exists()
    assert "files" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "size"), [("300MB", 300_000_000), ("1.5gb", 1_500_000_000), ("12", 12)])
def test_a_size_is_told_in_decimal_units(text: str, size: int) -> None:
    assert size_of(text) == size
