"""What was spent of a budget, step by step: by use, by balances that fell, and by the weekly window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Final, TypeAlias

from msgspec import Struct, field

from poolwatch.domain.budgets import LimitUnit, Measured, MeasuredBy, Period
from poolwatch.domain.quarters import begins
from poolwatch.domain.rates import RateCard
from poolwatch.domain.series import Amount, Timeline
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import QUARTERS_OF_DAY, Origin, UseCell
from poolwatch.domain.usage import WEEKLY, own_reset
from poolwatch.domain.use_sums import UseSum, sums

_NOTHING: Final = Decimal(0)

#: Whose a part of a budget is; "" of one that is not divided, None where nobody knows.
Whose: TypeAlias = str | None


class Spent(Struct):
    """What was spent of one part, by the quarters of an hour in which it was, or into which it is joined."""

    quarters: dict[int, Decimal] = field(default_factory=dict)
    estimated: Decimal = _NOTHING
    #: some of it has no price
    is_partial: bool = False
    #: what tells of it
    origins: tuple[Origin, ...] = ()

    @property
    def total(self) -> Decimal:
        """All of it."""
        return sum(self.quarters.values(), _NOTHING)


def spent_of(
    cells: Iterable[UseCell], unit: LimitUnit, whose: Callable[[UseCell], Whose], card: RateCard
) -> dict[Whose, Spent]:
    """What cells came to, in the unit of a limit."""
    if unit is LimitUnit.TOKENS:
        return _tokens_of(cells, whose)

    def key(cell: UseCell) -> tuple[Whose, int, bool, object, object]:
        # what shares all of that is an estimate as a whole, or not at all
        return whose(cell), cell.quarter, cell.estimated, cell.model, cell.tier

    found: dict[Whose, Spent] = defaultdict(Spent)
    for (part, quarter, _, _, _), each in sums(cells, card, key).items():
        spent = found[part]
        amount = amount_of(each, unit)
        spent.quarters[quarter] = spent.quarters.get(quarter, _NOTHING) + amount
        if each.estimated:
            spent.estimated += amount
        spent.is_partial |= _is_partial(each, unit)
    return found


def amount_of(use: UseSum, unit: LimitUnit) -> Decimal:
    """What of some use counts against a limit in that unit, as far as it is known."""
    match unit:
        case LimitUnit.USD:
            return Decimal(use.pico).scaleb(-12)
        case LimitUnit.CREDITS:
            return use.credits
        case _:
            return Decimal(use.tokens.total)


def _is_partial(each: UseSum, unit: LimitUnit) -> bool:
    return not each.cost_complete if unit is LimitUnit.USD else each.uncredited_requests > 0


def _tokens_of(cells: Iterable[UseCell], whose: Callable[[UseCell], Whose]) -> dict[Whose, Spent]:
    found: dict[Whose, Spent] = defaultdict(Spent)
    for cell in cells:
        spent, tokens = found[whose(cell)], cell.tokens.total
        spent.quarters[cell.quarter] = spent.quarters.get(cell.quarter, _NOTHING) + tokens
        if cell.estimated:
            spent.estimated += tokens
    return found


def days_of_marks(parts: Iterable[Spent], marks: Sequence[Decimal]) -> frozenset[int]:
    """The UTC days, since 1970, within which a part reached one of these amounts."""
    found: set[int] = set()
    for spent in parts:
        left = list(marks)
        for quarter, total in _totals(spent):
            while left and total >= left[0]:
                found.add(quarter // QUARTERS_OF_DAY)
                del left[0]
            if not left:
                break
    return frozenset(found)


def put_finer(spent: Spent, finer: Spent | None, days: frozenset[int]) -> None:
    """Put quarters in the place of what was joined on these UTC days."""
    kept = {at: amount for at, amount in spent.quarters.items() if at // QUARTERS_OF_DAY not in days}
    spent.quarters = kept | (finer.quarters if finer is not None else {})


def measured_use(spent: Spent, read_at: datetime | None, *, at_least: bool) -> Measured:
    """As a budget tells it. Each step stands at the beginning of its quarter, whenever that is looked at."""
    steps = tuple((begins(quarter), total) for quarter, total in _totals(spent))
    at_least = at_least or spent.is_partial
    return Measured(
        MeasuredBy.USAGE, spent.total, spent.estimated, at_least, read_at, steps, origins=spent.origins
    )


def _totals(spent: Spent) -> list[tuple[int, Decimal]]:
    """What had been spent by the end of each quarter in which something was."""
    ordered = sorted((quarter, amount) for quarter, amount in spent.quarters.items() if amount)
    return list(zip((at for at, _ in ordered), accumulate(amount for _, amount in ordered), strict=True))


# --- balances


class Fall(Struct, frozen=True):
    """What a balance was found to have fallen by at `at`; `is_late`: some of that may be from before."""

    at: datetime
    amount: Decimal
    is_late: bool = False


class Falls(Struct, frozen=True):
    """How a balance fell in a time, with what came in taken out.

    `known_from` is when the first balance of that time was known; None: none was.
    """

    falls: tuple[Fall, ...] = ()
    top_ups: int = 0
    known_from: datetime | None = None
    #: of a time without readings that was longer than the time asked for, nobody knows
    is_partial: bool = False


def falls_of(line: Timeline, since: datetime, until: datetime) -> Falls:
    """What a balance lost from `since` to before `until`. One that is unknown for a while says nothing.

    Of hours and days, which stand for single changes after a while, it is at least so much.
    """
    began = {gap.end: gap.start for gap in line.gaps}
    falls: list[Fall] = []
    top_ups, former, known_from, is_partial = 0, None, None, False
    for point in line.points:
        last, low, high = (_credits(each) for each in (point.last, point.low, point.high))
        if last is None:
            continue
        if point.at >= until:
            break
        if former is not None and point.at >= since:
            low, high = (last if low is None else low), (last if high is None else high)
            is_topped_up = high > former
            top_ups += is_topped_up
            lost = max(former - low, _NOTHING) + high - last if is_topped_up else former - last
            start = began.get(point.at, point.at)
            is_late = start < since
            if lost > 0 and is_late and point.at - start > until - since:
                is_partial = True
            elif lost > 0:
                falls.append(Fall(point.at, lost, is_late))
        former = last
        known_from = max(point.at, since) if known_from is None else known_from
    return Falls(tuple(falls), top_ups, known_from, is_partial)


def _credits(value: Amount | None) -> Decimal | None:
    return value if isinstance(value, Decimal) else None


def measured_falls(found: Mapping[str, Falls], period: Period, read_at: datetime | None) -> Measured:
    """What these accounts lost together. Nothing is known where no balance of any of them is."""
    accounts = tuple(found)
    if all(each.known_from is None for each in found.values()):
        return Measured(MeasuredBy.BALANCE, read_at=read_at, accounts=accounts)
    falls = sorted((fall.at, fall.amount) for each in found.values() for fall in each.falls)
    totals = list(accumulate(amount for _, amount in falls))
    steps = {at: total for (at, _), total in zip(falls, totals, strict=True)}
    begins_late = any(
        each.known_from is None or (period.started_at is not None and each.known_from > period.started_at)
        for each in found.values()
    )
    return Measured(
        MeasuredBy.BALANCE,
        totals[-1] if totals else _NOTHING,
        sum((fall.amount for each in found.values() for fall in each.falls if fall.is_late), _NOTHING),
        begins_late or any(each.is_partial for each in found.values()),
        read_at,
        tuple(steps.items()),
        accounts,
        sum(each.top_ups for each in found.values()),
    )


# --- the weekly window


class Week(Struct, frozen=True):
    """An account's weekly window: what is used of it, None where nobody knows, and when that was read."""

    period: Period = Period()
    used: Decimal | None = None
    read_at: datetime | None = None


def week_of(account: AccountState, now: datetime) -> Week:
    """How it stands now; what is used of one that has reset since it was read is unknown."""
    base, window = account.usage.base, account.usage.fullest.get(WEEKLY)
    if base is None or base.value is None or window is None:
        return Week(read_at=None if base is None else base.at)
    used = window.used_percent
    if used is None and base.value.is_full(window):
        used = 100.0
    resets_at = own_reset(window, base.at)
    if resets_at is not None and resets_at <= now:
        # it has reset since, and nobody has looked
        return Week(Period(resets_at), read_at=base.at)
    started = None
    if resets_at is not None and window.window_seconds is not None:
        started = resets_at - timedelta(seconds=window.window_seconds)
    return Week(Period(started, resets_at), None if used is None else Decimal(str(used)), base.at)


def rising_steps(
    line: Timeline, since: datetime, used: Decimal, read_at: datetime
) -> tuple[tuple[datetime, Decimal], ...]:
    """How the window filled, from its history since it began; the last step is what is used now."""
    steps: list[tuple[datetime, Decimal]] = []
    for point in line.points:
        percent = None if point.last is None or point.at < since else Decimal(str(point.last))
        if percent is not None and 0 < percent <= used and (not steps or percent > steps[-1][1]):
            steps.append((point.at, percent))
    if used > 0 and (not steps or steps[-1][1] < used):
        steps.append((max(read_at, steps[-1][0]) if steps else read_at, used))
    return tuple(steps)
