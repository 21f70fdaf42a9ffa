"""Readings of the past, taken into history; and what follows from them: cycles, and the events of that time.

First rows, with a note which accounts have new ones; then each account's history is gone through once more
and the note goes, in one transaction with what it told. Who dies in between is finished by the next import.
Nothing of the present is touched: no account's state, and of a window that runs only what was before.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import msgspec
from msgspec import Struct

from poolwatch.domain.cycles import Cycle, EndedBy
from poolwatch.domain.event_log import (
    UPSTREAM_WITHIN,
    EventKind,
    LoggedEvent,
    fold_resets,
    is_early_weekly,
)
from poolwatch.domain.replay import Followed, replay
from poolwatch.domain.series import Figure, FigureName, Gap, HistoryRow, Place, Series, differs
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY
from poolwatch.domain.values import replace
from poolwatch.host.instants import from_micros
from poolwatch.store import cycles as past_cycles
from poolwatch.store import events as event_log
from poolwatch.store import history, identities
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.lines import PastReading, told_reset
from poolwatch.store.retention import first_full_day, roll_up
from poolwatch.store.stored import Instant

#: Keys of `meta` before account ids: whose history is to be gone through, and whose was.
_NEW: Final = "import:"
_DONE: Final = "imported:"
#: The key under which stands how many that were.
_COUNT: Final = "imports"
#: An event of the same kind and window so near is the same one, told from other readings.
_NEAR: Final = timedelta(hours=1)
#: So near, the end of a cycle and the beginning of the next one overlap by no more than clocks differ.
_TOUCH: Final = timedelta(minutes=5)
#: A gap shorter than this is none.
_LEAST_GAP: Final = timedelta(minutes=15)
_GONE: Final = Figure()
#: Why a window was reset early is no part of history: what was seen then is known better.
_BANKED: Final = (EventKind.EARLY_RESET, EventKind.BANKED_RESET)


class _Period(Struct, frozen=True):
    """From the first new row of an account to the last."""

    first: Instant
    last: Instant

    def with_(self, other: _Period | None) -> _Period:
        if other is None:
            return self
        return _Period(min(self.first, other.first), max(self.last, other.last))


class Retold(Struct, frozen=True):
    """What all of an account's history tells, now that some of it is new."""

    account_id: str
    period: _Period
    told: Followed


# -- readings become rows


def take(held: sqlite3.Connection, readings: Sequence[PastReading]) -> int:
    """Keep what these readings tell that was not known, inside a transaction; how many rows that made."""
    ordered = sorted(readings, key=lambda each: (each.identity.account_id, each.at))
    count = 0
    for _, within in groupby(ordered, key=lambda each: each.identity.account_id):
        count += _take_account(held, list(within))
    return count


def _take_account(held: sqlite3.Connection, readings: Sequence[PastReading]) -> int:
    identity, first, last = readings[-1].identity, readings[0].at, readings[-1].at
    account_id = identity.account_id
    identities.put(held, (identity,))
    stored = history.rows_since(held, account_id, first, last, carried=True)
    rows = _new_rows(account_id, stored, readings)
    if not rows:
        return 0
    _split_gaps(held, account_id, [reading.at for reading in readings])
    history.append(held, rows)
    period = _Period(rows[0].at, rows[-1].at).with_(_period(held, _NEW + account_id))
    _note(held, _NEW + account_id, period)
    return len(rows)


def _new_rows(
    account_id: str, stored: Sequence[HistoryRow], readings: Iterable[PastReading]
) -> list[HistoryRow]:
    known: dict[Place, Figure] = {}
    rows: list[HistoryRow] = []
    passed = 0
    for reading in readings:
        while passed < len(stored) and stored[passed].at <= reading.at:
            row = stored[passed]
            known[row.series, row.bucket, row.window] = row.figure
            passed += 1
        gone = dict.fromkeys(
            (place for place, figure in known.items() if place[0] in reading.told and figure != _GONE), _GONE
        )
        for place, figure in {**gone, **reading.figures}.items():
            was = known.get(place)
            kept = _completed_by(was, figure, reading.at) if was and place in reading.figures else figure
            if was is None or differs(was, kept):
                rows.append(HistoryRow(account_id, reading.at, *place, figure))
                known[place] = figure
    return rows


def _completed_by(was: Figure, told: Figure, at: datetime) -> Figure:
    """A figure with what lines do not tell as it was known: flags, and a reset that none can mean."""
    resets_at = told.resets_at
    if resets_at is None and told_reset(was.resets_at, at) is None:
        resets_at = was.resets_at
    return replace(told, resets_at=resets_at, limit_reached=was.limit_reached, allowed=was.allowed)


def _split_gaps(held: sqlite3.Connection, account_id: str, instants: Iterable[datetime]) -> None:
    """A gap in which somebody else read the account is one before and one after."""
    for at in instants:
        for gap in history.gaps_between(held, account_id, at, at + timedelta(microseconds=1)):
            if gap.start < at < gap.end:
                parts = (Gap(gap.start, at), Gap(at, gap.end))
                history.drop_gap(held, account_id, gap)
                history.put_gaps(
                    held, [(account_id, each) for each in parts if each.end - each.start > _LEAST_GAP]
                )


# -- what follows from them


def retell(held: sqlite3.Connection) -> Retold | None:
    """Go through the history of one account with new rows; None when there is none left.

    It takes a while, in which nothing is locked. An account of which nothing can be told keeps none of the
    others from being told of; once they are, its error is raised.
    """
    failed: Exception | None = None
    for account_id, period in _noted(held, _NEW).items():
        newest = past_cycles.newest(held, (account_id,), 1).get(account_id, ())
        # until then nothing changed any more
        read_at = max((each.read_at for each in newest if each.read_at is not None), default=None)
        rows = history.rows_since(held, account_id, from_micros(0))
        try:
            return Retold(account_id, period, replay(account_id, rows, until=read_at))
        except Exception as error:  # noqa: BLE001 - rows may hold what nobody thought of
            failed = error
    if failed is not None:
        raise failed
    return None


def finish(held: sqlite3.Connection, told: Retold | None, now: datetime) -> bool:
    """Keep what that told, inside a transaction; whether there is more to do.

    Only then do the account's changes become hours and days, as old as they are.
    """
    if told is None:
        done = _noted(held, _DONE)
        if done:
            _fold(held, done)
        for account_id in done:
            _forget(held, _DONE + account_id)
        return False
    account_id = told.account_id
    # otherwise another import is at it
    if _period(held, _NEW + account_id) == told.period:
        whole = _Period(told.period.first, _keep(held, told))
        for name, figure in history.figure_ids(held, account_id).items():
            if name.series is not Series.PLAN:
                roll_up(held, figure, first_full_day(now))
        number = str(count(held) + 1)
        held.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_COUNT, number))
        _forget(held, _NEW + account_id)
        _note(held, _DONE + account_id, whole.with_(_period(held, _DONE + account_id)))
    return True


def count(held: sqlite3.Connection) -> int:
    """How many accounts were gone through so far; when it grows, cycles held in memory are old."""
    row = held.execute("SELECT value FROM meta WHERE name = ?", (_COUNT,)).fetchone()
    try:
        return 0 if row is None else int(row[0])
    except UNREADABLE:
        return 0


def _keep(held: sqlite3.Connection, retold: Retold) -> datetime:
    """Keep what reaches into the period as it is told now; until when that goes."""
    account_id, period, told = retold.account_id, retold.period, retold.told
    last = period.last
    for place in sorted(told.tracks):
        mine = [cycle for cycle in told.cycles if (cycle.bucket, cycle.window) == place]
        figure, stored = past_cycles.of_window(held, account_id, *place)
        running = told.tracks[place].running
        if stored and running is not None and _is_one(stored[-1], running):
            past_cycles.drop(held, figure, [stored[-1].started_at])
            stored = (*stored[:-1], _completed(stored[-1], running))
            past_cycles.put(held, stored[-1:])
        kept = [each for each in stored if each.ended_at is None or not _reaches(each, period)]
        fresh = [
            _ended_as_known(cycle, stored)
            for cycle in mine
            if _reaches(cycle, period) and not any(_overlap(cycle, each) for each in kept)
        ]
        past_cycles.drop(held, figure, (each.started_at for each in stored if each not in kept))
        past_cycles.put(held, fresh)
        last = max([last, *(cycle.ended_at for cycle in fresh if cycle.ended_at is not None)])
    known = [
        event
        for event in event_log.between(held, period.first - _NEAR, last + _NEAR)
        if event.account_id == account_id
    ]
    new = [event for event in told.events if period.first <= event.at <= last]
    ids = {event.id for event in new}
    # the same event of the same moment is told from more readings now
    event_log.drop(held, [event for event in known if event.id in ids])
    others = [event for event in known if event.id not in ids]
    event_log.append(held, [event for event in new if not any(_is_same(event, each) for each in others)])
    return last


def _is_one(stored: Cycle, running: Cycle) -> bool:
    """Whether both are the cycle that runs, as it was watched here and as all of history tells it."""
    if stored.ended_at is not None or stored.disputed:
        return False
    if stored.resets_at is None or running.resets_at is None:
        return stored.resets_at is running.resets_at and abs(stored.started_at - running.started_at) <= _TOUCH
    return abs(stored.resets_at - running.resets_at) <= _TOUCH


def _ended_as_known(told: Cycle, stored: Iterable[Cycle]) -> Cycle:
    """A cycle that was told anew, ended by a banked reset where that was seen: no line tells it."""
    ended = told.ended_at
    if ended is None or told.ended_by is not EndedBy.EARLY_RESET:
        return told
    banked = (each.ended_at for each in stored if each.ended_by is EndedBy.BANKED_RESET)
    was_banked = any(abs(at - ended) <= _NEAR for at in banked if at is not None)
    return replace(told, ended_by=EndedBy.BANKED_RESET) if was_banked else told


def _completed(stored: Cycle, running: Cycle) -> Cycle:
    """A cycle that runs, with what was used of it before it was watched here."""
    if _used(running) < _used(stored):
        return stored
    return replace(
        stored,
        started_at=running.started_at,
        peak_percent=max(stored.peak_percent or 0.0, running.peak_percent or 0.0),
        full_seconds=max(stored.full_seconds, running.full_seconds),
        rises=running.rises,
        readings=max(stored.readings, running.readings),
        start_seen=running.start_seen,
        watched_at=running.watched_at,
    )


def _used(cycle: Cycle) -> float:
    return sum(rise.percent for rise in cycle.rises)


def _reaches(cycle: Cycle, period: _Period) -> bool:
    """Whether a cycle reaches into the period."""
    return cycle.started_at <= period.last and (cycle.ended_at is None or cycle.ended_at >= period.first)


def _overlap(one: Cycle, other: Cycle) -> bool:
    return _ends_after(one, other.started_at + _TOUCH) and _ends_after(other, one.started_at + _TOUCH)


def _ends_after(cycle: Cycle, at: datetime) -> bool:
    return cycle.ended_at is None or cycle.ended_at > at


def _is_same(told: LoggedEvent, known: LoggedEvent) -> bool:
    same = (told.bucket, told.window) == (known.bucket, known.window) and abs(told.at - known.at) <= _NEAR
    return same and (told.kind is known.kind or (told.kind, known.kind) == _BANKED)


def _fold(held: sqlite3.Connection, done: Mapping[str, _Period]) -> None:
    """Weekly limits that were reset early together are one event of the upstream."""
    first = min(period.first for period in done.values()) - UPSTREAM_WITHIN
    last = max(period.last for period in done.values()) + UPSTREAM_WITHIN
    known = event_log.between(held, first, last)
    early = [event for event in known if is_early_weekly(event) and event.account_id in done]
    weekly = FigureName(Series.WINDOW, BASE_BUCKET, WEEKLY)
    sources = {each: "" for each in done if weekly in history.figure_ids(held, each)}
    told, _ = fold_resets(early, sources)
    event_log.drop(held, early)
    whole = [event for event in (*known, *told) if event.kind is EventKind.UPSTREAM_RESET]
    event_log.append(held, [event for event in told if not _is_part(event, whole)])


def _is_part(event: LoggedEvent, whole: Iterable[LoggedEvent]) -> bool:
    """Whether it is told already, as one of many or as the same event of all."""
    return any(each.id != event.id and abs(each.at - event.at) <= UPSTREAM_WITHIN for each in whole)


# -- notes


def _noted(held: sqlite3.Connection, prefix: str) -> dict[str, _Period]:
    found: dict[str, _Period] = {}
    rows = held.execute("SELECT name FROM meta WHERE name >= ? AND name < ?", (prefix, prefix + "\uffff"))
    for (name,) in rows.fetchall():
        period = _period(held, name)
        if period is not None:
            found[name.removeprefix(prefix)] = period
    return found


def _period(held: sqlite3.Connection, name: str) -> _Period | None:
    row = held.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    try:
        return None if row is None else msgspec.json.decode(row[0], type=_Period)
    except UNREADABLE:
        return None


def _note(held: sqlite3.Connection, name: str, period: _Period) -> None:
    value = msgspec.json.encode(period).decode()
    held.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def _forget(held: sqlite3.Connection, name: str) -> None:
    held.execute("DELETE FROM meta WHERE name = ?", (name,))
