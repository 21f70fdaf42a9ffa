"""Rules of alerts: what `when` and `clear` mean, and the rules that are there by default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from poolwatch.domain.alerts import BuiltIn, Rule, Severity
from poolwatch.domain.query.fields import FIELDS, OF_BALANCES, FieldKind
from poolwatch.domain.query.language import parse
from poolwatch.domain.query.tree import And, Compare, Look, NeedsYou, Not, Or, Query, leaves
from poolwatch.domain.values import replace

if TYPE_CHECKING:
    from poolwatch.domain.event_log import EventKind

#: A source is down so long before that is told.
DOWN_FOR: Final = timedelta(minutes=10)
_INFO: Final = (BuiltIn.BANKED_RESET_ENDS,)
#: An alert ends when its figure has gone so many percent points back, or such a share of another figure.
_POINTS: Final = Decimal(5)
_SHARE: Final = Decimal("0.05")

#: Compiled when a rule is first read that may be one.
_EVENT: Final = r"(?i)event:\s*(.*)"
_BUDGET: Final = (
    r"(?i)"
    r'budget:\s*(?:"(?P<quoted>[^"]+)"|(?P<name>.+?))\s*(?P<sign>>=|<)\s*(?P<figure>[0-9]{1,4}(?:\.[0-9]{1,2})?)%?'
)
_BUDGET_BEGINS: Final = "budget:"
ANY_BUDGET: Final = "*"


class ByFilter(Struct, frozen=True):
    """A filter: it begins with `begins`, and goes on while `stays`; `ends` ends it, where given.

    `figure` is the one figure that it compares, if there is one, and `rank` is higher the worse that is.
    """

    begins: Query
    stays: Query
    ends: Query | None = None
    figure: str = ""
    rank: Decimal = Decimal(0)
    #: what it is judged of
    of_accounts: bool = True
    of_balances: bool = False


class OfEvents(Struct, frozen=True):
    """Every logged event of a kind."""

    kind: EventKind


class OfBudgets(Struct, frozen=True):
    """A budget, or every one, of which so many percent are spent."""

    budget: str
    percent: Decimal
    ends_below: Decimal

    def is_of(self, name: str) -> bool:
        """Whether it watches that one."""
        return self.budget in (ANY_BUDGET, name)


Condition: TypeAlias = ByFilter | OfEvents | OfBudgets | BuiltIn


class WatchedRule(Struct, frozen=True):
    """A rule, and what it means."""

    rule: Rule
    condition: Condition


_NONE_SAVED: Final[Mapping[str, Query]] = MappingProxyType({})


@cache
def events() -> Mapping[str, EventKind]:
    """The kinds of events that a rule may wait for, by their words."""
    from poolwatch.domain.event_log import OF_ALERTS, EventKind  # few rules wait for one

    return {kind.value: kind for kind in EventKind if kind not in OF_ALERTS}


def event_of(when: str) -> str | None:
    """What stands behind `event:`, in small letters, whether or not there is such a kind; None without it."""
    found = re.fullmatch(_EVENT, when.strip())
    return None if found is None else found[1].strip().lower()


def is_of_budget(when: str) -> bool:
    """Whether it begins like `budget:NAME>=90`."""
    return when.strip().casefold().startswith(_BUDGET_BEGINS)


def budget_of(when: str, sign: str = ">=") -> tuple[str, Decimal] | None:
    """The name and the percentage of `budget:NAME>=90`, or with another sign; None for anything else."""
    found = re.fullmatch(_BUDGET, when.strip())
    if found is None or found["sign"] != sign:
        return None
    return found["quoted"] or found["name"], Decimal(found["figure"])


def watched(rule: Rule, saved: Mapping[str, Query] = _NONE_SAVED) -> WatchedRule | None:
    """The rule with its meaning; None where it means nothing, which no configuration lets through.

    `saved` are the filters that `@name` stands for.
    """
    if rule.built_in:
        return WatchedRule(rule, BuiltIn(rule.name))
    kind = event_of(rule.when)
    if kind is not None:
        return WatchedRule(rule, OfEvents(events()[kind])) if kind in events() else None
    if is_of_budget(rule.when):
        begins = budget_of(rule.when)
        if begins is None:
            return None
        ends = None if rule.clear is None else budget_of(rule.clear, "<")
        below = end_of(begins[1]) if ends is None else ends[1]
        return WatchedRule(rule, OfBudgets(begins[0], begins[1], below))
    query = parse(rule.when, saved).query
    ends_by = None if rule.clear is None else parse(rule.clear, saved).query
    figure, rank = _figure(query)
    of_accounts, of_balances = judged_of(query if ends_by is None else And((query, ends_by)))
    found = ByFilter(query, relaxed(query), ends_by, figure, rank, of_accounts, of_balances)
    return WatchedRule(rule, found)


def judged_of(query: Query) -> tuple[bool, bool]:
    """Whether a filter is judged of accounts, and whether of balances: of what has all fields that it names.

    Of balances only where it names any: words alone, and `!`, mean accounts.
    """
    found = list(leaves(query))
    fields = {each.field for each in found if isinstance(each, Look | Compare)}
    of_accounts = not any(FIELDS[each].of_balances for each in fields)
    needs_you = any(isinstance(each, NeedsYou) for each in found)
    return of_accounts, bool(fields) and fields <= set(OF_BALANCES) and not needs_you


def end_of(percent: Decimal) -> Decimal:
    """Below this share an alert ends that begins at so many percent of a budget."""
    return max(percent - _POINTS, percent / 2)


def relaxed(query: Query, *, weaker: bool = True) -> Query:
    """The filter with figures that have to go further back: what it lets through goes on, once it began."""
    match query:
        case Compare(field, sign, wanted) if sign != "=":
            slack = _slack(field, sign, wanted)
            down = (sign in (">=", ">")) is weaker
            return Compare(field, sign, wanted - slack if down else wanted + slack)
        case Not(part):
            return Not(relaxed(part, weaker=not weaker))
        case And(parts):
            return And(tuple(relaxed(part, weaker=weaker) for part in parts))
        case Or(parts):
            return Or(tuple(relaxed(part, weaker=weaker) for part in parts))
        case _:
            return query


def _slack(field: str, sign: str, wanted: Decimal) -> Decimal:
    """How far a figure has to go back; never so far that it cannot."""
    if FIELDS[field].kind is not FieldKind.PERCENT:
        return abs(wanted) * _SHARE
    room = wanted if sign in (">=", ">") else abs(100 - wanted)
    return min(_POINTS, room / 2)


def _figure(query: Query) -> tuple[str, Decimal]:
    """The figure that a filter compares, and how bad it is; "" where there is none, or more than one."""
    parts = query.parts if isinstance(query, And) else (query,)
    compared = [each for each in parts if isinstance(each, Compare) and each.sign != "="]
    if len(compared) != 1 or any(isinstance(each, Or | Not) for each in parts):
        return "", Decimal(0)
    is_up = compared[0].sign in (">=", ">")
    rank = compared[0].wanted if is_up else -compared[0].wanted
    return f"{compared[0].field}{'+' if is_up else '-'}", rank


def built_in(name: BuiltIn, channels: tuple[str, ...] = ()) -> Rule:
    """The rule of that name as it is by default."""
    severity = Severity.INFO if name in _INFO else Severity.WARNING
    held_for = DOWN_FOR if name is BuiltIn.SOURCE_DOWN else timedelta(0)
    return Rule(name.value, name.value, held_for, severity=severity, channels=channels, built_in=True)


def all_rules(own: tuple[Rule, ...], channels: tuple[str, ...] = ()) -> tuple[Rule, ...]:
    """The operator's own rules, and those by default whose names are not among them.

    `channels` are for the latter. An own rule without `when` is one by default that is told in another way.
    """
    named = {each.name for each in own}
    theirs = [_as_default(each) if not each.when and each.name in set(BuiltIn) else each for each in own]
    return (*theirs, *(built_in(each, channels) for each in BuiltIn if each.value not in named))


def _as_default(rule: Rule) -> Rule:
    """What the rule by default looks for, told as this one says."""
    default = built_in(BuiltIn(rule.name))
    return replace(rule, when=default.when, held_for=rule.held_for or default.held_for, built_in=True)
