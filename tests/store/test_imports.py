"""A past that another machine saw: taken once however often it is told; the present is not touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from poolwatch.domain.cycles import Cycle, EndedBy, Rise
from poolwatch.domain.event_log import EventKind
from poolwatch.domain.replay import Followed, replay
from poolwatch.domain.series import Figure, FigureName, Gap, HistoryRow, Series
from poolwatch.domain.values import replace
from poolwatch.store import imports
from poolwatch.store.database import Database
from poolwatch.store.lines import PastReading, lines_of, parse_line
from tests.store.aged import dump, reading, weeks
from tests.store.given import NOON, account, put_rows, same, told
from tests.support.years import days_of, key

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
WEEKLY = FigureName(Series.WINDOW, "codex", "weekly")
BEGIN = datetime(2026, 10, 20, tzinfo=UTC)
LONG_AGO = NOON - 900 * DAY


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "one", NOON)
    yield database
    database.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "other", NOON)
    yield database
    database.close()


def take(held: Database, past: Sequence[PastReading], now: datetime = NOON) -> int:
    count = held.take_readings(past)
    assert count is not None
    while held.finish_import(now):
        pass
    return count


def exported(held: Database, number: int) -> list[PastReading]:
    [who] = [each for each in held.identities() if each.account_id == key(number).id]
    found = [
        parse_line(raw, NOON) for raw in lines_of(who, held.history(who.account_id, LONG_AGO), LONG_AGO, NOON)
    ]
    assert all(isinstance(each, PastReading) for each in found)
    return [each for each in found if isinstance(each, PastReading)]


def test_what_was_told_once_changes_nothing_when_it_is_told_again(held: Database) -> None:
    past = weeks(BEGIN, 4)
    assert take(held, past) == len(past)
    before = dump(held)
    for again in (past, past[7:20], list(reversed(past))):
        assert take(held, again) == 0
        assert dump(held) == before
    assert held.notices == ()


def test_what_lines_do_not_tell_stays_when_an_export_is_taken_where_it_came_from(held: Database) -> None:
    beyond = NOON + 9000 * DAY
    for ago, figure in (
        (3, Figure(limit_reached=True)),
        (2, Figure(40, beyond, allowed=True)),
        (1, Figure(41, beyond)),
    ):
        row = HistoryRow(key(1).id, NOON - ago * HOUR, Series.WINDOW, "codex", "weekly", figure)
        held.save([replace(account(1), key=key(1))], NOON, [row])
    before = dump(held)
    past = exported(held, 1)
    assert len(past) == 3
    assert take(held, past) == 0
    assert dump(held) == before


def test_the_order_and_the_cut_of_what_is_told_make_no_difference(held: Database, other: Database) -> None:
    past = weeks(BEGIN, 4)
    take(held, past)
    for some in (past[30:], past[:11], past[11:30]):
        take(other, some)
    assert dump(other) == dump(held)


def test_past_windows_and_events_follow_from_it(held: Database) -> None:
    take(held, weeks(BEGIN, 4))
    cycles = held.cycles(None, 99)[key(1).id]
    assert [(each.started_at, each.ended_at, each.peak_percent) for each in cycles[:3]] == [
        (BEGIN + 7 * week * DAY, BEGIN + 7 * (week + 1) * DAY, 60) for week in range(3)
    ]
    assert [(each.kind, each.at) for each in held.events(LONG_AGO)] == [
        (EventKind.RESET, BEGIN + 7 * (week + 1) * DAY) for week in range(3)
    ]


def test_changes_older_than_two_weeks_become_hours_at_once(held: Database) -> None:
    take(held, weeks(BEGIN, 4))
    [(changes,)] = held._connection.execute("SELECT count(*) FROM changes")
    [(days,)] = held._connection.execute("SELECT count(*) FROM days")
    assert changes < 30
    assert days > 15


def test_nothing_of_the_present_is_touched(held: Database) -> None:
    state = replace(account(1), key=key(1))
    now = HistoryRow(key(1).id, NOON, Series.WINDOW, "codex", "weekly", Figure(33, NOON + 3 * DAY))
    running = Cycle(
        key(1).id, "codex", "weekly", NOON - 4 * DAY, 604800, NOON + 3 * DAY, last_percent=33, read_at=NOON
    )
    held.save([state], NOON, [now], cycles=[running])
    take(held, weeks(BEGIN, 4))
    assert same(held.load_accounts(), (state,))
    cycles = held.cycles(None, 99)[key(1).id]
    assert cycles[-1] == running
    assert all(each.ended_at is not None and each.ended_at <= running.started_at for each in cycles[:-1])
    assert held.history(key(1).id, NOON) == (now,)


def test_of_a_window_that_runs_only_what_was_before_is_told(held: Database) -> None:
    begin = NOON - 3 * DAY
    place = (Series.WINDOW, "codex", "weekly")
    rows = [
        HistoryRow(key(1).id, NOON - ago * HOUR, *place, Figure(used, begin + 7 * DAY))
        for ago, used in ((9, 40), (3, 45))
    ]
    watched = Cycle(
        key(1).id, "codex", "weekly", begin, 604800, begin + 7 * DAY, None, None, 45, 45, NOON,
        rises=(Rise(int(begin.timestamp()) // 3600 + 7, 5.0),), readings=3, start_seen=False, plan="pro",
    )  # fmt: skip
    held.save((), NOON, rows, cycles=[watched])
    before = held.imports()
    take(held, [reading(begin + each * HOUR, 2 * each, begin + 7 * DAY) for each in range(0, 16, 3)])
    [cycle] = held.cycles(None, 9)[key(1).id]
    assert sum(rise.percent for rise in cycle.rises) == 45
    assert cycle.start_seen
    assert replace(cycle, rises=watched.rises, start_seen=False) == watched
    assert held.imports() != before


def test_a_past_window_that_was_seen_here_gives_way_to_one_that_is_known_better(held: Database) -> None:
    seen = Cycle(
        key(1).id, "codex", "weekly", BEGIN + 7 * DAY, 604800, BEGIN + 14 * DAY, BEGIN + 14 * DAY,
        EndedBy.RESET, 10.0,
    )  # fmt: skip
    before = replace(seen, started_at=BEGIN - 30 * DAY, ended_at=BEGIN - 23 * DAY)
    held.save((), NOON, cycles=[seen, before])
    take(held, weeks(BEGIN, 4))
    peaks = [each.peak_percent for each in held.cycles(None, 99)[key(1).id]]
    assert peaks[:3] == [10, 60, 60]


def test_that_a_banked_reset_ended_a_window_stays_known_though_no_line_tells_it(held: Database) -> None:
    past = [
        *(reading(BEGIN + each * DAY, 20 * each, BEGIN + 7 * DAY) for each in range(4)),
        *(reading(BEGIN + 4 * DAY + each * HOUR, 15 * each, BEGIN + 11 * DAY) for each in range(3)),
        *(reading(BEGIN + 6 * DAY + each * HOUR, each, BEGIN + 13 * DAY) for each in range(3)),
    ]
    take(held, past)
    [banked, early, _] = held.cycles(None, 9)[key(1).id]
    [event, other] = held.events(LONG_AGO)
    assert (banked.ended_by, event.kind) == (EndedBy.EARLY_RESET, EventKind.EARLY_RESET)
    used = replace(banked, ended_by=EndedBy.BANKED_RESET)
    watched = replace(event, id="b", kind=EventKind.BANKED_RESET)
    with held._connection:
        held._connection.execute("DELETE FROM events")
    held.save((), NOON, cycles=[used, early], events=[watched, other])
    take(
        held,
        [
            reading(BEGIN + 2 * DAY + HOUR, 41, BEGIN + 7 * DAY),
            reading(BEGIN + 5 * DAY, 31, BEGIN + 11 * DAY),
        ],
    )
    assert [each.ended_by for each in held.cycles(None, 9)[key(1).id]] == [
        EndedBy.BANKED_RESET, EndedBy.EARLY_RESET, None,
    ]  # fmt: skip
    assert [each.kind for each in held.events(LONG_AGO)] == [EventKind.BANKED_RESET, EventKind.EARLY_RESET]


def test_who_dies_before_the_end_is_finished_by_the_next_one(held: Database, other: Database) -> None:
    past = [*weeks(BEGIN, 4), *weeks(BEGIN, 4, number=2)]
    take(other, past)
    assert held.take_readings(past)
    assert held.cycles(None, 9) == {}
    assert held.finish_import(NOON)
    # another process, with nothing of its own to take
    take(held, [])
    assert dump(held) == dump(other)


def test_a_weekly_limit_that_was_reset_early_for_many_is_one_event_of_the_upstream(held: Database) -> None:
    past = []
    for number in range(6):
        late = timedelta(minutes=number)
        past += [
            reading(BEGIN + late, 10, BEGIN + 6 * DAY, number),
            reading(BEGIN + DAY + late, 50, BEGIN + 6 * DAY, number),
            reading(BEGIN + 2 * DAY + late, 1, BEGIN + 9 * DAY, number),
            reading(BEGIN + 2 * DAY + HOUR + late, 2, BEGIN + 9 * DAY, number),
        ]
    take(held, past)
    [event] = held.events(LONG_AGO)
    assert (event.kind, event.accounts, event.of_accounts) == (EventKind.UPSTREAM_RESET, 6, 6)
    # what one of them tells later makes it no other event
    take(held, [reading(BEGIN + 3 * DAY, 7, BEGIN + 9 * DAY, 3)])
    assert held.events(LONG_AGO) == (event,)
    take(held, [reading(BEGIN + DAY + HOUR, 51, BEGIN + 6 * DAY, 3)])
    assert held.events(LONG_AGO) == (event,)


def test_a_figure_that_a_line_says_is_gone_is_gone(held: Database) -> None:
    take(held, [reading(NOON - 2 * HOUR, 5), replace(reading(NOON - HOUR, 5), figures={})])
    assert [each.figure for each in held.history(key(1).id, LONG_AGO)] == [Figure(5), Figure()]
    # of what it does not speak of it says nothing
    take(held, [replace(reading(NOON, 5), figures={}, told=frozenset({Series.CREDITS}))])
    assert len(held.history(key(1).id, LONG_AGO)) == 2


def test_what_is_between_two_known_changes_finds_its_place(held: Database) -> None:
    rows = [
        HistoryRow(
            key(1).id, NOON - ago * HOUR, Series.WINDOW, "codex", "weekly", Figure(used, None, False, True)
        )
        for ago, used in ((4, 10), (2, 30))
    ]
    put_rows(held, rows)
    # known to the digit already, though lines tell no flags; new; the same as before it
    assert (
        take(held, [reading(NOON - 4 * HOUR, 10), reading(NOON - 3 * HOUR, 20), reading(NOON - HOUR, 30)])
        == 1
    )
    assert [each.figure.used_percent for each in held.history(key(1).id, LONG_AGO)] == [10, 20, 30]


def test_a_gap_in_which_another_machine_read_it_is_two(held: Database) -> None:
    gap = Gap(NOON - 9 * HOUR, NOON)
    held.save((), NOON, gaps=[(key(1).id, gap), (key(2).id, gap)])
    take(held, [reading(NOON - 5 * HOUR + each * MINUTE, each) for each in range(6)])
    first = NOON - 5 * HOUR
    assert held.timeline(key(1).id, WEEKLY, LONG_AGO, NOON).gaps == (
        Gap(gap.start, first),
        Gap(first + 5 * MINUTE, gap.end),
    )
    assert held.timeline(key(2).id, WEEKLY, LONG_AGO, NOON).gaps == (gap,)


def test_an_export_tells_another_machine_all_but_the_extremes(held: Database, other: Database) -> None:
    start = NOON.replace(hour=0, minute=0, second=0, microsecond=0) - 40 * DAY
    for day in days_of(0, start, 40):
        put_rows(held, day.rows)
    state = replace(account(0), key=key(0))
    for each in range(3):
        held.save([state], NOON + each * DAY)
    take(other, exported(held, 0), NOON + 2 * DAY)
    for name in held.figures(key(0).id):
        here = held.timeline(key(0).id, name, LONG_AGO, NOON).points
        there = other.timeline(key(0).id, name, LONG_AGO, NOON).points
        assert [(each.at, each.last) for each in here] == [(each.at, each.last) for each in there]
    before = dump(other)
    assert take(other, exported(other, 0), NOON + 2 * DAY) == 0
    assert dump(other) == before


def test_nothing_is_taken_where_nothing_can_be_written(tmp_path: Path) -> None:
    Database(tmp_path, NOON).close()
    raw = (tmp_path / "poolwatch.db").read_bytes()
    # byte 18 is the file format for writing: with a value unknown to the library the file is read-only
    (tmp_path / "poolwatch.db").write_bytes(raw[:18] + b"\x7f" + raw[19:])
    database = Database(tmp_path, NOON)
    assert database.take_readings([reading(NOON, 1)]) is None
    assert not database.finish_import(NOON)
    database.close()


def test_an_account_that_nothing_can_be_told_of_keeps_no_other_from_being_told_of(
    held: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sorted((key(1).id, key(2).id))

    def fails(account_id: str, *args: Any, **kwargs: Any) -> Followed:
        if account_id == first:
            raise KeyError
        return replay(account_id, *args, **kwargs)

    monkeypatch.setattr(imports, "replay", fails)
    other = [replace(each, identity=reading(BEGIN, 0, number=2).identity) for each in weeks(BEGIN, 3)]
    take(held, [*weeks(BEGIN, 3), *other])
    assert held.cycles(None, 9).keys() == {second}
    assert "internal error: KeyError" in told(held)[0]
    monkeypatch.undo()
    while held.finish_import(NOON):
        pass
    assert held.cycles(None, 9).keys() == {first, second}
    assert told(held) == []
