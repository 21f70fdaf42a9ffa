"""The database: processes killed while they write it, and damage anywhere in its file."""

from __future__ import annotations

import random

from tests.faults.deaths import DeathError, flip_of, healthy, round_of
from tests.torture.tally import Order, Tally

_FLIPS = 5


def run(order: Order) -> Tally:
    """One death and some damaged files in each round."""
    tally = Tally("store", order.aim)
    good = healthy(order.folder / "good")
    for number in order.rounds(tally):
        seed = order.seed * 1_000_000 + number
        rng = random.Random(seed)
        try:
            tally.note(f"killed: {round_of(rng, order.folder / f'd{number}')}")
            for flip in range(_FLIPS):
                tally.note(f"damaged, {flip_of(rng, order.folder / f'f{number}-{flip}', good)}")
        except DeathError as error:
            tally.check(False, f"round {seed}: {error}")
    return tally
