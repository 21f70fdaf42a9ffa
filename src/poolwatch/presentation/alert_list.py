"""`alerts` for people and for programs: alerts, silences, channels and the latest notices."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from poolwatch.domain.alerts import Alert, AlertBoard, Silence, Subject
from poolwatch.domain.message import Message
from poolwatch.domain.notices import ChannelHealth, Delivery, NoticeItem
from poolwatch.domain.overview import PoolOverview
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.alerts import (
    AlertRow,
    alerts_view,
    cause_text,
    channel_spans,
    sending_span,
    subject_name,
)
from poolwatch.presentation.json_values import Json, instant
from poolwatch.presentation.masking import masked
from poolwatch.presentation.notices import NoticeWords
from poolwatch.presentation.view import Prefs
from poolwatch.words import alerts as words
from poolwatch.words.messages import message_text

SCHEMA: Final = "poolwatch.alerts/1"
#: So many digits of a notice's id are shown; they tell it from all others.
ID_SHOWN: Final = 12


class AlertList(Struct, frozen=True):
    """What is listed. `looked_at` None: no poolwatch has looked at any rule yet."""

    board: AlertBoard
    looked_at: datetime | None = None
    channels: tuple[ChannelHealth, ...] = ()
    #: the newest first
    deliveries: tuple[Delivery, ...] = ()


def list_lines(
    listed: AlertList, names: AccountNames, overview: PoolOverview, now: datetime, prefs: Prefs, pool: str
) -> list[str]:
    """Sections with their alerts, how channels do, and the latest notices with their ids."""
    view = alerts_view(listed.board, listed.deliveries, names, overview, None, now, prefs, whole=True)
    who = max((figures.width(row.who) for row in view.rows), default=0)
    text = max((figures.width(row.text) for row in view.rows), default=0)
    lines: list[str] = []
    for block in view.blocks:
        lines += [block.heading, *(_line(row, who, text) for row in block.rows)]
    channels = channel_spans(listed.channels, now, prefs)
    if channels:
        lines += [words.CHANNELS(), *(f"  {span.text}" for span in channels)]
    if listed.deliveries:
        told = NoticeWords(names, pool or None, prefs.zone)
        lines.append(words.NOTICES())
        lines += [_delivery_line(each, told, now, prefs) for each in listed.deliveries]
    return lines


def _line(row: AlertRow, who: int, text: int) -> str:
    # a rule that is silenced as a whole is who the row is about
    rule = words.of_rule(row.rule) if row.rule and (row.silence is None or row.subject is not None) else ""
    beside = " · ".join((rule, *(span.text for span in row.beside)))
    age = figures.rjust(row.age, 7)
    parts = (figures.ljust(row.who, who), figures.ljust(row.text, text), age, beside.removeprefix(" · "))
    return "  " + "  ".join(parts).rstrip()


def _delivery_line(delivery: Delivery, told: NoticeWords, now: datetime, prefs: Prefs) -> str:
    """`3f2a90c1d4e5  Fri 13:40  budget team: over 90%: $276 of $300; sent to ops 13:40`."""
    notice = delivery.notice
    at = figures.local_time(notice.at, prefs.zone)
    state = sending_span(notice.channel, delivery, now, prefs).text
    return f"  {notice.id[:ID_SHOWN]}  {at:%Y-%m-%d %H:%M}  {told.title(notice)}; {state}"


def alerts_json(listed: AlertList, names: AccountNames, now: datetime) -> str:
    """The document, ASCII only, ending in a newline; keys are only ever added."""
    board = listed.board
    document: Json = {
        "schema": SCHEMA,
        "generated_at": instant(now),
        "looked_at": instant(listed.looked_at),
        "firing": len(board.firing),
        "alerts": list[Json](_alert(each, board, names) for each in board.alerts),
        "silences": list[Json](_silence(each, names) for each in board.silences),
        "channels": list[Json](_channel(each, names) for each in listed.channels),
        "deliveries": list[Json](_delivery(each, names) for each in listed.deliveries),
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _subject(subject: Subject | None, names: AccountNames, label: str = "") -> Json:
    if subject is None:
        return None
    return {
        "kind": subject.kind.value,
        "id": _told(subject.id, names) or None,
        "part": _told(subject.part, names),
        "name": subject_name(subject, names, label),
    }


def _alert(alert: Alert, board: AlertBoard, names: AccountNames) -> dict[str, Json]:
    """One alert; `speaks`: it fires, and nothing keeps it quiet."""
    return {
        "rule": alert.rule,
        "subject": _subject(alert.subject, names, alert.label),
        "episode": alert.episode,
        "level": None if alert.level is None else f"{alert.level:f}",
        "phase": alert.phase.value,
        "severity": alert.severity.value,
        "cause": cause_text(alert, names),
        "speaks": alert.speaks and board.silence_of(alert) is None,
        "silenced": board.silence_of(alert) is not None,
        "primed": alert.primed,
        "muted_by": alert.muted_by,
        "covered_by": alert.covered_by,
        "since": instant(alert.since),
        "fired_at": instant(alert.fired_at),
        "resolved_at": instant(alert.resolved_at),
        "told_at": instant(alert.told_at),
        "again_at": instant(alert.again_at),
        "held_until": instant(alert.held_until),
        "channels": list[Json](alert.channels),
    }


def _silence(silence: Silence, names: AccountNames) -> dict[str, Json]:
    return {
        "rule": silence.rule,
        "subject": _subject(silence.subject, names),
        "at": instant(silence.at),
        "until": instant(silence.until),
        "by": None if names.mask else silence.by,
        "reason": _told(silence.reason, names) or None,
    }


def _channel(health: ChannelHealth, names: AccountNames) -> dict[str, Json]:
    return {
        "name": health.name,
        "kind": health.kind.value,
        "last_taken_at": instant(health.last_taken_at),
        "failing_since": instant(health.failing_since),
        "why": _why(health.why, names),
        "next_try_at": instant(health.next_try_at),
        "waiting": health.waiting,
        "disabled": health.disabled,
    }


def _delivery(delivery: Delivery, names: AccountNames) -> dict[str, Json]:
    notice = delivery.notice
    return {
        "id": notice.id,
        "channel": notice.channel,
        "kind": notice.kind.value,
        "severity": notice.severity.value,
        "at": instant(notice.at),
        "state": _state(delivery),
        "tries": delivery.tries,
        "tried_at": instant(delivery.tried_at),
        "next_try_at": instant(delivery.next_try_at),
        "done_at": instant(delivery.done_at),
        "given_up_at": instant(delivery.given_up_at),
        "why": _why(delivery.last_why, names),
        "items": list[Json](_item(each, names) for each in notice.items),
        "lines": list[Json](_told(message_text(each), names) for each in notice.lines),
    }


def _state(delivery: Delivery) -> str:
    """`taken`, `given_up` or `waiting`."""
    if delivery.done_at is not None:
        return "taken"
    return "waiting" if delivery.given_up_at is None else "given_up"


def _item(item: NoticeItem, names: AccountNames) -> dict[str, Json]:
    return {
        "rule": item.rule,
        "subject": _subject(item.subject, names, item.label),
        "phase": item.phase.value,
        "severity": item.severity.value,
        "at": instant(item.at),
        "cause": _told(message_text(item.cause), names),
    }


def _why(why: Message | None, names: AccountNames) -> str | None:
    return None if why is None else _told(message_text(why), names)


def _told(text: str | None, names: AccountNames) -> str | None:
    return masked(text) if names.mask and text is not None else text


def found_ids(deliveries: Iterable[Delivery], typed: str) -> Sequence[str]:
    """The ids of notices that begin so."""
    begin = typed.strip().lower()
    ids = dict.fromkeys(each.notice.id for each in deliveries)
    return tuple(each for each in ids if begin and each.startswith(begin))
