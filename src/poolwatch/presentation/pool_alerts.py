"""A look at sources, budgets and the pool for the rules of alerts; events as rules tell them; the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from poolwatch.domain.alert_findings import EventSeen, RuleFinding, Truth
from poolwatch.domain.alert_rules import OfBudgets, WatchedRule, end_of
from poolwatch.domain.alerts import AlertBoard, BuiltIn, Subject, SubjectKind
from poolwatch.domain.budgets import BudgetReport, BudgetState, LimitUnit, MeasuredBy
from poolwatch.domain.check import is_old
from poolwatch.domain.event_log import EventKind, LoggedEvent, Unit
from poolwatch.domain.message import Message, message
from poolwatch.domain.outlook import PoolOutlook, Verdict, is_recent
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.pool_simulation import MAY_RUN_DRY
from poolwatch.domain.status import Section
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY
from poolwatch.presentation import figures
from poolwatch.presentation.alert_look import Moment
from poolwatch.presentation.balances import bare_amount
from poolwatch.presentation.masking import shown_name

_HUNDRED: Final = Decimal(100)
#: The chance that the pool runs dry has to fall so far below what begins the alert.
_LESS_LIKELY: Final = 0.05
#: A line of the summary names so many accounts.
_NAMED: Final = 12
_UNITS: Final[Mapping[LimitUnit, str]] = {
    LimitUnit.USD: "alerts.usd",
    LimitUnit.CREDITS: "alerts.credits",
    LimitUnit.TOKENS: "alerts.tokens",
    LimitUnit.PERCENT: "alerts.percent",
}
_WORDED: Final = (LimitUnit.CREDITS, LimitUnit.TOKENS)
_POOL: Final = Subject(SubjectKind.POOL)


def found_of_sources(moment: Moment) -> list[RuleFinding]:
    """Of every source whether it answers."""
    found = []
    for name, source in moment.state.sources.items():
        about = Subject(SubjectKind.SOURCE, name)
        if source.failure is None:
            found.append(RuleFinding(BuiltIn.SOURCE_DOWN, about, Truth.OVER, name))
        else:
            why = message("alerts.source_down", why=source.failure.as_message)
            # that it went down is an event already
            found.append(RuleFinding(BuiltIn.SOURCE_DOWN, about, Truth.HOLDS, name, cause=why, is_told=True))
    return found


def found_of_pool(outlook: PoolOutlook | None, now: datetime) -> RuleFinding:
    """Whether the pool may run dry; unknown where nothing recent is foretold."""
    if outlook is None or not is_recent(outlook.made_at, now) or outlook.verdict is Verdict.UNKNOWN:
        return RuleFinding(BuiltIn.RUNS_DRY, _POOL, Truth.UNKNOWN)
    chance = outlook.dry_probability or 0.0
    if outlook.verdict is Verdict.LASTS:
        is_near = chance > MAY_RUN_DRY - _LESS_LIKELY
        return RuleFinding(BuiltIn.RUNS_DRY, _POOL, Truth.STAYS if is_near else Truth.OVER)
    cause = message("alerts.may_run_dry", percent=figures.percent_text(chance * 100))
    if outlook.verdict is Verdict.DRY:
        cause = message("alerts.dry")
    return RuleFinding(BuiltIn.RUNS_DRY, _POOL, Truth.HOLDS, cause=cause)


def found_of_budgets(
    rules: Sequence[WatchedRule], report: BudgetReport, moment: Moment
) -> tuple[list[RuleFinding], frozenset[Subject]]:
    """Of every budget, or part of one, how far it is for each rule that watches it; and all there are."""
    found: list[RuleFinding] = []
    subjects: set[Subject] = set()
    for state in report.budgets:
        about = Subject(SubjectKind.BUDGET, state.budget.name, state.whose)
        subjects.add(about)
        for each in rules:
            if each.condition is BuiltIn.BUDGET:
                found += [
                    _of_budget(each, state, about, level, end_of(level), moment, level)
                    for level in sorted({*state.budget.warn_at, _HUNDRED})
                ]
            elif isinstance(each.condition, OfBudgets) and each.condition.is_of(state.budget.name):
                percent, ends_below = each.condition.percent, each.condition.ends_below
                found.append(_of_budget(each, state, about, percent, ends_below, moment, None))
    return found, frozenset(subjects)


def _of_budget(
    rule: WatchedRule,
    state: BudgetState,
    about: Subject,
    percent: Decimal,
    ends_below: Decimal,
    moment: Moment,
    level: Decimal | None,
) -> RuleFinding:
    used, measured = state.used_percent, state.measured
    # what was spent in a period grows: over is over, however old
    is_sure = not is_old(measured, moment.now, moment.prefs.rules) or (
        measured.by is not MeasuredBy.WINDOW and used is not None and used >= percent
    )
    if used is None or not is_sure:
        truth = Truth.UNKNOWN
    elif used >= percent:
        truth = Truth.HOLDS
    else:
        truth = Truth.STAYS if used >= ends_below else Truth.OVER
    return RuleFinding(
        rule.rule.name,
        about,
        truth,
        _label(state, moment),
        _period(state, moment),
        _budget_cause(state, percent),
        level,
    )


def _period(state: BudgetState, moment: Moment) -> str:
    """Our own id of its period; that of a weekly window is the window's, whose reset may drift."""
    if state.measured.by is MeasuredBy.WINDOW and state.whose is not None:
        window = moment.windows(state.whose, BASE_BUCKET, WEEKLY)
        if window is not None:
            return window
    began = state.period.started_at
    return "always" if began is None else f"period/{began:%Y-%m-%dT%H:%MZ}"


def _label(state: BudgetState, moment: Moment) -> str:
    if state.whose is None:
        return state.budget.name
    accounts = {key.id: account for key, account in moment.state.accounts.items()}
    account = accounts.get(state.whose)
    whose = state.whose if account is None else shown_name(account, mask=False)
    return f"{state.budget.name}: {whose}"


def _budget_cause(state: BudgetState, percent: Decimal) -> Message:
    spent, limit = _amounts(state)
    if percent == _HUNDRED:
        is_exact = state.used_percent == percent
        code = "alerts.budget_at_limit" if is_exact else "alerts.budget_over_limit"
        return message(code, spent=spent, limit=limit)
    return message("alerts.budget_over", percent=f"{percent.normalize():f}", spent=spent, limit=limit)


def _amounts(state: BudgetState) -> tuple[Message, Message]:
    """What was spent, and the limit; an estimate, and what may be more, is said to be so."""
    spent, limit, measured = state.measured.spent or Decimal(0), state.budget.limit, state.measured
    if limit.unit is LimitUnit.TOKENS:
        spent_text, limit_text = f"{spent:,.0f}", f"{limit.amount:,.0f}"
    else:
        spent_text, limit_text = figures.amounts_text(spent, limit.amount)
    code = _UNITS[limit.unit]
    # a unit that is a word stands once, with the limit
    told = message("alerts.bare" if limit.unit in _WORDED else code, amount=spent_text)
    if measured.at_least:
        told = message("alerts.at_least", amount=told)
    elif measured.estimated:
        told = message("alerts.about", amount=told)
    return told, message(code, amount=limit_text)


# --- events


def events_seen(events: Iterable[LoggedEvent], moment: Moment) -> list[EventSeen]:
    """The events with whom they befell, and what they say."""
    names = {key.id: shown_name(account, mask=False) for key, account in moment.state.accounts.items()}
    return [
        EventSeen(
            event, names.get(event.account_id or "", event.source or event.now or ""), event_cause(event)
        )
        for event in events
    ]


def event_cause(event: LoggedEvent) -> Message:
    """What happened, for a notice."""
    before, after = (_event_amount(event, each) for each in (event.before, event.after))
    code = f"alerts.event_{event.kind.value}"
    match event.kind:
        case EventKind.UPSTREAM_RESET:
            return message(code, accounts=event.accounts or "—", of=event.of_accounts or "—")
        case EventKind.CREDITS_CAME:
            return message(code, before=before, after=after)
        case EventKind.PLAN_CHANGED:
            return message(code, was=event.was or "—", now=event.now or "—")
        case EventKind.TOPUP_PROPOSED:
            return message(code, below=before, amount=event.now or figures.UNKNOWN)
    if event.balance is not None and event.kind is EventKind.EXHAUSTED:
        return message("alerts.event_used_up")
    told = message(code)
    if event.before is not None and event.after is not None:
        told = message("alerts.moved", event=told, before=before, after=after)
    return message("alerts.of_window", window=event.window, event=told) if event.window else told


def _event_amount(event: LoggedEvent, amount: Decimal | float | None) -> str:
    if amount is None:
        return figures.UNKNOWN
    if event.unit_name is not None and isinstance(amount, Decimal):
        return bare_amount(amount, event.unit_name)
    if event.unit is Unit.CREDITS or isinstance(amount, Decimal):
        return figures.credits_text(Decimal(str(amount)))
    return figures.percent_text(amount)


# --- the daily summary

#: The events that a day's summary counts, in this order.
_COUNTED: Final = (
    EventKind.EXHAUSTED,
    EventKind.BACK,
    EventKind.UPSTREAM_RESET,
    EventKind.EARLY_RESET,
    EventKind.BANKED_RESET,
    EventKind.LOGIN_DIED,
    EventKind.SIGNED_IN,
    EventKind.SOURCE_DOWN,
    EventKind.SOURCE_BACK,
)


def summary_lines(
    overview: PoolOverview,
    budgets: BudgetReport | None,
    board: AlertBoard | None,
    events: Iterable[LoggedEvent] | None,
) -> tuple[Message, ...]:
    """What a day's summary says: who needs somebody, who is out, what happened, and what was spent.

    `events` are those of the day; None: they could not be read. Nothing: there is nothing to tell.
    """
    lines: list[Message] = []
    for section, code in (
        (Section.NEEDS_YOU, "alerts.summary_needs_you"),
        (Section.EXHAUSTED, "alerts.summary_exhausted"),
    ):
        names = sorted(each.label for each in overview.accounts if each.section is section)
        if names:
            lines.append(message(code, who=_names(names)))
    if events is None:
        lines.append(message("alerts.summary_not_read"))
    events = tuple(events or ())
    counts = Counter(each.kind for each in events if each.balance is None)
    for kind in _COUNTED:
        if kind in counts:
            event = _PLAIN.get(kind, message(f"alerts.event_{kind.value}"))
            if counts[kind] == 1:
                lines.append(message("alerts.summary_once", event=event))
            else:
                lines.append(message("alerts.summary_happened", count=counts[kind], event=event))
    for kind, code in _OF_BALANCES.items():
        names = sorted({each.balance for each in events if each.kind is kind and each.balance is not None})
        if names:
            lines.append(message(code, who=_names(names)))
    divided: dict[str, list[BudgetState]] = {}
    for state in () if budgets is None else budgets.budgets:
        if state.whose is None:
            lines.append(_budget_line(state))
        else:
            divided.setdefault(state.budget.name, []).append(state)
    lines.extend(_parts_line(name, parts) for name, parts in divided.items())
    firing = 0 if board is None else len(board.firing)
    if firing:
        lines.append(message("alerts.summary_firing", count=firing))
    return tuple(lines)


#: What a day's summary tells of balances, by their names.
_OF_BALANCES: Final[Mapping[EventKind, str]] = {
    EventKind.EXHAUSTED: "alerts.summary_used_up",
    EventKind.NOT_OFFERED: "alerts.summary_not_offered",
}
#: What many of a kind are called, where one has figures of its own.
_PLAIN: Final[Mapping[EventKind, Message]] = {
    EventKind.UPSTREAM_RESET: message("alerts.summary_upstream"),
    EventKind.SOURCE_DOWN: message("alerts.summary_source_down"),
    EventKind.SOURCE_BACK: message("alerts.summary_source_back"),
}


def _names(names: Sequence[str]) -> str | Message:
    told = ", ".join(names[:_NAMED])
    rest = len(names) - _NAMED
    return told if rest <= 0 else message("alerts.and_more", who=told, count=rest)


def _parts_line(name: str, parts: Sequence[BudgetState]) -> Message:
    """Of a budget that each has: how many have reached the limit, and of how many nobody knows."""
    spent = [each.measured.spent for each in parts if each.measured.spent is not None]
    reached = sum(each >= parts[0].budget.limit.amount for each in spent)
    told = message("alerts.summary_parts", name=name, count=reached, parts=len(parts))
    unknown = len(parts) - len(spent)
    return message("alerts.summary_parts_unknown", told=told, count=unknown) if unknown else told


def _budget_line(state: BudgetState) -> Message:
    if state.measured.spent is None:
        return message("alerts.summary_budget_unknown", name=state.budget.name)
    spent, limit = _amounts(state)
    return message("alerts.summary_budget", name=state.budget.name, spent=spent, limit=limit)
