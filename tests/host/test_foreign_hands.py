"""Whether another user can change a file: its owner, its permissions, its folder, both ends of a link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from poolwatch.host.files import FileProblem, in_foreign_hands

SOMEBODY = 65_534


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "poolwatch"
    folder.mkdir(mode=0o755)
    path = folder / "config.toml"
    path.write_text("")
    path.chmod(0o644)
    return path


def refused(path: Path) -> tuple[str, Path] | None:
    found = in_foreign_hands(path)
    return None if found is None else (found.code, found.path)


def test_what_is_ours_and_closed_to_writes_is_trusted(file: Path) -> None:
    assert refused(file) is None


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_write_is_not(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert refused(file) == ("file.writable_by_others", file)


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
def test_nor_is_one_in_a_folder_in_which_others_put_another(file: Path, mode: int) -> None:
    file.parent.chmod(mode)
    assert refused(file) == ("file.writable_by_others", file.parent)
    # as in /tmp
    file.parent.chmod(mode | 0o1000)
    assert refused(file) is None


def test_of_a_link_both_ends_count(file: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "links"
    elsewhere.mkdir(mode=0o755)
    link = elsewhere / "config.toml"
    link.symlink_to(file)
    assert refused(link) is None
    elsewhere.chmod(0o777)
    assert refused(link) == ("file.writable_by_others", elsewhere)
    elsewhere.chmod(0o755)
    file.parent.chmod(0o777)
    assert refused(link) == ("file.writable_by_others", file.parent)
    file.parent.chmod(0o755)
    file.chmod(0o666)
    assert refused(link) == ("file.writable_by_others", file)


def test_one_that_is_not_there_is_missing(file: Path) -> None:
    file.unlink()
    found = in_foreign_hands(file)
    assert isinstance(found, FileProblem)
    assert found.is_missing


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_another_user_is_not_trusted(file: Path) -> None:
    os.chown(file, SOMEBODY, SOMEBODY)
    assert refused(file) == ("file.not_ours", file)
    os.chown(file, 0, 0)
    os.chown(file.parent, SOMEBODY, SOMEBODY)
    assert refused(file) == ("file.not_ours", file.parent)
