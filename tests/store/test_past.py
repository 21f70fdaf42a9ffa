"""Cycles, events and outlooks come back as they were; damage costs one of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.burn import AccountBurn, Burn, PoolBurn
from poolwatch.domain.cycles import Cycle, EndedBy, Rise
from poolwatch.domain.event_log import EventKind, LoggedEvent, Unit
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.outlook import AccountOutlook, NoOutlook, PoolOutlook, Verdict
from poolwatch.domain.series import Figure, FigureName, Finest, Gap, HistoryRow, Series
from poolwatch.domain.usage import window_kind, window_length
from poolwatch.domain.values import replace
from poolwatch.host.instants import to_micros
from poolwatch.store import cycles as past_cycles
from poolwatch.store.database import Database
from poolwatch.store.opening import StoreMode
from poolwatch.store.retention import Retention
from tests.store.given import NOON, account, percents, same, told

HOUR = timedelta(hours=1)
#: As clocks and services tell them.
times = st.datetimes(
    min_value=datetime(2026, 1, 1),  # noqa: DTZ001 - the strategy wants naive bounds
    max_value=datetime(2036, 1, 1),  # noqa: DTZ001 - likewise
    timezones=st.just(UTC),
)
maybe_time = st.none() | times
shares = st.none() | st.floats(0, 9)
lives = st.builds(
    Cycle,
    account_id=st.just("a"),
    bucket=st.sampled_from(("codex", "spark")),
    window=st.just("weekly"),
    started_at=times,
    window_seconds=st.none() | st.integers(1, 10**9),
    resets_at=maybe_time,
    ended_at=maybe_time,
    ended_by=st.none() | st.sampled_from(EndedBy),
    peak_percent=percents,
    last_percent=percents,
    read_at=maybe_time,
    full_seconds=st.integers(0, 3660 * 86400),
    full_since=maybe_time,
    rises=st.dictionaries(
        st.integers(500_000, 570_000), st.integers(1, 100).map(float) | st.floats(0.01, 200), max_size=4
    ).map(lambda by_hour: tuple(Rise(hour, by_hour[hour]) for hour in sorted(by_hour))),
    readings=st.integers(0, 3),
    start_seen=st.booleans(),
    plan=st.none() | st.text(alphabet="abc", max_size=4),
    disputed=st.booleans(),
    watched_at=maybe_time,
)


def cycle(start: datetime, bucket: str = "codex", window: str = "5h", account_id: str = "a") -> Cycle:
    return Cycle(account_id, bucket, window, start, 18000, start + 5 * HOUR, start + 5 * HOUR, EndedBy.RESET)


def event(number: int, at: datetime = NOON) -> LoggedEvent:
    return LoggedEvent(f"{number:016x}", at, EventKind.RESET, "a", "pool", "codex", "5h")


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path, NOON)
    yield database
    database.close()


@given(lives)
def test_a_cycle_reads_as_it_was_written(life: Cycle) -> None:
    raw = past_cycles._pack(life)
    name = FigureName(Series.WINDOW, life.bucket, life.window)
    assert past_cycles._unpack("a", name, to_micros(life.started_at), raw) == life


def test_the_newest_cycles_of_each_window_come_old_to_new(held: Database) -> None:
    ended = [cycle(NOON + each * 5 * HOUR) for each in range(5)]
    running = replace(cycle(NOON + 25 * HOUR), ended_at=None, ended_by=None, last_percent=12.0)
    weekly, other = cycle(NOON, window="weekly"), cycle(NOON, account_id="b")
    assert held.save((), NOON, cycles=[*reversed(ended), weekly, other, running])
    assert held.cycles(["a"], 2) == {"a": (ended[-1], running, weekly)}
    found = held.cycles(None, 100)
    assert found == {"a": (*ended, running, weekly), "b": (other,)}
    # one that began at the same instant is the same one
    closed = replace(running, ended_at=NOON + 26 * HOUR, ended_by=EndedBy.EARLY_RESET)
    assert held.save((), NOON, cycles=[closed])
    assert held.cycles(["a", "nobody"], 1) == {"a": (closed, weekly)}


def test_figures_are_those_with_a_history(held: Database) -> None:
    held.save((), NOON, cycles=[cycle(NOON)])
    assert held.figures("a") == ()


def test_events_are_kept_once_and_come_old_to_new(held: Database) -> None:
    rich = LoggedEvent(
        "e",
        NOON,
        EventKind.CREDITS_CAME,
        "a",
        before=Decimal("1.50"),
        after=Decimal("2.5000"),
        unit=Unit.CREDITS,
    )
    plan = LoggedEvent("0" * 16, NOON + HOUR, EventKind.PLAN_CHANGED, "a", was="plus", now="pro")
    upstream = LoggedEvent(
        "f" * 16, NOON + 2 * HOUR, EventKind.UPSTREAM_RESET, None, "pool", accounts=41, of_accounts=60
    )
    full = LoggedEvent(
        "a" * 16, NOON + 3 * HOUR, EventKind.EXHAUSTED, "a", None, "codex", "weekly", 99.0, 100.5,
        Unit.PERCENT, until=NOON + 9 * HOUR,
    )  # fmt: skip
    every = (rich, plan, upstream, full)
    assert held.save((), NOON, events=[*reversed(every), rich])
    assert held.save((), NOON, events=[replace(rich, kind=EventKind.BACK)])
    assert same(held.events(NOON), every)
    assert held.events(NOON, NOON + HOUR) == (rich,)
    assert held.events(NOON, most=2) == (upstream, full)
    assert held.events(NOON + 2 * HOUR, most=9) == (upstream, full)


def test_events_of_one_account_come_with_those_of_whole_upstreams(held: Database) -> None:
    upstream = replace(event(3, NOON), kind=EventKind.UPSTREAM_RESET, account_id=None, source="pool")
    like = replace(event(4, NOON), account_id=None, source="acc")
    own = [replace(event(number, NOON), account_id=name) for number, name in ((1, "acc"), (2, "account"))]
    held.save((), NOON, events=[*own, upstream, like])
    assert held.events(NOON, account_id="acc") == (own[0], upstream)


def test_events_older_than_hours_go(held: Database) -> None:
    day = timedelta(days=1)
    held.save((), NOON, events=[event(1, NOON - 401 * day), event(2, NOON - 398 * day)])
    held.save((), NOON + day)
    assert held.events(NOON - 900 * day) == (event(2, NOON - 398 * day),)


def test_the_mark_of_who_looked_is_one(held: Database) -> None:
    assert held.looked_at() is None
    assert held.put_looked_at(NOON)
    assert held.put_looked_at(NOON + HOUR)
    assert held.looked_at() == NOON + HOUR
    held._connection.execute("UPDATE meta SET value = 'x' WHERE name = 'looked_at'")
    assert held.looked_at() is None


def outlook(at: datetime = NOON) -> AccountOutlook:
    forecasts = (
        Forecast("codex", "weekly", at, at + HOUR, 71.5, 60, 80, 0.12, at, at + HOUR, 18, 41),
        Forecast("codex", "5h", at, none_because=NoForecast.TOO_EARLY),
    )
    burn = AccountBurn(Burn(1.5, 20.0, None, 3.0, 12.0), Burn(Decimal("1.50"), None, Decimal("12.5000")))
    return AccountOutlook(at, burn, forecasts, Forecast("codex", "weekly", at, at + HOUR, 62.0))


def test_outlooks_come_back_digit_for_digit_and_go_with_their_account(held: Database) -> None:
    burn = PoolBurn(Burn(1.0), Burn(Decimal("1234.5600")), NOON, NOON)
    pool = PoolOutlook(NOON, burn, Verdict.MAY_RUN_DRY, NOON + HOUR, 3, 0.25, NOON, NOON + HOUR, 44.5)
    assert held.outlooks() == ({}, None)
    assert held.put_outlooks({"a": outlook(), "b": outlook()}, pool)
    assert same(held.outlooks(), ({"a": outlook(), "b": outlook()}, pool))
    # those of the others stay
    later, bare = outlook(NOON + HOUR), PoolOutlook(NOON, burn, none_because=NoOutlook.TOO_MANY)
    assert held.put_outlooks({"a": later}, None)
    assert same(held.outlooks(), ({"a": later, "b": outlook()}, pool))
    assert held.put_outlooks({}, bare)
    held.save((), NOON, gone=["a"])
    assert same(held.outlooks(), ({"b": outlook()}, bare))


def test_damage_costs_one_of_them(held: Database) -> None:
    held.save(
        (), NOON, cycles=[cycle(NOON), cycle(NOON + 5 * HOUR)], events=[event(1), event(2, NOON + HOUR)]
    )
    held.put_outlooks({"a": outlook(), "b": outlook()}, None)
    for table in ("cycles", "events"):
        first = f"(SELECT min({'started_at' if table == 'cycles' else 'at'}) FROM {table})"
        column = "started_at" if table == "cycles" else "at"
        held._connection.execute(f"UPDATE {table} SET packed = x'93ff' WHERE {column} = {first}")
    held._connection.execute("""UPDATE outlooks SET doc = '{"made_at": 7}' WHERE account_id = 'a'""")
    assert held.cycles(None, 9) == {"a": (cycle(NOON + 5 * HOUR),)}
    assert held.events(NOON) == (event(2, NOON + HOUR),)
    assert list(held.outlooks()[0]) == ["b"]
    assert held.notices == ()
    assert held.damaged() == 3


def test_whose_history_it_is_outlives_the_account(held: Database) -> None:
    first = account(1)
    held.save([first], NOON)
    held.save((), NOON, gone=[first.key.id])
    [found] = held.identities()
    assert found.key == first.key
    assert found.email == "person1@example.com"
    held.save([replace(first, listings=())], NOON)
    assert held.identities() == (found,)


def test_where_nothing_can_be_written_the_past_is_read(tmp_path: Path) -> None:
    first = Database(tmp_path, NOON)
    first.save((), NOON, cycles=[cycle(NOON)], events=[event(1)])
    first.put_outlooks({"a": outlook()}, None)
    first.close()
    raw = (tmp_path / "poolwatch.db").read_bytes()
    # byte 18 is the file format for writing: with a value unknown to the library the file is read-only
    (tmp_path / "poolwatch.db").write_bytes(raw[:18] + b"\x7f" + raw[19:])
    held = Database(tmp_path, NOON)
    assert held.mode is StoreMode.READ_ONLY
    assert held.cycles(None, 1) == {"a": (cycle(NOON),)}
    assert held.events(NOON) == (event(1),)
    assert list(held.outlooks()[0]) == ["a"]
    assert not held.put_looked_at(NOON)
    assert not held.put_outlooks({}, None)
    held.close()


@pytest.mark.parametrize("kind", ["5h", "daily", "weekly", "monthly", "12h", "3d", "45d", "30m"])
def test_the_length_that_a_kind_tells_is_of_that_kind(kind: str) -> None:
    length = window_length(kind)
    assert length is not None
    assert window_kind(length) == kind


@given(st.one_of(st.integers(1, 10**9), st.integers(1, 10_000).map(lambda minutes: 300 * minutes - 1)))
def test_the_length_of_any_kind_is_called_the_same(seconds: int) -> None:
    length = window_length(window_kind(seconds))
    assert length is not None
    assert window_kind(length) == window_kind(seconds)


def test_a_kind_that_tells_no_length_has_none() -> None:
    assert [window_length(kind) for kind in ("unknown", "individual", "", "h", "٣h")] == [None] * 5


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("window_seconds", 2**60),
        ("window_seconds", -1),
        ("ended_at", 7000 * 365 * 86400),
        ("ended_at", -(10**10)),
        ("full_seconds", 2**60),
        ("last_percent", float("nan")),
        ("peak_percent", 1e308),
        ("rises", [(0, float("nan"))]),
        ("rises", [(2**40, 1.0)]),
        ("rises", [(5, 1.0), (2, 1.0)]),
        ("rises", [(0, 1.0)] * 100_000),
    ],
)
def test_a_life_that_no_window_can_have_is_left_out(held: Database, place: str, value: object) -> None:
    held.save((), NOON, cycles=[cycle(NOON), cycle(NOON + 5 * HOUR)])
    [[packed]] = held._connection.execute("SELECT packed FROM cycles ORDER BY started_at LIMIT 1").fetchall()
    stored = msgspec.msgpack.decode(packed)
    stored[past_cycles._Stored.__struct_fields__.index(place)] = value
    held._connection.execute(
        "UPDATE cycles SET packed = ? WHERE started_at = ?", (msgspec.msgpack.encode(stored), to_micros(NOON))
    )
    assert held.cycles(None, 9) == {"a": (cycle(NOON + 5 * HOUR),)}


@pytest.mark.parametrize("started_at", [-(10**15), 0x7FFFFFFFFFFFFFFF, "soon", b"\xff", 1.5e300])
def test_a_life_of_another_age_is_left_out(held: Database, started_at: object) -> None:
    held.save((), NOON, cycles=[cycle(NOON), cycle(NOON + 5 * HOUR)])
    held._connection.execute(
        "UPDATE cycles SET started_at = ? WHERE started_at = ?", (started_at, to_micros(NOON))
    )
    assert held.cycles(None, 9) == {"a": (cycle(NOON + 5 * HOUR),)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resets_at", "9999-12-31T23:59:59Z"),
        ("made_at", "0001-01-01T00:00:00Z"),
        ("median_percent", 1e308),
        ("endless", [0, 1e308, 0]),
    ],
)
def test_a_forecast_that_nobody_makes_is_left_out(held: Database, field: str, value: object) -> None:
    held.put_outlooks({"a": outlook(), "b": outlook()}, None)
    [[doc]] = held._connection.execute("SELECT doc FROM outlooks WHERE account_id = 'a'").fetchall()
    plain = json.loads(doc)
    plain["forecasts"][0][field] = value
    held._connection.execute("UPDATE outlooks SET doc = ? WHERE account_id = 'a'", (json.dumps(plain),))
    assert list(held.outlooks()[0]) == ["b"]


#: What a row may come to hold: another type, bytes that are no text, numbers of any size, none at all.
_RUBBISH: tuple[object, ...] = ("x", "1e999999", "[" * 3000, b"\xff", -1, 2**62, 1e308, float("inf"), 1.5)
_COLUMNS = {
    "figures": ("account_id", "series", "bucket", "window"),
    "changes": ("figure", "at", "value", "resets_at", "flags", "rest"),
    "days": ("figure", "day", "second", "last", "low", "high", "resets_at", "flags", "rest"),
    "hours": ("figure", "day", "packed"),
    "gaps": ("account_id", "start", "end"),
    "cycles": ("figure", "started_at", "packed"),
    "events": ("at", "id", "packed"),
    "outlooks": ("account_id", "doc"),
    "identities": ("account_id", "provider", "user_id", "workspace_id", "email"),
    "meta": ("name", "value"),
}


def everything(held: Database, at: datetime) -> list[object]:
    """All of the past that is read anywhere."""
    found: list[object] = [held.cycles(None, 99), held.events(NOON - 99 * HOUR), held.outlooks()]
    found += [held.identities(), held.damaged(), held.looked_at(), held.imports(), held.facts()]
    for account_id in ("a", account(1).key.id):
        found.append(held.history(account_id, NOON - 999 * HOUR, carried=True))
        for name in held.figures(account_id):
            found += [held.timeline(account_id, name, NOON - 999 * HOUR, at, each) for each in Finest]
    found.append(held.save([account(2)], at))
    return found


@pytest.mark.parametrize(
    ("table", "column"), [(table, each) for table in _COLUMNS for each in _COLUMNS[table]]
)
def test_no_rubbish_in_a_row_keeps_others_from_being_read(held: Database, table: str, column: str) -> None:
    first, later = account(1), NOON + timedelta(days=16)
    rows = [
        HistoryRow(first.key.id, NOON + HOUR * hour, Series.WINDOW, "codex", "5h", Figure(float(hour)))
        for hour in range(40)
    ]
    held.save(
        [first], NOON, rows, cycles=[cycle(NOON)], events=[event(1)], gaps=[("a", Gap(NOON, NOON + HOUR))]
    )
    held.put_outlooks({"a": outlook()}, None)
    held.put_looked_at(NOON)
    held.save([first], later)
    held.save([first], later + 25 * HOUR)
    assert held.damaged() == 0
    held._connection.execute("PRAGMA synchronous = OFF")
    whole = sqlite3.connect(":memory:")
    held._connection.backup(whole)
    for rubbish in _RUBBISH:
        with suppress(sqlite3.IntegrityError):
            held._connection.execute(f'UPDATE {table} SET "{column}" = ?', (rubbish,))
        held._retention = Retention()
        everything(held, later + 50 * HOUR)
        assert told(held) == [], repr(rubbish)[:40]
        whole.backup(held._connection)
    whole.close()
