"""Many processes refresh one login at the same instant."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter

from poolwatch.custody.attempt import RefreshJournal as Journal
from poolwatch.custody.token_step import start_apart
from poolwatch.once.process import bare_environment
from tests.torture.apps import Machine
from tests.torture.forge import Forge
from tests.torture.service import Service
from tests.torture.tally import Order, Tally

_CROWD = 50
_STARTED_CROWD = 10
#: A machine is left for a new one after so many rounds, for its journal grows by the crowd in each.
_ROUNDS_EACH = 20


def run(order: Order) -> Tally:
    """Rounds of fifty forked processes at one gate; in each tenth ten that are started one by one."""
    tally = Tally("crowds", order.aim)
    draw = random.Random(order.seed)
    with Service() as service, Forge() as forge:
        service.delays(0.01, 0.01, order.seed)
        machine: Machine | None = None
        for number in order.rounds(tally):
            if number % _ROUNDS_EACH == 0:
                if machine is not None:
                    shutil.rmtree(machine.folder)
                machine = Machine.make(order.folder / f"m{number}", service, f"ann{number}")
            assert machine is not None
            started = number % 10 == 9
            _round(machine, forge, tally, number, _STARTED_CROWD if started else _CROWD, started, draw)
    return tally


def _round(
    machine: Machine, forge: Forge, tally: Tally, number: int, size: int, started: bool, draw: random.Random
) -> None:
    before = machine.service.seen(machine.family)
    orders = [machine.order(f"r{number}-{one}") for one in range(size)]
    draw.shuffle(orders)
    if started:
        environment = bare_environment(os.environ)
        ended = [process.wait(120) for process in [start_apart(order, environment) for order in orders]]
    else:
        crowd = [forge.custody(order, gated=True) for order in orders]
        forge.open_gate()
        ended = [job.wait() for job in crowd]
    tally.note("processes", size)
    seen = machine.service.seen(machine.family)
    posts = seen.posts - before.posts
    tally.posts += posts
    tally.replays += seen.reused - before.reused
    tally.check(ended == [0] * size, f"round {number}: exit codes {Counter(ended)}")
    tally.check(posts == 1, f"round {number}: {posts} requests")
    if machine.login() is None:
        tally.torn += 1
    elif not machine.holds(seen.valid):
        tally.lost += 1
    entries = Journal(machine.state.journal(machine.errand("x").account)).entries()
    outcomes = Counter(
        entry.step.outcome.value
        for entry in entries
        if entry.step is not None and entry.attempt.startswith(f"r{number}-")
    )
    expected = {"refreshed": 1, "adopted": size - 1}
    tally.check(dict(outcomes) == expected, f"round {number}: outcomes {dict(outcomes)}")
