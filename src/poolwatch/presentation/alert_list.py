"""`alerts` for people and for programs: alerts, silences, channels and the latest notices."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Final, TypeAlias

from msgspec import Struct

from poolwatch.domain.alerts import Alert, AlertBoard, Silence, Subject, SubjectKind
from poolwatch.domain.message import Message
from poolwatch.domain.notices import ChannelHealth, Delivery, NoticeItem
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.values import replace
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.alerts import (
    AlertRow,
    cause_text,
    rows_of_all,
    subject_name,
    whole_alerts_view,
)
from poolwatch.presentation.deliveries import channel_spans, sending_span
from poolwatch.presentation.json_values import Json, instant
from poolwatch.presentation.masking import masked
from poolwatch.presentation.notices import NoticeWords
from poolwatch.presentation.view import Prefs
from poolwatch.words import alerts as words
from poolwatch.words.messages import message_text

SCHEMA: Final = "poolwatch.alerts/1"
#: So many digits of a notice's id are shown; they tell it from all others.
ID_SHOWN: Final = 12


#: Whether a filter lets something through, by what is told of it, its account's id, and its source.
Lets: TypeAlias = Callable[[Iterable[str], str | None, str | None], bool]


class AlertList(Struct, frozen=True):
    """What is listed. `looked_at` None: no poolwatch has looked at any rule yet."""

    board: AlertBoard
    looked_at: datetime | None = None
    channels: tuple[ChannelHealth, ...] = ()
    #: the newest first
    deliveries: tuple[Delivery, ...] = ()


class AlertListView(Struct, frozen=True):
    """What a list is told with. `overview`: the accounts that are known; `pool`: its name, "" without one."""

    listed: AlertList
    names: AccountNames
    overview: PoolOverview
    now: datetime
    prefs: Prefs
    pool: str = ""

    def texts(self) -> list[str]:
        """All that a filter looks into."""
        alerts, silences = self._rows()
        told = [row.texts for row in (*alerts, *silences)]
        told += [texts for each in self.listed.deliveries for texts, _, _ in self._subjects(each)]
        return list(chain.from_iterable(told))

    def narrowed(self, lets: Lets) -> AlertList:
        """The alerts, silences and notices that a filter lets through; of what keeps quiet, ask the whole."""
        board, (alerts, silences) = self.listed.board, self._rows()
        shown = replace(
            board,
            alerts=tuple(
                each for each, row in zip(board.alerts, alerts, strict=True) if _lets_row(lets, row)
            ),
            silences=tuple(
                each for each, row in zip(board.silences, silences, strict=True) if _lets_row(lets, row)
            ),
        )
        return replace(self.listed, board=shown, deliveries=self._deliveries(lets))

    def _rows(self) -> tuple[list[AlertRow], list[AlertRow]]:
        listed = self.listed
        return rows_of_all(listed.board, listed.deliveries, self.names, self.overview, self.now, self.prefs)

    def lines(self, lets: Lets | None = None) -> list[str]:
        """Sections with their alerts, how channels do, and the latest notices with their ids."""
        listed, now, prefs = self.listed, self.now, self.prefs
        view = whole_alerts_view(
            listed.board,
            listed.deliveries,
            self.names,
            self.overview,
            None if lets is None else partial(_lets_row, lets),
            now,
            prefs,
        )
        who = max((figures.width(row.who) for row in view.rows), default=0)
        text = max((figures.width(row.text) for row in view.rows), default=0)
        lines: list[str] = []
        for block in view.blocks:
            lines += [block.heading, *(_line(row, who, text) for row in block.rows)]
        channels = channel_spans(listed.channels, now, prefs)
        if channels:
            lines += [words.CHANNELS(), *(f"  {span.text}" for span in channels)]
        deliveries = listed.deliveries if lets is None else self._deliveries(lets)
        if deliveries:
            lines += [words.NOTICES(), *map(self._delivery_line, deliveries)]
        return lines

    def _deliveries(self, lets: Lets) -> tuple[Delivery, ...]:
        """The notices that are let through; one of several alerts by any of them."""
        return tuple(
            each
            for each in self.listed.deliveries
            if any(lets(texts, account, source) for texts, account, source in self._subjects(each))
        )

    def _subjects(self, delivery: Delivery) -> Iterator[tuple[tuple[str, ...], str | None, str | None]]:
        """What a filter looks into: of each of its alerts the texts, the account's id, and the source."""
        items, told = delivery.notice.items, self._told(delivery)
        if not items:
            yield told, None, None
        for item in items:
            who, kind = subject_name(item.subject, self.names, item.label), item.subject.kind
            account = item.subject.id if kind is SubjectKind.ACCOUNT else None
            # a balance is called by its source
            source = item.subject.id if kind in (SubjectKind.SOURCE, SubjectKind.BALANCE) else None
            yield (*told, who, item.rule), account, source

    def _told(self, delivery: Delivery) -> tuple[str, str]:
        """Its title, and what became of it."""
        told = NoticeWords(self.names, self.pool or None, self.prefs.zone)
        state = sending_span(delivery.notice.channel, delivery, self.now, self.prefs)
        return told.title(delivery.notice), state.text

    def _delivery_line(self, delivery: Delivery) -> str:
        """`3f2a90c1d4e5  Fri 13:40  budget team: over 90%: $276 of $300; sent to ops 13:40`."""
        at = figures.local_time(delivery.notice.at, self.prefs.zone)
        title, state = self._told(delivery)
        return f"  {delivery.notice.id[:ID_SHOWN]}  {at:%Y-%m-%d %H:%M}  {title}; {state}"


def _lets_row(lets: Lets, row: AlertRow) -> bool:
    return lets(row.texts, row.account_id, row.source)


def _line(row: AlertRow, who: int, text: int) -> str:
    # a rule that is silenced as a whole is who the row is about
    rule = words.of_rule(row.rule) if row.rule and (row.silence is None or row.subject is not None) else ""
    beside = " · ".join((rule, *(span.text for span in row.beside)))
    age = figures.rjust(row.age, 7)
    parts = (figures.ljust(row.who, who), figures.ljust(row.text, text), age, beside.removeprefix(" · "))
    return "  " + "  ".join(parts).rstrip()


def alerts_json(
    listed: AlertList, names: AccountNames, now: datetime, whole: AlertBoard | None = None
) -> str:
    """The document, ASCII only, ending in a newline; keys are only ever added.

    `whole`: the board whose silences hold, where some of it is listed alone.
    """
    board = listed.board
    around = board if whole is None else whole
    document: Json = {
        "schema": SCHEMA,
        "generated_at": instant(now),
        "looked_at": instant(listed.looked_at),
        "firing": sum(each.speaks and around.silence_of(each) is None for each in board.alerts),
        "alerts": list[Json](_alert(each, around, names) for each in board.alerts),
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
