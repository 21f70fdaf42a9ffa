"""`[[budgets]]` of the file: what may be spent in a period, and on what."""

# no `annotations` from __future__: the tables are read from them
from decimal import Decimal
from typing import Annotated, Final

from msgspec import Struct

from poolwatch.config import values
from poolwatch.config.layers import Layers, dotted
from poolwatch.config.values import Raw, Row, Wrong, nearest, printable, quoted, rows_of
from poolwatch.domain.budgets import (
    AtLimit,
    Budget,
    BudgetPeriod,
    Each,
    Grace,
    Limit,
    LimitUnit,
    grace_of,
    limit_of,
    percents_of,
    start_day_of,
)
from poolwatch.words.catalogue import mark
from poolwatch.words.config import said


def _limit(raw: Raw) -> Limit | Wrong:
    found = limit_of(raw.value) if isinstance(raw.value, str) else None
    return Wrong(said("not_limit", value=quoted(raw.value))) if found is None else found


def _grace(raw: Raw) -> Grace | Wrong:
    found = grace_of(raw.value) if isinstance(raw.value, str) else None
    return Wrong(said("not_grace", value=quoted(raw.value))) if found is None else found


def _percents(raw: Raw) -> tuple[Decimal, ...] | Wrong:
    given = raw.value
    if isinstance(given, list) and all(_is_number(each) for each in given):
        given = ",".join(f"{each:f}" if isinstance(each, Decimal) else str(each) for each in given)
    elif not raw.loose:
        given = None
    found = percents_of(given) if isinstance(given, str) else None
    return Wrong(said("not_percents", value=quoted(raw.value))) if found is None else found


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _starts_on(raw: Raw) -> int | Wrong:
    """A day of the week is below 0 until the period says that it is one: Monday is -1."""
    value = raw.value
    is_number = isinstance(value, int) and not isinstance(value, bool)
    found = start_day_of(str(value)) if is_number or isinstance(value, str) else None
    # in the file a day of the month is a number
    if found is None or (found[0] is BudgetPeriod.MONTHLY and not (is_number or raw.loose)):
        return Wrong(said("not_starts_on", value=quoted(value)))
    period, day = found
    return -day if period is BudgetPeriod.WEEKLY else day


class BudgetSettings(Struct, frozen=True):
    """One budget of the file; `starts_on` as it is written there."""

    name: Annotated[str, Row(values.line(64), mark("what it is called"))]
    limit: Annotated[
        Limit, Row(_limit, mark('"$10", "250 credits", "5M tokens", or "80%" of the weekly window'))
    ]
    filter: Annotated[str | None, Row(values.use_filter, mark("whose usage, or which; unset: all"))] = None
    period: Annotated[
        str,
        Row(values.one_of([each.value for each in BudgetPeriod]), mark("daily, weekly, monthly or never")),
    ] = BudgetPeriod.MONTHLY.value
    starts_on: Annotated[
        int | None,
        Row(_starts_on, mark('a day like "friday", or of the month, 31 is its last; unset: Monday, the 1st')),
    ] = None
    time_zone: Annotated[
        str | None, Row(values.time_zone, mark("where its days begin; unset: where poolwatch runs"))
    ] = None
    each: Annotated[
        str | None,
        Row(
            values.one_of([each.value for each in Each]), mark("account, group or user: each has that limit")
        ),
    ] = None
    warn_at: Annotated[
        tuple[Decimal, ...], Row(_percents, mark("percentages of the limit that are told"))
    ] = (Decimal(75), Decimal(90))
    grace: Annotated[
        Grace | None, Row(_grace, mark('how far beyond its limit it does not stop yet: "10%" or "2h"'))
    ] = None
    at_limit: Annotated[
        str,
        Row(
            values.one_of([each.value for each in AtLimit]),
            mark('"stop": `check`, `run` and whoever asks are told to stop'),
        ),
    ] = AtLimit.WARN.value

    @property
    def budget(self) -> Budget:
        """As budgets are judged."""
        return Budget(
            self.name,
            self.limit,
            BudgetPeriod(self.period),
            self.filter,
            None if self.starts_on is None else abs(self.starts_on),
            self.time_zone,
            None if self.each is None else Each(self.each),
            self.warn_at,
            self.grace,
            AtLimit(self.at_limit),
        )


BUDGET_ROWS: Final = rows_of(BudgetSettings)


def check_budget(layers: Layers, index: int, budget: BudgetSettings) -> None:
    """Whether the keys of one budget go together."""
    prefix = dotted("budgets", index)
    starts, period = budget.starts_on, budget.period
    if starts is not None and period != (
        BudgetPeriod.WEEKLY.value if starts < 0 else BudgetPeriod.MONTHLY.value
    ):
        layers.in_file(said("starts_on_what", table=prefix), "budgets", index, "starts_on")
    if budget.limit.unit is LimitUnit.PERCENT and (
        budget.each not in (None, Each.ACCOUNT.value)
        or period != BudgetPeriod.WEEKLY.value
        or starts is not None
        or budget.time_zone is not None
    ):
        layers.in_file(said("percent_of_whom", table=prefix), "budgets", index, "limit")
    if budget.grace is not None and budget.at_limit != AtLimit.STOP.value:
        layers.in_file(said("grace_of_what", table=prefix), "budgets", index, "grace")


def check_filter(layers: Layers, index: int, budget: BudgetSettings, saved: object) -> None:
    """Whether the filter of a budget chooses use by what no reading changes; saved ones are there."""
    if budget.filter is None:
        return
    # few have one
    from poolwatch.domain.query.fields import FIELDS, Among
    from poolwatch.domain.query.language import SAVED, foreign, parse
    from poolwatch.domain.query.tree import Look, Word, leaves

    known = saved if isinstance(saved, dict) else {}
    texts = {name.casefold(): text for name, text in known.items() if isinstance(text, str)}
    query = parse(budget.filter, {name: parse(text).query for name, text in texts.items()}).query
    prefix, field = dotted("budgets", index), foreign(query, Among.USE)
    why, near = "" if field is None else said("filter_of_readings", table=prefix, name=field), None
    for leaf in leaves(query):
        if isinstance(leaf, Word) and leaf.text.startswith(SAVED):
            why = said("no_saved_filter", table=prefix, name=printable(leaf.text))
            near = nearest(leaf.text, [SAVED + name for name in texts])
        elif (
            isinstance(leaf, Look) and FIELDS[leaf.field].of_usage and budget.limit.unit is LimitUnit.PERCENT
        ):
            why = said("filter_of_usage", table=prefix, name=leaf.field)
    if why:
        layers.in_file(why, "budgets", index, "filter", suggestion=near)
