"""The own folder: what comes in stays private and whole, what goes out is moved and never lost."""

from __future__ import annotations

import json
import os
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from poolwatch.custody.login_file import Login, read_login
from poolwatch.custody.own_folder import (
    ASIDE,
    Imported,
    Refused,
    aside_name,
    import_logins,
    move_away,
    own_files,
    own_logins,
    set_aside,
)
from poolwatch.custody.state_dir import Fingerprinter, StateDir, account_key, unmarked
from poolwatch.domain.account import AccountKey, Secret
from poolwatch.domain.message import message
from poolwatch.host.files import FileProblem
from poolwatch.host.locks import held
from poolwatch.words.messages import file_text, message_text
from tests.custody.rooms import codex_document, write_json
from tests.support.token_server import CANARY, claims_of, make_jwt

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
ANN = AccountKey("codex", "user-Ann", "acc-1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "logins"


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path / "state")


def import_all(source: Path, folder: Path, now: datetime) -> tuple[Imported | Refused, ...] | FileProblem:
    state = StateDir(folder.parent.parent / "state")
    fingerprint = Fingerprinter.from_state_dir(state.root)
    assert isinstance(fingerprint, Fingerprinter)
    return import_logins(source, folder, state, fingerprint, now)


def taken(source: Path, folder: Path) -> list[Imported]:
    found = import_all(source, folder, NOW)
    assert not isinstance(found, FileProblem), file_text(found)
    assert all(isinstance(each, Imported) for each in found), found
    return [each for each in found if isinstance(each, Imported)]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_login_comes_in_private_and_the_source_stays_as_it_was(tmp_path: Path, folder: Path) -> None:
    source = write_json(tmp_path / "auth.json", codex_document())
    before, stamp = source.read_bytes(), source.stat().st_mtime_ns
    old = os.umask(0)
    try:
        [one] = taken(source, folder)
    finally:
        os.umask(old)
    assert (source.read_bytes(), source.stat().st_mtime_ns) == (before, stamp)
    assert one.file == folder / f"{ANN.id}.json"
    assert (one.id, one.email, one.plan, one.blocked) == (ANN.id, "ann@example.com", "plus", None)
    assert (mode(one.file), mode(folder), mode(folder.parent)) == (0o600, 0o700, 0o700)
    login = read_login(one.file, unmarked)
    original = read_login(source, unmarked)
    assert isinstance(login, Login)
    assert isinstance(original, Login)
    assert (login.access, login.refresh, login.id_token) == (
        original.access,
        original.refresh,
        original.id_token,
    )
    assert own_files(folder) == (one.file,)
    assert CANARY not in repr(one)


def test_a_folder_that_is_open_to_others_is_closed_and_what_is_above_it_is_left(
    tmp_path: Path, folder: Path
) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    taken(write_json(tmp_path / "auth.json", codex_document()), folder)
    assert (mode(folder), mode(folder.parent)) == (0o700, 0o755)


def test_an_account_that_is_there_is_refused_by_identity_even_with_other_tokens(
    tmp_path: Path, folder: Path
) -> None:
    [one] = taken(write_json(tmp_path / "a.json", codex_document()), folder)
    before = one.file.read_bytes()
    again = import_all(write_json(tmp_path / "b.json", codex_document("rt_other_1")), folder, NOW)
    why = message("import.already_kept", path=one.file)
    assert again == (Refused("ann@example.com", why, one.file, Secret("rt_other_1")),)
    assert one.file.read_bytes() == before
    others = [
        codex_document("rt_2", user="user-Bob"),
        codex_document("rt_3", account="acc-2"),
    ]
    assert len(taken(write_json(tmp_path / "c.json", others), folder)) == 2


def test_the_same_login_twice_in_one_file_comes_in_once(tmp_path: Path, folder: Path) -> None:
    source = write_json(tmp_path / "a.json", {"accounts": [codex_document(), codex_document("rt_1")]})
    found = import_all(source, folder, NOW)
    assert not isinstance(found, FileProblem)
    assert [type(each) for each in found] == [Imported, Refused]
    assert len(own_files(folder)) == 1


def test_logins_without_ids_are_told_apart_by_their_refresh_token(tmp_path: Path, folder: Path) -> None:
    def entry(refresh: str) -> dict[str, object]:
        return {
            "token": "opaque",
            "refreshToken": refresh,
            "label": "../../ann / east",
            "email": "a@example.com",
        }

    first, second = taken(write_json(tmp_path / "a.json", [entry("rt_1"), entry("rt_2")]), folder)
    assert (first.file.name, second.file.name) == ("ann-east.json", "ann-east-2.json")
    assert first.file.parent == folder
    assert first.id is None
    [twin] = import_all(write_json(tmp_path / "b.json", [entry("rt_2")]), folder, NOW)  # type: ignore[misc] # outcomes
    assert isinstance(twin, Refused)
    assert twin.held_in == second.file


def test_nothing_is_overwritten_not_even_what_cannot_be_read(tmp_path: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    broken = folder / f"{ANN.id}.json"
    broken.write_bytes(b"{half")
    link = folder / f"{ANN.id}-2.json"
    link.symlink_to(tmp_path / "nowhere")
    [one] = taken(write_json(tmp_path / "a.json", codex_document()), folder)
    assert one.file.name == f"{ANN.id}-3.json"
    assert broken.read_bytes() == b"{half"
    assert link.is_symlink()
    assert not (tmp_path / "nowhere").exists()
    assert list(own_logins(folder)) == [one.file]


def test_many_imports_at_once_take_one_login_in_once(tmp_path: Path, folder: Path) -> None:
    source = write_json(tmp_path / "a.json", codex_document())
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(import_all(source, folder, NOW))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(own_files(folder)) == 1
    assert sum(isinstance(each, tuple) and isinstance(each[0], Imported) for each in found) == 1


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "empty", "large"])
def test_a_source_that_is_no_file_is_said_and_makes_nothing(tmp_path: Path, folder: Path, kind: str) -> None:
    source = tmp_path / "source.json"
    match kind:
        case "folder":
            source.mkdir()
        case "fifo":
            os.mkfifo(source)
        case "empty":
            source.touch()
        case "large":
            with source.open("wb") as out:
                out.truncate(33 * 1024 * 1024)
    found = import_all(source, folder, NOW)
    assert isinstance(found, FileProblem)
    assert not folder.exists()


def test_a_link_is_followed_for_reading(tmp_path: Path, folder: Path) -> None:
    real = write_json(tmp_path / "real.json", codex_document())
    link = tmp_path / "link.json"
    link.symlink_to(real)
    taken(link, folder)
    assert link.is_symlink()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    source = write_json(tmp_path / "a.json", codex_document())
    found = import_all(source, tmp_path / "data" / "logins", NOW)
    assert isinstance(found, FileProblem)
    assert "data" in file_text(found)


def test_a_place_where_nothing_is_renewed_is_said(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # no test can mount a network file system
    monkeypatch.setattr(
        "poolwatch.custody.own_folder.replace_problem",
        lambda path: FileProblem("mount.shared", path, (("kind", "nfs"),)),
    )
    [one] = taken(write_json(tmp_path / "a.json", codex_document()), folder)
    assert one.blocked is not None
    assert "shared file system (nfs)" in message_text(one.blocked)
    assert one.file.exists()


def test_what_comes_from_a_pool_export_keeps_no_key_of_the_pool(tmp_path: Path, folder: Path) -> None:
    access = make_jwt(claims_of("user-Ann", "acc-1"), "x")
    entry = {"token": access, "refreshToken": "rt_1", "proxyApiKey": "sk-pool-key", "label": "ann"}
    [one] = taken(write_json(tmp_path / "accounts.json", {"accounts": [entry]}), folder)
    assert b"sk-pool-key" not in one.file.read_bytes()
    assert json.loads(one.file.read_bytes())["tokens"]["refresh_token"] == "rt_1"


def test_setting_aside_renames_beside_and_never_over_another(tmp_path: Path) -> None:
    names = []
    for number in range(3):
        file = write_json(tmp_path / "auth.json", {"n": number})
        moved = set_aside(StateDir(tmp_path / "state"), file, NOW)
        assert isinstance(moved, Path)
        assert not file.exists()
        names.append(moved.name)
    stamp = f"auth.json{ASIDE}20261120T210000Z"
    assert names == [stamp, f"{stamp}-2", f"{stamp}-3"]
    assert [json.loads((tmp_path / name).read_bytes())["n"] for name in names] == [0, 1, 2]
    assert not any(name.endswith(".json") for name in names)


def test_of_a_link_the_link_alone_is_set_aside(tmp_path: Path) -> None:
    real = write_json(tmp_path / "real.json", codex_document())
    link = tmp_path / "auth.json"
    link.symlink_to(real)
    moved = set_aside(StateDir(tmp_path / "state"), link, NOW)
    assert isinstance(moved, Path)
    assert moved.is_symlink()
    assert real.exists()
    assert not link.is_symlink()


def test_what_is_not_there_leaves_nothing_behind(tmp_path: Path, state: StateDir) -> None:
    assert isinstance(set_aside(state, tmp_path / "gone.json", NOW), FileProblem)
    assert list(tmp_path.iterdir()) == [state.root]
    assert isinstance(set_aside(state, tmp_path / "no" / "gone.json", NOW), FileProblem)


def test_a_login_is_not_moved_while_it_is_refreshed(tmp_path: Path, state: StateDir) -> None:
    file = write_json(tmp_path / "ann.json", codex_document())
    assert state.prepare() is None
    key = account_key("user-Ann", "acc-1", file)
    state.pending(key).write_bytes(b"the only copy of the next login")
    waiting = set_aside(state, file, NOW)
    assert isinstance(waiting, FileProblem)
    assert "poolwatch refresh" in file_text(waiting)
    assert file.exists()
    assert state.pending(key).exists()
    state.pending(key).unlink()
    assert set_aside(state, file, NOW) == aside_name(file, NOW).with_name(f"ann.json{ASIDE}20261120T210000Z")


def test_a_refresh_at_work_is_said(tmp_path: Path, state: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poolwatch.custody.own_folder.PATIENCE_SECONDS", 0.0)
    file = write_json(tmp_path / "ann.json", codex_document())
    assert state.prepare() is None
    with held(state.lock(account_key("user-Ann", "acc-1", file))) as mine:
        assert mine
        found = set_aside(state, file, NOW)
    assert isinstance(found, FileProblem)
    assert "at this moment" in file_text(found)
    assert file.exists()


def test_a_removed_login_keeps_a_private_copy_under_its_name(tmp_path: Path, state: StateDir) -> None:
    copies = []
    for _ in range(2):
        file = write_json(tmp_path / "logins" / "ann.json", codex_document())
        content = file.read_bytes()
        file.chmod(0o644)
        moved = move_away(state, file, tmp_path / "removed", NOW)
        assert isinstance(moved, Path)
        assert moved.read_bytes() == content
        assert (mode(moved), mode(moved.parent)) == (0o600, 0o700)
        assert not file.exists()
        copies.append(moved.name)
    assert copies == ["ann-20261120T210000Z.json", "ann-20261120T210000Z-2.json"]


def test_a_link_is_not_removed_for_its_owner(tmp_path: Path, state: StateDir) -> None:
    real = write_json(tmp_path / "real.json", codex_document())
    link = tmp_path / "ann.json"
    link.symlink_to(real)
    found = move_away(state, link, tmp_path / "removed", NOW)
    assert isinstance(found, FileProblem)
    assert str(real) in file_text(found)
    assert link.is_symlink()


def test_a_place_that_is_taken_by_a_file_moves_nothing(tmp_path: Path, state: StateDir) -> None:
    file = write_json(tmp_path / "logins" / "ann.json", codex_document())
    (tmp_path / "removed").write_text("a file")
    assert isinstance(move_away(state, file, tmp_path / "removed", NOW), FileProblem)
    gone = move_away(state, tmp_path / "logins" / "gone.json", tmp_path / "other", NOW)
    assert isinstance(gone, FileProblem)
    assert list((tmp_path / "other").iterdir()) == []
    assert file.exists()


def test_without_a_state_directory_no_login_is_moved(tmp_path: Path, state: StateDir) -> None:
    file = write_json(tmp_path / "ann.json", codex_document())
    assert state.prepare() is None
    state.lock(account_key("user-Ann", "acc-1", file)).mkdir()
    assert isinstance(set_aside(state, file, NOW), FileProblem)
    (tmp_path / "blocked").write_text("a file")
    assert isinstance(set_aside(StateDir(tmp_path / "blocked"), file, NOW), FileProblem)
    assert file.exists()


def test_an_import_that_cannot_be_alone_takes_nothing_in(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poolwatch.custody.own_folder._PATIENCE_SECONDS", 0.0)
    source = write_json(tmp_path / "a.json", codex_document())
    folder.mkdir(parents=True)
    with held(folder / ".lock") as mine:
        assert mine
        busy = import_all(source, folder, NOW)
    assert isinstance(busy, FileProblem)
    assert "another import" in file_text(busy)
    (folder / ".lock").unlink()
    (folder / ".lock").mkdir()
    assert isinstance(import_all(source, folder, NOW), FileProblem)
    assert own_files(folder) == ()


def test_a_disk_that_cannot_be_written_refuses_and_leaves_nothing(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_json(tmp_path / "a.json", codex_document())

    def full(handle: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    # no test can fill a disk
    monkeypatch.setattr(os, "posix_fallocate", full)
    [found] = import_all(source, folder, NOW)  # type: ignore[misc] # outcomes
    assert isinstance(found, Refused)
    assert "no space left" in message_text(found.why)
    assert [path.name for path in folder.iterdir()] == [".lock"]
