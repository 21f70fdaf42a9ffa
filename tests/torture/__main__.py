"""The torture: `python -m tests.torture --budget SECONDS --seed N`; see docs/custody.md and docs/faults.md.

Each part gets its share of the time, and what it leaves over goes to those after it. Exit code 1 if a login
was lost in silence, a file torn, a token sent twice, or any other promise broken.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.torture.tally import Tally

#: Each part's aim and its share of the time.
PARTS: Final = {
    "store": (2_000, 5),
    "disks": (100_000, 5),
    "replies": (100_000, 9),
    "steps": (3_000, 14),
    "machine": (4_000, 14),
    "moves": (2_000, 18),
    "crowds": (1_000, 22),
    "kills": (10_000, 36),
    "payloads": (1_000_000, 40),
    "labels": (100_000, 60),
}
_TITLES: Final = {
    "kills": "kill -9 of the app",
    "steps": "kill -9 of the custody process",
    "crowds": "fifty processes on one login",
    "machine": "state machine, examples",
    "moves": "logins moved and memories damaged",
    "disks": "disk faults",
    "replies": "lost and broken replies",
    "store": "the database: kill -9 in writes, damaged files",
    "payloads": "mutated answers",
    "labels": "hostile labels on every screen",
}
#: A lane looks at the clock between rounds, each of which takes seconds at most.
_GRACE_SECONDS: Final = 60.0
_SAY_SECONDS: Final = 20.0


def main() -> int:
    """Run every part for its share of the budget, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--budget", type=float, default=3600.0, help="seconds in all")
    parser.add_argument("--seed", type=int, default=None, help="unset: from the clock")
    parser.add_argument("--lanes", type=int, default=2, help="processes at work at once")
    parser.add_argument("--only", choices=tuple(PARTS), help="one part gets the whole budget")
    given = parser.parse_args()
    seed = int(time.time()) if given.seed is None else given.seed
    parts = [given.only] if given.only else list(PARTS)
    _say(f"torture: {given.budget:.0f} s, seed {seed}, {given.lanes} lanes")
    started = time.monotonic()
    tallies: list[Tally] = []
    failed = False
    for number, part in enumerate(parts):
        left = given.budget - (time.monotonic() - started)
        shares = [PARTS[each][1] for each in parts[number:]]
        seconds = max(1.0, left * shares[0] / sum(shares))
        crew = _Crew(part, seed, given.lanes, seconds)
        tally, ended_well = crew.work()
        failed = failed or tally.broken or not ended_well
        tallies.append(tally)
    _say("")
    _say(f"after {time.monotonic() - started:.0f} s, seed {seed}:")
    for tally in tallies:
        _say(f"{_TITLES[tally.part]}\n  {tally.line()}")
        for words in tally.widths():
            _say(f"  {words}")
        for words in tally.violations:
            _say(f"  BROKEN: {words}")
    _say("broken" if failed else "nothing lost in silence, nothing torn, no token sent twice")
    return int(failed)


@dataclass
class _Crew:
    part: str
    seed: int
    lanes: int
    seconds: float

    def work(self) -> tuple[Tally, bool]:
        """Run the lanes of one part to their end."""
        aim = PARTS[self.part][0] // self.lanes
        lanes = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.torture.lane", "--long", f"--part={self.part}"),
                    *(f"--aim={aim}", f"--seconds={self.seconds}", f"--seed={self.seed * self.lanes + lane}"),
                    *(f"--lane={lane}", f"--lanes={self.lanes}"),
                ],
                stdout=subprocess.PIPE,
                cwd=Path(__file__).parents[2],
            )
            for lane in range(self.lanes)
        ]
        latest: dict[int, Tally] = {}
        readers = [
            threading.Thread(target=_read, args=(number, lane, latest)) for number, lane in enumerate(lanes)
        ]
        for reader in readers:
            reader.start()
        try:
            self.wait(lanes, latest)
        finally:
            for lane in lanes:
                if lane.poll() is None:
                    lane.terminate()
            for lane in lanes:
                try:
                    lane.wait(_GRACE_SECONDS)
                except subprocess.TimeoutExpired:
                    lane.kill()
                    lane.wait()
            for reader in readers:
                reader.join()
        tally = _sum(self.part, latest)
        _say(tally.line())
        ended_well = all(lane.returncode == 0 for lane in lanes)
        if not ended_well:
            _say(f"{self.part}: lanes ended with {[lane.returncode for lane in lanes]}")
        return tally, ended_well

    def wait(self, lanes: list[subprocess.Popen[bytes]], latest: dict[int, Tally]) -> None:
        """Until all have ended or their time is long over; tells how far they are."""
        started = said = time.monotonic()
        while any(lane.poll() is None for lane in lanes):
            if time.monotonic() - started > self.seconds + _GRACE_SECONDS:
                return
            if time.monotonic() - said > _SAY_SECONDS:
                said = time.monotonic()
                _say(_sum(self.part, latest).line())
            time.sleep(0.1)


def _read(number: int, lane: subprocess.Popen[bytes], latest: dict[int, Tally]) -> None:
    assert lane.stdout is not None
    for line in lane.stdout:
        latest[number] = Tally(**json.loads(line))


def _sum(part: str, latest: dict[int, Tally]) -> Tally:
    found = Tally(part, 0)
    for tally in list(latest.values()):
        found.add(tally)
    return found


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
