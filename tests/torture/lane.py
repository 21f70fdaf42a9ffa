"""One part of the torture in a process of its own: `python -m tests.torture.lane --part kills --aim 40 ...`.

Each line on stdout is the tally so far as JSON; the last one is final.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import cast

from tests.torture.tally import Order, Tally

PARTS = ("kills", "steps", "crowds", "machine", "moves", "disks", "replies", "store", "payloads", "labels")


def main() -> int:
    """Run the part; 1 if something happened that must not."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.lane")
    parser.add_argument("--part", choices=PARTS, required=True)
    parser.add_argument("--aim", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--lane", type=int, default=0)
    parser.add_argument("--lanes", type=int, default=1)
    given = parser.parse_args()

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    folder = Path(tempfile.mkdtemp(prefix="poolwatch-torture-"))
    run = cast("Callable[[Order], Tally]", import_module(f"tests.torture.{given.part}").run)
    try:
        order = Order(
            folder, given.seed, given.aim, given.seconds, given.long, given.lane, given.lanes, _tell
        )
        tally = run(order)
        _tell(tally)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return int(tally.broken)


def _tell(tally: Tally) -> None:
    sys.stdout.write(json.dumps(tally.to_json()) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
