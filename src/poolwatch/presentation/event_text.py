"""Logged events in words, for the log of the daemon, the command and the screens."""

from __future__ import annotations

from datetime import datetime, tzinfo
from decimal import Decimal

from poolwatch.domain.event_log import EventKind, LoggedEvent, Unit
from poolwatch.domain.series import Amount
from poolwatch.domain.usage import BASE_BUCKET
from poolwatch.presentation import figures
from poolwatch.words import account, events


def event_text(event: LoggedEvent, now: datetime, zone: tzinfo | None) -> str:
    """What happened, without whom it befell: `exhausted: 5h until 14:50`, `weekly: reset, 97 → 0%`."""
    until = event.until
    match event.kind:
        case EventKind.EXHAUSTED:
            back = figures.clock(until, now, zone) if until is not None else ""
            return events.exhausted(account.exhausted_words(event.window, back))
        case EventKind.SOURCE_BACK if until is not None:
            return events.back_after(figures.duration(event.at - until))
        case EventKind.UPSTREAM_RESET:
            return events.upstream_reset(_count(event.accounts), _count(event.of_accounts))
        case EventKind.PLAN_CHANGED:
            was, then = (account.plan_name(plan) or figures.UNKNOWN for plan in (event.was, event.now))
            return events.plan_changed(was, then)
    told = events.event_word(event.kind)
    if event.window:
        told = events.of_window(_window(event.window, event.bucket), told)
    if event.before is not None and event.after is not None:
        told = events.from_to(told, *(_amount(each, event.unit) for each in (event.before, event.after)))
    return told


def _window(kind: str, bucket: str | None) -> str:
    named = account.window_name(kind)
    return named if bucket in (None, "", BASE_BUCKET) else f"{account.bucket_name(bucket, bucket)} {named}"


def _count(count: int | None) -> str:
    return figures.UNKNOWN if count is None else str(count)


def _amount(amount: Amount, unit: Unit | None) -> str:
    if unit is Unit.CREDITS or isinstance(amount, Decimal):
        return figures.credits_text(Decimal(str(amount)))
    return figures.percent_text(amount)
