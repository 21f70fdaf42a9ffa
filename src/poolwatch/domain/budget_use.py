"""What a budget's use of tokens came to: cells of its period, summed by whose they are and by quarters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from poolwatch.domain.budgets import Each, LimitUnit, Measured, MeasuredBy
from poolwatch.domain.quarters import begins
from poolwatch.domain.rates import RateCard
from poolwatch.domain.tokens import UseCell
from poolwatch.domain.use_sums import UseSum, sums

#: The part of a budget that is not divided.
WHOLE = ""


class UseMeasured(Struct, frozen=True):
    """What was spent by whose it was, and whether some of it is of nobody known."""

    parts: Mapping[str, Measured]
    is_unassigned: bool = False


def measured_use(
    cells: Iterable[UseCell],
    unit: LimitUnit,
    each: Each | None,
    card: RateCard,
    groups: Mapping[str, str | None],
    read_at: datetime | None,
) -> UseMeasured:
    """What these cells came to. `groups` are those of accounts, by their ids.

    A step stands at the beginning of its quarter of an hour, so that it is the same whenever it is looked at.
    """

    def key(cell: UseCell) -> tuple[str | None, int, bool, object, object]:
        # what shares all of that is an estimate as a whole, or not at all
        return _whose(cell, each, groups), cell.quarter, cell.estimated, cell.model, cell.tier

    quarters: dict[str | None, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    estimated: dict[str | None, Decimal] = defaultdict(Decimal)
    incomplete: set[str | None] = set()
    for (whose, quarter, is_estimate, _, _), found in sums(cells, card, key).items():
        amount = amount_of(found, unit)
        quarters[whose][quarter] += amount
        if is_estimate or (found.estimated and unit is not LimitUnit.TOKENS):
            estimated[whose] += amount
        if not _is_complete(found, unit):
            incomplete.add(whose)
    is_unassigned = quarters.pop(None, None) is not None
    return UseMeasured(
        {
            whose: _measured(spent, estimated[whose], whose in incomplete or is_unassigned, read_at)
            for whose, spent in quarters.items()
            if whose is not None
        },
        is_unassigned,
    )


def amount_of(found: UseSum, unit: LimitUnit) -> Decimal:
    """What of some use counts against a limit in that unit, as far as it is known."""
    match unit:
        case LimitUnit.USD:
            return Decimal(found.pico).scaleb(-12)
        case LimitUnit.CREDITS:
            return found.credits
        case _:
            return Decimal(found.tokens.total)


def _is_complete(found: UseSum, unit: LimitUnit) -> bool:
    match unit:
        case LimitUnit.USD:
            return found.cost_complete
        case LimitUnit.CREDITS:
            return not found.uncredited_requests
        case _:
            return True


def _whose(cell: UseCell, each: Each | None, groups: Mapping[str, str | None]) -> str | None:
    match each:
        case None:
            return WHOLE
        case Each.ACCOUNT:
            return cell.account
        case Each.GROUP:
            return None if cell.account is None else groups.get(cell.account)
        case Each.USER:
            return cell.user


def _measured(
    spent: Mapping[int, Decimal], estimated: Decimal, at_least: bool, read_at: datetime | None
) -> Measured:
    steps, total = [], Decimal(0)
    for quarter in sorted(spent):
        if spent[quarter]:
            total += spent[quarter]
            steps.append((begins(quarter), total))
    return Measured(MeasuredBy.USAGE, total, estimated, at_least, read_at, tuple(steps))
