"""Forks and subagents: how much of a file is a copy of what its origin had counted already. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from enum import IntEnum
from typing import Final, TypeAlias

from msgspec import Struct

from poolwatch.sessions.rollout import Usage

#: input, cached, output, reasoning: what tells one state of a counter from another
Vector: TypeAlias = tuple[int, int, int, int]
#: So many bits of a vector's hash stand for it; they are the same in every process.
MARK: Final = 0xFFFFFFFF
NOTHING: Final[Vector] = (0, 0, 0, 0)


class Prefix(IntEnum):
    """How it was told where a file's own use begins."""

    #: all of it is its own
    NONE = 0
    UNDECIDED = 1
    #: the file says the number of its first own line
    ORDINAL = 2
    #: a task was started after the file was made
    STARTED = 3
    #: its origin's file has the same beginning
    ORIGIN = 4
    #: the counter began where the origin's stood
    BASELINE = 5
    #: the counter began at zero
    ZERO = 6
    #: nothing tells: the steps of its counter are kept apart
    UNVERIFIED = 7
    #: only records are counted
    RECORDS = 8


#: What may be told otherwise when another file of the origin turns up.
BY_ORIGIN: Final = frozenset({Prefix.ORIGIN, Prefix.BASELINE, Prefix.ZERO, Prefix.UNVERIFIED})


class Step(Struct, frozen=True, gc=False):
    """A step of a counter."""

    vector: Vector
    total: Usage
    last: Usage | None
    window: int | None
    at: float
    model: str
    tier: int
    #: how many limits were told before it
    limits: int


def vector_of(usage: Usage) -> Vector:
    return (
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.output_tokens,
        usage.reasoning_output_tokens,
    )


def decide(
    steps: Sequence[Step], course: bytes | None, *, has_ancestor: bool, goes_on: bool
) -> tuple[Prefix, int]:
    """How many of the steps are copies, and what tells it, where the file itself has no sign of it.

    `course`: the marks of the origin, None where nobody has its file. `goes_on`: where nothing is copied, the
    counter goes on from the origin's. UNDECIDED: no step is the file's own.
    """
    first = steps[0]
    copied = 0 if course is None else copied_steps(steps, course)
    if copied:
        return Prefix.UNDECIDED if copied == len(steps) else Prefix.ORIGIN, copied
    last = None if first.last is None else vector_of(first.last)
    if last == NOTHING != first.vector:
        return Prefix.BASELINE, 0
    # a copy begins like that as well, and may be one where an ancestor stands before it
    if last == first.vector and (course is not None or not has_ancestor):
        return Prefix.ZERO, 0
    return Prefix.BASELINE if goes_on else Prefix.UNVERIFIED, 0


def copied_steps(steps: Sequence[Step], course: bytes) -> int:
    """How many steps at the beginning are in the origin's course, in its order.

    Some of the origin's may be missing: its history can lie in several files, and be cut.
    """
    marks = array("I", course)
    at = 0
    for number, step in enumerate(steps):
        try:
            at = marks.index(hash(step.vector) & MARK, at) + 1
        except ValueError:
            return number
    return len(steps)
