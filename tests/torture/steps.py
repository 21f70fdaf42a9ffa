"""kill -9 of the custody process: at every step by name, at random moments, and with the windows measured."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.token_server import CANARY
from tests.torture.apps import Machine, screen
from tests.torture.forge import Forge
from tests.torture.service import Seen, Service
from tests.torture.tally import Order, Tally

#: Nothing was sent yet; the reply may be lost; the reply is on disk.
UNSENT = ("locked", "read", "preflight", "journal")
IN_FLIGHT = ("sending", "replied", "pending")
STORED = ("filled", "renamed", "stored", "merged", "replaced", "done")
#: A forked custody process takes about so long, and the service takes this long before and after it spends.
_ALIVE_SECONDS = 0.06
_SERVICE_SECONDS = 0.01
_KILLED = -9


def run(order: Order) -> Tally:
    """Rounds of every named step, one random moment and one measured refresh."""
    tally = Tally("steps", order.aim)
    draw = random.Random(order.seed)
    plan = (*UNSENT, *IN_FLIGHT, *STORED, "any moment", "measured")
    with Service() as service, Forge() as forge:
        bench = _Bench(service, forge, tally)
        for number in order.rounds(tally):
            point = plan[number % len(plan)]
            machine = Machine.make(order.folder / f"m{number}", service, f"ann{number}")
            match point:
                case "measured":
                    _measure(machine, tally)
                case "any moment":
                    service.delays(_SERVICE_SECONDS, _SERVICE_SECONDS, order.seed + number)
                    bench.killed_after(machine, draw.uniform(0, _ALIVE_SECONDS))
                    service.delays(0, 0)
                case _:
                    bench.killed_at(machine, point)
            shutil.rmtree(machine.folder)
    return tally


@dataclass(frozen=True)
class _Bench:
    service: Service
    forge: Forge
    tally: Tally

    def killed_at(self, machine: Machine, point: str) -> None:
        """The process ends at a named step."""
        before = machine.file.read_bytes()
        first = machine.service.seen(machine.family)
        job = self.forge.custody(machine.order("a1"), failpoint=f"{point}:kill")
        self.tally.check(job.wait() == _KILLED, f"{point}: the process did not end there")
        self.tally.note(f"at {point}")
        seen = machine.service.seen(machine.family)
        spent = seen.valid != first.valid
        self.tally.check(spent == (point not in (*UNSENT, "sending")), f"{point}: spent {spent}")
        if point in (*UNSENT, *IN_FLIGHT):
            self.tally.check(machine.file.read_bytes() == before, f"{point}: the file changed")
        gone = self.look(machine, seen, point)
        self.tally.check(not gone or point in IN_FLIGHT, f"{point}: the login is gone")
        if gone:
            self.tally.check(
                machine.file.read_bytes() == before, f"{point}: the file changed at the next start"
            )

    def killed_after(self, machine: Machine, seconds: float) -> None:
        """The process ends at some moment."""
        job = self.forge.custody(machine.order("a1"))
        time.sleep(seconds)
        job.kill()
        self.tally.note("killed at some moment" if job.wait() == _KILLED else "ended before the kill")
        self.look(machine, machine.service.seen(machine.family), f"after {seconds * 1000:.1f} ms")

    def look(self, machine: Machine, seen: Seen, when: str) -> bool:
        """What the next start makes of it; whether the login is gone."""
        if machine.login() is None:
            self.tally.torn += 1
            self.tally.check(False, f"{when}: the file is torn")
            return True
        shown = screen(machine, press=True)
        gone = not machine.holds(seen.valid)
        self.tally.posts += seen.posts
        self.tally.ambiguous += shown.ambiguous
        self.tally.gone += gone
        if gone and not shown.ambiguous:
            self.tally.lost += 1
            self.tally.check(False, f"{when}: the login is gone and nobody says so: {shown}")
        if shown.ambiguous:
            self.tally.check(
                shown.needs_you and shown.asks_first and "interrupted" in f"{shown.words} {shown.remedy}",
                f"{when}: it does not say so plainly: {shown}",
            )
        after = machine.service.seen(machine.family)
        self.tally.replays += after.reused
        if not shown.ambiguous:
            # and the next refresh clears up
            self.tally.check(
                self.forge.custody(machine.order("a2")).wait() == 0, f"{when}: no refresh after it"
            )
            self.tally.check(
                machine.holds(machine.service.seen(machine.family).valid), f"{when}: lost after it"
            )
            self.tally.check(not machine.debris(), f"{when}: left behind {machine.debris()}")
        self.tally.check(not _secrets_in_debris(machine), f"{when}: a token lies about")
        return gone


def _secrets_in_debris(machine: Machine) -> bool:
    places = [machine.file.parent / name for name in machine.debris()]
    return any(CANARY.encode() in path.read_bytes() for path in places if path.exists())


def _measure(machine: Machine, tally: Tally) -> None:
    """A whole refresh in an interpreter of its own, with the moment of each step."""
    report = machine.folder / "steps.json"
    ended = subprocess.run(
        [sys.executable, "-m", "tests.torture.traced", str(report), *machine.order("a1")],
        cwd=Path(__file__).parents[2],
        timeout=60,
    )
    seen = machine.service.seen(machine.family)
    if not tally.check(ended.returncode == 0 and machine.holds(seen.valid), "a measured refresh failed"):
        return
    tally.posts += seen.posts
    steps: dict[str, int] = json.loads(report.read_text())
    stored = steps["filled"]
    tally.took("asked about: noted as sending until the reply is on disk", (stored - steps["sending"]) / 1e6)
    tally.took(
        "lost if ended here: spent by the service until the reply is on disk",
        (stored - seen.spent_ns[-1]) / 1e6,
    )
    tally.took("on disk, not yet in the login file", (steps["replaced"] - stored) / 1e6)
