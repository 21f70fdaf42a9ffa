"""kill -9 of the app at random moments of a refresh loop."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from pathlib import Path

from tests.torture.apps import Machine
from tests.torture.forge import Forge
from tests.torture.service import Service
from tests.torture.tally import Order, Tally

#: An app begins its first refresh about 0.15 s after its start, and ends it about 0.3 s later.
_STARTING_SECONDS = 0.3
_AT_WORK_SECONDS = 1.0
_LOOK_SECONDS = 0.002
#: A machine is left for a new one after so many kills, for its journal grows.
_KILLS_EACH = 200


def run(order: Order) -> Tally:
    """Kill, look at the file at once, and start again; every other time only when all is quiet."""
    tally = Tally("kills", order.aim)
    draw = random.Random(order.seed)
    with Service() as service, Forge() as forge:
        service.delays(0.02, 0.02, order.seed)
        machine: Machine | None = None
        for number in order.rounds(tally):
            if number % _KILLS_EACH == 0:
                _leave(machine, tally)
                machine = Machine.make(order.folder / f"m{number}", service, f"ann{number}")
            assert machine is not None
            app = forge.app(machine.folder)
            starting = draw.random() < 0.2
            window = (0.0, _STARTING_SECONDS) if starting else (_STARTING_SECONDS, _AT_WORK_SECONDS)
            whole = _watch(machine.file, draw.uniform(*window))
            app.kill()
            status = app.wait()
            tally.check(status == -9, f"round {number}: the app ended by itself with {status}")
            if not whole or machine.login() is None:
                tally.torn += 1
            # otherwise the next app meets the refresh of the last one
            if draw.random() < 0.5 or number % _KILLS_EACH == _KILLS_EACH - 1:
                forge.settle()
                tally.note("looked at when quiet")
                _look(machine, tally, number)
        forge.settle()
        if machine is not None:
            _look(machine, tally, order.aim)
            _leave(machine, tally)
    return tally


def _watch(file: Path, seconds: float) -> bool:
    """Let so much time pass; whether the file was whole whenever it was looked at."""
    ends, whole = time.monotonic() + seconds, True
    while time.monotonic() < ends:
        try:
            json.loads(file.read_bytes())
        except (OSError, ValueError):
            whole = False
        time.sleep(_LOOK_SECONDS)
    return whole


def _look(machine: Machine, tally: Tally, number: int) -> None:
    seen = machine.service.seen(machine.family)
    if not machine.holds(seen.valid):
        tally.lost += 1
        tally.check(
            False, f"round {number}: the valid token is not in the file (waits: {machine.waits(seen.valid)})"
        )
        machine.sign_in()
    tally.check(not machine.debris(), f"round {number}: left behind {machine.debris()}")


def _leave(machine: Machine | None, tally: Tally) -> None:
    if machine is None:
        return
    seen = machine.service.seen(machine.family)
    tally.posts += seen.posts
    tally.replays += seen.reused
    tally.check(seen.unknown == 0, "a token was sent that was never given out")
    outcomes = Counter(_log(machine.folder))
    for outcome, count in outcomes.items():
        tally.note(f"app saw {outcome}", count)
    tally.ambiguous += outcomes["ambiguous"]
    tally.check(outcomes["ambiguous"] == 0, "a refresh without a fault was called interrupted")
    tally.check(set(outcomes) <= {"refreshed", "adopted"}, f"outcomes {dict(outcomes)}")
    shutil.rmtree(machine.folder)


def _log(folder: Path) -> list[str]:
    path = folder / "app.log"
    return path.read_text().split() if path.exists() else []
