from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody, Secret
from poolwatch.domain.failure import Failure
from poolwatch.net.client import HttpClient
from poolwatch.sources.pools.keys import ConfiguredSecret, SecretKind
from poolwatch.sources.source import SourceSetup
from poolwatch.words.messages import failure_text
from tests.sources.pools.making import words


def setup(
    home: Path, file: str | None = None, variable: str | None = None, env: Mapping[str, str] | None = None
) -> SourceSetup:
    settings = SourceSettings(
        SourceKind.CODEX_LB,
        "lb",
        Custody.POOL,
        api_key_file=file,
        api_key_env=variable,
        dashboard_password_file=file,
        dashboard_password_env=variable,
    )
    return SourceSetup(settings, HttpClient(), home, env or {}, 5)


def key(home: Path, file: str | None = None, variable: str | None = None, **env: str) -> ConfiguredSecret:
    return ConfiguredSecret(setup(home, file, variable, env), SecretKind.KEY)


def test_the_file_comes_first_and_blanks_around_the_key_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "pool.key").write_bytes(b"\xef\xbb\xbf  sk-of-the-file \r\n")
    both = setup(tmp_path, "~/pool.key", "POOL_KEY", {"POOL_KEY": "sk-of-the-environment"})
    for each in (ConfiguredSecret(both, SecretKind.KEY), ConfiguredSecret(both, SecretKind.PASSWORD)):
        assert (each.read(), each.place) == (Secret("sk-of-the-file"), "~/pool.key")


def test_the_environment_comes_second(tmp_path: Path) -> None:
    named = setup(tmp_path, None, "POOL_KEY", {"POOL_KEY": " sk-1\n"})
    for each in (ConfiguredSecret(named, SecretKind.KEY), ConfiguredSecret(named, SecretKind.PASSWORD)):
        assert (each.read(), each.place) == (Secret("sk-1"), "$POOL_KEY")
    missing = key(tmp_path, None, "POOL_KEY").read()
    assert isinstance(missing, Failure)
    assert "$POOL_KEY" in failure_text(missing)


def test_nothing_configured_is_no_failure(tmp_path: Path) -> None:
    none = key(tmp_path, POOL_KEY="x")
    assert (none.read(), none.place, none.warning(), none.stamp()) == (None, None, None, None)


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
    found = key(tmp_path, str(tmp_path / "pool.key"), "POOL_KEY", POOL_KEY="sk-other").read()
    assert isinstance(found, Failure)
    assert said in failure_text(found)
    assert "~/pool.key" in failure_text(found)
    assert "secr" not in f"{found!r}"
    assert "other" not in f"{found!r}"


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pool.key")
    found = key(tmp_path, "~/pool.key").read()
    assert isinstance(found, Failure)
    assert "not a regular file" in failure_text(found)


@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_key_that_others_can_open_is_warned_of(tmp_path: Path, mode: int, warns: bool) -> None:
    path = tmp_path / "pool.key"
    path.write_text("sk-1")
    path.chmod(mode)
    line = words(key(tmp_path, "~/pool.key").warning())
    assert bool(line) == warns
    if warns:
        assert f"mode {mode:04o}" in line
        assert "chmod 600 ~/pool.key" in line


def test_the_stamp_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "pool.key"
    stamps = [key(tmp_path, "~/pool.key").stamp()]
    for content in ("sk-1", "sk-22"):
        path.write_text(content)
        stamps.append(key(tmp_path, "~/pool.key").stamp())
    assert len(set(stamps)) == 3
