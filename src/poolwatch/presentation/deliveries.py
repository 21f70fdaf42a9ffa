"""What became of notices, as it is told: of alerts, of warnings of budgets, and how channels do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from poolwatch.domain.alerts import AlertBoard, Phase, Subject, SubjectKind
from poolwatch.domain.budgets import BudgetState
from poolwatch.domain.message import Message
from poolwatch.domain.notices import ChannelHealth, Delivery, NoticeKind
from poolwatch.presentation import figures
from poolwatch.presentation.channels import state_text
from poolwatch.presentation.masking import shown
from poolwatch.presentation.view import Prefs, Span, Tone
from poolwatch.words import alerts as words
from poolwatch.words.messages import message_text

_HUNDRED: Final = Decimal(100)


def sendings(deliveries: Iterable[Delivery]) -> Mapping[tuple[str, Subject, str], tuple[Delivery, ...]]:
    """The deliveries that told of each alert firing, by rule, subject and episode; the newest first."""
    found: dict[tuple[str, Subject, str], list[Delivery]] = {}
    for each in sorted(deliveries, key=lambda one: one.notice.at, reverse=True):
        for item in each.notice.items:
            if item.phase is Phase.FIRING:
                found.setdefault((item.rule, item.subject, item.episode), []).append(each)
    return {key: tuple(rows) for key, rows in found.items()}


def sending_span(
    channel: str, delivery: Delivery, now: datetime, prefs: Prefs, *, brief: bool = False
) -> Span:
    """What became of one notice: `sent to ops 13:40`, `on its way to ops, 2 tries`.

    `brief`: beside its time, so that only what took long is told with another one.
    """
    if delivery.done_at is not None:
        is_late = delivery.done_at - delivery.notice.at >= timedelta(minutes=1)
        at = figures.clock(delivery.done_at, now, prefs.zone) if is_late or not brief else ""
        is_digest = delivery.notice.kind is NoticeKind.DIGEST and not brief
        others = max(0, len(delivery.notice.items) - 1) if is_digest else 0
        return Span(words.sent(channel, at, others), Tone.DIM)
    why = "" if delivery.last_why is None else message_text(delivery.last_why)
    if delivery.given_up_at is not None:
        return Span(words.not_sent(channel, shown(why, mask=prefs.mask)), Tone.AMBER)
    return Span(words.on_its_way(channel, delivery.tries), Tone.AMBER if delivery.tries > 1 else Tone.DIM)


def channel_spans(health: Iterable[ChannelHealth], now: datetime, prefs: Prefs) -> tuple[Span, ...]:
    """How each channel does: `ops (webhook) ok, last 13:40`. What fails stands first."""
    spans = [_channel(each, now, prefs) for each in health]
    return tuple(sorted(spans, key=lambda span: span.tone is not Tone.AMBER))


def _channel(health: ChannelHealth, now: datetime, prefs: Prefs) -> Span:
    state = state_text(health, lambda at: figures.clock(at, now, prefs.zone))
    told = words.of_channel(health.name, health.kind.value, shown(state, mask=prefs.mask))
    is_well = not health.disabled and health.failing_since is None
    return Span(told, Tone.DIM if is_well else Tone.AMBER)


def warnings_sent(
    state: BudgetState,
    board: AlertBoard | None,
    deliveries: Iterable[Delivery],
    now: datetime,
    prefs: Prefs,
) -> Mapping[Decimal, str]:
    """What became of the notices of a budget's warnings in this period, by the percentage reached."""
    about = Subject(SubjectKind.BUDGET, state.budget.name, state.whose)
    since = state.period.started_at
    newest: dict[Decimal, dict[str, Delivery]] = {}
    for each in sorted(deliveries, key=lambda one: one.notice.at, reverse=True):
        for item in each.notice.items:
            is_now = since is None or item.at >= since
            percent = _reached_by(item.cause) if item.subject == about and is_now else None
            if percent is not None and item.phase is Phase.FIRING:
                newest.setdefault(percent, {}).setdefault(each.notice.channel, each)
    # what quiet hours held came later than it was reached
    told = {
        percent: [
            sending_span(channel, each, now, prefs, brief=each.notice.kind is not NoticeKind.DIGEST).text
            for channel, each in sent.items()
        ]
        for percent, sent in newest.items()
    }
    for alert in () if board is None else board.alerts:
        percent = _reached_by(alert.cause) if alert.subject == about else None
        if percent is not None and alert.held_until is not None and now < alert.held_until:
            held = words.held(figures.clock(alert.held_until, now, prefs.zone))
            told.setdefault(percent, []).append(held)
    return {percent: ", ".join(parts) for percent, parts in told.items()}


def _reached_by(cause: Message | None) -> Decimal | None:
    """The percentage of a budget that a cause tells to be reached, as `pool_alerts` words it."""
    match cause:
        case Message(code="alerts.budget_at_limit" | "alerts.budget_over_limit"):
            return _HUNDRED
        case Message(code="alerts.budget_over"):
            return Decimal(str(dict(cause.arguments)["percent"]))
        case _:
            return None
