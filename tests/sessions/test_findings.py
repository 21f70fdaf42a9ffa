"""`doctor` names the session files that could not be read, and says how the others stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.cli.finding import Grade
from poolwatch.cli.usage import use_findings
from poolwatch.sessions.tables import FILE_NAME
from tests.sessions.builder import Thread, U
from tests.sessions.product import scan

_A, _B = U(10, 1, 5), U(20, 2, 7)


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    env = {"HOME": str(tmp_path), "POOLWATCH_STATE_DIR": str(tmp_path / "state")}
    found = look_around(Options(), env)
    assert isinstance(found, Surroundings)
    return found


def _told(around: Surroundings) -> list[tuple[Grade, str]]:
    return [(each.grade, each.words) for each in use_findings(around)]


def test_nothing_is_said_without_session_files(around: Surroundings) -> None:
    assert _told(around) == []


def test_what_could_not_be_read_is_named(around: Surroundings, tmp_path: Path) -> None:
    home = tmp_path / ".codex"
    gone = Thread("gone").head().turn().counter(_A)
    Thread("one").head().turn().counter(_A).write(home)
    assert [grade for grade, _ in _told(around)] == [Grade.NOTE]
    cut = Thread("cut", "2026-11-21T10:00:00+00:00").head().turn().counter(_A).write(home, cold=True)
    cut.write_bytes(cut.read_bytes()[:-20])
    bad = Thread("bad", "2026-11-22T10:00:00+00:00").head().event("token_count", info=5).write(home)
    child = Thread("child", "2026-11-23T10:00:00+00:00").head(forked_from_id=gone.id).foreign(gone)
    child.counter(_B, _A).write(home)
    twice = Thread("twice", "2026-11-24T10:00:00+00:00").head().record("r1", _A).counter(_A)
    odd = twice.counter(U(90, 9, 90), U(80, 8, 85)).write(home)
    shut = home / "sessions" / "2026" / "11" / "25"
    shut.symlink_to(shut)
    scan(tmp_path / "state", [home])
    told = _told(around)
    assert told[0] == (Grade.OK, "5 session files read in 1 home")
    assert {grade for grade, _ in told[1:]} == {Grade.NOTE}
    assert [words.partition(" ")[0] for _, words in told[1:4]] == [str(cut), str(bad), str(odd)]
    assert "1 session file unverified" in told[4][1]
    assert "15 tokens are apart" in told[4][1]
    assert len(told) == 5


def test_a_damaged_book_is_an_error(around: Surroundings, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE_NAME).write_bytes(b"nothing of ours" * 100)
    assert [grade for grade, _ in _told(around)] == [Grade.ERROR]
    Thread("one").head().turn().counter(_A).write(tmp_path / ".codex")
    scan(tmp_path / "state", [tmp_path / ".codex"])
    told = _told(around)
    assert [grade for grade, _ in told] == [Grade.NOTE, Grade.OK]
    assert f"{tmp_path}/state/{FILE_NAME}.corrupt-1 was damaged" in told[0][1]
