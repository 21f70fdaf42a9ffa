"""What happened, as the screen of events shows it: rows under their headings, the newest first."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import Final

from msgspec import Struct

from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.notices import Delivery, NoticeKind
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.deliveries import sending_span
from poolwatch.presentation.event_text import event_subject, event_text
from poolwatch.presentation.order import natural
from poolwatch.presentation.view import Prefs, Tone
from poolwatch.words import events as words
from poolwatch.words import notices


class EventGroup(StrEnum):
    """What the headings of the screen stand for."""

    DAY = "day"
    ACCOUNT = "account"
    KIND = "kind"


class EventSort(StrEnum):
    """The kinds of events as people tell them apart, in the order of their headings."""

    ALERTS = "alerts"
    LOGINS = "logins"
    LIMITS = "limits"
    MONEY = "money"
    SOURCES = "sources"
    MESSAGES = "messages"


_SORTS: Final = {
    EventKind.ALERT_FIRED: EventSort.ALERTS,
    EventKind.ALERT_RESOLVED: EventSort.ALERTS,
    EventKind.LOGIN_DIED: EventSort.LOGINS,
    EventKind.SIGNED_IN: EventSort.LOGINS,
    EventKind.CREDITS_CAME: EventSort.MONEY,
    EventKind.PLAN_CHANGED: EventSort.MONEY,
    EventKind.SOURCE_DOWN: EventSort.SOURCES,
    EventKind.SOURCE_BACK: EventSort.SOURCES,
    EventKind.NOT_OFFERED: EventSort.MONEY,
    EventKind.TOPUP_PROPOSED: EventSort.MONEY,
    EventKind.NOTICE_GIVEN_UP: EventSort.MESSAGES,
    EventKind.BUDGET_RESET: EventSort.MONEY,
}
#: The mark of a message, and of each kind; sets of glyphs have other forms of them.
_SAID: Final = "·"
_SENT: Final = "→"
_SENT_WORDS: Final[Mapping[NoticeKind, Callable[[int], str]]] = {
    NoticeKind.SUMMARY: lambda count: notices.SUMMARY(),
    NoticeKind.DIGEST: notices.held,
}
_MARKS: Final = {
    EventKind.EXHAUSTED: ("◐", Tone.AMBER),
    EventKind.BACK: ("●", Tone.GOOD),
    EventKind.RESET: ("↻", Tone.DIM),
    EventKind.EARLY_RESET: ("↻", Tone.ACCENT),
    EventKind.UPSTREAM_RESET: ("↻", Tone.ACCENT),
    EventKind.BANKED_RESET: ("↻", Tone.ACCENT),
    EventKind.CREDITS_CAME: ("+", Tone.GOOD),
    EventKind.PLAN_CHANGED: ("↑", Tone.ACCENT),
    EventKind.LOGIN_DIED: ("✕", Tone.RED),
    EventKind.SIGNED_IN: ("●", Tone.GOOD),
    EventKind.SOURCE_DOWN: ("↓", Tone.AMBER),
    EventKind.SOURCE_BACK: ("●", Tone.GOOD),
    EventKind.NOT_OFFERED: ("✕", Tone.AMBER),
    EventKind.TOPUP_PROPOSED: ("$", Tone.ACCENT),
    EventKind.NOTICE_GIVEN_UP: ("✕", Tone.RED),
    EventKind.BUDGET_RESET: ("↻", Tone.DIM),
    EventKind.ALERT_FIRED: ("!", Tone.AMBER),
    EventKind.ALERT_RESOLVED: ("●", Tone.GOOD),
}


class EventRow(Struct, frozen=True):
    """One event, or one thing that was said in this run (`who` is empty then)."""

    #: the same as long as the event is there, whatever stands around it
    id: str
    at: datetime
    clock: str
    mark: str
    mark_tone: Tone
    who: str
    text: str
    tone: Tone = Tone.PLAIN
    account_id: str | None = None
    #: of what befell a source
    source: str | None = None
    sort: EventSort = EventSort.MESSAGES

    @property
    def texts(self) -> tuple[str, ...]:
        """What words of a filter are looked for in."""
        return self.who, self.text, words.sort_word(self.sort.value)


def texts_of(event: LoggedEvent, names: AccountNames, zone: tzinfo | None) -> tuple[str, ...]:
    """The same of an event that is no row."""
    text = event_text(event, event.at, zone, names.bucket(event.account_id, event.bucket))
    return event_subject(event, names), text, words.sort_word(_sort(event).value)


class EventSection(Struct, frozen=True):
    """A heading and the rows under it."""

    heading: str
    rows: tuple[EventRow, ...]


class Told(Struct, frozen=True):
    """What was said on the message line, by our own clock."""

    at: datetime
    text: str
    tone: Tone = Tone.PLAIN


class EventsView(Struct, frozen=True):
    """The screen's final texts."""

    #: "since you looked, yesterday 18:02 (20h): 34"
    since: str
    sections: tuple[EventSection, ...]
    #: how many there are, whatever the filter lets through
    total: int
    #: "5 of them alerts", which follows it where there is room
    since_more: str = ""

    @property
    def rows(self) -> tuple[EventRow, ...]:
        """All that are shown, in order."""
        return tuple(row for section in self.sections for row in section.rows)


def events_view(
    logged: Iterable[LoggedEvent],
    said: Iterable[Told],
    names: AccountNames,
    sources: Container[str],
    looked_at: datetime | None,
    since: datetime | None,
    group: EventGroup,
    lets: Callable[[EventRow], bool] | None,
    now: datetime,
    prefs: Prefs,
    deliveries: Iterable[Delivery] = (),
) -> EventsView:
    """Events old to new and what was said, under headings. `now` is our own clock, and `lets` the filter.

    Of the `deliveries` those are told that no event tells of: summaries, and what quiet hours held.

    `since`: from when on all events are there. Those of accounts that are in `names` no more, or never were
    (another configuration's), are left out, and those of other `sources`.
    """
    own = [
        each
        for each in logged
        if each.account_id is None or each.account_id in names.accounts
        if each.account_id is not None or each.source is None or each.source in sources
    ]
    rows = [_of_event(each, names, group, now, prefs) for each in own]
    rows += [_of_said(each, group, now, prefs) for each in said]
    rows += [
        _of_delivery(each, group, now, prefs)
        for each in deliveries
        if each.notice.kind in _SENT_WORDS and each.given_up_at is None
        if since is not None and each.notice.at >= since
    ]
    rows.sort(key=lambda row: row.at, reverse=True)
    fresh = [row for row in rows if looked_at is not None and row.at > looked_at]
    alerts = sum(row.sort is EventSort.ALERTS for row in fresh)
    shown = [row for row in rows if lets(row)] if lets is not None else rows
    match group:
        case EventGroup.DAY:
            sections = _by_day(shown, looked_at, now, prefs)
        case EventGroup.ACCOUNT:
            whose = sorted({row.who for row in shown}, key=lambda who: (not who, natural(who)))
            sections = [_section(who or words.SAID(), shown, "who", who) for who in whose]
        case EventGroup.KIND:
            sections = [
                section
                for sort in EventSort
                if (section := _section(words.sort_word(sort.value), shown, "sort", sort)).rows
            ]
    is_whole = looked_at is None or since is None or since <= looked_at
    since_words = _since(looked_at, len(fresh), now, prefs, is_whole=is_whole)
    more = words.of_them_alerts(alerts) if alerts else ""
    return EventsView(since_words, tuple(sections), len(rows), more)


def _of_event(
    event: LoggedEvent, names: AccountNames, group: EventGroup, now: datetime, prefs: Prefs
) -> EventRow:
    mark, tone = _MARKS[event.kind]
    return EventRow(
        event.id,
        event.at,
        _clock(event.at, group, now, prefs),
        mark,
        tone,
        event_subject(event, names),
        _text_of(event, prefs.zone, names.bucket(event.account_id, event.bucket)),
        account_id=event.account_id,
        source=event.source if event.account_id is None else None,
        sort=_sort(event),
    )


def _sort(event: LoggedEvent) -> EventSort:
    if event.balance is not None:
        return EventSort.MONEY
    return _SORTS.get(event.kind, EventSort.LIMITS)


@lru_cache(maxsize=8192)  # with every change of the pool the same thousands again
def _text_of(event: LoggedEvent, zone: tzinfo | None, bucket: str) -> str:
    return event_text(event, event.at, zone, bucket)


def _of_said(said: Told, group: EventGroup, now: datetime, prefs: Prefs) -> EventRow:
    tone = said.tone if said.tone in (Tone.AMBER, Tone.RED) else Tone.PLAIN
    clock = _clock(said.at, group, now, prefs)
    return EventRow(f"{said.at} {said.text}", said.at, clock, _SAID, Tone.DIM, "", said.text, tone)


def _of_delivery(delivery: Delivery, group: EventGroup, now: datetime, prefs: Prefs) -> EventRow:
    notice = delivery.notice
    told = sending_span(notice.channel, delivery, now, prefs, brief=True)
    who = _SENT_WORDS[notice.kind](len(notice.items))
    clock = _clock(notice.at, group, now, prefs)
    return EventRow(f"{notice.id} {notice.channel}", notice.at, clock, _SENT, Tone.DIM, who, told.text)


def _clock(at: datetime, group: EventGroup, now: datetime, prefs: Prefs) -> str:
    if group is EventGroup.DAY:
        return f"{figures.local_time(at, prefs.zone):%H:%M}"
    return figures.clock(at, now, prefs.zone)


def _by_day(
    rows: Sequence[EventRow], looked_at: datetime | None, now: datetime, prefs: Prefs
) -> list[EventSection]:
    """One section a day; the day on which somebody looked has two."""
    found: dict[tuple[date, bool], list[EventRow]] = {}
    for row in rows:
        day = figures.local_time(row.at, prefs.zone).date()
        found.setdefault((day, looked_at is None or row.at > looked_at), []).append(row)
    sections = []
    for (day, is_new), within in found.items():
        heading = _day_word(within[0].at, now, prefs)
        if (day, not is_new) in found:
            heading = words.after_you_looked(heading) if is_new else words.before_you_looked(heading)
        sections.append(EventSection(heading, tuple(within)))
    return sections


def _day_word(at: datetime, now: datetime, prefs: Prefs) -> str:
    match _days_ago(at, now, prefs):
        case 0:
            return words.TODAY()
        case 1:
            return words.YESTERDAY()
        case _:
            return figures.weekday_and_day(at, now, prefs.zone)


def _days_ago(at: datetime, now: datetime, prefs: Prefs) -> int:
    return (figures.local_time(now, prefs.zone).date() - figures.local_time(at, prefs.zone).date()).days


def _section(heading: str, rows: Iterable[EventRow], field: str, value: object) -> EventSection:
    return EventSection(heading, tuple(row for row in rows if getattr(row, field) == value))


def _since(looked_at: datetime | None, new: int, now: datetime, prefs: Prefs, *, is_whole: bool) -> str:
    if looked_at is None:
        return ""
    clock = f"{figures.local_time(looked_at, prefs.zone):%H:%M}"
    days = _days_ago(looked_at, now, prefs)
    when = clock if days == 0 else figures.clock(looked_at, now, prefs.zone)
    when = words.yesterday_at(clock) if days == 1 else when
    age = figures.age(max(now - looked_at, timedelta(0)))
    if not is_whole:
        return words.much_since_you_looked(when, age, f"{new:,}")
    return words.since_you_looked(when, age, f"{new:,}") if new else words.nothing_since(when, age)


def next_day(rows: Sequence[EventRow], selected: str | None, step: int, prefs: Prefs) -> str | None:
    """The first event of the next older day (`step` -1), or newer (1); None where there is none."""
    days = [figures.local_time(row.at, prefs.zone).date() for row in rows]
    at = next((nth for nth, row in enumerate(rows) if row.id == selected), None)
    if at is None:
        return None
    others = [day for day in days if (day < days[at] if step < 0 else day > days[at])]
    if not others:
        return None
    wanted = max(others) if step < 0 else min(others)
    return rows[days.index(wanted)].id
