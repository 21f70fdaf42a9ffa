"""The banked resets that an account has used: here, or elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from poolwatch.domain.banked_resets import Figure, ResetHistory, ResetOutcome, ResetUse
from poolwatch.domain.cycles import Cycle, EndedBy
from poolwatch.domain.failure import Failure
from poolwatch.domain.usage import WEEKLY
from poolwatch.domain.values import replace


class PastReset(Struct, frozen=True):
    """A banked reset that an account has used. `here`: by poolwatch on this machine, as its journal says.

    `window` is what it reset, as far as somebody saw that, and `used_percent` where that stood before.
    `verified` False: a pool took it, and nothing has shown since that it was used.
    """

    at: datetime
    here: bool
    window: str | None = None
    used_percent: float | None = None
    verified: bool = True


class ResetPast(Struct, frozen=True):
    """The banked resets that an account has used, new to old, and what the service's history says of them.

    `history` None: the source has none, or nobody asked for it; a Failure: it cannot be read. `asked_at` is
    when it was asked for.
    """

    used: tuple[PastReset, ...] = ()
    history: ResetHistory | Failure | None = None
    asked_at: datetime | None = None


#: Readings show a use so much later, and clocks differ by less.
_ONE_USE: Final = timedelta(minutes=30)


def used_before(
    uses: Iterable[ResetUse], cycles: Iterable[Cycle], history: ResetHistory | None
) -> tuple[PastReset, ...]:
    """The banked resets that one account has used, new to old, each told once.

    `uses` and `cycles` are the account's. What was used elsewhere is known by the cycles that it ended, or
    by the service's history alone.
    """
    found: list[PastReset] = []
    for use in uses:
        if use.was_used:
            weekly = _longest(use.before)
            window, used = (None, None) if weekly is None else (weekly.window, weekly.used_percent)
            verified = use.outcome is not ResetOutcome.ACCEPTED or use.settled is not None
            found.append(PastReset(use.at, True, window, used, verified))
    ended = [each for each in cycles if each.ended_by is EndedBy.BANKED_RESET and each.ended_at is not None]
    # of windows that end together the longest tells most
    for cycle in sorted(ended, key=lambda each: -(each.window_seconds or 0)):
        at = cycle.ended_at
        if at is not None and not _confirmed(found, at):
            found.append(PastReset(at, False, cycle.window, cycle.last_percent))
    others: list[PastReset] = []
    unmatched = list(range(len(found)))
    for at in () if history is None else history.used_at:
        number = next((each for each in unmatched if _is_near(found[each], at)), None)
        if number is None:
            others.append(PastReset(at, False))
        else:
            unmatched.remove(number)
            found[number] = replace(found[number], verified=True)
    return tuple(sorted([*found, *others], key=lambda each: each.at, reverse=True))


def _longest(stand: Sequence[Figure]) -> Figure | None:
    """The weekly window, else the last base window that something was used of."""
    base = [each for each in stand if "/" not in each.window and (each.used_percent or 0) > 0]
    weekly = next((each for each in base if each.window == WEEKLY), None)
    return weekly or (base[-1] if base else None)


def _confirmed(found: list[PastReset], at: datetime) -> bool:
    """Whether one of these was used then, which is verified by that."""
    for number, each in enumerate(found):
        if _is_near(each, at):
            found[number] = replace(each, verified=True)
            return True
    return False


def _is_near(each: PastReset, at: datetime) -> bool:
    return abs(each.at - at) <= _ONE_USE
