"""Which files there are, whatever they are called and wherever links lead."""

from __future__ import annotations

import os
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest

from poolwatch.domain.tokens import GroupBy, UseAsked
from poolwatch.domain.values import replace
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.homes import files_in, is_gone, newest_folders, session_files, session_trees
from tests.sessions.builder import Thread, U
from tests.sessions.product import scan

_A = U(10, 1, 5)
_ALL = UseAsked(-(10**9), 10**9)


def test_names_of_any_bytes_count_their_thread_once(tmp_path: Path) -> None:
    home = Path(os.fsdecode(os.fsencode(tmp_path) + b"/h\xffome"))
    thread = Thread("one").head(cwd="/x/\u202e\x1b[31m\0y", originator="\x07", source={"custom": "x" * 9000})
    path = thread.turn("m\x1b]0;x\x07").counter(_A).write(home)
    for name in (b"\xff\xfe.jsonl", b"a\nb.jsonl", b"-rf.jsonl", "\u202e.jsonl".encode(), b".jsonl"):
        shutil.copy(path, Path(os.fsdecode(os.fsencode(path.parent) + b"/" + name)))
    broken = path.with_name("rollout-2026-11-20T10-00-00-x.jsonl.zst")
    broken.write_text("none")
    (home / "archived_sessions").mkdir()
    (home / "archived_sessions" / "sub").symlink_to(home / "sessions")
    scan(tmp_path / "state", [home])
    book = UseBook(tmp_path / "state")
    [cell] = book.cells(replace(_ALL, by=GroupBy.CLIENT))
    assert (cell.requests, cell.tokens.input) == (1, 10)
    assert len(cell.client or "") < 500
    assert [os.fsencode(place) for place, _ in book.scan_state().troubles] == [os.fsencode(broken)]
    assert book.homes() == [f"{tmp_path}/h\ufffdome"]


def test_a_folder_that_two_homes_share_is_no_homes(tmp_path: Path) -> None:
    Thread("one").head().turn().counter(_A).write(tmp_path / "shared")
    Thread("two").head().turn().counter(_A).write(tmp_path / "c")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "sessions").symlink_to(tmp_path / "shared" / "sessions")
    (tmp_path / "again").symlink_to(tmp_path / "c")
    homes = [str(tmp_path / name) for name in ("a", "b", "c", "again", "missing")]
    listing = session_files(homes)
    assert sorted(file.home for file in listing.files) == ["", str(tmp_path / "c")]
    assert listing.homes == 3
    assert len(listing.trees) == 2


def test_the_folders_of_the_last_days_come_first(tmp_path: Path) -> None:
    for day in ("2025/12/31", "2026/09/30", "2026/11/09", "2026/11/10", "2026/11/odd", "notes"):
        (tmp_path / "sessions" / day).mkdir(parents=True)
    (tmp_path / "archived_sessions").mkdir()
    sessions, archive = session_trees([str(tmp_path)])
    found = [folder.removeprefix(f"{tmp_path}/sessions/") for folder in newest_folders(sessions)]
    assert found == ["2026/11/09", "2026/11/10"]
    assert newest_folders(archive) == []


def test_what_changed_last_comes_first(tmp_path: Path) -> None:
    for number, name in enumerate(("old", "new", "middle")):
        path = Thread(name).head().turn().counter(_A).write(tmp_path)
        os.utime(path, (100 * (number % 2) + number,) * 2)
    assert [file.mtime_ns // 10**9 for file in session_files([str(tmp_path)]).files] == [101, 2, 0]


def test_what_people_typed_is_not_opened_wherever_links_lead(tmp_path: Path) -> None:
    path = Thread("one").head().turn().counter(_A).write(tmp_path)
    for name in ("history.jsonl", "session_index.jsonl"):
        (tmp_path / name).write_text("{}\n")
    (tmp_path / "sessions" / "up").symlink_to("..")
    path.with_name("rollout-x.jsonl").symlink_to(tmp_path / "history.jsonl")
    assert [file.path for file in session_files([str(tmp_path)]).files] == [str(path)]
    [tree] = session_trees([str(tmp_path)])
    assert [file.path for file in files_in(str(path.parent), tree)] == [str(path)]


@pytest.mark.parametrize("second", [-(10**12), 10**12])
def test_a_file_may_be_of_any_year(tmp_path: Path, second: int) -> None:
    path = Thread("one").head().turn().counter(_A).write(tmp_path / "home")
    # a file system takes as much of it as it can
    os.utime(path, (second, second))
    scan(tmp_path / "state", [tmp_path / "home"])
    assert [cell.requests for cell in UseBook(tmp_path / "state").cells(_ALL)] == [1]


def test_a_home_that_nobody_may_see_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    Thread("one").head().turn().counter(_A).write(tmp_path / "home")
    # the system refuses to tell what is there, as it does of folders of others
    (tmp_path / "loop").symlink_to("loop")
    odd = [tmp_path / "loop", tmp_path / ("x" * 300)]
    scan(tmp_path / "state", [tmp_path / "home", *odd])
    state = UseBook(tmp_path / "state").scan_state()
    assert (state.files, state.homes) == (1, 1)
    unread = {f"{home}/{name}" for home in odd for name in ("sessions", "archived_sessions")}
    assert {path for path, _ in state.troubles} == unread
    assert [is_gone(str(path)) for path in (*odd, tmp_path / "home", tmp_path / "none")] == [
        *(False, False, False),
        True,
    ]


def test_a_folder_that_lists_files_nobody_may_see_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Thread("one").head().turn().counter(_A).write(tmp_path)

    class Unseen:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name, self.path = entry.name, entry.path
            self.is_symlink, self.is_dir = entry.is_symlink, entry.is_dir

        def stat(self) -> os.stat_result:
            raise PermissionError(13, "")

    def listed(folder: str) -> nullcontext[list[Unseen]]:
        with scandir(folder) as entries:
            return nullcontext([Unseen(entry) for entry in entries])

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", listed)
    listing = session_files([str(tmp_path)])
    assert (listing.files, listing.unreadable) == ([], [str(path.parent)])
