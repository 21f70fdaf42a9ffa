from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from poolwatch.domain.check import Given
from poolwatch.store.database import Database
from poolwatch.store.polling import Holder, PollLock
from tests.store.given import NOON

_HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from poolwatch.store.polling import PollLock
lock = PollLock(Path(sys.argv[1]))
print(lock.try_acquire(datetime(2026, 11, 20, 9, tzinfo=UTC)), flush=True)
if sys.stdin.readline():
    lock.release()
    print("released", flush=True)
    sys.stdin.readline()
"""


def _holder(state: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


def test_one_of_two_objects_gets_it(tmp_path: Path) -> None:
    first, second = PollLock(tmp_path), PollLock(tmp_path)
    assert first.holder() is None
    assert first.try_acquire(NOON)
    assert first.held
    assert first.try_acquire(NOON + timedelta(hours=1))
    assert not second.try_acquire(NOON)
    assert not second.held
    assert second.is_usable
    expected = Holder(os.getpid(), os.uname().nodename, NOON)
    assert first.holder() == second.holder() == expected
    first.release()
    first.release()
    assert second.holder() is None
    assert second.try_acquire(NOON)
    second.release()


def test_between_processes_it_ends_with_its_holder(tmp_path: Path) -> None:
    process = _holder(tmp_path)
    mine = PollLock(tmp_path)
    assert not mine.try_acquire(NOON)
    holder = mine.holder()
    assert holder is not None
    assert (holder.pid, holder.since) == (process.pid, NOON.replace(hour=9, microsecond=0))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert mine.holder() is None
    assert mine.try_acquire(NOON)
    mine.release()


def test_between_processes_it_can_be_given_back(tmp_path: Path) -> None:
    process = _holder(tmp_path)
    mine = PollLock(tmp_path)
    assert not mine.try_acquire(NOON)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("release\n")
    process.stdin.flush()
    assert process.stdout.readline() == "released\n"
    assert mine.try_acquire(NOON)
    process.communicate(timeout=30)
    assert mine.holder() is not None
    mine.release()


def test_the_file_stays_and_is_ours_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        lock = PollLock(tmp_path / "state")
        assert lock.try_acquire(NOON)
    finally:
        os.umask(before)
    path = tmp_path / "state" / "poll.lock"
    number = path.stat().st_ino
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    lock.release()
    assert path.stat().st_ino == number
    path.chmod(0o666)
    assert lock.try_acquire(NOON)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lock.release()


def test_a_child_does_not_inherit_it(tmp_path: Path) -> None:
    lock = PollLock(tmp_path)
    assert lock.try_acquire(NOON)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    lock.release()
    other = PollLock(tmp_path)
    assert other.try_acquire(NOON)
    other.release()
    child.communicate(b"\n", timeout=30)


@pytest.mark.parametrize("kind", ["symlink", "fifo", "directory", "file as directory"])
def test_what_cannot_be_a_lock_is_said_and_left_alone(tmp_path: Path, kind: str) -> None:
    path, target = tmp_path / "poll.lock", tmp_path / "target"
    state = tmp_path
    match kind:
        case "symlink":
            path.symlink_to(target)
        case "fifo":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case _:
            target.write_text("in the way")
            state = target
    lock = PollLock(state)
    assert not lock.try_acquire(NOON)
    assert not lock.is_usable
    assert lock.holder() is None
    assert kind != "symlink" or not target.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"pid": "x"}', b'{"pid": 1}', b"[" * 4000])
def test_a_holder_that_left_rubbish_is_unknown(tmp_path: Path, content: bytes) -> None:
    with (tmp_path / "poll.lock").open("wb") as file:
        file.write(content)
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        assert PollLock(tmp_path).holder() is None
        assert not PollLock(tmp_path).try_acquire(NOON)


def test_somebody_looking_does_not_keep_it_from_being_taken(tmp_path: Path) -> None:
    looking = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom pathlib import Path\nfrom poolwatch.store.polling import PollLock\n"
            "lock = PollLock(Path(sys.argv[1]))\nprint('looking', flush=True)\nwhile True: lock.holder()",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert looking.stdout is not None
        assert looking.stdout.readline() == "looking\n"
        lock = PollLock(tmp_path)
        taken = 0
        for _ in range(50):
            taken += lock.try_acquire(NOON)
            lock.release()
        assert taken >= 48
    finally:
        looking.kill()
        looking.communicate(timeout=30)


# -- what `run --next` gave out


def test_who_was_given_out_is_remembered_by_all_for_a_while(tmp_path: Path) -> None:
    one, other = Database(tmp_path, NOON), Database(tmp_path, NOON)
    lasting, minute = timedelta(minutes=10), timedelta(minutes=1)
    assert one.give_out(["a", "b"], NOON, lasting) == Given("a")
    assert other.give_out(["a", "b"], NOON + minute, lasting) == Given("b")
    # both were: the one longest ago
    assert one.give_out(["a", "b"], NOON + 2 * minute, lasting) == Given("a", NOON)
    assert other.give_out(["a", "b", "c"], NOON + 3 * minute, lasting) == Given("c")
    assert other.give_out([], NOON + 3 * minute, lasting) is None
    # b was eleven minutes ago
    assert one.give_out(["b", "c"], NOON + 12 * minute, lasting) == Given("b")
    # what is over is forgotten, and what nobody can read keeps nobody
    with closing(sqlite3.connect(tmp_path / "poolwatch.db", isolation_level=None)) as raw:
        raw.execute("INSERT INTO meta (name, value) VALUES ('given.d', 'no instant')")
    assert one.give_out(["d"], NOON + 13 * minute, lasting) == Given("d")
    with closing(sqlite3.connect(tmp_path / "poolwatch.db")) as raw:
        names = [name for (name,) in raw.execute("SELECT name FROM meta WHERE name LIKE 'given.%'")]
    assert sorted(names) == ["given.b", "given.d"]
    one.close()
    other.close()
