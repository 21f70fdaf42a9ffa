"""What the scan of the product tells, in the form of the second counter."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from random import Random

from poolwatch.demo.truth import Truth
from poolwatch.domain.tokens import GroupBy, ScanState, UseAsked
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.scan import Scan
from poolwatch.sessions.tables import open_to_write
from tests.sessions.second_counter import Where, lines_of

EVER = UseAsked(0, 2**40, by=GroupBy.MODEL)


def told_by(state_dir: Path) -> dict[Where, tuple[int, ...]]:
    """What stands in the book."""
    cells: dict[Where, list[int]] = defaultdict(lambda: [0] * 6)
    for cell in UseBook(state_dir).cells(EVER):
        tokens = cell.tokens
        counts = (tokens.input, tokens.cached, tokens.cache_write, tokens.output, tokens.reasoning)
        known = cells[Where(cell.quarter, cell.model, cell.tier.value, cell.long_context)]
        for place, number in enumerate((cell.requests, *counts)):
            known[place] += number
    return {where: tuple(counts) for where, counts in cells.items()}


def true(truth: Truth) -> dict[Where, tuple[int, ...]]:
    """What was really used."""
    return {Where(*cell): (spent.requests, *spent.use) for cell, spent in truth.cells.items()}


def state_of(state_dir: Path) -> ScanState:
    return UseBook(state_dir).scan_state()


def revealed(whole: Path, target: Path, draw: Random, steps: int) -> list[list[tuple[Path, bytes]]]:
    """The files below `whole` as they come to be below `target`: what is appended to which, in each step.

    Compressed files come as a whole, others in pieces that end anywhere; what others go on from comes before
    them.
    """
    pieces: list[list[tuple[Path, bytes]]] = [[] for _ in range(steps)]
    last_step: dict[str, int] = defaultdict(int)
    for path in sorted(whole.rglob("rollout-*"), key=lambda each: (each.name, each.suffix)):
        content, place = path.read_bytes(), target / path.relative_to(whole)
        thread = path.name[28:64]
        free = range(max(last_step[thread], last_step[_origin_of(path)]), steps)
        cuts: list[int] = []
        if path.suffix != ".zst" and draw.random() < 0.6:
            cuts = sorted(draw.randrange(len(content)) for _ in range(min(draw.randint(1, 3), len(free) - 1)))
        at = sorted(draw.sample(free, len(cuts) + 1))
        for number, (begin, end) in zip(at, pairwise([0, *cuts, len(content)]), strict=True):
            pieces[number].append((place, content[begin:end]))
        last_step[thread] = at[-1]
    return pieces


def arriving(whole: Path, target: Path, draw: Random, steps: int) -> list[list[tuple[Path, bytes]]]:
    """The same, each file as a whole and in no order: homes are named one after the other."""
    pieces: list[list[tuple[Path, bytes]]] = [[] for _ in range(steps)]
    for path in sorted(whole.rglob("rollout-*")):
        draw.choice(pieces).append((target / path.relative_to(whole), path.read_bytes()))
    return pieces


def _origin_of(path: Path) -> str:
    head = next(iter(lines_of(path)), None)
    told = {} if head is None else head.payload
    return str(told.get("forked_from_id") or (told.get("history_base") or {}).get("thread_id"))


def reveal(step: Sequence[tuple[Path, bytes]]) -> None:
    """Append what one step brings."""
    for path, content in step:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as out:
            out.write(content)


def scan(state_dir: Path, homes: Sequence[Path]) -> None:
    """One look at all files."""
    with closing(open_to_write(state_dir)) as change:
        Scan(change, [str(home) for home in homes], time.time).look()


def scan_command(state_dir: Path, homes: Sequence[Path]) -> list[str]:
    """The same as a process."""
    told = [part for home in homes for part in ("--home", str(home))]
    return [sys.executable, "-m", "poolwatch.sessions", "--state", str(state_dir), *told]
