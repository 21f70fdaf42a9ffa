"""The terminal matrix: `python -m tests.faults.terminals [--all] [--budget SECONDS]`; see docs/faults.md.

Prints a line of JSON for each case: its situation, the way out, the seconds that took, and what was wrong.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from tests.faults.terminal_app import Trouble
from tests.faults.terminal_cases import LIMIT_SECONDS, SITUATIONS, SUITE_SITUATIONS, WAYS, Case, Situation

_LANES: Final = 4
_SUBREAPER: Final = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_IMPORTED: Final = (
    *("poolwatch.__main__", "poolwatch.bootstrap.screen", "poolwatch.bootstrap.sources", "poolwatch.ui.app"),
    *("poolwatch.net.client", "poolwatch.store.store", "poolwatch.ui.screens.detail", "rich.traceback"),
)


@dataclass(frozen=True)
class Outcome:
    """How one case went."""

    situation: str
    way: str
    seconds: float
    trouble: str = ""


@dataclass(frozen=True)
class World:
    """What the cases share: the app's environment, and readings to show at once."""

    root: Path
    env: Mapping[str, str]
    state: Path

    def case(self, situation: Situation, way: str, number: int) -> Case:
        """A case with a folder of its own."""
        folder = self.root / f"case-{number}"
        folder.mkdir()
        bare = self.root / "bare"
        bare.mkdir(exist_ok=True)
        env = dict(self.env)
        if situation.service == "none":
            del env["POOLWATCH_CONFIG"]
        # without readings of an earlier run, every account is asked, and none answers
        return Case(situation, way, folder, env, self.state if situation.service == "read" else bare)


def matrix(world: World, plan: Sequence[tuple[Situation, str]], ends: float, lanes: int) -> list[Outcome]:
    """Play the plan, several at once; what went wrong among others is played again alone, and that counts."""
    found: list[Outcome] = []
    again: list[tuple[Situation, str]] = []
    waiting = list(enumerate(plan))
    running: dict[int, tuple[int, Situation, str]] = {}
    while waiting or running:
        while waiting and len(running) < lanes and time.monotonic() < ends:
            number, (situation, way) = waiting.pop(0)
            reading = _fork(world, situation, way, number)
            running[reading] = (number, situation, way)
        if not running:
            break
        ready, _, _ = select.select(list(running), [], [], 1.0)
        for reading in ready:
            _, situation, way = running.pop(reading)
            outcome = _outcome(reading, situation, way)
            if outcome.trouble and lanes > 1:
                again.append((situation, way))
                sys.stderr.write(f"{situation.name}: {way}: {outcome.trouble}\n")
            else:
                found.append(outcome)
                _say(outcome)
    if again:
        fresh = World(Path(tempfile.mkdtemp(dir=world.root)), world.env, world.state)
        found += matrix(fresh, again, ends, 1)
    return found


def _fork(world: World, situation: Situation, way: str, number: int) -> int:
    case = world.case(situation, way, number)
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        return reading
    try:
        os.close(reading)
        os.write(writing, json.dumps(asdict(_play(case))).encode())
    finally:
        os._exit(0)


def _play(case: Case) -> Outcome:
    name = case.situation.name
    try:
        took = case.run()
    except Trouble as trouble:
        return Outcome(name, case.way, 0.0, str(trouble)[:2000])
    except Exception:  # noqa: BLE001 - a case that breaks is told as one that failed
        return Outcome(name, case.way, 0.0, traceback.format_exc()[-2000:])
    late = f"took {took:.1f} s" if took > LIMIT_SECONDS else ""
    return Outcome(name, case.way, round(took, 3), late)


def _outcome(reading: int, situation: Situation, way: str) -> Outcome:
    told = b""
    while piece := os.read(reading, 65_536):
        told += piece
    os.close(reading)
    if not told:
        return Outcome(situation.name, way, 0.0, "the case ended without a word")
    return Outcome(**json.loads(told))


def _say(outcome: Outcome) -> None:
    sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Play the matrix; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.terminals", description=__doc__)
    parser.add_argument("--all", action="store_true", help="all situations, not those of the suite")
    parser.add_argument("--only", default="", help="situations and ways whose names hold this")
    parser.add_argument("--budget", type=float, default=600.0, help="seconds")
    parser.add_argument("--lanes", type=int, default=_LANES)
    given = parser.parse_args()
    ends = time.monotonic() + given.budget
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)
    situations = SITUATIONS if given.all else SUITE_SITUATIONS
    plan = [(situation, way) for way in WAYS for situation in situations]
    plan = [(each, way) for each, way in plan if given.only in f"{each.name}: {way}"]
    root = Path(tempfile.mkdtemp(prefix="poolwatch-terminals-"))
    try:
        found = _in_world(root, plan, ends, given.lanes)
    finally:
        _end_orphans()
        shutil.rmtree(root, ignore_errors=True)
    troubled = sum(bool(outcome.trouble) for outcome in found)
    sys.stderr.write(f"terminals: {len(found)} of {len(plan)} cases, {troubled} with trouble\n")
    return int(bool(troubled) or not found)


def _in_world(root: Path, plan: list[tuple[Situation, str]], ends: float, lanes: int) -> list[Outcome]:
    # after the imports of the module: these make processes of their own
    from tests.cli.desk import Desk
    from tests.support.upstream import Upstream

    with Upstream(root / "demo", accounts=12) as upstream:
        desk = Desk(root, upstream.config)
        if desk.run("status").code:
            raise SystemExit("the readings to begin with could not be had")
        upstream.script("*", {"hang": True}, endpoint="token", times=None)
        upstream.script("*", {"hang": True}, times=None)
        env = {name: value for name, value in desk.env.items() if not name.startswith("COVERAGE_")}
        world = World(root, env, desk.state)
        for name in _IMPORTED:
            import_module(name)
        gc.collect()
        gc.freeze()
        return matrix(world, plan, ends, lanes)


def _end_orphans() -> None:
    """Refreshes end by themselves once their service is gone; nothing of a case outlives this."""
    deadline = time.monotonic() + 10
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            if time.monotonic() > deadline:
                children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
                for child in children:
                    os.kill(int(child), signal.SIGKILL)
                deadline = float("inf")
            time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
