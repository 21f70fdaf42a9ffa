"""docs/faults.md is true: every fault has a row, and every test that a row names exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "docs" / "faults.md"
#: Faults of what exists; those of custody are in docs/custody.md, others belong to what is not built.
REQUIRED = {f"F{number:02}" for number in (1, 7, 8, *range(11, 21), *range(23, 49), 52, 53, 54, 55, 57, 58)}


def rows() -> dict[str, tuple[str, str]]:
    """What is done and where it is tested, by the fault's id."""
    found: dict[str, tuple[str, str]] = {}
    for line in TABLE.read_text().splitlines():
        fault = re.match(r"\| (F\d\d)\b", line)
        if fault is None:
            continue
        assert fault[1] not in found, f"two rows for {fault[1]}"
        _, _, does, tests, _ = re.split(r"(?<!\\)\|", line)
        found[fault[1]] = does.strip(), tests.strip()
    return found


def named() -> list[tuple[str, str]]:
    """Every fault with every test that its row names."""
    return [(fault, test) for fault, (_, tests) in rows().items() for test in re.findall(r"`([^`]+)`", tests)]


@cache
def names_in(path: Path) -> frozenset[str]:
    """The tests of a file, by their names; a name that is assigned at the top is one as well."""
    body = ast.parse(path.read_text()).body
    return frozenset(_names(body))


def _names(body: Iterable[ast.stmt]) -> Iterable[str]:
    for each in body:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            yield each.name
        elif isinstance(each, ast.ClassDef):
            yield each.name
            yield from (f"{each.name}::{name}" for name in _names(each.body))
        elif isinstance(each, ast.Assign):
            yield from (target.id for target in each.targets if isinstance(target, ast.Name))


def test_every_fault_has_a_row_that_says_what_happens_and_a_test() -> None:
    found = rows()
    assert found.keys() >= REQUIRED, f"no row: {sorted(REQUIRED - found.keys())}"
    assert [fault for fault, (does, _) in found.items() if not does] == []
    assert found.keys() == {fault for fault, _ in named()}


@pytest.mark.parametrize(("fault", "test"), named())
def test_every_test_that_is_named_exists(fault: str, test: str) -> None:
    place, _, name = test.partition("::")
    path = ROOT / place
    assert path.is_file(), f"{fault}: {place} is not there"
    assert path.name.startswith("test_")
    assert name.rpartition("::")[2].lower().startswith("test")
    assert name in names_in(path), f"{fault}: {name} is not in {place}"
