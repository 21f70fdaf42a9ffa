"""`python -m tests.sessions.killed --rounds 200`: a scan that is killed wherever it stands ends at the truth.

Between two deaths the folder goes on: files come, grow and end in the middle of a line.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from poolwatch.demo.session_shapes import Plan
from poolwatch.demo.sessions import Folder
from tests.sessions.product import reveal, revealed, scan_command, state_of, told_by, true
from tests.sessions.second_counter import Where

_UNTIL = 1_796_000_000.0


@dataclass(frozen=True)
class Ended:
    """How one life of a folder ended.

    Attributes:
        halfway: how many of the deaths left some files read and others not.
        wrong: where it differs from the truth, which comes first.
    """

    deaths: int
    halfway: int
    finished: int
    wrong: dict[Where, tuple[tuple[int, ...] | None, tuple[int, ...] | None]]


def one_life(folder: Path, seed: int, size: int, steps: int) -> Ended:
    """A folder comes to be in some steps, and in each the scan is killed some times."""
    draw = Random(seed)
    whole, home, state = folder / "whole", folder / "home", folder / "state"
    truth = Folder(whole, seed, Plan(_UNTIL, bulk=0.01, turns=1.5, fat=0.001)).fill(size)
    deaths = halfway = finished = 0
    took = 0.5
    for step in revealed(whole, home, draw, steps):
        reveal(step)
        for _ in range(draw.randint(1, 4)):
            with subprocess.Popen(scan_command(state, [home]), stdin=subprocess.DEVNULL) as running:
                begun = time.monotonic()
                if draw.random() < 0.7:
                    # into a transaction
                    while running.poll() is None and not _is_writing(state):
                        time.sleep(0.001)
                try:
                    running.wait(draw.uniform(0, 0.9) * took)
                    took = time.monotonic() - begun
                    finished += 1
                except subprocess.TimeoutExpired:
                    running.kill()
                    running.wait()
                    deaths += 1
                    halfway += state_of(state).newest_since is not None
    subprocess.run(scan_command(state, [home]), check=True, stdin=subprocess.DEVNULL)
    found, wanted = told_by(state), true(truth)
    wrong = {
        where: (wanted.get(where), found.get(where))
        for where in wanted.keys() | found.keys()
        if wanted.get(where) != found.get(where)
    }
    return Ended(deaths, halfway, finished, wrong)


def _is_writing(state: Path) -> bool:
    journal = state / "usage.db-journal"
    return journal.exists() and journal.stat().st_size > 0


def main(argv: Sequence[str] | None = None) -> int:
    """Live so many lives; 1 when one of them ended elsewhere."""
    parser = argparse.ArgumentParser(prog="python -m tests.sessions.killed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=40_000_000)
    given = parser.parse_args(argv)
    deaths = halfway = failed = 0
    for number in range(given.seed, given.seed + given.rounds):
        with tempfile.TemporaryDirectory(prefix="poolwatch-killed-") as name:
            ended = one_life(Path(name), number, given.size, steps=3)
        deaths += ended.deaths
        halfway += ended.halfway
        if ended.wrong:
            failed += 1
            sys.stdout.write(
                f"seed {number}: {len(ended.wrong)} cells differ: {next(iter(ended.wrong.items()))}\n"
            )
    sys.stdout.write(f"{given.rounds} folders, {deaths} deaths, {halfway} of them halfway, {failed} wrong\n")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
