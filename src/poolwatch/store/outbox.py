"""The outbox: notices that channels are to take, each until one did, and how the channels do.

A notice stands here before it is sent. It is known by its id and its channel, on every try the same. All
functions that write run in a transaction; documents as in `stored`.
"""

# no `annotations` from __future__: a decoder would evaluate them at each start
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct, convert

from poolwatch.domain.alerts import Phase, Severity, SubjectKind
from poolwatch.domain.event_log import given_up
from poolwatch.domain.message import Message, message
from poolwatch.domain.notices import (
    TRY_AFTER,
    ChannelHealth,
    ChannelKind,
    Delivery,
    MarkedChannel,
    Notice,
    NoticeKind,
    next_up,
)
from poolwatch.host.instants import from_micros, to_micros
from poolwatch.store import events, stored
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.stored import Instant, Part

#: Notices that are done with are kept so long, to be told and to be sent again; the newest of many at least.
KEPT: Final = timedelta(days=30)
_MOST_DONE: Final = 2_000
#: Once a channel takes one, what failed waits no longer than this after its last try, in microseconds.
_NEAR: Final = TRY_AFTER[2] * 1_000_000
_COLUMNS: Final = "id, channel, doc, tries, waited, tried_at, next_at, done_at, given_up_at, why"
_WAITS: Final = "done_at IS NULL AND given_up_at IS NULL"
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
_UNREADABLE: Final = "notices.unreadable"
_GONE: Final = "notices.gone"
_NO_CHANNEL: Final = "notices.no_channel"


class StoredSubject(Part, frozen=True):
    """Whom or what an alert is about; `store/alerts` keeps it as well."""

    kind: SubjectKind
    id: str = ""
    part: str | None = None


class _Item(Part, frozen=True):
    rule: str
    subject: StoredSubject
    phase: Phase
    severity: Severity
    at: Instant
    cause: stored.Message
    episode: str = ""
    built_in: bool = False
    label: str = ""


class _Notice(Part, frozen=True, kw_only=True):
    """Without its id and its channel, which have columns of their own."""

    version: Literal[1]
    kind: NoticeKind
    at: Instant
    severity: Severity
    items: tuple[_Item, ...] = ()
    lines: tuple[stored.Message, ...] = ()


class Turn(Struct, frozen=True):
    """What a channel is to be sent now, else when the next try is due; neither where nothing waits.

    `hopeless` are ids of notices that are to be given up before that, and why.
    """

    delivery: Delivery | None = None
    next_at: datetime | None = None
    hopeless: tuple[str, ...] = ()
    why: Message | None = None


def put(held: sqlite3.Connection, notices: Iterable[Notice], now: datetime) -> int:
    """Have these sent; how many are new. One that is there already stays as it is, done with or not."""
    before = held.total_changes
    held.executemany(
        "INSERT OR IGNORE INTO outbox (id, channel, doc, queued_at, tries, waited) VALUES (?, ?, ?, ?, 0, 0)",
        [(each.id, each.channel, _encode(each), to_micros(now)) for each in notices],
    )
    added = held.total_changes - before
    if added:
        _prune(held, now)
    return added


def turn(
    held: sqlite3.Connection, channel: str, now: datetime, besides: Collection[str] = frozenset()
) -> Turn:
    """What a channel is to be sent now, but for the ids in `besides`."""
    waiting = [each for each in _waiting(held, channel) if each.notice.id not in besides]
    gone = held.execute(
        "SELECT 1 FROM channels WHERE name = ? AND gone_at IS NOT NULL", (channel,)
    ).fetchone()
    if gone is not None:
        return Turn(hopeless=tuple(each.notice.id for each in waiting), why=message(_GONE))
    up, due = next_up(waiting, now)
    if up is None:
        return Turn(next_at=due)
    row = held.execute(
        f"SELECT {_COLUMNS} FROM outbox WHERE id = ? AND channel = ?",  # noqa: S608 - names of columns
        (up.notice.id, channel),
    ).fetchone()
    delivery = _delivery(row)
    return Turn(hopeless=(up.notice.id,), why=message(_UNREADABLE)) if delivery is None else Turn(delivery)


def give_up(
    held: sqlite3.Connection, channel: str, ids: Collection[str], why: Message | None, now: datetime
) -> bool:
    """Try these no more, and tell so among the events."""
    held.executemany(
        "UPDATE outbox SET given_up_at = ?, next_at = NULL, why = ? WHERE id = ? AND channel = ?",
        [(to_micros(now), _encode_why(why), each, channel) for each in ids],
    )
    events.append(held, [given_up(channel, each, now) for each in ids])
    return True


def note(held: sqlite3.Connection, tried: Delivery, *, is_gone: bool = False) -> bool:
    """Keep how a notice stands after a try, and what that tells of its channel.

    `is_gone`: the receiver wants nothing more, so `turn` finds everything else hopeless that waits for it.
    """
    name, why = tried.notice.channel, _encode_why(tried.last_why)
    moments = (tried.tried_at, tried.next_try_at, tried.done_at, tried.given_up_at)
    held.execute(
        "UPDATE outbox SET tries = ?, waited = ?, tried_at = ?, next_at = ?, done_at = ?, given_up_at = ?,"
        " why = ? WHERE id = ? AND channel = ?",
        (tried.tries, tried.waited // _MICROSECOND, *map(_micros, moments), why, tried.notice.id, name),
    )
    at = _micros(tried.tried_at)
    if tried.done_at is not None:
        held.execute(
            "UPDATE channels SET taken_at = ?, failing_since = NULL, why = NULL WHERE name = ?", (at, name)
        )
        held.execute(
            "UPDATE outbox SET next_at = min(next_at, tried_at + ?)"  # noqa: S608
            f" WHERE channel = ? AND tried_at IS NOT NULL AND {_WAITS}",
            (_NEAR, name),
        )
        return True
    if at is not None:
        held.execute(
            "UPDATE channels SET failing_since = coalesce(failing_since, ?), why = ? WHERE name = ?",
            (at, why, name),
        )
    if tried.given_up_at is not None:
        events.append(held, [given_up(name, tried.notice.id, tried.given_up_at)])
    if is_gone:
        held.execute("UPDATE channels SET gone_at = ? WHERE name = ?", (at, name))
    return True


def set_up(held: sqlite3.Connection, channels: Sequence[MarkedChannel], now: datetime) -> bool:
    """Say which channels there are. One whose settings are others than before is no longer gone or failing.

    What has waited for longer than a day for a channel that is none of these is given up.
    """
    for each in channels:
        held.execute(
            "INSERT INTO channels (name, kind, mark) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
            " SET kind = excluded.kind, mark = excluded.mark,"
            " failing_since = NULL, why = NULL, gone_at = NULL WHERE mark != excluded.mark",
            (each.name, each.kind.value, each.mark),
        )
    names = {each.name for each in channels}
    for (name,) in held.execute("SELECT name FROM channels").fetchall():
        if name not in names:
            held.execute("DELETE FROM channels WHERE name = ?", (name,))
    waits = f"SELECT channel, id FROM outbox WHERE {_WAITS} AND queued_at <= ?"  # noqa: S608
    for name, notice_id in held.execute(waits, (to_micros(now - _DAY),)).fetchall():
        if name not in names:
            give_up(held, name, (notice_id,), message(_NO_CHANNEL), now)
    return True


def resend(held: sqlite3.Connection, notice_id: str, now: datetime) -> bool:
    """Have a notice sent once more, whatever became of it; False when there is none with that id."""
    cursor = held.execute(
        "UPDATE outbox SET queued_at = ?, tries = 0, waited = 0, tried_at = NULL, next_at = NULL,"
        " done_at = NULL, given_up_at = NULL, why = NULL WHERE id = ?",
        (to_micros(now), notice_id),
    )
    return cursor.rowcount > 0


def deliveries(held: sqlite3.Connection, limit: int) -> tuple[Delivery, ...]:
    """How the newest notices stand, so many at most, the newest first; damaged ones are left out."""
    rows = held.execute(
        f"SELECT {_COLUMNS} FROM outbox ORDER BY number DESC LIMIT ?",  # noqa: S608
        (limit,),
    ).fetchall()
    return tuple(each for row in rows if (each := _delivery(row)) is not None)


def health(held: sqlite3.Connection, now: datetime) -> tuple[ChannelHealth, ...]:
    """How each channel of the process that sends does, by name."""
    rows = held.execute(
        "SELECT name, kind, taken_at, failing_since, why, gone_at FROM channels ORDER BY name"
    ).fetchall()
    found = []
    for name, kind, taken_at, failing_since, why, gone_at in rows:
        waiting = list(_waiting(held, name))
        up, due = next_up(waiting, now)
        with suppress(*UNREADABLE):
            found.append(
                ChannelHealth(
                    name,
                    ChannelKind(kind),
                    _instant(taken_at),
                    _instant(failing_since),
                    _decode_why(why),
                    due if up is None else up.next_try_at,
                    len(waiting),
                    disabled=gone_at is not None,
                )
            )
    return tuple(found)


def _waiting(held: sqlite3.Connection, channel: str) -> Iterator[Delivery]:
    """What waits for a channel, in order: without what it tells, but enough to say whose turn it is."""
    rows = held.execute(
        f"SELECT id, tries, tried_at, next_at FROM outbox WHERE channel = ? AND {_WAITS}"  # noqa: S608
        " ORDER BY number",
        (channel,),
    )
    for notice_id, tries, tried_at, due in rows:
        bare = Notice(notice_id, channel, NoticeKind.ALERTS, from_micros(0), Severity.INFO)
        known = tries if _is_count(tries) else 0
        yield Delivery(bare, known, _instant(due), tried_at=_instant(tried_at))


def _prune(held: sqlite3.Connection, now: datetime) -> None:
    """Forget what is long done with; what waits is never forgotten."""
    oldest = held.execute(
        f"SELECT number FROM outbox WHERE NOT ({_WAITS}) ORDER BY number DESC LIMIT 1 OFFSET ?",  # noqa: S608
        (_MOST_DONE,),
    ).fetchone()
    held.execute(
        f"DELETE FROM outbox WHERE NOT ({_WAITS}) AND (queued_at < ? OR number <= ?)",  # noqa: S608
        (to_micros(now - KEPT), oldest[0] if oldest else -1),
    )


def _encode(notice: Notice) -> str:
    items = tuple(convert(each, _Item, from_attributes=True) for each in notice.items)
    lines = tuple(convert(each, stored.Message, from_attributes=True) for each in notice.lines)
    document = _Notice(
        version=1, kind=notice.kind, at=notice.at, severity=notice.severity, items=items, lines=lines
    )
    return msgspec.json.encode(document).decode()


def _delivery(row: Sequence[Any]) -> Delivery | None:
    notice_id, channel, document, tries, waited, tried_at, due, done_at, given_up_at, why = row
    if not _is_count(tries):
        # what became of a try could not be worked out, and it would be sent for ever
        return None
    try:
        held = msgspec.json.decode(document, type=_Notice)
        notice = convert(
            {
                "id": notice_id,
                "channel": channel,
                **{name: getattr(held, name) for name in held.__struct_fields__ if name != "version"},
            },
            Notice,
            from_attributes=True,
        )
        return Delivery(
            notice,
            tries,
            _instant(due),
            _instant(done_at),
            _instant(given_up_at),
            _decode_why(why),
            _instant(tried_at),
            waited * _MICROSECOND,
        )
    except UNREADABLE:
        return None


def _encode_why(why: Message | None) -> str | None:
    if why is None:
        return None
    return msgspec.json.encode(convert(why, stored.Message, from_attributes=True)).decode()


def _decode_why(document: object) -> Message | None:
    if not isinstance(document, str):
        return None
    with suppress(*UNREADABLE):
        return convert(msgspec.json.decode(document, type=stored.Message), Message, from_attributes=True)
    return None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 0


def _micros(at: datetime | None) -> int | None:
    return None if at is None else to_micros(at)


def _instant(count: object) -> datetime | None:
    if not isinstance(count, int):
        return None
    with suppress(OverflowError):
        return from_micros(count)
    return None
