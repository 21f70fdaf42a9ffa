from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from poolwatch.domain.alerts import Severity
from poolwatch.domain.notices import ChannelKind, MarkedChannel, Notice, NoticeKind
from poolwatch.domain.series import history_rows
from poolwatch.store.database import Database
from poolwatch.store.opening import VERSION, StoreMode, journal_mode
from poolwatch.store.readings import read_pool
from tests.store.given import NOON, account, same, stored_in, told

FLOOR = timedelta(seconds=30)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a healthy database."""
    directory = tmp_path_factory.mktemp("good")
    database = Database(directory, NOON)
    states = [account(number) for number in range(3)]
    rows = [
        row
        for each in states
        for row in history_rows(account(9, used=1).usage, each.usage, each.key.id, NOON)
    ]
    assert database.save(states, NOON, rows)
    assert database.claim_poll("a", NOON, FLOOR)
    assert database.put_notices([Notice("n", "ops", NoticeKind.TEST, NOON, Severity.INFO)], NOON)
    database.close()
    return (directory / "poolwatch.db").read_bytes()


def _use(directory: Path) -> StoreMode:
    """Open and do a bit of everything; nothing of it may raise."""
    read_pool(directory)
    database = Database(directory, NOON)
    stored_in(database)
    saved = database.save([account(1)], NOON)
    database.history(account(1).key.id, NOON)
    database.claim_poll("a", NOON + FLOOR, FLOOR)
    database.take_requests(NOON, FLOOR)
    database.facts()
    database.set_up_channels([MarkedChannel("ops", ChannelKind.WEBHOOK, "mark")], NOON)
    database.turn("ops", NOON)
    database.deliveries(9)
    database.channel_health(NOON)
    assert saved or database.notices
    database.close()
    return database.mode


@pytest.mark.parametrize(
    ("library", "mode"), [((3, 40, 1), "TRUNCATE"), ((3, 51, 2), "TRUNCATE"), ((3, 51, 3), "WAL")]
)
def test_the_journal_follows_the_library(library: tuple[int, ...], mode: str) -> None:
    assert journal_mode(library) == mode


def test_the_database_is_durable(tmp_path: Path) -> None:
    database = Database(tmp_path, NOON)
    held = database._connection
    assert held.execute("PRAGMA synchronous").fetchone() == (2,)
    assert held.execute("PRAGMA journal_mode").fetchone() == (
        journal_mode(sqlite3.sqlite_version_info).lower(),
    )
    assert held.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert held.execute("PRAGMA busy_timeout").fetchone() == (5000,)
    database.close()


def _zero(raw: bytes) -> bytes:
    return bytes(len(raw))


def _text(_: bytes) -> bytes:
    return b"this is no database\n" * 100


def _half(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def _hole(raw: bytes) -> bytes:
    return raw[:4096] + bytes(4096) + raw[8192:]


def _renamed_table(raw: bytes) -> bytes:
    return raw.replace(b"TABLE readings", b"TABLE reedings").replace(b"readingsreadings", b"reedingsreedings")


def _unreadable_definition(raw: bytes) -> bytes:
    return raw.replace(b"CREATE TABLE polls", b"CREATE TAB\xf2E polls")


def _lost_page(raw: bytes) -> bytes:
    start = raw.index(b"person1@example.com") // 4096 * 4096
    return raw[:start] + bytes(4096) + raw[start + 4096 :]


def _renamed_column(raw: bytes) -> bytes:
    return raw.replace(b"polled_at INTEGER", b"polled_by INTEGER")


@pytest.mark.parametrize(
    "damage",
    [_zero, _text, _half, _hole, _renamed_table, _unreadable_definition, _lost_page, _renamed_column],
)
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    tmp_path: Path, good: bytes, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "poolwatch.db"
    path.write_bytes(damage(good))
    database = Database(tmp_path, NOON)
    assert database.mode is StoreMode.DISK
    kept = tmp_path / "poolwatch.db.corrupt-20261120T120000Z"
    assert kept.read_bytes() == damage(good)
    assert kept.name in told(database)[0]
    assert stored_in(database) == ()
    assert database.save([account(1)], NOON)
    database.close()
    path.write_bytes(damage(good))
    Database(tmp_path, NOON).close()
    assert (tmp_path / f"{kept.name}-2").exists()
    again = Database(tmp_path, NOON)
    assert again.notices == ()
    again.close()


def test_the_journal_of_a_damaged_file_goes_with_it(tmp_path: Path, good: bytes) -> None:
    (tmp_path / "poolwatch.db").write_bytes(_text(good))
    (tmp_path / "poolwatch.db-shm").write_bytes(b"of another life")
    Database(tmp_path, NOON).close()
    kept = tmp_path / "poolwatch.db.corrupt-20261120T120000Z-shm"
    assert kept.read_bytes() == b"of another life"
    assert not (tmp_path / "poolwatch.db-shm").exists()


def test_a_healthy_file_stays(tmp_path: Path, good: bytes) -> None:
    (tmp_path / "poolwatch.db").write_bytes(good)
    database = Database(tmp_path, NOON)
    assert len(stored_in(database)) == 3
    assert database.notices == ()
    database.close()


@settings(max_examples=60)
@given(data=st.data(), byte=st.integers(0, 255))
def test_flipped_bytes_never_crash(
    good: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, byte: int
) -> None:
    header = st.integers(0, 127)
    offset = data.draw(header | st.integers(0, len(good) - 1))
    directory = tmp_path_factory.mktemp("flip")
    (directory / "poolwatch.db").write_bytes(good[:offset] + bytes([byte]) + good[offset + 1 :])
    _use(directory)
    shutil.rmtree(directory)


@settings(max_examples=15)
@given(length=st.integers(0, 60_000))
@example(length=0)
def test_a_cut_file_never_crashes(good: bytes, tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    directory = tmp_path_factory.mktemp("cut")
    (directory / "poolwatch.db").write_bytes(good[:length])
    assert _use(directory) is StoreMode.DISK
    shutil.rmtree(directory)


def test_the_tables_of_a_newer_version_are_only_read(tmp_path: Path, good: bytes) -> None:
    path = tmp_path / "poolwatch.db"
    path.write_bytes(good)
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    before = path.read_bytes()
    database = Database(tmp_path, NOON)
    assert database.mode is StoreMode.READ_ONLY
    assert "newer poolwatch" in told(database)[0]
    assert len(stored_in(database)) == 3
    assert not database.save([account(7)], NOON)
    assert not database.claim_poll("a", NOON, FLOOR)
    assert database.claim_poll("a", NOON + FLOOR, FLOOR)
    assert not database.claim_poll("a", NOON + FLOOR, FLOOR)
    database.close()
    assert path.read_bytes() == before


def test_a_directory_that_cannot_be_made_leaves_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    database = Database(tmp_path / "file" / "state", NOON)
    assert database.mode is StoreMode.MEMORY
    assert "memory only" in told(database)[0]
    assert database.save([account(1)], NOON)
    assert same(stored_in(database)[0], account(1))
    assert database.claim_poll("a", NOON, FLOOR)
    assert not database.claim_poll("a", NOON, FLOOR)
    database.close()
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.parametrize("kind", ["directory", "fifo", "symlink", "dangling symlink"])
def test_what_is_no_regular_file_is_left_alone(tmp_path: Path, kind: str) -> None:
    state, path = tmp_path / "state", tmp_path / "state" / "poolwatch.db"
    state.mkdir()
    target = tmp_path / "elsewhere"
    match kind:
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "symlink":
            target.write_bytes(b"precious")
            path.symlink_to(target)
        case _:
            path.symlink_to(target)
    assert _use(state) is StoreMode.MEMORY
    assert not target.exists() or target.read_bytes() == b"precious"
    assert [entry.name for entry in state.iterdir()] == ["poolwatch.db"]


def test_a_database_locked_for_good_is_not_taken_for_damaged(
    tmp_path: Path, good: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poolwatch.store.opening._BUSY_SECONDS", 0.05)
    path = tmp_path / "poolwatch.db"
    path.write_bytes(good)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    database = Database(tmp_path, NOON)
    assert database.mode is StoreMode.MEMORY
    assert "locked" in told(database)[0]
    database.close()
    blocker.close()
    assert list(tmp_path.glob("*.corrupt-*")) == []


def test_a_database_that_takes_no_writes_is_read(tmp_path: Path, good: bytes) -> None:
    # byte 18 is the file format for writing: with a value unknown to the library the file is read-only
    (tmp_path / "poolwatch.db").write_bytes(good[:18] + b"\x7f" + good[19:])
    database = Database(tmp_path, NOON)
    assert database.mode is StoreMode.READ_ONLY
    assert len(stored_in(database)) == 3
    assert "cannot be written" in told(database)[0]
    database.close()


def test_with_a_safe_library_the_write_ahead_log_works_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poolwatch.store.opening._SAFE_WAL", (3, 0, 0))
    first, second = Database(tmp_path, NOON), Database(tmp_path, NOON)
    assert first._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert first.save([account(1)], NOON)
    assert same(stored_in(second)[0], account(1))
    pool = read_pool(tmp_path)
    assert pool is not None
    assert len(pool.accounts) == 1
    assert {path.name for path in tmp_path.iterdir()} >= {"poolwatch.db-wal", "poolwatch.db-shm"}
    assert [path.name for path in tmp_path.iterdir() if path.stat().st_mode & 0o177] == []
    assert first.claim_poll("a", NOON, FLOOR)
    assert not second.claim_poll("a", NOON, FLOOR)
    first.close()
    second.close()
    pool = read_pool(tmp_path)
    assert pool is not None
    assert len(pool.accounts) == 1
    monkeypatch.undo()
    older = Database(tmp_path, NOON)
    assert len(stored_in(older)) == 1
    assert older.notices == ()
    older.close()
