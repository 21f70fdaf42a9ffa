"""What was really used in the session files that the demo writes: the ledger to count against."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import add
from pathlib import Path
from typing import NamedTuple

#: seconds
QUARTER = 900
#: Input beyond it is charged at a higher price.
LONG_CONTEXT = 272_000


class Use(NamedTuple):
    """Tokens of one request or of many: cached ones and cache writes are part of the input, reasoning of the
    output."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    def plus(self, other: "Use") -> "Use":
        """Both together."""
        return Use(*map(add, self, other))

    def text(self, surplus: int = 0) -> str:
        """As Codex writes it; `surplus` is in the total alone."""
        return (
            f'{{"input_tokens":{self.input},"cached_input_tokens":{self.cached},'
            f'"cache_write_input_tokens":{self.cache_write},"output_tokens":{self.output},'
            f'"reasoning_output_tokens":{self.reasoning},'
            f'"total_tokens":{self.input + self.output + surplus}}}'
        )


class Cell(NamedTuple):
    """What requests share: their quarter of an hour since 1970, UTC, and what their price depends on."""

    quarter: int
    model: str | None
    tier: str
    long_context: bool


class Spent(NamedTuple):
    """Requests and their tokens."""

    requests: int
    use: Use


@dataclass(slots=True)
class Truth:
    """Every request that was made, counted once where it was made.

    Attributes:
        unverified: how many files there are of which nobody can tell what is theirs.
    """

    cells: dict[Cell, Spent] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0
    unverified: int = 0

    def count(self, at: float, model: str | None, tier: str, use: Use) -> None:
        """One request at an epoch second."""
        cell = Cell(int(at // QUARTER), model, tier, use.input > LONG_CONTEXT)
        known = self.cells.get(cell, Spent(0, Use()))
        self.cells[cell] = Spent(known.requests + 1, known.use.plus(use))

    def add(self, other: "Truth") -> None:
        """Take in what another folder holds."""
        for cell, spent in other.cells.items():
            known = self.cells.get(cell, Spent(0, Use()))
            self.cells[cell] = Spent(known.requests + spent.requests, known.use.plus(spent.use))
        self.files += other.files
        self.bytes += other.bytes
        self.unverified += other.unverified

    @property
    def days(self) -> dict[str, int]:
        """Tokens by days in UTC."""
        found: dict[str, int] = {}
        for cell, spent in self.cells.items():
            day = datetime.fromtimestamp(cell.quarter * QUARTER, UTC).date().isoformat()
            found[day] = found.get(day, 0) + spent.use.input + spent.use.output
        return found

    @property
    def total(self) -> Spent:
        """All requests together."""
        use = Use()
        for spent in self.cells.values():
            use = use.plus(spent.use)
        return Spent(sum(spent.requests for spent in self.cells.values()), use)

    def content(self) -> Mapping[str, object]:
        """The same as JSON has it."""
        cells = [(cell, (spent.requests, *spent.use)) for cell, spent in sorted(self.cells.items(), key=str)]
        return {
            "files": self.files,
            "bytes": self.bytes,
            "unverified_files": self.unverified,
            "requests": self.total.requests,
            "total": self.total.use._asdict(),
            "cells": [[*cell, *counted] for cell, counted in cells],
        }

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(self.content(), separators=(",", ":")) + "\n", encoding="utf-8")
