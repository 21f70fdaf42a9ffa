"""A look at balances of services for the rules of alerts: what holds, what does not, what nobody can tell.

What is unknown or old says nothing; it is never 0. Amounts of two units are never compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Final

from poolwatch.domain.alert_findings import RuleFinding, Truth
from poolwatch.domain.alert_rules import ByFilter, WatchedRule
from poolwatch.domain.alerts import BuiltIn, Subject, SubjectKind
from poolwatch.domain.balances import BalanceLevel, BalanceState, balance_id
from poolwatch.domain.message import Message, message
from poolwatch.domain.query.tree import Compare, Leaf, Look, compares, foreseen, leaves, lets
from poolwatch.domain.values import replace
from poolwatch.presentation.alert_look import LOW, LOW_NO_MORE, WITHOUT_EFFECT, Moment, Needed, truth_of
from poolwatch.presentation.balance_filter import BalanceSubject
from poolwatch.presentation.balances import amount_left, amount_text

#: What these fields tell is known only as long as the reading is not old.
_OF_READING: Final = ("level", "unit")


def watches_balances(rule: WatchedRule) -> bool:
    """Whether a rule is about balances as well."""
    condition = rule.condition
    if isinstance(condition, ByFilter):
        return condition.of_balances
    return condition is BuiltIn.CREDITS_LOW


def found_of_balances(
    rules: Sequence[WatchedRule], moment: Moment, needed: Needed, first: Collection[str] = ()
) -> list[RuleFinding]:
    """What holds of each balance, and what is needed besides.

    `first` are rules that are looked at for the first time: what does not hold is no finding.
    """
    found = []
    watched = [each for each in rules if watches_balances(each)]
    prefs = replace(moment.prefs, mask=False)
    for state in moment.state.balances.values() if watched else ():
        subject = BalanceSubject(state, moment.now, prefs)
        about = Subject(SubjectKind.BALANCE, state.name)
        for each in watched:
            rule, condition = each.rule, each.condition
            made = (
                _by_filter(rule.name, rule.when, condition, subject, about)
                if isinstance(condition, ByFilter)
                else _after_top_up(rule.name, subject, about, moment)
            )
            if made is None or (rule.name in first and made.truth in WITHOUT_EFFECT):
                continue
            if made.truth is Truth.HOLDS or needed(rule.name, about):
                found.append(made)
    return found


def _by_filter(
    rule: str, when: str, condition: ByFilter, subject: BalanceSubject, about: Subject
) -> RuleFinding:
    answer = partial(_answer, subject)
    truth = truth_of(condition, foreseen(condition.begins, answer), answer)
    cause = _cause(subject, leaves(condition.begins)) or message("alerts.matches", when=when)
    return RuleFinding(rule, about, truth, about.id, _window(subject.state), cause)


def _answer(subject: BalanceSubject, leaf: Leaf) -> bool | None:
    """Whether this is found in the balance; None where nobody knows, or what is known is old."""
    match leaf:
        case Compare(field):
            figure = None if subject.is_old else subject.figure(field)
            return None if figure is None else compares(leaf, figure)
        case Look("level") if subject.is_old or subject.state.level is BalanceLevel.UNKNOWN:
            # that nobody knows can be asked for
            is_asked = BalanceLevel.UNKNOWN.value.startswith(leaf.wanted)
            return True if is_asked else None
        case Look("unit") if subject.state.balance is None:
            return None
        case Look("stale") if subject.state.read_at is None:
            return None
        case _:
            return lets(leaf, subject)


def _cause(subject: BalanceSubject, found: Iterable[Leaf]) -> Message | None:
    """What is left, where the filter asks for that; else why it could not be read."""
    asked = list(found)
    about_left = any(isinstance(each, Compare) or _is_look(each, _OF_READING) for each in asked)
    state = subject.state
    if about_left and not subject.is_old and state.balance is not None:
        return message("alerts.balance_left", left=amount_left(state.balance))
    if state.trouble is not None and any(_is_look(each, ("trouble",)) for each in asked):
        return state.trouble.as_message
    return None


def _is_look(leaf: Leaf, fields: Collection[str]) -> bool:
    return isinstance(leaf, Look) and leaf.field in fields


def _window(state: BalanceState) -> str | None:
    """Our own id of the time from one filling up to the next, where that goes by the calendar."""
    resets, read_at = state.terms.resets, state.read_at
    if resets is None or read_at is None:
        return None
    return f"balance/{resets.following(read_at):%Y-%m-%dT%H:%MZ}"


def _after_top_up(rule: str, subject: BalanceSubject, about: Subject, moment: Moment) -> RuleFinding | None:
    """Whether less is left than a tenth of what was bought or granted last."""
    balance = subject.state.balance
    came = None if balance is None else moment.top_ups.get(balance_id(about.id, balance.unit))
    if balance is None or came is None:
        return None
    finding = partial(RuleFinding, rule, about, label=about.id)
    if balance.unlimited:
        return finding(Truth.OVER)
    if balance.remaining is None or subject.is_old:
        return finding(Truth.UNKNOWN)
    if balance.remaining >= came * LOW_NO_MORE:
        return finding(Truth.OVER)
    left, top_up = amount_text(balance.remaining, balance.unit), amount_text(came, balance.unit)
    cause = message("alerts.balance_low", left=left, top_up=top_up)
    return finding(Truth.HOLDS if balance.remaining < came * LOW else Truth.STAYS, cause=cause)
