"""The product's scan, the second counter and the truth of generated folders are one, however files come."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwatch.demo.session_shapes import DRESSES, SHAPES, Dress, Plan, Shape
from poolwatch.demo.sessions import Folder
from poolwatch.sessions.scan import Scan
from poolwatch.sessions.tables import open_to_write
from tests.sessions.builder import Thread
from tests.sessions.cases import A, B, C, plus, used
from tests.sessions.product import arriving, reveal, revealed, scan, scan_command, state_of, told_by, true
from tests.sessions.second_counter import count

UNTIL = 1_796_000_000.0


def plan(**more: object) -> Plan:
    return Plan(UNTIL, bulk=0.02, turns=3, fat=0.002, **more)  # type: ignore[arg-type]


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10**9),
    shapes=st.lists(st.sampled_from(Shape), min_size=1, max_size=4),
    dresses=st.lists(st.sampled_from(Dress), min_size=1, max_size=3),
)
def test_generated_folders_are_counted_to_the_token(
    seed: int, shapes: list[Shape], dresses: list[Dress]
) -> None:
    wanted = plan(
        shapes={Shape.COUNTER: 2, Shape.LEDGER: 2} | dict.fromkeys(shapes, 4),
        dresses=dict.fromkeys(dresses, 1),
    )
    with tempfile.TemporaryDirectory() as name:
        home, state = Path(name, "home"), Path(name, "state")
        truth = Folder(home, seed, wanted).fill(80_000)
        scan(state, [home])
        assert told_by(state) == true(truth)
        assert state_of(state).files_unverified == truth.unverified
        assert state_of(state).troubles == ()
        found = count([home])
        assert {where: tuple(counts) for where, counts in found.cells.items()} == true(truth)


@pytest.mark.parametrize("seed", range(6))
def test_files_that_grow_come_to_the_same(tmp_path: Path, seed: int) -> None:
    truth = Folder(tmp_path / "whole", seed, plan(shapes=SHAPES, dresses=DRESSES)).fill(250_000)
    for step in revealed(tmp_path / "whole", tmp_path / "home", Random(seed), 5):
        reveal(step)
        scan(tmp_path / "state", [tmp_path / "home"])
    assert told_by(tmp_path / "state") == true(truth)
    assert state_of(tmp_path / "state").files_unverified == truth.unverified


@pytest.mark.parametrize("seed", [10, 12, 24, 30, 55])
def test_files_that_come_in_any_order_come_to_the_same(tmp_path: Path, seed: int) -> None:
    truth = Folder(tmp_path / "whole", seed, Plan(UNTIL, bulk=0.02, turns=4, fat=0.002)).fill(400_000)
    for step in arriving(tmp_path / "whole", tmp_path / "home", Random(seed), 5):
        reveal(step)
        scan(tmp_path / "state", [tmp_path / "home"])
    assert told_by(tmp_path / "state") == true(truth)
    assert state_of(tmp_path / "state").files_unverified == truth.unverified


class Home:
    """A home and what is known about it."""

    def __init__(self, folder: Path) -> None:
        self.path, self.state = folder / "home", folder / "state"

    def told(self) -> object:
        scan(self.state, [self.path])
        return told_by(self.state)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def thread() -> Thread:
    return Thread("one").head().turn().counter(A).counter(plus(A, B), B)


def test_a_line_counts_when_it_is_whole(home: Home) -> None:
    made = thread()
    last = made.lines[-1]
    path = Thread("one", lines=made.lines[:-1]).write(home.path, tail=last[:-20])
    assert home.told() == used(A)
    with path.open("ab") as out:
        out.write(last[-20:] + b"\n")
    assert home.told() == used(A, B)


@pytest.mark.parametrize("more", ["", "x" * 3_000])
def test_a_file_that_was_written_anew_is_counted_anew(home: Home, more: str) -> None:
    path = thread().write(home.path)
    assert home.told() == used(A, B)
    # as a migration does it: in place
    made = Thread("one").head().turn().counter(B).counter(plus(B, C), C).item(more).counter(plus(B, C, A), A)
    os.utime(made.write(home.path))
    assert path.exists()
    assert home.told() == used(B, C, A)


def test_a_file_that_was_cut_is_counted_anew(home: Home) -> None:
    path = thread().write(home.path)
    assert home.told() == used(A, B)
    path.write_bytes(Thread("one").head().turn().counter(A).content())
    assert home.told() == used(A)


def test_what_a_file_told_stays_when_it_is_gone(home: Home) -> None:
    path = thread().write(home.path)
    assert home.told() == used(A, B)
    path.unlink()
    assert home.told() == used(A, B)
    path = thread().write(home.path)
    assert home.told() == used(A, B)


def test_a_file_that_is_archived_and_compressed_counts_once(home: Home) -> None:
    made = thread()
    path = made.write(home.path)
    assert home.told() == used(A, B)
    made.write(home.path, archived=True)
    assert home.told() == used(A, B)
    path.unlink()
    assert home.told() == used(A, B)
    cold = made.write(home.path, archived=True, cold=True)
    assert home.told() == used(A, B)
    cold.with_suffix("").unlink()
    assert home.told() == used(A, B)


def test_a_home_that_was_moved_counts_once(home: Home, tmp_path: Path) -> None:
    thread().write(home.path)
    assert home.told() == used(A, B)
    shutil.move(home.path, tmp_path / "elsewhere")
    scan(home.state, [tmp_path / "elsewhere"])
    assert told_by(home.state) == used(A, B)


def test_records_that_begin_in_the_middle_take_over(home: Home) -> None:
    made = thread()
    made.write(home.path)
    assert home.told() == used(A, B)
    made.record("r1", C).counter(plus(A, B, C), C).write(home.path)
    assert home.told() == used(A, B, C)


def test_a_copy_gives_way_to_the_original_that_comes_later(home: Home) -> None:
    old = Thread("parent", "2026-11-19T09:00:00+00:00").head().turn().record("r1", A)
    child = Thread("child").head(forked_from_id=old.id).foreign(old).model().record("r1", A, old)
    path = child.turn().record("r2", B).write(home.path)
    assert home.told() == used(A, B)
    original = old.write(home.path)
    assert home.told() == used(A, at="2026-11-19T09:00") | used(B)
    path.unlink()
    original.unlink()
    assert home.told() == used(A, at="2026-11-19T09:00") | used(B)


def test_what_could_not_be_told_is_told_when_the_parent_comes(home: Home) -> None:
    old = Thread("parent", "2026-11-19T09:00:00+00:00").head().turn().counter(A).counter(plus(A, B), B)
    child = Thread("child").head(forked_from_id=old.id).foreign(old).model()
    child.counter(A).counter(plus(A, B), B).counter(plus(A, B, C), C).write(home.path)
    assert home.told() == {}
    assert state_of(home.state).files_unverified == 1
    old.write(home.path)
    assert home.told() == used(A, B, at="2026-11-19T09:00") | used(C)
    assert state_of(home.state).files_unverified == 0


def ended_early(home: Home) -> None:
    """A look that ends after the file that changed last: another one that changed is left."""
    Thread("other", "2026-11-20T13:00:00+00:00").head().turn().item().counter(A).write(home.path)
    with closing(open_to_write(home.state)) as change:
        Scan(change, [str(home.path)], time.time, is_wanted=lambda: False).look()


def is_last(path: Path) -> None:
    os.utime(path, (UNTIL, UNTIL))


@pytest.fixture
def in_small_pieces(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is a transaction."""
    monkeypatch.setattr("poolwatch.sessions.scan._LARGE", -1)
    Thread("other", "2026-11-20T13:00:00+00:00").head().turn().counter(A).write(home.path)


OTHER = used(A, at="2026-11-20T13:00")


@pytest.mark.usefixtures("in_small_pieces")
def test_a_response_that_only_a_copy_holds_now_is_counted_after_any_end(home: Home) -> None:
    origin = Thread("origin").head().turn().record("r1", A).record("r2", B)
    fork = Thread("fork", "2026-11-20T12:00:00+00:00").head(forked_from_id=origin.id).foreign(origin)
    fork.model().record("r1", A, origin).turn().record("r3", C).write(home.path)
    origin.write(home.path)
    home.told()
    is_last(Thread("origin").head().turn().record("r2", B).write(home.path))
    ended_early(home)
    assert home.told() == used(B) | used(A, C, at="2026-11-20T12:00") | OTHER


@pytest.mark.usefixtures("in_small_pieces")
def test_what_could_not_be_told_is_told_after_any_end(home: Home) -> None:
    parent = Thread("parent").head().turn().counter(A).counter(plus(A, B), B)
    child = Thread("child", "2026-11-20T12:00:00+00:00").head(forked_from_id=parent.id).foreign(parent)
    child.counter(plus(A, B), B).model().counter(plus(A, B, C), C).write(home.path)
    home.told()
    is_last(parent.write(home.path))
    ended_early(home)
    told = home.told()
    assert isinstance(told, dict)
    assert sum(counts[1] for counts in told.values()) == A.input + B.input + C.input + A.input
    assert state_of(home.state).files_unverified == 0


@pytest.mark.usefixtures("in_small_pieces")
def test_a_thread_whose_first_file_comes_last_counts_once_after_any_end(home: Home) -> None:
    second = Thread("one", "2026-11-20T12:00:00+00:00").head().counter(plus(A, B), B)
    second.model().counter(plus(A, B, C), C).write(home.path)
    home.told()
    is_last(Thread("one").head().turn().counter(A).counter(plus(A, B), B).write(home.path))
    ended_early(home)
    told = home.told()
    assert isinstance(told, dict)
    assert sum(counts[1] for counts in told.values()) == A.input + B.input + C.input + A.input


def test_a_copy_in_another_home_is_counted_once_that_is_read(home: Home, tmp_path: Path) -> None:
    origin = Thread("origin").head().turn().record("r1", A).record("r2", B)
    fork = Thread("fork", "2026-11-20T12:00:00+00:00").head(forked_from_id=origin.id).foreign(origin)
    fork.model().record("r1", A, origin).turn().record("r3", C).write(tmp_path / "other")
    origin.write(home.path)
    scan(home.state, [home.path, tmp_path / "other"])
    is_last(Thread("origin").head().turn().record("r2", B).write(home.path))
    home.told()
    scan(home.state, [home.path, tmp_path / "other"])
    assert told_by(home.state) == used(B) | used(A, C, at="2026-11-20T12:00")


def test_a_damaged_file_is_named_and_the_others_are_right(home: Home) -> None:
    path = (
        Thread("two", "2026-11-20T12:00:00+00:00")
        .head()
        .turn()
        .counter(C)
        .item("x" * 9_000)
        .write(home.path, cold=True)
    )
    thread().write(home.path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    told = home.told()
    assert isinstance(told, dict)
    assert {where: counts for where, counts in told.items() if where in used(A)} == used(A, B)
    assert [name for name, _ in state_of(home.state).troubles] == [str(path)]
    path.write_bytes(content)
    assert home.told() == used(A, B) | used(C, at="2026-11-20T12:00")
    assert state_of(home.state).troubles == ()


def test_nothing_that_anybody_wrote_is_kept(home: Home) -> None:
    word = "secret"
    told = Thread("one").head(
        cwd=f"/home/{word}/reef", git={"branch": word}, base_instructions={"text": word}
    )
    told.turn().event("user_message", message=word).item(word).record(f"resp_{word}", A)
    told.line("compacted", {"message": word, "compaction_response_id": f"resp_{word}_2"}).write(home.path)
    home.told()
    for path in home.state.iterdir():
        assert word.encode() not in path.read_bytes()


def test_nothing_below_a_home_is_touched(home: Home) -> None:
    Folder(home.path, 3, plan()).fill(60_000)
    (home.path / "history.jsonl").write_text('{"text":"secret words"}\n')

    def seen() -> list[tuple[str, int, int]]:
        return sorted(
            (str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in home.path.rglob("*")
        )

    before = seen()
    home.told()
    assert seen() == before


def test_a_line_of_two_hundred_megabytes_is_passed_over_in_little_memory(home: Home) -> None:
    made = Thread("one").head().turn().counter(A)
    path = made.write(home.path)
    with path.open("r+b") as out:
        out.seek(0, os.SEEK_END)
        out.write(b'{"timestamp":"2026-11-20T10:00:09.000Z","type":"compacted","payload":{"message":"')
        # nothing is written between: the disk holds no such line
        out.seek(200_000_000, os.SEEK_CUR)
        out.write(b'"}}\n')
        rest = Thread("one", made.now).model().counter(plus(A, B), B)
        out.write(rest.content())
    # what the system tells of a child holds its parent's memory as well
    script = (
        "import sys; from pathlib import Path; from poolwatch.sessions.__main__ import main;"
        "code = main(sys.argv[1:]);"
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]); sys.exit(code)"
    )
    order = [sys.executable, "-c", script, *scan_command(home.state, [home.path])[3:]]
    ended = subprocess.run(order, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert int(ended.stdout) < 80_000
    assert told_by(home.state) == used(A, B)
