"""`python -m benchmarks`: every figure of docs/benchmarks.md, measured now, side by side and in turn."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import figures
from benchmarks.figures import LEAST, MANY, Pools, Samples
from benchmarks.pool import Pool
from benchmarks.report import machine, plain, rows, table, write_between

KINDS: Final = ("starts", "commands", "changes", "keys", "status", "idle")
_PRESSES: Final = 60


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="samples of each figure (9)")
    parser.add_argument("--idle", type=int, default=9, metavar="MINUTES", help="minutes of doing nothing (9)")
    parser.add_argument("--only", choices=KINDS, action="append", help="only these figures; may be repeated")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table to this file as well")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write if asked to."""
    options = _parsed(argv)
    kinds = options.only or KINDS
    samples = Samples()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="poolwatch-bench-")))
        _say("making the pools")
        pools = Pools(
            stack.enter_context(Pool(folder / str(LEAST), LEAST)),
            stack.enter_context(Pool(folder / str(MANY), MANY)),
        )
        for number in range(options.rounds):
            _say(f"round {number + 1} of {options.rounds}")
            if "starts" in kinds:
                figures.starts(pools, samples)
            if "commands" in kinds:
                figures.commands(pools, samples)
            if "status" in kinds:
                figures.status(pools, samples)
                figures.status_over_tls(pools, samples)
        if "changes" in kinds:
            _say("changes")
            figures.changes(samples, options.rounds)
            figures.ahead(samples, options.rounds)
        if "keys" in kinds:
            _say("keys")
            figures.keys(pools, samples, presses=_PRESSES, polled=False)
            figures.keys(pools, samples, presses=_PRESSES, polled=True)
            figures.keys_while_foretold(pools, folder / "foretold", samples, presses=_PRESSES)
            figures.keys_beside_refusals(folder / "refusing", samples, presses=_PRESSES)
        if "idle" in kinds:
            _say(f"doing nothing for {options.idle} minutes")
            figures.idle(pools, samples, options.idle)
    found = rows(samples.values)
    told = machine("make bench", datetime.now(UTC))
    sys.stdout.write(f"{plain(found)}\n\n{told}\n")
    if options.write is not None:
        write_between(options.write, "figures", f"{told}\n\n{table(found)}")
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"poolwatch bench: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
