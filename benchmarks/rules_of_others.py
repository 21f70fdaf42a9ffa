"""How other tools foretell the end of a weekly window, written anew from a description of their rules.

Each rule says what is used at the reset, and how likely the window runs out; None where it says nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import exp
from typing import Final, TypeAlias

from msgspec import Struct

from benchmarks.simulated_use import LivedCycle, Poll

#: What is used at the reset in percent, endless, and the probability that it runs out.
Told: TypeAlias = tuple[float, float]

_GRID: Final = 168
_SMOOTHING: Final = 0.4


def linear(cycle: LivedCycle, used: float, at: float) -> Told | None:
    """It goes on as it went on average since the reset."""
    elapsed = at - cycle.begun
    if elapsed <= 0:
        return None
    final = used * (cycle.resets_at - cycle.begun) / elapsed
    return final, float(final > 100)


def openusage(cycle: LivedCycle, used: float, at: float) -> Told | None:
    """Linear; silent in the first hundredth of the window."""
    length = cycle.resets_at - cycle.begun
    return linear(cycle, used, at) if at - cycle.begun >= max(60.0, length / 100) else None


class Curve(Struct):
    """A past week on a grid: used after each 168th, never falling."""

    ended_at: float
    points: list[float]


def curve(cycle: LivedCycle) -> Curve | None:
    """A cycle as a curve, if its ends were seen; one that was full goes on at its mean slope."""
    length = cycle.resets_at - cycle.begun
    if cycle.early or len(cycle.polls) < 6:
        return None
    if cycle.polls[0].at - cycle.begun > 86400 or cycle.ended_at - cycle.polls[-1].at > 86400:
        return None
    times = [poll.at for poll in cycle.polls]
    points: list[float] = []
    for step in range(_GRID + 1):
        index = bisect_right(times, cycle.begun + length * step / _GRID)
        points.append(
            max(points[-1] if points else 0.0, cycle.polls[index - 1].used_percent if index else 0.0)
        )
    full = bisect_left(points, 100.0)
    if 0 < full < _GRID:
        points[full:] = [100 + 100 / full * (step - full) for step in range(full, _GRID + 1)]
    return Curve(cycle.ended_at, points)


def codexbar(cycle: LivedCycle, used: float, at: float, past: Sequence[Curve]) -> Told | None:
    """Linear, drawn towards past weeks once there are three; hidden in the first 3% of the window."""
    length = cycle.resets_at - cycle.begun
    share = (at - cycle.begun) / length
    straight = linear(cycle, used, at)
    if share < 0.03 or straight is None:
        return None
    if len(past) < 3:
        return straight
    weights = [exp(-(at - each.ended_at) / (3 * 7 * 86400)) for each in past]
    effective = sum(weights) ** 2 / sum(weight * weight for weight in weights)
    trust = min(1.0, max(0.0, (effective - 2) / 6))
    here = min(_GRID, int(share * _GRID))
    finals = sorted(
        (used + each.points[-1] - each.points[here], weight)
        for each, weight in zip(past, weights, strict=True)
    )
    total, below, median = sum(weights), 0.0, finals[-1][0]
    for final, weight in finals:
        below += weight
        if below >= total / 2:
            median = final
            break
    told = trust * median + (1 - trust) * straight[0]
    if len(past) < 5:
        return told, float(told > 100)
    over = sum(weight for final, weight in finals if final >= 100)
    return told, (over + 0.5) / (total + 1)


def codex_lb(polls: Sequence[Poll]) -> list[float | None]:
    """The rate after each poll, in percent a second: smoothed poll by poll, forgotten at any fall."""
    rates: list[float | None] = []
    rate: float | None = None
    for before, after in zip([None, *polls], polls, strict=False):
        if before is None or after.used_percent < before.used_percent or after.resets_at != before.resets_at:
            rate = None
        else:
            now = (after.used_percent - before.used_percent) / (after.at - before.at)
            rate = now if rate is None else _SMOOTHING * now + (1 - _SMOOTHING) * rate
        rates.append(rate)
    return rates


def depletion(cycle: LivedCycle, used: float, at: float, rate: float | None) -> Told | None:
    """codex-lb's risk: what is used at the reset at that rate, as if it were a probability."""
    if rate is None:
        return None
    final = used + rate * (cycle.resets_at - at)
    return final, min(1.0, final / 100)
