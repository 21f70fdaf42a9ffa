"""The audit log on disk: a chain that shows what was changed, whatever kills whom, on disks that are full."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwatch.domain.audit import Act, Break, By, ChainReport, Deed, Doer, Ending, Flaw, Outcome
from poolwatch.host.files import FileProblem
from poolwatch.host.locks import held, take
from poolwatch.store import audit as audit_module
from poolwatch.store.audit import AuditLog
from poolwatch.store.audit_chain import GENESIS, LONGEST_LINE, Chain, entry_line, read_entry
from tests.store.audit_killed import CUTS

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
ANN = Doer(By.COMMAND, "ann", 4711, ssh="198.51.100.7 50222 192.0.2.1 22", sudo="bob")
DEED = Deed(Act.REFRESH, ("3f2a90b1",))


def lines(count: int) -> list[bytes]:
    """A sound chain of so many lines."""
    found: list[bytes] = []
    head = GENESIS
    for seq in range(1, count + 1):
        found.append(entry_line(seq, head, NOON + timedelta(seconds=seq), DEED, ANN))
        head = json.loads(found[-1])["hash"]
    return found


def followed(texts: Sequence[bytes], wanted: str | None = None) -> ChainReport:
    chain = Chain(wanted)
    for text in texts:
        chain.follow(text.removesuffix(b"\n"))
    return chain.report()


def report(log: AuditLog, wanted: str | None = None) -> ChainReport:
    found = log.check(wanted)
    assert isinstance(found, ChainReport)
    return found


def note(log: AuditLog, deed: Deed = DEED, of: int | None = None, ending: Ending | None = None) -> int:
    number = log.append(NOON, deed, ANN, of=of, ending=ending)
    assert isinstance(number, int)
    return number


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "state")


def test_an_act_is_two_lines_that_only_this_user_reads(log: AuditLog) -> None:
    mask = os.umask(0)
    try:
        begun = note(log, Deed(Act.IMPORT, path="/home/ann/auth.json"))
    finally:
        os.umask(mask)
    note(log, Deed(Act.IMPORT, ("3f2a90b1",), what=("x",)), begun, Ending(Outcome.DONE, ("taken:1",)))
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700
    first, last = log.entries()
    assert (first.seq, first.act, first.outcome, first.of, first.path) == (
        1,
        "import",
        None,
        None,
        "/home/ann/auth.json",
    )
    assert (first.user, first.by, first.pid, first.ssh, first.sudo) == (
        "ann",
        "command",
        4711,
        ANN.ssh,
        "bob",
    )
    assert (last.seq, last.of, last.outcome, last.codes) == (2, 1, "done", ("taken:1",))
    assert (last.accounts, last.what, last.path, last.at) == (("3f2a90b1",), ("x",), None, NOON)
    assert (first.prev_hash, last.prev_hash) == (GENESIS, first.hash)


def test_anybody_can_check_a_line_with_a_sha_256_and_a_json_of_sorted_keys(log: AuditLog) -> None:
    note(log, Deed(Act.SET_SOURCE, what=("Zoë's 池",)))
    document = json.loads(log.path.read_bytes())
    sealed = document.pop("hash")
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == sealed


def test_the_mode_is_mended_by_the_next_writer(log: AuditLog) -> None:
    note(log)
    log.path.chmod(0o644)
    note(log)
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_acts_without_an_end_are_known(log: AuditLog) -> None:
    first, second = note(log), note(log)
    note(log, of=second, ending=Ending(Outcome.DONE))
    assert report(log).unended == {first}
    # its begin could not be written
    note(log, ending=Ending(Outcome.DONE))
    assert [entry.of for entry in log.entries()] == [None, None, 2, 0]


def test_a_log_that_is_not_there_has_no_entries(log: AuditLog) -> None:
    assert report(log) == ChainReport()
    assert list(log.entries()) == []
    assert not log.path.parent.exists()


def test_a_kept_head_is_found_while_the_log_grows(log: AuditLog) -> None:
    note(log)
    kept = report(log).head
    note(log)
    assert report(log, kept).found == 1
    assert report(log, "f" * 64).found is None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_byte_of_the_log_changes_unseen(data: st.DataObject) -> None:
    texts = lines(4)
    number = data.draw(st.integers(0, 3))
    text = bytearray(texts[number].removesuffix(b"\n"))
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte not in (text[place], 10)))
    found = followed([*texts[:number], bytes(text), *texts[number + 1 :]]).broken
    assert found is not None
    assert found.line == number + 1


@pytest.mark.parametrize(
    ("change", "line", "flaw", "seq"),
    [
        (lambda each: [*each[:1], *each[2:]], 2, Flaw.UNLINKED, 3),
        (lambda each: each[1:], 1, Flaw.UNLINKED, 2),
        (lambda each: [each[0], each[0], *each[1:]], 2, Flaw.UNLINKED, 1),
        (lambda each: [each[0], each[2], each[1], each[3]], 2, Flaw.UNLINKED, 3),
        (lambda each: [each[0], b"\0" * 40, *each[2:]], 2, Flaw.UNREADABLE, None),
        (lambda each: [each[0], b"", *each[1:]], 2, Flaw.UNREADABLE, None),
        (lambda each: [each[0], b'{"seq":2}', *each[2:]], 2, Flaw.UNREADABLE, 2),
        (lambda each: [each[0], each[1].replace(b"ann", b"eve"), *each[2:]], 2, Flaw.ALTERED, 2),
        (lambda each: [each[0], each[1].replace(b",", b", ", 1), *each[2:]], 2, Flaw.ALTERED, 2),
        (
            lambda each: [each[0], entry_line(7, json.loads(each[0])["hash"], NOON, DEED, ANN)],
            2,
            Flaw.UNLINKED,
            7,
        ),
        # altered and hashed anew: the one behind it tells
        (
            lambda each: [
                each[0],
                entry_line(2, json.loads(each[0])["hash"], NOON, Deed(Act.REMOVE), ANN),
                *each[2:],
            ],
            3,
            Flaw.UNLINKED,
            3,
        ),
    ],
)  # fmt: skip
def test_the_first_entry_that_does_not_hold_is_named(
    change: Callable[[list[bytes]], Sequence[bytes]], line: int, flaw: Flaw, seq: int | None
) -> None:
    texts = change(lines(4))
    assert followed(texts).broken == Break(line, flaw, seq)
    assert followed(texts).entries == line - 1


def test_what_a_newer_poolwatch_notes_is_no_break() -> None:
    (first,) = lines(1)
    document = json.loads(first) | {"act": "top_up", "amount": "10.00"}
    document.pop("hash")
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    document["hash"] = hashlib.sha256(text.encode()).hexdigest()
    newer = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    assert followed([newer]).is_whole


@pytest.mark.parametrize(
    "number", [b"1e9", b"1.0", b"-1", b"9" * 5000, b"9" * 30, b"true", b'"1"', b"NaN", b"null"]
)
def test_no_number_of_a_line_breaks_the_reading(number: bytes) -> None:
    (first,) = lines(1)
    assert isinstance(read_entry(first.strip().replace(b'"seq":1', b'"seq":' + number)), Flaw)


@pytest.mark.parametrize("text", [rb"\ud800", rb"\u0061nn", b"a\xffn", b"[" * 100_000])
def test_no_text_of_a_line_breaks_the_reading(text: bytes) -> None:
    (first,) = lines(1)
    assert isinstance(read_entry(first.strip().replace(b"ann", text)), Flaw)
    assert isinstance(read_entry(text), Flaw)


def test_a_half_last_line_is_no_break_and_is_taken_away_by_the_next_writer(log: AuditLog) -> None:
    note(log)
    head = report(log).head
    half = b'{"act":"refresh","at":"2026-'
    log.path.write_bytes(log.path.read_bytes() + half)
    found = report(log)
    assert (found.is_whole, found.half_bytes, found.entries, found.head) == (True, len(half), 1, head)
    assert [entry.seq for entry in log.entries()] == [1]
    assert note(log) == 2
    found = report(log, head)
    assert (found.is_whole, found.half_bytes, found.closed, found.found) == (True, 0, 1, 1)
    assert [entry.torn_bytes for entry in log.entries()] == [None, len(half)]


def test_a_half_first_line_is_taken_away_too(log: AuditLog) -> None:
    log.path.parent.mkdir(mode=0o700)
    log.path.write_bytes(b'{"act"')
    assert report(log).half_bytes == 6
    assert note(log) == 1
    assert report(log).is_whole


def test_a_last_line_that_lacks_only_its_end_is_an_entry(log: AuditLog) -> None:
    note(log)
    note(log)
    log.path.write_bytes(log.path.read_bytes().removesuffix(b"\n"))
    assert (report(log).half_bytes, report(log).entries) == (0, 2)
    assert note(log) == 3
    assert (report(log).is_whole, report(log).closed, report(log).entries) == (True, 0, 3)


def test_a_whole_last_line_that_was_altered_is_not_healed_by_what_follows(log: AuditLog) -> None:
    note(log)
    note(log)
    first, last = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(first + last.replace(b"ann", b"eve"))
    assert note(log) == 2
    found = report(log)
    assert found.broken == Break(2, Flaw.ALTERED, 2)
    assert [entry.seq for entry in log.entries()] == [1, 2]


def test_what_is_longer_than_any_line_of_ours_is_left_there(log: AuditLog) -> None:
    note(log)
    log.path.write_bytes(log.path.read_bytes() + b"x" * (2 * LONGEST_LINE))
    note(log)
    assert report(log).broken == Break(2, Flaw.UNREADABLE)
    assert log.path.stat().st_size > 2 * LONGEST_LINE
    assert [entry.seq for entry in log.entries()] == [1, 2]


def test_the_last_sound_line_is_found_behind_much_that_is_none(log: AuditLog) -> None:
    note(log)
    log.path.write_bytes(log.path.read_bytes() + b"x\n" * 20_000)
    assert note(log) == 2
    assert report(log).broken == Break(2, Flaw.UNREADABLE)


def test_the_longest_texts_fit_into_a_line(log: AuditLog) -> None:
    wide = "\U0001f600"
    deed = Deed(Act.IMPORT, (wide * 500,) * 500, wide * 50_000, (wide * 500,) * 500)
    note(log, deed)
    note(log)
    assert log.path.read_bytes().index(b"\n") < LONGEST_LINE
    assert report(log).is_whole


@pytest.mark.parametrize("name", ["\ud800", "a\nb", "\x1b[2J", "\u202e", '"\\', "\x7f"])
def test_no_name_breaks_a_line(log: AuditLog, name: str) -> None:
    note(log, Deed(Act.ADD_SOURCE, (name,), name, (name,)))
    assert report(log).is_whole
    assert log.path.read_bytes().count(b"\n") == 1
    (entry,) = log.entries()
    assert "\x1b" not in entry.what[0]


def test_writers_that_are_killed_in_the_middle_of_a_line_break_nothing(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.store.audit_killed", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    seen = [line.split() for line in ran.stdout.splitlines()]
    assert [int(cut) for cut, *_ in seen] == list(CUTS)
    assert [(int(half), broken) for _, half, _, broken in seen] == [
        (0, "None"), (1, "None"), (40, "None"), (200, "None"), (0, "None")
    ]  # fmt: skip
    found = report(AuditLog(tmp_path))
    # the one that lacked only its end is an entry
    assert (found.is_whole, found.closed, found.entries) == (True, 3, 7)


@pytest.fixture
def no_larger(log: AuditLog) -> Iterator[Callable[[int], None]]:
    """A limit by which the system takes a part of a line, and then nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(more: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (log.path.stat().st_size + more, hard))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_disk_that_takes_a_part_leaves_no_half_line(
    log: AuditLog, no_larger: Callable[[int], None], room: int
) -> None:
    note(log)
    before = log.path.read_bytes()
    no_larger(room)
    problem = log.append(NOON, DEED, ANN)
    assert isinstance(problem, FileProblem)
    assert (problem.code, problem.path) == ("file.unwritable", log.path)
    assert log.path.read_bytes() == before
    no_larger(1 << 30)
    assert note(log) == 2
    assert report(log).is_whole


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_is_told_with_what_is_free_and_the_line_is_not_there(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    note(log)
    before = log.path.read_bytes()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, full)
        problem = log.append(NOON, DEED, ANN)
    assert isinstance(problem, FileProblem)
    assert problem.code == "file.no_space"
    assert log.path.read_bytes() == before


def test_a_folder_that_cannot_be_made_and_a_pipe_in_the_way_are_told(tmp_path: Path) -> None:
    (tmp_path / "path").touch()
    problem = AuditLog(tmp_path / "path").append(NOON, DEED, ANN)
    assert isinstance(problem, FileProblem)
    log = AuditLog(tmp_path / "state")
    log.path.parent.mkdir(mode=0o700)
    os.mkfifo(log.path)
    problem = log.append(NOON, DEED, ANN)
    assert isinstance(problem, FileProblem)
    assert problem.code == "file.in_the_way"
    assert isinstance(log.check(), FileProblem)


def test_a_log_that_another_process_keeps_is_not_waited_for_long(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(log)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with held(log.path):
        assert log.append(NOON, DEED, ANN) == FileProblem("file.held", log.path)
        # it can be read all the same
        assert report(log).entries == 1
    assert note(log) == 2


def test_a_log_that_is_moved_away_while_it_is_waited_for_begins_anew(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(log)
    moved = log.path.with_name("old.jsonl")

    def late(handle: int, patience: float, *, pause_seconds: float) -> bool:
        if not moved.exists():
            log.path.rename(moved)
        return take(handle, patience, pause_seconds=pause_seconds)

    monkeypatch.setattr(audit_module, "take", late)
    assert note(log) == 1
    assert moved.read_bytes().count(b"\n") == log.path.read_bytes().count(b"\n") == 1


def test_writers_on_many_threads_make_one_chain(log: AuditLog) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: note(log), range(40)))
    assert sorted(numbers) == list(range(1, 41))
    assert (report(log).is_whole, report(log).entries) == (True, 40)
