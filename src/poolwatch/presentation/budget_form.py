"""The form of a budget: what is typed and chosen, what is wrong with it, and what it would come to."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.budgets import (
    DAYS,
    AtLimit,
    Budget,
    BudgetPeriod,
    BudgetReport,
    BudgetState,
    Each,
    Limit,
    LimitUnit,
    grace_of,
    limit_of,
    limit_text,
    percents_of,
    start_day_of,
)
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.query.fields import FIELDS, Among
from poolwatch.domain.query.language import parse
from poolwatch.domain.query.tree import Compare, Look, leaves
from poolwatch.domain.text import shell_word
from poolwatch.domain.tokens import GroupBy
from poolwatch.domain.values import replace
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.budget_amounts import (
    amount_text,
    brief_text,
    estimate_text,
    grace_text,
    used_text,
)
from poolwatch.presentation.budget_texts import OVER
from poolwatch.presentation.budgets import budget_row
from poolwatch.presentation.filter import matching
from poolwatch.presentation.filter import typed as filter_typed
from poolwatch.presentation.use_filter import operations_kept
from poolwatch.presentation.use_texts import outside_text
from poolwatch.presentation.view import Prefs, Span, Tone
from poolwatch.words import budgets as words
from poolwatch.words.query import fault_text, foreign


class FormField(StrEnum):
    """The rows of the form, top to bottom; those of the file have its key."""

    NAME = "name"
    FILTER = "filter"
    UNIT = "unit"
    LIMIT = "limit"
    EACH = "each"
    PERIOD = "period"
    STARTS_ON = "starts_on"
    TIME_ZONE = "time_zone"
    WARN_AT = "warn_at"
    AT_LIMIT = "at_limit"
    GRACE = "grace"


#: What is chosen, and not typed; "" is that nobody has one of their own.
CHOICES: Final[Mapping[FormField, tuple[str, ...]]] = {
    FormField.UNIT: tuple(LimitUnit),
    FormField.EACH: ("", *Each),
    FormField.PERIOD: tuple(BudgetPeriod),
    FormField.AT_LIMIT: tuple(AtLimit),
}
_FIELDS: Final = tuple(FormField)
_NUMBER: Final = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?", re.ASCII)
_LONGEST_NAME: Final = 64
#: What a new one is called, and its limit: ten dollars a month.
_NEW_NAME: Final = "monthly"
_NEW: Final = Budget(_NEW_NAME, Limit(LimitUnit.USD, Decimal(10)), BudgetPeriod.MONTHLY)


class BudgetForm(Struct, frozen=True):
    """All values as texts; `before` is the budget that is changed, None for a new one.

    `taken` are the names of all others.
    """

    values: Mapping[FormField, str]
    field: FormField
    before: Budget | None = None
    taken: frozenset[str] = frozenset()

    @property
    def is_typed(self) -> bool:
        """Whether a value is typed into the row, and not chosen."""
        return self.field not in CHOICES

    @property
    def text(self) -> str:
        """The value of the row."""
        return self.values[self.field]


def form_of(budget: Budget | None, taken: Collection[str]) -> BudgetForm:
    """The form of a budget, or of a new one, which is proposed; `taken`: the names of all that there are."""
    others = frozenset(taken) - ({budget.name} if budget is not None else set())
    shown = budget
    if shown is None:
        names = (f"{_NEW_NAME} {nth}" for nth in range(2, len(others) + 3))
        name = _NEW_NAME if _NEW_NAME not in others else next(each for each in names if each not in others)
        shown = replace(_NEW, name=name)
    return BudgetForm(texts_of(shown), FormField.LIMIT, budget, others)


def texts_of(budget: Budget) -> dict[FormField, str]:
    """Every value of a budget as it is typed; "" for what is not set."""
    return {
        FormField.NAME: budget.name,
        FormField.FILTER: budget.filter or "",
        FormField.UNIT: budget.limit.unit.value,
        FormField.LIMIT: limit_text(budget.limit),
        FormField.EACH: budget.each.value if budget.each is not None else "",
        FormField.PERIOD: budget.period.value,
        FormField.STARTS_ON: _starts_text(budget),
        FormField.TIME_ZONE: budget.time_zone or "",
        FormField.WARN_AT: ", ".join(f"{each.normalize():f}" for each in budget.warn_at),
        FormField.AT_LIMIT: budget.at_limit.value,
        FormField.GRACE: grace_text(budget.grace) if budget.grace is not None else "",
    }


def _starts_text(budget: Budget) -> str:
    if budget.starts_on is None:
        return ""
    return DAYS[budget.starts_on - 1] if budget.period is BudgetPeriod.WEEKLY else str(budget.starts_on)


# --- what keys do


def moved(form: BudgetForm, step: int) -> BudgetForm:
    """The next row, or the one before; round the ends."""
    at = (_FIELDS.index(form.field) + step) % len(_FIELDS)
    return replace(form, field=_FIELDS[at])


def typed(form: BudgetForm, text: str) -> BudgetForm:
    """Another text in the row; a limit that says its unit chooses that."""
    values = {**form.values, form.field: text}
    if form.field is FormField.LIMIT:
        limit = limit_of(text)
        if limit is not None:
            values[FormField.UNIT] = limit.unit.value
    return replace(form, values=values)


def chosen(form: BudgetForm, step: int) -> BudgetForm:
    """The next choice of the row, or the one before; what another row then cannot hold goes."""
    if form.field not in CHOICES:
        return form
    choices = CHOICES[form.field]
    at = choices.index(form.text) + step
    if not 0 <= at < len(choices):
        return form
    values = {**form.values, form.field: choices[at]}
    if form.field is FormField.UNIT:
        number = _NUMBER.search(values[FormField.LIMIT])
        values[FormField.LIMIT] = _with_unit(number[0] if number else "", LimitUnit(choices[at]))
    if form.field is FormField.PERIOD:
        # a day of the week is none of a month
        values[FormField.STARTS_ON] = ""
    if form.field is FormField.AT_LIMIT and choices[at] == AtLimit.WARN:
        values[FormField.GRACE] = ""
    return replace(form, values=values)


def _with_unit(number: str, unit: LimitUnit) -> str:
    match unit:
        case LimitUnit.USD:
            return f"${number}"
        case LimitUnit.CREDITS:
            return f"{number} credits".strip()
        case LimitUnit.TOKENS:
            return f"{number} tokens".strip()
        case LimitUnit.PERCENT:
            return f"{number}%"


# --- what is typed, read


def mistakes(form: BudgetForm) -> dict[FormField, str]:
    """What is wrong, each beside its row; what only the configuration knows is not told here."""
    values, found = form.values, dict[FormField, str]()
    name = values[FormField.NAME].strip()
    if not name:
        found[FormField.NAME] = words.NO_NAME()
    elif len(name) > _LONGEST_NAME:
        found[FormField.NAME] = words.NAME_TOO_LONG()
    elif name in form.taken:
        found[FormField.NAME] = words.TAKEN()
    if wrong := _wrong_filter(values[FormField.FILTER]):
        found[FormField.FILTER] = wrong
    if _limit(form) is None:
        found[FormField.LIMIT] = words.NOT_LIMIT()
    period = BudgetPeriod(values[FormField.PERIOD])
    if values[FormField.STARTS_ON].strip() and _starts_on(form) is None:
        found[FormField.STARTS_ON] = {
            BudgetPeriod.WEEKLY: words.NOT_STARTS_WEEKLY,
            BudgetPeriod.MONTHLY: words.NOT_STARTS_MONTHLY,
        }.get(period, words.NOT_STARTS)()
    if _warn_at(form) is None:
        found[FormField.WARN_AT] = words.NOT_PERCENTS()
    grace = values[FormField.GRACE].strip()
    if grace and grace_of(grace) is None:
        found[FormField.GRACE] = words.NOT_GRACE()
    elif grace and values[FormField.AT_LIMIT] != AtLimit.STOP:
        found[FormField.GRACE] = words.GRACE_OF_WHAT()
    return found


def _wrong_filter(text: str) -> str:
    """What is wrong with a filter of use; "" where nothing is."""
    parsed = parse(text)
    if parsed.faults:
        return fault_text(parsed.faults[0], Among.USE)
    fields = (each.field for each in leaves(parsed.query) if isinstance(each, Look | Compare))
    return next((foreign(each, Among.USE) for each in fields if each not in Among.USE.fields), "")


def budget_of(form: BudgetForm) -> Budget | None:
    """The budget as it would be; None where something is wrong."""
    limit, warn_at, values = _limit(form), _warn_at(form), form.values
    if mistakes(form) or limit is None or warn_at is None:
        return None
    grace, each = values[FormField.GRACE].strip(), values[FormField.EACH]
    return Budget(
        values[FormField.NAME].strip(),
        limit,
        BudgetPeriod(values[FormField.PERIOD]),
        values[FormField.FILTER].strip() or None,
        _starts_on(form),
        values[FormField.TIME_ZONE].strip() or None,
        Each(each) if each else None,
        warn_at,
        grace_of(grace) if grace else None,
        AtLimit(values[FormField.AT_LIMIT]),
    )


def _limit(form: BudgetForm) -> Limit | None:
    """A number alone is in the unit that is chosen."""
    text = form.values[FormField.LIMIT].strip()
    return limit_of(text) or limit_of(_with_unit(text, LimitUnit(form.values[FormField.UNIT])))


def _starts_on(form: BudgetForm) -> int | None:
    found = start_day_of(form.values[FormField.STARTS_ON])
    return found[1] if found is not None and found[0] == form.values[FormField.PERIOD] else None


def _warn_at(form: BudgetForm) -> tuple[Decimal, ...] | None:
    return percents_of(form.values[FormField.WARN_AT])


def assigned(form: BudgetForm, budget: Budget) -> dict[str, str]:
    """What the file has to say of it: each key that is not as before, as it is typed; "" takes it out.

    Of a new one all that is not so anyway.
    """
    former = texts_of(form.before if form.before is not None else replace(_NEW, name=""))
    if form.before is None:
        former[FormField.LIMIT] = former[FormField.PERIOD] = ""
    now = texts_of(budget)
    # without any the usual ones would hold
    now[FormField.WARN_AT] = now[FormField.WARN_AT] or "[]"
    return {
        each.value: now[each]
        for each in FormField
        if each is not FormField.UNIT and now[each] != former[each]
    }


def command(form: BudgetForm, budget: Budget) -> str:
    """The same as a command, without the program's name; "" where nothing is changed."""
    found = assigned(form, budget)
    if not found:
        return ""
    if form.before is None:
        del found[FormField.NAME]
    pairs = " ".join(f"{key}={shell_word(value)}" if value else f"{key}=" for key, value in found.items())
    verb, name = ("add", budget.name) if form.before is None else ("set", form.before.name)
    return f"budgets {verb} {shell_word(name)} {pairs}".rstrip()


def proposed() -> str:
    """The command that adds what a new form proposes."""
    return command(form_of(None, ()), _NEW)


# --- what is shown


class FormRow(Struct, frozen=True):
    """One row: a text, or choices of which one is chosen; what stands beside it at the right."""

    #: None of one that only tells something
    field: FormField | None
    label: str
    text: str = ""
    #: what it was before, where that is something else
    former: str = ""
    #: said in place of an empty text
    empty: str = ""
    choices: tuple[str, ...] = ()
    chosen: int = 0
    beside: Span = Span("")


def form_rows(
    form: BudgetForm, wrong: Mapping[FormField, str], beside: Mapping[FormField, Span]
) -> tuple[FormRow, ...]:
    """The rows. `wrong`: mistakes; `beside`: what is known of a row, told where nothing is wrong."""
    former = texts_of(form.before) if form.before is not None else form.values
    period = BudgetPeriod(form.values[FormField.PERIOD])
    rows = []
    for each in FormField:
        told = Span(wrong[each], Tone.AMBER) if each in wrong else beside.get(each, Span(""))
        if not told.text and each is form.field and form.text:
            told = Span(words.hint(each), Tone.DIM)
        label, value = words.field(each), form.values[each]
        if each in CHOICES:
            options = CHOICES[each]
            shown = tuple(_choice(each, option) for option in options)
            rows.append(FormRow(each, label, choices=shown, chosen=options.index(value), beside=told))
        else:
            before = former[each] if former[each] != value else ""
            rows.append(FormRow(each, label, value, before, words.empty(each, period), beside=told))
    return tuple(rows)


def operations_row(form: BudgetForm, operations: Sequence[str], prefs: Prefs) -> FormRow:
    """For which operations it is measured; `operations` are all that are known."""
    query = filter_typed(form.values[FormField.FILTER], prefs.filters).query
    is_all = not any(isinstance(each, Look) and each.field == GroupBy.OPERATION for each in leaves(query))
    kept = operations_kept(query, operations)
    names = [outside_text(GroupBy.OPERATION, each, mask=prefs.mask) for each in kept]
    return FormRow(None, words.MEASURED_FOR(), empty=words.operations(names, is_all=is_all))


def hint_of(form: BudgetForm) -> str:
    """What stands in the row that is typed into while it is empty: what can be typed, or what that means."""
    period = BudgetPeriod(form.values[FormField.PERIOD])
    return words.hint(form.field) or words.empty(form.field, period)


def _choice(field: FormField, option: str) -> str:
    match field:
        case FormField.UNIT:
            return words.unit(LimitUnit(option))
        case FormField.EACH:
            return words.each(Each(option) if option else None)
        case FormField.PERIOD:
            return words.period(BudgetPeriod(option))
        case _:
            return words.at_limit(AtLimit(option))


def preview(
    budget: Budget, report: BudgetReport | None, names: AccountNames, now: datetime, prefs: Prefs
) -> Span:
    """`With $450: 61% used; $400 (372–431) by 1 Dec, so it should last.` `report` None: not counted yet."""
    limit = brief_text(budget.limit)
    if report is None:
        return Span(words.COUNTING(), Tone.DIM)
    known = [state for state in report.budgets if state.used_percent is not None]
    if not known:
        return Span(words.NOT_KNOWN_WITH() if report.budgets else words.NOTHING_THERE(), Tone.DIM)
    state = max(known, key=lambda each: each.used_percent or Decimal(0))
    row = budget_row(state, names, now, prefs)
    if state.whose is not None:
        return Span(words.with_each(limit, row.name.partition(": ")[2], used_text(state)), row.tone)
    return Span(words.with_limit(limit, used_text(state), _comes(state, now, prefs)), row.tone)


def _comes(state: BudgetState, now: datetime, prefs: Prefs) -> str:
    forecast, end = state.forecast, state.period.resets_at
    if state.level in OVER:
        return words.IS_OVER()
    if forecast is None or end is None:
        return words.TOO_EARLY()
    amount, limit = estimate_text(state.budget.limit.unit, forecast), state.budget.limit.amount
    day = figures.day(end, now, prefs.zone)
    if forecast.low >= limit:
        return words.will_be_over(amount, day)
    if forecast.median >= limit:
        return words.likely_goes_over(amount, day)
    return (words.may_be_over if forecast.high >= limit else words.should_last)(amount, day)


def filter_told(form: BudgetForm, overview: PoolOverview, report: BudgetReport | None, prefs: Prefs) -> Span:
    """How many accounts the filter finds; of one that looks into use, what it finds in this period so far."""
    text = form.values[FormField.FILTER]
    parsed = filter_typed(text, prefs.filters)
    if parsed.faults:
        return Span("")
    if all(isinstance(each, Look) and not FIELDS[each.field].of_usage for each in leaves(parsed.query)):
        count = len(matching(overview, text, prefs))
        return Span(words.accounts_match(count), Tone.DIM if count else Tone.AMBER)
    known = [each.measured.spent for each in report.budgets] if report is not None else []
    if report is None or None in known:
        return Span("")
    spent = sum((each for each in known if each is not None), Decimal(0))
    if not spent:
        return Span(words.NOTHING_THERE(), Tone.AMBER)
    return Span(words.so_far(amount_text(LimitUnit(form.values[FormField.UNIT]), spent)), Tone.DIM)


def resets_told(report: BudgetReport | None, now: datetime, prefs: Prefs) -> Span:
    """`next reset Tue 1 Dec 00:00`; nothing where it never does, or is not known yet."""
    resets = [state.period.resets_at for state in report.budgets] if report is not None else []
    ahead = [each for each in resets if each is not None and each > now]
    if not ahead:
        return Span("")
    at = min(ahead)
    time = f"{figures.local_time(at, prefs.zone):%H:%M}"
    return Span(words.next_reset(f"{figures.weekday_and_day(at, now, prefs.zone)} {time}"), Tone.DIM)
