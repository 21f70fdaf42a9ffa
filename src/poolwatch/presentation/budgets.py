"""Budgets as they are shown: how far each has gone, what it comes to, and what it does at its limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.domain.budgets import (
    BudgetPeriod,
    BudgetReport,
    BudgetState,
    Each,
    EndedPeriod,
    Level,
)
from poolwatch.domain.tokens import GroupBy
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.budget_amounts import (
    HUNDRED,
    amount_text,
    brief_amount,
    brief_text,
    fraction_of,
    marks,
    used_text,
)
from poolwatch.presentation.budget_texts import OVER, BudgetTexts
from poolwatch.presentation.figures import UNKNOWN, percent_text
from poolwatch.presentation.masking import shown_group
from poolwatch.presentation.use_texts import is_account_id, outside_text
from poolwatch.presentation.view import Figure, Prefs, Tone
from poolwatch.words import budgets as words
from poolwatch.words import screen, use

_TONES: Final = {
    None: Tone.DIM,
    Level.OK: Tone.PLAIN,
    Level.WARNED: Tone.AMBER,
    Level.LIMIT: Tone.RED,
    Level.GRACE: Tone.RED,
    Level.STOPPED: Tone.RED,
}
#: The strip's column has room for so many cells of a name, and the percentage.
_STRIP_NAME: Final = 17


class BudgetShare(Struct, frozen=True):
    """What one group spent of a budget, in the unit of its limit; `name` None is what nobody tells of."""

    name: str | None
    amount: Decimal


class BudgetDetail(Struct, frozen=True):
    """What is read of the selected budget alone: who spent it, most first, and how it went before."""

    by: GroupBy
    shares: tuple[BudgetShare, ...] = ()
    earlier: tuple[EndedPeriod, ...] = ()


class BudgetRow(Struct, frozen=True):
    """One budget, or the part of one that is somebody's, in final texts."""

    id: str
    #: the budget's own name, for nobody to read
    budget: str
    name: str
    percent: str
    fraction: float | None
    spent: str
    resets: str
    resets_short: str
    state: str
    tone: Tone
    comes: str
    at_limit: str
    measured: str
    about: str
    #: the sentence about it, without its name
    told: str
    #: of a wide screen's foot
    details: tuple[tuple[str, str], ...]

    #: whose part it is, where each account has one
    account_id: str | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """What a filter looks into."""
        return self.name, self.state, self.measured


class BudgetsView(Struct, frozen=True):
    """All of them. `zone` is where their days begin, where all say the same; "" for the machine's."""

    counts: str
    rows: tuple[BudgetRow, ...]
    total: int
    zone: str = ""


def budget_id(state: BudgetState) -> str:
    """What tells a row from all others."""
    return row_id(state.budget.name, state.whose)


def row_id(budget: str, whose: str | None) -> str:
    """The same by the budget's name, and whose part of it that is."""
    return budget if whose is None else f"{budget}\n{whose}"


def budgets_view(
    report: BudgetReport | None,
    names: AccountNames,
    now: datetime,
    prefs: Prefs,
    keeps: Callable[[BudgetRow], bool] = lambda _: True,
) -> BudgetsView:
    """What is told of a report; `keeps` are the rows that a filter lets through."""
    states = report.budgets if report is not None else ()
    rows = [budget_row(state, names, now, prefs) for state in states]
    shown = tuple(row for row in rows if keeps(row))
    over = sum(state.level in OVER for state in states)
    warned = sum(state.level is Level.WARNED for state in states)
    zones = {state.budget.time_zone or "" for state in states}
    return BudgetsView(
        words.counted(len(states), over, warned) if states else "",
        shown,
        len(rows),
        zones.pop() if len(zones) == 1 else "",
    )


def budget_row(state: BudgetState, names: AccountNames, now: datetime, prefs: Prefs) -> BudgetRow:
    """One of them."""
    text = BudgetTexts(state, names, now, prefs)
    return BudgetRow(
        id=budget_id(state),
        budget=state.budget.name,
        name=text.name,
        percent=used_text(state),
        fraction=fraction_of(state),
        spent=text.spent,
        resets=text.resets(),
        resets_short=text.reset_day,
        state=text.level(),
        tone=_TONES[state.level],
        comes=text.comes(),
        at_limit=text.at_limit(),
        measured=text.measured(),
        about=text.about(),
        told=text.told(),
        details=text.details(),
        account_id=state.whose if state.divided_by is Each.ACCOUNT else None,
    )


def warned_details(
    state: BudgetState, sent: Mapping[Decimal, str], names: AccountNames, now: datetime, prefs: Prefs
) -> tuple[tuple[str, str], ...]:
    """A row's details, with what became of the notices of warnings (`deliveries: warnings_sent`)."""
    return BudgetTexts(state, names, now, prefs).details(sent)


def detail_lines(
    detail: BudgetDetail, state: BudgetState, names: AccountNames, now: datetime, prefs: Prefs, most: int = 3
) -> tuple[tuple[str, str], ...]:
    """Who spent it, and how it went before; of many the first ones and what the others come to."""
    unit = state.budget.limit.unit
    told = [
        words.by_whom(_share_name(detail.by, each.name, names), amount_text(unit, each.amount))
        for each in detail.shares[:most]
    ]
    rest = detail.shares[most:]
    if rest:
        total = sum((each.amount for each in rest), Decimal(0))
        told.append(words.others(len(rest), amount_text(unit, total)))
    lines = [(words.BY(), " · ".join(told) or words.NO_SHARES())]
    earlier = [_earlier(each, state, now, prefs) for each in detail.earlier[:most]]
    if earlier:
        lines.append((words.EARLIER(), "   ".join(earlier)))
    return tuple(lines)


def _earlier(period: EndedPeriod, state: BudgetState, now: datetime, prefs: Prefs) -> str:
    """`Sep $300.00 of $300, stopped 28 Sep–1 Oct`."""
    spent, name = UNKNOWN, _period_name(period, state, prefs)
    how = ""
    if period.spent is not None:
        uncertain = ("≥ " if period.at_least else "") + ("~" if period.estimated else "")
        spent = f"{uncertain}{amount_text(period.limit.unit, period.spent)}"
        how = percent_text(float(period.spent / period.limit.amount * HUNDRED))
    if period.stopped_at is not None:
        days = (figures.day(each, now, prefs.zone) for each in (period.stopped_at, period.ended_at))
        how = words.stopped_from(*days)
    return words.earlier(name, spent, brief_text(period.limit), how)


def strip_budgets(
    report: BudgetReport | None, names: AccountNames, now: datetime, prefs: Prefs
) -> Figure | None:
    """The budget that is nearest to its limit, for the strip; None where there is none."""
    if report is None or not report.budgets:
        return None
    state = max(report.budgets, key=_nearness)
    text = BudgetTexts(state, names, now, prefs)
    spent = brief_amount(state.budget.limit.unit, state.measured.spent)
    of = words.of_limit(f"{marks(state)}{spent}", brief_text(state.budget.limit))
    known = state.measured.spent is not None
    until = words.resets_soon(text.time_left) if text.time_left else ""
    word = "" if state.level in (None, Level.OK, Level.WARNED) else text.level()
    detail = ", ".join(part for part in (word, of, until) if part) if known else words.UNKNOWN()
    short = ", ".join(part for part in (word, of) if part) if known else words.UNKNOWN()
    name = figures.fit(text.name, _STRIP_NAME)
    return Figure(words.STRIP(), f"{name} {used_text(state)}", detail, _TONES[state.level], short)


def _nearness(state: BudgetState) -> tuple[bool, Decimal]:
    """What stops comes first, then how much of the limit was used; what is unknown last."""
    used = state.used_percent
    return state.level is Level.STOPPED, Decimal(-1) if used is None else used


def _share_name(by: GroupBy, name: str | None, names: AccountNames) -> str:
    if name is None:
        return use.NO_GROUP() if by is GroupBy.GROUP else use.UNASSIGNED()
    match by:
        case GroupBy.ACCOUNT if is_account_id(name):
            return names.label(name)
        case GroupBy.GROUP:
            return shown_group(name, mask=names.mask)
        case _:
            return outside_text(by, name, mask=names.mask)


def _period_name(period: EndedPeriod, state: BudgetState, prefs: Prefs) -> str:
    """The month, or the day on which it began."""
    there = figures.local_time(period.started_at, prefs.zone)
    if state.budget.period is BudgetPeriod.MONTHLY and there.day == 1:
        return screen.month(there)
    return f"{there.day} {screen.month(there)}"
