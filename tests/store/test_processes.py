"""Several real processes on one state directory, and processes that die."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from poolwatch.store.database import Database
from poolwatch.store.readings import read_pool
from tests.store.given import NOON, account, stored_in

_ROOT = Path(__file__).parents[2]

_PROLOGUE = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from poolwatch.store.database import Database
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STATE = Path(sys.argv[1])
"""

_CLAIM = (
    _PROLOGUE
    + """
database = Database(STATE, NOW)
print("ready", flush=True)
sys.stdin.readline()
won = [name for name in map(str, range(30)) if database.claim_poll(name, NOW, timedelta(seconds=30))]
print(" ".join(won), flush=True)
"""
)

_OPEN = (
    _PROLOGUE
    + """
for state in sorted(STATE.iterdir()):
    print("ready", flush=True)
    sys.stdin.readline()
    database = Database(state, NOW)
    assert database.claim_poll(sys.argv[0], NOW, timedelta(0)), database.notices
    database.close()
print("done", flush=True)
"""
)

_WRITE = (
    _PROLOGUE
    + """
from tests.store.given import account
database = Database(STATE, NOW)
number = 0
while True:
    number += 1
    at = NOW + timedelta(seconds=number)
    rows = [account(each, used=number) for each in range(20)]
    assert database.save(rows, at), database.notices
    print(number, flush=True)
"""
)


def _start(code: str, state: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": f"{_ROOT / 'src'}:{_ROOT}"},
    )


def test_of_racing_processes_exactly_one_claims_each_poll(tmp_path: Path) -> None:
    racers = [_start(_CLAIM, tmp_path) for _ in range(3)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    assert sorted(name for names in won for name in names) == sorted(map(str, range(30)))


def test_killed_while_writing_all_that_was_confirmed_is_there(tmp_path: Path) -> None:
    for turn in range(6):
        state = tmp_path / str(turn)
        writer = _start(_WRITE, state)
        assert writer.stdout is not None
        for _ in range(turn + 1):
            confirmed = int(writer.stdout.readline())
        # a different moment of the next transaction each time
        time.sleep(turn * 0.0013)
        writer.send_signal(signal.SIGKILL)
        # not communicate(): it passes over lines that readline() has taken in already
        with writer:
            rest = writer.stdout.read().split()
        confirmed = int(rest[-1]) if rest else confirmed
        pool = read_pool(state)
        database = Database(state, NOON)
        found = {each.usage.windows[0].used_percent for each in stored_in(database)}
        assert len(stored_in(database)) == 20
        assert database.notices == ()
        database.close()
        assert found <= {confirmed, confirmed + 1}
        assert len(found) == 1
        assert pool is not None
        assert {each.usage.windows[0].used_percent for each in pool.accounts.values()} == found
        direct = sqlite3.connect(state / "poolwatch.db")
        assert direct.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        direct.close()


def test_a_half_written_commit_is_undone_by_whoever_comes_next(tmp_path: Path) -> None:
    live, dead = tmp_path / "live", tmp_path / "dead"
    database = Database(live, NOON)
    assert database.save([account(number) for number in range(60)], NOON)
    database.close()
    writer = sqlite3.connect(live / "poolwatch.db", isolation_level=None)
    writer.execute("PRAGMA journal_mode = TRUNCATE")
    writer.execute("PRAGMA cache_size = 1")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE readings SET doc = '{}'")
    # what a power cut would leave: pages in the file already, and the journal that takes them back
    shutil.copytree(live, dead)
    writer.close()
    assert (dead / "poolwatch.db-journal").stat().st_size > 0
    assert b"acct-1" in (dead / "poolwatch.db-journal").read_bytes()
    pool = read_pool(dead)
    assert pool is not None
    assert len(pool.accounts) == 60


def test_two_processes_begin_a_new_directory_together(tmp_path: Path) -> None:
    starters = [_start(_CLAIM, tmp_path / "new") for _ in range(3)]
    won = [starter.communicate("go\n", timeout=60)[0].split() for starter in starters]
    assert [starter.returncode for starter in starters] == [0, 0, 0]
    assert sorted(name for line in won for name in line if name != "ready") == sorted(map(str, range(30)))
    assert list((tmp_path / "new").glob("*.corrupt-*")) == []


def test_a_damaged_database_is_set_aside_once_however_many_open_it(tmp_path: Path) -> None:
    # large enough that looking for the damage takes a while
    first = tmp_path / "0"
    database = Database(first, NOON)
    assert database.save([account(number) for number in range(400)], NOON)
    database.close()
    damaged = (first / "poolwatch.db").read_bytes()[:-8192] + bytes(8192)
    states = [tmp_path / str(turn) for turn in range(8)]
    for state in states:
        state.mkdir(exist_ok=True)
        (state / "poolwatch.db").write_bytes(damaged)
    openers = [_start(_OPEN, tmp_path) for _ in range(3)]
    for _ in states:
        for opener in openers:
            assert opener.stdout is not None
            assert opener.stdout.readline() == "ready\n"
        for opener in openers:
            assert opener.stdin is not None
            opener.stdin.write("go\n")
            opener.stdin.flush()
    assert [opener.communicate(timeout=60)[0] for opener in openers] == ["done\n"] * 3
    for state in states:
        kept = [path for path in state.glob("*.corrupt-*") if not path.name.endswith("-journal")]
        assert [path.read_bytes() for path in kept] == [damaged]
