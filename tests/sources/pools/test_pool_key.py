from __future__ import annotations

import os
from pathlib import Path

import pytest

from poolwatch.config.settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody, Secret
from poolwatch.domain.failure import Failure
from poolwatch.sources.pools.keys import (
    key_place,
    key_stamps,
    key_warnings,
    password_place,
    read_key,
    read_password,
)
from poolwatch.words.messages import failure_text


def settings(file: str | None = None, variable: str | None = None) -> SourceSettings:
    return SourceSettings(
        SourceKind.CODEX_LB,
        "lb",
        Custody.POOL,
        api_key_file=file,
        api_key_env=variable,
        dashboard_password_file=file,
        dashboard_password_env=variable,
    )


def test_the_file_comes_first_and_blanks_around_the_key_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "pool.key").write_bytes(b"\xef\xbb\xbf  sk-of-the-file \r\n")
    both = settings("~/pool.key", "POOL_KEY")
    assert read_key(both, {"POOL_KEY": "sk-of-the-environment"}, tmp_path) == Secret("sk-of-the-file")
    assert key_place(both, tmp_path) == "~/pool.key"
    assert read_password(both, {}, tmp_path) == Secret("sk-of-the-file")


def test_the_environment_comes_second(tmp_path: Path) -> None:
    named = settings(None, "POOL_KEY")
    assert read_key(named, {"POOL_KEY": " sk-1\n"}, tmp_path) == Secret("sk-1")
    assert key_place(named, tmp_path) == password_place(named, tmp_path) == "$POOL_KEY"
    missing = read_key(named, {}, tmp_path)
    assert isinstance(missing, Failure)
    assert "$POOL_KEY" in failure_text(missing)


def test_nothing_configured_is_no_failure(tmp_path: Path) -> None:
    assert read_key(settings(), {"POOL_KEY": "x"}, tmp_path) is None
    assert key_place(settings(), tmp_path) is None
    assert key_warnings(settings(), tmp_path) == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is not there"),
        (b" \n", "is empty"),
        (b"sk-secret-one\nsk-secret-two\n", "more than one line"),
        (b"sk-secr\x00et", "more than one line"),
        ("sk-gehéim".encode(), "cannot be sent"),
        (b"sk-secret" * 10_000, "larger than"),
    ],
)
def test_a_file_without_a_usable_key_is_told_without_its_content(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "pool.key").write_bytes(content)
    found = read_key(settings(str(tmp_path / "pool.key"), "POOL_KEY"), {"POOL_KEY": "sk-other"}, tmp_path)
    assert isinstance(found, Failure)
    assert said in failure_text(found)
    assert "~/pool.key" in failure_text(found)
    assert "secr" not in f"{found!r}"
    assert "other" not in f"{found!r}"


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pool.key")
    found = read_key(settings("~/pool.key"), {}, tmp_path)
    assert isinstance(found, Failure)
    assert "not a regular file" in failure_text(found)


@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_key_that_others_can_open_is_warned_of(tmp_path: Path, mode: int, warns: bool) -> None:
    path = tmp_path / "pool.key"
    path.write_text("sk-1")
    path.chmod(mode)
    lines = key_warnings(settings("~/pool.key"), tmp_path)
    assert bool(lines) == warns
    if warns:
        assert f"mode {mode:04o}" in lines[0]
        assert "chmod 600 ~/pool.key" in lines[0]


def test_the_stamp_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "pool.key"
    stamps = [key_stamps(settings("~/pool.key"), tmp_path)]
    for content in ("sk-1", "sk-22"):
        path.write_text(content)
        stamps.append(key_stamps(settings("~/pool.key"), tmp_path))
    assert len(set(stamps)) == 3
