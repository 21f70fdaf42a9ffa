"""Logged events in words, for the log of the daemon, the command and the screens."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from decimal import Decimal

from poolwatch.domain.alerts import BuiltIn
from poolwatch.domain.event_log import EventKind, LoggedEvent, Unit
from poolwatch.domain.failure import LoginProblem
from poolwatch.domain.series import SPEND_BUCKET, Amount
from poolwatch.domain.status import CREDITS_REASON, RATE_LIMIT_REASON, SPEND_REASON
from poolwatch.domain.usage import BASE_BUCKET
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.balances import bare_amount
from poolwatch.presentation.masking import shown
from poolwatch.words import account, alerts, credits, events
from poolwatch.words.messages import message_text


def event_text(event: LoggedEvent, now: datetime, zone: tzinfo | None, bucket: str = "") -> str:
    """What happened, without whom it befell: `exhausted: 5h until 14:50`, `weekly: reset, 97 → 0%`.

    `bucket` is the name of the event's, where that is known.
    """
    until = event.until
    match event.kind:
        case EventKind.EXHAUSTED if event.balance is not None:
            out = credits.used_up(event.window or "")
            return out if until is None else events.back_at(out, figures.clock(until, now, zone))
        case EventKind.RESET if event.balance is not None:
            left = figures.UNKNOWN if event.after is None else _amount(event.after, event)
            return events.filled_up(event.window or "", left)
        case EventKind.TOPUP_PROPOSED if event.before is not None and event.now is not None:
            return events.topup_proposed(_amount(event.before, event), event.now)
        case EventKind.EXHAUSTED:
            back = figures.clock(until, now, zone) if until is not None else ""
            return events.exhausted(account.exhausted_words(_limit(event), back))
        case EventKind.BACK:
            return events.back(account.exhausted_words(_limit(event), ""))
        case EventKind.SOURCE_BACK if until is not None:
            return events.back_after(figures.duration(event.at - until))
        case EventKind.UPSTREAM_RESET:
            return events.upstream_reset(_count(event.accounts), _count(event.of_accounts))
        case EventKind.PLAN_CHANGED:
            was, then = (account.plan_name(plan) or figures.UNKNOWN for plan in (event.was, event.now))
            return events.plan_changed(was, then)
        case EventKind.LOGIN_DIED if event.now in _PROBLEMS:
            return events.login_died(account.login_words(_PROBLEMS[event.now]))
        case EventKind.ALERT_FIRED if event.cause is not None:
            return message_text(event.cause)
        case EventKind.ALERT_RESOLVED if event.cause is not None:
            return events.alert_over(message_text(event.cause))
    if event.kind is EventKind.BUDGET_RESET and event.account_id is not None:
        return events.budget_of_account_reset(event.now or figures.UNKNOWN)
    told = events.event_word(event.kind)
    if event.window:
        told = events.of_window(_window(event.window, event.bucket, bucket), told)
    if event.before is not None and event.after is not None:
        told = events.from_to(told, *(_amount(each, event) for each in (event.before, event.after)))
    return told


_PROBLEMS = {each.value: each for each in LoginProblem}


def event_lines(logged: Iterable[LoggedEvent], names: AccountNames, zone: tzinfo | None) -> list[str]:
    """One line for each, with the local time and whom it befell: `2026-11-20 14:03  bob  exhausted: …`.

    What it says was, or was to be, is told as on that day.
    """
    rows = [(figures.local_time(each.at, zone), event_subject(each, names), each) for each in logged]
    widest = max((figures.width(subject) for _, subject, _ in rows), default=0)
    return [
        f"{at:%Y-%m-%d %H:%M}  {figures.ljust(subject, widest)}  {told}"
        for at, subject, each in rows
        for told in [event_text(each, each.at, zone, names.bucket(each.account_id, each.bucket))]
    ]


def event_subject(event: LoggedEvent, names: AccountNames) -> str:
    """Whom an event befell."""
    if event.account_id is not None:
        return names.name(event.account_id)
    if event.balance is not None:
        return shown(event.balance, mask=names.mask)
    if event.kind is EventKind.UPSTREAM_RESET:
        return events.UPSTREAM()
    if event.kind is EventKind.BUDGET_RESET:
        part = None if names.mask else event.was
        name = event.now or figures.UNKNOWN
        return events.budget(name) if part is None else events.budget_part(name, part)
    if event.kind in (EventKind.ALERT_FIRED, EventKind.ALERT_RESOLVED):
        if event.source is None:
            return _alerted(event, names)
        if event.rule != BuiltIn.SOURCE_DOWN:
            # all others are about balances
            return shown(event.source, mask=names.mask)
    if event.kind is EventKind.NOTICE_GIVEN_UP:
        return events.channel(event.now or figures.UNKNOWN)
    return events.source(event.source or figures.UNKNOWN)


def _alerted(event: LoggedEvent, names: AccountNames) -> str:
    """The budget that an alert is about, or the pool."""
    if event.budget is None:
        return alerts.POOL()
    part = event.was
    if part is not None and part in names.accounts:
        return events.budget_part(event.budget, names.name(part))
    if part is None or names.mask:
        return events.budget(event.budget)
    return events.budget_part(event.budget, part)


def _limit(event: LoggedEvent) -> str:
    """What was used up, as the reason of a status."""
    if event.unit is Unit.CREDITS:
        return CREDITS_REASON
    return SPEND_REASON if event.bucket == SPEND_BUCKET else event.window or RATE_LIMIT_REASON


def _window(kind: str, bucket: str | None, called: str) -> str:
    named = account.window_name(kind)
    if bucket in (None, "", BASE_BUCKET):
        return named
    return f"{account.bucket_name(bucket, called or bucket)} {named}"


def _count(count: int | None) -> str:
    return figures.UNKNOWN if count is None else str(count)


def _amount(amount: Amount, event: LoggedEvent) -> str:
    if event.unit_name is not None and isinstance(amount, Decimal):
        return bare_amount(amount, event.unit_name)
    if event.unit is Unit.CREDITS or isinstance(amount, Decimal):
        return figures.credits_text(Decimal(str(amount)))
    return figures.percent_text(amount)
