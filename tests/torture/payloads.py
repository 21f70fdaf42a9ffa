"""Mutated answers, each sent the whole way to screen, JSON, text and store."""

from __future__ import annotations

import random

from tests.faults.mutants import judge, judge_list, mutant
from tests.torture.tally import Order, Tally


def run(order: Order) -> Tally:
    """One answer of the service in each round, and in each fourth one of a pool."""
    tally = Tally("payloads", order.aim)
    for number in order.rounds(tally):
        seed = order.seed * 10_000_000 + number
        rng = random.Random(seed)
        text, body = mutant(rng)
        try:
            tally.note(judge(text, body, whole=number % 4 == 0))
            if number % 4 == 0:
                judge_list(rng)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not happen
            tally.check(False, f"answer {seed}: {type(error).__name__}: {error}"[:300])
    return tally
