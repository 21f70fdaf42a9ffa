"""What is remembered of alerts, in the database: rules, alerts, and the silences; documents as in `stored`.

Notices of a change are put into the outbox, and events of it told, by the transaction that keeps it.
"""

# no `annotations` from __future__: a decoder would evaluate them at each start
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from msgspec import Struct, convert, field

from poolwatch.domain.alerts import (
    Alert,
    AlertBook,
    AlertKey,
    Phase,
    RuleMemory,
    Severity,
    Silence,
    Subject,
    SubjectKind,
)
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.notices import Notice
from poolwatch.store import events as event_log
from poolwatch.store import outbox, stored
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.outbox import StoredSubject
from poolwatch.store.stored import Amounts, Document, Instant, is_instant

S = TypeVar("S", bound=Struct)
#: The key of `meta` under which stands what is remembered of all alerts together.
_NAME: Final = "alerts"
_VERSION: Final = 1
#: Before the id of an event that an alert tells, in the place of its level.
_EVENT: Final = "event:"
#: A silence that is over is forgotten so much later: a clock that was ahead may have ended it.
_KEPT_OVER: Final = timedelta(days=7)
#: The subject of a silence that is of all subjects.
_ALL: Final = ""


class _Alert(Amounts, frozen=True, kw_only=True):
    """Without its key, whose parts have columns of their own."""

    version: int = 1
    episode: str
    phase: Phase
    since: Instant
    severity: Severity = Severity.WARNING
    fired_at: Instant | None = None
    resolved_at: Instant | None = None
    cause: stored.Message | None = None
    told_at: Instant | None = None
    again_at: Instant | None = None
    channels: tuple[str, ...] = ()
    muted_by: str | None = None
    held_until: Instant | None = None
    label: str = ""
    primed: bool = False
    covered_by: str | None = None
    built_in: bool = False
    held_for: timedelta = timedelta(0)
    seen_at: Instant | None = None
    told: int = 0
    owed: tuple[str, ...] = ()
    is_over_told: bool = False
    is_logged: bool = False
    has_event: bool = False


class _Rule(Document, frozen=True, kw_only=True):
    when: str
    first_at: Instant
    awaited: tuple[StoredSubject, ...] = ()
    episodes: int = 0


class _Silence(Document, frozen=True, kw_only=True):
    at: Instant
    by: str
    until: Instant | None = None
    reason: str = ""


class _Whole(Document, frozen=True, kw_only=True):
    number: int = 0
    told: dict[str, Instant] = field(default_factory=dict)
    looked_at: Instant | None = None
    summary_on: date | None = None
    unsure_until: Instant | None = None


def read(held: sqlite3.Connection) -> AlertBook:
    """All that is remembered, with the silences; damaged rows are left out."""
    whole = _whole(held)
    alerts = {each.key: each for each in _alerts(held)}
    rules: dict[str, RuleMemory] = {}
    for name, document in held.execute("SELECT rule, doc FROM alert_rules"):
        rule = _decode(document, _Rule)
        if rule is not None:
            awaited = frozenset(convert(each, Subject, from_attributes=True) for each in rule.awaited)
            rules[name] = RuleMemory(rule.when, rule.first_at, awaited, rule.episodes)
    return AlertBook(
        whole.number,
        alerts,
        rules,
        tuple(_silences(held)),
        whole.told,
        whole.looked_at,
        whole.summary_on,
        whole.unsure_until,
    )


def put(
    held: sqlite3.Connection,
    book: AlertBook,
    notices: Collection[Notice],
    events: Sequence[LoggedEvent],
    former: AlertBook | None,
) -> bool:
    """Keep a book, its notices and its events; nothing of it where `former` is no longer what is kept."""
    if former is not None and _whole(held).number != former.number:
        return False
    _put_alerts(held, {} if former is None else former.alerts, book.alerts, is_whole=former is None)
    _put_rules(held, {} if former is None else former.rules, book.rules, is_whole=former is None)
    whole = _Whole(
        version=_VERSION,
        number=book.number,
        told=dict(book.told),
        looked_at=book.looked_at,
        summary_on=book.summary_on,
        unsure_until=book.unsure_until,
    )
    held.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_NAME, _encode(whole)))
    if book.looked_at is not None:
        over = [
            (each.rule, _subject_text(each.subject))
            for each in _silences(held)
            if each.is_over(book.looked_at - _KEPT_OVER)
        ]
        held.executemany("DELETE FROM silences WHERE rule = ? AND subject = ?", over)
        outbox.put(held, notices, book.looked_at)
    event_log.append(held, events)
    return True


def read_silences(held: sqlite3.Connection) -> tuple[Silence, ...]:
    """The silences, those that are over too."""
    return tuple(_silences(held))


def silence(held: sqlite3.Connection, wanted: Silence) -> bool:
    """Keep a silence, in the place of one of the same rule and subject."""
    document = _Silence(
        version=_VERSION, at=wanted.at, by=wanted.by, until=wanted.until, reason=wanted.reason
    )
    held.execute(
        "INSERT OR REPLACE INTO silences (rule, subject, doc) VALUES (?, ?, ?)",
        (wanted.rule, _subject_text(wanted.subject), _encode(document)),
    )
    return True


def unsilence(held: sqlite3.Connection, rule: str, subject: Subject | None, now: datetime) -> bool:
    """End the silence of a rule and subject; False where there is none that is not over by itself."""
    place = (rule, _subject_text(subject))
    there = any(_silenced(each) == place and not each.is_over(now) for each in _silences(held))
    held.execute("DELETE FROM silences WHERE rule = ? AND subject = ?", place)
    return there


def _put_alerts(
    held: sqlite3.Connection,
    before: Mapping[AlertKey, Alert],
    after: Mapping[AlertKey, Alert],
    *,
    is_whole: bool,
) -> None:
    if is_whole:
        held.execute("DELETE FROM alerts")
    held.executemany(
        "DELETE FROM alerts WHERE rule = ? AND subject = ? AND level = ?",
        [_place(key) for key in before.keys() - after.keys()],
    )
    held.executemany(
        "INSERT OR REPLACE INTO alerts (rule, subject, level, doc) VALUES (?, ?, ?, ?)",
        [
            (*_place(key), _encode(convert(alert, _Alert, from_attributes=True)))
            for key, alert in after.items()
            if before.get(key) is not alert
        ],
    )


def _put_rules(
    held: sqlite3.Connection,
    before: Mapping[str, RuleMemory],
    after: Mapping[str, RuleMemory],
    *,
    is_whole: bool,
) -> None:
    if is_whole:
        held.execute("DELETE FROM alert_rules")
    held.executemany(
        "DELETE FROM alert_rules WHERE rule = ?", [(name,) for name in before.keys() - after.keys()]
    )
    held.executemany(
        "INSERT OR REPLACE INTO alert_rules (rule, doc) VALUES (?, ?)",
        [(name, _encode(_rule(rule))) for name, rule in after.items() if before.get(name) is not rule],
    )


def _rule(rule: RuleMemory) -> _Rule:
    ordered = sorted(rule.awaited, key=lambda each: (each.kind, each.id, each.part or ""))
    awaited = tuple(StoredSubject(each.kind, each.id, each.part) for each in ordered)
    return _Rule(
        version=_VERSION, when=rule.when, first_at=rule.first_at, awaited=awaited, episodes=rule.episodes
    )


def _alerts(held: sqlite3.Connection) -> Iterator[Alert]:
    for rule, subject, level, document in held.execute("SELECT rule, subject, level, doc FROM alerts"):
        found, about = _decode(document, _Alert), _subject(subject)
        if found is None or about is None:
            continue
        try:
            fields = {name: getattr(found, name) for name in found.__struct_fields__ if name != "version"}
            event = level.removeprefix(_EVENT) if level.startswith(_EVENT) else ""
            exact = Decimal(level) if level and not event else None
            if exact is not None and not exact.is_finite():
                continue
            key = {"rule": rule, "subject": about, "level": exact, "event": event}
            yield convert({**fields, **key}, Alert, from_attributes=True)
        except (ArithmeticError, *UNREADABLE):
            continue


def _silences(held: sqlite3.Connection) -> Iterator[Silence]:
    rows = held.execute("SELECT rule, subject, doc FROM silences ORDER BY rule, subject").fetchall()
    for rule, subject, document in rows:
        found, about = _decode(document, _Silence), None if subject == _ALL else _subject(subject)
        if found is not None and (subject == _ALL or about is not None):
            yield Silence(rule, found.at, found.by, found.until, found.reason, about)


def _whole(held: sqlite3.Connection) -> _Whole:
    row = held.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
    return (None if row is None else _decode(row[0], _Whole)) or _Whole(version=_VERSION)


def _place(key: AlertKey) -> tuple[str, str, str]:
    level = f"{_EVENT}{key.event}" if key.event else "" if key.level is None else f"{key.level:f}"
    return key.rule, _subject_text(key.subject), level


def _silenced(silence: Silence) -> tuple[str, str]:
    return silence.rule, _subject_text(silence.subject)


def _subject_text(subject: Subject | None) -> str:
    if subject is None:
        return _ALL
    return msgspec.json.encode([subject.kind, subject.id, subject.part]).decode()


def _subject(text: object) -> Subject | None:
    try:
        kind, about, part = msgspec.json.decode(str(text), type=tuple[SubjectKind, str, str | None])
    except UNREADABLE:
        return None
    return Subject(kind, about, part)


def _encode(document: Struct) -> str:
    return msgspec.json.encode(document).decode()


def _decode(document: object, kind: type[S]) -> S | None:
    try:
        found = msgspec.json.decode(document, type=kind) if isinstance(document, str | bytes) else None
    except UNREADABLE:
        return None
    fields = () if found is None else [getattr(found, name) for name in found.__struct_fields__]
    return found if all(is_instant(each) for each in fields if isinstance(each, datetime)) else None
