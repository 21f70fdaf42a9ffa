"""Hostile labels on every screen of a real terminal, at many sizes."""

from __future__ import annotations

import random
import shutil

from tests.faults.watch import Watch
from tests.torture.tally import Order, Tally

_EACH = 800
_SIZES = ((80, 24), (100, 60), (120, 80), (132, 90), (160, 100), (200, 100), (240, 120), (60, 90))


def run(order: Order) -> Tally:
    """Rounds of many labels; each label counts."""
    tally = Tally("labels", order.aim)
    for number in order.rounds(tally, -(-order.aim // _EACH)):
        seed = order.seed * 10_000 + number
        columns, rows = random.Random(seed).choice(_SIZES)
        folder = order.folder / f"walk{number}"
        folder.mkdir()
        try:
            tally.note("screens", Watch(folder, seed, _EACH, 20, columns, rows).finish())
        except AssertionError as error:
            tally.check(False, str(error)[:1000])
        # the round itself counts for one
        tally.done += _EACH - 1
        shutil.rmtree(folder, ignore_errors=True)
    return tally
