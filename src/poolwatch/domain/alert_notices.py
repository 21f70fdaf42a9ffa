"""What people are told of alerts, when, and in how many notices.

The first notice to a channel leaves at once, and what follows within half a minute goes as one more. What
is silenced, muted or covered is told when that ends, if it fires still. Quiet hours hold; then one digest
tells all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from msgspec import Struct

from poolwatch.domain.alerts import (
    Alert,
    AlertBook,
    AlertKey,
    Phase,
    QuietHours,
    Rule,
    Severity,
    Silence,
    silence_of,
)
from poolwatch.domain.message import Message
from poolwatch.domain.notices import Notice, NoticeItem, NoticeKind
from poolwatch.domain.values import replace

#: What holds again so soon after it ended goes on, so that its end is told no sooner.
FLAPS_WITHIN: Final = timedelta(minutes=10)
#: Notices to one channel are so far apart.
APART: Final = timedelta(seconds=30)


class NoticesMade(Struct, frozen=True):
    """The alerts after that, the notices, and when the next are due."""

    alerts: Mapping[AlertKey, Alert]
    told: Mapping[str, datetime]
    notices: tuple[Notice, ...] = ()
    again_at: datetime | None = None


def noted(
    alerts: Mapping[AlertKey, Alert],
    rules: Mapping[str, Rule],
    book: AlertBook,
    now: datetime,
    zone: tzinfo | None,
    *,
    is_unsure: bool = False,
) -> NoticesMade:
    """Make the notices that are due. `zone` is that of quiet hours; None: the machine's.

    `is_unsure`: a clock may be wrong, and have ended silences.
    """
    after: dict[AlertKey, Alert] = {}
    owing: dict[AlertKey, Alert] = {}
    for key, alert in alerts.items():
        told = _owing(alert, rules[alert.rule], book.silences, now, is_unsure=is_unsure)
        after[key] = told
        if told.owed:
            owing[key] = told
    if not owing:
        return NoticesMade(after, book.told)
    last, notices, again_at = dict(book.told), list[Notice](), None
    for channel in sorted({name for alert in owing.values() for name in alert.owed}):
        ready: list[Alert] = []
        for key, alert in owing.items():
            if channel not in alert.owed or not _may_speak(alert, book.silences, now):
                continue
            held = None if alert.severity is Severity.CRITICAL else _quiet_until(rules[alert.rule], now, zone)
            if held is None:
                ready.append(alert)
            elif alert.held_until != held:
                owing[key] = after[key] = replace(alert, held_until=held)
        if not ready:
            continue
        if channel in last and timedelta(0) <= now - last[channel] < APART:
            due = last[channel] + APART
            again_at = due if again_at is None else min(again_at, due)
            continue
        notices.append(_notice(channel, ready, now))
        last[channel] = now
        for alert in ready:
            owing[alert.key] = after[alert.key] = _without(owing[alert.key], channel)
    return NoticesMade(after, last, tuple(notices), again_at)


def _owing(alert: Alert, rule: Rule, silences: Sequence[Silence], now: datetime, *, is_unsure: bool) -> Alert:
    """The alert with the channels that are to be told of it, if something new is to be told."""
    if alert.event or alert.primed:
        return alert
    if alert.phase is Phase.FIRING:
        is_due = alert.told == 0 and not is_unsure
        every = rule.repeat_every
        if alert.told and every is not None and alert.told_at is not None:
            again_at = alert.again_at or alert.told_at + every
            # under a clock that was set back it would take longer than it should
            again_at = min(again_at, now + every)
            is_due = again_at <= now
            if again_at != alert.again_at:
                alert = replace(alert, again_at=again_at)
        if not is_due or not _may_speak(alert, silences, now):
            return alert
        return replace(
            alert,
            told=alert.told + 1,
            told_at=now,
            again_at=None if every is None else now + every,
            channels=rule.channels,
            owed=rule.channels,
            is_over_told=False,
        )
    if alert.phase is Phase.RESOLVED and not alert.is_over_told and alert.resolved_at is not None:
        if silence_of(silences, alert.rule, alert.subject, now) is not None:
            return replace(alert, is_over_told=True, owed=())
        if not timedelta(0) <= now - alert.resolved_at < FLAPS_WITHIN:
            return replace(alert, is_over_told=True, told_at=now, owed=alert.channels)
    return alert


def _may_speak(alert: Alert, silences: Sequence[Silence], now: datetime) -> bool:
    """Whether it may be told now; what has ended may once that lasts: until then it may hold again."""
    if silence_of(silences, alert.rule, alert.subject, now) is not None:
        return False
    return alert.is_over_told if alert.phase is Phase.RESOLVED else alert.speaks


def _without(alert: Alert, channel: str) -> Alert:
    """The alert as it is after that channel was told how it stands."""
    owed = tuple(each for each in alert.owed if each != channel)
    return replace(alert, owed=owed, held_until=alert.held_until if owed else None)


def _notice(channel: str, alerts: Iterable[Alert], now: datetime) -> Notice:
    ordered = sorted(alerts, key=_order)
    items = tuple(_item(alert, now) for alert in ordered)
    kind = NoticeKind.DIGEST if any(each.held_until is not None for each in ordered) else NoticeKind.ALERTS
    worst = max((each.severity for each in ordered), key=lambda each: each.weight)
    parts = [_part(alert) for alert in ordered]
    return Notice(_id(channel, *parts), channel, kind, now, worst, items)


def _order(alert: Alert) -> tuple[int, datetime, str, str]:
    """What is worse comes first, then what is older."""
    at = alert.fired_at or alert.since
    return -alert.severity.weight, at, alert.rule, _part(alert)


def _item(alert: Alert, now: datetime) -> NoticeItem:
    is_over = alert.phase is Phase.RESOLVED and not alert.event
    at = alert.resolved_at if is_over else alert.fired_at
    return NoticeItem(
        alert.rule,
        alert.subject,
        Phase.RESOLVED if is_over else Phase.FIRING,
        alert.severity,
        at or now,
        alert.cause or Message(""),
        alert.episode,
        alert.built_in,
        alert.label,
    )


def _part(alert: Alert) -> str:
    """What tells what is told apart from all else that is ever told."""
    subject = alert.subject
    return "\0".join(
        (
            alert.rule,
            subject.kind.value,
            subject.id,
            subject.part or "",
            "" if alert.level is None else f"{alert.level:f}",
            alert.episode,
            alert.phase.value,
            str(alert.told),
        )
    )


def _id(*parts: str) -> str:
    """32 hex digits; the same parts have the same id, whoever evaluates them."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _quiet_until(rule: Rule, now: datetime, zone: tzinfo | None) -> datetime | None:
    """When the quiet hours of a rule end, in UTC; None outside of them."""
    quiet = rule.quiet_hours
    return None if quiet is None else quiet_until(quiet, now, zone)


def quiet_until(quiet: QuietHours, now: datetime, zone: tzinfo | None) -> datetime | None:
    """When the quiet hours that run at `now` end; None outside of them. `zone` None: the machine's."""
    local = now.astimezone(zone)
    clock = local.time().replace(tzinfo=None)
    if quiet.begins <= quiet.ends:
        is_quiet = quiet.begins <= clock < quiet.ends
    else:
        is_quiet = clock >= quiet.begins or clock < quiet.ends
    if not is_quiet:
        return None
    day = local.date() if clock < quiet.ends else local.date() + timedelta(days=1)
    return datetime.combine(day, quiet.ends, zone).astimezone(now.tzinfo)


def noted_day(last: date | None, now: datetime, zone: tzinfo | None) -> date | None:
    """The day of the last summary; None where none was, or a clock that was ahead told of one to come."""
    return None if last is None or last > now.astimezone(zone).date() else last


def summary_day(at: time, last: date | None, now: datetime, zone: tzinfo | None) -> date | None:
    """The day whose summary is due, by the clock of the machine's `zone`; None while none is.

    `last` is the day of the last one; None: there was none yet, and the first comes with the next `at`.
    """
    local = now.astimezone(zone)
    is_due = last is not None and last < local.date() and local.time().replace(tzinfo=None) >= at
    return local.date() if is_due else None


def first_summary_after(at: time, now: datetime, zone: tzinfo | None) -> date:
    """What stands as the day of the last summary where there was none."""
    local = now.astimezone(zone)
    return local.date() if local.time().replace(tzinfo=None) >= at else local.date() - timedelta(days=1)


def summary_notices(
    day: date, lines: tuple[Message, ...], channels: Iterable[str], now: datetime
) -> tuple[Notice, ...]:
    """The daily summary, one notice to each channel; of one day it is the same notice, whoever makes it."""
    return tuple(
        Notice(
            _id("summary", channel, day.isoformat()),
            channel,
            NoticeKind.SUMMARY,
            now,
            Severity.INFO,
            (),
            lines,
        )
        for channel in channels
    )
