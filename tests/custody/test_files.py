from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from poolwatch.custody.login_writer import replace_problem
from poolwatch.custody.state_dir import KEY_FILE, Fingerprinter
from poolwatch.domain.account import Secret
from poolwatch.host.files import (
    Content,
    FileProblem,
    Reservation,
    make_private_directory,
    read_bounded,
    write_export,
    write_whole,
)
from poolwatch.host.locks import held
from poolwatch.host.mounts import shared_problem, unknown_problem
from poolwatch.words.messages import file_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir(mode=0o700)
    return made


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 300_000])
def test_a_file_is_read_whole_up_to_its_cap(folder: Path, size: int) -> None:
    path, content = folder / "login.json", os.urandom(size)
    path.write_bytes(content)
    found = read_bounded(path, cap=size)
    assert isinstance(found, Content)
    assert found.content == content
    if size:
        assert read_bounded(path, cap=size - 1) == FileProblem(
            "file.too_large", path, (("kib", str((size - 1) // 1024)),)
        )


def test_an_export_is_private_and_whole_and_goes_through_no_link(folder: Path) -> None:
    path, link, real = folder / "out.csv", folder / "link", folder / "real"
    path.write_bytes(b"old and longer")
    path.chmod(0o644)
    assert write_export(path, (b"n", b"ew")) is None
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)
    real.write_bytes(b"mine")
    link.symlink_to(real)
    os.mkfifo(folder / "pipe")
    for odd in (link, folder, folder / "pipe"):
        assert write_export(odd, (b"n", b"ew")) == FileProblem("file.irregular", odd)
    assert (link.is_symlink(), real.read_bytes()) == (True, b"mine")
    assert write_export(folder / ("x" * 250), (b"n", b"ew")) is None
    there = sorted(each.name for each in folder.iterdir())
    problem = write_export(folder / "gone" / "out.csv", (b"n", b"ew"))
    assert problem is not None
    assert problem.code == "file.unwritable"
    assert sorted(each.name for each in folder.iterdir()) == there


def test_a_private_file_replaces_through_a_link(folder: Path) -> None:
    real, link = folder / "real", folder / "link"
    real.write_bytes(b"old")
    real.chmod(0o644)
    link.symlink_to(real)
    old = os.umask(0)
    try:
        assert write_whole(link, b"new") is None
    finally:
        os.umask(old)
    assert (link.is_symlink(), real.read_bytes()) == (True, b"new")
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["link", "real"]


def test_a_file_that_cannot_be_written_is_said_and_leaves_nothing(folder: Path) -> None:
    (folder / "dir").mkdir()
    problem = write_whole(folder / "dir", b"new")
    assert problem is not None
    assert str(folder / "dir") in file_text(problem)
    assert [path.name for path in folder.iterdir()] == ["dir"]
    assert write_whole(folder / "dir" / "." / "none", b"new") is None


def test_a_reservation_takes_its_space_before_it_is_needed(folder: Path) -> None:
    space = Reservation(folder / "tmp", 65_536)
    assert (folder / "tmp").stat().st_blocks * 512 >= 65_536
    space.fill(b"content")
    space.become(folder / "target")
    assert (folder / "target").read_bytes() == b"content"
    space.discard()
    assert [path.name for path in folder.iterdir()] == ["target"]


def test_a_reservation_that_is_not_needed_vanishes(folder: Path) -> None:
    (folder / "tmp").write_bytes(b"of a killed process")
    space = Reservation(folder / "tmp", 10)
    space.discard()
    space.discard()
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_found_by_the_reservation(folder: Path) -> None:
    # no disk has that much room
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the number of it is checked below
        Reservation(folder / "tmp", 1 << 50)
    assert caught.value.errno in (errno.ENOSPC, errno.EFBIG)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda file: os.link(file, file.with_name("twin")), "hard links"),
        (lambda file: file.parent.chmod(0o777), "writable by others"),
        (lambda file: file.parent.chmod(0o720), "writable by others"),
        (lambda file: file.unlink(), "no such file"),
        (lambda file: (file.unlink(), file.mkdir()), "not a regular file"),
        (lambda file: (file.rename(file.with_name("x")), file.symlink_to("x")), "symbolic links"),
    ],
)
def test_files_that_are_not_replaced(folder: Path, spoil: object, words: str) -> None:
    file = folder / "auth.json"
    file.write_bytes(b"{}")
    assert replace_problem(file) is None
    assert callable(spoil)
    spoil(file)
    problem = replace_problem(file)
    assert problem is not None
    assert words in file_text(problem)


def test_a_sticky_folder_is_as_good_as_an_own_one(folder: Path) -> None:
    (folder / "auth.json").write_bytes(b"{}")
    folder.chmod(0o1777)
    assert replace_problem(folder / "auth.json") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_not_replaced(folder: Path) -> None:
    file = folder / "auth.json"
    file.write_bytes(b"{}")
    os.chown(file, 12345, 12345)
    problem = replace_problem(file)
    assert problem is not None
    assert "another user" in file_text(problem)
    os.chown(folder, 12345, 12345)
    assert make_private_directory(folder) is not None


MOUNTS = """22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:40 / {tmp}/nfs rw - nfs4 server:/x rw
31 30 0:41 / {tmp}/nfs/local rw master:3 - tmpfs tmpfs rw
32 22 0:42 / {tmp}/with\\040blank rw - fuse.sshfs host: rw
33 22 0:43 / {tmp}/twice rw - ext4 /dev/x rw
34 22 0:44 / {tmp}/twice rw - cifs //s/x rw
35 22 0:45 / {tmp}/new rw - newfs /dev/y rw
a torn line
"""
#: A chroot into a folder of some mount: the mounts above it are not told of.
ELSEWHERE = "30 22 0:40 / /proc rw - proc proc rw\n"


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS.format(tmp=tmp_path))
    return table


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("file", None),
        ("nfs/file", "nfs4"),
        ("nfsx/file", None),
        ("nfs/local/file", None),
        ("with blank/file", "fuse.sshfs"),
        ("twice/file", "cifs"),
        ("new/file", None),
    ],
)
def test_shared_file_systems_are_refused(tmp_path: Path, mounts: Path, place: str, kind: str | None) -> None:
    problem = shared_problem(tmp_path / place, mounts)
    target = tmp_path / place
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o700)
    target.write_bytes(b"{}")
    if kind is None:
        assert problem is None
        assert replace_problem(target, mounts) is None
    else:
        assert problem is not None
        assert f"({kind})" in file_text(problem)
        assert replace_problem(target, mounts) == problem
        assert unknown_problem(target, mounts) is None


@pytest.mark.parametrize(
    "kind",
    [
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "gpfs", "beegfs"),
        *("afs", "ocfs2", "gfs2", "virtiofs", "fuse.sshfs", "fuse.glusterfs", "fuse.rclone"),
    ],
)
def test_kinds_that_are_known_to_be_shared(tmp_path: Path, kind: str) -> None:
    (tmp_path / "table").write_text(f"22 1 0:1 / / rw - {kind} somewhere rw\n")
    problem = shared_problem(tmp_path, tmp_path / "table")
    assert problem is not None
    assert file_text(problem) == (
        f"{tmp_path} is on a shared file system ({kind}), whose locks do not hold everywhere: "
        "move it to a local disk"
    )


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "that no mount lists"),
        (ELSEWHERE, "that no mount lists"),
        (None, "that no mount lists"),
        ("22 1 0:1 / / rw - newfs x rw\n", "of a kind that poolwatch does not know (newfs)"),
        ("22 1 0:1 / / rw - fuse.new x rw\n", "of a kind that poolwatch does not know (fuse.new)"),
    ],
)
def test_an_unknown_file_system_passes_with_a_note(folder: Path, table: str | None, words: str) -> None:
    (folder / "auth.json").write_bytes(b"{}")
    if table is not None:
        (folder / "table").write_text(table)
    assert replace_problem(folder / "auth.json", folder / "table") is None
    note = unknown_problem(folder, folder / "table")
    assert note is not None
    assert file_text(note) == f"{folder} is on a file system {words}; logins there are refreshed"


def test_a_local_disk_needs_no_note(tmp_path: Path, mounts: Path) -> None:
    assert unknown_problem(tmp_path / "file", mounts) is None
    assert unknown_problem(tmp_path / "nfs" / "local", mounts) is None


def test_fingerprints_are_keyed_stable_and_short(tmp_path: Path) -> None:
    first = Fingerprinter.from_state_dir(tmp_path / "state")
    second = Fingerprinter.from_state_dir(tmp_path / "state")
    other = Fingerprinter.from_state_dir(tmp_path / "other")
    assert isinstance(first, Fingerprinter)
    assert isinstance(second, Fingerprinter)
    assert isinstance(other, Fingerprinter)
    mark = first(Secret("token"))
    assert mark == second(Secret("token")) != other(Secret("token"))
    assert mark != first(Secret("tokem"))
    assert (len(mark), set(mark) <= set("0123456789abcdef")) == (12, True)
    assert first(Secret("\udc80")) != mark
    key = tmp_path / "state" / KEY_FILE
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert [path.name for path in key.parent.iterdir()] == [KEY_FILE]


def test_many_first_starts_agree_on_one_key(tmp_path: Path) -> None:
    def mark(_: int) -> str:
        made = Fingerprinter.from_state_dir(tmp_path / "state")
        assert isinstance(made, Fingerprinter)
        return made(Secret("token"))

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(mark, range(32)))) == 1


def test_a_damaged_key_is_said(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"short")
    found = Fingerprinter.from_state_dir(tmp_path)
    assert isinstance(found, FileProblem)
    assert str(tmp_path / KEY_FILE) in file_text(found)


def test_a_key_that_is_no_file_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / KEY_FILE)
    found = Fingerprinter.from_state_dir(tmp_path)
    assert found == FileProblem("file.in_the_way", tmp_path / KEY_FILE)


def test_a_lock_belongs_to_one_process_and_ends_with_it(folder: Path) -> None:
    path = folder / "a.lock"
    code = (
        "import sys, pathlib\nfrom poolwatch.host.locks import held\n"
        "with held(pathlib.Path(sys.argv[1])) as mine:\n    print(mine, flush=True)\n    sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"True\n"
        with held(path, patience_seconds=0) as mine:
            assert not mine
        other.kill()
    with held(path, patience_seconds=5) as mine:
        assert mine
    assert path.exists()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_lock_is_no_link(folder: Path) -> None:
    (folder / "a.lock").symlink_to(folder / "target")
    with pytest.raises(OSError, match=r"a\.lock"), held(folder / "a.lock"):
        pass
    assert not (folder / "target").exists()
